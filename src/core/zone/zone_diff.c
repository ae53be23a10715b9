/* What one version has that another has not: of each name that differs, the records that have no
 * counterpart. */
#include "core/zone/zone_diff.h"

#include "core/zone/transfer.h"

void zone_subtract(const struct zone *whole, const struct zone *taken,
                   struct zone_subtraction *subtraction)
{
    *subtraction = (struct zone_subtraction){0};
    zone_compare(taken, whole, &subtraction->comparison);
}

static bool rrset_is_same(const struct rrset *a, const struct rrset *b)
{
    return a->ttl_s == b->ttl_s &&
           span_equal(span_of(a->rdata, a->rdata_len), span_of(b->rdata, b->rdata_len));
}

/* Moves to the next node of the whole that differs. */
static bool subtraction_next_node(struct zone_subtraction *subtraction)
{
    struct zone_change change;
    do {
        if (!zone_compare_next(&subtraction->comparison, &change)) {
            subtraction->of = NULL;
            return false;
        }
    } while (change.after == NULL);
    subtraction->of = change.after;
    subtraction->from = change.before;
    subtraction->rrset_index = 0;
    return true;
}

static const struct rrset *node_counterpart(const struct zone_node *node, const struct rrset *of)
{
    if (node == NULL) {
        return NULL;
    }
    return of->type == TYPE_RRSIG ? zone_node_rrsigs(node, of->covers)
                                  : zone_node_rrset(node, of->type);
}

static void subtraction_next_from_rdata(struct zone_subtraction *subtraction)
{
    subtraction->has_from_rdata = rrset_next(&subtraction->from_records, &subtraction->from_rdata);
}

/* Opens the next RRset that differs; false when there is none in this node. */
static bool subtraction_next_rrset(struct zone_subtraction *subtraction)
{
    const struct zone_node *node = subtraction->of;
    while (node != NULL && subtraction->rrset_index < node->rrset_count) {
        const struct rrset *rrset = &node->rrsets[subtraction->rrset_index++];
        const struct rrset *other = node_counterpart(subtraction->from, rrset);
        if (rrset->type == TYPE_SOA || (other != NULL && rrset_is_same(rrset, other))) {
            continue;
        }
        if (other != NULL && other->ttl_s != rrset->ttl_s) {
            other = NULL; /* another TTL makes every record another */
        }
        subtraction->of_rrset = rrset;
        subtraction->from_rrset = other;
        subtraction->of_records = rrset_first(rrset);
        subtraction->has_from_rdata = false;
        if (other != NULL) {
            subtraction->from_records = rrset_first(other);
            subtraction_next_from_rdata(subtraction);
        }
        return true;
    }
    return false;
}

/* Both are in canonical order, so one step forward on either side decides. */
static bool subtraction_has_counterpart(struct zone_subtraction *subtraction, struct span rdata)
{
    while (subtraction->has_from_rdata) {
        int order =
            rrset_compare_rdata(subtraction->of_rrset->type, subtraction->from_rdata, rdata);
        if (order >= 0) {
            return order == 0;
        }
        subtraction_next_from_rdata(subtraction);
    }
    return false;
}

bool zone_subtract_next(struct zone_subtraction *subtraction, struct rrset *record)
{
    for (;;) {
        struct span rdata;
        while (subtraction->of_rrset != NULL && rrset_next(&subtraction->of_records, &rdata)) {
            if (!subtraction_has_counterpart(subtraction, rdata)) {
                *record = *subtraction->of_rrset;
                record->count = 1;
                record->rdata = rdata.bytes - 2; /* with its length in front */
                record->rdata_len = (uint32_t)rdata.len + 2;
                return true;
            }
        }
        subtraction->of_rrset = NULL;
        if (!subtraction_next_rrset(subtraction) && !subtraction_next_node(subtraction)) {
            return false;
        }
    }
}

enum status zone_diff(const struct zone *from, const struct zone *to,
                      enum status (*each)(void *user, bool is_added, const struct rrset *record),
                      void *user)
{
    for (int is_added = 0; is_added <= 1; is_added++) {
        struct zone_subtraction subtraction;
        zone_subtract(is_added ? to : from, is_added ? from : to, &subtraction);
        struct rrset record;
        while (zone_subtract_next(&subtraction, &record)) {
            enum status status = each(user, is_added != 0, &record);
            if (status != OK) {
                return status;
            }
        }
    }
    return OK;
}
