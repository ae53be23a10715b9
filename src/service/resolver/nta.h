#pragma once
/* Negative trust anchors (RFC 7646): zones whose failing validation the operator overlooks for a
 * time. Each ends by itself: at its time, or as soon as its zone is seen to validate again, which
 * is tried every RESOLVER_NTA_RECHECK_S. A trust anchor below one is still used. */
#include "service/resolver/state.h"

struct nta {
    uint8_t octets[NAME_LEN_MAX];
    struct name zone;     /* its octets are those above */
    int64_t until_ns;     /* monotonic; INT64_MAX: it is configured, and stays */
    int64_t until_wall_s; /* the same for people */
    int64_t recheck_ns;   /* when its zone is looked at again */
};

/* For `seconds` from now on, at most RESOLVER_NTA_S_MAX; 0: for ever. One that is there gets the
 * new time. LIMIT_REACHED beyond RESOLVER_NTAS_MAX. */
enum status nta_add(struct resolver *resolver, struct name zone, uint32_t seconds) MUST_USE;
/* NOT_FOUND when there is none. */
enum status nta_remove(struct resolver *resolver, struct name zone) MUST_USE;
/* The one that data of this name and type are under, NULL when there is none. A DS is the parent's.
 * Valid until the next call of another function here. */
const struct nta *nta_find(const struct resolver *resolver, struct name name, uint16_t type);
/* That such data were not validated: insecure, with EDE 33. */
void nta_judge(const struct nta *nta, struct judgement *judgement);
/* Ends those whose time is over, looks at the zones whose turn it is, and sets the timer. */
void nta_expire(struct resolver *resolver);
/* What a look at a zone, its SOA, came to. */
void nta_hear(struct resolver *resolver, const struct query *probe);
void nta_close(struct resolver *resolver);
