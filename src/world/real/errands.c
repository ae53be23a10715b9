/* The thread that does errands, and how it tells the loop that one is done. */
#include "world/real/errands.h"

#include "world/real/inside.h"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* A tenth of what an answering thread gets, where there is no processor for both. */
enum { ERRAND_NICE = 10 };

struct errand_queue {
    struct errand *first, *last;
};

struct errand_thread {
    struct errands errands;
    struct world *world;
    pthread_t thread;
    bool is_running;
    struct watch told; /* an eventfd: errands are done */
    pthread_mutex_t lock;
    pthread_cond_t sent;
    /* Under the lock: */
    struct errand_queue waiting;
    struct errand_queue done;
    bool is_stopping;
};

static void queue_add(struct errand_queue *queue, struct errand *errand)
{
    errand->next = NULL;
    *(queue->first == NULL ? &queue->first : &queue->last->next) = errand;
    queue->last = errand;
}

static struct errand *queue_take(struct errand_queue *queue)
{
    struct errand *errand = queue->first;
    if (errand != NULL) {
        queue->first = errand->next;
    }
    return errand;
}

static void do_errand(struct errand_thread *thread, struct errand *errand)
{
    bool is_left = errand->is_left; /* then it is gone when it has run */
    errand->run(errand);
    if (is_left) {
        return;
    }
    pthread_mutex_lock(&thread->lock);
    queue_add(&thread->done, errand);
    pthread_mutex_unlock(&thread->lock);
    eventfd_write(thread->told.fd, 1);
}

static void *serve(void *argument)
{
    struct errand_thread *thread = argument;
    /* Of this thread alone, which is what Linux understands here. Where that is refused the work is
     * done all the same. */
    (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    (void)setpriority(PRIO_PROCESS, 0, ERRAND_NICE);
    pthread_mutex_lock(&thread->lock);
    while (!thread->is_stopping) {
        struct errand *errand = queue_take(&thread->waiting);
        if (errand == NULL) {
            pthread_cond_wait(&thread->sent, &thread->lock);
            continue;
        }
        pthread_mutex_unlock(&thread->lock);
        do_errand(thread, errand);
        pthread_mutex_lock(&thread->lock);
    }
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

static struct errand *take_done(struct errand_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    struct errand *errand = queue_take(&thread->done);
    pthread_mutex_unlock(&thread->lock);
    return errand;
}

static void told_ready(void *owner, uint32_t events)
{
    struct errand_thread *thread = owner;
    eventfd_t count;
    (void)events;
    (void)eventfd_read(thread->told.fd, &count);
    for (struct errand *errand = take_done(thread); errand != NULL; errand = take_done(thread)) {
        struct event event = {.kind = EVENT_TIMER, .timer = errand->timer};
        errand->is_done = true;
        world_deliver(thread->world, &event);
    }
}

/* Signals are the world's. */
static bool start(struct errand_thread *thread)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_running = pthread_create(&thread->thread, NULL, serve, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_running;
}

static void send_errand(void *self, struct errand *errand)
{
    struct errand_thread *thread = self;
    thread->is_running = thread->is_running || start(thread);
    if (!thread->is_running) {
        do_errand(thread, errand); /* rather late than never */
        return;
    }
    pthread_mutex_lock(&thread->lock);
    queue_add(&thread->waiting, errand);
    pthread_cond_signal(&thread->sent);
    pthread_mutex_unlock(&thread->lock);
}

const struct errands *world_errands(struct world *world)
{
    if (world->errands != NULL) {
        return &world->errands->errands;
    }
    struct errand_thread *thread = memory_take(sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->errands = (struct errands){thread, send_errand};
    thread->world = world;
    thread->told = (struct watch){
        .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .ready = told_ready, .owner = thread};
    if (thread->told.fd < 0 || loop_watch(&world->loop, &thread->told, EPOLLIN) != OK) {
        if (thread->told.fd >= 0) {
            close(thread->told.fd);
        }
        memory_give_back(thread);
        return NULL;
    }
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->sent, NULL);
    world->errands = thread;
    return &thread->errands;
}

void errands_stop(struct world *world)
{
    struct errand_thread *thread = world->errands;
    if (thread == NULL || !thread->is_running) {
        return;
    }
    pthread_mutex_lock(&thread->lock);
    thread->is_stopping = true;
    pthread_cond_signal(&thread->sent);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    thread->is_running = false;
    for (struct errand *errand = queue_take(&thread->waiting); errand != NULL;
         errand = queue_take(&thread->waiting)) {
        if (errand->is_left) {
            errand->run(errand);
        }
    }
}

void errands_close(struct world *world)
{
    struct errand_thread *thread = world->errands;
    if (thread == NULL) {
        return;
    }
    errands_stop(world);
    loop_unwatch(&world->loop, &thread->told);
    close(thread->told.fd);
    pthread_cond_destroy(&thread->sent);
    pthread_mutex_destroy(&thread->lock);
    memory_give_back(thread);
    world->errands = NULL;
}
