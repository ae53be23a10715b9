/* Rolls of a zone's keys, step by step in days, and what is made of them. Each row is played twice:
 * the second time the state is written and read between any two steps, as when the process dies. */
#include "core/dnssec/anchor_roll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS_MAX = 4, STEPS_MAX = 10, DAY_S = 86400, START_S = 1800000000, TTL_S = 172800 };

/* A key is a capital letter; a small one is that key with the REVOKE bit, and '-' one without the
 * SEP bit. */
struct step {
    int64_t days;        /* since the step before; may be negative */
    const char *keys;    /* in the RRset */
    const char *signers; /* of it */
    const char *becomes; /* "A valid, B pending"; a '!' in front: no anchor has signed */
};

static const struct {
    const char *why;
    const char *anchors;
    bool is_ds; /* the anchors are */
    struct step steps[STEPS_MAX];
} ROWS[] = {
    {"a roll as RFC 5011 §6.3 has it",
     "A",
     false,
     {{0, "A", "A", "A valid"},
      {1, "AB", "A", "A valid, B pending"},
      {29, "AB", "A", "A valid, B pending"},
      {2, "AB", "A", "A valid, B valid"},
      {1, "aB", "aB", "A revoked, B valid"},
      {1, "B", "B", "A revoked, B valid"},
      {31, "B", "B", "A removed, B valid"},
      {1, "AB", "AB", "A removed, B valid"}}},
    {"from a DS",
     "A",
     true,
     {{0, "AB", "A", "A valid, B pending"}, {31, "AB", "A", "A valid, B valid"}}},
    {"from a DS whose key is not there yet, as that of the next key is published early",
     "AB",
     true,
     {{0, "A", "A", "A valid, B missing"},
      {300, "AB", "A", "A valid, B valid"},
      {10, "aB", "aB", "A revoked, B valid"}}},
    {"no key is accepted between two looks alone: it must be there when the time is over",
     "A",
     false,
     {{0, "AB", "A", "A valid, B pending"},
      {31, "A", "A", "A valid"},
      {1, "AB", "A", "A valid, B pending"},
      {29, "AB", "A", "A valid, B pending"},
      {2, "AB", "A", "A valid, B valid"}}},
    {"a key that was seen once, put there with a stolen key, is forgotten when the true RRset "
     "comes",
     "A",
     false,
     {{0, "AC", "A", "A valid, C pending"}, {1, "A", "A", "A valid"}, {31, "AC", "C", "!A valid"}}},
    {"a pending key signs nothing",
     "A",
     false,
     {{0, "AB", "A", "A valid, B pending"}, {40, "AB", "B", "!A valid, B pending"}}},
    {"with a stolen key that is revoked nothing is put in",
     "AB",
     false,
     {{0, "aB", "aB", "A revoked, B valid"},
      {1, "AC", "A", "!A revoked, B valid"},
      {1, "aC", "a", "!A revoked, B valid"},
      {31, "AC", "AC", "!A revoked, B valid"},
      {1, "B", "B", "A removed, B valid"},
      {1, "AC", "A", "!A removed, B valid"},
      {1, "AB", "AB", "A removed, B valid"}}},
    {"a REVOKE bit that the key has not signed itself says nothing but that the key is gone",
     "AB",
     false,
     {{0, "aB", "B", "A missing, B valid"}, {1, "AB", "A", "A valid, B valid"}}},
    {"a key that is revoked is so by its own signature alone, and nothing else is learned from it",
     "A",
     false,
     {{0, "A", "A", "A valid"}, {1, "aB", "a", "!A revoked"}, {40, "AB", "AB", "!A revoked"}}},
    {"both are revoked at once: the zone has no anchor any more",
     "AB",
     false,
     {{0, "abC", "ab", "!A revoked, B revoked"},
      {40, "C", "C", "!A revoked, B revoked"},
      {1, "AB", "AB", "!A revoked, B revoked"}}},
    {"a DS is enough to know the key that revokes itself",
     "AB",
     true,
     {{0, "aB", "aB", "A revoked, B valid"}, {1, "AB", "A", "!A revoked, B valid"}}},
    {"a pending key that revokes itself never becomes an anchor",
     "A",
     false,
     {{0, "AB", "A", "A valid, B pending"},
      {1, "Ab", "Ab", "A valid, B revoked"},
      {1, "AB", "A", "A valid, B revoked"},
      {40, "AB", "A", "A valid, B revoked"}}},
    {"an anchor that is missing is still one",
     "AB",
     false,
     {{0, "A", "A", "A valid, B missing"}, {100, "BC", "B", "A missing, B valid, C pending"}}},
    {"the clock goes back: the hold-down begins anew, and does not wait for the old time",
     "A",
     false,
     {{100, "AB", "A", "A valid, B pending"},
      {-90, "AB", "A", "A valid, B pending"},
      {29, "AB", "A", "A valid, B pending"},
      {2, "AB", "A", "A valid, B valid"}}},
    {"long silence does not shorten the hold-down, and does not lengthen it",
     "A",
     false,
     {{0, "AB", "A", "A valid, B pending"}, {500, "AB", "A", "A valid, B valid"}}},
    {"a revoked key is remembered as such while it is there",
     "AB",
     false,
     {{0, "aB", "aB", "A revoked, B valid"},
      {31, "aB", "aB", "A revoked, B valid"},
      {1, "B", "B", "A removed, B valid"}}},
    {"a key that signs the zone alone, without the SEP bit, is never an anchor",
     "A",
     false,
     {{0, "A-", "A", "A valid"}, {40, "A-", "A-", "A valid"}}},
    {"an RRset without a signature says nothing",
     "A",
     false,
     {{0, "AB", "", "!A valid"}, {1, "B", "", "!A valid"}}},
};

static struct signing_key KEYS[KEYS_MAX], REVOKED[KEYS_MAX], ZONE_KEY;
static uint32_t ttl_s = TTL_S;
static uint8_t octets[2][KEYS_MAX][64], zone_key_octets[64];

static void keys_make(void)
{
    struct writer zone_key = writer_over(zone_key_octets, sizeof zone_key_octets);
    assert_int_equal(key_generate(ALGORITHM_ED25519, 0, &ZONE_KEY.key), OK);
    dnskey_write(DNSKEY_FLAGS_ZSK, ALGORITHM_ED25519, key_public(ZONE_KEY.key), &zone_key);
    assert_int_equal(dnskey_read(writer_written(&zone_key), &ZONE_KEY.dnskey), OK);
    for (size_t i = 0; i < KEYS_MAX; i++) {
        assert_int_equal(key_generate(ALGORITHM_ED25519, 0, &KEYS[i].key), OK);
        REVOKED[i].key = KEYS[i].key;
        for (int j = 0; j < 2; j++) {
            struct writer rdata = writer_over(octets[j][i], sizeof octets[j][i]);
            uint16_t flags = j == 0 ? DNSKEY_FLAGS_KSK : DNSKEY_FLAGS_KSK | DNSKEY_FLAG_REVOKE;
            dnskey_write(flags, ALGORITHM_ED25519, key_public(KEYS[i].key), &rdata);
            struct signing_key *key = j == 0 ? &KEYS[i] : &REVOKED[i];
            assert_int_equal(dnskey_read(writer_written(&rdata), &key->dnskey), OK);
        }
    }
}

static const struct signing_key *key_of(char letter)
{
    return letter == '-' ? &ZONE_KEY : letter >= 'a' ? &REVOKED[letter - 'a'] : &KEYS[letter - 'A'];
}

static struct trust_anchor anchor_of(char letter, bool is_ds, struct arena *arena)
{
    const struct dnskey *dnskey = &key_of(letter)->dnskey;
    uint8_t bytes[64];
    struct writer ds = writer_over(bytes, sizeof bytes);
    struct trust_anchor anchor = {NAME_ROOT, TYPE_DNSKEY, dnskey->rdata};
    if (is_ds) {
        anchor.type = TYPE_DS;
        assert_int_equal(ds_make(NAME_ROOT, dnskey->rdata, DS_DIGEST_SHA256, &ds), OK);
        assert_int_equal(arena_copy(arena, writer_written(&ds), &anchor.rdata), OK);
    }
    return anchor;
}

/* "A valid, B pending", in the order of the letters. */
static void point_print(const struct anchor_point *point, char text[256])
{
    struct writer writer = writer_over(text, 255);
    for (char letter = 'A'; letter < 'A' + KEYS_MAX; letter++) {
        for (size_t i = 0; i < point->key_count; i++) {
            if (point->keys[i].tag == key_of(letter)->dnskey.tag ||
                point->keys[i].tag == key_of((char)(letter + 'a' - 'A'))->dnskey.tag) {
                writer_print(&writer, "%s%c %s", writer.len == 0 ? "" : ", ", letter,
                             anchor_state_text(point->keys[i].state));
            }
        }
    }
    for (size_t i = 0; i < point->key_count; i++) {
        writer_text(&writer, point->keys[i].tag == ZONE_KEY.dnskey.tag ? " and another" : "");
    }
    text[writer_written(&writer).len] = '\0';
}

static void rrsets_make(const struct step *step, int64_t now_s, struct arena *arena,
                        struct rrset rrsets[2])
{
    struct rrset_builder builder;
    rrset_begin(&builder, arena, NAME_ROOT, TYPE_DNSKEY, ttl_s);
    for (const char *at = step->keys; *at != '\0'; at++) {
        rrset_add(&builder, key_of(*at)->dnskey.rdata);
    }
    assert_int_equal(rrset_finish(&builder, &rrsets[0]), OK);
    rrset_begin(&builder, arena, NAME_ROOT, TYPE_RRSIG, ttl_s);
    for (const char *at = step->signers; *at != '\0'; at++) {
        uint8_t bytes[256];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        struct sign_times times = {now_s - DAY_S, now_s + 14 * DAY_S};
        assert_int_equal(sign_rrset(&rrsets[0], NAME_ROOT, key_of(*at), times, arena, &rdata), OK);
        rrset_add(&builder, writer_written(&rdata));
    }
    if (step->signers[0] != '\0') {
        assert_int_equal(rrset_finish(&builder, &rrsets[1]), OK);
    }
}

static void step_play(const struct step *step, int64_t now_s, struct anchor_point *point,
                      char text[256])
{
    struct arena arena;
    struct rrset rrsets[2];
    struct anchor_changes changes;
    arena_open(&arena, 1 << 20);
    rrsets_make(step, now_s, &arena, rrsets);
    const struct anchor_look look = {&rrsets[0], step->signers[0] == '\0' ? NULL : &rrsets[1],
                                     now_s, &arena};
    bool is_signed = anchor_roll_look(point, &look, &changes);
    text[0] = '!';
    point_print(point, text + (is_signed ? 0 : 1));
    /* Asked again in time, and not too often. */
    int64_t wait_s = anchor_point_wait(point, now_s);
    assert_true(wait_s >= ANCHOR_ASK_MIN_S && wait_s <= ANCHOR_ASK_MAX_S);
    assert_int_equal(wait_s, is_signed ? TTL_S / 2 : point->retry_s == 0 ? 3600 : TTL_S / 10);
    arena_close(&arena);
}

/* What the next process has is what this one has written. */
static void die(struct anchor_point *point, int64_t now_s)
{
    static uint8_t bytes[ANCHOR_FILE_LEN_MAX];
    struct problem problem = {0};
    struct writer text = writer_over(bytes, sizeof bytes);
    anchor_file_write(point, &text);
    assert_int_equal(text.status, OK);
    assert_int_equal(anchor_file_read(writer_written(&text), now_s, point, &problem), OK);
}

static void rolls_are_followed(void **state)
{
    bool dies = *state != NULL;
    static struct anchor_point point;
    for (size_t i = 0; i < LEN(ROWS); i++) {
        int64_t now_s = START_S;
        struct arena arena;
        arena_open(&arena, 1 << 20);
        anchor_point_open(&point, NAME_ROOT);
        for (const char *at = ROWS[i].anchors; *at != '\0'; at++) {
            struct trust_anchor anchor = anchor_of(*at, ROWS[i].is_ds, &arena);
            assert_int_equal(anchor_point_add(&point, &anchor, now_s), OK);
        }
        for (size_t j = 0; j < STEPS_MAX && ROWS[i].steps[j].keys != NULL; j++) {
            const struct step *step = &ROWS[i].steps[j];
            char text[256] = "";
            now_s += step->days * DAY_S;
            step_play(step, now_s, &point, text);
            if (strcmp(text, step->becomes) != 0) {
                fail_msg("%s, step %zu: %s, not %s", ROWS[i].why, j, text, step->becomes);
            }
            if (dies) {
                die(&point, now_s);
            }
        }
        arena_close(&arena);
    }
}

/* --- files --- */

#define HEAD ";;id: . 1\n;;last_queried: 1790000000 ;;Mon\n;;next_probe_time: 1790040000 ;;Mon\n"
#define DS "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
#define KEY "3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
#define BEHIND(state) " ;{id = 1} ;;state=" state " [  WORD  ] ;;count=0 ;;lastchange=1780000000"

static const struct {
    const char *why;
    const char *text;
    size_t count; /* 0: refused */
    uint32_t line;
    enum anchor_state first;
} FILES[] = {
    {"as Unbound writes it", HEAD ".\t86400\tIN\tDNSKEY\t257 " KEY BEHIND("2") "\n", 1, 0,
     ANCHOR_VALID},
    {"a pending key", HEAD ". 86400 IN DNSKEY 257 " KEY BEHIND("1") "\n", 1, 0, ANCHOR_ADD_PENDING},
    {"a revoked key has its bit in the file", HEAD ". IN DNSKEY 385 " KEY BEHIND("4") "\n", 1, 0,
     ANCHOR_REVOKED},
    {"a DS whose key was not seen yet", HEAD ". 0 IN DS " DS BEHIND("2"), 1, 0, ANCHOR_VALID},
    {"a plain list is trusted", ". IN DS " DS "\n. IN DNSKEY 257 " KEY "\n", 2, 0, ANCHOR_VALID},
    {"another zone's plain list", "example. IN DS ( " DS "\n )\n", 1, 0, ANCHOR_VALID},
    {"keys of two zones", ". IN DS " DS "\nexample. IN DS " DS "\n", 0, 0, 0},
    {"keys of two zones with states",
     ". IN DS " DS BEHIND("2") "\nexample. IN DS " DS BEHIND("2") "\n", 0, 2, 0},
    {"a state that there is not", ". IN DS " DS BEHIND("9") "\n", 0, 1, 0},
    {"a record without a state among others",
     ". IN DS " DS BEHIND("2") "\n. IN DNSKEY 257 " KEY "\n", 0, 2, 0},
    {"another type", ". IN DS " DS BEHIND("2") "\n. IN A 192.0.2.1\n", 0, 2, 0},
    {"nothing", "", 0, 0, 0},
    {"only a head", HEAD, 0, 0, 0},
    {"no key that is kept", ". IN DS " DS BEHIND("0") "\n", 0, 0, 0},
};

static void files_are_read_or_refused(void **state)
{
    (void)state;
    static struct anchor_point point;
    for (size_t i = 0; i < LEN(FILES); i++) {
        struct problem problem = {0};
        enum status status =
            anchor_file_read(span_of_text(FILES[i].text), START_S, &point, &problem);
        size_t count = status == OK ? point.key_count : 0;
        if (count != FILES[i].count || problem.line != FILES[i].line ||
            (status == OK) != (problem.sentence[0] == '\0') ||
            (count > 0 && point.keys[0].state != FILES[i].first)) {
            fail_msg("%s: %zu, line %u: %s", FILES[i].why, count, problem.line, problem.sentence);
        }
    }
}

/* --- single RRsets --- */

static bool look_at(struct anchor_point *point, const struct rrset *rrsets, int64_t now_s,
                    struct arena *arena)
{
    struct anchor_changes changes;
    const struct anchor_look look = {&rrsets[0], &rrsets[1], now_s, arena};
    return anchor_roll_look(point, &look, &changes);
}

static void two_digests_of_one_key_are_one_key(void **state)
{
    (void)state;
    static struct anchor_point point;
    struct arena arena;
    struct rrset rrsets[2];
    arena_open(&arena, 1 << 20);
    anchor_point_open(&point, NAME_ROOT);
    static const uint8_t digests[] = {DS_DIGEST_SHA256, DS_DIGEST_SHA384};
    for (size_t i = 0; i < LEN(digests); i++) {
        uint8_t bytes[64];
        struct writer ds = writer_over(bytes, sizeof bytes);
        assert_int_equal(ds_make(NAME_ROOT, KEYS[0].dnskey.rdata, digests[i], &ds), OK);
        struct trust_anchor anchor = {NAME_ROOT, TYPE_DS, writer_written(&ds)};
        assert_int_equal(anchor_point_add(&point, &anchor, START_S), OK);
    }
    assert_int_equal(point.key_count, 2);
    const struct step step = {.keys = "A", .signers = "A"};
    rrsets_make(&step, START_S, &arena, rrsets);
    assert_true(look_at(&point, rrsets, START_S, &arena));
    assert_int_equal(point.key_count, 1);
    assert_int_equal(point.keys[0].type, TYPE_DNSKEY);
    arena_close(&arena);
}

/* RFC 5011 §2.4.1: 30 days, or the TTL where that is longer. */
static void a_long_ttl_lengthens_the_hold_down(void **state)
{
    (void)state;
    static struct anchor_point point;
    struct arena arena;
    struct rrset rrsets[2];
    arena_open(&arena, 1 << 20);
    anchor_point_open(&point, NAME_ROOT);
    struct trust_anchor anchor = anchor_of('A', false, &arena);
    assert_int_equal(anchor_point_add(&point, &anchor, START_S), OK);
    const struct step step = {.keys = "AB", .signers = "A"};
    static const struct {
        int64_t days;
        enum anchor_state state;
    } rows[] = {{0, ANCHOR_ADD_PENDING}, {39, ANCHOR_ADD_PENDING}, {41, ANCHOR_VALID}};
    ttl_s = 40 * DAY_S;
    for (size_t i = 0; i < LEN(rows); i++) {
        int64_t now_s = START_S + rows[i].days * DAY_S;
        rrsets_make(&step, now_s, &arena, rrsets);
        assert_true(look_at(&point, rrsets, now_s, &arena));
        assert_int_equal(point.keys[1].state, rows[i].state);
    }
    ttl_s = TTL_S;
    arena_close(&arena);
}

/* Whoever can send an RRset decides how many signatures it has, and not how many are checked. */
static void a_flood_of_signatures_ends(void **state)
{
    (void)state;
    static struct anchor_point point;
    struct arena arena;
    struct rrset rrsets[2];
    arena_open(&arena, 1 << 20);
    anchor_point_open(&point, NAME_ROOT);
    struct trust_anchor anchor = anchor_of('A', false, &arena);
    assert_int_equal(anchor_point_add(&point, &anchor, START_S), OK);
    const struct step step = {.keys = "A", .signers = "A"};
    rrsets_make(&step, START_S, &arena, rrsets);
    struct span good = rrset_only(&rrsets[1]);
    struct rrset_builder builder;
    rrset_begin(&builder, &arena, NAME_ROOT, TYPE_RRSIG, TTL_S);
    for (uint8_t i = 0; i < ANCHOR_ROLL_CHECKS_MAX; i++) {
        uint8_t bad[256];
        assert_true(good.len > 64 && good.len < sizeof bad);
        memcpy(bad, good.bytes, good.len);
        memset(bad + good.len - 64, 0, 63); /* sorted in front of the good one */
        bad[good.len - 1] = i;
        rrset_add(&builder, span_of(bad, good.len));
    }
    rrset_add(&builder, good);
    assert_int_equal(rrset_finish(&builder, &rrsets[1]), OK);
    assert_false(look_at(&point, rrsets, START_S, &arena));
    arena_close(&arena);
}

static void a_zone_has_so_many_keys_and_no_more(void **state)
{
    (void)state;
    static struct anchor_point point;
    anchor_point_open(&point, NAME_ROOT);
    for (unsigned i = 0; i <= ANCHOR_ROLL_KEYS_MAX; i++) {
        uint8_t rdata[36] = {0, (uint8_t)i, 15, 2};
        struct trust_anchor anchor = {NAME_ROOT, TYPE_DS, span_of(rdata, sizeof rdata)};
        enum status status = anchor_point_add(&point, &anchor, START_S);
        assert_int_equal(status, i < ANCHOR_ROLL_KEYS_MAX ? OK : LIMIT_REACHED);
    }
    point.keys[7].state = ANCHOR_REMOVED;
    uint8_t rdata[36] = {1, 1, 15, 2};
    struct trust_anchor anchor = {NAME_ROOT, TYPE_DS, span_of(rdata, sizeof rdata)};
    assert_int_equal(anchor_point_add(&point, &anchor, START_S), OK);
    assert_int_equal(point.keys[7].tag, 257);
}

int main(void)
{
    keys_make();
    int dies = 1;
    const struct CMUnitTest tests[] = {
        {"rolls are followed", rolls_are_followed, NULL, NULL, NULL},
        {"rolls are followed through deaths", rolls_are_followed, NULL, NULL, &dies},
        cmocka_unit_test(files_are_read_or_refused),
        cmocka_unit_test(two_digests_of_one_key_are_one_key),
        cmocka_unit_test(a_long_ttl_lengthens_the_hold_down),
        cmocka_unit_test(a_flood_of_signatures_ends),
        cmocka_unit_test(a_zone_has_so_many_keys_and_no_more),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < KEYS_MAX; i++) {
        key_close(KEYS[i].key);
    }
    key_close(ZONE_KEY.key);
    return failed;
}
