/* Counters of clients and zones, and when one of them is full. */
#include "service/resolver/quota.h"

#include <stdlib.h>

#include "core/crypto/siphash.h"
#include "service/resolver/resolver_limits.h"

/* Counted from the first event on, second by second. */
struct rate {
    int64_t second;
    uint32_t count;
};

struct client_row {
    uint32_t waiting;
    struct rate late;
};

struct zone_row {
    uint32_t open;
    struct rate asked;
};

struct quota {
    uint8_t key[SIPHASH_KEY_LEN];
    struct client_row clients[RESOLVER_QUOTA_CLIENTS];
    struct zone_row zones[RESOLVER_QUOTA_ZONES];
};

enum status quota_open(const struct entropy *entropy, struct quota **quota)
{
    *quota = calloc(1, sizeof **quota);
    if (*quota == NULL) {
        return NO_MEMORY;
    }
    entropy->fill(entropy->self, (*quota)->key, sizeof(*quota)->key);
    return OK;
}

void quota_close(struct quota *quota)
{
    free(quota);
}

/* How many there were in this second before this one. */
static uint32_t rate_count(struct rate *rate, struct moment now)
{
    int64_t second = now.mono_ns / MOMENT_NS_PER_S;
    if (rate->second != second) {
        *rate = (struct rate){.second = second};
    }
    return rate->count++;
}

/* --- clients --- */

static struct client_row *client_row(struct quota *quota, struct address client)
{
    enum { NETWORK_LEN = 8 };
    size_t len = client.family == ADDRESS_IPV4 ? 4 : NETWORK_LEN;
    return &quota->clients[siphash_2_4(quota->key, span_of(client.octets, len)) %
                           RESOLVER_QUOTA_CLIENTS];
}

bool quota_client_begin(struct quota *quota, struct address client, uint32_t most)
{
    struct client_row *row = client_row(quota, client);
    if (most != 0 && row->waiting >= most) {
        return false;
    }
    row->waiting++;
    return true;
}

void quota_client_end(struct quota *quota, struct address client)
{
    struct client_row *row = client_row(quota, client);
    require(row->waiting > 0);
    row->waiting--;
}

bool quota_client_may_be_late(struct quota *quota, struct address client, struct moment now)
{
    return rate_count(&client_row(quota, client)->late, now) < RESOLVER_LATE_ANSWERS_MAX;
}

/* --- zones --- */

static uint32_t zone_index(const struct quota *quota, struct name zone)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(zone, &buffer, &lower);
    return (uint32_t)(siphash_2_4(quota->key, name_span(lower)) % RESOLVER_QUOTA_ZONES);
}

uint32_t quota_zone_begin(struct quota *quota, struct name zone,
                          const struct quota_zone_limits *limits, struct moment now)
{
    uint32_t index = zone_index(quota, zone);
    struct zone_row *row = &quota->zones[index];
    if (limits->at_once != 0 && row->open >= limits->at_once) {
        return 0;
    }
    uint32_t before = rate_count(&row->asked, now);
    bool is_too_fast = limits->per_second != 0 && before >= limits->per_second;
    if (is_too_fast && (limits->factor == 0 || before % limits->factor != 0)) {
        return 0;
    }
    row->open++;
    return index + 1;
}

void quota_zone_end(struct quota *quota, uint32_t number)
{
    require(number > 0 && number <= RESOLVER_QUOTA_ZONES && quota->zones[number - 1].open > 0);
    quota->zones[number - 1].open--;
}
