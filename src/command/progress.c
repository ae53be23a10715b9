/* How progress looks on a terminal: one line that is drawn over itself ten times a second. */
#include "command/progress.h"

#include "world/real/clock.h"

#include <stdio.h>
#include <unistd.h>

static const int64_t FIRST_NS = INT64_C(1000000000);
static const int64_t AGAIN_NS = INT64_C(100000000);
enum { BAR_WIDTH = 40 };

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
    progress->what = what;
    progress->total = total;
    progress->started_ns = clock_mono_ns();
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
    atomic_init(&progress->is_drawn, false);
    atomic_init(&progress->done, 0);
    atomic_init(&progress->next_ns, progress->started_ns + FIRST_NS);
}

static void draw(const struct progress *progress, uint64_t done, int64_t now_ns)
{
    char bar[BAR_WIDTH + 1] = {0};
    double seconds = (double)(now_ns - progress->started_ns) / 1e9;
    if (progress->total == 0) {
        fprintf(stderr, "\r%s: %llu, %.0f s\033[K", progress->what, (unsigned long long)done,
                seconds);
        return;
    }
    double part = done < progress->total ? (double)done / (double)progress->total : 1;
    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < (int)(part * BAR_WIDTH) ? '#' : '.';
    }
    double left = part > 0 ? seconds / part - seconds : 0;
    fprintf(stderr, "\r%s [%s] %3.0f %%, %.0f s left\033[K", progress->what, bar, part * 100, left);
}

void progress_add(struct progress *progress, uint64_t count)
{
    uint64_t done = atomic_fetch_add_explicit(&progress->done, count, memory_order_relaxed) + count;
    if (!progress->is_terminal) {
        return;
    }
    int64_t now_ns = clock_mono_ns();
    int_least64_t next_ns = atomic_load_explicit(&progress->next_ns, memory_order_relaxed);
    /* Of several threads one draws. */
    if (now_ns >= next_ns &&
        atomic_compare_exchange_strong(&progress->next_ns, &next_ns, now_ns + AGAIN_NS)) {
        draw(progress, done, now_ns);
        atomic_store(&progress->is_drawn, true);
    }
}

void progress_end(struct progress *progress)
{
    if (atomic_load(&progress->is_drawn)) {
        fputs("\r\033[K", stderr);
    }
}
