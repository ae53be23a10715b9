/* From the owner's data to a version that may leave: signed, verified by code apart from the
 * signing, kept, handed out. A version with a fault never leaves; the last good one stays, and its
 * signatures are kept fresh. */
#include "core/base/text.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_verify.h"
#include "service/signer/signal.h"

#include <stdio.h>
#include <string.h>

enum {
    RETRY_S = 60,
    /* At a restart: the version kept was judged whole before it was kept, and its octets have been
     * compared with a checksum. One RRset of so many is checked again, and all that costs no
     * cryptography. */
    KEPT_SAMPLE = 256
};

static const char *text_of(const struct signer_zone *zone, char text[NAME_TEXT_MAX])
{
    return name_print(zone->options.name, text);
}

void signer_hold_back(struct signer *signer, struct signer_zone *zone,
                      const struct problem *problem, struct moment now)
{
    char name[NAME_TEXT_MAX];
    char until[64] = "";
    int64_t bogus_at_s = signer_bogus_at_s(zone);
    if (bogus_at_s != INT64_MAX) {
        struct writer text = writer_over(until, sizeof until - 1);
        writer_text(&text, ", good until ");
        text_write_rfc3339(&text, bogus_at_s);
    }
    snprintf(zone->fault, sizeof zone->fault, "%s", problem->sentence);
    zone->versions_held_back++;
    log_line(signer->options.log, LOG_ERROR, "zone %s: the new version is held back%s%s: %s",
             text_of(zone, name), zone->published != NULL ? ", the last good one stays" : "", until,
             zone->fault);
    if (signer->options.held_back != NULL) {
        signer->options.held_back(signer->options.user, zone->options.name, zone->fault, now);
    }
}

struct first_fault {
    struct problem *problem;
};

static void keep_first(void *user, const struct problem *fault)
{
    struct first_fault *first = user;
    if (first->problem->status == OK) {
        *first->problem = *fault;
    }
}

enum status signer_judge(const struct signer *signer, struct signer_zone *zone,
                         const struct zone *version, int64_t now_s, struct problem *problem)
{
    const struct zone *before = zone->is_published_signed ? zone->published : NULL;
    struct trust_anchor anchors[KEYSTORE_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < zone->keys.count; i++) {
        const struct keystore_key *key = zone->keys.keys[i];
        if (key->state == KEYSTORE_ACTIVE && key->role != KEYSTORE_ZSK) {
            anchors[count++] = (struct trust_anchor){zone->options.name, TYPE_DNSKEY,
                                                     span_of(key->rdata, key->rdata_len)};
        }
    }
    struct zone_verify_options options = {.now_s = now_s,
                                          .anchors = anchors,
                                          .anchor_count = count,
                                          .needs_zonemd = zone->options.policy.has_zonemd,
                                          .before = before,
                                          .before_report = before == NULL ? NULL : &zone->report,
                                          .sample_every = zone->is_restored ? 1 : KEPT_SAMPLE,
                                          .parallel = signer->parallel};
    struct first_fault first = {problem};
    return zone_verify(version, &options, keep_first, &first, &zone->report_next);
}

/* The owner's data under the serial behind that of the version before. */
static enum status renumber(const struct zone *data, const struct zone *before, struct zone **next)
{
    const struct rrset *soa = zone_soa(data);
    uint8_t bytes[2 * NAME_LEN_MAX + 20];
    struct span rdata = rrset_only(soa);
    if (rdata.len > sizeof bytes || rdata.len < 20) {
        return MALFORMED;
    }
    memcpy(bytes, rdata.bytes, rdata.len);
    struct writer number = writer_over(bytes + rdata.len - 20, 4);
    writer_u32(&number, zone_serial(before) + 1);
    struct zone_builder *builder;
    enum status status = zone_build(zone_apex(data), data, &builder);
    if (status != OK) {
        return status;
    }
    status = zone_build_remove(builder, soa->owner, TYPE_SOA, rdata);
    status = status == OK ? zone_build_add(builder, soa->owner, TYPE_SOA, soa->ttl_s,
                                           span_of(bytes, rdata.len))
                          : status;
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *next = zone_build_finish(builder);
    return *next == NULL ? NO_MEMORY : OK;
}

static enum status stop_at_first(void *user, bool is_added, const struct rrset *record)
{
    (void)user;
    (void)is_added;
    (void)record;
    return MISMATCH;
}

/* The SOA aside: its serial is the signer's. */
static bool is_same_data(const struct zone *from, const struct zone *to)
{
    return zone_diff(from, to, stop_at_first, NULL) == OK;
}

/* The next version of a zone that we do not sign: as it came, but under a serial that secondaries
 * see as news. */
static enum status make_unsigned(const struct signer_zone *zone, const struct zone *data,
                                 struct zone **next, struct problem *problem)
{
    const struct zone *before = zone->published;
    uint32_t serial = zone_serial(data);
    if (before == NULL || serial_is_newer(serial, zone_serial(before))) {
        *next = zone_hold(data);
        return OK;
    }
    if (!zone->is_published_signed && is_same_data(before, data)) {
        return OK;
    }
    const struct zone_node *apex = zone_find(data, zone_apex(data));
    if (apex != NULL && zone_node_rrsigs(apex, TYPE_SOA) != NULL) {
        return problem_set(problem, REFUSED,
                           "its serial %u is not newer than %u, and cannot be raised here because "
                           "the zone is signed elsewhere; raise it there",
                           serial, zone_serial(before));
    }
    return renumber(data, before, next);
}

/* What comes of the owner's data; the references are passed on or released. */
struct made {
    struct zone *all;  /* what was signed; NULL: nothing was */
    struct zone *next; /* NULL: there is nothing to change */
};

/* The next version of what is to be signed, judged. `*next` is NULL when nothing needs to change.
 */
static enum status make_signed(struct signer *signer, struct signer_zone *zone,
                               const struct zone *data, int64_t now_s, struct zone **next,
                               struct problem *problem)
{
    struct zone_key keys[KEYSTORE_KEYS_MAX];
    enum status status = signer_need_keys(signer, zone, now_s, problem);
    size_t count = keystore_zone_keys(&zone->keys, keys);
    struct zone_sign_input input = {.unsigned_zone = data,
                                    .signed_before = zone->published,
                                    .unsigned_before =
                                        zone->is_published_signed ? zone->signed_data : NULL,
                                    .keys = keys,
                                    .key_count = count,
                                    .policy = zone->options.policy,
                                    .now_s = now_s,
                                    .parallel = signer->parallel};
    struct zone_sign_report report = {.refresh_at_s = 0};
    status = status == OK ? zone_sign(&input, next, &report, problem) : status;
    zone->refresh_at_s = report.refresh_at_s;
    zone->signatures_made += report.rrsigs_made;
    if (status == OK && *next != NULL) {
        status = signer_judge(signer, zone, *next, now_s, problem);
    }
    return status;
}

/* The same of the owner's data. */
static enum status make(struct signer *signer, struct signer_zone *zone, const struct zone *data,
                        int64_t now_s, struct made *made, struct problem *problem)
{
    zone->refresh_at_s = 0;
    if (zone_soa(data) == NULL) {
        return problem_set(problem, MALFORMED, "it has no SOA record");
    }
    if (!zone->is_signed) {
        return make_unsigned(zone, data, &made->next, problem);
    }
    enum status status = signal_make(signer, zone, data, &made->all);
    return status == OK ? make_signed(signer, zone, made->all, now_s, &made->next, problem)
                        : status;
}

void signer_set_timer(struct signer *signer, struct signer_zone *zone, struct moment now,
                      struct outbox *outbox)
{
    int64_t now_s = moment_wall_s(now);
    int64_t at_s = zone->refresh_at_s;
    (void)signer_drop_leaving(signer, zone, INT64_MIN, &at_s);
    bool is_own_fault = zone->fault[0] != '\0' && !zone->is_fault_of_data;
    bool lacks_data = zone->owner_data == NULL && zone->published != NULL;
    if (is_own_fault || lacks_data || zone->waiting != NULL || !zone->is_restored) {
        at_s = at_s == 0 || at_s > now_s + RETRY_S ? now_s + RETRY_S : at_s;
    }
    if (zone->is_signal_due) {
        at_s = now_s + 1; /* others may change together with the one that asks for it */
    }
    int64_t wait_s = at_s > now_s ? at_s - now_s : 1;
    outbox_timer(outbox, signer_timer_id(zone, SIGNER_TIMER_RENEW),
                 at_s == 0 ? TIMER_NEVER_NS : now.mono_ns + wait_s * MOMENT_NS_PER_S);
}

void signer_hand_out(struct signer *signer, struct signer_zone *zone, struct zone *next,
                     struct moment now, struct outbox *outbox)
{
    const struct signer_options *options = &signer->options;
    for (size_t i = 0; i < zone->history.count; i++) {
        if (options->remember != NULL) {
            options->remember(options->user, zone_hold(zone->history.versions[i]));
        }
    }
    zone_history_release(&zone->history);
    signal_note(signer, zone, next, now, outbox);
    zone_release(zone->published);
    zone->published = next;
    zone->is_published_signed = zone->is_signed;
    zone->report = zone->report_next;
    zone->versions_made++;
    options->publish(options->user, zone_hold(next), now);
}

/* The next version is made, judged and durable, or nothing of it is; NULL when there is nothing to
 * change. */
static enum status prepare(struct signer *signer, struct signer_zone *zone, const struct zone *data,
                           struct moment now, struct made *made, struct problem *problem)
{
    char name[NAME_TEXT_MAX];
    struct problem warning = {0};
    if (!zone->is_restored) {
        return problem_set(problem, IO_FAILED,
                           "what is kept of it cannot be read, see the log; it is tried again");
    }
    enum status status = make(signer, zone, data, moment_wall_s(now), made, problem);
    if (status != OK || made->next == NULL) {
        return status;
    }
    status = zone_journal_keep(zone->journal, made->next, &warning);
    if (status != OK) {
        return problem_set(problem, status, "it cannot be kept on disk: %s", status_text(status));
    }
    if (warning.status != OK) {
        log_line(signer->options.log, LOG_WARNING, "zone %s: %s", text_of(zone, name),
                 warning.sentence);
    }
    return OK;
}

bool signer_publish(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                    struct moment now, struct outbox *outbox)
{
    struct problem problem = {0};
    struct made made = {0};
    struct zone *data = owner_data != NULL ? owner_data : zone_hold(zone->owner_data);
    char name[NAME_TEXT_MAX];
    zone->is_signal_due = false;
    enum status status = prepare(signer, zone, data, now, &made, &problem);
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        zone_release(made.all);
        zone_release(made.next);
        zone_release(data);
        zone->is_fault_of_data = zone->is_fault_of_data && owner_data == NULL;
        signer_hold_back(signer, zone, &problem, now);
        signer_set_timer(signer, zone, now, outbox);
        return false;
    }
    if (owner_data != NULL || !zone->is_fault_of_data) {
        zone->fault[0] = '\0';
        zone->is_fault_of_data = false;
    }
    zone_release(zone->owner_data);
    zone->owner_data = data;
    zone_release(zone->signed_data);
    zone->signed_data = made.all;
    signal_made(zone);
    struct zone *next = made.next;
    if (next != NULL) {
        log_line(signer->options.log, LOG_NOTICE, "zone %s: serial %u, %zu records, %s",
                 text_of(zone, name), zone_serial(next), zone_record_count(next),
                 zone->is_signed ? "signed and verified" : "not signed");
        signer_hand_out(signer, zone, next, now, outbox);
    }
    signer_set_timer(signer, zone, now, outbox);
    return true;
}

bool signer_offer(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                  struct moment now, struct outbox *outbox)
{
    struct zone *before = zone->waiting;
    zone->waiting = zone_hold(owner_data); /* so that the timer is set for it */
    zone_release(before);
    if (!signer_publish(signer, zone, owner_data, now, outbox)) {
        zone->is_fault_of_data = true;
        return false;
    }
    zone_release(zone->waiting);
    zone->waiting = NULL;
    signer_set_timer(signer, zone, now, outbox);
    return true;
}

void signer_refuse(struct signer *signer, struct signer_zone *zone, const struct problem *problem,
                   struct moment now, struct outbox *outbox)
{
    zone_release(zone->waiting);
    zone->waiting = NULL;
    zone->is_fault_of_data = true;
    signer_hold_back(signer, zone, problem, now);
    signer_set_timer(signer, zone, now, outbox);
}
