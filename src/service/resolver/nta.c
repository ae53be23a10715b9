/* The list of negative trust anchors: which names they cover, and when each ends. */
#include "service/resolver/nta.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "service/resolver/query.h"

static struct nta *find_exactly(struct resolver *resolver, struct name zone)
{
    for (size_t i = 0; i < resolver->nta_count; i++) {
        if (name_equal(resolver->ntas[i].zone, zone)) {
            return &resolver->ntas[i];
        }
    }
    return NULL;
}

static void set_timer(struct resolver *resolver)
{
    int64_t next_ns = TIMER_NEVER_NS;
    for (size_t i = 0; i < resolver->nta_count; i++) {
        const struct nta *nta = &resolver->ntas[i];
        int64_t due_ns = nta->until_ns < nta->recheck_ns ? nta->until_ns : nta->recheck_ns;
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (resolver->outbox != NULL) {
        outbox_timer(resolver->outbox, RESOLVER_TIMER_NTAS, next_ns);
    }
}

static void drop_at(struct resolver *resolver, size_t at)
{
    resolver->nta_count--;
    if (at != resolver->nta_count) {
        struct nta *moved = &resolver->ntas[at];
        *moved = resolver->ntas[resolver->nta_count];
        moved->zone.octets = moved->octets;
    }
}

enum status nta_add(struct resolver *resolver, struct name zone, uint32_t seconds)
{
    require(seconds <= RESOLVER_NTA_S_MAX);
    if (resolver->ntas == NULL) {
        resolver->ntas = calloc(RESOLVER_NTAS_MAX, sizeof *resolver->ntas);
        if (resolver->ntas == NULL) {
            return NO_MEMORY;
        }
    }
    struct nta *nta = find_exactly(resolver, zone);
    if (nta == NULL && resolver->nta_count == RESOLVER_NTAS_MAX) {
        return LIMIT_REACHED;
    }
    nta = nta != NULL ? nta : &resolver->ntas[resolver->nta_count++];
    int64_t now_ns = resolver->now.mono_ns;
    bool ends = seconds != 0;
    *nta =
        (struct nta){.until_ns = ends ? now_ns + (int64_t)seconds * MOMENT_NS_PER_S : INT64_MAX,
                     .until_wall_s = ends ? moment_wall_s(resolver->now) + seconds : 0,
                     .recheck_ns = ends ? now_ns + (int64_t)RESOLVER_NTA_RECHECK_S * MOMENT_NS_PER_S
                                        : INT64_MAX};
    memcpy(nta->octets, zone.octets, zone.len);
    nta->zone = zone;
    nta->zone.octets = nta->octets;
    set_timer(resolver);
    return OK;
}

enum status nta_remove(struct resolver *resolver, struct name zone)
{
    struct nta *nta = find_exactly(resolver, zone);
    if (nta == NULL) {
        return NOT_FOUND;
    }
    drop_at(resolver, (size_t)(nta - resolver->ntas));
    set_timer(resolver);
    return OK;
}

const struct nta *nta_find(const struct resolver *resolver, struct name name, uint16_t type)
{
    const struct nta *deepest = NULL;
    for (size_t i = 0; i < resolver->nta_count; i++) {
        const struct nta *nta = &resolver->ntas[i];
        bool is_over = nta->until_ns <= resolver->now.mono_ns;
        if (!is_over && trust_covers(nta->zone, name, type) &&
            (deepest == NULL || nta->zone.label_count > deepest->zone.label_count)) {
            deepest = nta;
        }
    }
    for (size_t i = 0; deepest != NULL && i < resolver->anchor_count; i++) {
        struct name anchored = resolver->anchors[i].zone;
        if (name_is_below(anchored, deepest->zone) && trust_covers(anchored, name, type)) {
            return NULL; /* RFC 7646 §1.1: validation begins again there */
        }
    }
    return deepest;
}

void nta_judge(const struct nta *nta, struct judgement *judgement)
{
    char zone[NAME_TEXT_MAX];
    uint8_t time[32];
    struct writer until = writer_over(time, sizeof time);
    name_print(nta->zone, zone);
    if (nta->until_ns == INT64_MAX) {
        judgement_set(judgement, EDE_NEGATIVE_TRUST_ANCHOR,
                      "%.120s is not validated: the operator has set it so", zone);
    } else {
        text_write_rfc3339(&until, nta->until_wall_s);
        judgement_set(judgement, EDE_NEGATIVE_TRUST_ANCHOR,
                      "%.120s is not validated: the operator has set it so until %.*s", zone,
                      (int)until.len, (const char *)time);
    }
    judgement->verdict = VERDICT_INSECURE;
}

static void tell_end(struct resolver *resolver, const struct nta *nta, const char *why)
{
    char zone[NAME_TEXT_MAX];
    log_line(resolver->options.log, LOG_NOTICE, "the negative trust anchor of %s has ended: %s",
             name_print(nta->zone, zone), why);
}

void nta_expire(struct resolver *resolver)
{
    int64_t now_ns = resolver->now.mono_ns;
    for (size_t i = resolver->nta_count; i > 0; i--) {
        struct nta *nta = &resolver->ntas[i - 1];
        if (nta->until_ns <= now_ns) {
            tell_end(resolver, nta, "its time is over");
            drop_at(resolver, i - 1);
        } else if (nta->recheck_ns <= now_ns) {
            nta->recheck_ns = now_ns + (int64_t)RESOLVER_NTA_RECHECK_S * MOMENT_NS_PER_S;
            query_ask(resolver, nta->zone, TYPE_SOA, QUERY_FOR_NTA);
        }
    }
    set_timer(resolver);
}

void nta_hear(struct resolver *resolver, const struct query *probe)
{
    struct nta *nta = find_exactly(resolver, probe->client.question.name);
    if (nta != NULL && nta->until_ns != INT64_MAX && !probe->is_failed) {
        tell_end(resolver, nta, "the zone validates again");
        drop_at(resolver, (size_t)(nta - resolver->ntas));
        set_timer(resolver);
    }
}

void nta_close(struct resolver *resolver)
{
    free(resolver->ntas);
}
