/* What zones are to be served with, kept once for all that share it: zones are added by the hundred
 * thousand with nothing of their own but the name. */
#include "service/auth/auth_state.h"

#include <stdlib.h>

struct shared_terms {
    struct auth_zone_options options; /* first: the pointer to them is one to all of it */
    size_t zone_count;
};

static bool is_same_primary(const struct auth_peer *a, const struct auth_peer *b)
{
    return address_equal_host(a->address, b->address) && a->address.port == b->address.port &&
           a->key == b->key && a->is_tls == b->is_tls && a->tls_peer == b->tls_peer;
}

/* By what they point to and not by what stands there: that may be given up for one and not for the
 * other. */
static bool is_same(const struct auth_zone_options *a, const struct auth_zone_options *b)
{
    return a->is_fixed_later == b->is_fixed_later && a->is_pushed == b->is_pushed &&
           a->verifies_zonemd == b->verifies_zonemd && a->catalog == b->catalog &&
           a->listing == b->listing && a->is_private == b->is_private &&
           a->asks_why == b->asks_why && a->forwards_updates == b->forwards_updates &&
           a->mark == b->mark && a->origin == b->origin &&
           is_same_primary(&a->primary, &b->primary) && a->notify == b->notify &&
           a->notify_count == b->notify_count && a->grants == b->grants &&
           a->grant_count == b->grant_count;
}

const struct auth_zone_options *auth_terms_hold(struct auth *auth,
                                                const struct auth_zone_options *options)
{
    struct shared_terms *last = auth->terms_last;
    if (last == NULL || !is_same(&last->options, options)) {
        last = malloc(sizeof *last);
        if (last == NULL) {
            return NULL;
        }
        *last = (struct shared_terms){.options = *options};
        last->options.name = (struct name){NULL};
        last->options.fixed = NULL;
        last->options.seen = NULL;
        auth->terms_last = last;
    }
    last->zone_count++;
    return &last->options;
}

void auth_terms_release(struct auth *auth, const struct auth_zone_options *terms)
{
    struct shared_terms *shared = (struct shared_terms *)(uintptr_t)terms;
    if (shared == NULL || --shared->zone_count > 0) {
        return;
    }
    auth->terms_last = auth->terms_last == shared ? NULL : auth->terms_last;
    free(shared);
}

struct auth_zone_options auth_zone_options(const struct auth_zone *zone)
{
    struct auth_zone_options options = *zone->terms;
    options.name = zone->name;
    return options;
}
