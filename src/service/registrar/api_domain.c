/* The actions about domains and their keys, in the shapes of Route 53 Domains. */
#include <assert.h>
#include <stdio.h>

#include "core/base/text.h"
#include "service/registrar/api.h"
#include "service/registrar/api_call.h"
#include "service/registrar/web.h"

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

void api_list_domains(struct call *call)
{
    int64_t items, offset;
    struct records_rows rows;
    if (!api_read_page(call, &items, &offset)) {
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
        api_fail_internal(call);
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
    api_end_page(call, rows.count, items, offset);
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
    static_assert(LEN(words) == DOMAIN_CHAIN_COUNT, "a word for each verdict");
    return domain->key_count == 0 ? "unsigned" : words[domain->chain];
}

void api_get_domain_detail(struct call *call)
{
    struct turn *turn = call->turn;
    struct domain domain;
    struct refusal refusal;
    struct rules_request request = {call->account, json_member_text(call->input, "DomainName"),
                                    "api"};
    if (!rules_find_domain(turn, &request, &domain, &refusal)) {
        api_refuse(call->turn, call->turn->event->http.request, &refusal);
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
    if (domain.chain_s != 0) {
        /* Ours: when the chain was last looked at, and what the resolver said. */
        json_write_integer(json, "DnsSecCheckedDate", domain.chain_s);
        json_write_words(json, "DnsSecReason", domain.chain_reason);
    }
    json_open_list(json, "StatusList");
    struct operation open;
    if (operation_find_open(turn, domain.text, &open) == OK) {
        json_write_words(json, NULL, "pendingUpdate");
    }
    json_close_list(json);
    keys_write(json, &domain);
    json_close_object(json);
    api_respond(call);
}

void api_associate(struct call *call)
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
        api_fail(call, "InvalidInput", "SigningAttributes must be given.");
    } else if (rules_add_key(call->turn, &request, &input, operation, &refusal)) {
        api_respond_operation(call->turn, call->turn->event->http.request, operation);
    } else {
        api_refuse(call->turn, call->turn->event->http.request, &refusal);
    }
}

void api_disassociate(struct call *call)
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
        api_respond_operation(turn, held->request, operation);
    } else {
        api_refuse(turn, held->request, refusal);
    }
}
