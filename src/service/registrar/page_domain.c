/* Registered domains, and the page of one: its DNSSEC status, its name servers, what happened. */
#include <string.h>

#include "core/dns/name.h"
#include "service/registrar/console.h"

enum { DOMAINS_SHOWN_MAX = 1000, OPERATIONS_SHOWN = 5, REFRESH_S = 4 };

/* What the status field says of a domain, in which shape. */
struct status_words {
    enum console_mark mark;
    const char *words;
    const char *sentence;
};

static struct status_words status_of(const struct domain *domain, bool is_pending,
                                     enum operation_watch watch)
{
    if (!domain->tld->has_dnssec) {
        return (struct status_words){MARK_PLAIN, "Not supported",
                                     "The registry of this top-level domain does not support "
                                     "DNSSEC."};
    }
    if (is_pending) {
        return (struct status_words){MARK_PENDING, "Pending",
                                     "A change waits for the registry's response."};
    }
    if (domain->key_count == 0) {
        return (struct status_words){MARK_INSECURE, "Not configured",
                                     "No key is at the registry: answers are not protected."};
    }
    if (watch == WATCH_PARENT) {
        return (struct status_words){MARK_PENDING, "Being published",
                                     "The registry has confirmed the change; it is not yet seen "
                                     "at all of its name servers."};
    }
    switch (domain->chain) {
    case DOMAIN_CHAIN_SECURE:
        return (struct status_words){MARK_SECURE, "Secure",
                                     "A validating resolver confirmed the chain of trust."};
    case DOMAIN_CHAIN_BOGUS:
        return (struct status_words){MARK_REFUSED, "Broken",
                                     "A validating resolver answers SERVFAIL: the chain of trust "
                                     "does not hold. Clients cannot reach the domain."};
    case DOMAIN_CHAIN_INSECURE:
    case DOMAIN_CHAIN_UNKNOWN:
    case DOMAIN_CHAIN_COUNT:
        break;
    }
    return (struct status_words){MARK_PENDING, "Not yet confirmed",
                                 "The keys are at the registry; a validating resolver has not "
                                 "confirmed them yet."};
}

static struct status_words status_find(struct console *console, const struct domain *domain,
                                       struct operation *open, bool *is_pending)
{
    struct operation *recent;
    size_t count;
    enum operation_watch watch = WATCH_NONE;
    *is_pending = operation_find_open(console->turn, domain->text, open) == OK;
    if (operation_list(console->turn, domain->account, domain->text, 1, &recent, &count) == OK &&
        count > 0) {
        watch = recent[0].watch;
    }
    return status_of(domain, *is_pending, watch);
}

/* What the resolver said, and how long ago. */
static void checked_write(struct console *console, const struct domain *domain)
{
    struct writer *page = &console->page;
    if (domain->chain_s == 0 || domain->key_count == 0) {
        return;
    }
    int64_t age_s = console->turn->now_s - domain->chain_s;
    if (domain->chain != DOMAIN_CHAIN_SECURE && domain->chain_reason[0] != '\0') {
        HTML_FILL(page, "<p class=\"status-sentence\">The resolver {}.</p>", domain->chain_reason);
    }
    HTML_FILL(page, "<p class=\"status-sentence soft\">Checked {}, at {}</p>",
              console_ago(console, age_s), console_time(console, domain->chain_s));
    if (domain->vigil == VIGIL_BROKEN) {
        HTML_FILL(page,
                  "<p class=\"status-sentence soft\">The registrant was told at {}; a notice "
                  "follows when it is well again.</p>",
                  console_time(console, domain->vigil_s));
    }
}

void page_write_status(struct console *console, const struct domain *domain)
{
    struct operation open;
    bool is_pending;
    struct status_words status = status_find(console, domain, &open, &is_pending);
    struct writer *page = &console->page;
    console_write_mark(page, status.mark, status.words);
    HTML_FILL(page, "<p class=\"status-sentence\">{}</p>", status.sentence);
    if (is_pending) {
        HTML_FILL(page,
                  "<p class=\"status-sentence\">{} \xc2\xb7 <a href=\"/operations/{}\">Show the "
                  "operation</a></p>",
                  operation_type_text(open.type), open.id);
    }
    checked_write(console, domain);
}

static void domain_row_write(struct console *console, const char *name)
{
    struct domain domain;
    struct operation open;
    bool is_pending;
    if (domain_load(console->turn->records, &console->turn->registrar->policy, name,
                    console->visitor.account, console->turn->scratch, &domain) != OK) {
        return;
    }
    struct status_words status = status_find(console, &domain, &open, &is_pending);
    struct writer *page = &console->page;
    HTML_FILL(page, "<tr><th scope=\"row\"><a href=\"/domains/{}\">{}</a></th><td>", domain.text,
              domain.text);
    console_write_mark(page, status.mark, status.words);
    writer_print(page,
                 "</td><td class=\"number\"><span class=\"cell-label\">Keys </span>%zu of %u"
                 "</td>",
                 domain.key_count, domain.tld->keys_max);
    HTML_FILL(page, "<td class=\"number\"><span class=\"cell-label\">Expires </span>{}</td></tr>",
              console_date(console, domain.expires_s));
}

static void domains_empty_write(struct console *console)
{
    writer_text(&console->page,
                "<section class=\"card empty\"><h2>No domains yet</h2><p>When a domain is "
                "registered for this account, it appears here.</p></section>");
}

void page_domains(struct console *console)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        console->turn->records, "SELECT name FROM domain WHERE account = ? ORDER BY name LIMIT ?",
        console->turn->scratch, &rows, records_integer(console->visitor.account),
        records_integer(DOMAINS_SHOWN_MAX));
    if (status != OK) {
        console_show_error(console, 500, "The domains cannot be shown just now",
                           "Please try again in a moment.");
        return;
    }
    console_begin_page(console, "Registered domains", PLACE_DOMAINS, 0);
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"page-head\"><h1>Registered domains</h1></div>");
    if (rows.count == 0) {
        domains_empty_write(console);
        console_end_page(console);
        return;
    }
    writer_text(page, "<div class=\"card flush\"><table class=\"stack\"><thead><tr><th "
                      "scope=\"col\">Domain</th><th scope=\"col\">DNSSEC</th><th scope=\"col\" "
                      "class=\"number\">Keys</th><th scope=\"col\">Expires</th></tr></thead>"
                      "<tbody>");
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = arena_text(console->turn->scratch, rows.rows[i].values[0].bytes);
        if (name != NULL) {
            domain_row_write(console, name);
        }
    }
    writer_text(page, "</tbody></table></div>");
    console_end_page(console);
}

static void hosts_write(struct console *console, const struct domain *domain)
{
    struct writer *page = &console->page;
    writer_text(page, "<ul class=\"plain-list mono\">");
    for (size_t i = 0; i < domain->host_count; i++) {
        HTML_FILL(page, "<li>{}", domain->hosts[i].name);
        for (size_t k = 0; k < domain->hosts[i].address_count; k++) {
            char text[ADDRESS_TEXT_MAX];
            HTML_FILL(page, " <span class=\"soft\">{}</span>",
                      address_print(domain->hosts[i].addresses[k], text));
        }
        writer_text(page, "</li>");
    }
    writer_text(page, "</ul>");
}

/* A notice sent to an address below the domain cannot arrive when the domain is broken. */
static void contact_write(struct console *console, const struct domain *domain)
{
    struct writer *page = &console->page;
    HTML_FILL(page, "<dt>Registrant contact</dt><dd>{}", domain->email);
    const char *at = strchr(domain->email, '@');
    struct name_buffer buffer;
    struct name host;
    struct problem unused;
    if (at != NULL && name_parse(span_of_text(at + 1), NULL, &buffer, &host, &unused) == OK &&
        name_is_at_or_below(host, domain->name)) {
        HTML_FILL(page,
                  "<p class=\"hint warn\">This address depends on {} itself: when the domain is "
                  "broken, its notices cannot arrive. Use an address elsewhere.</p>",
                  domain->text);
    }
    writer_text(page, "</dd>");
}

static void operation_line_write(struct console *console, const struct operation *operation)
{
    static const enum console_mark marks[] = {
        [OPERATION_ACCEPTED] = MARK_PENDING,  [OPERATION_CHECKED] = MARK_PENDING,
        [OPERATION_SUBMITTED] = MARK_PENDING, [OPERATION_UNCLEAR] = MARK_PENDING,
        [OPERATION_SUCCESSFUL] = MARK_SECURE, [OPERATION_FAILED] = MARK_REFUSED};
    const char *words = operation_is_open(operation)               ? "Pending"
                        : operation->state == OPERATION_SUCCESSFUL ? "Done"
                                                                   : "Refused";
    struct writer *page = &console->page;
    HTML_FILL(page, "<tr><th scope=\"row\"><a href=\"/operations/{}\">{}</a></th><td>",
              operation->id, operation_type_text(operation->type));
    HTML_FILL(page, "{}</td><td>", operation->domain);
    console_write_mark(page, marks[operation->state], words);
    HTML_FILL(page, "</td><td>{}</td></tr>", console_time(console, operation->submitted_s));
}

static void operation_table_write(struct console *console, const struct operation *operations,
                                  size_t count)
{
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"card flush\"><table class=\"stack\"><thead><tr><th "
                      "scope=\"col\">Operation</th><th scope=\"col\">Domain</th><th "
                      "scope=\"col\">State</th><th scope=\"col\">Requested</th></tr></thead>"
                      "<tbody>");
    for (size_t i = 0; i < count; i++) {
        operation_line_write(console, &operations[i]);
    }
    writer_text(page, "</tbody></table></div>");
}

void page_domain(struct console *console)
{
    struct domain domain;
    struct refusal refusal;
    struct operation open;
    struct operation *operations;
    size_t count = 0;
    struct rules_request request = {console->visitor.account, console->parts[1], "console"};
    if (!rules_find_domain(console->turn, &request, &domain, &refusal)) {
        console_show_error(console, 404, "There is no such domain", refusal.sentence);
        return;
    }
    bool is_pending = operation_find_open(console->turn, domain.text, &open) == OK;
    console_begin_page(console, domain.text, PLACE_DOMAINS, is_pending ? REFRESH_S : 0);
    struct writer *page = &console->page;
    HTML_FILL(page,
              "<div class=\"page-head\"><p class=\"crumbs\"><a href=\"/domains\">Registered "
              "domains</a></p><h1>{}</h1></div><div class=\"columns\"><section class=\"card\" "
              "aria-labelledby=\"dnssec\"><h2 id=\"dnssec\">DNSSEC status</h2>",
              domain.text);
    page_write_status(console, &domain);
    HTML_FILL(page,
              "<p class=\"actions\"><a class=\"button\" href=\"/domains/{}/keys\">Manage keys</a>"
              "</p></section><section class=\"card\" aria-labelledby=\"facts\"><h2 "
              "id=\"facts\">Registration</h2><dl class=\"facts\">",
              domain.text);
    contact_write(console, &domain);
    HTML_FILL(page, "<dt>Registered</dt><dd>{}</dd><dt>Expires</dt><dd>{}</dd>",
              console_time(console, domain.created_s), console_time(console, domain.expires_s));
    writer_text(page, "<dt>Name servers</dt><dd>");
    hosts_write(console, &domain);
    writer_text(page, "</dd></dl></section></div>");
    if (operation_list(console->turn, domain.account, domain.text, OPERATIONS_SHOWN, &operations,
                       &count) == OK &&
        count > 0) {
        writer_text(page, "<h2>Latest operations</h2>");
        operation_table_write(console, operations, count);
    }
    console_end_page(console);
}

void page_operations(struct console *console)
{
    struct operation *operations;
    size_t count;
    if (operation_list(console->turn, console->visitor.account, NULL, DOMAINS_SHOWN_MAX,
                       &operations, &count) != OK) {
        console_show_error(console, 500, "The operations cannot be shown just now",
                           "Please try again in a moment.");
        return;
    }
    console_begin_page(console, "Operations", PLACE_OPERATIONS, 0);
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"page-head\"><h1>Operations</h1><p class=\"lead\">Each change "
                      "is sent to the registry; its response ends the operation, and a notice "
                      "goes to the registrant contact.</p></div>");
    if (count == 0) {
        writer_text(page, "<section class=\"card empty\"><h2>No operations yet</h2><p>When a key "
                          "is added or deleted, the operation appears here.</p></section>");
    } else {
        operation_table_write(console, operations, count);
    }
    console_end_page(console);
}
