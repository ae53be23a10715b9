#pragma once
/* Semantic checks of a zone before it is signed or served, as a table; every finding is reported.
 */
#include "core/base/problem.h"
#include "core/zone/zone.h"

enum zone_severity { ZONE_NOTE, ZONE_WARNING, ZONE_ERROR };
/* SOA and NS at the apex, CNAME beside other data, singletons, DNAME with children, DS without NS,
 * NS of the apex inside the zone without address, missing glue, data below a cut that is no glue,
 * ... Returns the number of ZONE_ERRORs. */
size_t zone_check(const struct zone *zone,
                  void (*finding)(void *user, enum zone_severity severity,
                                  const struct problem *problem),
                  void *user);

/* The same over what differs from `before`, which was checked already (NULL: over all): the names
 * that changed, what lies right below a new DNAME, and the apex. Returns the number of ZONE_ERRORs;
 * an error that a change caused elsewhere is none that zone_check would call an error. */
size_t zone_check_change(const struct zone *zone, const struct zone *before,
                         void (*finding)(void *user, enum zone_severity severity,
                                         const struct problem *problem),
                         void *user);
