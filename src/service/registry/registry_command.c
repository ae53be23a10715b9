/* How a command becomes durable: the objects, the zone's next serial with its difference, and the
 * response are one transaction; only then is the zone replaced and the client answered. A command
 * that comes again, octet for octet from the same client, gets the same answer and does nothing. */
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

#include <stdarg.h>
#include <stdio.h>

enum { TRANSACTION_TEXT_MAX = 40 };

enum status registry_refuse(struct registry_command *command, enum epp_code code,
                            const char *format, ...)
{
    char sentence[REGISTRY_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    command->response->code = code;
    command->response->reason = SPAN_EMPTY;
    struct span copy;
    if (arena_copy(command->turn->scratch, span_of_text(sentence), &copy) == OK) {
        command->response->reason = copy; /* the code alone says enough, should memory be out */
    }
    return REFUSED;
}

struct span registry_command_answer(struct registry_command *command)
{
    struct registry_turn *turn = command->turn;
    char transaction[TRANSACTION_TEXT_MAX];
    uint64_t number = entropy_u64(turn->registry->options.entropy);
    snprintf(transaction, sizeof transaction, "VOUCH-%016llx", (unsigned long long)number);
    command->response->server_transaction = span_of_text(transaction);
    command->response->client_transaction = command->epp->client_transaction;
    uint8_t *bytes = arena_take(turn->scratch, EPP_FRAME_LEN_MAX);
    if (bytes == NULL) {
        return SPAN_EMPTY;
    }
    struct writer frame = writer_over(bytes, EPP_FRAME_LEN_MAX);
    enum status status = epp_response_write(command->response, &frame);
    command->response->server_transaction = SPAN_EMPTY;
    if (status != OK) {
        log_line(turn->registry->options.log, LOG_ERROR, "a response cannot be written: %s",
                 status_text(status));
        return SPAN_EMPTY;
    }
    turn->registry->responses[command->response->code - EPP_OK]++;
    return writer_written(&frame);
}

/* The records or memory failed: nothing was done, and the client may try again. */
static struct span answer_failure(struct registry_command *command, enum status status)
{
    log_line(command->turn->registry->options.log, LOG_ERROR, "a command of %.*s failed: %s",
             (int)command->client.len, command->client.bytes, status_text(status));
    *command->response = (struct epp_response){.code = EPP_FAILED, .verb = EPP_UNIMPLEMENTED};
    command->response->reason = SPAN_LITERAL("nothing was changed; try again later");
    return registry_command_answer(command);
}

/* What changes objects. The verbs say which of before and after there are. */
struct transform {
    enum status (*decide)(struct registry_command *command, struct registry_domain *before,
                          struct registry_domain *after);
    bool has_before, has_after;
    const char *past; /* for the log */
};
static const struct transform transforms[EPP_VERB_COUNT] = {
    [EPP_DOMAIN_CREATE] = {registry_domain_create, false, true, "created"},
    [EPP_DOMAIN_UPDATE] = {registry_domain_update, true, true, "updated"},
    [EPP_DOMAIN_DELETE] = {registry_domain_delete, true, false, "deleted"},
};

static enum status objects_put(struct registry_command *command, const struct transform *transform,
                               struct registry_domain *before, struct registry_domain *after)
{
    struct records *records = command->turn->registry->options.records;
    struct arena *scratch = command->turn->scratch;
    if (!transform->has_before) {
        return registry_store_add_domain(records, scratch, after);
    }
    if (!transform->has_after) {
        return registry_store_remove_domain(records, scratch, before);
    }
    return registry_store_put_domain(records, scratch, after);
}

/* Inside the transaction. OK with the frame to answer, refusals included. */
static enum status transform_make(struct registry_command *command,
                                  const struct transform *transform, struct span digest,
                                  struct registry_zone_change *change, struct span *frame)
{
    struct registry_turn *turn = command->turn;
    struct registry_domain *domains = arena_take_array(turn->scratch, 2, sizeof *domains);
    if (domains == NULL) {
        return NO_MEMORY;
    }
    struct registry_domain *before = &domains[0], *after = &domains[1];
    enum status status = transform->decide(command, before, after);
    bool is_refused = status == REFUSED && command->response->code != EPP_OK;
    if (status == OK) {
        status = objects_put(command, transform, before, after);
    }
    if (status == OK) {
        status = registry_zone_prepare(turn->registry, transform->has_before ? before : NULL,
                                       transform->has_after ? after : NULL, turn->scratch, change);
    }
    if (status != OK && !is_refused) {
        return status;
    }
    const struct registry_domain *object = transform->has_before ? before : after;
    log_line(turn->registry->options.log, is_refused ? LOG_NOTICE : LOG_DETAIL,
             "%.*s: %.*s %s%s %.*s", (int)command->client.len, command->client.bytes,
             (int)object->text.len, object->text.bytes, is_refused ? "is not " : "",
             transform->past, (int)command->response->reason.len, command->response->reason.bytes);
    *frame = registry_command_answer(command);
    if (frame->len == 0) {
        return NO_MEMORY;
    }
    return command->epp->client_transaction.len == 0
               ? OK /* without a clTRID nothing says that a second one is the first again */
               : registry_store_put_response(turn->registry->options.records, turn->scratch,
                                             command->client, digest, *frame, turn->now_s);
}

static struct span transform_run(struct registry_command *command,
                                 const struct transform *transform, struct span digest)
{
    struct registry *registry = command->turn->registry;
    struct records *records = registry->options.records;
    struct registry_zone_change change = {0};
    struct span frame = SPAN_EMPTY;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return answer_failure(command, status);
    }
    status = transform_make(command, transform, digest, &change, &frame);
    if (status == OK) {
        status = records->commit(records->self);
    } else {
        records->rollback(records->self);
    }
    if (status != OK) {
        registry_zone_cancel(&change);
        return answer_failure(command, status);
    }
    if (command->response->code == EPP_OK) {
        registry->commands_done++;
    } else {
        registry->commands_refused++;
    }
    if (change.next != NULL) {
        registry_zone_publish(&change);
        registry_notify_start(command->turn, change.tld);
    }
    return frame;
}

static struct span repeat_or_run(struct registry_command *command,
                                 const struct transform *transform, struct span frame)
{
    struct registry_turn *turn = command->turn;
    uint8_t bytes[DIGEST_LEN_MAX];
    enum status status = digest_make(DIGEST_SHA256, &frame, 1, bytes);
    struct span digest = span_of(bytes, digest_len(DIGEST_SHA256));
    struct span known = SPAN_EMPTY;
    if (status == OK && command->epp->client_transaction.len > 0) {
        status = registry_store_find_response(turn->registry->options.records, turn->scratch,
                                              command->client, digest, &known);
        if (status == OK) {
            return known;
        }
        status = status == NOT_FOUND ? OK : status;
    }
    return status == OK ? transform_run(command, transform, digest)
                        : answer_failure(command, status);
}

/* The queue of messages (RFC 5730 §2.9.2.3). */

static enum status poll_request(struct registry_command *command)
{
    struct registry_message message;
    struct epp_response *response = command->response;
    enum status status =
        registry_store_first_message(command->turn->registry->options.records,
                                     command->turn->scratch, command->client, &message);
    if (status == NOT_FOUND) {
        response->code = EPP_NO_MESSAGES;
        return OK;
    }
    if (status != OK) {
        return status;
    }
    char *number = arena_print(command->turn->scratch, "%lld", (long long)message.number);
    response->code = EPP_ACK_TO_DEQUEUE;
    response->queue_count = (size_t)message.count;
    response->queue_id = number == NULL ? SPAN_EMPTY : span_of_text(number);
    response->queue_text = message.text;
    response->queue_time_s = message.time_s;
    return number == NULL ? NO_MEMORY : OK;
}

static enum status poll_ack(struct registry_command *command)
{
    struct records *records = command->turn->registry->options.records;
    struct span text = command->epp->poll_message;
    uint64_t number = 0;
    enum status status = text_read_u64(text, INT64_MAX, &number);
    if (status == OK) {
        status = registry_store_remove_message(records, command->turn->scratch, command->client,
                                               (int64_t)number);
    } else {
        status = NOT_FOUND;
    }
    if (status == NOT_FOUND) {
        return registry_refuse(command, EPP_DOES_NOT_EXIST, "there is no message %.*s",
                               text.len > 20 ? 20 : (int)text.len, text.bytes);
    }
    return status;
}

struct span registry_command_run(struct registry_command *command, struct span frame)
{
    static enum status (*const queries[EPP_VERB_COUNT])(struct registry_command * command) = {
        [EPP_DOMAIN_CHECK] = registry_domain_check,
        [EPP_DOMAIN_INFO] = registry_domain_info,
        [EPP_POLL_REQUEST] = poll_request,
        [EPP_POLL_ACK] = poll_ack,
    };
    enum epp_verb verb = command->epp->verb;
    require(verb < EPP_VERB_COUNT);
    if (transforms[verb].decide != NULL) {
        return repeat_or_run(command, &transforms[verb], frame);
    }
    require(queries[verb] != NULL);
    enum status status = queries[verb](command);
    bool is_refused = status == REFUSED && command->response->code != EPP_OK;
    return status == OK || is_refused ? registry_command_answer(command)
                                      : answer_failure(command, status);
}
