/* How a batch of questions is answered together: all are read, then all look-ups go on by one step
 * in turn, so that each waits for memory while the others work, then all are written. */
#include "service/auth/quick.h"

/* All threads count in the same place, so once a batch. */
struct counts {
    uint64_t all, absent, dnssec;
};

static void count_answer(struct counts *counts, const struct quick_question *question)
{
    counts->all++;
    counts->absent += question->kind == QUICK_NO_NAME;
    counts->dnssec += question->wants_dnssec;
}

static void add_count(struct auth *auth, enum auth_counter counter, uint64_t count)
{
    if (count > 0) {
        atomic_fetch_add_explicit(&auth->counters[counter], count, memory_order_relaxed);
    }
}

static void add_counts(struct auth *auth, const struct counts *counts)
{
    add_count(auth, AUTH_COUNT_UDP, counts->all);
    add_count(auth, AUTH_COUNT_NOERROR, counts->all - counts->absent);
    add_count(auth, AUTH_COUNT_NXDOMAIN, counts->absent);
    add_count(auth, AUTH_COUNT_DNSSEC, counts->dnssec);
}

static bool is_under_way(const struct quick_question *question)
{
    return question->state == QUICK_NAME || question->state == QUICK_NSEC3;
}

/* One step of each look-up; false when all have ended. */
static bool take_steps(struct quick_question *questions, size_t count)
{
    bool has_more = false;
    for (size_t i = 0; i < count; i++) {
        struct quick_question *question = &questions[i];
        if (!is_under_way(question)) {
            continue;
        }
        if (!zone_seek_step(&question->seek)) {
            quick_decide(question);
        }
        has_more = has_more || is_under_way(question);
    }
    return has_more;
}

void auth_answer(void *state, struct datagram *datagrams, size_t count)
{
    struct auth *auth = state;
    struct quick_question questions[DATAGRAMS_MAX];
    require(count <= DATAGRAMS_MAX);
    if (auth->rate != NULL) {
        return; /* each answer is booked */
    }
    struct counts counts = {0};
    for (size_t i = 0; i < count; i++) {
        datagrams[i].reply_len = 0;
        quick_read(auth, &datagrams[i], &questions[i]);
    }
    while (take_steps(questions, count)) {
    }
    for (size_t i = 0; i < count; i++) {
        if (questions[i].state == QUICK_READY) {
            datagrams[i].reply_len = quick_write(auth, &questions[i]);
        }
        if (datagrams[i].reply_len != 0) {
            count_answer(&counts, &questions[i]);
        }
    }
    add_counts(auth, &counts);
}
