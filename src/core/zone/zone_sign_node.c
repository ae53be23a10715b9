/* One node of the signed version: what it owns, which of its signatures stood before and still
 * serve, and which are made, in batches. */
#include "core/zone/zone_sign_part.h"

#include "core/dnssec/canonical.h"

#include <string.h>

enum {
    WORKER_ARENA_MAX = 1 << 30, /* RRsets of 65,535 records and their canonical form */
    GROUP_BYTES_MAX = 1 << 20   /* a group is finished when it holds more */
};

/* RFC 8078 §6: CDS and CDNSKEY as DNSKEY; but not another zone's that are shown here. */
static bool key_signs(const struct sign_run *run, const struct zone_key *key,
                      const struct rrset *rrset)
{
    uint16_t type = rrset->type;
    bool is_key_set = type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
    return is_key_set && rrset->owner.label_count == run->apex.label_count ? key->signs_keys
                                                                           : key->signs_zone;
}

enum status sign_workers_open(struct sign_run *run)
{
    unsigned width = run->parallel->width;
    run->workers = arena_take_array(&run->arena, width, sizeof run->workers[0]);
    for (unsigned i = 0; run->workers != NULL && i < width; i++) {
        run->workers[i].run = run;
        atomic_init(&run->workers[i].is_taken, false);
        arena_open(&run->workers[i].arena, WORKER_ARENA_MAX);
    }
    return run->workers == NULL ? NO_MEMORY : OK;
}

void sign_workers_close(struct sign_run *run)
{
    for (unsigned i = 0; run->workers != NULL && i < run->parallel->width; i++) {
        struct sign_worker *worker = &run->workers[i];
        for (size_t j = 0; j < ZONE_KEYS_MAX; j++) {
            key_close(worker->keys[j]);
        }
        if (worker->sha1 != NULL && digest_close(worker->sha1, NULL) != OK) {
            worker->sha1 = NULL; /* nothing was asked of it any more */
        }
        arena_close(&worker->arena);
    }
    run->workers = NULL;
}

static enum status worker_fail(const struct sign_worker *worker)
{
    const struct zone_key *key = worker->failed_key;
    struct problem *problem = worker->run->problem;
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    if (key != NULL && problem != NULL && problem->status == OK) {
        problem_set(problem, worker->status,
                    "%s: key %u of algorithm %s (%s) did not sign %s of %s: %s",
                    name_print(worker->run->apex, zone), key->signing.dnskey.tag,
                    algorithm_find(key->signing.dnskey.algorithm)->mnemonic,
                    key_backend_name(key->signing.key), type_print(worker->failed_type, type),
                    name_print(worker->failed_owner, owner), status_text(worker->status));
    }
    return worker->status;
}

enum status sign_workers_status(const struct sign_run *run)
{
    for (unsigned i = 0; i < run->parallel->width; i++) {
        if (run->workers[i].status != OK) {
            return worker_fail(&run->workers[i]);
        }
    }
    return OK;
}

struct sign_worker *sign_worker_take(struct sign_run *run)
{
    for (unsigned i = 0; i < run->parallel->width; i++) {
        if (!atomic_exchange_explicit(&run->workers[i].is_taken, true, memory_order_acquire)) {
            return &run->workers[i];
        }
    }
    require(!"more pieces run at the same time than were promised");
    return NULL;
}

struct digest_stream *sign_worker_sha1(struct sign_worker *worker)
{
    if (worker->sha1 == NULL && digest_open(DIGEST_SHA1, &worker->sha1) != OK) {
        worker->sha1 = NULL;
    }
    return worker->sha1;
}

static bool rrset_is_same(const struct rrset *a, const struct rrset *b)
{
    return a != NULL && b != NULL && a->type == b->type && a->covers == b->covers &&
           a->ttl_s == b->ttl_s &&
           span_equal(span_of(a->rdata, a->rdata_len), span_of(b->rdata, b->rdata_len));
}

/* The signature by that key which stands in the version before and has life left; false if none. */
static bool rrsig_find_reusable(const struct sign_run *run, const struct rrset *rrsigs,
                                const struct zone_key *key, uint32_t ttl_s, struct span *found)
{
    int64_t now_s = run->input->now_s;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) != OK || rrsig.tag != key->signing.dnskey.tag ||
            rrsig.algorithm != key->signing.dnskey.algorithm) {
            continue;
        }
        int64_t expiration_s = rrsig_time_s(rrsig.expiration_s, now_s);
        int64_t inception_s = rrsig_time_s(rrsig.inception_s, now_s);
        if (expiration_s - now_s > run->policy.refresh_s && inception_s <= now_s &&
            rrsig.original_ttl_s == ttl_s && name_equal(rrsig.signer, run->apex)) {
            *found = rdata;
            return true;
        }
    }
    return false;
}

/* Would an RRset that has not changed get the very signatures that stand? */
static bool rrsigs_all_serve(const struct sign_run *run, const struct rrset *rrset,
                             const struct rrset *standing)
{
    size_t count = 0;
    for (size_t i = 0; standing != NULL && i < run->input->key_count; i++) {
        const struct zone_key *key = &run->input->keys[i];
        struct span rdata;
        if (!key_signs(run, key, rrset)) {
            continue;
        }
        if (!run->was_published[i] ||
            !rrsig_find_reusable(run, standing, key, rrset->ttl_s, &rdata)) {
            return false;
        }
        count++;
    }
    return standing != NULL && count == standing->count;
}

/* One RRSIG of an RRset on its way. */
struct rrsig_part {
    struct span rdata;
    size_t key_index;
    bool is_made; /* its signature is still blank */
};

/* An RRSIG with a blank signature. */
static enum status part_make(struct sign_worker *worker, const struct rrset *rrset,
                             struct rrsig_part *part)
{
    const struct sign_run *run = worker->run;
    const struct zone_key *key = &run->input->keys[part->key_index];
    /* Spread by what is signed, so that not everything is due at once, and the same each time. */
    uint32_t early_s =
        (uint32_t)(name_hash(rrset->owner, rrset->type) % (run->policy.jitter_s + 1ULL));
    struct sign_times times = {
        .inception_s = run->input->now_s - run->policy.inception_offset_s,
        .expiration_s = run->input->now_s + run->policy.validity_s - early_s,
    };
    size_t len = 18U + run->apex.len + key_signature_len(key->signing.key);
    uint8_t *bytes = arena_take(&worker->arena, len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer prefix = writer_over(bytes, len);
    sign_write_prefix(rrset, run->apex, &key->signing.dnskey, times, &prefix);
    part->rdata = span_of(bytes, len);
    part->is_made = true;
    return prefix.status;
}

/* What a key did not sign, or the first of what it was asked together: its message tells. */
static void worker_note_failure(struct sign_worker *worker, size_t key_index)
{
    struct reader message = reader_over(worker->signings[key_index][0].message);
    worker->failed_key = &worker->run->input->keys[key_index];
    worker->failed_type = reader_u16(&message);
    (void)reader_span(&message, 16U + worker->run->apex.len);
    name_copy_to(name_read(&message), &worker->failed_buffer, &worker->failed_owner);
}

static enum status worker_sign(struct sign_worker *worker, size_t key_index)
{
    struct key **key = &worker->keys[key_index];
    size_t count = worker->signing_counts[key_index];
    enum status status = OK;
    if (count > 0 && *key == NULL) {
        status = key_share(worker->run->input->keys[key_index].signing.key, key);
        *key = status == OK ? *key : NULL;
    }
    if (count > 0 && status == OK) {
        status = key_sign_batch(*key, worker->signings[key_index], count);
    }
    if (status != OK) {
        worker_note_failure(worker, key_index);
    }
    worker->signing_counts[key_index] = 0;
    return status;
}

/* Asks for the signature of `rrsig`, whose octets behind the prefix are still blank. */
static enum status part_sign(struct sign_worker *worker, const struct rrset *rrset,
                             size_t key_index, uint8_t *rrsig)
{
    size_t prefix_len = 18U + worker->run->apex.len;
    size_t size = prefix_len + canonical_len(rrset);
    uint8_t *bytes = arena_take(&worker->arena, size);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer message = writer_over(bytes, size);
    writer_span(&message, span_of(rrsig, prefix_len));
    canonical_write(rrset, rrset->ttl_s, &message);
    if (message.status != OK) {
        return message.status;
    }
    size_t at = worker->signing_counts[key_index]++;
    worker->signings[key_index][at] =
        (struct key_signing){writer_written(&message), rrsig + prefix_len};
    worker->rrsigs_made++;
    return at + 1 == SIGN_BATCH_MAX ? worker_sign(worker, key_index) : OK;
}

/* Puts the parts in order (keys differ in tag or algorithm, so it does not hang on a signature that
 * is still blank) and asks for what is missing. */
static enum status parts_join(struct sign_worker *worker, const struct rrset *rrset,
                              struct rrsig_part *parts, size_t count, struct rrset *rrsigs)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        struct rrsig_part part = parts[i];
        size_t at = i;
        for (; at > 0 && span_compare(parts[at - 1].rdata, part.rdata) > 0; at--) {
            parts[at] = parts[at - 1];
        }
        parts[at] = part;
        len += 2 + part.rdata.len;
    }
    uint8_t *bytes = arena_take(&worker->arena, len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    *rrsigs = (struct rrset){.owner = rrset->owner,
                             .type = TYPE_RRSIG,
                             .covers = rrset->type,
                             .class_ = CLASS_IN,
                             .count = (uint16_t)count,
                             .ttl_s = rrset->ttl_s,
                             .rdata_len = (uint32_t)len,
                             .rdata = bytes};
    struct writer writer = writer_over(bytes, len);
    enum status status = OK;
    for (size_t i = 0; status == OK && i < count; i++) {
        writer_u16(&writer, (uint16_t)parts[i].rdata.len);
        uint8_t *rrsig = bytes + writer.len;
        writer_span(&writer, parts[i].rdata);
        worker->rrsigs_kept += !parts[i].is_made;
        if (parts[i].is_made) {
            status = part_sign(worker, rrset, parts[i].key_index, rrsig);
        }
    }
    return status;
}

/* The RRSIGs of an RRset; `standing`, those of before when the RRset is the same, serve again. */
static enum status rrsigs_make(struct sign_worker *worker, const struct rrset *rrset,
                               const struct rrset *standing, struct rrset *rrsigs)
{
    const struct sign_run *run = worker->run;
    struct rrsig_part parts[ZONE_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < run->input->key_count; i++) {
        const struct zone_key *key = &run->input->keys[i];
        if (!key_signs(run, key, rrset)) {
            continue;
        }
        struct rrsig_part *part = &parts[count++];
        *part = (struct rrsig_part){.key_index = i};
        bool is_kept = standing != NULL && run->was_published[i] &&
                       rrsig_find_reusable(run, standing, key, rrset->ttl_s, &part->rdata);
        enum status status = is_kept ? OK : part_make(worker, rrset, part);
        if (status != OK) {
            return status;
        }
    }
    return parts_join(worker, rrset, parts, count, rrsigs);
}

/* What a node owns without signatures, by type. */
struct owned {
    struct rrset *rrsets;
    size_t count;
};

static void owned_insert(struct owned *owned, const struct rrset *rrset)
{
    size_t at = owned->count++;
    for (; at > 0 && owned->rrsets[at - 1].type > rrset->type; at--) {
        owned->rrsets[at] = owned->rrsets[at - 1];
    }
    owned->rrsets[at] = *rrset;
}

static bool is_apex(const struct sign_run *run, const struct zone_node *data)
{
    return data != NULL && data->owner.label_count == run->apex.label_count;
}

/* Without the record of the denial chain, for which there is room. */
static enum status owned_collect(struct sign_worker *worker, const struct zone_node *data,
                                 struct owned *owned)
{
    const struct sign_run *run = worker->run;
    size_t size = (data == NULL ? 0U : data->rrset_count) + SIGN_APEX_RRSETS_MAX + 2U;
    owned->count = 0;
    owned->rrsets = arena_take_array(&worker->arena, size, sizeof owned->rrsets[0]);
    if (owned->rrsets == NULL) {
        return NO_MEMORY;
    }
    bool is_at_apex = is_apex(run, data);
    for (uint16_t i = 0; data != NULL && i < data->rrset_count; i++) {
        uint16_t type = data->rrsets[i].type;
        bool is_replaced = is_at_apex && (type == TYPE_CDS || type == TYPE_CDNSKEY ||
                                          (type == TYPE_CSYNC && run->policy.has_csync));
        if (is_replaced || chain_is_made(data->owner, type)) {
            continue;
        }
        bool is_soa = is_at_apex && type == TYPE_SOA;
        owned->rrsets[owned->count++] = is_soa ? run->soa : data->rrsets[i];
    }
    for (size_t i = 0; is_at_apex && i < run->apex_rrset_count; i++) {
        owned_insert(owned, &run->apex_rrsets[i]);
    }
    return OK;
}

static enum status owned_types(struct sign_worker *worker, const struct owned *owned,
                               bool has_zonemd, struct chain_types *types)
{
    types->types = arena_take_array(&worker->arena, owned->count + 3, sizeof types->types[0]);
    if (types->types == NULL) {
        return NO_MEMORY;
    }
    types->count = 0;
    for (size_t i = 0; i < owned->count; i++) {
        types->types[types->count++] = owned->rrsets[i].type;
    }
    if (has_zonemd) {
        types->types[types->count++] = TYPE_ZONEMD;
    }
    return OK;
}

enum status sign_worker_types(struct sign_worker *worker, const struct zone_node *data,
                              enum chain_place place, struct chain_types *types)
{
    struct owned owned;
    enum status status = owned_collect(worker, data, &owned);
    types->place = place;
    bool has_zonemd = worker->run->policy.has_zonemd && is_apex(worker->run, data);
    return status == OK ? owned_types(worker, &owned, has_zonemd, types) : status;
}

/* An RRset of one record, in the worker's arena. */
static enum status owned_add_record(struct sign_worker *worker, struct owned *owned, uint16_t type,
                                    struct span rdata)
{
    uint8_t *bytes = arena_take(&worker->arena, rdata.len + 2);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer writer = writer_over(bytes, rdata.len + 2);
    writer_u16(&writer, (uint16_t)rdata.len);
    writer_span(&writer, rdata);
    struct rrset rrset = {.type = type,
                          .class_ = CLASS_IN,
                          .count = 1,
                          .ttl_s = worker->run->denial_ttl_s,
                          .rdata_len = (uint32_t)writer.len,
                          .rdata = bytes};
    owned_insert(owned, &rrset);
    return OK;
}

static enum status owned_add_denial(struct sign_worker *worker, const struct sign_want *want,
                                    struct owned *owned)
{
    if (want->nsec3.len != 0) {
        return owned_add_record(worker, owned, TYPE_NSEC3, want->nsec3);
    }
    if (want->next.len == 0) {
        return OK;
    }
    struct chain_types types = {.place = want->place};
    bool has_zonemd = worker->run->policy.has_zonemd && is_apex(worker->run, want->data);
    enum status status = owned_types(worker, owned, has_zonemd, &types);
    if (status != OK) {
        return status;
    }
    uint8_t bytes[NAME_LEN_MAX + CHAIN_BITMAP_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    chain_write_nsec(want->next, &types, &rdata);
    return rdata.status != OK ? rdata.status
                              : owned_add_record(worker, owned, TYPE_NSEC, writer_written(&rdata));
}

/* The SOA and ZONEMD get their last form, and their signatures, when all else is done. */
static bool is_left_for_later(const struct sign_run *run, const struct rrset *rrset)
{
    uint16_t type = rrset->type == TYPE_RRSIG ? rrset->covers : rrset->type;
    return (rrset->type == TYPE_RRSIG && type == TYPE_SOA) ||
           (type == TYPE_ZONEMD && run->policy.has_zonemd);
}

/* Is the apex of before right also in what is left for later? */
static bool later_is_as_before(const struct sign_run *run, const struct zone_node *before)
{
    const struct rrset *zonemd = zone_node_rrset(before, TYPE_ZONEMD);
    bool is_good = rrsigs_all_serve(run, &run->soa, zone_node_rrsigs(before, TYPE_SOA));
    if (run->policy.has_zonemd) {
        is_good = is_good && zonemd != NULL &&
                  rrsigs_all_serve(run, zonemd, zone_node_rrsigs(before, TYPE_ZONEMD));
    }
    return is_good;
}

static bool node_is_as_before(const struct sign_run *run, const struct sign_node *node)
{
    const struct zone_node *before = node->want.before;
    if (before == NULL) {
        return node->count == 0;
    }
    uint16_t at = 0;
    bool is_at_apex = before->owner.label_count == run->apex.label_count;
    for (uint16_t i = 0; i < before->rrset_count; i++) {
        if (is_at_apex && is_left_for_later(run, &before->rrsets[i])) {
            continue;
        }
        if (at == node->count || !rrset_is_same(&node->rrsets[at], &before->rrsets[i])) {
            return false;
        }
        at++;
    }
    return at == node->count && (!is_at_apex || later_is_as_before(run, before));
}

/* RRsets and their signatures in order: RRSIG is a type between them. */
static enum status node_fill(struct sign_worker *worker, const struct owned *owned,
                             struct sign_node *node)
{
    const struct sign_want *want = &node->want;
    node->rrsets = arena_take_array(&worker->arena, 2 * owned->count + 1, sizeof node->rrsets[0]);
    if (node->rrsets == NULL) {
        return NO_MEMORY;
    }
    size_t at = 0;
    for (; at < owned->count && owned->rrsets[at].type < TYPE_RRSIG; at++) {
        node->rrsets[node->count++] = owned->rrsets[at];
    }
    for (size_t i = 0; i < owned->count; i++) {
        struct rrset *rrset = &owned->rrsets[i];
        bool is_soa = rrset->type == TYPE_SOA && is_apex(worker->run, want->data);
        if (is_soa || !chain_signs(want->place, rrset->type)) {
            continue;
        }
        rrset->owner = want->owner;
        const struct rrset *standing =
            want->before == NULL ? NULL : zone_node_rrset(want->before, rrset->type);
        bool is_same = rrset_is_same(rrset, standing);
        enum status status =
            rrsigs_make(worker, rrset, is_same ? zone_node_rrsigs(want->before, rrset->type) : NULL,
                        &node->rrsets[node->count++]);
        if (status != OK) {
            return status;
        }
    }
    for (; at < owned->count; at++) {
        node->rrsets[node->count++] = owned->rrsets[at];
    }
    return OK;
}

static enum status node_make(struct sign_worker *worker, struct sign_node *node)
{
    struct owned owned;
    enum status status = owned_collect(worker, node->want.data, &owned);
    if (status == OK) {
        status = owned_add_denial(worker, &node->want, &owned);
    }
    if (status == OK && owned.count > UINT16_MAX / 2) {
        status = LIMIT_REACHED;
    }
    size_t data_count = node->want.data == NULL ? 0 : node->want.data->rrset_count;
    if (status == OK) {
        status = node_fill(worker, &owned, node);
    }
    /* Nothing was left out, nothing came, nothing is signed. */
    node->is_as_data = data_count == owned.count && node->count == owned.count &&
                       !is_apex(worker->run, node->want.data);
    node->is_as_before = status == OK && node_is_as_before(worker->run, node);
    return status;
}

/* The entry of a node whose signatures are made. */
static enum status node_pack(struct sign_node *node)
{
    const struct sign_want *want = &node->want;
    struct zone_entry *entry;
    if (node->count == 0) {
        *node->slot = (struct zone_bulk_item){.entry = NULL};
        return OK;
    }
    if (node->is_as_before) {
        entry = zone_entry_hold(want->before);
    } else if (node->is_as_data) {
        entry = zone_entry_hold(want->data);
    } else {
        uint8_t key[NAME_KEY_MAX];
        struct span own = want->data != NULL     ? zone_entry_key(zone_entry_of(want->data))
                          : want->before != NULL ? zone_entry_key(zone_entry_of(want->before))
                                                 : span_of(key, name_key(want->owner, key));
        entry = zone_bulk_entry(want->owner, own, node->rrsets, node->count);
    }
    if (entry == NULL) {
        return NO_MEMORY;
    }
    *node->slot = zone_bulk_item_of(entry);
    return OK;
}

static void worker_finish_group(struct sign_worker *worker)
{
    for (size_t i = 0; worker->status == OK && i < worker->run->input->key_count; i++) {
        worker->status = worker_sign(worker, i);
    }
    for (size_t i = 0; i < worker->node_count; i++) {
        struct sign_node *node = &worker->nodes[i];
        if (worker->status == OK) {
            worker->status = node_pack(node);
        }
        if (node->want.lets_go) {
            zone_entry_release(zone_entry_of(node->want.data));
        }
    }
    const struct zone_sign_input *input = worker->run->input;
    if (input->passed != NULL && worker->node_count > 0) {
        input->passed(input->passed_user, worker->node_count);
    }
    worker->node_count = 0;
    arena_reset(&worker->arena);
}

void sign_worker_add(struct sign_worker *worker, const struct sign_want *want,
                     struct zone_bulk_item *slot)
{
    struct sign_node *node = &worker->nodes[worker->node_count++];
    *node = (struct sign_node){.want = *want, .slot = slot};
    if (worker->status == OK) {
        worker->status = node_make(worker, node);
        worker->is_changed = worker->is_changed || !node->is_as_before;
        worker->nodes_before += want->before != NULL;
    }
    if (worker->node_count == SIGN_GROUP_MAX || worker->arena.taken > GROUP_BYTES_MAX) {
        worker_finish_group(worker);
    }
}

void sign_worker_give(struct sign_worker *worker)
{
    worker_finish_group(worker);
    atomic_store_explicit(&worker->is_taken, false, memory_order_release);
}

enum status sign_worker_rrsigs(struct sign_worker *worker, const struct rrset *rrset,
                               struct rrset *rrsigs)
{
    enum status status = rrsigs_make(worker, rrset, NULL, rrsigs);
    for (size_t i = 0; status == OK && i < worker->run->input->key_count; i++) {
        status = worker_sign(worker, i);
    }
    worker->status = status;
    return status == OK ? OK : worker_fail(worker);
}
