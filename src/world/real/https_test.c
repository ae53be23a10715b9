/* DNS over HTTPS: which requests are queries, what a client may cost that sends anything else, and
 * one whole exchange over TLS. The client is nghttp2's other half. */
#include "world/real/world_test.h"

#include "world/real/https.h"
#include "world/real/socket.h"
#include "world/real/test_certificate.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#define QUERY "\0\0\1\0\0\1\0\0\0\0\0\0x"
#define QUERY_BASE64URL "AAABAAABAAAAAAAAeA"

enum { ASKED_MAX = 64, ROUNDS_MAX = 10000, LIFETIME_S = 42 };

static void requests_are_judged_as_rfc_8484_wants_it(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *content_type;
        struct span body;
        enum http2_fault fault;
        uint16_t status;
        const char *why;
    } ROWS[] = {
        {"GET", "/dns-query?dns=" QUERY_BASE64URL, "", {0}, 0, 0, "RFC 8484 §4.1.1"},
        {"GET", "/dns-query?a=b&dns=" QUERY_BASE64URL "&c", "", {0}, 0, 0, "other variables"},
        {"GET", "/dns-query", "", {0}, 0, 400, "no query at all"},
        {"GET", "/dns-query?dns=", "", {0}, 0, 400, "an empty one"},
        {"GET", "/dns-query?dnss=" QUERY_BASE64URL, "", {0}, 0, 400, "another variable's name"},
        {"GET", "/dns-query?dns=AAAB", "", {0}, 0, 400, "less than a header"},
        {"GET", "/dns-query?dns=" QUERY_BASE64URL "==", "", {0}, 0, 400, "RFC 8484 §6: unpadded"},
        {"GET", "/dns-query?dns=AAAB+AABAAAAAAAAeA", "", {0}, 0, 400, "another alphabet"},
        {"GET", "/dns-query?dns=AACBAAABAAAAAAAAeA", "", {0}, 0, 400, "an answer"},
        {"GET", "/", "", {0}, 0, 404, "another path"},
        {"GET", "/dns-query/", "", {0}, 0, 404, "a path below"},
        {"POST", "/dns-query", "application/dns-message", SPAN_LITERAL(QUERY), 0, 0, "as it is"},
        {"POST", "/dns-query", "Application/DNS-Message; x=y", SPAN_LITERAL(QUERY), 0, 0,
         "media types have no case, parameters are none of ours"},
        {"POST", "/dns-query", "application/json", SPAN_LITERAL(QUERY), 0, 415, "another type"},
        {"POST", "/dns-query", "", SPAN_LITERAL(QUERY), 0, 415, "no type"},
        {"POST", "/dns-query", "application/dns-message", {0}, 0, 400, "no content"},
        {"PUT", "/dns-query", "application/dns-message", SPAN_LITERAL(QUERY), 0, 405, "a method"},
        {"HEAD", "/dns-query?dns=" QUERY_BASE64URL, "", {0}, 0, 405, "another"},
        {"PUT", "/elsewhere", "", {0}, 0, 404, "nothing is there for any method"},
        {"POST", "/dns-query", "", {0}, HTTP2_BODY_TOO_LARGE, 413, "above 65535 octets"},
        {"GET", "", "", {0}, HTTP2_PATH_TOO_LONG, 414, "a long path"},
        {"GET", "/dns-query", "", {0}, HTTP2_FIELDS_TOO_LARGE, 431, "long fields"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t room[HTTPS_ROOM_SIZE];
        const struct http2_request request = {.method = span_of_text(ROWS[i].method),
                                              .path = span_of_text(ROWS[i].path),
                                              .content_type = span_of_text(ROWS[i].content_type),
                                              .body = ROWS[i].body,
                                              .fault = ROWS[i].fault};
        struct https_verdict verdict = https_judge(&request, SPAN_LITERAL("/dns-query"), room);
        if (verdict.status != ROWS[i].status) {
            fail_msg("%s: %u, not %u", ROWS[i].why, verdict.status, ROWS[i].status);
        }
        assert_true(verdict.status != 0 || span_equal(verdict.message, SPAN_LITERAL(QUERY)));
    }
}

/* ------------------------------------------------------------------ both halves in memory */

struct pair {
    struct http2 *server;
    nghttp2_session *client;
    int32_t asked[ASKED_MAX]; /* the first */
    size_t asked_count, gone_count;
    struct http2_request last; /* without its views */
    size_t status_count, body_len, lifetime_count;
    char status[4];
    uint32_t goaway, reset;
    bool answers;
};

static void pair_asked(void *owner, const struct http2_request *request)
{
    struct pair *pair = owner;
    pair->last = (struct http2_request){.id = request->id, .fault = request->fault};
    if (pair->asked_count < ASKED_MAX) {
        pair->asked[pair->asked_count] = request->id;
    }
    pair->asked_count++;
    if (pair->answers) {
        const struct http2_answer answer = {.status = 200, .body = SPAN_LITERAL("answer")};
        http2_answer(pair->server, request->id, &answer);
    }
}

static void pair_gone(void *owner, int32_t id)
{
    (void)id;
    ((struct pair *)owner)->gone_count++;
}

static int client_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *user)
{
    (void)session, (void)frame, (void)flags;
    struct pair *pair = user;
    if (span_equal(span_of(name, name_len), SPAN_LITERAL(":status")) && value_len == 3) {
        memcpy(pair->status, value, 3);
        pair->status_count++;
    }
    if (span_equal(span_of(name, name_len), SPAN_LITERAL("cache-control")) &&
        span_equal(span_of(value, value_len), SPAN_LITERAL("max-age=42"))) {
        pair->lifetime_count++;
    }
    return 0;
}

static int client_body(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                       size_t len, void *user)
{
    (void)session, (void)flags, (void)id, (void)bytes;
    ((struct pair *)user)->body_len += len;
    return 0;
}

static int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct pair *pair = user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        pair->goaway = frame->goaway.error_code;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        pair->reset = frame->rst_stream.error_code;
    }
    return 0;
}

static void open_client(nghttp2_session **client, void *user)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_body);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
    assert_int_equal(nghttp2_session_client_new2(client, callbacks, user, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(*client, NGHTTP2_FLAG_NONE, NULL, 0), 0);
}

static void open_pair(struct pair *pair)
{
    *pair = (struct pair){.answers = true};
    pair->server = http2_open((struct http2_owner){pair_asked, pair_gone, pair});
    assert_non_null(pair->server);
    open_client(&pair->client, pair);
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

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,             \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                                \
    }

static int32_t ask(nghttp2_session *client, const nghttp2_data_provider *body)
{
    const nghttp2_nv fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"),
                                 FIELD(":authority", "dns.test"), FIELD(":path", "/dns-query"),
                                 FIELD("content-type", "application/dns-message")};
    return nghttp2_submit_request(client, NULL, fields, LEN(fields), body, NULL);
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
    assert_int_equal(pair.status_count, ASKED_MAX);
    assert_int_equal(pair.body_len, ASKED_MAX * 6);
    assert_string_equal(pair.status, "200");
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
    pair.answers = false;
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
    assert_int_equal(pair.goaway != 0 || !is_open, true);
    close_pair(&pair);
}

static void frames_that_ask_nothing_end_the_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    size_t frames = 0;
    while (pair.goaway == 0 && frames < 2 * HTTPS_FRAMES_SPARE) {
        assert_int_equal(nghttp2_submit_ping(pair.client, NGHTTP2_FLAG_NONE, NULL), 0);
        (void)exchange(&pair);
        frames++;
    }
    assert_int_equal(pair.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
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

/* ------------------------------------------------------------------ over TLS */

static uint32_t lifetime_of(struct span answer)
{
    return answer.len > 12 ? LIFETIME_S : 0;
}

static void service_handle(void *state, const struct event *event, struct outbox *outbox)
{
    (void)state;
    if (event->kind == EVENT_QUERY) {
        assert_int_equal(event->query.transport, TRANSPORT_HTTPS);
        assert_true(event->query.is_tls_1_3);
        assert_int_equal(event->query.idle_ms, 0);
        outbox_reply(outbox, event->query.channel, event->query.message);
    }
}

struct live {
    char folder[40];
    char paths[2][CERTIFICATE_PATH_SIZE];
    struct running running;
    struct address address;
};

static void open_live(struct live *live)
{
    *live = (struct live){0};
    snprintf(live->folder, sizeof live->folder, "/tmp/vouch-https-XXXXXX");
    assert_non_null(mkdtemp(live->folder));
    struct issued ca = certificate_issue(live->folder, "ca", NULL);
    issued_close(certificate_issue(live->folder, "dns.test", &ca));
    issued_close(ca);
    snprintf(live->paths[0], sizeof live->paths[0], "%s/dns.test.pem", live->folder);
    snprintf(live->paths[1], sizeof live->paths[1], "%s/dns.test.key", live->folder);
    struct problem problem = {0};
    struct world *world = test_world_open("https");
    const struct world_https https = {
        {live->paths[0], live->paths[1], NULL}, "/dns-query", lifetime_of};
    assert_int_equal(world_listen_https(world, test_loopback(), &https, &problem), OK);
    live->address = world_address(world, WORLD_SOCKET_HTTPS, 0);
    live->running = (struct running){.world = world, .node = {service_handle, NULL}};
    test_world_start(&live->running);
}

static void close_live(struct live *live)
{
    test_world_stop(&live->running);
    static const char *const FILES[] = {"dns.test.pem", "dns.test.key", "ca.pem", "ca.key"};
    for (size_t i = 0; i < LEN(FILES); i++) {
        char path[CERTIFICATE_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", live->folder, FILES[i]);
        unlink(path);
    }
    rmdir(live->folder);
}

struct dialled {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static int shake(const struct live *live, const char *alpn, struct dialled *dialled)
{
    union socket_name name;
    socklen_t len = socket_name_of(live->address, &name);
    dialled->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(dialled->fd, &name.any, len), 0);
    const gnutls_datum_t protocol = {(void *)(uintptr_t)alpn, (unsigned)strlen(alpn)};
    assert_int_equal(gnutls_init(&dialled->session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&dialled->credentials), 0);
    assert_int_equal(gnutls_set_default_priority(dialled->session), 0);
    assert_int_equal(
        gnutls_credentials_set(dialled->session, GNUTLS_CRD_CERTIFICATE, dialled->credentials), 0);
    assert_int_equal(gnutls_alpn_set_protocols(dialled->session, &protocol, 1, 0), 0);
    gnutls_transport_set_int(dialled->session, dialled->fd);
    return gnutls_handshake(dialled->session);
}

static void hang_up(struct dialled *dialled)
{
    gnutls_deinit(dialled->session);
    gnutls_certificate_free_credentials(dialled->credentials);
    close(dialled->fd);
}

/* Until that many answers have come whole. */
static void talk(struct dialled *dialled, nghttp2_session *client, const struct pair *seen,
                 size_t body_len)
{
    while (seen->body_len < body_len) {
        const uint8_t *bytes;
        ssize_t len;
        while ((len = nghttp2_session_mem_send(client, &bytes)) > 0) {
            assert_int_equal(gnutls_record_send(dialled->session, bytes, (size_t)len), len);
        }
        uint8_t room[4096];
        ssize_t got = gnutls_record_recv(dialled->session, room, sizeof room);
        if (got != GNUTLS_E_AGAIN && got != GNUTLS_E_INTERRUPTED) { /* a ticket */
            assert_true(got > 0);
            assert_int_equal(nghttp2_session_mem_recv(client, room, (size_t)got), got);
        }
    }
}

static ssize_t body_of_query(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
                             uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)source, (void)user;
    assert_true(size >= sizeof QUERY - 1);
    memcpy(room, QUERY, sizeof QUERY - 1);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return sizeof QUERY - 1;
}

static void queries_are_answered_over_tls(void **state)
{
    (void)state;
    struct live live;
    struct dialled dialled;
    struct pair seen = {0};
    nghttp2_session *client;
    open_live(&live);
    assert_int_equal(shake(&live, "http/1.1", &dialled), GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_int_equal(gnutls_alert_get(dialled.session), GNUTLS_A_NO_APPLICATION_PROTOCOL);
    hang_up(&dialled);
    assert_int_equal(shake(&live, "h2", &dialled), 0);
    open_client(&client, &seen);
    const nghttp2_data_provider body = {.read_callback = body_of_query};
    for (size_t i = 1; i <= 200; i++) {
        assert_true(ask(client, &body) > 0);
        if (i % 50 == 0) {
            talk(&dialled, client, &seen, i * (sizeof QUERY - 1));
        }
    }
    assert_int_equal(seen.status_count, 200);
    assert_string_equal(seen.status, "200");
    assert_int_equal(seen.lifetime_count, 200);
    nghttp2_session_del(client);
    hang_up(&dialled);
    close_live(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_judged_as_rfc_8484_wants_it),
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(a_large_body_is_not_kept),
        cmocka_unit_test(rapid_resets_end_the_connection),
        cmocka_unit_test(frames_that_ask_nothing_end_the_connection),
        cmocka_unit_test(endless_fields_end_the_connection),
        cmocka_unit_test(http1_is_told_what_is_spoken_here),
        cmocka_unit_test(queries_are_answered_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
