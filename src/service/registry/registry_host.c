/* Name servers of a domain, as attributes of it (RFC 5731 §1.1): addresses are glue and so are
 * taken exactly where glue is needed, for hosts inside the domain itself. Nobody can give another
 * domain's host an address. */
#include "service/registry/registry_state.h"

#include <string.h>

static size_t host_find(const struct registry_domain *domain, struct name name)
{
    size_t at = 0;
    while (at < domain->host_count && !name_equal(domain->hosts[at].name, name)) {
        at++;
    }
    return at;
}

static enum status host_name(struct registry_command *command, const struct epp_host *given,
                             struct registry_host *host)
{
    struct problem problem = {.status = OK};
    enum status status = registry_name_of_host(given->name, command->turn->scratch, host, &problem);
    return status == OK || status == NO_MEMORY
               ? status
               : registry_refuse(command, EPP_VALUE_SYNTAX, "%s", problem.sentence);
}

/* Addresses that can be a name server's: not "this host", not a group. Loopback is allowed, since
 * laboratories run on it. */
static bool is_unicast(const struct address *address)
{
    static const uint8_t zeros[16] = {0};
    if (address->family == ADDRESS_IPV4) {
        return address->octets[0] != 0 && address->octets[0] < 224;
    }
    return address->octets[0] != 0xff && memcmp(address->octets, zeros, sizeof zeros) != 0;
}

static enum status host_addresses(struct registry_command *command, const struct epp_host *given,
                                  struct registry_host *host)
{
    for (size_t i = 0; i < given->address_count; i++) {
        struct span text = given->addresses[i];
        struct address address;
        bool has_port = text.len > 0 && memchr(text.bytes, '@', text.len) != NULL;
        if (has_port || address_read(text, 0, &address) != OK || !is_unicast(&address)) {
            return registry_refuse(command, EPP_VALUE_SYNTAX, "%.*s is not a host's address",
                                   (int)text.len, text.bytes);
        }
        for (size_t j = 0; j < host->address_count; j++) {
            if (address_equal_host(host->addresses[j], address)) {
                return registry_refuse(command, EPP_EXISTS, "%.*s has the address %.*s twice",
                                       (int)host->text.len, host->text.bytes, (int)text.len,
                                       text.bytes);
            }
        }
        host->addresses[host->address_count++] = address;
    }
    return OK;
}

static enum status glue_check(struct registry_command *command,
                              const struct registry_domain *domain,
                              const struct registry_host *host)
{
    bool is_inside = name_is_at_or_below(host->name, domain->name);
    if (is_inside && host->address_count == 0) {
        return registry_refuse(command, EPP_MISSING_PARAMETER,
                               "%.*s is inside the domain, so it needs addresses",
                               (int)host->text.len, host->text.bytes);
    }
    if (!is_inside && host->address_count > 0) {
        return registry_refuse(command, EPP_POLICY_ERROR,
                               "%.*s is outside the domain, so its addresses are not taken here",
                               (int)host->text.len, host->text.bytes);
    }
    return OK;
}

enum status registry_host_add(struct registry_command *command, struct registry_domain *domain,
                              const struct epp_host *given)
{
    struct registry_host host;
    enum status status = host_name(command, given, &host);
    if (status == OK) {
        status = host_addresses(command, given, &host);
    }
    if (status == OK) {
        status = glue_check(command, domain, &host);
    }
    if (status != OK) {
        return status;
    }
    if (host_find(domain, host.name) < domain->host_count) {
        return registry_refuse(command, EPP_EXISTS, "%.*s is a name server of the domain already",
                               (int)host.text.len, host.text.bytes);
    }
    if (domain->host_count == EPP_NAMES_MAX) {
        return registry_refuse(command, EPP_DATA_POLICY, "a domain has at most %d name servers",
                               EPP_NAMES_MAX);
    }
    domain->hosts[domain->host_count++] = host;
    return OK;
}

enum status registry_host_remove(struct registry_command *command, struct registry_domain *domain,
                                 const struct epp_host *given)
{
    struct registry_host host;
    enum status status = host_name(command, given, &host);
    if (status != OK) {
        return status;
    }
    size_t at = host_find(domain, host.name);
    if (at == domain->host_count) {
        return registry_refuse(command, EPP_DOES_NOT_EXIST,
                               "%.*s is not a name server of the domain", (int)host.text.len,
                               host.text.bytes);
    }
    domain->host_count--;
    memmove(&domain->hosts[at], &domain->hosts[at + 1],
            (domain->host_count - at) * sizeof domain->hosts[0]);
    return OK;
}
