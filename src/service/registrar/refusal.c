/* How a refused request is written down: what was given, in printable words, and how often an
 * account is told. */
#include "service/registrar/refusal.h"

#include <stdio.h>

#include "service/registrar/notice.h"
#include "service/registrar/state.h"

enum { GIVEN_SIZE = 1024, GIVEN_SHOWN_MAX = 240 };

/* One line of what was given: hostile text, of which octets that do not print are left out. */
static void given_write(struct writer *given, const char *label, struct span value)
{
    writer_text(given, label);
    size_t shown = value.len < GIVEN_SHOWN_MAX ? value.len : GIVEN_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        uint8_t octet = value.bytes[i];
        writer_u8(given, octet >= ' ' && octet < 0x7f ? octet : '?');
    }
    writer_text(given, value.len == 0 ? "(not given)\n" : shown < value.len ? " ...\n" : "\n");
}

static const char *given_make(struct turn *turn, const struct refusal_case *what)
{
    char *text = arena_take(turn->scratch, GIVEN_SIZE);
    if (text == NULL) {
        return NULL;
    }
    struct writer given = writer_over(text, GIVEN_SIZE - 1);
    if (what->input != NULL) {
        given_write(&given, "Key type: ", what->input->type);
        given_write(&given, "Algorithm: ", what->input->algorithm);
        given_write(&given, "Public key: ", what->input->public_key);
    } else {
        given_write(&given, "Key id: ", what->key_id);
    }
    return given.status == OK ? text : NULL;
}

/* How many of the account's refusals were told within the window. */
static enum status told_count(struct turn *turn, int64_t account, int64_t *count)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT COUNT(*) FROM operation WHERE account = ? AND submitted_s > ? AND is_refused = 1",
        turn->scratch, &rows, records_integer(account),
        records_integer(turn->now_s - REFUSALS_TOLD_WINDOW_S));
    *count = status == OK && rows.count == 1 ? rows.rows[0].values[0].integer : 0;
    return status;
}

/* Operation and notice, both or neither. */
static enum status told_store(struct turn *turn, const struct operation_order *order,
                              char id[OPERATION_ID_SIZE])
{
    struct operation operation;
    struct records *records = turn->records;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = operation_insert(turn, order, id);
    if (status == OK) {
        status = operation_load(turn, span_of_text(id), &operation);
    }
    if (status == OK) {
        status = notice_queue(turn, &operation);
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

bool refusal_tell(struct turn *turn, const struct refusal_case *what, struct refusal *refusal)
{
    const struct domain *domain = what->domain;
    struct operation_order order = {
        .type = what->type,
        .domain = domain->text,
        .account = domain->account,
        .registry = domain->tld->registry == NULL ? "" : domain->tld->registry->name,
        .channel = what->request->channel,
        .key = what->key,
        .refused = refusal->sentence,
        .given = what->key == NULL ? given_make(turn, what) : "",
    };
    int64_t count = 0;
    char id[OPERATION_ID_SIZE] = "";
    enum status status =
        order.given == NULL ? NO_MEMORY : told_count(turn, domain->account, &count);
    if (status == OK && count < REFUSALS_TOLD_MAX) {
        status = told_store(turn, &order, id);
    }
    if (status != OK) {
        log_line(turn_log(turn), LOG_ERROR, "a refusal could not be stored: %s",
                 status_text(status));
        *refusal = (struct refusal){.code = REFUSAL_INTERNAL};
        snprintf(refusal->sentence, sizeof refusal->sentence, "%s", RULES_INTERNAL_SENTENCE);
        return false;
    }
    log_line(turn_log(turn), LOG_NOTICE, "operation %s: %s of %s refused: %s",
             id[0] != '\0' ? id : "(not told: too many refusals)", operation_type_name(what->type),
             domain->text, refusal->sentence);
    snprintf(refusal->operation, sizeof refusal->operation, "%s", id);
    turn->registrar->has_work = true;
    return false;
}
