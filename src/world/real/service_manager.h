#pragma once
/* Tells the service manager how we are, where there is one (sd_notify); and, for a process that
 * looks after others, hears how they are. Nothing happens without a manager; nothing depends on it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "READY=1", "STOPPING=1". */
void service_manager_tell(const char *state);
void service_manager_tell_reloading(void);
bool service_manager_is_there(void);
/* How often "WATCHDOG=1" is wanted from this process; 0: not at all. */
int64_t service_manager_watchdog_ms(void);

enum { SERVICE_MANAGER_NAME_MAX = 108, SERVICE_MANAGER_TEXT_MAX = 256 };

/* For processes that we start: their NOTIFY_SOCKET is `name`. Returns the descriptor, which does
 * not block; -1 when there can be none. */
int service_manager_listen(char name[SERVICE_MANAGER_NAME_MAX]);
/* The next message, with who sent it as the kernel knows; false when there is none. */
bool service_manager_hear(int fd, pid_t *from, char text[SERVICE_MANAGER_TEXT_MAX]);
