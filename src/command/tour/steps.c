/* Adding and deleting keys through the API, as the steps need it again and again. */
#include "command/tour/steps.h"

#include <stdio.h>
#include <string.h>

char *step_key(struct tour *tour, const char *server, const char *zone, unsigned flags,
               unsigned skip)
{
    char *lines = tour_rdata(tour, server, zone, TYPE_DNSKEY);
    char *prefix = tour_text(tour, "%u 3 ", flags);
    for (char *line = lines; line != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (strncmp(line, prefix, strlen(prefix)) == 0 && skip-- == 0) {
            char *key = strchr(line + strlen(prefix), ' ');
            return key == NULL ? NULL
                               : tour_text(tour, "%.*s", (int)(line + len - key - 1), key + 1);
        }
        line += len + (line[len] == '\n');
    }
    return NULL;
}

char *step_associate(struct tour *tour, const char *domain, unsigned flags, const char *key)
{
    return tour_api(tour, "AssociateDelegationSignerToDomain",
                    tour_text(tour,
                              "{\"DomainName\":\"%s\",\"SigningAttributes\":{\"Algorithm\":13,"
                              "\"Flags\":%u,\"PublicKey\":\"%s\"}}",
                              domain, flags, key == NULL ? "" : key));
}

static char *awaited(struct tour *tour, char *answer)
{
    char *operation = tour_json(tour, answer, "OperationId");
    return operation == NULL ? answer : tour_operation(tour, operation, OPERATION_TIMEOUT_MS);
}

char *step_add(struct tour *tour, const char *domain, unsigned flags, const char *key)
{
    return awaited(tour, step_associate(tour, domain, flags, key));
}

void step_secure(struct tour *tour, const char *domain, const char *server)
{
    char *answer = step_add(tour, domain, 257, step_key(tour, server, domain, 257, 0));
    char *status = tour_json(tour, answer, "Status");
    if (status == NULL || strcmp(status, "SUCCESSFUL") != 0) {
        tour_say(tour, "adding the key of %s: %s", domain, answer);
    }
    tour_await(tour, LAB_RESOLVER, domain, TYPE_SOA, ASK_DO, " ad", "SERVFAIL", SECURE_TIMEOUT_MS);
}

char *step_key_id(struct tour *tour, const char *domain, const char *key)
{
    char *detail =
        tour_api(tour, "GetDomainDetail", tour_text(tour, "{\"DomainName\":\"%s\"}", domain));
    for (unsigned i = 0;; i++) {
        char *public_key = tour_json(tour, detail, tour_text(tour, "DnssecKeys.%u.PublicKey", i));
        if (public_key == NULL) {
            return NULL;
        }
        if (strcmp(public_key, key) == 0) {
            return tour_json(tour, detail, tour_text(tour, "DnssecKeys.%u.Id", i));
        }
    }
}

char *step_delete(struct tour *tour, const char *domain, const char *id, const char *confirm)
{
    char *extra = confirm == NULL ? tour_text(tour, "%s", "")
                                  : tour_text(tour, ",\"ConfirmConsequence\":\"%s\"", confirm);
    return awaited(tour, tour_api(tour, "DisassociateDelegationSignerFromDomain",
                                  tour_text(tour, "{\"DomainName\":\"%s\",\"Id\":\"%s\"%s}", domain,
                                            id == NULL ? "" : id, extra)));
}
