/* A transfer as its receiver sees it, with a primary that may be broken or hostile: every record
 * must fit the one state it arrives in, and nothing of a failed transfer is kept. */
#include "core/zone/transfer.h"
#include "core/zone/zone.h"

#include <stdlib.h>
#include <string.h>

/* What the records so far have been, and so what the next may be. */
enum incoming_state {
    INCOMING_FIRST,   /* nothing yet: the first record must be the primary's SOA */
    INCOMING_SECOND,  /* only the first SOA: the next record tells AXFR from IXFR */
    INCOMING_WHOLE,   /* AXFR: records, until the SOA comes again */
    INCOMING_REMOVED, /* IXFR: what goes, until an SOA */
    INCOMING_ADDED,   /* IXFR: what comes, until an SOA */
    INCOMING_CLOSED,  /* the closing SOA came: nothing may follow */
    INCOMING_FAILED
};

struct transfer_in {
    enum incoming_state state;
    struct name apex;
    struct name_buffer apex_buffer;
    struct zone *held;            /* NULL: AXFR was asked for */
    struct zone_builder *builder; /* NULL before the kind of transfer is known */
    struct zone *finished;
    struct arena arena; /* the first SOA */
    struct rrset soa;   /* the first, which must come again at the end */
    uint32_t serial;    /* of the first SOA */
    uint32_t at_serial; /* IXFR: the version reached by the differences so far */
    uint64_t record_count;
    struct problem *problem; /* of the message in hand */
};

enum { SOA_SCRATCH_MAX = 8192 };

enum status transfer_in_open(struct name apex, const struct zone *held,
                             struct transfer_in **transfer)
{
    struct transfer_in *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NO_MEMORY;
    }
    name_copy_to(apex, &made->apex_buffer, &made->apex);
    made->held = held == NULL ? NULL : zone_hold(held);
    arena_open(&made->arena, SOA_SCRATCH_MAX);
    *transfer = made;
    return OK;
}

void transfer_in_close(struct transfer_in *transfer)
{
    if (transfer == NULL) {
        return;
    }
    zone_build_cancel(transfer->builder);
    zone_release(transfer->finished);
    zone_release(transfer->held);
    arena_close(&transfer->arena);
    free(transfer);
}

uint32_t transfer_in_serial(const struct transfer_in *transfer)
{
    return transfer->serial;
}

/* Fails with a sentence that names the record. */
static enum status record_refuse(struct transfer_in *transfer, const struct rrset *record,
                                 const char *why)
{
    char name[NAME_TEXT_MAX];
    char type[TYPE_TEXT_MAX];
    return problem_set(transfer->problem, REFUSED, "the transfer sent %s %s, %s",
                       name_print(record->owner, name), type_print(record->type, type), why);
}

static bool record_is_apex_soa(const struct transfer_in *transfer, const struct rrset *record)
{
    return record->type == TYPE_SOA && name_equal(record->owner, transfer->apex);
}

static uint32_t record_soa_serial(const struct rrset *record)
{
    struct span rdata = rrset_only(record);
    if (rdata.len < 20) {
        return 0;
    }
    struct reader reader = reader_over(span_part(rdata, rdata.len - 20, 4));
    return reader_u32(&reader);
}

static enum status take_first(struct transfer_in *transfer, const struct rrset *record)
{
    if (!record_is_apex_soa(transfer, record)) {
        return record_refuse(transfer, record, "but a transfer begins with the zone's SOA");
    }
    enum status status = rrset_copy(&transfer->arena, record, &transfer->soa);
    transfer->serial = record_soa_serial(record);
    transfer->state = INCOMING_SECOND;
    return status;
}

static enum status build_begin(struct transfer_in *transfer, const struct zone *from)
{
    return zone_build(transfer->apex, from, &transfer->builder);
}

/* The last SOA must be the first again, octet by octet. */
static enum status take_closing_soa(struct transfer_in *transfer, const struct rrset *record)
{
    if (record->ttl_s != transfer->soa.ttl_s || !rrset_equal(record, &transfer->soa)) {
        return record_refuse(transfer, record, "which closes another version than was begun");
    }
    transfer->state = INCOMING_CLOSED;
    return zone_build_set(transfer->builder, &transfer->soa);
}

static enum status take_record(struct transfer_in *transfer, const struct rrset *record)
{
    return zone_build_add(transfer->builder, record->owner, record->type, record->ttl_s,
                          rrset_only(record));
}

static enum status take_whole(struct transfer_in *transfer, const struct rrset *record)
{
    if (record_is_apex_soa(transfer, record)) {
        return take_closing_soa(transfer, record);
    }
    return take_record(transfer, record);
}

/* IXFR: an SOA that ends what comes, or begins the whole: the next difference or the close. */
static enum status take_turn(struct transfer_in *transfer, const struct rrset *record)
{
    if (transfer->at_serial == transfer->serial) {
        return take_closing_soa(transfer, record);
    }
    if (record_soa_serial(record) != transfer->at_serial) {
        return record_refuse(transfer, record,
                             "a difference that does not begin where the last one ended");
    }
    transfer->state = INCOMING_REMOVED;
    return OK;
}

static enum status take_second(struct transfer_in *transfer, const struct rrset *record)
{
    bool is_difference = transfer->held != NULL && record_is_apex_soa(transfer, record) &&
                         record_soa_serial(record) != transfer->serial;
    if (transfer->held != NULL && !serial_is_newer(transfer->serial, zone_serial(transfer->held))) {
        return record_refuse(transfer, record,
                             "although the primary has nothing newer than what is held");
    }
    enum status status = build_begin(transfer, is_difference ? transfer->held : NULL);
    if (status != OK) {
        return status;
    }
    if (is_difference) {
        transfer->at_serial = zone_serial(transfer->held);
        return take_turn(transfer, record);
    }
    transfer->state = INCOMING_WHOLE;
    return take_whole(transfer, record);
}

static enum status take_removed(struct transfer_in *transfer, const struct rrset *record)
{
    if (record_is_apex_soa(transfer, record)) {
        uint32_t serial = record_soa_serial(record);
        bool is_forward = serial_is_newer(serial, transfer->at_serial) &&
                          !serial_is_newer(serial, transfer->serial);
        if (!is_forward) {
            return record_refuse(transfer, record, "a difference to a serial that is out of order");
        }
        transfer->at_serial = serial;
        transfer->state = INCOMING_ADDED;
        return OK;
    }
    enum status status =
        zone_build_remove(transfer->builder, record->owner, record->type, rrset_only(record));
    if (status == NOT_FOUND) {
        return record_refuse(transfer, record,
                             "to be removed, but the version held has no such "
                             "record");
    }
    return status;
}

static enum status take_added(struct transfer_in *transfer, const struct rrset *record)
{
    if (record_is_apex_soa(transfer, record)) {
        return take_turn(transfer, record);
    }
    if (zone_build_has(transfer->builder, record->owner, record->type, rrset_only(record))) {
        return record_refuse(transfer, record, "to be added, but the version has it already");
    }
    return take_record(transfer, record);
}

static enum status take_behind_end(struct transfer_in *transfer, const struct rrset *record)
{
    return record_refuse(transfer, record, "behind the closing SOA");
}

static enum status take_nothing(struct transfer_in *transfer, const struct rrset *record)
{
    (void)transfer;
    (void)record;
    return REFUSED;
}

static enum status record_check(struct transfer_in *transfer, const struct rrset *record)
{
    if (record->class_ != CLASS_IN) {
        return record_refuse(transfer, record, "of a class other than IN");
    }
    if (type_is_meta(record->type)) {
        return record_refuse(transfer, record, "a type that is never zone data");
    }
    if (!name_is_at_or_below(record->owner, transfer->apex)) {
        return record_refuse(transfer, record, "which is not in the zone");
    }
    if (record->type == TYPE_SOA && !name_equal(record->owner, transfer->apex)) {
        return record_refuse(transfer, record, "an SOA below the apex");
    }
    if (++transfer->record_count > TRANSFER_RECORDS_MAX) {
        return problem_set(transfer->problem, LIMIT_REACHED,
                           "the transfer has more than %d records", TRANSFER_RECORDS_MAX);
    }
    return OK;
}

static enum status incoming_take(void *user, const struct rrset *record)
{
    static enum status (*const takers[])(struct transfer_in *, const struct rrset *) = {
        [INCOMING_FIRST] = take_first,    [INCOMING_SECOND] = take_second,
        [INCOMING_WHOLE] = take_whole,    [INCOMING_REMOVED] = take_removed,
        [INCOMING_ADDED] = take_added,    [INCOMING_CLOSED] = take_behind_end,
        [INCOMING_FAILED] = take_nothing,
    };
    struct transfer_in *transfer = user;
    enum status status = record_check(transfer, record);
    if (status != OK) {
        return status;
    }
    return takers[transfer->state](transfer, record);
}

static enum status message_accept(struct transfer_in *transfer, struct span wire)
{
    struct message message;
    struct name_buffer buffer;
    enum status status = message_read_query(wire, &buffer, &message);
    if (status != OK) {
        return problem_set(transfer->problem, status, "the primary sent a malformed message");
    }
    if ((message.flags & FLAG_QR) == 0 || message.opcode != OPCODE_QUERY) {
        return problem_set(transfer->problem, REFUSED, "the primary sent no response");
    }
    if (message.rcode != RCODE_NOERROR) {
        return problem_set(transfer->problem, REFUSED, "the primary answered %s",
                           rcode_text(message.rcode));
    }
    if (message.question_count > 0 && !name_equal(message.question.name, transfer->apex)) {
        return problem_set(transfer->problem, REFUSED, "the primary answered for another zone");
    }
    if (message.question_count > 0 &&
        (message.question.type != (transfer->held == NULL ? TYPE_AXFR : TYPE_IXFR) ||
         message.question.class_ != CLASS_IN)) {
        return problem_set(transfer->problem, REFUSED, "the primary answered another question");
    }
    uint64_t count_before = transfer->record_count;
    status = message_walk_answers(wire, incoming_take, transfer);
    if (status == OK && transfer->record_count == count_before) {
        return problem_set(transfer->problem, REFUSED,
                           "the primary sent a message without records");
    }
    return status;
}

static enum transfer_state incoming_finish(struct transfer_in *transfer)
{
    struct zone_builder *builder = transfer->builder;
    transfer->builder = NULL;
    transfer->finished = zone_build_finish(builder);
    if (transfer->finished == NULL) {
        transfer->state = INCOMING_FAILED;
        problem_set(transfer->problem, LIMIT_REACHED,
                    "the transfer has an RRset too large, or memory ran out");
        return TRANSFER_FAILED;
    }
    return TRANSFER_DONE;
}

enum transfer_state transfer_in_add(struct transfer_in *transfer, struct span wire,
                                    struct problem *problem)
{
    transfer->problem = problem;
    enum status status =
        transfer->state == INCOMING_FAILED ? REFUSED : message_accept(transfer, wire);
    transfer->problem = NULL;
    if (status != OK) {
        transfer->state = INCOMING_FAILED;
        if (problem != NULL && problem->status == OK) {
            problem_set(problem, status, "the transfer cannot be used: %s", status_text(status));
        }
        return TRANSFER_FAILED;
    }
    if (transfer->state == INCOMING_CLOSED) {
        transfer->problem = problem;
        return incoming_finish(transfer);
    }
    /* A lone SOA answers an IXFR when there is nothing newer (RFC 1995 §4). */
    if (transfer->state == INCOMING_SECOND && transfer->held != NULL &&
        !serial_is_newer(transfer->serial, zone_serial(transfer->held))) {
        return TRANSFER_UP_TO_DATE;
    }
    return TRANSFER_MORE;
}

struct zone *transfer_in_finish(struct transfer_in *transfer)
{
    require(transfer->state == INCOMING_CLOSED && transfer->finished != NULL);
    struct zone *zone = transfer->finished;
    transfer->finished = NULL;
    return zone;
}
