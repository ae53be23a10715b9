/* One connection of HTTP/2 in memory: what a client may cost that is slow, asks for too much, or
 * sends anything but requests. */
#include "world/real/http2_test.h"

#include "world/real/world_limits.h"

enum { ASKED_MAX = 64, ROUNDS_MAX = 10000, ANSWER_LEN = 6 };

struct pair {
    struct http2 *server;
    nghttp2_session *client;
    struct seen seen;
    int32_t asked[ASKED_MAX]; /* the first */
    size_t asked_count, gone_count;
    struct http2_request last; /* without its views */
    size_t answer_len;         /* 0: no answer yet */
};

static void pair_answer(struct pair *pair, int32_t id, size_t len)
{
    static const uint8_t OCTETS[DNS_MESSAGE_MAX];
    const struct http2_answer answer = {.status = 200, .body = span_of(OCTETS, len)};
    http2_answer(pair->server, id, &answer);
}

static void pair_asked(void *owner, const struct http2_request *request)
{
    struct pair *pair = owner;
    pair->last = (struct http2_request){.id = request->id, .fault = request->fault};
    if (pair->asked_count < ASKED_MAX) {
        pair->asked[pair->asked_count] = request->id;
    }
    pair->asked_count++;
    if (pair->answer_len != 0) {
        pair_answer(pair, request->id, pair->answer_len);
    }
}

static void pair_gone(void *owner, int32_t id)
{
    (void)id;
    ((struct pair *)owner)->gone_count++;
}

static void open_pair(struct pair *pair)
{
    *pair = (struct pair){.answer_len = ANSWER_LEN};
    pair->server = http2_open((struct http2_owner){pair_asked, pair_gone, pair});
    assert_non_null(pair->server);
    open_client(&pair->client, &pair->seen);
}

static void close_pair(struct pair *pair)
{
    http2_close(pair->server);
    nghttp2_session_del(pair->client);
}

/* Moves octets both ways until none moves. False when the server reads no more. */
static bool exchange(struct pair *pair)
{
    bool is_open = true;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(pair->client, &bytes);
        assert_true(len >= 0);
        is_open =
            is_open && (len == 0 || http2_take(pair->server, span_of(bytes, (size_t)len)) == OK);
        struct buffer out = {0};
        is_open = http2_fill(pair->server, &out, HTTPS_OUT_ENOUGH) == OK && is_open;
        struct span sent = buffer_bytes(&out);
        if (sent.len > 0) {
            assert_int_equal(nghttp2_session_mem_recv(pair->client, sent.bytes, sent.len),
                             sent.len);
        }
        buffer_close(&out);
        if (len == 0 && sent.len == 0) {
            break;
        }
    }
    return is_open;
}

static ssize_t body_of_length(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
                              uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)user;
    size_t *left = source->ptr;
    size_t len = *left < size ? *left : size;
    memset(room, 0, len);
    *left -= len;
    *flags |= *left == 0 ? (uint32_t)NGHTTP2_DATA_FLAG_EOF : 0;
    return (ssize_t)len;
}

static void requests_are_answered(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    for (int i = 0; i < ASKED_MAX; i++) {
        assert_true(ask(pair.client, NULL) > 0);
    }
    assert_true(exchange(&pair));
    assert_int_equal(pair.asked_count, ASKED_MAX);
    assert_int_equal(pair.gone_count, ASKED_MAX);
    assert_int_equal(pair.seen.status_count, ASKED_MAX);
    assert_int_equal(pair.seen.body_len, ASKED_MAX * ANSWER_LEN);
    assert_string_equal(pair.seen.status, "200");
    assert_int_equal(http2_unsent(pair.server), 0);
    close_pair(&pair);
}

static void a_large_body_is_not_kept(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        enum http2_fault fault;
    } ROWS[] = {{65535, HTTP2_FINE}, {65536, HTTP2_BODY_TOO_LARGE}};
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct pair pair;
        size_t left = ROWS[i].len;
        open_pair(&pair);
        const nghttp2_data_provider body = {.source.ptr = &left, .read_callback = body_of_length};
        assert_true(ask(pair.client, &body) > 0);
        assert_true(exchange(&pair));
        assert_int_equal(pair.asked_count, 1);
        assert_int_equal(pair.last.fault, ROWS[i].fault);
        assert_int_equal(http2_parts(pair.server), 0);
        close_pair(&pair);
    }
}

/* CVE-2023-44487: asked and taken back at once, again and again. */
static void rapid_resets_end_the_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    pair.answer_len = 0;
    bool is_open = true;
    size_t tries = 0;
    while (is_open && tries < ROUNDS_MAX) {
        int32_t id = ask(pair.client, NULL);
        if (id < 0) {
            break; /* told to go */
        }
        is_open = exchange(&pair);
        nghttp2_submit_rst_stream(pair.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        is_open = exchange(&pair) && is_open && !http2_is_over(pair.server);
        tries++;
    }
    assert_true(tries < 2 * HTTPS_RESETS_SPARE);
    assert_int_equal(pair.seen.goaway != 0 || !is_open, true);
    close_pair(&pair);
}

static void frames_that_ask_nothing_end_the_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    size_t frames = 0;
    while (pair.seen.goaway == 0 && frames < 2 * HTTPS_FRAMES_SPARE) {
        assert_int_equal(nghttp2_submit_ping(pair.client, NGHTTP2_FLAG_NONE, NULL), 0);
        (void)exchange(&pair);
        frames++;
    }
    assert_int_equal(pair.seen.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(frames <= HTTPS_FRAMES_SPARE);
    close_pair(&pair);
}

/* CVE-2024-28182: a block of fields that does not end. */
static void endless_fields_end_the_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    assert_true(exchange(&pair));
    const uint8_t headers[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83};
    const uint8_t more[] = {0, 0, 1, 9, 0, 0, 0, 0, 1, 0x87};
    enum status status = http2_take(pair.server, span_of(headers, sizeof headers));
    size_t count = 0;
    while (status == OK && count < 100) {
        status = http2_take(pair.server, span_of(more, sizeof more));
        count++;
    }
    assert_int_equal(status, CLOSED);
    assert_true(count <= HTTPS_CONTINUATIONS_MAX + 1);
    close_pair(&pair);
}

static void http1_is_told_what_is_spoken_here(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    struct buffer early = {0};
    assert_int_equal(http2_fill(pair.server, &early, HTTPS_OUT_ENOUGH), OK);
    assert_int_equal(early.len, 0); /* no frame before it is known who listens */
    assert_int_equal(http2_take(pair.server, SPAN_LITERAL("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     CLOSED);
    struct buffer out = {0};
    assert_int_equal(http2_fill(pair.server, &out, HTTPS_OUT_ENOUGH), CLOSED);
    assert_memory_equal(buffer_bytes(&out).bytes, "HTTP/1.1 505 ", 13);
    size_t len = out.len;
    assert_int_equal(http2_fill(pair.server, &out, HTTPS_OUT_ENOUGH), CLOSED);
    assert_int_equal(out.len, len); /* once */
    buffer_close(&out);
    close_pair(&pair);
}

/* What the client has told the server of what it takes. */
static void set_window(struct pair *pair, uint32_t octets)
{
    const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, octets};
    assert_int_equal(nghttp2_submit_settings(pair->client, NGHTTP2_FLAG_NONE, &window, 1), 0);
}

static void answers_wait_for_the_window_of_a_slow_reader(void **state)
{
    (void)state;
    enum { COUNT = 10, LEN_EACH = 50000 };
    struct pair pair;
    open_pair(&pair);
    pair.answer_len = LEN_EACH;
    set_window(&pair, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_true(ask(pair.client, NULL) > 0);
    }
    assert_true(exchange(&pair));
    assert_int_equal(pair.asked_count, COUNT);
    assert_int_equal(pair.seen.status_count, COUNT); /* fields are under no window */
    assert_int_equal(pair.seen.body_len, 0);
    assert_int_equal(http2_unsent(pair.server), COUNT * LEN_EACH);
    assert_int_equal(pair.gone_count, 0);
    set_window(&pair, 1000);
    assert_true(exchange(&pair));
    assert_true(pair.seen.body_len >= COUNT * 1000);
    set_window(&pair, 1 << 20);
    assert_true(exchange(&pair));
    assert_int_equal(pair.seen.body_len, COUNT * LEN_EACH);
    assert_int_equal(http2_unsent(pair.server), 0);
    assert_int_equal(pair.gone_count, COUNT);
    close_pair(&pair);
}

static void an_answer_that_is_taken_back_is_forgotten(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    pair.answer_len = DNS_MESSAGE_MAX;
    set_window(&pair, 0);
    int32_t id = ask(pair.client, NULL);
    assert_true(exchange(&pair));
    assert_int_equal(http2_unsent(pair.server), DNS_MESSAGE_MAX);
    assert_int_equal(nghttp2_submit_rst_stream(pair.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL),
                     0);
    assert_true(exchange(&pair));
    assert_int_equal(http2_unsent(pair.server), 0);
    assert_int_equal(pair.gone_count, 1);
    pair_answer(&pair, id, ANSWER_LEN); /* too late, and without effect */
    assert_int_equal(http2_unsent(pair.server), 0);
    close_pair(&pair);
}

/* The client says all it has to say before it hears anything. */
static void send_unheard(struct pair *pair)
{
    const uint8_t *bytes;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(pair->client, &bytes)) > 0) {
        assert_int_equal(http2_take(pair->server, span_of(bytes, (size_t)len)), OK);
    }
    assert_int_equal(len, 0);
}

static void requests_above_the_limit_are_refused_and_those_below_it_answered(void **state)
{
    (void)state;
    enum { ABOVE = 50 };
    struct pair pair;
    open_pair(&pair);
    pair.answer_len = 0;
    for (int i = 0; i < HTTPS_REQUESTS_MAX + ABOVE; i++) {
        assert_true(ask(pair.client, NULL) > 0);
    }
    send_unheard(&pair); /* so it knows no limit */
    assert_true(exchange(&pair));
    assert_int_equal(pair.asked_count, HTTPS_REQUESTS_MAX);
    assert_int_equal(pair.seen.reset_count, ABOVE);
    assert_int_equal(pair.seen.reset, NGHTTP2_REFUSED_STREAM); /* which may be asked again */
    for (int32_t i = 0; i < HTTPS_REQUESTS_MAX; i++) {
        pair_answer(&pair, 2 * i + 1, ANSWER_LEN);
    }
    pair.answer_len = ANSWER_LEN;
    for (int i = 0; i < ABOVE; i++) {
        assert_true(ask(pair.client, NULL) > 0);
    }
    assert_true(exchange(&pair));
    assert_int_equal(pair.seen.status_count, HTTPS_REQUESTS_MAX + ABOVE);
    assert_int_equal(pair.seen.reset_count, ABOVE);
    close_pair(&pair);
}

static void who_has_said_nothing_is_told_to_go(void **state)
{
    (void)state;
    struct pair pair;
    struct buffer out = {0};
    open_pair(&pair);
    assert_int_equal(http2_take(pair.server, SPAN_LITERAL("PRI")), OK);
    http2_finish(pair.server);
    assert_int_equal(http2_fill(pair.server, &out, HTTPS_OUT_ENOUGH), OK);
    assert_true(out.len > 0);
    assert_true(http2_is_over(pair.server));
    buffer_close(&out);
    close_pair(&pair);
}

static void who_finishes_answers_what_is_under_way(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    pair.answer_len = 0;
    int32_t id = ask(pair.client, NULL);
    assert_true(exchange(&pair));
    http2_finish(pair.server);
    assert_true(exchange(&pair));
    assert_int_equal(pair.seen.goaway_count, 1);
    assert_int_equal(pair.seen.goaway, NGHTTP2_NO_ERROR);
    assert_false(http2_is_over(pair.server));
    pair_answer(&pair, id, ANSWER_LEN);
    assert_true(exchange(&pair));
    assert_int_equal(pair.seen.body_len, ANSWER_LEN);
    assert_true(http2_is_over(pair.server));
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(a_large_body_is_not_kept),
        cmocka_unit_test(rapid_resets_end_the_connection),
        cmocka_unit_test(frames_that_ask_nothing_end_the_connection),
        cmocka_unit_test(endless_fields_end_the_connection),
        cmocka_unit_test(http1_is_told_what_is_spoken_here),
        cmocka_unit_test(answers_wait_for_the_window_of_a_slow_reader),
        cmocka_unit_test(an_answer_that_is_taken_back_is_forgotten),
        cmocka_unit_test(requests_above_the_limit_are_refused_and_those_below_it_answered),
        cmocka_unit_test(who_has_said_nothing_is_told_to_go),
        cmocka_unit_test(who_finishes_answers_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
