/* What a server of a scenario says to one question instead of the truth. */
#include "service/resolver/scenario_parts.h"

enum status scenario_script_open(struct scenario *scenario, struct span line)
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

/* "signed SECTION OWNER TYPE [as NAME] [of APEX]" */
static enum status script_signed(struct scenario *scenario, struct span line)
{
    struct fake_script *script = scenario->script;
    if (script->replay_count == FAKE_REPLAYS_MAX) {
        return scenario_fail(scenario, "too many signed records");
    }
    struct fake_replay *replay = &script->replays[script->replay_count++];
    if (!section_read(scenario_word(&line), &replay->section)) {
        return scenario_fail(scenario, "signed SECTION OWNER TYPE");
    }
    enum status status = scenario_name(scenario, scenario_word(&line), &replay->owner);
    if (status == OK && type_parse(scenario_word(&line), &replay->type) != OK) {
        return scenario_fail(scenario, "no such type");
    }
    replay->as = replay->owner;
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        struct name *place = scenario_is(word, "as") ? &replay->as : &replay->apex;
        if (place == &replay->apex && !scenario_is(word, "of")) {
            return scenario_fail(scenario, "as NAME, of APEX");
        }
        replay->has_apex = replay->has_apex || place == &replay->apex;
        status = scenario_name(scenario, scenario_word(&line), place);
    }
    return status;
}

enum status scenario_script_line(struct scenario *scenario, struct span line)
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
    if (scenario_is(word, "silent")) {
        script->is_silent = true;
        return OK;
    }
    if (scenario_is(word, "signed")) {
        return script_signed(scenario, line);
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
    return scenario_fail(
        scenario, "\"%.*s\": honest, silent, rcode, flags, drop, signed, or a section and a record",
        (int)word.len, (const char *)word.bytes);
}
