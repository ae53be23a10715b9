#pragma once
/* Sockets: addresses as the kernel has them, and how listening sockets are opened, with a sentence
 * for people when that fails. */
#include "core/base/address.h"
#include "core/base/problem.h"

#include <netinet/in.h>
#include <sys/socket.h>

union socket_name {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

socklen_t socket_name_of(struct address address, union socket_name *name);
/* A zeroed address when the family is neither. */
struct address socket_address_of(const union socket_name *name);
struct address socket_local_address(int fd);
struct address socket_peer_address(int fd);

/* Non-blocking and bound. For SOCK_STREAM also listening. `purpose` is for the sentence: "DNS". */
enum status socket_listen(struct address address, int type, const char *purpose, int *fd,
                          struct problem *problem) MUST_USE;
/* One more UDP socket where `first` listens already: each message comes to one of them, those of a
 * peer's port to the same. A second server is still noticed, because the first socket of each stood
 * alone when it was bound. */
enum status socket_listen_beside(int first, int *fd, struct problem *problem) MUST_USE;
/* Non-blocking, connecting; `*fd` is -1 on failure. */
enum status socket_connect_stream(struct address address, int *fd) MUST_USE;
/* The outcome of a connect that was under way. */
enum status socket_connect_outcome(int fd) MUST_USE;
/* Never merged into fewer, larger packets later: an answer is whole when it is written. */
void socket_set_no_delay(int fd);
