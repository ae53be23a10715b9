/* Zones and patterns of the configuration of `vouch serve`: what each comes to when what it leaves
 * unsaid is taken from its pattern. */
#include "command/listen.h"
#include "command/serve_manage.h"
#include "core/base/table.h"

#include <stdio.h>
#include <string.h>

static const char TLS_CA_DEFAULT[] = "/etc/ssl/certs/ca-certificates.crt";
static const uint64_t HASH_SEED = 1;
static const char SIGN[] = "sign";

/* A zone: or pattern: section being read. */
struct reading {
    struct serve *serve;
    struct serve_zone *zone;
    const char *section;
    struct arena *arena; /* for what it has of its own */
    struct problem *problem;
};

static enum status fault(const struct reading *reading, const char *sentence)
{
    const struct serve *serve = reading->serve;
    problem_place(reading->problem, serve->file,
                  config_line(serve->config, reading->section, reading->zone->index), 0);
    return problem_set(reading->problem, BAD_ARGUMENT, "%s", sentence);
}

static enum status fault_memory(const struct reading *reading)
{
    return problem_set(reading->problem, NO_MEMORY, "no memory for zones");
}

static const char *text_of(const struct reading *reading, const char *option)
{
    return config_text(reading->serve->config, reading->section, reading->zone->index, option);
}

static size_t list_count(const struct reading *reading, const char *option)
{
    return config_list_count(reading->serve->config, reading->section, reading->zone->index,
                             option);
}

static const char *list_at(const struct reading *reading, const char *option, size_t at)
{
    return config_list_at(reading->serve->config, reading->section, reading->zone->index, option,
                          at);
}

static bool says_any(const struct reading *reading, const char *const *options, size_t count)
{
    return config_says_any(reading->serve->config, reading->section, reading->zone->index, options,
                           count);
}

/* A text of the section that outlives it. */
static const char *keep_text(struct reading *reading, const char *text)
{
    return arena_text(reading->arena, span_of_text(text));
}

/* "ADDRESS[@PORT] [KEY]", where NOKEY is as good as nothing. */
static enum status read_secondary(struct reading *reading, const char *text,
                                  struct serve_secondary *secondary)
{
    size_t len = strcspn(text, " \t");
    const char *key = text + len + strspn(text + len, " \t");
    if (address_read(span_of(text, len), SERVE_DNS_PORT, &secondary->address) != OK) {
        return fault(reading,
                     "notify is \"ADDRESS[@PORT] [KEY]\", and this begins with no address");
    }
    bool has_key = *key != 0 && strcmp(key, "NOKEY") != 0;
    secondary->key = has_key ? serve_find_key(reading->serve, key) : NULL;
    return has_key && secondary->key == NULL ? fault(reading, "notify names no key of this file")
                                             : OK;
}

static enum status read_notify(struct reading *reading)
{
    size_t count = list_count(reading, "notify");
    struct serve_secondary *all = arena_take_array(reading->arena, count, sizeof *all);
    if (all == NULL) {
        return fault_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = read_secondary(reading, list_at(reading, "notify", i), &all[i]);
        if (status != OK) {
            return status;
        }
    }
    reading->zone->notify = all;
    reading->zone->notify_count = count;
    return OK;
}

static enum status read_grants(struct reading *reading)
{
    size_t count = list_count(reading, "allow-transfer");
    struct serve_grant *grants = arena_take_array(reading->arena, count, sizeof *grants);
    if (grants == NULL) {
        return fault_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = list_at(reading, "allow-transfer", i);
        grants[i].key = serve_find_key(reading->serve, text);
        if (grants[i].key == NULL &&
            address_read(span_of_text(text), SERVE_DNS_PORT, &grants[i].address) != OK) {
            return fault(reading, "allow-transfer names neither a key of this file nor an address");
        }
    }
    reading->zone->grants = grants;
    reading->zone->grant_count = count;
    return OK;
}

static enum status read_update_policy(struct reading *reading)
{
    static const char *const option = "update-policy";
    if (!says_any(reading, &option, 1)) {
        return OK;
    }
    struct serve *serve = reading->serve;
    struct serve_zone *zone = reading->zone;
    size_t count = list_count(reading, option);
    struct update_rule *rules = arena_take_array(reading->arena, count, sizeof *rules);
    if (rules == NULL || count > UPDATE_RULES_MAX) {
        return problem_set(reading->problem, NO_MEMORY, "no memory for rules, or more than %d",
                           UPDATE_RULES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = list_at(reading, option, i);
        problem_place(reading->problem, serve->file,
                      config_line(serve->config, reading->section, zone->index), 0);
        enum status status = update_rule_parse(span_of_text(text), zone->name, reading->arena,
                                               &rules[i], reading->problem);
        if (status != OK) {
            return status;
        }
        if (serve_find_key_named(serve, rules[i].key) == NULL) {
            return fault(reading, "update-policy begins with the name of a key of this file");
        }
    }
    zone->update_rules = rules;
    zone->update_rule_count = count;
    return OK;
}

static enum status read_primary(struct reading *reading, const char *primary)
{
    struct serve_zone *zone = reading->zone;
    const char *key = text_of(reading, "primary-key");
    const char *tls_name = text_of(reading, "primary-tls-name");
    const char *tls_ca = text_of(reading, "primary-tls-ca");
    zone->has_primary = true;
    zone->file = NULL;
    zone->primary_key = key == NULL ? NULL : serve_find_key(reading->serve, key);
    if (key != NULL && zone->primary_key == NULL) {
        return fault(reading, "primary-key names no key of this file");
    }
    zone->primary_tls_name = tls_name == NULL ? NULL : keep_text(reading, tls_name);
    zone->primary_tls_ca = tls_ca == NULL ? TLS_CA_DEFAULT : keep_text(reading, tls_ca);
    uint16_t port = tls_name != NULL ? LISTEN_TLS_PORT : SERVE_DNS_PORT;
    return address_read(span_of_text(primary), port, &zone->primary) == OK
               ? OK
               : fault(reading, "primary is no address");
}

/* Its own source takes the place of the pattern's, whole. */
static enum status read_source(struct reading *reading)
{
    static const char *const of_primary[] = {"primary-key", "primary-tls-name", "primary-tls-ca"};
    struct serve_zone *zone = reading->zone;
    const char *primary = text_of(reading, "primary");
    const char *file = text_of(reading, "file");
    if (file != NULL && primary != NULL) {
        return fault(reading, "a zone needs either file or primary");
    }
    for (size_t i = 0; i < LEN(of_primary) && primary == NULL; i++) {
        if (text_of(reading, of_primary[i]) != NULL) {
            char sentence[PROBLEM_SENTENCE_MAX];
            snprintf(sentence, sizeof sentence, "%s needs a primary", of_primary[i]);
            return fault(reading, sentence);
        }
    }
    if (file != NULL) {
        zone->file = keep_text(reading, file);
        zone->has_primary = false;
        return zone->file != NULL ? OK : fault_memory(reading);
    }
    return primary == NULL ? OK : read_primary(reading, primary);
}

static enum status read_templates(struct reading *reading)
{
    size_t count = list_count(reading, "catalog-template");
    const char **templates = arena_take_array(reading->arena, count, sizeof *templates);
    if (templates == NULL) {
        return fault_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        templates[i] = keep_text(reading, list_at(reading, "catalog-template", i));
        if (templates[i] == NULL) {
            return fault_memory(reading);
        }
    }
    reading->zone->templates = templates;
    reading->zone->template_count = count;
    return OK;
}

static enum status read_catalog(struct reading *reading)
{
    static const struct {
        const char *word;
        enum auth_catalog_role role;
    } roles[] = {{"none", AUTH_CATALOG_NONE},
                 {"interpret", AUTH_CATALOG_INTERPRET},
                 {"generate", AUTH_CATALOG_GENERATE},
                 {"member", AUTH_CATALOG_MEMBER}};
    const char *role = text_of(reading, "catalog-role");
    const char *of = text_of(reading, "catalog-zone");
    const char *group = text_of(reading, "catalog-group");
    struct auth_catalog *catalog = &reading->zone->catalog;
    for (size_t i = 0; i < LEN(roles) && role != NULL; i++) {
        if (strcmp(role, roles[i].word) == 0) {
            catalog->role = roles[i].role;
        }
    }
    if (group != NULL) {
        const char *kept = keep_text(reading, group);
        catalog->group = kept == NULL ? SPAN_EMPTY : span_of_text(kept);
    }
    if (of != NULL) {
        struct name_buffer buffer;
        struct name name;
        if (name_parse(span_of_text(of), &NAME_ROOT, &buffer, &name, NULL) != OK ||
            name_copy(reading->arena, name, &catalog->zone) != OK) {
            return fault(reading, "catalog-zone is no name");
        }
    }
    if (list_count(reading, "catalog-template") > 0) {
        return read_templates(reading);
    }
    return OK;
}

static enum status check_catalog(const struct reading *reading)
{
    const struct serve_zone *zone = reading->zone;
    switch (zone->catalog.role) {
    case AUTH_CATALOG_MEMBER:
        return zone->catalog.zone.len > 0
                   ? OK
                   : fault(reading, "a member of a catalog needs catalog-zone");
    case AUTH_CATALOG_INTERPRET:
        return zone->template_count > 0
                   ? OK
                   : fault(reading, "a catalog's members need a pattern: catalog-template");
    case AUTH_CATALOG_GENERATE:
        return !zone->has_primary && zone->file == NULL
                   ? OK
                   : fault(reading, "a catalog that is generated has no file and no primary");
    case AUTH_CATALOG_NONE:
        break;
    }
    return OK;
}

/* What both kinds of section have. */
static enum status read_terms(struct reading *reading)
{
    const char *zonemd = text_of(reading, "zonemd-verify");
    enum status status = read_source(reading);
    if (zonemd != NULL) {
        reading->zone->verifies_zonemd = config_bool(reading->serve->config, reading->section,
                                                     reading->zone->index, "zonemd-verify");
    }
    if (status == OK && list_count(reading, "notify") > 0) {
        status = read_notify(reading);
    }
    if (status == OK && list_count(reading, "allow-transfer") > 0) {
        status = read_grants(reading);
    }
    status = status == OK ? read_catalog(reading) : status;
    return status == OK ? check_catalog(reading) : status;
}

struct serve_zone *serve_find_pattern(const struct serve *serve, struct span text)
{
    for (size_t i = 0; i < serve->pattern_count; i++) {
        if (span_equal(span_of_text(serve->patterns[i].text), text)) {
            return &serve->patterns[i];
        }
    }
    return NULL;
}

enum status serve_read_patterns(struct serve *serve, struct problem *problem)
{
    size_t count = config_count(serve->config, "pattern");
    serve->patterns = arena_take_array(&serve->arena, count, sizeof *serve->patterns);
    if (serve->patterns == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for patterns");
    }
    for (size_t i = 0; i < count; i++) {
        struct serve_zone *pattern = &serve->patterns[i];
        struct reading reading = {serve, pattern, "pattern", &serve->arena, problem};
        pattern->index = i;
        pattern->is_pattern = true;
        pattern->is_signed = config_bool(serve->config, "pattern", i, SIGN);
        pattern->text = text_of(&reading, "name");
        if (strlen(pattern->text) > SERVE_PATTERN_LEN_MAX || strchr(pattern->text, ' ') != NULL) {
            return fault(&reading, "the name of a pattern is a word of at most 255 octets");
        }
        if (serve_find_pattern(serve, span_of_text(pattern->text)) != NULL) {
            return fault(&reading, "this pattern is given twice");
        }
        enum status status = read_terms(&reading);
        if (status != OK) {
            return status;
        }
        serve->pattern_count++;
    }
    return OK;
}

/* Where a zone has nothing of its own, its pattern's terms are all that it needs. */
static bool has_own_terms(const struct reading *reading)
{
    static const char *const terms[] = {
        "file",           "primary",      "primary-key",    "primary-tls-name",
        "primary-tls-ca", "notify",       "allow-transfer", "catalog-template",
        "catalog-role",   "catalog-zone", "zonemd-verify",  "catalog-group"};
    return says_any(reading, terms, LEN(terms));
}

static enum status read_pattern(struct reading *reading)
{
    struct serve_zone *zone = reading->zone;
    const char *text = text_of(reading, "pattern");
    struct serve_zone *pattern =
        text == NULL ? NULL : serve_find_pattern(reading->serve, span_of_text(text));
    if (text == NULL) {
        return OK;
    }
    if (pattern == NULL) {
        return fault(reading, "pattern names no pattern of this file");
    }
    struct serve_zone own = *zone;
    *zone = *pattern;
    zone->name = own.name;
    zone->text = own.text;
    zone->index = own.index;
    zone->is_pattern = false;
    zone->base = pattern;
    zone->pattern = pattern;
    struct serve_place place = serve_find_place(reading->serve, zone, SIGN);
    bool is_from_pattern =
        strcmp(place.section, "pattern") == 0 &&
        config_text(reading->serve->config, "pattern", place.index, SIGN) != NULL;
    zone->is_signed = is_from_pattern ? pattern->is_signed : own.is_signed;
    return OK;
}

struct serve_place serve_find_place(const struct serve *serve, const struct serve_zone *zone,
                                    const char *option)
{
    struct serve_place place = {zone->is_pattern ? "pattern" : "zone", zone->index};
    bool is_said = zone->base == NULL ||
                   config_says_any(serve->config, place.section, place.index, &option, 1);
    return is_said ? place : (struct serve_place){"pattern", zone->base->index};
}

/* The signer reads files by their paths alone. */
static enum status make_path(struct reading *reading)
{
    struct serve_zone *zone = reading->zone;
    char path[SERVE_PATH_MAX];
    if (zone->file == NULL || strstr(zone->file, "%s") == NULL) {
        return OK;
    }
    if (serve_zone_path(zone->file, zone->name, path) != OK) {
        return fault(reading, "the path of its file is too long, or its name has a '/'");
    }
    zone->file = arena_text(&reading->serve->bulk, span_of_text(path));
    return zone->file == NULL ? fault_memory(reading) : OK;
}

static enum status read_zone(struct serve *serve, size_t index, struct problem *problem)
{
    struct serve_zone *zone = &serve->zones[index];
    struct reading reading = {serve, zone, "zone", &serve->arena, problem};
    zone->index = index;
    zone->text = text_of(&reading, "name");
    zone->is_signed = config_bool(serve->config, "zone", index, SIGN);
    struct name_buffer buffer;
    struct name name;
    enum status status = name_parse(span_of_text(zone->text), &NAME_ROOT, &buffer, &name, problem);
    status = status != OK ? status : name_copy(&serve->bulk, name, &zone->name);
    status = status != OK ? status : read_pattern(&reading);
    if (status == OK && (zone->pattern == NULL || has_own_terms(&reading))) {
        zone->pattern = NULL;
        status = read_terms(&reading);
    }
    if (status == OK && zone->file == NULL && !zone->has_primary &&
        zone->catalog.role != AUTH_CATALOG_GENERATE) {
        status = fault(&reading, "a zone needs either file or primary");
    }
    status = status != OK ? status : make_path(&reading);
    return status != OK ? status : read_update_policy(&reading);
}

/* Names are told apart by their hash, and where that is the same by the next free number. */
static enum status check_twice(struct serve *serve, struct problem *problem)
{
    struct table names = {0};
    enum status status = OK;
    for (size_t i = 0; i < serve->zone_count && status == OK; i++) {
        struct serve_zone *zone = &serve->zones[i];
        uint64_t hash = name_hash(zone->name, HASH_SEED);
        const struct serve_zone *other = table_find(&names, hash);
        while (other != NULL && !name_equal(other->name, zone->name)) {
            other = table_find(&names, ++hash);
        }
        if (other != NULL) {
            struct reading reading = {serve, zone, "zone", NULL, problem};
            status = fault(&reading, "this zone is given twice");
        } else {
            table_set(&names, hash, zone);
        }
    }
    table_close(&names);
    return status;
}

enum status serve_read_zones(struct serve *serve, struct problem *problem)
{
    serve->zone_count = config_count(serve->config, "zone");
    serve->zones = arena_take_array(&serve->bulk, serve->zone_count, sizeof *serve->zones);
    if (serve->zones == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < serve->zone_count; i++) {
        enum status status = read_zone(serve, i, problem);
        if (status != OK) {
            return problem->status != OK ? status
                                         : problem_set(problem, status, "%s", status_text(status));
        }
    }
    return check_twice(serve, problem);
}
