/* The operator's words: accounts, tokens, registrations, and how things stand. */
#include "service/registrar/control.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "service/registrar/metrics.h"
#include "service/registrar/state.h"
#include "service/registrar/token.h"

enum { WORDS_MAX = 2, WAIT_S = 8, LIST_MAX = 100000, LIST_SIZE = 1 << 20 };

/* The words of a line: some that are cut off, and the rest as it stands. */
struct words {
    struct span words[WORDS_MAX];
    struct span rest;
};

struct control_command {
    const char *name;
    size_t word_count; /* cut off the line */
    bool needs_rest;
    void (*run)(struct turn *turn, const struct words *words);
    const char *usage;
};

static void answer(struct turn *turn, uint64_t request, bool is_failure, const char *text)
{
    outbox_add(turn->outbox, EFFECT_CONTROL)->control = (struct effect_control){
        request, is_failure, span_of_text(text == NULL ? "no memory" : text)};
}

static void succeed(struct turn *turn, const char *text)
{
    answer(turn, turn->event->control.request, text == NULL, text);
}

static void fail(struct turn *turn, const char *text)
{
    answer(turn, turn->event->control.request, true,
           arena_print(turn->scratch, "%s\n", text == NULL ? "no memory" : text));
}

static const char *text_of(struct turn *turn, struct span span)
{
    const char *text = arena_text(turn->scratch, span);
    return text == NULL ? "" : text;
}

static void account_add_run(struct turn *turn, const struct words *words)
{
    struct problem problem = {0};
    if (account_add(turn, words->words[0], words->rest, &problem) != OK) {
        fail(turn, text_of(turn, span_of_text(problem.sentence)));
        return;
    }
    succeed(turn, arena_print(turn->scratch, "account %s added\n", text_of(turn, words->words[0])));
}

static void account_password_run(struct turn *turn, const struct words *words)
{
    struct problem problem = {0};
    if (account_set_password(turn, words->words[0], words->rest, &problem) != OK) {
        fail(turn, text_of(turn, span_of_text(problem.sentence)));
        return;
    }
    succeed(turn, "the password is changed, and all sessions of the account are ended\n");
}

static bool account_need(struct turn *turn, struct span email, int64_t *account)
{
    if (account_find(turn, email, account) == OK) {
        return true;
    }
    fail(turn, arena_print(turn->scratch, "there is no account %s", text_of(turn, email)));
    return false;
}

static void token_add_run(struct turn *turn, const struct words *words)
{
    int64_t account;
    struct token token;
    if (!account_need(turn, words->words[0], &account)) {
        return;
    }
    enum status status = token_add(turn, account, SPAN_LITERAL("made by the operator"), &token);
    if (status != OK) {
        fail(turn, status == LIMIT_REACHED ? "the account has as many tokens as it may: revoke one"
                                           : "the token could not be stored");
        return;
    }
    succeed(turn,
            arena_print(turn->scratch, "token: %s\naccess-key-id: %s\nsecret-access-key: %s\n",
                        token.bearer, token.access_key, token.secret));
}

static void token_list_run(struct turn *turn, const struct words *words)
{
    int64_t account;
    struct token_row *rows;
    size_t count;
    char *text = arena_take(turn->scratch, LIST_SIZE);
    if (!account_need(turn, words->words[0], &account)) {
        return;
    }
    if (text == NULL || token_list(turn, account, &rows, &count) != OK) {
        fail(turn, "the tokens could not be read");
        return;
    }
    struct writer writer = writer_over(text, LIST_SIZE - 1);
    for (size_t i = 0; i < count; i++) {
        writer_print(&writer, "%s made ", rows[i].id);
        text_write_rfc3339(&writer, rows[i].created_s);
        writer_text(&writer, " used ");
        if (rows[i].used_s != 0) {
            text_write_rfc3339(&writer, rows[i].used_s);
        }
        writer_print(&writer, "%s %s\n", rows[i].used_s == 0 ? "never" : "", rows[i].label);
    }
    succeed(turn, text);
}

static void token_revoke_run(struct turn *turn, const struct words *words)
{
    int64_t account;
    if (!account_need(turn, words->words[0], &account)) {
        return;
    }
    enum status status = token_revoke(turn, account, words->words[1]);
    if (status != OK) {
        fail(turn, status == NOT_FOUND ? "the account has no such token"
                                       : "the token could not be revoked");
        return;
    }
    succeed(turn, "the token is revoked\n");
}

/* Keeps the request open until the outcome, for some seconds at most. */
static void outcome_await(struct turn *turn, const char *operation, const char *what)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held *held = &turn->registrar->held[i];
        if (held->kind != HELD_NONE) {
            continue;
        }
        *held = (struct held){.kind = HELD_OUTCOME,
                              .request = turn->event->control.request,
                              .until_mono_ns = turn->mono_ns + (int64_t)WAIT_S * MOMENT_NS_PER_S};
        snprintf(held->operation, sizeof held->operation, "%s", operation);
        outbox_timer(turn->outbox, TIMER_HELD, held->until_mono_ns);
        return;
    }
    succeed(turn, arena_print(turn->scratch, "operation %s: %s is in progress\n", operation, what));
}

static void domain_register_run(struct turn *turn, const struct words *words)
{
    int64_t account;
    struct refusal refusal;
    char operation[OPERATION_ID_SIZE];
    if (!account_need(turn, words->words[1], &account)) {
        return;
    }
    struct rules_request request = {account, words->words[0], "control"};
    if (!rules_register(turn, &request, words->rest, operation, &refusal)) {
        fail(turn, text_of(turn, span_of_text(refusal.sentence)));
        return;
    }
    outcome_await(turn, operation, "the registration");
}

static void domain_nameservers_run(struct turn *turn, const struct words *words)
{
    struct refusal refusal;
    char operation[OPERATION_ID_SIZE];
    struct rules_request request = {0, words->words[0], "control"};
    if (!rules_set_hosts(turn, &request, words->rest, operation, &refusal)) {
        fail(turn, text_of(turn, span_of_text(refusal.sentence)));
        return;
    }
    outcome_await(turn, operation, "the change");
}

static void domain_list_run(struct turn *turn, const struct words *words)
{
    (void)words;
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(turn->records,
                    "SELECT d.name, a.email, (SELECT COUNT(*) FROM domain_key k WHERE k.domain = "
                    "d.name) FROM domain d JOIN account a ON a.id = d.account ORDER BY d.name "
                    "LIMIT ?",
                    turn->scratch, &rows, records_integer(LIST_MAX));
    char *text = arena_take(turn->scratch, LIST_SIZE);
    if (status != OK || text == NULL) {
        fail(turn, "the domains could not be read");
        return;
    }
    struct writer writer = writer_over(text, LIST_SIZE - 1);
    for (size_t i = 0; i < rows.count; i++) {
        const struct records_value *cells = rows.rows[i].values;
        size_t before = writer.len;
        writer_span(&writer, cells[0].bytes);
        writer_text(&writer, " ");
        writer_span(&writer, cells[1].bytes);
        writer_print(&writer, " %d\n", (int)cells[2].integer);
        if (writer.status != OK) {
            writer_rewind(&writer, before);
            break;
        }
    }
    text[writer.len] = '\0';
    succeed(turn, text);
}

static int64_t count_of(struct turn *turn, const char *sql)
{
    struct records_rows rows;
    enum status status =
        turn->records->run(turn->records->self, sql, NULL, 0, turn->scratch, &rows);
    return status == OK && rows.count == 1 ? rows.rows[0].values[0].integer : -1;
}

static void status_run(struct turn *turn, const struct words *words)
{
    (void)words;
    enum { STATUS_SIZE = 8192 };
    char *text = arena_take(turn->scratch, STATUS_SIZE);
    if (text == NULL) {
        fail(turn, "no memory");
        return;
    }
    struct writer writer = writer_over(text, STATUS_SIZE - 1);
    writer_print(&writer, "domains: %lld\noperations in progress: %lld\nmails waiting: %lld\n",
                 (long long)count_of(turn, "SELECT COUNT(*) FROM domain"),
                 (long long)count_of(turn, "SELECT COUNT(*) FROM operation WHERE is_open = 1"),
                 (long long)count_of(turn, "SELECT COUNT(*) FROM mail WHERE state = 1"));
    for (size_t i = 0; i < turn->registrar->options.registry_count; i++) {
        const struct epp_session *session = &turn->registrar->sessions[i];
        writer_print(&writer, "registry %s: %s\n", session->registry->name,
                     session_state_text(session->state));
    }
    succeed(turn, text);
}

static void stats_run(struct turn *turn, const struct words *words)
{
    (void)words;
    struct metrics metrics = metrics_in(turn->scratch);
    metrics_collect(turn, &metrics);
    size_t size = metrics_lines_len_max(&metrics);
    char *text = arena_take(turn->scratch, size + 1);
    struct writer writer = writer_over(text, text == NULL ? 0 : size);
    metrics_write_lines(&metrics, &writer);
    succeed(turn, text);
}

static void reload_run(struct turn *turn, const struct words *words)
{
    (void)words;
    if (registrar_reload(turn)) {
        succeed(turn, arena_print(turn->scratch, "read again: %zu TLDs\n",
                                  turn->registrar->policy.count));
    } else {
        fail(turn, "not read again, what counted before still does; see the log");
    }
}

static void operation_list_run(struct turn *turn, const struct words *words)
{
    (void)words;
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT id, domain, type, state, reason FROM operation ORDER BY submitted_s DESC, id "
        "LIMIT ?",
        turn->scratch, &rows, records_integer(1000));
    char *text = arena_take(turn->scratch, LIST_SIZE);
    if (status != OK || text == NULL) {
        fail(turn, "the operations could not be read");
        return;
    }
    struct writer writer = writer_over(text, LIST_SIZE - 1);
    for (size_t i = 0; i < rows.count; i++) {
        const struct records_value *cells = rows.rows[i].values;
        writer_print(&writer, "%s %s %s %s %s\n", text_of(turn, cells[0].bytes),
                     text_of(turn, cells[1].bytes),
                     operation_type_name((enum operation_type)cells[2].integer),
                     operation_state_name((enum operation_state)cells[3].integer),
                     text_of(turn, cells[4].bytes));
    }
    succeed(turn, text);
}

static const struct control_command commands[] = {
    {"account-add", 1, true, account_add_run, "account-add EMAIL PASSWORD"},
    {"account-password", 1, true, account_password_run, "account-password EMAIL PASSWORD"},
    {"token-add", 1, false, token_add_run, "token-add EMAIL"},
    {"token-list", 1, false, token_list_run, "token-list EMAIL"},
    {"token-revoke", 2, false, token_revoke_run, "token-revoke EMAIL ACCESS-KEY-ID"},
    {"domain-register", 2, true, domain_register_run,
     "domain-register NAME EMAIL NS[=ADDRESS,...] ..."},
    {"domain-nameservers", 1, true, domain_nameservers_run,
     "domain-nameservers NAME NS[=ADDRESS,...] ..."},
    {"domain-list", 0, false, domain_list_run, "domain-list"},
    {"operation-list", 0, false, operation_list_run, "operation-list"},
    {"status", 0, false, status_run, "status"},
    {"stats", 0, false, stats_run, "stats"},
    {"reload", 0, false, reload_run, "reload"},
};

static const char *usage_text(struct turn *turn)
{
    enum { USAGE_SIZE = 1024 };
    char *text = arena_take(turn->scratch, USAGE_SIZE);
    if (text == NULL) {
        return NULL;
    }
    struct writer writer = writer_over(text, USAGE_SIZE - 1);
    writer_text(&writer, "what can be asked:\n");
    for (size_t i = 0; i < LEN(commands); i++) {
        writer_print(&writer, "  %s\n", commands[i].usage);
    }
    return text;
}

static struct span word_cut(struct span *line)
{
    const uint8_t *blank = line->len == 0 ? NULL : memchr(line->bytes, ' ', line->len);
    size_t len = blank == NULL ? line->len : (size_t)(blank - line->bytes);
    struct span word = span_part(*line, 0, len);
    size_t next = len < line->len ? len + 1 : len;
    *line = span_part(*line, next, line->len - next);
    return word;
}

void control_take(struct turn *turn)
{
    struct span line = turn->event->control.line;
    struct span name = word_cut(&line);
    for (size_t i = 0; i < LEN(commands); i++) {
        if (!span_equal(name, span_of_text(commands[i].name))) {
            continue;
        }
        struct words words = {0};
        for (size_t k = 0; k < commands[i].word_count; k++) {
            words.words[k] = word_cut(&line);
        }
        words.rest = line;
        size_t count = commands[i].word_count;
        bool is_whole = (count == 0 || words.words[count - 1].len > 0) &&
                        (line.len > 0) == commands[i].needs_rest;
        if (is_whole) {
            commands[i].run(turn, &words);
        } else {
            fail(turn, arena_print(turn->scratch, "usage: %s", commands[i].usage));
        }
        return;
    }
    bool is_help = span_equal(name, SPAN_LITERAL("help"));
    answer(turn, turn->event->control.request, !is_help, usage_text(turn));
}

void control_tell_outcome(struct turn *turn, const char *operation, const char *reason)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held *held = &turn->registrar->held[i];
        if (held->kind == HELD_OUTCOME && strcmp(held->operation, operation) == 0) {
            bool is_failure = reason[0] != '\0';
            answer(turn, held->request, is_failure,
                   is_failure ? arena_print(turn->scratch, "%s\n", reason)
                              : arena_print(turn->scratch, "done, operation %s\n", operation));
            held->kind = HELD_NONE;
        }
    }
}

void control_take_timer(struct turn *turn)
{
    int64_t next_ns = TIMER_NEVER_NS;
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held *held = &turn->registrar->held[i];
        if (held->kind != HELD_OUTCOME) {
            continue;
        }
        if (held->until_mono_ns <= turn->mono_ns) {
            answer(turn, held->request, false,
                   arena_print(turn->scratch,
                               "accepted and in progress, operation %s; the registry has not "
                               "answered yet\n",
                               held->operation));
            held->kind = HELD_NONE;
        } else if (held->until_mono_ns < next_ns) {
            next_ns = held->until_mono_ns;
        }
    }
    outbox_timer(turn->outbox, TIMER_HELD, next_ns);
}
