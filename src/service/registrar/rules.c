/* Which request is admitted: TLD, limits, duplicates, one at a time, and the guard before a domain
 * is made insecure or unreachable. */
#include "service/registrar/rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/registrar/refusal.h"
#include "service/registrar/state.h"

enum { DS_TTL_USUAL_S = 86400 };

static const char *const error_names[] = {
    [REFUSAL_NONE] = "",
    [REFUSAL_INVALID_INPUT] = "InvalidInput",
    [REFUSAL_NOT_FOUND] = "InvalidInput",
    [REFUSAL_DUPLICATE_REQUEST] = "DuplicateRequest",
    [REFUSAL_OPERATION_LIMIT] = "OperationLimitExceeded",
    [REFUSAL_TLD_RULES] = "TLDRulesViolation",
    [REFUSAL_UNSUPPORTED_TLD] = "UnsupportedTLD",
    [REFUSAL_DNSSEC_LIMIT] = "DnssecLimitExceeded",
    [REFUSAL_NEEDS_CONFIRMATION] = "InvalidInput",
    [REFUSAL_INTERNAL] = "InternalFailure",
};
static_assert(LEN(error_names) == REFUSAL_CODE_COUNT, "a name for each refusal");

const char *rules_error_name(enum refusal_code code)
{
    return error_names[code];
}

static bool refuse(struct refusal *refusal, enum refusal_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Always false, so that a rule can `return refuse(...)`. */
static bool refuse(struct refusal *refusal, enum refusal_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refusal->code = code;
    vsnprintf(refusal->sentence, sizeof refusal->sentence, format, args);
    va_end(args);
    return false;
}

static bool refuse_internal(struct turn *turn, struct refusal *refusal, enum status status)
{
    log_line(turn_log(turn), LOG_ERROR, "the records failed: %s", status_text(status));
    return refuse(refusal, REFUSAL_INTERNAL, RULES_INTERNAL_SENTENCE);
}

bool rules_find_domain(struct turn *turn, const struct rules_request *request,
                       struct domain *domain, struct refusal *refusal)
{
    *refusal = (struct refusal){0};
    const char *text;
    struct name name;
    const struct tld *tld;
    struct problem problem = {0};
    enum status status = domain_read_name(&turn->registrar->policy, request->domain, turn->scratch,
                                          &text, &name, &tld, &problem);
    if (status == NOT_FOUND) {
        return refuse(refusal, REFUSAL_UNSUPPORTED_TLD, "%s", problem.sentence);
    }
    if (status != OK) {
        return refuse(refusal, REFUSAL_INVALID_INPUT, "%s", problem.sentence);
    }
    status = domain_load(turn->records, &turn->registrar->policy, text, request->account,
                         turn->scratch, domain);
    if (status == NOT_FOUND) {
        return refuse(refusal, REFUSAL_NOT_FOUND, "The domain %s is not in this account.", text);
    }
    return status == OK ? true : refuse_internal(turn, refusal, status);
}

/* S38, S51: the second request waits for the confirmation of the first. */
static bool has_none_pending(struct turn *turn, const char *domain, struct refusal *refusal)
{
    struct operation open;
    enum status status = operation_find_open(turn, domain, &open);
    if (status == NOT_FOUND) {
        return true;
    }
    if (status != OK) {
        return refuse_internal(turn, refusal, status);
    }
    return refuse(refusal, REFUSAL_DUPLICATE_REQUEST,
                  "Another change of %s is still in progress (%s, operation %s). Only one key can "
                  "be added or deleted at a time: wait for its confirmation e-mail.",
                  domain, operation_type_text(open.type), open.id);
}

static bool has_room_for_operation(struct turn *turn, int64_t account, struct refusal *refusal)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        turn->records, "SELECT COUNT(*) FROM operation WHERE account = ? AND is_open = 1",
        turn->scratch, &rows, records_integer(account));
    if (status != OK || rows.count != 1) {
        return refuse_internal(turn, refusal, status);
    }
    if (rows.rows[0].values[0].integer >= OPERATIONS_OPEN_MAX) {
        return refuse(refusal, REFUSAL_OPERATION_LIMIT,
                      "%d operations of this account are still in progress; wait for some to end.",
                      OPERATIONS_OPEN_MAX);
    }
    return true;
}

/* Whatever the account, a TLD without DNSSEC takes no keys: say that first. */
static bool tld_takes_keys(const struct tld *tld, struct refusal *refusal)
{
    if (!tld->has_dnssec) {
        return refuse(refusal, REFUSAL_UNSUPPORTED_TLD,
                      "The registry of .%s does not support DNSSEC: the root zone has no DS record "
                      "for it, so no key of a domain in it can be part of a chain of trust.",
                      tld->name);
    }
    if (tld->registry == NULL) {
        return refuse(refusal, REFUSAL_UNSUPPORTED_TLD,
                      "This registrar does not offer domains in .%s.", tld->name);
    }
    return true;
}

static bool name_takes_keys(struct turn *turn, struct span domain, struct refusal *refusal)
{
    *refusal = (struct refusal){0};
    const char *text;
    struct name name;
    const struct tld *tld;
    struct problem problem = {0};
    enum status status = domain_read_name(&turn->registrar->policy, domain, turn->scratch, &text,
                                          &name, &tld, &problem);
    if (status != OK) {
        return refuse(refusal,
                      status == NOT_FOUND ? REFUSAL_UNSUPPORTED_TLD : REFUSAL_INVALID_INPUT, "%s",
                      problem.sentence);
    }
    return tld_takes_keys(tld, refusal);
}

static bool key_is_new(const struct domain *domain, const struct domain_key *key,
                       struct arena *scratch, struct refusal *refusal)
{
    if (domain_find_key(domain, span_of_text(key->id)) != NULL) {
        refusal->fault = KEY_FAULT_PUBLIC_KEY;
        return refuse(refusal, REFUSAL_DUPLICATE_REQUEST,
                      "This key is already present: %s is at the registry for %s.",
                      key_describe(key, scratch), domain->text);
    }
    if (domain->key_count >= domain->tld->keys_max || domain->key_count >= DOMAIN_KEYS_MAX) {
        return refuse(refusal, REFUSAL_DNSSEC_LIMIT,
                      "%s already has %zu keys, and .%s allows up to %u. Delete one first.",
                      domain->text, domain->key_count, domain->tld->name, domain->tld->keys_max);
    }
    return true;
}

/* Stores the operation; the unique index has the last word about "one at a time". */
static bool operation_accept(struct turn *turn, const struct operation_order *order,
                             char operation[OPERATION_ID_SIZE], struct refusal *refusal)
{
    if (!has_none_pending(turn, order->domain, refusal) ||
        !has_room_for_operation(turn, order->account, refusal)) {
        return false;
    }
    enum status status = turn->records->begin(turn->records->self);
    if (status == OK) {
        status = operation_insert(turn, order, operation);
        if (status == OK) {
            status = turn->records->commit(turn->records->self);
        } else {
            turn->records->rollback(turn->records->self);
        }
    }
    if (status == EXISTS) {
        return refuse(refusal, REFUSAL_DUPLICATE_REQUEST,
                      "Another change of %s is still in progress: wait for its confirmation "
                      "e-mail.",
                      order->domain);
    }
    if (status != OK) {
        return refuse_internal(turn, refusal, status);
    }
    turn->registrar->has_work = true;
    log_line(turn_log(turn), LOG_NOTICE, "operation %s: %s of %s accepted by %s", operation,
             operation_type_name(order->type), order->domain, order->channel);
    return true;
}

/* Is there a domain of the account whose registry takes keys? Where it takes none, the registrant
 * is told. */
static bool domain_takes_keys(struct turn *turn, struct refusal_case *what, struct domain *domain,
                              struct refusal *refusal)
{
    struct refusal unused;
    what->domain = domain;
    if (name_takes_keys(turn, what->request->domain, refusal)) {
        return rules_find_domain(turn, what->request, domain, refusal);
    }
    return rules_find_domain(turn, what->request, domain, &unused)
               ? refusal_tell(turn, what, refusal)
               : false;
}

static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] > ' ') {
            return false;
        }
    }
    return true;
}

bool rules_add_key(struct turn *turn, const struct rules_request *request,
                   const struct key_input *input, char operation[OPERATION_ID_SIZE],
                   struct refusal *refusal)
{
    struct domain domain;
    struct domain_key key;
    struct problem problem = {0};
    struct refusal_case what = {.request = request, .type = OPERATION_ADD_KEY, .input = input};
    if (!domain_takes_keys(turn, &what, &domain, refusal) ||
        !has_none_pending(turn, domain.text, refusal)) {
        return false;
    }
    if (key_intake(domain.name, input, turn->scratch, &key, &refusal->fault, &problem) != OK) {
        refuse(refusal, REFUSAL_INVALID_INPUT, "%s", problem.sentence);
        return is_blank(input->public_key) ? false : refusal_tell(turn, &what, refusal);
    }
    what.key = &key;
    if (!key_is_new(&domain, &key, turn->scratch, refusal)) {
        return refusal_tell(turn, &what, refusal);
    }
    struct operation_order order = {.type = OPERATION_ADD_KEY,
                                    .domain = domain.text,
                                    .account = domain.account,
                                    .registry = domain.tld->registry->name,
                                    .channel = request->channel,
                                    .key = &key};
    return operation_accept(turn, &order, operation, refusal);
}

bool rules_find_key(struct turn *turn, const struct rules_request *request, struct span key_id,
                    struct domain *domain, const struct domain_key **key, struct refusal *refusal)
{
    struct refusal_case what = {.request = request, .type = OPERATION_REMOVE_KEY, .key_id = key_id};
    if (!domain_takes_keys(turn, &what, domain, refusal) ||
        !has_none_pending(turn, domain->text, refusal)) {
        return false;
    }
    *key = domain_find_key(domain, key_id);
    if (*key == NULL) {
        refuse(refusal, REFUSAL_NOT_FOUND,
               "There is no key with that id at %s: it may have been deleted already.",
               domain->text);
        return key_id.len == 0 ? false : refusal_tell(turn, &what, refusal);
    }
    return true;
}

void rules_consequence(const struct domain *domain, const struct look *look,
                       char consequence[CONSEQUENCE_SIZE])
{
    consequence[0] = '\0';
    if (look == NULL) {
        snprintf(consequence, CONSEQUENCE_SIZE,
                 "%s becomes insecure: no key is left at the registry, and resolvers no longer "
                 "check its answers.",
                 domain->text);
        return;
    }
    switch (look_judge_answered(look)) {
    case LOOK_GOOD:
        break;
    case LOOK_BAD:
        snprintf(consequence, CONSEQUENCE_SIZE,
                 "%s becomes unreachable: no key that is left at the registry signs its zone, and "
                 "validating resolvers will answer SERVFAIL.",
                 domain->text);
        break;
    case LOOK_SILENT:
        snprintf(consequence, CONSEQUENCE_SIZE,
                 "%s may become unreachable: its name servers did not answer, so nothing shows "
                 "that a key left at the registry signs its zone.",
                 domain->text);
        break;
    }
}

bool rules_delete_key(struct turn *turn, const struct rules_request *request, struct span key_id,
                      const char *consequence, struct span confirmation,
                      char operation[OPERATION_ID_SIZE], struct refusal *refusal)
{
    struct domain domain;
    const struct domain_key *key;
    if (!rules_find_key(turn, request, key_id, &domain, &key, refusal)) {
        return false;
    }
    if (consequence[0] != '\0' && !span_equal(confirmation, span_of_text(consequence))) {
        snprintf(refusal->consequence, sizeof refusal->consequence, "%s", consequence);
        return refuse(refusal, REFUSAL_NEEDS_CONFIRMATION,
                      "Deleting this key has a consequence that must be confirmed by repeating it: "
                      "%s",
                      consequence);
    }
    struct operation_order order = {.type = OPERATION_REMOVE_KEY,
                                    .domain = domain.text,
                                    .account = domain.account,
                                    .registry = domain.tld->registry->name,
                                    .channel = request->channel,
                                    .key = key};
    return operation_accept(turn, &order, operation, refusal);
}

/* Reads hosts and prints them in the one form in which they are kept. */
static bool hosts_read(struct turn *turn, struct span text, const char **kept,
                       struct refusal *refusal)
{
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t count;
    struct problem problem = {0};
    if (domain_read_hosts(text, turn->scratch, hosts, &count, &problem) != OK) {
        return refuse(refusal, REFUSAL_INVALID_INPUT, "%s", problem.sentence);
    }
    *kept = domain_print_hosts(hosts, count, turn->scratch);
    return *kept != NULL ? true : refuse_internal(turn, refusal, NO_MEMORY);
}

bool rules_register(struct turn *turn, const struct rules_request *request, struct span hosts,
                    char operation[OPERATION_ID_SIZE], struct refusal *refusal)
{
    *refusal = (struct refusal){0};
    const char *text;
    struct name name;
    const struct tld *tld;
    struct domain domain;
    struct problem problem = {0};
    const char *kept;
    enum status status = domain_read_name(&turn->registrar->policy, request->domain, turn->scratch,
                                          &text, &name, &tld, &problem);
    if (status != OK) {
        return refuse(refusal,
                      status == NOT_FOUND ? REFUSAL_UNSUPPORTED_TLD : REFUSAL_INVALID_INPUT, "%s",
                      problem.sentence);
    }
    if (tld->registry == NULL) {
        return refuse(refusal, REFUSAL_UNSUPPORTED_TLD,
                      "This registrar does not offer domains in .%s.", tld->name);
    }
    status = domain_load(turn->records, &turn->registrar->policy, text, 0, turn->scratch, &domain);
    if (status == OK) {
        return refuse(refusal, REFUSAL_DUPLICATE_REQUEST, "%s is registered here already.", text);
    }
    if (status != NOT_FOUND) {
        return refuse_internal(turn, refusal, status);
    }
    if (!hosts_read(turn, hosts, &kept, refusal)) {
        return false;
    }
    struct operation_order order = {.type = OPERATION_REGISTER,
                                    .domain = text,
                                    .account = request->account,
                                    .registry = tld->registry->name,
                                    .channel = request->channel,
                                    .hosts = kept};
    return operation_accept(turn, &order, operation, refusal);
}

bool rules_set_hosts(struct turn *turn, const struct rules_request *request, struct span hosts,
                     char operation[OPERATION_ID_SIZE], struct refusal *refusal)
{
    struct domain domain;
    const char *kept;
    if (!rules_find_domain(turn, request, &domain, refusal) ||
        !hosts_read(turn, hosts, &kept, refusal)) {
        return false;
    }
    if (domain.tld->registry == NULL) {
        return refuse(refusal, REFUSAL_UNSUPPORTED_TLD,
                      "This registrar does not offer domains in .%s any more.", domain.tld->name);
    }
    const char *present = domain_print_hosts(domain.hosts, domain.host_count, turn->scratch);
    if (present != NULL && strcmp(present, kept) == 0) {
        return refuse(refusal, REFUSAL_INVALID_INPUT, "These are the name servers of %s already.",
                      domain.text);
    }
    struct operation_order order = {.type = OPERATION_NAMESERVERS,
                                    .domain = domain.text,
                                    .account = domain.account,
                                    .registry = domain.tld->registry->name,
                                    .channel = request->channel,
                                    .hosts = kept};
    return operation_accept(turn, &order, operation, refusal);
}

uint32_t rules_ds_ttl_s(const struct domain *domain)
{
    return domain->ds_ttl_s != 0 ? domain->ds_ttl_s : DS_TTL_USUAL_S;
}
