/* How the tests' texts become signed RRsets. Everything it is asked for is right or a broken
 * promise of the test's. */
#include "core/dnssec/dnssec_fixture.h"

#include "core/base/text.h"
#include "core/dns/rdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE_MAX = 1 << 26, LINE_MAX = 512, RRSETS_MAX = 128, SIGNATURE_LIFE_S = 86400 };

/* A line cut into its words. */
struct line {
    char owner[LINE_MAX], type[64], rdata[LINE_MAX];
    char signer[LINE_MAX];
    char options[LINE_MAX];
};

void fixture_open(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    arena_open(&fixture->arena, ARENA_SIZE_MAX);
}

void fixture_close(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->zone_count; i++) {
        key_close(fixture->zones[i].key.key);
    }
    arena_close(&fixture->arena);
}

struct name fixture_name(struct fixture *fixture, const char *text)
{
    struct name_buffer buffer;
    struct name name, copy;
    struct problem problem = {0};
    enum status status = name_parse(span_of_text(text), NULL, &buffer, &name, &problem);
    require(status == OK);
    status = name_copy(&fixture->arena, name, &copy);
    require(status == OK);
    return copy;
}

static struct span keep(struct fixture *fixture, const struct writer *writer)
{
    struct span copy;
    require(writer->status == OK);
    enum status status = arena_copy(&fixture->arena, writer_written(writer), &copy);
    require(status == OK);
    return copy;
}

void fixture_add_zone(struct fixture *fixture, const char *name, const char *parent)
{
    require(fixture->zone_count < FIXTURE_ZONES_MAX);
    struct fixture_zone *zone = &fixture->zones[fixture->zone_count++];
    zone->name = fixture_name(fixture, name);
    zone->parent = parent;
    enum status status = key_generate(ALGORITHM_ED25519, 0, &zone->key.key);
    require(status == OK);
    uint8_t bytes[64];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    dnskey_write(DNSKEY_FLAGS_KSK, ALGORITHM_ED25519, key_public(zone->key.key), &rdata);
    status = dnskey_read(keep(fixture, &rdata), &zone->key.dnskey);
    require(status == OK);
}

static const struct fixture_zone *find_zone(const struct fixture *fixture, struct name name)
{
    for (size_t i = 0; i < fixture->zone_count; i++) {
        if (name_equal(fixture->zones[i].name, name)) {
            return &fixture->zones[i];
        }
    }
    return NULL;
}

const struct fixture_zone *fixture_find_zone(const struct fixture *fixture, const char *name)
{
    struct name_buffer buffer;
    struct name wanted;
    struct problem problem = {0};
    enum status status = name_parse(span_of_text(name), NULL, &buffer, &wanted, &problem);
    const struct fixture_zone *zone = status == OK ? find_zone(fixture, wanted) : NULL;
    require(zone != NULL);
    return zone;
}

/* The value of `key=` among the options, or NULL. */
static const char *option(const struct line *line, const char *key, char value[LINE_MAX])
{
    const char *at = strstr(line->options, key);
    if (at == NULL) {
        return NULL;
    }
    snprintf(value, LINE_MAX, "%.*s", (int)strcspn(at + strlen(key), " "), at + strlen(key));
    return value;
}

static const char *cut_word(const char *text, char *word, size_t size)
{
    text += strspn(text, " ");
    size_t len = strcspn(text, " ");
    require(len < size);
    memcpy(word, text, len);
    word[len] = '\0';
    return text + len;
}

static struct line line_read(const char *text, size_t len)
{
    char whole[LINE_MAX];
    struct line line = {0};
    require(len < sizeof whole);
    memcpy(whole, text, len);
    whole[len] = '\0';
    char *bar = strstr(whole, " | ");
    if (bar != NULL) {
        *bar = '\0';
        const char *rest = cut_word(bar + 3, line.signer, sizeof line.signer);
        snprintf(line.options, sizeof line.options, "%s", rest);
    }
    const char *rest = cut_word(whole, line.owner, sizeof line.owner);
    rest = cut_word(rest, line.type, sizeof line.type);
    snprintf(line.rdata, sizeof line.rdata, "%s", rest);
    return line;
}

static void add_one(uint8_t *hash, int step)
{
    for (size_t i = NSEC3_HASH_LEN; i > 0; i--) {
        hash[i - 1] = (uint8_t)(hash[i - 1] + step);
        if (hash[i - 1] != (step > 0 ? 0 : 0xff)) {
            return;
        }
    }
}

/* `@match NAME FLAGS ITERATIONS TYPE...` or `@cover NAME FLAGS ITERATIONS`, as an NSEC3 line. */
static void expand_nsec3(struct fixture *fixture, struct line *line)
{
    bool is_match = strcmp(line->owner, "@match") == 0;
    char zone[LINE_MAX], flags[8], iterations[8];
    if (option(line, "zone=", zone) == NULL) {
        snprintf(zone, sizeof zone, "%s", line->signer);
    }
    const char *rest = cut_word(line->rdata, flags, sizeof flags);
    rest = cut_word(rest, iterations, sizeof iterations);
    uint8_t owner[NSEC3_HASH_LEN], next[NSEC3_HASH_LEN];
    static const uint8_t SALT[] = {0xaa, 0xbb};
    /* NAME is the second word, where the type of other lines stands. */
    enum status status = nsec3_hash(fixture_name(fixture, line->type), span_of(SALT, sizeof SALT),
                                    (uint16_t)strtol(iterations, NULL, 10), owner);
    require(status == OK);
    memcpy(next, owner, sizeof next);
    add_one(next, 1);
    if (!is_match) {
        add_one(owner, -1);
    }
    char owner_text[64] = "", next_text[64] = "", rdata[LINE_MAX];
    struct writer writer = writer_over(owner_text, sizeof owner_text - 1);
    text_write_base32hex(&writer, span_of(owner, sizeof owner));
    writer = writer_over(next_text, sizeof next_text - 1);
    text_write_base32hex(&writer, span_of(next, sizeof next));
    snprintf(rdata, sizeof rdata, "1 %s %s AABB %s%.300s", flags, iterations, next_text, rest);
    snprintf(line->rdata, sizeof line->rdata, "%s", rdata);
    snprintf(line->type, sizeof line->type, "NSEC3");
    snprintf(line->owner, sizeof line->owner, "%s.%.400s", owner_text,
             strcmp(zone, ".") == 0 ? "" : zone);
}

/* Broken keys with one tag: swapping 16-bit words leaves the sum alone. */
static void add_colliding(struct rrset_builder *builder, const struct dnskey *dnskey, size_t count)
{
    uint8_t bytes[64];
    memcpy(bytes, dnskey->rdata.bytes, dnskey->rdata.len);
    for (size_t i = 0; i < count; i++) {
        size_t a = 4 + 2 * (i % 16), b = 4 + 2 * ((i * 7 + 3) % 16);
        uint8_t word[2];
        memcpy(word, bytes + a, 2);
        memcpy(bytes + a, bytes + b, 2);
        memcpy(bytes + b, word, 2);
        /* A shuffle may come back to where it began, and that key is not broken. */
        if (!span_equal(span_of(bytes, dnskey->rdata.len), dnskey->rdata)) {
            rrset_add(builder, span_of(bytes, dnskey->rdata.len));
        }
    }
}

static uint16_t line_type(const struct line *line)
{
    uint16_t type = 0;
    if (strcmp(line->type, "@ds") == 0) {
        return TYPE_DS;
    }
    if (strcmp(line->type, "@dnskey") == 0 || strcmp(line->type, "@collide") == 0) {
        return TYPE_DNSKEY;
    }
    enum status status = type_parse(span_of_text(line->type), &type);
    require(status == OK);
    return type;
}

static void add_record(struct fixture *fixture, const struct line *line,
                       struct rrset_builder *builder)
{
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    if (line->type[0] != '@') {
        struct problem problem = {0};
        enum status status = rdata_parse_text(line_type(line), span_of_text(line->rdata),
                                              &NAME_ROOT, &rdata, &problem);
        require(status == OK);
    } else if (strcmp(line->type, "@ds") == 0) {
        const struct fixture_zone *zone = fixture_find_zone(fixture, line->owner);
        enum status status = ds_make(zone->name, zone->key.dnskey.rdata,
                                     (uint8_t)strtol(line->rdata, NULL, 10), &rdata);
        require(status == OK);
        bytes[rdata.len - 1] ^= strstr(line->rdata, "bad") != NULL ? 1 : 0;
    } else {
        const struct dnskey *dnskey = &fixture_find_zone(fixture, line->owner)->key.dnskey;
        long number = strtol(line->rdata, NULL, 10);
        if (strcmp(line->type, "@collide") == 0) {
            add_colliding(builder, dnskey, (size_t)number);
            return;
        }
        dnskey_write(number == 0 ? DNSKEY_FLAGS_KSK : (uint16_t)number, ALGORITHM_ED25519,
                     dnskey->public_key, &rdata);
    }
    rrset_add(builder, writer_written(&rdata));
}

/* The RRSIG that the options ask for. */
static struct rrset sign(struct fixture *fixture, const struct line *line,
                         const struct rrset *rrset)
{
    char value[LINE_MAX];
    struct rrset signed_as = *rrset;
    if (option(line, "as=", value) != NULL) {
        signed_as.owner = fixture_name(fixture, value);
    }
    const char *key_zone = option(line, "key=", value);
    struct signing_key key =
        fixture_find_zone(fixture, key_zone != NULL ? key_zone : line->signer)->key;
    struct sign_times times = {FIXTURE_NOW_S - SIGNATURE_LIFE_S, FIXTURE_NOW_S + SIGNATURE_LIFE_S};
    if (strstr(line->options, "expired") != NULL) {
        times.expiration_s = FIXTURE_NOW_S - 1;
    }
    if (strstr(line->options, "future") != NULL) {
        times.inception_s = FIXTURE_NOW_S + 1;
    }
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    const char *flags =
        line->type[0] == '@' && strcmp(line->type, "@dnskey") == 0 ? line->rdata : "0";
    if (strtol(flags, NULL, 10) != 0) { /* the tag of the key as it is published */
        uint8_t published[64];
        struct writer writer = writer_over(published, sizeof published);
        dnskey_write((uint16_t)strtol(flags, NULL, 10), ALGORITHM_ED25519, key.dnskey.public_key,
                     &writer);
        enum status status = dnskey_read(keep(fixture, &writer), &key.dnskey);
        require(status == OK);
    }
    /* sign_rrset holds signers to their zone; the hostile ones here are signed under the owner. */
    struct name signer = fixture_find_zone(fixture, line->signer)->name;
    struct name claimed = signer;
    if (!name_is_at_or_below(signed_as.owner, signer)) {
        signer = signed_as.owner;
    }
    enum status status = sign_rrset(&signed_as, signer, &key, times, &fixture->arena, &rdata);
    require(status == OK);
    if (option(line, "algorithm=", value) != NULL) {
        bytes[2] = (uint8_t)strtol(value, NULL, 10);
    }
    if (option(line, "labels=", value) != NULL) {
        bytes[3] = (uint8_t)strtol(value, NULL, 10);
    }
    bytes[rdata.len - 5] ^= strstr(line->options, "bad") != NULL ? 1 : 0;
    struct writer final = writer_over(arena_take(&fixture->arena, sizeof bytes), sizeof bytes);
    writer_span(&final, span_of(bytes, 18));
    name_write(claimed, &final);
    writer_span(&final, span_of(bytes + 18 + signer.len, rdata.len - 18 - signer.len));
    struct rrset_builder builder;
    struct rrset rrsigs;
    rrset_begin(&builder, &fixture->arena, rrset->owner, TYPE_RRSIG, rrset->ttl_s);
    rrset_add(&builder, writer_written(&final));
    status = rrset_finish(&builder, &rrsigs);
    require(status == OK);
    return rrsigs;
}

static const char *line_end(const char *text)
{
    return text + strcspn(text, "\n");
}

const struct rrset *fixture_rrsets(struct fixture *fixture, const char *text, size_t *count)
{
    struct rrset *rrsets = arena_take_array(&fixture->arena, RRSETS_MAX, sizeof *rrsets);
    require(rrsets != NULL);
    *count = 0;
    while (text != NULL && *text != '\0') {
        struct line line = line_read(text, (size_t)(line_end(text) - text));
        struct rrset_builder builder;
        struct name owner = NAME_ROOT;
        uint16_t type = 0;
        for (bool is_first = true; *text != '\0'; is_first = false) {
            struct line next = line_read(text, (size_t)(line_end(text) - text));
            if (next.owner[0] == '@') {
                expand_nsec3(fixture, &next);
            }
            struct name next_owner = fixture_name(fixture, next.owner);
            if (!is_first && (!name_equal(owner, next_owner) || line_type(&next) != type)) {
                break;
            }
            if (is_first) {
                owner = next_owner;
                type = line_type(&next);
                rrset_begin(&builder, &fixture->arena, owner, type, 3600);
            }
            add_record(fixture, &next, &builder);
            line = next;
            text = line_end(text);
            text += *text == '\n' ? 1 : 0;
        }
        require(*count + 2 <= RRSETS_MAX);
        struct rrset *rrset = &rrsets[(*count)++];
        enum status status = rrset_finish(&builder, rrset);
        require(status == OK);
        if (line.signer[0] != '\0') {
            rrsets[(*count)++] = sign(fixture, &line, rrset);
        }
    }
    return rrsets;
}

struct evidence fixture_evidence(struct fixture *fixture, const struct fixture_answer *answer)
{
    struct evidence evidence = {.name = fixture_name(fixture, answer->name),
                                .type = answer->type,
                                .rcode = answer->rcode,
                                .is_failed = answer->is_failed};
    evidence.answer = fixture_rrsets(fixture, answer->answer, &evidence.answer_count);
    evidence.authority = fixture_rrsets(fixture, answer->authority, &evidence.authority_count);
    return evidence;
}

bool fixture_ask(struct fixture *fixture, struct name name, uint16_t type,
                 struct evidence *evidence)
{
    const struct fixture_zone *zone = find_zone(fixture, name);
    if (zone == NULL || (type == TYPE_DS && zone->parent == NULL)) {
        return false;
    }
    char text[NAME_TEXT_MAX], answer[2 * NAME_TEXT_MAX];
    name_print(name, text);
    snprintf(answer, sizeof answer, "%.200s %s | %.200s", text,
             type == TYPE_DS ? "@ds 2" : "@dnskey", type == TYPE_DS ? zone->parent : text);
    const struct fixture_answer made = {.name = text, .type = type, .answer = answer};
    *evidence = fixture_evidence(fixture, &made);
    return true;
}

struct trust_anchor fixture_anchor(struct fixture *fixture, const char *zone_name)
{
    const struct fixture_zone *zone = fixture_find_zone(fixture, zone_name);
    uint8_t bytes[64];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    enum status status = ds_make(zone->name, zone->key.dnskey.rdata, DS_DIGEST_SHA256, &rdata);
    require(status == OK);
    return (struct trust_anchor){zone->name, TYPE_DS, keep(fixture, &rdata)};
}
