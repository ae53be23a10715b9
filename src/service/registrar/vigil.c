/* The states of the vigil, what each verdict makes of them, and when the next look is due. */
#include "service/registrar/vigil.h"

#include <assert.h>

#include "service/registrar/notice.h"
#include "service/registrar/state.h"

/* What a verdict makes of a state, and what the registrant is told. */
struct vigil_step {
    enum vigil_state next;
    enum chain_turn turn;
};

static const struct vigil_step steps[VIGIL_STATE_COUNT][DOMAIN_CHAIN_COUNT] = {
    /* Never secure yet: a chain in the making may be broken in some caches for a while. */
    [VIGIL_NEW] = {[DOMAIN_CHAIN_UNKNOWN] = {VIGIL_NEW, CHAIN_TURN_NONE},
                   [DOMAIN_CHAIN_SECURE] = {VIGIL_WELL, CHAIN_TURN_NONE},
                   [DOMAIN_CHAIN_INSECURE] = {VIGIL_NEW, CHAIN_TURN_NONE},
                   [DOMAIN_CHAIN_BOGUS] = {VIGIL_NEW, CHAIN_TURN_NONE}},
    [VIGIL_WELL] = {[DOMAIN_CHAIN_UNKNOWN] = {VIGIL_WELL, CHAIN_TURN_NONE},
                    [DOMAIN_CHAIN_SECURE] = {VIGIL_WELL, CHAIN_TURN_NONE},
                    [DOMAIN_CHAIN_INSECURE] = {VIGIL_WELL, CHAIN_TURN_NONE},
                    [DOMAIN_CHAIN_BOGUS] = {VIGIL_DOUBTED, CHAIN_TURN_NONE}},
    [VIGIL_DOUBTED] = {[DOMAIN_CHAIN_UNKNOWN] = {VIGIL_DOUBTED, CHAIN_TURN_NONE},
                       [DOMAIN_CHAIN_SECURE] = {VIGIL_WELL, CHAIN_TURN_NONE},
                       [DOMAIN_CHAIN_INSECURE] = {VIGIL_WELL, CHAIN_TURN_NONE},
                       [DOMAIN_CHAIN_BOGUS] = {VIGIL_BROKEN, CHAIN_TURN_BROKEN}},
    [VIGIL_BROKEN] = {[DOMAIN_CHAIN_UNKNOWN] = {VIGIL_BROKEN, CHAIN_TURN_NONE},
                      [DOMAIN_CHAIN_SECURE] = {VIGIL_WELL, CHAIN_TURN_SECURE},
                      [DOMAIN_CHAIN_INSECURE] = {VIGIL_WELL, CHAIN_TURN_INSECURE},
                      [DOMAIN_CHAIN_BOGUS] = {VIGIL_BROKEN, CHAIN_TURN_NONE}},
};

static int64_t confirm_s(const struct turn *turn)
{
    int64_t fresh_s = turn->registrar->options.look_fresh_s;
    return fresh_s < VIGIL_CONFIRM_S ? fresh_s : VIGIL_CONFIRM_S;
}

/* The step, and what is special: a doubt needs its time, and without keys there is nothing to be
 * well. */
static struct vigil_step step_find(const struct turn *turn, const struct domain *domain,
                                   enum domain_chain seen)
{
    struct vigil_step step = steps[domain->vigil][seen];
    bool is_early =
        domain->vigil == VIGIL_DOUBTED && turn->now_s - domain->vigil_s < confirm_s(turn);
    if (turn->registrar->options.look_fresh_s == 0) {
        return (struct vigil_step){domain->vigil, CHAIN_TURN_NONE};
    }
    if (step.next == VIGIL_BROKEN && is_early) {
        return (struct vigil_step){VIGIL_DOUBTED, CHAIN_TURN_NONE};
    }
    if (step.next == VIGIL_WELL && domain->key_count == 0 && seen == DOMAIN_CHAIN_INSECURE) {
        step.next = VIGIL_NEW;
    }
    return step;
}

/* 0: nobody looks any more. */
static int64_t next_look_s(struct turn *turn, const struct domain *domain, enum vigil_state next)
{
    const struct registrar_options *options = &turn->registrar->options;
    bool is_fresh = turn->now_s - domain->changed_s < VIGIL_FRESH_AGE_S || next == VIGIL_BROKEN;
    uint32_t wait_s = is_fresh ? options->look_fresh_s : options->look_calm_s;
    bool is_over = domain->key_count == 0 && next == VIGIL_NEW;
    if (wait_s == 0 || is_over) {
        return 0;
    }
    if (next == VIGIL_DOUBTED) {
        return turn->now_s + confirm_s(turn);
    }
    uint32_t quarter_s = wait_s / 4;
    return turn->now_s + wait_s - quarter_s + entropy_below(options->entropy, 2 * quarter_s + 1);
}

/* One statement that only fits the state it comes from: a turn happens once. */
static enum status state_store(struct turn *turn, const struct look *look,
                               const struct domain *domain, enum vigil_state next)
{
    struct records_rows rows;
    bool is_seen = look->chain != DOMAIN_CHAIN_UNKNOWN;
    enum status status = RECORDS_RUN(
        turn->records,
        "UPDATE domain SET chain = ?, chain_s = ?, chain_reason = ?, vigil = ?, vigil_s = ?, "
        "look_due_s = ? WHERE name = ? AND vigil = ? RETURNING name",
        turn->scratch, &rows, records_integer(is_seen ? look->chain : domain->chain),
        records_integer(is_seen ? turn->now_s : domain->chain_s),
        records_words(is_seen ? look->first.finding : domain->chain_reason), records_integer(next),
        records_integer(next == domain->vigil ? domain->vigil_s : turn->now_s),
        records_integer(next_look_s(turn, domain, next)), records_words(domain->text),
        records_integer(domain->vigil));
    return status != OK ? status : rows.count == 0 ? NOT_FOUND : OK;
}

static enum status step_store(struct turn *turn, const struct look *look, struct domain *domain,
                              struct vigil_step step)
{
    struct records *records = turn->records;
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = state_store(turn, look, domain, step.next);
    if (status == OK && step.turn != CHAIN_TURN_NONE) {
        domain->chain_reason = look->first.finding;
        status = notice_queue_turn(turn, domain, step.turn);
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

enum status vigil_take(struct turn *turn, const struct look *look)
{
    struct domain domain;
    enum status status = domain_load(turn->records, &turn->registrar->policy, look->domain, 0,
                                     turn->scratch, &domain);
    if (status != OK) {
        return status;
    }
    struct vigil_step step = step_find(turn, &domain, look->chain);
    status = step_store(turn, look, &domain, step);
    if (status != OK) {
        return status;
    }
    if (step.next != domain.vigil) {
        static const char *const words[] = {[VIGIL_NEW] = "is not watched any more",
                                            [VIGIL_WELL] = "is well",
                                            [VIGIL_DOUBTED] = "looks broken",
                                            [VIGIL_BROKEN] = "is broken"};
        static_assert(LEN(words) == VIGIL_STATE_COUNT, "words for each state");
        log_line(turn_log(turn), step.next == VIGIL_BROKEN ? LOG_WARNING : LOG_NOTICE,
                 "the chain of trust of %s %s: the resolver %s", domain.text, words[step.next],
                 look->first.finding);
    }
    turn->registrar->has_work = true;
    return OK;
}

enum status vigil_note_change(struct turn *turn, const char *domain)
{
    int64_t fresh_s = turn->registrar->options.look_fresh_s;
    return RECORDS_RUN(
        turn->records, "UPDATE domain SET changed_s = ?, look_due_s = ? WHERE name = ?",
        turn->scratch, NULL, records_integer(turn->now_s),
        records_integer(fresh_s == 0 ? 0 : turn->now_s + fresh_s), records_words(domain));
}

static size_t looks_under_way(const struct turn *turn)
{
    size_t count = 0;
    for (size_t i = 0; i < LOOKS_MAX; i++) {
        const struct look *look = &turn->registrar->looks[i];
        count += look->purpose == LOOK_CHAIN && look->operation[0] == '\0' ? 1 : 0;
    }
    return count;
}

/* False when no look can be begun now. */
static bool look_at(struct turn *turn, const char *name)
{
    struct domain domain;
    enum status status =
        RECORDS_RUN(turn->records, "UPDATE domain SET look_due_s = ? WHERE name = ?", turn->scratch,
                    NULL, records_integer(turn->now_s + VIGIL_LEASE_S), records_words(name));
    if (status != OK) {
        return false;
    }
    if (domain_load(turn->records, &turn->registrar->policy, name, 0, turn->scratch, &domain) !=
        OK) {
        return true; /* for example, its TLD has gone from the root zone: the lease is a wait */
    }
    struct look_order order = {
        .purpose = LOOK_CHAIN, .domain = domain.text, .zone = domain.name, .operation = ""};
    return look_begin(turn, &order) != 0;
}

void vigil_pump(struct turn *turn)
{
    struct records_rows rows;
    size_t under_way = looks_under_way(turn);
    if (turn->registrar->options.look_fresh_s == 0 || under_way >= VIGIL_LOOKS_MAX) {
        return;
    }
    enum status status = RECORDS_RUN(
        turn->records,
        "SELECT name FROM domain WHERE look_due_s > 0 AND look_due_s <= ? ORDER BY look_due_s "
        "LIMIT ?",
        turn->scratch, &rows, records_integer(turn->now_s),
        records_integer((int64_t)(VIGIL_LOOKS_MAX - under_way)));
    for (size_t i = 0; status == OK && i < rows.count; i++) {
        const char *name = arena_text(turn->scratch, rows.rows[i].values[0].bytes);
        if (name == NULL || !look_at(turn, name)) {
            return;
        }
    }
}

enum status vigil_next_due(struct turn *turn, int64_t *due_s)
{
    struct records_rows rows;
    *due_s = INT64_MAX;
    if (turn->registrar->options.look_fresh_s == 0 || looks_under_way(turn) >= VIGIL_LOOKS_MAX) {
        return OK; /* the end of a look comes first */
    }
    enum status status =
        RECORDS_RUN(turn->records, "SELECT MIN(look_due_s) FROM domain WHERE look_due_s > 0",
                    turn->scratch, &rows);
    if (status == OK && rows.count > 0 && rows.rows[0].values[0].kind == RECORDS_INTEGER) {
        *due_s = rows.rows[0].values[0].integer;
    }
    return status;
}
