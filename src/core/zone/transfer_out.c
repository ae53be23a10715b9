/* A transfer as its sender sees it: the order of the records and how they are cut into messages. */
#include "core/zone/transfer.h"
#include "core/zone/zone_diff.h"

#include <stdlib.h>

bool serial_is_newer(uint32_t serial, uint32_t than)
{
    uint32_t ahead = serial - than;
    return ahead != 0 && ahead < 0x80000000U;
}

/* What is sent next. Each part ends by moving to the next one. */
enum transfer_part {
    PART_FIRST_SOA,   /* the current SOA */
    PART_WHOLE,       /* AXFR: every record but the SOA */
    PART_OLD_SOA,     /* IXFR: the asker's SOA */
    PART_REMOVED,     /* IXFR: what goes */
    PART_NEW_SOA,     /* IXFR: the current SOA again */
    PART_ADDED,       /* IXFR: what comes */
    PART_CLOSING_SOA, /* the current SOA once more */
    PART_END
};

struct transfer_out {
    enum transfer_part part;
    bool is_whole; /* AXFR */
    bool is_lone;  /* the asker is up to date */
    bool is_first_message;
    uint16_t id;
    struct question question;
    struct name_buffer question_buffer;
    struct zone *current;
    struct zone *asked; /* the asker's version; NULL for AXFR */
    struct zone_cursor cursor;
    const struct zone_node *node;
    uint16_t rrset_index;
    struct rrset_cursor records;
    const struct rrset *rrset;
    struct zone_subtraction subtraction;
    bool has_record; /* `record` waits for the next message */
    struct rrset record;
};

static struct zone *history_find(struct zone *const *history, size_t count, uint32_t serial)
{
    for (size_t i = count; i > 0; i--) {
        if (zone_serial(history[i - 1]) == serial) {
            return history[i - 1];
        }
    }
    return NULL;
}

enum status transfer_out_open(struct zone *const *history, size_t count, uint16_t type,
                              uint32_t asker_serial, struct question question, uint16_t id,
                              struct transfer_out **transfer)
{
    require(count > 0);
    struct zone *current = history[count - 1];
    if (zone_soa(current) == NULL) {
        return NOT_FOUND;
    }
    struct transfer_out *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NO_MEMORY;
    }
    bool is_incremental = type == TYPE_IXFR;
    struct zone *asked = is_incremental ? history_find(history, count, asker_serial) : NULL;
    made->is_lone = is_incremental && !serial_is_newer(zone_serial(current), asker_serial);
    made->is_whole = asked == NULL || zone_soa(asked) == NULL;
    made->is_first_message = true;
    made->id = id;
    made->question = question;
    name_copy_to(question.name, &made->question_buffer, &made->question.name);
    made->current = zone_hold(current);
    made->asked = made->is_whole ? NULL : zone_hold(asked);
    *transfer = made;
    return OK;
}

void transfer_out_close(struct transfer_out *transfer)
{
    if (transfer != NULL) {
        zone_release(transfer->current);
        zone_release(transfer->asked);
        free(transfer);
    }
}

static bool whole_next(struct transfer_out *transfer, struct rrset *record)
{
    for (;;) {
        struct span rdata;
        if (transfer->rrset != NULL && rrset_next(&transfer->records, &rdata)) {
            *record = *transfer->rrset;
            record->count = 1;
            record->rdata = rdata.bytes - 2; /* with its length in front */
            record->rdata_len = (uint32_t)rdata.len + 2;
            return true;
        }
        transfer->rrset = NULL;
        if (transfer->node == NULL || transfer->rrset_index == transfer->node->rrset_count) {
            transfer->node = zone_walk_next(&transfer->cursor);
            transfer->rrset_index = 0;
            if (transfer->node == NULL) {
                return false;
            }
        }
        const struct rrset *rrset = &transfer->node->rrsets[transfer->rrset_index++];
        if (rrset->type != TYPE_SOA) {
            transfer->rrset = rrset;
            transfer->records = rrset_first(rrset);
        }
    }
}

static bool part_soa(struct transfer_out *transfer, struct rrset *record)
{
    *record = *zone_soa(transfer->part == PART_OLD_SOA ? transfer->asked : transfer->current);
    switch (transfer->part) {
    case PART_FIRST_SOA:
        transfer->part = transfer->is_lone    ? PART_END
                         : transfer->is_whole ? PART_WHOLE
                                              : PART_OLD_SOA;
        zone_walk(transfer->current, &transfer->cursor);
        break;
    case PART_OLD_SOA:
        transfer->part = PART_REMOVED;
        zone_subtract(transfer->asked, transfer->current, &transfer->subtraction);
        break;
    case PART_NEW_SOA:
        transfer->part = PART_ADDED;
        zone_subtract(transfer->current, transfer->asked, &transfer->subtraction);
        break;
    case PART_CLOSING_SOA:
        transfer->part = PART_END;
        break;
    case PART_WHOLE:
    case PART_REMOVED:
    case PART_ADDED:
    case PART_END:
        require(false);
    }
    return true;
}

/* The next record of the transfer; false at the end. */
static bool transfer_next(struct transfer_out *transfer, struct rrset *record)
{
    while (transfer->part != PART_END) {
        switch (transfer->part) {
        case PART_WHOLE:
            if (whole_next(transfer, record)) {
                return true;
            }
            transfer->part = PART_CLOSING_SOA;
            break;
        case PART_REMOVED:
        case PART_ADDED:
            if (zone_subtract_next(&transfer->subtraction, record)) {
                return true;
            }
            transfer->part = transfer->part == PART_REMOVED ? PART_NEW_SOA : PART_CLOSING_SOA;
            break;
        case PART_FIRST_SOA:
        case PART_OLD_SOA:
        case PART_NEW_SOA:
        case PART_CLOSING_SOA:
            return part_soa(transfer, record);
        case PART_END:
            return false;
        }
    }
    return false;
}

struct span transfer_out_next(struct transfer_out *transfer, void *bytes, size_t size)
{
    if (!transfer->has_record) {
        transfer->has_record = transfer_next(transfer, &transfer->record);
    }
    if (!transfer->has_record) {
        return SPAN_EMPTY;
    }
    struct message_writer message;
    message_begin(&message, bytes, size, transfer->id, FLAG_QR | FLAG_AA, OPCODE_QUERY,
                  RCODE_NOERROR);
    message.keeps_case = true;
    if (transfer->is_first_message) {
        message_add_question(&message, transfer->question);
        transfer->is_first_message = false;
    }
    message_keep(&message, TSIG_RECORD_LEN_MAX);
    bool is_empty = true;
    while (transfer->has_record) {
        if (message_add_record(&message, SECTION_ANSWER, &transfer->record,
                               rrset_only(&transfer->record)) != OK) {
            break;
        }
        is_empty = false;
        transfer->has_record = transfer_next(transfer, &transfer->record);
    }
    if (is_empty) {
        transfer->has_record = false;
        transfer->part = PART_END;
        return SPAN_EMPTY;
    }
    return message_end(&message);
}

bool transfer_out_has_more(const struct transfer_out *transfer)
{
    return transfer->has_record || transfer->part == PART_FIRST_SOA;
}
