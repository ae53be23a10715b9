/* The order and form in which records enter a signature. */
#include "core/dnssec/canonical.h"

#include "core/dns/rdata.h"

#include <stdlib.h>

enum { RECORD_FIXED_LEN = 10 };

/* Canonical rdata, each behind its length, sorted and without duplicates (RFC 4034 §6.3). */
static int compare_records(const void *a, const void *b)
{
    const struct span *one = a;
    const struct span *other = b;
    return span_compare(*one, *other);
}

static bool is_sorted(const struct span *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (span_compare(records[i - 1], records[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static size_t sort_records(struct span *records, size_t count)
{
    if (is_sorted(records, count)) {
        return count;
    }
    qsort(records, count, sizeof *records, compare_records);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (!span_equal(records[kept - 1], records[i])) {
            records[kept++] = records[i];
        }
    }
    return kept;
}

/* Copies all rdata in canonical form; `records` are views of the copies. */
static enum status copy_records(const struct rrset *rrset, struct arena *scratch,
                                struct span *records)
{
    uint8_t *bytes = arena_take(scratch, rrset->rdata_len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer writer = writer_over(bytes, rrset->rdata_len);
    struct span rdata;
    size_t i = 0;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata); i++) {
        size_t at = writer.len;
        require(i < rrset->count);
        rdata_write_canonical(rrset->type, rdata, &writer);
        records[i] = span_of(bytes + at, writer.len - at);
    }
    require(i == rrset->count);
    return writer.status;
}

/* owner | type | class | original TTL, and the length of each record's rdata behind a copy of it.
 */
static enum status write_heads(const struct rrset *rrset, struct name owner, uint32_t ttl_s,
                               struct arena *scratch, struct canonical *canonical)
{
    const size_t count = (canonical->count - 1) / 2;
    const size_t head_len = (size_t)owner.len + RECORD_FIXED_LEN;
    uint8_t *heads = arena_take_array(scratch, count, head_len);
    if (heads == NULL) {
        return NO_MEMORY;
    }
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(owner, &buffer, &lower);
    struct writer writer = writer_over(heads, count * head_len);
    for (size_t i = 0; i < count; i++) {
        struct span *head = &canonical->parts[1 + 2 * i];
        size_t at = writer.len;
        name_write(lower, &writer);
        writer_u16(&writer, rrset->type);
        writer_u16(&writer, rrset->class_);
        writer_u32(&writer, ttl_s);
        writer_u16(&writer, (uint16_t)head[1].len);
        *head = span_of(heads + at, writer.len - at);
    }
    return writer.status;
}

enum status canonical_make(const struct rrset *rrset, struct name owner, uint32_t ttl_s,
                           struct arena *scratch, struct canonical *canonical)
{
    require(rrset->count != 0);
    struct span *records = arena_take_array(scratch, rrset->count, sizeof *records);
    if (records == NULL) {
        return NO_MEMORY;
    }
    enum status status = copy_records(rrset, scratch, records);
    if (status != OK) {
        return status;
    }
    size_t count = sort_records(records, rrset->count);
    canonical->count = 1 + 2 * count;
    canonical->parts = arena_take_array(scratch, canonical->count, sizeof *canonical->parts);
    if (canonical->parts == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        canonical->parts[2 + 2 * i] = records[i];
    }
    return write_heads(rrset, owner, ttl_s, scratch, canonical);
}

size_t canonical_len(const struct rrset *rrset)
{
    return rrset->rdata_len + (size_t)rrset->count * (rrset->owner.len + RECORD_FIXED_LEN);
}

void canonical_write(const struct rrset *rrset, uint32_t ttl_s, struct writer *octets)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(rrset->owner, &buffer, &lower);
    uint8_t fixed[8];
    struct writer writer = writer_over(fixed, sizeof fixed);
    writer_u16(&writer, rrset->type);
    writer_u16(&writer, CLASS_IN);
    writer_u32(&writer, ttl_s);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        name_write(lower, octets);
        writer_span(octets, span_of(fixed, sizeof fixed));
        writer_u16(octets, (uint16_t)rdata.len);
        rdata_write_canonical(rrset->type, rdata, octets);
    }
}
