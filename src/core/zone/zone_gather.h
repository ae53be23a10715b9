#pragma once
/* Records in the order of a file become entries, and those a zone. In canonical order that costs
 * least, as no name is ever searched; each turn back in the order costs its share of one merge at
 * the end. A gathering is not shared by threads, but several, one behind the other, make one zone.
 */
#include "core/base/parallel.h"
#include "core/zone/zone.h"

struct zone_gathering;

enum status zone_gather_open(struct zone_gathering **gathering) MUST_USE;
/* One record of class IN, at or below the apex, whose rdata has passed rdata_check. As with
 * zone_build_add a duplicate is left out, the last TTL of an RRset is that of all, and the first
 * spelling of an owner is kept. NO_MEMORY and LIMIT_REACHED (records of one RRset) stay. */
enum status zone_gather_add(struct zone_gathering *gathering, struct name owner, uint16_t type,
                            uint32_t ttl_s, struct span rdata) MUST_USE;
void zone_gather_close(struct zone_gathering *gathering); /* NULL is fine */

struct zone_gather_aim {
    struct name apex;
    const struct parallel *parallel;
    /* Told, in canonical order, of each name with an RRset that was given with different TTLs: the
     * lowest such type and the TTL it has now. NULL: nobody is told. */
    void (*ttl_differs)(void *user, struct name owner, uint16_t type, uint32_t ttl_s);
    void *user;
};
/* The version of all these records, as if they had been given to one gathering, with one reference.
 * The gatherings are empty afterwards. OK, NO_MEMORY or LIMIT_REACHED. */
enum status zone_gather_join(const struct zone_gather_aim *aim,
                             struct zone_gathering *const *gatherings, size_t count,
                             struct zone **zone) MUST_USE;
