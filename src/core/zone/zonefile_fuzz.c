/* Any text as a zone file: every record handed over is well-formed, every finding has a place and a
 * sentence, and a file that includes itself ends. Whoever marks the octets, the tokens are the
 * same; however the text is cut into parts, the zone and the number of findings are. */
#include "core/zone/zone.h"
#include "core/zone/zonefile.h"
#include "core/zone/zonefile_lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 5000 };

struct tally {
    struct span text;
    size_t records;
    size_t findings;
};

static enum status record_take(void *user, const struct rrset *record, uint32_t line)
{
    struct tally *tally = user;
    require(line != 0 && record->count == 1 && !type_is_meta(record->type));
    require(rdata_check(record->type, rrset_only(record)) == OK);
    tally->records++;
    return tally->records < RECORDS_MAX ? OK : LIMIT_REACHED;
}

static void problem_take(void *user, const struct problem *problem)
{
    struct tally *tally = user;
    bool is_rest = problem->status == LIMIT_REACHED && tally->findings >= ZONEFILE_FINDINGS_MAX;
    require(is_rest || (problem->line != 0 && problem->column != 0));
    require(problem->sentence[0] != '\0');
    tally->findings++;
}

static enum status include_self(void *user, const char *file, struct span *text)
{
    struct tally *tally = user;
    *text = tally->text;
    return file[0] == 'x' ? NOT_FOUND : OK;
}

static void mark_all_special(const uint8_t *text, size_t count, struct zonefile_marks *marks)
{
    zonefile_scan_portable(text, count, marks);
    for (size_t i = 0; i < count; i++) {
        marks[i].specials = UINT64_MAX;
    }
}

/* Cuts with the fast marks and with marks that make every line one to be cut octet by octet. */
static void compare_cutting(struct span text, zonefile_scan *other_scan)
{
    enum { TOKENS = ZONEFILE_TOKENS_MIN };
    static struct rdata_token tokens[TOKENS], other_tokens[TOKENS];
    static struct zonefile_lexer lexer, other_lexer;
    static struct problem problem, other_problem;
    struct zonefile_entry entry = {tokens, TOKENS, 0, false};
    struct zonefile_entry other = {other_tokens, TOKENS, 0, false};
    zonefile_lexer_open(&lexer, text, zonefile_scan_best());
    zonefile_lexer_open(&other_lexer, text, other_scan);
    bool has_more;
    do {
        has_more = zonefile_lexer_next(&lexer, &entry, &problem);
        require(has_more == zonefile_lexer_next(&other_lexer, &other, &other_problem));
        require(problem.status == other_problem.status && lexer.at == other_lexer.at);
        for (size_t i = 0; has_more && problem.status == OK && i < entry.count; i++) {
            const struct rdata_token *a = &entry.tokens[i], *b = &other.tokens[i];
            require(a->text.bytes == b->text.bytes && a->text.len == b->text.len);
            require(a->line == b->line && a->column == b->column && a->is_quoted == b->is_quoted);
        }
        require(entry.count == other.count && entry.has_blank_owner == other.has_blank_owner);
    } while (has_more);
}

static void run_in_order(void *self, void (*work)(void *user, size_t index), void *user,
                         size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++) {
        work(user, i);
    }
}

static void count_problem(void *user, const struct problem *problem)
{
    (void)problem;
    ++*(size_t *)user;
}

static void compare_loading(const struct zonefile_source *source, struct name apex)
{
    static const struct parallel three = {.width = 3, .run = run_in_order};
    size_t findings = 0, part_findings = 0;
    struct zone *zone, *part_zone;
    struct zonefile_target target = {.apex = apex, .problem = count_problem, .user = &findings};
    enum status status = zonefile_load_into(source, &target, &zone);
    target = (struct zonefile_target){.apex = apex,
                                      .parallel = &three,
                                      .part_len = 40,
                                      .problem = count_problem,
                                      .user = &part_findings};
    require(zonefile_load_into(source, &target, &part_zone) == status);
    require(findings == part_findings);
    if (status == OK) {
        require(zone_record_count(zone) == zone_record_count(part_zone));
        require(zone_node_count(zone) == zone_node_count(part_zone));
    }
    zone_release(zone);
    zone_release(part_zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    struct tally tally = {span_of(data, size), 0, 0};
    struct zonefile_source source = {"fuzz", tally.text, apex, 0, include_self, &tally};
    struct zonefile_sink sink = {.record = record_take, .problem = problem_take, .user = &tally};
    compare_cutting(tally.text, mark_all_special);
    compare_cutting(tally.text, zonefile_scan_portable);
    enum status status = zonefile_read(&source, &sink);
    require((status == OK) == (tally.findings == 0 && tally.records < RECORDS_MAX));
    source.open_include = NULL;
    if (size < 4096 && tally.records < RECORDS_MAX) {
        compare_loading(&source, apex);
    }
    return 0;
}
