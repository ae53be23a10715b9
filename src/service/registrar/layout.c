/* What every page of the console has around it, and the small parts that pages are made of. */
#include <stdio.h>

#include "core/base/text.h"
#include "service/registrar/console.h"
#include "service/registrar/web.h"

/* A shield with a link of a chain in it. */
static const char BRAND[] =
    "<svg class=\"brand-mark\" viewBox=\"0 0 32 32\" aria-hidden=\"true\" focusable=\"false\">"
    "<path class=\"brand-shield\" d=\"M16 2 4 6v9c0 7.2 4.8 12.6 12 15 7.2-2.4 12-7.8 12-15V6z\"/>"
    "<path class=\"brand-link\" d=\"M13.2 18.8 18.8 13.2M12 15l-1.7 1.7a3.5 3.5 0 0 0 5 5L17 "
    "20M20 17l1.7-1.7a3.5 3.5 0 0 0-5-5L15 12\"/></svg>";

struct place_row {
    enum console_place place;
    const char *path;
    const char *words;
};

static const struct place_row places[] = {
    {PLACE_DOMAINS, "/domains", "Registered domains"},
    {PLACE_OPERATIONS, "/operations", "Operations"},
    {PLACE_TLDS, "/tlds", "TLDs"},
    {PLACE_TOKENS, "/tokens", "API tokens"},
};

static void frame_write(struct console *console, enum console_place place)
{
    struct writer *page = &console->page;
    writer_text(page, "<header class=\"top\"><div class=\"top-inner\"><a class=\"brand\" "
                      "href=\"/\">");
    writer_text(page, BRAND);
    HTML_FILL(page, "<span>{}</span></a>", console->turn->registrar->options.name);
    if (console->visitor.account != 0) {
        HTML_FILL(page,
                  "<form class=\"who\" method=\"post\" action=\"/sign-out\"><span "
                  "class=\"who-name\">{}</span>",
                  console->visitor.email);
        console_write_csrf(console);
        writer_text(page, "<button class=\"quiet\" type=\"submit\">Sign out</button></form>");
    }
    writer_text(page, "</div></header><div class=\"frame\">");
    if (console->visitor.account != 0) {
        writer_text(page, "<nav class=\"side\" aria-label=\"Main\"><ul>");
        for (size_t i = 0; i < LEN(places); i++) {
            HTML_FILL(page, "<li><a href=\"{}\"", places[i].path);
            writer_text(page, places[i].place == place ? " aria-current=\"page\"" : "");
            HTML_FILL(page, ">{}</a></li>", places[i].words);
        }
        writer_text(page, "</ul></nav>");
    }
    writer_text(page, "<main id=\"main\" tabindex=\"-1\">");
}

void console_begin_page(struct console *console, const char *title, enum console_place place,
                        unsigned refresh_s)
{
    uint8_t *bytes = arena_take(console->turn->scratch, PAGE_SIZE);
    console->page = writer_over(bytes, bytes == NULL ? 0 : PAGE_SIZE);
    struct writer *page = &console->page;
    writer_text(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                      "<meta name=\"color-scheme\" content=\"light dark\">");
    if (refresh_s != 0) {
        writer_print(page, "<meta http-equiv=\"refresh\" content=\"%u\">", refresh_s);
    }
    HTML_FILL(page,
              "<title>{} \xe2\x80\x93 {}</title><link rel=\"stylesheet\" href=\"/style.css\">"
              "</head>\n<body><a class=\"skip\" href=\"#main\">Skip to the content</a>",
              title, console->turn->registrar->options.name);
    frame_write(console, place);
}

void console_end_page(struct console *console)
{
    writer_text(&console->page, "</main></div></body></html>\n");
    struct web_response response = {.request = console->request,
                                    .status = console->status,
                                    .type = "text/html; charset=utf-8",
                                    .body = writer_written(&console->page),
                                    .cookies = {console->cookies[0], console->cookies[1]}};
    if (console->page.status != OK) {
        response.status = 500;
        response.type = "text/plain; charset=utf-8";
        response.body = SPAN_LITERAL("The page is too large to be shown.\n");
    }
    web_respond(console->turn, &response);
}

void console_redirect(struct console *console, const char *location)
{
    struct web_response response = {.request = console->request,
                                    .status = 303,
                                    .type = "text/plain; charset=utf-8",
                                    .body = SPAN_LITERAL("See the other page.\n"),
                                    .location = location == NULL ? "/" : location,
                                    .cookies = {console->cookies[0], console->cookies[1]}};
    web_respond(console->turn, &response);
}

void console_show_error(struct console *console, uint16_t status, const char *title,
                        const char *sentence)
{
    console->status = status;
    console_begin_page(console, title, PLACE_NONE, 0);
    HTML_FILL(&console->page,
              "<section class=\"card empty\"><h1>{}</h1><p>{}</p><p><a class=\"button\" "
              "href=\"/\">To the start</a></p></section>",
              title, sentence);
    console_end_page(console);
}

void console_write_csrf(struct console *console)
{
    HTML_FILL(&console->page, "<input type=\"hidden\" name=\"csrf\" value=\"{}\">",
              console->visitor.csrf);
}

void console_write_mark(struct writer *page, enum console_mark mark, const char *words)
{
    /* Shape and words say it; the colour repeats it. */
    static const struct {
        const char *class_name;
        const char *shape;
    } rows[] = {
        [MARK_SECURE] = {"secure", "<path d=\"M3 8.5 6.5 12 13 4.5\"/>"},
        [MARK_PENDING] = {"pending", "<path d=\"M8 4v4.5l3 1.5\"/><circle cx=\"8\" cy=\"8\" "
                                     "r=\"6\"/>"},
        [MARK_INSECURE] = {"insecure", "<path d=\"M3 8h10\"/>"},
        [MARK_REFUSED] = {"refused", "<path d=\"M4 4l8 8M12 4l-8 8\"/>"},
        [MARK_PLAIN] = {"plain", "<circle cx=\"8\" cy=\"8\" r=\"2.5\"/>"},
    };
    writer_print(page,
                 "<span class=\"mark %s\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\" "
                 "focusable=\"false\">%s</svg>",
                 rows[mark].class_name, rows[mark].shape);
    HTML_FILL(page, "<span>{}</span></span>", words);
}

const char *console_time(struct console *console, int64_t time_s)
{
    enum { TIME_SIZE = 32, DAY_LEN = 10, MINUTE_LEN = 5 };
    char text[TIME_SIZE] = "";
    struct writer writer = writer_over(text, sizeof text - 1);
    text_write_rfc3339(&writer, time_s);
    const char *line = arena_print(console->turn->scratch, "%.*s %.*s UTC", DAY_LEN, text,
                                   MINUTE_LEN, text + DAY_LEN + 1);
    return line == NULL ? "" : line;
}

const char *console_date(struct console *console, int64_t time_s)
{
    const char *line = arena_print(console->turn->scratch, "%.10s", console_time(console, time_s));
    return line == NULL ? "" : line;
}

const char *console_duration(struct console *console, uint32_t seconds)
{
    static const struct {
        uint32_t seconds;
        const char *one;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (size_t i = 0; i < LEN(units); i++) {
        uint32_t unit = units[i].seconds;
        if (seconds >= 2 * unit || seconds == unit || unit == 1) {
            uint32_t count = (seconds + unit - 1) / unit;
            const char *text = arena_print(console->turn->scratch, "%u %s%s", count, units[i].one,
                                           count == 1 ? "" : "s");
            return text == NULL ? "" : text;
        }
    }
    return "";
}

const char *console_ago(struct console *console, int64_t age_s)
{
    static const struct {
        int64_t seconds;
        const char *one;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (size_t i = 0; i < LEN(units); i++) {
        int64_t count = age_s / units[i].seconds;
        if (count > 0) {
            const char *text = arena_print(console->turn->scratch, "%lld %s%s ago",
                                           (long long)count, units[i].one, count == 1 ? "" : "s");
            return text == NULL ? "" : text;
        }
    }
    return "just now";
}
