/* Time, lives and the test's own hands: takes the next thing that happens, gives it to the node it
 * happens to, and carries out what that node wants. */
#include "world/sim/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_PRIME_SHIFT = 40, TRACE_PRIME_LOW = 0x1b3, CONTROL_WAIT_S = 600 };
static const uint64_t TRACE_START = 0xcbf29ce484222325u; /* FNV-1a */

uint64_t sim_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

bool sim_chance(struct sim *sim, uint32_t percent)
{
    return sim_random(&sim->random) % 100 < percent;
}

int64_t sim_delay_ns(struct sim *sim)
{
    uint32_t spread_us = sim->options.delay_max_us - sim->options.delay_min_us;
    uint64_t more_us = sim_random(&sim->random) % ((uint64_t)spread_us + 1);
    return ((int64_t)sim->options.delay_min_us + (int64_t)more_us) * 1000;
}

static void random_fill(void *self, void *bytes, size_t len)
{
    struct sim_node *node = self;
    uint8_t *out = bytes;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(sim_random(&node->random) >> 56);
    }
}

static void log_write(void *self, enum log_level level, const char *sentence)
{
    const struct sim_node *node = self;
    if (node->sim->options.is_loud) {
        fprintf(stderr, "%9.3f %s %d: %s\n", (double)node->sim->now.mono_ns / 1e9, node->name,
                (int)level, sentence);
    }
}

/* ------------------------------------------------------------------ trace */

static void trace_bytes(struct sim *sim, struct span bytes)
{
    static const uint64_t prime = (1ull << TRACE_PRIME_SHIFT) + TRACE_PRIME_LOW;
    for (size_t i = 0; i < bytes.len; i++) {
        sim->trace = (sim->trace ^ bytes.bytes[i]) * prime;
    }
}

static void trace_number(struct sim *sim, uint64_t number)
{
    trace_bytes(sim, span_of(&number, sizeof number));
}

static void trace_event(struct sim *sim, size_t node, const struct event *event)
{
    trace_number(sim, (uint64_t)sim->now.mono_ns);
    trace_number(sim, node);
    trace_number(sim, (uint64_t)event->kind);
    switch (event->kind) {
    case EVENT_TIMER:
        trace_number(sim, event->timer);
        break;
    case EVENT_QUERY:
        trace_number(sim, event->query.channel);
        trace_bytes(sim, event->query.message);
        break;
    case EVENT_ROOM:
        trace_number(sim, event->room.channel);
        trace_number(sim, event->room.is_closed);
        break;
    case EVENT_ANSWER:
        trace_number(sim, event->answer.ask);
        trace_number(sim, (uint64_t)event->answer.outcome);
        trace_bytes(sim, event->answer.message);
        break;
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
        trace_number(sim, event->epp.session);
        trace_bytes(sim, event->epp.frame);
        break;
    case EVENT_HTTP:
        trace_bytes(sim, event->http.target);
        trace_bytes(sim, event->http.body);
        break;
    case EVENT_CONTROL:
        trace_bytes(sim, event->control.line);
        break;
    case EVENT_MAIL:
        trace_number(sim, event->mail.mail);
        trace_number(sim, (uint64_t)event->mail.outcome);
        break;
    case EVENT_START:
    case EVENT_STOP:
    case EVENT_RELOAD:
    case EVENT_METRICS:
    case EVENT_KIND_COUNT:
        break;
    }
}

uint64_t sim_trace(const struct sim *sim)
{
    return sim->trace;
}

/* ------------------------------------------------------------------ actions */

struct sim_action *sim_action_add(struct sim *sim, struct sim_action action, int64_t at_ns,
                                  struct span bytes)
{
    struct sim_action *added = malloc(sizeof *added);
    require(added != NULL);
    *added = action;
    if (bytes.len > 0) {
        added->bytes = malloc(bytes.len);
        require(added->bytes != NULL);
        memcpy(added->bytes, bytes.bytes, bytes.len);
        added->len = bytes.len;
    }
    heap_set(&sim->actions, &added->item, at_ns);
    return added;
}

void sim_action_drop(struct sim *sim, struct sim_action *action)
{
    heap_remove(&sim->actions, &action->item);
    free(action->bytes);
    free(action);
}

static void timer_set(struct sim *sim, size_t index, const struct effect_timer *timer)
{
    struct sim_node *node = &sim->nodes[index];
    struct sim_action *old = table_remove(&node->timers, timer->timer);
    if (old != NULL) {
        sim_action_drop(sim, old);
    }
    if (timer->at_mono_ns != TIMER_NEVER_NS) {
        int64_t at_ns = timer->at_mono_ns > sim->now.mono_ns ? timer->at_mono_ns : sim->now.mono_ns;
        struct sim_action action = {.kind = SIM_TIMER, .node = index, .number = timer->timer};
        table_set(&node->timers, timer->timer, sim_action_add(sim, action, at_ns, SPAN_EMPTY));
    }
}

static void outside_end(struct sim *sim, uint64_t number, enum status outcome, struct span bytes)
{
    if (sim->outside.number == number && !sim->outside.is_over) {
        sim->outside.is_over = true;
        sim->outside.outcome = outcome;
        enum status status = arena_copy(sim->outside.arena, bytes, &sim->outside.bytes);
        require(status == OK);
    }
}

static void http_take(struct sim *sim, const struct effect_http *http)
{
    struct effect_http *response = sim->outside.http;
    if (sim->outside.number != http->request || response == NULL) {
        return;
    }
    outside_end(sim, http->request, OK, http->body);
    *response = *http;
    response->body = sim->outside.bytes;
    for (size_t i = 0; i < http->field_count; i++) {
        enum status status =
            arena_copy(sim->outside.arena, http->fields[i].name, &response->fields[i].name);
        require(status == OK);
        status = arena_copy(sim->outside.arena, http->fields[i].value, &response->fields[i].value);
        require(status == OK);
    }
}

static void effect_do(struct sim *sim, size_t node, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_REPLY:
        sim_net_reply(sim, node, &effect->reply);
        break;
    case EFFECT_HANG_UP:
        sim_net_hang_up(sim, node, effect->channel);
        break;
    case EFFECT_AWAIT_ROOM:
        sim_net_await_room(sim, node, effect->channel);
        break;
    case EFFECT_ASK:
        sim_net_ask(sim, node, &effect->ask);
        break;
    case EFFECT_ASK_DONE:
        sim_net_ask_done(sim, node, effect->ask_done);
        break;
    case EFFECT_TIMER:
        timer_set(sim, node, &effect->timer);
        break;
    case EFFECT_EPP_OPEN:
        sim_epp_open(sim, node, &effect->epp);
        break;
    case EFFECT_EPP_SEND:
        sim_epp_send(sim, node, &effect->epp);
        break;
    case EFFECT_EPP_CLOSE:
        sim_epp_close(sim, node, &effect->epp);
        break;
    case EFFECT_HTTP:
        http_take(sim, &effect->http);
        break;
    case EFFECT_CONTROL:
        outside_end(sim, effect->control.request, effect->control.is_failure ? REFUSED : OK,
                    effect->control.text);
        break;
    case EFFECT_MAIL:
        sim_mail_take(sim, node, &effect->mail);
        break;
    case EFFECT_METRICS:
    case EFFECT_KIND_COUNT:
        break;
    }
}

void sim_deliver(struct sim *sim, size_t index, struct event *event)
{
    if (index == SIM_OUTSIDE) {
        require(event->kind == EVENT_ANSWER);
        outside_end(sim, event->answer.ask, event->answer.outcome, event->answer.message);
        return;
    }
    struct sim_node *node = &sim->nodes[index];
    if (!node->is_alive) {
        return;
    }
    event->now = sim->now;
    trace_event(sim, index, event);
    outbox_reset(&node->outbox);
    node->service.handle(node->service.state, event, &node->outbox);
    for (size_t i = 0; i < node->outbox.count && !node->is_dying; i++) {
        effect_do(sim, index, &node->outbox.effects[i]);
    }
    if (node->is_dying) {
        sim_crash(sim, index);
    }
}

void sim_step(struct sim *sim)
{
    struct sim_action *action = (struct sim_action *)heap_first(&sim->actions);
    require(action != NULL);
    int64_t passed_ns = action->item.at - sim->now.mono_ns;
    if (passed_ns > 0) {
        sim->now.mono_ns += passed_ns;
        sim->now.wall_ns += passed_ns;
        sim->instant_events = 0;
    }
    require(sim->instant_events++ < SIM_INSTANT_EVENTS_MAX);
    heap_remove(&sim->actions, &action->item);
    switch (action->kind) {
    case SIM_TIMER:
        table_remove(&sim->nodes[action->node].timers, action->number);
        sim_deliver(sim, action->node,
                    &(struct event){.kind = EVENT_TIMER, .timer = action->number});
        break;
    case SIM_QUERY:
    case SIM_ANSWER:
    case SIM_ROOM:
        sim_net_act(sim, action);
        break;
    case SIM_EPP_OPENED:
    case SIM_EPP_FRAME:
    case SIM_EPP_CLOSED:
        sim_epp_act(sim, action);
        break;
    case SIM_MAIL:
        if (sim_is_life(sim, action->node, action->life)) {
            struct event event = {.kind = EVENT_MAIL,
                                  .mail = {action->number, action->outcome, SPAN_LITERAL("done")}};
            sim_deliver(sim, action->node, &event);
        }
        break;
    case SIM_CRASH:
        sim_crash(sim, action->node);
        break;
    case SIM_STOP:
        sim_stop(sim, action->node);
        break;
    case SIM_START:
        sim_start(sim, action->node);
        break;
    }
    sim_action_drop(sim, action);
}

struct moment sim_now(const struct sim *sim)
{
    return sim->now;
}

void sim_run(struct sim *sim, int64_t duration_ns)
{
    int64_t end_ns = sim->now.mono_ns + duration_ns;
    for (const struct heap_item *first = heap_first(&sim->actions);
         first != NULL && first->at <= end_ns; first = heap_first(&sim->actions)) {
        sim_step(sim);
    }
    sim->now.wall_ns += end_ns - sim->now.mono_ns;
    sim->now.mono_ns = end_ns;
}

void sim_set_loss(struct sim *sim, uint32_t loss_percent, uint32_t repeat_percent)
{
    sim->options.loss_percent = loss_percent;
    sim->options.repeat_percent = repeat_percent;
}

/* ------------------------------------------------------------------ lives */

struct sim *sim_open(const struct sim_options *options)
{
    require(options->delay_min_us <= options->delay_max_us);
    struct sim *sim = calloc(1, sizeof *sim);
    require(sim != NULL);
    sim->options = *options;
    sim->now = (struct moment){options->wall_s * MOMENT_NS_PER_S, MOMENT_NS_PER_S};
    sim->random = options->seed;
    sim->trace = TRACE_START;
    sim->number_next = 1;
    return sim;
}

size_t sim_add_node(struct sim *sim, const char *name, struct sim_life life)
{
    require(sim->node_count < SIM_NODES_MAX && strlen(name) < SIM_NAME_SIZE);
    struct sim_node *node = &sim->nodes[sim->node_count];
    node->sim = sim;
    snprintf(node->name, sizeof node->name, "%s", name);
    node->life = life;
    node->random = sim_random(&sim->random);
    node->entropy = (struct entropy){random_fill, node};
    node->log = (struct log){log_write, node};
    outbox_open(&node->outbox, SIM_SCRATCH_MAX);
    return sim->node_count++;
}

void sim_listen(struct sim *sim, size_t index, struct address address)
{
    struct sim_node *node = &sim->nodes[index];
    require(index < sim->node_count && node->address_count < SIM_ADDRESSES_MAX);
    node->addresses[node->address_count++] = address;
}

const struct entropy *sim_entropy(struct sim *sim, size_t node)
{
    return &sim->nodes[node].entropy;
}

const struct log *sim_log(struct sim *sim, size_t node)
{
    return &sim->nodes[node].log;
}

bool sim_is_alive(const struct sim *sim, size_t node)
{
    return sim->nodes[node].is_alive;
}

uint32_t sim_life_count(const struct sim *sim, size_t node)
{
    return sim->nodes[node].lives;
}

bool sim_is_life(const struct sim *sim, size_t node, uint32_t life)
{
    return node == SIM_OUTSIDE || (sim->nodes[node].is_alive && sim->nodes[node].lives == life);
}

void sim_start(struct sim *sim, size_t index)
{
    struct sim_node *node = &sim->nodes[index];
    require(index < sim->node_count);
    if (node->is_alive) {
        return;
    }
    node->lives++;
    node->service = node->life.open(node->life.user, sim->now);
    if (node->service.handle == NULL) {
        sim_records_forget(node);
        node->is_dying = node->has_fuse = false;
        return;
    }
    node->is_alive = true;
    sim_deliver(sim, index, &(struct event){.kind = EVENT_START});
}

void sim_crash(struct sim *sim, size_t index)
{
    struct sim_node *node = &sim->nodes[index];
    if (!node->is_alive) {
        return;
    }
    node->is_alive = false;
    node->is_dying = false;
    node->has_fuse = false;
    for (struct sim_action *timer = table_any(&node->timers); timer != NULL;
         timer = table_any(&node->timers)) {
        table_remove(&node->timers, timer->number);
        sim_action_drop(sim, timer);
    }
    sim_net_forget(sim, index);
    sim_records_forget(node);
    outbox_reset(&node->outbox);
    node->life.close(node->life.user);
}

void sim_stop(struct sim *sim, size_t node)
{
    sim_deliver(sim, node, &(struct event){.kind = EVENT_STOP});
    sim_crash(sim, node);
}

void sim_reload(struct sim *sim, size_t node)
{
    sim_deliver(sim, node, &(struct event){.kind = EVENT_RELOAD});
}

static void end_in(struct sim *sim, struct sim_action end, int64_t wait_ns, int64_t down_ns)
{
    struct sim_action start = {.kind = SIM_START, .node = end.node};
    int64_t at_ns = sim->now.mono_ns + wait_ns;
    sim_action_add(sim, end, at_ns, SPAN_EMPTY);
    sim_action_add(sim, start, at_ns + down_ns, SPAN_EMPTY);
}

void sim_crash_in(struct sim *sim, size_t node, int64_t wait_ns, int64_t down_ns)
{
    end_in(sim, (struct sim_action){.kind = SIM_CRASH, .node = node}, wait_ns, down_ns);
}

void sim_stop_in(struct sim *sim, size_t node, int64_t wait_ns, int64_t down_ns)
{
    end_in(sim, (struct sim_action){.kind = SIM_STOP, .node = node}, wait_ns, down_ns);
}

void sim_crash_at_write(struct sim *sim, size_t node, uint32_t writes)
{
    sim->nodes[node].has_fuse = true;
    sim->nodes[node].writes_left = writes;
}

void sim_fail_at_write(struct sim *sim, size_t node, uint32_t writes, uint32_t faults)
{
    sim->nodes[node].good_left = writes;
    sim->nodes[node].faults_left = faults;
}

uint32_t sim_write_count(const struct sim *sim, size_t node)
{
    return sim->nodes[node].writes;
}

void sim_close(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        sim_crash(sim, i);
        outbox_close(&sim->nodes[i].outbox);
        table_close(&sim->nodes[i].timers);
        for (size_t j = 0; j < sim->nodes[i].folder_count; j++) {
            sim_disk_close(&sim->nodes[i].folders[j]);
        }
    }
    sim_net_forget(sim, SIM_OUTSIDE);
    for (struct heap_item *item = heap_first(&sim->actions); item != NULL;
         item = heap_first(&sim->actions)) {
        sim_action_drop(sim, (struct sim_action *)item);
    }
    heap_close(&sim->actions);
    table_close(&sim->exchanges);
    table_close(&sim->links);
    sim_mail_close(sim);
    free(sim);
}

/* ------------------------------------------------------------------ from outside */

static uint64_t outside_begin(struct sim *sim, struct arena *arena)
{
    uint64_t number = sim->number_next++;
    sim->outside.number = number;
    sim->outside.is_over = false;
    sim->outside.outcome = CLOSED;
    sim->outside.arena = arena;
    sim->outside.bytes = SPAN_EMPTY;
    sim->outside.http = NULL;
    return number;
}

enum status sim_ask(struct sim *sim, const struct sim_question *question, struct arena *arena,
                    struct span *answer)
{
    struct effect_ask ask = {.ask = outside_begin(sim, arena),
                             .transport = question->transport,
                             .server = question->server,
                             .message = question->message,
                             .timeout_ms = question->timeout_ms};
    sim_net_ask(sim, SIM_OUTSIDE, &ask);
    while (!sim->outside.is_over) {
        sim_step(sim);
    }
    sim_net_ask_done(sim, SIM_OUTSIDE, ask.ask);
    *answer = sim->outside.bytes;
    return sim->outside.outcome;
}

/* Until the node has answered, or died. */
static enum status outside_wait(struct sim *sim, size_t node, uint32_t life)
{
    int64_t end_ns = sim->now.mono_ns + (int64_t)CONTROL_WAIT_S * MOMENT_NS_PER_S;
    while (!sim->outside.is_over && sim_is_life(sim, node, life)) {
        if (heap_first(&sim->actions) == NULL || heap_first(&sim->actions)->at > end_ns) {
            return TIMED_OUT;
        }
        sim_step(sim);
    }
    return sim->outside.outcome;
}

enum status sim_control(struct sim *sim, size_t node, const char *line, struct arena *arena,
                        struct span *text)
{
    uint32_t life = sim->nodes[node].lives;
    struct event event = {.kind = EVENT_CONTROL,
                          .control = {outside_begin(sim, arena), span_of_text(line)}};
    sim_deliver(sim, node, &event);
    enum status status = outside_wait(sim, node, life);
    *text = sim->outside.bytes;
    return status;
}

enum status sim_http(struct sim *sim, size_t node, const struct event_http *request,
                     struct arena *arena, struct effect_http *response)
{
    uint32_t life = sim->nodes[node].lives;
    struct event event = {.kind = EVENT_HTTP, .http = *request};
    event.http.request = outside_begin(sim, arena);
    sim->outside.http = response;
    *response = (struct effect_http){0};
    sim_deliver(sim, node, &event);
    return outside_wait(sim, node, life);
}
