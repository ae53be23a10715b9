/* What a scenario has before anybody asks: the resolver's options, zones and how they are signed,
 * servers and their manners, scripted answers. */
#include "service/resolver/scenario_parts.h"

#include <string.h>

/* --- options --- */

enum option_kind { OPTION_BOOL, OPTION_U32, OPTION_SIZE };

static const struct {
    const char *name;
    enum option_kind kind;
    size_t place;
} OPTIONS[] = {
    {"validate", OPTION_BOOL, offsetof(struct resolver_options, is_validating)},
    {"cache-size", OPTION_SIZE, offsetof(struct resolver_options, cache_size)},
    {"cache-max-ttl", OPTION_U32, offsetof(struct resolver_options, ttl_max_s)},
    {"cache-max-negative-ttl", OPTION_U32, offsetof(struct resolver_options, negative_ttl_max_s)},
    {"aggressive-nsec", OPTION_BOOL, offsetof(struct resolver_options, reuses_denials)},
    {"cache-min-ttl", OPTION_U32, offsetof(struct resolver_options, ttl_min_s)},
    {"prefetch", OPTION_BOOL, offsetof(struct resolver_options, prefetches)},
    {"serve-expired", OPTION_BOOL, offsetof(struct resolver_options, serves_stale)},
    {"serve-expired-ttl", OPTION_U32, offsetof(struct resolver_options, stale_ttl_max_s)},
    {"serve-expired-reply-ttl", OPTION_U32, offsetof(struct resolver_options, stale_reply_ttl_s)},
    {"serve-expired-client-timeout", OPTION_U32, offsetof(struct resolver_options, stale_wait_ms)},
    {"do-ip6", OPTION_BOOL, offsetof(struct resolver_options, uses_ipv6)},
    {"prime-root", OPTION_BOOL, offsetof(struct resolver_options, primes_root)},
    {"qname-minimisation", OPTION_BOOL, offsetof(struct resolver_options, minimises_names)},
    {"use-caps-for-id", OPTION_BOOL, offsetof(struct resolver_options, mixes_case)},
};

static enum status option_address(struct scenario *scenario, struct span value,
                                  const struct address **list, size_t *count)
{
    if (scenario->address_count == SCENARIO_ADDRESSES_MAX) {
        return scenario_fail(scenario, "too many addresses");
    }
    struct address *place = &scenario->addresses[scenario->address_count++];
    /* Those of one list stand together: it grows only while it is the last. */
    if (*count > 0 && &(*list)[*count] != place) {
        return scenario_fail(scenario, "the addresses of one option stand one after another");
    }
    *list = *count == 0 ? place : *list;
    *count += 1;
    return scenario_address(scenario, value, place);
}

static enum status option_set(struct scenario *scenario, size_t index, struct span value)
{
    char *place = (char *)&scenario->options + OPTIONS[index].place;
    uint64_t number = 0;
    enum status status = OK;
    bool is_yes = scenario_is(value, "yes");
    switch (OPTIONS[index].kind) {
    case OPTION_BOOL:
        memcpy(place, &is_yes, sizeof is_yes);
        return is_yes || scenario_is(value, "no") ? OK : scenario_fail(scenario, "yes or no?");
    case OPTION_U32:
        status = scenario_number(scenario, value, &number);
        memcpy(place, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
        return status;
    case OPTION_SIZE:
        status = scenario_number(scenario, value, &number);
        memcpy(place, &(size_t){(size_t)number}, sizeof(size_t));
        return status;
    }
    return status;
}

/* "forward-zone: ZONE ADDRESS ...", "stub-zone: ZONE ADDRESS ..." */
static enum status option_zone(struct scenario *scenario, bool is_stub, struct span line)
{
    enum { ZONE_SERVERS_MAX = 4 };
    struct resolver_options *options = &scenario->options;
    struct resolver_server *servers =
        arena_take_array(&scenario->arena, ZONE_SERVERS_MAX, sizeof *servers);
    if (servers == NULL || options->zone_count == SCENARIO_ZONES_MAX) {
        return scenario_fail(scenario, "too many zones with servers of their own");
    }
    struct resolver_zone *zone = &scenario->zones[options->zone_count++];
    *zone = (struct resolver_zone){.is_stub = is_stub, .servers = servers};
    options->zones = scenario->zones;
    enum status status = scenario_name(scenario, scenario_word(&line), &zone->zone);
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        if (zone->server_count == ZONE_SERVERS_MAX) {
            return scenario_fail(scenario, "too many servers of one zone");
        }
        status = scenario_address(scenario, word, &servers[zone->server_count++].address);
    }
    return status;
}

static enum status option_insecure(struct scenario *scenario, struct span value)
{
    struct name_buffer *octets = arena_take(&scenario->net.arena, sizeof *octets);
    struct name *zone = arena_take(&scenario->net.arena, sizeof *zone);
    if (octets == NULL || zone == NULL || scenario->options.insecure_count > 0 ||
        name_parse(value, NULL, octets, zone, NULL) != OK) {
        return scenario_fail(scenario, "one zone is wanted");
    }
    scenario->options.insecure = zone;
    scenario->options.insecure_count = 1;
    return OK;
}

enum status scenario_option(struct scenario *scenario, struct span name, struct span value)
{
    struct resolver_options *options = &scenario->options;
    for (size_t i = 0; i < LEN(OPTIONS); i++) {
        if (scenario_is(name, OPTIONS[i].name)) {
            return option_set(scenario, i, value);
        }
    }
    if (scenario_is(name, "root-hint")) {
        scenario->has_hints = true;
        return option_address(scenario, value, &options->root_hints, &options->root_hint_count);
    }
    if (scenario_is(name, "domain-insecure")) {
        return option_insecure(scenario, value);
    }
    if (scenario_is(name, "forward-zone") || scenario_is(name, "stub-zone")) {
        return option_zone(scenario, scenario_is(name, "stub-zone"), value);
    }
    return scenario_fail(scenario, "no option \"%.*s\" is known", (int)name.len,
                         (const char *)name.bytes);
}

/* --- zones --- */

static struct fake_zone *zone_of(struct scenario *scenario, struct name apex)
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

static enum status zone_open(struct scenario *scenario, struct span line)
{
    static const struct {
        const char *word;
        enum fake_signing signing;
    } WORDS[] = {
        {"signed", FAKE_SIGNED},
        {"expired", FAKE_SIGNED_EXPIRED},
        {"later", FAKE_SIGNED_LATER},
        {"stripped", FAKE_SIGNED_STRIPPED},
    };
    struct name apex;
    enum status status = scenario_name(scenario, scenario_word(&line), &apex);
    if (status != OK) {
        return status;
    }
    if (scenario->net.zone_count == FAKE_ZONES_MAX) {
        return scenario_fail(scenario, "too many zones");
    }
    char text[NAME_TEXT_MAX];
    scenario->zone = fake_add_zone(&scenario->net, name_print(apex, text), "");
    scenario->block = BLOCK_ZONE;
    for (struct span word; (word = scenario_word(&line)).len > 0;) {
        size_t at = 0;
        while (at < LEN(WORDS) && !scenario_is(word, WORDS[at].word)) {
            at++;
        }
        if (at < LEN(WORDS)) {
            scenario->zone->signing = WORDS[at].signing;
        } else if (scenario_is(word, "island")) {
            scenario->zone->is_island = true; /* its parent has no DS of it */
        } else {
            return scenario_fail(scenario, "how is the zone signed?");
        }
    }
    return OK;
}

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

static enum status change_open(struct scenario *scenario, struct span line)
{
    struct name apex;
    enum status status = scenario_name(scenario, scenario_word(&line), &apex);
    scenario->zone = status == OK ? zone_of(scenario, apex) : NULL;
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

/* --- servers --- */

static const struct {
    const char *word;
    enum fake_mood mood;
} MOODS[] = {
    {"honest", FAKE_HONEST},
    {"silent", FAKE_SILENT},
    {"refusing", FAKE_REFUSING},
    {"failing", FAKE_FAILING},
    {"truncating", FAKE_TRUNCATING},
    {"without-edns", FAKE_WITHOUT_EDNS},
    {"lame", FAKE_LAME},
    {"caching", FAKE_CACHING},
    {"drops-first", FAKE_DROPS_FIRST},
    {"guessing", FAKE_GUESSING},
    {"wrong-question", FAKE_WRONG_QUESTION},
    {"garbling", FAKE_GARBLING},
    {"wrong-case", FAKE_WRONG_CASE},
    {"echoing", FAKE_ECHOING},
    {"cookies", FAKE_COOKIES},
    {"new-cookies", FAKE_NEW_COOKIES},
    {"other-cookies", FAKE_OTHER_COOKIES},
    {"lost-cookies", FAKE_LOST_COOKIES},
    {"false-cookies", FAKE_FALSE_COOKIES},
};

static bool mood_read(struct span word, enum fake_mood *mood)
{
    for (size_t i = 0; i < LEN(MOODS); i++) {
        if (scenario_is(word, MOODS[i].word)) {
            *mood = MOODS[i].mood;
            return true;
        }
    }
    return false;
}

/* "server ADDRESS [MOOD] [delay MS] [ZONE ...]": new, or another manner of one that is there. */
static enum status server_open(struct scenario *scenario, struct span line)
{
    struct address address;
    enum status status = scenario_address(scenario, scenario_word(&line), &address);
    if (status != OK) {
        return status;
    }
    struct fake_server *server = fake_find_server(&scenario->net, address);
    if (server == NULL && scenario->net.server_count == FAKE_SERVERS_MAX) {
        return scenario_fail(scenario, "too many servers");
    }
    if (server == NULL) {
        server = &scenario->net.servers[scenario->net.server_count++];
        server->address = address;
    }
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        struct name apex;
        if (mood_read(word, &server->mood)) {
            continue;
        }
        if (scenario_is(word, "delay")) {
            uint64_t delay_ms = 0;
            status = scenario_number(scenario, scenario_word(&line), &delay_ms);
            server->delay_ms = (uint32_t)delay_ms;
            continue;
        }
        status = scenario_name(scenario, word, &apex);
        const struct fake_zone *zone = status == OK ? zone_of(scenario, apex) : NULL;
        if (zone == NULL) {
            return scenario_fail(scenario, "\"%.*s\" is no zone and no manner", (int)word.len,
                                 (const char *)word.bytes);
        }
        fake_serve(server, zone);
    }
    return status;
}

/* --- scripts --- */

static enum status script_open(struct scenario *scenario, struct span line)
{
    if (scenario->net.script_count == FAKE_SCRIPTS_MAX) {
        return scenario_fail(scenario, "too many scripted replies");
    }
    struct fake_script *script = &scenario->net.scripts[scenario->net.script_count];
    *script = (struct fake_script){.uses_left = UINT32_MAX};
    enum status status = scenario_address(scenario, scenario_word(&line), &script->server);
    struct span name = scenario_word(&line);
    if (name.len > 2 && name.bytes[0] == '*' && name.bytes[1] == '.') {
        script->is_below = true;
        name = span_part(name, 2, name.len - 2);
    } else if (scenario_is(name, "*")) {
        script->is_below = true;
        name = SPAN_LITERAL(".");
    }
    status = status == OK ? scenario_name(scenario, name, &script->name) : status;
    struct span type = scenario_word(&line);
    if (status == OK && !scenario_is(type, "*") && type_parse(type, &script->type) != OK) {
        return scenario_fail(scenario, "no such type");
    }
    struct span word = scenario_word(&line);
    if (status == OK && scenario_is(word, "times")) {
        uint64_t times = 0;
        status = scenario_number(scenario, scenario_word(&line), &times);
        script->uses_left = (uint32_t)times;
    }
    scenario->net.script_count++;
    scenario->script = script;
    scenario->block = BLOCK_SCRIPT;
    return status;
}

static enum status script_flags(struct scenario *scenario, struct span line)
{
    static const struct {
        const char *word;
        uint16_t flag;
    } FLAGS[] = {{"aa", FLAG_AA}, {"tc", FLAG_TC}, {"ra", FLAG_RA},
                 {"ad", FLAG_AD}, {"cd", FLAG_CD}, {"rd", FLAG_RD}};
    for (struct span word; (word = scenario_word(&line)).len > 0;) {
        bool is_cleared = word.bytes[0] == '-';
        word = is_cleared ? span_part(word, 1, word.len - 1) : word;
        size_t at = 0;
        while (at < LEN(FLAGS) && !scenario_is(word, FLAGS[at].word)) {
            at++;
        }
        if (at == LEN(FLAGS)) {
            return scenario_fail(scenario, "no such flag");
        }
        *(is_cleared ? &scenario->script->flags_cleared : &scenario->script->flags) |=
            FLAGS[at].flag;
    }
    return OK;
}

static const char *const SECTION_WORDS[] = {"answer", "authority", "additional"};

static bool section_read(struct span word, enum section *section)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (scenario_is(word, SECTION_WORDS[i])) {
            *section = (enum section)i;
            return true;
        }
    }
    return false;
}

/* "drop SECTION TYPE", "drop SECTION RRSIG TYPE". */
static enum status script_drop(struct scenario *scenario, struct span line)
{
    struct fake_script *script = scenario->script;
    if (script->drop_count == FAKE_SCRIPT_DROPS_MAX) {
        return scenario_fail(scenario, "too many drops");
    }
    size_t at = script->drop_count++;
    uint16_t type = 0;
    if (!section_read(scenario_word(&line), &script->drops[at].section) ||
        type_parse(scenario_word(&line), &type) != OK) {
        return scenario_fail(scenario, "drop SECTION TYPE");
    }
    struct span covers = scenario_word(&line);
    script->drops[at].is_rrsig = covers.len > 0;
    if (covers.len > 0 && type_parse(covers, &type) != OK) {
        return scenario_fail(scenario, "no such type");
    }
    script->drops[at].type = type;
    return OK;
}

static enum status script_record(struct scenario *scenario, enum section section, struct span line)
{
    enum { SCRIPT_RRSETS_MAX = 512 };
    struct fake_script *script = scenario->script;
    if (script->rrsets[section] == NULL) {
        script->rrsets[section] =
            arena_take_array(&scenario->arena, SCRIPT_RRSETS_MAX, sizeof(struct rrset));
    }
    size_t at = script->rrset_counts[section];
    if (script->rrsets[section] == NULL || at == SCRIPT_RRSETS_MAX) {
        return scenario_fail(scenario, "too many records");
    }
    script->rrset_counts[section]++;
    return fake_read_record(&scenario->net, NAME_ROOT, line, &script->rrsets[section][at],
                            scenario->problem);
}

static enum status script_line(struct scenario *scenario, struct span line)
{
    enum section section = SECTION_ANSWER;
    struct fake_script *script = scenario->script;
    struct span word = scenario_word(&line);
    if (section_read(word, &section)) {
        return script_record(scenario, section, line);
    }
    if (scenario_is(word, "honest")) {
        script->is_honest = true;
        return OK;
    }
    if (scenario_is(word, "flags")) {
        return script_flags(scenario, line);
    }
    if (scenario_is(word, "drop")) {
        return script_drop(scenario, line);
    }
    if (scenario_is(word, "rcode")) {
        struct span rcode = scenario_word(&line);
        script->has_rcode = true;
        for (script->rcode = 0; script->rcode < 24; script->rcode++) {
            if (scenario_is(rcode, rcode_text(script->rcode))) {
                return OK;
            }
        }
    }
    return scenario_fail(scenario,
                         "\"%.*s\": honest, rcode, flags, drop, or a section and a record",
                         (int)word.len, (const char *)word.bytes);
}

/* --- the whole --- */

static enum status anchor_add(struct scenario *scenario, struct span line)
{
    scenario->has_anchor = true;
    struct span word = scenario_word(&line);
    if (scenario_is(word, "none")) {
        return OK;
    }
    struct name apex;
    enum status status = scenario_name(scenario, word, &apex);
    if (status == OK && scenario->anchor_count == SCENARIO_ANCHORS_MAX) {
        return scenario_fail(scenario, "too many anchors");
    }
    if (status == OK) {
        /* The key is made when the zones are signed. */
        scenario->anchors[scenario->anchor_count++] = (struct trust_anchor){.zone = apex};
    }
    return status;
}

enum status scenario_set_up(struct scenario *scenario, struct span word, struct span line,
                            bool *is_known)
{
    static const struct {
        const char *word;
        enum status (*open)(struct scenario *scenario, struct span line);
        bool is_before; /* the first step */
    } HEADS[] = {
        {"zone", zone_open, true},          {"server", server_open, false},
        {"reply", script_open, false},      {"change", change_open, false},
        {"trust-anchor", anchor_add, true},
    };
    if (word.len > 1 && word.bytes[word.len - 1] == ':') {
        *is_known = true;
        return scenario->is_running
                   ? scenario_fail(scenario, "options come before the first step")
                   : scenario_option(scenario, span_part(word, 0, word.len - 1), line);
    }
    for (size_t i = 0; i < LEN(HEADS); i++) {
        if (scenario_is(word, HEADS[i].word)) {
            *is_known = true;
            return HEADS[i].is_before && scenario->is_running
                       ? scenario_fail(scenario, "this comes before the first step")
                       : HEADS[i].open(scenario, line);
        }
    }
    return OK;
}

enum status scenario_set_up_more(struct scenario *scenario, struct span line)
{
    struct span rest = line;
    if (scenario->block == BLOCK_SCRIPT) {
        return script_line(scenario, line);
    }
    if (scenario_is(scenario_word(&rest), "remove")) {
        return record_remove(scenario, rest);
    }
    return record_add(scenario, line);
}

/* A zone that changed is signed anew, its keys staying what they are. */
void scenario_zone_changed(struct scenario *scenario)
{
    if (scenario->zone->signing != FAKE_UNSIGNED) {
        zone_sign(scenario, scenario->zone);
    }
}

static void hints_find(struct scenario *scenario)
{
    struct resolver_options *options = &scenario->options;
    struct address *hints = &scenario->addresses[scenario->address_count];
    size_t count = 0;
    for (size_t i = 0; i < scenario->net.server_count; i++) {
        const struct fake_server *server = &scenario->net.servers[i];
        for (size_t j = 0; j < server->zone_count; j++) {
            bool is_root = server->zones[j]->apex.label_count == 0;
            if (is_root && scenario->address_count + count < SCENARIO_ADDRESSES_MAX) {
                hints[count++] = server->address;
            }
        }
    }
    options->root_hints = hints;
    options->root_hint_count = count;
}

enum status scenario_begin(struct scenario *scenario)
{
    if (scenario->is_running) {
        return OK;
    }
    scenario->is_running = true;
    struct fake_net *net = &scenario->net;
    enum status status = OK;
    for (size_t i = 0; i < net->zone_count && status == OK; i++) {
        status = zone_complete(scenario, &net->zones[i]);
    }
    if (status != OK) {
        return status;
    }
    zones_sign(scenario);
    if (!scenario->has_hints) {
        hints_find(scenario);
    }
    const struct fake_zone *root = zone_of(scenario, NAME_ROOT);
    if (!scenario->has_anchor && root != NULL && root->signing != FAKE_UNSIGNED) {
        scenario->anchors[scenario->anchor_count++] = (struct trust_anchor){.zone = NAME_ROOT};
    }
    for (size_t i = 0; i < scenario->anchor_count; i++) {
        const struct fake_zone *zone = zone_of(scenario, scenario->anchors[i].zone);
        if (zone == NULL || zone->key_count == 0) {
            return scenario_fail(scenario, "a trust anchor of a zone that is not signed");
        }
        scenario->anchors[i] = fake_anchor(net, zone);
    }
    scenario->options.anchors = scenario->anchors;
    scenario->options.anchor_count = scenario->anchor_count;
    fake_start(net, &scenario->options);
    return OK;
}
