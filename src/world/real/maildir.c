/* Mail as files: written below tmp/, then linked into new/ under a name that follows from the
 * Message-ID, so that the same message never stands there twice, whatever was killed when. */
#include "world/real/mail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGEST_SIZE = 32, NAME_SIZE = 2 * DIGEST_SIZE + 1, FOLDER_MODE = 0700, FILE_MODE = 0600 };

struct maildir {
    int tmp;
    int new;
    int cur;
};

static enum status folder_open(const char *path, const char *inner, int *fd,
                               struct problem *problem)
{
    char whole[PROBLEM_PLACE_MAX];
    int len = snprintf(whole, sizeof whole, "%s%s", path, inner);
    if (len < 0 || (size_t)len >= sizeof whole) {
        return problem_set(problem, TOO_LONG, "the path of the Maildir, %s, is too long", path);
    }
    if (mkdir(whole, FOLDER_MODE) != 0 && errno != EEXIST) {
        return problem_set(problem, IO_FAILED, "cannot make the Maildir folder %s: %s", whole,
                           strerror(errno));
    }
    *fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? OK
                    : problem_set(problem, IO_FAILED, "cannot open the Maildir folder %s: %s",
                                  whole, strerror(errno));
}

enum status maildir_open(const char *folder, struct maildir **opened, struct problem *problem)
{
    struct maildir *maildir = memory_take(sizeof *maildir);
    if (maildir == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for the Maildir %s", folder);
    }
    *maildir = (struct maildir){-1, -1, -1};
    int top = -1;
    enum status status = folder_open(folder, "", &top, problem);
    status = status == OK ? folder_open(folder, "/tmp", &maildir->tmp, problem) : status;
    status = status == OK ? folder_open(folder, "/new", &maildir->new, problem) : status;
    status = status == OK ? folder_open(folder, "/cur", &maildir->cur, problem) : status;
    if (top >= 0) {
        close(top);
    }
    if (status != OK) {
        maildir_close(maildir);
        return status;
    }
    *opened = maildir;
    return OK;
}

void maildir_close(struct maildir *maildir)
{
    if (maildir == NULL) {
        return;
    }
    const int descriptors[] = {maildir->tmp, maildir->new, maildir->cur};
    for (size_t i = 0; i < LEN(descriptors); i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
    memory_give_back(maildir);
}

/* Files have line ends of LF alone. */
static enum status message_convert(struct span message, struct buffer *text)
{
    uint8_t *room = buffer_room(text, message.len + 1);
    if (room == NULL) {
        return NO_MEMORY;
    }
    size_t len = 0;
    for (size_t i = 0; i < message.len; i++) {
        bool is_line_end =
            message.bytes[i] == '\r' && i + 1 < message.len && message.bytes[i + 1] == '\n';
        if (!is_line_end) {
            room[len++] = message.bytes[i];
        }
    }
    buffer_added(text, len);
    return OK;
}

static bool file_write(int folder, const char *name, struct span text)
{
    (void)unlinkat(folder, name, 0); /* what a killed process left */
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return false;
    }
    size_t at = 0;
    bool is_written = true;
    while (is_written && at < text.len) {
        ssize_t written = write(fd, text.bytes + at, text.len - at);
        is_written = written >= 0 || errno == EINTR;
        at += written > 0 ? (size_t)written : 0;
    }
    is_written = is_written && fsync(fd) == 0;
    return close(fd) == 0 && is_written;
}

/* A reader moves what it has seen to cur/ and appends its flags to the name. */
static bool reader_has(const struct maildir *maildir, const char *name)
{
    int fd = openat(maildir->cur, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *opened = fd < 0 ? NULL : fdopendir(fd);
    bool is_found = false;
    if (opened == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    for (struct dirent *entry = readdir(opened); entry != NULL && !is_found;
         entry = readdir(opened)) {
        is_found = strncmp(entry->d_name, name, strlen(name)) == 0;
    }
    closedir(opened);
    return is_found;
}

static enum status message_place(struct maildir *maildir, const char *name, struct span text)
{
    struct stat found;
    if (fstatat(maildir->new, name, &found, AT_SYMLINK_NOFOLLOW) == 0 ||
        reader_has(maildir, name)) {
        return OK;
    }
    if (!file_write(maildir->tmp, name, text)) {
        return IO_FAILED;
    }
    bool is_there = linkat(maildir->tmp, name, maildir->new, name, 0) == 0 || errno == EEXIST;
    bool is_durable = is_there && fsync(maildir->new) == 0;
    (void)unlinkat(maildir->tmp, name, 0);
    return is_durable ? OK : IO_FAILED;
}

enum status maildir_deliver(struct maildir *maildir, const struct effect_mail *mail,
                            char reply[MAIL_REPLY_MAX])
{
    uint8_t digest[DIGEST_SIZE];
    char name[NAME_SIZE];
    struct buffer text = {0};
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, mail->message_id.bytes, mail->message_id.len, digest) <
            0 ||
        message_convert(mail->message, &text) != OK) {
        snprintf(reply, MAIL_REPLY_MAX, "there is no memory for the message");
        return NO_MEMORY;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        snprintf(name + 2 * i, sizeof name - 2 * i, "%02x", digest[i]);
    }
    enum status status = message_place(maildir, name, buffer_bytes(&text));
    if (status == OK) {
        snprintf(reply, MAIL_REPLY_MAX, "new/%s", name);
    } else {
        snprintf(reply, MAIL_REPLY_MAX, "cannot write the file: %s", strerror(errno));
    }
    buffer_close(&text);
    return status;
}
