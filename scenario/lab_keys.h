#pragma once
/* The keys of the lab's zones, made once and laid on the simulated disks of every run, so that the
 * seed alone decides what happens: Ed25519, whose signatures need no randomness. */
#include "core/base/span.h"
#include "core/store/disk.h"

enum lab_zone { LAB_ZONE_ROOT, LAB_ZONE_TLD, LAB_ZONE_DOMAIN, LAB_ZONE_STRAY, LAB_ZONE_COUNT };

enum { LAB_WALL_S = 1790000000, LAB_KEY_TEXT_SIZE = 128 };

struct lab_keys; /* owned; closed by lab_keys_close */
struct lab_keys *lab_keys_open(void);
void lab_keys_close(struct lab_keys *keys);
/* The files of a zone's keys, as its signer keeps them. */
void lab_keys_copy(const struct lab_keys *keys, enum lab_zone zone, const struct disk *to);
/* The DNSKEY rdata of the zone's KSK; lives as long as the keys. */
struct span lab_keys_entry(const struct lab_keys *keys, enum lab_zone zone);
/* Its public key in base64, as owners hand it in. */
void lab_keys_print_public(const struct lab_keys *keys, enum lab_zone zone,
                           char text[LAB_KEY_TEXT_SIZE]);
/* "TAG ALGORITHM 2 DIGEST", the rdata of its DS. */
void lab_keys_print_ds(const struct lab_keys *keys, enum lab_zone zone,
                       char text[LAB_KEY_TEXT_SIZE]);
const char *lab_zone_text(enum lab_zone zone); /* "example.com." */
