/* The tour as a browser, an API client and a reader of mail. Knows cookies, forms and the mailbox.
 */
#include "command/tour/evidence.h"

#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_LEN_MAX = 1 << 20, HTTP_TIMEOUT_MS = 10000, MAIL_LEN_MAX = 1 << 16, POLL_MS = 50 };

struct body {
    struct tour *tour;
    char *text;
    size_t len;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct body *body = user;
    size_t len = size * count;
    if (body->len + len > BODY_LEN_MAX) {
        return 0;
    }
    memcpy(body->text + body->len, bytes, len);
    body->len += len;
    return len;
}

/* Keeps "name=value" of a Set-Cookie line in place of an older one of that name. */
static void cookie_keep(struct tour *tour, const char *line)
{
    size_t len = strcspn(line, ";\r\n");
    size_t name_len = strcspn(line, "=");
    char kept[sizeof tour->cookies] = "";
    struct writer writer = writer_over(kept, sizeof kept - 1);
    for (const char *at = tour->cookies; *at != '\0';) {
        size_t one = strcspn(at, ";");
        if (strncmp(at, line, name_len + 1) != 0) {
            writer_print(&writer, "%s%.*s", writer.len == 0 ? "" : "; ", (int)one, at);
        }
        at += one;
        at += strspn(at, "; ");
    }
    writer_print(&writer, "%s%.*s", writer.len == 0 ? "" : "; ", (int)len, line);
    memcpy(tour->cookies, kept, sizeof kept);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *user)
{
    struct tour *tour = user;
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)(size * count), bytes);
    if (strncasecmp(line, "set-cookie:", 11) == 0) {
        cookie_keep(tour, line + 11 + strspn(line + 11, " "));
    }
    return size * count;
}

struct request {
    const char *path;
    const char *post; /* NULL: GET */
    const char *headers[3];
    bool is_browser; /* cookies are kept and sent */
};

/* The status, 0 when there was no answer; the body in `body`; where a redirect leads in `location`.
 */
static long http_ask(struct tour *tour, const struct request *request, char **body, char **location)
{
    static char text[BODY_LEN_MAX + 1]; /* only what came goes into the arena: polls are many */
    struct body taken = {tour, text, 0};
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        *body = tour_text(tour, "no memory");
        return 0;
    }
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < LEN(request->headers) && request->headers[i] != NULL; i++) {
        headers = curl_slist_append(headers, request->headers[i]);
    }
    curl_easy_setopt(curl, CURLOPT_URL,
                     tour_text(tour, "http://127.%u.%s:%u%s", tour->lab->net, LAB_CONSOLE,
                               tour->lab->http_port, request->path));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HTTP_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
    if (request->is_browser) {
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, tour);
        curl_easy_setopt(curl, CURLOPT_COOKIE, tour->cookies[0] == '\0' ? NULL : tour->cookies);
    }
    if (request->post != NULL) {
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request->post);
    }
    long status = 0;
    char *redirect = NULL;
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
    }
    text[taken.len] = '\0';
    *body = tour_text(tour, "%s", text);
    *location = redirect == NULL ? NULL : tour_text(tour, "%s", redirect);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

/* The path of an absolute URL. */
static const char *url_path(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host == NULL ? url : strchr(host + 3, '/');
    return path == NULL ? "/" : path;
}

char *tour_page(struct tour *tour, const char *path, const char *form)
{
    enum { REDIRECTS_MAX = 5 };
    struct request request = {.path = path, .post = form, .is_browser = true};
    char *origin = tour_text(tour, "Origin: http://127.%u.%s:%u", tour->lab->net, LAB_CONSOLE,
                             tour->lab->http_port);
    request.headers[0] = form == NULL ? NULL : origin;
    for (int i = 0; i < REDIRECTS_MAX; i++) {
        char *body, *location;
        long status = http_ask(tour, &request, &body, &location);
        if (location == NULL) {
            return tour_text(tour, "HTTP %ld\n%s", status, body);
        }
        request = (struct request){.path = url_path(location), .is_browser = true};
    }
    return tour_text(tour, "HTTP 0\ntoo many redirects");
}

/* A few entities back to what they stand for. */
static size_t entity(const char *at, char *octet)
{
    static const struct {
        const char *entity;
        char octet;
    } rows[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strncmp(at, rows[i].entity, strlen(rows[i].entity)) == 0) {
            *octet = rows[i].octet;
            return strlen(rows[i].entity);
        }
    }
    *octet = *at;
    return 1;
}

/* The value of an attribute inside the tag that begins at `tag`; NULL when it has none. */
static char *attribute(struct tour *tour, const char *tag, const char *name)
{
    const char *end = tag + strcspn(tag, ">");
    const char *at = strstr(tag, tour_text(tour, " %s=\"", name));
    if (at == NULL || at > end) {
        return NULL;
    }
    at += strlen(name) + 3;
    char *value = arena_take(&tour->arena, (size_t)(end - at) + 1);
    for (size_t len = 0; value != NULL && *at != '"' && at < end; len++) {
        at += entity(at, &value[len]);
    }
    return value;
}

/* From the tag at `from` up to `close`, without tags. */
static char *inner_text(struct tour *tour, const char *from, const char *close)
{
    const char *end = strstr(from, close);
    char *part = tour_text(tour, "%.*s", end == NULL ? 0 : (int)(end - from), from);
    return tour_page_text(tour, part, NULL, strlen(part));
}

char *tour_follow(struct tour *tour, const char *page, const char *text)
{
    for (const char *at = strstr(page, "<a "); at != NULL; at = strstr(at + 1, "<a ")) {
        char *href = attribute(tour, at, "href");
        if (href != NULL && strstr(inner_text(tour, at, "</a>"), text) != NULL) {
            return tour_page(tour, href, NULL);
        }
    }
    return tour_text(tour, "no link %s", text);
}

/* The hidden fields of the form's text, url-encoded, then the caller's. */
static char *form_fields(struct tour *tour, const char *form, const char *fields)
{
    char *all = tour_text(tour, "%s", fields);
    for (const char *at = strstr(form, "<input"); at != NULL; at = strstr(at + 1, "<input")) {
        char *type = attribute(tour, at, "type");
        char *name = attribute(tour, at, "name");
        char *value = attribute(tour, at, "value");
        if (type != NULL && strcmp(type, "hidden") == 0 && name != NULL && value != NULL) {
            all = tour_text(tour, "%s%s%s=%s", all, all[0] == '\0' ? "" : "&",
                            tour_encode(tour, name), tour_encode(tour, value));
        }
    }
    return all;
}

char *tour_submit(struct tour *tour, const char *page, const char *after, const char *button,
                  const char *fields)
{
    const char *from = after == NULL ? page : strstr(page, after);
    for (const char *at = from == NULL ? NULL : strstr(from, "<form"); at != NULL;
         at = strstr(at + 1, "<form")) {
        const char *end = strstr(at, "</form>");
        char *form = tour_text(tour, "%.*s", end == NULL ? 0 : (int)(end - at), at);
        const char *wanted = strstr(form, "<button");
        char *action = attribute(tour, at, "action");
        if (wanted != NULL && action != NULL &&
            strstr(inner_text(tour, wanted, "</button>"), button) != NULL) {
            return tour_page(tour, action, form_fields(tour, form, fields));
        }
    }
    return tour_text(tour, "no form %s", button);
}

char *tour_encode(struct tour *tour, const char *text)
{
    char *encoded = curl_easy_escape(NULL, text, 0);
    char *kept = tour_text(tour, "%s", encoded == NULL ? "" : encoded);
    curl_free(encoded);
    return kept;
}

char *tour_page_text(struct tour *tour, const char *page, const char *from, size_t len)
{
    char *text = arena_take(&tour->arena, strlen(page) + 1);
    if (text == NULL) {
        return tour_text(tour, "%s", "");
    }
    size_t at = 0;
    bool is_blank = true;
    const char *body = strstr(page, "<body");
    for (const char *next = body == NULL ? page : body; *next != '\0';) {
        char octet = ' ';
        if (*next == '<') {
            next += strcspn(next, ">");
            next += *next == '>';
        } else {
            next += entity(next, &octet);
        }
        bool is_space = isspace((unsigned char)octet) != 0;
        if (!is_space || !is_blank) {
            text[at++] = is_space ? ' ' : octet;
        }
        is_blank = is_space;
    }
    const char *start = from == NULL ? text : strstr(text, from);
    return start == NULL ? tour_text(tour, "%s", "") : tour_text(tour, "%.*s", (int)len, start);
}

char *tour_api(struct tour *tour, const char *action, const char *json)
{
    char *body, *location;
    struct request request = {
        .path = "/",
        .post = json,
        .headers = {"Content-Type: application/x-amz-json-1.1",
                    tour_text(tour, "X-Amz-Target: %s%s",
                              strchr(action, '.') == NULL ? "Route53Domains_v20140515." : "",
                              action),
                    tour_text(tour, "Authorization: Bearer %s",
                              tour->api_token == NULL ? "" : tour->api_token)}};
    http_ask(tour, &request, &body, &location);
    return body;
}

char *tour_json(struct tour *tour, const char *text, const char *path)
{
    json_t *root = json_loads(text, 0, NULL);
    json_t *at = root;
    char *found = NULL;
    while (at != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        char *word = tour_text(tour, "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(word, NULL, 10))
                               : json_object_get(at, word);
        path += len + (path[len] == '.');
    }
    if (json_is_string(at)) {
        found = tour_text(tour, "%s", json_string_value(at));
    } else if (at != NULL) {
        char *dumped = json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT);
        found = tour_text(tour, "%s", dumped == NULL ? "" : dumped);
        free(dumped);
    }
    json_decref(root);
    return found;
}

void tour_await_dnssec(struct tour *tour, const char *domain, const char *word, unsigned timeout_ms)
{
    int64_t end_ms = tour_mono_ms() + timeout_ms;
    char *asked = tour_text(tour, "{\"DomainName\":\"%s\"}", domain);
    for (;;) {
        char *seen = tour_json(tour, tour_api(tour, "GetDomainDetail", asked), "DnsSec");
        if ((seen != NULL && strcmp(seen, word) == 0) || tour_mono_ms() >= end_ms) {
            return;
        }
        tour_pause(POLL_MS);
    }
}

char *tour_operation(struct tour *tour, const char *operation, unsigned timeout_ms)
{
    int64_t end_ms = tour_mono_ms() + timeout_ms;
    char *asked = tour_text(tour, "{\"OperationId\":\"%s\"}", operation);
    for (;;) {
        char *answer = tour_api(tour, "GetOperationDetail", asked);
        char *status = tour_json(tour, answer, "Status");
        bool is_ended =
            status != NULL && (strcmp(status, "SUCCESSFUL") == 0 || strcmp(status, "FAILED") == 0 ||
                               strcmp(status, "ERROR") == 0);
        if (is_ended || tour_mono_ms() >= end_ms) {
            return answer;
        }
        tour_pause(POLL_MS);
    }
}

/* Into `text`; empty when it cannot be read. The name is not kept: polls are many. */
static void mail_read(const char *name, char text[MAIL_LEN_MAX + 1])
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "mail/new/%s", name);
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(text, 1, MAIL_LEN_MAX, file);
    text[len] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

/* How many mails have `about` in them; one of them, copied, in `found`. */
static unsigned mails_find(struct tour *tour, const char *about, char **found)
{
    unsigned count = 0;
    DIR *folder = opendir("mail/new");
    if (folder == NULL) {
        return 0;
    }
    static char text[MAIL_LEN_MAX + 1];
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        mail_read(entry->d_name, text);
        if (strstr(text, about) != NULL) {
            *found = tour_text(tour, "%s", text);
            count++;
        }
    }
    closedir(folder);
    return count;
}

unsigned tour_mail_count(struct tour *tour, const char *about)
{
    char *ignored;
    return mails_find(tour, about, &ignored);
}

char *tour_mail(struct tour *tour, const char *about, unsigned timeout_ms)
{
    int64_t end_ms = tour_mono_ms() + timeout_ms;
    char *found = NULL;
    while (mails_find(tour, about, &found) == 0 && tour_mono_ms() < end_ms) {
        tour_pause(POLL_MS);
    }
    return found == NULL ? tour_text(tour, "%s", "") : found;
}
