#pragma once
/* Waiting for one descriptor until a deadline, for commands that ask once and wait. */
#include "core/base/span.h"
#include "core/base/status.h"

/* `events` of poll(2). OK when something is ready, TIMED_OUT, or IO_FAILED. */
enum status wait_for(int fd, short events, int64_t until_mono_ns) MUST_USE;
/* All of it, on a non-blocking descriptor. */
enum status wait_send(int fd, struct span bytes, int64_t until_mono_ns) MUST_USE;
/* Exactly `len` octets; CLOSED when the other side ends before. */
enum status wait_receive(int fd, uint8_t *bytes, size_t len, int64_t until_mono_ns) MUST_USE;
