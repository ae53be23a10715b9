/* How a batch of questions is answered together: all are read, then all look-ups go on by one step
 * in turn, so that each waits for memory while the others work, then all are written. */
#include "service/auth/quick.h"

/* What a batch adds to the counters: all threads count in the same place, so once a batch. */
struct counts {
    uint32_t of[AUTH_COUNTER_COUNT];
};

static void add_counts(struct auth *auth, const struct counts *counts)
{
    for (size_t i = 0; i < AUTH_COUNTER_COUNT; i++) {
        if (counts->of[i] > 0) {
            atomic_fetch_add_explicit(&auth->counters[i], counts->of[i], memory_order_relaxed);
        }
    }
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

/* ------------------------------------------------------------------ rates */

/* The same account as on the careful way. */
static uint64_t find_account(const struct auth *auth, const struct quick_question *question)
{
    struct address client = question->datagram->peer;
    switch (question->kind) {
    case QUICK_DATA:
        return rate_account(auth->rate, client, RATE_POSITIVE, question->name);
    case QUICK_NO_DATA:
    case QUICK_NO_NAME:
        return rate_account(auth->rate, client, RATE_NEGATIVE, question->view->apex);
    case QUICK_REFERRAL:
        return rate_account(auth->rate, client, RATE_REFERRAL, question->node->owner);
    case QUICK_NOTHING:
    case QUICK_BAD_COOKIE:
        break;
    }
    return rate_account(auth->rate, client, RATE_ERROR, NAME_ROOT);
}

static bool is_booked(const struct auth *auth, const struct quick_question *question)
{
    return auth->rate != NULL && question->state == QUICK_READY &&
           !auth_is_cookie_ours(&question->asked);
}

/* Only what could be answered here is booked here: so nothing is booked twice. */
static void book(struct auth *auth, struct moment now, struct quick_question *question,
                 struct counts *counts)
{
    enum rate_verdict verdict = rate_judge(auth->rate, question->account, now);
    if (verdict == RATE_SEND) {
        return;
    }
    struct datagram *datagram = question->datagram;
    counts->of[AUTH_COUNT_LIMITED]++;
    if (verdict == RATE_DROP) {
        datagram->reply_len = 0;
        datagram->is_dropped = true;
    } else {
        question->kind = question->kind == QUICK_BAD_COOKIE ? QUICK_BAD_COOKIE : QUICK_NOTHING;
        question->flags = FLAG_TC;
        datagram->reply_len = quick_write(auth, question);
    }
}

/* ------------------------------------------------------------------ answers */

static void answer(struct auth *auth, struct moment now, struct quick_question *question,
                   struct counts *counts)
{
    struct datagram *datagram = question->datagram;
    bool is_refusal = question->kind == QUICK_BAD_COOKIE;
    datagram->reply_len = quick_write(auth, question);
    if (datagram->reply_len == 0) {
        return;
    }
    counts->of[AUTH_COUNT_UDP]++;
    counts->of[AUTH_COUNT_BADCOOKIE] += is_refusal;
    counts->of[AUTH_COUNT_DNSSEC] += question->wants_dnssec && !is_refusal;
    if (is_booked(auth, question)) {
        book(auth, now, question, counts);
    }
    if (!datagram->is_dropped) {
        counts->of[auth_counter_of(quick_rcode(question))]++;
    }
}

void auth_answer(void *state, struct moment now, struct datagram *datagrams, size_t count)
{
    struct auth *auth = state;
    struct quick_question questions[DATAGRAMS_MAX];
    struct counts counts = {0};
    require(count <= DATAGRAMS_MAX);
    for (size_t i = 0; i < count; i++) {
        datagrams[i].reply_len = 0;
        datagrams[i].is_dropped = false;
        quick_read(auth, moment_wall_s(now), &datagrams[i], &questions[i]);
    }
    while (take_steps(questions, count)) {
    }
    for (size_t i = 0; i < count; i++) {
        if (is_booked(auth, &questions[i])) {
            questions[i].account = find_account(auth, &questions[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (questions[i].state == QUICK_READY) {
            answer(auth, now, &questions[i], &counts);
        }
    }
    add_counts(auth, &counts);
}
