#pragma once
/* Slow hashing of passwords (argon2id), handed to the services that keep them. */
#include "core/base/span.h"
#include "core/base/status.h"

enum { PASSWORD_ENCODED_MAX = 200, PASSWORD_SALT_LEN = 16 };

/* Salt and costs are in the encoded text. CRYPTO_FAILED. */
enum status password_hash(void *self, struct span password, struct span salt, char *encoded,
                          size_t encoded_size) MUST_USE;
bool password_matches(void *self, struct span password, const char *encoded);
