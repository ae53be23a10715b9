#pragma once
/* For tests: a token of SoftHSM2 in a folder of the test's own, with the PIN 1234. Where SoftHSM2
 * is not installed there is none, and the tests skip. Include after cmocka.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/real/pkcs11.h"

#define TOKEN_HELPER __attribute__((unused)) static
#define TOKEN_MODULE "/usr/lib/softhsm/libsofthsm2.so"

/* SoftHSM 2.6 loses an ASN.1 string with each EdDSA call; the leak checker looks away for those. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static struct {
    char folder[40];
    bool is_there;
} test_token = {.folder = "/tmp/vouch-hsm-XXXXXX"};

TOKEN_HELPER void test_token_file(const char *name, const char *text, mode_t mode)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", test_token.folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

TOKEN_HELPER int test_token_make(void **state)
{
    (void)state;
    char text[600];
    if (access(TOKEN_MODULE, R_OK) != 0 || mkdtemp(test_token.folder) == NULL) {
        return 0;
    }
    snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\n",
             test_token.folder);
    test_token_file("softhsm.conf", text, 0600);
    test_token_file("pin", "1234\n", 0600);
    test_token_file("pin-open", "1234\n", 0644);
    test_token_file("pin-wrong", "4321\n", 0600);
    snprintf(text, sizeof text, "%s/softhsm.conf", test_token.folder);
    setenv("SOFTHSM2_CONF", text, 1);
    test_token.is_there =
        system("softhsm2-util --init-token --free --label vouch --so-pin 5678 --pin 1234"
               " >/dev/null 2>&1") == 0;
    return test_token.is_there ? 0 : -1;
}

TOKEN_HELPER int test_token_remove(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", test_token.folder);
    return !test_token.is_there || system(command) == 0 ? 0 : -1;
}

TOKEN_HELPER enum status test_token_open(const char *token, const char *pin, struct pkcs11 **pkcs11,
                                         struct problem *problem)
{
    char uri[400];
    snprintf(uri, sizeof uri, "pkcs11:token=%s?module-path=%s&pin-source=file:%s/%s", token,
             TOKEN_MODULE, test_token.folder, pin);
    return pkcs11_open(uri, pkcs11, problem);
}
