/* poll with a deadline instead of a timeout, so that a peer that drips octets gains no time. */
#include "world/real/wait.h"

#include "core/base/moment.h"
#include "world/real/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

enum status wait_for(int fd, short events, int64_t until_mono_ns)
{
    for (;;) {
        int64_t left_ns = until_mono_ns - clock_mono_ns();
        if (left_ns <= 0) {
            return TIMED_OUT;
        }
        int64_t ms = (left_ns - 1) / MOMENT_NS_PER_MS + 1;
        struct pollfd waiting = {.fd = fd, .events = events};
        int count = poll(&waiting, 1, ms > INT_MAX ? INT_MAX : (int)ms);
        if (count > 0) {
            return OK;
        }
        if (count < 0 && errno != EINTR) {
            return IO_FAILED;
        }
    }
}

enum status wait_send(int fd, struct span bytes, int64_t until_mono_ns)
{
    size_t at = 0;
    while (at < bytes.len) {
        ssize_t sent = send(fd, bytes.bytes + at, bytes.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            at += (size_t)sent;
        } else if (errno == EAGAIN) {
            enum status status = wait_for(fd, POLLOUT, until_mono_ns);
            if (status != OK) {
                return status;
            }
        } else if (errno != EINTR) {
            return errno == EPIPE || errno == ECONNRESET ? CLOSED : IO_FAILED;
        }
    }
    return OK;
}

enum status wait_receive(int fd, uint8_t *bytes, size_t len, int64_t until_mono_ns)
{
    size_t at = 0;
    while (at < len) {
        enum status status = wait_for(fd, POLLIN, until_mono_ns);
        if (status != OK) {
            return status;
        }
        ssize_t got = recv(fd, bytes + at, len - at, MSG_DONTWAIT);
        if (got == 0) {
            return CLOSED;
        }
        if (got > 0) {
            at += (size_t)got;
        } else if (errno != EAGAIN && errno != EINTR) {
            return errno == ECONNRESET ? CLOSED : IO_FAILED;
        }
    }
    return OK;
}
