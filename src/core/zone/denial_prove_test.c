/* What the prover proves and the checker accepts is the truth: over random zones of each kind of
 * denial, every name there and many that are not, every kind of question, true and false. The truth
 * is found by looking at all records in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/denial_prove.h"
#include "core/zone/test_random_zone.h"

enum {
    NOW = 1785542400, /* 2026-08-01T00:00:00Z */
    ZONES = 340,      /* of each kind of denial */
    ABSENT_NAMES = 60 /* drawn for each zone */
};

static const uint16_t TYPES[] = {TYPE_A, TYPE_TXT, TYPE_MX, TYPE_DS, TYPE_NS, TYPE_DNAME};

/* The zone as a list of records. */
struct truth {
    struct test_record records[2 * LINES_MAX];
    size_t count;
    struct name apex;
    struct name_buffer apex_buffer;
};

static void truth_read(struct truth *truth, const struct universe *universe)
{
    truth->count = 0;
    truth->apex = test_name("example.", &truth->apex_buffer);
    for (size_t i = 0; i < universe->count; i++) {
        for (size_t j = 0; j < 2 && universe->is_in[i] && universe->lines[i][j][0] != '\0'; j++) {
            test_record_read(universe->lines[i][j], &truth->records[truth->count++]);
        }
    }
}

static bool owns(const struct truth *truth, struct name name, uint16_t type)
{
    for (size_t i = 0; i < truth->count; i++) {
        if (truth->records[i].type == type && name_equal(truth->records[i].owner, name)) {
            return true;
        }
    }
    return name_equal(name, truth->apex) && (type == TYPE_SOA || type == TYPE_NS);
}

static bool owns_any(const struct truth *truth, struct name name)
{
    for (size_t i = 0; i < truth->count; i++) {
        if (name_equal(truth->records[i].owner, name)) {
            return true;
        }
    }
    return false;
}

static bool is_cut(const struct truth *truth, struct name name)
{
    return owns(truth, name, TYPE_NS) && !name_equal(name, truth->apex);
}

/* Below a cut or a DNAME. */
static bool is_hidden(const struct truth *truth, struct name name)
{
    while (name.label_count > truth->apex.label_count) {
        name = name_parent(name);
        if (is_cut(truth, name) || owns(truth, name, TYPE_DNAME)) {
            return true;
        }
    }
    return false;
}

/* It owns something, or has something below it. */
static bool exists(const struct truth *truth, struct name name)
{
    if (is_hidden(truth, name)) {
        return false;
    }
    for (size_t i = 0; i < truth->count; i++) {
        if (name_is_at_or_below(truth->records[i].owner, name) &&
            (name_equal(truth->records[i].owner, name) ||
             (!is_cut(truth, name) && !owns(truth, name, TYPE_DNAME)))) {
            return true;
        }
    }
    return name_equal(name, truth->apex);
}

static struct name encloser_of(const struct truth *truth, struct name name)
{
    while (!exists(truth, name)) {
        name = name_parent(name);
    }
    return name;
}

static bool is_true(const struct truth *truth, const struct denial_question *question)
{
    struct name name = question->name;
    /* The DS of the apex is the parent's to deny. */
    if (is_hidden(truth, name) || (question->type == TYPE_DS && name_equal(name, truth->apex))) {
        return false;
    }
    bool is_there = exists(truth, name);
    struct name encloser = encloser_of(truth, name);
    struct name_buffer buffer;
    struct name wildcard;
    bool has_wildcard =
        name_make_wildcard(encloser, &buffer, &wildcard) == OK && exists(truth, wildcard);
    switch (question->kind) {
    case DENIAL_NAME:
        return !is_there && !has_wildcard;
    case DENIAL_TYPE:
        /* At a cut the parent speaks of DS alone. */
        if (is_there) {
            return !owns(truth, name, question->type) &&
                   (!is_cut(truth, name) || question->type == TYPE_DS);
        }
        return has_wildcard && !owns(truth, wildcard, question->type);
    case DENIAL_DS:
        return is_cut(truth, name) && !owns(truth, name, TYPE_DS);
    case DENIAL_CLOSER_NAME:
        return !is_there && encloser.label_count == question->encloser_labels;
    }
    return false;
}

struct counts {
    size_t questions, proved;
};

static void ask(const struct zone *zone, const struct truth *truth, enum zone_denial denial,
                const struct denial_question *question, struct counts *counts)
{
    struct denial_proof proof;
    const struct rrset *rrsets[DENIAL_PROOF_MAX];
    denial_prove(zone, question, &proof);
    assert_int_equal(proof.type, denial == ZONE_NSEC ? TYPE_NSEC : TYPE_NSEC3);
    for (size_t i = 0; i < proof.count; i++) {
        rrsets[i] = zone_node_rrset(proof.nodes[i], proof.type);
        assert_non_null(rrsets[i]);
    }
    struct denial_budget budget = {1000};
    char reason[VERDICT_REASON_MAX] = "";
    enum denial_result result = denial_check(question, rrsets, proof.count, &budget, reason);
    bool expected = is_true(truth, question);
    bool is_proved = result == DENIAL_PROVED || result == DENIAL_PROVED_OPT_OUT;
    bool is_fine = expected == is_proved;
    /* Plainly proved where nothing may be left out. */
    if (denial != ZONE_NSEC3_OPT_OUT && result == DENIAL_PROVED_OPT_OUT) {
        is_fine = false;
    }
    /* An opt-out span says nothing of what may be left out, and the answer is insecure: then more
     * can be "proved" than is true, but not as secure (RFC 5155 §12.2.1). */
    if (denial == ZONE_NSEC3_OPT_OUT && !expected && result == DENIAL_PROVED_OPT_OUT) {
        is_fine = true;
    }
    if (!is_fine) {
        char name[NAME_TEXT_MAX];
        fail_msg("question of kind %d about %s, type %u, encloser %u: %s, but result %d: %s",
                 question->kind, name_print(question->name, name), question->type,
                 question->encloser_labels, expected ? "true" : "false", result, reason);
    }
    counts->questions++;
    counts->proved += is_proved;
}

static void ask_all(const struct zone *zone, const struct truth *truth, enum zone_denial denial,
                    struct name name, struct counts *counts)
{
    struct denial_question question = {.zone = truth->apex, .name = name};
    question.kind = DENIAL_NAME;
    ask(zone, truth, denial, &question, counts);
    question.kind = DENIAL_DS;
    question.type = TYPE_DS;
    ask(zone, truth, denial, &question, counts);
    question.kind = DENIAL_TYPE;
    for (size_t i = 0; i < LEN(TYPES); i++) {
        question.type = TYPES[i];
        ask(zone, truth, denial, &question, counts);
    }
    question.kind = DENIAL_CLOSER_NAME;
    question.type = 0;
    /* Asked where a wildcard made an answer, with a signature that says from where. */
    for (uint8_t labels = truth->apex.label_count; labels < name.label_count; labels++) {
        struct name_buffer buffer;
        struct name wildcard;
        question.encloser_labels = labels;
        if (name_make_wildcard(name_ancestor(name, labels), &buffer, &wildcard) == OK &&
            owns_any(truth, wildcard) && !is_hidden(truth, wildcard)) {
            ask(zone, truth, denial, &question, counts);
        }
    }
}

static void ask_of_zone(struct universe *universe, const struct test_keys *keys,
                        enum zone_denial denial, struct counts *counts)
{
    static const char *const others[] = {"0", "aa", "bz", "e", "zz", "a", "b", "ns", "*"};
    static struct truth truth;
    const struct zone_sign_policy policy = {.denial = denial};
    struct zone *data = make_zone(universe);
    struct zone *zone = test_sign(data, NULL, keys, &policy, NOW);
    truth_read(&truth, universe);
    for (size_t i = 0; i < truth.count; i++) {
        struct name owner = truth.records[i].owner;
        for (uint8_t labels = 1; labels <= owner.label_count; labels++) {
            ask_all(zone, &truth, denial, name_ancestor(owner, labels), counts);
        }
    }
    for (int i = 0; i < ABSENT_NAMES; i++) {
        char text[NAME_TEXT_MAX] = "example.";
        char longer[NAME_TEXT_MAX];
        struct name_buffer buffer;
        uint32_t depth = 1 + draw(universe, 4);
        if (truth.count > 0 && draw(universe, 2) == 0) { /* near a name that is there */
            name_print(truth.records[draw(universe, (uint32_t)truth.count)].owner, text);
            depth = 1;
        }
        for (; depth > 0; depth--) {
            snprintf(longer, sizeof longer, "%s.%.900s", others[draw(universe, LEN(others))], text);
            memcpy(text, longer, sizeof text);
        }
        ask_all(zone, &truth, denial, test_name(text, &buffer), counts);
    }
    zone_release(zone);
    zone_release(data);
}

static void ask_of_zones(enum zone_denial denial)
{
    struct universe *universe = calloc(1, sizeof *universe);
    assert_non_null(universe);
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, true);
    const char *wanted = getenv("SEED");
    uint64_t seed = wanted == NULL ? 20261124 : strtoull(wanted, NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    struct counts counts = {0};
    for (uint64_t i = 0; i < ZONES; i++) {
        draw_lines(universe, seed * 1000003 + i * 7919 + 1);
        ask_of_zone(universe, &keys, denial, &counts);
    }
    print_message("%d zones, %zu questions, %zu proved\n", ZONES, counts.questions, counts.proved);
    assert_true(counts.proved > counts.questions / 10 && counts.proved < counts.questions);
    test_keys_close(&keys);
    free(universe);
}

static void test_nsec(void **state)
{
    (void)state;
    ask_of_zones(ZONE_NSEC);
}

static void test_nsec3(void **state)
{
    (void)state;
    ask_of_zones(ZONE_NSEC3);
}

static void test_opt_out(void **state)
{
    (void)state;
    ask_of_zones(ZONE_NSEC3_OPT_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nsec),
        cmocka_unit_test(test_nsec3),
        cmocka_unit_test(test_opt_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
