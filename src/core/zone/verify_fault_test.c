/* The table of single faults: each made in a good signed zone, found with a sentence that names the
 * record, as a whole and as a change, and gone when it is mended. `verify_fault_test FOLDER TIME`
 * writes the faulty zones as of then to files with a list, so that other programs can be asked
 * about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/test_fault.h"

enum { NOW = 1785542400 /* 2026-08-01T00:00:00Z */, STEPS_MAX = 4 };

static const char *const DATA[] = {
    "example. SOA ns.example. root.example. 7 3600 900 604800 3600",
    "example. NS ns.example.",
    "ns.example. A 192.0.2.1",
    "mail.example. A 192.0.2.2",
    "mail.example. A 192.0.2.3",
    "mail.example. TXT \"here\"",
    "*.wild.example. A 192.0.2.9",
    "secure.example. NS ns.secure.example.",
    ("secure.example. DS 12345 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000"),
    "ns.secure.example. A 192.0.2.3",
    "plain.example. NS ns.plain.example.",
    "ns.plain.example. A 192.0.2.4",
    "y.under.deep.example. A 192.0.2.5",
    "z.far.example. NS ns.example.",
    ("z.far.example. DS 12345 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000"),
};

/* In which zones a row's fault is made. */
enum kinds { NSEC = 1, NSEC3 = 2, OPT_OUT = 4, HASHED = NSEC3 | OPT_OUT, EACH = NSEC | HASHED };

struct fault_row {
    const char *name;
    enum kinds kinds;
    bool has_zonemd;     /* and a ZONEMD is asked for */
    bool all_algorithms; /* else Ed25519 alone */
    struct test_step steps[STEPS_MAX];
    const char *closes; /* an NSEC3 hash that is taken out, the one before leading on */
    const char *expected;
};

static const struct fault_row ROWS[] = {
    /* Signatures and what they sign. */
    {"a record added to a signed RRset", EACH, .steps = {{ADD, "mail A 192.0.2.66"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"a record taken out of a signed RRset", EACH, .steps = {{REMOVE, "mail A 192.0.2.3"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"a record altered", EACH, .steps = {{BREAK_RDATA, "mail A"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"a DS altered", EACH, .steps = {{BREAK_RDATA, "secure DS"}},
     .expected = "secure.example.: the RRSIG over DS"},
    {"a signed RRset gone, its signature left", EACH, .steps = {{DROP, "mail TXT"}},
     .expected = "mail.example.: an RRSIG covers TXT, which is not there"},
    {"a signature altered", NSEC, .all_algorithms = true, .steps = {{BREAK_RRSIG, "mail TXT"}},
     .expected = "mail.example.: the RRSIG over TXT"},
    {"a signature too short", NSEC, .all_algorithms = true, .steps = {{CUT_RRSIG, "mail TXT"}},
     .expected = "mail.example.: the RRSIG over TXT"},
    {"a signature of zeros", NSEC, .all_algorithms = true, .steps = {{ZERO_RRSIG, "mail TXT"}},
     .expected = "mail.example.: the RRSIG over TXT"},
    {"an RRSIG without a signature", EACH, .steps = {{EMPTY_RRSIG, "mail TXT"}},
     .expected = "mail.example.: "},
    {"no signature", EACH, .steps = {{DROP_RRSIGS, "mail TXT"}},
     .expected = "mail.example.: TXT has no RRSIG"},
    {"no signature over a DS", EACH, .steps = {{DROP_RRSIGS, "secure DS"}},
     .expected = "secure.example.: DS has no RRSIG"},
    {"no signature over the NSEC", NSEC, .steps = {{DROP_RRSIGS, "mail NSEC"}},
     .expected = "mail.example.: NSEC has no RRSIG"},
    {"no signature over an NSEC3", HASHED, .steps = {{DROP_RRSIGS, "#mail NSEC3"}},
     .expected = "NSEC3 has no RRSIG"},
    {"no signature over NSEC3PARAM", HASHED, .steps = {{DROP_RRSIGS, "@ NSEC3PARAM"}},
     .expected = "example.: NSEC3PARAM has no RRSIG"},
    {"no signature over the SOA", EACH, .steps = {{DROP_RRSIGS, "@ SOA"}},
     .expected = "example.: SOA has no RRSIG"},
    {"the SOA of another serial", EACH,
     .steps = {{DROP, "@ SOA"}, {ADD, "@ SOA ns.example. root.example. 8 3600 900 604800 3600"}},
     .expected = "example.: the RRSIG over SOA"},
    {"an expired signature", EACH, .steps = {{EXPIRE, "mail A"}},
     .expected = "mail.example.: the RRSIG over A by key"},
    {"a signature not yet valid", EACH, .steps = {{POSTPONE, "mail A"}},
     .expected = "not yet valid"},
    {"the signer is above the zone", EACH, .steps = {{SIGN_AS_ROOT, "mail A"}},
     .expected = "the signer is not the zone"},
    {"the signer is below the apex", EACH, .steps = {{SIGN_AS_CHILD, "mail A"}},
     .expected = "the signer is not the zone"},
    {"a signature as over a wildcard", EACH, .steps = {{SIGN_SHORT, "mail A"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"a signature with a label too many", EACH, .steps = {{SIGN_LONG, "mail A"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"another TTL than was signed", EACH,
     .steps = {{RAISE_TTL, "mail TXT"}, {RAISE_RRSIG_TTL, "mail TXT"}},
     .expected = "mail.example.: the TTL of TXT is 3601, but 3600 was signed"},
    {"an RRSIG of another TTL than its RRset", EACH, .steps = {{RAISE_RRSIG_TTL, "mail TXT"}},
     .expected = "mail.example.: the RRSIG over TXT has the TTL 3601"},
    {"a signature by a key of no DNSKEY", EACH, .steps = {{SIGN_BY_OTHER, "mail A"}},
     .expected = "not in the DNSKEY set"},
    {"another key tag in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 17"}},
     .expected = "mail.example.: the RRSIG over A is by key"},
    {"another algorithm in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 2"}},
     .expected = "mail.example.: the RRSIG over A is by key"},
    {"other labels in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 3"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"another original TTL in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 7"}},
     .expected = "mail.example.: the TTL of A"},
    {"another expiration in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 11"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"another inception in the RRSIG", EACH, .steps = {{SPOIL_RRSIG, "mail A 15"}},
     .expected = "mail.example.: the RRSIG over A"},
    {"a wildcard's record and signature at a name below it", EACH,
     .steps = {{COPY_BOTH, "*.wild A x.wild"}}, .expected = "x.wild.example.: the RRSIG over A"},
    {"a record and its signature at another name", EACH, .steps = {{COPY_BOTH, "mail A post"}},
     .expected = "post.example.: the RRSIG over A"},
    {"a type without signature", EACH, .steps = {{ADD, "mail AAAA 2001:db8::9"}},
     .expected = "mail.example.: AAAA has no RRSIG"},
    {"a name without signature", EACH, .steps = {{ADD, "new A 192.0.2.9"}},
     .expected = "new.example.: A has no RRSIG"},
    /* Delegations and glue. */
    {"a signature over a delegation's NS", EACH, .steps = {{COPY_RRSIGS, "@ NS plain"}},
     .expected = "plain.example.: an RRSIG covers NS"},
    {"a signature over glue", EACH, .steps = {{COPY_RRSIGS, "ns A ns.plain"}},
     .expected = "ns.plain.example.: an RRSIG covers A"},
    {"a signed NS RRset at a delegation", EACH, .steps = {{SET, "plain NS ns.plain.example."}},
     .expected = "plain.example.: an RRSIG covers NS"},
    {"signed glue", EACH, .steps = {{SET, "ns.plain A 192.0.2.4"}},
     .expected = "ns.plain.example.: an RRSIG covers A"},
    {"a DS where there is no delegation", EACH,
     .steps =
         {{SET,
           "mail DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000"}},
     .expected = "mail.example.: a DS stands where there is no delegation"},
    {"a DS at the apex", EACH,
     .steps =
         {{SET,
           "@ DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000"}},
     .expected = "example.: the RRSIG over DS"},
    {"a delegation made of a name with data", EACH, .steps = {{ADD, "mail NS ns.example."}},
     .expected = "mail.example.: an RRSIG covers A"},
    {"a delegation gone", EACH, .steps = {{DROP, "secure NS"}}, .expected = "secure.example."},
    {"a DNAME above names with data", EACH, .steps = {{SET, "under.deep DNAME there.test."}},
     .expected = "y.under.deep.example.: an RRSIG covers A"},
    {"an unsigned delegation in no chain", NSEC | NSEC3, .steps = {{ADD, "new NS ns.example."}},
     .expected = "new.example.: the name has no NSEC"},
    /* The apex. */
    {"no SOA", EACH, .steps = {{DROP_BOTH, "@ SOA"}}, .expected = "example.: the zone has no SOA"},
    {"no NS at the apex", EACH, .steps = {{DROP_BOTH, "@ NS"}},
     .expected = "example.: the zone has no NS"},
    {"no DNSKEY", EACH, .steps = {{DROP_BOTH, "@ DNSKEY"}}, .expected = "it is not signed"},
    {"no signature over the DNSKEY set", EACH, .steps = {{DROP_RRSIGS, "@ DNSKEY"}},
     .expected = "example.: no key of the DNSKEY set signs it"},
    {"the DNSKEY set signed by the zone key alone", EACH, .steps = {{SIGN_BY_ZSK, "@ DNSKEY"}},
     .expected = "example.: no key of the DNSKEY set signs it"},
    {"a key altered", NSEC, .all_algorithms = true, .steps = {{BREAK_RDATA, "@ DNSKEY"}},
     .expected = "DNSKEY"},
    {"two keys of one tag", EACH, .steps = {{CLASH, "@"}},
     .expected = "example.: two keys of the DNSKEY set have the tag"},
    {"the key signing key revoked", EACH, .steps = {{REVOKE, "@"}},
     .expected = "example.: no key of the DNSKEY set signs it"},
    {"a key that cannot be one", EACH, .steps = {{ADD, "@ DNSKEY 256 3 15 AAAA"}},
     .expected = "of the DNSKEY set is malformed"},
    {"a key of an algorithm that signs nothing", EACH,
     .steps = {{ADD, "@ DNSKEY 256 3 13 "
                     "d3xbGkA9tHYyVdcqfFoVMXJbgA4+"
                     "VqxZ3CfXdRcSMyzV9TkQ0b6d2eE9eKpVKdc2Zcn2LzzCWn5jgtkN9hQxtA=="}},
     .expected = "algorithm 13"},
    {"a CDS for no key", EACH,
     .steps =
         {{SET_BY_KSK,
           "@ CDS 12345 15 2 0000000000000000000000000000000000000000000000000000000000000000"}},
     .expected = "example.: no CDS is for a key that signs the DNSKEY set"},
    {"a CDS that deletes, a CDNSKEY that does not", EACH, .steps = {{SET_BY_KSK, "@ CDS 0 0 0 00"}},
     .expected = "example.: CDS and CDNSKEY are not for the same keys"},
    {"a CDS that deletes beside one that does not", EACH, .steps = {{ADD, "@ CDS 0 0 0 00"}},
     .expected = "CDS asks both to delete"},
    {"a CDNSKEY of another key", EACH,
     .steps = {{SET_BY_KSK, "@ CDNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="}},
     .expected = "no CDNSKEY is for a key"},
    {"a CDS below the apex", EACH,
     .steps =
         {
             {SET, "mail CDS 0 0 0 00"},
         },
     .expected = "mail.example.: CDS stands below the apex"},
    {"a DNSKEY below the apex", EACH,
     .steps = {{SET, "mail DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="}},
     .expected = "mail.example.: DNSKEY stands below the apex"},
    /* NSEC. */
    {"no NSEC at a name", NSEC, .steps = {{DROP_BOTH, "mail NSEC"}},
     .expected = "mail.example.: the name has no NSEC record"},
    {"no NSEC at the apex", NSEC, .steps = {{DROP_BOTH, "@ NSEC"}},
     .expected = "example.: the apex has neither NSEC nor NSEC3PARAM"},
    {"no NSEC at a delegation", NSEC, .steps = {{DROP_BOTH, "plain NSEC"}},
     .expected = "plain.example.: the name has no NSEC record"},
    {"an NSEC that passes over a name", NSEC, .steps = {{LEAD, "mail NSEC plain"}},
     .expected = "mail.example.: the NSEC record leads to plain.example."},
    {"an NSEC that leads to no name", NSEC, .steps = {{LEAD, "mail NSEC nobody"}},
     .expected = "mail.example.: the NSEC record leads to nobody.example."},
    {"an NSEC that leads to itself", NSEC, .steps = {{LEAD, "mail NSEC mail"}},
     .expected = "mail.example.: the NSEC record leads to mail.example."},
    {"an NSEC that leads back", NSEC, .steps = {{LEAD, "plain NSEC mail"}},
     .expected = "plain.example.: the NSEC record leads to mail.example."},
    {"the last NSEC not at the apex", NSEC,
     .steps = {{LEAD, "z.far NSEC mail"}, {LEAD, "*.wild NSEC ns"}},
     .expected = "*.wild.example.: the NSEC record leads to ns.example."},
    {"an NSEC that leads to glue", NSEC, .steps = {{LEAD, "plain NSEC ns.plain"}},
     .expected = "plain.example.: the NSEC record leads to ns.plain.example."},
    {"an NSEC without a type that is there", NSEC, .steps = {{TOGGLE, "mail NSEC TXT"}},
     .expected = "mail.example.: the denial of existence leaves out TXT"},
    {"an NSEC with a type that is not there", NSEC, .steps = {{TOGGLE, "mail NSEC AAAA"}},
     .expected = "mail.example.: the denial of existence names AAAA"},
    {"an NSEC without RRSIG", NSEC, .steps = {{TOGGLE, "mail NSEC RRSIG"}},
     .expected = "mail.example.: the denial of existence leaves out RRSIG"},
    {"an NSEC without NSEC", NSEC, .steps = {{TOGGLE, "mail NSEC NSEC"}},
     .expected = "mail.example.: the denial of existence leaves out NSEC"},
    {"the NSEC of a delegation without NS", NSEC, .steps = {{TOGGLE, "plain NSEC NS"}},
     .expected = "plain.example.: the denial of existence leaves out NS"},
    {"the NSEC of a delegation without DS", NSEC, .steps = {{TOGGLE, "secure NSEC DS"}},
     .expected = "secure.example.: the denial of existence leaves out DS"},
    {"the NSEC of a delegation with a DS that is not there", NSEC,
     .steps = {{TOGGLE, "plain NSEC DS"}},
     .expected = "plain.example.: the denial of existence names DS"},
    {"the NSEC of a delegation with SOA", NSEC, .steps = {{TOGGLE, "plain NSEC SOA"}},
     .expected = "plain.example.: the denial of existence names SOA"},
    {"an NSEC bitmap that ends with zeros", NSEC, .steps = {{PAD_BITMAP, "mail NSEC"}},
     .expected = "mail.example.: the bitmap of the denial ends with zeros"},
    {"an NSEC at glue", NSEC, .steps = {{SET, "ns.plain NSEC secure.example. A RRSIG NSEC"}},
     .expected = "ns.plain.example.: an NSEC record stands at a name that is hidden"},
    {"an NSEC alone at its name", NSEC,
     .steps = {{LEAD, "*.wild NSEC x.wild"}, {SET, "x.wild NSEC example. RRSIG NSEC"}},
     .expected = "x.wild.example.: an NSEC record stands alone"},
    {"two NSEC at a name", NSEC, .steps = {{ADD, "mail NSEC plain.example. A RRSIG NSEC"}},
     .expected = "mail.example.: the name has more than one NSEC record"},
    /* NSEC3. */
    {"no NSEC3 for a name", HASHED, .steps = {{DROP_NODE, "#mail"}},
     .expected = "mail.example.: the name has no NSEC3 record"},
    {"no NSEC3 for a name, the ring closed", HASHED, .closes = "#mail",
     .expected = "mail.example.: the name has no NSEC3 record"},
    {"no NSEC3 for an empty non-terminal, the ring closed", HASHED, .closes = "#under.deep",
     .expected = "under.deep.example.: the name has no NSEC3 record"},
    {"no NSEC3 for an empty non-terminal above a signed delegation", OPT_OUT, .closes = "#far",
     .expected = "far.example.: the name has no NSEC3 record"},
    {"no NSEC3 for a signed delegation, the ring closed", HASHED, .closes = "#secure",
     .expected = "secure.example.: the name has no NSEC3 record"},
    {"no NSEC3 for the apex, the ring closed", HASHED, .closes = "#@",
     .expected = "example.: the name has no NSEC3 record"},
    {"no NSEC3 for a wildcard, the ring closed", HASHED, .closes = "#*.wild",
     .expected = "*.wild.example.: the name has no NSEC3 record"},
    {"no NSEC3 for an unsigned delegation without opt-out", NSEC3, .closes = "#plain",
     .expected = "plain.example.: the name has no NSEC3 record"},
    {"an NSEC3 for a name that is gone", HASHED, .steps = {{DROP_NODE, "mail"}},
     .expected = "the NSEC3 record is for no name of the zone"},
    {"an NSEC3 that leads to no hash", HASHED, .steps = {{LEAD, "#mail NSEC3 #nobody"}},
     .expected = "the NSEC3 record does not lead to the next hash"},
    {"an NSEC3 that leads to itself", HASHED, .steps = {{LEAD, "#mail NSEC3 #mail"}},
     .expected = "the NSEC3 record does not lead to the next hash"},
    {"a next hash of a wrong length", HASHED, .steps = {{SHORTEN_NEXT, "#mail NSEC3"}},
     .expected = "the NSEC3 record does not lead to the next hash"},
    {"an NSEC3 without a type that is there", HASHED, .steps = {{TOGGLE, "#mail NSEC3 TXT"}},
     .expected = "mail.example.: the denial of existence leaves out TXT"},
    {"an NSEC3 with a type that is not there", HASHED, .steps = {{TOGGLE, "#mail NSEC3 AAAA"}},
     .expected = "mail.example.: the denial of existence names AAAA"},
    {"an NSEC3 of an empty non-terminal with a type", HASHED, .steps = {{TOGGLE, "#deep NSEC3 A"}},
     .expected = "deep.example.: the denial of existence names A"},
    {"an NSEC3 of a delegation without DS", HASHED, .steps = {{TOGGLE, "#secure NSEC3 DS"}},
     .expected = "secure.example.: the denial of existence leaves out DS"},
    {"opt-out cleared over an unsigned delegation", OPT_OUT, .closes = "",
     .expected = "plain.example.: the name has no NSEC3 record"},
    {"two NSEC3 of one chain at a hash", HASHED, .steps = {{REPEAT_RECORD, "#mail NSEC3 #mail"}},
     .expected = "the hash has two NSEC3 records"},
    {"an NSEC3 whose owner is no hash", HASHED,
     .steps = {{SET, "nohash NSEC3 1 0 0 - 00000000000000000000000000000000 A"}},
     .expected = "nohash.example.: the owner of an NSEC3 record is no hash"},
    {"no NSEC3PARAM", HASHED, .steps = {{DROP_BOTH, "@ NSEC3PARAM"}},
     .expected = "example.: the apex has neither NSEC nor NSEC3PARAM"},
    {"an NSEC3PARAM of another salt", HASHED, .steps = {{SET, "@ NSEC3PARAM 1 0 0 ab"}},
     .expected = "the name has no NSEC3 record"},
    {"an NSEC3PARAM of other iterations", HASHED, .steps = {{SET, "@ NSEC3PARAM 1 0 1 -"}},
     .expected = "the name has no NSEC3 record"},
    {"an NSEC3PARAM of too many iterations", HASHED, .steps = {{SET, "@ NSEC3PARAM 1 0 500 -"}},
     .expected = "example.: the NSEC3 chain has 500 iterations"},
    {"an NSEC3PARAM of an unknown hash", HASHED, .steps = {{SET, "@ NSEC3PARAM 2 0 0 -"}},
     .expected = "hash or flags that nobody knows"},
    {"an NSEC3PARAM with flags", HASHED, .steps = {{SET, "@ NSEC3PARAM 1 1 0 -"}},
     .expected = "hash or flags that nobody knows"},
    {"an NSEC3PARAM below the apex", HASHED, .steps = {{SET, "mail NSEC3PARAM 1 0 0 -"}},
     .expected = "mail.example.: NSEC3PARAM stands below the apex"},
    /* ZONEMD. */
    {"glue added", EACH, true, .steps = {{ADD, "ns.secure A 192.0.2.66"}},
     .expected = "example.: ZONEMD mismatch"},
    {"glue altered", EACH, true, .steps = {{BREAK_RDATA, "ns.secure A"}},
     .expected = "example.: ZONEMD mismatch"},
    {"glue removed", EACH, true, .steps = {{DROP, "ns.secure A"}},
     .expected = "example.: ZONEMD mismatch"},
    {"a name server added to a delegation", EACH, true,
     .steps = {{ADD, "plain NS ns2.plain.example."}}, .expected = "example.: ZONEMD mismatch"},
    {"an unsigned delegation in an opt-out span", OPT_OUT, true,
     .steps = {{ADD, "new NS ns.example."}}, .expected = "example.: ZONEMD mismatch"},
    {"a ZONEMD of another serial", EACH, true,
     .steps = {{SET, "@ ZONEMD 6 1 1 "
                     "00000000000000000000000000000000000000000000000000000000000000000000000000000"
                     "0000000000000000000"}},
     .expected = "example.: ZONEMD mismatch"},
    {"no ZONEMD", EACH, true, .steps = {{DROP_BOTH, "@ ZONEMD"}},
     .expected = "example.: the zone has no ZONEMD record"},
};

static const uint8_t ALGORITHMS[] = {ALGORITHM_ED25519,         ALGORITHM_ECDSAP256SHA256,
                                     ALGORITHM_ECDSAP384SHA384, ALGORITHM_ED448,
                                     ALGORITHM_RSASHA256,       ALGORITHM_RSASHA512};

struct good_zones {
    int64_t now_s;
    struct test_keys keys;
    struct zone *zones[3][2]; /* by denial, without and with ZONEMD */
};

static void open_good(struct good_zones *good, uint8_t algorithm, int64_t now_s)
{
    *good = (struct good_zones){.now_s = now_s};
    test_keys_add(&good->keys, algorithm, true, false);
    test_keys_add(&good->keys, algorithm, false, true);
    struct zone *data = test_zone(TEST_APEX, DATA, LEN(DATA));
    for (int denial = ZONE_NSEC; denial <= ZONE_NSEC3_OPT_OUT; denial++) {
        for (int has_zonemd = 0; has_zonemd < 2; has_zonemd++) {
            struct zone_sign_policy policy = {
                .denial = (enum zone_denial)denial, .has_zonemd = has_zonemd, .has_cds = true};
            good->zones[denial][has_zonemd] = test_sign(data, NULL, &good->keys, &policy, now_s);
            test_verify_good(good->zones[denial][has_zonemd], NULL, now_s);
        }
    }
    zone_release(data);
    test_keys_add(&good->keys, algorithm, false, true); /* a stranger's */
}

static void close_good(struct good_zones *good)
{
    for (size_t i = 0; i < 6; i++) {
        zone_release(good->zones[i / 2][i % 2]);
    }
    test_keys_close(&good->keys);
}

/* The record whose span holds the unsigned delegation loses its flag. */
static void clear_opt_out(const struct test_making *making)
{
    struct test_target target = {.type = TYPE_NSEC3, .rest = "0"};
    struct name_buffer buffer;
    const struct zone_node *node =
        zone_nsec3_at_or_before(making->good, test_owner("#plain", &buffer));
    name_copy_to(node->owner, &target.buffer, &target.owner);
    test_step_chain(making, SET_FLAGS, &target);
}

static struct zone *make_fault(const struct good_zones *zones, int denial,
                               const struct fault_row *row)
{
    const struct zone *good = zones->zones[denial][row->has_zonemd];
    struct test_making making = {.good = good,
                                 .builder = test_change(TEST_APEX, good),
                                 .keys = &zones->keys,
                                 .now_s = zones->now_s};
    for (size_t i = 0; i < STEPS_MAX && row->steps[i].op != STEP_NONE; i++) {
        test_step(&making, &row->steps[i]);
    }
    if (row->closes != NULL && row->closes[0] == '\0') {
        clear_opt_out(&making);
    } else if (row->closes != NULL) {
        test_close_ring(&making, row->closes);
    }
    struct zone *bad = zone_build_finish(making.builder);
    assert_non_null(bad);
    return bad;
}

static void expect_fault(const struct zone *zone, const struct zone_verify_options *options,
                         const struct fault_row *row)
{
    struct zone_verify_report report;
    struct test_faults faults = {0};
    enum status status = zone_verify(zone, options, test_fault_note, &faults, &report);
    if (status != MISMATCH || strstr(faults.all, row->expected) == NULL) {
        fail_msg("%s: %s; wanted \"%s\" among\n%s", row->name, status_text(status), row->expected,
                 faults.all);
    }
    assert_int_equal(report.faults, faults.count);
}

static void judge_row(const struct good_zones *good, const struct fault_row *row, int denial)
{
    const struct zone *from = good->zones[denial][row->has_zonemd];
    struct zone_verify_options options = {.now_s = NOW, .needs_zonemd = row->has_zonemd};
    struct zone_verify_report report;
    assert_int_equal(zone_verify(from, &options, NULL, NULL, &report), OK);
    struct zone *bad = make_fault(good, denial, row);
    expect_fault(bad, &options, row);
    options.before = from; /* also when only what differs is looked at */
    options.before_report = &report;
    expect_fault(bad, &options, row);
    test_verify_good(from, bad, NOW); /* mended */
    zone_release(bad);
}

static void test_each_fault_is_found(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < LEN(ALGORITHMS); i++) {
        struct good_zones good;
        open_good(&good, ALGORITHMS[i], NOW);
        for (size_t j = 0; j < LEN(ROWS); j++) {
            for (int denial = ZONE_NSEC; denial <= ZONE_NSEC3_OPT_OUT; denial++) {
                if ((ROWS[j].kinds & 1 << denial) != 0 && (i == 0 || ROWS[j].all_algorithms)) {
                    judge_row(&good, &ROWS[j], denial);
                    count++;
                }
            }
        }
        close_good(&good);
    }
    print_message("%zu faults, %zu zones\n", LEN(ROWS), count);
    assert_true(LEN(ROWS) >= 60);
}

/* Zones as files. */

static void write_zone(const struct zone *zone, const char *folder, const char *file)
{
    static char text[1 << 20];
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            struct writer writer = writer_over(text, sizeof text);
            rrset_write_text(&node->rrsets[i], &writer);
            assert_int_equal(writer.status, OK);
            assert_int_equal(fwrite(text, 1, writer.len, stream), writer.len);
        }
    }
    assert_int_equal(fclose(stream), 0);
}

static void write_all(const char *folder, int64_t now_s)
{
    static const char *const denials[] = {"nsec", "nsec3", "opt-out"};
    struct good_zones good;
    char path[1000];
    snprintf(path, sizeof path, "%s/list", folder);
    FILE *list = fopen(path, "w");
    assert_non_null(list);
    open_good(&good, ALGORITHM_ED25519, now_s);
    for (int denial = ZONE_NSEC; denial <= ZONE_NSEC3_OPT_OUT; denial++) {
        for (int has_zonemd = 0; has_zonemd < 2; has_zonemd++) {
            snprintf(path, sizeof path, "good-%s-%d", denials[denial], has_zonemd);
            write_zone(good.zones[denial][has_zonemd], folder, path);
            fprintf(list, "%s\t%s\t%d\tnothing\n", path, denials[denial], has_zonemd);
        }
        for (size_t i = 0; i < LEN(ROWS); i++) {
            if ((ROWS[i].kinds & 1 << denial) == 0) {
                continue;
            }
            struct zone *bad = make_fault(&good, denial, &ROWS[i]);
            snprintf(path, sizeof path, "%03zu-%s", i, denials[denial]);
            write_zone(bad, folder, path);
            fprintf(list, "%s\t%s\t%d\t%s\n", path, denials[denial], ROWS[i].has_zonemd,
                    ROWS[i].name);
            zone_release(bad);
        }
    }
    close_good(&good);
    assert_int_equal(fclose(list), 0);
}

static void test_write(void **state)
{
    char **words = *state;
    write_all(words[1], (int64_t)strtoll(words[2], NULL, 10));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_fault_is_found)};
    const struct CMUnitTest writing[] = {cmocka_unit_test_prestate(test_write, argv)};
    return argc == 3 ? cmocka_run_group_tests(writing, NULL, NULL)
                     : cmocka_run_group_tests(tests, NULL, NULL);
}
