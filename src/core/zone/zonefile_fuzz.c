/* Any text as a zone file: every record handed over is well-formed, every finding has a place and a
 * sentence, and a file that includes itself ends. */
#include "core/zone/zone.h"
#include "core/zone/zonefile.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    struct tally tally = {span_of(data, size), 0, 0};
    struct zonefile_source source = {"fuzz", tally.text, apex, 0, include_self, &tally};
    struct zonefile_sink sink = {record_take, problem_take, &tally};
    enum status status = zonefile_read(&source, &sink);
    require((status == OK) == (tally.findings == 0 && tally.records < RECORDS_MAX));
    struct zone *zone;
    source.open_include = NULL;
    if (size < 4096 && tally.records < RECORDS_MAX &&
        zonefile_load(&source, apex, NULL, NULL, &zone) == OK) {
        zone_release(zone);
    }
    return 0;
}
