#pragma once
/* What a server's message means for the question it was asked, and the little of it that may be
 * believed. Pure: message and question in, drafts for the cache out. */
#include "core/dns/message.h"
#include "service/resolver/cache.h"

enum response_kind {
    RESPONSE_DATA,      /* `draft` is what was asked for, an alias on the way to it, or a denial */
    RESPONSE_REFERRAL,  /* `draft` is a delegation below the zone asked */
    RESPONSE_TRUNCATED, /* ask again over TCP */
    RESPONSE_NO_EDNS,   /* the server does not understand EDNS: ask again without */
    RESPONSE_LAME,      /* the server is not one of the zone's */
    RESPONSE_FAILED,    /* the server could not, would not, or answered nonsense */
    RESPONSE_KIND_COUNT
};

struct response_question {
    struct name name;
    uint16_t type;
    struct name zone;  /* that the server was asked for: nothing outside it is believed */
    bool is_forwarded; /* the server is a resolver: it is not authoritative and never refers */
    bool has_edns;     /* the query had an OPT record */
};

struct response {
    enum response_kind kind;
    struct cache_draft draft; /* lives in the arena and the message */
    uint32_t ttl_s;
    bool has_ds;           /* a referral came with a DS RRset: `ds` */
    struct cache_draft ds; /* for the cache, under the cut's name */
    uint32_t ds_ttl_s;
    const char *reason; /* of LAME and FAILED: a few words */
};

/* Classifies and scrubs (reliability rules: only RRsets of the name asked, a DNAME above it, the
 * SOA and denial records that prove a negative, the NS RRset of a cut towards the name, and glue
 * for those NS inside the zone asked). The message must have passed message_answers. */
void response_read(const struct message *message, const struct response_question *question,
                   struct arena *scratch, struct response *response);

/* Of the answer to a priming query, which response_read made `response` of: the root's name servers
 * and all their addresses as a delegation. False: it is none, or has no address. */
bool response_read_root(const struct message *message, const struct response *response,
                        struct arena *scratch, struct cache_draft *draft, uint32_t *ttl_s);
