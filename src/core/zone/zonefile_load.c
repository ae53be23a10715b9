/* Files become zones, by several threads when there are some. The text is cut into parts at line
 * starts and each part is read ahead of those before it, on the guess that what the beginning of
 * the file said ($ORIGIN, $TTL, the class) holds to its end and that no record reaches across a
 * cut. Afterwards the parts are gone through in order: where the guess was right the part stands,
 * as reading it in its turn would have given the same; where not, it is read again, in its turn. */
#include "core/zone/zonefile_read.h"

#include "core/zone/zone_gather.h"

#include <stdlib.h>
#include <string.h>

enum {
    PARTS_EACH = 16,          /* of a thread: so that all end at about the same time */
    PART_LEN_MIN = 1 << 18,   /* less is not worth the trouble */
    HEAD_LEN = 1 << 16,       /* where the guess comes from */
    CUT_SEARCH_MAX = 1 << 16, /* how far behind the wanted place a line to cut at may be */
};

struct part {
    const struct zonefile_target *target;
    const struct zonefile_source *source;
    size_t from, to;
    struct zonefile_state begin, end;
    bool is_ahead, needs_order;
    struct zone_gathering *gathering;
    enum status status;       /* what keeps its records from being gathered */
    struct problem *findings; /* the first ZONEFILE_FINDINGS_MAX of them */
    size_t finding_count, finding_size;
    size_t finding_total;
};

static enum status part_take_record(void *user, const struct rrset *record, uint32_t line)
{
    (void)line;
    struct part *part = user;
    /* With a finding the zone is not made, but the other findings are wanted. */
    if (part->status == OK && part->finding_count == 0) {
        part->status = zone_gather_add(part->gathering, record->owner, record->type, record->ttl_s,
                                       rrset_only(record));
    }
    return OK;
}

static void part_take_problem(void *user, const struct problem *problem)
{
    struct part *part = user;
    size_t count = part->finding_count;
    if (count == part->finding_size) {
        size_t size = count == 0 ? 4 : 2 * count;
        struct problem *moved = realloc(part->findings, size * sizeof *moved);
        if (moved == NULL) {
            part->status = NO_MEMORY;
            return;
        }
        part->findings = moved;
        part->finding_size = size;
    }
    part->findings[part->finding_count++] = *problem;
}

/* Reads from where the part begins. What it held before is forgotten. */
static void part_read(struct part *part)
{
    struct zonefile_sink sink = {part_take_record, part_take_problem, part};
    struct zonefile_reading *reading = malloc(sizeof *reading);
    zone_gather_close(part->gathering);
    part->gathering = NULL;
    part->finding_count = 0;
    part->finding_total = 0;
    part->status = reading == NULL ? NO_MEMORY : zone_gather_open(&part->gathering);
    if (part->status == OK) {
        zonefile_reading_begin(reading, part->source, &sink, &part->target->apex, &part->begin);
        if (part->is_ahead) {
            zonefile_reading_ahead(reading);
        }
        zonefile_reading_run(reading, part->to);
        zonefile_reading_state(reading, &part->end);
        part->needs_order = reading->needs_order;
        part->finding_total = reading->finding_count;
    }
    free(reading);
}

/* The word that begins at `at`. */
static struct span first_word(struct span text, size_t at)
{
    size_t end = at;
    while (end < text.len && memchr(" \t\r\n", text.bytes[end], 4) == NULL) {
        end++;
    }
    return span_part(text, at, end - at);
}

/* A place behind `wanted` where a line begins with another owner name than the line before, as far
 * as can be seen from there: then the records of one name are mostly not torn apart. The end of the
 * text when no such place is near. */
static size_t cut_near(struct span text, size_t wanted)
{
    size_t at = wanted, cut = text.len;
    struct span before = SPAN_EMPTY;
    size_t limit = text.len - wanted > CUT_SEARCH_MAX ? wanted + CUT_SEARCH_MAX : text.len;
    while (at < limit) {
        const uint8_t *newline = memchr(text.bytes + at, '\n', limit - at);
        if (newline == NULL) {
            break;
        }
        at = (size_t)(newline - text.bytes) + 1;
        if (at == text.len || memchr(" \t\r\n;()\"", text.bytes[at], 8) != NULL) {
            continue;
        }
        struct span word = first_word(text, at);
        if (before.len != 0 && !span_equal(word, before)) {
            return at;
        }
        cut = before.len == 0 ? at : cut; /* if there is none with another owner */
        before = word;
    }
    return cut;
}

struct loading {
    const struct zonefile_source *source;
    const struct zonefile_target *target;
    const struct parallel *parallel;
    struct part *parts; /* the first is the head, which is read before the others */
    size_t count;
};

static struct part *add_part(struct loading *loading, size_t from, size_t to)
{
    struct part *part = &loading->parts[loading->count++];
    *part =
        (struct part){.target = loading->target, .source = loading->source, .from = from, .to = to};
    return part;
}

static enum status cut_parts(struct loading *loading)
{
    struct span text = loading->source->text;
    size_t wanted =
        loading->parallel->width > 1 ? (size_t)loading->parallel->width * PARTS_EACH : 1;
    size_t len = loading->target->part_len;
    if (len == 0) {
        len = text.len / wanted + 1;
        len = len < PART_LEN_MIN ? PART_LEN_MIN : len;
    }
    bool is_cut = wanted > 1 && text.len > len;
    size_t head_len = len < HEAD_LEN ? len : HEAD_LEN;
    loading->parts = calloc(is_cut ? text.len / len + 3 : 1, sizeof *loading->parts);
    if (loading->parts == NULL) {
        return NO_MEMORY;
    }
    size_t at = is_cut ? cut_near(text, head_len) : text.len;
    add_part(loading, 0, at);
    while (at < text.len) {
        size_t to = text.len - at > len ? cut_near(text, at + len) : text.len;
        add_part(loading, at, to);
        at = to;
    }
    return OK;
}

static void read_ahead(void *user, size_t index)
{
    struct loading *loading = user;
    part_read(&loading->parts[index + 1]);
}

/* Whether reading the part in its turn, from `state`, would have given the same: the owner and the
 * last TTL before it were not asked for, and all else was as guessed. */
static bool is_as_guessed(const struct part *part, const struct zonefile_state *state)
{
    const struct zonefile_state *guess = &part->begin;
    return !part->needs_order && state->at == part->from && state->class_ == guess->class_ &&
           state->has_ttl_default == guess->has_ttl_default &&
           state->ttl_default_s == guess->ttl_default_s &&
           span_equal(name_span(state->origin), name_span(guess->origin));
}

/* The part was read ahead: now it is known on which line it began, and what it left as it was. */
static void part_settle(struct part *part, const struct zonefile_state *state)
{
    struct zonefile_state *end = &part->end;
    for (size_t i = 0; i < part->finding_count; i++) {
        part->findings[i].line += state->line - 1;
    }
    end->line += state->line - 1;
    end->include_count = state->include_count;
    if (end->is_owner_guessed) {
        end->is_owner_guessed = false;
        end->has_owner = state->has_owner;
        if (state->has_owner) {
            name_copy_to(state->owner, &end->owner_octets, &end->owner);
        }
    }
    if (!end->has_ttl_last) {
        end->has_ttl_last = state->has_ttl_last;
        end->ttl_last_s = state->ttl_last_s;
    }
}

/* Goes through the parts in order; what was guessed wrong is read again. */
static void settle_parts(struct loading *loading)
{
    for (size_t i = 1; i < loading->count; i++) {
        struct part *part = &loading->parts[i];
        const struct zonefile_state *state = &loading->parts[i - 1].end;
        if (loading->parts[i - 1].status == NO_MEMORY) {
            return;
        }
        if (is_as_guessed(part, state)) {
            part_settle(part, state);
            continue;
        }
        zonefile_state_copy(state, &part->begin);
        part->is_ahead = false;
        part_read(part);
    }
}

static enum status read_parts(struct loading *loading)
{
    struct part *head = &loading->parts[0];
    zonefile_state_begin(loading->source, &head->begin);
    part_read(head);
    for (size_t i = 1; i < loading->count; i++) {
        struct part *part = &loading->parts[i];
        zonefile_state_copy(&head->end, &part->begin);
        part->begin.at = part->from;
        part->begin.line = 1;
        part->is_ahead = true;
    }
    loading->parallel->run(loading->parallel->self, read_ahead, loading, loading->count - 1);
    settle_parts(loading);
    enum status status = OK;
    for (size_t i = 0; i < loading->count && status == OK; i++) {
        status = loading->parts[i].status;
    }
    return status;
}

static void tell(const struct loading *loading, const struct problem *problem)
{
    if (loading->target->problem != NULL) {
        loading->target->problem(loading->target->user, problem);
    }
}

/* The findings of all parts as if there were one; how many. */
static size_t tell_findings(const struct loading *loading)
{
    size_t total = 0;
    for (size_t i = 0; i < loading->count; i++) {
        const struct part *part = &loading->parts[i];
        for (size_t j = 0; j < part->finding_count && total + j < ZONEFILE_FINDINGS_MAX; j++) {
            tell(loading, &part->findings[j]);
        }
        total += part->finding_total;
    }
    zonefile_tell_more(loading->source, total, loading->target->problem, loading->target->user);
    return total;
}

static enum status join_parts(const struct loading *loading, struct zone **zone)
{
    struct zone_gather_aim aim = {.apex = loading->target->apex,
                                  .parallel = loading->parallel,
                                  .ttl_differs = loading->target->ttl_differs,
                                  .user = loading->target->user};
    struct zone_gathering **gatherings = calloc(loading->count, sizeof *gatherings);
    if (gatherings == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < loading->count; i++) {
        gatherings[i] = loading->parts[i].gathering;
    }
    enum status status = zone_gather_join(&aim, gatherings, loading->count, zone);
    free(gatherings);
    return status;
}

static void tell_failure(const struct loading *loading, enum status status)
{
    struct problem problem = {OK};
    const char *file = loading->source->file;
    problem_place(&problem, file == NULL ? "" : file, 0, 0);
    (void)problem_set(&problem, status, "the zone cannot be kept: %s", status_text(status));
    tell(loading, &problem);
}

enum status zonefile_load_into(const struct zonefile_source *source,
                               const struct zonefile_target *target, struct zone **zone)
{
    struct loading loading = {
        source, target, target->parallel != NULL ? target->parallel : parallel_none(), NULL, 0};
    *zone = NULL;
    enum status status = cut_parts(&loading);
    status = status == OK ? read_parts(&loading) : status;
    if (tell_findings(&loading) != 0) {
        status = MALFORMED;
    } else {
        status = status == OK ? join_parts(&loading, zone) : status;
        if (status != OK) {
            tell_failure(&loading, status);
        }
    }
    for (size_t i = 0; i < loading.count; i++) {
        zone_gather_close(loading.parts[i].gathering);
        free(loading.parts[i].findings);
    }
    free(loading.parts);
    return status;
}

enum status zonefile_load(const struct zonefile_source *source, struct name apex,
                          void (*problem_each)(void *user, const struct problem *problem),
                          void *user, struct zone **zone)
{
    struct zonefile_target target = {.apex = apex, .problem = problem_each, .user = user};
    return zonefile_load_into(source, &target, zone);
}
