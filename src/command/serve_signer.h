#pragma once
/* Inside the signer's process: its services, and the zones that they have in common. */
#include "command/serve.h"
#include "core/node/compose.h"
#include "service/signer/signer.h"
#include "world/real/threads.h"

enum serve_member { SERVE_PULL, SERVE_SIGN, SERVE_HAND_OUT, SERVE_MEMBER_COUNT };

struct pkcs11;

struct signer_process {
    struct serve *first; /* the configuration that it was started with: the world names its texts */
    struct serve *now;   /* the one in force */
    struct world *world;
    struct auth *pull, *hand_out;
    struct signer *signer;
    struct compose compose;
    struct threads *threads; /* NULL until the start, and where the system gives none */
    struct disk disk, pull_disk;
    struct pkcs11 *pkcs11; /* NULL: no HSM is configured */
    uint32_t generation;   /* of the configuration in force, as the mark of its zones */
    /* Our server, whom all zones go to, as that configuration says. */
    struct auth_peer *peers;
    size_t peer_count;
    struct auth_grant *grant;
};

/* A zone in the terms of each service. */
struct signed_zone {
    struct signer_zone_options signed_;
    struct auth_zone_options pulled, handed_out;
};
/* All zones of the configuration, for the opening of the services; they live in its arena. */
struct signed_zones {
    struct signer_zone_options *signed_;
    struct auth_zone_options *pulled, *handed_out;
    size_t count, pulled_count;
};
enum status serve_make_signed(struct signer_process *process, struct signed_zones *zones,
                              struct problem *problem) MUST_USE;
/* For the server that pulls: members of the server's catalog come and go. */
struct auth_manager serve_signed_members(struct signer_process *process);
/* The configuration is read again, whole or not at all: its zones come, change and go, and those of
 * the catalog have their patterns as they are now. */
enum status serve_reconfigure_signer(struct signer_process *process, struct moment now,
                                     struct problem *problem) MUST_USE;
/* Gives back the configuration in force, if it is another than the first. */
void serve_close_signer_now(struct signer_process *process);
