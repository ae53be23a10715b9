/* What a zone must and should be before anybody signs or serves it: the table of checks, and how
 * they are run over every node, several parts of the zone at a time, or over what a change
 * touched. */
#include "core/zone/zone_check_run.h"

#include "core/zone/transfer.h"
#include "core/zone/zone_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ZONE_SEVERITY_WORDS[ZONE_SEVERITY_COUNT] = {
    [ZONE_NOTE] = "note", [ZONE_WARNING] = "warning", [ZONE_ERROR] = "error"};

/* Kinds of places. */
enum {
    AT_APEX = 1,
    AT_CUT = 2, /* NS below the apex */
    INSIDE = 4, /* any other authoritative name */
    BELOW = 8,  /* a cut or a DNAME */
    ANYWHERE = 15,
    AUTHORITATIVE = AT_APEX | AT_CUT | INSIDE
};

struct check_row {
    const char *name;
    enum zone_severity severity;
    unsigned where;
    zone_types types; /* the node owns one of them; 0: whatever it owns */
    void (*check)(struct check_run *run, const struct check_place *place);
    const char *asks;
};

#define BIT ZONE_TYPE_BIT
enum { TYPE_NXT = 30, TYPE_OTHER = 0 };
static const zone_types SINGLETONS = BIT(TYPE_SOA) | BIT(TYPE_CNAME) | BIT(TYPE_DNAME) |
                                     BIT(TYPE_NSEC) | BIT(TYPE_NXT) | BIT(TYPE_OTHER);
static const zone_types AT_CUT_TYPES = BIT(TYPE_NS) | BIT(TYPE_DS) | BIT(TYPE_A) | BIT(TYPE_AAAA) |
                                       BIT(TYPE_RRSIG) | BIT(TYPE_NSEC) | BIT(TYPE_NSEC3);
static const zone_types APEX_TYPES = BIT(TYPE_DNSKEY) | BIT(TYPE_NSEC3PARAM) | BIT(TYPE_CDS) |
                                     BIT(TYPE_CDNSKEY) | BIT(TYPE_CSYNC) | BIT(TYPE_ZONEMD);

static const struct check_row ROWS[] = {
    {"soa-missing", ZONE_ERROR, AT_APEX, 0, check_soa, "the apex owns an SOA record"},
    {"soa-below", ZONE_ERROR, ANYWHERE, BIT(TYPE_SOA), check_soa_below,
     "only the apex owns an SOA record"},
    {"ns-missing", ZONE_ERROR, AT_APEX, 0, check_apex_ns, "the apex owns NS records"},
    {"ns-address", ZONE_ERROR, AT_APEX, BIT(TYPE_NS), check_apex_ns_address,
     "name servers of the zone inside it have addresses"},
    {"ds-at-apex", ZONE_ERROR, AT_APEX, BIT(TYPE_DS), check_apex_ds, "the apex owns no DS record"},
    {"cname-beside", ZONE_ERROR, AUTHORITATIVE, BIT(TYPE_CNAME), check_cname,
     "nothing but DNSSEC's own stands beside a CNAME"},
    {"several", ZONE_ERROR, ANYWHERE, SINGLETONS, check_singletons,
     "SOA, CNAME, DNAME, NSEC, NXT and RESINFO stand alone"},
    {"below-dname", ZONE_ERROR, BELOW, 0, check_below_dname, "no name lies below a DNAME"},
    {"dname-at-cut", ZONE_ERROR, AT_CUT, BIT(TYPE_DNAME), check_dname_at_cut,
     "no DNAME stands beside the NS records of a delegation"},
    {"below-cut", ZONE_WARNING, BELOW, ~(BIT(TYPE_A) | BIT(TYPE_AAAA)), check_below_cut,
     "only addresses lie below a delegation"},
    {"beside-cut", ZONE_WARNING, AT_CUT, ~AT_CUT_TYPES, check_beside_cut,
     "only NS, DS, addresses and DNSSEC's own stand at a delegation"},
    {"ds-without-ns", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_DS), check_ds_place,
     "a DS record stands beside NS records"},
    {"glue-missing", ZONE_WARNING, AT_CUT, BIT(TYPE_NS), check_glue,
     "name servers inside of what they serve have glue"},
    {"wildcard", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_NS) | BIT(TYPE_DNAME) | BIT(TYPE_DS),
     check_wildcard, "no wildcard owns NS, DNAME or DS"},
    {"target-alias", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_NS) | BIT(TYPE_MX) | BIT(TYPE_SRV),
     check_target_alias, "NS, MX and SRV name no CNAME"},
    {"target-address", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_NS) | BIT(TYPE_MX) | BIT(TYPE_SRV),
     check_target_address, "what NS, MX and SRV name has an address"},
    {"target-number", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_MX) | BIT(TYPE_SRV) | BIT(TYPE_CNAME),
     check_target_number, "MX, SRV and CNAME name no address"},
    {"alias", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_CNAME), check_alias,
     "a CNAME leads to a name that exists, and not in a ring"},
    {"apex-only", ZONE_WARNING, AUTHORITATIVE, APEX_TYPES, check_apex_only,
     "DNSKEY, NSEC3PARAM, CDS, CDNSKEY, CSYNC and ZONEMD stand at the apex; CDS and CDNSKEY also "
     "at names that begin with _dsboot"},
    {"ds-digest", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_DS) | BIT(TYPE_CDS), check_ds_digest,
     "a digest has the length of its type"},
    {"dnskey", ZONE_WARNING, AT_APEX, BIT(TYPE_DNSKEY), check_dnskey,
     "a DNSKEY has protocol 3 and the zone flag"},
    {"nsec3-iterations", ZONE_WARNING, AT_APEX, BIT(TYPE_NSEC3PARAM), check_nsec3param,
     "NSEC3 has no iterations"},
    {"rrsig-over", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_RRSIG), check_rrsig,
     "no signature is over"},
    {"svcb-alias", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_OTHER), check_svcb,
     "an SVCB or HTTPS alias has no parameters and stands alone"},
    {"spf", ZONE_WARNING, AUTHORITATIVE, BIT(TYPE_TXT) | BIT(TYPE_OTHER), check_spf,
     "one TXT record says v=spf1, and none of type SPF does"},
    {"ns-single", ZONE_NOTE, AT_APEX, BIT(TYPE_NS), check_apex_ns_count,
     "the zone has two name servers or more"},
    {"soa-times", ZONE_NOTE, AT_APEX, BIT(TYPE_SOA), check_soa_times,
     "the SOA's times go together"},
    {"soa-serial", ZONE_NOTE, AT_APEX, BIT(TYPE_SOA), check_soa_serial, "the serial is not 0"},
    {"glue-unneeded", ZONE_NOTE, BELOW, 0, NULL, "glue is that of a name server named in the zone"},
    {"apex-missing", ZONE_ERROR, AT_APEX, 0, NULL, "the apex owns records"},
};
enum { ROW_GLUE_UNNEEDED = LEN(ROWS) - 2, ROW_APEX_MISSING = LEN(ROWS) - 1 };

const char *zone_check_name(size_t row, enum zone_severity *severity, const char **sentence)
{
    if (row >= LEN(ROWS)) {
        return NULL;
    }
    *severity = ROWS[row].severity;
    *sentence = ROWS[row].asks;
    return ROWS[row].name;
}

void check_report(struct check_run *run, const struct check_place *place, uint16_t type,
                  const char *format, ...)
{
    char sentence[PROBLEM_SENTENCE_MAX];
    run->count.of[run->row->severity]++;
    if (run->is_full) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    struct zone_finding finding = {.severity = run->row->severity,
                                   .check = run->row->name,
                                   .owner = place->node->owner,
                                   .type = type,
                                   .sentence = sentence};
    run->report(run, &finding);
}

bool check_grow(struct check_run *run, void **table, size_t *size, size_t count, size_t item)
{
    if (count <= *size) {
        return true;
    }
    size_t grown = *size < 16 ? 16 : *size * 2;
    void *moved = grown > SIZE_MAX / item ? NULL : realloc(*table, grown * item);
    if (moved == NULL) {
        run->status = NO_MEMORY;
        return false;
    }
    *table = moved;
    *size = grown;
    return true;
}

static zone_types types_of(const struct zone_node *node)
{
    zone_types types = 0;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        types |= ZONE_TYPE_BIT(node->rrsets[i].type);
    }
    return types;
}

static unsigned where_is(const struct check_place *place)
{
    if (place->is_apex) {
        return AT_APEX;
    }
    if (place->above != NULL) {
        return BELOW;
    }
    return (place->types & BIT(TYPE_NS)) != 0 ? AT_CUT : INSIDE;
}

static void run_rows(struct check_run *run, struct check_place *place)
{
    static const zone_types POINTERS = BIT(TYPE_NS) | BIT(TYPE_MX) | BIT(TYPE_SRV);
    unsigned where = where_is(place);
    if (where != BELOW && (place->types & POINTERS) != 0) {
        check_find_targets(run, place);
    }
    for (size_t i = 0; i < ROW_GLUE_UNNEEDED; i++) {
        const struct check_row *row = &ROWS[i];
        if ((row->where & where) != 0 && (row->types == 0 || (row->types & place->types) != 0)) {
            run->row = row;
            row->check(run, place);
        }
    }
}

static void report_apex_missing(struct check_run *run)
{
    struct zone_node apex = {.owner = zone_apex(run->zone)};
    struct check_place place = {.node = &apex, .is_apex = true};
    run->row = &ROWS[ROW_APEX_MISSING];
    check_report(run, &place, 0, "the zone has no record at its apex");
}

/* Whether what lies below the node belongs to somebody else. */
static bool ends_authority(const struct check_place *place)
{
    return (place->types & BIT(TYPE_DNAME)) != 0 ||
           (!place->is_apex && (place->types & BIT(TYPE_NS)) != 0);
}

/* The cut or DNAME that a name lies below, NULL for none: the higher one where there are both. */
static const struct zone_node *find_above(const struct zone *zone, struct name name)
{
    const struct zone_node *cut = zone_find_cut(zone, name);
    const struct zone_node *dname = zone_find_dname(zone, name);
    cut = cut != NULL && name_equal(cut->owner, name) ? NULL : cut;
    bool is_dname_higher = dname != NULL && (cut == NULL || dname->owner.len < cut->owner.len);
    return is_dname_higher ? dname : cut;
}

/* The walk over the pages of a whole zone. */

struct kept_finding {
    struct zone_finding finding;
    char *sentence;
};

struct check_part {
    struct check_run run;
    struct zone_page *page;
    struct kept_finding *kept;
    size_t kept_count, kept_size;
};

static void keep_finding(struct check_run *run, const struct zone_finding *finding)
{
    struct check_part *part = run->user;
    if (!check_grow(run, (void **)&part->kept, &part->kept_size, part->kept_count + 1,
                    sizeof part->kept[0])) {
        return;
    }
    struct kept_finding *kept = &part->kept[part->kept_count];
    kept->finding = *finding; /* its owner is the zone's */
    kept->sentence = strdup(finding->sentence);
    if (kept->sentence == NULL) {
        run->status = NO_MEMORY;
        return;
    }
    kept->finding.sentence = kept->sentence;
    part->kept_count++;
    run->is_full = part->kept_count == ZONE_CHECK_FINDINGS_MAX;
}

/* In canonical order the key of a name is the beginning of every key below it. */
static bool is_below(const struct zone_entry *entry, const struct zone_node *above)
{
    struct span key = zone_entry_key(entry), beginning = zone_entry_key(zone_entry_of(above));
    return key.len > beginning.len && memcmp(key.bytes, beginning.bytes, beginning.len) == 0;
}

static void check_part(void *user, size_t index)
{
    struct check_part *part = (struct check_part *)user + index;
    struct check_run *run = &part->run;
    struct zone_cursor cursor = {.zone = run->zone};
    const struct zone_entry *entry = zone_tree_next(part->page, &cursor);
    bool may_have_above = entry != NULL && entry != run->zone->apex_entry;
    const struct zone_node *above =
        may_have_above ? find_above(run->zone, entry->node.owner) : NULL;
    while (entry != NULL) {
        const struct zone_node *node = &entry->node;
        struct check_place place = {.node = node, .types = types_of(node), .cursor = &cursor};
        if (above != NULL && !is_below(entry, above)) {
            above = NULL;
        }
        place.above = above;
        place.is_apex = entry == run->zone->apex_entry;
        if ((place.types & BIT(TYPE_NSEC3)) == 0) { /* else it is a hash and no name of the zone */
            run_rows(run, &place);
            check_note_glue(run, &place);
            if (above == NULL && ends_authority(&place)) {
                above = node;
            }
        }
        entry = zone_tree_next(part->page, &cursor);
    }
}

enum { PARTS_WANTED = 32 };

/* Pages that together hold the zone, each once and in order, enough of them for several threads. */
static enum status list_pages(const struct zone *zone, struct zone_page ***pages, size_t *count)
{
    *count = zone->root != NULL ? 1 : 0;
    *pages = malloc(sizeof **pages);
    if (*pages == NULL) {
        return NO_MEMORY;
    }
    (*pages)[0] = zone->root;
    while (*count != 0 && *count < PARTS_WANTED && !(*pages)[0]->is_leaf) {
        struct zone_page **below = malloc(*count * PAGE_ENTRIES_MAX * sizeof *below);
        size_t below_count = 0;
        if (below == NULL) {
            free(*pages);
            return NO_MEMORY;
        }
        for (size_t i = 0; i < *count; i++) {
            const struct zone_page *page = (*pages)[i];
            memcpy(below + below_count, zone_page_children(page), page->count * sizeof *below);
            below_count += page->count;
        }
        free(*pages);
        *pages = below;
        *count = below_count;
    }
    return OK;
}

static enum status make_parts(const struct zone *zone, const struct zone_check_aim *aim,
                              struct check_part **parts, size_t *count)
{
    struct zone_page **pages;
    enum status status = list_pages(zone, &pages, count);
    if (status != OK) {
        return status;
    }
    *parts = calloc(*count + 1, sizeof **parts); /* one more for what is found at the end */
    for (size_t i = 0; *parts != NULL && i <= *count; i++) {
        struct check_part *part = &(*parts)[i];
        part->page = i < *count ? pages[i] : NULL;
        part->run = (struct check_run){
            .zone = zone, .now_s = aim->now_s, .report = keep_finding, .user = part};
    }
    free(pages);
    return *parts == NULL ? NO_MEMORY : OK;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* All parts know together which glue nobody needs; it is told by the last run. */
static void check_unwanted(struct check_part *parts, size_t count, struct check_run *last)
{
    for (size_t i = 0; i < count; i++) {
        struct check_run *run = &parts[i].run;
        size_t total = last->wanted_count + run->wanted_count;
        while (last->wanted_size < total &&
               check_grow(last, (void **)&last->wanted, &last->wanted_size, last->wanted_size + 1,
                          sizeof last->wanted[0])) {
        }
        if (last->status != OK) {
            return;
        }
        if (run->wanted_count != 0) {
            memcpy(last->wanted + last->wanted_count, run->wanted,
                   run->wanted_count * sizeof run->wanted[0]);
        }
        last->wanted_count = total;
    }
    if (last->wanted_count != 0) {
        qsort(last->wanted, last->wanted_count, sizeof last->wanted[0], compare_hashes);
    }
    last->row = &ROWS[ROW_GLUE_UNNEEDED];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < parts[i].run.unwanted_count; j++) {
            struct check_place place = {.node = parts[i].run.unwanted[j]};
            uint64_t hash = name_hash(place.node->owner, 0);
            if (last->wanted_count == 0 || bsearch(&hash, last->wanted, last->wanted_count,
                                                   sizeof hash, compare_hashes) == NULL) {
                check_report(last, &place, 0, "no NS record of the zone names this glue");
            }
        }
    }
}

static void tell_kept(const struct zone_check_aim *aim, const struct check_part *part, size_t *told)
{
    for (size_t i = 0; i < part->kept_count && *told < ZONE_CHECK_FINDINGS_MAX; i++) {
        aim->finding(aim->user, &part->kept[i].finding);
        ++*told;
    }
}

static void part_close(struct check_part *part)
{
    for (size_t i = 0; i < part->kept_count; i++) {
        free(part->kept[i].sentence);
    }
    free(part->kept);
    free(part->run.targets);
    free(part->run.wanted);
    free((void *)part->run.unwanted);
}

enum status zone_check_all(const struct zone *zone, const struct zone_check_aim *aim,
                           struct zone_check_count *count)
{
    const struct parallel *parallel = aim->parallel != NULL ? aim->parallel : parallel_none();
    struct check_part *parts;
    size_t part_count, told = 0;
    *count = (struct zone_check_count){{0}};
    enum status status = make_parts(zone, aim, &parts, &part_count);
    if (status != OK) {
        return status;
    }
    parallel->run(parallel->self, check_part, parts, part_count);
    struct check_run *last = &parts[part_count].run;
    if (zone->apex_entry == NULL) {
        report_apex_missing(last);
    }
    check_unwanted(parts, part_count, last);
    for (size_t i = 0; i <= part_count; i++) {
        tell_kept(aim, &parts[i], &told);
        for (size_t j = 0; j < ZONE_SEVERITY_COUNT; j++) {
            count->of[j] += parts[i].run.count.of[j];
        }
        status = status == OK ? parts[i].run.status : status;
        part_close(&parts[i]);
    }
    free(parts);
    return status;
}

/* The same findings as problems. */

struct telling {
    void (*finding)(void *user, enum zone_severity severity, const struct problem *problem);
    void *user;
};

static void tell_as_problem(void *user, const struct zone_finding *finding)
{
    const struct telling *telling = user;
    struct problem problem = {OK};
    char name[NAME_TEXT_MAX];
    (void)problem_set(&problem, REFUSED, "%s", finding->sentence);
    problem_place(&problem, name_print(finding->owner, name), 0, 0);
    telling->finding(telling->user, finding->severity, &problem);
}

size_t zone_check(const struct zone *zone,
                  void (*finding)(void *user, enum zone_severity severity,
                                  const struct problem *problem),
                  void *user)
{
    struct telling telling = {finding, user};
    struct zone_check_aim aim = {.finding = tell_as_problem, .user = &telling};
    struct zone_check_count count;
    if (zone_check_all(zone, &aim, &count) != OK) {
        struct problem problem = {OK};
        (void)problem_set(&problem, NO_MEMORY, "there is no memory to check the zone");
        finding(user, ZONE_ERROR, &problem);
        return 1;
    }
    return count.of[ZONE_ERROR];
}

/* What a change touched. */

static void report_at_once(struct check_run *run, const struct zone_finding *finding)
{
    tell_as_problem(run->user, finding);
}

/* One node by itself: what is above it is looked up. */
static void check_node(struct check_run *run, const struct zone_node *node)
{
    struct check_place place = {.node = node,
                                .types = types_of(node),
                                .is_apex = name_equal(node->owner, zone_apex(run->zone))};
    if ((place.types & BIT(TYPE_NSEC3)) != 0) {
        return;
    }
    place.above = find_above(run->zone, node->owner);
    run_rows(run, &place);
    const struct zone_node *next = NULL;
    if ((place.types & BIT(TYPE_DNAME)) != 0) {
        next = zone_after(run->zone, node->owner);
    }
    if (next != NULL && name_is_below(next->owner, node->owner)) {
        struct check_place below = {.node = next, .types = types_of(next), .above = node};
        run_rows(run, &below);
    }
}

struct change_check {
    struct check_run run;
    const struct zone_node *last; /* checked already: records come by owner */
};

static enum status check_changed(void *user, bool is_added, const struct rrset *record)
{
    struct change_check *check = user;
    const struct zone_node *node = is_added ? zone_find(check->run.zone, record->owner) : NULL;
    bool is_apex = name_equal(record->owner, zone_apex(check->run.zone)); /* comes last */
    if (node != NULL && node != check->last && !is_apex) {
        check_node(&check->run, node);
    }
    check->last = node;
    return OK;
}

size_t zone_check_change(const struct zone *zone, const struct zone *before,
                         void (*finding)(void *user, enum zone_severity severity,
                                         const struct problem *problem),
                         void *user)
{
    if (before == NULL) {
        return zone_check(zone, finding, user);
    }
    struct telling telling = {finding, user};
    struct change_check check = {.run = {.zone = zone, .report = report_at_once, .user = &telling}};
    const struct zone_node *apex = zone_find(zone, zone_apex(zone));
    if (apex == NULL) {
        report_apex_missing(&check.run);
    }
    enum status status = zone_diff(before, zone, check_changed, &check);
    require(status == OK);
    if (apex != NULL) {
        check_node(&check.run, apex);
    }
    free(check.run.targets);
    free(check.run.wanted);
    return check.run.count.of[ZONE_ERROR];
}
