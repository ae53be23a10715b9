#pragma once
/* Who may change what of a zone by UPDATE: grants to TSIG keys, as operators of BIND and Knot know
 * them. What no rule grants is not allowed. */
#include "core/base/problem.h"
#include "core/dns/name.h"
#include "core/dns/type.h"

enum update_match {
    UPDATE_NAME,    /* that name */
    UPDATE_SUBTREE, /* that name and all below it */
    UPDATE_SELF,    /* the name that the key is called */
    UPDATE_ZONE,    /* every name of the zone */
    UPDATE_MATCH_COUNT
};

enum { UPDATE_TYPES_MAX = 32, UPDATE_RULES_MAX = 1000 };

struct update_rule {
    struct name key;
    enum update_match match;
    struct name name;  /* of UPDATE_NAME and UPDATE_SUBTREE */
    bool has_any_type; /* all that an UPDATE can change at all */
    size_t type_count; /* 0: all but NS, SOA, DS and DNAME, which must be named */
    uint16_t types[UPDATE_TYPES_MAX];
};

/* "KEY name NAME [TYPE...]", "KEY subtree NAME [TYPE...]", "KEY self [TYPE...]" or "KEY zone
 * [TYPE...]"; the type ANY is every type. NAME may be relative to the zone and must be in it; names
 * land in `arena`. */
enum status update_rule_parse(struct span text, struct name zone, struct arena *arena,
                              struct update_rule *rule, struct problem *problem) MUST_USE;
/* May the holder of that key change records of the type at that name? */
bool update_is_granted(const struct update_rule *rules, size_t count, struct name key,
                       struct name owner, uint16_t type);
