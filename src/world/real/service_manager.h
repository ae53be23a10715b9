#pragma once
/* Tells the service manager how we are, where there is one (sd_notify). */

/* "READY=1", "STOPPING=1". Nothing happens without a manager; nothing depends on it. */
void service_manager_tell(const char *state);
