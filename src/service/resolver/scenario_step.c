/* What happens in a scenario: questions of clients, time that passes, words of the operator. */
#include "service/resolver/scenario_parts.h"
#include "service/resolver/state.h"

#include <string.h>

static enum status how_read(struct scenario *scenario, struct span line, unsigned *how,
                            uint16_t *flags)
{
    static const struct {
        const char *word;
        unsigned how;
        uint16_t flags_set, flags_cleared;
    } WORDS[] = {
        {"do", FAKE_DO, 0, 0}, {"plain", FAKE_PLAIN, 0, 0}, {"tcp", FAKE_TCP, 0, 0},
        {"cd", 0, FLAG_CD, 0}, {"ad", 0, FLAG_AD, 0},       {"norec", 0, 0, FLAG_RD},
    };
    *how = 0;
    *flags = FLAG_RD;
    scenario->net.client = scenario->client;
    for (struct span word; (word = scenario_word(&line)).len > 0;) {
        size_t at = 0;
        if (scenario_is(word, "from")) {
            enum status status =
                scenario_address(scenario, scenario_word(&line), &scenario->net.client);
            if (status != OK) {
                return status;
            }
            continue;
        }
        while (at < LEN(WORDS) && !scenario_is(word, WORDS[at].word)) {
            at++;
        }
        if (at == LEN(WORDS)) {
            return scenario_fail(scenario,
                                 "\"%.*s\": do, cd, ad, plain, tcp, norec or from ADDRESS",
                                 (int)word.len, (const char *)word.bytes);
        }
        *how |= WORDS[at].how;
        *flags = (uint16_t)((*flags | WORDS[at].flags_set) & ~WORDS[at].flags_cleared);
    }
    return OK;
}

struct asking {
    char name[NAME_TEXT_MAX];
    uint16_t type;
    uint16_t flags;
    unsigned how;
};

static enum status asking_read(struct scenario *scenario, struct span line, struct asking *asking)
{
    struct span name = scenario_word(&line);
    struct span type = scenario_word(&line);
    if (name.len == 0 || name.len >= sizeof asking->name) {
        return scenario_fail(scenario, "ask NAME TYPE");
    }
    memcpy(asking->name, name.bytes, name.len);
    asking->name[name.len] = '\0';
    if (type_parse(type, &asking->type) != OK) {
        return scenario_fail(scenario, "\"%.*s\" is no type", (int)type.len,
                             (const char *)type.bytes);
    }
    return how_read(scenario, line, &asking->how, &asking->flags);
}

static void begin_block(struct scenario *scenario, enum scenario_block block)
{
    scenario->block = block;
    scenario->asked_before = scenario->net.asked;
    scenario->began_ns = scenario->net.now.mono_ns;
    scenario->checks_before = scenario->net.resolver->stats.signature_checks;
    scenario->hashes_before = scenario->net.resolver->stats.denial_hashes;
    memset(scenario->sections, 0, sizeof scenario->sections);
}

static enum status step_ask(struct scenario *scenario, struct span line)
{
    struct asking asking;
    enum status status = asking_read(scenario, line, &asking);
    if (status != OK) {
        return status;
    }
    begin_block(scenario, BLOCK_ASK);
    scenario->sections[SECTION_ANSWER].is_checked = true;
    scenario->reply = fake_ask(&scenario->net, asking.name, asking.type, asking.flags, asking.how);
    return scenario->reply == NULL ? scenario_fail(scenario, "no answer at all") : OK;
}

/* COUNT clients at the same time, '@' in the name being 0, 1, 2 ... */
static enum status many_send(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    struct asking asking;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    status = status == OK ? asking_read(scenario, line, &asking) : status;
    if (status != OK) {
        return status;
    }
    begin_block(scenario, BLOCK_BURST);
    scenario->channel_first = scenario->net.channel + 1;
    scenario->burst_count = (uint32_t)count;
    for (uint64_t i = 0; i < count; i++) {
        char name[NAME_TEXT_MAX + 16];
        struct writer writer = writer_over(name, sizeof name - 1);
        for (const char *at = asking.name; *at != '\0'; at++) {
            if (*at == '@') {
                writer_print(&writer, "%u", (unsigned)i);
            } else {
                writer_u8(&writer, (uint8_t)*at);
            }
        }
        name[writer_written(&writer).len] = '\0';
        fake_send(&scenario->net, name, asking.type, asking.flags, asking.how);
    }
    return OK;
}

/* "burst COUNT NAME TYPE ...": until all have their answers. */
static enum status step_burst(struct scenario *scenario, struct span line)
{
    enum status status = many_send(scenario, line);
    if (status == OK) {
        fake_settle(&scenario->net);
    }
    return status;
}

/* "crowd COUNT NAME TYPE ...": they may still wait when the next step begins. */
static enum status step_crowd(struct scenario *scenario, struct span line)
{
    enum { CROWD_MS = 500 };
    enum status status = many_send(scenario, line);
    if (status == OK) {
        fake_run_ms(&scenario->net, CROWD_MS);
    }
    return status;
}

static enum status step_pass(struct scenario *scenario, struct span line)
{
    uint32_t seconds = 0;
    if (text_read_ttl(scenario_word(&line), &seconds) != OK) {
        return scenario_fail(scenario, "pass how long?");
    }
    scenario->block = BLOCK_NONE;
    fake_pass_s(&scenario->net, seconds);
    fake_settle(&scenario->net);
    return OK;
}

static enum status step_control(struct scenario *scenario, struct span line)
{
    enum { LINE_SIZE = 256 };
    char text[LINE_SIZE];
    if (line.len >= sizeof text) {
        return scenario_fail(scenario, "too long");
    }
    memcpy(text, line.bytes, line.len);
    text[line.len] = '\0';
    begin_block(scenario, BLOCK_CONTROL);
    fake_control(&scenario->net, text);
    return OK;
}

enum status scenario_step(struct scenario *scenario, struct span word, struct span line)
{
    static const struct {
        const char *word;
        enum status (*step)(struct scenario *scenario, struct span line);
    } STEPS[] = {{"ask", step_ask},         {"burst", step_burst},
                 {"crowd", step_crowd},     {"pass", step_pass},
                 {"control", step_control}, {"restart", scenario_restart},
                 {"clock", scenario_clock}, {"disk", scenario_disk_step}};
    for (size_t i = 0; i < LEN(STEPS); i++) {
        if (scenario_is(word, STEPS[i].word)) {
            enum status status = scenario_begin(scenario);
            return status == OK ? STEPS[i].step(scenario, line) : status;
        }
    }
    return scenario_fail(scenario, "nothing begins with \"%.*s\"", (int)word.len,
                         (const char *)word.bytes);
}
