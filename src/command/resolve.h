#pragma once
/* What the files of `vouch resolve` share: its configuration, and what is made of it. */
#include "core/base/config.h"
#include "service/resolver/resolver.h"
#include "world/real/world.h"

enum { RESOLVE_DNS_PORT = 53, RESOLVE_FILE_LEN_MAX = 1 << 20 };

extern const struct config_schema RESOLVE_SCHEMA;

struct resolving {
    struct arena arena;
    const char *file; /* for messages */
    bool has_file;    /* else the configuration was made of the command's words */
    struct config *config;
    struct resolver_options options;
    uint16_t upstream_port;
    int64_t validation_s; /* the time when it starts, as far as signatures go; 0: the clock's */
};

/* Fills `options` from `config`, but for what only the world can give. */
enum status resolve_read_options(struct resolving *resolving, struct problem *problem) MUST_USE;
/* resolve_anchors.c: the trust anchors that stay what they are. */
enum status resolve_read_anchors(struct resolving *resolving, struct problem *problem) MUST_USE;
/* Those that follow their zone's rolls: their files are kept open by `world`; NULL: they are only
 * looked at. */
enum status resolve_read_rolls(struct resolving *resolving, struct world *world,
                               struct problem *problem) MUST_USE;
/* The zones that are forwarded or have servers of their own; `world` gets to know those that are
 * asked over TLS; NULL: the configuration is only looked at. */
enum status resolve_read_zones(struct resolving *resolving, struct world *world,
                               struct problem *problem) MUST_USE;
