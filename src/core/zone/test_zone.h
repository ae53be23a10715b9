#pragma once
/* For the tests of this folder and of the signer: small zones from lines of text, keys, and a
 * repeatable stream of numbers. Include after cmocka.h. */
#include "core/crypto/key.h"
#include "core/dns/rdata.h"
#include "core/zone/zone_sign.h"
#include "core/zone/zone_verify.h"

#include <stdio.h>
#include <string.h>

#define TEST_HELPER __attribute__((unused)) static

/* A xorshift stream, so that a failure can be run again by its seed. */
TEST_HELPER uint32_t test_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

TEST_HELPER struct name test_name(const char *text, struct name_buffer *buffer)
{
    struct name name;
    struct problem problem = {0};
    if (name_parse(span_of_text(text), &NAME_ROOT, buffer, &name, &problem) != OK) {
        fail_msg("%s: %s", text, problem.sentence);
    }
    return name;
}

/* "OWNER TYPE RDATA..." with TTL 3600. */
struct test_record {
    struct name owner;
    struct name_buffer owner_buffer;
    uint16_t type;
    struct span rdata;
    uint8_t bytes[2048];
};
TEST_HELPER void test_record_read(const char *line, struct test_record *record)
{
    char owner[300], type[40];
    int at = 0;
    assert_int_equal(sscanf(line, "%299s %39s %n", owner, type, &at), 2);
    record->owner = test_name(owner, &record->owner_buffer);
    assert_int_equal(type_parse(span_of_text(type), &record->type), OK);
    struct writer rdata = writer_over(record->bytes, sizeof record->bytes);
    struct problem problem = {0};
    if (rdata_parse_text(record->type, span_of_text(line + at), &NAME_ROOT, &rdata, &problem) !=
        OK) {
        fail_msg("%s: %s", line, problem.sentence);
    }
    record->rdata = writer_written(&rdata);
}

TEST_HELPER void test_add(struct zone_builder *builder, const char *line)
{
    struct test_record record;
    test_record_read(line, &record);
    assert_int_equal(zone_build_add(builder, record.owner, record.type, 3600, record.rdata), OK);
}

TEST_HELPER void test_remove(struct zone_builder *builder, const char *line)
{
    struct test_record record;
    test_record_read(line, &record);
    assert_int_equal(zone_build_remove(builder, record.owner, record.type, record.rdata), OK);
}

TEST_HELPER struct zone_builder *test_change(const char *apex, const struct zone *from)
{
    struct name_buffer buffer;
    struct zone_builder *builder;
    assert_int_equal(zone_build(test_name(apex, &buffer), from, &builder), OK);
    return builder;
}

TEST_HELPER struct zone *test_zone(const char *apex, const char *const *lines, size_t count)
{
    struct zone_builder *builder = test_change(apex, NULL);
    for (size_t i = 0; i < count; i++) {
        test_add(builder, lines[i]);
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

struct test_keys {
    struct zone_key keys[8];
    uint8_t rdata[8][4 + KEY_PUBLIC_LEN_MAX];
    size_t count;
};

TEST_HELPER void test_keys_add(struct test_keys *keys, uint8_t algorithm, bool is_ksk, bool is_zsk)
{
    struct zone_key *key = &keys->keys[keys->count];
    assert_int_equal(
        key_generate(algorithm, algorithm_find(algorithm)->bits_default, &key->signing.key), OK);
    struct writer rdata = writer_over(keys->rdata[keys->count], sizeof keys->rdata[0]);
    dnskey_write(is_ksk ? DNSKEY_FLAGS_KSK : DNSKEY_FLAGS_ZSK, algorithm,
                 key_public(key->signing.key), &rdata);
    assert_int_equal(dnskey_read(writer_written(&rdata), &key->signing.dnskey), OK);
    key->is_published = true;
    key->signs_keys = is_ksk;
    key->signs_zone = is_zsk;
    keys->count++;
}

TEST_HELPER void test_keys_close(struct test_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        key_close(keys->keys[i].signing.key);
    }
    keys->count = 0;
}

TEST_HELPER struct zone *test_sign(const struct zone *zone, const struct zone *before,
                                   const struct test_keys *keys,
                                   const struct zone_sign_policy *policy, int64_t now_s)
{
    struct zone *next = NULL;
    struct zone_sign_report report;
    struct problem problem = {0};
    struct zone_sign_input input = {.unsigned_zone = zone,
                                    .signed_before = before,
                                    .keys = keys->keys,
                                    .key_count = keys->count,
                                    .policy = *policy,
                                    .now_s = now_s};
    if (zone_sign(&input, &next, &report, &problem) != OK) {
        fail_msg("signing: %s", problem.sentence);
    }
    return next;
}

struct test_faults {
    size_t count;
    char first[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 40];
    char all[8192];
};
TEST_HELPER void test_fault_note(void *user, const struct problem *problem)
{
    struct test_faults *faults = user;
    char text[sizeof faults->first];
    problem_print(problem, text, sizeof text);
    if (faults->count++ == 0) {
        snprintf(faults->first, sizeof faults->first, "%s", text);
    }
    strncat(faults->all, text, sizeof faults->all - strlen(faults->all) - 1);
    strncat(faults->all, "\n", sizeof faults->all - strlen(faults->all) - 1);
}

TEST_HELPER void test_verify_good(const struct zone *zone, const struct zone *before, int64_t now_s)
{
    struct zone_verify_options options = {.now_s = now_s, .before = before};
    struct zone_verify_report report;
    struct test_faults faults = {0};
    if (zone_verify(zone, &options, test_fault_note, &faults, &report) != OK) {
        fail_msg("%zu faults:\n%s", faults.count, faults.all);
    }
}
