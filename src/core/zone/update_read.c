/* How an UPDATE lies in its message: the zone where a query has its question, prerequisites where
 * answers stand, changes where authority stands (RFC 2136 §2). */
#include "core/zone/update.h"

struct update_reading {
    struct arena *arena;
    struct rrset *records[2]; /* prerequisites, changes */
    size_t counts[2];
};

static enum status count_record(void *user, enum section section, const struct rrset *record)
{
    struct update_reading *reading = user;
    (void)record;
    reading->counts[section]++;
    return OK;
}

static enum status take_record(void *user, enum section section, const struct rrset *record)
{
    struct update_reading *reading = user;
    struct rrset *copy = &reading->records[section][reading->counts[section]++];
    struct span rdata = SPAN_EMPTY;
    *copy = *record;
    enum status status = name_copy(reading->arena, record->owner, &copy->owner);
    if (status == OK && record->count > 0) {
        status = arena_copy(reading->arena, span_of(record->rdata, record->rdata_len), &rdata);
        copy->rdata = rdata.bytes;
    }
    return status;
}

static uint16_t read_zone(struct span wire, struct arena *arena, struct update *update,
                          struct problem *problem)
{
    struct message message;
    struct name_buffer buffer;
    if (message_read_query(wire, &buffer, &message) != OK || message.question_count != 1 ||
        message.question.type != TYPE_SOA) {
        problem_set(problem, MALFORMED, "an UPDATE names one zone by its SOA");
        return RCODE_FORMERR;
    }
    if (message.question.class_ != CLASS_IN) {
        problem_set(problem, REFUSED, "only class IN is here");
        return RCODE_NOTAUTH;
    }
    return name_copy(arena, message.question.name, &update->zone) == OK ? RCODE_NOERROR
                                                                        : RCODE_SERVFAIL;
}

uint16_t update_read(struct span wire, struct arena *arena, struct update *update,
                     struct problem *problem)
{
    struct update_reading reading = {.arena = arena};
    *update = (struct update){0};
    uint16_t rcode = read_zone(wire, arena, update, problem);
    if (rcode != RCODE_NOERROR) {
        return rcode;
    }
    enum status status = message_walk_update(wire, count_record, &reading);
    for (int i = 0; i < 2 && status == OK; i++) {
        reading.records[i] = arena_take_array(arena, reading.counts[i], sizeof(struct rrset));
        status = reading.records[i] == NULL ? NO_MEMORY : OK;
        reading.counts[i] = 0;
    }
    status = status == OK ? message_walk_update(wire, take_record, &reading) : status;
    if (status != OK) {
        problem_set(problem, status, "a record of the UPDATE cannot be read: %s",
                    status_text(status));
        return status == NO_MEMORY ? RCODE_SERVFAIL : RCODE_FORMERR;
    }
    update->prerequisites = reading.records[SECTION_ANSWER];
    update->prerequisite_count = reading.counts[SECTION_ANSWER];
    update->changes = reading.records[SECTION_AUTHORITY];
    update->change_count = reading.counts[SECTION_AUTHORITY];
    return RCODE_NOERROR;
}
