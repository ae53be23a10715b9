/* Answers: a table of questions to a zone that has everything, without signatures and with each
 * kind of denial; and thousands of random questions whose answers the validator must accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/auth/auth_test.h"

static const char *const parent_lines[] = {
    "example. SOA ns1.example. hostmaster.example. 1 3600 600 86400 300",
    "example. NS ns1.example.",
    "example. NS ns2.example.",
    "example. MX 10 mail.example.",
    "ns1.example. A 192.0.2.1",
    "ns1.example. AAAA 2001:db8::1",
    "ns2.example. A 192.0.2.2",
    "mail.example. A 192.0.2.25",
    "www.example. CNAME web.example.",
    "web.example. A 192.0.2.80",
    "web.example. AAAA 2001:db8::80",
    "*.wild.example. TXT \"wild\"",
    "*.wild.example. A 192.0.2.99",
    "*.alias.example. CNAME web.example.",
    "a.ent.example. A 192.0.2.3",
    "loop1.example. CNAME loop2.example.",
    "loop2.example. CNAME loop1.example.",
    "gone.example. CNAME nothing.example.",
    "away.example. CNAME www.elsewhere.test.",
    "dn.example. DNAME target.example.",
    "x.target.example. A 192.0.2.7",
    "signed.example. NS ns.signed.example.",
    "ns.signed.example. A 192.0.2.61",
    "plain.example. NS ns.plain.example.",
    "plain.example. NS ns.signed.example.",
    "ns.plain.example. A 192.0.2.62",
    "deep.ent2.example. NS ns.far.test.",
    "*.*.stars.example. A 192.0.2.8",
    "inzone.example. NS ns1.example.",
    "svc.example. HTTPS 1 . alpn=h2",
    "svc.example. A 192.0.2.9",
    "moved.example. HTTPS 0 svc.example.",
    "*.round.example. CNAME a.round.example.",
};

static const char *const signed_child_lines[] = {
    "signed.example. SOA ns.signed.example. hostmaster.example. 1 3600 600 86400 300",
    "signed.example. NS ns.signed.example.",
    "ns.signed.example. A 192.0.2.61",
    "www.signed.example. A 192.0.2.71",
};
static const char *const plain_child_lines[] = {
    "plain.example. SOA ns.plain.example. hostmaster.example. 1 3600 600 86400 300",
    "plain.example. NS ns.plain.example.",
    "ns.plain.example. A 192.0.2.62",
    "www.plain.example. A 192.0.2.72",
};

/* A parent and its two children, signed as a chain. */
struct world_of_zones {
    struct test_keys parent_keys;
    struct test_keys child_keys;
    struct zone *parent;
    struct zone *signed_child;
    struct zone *plain_child;
    struct name_buffer names[3];
    struct auth_zone_options options[3];
    struct auth *parent_only;
    struct auth *all;
};

static struct zone *sign_child(struct world_of_zones *zones)
{
    struct zone_sign_policy policy = {.denial = ZONE_NSEC};
    struct zone *child = test_zone("signed.example.", signed_child_lines, LEN(signed_child_lines));
    test_keys_add(&zones->child_keys, ALGORITHM_ECDSAP256SHA256, true, true);
    struct zone *made = test_sign(child, NULL, &zones->child_keys, &policy, AUTH_TEST_NOW_S);
    zone_release(child);
    return made;
}

static struct zone *sign_parent(struct world_of_zones *zones, enum zone_denial denial)
{
    struct zone_sign_policy policy = {.denial = denial};
    struct name_buffer buffer;
    uint8_t bytes[64];
    struct writer ds = writer_over(bytes, sizeof bytes);
    struct zone *plain = test_zone("example.", parent_lines, LEN(parent_lines));
    struct zone_builder *builder = test_change("example.", plain);
    struct name child = test_name("signed.example.", &buffer);
    assert_int_equal(
        ds_make(child, zones->child_keys.keys[0].signing.dnskey.rdata, DS_DIGEST_SHA256, &ds), OK);
    assert_int_equal(zone_build_add(builder, child, TYPE_DS, 300, writer_written(&ds)), OK);
    struct zone *delegating = zone_build_finish(builder);
    test_keys_add(&zones->parent_keys, ALGORITHM_ECDSAP256SHA256, true, true);
    struct zone *made = test_sign(delegating, NULL, &zones->parent_keys, &policy, AUTH_TEST_NOW_S);
    zone_release(delegating);
    zone_release(plain);
    return made;
}

static struct auth *open_server(const struct auth_zone_options *zones, size_t count)
{
    static uint64_t seed = 1;
    static const struct entropy entropy = {test_fill, &seed};
    struct auth_options options = {
        .zones = zones, .zone_count = count, .identity = "one", .entropy = &entropy};
    struct problem problem = {0};
    struct auth *auth = NULL;
    assert_int_equal(auth_open(&options, &auth, &problem), OK);
    return auth;
}

static void open_zones(struct world_of_zones *zones, enum zone_denial denial)
{
    *zones = (struct world_of_zones){0};
    zones->signed_child = sign_child(zones);
    zones->parent = sign_parent(zones, denial);
    zones->plain_child = test_zone("plain.example.", plain_child_lines, LEN(plain_child_lines));
    zones->options[0] = (struct auth_zone_options){.name = test_name("example.", &zones->names[0]),
                                                   .fixed = zones->parent};
    zones->options[1] = (struct auth_zone_options){
        .name = test_name("signed.example.", &zones->names[1]), .fixed = zones->signed_child};
    zones->options[2] = (struct auth_zone_options){
        .name = test_name("plain.example.", &zones->names[2]), .fixed = zones->plain_child};
    zones->parent_only = open_server(zones->options, 1);
    zones->all = open_server(zones->options, 3);
}

static void close_zones(struct world_of_zones *zones)
{
    auth_close(zones->parent_only);
    auth_close(zones->all);
    zone_release(zones->parent);
    zone_release(zones->signed_child);
    zone_release(zones->plain_child);
    test_keys_close(&zones->parent_keys);
    test_keys_close(&zones->child_keys);
}

/* RRsets of a section without RRSIGs. */
static size_t count_data(const struct message *message, enum section section)
{
    size_t count = 0;
    for (size_t i = 0; i < message->sections[section].count; i++) {
        count += message->sections[section].rrsets[i].type != TYPE_RRSIG;
    }
    return count;
}

enum { AA = FLAG_AA, NO_AA = 0 };

struct row {
    const char *name;
    uint16_t type;
    uint16_t rcode;
    uint16_t aa;
    size_t answer;     /* RRsets without RRSIG */
    size_t authority;  /* without DO: SOA or NS */
    size_t additional; /* without OPT */
    size_t proof;      /* NSEC RRsets more with DO, NSEC zone */
    const char *why;
};

static const struct row rows[] = {
    {"web.example.", TYPE_A, 0, AA, 1, 0, 0, 0, "an exact match"},
    {"WEB.example.", TYPE_AAAA, 0, AA, 1, 0, 0, 0, "case does not matter"},
    {"example.", TYPE_NS, 0, AA, 1, 0, 3, 0, "the apex NS comes with addresses"},
    {"example.", TYPE_SOA, 0, AA, 1, 0, 0, 0, "answers are minimal"},
    {"web.example.", TYPE_MX, 0, AA, 0, 1, 0, 1, "NODATA"},
    {"ent.example.", TYPE_A, 0, AA, 0, 1, 0, 1, "an empty non-terminal is NODATA"},
    {"nx.example.", TYPE_A, 3, AA, 0, 1, 0, 2, "NXDOMAIN: the name and the wildcard"},
    {"b.ent.example.", TYPE_A, 3, AA, 0, 1, 0, 2, "NXDOMAIN below an empty non-terminal"},
    {"0.example.", TYPE_A, 3, AA, 0, 1, 0, 1, "one NSEC covers both the name and the wildcard"},
    {"www.example.", TYPE_A, 0, AA, 2, 0, 0, 0, "CNAME is followed"},
    {"www.example.", TYPE_CNAME, 0, AA, 1, 0, 0, 0, "CNAME asked for is not followed"},
    {"www.example.", TYPE_MX, 0, AA, 1, 1, 0, 1, "CNAME to NODATA"},
    {"gone.example.", TYPE_A, 3, AA, 1, 1, 0, 2, "CNAME to NXDOMAIN (RFC 6604)"},
    {"away.example.", TYPE_A, 0, AA, 1, 0, 0, 0, "CNAME to where we are not"},
    {"loop1.example.", TYPE_A, 0, AA, 2, 0, 0, 0, "a loop is told once"},
    {"x.wild.example.", TYPE_A, 0, AA, 1, 0, 0, 1, "a wildcard, and nothing closer"},
    {"x.y.wild.example.", TYPE_TXT, 0, AA, 1, 0, 0, 1, "a wildcard spans labels"},
    {"x.wild.example.", TYPE_MX, 0, AA, 0, 1, 0, 1, "NODATA at a wildcard: one NSEC does both"},
    {"*.wild.example.", TYPE_A, 0, AA, 1, 0, 0, 0, "the wildcard itself is a name"},
    {"wild.example.", TYPE_A, 0, AA, 0, 1, 0, 1, "what is above a wildcard is an ENT"},
    {"x.alias.example.", TYPE_A, 0, AA, 2, 0, 0, 1, "a wildcard CNAME is followed"},
    {"x.dn.example.", TYPE_A, 0, AA, 3, 0, 0, 0, "DNAME, its CNAME, the target"},
    {"y.dn.example.", TYPE_A, 3, AA, 2, 1, 0, 2, "DNAME to NXDOMAIN"},
    {"x.dn.example.", TYPE_CNAME, 0, AA, 2, 0, 0, 0, "the synthesized CNAME is the answer"},
    {"dn.example.", TYPE_DNAME, 0, AA, 1, 0, 0, 0, "DNAME itself"},
    {"dn.example.", TYPE_A, 0, AA, 0, 1, 0, 1, "the owner of DNAME is not redirected"},
    {"www.signed.example.", TYPE_A, 0, NO_AA, 0, 1, 1, 0, "a referral; DS is counted apart"},
    {"signed.example.", TYPE_NS, 0, NO_AA, 0, 1, 1, 0, "NS of a cut is the child's to answer"},
    {"signed.example.", TYPE_DS, 0, AA, 1, 0, 0, 0, "DS of a cut is the parent's"},
    {"plain.example.", TYPE_A, 0, NO_AA, 0, 1, 2, 1, "a referral with glue and a sibling's"},
    {"plain.example.", TYPE_DS, 0, AA, 0, 1, 0, 1, "no DS"},
    {"x.deep.ent2.example.", TYPE_A, 0, NO_AA, 0, 1, 0, 1, "a referral without glue"},
    {"ns.plain.example.", TYPE_A, 0, NO_AA, 0, 1, 2, 1, "glue is not answered"},
    {"x.stars.example.", TYPE_A, 0, AA, 0, 1, 0, 2, "an empty wildcard is NODATA"},
    {"elsewhere.test.", TYPE_A, 5, NO_AA, 0, 0, 0, 0, "not ours"},
    {"com.", TYPE_DS, 5, NO_AA, 0, 0, 0, 0, "not ours either"},
    {"example.", TYPE_DS, 0, AA, 0, 1, 0, 1, "DS at our apex, without the parent: NODATA"},
    {"example.", TYPE_ANY, 0, AA, 1, 0, 0, 0, "ANY gets one RRset"},
    {"example.", TYPE_MX, 0, AA, 1, 0, 1, 0, "MX comes with addresses (RFC 1035 §3.3.9)"},
    {"x.inzone.example.", TYPE_A, 0, NO_AA, 0, 1, 2, 1, "a server of our own has addresses"},
    {"svc.example.", TYPE_HTTPS, 0, AA, 1, 0, 1, 0, "a service of its own name (RFC 9460 §4.1)"},
    {"moved.example.", TYPE_HTTPS, 0, AA, 1, 0, 2, 0, "and one that leads to another"},
    {"b.round.example.", TYPE_A, 0, AA, 2, 0, 0, 1, "two steps of a chain, one proof for both"},
};

static void check_row(const struct row *row, struct auth *auth, bool wants_dnssec, size_t proof)
{
    struct arena arena;
    struct name_buffer buffer;
    struct message answer;
    arena_open(&arena, 1 << 20);
    struct question question = {test_name(row->name, &buffer), row->type, CLASS_IN};
    test_ask(auth, TRANSPORT_TCP, question, wants_dnssec, &arena, &answer);
    size_t authority = count_data(&answer, SECTION_AUTHORITY);
    for (size_t i = 0; i < answer.sections[SECTION_AUTHORITY].count; i++) {
        authority -= answer.sections[SECTION_AUTHORITY].rrsets[i].type == TYPE_DS;
    }
    if (answer.rcode != row->rcode || (answer.flags & FLAG_AA) != row->aa ||
        count_data(&answer, SECTION_ANSWER) != row->answer || authority != row->authority + proof ||
        count_data(&answer, SECTION_ADDITIONAL) != row->additional) {
        fail_msg("%s %u (%s, DO %d): %s, flags %x, %zu %zu %zu RRsets", row->name, row->type,
                 row->why, wants_dnssec, rcode_text(answer.rcode), answer.flags,
                 count_data(&answer, SECTION_ANSWER), authority,
                 count_data(&answer, SECTION_ADDITIONAL));
    }
    assert_int_equal(answer.flags & ~(FLAG_AA), FLAG_QR | FLAG_RD); /* RA, AD, TC are clear */
    assert_int_equal(answer.edns.is_present, wants_dnssec);
    arena_close(&arena);
}

static void test_table(void **state)
{
    (void)state;
    struct world_of_zones zones;
    open_zones(&zones, ZONE_NSEC);
    for (size_t i = 0; i < LEN(rows); i++) {
        check_row(&rows[i], zones.parent_only, false, 0);
        check_row(&rows[i], zones.parent_only, true, rows[i].proof);
    }
    close_zones(&zones);
}

static void check_child(struct auth *auth, const char *name, uint16_t type, const char *apex)
{
    struct arena arena;
    struct name_buffer buffer;
    struct message answer;
    arena_open(&arena, 1 << 20);
    struct question question = {test_name(name, &buffer), type, CLASS_IN};
    test_ask(auth, TRANSPORT_UDP, question, true, &arena, &answer);
    assert_true((answer.flags & FLAG_AA) != 0);
    const struct message_section *authority = &answer.sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        if (authority->rrsets[i].type == TYPE_SOA) {
            struct name_buffer apex_buffer;
            assert_true(name_equal(authority->rrsets[i].owner, test_name(apex, &apex_buffer)));
        }
    }
    arena_close(&arena);
}

/* DS at a cut comes from the parent's side even where both zones are served here (RFC 4035
 * §3.1.4.1); all else from the child. */
static void test_both_sides_of_a_cut(void **state)
{
    (void)state;
    struct world_of_zones zones;
    open_zones(&zones, ZONE_NSEC);
    check_child(zones.all, "plain.example.", TYPE_DS, "example.");
    check_child(zones.all, "plain.example.", TYPE_MX, "plain.example.");
    check_child(zones.all, "signed.example.", TYPE_MX, "signed.example.");
    check_child(zones.all, "nx.plain.example.", TYPE_DS, "plain.example.");
    close_zones(&zones);
}

/* More servers than one would think of: all glue below the cut is there by TCP, and none of it is
 * left out in silence by UDP. */
static void test_many_servers(void **state)
{
    (void)state;
    enum { SERVERS = 150 };
    struct zone_builder *builder = test_change("example.", NULL);
    char line[100];
    test_add(builder, parent_lines[0]);
    test_add(builder, parent_lines[1]);
    for (int i = 0; i < SERVERS; i++) {
        snprintf(line, sizeof line, "many.example. NS ns%d.many.example.", i);
        test_add(builder, line);
        snprintf(line, sizeof line, "ns%d.many.example. AAAA 2001:db8::%x", i, i + 1);
        test_add(builder, line);
    }
    struct name_buffer buffers[2];
    struct zone *zone = zone_build_finish(builder);
    struct auth_zone_options options = {.name = test_name("example.", &buffers[0]), .fixed = zone};
    struct auth *auth = open_server(&options, 1);
    struct question question = {test_name("x.many.example.", &buffers[1]), TYPE_A, CLASS_IN};
    struct arena arena;
    struct message answer;
    arena_open(&arena, 4 << 20);
    test_ask(auth, TRANSPORT_TCP, question, true, &arena, &answer);
    assert_int_equal(count_data(&answer, SECTION_ADDITIONAL), SERVERS);
    test_ask(auth, TRANSPORT_UDP, question, true, &arena, &answer);
    assert_int_equal(answer.flags & FLAG_TC, FLAG_TC);
    arena_close(&arena);
    auth_close(auth);
    zone_release(zone);
}

/* A zone that is not signed has no signatures at an alias either: it is followed like any. */
static void test_signatures_of_an_alias(void **state)
{
    (void)state;
    struct name_buffer buffers[2];
    struct zone *zone = test_zone("example.", parent_lines, LEN(parent_lines));
    struct auth_zone_options options = {.name = test_name("example.", &buffers[0]), .fixed = zone};
    struct auth *auth = open_server(&options, 1);
    struct question question = {test_name("www.example.", &buffers[1]), TYPE_RRSIG, CLASS_IN};
    struct arena arena;
    struct message answer;
    arena_open(&arena, 1 << 20);
    test_ask(auth, TRANSPORT_UDP, question, false, &arena, &answer);
    assert_int_equal(count_data(&answer, SECTION_ANSWER), 1);
    assert_int_equal(count_data(&answer, SECTION_AUTHORITY), 1);
    arena_close(&arena);
    auth_close(auth);
    zone_release(zone);
}

/* ANY, where the operator would rather say why there is no more (RFC 8482 §4.2); signed zones then
 * still give those who validate an RRset. */
static void test_any_as_hinfo(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool wants_dnssec;
        size_t answers;
        uint16_t type;
    } asked[] = {{"web.example.", false, 1, TYPE_HINFO},
                 {"web.example.", true, 1, TYPE_A},
                 {"x.wild.example.", false, 1, TYPE_HINFO},
                 {"ent.example.", false, 0, 0},
                 {"nx.example.", false, 0, 0}};
    struct name_buffer buffers[2];
    struct zone *zone = test_zone("example.", parent_lines, LEN(parent_lines));
    struct auth_zone_options zones = {.name = test_name("example.", &buffers[0]), .fixed = zone};
    uint64_t seed = 5;
    struct entropy entropy = {test_fill, &seed};
    struct auth_options options = {
        .zones = &zones, .zone_count = 1, .entropy = &entropy, .hides_any = true};
    struct auth *auth;
    assert_int_equal(auth_open(&options, &auth, NULL), OK);
    for (size_t i = 0; i < LEN(asked); i++) {
        struct question question = {test_name(asked[i].name, &buffers[1]), TYPE_ANY, CLASS_IN};
        struct arena arena;
        struct message answer;
        arena_open(&arena, 1 << 20);
        test_ask(auth, TRANSPORT_UDP, question, asked[i].wants_dnssec, &arena, &answer);
        assert_int_equal(answer.sections[SECTION_ANSWER].count, asked[i].answers);
        if (asked[i].answers > 0) {
            assert_int_equal(answer.sections[SECTION_ANSWER].rrsets[0].type, asked[i].type);
        }
        arena_close(&arena);
    }
    auth_close(auth);
    zone_release(zone);
}

static struct question random_question(uint64_t *seed, char text[200])
{
    static const char *const labels[] = {"www", "web",    "wild",  "*",    "x",    "ent", "a",
                                         "dn",  "signed", "plain", "deep", "ent2", "ns",  "target",
                                         "nx",  "alias",  "stars", "gone", "ns1",  "zzz", "0"};
    static const uint16_t types[] = {TYPE_A,  TYPE_AAAA,   TYPE_NS,        TYPE_DS,    TYPE_CNAME,
                                     TYPE_MX, TYPE_DNSKEY, TYPE_SOA,       TYPE_DNAME, TYPE_TXT,
                                     TYPE_A,  TYPE_A,      TYPE_NSEC3PARAM};
    int len = 0;
    uint32_t count = test_random(seed) % 4;
    for (uint32_t i = 0; i < count; i++) {
        len +=
            snprintf(text + len, 200 - (size_t)len, "%s.", labels[test_random(seed) % LEN(labels)]);
    }
    snprintf(text + len, 200 - (size_t)len, "example.");
    return (struct question){.type = types[test_random(seed) % LEN(types)], .class_ = CLASS_IN};
}

/* Whatever is asked, the validator finds the answer secure, or insecure for the reason that there
 * is: an unsigned delegation, or a span of opt-out. */
static void check_random(enum zone_denial denial)
{
    struct world_of_zones zones;
    open_zones(&zones, denial);
    struct trust_anchor anchor = {.zone = zones.options[0].name,
                                  .type = TYPE_DNSKEY,
                                  .rdata = zones.parent_keys.keys[0].signing.dnskey.rdata};
    uint64_t seed = 20260801 + (uint64_t)denial;
    size_t secure = 0;
    for (int i = 0; i < 400; i++) {
        char text[200];
        struct name_buffer buffer;
        struct question question = random_question(&seed, text);
        question.name = test_name(text, &buffer);
        bool is_unsigned =
            strstr(text, "plain.example.") != NULL || strstr(text, "deep.ent2.example.") != NULL;
        bool is_above_anchor = question.type == TYPE_DS && question.name.label_count == 1;
        if (strstr(text, "deep.ent2.example.") != NULL || is_above_anchor) {
            continue; /* a referral is no answer to judge; the anchor has nothing above it */
        }
        struct judgement judgement = test_judge(zones.all, &anchor, question);
        bool may_be_insecure = is_unsigned || denial == ZONE_NSEC3_OPT_OUT;
        secure += judgement.verdict == VERDICT_SECURE;
        if (judgement.verdict != VERDICT_SECURE &&
            !(judgement.verdict == VERDICT_INSECURE && may_be_insecure)) {
            fail_msg("denial %d, %s %u: %s: %s", denial, text, question.type,
                     verdict_text(judgement.verdict), judgement.reason);
        }
    }
    assert_true(secure > (denial == ZONE_NSEC3_OPT_OUT ? 60 : 150));
    close_zones(&zones);
}

static void test_random_nsec(void **state)
{
    (void)state;
    check_random(ZONE_NSEC);
}
static void test_random_nsec3(void **state)
{
    (void)state;
    check_random(ZONE_NSEC3);
}
static void test_random_opt_out(void **state)
{
    (void)state;
    check_random(ZONE_NSEC3_OPT_OUT);
}

/* Referrals carry a DS or the proof that there is none, in each kind of zone. */
static void test_referral_proofs(void **state)
{
    (void)state;
    static const char *const names[] = {"x.plain.example.", "x.deep.ent2.example."};
    static const uint8_t cut_labels[] = {2, 3};
    for (int denial = ZONE_NSEC; denial <= ZONE_NSEC3_OPT_OUT; denial++) {
        struct world_of_zones zones;
        open_zones(&zones, (enum zone_denial)denial);
        for (size_t i = 0; i < LEN(names); i++) {
            struct arena arena;
            struct name_buffer buffer;
            struct message answer;
            const struct rrset *proof[8];
            size_t count = 0;
            arena_open(&arena, 1 << 20);
            struct question question = {test_name(names[i], &buffer), TYPE_A, CLASS_IN};
            test_ask(zones.parent_only, TRANSPORT_UDP, question, true, &arena, &answer);
            const struct message_section *authority = &answer.sections[SECTION_AUTHORITY];
            for (size_t j = 0; j < authority->count && count < LEN(proof); j++) {
                uint16_t type = authority->rrsets[j].type;
                if (type == TYPE_NSEC || type == TYPE_NSEC3) {
                    proof[count++] = &authority->rrsets[j];
                }
            }
            struct denial_budget budget = {CHAIN_HASHES_MAX};
            char reason[VERDICT_REASON_MAX];
            struct denial_question asked = {.kind = DENIAL_DS,
                                            .zone = zones.options[0].name,
                                            .name = name_ancestor(question.name, cut_labels[i]),
                                            .type = TYPE_DS};
            enum denial_result result = denial_check(&asked, proof, count, &budget, reason);
            bool is_opt_out = denial == ZONE_NSEC3_OPT_OUT;
            assert_int_equal(result, is_opt_out ? DENIAL_PROVED_OPT_OUT : DENIAL_PROVED);
            arena_close(&arena);
        }
        close_zones(&zones);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_both_sides_of_a_cut),
        cmocka_unit_test(test_random_nsec),    cmocka_unit_test(test_random_nsec3),
        cmocka_unit_test(test_random_opt_out), cmocka_unit_test(test_referral_proofs),
        cmocka_unit_test(test_many_servers),   cmocka_unit_test(test_signatures_of_an_alias),
        cmocka_unit_test(test_any_as_hinfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
