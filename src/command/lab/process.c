/* Knows how the lab's processes are started, watched and ended. */
#include "command/lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOP_TIMEOUT_MS = 4000, RESTART_TIMEOUT_MS = 8000, STEP_MS = 20, LOG_TAIL_LEN = 300 };

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* The socket on which the child will say READY=1, as services do under systemd (sd_notify). */
static int notify_open(const struct processes *processes, const char *name,
                       struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(address->sun_path, sizeof address->sun_path, "%s/run/%s.notify",
                       processes->folder, name);
    if (len < 0 || (size_t)len >= sizeof address->sun_path) {
        return -1;
    }
    unlink(address->sun_path);
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)address, sizeof *address) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static _Noreturn void child_run(const struct processes *processes, const struct process *process,
                                const char *notify_path)
{
    char log[PROCESS_PATH_MAX + 64];
    snprintf(log, sizeof log, "%s/log/%s.log", processes->folder, process->name);
    int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (output < 0 || input < 0) {
        _exit(127);
    }
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setpgid(0, 0); /* Ctrl-C is for the lab, which ends them in order */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setenv("NOTIFY_SOCKET", notify_path, 1);
    const char *arguments[PROCESS_ARGUMENTS_MAX + 2] = {"vouch"};
    memcpy(arguments + 1, process->arguments, sizeof process->arguments);
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static enum status say_log_tail(const struct processes *processes, const char *name,
                                const char *what, struct problem *problem)
{
    char path[PROCESS_PATH_MAX + 64];
    char text[LOG_TAIL_LEN + 1] = "";
    snprintf(path, sizeof path, "%s/log/%s.log", processes->folder, name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fseek(file, -LOG_TAIL_LEN, SEEK_END) != 0) {
            rewind(file);
        }
        size_t len = fread(text, 1, LOG_TAIL_LEN, file);
        text[len] = '\0';
        fclose(file);
    }
    return problem_set(problem, IO_FAILED, "%s %s; see %s: ...%.200s", name, what, path, text);
}

/* Until the child is ready, has died, or time is out. */
static enum status ready_await(const struct processes *processes, struct process *process,
                               int notify, uint32_t timeout_ms, struct problem *problem)
{
    int64_t end_ms = mono_ms() + timeout_ms;
    while (mono_ms() < end_ms) {
        struct pollfd wanted = {notify, POLLIN, 0};
        char text[256];
        if (poll(&wanted, 1, STEP_MS) > 0) {
            ssize_t len = recv(notify, text, sizeof text - 1, 0);
            text[len > 0 ? len : 0] = '\0';
            if (strstr(text, "READY=1") != NULL) {
                return OK;
            }
        }
        int how;
        if (waitpid(process->pid, &how, WNOHANG) == process->pid) {
            process->pid = 0;
            return say_log_tail(processes, process->name, "ended while starting", problem);
        }
    }
    return say_log_tail(processes, process->name, "was not ready in time", problem);
}

static enum status launch(struct processes *processes, struct process *process, uint32_t timeout_ms,
                          struct problem *problem)
{
    struct sockaddr_un address;
    int notify = notify_open(processes, process->name, &address);
    if (notify < 0) {
        return problem_set(problem, IO_FAILED,
                           "cannot make the socket %s/run/%s.notify: %s; use a shorter --state",
                           processes->folder, process->name, strerror(errno));
    }
    process->pid = fork();
    if (process->pid == 0) {
        child_run(processes, process, address.sun_path);
    }
    enum status status = process->pid < 0
                             ? problem_set(problem, IO_FAILED, "fork: %s", strerror(errno))
                             : ready_await(processes, process, notify, timeout_ms, problem);
    close(notify);
    unlink(address.sun_path);
    return status;
}

enum status process_start(struct processes *processes, const char *name,
                          const char *const *arguments, uint32_t timeout_ms,
                          struct problem *problem)
{
    require(processes->count < PROCESSES_MAX);
    struct process *process = &processes->list[processes->count];
    *process = (struct process){.name = name};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        require(i + 1 < PROCESS_ARGUMENTS_MAX);
        process->arguments[i] = arguments[i];
    }
    processes->count++;
    return launch(processes, process, timeout_ms, problem);
}

void processes_revive(struct processes *processes)
{
    for (size_t i = 0; i < processes->count; i++) {
        struct process *process = &processes->list[i];
        int how;
        if (process->pid > 0 && waitpid(process->pid, &how, WNOHANG) != process->pid) {
            continue;
        }
        struct problem problem = {0};
        char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX];
        process->restarts++;
        fprintf(stderr, "lab: %s died; starting it again\n", process->name);
        if (launch(processes, process, RESTART_TIMEOUT_MS, &problem) != OK) {
            fprintf(stderr, "lab: %s\n", problem_print(&problem, text, sizeof text));
        }
    }
}

static size_t running(struct processes *processes)
{
    size_t count = 0;
    for (size_t i = 0; i < processes->count; i++) {
        int how;
        if (processes->list[i].pid > 0 && waitpid(processes->list[i].pid, &how, WNOHANG) != 0) {
            processes->list[i].pid = 0;
        }
        count += processes->list[i].pid > 0;
    }
    return count;
}

void processes_stop(struct processes *processes)
{
    for (size_t i = processes->count; i > 0; i--) {
        if (processes->list[i - 1].pid > 0) {
            kill(processes->list[i - 1].pid, SIGTERM);
        }
    }
    int64_t end_ms = mono_ms() + STOP_TIMEOUT_MS;
    while (running(processes) > 0 && mono_ms() < end_ms) {
        sleep_ms(STEP_MS);
    }
    for (size_t i = 0; i < processes->count; i++) {
        if (processes->list[i].pid > 0) {
            kill(-processes->list[i].pid, SIGKILL);
            waitpid(processes->list[i].pid, NULL, 0);
            processes->list[i].pid = 0;
        }
    }
}
