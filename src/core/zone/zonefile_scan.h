#pragma once
/* Inside of zonefile: what kinds of octets stand where, as bit masks, 64 octets at a time. */
#include "core/base/base.h"

/* Bit i speaks of octet i. */
struct zonefile_marks {
    uint64_t blanks;   /* blank, tab, carriage return, newline: what ends a word */
    uint64_t newlines; /* newlines alone */
    uint64_t specials; /* quote, backslash, semicolon, parentheses: what makes a line not plain */
};

/* Marks `count` blocks of 64 octets. */
typedef void zonefile_scan(const uint8_t *text, size_t count, struct zonefile_marks *marks);

zonefile_scan zonefile_scan_portable;
/* The fastest that this processor runs; all give the same. */
zonefile_scan *zonefile_scan_best(void);
