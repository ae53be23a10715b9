/* The process that is `vouch serve` to the system: it starts the signer and the server, starts them
 * again when they die, passes signals on, tells the service manager how both of them are, and ends
 * when both have ended. */
#include "command/command.h"
#include "command/serve.h"
#include "world/real/service_manager.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
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
    bool is_ready; /* says it itself; not while it reads its files again */
    bool is_alive; /* has said so since the manager heard it last */
};

struct supervisor {
    char *const *arguments;
    size_t argument_count;
    struct child children[CHILD_COUNT]; /* the signer first: the server asks it */
    int signals;
    int reports; /* what the children tell a service manager; -1: there is none */
    char reports_name[SERVICE_MANAGER_NAME_MAX];
    bool is_told_ready;
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
    if (supervisor->reports >= 0) { /* a manager listens to us alone, and we to them */
        setenv("NOTIFY_SOCKET", supervisor->reports_name, 1);
        unsetenv("WATCHDOG_PID");
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
    child->is_ready = false;
    child->is_alive = false;
    child->start_at_ms = child->started_ms + BACKOFF_MAX_MS; /* when fork failed */
}

static void stop(struct supervisor *supervisor, int code)
{
    supervisor->is_stopping = true;
    supervisor->kill_at_ms = now_ms() + STOP_TIMEOUT_MS;
    supervisor->code = code;
    service_manager_tell("STOPPING=1");
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
    if (WIFEXITED(wait_status) && code == EXIT_DONE) {
        fprintf(stderr, "vouch serve: the %s was told to stop, and so is the other\n", child->role);
        stop(supervisor, EXIT_DONE);
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

static void take_signal(struct supervisor *supervisor, uint32_t signal_number)
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
}

static void take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo taken;
    while (read(supervisor->signals, &taken, sizeof taken) == (ssize_t)sizeof taken) {
        take_signal(supervisor, taken.ssi_signo);
    }
}

static bool all_are_ready(const struct supervisor *supervisor)
{
    bool are_ready = true;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        are_ready = are_ready && supervisor->children[i].is_ready;
    }
    return are_ready;
}

/* The manager hears of a watchdog when both have reported: it would end all for one that hangs. */
static void pass_alive(struct supervisor *supervisor)
{
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        if (!supervisor->children[i].is_alive) {
            return;
        }
    }
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        supervisor->children[i].is_alive = false;
    }
    service_manager_tell("WATCHDOG=1");
}

static void take_report(struct supervisor *supervisor, struct child *child, const char *text)
{
    static const char RELOADING[] = "RELOADING=1";
    if (supervisor->is_stopping) {
        return;
    }
    if (strcmp(text, "READY=1") == 0) {
        child->is_ready = true;
        if (all_are_ready(supervisor) && !supervisor->is_told_ready) {
            supervisor->is_told_ready = true;
            service_manager_tell(text);
        }
    } else if (strncmp(text, RELOADING, sizeof RELOADING - 1) == 0) {
        child->is_ready = false;
        if (supervisor->is_told_ready) {
            supervisor->is_told_ready = false;
            service_manager_tell_reloading();
        }
    } else if (strcmp(text, "WATCHDOG=1") == 0) {
        child->is_alive = true;
        pass_alive(supervisor);
    }
}

static void take_reports(struct supervisor *supervisor)
{
    char text[SERVICE_MANAGER_TEXT_MAX];
    pid_t from;
    while (supervisor->reports >= 0 && service_manager_hear(supervisor->reports, &from, text)) {
        for (size_t i = 0; i < CHILD_COUNT; i++) {
            if (supervisor->children[i].process == from && from != 0) {
                take_report(supervisor, &supervisor->children[i], text);
            }
        }
    }
}

static bool open_ears(struct supervisor *supervisor)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    supervisor->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    supervisor->reports =
        service_manager_is_there() ? service_manager_listen(supervisor->reports_name) : -1;
    return supervisor->signals >= 0;
}

int serve_supervise(char *const *arguments, size_t count)
{
    struct supervisor supervisor = {.arguments = arguments,
                                    .argument_count = count,
                                    .children = {{.role = "signer"}, {.role = "auth"}}};
    if (count > ARGUMENTS_MAX) {
        return command_usage_error("serve", "too many words");
    }
    if (!open_ears(&supervisor)) {
        fprintf(stderr, "vouch serve: cannot wait for signals: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    while (!is_over(&supervisor)) {
        struct pollfd ears[] = {{.fd = supervisor.signals, .events = POLLIN},
                                {.fd = supervisor.reports, .events = POLLIN}};
        (void)poll(ears, LEN(ears), (int)look_after(&supervisor));
        take_signals(&supervisor);
        take_reports(&supervisor);
        collect(&supervisor);
    }
    close(supervisor.signals);
    if (supervisor.reports >= 0) {
        close(supervisor.reports);
    }
    return supervisor.code;
}
