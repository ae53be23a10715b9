#pragma once
/* SipHash-2-4: a keyed hash of short inputs, fast enough for each datagram. For cookies and tables
 * that strangers fill; not a signature. */
#include "core/base/span.h"

enum { SIPHASH_KEY_LEN = 16, SIPHASH_LEN = 8 };

uint64_t siphash_2_4(const uint8_t key[SIPHASH_KEY_LEN], struct span bytes);
/* The same as octets, in the order of its authors (the lowest first). */
void siphash_2_4_write(const uint8_t key[SIPHASH_KEY_LEN], struct span bytes,
                       uint8_t hash[SIPHASH_LEN]);
