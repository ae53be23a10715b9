/* The words of a rule, and which types a rule without types means. */
#include "core/zone/update_policy.h"

#include <assert.h>

static const struct {
    const char *word;
    bool has_name;
} matches[] = {
    [UPDATE_NAME] = {"name", true},
    [UPDATE_SUBTREE] = {"subtree", true},
    [UPDATE_SELF] = {"self", false},
    [UPDATE_ZONE] = {"zone", false},
};
static_assert(LEN(matches) == UPDATE_MATCH_COUNT, "a word for each match");

/* They decide who answers for names, or how the chain of trust goes on: to give them away must be
 * said. */
static const uint16_t named_types[] = {TYPE_NS, TYPE_SOA, TYPE_DS, TYPE_DNAME};

/* The next word, or an empty span at the end. */
static struct span take_word(struct span *text)
{
    size_t from = 0;
    while (from < text->len && (text->bytes[from] == ' ' || text->bytes[from] == '\t')) {
        from++;
    }
    size_t to = from;
    while (to < text->len && text->bytes[to] != ' ' && text->bytes[to] != '\t') {
        to++;
    }
    struct span word = span_part(*text, from, to - from);
    *text = span_part(*text, to, text->len - to);
    return word;
}

static enum status read_name(struct span word, const struct name *origin, struct arena *arena,
                             struct name *name, struct problem *problem)
{
    struct name_buffer buffer;
    struct name parsed;
    enum status status = name_parse(word, origin, &buffer, &parsed, problem);
    return status == OK ? name_copy(arena, parsed, name) : status;
}

static enum status read_match(struct span word, enum update_match *match, struct problem *problem)
{
    for (int i = 0; i < UPDATE_MATCH_COUNT; i++) {
        if (span_equal_nocase(word, span_of_text(matches[i].word))) {
            *match = (enum update_match)i;
            return OK;
        }
    }
    return problem_set(problem, BAD_ARGUMENT,
                       "behind the key stands name, subtree, self or zone, not \"%.*s\"",
                       (int)(word.len < 60 ? word.len : 60), (const char *)word.bytes);
}

static enum status read_types(struct span text, struct update_rule *rule, struct problem *problem)
{
    for (struct span word = take_word(&text); word.len > 0; word = take_word(&text)) {
        uint16_t type;
        if (span_equal_nocase(word, SPAN_LITERAL("ANY"))) {
            rule->has_any_type = true;
        } else if (type_parse(word, &type) != OK || type_is_meta(type)) {
            return problem_set(problem, BAD_ARGUMENT, "\"%.*s\" is no type of records",
                               (int)(word.len < 60 ? word.len : 60), (const char *)word.bytes);
        } else if (rule->type_count == UPDATE_TYPES_MAX) {
            return problem_set(problem, LIMIT_REACHED, "a rule has at most %d types",
                               UPDATE_TYPES_MAX);
        } else {
            rule->types[rule->type_count++] = type;
        }
    }
    return OK;
}

enum status update_rule_parse(struct span text, struct name zone, struct arena *arena,
                              struct update_rule *rule, struct problem *problem)
{
    *rule = (struct update_rule){0};
    struct span key = take_word(&text);
    struct span match = take_word(&text);
    if (key.len == 0 || match.len == 0) {
        return problem_set(problem, BAD_ARGUMENT,
                           "a rule is KEY name|subtree NAME [TYPE...] or KEY self|zone [TYPE...]");
    }
    enum status status = read_name(key, &NAME_ROOT, arena, &rule->key, problem);
    status = status == OK ? read_match(match, &rule->match, problem) : status;
    if (status == OK && matches[rule->match].has_name) {
        struct span name = take_word(&text);
        status = name.len == 0
                     ? problem_set(problem, BAD_ARGUMENT, "behind %s stands the name it is about",
                                   matches[rule->match].word)
                     : read_name(name, &zone, arena, &rule->name, problem);
        if (status == OK && !name_is_at_or_below(rule->name, zone)) {
            return problem_set(problem, BAD_ARGUMENT, "the name %.*s is not in the zone",
                               (int)(name.len < 255 ? name.len : 255), (const char *)name.bytes);
        }
    }
    return status == OK ? read_types(text, rule, problem) : status;
}

static bool has_name(const struct update_rule *rule, struct name owner)
{
    switch (rule->match) {
    case UPDATE_NAME:
        return name_equal(owner, rule->name);
    case UPDATE_SUBTREE:
        return name_is_at_or_below(owner, rule->name);
    case UPDATE_SELF:
        return name_equal(owner, rule->key);
    case UPDATE_ZONE:
        return true;
    case UPDATE_MATCH_COUNT:
        break;
    }
    return false;
}

static bool is_listed(const uint16_t *types, size_t count, uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

static bool has_type(const struct update_rule *rule, uint16_t type)
{
    if (rule->has_any_type) {
        return true;
    }
    return rule->type_count > 0 ? is_listed(rule->types, rule->type_count, type)
                                : !is_listed(named_types, LEN(named_types), type);
}

bool update_is_granted(const struct update_rule *rules, size_t count, struct name key,
                       struct name owner, uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (name_equal(rules[i].key, key) && has_name(&rules[i], owner) &&
            has_type(&rules[i], type)) {
            return true;
        }
    }
    return false;
}
