/* The list of effects of one event. */
#include "core/node/outbox.h"

#include <stdlib.h>

enum { OUTBOX_EFFECTS_MAX = 100000 };

void outbox_open(struct outbox *outbox, size_t scratch_size_max)
{
    *outbox = (struct outbox){0};
    arena_open(&outbox->scratch, scratch_size_max);
}

struct effect *outbox_add(struct outbox *outbox, enum effect_kind kind)
{
    require(outbox->count < OUTBOX_EFFECTS_MAX);
    if (outbox->count == outbox->size) {
        size_t size = outbox->size == 0 ? 16 : outbox->size * 2;
        struct effect *effects = realloc(outbox->effects, size * sizeof *effects);
        require(effects != NULL);
        outbox->effects = effects;
        outbox->size = size;
    }
    struct effect *effect = &outbox->effects[outbox->count++];
    *effect = (struct effect){.kind = kind};
    return effect;
}

void outbox_reply(struct outbox *outbox, uint64_t channel, struct span message)
{
    struct span copy;
    if (arena_copy(&outbox->scratch, message, &copy) != OK) {
        return; /* the peer will ask again; memory is bounded, the event is not */
    }
    outbox_add(outbox, EFFECT_REPLY)->reply =
        (struct effect_reply){.channel = channel, .message = copy};
}

void outbox_timer(struct outbox *outbox, uint64_t timer, int64_t at_mono_ns)
{
    outbox_add(outbox, EFFECT_TIMER)->timer = (struct effect_timer){timer, at_mono_ns};
}

void outbox_metrics(struct outbox *outbox, const struct metrics *metrics)
{
    outbox_add(outbox, EFFECT_METRICS)->metrics =
        (struct effect_metrics){metrics->rows, metrics->count};
}

void outbox_reset(struct outbox *outbox)
{
    outbox->count = 0;
    arena_reset(&outbox->scratch);
}

void outbox_close(struct outbox *outbox)
{
    free(outbox->effects);
    arena_close(&outbox->scratch);
    *outbox = (struct outbox){0};
}
