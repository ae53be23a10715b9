#pragma once
/* The short way for the questions that make up nearly all of a server's load: what a zone answers
 * from its own records, in one datagram, to a plain question. Everything else is left to the
 * careful way, which gives the same answers. */
#include "core/node/node.h"
#include "core/zone/zone_seek.h"
#include "service/auth/auth_state.h"
#include "service/auth/view.h"

/* Where a question stands. */
enum quick_state {
    QUICK_LEFT,  /* to the careful way */
    QUICK_NAME,  /* the ancestor of the name with `labels` labels is being looked up */
    QUICK_NSEC3, /* the hash of the name with `labels` labels is being looked up */
    QUICK_READY, /* all that is needed was found: to be written */
};

/* What the answer is, when it is ready. */
enum quick_kind {
    QUICK_DATA,     /* the RRset of the question */
    QUICK_NO_DATA,  /* the name, without that type */
    QUICK_NO_NAME,  /* NXDOMAIN */
    QUICK_REFERRAL, /* from the cut above the name */
    QUICK_NOTHING,  /* because the client has had its share */
    QUICK_BAD_COOKIE,
};

struct quick_question {
    enum quick_state state;
    enum quick_kind kind;
    const struct auth_view *view;
    struct datagram *datagram;
    struct name name; /* a view of the message */
    uint16_t type;
    uint16_t key_ends[NAME_LABELS_MAX + 1]; /* of each ancestor's key, by its label count */
    uint8_t labels;
    bool has_edns;
    bool wants_dnssec;
    uint16_t size; /* the answer may have */
    struct auth_asked asked;
    uint64_t account; /* for the rate of answers */
    uint16_t flags;   /* of the answer, beside those of its kind */
    struct zone_seek seek;
    const struct zone_node *node; /* with the data, or the cut, or the name without the type */
    /* Each proves a part of what is not there. */
    const struct zone_node *proof[3];
    uint8_t proof_count;
    uint8_t key[NAME_KEY_MAX];
    uint8_t nsec3_key[NAME_KEY_MAX];
};

/* quick_read.c: takes the message apart and begins the look-up; QUICK_LEFT where it is not plain.
 */
void quick_read(const struct auth *auth, int64_t now_s, struct datagram *datagram,
                struct quick_question *question);
/* quick_find.c: begins the look-up of the ancestor with one more label; goes on from a node that
 * has the whole name; and after a look-up has ended, what follows from it. */
void quick_seek_next(struct quick_question *question);
void quick_begin_at(struct quick_question *question, const struct zone_node *node);
void quick_decide(struct quick_question *question);
/* quick_write.c: the answer, or 0 where it does not fit. */
size_t quick_write(const struct auth *auth, const struct quick_question *question);
uint16_t quick_rcode(const struct quick_question *question);
