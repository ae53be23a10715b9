#pragma once
/* For tests and fuzzing: a small DNS in memory, with zones, signed or not, on servers that behave
 * well or badly, a resolver in the midst of it, and a clock that moves only when something waits.
 */
#include "core/base/entropy.h"
#include "core/dns/message.h"
#include "core/dnssec/chain.h"
#include "service/resolver/resolver.h"

enum {
    FAKE_ZONES_MAX = 32,
    FAKE_RRSETS_MAX = 640,
    FAKE_KEYS_MAX = 8,
    FAKE_ALGORITHMS_MAX = 4,
    FAKE_DIGESTS_MAX = 4,
    FAKE_FAULTS_MAX = 16,
    FAKE_SERVERS_MAX = 64,
    FAKE_PENDING_MAX = 4096,
    FAKE_REPLIES_MAX = 4096,
    FAKE_ASKED_MAX = 4096,
    FAKE_SCRIPTS_MAX = 64,
    FAKE_TIMERS_MAX = 8,
    FAKE_SCRIPT_DROPS_MAX = 8,
    FAKE_REPLAYS_MAX = 8
};

/* What a server does to every query. */
enum fake_mood {
    FAKE_HONEST,
    FAKE_SILENT,         /* never answers */
    FAKE_REFUSING,       /* REFUSED */
    FAKE_FAILING,        /* SERVFAIL */
    FAKE_TRUNCATING,     /* TC over UDP */
    FAKE_WITHOUT_EDNS,   /* FORMERR to a query with OPT */
    FAKE_LAME,           /* refers to the root */
    FAKE_CACHING,        /* RA without AA, as a resolver would answer */
    FAKE_DROPS_FIRST,    /* the first query is lost */
    FAKE_GUESSING,       /* many wrong ids before the true answer */
    FAKE_WRONG_QUESTION, /* an answer to another question, then the true one */
    FAKE_GARBLING,       /* half a message, then the true one */
    FAKE_WRONG_CASE,     /* the question in upper case: not what was asked */
    FAKE_COOKIES,        /* cookies for everybody (RFC 7873) */
    FAKE_NEW_COOKIES,    /* no answer without its own cookie */
    FAKE_OTHER_COOKIES,  /* never content with a cookie over UDP */
    FAKE_LOST_COOKIES,   /* cookies with the first answer alone */
    FAKE_FALSE_COOKIES,  /* a stranger's answer with another cookie, then the true one */
    FAKE_ECHOING         /* the query itself comes back, then the true answer */
};

/* How a zone of a scenario is to be signed. */
enum fake_signing {
    FAKE_UNSIGNED,
    FAKE_SIGNED,
    FAKE_SIGNED_EXPIRED,
    FAKE_SIGNED_LATER,   /* signatures that are not valid yet */
    FAKE_SIGNED_STRIPPED /* the parent has its DS, but nothing is signed */
};

enum fake_denial {
    FAKE_NSEC,
    FAKE_NSEC3,
    FAKE_COMPACT /* made when it is asked for (RFC 9824) */
};

/* With what a zone is signed; all zero: NSEC and one P-256 key. */
struct fake_policy {
    enum fake_denial denial;
    bool has_opt_out;
    uint16_t iterations;
    uint8_t salt[UINT8_MAX];
    uint8_t salt_len;
    struct {
        uint8_t number;
        bool is_idle; /* its key is there and has a DS, but signs nothing */
    } algorithms[FAKE_ALGORITHMS_MAX];
    size_t algorithm_count;
    bool is_split; /* a KSK and a ZSK */
    uint8_t digests[FAKE_DIGESTS_MAX];
    size_t digest_count;
    bool is_ds_wrong;       /* its parent's DS fits none of its keys */
    uint32_t same_tag_keys; /* strangers' keys in the DNSKEY RRset, with the tag of its own */
    uint32_t denial_ttl_s;  /* 0: of the SOA's usual last field */
};

/* What is wrong with the signatures of one RRset; several may be. */
enum fake_fault_kind {
    FAKE_FAULT_MISSING,
    FAKE_FAULT_EXPIRED,
    FAKE_FAULT_LATER,
    FAKE_FAULT_FORGED,    /* the signature does not fit */
    FAKE_FAULT_STRANGER,  /* good, by a key that is not the zone's */
    FAKE_FAULT_SIGNER,    /* the zone above is said to have signed */
    FAKE_FAULT_LABELS,    /* one label less is said to be signed, as if a wildcard were */
    FAKE_FAULT_TTL,       /* the TTL was raised behind the signature */
    FAKE_FAULT_ALGORITHM, /* of an algorithm that nobody knows */
    FAKE_FAULT_FLOOD      /* `count` more that do not fit */
};
struct fake_fault {
    struct name owner; /* of an NSEC3: the name that was hashed */
    uint16_t type;
    enum fake_fault_kind kind;
    uint32_t count;
};

struct fake_key {
    struct signing_key signing; /* signing.key NULL: its algorithm is unknown to us */
    bool has_ds, signs_keys, signs_zone;
    bool is_absent; /* from the DNSKEY RRset */
};

struct fake_zone {
    struct name apex;
    enum fake_signing signing;
    bool is_island; /* its parent does not say that it is signed */
    bool is_signed;
    struct fake_policy policy;
    struct fake_key keys[FAKE_KEYS_MAX];
    size_t key_count;
    struct fake_fault faults[FAKE_FAULTS_MAX];
    size_t fault_count;
    struct rrset rrsets[FAKE_RRSETS_MAX];
    struct rrset rrsigs[FAKE_RRSETS_MAX]; /* count 0: none */
    size_t rrset_count;
};

struct fake_server {
    struct address address;
    enum fake_mood mood;
    const struct fake_zone *zones[FAKE_ZONES_MAX];
    size_t zone_count;
    struct name agent; /* who is told of failures (RFC 9567); no octets: nobody */
    uint32_t delay_ms; /* until its answer comes; 0: as everybody's */
    uint32_t queries;
};

/* An RRset of a zone with its true signatures, where it does not belong. */
struct fake_replay {
    enum section section;
    struct name owner; /* for NSEC3: the name that it matches or covers */
    uint16_t type;
    struct name as; /* the owner that it is said to have */
    bool has_apex;
    struct name apex; /* of the zone that it is taken from; else the deepest that has it */
};

/* What a server says to one question instead of the truth, or how it changes the truth. */
struct fake_script {
    struct address server;
    struct name name;
    bool is_below;      /* for all names below `name` too */
    uint16_t type;      /* 0: any */
    uint32_t uses_left; /* then it speaks the truth again */
    bool is_honest;     /* begins with the true answer; else with nothing */
    bool is_silent;     /* nothing comes */
    bool has_rcode;
    uint16_t rcode;
    uint16_t flags;         /* instead of those of the answer, when not honest; beside them else */
    uint16_t flags_cleared; /* of the true answer */
    struct {
        enum section section;
        uint16_t type; /* of RRSIG: those that cover it, when `is_rrsig` */
        bool is_rrsig;
    } drops[FAKE_SCRIPT_DROPS_MAX];
    size_t drop_count;
    struct rrset *rrsets[SECTION_COUNT];
    size_t rrset_counts[SECTION_COUNT];
    struct fake_replay replays[FAKE_REPLAYS_MAX];
    size_t replay_count;
};

/* A query that was sent. */
struct fake_asked {
    struct address server;
    enum transport transport;
    struct name name;
    uint16_t type;
    uint16_t flags;
    bool has_edns;
    bool has_key_tags; /* RFC 8145 §4 */
};

struct fake_pending {
    uint64_t ask;
    enum transport transport;
    struct address server;
    bool is_lost;
    int64_t due_ns; /* its answer, or the end of waiting */
    int64_t end_ns; /* of waiting */
    uint8_t bytes[512];
    size_t len;
};

struct fake_reply {
    uint64_t channel;
    struct message message;
    enum ede ede; /* EDE_NONE: none */
    char ede_text[256];
    size_t len;
    int64_t at_ns; /* when it came */
};

struct fake_net {
    struct arena arena;
    struct arena replies_arena; /* what came back, until fake_restart */
    struct fake_zone zones[FAKE_ZONES_MAX];
    size_t zone_count;
    struct fake_server servers[FAKE_SERVERS_MAX];
    size_t server_count;
    struct resolver *resolver;
    struct moment now;
    int64_t timers_ns[FAKE_TIMERS_MAX]; /* by their number */
    struct outbox outbox;
    struct fake_pending pending[FAKE_PENDING_MAX];
    size_t pending_count;
    struct fake_reply replies[FAKE_REPLIES_MAX];
    size_t reply_count;
    uint64_t channel;
    struct address client; /* who asks */
    struct fake_script scripts[FAKE_SCRIPTS_MAX];
    size_t script_count;
    struct fake_asked asked_log[FAKE_ASKED_MAX]; /* the first of them */
    uint32_t asked;                              /* upstream queries so far */
    uint32_t asked_tcp;
    uint64_t random; /* state of the seeded entropy */
    struct entropy entropy;
    struct sign_times times; /* of signatures made from now on */
    /* Changes an honest answer before it is sent; returns its new length. NULL: nothing. */
    size_t (*forge)(struct fake_net *net, const struct fake_server *server, uint8_t *bytes,
                    size_t len, size_t size);
    char control_text[4096];
};

void fake_open(struct fake_net *net);
void fake_close(struct fake_net *net);

/* `text`: lines "OWNER TTL TYPE RDATA", names absolute. */
struct fake_zone *fake_add_zone(struct fake_net *net, const char *apex, const char *text);
/* Names without a final dot are below the apex; without a TTL it is 300. */
void fake_add_record(struct fake_net *net, struct fake_zone *zone, const char *line);
/* The same with an outcome: what stands in a file may be wrong. */
enum status fake_read_record(struct fake_net *net, struct name origin, struct span line,
                             struct rrset *record, struct problem *problem) MUST_USE;
const struct rrset *fake_find(const struct fake_zone *zone, struct name owner, uint16_t type);
void fake_put_record(struct fake_net *net, struct fake_zone *zone, const struct rrset *record);
/* All RRsets of that type leave the zone; sign it again afterwards. */
void fake_remove(struct fake_zone *zone, uint16_t type);
/* Of one name alone; NULL: as above. */
void fake_remove_at(struct fake_zone *zone, const struct name *owner, uint16_t type);
/* The child's DS, from its key, into the parent. Before the parent is signed. */
void fake_add_ds(struct fake_net *net, struct fake_zone *parent, const struct fake_zone *child);
/* Its keys without signatures yet, so that a DS can be made. */
void fake_make_key(struct fake_net *net, struct fake_zone *zone);
/* DNSKEY, denial chain and signatures as its policy says, with net->times, and with its faults. */
void fake_sign(struct fake_net *net, struct fake_zone *zone);
struct fake_server *fake_add_server(struct fake_net *net, const char *address);
void fake_serve(struct fake_server *server, const struct fake_zone *zone);
struct fake_server *fake_find_server(struct fake_net *net, struct address address);
/* The zone's key as a trust anchor. */
struct trust_anchor fake_anchor(struct fake_net *net, const struct fake_zone *zone);

/* Options with that root hint or forwarder and sane sizes. */
struct resolver_options fake_options(struct fake_net *net, const struct address *root_hint);
void fake_start(struct fake_net *net, const struct resolver_options *options);
/* The same zones and servers with a new resolver; replies and questions so far are forgotten. */
void fake_restart(struct fake_net *net, const struct resolver_options *options);

enum { FAKE_DO = 1, FAKE_PLAIN = 2 /* without EDNS */, FAKE_TCP = 4 };
/* Sends a query and returns its channel, without letting anything else happen. */
uint64_t fake_send(struct fake_net *net, const char *name, uint16_t type, uint16_t flags,
                   unsigned how);
/* Lets everything happen until nothing waits. */
void fake_settle(struct fake_net *net);
/* Lets happen what happens in that time, and no more. */
void fake_run_ms(struct fake_net *net, int64_t ms);
void fake_pass_s(struct fake_net *net, int64_t seconds);
/* Sends, settles, and returns the answer; NULL when there was none. */
const struct fake_reply *fake_ask(struct fake_net *net, const char *name, uint16_t type,
                                  uint16_t flags, unsigned how);
const struct fake_reply *fake_reply_to(const struct fake_net *net, uint64_t channel);
const char *fake_control(struct fake_net *net, const char *line);
/* "RCODE flags | answer records | authority records", each record "OWNER TYPE RDATA", for
 * comparing. Signatures print as "OWNER RRSIG TYPE". */
const char *fake_print(struct fake_net *net, const struct fake_reply *reply);
/* Carries the pending ask that is due first to its server and the answer back. */
void fake_carry(struct fake_net *net);
/* One event with those bytes as what came of the oldest pending ask; for fuzzing. */
void fake_answer_with(struct fake_net *net, enum status outcome, struct span message);
struct address fake_address(const char *text);
