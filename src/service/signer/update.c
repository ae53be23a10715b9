/* An UPDATE from the wire to the published version: made, signed, judged and durable before anybody
 * is told that it was accepted; where a version is dear, together with others. */
#include "core/zone/update.h"
#include "core/zone/zone_chain.h"
#include "service/signer/signer_state.h"

enum {
    GATHERED_MAX = 128,
    GATHER_NS_EACH = 500, /* about what a record costs in a digest */
    GATHER_NS_MAX = 1000000000,
};

/* Why none can be made now; NULL when one can. */
static const char *find_obstacle(const struct signer_zone *zone)
{
    if (zone->owner_data == NULL || zone->published == NULL) {
        return "the zone has no good version yet";
    }
    if (zone->waiting != NULL) {
        return "a new version of its file waits to be published";
    }
    if (zone->options.file != NULL && !zone->has_file_serial) {
        return "it could not be noted on disk that the file was taken; reload it";
    }
    return NULL;
}

/* What the UPDATEs made so far come to. */
struct making {
    struct signer *signer;
    struct signer_zone *zone;
    struct moment now;
    struct outbox *outbox;
    struct zone *data; /* not published yet; NULL: nothing has changed */
};

/* Is it about what stands in published versions alone? */
static bool is_about_signer(const struct update *update)
{
    for (size_t i = 0; i < update->prerequisite_count; i++) {
        const struct rrset *asked = &update->prerequisites[i];
        if (chain_is_made(asked->owner, asked->type)) {
            return true;
        }
    }
    return false;
}

static bool publish(struct making *making)
{
    struct zone *data = making->data;
    making->data = NULL;
    return data == NULL ||
           signer_publish(making->signer, making->zone, data, making->now, making->outbox);
}

/* The change of one, behind those that were made before it. False: those must be published first,
 * and nothing was done. */
static bool change(struct making *making, struct signer_gathered *one, struct problem *problem)
{
    const struct signer_zone *zone = making->zone;
    struct arena *scratch = &making->outbox->scratch;
    struct update request;
    struct zone *next = NULL;
    bool is_first = making->data == NULL;
    one->rcode = update_read(one->message, scratch, &request, problem);
    if (one->rcode != RCODE_NOERROR) {
        return true;
    }
    if (!is_first && is_about_signer(&request)) {
        return false;
    }
    struct update_basis basis = {.data = is_first ? zone->owner_data : making->data,
                                 .seen = is_first ? zone->published : making->data,
                                 .key = one->key,
                                 .rules = zone->options.update_rules,
                                 .rule_count = zone->options.update_rule_count};
    one->rcode = update_apply(&request, &basis, scratch, &next, problem);
    if (one->rcode == RCODE_NOERROR && next != NULL) {
        zone_release(making->data);
        making->data = next;
    }
    return true;
}

static void tell_log(const struct making *making, const struct signer_gathered *one,
                     const struct problem *problem)
{
    const struct log *log = making->signer->options.log;
    char name[NAME_TEXT_MAX], key[NAME_TEXT_MAX];
    name_print(making->zone->options.name, name);
    name_print(one->key, key);
    if (one->rcode == RCODE_NOERROR) {
        log_line(log, LOG_DETAIL, "zone %s: UPDATE by %s is made", name, key);
    } else {
        log_line(log, LOG_NOTICE, "zone %s: UPDATE by %s is answered %s: %s", name, key,
                 rcode_text(one->rcode), problem->sentence);
    }
}

static void fail(const struct making *making, struct signer_gathered *one, struct problem *problem)
{
    problem_set(problem, REFUSED, "held back: %.350s", making->zone->fault);
    one->rcode = RCODE_SERVFAIL;
}

/* One by itself, where none waits. */
static void make_alone(struct making *making, struct signer_gathered *one)
{
    struct problem problem = {0};
    const struct signer_zone *zone = making->zone;
    const char *obstacle = find_obstacle(zone);
    one->rcode = RCODE_REFUSED;
    if (zone->options.update_rule_count == 0) {
        problem_set(&problem, REFUSED, "the zone has no update-policy");
    } else if (obstacle != NULL) {
        problem_set(&problem, REFUSED, "%s", obstacle);
        one->rcode = RCODE_SERVFAIL;
    } else {
        bool is_done = change(making, one, &problem);
        require(is_done); /* it is the first */
        if (!publish(making)) {
            fail(making, one, &problem);
        }
    }
    tell_log(making, one, &problem);
}

/* What those from `from` on came to is published, or each is tried alone, so that one that cannot
 * be published fails alone. */
static void settle(struct making *making, size_t from, size_t to)
{
    struct signer_gathered *all = making->zone->gathered;
    bool is_published = publish(making);
    for (size_t i = from; i < to; i++) {
        struct problem problem = {0};
        if (all[i].rcode != RCODE_NOERROR) {
            continue;
        }
        if (!is_published && to - from > 1) {
            make_alone(making, &all[i]);
            continue;
        }
        if (!is_published) {
            fail(making, &all[i], &problem);
        }
        tell_log(making, &all[i], &problem);
    }
}

static void make_together(struct making *making)
{
    struct signer_zone *zone = making->zone;
    size_t from = 0;
    for (size_t i = 0; i < zone->gathered_count; i++) {
        struct signer_gathered *one = &zone->gathered[i];
        struct problem problem = {0};
        if (!change(making, one, &problem)) {
            settle(making, from, i);
            from = i;
            bool is_done = change(making, one, &problem);
            require(is_done); /* it is the first now */
        }
        if (one->rcode != RCODE_NOERROR) {
            tell_log(making, one, &problem);
        }
    }
    settle(making, from, zone->gathered_count);
}

void signer_make_gathered(struct signer *signer, struct signer_zone *zone, struct moment now,
                          struct outbox *outbox)
{
    if (zone->gathered_count == 0) {
        return;
    }
    struct making making = {.signer = signer, .zone = zone, .now = now, .outbox = outbox};
    outbox_timer(outbox, signer_timer_id(zone, SIGNER_TIMER_GATHERED), TIMER_NEVER_NS);
    make_together(&making);
    for (size_t i = 0; i < zone->gathered_count; i++) {
        signer->options.updated(signer->options.user, zone->gathered[i].ticket,
                                zone->gathered[i].rcode, now);
    }
    zone->gathered = NULL;
    zone->gathered_count = 0;
    signer->gathering_count--;
    arena_reset(&zone->gathered_arena);
}

/* Does the zone gather UPDATEs, and can one be made now? */
static bool is_gathering(const struct signer_zone *zone)
{
    return zone->is_signed && zone->options.policy.has_zonemd &&
           zone->options.update_rule_count > 0 && find_obstacle(zone) == NULL;
}

/* As long as the digest of the zone takes, more or less. */
static int64_t gathering_ns(const struct signer_zone *zone)
{
    size_t records = zone_record_count(zone->published);
    return records < GATHER_NS_MAX / GATHER_NS_EACH ? (int64_t)records * GATHER_NS_EACH
                                                    : GATHER_NS_MAX;
}

/* False when there is no memory for it. */
static bool gather(struct signer *signer, struct signer_zone *zone,
                   const struct signer_update *update, struct moment now, struct outbox *outbox)
{
    if (zone->gathered_count == GATHERED_MAX) {
        signer_make_gathered(signer, zone, now, outbox);
    }
    struct arena *arena = &zone->gathered_arena;
    struct signer_gathered *all = zone->gathered;
    if (all == NULL) {
        all = arena_take_array(arena, GATHERED_MAX, sizeof *all);
    }
    struct span message;
    if (all == NULL || arena_copy(arena, update->message, &message) != OK) {
        return false;
    }
    struct signer_gathered *one = &all[zone->gathered_count];
    *one = (struct signer_gathered){.ticket = update->ticket, .message = message};
    name_copy_to(update->key, &one->key_octets, &one->key);
    zone->gathered = all;
    if (zone->gathered_count++ == 0) {
        signer->gathering_count++;
        outbox_timer(outbox, signer_timer_id(zone, SIGNER_TIMER_GATHERED),
                     now.mono_ns + gathering_ns(zone));
    }
    return true;
}

uint16_t signer_update(struct signer *signer, const struct signer_update *update, struct moment now,
                       struct outbox *outbox)
{
    struct signer_zone *zone = signer_find(signer, update->zone);
    if (zone == NULL) {
        return RCODE_NOTAUTH;
    }
    if (update->ticket != 0 && is_gathering(zone) && gather(signer, zone, update, now, outbox)) {
        return SIGNER_UPDATE_LATER;
    }
    signer_make_gathered(signer, zone, now, outbox); /* they came before */
    struct making making = {.signer = signer, .zone = zone, .now = now, .outbox = outbox};
    struct signer_gathered alone = {.key = update->key, .message = update->message};
    make_alone(&making, &alone);
    return alone.rcode;
}
