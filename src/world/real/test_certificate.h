#pragma once
/* For tests: certificates that are made for them. Include after cmocka.h. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CERTIFICATE_HELPER static inline __attribute__((unused))

enum { CERTIFICATE_PEM_SIZE = 8192, CERTIFICATE_PATH_SIZE = 300 };

struct issued {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
};

CERTIFICATE_HELPER void certificate_write(const char *folder, const char *name, const char *ending,
                                          const char *pem, size_t len)
{
    char path[CERTIFICATE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(pem, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Writes FOLDER/NAME.pem and FOLDER/NAME.key, signed by `issuer`, or by itself when that is NULL.
 */
CERTIFICATE_HELPER struct issued certificate_issue(const char *folder, const char *name,
                                                   const struct issued *issuer)
{
    struct issued issued;
    static const uint8_t SERIAL[] = {1};
    assert_int_equal(gnutls_x509_privkey_init(&issued.key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(issued.key, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                  0),
                     0);
    assert_int_equal(gnutls_x509_crt_init(&issued.certificate), 0);
    gnutls_x509_crt_t certificate = issued.certificate;
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, SERIAL, sizeof SERIAL);
    gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                  (unsigned)strlen(name));
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                         (unsigned)strlen(name), GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_basic_constraints(certificate, issuer == NULL, -1);
    gnutls_x509_crt_set_key_usage(certificate, issuer == NULL ? GNUTLS_KEY_KEY_CERT_SIGN
                                                              : GNUTLS_KEY_DIGITAL_SIGNATURE);
    gnutls_x509_crt_set_key(certificate, issued.key);
    const struct issued *by = issuer == NULL ? &issued : issuer;
    assert_int_equal(
        gnutls_x509_crt_sign2(certificate, by->certificate, by->key, GNUTLS_DIG_SHA256, 0), 0);
    char pem[CERTIFICATE_PEM_SIZE];
    size_t size = sizeof pem;
    assert_int_equal(gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_PEM, pem, &size), 0);
    certificate_write(folder, name, "pem", pem, size);
    size = sizeof pem;
    assert_int_equal(gnutls_x509_privkey_export(issued.key, GNUTLS_X509_FMT_PEM, pem, &size), 0);
    certificate_write(folder, name, "key", pem, size);
    return issued;
}

CERTIFICATE_HELPER void issued_close(struct issued issued)
{
    gnutls_x509_crt_deinit(issued.certificate);
    gnutls_x509_privkey_deinit(issued.key);
}
