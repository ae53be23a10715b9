#pragma once
/* One HTTP listener for console and API: what both need to read a request and to answer it, and the
 * deletion of a key, which answers only when the name servers were looked at. */
#include "service/registrar/state.h"

void web_take(struct turn *turn); /* EVENT_HTTP */
void web_take_look(struct turn *turn, const struct look *look);

/* The value of a field of the request being handled; empty when absent. */
struct span web_field(const struct event_http *http, const char *name);

struct web_response {
    uint64_t request;
    uint16_t status;
    const char *type;                     /* of the content */
    struct span body;                     /* in scratch or static */
    const char *location;                 /* NULL: none */
    const char *cookies[2];               /* whole Set-Cookie values; NULL: none */
    const char *extra_name, *extra_value; /* NULL: none */
    bool may_be_kept;                     /* by caches: the stylesheet */
};
void web_respond(struct turn *turn, const struct web_response *response);

struct web_deletion {
    uint64_t request;
    bool is_api;
    int64_t account;
    struct span domain, key, confirmation;
    const struct visitor *visitor; /* of the console; else NULL */
};
/* Answers now, or when the look is over, by api_answer_deletion or console_answer_deletion. */
void web_begin_deletion(struct turn *turn, const struct web_deletion *deletion);
