#pragma once
/* The steps of the tour, one a clause. */
#include "command/tour/evidence.h"

enum { TOUR_STEPS = 55 };

struct tour_step {
    const char *clause; /* what the clause asks, in a sentence */
    void (*walk)(struct tour *tour);
};
/* In order: rows[0] is S1. */
extern const struct tour_step TOUR_PROTECTION[20]; /* S1 to S20 */
extern const struct tour_step TOUR_ADDING[20];     /* S21 to S40 */
extern const struct tour_step TOUR_DELETING[15];   /* S41 to S55 */
