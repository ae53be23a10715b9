#pragma once
/* The bounded worlds that are explored, in their smallest form. */
#include "core/keys/explore_fixture.h"

/* Two keys a and b of one algorithm or two; six DNSKEY sets, four mixes, four DS sets. */
struct explore_world world_two_keys(const char *name, bool two_algorithms);
/* Two keys of one algorithm, a DS set with each of two digest types of each, or without. */
struct explore_world world_digest_types(const char *name);
/* Two sources, each with its key; each may publish the other's. */
struct explore_world world_two_sources(const char *name);
/* Two servers at each place, of which one takes up changes any time later. */
struct explore_world world_lagging(const char *name);
/* From every settled state, broken ones too. */
struct explore_world world_anywhere(const char *name);
