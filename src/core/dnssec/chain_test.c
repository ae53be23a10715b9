/* The chain of trust, a row for each rule. The world: a signed root, with the signed zones
 * example., child.example. and sibling.; unsigned.example. has no DS. */
#include "core/dnssec/dnssec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { EVIDENCE_MAX = 64, ASKED_MAX = 12 };

static struct fixture fixture;

static int world_open(void **state)
{
    (void)state;
    fixture_open(&fixture);
    fixture_add_zone(&fixture, ".", NULL);
    fixture_add_zone(&fixture, "example.", ".");
    fixture_add_zone(&fixture, "child.example.", "example.");
    fixture_add_zone(&fixture, "sibling.", ".");
    fixture_add_zone(&fixture, "odd.", NULL); /* rows write its DS */
    return 0;
}

static int world_close(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

/* What the world answers besides its keys: DS questions where there is no signed cut. */
static const struct fixture_answer WORLD[] = {
    {"www.example.", TYPE_DS, 0, NULL, "www.example. NSEC x.example. A RRSIG NSEC | example."},
    {"none.example.", TYPE_DS, RCODE_NXDOMAIN, NULL,
     "example. NSEC child.example. NS SOA RRSIG NSEC DNSKEY | example.\n"
     "child.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."},
    {"unsigned.example.", TYPE_DS, 0, NULL,
     "unsigned.example. NSEC www.example. NS RRSIG NSEC | example."},
    {"a.example.", TYPE_DS, 0, NULL,
     "example. NSEC b.a.example. NS SOA RRSIG NSEC DNSKEY | example."}, /* an ENT */
    {"b.a.example.", TYPE_DS, 0, NULL, "b.a.example. NSEC c.example. A RRSIG NSEC | example."},
    {"optout.example.", TYPE_DS, 0, NULL,
     "@match example. 1 0 NS SOA RRSIG | example.\n@cover optout.example. 1 0 | example."},
    {NULL},
};

struct row {
    const char *why;
    struct fixture_answer
        asked[ASKED_MAX]; /* the first is judged; the others go before the world */
    enum verdict verdict;
    enum ede ede;
    const char *reason; /* a part of it */
    bool is_wildcard;
    const char *anchor; /* NULL: the root */
    enum { STRICT_SHA1 = 1, STRICT_ALGORITHMS = 2 } policy;
};

#define NOWHERE "example. NSEC child.example. NS SOA RRSIG NSEC DNSKEY | example."
#define SOA "example. SOA ns.example. host.example. 1 2 3 4 5 | example."

static const struct row ROWS[] = {
    {"a signed answer",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example.", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a signed answer two zones down",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"an anchor of a TLD needs nothing of the root",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL},
      {".", TYPE_DNSKEY, 0, NULL, NULL, true}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     "example."},
    {"no anchor covers the name",
     {{"www.sibling.", TYPE_A, 0, "www.sibling. A 192.0.2.1 | sibling.", NULL}},
     VERDICT_INDETERMINATE,
     EDE_INDETERMINATE,
     "no trust anchor covers www.sibling.",
     false,
     "example."},
    {"a signature that does not fit",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. bad", NULL}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "www.example. A: RRSIG by key",
     false,
     NULL},
    {"a signature that has expired",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. expired", NULL}},
     VERDICT_BOGUS,
     EDE_SIGNATURE_EXPIRED,
     "(ED25519) expired 2027-01-15T07:59:59Z",
     false,
     NULL},
    {"a signature of the future",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. future", NULL}},
     VERDICT_BOGUS,
     EDE_SIGNATURE_NOT_YET_VALID,
     "not valid before 2027-01-15T08:00:01Z",
     false,
     NULL},
    {"no signature in a signed zone",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.66", NULL}},
     VERDICT_BOGUS,
     EDE_RRSIGS_MISSING,
     "www.example. A: no RRSIG, though the zone example.",
     false,
     NULL},
    {"signed by a key that the zone does not have",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. key=sibling.", NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "which the zone example. does not have",
     false,
     NULL},
    {"signed by a sibling zone",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | sibling.", NULL}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "RRSIG is by sibling., not by the zone example.",
     false,
     NULL},
    {"an unknown algorithm in a zone with known ones",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. algorithm=250", NULL}},
     VERDICT_BOGUS,
     EDE_UNSUPPORTED_ALGORITHM,
     "unsupported algorithm 250",
     false,
     NULL},
    {"more labels than the owner has",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. labels=3", NULL}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "wrong Labels field",
     false,
     NULL},
    {"fewer labels than the signer has (CVE-2026-44690)",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. as=*. labels=0", NULL}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "wrong Labels field",
     false,
     NULL},
    {"below an unsigned delegation",
     {{"www.unsigned.example.", TYPE_A, 0, "www.unsigned.example. A 192.0.2.1", NULL}},
     VERDICT_INSECURE,
     EDE_NONE,
     "delegation without DS",
     false,
     NULL},
    {"a signer's name that lies about an unsigned delegation",
     {{"unsigned.example.", TYPE_A, 0, "unsigned.example. A 192.0.2.1 | example. bad", NULL}},
     VERDICT_INSECURE,
     EDE_NONE,
     "delegation without DS",
     false,
     NULL},
    {"below an opt-out span",
     {{"optout.example.", TYPE_A, 0, "optout.example. A 192.0.2.1", NULL}},
     VERDICT_INSECURE,
     EDE_NONE,
     "delegation without DS",
     false,
     NULL},
    {"an ENT on the way",
     {{"b.a.example.", TYPE_A, 0, "b.a.example. A 192.0.2.66", NULL}},
     VERDICT_BOGUS,
     EDE_RRSIGS_MISSING,
     "b.a.example. A: no RRSIG",
     false,
     NULL},
    {"the denial of a DS is not there",
     {{"unsigned.example.", TYPE_A, 0, "unsigned.example. A 192.0.2.1", NULL},
      {"unsigned.example.", TYPE_DS, 0, NULL, NULL}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "unsigned.example.",
     false,
     NULL},
    {"the denial of a DS is the child's (RFC 6840 §4.4)",
     {{"child.example.", TYPE_A, 0, "child.example. A 192.0.2.1", NULL},
      {"child.example.", TYPE_DS, 0, NULL,
       "child.example. NSEC child.example. NS SOA RRSIG NSEC | child.example."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "RRSIG is by child.example.",
     false,
     NULL},
    {"the denial of a DS has expired",
     {{"unsigned.example.", TYPE_A, 0, "unsigned.example. A 192.0.2.1", NULL},
      {"unsigned.example.", TYPE_DS, 0, NULL,
       "unsigned.example. NSEC www.example. NS RRSIG NSEC | example. expired"}},
     VERDICT_BOGUS,
     EDE_SIGNATURE_EXPIRED,
     "unsigned.example. NSEC: RRSIG by key",
     false,
     NULL},
    {"a DS that no server answers for",
     {{"unsigned.example.", TYPE_A, 0, "unsigned.example. A 192.0.2.1", NULL},
      {"unsigned.example.", TYPE_DS, 0, NULL, NULL, true}},
     VERDICT_INDETERMINATE,
     EDE_NO_REACHABLE_AUTHORITY,
     "no server answers",
     false,
     NULL},
    {"a DS signed by the zone it speaks of",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL},
      {"child.example.", TYPE_DS, 0, "child.example. @ds 2 | child.example.", NULL}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "child.example. DS: RRSIG is by child.example.",
     false,
     NULL},
    {"a DS that fits no key",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL},
      {"child.example.", TYPE_DS, 0, "child.example. @ds 2 bad | example.", NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "child.example. DNSKEY: no zone key fits a DS",
     false,
     NULL},
    {"no DNSKEY behind a DS",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL},
      {"child.example.", TYPE_DNSKEY, 0, NULL, NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "child.example. DNSKEY: the answer has none",
     false,
     NULL},
    {"a DNSKEY RRset that is not signed",
     {{"www.child.example.", TYPE_A, 0, "www.child.example. A 192.0.2.1 | child.example.", NULL},
      {"child.example.", TYPE_DNSKEY, 0, "child.example. @dnskey", NULL}},
     VERDICT_BOGUS,
     EDE_RRSIGS_MISSING,
     "child.example. DNSKEY: no RRSIG",
     false,
     NULL},
    {"only unknown algorithms in the DS",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1", NULL},
      {"odd.", TYPE_DS, 0, "odd. DS 1 250 2 00112233 | .", NULL}},
     VERDICT_INSECURE,
     EDE_UNSUPPORTED_ALGORITHM,
     "odd.: the DS records use only",
     false,
     NULL},
    {"only unknown digests in the DS",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1", NULL},
      {"odd.", TYPE_DS, 0, "odd. DS 1 15 200 00112233 | .", NULL}},
     VERDICT_INSECURE,
     EDE_UNSUPPORTED_DIGEST,
     "odd.: the DS records use only",
     false,
     NULL},
    {"a DS of SHA-1 alone is used",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 1 | .", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a DS of SHA-1 alone says nothing where SHA-1 is refused (RFC 9905 §2)",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 1 | .", NULL}},
     VERDICT_INSECURE,
     EDE_UNSUPPORTED_DIGEST,
     "odd.: the DS records use only unsupported digests",
     false,
     NULL,
     STRICT_SHA1},
    {"a DS of SHA-256 is used where SHA-1 is refused",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 1 bad | .\nodd. @ds 2 | .", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL,
     STRICT_SHA1},
    {"signatures of RSASHA1 say nothing where SHA-1 is refused",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1", NULL},
      {"odd.", TYPE_DS, 0, "odd. DS 1 5 2 00112233 | .\nodd. DS 1 7 2 00112233 | .", NULL}},
     VERDICT_INSECURE,
     EDE_UNSUPPORTED_ALGORITHM,
     "odd.: the DS records use only unsupported algorithms",
     false,
     NULL,
     STRICT_SHA1},
    {"and where it is not, they are wanted",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1", NULL},
      {"odd.", TYPE_DS, 0, "odd. DS 1 5 2 00112233 | .", NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "odd. DNSKEY: no zone key fits",
     false,
     NULL},
    {"an RRSIG of RSASHA1 in a zone with a better one",
     {{"www.example.", TYPE_A, 0, "www.example. A 192.0.2.1 | example. algorithm=5", NULL}},
     VERDICT_BOGUS,
     EDE_UNSUPPORTED_ALGORITHM,
     "unsupported algorithm 5",
     false,
     NULL,
     STRICT_SHA1},
    {"one algorithm of two is enough (RFC 6840 §5.11)",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 2 | .\nodd. DS 1 13 2 00112233 | .", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"and is not where all are wanted",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 2 | .\nodd. DS 1 13 2 00112233 | .", NULL}},
     VERDICT_BOGUS,
     EDE_RRSIGS_MISSING,
     "odd. DNSKEY: no good RRSIG of the algorithm ECDSAP256SHA256",
     false,
     NULL,
     STRICT_ALGORITHMS},
    {"an unknown algorithm is not among those that are wanted",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 2 | .\nodd. DS 1 250 2 00112233 | .", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL,
     STRICT_ALGORITHMS},
    {"a DS of SHA-1 beside one of SHA-256 is not (RFC 4509 §3)",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 1 | .\nodd. @ds 2 bad | .", NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "odd. DNSKEY: no zone key fits",
     false,
     NULL},
    {"broken keys with one tag count as failed checks (CVE-2025-8677)",
     {{"www.odd.", TYPE_A, 0, "www.odd. A 192.0.2.1 | odd.", NULL},
      {"odd.", TYPE_DS, 0, "odd. @ds 2 | .", NULL},
      {"odd.", TYPE_DNSKEY, 0, "odd. @collide 300 | odd.", NULL}},
     VERDICT_BOGUS,
     EDE_DNSKEY_MISSING,
     "odd. DNSKEY: no zone key fits",
     false,
     NULL},
    {"a DS question is judged in the parent",
     {{"child.example.", TYPE_DS, 0, "child.example. @ds 2 | example.", NULL},
      {"child.example.", TYPE_DNSKEY, 0, NULL, NULL, true}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"the absence of a DS too",
     {{"unsigned.example.", TYPE_DS, 0, NULL,
       SOA "\nunsigned.example. NSEC www.example. NS RRSIG NSEC | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a DNSKEY question",
     {{"example.", TYPE_DNSKEY, 0, "example. @dnskey | example.", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"an NXDOMAIN with its proof",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       SOA "\n" NOWHERE "\nchild.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"an NXDOMAIN that does not deny the wildcard",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "child.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "denies the wildcard *.example.",
     false,
     NULL},
    {"an NXDOMAIN without proof",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL, SOA}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "none.example.",
     false,
     NULL},
    {"an NXDOMAIN whose SOA is forged",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       SOA " bad\n" NOWHERE "\nchild.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "example. SOA: RRSIG by key",
     false,
     NULL},
    {"an NXDOMAIN beside data (CVE-2019-10190)",
     {{"www.example.", TYPE_A, RCODE_NXDOMAIN, "www.example. A 192.0.2.1 | example.", NULL}},
     VERDICT_BOGUS,
     EDE_INVALID_DATA,
     "says NXDOMAIN",
     false,
     NULL},
    {"an NXDOMAIN by an NSEC whose next name is a sibling's (CVE-2026-13321)",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "example. NSEC zzz.sibling. NS SOA RRSIG NSEC DNSKEY | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no NSEC record covers none.example.",
     false,
     NULL},
    {"an NXDOMAIN by an NSEC of a sibling zone",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "example. NSEC example. NS SOA RRSIG NSEC | sibling."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "example. NSEC: RRSIG is by sibling.",
     false,
     NULL},
    {"an NXDOMAIN by an NSEC made from a wildcard (CVE-2017-15105)",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       NOWHERE "\nn.example. NSEC o.example. A RRSIG NSEC | example. as=*.example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no NSEC record covers none.example.",
     false,
     NULL},
    {"an NXDOMAIN below a cut by the parent's NSEC (RFC 6840 §4.1)",
     {{"www.child.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "child.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."},
      {"www.child.example.", TYPE_DS, 0, NULL,
       "www.child.example. NSEC child.example. A RRSIG NSEC | child.example."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "RRSIG is by example.",
     false,
     NULL},
    {"an NXDOMAIN below a DNAME",
     {{"x.d.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       NOWHERE "\nd.example. NSEC e.example. DNAME RRSIG NSEC | example."},
      {"d.example.", TYPE_DS, 0, NULL, "d.example. NSEC e.example. DNAME RRSIG NSEC | example."},
      {"x.d.example.", TYPE_DS, 0, "d.example. DNAME sibling. | example.", NULL}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no NSEC record covers x.d.example.",
     false,
     NULL},
    {"a NODATA with its proof",
     {{"www.example.", TYPE_AAAA, 0, NULL,
       SOA "\nwww.example. NSEC x.example. A RRSIG NSEC | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a NODATA for a type that is there",
     {{"www.example.", TYPE_A, 0, NULL, "www.example. NSEC x.example. A RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "does not deny the type at www.example.",
     false,
     NULL},
    {"a NODATA at a name with a CNAME",
     {{"www.example.", TYPE_A, 0, NULL,
       "www.example. NSEC x.example. CNAME RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "does not deny the type at www.example.",
     false,
     NULL},
    {"a NODATA of an ENT",
     {{"a.example.", TYPE_A, 0, NULL,
       "example. NSEC b.a.example. NS SOA RRSIG NSEC DNSKEY | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a NODATA of a wildcard",
     {{"q.w.example.", TYPE_AAAA, 0, NULL,
       "*.w.example. NSEC r.w.example. A RRSIG NSEC | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a NODATA of the parent's side of a cut",
     {{"child.example.", TYPE_A, 0, NULL,
       "child.example. NSEC unsigned.example. NS DS RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "RRSIG is by example.",
     false,
     NULL},
    {"compact denial (RFC 9824)",
     {{"none.example.", TYPE_A, 0, NULL,
       "none.example. NSEC \\000.none.example. RRSIG NSEC TYPE128 | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"compact denial as NXDOMAIN",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "none.example. NSEC \\000.none.example. RRSIG NSEC TYPE128 | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a wildcard with its proof",
     {{"q.w.example.", TYPE_A, 0, "q.w.example. A 192.0.2.1 | example. as=*.w.example.",
       "*.w.example. NSEC r.w.example. A RRSIG NSEC | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     true,
     NULL},
    {"a wildcard without proof",
     {{"q.w.example.", TYPE_A, 0, "q.w.example. A 192.0.2.1 | example. as=*.w.example.", NULL},
      {"w.example.", TYPE_DS, 0, NULL,
       "unsigned.example. NSEC *.w.example. NS RRSIG NSEC | example."},
      {"q.w.example.", TYPE_DS, 0, NULL, "*.w.example. NSEC r.w.example. A RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "q.w.example.",
     true,
     NULL},
    {"a wildcard where a closer name exists",
     {{"q.w.example.", TYPE_A, 0, "q.w.example. A 192.0.2.1 | example. as=*.example.",
       "*.w.example. NSEC r.w.example. A RRSIG NSEC | example."},
      {"w.example.", TYPE_DS, 0, NULL,
       "unsigned.example. NSEC *.w.example. NS RRSIG NSEC | example."},
      {"q.w.example.", TYPE_DS, 0, NULL, "*.w.example. NSEC r.w.example. A RRSIG NSEC | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "a wildcard may answer for q.w.example.",
     true,
     NULL},
    {"a CNAME into another zone",
     {{"www.example.", TYPE_A, 0,
       "www.example. CNAME www.sibling. | example.\nwww.sibling. A 192.0.2.1 | sibling.", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a CNAME into an unsigned zone",
     {{"www.example.", TYPE_A, 0,
       "www.example. CNAME www.unsigned.example. | example.\nwww.unsigned.example. A 192.0.2.1",
       NULL}},
     VERDICT_INSECURE,
     EDE_NONE,
     "delegation without DS",
     false,
     NULL},
    {"a forged CNAME into a signed zone",
     {{"www.example.", TYPE_A, 0,
       "www.example. CNAME www.sibling.\nwww.sibling. A 192.0.2.1 | sibling.", NULL}},
     VERDICT_BOGUS,
     EDE_RRSIGS_MISSING,
     "www.example. CNAME: no RRSIG",
     false,
     NULL},
    {"a CNAME whose end is forged (CVE-2020-12244)",
     {{"www.example.", TYPE_A, 0,
       "www.example. CNAME www.sibling. | example.\nwww.sibling. A 192.0.2.1 | sibling. bad", NULL},
      {"www.sibling.", TYPE_DS, 0, NULL, "www.sibling. NSEC sibling. A RRSIG NSEC | sibling."}},
     VERDICT_BOGUS,
     EDE_BOGUS,
     "www.sibling. A: RRSIG by key",
     false,
     NULL},
    {"a CNAME to a name that does not exist",
     {{"www.example.", TYPE_A, RCODE_NXDOMAIN, "www.example. CNAME no.sibling. | example.",
       "sibling. NSEC sibling. NS SOA RRSIG NSEC DNSKEY | sibling."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a chain of CNAMEs without end",
     {{"www.example.", TYPE_A, 0,
       "www.example. CNAME x.example. | example.\nx.example. CNAME www.example. | example.", NULL}},
     VERDICT_BOGUS,
     EDE_INVALID_DATA,
     "too long",
     false,
     NULL},
    {"a CNAME made by a DNAME",
     {{"a.d.example.", TYPE_A, 0,
       "d.example. DNAME sibling. | example.\na.d.example. CNAME a.sibling.\n"
       "a.sibling. A 192.0.2.1 | sibling.",
       NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a CNAME made by a DNAME, asked for itself",
     {{"a.d.example.", TYPE_CNAME, 0,
       "d.example. DNAME sibling. | example.\na.d.example. CNAME a.sibling.", NULL}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a CNAME asked for that its DNAME does not make",
     {{"a.d.example.", TYPE_CNAME, 0,
       "d.example. DNAME sibling. | example.\na.d.example. CNAME b.sibling.", NULL}},
     VERDICT_BOGUS,
     EDE_INVALID_DATA,
     "not what the DNAME makes",
     false,
     NULL},
    {"a CNAME that its DNAME does not make",
     {{"a.d.example.", TYPE_A, 0,
       "d.example. DNAME sibling. | example.\na.d.example. CNAME b.sibling.\n"
       "b.sibling. A 192.0.2.1 | sibling.",
       NULL}},
     VERDICT_BOGUS,
     EDE_INVALID_DATA,
     "not what the DNAME makes",
     false,
     NULL},
    {"NXDOMAIN with NSEC3",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 0 1 NS SOA RRSIG | example.\n@cover none.example. 0 1 | example.\n"
       "@cover *.example. 0 1 | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"NXDOMAIN with NSEC3 in an opt-out span",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 1 1 NS SOA RRSIG | example.\n@cover none.example. 1 1 | example.\n"
       "@cover *.example. 1 1 | example."}},
     VERDICT_INSECURE,
     EDE_NONE,
     "opt-out span",
     false,
     NULL},
    {"NXDOMAIN with NSEC3 that does not deny the wildcard",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 0 1 NS SOA RRSIG | example.\n@cover none.example. 0 1 | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no NSEC3 record denies a wildcard",
     false,
     NULL},
    {"NXDOMAIN with NSEC3 of 51 iterations (RFC 9276)",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 0 51 NS SOA RRSIG | example.\n@cover none.example. 0 51 | example.\n"
       "@cover *.example. 0 51 | example."}},
     VERDICT_INSECURE,
     EDE_OTHER,
     "51 iterations",
     false,
     NULL},
    {"NXDOMAIN with NSEC3 of the unknown flag 2",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 2 1 NS SOA RRSIG | example.\n@cover none.example. 2 1 | example.\n"
       "@cover *.example. 2 1 | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no usable NSEC3",
     false,
     NULL},
    {"NXDOMAIN with a child's NSEC3 under the parent's owner (CVE-2026-10723)",
     {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match example. 0 1 NS SOA RRSIG | example. zone=child.example.\n"
       "@cover none.example. 0 1 | example. zone=child.example.\n"
       "@cover *.example. 0 1 | example. zone=child.example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "no usable NSEC3",
     false,
     NULL},
    {"NXDOMAIN below a cut that the NSEC3 of the encloser shows",
     {{"n.d.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
       "@match d.example. 0 1 NS | example.\n@cover n.d.example. 0 1 | example.\n"
       "@cover *.d.example. 0 1 | example."},
      {"d.example.", TYPE_DS, 0, NULL, "@match d.example. 0 1 A | example."},
      {"n.d.example.", TYPE_DS, 0, NULL, "@match n.d.example. 0 1 A | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "closest encloser",
     false,
     NULL},
    {"NODATA with NSEC3",
     {{"www.example.", TYPE_AAAA, 0, NULL, "@match www.example. 0 1 A RRSIG | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"NODATA of a wildcard with NSEC3",
     {{"q.w.example.", TYPE_AAAA, 0, NULL,
       "@match w.example. 0 1 | example.\n@cover q.w.example. 0 1 | example.\n"
       "@match *.w.example. 0 1 A RRSIG | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     false,
     NULL},
    {"a wildcard with NSEC3",
     {{"q.w.example.", TYPE_A, 0, "q.w.example. A 192.0.2.1 | example. as=*.w.example.",
       "@cover q.w.example. 0 1 | example."}},
     VERDICT_SECURE,
     EDE_NONE,
     "",
     true,
     NULL},
    {"an unsigned delegation with NSEC3",
     {{"optout.example.", TYPE_A, 0, "optout.example. A 192.0.2.1", NULL},
      {"optout.example.", TYPE_DS, 0, NULL, "@match optout.example. 0 1 NS | example."}},
     VERDICT_INSECURE,
     EDE_NONE,
     "delegation without DS",
     false,
     NULL},
    {"a covered name without opt-out is no unsigned delegation",
     {{"optout.example.", TYPE_A, 0, "optout.example. A 192.0.2.1", NULL},
      {"optout.example.", TYPE_DS, 0, NULL,
       "@match example. 0 0 NS SOA RRSIG | example.\n@cover optout.example. 0 0 | example."}},
     VERDICT_BOGUS,
     EDE_NSEC_MISSING,
     "optout.example.",
     false,
     NULL},
};

/* What the row, the world's list or the world's zones answer. */
static bool ask(const struct row *row, struct name name, uint16_t type, struct evidence *evidence)
{
    const struct fixture_answer *lists[] = {row->asked + 1, WORLD};
    for (size_t i = 0; i < LEN(lists); i++) {
        for (const struct fixture_answer *at = lists[i]; at->name != NULL; at++) {
            if (at->type == type && name_equal(fixture_name(&fixture, at->name), name)) {
                *evidence = fixture_evidence(&fixture, at);
                return true;
            }
        }
    }
    return fixture_ask(&fixture, name, type, evidence);
}

/* Asks for what is needed until the judgement is final; returns how many runs that took. */
static size_t judge(const struct row *row, struct chain_budget *budget, struct evidence *evidence,
                    struct chain_result *result)
{
    struct trust_anchor anchor = fixture_anchor(&fixture, row->anchor == NULL ? "." : row->anchor);
    struct arena scratch;
    arena_open(&scratch, 1 << 22);
    struct chain_input input = {.anchors = &anchor,
                                .anchor_count = 1,
                                .evidence = evidence,
                                .evidence_count = 1,
                                .now_s = FIXTURE_NOW_S,
                                .refuses_sha1 = row->policy == STRICT_SHA1,
                                .wants_all_algorithms = row->policy == STRICT_ALGORITHMS,
                                .scratch = &scratch};
    evidence[0] = fixture_evidence(&fixture, &row->asked[0]);
    size_t runs = 0;
    for (;; runs++) {
        chain_judge(&input, budget, result);
        arena_reset(&scratch);
        if (result->is_final) {
            break;
        }
        if (input.evidence_count == EVIDENCE_MAX ||
            !ask(row, result->next_name, result->next_type, &evidence[input.evidence_count++])) {
            char name[NAME_TEXT_MAX];
            fail_msg("%s: nobody answers %s %u", row->why, name_print(result->next_name, name),
                     result->next_type);
        }
    }
    arena_close(&scratch);
    return runs;
}

static void each_rule_gives_its_verdict(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (size_t i = 0; i < LEN(ROWS); i++) {
        const struct row *row = &ROWS[i];
        struct evidence evidence[EVIDENCE_MAX];
        struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {CHAIN_HASHES_MAX}};
        struct chain_result result;
        judge(row, &budget, evidence, &result);
        const struct judgement *judgement = &result.judgement;
        if (judgement->verdict != row->verdict || judgement->ede != row->ede ||
            result.is_wildcard != row->is_wildcard ||
            strstr(judgement->reason, row->reason) == NULL) {
            failed++;
            print_error("%s: %s, EDE %d, wildcard %d: %s\n", row->why,
                        verdict_text(judgement->verdict), judgement->ede, result.is_wildcard,
                        judgement->reason);
        }
    }
    assert_int_equal(failed, 0);
}

static void a_run_again_checks_no_signature_again(void **state)
{
    (void)state;
    struct evidence evidence[EVIDENCE_MAX];
    struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {CHAIN_HASHES_MAX}};
    struct chain_result result;
    assert_int_equal(judge(&ROWS[1], &budget, evidence, &result), 5);
    /* three DNSKEY, two DS, one A */
    assert_int_equal(budget.signatures_left, CHAIN_SIGNATURE_CHECKS_MAX - 6);
    assert_int_equal(evidence[0].life_s, 3600);
}

static void a_spent_budget_is_bogus(void **state)
{
    (void)state;
    for (uint32_t left = 0; left < 6; left++) {
        struct evidence evidence[EVIDENCE_MAX];
        struct chain_budget budget = {left, {CHAIN_HASHES_MAX}};
        struct chain_result result;
        judge(&ROWS[1], &budget, evidence, &result);
        assert_int_equal(result.judgement.verdict, VERDICT_BOGUS);
        assert_non_null(strstr(result.judgement.reason, "the limit of signature checks"));
        assert_int_equal(budget.signatures_left, 0);
    }
}

static void spent_hashes_prove_nothing(void **state)
{
    (void)state;
    static const struct row ROW = {
        "NXDOMAIN with NSEC3",
        {{"none.example.", TYPE_A, RCODE_NXDOMAIN, NULL,
          "@match example. 0 1 NS SOA RRSIG | example.\n@cover none.example. 0 1 | example.\n"
          "@cover *.example. 0 1 | example."}},
        VERDICT_BOGUS,
        EDE_NSEC_MISSING,
        "",
        false,
        NULL};
    for (uint32_t left = 0; left < 3; left++) {
        struct evidence evidence[EVIDENCE_MAX];
        struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {left}};
        struct chain_result result;
        judge(&ROW, &budget, evidence, &result);
        assert_int_equal(result.judgement.verdict, VERDICT_BOGUS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_gives_its_verdict),
        cmocka_unit_test(a_run_again_checks_no_signature_again),
        cmocka_unit_test(a_spent_budget_is_bogus),
        cmocka_unit_test(spent_hashes_prove_nothing),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
