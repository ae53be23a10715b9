/* epoll and the heap of times. */
#include "world/real/loop.h"

#include "core/base/moment.h"
#include "world/real/clock.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

enum { TIMERS_A_ROUND = 1024 };

enum status loop_open(struct loop *loop)
{
    *loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    return loop->epoll < 0 ? IO_FAILED : OK;
}

void loop_close(struct loop *loop)
{
    if (loop->epoll >= 0) {
        close(loop->epoll);
    }
    heap_close(&loop->timers);
    loop->epoll = -1;
}

enum status loop_watch(struct loop *loop, struct watch *watch, uint32_t interest)
{
    if (watch->is_watched && watch->interest == interest) {
        return OK;
    }
    struct epoll_event event = {.events = interest, .data.ptr = watch};
    int operation = watch->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll, operation, watch->fd, &event) != 0) {
        return IO_FAILED;
    }
    watch->is_watched = true;
    watch->interest = interest;
    return OK;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (!watch->is_watched) {
        return;
    }
    watch->is_watched = false;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->event_at; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch) {
            loop->events[i].data.ptr = NULL;
        }
    }
}

void loop_set_timer(struct loop *loop, struct timer *timer, int64_t at_mono_ns)
{
    heap_set(&loop->timers, &timer->item, at_mono_ns);
}

void loop_stop_timer(struct loop *loop, struct timer *timer)
{
    heap_remove(&loop->timers, &timer->item);
}

static int wait_ms(const struct loop *loop, int64_t until_mono_ns)
{
    const struct heap_item *first = heap_first(&loop->timers);
    int64_t at = first != NULL && first->at < until_mono_ns ? first->at : until_mono_ns;
    if (at == INT64_MAX) {
        return -1;
    }
    int64_t now = clock_mono_ns();
    if (at <= now) {
        return 0;
    }
    int64_t ms = (at - now - 1) / MOMENT_NS_PER_MS + 1; /* upwards: never wake too early */
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void timers_run(struct loop *loop)
{
    int64_t now = clock_mono_ns();
    for (size_t i = 0; i < TIMERS_A_ROUND; i++) {
        struct heap_item *first = heap_first(&loop->timers);
        if (first == NULL || first->at > now) {
            return;
        }
        heap_remove(&loop->timers, first);
        struct timer *timer = (struct timer *)first;
        timer->due(timer->owner);
    }
}

void loop_round(struct loop *loop, int64_t until_mono_ns)
{
    int count = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, wait_ms(loop, until_mono_ns));
    require(count >= 0 || errno == EINTR);
    loop->event_count = count < 0 ? 0 : count;
    for (loop->event_at = 0; loop->event_at < loop->event_count;) {
        struct epoll_event event = loop->events[loop->event_at++];
        struct watch *watch = event.data.ptr;
        if (watch != NULL) {
            watch->ready(watch->owner, event.events);
        }
    }
    timers_run(loop);
}
