/* Fields that every response carries, and who a request is for. */
#include "service/registrar/web.h"

#include <stdio.h>
#include <string.h>

#include "service/registrar/api.h"
#include "service/registrar/console.h"

/* Nothing but our own stylesheet and our own forms: a page with injected markup stays inert. */
static const char POLICY[] = "default-src 'none'; style-src 'self'; img-src 'self'; form-action "
                             "'self'; base-uri 'none'; frame-ancestors 'none'";

struct span web_field(const struct event_http *http, const char *name)
{
    for (size_t i = 0; i < http->field_count; i++) {
        if (span_equal_nocase(http->fields[i].name, span_of_text(name))) {
            return http->fields[i].value;
        }
    }
    return SPAN_EMPTY;
}

static void field_add(struct effect_http *effect, const char *name, const char *value)
{
    if (value != NULL && name != NULL) {
        require(effect->field_count < EFFECT_HTTP_FIELDS_MAX);
        effect->fields[effect->field_count++] =
            (struct http_field){span_of_text(name), span_of_text(value)};
    }
}

void web_respond(struct turn *turn, const struct web_response *response)
{
    struct effect_http *effect = &outbox_add(turn->outbox, EFFECT_HTTP)->http;
    effect->request = response->request;
    effect->status = response->status;
    effect->body = response->body;
    field_add(effect, "Content-Type", response->type);
    field_add(effect, "Cache-Control", response->may_be_kept ? "max-age=3600" : "no-store");
    field_add(effect, "Content-Security-Policy", POLICY);
    field_add(effect, "X-Content-Type-Options", "nosniff");
    field_add(effect, "X-Frame-Options", "DENY");
    field_add(effect, "Referrer-Policy", "same-origin");
    field_add(effect, "Cross-Origin-Opener-Policy", "same-origin");
    field_add(effect, "Cross-Origin-Resource-Policy", "same-origin");
    if (turn->registrar->options.is_https) {
        field_add(effect, "Strict-Transport-Security", "max-age=31536000");
    }
    field_add(effect, "Location", response->location);
    for (size_t i = 0; i < LEN(response->cookies); i++) {
        field_add(effect, "Set-Cookie", response->cookies[i]);
    }
    field_add(effect, response->extra_name, response->extra_value);
}

void web_take(struct turn *turn)
{
    const struct event_http *http = &turn->event->http;
    bool is_api =
        span_equal(http->path, SPAN_LITERAL("/")) &&
        (web_field(http, "X-Amz-Target").len > 0 || web_field(http, "Authorization").len > 0);
    if (is_api) {
        api_take(turn);
    } else {
        console_take(turn);
    }
}

static void deletion_answer(struct turn *turn, const struct held *held, const char *operation,
                            const struct refusal *refusal)
{
    if (held->is_api) {
        api_answer_deletion(turn, held, operation, refusal);
    } else {
        console_answer_deletion(turn, held, operation, refusal);
    }
}

/* The consequence is known: delete, or say what must be confirmed. */
static void deletion_end(struct turn *turn, const struct held *held, const char *consequence)
{
    struct refusal refusal;
    char operation[OPERATION_ID_SIZE];
    struct rules_request request = {held->account, span_of_text(held->domain),
                                    held->is_api ? "api" : "console"};
    bool is_accepted = rules_delete_key(turn, &request, span_of_text(held->key), consequence,
                                        span_of_text(held->confirmation), operation, &refusal);
    deletion_answer(turn, held, is_accepted ? operation : NULL, &refusal);
}

static void span_keep(char *text, size_t size, struct span span)
{
    size_t len = span.len < size - 1 ? span.len : size - 1;
    memset(text, 0, size);
    if (len > 0) {
        memcpy(text, span.bytes, len);
    }
}

static struct held *held_take(struct turn *turn)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (turn->registrar->held[i].kind == HELD_NONE) {
            return &turn->registrar->held[i];
        }
    }
    return NULL;
}

/* A look at the keys that would stay. False when none can be begun now. */
static bool deletion_look(struct turn *turn, const struct held *asked, const struct domain *domain,
                          const struct domain_key *gone)
{
    struct domain_key *left = arena_take_array(turn->scratch, domain->key_count, sizeof *left);
    struct held *held = held_take(turn);
    size_t count = 0;
    if (left == NULL || held == NULL) {
        return false;
    }
    for (size_t i = 0; i < domain->key_count; i++) {
        if (&domain->keys[i] != gone) {
            left[count++] = domain->keys[i];
        }
    }
    struct look_order order = {.purpose = LOOK_DELETE,
                               .domain = domain->text,
                               .zone = domain->name,
                               .hosts = domain->hosts,
                               .host_count = domain->host_count,
                               .keys = left,
                               .key_count = count};
    *held = *asked;
    /* The look may be over before look_begin returns: its number must stand here by then. */
    held->look = turn->registrar->serial + 1;
    if (look_begin(turn, &order) == 0) {
        held->kind = HELD_NONE;
        return false;
    }
    return true;
}

void web_begin_deletion(struct turn *turn, const struct web_deletion *deletion)
{
    struct held held = {.kind = HELD_DELETE,
                        .request = deletion->request,
                        .is_api = deletion->is_api,
                        .account = deletion->account};
    struct refusal refusal;
    struct domain domain;
    const struct domain_key *key;
    char consequence[CONSEQUENCE_SIZE];
    span_keep(held.domain, sizeof held.domain, deletion->domain);
    span_keep(held.key, sizeof held.key, deletion->key);
    span_keep(held.confirmation, sizeof held.confirmation, deletion->confirmation);
    if (deletion->visitor != NULL) {
        held.visitor = *deletion->visitor;
    }
    struct rules_request request = {deletion->account, deletion->domain,
                                    deletion->is_api ? "api" : "console"};
    if (!rules_find_key(turn, &request, deletion->key, &domain, &key, &refusal)) {
        deletion_answer(turn, &held, NULL, &refusal);
    } else if (domain.key_count == 1) {
        rules_consequence(&domain, NULL, consequence);
        deletion_end(turn, &held, consequence);
    } else if (!deletion_look(turn, &held, &domain, key)) {
        refusal = (struct refusal){.code = REFUSAL_INTERNAL};
        snprintf(refusal.sentence, sizeof refusal.sentence,
                 "Too many requests are under way. Nothing was changed; try again in a moment.");
        deletion_answer(turn, &held, NULL, &refusal);
    }
}

void web_take_look(struct turn *turn, const struct look *look)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held *held = &turn->registrar->held[i];
        if (held->kind != HELD_DELETE || held->look != look->serial) {
            continue;
        }
        struct domain domain;
        char consequence[CONSEQUENCE_SIZE] = "";
        if (domain_load(turn->records, &turn->registrar->policy, held->domain, held->account,
                        turn->scratch, &domain) == OK) {
            rules_consequence(&domain, look, consequence);
        }
        struct held kept = *held;
        held->kind = HELD_NONE;
        deletion_end(turn, &kept, consequence);
        return;
    }
}
