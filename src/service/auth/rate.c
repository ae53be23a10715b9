/* The accounts behind response rate limiting: where one is found, what it holds, and which gives
 * way to a new one. They are so many and no more; a stranger's choice of names and addresses can
 * neither grow the table nor find out who shares a place in it. All threads book in one table, for
 * one client's queries come to all of them: an account is one word, exchanged in one step, and
 * nobody waits for another. */
#include "service/auth/rate.h"
#include "core/crypto/siphash.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, ACCOUNTS_MIN = 64, PREFIX_LEN_MAX = 16, TIME_BITS = 40, CACHE_LINE = 64 };

static const uint64_t TIME_MASK = (UINT64_C(1) << TIME_BITS) - 1;
static const uint64_t US_PER_S = 1000000;

/* A tag in the upper bits, and below the time in microseconds at which the account will have all
 * its credit again: each answer moves it on by what one answer costs. 0: free. */
struct account {
    _Atomic uint64_t word;
    _Atomic uint32_t limited; /* answers, since there was credit */
};

struct group {
    _Alignas(CACHE_LINE) struct account accounts[WAYS];
};

struct rate {
    struct rate_options options;
    uint64_t cost_us; /* of an answer */
    uint64_t most_us; /* that an account can owe */
    uint8_t key[SIPHASH_KEY_LEN];
    uint64_t mask; /* over groups */
    struct group groups[];
};

struct rate *rate_open(const struct rate_options *options, const struct entropy *entropy)
{
    size_t count = ACCOUNTS_MIN;
    while (count < options->accounts && count < (size_t)1 << 31) {
        count *= 2;
    }
    size_t size = sizeof(struct rate) + count / WAYS * sizeof(struct group);
    struct rate *rate = aligned_alloc(CACHE_LINE, size);
    if (rate != NULL) {
        memset(rate, 0, size);
        rate->options = *options;
        uint64_t cost_us = options->per_second > 0 ? US_PER_S / options->per_second : 1;
        rate->cost_us = cost_us > 0 ? cost_us : 1;
        rate->most_us = rate->cost_us * options->per_second;
        rate->mask = count / WAYS - 1;
        entropy->fill(entropy->self, rate->key, sizeof rate->key);
    }
    return rate;
}

void rate_close(struct rate *rate)
{
    free(rate);
}

static size_t write_prefix(const struct rate *rate, struct address client, uint8_t *bytes)
{
    bool is_ipv4 = client.family == ADDRESS_IPV4;
    uint8_t bits = is_ipv4 ? rate->options.ipv4_prefix_len : rate->options.ipv6_prefix_len;
    size_t octets = is_ipv4 ? 4 : PREFIX_LEN_MAX;
    for (size_t i = 0; i < octets; i++) {
        int left = bits - (int)(8 * i);
        uint8_t mask = left >= 8 ? 0xff : left <= 0 ? 0 : (uint8_t)(0xff << (8 - left));
        bytes[i] = client.octets[i] & mask;
    }
    return octets;
}

static uint64_t hash_account(const struct rate *rate, struct address client, enum rate_kind kind,
                             struct name name)
{
    uint8_t bytes[2 + PREFIX_LEN_MAX + NAME_LEN_MAX] = {(uint8_t)kind, client.family};
    size_t len = 2 + write_prefix(rate, client, bytes + 2);
    for (size_t i = 0; kind != RATE_ERROR && i < name.len; i++) {
        uint8_t octet = name.octets[i]; /* length octets are below the letters */
        bytes[len++] = octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
    }
    return siphash_2_4(rate->key, span_of(bytes, len));
}

uint64_t rate_account(const struct rate *rate, struct address client, enum rate_kind kind,
                      struct name name)
{
    uint64_t account = hash_account(rate, client, kind, name);
    __builtin_prefetch(&rate->groups[account & rate->mask], 1);
    return account;
}

/* What the account owes, in microseconds; the clock of the accounts goes round in twelve days, and
 * nobody owes more than a second. */
static uint64_t debt_us(const struct rate *rate, uint64_t word, uint64_t now_us)
{
    uint64_t debt = (word - now_us) & TIME_MASK;
    return debt > rate->most_us ? 0 : debt;
}

/* The account with that tag, or the one to take its place: a free one, else the one that has been
 * left alone for longest. `*word` is what was read of it. */
static struct account *find_account(struct group *group, uint64_t tag, uint64_t now_us,
                                    uint64_t *word)
{
    struct account *oldest = NULL;
    uint64_t oldest_age = 0;
    for (int i = 0; i < WAYS; i++) {
        struct account *account = &group->accounts[i];
        uint64_t read = atomic_load_explicit(&account->word, memory_order_relaxed);
        if (read >> TIME_BITS == tag) {
            *word = read;
            return account;
        }
        /* As many microseconds as a signed number of that many bits says. */
        uint64_t age = ((now_us - read) & TIME_MASK) ^ (UINT64_C(1) << (TIME_BITS - 1));
        age = read == 0 ? UINT64_MAX : age;
        if (oldest == NULL || age > oldest_age) {
            oldest = account;
            oldest_age = age;
            *word = read;
        }
    }
    return oldest;
}

static enum rate_verdict limit(const struct rate *rate, struct account *account)
{
    uint32_t slip = rate->options.slip;
    if (slip == 0) {
        return RATE_DROP;
    }
    uint32_t limited = atomic_fetch_add_explicit(&account->limited, 1, memory_order_relaxed) + 1;
    return limited % slip == 0 ? RATE_TRUNCATE : RATE_DROP;
}

enum rate_verdict rate_judge(struct rate *rate, uint64_t hash, struct moment now)
{
    struct group *group = &rate->groups[hash & rate->mask];
    uint64_t now_us = (uint64_t)now.mono_ns / 1000;
    uint64_t tag = hash >> TIME_BITS;
    tag = tag != 0 ? tag : 1;
    for (;;) {
        uint64_t word = 0;
        struct account *account = find_account(group, tag, now_us, &word);
        uint64_t debt = word >> TIME_BITS == tag ? debt_us(rate, word, now_us) : 0;
        if (debt + rate->cost_us > rate->most_us) {
            return limit(rate, account);
        }
        uint64_t next = tag << TIME_BITS | ((now_us + debt + rate->cost_us) & TIME_MASK);
        /* Else another thread was first: then it is looked at again. */
        if (atomic_compare_exchange_weak_explicit(&account->word, &word, next, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            if (atomic_load_explicit(&account->limited, memory_order_relaxed) != 0) {
                atomic_store_explicit(&account->limited, 0, memory_order_relaxed);
            }
            return RATE_SEND;
        }
    }
}
