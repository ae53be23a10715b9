#pragma once
/* Waits for descriptors and times, and calls whoever waited. */
#include "core/base/heap.h"
#include "core/base/status.h"

#include <sys/epoll.h>

/* A descriptor somebody waits for; stands inside its owner. */
struct watch {
    int fd;
    uint32_t interest; /* EPOLLIN, EPOLLOUT; kept by the loop */
    bool is_watched;
    void (*ready)(void *owner, uint32_t events);
    void *owner;
};

/* A time somebody waits for; stands inside its owner. */
struct timer {
    struct heap_item item; /* first */
    void (*due)(void *owner);
    void *owner;
};

enum { LOOP_EVENTS = 64 };

struct loop {
    int epoll;
    struct heap timers;
    struct epoll_event events[LOOP_EVENTS];
    int event_count;
    int event_at;
};

enum status loop_open(struct loop *loop) MUST_USE;
void loop_close(struct loop *loop);
/* Waits for `interest` on the descriptor, or for something else from now on. IO_FAILED when the
 * kernel cannot. */
enum status loop_watch(struct loop *loop, struct watch *watch, uint32_t interest) MUST_USE;
/* Safe from inside any callback: what was reported for it already is forgotten. Does not close the
 * descriptor. */
void loop_unwatch(struct loop *loop, struct watch *watch);
/* Sets or moves the time; in the past means as soon as the callers have returned. */
void loop_set_timer(struct loop *loop, struct timer *timer, int64_t at_mono_ns);
void loop_stop_timer(struct loop *loop, struct timer *timer);
/* Waits until something is due, but not beyond `until_mono_ns`, and calls everyone concerned. */
void loop_round(struct loop *loop, int64_t until_mono_ns);
