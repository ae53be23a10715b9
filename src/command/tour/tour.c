/* `vouch lab --tour`: walks the steps in order, says what each showed, and counts. */
#include "command/tour/tour.h"

#include "command/command.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_ARENA_MAX = 256 << 20 };

static const struct tour_step *step_at(unsigned number)
{
    unsigned index = number - 1;
    if (index < LEN(TOUR_PROTECTION)) {
        return &TOUR_PROTECTION[index];
    }
    index -= LEN(TOUR_PROTECTION);
    return index < LEN(TOUR_ADDING) ? &TOUR_ADDING[index]
                                    : &TOUR_DELETING[index - LEN(TOUR_ADDING)];
}

static void step_walk(struct tour *tour, unsigned number)
{
    const struct tour_step *step = step_at(number);
    int64_t began_ms = tour_mono_ms();
    tour->step = number;
    tour->holds = true;
    printf("\nS%u  %s\n", number, step->clause);
    fflush(stdout);
    step->walk(tour);
    arena_reset(&tour->arena);
    if (tour->holds) {
        tour->passed++;
    } else {
        tour->failed++;
    }
    printf("%s S%u (%.1f s)\n", tour->holds ? "ok" : "not ok", number,
           (double)(tour_mono_ms() - began_ms) / 1000);
    fflush(stdout);
}

int tour_run(struct lab *lab, unsigned broken)
{
    static_assert(LEN(TOUR_PROTECTION) + LEN(TOUR_ADDING) + LEN(TOUR_DELETING) == TOUR_STEPS,
                  "a step for each clause");
    struct tour tour = {.lab = lab, .broken = broken};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    arena_open(&tour.arena, STEP_ARENA_MAX);
    struct arena token_arena;
    arena_open(&token_arena, 4096);
    tour.api_token = lab_read("secrets/owner-api", &token_arena);
    int64_t began_ms = tour_mono_ms();
    printf("The tour: S1 to S55, each with its evidence (lines with a bar).\n");
    if (broken != 0) {
        printf("The evidence of S%u is withheld: that step must fail, and no other.\n", broken);
    }
    for (unsigned number = 1; number <= TOUR_STEPS; number++) {
        step_walk(&tour, number);
    }
    printf("\nThe tour took %.1f s.\n%u passed, %u failed\n",
           (double)(tour_mono_ms() - began_ms) / 1000, tour.passed, tour.failed);
    for (size_t i = 0; i < LEN(tour.kept); i++) {
        free(tour.kept[i]);
    }
    arena_close(&token_arena);
    arena_close(&tour.arena);
    curl_global_cleanup();
    return tour.failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
