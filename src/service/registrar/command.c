/* Operations as EPP commands (RFC 5731, RFC 5910), and response codes as outcomes. */
#include "service/registrar/command.h"

#include <string.h>

#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "service/registrar/session.h"
#include "service/registrar/state.h"

enum { AUTH_INFO_DIGITS = 24, YEARS = 1 };

static void key_fill(const struct domain_key *key, enum tld_form form, bool is_removal,
                     struct epp_key *given)
{
    bool is_ds = form == TLD_FORM_DS;
    if (is_ds) {
        given->has_ds = true;
        given->ds_tag = key->tag;
        given->ds_algorithm = key->algorithm;
        given->ds_digest_type = DS_DIGEST_SHA256;
        given->ds_digest = span_of(key->digest, KEY_DIGEST_LEN);
    }
    /* With the DS goes its key, for the registry to check; what is removed is named by the DS
     * alone. */
    if (!is_ds || !is_removal) {
        given->has_key = true;
        given->key_flags = key->flags;
        given->key_protocol = DNSKEY_PROTOCOL;
        given->key_algorithm = key->algorithm;
        given->key_public = key->public_key;
    }
}

static void host_fill(struct turn *turn, const struct domain_host *host, struct epp_host *given)
{
    *given = (struct epp_host){.name = span_of_text(host->name)};
    for (size_t i = 0; i < host->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_print(host->addresses[i], text);
        char *kept = arena_text(turn->scratch, span_of_text(text));
        if (kept != NULL) {
            given->addresses[given->address_count++] = span_of_text(kept);
        }
    }
}

static bool host_equal(const struct domain_host *a, const struct domain_host *b)
{
    if (strcmp(a->name, b->name) != 0 || a->address_count != b->address_count) {
        return false;
    }
    for (size_t i = 0; i < a->address_count; i++) {
        bool is_found = false;
        for (size_t k = 0; k < b->address_count; k++) {
            is_found = is_found || address_equal_host(a->addresses[i], b->addresses[k]);
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

static bool host_is_among(const struct domain_host *host, const struct domain_host *hosts,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (host_equal(host, &hosts[i])) {
            return true;
        }
    }
    return false;
}

static void hosts_diff(struct turn *turn, const struct domain *domain,
                       const struct domain_host *hosts, size_t count,
                       struct epp_domain_update *update)
{
    for (size_t i = 0; i < count; i++) {
        if (!host_is_among(&hosts[i], domain->hosts, domain->host_count)) {
            host_fill(turn, &hosts[i], &update->hosts_added[update->hosts_added_count++]);
        }
    }
    for (size_t i = 0; i < domain->host_count; i++) {
        if (!host_is_among(&domain->hosts[i], hosts, count)) {
            host_fill(turn, &domain->hosts[i],
                      &update->hosts_removed[update->hosts_removed_count++]);
        }
    }
}

/* The same for each repetition, and not to be guessed: RFC 5731 wants one in every creation. */
static enum status auth_info_make(struct turn *turn, const struct operation *operation,
                                  const struct registrar_registry *registry, struct span *info)
{
    char derived[SECRET_TEXT_SIZE];
    const char *purpose = arena_print(turn->scratch, "authInfo of %s", operation->id);
    if (purpose == NULL) {
        return NO_MEMORY;
    }
    enum status status = account_derive(span_of_text(registry->password), purpose, derived);
    return status != OK ? status
                        : arena_copy(turn->scratch, span_of(derived, AUTH_INFO_DIGITS), info);
}

static enum status create_make(struct turn *turn, const struct operation *operation,
                               const struct epp_session *session, struct epp_command *command)
{
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t count;
    struct problem unused;
    enum status status =
        domain_read_hosts(span_of_text(operation->hosts), turn->scratch, hosts, &count, &unused);
    command->verb = EPP_DOMAIN_CREATE;
    command->domain.name = span_of_text(operation->domain);
    command->domain.period_years = YEARS;
    for (size_t i = 0; status == OK && i < count; i++) {
        host_fill(turn, &hosts[i], &command->domain.hosts[command->domain.host_count++]);
    }
    return status == OK
               ? auth_info_make(turn, operation, session->registry, &command->domain.auth_info)
               : status;
}

static enum status update_make(struct turn *turn, const struct operation *operation,
                               struct epp_command *command)
{
    struct domain domain;
    struct domain_key key;
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t count;
    struct problem unused;
    struct epp_domain_update *update = &command->update;
    enum status status = domain_load(turn->records, &turn->registrar->policy, operation->domain, 0,
                                     turn->scratch, &domain);
    command->verb = EPP_DOMAIN_UPDATE;
    update->name = span_of_text(operation->domain);
    if (status == OK && operation->type == OPERATION_NAMESERVERS) {
        status = domain_read_hosts(span_of_text(operation->hosts), turn->scratch, hosts, &count,
                                   &unused);
        if (status == OK) {
            hosts_diff(turn, &domain, hosts, count, update);
        }
        return status;
    }
    if (status == OK) {
        status = operation_key(turn, operation, &key);
    }
    if (status != OK) {
        return status;
    }
    /* The key's octets live in the scratch arena; the digest does not. */
    struct domain_key *kept = arena_take(turn->scratch, sizeof *kept);
    if (kept == NULL) {
        return NO_MEMORY;
    }
    *kept = key;
    update->has_secdns = true;
    if (operation->type == OPERATION_ADD_KEY) {
        key_fill(kept, domain.tld->form, false, &update->keys_added[update->keys_added_count++]);
    } else {
        key_fill(kept, domain.tld->form, true, &update->keys_removed[update->keys_removed_count++]);
    }
    return OK;
}

enum status command_make(struct turn *turn, const struct operation *operation,
                         const struct epp_session *session, struct epp_command *command)
{
    *command = (struct epp_command){0};
    const char *id = arena_print(turn->scratch, "VOUCH-%s", operation->id);
    if (id == NULL) {
        return NO_MEMORY;
    }
    command->client_transaction = span_of_text(id);
    return operation->type == OPERATION_REGISTER ? create_make(turn, operation, session, command)
                                                 : update_make(turn, operation, command);
}

enum status command_make_info(struct turn *turn, const struct operation *operation,
                              struct epp_command *command)
{
    *command = (struct epp_command){.verb = EPP_DOMAIN_INFO, .name_count = 1};
    const char *id = arena_print(turn->scratch, "VOUCH-I-%s", operation->id);
    if (id == NULL) {
        return NO_MEMORY;
    }
    command->client_transaction = span_of_text(id);
    command->names[0] = span_of_text(operation->domain);
    return OK;
}

enum command_outcome command_judge(const struct epp_response *response, bool is_repetition)
{
    static const struct {
        uint16_t code;
        enum command_outcome first, repeated;
    } rows[] = {
        {EPP_OK, COMMAND_DONE, COMMAND_DONE},
        {EPP_PENDING, COMMAND_UNCLEAR, COMMAND_UNCLEAR},
        {EPP_USE_ERROR, COMMAND_BROKEN, COMMAND_BROKEN},
        {EPP_FAILED, COMMAND_LATER, COMMAND_LATER},
        {EPP_FAILED_CLOSING, COMMAND_BROKEN, COMMAND_BROKEN},
        {EPP_AUTHENTICATION_CLOSING, COMMAND_BROKEN, COMMAND_BROKEN},
        {EPP_SESSION_LIMIT_CLOSING, COMMAND_BROKEN, COMMAND_BROKEN},
        /* Said to a repetition, these may merely mean that the first was carried out. */
        {EPP_EXISTS, COMMAND_REFUSED, COMMAND_UNCLEAR},
        {EPP_DOES_NOT_EXIST, COMMAND_REFUSED, COMMAND_UNCLEAR},
        {EPP_STATUS_PROHIBITS, COMMAND_REFUSED, COMMAND_UNCLEAR},
        {EPP_POLICY_ERROR, COMMAND_REFUSED, COMMAND_UNCLEAR},
        {EPP_DATA_POLICY, COMMAND_REFUSED, COMMAND_UNCLEAR},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (rows[i].code == response->code) {
            return is_repetition ? rows[i].repeated : rows[i].first;
        }
    }
    return response->code < 2000 ? COMMAND_DONE : COMMAND_REFUSED;
}

const char *command_words(struct turn *turn, const struct epp_response *response)
{
    struct span reason = response->reason;
    while (reason.len > 0 && strchr(". \n\t", reason.bytes[reason.len - 1]) != NULL) {
        reason.len--;
    }
    const char *text = reason.len > 0
                           ? arena_print(turn->scratch, "%.*s (EPP %d, %s)", (int)reason.len,
                                         (const char *)reason.bytes, (int)response->code,
                                         epp_code_text(response->code))
                           : arena_print(turn->scratch, "%s (EPP %d)",
                                         epp_code_text(response->code), (int)response->code);
    return text == NULL ? "" : text;
}

static bool view_has_key(const struct epp_domain *view, const struct domain_key *key)
{
    for (size_t i = 0; i < view->key_count; i++) {
        const struct epp_key *seen = &view->keys[i];
        bool is_by_key = seen->has_key && seen->key_algorithm == key->algorithm &&
                         seen->key_flags == key->flags &&
                         span_equal(seen->key_public, key->public_key);
        bool is_by_ds = seen->has_ds && seen->ds_algorithm == key->algorithm &&
                        seen->ds_tag == key->tag && seen->ds_digest_type == DS_DIGEST_SHA256 &&
                        span_equal(seen->ds_digest, span_of(key->digest, KEY_DIGEST_LEN));
        if (is_by_key || is_by_ds) {
            return true;
        }
    }
    return false;
}

static bool view_has_hosts(struct turn *turn, const struct operation *operation,
                           const struct epp_domain *view)
{
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t count;
    struct problem unused;
    if (domain_read_hosts(span_of_text(operation->hosts), turn->scratch, hosts, &count, &unused) !=
            OK ||
        count != view->host_count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_found = false;
        for (size_t k = 0; k < view->host_count; k++) {
            struct span seen = view->hosts[k].name;
            seen.len -= seen.len > 0 && seen.bytes[seen.len - 1] == '.' ? 1 : 0;
            is_found = is_found || span_equal_nocase(seen, span_of_text(hosts[i].name));
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

static bool view_is_pending(const struct epp_domain *view)
{
    for (size_t i = 0; i < view->status_count; i++) {
        if (view->statuses[i].len > 7 && memcmp(view->statuses[i].bytes, "pending", 7) == 0) {
            return true;
        }
    }
    return false;
}

enum command_outcome command_judge_info(struct turn *turn, const struct operation *operation,
                                        const struct epp_session *session,
                                        const struct epp_response *response)
{
    enum command_outcome outcome = command_judge(response, false);
    const struct epp_domain *view = &response->domain;
    struct domain_key key = {0};
    if (outcome == COMMAND_LATER || outcome == COMMAND_BROKEN) {
        return outcome;
    }
    if (outcome != COMMAND_DONE || !response->has_domain) {
        return COMMAND_REFUSED;
    }
    bool is_done = false;
    switch (operation->type) {
    case OPERATION_ADD_KEY:
    case OPERATION_REMOVE_KEY:
        if (operation_key(turn, operation, &key) != OK) {
            return COMMAND_LATER;
        }
        is_done = view_has_key(view, &key) == (operation->type == OPERATION_ADD_KEY);
        break;
    case OPERATION_REGISTER:
        is_done = span_equal(view->sponsor, span_of_text(session->registry->client));
        break;
    case OPERATION_NAMESERVERS:
        is_done = view_has_hosts(turn, operation, view);
        break;
    case OPERATION_TYPE_END:
        break;
    }
    bool is_pending = view_is_pending(view);
    return is_done && !is_pending ? COMMAND_DONE : is_pending ? COMMAND_UNCLEAR : COMMAND_REFUSED;
}
