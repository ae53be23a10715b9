/* The actions of the API: who may call, what goes in, what comes out, and the names of errors. */
#include "service/registrar/api.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/proto/aws.h"
#include "core/proto/json.h"
#include "service/registrar/notice.h"
#include "service/registrar/web.h"

enum { API_BODY_SIZE = 512 * 1024, PAGE_ITEMS_DEFAULT = 20, PAGE_ITEMS_MAX = 100 };

static const char TYPE_JSON[] = "application/x-amz-json-1.1";
static const char TARGET_AWS[] = "Route53Domains_v20140515.";
static const char TARGET_OURS[] = "Vouch_v1.";

/* One call on its way. */
struct call {
    struct turn *turn;
    int64_t account;
    const struct json_node *input;
    struct writer body;
    struct json_writer json;
};

static void error_respond(struct turn *turn, uint64_t request, uint16_t status, const char *name,
                          const char *sentence, const char *consequence)
{
    enum { ERROR_SIZE = 4096 };
    uint8_t *bytes = arena_take(turn->scratch, ERROR_SIZE);
    struct writer body = writer_over(bytes, bytes == NULL ? 0 : ERROR_SIZE);
    struct json_writer json = json_over(&body);
    json_open_object(&json, NULL);
    json_write_words(&json, "__type", name);
    json_write_words(&json, "message", sentence);
    if (consequence[0] != '\0') {
        json_write_words(&json, "Consequence", consequence);
    }
    json_close_object(&json);
    struct web_response response = {.request = request,
                                    .status = status,
                                    .type = TYPE_JSON,
                                    .body = writer_written(&body),
                                    .extra_name = "x-amzn-ErrorType",
                                    .extra_value = name};
    web_respond(turn, &response);
}

static void call_refuse(struct call *call, const struct refusal *refusal)
{
    uint16_t status = refusal->code == REFUSAL_INTERNAL ? 500 : 400;
    error_respond(call->turn, call->turn->event->http.request, status,
                  rules_error_name(refusal->code), refusal->sentence, refusal->consequence);
}

static void call_fail(struct call *call, const char *name, const char *sentence)
{
    error_respond(call->turn, call->turn->event->http.request, 400, name, sentence, "");
}

static void call_fail_internal(struct call *call)
{
    error_respond(call->turn, call->turn->event->http.request, 500, "InternalFailure",
                  "The records could not be read just now; try again.", "");
}

static void call_respond(struct call *call)
{
    if (call->body.status != OK) {
        call_fail_internal(call);
        return;
    }
    struct web_response response = {.request = call->turn->event->http.request,
                                    .status = 200,
                                    .type = TYPE_JSON,
                                    .body = writer_written(&call->body)};
    web_respond(call->turn, &response);
}

static void operation_id_respond(struct turn *turn, uint64_t request, const char *operation)
{
    const char *body = arena_print(turn->scratch, "{\"OperationId\":\"%s\"}", operation);
    struct web_response response = {.request = request,
                                    .status = 200,
                                    .type = TYPE_JSON,
                                    .body = span_of_text(body == NULL ? "{}" : body)};
    web_respond(turn, &response);
}

/* How many items a page has, and where it begins. False: refused already. */
static bool page_read(struct call *call, int64_t *items, int64_t *offset)
{
    struct span marker = json_member_text(call->input, "Marker");
    uint64_t value = 0;
    *items = json_member_integer(call->input, "MaxItems", PAGE_ITEMS_DEFAULT);
    if (*items < 1 || *items > PAGE_ITEMS_MAX) {
        call_fail(call, "InvalidInput", "MaxItems must be 1 to 100.");
        return false;
    }
    if (marker.len > 0 && text_read_u64(marker, INT32_MAX, &value) != OK) {
        call_fail(call, "InvalidInput", "The Marker is not one that a response gave.");
        return false;
    }
    *offset = (int64_t)value;
    return true;
}

/* Ends a list: the marker of the next page when there is one more row than asked for. */
static void page_end(struct call *call, const struct records_rows *rows, int64_t items,
                     int64_t offset)
{
    json_close_list(&call->json);
    if ((int64_t)rows->count > items) {
        char marker[24];
        snprintf(marker, sizeof marker, "%lld", (long long)(offset + items));
        json_write_words(&call->json, "NextPageMarker", marker);
    }
    json_close_object(&call->json);
    call_respond(call);
}

/* The one condition that matters to scripts: names that begin with a text. */
static struct span domain_prefix(const struct json_node *input)
{
    const struct json_node *conditions = json_member(input, "FilterConditions");
    const struct json_node *condition = conditions == NULL ? NULL : conditions->first_child;
    for (; condition != NULL; condition = condition->next) {
        const struct json_node *values = json_member(condition, "Values");
        bool is_prefix =
            span_equal(json_member_text(condition, "Name"), SPAN_LITERAL("DomainName")) &&
            span_equal(json_member_text(condition, "Operator"), SPAN_LITERAL("BEGINS_WITH"));
        if (is_prefix && values != NULL && values->first_child != NULL) {
            return values->first_child->text;
        }
    }
    return SPAN_EMPTY;
}

static void list_domains(struct call *call)
{
    int64_t items, offset;
    struct records_rows rows;
    if (!page_read(call, &items, &offset)) {
        return;
    }
    struct span prefix = domain_prefix(call->input);
    enum status status = RECORDS_RUN(
        call->turn->records,
        "SELECT name, expires_s FROM domain WHERE account = ? AND SUBSTR(name, 1, ?) = ? "
        "ORDER BY name LIMIT ? OFFSET ?",
        call->turn->scratch, &rows, records_integer(call->account),
        records_integer((int64_t)prefix.len), records_text(prefix), records_integer(items + 1),
        records_integer(offset));
    if (status != OK) {
        call_fail_internal(call);
        return;
    }
    json_open_object(&call->json, NULL);
    json_open_list(&call->json, "Domains");
    for (size_t i = 0; i < rows.count && (int64_t)i < items; i++) {
        json_open_object(&call->json, NULL);
        json_write_text(&call->json, "DomainName", rows.rows[i].values[0].bytes);
        json_write_bool(&call->json, "AutoRenew", false);
        json_write_bool(&call->json, "TransferLock", false);
        json_write_integer(&call->json, "Expiry", rows.rows[i].values[1].integer);
        json_close_object(&call->json);
    }
    page_end(call, &rows, items, offset);
}

static void hosts_write(struct json_writer *json, const struct domain *domain)
{
    json_open_list(json, "Nameservers");
    for (size_t i = 0; i < domain->host_count; i++) {
        json_open_object(json, NULL);
        json_write_words(json, "Name", domain->hosts[i].name);
        json_open_list(json, "GlueIps");
        for (size_t k = 0; k < domain->hosts[i].address_count; k++) {
            char text[ADDRESS_TEXT_MAX];
            json_write_words(json, NULL, address_print(domain->hosts[i].addresses[k], text));
        }
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void keys_write(struct json_writer *json, const struct domain *domain)
{
    json_open_list(json, "DnssecKeys");
    for (size_t i = 0; i < domain->key_count; i++) {
        const struct domain_key *key = &domain->keys[i];
        uint8_t digest[2 * KEY_DIGEST_LEN];
        struct writer hex = writer_over(digest, sizeof digest);
        text_write_base16(&hex, span_of(key->digest, KEY_DIGEST_LEN));
        json_open_object(json, NULL);
        json_write_integer(json, "Algorithm", key->algorithm);
        json_write_integer(json, "Flags", key->flags);
        json_write_words(json, "PublicKey", key->base64);
        json_write_integer(json, "DigestType", DS_DIGEST_SHA256);
        json_write_text(json, "Digest", writer_written(&hex));
        json_write_integer(json, "KeyTag", key->tag);
        json_write_words(json, "Id", key->id);
        json_close_object(json);
    }
    json_close_list(json);
}

/* DNSSEC in a word, for people and scripts. */
static const char *dnssec_word(const struct domain *domain)
{
    static const char *const words[] = {
        [DOMAIN_CHAIN_UNKNOWN] = "unconfirmed",
        [DOMAIN_CHAIN_SECURE] = "secure",
        [DOMAIN_CHAIN_INSECURE] = "unconfirmed",
        [DOMAIN_CHAIN_BOGUS] = "bogus",
    };
    return domain->key_count == 0 ? "unsigned" : words[domain->chain];
}

static void get_domain_detail(struct call *call)
{
    struct turn *turn = call->turn;
    struct domain domain;
    struct refusal refusal;
    struct rules_request request = {call->account, json_member_text(call->input, "DomainName"),
                                    "api"};
    if (!rules_find_domain(turn, &request, &domain, &refusal)) {
        call_refuse(call, &refusal);
        return;
    }
    struct json_writer *json = &call->json;
    json_open_object(json, NULL);
    json_write_words(json, "DomainName", domain.text);
    hosts_write(json, &domain);
    json_write_bool(json, "AutoRenew", false);
    json_open_object(json, "RegistrantContact");
    json_write_words(json, "Email", domain.email);
    json_close_object(json);
    json_write_words(json, "RegistrarName", turn->registrar->options.name);
    json_write_integer(json, "CreationDate", domain.created_s);
    json_write_integer(json, "ExpirationDate", domain.expires_s);
    json_write_words(json, "DnsSec", dnssec_word(&domain));
    json_open_list(json, "StatusList");
    struct operation open;
    if (operation_find_open(turn, domain.text, &open) == OK) {
        json_write_words(json, NULL, "pendingUpdate");
    }
    json_close_list(json);
    keys_write(json, &domain);
    json_close_object(json);
    call_respond(call);
}

static void associate(struct call *call)
{
    const struct json_node *attributes = json_member(call->input, "SigningAttributes");
    char flags[24], algorithm[24];
    char operation[OPERATION_ID_SIZE];
    struct refusal refusal;
    snprintf(flags, sizeof flags, "%lld",
             (long long)json_member_integer(attributes, "Flags", DNSKEY_FLAGS_KSK));
    snprintf(algorithm, sizeof algorithm, "%lld",
             (long long)json_member_integer(attributes, "Algorithm", 0));
    struct key_input input = {span_of_text(flags), span_of_text(algorithm),
                              json_member_text(attributes, "PublicKey")};
    struct rules_request request = {call->account, json_member_text(call->input, "DomainName"),
                                    "api"};
    if (attributes == NULL) {
        call_fail(call, "InvalidInput", "SigningAttributes must be given.");
    } else if (rules_add_key(call->turn, &request, &input, operation, &refusal)) {
        operation_id_respond(call->turn, call->turn->event->http.request, operation);
    } else {
        call_refuse(call, &refusal);
    }
}

static void disassociate(struct call *call)
{
    struct web_deletion deletion = {
        .request = call->turn->event->http.request,
        .is_api = true,
        .account = call->account,
        .domain = json_member_text(call->input, "DomainName"),
        .key = json_member_text(call->input, "Id"),
        .confirmation = json_member_text(call->input, "ConfirmConsequence"),
    };
    web_begin_deletion(call->turn, &deletion);
}

void api_answer_deletion(struct turn *turn, const struct held *held, const char *operation,
                         const struct refusal *refusal)
{
    if (operation != NULL) {
        operation_id_respond(turn, held->request, operation);
        return;
    }
    error_respond(turn, held->request, refusal->code == REFUSAL_INTERNAL ? 500 : 400,
                  rules_error_name(refusal->code), refusal->sentence, refusal->consequence);
}

static void operation_write(struct json_writer *json, const struct operation *operation)
{
    json_write_words(json, "OperationId", operation->id);
    json_write_words(json, "Status", operation_state_name(operation->state));
    json_write_words(json, "Message",
                     operation->reason[0] != '\0' ? operation->reason
                                                  : operation_state_text(operation));
    json_write_words(json, "DomainName", operation->domain);
    json_write_words(json, "Type", operation_type_name(operation->type));
    json_write_integer(json, "SubmittedDate", operation->submitted_s);
    json_write_integer(json, "LastUpdatedDate", operation->updated_s);
}

/* An operation of this account; else refused already. */
static bool operation_need(struct call *call, struct operation *operation)
{
    struct span id = json_member_text(call->input, "OperationId");
    enum status status = operation_load(call->turn, id, operation);
    if (status == NOT_FOUND || (status == OK && operation->account != call->account)) {
        call_fail(call, "InvalidInput", "There is no such operation in this account.");
        return false;
    }
    if (status != OK) {
        call_fail_internal(call);
        return false;
    }
    return true;
}

static void get_operation_detail(struct call *call)
{
    struct operation operation;
    if (!operation_need(call, &operation)) {
        return;
    }
    json_open_object(&call->json, NULL);
    operation_write(&call->json, &operation);
    json_close_object(&call->json);
    call_respond(call);
}

/* With what was seen: the evidence, the parent's servers, the chain, the notice. */
static void get_operation_evidence(struct call *call)
{
    static const char *const watches[] = {[WATCH_NONE] = "none",
                                          [WATCH_PARENT] = "awaited-at-parent",
                                          [WATCH_CHAIN] = "seen-at-parent",
                                          [WATCH_DONE] = "confirmed",
                                          [WATCH_GIVEN_UP] = "given-up"};
    struct operation operation;
    if (!operation_need(call, &operation)) {
        return;
    }
    struct json_writer *json = &call->json;
    json_open_object(json, NULL);
    operation_write(json, &operation);
    json_write_words(json, "Channel", operation.channel);
    json_write_words(json, "Evidence", operation.evidence);
    json_write_words(json, "Watch", watches[operation.watch]);
    json_write_integer(json, "SeenAtParentDate", operation.seen_s);
    json_write_integer(json, "ConfirmedDate", operation.validated_s);
    json_write_words(json, "Notice", notice_state_text(call->turn, operation.id));
    json_close_object(json);
    call_respond(call);
}

/* Is the operation one of those asked for? An absent or empty list asks for all. */
static bool list_allows(const struct json_node *input, const char *name, const char *value)
{
    const struct json_node *list = json_member(input, name);
    const struct json_node *item = list == NULL ? NULL : list->first_child;
    bool is_allowed = item == NULL;
    for (; item != NULL; item = item->next) {
        is_allowed = is_allowed || span_equal(item->text, span_of_text(value));
    }
    return is_allowed;
}

static void list_operations(struct call *call)
{
    enum { OPERATIONS_LOOKED_AT_MAX = 2000 };
    int64_t items, offset;
    struct operation *operations;
    size_t count;
    if (!page_read(call, &items, &offset)) {
        return;
    }
    int64_t since_s = json_member_integer(call->input, "SubmittedSince", 0);
    bool is_ascending = span_equal(json_member_text(call->input, "SortOrder"), SPAN_LITERAL("ASC"));
    if (operation_list(call->turn, call->account, NULL, OPERATIONS_LOOKED_AT_MAX, &operations,
                       &count) != OK) {
        call_fail_internal(call);
        return;
    }
    json_open_object(&call->json, NULL);
    json_open_list(&call->json, "Operations");
    int64_t matching = 0;
    for (size_t i = 0; i < count; i++) {
        const struct operation *operation = &operations[is_ascending ? count - 1 - i : i];
        bool is_wanted =
            operation->submitted_s >= since_s &&
            list_allows(call->input, "Status", operation_state_name(operation->state)) &&
            list_allows(call->input, "Type", operation_type_name(operation->type));
        if (!is_wanted) {
            continue;
        }
        if (matching >= offset && matching < offset + items) {
            json_open_object(&call->json, NULL);
            operation_write(&call->json, operation);
            json_close_object(&call->json);
        }
        matching++;
    }
    struct records_rows left = {.count = matching > offset ? (size_t)(matching - offset) : 0};
    page_end(call, &left, items, offset);
}

static void list_tlds(struct call *call)
{
    const struct policy *policy = &call->turn->registrar->policy;
    struct json_writer *json = &call->json;
    bool is_all = json_member_integer(call->input, "All", 0) != 0;
    json_open_object(json, NULL);
    json_open_list(json, "Tlds");
    for (size_t i = 0; i < policy->count; i++) {
        const struct tld *tld = &policy->tlds[i];
        if (tld->registry == NULL && !is_all) {
            continue;
        }
        json_open_object(json, NULL);
        json_write_words(json, "Name", tld->name);
        json_write_bool(json, "Dnssec", tld->has_dnssec);
        json_write_integer(json, "KeysMax", tld->keys_max);
        json_write_words(json, "Form", policy_form_text(tld->form));
        json_write_bool(json, "Offered", tld->registry != NULL);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
    call_respond(call);
}

static const struct {
    const char *prefix;
    const char *action;
    void (*run)(struct call *call);
} actions[] = {
    {TARGET_AWS, "ListDomains", list_domains},
    {TARGET_AWS, "GetDomainDetail", get_domain_detail},
    {TARGET_AWS, "AssociateDelegationSignerToDomain", associate},
    {TARGET_AWS, "DisassociateDelegationSignerFromDomain", disassociate},
    {TARGET_AWS, "GetOperationDetail", get_operation_detail},
    {TARGET_AWS, "ListOperations", list_operations},
    {TARGET_OURS, "ListTlds", list_tlds},
    {TARGET_OURS, "GetOperationEvidence", get_operation_evidence},
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
    if (account_of_access_key(turn, authorization.access_key, &call->account, &secret) != OK) {
        return problem_set(problem, NOT_FOUND,
                           "The security token included in the request is invalid.");
    }
    return aws_check_signature(&request, &authorization, secret, turn->now_s, turn->scratch,
                               problem);
}

/* Sets the account, or has refused already. */
static bool call_authenticate(struct call *call)
{
    struct span field = web_field(&call->turn->event->http, "Authorization");
    uint64_t request = call->turn->event->http.request;
    struct problem problem = {0};
    if (field.len > 7 && span_equal_nocase(span_part(field, 0, 7), SPAN_LITERAL("Bearer "))) {
        if (account_of_bearer(call->turn, span_part(field, 7, field.len - 7), &call->account) ==
            OK) {
            return true;
        }
        error_respond(call->turn, request, 403, "AccessDeniedException",
                      "The bearer token is not known.", "");
        return false;
    }
    if (field.len == 0) {
        error_respond(call->turn, request, 403, "MissingAuthenticationTokenException",
                      "The request needs a Signature Version 4 or a bearer token.", "");
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
    error_respond(call->turn, request, 403, name, problem.sentence, "");
    return false;
}

void api_take(struct turn *turn)
{
    const struct event_http *http = &turn->event->http;
    struct call call = {.turn = turn};
    struct problem problem = {0};
    if (!span_equal(http->method, SPAN_LITERAL("POST"))) {
        call_fail(&call, "InvalidAction", "The API takes POST requests.");
        return;
    }
    if (!call_authenticate(&call)) {
        return;
    }
    struct span body = http->body.len == 0 ? SPAN_LITERAL("{}") : http->body;
    if (json_read(body, turn->scratch, &call.input, &problem) != OK ||
        call.input->kind != JSON_NODE_OBJECT) {
        call_fail(&call, "SerializationException",
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
    call_fail(&call, "UnknownOperationException", "There is no such action.");
}
