/* The states of an operation, which follow which, and the statements that make each step durable.
 */
#include "service/registrar/operation.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "service/registrar/notice.h"
#include "service/registrar/state.h"
#include "service/registrar/vigil.h"

static const struct {
    const char *name;
    const char *text;
} types[] = {
    [OPERATION_ADD_KEY] = {"ADD_DNSSEC", "Add a key"},
    [OPERATION_REMOVE_KEY] = {"REMOVE_DNSSEC", "Delete a key"},
    [OPERATION_REGISTER] = {"REGISTER_DOMAIN", "Register the domain"},
    [OPERATION_NAMESERVERS] = {"UPDATE_NAMESERVER", "Change the name servers"},
};
static_assert(LEN(types) == OPERATION_TYPE_END, "a row for each type");

/* `next` has bit s set when state s may follow. */
static const struct {
    const char *name; /* as the API says it */
    const char *text;
    uint8_t next;
} states[] = {
    [OPERATION_ACCEPTED] = {"SUBMITTED", "Accepted. The domain's name servers are being checked.",
                            1 << OPERATION_CHECKED | 1 << OPERATION_FAILED},
    [OPERATION_CHECKED] = {"IN_PROGRESS", "Checked. It is about to be sent to the registry.",
                           1 << OPERATION_SUBMITTED | 1 << OPERATION_FAILED},
    [OPERATION_SUBMITTED] = {"IN_PROGRESS", "Sent to the registry. Its response is awaited.",
                             1 << OPERATION_UNCLEAR | 1 << OPERATION_SUCCESSFUL |
                                 1 << OPERATION_FAILED},
    [OPERATION_UNCLEAR] = {"IN_PROGRESS",
                           "The registry is still working on it. Its decision is awaited.",
                           1 << OPERATION_SUCCESSFUL | 1 << OPERATION_FAILED},
    [OPERATION_SUCCESSFUL] = {"SUCCESSFUL", "Done at the registry.", 0},
    [OPERATION_FAILED] = {"FAILED", "It was not done.", 0},
};
static_assert(LEN(states) == OPERATION_STATE_END, "a row for each state");

static bool may_follow(enum operation_state from, enum operation_state to)
{
    return (states[from].next >> to & 1) != 0;
}

const char *operation_type_name(enum operation_type type)
{
    require(type > 0 && type < OPERATION_TYPE_END);
    return types[type].name;
}

const char *operation_type_text(enum operation_type type)
{
    require(type > 0 && type < OPERATION_TYPE_END);
    return types[type].text;
}

const char *operation_state_name(enum operation_state state)
{
    require(state > 0 && state < OPERATION_STATE_END);
    return states[state].name;
}

const char *operation_state_text(const struct operation *operation)
{
    require(operation->state > 0 && operation->state < OPERATION_STATE_END);
    if (operation->state == OPERATION_SUCCESSFUL) {
        switch (operation->watch) {
        case WATCH_NONE:
            break;
        case WATCH_PARENT:
            return "Done at the registry. It is not yet seen at every name server of the registry.";
        case WATCH_CHAIN:
            return "Done at the registry and seen at its name servers. The resolver's verdict is "
                   "awaited.";
        case WATCH_DONE:
            return "Done at the registry, seen at its name servers, and confirmed by a validating "
                   "resolver.";
        case WATCH_GIVEN_UP:
            return "Done at the registry, but never confirmed in the DNS.";
        }
    }
    return states[operation->state].text;
}

bool operation_is_open(const struct operation *operation)
{
    return operation->state < OPERATION_SUCCESSFUL;
}

static void id_make(struct turn *turn, char id[OPERATION_ID_SIZE])
{
    uint8_t b[16];
    const struct entropy *entropy = turn->registrar->options.entropy;
    entropy->fill(entropy->self, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 9562 §5.4: version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(id, OPERATION_ID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

enum status operation_insert(struct turn *turn, const struct operation_order *order,
                             char id[OPERATION_ID_SIZE])
{
    id_make(turn, id);
    const struct domain_key *key = order->key;
    bool is_refused = order->refused != NULL;
    /* A deletion and a registration ask nothing of the name servers. */
    bool is_checked = order->type == OPERATION_REMOVE_KEY || order->type == OPERATION_REGISTER;
    return RECORDS_RUN(
        turn->records,
        "INSERT INTO operation (id, domain, account, registry, type, state, is_open, channel, "
        "flags, algorithm, public_key, hosts, reason, evidence, attempts, submitted_s, updated_s, "
        "due_s, watch, looks, seen_s, validated_s, is_due, is_refused, given) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?, ?, ?, 0, 0, 0, 0, ?, ?, ?)",
        turn->scratch, NULL, records_words(id), records_words(order->domain),
        records_integer(order->account), records_words(order->registry),
        records_integer(order->type),
        records_integer(is_refused   ? OPERATION_FAILED
                        : is_checked ? OPERATION_CHECKED
                                     : OPERATION_ACCEPTED),
        records_integer(!is_refused), records_words(order->channel),
        records_integer(key == NULL ? 0 : key->flags),
        records_integer(key == NULL ? 0 : key->algorithm),
        records_words(key == NULL ? "" : key->base64),
        records_words(order->hosts == NULL ? "" : order->hosts),
        records_words(is_refused ? order->refused : ""), records_integer(turn->now_s),
        records_integer(turn->now_s), records_integer(turn->now_s), records_integer(!is_refused),
        records_integer(is_refused), records_words(order->given == NULL ? "" : order->given));
}

#define OPERATION_COLUMNS                                                                          \
    "id, domain, account, registry, type, state, channel, flags, algorithm, public_key, hosts, "   \
    "reason, evidence, attempts, submitted_s, updated_s, watch, looks, seen_s, validated_s, "      \
    "is_refused, given"

static const char *cell_text(const struct records_value *cell, struct arena *arena)
{
    const char *text = arena_text(arena, cell->bytes);
    return text == NULL ? "" : text;
}

static void row_read(const struct records_row *row, struct arena *arena,
                     struct operation *operation)
{
    const struct records_value *cells = row->values;
    *operation = (struct operation){
        .domain = cell_text(&cells[1], arena),
        .account = cells[2].integer,
        .registry = cell_text(&cells[3], arena),
        .type = (enum operation_type)cells[4].integer,
        .state = (enum operation_state)cells[5].integer,
        .channel = cell_text(&cells[6], arena),
        .flags = (uint16_t)cells[7].integer,
        .algorithm = (uint8_t)cells[8].integer,
        .public_key = cell_text(&cells[9], arena),
        .hosts = cell_text(&cells[10], arena),
        .reason = cell_text(&cells[11], arena),
        .evidence = cell_text(&cells[12], arena),
        .attempts = cells[13].integer,
        .submitted_s = cells[14].integer,
        .updated_s = cells[15].integer,
        .watch = (enum operation_watch)cells[16].integer,
        .looks = cells[17].integer,
        .seen_s = cells[18].integer,
        .validated_s = cells[19].integer,
        .is_refused = cells[20].integer != 0,
        .given = cell_text(&cells[21], arena),
    };
    snprintf(operation->id, sizeof operation->id, "%s", cell_text(&cells[0], arena));
}

static enum status rows_read(struct turn *turn, const struct records_rows *rows,
                             struct operation **operations, size_t *count)
{
    *count = rows->count;
    *operations = arena_take_array(turn->scratch, rows->count, sizeof **operations);
    if (*operations == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < rows->count; i++) {
        row_read(&rows->rows[i], turn->scratch, &(*operations)[i]);
    }
    return OK;
}

/* The first row, or NOT_FOUND. */
static enum status row_only(struct turn *turn, enum status status, const struct records_rows *rows,
                            struct operation *operation)
{
    if (status != OK || rows->count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    row_read(&rows->rows[0], turn->scratch, operation);
    return OK;
}

enum status operation_load(struct turn *turn, struct span id, struct operation *operation)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(turn->records, "SELECT " OPERATION_COLUMNS " FROM operation WHERE id = ?",
                    turn->scratch, &rows, records_text(id));
    return row_only(turn, status, &rows, operation);
}

enum status operation_find_open(struct turn *turn, const char *domain, struct operation *operation)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(turn->records,
                    "SELECT " OPERATION_COLUMNS " FROM operation WHERE domain = ? AND is_open = 1",
                    turn->scratch, &rows, records_words(domain));
    return row_only(turn, status, &rows, operation);
}

enum status operation_list(struct turn *turn, int64_t account, const char *domain, int64_t limit,
                           struct operation **operations, size_t *count)
{
    struct records_rows rows;
    enum status status = OK;
    *count = 0;
    if (domain == NULL) {
        status =
            RECORDS_RUN(turn->records,
                        "SELECT " OPERATION_COLUMNS " FROM operation WHERE account = ? "
                        "ORDER BY submitted_s DESC, id LIMIT ?",
                        turn->scratch, &rows, records_integer(account), records_integer(limit));
    } else {
        status = RECORDS_RUN(turn->records,
                             "SELECT " OPERATION_COLUMNS " FROM operation WHERE account = ? AND "
                             "domain = ? ORDER BY submitted_s DESC, id LIMIT ?",
                             turn->scratch, &rows, records_integer(account), records_words(domain),
                             records_integer(limit));
    }
    return status == OK ? rows_read(turn, &rows, operations, count) : status;
}

/* What is due and not the registry's turn: looks at name servers, and watching. */
enum status operation_list_due(struct turn *turn, int64_t limit, struct operation **operations,
                               size_t *count)
{
    struct records_rows rows;
    *count = 0;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT " OPERATION_COLUMNS " FROM operation WHERE is_due = 1 AND due_s <= ? AND state IN "
        "(?, ?) ORDER BY due_s, id LIMIT ?",
        turn->scratch, &rows, records_integer(turn->now_s), records_integer(OPERATION_ACCEPTED),
        records_integer(OPERATION_SUCCESSFUL), records_integer(limit));
    return status == OK ? rows_read(turn, &rows, operations, count) : status;
}

static enum status due_read(enum status status, const struct records_rows *rows, int64_t *due_s)
{
    *due_s = INT64_MAX;
    if (status == OK && rows->count > 0 && rows->rows[0].values[0].kind == RECORDS_INTEGER) {
        *due_s = rows->rows[0].values[0].integer;
    }
    return status;
}

enum status operation_next_due(struct turn *turn, int64_t *due_s)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT MIN(due_s) FROM operation WHERE is_due = 1 AND state IN (?, ?)",
        turn->scratch, &rows, records_integer(OPERATION_ACCEPTED),
        records_integer(OPERATION_SUCCESSFUL));
    return due_read(status, &rows, due_s);
}

enum status operation_find_for_registry(struct turn *turn, const char *registry,
                                        struct operation *operation)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT " OPERATION_COLUMNS " FROM operation WHERE registry = ? AND is_open = 1 AND state "
        "IN (?, ?, ?) AND due_s <= ? ORDER BY submitted_s, id LIMIT 1",
        turn->scratch, &rows, records_words(registry), records_integer(OPERATION_CHECKED),
        records_integer(OPERATION_SUBMITTED), records_integer(OPERATION_UNCLEAR),
        records_integer(turn->now_s));
    return row_only(turn, status, &rows, operation);
}

enum status operation_registry_due(struct turn *turn, const char *registry, int64_t *due_s)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT MIN(due_s) FROM operation WHERE registry = ? AND is_open = 1 AND state IN "
        "(?, ?, ?)",
        turn->scratch, &rows, records_words(registry), records_integer(OPERATION_CHECKED),
        records_integer(OPERATION_SUBMITTED), records_integer(OPERATION_UNCLEAR));
    return due_read(status, &rows, due_s);
}

/* OK when the statement, which returns the id, touched a row. */
static enum status touched(enum status status, const struct records_rows *rows)
{
    return status != OK ? status : rows->count == 0 ? NOT_FOUND : OK;
}

enum status operation_advance(struct turn *turn, const char *id, enum operation_state from,
                              enum operation_state to, const char *evidence)
{
    require(may_follow(from, to) && to < OPERATION_SUCCESSFUL);
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "UPDATE operation SET state = ?, updated_s = ?, due_s = ?, evidence = CASE WHEN ? = '' "
        "THEN evidence ELSE ? END WHERE id = ? AND state = ? RETURNING id",
        turn->scratch, &rows, records_integer(to), records_integer(turn->now_s),
        records_integer(turn->now_s), records_words(evidence), records_words(evidence),
        records_words(id), records_integer(from));
    return touched(status, &rows);
}

enum status operation_defer(struct turn *turn, const char *id, int64_t due_s)
{
    return RECORDS_RUN(turn->records, "UPDATE operation SET due_s = ? WHERE id = ?", turn->scratch,
                       NULL, records_integer(due_s), records_words(id));
}

enum status operation_count_attempt(struct turn *turn, const char *id, int64_t due_s)
{
    return RECORDS_RUN(
        turn->records,
        "UPDATE operation SET attempts = attempts + 1, due_s = ?, updated_s = ?, state = CASE "
        "WHEN state = ? THEN ? ELSE state END WHERE id = ? AND is_open = 1",
        turn->scratch, NULL, records_integer(due_s), records_integer(turn->now_s),
        records_integer(OPERATION_CHECKED), records_integer(OPERATION_SUBMITTED),
        records_words(id));
}

enum status operation_key(struct turn *turn, const struct operation *operation,
                          struct domain_key *key)
{
    struct problem unused;
    const char *text;
    struct name name;
    const struct tld *tld;
    if (operation->flags == 0) {
        return NOT_FOUND;
    }
    enum status status = domain_read_name(&turn->registrar->policy, span_of_text(operation->domain),
                                          turn->scratch, &text, &name, &tld, &unused);
    if (status != OK) {
        return status;
    }
    return key_restore(name, operation->flags, operation->algorithm, operation->public_key,
                       turn->scratch, key);
}

/* What success changes in the domain. */
static enum status success_apply(struct turn *turn, const struct operation *operation,
                                 int64_t expires_s)
{
    struct records *records = turn->records;
    struct domain_key key = {0};
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t host_count = 0;
    struct problem unused;
    enum status status = OK;
    if (operation->flags != 0) {
        status = operation_key(turn, operation, &key);
    }
    if (operation->hosts[0] != '\0' && status == OK) {
        status = domain_read_hosts(span_of_text(operation->hosts), turn->scratch, hosts,
                                   &host_count, &unused);
    }
    if (status != OK) {
        return status;
    }
    switch (operation->type) {
    case OPERATION_ADD_KEY:
        return domain_put_key(records, operation->domain, &key, turn->now_s);
    case OPERATION_REMOVE_KEY:
        return domain_remove_key(records, operation->domain, key.id);
    case OPERATION_REGISTER:
        status =
            domain_insert(records, operation->domain, operation->account, turn->now_s, expires_s);
        return status == OK ? domain_put_hosts(records, operation->domain, hosts, host_count)
                            : status;
    case OPERATION_NAMESERVERS:
        return domain_put_hosts(records, operation->domain, hosts, host_count);
    case OPERATION_TYPE_END:
        break;
    }
    return OK;
}

static enum status outcome_write(struct turn *turn, const struct operation *operation,
                                 const char *reason, const char *evidence)
{
    bool is_success = reason[0] == '\0';
    bool is_watched = is_success && operation->flags != 0;
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "UPDATE operation SET state = ?, is_open = 0, reason = ?, evidence = ?, updated_s = ?, "
        "watch = ?, is_due = ?, due_s = ?, looks = 0 WHERE id = ? AND is_open = 1 RETURNING id",
        turn->scratch, &rows, records_integer(is_success ? OPERATION_SUCCESSFUL : OPERATION_FAILED),
        records_words(reason), records_words(evidence), records_integer(turn->now_s),
        records_integer(is_watched ? WATCH_PARENT : WATCH_NONE), records_integer(is_watched),
        records_integer(turn->now_s + (int64_t)turn->registrar->options.watch_first_s),
        records_words(operation->id));
    return touched(status, &rows);
}

enum status operation_close(struct turn *turn, const struct operation *operation,
                            const char *reason, const char *evidence, int64_t expires_s)
{
    bool is_success = reason[0] == '\0';
    require(may_follow(operation->state, is_success ? OPERATION_SUCCESSFUL : OPERATION_FAILED));
    const char *whole = evidence[0] != '\0' ? evidence : operation->evidence;
    struct records *records = turn->records;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = outcome_write(turn, operation, reason, whole);
    if (status == OK && is_success) {
        status = success_apply(turn, operation, expires_s);
    }
    if (status == OK && is_success && operation->type != OPERATION_REGISTER) {
        status = vigil_note_change(turn, operation->domain);
    }
    if (status == OK) {
        struct operation closed = *operation;
        closed.state = is_success ? OPERATION_SUCCESSFUL : OPERATION_FAILED;
        closed.reason = reason;
        closed.evidence = whole;
        /* Notices are about keys (S39, S52); who registers a domain here asks the operator. */
        status = closed.flags != 0 ? notice_queue(turn, &closed) : OK;
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    status = records->commit(records->self);
    turn->registrar->has_work = true;
    return status;
}

enum status operation_put_watch(struct turn *turn, const struct operation *operation,
                                enum operation_watch watch, int64_t due_s)
{
    bool is_over = watch == WATCH_DONE || watch == WATCH_GIVEN_UP;
    bool is_seen = watch == WATCH_CHAIN || watch == WATCH_DONE;
    int64_t seen_s = is_seen && operation->seen_s == 0 ? turn->now_s : operation->seen_s;
    int64_t validated_s = watch == WATCH_DONE ? turn->now_s : operation->validated_s;
    int64_t looks = watch == operation->watch ? operation->looks + 1 : 0;
    return RECORDS_RUN(turn->records,
                       "UPDATE operation SET watch = ?, is_due = ?, due_s = ?, looks = ?, "
                       "seen_s = ?, validated_s = ? WHERE id = ?",
                       turn->scratch, NULL, records_integer(watch), records_integer(!is_over),
                       records_integer(due_s), records_integer(looks), records_integer(seen_s),
                       records_integer(validated_s), records_words(operation->id));
}

enum status operation_wake_all(struct turn *turn)
{
    return RECORDS_RUN(turn->records, "UPDATE operation SET due_s = ? WHERE is_due = 1",
                       turn->scratch, NULL, records_integer(turn->now_s));
}
