/* The real world as a whole: opens it, runs the one service in it, and ends in order. */
#include "world/real/inside.h"

#include "world/real/clock.h"
#include "world/real/privilege.h"
#include "world/real/service_manager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the log */

static void log_write_line(void *self, enum log_level level, const char *sentence)
{
    static const char *const LEVELS[LOG_LEVEL_COUNT] = {
        [LOG_ERROR] = "error",
        [LOG_WARNING] = "warning",
        [LOG_NOTICE] = "notice",
        [LOG_DETAIL] = "detail",
    };
    const struct world *world = self;
    if (level > world->options.log_level) {
        return;
    }
    char line[LINE_LEN_MAX];
    int len =
        snprintf(line, sizeof line, "%s %s: %s\n", LEVELS[level], world->options.name, sentence);
    if (len >= (int)sizeof line) {
        len = (int)sizeof line;
        line[len - 1] = '\n';
    }
    /* One write, so that lines of several processes do not mix. Nobody could be told of a failure.
     */
    ssize_t written = write(STDERR_FILENO, line, (size_t)len);
    (void)written;
}

/* ------------------------------------------------------------------ effects */

struct service_timer {
    struct timer timer;
    struct world *world;
    uint64_t number; /* the service's */
};

static void service_timer_free(struct service_timer *timer)
{
    loop_stop_timer(&timer->world->loop, &timer->timer);
    table_remove(&timer->world->timers, timer->number);
    memory_give_back(timer);
}

static void service_timer_due(void *owner)
{
    struct service_timer *timer = owner;
    struct world *world = timer->world;
    struct event event = {.kind = EVENT_TIMER, .timer = timer->number};
    service_timer_free(timer);
    world_deliver(world, &event);
}

static void act_timer(struct world *world, const struct effect *effect)
{
    struct service_timer *timer = table_find(&world->timers, effect->timer.timer);
    if (effect->timer.at_mono_ns == TIMER_NEVER_NS) {
        if (timer != NULL) {
            service_timer_free(timer);
        }
        return;
    }
    if (timer == NULL) {
        timer = memory_take(sizeof *timer);
        require(timer != NULL); /* a lost timer would be a silent standstill */
        *timer = (struct service_timer){
            .timer = {.due = service_timer_due, .owner = timer},
            .world = world,
            .number = effect->timer.timer,
        };
        table_set(&world->timers, timer->number, timer);
    }
    loop_set_timer(&world->loop, &timer->timer, effect->timer.at_mono_ns);
}

/* Who carries a channel, by the bits of its number. */
static const struct carrier {
    uint64_t bits;
    void (*reply)(struct world *world, const struct effect_reply *reply);
    void (*hang_up)(struct world *world, uint64_t channel);
    void (*await_room)(struct world *world, uint64_t channel);
} CARRIERS[] = {
    {CHANNEL_STREAM | CHANNEL_HTTPS, https_reply, https_hang_up, stream_await_room},
    {CHANNEL_STREAM | CHANNEL_QUIC, doq_reply, doq_hang_up, doq_await_room},
    {CHANNEL_STREAM, stream_reply, stream_hang_up, stream_await_room},
    {0, udp_reply, NULL, NULL},
};

static const struct carrier *carrier_of(uint64_t channel)
{
    const struct carrier *carrier = CARRIERS;
    while ((channel & carrier->bits) != carrier->bits) {
        carrier++;
    }
    return carrier;
}

static void act_reply(struct world *world, const struct effect *effect)
{
    carrier_of(effect->reply.channel)->reply(world, &effect->reply);
}

static void act_hang_up(struct world *world, const struct effect *effect)
{
    const struct carrier *carrier = carrier_of(effect->channel);
    if (carrier->hang_up != NULL) {
        carrier->hang_up(world, effect->channel);
    }
}

static void act_await_room(struct world *world, const struct effect *effect)
{
    const struct carrier *carrier = carrier_of(effect->channel);
    require(carrier->await_room != NULL);
    carrier->await_room(world, effect->channel);
}

static void act_ask(struct world *world, const struct effect *effect)
{
    ask_send(world, &effect->ask);
}

static void act_ask_done(struct world *world, const struct effect *effect)
{
    ask_end(world, effect->ask_done);
}

static void act_epp_open(struct world *world, const struct effect *effect)
{
    epp_open(world, &effect->epp);
}

static void act_epp_send(struct world *world, const struct effect *effect)
{
    epp_send(world, &effect->epp);
}

static void act_epp_close(struct world *world, const struct effect *effect)
{
    epp_end(world, effect->epp.session);
}

static void act_http(struct world *world, const struct effect *effect)
{
    http_answer(world, &effect->http);
}

static void act_control(struct world *world, const struct effect *effect)
{
    control_answer(world, &effect->control);
}

static void act_mail(struct world *world, const struct effect *effect)
{
    mail_deliver(world, &effect->mail);
}

static void act_metrics(struct world *world, const struct effect *effect)
{
    metrics_take(world, &effect->metrics);
}

static void (*const ACTS[])(struct world *world, const struct effect *effect) = {
    [EFFECT_REPLY] = act_reply,       [EFFECT_HANG_UP] = act_hang_up,
    [EFFECT_ASK] = act_ask,           [EFFECT_ASK_DONE] = act_ask_done,
    [EFFECT_TIMER] = act_timer,       [EFFECT_EPP_OPEN] = act_epp_open,
    [EFFECT_EPP_SEND] = act_epp_send, [EFFECT_EPP_CLOSE] = act_epp_close,
    [EFFECT_HTTP] = act_http,         [EFFECT_CONTROL] = act_control,
    [EFFECT_MAIL] = act_mail,         [EFFECT_AWAIT_ROOM] = act_await_room,
    [EFFECT_METRICS] = act_metrics,
};
_Static_assert(LEN(ACTS) == EFFECT_KIND_COUNT, "each effect is carried out");

void world_deliver(struct world *world, struct event *event)
{
    require(!world->is_delivering);
    if (world->is_stopped) {
        return;
    }
    world->is_delivering = true;
    event->now = clock_now();
    world->node.handle(world->node.state, event, &world->outbox);
    for (size_t i = 0; i < world->outbox.count; i++) {
        const struct effect *effect = &world->outbox.effects[i];
        require(effect->kind < EFFECT_KIND_COUNT);
        ACTS[effect->kind](world, effect);
    }
    outbox_reset(&world->outbox);
    world->is_delivering = false;
}

uint64_t world_number(struct world *world)
{
    return ++world->number_next;
}

int64_t world_in_ms(int64_t ms)
{
    return clock_mono_ns() + ms * MOMENT_NS_PER_MS;
}

/* ------------------------------------------------------------------ the parts */

/* Each kind of I/O, as the run of the world sees it; NULL where there is nothing to do. */
struct part {
    void (*flush)(struct world *world);            /* at the end of each round */
    void (*stop)(struct world *world);             /* nothing new comes in */
    bool (*is_drained)(const struct world *world); /* nothing waits to go out */
    void (*close)(struct world *world);
    void (*reload)(struct world *world); /* certificates are read again */
};

static const struct part PARTS[] = {
    {udp_flush, udp_stop, NULL, udp_close},
    {NULL, NULL, NULL, errands_close},
    {stream_flush, stream_stop, stream_is_drained, stream_close, stream_reload},
    {doq_flush, doq_stop, doq_is_drained, doq_close, doq_reload},
    {NULL, NULL, NULL, ask_close, ask_reload},
    {epp_flush, epp_stop, epp_is_drained, epp_close, epp_reload},
    {NULL, http_stop, http_is_drained, http_close, http_reload},
    {control_flush, control_stop, control_is_drained, control_close},
    {NULL, NULL, NULL, mail_close},
    {NULL, NULL, NULL, sqlite_close_all},
    {NULL, NULL, NULL, disk_close},
};

static void parts_flush(struct world *world)
{
    for (size_t i = 0; i < LEN(PARTS); i++) {
        if (PARTS[i].flush != NULL) {
            PARTS[i].flush(world);
        }
    }
}

static bool parts_are_drained(const struct world *world)
{
    for (size_t i = 0; i < LEN(PARTS); i++) {
        if (PARTS[i].is_drained != NULL && !PARTS[i].is_drained(world)) {
            return false;
        }
    }
    return true;
}

void world_reload_files(struct world *world)
{
    for (size_t i = 0; i < LEN(PARTS); i++) {
        if (PARTS[i].reload != NULL) {
            PARTS[i].reload(world);
        }
    }
}

/* ------------------------------------------------------------------ signals */

void world_stop(struct world *world)
{
    if (world->is_draining) {
        return;
    }
    log_line(&world->log, LOG_NOTICE, "stopping");
    service_manager_tell("STOPPING=1");
    for (size_t i = 0; i < LEN(PARTS); i++) {
        if (PARTS[i].stop != NULL) {
            PARTS[i].stop(world);
        }
    }
    world->is_draining = true;
}

static void signal_take(struct world *world, uint32_t number)
{
    if (number == SIGHUP && !world->is_draining) {
        service_manager_tell_reloading();
        world_reload_files(world);
        struct event event = {.kind = EVENT_RELOAD};
        world_deliver(world, &event);
        service_manager_tell("READY=1");
    } else if (number != SIGHUP && world->is_draining) {
        world->is_hurried = true; /* asked twice */
    } else if (number != SIGHUP) {
        world_stop(world);
    }
}

static void signals_ready(void *owner, uint32_t events)
{
    (void)events;
    struct world *world = owner;
    struct signalfd_siginfo taken;
    while (read(world->signals.fd, &taken, sizeof taken) == (ssize_t)sizeof taken) {
        signal_take(world, taken.ssi_signo);
    }
}

/* Signals become events of the loop; a reader that has gone is an error of send, not the end of the
 * process. */
static enum status signals_open(struct world *world)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &wanted, &world->signals_before) != 0) {
        return IO_FAILED;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return IO_FAILED;
    }
    int fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    world->signals = (struct watch){.fd = fd, .ready = signals_ready, .owner = world};
    return fd < 0 ? IO_FAILED : loop_watch(&world->loop, &world->signals, EPOLLIN);
}

/* ------------------------------------------------------------------ open, run, close */

/* As long as the loop turns we are alive. */
static void watchdog_due(void *owner)
{
    struct world *world = owner;
    int64_t period_ms = service_manager_watchdog_ms();
    if (period_ms > 0) {
        service_manager_tell("WATCHDOG=1");
        loop_set_timer(&world->loop, &world->watchdog, world_in_ms(period_ms));
    }
}

enum status world_open(const struct world_options *options, struct world **opened,
                       struct problem *problem)
{
    struct world *world = memory_take(sizeof *world);
    if (world == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory to start");
    }
    world->options = *options;
    world->log = (struct log){log_write_line, world};
    world->entropy = entropy_of_kernel();
    world->signals.fd = -1;
    world->loop.epoll = -1;
    world->watchdog = (struct timer){.due = watchdog_due, .owner = world};
    world->started_wall_s = moment_wall_s(clock_now());
    outbox_open(&world->outbox, OUTBOX_MAX);
    sigprocmask(SIG_BLOCK, NULL, &world->signals_before);
    enum status status =
        options->user == NULL ? OK : privilege_become(options->user, options->uses_xdp, problem);
    if (status != OK) {
        world_close(world);
        return status;
    }
    status = loop_open(&world->loop);
    if (status == OK) {
        status = signals_open(world);
    }
    if (status != OK) {
        status = problem_set(problem, status, "cannot start: %s", strerror(errno));
        world_close(world);
        return status;
    }
    privilege_raise_limits();
    world_set_stream_limits(world, (struct world_stream_limits){0});
    *opened = world;
    return OK;
}

const struct log *world_log(struct world *world)
{
    return &world->log;
}

const struct entropy *world_entropy(struct world *world)
{
    return &world->entropy;
}

struct moment world_now(struct world *world)
{
    (void)world;
    return clock_now();
}

enum { PORT_TRIES = 16 };

/* UDP and TCP on the same port; a port of the kernel's choice must be free for both. */
enum status world_listen_dns(struct world *world, struct address address, struct problem *problem)
{
    if (world->endpoint_count == ENDPOINTS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d addresses can be listened on",
                           ENDPOINTS_MAX);
    }
    int tries = address.port == 0 ? PORT_TRIES : 1;
    enum status status = OK;
    for (int i = 0; i < tries; i++) {
        struct address bound;
        status = udp_listen(world, address, world->endpoint_count, &bound, problem);
        if (status != OK) {
            return status;
        }
        status = stream_listen(world, bound, world->endpoint_count,
                               &(struct stream_service){.transport = TRANSPORT_TCP}, problem);
        if (status == OK) {
            world->endpoint_count++;
            return OK;
        }
        udp_unlisten(world);
    }
    return status;
}

static enum status listen_stream(struct world *world, struct address address,
                                 const struct stream_service *service, struct problem *problem)
{
    if (world->endpoint_count == ENDPOINTS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d addresses can be listened on",
                           ENDPOINTS_MAX);
    }
    enum status status = stream_listen(world, address, world->endpoint_count, service, problem);
    world->endpoint_count += status == OK ? 1 : 0;
    return status;
}

enum status world_listen_tls(struct world *world, struct address address, struct world_tls tls,
                             struct problem *problem)
{
    const struct stream_service service = {.transport = TRANSPORT_TLS, .tls = tls};
    return listen_stream(world, address, &service, problem);
}

enum status world_listen_https(struct world *world, struct address address,
                               const struct world_https *https, struct problem *problem)
{
    const struct stream_service service = {.transport = TRANSPORT_HTTPS,
                                           .tls = https->tls,
                                           .path = https->path,
                                           .lifetime_s = https->lifetime_s};
    return listen_stream(world, address, &service, problem);
}

enum status world_listen_quic(struct world *world, struct address address,
                              const struct world_quic *quic, struct problem *problem)
{
    if (world->endpoint_count == ENDPOINTS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d addresses can be listened on",
                           ENDPOINTS_MAX);
    }
    enum status status = doq_listen(world, address, quic, problem);
    world->endpoint_count += status == OK ? 1 : 0;
    return status;
}

static uint32_t number_or(uint32_t number, uint32_t otherwise)
{
    return number != 0 ? number : otherwise;
}

void world_set_stream_limits(struct world *world, struct world_stream_limits limits)
{
    require(world->streams == NULL);
    uint32_t possible = privilege_descriptors();
    possible = possible > STREAMS_OTHERS_MAX * 2 ? possible - STREAMS_OTHERS_MAX : possible / 2;
    world->stream_limits = (struct world_stream_limits){
        .clients = number_or(limits.clients, STREAMS_MAX),
        .clients_a_peer = number_or(limits.clients_a_peer, STREAMS_A_PEER_MAX),
        .idle_ms = number_or(limits.idle_ms, STREAM_IDLE_MS),
        .message_ms = number_or(limits.message_ms, STREAM_MESSAGE_MS),
    };
    if (world->stream_limits.clients > possible) {
        world->stream_limits.clients = possible;
        if (limits.clients != 0) {
            log_line(&world->log, LOG_WARNING,
                     "at most %u connections are taken: the limit of open files (`ulimit -n`) "
                     "allows no more",
                     possible);
        }
    }
}

enum status world_add_tls_peer(struct world *world, const struct world_tls_peer *peer,
                               uint32_t *index, struct problem *problem)
{
    return ask_add_tls_peer(world, peer, index, problem);
}

static struct address tls_address(const struct world *world, size_t index)
{
    return stream_address(world, TRANSPORT_TLS, index);
}

static struct address https_address(const struct world *world, size_t index)
{
    return stream_address(world, TRANSPORT_HTTPS, index);
}

struct address world_address(const struct world *world, enum world_socket kind, size_t index)
{
    static struct address (*const ADDRESSES[])(const struct world *world, size_t index) = {
        [WORLD_SOCKET_DNS] = udp_address,     [WORLD_SOCKET_TLS] = tls_address,
        [WORLD_SOCKET_HTTPS] = https_address, [WORLD_SOCKET_QUIC] = doq_address,
        [WORLD_SOCKET_HTTP] = http_address,   [WORLD_SOCKET_EPP] = epp_address,
    };
    require(kind < LEN(ADDRESSES));
    return ADDRESSES[kind](world, index);
}

/* Who was promised an answer by TCP or QUIC gets it, and a transfer goes on to its end, if it is
 * near. */
static void finish(struct world *world)
{
    int64_t until = world_in_ms(FINISH_MS);
    parts_flush(world);
    while (!world->is_hurried && !(stream_is_drained(world) && doq_is_drained(world)) &&
           clock_mono_ns() < until) {
        loop_round(&world->loop, until);
        parts_flush(world);
    }
}

static void drain(struct world *world)
{
    struct event stop = {.kind = EVENT_STOP};
    world_deliver(world, &stop);
    world->is_stopped = true;
    stream_stop(world); /* those that still wait for something wait in vain */
    doq_stop(world);
    int64_t until = world_in_ms(DRAIN_MS);
    parts_flush(world);
    while (!world->is_hurried && !parts_are_drained(world) && clock_mono_ns() < until) {
        loop_round(&world->loop, until);
        parts_flush(world);
    }
}

static enum status give_up(struct world *world, struct problem *problem)
{
    if (privilege_drop() != OK) {
        return problem_set(problem, IO_FAILED, "privileges cannot be given up: %s",
                           strerror(errno));
    }
    if (!world->options.is_sandboxed) {
        return OK;
    }
    enum status status = kept_leave_others(world, problem);
    if (status == UNSUPPORTED) {
        log_line(&world->log, LOG_NOTICE, "%s", problem->sentence);
        *problem = (struct problem){0};
        status = OK;
    }
    return status == OK ? privilege_drop_calls(problem) : status;
}

int world_run(struct world *world, struct node node)
{
    world->node = node;
    struct problem problem = {0};
    if (give_up(world, &problem) != OK) {
        log_line(&world->log, LOG_ERROR, "%s", problem.sentence);
        return 1;
    }
    struct event start = {.kind = EVENT_START};
    world_deliver(world, &start);
    parts_flush(world);
    fprintf(stderr, "vouch %s: ready\n", world->options.name);
    service_manager_tell("READY=1");
    watchdog_due(world);
    while (!world->is_draining) {
        loop_round(&world->loop, INT64_MAX);
        parts_flush(world);
    }
    finish(world);
    drain(world);
    errands_stop(world);
    return 0;
}

void world_close(struct world *world)
{
    if (world == NULL) {
        return;
    }
    for (size_t i = 0; i < LEN(PARTS); i++) {
        PARTS[i].close(world);
    }
    for (struct service_timer *timer = table_any(&world->timers); timer != NULL;
         timer = table_any(&world->timers)) {
        service_timer_free(timer);
    }
    loop_stop_timer(&world->loop, &world->watchdog);
    table_close(&world->timers);
    kept_close(world);
    if (world->signals.fd >= 0) {
        close(world->signals.fd);
    }
    sigprocmask(SIG_SETMASK, &world->signals_before, NULL);
    loop_close(&world->loop);
    outbox_close(&world->outbox);
    memory_give_back(world);
}
