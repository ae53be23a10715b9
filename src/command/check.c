/* `vouch check`: whether a zone file can be read, and whether the zone in it is one that should be
 * served. */
#include "command/commands.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "core/zone/zone_check.h"
#include "world/real/clock.h"
#include "world/real/threads.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char NAME[] = "check";

enum { OPTION_ORIGIN, OPTION_JSON, OPTION_THREADS, OPTION_COUNT };
/* Findings of reading, of the zone, of different TTLs: each has a limit of its own, and a line that
 * says how many more there are. */
enum {
    TTLS_MAX = 1000,
    LINES_MAX = ZONEFILE_FINDINGS_MAX + ZONE_CHECK_FINDINGS_MAX + TTLS_MAX + 3
};

/* A finding on its way to the person. */
struct line {
    uint64_t hash; /* of the owner */
    enum zone_severity severity;
    const char *check;
    const char *file; /* NULL: not known yet, to be found by the owner */
    uint32_t line, column;
    struct name owner; /* len 0: none */
    uint16_t type;     /* 0: any */
    const char *sentence;
};

struct checking {
    struct zone_file file;
    struct line *lines;
    size_t count;
    size_t counts[ZONE_SEVERITY_COUNT];
    size_t ttl_count;       /* names with different TTLs, told or not */
    const char *reading;    /* the file that the records come from, while lines are looked up */
    struct line **unplaced; /* findings whose line is wanted, by hash */
    size_t unplaced_count;
    size_t left; /* of them that have none yet */
    struct zone *zone;
};

static struct line *add_line(struct checking *checking, enum zone_severity severity,
                             const char *check, const char *sentence)
{
    require(checking->count < LINES_MAX);
    struct line *line = &checking->lines[checking->count++];
    *line = (struct line){.severity = severity, .check = check};
    line->sentence = arena_text(&checking->file.arena, span_of_text(sentence));
    line->sentence = line->sentence == NULL ? "" : line->sentence; /* said without words */
    return line;
}

static void add_owner(struct checking *checking, struct line *line, struct name owner,
                      uint16_t type)
{
    if (name_copy(&checking->file.arena, owner, &line->owner) != OK) {
        line->owner = NAME_ROOT;
    }
    line->type = type;
}

static void take_problem(void *user, const struct problem *problem)
{
    struct checking *checking = user;
    struct line *line = add_line(checking, ZONE_ERROR, "reading", problem->sentence);
    line->file = arena_text(&checking->file.arena, span_of_text(problem->place));
    line->line = problem->line;
    line->column = problem->column;
    checking->counts[ZONE_ERROR]++;
}

static void take_ttl(void *user, struct name owner, uint16_t type, uint32_t ttl_s)
{
    struct checking *checking = user;
    char text[TYPE_TEXT_MAX], sentence[PROBLEM_SENTENCE_MAX];
    checking->counts[ZONE_WARNING]++;
    if (checking->ttl_count++ >= TTLS_MAX) {
        return;
    }
    snprintf(sentence, sizeof sentence,
             "the %s records have different TTLs; all take the last one, %u s (RFC 2181 §5.2)",
             type_print(type, text), ttl_s);
    add_owner(checking, add_line(checking, ZONE_WARNING, "ttl-differs", sentence), owner, type);
}

static void take_finding(void *user, const struct zone_finding *finding)
{
    struct checking *checking = user;
    struct line *line = add_line(checking, finding->severity, finding->check, finding->sentence);
    add_owner(checking, line, finding->owner, finding->type);
}

/* Where the findings about names are: the first record of that name and type in the file. */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = (*(struct line *const *)a)->hash, right = (*(struct line *const *)b)->hash;
    return (left > right) - (left < right);
}

static enum status place_record(void *user, const struct rrset *record, uint32_t number)
{
    struct checking *checking = user;
    uint64_t hash = name_hash(record->owner, 0);
    size_t low = 0, high = checking->unplaced_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = checking->unplaced[middle]->hash < hash;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    for (; low < checking->unplaced_count && checking->unplaced[low]->hash == hash; low++) {
        struct line *line = checking->unplaced[low];
        bool is_meant = line->type == 0 || line->type == record->type;
        if (line->file == NULL && is_meant && name_equal(line->owner, record->owner)) {
            line->file = checking->reading;
            line->line = number;
            line->column = 1;
            checking->left--;
        }
    }
    return checking->left == 0 ? CLOSED : OK;
}

static void enter_file(void *user, const char *file)
{
    struct checking *checking = user;
    const char *kept = arena_text(&checking->file.arena, span_of_text(file));
    checking->reading = kept == NULL ? checking->file.path : kept;
}

/* Zones keep no line numbers, so the file is read once more when there is something to find. */
static void place_lines(struct checking *checking)
{
    checking->unplaced = calloc(checking->count + 1, sizeof(struct line *));
    for (size_t i = 0; checking->unplaced != NULL && i < checking->count; i++) {
        struct line *line = &checking->lines[i];
        if (line->file == NULL && line->owner.len != 0) {
            line->hash = name_hash(line->owner, 0);
            checking->unplaced[checking->unplaced_count++] = line;
        }
    }
    checking->left = checking->unplaced_count;
    if (checking->left != 0) {
        qsort(checking->unplaced, checking->unplaced_count, sizeof(struct line *), compare_hashes);
        checking->reading = checking->file.path;
        struct zonefile_sink sink = {.record = place_record, .user = checking, .file = enter_file};
        enum status ignored = zone_file_read(&checking->file, &sink);
        (void)ignored; /* what is not found stays without a line */
    }
    free(checking->unplaced);
}

/* What is said. */

static const char *said_type(const struct line *line, char text[TYPE_TEXT_MAX])
{
    return line->type == 0 ? "" : type_print(line->type, text);
}

static void print_line(const struct checking *checking, const struct line *line)
{
    char name[NAME_TEXT_MAX];
    printf("%s", line->file == NULL ? checking->file.path : line->file);
    if (line->line != 0) {
        printf(":%u:%u", line->line, line->column);
    }
    printf(": %s: ", ZONE_SEVERITY_WORDS[line->severity]);
    if (line->owner.len != 0) {
        printf("%s: ", name_print(line->owner, name));
    }
    printf("%s [%s]\n", line->sentence, line->check);
}

static void print_text(const struct checking *checking, const struct zone *zone)
{
    char name[NAME_TEXT_MAX];
    for (size_t i = 0; i < checking->count; i++) {
        print_line(checking, &checking->lines[i]);
    }
    if (zone == NULL) {
        printf("%s: no zone: %zu %s\n", checking->file.path, checking->counts[ZONE_ERROR],
               checking->counts[ZONE_ERROR] == 1 ? "error" : "errors");
        return;
    }
    printf("%s: zone %s serial %u: %zu records of %zu names; %zu errors, %zu warnings, %zu notes\n",
           checking->file.path, name_print(zone_apex(zone), name), zone_serial(zone),
           zone_record_count(zone), zone_node_count(zone), checking->counts[ZONE_ERROR],
           checking->counts[ZONE_WARNING], checking->counts[ZONE_NOTE]);
}

static json_t *line_as_json(const struct checking *checking, const struct line *line)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "severity",
                     ZONE_SEVERITY_WORDS[line->severity], "check", line->check, "file",
                     line->file == NULL ? checking->file.path : line->file, "line",
                     (json_int_t)line->line, "column", (json_int_t)line->column, "name",
                     line->owner.len == 0 ? "" : name_print(line->owner, name), "type",
                     said_type(line, type), "sentence", line->sentence);
}

static void print_json(const struct checking *checking, const struct zone *zone)
{
    char name[NAME_TEXT_MAX];
    json_t *list = json_array();
    for (size_t i = 0; i < checking->count; i++) {
        json_array_append_new(list, line_as_json(checking, &checking->lines[i]));
    }
    json_t *whole =
        json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "file", checking->file.path,
                  "zone", name_print(checking->file.apex, name), "loaded", zone != NULL, "serial",
                  (json_int_t)(zone == NULL ? 0 : zone_serial(zone)), "records",
                  (json_int_t)(zone == NULL ? 0 : zone_record_count(zone)), "names",
                  (json_int_t)(zone == NULL ? 0 : zone_node_count(zone)), "errors",
                  (json_int_t)checking->counts[ZONE_ERROR], "warnings",
                  (json_int_t)checking->counts[ZONE_WARNING], "notes",
                  (json_int_t)checking->counts[ZONE_NOTE], "findings", list);
    (void)json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(whole);
    puts("");
}

static void check_zone(struct checking *checking, const struct zone *zone,
                       const struct parallel *parallel)
{
    struct zone_check_aim aim = {.parallel = parallel,
                                 .now_s = moment_wall_s(clock_now()),
                                 .finding = take_finding,
                                 .user = checking};
    struct zone_check_count count;
    char sentence[PROBLEM_SENTENCE_MAX];
    if (zone_check_all(zone, &aim, &count) != OK) {
        add_line(checking, ZONE_ERROR, "memory", "there is no memory to check the zone");
        checking->counts[ZONE_ERROR]++;
        return;
    }
    size_t total = 0;
    for (size_t i = 0; i < ZONE_SEVERITY_COUNT; i++) {
        checking->counts[i] += count.of[i];
        total += count.of[i];
    }
    if (total > ZONE_CHECK_FINDINGS_MAX) {
        snprintf(sentence, sizeof sentence, "%zu more findings are not shown",
                 total - ZONE_CHECK_FINDINGS_MAX);
        add_line(checking, ZONE_NOTE, "limit", sentence);
    }
    if (checking->ttl_count > TTLS_MAX) {
        snprintf(sentence, sizeof sentence, "%zu more names have different TTLs",
                 checking->ttl_count - TTLS_MAX);
        add_line(checking, ZONE_NOTE, "limit", sentence);
    }
}

static int check_file(struct checking *checking, const struct parallel *parallel, bool is_json)
{
    struct zonefile_target target = {
        .parallel = parallel, .problem = take_problem, .ttl_differs = take_ttl, .user = checking};
    /* A failure is among the findings. */
    if (zone_file_load(&checking->file, &target, &checking->zone) == OK) {
        check_zone(checking, checking->zone, parallel);
        place_lines(checking);
    }
    (is_json ? print_json : print_text)(checking, checking->zone);
    return checking->counts[ZONE_ERROR] == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int read_threads(const char *text, unsigned *width)
{
    uint64_t number = 0;
    if (text != NULL &&
        (text_read_u64(span_of_text(text), PARALLEL_WIDTH_MAX, &number) != OK || number == 0)) {
        return command_usage_error(NAME, "--threads takes a number from 1 to %d",
                                   PARALLEL_WIDTH_MAX);
    }
    *width = (unsigned)number; /* 0: as many as there are processors */
    return EXIT_DONE;
}

static int check_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
        [OPTION_THREADS] = {.name = "--threads", .takes_value = true},
    };
    int word_count = 0;
    unsigned width = 0;
    struct threads *threads = NULL;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    code = code == EXIT_DONE ? read_threads(command_value(&options[OPTION_THREADS]), &width) : code;
    if (code == EXIT_DONE && word_count != 1) {
        code = command_usage_error(NAME, "it wants one zone file");
    }
    if (code != EXIT_DONE) {
        return code;
    }
    /* Static, so that it keeps the zone to the end of the process, which comes now: to take a
     * million names apart one by one helps nobody. */
    static struct checking checking;
    checking.lines = calloc(LINES_MAX, sizeof(struct line));
    const char *origin = command_value(&options[OPTION_ORIGIN]);
    struct problem problem = {0};
    code = EXIT_FAILED;
    if (checking.lines == NULL || threads_open(width, &threads) != OK) {
        problem_set(&problem, NO_MEMORY, "there is no memory, or no more threads");
        (void)command_failed(NAME, &problem);
    } else if (zone_file_open(&checking.file, NAME, argv[1], origin) == OK) {
        code = check_file(&checking, threads_parallel(threads), options[OPTION_JSON].count > 0);
        zone_file_close(&checking.file);
    }
    threads_close(threads);
    free(checking.lines);
    return code;
}

const struct command COMMAND_CHECK = {
    .name = "check",
    .summary = "check a zone file and the zone in it",
    .usage =
        "usage: vouch check [OPTION]... FILE\n"
        "\n"
        "Reads a zone file (\"-\" is standard input) and checks the zone in it. Each finding is\n"
        "a line FILE:LINE:COLUMN: SEVERITY: NAME: SENTENCE [CHECK]. Whatever cannot be read is\n"
        "an error, and then there is no zone. Other errors keep a zone from being signed or\n"
        "served by vouch; warnings and notes do not.\n"
        "\n"
        "  -o ZONE        the zone in the file; without it the owner of the first SOA\n"
        "  --json         the same for programs\n"
        "  --threads N    how many threads read and check; as many as there are processors\n"
        "\n"
        "Exit codes: 0 no errors, 1 errors, 2 not understood.\n",
    .run = check_run,
};
