/* The short way for what makes up nearly all of a resolver's load: plain questions whose answer the
 * cache holds, judged, and given before. It runs in other threads than everything else and changes
 * nothing; what it cannot answer is left to the careful way, which gives the same answers. */
#include "service/resolver/quick.h"
#include "core/dns/rdata.h"
#include "service/resolver/reply.h"

enum { FLAGS_ALLOWED = FLAG_RD | FLAG_AD | FLAG_CD };

/* Of one batch. */
struct quick_counts {
    uint64_t all;
    uint64_t verdicts[VERDICT_COUNT];
};

/* A question on its way to its answer. */
struct quick {
    bool is_plain;
    struct client client;
    struct name_buffer buffer;
    struct cache_place place;
};

/* What the careful way would refuse or say more about is left to it. */
static bool is_plain(const struct resolver *resolver, const struct message *message,
                     struct address peer)
{
    const struct resolver_options *options = &resolver->options;
    uint16_t type = message->question.type;
    return message->opcode == OPCODE_QUERY && (message->flags & FLAG_RD) != 0 &&
           (message->flags & ~FLAGS_ALLOWED) == 0 && message->question_count == 1 &&
           message->question.class_ == CLASS_IN && type != 0 && !type_is_meta(type) &&
           message->edns.version == 0 && message->edns.options.len == 0 && message->tsig_at == 0 &&
           (options->allowed_count == 0 ||
            resolver_prefix_covers(options->allowed, options->allowed_count, peer));
}

static void read_question(const struct resolver *resolver, const struct datagram *datagram,
                          struct quick *quick)
{
    struct message message;
    quick->is_plain = message_read_query(datagram->message, &quick->buffer, &message) == OK &&
                      is_plain(resolver, &message, datagram->peer);
    if (!quick->is_plain) {
        return;
    }
    quick->client = (struct client){.transport = TRANSPORT_UDP,
                                    .id = message.id,
                                    .flags = message.flags,
                                    .has_question = true,
                                    .has_edns = message.edns.is_present,
                                    .wants_dnssec = message.edns.wants_dnssec,
                                    .udp_size = message.edns.udp_size,
                                    .question = message.question};
    quick->place = cache_place_of(resolver->cache, message.question.name);
    cache_prefetch(resolver->cache, quick->place, message.question.type);
}

/* The data, the denial of the type or of the name, or the alias in its place. */
static struct cache_entry *find_link(const struct cache *cache, struct cache_place place,
                                     struct name name, uint16_t type, int64_t now_ns)
{
    struct cache_entry *entry = cache_peek(cache, place, name, type, now_ns);
    if (entry == NULL && type != TYPE_DS) {
        entry = cache_peek(cache, place, name, 0, now_ns);
    }
    if (entry == NULL && type != TYPE_DS && type != TYPE_CNAME) {
        entry = cache_peek(cache, place, name, TYPE_CNAME, now_ns);
        entry = entry != NULL && entry->kind == CACHE_POSITIVE ? entry : NULL;
    }
    return entry;
}

/* The links from the question to its answer; 0 where one is missing. A circle has no end, so it is
 * left to the careful way as what is too long. */
static size_t walk_links(const struct cache *cache, const struct quick *quick, int64_t now_ns,
                         struct link links[RESOLVER_CHAIN_LINKS_MAX])
{
    struct name name = quick->client.question.name;
    uint16_t type = quick->client.question.type;
    struct cache_place place = quick->place;
    for (size_t i = 0; i < RESOLVER_CHAIN_LINKS_MAX; i++) {
        struct cache_entry *entry = find_link(cache, place, name, type, now_ns);
        if (entry == NULL) {
            return 0;
        }
        bool is_secure = cache_entry_is_open_secure(entry);
        links[i] = (struct link){
            .name = name, .entry = entry, .verdict = is_secure ? VERDICT_SECURE : VERDICT_INSECURE};
        if (entry->type != TYPE_CNAME || type == TYPE_CNAME || entry->kind != CACHE_POSITIVE) {
            return i + 1;
        }
        if (!rdata_target(TYPE_CNAME, rrset_only(&entry->answer[0]), &name)) {
            return 0;
        }
        place = cache_place_of(cache, name);
    }
    return 0;
}

/* The careful way then has the next one fetched. */
static bool is_any_due(const struct link *links, size_t count, int64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (cache_entry_is_due(links[i].entry, now_ns)) {
            return true;
        }
    }
    return false;
}

static enum verdict worst_verdict(const struct link *links, size_t count)
{
    enum verdict worst = VERDICT_SECURE;
    for (size_t i = 0; i < count; i++) {
        worst = links[i].verdict == VERDICT_SECURE ? worst : VERDICT_INSECURE;
    }
    return worst;
}

/* Leaves the question when a link is missing. */
static void answer(struct resolver *resolver, struct quick *quick, int64_t now_ns,
                   struct datagram *datagram, struct quick_counts *counts)
{
    struct link links[RESOLVER_CHAIN_LINKS_MAX];
    size_t count = walk_links(resolver->cache, quick, now_ns, links);
    if (count == 0 || (resolver->options.prefetches && is_any_due(links, count, now_ns))) {
        return;
    }
    bool is_denied = links[count - 1].entry->kind == CACHE_NXDOMAIN;
    struct reply reply = {.client = &quick->client,
                          .links = links,
                          .link_count = count,
                          .rcode = is_denied ? RCODE_NXDOMAIN : RCODE_NOERROR,
                          .is_authentic = resolver->options.is_validating &&
                                          reply_is_authentic(&quick->client, links, count),
                          .now_ns = now_ns};
    datagram->reply_len = reply_write(&reply, datagram->reply, datagram->reply_size).len;
    if (datagram->reply_len != 0) {
        counts->all++;
        counts->verdicts[worst_verdict(links, count)]++;
    }
}

/* All threads count in the same place, so once a batch. */
static void add_counts(struct resolver *resolver, const struct quick_counts *counts)
{
    for (size_t i = 0; i < VERDICT_COUNT && counts->all > 0; i++) {
        if (counts->verdicts[i] > 0) {
            atomic_fetch_add_explicit(&resolver->quick_answers[i], counts->verdicts[i],
                                      memory_order_relaxed);
        }
    }
}

void quick_tell(struct resolver *resolver)
{
    struct resolver_stats *stats = &resolver->stats;
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        uint64_t count = atomic_exchange(&resolver->quick_answers[i], 0);
        stats->verdicts[i] += count;
        stats->cache_hits += count;
        stats->client_queries[TRANSPORT_UDP] += count;
    }
}

void resolver_answer(void *state, struct moment now, struct datagram *datagrams, size_t count)
{
    struct resolver *resolver = state;
    struct quick questions[DATAGRAMS_MAX];
    struct quick_counts counts = {0};
    require(count <= DATAGRAMS_MAX);
    for (size_t i = 0; i < count; i++) {
        datagrams[i].reply_len = 0;
        read_question(resolver, &datagrams[i], &questions[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (questions[i].is_plain) {
            answer(resolver, &questions[i], now.mono_ns, &datagrams[i], &counts);
        }
    }
    add_counts(resolver, &counts);
}
