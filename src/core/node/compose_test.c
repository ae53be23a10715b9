/* Members of a composition: what one sets comes back to it, under its own number. */
#include "core/node/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct member {
    uint64_t number; /* it sets a timer and an ask with this number at the start */
    uint64_t seen;   /* the number of the last timer or answer */
};

static void handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct member *member = state;
    if (event->kind == EVENT_START) {
        outbox_timer(outbox, member->number, 5);
        outbox_add(outbox, EFFECT_ASK)->ask.ask = member->number;
    } else {
        member->seen = event->kind == EVENT_TIMER ? event->timer : event->answer.ask;
    }
}

static void test_numbers_lead_back(void **state)
{
    (void)state;
    struct member members[3] = {{.number = 7}, {.number = 7}, {.number = 0}};
    const struct node nodes[3] = {
        {handle, &members[0]}, {handle, &members[1]}, {handle, &members[2]}};
    struct compose compose;
    struct outbox outbox;
    compose_open(&compose, nodes, 3, 1 << 16);
    outbox_open(&outbox, 1 << 16);
    compose_begin(&compose);
    struct event start = {.kind = EVENT_START};
    for (size_t i = 0; i < 3; i++) {
        compose_send(&compose, i, &start);
    }
    compose_end(&compose, &outbox);
    assert_int_equal(outbox.count, 6);
    for (size_t i = 0; i < outbox.count; i++) {
        for (size_t j = 0; j < i; j++) { /* no two timers and no two asks share a number */
            bool is_same_kind = outbox.effects[i].kind == outbox.effects[j].kind;
            assert_false(is_same_kind &&
                         outbox.effects[i].timer.timer == outbox.effects[j].timer.timer);
        }
    }
    struct event timer = {.kind = EVENT_TIMER, .timer = outbox.effects[2].timer.timer};
    size_t member = compose_find(&compose, &timer);
    assert_int_equal(member, 1);
    compose_begin(&compose);
    compose_send(&compose, member, &timer);
    assert_int_equal(members[1].seen, 7);
    assert_int_equal(members[0].seen, 0);
    outbox_close(&outbox);
    compose_close(&compose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_lead_back)};
    return cmocka_run_group_tests_name("core/node/compose", tests, NULL, NULL);
}
