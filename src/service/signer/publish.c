/* From the owner's data to a version that may leave: signed, verified by code apart from the
 * signing, kept, handed out. A version with a fault never leaves; the last good one stays, and its
 * signatures are kept fresh. */
#include "core/zone/transfer.h"
#include "core/zone/zone_keep.h"
#include "core/zone/zone_verify.h"
#include "service/signer/signer_state.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_S = 60, STATE_LEN_MAX = 64 };

static const char KIND_VERSION[] = ".version";
static const char KIND_STATE[] = ".state";

static const char *text_of(const struct signer_zone *zone, char text[NAME_TEXT_MAX])
{
    return name_print(zone->options.name, text);
}

static void hold_back(struct signer *signer, struct signer_zone *zone,
                      const struct problem *problem)
{
    char name[NAME_TEXT_MAX];
    snprintf(zone->fault, sizeof zone->fault, "%s", problem->sentence);
    log_line(signer->options.log, LOG_ERROR,
             "zone %s: the new version is held back, the last good one stays: %s",
             text_of(zone, name), zone->fault);
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

/* The judge: against our own keys as anchors, everything or what differs from a version that was
 * judged before. */
static enum status judge(const struct signer_zone *zone, const struct zone *version,
                         const struct zone *before, int64_t now_s, struct problem *problem)
{
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
                                          .before = before};
    struct zone_verify_report report;
    struct first_fault first = {problem};
    return zone_verify(version, &options, keep_first, &first, &report);
}

/* The owner's data under a serial that is newer than the one before: for a zone that is not signed.
 */
static enum status renumber(const struct zone *data, const struct zone *before, struct zone **next)
{
    uint32_t serial = zone_serial(data);
    const struct rrset *soa = zone_soa(data);
    if (before == NULL || serial_is_newer(serial, zone_serial(before))) {
        *next = zone_hold(data);
        return OK;
    }
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

static bool is_same_data(const struct zone *from, const struct zone *to)
{
    const struct zone_node *a, *b;
    struct zone_cursor from_cursor, to_cursor;
    if (zone_record_count(from) != zone_record_count(to)) {
        return false;
    }
    zone_walk(from, &from_cursor);
    zone_walk(to, &to_cursor);
    while ((a = zone_walk_next(&from_cursor)) != NULL) {
        b = zone_walk_next(&to_cursor);
        if (b == NULL || a->rrset_count != b->rrset_count || !name_equal(a->owner, b->owner)) {
            return false;
        }
        for (uint16_t i = 0; i < a->rrset_count; i++) {
            bool is_soa = a->rrsets[i]->type == TYPE_SOA; /* its serial is the signer's */
            if (!is_soa && (a->rrsets[i]->ttl_s != b->rrsets[i]->ttl_s ||
                            !rrset_equal(a->rrsets[i], b->rrsets[i]))) {
                return false;
            }
        }
    }
    return true;
}

/* The next version, judged. `*next` is NULL when nothing needs to change. */
static enum status make(struct signer *signer, struct signer_zone *zone, const struct zone *data,
                        int64_t now_s, struct zone **next, struct problem *problem)
{
    zone->refresh_at_s = 0;
    if (!zone->is_signed) {
        struct zone *plain = NULL;
        enum status status = zone_strip(data, &plain);
        bool is_needed = status == OK && (zone->published == NULL || zone->is_published_signed ||
                                          !is_same_data(zone->published, plain));
        if (is_needed) {
            status = renumber(plain, zone->published, next);
        }
        zone_release(plain);
        return status;
    }
    struct zone_key keys[KEYSTORE_KEYS_MAX];
    enum status status = signer_need_keys(signer, zone, now_s, problem);
    size_t count = keystore_zone_keys(&zone->keys, keys);
    status = status == OK ? zone_sign(data, zone->published, keys, count, &zone->options.policy,
                                      now_s, next, &zone->refresh_at_s, problem)
                          : status;
    if (status == OK && *next != NULL) {
        const struct zone *before = zone->is_published_signed ? zone->published : NULL;
        status = judge(zone, *next, before, now_s, problem);
    }
    return status;
}

static void set_timer(struct signer *signer, struct signer_zone *zone, struct moment now,
                      struct outbox *outbox)
{
    int64_t now_s = moment_wall_s(now);
    int64_t at_s = zone->refresh_at_s;
    (void)signer_drop_leaving(signer, zone, INT64_MIN, &at_s);
    if (zone->fault[0] != '\0') {
        at_s = at_s == 0 || at_s > now_s + RETRY_S ? now_s + RETRY_S : at_s;
    }
    int64_t wait_s = at_s > now_s ? at_s - now_s : 1;
    outbox_timer(outbox, zone->index,
                 at_s == 0 ? TIMER_NEVER_NS : now.mono_ns + wait_s * MOMENT_NS_PER_S);
}

static void hand_out(struct signer *signer, struct signer_zone *zone, struct zone *next,
                     struct moment now)
{
    zone_release(zone->published);
    zone->published = next;
    zone->is_published_signed = zone->is_signed;
    signer->options.publish(signer->options.user, zone_hold(next), now);
}

bool signer_publish(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                    struct moment now, struct outbox *outbox)
{
    struct problem problem = {0};
    struct zone *next = NULL;
    struct zone *data = owner_data != NULL ? owner_data : zone_hold(zone->owner_data);
    char name[NAME_TEXT_MAX];
    enum status status = make(signer, zone, data, moment_wall_s(now), &next, &problem);
    if (status == OK && next != NULL) {
        status = zone_keep_write(signer->options.disk, next, KIND_VERSION);
    }
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        zone_release(next);
        zone_release(data);
        hold_back(signer, zone, &problem);
        set_timer(signer, zone, now, outbox);
        return false;
    }
    zone->fault[0] = '\0';
    zone_release(zone->owner_data);
    zone->owner_data = data;
    if (next != NULL) {
        log_line(signer->options.log, LOG_NOTICE, "zone %s: serial %u, %zu records, %s",
                 text_of(zone, name), zone_serial(next), zone_record_count(next),
                 zone->is_signed ? "signed and verified" : "not signed");
        hand_out(signer, zone, next, now);
    }
    set_timer(signer, zone, now, outbox);
    return true;
}

enum status signer_save(struct signer *signer, const struct signer_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    const struct disk *disk = signer->options.disk;
    return disk->replace(disk->self, zone_keep_name(zone->options.name, KIND_STATE, name),
                         zone->is_signed ? SPAN_LITERAL("signed\n") : SPAN_LITERAL("unsigned\n"));
}

static enum status state_read(struct signer *signer, struct signer_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    struct arena scratch;
    struct span text;
    const struct disk *disk = signer->options.disk;
    arena_open(&scratch, 4096);
    enum status status =
        disk->read(disk->self, zone_keep_name(zone->options.name, KIND_STATE, name), STATE_LEN_MAX,
                   &scratch, &text);
    if (status == OK) {
        zone->is_signed = span_equal(text, SPAN_LITERAL("signed\n"));
    }
    arena_close(&scratch);
    return status == NOT_FOUND ? OK : status;
}

enum status signer_restore(struct signer *signer, struct signer_zone *zone, struct moment now,
                           struct problem *problem)
{
    char name[NAME_TEXT_MAX];
    struct zone *kept = NULL;
    zone->is_signed = zone->options.is_signed;
    enum status status = state_read(signer, zone);
    status =
        status == OK
            ? keystore_open(signer->options.disk, zone->options.name, &zone->keys, problem)
            : problem_set(problem, status, "its state cannot be read: %s", status_text(status));
    if (status != OK) {
        return status;
    }
    status = zone_keep_read(signer->options.disk, zone->options.name, KIND_VERSION, &kept);
    if (status != OK) {
        log_line(signer->options.log, status == NOT_FOUND ? LOG_DETAIL : LOG_WARNING,
                 "zone %s: no version is kept (%s); it is made anew", text_of(zone, name),
                 status_text(status));
        return OK;
    }
    zone->is_published_signed = zone_find_rrset(kept, zone->options.name, TYPE_DNSKEY) != NULL;
    struct problem fault = {0};
    if (zone->is_published_signed && judge(zone, kept, NULL, moment_wall_s(now), &fault) != OK) {
        log_line(signer->options.log, LOG_WARNING,
                 "zone %s: the version kept is not good any more (%s); it is signed anew",
                 text_of(zone, name), fault.sentence);
        zone->is_published_signed = false; /* nothing of it is trusted but its serial */
        zone->published = kept;
        return OK;
    }
    zone->published = kept;
    signer->options.publish(signer->options.user, zone_hold(kept), now);
    return OK;
}
