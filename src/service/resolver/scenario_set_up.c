/* What a scenario has before anybody asks: servers and their manners, trust anchors, and the order
 * in which all of it comes to life. */
#include "service/resolver/scenario_parts.h"

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

enum status scenario_server(struct scenario *scenario, struct span word,
                            struct fake_server **server)
{
    struct address address;
    enum status status = scenario_address(scenario, word, &address);
    if (status != OK) {
        return status;
    }
    *server = fake_find_server(&scenario->net, address);
    if (*server == NULL && scenario->net.server_count == FAKE_SERVERS_MAX) {
        return scenario_fail(scenario, "too many servers");
    }
    if (*server == NULL) {
        *server = &scenario->net.servers[scenario->net.server_count++];
        (*server)->address = address;
    }
    return OK;
}

/* "server ADDRESS [MOOD] [delay MS] [agent NAME] [ZONE ...]": new, or another manner of one that
 * is there. */
static enum status server_open(struct scenario *scenario, struct span line)
{
    struct fake_server *server = NULL;
    enum status status = scenario_server(scenario, scenario_word(&line), &server);
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        struct name apex;
        if (mood_read(word, &server->mood)) {
            continue;
        }
        if (scenario_is(word, "agent")) {
            status = scenario_name(scenario, scenario_word(&line), &server->agent);
            continue;
        }
        if (scenario_is(word, "delay")) {
            uint64_t delay_ms = 0;
            status = scenario_number(scenario, scenario_word(&line), &delay_ms);
            server->delay_ms = (uint32_t)delay_ms;
            continue;
        }
        status = scenario_name(scenario, word, &apex);
        const struct fake_zone *zone = status == OK ? scenario_zone(scenario, apex) : NULL;
        if (zone == NULL) {
            return scenario_fail(scenario, "\"%.*s\" is no zone and no manner", (int)word.len,
                                 (const char *)word.bytes);
        }
        fake_serve(server, zone);
    }
    return status;
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
        {"zone", scenario_zone_open, true},     {"server", server_open, false},
        {"reply", scenario_script_open, false}, {"change", scenario_change_open, false},
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
    return scenario->block == BLOCK_SCRIPT ? scenario_script_line(scenario, line)
                                           : scenario_zone_line(scenario, line);
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
    enum status status = scenario_zones_begin(scenario);
    if (status != OK) {
        return status;
    }
    if (!scenario->has_hints) {
        hints_find(scenario);
    }
    const struct fake_zone *root = scenario_zone(scenario, NAME_ROOT);
    if (!scenario->has_anchor && root != NULL && root->signing != FAKE_UNSIGNED) {
        scenario->anchors[scenario->anchor_count++] = (struct trust_anchor){.zone = NAME_ROOT};
    }
    for (size_t i = 0; i < scenario->anchor_count; i++) {
        const struct fake_zone *zone = scenario_zone(scenario, scenario->anchors[i].zone);
        if (zone == NULL || zone->key_count == 0) {
            return scenario_fail(scenario, "a trust anchor of a zone that is not signed");
        }
        scenario->anchors[i] = fake_anchor(net, zone);
    }
    scenario->options.anchors = scenario->anchors;
    scenario->options.anchor_count = scenario->anchor_count;
    status = scenario_roll_begin(scenario);
    if (status == OK) {
        fake_start(net, &scenario->options);
    }
    return OK;
}
