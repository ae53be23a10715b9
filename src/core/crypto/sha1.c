/* SHA-1 of something short without anything but the hash: for the hashes of NSEC3, which a server
 * makes at each question. OpenSSL's newer calls take six times as long for that. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/crypto/digest.h"

#include <openssl/sha.h>

void digest_sha1(struct span bytes, uint8_t digest[DIGEST_SHA1_LEN])
{
    SHA_CTX context;
    (void)SHA1_Init(&context); /* these three cannot fail */
    (void)SHA1_Update(&context, bytes.bytes, bytes.len);
    (void)SHA1_Final(digest, &context);
}
