#pragma once
/* Making one fault in a good signed zone, step by step: records put in, taken out and altered, and
 * signed anew where the fault is to be in what they say and not in their signature. A step names
 * its RRset as "OWNER TYPE": the owner below the apex, "@" for the apex, "#OWNER" for its NSEC3
 * hash. Include after cmocka.h. */
#include "core/base/text.h"
#include "core/dnssec/denial.h"
#include "core/zone/test_zone.h"

#define TEST_APEX "example."

enum test_op {
    STEP_NONE,
    ADD,         /* "OWNER TYPE RDATA", unsigned */
    REMOVE,      /* that one record */
    SET,         /* in place of the RRset, signed by the zone key */
    SET_BY_KSK,  /* the same, signed by the key signing key */
    DROP,        /* the RRset */
    DROP_BOTH,   /* the RRset and its RRSIGs */
    DROP_RRSIGS, /* those over it */
    DROP_NODE,   /* "OWNER" */
    COPY_RRSIGS, /* "OWNER TYPE TO": those over the type to another name */
    COPY_BOTH,   /* the RRset too */
    RAISE_TTL,   /* of the RRset */
    RAISE_RRSIG_TTL,
    BREAK_RDATA,   /* the last bit but one of the first record */
    BREAK_RRSIG,   /* the same of the signature */
    CUT_RRSIG,     /* an octet too short */
    EMPTY_RRSIG,   /* no signature in it */
    ZERO_RRSIG,    /* all zeros */
    SPOIL_RRSIG,   /* "OWNER TYPE OFFSET": a bit of that octet of the RRSIG */
    EXPIRE,        /* signed anew, until yesterday */
    POSTPONE,      /* from tomorrow on */
    SIGN_AS_ROOT,  /* with the root as signer */
    SIGN_AS_CHILD, /* with a name below the apex as signer */
    SIGN_SHORT,    /* one label less, as over a wildcard */
    SIGN_LONG,     /* one label more */
    SIGN_BY_OTHER, /* by a key that is not in the zone */
    SIGN_BY_ZSK,   /* by the zone key alone */
    LEAD,          /* "OWNER TYPE TO": the next name or hash, signed */
    TOGGLE,        /* "OWNER TYPE SHOWN": a type in the bitmap, signed */
    PAD_BITMAP,    /* a zero behind the last octet of the bitmap, signed */
    SET_FLAGS,     /* "OWNER TYPE FLAGS" of an NSEC3, signed */
    SHORTEN_NEXT,  /* the next hash by an octet, signed */
    REPEAT_RECORD, /* "OWNER TYPE TO": a second NSEC3 that leads there, signed */
    CLASH,         /* another key with the zone key's tag, the set signed */
    REVOKE         /* all key signing keys, the set signed */
};

struct test_step {
    enum test_op op;
    const char *line;
};

struct test_making {
    const struct zone *good;
    struct zone_builder *builder;
    const struct test_keys *keys; /* the KSK, the ZSK, and one that is not published */
    int64_t now_s;
};

/* The words of a step. */
struct test_target {
    struct name owner;
    struct name_buffer buffer;
    uint16_t type;
    char rest[400];
};

TEST_HELPER struct name test_owner(const char *word, struct name_buffer *buffer)
{
    char text[400];
    if (strcmp(word, "@") == 0) {
        return test_name(TEST_APEX, buffer);
    }
    if (word[0] != '#') {
        snprintf(text, sizeof text, "%s." TEST_APEX, word);
        return test_name(text, buffer);
    }
    struct name_buffer plain;
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t label[64];
    struct writer writer = writer_over(label, sizeof label);
    assert_int_equal(nsec3_hash(test_owner(word + 1, &plain), SPAN_EMPTY, 0, hash), OK);
    text_write_base32hex(&writer, span_of(hash, sizeof hash));
    snprintf(text, sizeof text, "%.*s." TEST_APEX, (int)writer.len, (const char *)label);
    return test_name(text, buffer);
}

TEST_HELPER void test_target_read(const char *line, struct test_target *target)
{
    char owner[100], type[40] = "A";
    int at = 0;
    target->rest[0] = '\0';
    assert_true(sscanf(line, "%99s %39s %n", owner, type, &at) >= 1);
    if (at > 0) {
        snprintf(target->rest, sizeof target->rest, "%s", line + at);
    }
    target->owner = test_owner(owner, &target->buffer);
    assert_int_equal(type_parse(span_of_text(type), &target->type), OK);
}

/* One RRset as it stands now. */
TEST_HELPER const struct rrset *test_rrset(const struct test_making *making,
                                           const struct test_target *target, uint16_t type,
                                           uint16_t covers)
{
    const struct rrset *rrset = zone_build_rrset(making->builder, target->owner, type, covers);
    if (rrset == NULL) {
        char text[NAME_TEXT_MAX], type_text[TYPE_TEXT_MAX];
        fail_msg("%s has no %s", name_print(target->owner, text), type_print(type, type_text));
    }
    return rrset;
}

TEST_HELPER void test_put(const struct test_making *making, const struct rrset *rrset, size_t count)
{
    struct rrset put = *rrset;
    put.count = (uint16_t)count;
    put.rdata_len = count == 0 ? 0 : put.rdata_len;
    assert_int_equal(zone_build_set(making->builder, &put), OK);
}

/* Puts an RRset with one record of those octets in place of another. */
TEST_HELPER void test_put_rdata(const struct test_making *making, const struct rrset *like,
                                struct span rdata)
{
    uint8_t octets[2 + 4096];
    struct writer packed = writer_over(octets, sizeof octets);
    writer_u16(&packed, (uint16_t)rdata.len);
    writer_span(&packed, rdata);
    assert_int_equal(packed.status, OK);
    struct rrset put = *like;
    struct name_buffer owner;
    name_copy_to(like->owner, &owner, &put.owner);
    put.rdata = octets;
    put.rdata_len = (uint32_t)packed.len;
    put.count = 1;
    assert_int_equal(zone_build_set(making->builder, &put), OK);
}

/* How an RRset is signed, apart from the zone's signer, so that it can be done wrong. */
struct test_signing {
    const struct zone_key *key;
    struct name signer;
    int labels_more;
    int64_t inception_s, expiration_s;
};

TEST_HELPER struct test_signing test_signing_usual(const struct test_making *making, size_t key)
{
    return (struct test_signing){.key = &making->keys->keys[key],
                                 .signer = zone_apex(making->good),
                                 .inception_s = making->now_s - 3600,
                                 .expiration_s = making->now_s + 7 * 86400};
}

TEST_HELPER void test_sign_rrset(const struct test_making *making, const struct test_target *target,
                                 const struct test_signing *signing)
{
    static uint8_t octets[1 << 16];
    static uint8_t message_octets[1 << 16];
    const struct rrset *rrset = test_rrset(making, target, target->type, 0);
    struct writer rrsig = writer_over(octets, sizeof octets);
    struct writer message = writer_over(message_octets, sizeof message_octets);
    writer_u16(&rrsig, rrset->type);
    writer_u8(&rrsig, signing->key->signing.dnskey.algorithm);
    writer_u8(&rrsig, (uint8_t)(rrset->owner.label_count - name_is_wildcard(rrset->owner) +
                                signing->labels_more));
    writer_u32(&rrsig, rrset->ttl_s);
    writer_u32(&rrsig, (uint32_t)signing->expiration_s);
    writer_u32(&rrsig, (uint32_t)signing->inception_s);
    writer_u16(&rrsig, dnskey_tag(signing->key->signing.dnskey.rdata));
    name_write(signing->signer, &rrsig);
    writer_span(&message, writer_written(&rrsig));
    struct span rdata;
    struct name_buffer buffer;
    struct name signed_owner = rrset->owner;
    if (signing->labels_more < 0) {
        assert_int_equal(name_make_wildcard(name_parent(rrset->owner), &buffer, &signed_owner), OK);
    }
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        name_write(signed_owner, &message);
        writer_u16(&message, rrset->type);
        writer_u16(&message, rrset->class_);
        writer_u32(&message, rrset->ttl_s);
        writer_u16(&message, (uint16_t)rdata.len);
        rdata_write_canonical(rrset->type, rdata, &message);
    }
    struct span whole = writer_written(&message);
    assert_int_equal(key_sign(signing->key->signing.key, &whole, 1, &rrsig), OK);
    struct rrset like = *rrset;
    like.type = TYPE_RRSIG;
    like.covers = rrset->type;
    test_put_rdata(making, &like, writer_written(&rrsig));
}

TEST_HELPER void test_sign_usual(const struct test_making *making, const struct test_target *target)
{
    bool is_keys =
        target->type == TYPE_DNSKEY || target->type == TYPE_CDS || target->type == TYPE_CDNSKEY;
    struct test_signing signing = test_signing_usual(making, is_keys ? 0 : 1);
    test_sign_rrset(making, target, &signing);
}

/* Signatures altered. */
TEST_HELPER void test_step_rrsig(const struct test_making *making, enum test_op op,
                                 const struct test_target *target)
{
    const struct rrset *rrsigs = test_rrset(making, target, TYPE_RRSIG, target->type);
    struct span rdata = rrset_only(rrsigs);
    struct rrsig rrsig;
    assert_int_equal(rrsig_read(rdata, &rrsig), OK);
    uint8_t octets[4096];
    assert_true(rdata.len <= sizeof octets);
    memcpy(octets, rdata.bytes, rdata.len);
    size_t len = rdata.len;
    if (op == BREAK_RRSIG) {
        octets[len - 1] ^= 2;
    } else if (op == CUT_RRSIG) {
        len--;
    } else if (op == EMPTY_RRSIG) {
        len = rrsig.prefix.len;
    } else if (op == ZERO_RRSIG) {
        memset(octets + rrsig.prefix.len, 0, len - rrsig.prefix.len);
    } else {
        octets[strtoul(target->rest, NULL, 10)] ^= 1;
    }
    struct rrset like = *rrsigs;
    test_put_rdata(making, &like, span_of(octets, len));
}

/* Signed anew in some wrong way. */
TEST_HELPER void test_step_sign(const struct test_making *making, enum test_op op,
                                const struct test_target *target)
{
    struct test_signing signing = test_signing_usual(making, 1);
    struct name_buffer buffer;
    if (op == EXPIRE) {
        signing.expiration_s = making->now_s - 86400;
        signing.inception_s = making->now_s - 7 * 86400;
    } else if (op == POSTPONE) {
        signing.inception_s = making->now_s + 86400;
    } else if (op == SIGN_AS_ROOT) {
        signing.signer = NAME_ROOT;
    } else if (op == SIGN_AS_CHILD) {
        signing.signer = test_owner("mail", &buffer);
    } else if (op == SIGN_SHORT || op == SIGN_LONG) {
        signing.labels_more = op == SIGN_SHORT ? -1 : 1;
    } else if (op == SIGN_BY_OTHER) {
        signing.key = &making->keys->keys[2];
    }
    test_sign_rrset(making, target, &signing);
}

/* The rdata of the one NSEC or NSEC3 altered, and signed. */
TEST_HELPER void test_step_chain(const struct test_making *making, enum test_op op,
                                 const struct test_target *target)
{
    const struct rrset *rrset = test_rrset(making, target, target->type, 0);
    struct span rdata = rrset_only(rrset);
    struct nsec nsec = {.next = NAME_ROOT};
    struct nsec3 nsec3 = {0};
    struct name_buffer buffer;
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t octets[4096];
    struct writer writer = writer_over(octets, sizeof octets);
    bool is_nsec = target->type == TYPE_NSEC;
    assert_int_equal(is_nsec ? nsec_read(rdata, &nsec) : nsec3_read(rdata, &nsec3), OK);
    struct span bitmap = is_nsec ? nsec.bitmap : nsec3.bitmap;
    if (op == LEAD || op == REPEAT_RECORD) {
        struct name to = test_owner(target->rest, &buffer);
        struct writer bytes = writer_over(hash, sizeof hash);
        nsec.next = to;
        if (!is_nsec) {
            assert_int_equal(text_read_base32hex(name_label(to, 0), &bytes), OK);
            nsec3.next_hash = writer_written(&bytes);
        }
    } else if (op == SET_FLAGS) {
        nsec3.flags = (uint8_t)strtoul(target->rest, NULL, 10);
    } else if (op == SHORTEN_NEXT) {
        nsec3.next_hash.len--;
    }
    if (is_nsec) {
        name_write(nsec.next, &writer);
    } else {
        writer_u8(&writer, nsec3.algorithm);
        writer_u8(&writer, nsec3.flags);
        writer_u16(&writer, nsec3.iterations);
        writer_u8(&writer, (uint8_t)nsec3.salt.len);
        writer_span(&writer, nsec3.salt);
        writer_u8(&writer, (uint8_t)nsec3.next_hash.len);
        writer_span(&writer, nsec3.next_hash);
    }
    if (op == TOGGLE) {
        uint16_t toggled, types[300];
        size_t count = 0;
        assert_int_equal(type_parse(span_of_text(target->rest), &toggled), OK);
        for (uint16_t type = 1; type < LEN(types); type++) {
            if (bitmap_has(bitmap, type) != (type == toggled)) {
                types[count++] = type;
            }
        }
        bitmap_write(types, count, &writer);
    } else {
        size_t at = writer.len;
        writer_span(&writer, bitmap);
        if (op == PAD_BITMAP) {
            octets[at + 1]++;
            writer_u8(&writer, 0);
        }
    }
    if (op == REPEAT_RECORD) {
        assert_int_equal(zone_build_add(making->builder, target->owner, target->type, rrset->ttl_s,
                                        writer_written(&writer)),
                         OK);
    } else {
        struct rrset like = *rrset;
        test_put_rdata(making, &like, writer_written(&writer));
    }
    test_sign_usual(making, target);
}

/* A change of the DNSKEY set, signed by the key signing key as it then is. */
TEST_HELPER void test_step_keys(const struct test_making *making, enum test_op op)
{
    struct test_target target;
    test_target_read("@ DNSKEY", &target);
    uint8_t octets[4 + KEY_PUBLIC_LEN_MAX];
    const struct zone_key *key = &making->keys->keys[op == CLASH ? 1 : 0];
    struct span rdata = key->signing.dnskey.rdata;
    memcpy(octets, rdata.bytes, rdata.len);
    struct zone_key signer = making->keys->keys[0];
    if (op == CLASH) {
        memcpy(octets + 4, rdata.bytes + 6, 2); /* two words of a sum change places */
        memcpy(octets + 6, rdata.bytes + 4, 2);
    } else {
        octets[1] |= DNSKEY_FLAG_REVOKE;
        assert_int_equal(zone_build_remove(making->builder, target.owner, TYPE_DNSKEY, rdata), OK);
        signer.signing.dnskey.rdata = span_of(octets, rdata.len);
    }
    assert_int_equal(zone_build_add(making->builder, target.owner, TYPE_DNSKEY, 3600,
                                    span_of(octets, rdata.len)),
                     OK);
    struct test_signing signing = test_signing_usual(making, 0);
    signing.key = &signer;
    test_sign_rrset(making, &target, &signing);
}

TEST_HELPER void test_step_record(const struct test_making *making, enum test_op op,
                                  const struct test_target *target)
{
    struct problem problem = {0};
    uint8_t octets[2048];
    struct writer rdata = writer_over(octets, sizeof octets);
    if (rdata_parse_text(target->type, span_of_text(target->rest), &NAME_ROOT, &rdata, &problem) !=
        OK) {
        fail_msg("%s: %s", target->rest, problem.sentence);
    }
    struct span record = writer_written(&rdata);
    if (op == REMOVE) {
        assert_int_equal(zone_build_remove(making->builder, target->owner, target->type, record),
                         OK);
        return;
    }
    if (op == ADD) {
        assert_int_equal(zone_build_add(making->builder, target->owner, target->type, 3600, record),
                         OK);
        return;
    }
    struct rrset like = {
        .owner = target->owner, .type = target->type, .class_ = CLASS_IN, .ttl_s = 3600};
    test_put_rdata(making, &like, record);
    struct test_signing signing = test_signing_usual(making, op == SET ? 1 : 0);
    test_sign_rrset(making, target, &signing);
}

TEST_HELPER void test_step_rrset(const struct test_making *making, enum test_op op,
                                 const struct test_target *target)
{
    bool is_of_rrsigs = op == DROP_RRSIGS || op == COPY_RRSIGS || op == RAISE_RRSIG_TTL;
    struct rrset rrset = *test_rrset(making, target, is_of_rrsigs ? TYPE_RRSIG : target->type,
                                     is_of_rrsigs ? target->type : 0);
    struct name_buffer buffer;
    uint8_t octets[4096];
    if (op == DROP || op == DROP_RRSIGS) {
        test_put(making, &rrset, 0);
    } else if (op == DROP_BOTH) {
        test_put(making, test_rrset(making, target, TYPE_RRSIG, target->type), 0);
        test_put(making, test_rrset(making, target, target->type, 0), 0);
    } else if (op == RAISE_TTL || op == RAISE_RRSIG_TTL) {
        rrset.ttl_s++;
        test_put(making, &rrset, rrset.count);
    } else if (op == BREAK_RDATA) {
        struct span rdata = rrset_only(&rrset);
        memcpy(octets, rdata.bytes, rdata.len);
        octets[rdata.len - 1] ^= 2;
        test_put_rdata(making, &rrset, span_of(octets, rdata.len));
    } else {
        const struct zone_node *node = zone_find(making->good, target->owner);
        struct rrset rrsigs = *zone_node_rrsigs(node, target->type);
        rrset = *zone_node_rrset(node, target->type);
        rrsigs.owner = test_owner(target->rest, &buffer);
        rrset.owner = rrsigs.owner;
        if (op == COPY_BOTH) {
            test_put(making, &rrset, rrset.count);
        }
        test_put(making, &rrsigs, rrsigs.count);
    }
}

TEST_HELPER void test_drop_node(const struct test_making *making, struct name owner)
{
    const struct zone_node *node = zone_find(making->good, owner);
    assert_non_null(node);
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        test_put(making, &node->rrsets[i], 0);
    }
}

TEST_HELPER void test_step(const struct test_making *making, const struct test_step *step)
{
    struct test_target target;
    test_target_read(step->line, &target);
    switch (step->op) {
    case ADD:
    case REMOVE:
    case SET:
    case SET_BY_KSK:
        test_step_record(making, step->op, &target);
        return;
    case DROP:
    case DROP_BOTH:
    case DROP_RRSIGS:
    case COPY_RRSIGS:
    case COPY_BOTH:
    case RAISE_TTL:
    case RAISE_RRSIG_TTL:
    case BREAK_RDATA:
        test_step_rrset(making, step->op, &target);
        return;
    case BREAK_RRSIG:
    case CUT_RRSIG:
    case EMPTY_RRSIG:
    case ZERO_RRSIG:
    case SPOIL_RRSIG:
        test_step_rrsig(making, step->op, &target);
        return;
    case EXPIRE:
    case POSTPONE:
    case SIGN_AS_ROOT:
    case SIGN_AS_CHILD:
    case SIGN_SHORT:
    case SIGN_LONG:
    case SIGN_BY_OTHER:
    case SIGN_BY_ZSK:
        test_step_sign(making, step->op, &target);
        return;
    case LEAD:
    case TOGGLE:
    case PAD_BITMAP:
    case SET_FLAGS:
    case SHORTEN_NEXT:
    case REPEAT_RECORD:
        test_step_chain(making, step->op, &target);
        return;
    case CLASH:
    case REVOKE:
        test_step_keys(making, step->op);
        return;
    case DROP_NODE:
        test_drop_node(making, target.owner);
        return;
    case STEP_NONE:
        return;
    }
}

/* The hash before and behind another in the chain, as "#" words cannot name them. */
TEST_HELPER void test_close_ring(const struct test_making *making, const char *hashed)
{
    struct name_buffer buffer;
    struct name owner = test_owner(hashed, &buffer);
    const struct rrset *gone = zone_find_rrset(making->good, owner, TYPE_NSEC3);
    assert_non_null(gone);
    struct zone_cursor cursor;
    struct nsec3 nsec3, gone_nsec3;
    assert_int_equal(nsec3_read(rrset_only(gone), &gone_nsec3), OK);
    uint8_t hash[NSEC3_HASH_LEN];
    struct writer bytes = writer_over(hash, sizeof hash);
    assert_int_equal(text_read_base32hex(name_label(owner, 0), &bytes), OK);
    zone_walk(making->good, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        const struct rrset *set = zone_node_rrset(node, TYPE_NSEC3);
        if (set == NULL || nsec3_read(rrset_only(set), &nsec3) != OK ||
            !span_equal(nsec3.next_hash, span_of(hash, sizeof hash))) {
            continue;
        }
        uint8_t octets[1024];
        struct span rdata = rrset_only(set);
        memcpy(octets, rdata.bytes, rdata.len);
        size_t at = 5 + nsec3.salt.len + 1;
        memcpy(octets + at, gone_nsec3.next_hash.bytes, NSEC3_HASH_LEN);
        struct rrset like = *set;
        test_put_rdata(making, &like, span_of(octets, rdata.len));
        struct test_target target = {.type = TYPE_NSEC3};
        name_copy_to(node->owner, &target.buffer, &target.owner);
        test_sign_usual(making, &target);
        test_drop_node(making, owner);
        return;
    }
    fail_msg("nothing leads to %s", hashed);
}
