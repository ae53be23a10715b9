#pragma once
/* Threads for core/base/parallel: a crew that waits between the calls. */
#include "core/base/parallel.h"
#include "core/base/status.h"

struct threads;

unsigned threads_processors(void); /* that the process may use, 1 at least */
/* `width` threads do the work, the caller of run being one of them; 0: as many as the process may
 * use processors, at most PARALLEL_WIDTH_MAX. NO_MEMORY also when the system gives no thread. */
enum status threads_open(unsigned width, struct threads **threads) MUST_USE;
const struct parallel *threads_parallel(const struct threads *threads);
void threads_close(struct threads *threads); /* NULL is fine; no run may be under way */
