/* DNS over QUIC as it is served, by a client over loopback: who is answered, what ends a
 * connection, and that nobody gets more work of ours by taking it back. */
#include "world/real/doq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "world/real/clock.h"
#include "world/real/test_certificate.h"
#include "world/real/wait.h"
#include "world/real/world_test.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define QUERY "\0\0\1\0\0\1\0\0\0\0\0\0\1q\0\0\1\0\1"
#define UNFIT "\0\1\1\0\0\1\0\0\0\0\0\0\1q\0\0\1\0\1"

enum { LONG_IDLE_MS = 20000, PATIENCE_MS = 5000, LENGTH_SIZE = 2, ANSWER_LEN = LENGTH_SIZE + 13 };

/* ------------------------------------------------------------------ the server */

struct service {
    uint64_t held[QUIC_STREAMS_MAX * 2]; /* channels whose answer waits */
    size_t held_count;
    size_t hold; /* so many are waited for before any is answered */
    bool hangs_up;
};

static bool is_fit(struct span query)
{
    return !span_equal(query, SPAN_LITERAL(UNFIT));
}

static void service_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct service *service = state;
    if (event->kind != EVENT_QUERY) {
        return;
    }
    assert_int_equal(event->query.transport, TRANSPORT_QUIC);
    assert_true(event->query.is_tls_1_3);
    assert_int_equal(event->query.idle_ms, 0);
    assert_true(span_equal(event->query.message, SPAN_LITERAL(QUERY)));
    if (service->hangs_up) {
        outbox_add(outbox, EFFECT_HANG_UP)->channel = event->query.channel;
        return;
    }
    assert_true(service->held_count < LEN(service->held));
    service->held[service->held_count++] = event->query.channel;
    while (service->held_count >= service->hold && service->held_count > 0) {
        outbox_reply(outbox, service->held[--service->held_count],
                     SPAN_LITERAL("\0\0\x80\0\0\1\0\0\0\0\0\0x"));
        service->hold = 0; /* from now on all are given at once */
    }
}

struct live {
    char folder[40];
    char paths[2][CERTIFICATE_PATH_SIZE];
    struct issued ca;
    struct service service;
    struct running running;
    struct address address;
    struct tls_identity *identity; /* the clients' */
    struct entropy entropy;
};

static void open_live(struct live *live, struct service service, struct world_stream_limits limits)
{
    *live = (struct live){.service = service, .entropy = entropy_of_kernel()};
    snprintf(live->folder, sizeof live->folder, "/tmp/vouch-doq-XXXXXX");
    assert_non_null(mkdtemp(live->folder));
    live->ca = certificate_issue(live->folder, "ca", NULL);
    issued_close(certificate_issue(live->folder, "dns.test", &live->ca));
    snprintf(live->paths[0], sizeof live->paths[0], "%s/dns.test.pem", live->folder);
    snprintf(live->paths[1], sizeof live->paths[1], "%s/dns.test.key", live->folder);
    struct problem problem = {0};
    struct world *world = test_world_open("doq");
    world_set_stream_limits(world, limits);
    const struct world_quic quic = {{live->paths[0], live->paths[1], NULL}, is_fit};
    assert_int_equal(world_listen_quic(world, test_loopback(), &quic, &problem), OK);
    live->address = world_address(world, WORLD_SOCKET_QUIC, 0);
    live->running = (struct running){.world = world, .node = {service_handle, &live->service}};
    test_world_start(&live->running);
    assert_int_equal(
        tls_identity_open((struct world_tls){0}, TLS_QUIC_ASKER, &live->identity, &problem), OK);
}

static void close_live(struct live *live)
{
    test_world_stop(&live->running);
    tls_identity_close(live->identity);
    issued_close(live->ca);
    static const char *const FILES[] = {"dns.test.pem", "dns.test.key", "ca.pem", "ca.key"};
    for (size_t i = 0; i < LEN(FILES); i++) {
        char path[CERTIFICATE_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", live->folder, FILES[i]);
        unlink(path);
    }
    rmdir(live->folder);
}

/* ------------------------------------------------------------------ a client */

struct caller {
    int fd;
    struct quic *quic;
    struct quic_path path;
    size_t octets, ends, gone;
    bool is_over;
};

static void caller_take(void *owner, struct quic_stream *stream, struct span bytes, bool is_last)
{
    (void)stream;
    struct caller *caller = owner;
    caller->octets += bytes.len;
    caller->ends += is_last ? 1 : 0;
    quic_used(caller->quic, bytes.len);
}

static void caller_cut(void *owner, struct quic_stream *stream)
{
    (void)owner, (void)stream;
}

static void caller_gone(void *owner, struct quic_stream *stream)
{
    (void)stream;
    struct caller *caller = owner;
    caller->gone++;
}

/* Datagrams both ways until one has come, the connection's time has, or some have passed. */
static void caller_talk(struct caller *caller, int64_t until_ns)
{
    uint8_t room[DNS_MESSAGE_MAX];
    size_t len = 1;
    enum status status = OK;
    while (status == OK && len != 0) {
        struct quic_path path;
        status = quic_fill(caller->quic, clock_mono_ns(), room, &len, &path);
        assert_true(len == 0 || send(caller->fd, room, len, 0) == (ssize_t)len);
    }
    quic_note_sent(caller->quic, clock_mono_ns());
    int64_t due_ns = quic_due_ns(caller->quic);
    if (status == OK && wait_for(caller->fd, POLLIN, due_ns < until_ns ? due_ns : until_ns) == OK) {
        ssize_t got = recv(caller->fd, room, sizeof room, 0);
        assert_true(got > 0);
        const struct quic_arrival arrival = {span_of(room, (size_t)got), caller->path,
                                             clock_mono_ns()};
        status = quic_take(caller->quic, &arrival);
    } else if (status == OK) {
        status = quic_expire(caller->quic, clock_mono_ns());
    }
    caller->is_over = status != OK;
}

/* True when that is reached; false when it is over before, or the patience. */
static bool caller_wait(struct caller *caller, const size_t *seen, size_t wanted,
                        int64_t patience_ms)
{
    int64_t until_ns = world_in_ms(patience_ms);
    while (*seen < wanted && !caller->is_over && clock_mono_ns() < until_ns) {
        caller_talk(caller, until_ns);
    }
    return *seen >= wanted;
}

static void dial(struct live *live, struct caller *caller)
{
    *caller = (struct caller){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    caller->path.len = socket_name_of(live->address, &caller->path.remote);
    assert_int_equal(connect(caller->fd, &caller->path.remote.any, caller->path.len), 0);
    (void)socket_name_of(socket_local_address(caller->fd), &caller->path.local);
    const struct quic_options options = {.identity = live->identity,
                                         .entropy = &live->entropy,
                                         .handshake_ms = PATIENCE_MS,
                                         .idle_ms = LONG_IDLE_MS};
    const struct quic_owner owner = {caller_take, caller_cut, caller_gone, NULL, caller};
    caller->quic = quic_open_client(&options, &owner, &caller->path, clock_mono_ns());
    assert_non_null(caller->quic);
    int64_t until_ns = world_in_ms(PATIENCE_MS);
    while (!quic_is_shaken(caller->quic) && !caller->is_over && clock_mono_ns() < until_ns) {
        caller_talk(caller, until_ns);
    }
    assert_true(quic_is_shaken(caller->quic));
}

static void hang_up(struct caller *caller)
{
    quic_end(caller->quic, DOQ_NO_ERROR);
    caller_talk(caller, clock_mono_ns());
    quic_close(caller->quic);
    close(caller->fd);
}

/* NULL when the server allows no stream more. */
static struct quic_stream *ask(struct caller *caller, struct span query, bool is_last)
{
    const uint8_t length[LENGTH_SIZE] = {0, (uint8_t)query.len};
    struct quic_stream *stream = quic_stream_open(caller->quic);
    if (stream != NULL) {
        assert_int_equal(quic_stream_send(stream, span_of(length, sizeof length), query, is_last),
                         OK);
    }
    return stream;
}

/* ------------------------------------------------------------------ tests */

static void queries_are_answered(void **state)
{
    (void)state;
    struct live live;
    struct caller caller;
    open_live(&live, (struct service){0}, (struct world_stream_limits){.idle_ms = LONG_IDLE_MS});
    dial(&live, &caller);
    for (size_t i = 1; i <= 300; i++) {
        while (ask(&caller, SPAN_LITERAL(QUERY), true) == NULL && !caller.is_over) {
            caller_talk(&caller, world_in_ms(PATIENCE_MS)); /* until one more is granted */
        }
        if (i % 50 == 0) {
            assert_true(caller_wait(&caller, &caller.gone, i, PATIENCE_MS));
        }
    }
    assert_int_equal(caller.ends, 300);
    assert_int_equal(caller.octets, 300 * ANSWER_LEN);
    hang_up(&caller);
    close_live(&live);
}

static void queries_taken_back_count_until_they_are_answered(void **state)
{
    (void)state;
    struct live live;
    struct caller greedy, honest;
    open_live(&live, (struct service){.hold = QUIC_STREAMS_MAX + 1},
              (struct world_stream_limits){.idle_ms = LONG_IDLE_MS});
    dial(&live, &greedy);
    dial(&live, &honest);
    for (size_t i = 0; i < QUIC_STREAMS_MAX; i++) {
        struct quic_stream *stream = ask(&greedy, SPAN_LITERAL(QUERY), true);
        assert_non_null(stream);
        while (quic_unsent(greedy.quic) > 0) {
            caller_talk(&greedy, world_in_ms(PATIENCE_MS)); /* datagrams are paced */
        }
        quic_stream_reset(stream, DOQ_REQUEST_CANCELLED);
    }
    assert_true(caller_wait(&greedy, &greedy.gone, QUIC_STREAMS_MAX, PATIENCE_MS));
    assert_false(caller_wait(&greedy, &greedy.ends, 1, 100));
    assert_null(quic_stream_open(greedy.quic));
    assert_non_null(ask(&honest, SPAN_LITERAL(QUERY), true));
    assert_true(caller_wait(&honest, &honest.ends, 1, PATIENCE_MS));
    assert_false(caller_wait(&greedy, &greedy.ends, 1, 100));
    assert_non_null(quic_stream_open(greedy.quic));
    assert_int_equal(greedy.octets, 0);
    hang_up(&greedy);
    hang_up(&honest);
    close_live(&live);
}

static void what_is_no_query_ends_a_connection(void **state)
{
    (void)state;
    static const struct {
        struct span query;
        bool is_last;
        const char *reason;
    } ROWS[] = {
        {{(const uint8_t *)UNFIT, sizeof UNFIT - 1}, true, "the protocol's error 2"},
        {{(const uint8_t *)QUERY, sizeof QUERY - 1}, false, "the protocol's error 2"},
        {{NULL, 0}, false, "the protocol's error 0"}, /* nothing is asked at all */
    };
    struct live live;
    open_live(&live, (struct service){0},
              (struct world_stream_limits){.idle_ms = 300, .message_ms = 200});
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct caller caller;
        dial(&live, &caller);
        if (ROWS[i].query.len != 0) {
            assert_non_null(ask(&caller, ROWS[i].query, ROWS[i].is_last));
        }
        assert_false(caller_wait(&caller, &caller.ends, 1, PATIENCE_MS));
        assert_true(caller.is_over);
        if (strstr(quic_reason(caller.quic), ROWS[i].reason) == NULL) {
            fail_msg("%zu: %s", i, quic_reason(caller.quic));
        }
        hang_up(&caller);
    }
    close_live(&live);
}

static void a_service_may_hang_up(void **state)
{
    (void)state;
    struct live live;
    struct caller caller;
    open_live(&live, (struct service){.hangs_up = true},
              (struct world_stream_limits){.idle_ms = LONG_IDLE_MS});
    dial(&live, &caller);
    for (size_t i = 1; i <= 2 * QUIC_STREAMS_MAX; i++) {
        assert_non_null(ask(&caller, SPAN_LITERAL(QUERY), true));
        assert_true(caller_wait(&caller, &caller.gone, i, PATIENCE_MS));
    }
    assert_int_equal(caller.octets, 0);
    hang_up(&caller);
    close_live(&live);
}

static void the_quiet_make_room_for_others(void **state)
{
    (void)state;
    struct live live;
    struct caller callers[4];
    open_live(&live, (struct service){0},
              (struct world_stream_limits){.idle_ms = LONG_IDLE_MS, .clients_a_peer = 3});
    for (size_t i = 0; i < LEN(callers); i++) {
        dial(&live, &callers[i]);
    }
    assert_non_null(ask(&callers[3], SPAN_LITERAL(QUERY), true));
    assert_true(caller_wait(&callers[3], &callers[3].ends, 1, PATIENCE_MS));
    assert_false(caller_wait(&callers[0], &callers[0].ends, 1, PATIENCE_MS));
    assert_non_null(strstr(quic_reason(callers[0].quic), "the protocol's error 4"));
    for (size_t i = 0; i < LEN(callers); i++) {
        hang_up(&callers[i]);
    }
    close_live(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_answered),
        cmocka_unit_test(queries_taken_back_count_until_they_are_answered),
        cmocka_unit_test(what_is_no_query_ends_a_connection),
        cmocka_unit_test(a_service_may_hang_up),
        cmocka_unit_test(the_quiet_make_room_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
