/* Zones of the DNS in memory: records from text, keys, NSEC chains and signatures. */
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "service/resolver/fake_parts.h"

static struct name name_of(struct fake_net *net, struct span text)
{
    struct name_buffer buffer;
    struct name name;
    struct name copy;
    enum status status = name_parse(text, NULL, &buffer, &name, NULL);
    require(status == OK);
    status = name_copy(&net->arena, name, &copy);
    require(status == OK);
    return copy;
}

static size_t zone_index(const struct fake_zone *zone, struct name owner, uint16_t type)
{
    size_t at = 0;
    while (at < zone->rrset_count &&
           (zone->rrsets[at].type != type || !name_equal(zone->rrsets[at].owner, owner))) {
        at++;
    }
    return at;
}

const struct rrset *fake_find(const struct fake_zone *zone, struct name owner, uint16_t type)
{
    size_t at = zone_index(zone, owner, type);
    return at < zone->rrset_count ? &zone->rrsets[at] : NULL;
}

static void zone_put(struct fake_net *net, struct fake_zone *zone, struct name owner, uint16_t type,
                     uint32_t ttl_s, struct span rdata)
{
    size_t at = zone_index(zone, owner, type);
    struct rrset_builder builder;
    rrset_begin(&builder, &net->arena, owner, type, ttl_s);
    if (at < zone->rrset_count) {
        struct rrset_cursor cursor = rrset_first(&zone->rrsets[at]);
        for (struct span one; rrset_next(&cursor, &one);) {
            rrset_add(&builder, one);
        }
    }
    rrset_add(&builder, rdata);
    if (at == zone->rrset_count) {
        zone->rrsigs[at] = (struct rrset){0};
        zone->rrset_count++;
    }
    require(zone->rrset_count <= FAKE_RRSETS_MAX);
    enum status status = rrset_finish(&builder, &zone->rrsets[at]);
    require(status == OK);
}

static struct span word_cut(struct span *line)
{
    size_t len = 0;
    while (len < line->len && line->bytes[len] != ' ') {
        len++;
    }
    struct span word = span_part(*line, 0, len);
    *line = span_part(*line, len < line->len ? len + 1 : len,
                      line->len - (len < line->len ? len + 1 : len));
    return word;
}

static bool is_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

enum { TTL_DEFAULT_S = 300, RDATA_SIZE = 4096 };

enum status fake_read_record(struct fake_net *net, struct name origin, struct span line,
                             struct rrset *record, struct problem *problem)
{
    struct span owner_text = word_cut(&line);
    struct span word = word_cut(&line);
    uint64_t ttl_s = TTL_DEFAULT_S;
    uint16_t type = 0;
    struct name_buffer buffer;
    struct name owner;
    struct name copy;
    enum status status = name_parse(owner_text, &origin, &buffer, &owner, problem);
    status = status == OK ? name_copy(&net->arena, owner, &copy) : status;
    if (status == OK && is_digits(word)) {
        status = text_read_u64(word, UINT32_MAX, &ttl_s);
        word = word_cut(&line);
    }
    if (status == OK && type_parse(word, &type) != OK) {
        return problem_set(problem, MALFORMED, "no such type: %.*s", (int)word.len,
                           (const char *)word.bytes);
    }
    uint8_t bytes[RDATA_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    status = status == OK ? rdata_parse_text(type, line, &origin, &rdata, problem) : status;
    if (status != OK) {
        return status;
    }
    struct rrset_builder builder;
    rrset_begin(&builder, &net->arena, copy, type, (uint32_t)ttl_s);
    rrset_add(&builder, writer_written(&rdata));
    return rrset_finish(&builder, record);
}

void fake_put_record(struct fake_net *net, struct fake_zone *zone, const struct rrset *record)
{
    zone_put(net, zone, record->owner, record->type, record->ttl_s, rrset_only(record));
}

static void record_add(struct fake_net *net, struct fake_zone *zone, struct span line)
{
    struct rrset record;
    enum status status = fake_read_record(net, zone->apex, line, &record, NULL);
    require(status == OK);
    fake_put_record(net, zone, &record);
}

void fake_add_record(struct fake_net *net, struct fake_zone *zone, const char *line)
{
    record_add(net, zone, span_of_text(line));
}

struct fake_zone *fake_add_zone(struct fake_net *net, const char *apex, const char *text)
{
    require(net->zone_count < FAKE_ZONES_MAX);
    struct fake_zone *zone = &net->zones[net->zone_count++];
    zone->apex = name_of(net, span_of_text(apex));
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        record_add(net, zone, span_of(text, len));
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return zone;
}

void fake_remove_at(struct fake_zone *zone, const struct name *owner, uint16_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (zone->rrsets[i].type != type ||
            (owner != NULL && !name_equal(zone->rrsets[i].owner, *owner))) {
            zone->rrsets[kept] = zone->rrsets[i];
            zone->rrsigs[kept++] = zone->rrsigs[i];
        }
    }
    zone->rrset_count = kept;
}

void fake_remove(struct fake_zone *zone, uint16_t type)
{
    fake_remove_at(zone, NULL, type);
}

/* The same keys each time: the private number is made from the zone's place in the list. */
static enum status key_make(const struct fake_net *net, const struct fake_zone *zone,
                            struct key **key)
{
    enum { SCALAR_LEN = 32 };
    uint8_t scalar[SCALAR_LEN];
    memset(scalar, (int)(zone - net->zones) + 1, sizeof scalar);
    char text[256];
    struct writer writer = writer_over(text, sizeof text);
    writer_text(&writer, "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: ");
    text_write_base64(&writer, span_of(scalar, sizeof scalar));
    writer_text(&writer, "\n");
    return key_read_private(writer_written(&writer), key, NULL);
}

void fake_make_key(struct fake_net *net, struct fake_zone *zone)
{
    enum status status = key_make(net, zone, &zone->key.key);
    require(status == OK);
    uint8_t *bytes = arena_take(&net->arena, 512);
    struct writer rdata = writer_over(bytes, 512);
    dnskey_write(DNSKEY_FLAGS_KSK, ALGORITHM_ECDSAP256SHA256, key_public(zone->key.key), &rdata);
    status = dnskey_read(writer_written(&rdata), &zone->key.dnskey);
    require(status == OK);
}

void fake_add_ds(struct fake_net *net, struct fake_zone *parent, const struct fake_zone *child)
{
    uint8_t bytes[128];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    enum status status = ds_make(child->apex, child->key.dnskey.rdata, DS_DIGEST_SHA256, &rdata);
    require(status == OK);
    zone_put(net, parent, child->apex, TYPE_DS, 300, writer_written(&rdata));
}

struct trust_anchor fake_anchor(struct fake_net *net, const struct fake_zone *zone)
{
    (void)net;
    return (struct trust_anchor){zone->apex, TYPE_DNSKEY, zone->key.dnskey.rdata};
}

const struct rrset *fake_zone_cut(const struct fake_zone *zone, struct name name, bool is_strict)
{
    for (uint8_t labels = (uint8_t)(zone->apex.label_count + 1); labels <= name.label_count;
         labels++) {
        if (is_strict && labels == name.label_count) {
            break;
        }
        const struct rrset *ns = fake_find(zone, name_ancestor(name, labels), TYPE_NS);
        if (ns != NULL) {
            return ns;
        }
    }
    return NULL;
}

static bool is_authoritative(const struct fake_zone *zone, const struct rrset *rrset)
{
    bool is_parent_side = rrset->type == TYPE_DS || rrset->type == TYPE_NSEC;
    return fake_zone_cut(zone, rrset->owner, is_parent_side) == NULL;
}

static int owner_compare(const void *a, const void *b)
{
    const struct name *left = a;
    const struct name *right = b;
    return name_compare(*left, *right);
}

static void nsec_add(struct fake_net *net, struct fake_zone *zone, struct name owner,
                     struct name next)
{
    uint16_t types[32];
    size_t count = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        bool is_here =
            name_equal(zone->rrsets[i].owner, owner) &&
            (is_authoritative(zone, &zone->rrsets[i]) || zone->rrsets[i].type == TYPE_NS);
        if (is_here) {
            types[count++] = zone->rrsets[i].type;
        }
    }
    types[count++] = TYPE_RRSIG;
    types[count++] = TYPE_NSEC;
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && types[j - 1] > types[j]; j--) {
            uint16_t swap = types[j];
            types[j] = types[j - 1];
            types[j - 1] = swap;
        }
    }
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(next, &rdata);
    bitmap_write(types, count, &rdata);
    zone_put(net, zone, owner, TYPE_NSEC, 60, writer_written(&rdata));
}

static void nsec_chain(struct fake_net *net, struct fake_zone *zone)
{
    struct name owners[FAKE_RRSETS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        bool is_known = false;
        for (size_t j = 0; j < count; j++) {
            is_known = is_known || name_equal(owners[j], rrset->owner);
        }
        if (!is_known && fake_zone_cut(zone, rrset->owner, true) == NULL) {
            owners[count++] = rrset->owner;
        }
    }
    qsort(owners, count, sizeof owners[0], owner_compare);
    for (size_t i = 0; i < count; i++) {
        nsec_add(net, zone, owners[i], owners[(i + 1) % count]);
    }
}

void fake_sign(struct fake_net *net, struct fake_zone *zone)
{
    if (zone->key.key == NULL) {
        fake_make_key(net, zone);
    }
    zone->is_signed = true;
    fake_remove(zone, TYPE_NSEC);
    fake_remove(zone, TYPE_DNSKEY);
    zone_put(net, zone, zone->apex, TYPE_DNSKEY, 300, zone->key.dnskey.rdata);
    nsec_chain(net, zone);
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        if (!is_authoritative(zone, rrset)) {
            continue;
        }
        uint8_t bytes[1024];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        enum status status =
            sign_rrset(rrset, zone->apex, &zone->key, net->times, &net->arena, &rdata);
        require(status == OK);
        struct rrset_builder builder;
        rrset_begin(&builder, &net->arena, rrset->owner, TYPE_RRSIG, rrset->ttl_s);
        rrset_add(&builder, writer_written(&rdata));
        status = rrset_finish(&builder, &zone->rrsigs[i]);
        require(status == OK);
    }
}
