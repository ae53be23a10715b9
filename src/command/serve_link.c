/* The secret between our signer and our auth, when nobody configured one: made once, from the
 * kernel's randomness, in a file that only its owner can read. */
#include "command/serve.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_LEN = 32, TEXT_LEN_MAX = 64 };

static const char LINK_NAME[] = "signer-to-server.vouch.";
static const uint8_t CATALOG_OCTETS[] = "\5zones\020signer-to-server\5vouch";

const struct name SERVE_CATALOG = {CATALOG_OCTETS, sizeof CATALOG_OCTETS, 3};

static enum status write_secret(int descriptor)
{
    uint8_t secret[SECRET_LEN];
    char text[TEXT_LEN_MAX];
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
        return IO_FAILED;
    }
    struct writer base64 = writer_over(text, sizeof text);
    text_write_base64(&base64, span_of(secret, sizeof secret));
    writer_text(&base64, "\n");
    bool is_written = base64.status == OK &&
                      write(descriptor, text, base64.len) == (ssize_t)base64.len &&
                      fsync(descriptor) == 0;
    secret_wipe(secret, sizeof secret);
    secret_wipe(text, sizeof text);
    return is_written ? OK : IO_FAILED;
}

/* Whole or not at all, whichever of the processes comes first: written aside, then linked. */
static enum status make_file(const char *path)
{
    char aside[SERVE_PATH_MAX + 32];
    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    int descriptor = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return IO_FAILED;
    }
    enum status status = write_secret(descriptor);
    close(descriptor);
    if (status == OK && link(aside, path) != 0 && errno != EEXIST) {
        status = IO_FAILED;
    }
    unlink(aside);
    return status;
}

static enum status find_file(const struct serve *serve, char path[SERVE_PATH_MAX],
                             struct problem *problem)
{
    const char *state = config_text(serve->config, "server", 0, "state");
    int len = snprintf(path, SERVE_PATH_MAX, "%s/link.secret", state);
    if (len < 0 || len >= SERVE_PATH_MAX) {
        return problem_set(problem, TOO_LONG, "the server's state path is too long");
    }
    if (access(path, F_OK) == 0) {
        return OK;
    }
    enum status status = file_make_folder(state, problem);
    if (status != OK) {
        return status;
    }
    return make_file(path) == OK
               ? OK
               : problem_set(problem, IO_FAILED, "cannot write %.200s: %s", path, strerror(errno));
}

enum status serve_open_link(struct serve *serve, struct problem *problem)
{
    char path[SERVE_PATH_MAX];
    if (serve->link != NULL || !serve_has_signer(serve)) {
        return OK;
    }
    struct span text;
    enum status status = find_file(serve, path, problem);
    if (status == OK) {
        status = file_read(path, TEXT_LEN_MAX, &serve->arena, &text, problem);
    }
    if (status != OK) {
        return status;
    }
    while (text.len > 0 && text.bytes[text.len - 1] <= ' ') {
        text.len--;
    }
    struct tsig_key *key = &serve->keys[serve->key_count];
    problem_place(problem, path, 0, 0);
    status = tsig_key_make(span_of_text(LINK_NAME), span_of_text("hmac-sha256"), text,
                           &serve->arena, key, problem);
    if (status == OK) {
        *problem = (struct problem){0}; /* what comes next stands elsewhere */
        serve->key_count++;
        serve->link = key;
    }
    return status;
}
