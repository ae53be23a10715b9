/* Which path is which page, who may see it, and that a form that changes something is ours. */
#include "service/registrar/console.h"

#include <stdio.h>
#include <string.h>

#include "core/crypto/digest.h"
#include "service/registrar/style.h"
#include "service/registrar/web.h"

enum route_access {
    ROUTE_OPEN,   /* for everybody */
    ROUTE_SIGNED, /* for who has signed in */
    ROUTE_FORM    /* likewise, and the form must carry the session's proof */
};

struct route {
    const char *method;
    const char *pattern; /* "*" stands for one part */
    enum route_access access;
    void (*run)(struct console *console);
};

static void style_send(struct console *console)
{
    struct web_response response = {.request = console->request,
                                    .status = 200,
                                    .type = "text/css; charset=utf-8",
                                    .body = style_sheet(),
                                    .may_be_kept = true};
    web_respond(console->turn, &response);
}

static void home_send(struct console *console)
{
    console_redirect(console, "/domains");
}

static const struct route routes[] = {
    {"GET", "/style.css", ROUTE_OPEN, style_send},
    {"GET", "/sign-in", ROUTE_OPEN, page_sign_in},
    {"POST", "/sign-in", ROUTE_OPEN, page_sign_in_send},
    {"GET", "/", ROUTE_SIGNED, home_send},
    {"POST", "/sign-out", ROUTE_FORM, page_sign_out},
    {"GET", "/domains", ROUTE_SIGNED, page_domains},
    {"GET", "/domains/*", ROUTE_SIGNED, page_domain},
    {"GET", "/domains/*/keys", ROUTE_SIGNED, page_keys},
    {"POST", "/domains/*/keys", ROUTE_FORM, page_keys_add},
    {"POST", "/domains/*/keys/*/delete", ROUTE_FORM, page_keys_delete},
    {"GET", "/operations", ROUTE_SIGNED, page_operations},
    {"GET", "/operations/*", ROUTE_SIGNED, page_operation},
    {"GET", "/tlds", ROUTE_SIGNED, page_tlds},
    {"GET", "/tokens", ROUTE_SIGNED, page_tokens},
    {"POST", "/tokens", ROUTE_FORM, page_tokens_add},
    {"POST", "/tokens/*/revoke", ROUTE_FORM, page_tokens_revoke},
};

/* The next part of a path, without its slash; an empty one at the end. */
static struct span part_cut(struct span *path)
{
    struct span rest = *path;
    if (rest.len > 0 && rest.bytes[0] == '/') {
        rest = span_part(rest, 1, rest.len - 1);
    }
    const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.bytes, '/', rest.len);
    size_t len = slash == NULL ? rest.len : (size_t)(slash - rest.bytes);
    *path = span_part(rest, len, rest.len - len);
    return span_part(rest, 0, len);
}

static bool path_cut(struct console *console, struct span path)
{
    console->part_count = 0;
    while (path.len > 0) {
        if (console->part_count == PATH_PARTS_MAX) {
            return false;
        }
        console->parts[console->part_count++] = part_cut(&path);
    }
    return true;
}

static bool path_fits(const struct console *console, const char *pattern)
{
    struct span rest = span_of_text(pattern);
    for (size_t i = 0; i < console->part_count; i++) {
        if (rest.len == 0) {
            return false;
        }
        struct span part = part_cut(&rest);
        bool is_any = span_equal(part, SPAN_LITERAL("*")) && console->parts[i].len > 0;
        if (!is_any && !span_equal(part, console->parts[i])) {
            return false;
        }
    }
    return rest.len == 0;
}

static const char *cookie_name(const struct turn *turn)
{
    return turn->registrar->options.is_https ? "__Host-vouch" : "vouch";
}

/* A form sent by another site's page names that site as its origin (or as cross-site). */
static bool is_same_origin(struct console *console)
{
    struct span origin = web_field(console->http, "Origin");
    struct span site = web_field(console->http, "Sec-Fetch-Site");
    struct span host = web_field(console->http, "Host");
    bool is_good_site = site.len == 0 || span_equal(site, SPAN_LITERAL("same-origin")) ||
                        span_equal(site, SPAN_LITERAL("none"));
    if (origin.len == 0) {
        return is_good_site;
    }
    const char *expected =
        arena_print(console->turn->scratch, "%s://%.*s",
                    console->turn->registrar->options.is_https ? "https" : "http", (int)host.len,
                    (const char *)host.bytes);
    return is_good_site && expected != NULL && span_equal_nocase(origin, span_of_text(expected));
}

static bool form_is_ours(struct console *console)
{
    struct span given = html_form_value(&console->form, "csrf");
    return is_same_origin(console) && secret_equal(given, span_of_text(console->visitor.csrf));
}

static void form_refuse(struct console *console)
{
    console_show_error(console, 403, "This form has expired",
                       "It was made for another session. Go back, reload the page, and try again. "
                       "Nothing was changed.");
}

static void route_run(struct console *console, const struct route *route)
{
    bool is_form = route->method[0] == 'P';
    struct span encoded = is_form ? console->http->body : console->http->query;
    if (html_read_form(encoded, console->turn->scratch, &console->form) != OK) {
        console_show_error(console, 400, "The form could not be read",
                           "What was sent is not a form of this console.");
    } else if (route->access != ROUTE_OPEN && console->visitor.account == 0) {
        console_redirect(console, "/sign-in");
    } else if (route->access == ROUTE_FORM && !form_is_ours(console)) {
        form_refuse(console);
    } else if (route->access == ROUTE_OPEN && is_form && !is_same_origin(console)) {
        form_refuse(console);
    } else {
        route->run(console);
    }
}

void console_take(struct turn *turn)
{
    const struct event_http *http = &turn->event->http;
    struct console *console = arena_take(turn->scratch, sizeof *console);
    require(console != NULL);
    console->turn = turn;
    console->http = http;
    console->request = http->request;
    console->status = 200;
    account_visit(turn, html_cookie(web_field(http, "Cookie"), cookie_name(turn)),
                  &console->visitor);
    struct span method = http->method;
    if (span_equal(method, SPAN_LITERAL("HEAD"))) {
        method = SPAN_LITERAL("GET");
    }
    bool is_path_known = false;
    if (path_cut(console, http->path)) {
        for (size_t i = 0; i < LEN(routes); i++) {
            if (!path_fits(console, routes[i].pattern)) {
                continue;
            }
            is_path_known = true;
            if (span_equal(method, span_of_text(routes[i].method))) {
                route_run(console, &routes[i]);
                return;
            }
        }
    }
    if (is_path_known) {
        console_show_error(console, 405, "That cannot be done here",
                           "This page does not take such a request.");
    } else {
        console_show_error(console, 404, "There is no such page",
                           "The address may be mistyped, or the page belongs to another account.");
    }
}

void console_answer_deletion(struct turn *turn, const struct held *held, const char *operation,
                             const struct refusal *refusal)
{
    struct domain domain;
    struct console *console = arena_take(turn->scratch, sizeof *console);
    require(console != NULL);
    console->turn = turn;
    console->request = held->request;
    console->visitor = held->visitor;
    console->status = 200;
    if (operation != NULL) {
        console_redirect(console, arena_print(turn->scratch, "/domains/%s/keys", held->domain));
        return;
    }
    struct rules_request request = {held->account, span_of_text(held->domain), "console"};
    struct refusal unused;
    if (!rules_find_domain(turn, &request, &domain, &unused)) {
        console_show_error(console, 404, "There is no such domain", unused.sentence);
        return;
    }
    const struct domain_key *key = domain_find_key(&domain, span_of_text(held->key));
    if (refusal->code == REFUSAL_NEEDS_CONFIRMATION && key != NULL) {
        page_write_confirmation(console, &domain, key, refusal->consequence,
                                held->confirmation[0] != '\0');
        return;
    }
    console->status = refusal->code == REFUSAL_DUPLICATE_REQUEST ? 409 : 422;
    page_write_keys(console, &domain, refusal, NULL);
}
