/* The limit of the machine for a server of datagrams: takes up to 64 a system call and sends each
 * back, as long as a usual answer, with one more call. Runs until it is stopped. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, DATAGRAM_MAX = 2048, SOCKET_BUFFER = 4 << 20 };

static int socket_bound(const char *address, const char *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int size = SOCKET_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (inet_pton(AF_INET, address, &name.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    static uint8_t datagrams[BATCH][DATAGRAM_MAX];
    static struct sockaddr_in names[BATCH];
    static struct iovec spans[BATCH];
    static struct mmsghdr headers[BATCH];
    size_t reply_len = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    int fd = argc == 4 ? socket_bound(argv[1], argv[2]) : -1;
    if (fd < 0 || reply_len < 12 || reply_len > DATAGRAM_MAX) {
        fprintf(stderr, "usage: echo ADDRESS PORT LENGTH: cannot listen there\n");
        return 2;
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            spans[i] = (struct iovec){datagrams[i], DATAGRAM_MAX};
            headers[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
                                                 .msg_namelen = sizeof names[i],
                                                 .msg_iov = &spans[i],
                                                 .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) {
            datagrams[i][2] |= 0x80; /* a response */
            spans[i].iov_len = reply_len;
        }
        for (int sent = 0, more = 1; sent < count && more > 0; sent += more) {
            more = sendmmsg(fd, headers + sent, (unsigned)(count - sent), 0);
        }
    }
}
