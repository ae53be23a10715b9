/* Signing in and out. The form of somebody who has no session yet is bound to a cookie of its own.
 */
#include <stdio.h>

#include "core/crypto/digest.h"
#include "service/registrar/console.h"
#include "service/registrar/web.h"

static bool is_https(const struct console *console)
{
    return console->turn->registrar->options.is_https;
}

static const char *cookie_make(struct console *console, const char *name, const char *value,
                               const char *more)
{
    return arena_print(console->turn->scratch, "%s%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s",
                       is_https(console) ? "__Host-" : "", name, value,
                       is_https(console) ? "; Secure" : "", more);
}

/* The token of the cookie that the sign-in form is bound to; a new one where there is none. */
static const char *form_token(struct console *console)
{
    struct span field = console->http == NULL ? SPAN_EMPTY : web_field(console->http, "Cookie");
    struct span sent = html_cookie(field, is_https(console) ? "__Host-vouch-form" : "vouch-form");
    char fresh[SECRET_TEXT_SIZE];
    if (sent.len == SECRET_TEXT_SIZE - 1) {
        const char *kept = arena_text(console->turn->scratch, sent);
        return kept == NULL ? "" : kept;
    }
    account_make_secret(console->turn, fresh);
    console->cookies[0] = cookie_make(console, "vouch-form", fresh, "");
    const char *kept = arena_text(console->turn->scratch, span_of_text(fresh));
    return kept == NULL ? "" : kept;
}

static void sign_in_write(struct console *console, struct span email, const char *fault)
{
    char proof[SECRET_TEXT_SIZE] = "";
    const char *token = form_token(console);
    if (account_derive(span_of_text(token), "sign-in", proof) != OK) {
        proof[0] = '\0';
    }
    const char *typed = arena_text(console->turn->scratch, email);
    console_begin_page(console, "Sign in", PLACE_NONE, 0);
    struct writer *page = &console->page;
    writer_text(page, "<section class=\"card sign-in\"><h1>Sign in</h1>");
    if (fault[0] != '\0') {
        HTML_FILL(page,
                  "<div class=\"fault\" role=\"alert\" id=\"fault\"><h2>Not signed in</h2><p>{}</p>"
                  "</div>",
                  fault);
    }
    const char *described =
        fault[0] != '\0' ? " aria-describedby=\"fault\" aria-invalid=\"true\"" : "";
    writer_text(page, "<form method=\"post\" action=\"/sign-in\">");
    HTML_FILL(page, "<input type=\"hidden\" name=\"proof\" value=\"{}\">", proof);
    writer_text(page, "<div class=\"field\"><label for=\"email\">E-mail address</label>");
    HTML_FILL(page,
              "<input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" "
              "required maxlength=\"254\" value=\"{}\"",
              typed == NULL ? "" : typed);
    writer_print(page, "%s></div>", described);
    writer_print(page,
                 "<div class=\"field\"><label for=\"password\">Password</label><input "
                 "id=\"password\" name=\"password\" type=\"password\" "
                 "autocomplete=\"current-password\" required maxlength=\"256\"%s></div>"
                 "<button class=\"button wide\" type=\"submit\">Sign in</button></form></section>",
                 described);
    console_end_page(console);
}

void page_sign_in(struct console *console)
{
    if (console->visitor.account != 0) {
        console_redirect(console, "/domains");
        return;
    }
    sign_in_write(console, SPAN_EMPTY, "");
}

void page_sign_in_send(struct console *console)
{
    char proof[SECRET_TEXT_SIZE];
    char token[SECRET_TEXT_SIZE];
    struct problem problem = {0};
    struct span email = html_form_value(&console->form, "email");
    const char *bound = form_token(console);
    bool is_bound = console->cookies[0] == NULL &&
                    account_derive(span_of_text(bound), "sign-in", proof) == OK &&
                    secret_equal(span_of_text(proof), html_form_value(&console->form, "proof"));
    if (!is_bound) {
        console->status = 403;
        sign_in_write(console, email,
                      "This form had expired, or cookies are switched off. Please try again.");
        return;
    }
    enum status status =
        account_sign_in(console->turn, email, html_form_value(&console->form, "password"),
                        console->http->peer, token, &problem);
    if (status != OK) {
        console->status = status == BUSY ? 429 : status == REFUSED ? 403 : 500;
        sign_in_write(console, email, problem.sentence);
        return;
    }
    /* A session from before, whoever's it was, ends: the token is always a new one. */
    if (console->visitor.account != 0) {
        account_sign_out(console->turn, &console->visitor);
    }
    console->cookies[0] = cookie_make(console, "vouch", token, "");
    console->cookies[1] = cookie_make(console, "vouch-form", "", "; Max-Age=0");
    console_redirect(console, "/domains");
}

void page_sign_out(struct console *console)
{
    account_sign_out(console->turn, &console->visitor);
    console->cookies[0] = cookie_make(console, "vouch", "", "; Max-Age=0");
    console_redirect(console, "/sign-in");
}
