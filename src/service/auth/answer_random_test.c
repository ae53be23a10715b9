/* Zones made at random, with wildcards, aliases, delegations and empty names at every depth: what
 * the server says of any name and type in them, our own validator finds secure, or insecure where
 * the span of an opt-out leaves no other way. With a number as argument the zones are others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/auth/auth_test.h"

enum { NAMES = 36, ZONES = 5, RANDOM_QUESTIONS = 150, TEXT_MAX = 100 };

static uint64_t first_seed = 1;

struct random_zone {
    uint64_t seed;
    enum zone_denial denial;
    char names[NAMES][TEXT_MAX];
    size_t name_count;
    struct test_keys keys;
    struct zone *zone;
    struct name_buffer apex_buffer;
    struct trust_anchor anchor;
    struct auth *auth;
    size_t secure, insecure, referrals, names_denied, quick;
};

static const char *draw_label(uint64_t *seed)
{
    static const char *const labels[] = {"a", "b", "c", "d", "e", "*", "m", "z"};
    return labels[test_random(seed) % LEN(labels)];
}

static void draw_name(uint64_t *seed, uint32_t depth_max, char text[TEXT_MAX])
{
    int len = 0;
    for (uint32_t i = test_random(seed) % depth_max + 1; i > 0; i--) {
        len += snprintf(text + len, TEXT_MAX - (size_t)len, "%s.", draw_label(seed));
    }
    snprintf(text + len, TEXT_MAX - (size_t)len, "example.");
}

static bool is_taken(const struct random_zone *zone, const char *text)
{
    for (size_t i = 0; i < zone->name_count; i++) {
        if (strcmp(zone->names[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* What a name owns. Aliases lead to names that are there, are not, or are made from wildcards. */
static void fill_name(struct random_zone *zone, struct zone_builder *builder, const char *owner)
{
    char line[3 * TEXT_MAX];
    char target[TEXT_MAX];
    bool is_wildcard = owner[0] == '*';
    draw_name(&zone->seed, 3, target);
    switch (test_random(&zone->seed) % 8) {
    case 0:
        snprintf(line, sizeof line, "%s CNAME %s", owner, target);
        break;
    case 1:
        snprintf(line, sizeof line, is_wildcard ? "%s TXT %s" : "%s DNAME %s", owner, target);
        break;
    case 2:
        snprintf(line, sizeof line, is_wildcard ? "%s MX 1 %s" : "%s NS %s", owner, target);
        break;
    case 3:
        if (!is_wildcard) {
            snprintf(line, sizeof line, "%s DS 1 13 2 %064d", owner, 7);
            test_add(builder, line);
        }
        snprintf(line, sizeof line, is_wildcard ? "%s TXT %s" : "%s NS %s", owner, target);
        break;
    case 4:
        snprintf(line, sizeof line, "%s TXT \"text\"", owner);
        test_add(builder, line);
        snprintf(line, sizeof line, "%s AAAA 2001:db8::1", owner);
        break;
    default:
        snprintf(line, sizeof line, "%s A 192.0.2.1", owner);
        break;
    }
    test_add(builder, line);
}

static void open_zone(struct random_zone *zone, uint64_t seed, enum zone_denial denial)
{
    static uint64_t entropy_seed = 1;
    static const struct entropy entropy = {test_fill, &entropy_seed};
    *zone = (struct random_zone){.seed = seed * 0x9e3779b97f4a7c15u + 1, .denial = denial};
    struct zone_builder *builder = test_change("example.", NULL);
    test_add(builder, "example. SOA ns.example. h.example. 1 3600 600 86400 300");
    test_add(builder, "example. NS ns.example.");
    while (zone->name_count < NAMES) {
        char *text = zone->names[zone->name_count];
        draw_name(&zone->seed, 4, text);
        if (!is_taken(zone, text)) {
            fill_name(zone, builder, text);
            zone->name_count++;
        }
    }
    struct zone *plain = zone_build_finish(builder);
    struct zone_sign_policy policy = {.denial = denial};
    test_keys_add(&zone->keys, ALGORITHM_ECDSAP256SHA256, true, true);
    zone->zone = test_sign(plain, NULL, &zone->keys, &policy, AUTH_TEST_NOW_S);
    zone_release(plain);
    zone->anchor = (struct trust_anchor){.zone = test_name("example.", &zone->apex_buffer),
                                         .type = TYPE_DNSKEY,
                                         .rdata = zone->keys.keys[0].signing.dnskey.rdata};
    struct auth_zone_options options = {.name = zone->anchor.zone, .fixed = zone->zone};
    struct auth_options server = {.zones = &options, .zone_count = 1, .entropy = &entropy};
    assert_int_equal(auth_open(&server, &zone->auth, NULL), OK);
}

static void close_zone(struct random_zone *zone)
{
    auth_close(zone->auth);
    zone_release(zone->zone);
    test_keys_close(&zone->keys);
}

/* The owner of the NS in a referral, a CNAME before it or not. */
static bool find_referral(const struct message *answer, struct name *cut)
{
    const struct message_section *authority = &answer->sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        if (authority->rrsets[i].type == TYPE_NS) {
            *cut = authority->rrsets[i].owner;
            return true;
        }
    }
    return false;
}

/* Aliases that lead to each other without end, or to a name that is too long: they come neither to
 * data nor to a denial. */
static bool is_endless(const struct message *answer)
{
    const struct message_section *section = &answer->sections[SECTION_ANSWER];
    const struct message_section *authority = &answer->sections[SECTION_AUTHORITY];
    bool has_end = section->count == 0;
    for (size_t i = 0; i < section->count; i++) { /* data comes last */
        uint16_t type = section->rrsets[i].type;
        has_end = type == TYPE_RRSIG ? has_end : type == answer->question.type;
    }
    for (size_t i = 0; i < authority->count; i++) {
        has_end |= authority->rrsets[i].type == TYPE_SOA || authority->rrsets[i].type == TYPE_NS;
    }
    return answer->rcode == RCODE_YXDOMAIN || !has_end;
}

/* A referral has the DS, or the proof that there is none. */
static bool is_referral_proved(const struct random_zone *zone, const struct message *answer,
                               struct name cut)
{
    const struct message_section *authority = &answer->sections[SECTION_AUTHORITY];
    const struct rrset *proof[8];
    size_t count = 0;
    for (size_t i = 0; i < authority->count && count < LEN(proof); i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        if (rrset->type == TYPE_DS) {
            return name_equal(rrset->owner, cut);
        }
        if (rrset->type == TYPE_NSEC || rrset->type == TYPE_NSEC3) {
            proof[count++] = rrset;
        }
    }
    struct denial_budget budget = {CHAIN_HASHES_MAX};
    char reason[VERDICT_REASON_MAX];
    struct denial_question asked = {
        .kind = DENIAL_DS, .zone = zone->anchor.zone, .name = cut, .type = TYPE_DS};
    enum denial_result result = denial_check(&asked, proof, count, &budget, reason);
    return result == DENIAL_PROVED ||
           (result == DENIAL_PROVED_OPT_OUT && zone->denial == ZONE_NSEC3_OPT_OUT);
}

static bool has_rrset(const struct message_section *section, const struct rrset *rrset)
{
    for (size_t i = 0; i < section->count; i++) {
        if (section->rrsets[i].ttl_s == rrset->ttl_s && rrset_equal(&section->rrsets[i], rrset)) {
            return true;
        }
    }
    return false;
}

static bool is_same_answer(const struct message *a, const struct message *b)
{
    bool is_same = a->rcode == b->rcode && a->flags == b->flags && a->id == b->id &&
                   a->edns.is_present == b->edns.is_present &&
                   a->edns.udp_size == b->edns.udp_size &&
                   a->edns.wants_dnssec == b->edns.wants_dnssec;
    for (int i = 0; i < SECTION_COUNT; i++) {
        is_same = is_same && a->sections[i].count == b->sections[i].count;
        for (size_t j = 0; is_same && j < a->sections[i].count; j++) {
            is_same = has_rrset(&b->sections[i], &a->sections[i].rrsets[j]);
        }
    }
    return is_same;
}

/* What is answered the short way is what the careful way says. */
static void check_short_way(struct random_zone *zone, struct question question, bool wants_dnssec,
                            uint16_t udp_size)
{
    uint8_t asked[600];
    uint8_t reply[4096];
    char name[NAME_TEXT_MAX];
    struct outbox outbox;
    struct arena arena;
    struct message quick, careful;
    struct span query =
        message_make_query(asked, sizeof asked, 99, FLAG_RD, question, wants_dnssec, udp_size);
    struct datagram datagram = {.peer = {.family = ADDRESS_IPV4, .port = 40000},
                                .message = query,
                                .reply = reply,
                                .reply_size = sizeof reply};
    auth_answer(zone->auth, test_moment(0), &datagram, 1);
    if (datagram.reply_len == 0) {
        return;
    }
    zone->quick++;
    arena_open(&arena, 1 << 20);
    outbox_open(&outbox, 4 << 20);
    test_send(zone->auth, TRANSPORT_UDP, query, &outbox);
    struct span answer = test_effect(&outbox, EFFECT_REPLY, 0)->reply.message;
    assert_int_equal(message_read(answer, &arena, &careful), OK);
    assert_int_equal(message_read(span_of(reply, datagram.reply_len), &arena, &quick), OK);
    if (!is_same_answer(&quick, &careful)) {
        fail_msg("denial %d, %s %u, DO %d, size %u: the two ways differ", zone->denial,
                 name_print(question.name, name), question.type, wants_dnssec, udp_size);
    }
    outbox_close(&outbox);
    arena_close(&arena);
}

static void check_short_ways(struct random_zone *zone, struct question question)
{
    check_short_way(zone, question, false, 0);
    check_short_way(zone, question, false, 1232);
    check_short_way(zone, question, true, 512);
    check_short_way(zone, question, true, 1232);
}

static void check_question(struct random_zone *zone, const char *text, uint16_t type)
{
    struct name_buffer buffer;
    struct name cut;
    struct arena arena;
    struct message answer;
    struct question question = {test_name(text, &buffer), type, CLASS_IN};
    char type_text[TYPE_TEXT_MAX];
    check_short_ways(zone, question);
    arena_open(&arena, 4 << 20);
    test_ask(zone->auth, TRANSPORT_TCP, question, true, &arena, &answer);
    if (is_endless(&answer)) {
        arena_close(&arena);
        return;
    }
    if (find_referral(&answer, &cut)) {
        zone->referrals++;
        if (!is_referral_proved(zone, &answer, cut)) {
            fail_msg("denial %d, %s %s: the referral has no proof", zone->denial, text,
                     type_print(type, type_text));
        }
        arena_close(&arena);
        return;
    }
    struct judgement judgement = test_judge(zone->auth, &zone->anchor, question);
    zone->names_denied += answer.rcode == RCODE_NXDOMAIN;
    zone->secure += judgement.verdict == VERDICT_SECURE;
    zone->insecure += judgement.verdict == VERDICT_INSECURE;
    bool may_be_insecure = zone->denial == ZONE_NSEC3_OPT_OUT;
    if (judgement.verdict != VERDICT_SECURE &&
        !(judgement.verdict == VERDICT_INSECURE && may_be_insecure)) {
        fail_msg("denial %d, %s %s, %s: %s: %s", zone->denial, text, type_print(type, type_text),
                 rcode_text(answer.rcode), verdict_text(judgement.verdict), judgement.reason);
    }
    arena_close(&arena);
}

/* The owners of NSEC3 RRs, and what would stand below them, are no names of the zone. */
static void check_hashes(struct random_zone *zone)
{
    struct zone_cursor cursor;
    const struct zone_node *node;
    struct name_buffer buffer;
    bool has_wildcard = zone_has_name(zone->zone, test_name("*.example.", &buffer));
    size_t asked = 0;
    zone_walk(zone->zone, &cursor);
    while (asked < 2 * 8 && (node = zone_walk_next(&cursor)) != NULL) {
        char owner[NAME_TEXT_MAX];
        char below[NAME_TEXT_MAX + 2];
        if (zone_node_rrset(node, TYPE_NSEC3) != NULL) {
            snprintf(below, sizeof below, "x.%s", name_print(node->owner, owner));
            check_question(zone, owner, asked % 4 == 0 ? TYPE_NSEC3 : TYPE_A);
            check_question(zone, below, TYPE_A);
            asked += 2;
            assert_true(has_wildcard || zone->names_denied == asked);
        }
    }
}

static void check_zone(uint64_t seed, enum zone_denial denial)
{
    static const uint16_t types[] = {TYPE_A, TYPE_TXT, TYPE_NS, TYPE_DS, TYPE_CNAME, TYPE_DNAME};
    struct random_zone zone;
    open_zone(&zone, seed, denial);
    for (size_t i = 0; i < zone.name_count; i++) {
        for (size_t j = 0; j < LEN(types); j++) {
            check_question(&zone, zone.names[i], types[j]);
        }
    }
    for (int i = 0; i < RANDOM_QUESTIONS; i++) {
        char text[TEXT_MAX];
        draw_name(&zone.seed, 5, text);
        check_question(&zone, text, types[test_random(&zone.seed) % LEN(types)]);
    }
    assert_true(zone.secure > 0 && zone.referrals > 0 && zone.quick > 0);
    zone.names_denied = 0;
    check_hashes(&zone);
    close_zone(&zone);
}

static void check_zones(enum zone_denial denial)
{
    for (uint64_t seed = first_seed; seed < first_seed + ZONES; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        check_zone(seed, denial);
    }
}

static void test_nsec(void **state)
{
    (void)state;
    check_zones(ZONE_NSEC);
}
static void test_nsec3(void **state)
{
    (void)state;
    check_zones(ZONE_NSEC3);
}
static void test_opt_out(void **state)
{
    (void)state;
    check_zones(ZONE_NSEC3_OPT_OUT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nsec),
        cmocka_unit_test(test_nsec3),
        cmocka_unit_test(test_opt_out),
    };
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
