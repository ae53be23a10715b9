/* A zone as some other provider would bring it: signed beforehand, by one key with the flags of a
 * ZSK and no KSK at all. */
#include "command/lab/lab.h"
#include "core/zone/zone_sign.h"
#include "core/zone/zonefile.h"
#include "world/real/world.h"

#include <stdio.h>
#include <time.h>

enum { FILE_MAX = 1 << 16, SCRATCH_MAX = 1 << 20, VALIDITY_S = 30 * 86400 };
static const char key_file[] = "secrets/zskonly.private";

static enum status key_get(const struct lab *lab, struct arena *arena, struct key **key,
                           struct problem *problem)
{
    struct span text;
    if (file_read(key_file, FILE_MAX, arena, &text, NULL) == OK) {
        return key_read_private(text, key, problem);
    }
    char bytes[2048] = "";
    struct writer writer = writer_over(bytes, sizeof bytes - 1);
    enum status status = key_generate(ALGORITHM_ECDSAP256SHA256, 0, key);
    status = status == OK ? key_write_private(*key, &writer) : status;
    status = status == OK ? lab_write(lab, key_file, bytes, 0600, problem) : status;
    secret_wipe(bytes, sizeof bytes);
    return status;
}

static void keep_problem(void *user, const struct problem *found)
{
    *(struct problem *)user = *found;
}

static void write_piece(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

static enum status sign(struct zone *zone, struct key *key, struct zone **next,
                        struct problem *problem)
{
    uint8_t bytes[256];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct zone_key only = {
        .signing = {.key = key}, .is_published = true, .signs_keys = true, .signs_zone = true};
    dnskey_write(DNSKEY_FLAGS_ZSK, ALGORITHM_ECDSAP256SHA256, key_public(key), &rdata);
    enum status status = dnskey_read(writer_written(&rdata), &only.signing.dnskey);
    struct zone_sign_input input = {
        .unsigned_zone = zone,
        .keys = &only,
        .key_count = 1,
        .policy = {.validity_s = VALIDITY_S, .inception_offset_s = 3600},
        .now_s = time(NULL)};
    struct zone_sign_report report;
    return status == OK ? zone_sign(&input, next, &report, problem) : status;
}

enum status lab_presign(const struct lab *lab, const char *apex, const char *from, const char *to,
                        struct problem *problem)
{
    struct arena arena;
    struct name_buffer buffer;
    struct zonefile_source source = {.file = from};
    struct zone *zone = NULL, *next = NULL;
    struct key *key = NULL;
    arena_open(&arena, SCRATCH_MAX);
    enum status status = name_parse(span_of_text(apex), NULL, &buffer, &source.origin, problem);
    status = status == OK ? file_read(from, FILE_MAX, &arena, &source.text, problem) : status;
    status =
        status == OK ? zonefile_load(&source, source.origin, keep_problem, problem, &zone) : status;
    status = status == OK ? key_get(lab, &arena, &key, problem) : status;
    status = status == OK ? sign(zone, key, &next, problem) : status;
    FILE *file = status == OK ? fopen(to, "w") : NULL;
    if (file != NULL) {
        status = zonefile_write(next, write_piece, file);
    }
    if (status == OK && (file == NULL || fclose(file) != 0)) {
        status = problem_set(problem, IO_FAILED, "cannot write %s", to);
    }
    key_close(key);
    zone_release(next);
    zone_release(zone);
    arena_close(&arena);
    return status;
}
