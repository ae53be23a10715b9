/* How the lab's keys come about: a keystore for each zone on the disk of a simulated machine that
 * never runs. */
#include "scenario/lab_keys.h"

#include "core/base/text.h"
#include "core/keys/keystore.h"
#include "world/sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_LEN_MAX = 1 << 16, ARENA_MAX = 1 << 20 };

static const char *const zones[LAB_ZONE_COUNT] = {".", "com.", "example.com.", "stray.example."};

struct lab_keys {
    struct sim *sim;
    struct disk disks[LAB_ZONE_COUNT];
    uint8_t entries[LAB_ZONE_COUNT][KEYSTORE_RDATA_MAX];
    size_t entry_lens[LAB_ZONE_COUNT];
};

const char *lab_zone_text(enum lab_zone zone)
{
    return zones[zone];
}

static struct name zone_name(enum lab_zone zone, struct name_buffer *buffer)
{
    struct name name;
    enum status status = name_parse(span_of_text(zones[zone]), NULL, buffer, &name, NULL);
    require(status == OK);
    return name;
}

static const struct keystore_order orders[] = {
    {.role = KEYSTORE_KSK, .algorithm = ALGORITHM_ED25519, .now_s = LAB_WALL_S},
    {.role = KEYSTORE_ZSK, .algorithm = ALGORITHM_ED25519, .now_s = LAB_WALL_S},
};

static void zone_make(struct lab_keys *keys, enum lab_zone zone)
{
    struct name_buffer buffer;
    struct keystore store;
    struct problem problem = {0};
    const struct disk *disk = &keys->disks[zone];
    enum status status = keystore_open(disk, NULL, zone_name(zone, &buffer), &store, &problem);
    for (size_t i = 0; i < LEN(orders) && status == OK; i++) {
        status = keystore_generate(&store, disk, &orders[i], &problem);
    }
    require(status == OK && store.count == 2);
    const struct keystore_key *entry = store.keys[store.keys[0]->role == KEYSTORE_KSK ? 0 : 1];
    memcpy(keys->entries[zone], entry->rdata, entry->rdata_len);
    keys->entry_lens[zone] = entry->rdata_len;
    keystore_close(&store);
}

struct lab_keys *lab_keys_open(void)
{
    static const struct sim_options options = {.wall_s = LAB_WALL_S};
    struct lab_keys *keys = calloc(1, sizeof *keys);
    require(keys != NULL);
    keys->sim = sim_open(&options);
    size_t node = sim_add_node(keys->sim, "keys", (struct sim_life){0});
    for (size_t i = 0; i < LAB_ZONE_COUNT; i++) {
        keys->disks[i] = sim_disk(keys->sim, node, zones[i]);
        zone_make(keys, (enum lab_zone)i);
    }
    return keys;
}

void lab_keys_close(struct lab_keys *keys)
{
    sim_close(keys->sim);
    free(keys);
}

struct copying {
    const struct disk *from, *to;
};

static void copy_file(void *user, const char *name)
{
    const struct copying *copying = user;
    struct arena arena;
    struct span content;
    arena_open(&arena, ARENA_MAX);
    enum status status =
        copying->from->read(copying->from->self, name, FILE_LEN_MAX, &arena, &content);
    status = status == OK ? copying->to->replace_secret(copying->to->self, name, content) : status;
    require(status == OK);
    arena_close(&arena);
}

void lab_keys_copy(const struct lab_keys *keys, enum lab_zone zone, const struct disk *to)
{
    struct copying copying = {&keys->disks[zone], to};
    enum status status = copying.from->list(copying.from->self, "", copy_file, &copying);
    require(status == OK);
}

struct span lab_keys_entry(const struct lab_keys *keys, enum lab_zone zone)
{
    return span_of(keys->entries[zone], keys->entry_lens[zone]);
}

void lab_keys_print_public(const struct lab_keys *keys, enum lab_zone zone,
                           char text[LAB_KEY_TEXT_SIZE])
{
    struct dnskey dnskey;
    enum status status = dnskey_read(lab_keys_entry(keys, zone), &dnskey);
    struct writer writer = writer_over(text, LAB_KEY_TEXT_SIZE - 1);
    text_write_base64(&writer, dnskey.public_key);
    require(status == OK && writer.status == OK);
    text[writer.len] = '\0';
}

void lab_keys_print_ds(const struct lab_keys *keys, enum lab_zone zone,
                       char text[LAB_KEY_TEXT_SIZE])
{
    uint8_t bytes[KEYSTORE_RDATA_MAX];
    struct name_buffer buffer;
    struct ds ds;
    struct writer rdata = writer_over(bytes, sizeof bytes);
    enum status status =
        ds_make(zone_name(zone, &buffer), lab_keys_entry(keys, zone), DS_DIGEST_SHA256, &rdata);
    status = status == OK ? ds_read(writer_written(&rdata), &ds) : status;
    struct writer writer = writer_over(text, LAB_KEY_TEXT_SIZE - 1);
    writer_print(&writer, "%u %u %u ", ds.tag, ds.algorithm, ds.digest_type);
    text_write_base16(&writer, ds.digest);
    require(status == OK && writer.status == OK);
    text[writer.len] = '\0';
}
