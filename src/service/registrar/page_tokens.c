/* API tokens: the list, the form that makes one, and the one page that ever shows its secrets. */
#include "service/registrar/console.h"
#include "service/registrar/token.h"

static void token_row_write(struct console *console, const struct token_row *row)
{
    struct writer *page = &console->page;
    HTML_FILL(page, "<tr><th scope=\"row\">{}<span class=\"mono soft row-id\">{}</span></th>",
              row->label[0] != '\0' ? row->label : "(without a name)", row->id);
    HTML_FILL(page, "<td><span class=\"cell-label\">Made </span>{}</td>",
              console_time(console, row->created_s));
    if (row->used_s == 0) {
        writer_text(page, "<td><span class=\"cell-label\">Last used </span>never</td>");
    } else {
        HTML_FILL(page, "<td><span class=\"cell-label\">Last used </span>{}</td>",
                  console_time(console, row->used_s));
    }
    HTML_FILL(page, "<td><form method=\"post\" action=\"/tokens/{}/revoke\">", row->id);
    console_write_csrf(console);
    HTML_FILL(page,
              "<button class=\"button danger\" type=\"submit\">Revoke<span class=\"unseen\"> "
              "{}</span></button></form></td></tr>",
              row->id);
}

static void list_write(struct console *console, const struct token_row *rows, size_t count)
{
    struct writer *page = &console->page;
    if (count == 0) {
        writer_text(page, "<section class=\"card empty\"><h2>No tokens yet</h2><p>A program that "
                          "manages keys for this account needs one.</p></section>");
        return;
    }
    writer_text(page, "<div class=\"card flush\"><table class=\"stack\"><thead><tr><th "
                      "scope=\"col\">Token</th><th scope=\"col\">Made</th><th scope=\"col\">Last "
                      "used</th><th scope=\"col\"><span class=\"unseen\">Revoke</span></th></tr>"
                      "</thead><tbody>");
    for (size_t i = 0; i < count; i++) {
        token_row_write(console, &rows[i]);
    }
    writer_text(page, "</tbody></table></div>");
}

static void form_write(struct console *console)
{
    struct writer *page = &console->page;
    writer_text(page, "<section class=\"card narrow\" aria-labelledby=\"make\"><h2 "
                      "id=\"make\">Make a token</h2><form method=\"post\" action=\"/tokens\">");
    console_write_csrf(console);
    writer_print(page,
                 "<div class=\"field\"><label for=\"label\">Name</label><input id=\"label\" "
                 "name=\"label\" maxlength=\"%d\" autocomplete=\"off\"><p class=\"hint\">What it "
                 "is for; only you see it.</p></div><button class=\"button\" "
                 "type=\"submit\">Make a token</button></form></section>",
                 TOKEN_LABEL_LEN_MAX);
}

static void made_write(struct console *console, const struct token *token)
{
    struct writer *page = &console->page;
    writer_text(page, "<section class=\"card made\" role=\"status\" aria-labelledby=\"made\"><h2 "
                      "id=\"made\">The new token</h2><p>This is shown only once. Copy it now, and "
                      "keep it secret: it can change the keys of every domain of this account."
                      "</p><dl class=\"facts\">");
    HTML_FILL(page,
              "<dt>Bearer token</dt><dd class=\"mono wrap\">{}</dd><dt>Access key id (for AWS "
              "tools)</dt><dd class=\"mono wrap\">{}</dd><dt>Secret access key</dt><dd "
              "class=\"mono wrap\">{}</dd></dl></section>",
              token->bearer, token->access_key, token->secret);
}

/* `token` NULL: none was made; `fault` NULL: nothing went wrong. */
static void tokens_write(struct console *console, const struct token *token, const char *fault)
{
    struct token_row *rows;
    size_t count;
    if (token_list(console->turn, console->visitor.account, &rows, &count) != OK) {
        console_show_error(console, 500, "The tokens cannot be shown just now",
                           "Please try again in a moment.");
        return;
    }
    console_begin_page(console, "API tokens", PLACE_TOKENS, 0);
    struct writer *page = &console->page;
    writer_text(page, "<div class=\"page-head\"><h1>API tokens</h1><p class=\"lead\">With a token, "
                      "programs list, add and delete keys as you do here: this registrar's "
                      "command line, or the tools of AWS Route 53 Domains.</p></div>");
    if (fault != NULL) {
        HTML_FILL(page,
                  "<div class=\"fault\" role=\"alert\"><h2>That was not done</h2><p>{}</p></div>",
                  fault);
    }
    if (token != NULL) {
        made_write(console, token);
    }
    list_write(console, rows, count);
    form_write(console);
    console_end_page(console);
}

void page_tokens(struct console *console)
{
    tokens_write(console, NULL, NULL);
}

void page_tokens_add(struct console *console)
{
    struct token token;
    enum status status = token_add(console->turn, console->visitor.account,
                                   html_form_value(&console->form, "label"), &token);
    if (status == OK) {
        tokens_write(console, &token, NULL);
    } else if (status == LIMIT_REACHED) {
        console->status = 422;
        tokens_write(console, NULL,
                     arena_print(console->turn->scratch,
                                 "An account has %d tokens at most. Revoke one that is no longer "
                                 "used.",
                                 TOKENS_MAX));
    } else {
        console->status = 500;
        tokens_write(console, NULL, "The token could not be stored just now. Please try again.");
    }
    secret_wipe(&token, sizeof token);
}

void page_tokens_revoke(struct console *console)
{
    enum status status = token_revoke(console->turn, console->visitor.account, console->parts[1]);
    if (status == OK || status == NOT_FOUND) {
        console_redirect(console, "/tokens"); /* gone either way */
        return;
    }
    console->status = 500;
    tokens_write(console, NULL, "The token could not be revoked just now. Please try again.");
}
