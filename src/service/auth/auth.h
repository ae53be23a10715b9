#pragma once
/* The authoritative server as a service: answers from zone versions it was given or has
 * transferred, transfers them on, and tells others of news. It trusts what its primary signs;
 * validation is the signer's matter. */
#include "core/base/entropy.h"
#include "core/base/log.h"
#include "core/dns/cookie.h"
#include "core/dns/tsig.h"
#include "core/node/errand.h"
#include "core/node/grace.h"
#include "core/node/node.h"
#include "core/store/disk.h"
#include "core/zone/zone.h"
#include "core/zone/zonefile_seen.h"
#include "service/auth/rate.h"

struct auth;

enum {
    AUTH_ZONES_MAX = 1000000,
    AUTH_NOTIFY_MAX = 16,    /* secondaries told of a zone's news */
    AUTH_GRANTS_MAX = 64,    /* keys and addresses a zone may go to */
    AUTH_STREAMS_MAX = 64,   /* outgoing transfers at once */
    AUTH_STREAMS_SPARE = 16, /* the last of them: for hosts that have few */
    AUTH_STREAMS_FEW = 4,
    AUTH_FORWARDS_MAX = 128,    /* UPDATEs on their way to primaries at once */
    AUTH_LATE_MAX = 128,        /* UPDATEs that are answered later, at once */
    AUTH_UPDATE_LATER = 0xffff, /* no RCODE */
    AUTH_NSID_LEN_MAX = 128,
    AUTH_NOTE_LEN_MAX = 400, /* of why a zone has no version */
    AUTH_NOTES_MAX = 4096,   /* zones of which that is known */
    AUTH_WAITING_MAX = 32,   /* operators who wait for zones that they added */
};

/* Another server, and the key we share with it. */
struct auth_peer {
    struct address address;
    const struct tsig_key *key; /* NULL: unsigned */
    bool is_tls;                /* transferred from over TLS alone (RFC 9103) */
    uint32_t tls_peer;          /* then: who it must prove to be, as in EFFECT_ASK */
};

/* Who may transfer a zone: the holder of a key, or (key NULL) a host. */
struct auth_grant {
    const struct tsig_key *key;
    struct address address;
};

enum auth_catalog_role {
    AUTH_CATALOG_NONE,
    AUTH_CATALOG_INTERPRET, /* a catalog of others (RFC 9432): its members are served */
    AUTH_CATALOG_GENERATE,  /* one that is made here, of the zones that are its members */
    AUTH_CATALOG_MEMBER,
};
struct auth_catalog {
    enum auth_catalog_role role;
    struct name zone;  /* MEMBER: the catalog */
    struct span group; /* MEMBER: its group there; empty: none */
};

struct auth_zone_options {
    struct name name;
    const struct zone *fixed; /* from a file; NULL: from the primary */
    bool is_fixed_later;      /* no version yet, but from nowhere else than a file */
    struct zonefile_seen
        *seen;            /* the file of `fixed`: what it was is taken over; NULL: not known */
    bool is_pushed;       /* neither: versions come by auth_push */
    bool verifies_zonemd; /* a transferred version without a good ZONEMD is not taken */
    const struct auth_catalog *catalog; /* NULL: AUTH_CATALOG_NONE */
    const struct auth_catalog *listing; /* AUTH_CATALOG_MEMBER of one more; NULL: none */
    bool is_private;                    /* answered to those of `grants` alone */
    bool asks_why;         /* the primary is asked with EDNS, and says why there is no version */
    bool forwards_updates; /* UPDATEs with a good TSIG go on to the primary (RFC 2136 §6) */
    uint32_t mark;         /* the command's own, as is the origin */
    const void *origin;    /* handed to `reload`: what the command knows it by */
    struct auth_peer primary;
    const struct auth_peer *notify; /* these outlive the zone, or its next auth_change */
    size_t notify_count;
    const struct auth_grant *grants;
    size_t grant_count;
};

/* The file of a zone, to be read if it changed. */
struct auth_file {
    struct name name;
    const void *origin; /* of the zone's options */
    bool is_forced;     /* it is read even so */
    /* What it was when the version that the zone has was read; then what it is. */
    struct zonefile_seen seen;
    bool is_same;         /* it was not read, as it did not change */
    struct zone *version; /* with one reference; NULL: is_same, or it was said what is wrong */
};

/* An UPDATE whose TSIG by `key` is good. */
struct auth_update {
    struct name zone;
    struct name key;
    struct address peer; /* who handed it to us */
    struct span message;
    uint64_t ticket; /* for auth_update_done; 0: the answer is wanted at once */
};

/* Who decides which zones there are while the server runs, and says in `text` what came of it: by
 * auth_add, auth_change and auth_remove. A function that is NULL is REFUSED. */
struct auth_manager {
    void *user;
    enum status (*add)(void *user, struct name name, struct span pattern, struct moment now,
                       struct writer *text);
    enum status (*remove)(void *user, struct name name, struct moment now, struct outbox *outbox,
                          struct writer *text);
    /* The configuration is read again; all of it is taken or nothing. `text` may be NULL. */
    enum status (*reconfigure)(void *user, struct moment now, struct outbox *outbox,
                               struct writer *text);
    /* A catalog has a member in that group: the zone is added, or, if it is there, changed. */
    enum status (*set_member)(void *user, const struct auth_zone_options *catalog,
                              struct name member, struct span group, struct moment now,
                              struct outbox *outbox, struct problem *problem);
    /* A member is about to go, as no catalog has it any more, or as another zone of its name. May
     * be NULL. */
    void (*drop_member)(void *user, struct name member, struct moment now, struct outbox *outbox);
};

enum { AUTH_AGENT_LEN_MAX = 4 + NAME_LEN_MAX }; /* of the option that names the agent */

struct auth_options {
    const struct auth_zone_options *zones; /* what is there at the start; names are copied */
    size_t zone_count;
    const char *part; /* of a process that holds several servers: which, in the metrics; else NULL
                       */
    const struct tsig_key *keys; /* all that peers may sign with */
    size_t key_count;
    const char *version;      /* what version.bind says; NULL: REFUSED */
    const char *identity;     /* id.server; NULL: REFUSED */
    struct span nsid;         /* at most AUTH_NSID_LEN_MAX octets; empty: the identity */
    struct name report_agent; /* who is told of failures with our zones, as every answer with EDNS
                                 says (RFC 9567); no octets: nobody */
    bool hides_any;           /* ANY gets HINFO, not one of the RRsets (RFC 8482 §4.2) */
    bool ignores_cookies;     /* DNS cookies are not answered */
    bool requires_cookies;    /* by UDP, who sends a cookie that is not ours gets BADCOOKIE */
    /* Shared with other servers: the first makes cookies, all are accepted. None: one of our own,
     * another each day. */
    const uint8_t (*cookie_secrets)[COOKIE_SECRET_LEN];
    size_t cookie_secret_count;
    uint16_t udp_size_ipv4, udp_size_ipv6; /* of answers by UDP; 0: 1232 */
    struct rate_options rate;              /* of answers by UDP to one network */
    /* Asked by TCP whom a parent wants told of a zone's new CDS, CDNSKEY and CSYNC (RFC 9859); no
     * family: parents are not told. */
    struct address dsync_resolver;
    struct disk *disk; /* where transferred zones are kept; NULL: nowhere */
    const struct entropy *entropy;
    const struct log *log;
    const struct grace *grace; /* of the threads that call auth_answer; NULL: there is one thread */
    const struct errands *errands; /* for what takes long; NULL: it is done at once */
    /* Reads the file of a zone, at EVENT_RELOAD and when it is new. May be NULL itself. Runs as an
     * errand; `origin` lives at least until the next call of `reconfigure`, which waits for it. */
    void (*reload)(void *user, struct auth_file *file);
    void *reload_user;
    struct auth_manager manager;
    /* Told of each version taken from a primary or, at the start, from disk; it lives at least
     * until the call returns. May be NULL. */
    void (*taken)(void *user, const struct zone *version, struct moment now);
    void *taken_user;
    /* Makes the change in a pushed zone; it is durable, or was not made, when this returns the
     * RCODE to answer with, or AUTH_UPDATE_LATER where there is a ticket: then that is the moment
     * when auth_update_done is called. NULL: every UPDATE is REFUSED. */
    uint16_t (*update)(void *user, const struct auth_update *update, struct moment now);
    void *update_user;
};

/* Copies the options. A name given twice is EXISTS. */
enum status auth_open(const struct auth_options *options, struct auth **auth,
                      struct problem *problem) MUST_USE;
/* While the server runs, from within its own callbacks or between events. A zone that is there:
 * EXISTS. */
enum status auth_add(struct auth *auth, const struct auth_zone_options *options, struct moment now,
                     struct problem *problem) MUST_USE;
/* The options of a zone that is there, without its version; what they point to lives as long as the
 * zone. False: none is. */
bool auth_zone_options_of(const struct auth *auth, struct name name,
                          struct auth_zone_options *options);
/* Calls `each` for every zone, with its options as above; it may remove that one. */
void auth_each_zone(struct auth *auth,
                    void (*each)(void *user, const struct auth_zone_options *options), void *user);
bool auth_zone_is_served(const struct auth *auth, struct name name);
/* Other keys from now on. What is under way with one that is there again, under its name and with
 * its secret, goes on; what was with another ends. Then every zone is changed or removed that has a
 * key of before. */
void auth_set_keys(struct auth *auth, const struct tsig_key *keys, size_t count, struct moment now,
                   struct outbox *outbox);
/* Another source, or others to notify and transfer to; what is served goes on being served until
 * there is something newer. `fixed` NULL for a zone from a file: its version stays. NOT_FOUND. */
enum status auth_change(struct auth *auth, const struct auth_zone_options *options,
                        struct moment now, struct outbox *outbox, struct problem *problem) MUST_USE;
/* What is kept of it on disk goes too; who is being told or answered about it hears of the end.
 * NOT_FOUND. */
enum status auth_remove(struct auth *auth, struct name name, struct moment now,
                        struct outbox *outbox) MUST_USE;
/* Makes a version of a pushed zone the current one (the reference is taken over) and notifies.
 * NOT_FOUND when there is no such zone. */
enum status auth_push(struct auth *auth, struct zone *version, struct moment now,
                      struct outbox *outbox) MUST_USE;
/* Why a pushed zone has no version yet: who may have the zone is told in words (RFC 8914), until
 * there is one. NOT_FOUND. */
enum status auth_explain(struct auth *auth, struct name name, const char *sentence) MUST_USE;
/* A version of a pushed zone from before a restart, for IXFR, the oldest first: right before the
 * auth_push of the version behind them. As auth_push, but nobody is told. */
enum status auth_remember(struct auth *auth, struct zone *version) MUST_USE;
/* The RCODE of an UPDATE whose answer was to come later. */
void auth_update_done(struct auth *auth, uint64_t ticket, uint16_t rcode, struct moment now,
                      struct outbox *outbox);
/* Tells a zone's secondaries again; NOT_FOUND when there is no such zone. */
enum status auth_notify(struct auth *auth, struct name name, struct moment now,
                        struct outbox *outbox) MUST_USE;
void auth_handle(void *auth, const struct event *event, struct outbox *outbox);
/* Plain questions at once, as node.h says it. */
void auth_answer(void *auth, struct moment now, struct datagram *datagrams, size_t count);
void auth_close(struct auth *auth); /* NULL is fine */
