/* EPP over TLS, HTTP and mail, each as a service meets them: both ends run in one world, over
 * loopback, ports of the kernel's choice and certificates made here. */
#include "world/real/world_test.h"

#include "world/real/socket.h"
#include "world/real/test_certificate.h"
#include "world/real/wait.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PATH_SIZE = 160,
    TIMEOUT_MS = 8000,
    ARENA_MAX = 8 << 20,
    PEM_SIZE = 8192,
    LARGE_FRAME = 60000,
    SEEN_MAX = 40
};

static const uint64_t CLIENT = (uint64_t)1 << 63;

/* What the service saw, by name; read by the test through the control socket alone. */
struct seen {
    char words[SEEN_MAX][80];
    size_t count;
    uint64_t waiting; /* a control request that waits for `wanted` words */
    size_t wanted;
    uint64_t late_http;
};

static void note(struct seen *seen, struct outbox *outbox, const char *word, enum status outcome,
                 size_t number)
{
    if (seen->count < SEEN_MAX) {
        snprintf(seen->words[seen->count++], sizeof seen->words[0], "%s %d %zu", word, (int)outcome,
                 number);
    }
    if (seen->waiting != 0 && seen->count >= seen->wanted) {
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){.request = seen->waiting};
        seen->waiting = 0;
    }
}

static void epp_handle(struct seen *seen, const struct event *event, struct outbox *outbox)
{
    const struct event_epp *epp = &event->epp;
    bool is_client = (epp->session & CLIENT) != 0;
    struct effect_epp effect = {.session = epp->session};
    if (event->kind == EVENT_EPP_OPENED && !is_client) {
        note(seen, outbox, "server opened", OK, epp->certificate_digest.len);
        effect.frame = SPAN_LITERAL("<greeting/>");
        outbox_add(outbox, EFFECT_EPP_SEND)->epp = effect;
    } else if (event->kind == EVENT_EPP_OPENED) {
        note(seen, outbox, "client opened", OK, epp->certificate_digest.len);
    } else if (event->kind == EVENT_EPP_CLOSED) {
        note(seen, outbox, is_client ? "client closed" : "server closed", epp->outcome, 0);
    } else if (is_client && span_equal(epp->frame, SPAN_LITERAL("<greeting/>"))) {
        uint8_t *large = arena_take(&outbox->scratch, LARGE_FRAME);
        assert_non_null(large);
        memset(large, 'x', LARGE_FRAME);
        effect.frame = span_of(large, LARGE_FRAME);
        outbox_add(outbox, EFFECT_EPP_SEND)->epp = effect;
        outbox_add(outbox, EFFECT_EPP_SEND)->epp = effect;
    } else if (is_client) {
        note(seen, outbox, "client frame", OK, epp->frame.len);
        outbox_add(outbox, EFFECT_EPP_CLOSE)->epp = effect;
    } else {
        note(seen, outbox, "server frame", OK, epp->frame.len);
        effect.frame = SPAN_LITERAL("<response/>");
        if (seen->words[seen->count - 1][0] == 's' && seen->count % 2 == 0) {
            outbox_add(outbox, EFFECT_EPP_SEND)->epp = effect;
        }
    }
}

static void http_handle(struct seen *seen, const struct event *event, struct outbox *outbox)
{
    const struct event_http *http = &event->http;
    struct effect *effect;
    if (span_equal(http->path, SPAN_LITERAL("/late"))) {
        seen->late_http = http->request;
        outbox_timer(outbox, 1, event->now.mono_ns + 30 * (int64_t)MOMENT_NS_PER_MS);
        return;
    }
    if (span_equal(http->path, SPAN_LITERAL("/never"))) {
        return;
    }
    effect = outbox_add(outbox, EFFECT_HTTP);
    effect->http = (struct effect_http){
        .request = http->request,
        .status = 200,
        .fields = {{SPAN_LITERAL("X-Test"), SPAN_LITERAL("yes")}},
        .field_count = 1,
    };
    char *text = arena_print(&outbox->scratch, "%.*s|%.*s|%.*s|%.*s|%zu", (int)http->method.len,
                             (const char *)http->method.bytes, (int)http->path.len,
                             (const char *)http->path.bytes, (int)http->query.len,
                             (const char *)http->query.bytes, (int)http->target.len,
                             (const char *)http->target.bytes, http->body.len);
    assert_non_null(text);
    effect->http.body = span_of_text(text);
    if (span_equal(http->path, SPAN_LITERAL("/split"))) {
        effect->http.fields[0].value = SPAN_LITERAL("a\r\nSet-Cookie: stolen");
    }
}

static void control_handle(struct seen *seen, const struct event *event, struct outbox *outbox)
{
    struct span line = event->control.line;
    seen->waiting = event->control.request;
    seen->count = 0;
    if (line.len > 4 && memcmp(line.bytes, "epp ", 4) == 0) {
        /* Opened and closed at both ends, two frames one way, one back; or refused. */
        bool is_good = span_equal(line, SPAN_LITERAL("epp good"));
        seen->wanted = is_good ? 7 : span_equal(line, SPAN_LITERAL("epp anonymous")) ? 2 : 1;
        outbox_add(outbox, EFFECT_EPP_OPEN)->epp = (struct effect_epp){
            .session = CLIENT | event->control.request,
            .server = span_part(line, 4, line.len - 4),
        };
        return;
    }
    seen->wanted = 1;
    outbox_add(outbox, EFFECT_MAIL)->mail = (struct effect_mail){
        .mail = 9,
        .sender = SPAN_LITERAL("registrar@example.com"),
        .recipient = line,
        .message_id = SPAN_LITERAL("<1@example.com>"),
        .message = SPAN_LITERAL("Subject: x\r\n\r\n.one\r\ntwo\r\n"),
    };
}

static void service_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct seen *seen = state;
    switch (event->kind) {
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
        epp_handle(seen, event, outbox);
        break;
    case EVENT_HTTP:
        http_handle(seen, event, outbox);
        break;
    case EVENT_CONTROL:
        control_handle(seen, event, outbox);
        break;
    case EVENT_MAIL:
        note(seen, outbox, "mail", event->mail.outcome, event->mail.mail);
        break;
    case EVENT_TIMER:
        outbox_add(outbox, EFFECT_HTTP)->http = (struct effect_http){
            .request = seen->late_http, .status = 202, .body = SPAN_LITERAL("late")};
        break;
    case EVENT_START:
    case EVENT_STOP:
    case EVENT_RELOAD:
    case EVENT_QUERY:
    case EVENT_ANSWER:
    case EVENT_ROOM:
    case EVENT_METRICS:
    case EVENT_KIND_COUNT:
        break;
    }
}

/* ------------------------------------------------------------------ certificates */

struct fixture {
    struct seen seen;
    struct running running;
    struct arena arena;
    char folder[40];
    char control[PATH_SIZE];
};

static char *path_of(struct fixture *fixture, const char *name)
{
    char *path = arena_print(&fixture->arena, "%s/%s", fixture->folder, name);
    assert_non_null(path);
    return path;
}

static void certificates_make(struct fixture *fixture)
{
    struct issued ca = certificate_issue(fixture->folder, "ca", NULL);
    struct issued other = certificate_issue(fixture->folder, "other", NULL);
    issued_close(certificate_issue(fixture->folder, "epp.test", &ca));
    issued_close(certificate_issue(fixture->folder, "registrar.test", &ca));
    issued_close(certificate_issue(fixture->folder, "stranger.test", &other));
    issued_close(ca);
    issued_close(other);
}

/* ------------------------------------------------------------------ fixture */

static void epp_servers_add(struct fixture *fixture)
{
    struct world *world = fixture->running.world;
    struct world_tls server = {path_of(fixture, "epp.test.pem"), path_of(fixture, "epp.test.key"),
                               path_of(fixture, "ca.pem")};
    struct problem problem = {0};
    assert_int_equal(world_listen_epp(world, test_loopback(), server, &problem), OK);
    const struct {
        const char *name, *host, *certificate, *key, *ca;
    } ROWS[] = {
        {"good", "epp.test", "registrar.test.pem", "registrar.test.key", "ca.pem"},
        {"host", "elsewhere.test", "registrar.test.pem", "registrar.test.key", "ca.pem"},
        {"authority", "epp.test", "registrar.test.pem", "registrar.test.key", "other.pem"},
        {"anonymous", "epp.test", NULL, NULL, "ca.pem"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct world_tls client = {
            ROWS[i].certificate == NULL ? NULL : path_of(fixture, ROWS[i].certificate),
            ROWS[i].key == NULL ? NULL : path_of(fixture, ROWS[i].key),
            path_of(fixture, ROWS[i].ca)};
        assert_int_equal(world_add_epp_server(world, ROWS[i].name,
                                              world_address(world, WORLD_SOCKET_EPP, 0),
                                              ROWS[i].host, client, &problem),
                         OK);
    }
}

static int fixture_open(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.folder = "/tmp/vouch-session-XXXXXX"};
    assert_non_null(mkdtemp(fixture.folder));
    arena_open(&fixture.arena, ARENA_MAX);
    snprintf(fixture.control, sizeof fixture.control, "%s/control", fixture.folder);
    certificates_make(&fixture);
    struct world *world = test_world_open("session");
    fixture.running = (struct running){.world = world, .node = {service_handle, &fixture.seen}};
    struct problem problem = {0};
    assert_int_equal(world_listen_http(world, test_loopback(), NULL, NULL, &problem), OK);
    assert_int_equal(world_listen_http(world, test_loopback(), path_of(&fixture, "epp.test.pem"),
                                       path_of(&fixture, "epp.test.key"), &problem),
                     OK);
    assert_int_equal(world_listen_http(world, test_loopback(), path_of(&fixture, "ca.pem"),
                                       path_of(&fixture, "none"), &problem),
                     IO_FAILED);
    epp_servers_add(&fixture);
    assert_int_equal(world_mail_to_maildir(world, path_of(&fixture, "mail"), &problem), OK);
    assert_int_equal(world_listen_control(world, fixture.control, &problem), OK);
    test_world_start(&fixture.running);
    *state = &fixture;
    return 0;
}

static int fixture_close(void **state)
{
    struct fixture *fixture = *state;
    test_world_stop(&fixture->running);
    static const char *const NAMES[] = {"ca.pem",
                                        "ca.key",
                                        "other.pem",
                                        "other.key",
                                        "epp.test.pem",
                                        "epp.test.key",
                                        "registrar.test.pem",
                                        "registrar.test.key",
                                        "mail/new",
                                        "stranger.test.pem",
                                        "stranger.test.key",
                                        "mail/tmp",
                                        "mail/cur",
                                        "mail",
                                        ""};
    for (size_t i = 0; i < LEN(NAMES); i++) {
        (void)remove(path_of(fixture, NAMES[i]));
    }
    arena_close(&fixture->arena);
    return 0;
}

static void command(struct fixture *fixture, const char *line)
{
    struct span text;
    struct problem problem = {0};
    if (control_ask(fixture->control, line, &fixture->arena, &text, &problem) != OK) {
        fail_msg("%s: %s", line, problem.sentence);
    }
}

static bool was_seen(const struct fixture *fixture, const char *word)
{
    for (size_t i = 0; i < fixture->seen.count; i++) {
        if (strcmp(fixture->seen.words[i], word) == 0) {
            return true;
        }
    }
    print_message("not seen: %s\n", word);
    for (size_t i = 0; i < fixture->seen.count; i++) {
        print_message("  %s\n", fixture->seen.words[i]);
    }
    return false;
}

/* ------------------------------------------------------------------ EPP */

static void frames_go_both_ways(void **state)
{
    struct fixture *fixture = *state;
    command(fixture, "epp good");
    assert_true(was_seen(fixture, "server opened 0 32"));
    assert_true(was_seen(fixture, "client opened 0 32"));
    assert_true(was_seen(fixture, "server frame 0 60000"));
    assert_true(was_seen(fixture, "client frame 0 11"));
    char closed[40];
    snprintf(closed, sizeof closed, "client closed %d 0", CLOSED);
    assert_true(was_seen(fixture, closed));
    snprintf(closed, sizeof closed, "server closed %d 0", CLOSED);
    assert_true(was_seen(fixture, closed));
}

static void mistrust_ends_a_session(void **state)
{
    struct fixture *fixture = *state;
    char mismatch[40], missing[40];
    snprintf(mismatch, sizeof mismatch, "client closed %d 0", MISMATCH);
    snprintf(missing, sizeof missing, "client closed %d 0", NOT_FOUND);
    command(fixture, "epp host");
    assert_true(was_seen(fixture, mismatch));
    command(fixture, "epp authority");
    assert_true(was_seen(fixture, mismatch));
    /* In TLS 1.3 our side is done before the server says no. */
    command(fixture, "epp anonymous");
    assert_true(was_seen(fixture, mismatch));
    command(fixture, "epp unknown");
    assert_true(was_seen(fixture, missing));
}

/* ------------------------------------------------------------------ HTTP */

static const char *http_ask(struct fixture *fixture, const char *request, size_t len)
{
    int fd;
    struct world *world = fixture->running.world;
    int64_t until = world_now(world).mono_ns + (int64_t)TIMEOUT_MS * MOMENT_NS_PER_MS;
    assert_int_equal(socket_connect_stream(world_address(world, WORLD_SOCKET_HTTP, 0), &fd), OK);
    assert_int_equal(wait_for(fd, POLLOUT, until), OK);
    (void)!wait_send(fd, span_of(request, len), until); /* it may be refused half way */
    char *text = arena_take(&fixture->arena, PEM_SIZE);
    assert_non_null(text);
    size_t got = 0;
    while (got + 1 < PEM_SIZE) {
        uint8_t octet;
        if (wait_receive(fd, &octet, 1, until) != OK) {
            break;
        }
        text[got++] = (char)octet;
    }
    close(fd);
    return text;
}

static void requests_are_answered(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *request;
        const char *status;
        const char *body;
        const char *reason;
    } ROWS[] = {
        {"GET /a%20b/?x=%41&y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200",
         "GET|/a b/|x=%41&y|/a%20b/?x=%41&y|0", "the path is decoded, the rest is as sent"},
        {"POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
         "HTTP/1.1 200", "POST|/p||/p|5", "with a body"},
        {"POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
         "HTTP/1.1 200", "POST|/c||/c|7", "in chunks"},
        {"GET /late HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 202", "late",
         "answered after a while"},
        {"GET /%4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 400", "understood",
         "a broken escape"},
        {"GET /a%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 400", "understood",
         "a NUL"},
        {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400", "", "no Host"},
        {"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 413",
         "too long", "a body that is announced as too long"},
        {"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 4", "",
         "a negative length"},
        {"GET /split HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 500",
         "could not be made", "no line end gets into a field"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        const char *text = http_ask(fixture, ROWS[i].request, strlen(ROWS[i].request));
        if (strncmp(text, ROWS[i].status, strlen(ROWS[i].status)) != 0 ||
            strstr(text, ROWS[i].body) == NULL || strstr(text, "stolen") != NULL) {
            fail_msg("%s: got %s", ROWS[i].reason, text);
        }
    }
}

static void many_fields_and_long_targets_end(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    char *request = arena_take(&arena, 1 << 16);
    int len = snprintf(request, 1 << 16, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    for (size_t i = 0; i < 120; i++) {
        len += snprintf(request + len, (size_t)((1 << 16) - len), "A%zu: b\r\n", i);
    }
    len += snprintf(request + len, (size_t)((1 << 16) - len), "\r\n");
    assert_int_equal(strncmp(http_ask(fixture, request, (size_t)len), "HTTP/1.1 413", 12), 0);
    len = snprintf(request, 1 << 16, "GET /%020000d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    assert_int_not_equal(strncmp(http_ask(fixture, request, (size_t)len), "HTTP/1.1 200", 12), 0);
    arena_close(&arena);
    requests_are_answered(state);
}

/* ------------------------------------------------------------------ mail */

static size_t files_count(const char *path)
{
    size_t count = 0;
    DIR *opened = opendir(path);
    assert_non_null(opened);
    for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        count += entry->d_name[0] == '.' ? 0 : 1;
    }
    closedir(opened);
    return count;
}

static void a_repeated_mail_stands_once(void **state)
{
    struct fixture *fixture = *state;
    const char *new = path_of(fixture, "mail/new");
    command(fixture, "holder@example.org");
    assert_true(was_seen(fixture, "mail 0 9"));
    command(fixture, "holder@example.org");
    assert_true(was_seen(fixture, "mail 0 9"));
    assert_int_equal(files_count(new), 1);
    assert_int_equal(files_count(path_of(fixture, "mail/tmp")), 0);
    /* The holder reads it: the file moves, and a repetition still makes no second one. */
    DIR *opened = opendir(new);
    char name[PATH_SIZE] = "";
    for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened)) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%.100s", entry->d_name);
        }
    }
    closedir(opened);
    char *before = arena_print(&fixture->arena, "%s/%s", new, name);
    char *after = arena_print(&fixture->arena, "%s/mail/cur/%s:2,S", fixture->folder, name);
    struct span content;
    assert_int_equal(file_read(before, 1000, &fixture->arena, &content, NULL), OK);
    assert_true(span_equal(content, SPAN_LITERAL("Subject: x\n\n.one\ntwo\n")));
    assert_int_equal(rename(before, after), 0);
    command(fixture, "holder@example.org");
    assert_int_equal(files_count(new), 0);
    assert_int_equal(unlink(after), 0);
    char refused[40];
    snprintf(refused, sizeof refused, "mail %d 9", REFUSED);
    command(fixture, "a b@example.org");
    assert_true(was_seen(fixture, refused));
    assert_int_equal(files_count(new), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_both_ways),
        cmocka_unit_test(mistrust_ends_a_session),
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(many_fields_and_long_targets_end),
        cmocka_unit_test(a_repeated_mail_stands_once),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
