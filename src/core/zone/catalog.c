/* What the names of a catalog zone mean: the version, the members, and their properties. */
#include "core/zone/catalog.h"

#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <stdlib.h>
#include <string.h>

enum {
    MEMBER_LABELS = 2,   /* <unique>.zones below the apex */
    PROPERTY_LABELS = 3, /* group.<unique>.zones */
    TTL_S = 0,           /* nobody but transfers reads it (RFC 9432 §4.1) */
    REFRESH_S = 3600,
    RETRY_S = 600,
    EXPIRE_S = 2147483646,
    RDATA_SMALL = 600,
};

static const char VERSION[] = "2";

/* A catalog being read: members come in the order of their labels, each before its properties. */
struct reading {
    struct name apex;
    struct arena *arena;
    struct catalog *catalog;
    struct problem *problem;
    size_t size; /* members that there is room for */
};

static enum status broken(struct reading *reading, struct name owner, const char *what)
{
    char name[NAME_TEXT_MAX];
    return problem_set(reading->problem, MALFORMED, "the catalog is broken: %.200s %s",
                       name_print(owner, name), what);
}

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

static bool is_same_label(struct span a, struct span b)
{
    bool is_same = a.len == b.len;
    for (size_t i = 0; i < a.len && is_same; i++) {
        is_same = lower(a.bytes[i]) == lower(b.bytes[i]);
    }
    return is_same;
}

static bool is_label(struct span label, const char *word)
{
    return is_same_label(label, span_of_text(word));
}

/* The first string of a TXT. */
static struct span first_string(const struct rrset *rrset)
{
    struct span rdata;
    struct rrset_cursor cursor = rrset_first(rrset);
    if (!rrset_next(&cursor, &rdata) || rdata.len == 0 || rdata.bytes[0] >= rdata.len) {
        return SPAN_EMPTY;
    }
    return span_part(rdata, 1, rdata.bytes[0]);
}

static enum status check_version(struct reading *reading, const struct zone *zone)
{
    struct name_buffer buffer;
    struct name name;
    if (name_make_child(span_of_text("version"), reading->apex, &buffer, &name) != OK) {
        return broken(reading, reading->apex, "is too long a name");
    }
    const struct rrset *version = zone_find_rrset(zone, name, TYPE_TXT);
    if (version == NULL || version->count != 1) {
        return broken(reading, name, "has not one TXT, which says the version (RFC 9432 §4.2.1)");
    }
    struct span rdata = rrset_only(version);
    bool is_ours = rdata.len == sizeof VERSION && rdata.bytes[0] == sizeof VERSION - 1 &&
                   memcmp(rdata.bytes + 1, VERSION, sizeof VERSION - 1) == 0;
    return is_ours ? OK : broken(reading, name, "says another version than 2");
}

/* The only target of a PTR; false: there is not one alone. */
static bool read_target(const struct rrset *rrset, struct name *target)
{
    if (rrset->count != 1) {
        return false;
    }
    struct reader reader = reader_over(rrset_only(rrset));
    *target = name_read(&reader);
    return reader_end(&reader) == OK;
}

static enum status add_member(struct reading *reading, const struct zone_node *node)
{
    struct catalog *catalog = reading->catalog;
    const struct rrset *pointer = zone_node_rrset(node, TYPE_PTR);
    struct name target;
    if (pointer == NULL) {
        return OK; /* an empty non-terminal in other words */
    }
    if (!read_target(pointer, &target)) {
        return broken(reading, node->owner, "has more than one PTR (RFC 9432 §4.1)");
    }
    if (catalog->count >= CATALOG_MEMBERS_MAX) {
        return problem_set(reading->problem, LIMIT_REACHED, "the catalog has more than %d members",
                           CATALOG_MEMBERS_MAX);
    }
    require(catalog->count < reading->size);
    struct catalog_member *member = &catalog->members[catalog->count++];
    *member = (struct catalog_member){0};
    enum status status = name_copy(reading->arena, target, &member->zone);
    return status == OK ? arena_copy(reading->arena, name_label(node->owner, 0), &member->label)
                        : status;
}

/* Canonical order has a member right before what is below it. */
static struct catalog_member *member_of(const struct reading *reading, struct span label)
{
    struct catalog *catalog = reading->catalog;
    struct catalog_member *last =
        catalog->count == 0 ? NULL : &catalog->members[catalog->count - 1];
    return last != NULL && is_same_label(last->label, label) ? last : NULL;
}

static enum status add_property(struct reading *reading, const struct zone_node *node)
{
    struct catalog_member *member = member_of(reading, name_label(node->owner, 1));
    struct span word = name_label(node->owner, 0);
    const struct rrset *group = zone_node_rrset(node, TYPE_TXT);
    const struct rrset *owner = zone_node_rrset(node, TYPE_PTR);
    if (member != NULL && is_label(word, "group") && group != NULL) {
        return arena_copy(reading->arena, first_string(group), &member->group);
    }
    if (member != NULL && is_label(word, "coo") && owner != NULL) {
        struct name target;
        return read_target(owner, &target)
                   ? name_copy(reading->arena, target, &member->new_owner)
                   : broken(reading, node->owner, "has more than one PTR (RFC 9432 §4.3.1)");
    }
    return OK;
}

static enum status read_node(struct reading *reading, const struct zone_node *node)
{
    uint8_t below = (uint8_t)(node->owner.label_count - reading->apex.label_count);
    if ((below != MEMBER_LABELS && below != PROPERTY_LABELS) ||
        !is_label(name_label(node->owner, (uint8_t)(below - 1)), "zones")) {
        return OK;
    }
    return below == MEMBER_LABELS ? add_member(reading, node) : add_property(reading, node);
}

static int compare_members(const void *a, const void *b)
{
    const struct catalog_member *left = a;
    const struct catalog_member *right = b;
    return name_compare(left->zone, right->zone);
}

static enum status sort_members(struct reading *reading)
{
    struct catalog *catalog = reading->catalog;
    qsort(catalog->members, catalog->count, sizeof *catalog->members, compare_members);
    for (size_t i = 1; i < catalog->count; i++) {
        if (name_equal(catalog->members[i - 1].zone, catalog->members[i].zone)) {
            return broken(reading, catalog->members[i].zone, "is a member twice");
        }
    }
    return OK;
}

enum status catalog_read(const struct zone *zone, struct arena *arena, struct catalog *catalog,
                         struct problem *problem)
{
    size_t size = zone_node_count(zone);
    size = size > CATALOG_MEMBERS_MAX ? CATALOG_MEMBERS_MAX : size;
    struct reading reading = {zone_apex(zone), arena, catalog, problem, size};
    *catalog = (struct catalog){arena_take_array(arena, size, sizeof *catalog->members), 0};
    if (catalog->members == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for a catalog");
    }
    enum status status = check_version(&reading, zone);
    struct zone_cursor cursor;
    const struct zone_node *node;
    zone_walk(zone, &cursor);
    while (status == OK && (node = zone_walk_next(&cursor)) != NULL) {
        status = read_node(&reading, node);
    }
    status = status == OK ? sort_members(&reading) : status;
    if (status != OK && problem->status == OK) {
        problem_set(problem, status, "no memory for a catalog");
    }
    return status;
}

const struct catalog_member *catalog_find(const struct catalog *catalog, struct name zone)
{
    struct catalog_member wanted = {.zone = zone};
    return catalog->count == 0 ? NULL
                               : bsearch(&wanted, catalog->members, catalog->count,
                                         sizeof *catalog->members, compare_members);
}

/* ------------------------------------------------------------------ making */

void catalog_make_label(struct name zone, char label[CATALOG_LABEL_LEN])
{
    uint8_t digest[DIGEST_LEN_MAX];
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(zone, &buffer, &lower);
    struct span octets = name_span(lower);
    require(digest_make(DIGEST_SHA256, &octets, 1, digest) == OK);
    struct writer text = writer_over(label, CATALOG_LABEL_LEN);
    text_write_base16(&text, span_of(digest, CATALOG_LABEL_LEN / 2));
}

/* A catalog being made; what failed first stays. */
struct making {
    struct zone_builder *builder;
    enum status status;
};

static void add(struct making *making, struct name owner, uint16_t type, const struct writer *rdata)
{
    if (making->status == OK) {
        making->status = rdata->status != OK ? rdata->status
                                             : zone_build_add(making->builder, owner, type, TTL_S,
                                                              span_of(rdata->bytes, rdata->len));
    }
}

static void add_name(struct making *making, struct name owner, uint16_t type, struct name target)
{
    uint8_t bytes[RDATA_SMALL];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(target, &rdata);
    add(making, owner, type, &rdata);
}

static void add_text(struct making *making, struct name owner, struct span text)
{
    uint8_t bytes[RDATA_SMALL];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u8(&rdata, (uint8_t)text.len);
    writer_span(&rdata, text);
    add(making, owner, TYPE_TXT, &rdata);
}

/* `label` below `parent`. */
static struct name child(struct making *making, struct span label, struct name parent,
                         struct name_buffer *buffer)
{
    struct name name = parent;
    if (making->status == OK) {
        making->status = name_make_child(label, parent, buffer, &name);
    }
    return name;
}

/* Nobody is to ask a catalog anything, so that its SOA and NS lead nowhere (RFC 9432 §4.1). */
static void add_apex(struct making *making, struct name apex, uint32_t serial)
{
    uint8_t bytes[RDATA_SMALL];
    struct name_buffer buffer;
    struct name invalid;
    struct writer soa = writer_over(bytes, sizeof bytes);
    require(name_parse(span_of_text("invalid."), NULL, &buffer, &invalid, NULL) == OK);
    name_write(invalid, &soa);
    name_write(invalid, &soa);
    writer_u32(&soa, serial);
    writer_u32(&soa, REFRESH_S);
    writer_u32(&soa, RETRY_S);
    writer_u32(&soa, EXPIRE_S);
    writer_u32(&soa, TTL_S);
    add(making, apex, TYPE_SOA, &soa);
    add_name(making, apex, TYPE_NS, invalid);
    struct name_buffer version;
    add_text(making, child(making, span_of_text("version"), apex, &version), span_of_text(VERSION));
}

struct zone *catalog_make(struct name apex, const struct catalog *catalog, uint32_t serial)
{
    struct making making = {0};
    struct name_buffer zones_buffer;
    making.status = zone_build(apex, NULL, &making.builder);
    if (making.status != OK) {
        return NULL;
    }
    add_apex(&making, apex, serial);
    struct name zones = child(&making, span_of_text("zones"), apex, &zones_buffer);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_member *member = &catalog->members[i];
        struct name_buffer buffers[2];
        char label[CATALOG_LABEL_LEN];
        catalog_make_label(member->zone, label);
        struct name owner = child(&making, span_of(label, sizeof label), zones, &buffers[0]);
        add_name(&making, owner, TYPE_PTR, member->zone);
        if (member->group.len > 0) {
            add_text(&making, child(&making, span_of_text("group"), owner, &buffers[1]),
                     member->group);
        }
    }
    if (making.status != OK) {
        zone_build_cancel(making.builder);
        return NULL;
    }
    return zone_build_finish(making.builder);
}
