/* The words of the notices, and the outbox: what is sent when, and again after how long. */
#include "service/registrar/notice.h"

#include <string.h>

#include "core/base/text.h"
#include "core/proto/mail.h"
#include "service/registrar/rules.h"
#include "service/registrar/state.h"

enum {
    NOTICE_TEXT_SIZE = 48 * 1024,
    NOTICE_MESSAGE_SIZE = 160 * 1024,
    NOTICE_LEASE_S = 300,
    NOTICE_BATCH = 16,
    NOTICE_WIDTH = 72
};

static const struct {
    const char *done;   /* after the domain's name, in the subject */
    const char *failed; /* likewise */
    const char *done_sentence;
    const char *failed_sentence;
} words[] = {
    [OPERATION_ADD_KEY] = {"the key was added at the registry", "the key could not be added",
                           "The registry has confirmed that this key was added:",
                           "This key could not be added at the registry:"},
    [OPERATION_REMOVE_KEY] = {"the key was deleted at the registry", "the key could not be deleted",
                              "The registry has confirmed that this key was deleted:",
                              "This key could not be deleted at the registry:"},
    [OPERATION_REGISTER] = {"the domain is registered", "the domain could not be registered",
                            "The registry has confirmed the registration. The name servers are:",
                            "The domain could not be registered with these name servers:"},
    [OPERATION_NAMESERVERS] = {"the name servers were changed at the registry",
                               "the name servers could not be changed",
                               "The registry has confirmed the new name servers:",
                               "The name servers could not be changed to these:"},
};

/* Writes `sentence` broken at blanks, each line behind `indent`. */
static void text_wrap(struct writer *text, const char *indent, struct span sentence)
{
    size_t width = 0;
    bool is_begun = false;
    while (sentence.len > 0) {
        const uint8_t *blank = memchr(sentence.bytes, ' ', sentence.len);
        size_t len = blank == NULL ? sentence.len : (size_t)(blank - sentence.bytes);
        if (len > 0) {
            bool fits = is_begun && width + 1 + len <= NOTICE_WIDTH;
            if (fits) {
                writer_u8(text, ' ');
                width++;
            } else {
                writer_text(text, is_begun ? "\n" : "");
                writer_text(text, indent);
                width = strlen(indent);
            }
            writer_span(text, span_part(sentence, 0, len));
            width += len;
            is_begun = true;
        }
        size_t next = len < sentence.len ? len + 1 : len;
        sentence = span_part(sentence, next, sentence.len - next);
    }
    writer_text(text, "\n");
}

static void lines_wrap(struct writer *text, const char *lines)
{
    for (const char *at = lines; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        text_wrap(text, "  ", span_of(at, len));
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static void key_write(struct writer *text, const struct domain *domain,
                      const struct domain_key *key)
{
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    writer_print(text, "  Key type:   %s (flags %u)\n", key_type_text(key->flags), key->flags);
    writer_print(text, "  Algorithm:  %u (%s)\n", key->algorithm,
                 algorithm == NULL ? "unknown" : algorithm->mnemonic);
    writer_print(text, "  Key tag:    %u\n", key->tag);
    writer_print(text, "  Key id:     %s\n", key->id);
    writer_print(text, "  DS record:  %s. IN DS %u %u %d\n              ", domain->text, key->tag,
                 key->algorithm, DS_DIGEST_SHA256);
    text_write_base16(text, span_of(key->digest, KEY_DIGEST_LEN));
    writer_text(text, "\n");
}

static void duration_write(struct writer *text, uint32_t seconds)
{
    static const struct {
        uint32_t seconds;
        const char *one;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (size_t i = 0; i < LEN(units); i++) {
        if (seconds % units[i].seconds == 0 || seconds >= 2 * units[i].seconds) {
            uint32_t count = (seconds + units[i].seconds - 1) / units[i].seconds;
            writer_print(text, "%u %s%s", count, units[i].one, count == 1 ? "" : "s");
            return;
        }
    }
}

static void advice_write(struct turn *turn, struct writer *text, const struct operation *operation,
                         const struct domain *domain)
{
    uint32_t ttl_s = rules_ds_ttl_s(domain);
    char *line = arena_take(turn->scratch, 600);
    if (line == NULL) {
        writer_fail(text, NO_MEMORY);
        return;
    }
    struct writer advice = writer_over(line, 599);
    if (operation->type == OPERATION_ADD_KEY && domain->key_count > 0) {
        writer_text(&advice, "If you are rotating keys, wait before you delete the old one: "
                             "resolvers may remember the former DS records for ");
        duration_write(&advice, ttl_s);
        writer_text(&advice, ", and up to three days are advised.");
    } else if (operation->type == OPERATION_REMOVE_KEY) {
        writer_text(&advice, "Do not stop signing at your DNS provider yet: resolvers may remember "
                             "the deleted DS record for ");
        duration_write(&advice, ttl_s);
        writer_text(&advice,
                    ", and up to three days are advised. Until then a domain that is no longer "
                    "signed is answered with SERVFAIL.");
    }
    if (advice.len > 0) {
        writer_text(text, "\n");
        text_wrap(text, "", writer_written(&advice));
    }
}

static void time_line(struct writer *text, const char *label, int64_t time_s)
{
    writer_text(text, label);
    text_write_rfc3339(text, time_s);
    writer_text(text, "\n");
}

enum status notice_write(struct turn *turn, const struct operation *operation,
                         const struct domain *domain, const char **subject, struct writer *text)
{
    bool is_success = operation->state == OPERATION_SUCCESSFUL;
    struct domain_key key;
    *subject =
        arena_print(turn->scratch, "%s: %s", operation->domain,
                    is_success ? words[operation->type].done : words[operation->type].failed);
    writer_print(text, "To the registrant of %s\n\n", operation->domain);
    text_wrap(text, "",
              span_of_text(is_success ? words[operation->type].done_sentence
                                      : words[operation->type].failed_sentence));
    writer_text(text, "\n");
    if (operation_key(turn, operation, &key) == OK) {
        key_write(text, domain, &key);
    } else {
        lines_wrap(text, operation->is_refused ? operation->given : operation->hosts);
    }
    if (!is_success) {
        writer_text(text, "\nWhy:\n");
        text_wrap(text, "  ", span_of_text(operation->reason));
        writer_text(text, "\nNothing was changed at the registry.\n");
    }
    if (operation->evidence[0] != '\0') {
        writer_text(text, "\nWhat was seen at the name servers:\n");
        lines_wrap(text, operation->evidence);
    }
    if (is_success) {
        advice_write(turn, text, operation, domain);
    }
    writer_print(text, "\nOperation %s\n", operation->id);
    time_line(text, "Requested ", operation->submitted_s);
    time_line(text, "Closed    ", turn->now_s);
    const struct registrar_options *options = &turn->registrar->options;
    if (options->url[0] != '\0') {
        writer_print(text, "%s/operations/%s\n", options->url, operation->id);
    }
    writer_print(text, "\n%s\n", options->name);
    return *subject == NULL ? NO_MEMORY : text->status;
}

/* The registrant contact is the account's holder; before registration there is no domain row. */
static enum status recipient_find(struct turn *turn, const struct operation *operation,
                                  const char **recipient)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(turn->records, "SELECT email FROM account WHERE id = ?",
                                     turn->scratch, &rows, records_integer(operation->account));
    if (status != OK || rows.count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    *recipient = arena_text(turn->scratch, rows.rows[0].values[0].bytes);
    return *recipient == NULL ? NO_MEMORY : OK;
}

/* One outcome, one message, one Message-ID: derived from the operation, so that a repetition after
 * a lost reply is the same mail. */
static const char *message_id_make(struct turn *turn, const struct operation *operation)
{
    const char *host = strchr(turn->registrar->options.mail_from, '@');
    return arena_print(turn->scratch, "operation.%s%s", operation->id,
                       host == NULL ? "@localhost" : host);
}

enum status notice_queue(struct turn *turn, const struct operation *operation)
{
    const char *recipient, *subject, *message_id = message_id_make(turn, operation);
    struct domain domain;
    uint8_t *text_bytes = arena_take(turn->scratch, NOTICE_TEXT_SIZE);
    uint8_t *message_bytes = arena_take(turn->scratch, NOTICE_MESSAGE_SIZE);
    if (text_bytes == NULL || message_bytes == NULL || message_id == NULL) {
        return NO_MEMORY;
    }
    struct writer text = writer_over(text_bytes, NOTICE_TEXT_SIZE);
    struct writer message = writer_over(message_bytes, NOTICE_MESSAGE_SIZE);
    enum status status = domain_load(turn->records, &turn->registrar->policy, operation->domain, 0,
                                     turn->scratch, &domain);
    if (status == NOT_FOUND) {
        domain = (struct domain){.text = operation->domain};
        status = OK;
    }
    if (status == OK) {
        status = recipient_find(turn, operation, &recipient);
    }
    if (status == OK) {
        status = notice_write(turn, operation, &domain, &subject, &text);
    }
    if (status != OK) {
        return status;
    }
    const struct registrar_options *options = &turn->registrar->options;
    struct mail mail = {span_of_text(options->name), span_of_text(options->mail_from),
                        span_of_text(recipient),     span_of_text(subject),
                        span_of_text(message_id),    turn->now_s,
                        writer_written(&text)};
    status = mail_write(&mail, &message);
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(
        turn->records,
        "INSERT INTO mail (id, operation, recipient, message_id, message, state, attempts, due_s, "
        "queued_s, closed_s, reply) SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ?, ?, ?, 0, ?, ?, 0, '' "
        "FROM mail",
        turn->scratch, NULL, records_words(operation->id), records_words(recipient),
        records_words(message_id), records_text(writer_written(&message)),
        records_integer(NOTICE_QUEUED), records_integer(turn->now_s), records_integer(turn->now_s));
}

/* What is handed out is not due again before the lease ends, should no result ever come. */
static bool mail_hand_out(struct turn *turn, const struct records_value *cells)
{
    enum status status =
        RECORDS_RUN(turn->records, "UPDATE mail SET due_s = ? WHERE id = ?", turn->scratch, NULL,
                    records_integer(turn->now_s + NOTICE_LEASE_S), cells[0]);
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
                                     turn->scratch, &rows, records_integer(NOTICE_QUEUED));
    int64_t at_ns = TIMER_NEVER_NS;
    if (status != OK) {
        at_ns = turn->mono_ns + MOMENT_NS_PER_S;
    } else if (rows.count > 0 && rows.rows[0].values[0].kind == RECORDS_INTEGER) {
        int64_t wait_s = rows.rows[0].values[0].integer - turn->now_s;
        at_ns = turn->mono_ns + (wait_s > 0 ? wait_s : 1) * MOMENT_NS_PER_S;
    }
    outbox_timer(turn->outbox, TIMER_MAIL, at_ns);
}

void notice_pump(struct turn *turn)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT id, recipient, message_id, message FROM mail WHERE state = ? AND due_s <= ? "
        "ORDER BY id LIMIT ?",
        turn->scratch, &rows, records_integer(NOTICE_QUEUED), records_integer(turn->now_s),
        records_integer(NOTICE_BATCH));
    bool is_good = status == OK;
    for (size_t i = 0; is_good && i < rows.count; i++) {
        is_good = mail_hand_out(turn, rows.rows[i].values);
    }
    timer_set(turn);
}

void notice_take_result(struct turn *turn)
{
    const struct event_mail *mail = &turn->event->mail;
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT attempts, operation FROM mail WHERE id = ? AND state = ?",
        turn->scratch, &rows, records_integer((int64_t)mail->mail), records_integer(NOTICE_QUEUED));
    if (status != OK || rows.count == 0) {
        return;
    }
    int64_t attempts = rows.rows[0].values[0].integer;
    struct span operation = rows.rows[0].values[1].bytes;
    bool is_final = mail->outcome == OK || mail->outcome == REFUSED;
    int64_t most_s = turn->registrar->options.retry_most_s;
    int64_t wait_s = attempts < 16 ? (int64_t)1 << attempts : most_s;
    wait_s = wait_s < most_s ? wait_s : most_s;
    int64_t state = mail->outcome == OK        ? NOTICE_SENT
                    : mail->outcome == REFUSED ? NOTICE_REFUSED
                                               : NOTICE_QUEUED;
    struct span reply = mail->reply.len < 500 ? mail->reply : span_part(mail->reply, 0, 500);
    status = RECORDS_RUN(
        turn->records,
        "UPDATE mail SET state = ?, attempts = attempts + 1, due_s = ?, closed_s = ?, reply = ? "
        "WHERE id = ?",
        turn->scratch, NULL, records_integer(state), records_integer(turn->now_s + wait_s),
        records_integer(is_final ? turn->now_s : 0), records_text(reply),
        records_integer((int64_t)mail->mail));
    log_line(turn_log(turn), mail->outcome == OK ? LOG_NOTICE : LOG_WARNING,
             "the notice of operation %.*s: %s%s", (int)operation.len,
             (const char *)operation.bytes,
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

enum status notice_wake_all(struct turn *turn)
{
    return RECORDS_RUN(turn->records, "UPDATE mail SET due_s = ? WHERE state = ?", turn->scratch,
                       NULL, records_integer(turn->now_s), records_integer(NOTICE_QUEUED));
}

const char *notice_state_text(struct turn *turn, const char *operation)
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
    if (cells[0].integer == NOTICE_SENT) {
        text = arena_print(turn->scratch, "sent to %.*s", (int)cells[2].bytes.len,
                           (const char *)cells[2].bytes.bytes);
    } else if (cells[0].integer == NOTICE_REFUSED) {
        text = arena_print(turn->scratch, "refused by the mail server of %.*s",
                           (int)cells[2].bytes.len, (const char *)cells[2].bytes.bytes);
    } else {
        text = arena_print(turn->scratch, "to %.*s, waiting for the mail server (%d tries)",
                           (int)cells[2].bytes.len, (const char *)cells[2].bytes.bytes,
                           (int)cells[1].integer);
    }
    return text == NULL ? "" : text;
}
