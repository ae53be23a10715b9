/* What is on its way between nodes: datagrams, which may be lost or come twice and out of order;
 * streams and EPP sessions, which keep their order and end when a side dies. */
#include "world/sim/inside.h"

#include <stdlib.h>
#include <string.h>

static uint32_t life_of(const struct sim *sim, size_t node)
{
    return node == SIM_OUTSIDE ? 0 : sim->nodes[node].lives;
}

/* The node at that address; SIM_OUTSIDE when there is none. */
static size_t node_find(const struct sim *sim, struct address address, uint32_t *endpoint)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        for (size_t j = 0; j < sim->nodes[i].address_count; j++) {
            if (address_equal(sim->nodes[i].addresses[j], address)) {
                *endpoint = (uint32_t)j;
                return i;
            }
        }
    }
    return SIM_OUTSIDE;
}

static struct address address_of(struct sim *sim, size_t node)
{
    struct address from = {.family = ADDRESS_IPV4, .octets = {203, 0, 113, 1}};
    if (node != SIM_OUTSIDE && sim->nodes[node].address_count > 0) {
        from = sim->nodes[node].addresses[0];
    }
    uint64_t span = UINT16_MAX + 1 - SIM_PORT_FIRST;
    from.port = (uint16_t)(SIM_PORT_FIRST + sim_random(&sim->random) % span);
    return from;
}

/* When something sent now arrives behind all that was sent before. */
static int64_t arrival_in_order(struct sim *sim, int64_t *last_ns)
{
    int64_t at_ns = sim->now.mono_ns + sim_delay_ns(sim);
    *last_ns = at_ns > *last_ns ? at_ns : *last_ns + 1;
    return *last_ns;
}

/* ------------------------------------------------------------------ exchanges */

static void exchange_free(struct sim *sim, struct sim_exchange *exchange)
{
    table_remove(&sim->exchanges, exchange->number);
    if (exchange->timeout != NULL) {
        sim_action_drop(sim, exchange->timeout);
    }
    free(exchange);
}

/* One message of the exchange to one side; a datagram has its own fate. */
static void exchange_send(struct sim *sim, struct sim_exchange *exchange, enum sim_action_kind kind,
                          struct span message)
{
    struct sim_action action = {.kind = kind, .number = exchange->number};
    if (transport_is_stream(exchange->transport)) {
        sim_action_add(sim, action, arrival_in_order(sim, &exchange->last_ns), message);
        return;
    }
    if (!sim_chance(sim, sim->options.loss_percent)) {
        sim_action_add(sim, action, sim->now.mono_ns + sim_delay_ns(sim), message);
    }
    if (sim_chance(sim, sim->options.repeat_percent)) {
        sim_action_add(sim, action, sim->now.mono_ns + sim_delay_ns(sim), message);
    }
}

/* The stream ends for who asked, behind what was sent. */
static void exchange_end(struct sim *sim, struct sim_exchange *exchange, enum status outcome)
{
    struct sim_action action = {.kind = SIM_ANSWER, .number = exchange->number, .outcome = outcome};
    sim_action_add(sim, action, arrival_in_order(sim, &exchange->last_ns), SPAN_EMPTY);
}

void sim_net_ask(struct sim *sim, size_t client, const struct effect_ask *ask)
{
    struct sim_exchange *exchange = calloc(1, sizeof *exchange);
    require(exchange != NULL);
    *exchange = (struct sim_exchange){.number = sim->number_next++,
                                      .ask = ask->ask,
                                      .transport = ask->transport,
                                      .client = client,
                                      .client_life = life_of(sim, client),
                                      .from = address_of(sim, client)};
    exchange->server = node_find(sim, ask->server, &exchange->endpoint);
    exchange->server_life = life_of(sim, exchange->server);
    table_set(&sim->exchanges, exchange->number, exchange);
    struct sim_action timeout = {
        .kind = SIM_ANSWER, .number = exchange->number, .outcome = TIMED_OUT};
    int64_t wait_ns = (int64_t)ask->timeout_ms * MOMENT_NS_PER_MS;
    exchange->timeout = sim_action_add(sim, timeout, sim->now.mono_ns + wait_ns, SPAN_EMPTY);
    bool is_reached = exchange->server != SIM_OUTSIDE && sim->nodes[exchange->server].is_alive;
    if (is_reached) {
        exchange_send(sim, exchange, SIM_QUERY, ask->message);
    } else if (transport_is_stream(ask->transport)) {
        exchange_end(sim, exchange, REFUSED);
    }
}

static struct sim_exchange *exchange_find_ask(struct sim *sim, size_t client, uint64_t ask)
{
    for (size_t i = 0; i < sim->exchanges.size; i++) {
        struct sim_exchange *exchange = sim->exchanges.slots[i].value;
        if (exchange != NULL && exchange->client == client && exchange->ask == ask) {
            return exchange;
        }
    }
    return NULL;
}

void sim_net_ask_done(struct sim *sim, size_t client, uint64_t ask)
{
    struct sim_exchange *exchange = exchange_find_ask(sim, client, ask);
    if (exchange != NULL) {
        exchange_free(sim, exchange);
    }
}

void sim_net_reply(struct sim *sim, size_t server, const struct effect_reply *reply)
{
    struct sim_exchange *exchange = table_find(&sim->exchanges, reply->channel);
    if (exchange != NULL && exchange->server == server) {
        exchange_send(sim, exchange, SIM_ANSWER, reply->message);
    }
}

void sim_net_hang_up(struct sim *sim, size_t server, uint64_t channel)
{
    struct sim_exchange *exchange = table_find(&sim->exchanges, channel);
    if (exchange != NULL && exchange->server == server &&
        transport_is_stream(exchange->transport)) {
        exchange_end(sim, exchange, CLOSED);
    }
}

/* There is room when the last message has arrived; a stream that has ended tells it soon. */
void sim_net_await_room(struct sim *sim, size_t server, uint64_t channel)
{
    struct sim_exchange *exchange = table_find(&sim->exchanges, channel);
    struct sim_action action = {
        .kind = SIM_ROOM, .node = server, .life = life_of(sim, server), .number = channel};
    bool is_there = exchange != NULL && exchange->server == server;
    if (is_there && exchange->awaits_room) {
        return;
    }
    if (is_there) {
        exchange->awaits_room = true;
    }
    int64_t at_ns =
        is_there && exchange->last_ns > sim->now.mono_ns ? exchange->last_ns : sim->now.mono_ns;
    sim_action_add(sim, action, at_ns, SPAN_EMPTY);
}

static void room_act(struct sim *sim, const struct sim_action *action)
{
    struct sim_exchange *exchange = table_find(&sim->exchanges, action->number);
    bool is_there = exchange != NULL && exchange->server == action->node;
    if (is_there) {
        exchange->awaits_room = false;
    }
    if (sim_is_life(sim, action->node, action->life)) {
        sim_deliver(sim, action->node,
                    &(struct event){.kind = EVENT_ROOM,
                                    .room = {.channel = action->number, .is_closed = !is_there}});
    }
}

void sim_net_act(struct sim *sim, const struct sim_action *action)
{
    struct sim_exchange *exchange = table_find(&sim->exchanges, action->number);
    struct span message = span_of(action->bytes, action->len);
    if (action->kind == SIM_ROOM) {
        room_act(sim, action);
        return;
    }
    if (exchange == NULL) {
        return;
    }
    if (action->kind == SIM_QUERY) {
        if (exchange->server != SIM_OUTSIDE && /* it died while this was on its way */
            sim_is_life(sim, exchange->server, exchange->server_life)) {
            struct event event = {.kind = EVENT_QUERY,
                                  .query = {.channel = exchange->number,
                                            .transport = exchange->transport,
                                            .peer = exchange->from,
                                            .endpoint = exchange->endpoint,
                                            .message = message}};
            sim_deliver(sim, exchange->server, &event);
        }
        return;
    }
    struct event event = {.kind = EVENT_ANSWER,
                          .answer = {exchange->ask, action->outcome, message}};
    size_t client = exchange->client;
    if (action->outcome != OK) {
        if (exchange->timeout == action) {
            exchange->timeout = NULL; /* the step that brought us here frees it */
        }
        exchange_free(sim, exchange);
    }
    sim_deliver(sim, client, &event);
}

/* ------------------------------------------------------------------ EPP */

static size_t node_find_name(const struct sim *sim, struct span name)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        if (span_equal(span_of_text(sim->nodes[i].name), name)) {
            return i;
        }
    }
    return SIM_OUTSIDE;
}

static void link_send(struct sim *sim, struct sim_link *link, enum sim_side to,
                      struct sim_action action, struct span frame)
{
    action.number = link->number;
    action.node = link->nodes[to];
    action.life = link->lives[to];
    sim_action_add(sim, action, arrival_in_order(sim, &link->last_ns[to]), frame);
}

/* The session of a service: by its own number, on its side. */
static struct sim_link *link_find(struct sim *sim, size_t node, uint64_t session,
                                  enum sim_side *side)
{
    for (size_t i = 0; i < sim->links.size; i++) {
        struct sim_link *link = sim->links.slots[i].value;
        if (link == NULL) {
            continue;
        }
        if (link->nodes[SIM_SERVER] == node && link->number == session) {
            *side = SIM_SERVER;
            return link;
        }
        if (link->nodes[SIM_CLIENT] == node && link->client_number == session) {
            *side = SIM_CLIENT;
            return link;
        }
    }
    return NULL;
}

void sim_epp_open(struct sim *sim, size_t client, const struct effect_epp *effect)
{
    struct sim_link *link = calloc(1, sizeof *link);
    require(link != NULL);
    size_t server = node_find_name(sim, effect->server);
    require(server != SIM_OUTSIDE); /* the test configured no such EPP server */
    *link = (struct sim_link){.number = sim->number_next++,
                              .client_number = effect->session,
                              .nodes = {client, server},
                              .lives = {life_of(sim, client), life_of(sim, server)}};
    table_set(&sim->links, link->number, link);
    if (sim->nodes[server].is_alive) {
        link_send(sim, link, SIM_CLIENT, (struct sim_action){.kind = SIM_EPP_OPENED}, SPAN_EMPTY);
        link_send(sim, link, SIM_SERVER, (struct sim_action){.kind = SIM_EPP_OPENED}, SPAN_EMPTY);
        link->last_ns[SIM_CLIENT] = link->last_ns[SIM_SERVER] =
            link->last_ns[SIM_CLIENT] > link->last_ns[SIM_SERVER] ? link->last_ns[SIM_CLIENT]
                                                                  : link->last_ns[SIM_SERVER];
    } else {
        link->is_closing = true;
        link_send(sim, link, SIM_CLIENT,
                  (struct sim_action){.kind = SIM_EPP_CLOSED, .outcome = REFUSED}, SPAN_EMPTY);
    }
}

void sim_epp_send(struct sim *sim, size_t node, const struct effect_epp *effect)
{
    enum sim_side side = SIM_CLIENT;
    struct sim_link *link = link_find(sim, node, effect->session, &side);
    if (link != NULL && !link->is_closing) {
        link_send(sim, link, side == SIM_CLIENT ? SIM_SERVER : SIM_CLIENT,
                  (struct sim_action){.kind = SIM_EPP_FRAME}, effect->frame);
    }
}

/* Both sides are told, each behind what is on its way to it; the later one ends the link. */
static void link_close(struct sim *sim, struct sim_link *link)
{
    struct sim_action closed = {.kind = SIM_EPP_CLOSED, .outcome = CLOSED};
    if (!link->is_closing) {
        link->is_closing = true;
        link_send(sim, link, SIM_CLIENT, closed, SPAN_EMPTY);
        link_send(sim, link, SIM_SERVER, closed, SPAN_EMPTY);
    }
}

void sim_epp_close(struct sim *sim, size_t node, const struct effect_epp *effect)
{
    enum sim_side side = SIM_CLIENT;
    struct sim_link *link = link_find(sim, node, effect->session, &side);
    if (link != NULL) {
        link_close(sim, link);
    }
}

/* Only the server asks for one, and who has died shows none. */
static struct span certificate_of(const struct sim *sim, const struct sim_link *link,
                                  bool is_server)
{
    size_t client = link->nodes[SIM_CLIENT];
    return is_server && client != SIM_OUTSIDE ? span_of(sim->nodes[client].name, SIM_NAME_SIZE)
                                              : SPAN_EMPTY;
}

void sim_epp_act(struct sim *sim, const struct sim_action *action)
{
    static const enum event_kind kinds[] = {[SIM_EPP_OPENED] = EVENT_EPP_OPENED,
                                            [SIM_EPP_FRAME] = EVENT_EPP_FRAME,
                                            [SIM_EPP_CLOSED] = EVENT_EPP_CLOSED};
    struct sim_link *link = table_find(&sim->links, action->number);
    if (link == NULL) {
        return;
    }
    bool is_server = action->node == link->nodes[SIM_SERVER];
    bool is_alive = sim_is_life(sim, action->node, action->life);
    struct event event = {
        .kind = kinds[action->kind],
        .epp = {.session = is_server ? link->number : link->client_number,
                .outcome = action->outcome,
                .peer = address_of(sim, link->nodes[is_server ? SIM_CLIENT : SIM_SERVER]),
                .frame = span_of(action->bytes, action->len),
                .certificate_digest = certificate_of(sim, link, is_server)}};
    if (action->kind == SIM_EPP_CLOSED) {
        link->nodes[is_server ? SIM_SERVER : SIM_CLIENT] = SIM_OUTSIDE;
        bool is_refused = action->outcome == REFUSED;
        if (is_refused ||
            (link->nodes[SIM_CLIENT] == SIM_OUTSIDE && link->nodes[SIM_SERVER] == SIM_OUTSIDE)) {
            table_remove(&sim->links, link->number);
            free(link);
        }
    }
    if (is_alive) {
        sim_deliver(sim, action->node, &event);
    }
}

/* ------------------------------------------------------------------ death */

static bool exchange_is_orphan(const struct sim *sim, const struct sim_exchange *exchange,
                               size_t node)
{
    return exchange->client == node && (node == SIM_OUTSIDE || !sim->nodes[node].is_alive);
}

void sim_net_forget(struct sim *sim, size_t node)
{
    for (size_t i = 0; i < sim->exchanges.size;) {
        struct sim_exchange *exchange = sim->exchanges.slots[i].value;
        if (exchange != NULL && exchange_is_orphan(sim, exchange, node)) {
            exchange_free(sim, exchange);
            i = 0; /* the table may have moved others up */
            continue;
        }
        if (exchange != NULL && exchange->server == node && node != SIM_OUTSIDE &&
            transport_is_stream(exchange->transport)) {
            exchange_end(sim, exchange, CLOSED);
            exchange->server = SIM_OUTSIDE;
        }
        i++;
    }
    for (size_t i = 0; i < sim->links.size; i++) {
        struct sim_link *link = sim->links.slots[i].value;
        if (link != NULL && (link->nodes[SIM_CLIENT] == node || link->nodes[SIM_SERVER] == node) &&
            node != SIM_OUTSIDE) {
            link_close(sim, link);
        }
    }
    while (node == SIM_OUTSIDE && sim->links.count > 0) { /* the world ends */
        struct sim_link *link = table_any(&sim->links);
        table_remove(&sim->links, link->number);
        free(link);
    }
}
