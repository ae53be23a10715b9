/* The limit that signing and verifying are measured against: P-256 by OpenSSL with one prepared
 * context and nothing else. Prints the CPU seconds that COUNT operations took. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

enum { DIGEST_LEN = 32, SIGNATURE_LEN_MAX = 80, COUNT_MAX = 10000000 };

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int sign_loop(EVP_PKEY_CTX *context, unsigned long count)
{
    unsigned char digest[DIGEST_LEN] = {1};
    unsigned char signature[SIGNATURE_LEN_MAX];
    for (unsigned long i = 0; i < count; i++) {
        size_t len = sizeof signature;
        memcpy(digest, &i, sizeof i);
        if (EVP_PKEY_sign(context, signature, &len, digest, sizeof digest) <= 0) {
            return 1;
        }
    }
    return 0;
}

static int verify_loop(EVP_PKEY_CTX *context, EVP_PKEY_CTX *signer, unsigned long count)
{
    unsigned char digest[DIGEST_LEN] = {1};
    unsigned char signature[SIGNATURE_LEN_MAX];
    size_t len = sizeof signature;
    if (EVP_PKEY_sign(signer, signature, &len, digest, sizeof digest) <= 0) {
        return 1;
    }
    for (unsigned long i = 0; i < count; i++) {
        if (EVP_PKEY_verify(context, signature, len, digest, sizeof digest) != 1) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int is_sign = argc == 3 && strcmp(argv[1], "sign") == 0;
    if (count < 1 || count > COUNT_MAX || (!is_sign && strcmp(argv[1], "verify") != 0)) {
        fprintf(stderr, "usage: bare_loop sign|verify COUNT, COUNT from 1 to %d\n", COUNT_MAX);
        return 2;
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);
    if (key == NULL || EVP_PKEY_sign_init(signer) <= 0 || EVP_PKEY_verify_init(verifier) <= 0) {
        fprintf(stderr, "bare_loop: no P-256 key can be made\n");
        return 1;
    }
    double before = cpu_s();
    int failed = is_sign ? sign_loop(signer, count) : verify_loop(verifier, signer, count);
    printf("%.3f\n", cpu_s() - before);
    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_CTX_free(verifier);
    EVP_PKEY_free(key);
    return failed;
}
