/* What is kept of secrets (digests), how long a session lives, and how the
 * wait after failures grows. */
#include "service/registrar/account.h"

#include <stdio.h>
#include <string.h>

#include "core/crypto/digest.h"
#include "core/proto/mail.h"
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

/* A number that is never 0. */
static uint64_t who_hash(const char *kind, struct span text)
{
    uint8_t octets[DIGEST_LEN_MAX] = {0};
    const struct span parts[] = {span_of_text(kind), text};
    uint64_t who = 0;
    if (digest_make(DIGEST_SHA256, parts, LEN(parts), octets) == OK) {
        memcpy(&who, octets, sizeof who);
    }
    return who | 1;
}

static uint64_t who_of_peer(struct address peer)
{
    size_t len = peer.family == ADDRESS_IPV6 ? 7 : 4;
    return who_hash("address", span_of(peer.octets, len));
}

/* NULL when nothing is held against `who`. */
static struct backoff_entry *backoff_find(struct backoff *backoff, uint64_t who)
{
    for (size_t i = 0; i < BACKOFF_ENTRIES; i++) {
        if (backoff->entries[i].who == who) {
            return &backoff->entries[i];
        }
    }
    return NULL;
}

/* The entry of `who`, or one to use for it: free, else the one whose wait ended first. */
static struct backoff_entry *backoff_claim(struct backoff *backoff, uint64_t who)
{
    struct backoff_entry *found = backoff_find(backoff, who);
    if (found != NULL) {
        return found;
    }
    struct backoff_entry *best = &backoff->entries[0];
    for (size_t i = 1; i < BACKOFF_ENTRIES && best->who != 0; i++) {
        struct backoff_entry *entry = &backoff->entries[i];
        bool is_better = entry->who == 0 || entry->until_mono_ns < best->until_mono_ns;
        best = is_better ? entry : best;
    }
    *best = (struct backoff_entry){.who = who};
    return best;
}

static int64_t backoff_wait_s(struct turn *turn, uint64_t who)
{
    struct backoff_entry *entry = backoff_find(&turn->registrar->backoff, who);
    if (entry == NULL || entry->until_mono_ns <= turn->mono_ns) {
        return 0;
    }
    return (entry->until_mono_ns - turn->mono_ns) / MOMENT_NS_PER_S + 1;
}

/* The free tries of an address are more: many people may share it. */
static void backoff_fail(struct turn *turn, uint64_t who, uint32_t free_tries)
{
    struct backoff_entry *entry = backoff_claim(&turn->registrar->backoff, who);
    entry->failures++;
    int64_t wait_s = 0;
    if (entry->failures >= free_tries) {
        uint32_t doublings = entry->failures - free_tries;
        wait_s = doublings < 10 ? (int64_t)1 << doublings : BACKOFF_MOST_S;
        wait_s = wait_s < BACKOFF_MOST_S ? wait_s : BACKOFF_MOST_S;
    }
    entry->until_mono_ns = turn->mono_ns + wait_s * MOMENT_NS_PER_S;
}

static void backoff_forgive(struct turn *turn, uint64_t who)
{
    struct backoff_entry *entry = backoff_find(&turn->registrar->backoff, who);
    if (entry != NULL) {
        *entry = (struct backoff_entry){0};
    }
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
    uint64_t by_account = who_hash("account", span_of_text(lower));
    uint64_t by_peer = who_of_peer(peer);
    int64_t wait_s = backoff_wait_s(turn, by_account);
    int64_t wait_peer_s = backoff_wait_s(turn, by_peer);
    wait_s = wait_s > wait_peer_s ? wait_s : wait_peer_s;
    if (wait_s > 0) {
        return problem_set(problem, BUSY, "Too many failed sign-ins. Try again in %lld second%s.",
                           (long long)wait_s, wait_s == 1 ? "" : "s");
    }
    struct records_rows rows = {0};
    enum status status = OK;
    if (is_address) {
        status = RECORDS_RUN(turn->records, "SELECT id, password FROM account WHERE email = ?",
                             turn->scratch, &rows, records_words(lower));
    }
    if (status != OK) {
        return problem_set(problem, status, "Sign-in is not possible just now.");
    }
    if (password.len > PASSWORD_LEN_MAX || !password_fits(turn, &rows, password)) {
        backoff_fail(turn, by_account, BACKOFF_FREE_TRIES);
        backoff_fail(turn, by_peer, 4 * BACKOFF_FREE_TRIES);
        return problem_set(problem, REFUSED, "The e-mail address or the password is wrong.");
    }
    backoff_forgive(turn, by_account);
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
