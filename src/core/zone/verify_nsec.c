/* The NSEC chain as the judge wants it: one record at each name of the chain, with exactly the
 * types that stand there, leading to the next name (RFC 4034 §4, RFC 4035 §2.3). */
#include "core/zone/verify_run.h"

enum { WINDOW_TYPES = 256 };

/* Does the bitmap of that name have to show that type? */
static bool is_shown(const struct zone_node *node, enum verify_place place, uint16_t type)
{
    switch (place) {
    case VERIFY_AUTHORITATIVE:
        return type != TYPE_NSEC3;
    case VERIFY_CUT:
        return type == TYPE_NS || type == TYPE_DS || type == TYPE_NSEC ||
               (type == TYPE_RRSIG && (zone_node_rrset(node, TYPE_DS) != NULL ||
                                       zone_node_rrset(node, TYPE_NSEC) != NULL));
    case VERIFY_HIDDEN:
    case VERIFY_HASHED:
        return false;
    }
    return false;
}

/* The types of a node that a bitmap shows, ascending. */
struct shown {
    const struct zone_node *node;
    enum verify_place place;
    uint16_t at;
};

/* -1 at the end. */
static int shown_next(struct shown *shown)
{
    size_t count = shown->node == NULL ? 0 : shown->node->rrset_count;
    while (shown->at < count) {
        uint16_t type = shown->node->rrsets[shown->at++].type;
        /* RRSIGs stand there once for each type they cover. */
        bool is_repeated = shown->at > 1 && shown->node->rrsets[shown->at - 2].type == type;
        if (!is_repeated && is_shown(shown->node, shown->place, type)) {
            return type;
        }
    }
    return -1;
}

/* The types that a checked bitmap names, ascending. */
struct named {
    struct reader reader;
    struct span bits;
    unsigned window;
    unsigned at;    /* bit of the window */
    bool has_zeros; /* at a window's end (RFC 4034 §4.1.2) */
};

static int named_next(struct named *named)
{
    for (;;) {
        for (; named->at < 8 * named->bits.len; named->at++) {
            if ((named->bits.bytes[named->at / 8] & 0x80 >> named->at % 8) != 0) {
                return (int)(named->window * WINDOW_TYPES + named->at++);
            }
        }
        if (reader_left(&named->reader) == 0) {
            return -1;
        }
        named->window = reader_u8(&named->reader);
        named->bits = reader_span(&named->reader, reader_u8(&named->reader));
        named->at = 0;
        named->has_zeros =
            named->has_zeros || named->bits.len == 0 || named->bits.bytes[named->bits.len - 1] == 0;
    }
}

void verify_bitmap(struct verify_worker *worker, const struct zone_node *node, struct name owner,
                   enum verify_place place, struct span bitmap)
{
    struct shown shown = {.node = node, .place = place};
    struct named named = {.reader = reader_over(bitmap)};
    char type[TYPE_TEXT_MAX];
    int is_there;
    int is_named;
    do {
        is_there = shown_next(&shown);
        is_named = named_next(&named);
    } while (is_there == is_named && is_there >= 0);
    if (is_there >= 0 && (is_named < 0 || is_there < is_named)) {
        verify_fault(worker, owner, "the denial of existence leaves out %s, which is there",
                     type_print((uint16_t)is_there, type));
    } else if (is_named >= 0) {
        verify_fault(worker, owner, "the denial of existence names %s, which is not there",
                     type_print((uint16_t)is_named, type));
    } else if (named.has_zeros) {
        verify_fault(worker, owner, "the bitmap of the denial ends with zeros");
    }
}

static bool is_alone(const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        if (node->rrsets[i].type != TYPE_NSEC && node->rrsets[i].covers != TYPE_NSEC) {
            return false;
        }
    }
    return true;
}

bool verify_nsec_read(struct verify_worker *worker, const struct zone_node *node,
                      enum verify_place place, struct nsec *nsec)
{
    const struct rrset *set = zone_node_rrset(node, TYPE_NSEC);
    if (set == NULL) {
        verify_fault(worker, node->owner, "the name has no NSEC record");
        return false;
    }
    if (set->count != 1 || nsec_read(rrset_only(set), nsec) != OK) {
        verify_fault(worker, node->owner,
                     "the name has more than one NSEC record, or a broken one");
        return false;
    }
    if (is_alone(node)) {
        verify_fault(worker, node->owner, "an NSEC record stands alone (RFC 4035 §2.3)");
    }
    verify_bitmap(worker, node, node->owner, place, nsec->bitmap);
    return true;
}

void verify_nsec_next(struct verify_worker *worker, uint64_t order, const struct zone_node *node,
                      const struct nsec *nsec, const struct zone_node *next)
{
    struct name wanted = next == NULL ? worker->run->apex : next->owner;
    char should[NAME_TEXT_MAX];
    char is[NAME_TEXT_MAX];
    if (!name_equal(nsec->next, wanted)) {
        verify_fault_at(worker, order, node->owner,
                        "the NSEC record leads to %s, the next name is %s",
                        name_print(nsec->next, is), name_print(wanted, should));
    }
}

void verify_nsec_hidden(struct verify_worker *worker, const struct zone_node *node)
{
    if (zone_node_rrset(node, TYPE_NSEC) != NULL) {
        verify_fault(worker, node->owner, "an NSEC record stands at a name that is hidden");
    }
}
