/* Answers taken apart into RRsets with their signatures, and signatures made anew, right or wrong
 * in any field. */
#include <string.h>

#include "core/dns/rdata.h"
#include "mutate.h"

static const char *const PLACES[] = {
    [PLACE_DATA] = "data",     [PLACE_KEYS] = "keys", [PLACE_DS] = "ds",
    [PLACE_DENIAL] = "denial", [PLACE_SOA] = "soa",   [PLACE_NONE] = "-"};

const char *place_text(enum place place)
{
    return PLACES[place];
}

/* ---------------------------------------------------------------- taken apart */

void reply_add(struct reply *reply, struct part part)
{
    if (reply->count == MUTATE_PARTS_MAX) {
        mutate_fail("too many RRsets in an answer");
    }
    reply->parts[reply->count++] = part;
}

static void reply_take(struct reply *reply, const struct rrset *rrset, enum section section)
{
    for (size_t i = 0; i < reply->count && rrset->type == TYPE_RRSIG; i++) {
        struct part *part = &reply->parts[i];
        if (part->section == section && part->rrset.type == rrset->covers &&
            name_equal(part->rrset.owner, rrset->owner)) {
            part->rrsigs = *rrset;
            return;
        }
    }
    reply_add(reply, (struct part){.rrset = *rrset, .section = section});
}

void reply_ask(const struct mutate *mutate, unsigned server, struct question question,
               struct arena *arena, struct reply *reply)
{
    uint8_t octets[512];
    struct outbox outbox;
    struct message message;
    struct span copy;
    struct event event = {.kind = EVENT_QUERY,
                          .now = {.wall_ns = mutate->now_s * MOMENT_NS_PER_S, .mono_ns = 1}};
    event.query = (struct event_query){
        .channel = 1,
        .transport = TRANSPORT_TCP,
        .peer = {.family = ADDRESS_IPV4, .octets = {127, 0, 0, 1}, .port = 40000},
        .message = message_make_query(octets, sizeof octets, 1, 0, question, true, 1232),
        .idle_ms = 10000};
    outbox_open(&outbox, 4 << 20);
    auth_handle(mutate->servers[server], &event, &outbox);
    if (outbox.count == 0 || outbox.effects[0].kind != EFFECT_REPLY ||
        arena_copy(arena, outbox.effects[0].reply.message, &copy) != OK ||
        message_read(copy, arena, &message) != OK) {
        mutate_fail("a question without an answer");
    }
    outbox_close(&outbox);
    *reply = (struct reply){.question = question, .flags = message.flags, .rcode = message.rcode};
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (size_t i = 0; i < message.sections[section].count; i++) {
            reply_take(reply, &message.sections[section].rrsets[i], section);
        }
    }
}

enum place edit_place(const struct edit *edit, const struct part *part)
{
    const struct name apex = edit->subject->zone.name;
    uint16_t type = part->rrset.type;
    if (part->rrset.count == 0 || part->rrsigs.count == 0) {
        return PLACE_NONE;
    }
    if (type == TYPE_DS && name_equal(part->rrset.owner, apex)) {
        return PLACE_DS;
    }
    struct rrsig rrsig;
    if (rrsig_read(rrset_only(&part->rrsigs), &rrsig) != OK || !name_equal(rrsig.signer, apex)) {
        return PLACE_NONE;
    }
    if (type == TYPE_DNSKEY) {
        return PLACE_KEYS;
    }
    if (type == TYPE_NSEC || type == TYPE_NSEC3) {
        return PLACE_DENIAL;
    }
    if (type == TYPE_SOA) {
        return PLACE_SOA;
    }
    return part->section == SECTION_ANSWER && type != TYPE_DS ? PLACE_DATA : PLACE_NONE;
}

/* ---------------------------------------------------------------- put together */

struct part *edit_find(struct edit *edit, enum section section, uint16_t type)
{
    for (size_t i = 0; i < edit->reply.count; i++) {
        struct part *part = &edit->reply.parts[i];
        if (part->section == section && part->rrset.type == type && part->rrset.count > 0) {
            return part;
        }
    }
    return NULL;
}

void edit_add_zone_set(struct edit *edit, const struct zone *zone, struct name owner, uint16_t type)
{
    const struct zone_node *node = zone_find(zone, owner);
    const struct rrset *rrset = node == NULL ? NULL : zone_node_rrset(node, type);
    const struct rrset *rrsigs = node == NULL ? NULL : zone_node_rrsigs(node, type);
    if (rrset == NULL || rrsigs == NULL) {
        mutate_fail("an RRset is not there");
    }
    reply_add(&edit->reply,
              (struct part){.rrset = *rrset, .rrsigs = *rrsigs, .section = SECTION_AUTHORITY});
}

void edit_add_set(struct edit *edit, enum section section, struct name owner, uint16_t type,
                  const char *text)
{
    uint8_t octets[512];
    struct writer rdata = writer_over(octets, sizeof octets);
    struct rrset_builder builder;
    struct part part = {.section = section};
    rrset_begin(&builder, edit->arena, owner, type, MUTATE_TTL_S);
    if (rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &rdata, NULL) != OK) {
        mutate_fail(text);
    }
    rrset_add(&builder, writer_written(&rdata));
    if (rrset_finish(&builder, &part.rrset) != OK) {
        mutate_fail(text);
    }
    reply_add(&edit->reply, part);
}

void edit_answer_other(struct edit *edit, unsigned server, struct name name, uint16_t type)
{
    struct question question = edit->reply.question;
    reply_ask(edit->mutate, server, (struct question){name, type, CLASS_IN}, edit->arena,
              &edit->reply);
    edit->reply.question = question;
}

/* ---------------------------------------------------------------- signed anew */

static const struct made_zone *find_signer(const struct edit *edit, struct name signer)
{
    const struct made_zone *zones[] = {&edit->subject->zone, &edit->subject->secure,
                                       &edit->mutate->tld};
    for (size_t i = 0; i < LEN(zones); i++) {
        if (name_equal(zones[i]->name, signer)) {
            return zones[i];
        }
    }
    return NULL;
}

static const struct signing_key *find_key(const struct edit *edit, const struct rrsig *rrsig,
                                          enum forge_key which)
{
    const struct made_zone *zone = find_signer(edit, rrsig->signer);
    if (zone == NULL) {
        return NULL;
    }
    if (which == FORGE_KEY_STRANGER) {
        return &edit->subject->stranger.signing;
    }
    if (which == FORGE_KEY_LAST) {
        return &zone->keys[zone->key_count - 1].signing;
    }
    for (size_t i = 0; i < zone->key_count; i++) {
        if (zone->keys[i].signing.dnskey.tag == rrsig->tag &&
            zone->keys[i].signing.dnskey.algorithm == rrsig->algorithm) {
            return &zone->keys[i].signing;
        }
    }
    return NULL;
}

static struct name forge_signer(const struct edit *edit, const struct rrsig *rrsig,
                                enum forge_signer which, struct name_buffer *buffer)
{
    if (which == FORGE_SIGNER_PARENT && rrsig->signer.label_count > 0) {
        return name_parent(rrsig->signer);
    }
    if (which == FORGE_SIGNER_SIBLING) {
        struct name sibling;
        if (name_make_child(SPAN_LITERAL("sibling"), edit->mutate->tld.name, buffer, &sibling) !=
            OK) {
            mutate_fail("no sibling");
        }
        return sibling;
    }
    return rrsig->signer;
}

/* The fields, as they are to be and as they are signed. */
static void forge_fields(const struct edit *edit, struct rrsig *rrsig, const struct forge *forge,
                         const struct dnskey *dnskey, struct name_buffer *buffer)
{
    if (forge->inception_s != 0 || forge->expiration_s != 0) {
        rrsig->inception_s = (uint32_t)(edit->mutate->now_s + forge->inception_s);
        rrsig->expiration_s = (uint32_t)(edit->mutate->now_s + forge->expiration_s);
    }
    rrsig->labels = (uint8_t)(rrsig->labels + forge->labels);
    rrsig->original_ttl_s += forge->ttl_more_s;
    rrsig->tag = dnskey->tag ^ forge->tag_bits;
    rrsig->algorithm = forge->algorithm != 0 ? forge->algorithm : dnskey->algorithm;
    rrsig->covers = forge->covers != 0 ? forge->covers : rrsig->covers;
    rrsig->signer = forge_signer(edit, rrsig, forge->signer, buffer);
}

/* Behind the fields that stand in `rdata` already. */
static void forge_signature(const struct edit *edit, const struct part *part,
                            const struct rrsig *rrsig, const struct signing_key *key,
                            struct writer *rdata)
{
    struct canonical canonical;
    struct name_buffer buffer;
    struct name owner = part->rrset.owner;
    if (rrsig->labels < owner.label_count && !name_is_wildcard(owner)) {
        if (name_make_wildcard(name_ancestor(owner, rrsig->labels), &buffer, &owner) != OK) {
            mutate_fail("no wildcard");
        }
    }
    if (canonical_make(&part->rrset, owner, rrsig->original_ttl_s, edit->arena, &canonical) != OK) {
        mutate_fail("no canonical form");
    }
    canonical.parts[0] = writer_written(rdata);
    if (key_sign(key->key, canonical.parts, canonical.count, rdata) != OK) {
        mutate_fail("no signature");
    }
}

static void forge_one(const struct edit *edit, const struct part *part, struct span before,
                      const struct forge *forge, struct rrset_builder *rrsigs)
{
    struct rrsig rrsig;
    struct name_buffer buffer;
    uint8_t octets[SIGN_PREFIX_LEN_MAX + KEY_SIGNATURE_LEN_MAX];
    struct writer rdata = writer_over(octets, sizeof octets);
    if (rrsig_read(before, &rrsig) != OK) {
        mutate_fail("a malformed RRSIG");
    }
    const struct signing_key *key = find_key(edit, &rrsig, forge->key);
    if (key == NULL) {
        rrset_add(rrsigs, before);
        return;
    }
    if (forge->adds) {
        rrset_add(rrsigs, before);
    }
    forge_fields(edit, &rrsig, forge, &key->dnskey, &buffer);
    writer_u16(&rdata, rrsig.covers);
    writer_u8(&rdata, rrsig.algorithm);
    writer_u8(&rdata, rrsig.labels);
    writer_u32(&rdata, rrsig.original_ttl_s);
    writer_u32(&rdata, rrsig.expiration_s);
    writer_u32(&rdata, rrsig.inception_s);
    writer_u16(&rdata, rrsig.tag);
    name_write(rrsig.signer, &rdata);
    size_t prefix_len = rdata.len;
    if (forge->keeps_signature) {
        writer_span(&rdata, rrsig.signature);
    } else {
        forge_signature(edit, part, &rrsig, key, &rdata);
    }
    if (forge->turns_a_bit) {
        octets[rdata.len - 1] ^= 1;
    }
    if (forge->signature_len != 0) {
        writer_rewind(&rdata, prefix_len + forge->signature_len);
    }
    rrset_add(rrsigs, writer_written(&rdata));
}

void forge_part(const struct edit *edit, struct part *part, const struct forge *forge)
{
    struct rrset_builder rrsigs;
    struct span rdata;
    if (part->rrsigs.count == 0 || part->rrset.count == 0) {
        return;
    }
    rrset_begin(&rrsigs, edit->arena, part->rrset.owner, TYPE_RRSIG, part->rrsigs.ttl_s);
    for (struct rrset_cursor cursor = rrset_first(&part->rrsigs); rrset_next(&cursor, &rdata);) {
        forge_one(edit, part, rdata, forge, &rrsigs);
    }
    if (rrset_finish(&rrsigs, &part->rrsigs) != OK) {
        mutate_fail("no RRSIG");
    }
}
