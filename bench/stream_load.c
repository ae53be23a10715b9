/* The client of the bench of connections: keeps some, over TCP or TLS, each with some questions
 * under way, and counts answers; or holds very many that are idle.
 *
 *   stream_load ask  ADDRESS PORT tcp|tls CONNECTIONS WINDOW SECONDS ZONE NAMES  -> answers a
 * second stream_load hold ADDRESS PORT tcp|tls CONNECTIONS  -> "held N" once all have asked one
 * question; ends when standard input does */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { QUERY_SIZE = 320, IN_SIZE = 1 << 17, EVENTS = 256, PORT_FIRST = 20000, A_HOST = 5000 };

struct connection {
    int fd;
    gnutls_session_t session;
    uint8_t *in; /* made when first needed */
    size_t in_len;
    size_t sent, answered;
};

struct load {
    bool is_tls;
    struct sockaddr_in server;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    struct connection *connections;
    size_t count;
    uint8_t zone[256];
    size_t zone_len;
    unsigned long names;
    uint64_t random;
};

static void fail(const char *what)
{
    fprintf(stderr, "stream_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* From one of several addresses of our own, as one has not ports enough. */
static int dial(const struct load *load, size_t index)
{
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f640001u + (uint32_t)(index / A_HOST));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (const struct sockaddr *)&load->server, sizeof load->server) != 0) {
        fail("connect");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void open_connection(struct load *load, size_t index)
{
    struct connection *connection = &load->connections[index];
    connection->fd = dial(load, index);
    if (load->is_tls) {
        static const gnutls_datum_t DOT = {(unsigned char *)(uintptr_t) "dot", 3};
        gnutls_init(&connection->session, GNUTLS_CLIENT);
        gnutls_priority_set(connection->session, load->priorities);
        gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, load->credentials);
        gnutls_alpn_set_protocols(connection->session, &DOT, 1, 0);
        gnutls_transport_set_int(connection->session, connection->fd);
        int code = gnutls_handshake(connection->session);
        if (code != 0) {
            fprintf(stderr, "stream_load: no TLS: %s\n", gnutls_strerror(code));
            exit(1);
        }
    }
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
}

static size_t write_query(struct load *load, uint8_t *at)
{
    load->random = load->random * 6364136223846793005u + 1442695040888963407u;
    unsigned long number = load->names == 0 ? 0 : (load->random >> 33) % load->names;
    char label[32];
    size_t len = (size_t)snprintf(label, sizeof label, "name-%lu", number);
    uint8_t *start = at;
    at += 2;
    memcpy(at, "\x12\x34\0\0\0\1\0\0\0\0\0\0", 12);
    at += 12;
    *at++ = (uint8_t)len;
    memcpy(at, label, len);
    at += len;
    memcpy(at, load->zone, load->zone_len);
    at += load->zone_len;
    memcpy(at, "\0\1\0\1", 4);
    at += 4;
    size_t message_len = (size_t)(at - start) - 2;
    start[0] = (uint8_t)(message_len >> 8);
    start[1] = (uint8_t)message_len;
    return message_len + 2;
}

/* Few octets into a socket with room: all go at once. */
static void send_all(struct connection *connection, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = connection->session == NULL
                           ? send(connection->fd, bytes, len, MSG_NOSIGNAL)
                           : gnutls_record_send(connection->session, bytes, len);
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else if (connection->session == NULL ? errno != EAGAIN : sent != GNUTLS_E_AGAIN) {
            fail("send");
        } else {
            struct pollfd waiting = {.fd = connection->fd, .events = POLLOUT};
            poll(&waiting, 1, -1);
        }
    }
}

static void ask(struct load *load, struct connection *connection, size_t count)
{
    static uint8_t bytes[QUERY_SIZE * 256];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += write_query(load, bytes + len);
    }
    connection->sent += count;
    send_all(connection, bytes, len);
}

static bool receive(struct connection *connection)
{
    if (connection->in == NULL && (connection->in = malloc(IN_SIZE)) == NULL) {
        fail("memory");
    }
    uint8_t *room = connection->in + connection->in_len;
    size_t size = IN_SIZE - connection->in_len;
    ssize_t got = connection->session == NULL ? recv(connection->fd, room, size, 0)
                                              : gnutls_record_recv(connection->session, room, size);
    if (got <= 0) {
        bool waits = connection->session == NULL
                         ? got < 0 && errno == EAGAIN
                         : got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED;
        if (!waits) {
            fail("the server ended a connection");
        }
        return false;
    }
    connection->in_len += (size_t)got;
    size_t at = 0;
    while (connection->in_len - at >= 2) {
        size_t len = (size_t)connection->in[at] << 8 | connection->in[at + 1];
        if (connection->in_len - at < 2 + len) {
            break;
        }
        connection->answered++;
        at += 2 + len;
    }
    memmove(connection->in, connection->in + at, connection->in_len - at);
    connection->in_len -= at;
    return true;
}

static void watch(int epoll, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        fail("epoll");
    }
}

static size_t answers_of(const struct load *load)
{
    size_t answers = 0;
    for (size_t i = 0; i < load->count; i++) {
        answers += load->connections[i].answered;
    }
    return answers;
}

static void run_ask(struct load *load, size_t window, double seconds)
{
    int epoll = epoll_create1(0);
    for (size_t i = 0; i < load->count; i++) {
        open_connection(load, i);
        watch(epoll, &load->connections[i]);
        ask(load, &load->connections[i], window);
    }
    double began = now_s(), end = began + seconds, now = began;
    size_t before = answers_of(load);
    while (now < end) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            while (receive(connection) && connection->session != NULL &&
                   gnutls_record_check_pending(connection->session) != 0) {
            }
            size_t missing = window - (connection->sent - connection->answered);
            if (missing > 0) {
                ask(load, connection, missing);
            }
        }
        now = now_s();
    }
    printf("%.0f\n", (double)(answers_of(load) - before) / (now - began));
}

static void run_hold(struct load *load)
{
    for (size_t i = 0; i < load->count; i++) {
        struct connection *connection = &load->connections[i];
        open_connection(load, i);
        ask(load, connection, 1);
        while (connection->answered == 0) {
            struct pollfd waiting = {.fd = connection->fd, .events = POLLIN};
            poll(&waiting, 1, -1);
            (void)receive(connection);
        }
        free(connection->in);
        connection->in = NULL;
    }
    printf("held %zu\n", load->count);
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static void set_zone(struct load *load, const char *name)
{
    while (*name != '\0' && load->zone_len + 66 < sizeof load->zone) {
        size_t len = strcspn(name, ".");
        len = len > 63 ? 63 : len;
        load->zone[load->zone_len++] = (uint8_t)len;
        memcpy(load->zone + load->zone_len, name, len);
        load->zone_len += len;
        name += len;
        name += *name == '.' ? 1 : 0;
    }
    load->zone[load->zone_len++] = 0;
}

int main(int argc, char **argv)
{
    bool asks = argc == 10 && strcmp(argv[1], "ask") == 0;
    if (!asks && (argc != 6 || strcmp(argv[1], "hold") != 0)) {
        fprintf(
            stderr,
            "usage: stream_load ask ADDRESS PORT tcp|tls CONNECTIONS WINDOW SECONDS ZONE NAMES\n"
            "       stream_load hold ADDRESS PORT tcp|tls CONNECTIONS\n");
        return 2;
    }
    struct load load = {.is_tls = strcmp(argv[4], "tls") == 0,
                        .server = {.sin_family = AF_INET},
                        .count = strtoul(argv[5], NULL, 10),
                        .random = 1};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    load.server.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    inet_pton(AF_INET, argv[2], &load.server.sin_addr);
    load.connections = calloc(load.count, sizeof *load.connections);
    if (load.connections == NULL ||
        gnutls_certificate_allocate_credentials(&load.credentials) != 0 ||
        gnutls_priority_init(&load.priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL) != 0) {
        fail("memory");
    }
    if (asks) {
        size_t window = strtoul(argv[6], NULL, 10);
        set_zone(&load, argv[8]);
        load.names = strtoul(argv[9], NULL, 10);
        run_ask(&load, window > 256 ? 256 : window, strtod(argv[7], NULL));
    } else {
        set_zone(&load, "bench.example");
        load.names = 1;
        run_hold(&load);
    }
    return 0;
}
