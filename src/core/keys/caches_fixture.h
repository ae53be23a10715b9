#pragma once
/* What caches hold, written as one line, for tests. Words: `D=` a DS set, `K=` published keys / who
 * signs them, `S=` who signs the data, `C=` a chain, DS set : keys. `~` before a word: an old
 * version; `@1` after its letter: of source 1 (not reached, until `N=` says so). A key is its
 * algorithm's letter and a digit; `a1.1` is a DS of digest type 1, `a1` one of type 2. `-` is an
 * empty set.
 *
 *     D=a1 ~D=a2.1 K=a1,a2/a1 S=a1 S=a2 K@1=b1/b1 S@1=b1 N=0,1 C=a1:a1,a2 */
#include "core/keys/safe.h"

enum { FIXTURE_DIES_S = 1000 }; /* when old versions and chains die */

/* The index of a key; made when it is new. */
uint8_t fixture_key(struct caches *caches, const char *name);
uint32_t fixture_keys(struct caches *caches, const char *names, size_t len);
struct ds_set fixture_ds(struct caches *caches, const char *names, size_t len);
struct dnskey_set fixture_dnskeys(struct caches *caches, const char *names, size_t len);
struct caches fixture_caches(const char *line);
/* One word of the same form, `N=1` for a change of sources, `S=a1+a2` for two mixes. */
struct safe_change fixture_change(struct caches *caches, const char *word);
