/* Who the process is, and in which order it becomes less: the user, then files, capabilities and
 * system calls. */
#include "world/real/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void privilege_raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* fewer connections, no failure */
    }
}

uint32_t privilege_descriptors(void)
{
    struct rlimit files;
    bool is_known = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < UINT32_MAX;
    return is_known ? (uint32_t)files.rlim_cur : UINT32_MAX;
}

/* Exactly these, and none that a program could be given. */
static bool capabilities_set(uint64_t wanted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {0};
    for (int i = 0; i < 2; i++) {
        sets[i].effective = (uint32_t)(wanted >> (32 * i));
        sets[i].permitted = sets[i].effective;
    }
    return syscall(SYS_capset, &header, sets) == 0;
}

/* Of root's powers, those that opening sockets takes. */
static uint64_t powers_to_open(bool uses_xdp)
{
    const uint64_t one = 1;
    const uint64_t xdp = one << CAP_NET_ADMIN | one << CAP_NET_RAW | one << CAP_BPF |
                         one << CAP_IPC_LOCK; /* the memory that the kernel shares is locked */
    return one << CAP_NET_BIND_SERVICE | (uses_xdp ? xdp : 0);
}

enum status privilege_become(const char *user, bool uses_xdp, struct problem *problem)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        return problem_set(problem, NOT_FOUND, "there is no user %.100s on this system", user);
    }
    if (geteuid() == entry->pw_uid && getuid() == entry->pw_uid) {
        return OK;
    }
    if (geteuid() != 0) {
        return problem_set(problem, REFUSED,
                           "only root can become the user %.100s; start it as one of the two",
                           user);
    }
    bool is_done = initgroups(user, entry->pw_gid) == 0 &&
                   setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) == 0 &&
                   prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
                   setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) == 0 &&
                   capabilities_set(powers_to_open(uses_xdp));
    return is_done ? OK
                   : problem_set(problem, REFUSED, "cannot become the user %.100s: %s", user,
                                 strerror(errno));
}

enum status privilege_drop(void)
{
    const struct rlimit none = {0, 0};
    /* Root without its powers still owns most files; those of others it may read, as before. */
    uint64_t left =
        geteuid() == 0 ? (uint64_t)1 << CAP_DAC_OVERRIDE | (uint64_t)1 << CAP_DAC_READ_SEARCH : 0;
    bool is_done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   setrlimit(RLIMIT_CORE, &none) == 0 && capabilities_set(left);
    return is_done ? OK : IO_FAILED;
}
