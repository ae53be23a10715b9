#pragma once
/* Catalog zones (RFC 9432), version 2: which zones one says there are, and how one is made. */
#include "core/base/problem.h"
#include "core/zone/zone.h"

enum {
    CATALOG_MEMBERS_MAX = 1000000,
    CATALOG_GROUP_LEN_MAX = 255, /* a TXT string */
    CATALOG_LABEL_LEN = 32,      /* of the members of a catalog that is made here */
};

struct catalog_member {
    struct name zone;
    struct span label;     /* unique in its catalog: with another the zone is another (§5.4) */
    struct span group;     /* the first, if it has any; empty: none */
    struct name new_owner; /* the catalog that it goes to (coo, §4.3.1); no octets: none */
};

/* In canonical order of the zones. Lives in the arena it was read into. */
struct catalog {
    struct catalog_member *members;
    size_t count;
};

/* MALFORMED for a catalog that is broken (§5.1), `problem` says how: then nothing of it counts.
 * LIMIT_REACHED, NO_MEMORY. Properties that are not known are passed over. */
enum status catalog_read(const struct zone *zone, struct arena *arena, struct catalog *catalog,
                         struct problem *problem) MUST_USE;
/* NULL when it has no such member. O(log n). */
const struct catalog_member *catalog_find(const struct catalog *catalog, struct name zone);

/* The label under which a catalog that is made here has a zone: the same at any time. */
void catalog_make_label(struct name zone, char label[CATALOG_LABEL_LEN]);
/* A version of such a catalog, from its members' zones and groups alone. NULL without memory, or
 * where the apex leaves no room for what is below it. */
struct zone *catalog_make(struct name apex, const struct catalog *catalog, uint32_t serial);
