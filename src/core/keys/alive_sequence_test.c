/* The sequences that the specification of the life of keys expects, each step at its time: allowed
 * then, and refused at every moment before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/keys/alive_fixture.h"

enum { STEPS_MAX = 10 };

struct step {
    int64_t at_s; /* the first moment at which it is allowed, after the step before */
    const char *change;
};

struct sequence {
    const char *goal;
    const char *start;
    bool is_strict;
    struct step steps[STEPS_MAX];
    int64_t done_s;
};

static const struct alive_times TIMES = {.ds_s = 86400,
                                         .keys_s = 3600,
                                         .zone_s = 86400,
                                         .ns_s = 86400,
                                         .apex_s = 3600,
                                         .negative_parent_s = 900,
                                         .negative_child_s = 3600,
                                         .parent_delay_s = 3600,
                                         .child_delay_s = 300};

/* The old NS set is dead 3600 + 86400 + 3600 seconds after the new one was decided. */
static const struct sequence SEQUENCES[] = {
    {"enable", "D=- K=- S=-", true, {{0, "K=a1,a3/a1"}, {0, "S=a3"}, {86700, "D=a1"}}, 91200},
    {"ZSK roll: pre-publication of RFC 7583 §3.2.1",
     "D=a1 K=a1,a3/a1 S=a3",
     true,
     {{0, "K=a1,a3,a4/a1"}, {3900, "S=a4"}, {90600, "K=a1,a4/a1"}},
     94500},
    {"KSK roll: double-KSK of RFC 7583 §3.3.1",
     "D=a1 K=a1,a3/a1 S=a3",
     true,
     {{0, "K=a1,a2,a3/a1,a2"}, {3900, "D=a2"}, {93900, "K=a2,a3/a2"}},
     97800},
    {"KSK roll, cannot sign with the old key: double-DS of RFC 7583 §3.3.2",
     "D=a1 K=a1,a3/a1 S=a3",
     true,
     {{0, "D=a1,a2"}, {90000, "K=a2,a3/a2"}, {93900, "D=a2"}},
     187500},
    {"KSK and ZSK at once",
     "D=a1 K=a1,a3/a1 S=a3",
     true,
     {{0, "K=a1,a2,a3,a4/a1,a2"}, {3900, "D=a2"}, {3900, "S=a4"}, {93900, "K=a2,a4/a2"}},
     97800},
    {"CSK roll",
     "D=a1 K=a1/a1 S=a1",
     true,
     {{0, "K=a1,a2/a1,a2"}, {3900, "D=a2"}, {3900, "S=a2"}, {93900, "K=a2/a2"}},
     97800},
    {"algorithm roll, C3 on: conservative of RFC 6781 §4.1.4",
     "D=a1 K=a1,a3/a1 S=a3",
     true,
     {{0, "S=a3,b3"},
      {86700, "K=a1,a3,b1,b3/a1,b1"},
      {90600, "D=b1"},
      {180600, "K=b1,b3/b1"},
      {184500, "S=b3"}},
     271200},
    {"algorithm roll, C3 off: liberal",
     "D=a1 K=a1,a3/a1 S=a3",
     false,
     {{0, "S=a3,b3"},
      {0, "K=a1,a3,b1,b3/a1,b1"},
      {86700, "D=b1"},
      {176700, "K=b1,b3/b1"},
      {180300, "S=b3"}},
     267000},
    {"disable", "D=a1 K=a1,a3/a1 S=a3", true, {{0, "D=-"}, {93600, "S=-"}, {93600, "K=-"}}, 180300},
    {"move from P to Q, both help: RFC 6781 §4.3.5.1, RFC 8901 model 2",
     "D=a1 K=a1/a1 S=a1 K@1=- S@1=-",
     true,
     {{0, "K@1=a1,a2/a2"},
      {0, "S@1=a2"},
      {0, "K=a1,a2/a1"},
      {0, "D=a1,a2"},
      {90000, "N=1"},
      {270000, "K@1=a2/a2"},
      {270000, "D=a2"}},
     363600},
    {"join: both providers are named",
     "D=a1 K=a1/a1 S=a1 K@1=- S@1=-",
     true,
     {{0, "K@1=a1,a2/a2"}, {0, "S@1=a2"}, {0, "K=a1,a2/a1"}, {0, "D=a1,a2"}, {90000, "N=0,1"}},
     93600}, /* the old NS set is held on, but leads nowhere that the new one does not */
    {"part: one of two providers is left",
     "N=0,1 D=a1,a2 K=a1,a2/a1 S=a1 K@1=a1,a2/a2 S@1=a2",
     true,
     {{0, "N=1"}, {180000, "K@1=a2/a2"}, {180000, "D=a2"}},
     273600},
    {"move without help: RFC 6781 §4.3.5.2, insecure meanwhile",
     "D=a1 K=a1/a1 S=a1 K@1=a2/a2 S@1=a2",
     true,
     {{0, "D=-"}, {93600, "N=1"}, {273600, "D=a2"}},
     278100},
};

static void play(const struct sequence *sequence)
{
    struct alive_fixture fixture;
    fixture_open(&fixture, &TIMES);
    fixture.safe.is_strict = sequence->is_strict;
    fixture_begin(&fixture, sequence->start);
    for (size_t i = 0; i < STEPS_MAX && sequence->steps[i].change != NULL; ++i) {
        const struct step *step = &sequence->steps[i];
        struct safe_change change = fixture_word(&fixture, step->change);
        while (!fixture_ask(&fixture, &change).is_safe) {
            if (!fixture_wait(&fixture, CACHES_FOREVER - 1)) {
                fail_msg("%s: %s is never allowed", sequence->goal, step->change);
            }
        }
        if (fixture.now_s != step->at_s) {
            fail_msg("%s: %s is allowed at %lld, expected %lld", sequence->goal, step->change,
                     (long long)fixture.now_s, (long long)step->at_s);
        }
        fixture_make(&fixture, &change);
    }
    while (!fixture_is_at_rest(&fixture) && fixture_wait(&fixture, CACHES_FOREVER - 1)) {
    }
    if (fixture.now_s != sequence->done_s) {
        fail_msg("%s: done at %lld, expected %lld", sequence->goal, (long long)fixture.now_s,
                 (long long)sequence->done_s);
    }
}

static void sequences_come_out_as_listed(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(SEQUENCES); ++i) {
        play(&SEQUENCES[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sequences_come_out_as_listed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
