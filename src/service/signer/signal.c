/* Which names signal for which child, in which of our zones, and when those zones must be signed
 * anew for it. */
#include "service/signer/signal.h"

#include "core/dnssec/dnskey.h"

#include <stdlib.h>
#include <string.h>

enum { CHILDREN_FIRST = 16 };

static const uint64_t PARENT_SEED = 3;

/* "_dsboot", the child, "_signal", the name server. */
static enum status make_name(struct name child, struct name server, struct signal *signal)
{
    struct name_buffer front_buffer, back_buffer;
    struct name front, back;
    enum status status = name_make_child(SPAN_LITERAL("_dsboot"), child, &front_buffer, &front);
    if (status == OK) {
        status = name_make_child(SPAN_LITERAL("_signal"), server, &back_buffer, &back);
    }
    return status == OK ? name_join(front, back, &signal->buffer, &signal->name) : status;
}

struct signer_zone *signal_find_host(struct signer *signer, struct name name)
{
    struct signer_zone *host = NULL;
    for (int labels = name.label_count; labels >= 0 && host == NULL; labels--) {
        host = signer_find(signer, name_ancestor(name, (uint8_t)labels));
    }
    return host;
}

bool signal_is_hidden(const struct zone *data, struct name name)
{
    return zone_find_cut(data, name) != NULL || zone_find_dname(data, name) != NULL ||
           zone_find_rrset(data, name, TYPE_CNAME) != NULL;
}

const struct signer_zone *signal_find_child(struct signer *signer, struct name signal)
{
    for (uint8_t i = 1; ds_is_signal(signal) && i < signal.label_count; i++) {
        if (!span_equal_nocase(name_label(signal, i), SPAN_LITERAL("_signal"))) {
            continue;
        }
        /* The labels between the two, as a name of their own. */
        struct span child = span_part(name_span(signal), 1U + name_label(signal, 0).len,
                                      name_label(signal, i).bytes - 1 - signal.octets - 1U -
                                          name_label(signal, 0).len);
        uint8_t octets[NAME_LEN_MAX];
        struct writer writer = writer_over(octets, sizeof octets);
        writer_span(&writer, child);
        writer_u8(&writer, 0);
        struct reader reader = reader_over(writer_written(&writer));
        const struct signer_zone *found = signer_find(signer, name_read(&reader));
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

void signal_find(struct signer *signer, const struct signer_zone *child, struct name server,
                 struct signal *signal)
{
    *signal = (struct signal){.fate = SIGNAL_INSIDE};
    if (name_is_at_or_below(server, child->options.name)) {
        return;
    }
    if (make_name(child->options.name, server, signal) != OK) {
        signal->fate = SIGNAL_TOO_LONG;
        return;
    }
    struct signer_zone *host = signal_find_host(signer, signal->name);
    signal->host = host;
    if (host == NULL) {
        signal->fate = SIGNAL_ELSEWHERE;
    } else if (!host->is_signed) {
        signal->fate = SIGNAL_UNSIGNED;
    } else {
        bool is_lost = host->owner_data != NULL && signal_is_hidden(host->owner_data, signal->name);
        signal->fate = is_lost ? SIGNAL_HIDDEN : SIGNAL_SHOWN;
    }
}

/* ------------------------------------------------------------------ whose signals are where */

/* Has the host the child in its list? Where it is, or belongs, in `at`. */
static bool find_place(const struct signer_zone *host, size_t child, size_t *at)
{
    size_t from = 0, end = host->child_count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (host->children[middle] < child) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    *at = from;
    return from < host->child_count && host->children[from] == child;
}

/* A child stays in the list for good: what it shows is found out each time. */
static enum status list_child(struct signer_zone *host, const struct signer_zone *child)
{
    size_t at;
    if (find_place(host, child->index, &at)) {
        return OK;
    }
    if (host->child_count == host->child_size) {
        size_t size = host->child_size == 0 ? CHILDREN_FIRST : 2 * host->child_size;
        size_t *more = realloc(host->children, size * sizeof *more);
        if (more == NULL) {
            return NO_MEMORY;
        }
        host->children = more;
        host->child_size = size;
    }
    memmove(&host->children[at + 1], &host->children[at],
            (host->child_count - at) * sizeof *host->children);
    host->children[at] = child->index;
    host->child_count++;
    return OK;
}

struct marking {
    struct signer *signer;
    const struct signer_zone *child;
    struct moment now;
    struct outbox *outbox; /* NULL: timers are set later */
};

/* Where the memory for it is lacking, all are made anew. */
static void note_stale(struct signer_zone *host, struct name name)
{
    if (host->stale_size - host->stale_len < name.len) {
        size_t size = 2 * host->stale_size + NAME_LEN_MAX;
        uint8_t *more = realloc(host->stale, size);
        if (more == NULL) {
            host->are_signals_made = false;
            return;
        }
        host->stale = more;
        host->stale_size = size;
    }
    memcpy(host->stale + host->stale_len, name.octets, name.len);
    host->stale_len += name.len;
}

static void mark_host(const struct marking *marking, struct signer_zone *host, struct name signal)
{
    char name[NAME_TEXT_MAX];
    if (list_child(host, marking->child) != OK) {
        log_line(marking->signer->options.log, LOG_ERROR,
                 "zone %s: there is no memory to show its CDS below the names of its servers",
                 name_print(marking->child->options.name, name));
        return;
    }
    note_stale(host, signal);
    host->is_signal_due = true;
    if (marking->outbox != NULL) {
        signer_set_timer(marking->signer, host, marking->now, marking->outbox);
    }
}

/* All zones that could be its host, whether we have them yet or not. */
static void note_parents(struct signer *signer, struct name signal)
{
    for (uint8_t labels = 0; labels < signal.label_count; labels++) {
        table_set(&signer->signal_parents, name_hash(name_ancestor(signal, labels), PARENT_SEED),
                  signer);
    }
}

/* All hosts that a version of the child leads to. */
static void mark_hosts(const struct marking *marking, const struct zone *version)
{
    const struct rrset *servers =
        version == NULL ? NULL : zone_find_rrset(version, zone_apex(version), TYPE_NS);
    if (servers == NULL) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(servers); rrset_next(&cursor, &rdata);) {
        struct reader reader = reader_over(rdata);
        struct signal signal;
        signal_find(marking->signer, marking->child, name_read(&reader), &signal);
        note_parents(marking->signer, signal.name);
        if (signal.host != NULL) {
            mark_host(marking, signal.host, signal.name);
        }
    }
}

static bool is_same_set(const struct zone *before, const struct zone *next, uint16_t type)
{
    const struct rrset *a = zone_find_rrset(before, zone_apex(before), type);
    const struct rrset *b = zone_find_rrset(next, zone_apex(next), type);
    return a == b || (a != NULL && b != NULL && a->ttl_s == b->ttl_s &&
                      span_equal(span_of(a->rdata, a->rdata_len), span_of(b->rdata, b->rdata_len)));
}

void signal_note(struct signer *signer, struct signer_zone *child, const struct zone *next,
                 struct moment now, struct outbox *outbox)
{
    const struct zone *before = child->published;
    if (!child->options.is_signalled ||
        (before != NULL && is_same_set(before, next, TYPE_CDS) &&
         is_same_set(before, next, TYPE_CDNSKEY) && is_same_set(before, next, TYPE_NS))) {
        return;
    }
    struct marking marking = {signer, child, now, outbox};
    mark_hosts(&marking, before);
    mark_hosts(&marking, next);
}

/* The deepest zone of ours above that one. */
static struct signer_zone *find_enclosing(struct signer *signer, struct name name)
{
    return name.label_count == 0 ? NULL : signal_find_host(signer, name_parent(name));
}

/* Those whose name servers lie in the zone, or below it, are shown by whoever has them now. */
static void renew_host(struct signer *signer, struct signer_zone *host, struct moment now,
                       struct outbox *outbox)
{
    if (host != NULL && host->child_count > 0) {
        host->are_signals_made = false;
        host->is_signal_due = true;
        signer_set_timer(signer, host, now, outbox);
    }
}

void signal_join(struct signer *signer, struct signer_zone *zone, struct moment now,
                 struct outbox *outbox)
{
    if (table_find(&signer->signal_parents, name_hash(zone->options.name, PARENT_SEED)) == NULL) {
        return;
    }
    for (size_t i = 0; i < signer->zone_count; i++) {
        const struct signer_zone *child = signer->zones[i];
        struct marking marking = {signer, child, now, outbox};
        if (child->options.is_signalled && child != zone) {
            mark_hosts(&marking, child->published);
        }
    }
    renew_host(signer, find_enclosing(signer, zone->options.name), now, outbox);
}

void signal_switch(struct signer *signer, struct signer_zone *child, struct moment now,
                   struct outbox *outbox)
{
    struct marking marking = {signer, child, now, outbox};
    mark_hosts(&marking, child->published);
}

static void leave_list(struct signer_zone *host, size_t child)
{
    size_t at;
    if (host->child_count > 0 && find_place(host, child, &at)) {
        host->child_count--;
        memmove(&host->children[at], &host->children[at + 1],
                (host->child_count - at) * sizeof *host->children);
    }
}

/* What it showed as a child is shown no longer, as it cannot be found; what was shown in it is
 * shown in the one above. */
void signal_leave(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox)
{
    struct marking marking = {signer, zone, now, outbox};
    mark_hosts(&marking, zone->published);
    for (size_t i = 0; i < signer->zone_count; i++) {
        leave_list(signer->zones[i], zone->index);
    }
    for (size_t i = 0; i < zone->child_count; i++) {
        marking.child = signer->places[zone->children[i]];
        if (marking.child != NULL && marking.child != zone) {
            mark_hosts(&marking, marking.child->published);
        }
    }
}

void signal_close(struct signer_zone *host)
{
    free(host->children);
    free(host->stale);
}
