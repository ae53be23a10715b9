/* Marking the octets of a zone file without any help of the processor's: what every other way of
 * doing it is compared with. */
#include "core/zone/zonefile_scan.h"

enum { BLANK = 1, NEWLINE = 2, SPECIAL = 4 };

static const uint8_t KINDS[256] = {
    [' '] = BLANK,   ['\t'] = BLANK,   ['\r'] = BLANK,  ['\n'] = BLANK | NEWLINE, ['"'] = SPECIAL,
    [';'] = SPECIAL, ['\\'] = SPECIAL, ['('] = SPECIAL, [')'] = SPECIAL,
};

void zonefile_scan_portable(const uint8_t *text, size_t count, struct zonefile_marks *marks)
{
    for (size_t block = 0; block < count; block++) {
        struct zonefile_marks found = {0, 0, 0};
        for (unsigned i = 0; i < 64; i++) {
            uint64_t kind = KINDS[text[block * 64 + i]];
            found.blanks |= (kind & 1) << i;
            found.newlines |= (kind >> 1 & 1) << i;
            found.specials |= (kind >> 2) << i;
        }
        marks[block] = found;
    }
}
