#pragma once
/* For tests and fuzzing: one small tree of zones that all of them use. The root and com are signed,
 * net is not. */
#include "service/resolver/fake_net.h"

struct fake_world {
    struct fake_net net;
    struct fake_zone *root, *com, *net_zone, *example, *hosting, *glueless, *expired, *stripped;
    struct fake_server *root_server, *com_server, *net_server, *example_server, *hosting_server;
    struct address root_hint;
    struct trust_anchor anchor;
};

/* Zones and servers, without a resolver. */
void fake_world_open(struct fake_world *world);
/* The same with a validating or plain resolver that starts at the root. */
void fake_world_start(struct fake_world *world, bool is_validating);
void fake_world_close(struct fake_world *world);
