#pragma once
/* The keys of a zone: each pair in BIND's private key format beside its public record, or in a
 * hardware security module and named by that file, and a list that says what each is for and since
 * when. Every change is durable before it takes effect. */
#include "core/dnssec/dnskey.h"
#include "core/keys/hsm_pair.h"
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
    bool is_in_hsm;
    struct hsm_pair pair; /* of a key that is */
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
    const struct hsm *hsm;                        /* NULL: there is none */
    struct keystore_key *keys[KEYSTORE_KEYS_MAX]; /* owned */
    size_t count;
};

const char *keystore_role_text(enum keystore_role role);                             /* "KSK" */
enum status keystore_role_read(struct span text, enum keystore_role *role) MUST_USE; /* any case */
struct dnskey keystore_dnskey(const struct keystore_key *key);                       /* a view */

/* All keys of the zone; an empty store when there is no list yet. A key that the list names and
 * that cannot be read, or is not in the module, is a failure: a zone must not be signed by half its
 * keys. `hsm` may be NULL; it outlives the store. */
enum status keystore_open(const struct disk *disk, const struct hsm *hsm, struct name zone,
                          struct keystore *store, struct problem *problem) MUST_USE;
void keystore_close(struct keystore *store); /* wipes */
/* A new pair, its tag unlike every other one's of the zone; on disk and in the list when it
 * returns. */
struct keystore_order {
    enum keystore_role role;
    uint8_t algorithm;
    bool is_in_hsm; /* the store's module makes and keeps it; else a file does */
    int64_t now_s;
};
enum status keystore_generate(struct keystore *store, const struct disk *disk,
                              const struct keystore_order *order, struct problem *problem) MUST_USE;
/* A pair from elsewhere: BIND's private file, or PKCS#8 PEM, which is of `order->algorithm` (0: by
 * the kind of key). It is kept in a file. EXISTS when another key of the zone has its tag. */
enum status keystore_import(struct keystore *store, const struct disk *disk,
                            struct span private_text, const struct keystore_order *order,
                            struct problem *problem) MUST_USE;
/* Writes the list after a caller's change of states. */
enum status keystore_save(const struct keystore *store, const struct disk *disk) MUST_USE;
/* Takes a key from list, disk and module. */
enum status keystore_remove(struct keystore *store, const struct disk *disk, size_t index) MUST_USE;
/* As zone_sign wants them; views into the store. Returns the count. */
size_t keystore_zone_keys(const struct keystore *store, struct zone_key keys[KEYSTORE_KEYS_MAX]);
