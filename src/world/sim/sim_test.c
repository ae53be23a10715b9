/* The simulated world with a toy service: a counter that keeps its count on disk, and a client that
 * asks it again until it answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world/sim/sim.h"

enum { ROUNDS = 20, TIMER_NEXT = 7, WAIT_MS = 500, SECOND = MOMENT_NS_PER_S };

/* Adds a line to its log for each question; the answer is how many there are. */
struct counter {
    struct disk disk;
    struct node *alive; /* allocated, so that the sanitizer sees a forgotten close */
    uint32_t opened, sessions_closed, read_count, reloads, stops;
    char client[SIM_NAME_SIZE]; /* whose certificate the last frame came with */
};

static size_t counter_count(struct counter *counter)
{
    struct arena scratch;
    struct span content = SPAN_EMPTY;
    arena_open(&scratch, 1 << 20);
    enum status status = counter->disk.read(counter->disk.self, "log", 1 << 16, &scratch, &content);
    assert_true(status == OK || status == NOT_FOUND);
    arena_close(&scratch);
    return content.len;
}

static void counter_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct counter *counter = state;
    assert_non_null(counter->alive);
    if (event->kind == EVENT_QUERY) {
        enum status status = counter->disk.append(counter->disk.self, "log", SPAN_LITERAL("+"));
        size_t count = counter_count(counter);
        uint8_t answer[2] = {event->query.message.bytes[0], (uint8_t)count};
        (void)status; /* when it failed the power is gone, and no answer leaves */
        outbox_reply(outbox, event->query.channel, span_of(answer, sizeof answer));
        if (event->query.transport == TRANSPORT_TCP) {
            outbox_reply(outbox, event->query.channel, SPAN_LITERAL("second"));
            outbox_add(outbox, EFFECT_HANG_UP)->channel = event->query.channel;
        }
    } else if (event->kind == EVENT_EPP_FRAME) {
        assert_int_equal(event->epp.certificate_digest.len, SIM_NAME_SIZE);
        memcpy(counter->client, event->epp.certificate_digest.bytes, SIM_NAME_SIZE);
        outbox_add(outbox, EFFECT_EPP_SEND)->epp =
            (struct effect_epp){.session = event->epp.session, .frame = event->epp.frame};
    } else if (event->kind == EVENT_EPP_CLOSED) {
        counter->sessions_closed++;
    } else if (event->kind == EVENT_RELOAD) {
        counter->reloads++;
    } else if (event->kind == EVENT_STOP) {
        counter->stops++;
    } else if (event->kind == EVENT_CONTROL) {
        struct effect *effect = outbox_add(outbox, EFFECT_CONTROL);
        effect->control =
            (struct effect_control){event->control.request, false, event->control.line};
    }
}

static struct node counter_open(void *user, struct moment now)
{
    struct counter *counter = user;
    (void)now;
    assert_null(counter->alive);
    counter->alive = malloc(sizeof *counter->alive);
    counter->opened++;
    return (struct node){counter_handle, counter};
}

static void counter_close(void *user)
{
    struct counter *counter = user;
    free(counter->alive);
    counter->alive = NULL;
}

struct client {
    struct address server;
    enum transport transport;
    uint8_t round; /* the answers so far */
    uint64_t ask;
    uint32_t tries, refused, closed, frames;
    enum status epp_end;
    bool is_in_order;
    char last_frame;
};

static void client_ask(struct client *client, struct outbox *outbox)
{
    struct effect *effect = outbox_add(outbox, EFFECT_ASK);
    client->tries++;
    effect->ask = (struct effect_ask){.ask = ++client->ask,
                                      .transport = client->transport,
                                      .server = client->server,
                                      .message = span_of(&client->round, 1),
                                      .timeout_ms = WAIT_MS};
}

static void client_answer(struct client *client, const struct event *event, struct outbox *outbox)
{
    const struct event_answer *answer = &event->answer;
    client->refused += answer->outcome == REFUSED;
    client->closed += answer->outcome == CLOSED;
    if (answer->ask != client->ask || (answer->outcome == OK && answer->message.len != 2)) {
        return;
    }
    if (answer->outcome == OK) {
        assert_int_equal(answer->message.bytes[0], client->round);
        outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = answer->ask;
        client->round++;
    }
    if (client->round < ROUNDS) {
        outbox_timer(outbox, TIMER_NEXT, event->now.mono_ns + 10 * MOMENT_NS_PER_MS);
    }
}

static void client_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct client *client = state;
    static const char *const letters[] = {"a", "b", "c", "d"};
    if (event->kind == EVENT_START) {
        client->is_in_order = true;
        client_ask(client, outbox);
        outbox_add(outbox, EFFECT_EPP_OPEN)->epp =
            (struct effect_epp){.session = 1ull << 63, .server = SPAN_LITERAL("counter")};
    } else if (event->kind == EVENT_TIMER) {
        client_ask(client, outbox);
    } else if (event->kind == EVENT_ANSWER) {
        client_answer(client, event, outbox);
    } else if (event->kind == EVENT_EPP_OPENED) {
        for (size_t i = 0; i < LEN(letters); i++) {
            outbox_add(outbox, EFFECT_EPP_SEND)->epp = (struct effect_epp){
                .session = event->epp.session, .frame = span_of_text(letters[i])};
        }
    } else if (event->kind == EVENT_EPP_FRAME) {
        client->frames++;
        client->is_in_order &= client->last_frame < (char)event->epp.frame.bytes[0];
        client->last_frame = (char)event->epp.frame.bytes[0];
    } else if (event->kind == EVENT_EPP_CLOSED) {
        client->epp_end = event->epp.outcome;
    }
}

static struct node client_open(void *user, struct moment now)
{
    (void)now;
    return (struct node){client_handle, user};
}

static void client_close(void *user)
{
    (void)user;
}

struct scene {
    struct sim *sim;
    struct counter counter;
    struct client client;
    size_t server_node, client_node;
};

static void scene_open(struct scene *scene, uint64_t seed, uint32_t loss_percent)
{
    struct sim_options options = {.seed = seed,
                                  .wall_s = 1790000000,
                                  .delay_min_us = 1000,
                                  .delay_max_us = 90000,
                                  .loss_percent = loss_percent,
                                  .repeat_percent = loss_percent};
    struct address server = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}, .port = 53};
    memset(scene, 0, sizeof *scene);
    scene->sim = sim_open(&options);
    scene->server_node = sim_add_node(
        scene->sim, "counter", (struct sim_life){counter_open, counter_close, &scene->counter});
    scene->client_node = sim_add_node(scene->sim, "client",
                                      (struct sim_life){client_open, client_close, &scene->client});
    sim_listen(scene->sim, scene->server_node, server);
    scene->client.server = server;
    scene->counter.disk = sim_disk(scene->sim, scene->server_node, "");
}

static void scene_start(struct scene *scene)
{
    sim_start(scene->sim, scene->server_node);
    sim_start(scene->sim, scene->client_node);
}

static void test_all_arrives_without_loss(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, 0);
    scene_start(&scene);
    sim_run(scene.sim, 60LL * SECOND);
    assert_int_equal(scene.client.round, ROUNDS);
    assert_int_equal(scene.client.tries, ROUNDS);
    assert_int_equal(counter_count(&scene.counter), ROUNDS);
    sim_close(scene.sim);
}

static void test_loss_is_met_by_asking_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, 30);
    scene_start(&scene);
    sim_run(scene.sim, 120LL * SECOND);
    assert_int_equal(scene.client.round, ROUNDS);
    assert_true(scene.client.tries > ROUNDS);
    sim_close(scene.sim);
}

static void test_streams_keep_order_and_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scene scene;
        scene_open(&scene, seed, 90);
        scene.client.transport = TRANSPORT_TCP;
        scene_start(&scene);
        sim_run(scene.sim, 60LL * SECOND);
        assert_int_equal(scene.client.tries, ROUNDS); /* no stream is lost */
        assert_int_equal(scene.client.frames, 4);
        assert_true(scene.client.is_in_order);
        assert_string_equal(scene.counter.client, "client");
        sim_close(scene.sim);
    }
}

static void test_nobody_there_refuses_streams_and_swallows_datagrams(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 3, 0);
    scene.client.transport = TRANSPORT_TCP;
    sim_start(scene.sim, scene.client_node);
    sim_run(scene.sim, MOMENT_NS_PER_S);
    assert_true(scene.client.refused > 0);
    assert_int_equal(scene.client.epp_end, REFUSED);
    struct arena arena;
    struct span answer;
    arena_open(&arena, 1 << 16);
    struct sim_question question = {scene.client.server, TRANSPORT_UDP, SPAN_LITERAL("?"), WAIT_MS};
    assert_int_equal(sim_ask(scene.sim, &question, &arena, &answer), TIMED_OUT);
    sim_start(scene.sim, scene.server_node);
    assert_int_equal(sim_ask(scene.sim, &question, &arena, &answer), OK);
    assert_int_equal(answer.len, 2);
    arena_close(&arena);
    sim_close(scene.sim);
}

static void test_a_crash_keeps_the_disk_and_closes_sessions(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 4, 10);
    scene_start(&scene);
    sim_crash_in(scene.sim, scene.server_node, MOMENT_NS_PER_S / 2, 3LL * SECOND);
    sim_run(scene.sim, SECOND);
    assert_false(sim_is_alive(scene.sim, scene.server_node));
    assert_int_equal(scene.client.epp_end, CLOSED);
    struct arena arena;
    struct span text;
    arena_open(&arena, 1 << 16);
    assert_int_equal(sim_control(scene.sim, scene.server_node, "hello", &arena, &text), CLOSED);
    sim_run(scene.sim, 120LL * SECOND);
    assert_int_equal(sim_control(scene.sim, scene.server_node, "hello", &arena, &text), OK);
    assert_true(span_equal(text, SPAN_LITERAL("hello")));
    assert_int_equal(scene.counter.opened, 2);
    assert_int_equal(scene.client.round, ROUNDS);
    assert_true(counter_count(&scene.counter) >= ROUNDS);
    arena_close(&arena);
    sim_close(scene.sim);
}

static void test_what_is_on_its_way_to_the_dead_is_dropped(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 6, 0);
    scene.client.transport = TRANSPORT_TCP;
    scene_start(&scene); /* the first question has left, and takes at least 1 ms */
    sim_crash_in(scene.sim, scene.server_node, MOMENT_NS_PER_MS / 2, SECOND);
    sim_run(scene.sim, 60LL * SECOND);
    assert_true(scene.client.closed > 0);
    assert_int_equal(scene.client.round, ROUNDS);
    sim_close(scene.sim);
}

static void test_power_goes_inside_a_write(void **state)
{
    (void)state;
    uint32_t torn = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scene scene;
        scene_open(&scene, seed, 0);
        scene_start(&scene);
        sim_crash_at_write(scene.sim, scene.server_node, 5);
        sim_run(scene.sim, 10LL * SECOND);
        assert_false(sim_is_alive(scene.sim, scene.server_node));
        assert_int_equal(scene.client.round, 5); /* the sixth was never answered */
        size_t count = counter_count(&scene.counter);
        assert_true(count == 5 || count == 6);
        torn += count == 5;
        sim_close(scene.sim);
    }
    assert_true(torn > 0 && torn < 20); /* both happen */
}

static void test_the_operator_stops_and_reloads(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 5, 0);
    scene_start(&scene);
    sim_run(scene.sim, SECOND / 4);
    sim_reload(scene.sim, scene.server_node);
    assert_int_equal(scene.counter.reloads, 1);
    sim_stop_in(scene.sim, scene.server_node, SECOND / 4, SECOND);
    sim_run(scene.sim, SECOND / 2);
    assert_int_equal(scene.counter.stops, 1);
    assert_false(sim_is_alive(scene.sim, scene.server_node));
    sim_stop(scene.sim, scene.server_node); /* it is not there to hear it */
    sim_reload(scene.sim, scene.server_node);
    sim_run(scene.sim, 60LL * SECOND);
    assert_int_equal(scene.counter.stops, 1);
    assert_int_equal(scene.counter.reloads, 1);
    assert_int_equal(scene.counter.opened, 2);
    assert_int_equal(sim_life_count(scene.sim, scene.server_node), 2);
    assert_int_equal(scene.client.round, ROUNDS);
    sim_close(scene.sim);
}

/* Records that only count what happens to them. */
struct ledger {
    uint32_t begun, committed, rolled_back, run;
    struct records records;
    uint32_t failures; /* seen by the service */
    bool writes_at_open;
};

static enum status ledger_begin(void *self)
{
    ((struct ledger *)self)->begun++;
    return OK;
}

static enum status ledger_commit(void *self)
{
    ((struct ledger *)self)->committed++;
    return OK;
}

static void ledger_rollback(void *self)
{
    ((struct ledger *)self)->rolled_back++;
}

static enum status ledger_run(void *self, const char *sql, const struct records_value *args,
                              size_t arg_count, struct arena *arena, struct records_rows *rows)
{
    (void)sql;
    (void)args;
    (void)arg_count;
    (void)arena;
    (void)rows;
    ((struct ledger *)self)->run++;
    return OK;
}

/* Each control line is one transaction; "leave" forgets to end it. */
static void ledger_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct ledger *ledger = state;
    struct records *records = &ledger->records;
    if (event->kind != EVENT_CONTROL) {
        return;
    }
    ledger->failures += records->run(records->self, "SELECT 1", NULL, 0, NULL, NULL) != OK;
    ledger->failures += records->begin(records->self) != OK;
    ledger->failures += records->run(records->self, "UPDATE x", NULL, 0, NULL, NULL) != OK;
    if (!span_equal(event->control.line, SPAN_LITERAL("leave"))) {
        ledger->failures += records->commit(records->self) != OK;
    }
    outbox_add(outbox, EFFECT_CONTROL)->control =
        (struct effect_control){event->control.request, false, SPAN_LITERAL("done")};
}

static struct node ledger_open(void *user, struct moment now)
{
    (void)now;
    struct ledger *ledger = user;
    struct records *records = &ledger->records;
    bool is_bad = ledger->writes_at_open &&
                  records->run(records->self, "UPDATE x", NULL, 0, NULL, NULL) != OK;
    return is_bad ? (struct node){0} : (struct node){ledger_handle, ledger};
}

static void ledger_close(void *user)
{
    (void)user;
}

static void test_power_goes_inside_a_commit(void **state)
{
    (void)state;
    uint32_t lost = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_options options = {.seed = seed};
        struct ledger ledger = {0};
        struct records under = {&ledger, ledger_begin, ledger_commit, ledger_rollback, ledger_run};
        struct sim *sim = sim_open(&options);
        struct arena arena;
        struct span text;
        size_t node =
            sim_add_node(sim, "ledger", (struct sim_life){ledger_open, ledger_close, &ledger});
        ledger.records = sim_records(sim, node, under);
        arena_open(&arena, 1 << 16);
        sim_start(sim, node);
        sim_crash_at_write(sim, node, 1);
        assert_int_equal(sim_control(sim, node, "first", &arena, &text), OK);
        assert_int_equal(ledger.committed, 1);
        assert_int_equal(sim_control(sim, node, "second", &arena, &text), CLOSED);
        assert_int_equal(ledger.committed + ledger.rolled_back, 2);
        assert_int_equal(ledger.failures, 1);
        lost += ledger.rolled_back;
        sim_start(sim, node); /* a transaction left open dies with the node */
        uint32_t rolled_back = ledger.rolled_back;
        assert_int_equal(sim_control(sim, node, "leave", &arena, &text), OK);
        sim_crash(sim, node);
        assert_int_equal(ledger.rolled_back, rolled_back + 1);
        sim_start(sim, node); /* a disk that fails promises that nothing was done */
        sim_fail_at_write(sim, node, 0, 1);
        uint32_t committed = ledger.committed;
        assert_int_equal(sim_control(sim, node, "third", &arena, &text), OK);
        assert_int_equal(ledger.committed, committed);
        assert_int_equal(ledger.rolled_back, rolled_back + 2);
        assert_int_equal(sim_write_count(sim, node), 3);
        sim_crash(sim, node);
        ledger.writes_at_open = true;
        sim_crash_at_write(sim, node, 0);
        sim_start(sim, node); /* it cannot, and the next time it can */
        assert_false(sim_is_alive(sim, node));
        sim_start(sim, node);
        assert_true(sim_is_alive(sim, node));
        arena_close(&arena);
        sim_close(sim);
    }
    assert_true(lost > 0 && lost < 20);
}

static uint64_t trace_of(uint64_t seed)
{
    struct scene scene;
    scene_open(&scene, seed, 30);
    scene_start(&scene);
    sim_crash_in(scene.sim, scene.server_node, SECOND, SECOND);
    sim_run(scene.sim, 60LL * SECOND);
    uint64_t trace = sim_trace(scene.sim);
    sim_close(scene.sim);
    return trace;
}

static void test_the_seed_alone_decides(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        assert_true(trace_of(seed) == trace_of(seed));
        assert_true(trace_of(seed) != trace_of(seed + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_arrives_without_loss),
        cmocka_unit_test(test_loss_is_met_by_asking_again),
        cmocka_unit_test(test_streams_keep_order_and_end),
        cmocka_unit_test(test_nobody_there_refuses_streams_and_swallows_datagrams),
        cmocka_unit_test(test_a_crash_keeps_the_disk_and_closes_sessions),
        cmocka_unit_test(test_what_is_on_its_way_to_the_dead_is_dropped),
        cmocka_unit_test(test_power_goes_inside_a_write),
        cmocka_unit_test(test_the_operator_stops_and_reloads),
        cmocka_unit_test(test_power_goes_inside_a_commit),
        cmocka_unit_test(test_the_seed_alone_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
