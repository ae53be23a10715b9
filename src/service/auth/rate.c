/* The accounts behind response rate limiting: where one is found, what it holds, and which gives
 * way to a new one. They are so many and no more; a stranger's choice of names and addresses can
 * neither grow the table nor find out who shares a place in it. */
#include "service/auth/rate.h"
#include "core/crypto/siphash.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, ACCOUNTS_MIN = 64, MS_PER_S = 1000, PREFIX_LEN_MAX = 16 };

/* Credit is in thousandths of an answer, so that it grows with each millisecond. */
struct account {
    uint32_t tag; /* 0: free */
    uint32_t at_ms;
    uint32_t credit;
    uint32_t limited; /* answers, since there was credit */
};

struct rate {
    struct rate_options options;
    uint8_t key[SIPHASH_KEY_LEN];
    uint64_t mask; /* over groups of WAYS */
    struct account accounts[];
};

struct rate *rate_open(const struct rate_options *options, const struct entropy *entropy)
{
    size_t count = ACCOUNTS_MIN;
    while (count < options->accounts && count < (size_t)1 << 31) {
        count *= 2;
    }
    struct rate *rate = calloc(1, sizeof *rate + count * sizeof rate->accounts[0]);
    if (rate != NULL) {
        rate->options = *options;
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

static void refill(const struct rate *rate, struct account *account, uint32_t now_ms)
{
    uint64_t most = (uint64_t)rate->options.per_second * MS_PER_S;
    uint64_t grown =
        account->credit + (uint64_t)(now_ms - account->at_ms) * rate->options.per_second;
    account->credit = (uint32_t)(grown < most ? grown : most);
    account->at_ms = now_ms;
}

/* The account, or in its place the one that has been left alone for longest, opened anew. */
static struct account *find_account(struct rate *rate, uint64_t hash, uint32_t now_ms)
{
    struct account *group = &rate->accounts[(hash & rate->mask) * WAYS];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    struct account *oldest = group;
    for (int i = 0; i < WAYS; i++) {
        if (group[i].tag == tag) {
            refill(rate, &group[i], now_ms);
            return &group[i];
        }
        bool is_better = group[i].tag == 0
                             ? oldest->tag != 0
                             : oldest->tag != 0 && now_ms - group[i].at_ms > now_ms - oldest->at_ms;
        oldest = is_better ? &group[i] : oldest;
    }
    *oldest = (struct account){
        .tag = tag, .at_ms = now_ms, .credit = rate->options.per_second * MS_PER_S};
    return oldest;
}

enum rate_verdict rate_judge(struct rate *rate, struct address client, enum rate_kind kind,
                             struct name name, struct moment now)
{
    uint32_t now_ms = (uint32_t)(now.mono_ns / (MOMENT_NS_PER_S / MS_PER_S));
    struct account *account = find_account(rate, hash_account(rate, client, kind, name), now_ms);
    if (account->credit >= MS_PER_S) {
        account->credit -= MS_PER_S;
        account->limited = 0;
        return RATE_SEND;
    }
    account->limited++;
    uint32_t slip = rate->options.slip;
    return slip > 0 && account->limited % slip == 0 ? RATE_TRUNCATE : RATE_DROP;
}
