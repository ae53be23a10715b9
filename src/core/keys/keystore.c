/* Knows the files of a zone's keys: NAME.keys (the list: a line a key with tag, algorithm, role,
 * state, since, leaves), and for each key NAME.+ALG+TAG.private and .key as BIND names and writes
 * them. */
#include "core/keys/keystore.h"

#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "core/zone/zone_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LEN_MAX = 16384, PRIVATE_LEN_MAX = 16384, TRIES_MAX = 64, HSM_PAIR_ID_LEN = 16 };

static const char *const role_texts[] = {"KSK", "ZSK", "CSK"};
static const char *const state_texts[] = {"active", "leaving"};

const char *keystore_role_text(enum keystore_role role)
{
    return role_texts[role];
}

enum status keystore_role_read(struct span text, enum keystore_role *role)
{
    for (size_t i = 0; i < LEN(role_texts); i++) {
        if (span_equal_nocase(text, span_of_text(role_texts[i]))) {
            *role = (enum keystore_role)i;
            return OK;
        }
    }
    return NOT_FOUND;
}

struct dnskey keystore_dnskey(const struct keystore_key *key)
{
    struct dnskey dnskey = {0};
    enum status status = dnskey_read(span_of(key->rdata, key->rdata_len), &dnskey);
    require(status == OK);
    return dnskey;
}

/* What the file of a pair is called by. */
struct key_label {
    uint8_t algorithm;
    uint16_t tag;
};

static const char *pair_file(struct name zone, uint8_t algorithm, uint16_t tag, const char *kind,
                             char text[KEYSTORE_NAME_MAX])
{
    char suffix[40];
    char base[ZONE_KEEP_NAME_MAX];
    snprintf(suffix, sizeof suffix, ".+%03u+%05u%s", algorithm, tag, kind);
    snprintf(text, KEYSTORE_NAME_MAX, "%s", zone_keep_name(zone, suffix, base));
    return text;
}

static const char *list_file(struct name zone, char text[ZONE_KEEP_NAME_MAX])
{
    return zone_keep_name(zone, ".keys", text);
}

static void key_free(struct keystore_key *key)
{
    key_close(key->key);
    free(key);
}

void keystore_close(struct keystore *store)
{
    for (size_t i = 0; i < store->count; i++) {
        key_free(store->keys[i]);
    }
    store->count = 0;
}

/* The DNSKEY record of a key whose pair and role are known. */
static void key_publish(struct keystore_key *key)
{
    struct writer rdata = writer_over(key->rdata, sizeof key->rdata);
    uint16_t flags = key->role == KEYSTORE_ZSK ? DNSKEY_FLAGS_ZSK : DNSKEY_FLAGS_KSK;
    dnskey_write(flags, key_algorithm(key->key), key_public(key->key), &rdata);
    require(rdata.status == OK);
    key->rdata_len = (uint16_t)rdata.len;
}

static struct span word_cut(struct reader *line)
{
    size_t from = line->at;
    while (reader_left(line) > 0 && line->bytes.bytes[line->at] != ' ') {
        line->at++;
    }
    struct span word = span_part(line->bytes, from, line->at - from);
    if (reader_left(line) > 0) {
        line->at++;
    }
    return word;
}

static enum status number_cut(struct reader *line, uint64_t max, uint64_t *number)
{
    return text_read_u64(word_cut(line), max, number);
}

/* Reads the pair's file into `key`, which is zeroed. */
static enum status pair_load(const struct disk *disk, const struct keystore *store,
                             struct key_label label, struct keystore_key *key,
                             struct problem *problem)
{
    struct arena secret;
    struct span text = SPAN_EMPTY;
    char name[KEYSTORE_NAME_MAX];
    arena_open(&secret, 2 * PRIVATE_LEN_MAX);
    enum status status =
        disk->read(disk->self, pair_file(store->zone, label.algorithm, label.tag, ".private", name),
                   PRIVATE_LEN_MAX, &secret, &text);
    if (status != OK) {
        problem_set(problem, status, "the private key file %.200s cannot be read: %s", name,
                    status_text(status));
    } else if (hsm_pair_is(text)) {
        key->is_in_hsm = true;
        status = hsm_pair_read(&key->pair, store->hsm, text, &key->key, problem);
    } else {
        status = key_read_private(text, &key->key, problem);
    }
    if (text.len > 0) {
        secret_wipe((void *)(uintptr_t)text.bytes, text.len);
    }
    arena_close(&secret);
    return status;
}

/* "TAG ALGORITHM ROLE STATE SINCE LEAVES" */
static enum status line_read(const struct disk *disk, struct keystore *store, struct span text,
                             struct problem *problem)
{
    struct reader line = reader_over(text);
    uint64_t tag, algorithm, since, leaves;
    enum keystore_role role;
    enum status status = number_cut(&line, UINT16_MAX, &tag);
    status = status == OK ? number_cut(&line, UINT8_MAX, &algorithm) : status;
    status = status == OK ? keystore_role_read(word_cut(&line), &role) : status;
    bool is_leaving = span_equal(word_cut(&line), span_of_text(state_texts[KEYSTORE_LEAVING]));
    status = status == OK ? number_cut(&line, INT64_MAX, &since) : status;
    status = status == OK ? number_cut(&line, INT64_MAX, &leaves) : status;
    if (status != OK || store->count == KEYSTORE_KEYS_MAX) {
        return problem_set(problem, MALFORMED, "the list of keys is damaged");
    }
    struct keystore_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for a key");
    }
    struct key_label label = {(uint8_t)algorithm, (uint16_t)tag};
    status = pair_load(disk, store, label, key, problem);
    if (status != OK) {
        key_free(key);
        return status;
    }
    key->role = role;
    key->since_s = (int64_t)since;
    key->state = is_leaving ? KEYSTORE_LEAVING : KEYSTORE_ACTIVE;
    key->leaves_at_s = (int64_t)leaves;
    key_publish(key);
    store->keys[store->count++] = key;
    return OK;
}

static enum status list_read(const struct disk *disk, struct keystore *store, struct span list,
                             struct problem *problem)
{
    enum status status = OK;
    size_t from = 0;
    for (size_t at = 0; at < list.len && status == OK; at++) {
        if (list.bytes[at] == '\n') {
            status = line_read(disk, store, span_part(list, from, at - from), problem);
            from = at + 1;
        }
    }
    return status;
}

enum status keystore_open(const struct disk *disk, const struct hsm *hsm, struct name zone,
                          struct keystore *store, struct problem *problem)
{
    store->count = 0;
    store->hsm = hsm;
    name_copy_to(zone, &store->buffer, &store->zone);
    char name[ZONE_KEEP_NAME_MAX];
    struct arena scratch;
    struct span list;
    arena_open(&scratch, 2 * LIST_LEN_MAX);
    enum status status =
        disk->read(disk->self, list_file(zone, name), LIST_LEN_MAX, &scratch, &list);
    if (status == OK) {
        status = list_read(disk, store, list, problem);
    } else if (status != NOT_FOUND) {
        problem_set(problem, status, "the list of keys %.200s cannot be read: %s", name,
                    status_text(status));
    } else {
        status = OK;
    }
    arena_close(&scratch);
    if (status != OK) {
        keystore_close(store);
    }
    return status;
}

enum status keystore_save(const struct keystore *store, const struct disk *disk)
{
    char bytes[LIST_LEN_MAX];
    char name[ZONE_KEEP_NAME_MAX];
    struct writer list = writer_over(bytes, sizeof bytes);
    for (size_t i = 0; i < store->count; i++) {
        const struct keystore_key *key = store->keys[i];
        struct dnskey dnskey = keystore_dnskey(key);
        writer_print(&list, "%u %u %s %s %lld %lld\n", dnskey.tag, dnskey.algorithm,
                     role_texts[key->role], state_texts[key->state], (long long)key->since_s,
                     (long long)key->leaves_at_s);
    }
    return list.status != OK
               ? list.status
               : disk->replace(disk->self, list_file(store->zone, name), writer_written(&list));
}

static enum status pair_save(const struct keystore *store, const struct disk *disk,
                             const struct keystore_key *key)
{
    char name[KEYSTORE_NAME_MAX];
    char bytes[PRIVATE_LEN_MAX];
    struct dnskey dnskey = keystore_dnskey(key);
    struct writer text = writer_over(bytes, sizeof bytes);
    enum status status = OK;
    if (key->is_in_hsm) {
        hsm_pair_write(&key->pair, dnskey.algorithm, &text);
        status = text.status;
    } else {
        status = key_write_private(key->key, &text);
    }
    if (status == OK) {
        pair_file(store->zone, dnskey.algorithm, dnskey.tag, ".private", name);
        status = disk->replace_secret(disk->self, name, writer_written(&text));
    }
    secret_wipe(bytes, sizeof bytes);
    if (status == OK) {
        text = writer_over(bytes, sizeof bytes);
        name_write_text(store->zone, &text);
        writer_text(&text, " IN DNSKEY ");
        rdata_write_text(TYPE_DNSKEY, dnskey.rdata, &text);
        writer_u8(&text, '\n');
        pair_file(store->zone, dnskey.algorithm, dnskey.tag, ".key", name);
        status = disk->replace(disk->self, name, writer_written(&text));
    }
    return status;
}

static bool has_tag(const struct keystore *store, const struct keystore_key *key)
{
    for (size_t i = 0; i < store->count; i++) {
        if (keystore_dnskey(store->keys[i]).tag == keystore_dnskey(key).tag) {
            return true;
        }
    }
    return false;
}

/* The name of a new pair in the module: no other has it. */
static void hsm_id_make(const struct keystore *store, const struct keystore_order *order, int tries,
                        uint8_t id[HSM_PAIR_ID_LEN])
{
    char text[64];
    uint8_t digest[DIGEST_LEN_MAX];
    int len = snprintf(text, sizeof text, "%u %u %lld %d", order->role, order->algorithm,
                       (long long)order->now_s, tries);
    const struct span parts[] = {span_of(store->zone.octets, store->zone.len),
                                 span_of(text, (size_t)len)};
    enum status status = digest_make(DIGEST_SHA256, parts, LEN(parts), digest);
    require(status == OK);
    memcpy(id, digest, HSM_PAIR_ID_LEN);
}

static enum status pair_generate(const struct keystore *store, const struct keystore_order *order,
                                 int tries, struct keystore_key *key, struct problem *problem)
{
    uint16_t bits = algorithm_find(order->algorithm)->bits_default;
    if (!order->is_in_hsm) {
        enum status status = key_generate(order->algorithm, bits, &key->key);
        return status == OK ? OK : problem_set(problem, status, "no key could be made");
    }
    if (store->hsm == NULL) {
        return problem_set(problem, UNSUPPORTED, "no HSM is configured; set its URI");
    }
    uint8_t id[HSM_PAIR_ID_LEN];
    hsm_id_make(store, order, tries, id);
    key->is_in_hsm = true;
    return hsm_pair_generate(&key->pair, store->hsm, order->algorithm, bits, span_of(id, sizeof id),
                             &key->key, problem);
}

/* A pair that is not taken leaves nothing behind in the module. */
static void key_drop(struct keystore_key *key)
{
    struct problem ignored = {0};
    if (key->key != NULL && key->is_in_hsm) {
        enum status status = hsm_pair_destroy(&key->pair, &ignored);
        (void)status;
    }
    key_free(key);
}

/* Two keys of a zone never share a tag: validators would try both. */
static enum status key_make(struct keystore *store, const struct keystore_order *order,
                            struct keystore_key **made, struct problem *problem)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct keystore_key *key = calloc(1, sizeof *key);
        if (key == NULL) {
            return problem_set(problem, NO_MEMORY, "no memory for a key");
        }
        enum status status = pair_generate(store, order, tries, key, problem);
        if (status == OK) {
            key->role = order->role;
            key->since_s = order->now_s;
            key_publish(key);
        }
        if (status == OK && !has_tag(store, key)) {
            *made = key;
            return OK;
        }
        key_drop(key);
        if (status != OK && status != EXISTS) {
            return status;
        }
    }
    return problem_set(problem, CRYPTO_FAILED, "no key with a free tag could be made");
}

static enum status check_room(const struct keystore *store, struct problem *problem)
{
    return store->count < KEYSTORE_KEYS_MAX
               ? OK
               : problem_set(problem, LIMIT_REACHED, "the zone has %d keys, the most there may be",
                             KEYSTORE_KEYS_MAX);
}

/* To disk and into the list; takes `key` over. */
static enum status key_take(struct keystore *store, const struct disk *disk,
                            struct keystore_key *key, struct problem *problem)
{
    enum status status = pair_save(store, disk, key);
    if (status == OK) {
        store->keys[store->count++] = key;
        status = keystore_save(store, disk);
        store->count -= status == OK ? 0 : 1;
    }
    if (status != OK) {
        key_drop(key);
        return problem_set(problem, status, "the new key cannot be kept on disk: %s",
                           status_text(status));
    }
    return OK;
}

enum status keystore_generate(struct keystore *store, const struct disk *disk,
                              const struct keystore_order *order, struct problem *problem)
{
    const struct algorithm *known = algorithm_find(order->algorithm);
    if (known == NULL || !known->can_sign) {
        return problem_set(problem, UNSUPPORTED, "algorithm %u is not one to sign with",
                           order->algorithm);
    }
    struct keystore_key *key = NULL;
    enum status status = check_room(store, problem);
    status = status == OK ? key_make(store, order, &key, problem) : status;
    return status == OK ? key_take(store, disk, key, problem) : status;
}

enum status keystore_import(struct keystore *store, const struct disk *disk,
                            struct span private_text, const struct keystore_order *order,
                            struct problem *problem)
{
    static const char FORMAT[] = "Private-key-format";
    struct keystore_key *key = calloc(1, sizeof *key);
    enum status status = check_room(store, problem);
    if (key == NULL || status != OK) {
        free(key);
        return status != OK ? status : problem_set(problem, NO_MEMORY, "no memory for a key");
    }
    bool is_binds = private_text.len > sizeof FORMAT &&
                    memcmp(private_text.bytes, FORMAT, sizeof FORMAT - 1) == 0;
    status = is_binds ? key_read_private(private_text, &key->key, problem)
                      : key_read_pem(private_text, order->algorithm, &key->key, problem);
    if (status != OK) {
        key_free(key);
        return status;
    }
    key->role = order->role;
    key->since_s = order->now_s;
    key_publish(key);
    if (has_tag(store, key)) {
        status = problem_set(problem, EXISTS, "its tag %u is that of another key of the zone",
                             keystore_dnskey(key).tag);
        key_free(key);
        return status;
    }
    return key_take(store, disk, key, problem);
}

enum status keystore_remove(struct keystore *store, const struct disk *disk, size_t index)
{
    require(index < store->count);
    struct keystore_key *key = store->keys[index];
    struct dnskey dnskey = keystore_dnskey(key);
    for (size_t i = index + 1; i < store->count; i++) {
        store->keys[i - 1] = store->keys[i];
    }
    store->count--;
    enum status status = keystore_save(store, disk);
    if (status == OK) { /* the files may stay behind after a crash; nobody reads them */
        char name[KEYSTORE_NAME_MAX];
        static const char *const kinds[] = {".private", ".key"};
        for (size_t i = 0; i < LEN(kinds); i++) {
            pair_file(store->zone, dnskey.algorithm, dnskey.tag, kinds[i], name);
            enum status ignored = disk->remove(disk->self, name);
            (void)ignored;
        }
        key_drop(key);
        return OK;
    }
    key_free(key);
    return status;
}

size_t keystore_zone_keys(const struct keystore *store, struct zone_key keys[KEYSTORE_KEYS_MAX])
{
    for (size_t i = 0; i < store->count; i++) {
        const struct keystore_key *key = store->keys[i];
        bool is_active = key->state == KEYSTORE_ACTIVE;
        keys[i] = (struct zone_key){.signing = {.key = key->key, .dnskey = keystore_dnskey(key)},
                                    .is_published = true,
                                    .signs_keys = is_active && key->role != KEYSTORE_ZSK,
                                    .signs_zone = is_active && key->role != KEYSTORE_KSK};
    }
    return store->count;
}
