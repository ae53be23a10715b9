#pragma once
/* A PKCS#11 token (version 2.40 and the EdDSA of 3.0) behind core/store/hsm.h. */
#include "core/store/hsm.h"

struct pkcs11;

/* `uri` names module and token (RFC 7512), as
 * "pkcs11:token=vouch?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/vouch/pin". The
 * PIN stands in the file of pin-source, which others may not read, and is wiped after the login;
 * pin-value is refused, as a command line is no place for it. The problem says what is wrong with
 * the URI, the module, the token or the PIN. */
enum status pkcs11_open(const char *uri, struct pkcs11 **pkcs11, struct problem *problem) MUST_USE;
/* Lives as long as `pkcs11`. */
const struct hsm *pkcs11_hsm(const struct pkcs11 *pkcs11);
void pkcs11_close(struct pkcs11 *pkcs11); /* NULL is fine; logs out */
