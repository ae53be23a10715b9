/* Who keeps a place when connections are short: who is owed an answer before who is idle, who was
 * active last before who was quiet for longest, and no host more than its share. */
#include "world/real/stream.h"

enum { PREFIX_OCTETS = 8, IPV4_OCTETS = 4 };

static void list_add(struct stream_list *list, struct stream_link *link)
{
    link->newer = NULL;
    link->older = list->newest;
    *(list->newest == NULL ? &list->oldest : &list->newest->newer) = link;
    list->newest = link;
}

static void list_remove(struct stream_list *list, struct stream_link *link)
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

static struct stream_list *list_of(struct stream *stream)
{
    return stream->is_idle ? &stream->streams->idle : &stream->streams->busy;
}

static void places_take(struct stream *stream)
{
    list_add(list_of(stream), &stream->link);
    if (stream->is_idle) {
        list_add(&stream->of->idle, &stream->peer_link);
    }
}

static void places_give_up(struct stream *stream)
{
    list_remove(list_of(stream), &stream->link);
    if (stream->is_idle) {
        list_remove(&stream->of->idle, &stream->peer_link);
    }
}

enum status stream_enter(struct stream *stream)
{
    struct streams *streams = stream->streams;
    uint64_t key = peer_key(stream->peer);
    struct stream_peer *peer = table_find(&streams->peers, key);
    if (peer == NULL) {
        peer = memory_take(sizeof *peer);
        if (peer == NULL) {
            return NO_MEMORY;
        }
        peer->key = key;
        table_set(&streams->peers, key, peer);
    }
    peer->count++;
    stream->of = peer;
    stream->link.stream = stream;
    stream->peer_link.stream = stream;
    stream->is_idle = true;
    table_set(&streams->by_channel, stream->channel, stream);
    places_take(stream);
    return OK;
}

void stream_leave(struct stream *stream)
{
    places_give_up(stream);
    table_remove(&stream->streams->by_channel, stream->channel);
    if (--stream->of->count == 0) {
        table_remove(&stream->streams->peers, stream->of->key);
        memory_give_back(stream->of);
    }
}

void stream_move(struct stream *stream, bool is_idle)
{
    places_give_up(stream);
    stream->is_idle = is_idle;
    places_take(stream);
}

bool streams_choose_victim(const struct streams *streams, struct address peer,
                           struct stream **victim)
{
    const struct stream_peer *of = table_find(&streams->peers, peer_key(peer));
    *victim = NULL;
    if (of != NULL && of->count >= streams->limits.clients_a_peer) {
        *victim = of->idle.oldest == NULL ? NULL : of->idle.oldest->stream;
        return *victim != NULL;
    }
    if (streams->by_channel.count >= streams->limits.clients) {
        *victim = streams_oldest(streams);
        return *victim != NULL;
    }
    return true;
}

struct stream *streams_oldest(const struct streams *streams)
{
    const struct stream_link *oldest =
        streams->idle.oldest != NULL ? streams->idle.oldest : streams->busy.oldest;
    return oldest == NULL ? NULL : oldest->stream;
}
