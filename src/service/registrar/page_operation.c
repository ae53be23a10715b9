/* One operation: where it stands, step by step, and the evidence; and the list of TLDs. */
#include <string.h>

#include "service/registrar/console.h"
#include "service/registrar/letter.h"

enum { REFRESH_S = 4 };

enum step_state { STEP_DONE, STEP_NOW, STEP_TO_COME, STEP_REFUSED, STEP_LEFT_OUT };

static void step_write(struct console *console, enum step_state state, const char *title,
                       const char *sentence)
{
    static const struct {
        const char *class_name;
        enum console_mark mark;
        const char *words;
    } rows[] = {
        [STEP_DONE] = {"done", MARK_SECURE, "Done"},
        [STEP_NOW] = {"now", MARK_PENDING, "Pending"},
        [STEP_TO_COME] = {"to-come", MARK_PLAIN, "To come"},
        [STEP_REFUSED] = {"failed", MARK_REFUSED, "Refused"},
        [STEP_LEFT_OUT] = {"to-come", MARK_PLAIN, "Left out"},
    };
    struct writer *page = &console->page;
    HTML_FILL(page, "<li class=\"step {}\"><div class=\"step-head\"><h3>{}</h3>",
              rows[state].class_name, title);
    console_write_mark(page, rows[state].mark, rows[state].words);
    HTML_FILL(page, "</div><p>{}</p></li>", sentence);
}

/* A step is done when the operation is beyond it, refused when it ended there. */
static enum step_state step_of(const struct operation *operation, enum operation_state reached,
                               bool ended_here)
{
    if (operation->state == OPERATION_FAILED && ended_here) {
        return STEP_REFUSED;
    }
    if (operation->state == OPERATION_FAILED) {
        return operation->attempts > 0 || reached == OPERATION_ACCEPTED ? STEP_DONE : STEP_TO_COME;
    }
    return operation->state > reached    ? STEP_DONE
           : operation->state == reached ? STEP_NOW
                                         : STEP_TO_COME;
}

static void watch_steps_write(struct console *console, const struct operation *operation)
{
    bool is_done = operation->state == OPERATION_SUCCESSFUL;
    bool is_seen = operation->seen_s != 0;
    bool is_given_up = operation->watch == WATCH_GIVEN_UP;
    step_write(console,
               is_seen                   ? STEP_DONE
               : is_done && !is_given_up ? STEP_NOW
               : is_given_up             ? STEP_REFUSED
                                         : STEP_TO_COME,
               "Seen at the registry's name servers",
               is_seen ? console_time(console, operation->seen_s)
                       : "Every name server of the parent zone is asked directly.");
    step_write(console,
               operation->validated_s != 0 ? STEP_DONE
               : is_seen && !is_given_up   ? STEP_NOW
               : is_given_up               ? STEP_REFUSED
                                           : STEP_TO_COME,
               "Confirmed by a validating resolver",
               operation->validated_s != 0 ? console_time(console, operation->validated_s)
                                           : "Caches may still hold what was there before.");
}

static void steps_write(struct console *console, const struct operation *operation)
{
    bool is_failed = operation->state == OPERATION_FAILED;
    bool was_sent = operation->attempts > 0;
    writer_text(&console->page, "<ol class=\"steps\">");
    if (operation->is_refused) {
        step_write(console, STEP_REFUSED, "Refused at once",
                   console_time(console, operation->submitted_s));
        writer_text(&console->page, "</ol>");
        return;
    }
    step_write(console, STEP_DONE, "Accepted", console_time(console, operation->submitted_s));
    if (operation->type == OPERATION_ADD_KEY || operation->type == OPERATION_NAMESERVERS) {
        step_write(console, step_of(operation, OPERATION_ACCEPTED, is_failed && !was_sent),
                   "Name servers checked",
                   "Every address of every name server is asked over UDP and TCP whether the key "
                   "is published and signs.");
    }
    enum step_state registry = operation->state == OPERATION_SUCCESSFUL              ? STEP_DONE
                               : is_failed && was_sent                               ? STEP_REFUSED
                               : operation->state >= OPERATION_CHECKED && !is_failed ? STEP_NOW
                                                                                     : STEP_TO_COME;
    step_write(console, registry, "Answered by the registry",
               was_sent    ? "The request was sent to the registry."
               : is_failed ? "It was not sent to the registry."
                           : "It was not sent yet.");
    if (operation->flags != 0 && !is_failed) {
        watch_steps_write(console, operation);
    }
    writer_text(&console->page, "</ol>");
}

static void evidence_write(struct writer *page, const char *evidence)
{
    writer_text(page, "<section class=\"card\" aria-labelledby=\"evidence\"><h2 "
                      "id=\"evidence\">What was seen at the name servers</h2><ul "
                      "class=\"plain-list evidence\">");
    for (const char *at = evidence; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        writer_text(page, "<li>");
        html_write_escaped(page, span_of(at, len));
        writer_text(page, "</li>");
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    writer_text(page, "</ul></section>");
}

static void facts_write(struct console *console, const struct operation *operation)
{
    struct writer *page = &console->page;
    struct domain_key key;
    HTML_FILL(page,
              "<section class=\"card\" aria-labelledby=\"facts\"><h2 id=\"facts\">Facts</h2><dl "
              "class=\"facts\"><dt>Domain</dt><dd><a href=\"/domains/{}\">{}</a></dd>",
              operation->domain, operation->domain);
    if (operation_key(console->turn, operation, &key) == OK) {
        HTML_FILL(page, "<dt>Key</dt><dd>{}</dd><dt>Key id</dt><dd class=\"mono\">{}</dd>",
                  key_describe(&key, console->turn->scratch), key.id);
    } else if (operation->is_refused) {
        HTML_FILL(page, "<dt>What was given</dt><dd class=\"mono wrap lines\">{}</dd>",
                  operation->given);
    } else {
        HTML_FILL(page, "<dt>Name servers</dt><dd class=\"mono\">{}</dd>", operation->hosts);
    }
    HTML_FILL(page,
              "<dt>Operation</dt><dd class=\"mono\">{}</dd><dt>Requested by</dt><dd>{}</dd>"
              "<dt>Last change</dt><dd>{}</dd>",
              operation->id, operation->channel, console_time(console, operation->updated_s));
    if (operation->flags != 0 || operation->is_refused) {
        HTML_FILL(page, "<dt>Notice</dt><dd>{}</dd>",
                  letter_state_text(console->turn, operation->id));
    }
    writer_text(page, "</dl></section>");
}

void page_operation(struct console *console)
{
    struct operation operation;
    if (operation_load(console->turn, console->parts[1], &operation) != OK ||
        operation.account != console->visitor.account) {
        console_show_error(console, 404, "There is no such operation",
                           "It does not exist, or it belongs to another account.");
        return;
    }
    bool is_moving = operation_is_open(&operation) || operation.watch == WATCH_PARENT ||
                     operation.watch == WATCH_CHAIN;
    console_begin_page(console, operation_type_text(operation.type), PLACE_OPERATIONS,
                       is_moving ? REFRESH_S : 0);
    struct writer *page = &console->page;
    HTML_FILL(page,
              "<div class=\"page-head\"><p class=\"crumbs\"><a href=\"/operations\">Operations</a>"
              "</p><h1>{}</h1><p class=\"lead\">{}</p></div>",
              operation_type_text(operation.type), operation_state_text(&operation));
    if (operation.reason[0] != '\0') {
        HTML_FILL(page, "<div class=\"fault\"><h2>Why it was not done</h2><p>{}</p></div>",
                  operation.reason);
    }
    writer_text(page,
                "<div class=\"columns\"><section class=\"card\" aria-labelledby=\"steps\"><h2 "
                "id=\"steps\">Steps</h2>");
    steps_write(console, &operation);
    writer_text(page, "</section>");
    facts_write(console, &operation);
    writer_text(page, "</div>");
    if (operation.evidence[0] != '\0') {
        evidence_write(page, operation.evidence);
    }
    console_end_page(console);
}

static void tld_row_write(struct writer *page, const struct tld *tld)
{
    HTML_FILL(page, "<tr><th scope=\"row\">.{}</th><td>", tld->name);
    console_write_mark(page, tld->has_dnssec ? MARK_SECURE : MARK_INSECURE,
                       tld->has_dnssec ? "Yes" : "No");
    if (tld->has_dnssec) {
        writer_print(page,
                     "</td><td class=\"number\"><span class=\"cell-label\">Keys </span>%u</td>",
                     tld->keys_max);
        HTML_FILL(page, "<td><span class=\"cell-label\">Takes the </span>{}</td></tr>",
                  policy_form_text(tld->form));
    } else {
        writer_text(page, "</td><td class=\"number\"><span class=\"cell-label\">Keys </span>0</td>"
                          "<td><span class=\"cell-label\">Takes </span>nothing</td></tr>");
    }
}

static void tld_table_write(struct writer *page, const struct policy *policy, bool is_offered,
                            struct span wanted)
{
    size_t shown = 0;
    writer_text(page, "<div class=\"card flush\"><table class=\"stack\"><thead><tr><th "
                      "scope=\"col\">TLD</th><th scope=\"col\">DNSSEC</th><th scope=\"col\" "
                      "class=\"number\">Keys per domain</th><th scope=\"col\">Registry takes"
                      "</th></tr></thead><tbody>");
    for (size_t i = 0; i < policy->count; i++) {
        const struct tld *tld = &policy->tlds[i];
        bool is_wanted = wanted.len == 0 || span_equal_nocase(span_of_text(tld->name), wanted);
        if ((tld->registry != NULL) == is_offered && is_wanted) {
            tld_row_write(page, tld);
            shown++;
        }
    }
    if (shown == 0) {
        writer_text(page, "<tr><td colspan=\"4\">None.</td></tr>");
    }
    writer_text(page, "</tbody></table></div>");
}

void page_tlds(struct console *console)
{
    const struct policy *policy = &console->turn->registrar->policy;
    struct span wanted = html_form_value(&console->form, "tld");
    while (wanted.len > 0 && wanted.bytes[0] == '.') {
        wanted = span_part(wanted, 1, wanted.len - 1);
    }
    const char *typed = arena_text(console->turn->scratch, wanted);
    console_begin_page(console, "TLDs", PLACE_TLDS, 0);
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"page-head\"><h1>TLDs</h1><p class=\"lead\">Whether the "
                      "registry of a top-level domain supports DNSSEC, read from the root zone, "
                      "and how many keys each domain may have.</p></div>");
    HTML_FILL(page,
              "<form class=\"search\" method=\"get\" action=\"/tlds\"><label for=\"tld\">Find a "
              "TLD</label><input id=\"tld\" name=\"tld\" value=\"{}\" maxlength=\"63\" "
              "autocomplete=\"off\"><button class=\"button second\" type=\"submit\">Find</button>"
              "</form><h2>Offered here</h2>",
              typed == NULL ? "" : typed);
    tld_table_write(page, policy, true, wanted);
    writer_text(page, "<h2>All others of the root zone</h2>");
    tld_table_write(page, policy, false, wanted);
    console_end_page(console);
}
