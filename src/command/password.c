/* argon2id, and what it costs here. */
#include "command/password.h"

#include <argon2.h>

enum {
    /* OWASP's second choice for argon2id: two passes over 19 MiB, one lane. */
    ARGON_PASSES = 2,
    ARGON_KIB = 19 * 1024,
    ARGON_LANES = 1,
    ARGON_HASH_LEN = 32
};

enum status password_hash(void *self, struct span password, struct span salt, char *encoded,
                          size_t encoded_size)
{
    (void)self;
    int code =
        argon2id_hash_encoded(ARGON_PASSES, ARGON_KIB, ARGON_LANES, password.bytes, password.len,
                              salt.bytes, salt.len, ARGON_HASH_LEN, encoded, encoded_size);
    return code == ARGON2_OK ? OK : CRYPTO_FAILED;
}

bool password_matches(void *self, struct span password, const char *encoded)
{
    (void)self;
    return argon2id_verify(encoded, password.bytes, password.len) == ARGON2_OK;
}
