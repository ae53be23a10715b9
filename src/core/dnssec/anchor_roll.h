#pragma once
/* Trust anchors that follow the rolls of their zone (RFC 5011): what is known of each key of a
 * trust point, and what a DNSKEY RRset changes in it. Times are of the wall clock, because they
 * outlive processes; wherever one lies ahead of now, the clock has gone back, and waiting begins
 * anew. */
#include "core/dnssec/chain.h"

/* RFC 5011 §4.2. */
enum anchor_state {
    ANCHOR_START,       /* not known; no key that is kept is in it */
    ANCHOR_ADD_PENDING, /* seen, and waiting for the hold-down to end; not trusted yet */
    ANCHOR_VALID,       /* trusted */
    ANCHOR_MISSING,     /* trusted, but not in the RRset that was seen last */
    ANCHOR_REVOKED,     /* it said so itself; never trusted again */
    ANCHOR_REMOVED,     /* the same, a while later; kept so that it does not come back */
    ANCHOR_STATE_COUNT
};
const char *anchor_state_text(enum anchor_state state); /* "valid" ... */

enum {
    ANCHOR_HOLD_S = 30 * 24 * 3600, /* RFC 5011 §2.4 */
    ANCHOR_ASK_MIN_S = 3600,        /* RFC 5011 §2.3 */
    ANCHOR_ASK_MAX_S = 15 * 24 * 3600,
    ANCHOR_RETRY_MAX_S = 24 * 3600,
    ANCHOR_ROLL_KEYS_MAX = 24,     /* of one trust point; more new ones are not begun with */
    ANCHOR_ROLL_CHECKS_MAX = 16,   /* signatures looked at in one RRset */
    ANCHOR_RDATA_LEN_MAX = 1 << 11 /* RSA of 4096 bits needs a fourth */
};

struct anchor_key {
    enum anchor_state state;
    uint16_t type; /* TYPE_DNSKEY; TYPE_DS: the key itself has not been seen yet */
    uint16_t tag;
    int64_t since_s; /* it is in this state */
    uint32_t ttl_s;  /* original TTL of the RRset that it was first seen in */
    uint16_t rdata_len;
    uint8_t rdata[ANCHOR_RDATA_LEN_MAX]; /* a DNSKEY without the REVOKE bit */
};

/* A zone with such anchors. Not to be copied: the name points into it. */
struct anchor_point {
    struct name zone;
    struct name_buffer zone_octets;
    struct anchor_key keys[ANCHOR_ROLL_KEYS_MAX];
    size_t key_count;
    int64_t asked_s; /* last; 0: never */
    int64_t seen_s;  /* a DNSKEY RRset that an anchor had signed; 0: never */
    int64_t next_s;  /* to be asked again */
    uint32_t interval_s, retry_s;
    uint32_t failures; /* since then */
};

void anchor_point_open(struct anchor_point *point, struct name zone);
/* Trusted from now on, as the operator says. LIMIT_REACHED: too many, or too long. */
enum status anchor_point_add(struct anchor_point *point, const struct trust_anchor *anchor,
                             int64_t now_s) MUST_USE;
/* What is trusted now: how many, at most ANCHOR_ROLL_KEYS_MAX. Views. With 0 the zone has lost all
 * its anchors, and it is as if it had never had one (RFC 5011 §5). */
size_t anchor_point_anchors(const struct anchor_point *point,
                            struct trust_anchor anchors[ANCHOR_ROLL_KEYS_MAX]);
/* Seconds until the zone is to be asked for its keys (RFC 5011 §2.3). */
int64_t anchor_point_wait(const struct anchor_point *point, int64_t now_s);

struct anchor_change {
    uint16_t tag;
    enum anchor_state from, to;
};
struct anchor_changes {
    struct anchor_change list[2 * ANCHOR_ROLL_KEYS_MAX];
    size_t count;
};
/* A DNSKEY RRset of the zone, with its RRSIG RRset (NULL: it has none), from anybody. */
struct anchor_look {
    const struct rrset *dnskeys;
    const struct rrset *rrsigs;
    int64_t now_s;
    struct arena *scratch;
};
/* A key that has signed its own revocation is revoked whoever else has signed; all else happens
 * only when an anchor has signed the RRset. False: none has, and it is to be tried again soon. */
bool anchor_roll_look(struct anchor_point *point, const struct anchor_look *look,
                      struct anchor_changes *changes);
/* Nobody gave an answer. */
void anchor_roll_fail(struct anchor_point *point, int64_t now_s);

/* anchor_file.c: the state as a text, in the form of Unbound's autotrust files. Anything else that
 * is a list of trust anchors of one zone is read too: all of them are trusted then. */
enum { ANCHOR_FILE_LEN_MAX = 1 << 18 };
enum status anchor_file_read(struct span text, int64_t now_s, struct anchor_point *point,
                             struct problem *problem) MUST_USE;
void anchor_file_write(const struct anchor_point *point, struct writer *text);
