/* The zones of a scenario: how each is signed, what is wrong with it, and who serves it. */
#include "service/resolver/scenario_parts.h"

#include <string.h>

struct fake_zone *scenario_zone(struct scenario *scenario, struct name apex)
{
    for (size_t i = 0; i < scenario->net.zone_count; i++) {
        if (name_equal(scenario->net.zones[i].apex, apex)) {
            return &scenario->net.zones[i];
        }
    }
    return NULL;
}

/* The nearest zone above, which delegates it. */
static struct fake_zone *parent_of(struct scenario *scenario, const struct fake_zone *zone)
{
    struct fake_zone *parent = NULL;
    for (size_t i = 0; i < scenario->net.zone_count; i++) {
        struct fake_zone *other = &scenario->net.zones[i];
        if (name_is_below(zone->apex, other->apex) &&
            (parent == NULL || other->apex.label_count > parent->apex.label_count)) {
            parent = other;
        }
    }
    return parent;
}

static void zone_sign(struct scenario *scenario, struct fake_zone *zone)
{
    enum { DAY_S = 86400 };
    struct fake_net *net = &scenario->net;
    struct sign_times times = net->times;
    int64_t now_s = moment_wall_s(net->now);
    if (zone->signing == FAKE_SIGNED_EXPIRED) {
        net->times = (struct sign_times){now_s - 8 * DAY_S, now_s - DAY_S};
    } else if (zone->signing == FAKE_SIGNED_LATER) {
        net->times = (struct sign_times){now_s + DAY_S, now_s + 8 * DAY_S};
    }
    if (zone->signing != FAKE_SIGNED_STRIPPED) {
        fake_sign(net, zone);
    }
    net->times = times;
}

/* Deepest first, so that each parent has its children's DS when it is signed. */
static void zones_sign(struct scenario *scenario)
{
    struct fake_net *net = &scenario->net;
    for (size_t i = 0; i < net->zone_count; i++) {
        struct fake_zone *zone = &net->zones[i];
        if (zone->signing == FAKE_UNSIGNED) {
            continue;
        }
        fake_make_key(net, zone);
        struct fake_zone *parent = parent_of(scenario, zone);
        if (parent != NULL && !zone->is_island) {
            fake_add_ds(net, parent, zone);
        }
    }
    for (size_t i = 0; i < net->zone_count; i++) {
        if (net->zones[i].signing != FAKE_UNSIGNED) {
            zone_sign(scenario, &net->zones[i]);
        }
    }
}

/* --- the words behind "zone APEX" --- */

static enum status word_signing(struct scenario *scenario, struct span *rest, int signing)
{
    (void)rest;
    scenario->zone->signing = (enum fake_signing)signing;
    return OK;
}

static enum status word_denial(struct scenario *scenario, struct span *rest, int denial)
{
    (void)rest;
    scenario->zone->policy.denial = (enum fake_denial)denial;
    return OK;
}

static enum status word_flag(struct scenario *scenario, struct span *rest, int place)
{
    (void)rest;
    memcpy((char *)scenario->zone + place, &(bool){true}, sizeof(bool));
    return OK;
}

static enum status word_iterations(struct scenario *scenario, struct span *rest, int unused)
{
    uint64_t count = 0;
    (void)unused;
    enum status status = scenario_number(scenario, scenario_word(rest), &count);
    scenario->zone->policy.iterations = (uint16_t)count;
    return status;
}

static enum status word_salt(struct scenario *scenario, struct span *rest, int unused)
{
    struct fake_policy *policy = &scenario->zone->policy;
    struct writer salt = writer_over(policy->salt, sizeof policy->salt);
    (void)unused;
    if (text_read_base16(scenario_word(rest), &salt) != OK) {
        return scenario_fail(scenario, "a salt is hexadecimal");
    }
    policy->salt_len = (uint8_t)writer_written(&salt).len;
    return OK;
}

static enum status word_algorithm(struct scenario *scenario, struct span *rest, int is_idle)
{
    uint64_t number = 0;
    struct fake_policy *policy = &scenario->zone->policy;
    enum status status = scenario_number(scenario, scenario_word(rest), &number);
    if (status == OK && policy->algorithm_count == FAKE_ALGORITHMS_MAX) {
        return scenario_fail(scenario, "too many algorithms");
    }
    policy->algorithms[policy->algorithm_count].is_idle = is_idle != 0;
    policy->algorithms[policy->algorithm_count++].number = (uint8_t)number;
    return status;
}

static enum status word_digest(struct scenario *scenario, struct span *rest, int unused)
{
    uint64_t number = 0;
    struct fake_policy *policy = &scenario->zone->policy;
    (void)unused;
    enum status status = scenario_number(scenario, scenario_word(rest), &number);
    if (status == OK && policy->digest_count == FAKE_DIGESTS_MAX) {
        return scenario_fail(scenario, "too many digests");
    }
    policy->digests[policy->digest_count++] = (uint8_t)number;
    return status;
}

static enum status word_same_tag(struct scenario *scenario, struct span *rest, int unused)
{
    uint64_t count = 0;
    (void)unused;
    enum status status = scenario_number(scenario, scenario_word(rest), &count);
    scenario->zone->policy.same_tag_keys = (uint32_t)count;
    return status;
}

/* Its name servers, ns1, ns2 ... inside it, one at each address. */
static enum status word_at(struct scenario *scenario, struct span *rest, int unused)
{
    size_t index = (size_t)(scenario->zone - scenario->net.zones);
    struct span word = scenario_word(rest);
    struct fake_server *server = NULL;
    (void)unused;
    if (scenario->zone_server_counts[index] == SCENARIO_ZONE_SERVERS_MAX) {
        return scenario_fail(scenario, "too many servers of one zone");
    }
    scenario->zone_servers[index][scenario->zone_server_counts[index]++] = word;
    enum status status = scenario_server(scenario, word, &server);
    if (status == OK) {
        fake_serve(server, scenario->zone);
    }
    return status;
}

static const struct {
    const char *word;
    enum status (*read)(struct scenario *scenario, struct span *rest, int value);
    int value;
} ZONE_WORDS[] = {
    {"signed", word_signing, FAKE_SIGNED},
    {"expired", word_signing, FAKE_SIGNED_EXPIRED},
    {"later", word_signing, FAKE_SIGNED_LATER},
    {"stripped", word_signing, FAKE_SIGNED_STRIPPED},
    {"island", word_flag, offsetof(struct fake_zone, is_island)},
    {"at", word_at, 0},
    {"nsec3", word_denial, FAKE_NSEC3},
    {"compact", word_denial, FAKE_COMPACT},
    {"opt-out", word_flag, offsetof(struct fake_zone, policy.has_opt_out)},
    {"iterations", word_iterations, 0},
    {"salt", word_salt, 0},
    {"algorithm", word_algorithm, false},
    {"idle-algorithm", word_algorithm, true},
    {"split-keys", word_flag, offsetof(struct fake_zone, policy.is_split)},
    {"digest", word_digest, 0},
    {"wrong-ds", word_flag, offsetof(struct fake_zone, policy.is_ds_wrong)},
    {"same-tag-keys", word_same_tag, 0},
};

enum status scenario_zone_open(struct scenario *scenario, struct span line)
{
    struct name apex;
    enum status status = scenario_name(scenario, scenario_word(&line), &apex);
    if (status == OK && scenario->net.zone_count == FAKE_ZONES_MAX) {
        return scenario_fail(scenario, "too many zones");
    }
    if (status != OK) {
        return status;
    }
    char text[NAME_TEXT_MAX];
    scenario->zone = fake_add_zone(&scenario->net, name_print(apex, text), "");
    scenario->block = BLOCK_ZONE;
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        size_t at = 0;
        while (at < LEN(ZONE_WORDS) && !scenario_is(word, ZONE_WORDS[at].word)) {
            at++;
        }
        status = at == LEN(ZONE_WORDS)
                     ? scenario_fail(scenario, "\"%.*s\" is nothing a zone can be", (int)word.len,
                                     (const char *)word.bytes)
                     : ZONE_WORDS[at].read(scenario, &line, ZONE_WORDS[at].value);
    }
    return status;
}

/* --- records and faults --- */

/* The fewest records a zone can have, for those that do not matter. */
static enum status zone_complete(struct scenario *scenario, struct fake_zone *zone)
{
    struct rrset soa;
    static const char SOA[] = "@ SOA ns hostmaster 1 1800 900 604800 60";
    if (fake_find(zone, zone->apex, TYPE_SOA) != NULL) {
        return OK;
    }
    enum status status =
        fake_read_record(&scenario->net, zone->apex, SPAN_LITERAL(SOA), &soa, scenario->problem);
    if (status == OK) {
        fake_put_record(&scenario->net, zone, &soa);
    }
    return status;
}

enum status scenario_change_open(struct scenario *scenario, struct span line)
{
    struct name apex;
    enum status status = scenario_name(scenario, scenario_word(&line), &apex);
    scenario->zone = status == OK ? scenario_zone(scenario, apex) : NULL;
    scenario->block = BLOCK_CHANGE;
    return status == OK && scenario->zone == NULL ? scenario_fail(scenario, "no such zone")
                                                  : status;
}

static enum status record_add(struct scenario *scenario, struct span line)
{
    struct rrset record;
    enum status status =
        fake_read_record(&scenario->net, scenario->zone->apex, line, &record, scenario->problem);
    if (status == OK) {
        fake_put_record(&scenario->net, scenario->zone, &record);
    }
    return status;
}

static enum status record_remove(struct scenario *scenario, struct span line)
{
    struct name_buffer buffer;
    struct name owner;
    uint16_t type = 0;
    enum status status =
        name_parse(scenario_word(&line), &scenario->zone->apex, &buffer, &owner, scenario->problem);
    status = status == OK ? type_parse(scenario_word(&line), &type) : status;
    if (status == OK) {
        fake_remove_at(scenario->zone, &owner, type);
    }
    return status;
}

/* "fault OWNER TYPE KIND [COUNT]" */
static enum status fault_add(struct scenario *scenario, struct span line)
{
    static const char *const KINDS[] = {
        [FAKE_FAULT_MISSING] = "missing",     [FAKE_FAULT_EXPIRED] = "expired",
        [FAKE_FAULT_LATER] = "later",         [FAKE_FAULT_FORGED] = "forged",
        [FAKE_FAULT_STRANGER] = "stranger",   [FAKE_FAULT_SIGNER] = "signer",
        [FAKE_FAULT_LABELS] = "labels",       [FAKE_FAULT_TTL] = "ttl",
        [FAKE_FAULT_ALGORITHM] = "algorithm", [FAKE_FAULT_FLOOD] = "flood",
    };
    struct fake_zone *zone = scenario->zone;
    if (zone->fault_count == FAKE_FAULTS_MAX) {
        return scenario_fail(scenario, "too many faults");
    }
    struct fake_fault *fault = &zone->faults[zone->fault_count++];
    struct name_buffer buffer;
    struct name owner;
    enum status status =
        name_parse(scenario_word(&line), &zone->apex, &buffer, &owner, scenario->problem);
    status = status == OK ? name_copy(&scenario->arena, owner, &fault->owner) : status;
    status = status == OK ? type_parse(scenario_word(&line), &fault->type) : status;
    struct span word = scenario_word(&line);
    int kind = 0;
    while (kind < (int)LEN(KINDS) && !scenario_is(word, KINDS[kind])) {
        kind++;
    }
    if (status == OK && kind == (int)LEN(KINDS)) {
        return scenario_fail(scenario, "no signature can be wrong in that way");
    }
    fault->kind = (enum fake_fault_kind)kind;
    uint64_t count = 0;
    if (status == OK && line.len > 0) {
        status = scenario_number(scenario, scenario_word(&line), &count);
    }
    fault->count = (uint32_t)count;
    return status;
}

/* "mend": what was wrong with its signatures is not any more. */
static enum status faults_remove(struct scenario *scenario, struct span line)
{
    (void)line;
    scenario->zone->fault_count = 0;
    if (scenario->zone->signing != FAKE_UNSIGNED) {
        scenario->zone->signing = FAKE_SIGNED;
    }
    return OK;
}

enum status scenario_zone_line(struct scenario *scenario, struct span line)
{
    static const struct {
        const char *word;
        enum status (*read)(struct scenario *scenario, struct span line);
    } LINES[] = {{"fault", fault_add},
                 {"mend", faults_remove},
                 {"remove", record_remove},
                 {"key", scenario_key}};
    struct span rest = line;
    struct span word = scenario_word(&rest);
    for (size_t i = 0; i < LEN(LINES); i++) {
        if (scenario_is(word, LINES[i].word)) {
            return LINES[i].read(scenario, rest);
        }
    }
    return record_add(scenario, line);
}

/* A zone that changed is signed anew, its keys staying what they are. */
void scenario_zone_changed(struct scenario *scenario)
{
    enum { BEFORE_S = 3600, LIFE_S = 30 * 86400 };
    int64_t now_s = moment_wall_s(scenario->net.now);
    scenario->net.times = (struct sign_times){now_s - BEFORE_S, now_s + LIFE_S};
    if (scenario->zone->signing != FAKE_UNSIGNED) {
        zone_sign(scenario, scenario->zone);
    }
}

/* --- all zones --- */

static enum status line_put(struct scenario *scenario, struct fake_zone *zone, struct name origin,
                            struct span line)
{
    struct rrset record;
    enum status status = fake_read_record(&scenario->net, origin, line, &record, scenario->problem);
    if (status == OK) {
        fake_put_record(&scenario->net, zone, &record);
    }
    return status;
}

/* The name servers that a zone is "at", into it and into the zone above. */
static enum status delegate(struct scenario *scenario, struct fake_zone *zone)
{
    enum { LINE_SIZE = 128 };
    size_t index = (size_t)(zone - scenario->net.zones);
    struct fake_zone *places[] = {zone, parent_of(scenario, zone)};
    enum status status = OK;
    for (size_t i = 0; i < scenario->zone_server_counts[index] * LEN(places); i++) {
        struct fake_zone *place = places[i % LEN(places)];
        unsigned number = (unsigned)(i / LEN(places) + 1);
        struct span address = scenario->zone_servers[index][i / LEN(places)];
        char text[LINE_SIZE];
        if (place == NULL || status != OK) {
            continue;
        }
        struct writer line = writer_over(text, sizeof text);
        writer_print(&line, "@ NS ns%u", number);
        status = line_put(scenario, place, zone->apex, writer_written(&line));
        bool is_ipv6 = memchr(address.bytes, ':', address.len) != NULL;
        line = writer_over(text, sizeof text);
        writer_print(&line, "ns%u %s ", number, is_ipv6 ? "AAAA" : "A");
        writer_span(&line, address);
        status =
            status == OK ? line_put(scenario, place, zone->apex, writer_written(&line)) : status;
    }
    return status;
}

enum status scenario_zones_begin(struct scenario *scenario)
{
    struct fake_net *net = &scenario->net;
    enum status status = OK;
    for (size_t i = 0; i < net->zone_count && status == OK; i++) {
        status = zone_complete(scenario, &net->zones[i]);
        status = status == OK ? delegate(scenario, &net->zones[i]) : status;
    }
    if (status == OK) {
        zones_sign(scenario);
    }
    return status;
}
