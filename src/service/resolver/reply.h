#pragma once
/* What a client gets: sections, flags and extended errors (RFC 4035 §3.2, RFC 6840 §5.7 to §5.9,
 * RFC 8914). */
#include "service/resolver/state.h"

/* An answer made of the links of a chain. */
struct reply {
    const struct client *client;
    const struct link *links;
    size_t link_count;
    uint16_t rcode;
    const struct judgement *remark; /* NULL: nothing needs to be said beside the answer */
    bool is_authentic;              /* AD */
    int64_t now_ns;
};
/* At most `size` octets, in `bytes`. Needs nothing else, so any thread may do it. */
struct span reply_write(const struct reply *reply, uint8_t *bytes, size_t size);

/* AD: every part was found secure by us, and the client understands it (RFC 6840 §5.8). Whoever
 * sets CD validates for itself and is told nothing. For a resolver that validates. */
bool reply_is_authentic(const struct client *client, const struct link *links, size_t count);

/* An answer without records. `ede` of EDE_NONE: no extended error. */
void reply_error(struct resolver *resolver, const struct client *client, uint16_t rcode,
                 enum ede ede, const char *reason);
/* Records that came from nowhere but ourselves: never secure. */
void reply_local(struct resolver *resolver, const struct client *client, uint16_t rcode,
                 const struct rrset *answer, const struct rrset *authority);
/* Other threads may give the answer of this query from now on. */
void reply_open(const struct query *query);
/* The links of a query that has reached QUERY_ANSWER, or SERVFAIL with its reason. */
void reply_query(struct resolver *resolver, const struct query *query);
