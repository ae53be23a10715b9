/* Connections of DNS clients and of ours to other servers: who keeps a place, who waits for whom,
 * and who proves what over TLS. Each test has a world of its own, over loopback. */
#include "world/real/world_test.h"

#include "world/real/socket.h"
#include "world/real/test_certificate.h"
#include "world/real/wait.h"
#include "world/real/world_limits.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MS = 20000,
    ASK_MS = 2000,
    SHORT_MS = 60,
    HEADER_SIZE = 12,
    WORD_AT = 2 + HEADER_SIZE, /* in a frame */
    FRAME_SIZE = WORD_AT + 1,
    PART_LEN = 60000,
    PARTS = 800, /* of a long answer: far more than any kernel keeps for a reader */
    PARTS_AT_ONCE = 2,
    QUERIES = 500,
    WORKERS_MAX = 4,
    TLS_PEER_COUNT = 4,
};

/* The service does what the octet behind the header says. */
struct service {
    size_t parts_made[WORKERS_MAX]; /* of long answers under way, and their channels */
    uint64_t long_channels[WORKERS_MAX];
    size_t long_count;
    size_t closed_count;
    struct address upstream;
    uint64_t asker;
};

static void answer(struct outbox *outbox, uint64_t channel, struct span message, uint8_t mark)
{
    uint8_t *copy = arena_take(&outbox->scratch, message.len);
    assert_non_null(copy);
    memcpy(copy, message.bytes, message.len);
    copy[2] |= 0x80;
    copy[3] = mark;
    outbox_reply(outbox, channel, span_of(copy, message.len));
}

static void send_parts(struct service *service, size_t slot, struct outbox *outbox)
{
    uint64_t channel = service->long_channels[slot];
    for (int i = 0; i < PARTS_AT_ONCE; i++) {
        if (service->parts_made[slot] == PARTS) {
            return;
        }
        uint8_t *part = arena_take(&outbox->scratch, PART_LEN);
        assert_non_null(part);
        memset(part, (int)service->parts_made[slot]++, PART_LEN);
        outbox_reply(outbox, channel, span_of(part, PART_LEN));
    }
    outbox_add(outbox, EFFECT_AWAIT_ROOM)->channel = channel;
}

static void handle_query(struct service *service, const struct event_query *query,
                         struct outbox *outbox)
{
    assert_true(query->message.len > HEADER_SIZE);
    switch (query->message.bytes[HEADER_SIZE]) {
    case 'x': /* how it came */
        answer(outbox, query->channel, query->message,
               (uint8_t)((unsigned)query->transport | (query->is_tls_1_3 ? 0x10u : 0u)));
        break;
    case 's': /* silence */
        break;
    case 'p': /* how many parts were made */
        answer(outbox, query->channel, query->message, (uint8_t)service->closed_count);
        break;
    case 'L':
        assert_true(service->long_count < WORKERS_MAX);
        service->long_channels[service->long_count] = query->channel;
        send_parts(service, service->long_count++, outbox);
        break;
    default: /* '0', '1' ...: asked of that TLS peer */
        service->asker = query->channel;
        outbox_add(outbox, EFFECT_ASK)->ask =
            (struct effect_ask){.ask = 9,
                                .transport = TRANSPORT_TLS,
                                .server = service->upstream,
                                .tls_peer = query->message.bytes[HEADER_SIZE] - '0',
                                .message = SPAN_LITERAL("............x"),
                                .timeout_ms = ASK_MS};
    }
}

static void service_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct service *service = state;
    if (event->kind == EVENT_QUERY) {
        handle_query(service, &event->query, outbox);
    } else if (event->kind == EVENT_ROOM) {
        for (size_t i = 0; i < service->long_count; i++) {
            if (service->long_channels[i] == event->room.channel && !event->room.is_closed) {
                send_parts(service, i, outbox);
            } else if (service->long_channels[i] == event->room.channel) {
                service->closed_count++;
            }
        }
    } else if (event->kind == EVENT_ANSWER) {
        uint8_t told[HEADER_SIZE + 1] = {0};
        told[HEADER_SIZE] = event->answer.outcome == OK ? event->answer.message.bytes[3] : 0;
        outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = event->answer.ask;
        answer(outbox, service->asker, span_of(told, sizeof told), (uint8_t)event->answer.outcome);
    }
}

/* ------------------------------------------------------------------ a world */

struct fixture {
    struct service service;
    struct running running;
    int64_t until_ns;
    char folder[40];
    char paths[10][CERTIFICATE_PATH_SIZE];
};

static void open_world(struct fixture *fixture, struct world_stream_limits limits)
{
    *fixture = (struct fixture){0};
    struct world *world = test_world_open("streams");
    struct problem problem = {0};
    world_set_stream_limits(world, limits);
    assert_int_equal(world_listen_dns(world, test_loopback(), &problem), OK);
    fixture->running =
        (struct running){.world = world, .node = {service_handle, &fixture->service}};
    fixture->until_ns = world_now(world).mono_ns + (int64_t)TIMEOUT_MS * MOMENT_NS_PER_MS;
}

static void start_world(struct fixture *fixture)
{
    test_world_start(&fixture->running);
}

static void close_world(struct fixture *fixture)
{
    test_world_stop(&fixture->running);
}

static struct address place(const struct fixture *fixture, enum world_socket kind)
{
    return world_address(fixture->running.world, kind, 0);
}

/* From 127.0.0.`host`, with a small buffer for what it does not read. */
static int dial(const struct fixture *fixture, enum world_socket kind, uint8_t host)
{
    int small = 1 << 16;
    union socket_name name;
    struct address from = test_loopback();
    from.octets[3] = host;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    socklen_t len = socket_name_of(from, &name);
    assert_int_equal(bind(fd, &name.any, len), 0);
    len = socket_name_of(place(fixture, kind), &name);
    assert_int_equal(connect(fd, &name.any, len), 0);
    return fd;
}

static void put(const struct fixture *fixture, int fd, char word)
{
    uint8_t frame[FRAME_SIZE] = {0, HEADER_SIZE + 1, 0x12, 0x34};
    frame[WORD_AT] = (uint8_t)word;
    assert_int_equal(wait_send(fd, span_of(frame, sizeof frame), fixture->until_ns), OK);
}

/* The mark of the answer to the word. */
static uint8_t get(const struct fixture *fixture, int fd, char word)
{
    uint8_t frame[FRAME_SIZE];
    assert_int_equal(wait_receive(fd, frame, sizeof frame, fixture->until_ns), OK);
    assert_int_equal(frame[WORD_AT], word);
    return frame[5];
}

static bool is_closed(const struct fixture *fixture, int fd)
{
    uint8_t octet;
    return wait_receive(fd, &octet, 1, fixture->until_ns) == CLOSED;
}

static bool is_open_and_silent(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 0;
}

/* ------------------------------------------------------------------ back-pressure */

static size_t parts_made(struct fixture *fixture, int other)
{
    put(fixture, other, 'p'); /* an event of the loop between the reads of the counter */
    (void)get(fixture, other, 'p');
    return fixture->service.parts_made[0];
}

/* All parts in order; returns how many short answers stood between them. */
static size_t read_parts(const struct fixture *fixture, int fd)
{
    uint8_t *part = malloc(PART_LEN);
    size_t others = 0;
    assert_non_null(part);
    for (size_t i = 0; i < PARTS;) {
        uint8_t length[2];
        assert_int_equal(wait_receive(fd, length, sizeof length, fixture->until_ns), OK);
        size_t len = (size_t)length[0] << 8 | length[1];
        assert_true(len == PART_LEN || len == HEADER_SIZE + 1);
        assert_int_equal(wait_receive(fd, part, len, fixture->until_ns), OK);
        if (len == PART_LEN) {
            assert_int_equal(part[0], i & 0xff);
            assert_int_equal(part[PART_LEN - 1], i++ & 0xff);
        } else {
            others++;
        }
    }
    free(part);
    return others;
}

static void what_is_not_read_is_not_made(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    int other = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, fd, 'L');
    size_t before = 0;
    for (int still = 0; still < 200; still++) {
        size_t made = parts_made(&fixture, other);
        still = made == before ? still : 0;
        before = made;
    }
    assert_in_range(before, PARTS_AT_ONCE, PARTS / 8);
    size_t asked = 0; /* who does not read may write, but is not read for long either */
    for (; asked < QUERIES; asked++) {
        uint8_t frame[FRAME_SIZE] = {0, HEADER_SIZE + 1};
        frame[WORD_AT] = 'x';
        if (send(fd, frame, sizeof frame, MSG_DONTWAIT) != (ssize_t)sizeof frame) {
            break;
        }
    }
    assert_in_range(parts_made(&fixture, other), PARTS_AT_ONCE, PARTS / 8);
    size_t answered = read_parts(&fixture, fd); /* late is still whole */
    for (; answered < asked; answered++) {
        assert_int_equal(get(&fixture, fd, 'x'), TRANSPORT_TCP);
    }
    close(fd);
    close(other);
    close_world(&fixture);
}

static void who_finishes_sending_gets_all(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, fd, 'L');
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(read_parts(&fixture, fd), 0);
    assert_true(is_closed(&fixture, fd));
    close(fd);
    close_world(&fixture);
}

static void the_service_hears_that_nobody_reads(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    int other = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, fd, 'L');
    while (parts_made(&fixture, other) == 0) {
    }
    close(fd);
    do {
        put(&fixture, other, 'p');
    } while (get(&fixture, other, 'p') == 0);
    assert_int_equal(fixture.service.closed_count, 1);
    close(other);
    close_world(&fixture);
}

static void a_reader_that_stands_is_closed(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){.idle_ms = SHORT_MS});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, fd, 'L');
    uint8_t closed = 0;
    while (closed == 0) { /* each on a connection of its own, as these are closed soon too */
        int other = dial(&fixture, WORLD_SOCKET_DNS, 1);
        uint8_t frame[FRAME_SIZE] = {0, HEADER_SIZE + 1};
        frame[WORD_AT] = 'p';
        bool is_answered = wait_send(other, span_of(frame, sizeof frame), fixture.until_ns) == OK &&
                           wait_receive(other, frame, sizeof frame, fixture.until_ns) == OK;
        closed = is_answered ? frame[5] : 0;
        close(other);
    }
    assert_in_range(fixture.service.parts_made[0], PARTS_AT_ONCE, PARTS / 8);
    close(fd);
    close_world(&fixture);
}

/* ------------------------------------------------------------------ places and time */

static void the_idle_make_room_for_the_new(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){.clients = 3});
    start_world(&fixture);
    int fds[5];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = dial(&fixture, WORLD_SOCKET_DNS, 1);
        put(&fixture, fds[i], 'x');
        assert_int_equal(get(&fixture, fds[i], 'x'), TRANSPORT_TCP);
    }
    put(&fixture, fds[0], 's'); /* it is owed an answer: the second is the one to go */
    put(&fixture, fds[0], 'x');
    (void)get(&fixture, fds[0], 'x');
    put(&fixture, fds[0], 's');
    fds[3] = dial(&fixture, WORLD_SOCKET_DNS, 1);
    assert_true(is_closed(&fixture, fds[1]));
    put(&fixture, fds[3], 's');
    put(&fixture, fds[2], 's');
    put(&fixture, fds[2], 'x'); /* all have come when this is answered */
    (void)get(&fixture, fds[2], 'x');
    put(&fixture, fds[2], 's');
    put(&fixture, fds[3], 'x');
    (void)get(&fixture, fds[3], 'x');
    put(&fixture, fds[3], 's');
    fds[4] = dial(&fixture, WORLD_SOCKET_DNS, 1); /* nobody is idle now: the oldest goes */
    put(&fixture, fds[4], 'x');
    assert_int_equal(get(&fixture, fds[4], 'x'), TRANSPORT_TCP);
    assert_true(is_closed(&fixture, fds[0]));
    assert_true(is_open_and_silent(fds[3]));
    for (size_t i = 0; i < LEN(fds); i++) {
        close(fds[i]);
    }
    close_world(&fixture);
}

static void one_host_takes_its_own_places(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){.clients_a_peer = 2});
    start_world(&fixture);
    int honest = dial(&fixture, WORLD_SOCKET_DNS, 2);
    put(&fixture, honest, 'x');
    (void)get(&fixture, honest, 'x');
    int last = -1;
    for (size_t i = 0; i < 50; i++) {
        int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
        put(&fixture, fd, 'x');
        (void)get(&fixture, fd, 'x'); /* each new one has a place */
        if (last >= 0 && i % 2 == 0) {
            close(last);
        }
        last = fd;
    }
    int owed[2];
    for (size_t i = 0; i < LEN(owed); i++) {
        owed[i] = dial(&fixture, WORLD_SOCKET_DNS, 3);
        put(&fixture, owed[i], 's');
        put(&fixture, owed[i], 'x');
        (void)get(&fixture, owed[i], 'x');
        put(&fixture, owed[i], 's');
        put(&fixture, owed[i], 's');
        put(&fixture, honest, 'x');
        (void)get(&fixture, honest, 'x');
    }
    int refused = dial(&fixture, WORLD_SOCKET_DNS, 3); /* its others are all busy */
    assert_true(is_closed(&fixture, refused));
    put(&fixture, honest, 'x');
    assert_int_equal(get(&fixture, honest, 'x'), TRANSPORT_TCP);
    close_world(&fixture);
    close(last);
    close(refused);
    close(honest);
    close(owed[0]);
    close(owed[1]);
}

static void the_idle_are_closed_and_the_waiting_are_not(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){.idle_ms = SHORT_MS});
    start_world(&fixture);
    int waiting = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, waiting, 's');
    int silent = dial(&fixture, WORLD_SOCKET_DNS, 1); /* never says a word */
    int idle = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, idle, 'x');
    (void)get(&fixture, idle, 'x');
    assert_true(is_closed(&fixture, silent));
    assert_true(is_closed(&fixture, idle));
    assert_true(is_open_and_silent(waiting));
    close(silent);
    close(idle);
    close(waiting);
    close_world(&fixture);
}

static void a_message_that_does_not_end_is_the_last(void **state)
{
    (void)state;
    struct fixture fixture;
    open_world(&fixture, (struct world_stream_limits){.message_ms = SHORT_MS});
    start_world(&fixture);
    int idle = dial(&fixture, WORLD_SOCKET_DNS, 1); /* has begun none */
    int slow = dial(&fixture, WORLD_SOCKET_DNS, 1);
    put(&fixture, slow, 'x');
    (void)get(&fixture, slow, 'x');
    static const uint8_t BEGUN[] = {0, 200};
    assert_int_equal(wait_send(slow, span_of(BEGUN, sizeof BEGUN), fixture.until_ns), OK);
    /* An octet now and then does not help. */
    struct pollfd readable = {.fd = slow, .events = POLLIN};
    while (poll(&readable, 1, SHORT_MS / 10) == 0) {
        ssize_t sent = send(slow, BEGUN, 1, MSG_NOSIGNAL);
        assert_true(sent <= 1);
    }
    uint8_t octet; /* the end, or a reset as what it sent was not read */
    assert_int_not_equal(wait_receive(slow, &octet, 1, fixture.until_ns), OK);
    assert_true(is_open_and_silent(idle));
    put(&fixture, idle, 'x');
    (void)get(&fixture, idle, 'x');
    close(slow);
    close(idle);
    close_world(&fixture);
}

/* ------------------------------------------------------------------ TLS */

static const char *path_of(struct fixture *fixture, size_t at, const char *name, const char *ending)
{
    snprintf(fixture->paths[at], sizeof fixture->paths[at], "%s/%s.%s", fixture->folder, name,
             ending);
    return fixture->paths[at];
}

static void open_tls_world(struct fixture *fixture, struct world_stream_limits limits)
{
    struct problem problem = {0};
    open_world(fixture, limits);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/vouch-stream-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    struct issued ca = certificate_issue(fixture->folder, "ca", NULL);
    issued_close(certificate_issue(fixture->folder, "other", NULL));
    issued_close(certificate_issue(fixture->folder, "dot.test", &ca));
    issued_close(ca);
    struct world *world = fixture->running.world;
    struct world_tls own = {path_of(fixture, 0, "dot.test", "pem"),
                            path_of(fixture, 1, "dot.test", "key"), NULL};
    assert_int_equal(world_listen_tls(world, test_loopback(), own, &problem), OK);
    fixture->service.upstream = place(fixture, WORLD_SOCKET_TLS);
    path_of(fixture, 2, "ca", "pem");
    path_of(fixture, 3, "other", "pem");
    const struct world_tls_peer peers[TLS_PEER_COUNT] = {
        {"dot.test", {.ca_file = fixture->paths[2]}},
        {"elsewhere.test", {.ca_file = fixture->paths[2]}},
        {"dot.test", {.ca_file = fixture->paths[3]}},
    };
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t index;
        assert_int_equal(world_add_tls_peer(world, &peers[i], &index, &problem), OK);
        assert_int_equal(index, i);
    }
}

static void close_tls_world(struct fixture *fixture)
{
    static const char *const NAMES[] = {"ca.pem",    "ca.key",       "other.pem",
                                        "other.key", "dot.test.pem", "dot.test.key"};
    close_world(fixture);
    for (size_t i = 0; i < LEN(NAMES); i++) {
        char path[CERTIFICATE_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", fixture->folder, NAMES[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(fixture->folder), 0);
}

static void a_server_must_prove_who_it_is(void **state)
{
    (void)state;
    static const struct {
        char word;
        enum status outcome;
        const char *why;
    } ROWS[] = {
        {'0', OK, "its name, signed by the CA that we believe"},
        {'1', MISMATCH, "another's name"},
        {'2', MISMATCH, "a CA that we do not believe"},
    };
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t frame[FRAME_SIZE];
        put(&fixture, fd, ROWS[i].word);
        assert_int_equal(wait_receive(fd, frame, sizeof frame, fixture.until_ns), OK);
        if (frame[5] != ROWS[i].outcome) {
            fail_msg("%s: %s", ROWS[i].why, status_text((enum status)frame[5]));
        }
        assert_int_equal(frame[WORD_AT], ROWS[i].outcome == OK ? (TRANSPORT_TLS | 0x10) : 0);
    }
    close(fd);
    close_tls_world(&fixture);
}

static void who_does_not_speak_tls_is_no_server(void **state)
{
    (void)state;
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){.message_ms = SHORT_MS});
    fixture.service.upstream = place(&fixture, WORLD_SOCKET_DNS);
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_DNS, 1);
    uint8_t frame[FRAME_SIZE];
    put(&fixture, fd, '0'); /* for plain DNS, hello is a message that never ends */
    assert_int_equal(wait_receive(fd, frame, sizeof frame, fixture.until_ns), OK);
    assert_int_equal(frame[5], CLOSED);
    close(fd);
    close_tls_world(&fixture);
}

/* A client of the test's own: what it offers, and what came of it. */
struct dialled {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static int shake(const struct fixture *fixture, const char *priorities, const char *alpn,
                 const gnutls_datum_t *resumed, struct dialled *dialled)
{
    dialled->fd = dial(fixture, WORLD_SOCKET_TLS, 1);
    assert_int_equal(gnutls_init(&dialled->session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&dialled->credentials), 0);
    assert_int_equal(gnutls_priority_set_direct(dialled->session, priorities, NULL), 0);
    assert_int_equal(
        gnutls_credentials_set(dialled->session, GNUTLS_CRD_CERTIFICATE, dialled->credentials), 0);
    if (alpn != NULL) {
        const gnutls_datum_t name = {(void *)(uintptr_t)alpn, (unsigned)strlen(alpn)};
        assert_int_equal(gnutls_alpn_set_protocols(dialled->session, &name, 1, 0), 0);
    }
    if (resumed != NULL) {
        assert_int_equal(gnutls_session_set_data(dialled->session, resumed->data, resumed->size),
                         0);
    }
    gnutls_transport_set_int(dialled->session, dialled->fd);
    return gnutls_handshake(dialled->session);
}

static void hang_up(struct dialled *dialled)
{
    gnutls_deinit(dialled->session);
    gnutls_certificate_free_credentials(dialled->credentials);
    close(dialled->fd);
}

/* The mark of the answer; -1 when there is none. */
static int ask_over(struct dialled *dialled)
{
    uint8_t frame[FRAME_SIZE] = {0, HEADER_SIZE + 1};
    frame[WORD_AT] = 'x';
    if (gnutls_record_send(dialled->session, frame, sizeof frame) != (ssize_t)sizeof frame) {
        return -1;
    }
    ssize_t got;
    do { /* a ticket is none of our octets */
        got = gnutls_record_recv(dialled->session, frame, sizeof frame);
    } while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    return got == (ssize_t)sizeof frame ? frame[5] : -1;
}

static void tls_is_as_the_rfcs_want_it(void **state)
{
    (void)state;
    static const struct {
        const char *priorities, *alpn;
        int mark;
        const char *why;
    } ROWS[] = {
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "dot", TRANSPORT_TLS | 0x10, "as RFC 9103 wants it"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL, TRANSPORT_TLS | 0x10, "clients of RFC 7858"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "dot", TRANSPORT_TLS, "the service is told of 1.2"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.1", "dot", -1, "RFC 8996"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "http/1.1", -1, "another protocol's client"},
    };
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct dialled dialled;
        int failed = shake(&fixture, ROWS[i].priorities, ROWS[i].alpn, NULL, &dialled);
        int mark = failed != 0 ? -1 : ask_over(&dialled);
        if (mark != ROWS[i].mark) {
            fail_msg("%s: %d, not %d", ROWS[i].why, mark, ROWS[i].mark);
        }
        hang_up(&dialled);
    }
    close_tls_world(&fixture);
}

static void who_was_here_comes_in_by_ticket(void **state)
{
    (void)state;
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    struct dialled dialled;
    gnutls_datum_t ticket = {0};
    assert_int_equal(shake(&fixture, "NORMAL", "dot", NULL, &dialled), 0);
    assert_int_equal(ask_over(&dialled), TRANSPORT_TLS | 0x10);
    assert_int_equal(gnutls_session_get_data2(dialled.session, &ticket), 0);
    hang_up(&dialled);
    assert_int_equal(shake(&fixture, "NORMAL", "dot", &ticket, &dialled), 0);
    assert_true(gnutls_session_is_resumed(dialled.session));
    assert_int_equal(ask_over(&dialled), TRANSPORT_TLS | 0x10);
    hang_up(&dialled);
    gnutls_free(ticket.data);
    close_tls_world(&fixture);
}

static void shown_digest(const struct dialled *dialled, uint8_t digest[32])
{
    unsigned count = 0;
    size_t size = 32;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(dialled->session, &count);
    assert_true(chain != NULL && count > 0);
    assert_int_equal(gnutls_fingerprint(GNUTLS_DIG_SHA256, chain, digest, &size), 0);
}

static void a_new_certificate_drops_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    struct dialled kept, dialled;
    uint8_t before[32], after[32];
    assert_int_equal(shake(&fixture, "NORMAL", "dot", NULL, &kept), 0);
    shown_digest(&kept, before);
    struct issued other = certificate_issue(fixture.folder, "other", NULL);
    issued_close(certificate_issue(fixture.folder, "dot.test", &other));
    issued_close(other);
    kill(getpid(), SIGHUP);
    do {
        assert_int_equal(shake(&fixture, "NORMAL", "dot", NULL, &dialled), 0);
        shown_digest(&dialled, after);
        hang_up(&dialled);
    } while (memcmp(before, after, sizeof before) == 0);
    certificate_write(fixture.folder, "dot.test", "pem", "broken", 6);
    kill(getpid(), SIGHUP); /* what cannot be read changes nothing */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(shake(&fixture, "NORMAL", "dot", NULL, &dialled), 0);
        shown_digest(&dialled, before);
        assert_memory_equal(before, after, sizeof before);
        hang_up(&dialled);
    }
    assert_int_equal(ask_over(&kept), TRANSPORT_TLS | 0x10);
    hang_up(&kept);
    close_tls_world(&fixture);
}

static void a_long_answer_goes_over_tls(void **state)
{
    (void)state;
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){0});
    start_world(&fixture);
    struct dialled dialled;
    assert_int_equal(shake(&fixture, "NORMAL", "dot", NULL, &dialled), 0);
    uint8_t frame[FRAME_SIZE] = {0, HEADER_SIZE + 1};
    frame[WORD_AT] = 'L';
    assert_int_equal(gnutls_record_send(dialled.session, frame, sizeof frame), sizeof frame);
    size_t left = (size_t)PARTS * (PART_LEN + 2);
    uint8_t *room = malloc(PART_LEN);
    while (left > 0) {
        ssize_t got = gnutls_record_recv(dialled.session, room, PART_LEN);
        if (got == GNUTLS_E_AGAIN) {
            continue; /* a ticket */
        }
        assert_true(got > 0 && (size_t)got <= left);
        left -= (size_t)got;
    }
    free(room);
    assert_int_equal(ask_over(&dialled), TRANSPORT_TLS | 0x10);
    hang_up(&dialled);
    close_tls_world(&fixture);
}

static void a_handshake_that_does_not_end_is_closed(void **state)
{
    (void)state;
    struct fixture fixture;
    open_tls_world(&fixture, (struct world_stream_limits){.message_ms = SHORT_MS});
    start_world(&fixture);
    int fd = dial(&fixture, WORLD_SOCKET_TLS, 1);
    int plain = dial(&fixture, WORLD_SOCKET_TLS, 1);
    put(&fixture, plain, 'x'); /* no TLS at all */
    uint8_t octet;             /* perhaps an alert first, perhaps a reset */
    while (wait_receive(fd, &octet, 1, fixture.until_ns) == OK) {
    }
    while (wait_receive(plain, &octet, 1, fixture.until_ns) == OK) {
    }
    close(fd);
    close(plain);
    close_tls_world(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_read_is_not_made),
        cmocka_unit_test(who_finishes_sending_gets_all),
        cmocka_unit_test(the_service_hears_that_nobody_reads),
        cmocka_unit_test(a_reader_that_stands_is_closed),
        cmocka_unit_test(the_idle_make_room_for_the_new),
        cmocka_unit_test(one_host_takes_its_own_places),
        cmocka_unit_test(the_idle_are_closed_and_the_waiting_are_not),
        cmocka_unit_test(a_message_that_does_not_end_is_the_last),
        cmocka_unit_test(a_server_must_prove_who_it_is),
        cmocka_unit_test(who_does_not_speak_tls_is_no_server),
        cmocka_unit_test(tls_is_as_the_rfcs_want_it),
        cmocka_unit_test(who_was_here_comes_in_by_ticket),
        cmocka_unit_test(a_new_certificate_drops_nobody),
        cmocka_unit_test(a_long_answer_goes_over_tls),
        cmocka_unit_test(a_handshake_that_does_not_end_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
