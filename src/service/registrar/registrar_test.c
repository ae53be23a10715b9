/* The registrar among its neighbours: what is refused and why, what follows an acceptance step by
 * step, and that no crash loses an operation or sends a second notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/registrar/backoff.h"
#include "service/registrar/fake_world.h"
#include "service/registrar/refusal.h"
#include "service/registrar/token.h"
#include "service/registrar/vigil.h"

static struct fake_world *world;

static int setup(void **state)
{
    (void)state;
    world = calloc(1, sizeof *world);
    fake_open(world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_close(world);
    free(world);
    return 0;
}

static void assert_says(const char *text, const char *words)
{
    assert_non_null(text);
    if (text != NULL && strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

static const char *add(size_t key, unsigned flags)
{
    char json[4096];
    snprintf(json, sizeof json,
             "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,"
             "\"Flags\":%u,\"PublicKey\":\"%s\"}}",
             flags, world->keys[key].base64);
    return fake_api(world, "AssociateDelegationSignerToDomain", json);
}

/* The value of a text member at its n-th appearance, copied. */
static char *member(const char *json, const char *name, unsigned skip)
{
    static char values[8][2048];
    static unsigned next;
    char pattern[80];
    char *value = values[next++ % 8];
    value[0] = '\0';
    snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    const char *at = strstr(json, pattern);
    for (; at != NULL && skip > 0; skip--) {
        at = strstr(at + 1, pattern);
    }
    if (at != NULL) {
        at += strlen(pattern);
        snprintf(value, 2048, "%.*s", (int)strcspn(at, "\""), at);
    }
    return value;
}

static const char *operation_of(const char *operation)
{
    char json[128];
    snprintf(json, sizeof json, "{\"OperationId\":\"%s\"}", operation);
    return fake_api(world, "GetOperationDetail", json);
}

static const char *detail(void)
{
    return fake_api(world, "GetDomainDetail", "{\"DomainName\":\"example.com\"}");
}

static const char *delete_key(const char *id, const char *confirmation)
{
    char json[2048];
    snprintf(json, sizeof json,
             "{\"DomainName\":\"example.com\",\"Id\":\"%s\",\"ConfirmConsequence\":\"%s\"}", id,
             confirmation);
    return fake_api(world, "DisassociateDelegationSignerFromDomain", json);
}

static void test_registration(void **state)
{
    (void)state;
    assert_says(fake_control(world, "domain-list"), "example.com owner@example.test 0");
    assert_int_equal(world->mail_count, 0);
    assert_says(detail(), "\"Name\":\"ns1.example.com\",\"GlueIps\":[\"192.0.2.1\"]");
    fake_control(world, "domain-register example.com owner@example.test ns1.example.net");
    assert_true(world->control_failed);
    fake_control(world, "domain-register example.nowhere owner@example.test ns1.example.net");
    assert_says(world->control, "no top-level domain");
    fake_control(world, "domain-register two.org owner@example.test bad_name");
    assert_says(world->control, "not a host name");
    world->refuses = EPP_EXISTS;
    fake_control(world, "domain-register taken.com owner@example.test ns1.example.net");
    assert_true(world->control_failed);
    assert_says(world->control, "registry has its reasons (EPP 2302");
    fake_control(world, "nonsense");
    assert_true(world->control_failed);
    fake_control(world, "help");
    assert_false(world->control_failed);
    assert_says(fake_control(world, "status"), "registry one: ready");
}

static void test_add(void **state)
{
    (void)state;
    size_t key = fake_add_key(world, 257);
    char *operation = member(add(key, 257), "OperationId", 0);
    assert_int_equal(strlen(operation), 36);
    assert_true(world->keys[key].is_at_registry);
    assert_says(operation_of(operation), "\"Status\":\"SUCCESSFUL\"");
    assert_int_equal(world->mail_count, 1);
    assert_says(world->mails[0], "To: <owner@example.test>\r\n");
    assert_says(world->mails[0], "Subject: example.com: the key was added at the registry\r\n");
    assert_says(world->mails[0], operation);
    assert_says(world->mail_ids[0], operation);
    assert_says(world->mails[0], "192.0.2.2 (ns2.example.com) over TCP: publishes the key");
    assert_says(detail(), world->keys[key].base64);
    fake_pass(world, 5);
    char json[128];
    snprintf(json, sizeof json, "{\"OperationId\":\"%s\"}", operation);
    assert_says(fake_api(world, "Vouch_v1.GetOperationEvidence", json), "\"Watch\":\"confirmed\"");
    assert_says(detail(), "\"DnsSec\":\"secure\"");
    assert_int_equal(world->mail_count, 1);
}

/* S25: what is wrong at the name servers, and the words for it. */
static void preflight_fails(const char *words)
{
    char *operation = member(add(world->key_count - 1, world->keys[world->key_count - 1].flags),
                             "OperationId", 0);
    assert_int_equal(strlen(operation), 36);
    fake_pass(world, 40);
    const char *answer = operation_of(operation);
    assert_says(answer, "\"Status\":\"FAILED\"");
    assert_says(answer, words);
    assert_false(world->keys[world->key_count - 1].is_at_registry);
    assert_says(world->mails[world->mail_count - 1], "the key could not be added");
    assert_says(world->mails[world->mail_count - 1], "Nothing was changed at the registry");
}

static void test_preflight(void **state)
{
    (void)state;
    unsigned commands = world->command_count;
    size_t key = fake_add_key(world, 257);
    world->keys[key].is_published = false;
    preflight_fails("has no DNSKEY record of example.com");
    size_t other = fake_add_key(world, 257);
    world->keys[other].is_published = false;
    world->keys[key].is_published = true;
    preflight_fails("does not publish the key");
    world->keys[other].is_published = true;
    world->keys[other].signs = false;
    preflight_fails("no signature made with it");
    world->keys[other].signs = true;
    world->signed_until_s = moment_wall_s(world->now) - 60;
    preflight_fails("expired at");
    world->signed_until_s = 0;
    world->tcp_is_refused = true;
    preflight_fails("over TCP: refused the connection");
    world->tcp_is_refused = false;
    world->servers_are_silent = true;
    preflight_fails("did not answer");
    assert_int_equal(world->mail_count, 6);
    assert_int_equal(world->command_count, commands);
    world->servers_are_silent = false;
    size_t zone_key = fake_add_key(world, 256);
    assert_says(operation_of(member(add(zone_key, 256), "OperationId", 0)), "SUCCESSFUL");
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *json;
        const char *error;
        const char *words;
        bool is_told; /* by mail, too */
    } rows[] = {
        {"no base64",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\"this is no key\"}}",
         "InvalidInput", "not valid base64", true},
        {"too short for the algorithm",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "InvalidInput", "has 64 octets, this one has 6", true},
        {"no point of the curve",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAA==\"}}",
         "InvalidInput", "not a public key of algorithm 13", true},
        {"an algorithm nobody knows",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":99,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "InvalidInput", "Algorithm 99 is not supported", true},
        {"SHA-1",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":5,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "InvalidInput", "SHA-1", true},
        {"wrong flags",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":258,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "InvalidInput", "KSK (flags 257) or ZSK", true},
        {"no key at all",
         "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\" \"}}",
         "InvalidInput", "Paste the public key", false},
        {"a TLD without DNSSEC",
         "{\"DomainName\":\"example.aq\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "UnsupportedTLD", "does not support DNSSEC"},
        {"no such TLD",
         "{\"DomainName\":\"example.zz\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "UnsupportedTLD", "no top-level domain"},
        {"somebody else's domain",
         "{\"DomainName\":\"other.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
         "\"PublicKey\":\"AAECAwQF\"}}",
         "InvalidInput", "not in this account"},
        {"no attributes", "{\"DomainName\":\"example.com\"}", "InvalidInput", "SigningAttributes"},
        {"no JSON", "{\"DomainName\":", "SerializationException", "not JSON"},
        {"a list", "[]", "SerializationException", "no JSON object"},
    };
    fake_control(world, "domain-register other.com stranger@example.test ns1.example.net");
    size_t told = 0;
    for (size_t i = 0; i < LEN(rows); i++) {
        const char *answer = fake_api(world, "AssociateDelegationSignerToDomain", rows[i].json);
        if (strstr(answer, rows[i].error) == NULL || strstr(answer, rows[i].words) == NULL ||
            (strstr(answer, "RefusedAs") != NULL) != rows[i].is_told ||
            strstr(answer, "OperationId")) {
            fail_msg("%s: %s", rows[i].why, answer);
        }
        told += rows[i].is_told;
        if (world->mail_count != told) {
            fail_msg("%s: %zu mails", rows[i].why, world->mail_count);
        }
        assert_int_equal(world->http_status, 400);
    }
    assert_says(fake_api(world, "Nothing", "{}"), "UnknownOperationException");
    assert_int_equal(world->mail_count, told);
}

static const char MALFORMED_KEY[] =
    "{\"DomainName\":\"example.com\",\"SigningAttributes\":{\"Algorithm\":13,\"Flags\":257,"
    "\"PublicKey\":\"no key,\\nBcc: x@y.z\"}}";

static const char *add_malformed(void)
{
    return fake_api(world, "AssociateDelegationSignerToDomain", MALFORMED_KEY);
}

/* D2: the reason is in the answer, in the operation and in one mail. */
static void test_refusal_is_told(void **state)
{
    (void)state;
    char *operation = member(add_malformed(), "RefusedAs", 0);
    assert_int_equal(strlen(operation), 36);
    assert_says(operation_of(operation), "\"Status\":\"FAILED\"");
    assert_says(operation_of(operation), "not valid base64");
    assert_int_equal(world->mail_count, 1);
    assert_says(world->mails[0], "Subject: example.com: the key could not be added\r\n");
    assert_says(world->mails[0], "not valid base64");
    assert_says(world->mails[0], "Public key: no key,?Bcc: x@y.z");
    assert_says(world->mails[0], operation);
    operation = member(delete_key("no-such-key", ""), "RefusedAs", 0);
    assert_int_equal(strlen(operation), 36);
    assert_says(fake_api(world, "ListOperations", "{\"Type\":[\"REMOVE_DNSSEC\"]}"), operation);
    assert_int_equal(world->mail_count, 2);
    assert_says(world->mails[1], "the key could not be deleted");
    assert_says(world->mails[1], "Key id: no-such-key");
    assert_says(delete_key("", ""), "InvalidInput");
    fake_restart(world);
    fake_pass(world, 400);
    assert_int_equal(world->mail_count, 2);
}

static void test_refusal_of_tld_is_told(void **state)
{
    (void)state;
    fake_control(world, "domain-register example.aq owner@example.test ns1.example.net");
    const char *answer = fake_api(world, "AssociateDelegationSignerToDomain",
                                  "{\"DomainName\":\"example.aq\",\"SigningAttributes\":{"
                                  "\"Algorithm\":13,\"Flags\":257,\"PublicKey\":\"AAECAwQF\"}}");
    assert_says(answer, "UnsupportedTLD");
    assert_says(answer, "RefusedAs");
    assert_int_equal(world->mail_count, 1);
    assert_says(world->mails[0], "does not support DNSSEC");
}

/* Malformed requests are no mail bomb. */
static void test_refusals_are_limited(void **state)
{
    (void)state;
    for (int i = 0; i < REFUSALS_TOLD_MAX; i++) {
        assert_says(add_malformed(), "RefusedAs");
    }
    const char *answer = add_malformed();
    assert_says(answer, "not valid base64");
    assert_null(strstr(answer, "RefusedAs"));
    fake_restart(world);
    assert_null(strstr(add_malformed(), "RefusedAs"));
    assert_int_equal(world->mail_count, REFUSALS_TOLD_MAX);
    fake_pass(world, REFUSALS_TOLD_WINDOW_S + 1);
    assert_says(add_malformed(), "RefusedAs");
    assert_int_equal(world->mail_count, REFUSALS_TOLD_MAX + 1);
}

/* Nothing is said that is not stored; what is stored is sent although the process dies. */
static void test_refusal_is_durable(void **state)
{
    (void)state;
    fake_records_fail(world->records, 0, 1);
    assert_says(add_malformed(), "InternalFailure");
    fake_records_fail(world->records, 0, 0);
    assert_null(strstr(fake_api(world, "ListOperations", "{}"), "FAILED"));
    assert_int_equal(world->mail_count, 0);
    world->mail_outcome = IO_FAILED;
    add_malformed();
    fake_restart(world);
    world->mail_outcome = OK;
    fake_pass(world, 400);
    assert_int_equal(world->mail_count, 1);
}

static void test_duplicate_and_limit(void **state)
{
    (void)state;
    size_t key = fake_add_key(world, 257);
    add(key, 257);
    assert_says(add(key, 257), "already present");
    assert_says(add(key, 257), "DuplicateRequest");
    assert_int_equal(world->mail_count, 3);
    assert_says(world->mails[2], "the key could not be added");
    assert_says(world->mails[2], "Key id:");
    for (unsigned i = 1; i < 13; i++) {
        assert_says(operation_of(member(add(fake_add_key(world, 257), 257), "OperationId", 0)),
                    "SUCCESSFUL");
    }
    const char *answer = add(fake_add_key(world, 257), 257);
    assert_says(answer, "DnssecLimitExceeded");
    assert_says(answer, "up to 13");
    assert_int_equal(world->mail_count, 16);
    assert_says(world->mails[15], "already has 13 keys");
}

static void test_pending(void **state)
{
    (void)state;
    size_t first = fake_add_key(world, 257);
    size_t second = fake_add_key(world, 257);
    world->registry_is_paused = true;
    char *operation = member(add(first, 257), "OperationId", 0);
    assert_says(operation_of(operation), "IN_PROGRESS");
    assert_says(add(second, 257), "DuplicateRequest");
    assert_int_equal(world->mail_count, 0);
    fake_control(world, "domain-nameservers example.com ns9.example.net");
    assert_true(world->control_failed);
    assert_says(world->control, "still in progress");
    fake_restart(world);
    assert_says(add(second, 257), "DuplicateRequest");
    assert_int_equal(world->mail_count, 0);
    fake_resume(world);
    fake_pass(world, 130);
    assert_says(operation_of(operation), "SUCCESSFUL");
    assert_int_equal(world->mail_count, 1);
    assert_says(add(second, 257), "OperationId");
}

static void test_delete(void **state)
{
    (void)state;
    size_t first = fake_add_key(world, 257);
    size_t second = fake_add_key(world, 257);
    add(first, 257);
    fake_pass(world, 1);
    add(second, 257);
    char *first_id = member(detail(), "Id", 0);
    char *second_id = member(detail(), "Id", 1);
    assert_says(operation_of(member(delete_key(first_id, ""), "OperationId", 0)), "SUCCESSFUL");
    assert_false(world->keys[first].is_at_registry);
    assert_says(world->mails[2], "the key was deleted at the registry");
    assert_says(world->mails[2], "Do not stop signing");
    const char *refused = delete_key(second_id, "");
    assert_says(refused, "InvalidInput");
    assert_says(refused, "becomes insecure");
    char *consequence = member(refused, "Consequence", 0);
    assert_says(delete_key(second_id, "yes"), "becomes insecure");
    assert_true(world->keys[second].is_at_registry);
    assert_says(operation_of(member(delete_key(second_id, consequence), "OperationId", 0)),
                "SUCCESSFUL");
    assert_false(world->keys[second].is_at_registry);
    fake_pass(world, 5);
    assert_says(detail(), "\"DnsSec\":\"unsigned\"");
    assert_int_equal(world->mail_count, 4);
}

static void test_delete_would_break(void **state)
{
    (void)state;
    size_t first = fake_add_key(world, 257);
    size_t second = fake_add_key(world, 257);
    add(first, 257);
    add(second, 257);
    char *id = member(detail(), "Id", 0);
    bool is_first = strcmp(member(detail(), "PublicKey", 0), world->keys[first].base64) == 0;
    world->keys[is_first ? second : first].is_published = false;
    assert_says(delete_key(id, ""), "becomes unreachable");
    world->keys[is_first ? second : first].is_published = true;
    world->servers_are_silent = true;
    assert_says(delete_key(id, ""), "may become unreachable");
    world->servers_are_silent = false;
    assert_says(delete_key(id, ""), "OperationId");
}

static void test_nameservers(void **state)
{
    (void)state;
    add(fake_add_key(world, 257), 257);
    fake_control(world, "domain-nameservers example.com ns1.example.com=192.0.2.1 ns2.example.com");
    assert_says(world->control, "already");
    world->keys[0].signs = false;
    fake_control(world, "domain-nameservers example.com ns3.example.com=192.0.2.3");
    assert_true(world->control_failed);
    assert_says(world->control, "unreachable for validating resolvers");
    world->keys[0].signs = true;
    fake_control(world, "domain-nameservers example.com ns3.example.com=192.0.2.3");
    assert_false(world->control_failed);
    assert_says(detail(), "ns3.example.com");
    assert_int_equal(world->mail_count, 1);
}

static void test_registry_refuses(void **state)
{
    (void)state;
    size_t key = fake_add_key(world, 257);
    world->refuses = EPP_POLICY_ERROR;
    char *operation = member(add(key, 257), "OperationId", 0);
    assert_says(operation_of(operation), "FAILED");
    assert_says(operation_of(operation), "registry has its reasons (EPP 2306");
    assert_int_equal(world->mail_count, 1);
    assert_says(world->mails[0], "could not be added");
    assert_says(world->mails[0], "registry has its reasons");
}

static void test_registry_away(void **state)
{
    (void)state;
    size_t key = fake_add_key(world, 257);
    world->registry_is_down = true;
    fake_send(world, (struct event){.kind = EVENT_EPP_CLOSED,
                                    .epp = {.session = world->epp_session, .outcome = CLOSED}});
    char *operation = member(add(key, 257), "OperationId", 0);
    fake_pass(world, 300);
    assert_says(operation_of(operation), "IN_PROGRESS");
    assert_int_equal(world->mail_count, 0);
    world->registry_is_down = false;
    fake_pass(world, 60);
    assert_says(operation_of(operation), "SUCCESSFUL");
    assert_int_equal(world->mail_count, 1);
}

/* The registry did it, and its reply was lost: with a registry that remembers, and one that says
 * "exists" to the repetition. */
static void test_lost_reply(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world->has_memory = i == 0;
        size_t key = fake_add_key(world, 257);
        world->loses_next_reply = true;
        unsigned commands = world->command_count;
        char *operation = member(add(key, 257), "OperationId", 0);
        assert_says(operation_of(operation), "IN_PROGRESS");
        fake_pass(world, 130);
        assert_says(operation_of(operation), "SUCCESSFUL");
        assert_int_equal(world->command_count, commands + 1);
        assert_int_equal(world->mail_count, i + 1);
    }
    world->is_pending_first = true;
    size_t key = fake_add_key(world, 257);
    char *operation = member(add(key, 257), "OperationId", 0);
    fake_pass(world, 30);
    assert_says(operation_of(operation), "SUCCESSFUL");
}

static void test_mail_away(void **state)
{
    (void)state;
    size_t key = fake_add_key(world, 257);
    world->mail_outcome = IO_FAILED;
    add(key, 257);
    fake_pass(world, 100);
    assert_true(world->mail_tries > 3);
    unsigned tries = world->mail_tries;
    fake_restart(world);
    assert_true(world->mail_tries > tries);
    world->mail_outcome = OK;
    fake_pass(world, 60);
    assert_int_equal(world->mail_count, 1);
    tries = world->mail_tries;
    fake_restart(world);
    fake_pass(world, 60);
    assert_int_equal(world->mail_tries, tries);
}

/* Killed after each event in turn, an addition has the same end and one notice. */
static void kill_after(unsigned events)
{
    size_t key = fake_add_key(world, 257);
    size_t mails = world->mail_count;
    world->registry_is_paused = true;
    char *operation = member(add(key, 257), "OperationId", 0);
    for (unsigned i = 0; i < events; i++) {
        fake_restart(world);
        fake_pass(world, 1);
    }
    fake_resume(world);
    if (events % 2 == 1) {
        fake_restart(world);
    }
    fake_pass(world, 200);
    assert_says(operation_of(operation), "SUCCESSFUL");
    assert_int_equal(world->mail_count, mails + 1);
}

static void test_kill(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        kill_after(i);
    }
}

/* Each commit of an addition in turn fails. */
static void test_records_fail(void **state)
{
    (void)state;
    for (unsigned skip = 0; skip < 3; skip++) {
        size_t key = fake_add_key(world, 257);
        size_t mails = world->mail_count;
        fake_records_fail(world->records, skip, 1);
        const char *answer = add(key, 257);
        char *operation = member(answer, "OperationId", 0);
        if (operation[0] == '\0') {
            assert_says(answer, "InternalFailure");
            fake_records_fail(world->records, 0, 0);
            operation = member(add(key, 257), "OperationId", 0);
        }
        fake_pass(world, 200);
        fake_records_fail(world->records, 0, 0);
        assert_says(operation_of(operation), "SUCCESSFUL");
        assert_int_equal(world->mail_count, mails + 1);
    }
}

static const char *field_value(const char *page, const char *name)
{
    static char value[128];
    char pattern[64];
    snprintf(pattern, sizeof pattern, "name=\"%s\" value=\"", name);
    const char *at = strstr(page, pattern);
    at = at == NULL ? "" : at + strlen(pattern);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\""), at);
    return value;
}

/* The first link of the page that begins so. */
static const char *member_link(const char *begin)
{
    static char path[256];
    const char *at = strstr(world->http_body, begin);
    snprintf(path, sizeof path, "%.*s", at == NULL ? 0 : (int)strcspn(at, "\""), at);
    return path;
}

static const char *page_form(const char *path, const char *from, const char *fields)
{
    static char form[8192];
    char csrf[128];
    snprintf(csrf, sizeof csrf, "%s", field_value(fake_page(world, from, NULL), "csrf"));
    snprintf(form, sizeof form, "csrf=%s&%s", csrf, fields);
    return fake_page(world, path, form);
}

static void sign_in(const char *email, const char *password)
{
    char form[512];
    snprintf(form, sizeof form, "proof=%s&email=%s&password=%s",
             field_value(fake_page(world, "/sign-in", NULL), "proof"), email, password);
    fake_page(world, "/sign-in", form);
}

static void test_sign_in(void **state)
{
    (void)state;
    fake_page(world, "/domains", NULL);
    assert_int_equal(world->http_status, 303);
    assert_string_equal(world->location, "/sign-in");
    sign_in("owner@example.test", "wrong-password");
    assert_int_equal(world->http_status, 403);
    sign_in("nobody@example.test", "wrong-password");
    assert_int_equal(world->http_status, 403);
    assert_says(world->http_body, "e-mail address or the password is wrong");
    fake_page(world, "/sign-in", "email=owner%40example.test&password=correct-horse");
    assert_int_equal(world->http_status, 403);
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 303);
    assert_says(world->cookies[0], "HttpOnly; SameSite=Lax");
    assert_says(fake_page(world, "/domains", NULL), "Registered domains");
    assert_says(world->http_body, "example.com");
    fake_pass(world, 29 * 60);
    assert_says(fake_page(world, "/domains", NULL), "example.com");
    fake_pass(world, 31 * 60);
    fake_page(world, "/domains", NULL);
    assert_int_equal(world->http_status, 303);
}

static void test_sign_in_backoff(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        sign_in("owner%40example.test", "wrong-password");
    }
    assert_int_equal(world->http_status, 429);
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 429);
    fake_pass(world, 60);
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 303);
}

static void test_console_keys(void **state)
{
    (void)state;
    char fields[4096];
    size_t key = fake_add_key(world, 257);
    sign_in("owner%40example.test", "correct-horse");
    assert_says(fake_page(world, "/domains/example.com", NULL), "DNSSEC status");
    assert_says(fake_page(world, "/domains/example.com/keys", NULL), "No keys");
    assert_says(world->http_body, "three days");
    assert_says(world->http_body, "SERVFAIL");
    page_form("/domains/example.com/keys", "/domains/example.com/keys",
              "type=ksk&algorithm=13&public_key=%3Cscript%3Ealert(1)%3C/script%3E");
    assert_int_equal(world->http_status, 422);
    assert_says(world->http_body, "base64");
    assert_says(world->http_body, "&lt;script&gt;");
    assert_null(strstr(world->http_body, "<script"));
    assert_says(world->http_body, "Show the operation");
    fake_page(world, member_link("/operations/"), NULL);
    assert_says(world->http_body, "Refused at once");
    assert_says(world->http_body, "&lt;script&gt;");
    assert_null(strstr(world->http_body, "<script"));
    assert_says(world->http_body, "sent to owner@example.test");
    fake_page(world, "/domains/example.com/keys", "type=ksk&algorithm=13&public_key=AA==");
    assert_int_equal(world->http_status, 403);
    size_t at = (size_t)snprintf(fields, sizeof fields, "type=ksk&algorithm=13&public_key=");
    for (const char *c = world->keys[key].base64; *c != '\0'; c++) {
        at += (size_t)snprintf(fields + at, sizeof fields - at, "%%%02X", *c);
    }
    world->registry_is_paused = true;
    page_form("/domains/example.com/keys", "/domains/example.com/keys", fields);
    assert_int_equal(world->http_status, 303);
    assert_says(fake_page(world, "/domains/example.com/keys", NULL), "Pending");
    assert_null(strstr(world->http_body, ">Add</button>"));
    fake_resume(world);
    assert_says(fake_page(world, "/domains/example.com/keys", NULL), ">Delete<");
    fake_pass(world, 5);
    assert_says(fake_page(world, "/domains/example.com", NULL), "Secure");
    char path[256], confirm[1024];
    snprintf(path, sizeof path, "/domains/example.com/keys/%s/delete", member(detail(), "Id", 0));
    page_form(path, "/domains/example.com/keys", "x=y");
    assert_int_equal(world->http_status, 200);
    assert_says(world->http_body, "becomes insecure");
    snprintf(confirm, sizeof confirm, "confirmed=yes&consequence=%s",
             "example.com+becomes+insecure%3a+no+key+is+left+at+the+registry,+and+resolvers+no+"
             "longer+check+its+answers.");
    page_form(path, "/domains/example.com/keys", confirm);
    assert_int_equal(world->http_status, 303);
    assert_says(fake_page(world, "/domains/example.com/keys", NULL), "No keys");
    assert_says(fake_page(world, "/operations", NULL), "Delete a key");
    assert_says(fake_page(world, "/tlds", NULL), ".aq");
}

/* The chain is looked at again and again; each turn is told once, whatever dies in between. */
static void test_vigil(void **state)
{
    (void)state;
    add(fake_add_key(world, 257), 257);
    fake_pass(world, 5);
    assert_says(detail(), "\"DnsSec\":\"secure\"");
    assert_int_equal(world->mail_count, 1);
    fake_pass(world, 86400 + 3 * 7200); /* calm by now */
    assert_int_equal(world->mail_count, 1);
    world->is_bogus = true;
    fake_restart(world);
    fake_pass(world, 7200 + 7200 / 4 + VIGIL_CONFIRM_S + 2);
    assert_says(detail(), "\"DnsSec\":\"bogus\"");
    assert_says(detail(), "SERVFAIL");
    assert_int_equal(world->mail_count, 2);
    assert_says(world->mails[1], "Subject: example.com: the DNSSEC chain of trust is broken\r\n");
    assert_says(world->mails[1], "answered SERVFAIL");
    sign_in("owner%40example.test", "correct-horse");
    assert_says(fake_page(world, "/domains/example.com", NULL), "Broken");
    assert_says(world->http_body, "The resolver answered SERVFAIL");
    assert_says(world->http_body, " ago, at ");
    assert_says(world->http_body, "The registrant was told");
    fake_restart(world);
    fake_pass(world, 1000);
    assert_int_equal(world->mail_count, 2);
    world->is_bogus = false;
    fake_pass(world, 400);
    assert_says(detail(), "\"DnsSec\":\"secure\"");
    assert_int_equal(world->mail_count, 3);
    assert_says(world->mails[2], "the DNSSEC chain of trust is well again");
    fake_pass(world, 1000);
    assert_int_equal(world->mail_count, 3);
}

/* One bad answer is no broken chain, and neither is a chain that never held. */
static void test_vigil_doubts(void **state)
{
    (void)state;
    world->is_bogus = true;
    add(fake_add_key(world, 257), 257);
    fake_pass(world, 2000);
    assert_says(detail(), "\"DnsSec\":\"bogus\"");
    assert_int_equal(world->mail_count, 1);
    world->is_bogus = false;
    fake_pass(world, 400);
    assert_says(detail(), "\"DnsSec\":\"secure\"");
    assert_int_equal(world->mail_count, 1);
    world->is_bogus = true;
    for (int i = 0; i < 400 && strstr(detail(), "bogus") == NULL; i++) {
        fake_pass(world, 1);
    }
    assert_says(detail(), "\"DnsSec\":\"bogus\"");
    world->is_bogus = false;
    fake_pass(world, 2000);
    assert_int_equal(world->mail_count, 1);
}

/* A turn and its notice are stored together or not at all. */
static void test_vigil_is_durable(void **state)
{
    (void)state;
    for (unsigned skip = 0; skip < 3; skip++) {
        size_t mails = world->mail_count;
        if (skip == 0) {
            add(fake_add_key(world, 257), 257);
            mails = 1;
        }
        fake_pass(world, 700);
        world->is_bogus = true;
        fake_records_fail(world->records, skip, 1);
        fake_pass(world, 1500);
        fake_records_fail(world->records, 0, 0);
        assert_int_equal(world->mail_count, mails + 1);
        fake_restart(world);
        world->is_bogus = false;
        fake_pass(world, 700);
        assert_int_equal(world->mail_count, mails + 2);
    }
}

/* Tokens are listed with their last use, shown once, and gone when revoked. */
static void test_tokens(void **state)
{
    (void)state;
    char line[128], own[64], made[128];
    const char *listed = fake_control(world, "token-list owner@example.test");
    snprintf(own, sizeof own, "%.*s", (int)strcspn(listed, " "), listed);
    assert_int_equal(strlen(own), 20);
    assert_says(listed, "used never");
    fake_api(world, "ListDomains", "{}");
    assert_null(strstr(fake_control(world, "token-list owner@example.test"), "never"));
    sign_in("owner%40example.test", "correct-horse");
    assert_says(fake_page(world, "/tokens", NULL), own);
    assert_null(strstr(world->http_body, FAKE_TOKEN));
    page_form("/tokens", "/tokens", "label=%3Cb%3Erobot");
    assert_int_equal(world->http_status, 200);
    assert_says(world->http_body, "&lt;b&gt;robot");
    assert_says(world->http_body, "shown only once");
    const char *at = strstr(world->http_body, "vouch_");
    assert_non_null(at);
    snprintf(made, sizeof made, "%.*s", at == NULL ? 0 : (int)strcspn(at, "<"), at);
    assert_null(strstr(fake_page(world, "/tokens", NULL), made));
    assert_says(world->http_body, "never");
    fake_page(world, "/tokens", "label=forged");
    assert_int_equal(world->http_status, 403);
    snprintf(line, sizeof line, "token-revoke stranger@example.test %s", own);
    fake_control(world, line);
    assert_true(world->control_failed);
    assert_says(fake_api(world, "ListDomains", "{}"), "example.com");
    snprintf(line, sizeof line, "/tokens/%s/revoke", own);
    page_form(line, "/tokens", "x=y");
    assert_int_equal(world->http_status, 303);
    assert_says(fake_api(world, "ListDomains", "{}"), "AccessDeniedException");
    snprintf(FAKE_TOKEN, sizeof FAKE_TOKEN, "%s", made);
    assert_says(fake_api(world, "ListDomains", "{}"), "example.com");
    for (int i = 0; i < TOKENS_MAX - 1; i++) {
        fake_control(world, "token-add owner@example.test");
        assert_false(world->control_failed);
    }
    fake_control(world, "token-add owner@example.test");
    assert_true(world->control_failed);
    page_form("/tokens", "/tokens", "label=more");
    assert_int_equal(world->http_status, 422);
}

/* SIGHUP: all of what is read anew counts, or nothing. */
static void test_reload(void **state)
{
    (void)state;
    static const struct event reload = {.kind = EVENT_RELOAD};
    assert_says(fake_api(world, "Vouch_v1.ListTlds", "{}"),
                "\"com\",\"Dnssec\":true,\"KeysMax\":13");
    world->policy = "tld:\n  name: com\n  keys-max: 1\n";
    fake_send(world, reload);
    assert_says(fake_api(world, "Vouch_v1.ListTlds", "{}"),
                "\"com\",\"Dnssec\":true,\"KeysMax\":1,");
    static const char *const bad[] = {NULL, "tld:\n  nonsense: 1\n",
                                      "tld:\n  name: nowhere\n  keys-max: 2\n"};
    for (size_t i = 0; i < LEN(bad); i++) {
        world->policy = bad[i];
        fake_send(world, reload);
        assert_says(fake_api(world, "Vouch_v1.ListTlds", "{}"),
                    "\"com\",\"Dnssec\":true,\"KeysMax\":1,");
    }
    add(fake_add_key(world, 257), 257);
    assert_says(world->mails[0], "Renamed Registrar");
    assert_says(add(fake_add_key(world, 257), 257), "up to 1");
    world->policy = "";
    fake_send(world, reload);
    assert_says(add(world->key_count - 1, 257), "OperationId");
    assert_int_equal(world->keys[1].is_at_registry, true);
}

/* Whoever guesses waits, restarts or not; after a day without a failure all is forgotten. */
static void test_backoff_survives(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        sign_in("owner%40example.test", "wrong-password");
        fake_pass(world, 1 << (i < 3 ? 0 : i - 2));
    }
    sign_in("owner%40example.test", "wrong-password");
    fake_restart(world);
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 429);
    fake_pass(world, BACKOFF_MOST_S + 1);
    sign_in("owner%40example.test", "wrong-password");
    assert_int_equal(world->http_status, 403);
    fake_restart(world);
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 429);
    fake_pass(world, BACKOFF_FORGET_S + 1);
    for (int i = 0; i < BACKOFF_FREE_TRIES - 1; i++) {
        sign_in("owner%40example.test", "wrong-password");
    }
    sign_in("owner%40example.test", "correct-horse");
    assert_int_equal(world->http_status, 303);
}

static void test_authorisation(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/domains/example.com",   "/domains/example.com/keys",
        "/operations/none",       "/nothing",
        "/domains/example.com/x", "/domains/example.com/keys/1/2/3/4/5/6"};
    add(fake_add_key(world, 257), 257);
    char operation[64], own[128];
    snprintf(operation, sizeof operation, "/operations/%s",
             member(fake_api(world, "ListOperations", "{}"), "OperationId", 0));
    snprintf(own, sizeof own, "%s", operation);
    sign_in("stranger%40example.test", "battery-staple");
    for (size_t i = 0; i < LEN(paths); i++) {
        fake_page(world, paths[i], NULL);
        assert_int_equal(world->http_status, 404);
    }
    fake_page(world, own, NULL);
    assert_int_equal(world->http_status, 404);
    assert_null(strstr(fake_page(world, "/domains", NULL), "example.com"));
    snprintf(FAKE_TOKEN, sizeof FAKE_TOKEN, "vouch_wrong");
    assert_says(fake_api(world, "ListDomains", "{}"), "AccessDeniedException");
    assert_int_equal(world->http_status, 403);
}

static void test_lists(void **state)
{
    (void)state;
    fake_control(world, "domain-register second.com owner@example.test ns1.example.net");
    assert_says(fake_api(world, "ListDomains", "{\"MaxItems\":1}"), "\"NextPageMarker\":\"1\"");
    assert_says(fake_api(world, "ListDomains", "{\"MaxItems\":1,\"Marker\":\"1\"}"), "second.com");
    assert_says(fake_api(world, "ListDomains", "{\"MaxItems\":0}"), "InvalidInput");
    assert_says(fake_api(world, "ListOperations", "{\"Type\":[\"REGISTER_DOMAIN\"]}"),
                "second.com");
    assert_null(
        strstr(fake_api(world, "ListOperations", "{\"Type\":[\"ADD_DNSSEC\"]}"), "second.com"));
    assert_says(fake_api(world, "Vouch_v1.ListTlds", "{}"),
                "{\"Name\":\"com\",\"Dnssec\":true,\"KeysMax\":13");
    assert_says(world->http_body, "{\"Name\":\"aq\",\"Dnssec\":false");
    assert_says(world->http_body, "\"KeysMax\":4,\"Form\":\"public key\"");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_registration),
        ROW(test_add),
        ROW(test_preflight),
        ROW(test_refusals),
        ROW(test_refusal_is_told),
        ROW(test_refusal_of_tld_is_told),
        ROW(test_refusals_are_limited),
        ROW(test_refusal_is_durable),
        ROW(test_duplicate_and_limit),
        ROW(test_pending),
        ROW(test_delete),
        ROW(test_delete_would_break),
        ROW(test_nameservers),
        ROW(test_registry_refuses),
        ROW(test_registry_away),
        ROW(test_lost_reply),
        ROW(test_mail_away),
        ROW(test_kill),
        ROW(test_records_fail),
        ROW(test_sign_in),
        ROW(test_sign_in_backoff),
        ROW(test_console_keys),
        ROW(test_vigil),
        ROW(test_vigil_doubts),
        ROW(test_vigil_is_durable),
        ROW(test_tokens),
        ROW(test_reload),
        ROW(test_backoff_survives),
        ROW(test_authorisation),
        ROW(test_lists),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
