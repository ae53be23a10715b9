/* The safety predicate, sentence by sentence of its specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/keys/caches_fixture.h"

struct state_case {
    const char *why;
    const char *caches;
    bool is_strict;
    bool is_safe;
    uint32_t only_without; /* this clause left out, the fault is not seen; 0: not asked */
};

static const struct state_case STATES[] = {
    {"an unsigned zone", "D=- K=- S=-", true, true, 0},
    {"a signed zone with its DS", "D=a1 K=a1/a1 S=a1", true, true, 0},
    {"KSK and ZSK", "D=a1 K=a1,a2/a1 S=a2", true, true, 0},
    {"absence of DS never makes anything bogus, whatever else is", "D=- K=b1/a1 S=a2", true, true,
     0},
    {"smallest catch of C1", "D=a1 K=a2/a2 S=a2", true, false, SAFE_DS_SIGNS},
    {"C1: the key with the DS is published and does not sign the DNSKEY set",
     "D=a1 K=a1,a2/a2 S=a2", true, false, SAFE_DS_SIGNS},
    {"smallest catch of C2, with C3 off", "D=a1 K=a1/a1 S=-", false, false, 0},
    {"C2: the data is signed by a key that is not published", "D=a1 K=a1/a1 S=a2", false, false, 0},
    {"C2: only one of two algorithms of the DS set signs the data",
     "D=a1,b1 K=a1,b1/a1,b1 ~S=a1 S=a1,b1", false, false, SAFE_DATA},
    {"smallest catch of C3", "D=a1 K=a1,b1/a1 S=a1", true, false, 0},
    {"C3's data half: the DNSKEY set is signed by both", "D=a1 K=a1,b1/a1,b1 S=a1", true, false,
     SAFE_ALGORITHM_DATA},
    {"C3's DNSKEY half: D={a}, K={a,b}/a, S={a,b} breaks RFC 4035 §2.2", "D=a1 K=a1,b1/a1 S=a1,b1",
     true, false, SAFE_ALGORITHM_KEYS},
    {"a standby DS of another algorithm, its key not published", "D=a1,b1 K=a1/a1 S=a1", true,
     false, 0},
    {"C3 off: across caches the liberal algorithm roll is allowed",
     "D=a1 ~K=a1/a1 K=a1,b1/a1,b1 ~S=a1 S=a1,b1", false, true, 0},
    {"C3 on: across caches it is not", "D=a1 ~K=a1/a1 K=a1,b1/a1,b1 ~S=a1 S=a1,b1", true, false,
     SAFE_ALGORITHM_DATA},
    {"C3 off: what is published now must hold all the same", "D=a1 K=a1,b1/a1,b1 S=a1", false,
     false, SAFE_ALGORITHM_DATA},
    {"digest types: DS by algorithm only is bogus for BIND and strict Unbound",
     "D=a1.1,a2.2 K=a1/a1 S=a1", true, false, SAFE_DIGEST_TYPES},
    {"digest types: both keys sign", "D=a1.1,a2.2 K=a1,a2/a1,a2 S=a1", true, true, 0},
    {"digest types: one key by two", "D=a1.1,a1.2 K=a1/a1 S=a1", true, true, 0},
    {"an old DS set counts", "~D=a1 D=a2 K=a2/a2 S=a2", true, false, SAFE_OLD_VERSIONS},
    {"an old DNSKEY set counts", "D=a1 ~K=- K=a1/a1 S=a1", true, false, SAFE_OLD_VERSIONS},
    {"old unsigned data counts", "D=a1 K=a1/a1 ~S=- S=a1", true, false, SAFE_OLD_VERSIONS},
    {"a chain outlives its DS: unsigned data", "D=- K=a1/a1 S=- C=a1:a1", true, false, SAFE_CHAINS},
    {"a chain needs nothing of the DNSKEY set now", "D=- K=- S=a1 C=a1:a1", true, true, 0},
    {"a chain does not ask who signed its DNSKEY set", "D=- K=- S=a1 C=a1:a1,a2/a2", true, true, 0},
    {"a chain's data half of C3", "D=b1 K=b1/b1 S=b1 C=b1:a1,b1", true, false, SAFE_ALGORITHM_DATA},
    {"a chain's data half of C3, off", "D=b1 K=b1/b1 S=b1 C=b1:a1,b1", false, true, 0},
    {"several mixes in one zone, each good", "D=a1 K=a1,a2,a3/a1 S=a2 S=a3", true, true, 0},
    {"several mixes in one zone, one bad", "D=a1 K=a1,a2/a1 S=a2 S=a3", true, false, 0},
    {"CDS signed by the KSK alone is one more mix", "D=a1 K=a2,a3/a2 ~S=a1 S=a3", true, false, 0},
    {"two sources: K from one, S from the other", "N=0,1 D=a1,a2 K=a1/a1 S=a1 K@1=a1,a2/a2 S@1=a2",
     true, false, 0},
    {"two sources: K must have all, each signed by its own source",
     "N=0,1 D=a1,a2 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2", true, true, 0},
    {"two sources of which one is not reached", "N=0 D=a1 K=a1/a1 S=a1 K@1=b1/b1 S@1=b1", true,
     true, 0},
};

static struct safe_policy policy_of(bool is_strict, uint32_t without)
{
    return (struct safe_policy){.is_strict = is_strict, .clauses = SAFE_ALL & ~without};
}

static void states_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(STATES); ++i) {
        const struct state_case *row = &STATES[i];
        struct caches caches = fixture_caches(row->caches);
        struct safe_policy policy = policy_of(row->is_strict, 0);
        if (safe_state(&caches, &policy).is_safe != row->is_safe) {
            fail_msg("%s: %s", row->why, row->caches);
        }
        policy = policy_of(row->is_strict, row->only_without);
        if (row->only_without != 0 && !safe_state(&caches, &policy).is_safe) {
            fail_msg("%s: found without the clause", row->why);
        }
    }
}

struct change_case {
    const char *why;
    const char *caches;
    const char *change;
    bool is_strict;
    bool is_safe;
};

static const struct change_case CHANGES[] = {
    {"enable: the DS while unsigned data is still held", "D=- K=a1/a1 ~S=- S=a1", "D=a1", true,
     false},
    {"enable: the DS while the empty DNSKEY set is still held", "D=- ~K=- K=a1/a1 S=a1", "D=a1",
     true, false},
    {"enable: both are dead", "D=- K=a1/a1 S=a1", "D=a1", true, true},
    {"ZSK: the new one signs before it is published everywhere",
     "D=a1 ~K=a1,a2/a1 K=a1,a2,a3/a1 S=a2", "S=a3", true, false},
    {"ZSK: pre-published", "D=a1 K=a1,a2,a3/a1 S=a2", "S=a3", true, true},
    {"ZSK: the old one leaves while its data is held", "D=a1 K=a1,a2,a3/a1 ~S=a2 S=a3",
     "K=a1,a3/a1", true, false},
    {"ZSK: the old one leaves", "D=a1 K=a1,a2,a3/a1 S=a3", "K=a1,a3/a1", true, true},
    {"KSK: the DS before the key is everywhere", "D=a1 ~K=a1,a3/a1 K=a1,a2,a3/a1,a2 S=a3", "D=a2",
     true, false},
    {"KSK: the DS after", "D=a1 K=a1,a2,a3/a1,a2 S=a3", "D=a2", true, true},
    {"KSK: the old one leaves while its DS is held", "~D=a1 D=a2 K=a1,a2,a3/a1,a2 S=a3",
     "K=a2,a3/a2", true, false},
    {"KSK, cannot sign with the old one: both DS, then swap", "D=a1,a2 K=a1,a3/a1 S=a3",
     "K=a2,a3/a2", true, true},
    {"algorithm: keys before signatures", "D=a1 K=a1/a1 ~S=a1 S=a1,b1", "K=a1,b1/a1,b1", true,
     false},
    {"algorithm: signatures before keys", "D=a1 K=a1/a1 S=a1,b1", "K=a1,b1/a1,b1", true, true},
    {"algorithm, C3 off: at once is not what checkers accept", "D=a1 K=a1/a1 S=a1", "K=a1,b1/a1,b1",
     false, false},
    {"algorithm, C3 off: K as soon as S is published", "D=a1 K=a1/a1 ~S=a1 S=a1,b1",
     "K=a1,b1/a1,b1", false, true},
    {"algorithm: the old algorithm's signatures outlive its DS by the DNSKEY set",
     "D=b1 K=b1/b1 S=a1,b1 C=a1:a1,b1", "S=b1", false, false},
    {"disable: unsigned while the DS is held", "~D=a1 D=- K=a1/a1 S=a1", "S=-", true, false},
    {"disable: unsigned while a chain is held", "D=- K=a1/a1 S=a1 C=a1:a1", "S=-", true, false},
    {"disable: the DNSKEY set may go while a chain is held", "D=- K=a1/a1 S=a1 C=a1:a1", "K=-",
     true, true},
    {"disable: all is dead", "D=- K=a1/a1 S=a1", "S=-", true, true},
    {"disable: the DS may always go", "D=a1 K=a1/a1 S=a1", "D=-", true, true},
    {"re-sign in parts: each new mix must be good", "D=a1 K=a1,a2/a1 S=a2", "S=a2+a1", true, true},
    {"re-sign in parts: one is not", "D=a1 K=a1,a2/a1 S=a2", "S=a2+a3", true, false},
    {"move: NS before the loser has the winner's key", "D=a1,a2 K=a1/a1 S=a1 K@1=a1,a2/a2 S@1=a2",
     "N=1", true, false},
    {"move: NS while the loser's old DNSKEY set is held",
     "D=a1,a2 ~K=a1/a1 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2", "N=1", true, false},
    {"move: NS while the old DS set is held", "~D=a1 D=a1,a2 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2",
     "N=1", true, false},
    {"move: both help, all dead", "D=a1,a2 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2", "N=1", true, true},
    {"move: the winner still serves unsigned data somewhere",
     "D=a1,a2 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2 ~S@1=-", "N=1", true, false},
    {"move: the loser's DS goes while its data is held", "N=1 D=a1,a2 K@1=a1,a2/a2 S@1=a2 ~S@1=a1",
     "D=a2", true, true},
    {"a source that is not reached may serve anything", "D=a1 K=a1/a1 S=a1 K@1=a2/a2 S@1=a2",
     "S@1=-", true, true},
    {"union rule, two sources: the winner's set at its goal is stuck",
     "D=a1,a2 K=a1,a2/a1 S=a1 K@1=a2/a2 S@1=a2", "N=1", true, false},
    {"move: what the winner serves is not known", "D=a1 K=a1/a1 S=a1", "N=1", true, false},
    {"move: what the winner serves is not known, and there is no DS", "D=- K=a1/a1 S=a1", "N=1",
     true, true},
    /* Doing no harm. */
    {"broken start: no DNSKEY set under a DS; the DS may go", "D=a1 K=- S=-", "D=-", true, true},
    {"broken start: the keys may come back", "D=a1 K=- S=-", "K=a1/a1", true, true},
    {"broken start: data may be signed", "D=a1 K=- S=-", "S=a1", true, true},
    {"broken start: what holds for some caches must not be broken", "D=a1 ~K=a1/a1 K=- S=a1", "S=-",
     true, false},
    {"broken start: broken for some validators, it may not become so for others",
     "D=a1,b1 K=a1/a1 S=a1", "S=b1", true, false},
    {"broken start: a move may not break it for others", "D=a1,b1 K=a1/a1 S=a1 K@1=b1/b1 S@1=b1",
     "N=1", true, false},
    {"broken start: a move may mend it", "D=a2 K=a1/a1 S=a1 K@1=a2/a2 S@1=a2", "N=1", true, true},
    {"broken start: a move from what is broken for some to what is for none",
     "D=a1,b1 K=a1/a1 S=a1 K@1=a1,b1/a1,b1 S@1=a1,b1", "N=1", true, true},
    {"levels apart: a zone that violates C3 only may not become truly bogus",
     "D=a1 K=a1,b1/a1 S=a1", "S=b1", true, false},
    {"levels apart: a zone that violates C3 only may be mended", "D=a1 K=a1,b1/a1 S=a1", "K=a1/a1",
     true, true},
    {"levels apart: the change that keeps it lenient and broken for C3 is no harm",
     "D=a1 K=a1,a2,b1/a1 S=a1", "S=a2", true, true},
};

static void changes_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(CHANGES); ++i) {
        const struct change_case *row = &CHANGES[i];
        struct caches caches = fixture_caches(row->caches);
        struct safe_change change = fixture_change(&caches, row->change);
        struct safe_policy policy = policy_of(row->is_strict, 0);
        struct safe_verdict verdict = safe_change(&caches, &change, &policy);
        if (verdict.is_safe != row->is_safe) {
            char words[1024] = "";
            struct writer text = writer_over(words, sizeof words - 1);
            safe_explain(&caches, &verdict, &text);
            fail_msg("%s: %s, %s: %s", row->why, row->caches, row->change, words);
        }
    }
}

struct words_case {
    const char *caches;
    const char *change;
    const char *words;
};

static const struct words_case WORDS[] = {
    {"~D=a1 D=- K=a1/a1 S=a1", "N=1",
     "what source 1 serves is not known, and a resolver may hold the DS set {9701/13 digest type "
     "2}; until 1970-01-01T00:16:40Z"},
    {"D=a1 K=a1/a1 S=a1", "D=-", "every combination that caches may hold validates"},
    {"~D=a1 D=a2 K=a1,a2/a1,a2 S=a2", "K=a2/a2",
     "a resolver may hold the DS set {9701/13 digest type 2}, the DNSKEY set {9702/13} signed by "
     "{9702/13}, and data signed by {9702/13}: no key with a DS of algorithm 13 and digest type 2 "
     "is published and signs the DNSKEY set; bogus for every validator; until "
     "1970-01-01T00:16:40Z"},
    {"D=- K=a1/a1 S=a1 C=a1:a1", "S=-",
     "a resolver that has judged the DNSKEY set {9701/13} under the DS set {9701/13 digest type "
     "2}, which is gone, may hold it still, and data signed by {}: no published key of algorithm "
     "13, which the DS set names, signs the data; bogus for every validator; until "
     "1970-01-01T00:16:40Z"},
    {"D=a1,b1 K=a1,b1/a1,b1 S=a1,b1", "S=a1",
     "a resolver may hold the DS set {9701/13 digest type 2, 9801/8 digest type 2}, the DNSKEY "
     "set {9701/13, 9801/8} signed by {9701/13, 9801/8}, and data signed by {9701/13}: no "
     "published key of algorithm 8, which the DS set names, signs the data; bogus for validators "
     "that demand every algorithm of the DS set, or know only algorithm 8; waiting does not help, "
     "another change must come first"},
    {"D=a1 K=a1/a1 S=a1", "D=a1.1,a2.2",
     "a resolver may hold the DS set {9701/13 digest type 1, 9702/13 digest type 2}, the DNSKEY "
     "set {9701/13} signed by {9701/13}, and data signed by {9701/13}: no key with a DS of "
     "algorithm 13 and digest type 2 is published and signs the DNSKEY set; bogus for validators "
     "that heed only digest type 2, as those that ignore weaker ones do; waiting does not help, "
     "another change must come first"},
    {"D=a1 K=a1/a1 S=a1", "K=a1,b1/a1",
     "a resolver may hold the DS set {9701/13 digest type 2}, the DNSKEY set {9701/13, 9801/8} "
     "signed by {9701/13}, and data signed by {9701/13}: no key of the published algorithm 8 "
     "signs the DNSKEY set; an error for zone checkers, and bogus for validators that demand "
     "every published algorithm (RFC 4035 §2.2); waiting does not help, another change must come "
     "first"},
};

static void refusals_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(WORDS); ++i) {
        struct caches caches = fixture_caches(WORDS[i].caches);
        struct safe_change change = fixture_change(&caches, WORDS[i].change);
        struct safe_policy policy = policy_of(true, 0);
        struct safe_verdict verdict = safe_change(&caches, &change, &policy);
        char words[1024] = "";
        struct writer text = writer_over(words, sizeof words - 1);
        safe_explain(&caches, &verdict, &text);
        assert_string_equal(words, WORDS[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_judged),
        cmocka_unit_test(changes_are_judged),
        cmocka_unit_test(refusals_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
