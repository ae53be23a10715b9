/* What faults do to an RRset and its signatures. */
#include "mutate_edit.h"

#include <string.h>

#include "core/zone/zone_chain.h"

enum { TYPES_KNOWN_MAX = 300, RDATA_SIZE = 2048, TTL_MORE_S = 1000 };

static struct rrset_builder begin(const struct edit *edit, const struct part *part)
{
    struct rrset_builder builder;
    rrset_begin(&builder, edit->arena, part->rrset.owner, part->rrset.type, part->rrset.ttl_s);
    return builder;
}

static struct rrset_builder begin_with_all(const struct edit *edit, const struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(&part->rrset); rrset_next(&cursor, &rdata);) {
        rrset_add(&builder, rdata);
    }
    return builder;
}

static void end(struct part *part, struct rrset_builder *builder)
{
    if (rrset_finish(builder, &part->rrset) != OK) {
        mutate_fail("no RRset");
    }
}

static void end_signed(const struct edit *edit, struct part *part, struct rrset_builder *builder,
                       enum forge_key key)
{
    end(part, builder);
    forge_part(edit, part, &(struct forge){.key = key});
}

static struct span copy_of(const struct edit *edit, struct span bytes, uint8_t **octets)
{
    *octets = arena_take(edit->arena, bytes.len);
    if (*octets == NULL) {
        mutate_fail("out of memory");
    }
    memcpy(*octets, bytes.bytes, bytes.len);
    return span_of(*octets, bytes.len);
}

/* ---------------------------------------------------------------- DS */

void edit_ds(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    const struct ds_form *forms = edit->subject->fault->ds;
    for (size_t i = 0; i < LEN(edit->subject->fault->ds) && forms[i].digest != 0; i++) {
        uint8_t octets[64];
        struct writer ds = writer_over(octets, sizeof octets);
        zones_make_ds(&edit->subject->zone, forms[i].digest, &ds);
        octets[0] ^= (uint8_t)(forms[i].tag_bits >> 8);
        octets[1] ^= (uint8_t)forms[i].tag_bits;
        octets[2] = forms[i].algorithm != 0 ? forms[i].algorithm : octets[2];
        octets[3] = forms[i].written_digest != 0 ? forms[i].written_digest : octets[3];
        octets[ds.len - 1] ^= forms[i].turns_a_bit;
        if (forms[i].digest_len != 0) {
            writer_rewind(&ds, 4 + (size_t)forms[i].digest_len);
        }
        rrset_add(&builder, writer_written(&ds));
    }
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

/* ---------------------------------------------------------------- records */

/* An octet whose change leaves the rdata well formed: of an NSEC3, one of the next hash. */
static size_t octet_of(uint16_t type, struct span rdata)
{
    switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_DNAME:
    case TYPE_NSEC:
    case TYPE_MX:
    case TYPE_SRV:
        return 1;
    case TYPE_NSEC3:
        return 6 + (size_t)rdata.bytes[4];
    default:
        return rdata.len - 1;
    }
}

static struct span turned(const struct edit *edit, const struct part *part)
{
    uint8_t *octets;
    struct span rdata = copy_of(edit, rrset_only(&part->rrset), &octets);
    octets[octet_of(part->rrset.type, rdata)] ^= 1;
    return rdata;
}

void edit_turn_octet(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    struct rrset_cursor cursor = rrset_first(&part->rrset);
    struct span rdata;
    rrset_add(&builder, turned(edit, part));
    for (bool is_first = true; rrset_next(&cursor, &rdata); is_first = false) {
        if (!is_first) {
            rrset_add(&builder, rdata);
        }
    }
    end(part, &builder);
}

void edit_add_record(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin_with_all(edit, part);
    rrset_add(&builder, turned(edit, part));
    end(part, &builder);
}

void edit_remove_record(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    if (part->rrset.count > 1) {
        rrset_add(&builder, rrset_only(&part->rrset));
        end(part, &builder);
    }
}

void edit_drop_signatures(const struct edit *edit, struct part *part)
{
    (void)edit;
    part->rrsigs = (struct rrset){0};
}

void edit_only_unknown_signature(const struct edit *edit, struct part *part)
{
    forge_part(edit, part, &(struct forge){.algorithm = MUTATE_UNKNOWN});
}

void edit_raise_ttl(const struct edit *edit, struct part *part)
{
    (void)edit;
    part->rrset.ttl_s += TTL_MORE_S;
    part->rrsigs.ttl_s += TTL_MORE_S;
}

void edit_lower_ttl(const struct edit *edit, struct part *part)
{
    (void)edit;
    part->rrset.ttl_s /= 2;
    part->rrsigs.ttl_s /= 2;
}

void edit_raise_case(const struct edit *edit, struct part *part)
{
    uint8_t *octets;
    struct name owner = part->rrset.owner;
    owner.octets = copy_of(edit, name_span(owner), &octets).bytes;
    for (size_t i = 0; i < owner.len; i++) {
        if (octets[i] >= 'a' && octets[i] <= 'z') {
            octets[i] ^= 0x20;
        }
    }
    part->rrset.owner = owner;
    part->rrsigs.owner = owner;
}

void edit_reverse_records(const struct edit *edit, struct part *part)
{
    uint8_t *octets;
    struct span whole = copy_of(edit, span_of(part->rrset.rdata, part->rrset.rdata_len), &octets);
    size_t at = whole.len;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(&part->rrset); rrset_next(&cursor, &rdata);) {
        at -= rdata.len + 2;
        memcpy(octets + at, rdata.bytes - 2, rdata.len + 2);
    }
    part->rrset.rdata = octets;
}

static void other_algorithm(const struct edit *edit, struct part *part, bool is_kept)
{
    struct rrset_builder builder;
    struct span rdata;
    rrset_begin(&builder, edit->arena, part->rrset.owner, TYPE_RRSIG, part->rrsigs.ttl_s);
    for (struct rrset_cursor cursor = rrset_first(&part->rrsigs); rrset_next(&cursor, &rdata);) {
        uint8_t *octets;
        struct span copy = copy_of(edit, rdata, &octets);
        if (octets[2] == edit->subject->other_algorithm) {
            octets[copy.len - 1] ^= 1;
            if (!is_kept) {
                continue;
            }
        }
        rrset_add(&builder, copy);
    }
    if (rrset_finish(&builder, &part->rrsigs) != OK) {
        mutate_fail("no RRSIG");
    }
}

void edit_drop_other_algorithm(const struct edit *edit, struct part *part)
{
    other_algorithm(edit, part, false);
}

void edit_spoil_other_algorithm(const struct edit *edit, struct part *part)
{
    other_algorithm(edit, part, true);
}

/* ---------------------------------------------------------------- keys */

static void add_key(const struct edit *edit, struct part *part, uint8_t algorithm,
                    struct span public_key)
{
    uint8_t octets[MUTATE_DNSKEY_LEN_MAX];
    struct writer rdata = writer_over(octets, sizeof octets);
    struct rrset_builder builder = begin_with_all(edit, part);
    dnskey_write(DNSKEY_FLAGS_KSK, algorithm, public_key, &rdata);
    rrset_add(&builder, writer_written(&rdata));
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

void edit_add_unknown_key(const struct edit *edit, struct part *part)
{
    add_key(edit, part, MUTATE_UNKNOWN, SPAN_LITERAL("some thirty-two octets of a key."));
}

void edit_add_malformed_key(const struct edit *edit, struct part *part)
{
    add_key(edit, part, edit->subject->algorithm, SPAN_LITERAL("short"));
}

/* The tag is a sum, so two pairs of octets may change places (RFC 4034 appendix B). */
void edit_add_colliding_key(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin_with_all(edit, part);
    uint8_t *octets;
    struct span rdata = copy_of(edit, edit->subject->zone.keys[0].signing.dnskey.rdata, &octets);
    size_t at = (rdata.len - 4) & ~(size_t)1;
    for (size_t i = 0; i < 2; i++) {
        uint8_t kept = octets[at + i];
        octets[at + i] = octets[at - 2 + i];
        octets[at - 2 + i] = kept;
    }
    rrset_add(&builder, rdata);
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

void edit_add_stranger_key(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin_with_all(edit, part);
    rrset_add(&builder, edit->subject->stranger.signing.dnskey.rdata);
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

void edit_swap_keys(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    rrset_add(&builder, edit->subject->stranger.signing.dnskey.rdata);
    end_signed(edit, part, &builder, FORGE_KEY_STRANGER);
}

void edit_remove_last_key(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    rrset_add(&builder, edit->subject->zone.keys[0].signing.dnskey.rdata);
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

void edit_remove_first_key(const struct edit *edit, struct part *part)
{
    struct rrset_builder builder = begin(edit, part);
    rrset_add(&builder, edit->subject->zone.keys[1].signing.dnskey.rdata);
    end_signed(edit, part, &builder, FORGE_KEY_LAST);
}

/* ---------------------------------------------------------------- denial */

/* What an NSEC or NSEC3 says, to be written again. */
struct link {
    struct nsec nsec; /* its bitmap is that of an NSEC3 too */
    struct nsec3 nsec3;
    uint16_t types[TYPES_KNOWN_MAX];
    size_t type_count;
};

static void link_read(const struct part *part, struct link *link)
{
    *link = (struct link){0};
    bool is_hashed = part->rrset.type == TYPE_NSEC3;
    struct span rdata = rrset_only(&part->rrset);
    if ((is_hashed ? nsec3_read(rdata, &link->nsec3) : nsec_read(rdata, &link->nsec)) != OK) {
        mutate_fail("a malformed denial");
    }
    struct span bitmap = is_hashed ? link->nsec3.bitmap : link->nsec.bitmap;
    for (uint16_t type = 0; type < TYPES_KNOWN_MAX; type++) {
        if (bitmap_has(bitmap, type)) {
            link->types[link->type_count++] = type;
        }
    }
}

static void link_write(const struct edit *edit, struct part *part, const struct link *link)
{
    uint8_t octets[RDATA_SIZE];
    struct writer rdata = writer_over(octets, sizeof octets);
    if (part->rrset.type == TYPE_NSEC3) {
        writer_u8(&rdata, link->nsec3.algorithm);
        writer_u8(&rdata, link->nsec3.flags);
        writer_u16(&rdata, link->nsec3.iterations);
        writer_u8(&rdata, (uint8_t)link->nsec3.salt.len);
        writer_span(&rdata, link->nsec3.salt);
        writer_u8(&rdata, (uint8_t)link->nsec3.next_hash.len);
        writer_span(&rdata, link->nsec3.next_hash);
    } else {
        name_write(link->nsec.next, &rdata);
    }
    bitmap_write(link->types, link->type_count, &rdata);
    struct rrset_builder builder = begin(edit, part);
    rrset_add(&builder, writer_written(&rdata));
    end_signed(edit, part, &builder, FORGE_KEY_SAME);
}

static void link_set(struct link *link, uint16_t type, bool is_in)
{
    size_t count = 0;
    uint16_t types[TYPES_KNOWN_MAX + 1];
    for (size_t i = 0; i < link->type_count; i++) {
        if (is_in && link->types[i] > type && (count == 0 || types[count - 1] < type)) {
            types[count++] = type;
        }
        if (link->types[i] != type) {
            types[count++] = link->types[i];
        }
    }
    if (is_in && (count == 0 || types[count - 1] < type)) {
        types[count++] = type;
    }
    require(count <= TYPES_KNOWN_MAX);
    memcpy(link->types, types, count * sizeof types[0]);
    link->type_count = count;
}

static void set_type(const struct edit *edit, struct part *part, uint16_t type, bool is_in)
{
    struct link link;
    link_read(part, &link);
    link_set(&link, type, is_in);
    link_write(edit, part, &link);
}

void edit_bitmap_type(const struct edit *edit, struct part *part)
{
    set_type(edit, part, edit->reply.question.type, true);
}

void edit_bitmap_cname(const struct edit *edit, struct part *part)
{
    set_type(edit, part, TYPE_CNAME, true);
}

/* Writes the link with another next name or hash. */
static void set_next(const struct edit *edit, struct part *part, struct name next, int step)
{
    struct link link;
    uint8_t hash[NSEC3_HASH_LEN];
    link_read(part, &link);
    link.nsec.next = next;
    if (part->rrset.type == TYPE_NSEC3) {
        if (!chain_owner_hash(edit->subject->zone.name, part->rrset.owner, hash)) {
            mutate_fail("an NSEC3 without hash");
        }
        hash[NSEC3_HASH_LEN - 1] = (uint8_t)(hash[NSEC3_HASH_LEN - 1] + step);
        link.nsec3.next_hash = span_of(hash, sizeof hash);
    }
    link_write(edit, part, &link);
}

void edit_next_short(const struct edit *edit, struct part *part)
{
    struct name_buffer buffer;
    struct name next;
    if (name_make_child(SPAN_LITERAL("\0"), part->rrset.owner, &buffer, &next) != OK) {
        mutate_fail("a name too long");
    }
    set_next(edit, part, next, 1);
}

void edit_next_self(const struct edit *edit, struct part *part)
{
    set_next(edit, part, part->rrset.owner, 0);
}

void edit_next_outside(const struct edit *edit, struct part *part)
{
    struct name_buffer buffer;
    set_next(edit, part, zones_name("zz.tld.", &buffer), 0);
}

static void set_parameters(const struct edit *edit, struct part *part, struct nsec3 change,
                           uint8_t flags_kept)
{
    struct link link;
    uint8_t salt[256];
    link_read(part, &link);
    link.nsec3.algorithm += change.algorithm;
    link.nsec3.flags = (uint8_t)((link.nsec3.flags & flags_kept) | change.flags);
    link.nsec3.iterations += change.iterations;
    memcpy(salt, link.nsec3.salt.bytes, link.nsec3.salt.len);
    memcpy(salt + link.nsec3.salt.len, change.salt.bytes, change.salt.len);
    link.nsec3.salt = span_of(salt, link.nsec3.salt.len + change.salt.len);
    link_write(edit, part, &link);
}

void edit_hash_unknown(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part, (struct nsec3){.algorithm = 1, .salt = SPAN_LITERAL("")}, 0xff);
}

void edit_flags_unknown(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part, (struct nsec3){.flags = 0x80, .salt = SPAN_LITERAL("")}, 0xff);
}

void edit_opt_out_set(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part,
                   (struct nsec3){.flags = NSEC3_FLAG_OPT_OUT, .salt = SPAN_LITERAL("")}, 0xff);
}

void edit_opt_out_clear(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part, (struct nsec3){.salt = SPAN_LITERAL("")}, 0);
}

void edit_salt_wrong(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part, (struct nsec3){.salt = SPAN_LITERAL("s")}, 0xff);
}

void edit_iterations_wrong(const struct edit *edit, struct part *part)
{
    set_parameters(edit, part, (struct nsec3){.iterations = 1, .salt = SPAN_LITERAL("")}, 0xff);
}

/* ---------------------------------------------------------------- unsigned delegations */

static void set_cut_type(const struct edit *edit, struct part *part, uint16_t type, bool is_in)
{
    if (edit_matches(edit, part, edit->subject->plain.name)) {
        set_type(edit, part, type, is_in);
    }
}

void edit_cut_bitmap_ds(const struct edit *edit, struct part *part)
{
    set_cut_type(edit, part, TYPE_DS, true);
}

void edit_cut_bitmap_no_ns(const struct edit *edit, struct part *part)
{
    set_cut_type(edit, part, TYPE_NS, false);
}

void edit_cut_bitmap_soa(const struct edit *edit, struct part *part)
{
    set_cut_type(edit, part, TYPE_SOA, true);
}
