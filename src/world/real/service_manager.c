/* The protocol of sd_notify: one datagram to the socket that the environment names. */
#include "world/real/service_manager.h"

#include "core/base/moment.h"
#include "core/base/text.h"
#include "world/real/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { US_PER_MS = 1000, WATCHDOG_MS_MAX = 86400000 };

/* The manager's address; false when there is none. */
static bool find_manager(struct sockaddr_un *name, socklen_t *name_len)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof name->sun_path) {
        return false;
    }
    memcpy(name->sun_path, path, len);
    if (path[0] == '@') {
        name->sun_path[0] = '\0'; /* Linux's abstract names */
    }
    *name_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

bool service_manager_is_there(void)
{
    struct sockaddr_un name;
    socklen_t name_len;
    return find_manager(&name, &name_len);
}

void service_manager_tell(const char *state)
{
    struct sockaddr_un name;
    socklen_t name_len;
    if (!find_manager(&name, &name_len)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&name, name_len);
    (void)sent;
    close(fd);
}

/* The time tells the manager to which of its requests the next READY=1 belongs. */
void service_manager_tell_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)(clock_mono_ns() / 1000));
    service_manager_tell(text);
}

int64_t service_manager_watchdog_ms(void)
{
    const char *period = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    uint64_t number = 0;
    if (period == NULL || !service_manager_is_there() ||
        (process != NULL && (text_read_u64(span_of_text(process), INT32_MAX, &number) != OK ||
                             (pid_t)number != getpid()))) {
        return 0;
    }
    if (text_read_u64(span_of_text(period), (uint64_t)WATCHDOG_MS_MAX * US_PER_MS, &number) != OK) {
        return 0;
    }
    int64_t half_ms = (int64_t)(number / US_PER_MS / 2);
    return number == 0 ? 0 : half_ms > 0 ? half_ms : 1;
}

int service_manager_listen(char text[SERVICE_MANAGER_NAME_MAX])
{
    const int yes = 1;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof name;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Bound to no name, the kernel finds one that is free. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&name, sizeof name.sun_family) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    size_t name_len = len - offsetof(struct sockaddr_un, sun_path);
    snprintf(text, SERVICE_MANAGER_NAME_MAX, "@%.*s", (int)name_len - 1, name.sun_path + 1);
    return fd;
}

bool service_manager_hear(int fd, pid_t *from, char text[SERVICE_MANAGER_TEXT_MAX])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    struct iovec room = {text, SERVICE_MANAGER_TEXT_MAX - 1};
    struct msghdr message = {.msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return false;
    }
    text[got] = '\0';
    *from = 0;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_CREDENTIALS) {
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(header), sizeof sender);
        *from = sender.pid;
    }
    return true;
}
