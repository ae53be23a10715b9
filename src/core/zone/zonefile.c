/* Zones as files: a version becomes a text. */
#include "core/zone/zonefile.h"

#include "core/zone/zone.h"

enum {
    FLUSH_AT = 1 << 16,
    /* What is not flushed yet, and the longest record behind it. */
    BUFFER_SIZE = FLUSH_AT + 2 * NAME_TEXT_MAX + RDATA_TEXT_LEN_MAX
};

struct writing {
    struct writer text;
    void (*write)(void *user, struct span text);
    void *user;
    const uint8_t *owner; /* whose text is kept */
    struct writer owner_text;
    uint8_t owner_bytes[NAME_TEXT_MAX];
};

/* The RRsets of a node share their owner's octets, so its text is made once. */
static struct span owner_text(struct writing *writing, struct name owner)
{
    if (writing->owner != owner.octets) {
        writing->owner = owner.octets;
        writing->owner_text = writer_over(writing->owner_bytes, sizeof writing->owner_bytes);
        name_write_text(owner, &writing->owner_text);
    }
    return writer_written(&writing->owner_text);
}

static void write_rrset(struct writing *writing, const struct rrset *rrset)
{
    struct writer *text = &writing->text;
    uint8_t bytes[64];
    struct writer middle = writer_over(bytes, sizeof bytes);
    writer_u8(&middle, '\t');
    writer_decimal(&middle, rrset->ttl_s);
    writer_u8(&middle, '\t');
    class_write(rrset->class_, &middle);
    writer_u8(&middle, '\t');
    type_write(rrset->type, &middle);
    writer_u8(&middle, '\t');
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        writer_span(text, owner_text(writing, rrset->owner));
        writer_span(text, writer_written(&middle));
        rdata_write_text(rrset->type, rdata, text);
        writer_u8(text, '\n');
        require(text->status == OK && middle.status == OK);
        if (text->len >= FLUSH_AT) {
            writing->write(writing->user, writer_written(text));
            writer_rewind(text, 0);
        }
    }
}

enum status zonefile_write(const struct zone *zone, void (*write)(void *user, struct span text),
                           void *user)
{
    struct arena arena;
    arena_open(&arena, 2 * (size_t)BUFFER_SIZE);
    uint8_t *buffer = arena_take(&arena, BUFFER_SIZE);
    if (buffer == NULL) {
        return NO_MEMORY;
    }
    struct writing writing = {
        .text = writer_over(buffer, BUFFER_SIZE), .write = write, .user = user};
    const struct rrset *soa = zone_soa(zone);
    if (soa != NULL) {
        write_rrset(&writing, soa);
    }
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    const struct zone_node *node;
    while ((node = zone_walk_next(&cursor)) != NULL) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            if (&node->rrsets[i] != soa) {
                write_rrset(&writing, &node->rrsets[i]);
            }
        }
    }
    if (writing.text.len != 0) {
        write(user, writer_written(&writing.text));
    }
    arena_close(&arena);
    return OK;
}
