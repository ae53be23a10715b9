#pragma once
/* Decoded public keys by their DNSKEY (opened and closed as sign.h says). For one thread. */
#include "core/dnssec/sign.h"

/* The key to check with, decoded now or before; made for this call when `cache` is NULL. Valid
 * until it is given back. */
enum status key_cache_take(struct key_cache *cache, const struct dnskey *dnskey,
                           struct key **key) MUST_USE;
void key_cache_give_back(struct key_cache *cache, struct key *key);
