/* DNS over HTTPS: which requests are queries, and whole exchanges over TLS. */
#include "world/real/http2_test.h"

#include "world/real/https.h"
#include "world/real/socket.h"
#include "world/real/test_certificate.h"
#include "world/real/world_limits.h"

#include <stdlib.h>
#include <string.h>

#define QUERY "\0\0\1\0\0\1\0\0\0\0\0\0x"
#define QUERY_BASE64URL "AAABAAABAAAAAAAAeA"

enum {
    LIFETIME_S = 42,
    LONG_IDLE_MS = 60000,
    SHORT_IDLE_MS = 1000,
    ROUNDS_MAX = 1000,
    TIMEOUT_MS = 10000,
    ARENA_MAX = 1 << 20
};

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

/* ------------------------------------------------------------------ over TLS */

static uint32_t lifetime_of(struct span answer)
{
    return answer.len > 12 ? LIFETIME_S : 0;
}

/* The service holds answers back while it has less than `hold` of them to give. */
struct service {
    size_t hold, held_count;
    uint64_t held[HTTPS_REQUESTS_MAX + 1];
};

static void service_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct service *service = state;
    if (event->kind != EVENT_QUERY) {
        return;
    }
    assert_int_equal(event->query.transport, TRANSPORT_HTTPS);
    assert_true(event->query.is_tls_1_3);
    assert_int_equal(event->query.idle_ms, 0);
    assert_true(span_equal(event->query.message, SPAN_LITERAL(QUERY)));
    assert_true(service->held_count < LEN(service->held));
    service->held[service->held_count++] = event->query.channel;
    static const uint8_t ANSWER[sizeof QUERY - 1] = {0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'x'};
    while (service->held_count >= service->hold && service->held_count > 0) {
        outbox_reply(outbox, service->held[--service->held_count], span_of(ANSWER, sizeof ANSWER));
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
};

static void open_live(struct live *live, size_t hold, uint32_t idle_ms)
{
    *live = (struct live){.service.hold = hold};
    snprintf(live->folder, sizeof live->folder, "/tmp/vouch-https-XXXXXX");
    assert_non_null(mkdtemp(live->folder));
    live->ca = certificate_issue(live->folder, "ca", NULL);
    issued_close(certificate_issue(live->folder, "dns.test", &live->ca));
    snprintf(live->paths[0], sizeof live->paths[0], "%s/dns.test.pem", live->folder);
    snprintf(live->paths[1], sizeof live->paths[1], "%s/dns.test.key", live->folder);
    struct problem problem = {0};
    struct world *world = test_world_open("https");
    world_set_stream_limits(world, (struct world_stream_limits){.idle_ms = idle_ms});
    const struct world_https https = {
        {live->paths[0], live->paths[1], NULL}, "/dns-query", lifetime_of};
    assert_int_equal(world_listen_https(world, test_loopback(), &https, &problem), OK);
    live->address = world_address(world, WORLD_SOCKET_HTTPS, 0);
    live->running = (struct running){.world = world, .node = {service_handle, &live->service}};
    test_world_start(&live->running);
}

static void close_live(struct live *live)
{
    test_world_stop(&live->running);
    issued_close(live->ca);
    static const char *const FILES[] = {"dns.test.pem", "dns.test.key", "ca.pem",
                                        "ca.key",       "other.pem",    "other.key"};
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

static void send_all(const struct dialled *dialled, nghttp2_session *client)
{
    const uint8_t *bytes;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(client, &bytes)) > 0) {
        assert_int_equal(gnutls_record_send(dialled->session, bytes, (size_t)len), len);
    }
}

/* Octets both ways until one of what `client` has seen is so many, or the server ends it. */
static bool talk(const struct dialled *dialled, nghttp2_session *client, const size_t *seen,
                 size_t wanted)
{
    while (*seen < wanted) {
        send_all(dialled, client);
        uint8_t room[4096];
        ssize_t got = gnutls_record_recv(dialled->session, room, sizeof room);
        if (got == 0 || (got < 0 && gnutls_error_is_fatal((int)got) != 0)) {
            return false;
        }
        if (got > 0) { /* and no ticket */
            assert_int_equal(nghttp2_session_mem_recv(client, room, (size_t)got), got);
        }
    }
    return true;
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

static const nghttp2_data_provider QUERY_BODY = {.read_callback = body_of_query};

static void queries_are_answered_over_tls(void **state)
{
    (void)state;
    struct live live;
    struct dialled dialled;
    struct seen seen = {0};
    nghttp2_session *client;
    open_live(&live, 0, LONG_IDLE_MS);
    assert_int_equal(shake(&live, "http/1.1", &dialled), GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_int_equal(gnutls_alert_get(dialled.session), GNUTLS_A_NO_APPLICATION_PROTOCOL);
    hang_up(&dialled);
    assert_int_equal(shake(&live, "h2", &dialled), 0);
    open_client(&client, &seen);
    for (size_t i = 1; i <= 200; i++) {
        assert_true(ask(client, &QUERY_BODY) > 0);
        if (i % 50 == 0) {
            assert_true(talk(&dialled, client, &seen.body_len, i * (sizeof QUERY - 1)));
        }
    }
    assert_int_equal(seen.status_count, 200);
    assert_string_equal(seen.status, "200");
    assert_int_equal(seen.lifetime_count, 200);
    nghttp2_session_del(client);
    hang_up(&dialled);
    close_live(&live);
}

/* CVE-2023-44487: what is taken back is under way in the service all the same. */
static void requests_taken_back_count_until_they_are_answered(void **state)
{
    (void)state;
    struct live live;
    struct dialled greedy, honest;
    struct seen greedy_seen = {0}, honest_seen = {0};
    nghttp2_session *greedy_client, *honest_client;
    open_live(&live, HTTPS_REQUESTS_MAX + 1, LONG_IDLE_MS);
    assert_int_equal(shake(&live, "h2", &greedy), 0);
    assert_int_equal(shake(&live, "h2", &honest), 0);
    open_client(&greedy_client, &greedy_seen);
    open_client(&honest_client, &honest_seen);
    int32_t ids[HTTPS_REQUESTS_MAX];
    for (size_t i = 0; i < LEN(ids); i++) {
        ids[i] = ask(greedy_client, &QUERY_BODY);
    }
    send_all(&greedy, greedy_client);
    for (size_t i = 0; i < LEN(ids); i++) {
        assert_int_equal(
            nghttp2_submit_rst_stream(greedy_client, NGHTTP2_FLAG_NONE, ids[i], NGHTTP2_CANCEL), 0);
    }
    assert_true(ask(greedy_client, &QUERY_BODY) > 0);
    assert_true(talk(&greedy, greedy_client, &greedy_seen.reset_count, 1));
    assert_int_equal(greedy_seen.reset, NGHTTP2_REFUSED_STREAM);
    assert_true(ask(honest_client, &QUERY_BODY) > 0); /* for which the service waits */
    assert_true(talk(&honest, honest_client, &honest_seen.status_count, 1));
    assert_int_equal(greedy_seen.status_count, 0);
    assert_true(ask(greedy_client, &QUERY_BODY) > 0);
    assert_true(talk(&greedy, greedy_client, &greedy_seen.status_count, 1));
    nghttp2_session_del(greedy_client);
    nghttp2_session_del(honest_client);
    hang_up(&greedy);
    hang_up(&honest);
    close_live(&live);
}

static void who_never_opens_its_window_is_ended(void **state)
{
    (void)state;
    static const nghttp2_settings_entry NO_WINDOW = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    struct live live;
    struct dialled dialled;
    struct seen seen = {0};
    nghttp2_session *client;
    open_live(&live, 0, SHORT_IDLE_MS);
    assert_int_equal(shake(&live, "h2", &dialled), 0);
    open_client(&client, &seen);
    assert_int_equal(nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, &NO_WINDOW, 1), 0);
    assert_true(ask(client, &QUERY_BODY) > 0);
    assert_false(talk(&dialled, client, &seen.body_len, 1));
    assert_int_equal(seen.status_count, 1);
    nghttp2_session_del(client);
    hang_up(&dialled);
    close_live(&live);
}

/* Whether a new connection is shown another certificate than an old one was. */
static bool is_shown_another(const struct live *live, const struct dialled *before)
{
    unsigned count;
    struct dialled now;
    assert_int_equal(shake(live, "h2", &now), 0);
    const gnutls_datum_t *seen = gnutls_certificate_get_peers(now.session, &count);
    const gnutls_datum_t *first = gnutls_certificate_get_peers(before->session, &count);
    bool is_another =
        !span_equal(span_of(seen->data, seen->size), span_of(first->data, first->size));
    hang_up(&now);
    return is_another;
}

static void a_reload_is_for_connections_from_then_on(void **state)
{
    (void)state;
    struct live live;
    struct dialled dialled;
    struct seen seen = {0};
    nghttp2_session *client;
    open_live(&live, 0, LONG_IDLE_MS);
    assert_int_equal(shake(&live, "h2", &dialled), 0);
    open_client(&client, &seen);
    assert_false(is_shown_another(&live, &dialled));
    issued_close(certificate_issue(live.folder, "dns.test", &live.ca));
    kill(getpid(), SIGHUP);
    size_t tries = 0;
    while (!is_shown_another(&live, &dialled) && tries < ROUNDS_MAX) {
        tries++;
    }
    assert_true(tries < ROUNDS_MAX);
    assert_true(ask(client, &QUERY_BODY) > 0);
    assert_true(talk(&dialled, client, &seen.status_count, 1));
    nghttp2_session_del(client);
    hang_up(&dialled);
    close_live(&live);
}

static void dns_ask_is_answered_and_believes_whom_it_may(void **state)
{
    (void)state;
    static const struct {
        enum dns_way way;
        const char *ca, *host_name, *path;
        enum status status;
        const char *says;
    } ROWS[] = {
        {DNS_BY_HTTPS_POST, NULL, NULL, "/dns-query", OK, ""},
        {DNS_BY_HTTPS_GET, NULL, NULL, "/dns-query", OK, ""},
        {DNS_BY_HTTPS_POST, "ca", "dns.test", "/dns-query", OK, ""},
        {DNS_BY_HTTPS_GET, "ca", NULL, "/dns-query", OK, ""},
        {DNS_BY_HTTPS_POST, "ca", "elsewhere.test", "/dns-query", REFUSED, "name in the cert"},
        {DNS_BY_HTTPS_POST, "dns.test", "dns.test", "/dns-query", OK, ""},
        {DNS_BY_HTTPS_POST, "other", "dns.test", "/dns-query", REFUSED, "NOT trusted"},
        {DNS_BY_HTTPS_POST, "", "dns.test", "/dns-query", REFUSED, "NOT trusted"},
        {DNS_BY_HTTPS_GET, NULL, NULL, "/elsewhere", REFUSED, "its HTTP status is 404"},
        {DNS_BY_TLS, NULL, NULL, "", CLOSED, "No supported application protocol"},
    };
    struct live live;
    open_live(&live, 0, LONG_IDLE_MS);
    issued_close(certificate_issue(live.folder, "other", NULL));
    for (size_t i = 0; i < LEN(ROWS); i++) {
        char ca_file[CERTIFICATE_PATH_SIZE];
        snprintf(ca_file, sizeof ca_file, "%s/%s.pem", live.folder, ROWS[i].ca);
        const struct dns_server server = {.address = live.address,
                                          .way = ROWS[i].way,
                                          .timeout_ms = TIMEOUT_MS,
                                          .ca_file = ROWS[i].ca == NULL      ? NULL
                                                     : ROWS[i].ca[0] == '\0' ? WORLD_CA_OF_SYSTEM
                                                                             : ca_file,
                                          .host_name = ROWS[i].host_name,
                                          .path = ROWS[i].path};
        struct arena arena;
        struct span answer;
        struct problem problem = {0};
        arena_open(&arena, ARENA_MAX);
        enum status status =
            dns_ask(&server, span_of(QUERY, sizeof QUERY - 1), &arena, &answer, &problem);
        if (status != ROWS[i].status || strstr(problem.sentence, ROWS[i].says) == NULL) {
            fail_msg("row %zu: %s, %s", i, status_text(status), problem.sentence);
        }
        arena_close(&arena);
    }
    close_live(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_judged_as_rfc_8484_wants_it),
        cmocka_unit_test(queries_are_answered_over_tls),
        cmocka_unit_test(requests_taken_back_count_until_they_are_answered),
        cmocka_unit_test(who_never_opens_its_window_is_ended),
        cmocka_unit_test(dns_ask_is_answered_and_believes_whom_it_may),
        cmocka_unit_test(a_reload_is_for_connections_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
