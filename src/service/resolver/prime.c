/* When the root's servers are asked who they are, and what is kept of their answer. It is always
 * those of the hints that are asked, so that nobody who was one of the root's servers once, or was
 * taken for one, can go on saying that he is. Where there is no answer, the hints go on. */
#include "service/resolver/prime.h"

#include "service/resolver/fetch.h"

enum {
    PRIME_RETRY_S = 60,   /* after an answer that did not come, or was of no use */
    PRIME_LIFE_MIN_S = 60 /* whatever TTL it has, it is not asked more often */
};

void prime_begin(struct resolver *resolver)
{
    const struct resolver_options *options = &resolver->options;
    for (size_t i = 0; i < options->zone_count; i++) {
        if (options->zones[i].zone.label_count == 0) {
            return;
        }
    }
    struct account *account = options->primes_root ? account_open() : NULL;
    if (account == NULL) {
        return;
    }
    struct fetch *fetch = fetch_start(resolver, NAME_ROOT, TYPE_NS, account, 0);
    if (fetch != NULL) {
        fetch->is_priming = true;
    }
    account_release(account);
    outbox_timer(resolver->outbox, RESOLVER_TIMER_PRIMING,
                 resolver->now.mono_ns + (int64_t)PRIME_RETRY_S * MOMENT_NS_PER_S);
}

void prime_hear(struct resolver *resolver, struct fetch *fetch, const struct response *response)
{
    fetch->is_priming = false;
    struct cache_draft draft;
    uint32_t ttl_s = 0;
    if (!response_read_root(fetch->heard, response, &resolver->outbox->scratch, &draft, &ttl_s)) {
        return;
    }
    ttl_s = ttl_s > resolver->options.ttl_max_s ? resolver->options.ttl_max_s : ttl_s;
    ttl_s = ttl_s < PRIME_LIFE_MIN_S ? PRIME_LIFE_MIN_S : ttl_s;
    int64_t now_ns = resolver->now.mono_ns;
    int64_t life_ns = (int64_t)ttl_s * MOMENT_NS_PER_S;
    struct cache_entry *root = cache_entry_make(&draft, now_ns + life_ns);
    if (root == NULL) {
        return;
    }
    cache_put(resolver->cache, root, now_ns);
    cache_entry_release(root);
    /* Before it ends, so that nothing has to wait for it. */
    outbox_timer(resolver->outbox, RESOLVER_TIMER_PRIMING, now_ns + life_ns / 10 * 9);
}
