/* Who keeps a place when connections are short: who is owed an answer before who is idle, who was
 * active last before who was quiet for longest, and no host more than its share. */
#include "world/real/places.h"

#include "world/real/memory.h"

enum { PREFIX_OCTETS = 8, IPV4_OCTETS = 4 };

static void list_add(struct place_list *list, struct place_link *link)
{
    link->newer = NULL;
    link->older = list->newest;
    *(list->newest == NULL ? &list->oldest : &list->newest->newer) = link;
    list->newest = link;
}

static void list_remove(struct place_list *list, struct place_link *link)
{
    *(link->older == NULL ? &list->oldest : &link->older->newer) = link->newer;
    *(link->newer == NULL ? &list->newest : &link->newer->older) = link->older;
}

/* The keys of IPv4 are prefixes of IPv6 that no host can have. */
static uint64_t peer_key(struct address address)
{
    bool is_ipv4 = address.family == ADDRESS_IPV4;
    uint64_t key = is_ipv4 ? UINT32_MAX : 0;
    for (int i = 0; i < (is_ipv4 ? IPV4_OCTETS : PREFIX_OCTETS); i++) {
        key = key << 8 | address.octets[i];
    }
    return key;
}

static struct place_list *list_of(struct places *places, const struct place *place)
{
    return place->is_idle ? &places->idle : &places->busy;
}

static void place_take(struct places *places, struct place *place)
{
    list_add(list_of(places, place), &place->link);
    if (place->is_idle) {
        list_add(&place->of->idle, &place->peer_link);
    }
}

static void place_give_up(struct places *places, struct place *place)
{
    list_remove(list_of(places, place), &place->link);
    if (place->is_idle) {
        list_remove(&place->of->idle, &place->peer_link);
    }
}

enum status place_enter(struct places *places, struct place *place, struct address peer)
{
    uint64_t key = peer_key(peer);
    struct place_peer *of = table_find(&places->peers, key);
    if (of == NULL) {
        of = memory_take(sizeof *of);
        if (of == NULL) {
            return NO_MEMORY;
        }
        of->key = key;
        table_set(&places->peers, key, of);
    }
    of->count++;
    places->count++;
    place->of = of;
    place->link.place = place;
    place->peer_link.place = place;
    place->is_idle = true;
    place_take(places, place);
    return OK;
}

void place_leave(struct places *places, struct place *place)
{
    place_give_up(places, place);
    places->count--;
    if (--place->of->count == 0) {
        table_remove(&places->peers, place->of->key);
        memory_give_back(place->of);
    }
    place->of = NULL;
}

void place_move(struct places *places, struct place *place, bool is_idle)
{
    place_give_up(places, place);
    place->is_idle = is_idle;
    place_take(places, place);
}

static void *owner_of(const struct place_link *link)
{
    return link == NULL ? NULL : link->place->owner;
}

bool places_choose_victim(const struct places *places, struct address peer, void **victim)
{
    const struct place_peer *of = table_find(&places->peers, peer_key(peer));
    *victim = NULL;
    if (of != NULL && of->count >= places->clients_a_peer_max) {
        *victim = owner_of(of->idle.oldest);
        return *victim != NULL;
    }
    if (places->count >= places->clients_max) {
        *victim = places_oldest(places);
        return *victim != NULL;
    }
    return true;
}

void *places_oldest(const struct places *places)
{
    return owner_of(places->idle.oldest != NULL ? places->idle.oldest : places->busy.oldest);
}

void places_close(struct places *places)
{
    require(places->count == 0);
    table_close(&places->peers);
}
