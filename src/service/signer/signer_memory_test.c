/* The signer when the n-th allocation fails, for every n: what is handed out is always good, what
 * was good stays, and the same work goes well as soon as there is memory. And the same for the n-th
 * call of a token. Linked with wrapped malloc, calloc and realloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "service/signer/signer.h"

enum { NOW = 1785542400, FAULTS_MAX = 20000, OUTBOX_MAX = 16 << 20 };

/* Counts calls, and fails one of them. */
static struct {
    size_t calls, fail_at; /* fail_at 0: none fails */
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
/* The disk's memory is not what may fail. */
#define malloc __real_malloc
#define realloc __real_realloc
#include "core/store/fake_disk.h"
#undef malloc
#undef realloc

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool memory_fails(void)
{
    return memory.fail_at != 0 && ++memory.calls == memory.fail_at;
}

void *__wrap_malloc(size_t size)
{
    return memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return memory_fails() ? NULL : __real_realloc(old, size);
}

struct bench {
    struct fake_disk files;
    struct disk disk;
    struct outbox outbox;
    struct name_buffer name_buffer;
    struct signer_zone_options zone;
    struct signer *signer;
    struct zone *published;
    size_t publish_count;
    int64_t now_s;
    unsigned host; /* the last octet of www's address */
};

static struct moment bench_now(const struct bench *bench)
{
    return (struct moment){bench->now_s * MOMENT_NS_PER_S, bench->now_s * MOMENT_NS_PER_S};
}

/* What is judged here is not part of what may fail. */
static void bench_publish(void *user, struct zone *version, struct moment now)
{
    struct bench *bench = user;
    size_t fail_at = memory.fail_at;
    memory.fail_at = 0;
    test_verify_good(version, NULL, moment_wall_s(now));
    if (bench->published != NULL) {
        assert_false(serial_is_newer(zone_serial(bench->published), zone_serial(version)));
    }
    memory.fail_at = fail_at;
    zone_release(bench->published);
    bench->published = version;
    bench->publish_count++;
}

static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    (void)problem;
    (void)user;
    (void)file;
    (void)apex;
    return NULL;
}

static void bench_notify(void *user, struct name zone, struct moment now)
{
    (void)user;
    (void)zone;
    (void)now;
}

static enum status bench_start(struct bench *bench)
{
    struct signer_options options = {.zones = &bench->zone,
                                     .zone_count = 1,
                                     .disk = &bench->disk,
                                     .load = bench_load,
                                     .publish = bench_publish,
                                     .notify = bench_notify,
                                     .user = bench};
    struct problem problem = {0};
    enum status status = signer_open(&options, &bench->signer, &problem);
    if (status == OK) {
        struct event start = {.kind = EVENT_START, .now = bench_now(bench)};
        signer_handle(bench->signer, &start, &bench->outbox);
        outbox_reset(&bench->outbox);
    }
    return status;
}

static void bench_open(struct bench *bench, enum zone_denial denial)
{
    *bench = (struct bench){.now_s = NOW, .host = 1};
    bench->disk = fake_disk_open(&bench->files);
    outbox_open(&bench->outbox, OUTBOX_MAX);
    bench->zone = (struct signer_zone_options){
        .name = test_name("example.", &bench->name_buffer),
        .is_signed = true,
        .algorithm = ALGORITHM_ED25519,
        .policy = {.denial = denial, .serial = ZONE_SERIAL_INCREMENT, .has_zonemd = true}};
}

static void bench_close(struct bench *bench)
{
    memory.fail_at = 0;
    signer_close(bench->signer);
    zone_release(bench->published);
    outbox_close(&bench->outbox);
    fake_disk_close(&bench->files);
}

static struct zone *make_data(const struct bench *bench)
{
    char www[60];
    snprintf(www, sizeof www, "www.example. A 192.0.2.%u", bench->host);
    const char *const lines[] = {"example. SOA ns.example. h.example. 1 3600 900 604800 300",
                                 "example. NS ns.example.",
                                 "ns.example. A 192.0.2.1",
                                 "sub.example. NS ns.sub.example.",
                                 "ns.sub.example. A 192.0.2.9",
                                 "*.wild.example. TXT w",
                                 www};
    return test_zone("example.", lines, LEN(lines));
}

static bool is_served(const struct bench *bench)
{
    struct name_buffer buffer;
    const struct rrset *set =
        bench->published == NULL
            ? NULL
            : zone_find_rrset(bench->published, test_name("www.example.", &buffer), TYPE_A);
    return set != NULL && rrset_only(set).bytes[3] == bench->host;
}

static void timer(struct bench *bench)
{
    bench->now_s += 61;
    struct event event = {.kind = EVENT_TIMER, .timer = 0, .now = bench_now(bench)};
    signer_handle(bench->signer, &event, &bench->outbox);
    outbox_reset(&bench->outbox);
}

/* Hands in a change while the n-th allocation fails; true when there are not as many. */
static bool change_with_fault(struct bench *bench, size_t fault)
{
    bench->host = bench->host % 250 + 1;
    struct zone *data = make_data(bench);
    size_t count = bench->publish_count;
    memory.calls = 0;
    memory.fail_at = fault;
    signer_take(bench->signer, data, bench_now(bench), &bench->outbox);
    outbox_reset(&bench->outbox);
    bool is_through = memory.calls < fault;
    memory.fail_at = 0;
    zone_release(data);
    if (is_through) {
        assert_true(is_served(bench));
    }
    if (!is_served(bench)) {
        assert_int_equal(bench->publish_count, count); /* the last good one stays */
        timer(bench);
        if (!is_served(bench)) { /* a primary would offer it again */
            struct zone *again = make_data(bench);
            signer_take(bench->signer, again, bench_now(bench), &bench->outbox);
            outbox_reset(&bench->outbox);
            zone_release(again);
        }
        assert_true(is_served(bench));
    }
    return is_through;
}

static void each_allocation_of_a_change_fails(enum zone_denial denial)
{
    static struct bench bench;
    bench_open(&bench, denial);
    assert_int_equal(bench_start(&bench), OK);
    size_t fault = 0;
    while (!change_with_fault(&bench, ++fault)) {
        assert_true(fault < FAULTS_MAX);
    }
    assert_true(fault > 20); /* else nothing was tried */
    print_message("%zu allocations failed, one after another\n", fault - 1);
    bench_close(&bench);
}

static void test_nsec_change(void **state)
{
    (void)state;
    each_allocation_of_a_change_fails(ZONE_NSEC);
}

static void test_nsec3_change(void **state)
{
    (void)state;
    each_allocation_of_a_change_fails(ZONE_NSEC3_OPT_OUT);
}

/* A restart that fails leaves all on disk for the next one: the same keys, no older version. */
static void test_restart(void **state)
{
    (void)state;
    static struct bench bench;
    bench_open(&bench, ZONE_NSEC);
    assert_int_equal(bench_start(&bench), OK);
    assert_true(change_with_fault(&bench, FAULTS_MAX));
    struct zone *first = zone_hold(bench.published);
    const struct rrset *keys = zone_find_rrset(first, bench.zone.name, TYPE_DNSKEY);
    bool is_through = false;
    size_t fault = 0;
    while (!is_through) {
        signer_close(bench.signer);
        bench.signer = NULL;
        fault +=
            1 + fault / 30; /* each at first, then fewer: it is the same work again and again */
        assert_true(fault < FAULTS_MAX);
        memory.calls = 0;
        memory.fail_at = fault;
        enum status status = bench_start(&bench);
        is_through = memory.calls < fault;
        memory.fail_at = 0;
        if (status != OK) {
            continue;
        }
        if (!is_through) {
            timer(&bench); /* what could not be read is tried again */
        }
        const struct rrset *now = zone_find_rrset(bench.published, bench.zone.name, TYPE_DNSKEY);
        assert_true(now != NULL && rrset_equal(keys, now));
    }
    assert_true(fault > 20);
    zone_release(first);
    bench_close(&bench);
}

/* A token whose n-th call fails. */
struct faulty_token {
    struct hsm hsm;
    struct key *keys[4];
    uint8_t ids[4][HSM_ID_LEN_MAX];
    size_t id_lens[4], count;
    size_t calls, fail_at;
};

static bool token_fails(struct faulty_token *token)
{
    return ++token->calls == token->fail_at;
}

static struct key *token_key(struct faulty_token *token, const struct hsm_key *key)
{
    for (size_t i = 0; i < token->count; i++) {
        if (span_equal(span_of(token->ids[i], token->id_lens[i]), key->id)) {
            return token->keys[i];
        }
    }
    return NULL;
}

static enum status token_find(void *self, const struct hsm_key *key, struct arena *arena,
                              struct hsm_public *public_half, struct problem *problem)
{
    struct faulty_token *token = self;
    const struct key *found = token_key(token, key);
    if (token_fails(token)) {
        return problem_set(problem, CRYPTO_FAILED, "the token is away");
    }
    if (found == NULL) {
        return problem_set(problem, NOT_FOUND, "the token has no such key");
    }
    return arena_copy(arena, key_public(found), &public_half->point);
}

static enum status token_generate(void *self, const struct hsm_key *key, uint16_t bits,
                                  struct arena *arena, struct hsm_public *public_half,
                                  struct problem *problem)
{
    struct faulty_token *token = self;
    (void)bits;
    if (token_fails(token)) {
        return problem_set(problem, CRYPTO_FAILED, "the token is away");
    }
    assert_true(token->count < LEN(token->keys));
    assert_int_equal(key_generate(ALGORITHM_ED25519, 0, &token->keys[token->count]), OK);
    memcpy(token->ids[token->count], key->id.bytes, key->id.len);
    token->id_lens[token->count] = key->id.len;
    return arena_copy(arena, key_public(token->keys[token->count++]), &public_half->point);
}

static enum status token_sign(void *self, const struct hsm_key *key, struct hsm_signing *signings,
                              size_t count, struct problem *problem)
{
    struct faulty_token *token = self;
    if (token_fails(token)) {
        return problem_set(problem, CRYPTO_FAILED, "the token is away");
    }
    for (size_t i = 0; i < count; i++) {
        struct writer signature = writer_over(signings[i].signature, HSM_SIGNATURE_LEN_MAX);
        assert_int_equal(key_sign(token_key(token, key), &signings[i].input, 1, &signature), OK);
        signings[i].signature_len = signature.len;
    }
    return OK;
}

static enum status token_remove(void *self, const struct hsm_key *key, struct problem *problem)
{
    (void)key;
    return token_fails(self) ? problem_set(problem, CRYPTO_FAILED, "the token is away") : OK;
}

static void test_token(void **state)
{
    (void)state;
    static struct bench bench;
    static struct faulty_token token;
    token.hsm = (struct hsm){&token, token_generate, token_find, token_sign, token_remove};
    bench_open(&bench, ZONE_NSEC);
    bench.zone.has_keys_in_hsm = true;
    struct signer_options options = {.zones = &bench.zone,
                                     .zone_count = 1,
                                     .disk = &bench.disk,
                                     .hsm = &token.hsm,
                                     .load = bench_load,
                                     .publish = bench_publish,
                                     .notify = bench_notify,
                                     .user = &bench};
    struct problem problem = {0};
    assert_int_equal(signer_open(&options, &bench.signer, &problem), OK);
    struct event start = {.kind = EVENT_START, .now = bench_now(&bench)};
    signer_handle(bench.signer, &start, &bench.outbox);
    outbox_reset(&bench.outbox);
    size_t fault = 0;
    bool is_through = false;
    while (!is_through) {
        bench.host = bench.host % 250 + 1;
        struct zone *data = make_data(&bench);
        token.calls = 0;
        token.fail_at = ++fault;
        signer_take(bench.signer, data, bench_now(&bench), &bench.outbox);
        outbox_reset(&bench.outbox);
        is_through = token.calls < fault;
        assert_int_equal(is_served(&bench), is_through);
        token.fail_at = 0;
        zone_release(data);
        timer(&bench);
        assert_true(is_served(&bench));
    }
    assert_true(fault > 3); /* making two keys, and signing */
    bench_close(&bench);
    for (size_t i = 0; i < token.count; i++) {
        key_close(token.keys[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nsec_change),
        cmocka_unit_test(test_nsec3_change),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
