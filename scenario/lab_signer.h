#pragma once
/* A name server of the lab as two nodes, as `vouch serve` runs it as two processes: the signer that
 * holds the keys and pulls or loads the zone, and the server that faces the network. */
#include "core/dns/tsig.h"
#include "core/node/compose.h"
#include "service/auth/auth.h"
#include "service/signer/signer.h"
#include "world/sim/sim.h"

struct lab_signer {
    struct sim *sim;
    size_t node;
    struct name zone;
    struct span text; /* of the zone file; or empty, and it comes from `primary` */
    struct auth_peer primary;
    struct auth_peer server; /* told of news, and may transfer with the key */
    /* While it lives: */
    struct auth *pull, *hand_out;
    struct signer *signer;
    struct compose compose;
    struct auth_grant grant;
    struct auth_zone_options pulled, handed_out;
    struct signer_zone_options signed_zone;
    struct disk disk, pull_disk;
};

struct lab_server {
    struct sim *sim;
    size_t node;
    struct name zone;
    struct auth_peer signer;
    struct auth *auth; /* while it lives */
    struct auth_zone_options served;
    struct disk disk;
};

/* As struct sim_life wants them; `user` is the struct above. */
struct node lab_signer_open(void *user, struct moment now);
void lab_signer_close(void *user);
struct node lab_server_open(void *user, struct moment now);
void lab_server_close(void *user);
