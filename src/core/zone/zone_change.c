/* How a difference lies in octets: records in wire form, the two SOAs standing between them as in
 * an IXFR. */
#include "core/zone/zone_change.h"

#include "core/dns/rdata.h"
#include "core/zone/transfer.h"

#include <stdlib.h>
#include <string.h>

enum {
    FORM = 1,                   /* the first octet */
    RECORD_TAIL_LEN = 2 + 4 + 2 /* behind the owner: type, TTL, rdata length */
};

static bool buffer_grow(struct zone_change_buffer *buffer, size_t more)
{
    size_t needed = buffer->len + more;
    if (needed <= buffer->size) {
        return true;
    }
    size_t size = buffer->size < 4096 ? 4096 : buffer->size;
    while (size < needed) {
        size *= 2;
    }
    uint8_t *bytes = realloc(buffer->bytes, size);
    if (bytes == NULL) {
        return false;
    }
    buffer->bytes = bytes;
    buffer->size = size;
    return true;
}

static enum status buffer_add(struct zone_change_buffer *buffer, const struct rrset *record)
{
    struct span rdata = rrset_only(record);
    size_t len = record->owner.len + RECORD_TAIL_LEN + rdata.len;
    if (len > buffer->len_max - buffer->len) {
        buffer->status = LIMIT_REACHED;
    } else if (!buffer_grow(buffer, len)) {
        buffer->status = NO_MEMORY;
    } else {
        struct writer writer = writer_over(buffer->bytes + buffer->len, len);
        name_write(record->owner, &writer);
        writer_u16(&writer, record->type);
        writer_u32(&writer, record->ttl_s);
        writer_u16(&writer, (uint16_t)rdata.len);
        writer_span(&writer, rdata);
        buffer->len += len;
    }
    return buffer->status;
}

/* Who writes: the second SOA stands before the first record that comes. */
struct change_writing {
    struct zone_change_buffer *buffer;
    const struct rrset *soa; /* of the later version; NULL when it is written */
};

static enum status writing_turn(struct change_writing *writing)
{
    const struct rrset *soa = writing->soa;
    writing->soa = NULL;
    return soa == NULL ? OK : buffer_add(writing->buffer, soa);
}

static enum status writing_take(void *user, bool is_added, const struct rrset *record)
{
    struct change_writing *writing = user;
    enum status status = is_added ? writing_turn(writing) : OK;
    return status == OK ? buffer_add(writing->buffer, record) : status;
}

enum status zone_change_write(const struct zone *from, const struct zone *to,
                              struct zone_change_buffer *buffer)
{
    struct change_writing writing = {buffer, zone_soa(to)};
    require(zone_soa(from) != NULL && zone_soa(to) != NULL);
    buffer->len = 0;
    buffer->status = buffer_grow(buffer, 1) ? OK : NO_MEMORY;
    if (buffer->status != OK) {
        return buffer->status;
    }
    buffer->bytes[buffer->len++] = FORM;
    enum status status = buffer_add(buffer, zone_soa(from));
    status = status == OK ? zone_diff(from, to, writing_take, &writing) : status;
    return status == OK ? writing_turn(&writing) : status;
}

void zone_change_close(struct zone_change_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct zone_change_buffer){0};
}

/* ------------------------------------------------------------------ reading */

/* The next record as a view. */
static enum status record_read(struct reader *reader, struct name apex, struct rrset *record)
{
    *record = (struct rrset){.class_ = CLASS_IN, .count = 1};
    record->owner = name_read(reader);
    record->type = reader_u16(reader);
    record->ttl_s = reader_u32(reader);
    struct span rdata = reader_span(reader, reader_u16(reader));
    if (reader->status != OK || !name_is_at_or_below(record->owner, apex) ||
        type_is_meta(record->type) || rdata_check(record->type, rdata) != OK) {
        return MALFORMED;
    }
    record->rdata = rdata.bytes - 2; /* with its length in front */
    record->rdata_len = (uint32_t)rdata.len + 2;
    return OK;
}

/* A change taken apart. */
struct change_parts {
    struct rrset soas[2];
    struct span records[2]; /* what goes, what comes */
};

static enum status parts_read(struct span change, struct name apex, struct change_parts *parts)
{
    struct reader reader = reader_over(change);
    size_t soa_count = 0;
    size_t from = 0;
    if (reader_u8(&reader) != FORM) {
        return MALFORMED;
    }
    while (reader_left(&reader) > 0) {
        size_t at = reader.at;
        struct rrset record;
        if (record_read(&reader, apex, &record) != OK) {
            return MALFORMED;
        }
        bool is_soa = record.type == TYPE_SOA;
        if (is_soa != (soa_count == 0) && !(is_soa && soa_count == 1)) {
            return MALFORMED;
        }
        if (is_soa && !name_equal(record.owner, apex)) {
            return MALFORMED;
        }
        if (is_soa) {
            parts->soas[soa_count] = record;
            parts->records[0] = span_part(change, from, soa_count == 0 ? 0 : at - from);
            from = reader.at;
            soa_count++;
        }
    }
    parts->records[1] = span_part(change, from, change.len - from);
    return soa_count == 2 ? OK : MALFORMED;
}

static enum status part_apply(struct zone_builder *builder, struct name apex, struct span records,
                              bool is_added)
{
    struct reader reader = reader_over(records);
    enum status status = OK;
    while (status == OK && reader_left(&reader) > 0) {
        struct rrset record;
        status = record_read(&reader, apex, &record);
        if (status != OK) {
            return status;
        }
        struct span rdata = rrset_only(&record);
        status = is_added ? zone_build_add(builder, record.owner, record.type, record.ttl_s, rdata)
                          : zone_build_remove(builder, record.owner, record.type, rdata);
    }
    return status == NOT_FOUND ? MALFORMED : status;
}

enum status zone_change_apply(const struct zone *version, struct span change, bool is_backward,
                              struct zone **result)
{
    struct change_parts parts = {0};
    struct name apex = zone_apex(version);
    const struct rrset *soa = zone_soa(version);
    enum status status = soa == NULL ? MALFORMED : parts_read(change, apex, &parts);
    if (status != OK) {
        return status;
    }
    const struct rrset *here = &parts.soas[is_backward], *there = &parts.soas[!is_backward];
    if (here->ttl_s != soa->ttl_s || !rrset_equal(here, soa)) {
        return MALFORMED;
    }
    struct zone_builder *builder;
    status = zone_build(apex, version, &builder);
    if (status != OK) {
        return status;
    }
    status = part_apply(builder, apex, parts.records[is_backward], false);
    status = status == OK ? part_apply(builder, apex, parts.records[!is_backward], true) : status;
    status = status == OK ? zone_build_set(builder, there) : status;
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *result = zone_build_finish(builder);
    return *result == NULL ? NO_MEMORY : OK;
}
