#pragma once
/* What the process may no longer do once everything is open. */
#include "core/base/problem.h"

/* As many open files as the system lets us have. */
void privilege_raise_limits(void);
uint32_t privilege_descriptors(void); /* that the process may have */
/* No new privileges by any program it might start, no core files with keys in them; with
 * `is_sandboxed` only the system calls of a network service that keeps files. */
enum status privilege_drop(bool is_sandboxed, struct problem *problem) MUST_USE;
