#pragma once
/* Objects become the TLD's unsigned zone: what a domain publishes, the next version with its
 * durable difference, and the whole zone with its history rebuilt from the records. */
#include "service/registry/registry_state.h"

/* All that a domain publishes: NS, DS, glue. Nothing while it is on hold or has no name servers. */
enum {
    REGISTRY_DOMAIN_RECORDS_MAX = EPP_NAMES_MAX * (1 + REGISTRY_ADDRESSES_MAX) + REGISTRY_DS_MAX
};
struct registry_record_list {
    struct registry_record records[REGISTRY_DOMAIN_RECORDS_MAX];
    size_t count;
};
/* Views into the domain. */
void registry_zone_list(const struct registry_domain *domain, struct registry_record_list *list);

/* The version that a command makes; `next` is NULL when the zone stays as it is. */
struct registry_zone_change {
    struct registry_tld *tld;
    struct zone *next;
};
/* Inside a transaction: writes the difference and the next serial into the records and builds the
 * version. `before` NULL: the domain is new; `after` NULL: it goes. */
enum status registry_zone_prepare(struct registry *registry, const struct registry_domain *before,
                                  const struct registry_domain *after, struct arena *scratch,
                                  struct registry_zone_change *change) MUST_USE;
/* After the commit: the next version becomes the current. */
void registry_zone_publish(struct registry_zone_change *change);
/* After a rollback. */
void registry_zone_cancel(struct registry_zone_change *change);

/* Builds the current version and its history from the records. A zone whose options changed gets
 * the next serial and no history; one that never was gets its first serial from `now_s`. */
enum status registry_zone_open(struct registry *registry, struct registry_tld *tld, int64_t now_s,
                               struct problem *problem) MUST_USE;
void registry_zone_close(struct registry_tld *tld);
struct zone *registry_zone_current(const struct registry_tld *tld);
