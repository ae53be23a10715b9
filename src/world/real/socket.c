/* How the kernel wants addresses, and what its errors mean to the person who configured one. */
#include "world/real/socket.h"

#include "world/real/world_limits.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

socklen_t socket_name_of(struct address address, union socket_name *name)
{
    *name = (union socket_name){0};
    if (address.family == ADDRESS_IPV4) {
        name->ipv4.sin_family = AF_INET;
        name->ipv4.sin_port = htons(address.port);
        memcpy(&name->ipv4.sin_addr, address.octets, sizeof name->ipv4.sin_addr);
        return sizeof name->ipv4;
    }
    require(address.family == ADDRESS_IPV6);
    name->ipv6.sin6_family = AF_INET6;
    name->ipv6.sin6_port = htons(address.port);
    memcpy(&name->ipv6.sin6_addr, address.octets, sizeof name->ipv6.sin6_addr);
    return sizeof name->ipv6;
}

struct address socket_address_of(const union socket_name *name)
{
    struct address address = {0};
    if (name->any.sa_family == AF_INET) {
        address.family = ADDRESS_IPV4;
        address.port = ntohs(name->ipv4.sin_port);
        memcpy(address.octets, &name->ipv4.sin_addr, sizeof name->ipv4.sin_addr);
    } else if (name->any.sa_family == AF_INET6) {
        address.family = ADDRESS_IPV6;
        address.port = ntohs(name->ipv6.sin6_port);
        memcpy(address.octets, &name->ipv6.sin6_addr, sizeof name->ipv6.sin6_addr);
    }
    return address;
}

struct address socket_local_address(int fd)
{
    union socket_name name = {0};
    socklen_t len = sizeof name;
    if (getsockname(fd, &name.any, &len) != 0) {
        return (struct address){0};
    }
    return socket_address_of(&name);
}

struct address socket_peer_address(int fd)
{
    union socket_name name = {0};
    socklen_t len = sizeof name;
    if (getpeername(fd, &name.any, &len) != 0) {
        return (struct address){0};
    }
    return socket_address_of(&name);
}

static const char *listen_advice(int error)
{
    static const struct {
        int error;
        const char *advice;
    } ROWS[] = {
        {EACCES, "; ports below 1024 need root or CAP_NET_BIND_SERVICE"},
        {EADDRINUSE, "; another program listens there (`ss -lnp` shows which)"},
        {EADDRNOTAVAIL, "; this machine does not have that address (`ip address` shows which it "
                        "has)"},
        {EAFNOSUPPORT, "; this machine does not have that kind of address"},
        {EMFILE, "; raise the limit of open files (`ulimit -n`)"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        if (ROWS[i].error == error) {
            return ROWS[i].advice;
        }
    }
    return "";
}

static enum status listen_failed(struct address address, int type, const char *purpose,
                                 struct problem *problem)
{
    int error = errno;
    char text[ADDRESS_TEXT_MAX];
    return problem_set(problem, error == EADDRINUSE ? BUSY : IO_FAILED,
                       "cannot listen on %s for %s over %s: %s%s", address_print(address, text),
                       purpose, type == SOCK_DGRAM ? "UDP" : "TCP", strerror(error),
                       listen_advice(error));
}

enum status socket_listen(struct address address, int type, const char *purpose, int *fd,
                          struct problem *problem)
{
    union socket_name name;
    socklen_t len = socket_name_of(address, &name);
    int on = 1;
    *fd = socket(name.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return listen_failed(address, type, purpose, problem);
    }
    bool is_ready =
        /* A restart must not wait for the old connections; for UDP it would hide a second server.
         */
        (type != SOCK_STREAM || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
        (address.family != ADDRESS_IPV6 ||
         setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        bind(*fd, &name.any, len) == 0 && (type != SOCK_STREAM || listen(*fd, LISTEN_BACKLOG) == 0);
    if (!is_ready) {
        enum status status = listen_failed(address, type, purpose, problem);
        close(*fd);
        *fd = -1;
        return status;
    }
    return OK;
}

enum status socket_listen_beside(int first, int *fd, struct problem *problem)
{
    struct address address = socket_local_address(first);
    union socket_name name;
    socklen_t len = socket_name_of(address, &name);
    int on = 1;
    *fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return listen_failed(address, SOCK_DGRAM, "DNS", problem);
    }
    bool is_ready = setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
                    setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
                    (address.family != ADDRESS_IPV6 ||
                     setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
                    bind(*fd, &name.any, len) == 0;
    if (!is_ready) {
        enum status status = listen_failed(address, SOCK_DGRAM, "DNS", problem);
        close(*fd);
        *fd = -1;
        return status;
    }
    return OK;
}

enum status socket_connect_stream(struct address address, int *fd)
{
    union socket_name name;
    socklen_t len = socket_name_of(address, &name);
    *fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return errno == EMFILE || errno == ENFILE ? LIMIT_REACHED : IO_FAILED;
    }
    socket_set_no_delay(*fd);
    if (connect(*fd, &name.any, len) != 0 && errno != EINPROGRESS) {
        enum status status = errno == ECONNREFUSED ? REFUSED : IO_FAILED;
        close(*fd);
        *fd = -1;
        return status;
    }
    return OK;
}

enum status socket_connect_outcome(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return IO_FAILED;
    }
    return error == 0              ? OK
           : error == ECONNREFUSED ? REFUSED
           : error == ETIMEDOUT    ? TIMED_OUT
                                   : IO_FAILED;
}

void socket_set_no_delay(int fd)
{
    int on = 1;
    /* Without it answers are only slower. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
