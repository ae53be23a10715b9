/* Zone files and zones: a file becomes a zone version or findings, a version becomes a file. */
#include "core/zone/zonefile.h"

#include "core/zone/zone.h"
#include "core/zone/zonefile_read.h"

struct loading {
    struct zone_builder *builder;
    void (*problem_each)(void *user, const struct problem *problem);
    void *user;
};

static enum status load_record(void *user, const struct rrset *record, uint32_t line)
{
    (void)line;
    struct loading *loading = user;
    return zone_build_add(loading->builder, record->owner, record->type, record->ttl_s,
                          rrset_only(record));
}

static void load_problem(void *user, const struct problem *problem)
{
    struct loading *loading = user;
    if (loading->problem_each != NULL) {
        loading->problem_each(loading->user, problem);
    }
}

enum status zonefile_load(const struct zonefile_source *source, struct name apex,
                          void (*problem_each)(void *user, const struct problem *problem),
                          void *user, struct zone **zone)
{
    struct loading loading = {NULL, problem_each, user};
    struct zonefile_sink sink = {load_record, load_problem, &loading};
    *zone = NULL;
    enum status status = zone_build(apex, NULL, &loading.builder);
    if (status != OK) {
        return status;
    }
    status = zonefile_read_within(source, &sink, &apex);
    if (status != OK) {
        if (status != MALFORMED) { /* the zone could not hold it; the findings tell the rest */
            struct problem problem = {OK};
            problem_place(&problem, source->file == NULL ? "" : source->file, 0, 0);
            (void)problem_set(&problem, status, "the zone cannot be kept: %s", status_text(status));
            load_problem(&loading, &problem);
        }
        zone_build_cancel(loading.builder);
        return status;
    }
    *zone = zone_build_finish(loading.builder);
    return *zone == NULL ? NO_MEMORY : OK;
}

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
