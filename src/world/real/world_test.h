#pragma once
/* For tests of the real world: runs a world with a service in a thread of its own, and ends it by
 * the signal that a service manager would send. */
#include "world/real/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

struct running {
    struct world *world;
    struct node node;
    pthread_t thread;
    int exit_code;
};

static inline struct world *test_world_open(const char *name)
{
    struct problem problem = {0};
    struct world *world = NULL;
    const struct world_options options = {.name = name, .log_level = LOG_NOTICE};
    if (world_open(&options, &world, &problem) != OK) {
        fail_msg("%s", problem.sentence);
    }
    return world;
}

static inline void *test_world_thread(void *argument)
{
    struct running *running = argument;
    running->exit_code = world_run(running->world, running->node);
    return NULL;
}

static inline void test_world_start(struct running *running)
{
    assert_int_equal(pthread_create(&running->thread, NULL, test_world_thread, running), 0);
}

static inline void test_world_stop(struct running *running)
{
    kill(getpid(), SIGTERM); /* blocked in every thread, so it waits in the world's signalfd */
    pthread_join(running->thread, NULL);
    assert_int_equal(running->exit_code, 0);
    world_close(running->world);
}

static inline struct address test_loopback(void)
{
    return (struct address){.family = ADDRESS_IPV4, .octets = {127, 0, 0, 1}};
}
