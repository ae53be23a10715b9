/* The zones of a server: found by the longest match, each with the versions it had lately. Also how
 * timers and asks are numbered so that they lead back to their zone. */
#include "service/auth/auth_state.h"
#include "service/auth/view.h"

#include <assert.h>
#include <stdlib.h>

enum {
    KIND_BITS = 2,
    SLOT_BITS = 8,
    INDEX_BITS = 24,
    ASK_SEQUENCE_MASK = (1 << 28) - 1, /* leaves room for a composer to count its members */
};

static_assert(1 + AUTH_NOTIFY_MAX + AUTH_FORWARDS_MAX <= 1 << SLOT_BITS, "a slot for each ask");

static struct auth_zone *find_exactly(const struct auth *auth, struct name name)
{
    size_t low = 0;
    size_t high = auth->zone_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(auth->zones[middle].options.name, name);
        if (order == 0) {
            return &auth->zones[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

struct auth_zone *auth_find_zone_exactly(const struct auth *auth, struct name name)
{
    return find_exactly(auth, name);
}

struct auth_zone *auth_find_zone(const struct auth *auth, struct name name)
{
    uint8_t labels = name.label_count < auth->labels_max ? name.label_count : auth->labels_max;
    for (;; labels--) {
        struct auth_zone *zone = find_exactly(auth, name_ancestor(name, labels));
        if (zone != NULL || labels == 0) {
            return zone;
        }
    }
}

struct zone *auth_zone_version(const struct auth_zone *zone)
{
    return zone->history_count == 0 || zone->is_expired ? NULL
                                                        : zone->history[zone->history_count - 1];
}

static_assert(AUTH_HISTORY_MAX > 1, "the version that is read now is not the one that goes");

void auth_zone_publish(struct auth_zone *zone, struct zone *version)
{
    if (zone->history_count == AUTH_HISTORY_MAX) {
        zone_release(zone->history[0]);
        for (size_t i = 1; i < zone->history_count; i++) {
            zone->history[i - 1] = zone->history[i];
        }
        zone->history_count--;
    }
    zone->history[zone->history_count++] = version;
    zone->is_expired = false;
    auth_zone_show(zone);
}

void auth_zone_show(struct auth_zone *zone)
{
    const struct zone *version = auth_zone_version(zone);
    struct auth_view *view = version == NULL ? NULL : malloc(sizeof *view);
    if (view != NULL && !auth_view_make(version, view)) {
        free(view);
        view = NULL;
    }
    /* The version of the one before stands in the history as long as it is read. */
    struct auth_view *before = atomic_exchange(&zone->view, view);
    if (before != NULL && zone->grace != NULL) {
        zone->grace->wait(zone->grace->self);
    }
    free(before);
}

uint64_t auth_timer_id(enum auth_timer kind, size_t index)
{
    return (uint64_t)index << KIND_BITS | (uint64_t)kind;
}

enum auth_timer auth_timer_kind(uint64_t timer)
{
    return (enum auth_timer)(timer & ((1U << KIND_BITS) - 1));
}

size_t auth_timer_index(uint64_t timer)
{
    return (size_t)(timer >> KIND_BITS);
}

uint64_t auth_ask_id(struct auth *auth, const struct auth_zone *zone, size_t slot)
{
    uint64_t sequence = ++auth->ask_sequence & ASK_SEQUENCE_MASK;
    return (sequence << INDEX_BITS | zone->index) << SLOT_BITS | slot;
}

struct auth_zone *auth_ask_zone(struct auth *auth, uint64_t ask, size_t *slot)
{
    *slot = (size_t)(ask & ((1U << SLOT_BITS) - 1));
    size_t index = (size_t)(ask >> SLOT_BITS & ((1U << INDEX_BITS) - 1));
    return index < auth->zone_count ? &auth->zones[index] : NULL;
}
