/* How a wait grows, and when it is forgotten. */
#include "service/registrar/backoff.h"

#include "service/registrar/state.h"

enum status backoff_name(struct span email, struct address peer, struct backoff_pair *pair)
{
    size_t len = peer.family == ADDRESS_IPV6 ? 7 : 4;
    enum status status = account_derive(email, "account", pair->account);
    return status == OK ? account_derive(span_of(peer.octets, len), "address", pair->peer) : status;
}

enum status backoff_wait(struct turn *turn, const struct backoff_pair *pair, int64_t *wait_s)
{
    struct records_rows rows;
    *wait_s = 0;
    enum status status =
        RECORDS_RUN(turn->records, "SELECT until_s FROM backoff WHERE who IN (?, ?)", turn->scratch,
                    &rows, records_words(pair->account), records_words(pair->peer));
    for (size_t i = 0; status == OK && i < rows.count; i++) {
        int64_t left_s = rows.rows[i].values[0].integer - turn->now_s;
        /* Should the clock have been set back, nobody waits longer than the longest wait. */
        left_s = left_s < BACKOFF_MOST_S ? left_s : BACKOFF_MOST_S;
        *wait_s = left_s > *wait_s ? left_s : *wait_s;
    }
    return status;
}

static int64_t wait_after(int64_t failures, int64_t free_tries)
{
    int64_t doublings = failures - free_tries;
    int64_t wait_s = doublings < 0 ? 0 : doublings < 10 ? (int64_t)1 << doublings : BACKOFF_MOST_S;
    return wait_s < BACKOFF_MOST_S ? wait_s : BACKOFF_MOST_S;
}

static enum status failure_store(struct turn *turn, const char *who, int64_t free_tries)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT failures FROM backoff WHERE who = ? AND failed_s > ?", turn->scratch,
        &rows, records_words(who), records_integer(turn->now_s - BACKOFF_FORGET_S));
    if (status != OK) {
        return status;
    }
    int64_t failures = 1 + (rows.count == 0 ? 0 : rows.rows[0].values[0].integer);
    return RECORDS_RUN(
        turn->records,
        "INSERT INTO backoff (who, failures, failed_s, until_s) VALUES (?, ?, ?, ?) ON CONFLICT "
        "(who) DO UPDATE SET failures = excluded.failures, failed_s = excluded.failed_s, "
        "until_s = excluded.until_s",
        turn->scratch, NULL, records_words(who), records_integer(failures),
        records_integer(turn->now_s),
        records_integer(turn->now_s + wait_after(failures, free_tries)));
}

/* The old ones, and what is too many: whoever fills the table gains nothing but shorter waits for
 * those who were not guessed at for longest. */
static enum status old_remove(struct turn *turn)
{
    enum status status =
        RECORDS_RUN(turn->records, "DELETE FROM backoff WHERE failed_s <= ?", turn->scratch, NULL,
                    records_integer(turn->now_s - BACKOFF_FORGET_S));
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(turn->records,
                       "DELETE FROM backoff WHERE who IN (SELECT who FROM backoff ORDER BY until_s "
                       "DESC, who LIMIT ? OFFSET ?)",
                       turn->scratch, NULL, records_integer(BACKOFF_ENTRIES_MAX),
                       records_integer(BACKOFF_ENTRIES_MAX));
}

enum status backoff_fail(struct turn *turn, const struct backoff_pair *pair)
{
    struct records *records = turn->records;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = old_remove(turn);
    if (status == OK) {
        status = failure_store(turn, pair->account, BACKOFF_FREE_TRIES);
    }
    if (status == OK) {
        status = failure_store(turn, pair->peer, BACKOFF_FREE_TRIES_PEER);
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

enum status backoff_forgive(struct turn *turn, const struct backoff_pair *pair)
{
    return RECORDS_RUN(turn->records, "DELETE FROM backoff WHERE who = ?", turn->scratch, NULL,
                       records_words(pair->account));
}
