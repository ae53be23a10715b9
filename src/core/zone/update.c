/* The rules of RFC 2136 section 3, in its order: prerequisites, what may be asked at all and by
 * whom, and then each change. */
#include "core/zone/update.h"

#include "core/dns/rdata.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_chain.h"
#include "core/zone/zone_check.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ an update in the making */

struct update_run {
    const struct update *update;
    const struct update_basis *basis;
    struct arena *scratch;
    struct zone_builder *builder;
    struct problem *problem;
    bool has_soa; /* the update itself set a newer one */
};

/* Says what is wrong with a record; returns the RCODE. */
static uint16_t refuse(struct update_run *run, uint16_t rcode, const struct rrset *record,
                       const char *why)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    problem_set(run->problem, REFUSED, "%.255s %s: %s", name_print(record->owner, name),
                record->type == TYPE_ANY ? "ANY" : type_print(record->type, type), why);
    return rcode;
}

static bool is_apex(const struct update_run *run, const struct rrset *record)
{
    return name_equal(record->owner, run->update->zone);
}

/* ------------------------------------------------------------------ prerequisites (§3.2) */

/* The owner of NSEC3 is a hash and no name that anybody uses. */
static bool is_in_use(const struct zone *zone, struct name name)
{
    const struct zone_node *node = zone_find(zone, name);
    for (uint16_t i = 0; node != NULL && i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_NSEC3 && rrset->covers != TYPE_NSEC3) {
            return true;
        }
    }
    return false;
}

static bool has_rrset(const struct zone *zone, struct name name, uint16_t type)
{
    return zone_find_rrset(zone, name, type) != NULL;
}

/* One that stands for itself; those of class IN are compared as RRsets afterwards. */
static uint16_t check_prerequisite(struct update_run *run, const struct rrset *record)
{
    const struct zone *seen = run->basis->seen;
    bool is_any = record->type == TYPE_ANY;
    if (record->ttl_s != 0) {
        return refuse(run, RCODE_FORMERR, record, "a prerequisite has the TTL 0");
    }
    if (!name_is_at_or_below(record->owner, run->update->zone)) {
        return refuse(run, RCODE_NOTZONE, record, "a prerequisite about a name of another zone");
    }
    if (record->class_ == CLASS_IN && record->count == 1 && !type_is_meta(record->type)) {
        return RCODE_NOERROR;
    }
    if ((record->class_ != CLASS_ANY && record->class_ != CLASS_NONE) || record->count > 0 ||
        (type_is_meta(record->type) && !is_any)) {
        return refuse(run, RCODE_FORMERR, record, "no form of a prerequisite");
    }
    bool is_there =
        is_any ? is_in_use(seen, record->owner) : has_rrset(seen, record->owner, record->type);
    if (is_there == (record->class_ == CLASS_ANY)) {
        return RCODE_NOERROR;
    }
    uint16_t rcode = is_any ? (is_there ? RCODE_YXDOMAIN : RCODE_NXDOMAIN)
                            : (is_there ? RCODE_YXRRSET : RCODE_NXRRSET);
    return refuse(run, rcode, record, is_there ? "is there already" : "is not there");
}

static int compare_records(const void *a, const void *b)
{
    const struct rrset *left = *(const struct rrset *const *)a;
    const struct rrset *right = *(const struct rrset *const *)b;
    int order = name_compare(left->owner, right->owner);
    order = order != 0 ? order : (int)left->type - (int)right->type;
    return order != 0 ? order
                      : rrset_compare_rdata(left->type, rrset_only(left), rrset_only(right));
}

/* The records from `at` on of one owner and type are exactly the RRset of the zone; returns where
 * the next begin, or 0 when they are not. */
static size_t compare_set(const struct zone *seen, const struct rrset *const *records, size_t count,
                          size_t at)
{
    const struct rrset *first = records[at];
    const struct rrset *there = zone_find_rrset(seen, first->owner, first->type);
    if (there == NULL) {
        return 0;
    }
    struct rrset_cursor cursor = rrset_first(there);
    struct span rdata;
    const struct rrset *last = NULL;
    for (; at < count && records[at]->type == first->type &&
           name_equal(records[at]->owner, first->owner);
         at++) {
        if (last != NULL && compare_records(&last, &records[at]) == 0) {
            continue; /* said twice */
        }
        last = records[at];
        if (!rrset_next(&cursor, &rdata) ||
            rrset_compare_rdata(first->type, rdata, rrset_only(last)) != 0) {
            return 0;
        }
    }
    return rrset_next(&cursor, &rdata) ? 0 : at;
}

/* "RRset exists, value dependent" (§2.4.2): RRsets with exactly those records. */
static uint16_t check_values(struct update_run *run)
{
    const struct update *update = run->update;
    size_t count = 0;
    const struct rrset **records =
        arena_take_array(run->scratch, update->prerequisite_count, sizeof *records);
    if (records == NULL) {
        return RCODE_SERVFAIL;
    }
    for (size_t i = 0; i < update->prerequisite_count; i++) {
        if (update->prerequisites[i].class_ == CLASS_IN) {
            records[count++] = &update->prerequisites[i];
        }
    }
    if (count > 0) {
        qsort(records, count, sizeof *records, compare_records);
    }
    for (size_t at = 0; at < count;) {
        size_t next = compare_set(run->basis->seen, records, count, at);
        if (next == 0) {
            return refuse(run, RCODE_NXRRSET, records[at], "is not there with those records");
        }
        at = next;
    }
    return RCODE_NOERROR;
}

static uint16_t check_prerequisites(struct update_run *run)
{
    uint16_t rcode = RCODE_NOERROR;
    for (size_t i = 0; i < run->update->prerequisite_count && rcode == RCODE_NOERROR; i++) {
        rcode = check_prerequisite(run, &run->update->prerequisites[i]);
    }
    return rcode == RCODE_NOERROR ? check_values(run) : rcode;
}

/* ------------------------------------------------------------------ what may be asked (§3.3,
 * §3.4.1)
 */

static uint16_t check_form(struct update_run *run, const struct rrset *record)
{
    bool is_meta = type_is_meta(record->type);
    if (!name_is_at_or_below(record->owner, run->update->zone)) {
        return refuse(run, RCODE_NOTZONE, record, "is not in the zone");
    }
    switch (record->class_) {
    case CLASS_IN:
        return !is_meta && record->count == 1
                   ? RCODE_NOERROR
                   : refuse(run, RCODE_FORMERR, record, "is no record to add");
    case CLASS_ANY:
        return record->ttl_s == 0 && record->count == 0 && (!is_meta || record->type == TYPE_ANY)
                   ? RCODE_NOERROR
                   : refuse(run, RCODE_FORMERR, record, "is no RRset to delete");
    case CLASS_NONE:
        return record->ttl_s == 0 && !is_meta
                   ? RCODE_NOERROR
                   : refuse(run, RCODE_FORMERR, record, "is no record to delete");
    default: /* a number from outside */
        return refuse(run, RCODE_FORMERR, record, "has a class that is no change");
    }
}

static uint16_t check_grant(struct update_run *run, const struct rrset *record, uint16_t type)
{
    const struct update_basis *basis = run->basis;
    return update_is_granted(basis->rules, basis->rule_count, basis->key, record->owner, type)
               ? RCODE_NOERROR
               : refuse(run, RCODE_REFUSED, record, "no rule grants the key this change");
}

/* To delete all of a name takes the right to each RRset that goes. */
static uint16_t check_grant_any(struct update_run *run, const struct rrset *record)
{
    const struct zone_node *node = zone_find(run->basis->data, record->owner);
    uint16_t rcode = RCODE_NOERROR;
    if (node == NULL) {
        return check_grant(run, record, TYPE_ANY);
    }
    for (uint16_t i = 0; i < node->rrset_count && rcode == RCODE_NOERROR; i++) {
        uint16_t type = node->rrsets[i].type;
        bool stays = chain_is_made(record->owner, type) ||
                     (is_apex(run, record) && (type == TYPE_SOA || type == TYPE_NS));
        rcode = stays ? RCODE_NOERROR : check_grant(run, record, type);
    }
    return rcode;
}

static uint16_t check_change(struct update_run *run, const struct rrset *record)
{
    uint16_t rcode = check_form(run, record);
    if (rcode != RCODE_NOERROR) {
        return rcode;
    }
    if (chain_is_made(record->owner, record->type)) {
        return refuse(run, RCODE_REFUSED, record,
                      "the signer makes these records itself; they are not changed by UPDATE");
    }
    return record->type == TYPE_ANY ? check_grant_any(run, record)
                                    : check_grant(run, record, record->type);
}

static uint16_t check_changes(struct update_run *run)
{
    uint16_t rcode = RCODE_NOERROR;
    for (size_t i = 0; i < run->update->change_count && rcode == RCODE_NOERROR; i++) {
        rcode = check_change(run, &run->update->changes[i]);
    }
    return rcode;
}

/* ------------------------------------------------------------------ the changes (§3.4.2) */

static struct span rdata_of(const struct rrset *record)
{
    return record->count == 0 ? SPAN_EMPTY : rrset_only(record);
}

static const struct rrset *find_rrset(struct update_run *run, const struct rrset *record,
                                      uint16_t type)
{
    return zone_build_rrset(run->builder, record->owner, type, 0);
}

static enum status remove_rrset(struct update_run *run, struct name owner, uint16_t type)
{
    struct rrset empty = {.owner = owner, .type = type, .class_ = CLASS_IN};
    return zone_build_set(run->builder, &empty);
}

static uint32_t serial_of(struct span soa)
{
    struct reader reader = reader_over(span_part(soa, soa.len - 20, 4));
    return reader_u32(&reader);
}

/* A name with a CNAME has nothing else; what does not fit is passed over, not refused (§3.4.2.2).
 */
static bool collides(struct update_run *run, const struct rrset *record)
{
    const struct zone *data = run->basis->data;
    bool has_cname = find_rrset(run, record, TYPE_CNAME) != NULL;
    if (record->type != TYPE_CNAME || has_cname) {
        return record->type != TYPE_CNAME && has_cname;
    }
    /* Anything at all of the name, of before or of this update. */
    const struct zone_node *node = zone_find(data, record->owner);
    for (uint16_t i = 0; node != NULL && i < node->rrset_count; i++) {
        if (!chain_is_made(node->owner, node->rrsets[i].type) &&
            find_rrset(run, record, node->rrsets[i].type) != NULL) {
            return true;
        }
    }
    for (const struct rrset *other = run->update->changes; other < record; other++) {
        if (other->class_ == CLASS_IN && name_equal(other->owner, record->owner) &&
            find_rrset(run, record, other->type) != NULL) {
            return true;
        }
    }
    return false;
}

static enum status add_record(struct update_run *run, const struct rrset *record)
{
    struct span rdata = rdata_of(record);
    if (record->type == TYPE_SOA) {
        uint32_t serial = zone_serial(run->basis->seen);
        const struct rrset *there = find_rrset(run, record, TYPE_SOA);
        uint32_t set = run->has_soa && there != NULL ? serial_of(rrset_only(there)) : serial;
        if (!is_apex(run, record) || there == NULL || !serial_is_newer(serial_of(rdata), set)) {
            return OK;
        }
        run->has_soa = true;
        return zone_build_set(run->builder, record);
    }
    if (collides(run, record)) {
        return OK;
    }
    if (type_is_singleton(record->type)) {
        return zone_build_set(run->builder, record);
    }
    return zone_build_add(run->builder, record->owner, record->type, record->ttl_s, rdata);
}

static enum status delete_all(struct update_run *run, const struct rrset *record)
{
    const struct zone_node *node = zone_find(run->basis->data, record->owner);
    enum status status = OK;
    for (uint16_t i = 0; node != NULL && i < node->rrset_count && status == OK; i++) {
        uint16_t type = node->rrsets[i].type;
        bool stays = chain_is_made(record->owner, type) ||
                     (is_apex(run, record) && (type == TYPE_SOA || type == TYPE_NS));
        status = stays ? OK : remove_rrset(run, record->owner, type);
    }
    /* What this update added before goes as well. */
    for (const struct rrset *other = run->update->changes; other < record && status == OK;
         other++) {
        bool stays = is_apex(run, other) && (other->type == TYPE_SOA || other->type == TYPE_NS);
        if (other->class_ == CLASS_IN && !stays && name_equal(other->owner, record->owner)) {
            status = remove_rrset(run, other->owner, other->type);
        }
    }
    return status;
}

static enum status delete_rrset(struct update_run *run, const struct rrset *record)
{
    if (is_apex(run, record) && (record->type == TYPE_SOA || record->type == TYPE_NS)) {
        return OK;
    }
    return remove_rrset(run, record->owner, record->type);
}

/* The SOA and the last NS of the apex stay. */
static enum status delete_record(struct update_run *run, const struct rrset *record)
{
    struct span rdata = rdata_of(record);
    if (record->type == TYPE_SOA) {
        return OK;
    }
    if (is_apex(run, record) && record->type == TYPE_NS) {
        const struct rrset *there = find_rrset(run, record, TYPE_NS);
        if (there != NULL && there->count == 1 && rrset_has(there, rdata)) {
            return OK;
        }
    }
    enum status status = zone_build_remove(run->builder, record->owner, record->type, rdata);
    return status == NOT_FOUND ? OK : status;
}

static enum status make_change(struct update_run *run, const struct rrset *record)
{
    if (record->class_ == CLASS_IN) {
        return add_record(run, record);
    }
    if (record->class_ == CLASS_NONE) {
        return delete_record(run, record);
    }
    return record->type == TYPE_ANY ? delete_all(run, record) : delete_rrset(run, record);
}

/* ------------------------------------------------------------------ the new version */

static enum status stop_at_first(void *user, bool is_added, const struct rrset *record)
{
    (void)user;
    (void)is_added;
    (void)record;
    return MISMATCH;
}

/* The serial goes up by itself where the update did not set it (§3.6). */
static enum status raise_serial(struct update_run *run)
{
    const struct rrset *soa = zone_soa(run->basis->data);
    uint8_t bytes[2 + 2 * NAME_LEN_MAX + 20];
    if (run->has_soa) {
        return OK;
    }
    if (soa->rdata_len > sizeof bytes) {
        return MALFORMED;
    }
    uint32_t serial = zone_serial(run->basis->seen) + 1;
    memcpy(bytes, soa->rdata, soa->rdata_len);
    struct writer writer = writer_over(bytes + soa->rdata_len - 20, 4);
    writer_u32(&writer, serial == 0 ? 1 : serial);
    struct rrset raised = *soa;
    raised.rdata = bytes;
    return zone_build_set(run->builder, &raised);
}

static void keep_error(void *user, enum zone_severity severity, const struct problem *problem)
{
    struct problem *first = user;
    if (severity == ZONE_ERROR && first->status == OK) {
        char text[PROBLEM_SENTENCE_MAX];
        problem_set(first, REFUSED, "%.380s", problem_print(problem, text, sizeof text));
    }
}

/* The version in the builder as it is, then with its serial when it differs. */
static enum status finish(struct update_run *run, struct zone **next)
{
    const struct zone *data = run->basis->data;
    struct zone *changed = zone_build_finish(run->builder);
    run->builder = NULL;
    if (changed == NULL) {
        return NO_MEMORY;
    }
    enum status status = run->has_soa ? MISMATCH : zone_diff(data, changed, stop_at_first, NULL);
    if (status == OK) {
        zone_release(changed);
        return OK;
    }
    status = zone_build(run->update->zone, changed, &run->builder);
    status = status == OK ? raise_serial(run) : status;
    zone_release(changed);
    if (status == OK) {
        *next = zone_build_finish(run->builder);
        run->builder = NULL;
        status = *next == NULL ? NO_MEMORY : OK;
    }
    return status;
}

static uint16_t make_changes(struct update_run *run, struct zone **next)
{
    const struct zone *data = run->basis->data;
    enum status status = zone_build(run->update->zone, data, &run->builder);
    for (size_t i = 0; i < run->update->change_count && status == OK; i++) {
        status = make_change(run, &run->update->changes[i]);
    }
    status = status == OK ? finish(run, next) : status;
    zone_build_cancel(run->builder);
    if (status != OK) {
        problem_set(run->problem, status, "the new version cannot be made: %s",
                    status_text(status));
        return RCODE_SERVFAIL;
    }
    if (*next != NULL && zone_check_change(*next, data, keep_error, run->problem) > 0) {
        zone_release(*next);
        *next = NULL;
        return RCODE_REFUSED;
    }
    return RCODE_NOERROR;
}

uint16_t update_apply(const struct update *update, const struct update_basis *basis,
                      struct arena *scratch, struct zone **next, struct problem *problem)
{
    struct update_run run = {
        .update = update, .basis = basis, .scratch = scratch, .problem = problem};
    *next = NULL;
    require(zone_soa(basis->data) != NULL && zone_soa(basis->seen) != NULL);
    require(name_equal(update->zone, zone_apex(basis->data)));
    uint16_t rcode = check_prerequisites(&run);
    rcode = rcode == RCODE_NOERROR ? check_changes(&run) : rcode;
    return rcode == RCODE_NOERROR ? make_changes(&run, next) : rcode;
}
