/* Zones of the DNS in memory: records from text, what is found in them, and where they end. */
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

void fake_put_rrset(struct fake_zone *zone, const struct rrset *rrset)
{
    size_t at = zone_index(zone, rrset->owner, rrset->type);
    require(at < FAKE_RRSETS_MAX);
    zone->rrset_count += at == zone->rrset_count ? 1 : 0;
    zone->rrsets[at] = *rrset;
    zone->rrsigs[at] = (struct rrset){0};
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

bool fake_name_is_there(const struct fake_zone *zone, struct name name)
{
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (zone->rrsets[i].type != TYPE_NSEC3 &&
            name_is_at_or_below(zone->rrsets[i].owner, name)) {
            return true;
        }
    }
    return false;
}
