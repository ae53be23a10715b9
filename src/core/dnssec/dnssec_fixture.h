#pragma once
/* For tests only: a small world of signed zones, and answers written as text.
 *
 * An answer is lines of `OWNER TYPE RDATA | SIGNER OPTION...`; lines of one owner and type in a row
 * are one RRset. Without `|` it is not signed. The signer is a zone of the world. Options:
 * `expired`, `future`, `bad` (a bit of the signature is turned), `as=OWNER` (signed under that
 * owner, as wildcards are), `labels=N` and `algorithm=N` (written over the field), `key=ZONE` (with
 * the key of another zone). Instead of TYPE and RDATA: `@ds DIGEST [bad]` (of the owner's key),
 * `@dnskey [FLAGS]` (the owner's key), `@collide N` (N broken keys with the tag of the owner's
 * key). Instead of the owner: `@match NAME FLAGS ITERATIONS TYPE...` and `@cover NAME FLAGS
 * ITERATIONS`, the NSEC3 at a name or around its hash, in the zone of the signer or of the option
 * `zone=ZONE`. */
#include "core/dnssec/chain.h"

enum { FIXTURE_NOW_S = 1800000000, FIXTURE_ZONES_MAX = 16 };

struct fixture_zone {
    struct name name;
    const char *parent; /* whose key signs its DS; NULL: it has none */
    struct signing_key key;
};

struct fixture {
    struct arena arena; /* of everything made */
    struct fixture_zone zones[FIXTURE_ZONES_MAX];
    size_t zone_count;
};

void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
/* Registers a zone and makes its key, of Ed25519. */
void fixture_add_zone(struct fixture *fixture, const char *name, const char *parent);
const struct fixture_zone *fixture_find_zone(const struct fixture *fixture, const char *name);
struct name fixture_name(struct fixture *fixture, const char *text);
/* The RRsets of a text, with the RRSIG RRset behind each that is signed. */
const struct rrset *fixture_rrsets(struct fixture *fixture, const char *text, size_t *count);

struct fixture_answer {
    const char *name; /* NULL ends a list */
    uint16_t type;
    uint16_t rcode;
    const char *answer, *authority; /* NULL: empty */
    bool is_failed;
};
struct evidence fixture_evidence(struct fixture *fixture, const struct fixture_answer *answer);
/* What the world itself answers to a DNSKEY or DS question about one of its zones; false for other
 * questions. */
bool fixture_ask(struct fixture *fixture, struct name name, uint16_t type,
                 struct evidence *evidence);
/* The DS of a zone of the world as a trust anchor. */
struct trust_anchor fixture_anchor(struct fixture *fixture, const char *zone);
