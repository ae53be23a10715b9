#pragma once
/* Digests, MACs, constant-time comparison and wiping. */
#include "core/base/span.h"
#include "core/base/status.h"

enum digest { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };
enum { DIGEST_LEN_MAX = 64 };

size_t digest_len(enum digest digest);
/* Of the concatenation of `parts` into `out` (digest_len octets). */
enum status digest_make(enum digest digest, const struct span *parts, size_t count,
                        uint8_t *out) MUST_USE;
enum status digest_hmac(enum digest digest, struct span key, const struct span *parts, size_t count,
                        uint8_t *out) MUST_USE;
/* SHA-1 of one piece, and nothing else: cannot fail, and is fast for what is short. */
enum { DIGEST_SHA1_LEN = 20 };
void digest_sha1(struct span bytes, uint8_t digest[DIGEST_SHA1_LEN]);
/* A digest over more than fits in one call. */
struct digest_stream;
enum status digest_open(enum digest digest, struct digest_stream **stream) MUST_USE;
void digest_add(struct digest_stream *stream, struct span bytes);
/* What was added since the beginning or the last call; the stream begins anew. */
enum status digest_take(struct digest_stream *stream, uint8_t *out) MUST_USE;
enum status digest_close(struct digest_stream *stream,
                         uint8_t *out) MUST_USE; /* releases; out may be NULL */
bool secret_equal(struct span a, struct span b); /* constant time for equal lengths */
void secret_wipe(void *bytes, size_t len);
