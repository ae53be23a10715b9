#pragma once
/* The oracle over what the world sees of the domain: a client that asks the validating resolver
 * every few seconds, and what it may be told at each time. It remembers the first thing that should
 * not have been. */
#include "scenario/lab.h"

enum { WATCH_EACH_S = 2, WATCH_FAULT_SIZE = 700 };

struct watch {
    struct lab *lab;
    bool may_be[LAB_VIEW_COUNT]; /* silence and unreached servers always may: the network loses */
    int64_t bogus_until_s;       /* bogus may be so long: an attack, and what caches keep of it */
    struct lab_answer last;
    uint32_t counts[LAB_VIEW_COUNT];
    char fault[WATCH_FAULT_SIZE]; /* empty: all was well so far */
};

/* Nothing is registered yet. */
void watch_open(struct watch *watch, struct lab *lab);
/* From now on it is that, whichever of the two, or still the one before. */
void watch_expect(struct watch *watch, bool may_be_secure, bool may_be_insecure);
/* Forged answers are on the wire, until `seconds` from now. */
void watch_expect_attack(struct watch *watch, int64_t seconds);
/* Lets time pass and asks. */
void watch_pass(struct watch *watch, int64_t seconds);
/* The same until the client is told that, at most so long; else it is a fault. */
void watch_await(struct watch *watch, enum lab_view view, int64_t seconds);
void watch_fault(struct watch *watch, const char *format, ...) PRINTF_LIKE(2, 3);
bool watch_is_good(const struct watch *watch);
