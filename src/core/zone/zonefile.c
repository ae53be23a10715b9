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
};

static void write_record(struct writing *writing, const struct rrset *rrset, struct span rdata)
{
    struct writer *text = &writing->text;
    name_write_text(rrset->owner, text);
    writer_print(text, "\t%u\t", rrset->ttl_s);
    class_write(rrset->class_, text);
    writer_u8(text, '\t');
    type_write(rrset->type, text);
    writer_u8(text, '\t');
    rdata_write_text(rrset->type, rdata, text);
    writer_u8(text, '\n');
    require(text->status == OK);
    if (text->len >= FLUSH_AT) {
        writing->write(writing->user, writer_written(text));
        writer_rewind(text, 0);
    }
}

static void write_rrset(struct writing *writing, const struct rrset *rrset)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        write_record(writing, rrset, rdata);
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
    struct writing writing = {writer_over(buffer, BUFFER_SIZE), write, user};
    const struct rrset *soa = zone_soa(zone);
    if (soa != NULL) {
        write_rrset(&writing, soa);
    }
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    const struct zone_node *node;
    while ((node = zone_walk_next(&cursor)) != NULL) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            if (node->rrsets[i] != soa) {
                write_rrset(&writing, node->rrsets[i]);
            }
        }
    }
    if (writing.text.len != 0) {
        write(user, writer_written(&writing.text));
    }
    arena_close(&arena);
    return OK;
}
