/* What an operator asks the registry, a row a command. */
#include "service/registry/registry_state.h"
#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

#include <string.h>

enum { ANSWER_LEN_MAX = 1 << 20, LIST_MAX = 1000 };

struct asking {
    struct registry_turn *turn;
    struct span word; /* behind the command; empty when there is none */
    struct writer answer;
};

static void write_span(struct writer *answer, struct span text)
{
    writer_span(answer, text);
}

static bool ask_status(struct asking *asking)
{
    const struct registry *registry = asking->turn->registry;
    writer_print(&asking->answer, "%zu sessions; %llu commands done, %llu refused; %s\n",
                 registry_session_count(registry), (unsigned long long)registry->commands_done,
                 (unsigned long long)registry->commands_refused,
                 registry->is_paused ? "paused: updates wait" : "running");
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        const struct registry_tld *tld = &registry->tlds[i];
        int64_t domains = 0;
        enum status status = registry_store_count_domains(
            registry->options.records, asking->turn->scratch, tld->text, &domains);
        write_span(&asking->answer, tld->text);
        writer_print(&asking->answer, ": serial %u, %lld domains%s\n",
                     zone_serial(registry_zone_current(tld)), (long long)domains,
                     status == OK ? "" : " (the records could not be read)");
    }
    return true;
}

static bool ask_tld_list(struct asking *asking)
{
    static const char *const forms[REGISTRY_FORM_COUNT] = {"DS", "key", "DS or key"};
    const struct registry *registry = asking->turn->registry;
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        const struct registry_tld_options *tld = registry->tlds[i].options;
        write_span(&asking->answer, registry->tlds[i].text);
        if (tld->has_dnssec) {
            writer_print(&asking->answer, ": DNSSEC yes, at most %u keys, as %s\n", tld->keys_max,
                         forms[tld->form]);
        } else {
            writer_text(&asking->answer, ": DNSSEC no\n");
        }
    }
    return true;
}

static bool ask_domain_list(struct asking *asking)
{
    struct records_rows rows;
    enum status status =
        registry_store_list_domains(asking->turn->registry->options.records, asking->turn->scratch,
                                    asking->word, SPAN_EMPTY, LIST_MAX, &rows);
    for (size_t i = 0; status == OK && i < rows.count; i++) {
        write_span(&asking->answer, rows.rows[i].values[0].bytes);
        writer_u8(&asking->answer, '\n');
    }
    if (status != OK) {
        writer_text(&asking->answer, "the records could not be read\n");
    }
    return status == OK;
}

static void write_domain(struct asking *asking, const struct registry_domain *domain)
{
    struct writer *answer = &asking->answer;
    struct registry_record_list *list = arena_take(asking->turn->scratch, sizeof *list);
    write_span(answer, domain->text);
    writer_text(answer, ": sponsor ");
    write_span(answer, domain->sponsor);
    writer_print(answer, ", %zu name servers, %zu keys\n", domain->host_count, domain->key_count);
    if (list == NULL) {
        return;
    }
    registry_zone_list(domain, list);
    for (size_t i = 0; i < list->count; i++) {
        name_write_text(list->records[i].owner, answer);
        writer_print(answer, " %u ", list->records[i].ttl_s);
        type_write(list->records[i].type, answer);
        writer_text(answer, "\n");
    }
}

static bool ask_domain_info(struct asking *asking)
{
    struct registry *registry = asking->turn->registry;
    struct registry_domain *domain = arena_take(asking->turn->scratch, sizeof *domain);
    struct problem problem = {0};
    if (domain == NULL || registry_name_of_domain(registry, asking->word, asking->turn->scratch,
                                                  domain, &problem) != OK) {
        writer_print(&asking->answer, "%s\n", problem.sentence);
        return false;
    }
    if (registry_store_load_domain(registry->options.records, asking->turn->scratch, domain) !=
        OK) {
        writer_text(&asking->answer, "it is not registered\n");
        return false;
    }
    write_domain(asking, domain);
    return true;
}

static bool ask_pause(struct asking *asking)
{
    asking->turn->registry->is_paused = true;
    writer_text(&asking->answer, "paused: updates of domains wait until `resume`\n");
    return true;
}

static bool ask_resume(struct asking *asking)
{
    asking->turn->registry->is_paused = false;
    registry_session_resume(asking->turn);
    writer_text(&asking->answer, "running\n");
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct asking *asking);
    const char *usage;
} commands[] = {
    {"status", ask_status, "status"},
    {"tld-list", ask_tld_list, "tld-list"},
    {"domain-list", ask_domain_list, "domain-list [TLD]"},
    {"domain-info", ask_domain_info, "domain-info NAME"},
    {"pause", ask_pause, "pause"},
    {"resume", ask_resume, "resume"},
};

static bool run(struct asking *asking, struct span line)
{
    const uint8_t *blank = line.len == 0 ? NULL : memchr(line.bytes, ' ', line.len);
    size_t len = blank == NULL ? line.len : (size_t)(blank - line.bytes);
    struct span name = span_part(line, 0, len);
    asking->word = len < line.len ? span_part(line, len + 1, line.len - len - 1) : SPAN_EMPTY;
    for (size_t i = 0; i < LEN(commands); i++) {
        if (span_equal(name, span_of_text(commands[i].name))) {
            return commands[i].run(asking);
        }
    }
    writer_text(&asking->answer, "unknown command; known are:");
    for (size_t i = 0; i < LEN(commands); i++) {
        writer_print(&asking->answer, "%s %s", i == 0 ? "" : ";", commands[i].usage);
    }
    writer_text(&asking->answer, "\n");
    return false;
}

void registry_control_line(struct registry_turn *turn, const struct event_control *control)
{
    uint8_t *bytes = arena_take(turn->scratch, ANSWER_LEN_MAX);
    struct effect_control effect = {
        .request = control->request, .is_failure = true, .text = SPAN_LITERAL("no memory\n")};
    if (bytes != NULL) {
        struct asking asking = {.turn = turn, .answer = writer_over(bytes, ANSWER_LEN_MAX)};
        effect.is_failure = !run(&asking, control->line);
        effect.text = writer_written(&asking.answer);
    }
    outbox_add(turn->outbox, EFFECT_CONTROL)->control = effect;
}
