/* The mail server: takes mails, keeps one of each Message-ID, and sometimes its acknowledgement is
 * lost on the way back, so that the sender tries again. */
#include "world/sim/inside.h"

#include <stdlib.h>
#include <string.h>

static char *text_keep(struct span text)
{
    char *kept = malloc(text.len + 1);
    require(kept != NULL);
    if (text.len > 0) {
        memcpy(kept, text.bytes, text.len);
    }
    kept[text.len] = '\0';
    return kept;
}

static struct sim_mail *mail_find(struct sim *sim, struct span message_id)
{
    for (size_t i = 0; i < sim->mails.count; i++) {
        if (span_equal(span_of_text(sim->mails.items[i].message_id), message_id)) {
            return &sim->mails.items[i];
        }
    }
    return NULL;
}

static struct sim_mail *mail_add(struct sim *sim, size_t node, const struct effect_mail *mail)
{
    if (sim->mails.count == sim->mails.size) {
        size_t size = sim->mails.size == 0 ? 16 : sim->mails.size * 2;
        sim->mails.items = realloc(sim->mails.items, size * sizeof *sim->mails.items);
        require(sim->mails.items != NULL);
        sim->mails.size = size;
    }
    struct sim_mail *added = &sim->mails.items[sim->mails.count++];
    *added = (struct sim_mail){.node = node,
                               .message_id = text_keep(mail->message_id),
                               .recipient = text_keep(mail->recipient),
                               .message = span_of(text_keep(mail->message), mail->message.len)};
    return added;
}

void sim_mail_take(struct sim *sim, size_t node, const struct effect_mail *mail)
{
    struct sim_mail *found = mail_find(sim, mail->message_id);
    found = found == NULL ? mail_add(sim, node, mail) : found;
    found->deliveries++;
    struct sim_action action = {.kind = SIM_MAIL,
                                .node = node,
                                .life = sim->nodes[node].lives,
                                .number = mail->mail,
                                .outcome =
                                    sim_chance(sim, sim->options.loss_percent) ? TIMED_OUT : OK};
    sim_action_add(sim, action, sim->now.mono_ns + sim_delay_ns(sim), SPAN_EMPTY);
}

void sim_mail_close(struct sim *sim)
{
    for (size_t i = 0; i < sim->mails.count; i++) {
        free((void *)(uintptr_t)sim->mails.items[i].message_id);
        free((void *)(uintptr_t)sim->mails.items[i].recipient);
        free((void *)(uintptr_t)sim->mails.items[i].message.bytes);
    }
    free(sim->mails.items);
}

size_t sim_mail_count(const struct sim *sim)
{
    return sim->mails.count;
}

struct sim_mail sim_mail_at(const struct sim *sim, size_t index)
{
    require(index < sim->mails.count);
    return sim->mails.items[index];
}
