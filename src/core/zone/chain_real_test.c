/* The chain of trust over the real root and arpa zones of October 2024, from the root's key 20326.
 */
#include "core/dnssec/chain.h"
#include "core/zone/zone.h"
#include "core/zone/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EVIDENCE_MAX = 16, NOW_S = 1728691200 /* 2024-10-12T00:00:00Z */, YEAR_S = 31536000 };

static struct zone *root, *arpa;
static struct arena arena;

static struct name name_of(const char *text)
{
    struct name_buffer buffer;
    struct name name, copy;
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &name, NULL), OK);
    assert_int_equal(name_copy(&arena, name, &copy), OK);
    return copy;
}

static void print_problem(void *user, const struct problem *problem)
{
    (void)user;
    print_error("%s\n", problem->sentence);
}

static struct zone *load(const char *file, const char *apex)
{
    FILE *stream = fopen(file, "rb");
    assert_non_null(stream);
    enum { FILE_SIZE_MAX = 1 << 23 };
    char *text = malloc(FILE_SIZE_MAX);
    assert_non_null(text);
    size_t len = fread(text, 1, FILE_SIZE_MAX, stream);
    fclose(stream);
    const struct zonefile_source source = {
        .file = file, .text = span_of(text, len), .origin = name_of(apex)};
    struct zone *zone = NULL;
    enum status status = zonefile_load(&source, name_of(apex), print_problem, NULL, &zone);
    free(text);
    assert_int_equal(status, OK);
    return zone;
}

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, 1 << 24);
    root = load(VOUCH_SOURCE_ROOT "/data/root-2024101100-signed.zone", ".");
    arpa = load(VOUCH_SOURCE_ROOT "/data/arpa-20241011-signed.zone", "arpa.");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zone_release(root);
    zone_release(arpa);
    arena_close(&arena);
    return 0;
}

/* Adds the RRset of a node and its signatures. */
static size_t add(struct rrset *rrsets, size_t count, const struct zone_node *node, uint16_t type)
{
    const struct rrset *found[] = {node == NULL ? NULL : zone_node_rrset(node, type),
                                   node == NULL ? NULL : zone_node_rrsigs(node, type)};
    for (size_t i = 0; found[0] != NULL && i < LEN(found); i++) {
        if (found[i] != NULL) {
            rrsets[count++] = *found[i];
        }
    }
    return count;
}

/* The last node up to `name` that has an NSEC: glue has none. */
static const struct zone_node *nsec_node(const struct zone *zone, struct name name)
{
    const struct zone_node *last = NULL, *node;
    struct zone_cursor cursor;
    for (zone_walk(zone, &cursor); (node = zone_walk_next(&cursor)) != NULL;) {
        const struct rrset *nsec = zone_node_rrset(node, TYPE_NSEC);
        if (nsec != NULL && name_compare(nsec->owner, name) <= 0) {
            last = node;
        }
    }
    return last;
}

/* What the zone's server would answer: the RRset, or the NSEC records about name and wildcard. */
static struct evidence answer(struct name name, uint16_t type)
{
    enum { RRSETS_MAX = 8 };
    struct name arpa_name = name_of("arpa.");
    bool is_arpa =
        name_is_below(name, arpa_name) || (name_equal(name, arpa_name) && type != TYPE_DS);
    const struct zone *zone = is_arpa ? arpa : root;
    struct rrset *rrsets = arena_take_array(&arena, RRSETS_MAX, sizeof *rrsets);
    assert_non_null(rrsets);
    struct evidence evidence = {.name = name, .type = type};
    const struct zone_node *node = zone_find(zone, name);
    size_t count = add(rrsets, 0, node, type);
    if (count != 0) {
        evidence.answer = rrsets;
        evidence.answer_count = count;
        return evidence;
    }
    struct name_buffer buffer;
    struct name wildcard;
    assert_int_equal(name_make_wildcard(zone_apex(zone), &buffer, &wildcard), OK);
    count = add(rrsets, 0, zone_find(zone, zone_apex(zone)), TYPE_SOA);
    count = add(rrsets, count, nsec_node(zone, name), TYPE_NSEC);
    if (node == NULL) {
        count = add(rrsets, count, nsec_node(zone, wildcard), TYPE_NSEC);
        evidence.rcode = RCODE_NXDOMAIN;
    }
    evidence.authority = rrsets;
    evidence.authority_count = count;
    return evidence;
}

static const struct {
    const char *why;
    const char *name;
    uint16_t type;
    int64_t now_s;
    enum verdict verdict;
    enum ede ede;
} ROWS[] = {
    {"data of the root", ".", TYPE_SOA, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"the keys of the root", ".", TYPE_DNSKEY, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"a DS of the root", "com.", TYPE_DS, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"no such TLD", "no-such-tld.", TYPE_A, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"data of arpa", "arpa.", TYPE_SOA, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"a DS of arpa", "in-addr.arpa.", TYPE_DS, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"an unsigned delegation of arpa", "home.arpa.", TYPE_DS, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"a name below it", "www.home.arpa.", TYPE_A, NOW_S, VERDICT_INSECURE, EDE_NONE},
    {"no such name in arpa", "no-such-name.arpa.", TYPE_A, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"no such type in arpa", "arpa.", TYPE_AAAA, NOW_S, VERDICT_SECURE, EDE_NONE},
    {"two years later", "arpa.", TYPE_SOA, NOW_S + 2 * YEAR_S, VERDICT_BOGUS,
     EDE_SIGNATURE_EXPIRED},
    {"a year before", "arpa.", TYPE_SOA, NOW_S - YEAR_S, VERDICT_BOGUS,
     EDE_SIGNATURE_NOT_YET_VALID},
};

static void real_zones_are_what_they_are(void **state)
{
    (void)state;
    const struct trust_anchor *anchors;
    size_t anchor_count;
    assert_int_equal(
        trust_anchors_read(SPAN_LITERAL(". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D084"
                                        "58E880409BBC683457104237C7F8EC8D\n"),
                           &arena, &anchors, &anchor_count, NULL),
        OK);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct evidence evidence[EVIDENCE_MAX] = {answer(name_of(ROWS[i].name), ROWS[i].type)};
        struct chain_input input = {.anchors = anchors,
                                    .anchor_count = anchor_count,
                                    .evidence = evidence,
                                    .evidence_count = 1,
                                    .now_s = ROWS[i].now_s,
                                    .scratch = &arena};
        struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {CHAIN_HASHES_MAX}};
        struct chain_result result;
        for (;;) {
            chain_judge(&input, &budget, &result);
            if (result.is_final) {
                break;
            }
            assert_true(input.evidence_count < EVIDENCE_MAX);
            evidence[input.evidence_count++] = answer(result.next_name, result.next_type);
        }
        if (result.judgement.verdict != ROWS[i].verdict || result.judgement.ede != ROWS[i].ede) {
            fail_msg("%s: %s, EDE %d: %s", ROWS[i].why, verdict_text(result.judgement.verdict),
                     result.judgement.ede, result.judgement.reason);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_zones_are_what_they_are),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
