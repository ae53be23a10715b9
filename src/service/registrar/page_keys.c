/* Manage keys: the form that adds one, the list with a Delete for each, the warnings of S41 to S45,
 * and the page on which a consequence is confirmed. */
#include <string.h>

#include "core/base/text.h"
#include "service/registrar/console.h"
#include "service/registrar/web.h"

static void pending_write(struct console *console, const struct operation *open)
{
    HTML_FILL(
        &console->page,
        "<div class=\"notice pending\" role=\"status\"><h2>Pending: {}</h2><p>{} Only one key "
        "can be added or deleted at a time: the next change is possible when the "
        "confirmation e-mail of this one has been sent. <a href=\"/operations/{}\">Show the "
        "operation</a> or <a href=\"/domains/{}/keys\">look again</a>.</p></div>",
        operation_type_text(open->type), operation_state_text(open), open->id, open->domain);
}

static void refusal_write(struct console *console, const struct refusal *refusal)
{
    static const char *const fields[] = {[KEY_FAULT_NONE] = NULL,
                                         [KEY_FAULT_TYPE] = "type",
                                         [KEY_FAULT_ALGORITHM] = "algorithm",
                                         [KEY_FAULT_PUBLIC_KEY] = "public_key"};
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"fault\" role=\"alert\"><h2>The change was refused</h2><p>");
    if (fields[refusal->fault] != NULL) {
        HTML_FILL(page, "<a href=\"#{}\">{}</a>", fields[refusal->fault], refusal->sentence);
    } else {
        HTML_FILL(page, "{}", refusal->sentence);
    }
    writer_text(page, "</p>");
    if (refusal->operation[0] != '\0') {
        HTML_FILL(page,
                  "<p>Nothing was changed. A notice with this reason goes to the registrant "
                  "contact, too: <a href=\"/operations/{}\">Show the operation</a></p>",
                  refusal->operation);
    }
    writer_text(page, "</div>");
}

/* The sentence at the field itself. */
static void field_fault_write(struct writer *page, const struct refusal *refusal,
                              enum key_fault fault, const char *id)
{
    if (refusal != NULL && refusal->fault == fault) {
        HTML_FILL(page, "<p class=\"field-fault\" id=\"{}-fault\">{}</p>", id, refusal->sentence);
    }
}

static const char *field_state(const struct refusal *refusal, enum key_fault fault,
                               const char *state)
{
    return refusal != NULL && refusal->fault == fault ? state : "";
}

static void key_type_write(struct console *console, const struct refusal *refusal,
                           const struct page_typed *typed)
{
    struct writer *page = &console->page;
    bool is_zsk = typed != NULL && span_equal(typed->type, SPAN_LITERAL("zsk"));
    writer_text(page, "<fieldset class=\"field\" id=\"type\"><legend>Key type</legend>");
    field_fault_write(page, refusal, KEY_FAULT_TYPE, "type");
    writer_print(
        page,
        "<div class=\"choices\"><label class=\"choice\"><input type=\"radio\" name=\"type\" "
        "value=\"ksk\"%s><span><strong>KSK</strong> key-signing key, flags 257</span>"
        "</label><label class=\"choice\"><input type=\"radio\" name=\"type\" "
        "value=\"zsk\"%s><span><strong>ZSK</strong> zone-signing key, flags 256</span>"
        "</label></div></fieldset>",
        is_zsk ? "" : " checked", is_zsk ? " checked" : "");
}

static void algorithm_write(struct console *console, const struct refusal *refusal,
                            const struct page_typed *typed)
{
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"field\"><label for=\"algorithm\">Algorithm</label>");
    field_fault_write(page, refusal, KEY_FAULT_ALGORITHM, "algorithm");
    writer_print(page, "<select id=\"algorithm\" name=\"algorithm\"%s>",
                 field_state(refusal, KEY_FAULT_ALGORITHM,
                             " aria-invalid=\"true\" aria-describedby=\"algorithm-fault\""));
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        uint64_t chosen = ALGORITHM_ECDSAP256SHA256;
        if (typed != NULL && text_read_u64(typed->algorithm, 255, &chosen) != OK) {
            chosen = ALGORITHM_ECDSAP256SHA256;
        }
        if (algorithm->can_sign) {
            writer_print(page, "<option value=\"%u\"%s>%u %s</option>", algorithm->number,
                         algorithm->number == chosen ? " selected" : "", algorithm->number,
                         algorithm->mnemonic);
        }
    }
    writer_text(page,
                "</select><p class=\"hint\">The one with which the zone is signed.</p></div>");
}

static void public_key_write(struct console *console, const struct refusal *refusal,
                             const struct page_typed *typed)
{
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"field\"><label for=\"public_key\">Public key</label>");
    field_fault_write(page, refusal, KEY_FAULT_PUBLIC_KEY, "public_key");
    writer_print(page,
                 "<textarea id=\"public_key\" name=\"public_key\" rows=\"4\" class=\"mono\" "
                 "spellcheck=\"false\" autocomplete=\"off\" maxlength=\"32768\" "
                 "aria-describedby=\"public_key-hint%s\">",
                 field_state(refusal, KEY_FAULT_PUBLIC_KEY,
                             " public_key-fault\" "
                             "aria-invalid=\"true"));
    if (typed != NULL) {
        html_write_escaped(page, typed->public_key);
    }
    writer_text(page, "</textarea><p class=\"hint\" id=\"public_key-hint\">In base64, or the whole "
                      "DNSKEY record as your DNS provider shows it.</p></div>");
}

static void add_form_write(struct console *console, const struct domain *domain,
                           const struct refusal *refusal, const struct page_typed *typed)
{
    struct writer *page = &console->page;
    writer_text(page,
                "<section class=\"card\" aria-labelledby=\"add\"><h2 id=\"add\">Add a key</h2>");
    if (domain->key_count >= domain->tld->keys_max) {
        writer_print(page,
                     "<p>All %u keys that the registry allows are in use. Delete one to make "
                     "room.</p>",
                     domain->tld->keys_max);
    }
    HTML_FILL(page,
              "<p class=\"hint\">Configure DNSSEC at your DNS provider before: the key must be "
              "published and must sign at every name server of {}, or it is not forwarded.</p>"
              "<form method=\"post\" action=\"/domains/{}/keys\">",
              domain->text, domain->text);
    console_write_csrf(console);
    key_type_write(console, refusal, typed);
    algorithm_write(console, refusal, typed);
    public_key_write(console, refusal, typed);
    writer_text(page, "<button class=\"button\" type=\"submit\">Add</button></form></section>");
}

static void key_write(struct console *console, const struct domain *domain,
                      const struct domain_key *key, bool may_delete)
{
    struct writer *page = &console->page;
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    uint8_t digest[2 * KEY_DIGEST_LEN + 1] = {0};
    struct writer hex = writer_over(digest, sizeof digest - 1);
    text_write_base16(&hex, span_of(key->digest, KEY_DIGEST_LEN));
    writer_print(page,
                 "<li class=\"key\"><div class=\"key-head\"><h3>%s <span class=\"mono\">%u</span>"
                 "</h3><span class=\"soft\">%u %s</span></div>",
                 key_type_text(key->flags), key->tag, key->algorithm,
                 algorithm == NULL ? "" : algorithm->mnemonic);
    HTML_FILL(page,
              "<dl class=\"facts\"><dt>Public key</dt><dd class=\"mono wrap\">{}</dd><dt>DS digest "
              "(SHA-256)</dt><dd class=\"mono wrap\">{}</dd><dt>At the registry since</dt><dd>{}"
              "</dd></dl>",
              key->base64, (const char *)digest, console_time(console, key->added_s));
    HTML_FILL(page, "<form method=\"post\" action=\"/domains/{}/keys/{}/delete\">", domain->text,
              key->id);
    console_write_csrf(console);
    writer_print(page,
                 "<button class=\"button danger\" type=\"submit\"%s>Delete<span class=\"unseen\"> "
                 "key %u</span></button></form></li>",
                 may_delete ? "" : " disabled", key->tag);
}

static void keys_write(struct console *console, const struct domain *domain, bool may_delete)
{
    struct writer *page = &console->page;
    writer_print(page,
                 "<section class=\"card\" aria-labelledby=\"keys\"><div class=\"card-head\"><h2 "
                 "id=\"keys\">Keys at the registry</h2><span class=\"soft\">%zu of %u</span></div>",
                 domain->key_count, domain->tld->keys_max);
    if (domain->key_count == 0) {
        HTML_FILL(
            page,
            "<p class=\"empty-line\">No keys. Answers about {} are not protected until one is "
            "added.</p></section>",
            domain->text);
        return;
    }
    writer_text(page, "<ul class=\"keys\">");
    for (size_t i = 0; i < domain->key_count; i++) {
        key_write(console, domain, &domain->keys[i], may_delete);
    }
    writer_text(page, "</ul></section>");
}

/* S41 to S45, with the wait that follows from what was seen. */
static void advice_write(struct console *console, const struct domain *domain)
{
    struct writer *page = &console->page;
    const char *wait = console_duration(console, rules_ds_ttl_s(domain));
    const char *source = domain->ds_ttl_s != 0 ? "as the DS record at the registry says"
                                               : "the usual life of a DS record; none was seen yet";
    writer_text(page, "<section class=\"card advice\" aria-labelledby=\"advice\"><h2 "
                      "id=\"advice\">The right order</h2><ul>");
    HTML_FILL(page,
              "<li><strong>Rotating:</strong> add the new key, then wait before you delete the old "
              "one: at least {} ({}), and up to three days are advised.</li>",
              wait, source);
    HTML_FILL(page,
              "<li><strong>Disabling:</strong> delete the keys here before you switch DNSSEC off "
              "at your DNS provider, then wait at least {}; up to three days are advised.</li>",
              wait);
    writer_text(page, "<li><strong>Caution:</strong> if DNSSEC is switched off at the provider "
                      "while a key is still here, validating resolvers answer SERVFAIL, and "
                      "clients cannot reach the domain.</li></ul></section>");
}

static void page_head_write(struct console *console, const struct domain *domain, const char *title)
{
    HTML_FILL(&console->page,
              "<div class=\"page-head\"><p class=\"crumbs\"><a href=\"/domains\">Registered "
              "domains</a> <span aria-hidden=\"true\">/</span> <a href=\"/domains/{}\">{}</a></p>"
              "<h1>{}</h1></div>",
              domain->text, domain->text, title);
}

void page_write_keys(struct console *console, const struct domain *domain,
                     const struct refusal *refusal, const struct page_typed *typed)
{
    struct operation open;
    bool is_pending = operation_find_open(console->turn, domain->text, &open) == OK;
    console_begin_page(console, "Manage keys", PLACE_DOMAINS, 0);
    page_head_write(console, domain, "Manage keys");
    struct writer *page = &console->page;
    if (is_pending) {
        pending_write(console, &open);
    }
    if (refusal != NULL) {
        refusal_write(console, refusal);
    }
    writer_text(page, "<div class=\"columns\"><div>");
    bool takes_keys = domain->tld->has_dnssec && domain->tld->registry != NULL;
    if (!takes_keys) {
        HTML_FILL(page,
                  "<section class=\"card empty\"><h2>No keys can be added</h2><p>The registry of "
                  ".{} does not support DNSSEC. <a href=\"/tlds\">TLDs that do</a></p></section>",
                  domain->tld->name);
    } else if (is_pending) {
        writer_text(page, "<section class=\"card empty\"><h2>Add a key</h2><p>Key type, algorithm "
                          "and public key of the next key can be given when the pending change "
                          "has ended.</p></section>");
    } else {
        add_form_write(console, domain, refusal, typed);
    }
    advice_write(console, domain);
    writer_text(page, "</div><div>");
    keys_write(console, domain, !is_pending);
    writer_text(page, "</div></div>");
    console_end_page(console);
}

/* The domain of the path, or the page that says there is none. */
static bool domain_need(struct console *console, struct domain *domain)
{
    struct refusal refusal;
    struct rules_request request = {console->visitor.account, console->parts[1], "console"};
    if (rules_find_domain(console->turn, &request, domain, &refusal)) {
        return true;
    }
    console_show_error(console, 404, "There is no such domain", refusal.sentence);
    return false;
}

void page_keys(struct console *console)
{
    struct domain domain;
    if (domain_need(console, &domain)) {
        page_write_keys(console, &domain, NULL, NULL);
    }
}

void page_keys_add(struct console *console)
{
    struct domain domain;
    struct refusal refusal;
    char operation[OPERATION_ID_SIZE];
    if (!domain_need(console, &domain)) {
        return;
    }
    struct page_typed typed = {html_form_value(&console->form, "type"),
                               html_form_value(&console->form, "algorithm"),
                               html_form_value(&console->form, "public_key")};
    struct key_input input = {typed.type, typed.algorithm, typed.public_key};
    struct rules_request request = {console->visitor.account, span_of_text(domain.text), "console"};
    if (rules_add_key(console->turn, &request, &input, operation, &refusal)) {
        console_redirect(console,
                         arena_print(console->turn->scratch, "/domains/%s/keys", domain.text));
        return;
    }
    console->status = refusal.code == REFUSAL_DUPLICATE_REQUEST ? 409 : 422;
    page_write_keys(console, &domain, &refusal, &typed);
}

void page_keys_delete(struct console *console)
{
    bool is_confirmed =
        span_equal(html_form_value(&console->form, "confirmed"), SPAN_LITERAL("yes"));
    struct web_deletion deletion = {
        .request = console->request,
        .account = console->visitor.account,
        .domain = console->parts[1],
        .key = console->parts[3],
        .confirmation = is_confirmed ? html_form_value(&console->form, "consequence") : SPAN_EMPTY,
        .visitor = &console->visitor,
    };
    web_begin_deletion(console->turn, &deletion);
}

void page_write_confirmation(struct console *console, const struct domain *domain,
                             const struct domain_key *key, const char *consequence,
                             bool was_unconfirmed)
{
    const char *described = key_describe(key, console->turn->scratch);
    console->status = was_unconfirmed ? 422 : 200;
    console_begin_page(console, "Delete a key", PLACE_DOMAINS, 0);
    page_head_write(console, domain, "Delete a key?");
    struct writer *page = &console->page;
    if (was_unconfirmed) {
        writer_text(page, "<div class=\"fault\" role=\"alert\"><h2>What would happen has "
                          "changed</h2><p>Read the consequence again and confirm it.</p></div>");
    }
    HTML_FILL(page, "<section class=\"card narrow\"><h2>{}</h2><p class=\"consequence\">{}</p>",
              described, consequence);
    HTML_FILL(page,
              "<p>Delete keys here before you switch DNSSEC off at your DNS provider, and wait "
              "at least {} in between; up to three days are advised.</p>",
              console_duration(console, rules_ds_ttl_s(domain)));
    HTML_FILL(page, "<form method=\"post\" action=\"/domains/{}/keys/{}/delete\">", domain->text,
              key->id);
    console_write_csrf(console);
    HTML_FILL(page,
              "<input type=\"hidden\" name=\"consequence\" value=\"{}\"><label class=\"choice\">"
              "<input type=\"checkbox\" name=\"confirmed\" value=\"yes\" required><span>I "
              "understand: {}</span></label>",
              consequence, consequence);
    HTML_FILL(
        page,
        "<p class=\"actions\"><button class=\"button danger\" type=\"submit\">Delete</button> "
        "<a class=\"button second\" href=\"/domains/{}/keys\">Keep the key</a></p></form>"
        "</section>",
        domain->text);
    console_end_page(console);
}
