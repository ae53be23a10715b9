/* What must come of what happens in a scenario, and the comparison. */
#include <string.h>

#include "core/dns/rdata.h"
#include "service/resolver/scenario_parts.h"
#include "service/resolver/state.h"

enum { TEXT_SIZE = 4096 };

static const char *copy_text(struct scenario *scenario, struct span text)
{
    char *copy = arena_take(&scenario->arena, text.len + 1);
    if (copy != NULL) {
        memcpy(copy, text.bytes, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

/* "OWNER TYPE RDATA"; of an RRSIG "OWNER RRSIG TYPE". */
static void record_print(const struct rrset *rrset, struct span rdata, struct writer *text)
{
    name_write_text(rrset->owner, text);
    writer_text(text, " ");
    type_write(rrset->type, text);
    writer_text(text, " ");
    if (rrset->type == TYPE_RRSIG) {
        type_write(rrset->covers, text);
    } else {
        rdata_write_text(rrset->type, rdata, text);
    }
}

/* Takes the expectation that the record meets off the list; "..." at an end stands for anything. */
static bool expected_take(struct scenario_expected *expected, const char *record)
{
    for (size_t i = 0; i < expected->count; i++) {
        const char *text = expected->texts[i];
        size_t len = strlen(text);
        bool is_open = len >= 3 && strcmp(text + len - 3, "...") == 0;
        if (is_open ? strncmp(record, text, len - 3) == 0 : strcmp(record, text) == 0) {
            expected->texts[i] = expected->texts[--expected->count];
            return true;
        }
    }
    return false;
}

static enum status section_check(struct scenario *scenario, enum section section)
{
    static const char *const WORDS[] = {"answer", "authority", "additional"};
    struct scenario_expected *expected = &scenario->sections[section];
    const struct message_section *got = &scenario->reply->message.sections[section];
    if (!expected->is_checked) {
        return OK;
    }
    for (size_t i = 0; i < got->count; i++) {
        struct rrset_cursor cursor = rrset_first(&got->rrsets[i]);
        for (struct span rdata; rrset_next(&cursor, &rdata);) {
            char text[TEXT_SIZE];
            struct writer writer = writer_over(text, sizeof text - 1);
            record_print(&got->rrsets[i], rdata, &writer);
            text[writer_written(&writer).len] = '\0';
            if (!expected_take(expected, text)) {
                return scenario_fail(scenario, "%s has too much: %s", WORDS[section], text);
            }
        }
    }
    return expected->count == 0
               ? OK
               : scenario_fail(scenario, "%s lacks: %s; it is %s", WORDS[section],
                               expected->texts[0], fake_print(&scenario->net, scenario->reply));
}

/* "gives RCODE [ad] [tc]": these flags and no others of them. */
static enum status expect_gives(struct scenario *scenario, struct span line)
{
    const struct message *message = &scenario->reply->message;
    struct span rcode = scenario_word(&line);
    uint16_t flags = 0;
    for (struct span word; (word = scenario_word(&line)).len > 0;) {
        flags |= scenario_is(word, "ad") ? FLAG_AD : scenario_is(word, "tc") ? FLAG_TC : 0;
    }
    bool is_same = scenario_is(rcode, rcode_text(message->rcode)) &&
                   (message->flags & (FLAG_AD | FLAG_TC)) == flags;
    return is_same ? OK
                   : scenario_fail(scenario, "it gives %s; EDE %d %s",
                                   fake_print(&scenario->net, scenario->reply),
                                   (int)scenario->reply->ede, scenario->reply->ede_text);
}

static enum status expect_section(struct scenario *scenario, enum section section, struct span line)
{
    struct scenario_expected *expected = &scenario->sections[section];
    expected->is_checked = true;
    if (scenario_is(line, "none")) {
        return OK;
    }
    if (scenario_is(line, "any")) {
        expected->is_checked = false;
        return OK;
    }
    if (expected->count == SCENARIO_EXPECTED_MAX) {
        return scenario_fail(scenario, "too many records are expected");
    }
    expected->texts[expected->count++] = copy_text(scenario, line);
    return OK;
}

static enum status expect_answer(struct scenario *scenario, struct span line)
{
    return expect_section(scenario, SECTION_ANSWER, line);
}

static enum status expect_authority(struct scenario *scenario, struct span line)
{
    return expect_section(scenario, SECTION_AUTHORITY, line);
}

static enum status expect_additional(struct scenario *scenario, struct span line)
{
    return expect_section(scenario, SECTION_ADDITIONAL, line);
}

static enum status expect_ede(struct scenario *scenario, struct span line)
{
    struct span word = scenario_word(&line);
    uint64_t code = 0;
    const struct fake_reply *reply = scenario->reply;
    bool is_none = scenario_is(word, "none");
    enum status status = is_none ? OK : scenario_number(scenario, word, &code);
    int expected = is_none ? EDE_NONE : (int)code;
    const char *text = copy_text(scenario, line);
    if (status == OK &&
        ((int)reply->ede != expected || text == NULL || strstr(reply->ede_text, text) == NULL)) {
        return scenario_fail(scenario, "EDE %d \"%s\"", (int)reply->ede, reply->ede_text);
    }
    return status;
}

static enum status expect_ttl(struct scenario *scenario, struct span line)
{
    uint64_t ttl_s = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &ttl_s);
    const struct message *message = &scenario->reply->message;
    for (int section = 0; section < SECTION_ADDITIONAL && status == OK; section++) {
        if (message->sections[section].count > 0) {
            uint32_t got_s = message->sections[section].rrsets[0].ttl_s;
            return got_s == ttl_s ? OK : scenario_fail(scenario, "the TTL is %u", got_s);
        }
    }
    return status == OK ? scenario_fail(scenario, "there is nothing with a TTL") : status;
}

/* --- questions to servers --- */

static void asked_print(struct scenario *scenario, struct writer *text)
{
    const struct fake_net *net = &scenario->net;
    for (uint32_t i = scenario->asked_before; i < net->asked && i < FAKE_ASKED_MAX; i++) {
        char address[ADDRESS_TEXT_MAX];
        const struct fake_asked *asked = &net->asked_log[i];
        writer_text(text, i == scenario->asked_before ? "" : ", ");
        writer_text(text, address_print(asked->server, address));
        writer_text(text, " ");
        name_write_text(asked->name, text);
        writer_text(text, " ");
        type_write(asked->type, text);
    }
}

static enum status fail_asked(struct scenario *scenario, const char *what)
{
    static char text[TEXT_SIZE];
    struct writer writer = writer_over(text, sizeof text - 1);
    asked_print(scenario, &writer);
    text[writer_written(&writer).len] = '\0';
    return scenario_fail(scenario, "%s; %u were sent: %s", what,
                         scenario->net.asked - scenario->asked_before, text);
}

static enum status expect_asks(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    bool is_same = scenario->net.asked - scenario->asked_before == count;
    return status != OK || is_same ? status : fail_asked(scenario, "another number of queries");
}

static enum status expect_asks_most(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    bool is_few = scenario->net.asked - scenario->asked_before <= count;
    return status != OK || is_few ? status : fail_asked(scenario, "too many queries");
}

/* Does it fit "ADDRESS [NAME [TYPE] [tcp] [edns] [plain]]"? */
struct asked_pattern {
    bool has_address;
    struct address address;
    bool has_name;
    struct name name;
    uint16_t type;
    bool is_tcp;
    bool is_plain; /* without EDNS */
    bool is_cd;
    bool has_key_tags;
};

static enum status pattern_read(struct scenario *scenario, struct span line,
                                struct asked_pattern *pattern)
{
    *pattern = (struct asked_pattern){0};
    struct span word = scenario_word(&line);
    enum status status = OK;
    if (!scenario_is(word, "*")) {
        pattern->has_address = true;
        status = scenario_address(scenario, word, &pattern->address);
    }
    for (size_t at = 0; status == OK && (word = scenario_word(&line)).len > 0; at++) {
        if (scenario_is(word, "tcp")) {
            pattern->is_tcp = true;
        } else if (scenario_is(word, "plain")) {
            pattern->is_plain = true;
        } else if (scenario_is(word, "cd")) {
            pattern->is_cd = true;
        } else if (scenario_is(word, "key-tags")) {
            pattern->has_key_tags = true;
        } else if (at == 0) {
            pattern->has_name = !scenario_is(word, "*");
            status = pattern->has_name ? scenario_name(scenario, word, &pattern->name) : OK;
        } else if (at > 1 || type_parse(word, &pattern->type) != OK) {
            return scenario_fail(scenario, "asked ADDRESS [NAME [TYPE]] [tcp] [plain]");
        }
    }
    return status;
}

static uint32_t pattern_count(const struct scenario *scenario, const struct asked_pattern *pattern)
{
    const struct fake_net *net = &scenario->net;
    uint32_t count = 0;
    for (uint32_t i = scenario->asked_before; i < net->asked && i < FAKE_ASKED_MAX; i++) {
        const struct fake_asked *asked = &net->asked_log[i];
        bool fits = (!pattern->has_address || address_equal(asked->server, pattern->address)) &&
                    (!pattern->has_name || name_equal(asked->name, pattern->name)) &&
                    (pattern->type == 0 || asked->type == pattern->type) &&
                    (!pattern->is_tcp || asked->transport == TRANSPORT_TCP) &&
                    (!pattern->is_plain || !asked->has_edns) &&
                    (!pattern->is_cd || (asked->flags & FLAG_CD) != 0) &&
                    (!pattern->has_key_tags || asked->has_key_tags);
        count += fits ? 1 : 0;
    }
    return count;
}

static enum status asked_between(struct scenario *scenario, struct span line, size_t least,
                                 size_t most, const char *otherwise)
{
    struct asked_pattern pattern;
    enum status status = pattern_read(scenario, line, &pattern);
    if (status != OK) {
        return status;
    }
    size_t count = pattern_count(scenario, &pattern);
    return count >= least && count <= most ? OK : fail_asked(scenario, otherwise);
}

static enum status expect_asked(struct scenario *scenario, struct span line)
{
    return asked_between(scenario, line, 1, SIZE_MAX, "that was not asked");
}

static enum status expect_asked_once(struct scenario *scenario, struct span line)
{
    return asked_between(scenario, line, 1, 1, "that was not asked once");
}

static enum status expect_not_asked(struct scenario *scenario, struct span line)
{
    return asked_between(scenario, line, 0, 0, "that was asked");
}

/* When the last answer of the block came. */
static int64_t last_ns_of(const struct scenario *scenario)
{
    int64_t last_ns = scenario->block == BLOCK_ASK ? scenario->reply->at_ns : scenario->began_ns;
    for (uint32_t i = 0; scenario->block == BLOCK_BURST && i < scenario->burst_count; i++) {
        const struct fake_reply *reply = fake_reply_to(&scenario->net, scenario->channel_first + i);
        last_ns = reply != NULL && reply->at_ns > last_ns ? reply->at_ns : last_ns;
    }
    return last_ns;
}

/* `done` is at most the number that the line has; `what` was done, for the failure. */
static enum status expect_most(struct scenario *scenario, struct span line, uint64_t done,
                               const char *what)
{
    uint64_t most = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &most);
    return status != OK || done <= most ? status
                                        : scenario_fail(scenario, "%u %s", (unsigned)done, what);
}

static enum status expect_takes_most(struct scenario *scenario, struct span line)
{
    int64_t took_ms = (last_ns_of(scenario) - scenario->began_ns) / MOMENT_NS_PER_MS;
    return expect_most(scenario, line, took_ms < 0 ? 0 : (uint64_t)took_ms, "ms it took");
}

static enum status expect_checks_most(struct scenario *scenario, struct span line)
{
    uint64_t done = scenario->net.resolver->stats.signature_checks - scenario->checks_before;
    return expect_most(scenario, line, done, "signatures were checked");
}

static enum status expect_hashes_most(struct scenario *scenario, struct span line)
{
    uint64_t done = scenario->net.resolver->stats.denial_hashes - scenario->hashes_before;
    return expect_most(scenario, line, done, "names were hashed");
}

/* --- many --- */

static uint32_t burst_count(const struct scenario *scenario, bool is_failed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < scenario->burst_count; i++) {
        const struct fake_reply *reply = fake_reply_to(&scenario->net, scenario->channel_first + i);
        count += reply != NULL && (reply->message.rcode == RCODE_SERVFAIL) == is_failed ? 1 : 0;
    }
    return count;
}

static enum status expect_answered(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    uint32_t got = burst_count(scenario, false);
    return status != OK || got == count
               ? status
               : scenario_fail(scenario, "%u were answered", (unsigned)got);
}

static enum status expect_failed(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    uint32_t got = burst_count(scenario, true);
    return status != OK || got == count ? status
                                        : scenario_fail(scenario, "%u failed", (unsigned)got);
}

static enum status expect_failed_most(struct scenario *scenario, struct span line)
{
    uint64_t most = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &most);
    uint32_t got = burst_count(scenario, true);
    return status != OK || got <= most ? status
                                       : scenario_fail(scenario, "%u failed", (unsigned)got);
}

static enum status expect_unanswered(struct scenario *scenario, struct span line)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    uint32_t got =
        scenario->burst_count - burst_count(scenario, false) - burst_count(scenario, true);
    return status != OK || got == count ? status
                                        : scenario_fail(scenario, "%u got nothing", (unsigned)got);
}

static enum status expect_says(struct scenario *scenario, struct span line)
{
    const char *text = copy_text(scenario, line);
    return text != NULL && strstr(scenario->net.control_text, text) != NULL
               ? OK
               : scenario_fail(scenario, "it says: %.300s", scenario->net.control_text);
}

static enum status expect_lacks(struct scenario *scenario, struct span line)
{
    const char *text = copy_text(scenario, line);
    return text != NULL && strstr(scenario->net.control_text, text) == NULL
               ? OK
               : scenario_fail(scenario, "it says: %.300s", scenario->net.control_text);
}

/* --- the table --- */

enum {
    AT_ASK = 1 << BLOCK_ASK,
    AT_BURST = 1 << BLOCK_BURST,
    AT_CONTROL = 1 << BLOCK_CONTROL,
};

static const struct {
    const char *word;
    unsigned blocks;
    enum status (*expect)(struct scenario *scenario, struct span line);
} EXPECTATIONS[] = {
    {"gives", AT_ASK, expect_gives},
    {"answer", AT_ASK, expect_answer},
    {"authority", AT_ASK, expect_authority},
    {"additional", AT_ASK, expect_additional},
    {"ede", AT_ASK, expect_ede},
    {"ttl", AT_ASK, expect_ttl},
    {"asks", AT_ASK | AT_BURST, expect_asks},
    {"asks-most", AT_ASK | AT_BURST, expect_asks_most},
    {"asked", AT_ASK | AT_BURST, expect_asked},
    {"asked-once", AT_ASK | AT_BURST, expect_asked_once},
    {"not-asked", AT_ASK | AT_BURST, expect_not_asked},
    {"takes-most", AT_ASK | AT_BURST, expect_takes_most},
    {"answered", AT_BURST, expect_answered},
    {"failed", AT_BURST, expect_failed},
    {"failed-most", AT_BURST, expect_failed_most},
    {"unanswered", AT_BURST, expect_unanswered},
    {"checks-most", AT_ASK | AT_BURST, expect_checks_most},
    {"hashes-most", AT_ASK | AT_BURST, expect_hashes_most},
    {"says", AT_CONTROL, expect_says},
    {"lacks", AT_CONTROL, expect_lacks},
};

enum status scenario_step_more(struct scenario *scenario, struct span line)
{
    struct span word = scenario_word(&line);
    for (size_t i = 0; i < LEN(EXPECTATIONS); i++) {
        if (scenario_is(word, EXPECTATIONS[i].word) &&
            (EXPECTATIONS[i].blocks & 1u << scenario->block) != 0) {
            return EXPECTATIONS[i].expect(scenario, line);
        }
    }
    return scenario_fail(scenario, "\"%.*s\" is nothing that can be expected here", (int)word.len,
                         (const char *)word.bytes);
}

enum status scenario_end_block(struct scenario *scenario)
{
    enum status status = OK;
    if (scenario->block == BLOCK_ASK) {
        for (int section = 0; section < SECTION_COUNT && status == OK; section++) {
            status = section_check(scenario, (enum section)section);
        }
    } else if (scenario->block == BLOCK_CHANGE && scenario->is_running) {
        scenario_zone_changed(scenario);
    }
    scenario->block = BLOCK_NONE;
    return status;
}
