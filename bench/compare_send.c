/* How a batch of questions gets its answers from several servers at once, fast enough that hundreds
 * of thousands are asked in a minute or two. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compare.h"

enum { WAIT_MS = 700, TRIES = 4, UDP_BUFFER_LEN = 4 << 20, TCP_WAIT_S = 5 };

/* The messages of a batch; ids are places in it, in a range that each batch takes anew. */
struct batch {
    uint8_t bytes[COMPARE_BATCH][COMPARE_QUERY_LEN_MAX];
    struct span queries[COMPARE_BATCH];
    size_t count;
    uint16_t id_first;
};

static int connect_to(const struct server *server, int kind)
{
    struct addrinfo hints = {.ai_socktype = kind, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (getaddrinfo(server->address.host, server->address.port, &hints, &found) != 0) {
        return -1;
    }
    int fd = socket(found->ai_family, kind, 0);
    struct timeval patience = {.tv_sec = TCP_WAIT_S};
    int size = UDP_BUFFER_LEN;
    int yes = 1;
    if (kind == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

bool send_open(struct server *server)
{
    server->tcp = -1;
    server->udp = connect_to(server, SOCK_DGRAM);
    server->answers = malloc((size_t)COMPARE_BATCH * MESSAGE_LEN_MAX);
    return server->udp >= 0 && server->answers != NULL;
}

void send_close(struct server *server)
{
    if (server->udp >= 0) {
        close(server->udp);
    }
    if (server->tcp >= 0) {
        close(server->tcp);
    }
    free(server->answers);
}

static void make_batch(struct batch *batch, const struct ask *asks, size_t count)
{
    static uint16_t id_next;
    batch->count = count;
    batch->id_first = id_next;
    id_next = (uint16_t)(id_next + COMPARE_BATCH);
    for (size_t i = 0; i < count; i++) {
        const struct ask *ask = &asks[i];
        batch->queries[i] = message_make_query(batch->bytes[i], COMPARE_QUERY_LEN_MAX,
                                               (uint16_t)(batch->id_first + i), ask->flags,
                                               ask->question, ask->wants_dnssec, ask->udp_size);
    }
}

/* Takes one answer where it belongs; false when it is none of this batch. */
static bool take_answer(struct server *server, const struct batch *batch, size_t len, size_t at)
{
    uint8_t *bytes = server->answers + at * MESSAGE_LEN_MAX;
    if (len < MESSAGE_HEADER_LEN) {
        return false;
    }
    uint16_t id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    size_t slot = (uint16_t)(id - batch->id_first);
    if (slot >= batch->count || server->got[slot].len != 0) {
        return false;
    }
    server->got[slot] = span_of(bytes, len);
    return true;
}

static size_t missing_of(const struct server *server, const struct batch *batch)
{
    size_t missing = 0;
    for (size_t i = 0; i < batch->count; i++) {
        missing += server->got[i].len == 0;
    }
    return missing;
}

static void receive_all(struct server *servers, size_t server_count, const struct batch *batch,
                        size_t *places)
{
    for (;;) {
        struct pollfd polls[COMPARE_SERVERS_MAX];
        size_t left = 0;
        for (size_t i = 0; i < server_count; i++) {
            size_t missing = missing_of(&servers[i], batch);
            polls[i] = (struct pollfd){.fd = missing > 0 ? servers[i].udp : -1, .events = POLLIN};
            left += missing;
        }
        if (left == 0 || poll(polls, server_count, WAIT_MS) <= 0) {
            return;
        }
        for (size_t i = 0; i < server_count; i++) {
            while (polls[i].revents != 0 && places[i] < COMPARE_BATCH) {
                uint8_t *bytes = servers[i].answers + places[i] * MESSAGE_LEN_MAX;
                ssize_t len = recv(servers[i].udp, bytes, MESSAGE_LEN_MAX, MSG_DONTWAIT);
                if (len < 0) {
                    break;
                }
                places[i] += take_answer(&servers[i], batch, (size_t)len, places[i]);
            }
        }
    }
}

static void ask_by_udp(struct server *servers, size_t server_count, const struct batch *batch)
{
    size_t places[COMPARE_SERVERS_MAX] = {0};
    for (int attempt = 0; attempt < TRIES; attempt++) {
        size_t sent = 0;
        for (size_t i = 0; i < server_count; i++) {
            for (size_t j = 0; j < batch->count; j++) {
                if (servers[i].got[j].len == 0) {
                    sent++;
                    (void)!send(servers[i].udp, batch->queries[j].bytes, batch->queries[j].len, 0);
                }
            }
        }
        if (sent == 0) {
            return;
        }
        receive_all(servers, server_count, batch, places);
    }
}

static bool read_whole(int fd, uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = recv(fd, bytes + at, len - at, 0);
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

static bool exchange_by_tcp(struct server *server, const struct batch *batch, size_t *place)
{
    uint8_t out[COMPARE_BATCH * (COMPARE_QUERY_LEN_MAX + 2)];
    struct writer writer = writer_over(out, sizeof out);
    for (size_t i = 0; i < batch->count; i++) {
        if (server->got[i].len == 0) {
            writer_u16(&writer, (uint16_t)batch->queries[i].len);
            writer_span(&writer, batch->queries[i]);
        }
    }
    if (send(server->tcp, out, writer.len, MSG_NOSIGNAL) != (ssize_t)writer.len) {
        return false;
    }
    while (missing_of(server, batch) > 0) {
        uint8_t head[2];
        uint8_t *bytes = server->answers + *place * MESSAGE_LEN_MAX;
        if (!read_whole(server->tcp, head, 2)) {
            return false;
        }
        size_t len = (size_t)head[0] << 8 | head[1];
        if (!read_whole(server->tcp, bytes, len)) {
            return false;
        }
        *place += take_answer(server, batch, len, *place);
    }
    return true;
}

/* A connection may end at any time: what is missing is asked on the next. */
static void ask_by_tcp(struct server *server, const struct batch *batch)
{
    size_t place = 0;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        if (server->tcp < 0) {
            server->tcp = connect_to(server, SOCK_STREAM);
        }
        if (server->tcp >= 0 && exchange_by_tcp(server, batch, &place)) {
            return;
        }
        if (server->tcp >= 0) {
            close(server->tcp);
            server->tcp = -1;
        }
    }
}

bool send_batch(struct server *servers, size_t server_count, const struct ask *asks, size_t count)
{
    static struct batch batch;
    make_batch(&batch, asks, count);
    for (size_t i = 0; i < server_count; i++) {
        memset(servers[i].got, 0, sizeof servers[i].got);
    }
    if (asks[0].is_tcp) {
        for (size_t i = 0; i < server_count; i++) {
            ask_by_tcp(&servers[i], &batch);
        }
    } else {
        ask_by_udp(servers, server_count, &batch);
    }
    bool is_reached = true;
    for (size_t i = 0; i < server_count; i++) {
        size_t missing = missing_of(&servers[i], &batch);
        servers[i].lost += missing;
        is_reached &= missing < batch.count;
    }
    return is_reached;
}
