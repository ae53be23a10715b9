#pragma once
/* The difference between two versions as octets, in the order of IXFR (RFC 1995 §4): the SOA of the
 * one, what goes, the SOA of the other, what comes. It can be applied in both directions. */
#include "core/zone/zone.h"

/* A change in the making; a zeroed one is open. */
struct zone_change_buffer {
    uint8_t *bytes;
    size_t len, size;
    size_t len_max;     /* beyond, LIMIT_REACHED */
    enum status status; /* the first failure */
};
/* Both versions have an SOA. The octets are in the buffer until the next one. */
enum status zone_change_write(const struct zone *from, const struct zone *to,
                              struct zone_change_buffer *buffer) MUST_USE;
void zone_change_close(struct zone_change_buffer *buffer);

/* The version behind the change, or (`is_backward`) before it. MALFORMED when the octets are no
 * change of that version. O(change). */
enum status zone_change_apply(const struct zone *version, struct span change, bool is_backward,
                              struct zone **result) MUST_USE;
