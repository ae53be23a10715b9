#pragma once
/* The keys of a zone on disk: each pair in BIND's private key format beside its public record, and
 * a list that says what each is for and since when. Every change is durable before it takes effect.
 */
#include "core/dnssec/dnskey.h"
#include "core/store/disk.h"
#include "core/zone/zone_sign.h"

enum {
    KEYSTORE_KEYS_MAX = 32,
    KEYSTORE_NAME_MAX = 900,
    KEYSTORE_RDATA_MAX = 4 + KEY_PUBLIC_LEN_MAX
};

enum keystore_role { KEYSTORE_KSK, KEYSTORE_ZSK, KEYSTORE_CSK, KEYSTORE_ROLE_COUNT };
enum keystore_state {
    KEYSTORE_ACTIVE, /* published; signs what its role signs */
    KEYSTORE_LEAVING /* published, signs nothing any more; leaves at leaves_at_s */
};

struct keystore_key {
    struct key *key; /* owned */
    enum keystore_role role;
    enum keystore_state state;
    int64_t since_s;
    int64_t leaves_at_s;
    uint16_t rdata_len;
    uint8_t rdata[KEYSTORE_RDATA_MAX]; /* its DNSKEY record */
};

struct keystore {
    struct name_buffer buffer;
    struct name zone;
    struct keystore_key *keys[KEYSTORE_KEYS_MAX]; /* owned */
    size_t count;
};

const char *keystore_role_text(enum keystore_role role);                             /* "KSK" */
enum status keystore_role_read(struct span text, enum keystore_role *role) MUST_USE; /* any case */
struct dnskey keystore_dnskey(const struct keystore_key *key);                       /* a view */

/* All keys of the zone; an empty store when there is no list yet. A key that the list names and
 * that cannot be read is a failure: a zone must not be signed by half its keys. */
enum status keystore_open(const struct disk *disk, struct name zone, struct keystore *store,
                          struct problem *problem) MUST_USE;
void keystore_close(struct keystore *store); /* wipes */
/* A new pair, its tag unlike every other one's of the zone; on disk and in the list when it
 * returns. */
enum status keystore_generate(struct keystore *store, const struct disk *disk,
                              enum keystore_role role, uint8_t algorithm, int64_t now_s,
                              struct problem *problem) MUST_USE;
/* Writes the list after a caller's change of states. */
enum status keystore_save(const struct keystore *store, const struct disk *disk) MUST_USE;
/* Takes a key from list and disk. */
enum status keystore_remove(struct keystore *store, const struct disk *disk, size_t index) MUST_USE;
/* As zone_sign wants them; views into the store. Returns the count. */
size_t keystore_zone_keys(const struct keystore *store, struct zone_key keys[KEYSTORE_KEYS_MAX]);
