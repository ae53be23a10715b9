/* One DNS exchange for command line tools, blocking until the answer or the deadline. Of the
 * message it knows the header alone: whose answer it is, and whether it was cut. */
#include "core/base/address.h"
#include "world/real/clock.h"
#include "world/real/socket.h"
#include "world/real/wait.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_SIZE = 12, FLAG_RESPONSE = 0x80, FLAG_TRUNCATED = 0x02 };

struct exchange {
    struct address server;
    int64_t until_mono_ns;
    struct span query;
    uint8_t *answer; /* DNS_MESSAGE_MAX octets */
    size_t answer_len;
};

static bool answer_fits(const struct exchange *exchange)
{
    return exchange->answer_len >= HEADER_SIZE && exchange->query.len >= 2 &&
           memcmp(exchange->answer, exchange->query.bytes, 2) == 0 &&
           (exchange->answer[2] & FLAG_RESPONSE) != 0;
}

static enum status exchange_datagram(struct exchange *exchange, int fd)
{
    union socket_name name;
    socklen_t len = socket_name_of(exchange->server, &name);
    if (connect(fd, &name.any, len) != 0 ||
        send(fd, exchange->query.bytes, exchange->query.len, MSG_NOSIGNAL) < 0) {
        return errno == ECONNREFUSED ? REFUSED : IO_FAILED;
    }
    for (;;) { /* what is not the answer may be an attack; the true one may still come */
        enum status status = wait_for(fd, POLLIN, exchange->until_mono_ns);
        if (status != OK) {
            return status;
        }
        ssize_t got = recv(fd, exchange->answer, DNS_MESSAGE_MAX, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return errno == ECONNREFUSED ? REFUSED : IO_FAILED;
        }
        exchange->answer_len = got < 0 ? 0 : (size_t)got;
        if (answer_fits(exchange)) {
            return OK;
        }
    }
}

static enum status exchange_udp(struct exchange *exchange)
{
    union socket_name name;
    (void)socket_name_of(exchange->server, &name);
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return IO_FAILED;
    }
    enum status status = exchange_datagram(exchange, fd);
    close(fd);
    return status;
}

static enum status exchange_stream(struct exchange *exchange, int fd)
{
    enum status status = wait_for(fd, POLLOUT, exchange->until_mono_ns);
    status = status == OK ? socket_connect_outcome(fd) : status;
    uint8_t length[2] = {(uint8_t)(exchange->query.len >> 8), (uint8_t)exchange->query.len};
    if (status == OK) {
        status = wait_send(fd, span_of(length, sizeof length), exchange->until_mono_ns);
    }
    if (status == OK) {
        status = wait_send(fd, exchange->query, exchange->until_mono_ns);
    }
    if (status == OK) {
        status = wait_receive(fd, length, sizeof length, exchange->until_mono_ns);
    }
    if (status == OK) {
        exchange->answer_len = (size_t)length[0] << 8 | length[1];
        status = wait_receive(fd, exchange->answer, exchange->answer_len, exchange->until_mono_ns);
    }
    return status == OK && !answer_fits(exchange) ? MISMATCH : status;
}

static enum status exchange_tcp(struct exchange *exchange)
{
    int fd;
    enum status status = socket_connect_stream(exchange->server, &fd);
    if (status == OK) {
        status = exchange_stream(exchange, fd);
        close(fd);
    }
    return status;
}

enum status dns_ask(struct address server, bool is_tcp, uint32_t timeout_ms, struct span query,
                    struct arena *arena, struct span *answer, struct problem *problem)
{
    require(query.len >= HEADER_SIZE && query.len <= DNS_MESSAGE_MAX);
    struct exchange exchange = {
        .server = server,
        .until_mono_ns = clock_mono_ns() + (int64_t)timeout_ms * MOMENT_NS_PER_MS,
        .query = query,
        .answer = arena_take(arena, DNS_MESSAGE_MAX),
    };
    if (exchange.answer == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for an answer");
    }
    enum status status = is_tcp ? exchange_tcp(&exchange) : exchange_udp(&exchange);
    if (status == OK && !is_tcp && (exchange.answer[2] & FLAG_TRUNCATED) != 0) {
        is_tcp = true;
        status = exchange_tcp(&exchange);
    }
    if (status != OK) {
        char text[ADDRESS_TEXT_MAX];
        return problem_set(problem, status, "no answer from %s over %s: %s",
                           address_print(server, text), is_tcp ? "TCP" : "UDP",
                           status == REFUSED ? "nobody listens there" : status_text(status));
    }
    *answer = span_of(exchange.answer, exchange.answer_len);
    return OK;
}
