#pragma once
/* ECDSA in the form that signatures have in an RRSIG (RFC 6605 §4): r and s, each as long as the
 * curve's order. The message is the digest. For the files of this folder only. */
#include "core/crypto/key_inside.h"

/* key_signature_len octets at signing->signature. False: OpenSSL did not do its work. */
bool key_ecdsa_sign(struct key *key, const struct key_signing *signing) MUST_USE;
/* The signature is key_signature_len octets. False as above; a wrong signature is not good. */
bool key_ecdsa_verify(struct key *key, struct key_check *check) MUST_USE;
void key_ecdsa_close(struct key *key); /* the private half is wiped */
