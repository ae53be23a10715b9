/* Random records of every type, made from the table of fields: each passes the check, and comes
 * back from its text and from generic form as the same octets. Where rdata_test tries octets of
 * which few are rdata, all of these are. The seed is printed, and given as the argument it repeats
 * the run. With a second argument the records are only printed (type, octets, text), for another
 * implementation to read. */
#include "core/dns/rdata_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS_EACH = 120, RDATA_SIZE = 70000, SMALL_MAX = 40, KEYS_MAX = 12 };

static uint64_t random_seed, random_state;

/* splitmix64: any seed will do. */
static uint64_t random_next(void)
{
    uint64_t mixed = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static size_t random_below(size_t bound)
{
    return (size_t)(random_next() % bound);
}

/* From `min` to `max`, with the ends more often than the rest. */
static size_t random_between(size_t min, size_t max)
{
    size_t choice = random_below(8);
    return choice == 0 ? min : choice == 1 ? max : min + random_below(max - min + 1);
}

static void octets_make(struct writer *rdata, size_t len)
{
    size_t kind = random_below(4);
    for (size_t i = 0; i < len; i++) {
        uint8_t octet = (uint8_t)random_next();
        writer_u8(rdata, kind == 0   ? (uint8_t)(octet % 3)
                         : kind == 1 ? (uint8_t)("\"\\ ;(),.@$-x"[octet % 12])
                                     : octet);
    }
}

static void number_make(struct writer *rdata, size_t len)
{
    size_t kind = random_below(6);
    for (size_t i = 0; i < len; i++) {
        writer_u8(rdata, kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)random_next());
    }
}

static void string_make(struct writer *rdata, size_t min, size_t max)
{
    size_t len = random_between(min, max);
    writer_u8(rdata, (uint8_t)len);
    octets_make(rdata, len);
}

static void name_make(struct writer *rdata)
{
    size_t left = random_below(4) == 0 ? 254 : random_below(SMALL_MAX); /* without the root */
    while (left >= 2) {
        size_t len = random_between(1, left - 1 < 63 ? left - 1 : 63);
        writer_u8(rdata, (uint8_t)len);
        octets_make(rdata, len);
        left -= len + 1;
    }
    writer_u8(rdata, 0);
}

static void tag_make(struct writer *rdata)
{
    size_t len = random_between(1, 255);
    writer_u8(rdata, (uint8_t)len);
    for (size_t i = 0; i < len; i++) {
        writer_u8(rdata, (uint8_t)("abcxyzABCXYZ0189"[random_below(16)]));
    }
}

static void bits_make(struct writer *rdata, size_t len, uint8_t first_mask)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t bits = random_below(3) == 0 ? (uint8_t)random_next() : 0;
        bits &= i == 0 ? first_mask : 0xff;
        writer_u8(rdata, i + 1 == len && bits == 0 ? 1 : bits);
    }
}

static void bitmap_make(struct writer *rdata)
{
    size_t window = random_below(3) == 0 ? random_below(256) : 0;
    while (window < 256 && random_below(8) != 0) {
        size_t len = random_between(1, 32);
        writer_u8(rdata, (uint8_t)window);
        writer_u8(rdata, (uint8_t)len);
        bits_make(rdata, len, 0xff);
        window += 1 + random_below(100);
    }
}

static void prefix_make(struct writer *rdata)
{
    size_t family = 1 + random_below(2), octets = family == 1 ? 4 : 16;
    size_t len = random_below(octets + 1);
    writer_u16(rdata, (uint16_t)family);
    writer_u8(rdata, (uint8_t)random_between(0, octets * 8));
    writer_u8(rdata, (uint8_t)(len | (random_below(2) << 7)));
    octets_make(rdata, len);
    if (len != 0 && rdata->status == OK) {
        rdata->bytes[rdata->len - 1] |= 1;
    }
}

static void location_make(struct writer *rdata)
{
    const uint32_t equator = UINT32_C(1) << 31, degree = 3600 * 1000;
    writer_u8(rdata, random_below(20) == 0 ? 1 : 0);
    for (size_t i = 0; i < 3; i++) {
        writer_u8(rdata, (uint8_t)(random_below(10) << 4 | random_below(10)));
    }
    writer_u32(rdata, (uint32_t)(equator - 90 * degree + random_between(0, 180 * degree)));
    writer_u32(rdata, (uint32_t)(equator - 180 * degree + random_between(0, 360 * degree)));
    number_make(rdata, 4);
}

static void strings_make(struct writer *rdata, size_t count, size_t min)
{
    for (size_t i = 0; i < count; i++) {
        string_make(rdata, min, random_below(3) == 0 ? 255 : SMALL_MAX);
    }
}

static void value_make(struct writer *rdata, uint16_t key)
{
    switch (key) {
    case SVCB_ALPN:
        strings_make(rdata, 1 + random_below(3), 1);
        break;
    case SVCB_DOCPATH:
        strings_make(rdata, random_below(3), 1);
        break;
    case SVCB_NO_DEFAULT_ALPN:
    case SVCB_OHTTP:
        break;
    case SVCB_PORT:
        number_make(rdata, 2);
        break;
    case SVCB_IPV4HINT:
    case SVCB_TLS_GROUPS:
        number_make(rdata, 4 * (1 + random_below(4)));
        break;
    case SVCB_IPV6HINT:
        number_make(rdata, 16 * (1 + random_below(4)));
        break;
    case SVCB_ECH:
    case SVCB_DOHPATH:
        octets_make(rdata, 1 + random_below(SMALL_MAX));
        break;
    default:
        octets_make(rdata, random_below(SMALL_MAX));
    }
}

/* Keys in rising order; `mandatory` names some of them. */
static void parameters_make(struct writer *rdata)
{
    uint16_t keys[KEYS_MAX];
    size_t count = 0;
    for (size_t key = 1 + random_below(4); key < UINT16_MAX && count < KEYS_MAX;
         key += 1 + random_below(random_below(5) == 0 ? 30000 : 4)) {
        keys[count++] = (uint16_t)key;
    }
    count = random_below(count + 1);
    size_t mandatory = count == 0 ? 0 : random_below(count + 1);
    if (mandatory != 0) {
        writer_u16(rdata, SVCB_MANDATORY);
        writer_u16(rdata, (uint16_t)(2 * mandatory));
        for (size_t i = 0; i < mandatory; i++) {
            writer_u16(rdata, keys[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        writer_u16(rdata, keys[i]);
        size_t length_at = writer_reserve(rdata, 2);
        size_t value_at = rdata->len;
        value_make(rdata, keys[i]);
        writer_patch_u16(rdata, length_at, (uint16_t)(rdata->len - value_at));
    }
}

static void gateway_make(struct writer *rdata, size_t gateway_type)
{
    switch (gateway_type) {
    case 0:
        break;
    case 1:
        number_make(rdata, 4);
        break;
    case 2:
        number_make(rdata, 16);
        break;
    default:
        name_make(rdata);
    }
}

static void host_identity_make(struct writer *rdata)
{
    size_t tag_len = random_between(1, 255), key_len = random_between(1, 300);
    writer_u8(rdata, (uint8_t)tag_len);
    number_make(rdata, 1);
    writer_u16(rdata, (uint16_t)key_len);
    octets_make(rdata, tag_len + key_len);
}

static void a6_suffix_make(struct writer *rdata)
{
    size_t prefix_len = random_between(0, 128);
    writer_u8(rdata, (uint8_t)prefix_len);
    size_t suffix_at = rdata->len;
    number_make(rdata, (128 - prefix_len + 7) / 8);
    if (prefix_len != 128 && rdata->status == OK) {
        rdata->bytes[suffix_at] &= (uint8_t)(0xff >> (prefix_len % 8));
    }
}

static void services_make(struct writer *rdata)
{
    number_make(rdata, 1);
    bits_make(rdata, random_below(40), 0xff);
}

/* Fields of so many octets. */
static const uint8_t NUMBER_LENS[FIELD_KIND_COUNT] = {
    [FIELD_U8] = 1,        [FIELD_U16] = 2,    [FIELD_U32] = 4,     [FIELD_U64] = 8,
    [FIELD_PERIOD] = 4,    [FIELD_TIME] = 4,   [FIELD_TYPE] = 2,    [FIELD_ALGORITHM] = 1,
    [FIELD_CERT_TYPE] = 2, [FIELD_SCHEME] = 1, [FIELD_IPV4] = 4,    [FIELD_IPV6] = 16,
    [FIELD_EUI48] = 6,     [FIELD_EUI64] = 8,  [FIELD_LOCATOR] = 8,
};

static void rest_make(struct writer *rdata, size_t rest_min)
{
    octets_make(rdata, random_between(rest_min, random_below(16) == 0 ? 2000 : rest_min + 70));
}

static void names_make(struct writer *rdata)
{
    for (size_t count = random_below(4); count > 0; count--) {
        name_make(rdata);
    }
}

static void any_string_make(struct writer *rdata)
{
    string_make(rdata, 0, 255);
}

static void optional_string_make(struct writer *rdata)
{
    strings_make(rdata, random_below(2), 0);
}

static void some_strings_make(struct writer *rdata)
{
    strings_make(rdata, 1 + random_below(5), 0);
}

static void hash_make(struct writer *rdata)
{
    string_make(rdata, 1, 255);
}

static void prefixes_make(struct writer *rdata)
{
    for (size_t count = random_below(5); count > 0; count--) {
        prefix_make(rdata);
    }
}

static void bitmap_nxt_make(struct writer *rdata)
{
    bits_make(rdata, random_between(1, 16), 0x7f);
}

static void relay_make(struct writer *rdata)
{
    size_t relay_type = random_below(4);
    writer_u8(rdata, (uint8_t)(random_below(2) << 7 | relay_type));
    gateway_make(rdata, relay_type);
}

/* These two look at what came before; `rdata` begins with the record. */
static void typed_gateway_make(struct writer *rdata)
{
    size_t gateway_type = random_below(4);
    rdata->bytes[TYPE_IPSECKEY_GATEWAY_AT] = (uint8_t)gateway_type;
    gateway_make(rdata, gateway_type);
}

static void a6_name_make(struct writer *rdata)
{
    if (rdata->bytes[0] != 0) {
        name_make(rdata);
    }
}

static void field_make(enum rdata_field kind, struct writer *rdata, size_t rest_min)
{
    static void (*const MAKERS[FIELD_KIND_COUNT])(struct writer * rdata) = {
        [FIELD_NAME_COMPRESSED] = name_make,
        [FIELD_NAME_DECOMPRESSED] = name_make,
        [FIELD_NAME_LOWERED] = name_make,
        [FIELD_NAME] = name_make,
        [FIELD_NAMES] = names_make,
        [FIELD_STRING] = any_string_make,
        [FIELD_STRING_OPTIONAL] = optional_string_make,
        [FIELD_STRINGS] = some_strings_make,
        [FIELD_TAG] = tag_make,
        [FIELD_SALT] = any_string_make,
        [FIELD_HASH] = hash_make,
        [FIELD_BITMAP] = bitmap_make,
        [FIELD_BITMAP_NXT] = bitmap_nxt_make,
        [FIELD_SERVICES] = services_make,
        [FIELD_PREFIXES] = prefixes_make,
        [FIELD_LOCATION] = location_make,
        [FIELD_PARAMETERS] = parameters_make,
        [FIELD_GATEWAY] = typed_gateway_make,
        [FIELD_RELAY] = relay_make,
        [FIELD_HOST_IDENTITY] = host_identity_make,
        [FIELD_A6_SUFFIX] = a6_suffix_make,
        [FIELD_A6_NAME] = a6_name_make,
    };
    if (NUMBER_LENS[kind] != 0) {
        number_make(rdata, NUMBER_LENS[kind]);
    } else if (MAKERS[kind] != NULL) {
        MAKERS[kind](rdata);
    } else { /* octets to the end, of any value */
        rest_make(rdata, rest_min);
    }
}

static struct span record_make(uint16_t type, struct writer *rdata)
{
    const struct rdata_layout *layout = rdata_layout(type);
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        field_make(layout->fields[i], rdata, layout->rest_min);
    }
    assert_int_equal(rdata->status, OK);
    return writer_written(rdata);
}

static bool parses_back(uint16_t type, struct span text, struct span rdata)
{
    static uint8_t parsed[RDATA_SIZE];
    struct writer again = writer_over(parsed, sizeof parsed);
    struct problem problem = {OK};
    enum status status = rdata_parse_text(type, text, NULL, &again, &problem);
    if (status == OK && span_equal(writer_written(&again), rdata)) {
        return true;
    }
    print_error("%.*s: %s\n", (int)(text.len > 600 ? 600 : text.len), (const char *)text.bytes,
                status == OK ? "other octets" : problem.sentence);
    return false;
}

/* True when the text was not generic. */
static bool record_check(uint16_t type)
{
    static uint8_t octets[RDATA_SIZE], printed[RDATA_TEXT_LEN_MAX];
    char mnemonic[TYPE_TEXT_MAX];
    struct writer writer = writer_over(octets, sizeof octets);
    struct span rdata = record_make(type, &writer);
    if (rdata_check(type, rdata) != OK) {
        fail_msg("seed %llu: the check refuses a record of %s", (unsigned long long)random_seed,
                 type_print(type, mnemonic));
    }
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(type, rdata, &text);
    bool is_generic = text.len >= 2 && memcmp(printed, "\\#", 2) == 0;
    bool holds = text.status == OK && parses_back(type, writer_written(&text), rdata);
    text = writer_over(printed, sizeof printed);
    rdata_write_generic(rdata, &text);
    if (!holds || !parses_back(type, writer_written(&text), rdata)) {
        fail_msg("seed %llu: a record of %s does not come back", (unsigned long long)random_seed,
                 type_print(type, mnemonic));
    }
    return !is_generic;
}

static void random_records_come_back(void **state)
{
    (void)state;
    size_t record_count = 0;
    for (uint32_t type = 1; type <= UINT16_MAX; type++) {
        char mnemonic[TYPE_TEXT_MAX];
        type_print((uint16_t)type, mnemonic);
        if (strncmp(mnemonic, "TYPE", 4) == 0 || type_is_meta((uint16_t)type)) {
            continue;
        }
        size_t text_count = 0;
        for (size_t i = 0; i < ROUNDS_EACH; i++) {
            text_count += record_check((uint16_t)type) ? 1 : 0;
        }
        record_count += ROUNDS_EACH;
        /* A type with a form of its own is seldom written without it. */
        bool has_form = rdata_layout((uint16_t)type)->fields[0] != FIELD_OPAQUE;
        assert_true(has_form ? text_count > 0 : text_count == 0);
    }
    assert_true(record_count >= 9000);
}

/* So many of each type, if they have a text of their own. */
static int records_print(size_t rounds)
{
    static uint8_t octets[RDATA_SIZE], printed[RDATA_TEXT_LEN_MAX];
    for (uint32_t type = 1; type <= UINT16_MAX; type++) {
        char mnemonic[TYPE_TEXT_MAX];
        type_print((uint16_t)type, mnemonic);
        if (strncmp(mnemonic, "TYPE", 4) == 0 || type_is_meta((uint16_t)type)) {
            continue;
        }
        for (size_t i = 0; i < rounds; i++) {
            struct writer writer = writer_over(octets, sizeof octets);
            struct span rdata = record_make((uint16_t)type, &writer);
            struct writer text = writer_over(printed, sizeof printed);
            rdata_write_generic(rdata, &text);
            printf("%s\t%.*s\t", mnemonic, (int)text.len, (const char *)printed);
            text = writer_over(printed, sizeof printed);
            rdata_write_text((uint16_t)type, rdata, &text);
            printf("%.*s\n", (int)text.len, (const char *)printed);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2) {
        random_seed = strtoull(argv[1], NULL, 10);
    } else if (getentropy(&random_seed, sizeof random_seed) != 0) {
        return 1;
    }
    random_state = random_seed;
    if (argc == 3) {
        return records_print((size_t)strtoull(argv[2], NULL, 10));
    }
    printf("seed %llu\n", (unsigned long long)random_seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_records_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
