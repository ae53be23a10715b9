/* Makes the namespace that resolvers are measured on: a root, "tld." below it and COUNT zones below
 * that, each signed with a P-256 key of its own, as zone files in FOLDER; the trust anchor; and the
 * questions, each name of each zone once, in an order that mixes the zones. "tld." can be given
 * more records, such as delegations of zones that somebody else has made. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/zone/zone_sign.h"
#include "core/zone/zonefile.h"

enum {
    NAMES_PER_ZONE = 5,
    TTL_S = 86400,
    VALIDITY_S = 30 * 86400,
    TEXT_SIZE = 256,
    RDATA_SIZE = 512,
    COUNT_MAX = 1000000,
};

struct hierarchy {
    const char *folder;
    unsigned count;
    int64_t now_s;
    struct zone_builder *tld; /* gets a delegation from each zone */
};

static void fail(const char *what)
{
    fprintf(stderr, "hierarchy: %s\n", what);
    exit(1);
}

static FILE *file_open(const struct hierarchy *hierarchy, const char *name)
{
    char path[TEXT_SIZE * 2];
    snprintf(path, sizeof path, "%s/%s", hierarchy->folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail(path);
    }
    return file;
}

static void write_piece(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

/* ------------------------------------------------------------------ records */

static struct name name_of(const char *text, struct name_buffer *buffer)
{
    struct name name;
    if (name_parse(span_of_text(text), &NAME_ROOT, buffer, &name, NULL) != OK) {
        fail(text);
    }
    return name;
}

static void add(struct zone_builder *builder, const char *owner, uint16_t type, const char *text)
{
    uint8_t octets[RDATA_SIZE];
    struct writer rdata = writer_over(octets, sizeof octets);
    struct name_buffer buffer;
    struct name name = name_of(owner, &buffer);
    if (rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &rdata, NULL) != OK ||
        zone_build_add(builder, name, type, TTL_S, writer_written(&rdata)) != OK) {
        fail(owner);
    }
}

/* SOA, a name server and its address. */
static struct zone_builder *zone_begin(const char *apex, const char *address,
                                       struct zone_builder *parent)
{
    struct name_buffer buffer;
    struct zone_builder *builder;
    if (zone_build(name_of(apex, &buffer), NULL, &builder) != OK) {
        fail(apex);
    }
    const char *stem = strcmp(apex, ".") == 0 ? "servers" : apex;
    char text[TEXT_SIZE * 3];
    char server[TEXT_SIZE + 8];
    snprintf(server, sizeof server, "ns.%s.", stem);
    snprintf(text, sizeof text, "%s host.%s. 1 7200 3600 1209600 3600", server, stem);
    add(builder, apex, TYPE_SOA, text);
    add(builder, apex, TYPE_NS, server);
    add(builder, server, TYPE_A, address);
    if (parent != NULL) {
        add(parent, apex, TYPE_NS, server);
        add(parent, server, TYPE_A, address);
    }
    return builder;
}

/* ------------------------------------------------------------------ signing */

static void anchor_write(const struct hierarchy *hierarchy, struct span ds)
{
    FILE *file = file_open(hierarchy, "anchor");
    uint8_t text[RDATA_SIZE];
    struct writer writer = writer_over(text, sizeof text);
    rdata_write_text(TYPE_DS, ds, &writer);
    fprintf(file, ". %d IN DS %.*s\n", TTL_S, (int)writer.len, (const char *)text);
    fclose(file);
}

static void ds_add(const struct hierarchy *hierarchy, const char *apex, struct span dnskey,
                   struct zone_builder *parent)
{
    uint8_t octets[RDATA_SIZE];
    struct writer ds = writer_over(octets, sizeof octets);
    struct name_buffer buffer;
    struct name name = name_of(apex, &buffer);
    if (ds_make(name, dnskey, DS_DIGEST_SHA256, &ds) != OK) {
        fail(apex);
    }
    if (parent == NULL) {
        anchor_write(hierarchy, writer_written(&ds));
    } else if (zone_build_add(parent, name, TYPE_DS, TTL_S, writer_written(&ds)) != OK) {
        fail(apex);
    }
}

static void zone_end(const struct hierarchy *hierarchy, const char *apex, const char *file_name,
                     struct zone_builder *builder, struct zone_builder *parent)
{
    uint8_t octets[RDATA_SIZE];
    struct writer rdata = writer_over(octets, sizeof octets);
    struct zone *zone = zone_build_finish(builder);
    struct zone *signed_zone = NULL;
    struct zone_key only = {.is_published = true, .signs_keys = true, .signs_zone = true};
    if (key_generate(ALGORITHM_ECDSAP256SHA256, 0, &only.signing.key) != OK) {
        fail("no key");
    }
    dnskey_write(DNSKEY_FLAGS_KSK, ALGORITHM_ECDSAP256SHA256, key_public(only.signing.key), &rdata);
    struct zone_sign_input input = {
        .unsigned_zone = zone,
        .keys = &only,
        .key_count = 1,
        .policy = {.validity_s = VALIDITY_S, .inception_offset_s = 3600},
        .now_s = hierarchy->now_s};
    struct zone_sign_report report;
    struct problem problem;
    if (dnskey_read(writer_written(&rdata), &only.signing.dnskey) != OK ||
        zone_sign(&input, &signed_zone, &report, &problem) != OK) {
        fail(apex);
    }
    FILE *file = file_open(hierarchy, file_name);
    if (zonefile_write(signed_zone, write_piece, file) != OK || fclose(file) != 0) {
        fail(file_name);
    }
    ds_add(hierarchy, apex, writer_written(&rdata), parent);
    key_close(only.signing.key);
    zone_release(signed_zone);
    zone_release(zone);
}

/* ------------------------------------------------------------------ the whole */

static void child_make(const struct hierarchy *hierarchy, unsigned number)
{
    char apex[TEXT_SIZE];
    char text[TEXT_SIZE];
    snprintf(apex, sizeof apex, "d%u.tld", number);
    struct zone_builder *zone = zone_begin(apex, "10.53.0.3", hierarchy->tld);
    for (unsigned i = 0; i < NAMES_PER_ZONE; i++) {
        char owner[TEXT_SIZE * 2];
        snprintf(owner, sizeof owner, "h%u.%s", i, apex);
        snprintf(text, sizeof text, "192.0.%u.%u", number % 256, i);
        add(zone, owner, TYPE_A, text);
    }
    snprintf(text, sizeof text, "child/%u.zone", number);
    zone_end(hierarchy, apex, text, zone, hierarchy->tld);
}

/* A fixed walk through all names in which neighbours are of different zones. */
static void questions_write(const struct hierarchy *hierarchy)
{
    FILE *file = file_open(hierarchy, "questions");
    size_t all = (size_t)hierarchy->count * NAMES_PER_ZONE;
    uint32_t *order = calloc(all, sizeof *order);
    if (order == NULL) {
        fail("out of memory");
    }
    uint64_t state = 53;
    for (size_t i = 0; i < all; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(state >> 33) % (i + 1);
        order[i] = order[at];
        order[at] = (uint32_t)i;
    }
    for (size_t i = 0; i < all; i++) {
        fprintf(file, "h%u.d%u.tld A\n", order[i] % NAMES_PER_ZONE, order[i] / NAMES_PER_ZONE);
    }
    free(order);
    fclose(file);
}

/* Lines "OWNER TYPE RDATA". */
static void records_add(struct zone_builder *builder, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[RDATA_SIZE * 2];
    if (file == NULL) {
        fail(path);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char owner[TEXT_SIZE];
        char word[TEXT_SIZE];
        int at = 0;
        uint16_t type = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%255s %255s %n", owner, word, &at) != 2 ||
            type_parse(span_of_text(word), &type) != OK) {
            fail(line);
        }
        add(builder, owner, type, line + at);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    char path[TEXT_SIZE * 2];
    struct hierarchy hierarchy = {.now_s = time(NULL)};
    hierarchy.count = argc == 3 || argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (hierarchy.count == 0 || hierarchy.count > COUNT_MAX) {
        fprintf(stderr, "usage: hierarchy FOLDER COUNT [RECORDS]\n");
        return 2;
    }
    hierarchy.folder = argv[1];
    snprintf(path, sizeof path, "%s/child", hierarchy.folder);
    (void)mkdir(path, 0755);
    struct zone_builder *root = zone_begin(".", "10.53.0.1", NULL);
    hierarchy.tld = zone_begin("tld", "10.53.0.2", root);
    for (unsigned i = 0; i < hierarchy.count; i++) {
        child_make(&hierarchy, i);
    }
    if (argc == 4) {
        records_add(hierarchy.tld, argv[3]);
    }
    zone_end(&hierarchy, "tld", "tld.zone", hierarchy.tld, root);
    zone_end(&hierarchy, ".", "root.zone", root, NULL);
    questions_write(&hierarchy);
    return 0;
}
