/* The preflight of S25 (a key is forwarded only when every name server shows it at work) and the
 * watch over the DS at the parent and the chain. */
#include "service/registrar/work.h"

#include "service/registrar/control.h"
#include "service/registrar/state.h"
#include "service/registrar/vigil.h"
#include "service/registrar/web.h"

enum { DUE_BATCH = 64, LOOK_LEASE_S = 120, AGAIN_S = 2 };

enum status work_close(struct turn *turn, const struct operation *operation, const char *reason,
                       const char *evidence, int64_t expires_s)
{
    if (reason == NULL) {
        return NO_MEMORY;
    }
    enum status status = operation_close(turn, operation, reason, evidence, expires_s);
    if (status != OK) {
        log_line(turn_log(turn), LOG_ERROR, "the outcome of operation %s could not be stored: %s",
                 operation->id, status_text(status));
        return status;
    }
    log_line(turn_log(turn), LOG_NOTICE, "operation %s: %s of %s %s%s", operation->id,
             operation_type_name(operation->type), operation->domain,
             reason[0] == '\0' ? "successful" : "failed: ", reason);
    control_tell_outcome(turn, operation->id, reason);
    return OK;
}

static void defer(struct turn *turn, const char *id, int64_t wait_s)
{
    if (operation_defer(turn, id, turn->now_s + wait_s) != OK) {
        log_line(turn_log(turn), LOG_ERROR, "operation %s could not be set back", id);
    }
}

/* The keys of a domain's DS set are at work at the new name servers, or there are none. */
static bool hosts_order(struct turn *turn, const struct operation *operation,
                        const struct domain *domain, struct domain_host *hosts,
                        struct look_order *order)
{
    struct problem unused;
    order->hosts = hosts;
    order->keys = domain->keys;
    order->key_count = domain->key_count;
    return domain_read_hosts(span_of_text(operation->hosts), turn->scratch, hosts,
                             &order->host_count, &unused) == OK;
}

static void preflight_begin(struct turn *turn, const struct operation *operation)
{
    struct domain domain;
    struct domain_key key;
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    enum status status = domain_load(turn->records, &turn->registrar->policy, operation->domain, 0,
                                     turn->scratch, &domain);
    if (status != OK) {
        defer(turn, operation->id, LOOK_LEASE_S);
        return;
    }
    struct look_order order = {.purpose = LOOK_PREFLIGHT,
                               .domain = domain.text,
                               .zone = domain.name,
                               .hosts = domain.hosts,
                               .host_count = domain.host_count,
                               .keys = &key,
                               .key_count = 1,
                               .operation = operation->id};
    bool is_ready = true;
    if (operation->type == OPERATION_NAMESERVERS && domain.key_count == 0) {
        status = operation_advance(turn, operation->id, OPERATION_ACCEPTED, OPERATION_CHECKED, "");
        turn->registrar->has_work = true;
        return;
    }
    if (operation->type == OPERATION_NAMESERVERS) {
        is_ready = hosts_order(turn, operation, &domain, hosts, &order);
    } else {
        is_ready = operation_key(turn, operation, &key) == OK;
    }
    defer(turn, operation->id, is_ready ? LOOK_LEASE_S : AGAIN_S);
    if (is_ready && look_begin(turn, &order) == 0) {
        defer(turn, operation->id, AGAIN_S);
    }
}

static void watch_begin(struct turn *turn, const struct operation *operation)
{
    struct domain domain;
    struct domain_key key;
    if (domain_load(turn->records, &turn->registrar->policy, operation->domain, 0, turn->scratch,
                    &domain) != OK ||
        operation_key(turn, operation, &key) != OK) {
        defer(turn, operation->id, LOOK_LEASE_S);
        return;
    }
    struct look_order order = {.purpose =
                                   operation->watch == WATCH_CHAIN ? LOOK_CHAIN : LOOK_PARENT,
                               .domain = domain.text,
                               .zone = domain.name,
                               .keys = &key,
                               .key_count = 1,
                               .operation = operation->id};
    defer(turn, operation->id, LOOK_LEASE_S);
    if (look_begin(turn, &order) == 0) {
        defer(turn, operation->id, AGAIN_S);
    }
}

void work_pump(struct turn *turn)
{
    struct operation *operations;
    size_t count;
    int64_t due_s, look_due_s = INT64_MAX;
    if (operation_list_due(turn, DUE_BATCH, &operations, &count) == OK) {
        for (size_t i = 0; i < count; i++) {
            if (operations[i].state == OPERATION_ACCEPTED) {
                preflight_begin(turn, &operations[i]);
            } else {
                watch_begin(turn, &operations[i]);
            }
        }
    }
    vigil_pump(turn);
    if (operation_next_due(turn, &due_s) != OK || vigil_next_due(turn, &look_due_s) != OK) {
        due_s = turn->now_s + AGAIN_S;
    }
    due_s = look_due_s < due_s ? look_due_s : due_s;
    int64_t at_ns = TIMER_NEVER_NS;
    if (due_s != INT64_MAX) {
        int64_t wait_s = due_s > turn->now_s ? due_s - turn->now_s : 1;
        at_ns = turn->mono_ns + wait_s * MOMENT_NS_PER_S;
    }
    outbox_timer(turn->outbox, TIMER_WORK, at_ns);
}

/* How many of the domain's keys one of which each server must show: for an added key that one. */
static void preflight_finish(struct turn *turn, const struct look *look,
                             const struct operation *operation)
{
    const char *evidence = look_evidence(look, turn->scratch);
    bool is_key = operation->type == OPERATION_ADD_KEY;
    enum status status;
    if (look_judge_all(look, UINT64_MAX) == LOOK_GOOD) {
        status =
            operation_advance(turn, operation->id, OPERATION_ACCEPTED, OPERATION_CHECKED, evidence);
        turn->registrar->has_work = true;
    } else {
        const char *reason = arena_print(
            turn->scratch, "%s %s. %s",
            is_key ? "DNSSEC is not yet configured with this key at "
                     "the DNS provider:"
                   : "The new name servers would make the domain "
                     "unreachable for validating resolvers:",
            look_fault(look, UINT64_MAX, turn->scratch),
            is_key ? "Configure it at every name server first, then add the key again; it was not "
                     "forwarded to the registry."
                   : "No key of the domain at the registry is at work there. The change was not "
                     "forwarded to the registry.");
        status = work_close(turn, operation, reason, evidence, 0);
    }
    if (status != OK && status != NOT_FOUND) {
        defer(turn, operation->id, AGAIN_S);
    }
}

static int64_t watch_wait_s(const struct turn *turn, int64_t looks)
{
    const struct registrar_options *options = &turn->registrar->options;
    int64_t wait_s = options->watch_first_s == 0 ? 1 : options->watch_first_s;
    for (int64_t i = 0; i < looks && wait_s < options->watch_most_s; i++) {
        wait_s *= 2;
    }
    return wait_s < options->watch_most_s ? wait_s : options->watch_most_s;
}

/* An added key's DS is at every server of the parent; a deleted one's at none that answered. */
static bool parent_agrees(const struct look *look, const struct operation *operation)
{
    if (look->server_count == 0) {
        return false;
    }
    bool is_wanted = operation->type == OPERATION_ADD_KEY;
    for (size_t i = 0; i < look->server_count; i++) {
        const struct look_probe *probe = &look->servers[i].probes[TRANSPORT_UDP];
        if (!probe->has_answer && !probe->cannot_be_asked) {
            return false;
        }
        if (probe->has_answer && (probe->keys_good != 0) != is_wanted) {
            return false;
        }
    }
    return true;
}

/* What the resolver must say once caches have forgotten: secure, or insecure without any key. */
static bool chain_agrees(struct turn *turn, const struct look *look)
{
    struct domain domain;
    if (domain_load(turn->records, &turn->registrar->policy, look->domain, 0, turn->scratch,
                    &domain) != OK) {
        return false;
    }
    return look->chain == (domain.key_count > 0 ? DOMAIN_CHAIN_SECURE : DOMAIN_CHAIN_INSECURE);
}

static void watch_finish(struct turn *turn, const struct look *look,
                         const struct operation *operation)
{
    enum operation_watch next = operation->watch;
    int64_t wait_s = watch_wait_s(turn, operation->looks);
    enum status status = OK;
    bool is_agreed = false;
    if (look->purpose == LOOK_PARENT) {
        is_agreed = parent_agrees(look, operation);
        next = is_agreed ? WATCH_CHAIN : next;
        if (look->ds_ttl_s != 0) {
            status = domain_put_ttl(turn->records, look->domain, look->ds_ttl_s);
        }
    } else {
        is_agreed = chain_agrees(turn, look);
        next = is_agreed ? WATCH_DONE : next;
        status = vigil_take(turn, look);
    }
    int64_t age_s = turn->now_s - operation->updated_s;
    if (!is_agreed && age_s > (int64_t)turn->registrar->options.watch_end_s) {
        next = WATCH_GIVEN_UP;
    }
    if (status == OK) {
        status = operation_put_watch(turn, operation, next, turn->now_s + (is_agreed ? 0 : wait_s));
    }
    if (status != OK) {
        defer(turn, operation->id, AGAIN_S);
    }
    if (is_agreed) {
        log_line(turn_log(turn), LOG_NOTICE, "operation %s: %s", operation->id,
                 next == WATCH_CHAIN ? "seen at every server of the parent"
                                     : "confirmed by the validating resolver");
    }
    turn->registrar->has_work = true;
}

void look_finished(struct turn *turn, struct look *look)
{
    struct operation operation;
    if (look->purpose == LOOK_DELETE) {
        web_take_look(turn, look);
        return;
    }
    if (look->purpose == LOOK_CHAIN && look->operation[0] == '\0') {
        if (vigil_take(turn, look) != OK) {
            log_line(turn_log(turn), LOG_ERROR, "what was seen of %s could not be stored",
                     look->domain);
        }
        turn->registrar->has_work = true;
        return;
    }
    enum status status = operation_load(turn, span_of_text(look->operation), &operation);
    if (status != OK) {
        return; /* its lease ends, and it is looked at again */
    }
    if (look->purpose == LOOK_PREFLIGHT && operation.state == OPERATION_ACCEPTED) {
        preflight_finish(turn, look, &operation);
    } else if (look->purpose != LOOK_PREFLIGHT && operation.state == OPERATION_SUCCESSFUL) {
        watch_finish(turn, look, &operation);
    }
}
