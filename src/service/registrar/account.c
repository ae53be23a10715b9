/* What is kept of secrets (digests), and how long a session lives. */
#include "service/registrar/account.h"

#include <stdio.h>
#include <string.h>

#include "core/crypto/digest.h"
#include "core/proto/mail.h"
#include "service/registrar/backoff.h"
#include "service/registrar/state.h"

static void hex_write(const uint8_t *octets, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
    text[2 * len] = '\0';
}

void account_make_secret(struct turn *turn, char text[SECRET_TEXT_SIZE])
{
    uint8_t octets[(SECRET_TEXT_SIZE - 1) / 2];
    const struct entropy *entropy = turn->registrar->options.entropy;
    entropy->fill(entropy->self, octets, sizeof octets);
    hex_write(octets, sizeof octets, text);
    secret_wipe(octets, sizeof octets);
}

enum status account_digest(struct span text, char digest[SECRET_TEXT_SIZE])
{
    uint8_t octets[DIGEST_LEN_MAX];
    enum status status = digest_make(DIGEST_SHA256, &text, 1, octets);
    hex_write(octets, (SECRET_TEXT_SIZE - 1) / 2, digest);
    return status;
}

enum status account_derive(struct span secret, const char *purpose, char derived[SECRET_TEXT_SIZE])
{
    uint8_t octets[DIGEST_LEN_MAX];
    struct span part = span_of_text(purpose);
    enum status status = digest_hmac(DIGEST_SHA256, secret, &part, 1, octets);
    hex_write(octets, (SECRET_TEXT_SIZE - 1) / 2, derived);
    return status;
}

/* Addresses are kept and compared in lower case. */
static enum status email_lower(struct turn *turn, struct span email, const char **lower)
{
    char *text = arena_text(turn->scratch, email);
    if (text == NULL || mail_check_address(email) != OK) {
        return MALFORMED;
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    }
    *lower = text;
    return OK;
}

static enum status password_encode(struct turn *turn, struct span password,
                                   char encoded[PASSWORD_ENCODED_SIZE], struct problem *problem)
{
    if (password.len < PASSWORD_LEN_MIN || password.len > PASSWORD_LEN_MAX) {
        return problem_set(problem, MALFORMED, "a password has %d to %d octets", PASSWORD_LEN_MIN,
                           PASSWORD_LEN_MAX);
    }
    uint8_t salt[16];
    const struct entropy *entropy = turn->registrar->options.entropy;
    entropy->fill(entropy->self, salt, sizeof salt);
    const struct registrar_passwords *passwords = &turn->registrar->options.passwords;
    enum status status = passwords->hash(passwords->self, password, span_of(salt, sizeof salt),
                                         encoded, PASSWORD_ENCODED_SIZE);
    return status == OK ? OK : problem_set(problem, status, "the password could not be hashed");
}

enum status account_add(struct turn *turn, struct span email, struct span password,
                        struct problem *problem)
{
    const char *lower;
    char encoded[PASSWORD_ENCODED_SIZE];
    if (email_lower(turn, email, &lower) != OK) {
        return problem_set(problem, MALFORMED, "\"%.*s\" is not a mail address",
                           (int)(email.len < 100 ? email.len : 100), (const char *)email.bytes);
    }
    enum status status = password_encode(turn, password, encoded, problem);
    if (status != OK) {
        return status;
    }
    status = RECORDS_RUN(turn->records,
                         "INSERT INTO account (id, email, password, created_s) "
                         "SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ? FROM account",
                         turn->scratch, NULL, records_words(lower), records_words(encoded),
                         records_integer(turn->now_s));
    if (status == EXISTS) {
        return problem_set(problem, EXISTS, "there is an account %s already", lower);
    }
    return status == OK ? OK : problem_set(problem, status, "the account could not be stored");
}

enum status account_find(struct turn *turn, struct span email, int64_t *account)
{
    const char *lower;
    struct records_rows rows;
    if (email_lower(turn, email, &lower) != OK) {
        return NOT_FOUND;
    }
    enum status status = RECORDS_RUN(turn->records, "SELECT id FROM account WHERE email = ?",
                                     turn->scratch, &rows, records_words(lower));
    if (status != OK || rows.count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    *account = rows.rows[0].values[0].integer;
    return OK;
}

enum status account_set_password(struct turn *turn, struct span email, struct span password,
                                 struct problem *problem)
{
    int64_t account;
    char encoded[PASSWORD_ENCODED_SIZE];
    if (account_find(turn, email, &account) != OK) {
        return problem_set(problem, NOT_FOUND, "there is no such account");
    }
    enum status status = password_encode(turn, password, encoded, problem);
    if (status != OK) {
        return status;
    }
    status = turn->records->begin(turn->records->self);
    if (status == OK) {
        status = RECORDS_RUN(turn->records, "UPDATE account SET password = ? WHERE id = ?",
                             turn->scratch, NULL, records_words(encoded), records_integer(account));
        if (status == OK) {
            /* Whoever knew the old one is signed out. */
            status = RECORDS_RUN(turn->records, "DELETE FROM session WHERE account = ?",
                                 turn->scratch, NULL, records_integer(account));
        }
        if (status == OK) {
            status = turn->records->commit(turn->records->self);
        } else {
            turn->records->rollback(turn->records->self);
        }
    }
    return status == OK ? OK : problem_set(problem, status, "the password could not be stored");
}

static bool password_fits(struct turn *turn, const struct records_rows *rows, struct span password)
{
    const struct registrar_passwords *passwords = &turn->registrar->options.passwords;
    if (rows->count == 0) {
        /* The same work for an unknown address, so that time does not tell who has an account. */
        char encoded[PASSWORD_ENCODED_SIZE];
        uint8_t salt[16] = {0};
        enum status status = passwords->hash(passwords->self, password, span_of(salt, sizeof salt),
                                             encoded, sizeof encoded);
        (void)status;
        return false;
    }
    char *encoded = arena_text(turn->scratch, rows->rows[0].values[1].bytes);
    return encoded != NULL && passwords->matches(passwords->self, password, encoded);
}

static enum status session_open(struct turn *turn, int64_t account, char token[SECRET_TEXT_SIZE])
{
    char digest[SECRET_TEXT_SIZE];
    account_make_secret(turn, token);
    enum status status = account_digest(span_of_text(token), digest);
    if (status != OK) {
        return status;
    }
    status = RECORDS_RUN(turn->records, "DELETE FROM session WHERE seen_s < ? OR created_s < ?",
                         turn->scratch, NULL, records_integer(turn->now_s - SESSION_IDLE_S),
                         records_integer(turn->now_s - SESSION_LIFE_S));
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(
        turn->records,
        "INSERT INTO session (digest, account, created_s, seen_s) VALUES (?, ?, ?, ?)",
        turn->scratch, NULL, records_words(digest), records_integer(account),
        records_integer(turn->now_s), records_integer(turn->now_s));
}

enum status account_sign_in(struct turn *turn, struct span email, struct span password,
                            struct address peer, char token[SECRET_TEXT_SIZE],
                            struct problem *problem)
{
    const char *lower = "";
    bool is_address = email_lower(turn, email, &lower) == OK;
    struct backoff_pair pair;
    int64_t wait_s;
    enum status status = backoff_name(span_of_text(lower), peer, &pair);
    if (status == OK) {
        status = backoff_wait(turn, &pair, &wait_s);
    }
    if (status == OK && wait_s > 0) {
        return problem_set(problem, BUSY, "Too many failed sign-ins. Try again in %lld second%s.",
                           (long long)wait_s, wait_s == 1 ? "" : "s");
    }
    struct records_rows rows = {0};
    if (status == OK && is_address) {
        status = RECORDS_RUN(turn->records, "SELECT id, password FROM account WHERE email = ?",
                             turn->scratch, &rows, records_words(lower));
    }
    if (status != OK) {
        return problem_set(problem, status, "Sign-in is not possible just now.");
    }
    if (password.len > PASSWORD_LEN_MAX || !password_fits(turn, &rows, password)) {
        status = backoff_fail(turn, &pair);
        return status == OK
                   ? problem_set(problem, REFUSED, "The e-mail address or the password is wrong.")
                   : problem_set(problem, status, "Sign-in is not possible just now.");
    }
    status = backoff_forgive(turn, &pair);
    if (status != OK) {
        return problem_set(problem, status, "Sign-in is not possible just now.");
    }
    status = session_open(turn, rows.rows[0].values[0].integer, token);
    return status == OK ? OK : problem_set(problem, status, "Sign-in is not possible just now.");
}

void account_visit(struct turn *turn, struct span token, struct visitor *visitor)
{
    *visitor = (struct visitor){0};
    struct records_rows rows;
    if (token.len != SECRET_TEXT_SIZE - 1 || account_digest(token, visitor->digest) != OK ||
        account_derive(token, "form", visitor->csrf) != OK) {
        return;
    }
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT s.account, s.created_s, s.seen_s, a.email FROM session s JOIN account a "
        "ON a.id = s.account WHERE s.digest = ?",
        turn->scratch, &rows, records_words(visitor->digest));
    if (status != OK || rows.count == 0) {
        return;
    }
    const struct records_value *cells = rows.rows[0].values;
    if (cells[1].integer + SESSION_LIFE_S < turn->now_s ||
        cells[2].integer + SESSION_IDLE_S < turn->now_s) {
        return;
    }
    if (cells[2].integer + 60 < turn->now_s) {
        /* Once a minute is enough; should it fail, the session merely ends sooner. */
        status = RECORDS_RUN(turn->records, "UPDATE session SET seen_s = ? WHERE digest = ?",
                             turn->scratch, NULL, records_integer(turn->now_s),
                             records_words(visitor->digest));
    }
    visitor->account = cells[0].integer;
    snprintf(visitor->email, sizeof visitor->email, "%.*s", (int)cells[3].bytes.len,
             (const char *)cells[3].bytes.bytes);
}

void account_sign_out(struct turn *turn, const struct visitor *visitor)
{
    enum status status = RECORDS_RUN(turn->records, "DELETE FROM session WHERE digest = ?",
                                     turn->scratch, NULL, records_words(visitor->digest));
    if (status != OK) {
        log_line(turn_log(turn), LOG_ERROR, "a session could not be ended: %s",
                 status_text(status));
    }
}
