#pragma once
/* Inside of zone_check: what a check gets to see and how it reports. */
#include "core/zone/zone_check.h"

#include <stdarg.h>

/* A set of types: one bit for each type below 64, and one for all others. */
typedef uint64_t zone_types;
#define ZONE_TYPE_BIT(type) (UINT64_C(1) << ((type) < 64 ? (type) : 0))

/* What is known of the name that a record points to. */
enum check_target_kind {
    TARGET_ELSEWHERE, /* below another cut: not ours to say */
    TARGET_ADDRESS,   /* has an address, or a wildcard gives it one */
    TARGET_ALIAS,     /* is a CNAME */
    TARGET_BARE,      /* is there, but has no address */
    TARGET_ABSENT     /* is not there */
};
/* A name of this zone that a record at the node points to. */
struct check_target {
    struct name name;
    uint16_t type; /* of the record: NS, MX or SRV */
    bool is_own;   /* at or below the delegation that the NS record makes */
    enum check_target_kind kind;
};

/* A node and where it stands. */
struct check_place {
    const struct zone_node *node;
    zone_types types; /* that it owns */
    bool is_apex;
    const struct zone_node *above;      /* the cut or DNAME it lies below; NULL: authoritative */
    const struct zone_cursor *cursor;   /* on the node, when the whole zone is walked; else NULL */
    const struct check_target *targets; /* of an authoritative node or a cut */
    size_t target_count;
};

struct check_row;

/* One thread's part of a check. */
struct check_run {
    const struct zone *zone;
    int64_t now_s;
    const struct check_row *row; /* the check that runs */
    struct zone_check_count count;
    void (*report)(struct check_run *run, const struct zone_finding *finding);
    void *user;   /* of `report` */
    bool is_full; /* findings are counted, but not reported any more */
    enum status status;
    struct check_target *targets; /* the table that places point into */
    size_t target_size;
    /* For glue that nobody needs, which only the whole zone can tell: hashes of NS targets in this
     * zone outside of their own delegation, and glue that its own delegation does not name. */
    uint64_t *wanted;
    size_t wanted_count, wanted_size;
    const struct zone_node **unwanted;
    size_t unwanted_count, unwanted_size;
};

/* A finding at the place's owner about records of that type (0: the name as a whole). */
void check_report(struct check_run *run, const struct check_place *place, uint16_t type,
                  const char *format, ...) PRINTF_LIKE(4, 5);
/* Room for one more in one of the run's tables; false, and the run's status says so, without
 * memory. */
bool check_grow(struct check_run *run, void **table, size_t *size, size_t count, size_t item);
/* Fills the place's targets. */
void check_find_targets(struct check_run *run, struct check_place *place);
/* Glue below a cut: remembered where its own delegation does not name it. */
void check_note_glue(struct check_run *run, const struct check_place *place);

/* zone_check_place.c: where records may stand. */
void check_soa(struct check_run *run, const struct check_place *place);
void check_soa_below(struct check_run *run, const struct check_place *place);
void check_apex_ns(struct check_run *run, const struct check_place *place);
void check_apex_ns_count(struct check_run *run, const struct check_place *place);
void check_apex_ds(struct check_run *run, const struct check_place *place);
void check_cname(struct check_run *run, const struct check_place *place);
void check_singletons(struct check_run *run, const struct check_place *place);
void check_below_dname(struct check_run *run, const struct check_place *place);
void check_dname_at_cut(struct check_run *run, const struct check_place *place);
void check_below_cut(struct check_run *run, const struct check_place *place);
void check_beside_cut(struct check_run *run, const struct check_place *place);
void check_ds_place(struct check_run *run, const struct check_place *place);
void check_wildcard(struct check_run *run, const struct check_place *place);
void check_apex_only(struct check_run *run, const struct check_place *place);
/* zone_check_target.c: the names that records point to. */
void check_apex_ns_address(struct check_run *run, const struct check_place *place);
void check_glue(struct check_run *run, const struct check_place *place);
void check_target_alias(struct check_run *run, const struct check_place *place);
void check_target_address(struct check_run *run, const struct check_place *place);
void check_target_number(struct check_run *run, const struct check_place *place);
void check_alias(struct check_run *run, const struct check_place *place);
/* zone_check_rdata.c: what records say. */
void check_soa_times(struct check_run *run, const struct check_place *place);
void check_soa_serial(struct check_run *run, const struct check_place *place);
void check_ds_digest(struct check_run *run, const struct check_place *place);
void check_dnskey(struct check_run *run, const struct check_place *place);
void check_nsec3param(struct check_run *run, const struct check_place *place);
void check_rrsig(struct check_run *run, const struct check_place *place);
void check_svcb(struct check_run *run, const struct check_place *place);
void check_spf(struct check_run *run, const struct check_place *place);
