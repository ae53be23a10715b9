/* `vouch verify`: judges a signed zone in a file, from trust anchors down to the last signature. */
#include "command/commands.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "core/zone/zone_verify.h"
#include "world/real/threads.h"
#include "world/real/world.h"

#include <jansson.h>
#include <stdio.h>

enum { ANCHOR_FILE_LEN_MAX = 1 << 20, ANCHORS_LEN_MAX = 64 << 20, ANCHORS_MAX = 256 };
enum { FAULTS_SAID_MAX = 1000 };

enum {
    OPTION_AT,
    OPTION_ZONEMD,
    OPTION_ANCHOR,
    OPTION_PARENT,
    OPTION_ORIGIN,
    OPTION_THREADS,
    OPTION_JSON,
    OPTION_COUNT
};

struct verifying {
    struct arena arena; /* anchors */
    struct trust_anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
    struct zone_verify_options options;
    json_t *said; /* the faults for --json; NULL: as text */
    size_t fault_count;
    struct progress progress;
    size_t names_done;
};

static void say_fault(void *user, const struct problem *problem)
{
    struct verifying *verifying = user;
    if (verifying->fault_count++ >= FAULTS_SAID_MAX) {
        return;
    }
    if (verifying->said == NULL) {
        progress_end(&verifying->progress); /* the line is for the fault */
        (void)command_failed("verify", problem);
        return;
    }
    json_array_append_new(verifying->said, json_pack("{s:s, s:s}", "name", problem->place,
                                                     "sentence", problem->sentence));
}

static void show_progress(void *user, size_t done, size_t total)
{
    struct verifying *verifying = user;
    (void)total;
    progress_add(&verifying->progress, done - verifying->names_done);
    verifying->names_done = done;
}

static enum status add_anchor(struct verifying *verifying, const struct trust_anchor *anchor)
{
    if (verifying->anchor_count == ANCHORS_MAX) {
        return LIMIT_REACHED;
    }
    verifying->anchors[verifying->anchor_count++] = *anchor;
    return OK;
}

static int read_anchors(struct verifying *verifying, const char *path)
{
    struct problem problem = {0};
    struct span text;
    const struct trust_anchor *anchors = NULL;
    size_t count = 0;
    enum status status = file_read(path, ANCHOR_FILE_LEN_MAX, &verifying->arena, &text, &problem);
    if (status == OK) {
        problem_place(&problem, path, 0, 0);
        status = trust_anchors_read(text, &verifying->arena, &anchors, &count, &problem);
    }
    if (status == OK && count == 0) {
        status = problem_set(&problem, NOT_FOUND, "the file holds no DS or DNSKEY record");
    }
    for (size_t i = 0; status == OK && i < count; i++) {
        status = add_anchor(verifying, &anchors[i]);
        if (status != OK) {
            problem_set(&problem, status, "there are more than %d anchors", ANCHORS_MAX);
        }
    }
    return status == OK ? EXIT_DONE : command_failed("verify", &problem);
}

static void print_text(const struct zone *zone, const struct zone_verify_report *report)
{
    char name[NAME_TEXT_MAX];
    if (report->faults > FAULTS_SAID_MAX) {
        fprintf(stderr, "vouch verify: %zu more faults are not shown\n",
                report->faults - FAULTS_SAID_MAX);
    }
    printf("%s serial %u: %zu records, %zu RRSIGs checked, ZONEMD %s, %zu %s\n",
           name_print(zone_apex(zone), name), zone_serial(zone), zone_record_count(zone),
           report->rrsigs_checked, report->is_zonemd_checked ? "ok" : "not checked", report->faults,
           report->faults == 1 ? "fault" : "faults");
}

/* One object for each zone that was judged. */
static void print_report(struct verifying *verifying, const struct zone *zone, const char *path,
                         const struct zone_verify_report *report)
{
    char name[NAME_TEXT_MAX];
    if (verifying->said == NULL) {
        print_text(zone, report);
        return;
    }
    bool expires = report->earliest_expiration_s != INT64_MAX;
    json_t *whole = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:I, s:O}", "file", path, "zone",
        name_print(zone_apex(zone), name), "serial", (json_int_t)zone_serial(zone), "records",
        (json_int_t)zone_record_count(zone), "rrsigs", (json_int_t)report->rrsigs_checked, "zonemd",
        report->is_zonemd_checked, "earliest_expiration",
        expires ? json_integer((json_int_t)report->earliest_expiration_s) : json_null(),
        "fault_count", (json_int_t)report->faults, "faults", verifying->said);
    (void)json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(whole);
    puts("");
    json_array_clear(verifying->said);
}

static int judge(struct verifying *verifying, const struct zone *zone, const char *path)
{
    struct zone_verify_report report;
    struct problem problem = {0};
    verifying->options.anchors = verifying->anchors;
    verifying->options.anchor_count = verifying->anchor_count;
    verifying->fault_count = 0;
    verifying->names_done = 0;
    progress_begin(&verifying->progress, "verifying", zone_node_count(zone));
    enum status status = zone_verify(zone, &verifying->options, say_fault, verifying, &report);
    progress_end(&verifying->progress);
    if (status != OK && status != MISMATCH) {
        problem_place(&problem, path, 0, 0);
        problem_set(&problem, status, "the zone could not be judged: %s", status_text(status));
        return command_failed("verify", &problem);
    }
    print_report(verifying, zone, path, &report);
    return status == OK ? EXIT_DONE : EXIT_FAILED;
}

/* The DS records of the child become the anchors. */
static int take_delegation(struct verifying *verifying, const struct zone *parent,
                           const struct zone *zone)
{
    struct name apex = zone_apex(zone);
    const struct rrset *set = zone_find_rrset(parent, apex, TYPE_DS);
    struct problem problem = {0};
    char name[NAME_TEXT_MAX];
    if (set == NULL || !name_is_below(apex, zone_apex(parent))) {
        problem_set(&problem, NOT_FOUND, "the parent zone has no DS records for %s",
                    name_print(apex, name));
        return command_failed("verify", &problem);
    }
    struct rrset kept;
    enum status status = rrset_copy(&verifying->arena, set, &kept);
    verifying->anchor_count = 0;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(&kept);
         status == OK && rrset_next(&cursor, &rdata);) {
        struct trust_anchor anchor = {.zone = kept.owner, .type = TYPE_DS, .rdata = rdata};
        status = add_anchor(verifying, &anchor);
    }
    if (status != OK) {
        problem_set(&problem, status, "the DS records cannot be used: %s", status_text(status));
        return command_failed("verify", &problem);
    }
    return EXIT_DONE;
}

/* The parent is judged first, by the anchors there are, and only then believed. */
static int judge_parent(struct verifying *verifying, const char *path, const struct zone *zone)
{
    struct zone *parent = zone_open_file_with("verify", path, NULL, verifying->options.parallel);
    if (parent == NULL) {
        return EXIT_FAILED;
    }
    int code = judge(verifying, parent, path);
    if (code == EXIT_DONE) {
        code = take_delegation(verifying, parent, zone);
    }
    zone_release(parent);
    return code;
}

static int verify_files(struct verifying *verifying, const struct command_option *options,
                        const char *path)
{
    for (size_t i = 0; i < options[OPTION_ANCHOR].count; i++) {
        int code = read_anchors(verifying, options[OPTION_ANCHOR].values[i]);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    struct zone *zone = zone_open_file_with("verify", path, command_value(&options[OPTION_ORIGIN]),
                                            verifying->options.parallel);
    if (zone == NULL) {
        return EXIT_FAILED;
    }
    int code = EXIT_DONE;
    if (options[OPTION_PARENT].count > 0) {
        code = judge_parent(verifying, command_value(&options[OPTION_PARENT]), zone);
    }
    if (code == EXIT_DONE) {
        verifying->options.needs_zonemd = options[OPTION_ZONEMD].count > 0;
        code = judge(verifying, zone, path);
    }
    zone_release(zone);
    return code;
}

static int read_threads(const char *text, unsigned *width)
{
    uint64_t number = 0;
    if (text != NULL &&
        (text_read_u64(span_of_text(text), PARALLEL_WIDTH_MAX, &number) != OK || number == 0)) {
        return command_usage_error("verify", "--threads takes a number from 1 to %d",
                                   PARALLEL_WIDTH_MAX);
    }
    *width = (unsigned)number; /* 0: as many as there are processors */
    return EXIT_DONE;
}

static int verify_with(struct verifying *verifying, const struct command_option *options,
                       const char *path, unsigned width)
{
    struct threads *threads = NULL;
    struct problem problem = {0};
    if (threads_open(width, &threads) != OK) {
        problem_set(&problem, NO_MEMORY, "there is no memory, or no more threads");
        return command_failed("verify", &problem);
    }
    verifying->options.parallel = threads_parallel(threads);
    verifying->said = options[OPTION_JSON].count > 0 ? json_array() : NULL;
    arena_open(&verifying->arena, ANCHORS_LEN_MAX);
    int code = verify_files(verifying, options, path);
    arena_close(&verifying->arena);
    json_decref(verifying->said);
    threads_close(threads);
    return code;
}

static int verify_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_AT] = {.name = "--at", .takes_value = true},
        [OPTION_ZONEMD] = {.name = "--zonemd"},
        [OPTION_ANCHOR] = {.name = "--anchor", .takes_value = true, .is_list = true},
        [OPTION_PARENT] = {.name = "--parent", .takes_value = true},
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_THREADS] = {.name = "--threads", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    if (word_count != 1) {
        return command_usage_error("verify", "one zone file is wanted");
    }
    struct verifying verifying = {.options.progress = show_progress};
    unsigned width = 0;
    code = zone_read_time("verify", "--at", command_value(&options[OPTION_AT]),
                          &verifying.options.now_s);
    code = code == EXIT_DONE ? read_threads(command_value(&options[OPTION_THREADS]), &width) : code;
    return code == EXIT_DONE ? verify_with(&verifying, options, argv[1], width) : code;
}

const struct command COMMAND_VERIFY = {
    .name = "verify",
    .summary = "judge a signed zone file",
    .usage = "usage: vouch verify [OPTION]... FILE\n"
             "\n"
             "Judges a signed zone: every RRSIG by the keys published in it, each RRset that must\n"
             "be signed and none that must not, the chain from the trust anchors, the denial of\n"
             "existence, and ZONEMD where there is one. Each fault names its record. Exit code 1:\n"
             "there was one.\n"
             "\n"
             "  --anchor FILE   DS or DNSKEY records that are trusted; may be repeated. Without\n"
             "                  any, the zone's own key signing keys are taken as they are\n"
             "  --parent FILE   the signed parent zone: judged first, by the anchors, then its DS\n"
             "                  records are the anchors of the zone\n"
             "  --zonemd        a missing ZONEMD is a fault\n"
             "  --at TIME       judge as of then (2026-08-01T00:00:00Z), not now\n"
             "  --threads N     as many threads; without it one for each processor\n"
             "  --json          one object: what was judged, and each fault by name and sentence\n"
             "  -o NAME         the zone's name; without it the owner of the SOA\n",
    .run = verify_run,
};
