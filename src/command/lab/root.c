/* The lab's root: the real root zone without its DNSSEC records, its TLDs of the lab delegated to
 * the lab's servers with the DS of the keys that those servers publish, served by the lab's root
 * server. */
#include "command/lab/lab.h"
#include "core/dns/message.h"
#include "core/dnssec/dnskey.h"
#include "core/zone/zone_sign.h"
#include "core/zone/zonefile.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ROOT_FILE_MAX = 8 << 20,
    SCRATCH_MAX = 16 << 20,
    TRIES_MAX = 300,
    TRY_PAUSE_MS = 50,
    ASK_TIMEOUT_MS = 1000,
    ROOT_TTL_S = 60,
    DS_TTL_S = 6
};

struct lab_tld {
    const char *zone;
    const char *server; /* its address behind 127.NET */
    const char *name_server;
    bool has_dnssec;
};
static const struct lab_tld tlds[] = {
    {"com.", LAB_REGISTRY_ONE_SERVER, "a.ns.com.", true},
    {"net.", LAB_REGISTRY_ONE_SERVER, "a.ns.net.", true},
    {"org.", LAB_REGISTRY_TWO_SERVER, "a.ns.org.", true},
    {"nz.", LAB_REGISTRY_TWO_SERVER, "a.ns.nz.", true},
    {"aq.", LAB_REGISTRY_TWO_SERVER, "a.ns.aq.", false},
};
static const char root_server[] = "a.root.lab.";

static struct name parsed(const char *text, struct name_buffer *buffer)
{
    struct name name;
    enum status status = name_parse(span_of_text(text), NULL, buffer, &name, NULL);
    require(status == OK);
    return name;
}

/* The DNSKEY RRset as a server gives it over TCP. */
static enum status fetch_keys(const struct lab *lab, const char *server, struct name zone,
                              struct arena *arena, const struct rrset **keys)
{
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct question question = {zone, TYPE_DNSKEY, CLASS_IN};
    struct span query =
        message_make_query(bytes, sizeof bytes, 1, 0, question, true, MESSAGE_UDP_LEN_DEFAULT);
    struct span answer;
    struct message message;
    const struct dns_server asked = {.address = lab_address(lab, server, lab->port),
                                     .way = DNS_BY_TCP,
                                     .timeout_ms = ASK_TIMEOUT_MS};
    enum status status = dns_ask(&asked, query, arena, &answer, NULL);
    status = status == OK ? message_read(answer, arena, &message) : status;
    if (status != OK) {
        return status;
    }
    for (size_t i = 0; i < message.sections[SECTION_ANSWER].count; i++) {
        const struct rrset *rrset = &message.sections[SECTION_ANSWER].rrsets[i];
        if (rrset->type == TYPE_DNSKEY && name_equal(rrset->owner, zone)) {
            *keys = rrset;
            return OK;
        }
    }
    return NOT_FOUND;
}

/* The same, asked again until it is there: the server has its zone a moment after it started. */
static enum status await_keys(const struct lab *lab, const char *server, struct name zone,
                              struct arena *arena, const struct rrset **keys,
                              struct problem *problem)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        if (fetch_keys(lab, server, zone, arena, keys) == OK) {
            return OK;
        }
        struct timespec pause = {0, TRY_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    char text[NAME_TEXT_MAX];
    return problem_set(problem, TIMED_OUT,
                       "the server 127.%u.%s@%u publishes no DNSKEY of %.100s; see log/", lab->net,
                       server, lab->port, name_print(zone, text));
}

static bool is_secure_entry(struct span rdata, struct dnskey *dnskey)
{
    return dnskey_read(rdata, dnskey) == OK && dnskey_is_zone_key(dnskey) &&
           (dnskey->flags & DNSKEY_FLAG_SEP) != 0;
}

static enum status add_address(struct zone_builder *builder, const struct lab *lab,
                               struct name owner, const char *server)
{
    struct address address = lab_address(lab, server, 0);
    return zone_build_add(builder, owner, TYPE_A, ROOT_TTL_S, span_of(address.octets, 4));
}

static enum status add_ds(struct zone_builder *builder, struct name zone, const struct rrset *keys)
{
    enum status status = OK;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(keys);
         status == OK && rrset_next(&cursor, &rdata);) {
        uint8_t bytes[80];
        struct writer ds = writer_over(bytes, sizeof bytes);
        struct dnskey dnskey;
        if (!is_secure_entry(rdata, &dnskey)) {
            continue;
        }
        status = ds_make(zone, rdata, DS_DIGEST_SHA256, &ds);
        if (status == OK) {
            status = zone_build_add(builder, zone, TYPE_DS, DS_TTL_S, writer_written(&ds));
        }
    }
    return status;
}

/* Takes the real delegation away, glue of that TLD's own names with it, and puts the lab's in its
 * place. */
static enum status delegate(struct zone_builder *builder, const struct zone *real,
                            const struct lab *lab, const struct lab_tld *tld, struct arena *arena,
                            struct problem *problem)
{
    struct name_buffer zone_buffer, server_buffer;
    struct name zone = parsed(tld->zone, &zone_buffer);
    struct name server = parsed(tld->name_server, &server_buffer);
    enum status status = OK;
    for (const struct zone_node *node = zone_at_or_before(real, zone); node != NULL && status == OK;
         node = zone_after(real, node->owner)) {
        if (!name_is_at_or_below(node->owner, zone)) {
            break;
        }
        for (uint16_t i = 0; i < node->rrset_count && status == OK; i++) {
            struct rrset empty = node->rrsets[i];
            empty.count = 0;
            empty.rdata_len = 0;
            status = zone_build_set(builder, &empty);
        }
    }
    status = status == OK ? zone_build_add(builder, zone, TYPE_NS, ROOT_TTL_S, name_span(server))
                          : status;
    status = status == OK ? add_address(builder, lab, server, tld->server) : status;
    if (status == OK && tld->has_dnssec) {
        const struct rrset *keys = NULL;
        status = await_keys(lab, tld->server, zone, arena, &keys, problem);
        status = status == OK ? add_ds(builder, zone, keys) : status;
    }
    return status;
}

static enum status set_apex(struct zone_builder *builder, const struct lab *lab)
{
    struct name_buffer buffer;
    struct name server = parsed(root_server, &buffer);
    struct rrset nothing = {.owner = NAME_ROOT, .type = TYPE_NS, .class_ = CLASS_IN};
    enum status status = zone_build_set(builder, &nothing);
    status = status == OK
                 ? zone_build_add(builder, NAME_ROOT, TYPE_NS, ROOT_TTL_S, name_span(server))
                 : status;
    return status == OK ? add_address(builder, lab, server, LAB_ROOT_SERVER) : status;
}

static void keep_problem(void *user, const struct problem *found)
{
    struct problem *problem = user;
    if (problem->status == OK) {
        *problem = *found;
    }
}

static enum status load_real(const struct lab *lab, struct arena *arena, struct zone **stripped,
                             struct problem *problem)
{
    struct span text;
    struct zone *real = NULL;
    enum status status = file_read(lab->root_zone, ROOT_FILE_MAX, arena, &text, problem);
    if (status == OK) {
        struct zonefile_source source = {.file = lab->root_zone, .text = text, .origin = NAME_ROOT};
        status = zonefile_load(&source, NAME_ROOT, keep_problem, problem, &real);
    }
    status = status == OK ? zone_strip(real, stripped) : status;
    zone_release(real);
    return status;
}

static void write_piece(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

static enum status write_zone(const struct zone *zone, const char *path, struct problem *problem)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return problem_set(problem, IO_FAILED, "cannot write %s", path);
    }
    enum status status = zonefile_write(zone, write_piece, file);
    return fclose(file) == 0 && status == OK
               ? OK
               : problem_set(problem, IO_FAILED, "cannot write %s", path);
}

/* The DS of the real root are the real TLDs' own: other TLDs keep none, as nobody here has their
 * keys. */
static enum status drop_ds(struct zone_builder *builder, const struct zone *real)
{
    enum status status = OK;
    struct zone_cursor cursor;
    const struct zone_node *node;
    zone_walk(real, &cursor);
    while (status == OK && (node = zone_walk_next(&cursor)) != NULL) {
        if (zone_node_rrset(node, TYPE_DS) != NULL) {
            struct rrset nothing = {.owner = node->owner, .type = TYPE_DS, .class_ = CLASS_IN};
            status = zone_build_set(builder, &nothing);
        }
    }
    return status;
}

enum status lab_make_root(const struct lab *lab, struct problem *problem)
{
    struct arena arena;
    struct zone *real = NULL;
    struct zone_builder *builder = NULL;
    arena_open(&arena, SCRATCH_MAX);
    enum status status = load_real(lab, &arena, &real, problem);
    status = status == OK ? zone_build(NAME_ROOT, real, &builder) : status;
    status = status == OK ? drop_ds(builder, real) : status;
    status = status == OK ? set_apex(builder, lab) : status;
    for (size_t i = 0; i < LEN(tlds) && status == OK; i++) {
        status = delegate(builder, real, lab, &tlds[i], &arena, problem);
    }
    if (status == OK) {
        struct zone *root = zone_build_finish(builder);
        builder = NULL;
        status = write_zone(root, "zones/root.zone", problem);
        zone_release(root);
    }
    if (builder != NULL) {
        zone_build_cancel(builder);
    }
    if (status != OK && problem->status == OK) {
        problem_set(problem, status, "the lab's root cannot be made: %s", status_text(status));
    }
    zone_release(real);
    arena_close(&arena);
    return status;
}

enum status lab_make_anchor(const struct lab *lab, const char *server, const char *zone,
                            const char *path, struct problem *problem)
{
    struct arena arena;
    struct name_buffer buffer;
    struct name apex = parsed(zone, &buffer);
    const struct rrset *keys = NULL;
    arena_open(&arena, SCRATCH_MAX);
    enum status status = await_keys(lab, server, apex, &arena, &keys, problem);
    struct rrset_builder anchors;
    rrset_begin(&anchors, &arena, apex, TYPE_DNSKEY, ROOT_TTL_S);
    struct rrset_cursor cursor = status == OK ? rrset_first(keys) : (struct rrset_cursor){0};
    struct span rdata;
    struct dnskey dnskey;
    while (rrset_next(&cursor, &rdata)) {
        if (is_secure_entry(rdata, &dnskey)) {
            rrset_add(&anchors, rdata);
        }
    }
    struct rrset rrset;
    status = status == OK ? rrset_finish(&anchors, &rrset) : status;
    if (status == OK) {
        char bytes[4096] = "";
        struct writer text = writer_over(bytes, sizeof bytes - 1);
        rrset_write_text(&rrset, &text);
        status = lab_write(lab, path, bytes, 0644, problem);
    }
    arena_close(&arena);
    return status;
}
