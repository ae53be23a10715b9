/* Mail out: into a Maildir, where a file's name follows from the Message-ID so that a repetition
 * never makes a second one; or by SMTP through libcurl, a few at a time. What became of each is
 * told by an event, never from within the effect. */
#include "world/real/inside.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN_MAX = 512, STEP_MS = 20, URL_LEN_MAX = 256 };

/* A mail on its way, or one whose outcome waits to be told. */
struct delivery {
    struct delivery *next;
    uint64_t mail;
    bool is_done;
    enum status outcome;
    char reply[MAIL_REPLY_MAX];
    size_t reply_len;
    CURL *curl; /* SMTP alone */
    struct curl_slist *recipients;
    char sender[URL_LEN_MAX];
    struct buffer message;
};

struct mail {
    struct world *world;
    struct timer step;
    char folder[PATH_LEN_MAX]; /* Maildir; empty: SMTP */
    char url[URL_LEN_MAX];
    CURLM *multi;
    struct delivery *deliveries; /* in order of arrival */
    size_t count;
};

static void delivery_free(struct mail *mail, struct delivery *delivery)
{
    if (delivery->curl != NULL) {
        curl_multi_remove_handle(mail->multi, delivery->curl);
        curl_easy_cleanup(delivery->curl);
    }
    curl_slist_free_all(delivery->recipients);
    buffer_close(&delivery->message);
    memory_give_back(delivery);
    mail->count--;
}

static void delivery_end(struct delivery *delivery, enum status outcome, const char *reply)
{
    delivery->is_done = true;
    delivery->outcome = outcome;
    if (delivery->reply_len == 0) {
        delivery->reply_len =
            (size_t)snprintf(delivery->reply, sizeof delivery->reply, "%s", reply);
    }
}

/* ------------------------------------------------------------------ Maildir */

/* The Message-ID as a file name: what is not a letter, a digit or of "-_@." becomes '_'. */
static void file_name(struct span message_id, char *name, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < message_id.len && len + 1 < size; i++) {
        char octet = (char)message_id.bytes[i];
        bool is_plain = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
                        (octet >= '0' && octet <= '9') || octet == '-' || octet == '_' ||
                        octet == '@' || (octet == '.' && len > 0);
        name[len++] = is_plain ? octet : '_';
    }
    name[len] = '\0';
}

/* A reader may have moved it to cur/ with flags behind its name. */
static bool is_read(const char *folder, const char *name)
{
    char path[PATH_LEN_MAX + 8];
    snprintf(path, sizeof path, "%s/cur", folder);
    DIR *open_folder = opendir(path);
    bool is_found = false;
    size_t len = strlen(name);
    for (struct dirent *entry = open_folder == NULL ? NULL : readdir(open_folder);
         entry != NULL && !is_found; entry = readdir(open_folder)) {
        is_found = strncmp(entry->d_name, name, len) == 0 &&
                   (entry->d_name[len] == '\0' || entry->d_name[len] == ':');
    }
    if (open_folder != NULL) {
        closedir(open_folder);
    }
    return is_found;
}

static bool write_all(int fd, struct span bytes)
{
    size_t at = 0;
    while (at < bytes.len) {
        ssize_t written = write(fd, bytes.bytes + at, bytes.len - at);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0;
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_synced;
}

static enum status maildir_put(const char *folder, const struct effect_mail *effect)
{
    char name[160], temporary[PATH_LEN_MAX + 200], final[PATH_LEN_MAX + 200], new[PATH_LEN_MAX + 8];
    file_name(effect->message_id, name, sizeof name);
    snprintf(new, sizeof new, "%s/new", folder);
    snprintf(temporary, sizeof temporary, "%s/tmp/%s", folder, name);
    snprintf(final, sizeof final, "%s/new/%s", folder, name);
    if (name[0] == '\0') {
        return REFUSED;
    }
    if (access(final, F_OK) == 0 || is_read(folder, name)) {
        return OK; /* delivered before; only the word of it was lost */
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return IO_FAILED;
    }
    bool is_written = write_all(fd, effect->message);
    close(fd);
    bool is_there = is_written && (link(temporary, final) == 0 || errno == EEXIST);
    (void)unlink(temporary);
    return is_there && sync_folder(new) ? OK : IO_FAILED;
}

/* ------------------------------------------------------------------ SMTP */

static size_t give_message(char *bytes, size_t size, size_t count, void *user)
{
    struct delivery *delivery = user;
    struct span left = buffer_bytes(&delivery->message);
    size_t len = left.len < size * count ? left.len : size * count;
    if (len != 0) {
        memcpy(bytes, left.bytes, len);
        buffer_drop(&delivery->message, len);
    }
    return len;
}

/* Each line the server says; the last one stays. */
static size_t take_reply(char *bytes, size_t size, size_t count, void *user)
{
    struct delivery *delivery = user;
    size_t len = size * count;
    delivery->reply_len = len < sizeof delivery->reply ? len : sizeof delivery->reply;
    memcpy(delivery->reply, bytes, delivery->reply_len);
    while (delivery->reply_len > 0 && delivery->reply[delivery->reply_len - 1] <= ' ') {
        delivery->reply_len--;
    }
    return len;
}

static bool smtp_begin(struct mail *mail, struct delivery *delivery)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return false;
    }
    delivery->curl = curl;
    curl_easy_setopt(curl, CURLOPT_URL, mail->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAIL_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, delivery->sender);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, delivery->recipients);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_message);
    curl_easy_setopt(curl, CURLOPT_READDATA, delivery);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, delivery);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, delivery);
    return curl_multi_add_handle(mail->multi, curl) == CURLM_OK;
}

/* 5xx: never; 4xx and everything about the connection: later. */
static enum status smtp_outcome(CURL *curl, CURLcode code)
{
    long reply = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    if (code == CURLE_OK) {
        return OK;
    }
    return reply >= 500 && reply < 600        ? REFUSED
           : code == CURLE_OPERATION_TIMEDOUT ? TIMED_OUT
                                              : IO_FAILED;
}

static void smtp_step(struct mail *mail)
{
    int running, left;
    curl_multi_perform(mail->multi, &running);
    for (CURLMsg *message = curl_multi_info_read(mail->multi, &left); message != NULL;
         message = curl_multi_info_read(mail->multi, &left)) {
        struct delivery *delivery = NULL;
        if (message->msg == CURLMSG_DONE) {
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&delivery);
            delivery_end(delivery, smtp_outcome(message->easy_handle, message->data.result),
                         curl_easy_strerror(message->data.result));
        }
    }
    size_t begun = (size_t)running;
    for (struct delivery *at = mail->deliveries; at != NULL && begun < MAIL_AT_ONCE_MAX;
         at = at->next) {
        if (!at->is_done && at->curl == NULL) {
            begun++;
            if (!smtp_begin(mail, at)) {
                delivery_end(at, NO_MEMORY, "no memory for a connection");
            }
        }
    }
}

/* ------------------------------------------------------------------ both */

static void tell(struct mail *mail, struct delivery *delivery)
{
    struct event event = {.kind = EVENT_MAIL,
                          .mail = {.mail = delivery->mail,
                                   .outcome = delivery->outcome,
                                   .reply = span_of(delivery->reply, delivery->reply_len)}};
    world_deliver(mail->world, &event);
}

static void step(void *owner)
{
    struct mail *mail = owner;
    if (mail->multi != NULL) {
        smtp_step(mail);
    }
    struct delivery **at = &mail->deliveries;
    while (*at != NULL) {
        struct delivery *delivery = *at;
        if (!delivery->is_done) {
            at = &delivery->next;
            continue;
        }
        *at = delivery->next;
        tell(mail, delivery); /* may append new ones at the end of the list */
        delivery_free(mail, delivery);
        at = &mail->deliveries;
    }
    if (mail->deliveries != NULL) {
        loop_set_timer(&mail->world->loop, &mail->step, world_in_ms(STEP_MS));
    }
}

static struct delivery *delivery_add(struct mail *mail, uint64_t number)
{
    struct delivery *delivery = memory_take(sizeof *delivery);
    if (delivery == NULL) {
        return NULL;
    }
    delivery->mail = number;
    struct delivery **end = &mail->deliveries;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = delivery;
    mail->count++;
    return delivery;
}

/* Addresses go into SMTP commands: nothing that could end one may be in them. */
static bool address_is_plain(struct span address)
{
    for (size_t i = 0; i < address.len; i++) {
        uint8_t octet = address.bytes[i];
        if (octet <= ' ' || octet == 0x7f || octet == '<' || octet == '>') {
            return false;
        }
    }
    return address.len > 0 && address.len < URL_LEN_MAX;
}

static void smtp_fill(struct delivery *delivery, const struct effect_mail *effect)
{
    char recipient[URL_LEN_MAX];
    if (!address_is_plain(effect->sender) || !address_is_plain(effect->recipient)) {
        delivery_end(delivery, REFUSED, "an address is malformed");
        return;
    }
    snprintf(delivery->sender, sizeof delivery->sender, "%.*s", (int)effect->sender.len,
             (const char *)effect->sender.bytes);
    snprintf(recipient, sizeof recipient, "%.*s", (int)effect->recipient.len,
             (const char *)effect->recipient.bytes);
    delivery->recipients = curl_slist_append(NULL, recipient);
    if (delivery->recipients == NULL || buffer_append(&delivery->message, effect->message) != OK) {
        delivery_end(delivery, NO_MEMORY, "no memory for the mail");
    }
}

void mail_deliver(struct world *world, const struct effect_mail *effect)
{
    struct mail *mail = world->mail;
    require(mail != NULL); /* a service that sends mail is given a way for it */
    struct delivery *delivery =
        mail->count < MAIL_WAITING_MAX ? delivery_add(mail, effect->mail) : NULL;
    if (delivery == NULL) {
        log_line(&world->log, LOG_ERROR, "a mail could not be taken; too many are waiting");
        return; /* the service's own timer tries again */
    }
    if (mail->multi == NULL) {
        enum status outcome = maildir_put(mail->folder, effect);
        delivery_end(delivery, outcome, outcome == OK ? "delivered" : strerror(errno));
    } else {
        smtp_fill(delivery, effect);
    }
    loop_set_timer(&world->loop, &mail->step, world_in_ms(0));
}

static struct mail *mail_open(struct world *world)
{
    struct mail *mail = memory_take(sizeof *mail);
    if (mail != NULL) {
        *mail = (struct mail){.world = world, .step = {.due = step, .owner = mail}};
    }
    return mail;
}

enum status world_mail_to_maildir(struct world *world, const char *folder, struct problem *problem)
{
    static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
    struct mail *mail = mail_open(world);
    if (mail == NULL || strlen(folder) >= sizeof mail->folder) {
        memory_give_back(mail);
        return problem_set(problem, TOO_LONG, "the Maildir %.200s has too long a name", folder);
    }
    memcpy(mail->folder, folder, strlen(folder) + 1);
    for (size_t i = 0; i < LEN(parts); i++) {
        char path[PATH_LEN_MAX + 8];
        snprintf(path, sizeof path, "%s%s", folder, parts[i]);
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            memory_give_back(mail);
            return problem_set(problem, IO_FAILED, "cannot make the Maildir folder %.200s: %s",
                               path, strerror(errno));
        }
    }
    world->mail = mail;
    return OK;
}

enum status world_mail_to_smtp(struct world *world, const char *url, struct problem *problem)
{
    struct mail *mail = mail_open(world);
    if (mail == NULL || strlen(url) >= sizeof mail->url ||
        (strncmp(url, "smtp://", 7) != 0 && strncmp(url, "smtps://", 8) != 0)) {
        memory_give_back(mail);
        return problem_set(problem, BAD_ARGUMENT,
                           "%.200s is no mail server; write smtp://HOST:PORT", url);
    }
    memcpy(mail->url, url, strlen(url) + 1);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    mail->multi = curl_multi_init();
    if (mail->multi == NULL) {
        memory_give_back(mail);
        return problem_set(problem, NO_MEMORY, "there is no memory for mail");
    }
    world->mail = mail;
    return OK;
}

void mail_close(struct world *world)
{
    struct mail *mail = world->mail;
    if (mail == NULL) {
        return;
    }
    loop_stop_timer(&world->loop, &mail->step);
    while (mail->deliveries != NULL) {
        struct delivery *delivery = mail->deliveries;
        mail->deliveries = delivery->next;
        delivery_free(mail, delivery);
    }
    if (mail->multi != NULL) {
        curl_multi_cleanup(mail->multi);
    }
    memory_give_back(mail);
    world->mail = NULL;
}
