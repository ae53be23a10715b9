#pragma once
/* The places of connections: who keeps one when there are too many. */
#include "core/base/address.h"
#include "core/base/table.h"

struct place;

/* Lists by the last activity. A place is in one of all places, and while it is idle in that of its
 * peer. */
struct place_link {
    struct place *place;
    struct place_link *newer, *older;
};

struct place_list {
    struct place_link *newest, *oldest;
};

/* All places of one host (of IPv6: one /64, of which anyone has all addresses). */
struct place_peer {
    uint64_t key;
    size_t count;
    struct place_list idle;
};

/* Stands inside the connection that has it. */
struct place {
    void *owner;
    struct place_peer *of;
    struct place_link link, peer_link;
    bool is_idle; /* it is owed nothing: it may be closed when others want its place */
};

/* A zeroed one is open and empty. */
struct places {
    uint32_t clients_max;
    uint32_t clients_a_peer_max;
    size_t count;
    struct table peers;
    struct place_list idle, busy;
};

/* NO_MEMORY. It is idle at first. */
enum status place_enter(struct places *places, struct place *place, struct address peer) MUST_USE;
void place_leave(struct places *places, struct place *place);
/* Its owner has just done something; `is_idle`: and is owed nothing now. */
void place_move(struct places *places, struct place *place, bool is_idle);
/* The owner that must go before another from that peer may come, NULL when none must; false when
 * none can: the new one goes. */
bool places_choose_victim(const struct places *places, struct address peer, void **victim);
/* The owner that was quiet for longest; NULL when there is none. */
void *places_oldest(const struct places *places);
void places_close(struct places *places); /* after all have left */
