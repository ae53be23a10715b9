/* Round-trip times, EDNS and lameness per address, and the choice among addresses. */
#include "service/resolver/servers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto/digest.h"
#include "core/dns/cookie.h"
#include "service/resolver/resolver_limits.h"

enum {
    WAYS = 4,
    RTT_UNKNOWN_MS = 376, /* asked before slow servers, after fast ones */
    RTT_DEVIATION_UNKNOWN_MS = 100,
    RTT_MAX_MS = 20000,
    RTT_BAND_MS = 400, /* servers this near to the fastest share the load */
    TIMEOUT_MIN_MS = 150,
    TIMEOUT_MAX_MS = 3000,
    COOKIE_SERVER_LEN_MIN = 8, /* RFC 7873 §4 */
    COOKIE_SERVER_LEN_MAX = 32,
    NO_EDNS_TTL_S = 60 /* short: without EDNS there is no DNSSEC */
};

struct note {
    struct address address; /* ADDRESS_NONE: empty */
    uint64_t used;          /* tick of the last use */
    int32_t rtt_ms;         /* as measured; timeouts measure nothing (RFC 6298 §3, §5) */
    int32_t deviation_ms;
    uint32_t timeouts; /* in a row */
    int64_t no_edns_until_ns;
    uint8_t cookie_len; /* 0: none yet; COOKIE_CLIENT_LEN: our half alone */
    uint8_t cookie[COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN_MAX];
};

struct lame {
    struct address address;
    uint64_t zone_hash;
    int64_t until_ns;
};

struct servers {
    struct note notes[RESOLVER_SERVER_ENTRIES];
    struct lame lame[RESOLVER_LAME_ENTRIES];
    uint64_t seed;
    uint64_t tick;
    const struct entropy *entropy;
};

static_assert(RESOLVER_SERVER_ENTRIES % WAYS == 0, "sets must be whole");

enum status servers_open(const struct entropy *entropy, struct servers **servers)
{
    struct servers *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->seed = entropy_u64(entropy);
    opened->entropy = entropy;
    *servers = opened;
    return OK;
}

void servers_close(struct servers *servers)
{
    free(servers);
}

void servers_forget(struct servers *servers)
{
    memset(servers->notes, 0, sizeof servers->notes);
    memset(servers->lame, 0, sizeof servers->lame);
}

static bool is_all(const uint8_t *octets, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (octets[i] != value) {
            return false;
        }
    }
    return true;
}

bool servers_is_usable(struct address address, bool may_be_loopback)
{
    const uint8_t *octets = address.octets;
    if (address.family == ADDRESS_IPV4) {
        bool is_loopback = octets[0] == 127;
        return octets[0] != 0 && octets[0] < 224 && (may_be_loopback || !is_loopback);
    }
    if (address.family == ADDRESS_IPV6) {
        bool is_zero = is_all(octets, 15, 0); /* :: and ::1 */
        bool is_loopback = is_zero && octets[15] == 1;
        bool is_mapped = is_all(octets, 10, 0) && octets[10] == 0xff && octets[11] == 0xff;
        bool is_multicast = octets[0] == 0xff;
        return !is_mapped && !is_multicast && (!is_zero || (is_loopback && may_be_loopback));
    }
    return false;
}

static uint64_t address_hash(const struct servers *servers, struct address address)
{
    uint64_t hash = servers->seed ^ address.port;
    for (size_t i = 0; i < sizeof address.octets; i++) {
        hash = (hash ^ address.octets[i]) * 0x100000001b3u;
        hash ^= hash >> 23;
    }
    return hash;
}

static size_t set_of(const struct servers *servers, struct address address)
{
    return address_hash(servers, address) % (RESOLVER_SERVER_ENTRIES / WAYS) * WAYS;
}

static const struct note *note_find(const struct servers *servers, struct address address)
{
    const struct note *set = &servers->notes[set_of(servers, address)];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].address.family != ADDRESS_NONE && address_equal(set[i].address, address)) {
            return &set[i];
        }
    }
    return NULL;
}

/* Finds the note or makes one in the place of the longest unused of its set. */
static struct note *note_take(struct servers *servers, struct address address)
{
    struct note *set = &servers->notes[set_of(servers, address)];
    struct note *taken = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].address.family != ADDRESS_NONE && address_equal(set[i].address, address)) {
            set[i].used = ++servers->tick;
            return &set[i];
        }
        taken = set[i].used < taken->used ? &set[i] : taken;
    }
    *taken = (struct note){.address = address,
                           .used = ++servers->tick,
                           .rtt_ms = RTT_UNKNOWN_MS,
                           .deviation_ms = RTT_DEVIATION_UNKNOWN_MS};
    return taken;
}

/* Doubled so often, up to a limit. */
static int32_t doubled_ms(int32_t ms, uint32_t times, int32_t most_ms)
{
    for (; times > 0 && ms < most_ms; times--) {
        ms = ms == 0 ? 1 : ms * 2;
    }
    return ms < most_ms ? ms : most_ms;
}

/* Each timeout since its last answer makes a server twice as slow, and one answer forgives them
 * all: where the network loses much, waits must not grow from one loss to the next. */
static int32_t rtt_of(const struct servers *servers, struct address address)
{
    const struct note *note = note_find(servers, address);
    return note == NULL ? RTT_UNKNOWN_MS : doubled_ms(note->rtt_ms, note->timeouts, RTT_MAX_MS);
}

static bool is_choice(const struct servers *servers, const struct server_candidate *candidate,
                      uint8_t tries_max, struct name zone, struct moment now)
{
    return !candidate->is_out && candidate->tries < tries_max &&
           !servers_is_lame(servers, candidate->address, zone, now);
}

size_t servers_choose(struct servers *servers, const struct server_candidate *candidates,
                      size_t count, struct name zone, struct moment now)
{
    uint8_t tries_max =
        count > 1 ? RESOLVER_TRIES_PER_SERVER_MAX : RESOLVER_TRIES_PER_LONE_SERVER_MAX;
    uint8_t tries_least = UINT8_MAX;
    int32_t rtt_least_ms = INT32_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!is_choice(servers, &candidates[i], tries_max, zone, now)) {
            continue;
        }
        int32_t rtt_ms = rtt_of(servers, candidates[i].address);
        if (candidates[i].tries < tries_least) {
            tries_least = candidates[i].tries;
            rtt_least_ms = rtt_ms;
        } else if (candidates[i].tries == tries_least && rtt_ms < rtt_least_ms) {
            rtt_least_ms = rtt_ms;
        }
    }
    size_t chosen = count;
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_choice(servers, &candidates[i], tries_max, zone, now) ||
            candidates[i].tries != tries_least ||
            rtt_of(servers, candidates[i].address) > rtt_least_ms + RTT_BAND_MS) {
            continue;
        }
        seen++;
        /* Each of the `seen` has the same chance. */
        if (entropy_below(servers->entropy, seen) == 0) {
            chosen = i;
        }
    }
    return chosen;
}

uint32_t servers_timeout_ms(const struct servers *servers, struct address address, uint8_t tries)
{
    const struct note *note = note_find(servers, address);
    int32_t timeout_ms = note == NULL ? RTT_UNKNOWN_MS + 4 * RTT_DEVIATION_UNKNOWN_MS
                                      : note->rtt_ms + 4 * note->deviation_ms;
    timeout_ms = timeout_ms < TIMEOUT_MIN_MS ? TIMEOUT_MIN_MS : timeout_ms;
    uint32_t timeouts = note == NULL || note->timeouts < tries ? tries : note->timeouts;
    return (uint32_t)doubled_ms(timeout_ms, timeouts, TIMEOUT_MAX_MS);
}

void servers_note_answer(struct servers *servers, struct address address, int64_t rtt_ns)
{
    struct note *note = note_take(servers, address);
    int64_t rtt_ms = rtt_ns / MOMENT_NS_PER_MS;
    rtt_ms = rtt_ms < 0 ? 0 : rtt_ms > RTT_MAX_MS ? RTT_MAX_MS : rtt_ms;
    /* RFC 6298 §2: weights of 1/8 and 1/4. */
    int32_t error_ms = (int32_t)rtt_ms - note->rtt_ms;
    int32_t size_ms = error_ms < 0 ? -error_ms : error_ms;
    note->rtt_ms += error_ms / 8;
    note->deviation_ms += (size_ms - note->deviation_ms) / 4;
    note->timeouts = 0;
}

void servers_note_timeout(struct servers *servers, struct address address)
{
    note_take(servers, address)->timeouts++;
}

void servers_note_no_edns(struct servers *servers, struct address address, struct moment now)
{
    note_take(servers, address)->no_edns_until_ns =
        now.mono_ns + (int64_t)NO_EDNS_TTL_S * MOMENT_NS_PER_S;
}

bool servers_has_edns(const struct servers *servers, struct address address, struct moment now)
{
    const struct note *note = note_find(servers, address);
    return note == NULL || note->no_edns_until_ns <= now.mono_ns;
}

/* Our half is random for each server, so that it neither follows from another's nor tells two
 * servers that it is the same resolver that asks (RFC 9018 §3). */
struct span servers_cookie(struct servers *servers, struct address address)
{
    struct note *note = note_take(servers, address);
    if (note->cookie_len == 0) {
        servers->entropy->fill(servers->entropy->self, note->cookie, COOKIE_CLIENT_LEN);
        note->cookie_len = COOKIE_CLIENT_LEN;
    }
    return span_of(note->cookie, note->cookie_len);
}

bool servers_note_cookie(struct servers *servers, struct address address, struct span cookie)
{
    struct note *note = note_take(servers, address);
    if (note->cookie_len == 0 || cookie.len < COOKIE_CLIENT_LEN ||
        !secret_equal(span_part(cookie, 0, COOKIE_CLIENT_LEN),
                      span_of(note->cookie, COOKIE_CLIENT_LEN))) {
        return false;
    }
    size_t server_len = cookie.len - COOKIE_CLIENT_LEN;
    if (server_len >= COOKIE_SERVER_LEN_MIN && server_len <= COOKIE_SERVER_LEN_MAX) {
        memcpy(note->cookie, cookie.bytes, cookie.len);
        note->cookie_len = (uint8_t)cookie.len;
    }
    return true;
}

bool servers_gives_cookies(const struct servers *servers, struct address address)
{
    const struct note *note = note_find(servers, address);
    return note != NULL && note->cookie_len > COOKIE_CLIENT_LEN;
}

void servers_note_no_cookie(struct servers *servers, struct address address)
{
    note_take(servers, address)->cookie_len = 0;
}

/* One place for each pair: a newer one of the same place wins. */
static size_t lame_place(const struct servers *servers, struct address address, uint64_t zone_hash)
{
    return (address_hash(servers, address) ^ zone_hash) % RESOLVER_LAME_ENTRIES;
}

void servers_note_lame(struct servers *servers, struct address address, struct name zone,
                       struct moment now)
{
    uint64_t zone_hash = name_hash(zone, servers->seed);
    servers->lame[lame_place(servers, address, zone_hash)] = (struct lame){
        address, zone_hash, now.mono_ns + (int64_t)RESOLVER_LAME_TTL_S * MOMENT_NS_PER_S};
}

bool servers_is_lame(const struct servers *servers, struct address address, struct name zone,
                     struct moment now)
{
    uint64_t zone_hash = name_hash(zone, servers->seed);
    const struct lame *lame = &servers->lame[lame_place(servers, address, zone_hash)];
    return lame->until_ns > now.mono_ns && lame->zone_hash == zone_hash &&
           address_equal(lame->address, address);
}
