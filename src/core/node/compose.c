/* Numbers of timers and asks, made unique among the members by counting in steps of their count. */
#include "core/node/compose.h"

void compose_open(struct compose *compose, const struct node *members, size_t count,
                  size_t scratch_size_max)
{
    require(count > 0 && count <= COMPOSE_MEMBERS_MAX);
    *compose = (struct compose){.count = count};
    for (size_t i = 0; i < count; i++) {
        compose->members[i] = members[i];
        outbox_open(&compose->outboxes[i], scratch_size_max);
    }
}

void compose_close(struct compose *compose)
{
    for (size_t i = 0; i < compose->count; i++) {
        outbox_close(&compose->outboxes[i]);
    }
}

void compose_begin(struct compose *compose)
{
    for (size_t i = 0; i < compose->count; i++) {
        outbox_reset(&compose->outboxes[i]);
    }
}

void compose_send(struct compose *compose, size_t member, const struct event *event)
{
    require(member < compose->count);
    compose->members[member].handle(compose->members[member].state, event,
                                    &compose->outboxes[member]);
}

static uint64_t *number_in_event(struct event *event)
{
    return event->kind == EVENT_TIMER    ? &event->timer
           : event->kind == EVENT_ANSWER ? &event->answer.ask
           : event->kind == EVENT_MAIL   ? &event->mail.mail
                                         : NULL;
}

size_t compose_find(const struct compose *compose, struct event *event)
{
    uint64_t *number = number_in_event(event);
    require(number != NULL);
    size_t member = (size_t)(*number % compose->count);
    *number /= compose->count;
    return member;
}

static uint64_t *number_in_effect(struct effect *effect)
{
    return effect->kind == EFFECT_TIMER      ? &effect->timer.timer
           : effect->kind == EFFECT_ASK      ? &effect->ask.ask
           : effect->kind == EFFECT_ASK_DONE ? &effect->ask_done
           : effect->kind == EFFECT_MAIL     ? &effect->mail.mail
                                             : NULL;
}

void compose_end(struct compose *compose, struct outbox *outbox)
{
    for (size_t member = 0; member < compose->count; member++) {
        struct outbox *from = &compose->outboxes[member];
        for (size_t i = 0; i < from->count; i++) {
            struct effect *effect = outbox_add(outbox, from->effects[i].kind);
            *effect = from->effects[i];
            uint64_t *number = number_in_effect(effect);
            if (number != NULL) {
                require(*number <= (UINT64_MAX - member) / compose->count);
                *number = *number * compose->count + member;
            }
        }
        from->count = 0;
    }
}
