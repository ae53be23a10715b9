#pragma once
/* How a service that other threads read from knows that they have let go of what it took away. */

struct grace {
    void *self;
    /* Returns when every reader that was at work at the call has come to an end of it since: what
     * could no longer be found before the call is read by nobody after it. Short: a batch of
     * datagrams. */
    void (*wait)(void *self);
};
