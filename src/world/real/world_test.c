/* The world with a small service in it: datagrams, streams, questions, timers and control lines,
 * over loopback and ports of the kernel's choice. */
#include "world/real/world_test.h"

#include "world/real/socket.h"
#include "world/real/wait.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ARENA_MAX = 1 << 20, TIMEOUT_MS = 5000, HEADER_SIZE = 12, TIMERS = 5, ECHO_SIZE_MAX = 600 };

/* Answers each message with itself as a response; a message whose 13th octet is 't' is cut over
 * UDP, 'a' is asked of the world's own second endpoint first, 's' is not answered. */
struct echo {
    struct address upstream;
    uint64_t waiting_channel;
    uint8_t waiting[ECHO_SIZE_MAX];
    size_t waiting_len;
    enum status last_outcome;
    uint64_t fired[TIMERS];
    size_t fired_count;
    size_t starts, stops, reloads;
    uint64_t late_request;
};

static void reply_with(struct outbox *outbox, uint64_t channel, struct span message, uint8_t flags)
{
    uint8_t *copy = arena_take(&outbox->scratch, message.len);
    assert_non_null(copy);
    memcpy(copy, message.bytes, message.len);
    copy[2] |= flags;
    outbox_reply(outbox, channel, span_of(copy, message.len));
}

static void echo_query(struct echo *echo, const struct event *event, struct outbox *outbox)
{
    const struct event_query *query = &event->query;
    if (query->message.len < HEADER_SIZE) {
        return;
    }
    uint8_t what = query->message.len > HEADER_SIZE ? query->message.bytes[HEADER_SIZE] : 0;
    if (what == 's') {
        return;
    }
    if (what == 'a' && query->endpoint == 0 && query->message.len <= sizeof echo->waiting) {
        echo->waiting_channel = query->channel;
        echo->waiting_len = query->message.len;
        memcpy(echo->waiting, query->message.bytes, query->message.len);
        outbox_add(outbox, EFFECT_ASK)->ask = (struct effect_ask){
            .ask = 7,
            .transport = query->transport,
            .server = echo->upstream,
            .message = query->message,
            .timeout_ms = 300,
        };
        return;
    }
    bool is_cut = what == 't' && query->transport == TRANSPORT_UDP;
    reply_with(outbox, query->channel, query->message, is_cut ? 0x82 : 0x80);
    if (what == 'h') {
        outbox_add(outbox, EFFECT_HANG_UP)->channel = query->channel;
    }
}

static void echo_control(struct echo *echo, const struct event *event, struct outbox *outbox)
{
    struct span line = event->control.line;
    if (span_equal(line, SPAN_LITERAL("later"))) {
        echo->late_request = event->control.request;
        outbox_timer(outbox, 100, event->now.mono_ns + 20 * (int64_t)MOMENT_NS_PER_MS);
        return;
    }
    outbox_add(outbox, EFFECT_CONTROL)->control = (struct effect_control){
        .request = event->control.request,
        .is_failure = span_equal(line, SPAN_LITERAL("fail now")),
        .text = line,
    };
}

static void echo_timer(struct echo *echo, const struct event *event, struct outbox *outbox)
{
    if (event->timer == 100) {
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){.request = echo->late_request, .text = SPAN_LITERAL("late")};
    } else if (echo->fired_count < TIMERS) {
        echo->fired[echo->fired_count++] = event->timer;
    }
}

static void echo_start(const struct event *event, struct outbox *outbox)
{
    int64_t now = event->now.mono_ns;
    outbox_timer(outbox, 1, now + 3 * (int64_t)MOMENT_NS_PER_MS);
    outbox_timer(outbox, 2, now + MOMENT_NS_PER_MS);
    outbox_timer(outbox, 3, now + 2 * (int64_t)MOMENT_NS_PER_MS);
    outbox_timer(outbox, 4, now + MOMENT_NS_PER_MS); /* equal times: in order of setting */
    outbox_timer(outbox, 5, now);
    outbox_timer(outbox, 5, TIMER_NEVER_NS); /* taken away */
    outbox_timer(outbox, 6, now + MOMENT_NS_PER_MS);
    outbox_timer(outbox, 6, now + 4 * (int64_t)MOMENT_NS_PER_MS); /* moved */
}

static void echo_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct echo *echo = state;
    if (event->kind == EVENT_START) {
        echo->starts++;
        echo_start(event, outbox);
    } else if (event->kind == EVENT_STOP) {
        echo->stops++;
    } else if (event->kind == EVENT_RELOAD) {
        echo->reloads++;
    } else if (event->kind == EVENT_QUERY) {
        echo_query(echo, event, outbox);
    } else if (event->kind == EVENT_TIMER) {
        echo_timer(echo, event, outbox);
    } else if (event->kind == EVENT_CONTROL) {
        echo_control(echo, event, outbox);
    } else if (event->kind == EVENT_ANSWER) {
        echo->last_outcome = event->answer.outcome;
        if (event->answer.outcome == OK) {
            outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = event->answer.ask;
            reply_with(outbox, echo->waiting_channel, event->answer.message, 0x80);
        } else {
            reply_with(outbox, echo->waiting_channel, span_of(echo->waiting, echo->waiting_len),
                       0x80);
        }
    }
}

struct fixture {
    struct echo echo;
    struct running running;
    char folder[40];
    char socket[60];
    struct arena arena;
};

static int fixture_open(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.folder = "/tmp/vouch-world-XXXXXX"};
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.socket, sizeof fixture.socket, "%s/control", fixture.folder);
    arena_open(&fixture.arena, ARENA_MAX);
    struct world *world = test_world_open("echo");
    fixture.running = (struct running){.world = world, .node = {echo_handle, &fixture.echo}};
    struct problem problem = {0};
    assert_int_equal(world_listen_dns(world, test_loopback(), &problem), OK);
    assert_int_equal(world_listen_dns(world, test_loopback(), &problem), OK);
    assert_int_equal(world_listen_control(world, fixture.socket, &problem), OK);
    fixture.echo.upstream = world_address(world, WORLD_SOCKET_DNS, 1);
    test_world_start(&fixture.running);
    *state = &fixture;
    return 0;
}

static int fixture_close(void **state)
{
    struct fixture *fixture = *state;
    test_world_stop(&fixture->running);
    assert_int_equal(fixture->echo.starts, 1);
    assert_int_equal(fixture->echo.stops, 1);
    arena_close(&fixture->arena);
    assert_int_equal(access(fixture->socket, F_OK), -1); /* taken away at the end */
    assert_int_equal(rmdir(fixture->folder), 0);
    return 0;
}

static struct span ask(struct fixture *fixture, bool is_tcp, const char *what)
{
    uint8_t query[ECHO_SIZE_MAX] = {0x12, 0x34};
    size_t len = HEADER_SIZE + strlen(what);
    memcpy(query + HEADER_SIZE, what, strlen(what));
    struct span answer = SPAN_EMPTY;
    struct problem problem = {0};
    const struct dns_server server = {
        .address = world_address(fixture->running.world, WORLD_SOCKET_DNS, 0),
        .way = is_tcp ? DNS_BY_TCP : DNS_BY_UDP,
        .timeout_ms = TIMEOUT_MS};
    enum status status = dns_ask(&server, span_of(query, len), &fixture->arena, &answer, &problem);
    if (status != OK) {
        fail_msg("%s", problem.sentence);
    }
    assert_int_equal(answer.len, len);
    assert_memory_equal(answer.bytes + HEADER_SIZE, what, strlen(what));
    return answer;
}

static void answers_come_over_udp_and_tcp(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, false, "x").bytes[2], 0x80);
    assert_int_equal(ask(fixture, true, "x").bytes[2], 0x80);
    assert_int_equal(ask(fixture, false, "t").bytes[2], 0x80); /* cut, so asked again over TCP */
    assert_int_equal(ask(fixture, true, "h").bytes[2], 0x80);  /* hung up after the answer */
}

static void questions_go_out_over_udp_and_tcp(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, false, "a");
    assert_int_equal(fixture->echo.last_outcome, OK);
    ask(fixture, true, "a");
    assert_int_equal(fixture->echo.last_outcome, OK);
}

static void a_question_without_answer_ends(void **state)
{
    struct fixture *fixture = *state;
    struct address upstream = fixture->echo.upstream;
    /* A bound socket that nobody reads. */
    int fd;
    assert_int_equal(socket_listen(test_loopback(), SOCK_DGRAM, "test", &fd, NULL), OK);
    fixture->echo.upstream = socket_local_address(fd);
    ask(fixture, false, "a");
    assert_int_equal(fixture->echo.last_outcome, TIMED_OUT);
    close(fd);
    ask(fixture, false, "a"); /* now nobody is there */
    assert_int_equal(fixture->echo.last_outcome, REFUSED);
    ask(fixture, true, "a");
    assert_int_equal(fixture->echo.last_outcome, REFUSED);
    fixture->echo.upstream.port = 0;
    ask(fixture, false, "a");
    assert_int_equal(fixture->echo.last_outcome, IO_FAILED);
    fixture->echo.upstream = upstream;
}

static int64_t deadline(const struct fixture *fixture)
{
    return world_now(fixture->running.world).mono_ns + (int64_t)TIMEOUT_MS * MOMENT_NS_PER_MS;
}

static void one_connection_carries_many_queries(void **state)
{
    struct fixture *fixture = *state;
    int fd;
    int64_t until = deadline(fixture);
    assert_int_equal(
        socket_connect_stream(world_address(fixture->running.world, WORLD_SOCKET_DNS, 0), &fd), OK);
    assert_int_equal(wait_for(fd, POLLOUT, until), OK);
    enum { QUERIES = 500 };
    uint8_t frame[2 + HEADER_SIZE] = {0, HEADER_SIZE};
    for (size_t i = 0; i < QUERIES; i++) {
        frame[2] = (uint8_t)(i >> 8);
        frame[3] = (uint8_t)i;
        assert_int_equal(wait_send(fd, span_of(frame, sizeof frame), until), OK);
    }
    for (size_t i = 0; i < QUERIES; i++) {
        uint8_t got[sizeof frame];
        assert_int_equal(wait_receive(fd, got, sizeof got, until), OK);
        assert_int_equal(got[1], HEADER_SIZE);
        assert_int_equal((size_t)got[2] << 8 | got[3], i);
    }
    /* What is asked before the end of our side is still answered, then the connection ends. */
    assert_int_equal(wait_send(fd, span_of(frame, sizeof frame), until), OK);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    uint8_t got[sizeof frame];
    assert_int_equal(wait_receive(fd, got, sizeof got, until), OK);
    assert_int_equal(wait_receive(fd, got, 1, until), CLOSED);
    close(fd);
}

static void a_broken_connection_harms_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct address address = world_address(fixture->running.world, WORLD_SOCKET_DNS, 0);
    int64_t until = deadline(fixture);
    for (size_t i = 0; i < 20; i++) {
        int fd;
        assert_int_equal(socket_connect_stream(address, &fd), OK);
        assert_int_equal(wait_for(fd, POLLOUT, until), OK);
        static const uint8_t PART[] = {0xff, 0xff, 1, 2, 3};
        assert_int_equal(wait_send(fd, span_of(PART, i % sizeof PART), until), OK);
        if (i % 2 == 0) {
            struct linger reset = {1, 0};
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        }
        close(fd);
    }
    ask(fixture, true, "not harmed");
    ask(fixture, false, "not harmed");
}

static void control_lines_are_answered(void **state)
{
    struct fixture *fixture = *state;
    struct span text;
    struct problem problem = {0};
    assert_int_equal(
        control_ask(fixture->socket, "  zone \t  list ", &fixture->arena, &text, &problem), OK);
    assert_true(span_equal(text, SPAN_LITERAL("zone list")));
    assert_int_equal(control_ask(fixture->socket, "fail now", &fixture->arena, &text, &problem),
                     REFUSED);
    assert_string_equal(problem.sentence, "fail now");
    assert_int_equal(control_ask(fixture->socket, "later", &fixture->arena, &text, &problem), OK);
    assert_true(span_equal(text, SPAN_LITERAL("late")));
    char *line = arena_take(&fixture->arena, 10000);
    memset(line, 'x', 9999);
    assert_int_not_equal(control_ask(fixture->socket, line, &fixture->arena, &text, &problem), OK);
    struct stat found;
    assert_int_equal(stat(fixture->socket, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(control_ask("/nonexistent/control", "x", &fixture->arena, &text, &problem),
                     IO_FAILED);
    assert_non_null(strstr(problem.sentence, "is the service running?"));
}

static void timers_fire_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct span text;
    struct problem problem = {0};
    /* The answer comes from a timer that is later than all others. */
    assert_int_equal(control_ask(fixture->socket, "later", &fixture->arena, &text, &problem), OK);
    static const uint64_t ORDER[TIMERS] = {2, 4, 3, 1, 6};
    assert_int_equal(fixture->echo.fired_count, TIMERS);
    assert_memory_equal(fixture->echo.fired, ORDER, sizeof ORDER);
}

static void a_hangup_signal_is_a_reload(void **state)
{
    struct fixture *fixture = *state;
    kill(getpid(), SIGHUP);
    for (int i = 0; i < 1000 && fixture->echo.reloads == 0; i++) {
        ask(fixture, false, "x"); /* each is an event of the same loop */
    }
    assert_int_equal(fixture->echo.reloads, 1);
}

static void an_address_in_use_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct problem problem = {0};
    struct address taken = world_address(fixture->running.world, WORLD_SOCKET_DNS, 0);
    int fd;
    assert_int_equal(socket_listen(taken, SOCK_DGRAM, "DNS", &fd, &problem), BUSY);
    assert_non_null(strstr(problem.sentence, "another program listens there"));
    struct address foreign = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}, .port = 5353};
    assert_int_equal(socket_listen(foreign, SOCK_STREAM, "DNS", &fd, &problem), IO_FAILED);
    assert_non_null(strstr(problem.sentence, "192.0.2.1@5353 for DNS over TCP"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_over_udp_and_tcp),
        cmocka_unit_test(questions_go_out_over_udp_and_tcp),
        cmocka_unit_test(a_question_without_answer_ends),
        cmocka_unit_test(one_connection_carries_many_queries),
        cmocka_unit_test(a_broken_connection_harms_no_other),
        cmocka_unit_test(control_lines_are_answered),
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(a_hangup_signal_is_a_reload),
        cmocka_unit_test(an_address_in_use_is_told),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
