/* The rules of domains (RFC 5731): who may do what with which, what each status forbids, and what a
 * command makes of an object. Nothing is written here: a command that breaks a rule has changed
 * nothing. */
#include "core/crypto/digest.h"
#include "service/registry/key_rules.h"
#include "service/registry/registry_store.h"

#include <stdio.h>

enum { PERIOD_DEFAULT_YEARS = 1, PERIOD_YEARS_MAX = 10 };

/* The name of a command's object. What is wrong with it has one code each. */
static enum status domain_name(struct registry_command *command, struct span text,
                               struct registry_domain *domain)
{
    struct problem problem = {.status = OK};
    enum status status = registry_name_of_domain(command->turn->registry, text,
                                                 command->turn->scratch, domain, &problem);
    if (status == OK || status == NO_MEMORY) {
        return status;
    }
    bool is_create = command->epp->verb == EPP_DOMAIN_CREATE;
    enum epp_code code = status == MALFORMED ? EPP_VALUE_SYNTAX
                         : is_create         ? EPP_POLICY_ERROR
                                             : EPP_DOES_NOT_EXIST;
    return registry_refuse(command, code, "%s", problem.sentence);
}

static enum status domain_load(struct registry_command *command, struct span text,
                               struct registry_domain *domain)
{
    enum status status = domain_name(command, text, domain);
    if (status == OK) {
        status = registry_store_load_domain(command->turn->registry->options.records,
                                            command->turn->scratch, domain);
    }
    if (status == NOT_FOUND) {
        return registry_refuse(command, EPP_DOES_NOT_EXIST, "%.*s is not registered",
                               (int)domain->text.len, domain->text.bytes);
    }
    return status;
}

/* For what changes an object: its sponsor alone. */
static enum status domain_load_own(struct registry_command *command, struct span text,
                                   struct registry_domain *domain)
{
    enum status status = domain_load(command, text, domain);
    if (status == OK && !span_equal(domain->sponsor, command->client)) {
        return registry_refuse(command, EPP_AUTHORIZATION_ERROR,
                               "%.*s is sponsored by another registrar", (int)domain->text.len,
                               domain->text.bytes);
    }
    return status;
}

static size_t status_find(const struct registry_domain *domain, struct span status)
{
    size_t at = 0;
    while (at < domain->status_count && !span_equal(domain->statuses[at], status)) {
        at++;
    }
    return at;
}

static bool has_status(const struct registry_domain *domain, const char *status)
{
    return status_find(domain, span_of_text(status)) < domain->status_count;
}

static enum status status_forbids(struct registry_command *command,
                                  const struct registry_domain *domain, const char *status)
{
    if (has_status(domain, status)) {
        return registry_refuse(command, EPP_STATUS_PROHIBITS, "%.*s has the status %s",
                               (int)domain->text.len, domain->text.bytes, status);
    }
    return OK;
}

/* RFC 5910 §2: only what the login named. */
static enum status secdns_is_usable(struct registry_command *command, bool has_secdns,
                                    uint32_t max_signature_life_s)
{
    if (has_secdns && !command->has_secdns) {
        return registry_refuse(command, EPP_UNIMPLEMENTED_EXTENSION,
                               "secDNS-1.1 was not named in this session's login");
    }
    if (max_signature_life_s > 0) {
        return registry_refuse(command, EPP_UNIMPLEMENTED_OPTION,
                               "maxSigLife cannot be chosen: the life of signatures is set for the"
                               " whole zone");
    }
    return OK;
}

static enum status keys_apply(struct registry_command *command, const struct key_request *request,
                              struct registry_domain *domain)
{
    struct key_refusal refusal = {.code = EPP_FAILED};
    enum status status = key_rules_apply(request, command->turn->scratch, domain->keys,
                                         &domain->key_count, &refusal);
    if (status == REFUSED) {
        return registry_refuse(command, refusal.code, "%s", refusal.sentence);
    }
    return status;
}

enum status registry_domain_check(struct registry_command *command)
{
    struct registry_turn *turn = command->turn;
    struct epp_response *response = command->response;
    response->verb = EPP_DOMAIN_CHECK;
    for (size_t i = 0; i < command->epp->name_count; i++) {
        struct registry_domain domain;
        struct problem problem = {.status = OK};
        struct epp_check_result *check = &response->checks[response->check_count++];
        check->name = command->epp->names[i];
        enum status status =
            registry_name_of_domain(turn->registry, check->name, turn->scratch, &domain, &problem);
        if (status == OK) {
            status =
                registry_store_load_domain(turn->registry->options.records, turn->scratch, &domain);
            check->is_available = status == NOT_FOUND;
            check->reason = check->is_available ? SPAN_EMPTY : SPAN_LITERAL("In use");
        } else if (status != NO_MEMORY) {
            check->reason = SPAN_LITERAL("Not a name of this registry");
        }
        if (status == NO_MEMORY || status == IO_FAILED) {
            return status;
        }
    }
    return OK;
}

/* RFC 5731 §2.3: "ok" stands alone, "inactive" says that nothing is delegated. */
static void info_statuses(const struct registry_domain *domain, struct epp_domain *answer)
{
    for (size_t i = 0; i < domain->status_count; i++) {
        answer->statuses[answer->status_count++] = domain->statuses[i];
    }
    if (domain->host_count == 0 && answer->status_count < REGISTRY_STATUSES_MAX) {
        answer->statuses[answer->status_count++] = SPAN_LITERAL("inactive");
    } else if (answer->status_count == 0) {
        answer->statuses[answer->status_count++] = SPAN_LITERAL("ok");
    }
}

static enum status info_hosts(struct registry_command *command,
                              const struct registry_domain *domain, struct epp_domain *answer)
{
    for (size_t i = 0; i < domain->host_count; i++) {
        struct epp_host *host = &answer->hosts[answer->host_count++];
        host->name = domain->hosts[i].text;
        for (size_t j = 0; j < domain->hosts[i].address_count; j++) {
            char text[ADDRESS_TEXT_MAX];
            struct span printed = span_of_text(address_print(domain->hosts[i].addresses[j], text));
            enum status status = arena_copy(command->turn->scratch, printed,
                                            &host->addresses[host->address_count++]);
            if (status != OK) {
                return status;
            }
        }
    }
    return OK;
}

/* As keys are handed in here, so they are shown: in the key form where that is the only one, else
 * as DS with the key where it is known. The two are never mixed. */
static void info_keys(const struct registry_domain *domain, struct epp_domain *answer)
{
    bool is_key_form = domain->tld->options->form == REGISTRY_FORM_KEY;
    for (size_t i = 0; i < domain->key_count; i++) {
        is_key_form = is_key_form && domain->keys[i].dnskey.len > 0;
    }
    for (size_t i = 0; i < domain->key_count; i++) {
        struct epp_key *key = &answer->keys[answer->key_count++];
        *key = (struct epp_key){0};
        if (domain->keys[i].dnskey.len > 0) {
            struct reader dnskey = reader_over(domain->keys[i].dnskey);
            key->has_key = true;
            key->key_flags = reader_u16(&dnskey);
            key->key_protocol = reader_u8(&dnskey);
            key->key_algorithm = reader_u8(&dnskey);
            key->key_public = reader_rest(&dnskey);
        }
        if (!is_key_form) {
            struct reader ds = reader_over(domain->keys[i].ds);
            key->has_ds = true;
            key->ds_tag = reader_u16(&ds);
            key->ds_algorithm = reader_u8(&ds);
            key->ds_digest_type = reader_u8(&ds);
            key->ds_digest = reader_rest(&ds);
        }
    }
}

enum status registry_domain_info(struct registry_command *command)
{
    struct registry_domain domain;
    enum status status = domain_load(command, command->epp->names[0], &domain);
    if (status != OK) {
        return status;
    }
    struct span auth_info = command->epp->domain.auth_info;
    bool is_sponsor = span_equal(domain.sponsor, command->client);
    if (auth_info.len > 0 && !secret_equal(auth_info, domain.auth_info)) {
        return registry_refuse(command, EPP_INVALID_AUTHINFO,
                               "the authorization information is not that of %.*s",
                               (int)domain.text.len, domain.text.bytes);
    }
    if (!is_sponsor && auth_info.len == 0) {
        return registry_refuse(command, EPP_AUTHORIZATION_ERROR,
                               "%.*s is sponsored by another registrar", (int)domain.text.len,
                               domain.text.bytes);
    }
    struct epp_response *response = command->response;
    char *roid = arena_print(command->turn->scratch, "D%lld-VOUCH", (long long)domain.number);
    if (roid == NULL) {
        return NO_MEMORY;
    }
    response->verb = EPP_DOMAIN_INFO;
    response->has_domain = true;
    response->domain = (struct epp_domain){.name = domain.text,
                                           .roid = span_of_text(roid),
                                           .registrant = domain.registrant,
                                           .sponsor = domain.sponsor,
                                           .created_s = domain.created_s,
                                           .updated_s = domain.updated_s,
                                           .expires_s = domain.expires_s};
    response->domain.auth_info = is_sponsor ? domain.auth_info : SPAN_EMPTY;
    info_statuses(&domain, &response->domain);
    if (command->has_secdns) {
        info_keys(&domain, &response->domain);
    }
    return command->epp->omits_hosts ? OK : info_hosts(command, &domain, &response->domain);
}

static enum status create_dates(struct registry_command *command, struct registry_domain *created)
{
    uint32_t years = command->epp->domain.period_years;
    if (years > PERIOD_YEARS_MAX) {
        return registry_refuse(command, EPP_RANGE_ERROR,
                               "a domain is registered for at most %d years", PERIOD_YEARS_MAX);
    }
    created->created_s = command->turn->now_s;
    created->expires_s =
        registry_name_years_later(created->created_s, years == 0 ? PERIOD_DEFAULT_YEARS : years);
    return OK;
}

enum status registry_domain_create(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after)
{
    (void)before;
    const struct epp_domain *asked = &command->epp->domain;
    enum status status = domain_name(command, asked->name, after);
    if (status != OK) {
        return status;
    }
    struct registry_domain existing = *after;
    status = registry_store_load_domain(command->turn->registry->options.records,
                                        command->turn->scratch, &existing);
    if (status != NOT_FOUND) {
        return status == OK ? registry_refuse(command, EPP_EXISTS, "%.*s is registered already",
                                              (int)after->text.len, after->text.bytes)
                            : status;
    }
    after->sponsor = command->client;
    after->registrant = asked->registrant;
    after->auth_info = asked->auth_info;
    status = create_dates(command, after);
    for (size_t i = 0; status == OK && i < asked->host_count; i++) {
        status = registry_host_add(command, after, &asked->hosts[i]);
    }
    if (status == OK) {
        status = secdns_is_usable(command, asked->key_count > 0, asked->max_signature_life_s);
    }
    if (status == OK && asked->key_count > 0) {
        const struct key_request request = {.tld = after->tld->options,
                                            .owner = after->name,
                                            .added = asked->keys,
                                            .added_count = asked->key_count,
                                            .has_hosts = after->host_count > 0};
        status = keys_apply(command, &request, after);
    }
    if (status == OK) {
        command->response->verb = EPP_DOMAIN_CREATE;
        command->response->has_domain = true;
        command->response->domain = (struct epp_domain){
            .name = after->text, .created_s = after->created_s, .expires_s = after->expires_s};
    }
    return status;
}

enum status registry_domain_delete(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after)
{
    (void)after;
    enum status status = domain_load_own(command, command->epp->names[0], before);
    static const char *const forbidding[] = {"serverDeleteProhibited", "clientDeleteProhibited"};
    for (size_t i = 0; status == OK && i < LEN(forbidding); i++) {
        status = status_forbids(command, before, forbidding[i]);
    }
    return status;
}

/* While an update is forbidden by its own sponsor, only that status may be taken away. */
static enum status update_is_allowed(struct registry_command *command,
                                     const struct registry_domain *domain)
{
    const struct epp_domain_update *update = &command->epp->update;
    enum status status = status_forbids(command, domain, "serverUpdateProhibited");
    for (size_t i = 0; status == OK && i < update->statuses_removed_count; i++) {
        if (span_equal(update->statuses_removed[i], SPAN_LITERAL("clientUpdateProhibited"))) {
            return OK;
        }
    }
    return status == OK ? status_forbids(command, domain, "clientUpdateProhibited") : status;
}

/* Those a client may set are its own (RFC 5731 §2.3). */
static enum status status_is_clients(struct registry_command *command, struct span status)
{
    static const char prefix[] = "client";
    if (status.len > sizeof prefix &&
        span_equal(span_part(status, 0, sizeof prefix - 1), SPAN_LITERAL("client"))) {
        return OK;
    }
    return registry_refuse(command, EPP_POLICY_ERROR,
                           "the status %.*s is set by the registry alone", (int)status.len,
                           status.bytes);
}

static enum status update_statuses(struct registry_command *command, struct registry_domain *after)
{
    const struct epp_domain_update *update = &command->epp->update;
    enum status status = OK;
    for (size_t i = 0; status == OK && i < update->statuses_removed_count; i++) {
        struct span removed = update->statuses_removed[i];
        size_t at = status_find(after, removed);
        status = status_is_clients(command, removed);
        if (status == OK && at == after->status_count) {
            status = registry_refuse(command, EPP_DOES_NOT_EXIST, "the status %.*s is not set",
                                     (int)removed.len, removed.bytes);
        }
        if (status == OK) {
            after->statuses[at] = after->statuses[--after->status_count];
        }
    }
    for (size_t i = 0; status == OK && i < update->statuses_added_count; i++) {
        struct span added = update->statuses_added[i];
        status = status_is_clients(command, added);
        if (status == OK && status_find(after, added) < after->status_count) {
            status = registry_refuse(command, EPP_EXISTS, "the status %.*s is set already",
                                     (int)added.len, added.bytes);
        }
        if (status == OK && after->status_count == REGISTRY_STATUSES_MAX) {
            status = registry_refuse(command, EPP_DATA_POLICY, "a domain has at most %d statuses",
                                     REGISTRY_STATUSES_MAX);
        }
        if (status == OK) {
            after->statuses[after->status_count++] = added;
        }
    }
    return status;
}

static enum status update_hosts(struct registry_command *command, struct registry_domain *after)
{
    const struct epp_domain_update *update = &command->epp->update;
    enum status status = OK;
    for (size_t i = 0; status == OK && i < update->hosts_removed_count; i++) {
        status = registry_host_remove(command, after, &update->hosts_removed[i]);
    }
    for (size_t i = 0; status == OK && i < update->hosts_added_count; i++) {
        status = registry_host_add(command, after, &update->hosts_added[i]);
    }
    return status;
}

static enum status update_keys(struct registry_command *command, struct registry_domain *after)
{
    const struct epp_domain_update *update = &command->epp->update;
    if (update->is_urgent) {
        return registry_refuse(command, EPP_UNIMPLEMENTED_OPTION,
                               "urgent is not offered: each change is published at once");
    }
    enum status status =
        secdns_is_usable(command, update->has_secdns, update->max_signature_life_s);
    if (status != OK) {
        return status;
    }
    const struct key_request request = {.tld = after->tld->options,
                                        .owner = after->name,
                                        .added = update->keys_added,
                                        .removed = update->keys_removed,
                                        .added_count = update->keys_added_count,
                                        .removed_count = update->keys_removed_count,
                                        .removes_all = update->removes_all_keys,
                                        .has_hosts = after->host_count > 0};
    return keys_apply(command, &request, after);
}

enum status registry_domain_update(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after)
{
    const struct epp_domain_update *update = &command->epp->update;
    enum status status = domain_load_own(command, update->name, before);
    if (status == OK) {
        status = update_is_allowed(command, before);
    }
    *after = *before;
    if (status == OK) {
        status = update_statuses(command, after);
    }
    if (status == OK) {
        status = update_hosts(command, after);
    }
    if (status == OK) {
        status = update_keys(command, after);
    }
    after->registrant = update->registrant.len > 0 ? update->registrant : after->registrant;
    after->auth_info = update->auth_info.len > 0 ? update->auth_info : after->auth_info;
    after->updated_s = command->turn->now_s;
    return status;
}
