/* Who may call the API, which action is which, and the names of errors. */
#include "service/registrar/api.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/proto/aws.h"
#include "service/registrar/api_call.h"
#include "service/registrar/token.h"
#include "service/registrar/web.h"

enum { API_BODY_SIZE = 512 * 1024, PAGE_ITEMS_DEFAULT = 20, PAGE_ITEMS_MAX = 100 };

static const char TYPE_JSON[] = "application/x-amz-json-1.1";
static const char TARGET_AWS[] = "Route53Domains_v20140515.";
static const char TARGET_OURS[] = "Vouch_v1.";

struct api_error {
    uint64_t request;
    uint16_t status;
    const char *name, *sentence;
    const char *consequence; /* NULL or empty: none */
    const char *operation;   /* likewise; by which the refusal is told */
};

static void error_respond(struct turn *turn, const struct api_error *error)
{
    enum { ERROR_SIZE = 4096 };
    uint8_t *bytes = arena_take(turn->scratch, ERROR_SIZE);
    struct writer body = writer_over(bytes, bytes == NULL ? 0 : ERROR_SIZE);
    struct json_writer json = json_over(&body);
    json_open_object(&json, NULL);
    json_write_words(&json, "__type", error->name);
    json_write_words(&json, "message", error->sentence);
    if (error->consequence != NULL && error->consequence[0] != '\0') {
        json_write_words(&json, "Consequence", error->consequence);
    }
    if (error->operation != NULL && error->operation[0] != '\0') {
        json_write_words(&json, "RefusedAs", error->operation);
    }
    json_close_object(&json);
    struct web_response response = {.request = error->request,
                                    .status = error->status,
                                    .type = TYPE_JSON,
                                    .body = writer_written(&body),
                                    .extra_name = "x-amzn-ErrorType",
                                    .extra_value = error->name};
    web_respond(turn, &response);
}

void api_refuse(struct turn *turn, uint64_t request, const struct refusal *refusal)
{
    struct api_error error = {.request = request,
                              .status = refusal->code == REFUSAL_INTERNAL ? 500 : 400,
                              .name = rules_error_name(refusal->code),
                              .sentence = refusal->sentence,
                              .consequence = refusal->consequence,
                              .operation = refusal->operation};
    error_respond(turn, &error);
}

static void call_fail_with(struct call *call, uint16_t status, const char *name,
                           const char *sentence)
{
    struct api_error error = {.request = call->turn->event->http.request,
                              .status = status,
                              .name = name,
                              .sentence = sentence};
    error_respond(call->turn, &error);
}

void api_fail(struct call *call, const char *name, const char *sentence)
{
    call_fail_with(call, 400, name, sentence);
}

void api_fail_internal(struct call *call)
{
    call_fail_with(call, 500, "InternalFailure",
                   "The records could not be read just now; try again.");
}

void api_respond(struct call *call)
{
    if (call->body.status != OK) {
        api_fail_internal(call);
        return;
    }
    struct web_response response = {.request = call->turn->event->http.request,
                                    .status = 200,
                                    .type = TYPE_JSON,
                                    .body = writer_written(&call->body)};
    web_respond(call->turn, &response);
}

void api_respond_operation(struct turn *turn, uint64_t request, const char *operation)
{
    const char *body = arena_print(turn->scratch, "{\"OperationId\":\"%s\"}", operation);
    struct web_response response = {.request = request,
                                    .status = 200,
                                    .type = TYPE_JSON,
                                    .body = span_of_text(body == NULL ? "{}" : body)};
    web_respond(turn, &response);
}

bool api_read_page(struct call *call, int64_t *items, int64_t *offset)
{
    struct span marker = json_member_text(call->input, "Marker");
    uint64_t value = 0;
    *items = json_member_integer(call->input, "MaxItems", PAGE_ITEMS_DEFAULT);
    if (*items < 1 || *items > PAGE_ITEMS_MAX) {
        api_fail(call, "InvalidInput", "MaxItems must be 1 to 100.");
        return false;
    }
    if (marker.len > 0 && text_read_u64(marker, INT32_MAX, &value) != OK) {
        api_fail(call, "InvalidInput", "The Marker is not one that a response gave.");
        return false;
    }
    *offset = (int64_t)value;
    return true;
}

void api_end_page(struct call *call, size_t count, int64_t items, int64_t offset)
{
    json_close_list(&call->json);
    if ((int64_t)count > items) {
        char marker[24];
        snprintf(marker, sizeof marker, "%lld", (long long)(offset + items));
        json_write_words(&call->json, "NextPageMarker", marker);
    }
    json_close_object(&call->json);
    api_respond(call);
}

static const struct {
    const char *prefix;
    const char *action;
    void (*run)(struct call *call);
} actions[] = {
    {TARGET_AWS, "ListDomains", api_list_domains},
    {TARGET_AWS, "GetDomainDetail", api_get_domain_detail},
    {TARGET_AWS, "AssociateDelegationSignerToDomain", api_associate},
    {TARGET_AWS, "DisassociateDelegationSignerFromDomain", api_disassociate},
    {TARGET_AWS, "GetOperationDetail", api_get_operation_detail},
    {TARGET_AWS, "ListOperations", api_list_operations},
    {TARGET_OURS, "ListTlds", api_list_tlds},
    {TARGET_OURS, "GetOperationEvidence", api_get_operation_evidence},
};

static enum status signature_check(struct call *call, struct span field, struct problem *problem)
{
    struct turn *turn = call->turn;
    const struct event_http *http = &turn->event->http;
    struct aws_authorization authorization;
    struct aws_field *fields;
    struct span secret;
    enum status status = aws_read_authorization(field, &authorization, problem);
    if (status != OK) {
        return status;
    }
    if (http->field_count > AWS_FIELDS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d header fields", AWS_FIELDS_MAX);
    }
    fields = arena_take_array(turn->scratch, http->field_count, sizeof *fields);
    if (fields == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < http->field_count; i++) {
        fields[i] = (struct aws_field){http->fields[i].name, http->fields[i].value};
    }
    struct aws_request request = {http->method, http->target, fields, http->field_count,
                                  http->body};
    if (token_of_access_key(turn, authorization.access_key, &call->account, &secret) != OK) {
        return problem_set(problem, NOT_FOUND,
                           "The security token included in the request is invalid.");
    }
    status =
        aws_check_signature(&request, &authorization, secret, turn->now_s, turn->scratch, problem);
    if (status == OK) {
        token_note_use(turn, authorization.access_key);
    }
    return status;
}

/* Sets the account, or has refused already. */
static bool call_authenticate(struct call *call)
{
    struct span field = web_field(&call->turn->event->http, "Authorization");
    struct problem problem = {0};
    if (field.len > 7 && span_equal_nocase(span_part(field, 0, 7), SPAN_LITERAL("Bearer "))) {
        if (token_of_bearer(call->turn, span_part(field, 7, field.len - 7), &call->account) == OK) {
            return true;
        }
        call_fail_with(call, 403, "AccessDeniedException", "The bearer token is not known.");
        return false;
    }
    if (field.len == 0) {
        call_fail_with(call, 403, "MissingAuthenticationTokenException",
                       "The request needs a Signature Version 4 or a bearer token.");
        return false;
    }
    enum status status = signature_check(call, field, &problem);
    if (status == OK) {
        return true;
    }
    const char *name = status == NOT_FOUND  ? "UnrecognizedClientException"
                       : status == MISMATCH ? "InvalidSignatureException"
                       : status == EXPIRED  ? "InvalidSignatureException"
                                            : "IncompleteSignatureException";
    call_fail_with(call, 403, name, problem.sentence);
    return false;
}

void api_take(struct turn *turn)
{
    const struct event_http *http = &turn->event->http;
    struct call call = {.turn = turn};
    struct problem problem = {0};
    if (!span_equal(http->method, SPAN_LITERAL("POST"))) {
        api_fail(&call, "InvalidAction", "The API takes POST requests.");
        return;
    }
    if (!call_authenticate(&call)) {
        return;
    }
    struct span body = http->body.len == 0 ? SPAN_LITERAL("{}") : http->body;
    if (json_read(body, turn->scratch, &call.input, &problem) != OK ||
        call.input->kind != JSON_NODE_OBJECT) {
        api_fail(&call, "SerializationException",
                 problem.sentence[0] != '\0' ? problem.sentence : "The body is no JSON object.");
        return;
    }
    struct span target = web_field(http, "X-Amz-Target");
    uint8_t *bytes = arena_take(turn->scratch, API_BODY_SIZE);
    call.body = writer_over(bytes, bytes == NULL ? 0 : API_BODY_SIZE);
    call.json = json_over(&call.body);
    for (size_t i = 0; i < LEN(actions); i++) {
        size_t len = strlen(actions[i].prefix);
        bool is_it =
            target.len > len &&
            span_equal(span_part(target, 0, len), span_of_text(actions[i].prefix)) &&
            span_equal(span_part(target, len, target.len - len), span_of_text(actions[i].action));
        if (is_it) {
            actions[i].run(&call);
            return;
        }
    }
    api_fail(&call, "UnknownOperationException", "There is no such action.");
}
