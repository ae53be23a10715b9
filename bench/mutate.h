#pragma once
/* What the files of `mutate` share: random signed zones, each with one fault, and the answers in
 * which the fault shows. */
#include "core/dnssec/canonical.h"
#include "core/zone/zone_sign.h"
#include "service/auth/auth.h"

enum {
    MUTATE_KEYS_MAX = 4,
    MUTATE_DNSKEY_LEN_MAX = 300,
    MUTATE_LABEL_LEN = 16,
    MUTATE_TEXT_LEN = 128,
    MUTATE_TTL_S = 300,
    MUTATE_VALIDITY_S = 14 * 86400,
    MUTATE_POOL = 6, /* keys of one algorithm, shared by the zones */
    MUTATE_PARTS_MAX = 64,
    MUTATE_UNKNOWN = 200 /* an algorithm and a digest that nobody knows */
};

_Noreturn void mutate_fail(const char *what);

/* ---------------------------------------------------------------- zones */

/* Names in each zone that mean something to its questions. */
enum role {
    ROLE_DATA,
    ROLE_WILD,   /* a wildcard stands below it, and a name beside the wildcard */
    ROLE_ENT,    /* owns nothing, but a name below it does */
    ROLE_ALIAS,  /* a CNAME to the data */
    ROLE_DNAME,  /* to the tree */
    ROLE_TREE,   /* with an x below it */
    ROLE_SECURE, /* a delegation with DS */
    ROLE_PLAIN,  /* one without */
    ROLE_COUNT
};

/* Which RRsets a fault of signatures and records is in. */
enum place {
    PLACE_DATA,   /* answers */
    PLACE_KEYS,   /* the DNSKEY RRset */
    PLACE_DS,     /* the zone's DS RRset, in the parent */
    PLACE_DENIAL, /* NSEC and NSEC3 */
    PLACE_SOA,
    PLACE_COUNT,
    PLACE_NONE = PLACE_COUNT
};
const char *place_text(enum place place);

struct made_zone {
    struct name name;
    struct name_buffer name_octets;
    struct zone *zone;
    struct zone_key keys[MUTATE_KEYS_MAX]; /* the first has the DS */
    uint8_t dnskeys[MUTATE_KEYS_MAX][MUTATE_DNSKEY_LEN_MAX];
    size_t key_count;
    enum zone_denial denial;
};

/* How a zone is made, where the fault is in its keys or its chain. */
struct making {
    uint16_t flags;     /* of the keys; 0: as is usual */
    uint16_t protocol;  /* 0: 3 */
    bool is_split;      /* must have KSK and ZSK */
    bool is_first_only; /* the faulty fields are those of the first key alone */
    bool has_two_algorithms;
    bool has_no_ds;
    uint16_t iterations; /* 0: a few at most */
};

struct fault;
struct subject {
    unsigned number;
    struct made_zone zone, secure, plain;
    const struct fault *fault;
    enum place place;
    uint8_t algorithm, other_algorithm;
    struct zone_key stranger; /* a key of the same algorithm that the zone does not have */
    uint8_t stranger_dnskey[MUTATE_DNSKEY_LEN_MAX];
    char labels[ROLE_COUNT][MUTATE_LABEL_LEN];
};

struct mutate {
    uint64_t seed;
    int64_t now_s;
    const char *net;
    struct key *pool[17][MUTATE_POOL]; /* by algorithm */
    struct made_zone root, tld;
    struct subject *subjects;
    unsigned count;
    struct auth *servers[4]; /* of the root, the tld, the subjects, and what is below them */
};
enum { SERVER_ROOT, SERVER_TLD, SERVER_SUBJECTS, SERVER_BELOW, SERVER_COUNT };

/* A stream of numbers that follows from its start. */
uint32_t draw(uint64_t *random, uint32_t limit);

/* Makes all zones, down from the root, and the trust anchor as a line of a zone file. */
void zones_make(struct mutate *mutate);
void zones_write_anchor(const struct mutate *mutate, struct writer *text);
/* The DS of the zone's first key. */
void zones_make_ds(const struct made_zone *zone, uint8_t digest, struct writer *rdata);
struct name zones_name(const char *text, struct name_buffer *buffer);

/* ---------------------------------------------------------------- answers */

/* An RRset of an answer with its signatures. `rrset.count` 0: it is left out. */
struct part {
    struct rrset rrset, rrsigs;
    enum section section;
};
struct reply {
    struct question question;
    uint16_t flags, rcode;
    struct part parts[MUTATE_PARTS_MAX];
    size_t count;
};
/* What is needed to change an answer. */
struct edit {
    const struct mutate *mutate;
    const struct subject *subject;
    unsigned server;
    struct arena *arena;
    struct reply reply;
};

/* What the server of that kind would honestly say. */
void reply_ask(const struct mutate *mutate, unsigned server, struct question question,
               struct arena *arena, struct reply *reply);
void reply_add(struct reply *reply, struct part part);
/* Which kind of place of the subject a part is. */
enum place edit_place(const struct edit *edit, const struct part *part);

/* The first RRset of that type in a section; NULL: none. */
struct part *edit_find(struct edit *edit, enum section section, uint16_t type);
/* Puts an RRset of a zone into the authority section, with its signatures. */
void edit_add_zone_set(struct edit *edit, const struct zone *zone, struct name owner,
                       uint16_t type);
/* Puts an unsigned record in. */
void edit_add_set(struct edit *edit, enum section section, struct name owner, uint16_t type,
                  const char *text);
/* Gives the answer to another question instead. */
void edit_answer_other(struct edit *edit, unsigned server, struct name name, uint16_t type);

/* How a signature is made anew. */
enum forge_key {
    FORGE_KEY_SAME,
    FORGE_KEY_STRANGER,
    FORGE_KEY_LAST /* of the zone's keys: the ZSK where there are two */
};
enum forge_signer { FORGE_SIGNER_SAME, FORGE_SIGNER_PARENT, FORGE_SIGNER_SIBLING };
struct forge {
    int64_t inception_s, expiration_s; /* from now; both 0: as they were */
    enum forge_key key;
    enum forge_signer signer;
    int labels;
    uint16_t tag_bits;      /* turned */
    uint32_t ttl_more_s;    /* on the original TTL */
    uint8_t algorithm;      /* written over the field; 0: as it was */
    uint16_t covers;        /* likewise */
    bool keeps_signature;   /* fields change under the old one */
    bool turns_a_bit;       /* of the signature */
    uint16_t signature_len; /* cut to this; 0: whole */
    bool adds;              /* beside the old one */
};
/* Replaces the part's signatures by forged ones; with an empty `forge`, of its records as they
 * are now. A signature by a zone whose keys are not at hand stays. */
void forge_part(const struct edit *edit, struct part *part, const struct forge *forge);

/* ---------------------------------------------------------------- faults */

/* A DS record made of the zone's first key. */
struct ds_form {
    uint8_t digest; /* 0: no more */
    uint8_t algorithm;
    uint8_t written_digest; /* over the digest's number */
    uint16_t tag_bits;
    bool turns_a_bit;
    uint8_t digest_len;
};
enum { DENIAL_ANY = 0, DENIAL_NSEC = 1, DENIAL_NSEC3 = 2, DENIAL_OPT_OUT = 4, DENIAL_HASHED = 6 };
struct fault {
    const char *name;
    unsigned places; /* bits of enum place; 0: it is of the whole answer, or of the zone's making */
    unsigned denials; /* of the zone; DENIAL_ANY: every one */
    struct making making;
    bool is_forged;
    struct forge forge;
    struct ds_form ds[3];
    void (*edit_part)(const struct edit *edit, struct part *part); /* of the place */
    void (*edit_reply)(struct edit *edit);
};
/* In a fixed order; NULL behind the last. */
const struct fault *fault_at(size_t index);
size_t fault_count(void);
/* Lets the subject's fault come over an answer. */
void fault_apply(struct edit *edit);
