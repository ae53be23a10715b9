/* What a change of a verified zone can spoil, and nothing else: the names that differ, all below a
 * cut or DNAME that came or went, and their neighbours in the denial chain. Where that does not
 * tell the verdict, the whole is verified. */
#include "core/zone/verify_change.h"
#include "core/dnssec/dnskey.h"

#include <stdlib.h>
#include <string.h>

static void add_name(struct change *change, const struct zone_node *before,
                     const struct zone_node *after)
{
    enum { FIRST_SIZE = 64 };
    if (change->count == change->size) {
        size_t size = change->size == 0 ? FIRST_SIZE : 2 * change->size;
        struct affected *names =
            size > SIZE_MAX / sizeof *names ? NULL : realloc(change->names, size * sizeof *names);
        if (names == NULL) {
            change->status = NO_MEMORY;
            return;
        }
        change->names = names;
        change->size = size;
    }
    change->names[change->count++] = (struct affected){
        .name = after != NULL ? after->owner : before->owner, .before = before, .after = after};
}

/* May what is known of the version before be used at all? */

/* Which RRSIGs need a key decides; a key that went may only have been one that none needs. */
static bool are_keys_comparable(const struct change *change, const struct rrset *keys_before)
{
    const struct verify_run *run = change->run;
    const struct zone_verify_report *report = run->options->before_report;
    bool was_needed[256] = {false};
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(keys_before); rrset_next(&cursor, &rdata);) {
        struct dnskey key;
        if (dnskey_read(rdata, &key) != OK) {
            return false;
        }
        was_needed[key.algorithm] = was_needed[key.algorithm] || dnskey_is_zone_key(&key);
        bool stays = false;
        bool has_heir = false; /* another key takes over the tag */
        for (size_t i = 0; i < run->key_count; i++) {
            const struct dnskey *now = &run->keys[i].dnskey;
            stays = stays || span_equal(now->rdata, rdata);
            has_heir = has_heir || (now->tag == key.tag && now->algorithm == key.algorithm);
        }
        if (!stays && (has_heir || report == NULL || report->key_count == 0)) {
            return false;
        }
    }
    for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
        if (run->is_algorithm_needed[algorithm] && !was_needed[algorithm]) {
            return false;
        }
    }
    return true;
}

static bool is_same_set(const struct rrset *a, const struct rrset *b)
{
    return a == b || (a != NULL && b != NULL && rrset_equal(a, b));
}

static bool is_comparable(const struct change *change)
{
    const struct verify_run *run = change->run;
    const struct zone_node *after = zone_find(run->zone, run->apex);
    const struct zone_node *before = zone_find(change->before, run->apex);
    if (!name_equal(zone_apex(change->before), run->apex) || before == NULL || after == NULL) {
        return false;
    }
    const struct rrset *keys_before = zone_node_rrset(before, TYPE_DNSKEY);
    bool had_nsec = zone_node_rrset(before, TYPE_NSEC) != NULL;
    bool has_dname = zone_node_rrset(after, TYPE_DNAME) != NULL;
    bool had_dname = zone_node_rrset(before, TYPE_DNAME) != NULL;
    size_t denials = run->chain_count + (run->has_nsec ? 1 : 0);
    return keys_before != NULL && had_nsec == run->has_nsec && had_dname == has_dname &&
           denials == 1 &&
           is_same_set(zone_node_rrset(before, TYPE_NSEC3PARAM),
                       zone_node_rrset(after, TYPE_NSEC3PARAM)) &&
           are_keys_comparable(change, keys_before);
}

/* Which names the change touches. */

static void add_below(struct change *change, struct name name)
{
    const struct zone *zone = change->run->zone;
    for (const struct zone_node *node = zone_after(zone, name);
         node != NULL && name_is_below(node->owner, name) && change->status == OK;
         node = zone_after(zone, node->owner)) {
        add_name(change, zone_find(change->before, node->owner), node);
    }
}

/* Signatures that ran out, or are not valid yet though they were before: time went back, or it is
 * not known when the version before was judged. */
static void add_by_time(struct change *change)
{
    const struct verify_run *run = change->run;
    const struct zone_verify_report *report = run->options->before_report;
    int64_t now_s = run->options->now_s;
    if (report == NULL || now_s < report->judged_at_s || now_s > UINT32_MAX) {
        struct zone_cursor cursor;
        zone_walk(run->zone, &cursor);
        for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
            add_name(change, zone_find(change->before, node->owner), node);
        }
        return;
    }
    const struct name *last = NULL;
    for (const struct zone_node *node; (node = zone_next_expiring(run->zone, last, now_s)) != NULL;
         last = &node->owner) {
        add_name(change, zone_find(change->before, node->owner), node);
    }
}

static int compare_affected(const void *a, const void *b)
{
    const struct affected *one = a;
    const struct affected *other = b;
    return name_compare(one->name, other->name);
}

static void collect_names(struct change *change)
{
    const struct zone *after = change->run->zone;
    struct zone_comparison comparison;
    struct zone_change each;
    zone_compare(change->before, after, &comparison);
    while (change->status == OK && zone_compare_next(&comparison, &each)) {
        add_name(change, each.before, each.after);
    }
    for (size_t i = 0, count = change->count; i < count && change->status == OK; i++) {
        const struct affected *name = &change->names[i];
        bool covered = name->before != NULL && verify_covers(change->before, name->before);
        bool covers = name->after != NULL && verify_covers(after, name->after);
        if (covered != covers) {
            add_below(change, name->name);
        }
    }
    add_by_time(change);
    if (change->count == 0 || change->status != OK) {
        return;
    }
    qsort(change->names, change->count, sizeof *change->names, compare_affected);
    size_t kept = 1;
    for (size_t i = 1; i < change->count; i++) {
        if (!name_equal(change->names[kept - 1].name, change->names[i].name)) {
            change->names[kept++] = change->names[i];
        }
    }
    change->count = kept;
    for (size_t i = 0; i < change->count; i++) {
        struct affected *name = &change->names[i];
        name->place_before =
            name->before == NULL ? VERIFY_HIDDEN : verify_place_of(change->before, name->before);
        name->place_after =
            name->after == NULL ? VERIFY_HIDDEN : verify_place_of(after, name->after);
    }
}

/* NSEC. */

static void check_nsec_link(struct verify_worker *worker, const struct zone_node *node,
                            enum verify_place place)
{
    struct nsec nsec;
    if (verify_nsec_read(worker, node, place, &nsec)) {
        verify_nsec_next(worker, verify_order(worker), node, &nsec,
                         verify_chain_after(worker->run->zone, node));
    }
}

static void check_nsec(struct verify_worker *worker, const struct affected *name)
{
    const struct zone *zone = worker->run->zone;
    bool was_in_chain = verify_is_in_chain(name->place_before);
    bool is_in_chain = verify_is_in_chain(name->place_after);
    if (is_in_chain) {
        check_nsec_link(worker, name->after, name->place_after);
    } else if (name->after != NULL) {
        verify_nsec_hidden(worker, name->after);
    }
    if (was_in_chain != is_in_chain) {
        const struct zone_node *last = verify_chain_before(zone, name->name);
        if (last != NULL) {
            check_nsec_link(worker, last, verify_place_of(zone, last));
        }
    }
}

/* All together. */

static void check_piece(struct verify_worker *worker, void *user, size_t piece)
{
    const struct change *change = user;
    const struct verify_run *run = worker->run;
    size_t from = piece * VERIFY_PIECE_NAMES;
    for (size_t i = from; i < change->count && i < from + VERIFY_PIECE_NAMES; i++) {
        const struct affected *name = &change->names[i];
        if (name->after != NULL) {
            verify_name(worker, name->after, name->place_after, name->before);
        }
        if (run->has_nsec) {
            check_nsec(worker, name);
        } else {
            verify_change_record(worker, change, name);
        }
        bool was_name = name->before != NULL && name->place_before != VERIFY_HASHED;
        bool is_name = name->after != NULL && name->place_after != VERIFY_HASHED;
        if (!run->has_nsec && (was_name || is_name)) {
            verify_change_existence(worker, change, name);
        }
    }
}

static void check_names(struct change *change)
{
    struct verify_run *run = change->run;
    size_t count = (change->count + VERIFY_PIECE_NAMES - 1) / VERIFY_PIECE_NAMES;
    change->faults = arena_take_array(&run->arena, count, sizeof(struct verify_fault *));
    if (change->faults == NULL) {
        change->status = NO_MEMORY;
        return;
    }
    const struct verify_pieces pieces = {
        .check = check_piece, .user = change, .count = count, .faults = change->faults};
    verify_spread(run, &pieces);
    run->workers[0].faults = &run->own_faults;
    for (unsigned i = 0; i < run->worker_count; i++) {
        change->status = change->status == OK ? run->workers[i].status : change->status;
    }
}

/* RRSIGs by key: those before, without those of the touched names, and theirs now. */

static void count_rrsigs(const struct zone_node *node, struct zone_verify_key *keys, size_t count)
{
    for (uint16_t i = 0; node != NULL && i < node->rrset_count; i++) {
        struct span rdata;
        const struct rrset *rrset = &node->rrsets[i];
        for (struct rrset_cursor cursor = rrset_first(rrset);
             rrset->type == TYPE_RRSIG && rrset_next(&cursor, &rdata);) {
            struct rrsig rrsig;
            if (rrsig_read(rdata, &rrsig) != OK) {
                continue;
            }
            for (size_t j = 0; j < count; j++) {
                keys[j].rrsigs += keys[j].tag == rrsig.tag && keys[j].algorithm == rrsig.algorithm;
            }
        }
    }
}

/* False when a key went that signatures of names untouched are by. */
static bool count_keys(const struct change *change)
{
    const struct verify_run *run = change->run;
    const struct zone_verify_report *before = run->options->before_report;
    struct zone_verify_report *report = run->report;
    if (before == NULL || before->key_count == 0) {
        report->key_count = 0; /* not known */
        return true;
    }
    struct zone_verify_key gone[ZONE_VERIFY_KEYS_MAX];
    memcpy(gone, before->keys, before->key_count * sizeof *gone);
    for (size_t i = 0; i < before->key_count; i++) {
        gone[i].rrsigs = 0;
    }
    for (size_t i = 0; i < change->count; i++) {
        count_rrsigs(change->names[i].before, gone, before->key_count);
    }
    for (size_t i = 0; i < before->key_count; i++) {
        size_t left = before->keys[i].rrsigs - gone[i].rrsigs;
        bool stays = false;
        for (size_t j = 0; j < report->key_count; j++) {
            if (report->keys[j].tag == gone[i].tag &&
                report->keys[j].algorithm == gone[i].algorithm) {
                report->keys[j].rrsigs = left;
                stays = true;
            }
        }
        if (!stays && left != 0) {
            return false;
        }
    }
    return true;
}

/* In canonical order, each once: what is wrong with a name may be seen from its neighbours too. */

struct told {
    const struct verify_fault *fault;
    size_t index;
};

static int compare_told(const void *a, const void *b)
{
    const struct told *one = a;
    const struct told *other = b;
    int order = name_compare(one->fault->owner, other->fault->owner);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

static bool is_repeated(const struct told *told, size_t at)
{
    for (size_t i = at; i-- > 0 && name_equal(told[i].fault->owner, told[at].fault->owner);) {
        if (strcmp(told[i].fault->problem.sentence, told[at].fault->problem.sentence) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_faults(struct change *change)
{
    struct verify_run *run = change->run;
    size_t piece_count = (change->count + VERIFY_PIECE_NAMES - 1) / VERIFY_PIECE_NAMES;
    size_t count = 0;
    for (size_t i = 0; i < piece_count; i++) {
        for (const struct verify_fault *each = change->faults[i]; each != NULL; each = each->next) {
            count++;
        }
    }
    struct told *told = arena_take_array(&run->arena, count, sizeof *told);
    if (told == NULL) {
        change->status = NO_MEMORY;
        return;
    }
    count = 0;
    for (size_t i = 0; i < piece_count; i++) {
        for (const struct verify_fault *each = change->faults[i]; each != NULL; each = each->next) {
            told[count] = (struct told){each, count};
            count++;
        }
    }
    qsort(told, count, sizeof *told, compare_told);
    for (size_t i = 0; i < count; i++) {
        if (!is_repeated(told, i)) {
            struct verify_fault single = *told[i].fault;
            single.next = NULL;
            verify_tell(run, &single);
        }
    }
}

static bool decide(struct change *change)
{
    struct verify_run *run = change->run;
    if (!is_comparable(change)) {
        return false;
    }
    collect_names(change);
    if (change->status == OK && !run->has_nsec) {
        verify_change_hashes(change);
    }
    if (change->status == OK) {
        check_names(change);
    }
    if (change->status != OK || atomic_load(&run->is_undecided) || !count_keys(change)) {
        return false;
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        run->report->rrsigs_checked += run->workers[i].counts.rrsigs_checked;
        for (size_t j = 0; j < run->report->key_count; j++) {
            run->report->keys[j].rrsigs += run->workers[i].counts.keys[j].rrsigs;
        }
    }
    tell_faults(change);
    return true;
}

bool verify_change(struct verify_run *run)
{
    struct change change = {.run = run, .before = run->options->before};
    bool is_decided = decide(&change);
    free(change.names);
    free(change.hashes);
    if (change.status != OK) {
        verify_fail(&run->workers[0], change.status);
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        run->workers[i].counts = (struct zone_verify_report){0};
        arena_reset(&run->workers[i].arena);
    }
    return is_decided;
}
