#pragma once
/* The options of section "server" that all who serve DNS have in common: connections and TLS. */
#include "core/base/config.h"
#include "world/real/world.h"

enum { LISTEN_TLS_PORT = 853 };

/* Before the first address is listened on. */
void listen_set_limits(const struct config *config, struct world *world);
/* Every `tls-listen`. */
enum status listen_open_tls(const struct config *config, struct world *world,
                            struct problem *problem) MUST_USE;
