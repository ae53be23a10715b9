/* How tokens are made, kept and forgotten. */
#include "service/registrar/token.h"

#include <stdio.h>
#include <string.h>

#include "service/registrar/state.h"

static const char BEARER_PREFIX[] = "vouch_";

static void access_key_make(struct turn *turn, char id[ACCESS_KEY_ID_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    memcpy(id, "AKIA", 4);
    for (size_t i = 4; i < ACCESS_KEY_ID_SIZE - 1; i++) {
        id[i] = letters[entropy_below(turn->registrar->options.entropy, 32)];
    }
    id[ACCESS_KEY_ID_SIZE - 1] = '\0';
}

/* The label as typed, without what does not print. */
static const char *label_make(struct turn *turn, struct span label)
{
    size_t len = label.len < TOKEN_LABEL_LEN_MAX ? label.len : TOKEN_LABEL_LEN_MAX;
    char *text = arena_text(turn->scratch, span_part(label, 0, len));
    for (char *at = text; at != NULL && *at != '\0'; at++) {
        *at = *at >= ' ' && *at < 0x7f ? *at : '?';
    }
    return text;
}

static enum status token_store(struct turn *turn, int64_t account, const char *label,
                               const struct token *token)
{
    char digest[SECRET_TEXT_SIZE];
    struct records *records = turn->records;
    struct records_rows rows;
    enum status status = account_digest(span_of_text(token->bearer), digest);
    if (status == OK) {
        status = records->begin(records->self);
    }
    if (status != OK) {
        return status;
    }
    status = RECORDS_RUN(records, "SELECT COUNT(*) FROM access_key WHERE account = ?",
                         turn->scratch, &rows, records_integer(account));
    if (status == OK && rows.rows[0].values[0].integer >= TOKENS_MAX) {
        status = LIMIT_REACHED;
    }
    if (status == OK) {
        status = RECORDS_RUN(
            records,
            "INSERT INTO token (digest, account, created_s, access_key) VALUES (?, ?, ?, ?)",
            turn->scratch, NULL, records_words(digest), records_integer(account),
            records_integer(turn->now_s), records_words(token->access_key));
    }
    if (status == OK) {
        status = RECORDS_RUN(records,
                             "INSERT INTO access_key (id, secret, account, created_s, label) "
                             "VALUES (?, ?, ?, ?, ?)",
                             turn->scratch, NULL, records_words(token->access_key),
                             records_words(token->secret), records_integer(account),
                             records_integer(turn->now_s), records_words(label));
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

enum status token_add(struct turn *turn, int64_t account, struct span label, struct token *token)
{
    char random[SECRET_TEXT_SIZE];
    const char *kept = label_make(turn, label);
    account_make_secret(turn, random);
    account_make_secret(turn, token->secret);
    token->secret[40] = '\0'; /* the length that AWS tools know */
    access_key_make(turn, token->access_key);
    snprintf(token->bearer, sizeof token->bearer, "%s%s", BEARER_PREFIX, random);
    return kept == NULL ? NO_MEMORY : token_store(turn, account, kept, token);
}

enum status token_list(struct turn *turn, int64_t account, struct token_row **tokens, size_t *count)
{
    struct records_rows rows;
    *count = 0;
    enum status status =
        RECORDS_RUN(turn->records,
                    "SELECT id, label, created_s, used_s FROM access_key WHERE account = ? "
                    "ORDER BY created_s, id LIMIT ?",
                    turn->scratch, &rows, records_integer(account), records_integer(1000));
    if (status != OK) {
        return status;
    }
    *tokens = arena_take_array(turn->scratch, rows.count, sizeof **tokens);
    if (*tokens == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct records_value *cells = rows.rows[i].values;
        (*tokens)[i] = (struct token_row){.id = arena_text(turn->scratch, cells[0].bytes),
                                          .label = arena_text(turn->scratch, cells[1].bytes),
                                          .created_s = cells[2].integer,
                                          .used_s = cells[3].integer};
        if ((*tokens)[i].id == NULL || (*tokens)[i].label == NULL) {
            return NO_MEMORY;
        }
    }
    *count = rows.count;
    return OK;
}

enum status token_revoke(struct turn *turn, int64_t account, struct span id)
{
    struct records *records = turn->records;
    struct records_rows rows;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status =
        RECORDS_RUN(records, "DELETE FROM access_key WHERE id = ? AND account = ? RETURNING id",
                    turn->scratch, &rows, records_text(id), records_integer(account));
    if (status == OK) {
        status = rows.count == 0 ? NOT_FOUND
                                 : RECORDS_RUN(records, "DELETE FROM token WHERE access_key = ?",
                                               turn->scratch, NULL, records_text(id));
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

void token_note_use(struct turn *turn, struct span id)
{
    enum status status =
        RECORDS_RUN(turn->records, "UPDATE access_key SET used_s = ? WHERE id = ? AND used_s < ?",
                    turn->scratch, NULL, records_integer(turn->now_s), records_text(id),
                    records_integer(turn->now_s - TOKEN_USED_EACH_S));
    if (status != OK) {
        log_line(turn_log(turn), LOG_ERROR, "the use of a token could not be stored: %s",
                 status_text(status));
    }
}

enum status token_of_bearer(struct turn *turn, struct span bearer, int64_t *account)
{
    char digest[SECRET_TEXT_SIZE];
    struct records_rows rows;
    enum status status = account_digest(bearer, digest);
    if (status == OK) {
        status =
            RECORDS_RUN(turn->records,
                        "SELECT t.account, t.access_key, k.used_s FROM token t JOIN access_key k "
                        "ON k.id = t.access_key WHERE t.digest = ?",
                        turn->scratch, &rows, records_words(digest));
    }
    if (status != OK || rows.count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    const struct records_value *cells = rows.rows[0].values;
    *account = cells[0].integer;
    if (cells[2].integer < turn->now_s - TOKEN_USED_EACH_S) {
        token_note_use(turn, cells[1].bytes);
    }
    return OK;
}

enum status token_of_access_key(struct turn *turn, struct span id, int64_t *account,
                                struct span *secret)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(turn->records, "SELECT account, secret FROM access_key WHERE id = ?",
                    turn->scratch, &rows, records_text(id));
    if (status != OK || rows.count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    *account = rows.rows[0].values[0].integer;
    *secret = rows.rows[0].values[1].bytes;
    return OK;
}
