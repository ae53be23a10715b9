#pragma once
/* A key as it comes in, is kept, and is named: by content, so that the same key has the same id
 * everywhere and a repetition is seen. */
#include "core/dnssec/dnskey.h"

enum { DOMAIN_KEYS_MAX = 32, KEY_ID_SIZE = 41, KEY_DIGEST_LEN = 32 };

struct domain_key {
    char id[KEY_ID_SIZE]; /* 40 hexadecimal digits of a hash of domain, flags, algorithm and key */
    uint16_t flags;
    uint8_t algorithm;
    uint16_t tag;
    struct span public_key;         /* octets */
    const char *base64;             /* the same as text */
    uint8_t digest[KEY_DIGEST_LEN]; /* of the DS: SHA-256 */
    int64_t added_s;
};

/* What a person gives: texts as typed. */
struct key_input {
    struct span type;       /* "KSK", "ZSK", "257", "256"; may be empty with a whole record */
    struct span algorithm;  /* number or mnemonic; may be empty with a whole record */
    struct span public_key; /* base64, blanks allowed; or a whole DNSKEY record */
};

/* Which part of the input is at fault, for the form. */
enum key_fault { KEY_FAULT_NONE, KEY_FAULT_TYPE, KEY_FAULT_ALGORITHM, KEY_FAULT_PUBLIC_KEY };

/* Everything that can be said of a key without asking anybody. MALFORMED, UNSUPPORTED, TOO_LONG,
 * each with the sentence. The key lives in `arena`. */
enum status key_intake(struct name domain, const struct key_input *input, struct arena *arena,
                       struct domain_key *key, enum key_fault *fault,
                       struct problem *problem) MUST_USE;
/* From what is kept: `base64` is trusted. */
enum status key_restore(struct name domain, uint16_t flags, uint8_t algorithm, const char *base64,
                        struct arena *arena, struct domain_key *key) MUST_USE;
const char *key_type_text(uint16_t flags); /* "KSK", "ZSK" */
/* "KSK 12345 (ECDSAP256SHA256)"; in `arena`, never NULL. */
const char *key_describe(const struct domain_key *key, struct arena *arena);
