/* How a patient person uses the registrar, and what makes such a person angry. */
#include "scenario/owner.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

enum { TRIES_MAX = 150, AGAIN_S = 4, BODY_SIZE = 2048 };

static const char MAIL[] = "owner@example.test";

/* ------------------------------------------------------------------ requests */

/* An answer that is one: not a dead registrar's, nor its confession that the records failed just
 * now. */
static const struct json_node *call(struct owner *owner, const char *action, const char *body,
                                    uint16_t *http_status)
{
    const struct json_node *json = NULL;
    for (int i = 0; i < TRIES_MAX && watch_is_good(owner->watch); i++) {
        enum status status =
            lab_api(owner->watch->lab, owner->token, action, body, http_status, &json);
        if (status == OK && json != NULL && *http_status < 500) {
            return json;
        }
        watch_pass(owner->watch, AGAIN_S);
    }
    watch_fault(owner->watch, "the registrar does not answer %s", action);
    return NULL;
}

static void copy_text(struct span text, char *to, size_t size)
{
    snprintf(to, size, "%.*s", (int)text.len, (const char *)text.bytes);
}

/* A refusal at once is an operation too, of which there is a notice. */
static void promise_note(struct owner *owner, const struct json_node *json, const char *member)
{
    struct span id = json_member_text(json, member);
    require(owner->accepted_count < OWNER_OPERATIONS_MAX);
    if (id.len > 0) {
        copy_text(id, owner->accepted[owner->accepted_count++], OWNER_ID_SIZE);
    }
}

/* Where no answer comes, the list says whether the request was taken, before it is made again. */
static bool begin(struct owner *owner, const char *action, const char *body)
{
    uint16_t http_status = 0;
    const struct json_node *json = NULL;
    owner->refusal[0] = '\0';
    owner_check(owner);
    size_t before = owner->operation_count;
    for (int i = 0; i < TRIES_MAX && watch_is_good(owner->watch); i++) {
        enum status status =
            lab_api(owner->watch->lab, owner->token, action, body, &http_status, &json);
        if (status == OK && json != NULL && http_status < 500) {
            copy_text(json_member_text(json, "message"), owner->refusal, sizeof owner->refusal);
            promise_note(owner, json, http_status == 200 ? "OperationId" : "RefusedAs");
            return http_status == 200;
        }
        watch_pass(owner->watch, AGAIN_S);
        owner_check(owner);
        if (owner->operation_count > before) {
            return true;
        }
    }
    watch_fault(owner->watch, "the registrar does not answer %s", action);
    return false;
}

bool owner_add_key(struct owner *owner, const char *public_key)
{
    char body[BODY_SIZE];
    snprintf(body, sizeof body,
             "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":15,"
             "\"Flags\":257,\"PublicKey\":\"%s\"}}",
             public_key);
    return begin(owner, "AssociateDelegationSignerToDomain", body);
}

static struct span deletion_write(const char *key, const char *consequence, char body[BODY_SIZE])
{
    struct writer writer = writer_over(body, BODY_SIZE - 1);
    struct json_writer json = json_over(&writer);
    json_open_object(&json, NULL);
    json_write_words(&json, "DomainName", "example.com");
    json_write_words(&json, "Id", key);
    json_write_words(&json, "ConfirmConsequence", consequence);
    json_close_object(&json);
    require(writer.status == OK);
    body[writer.len] = '\0';
    return writer_written(&writer);
}

bool owner_delete_key(struct owner *owner)
{
    static const char ACTION[] = "DisassociateDelegationSignerFromDomain";
    char key[OWNER_TEXT_SIZE], consequence[OWNER_TEXT_SIZE], body[BODY_SIZE];
    uint16_t http_status;
    const struct json_node *json =
        call(owner, "GetDomainDetail", "{\"DomainName\":\"example.com\"}", &http_status);
    const struct json_node *keys = json_member(json, "DnssecKeys");
    if (keys == NULL || keys->first_child == NULL) {
        watch_fault(owner->watch, "the registrar lists no key to delete");
        return false;
    }
    copy_text(json_member_text(keys->first_child, "Id"), key, sizeof key);
    deletion_write(key, "", body);
    json = call(owner, ACTION, body, &http_status);
    copy_text(json_member_text(json, "Consequence"), consequence, sizeof consequence);
    if (http_status == 200 || consequence[0] == '\0') {
        watch_fault(owner->watch, "the last key's deletion needs no confirmation");
        return false;
    }
    deletion_write(key, consequence, body);
    return begin(owner, ACTION, body);
}

/* ------------------------------------------------------------------ the account */

/* The word behind a label of a control answer. */
static bool find_word(const char *text, const char *label, char *word, size_t size)
{
    const char *at = strstr(text, label);
    if (at == NULL) {
        return false;
    }
    at += strlen(label);
    snprintf(word, size, "%.*s", (int)strcspn(at, " \n"), at);
    return true;
}

/* Whatever the answer was: does the list of domains show it? */
static bool is_registered(struct owner *owner)
{
    const char *text;
    return lab_control(owner->watch->lab, LAB_REGISTRAR, "domain-list", &text) == OK &&
           strstr(text, "example.com ") != NULL;
}

void owner_open(struct owner *owner, struct watch *watch)
{
    char line[200];
    const char *text;
    struct lab *lab = watch->lab;
    *owner = (struct owner){.watch = watch};
    for (int i = 0; i < TRIES_MAX && owner->token[0] == '\0'; i++) {
        snprintf(line, sizeof line, "account-add %s correct horse battery staple", MAIL);
        (void)lab_control(lab, LAB_REGISTRAR, line, &text);
        snprintf(line, sizeof line, "token-add %s", MAIL);
        if (lab_control(lab, LAB_REGISTRAR, line, &text) != OK ||
            !find_word(text, "token: ", owner->token, sizeof owner->token)) {
            watch_pass(watch, AGAIN_S);
        }
    }
    snprintf(line, sizeof line, "domain-register example.com %s ns1.example.com=10.0.2.1", MAIL);
    for (int i = 0; i < TRIES_MAX && !is_registered(owner) && watch_is_good(watch); i++) {
        (void)lab_control(lab, LAB_REGISTRAR, line, &text);
        snprintf(owner->refusal, sizeof owner->refusal, "%s", text);
        watch_pass(watch, AGAIN_S);
    }
    if (!is_registered(owner)) {
        watch_fault(watch, "the domain could not be registered: %s", owner->refusal);
    }
}

/* ------------------------------------------------------------------ outcomes */

static void read_operation(const struct json_node *json, struct owner_operation *operation)
{
    struct span status = json_member_text(json, "Status");
    struct span type = json_member_text(json, "Type");
    copy_text(json_member_text(json, "OperationId"), operation->id, sizeof operation->id);
    copy_text(json_member_text(json, "Message"), operation->reason, sizeof operation->reason);
    operation->is_about_key = span_equal(type, SPAN_LITERAL("ADD_DNSSEC")) ||
                              span_equal(type, SPAN_LITERAL("REMOVE_DNSSEC"));
    operation->state = span_equal(status, SPAN_LITERAL("SUCCESSFUL")) ? OWNER_SUCCESSFUL
                       : span_equal(status, SPAN_LITERAL("FAILED"))   ? OWNER_FAILED
                                                                      : OWNER_OPEN;
}

static const struct owner_operation *find(const struct owner *owner, const char *id)
{
    for (size_t i = 0; i < owner->operation_count; i++) {
        if (strcmp(owner->operations[i].id, id) == 0) {
            return &owner->operations[i];
        }
    }
    return NULL;
}

static bool is_about(const struct sim_mail *mail, const struct owner_operation *operation)
{
    return memmem(mail->message.bytes, mail->message.len, operation->id, strlen(operation->id)) !=
           NULL;
}

static size_t count_mails(const struct owner *owner, const struct owner_operation *operation)
{
    struct sim *sim = lab_sim(owner->watch->lab);
    size_t count = 0;
    for (size_t i = 0; i < sim_mail_count(sim); i++) {
        struct sim_mail mail = sim_mail_at(sim, i);
        count += is_about(&mail, operation);
    }
    return count;
}

/* Each mail tells of one operation that is over; an operation has at most one. */
static void check_mails(struct owner *owner)
{
    struct sim *sim = lab_sim(owner->watch->lab);
    owner->mail_count = sim_mail_count(sim);
    owner->deliveries = 0;
    for (size_t i = 0; i < owner->mail_count; i++) {
        struct sim_mail mail = sim_mail_at(sim, i);
        size_t told = 0;
        owner->deliveries += mail.deliveries;
        for (size_t j = 0; j < owner->operation_count; j++) {
            const struct owner_operation *operation = &owner->operations[j];
            bool is_of_it = is_about(&mail, operation);
            told += is_of_it;
            if (is_of_it && operation->state == OWNER_OPEN) {
                watch_fault(owner->watch, "operation %s is told of before it is over",
                            operation->id);
            }
        }
        if (told != 1 || strcmp(mail.recipient, MAIL) != 0) {
            watch_fault(owner->watch, "a mail to %s tells of %zu operations", mail.recipient, told);
        }
    }
    for (size_t j = 0; j < owner->operation_count; j++) {
        const struct owner_operation *operation = &owner->operations[j];
        if (count_mails(owner, operation) > 1) {
            watch_fault(owner->watch, "operation %s is told of twice", operation->id);
        }
    }
}

void owner_check(struct owner *owner)
{
    uint16_t http_status;
    const struct json_node *json = call(owner, "ListOperations", "{\"MaxItems\":60}", &http_status);
    const struct json_node *list = json_member(json, "Operations");
    owner->operation_count = 0;
    for (const struct json_node *item = list == NULL ? NULL : list->first_child; item != NULL;
         item = item->next) {
        require(owner->operation_count < OWNER_OPERATIONS_MAX);
        read_operation(item, &owner->operations[owner->operation_count++]);
    }
    for (size_t i = 0; i < owner->accepted_count && json != NULL; i++) {
        if (find(owner, owner->accepted[i]) == NULL) {
            watch_fault(owner->watch, "operation %s was accepted and is gone", owner->accepted[i]);
        }
    }
    check_mails(owner);
}

static bool is_finished(const struct owner *owner)
{
    for (size_t i = 0; i < owner->operation_count; i++) {
        const struct owner_operation *operation = &owner->operations[i];
        if (operation->state == OWNER_OPEN ||
            (operation->is_about_key && count_mails(owner, operation) == 0)) {
            return false;
        }
    }
    return owner->operation_count > 0;
}

const struct owner_operation *owner_finish(struct owner *owner, int64_t seconds)
{
    int64_t end_s = lab_now_s(owner->watch->lab) + seconds;
    owner_check(owner);
    while (!is_finished(owner) && lab_now_s(owner->watch->lab) < end_s &&
           watch_is_good(owner->watch)) {
        watch_pass(owner->watch, WATCH_EACH_S);
        owner_check(owner);
    }
    for (size_t i = 0; i < owner->operation_count && !is_finished(owner); i++) {
        const struct owner_operation *operation = &owner->operations[i];
        if (operation->state == OWNER_OPEN) {
            watch_fault(owner->watch, "operation %s is not over after %lld s", operation->id,
                        (long long)seconds);
        } else if (operation->is_about_key && count_mails(owner, operation) == 0) {
            watch_fault(owner->watch, "operation %s is over and was not told of in %lld s",
                        operation->id, (long long)seconds);
        }
    }
    return watch_is_good(owner->watch) && owner->operation_count > 0 ? &owner->operations[0] : NULL;
}
