/* Which system calls a running service needs: an allow-list. Anything else fails with EPERM, and
 * what only an attacker would want ends the process. */
#include "world/real/privilege.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>

static const char *const ALLOWED[] = {
    /* descriptors */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "close",
    "lseek",
    "fcntl",
    "ioctl",
    "dup",
    "dup2",
    "dup3",
    "pipe2",
    "eventfd2",
    "signalfd4",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    /* sockets */
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "sendfile",
    /* files */
    "open",
    "openat",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "flock",
    "umask",
    "fchmod",
    "fchown",
    "utimensat",
    /* memory and threads */
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "mlock",
    "munlock",
    "clone",
    "clone3",
    "set_robust_list",
    "rseq",
    "futex",
    "sched_yield",
    "sched_getaffinity",
    "sched_setscheduler",
    "setpriority",
    "membarrier",
    "exit",
    "exit_group",
    "gettid",
    "set_tid_address",
    "prctl",
    /* signals and time */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "tgkill",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    /* who and what we are */
    "getrandom",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "prlimit64",
    "getrlimit",
    "getrusage",
    "sysinfo",
    "uname",
};

static const char *const FATAL[] = {
    "execve",     "execveat",   "ptrace",          "process_vm_readv", "process_vm_writev",
    "mount",      "pivot_root", "chroot",          "setuid",           "setgid",
    "setresuid",  "setresgid",  "init_module",     "finit_module",     "delete_module",
    "kexec_load", "bpf",        "perf_event_open", "userfaultfd",      "unshare",
    "setns",
};

static int rules_add(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR) {
            continue; /* this machine has no such call */
        }
        int failed = seccomp_rule_add(filter, action, number, 0);
        if (failed != 0) {
            return failed;
        }
    }
    return 0;
}

enum status privilege_drop_calls(struct problem *problem)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return problem_set(problem, NO_MEMORY, "the sandbox (seccomp) cannot be set up");
    }
    int failed = rules_add(filter, SCMP_ACT_ALLOW, ALLOWED, LEN(ALLOWED));
    failed = failed == 0 ? rules_add(filter, SCMP_ACT_KILL_PROCESS, FATAL, LEN(FATAL)) : failed;
    failed = failed == 0 ? seccomp_load(filter) : failed;
    seccomp_release(filter);
    if (failed != 0) {
        return problem_set(problem, REFUSED,
                           "the sandbox (seccomp) cannot be entered: %s; where the kernel has "
                           "none, run without it",
                           strerror(-failed));
    }
    return OK;
}
