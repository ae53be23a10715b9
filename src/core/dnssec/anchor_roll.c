/* The state machine of RFC 5011: which events a DNSKEY RRset is for each key, and where they lead.
 */
#include "core/dnssec/anchor_roll.h"

#include <assert.h>
#include <string.h>

static const char *const TEXTS[] = {
    [ANCHOR_START] = "unknown",   [ANCHOR_ADD_PENDING] = "pending", [ANCHOR_VALID] = "valid",
    [ANCHOR_MISSING] = "missing", [ANCHOR_REVOKED] = "revoked",     [ANCHOR_REMOVED] = "removed",
};
static_assert(LEN(TEXTS) == ANCHOR_STATE_COUNT, "a text for each state");

const char *anchor_state_text(enum anchor_state state)
{
    require((unsigned)state < ANCHOR_STATE_COUNT);
    return TEXTS[state];
}

enum roll_event {
    ROLL_NEW,     /* NewKey: in the RRset, and not known */
    ROLL_HERE,    /* KeyPres */
    ROLL_GONE,    /* KeyRem */
    ROLL_HELD,    /* AddTime: in the RRset, and its hold-down is over */
    ROLL_REVOKED, /* RevBit: in the RRset with the REVOKE bit, by its own signature */
    ROLL_FORGOT,  /* RemTime: not in the RRset, and its hold-down is over */
    ROLL_EVENT_COUNT
};

/* RFC 5011 §4.1. ANCHOR_START: it is forgotten. */
static const enum anchor_state NEXT[ANCHOR_STATE_COUNT][ROLL_EVENT_COUNT] = {
    [ANCHOR_START] = {[ROLL_NEW] = ANCHOR_ADD_PENDING},
    [ANCHOR_ADD_PENDING] = {[ROLL_HERE] = ANCHOR_ADD_PENDING,
                            [ROLL_GONE] = ANCHOR_START,
                            [ROLL_HELD] = ANCHOR_VALID,
                            [ROLL_REVOKED] = ANCHOR_REVOKED},
    [ANCHOR_VALID] =
        {[ROLL_HERE] = ANCHOR_VALID, [ROLL_GONE] = ANCHOR_MISSING, [ROLL_REVOKED] = ANCHOR_REVOKED},
    [ANCHOR_MISSING] =
        {[ROLL_HERE] = ANCHOR_VALID, [ROLL_GONE] = ANCHOR_MISSING, [ROLL_REVOKED] = ANCHOR_REVOKED},
    [ANCHOR_REVOKED] = {[ROLL_HERE] = ANCHOR_REVOKED,
                        [ROLL_GONE] = ANCHOR_REVOKED,
                        [ROLL_REVOKED] = ANCHOR_REVOKED,
                        [ROLL_FORGOT] = ANCHOR_REMOVED},
    [ANCHOR_REMOVED] = {[ROLL_HERE] = ANCHOR_REMOVED,
                        [ROLL_GONE] = ANCHOR_REMOVED,
                        [ROLL_REVOKED] = ANCHOR_REMOVED},
};

static bool is_trusted(const struct anchor_key *key)
{
    return key->state == ANCHOR_VALID || key->state == ANCHOR_MISSING;
}

static bool is_over(const struct anchor_key *key)
{
    return key->state == ANCHOR_REVOKED || key->state == ANCHOR_REMOVED;
}

static struct span rdata_of(const struct anchor_key *key)
{
    return span_of(key->rdata, key->rdata_len);
}

/* --- a trust point --- */

void anchor_point_open(struct anchor_point *point, struct name zone)
{
    memset(point, 0, sizeof *point);
    name_copy_to(zone, &point->zone_octets, &point->zone);
}

/* A place for one more: where there is none, that of the key removed longest ago. NULL: none. */
static struct anchor_key *key_place(struct anchor_point *point)
{
    if (point->key_count < ANCHOR_ROLL_KEYS_MAX) {
        return &point->keys[point->key_count++];
    }
    struct anchor_key *oldest = NULL;
    for (size_t i = 0; i < point->key_count; i++) {
        struct anchor_key *key = &point->keys[i];
        bool is_older = oldest == NULL || key->since_s < oldest->since_s;
        oldest = key->state == ANCHOR_REMOVED && is_older ? key : oldest;
    }
    return oldest;
}

enum status anchor_point_add(struct anchor_point *point, const struct trust_anchor *anchor,
                             int64_t now_s)
{
    require(name_equal(anchor->zone, point->zone));
    for (size_t i = 0; i < point->key_count; i++) {
        if (point->keys[i].type == anchor->type &&
            span_equal(rdata_of(&point->keys[i]), anchor->rdata)) {
            return OK;
        }
    }
    bool is_short = anchor->rdata.len >= 4 && anchor->rdata.len <= ANCHOR_RDATA_LEN_MAX;
    struct anchor_key *key = is_short ? key_place(point) : NULL;
    if (key == NULL) {
        return LIMIT_REACHED;
    }
    *key = (struct anchor_key){.state = ANCHOR_VALID,
                               .type = anchor->type,
                               .since_s = now_s,
                               .rdata_len = (uint16_t)anchor->rdata.len};
    memcpy(key->rdata, anchor->rdata.bytes, anchor->rdata.len);
    key->tag = anchor->type == TYPE_DNSKEY ? dnskey_tag(anchor->rdata)
                                           : (uint16_t)(key->rdata[0] << 8 | key->rdata[1]);
    return OK;
}

size_t anchor_point_anchors(const struct anchor_point *point,
                            struct trust_anchor anchors[ANCHOR_ROLL_KEYS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < point->key_count; i++) {
        if (is_trusted(&point->keys[i])) {
            anchors[count++] =
                (struct trust_anchor){point->zone, point->keys[i].type, rdata_of(&point->keys[i])};
        }
    }
    return count;
}

int64_t anchor_point_wait(const struct anchor_point *point, int64_t now_s)
{
    int64_t wait_s = point->next_s - now_s;
    return wait_s < 0 || wait_s > ANCHOR_ASK_MAX_S ? 0 : wait_s;
}

/* What was noted in a time that has not come yet, was noted now. */
static void clock_follow(struct anchor_point *point, int64_t now_s)
{
    point->seen_s = point->seen_s > now_s ? now_s : point->seen_s;
    for (size_t i = 0; i < point->key_count; i++) {
        struct anchor_key *key = &point->keys[i];
        key->since_s = key->since_s > now_s ? now_s : key->since_s;
    }
}

/* --- a look at an RRset --- */

struct roll {
    struct anchor_point *point;
    const struct anchor_look *look;
    struct anchor_changes *changes;
    unsigned checks_left;
    struct rrsig signature; /* by the anchor */
};

/* Where the event leads; the key may be gone afterwards: its place is then the last one's. */
static void roll_move(struct roll *roll, struct anchor_key *key, enum roll_event event)
{
    enum anchor_state from = key->state;
    enum anchor_state to = NEXT[from][event];
    if (to == from) {
        return;
    }
    if (roll->changes->count < LEN(roll->changes->list)) {
        roll->changes->list[roll->changes->count++] = (struct anchor_change){key->tag, from, to};
    }
    key->state = to;
    key->since_s = roll->look->now_s;
    if (to == ANCHOR_START) {
        *key = roll->point->keys[--roll->point->key_count];
    }
}

/* The same key without its REVOKE bit, in those octets. */
static bool dnskey_unrevoke(const struct dnskey *dnskey, uint8_t octets[ANCHOR_RDATA_LEN_MAX],
                            struct dnskey *unrevoked)
{
    enum { FLAGS_LOW_AT = 1 };
    if (dnskey->rdata.len > ANCHOR_RDATA_LEN_MAX) {
        return false;
    }
    memcpy(octets, dnskey->rdata.bytes, dnskey->rdata.len);
    octets[FLAGS_LOW_AT] &= (uint8_t)~DNSKEY_FLAG_REVOKE;
    return dnskey_read(span_of(octets, dnskey->rdata.len), unrevoked) == OK;
}

/* Is that the key, or the one that the DS is of? `dnskey` is without a REVOKE bit. */
static bool is_same(const struct anchor_point *point, const struct anchor_key *key,
                    const struct dnskey *dnskey)
{
    struct ds ds;
    if (key->type == TYPE_DNSKEY) {
        return span_equal(rdata_of(key), dnskey->rdata);
    }
    return ds_read(rdata_of(key), &ds) == OK && ds.tag == dnskey->tag &&
           ds.algorithm == dnskey->algorithm && ds_matches(&ds, point->zone, dnskey);
}

/* The DNSKEY of the RRset that this key is, with or without the REVOKE bit. */
static bool find_dnskey(const struct roll *roll, const struct anchor_key *key, bool is_revoked,
                        struct dnskey *found)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(roll->look->dnskeys);
         rrset_next(&cursor, &rdata);) {
        uint8_t octets[ANCHOR_RDATA_LEN_MAX];
        struct dnskey unrevoked;
        if (dnskey_read(rdata, found) == OK &&
            ((found->flags & DNSKEY_FLAG_REVOKE) != 0) == is_revoked &&
            dnskey_unrevoke(found, octets, &unrevoked) && is_same(roll->point, key, &unrevoked)) {
            return true;
        }
    }
    return false;
}

/* The signature is left in the roll. */
static bool is_signed_by(struct roll *roll, const struct dnskey *dnskey)
{
    const struct anchor_look *look = roll->look;
    struct span rdata;
    if (look->rrsigs == NULL) {
        return false;
    }
    for (struct rrset_cursor cursor = rrset_first(look->rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig *rrsig = &roll->signature;
        uint8_t labels = 0;
        if (rrsig_read(rdata, rrsig) != OK || rrsig->covers != TYPE_DNSKEY ||
            rrsig->tag != dnskey->tag || rrsig->algorithm != dnskey->algorithm) {
            continue;
        }
        if (roll->checks_left == 0) {
            return false;
        }
        roll->checks_left--;
        if (verify_rrsig(look->dnskeys, rrsig, roll->point->zone, dnskey, look->now_s, NULL,
                         look->scratch, &labels) == VERIFY_GOOD) {
            return true;
        }
    }
    return false;
}

/* RFC 5011 §2.1: at once, by its own signature alone, and for good. */
static void revoke(struct roll *roll)
{
    for (size_t i = roll->point->key_count; i > 0; i--) {
        struct anchor_key *key = &roll->point->keys[i - 1];
        struct dnskey dnskey;
        if (!is_over(key) && find_dnskey(roll, key, true, &dnskey) && is_signed_by(roll, &dnskey)) {
            roll_move(roll, key, ROLL_REVOKED);
        }
    }
}

static bool is_signed_by_anchor(struct roll *roll)
{
    for (size_t i = 0; i < roll->point->key_count; i++) {
        struct dnskey dnskey;
        if (is_trusted(&roll->point->keys[i]) &&
            find_dnskey(roll, &roll->point->keys[i], false, &dnskey) &&
            dnskey_is_zone_key(&dnskey) && is_signed_by(roll, &dnskey)) {
            return true;
        }
    }
    return false;
}

/* The DS of a key that is here now has done its work. */
static void key_take_rdata(struct anchor_key *key, const struct dnskey *dnskey)
{
    key->type = TYPE_DNSKEY;
    key->rdata_len = (uint16_t)dnskey->rdata.len;
    memcpy(key->rdata, dnskey->rdata.bytes, dnskey->rdata.len);
}

/* Two digests of one key are one key. */
static bool is_twice(const struct anchor_point *point, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (point->keys[i].type == point->keys[at].type &&
            span_equal(rdata_of(&point->keys[i]), rdata_of(&point->keys[at]))) {
            return true;
        }
    }
    return false;
}

static enum roll_event event_of(const struct roll *roll, const struct anchor_key *key, bool is_here)
{
    int64_t waited_s = roll->look->now_s - key->since_s;
    int64_t hold_s = key->ttl_s > ANCHOR_HOLD_S ? key->ttl_s : ANCHOR_HOLD_S;
    if (key->state == ANCHOR_ADD_PENDING && is_here && waited_s >= hold_s) {
        return ROLL_HELD;
    }
    if (key->state == ANCHOR_REVOKED && !is_here && waited_s >= ANCHOR_HOLD_S) {
        return ROLL_FORGOT;
    }
    return is_here ? ROLL_HERE : ROLL_GONE;
}

/* The keys of which only a DS was known, where they are here. */
static void take_keys(struct roll *roll)
{
    struct anchor_point *point = roll->point;
    for (size_t i = 0; i < point->key_count; i++) {
        struct dnskey dnskey;
        if (point->keys[i].type == TYPE_DS && find_dnskey(roll, &point->keys[i], false, &dnskey)) {
            key_take_rdata(&point->keys[i], &dnskey);
        }
    }
    for (size_t i = point->key_count; i > 0; i--) {
        if (is_twice(point, i - 1)) {
            point->keys[i - 1] = point->keys[--point->key_count];
        }
    }
}

static void move_known(struct roll *roll)
{
    struct anchor_point *point = roll->point;
    for (size_t i = point->key_count; i > 0; i--) {
        struct anchor_key *key = &point->keys[i - 1];
        struct dnskey dnskey;
        bool is_here = find_dnskey(roll, key, false, &dnskey) ||
                       (is_over(key) && find_dnskey(roll, key, true, &dnskey));
        roll_move(roll, key, event_of(roll, key, is_here));
    }
}

static bool is_known(const struct anchor_point *point, const struct dnskey *dnskey)
{
    for (size_t i = 0; i < point->key_count; i++) {
        if (is_same(point, &point->keys[i], dnskey)) {
            return true;
        }
    }
    return false;
}

/* Keys that may become anchors have the SEP bit (RFC 5011 §2.2). */
static void begin_new(struct roll *roll)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(roll->look->dnskeys);
         rrset_next(&cursor, &rdata);) {
        struct dnskey dnskey;
        if (dnskey_read(rdata, &dnskey) != OK || !dnskey_is_zone_key(&dnskey) ||
            (dnskey.flags & DNSKEY_FLAG_SEP) == 0 || rdata.len > ANCHOR_RDATA_LEN_MAX) {
            continue;
        }
        const struct algorithm *algorithm = algorithm_find(dnskey.algorithm);
        bool is_useful = algorithm != NULL && algorithm->can_verify;
        struct anchor_key *key =
            is_useful && !is_known(roll->point, &dnskey) ? key_place(roll->point) : NULL;
        if (key != NULL) {
            *key = (struct anchor_key){
                .state = ANCHOR_START, .tag = dnskey.tag, .ttl_s = roll->signature.original_ttl_s};
            key_take_rdata(key, &dnskey);
            roll_move(roll, key, ROLL_NEW);
        }
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint32_t at_least_an_hour(int64_t seconds)
{
    return (uint32_t)(seconds < ANCHOR_ASK_MIN_S ? ANCHOR_ASK_MIN_S : seconds);
}

/* RFC 5011 §2.3. */
static void pace(struct roll *roll)
{
    struct anchor_point *point = roll->point;
    int64_t now_s = roll->look->now_s;
    int64_t ttl_s = roll->signature.original_ttl_s;
    int64_t life_s = rrsig_time_s(roll->signature.expiration_s, now_s) - now_s;
    int64_t base_s = least(ttl_s, life_s);
    point->interval_s = at_least_an_hour(least(ANCHOR_ASK_MAX_S, base_s / 2));
    point->retry_s = at_least_an_hour(least(ANCHOR_RETRY_MAX_S, base_s / 10));
    point->asked_s = now_s;
    point->seen_s = now_s;
    point->failures = 0;
    point->next_s = now_s + point->interval_s;
}

bool anchor_roll_look(struct anchor_point *point, const struct anchor_look *look,
                      struct anchor_changes *changes)
{
    struct roll roll = {
        .point = point, .look = look, .changes = changes, .checks_left = ANCHOR_ROLL_CHECKS_MAX};
    changes->count = 0;
    clock_follow(point, look->now_s);
    revoke(&roll);
    if (!is_signed_by_anchor(&roll)) {
        anchor_roll_fail(point, look->now_s);
        return false;
    }
    take_keys(&roll);
    move_known(&roll);
    begin_new(&roll);
    pace(&roll);
    return true;
}

void anchor_roll_fail(struct anchor_point *point, int64_t now_s)
{
    uint32_t retry_s = point->retry_s == 0 ? ANCHOR_ASK_MIN_S : point->retry_s;
    clock_follow(point, now_s);
    point->asked_s = now_s;
    point->failures += point->failures < UINT32_MAX ? 1 : 0;
    point->next_s = now_s + retry_s;
}
