/* The process that is `vouch serve` to the system: it starts the signer and the server, starts them
 * again when they die, passes signals on, and ends when both have ended. */
#include "command/command.h"
#include "command/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ARGUMENTS_MAX = 256,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 10000,
    EARLY_MS = 1000, /* who dies sooner after the first start was never able to run */
    STOP_TIMEOUT_MS = 10000,
    CHILD_COUNT = 2,
};

struct child {
    const char *role;
    pid_t process; /* 0: not running */
    int64_t started_ms;
    int64_t start_at_ms; /* when not running */
    uint32_t failures;   /* in a row */
    bool was_started;
};

struct supervisor {
    char *const *arguments;
    size_t argument_count;
    struct child children[CHILD_COUNT]; /* the signer first: the server asks it */
    bool is_stopping;
    int64_t kill_at_ms;
    int code;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Readiness is told by the server alone: it is the one the world sees. */
static _Noreturn void child_run(const struct supervisor *supervisor, const struct child *child,
                                pid_t parent)
{
    const char *arguments[ARGUMENTS_MAX + 4] = {"vouch"};
    memcpy(arguments + 1, supervisor->arguments,
           supervisor->argument_count * sizeof *supervisor->arguments);
    arguments[supervisor->argument_count + 1] = "--role";
    arguments[supervisor->argument_count + 2] = child->role;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(EXIT_FAILED);
    }
    if (child != &supervisor->children[1]) {
        unsetenv("NOTIFY_SOCKET");
    }
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static void child_start(const struct supervisor *supervisor, struct child *child)
{
    pid_t parent = getpid();
    pid_t process = fork();
    if (process == 0) {
        child_run(supervisor, child, parent);
    }
    child->started_ms = now_ms();
    child->process = process > 0 ? process : 0;
    child->start_at_ms = child->started_ms + BACKOFF_MAX_MS; /* when fork failed */
}

static void stop(struct supervisor *supervisor, int code)
{
    supervisor->is_stopping = true;
    supervisor->kill_at_ms = now_ms() + STOP_TIMEOUT_MS;
    supervisor->code = code;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        if (supervisor->children[i].process != 0) {
            kill(supervisor->children[i].process, SIGTERM);
        }
    }
}

static void describe_end(int wait_status, char text[64])
{
    if (WIFSIGNALED(wait_status)) {
        snprintf(text, 64, "was ended by signal %d", WTERMSIG(wait_status));
    } else {
        snprintf(text, 64, "ended with exit code %d", WEXITSTATUS(wait_status));
    }
}

static void child_ended(struct supervisor *supervisor, struct child *child, int wait_status)
{
    child->process = 0;
    if (supervisor->is_stopping) {
        return;
    }
    int64_t lived_ms = now_ms() - child->started_ms;
    int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EXIT_FAILED;
    char how[64];
    describe_end(wait_status, how);
    if (WIFEXITED(wait_status) && lived_ms < EARLY_MS && !child->was_started) {
        fprintf(stderr, "vouch serve: the %s %s at its start\n", child->role, how);
        stop(supervisor, code == EXIT_DONE ? EXIT_FAILED : code);
        return;
    }
    child->was_started = true;
    child->failures = lived_ms > BACKOFF_MAX_MS ? 0 : child->failures + 1;
    uint32_t doublings = child->failures < 7 ? child->failures : 7;
    int64_t wait_ms = (int64_t)BACKOFF_FIRST_MS << doublings;
    wait_ms = wait_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait_ms;
    child->start_at_ms = now_ms() + wait_ms;
    fprintf(stderr, "vouch serve: the %s %s; it is started again in %lld ms\n", child->role, how,
            (long long)wait_ms);
}

static void collect(struct supervisor *supervisor)
{
    for (;;) {
        int wait_status;
        pid_t process = waitpid(-1, &wait_status, WNOHANG);
        if (process <= 0) {
            return;
        }
        for (size_t i = 0; i < CHILD_COUNT; i++) {
            if (supervisor->children[i].process == process) {
                child_ended(supervisor, &supervisor->children[i], wait_status);
            }
        }
    }
}

/* Does what is due and returns how long nothing is. */
static int64_t look_after(struct supervisor *supervisor)
{
    int64_t now = now_ms();
    int64_t wait_ms = BACKOFF_MAX_MS;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        struct child *child = &supervisor->children[i];
        if (supervisor->is_stopping && child->process != 0 && now >= supervisor->kill_at_ms) {
            kill(child->process, SIGKILL);
        }
        if (child->process != 0) {
            child->was_started |= now - child->started_ms >= EARLY_MS;
        } else if (!supervisor->is_stopping && now >= child->start_at_ms) {
            child_start(supervisor, child);
        } else if (!supervisor->is_stopping && child->start_at_ms - now < wait_ms) {
            wait_ms = child->start_at_ms - now;
        }
    }
    return supervisor->is_stopping || wait_ms > EARLY_MS ? EARLY_MS : wait_ms;
}

static bool is_over(const struct supervisor *supervisor)
{
    bool is_running = false;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        is_running |= supervisor->children[i].process != 0;
    }
    return supervisor->is_stopping && !is_running;
}

static void take_signal(struct supervisor *supervisor, int signal_number)
{
    if (signal_number == SIGTERM || signal_number == SIGINT) {
        if (!supervisor->is_stopping) {
            stop(supervisor, EXIT_DONE);
        }
    } else if (signal_number == SIGHUP) {
        for (size_t i = 0; i < CHILD_COUNT; i++) {
            if (supervisor->children[i].process != 0) {
                kill(supervisor->children[i].process, SIGHUP);
            }
        }
    }
    collect(supervisor);
}

int serve_supervise(char *const *arguments, size_t count)
{
    struct supervisor supervisor = {.arguments = arguments,
                                    .argument_count = count,
                                    .children = {{.role = "signer"}, {.role = "auth"}}};
    if (count > ARGUMENTS_MAX) {
        return command_usage_error("serve", "too many words");
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    while (!is_over(&supervisor)) {
        int64_t wait_ms = look_after(&supervisor);
        struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
        int signal_number = sigtimedwait(&signals, NULL, &wait);
        if (signal_number > 0) {
            take_signal(&supervisor, signal_number);
        } else {
            collect(&supervisor);
        }
    }
    return supervisor.code;
}
