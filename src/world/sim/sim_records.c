/* Records that outlive their node: which of what a service does to them is a write, and what is
 * left of it when the power goes in its midst. A commit is then whole or not there; which of the
 * two, the node does not learn. */
#include "world/sim/inside.h"

#include <string.h>

static enum status store_begin(void *self)
{
    struct sim_store *store = self;
    if (store->node->is_dying) {
        return IO_FAILED;
    }
    enum status status = store->under.begin(store->under.self);
    store->is_open = status == OK;
    return status;
}

static void store_rollback(void *self)
{
    struct sim_store *store = self;
    if (store->is_open) {
        store->is_open = false;
        store->under.rollback(store->under.self);
    }
}

/* A failing disk rolls back, as the interface promises; when the power goes nobody can promise. */
static enum status store_commit(void *self)
{
    struct sim_store *store = self;
    enum status power = sim_power_check(store->node);
    bool is_done =
        power == OK || (power == BUSY && store->node->is_dying && sim_chance(store->node->sim, 50));
    if (!is_done) {
        store_rollback(store);
        return IO_FAILED;
    }
    store->is_open = false;
    enum status status = store->under.commit(store->under.self);
    return power == OK ? status : IO_FAILED;
}

static enum status store_run(void *self, const char *sql, const struct records_value *args,
                             size_t arg_count, struct arena *arena, struct records_rows *rows)
{
    static const char SELECT[] = "SELECT";
    struct sim_store *store = self;
    bool is_write = !store->is_open && strncmp(sql, SELECT, sizeof SELECT - 1) != 0;
    enum status power = store->node->is_dying ? IO_FAILED
                        : is_write            ? sim_power_check(store->node)
                                              : OK;
    bool is_done =
        power == OK || (power == BUSY && store->node->is_dying && sim_chance(store->node->sim, 50));
    enum status status =
        is_done ? store->under.run(store->under.self, sql, args, arg_count, arena, rows)
                : IO_FAILED;
    return power == OK ? status : IO_FAILED;
}

struct records sim_records(struct sim *sim, size_t index, struct records under)
{
    struct sim_node *node = &sim->nodes[index];
    require(index < sim->node_count);
    node->store = (struct sim_store){.node = node, .under = under};
    return (struct records){&node->store, store_begin, store_commit, store_rollback, store_run};
}

void sim_records_forget(struct sim_node *node)
{
    store_rollback(&node->store);
}
