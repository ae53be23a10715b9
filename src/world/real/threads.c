/* A crew of threads that take the pieces of one job after another. Between jobs they wait; a job is
 * told by a number that changes. */
#include "world/real/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct threads {
    struct parallel parallel;
    pthread_t others[PARALLEL_WIDTH_MAX - 1];
    unsigned other_count;
    pthread_mutex_t lock;
    pthread_cond_t begun;
    pthread_cond_t ended;
    uint64_t job; /* counts the jobs */
    bool is_closing;
    unsigned busy; /* of the others */
    void (*work)(void *user, size_t index);
    void *user;
    size_t count;
    atomic_size_t next;
};

static void take_pieces(struct threads *threads)
{
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&threads->next, 1, memory_order_relaxed);
        if (index >= threads->count) {
            return;
        }
        threads->work(threads->user, index);
    }
}

static void *serve(void *argument)
{
    struct threads *threads = argument;
    uint64_t done = 0;
    pthread_mutex_lock(&threads->lock);
    for (;;) {
        while (threads->job == done && !threads->is_closing) {
            pthread_cond_wait(&threads->begun, &threads->lock);
        }
        if (threads->is_closing) {
            break;
        }
        done = threads->job;
        pthread_mutex_unlock(&threads->lock);
        take_pieces(threads);
        pthread_mutex_lock(&threads->lock);
        if (--threads->busy == 0) {
            pthread_cond_signal(&threads->ended);
        }
    }
    pthread_mutex_unlock(&threads->lock);
    return NULL;
}

static void run(void *self, void (*work)(void *user, size_t index), void *user, size_t count)
{
    struct threads *threads = self;
    pthread_mutex_lock(&threads->lock);
    threads->work = work;
    threads->user = user;
    threads->count = count;
    atomic_store_explicit(&threads->next, 0, memory_order_relaxed);
    threads->busy = threads->other_count;
    threads->job++;
    pthread_cond_broadcast(&threads->begun);
    pthread_mutex_unlock(&threads->lock);
    take_pieces(threads);
    pthread_mutex_lock(&threads->lock);
    while (threads->busy > 0) {
        pthread_cond_wait(&threads->ended, &threads->lock);
    }
    pthread_mutex_unlock(&threads->lock);
}

unsigned threads_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : (unsigned)count;
}

/* The others take no signals: those belong to the thread of the event loop. */
static bool start_others(struct threads *threads, unsigned count)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (threads->other_count < count &&
           pthread_create(&threads->others[threads->other_count], NULL, serve, threads) == 0) {
        threads->other_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return threads->other_count == count;
}

enum status threads_open(unsigned width, struct threads **threads)
{
    unsigned wanted = width == 0 ? threads_processors() : width;
    wanted = wanted > PARALLEL_WIDTH_MAX ? PARALLEL_WIDTH_MAX : wanted;
    struct threads *opened = calloc(1, sizeof *opened);
    *threads = NULL;
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->parallel = (struct parallel){.self = opened, .width = wanted, .run = run};
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->begun, NULL);
    pthread_cond_init(&opened->ended, NULL);
    if (!start_others(opened, wanted - 1)) {
        threads_close(opened);
        return NO_MEMORY;
    }
    *threads = opened;
    return OK;
}

const struct parallel *threads_parallel(const struct threads *threads)
{
    return &threads->parallel;
}

void threads_close(struct threads *threads)
{
    if (threads == NULL) {
        return;
    }
    pthread_mutex_lock(&threads->lock);
    threads->is_closing = true;
    pthread_cond_broadcast(&threads->begun);
    pthread_mutex_unlock(&threads->lock);
    for (unsigned i = 0; i < threads->other_count; i++) {
        pthread_join(threads->others[i], NULL);
    }
    pthread_cond_destroy(&threads->begun);
    pthread_cond_destroy(&threads->ended);
    pthread_mutex_destroy(&threads->lock);
    free(threads);
}
