/* The outbox in the records: what is sent when, and again after how long. */
#include "service/registrar/letter.h"

#include "service/registrar/state.h"

enum { LETTER_LEASE_S = 300, LETTER_BATCH = 16 };

enum status letter_queue(struct turn *turn, const struct letter *letter)
{
    return RECORDS_RUN(
        turn->records,
        "INSERT INTO mail (id, operation, recipient, message_id, message, state, attempts, due_s, "
        "queued_s, closed_s, reply) SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ?, ?, ?, 0, ?, ?, 0, '' "
        "FROM mail",
        turn->scratch, NULL, records_words(letter->about), records_words(letter->recipient),
        records_words(letter->message_id), records_text(letter->message),
        records_integer(LETTER_QUEUED), records_integer(turn->now_s), records_integer(turn->now_s));
}

/* What is handed out is not due again before the lease ends, should no result ever come. */
static bool mail_hand_out(struct turn *turn, const struct records_value *cells)
{
    enum status status =
        RECORDS_RUN(turn->records, "UPDATE mail SET due_s = ? WHERE id = ?", turn->scratch, NULL,
                    records_integer(turn->now_s + LETTER_LEASE_S), cells[0]);
    if (status != OK) {
        return false;
    }
    outbox_add(turn->outbox, EFFECT_MAIL)->mail = (struct effect_mail){
        .mail = (uint64_t)cells[0].integer,
        .sender = span_of_text(turn->registrar->options.mail_from),
        .recipient = cells[1].bytes,
        .message_id = cells[2].bytes,
        .message = cells[3].bytes,
    };
    return true;
}

static void timer_set(struct turn *turn)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(turn->records, "SELECT MIN(due_s) FROM mail WHERE state = ?",
                                     turn->scratch, &rows, records_integer(LETTER_QUEUED));
    int64_t at_ns = TIMER_NEVER_NS;
    if (status != OK) {
        at_ns = turn->mono_ns + MOMENT_NS_PER_S;
    } else if (rows.count > 0 && rows.rows[0].values[0].kind == RECORDS_INTEGER) {
        int64_t wait_s = rows.rows[0].values[0].integer - turn->now_s;
        at_ns = turn->mono_ns + (wait_s > 0 ? wait_s : 1) * MOMENT_NS_PER_S;
    }
    outbox_timer(turn->outbox, TIMER_MAIL, at_ns);
}

void letter_pump(struct turn *turn)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT id, recipient, message_id, message FROM mail WHERE state = ? AND due_s <= ? "
        "ORDER BY id LIMIT ?",
        turn->scratch, &rows, records_integer(LETTER_QUEUED), records_integer(turn->now_s),
        records_integer(LETTER_BATCH));
    bool is_good = status == OK;
    for (size_t i = 0; is_good && i < rows.count; i++) {
        is_good = mail_hand_out(turn, rows.rows[i].values);
    }
    timer_set(turn);
}

void letter_take_result(struct turn *turn)
{
    const struct event_mail *mail = &turn->event->mail;
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT attempts, operation FROM mail WHERE id = ? AND state = ?",
        turn->scratch, &rows, records_integer((int64_t)mail->mail), records_integer(LETTER_QUEUED));
    if (status != OK || rows.count == 0) {
        return;
    }
    int64_t attempts = rows.rows[0].values[0].integer;
    struct span operation = rows.rows[0].values[1].bytes;
    bool is_final = mail->outcome == OK || mail->outcome == REFUSED;
    int64_t most_s = turn->registrar->options.retry_most_s;
    int64_t wait_s = attempts < 16 ? (int64_t)1 << attempts : most_s;
    wait_s = wait_s < most_s ? wait_s : most_s;
    int64_t state = mail->outcome == OK        ? LETTER_SENT
                    : mail->outcome == REFUSED ? LETTER_REFUSED
                                               : LETTER_QUEUED;
    struct span reply = mail->reply.len < 500 ? mail->reply : span_part(mail->reply, 0, 500);
    status = RECORDS_RUN(
        turn->records,
        "UPDATE mail SET state = ?, attempts = attempts + 1, due_s = ?, closed_s = ?, reply = ? "
        "WHERE id = ?",
        turn->scratch, NULL, records_integer(state), records_integer(turn->now_s + wait_s),
        records_integer(is_final ? turn->now_s : 0), records_text(reply),
        records_integer((int64_t)mail->mail));
    log_line(turn_log(turn), mail->outcome == OK ? LOG_NOTICE : LOG_WARNING,
             "the notice about %.*s: %s%s", (int)operation.len, (const char *)operation.bytes,
             mail->outcome == OK        ? "delivered"
             : mail->outcome == REFUSED ? "refused for good by the mail server"
                                        : "not delivered, to be tried again: ",
             is_final ? "" : status_text(mail->outcome));
    if (status != OK) {
        log_line(turn_log(turn), LOG_ERROR, "the result of a notice could not be stored: %s",
                 status_text(status));
    }
    turn->registrar->has_work = true;
}

enum status letter_wake_all(struct turn *turn)
{
    return RECORDS_RUN(turn->records, "UPDATE mail SET due_s = ? WHERE state = ?", turn->scratch,
                       NULL, records_integer(turn->now_s), records_integer(LETTER_QUEUED));
}

const char *letter_state_text(struct turn *turn, const char *operation)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT state, attempts, recipient FROM mail WHERE operation = ?",
        turn->scratch, &rows, records_words(operation));
    if (status != OK || rows.count == 0) {
        return "not yet written: it follows the registry's response";
    }
    const struct records_value *cells = rows.rows[0].values;
    const char *text = NULL;
    if (cells[0].integer == LETTER_SENT) {
        text = arena_print(turn->scratch, "sent to %.*s", (int)cells[2].bytes.len,
                           (const char *)cells[2].bytes.bytes);
    } else if (cells[0].integer == LETTER_REFUSED) {
        text = arena_print(turn->scratch, "refused by the mail server of %.*s",
                           (int)cells[2].bytes.len, (const char *)cells[2].bytes.bytes);
    } else {
        text = arena_print(turn->scratch, "to %.*s, waiting for the mail server (%d tries)",
                           (int)cells[2].bytes.len, (const char *)cells[2].bytes.bytes,
                           (int)cells[1].integer);
    }
    return text == NULL ? "" : text;
}
