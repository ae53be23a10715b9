/* Asks several authoritative servers of the same zones the same questions and tells where the
 * first, ours, answers otherwise than the others. Differences are counted by what they are; those
 * that a table allows are told apart. Exits 1 when others are left.
 *
 * usage: compare --zone NAME=FILE... --server NAME=ADDRESS@PORT... [--allowed FILE] [--count N]
 *        [--seed N] [--examples N] */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compare.h"
#include "core/dns/rdata.h"
#include "core/zone/zonefile.h"

enum { ZONES_MAX = 32, KINDS_MAX = 4096, ALLOWED_MAX = 200, QUEUE_MAX = 4096, LINE_MAX_LEN = 1024 };

/* A row of the table: which differences, and what allows them. */
struct allowed {
    char line[LINE_MAX_LEN]; /* the fields point into it */
    const char *server, *kind, *type, *text, *rule;
    size_t used;
};

/* What was seen of one difference. */
struct seen {
    const char *server;
    char kind[32];
    char type[TYPE_TEXT_MAX];
    char text[440];
    const struct allowed *allowed;
    size_t count;
    char examples[3][NAME_TEXT_MAX + 80];
};

struct compare {
    struct server servers[COMPARE_SERVERS_MAX];
    size_t server_count;
    struct zone *zones[ZONES_MAX];
    size_t zone_count;
    struct allowed allowed[ALLOWED_MAX];
    size_t allowed_count;
    struct seen seen[KINDS_MAX];
    size_t seen_count;
    struct ask by_tcp[QUEUE_MAX]; /* waiting for a batch of their own */
    size_t by_tcp_count;
    struct arena arena;
    const char *way; /* of the question at hand, before the kind of its answer */
    uint64_t seed;
    size_t count, asked, differing, broken, examples;
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "compare: %s: %s\n", what, which);
    exit(2);
}

static void say_problem(void *user, const struct problem *problem)
{
    char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
    (void)user;
    fprintf(stderr, "compare: %s\n", problem_print(problem, text, sizeof text));
}

static struct span read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fail("cannot read", path);
    }
    long len = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(len > 0 ? (size_t)len : 1);
    if (bytes == NULL || len < 0 || fread(bytes, 1, (size_t)len, file) != (size_t)len) {
        fail("cannot read", path);
    }
    fclose(file);
    return span_of(bytes, (size_t)len);
}

static void take_zone(struct compare *compare, char *word)
{
    char *equals = strchr(word, '=');
    struct name_buffer buffer;
    struct name apex;
    if (equals == NULL || compare->zone_count == ZONES_MAX) {
        fail("--zone is NAME=FILE", word);
    }
    *equals = 0;
    if (name_parse(span_of_text(word), &NAME_ROOT, &buffer, &apex, NULL) != OK) {
        fail("no name", word);
    }
    struct zonefile_source source = {
        .file = equals + 1, .text = read_file(equals + 1), .origin = apex};
    if (zonefile_load(&source, apex, say_problem, NULL, &compare->zones[compare->zone_count++]) !=
        OK) {
        fail("not a zone", equals + 1);
    }
    free((void *)(uintptr_t)source.text.bytes);
}

static void take_server(struct compare *compare, char *word)
{
    char *equals = strchr(word, '=');
    char *at = equals == NULL ? NULL : strchr(equals, '@');
    if (at == NULL || compare->server_count == COMPARE_SERVERS_MAX) {
        fail("--server is NAME=ADDRESS@PORT", word);
    }
    struct server *server = &compare->servers[compare->server_count++];
    *equals = 0;
    *at = 0;
    server->name = word;
    snprintf(server->address.host, sizeof server->address.host, "%s", equals + 1);
    snprintf(server->address.port, sizeof server->address.port, "%s", at + 1);
    if (!send_open(server)) {
        fail("no such address", word);
    }
}

/* Fields are parted by tabs: server, kind, type, difference (patterns as of the shell), rule
 * with its reason. */
static void take_table(struct compare *compare, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail("cannot read", path);
    }
    while (compare->allowed_count < ALLOWED_MAX) {
        struct allowed *row = &compare->allowed[compare->allowed_count];
        if (fgets(row->line, sizeof row->line, file) == NULL) {
            break;
        }
        row->line[strcspn(row->line, "\n")] = 0;
        char *rest = row->line;
        row->server = strsep(&rest, "\t");
        row->kind = strsep(&rest, "\t");
        row->type = strsep(&rest, "\t");
        row->text = strsep(&rest, "\t");
        row->rule = rest;
        if (row->line[0] != '#' && row->rule != NULL) {
            compare->allowed_count++;
        }
    }
    fclose(file);
}

static bool matches(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, FNM_EXTMATCH) == 0;
}

static struct allowed *find_allowed(struct compare *compare, const struct seen *seen)
{
    for (size_t i = 0; i < compare->allowed_count; i++) {
        struct allowed *row = &compare->allowed[i];
        if (matches(row->server, seen->server) && matches(row->kind, seen->kind) &&
            matches(row->type, seen->type) && matches(row->text, seen->text)) {
            row->used++;
            return row;
        }
    }
    return NULL;
}

static void print_ask(const struct ask *ask, char *text, size_t size)
{
    char name[NAME_TEXT_MAX];
    char type[TYPE_TEXT_MAX];
    snprintf(text, size, "%s %s%s%s +bufsize=%u%s", name_print(ask->question.name, name),
             type_print(ask->question.type, type), ask->wants_dnssec ? " +dnssec" : "",
             ask->is_tcp ? " +tcp" : "", ask->udp_size,
             ask->question.class_ == CLASS_IN ? "" : " (other class)");
}

/* Types that servers treat alike go by one word. */
static void name_type(const struct question *question, char text[TYPE_TEXT_MAX])
{
    static const uint16_t own[] = {TYPE_NS,  TYPE_CNAME, TYPE_SOA,        TYPE_MX,    TYPE_SRV,
                                   TYPE_PTR, TYPE_DNAME, TYPE_DS,         TYPE_RRSIG, TYPE_NSEC,
                                   TYPE_ANY, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_DNSKEY};
    if (question->class_ != CLASS_IN) {
        snprintf(text, TYPE_TEXT_MAX, "CLASS%u", question->class_);
        return;
    }
    snprintf(text, TYPE_TEXT_MAX, "other");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i] == question->type) {
            type_print(question->type, text);
        }
    }
}

/* Is the name below one that is a hash: there by its NSEC3 alone? */
static bool is_below_hash(const struct compare *compare, struct name name)
{
    for (size_t i = 0; i < compare->zone_count; i++) {
        const struct zone *zone = compare->zones[i];
        uint8_t labels = (uint8_t)(zone_apex(zone).label_count + 1);
        if (name_is_below(name, zone_apex(zone)) && name.label_count > labels) {
            const struct zone_node *node = zone_find(zone, name_ancestor(name, labels));
            if (node != NULL && zone_node_rrset(node, TYPE_NSEC3) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static size_t find_zone(const struct compare *compare, struct name name)
{
    size_t best = compare->zone_count;
    for (size_t i = 0; i < compare->zone_count; i++) {
        struct name apex = zone_apex(compare->zones[i]);
        if (name_is_at_or_below(name, apex) &&
            (best == compare->zone_count ||
             apex.label_count > zone_apex(compare->zones[best]).label_count)) {
            best = i;
        }
    }
    return best;
}

/* What is out of the way in a question: it leads below a hash, to another zone, or along a chain
 * that not all servers follow to its end. */
static const char *find_way(const struct compare *compare, const struct ask *ask,
                            const struct message *ours)
{
    enum { STEPS_SHORT = 4 };
    const struct message_section *answer = &ours->sections[SECTION_ANSWER];
    size_t zone = find_zone(compare, ask->question.name);
    size_t steps = 0;
    for (size_t i = 0; i < answer->count; i++) {
        struct name target;
        const struct rrset *rrset = &answer->rrsets[i];
        if (rrset->type == TYPE_CNAME && rdata_target(TYPE_CNAME, rrset_only(rrset), &target)) {
            steps++;
            size_t other = find_zone(compare, target);
            if (other != zone && other != compare->zone_count) {
                return "far-";
            }
        }
    }
    return steps > STEPS_SHORT                          ? "long-"
           : is_below_hash(compare, ask->question.name) ? "hash-"
                                                        : "";
}

/* Notes it; true when nothing allows it. */
static bool note(struct compare *compare, const char *server, const struct ask *ask,
                 const struct difference *difference)
{
    char type[TYPE_TEXT_MAX];
    char kind[sizeof compare->seen[0].kind];
    size_t i = 0;
    name_type(&ask->question, type);
    snprintf(kind, sizeof kind, "%s%s", compare->way, difference->kind);
    for (; i < compare->seen_count; i++) {
        const struct seen *seen = &compare->seen[i];
        if (strcmp(seen->server, server) == 0 && strcmp(seen->kind, kind) == 0 &&
            strcmp(seen->type, type) == 0 && strcmp(seen->text, difference->text) == 0) {
            break;
        }
    }
    if (i == KINDS_MAX) {
        return true;
    }
    struct seen *seen = &compare->seen[i];
    if (i == compare->seen_count) {
        compare->seen_count++;
        seen->server = server;
        snprintf(seen->kind, sizeof seen->kind, "%s", kind);
        snprintf(seen->type, sizeof seen->type, "%s", type);
        snprintf(seen->text, sizeof seen->text, "%s", difference->text);
        seen->allowed = find_allowed(compare, seen);
    }
    if (seen->count < sizeof seen->examples / sizeof *seen->examples) {
        print_ask(ask, seen->examples[seen->count], sizeof *seen->examples);
    }
    seen->count++;
    return seen->allowed == NULL;
}

static bool read_answer(struct compare *compare, const struct server *server, size_t slot,
                        struct message *answer)
{
    return server->got[slot].len > 0 &&
           message_read(server->got[slot], &compare->arena, answer) == OK;
}

/* Has an RRset the same record twice? */
static bool has_repetition(const struct message *answer)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        for (size_t j = 0; j < answer->sections[i].count; j++) {
            const struct rrset *rrset = &answer->sections[i].rrsets[j];
            struct span one, other;
            struct rrset_cursor cursor = rrset_first(rrset);
            while (rrset_next(&cursor, &one)) {
                struct rrset_cursor rest = cursor;
                while (rrset_next(&rest, &other)) {
                    if (span_equal(one, other)) {
                        return true;
                    }
                }
            }
        }
    }
    return false;
}

/* What must hold of ours whatever the others say. */
static bool is_in_order(const struct ask *ask, const struct message *ours, size_t len)
{
    size_t limit = ask->is_tcp ? MESSAGE_LEN_MAX : ask->udp_size < 512 ? 512 : ask->udp_size;
    return (ours->flags & FLAG_QR) != 0 && len <= limit && !has_repetition(ours) &&
           ours->question_count == 1 && ours->question.type == ask->question.type &&
           ours->question.class_ == ask->question.class_ &&
           span_equal(name_span(ours->question.name), name_span(ask->question.name));
}

/* Is so little of the room left that an RRset more may not have fitted? */
static bool is_tight(const struct ask *ask, struct span ours, struct span theirs)
{
    enum { UDP_LEN_USUAL = 1232, RRSET_LEN = 170 /* signed addresses */ };
    size_t limit = ask->udp_size < 512 ? 512 : ask->udp_size;
    limit = limit < UDP_LEN_USUAL ? limit : UDP_LEN_USUAL;
    size_t len = ours.len > theirs.len ? ours.len : theirs.len;
    return !ask->is_tcp && len + RRSET_LEN > limit;
}

static void judge(struct compare *compare, const struct ask *ask, size_t slot)
{
    struct message ours;
    struct difference differences[COMPARE_DIFFERENCES_MAX];
    bool differs = false;
    bool is_cut = false;
    arena_reset(&compare->arena);
    compare->asked++;
    compare->way = "";
    if (!read_answer(compare, &compare->servers[0], slot, &ours) ||
        !is_in_order(ask, &ours, compare->servers[0].got[slot].len)) {
        struct difference broken = {.kind = "broken", .text = "ours is no answer to the question"};
        compare->broken += note(compare, compare->servers[0].name, ask, &broken);
        return;
    }
    compare->way = find_way(compare, ask, &ours);
    is_cut = (ours.flags & FLAG_TC) != 0;
    for (size_t i = 1; i < compare->server_count; i++) {
        const struct server *server = &compare->servers[i];
        struct message theirs;
        if (!read_answer(compare, server, slot, &theirs)) {
            struct difference none = {.kind = "none", .text = "theirs is no answer"};
            differs |= note(compare, server->name, ask, &none);
            continue;
        }
        is_cut |= (theirs.flags & FLAG_TC) != 0;
        size_t count = judge_answers(
            &ours, &theirs, is_tight(ask, compare->servers[0].got[slot], server->got[slot]),
            differences);
        for (size_t j = 0; j < count; j++) {
            differs |= note(compare, server->name, ask, &differences[j]);
        }
    }
    compare->differing += differs;
    if (is_cut && !ask->is_tcp && compare->by_tcp_count < QUEUE_MAX) {
        compare->by_tcp[compare->by_tcp_count++] = *ask;
        compare->by_tcp[compare->by_tcp_count - 1].is_tcp = true;
    }
}

static struct ask *repair(struct ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) { /* the names are views of the copies' own buffers */
        asks[i].question.name.octets = asks[i].buffer.octets;
    }
    return asks;
}

static void run_batch(struct compare *compare, struct ask *asks, size_t count)
{
    repair(asks, count);
    if (!send_batch(compare->servers, compare->server_count, asks, count)) {
        fprintf(stderr, "compare: a server answers nothing of a batch\n");
    }
    for (size_t i = 0; i < count; i++) {
        judge(compare, &asks[i], i);
    }
}

static void run_tcp(struct compare *compare, size_t at_least)
{
    while (compare->by_tcp_count > 0 && compare->by_tcp_count >= at_least) {
        static struct ask asks[COMPARE_BATCH];
        size_t count =
            compare->by_tcp_count < COMPARE_BATCH ? compare->by_tcp_count : COMPARE_BATCH;
        compare->by_tcp_count -= count;
        memcpy(asks, compare->by_tcp + compare->by_tcp_count, count * sizeof *asks);
        run_batch(compare, asks, count);
    }
}

static void run(struct compare *compare)
{
    static struct ask asks[COMPARE_BATCH];
    struct maker *maker =
        maker_open(compare->zones, compare->zone_count, compare->seed, compare->count);
    size_t count = 0;
    bool has_more = true;
    while (has_more) {
        has_more = maker_next(maker, &asks[count]);
        if (has_more && asks[count].is_tcp) {
            compare->by_tcp[compare->by_tcp_count++] = asks[count];
        } else if (has_more) {
            count++;
        }
        if (count == COMPARE_BATCH || (!has_more && count > 0)) {
            run_batch(compare, asks, count);
            count = 0;
        }
        run_tcp(compare, has_more ? COMPARE_BATCH : 1);
    }
    maker_close(maker);
}

static int compare_seen(const void *a, const void *b)
{
    const struct seen *left = a;
    const struct seen *right = b;
    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

static void print_seen(struct compare *compare, bool is_allowed)
{
    for (size_t i = 0; i < compare->seen_count; i++) {
        const struct seen *seen = &compare->seen[i];
        if ((seen->allowed != NULL) != is_allowed) {
            continue;
        }
        printf("%7zu %s, %s, %s: %s", seen->count, seen->server, seen->kind, seen->type,
               seen->text);
        printf(is_allowed ? "  [%s]\n" : "\n", is_allowed ? seen->allowed->rule : "");
        for (size_t j = 0; j < compare->examples && j < seen->count && !is_allowed; j++) {
            printf("          %s\n", seen->examples[j]);
        }
    }
}

static int tell(struct compare *compare, double seconds)
{
    size_t allowed = 0;
    size_t lost = 0;
    qsort(compare->seen, compare->seen_count, sizeof *compare->seen, compare_seen);
    print_seen(compare, false);
    for (size_t i = 0; i < compare->seen_count; i++) {
        allowed += compare->seen[i].allowed != NULL ? compare->seen[i].count : 0;
    }
    for (size_t i = 0; i < compare->allowed_count; i++) {
        const struct allowed *row = &compare->allowed[i];
        printf("row %zu used for %zu kinds: %s\t%s\t%s\t%s\n", i + 1, row->used, row->server,
               row->kind, row->type, row->text);
    }
    for (size_t i = 0; i < compare->server_count; i++) {
        lost += compare->servers[i].lost;
    }
    printf("%zu questions to %zu servers in %.0f s, seed %" PRIu64
           ": %zu differ, %zu broken, %zu differences allowed, %zu answers lost\n",
           compare->asked, compare->server_count, seconds, compare->seed, compare->differing,
           compare->broken, allowed, lost);
    return compare->differing + compare->broken > 0 ? 1 : 0;
}

static void take_word(struct compare *compare, const char *option, char *value)
{
    if (strcmp(option, "--zone") == 0) {
        take_zone(compare, value);
    } else if (strcmp(option, "--server") == 0) {
        take_server(compare, value);
    } else if (strcmp(option, "--allowed") == 0) {
        take_table(compare, value);
    } else if (strcmp(option, "--count") == 0) {
        compare->count = strtoull(value, NULL, 10);
    } else if (strcmp(option, "--seed") == 0) {
        compare->seed = strtoull(value, NULL, 10);
    } else if (strcmp(option, "--examples") == 0) {
        compare->examples = strtoull(value, NULL, 10);
    } else {
        fail("no such option", option);
    }
}

int main(int argc, char **argv)
{
    static struct compare compare = {.seed = 1, .count = 10000, .examples = 1};
    arena_open(&compare.arena, 64 << 20);
    for (int i = 1; i + 1 < argc; i += 2) {
        take_word(&compare, argv[i], argv[i + 1]);
    }
    if (compare.server_count < 2 || compare.zone_count == 0) {
        fail("needs", "two servers and a zone");
    }
    time_t began = time(NULL);
    run(&compare);
    int code = tell(&compare, difftime(time(NULL), began));
    for (size_t i = 0; i < compare.server_count; i++) {
        send_close(&compare.servers[i]);
    }
    for (size_t i = 0; i < compare.zone_count; i++) {
        zone_release(compare.zones[i]);
    }
    arena_close(&compare.arena);
    return code;
}
