/* Which questions bring out differences between servers: names that are there, between, below and
 * beside; types that are there, might be, and never are; and every form in which they are asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

enum { TYPES_MAX = 256, LABEL_MAX = 63 };

struct maker {
    uint64_t seed;
    size_t made, count;
    struct name *names; /* owners and empty non-terminals; views of the zones */
    size_t name_count, name_size;
    uint16_t types[TYPES_MAX];
    size_t type_count;
};

static uint32_t draw(struct maker *maker, uint32_t bound)
{
    maker->seed += 0x9e3779b97f4a7c15u;
    uint64_t z = maker->seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % bound;
}

static void add_name(struct maker *maker, struct name name)
{
    if (maker->name_count == maker->name_size) {
        maker->name_size = maker->name_size == 0 ? 1024 : 2 * maker->name_size;
        maker->names = realloc(maker->names, maker->name_size * sizeof *maker->names);
        if (maker->names == NULL) {
            abort();
        }
    }
    maker->names[maker->name_count++] = name;
}

static void add_type(struct maker *maker, uint16_t type)
{
    for (size_t i = 0; i < maker->type_count; i++) {
        if (maker->types[i] == type) {
            return;
        }
    }
    if (maker->type_count < TYPES_MAX) {
        maker->types[maker->type_count++] = type;
    }
}

static void add_zone(struct maker *maker, const struct zone *zone)
{
    struct zone_cursor cursor;
    const struct zone_node *node;
    uint8_t apex_labels = zone_apex(zone).label_count;
    zone_walk(zone, &cursor);
    while ((node = zone_walk_next(&cursor)) != NULL) {
        add_name(maker, node->owner);
        for (uint8_t labels = node->owner.label_count; labels > apex_labels + 1; labels--) {
            struct name above = name_ancestor(node->owner, (uint8_t)(labels - 1));
            if (zone_find(zone, above) == NULL) {
                add_name(maker, above);
            }
        }
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            add_type(maker, node->rrsets[i].type);
        }
    }
}

struct maker *maker_open(struct zone *const *zones, size_t zone_count, uint64_t seed, size_t count)
{
    static const uint16_t always[] = {TYPE_A,     TYPE_NS,  TYPE_CNAME, TYPE_SOA,    TYPE_MX,
                                      TYPE_DNAME, TYPE_DS,  TYPE_RRSIG, TYPE_NSEC,   TYPE_DNSKEY,
                                      TYPE_NSEC3, TYPE_ANY, TYPE_CDS,   TYPE_ZONEMD, 65000};
    struct maker *maker = calloc(1, sizeof *maker);
    if (maker == NULL) {
        abort();
    }
    maker->seed = seed;
    maker->count = count;
    for (size_t i = 0; i < zone_count; i++) {
        add_zone(maker, zones[i]);
    }
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        add_type(maker, always[i]);
    }
    return maker;
}

void maker_close(struct maker *maker)
{
    free(maker->names);
    free(maker);
}

/* `label` in front of the name; the name itself where that is too long. */
static void put_before(struct span label, struct ask *ask)
{
    struct name_buffer buffer;
    struct name made;
    if (name_make_child(label, ask->question.name, &buffer, &made) == OK) {
        name_copy_to(made, &ask->buffer, &ask->question.name);
    }
}

static void put_random_before(struct maker *maker, struct ask *ask)
{
    uint8_t label[LABEL_MAX];
    size_t len = 1 + draw(maker, draw(maker, 8) == 0 ? LABEL_MAX : 8);
    for (size_t i = 0; i < len; i++) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_*";
        label[i] = draw(maker, 60) == 0 ? (uint8_t)draw(maker, 256)
                                        : (uint8_t)letters[draw(maker, sizeof letters - 1)];
    }
    put_before(span_of(label, len), ask);
}

/* The leftmost label a little before or behind what it was. */
static void move_a_little(struct maker *maker, struct ask *ask)
{
    uint8_t *octets = ask->buffer.octets;
    if (octets[0] != 0) {
        octets[octets[0]] = (uint8_t)(octets[octets[0]] + (draw(maker, 2) == 0 ? 1 : -1));
    }
}

static void mix_case(struct maker *maker, struct ask *ask)
{
    for (size_t i = 0; i < ask->question.name.len;) {
        size_t len = ask->buffer.octets[i];
        for (size_t j = i + 1; j <= i + len; j++) {
            uint8_t low = ask->buffer.octets[j] | 0x20;
            if (low >= 'a' && low <= 'z' && draw(maker, 2) == 0) {
                ask->buffer.octets[j] ^= 0x20;
            }
        }
        i += len + 1;
    }
}

static void replace_label(struct maker *maker, struct ask *ask)
{
    if (ask->question.name.label_count > 1) {
        struct name_buffer buffer;
        struct name parent;
        name_copy_to(name_parent(ask->question.name), &buffer, &parent);
        name_copy_to(parent, &ask->buffer, &ask->question.name);
        put_random_before(maker, ask);
    }
}

/* Long enough that what a DNAME makes of it may be too long. */
static void make_long(struct maker *maker, struct ask *ask)
{
    uint8_t label[LABEL_MAX];
    memset(label, 'l', sizeof label);
    size_t goal = 200 + draw(maker, 50);
    while (ask->question.name.len < goal) {
        size_t room = goal - ask->question.name.len;
        put_before(span_of(label, room > LABEL_MAX ? LABEL_MAX : room), ask);
    }
}

static void draw_name(struct maker *maker, struct ask *ask)
{
    static const char *const labels[] = {"*", "a", "www", "_tcp", "0", "zzz", "ns", "mail"};
    const char *label = labels[draw(maker, sizeof labels / sizeof *labels)];
    name_copy_to(maker->names[draw(maker, (uint32_t)maker->name_count)], &ask->buffer,
                 &ask->question.name);
    switch (draw(maker, 10)) {
    case 0:
    case 1:
        break;
    case 2:
        put_random_before(maker, ask);
        break;
    case 3:
        put_random_before(maker, ask);
        put_random_before(maker, ask);
        break;
    case 4:
        put_before(span_of_text(label), ask);
        break;
    case 5:
    case 6:
        replace_label(maker, ask);
        break;
    case 7:
        move_a_little(maker, ask);
        break;
    case 8:
        if (draw(maker, 6) == 0) {
            make_long(maker, ask);
        } else {
            replace_label(maker, ask);
            put_before(span_of_text(label), ask);
        }
        break;
    default:
        if (!name_is_root(ask->question.name) && draw(maker, 4) == 0) {
            struct name_buffer buffer;
            struct name above;
            name_copy_to(name_parent(ask->question.name), &buffer, &above);
            name_copy_to(above, &ask->buffer, &ask->question.name);
        }
        break;
    }
}

static void draw_form(struct maker *maker, struct ask *ask)
{
    static const uint16_t sizes[] = {0, 512, 1232, 1232, 1232, 4096};
    ask->udp_size = sizes[draw(maker, sizeof sizes / sizeof *sizes)];
    ask->wants_dnssec = ask->udp_size != 0 && draw(maker, 4) != 0;
    ask->flags = draw(maker, 3) == 0 ? FLAG_RD : 0;
    ask->flags |= draw(maker, 20) == 0 ? FLAG_CD : 0;
    ask->flags |= draw(maker, 20) == 0 ? FLAG_AD : 0;
    ask->is_tcp = draw(maker, 16) == 0;
    if (draw(maker, 4) == 0) {
        mix_case(maker, ask);
    }
}

bool maker_next(struct maker *maker, struct ask *ask)
{
    if (maker->made == maker->count || maker->name_count == 0) {
        return false;
    }
    memset(ask, 0, sizeof *ask);
    ask->question.class_ = CLASS_IN;
    size_t whole = maker->name_count * maker->type_count;
    size_t half = maker->count / 2;
    size_t sweep = whole < half ? whole : half;
    if (maker->made < sweep) {
        size_t at = (size_t)((double)maker->made / (double)sweep * (double)whole);
        name_copy_to(maker->names[at / maker->type_count], &ask->buffer, &ask->question.name);
        ask->question.type = maker->types[at % maker->type_count];
    } else {
        draw_name(maker, ask);
        ask->question.type = maker->types[draw(maker, (uint32_t)maker->type_count)];
        if (draw(maker, 3) == 0) {
            ask->question.type = draw(maker, 2) == 0 ? TYPE_A : TYPE_DS;
        }
        if (draw(maker, 400) == 0) {
            static const uint16_t classes[] = {0, 2, CLASS_CH, 4, CLASS_NONE, CLASS_ANY, 77};
            ask->question.class_ = classes[draw(maker, sizeof classes / sizeof *classes)];
        }
    }
    draw_form(maker, ask);
    maker->made++;
    return true;
}
