/* Mail by SMTP against a server that says what the row wants, and a service in the sandbox. */
#include "world/real/world_test.h"

#include "world/real/clock.h"
#include "world/real/socket.h"
#include "world/real/wait.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { TIMEOUT_MS = 8000, LINE_SIZE = 1000, ARENA_MAX = 1 << 20, HEADER_SIZE = 12 };

static const char BODY[] = "Subject: x\r\n\r\n.begins with a dot\r\n";

/* ------------------------------------------------------------------ a mail server */

struct server {
    int listener;
    const char *to_recipient; /* its replies */
    const char *to_message;
    char envelope[LINE_SIZE]; /* what it was told */
    char message[LINE_SIZE];
};

static void say(int fd, const char *text)
{
    (void)!wait_send(fd, span_of_text(text), clock_mono_ns() + MOMENT_NS_PER_S);
}

static bool hear(int fd, char line[LINE_SIZE])
{
    int64_t until = clock_mono_ns() + (int64_t)TIMEOUT_MS * MOMENT_NS_PER_MS;
    size_t len = 0;
    while (len + 1 < LINE_SIZE && wait_receive(fd, (uint8_t *)&line[len], 1, until) == OK) {
        if (line[len++] == '\n') {
            line[len] = '\0';
            return true;
        }
    }
    return false;
}

static void note(char *text, const char *line)
{
    size_t len = strlen(text);
    snprintf(text + len, LINE_SIZE - len, "%s", line);
}

static void hear_message(struct server *server, int fd)
{
    char line[LINE_SIZE];
    while (hear(fd, line) && strcmp(line, ".\r\n") != 0) {
        note(server->message, line);
    }
}

static void *serve_once(void *argument)
{
    struct server *server = argument;
    char line[LINE_SIZE];
    if (wait_for(server->listener, POLLIN,
                 clock_mono_ns() + (int64_t)TIMEOUT_MS * MOMENT_NS_PER_MS) != OK) {
        return NULL;
    }
    int fd = accept(server->listener, NULL, NULL);
    say(fd, "220 mail.test\r\n");
    while (hear(fd, line) && strncmp(line, "QUIT", 4) != 0) {
        if (strncmp(line, "MAIL", 4) == 0 || strncmp(line, "RCPT", 4) == 0) {
            note(server->envelope, line);
        }
        if (strncmp(line, "RCPT", 4) == 0) {
            say(fd, server->to_recipient);
        } else if (strncmp(line, "DATA", 4) == 0) {
            say(fd, "354 go on\r\n");
            hear_message(server, fd);
            say(fd, server->to_message);
        } else {
            say(fd, "250 mail.test\r\n");
        }
    }
    close(fd);
    return NULL;
}

/* ------------------------------------------------------------------ a service that mails */

struct mailer {
    uint64_t request;
};

static void mailer_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct mailer *mailer = state;
    if (event->kind == EVENT_CONTROL) {
        mailer->request = event->control.request;
        outbox_add(outbox, EFFECT_MAIL)->mail = (struct effect_mail){
            .mail = 1,
            .sender = SPAN_LITERAL("registrar@example.com"),
            .recipient = SPAN_LITERAL("holder@example.org"),
            .message_id = SPAN_LITERAL("<1@example.com>"),
            .message = SPAN_LITERAL(BODY),
        };
    } else if (event->kind == EVENT_MAIL) {
        char *text = arena_print(&outbox->scratch, "%d %.*s", (int)event->mail.outcome,
                                 (int)event->mail.reply.len, (const char *)event->mail.reply.bytes);
        assert_non_null(text);
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){.request = mailer->request, .text = span_of_text(text)};
    }
}

struct outcome_row {
    const char *to_recipient;
    const char *to_message;
    enum status outcome;
    const char *reply;
    const char *reason;
};

static void outcome_check(const struct outcome_row *row, int listener, const char *socket)
{
    struct server server = {
        .listener = listener, .to_recipient = row->to_recipient, .to_message = row->to_message};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve_once, &server), 0);
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct span text;
    struct problem problem = {0};
    assert_int_equal(control_ask(socket, "mail", &arena, &text, &problem), OK);
    pthread_join(thread, NULL);
    char *got = arena_text(&arena, text);
    assert_non_null(got);
    if (atoll(got) != (long long)row->outcome || strstr(got, row->reply) == NULL) {
        fail_msg("%s: %s", row->reason, got);
    }
    assert_non_null(strstr(server.envelope, "MAIL FROM:<registrar@example.com>"));
    assert_non_null(strstr(server.envelope, "RCPT TO:<holder@example.org>"));
    if (row->outcome == OK) {
        assert_string_equal(server.message, "Subject: x\r\n\r\n..begins with a dot\r\n");
    }
    arena_close(&arena);
}

static void outcomes_follow_the_server(void **state)
{
    (void)state;
    static const struct outcome_row ROWS[] = {
        {"250 ok\r\n", "250 queued\r\n", OK, "250 queued", "taken"},
        {"550 no such holder\r\n", "250 queued\r\n", REFUSED, "550 no such holder", "never"},
        {"450 later\r\n", "250 queued\r\n", IO_FAILED, "450 later", "the recipient is busy"},
        {"250 ok\r\n", "451 later\r\n", IO_FAILED, "451 later", "the server is busy"},
        {"250 ok\r\n", "554 spam\r\n", REFUSED, "554 spam", "the message is refused"},
    };
    char folder[] = "/tmp/vouch-smtp-XXXXXX", socket[60], url[60];
    assert_non_null(mkdtemp(folder));
    snprintf(socket, sizeof socket, "%s/control", folder);
    int listener;
    assert_int_equal(socket_listen(test_loopback(), SOCK_STREAM, "test", &listener, NULL), OK);
    snprintf(url, sizeof url, "smtp://127.0.0.1:%u", socket_local_address(listener).port);
    struct mailer mailer = {0};
    struct running running = {.world = test_world_open("mailer"), .node = {mailer_handle, &mailer}};
    struct problem problem = {0};
    assert_int_equal(world_mail_to_smtp(running.world, url, &problem), OK);
    assert_int_equal(world_listen_control(running.world, socket, &problem), OK);
    test_world_start(&running);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        outcome_check(&ROWS[i], listener, socket);
    }
    close(listener); /* nobody is there any more */
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct span text;
    assert_int_equal(control_ask(socket, "mail", &arena, &text, &problem), OK);
    assert_int_equal(atoll(arena_text(&arena, text)), IO_FAILED); /* to be tried again later */
    arena_close(&arena);
    test_world_stop(&running);
    assert_int_equal(rmdir(folder), 0);
}

/* ------------------------------------------------------------------ the sandbox */

static void boxed_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct disk *disk = state;
    if (event->kind == EVENT_QUERY) {
        /* A service that keeps files goes on keeping them. */
        enum status status = disk->replace(disk->self, "folder/file", event->query.message);
        status = status == OK ? disk->append(disk->self, "log", SPAN_LITERAL("x")) : status;
        if (status == OK) {
            outbox_reply(outbox, event->query.channel, event->query.message);
        }
    } else if (event->kind == EVENT_CONTROL) {
        char *argv[] = {NULL};
        execve("/bin/true", argv, argv); /* must be the end of the process */
    }
}

static void boxed_run(const char *folder, const char *socket, int port_pipe)
{
    const struct world_options options = {
        .name = "boxed", .log_level = LOG_NOTICE, .is_sandboxed = true};
    struct world *world;
    struct disk disk;
    if (world_open(&options, &world, NULL) != OK ||
        world_listen_dns(world, test_loopback(), NULL) != OK ||
        world_listen_control(world, socket, NULL) != OK ||
        world_disk(world, folder, &disk, NULL) != OK) {
        return;
    }
    uint16_t port = world_address(world, WORLD_SOCKET_DNS, 0).port;
    ssize_t told = write(port_pipe, &port, sizeof port);
    (void)told;
    _exit(world_run(world, (struct node){boxed_handle, &disk}));
}

static void a_boxed_service_works_and_cannot_start_programs(void **state)
{
    (void)state;
    char folder[] = "/tmp/vouch-boxed-XXXXXX", socket[60], files[60];
    assert_non_null(mkdtemp(folder));
    snprintf(socket, sizeof socket, "%s/control", folder);
    snprintf(files, sizeof files, "%s/files", folder);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        boxed_run(files, socket, pipes[1]);
        _exit(99);
    }
    struct address server = test_loopback();
    assert_int_equal(read(pipes[0], &server.port, sizeof server.port), sizeof server.port);
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    static const uint8_t QUERY[HEADER_SIZE] = {1, 2, 0x80};
    struct span answer, text;
    struct problem problem = {0};
    for (enum dns_way way = DNS_BY_UDP; way <= DNS_BY_TCP; way++) {
        const struct dns_server asked = {.address = server, .way = way, .timeout_ms = TIMEOUT_MS};
        if (dns_ask(&asked, span_of(QUERY, sizeof QUERY), &arena, &answer, &problem) != OK) {
            fail_msg("%s", problem.sentence);
        }
    }
    assert_int_not_equal(control_ask(socket, "exec", &arena, &text, &problem), OK);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    arena_close(&arena);
    close(pipes[0]);
    close(pipes[1]);
    static const char *const NAMES[] = {
        "files/folder/file", "files/folder", "files/log", "files/lock~", "files", "control", ""};
    for (size_t i = 0; i < LEN(NAMES); i++) {
        char path[100];
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        assert_int_equal(remove(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_follow_the_server),
        cmocka_unit_test(a_boxed_service_works_and_cannot_start_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
