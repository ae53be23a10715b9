/* RRsets: walking, comparing, building and printing them. Knows the packed form of the records. */
#include "core/dns/rrset.h"

#include "core/dns/rdata.h"

#include <stdlib.h>
#include <string.h>

struct rrset_cursor rrset_first(const struct rrset *rrset)
{
    return (struct rrset_cursor){rrset->rdata,
                                 rrset->rdata == NULL ? NULL : rrset->rdata + rrset->rdata_len};
}

bool rrset_next(struct rrset_cursor *cursor, struct span *rdata)
{
    if (cursor->at == cursor->end) {
        return false;
    }
    size_t len = (size_t)cursor->at[0] << 8 | cursor->at[1];
    *rdata = span_of(cursor->at + 2, len);
    cursor->at += 2 + len;
    return true;
}

struct span rrset_only(const struct rrset *rrset)
{
    struct rrset_cursor cursor = rrset_first(rrset);
    struct span rdata = SPAN_EMPTY;
    bool has_one = rrset_next(&cursor, &rdata);
    require(has_one);
    return rdata;
}

static bool has_upper_case(struct span rdata)
{
    for (size_t i = 0; i < rdata.len; i++) {
        if (rdata.bytes[i] >= 'A' && rdata.bytes[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

/* Without upper case both are canonical as they stand. */
int rrset_compare_rdata(uint16_t type, struct span a, struct span b)
{
    int order = span_compare(a, b);
    if (order == 0 || (!has_upper_case(a) && !has_upper_case(b))) {
        return order;
    }
    enum { CANONICAL_INLINE_MAX = 1024 };
    if (a.len > CANONICAL_INLINE_MAX || b.len > CANONICAL_INLINE_MAX) {
        return order; /* types with names in lower case (RFC 6840 §5.1) are all shorter: at most two
                         names and numbers */
    }
    uint8_t a_octets[CANONICAL_INLINE_MAX], b_octets[CANONICAL_INLINE_MAX];
    struct writer a_canonical = writer_over(a_octets, sizeof a_octets);
    struct writer b_canonical = writer_over(b_octets, sizeof b_octets);
    rdata_write_canonical(type, a, &a_canonical);
    rdata_write_canonical(type, b, &b_canonical);
    return span_compare(writer_written(&a_canonical), writer_written(&b_canonical));
}

bool rrset_has(const struct rrset *rrset, struct span rdata)
{
    struct span own;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &own);) {
        if (rrset_compare_rdata(rrset->type, own, rdata) == 0) {
            return true;
        }
    }
    return false;
}

bool rrset_equal(const struct rrset *a, const struct rrset *b)
{
    if (a->type != b->type || a->covers != b->covers || a->class_ != b->class_ ||
        a->count != b->count || !name_equal(a->owner, b->owner)) {
        return false;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(a); rrset_next(&cursor, &rdata);) {
        if (!rrset_has(b, rdata)) {
            return false;
        }
    }
    return true;
}

void rrset_begin(struct rrset_builder *builder, struct arena *arena, struct name owner,
                 uint16_t type, uint32_t ttl_s)
{
    *builder = (struct rrset_builder){
        .arena = arena,
        .rrset = {.owner = owner, .type = type, .class_ = CLASS_IN, .ttl_s = ttl_s}};
}

static void make_room(struct rrset_builder *builder, size_t len)
{
    size_t wanted = builder->rrset.rdata_len + len;
    if (builder->status != OK || wanted <= builder->size) {
        return;
    }
    size_t size = builder->size == 0 ? 128 : builder->size * 2;
    size = size < wanted ? wanted : size;
    uint8_t *bytes = arena_take(builder->arena, size);
    if (bytes == NULL) {
        builder->status = NO_MEMORY;
        return;
    }
    if (builder->rrset.rdata_len != 0) {
        memcpy(bytes, builder->bytes, builder->rrset.rdata_len);
    }
    builder->bytes = bytes;
    builder->size = size;
}

void rrset_add(struct rrset_builder *builder, struct span rdata)
{
    if (builder->status != OK) {
        return;
    }
    if (rdata.len > RDATA_LEN_MAX || builder->rrset.count == RRSET_RECORDS_MAX) {
        builder->status = TOO_LONG;
        return;
    }
    if (builder->rrset.type == TYPE_RRSIG && builder->rrset.count == 0 && rdata.len >= 2) {
        builder->rrset.covers = (uint16_t)(rdata.bytes[0] << 8 | rdata.bytes[1]);
    }
    make_room(builder, rdata.len + 2);
    if (builder->status != OK) {
        return;
    }
    uint8_t *at = builder->bytes + builder->rrset.rdata_len;
    at[0] = (uint8_t)(rdata.len >> 8);
    at[1] = (uint8_t)rdata.len;
    if (rdata.len != 0) {
        memcpy(at + 2, rdata.bytes, rdata.len);
    }
    builder->rrset.rdata_len += (uint32_t)rdata.len + 2;
    builder->rrset.count++;
}

/* One record while sorting; the type travels along because qsort has no argument of ours. */
struct sorted_record {
    struct span rdata;
    uint16_t type;
};

static int compare_sorted(const void *a, const void *b)
{
    const struct sorted_record *left = a;
    const struct sorted_record *right = b;
    return rrset_compare_rdata(left->type, left->rdata, right->rdata);
}

static void pack_sorted(struct rrset_builder *builder, const struct sorted_record *records,
                        uint8_t *bytes)
{
    struct rrset *rrset = &builder->rrset;
    uint16_t count = rrset->count;
    uint32_t len = 0;
    rrset->count = 0;
    for (uint16_t i = 0; i < count; i++) {
        bool is_again =
            i > 0 && rrset_compare_rdata(rrset->type, records[i - 1].rdata, records[i].rdata) == 0;
        if (is_again) {
            continue; /* duplicates are one record (RFC 2181 §5) */
        }
        size_t record_len = records[i].rdata.len + 2;
        memcpy(bytes + len, records[i].rdata.bytes - 2, record_len);
        len += (uint32_t)record_len;
        rrset->count++;
    }
    rrset->rdata = bytes;
    rrset->rdata_len = len;
}

enum status rrset_finish(struct rrset_builder *builder, struct rrset *rrset)
{
    if (builder->status != OK) {
        return builder->status;
    }
    struct rrset *built = &builder->rrset;
    enum status status = name_copy(builder->arena, built->owner, &built->owner);
    built->rdata = builder->bytes;
    if (status == OK && built->count > 1) {
        struct sorted_record *records =
            arena_take_array(builder->arena, built->count, sizeof *records);
        uint8_t *bytes = arena_take(builder->arena, built->rdata_len);
        if (records == NULL || bytes == NULL) {
            return NO_MEMORY;
        }
        uint16_t i = 0;
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(built); rrset_next(&cursor, &rdata);) {
            records[i++] = (struct sorted_record){rdata, built->type};
        }
        qsort(records, built->count, sizeof *records, compare_sorted);
        pack_sorted(builder, records, bytes);
    }
    if (status == OK) {
        *rrset = *built;
    }
    return status;
}

enum status rrset_copy(struct arena *arena, const struct rrset *rrset, struct rrset *copy)
{
    struct span rdata;
    struct rrset copied = *rrset;
    enum status status = name_copy(arena, rrset->owner, &copied.owner);
    if (status == OK) {
        status = arena_copy(arena, span_of(rrset->rdata, rrset->rdata_len), &rdata);
    }
    if (status == OK) {
        copied.rdata = rdata.bytes;
        *copy = copied;
    }
    return status;
}

void rrset_write_text(const struct rrset *rrset, struct writer *text)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        name_write_text(rrset->owner, text);
        writer_print(text, "\t%u\t", rrset->ttl_s);
        class_write(rrset->class_, text);
        writer_u8(text, '\t');
        type_write(rrset->type, text);
        writer_u8(text, '\t');
        rdata_write_text(rrset->type, rdata, text);
        writer_u8(text, '\n');
    }
}
