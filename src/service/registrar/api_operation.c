/* The actions about operations, and our own beside those of Route 53 Domains. */
#include "service/registrar/api_call.h"
#include "service/registrar/letter.h"

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
        api_fail(call, "InvalidInput", "There is no such operation in this account.");
        return false;
    }
    if (status != OK) {
        api_fail_internal(call);
        return false;
    }
    return true;
}

void api_get_operation_detail(struct call *call)
{
    struct operation operation;
    if (!operation_need(call, &operation)) {
        return;
    }
    json_open_object(&call->json, NULL);
    operation_write(&call->json, &operation);
    json_close_object(&call->json);
    api_respond(call);
}

/* With what was seen: the evidence, the parent's servers, the chain, the notice. */
void api_get_operation_evidence(struct call *call)
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
    json_write_words(json, "Notice", letter_state_text(call->turn, operation.id));
    json_close_object(json);
    api_respond(call);
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

void api_list_operations(struct call *call)
{
    enum { OPERATIONS_LOOKED_AT_MAX = 2000 };
    int64_t items, offset;
    struct operation *operations;
    size_t count;
    if (!api_read_page(call, &items, &offset)) {
        return;
    }
    int64_t since_s = json_member_integer(call->input, "SubmittedSince", 0);
    bool is_ascending = span_equal(json_member_text(call->input, "SortOrder"), SPAN_LITERAL("ASC"));
    if (operation_list(call->turn, call->account, NULL, OPERATIONS_LOOKED_AT_MAX, &operations,
                       &count) != OK) {
        api_fail_internal(call);
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
    size_t left = matching > offset ? (size_t)(matching - offset) : 0;
    api_end_page(call, left, items, offset);
}

void api_list_tlds(struct call *call)
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
    api_respond(call);
}
