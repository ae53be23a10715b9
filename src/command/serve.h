#pragma once
/* Inside `vouch serve`: what its configuration says, and the parts that act on it. */
#include "core/base/config.h"
#include "core/dns/tsig.h"
#include "core/zone/update_policy.h"
#include "core/zone/zone.h"
#include "service/auth/auth.h"
#include "world/real/world.h"

enum {
    SERVE_DNS_PORT = 53,
    SERVE_PATH_MAX = 4096,
    SERVE_PATTERN_LEN_MAX = 255,
    SERVE_CONFIG_LEN_MAX = 256 << 20,
    SERVE_ARENA_LEN_MAX = 2047 << 20,
};

enum serve_role {
    SERVE_BOTH, /* two processes, looked after by a third */
    SERVE_SIGNER,
    SERVE_AUTH,
};

/* A secondary, and the key that NOTIFY to it is signed with. */
struct serve_secondary {
    struct address address;
    const struct tsig_key *key; /* NULL: unsigned */
};

struct serve_grant {
    const struct tsig_key *key; /* NULL: the address */
    struct address address;
};

/* A zone, or a pattern for zones. */
struct serve_zone {
    struct name name;              /* of a zone */
    const char *text;              /* the name as written */
    struct serve_zone *pattern;    /* that says all of it but the name; NULL: it does itself */
    const struct serve_zone *base; /* the pattern that it names; NULL: none, or it is one itself */
    bool is_pattern;
    const char *file; /* "%s" is the zone's name; or NULL */
    bool has_primary;
    struct address primary;
    const struct tsig_key *primary_key; /* NULL: unsigned */
    const char *primary_tls_name;       /* NULL: over TCP */
    const char *primary_tls_ca;
    bool is_signed; /* by our signer, at its first start; of a pattern: where it says so */
    const struct update_rule *update_rules;
    size_t update_rule_count;
    const struct serve_secondary *notify;
    size_t notify_count;
    const struct serve_grant *grants;
    size_t grant_count;
    bool verifies_zonemd;
    struct auth_catalog catalog;
    const char *const *templates; /* names of patterns for a catalog's members */
    size_t template_count;
    /* In the terms of the service, made once for all that share them. */
    const struct auth_zone_options *made;
    const struct auth_catalog *listing; /* of a pattern: where the signer learns of its zones */
    size_t index;                       /* of its section */
};

/* All that `vouch serve` was told, checked. Lives in its arena, but the zones, with their sections
 * of the configuration, in `bulk`, which goes when the service has them. */
struct serve {
    struct arena arena;
    struct arena bulk;
    struct config *config;
    const char *file; /* for messages */
    bool has_file;    /* it is one, and can be read again */
    uint16_t upstream_port;
    const struct address *listen; /* of the auth */
    size_t listen_count;
    struct tsig_key *keys; /* key_count, and room for the link's */
    size_t key_count;
    const struct tsig_key *link; /* between signer and auth; NULL until serve_open_link */
    struct serve_zone *patterns;
    size_t pattern_count;
    struct serve_zone *zones;
    size_t zone_count;
    struct auth_options answers; /* what of them is the same for all zones */
};

extern const struct config_schema SERVE_SCHEMA;

/* Reads a configuration and checks what the schema cannot see. */
enum status serve_read_config(const char *file, struct span text, struct serve *serve,
                              struct problem *problem) MUST_USE;
/* Into a zeroed one, from the file of the first; both of its arenas are open then, whatever comes
 * of it. */
enum status serve_read_again(const struct serve *first, struct serve *next,
                             struct problem *problem) MUST_USE;
/* The part of it that fills `answers`. */
enum status serve_read_answers(struct serve *serve, struct problem *problem) MUST_USE;
/* The parts of it that fill `patterns` and `zones`. */
enum status serve_read_patterns(struct serve *serve, struct problem *problem) MUST_USE;
enum status serve_read_zones(struct serve *serve, struct problem *problem) MUST_USE;
/* NULL when there is none of that name. */
struct serve_zone *serve_find_pattern(const struct serve *serve, struct span text);
const struct tsig_key *serve_find_key(const struct serve *serve, const char *text);
const struct tsig_key *serve_find_key_named(const struct serve *serve, struct name name);
/* The section that says an option of how a zone is signed: its own or its pattern's. */
struct serve_place {
    const char *section;
    size_t index;
};
struct serve_place serve_find_place(const struct serve *serve, const struct serve_zone *zone,
                                    const char *option);
/* Is there a signer? Then every zone of the configuration passes it, signed or not, so that this
 * can change at run time; and those that come at run time by a pattern that is signed. */
bool serve_has_signer(const struct serve *serve);
/* Can zones come so? Then the server tells the signer of them by a catalog (RFC 9432). */
bool serve_has_signed_pattern(const struct serve *serve);
extern const struct name SERVE_CATALOG; /* its name */
/* The key of the link between our signer and our auth: the configured one, or one that the first
 * process that needs it makes in the server's state folder. */
enum status serve_open_link(struct serve *serve, struct problem *problem) MUST_USE;
/* The zone in a file; every finding goes to stderr, and the first fault to `first` too, which may
 * be NULL. NULL on failure. */
struct zone *serve_load_zone(const char *file, struct name apex, struct problem *first);
/* The same; what it and the files that it includes were is added to `seen`. */
struct zone *serve_load_zone_seen(const char *file, struct name apex, struct zonefile_seen *seen,
                                  struct problem *first);
/* A world as the configuration of that section ("server" or "signer") wants it. */
enum status serve_open_world(const struct serve *serve, const char *section, const char *name,
                             struct world **world, struct problem *problem) MUST_USE;

struct auth_peer;
/* The primary of the zone, and what must be proved by it, made known to the world. */
enum status serve_make_primary(const struct serve_zone *zone, struct world *world,
                               struct auth_peer *primary, struct problem *problem) MUST_USE;

int serve_run_auth(struct serve *serve);
int serve_run_signer(struct serve *serve);
/* Runs both roles as processes of this program with these arguments and "--role ROLE". */
int serve_supervise(char *const *arguments, size_t count);
