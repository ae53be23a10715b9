/* The chain of zones that faults come over: a root, a top-level domain, and below it random zones
 * of every algorithm and kind of denial, each with one signed and one unsigned child. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/zone/zone_chain.h"
#include "core/zone/zonefile.h"
#include "mutate.h"

enum { NAMES_MORE_MAX = 14, SALT_LEN_MAX = 8, ITERATIONS_USUAL_MAX = 4, LINKS_MAX = 200 };

static const uint8_t ALGORITHMS[] = {ALGORITHM_RSASHA256, ALGORITHM_ECDSAP256SHA256,
                                     ALGORITHM_ED25519};

/* SplitMix64. */
uint32_t draw(uint64_t *random, uint32_t limit)
{
    uint64_t mixed = *random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((mixed ^ (mixed >> 31)) >> 32) % limit;
}

/* A text that is known to fit. */
static void print(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
static void print(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= size) {
        mutate_fail("a text too long");
    }
}

struct name zones_name(const char *text, struct name_buffer *buffer)
{
    struct name name;
    if (name_parse(span_of_text(text), &NAME_ROOT, buffer, &name, NULL) != OK) {
        mutate_fail(text);
    }
    return name;
}

/* ---------------------------------------------------------------- keys */

static struct key *pool_key(const struct mutate *mutate, uint8_t algorithm, uint32_t at)
{
    return mutate->pool[algorithm][at % MUTATE_POOL];
}

static void pool_fill(struct mutate *mutate)
{
    for (size_t i = 0; i < LEN(ALGORITHMS); i++) {
        for (size_t j = 0; j < MUTATE_POOL; j++) {
            uint16_t bits = algorithm_find(ALGORITHMS[i])->bits_default;
            if (key_generate(ALGORITHMS[i], bits, &mutate->pool[ALGORITHMS[i]][j]) != OK) {
                mutate_fail("no key");
            }
        }
    }
}

static struct zone_key key_make(struct key *key, uint16_t flags, uint16_t protocol,
                                uint8_t rdata[MUTATE_DNSKEY_LEN_MAX])
{
    struct zone_key made = {.signing.key = key, .is_published = true};
    struct writer writer = writer_over(rdata, MUTATE_DNSKEY_LEN_MAX);
    dnskey_write(flags, key_algorithm(key), key_public(key), &writer);
    rdata[2] = (uint8_t)(protocol == 0 ? DNSKEY_PROTOCOL : protocol);
    if (dnskey_read(writer_written(&writer), &made.signing.dnskey) != OK) {
        mutate_fail("no DNSKEY");
    }
    return made;
}

/* One or two keys of an algorithm. */
static void keys_add(const struct mutate *mutate, struct made_zone *zone, uint8_t algorithm,
                     uint32_t at, const struct making *making)
{
    for (unsigned i = 0; i < (making->is_split ? 2 : 1); i++) {
        bool is_faulty = zone->key_count == 0 || !making->is_first_only;
        uint16_t flags = i == 0 ? DNSKEY_FLAGS_KSK : DNSKEY_FLAGS_ZSK;
        if (is_faulty && making->flags != 0) {
            flags = making->flags;
        }
        struct zone_key *key = &zone->keys[zone->key_count];
        *key = key_make(pool_key(mutate, algorithm, at + i), flags,
                        is_faulty ? making->protocol : 0, zone->dnskeys[zone->key_count]);
        key->signs_keys = i == 0;
        key->signs_zone = !making->is_split || i == 1;
        zone->key_count++;
    }
}

void zones_make_ds(const struct made_zone *zone, uint8_t digest, struct writer *rdata)
{
    if (ds_make(zone->name, zone->keys[0].signing.dnskey.rdata, digest, rdata) != OK) {
        mutate_fail("no DS");
    }
}

void zones_write_anchor(const struct mutate *mutate, struct writer *text)
{
    uint8_t octets[64];
    struct writer ds = writer_over(octets, sizeof octets);
    zones_make_ds(&mutate->root, DS_DIGEST_SHA256, &ds);
    writer_print(text, ". %d IN DS ", MUTATE_TTL_S);
    rdata_write_text(TYPE_DS, writer_written(&ds), text);
    writer_text(text, "\n");
}

/* ---------------------------------------------------------------- records */

static void add(struct zone_builder *builder, const char *owner, uint16_t type, const char *text)
{
    uint8_t octets[512];
    struct writer rdata = writer_over(octets, sizeof octets);
    struct name_buffer buffer;
    struct name name = zones_name(owner, &buffer);
    if (rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &rdata, NULL) != OK ||
        zone_build_add(builder, name, type, MUTATE_TTL_S, writer_written(&rdata)) != OK) {
        mutate_fail(owner);
    }
}

static struct zone_builder *zone_begin(struct made_zone *zone, const char *apex,
                                       const char *address)
{
    struct zone_builder *builder;
    char server[MUTATE_TEXT_LEN];
    char soa[MUTATE_TEXT_LEN * 3];
    zone->name = zones_name(apex, &zone->name_octets);
    if (zone_build(zone->name, NULL, &builder) != OK) {
        mutate_fail(apex);
    }
    print(server, sizeof server, "ns.%s", apex[0] == '.' ? "servers." : apex);
    print(soa, sizeof soa, "%s host.%s 1 7200 3600 1209600 %d", server, server, MUTATE_TTL_S);
    add(builder, apex, TYPE_SOA, soa);
    add(builder, apex, TYPE_NS, server);
    add(builder, server, TYPE_A, address);
    return builder;
}

static void delegate(struct zone_builder *parent, const char *apex, const char *address,
                     const struct made_zone *signed_zone)
{
    char server[MUTATE_TEXT_LEN];
    print(server, sizeof server, "ns.%s", apex);
    add(parent, apex, TYPE_NS, server);
    add(parent, server, TYPE_A, address);
    if (signed_zone != NULL) {
        uint8_t octets[64];
        struct writer ds = writer_over(octets, sizeof octets);
        zones_make_ds(signed_zone, DS_DIGEST_SHA256, &ds);
        if (zone_build_add(parent, signed_zone->name, TYPE_DS, MUTATE_TTL_S, writer_written(&ds)) !=
            OK) {
            mutate_fail(apex);
        }
    }
}

static void zone_end(const struct mutate *mutate, struct made_zone *zone,
                     struct zone_builder *builder)
{
    struct zone *plain = zone_build_finish(builder);
    struct zone_sign_input input = {.unsigned_zone = plain,
                                    .keys = zone->keys,
                                    .key_count = zone->key_count,
                                    .policy = {.denial = zone->denial,
                                               .validity_s = MUTATE_VALIDITY_S,
                                               .inception_offset_s = 3600},
                                    .now_s = mutate->now_s};
    struct zone_sign_report report;
    struct problem problem = {0};
    if (plain == NULL || zone_sign(&input, &zone->zone, &report, &problem) != OK) {
        mutate_fail(problem.sentence);
    }
    zone_release(plain);
}

/* ---------------------------------------------------------------- salt and iterations */

/* An NSEC3 record on its way to another hash of the same name. */
struct link {
    uint8_t hash[NSEC3_HASH_LEN];
    const struct rrset *before;
};
struct rehash {
    const struct mutate *mutate;
    const struct made_zone *zone;
    struct zone_builder *builder;
    struct arena arena;
    uint16_t iterations;
    struct span salt;
    struct link links[LINKS_MAX];
    size_t count;
};

static int compare_links(const void *a, const void *b)
{
    return memcmp(a, b, NSEC3_HASH_LEN);
}

static void rehash_name(struct rehash *rehash, struct name name)
{
    uint8_t hash[NSEC3_HASH_LEN];
    struct name_buffer buffer;
    struct name owner;
    if (nsec3_hash(name, SPAN_EMPTY, 0, hash) != OK ||
        chain_hash_owner(rehash->zone->name, hash, &buffer, &owner) != OK) {
        mutate_fail("a name without hash");
    }
    const struct rrset *before = zone_find_rrset(rehash->zone->zone, owner, TYPE_NSEC3);
    for (size_t i = 0; i < rehash->count && before != NULL; i++) {
        before = rehash->links[i].before == before ? NULL : before;
    }
    if (before == NULL) {
        return;
    }
    struct link *link = &rehash->links[rehash->count++];
    link->before = before;
    if (rehash->count == LINKS_MAX ||
        nsec3_hash(name, rehash->salt, rehash->iterations, link->hash) != OK) {
        mutate_fail("too many names");
    }
}

/* The RRset and its signatures. */
static void rehash_set(struct rehash *rehash, struct name owner, uint16_t type, struct span rdata)
{
    struct rrset_builder rows, signatures;
    struct rrset rrset, rrsigs;
    struct sign_times times = {rehash->mutate->now_s - 3600,
                               rehash->mutate->now_s + MUTATE_VALIDITY_S};
    rrset_begin(&rows, &rehash->arena, owner, type, MUTATE_TTL_S);
    rrset_add(&rows, rdata);
    rrset_begin(&signatures, &rehash->arena, owner, TYPE_RRSIG, MUTATE_TTL_S);
    bool is_made = rrset_finish(&rows, &rrset) == OK;
    for (size_t i = 0; is_made && i < rehash->zone->key_count; i++) {
        const struct zone_key *key = &rehash->zone->keys[i];
        uint8_t octets[SIGN_PREFIX_LEN_MAX + KEY_SIGNATURE_LEN_MAX];
        struct writer rrsig = writer_over(octets, sizeof octets);
        if (key->signs_zone) {
            is_made = sign_rrset(&rrset, rehash->zone->name, &key->signing, times, &rehash->arena,
                                 &rrsig) == OK;
            rrset_add(&signatures, writer_written(&rrsig));
        }
    }
    if (!is_made || rrset_finish(&signatures, &rrsigs) != OK ||
        zone_build_set(rehash->builder, &rrset) != OK ||
        zone_build_set(rehash->builder, &rrsigs) != OK) {
        mutate_fail("no NSEC3");
    }
}

static void rehash_remove(struct rehash *rehash, const struct rrset *before)
{
    struct rrset gone = {.owner = before->owner, .type = before->type, .class_ = CLASS_IN};
    struct rrset signatures = {
        .owner = before->owner, .type = TYPE_RRSIG, .covers = before->type, .class_ = CLASS_IN};
    if (zone_build_set(rehash->builder, &gone) != OK ||
        zone_build_set(rehash->builder, &signatures) != OK) {
        mutate_fail("an NSEC3 stays");
    }
}

static void rehash_write(struct rehash *rehash)
{
    uint8_t octets[1024];
    for (size_t i = 0; i < rehash->count; i++) {
        rehash_remove(rehash, rehash->links[i].before);
    }
    for (size_t i = 0; i < rehash->count; i++) {
        struct nsec3 nsec3;
        struct name_buffer buffer;
        struct name owner;
        struct writer rdata = writer_over(octets, sizeof octets);
        if (nsec3_read(rrset_only(rehash->links[i].before), &nsec3) != OK ||
            chain_hash_owner(rehash->zone->name, rehash->links[i].hash, &buffer, &owner) != OK) {
            mutate_fail("no NSEC3");
        }
        writer_u8(&rdata, NSEC3_HASH_SHA1);
        writer_u8(&rdata, nsec3.flags);
        writer_u16(&rdata, rehash->iterations);
        writer_u8(&rdata, (uint8_t)rehash->salt.len);
        writer_span(&rdata, rehash->salt);
        writer_u8(&rdata, NSEC3_HASH_LEN);
        writer_span(&rdata, span_of(rehash->links[(i + 1) % rehash->count].hash, NSEC3_HASH_LEN));
        writer_span(&rdata, nsec3.bitmap);
        rehash_set(rehash, owner, TYPE_NSEC3, writer_written(&rdata));
    }
    struct writer parameters = writer_over(octets, sizeof octets);
    writer_u8(&parameters, NSEC3_HASH_SHA1);
    writer_u8(&parameters, 0);
    writer_u16(&parameters, rehash->iterations);
    writer_u8(&parameters, (uint8_t)rehash->salt.len);
    writer_span(&parameters, rehash->salt);
    rehash_set(rehash, rehash->zone->name, TYPE_NSEC3PARAM, writer_written(&parameters));
}

/* Gives a zone, which our signer made without either, a salt and iterations. */
static void zone_rehash(const struct mutate *mutate, struct made_zone *zone, uint16_t iterations,
                        struct span salt)
{
    struct rehash rehash = {.mutate = mutate, .zone = zone, .iterations = iterations, .salt = salt};
    arena_open(&rehash.arena, 4 << 20);
    if (zone_build(zone->name, zone->zone, &rehash.builder) != OK) {
        mutate_fail("no zone");
    }
    struct zone_cursor cursor;
    zone_walk(zone->zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        for (uint8_t labels = node->owner.label_count; labels >= zone->name.label_count; labels--) {
            rehash_name(&rehash, name_ancestor(node->owner, labels));
        }
    }
    qsort(rehash.links, rehash.count, sizeof *rehash.links, compare_links);
    rehash_write(&rehash);
    struct zone *made = zone_build_finish(rehash.builder);
    if (made == NULL) {
        mutate_fail("no zone");
    }
    zone_release(zone->zone);
    zone->zone = made;
    arena_close(&rehash.arena);
}

/* ---------------------------------------------------------------- a subject */

/* A label that no other role has, anywhere in the order. */
static void draw_labels(struct subject *subject, uint64_t *random)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        print(subject->labels[role], MUTATE_LABEL_LEN, "%c%c%u%c", 'a' + (int)draw(random, 26),
              'a' + (int)draw(random, 26), role, 'a' + (int)draw(random, 26));
    }
}

static void add_more(struct zone_builder *builder, const char *apex, uint64_t *random)
{
    static const struct {
        uint16_t type;
        const char *text;
    } values[] = {{TYPE_A, "192.0.2.9"},
                  {TYPE_AAAA, "2001:db8::9"},
                  {TYPE_TXT, "\"more\""},
                  {TYPE_MX, "10 mail.example."},
                  {TYPE_SRV, "1 2 53 a.example."}};
    for (uint32_t left = draw(random, NAMES_MORE_MAX); left > 0; left--) {
        char owner[MUTATE_TEXT_LEN];
        uint32_t value = draw(random, LEN(values));
        int first = 'a' + (int)draw(random, 26);
        print(owner, sizeof owner, "%c%u%s.%s", first, draw(random, 50),
              draw(random, 4) == 0 ? ".deep.er" : "", apex);
        add(builder, owner, values[value].type, values[value].text);
    }
}

static void add_roles(const struct subject *subject, struct zone_builder *builder, const char *apex)
{
    char owner[ROLE_COUNT][MUTATE_TEXT_LEN];
    char text[MUTATE_TEXT_LEN * 2];
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        print(owner[role], MUTATE_TEXT_LEN, "%s.%s", subject->labels[role], apex);
    }
    add(builder, owner[ROLE_DATA], TYPE_A, "192.0.2.1");
    add(builder, owner[ROLE_DATA], TYPE_A, "192.0.2.2");
    add(builder, owner[ROLE_DATA], TYPE_TXT, "\"data\"");
    add(builder, owner[ROLE_ALIAS], TYPE_CNAME, owner[ROLE_DATA]);
    add(builder, owner[ROLE_DNAME], TYPE_DNAME, owner[ROLE_TREE]);
    print(text, sizeof text, "*.%s", owner[ROLE_WILD]);
    add(builder, text, TYPE_A, "192.0.2.3");
    print(text, sizeof text, "beside.%s", owner[ROLE_WILD]);
    add(builder, text, TYPE_A, "192.0.2.4");
    print(text, sizeof text, "below.%s", owner[ROLE_ENT]);
    add(builder, text, TYPE_A, "192.0.2.5");
    print(text, sizeof text, "x.%s", owner[ROLE_TREE]);
    add(builder, text, TYPE_A, "192.0.2.6");
}

/* One of the two children. */
static void child_make(struct mutate *mutate, struct subject *subject, struct made_zone *child,
                       const char *parent, uint32_t at)
{
    char apex[MUTATE_TEXT_LEN];
    char owner[MUTATE_TEXT_LEN * 2];
    char address[MUTATE_TEXT_LEN];
    const struct making usual = {0};
    bool is_signed = child == &subject->secure;
    print(apex, sizeof apex, "%s.%s", subject->labels[is_signed ? ROLE_SECURE : ROLE_PLAIN],
          parent);
    print(address, sizeof address, "%s.%d", mutate->net, SERVER_BELOW + 1);
    struct zone_builder *builder = zone_begin(child, apex, address);
    print(owner, sizeof owner, "www.%s", apex);
    add(builder, owner, TYPE_A, "192.0.2.7");
    if (is_signed) {
        keys_add(mutate, child, ALGORITHM_ED25519, at, &usual);
        zone_end(mutate, child, builder);
    } else if ((child->zone = zone_build_finish(builder)) == NULL) {
        mutate_fail(apex);
    }
}

static enum zone_denial draw_denial(const struct fault *fault, uint64_t *random)
{
    static const enum zone_denial denials[] = {ZONE_NSEC, ZONE_NSEC3, ZONE_NSEC3_OPT_OUT};
    for (;;) {
        uint32_t at = draw(random, LEN(denials));
        if (fault->denials == DENIAL_ANY || (fault->denials & (1u << at)) != 0) {
            return denials[at];
        }
    }
}

static void draw_fault(struct subject *subject, uint64_t *random)
{
    subject->fault = fault_at(subject->number % fault_count());
    subject->place = PLACE_NONE;
    while (subject->fault->places != 0 && (subject->fault->places >> subject->place & 1) == 0) {
        subject->place = (enum place)draw(random, PLACE_COUNT);
    }
    uint32_t algorithm = draw(random, LEN(ALGORITHMS));
    subject->algorithm = ALGORITHMS[algorithm];
    subject->other_algorithm =
        ALGORITHMS[(algorithm + 1 + draw(random, LEN(ALGORITHMS) - 1)) % LEN(ALGORITHMS)];
}

static void subject_make(struct mutate *mutate, struct subject *subject, struct zone_builder *tld)
{
    uint64_t random = mutate->seed * 1000003 + subject->number;
    char apex[MUTATE_TEXT_LEN];
    char text[MUTATE_TEXT_LEN * 2];
    char address[MUTATE_TEXT_LEN];
    char below[MUTATE_TEXT_LEN];
    uint8_t salt[SALT_LEN_MAX];
    draw_fault(subject, &random);
    draw_labels(subject, &random);
    print(apex, sizeof apex, "z%u.tld.", subject->number);
    print(address, sizeof address, "%s.%d", mutate->net, SERVER_SUBJECTS + 1);
    print(below, sizeof below, "%s.%d", mutate->net, SERVER_BELOW + 1);
    struct zone_builder *builder = zone_begin(&subject->zone, apex, address);
    uint32_t at = draw(&random, MUTATE_POOL);
    struct making making = subject->fault->making;
    making.is_split = draw(&random, 2) == 0 || making.is_split;
    keys_add(mutate, &subject->zone, subject->algorithm, at, &making);
    if (making.has_two_algorithms) {
        const struct making usual = {.is_split = making.is_split};
        keys_add(mutate, &subject->zone, subject->other_algorithm, at, &usual);
    }
    subject->stranger = key_make(pool_key(mutate, subject->algorithm, at + 3), DNSKEY_FLAGS_KSK, 0,
                                 subject->stranger_dnskey);
    subject->zone.denial = draw_denial(subject->fault, &random);
    add_roles(subject, builder, apex);
    add_more(builder, apex, &random);
    child_make(mutate, subject, &subject->secure, apex, at);
    child_make(mutate, subject, &subject->plain, apex, at);
    print(text, sizeof text, "%s.%s", subject->labels[ROLE_SECURE], apex);
    delegate(builder, text, below, &subject->secure);
    print(text, sizeof text, "%s.%s", subject->labels[ROLE_PLAIN], apex);
    delegate(builder, text, below, NULL);
    zone_end(mutate, &subject->zone, builder);
    if (subject->zone.denial != ZONE_NSEC) {
        size_t len = draw(&random, 2) * draw(&random, SALT_LEN_MAX);
        for (size_t i = 0; i < len; i++) {
            salt[i] = (uint8_t)draw(&random, 256);
        }
        uint32_t iterations = draw(&random, 2) * draw(&random, ITERATIONS_USUAL_MAX);
        zone_rehash(mutate, &subject->zone,
                    making.iterations != 0 ? making.iterations : (uint16_t)iterations,
                    span_of(salt, len));
    }
    delegate(tld, apex, address, making.has_no_ds ? NULL : &subject->zone);
    if (making.has_two_algorithms) {
        uint8_t octets[64];
        struct writer ds = writer_over(octets, sizeof octets);
        size_t second = making.is_split ? 2 : 1;
        if (ds_make(subject->zone.name, subject->zone.keys[second].signing.dnskey.rdata,
                    DS_DIGEST_SHA256, &ds) != OK ||
            zone_build_add(tld, subject->zone.name, TYPE_DS, MUTATE_TTL_S, writer_written(&ds)) !=
                OK) {
            mutate_fail("no DS");
        }
    }
}

void zones_make(struct mutate *mutate)
{
    char address[SERVER_COUNT][MUTATE_TEXT_LEN];
    for (unsigned i = 0; i < SERVER_COUNT; i++) {
        print(address[i], MUTATE_TEXT_LEN, "%s.%u", mutate->net, i + 1);
    }
    pool_fill(mutate);
    struct zone_builder *root = zone_begin(&mutate->root, ".", address[SERVER_ROOT]);
    struct zone_builder *tld = zone_begin(&mutate->tld, "tld.", address[SERVER_TLD]);
    const struct making usual = {0};
    keys_add(mutate, &mutate->root, ALGORITHM_ECDSAP256SHA256, 0, &usual);
    keys_add(mutate, &mutate->tld, ALGORITHM_ECDSAP256SHA256, 1, &usual);
    for (unsigned i = 0; i < mutate->count; i++) {
        mutate->subjects[i].number = i;
        subject_make(mutate, &mutate->subjects[i], tld);
    }
    delegate(root, "tld.", address[SERVER_TLD], &mutate->tld);
    zone_end(mutate, &mutate->tld, tld);
    zone_end(mutate, &mutate->root, root);
}
