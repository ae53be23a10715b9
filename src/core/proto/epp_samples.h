#pragma once
/* One command and one response of each form that we write, for the tests of EPP. */
#include "core/proto/epp.h"

#include <string.h>

static const uint8_t key_bytes[] = {3, 1, 0, 1, 0xff};
static const struct epp_key key_form = {.has_key = true,
                                        .key_flags = 257,
                                        .key_protocol = 3,
                                        .key_algorithm = 13,
                                        .key_public = {key_bytes, sizeof key_bytes}};
static const struct epp_key both_forms = {.has_ds = true,
                                          .ds_tag = 12345,
                                          .ds_algorithm = 13,
                                          .ds_digest_type = 2,
                                          .ds_digest = {key_bytes, sizeof key_bytes},
                                          .has_key = true,
                                          .key_flags = 256,
                                          .key_protocol = 3,
                                          .key_algorithm = 13,
                                          .key_public = {key_bytes, sizeof key_bytes}};

#define NAME SPAN_LITERAL("example.com")
#define TRANSACTION_SPAN SPAN_LITERAL("ABC-12345")

enum { SAMPLE_COMMANDS_MAX = 24, SAMPLE_RESPONSES_MAX = 64 };

static inline void updates_make(struct epp_command commands[], size_t *count)
{
    size_t n = *count;
    commands[n++] = (struct epp_command){.verb = EPP_DOMAIN_UPDATE,
                                         .names = {NAME},
                                         .name_count = 1,
                                         .update = {.name = NAME,
                                                    .keys_added = {key_form},
                                                    .keys_added_count = 1,
                                                    .keys_removed = {key_form, key_form},
                                                    .keys_removed_count = 2,
                                                    .has_secdns = true,
                                                    .is_urgent = true}};
    commands[n++] = (struct epp_command){
        .verb = EPP_DOMAIN_UPDATE,
        .names = {NAME},
        .name_count = 1,
        .update = {.name = NAME,
                   .hosts_added = {{.name = SPAN_LITERAL("ns2.example.net")}},
                   .hosts_added_count = 1,
                   .hosts_removed = {{.name = SPAN_LITERAL("ns1.example.net")}},
                   .hosts_removed_count = 1,
                   .statuses_added = {SPAN_LITERAL("clientHold")},
                   .statuses_added_count = 1,
                   .statuses_removed = {SPAN_LITERAL("clientUpdateProhibited")},
                   .statuses_removed_count = 1,
                   .registrant = SPAN_LITERAL("sh8013"),
                   .auth_info = SPAN_LITERAL("2BARfoo"),
                   .removes_all_keys = true,
                   .max_signature_life_s = 3600,
                   .has_secdns = true}};
    commands[n++] = (struct epp_command){.verb = EPP_DOMAIN_UPDATE,
                                         .names = {NAME},
                                         .name_count = 1,
                                         .update = {.name = NAME,
                                                    .keys_added = {both_forms, both_forms},
                                                    .keys_added_count = 2,
                                                    .removes_all_keys = true,
                                                    .max_signature_life_s = 1,
                                                    .has_secdns = true}};
    *count = n;
}

static inline void commands_make(struct epp_command commands[SAMPLE_COMMANDS_MAX], size_t *count)
{
    size_t n = 0;
    commands[n++] = (struct epp_command){.verb = EPP_HELLO};
    commands[n++] =
        (struct epp_command){.verb = EPP_LOGIN,
                             .client_transaction = TRANSACTION_SPAN,
                             .login = {SPAN_LITERAL("ClientX"), SPAN_LITERAL("foo<&>\"'2"),
                                       SPAN_LITERAL("bar-FOO2"), true}};
    commands[n++] = (struct epp_command){.verb = EPP_LOGOUT};
    commands[n++] = (struct epp_command){
        .verb = EPP_DOMAIN_CHECK, .names = {NAME, SPAN_LITERAL("b.net")}, .name_count = 2};
    commands[n++] = (struct epp_command){.verb = EPP_DOMAIN_INFO,
                                         .names = {NAME},
                                         .name_count = 1,
                                         .omits_hosts = true,
                                         .domain.auth_info = SPAN_LITERAL("2fooBAR")};
    commands[n++] = (struct epp_command){
        .verb = EPP_DOMAIN_CREATE,
        .client_transaction = TRANSACTION_SPAN,
        .names = {NAME},
        .name_count = 1,
        .domain = {.name = NAME,
                   .registrant = SPAN_LITERAL("jd1234"),
                   .auth_info = SPAN_LITERAL("2fooBAR"),
                   .hosts = {{SPAN_LITERAL("ns1.example.com"),
                              {SPAN_LITERAL("192.0.2.2"), SPAN_LITERAL("2001:db8::1")},
                              2},
                             {.name = SPAN_LITERAL("ns1.example.net")}},
                   .host_count = 2,
                   .keys = {both_forms},
                   .key_count = 1,
                   .period_years = 2,
                   .max_signature_life_s = 604800}};
    updates_make(commands, &n);
    commands[n++] = (struct epp_command){
        .verb = EPP_DOMAIN_CREATE,
        .names = {NAME},
        .name_count = 1,
        .domain = {.name = NAME, .keys = {key_form, key_form}, .key_count = 2}};
    commands[n++] = (struct epp_command){.verb = EPP_DOMAIN_INFO, .names = {NAME}, .name_count = 1};
    commands[n++] =
        (struct epp_command){.verb = EPP_DOMAIN_DELETE, .names = {NAME}, .name_count = 1};
    commands[n++] = (struct epp_command){.verb = EPP_POLL_REQUEST};
    commands[n++] =
        (struct epp_command){.verb = EPP_POLL_ACK, .poll_message = SPAN_LITERAL("12345")};
    require(n <= SAMPLE_COMMANDS_MAX);
    *count = n;
}

static inline void responses_make(struct epp_response responses[SAMPLE_RESPONSES_MAX],
                                  size_t *count)
{
    size_t n = 0;
    responses[n++] = (struct epp_response){.is_greeting = true,
                                           .server_name = SPAN_LITERAL("vouch registry"),
                                           .now_s = 1790000000,
                                           .verb = EPP_HELLO};
    responses[n++] = (struct epp_response){.code = EPP_POLICY_ERROR,
                                           .reason = SPAN_LITERAL("the key <13> & \"more\""),
                                           .client_transaction = TRANSACTION_SPAN,
                                           .server_transaction = SPAN_LITERAL("SV-1"),
                                           .verb = EPP_UNIMPLEMENTED};
    responses[n++] = (struct epp_response){
        .code = EPP_OK,
        .server_transaction = SPAN_LITERAL("SV-2"),
        .verb = EPP_DOMAIN_CHECK,
        .checks = {{NAME, false, SPAN_LITERAL("In use")}, {SPAN_LITERAL("b.com"), true, {NULL, 0}}},
        .check_count = 2};
    responses[n++] = (struct epp_response){
        .code = EPP_OK,
        .server_transaction = SPAN_LITERAL("SV-3"),
        .verb = EPP_DOMAIN_INFO,
        .has_domain = true,
        .domain = {.name = NAME,
                   .roid = SPAN_LITERAL("EXAMPLE1-REP"),
                   .registrant = SPAN_LITERAL("jd1234"),
                   .sponsor = SPAN_LITERAL("ClientX"),
                   .auth_info = SPAN_LITERAL("2fooBAR"),
                   .statuses = {SPAN_LITERAL("ok")},
                   .status_count = 1,
                   .hosts = {{SPAN_LITERAL("ns1.example.com"), {SPAN_LITERAL("2001:db8::1")}, 1}},
                   .host_count = 1,
                   .keys = {key_form},
                   .key_count = 1,
                   .created_s = 1700000000,
                   .updated_s = 1750000000,
                   .expires_s = 1800000000}};
    responses[n++] = (struct epp_response){
        .code = EPP_PENDING,
        .server_transaction = SPAN_LITERAL("SV-4"),
        .verb = EPP_DOMAIN_CREATE,
        .has_domain = true,
        .domain = {.name = NAME, .created_s = 1700000000, .expires_s = 1800000000}};
    responses[n++] = (struct epp_response){.code = EPP_ACK_TO_DEQUEUE,
                                           .server_transaction = SPAN_LITERAL("SV-5"),
                                           .verb = EPP_UNIMPLEMENTED,
                                           .queue_count = 5,
                                           .queue_id = SPAN_LITERAL("12345"),
                                           .queue_text = SPAN_LITERAL("something happened"),
                                           .queue_time_s = 1700000000};
    /* And each code. */
    for (int code = EPP_OK; code <= EPP_SESSION_LIMIT_CLOSING; code++) {
        if (strcmp(epp_code_text((enum epp_code)code), "Unknown result code") != 0) {
            require(n < SAMPLE_RESPONSES_MAX);
            responses[n++] =
                (struct epp_response){.code = (enum epp_code)code,
                                      .reason = SPAN_LITERAL("<because> of \"this\" & that"),
                                      .server_transaction = SPAN_LITERAL("SV-6"),
                                      .verb = EPP_UNIMPLEMENTED};
        }
    }
    *count = n;
}
