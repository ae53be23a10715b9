#pragma once
/* Authenticated signals for zones that are yet to be secured (RFC 9615): the CDS and CDNSKEY of a
 * child zone, shown at names below those of its name servers, in zones of ours that have a chain of
 * trust already. They are made anew each time the host of such names is signed, from what the child
 * published last, and stand in no owner's data. */
#include "service/signer/signer_state.h"

/* What becomes of the signal of one name server. */
enum signal_fate {
    SIGNAL_SHOWN,
    SIGNAL_INSIDE,    /* the name server is in the child itself: it proves nothing */
    SIGNAL_TOO_LONG,  /* the name would have more than 255 octets */
    SIGNAL_ELSEWHERE, /* the name lies in no zone of this signer: its operator must show it */
    SIGNAL_UNSIGNED,  /* the zone that it lies in is not signed */
    SIGNAL_HIDDEN,    /* below a delegation or a DNAME of that zone, or at a CNAME */
    SIGNAL_FATE_COUNT
};
struct signal {
    struct name_buffer buffer;
    struct name name;         /* len 0 when it is too long */
    struct signer_zone *host; /* NULL: none */
    enum signal_fate fate;
};
/* Of a child and the name of one of its name servers. */
void signal_find(struct signer *signer, const struct signer_zone *child, struct name server,
                 struct signal *signal);

/* The deepest zone of ours that the name is in; NULL: none. */
struct signer_zone *signal_find_host(struct signer *signer, struct name name);
/* The zone of this signer that a name signals for; NULL when it is none of ours. */
const struct signer_zone *signal_find_child(struct signer *signer, struct name signal);
/* Is the name below a delegation or a DNAME, or an alias? */
bool signal_is_hidden(const struct zone *data, struct name name);

/* signal_make.c: the data to sign: the owner's with the signals that the zone is host of; `*all`
 * has one reference. Made from what was signed last, at the cost of what differs; from all signals
 * where a delegation, a DNAME or a CNAME of the host came or went, which may hide any of them. */
enum status signal_make(struct signer *signer, struct signer_zone *host, const struct zone *data,
                        struct zone **all) MUST_USE;
/* They were signed, and are `signed_data`. */
void signal_made(struct signer_zone *host);
/* The data without the signals for zones of this signer. */
enum status signal_drop(struct signer *signer, const struct zone *data,
                        struct zone **rest) MUST_USE;
/* A version is about to take the place of what was published: the hosts that must be signed again
 * for it are marked, and their timers set where there is an outbox. */
void signal_note(struct signer *signer, struct signer_zone *child, const struct zone *next,
                 struct moment now, struct outbox *outbox);
/* A zone has come while others were there, or has just gone: children whose signals it takes over,
 * or gives back, have them shown in another host. */
void signal_join(struct signer *signer, struct signer_zone *zone, struct moment now,
                 struct outbox *outbox);
void signal_leave(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox);
/* Whether it is signalled has changed. */
void signal_switch(struct signer *signer, struct signer_zone *child, struct moment now,
                   struct outbox *outbox);
void signal_close(struct signer_zone *host);
