/* EPP both ways: what is written is read back the same, and each fault of a frame gets its code and
 * its sentence. */
#include "core/proto/epp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/epp_samples.h"
#include "core/proto/xml.h"

#define EPP_START                                                                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"
#define DOMAIN_SPACE "xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\""
#define SECDNS_SPACE "xmlns:s=\"urn:ietf:params:xml:ns:secDNS-1.1\""
#define TRANSACTION "<clTRID>ABC-1</clTRID>"
#define COMMAND(body) EPP_START "<command>" body TRANSACTION "</command></epp>"
#define UPDATE(extension)                                                                          \
    COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name></d:update></update>"        \
            "<extension><s:update " SECDNS_SPACE ">" extension "</s:update></extension>")
#define DS(digest)                                                                                 \
    "<s:dsData><s:keyTag>1</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType>"              \
    "<s:digest>" digest "</s:digest></s:dsData>"
#define KEY                                                                                        \
    "<s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>13</s:alg>"                 \
    "<s:pubKey>AQID</s:pubKey></s:keyData>"
#define LOGIN(client, password, version, services)                                                 \
    COMMAND("<login><clID>" client "</clID><pw>" password "</pw><options><version>" version        \
            "</version><lang>en</lang></options><svcs>" services "</svcs></login>")
#define DOMAIN_URI "<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>"
#define CREATE(body)                                                                               \
    COMMAND("<create><d:create " DOMAIN_SPACE "><d:name>a.com</d:name>" body "</d:create></"       \
            "create>")
#define AUTH "<d:authInfo><d:pw>2fooBAR</d:pw></d:authInfo>"

static const struct {
    const char *why;
    const char *frame;
    enum epp_code code;
    const char *sentence; /* a part of it */
    bool has_transaction; /* the clTRID is there all the same */
} refusals[] = {
    {"not XML", "hello", EPP_SYNTAX_ERROR, "not well-formed", false},
    {"a DOCTYPE", "<!DOCTYPE epp><epp/>", EPP_SYNTAX_ERROR, "DOCTYPE", false},
    {"entity bomb", "<!DOCTYPE e [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><e>&b;</e>",
     EPP_SYNTAX_ERROR, "DOCTYPE", false},
    {"no namespace", "<epp><hello/></epp>", EPP_SYNTAX_ERROR, "<epp> of urn", false},
    {"namespace of an older EPP", "<epp xmlns=\"urn:iana:xml:ns:epp-1.0\"><hello/></epp>",
     EPP_SYNTAX_ERROR, "<epp> of urn", false},
    {"empty", EPP_START "</epp>", EPP_SYNTAX_ERROR, "<hello> or <command>", false},
    {"a response", EPP_START "<response/></epp>", EPP_SYNTAX_ERROR, "<hello> or <command>", false},
    {"hello with content", EPP_START "<hello>x</hello></epp>", EPP_VALUE_SYNTAX, "<hello>", false},
    {"hello and command", EPP_START "<hello/><command/></epp>", EPP_SYNTAX_ERROR,
     "<command> is not expected", false},
    {"empty command", EPP_START "<command/></epp>", EPP_SYNTAX_ERROR, "must begin", false},
    {"no verb", COMMAND(""), EPP_UNKNOWN_COMMAND, "<clTRID> is not a command", true},
    {"unknown verb", COMMAND("<destroy/>"), EPP_UNKNOWN_COMMAND, "<destroy>", true},
    {"verb of another namespace", COMMAND("<login xmlns='urn:x'/>"), EPP_SYNTAX_ERROR, "must begin",
     true},
    {"renew", COMMAND("<renew/>"), EPP_UNIMPLEMENTED_COMMAND, "<renew>", true},
    {"transfer", COMMAND("<transfer op=\"query\"/>"), EPP_UNIMPLEMENTED_COMMAND, "<transfer>",
     true},
    {"short clTRID", EPP_START "<command><logout/><clTRID>A</clTRID></command></epp>",
     EPP_VALUE_SYNTAX, "<clTRID>", false},
    {"two clTRIDs", COMMAND("<logout/><clTRID>ABC-0</clTRID>"), EPP_SYNTAX_ERROR,
     "<clTRID> is not expected", true},
    {"unknown element behind the verb", COMMAND("<logout/><extra/>"), EPP_SYNTAX_ERROR,
     "<extra> is not expected", true},
    {"contact objects",
     COMMAND("<check><c:check xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"/></check>"),
     EPP_UNIMPLEMENTED_SERVICE, "only objects", true},
    {"domain without its namespace", COMMAND("<check><check/></check>"), EPP_UNIMPLEMENTED_SERVICE,
     "only objects", true},
    {"check holds info", COMMAND("<check><d:info " DOMAIN_SPACE "/></check>"), EPP_SYNTAX_ERROR,
     "<domain:check>", true},
    {"empty check", COMMAND("<check/>"), EPP_MISSING_PARAMETER, "exactly one", true},
    {"check of no name", COMMAND("<check><d:check " DOMAIN_SPACE "/></check>"),
     EPP_MISSING_PARAMETER, "<name> is missing", true},
    {"name in the wrong namespace",
     COMMAND("<info><d:info " DOMAIN_SPACE "><name>a.com</name></d:info></info>"), EPP_SYNTAX_ERROR,
     "not in its namespace", true},
    {"name with a child",
     COMMAND("<info><d:info " DOMAIN_SPACE "><d:name><d:x/></d:name></d:info></info>"),
     EPP_SYNTAX_ERROR, "text only", true},
    {"empty name", COMMAND("<info><d:info " DOMAIN_SPACE "><d:name/></d:info></info>"),
     EPP_VALUE_SYNTAX, "<name>", true},
    {"unknown hosts wish",
     COMMAND("<info><d:info " DOMAIN_SPACE "><d:name hosts=\"x\">a.com</d:name></d:info></info>"),
     EPP_VALUE_SYNTAX, "hosts must be", true},
    {"delete of two names",
     COMMAND("<delete><d:delete " DOMAIN_SPACE "><d:name>a.com</d:name><d:name>b.com</d:name>"
             "</d:delete></delete>"),
     EPP_SYNTAX_ERROR, "<name> is not expected", true},
    {"login without password", COMMAND("<login><clID>abc</clID><options/></login>"),
     EPP_MISSING_PARAMETER, "<pw> is missing", true},
    {"password too short", LOGIN("ClientX", "foo", "1.0", DOMAIN_URI), EPP_VALUE_SYNTAX, "<pw>",
     true},
    {"client id too long", LOGIN("ClientClientClient", "foo-BAR2", "1.0", DOMAIN_URI),
     EPP_VALUE_SYNTAX, "<clID>", true},
    {"version 2", LOGIN("ClientX", "foo-BAR2", "2.0", DOMAIN_URI), EPP_BAD_VERSION, "1.0", true},
    {"no object service", LOGIN("ClientX", "foo-BAR2", "1.0", ""), EPP_MISSING_PARAMETER,
     "<objURI>", true},
    {"contact service", LOGIN("ClientX", "foo-BAR2", "1.0", DOMAIN_URI "<objURI>urn:x</objURI>"),
     EPP_UNIMPLEMENTED_SERVICE, "only objects", true},
    {"unknown extension service",
     LOGIN("ClientX", "foo-BAR2", "1.0",
           DOMAIN_URI "<svcExtension><extURI>urn:x</extURI></svcExtension>"),
     EPP_UNIMPLEMENTED_EXTENSION, "secDNS-1.1", true},
    {"poll without op", COMMAND("<poll/>"), EPP_VALUE_SYNTAX, "req or ack", true},
    {"ack without id", COMMAND("<poll op=\"ack\"/>"), EPP_MISSING_PARAMETER, "msgID", true},
    {"create without authInfo", CREATE(""), EPP_MISSING_PARAMETER, "<authInfo>", true},
    {"create out of order", CREATE(AUTH "<d:registrant>jd1234</d:registrant>"), EPP_SYNTAX_ERROR,
     "<registrant> is not expected", true},
    {"create for no time", CREATE("<d:period unit=\"y\">0</d:period>" AUTH), EPP_RANGE_ERROR,
     "whole years", true},
    {"create for half a year", CREATE("<d:period unit=\"m\">6</d:period>" AUTH), EPP_RANGE_ERROR,
     "whole years", true},
    {"create for 100 years", CREATE("<d:period unit=\"y\">100</d:period>" AUTH), EPP_RANGE_ERROR,
     "at most 99", true},
    {"period without unit", CREATE("<d:period>1</d:period>" AUTH), EPP_VALUE_SYNTAX, "y or m",
     true},
    {"create with a contact", CREATE("<d:contact type=\"admin\">sh8013</d:contact>" AUTH),
     EPP_UNIMPLEMENTED_OPTION, "registrant", true},
    {"empty ns", CREATE("<d:ns/>" AUTH), EPP_MISSING_PARAMETER, "hostAttr", true},
    {"hostObj and hostAttr",
     CREATE("<d:ns><d:hostObj>ns.a.com</d:hostObj><d:hostAttr/></d:ns>" AUTH), EPP_SYNTAX_ERROR,
     "<hostAttr> is not expected", true},
    {"address of version 5",
     CREATE("<d:ns><d:hostAttr><d:hostName>ns.a.com</d:hostName><d:hostAddr ip=\"v5\">1.2.3.4"
            "</d:hostAddr></d:hostAttr></d:ns>" AUTH),
     EPP_VALUE_SYNTAX, "v4 or v6", true},
    {"update of nothing",
     COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name></d:update></update>"),
     EPP_MISSING_PARAMETER, "none of add", true},
    {"unknown status",
     COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name><d:add>"
             "<d:status s=\"sleeping\"/></d:add></d:update></update>"),
     EPP_VALUE_SYNTAX, "<status>", true},
    {"secDNS that changes nothing", UPDATE(""), EPP_MISSING_PARAMETER, "none of rem", true},
    {"secDNS-1.0",
     COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name></d:update></update>"
             "<extension><s:update xmlns:s=\"urn:ietf:params:xml:ns:secDNS-1.0\"/></extension>"),
     EPP_UNIMPLEMENTED_EXTENSION, "secDNS-1.1", true},
    {"secDNS create on update",
     COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name></d:update></update>"
             "<extension><s:create " SECDNS_SPACE "/></extension>"),
     EPP_SYNTAX_ERROR, "does not extend", true},
    {"secDNS on delete",
     COMMAND("<delete><d:delete " DOMAIN_SPACE "><d:name>a.com</d:name></d:delete></delete>"
             "<extension><s:update " SECDNS_SPACE "/></extension>"),
     EPP_SYNTAX_ERROR, "does not extend", true},
    {"add without keys", UPDATE("<s:add/>"), EPP_MISSING_PARAMETER, "neither dsData", true},
    {"add before rem", UPDATE("<s:add>" KEY "</s:add><s:rem>" KEY "</s:rem>"), EPP_SYNTAX_ERROR,
     "<rem> is not expected", true},
    {"DS then key", UPDATE("<s:add>" DS("ABCD") KEY "</s:add>"), EPP_SYNTAX_ERROR, "mixed", true},
    {"key then DS", UPDATE("<s:add>" KEY DS("ABCD") "</s:add>"), EPP_SYNTAX_ERROR, "mixed", true},
    {"key out, DS in", UPDATE("<s:rem>" KEY "</s:rem><s:add>" DS("ABCD") "</s:add>"),
     EPP_SYNTAX_ERROR, "mixed", true},
    {"digest is no hex", UPDATE("<s:add>" DS("XYZ") "</s:add>"), EPP_VALUE_SYNTAX, "hexadecimal",
     true},
    {"half an octet", UPDATE("<s:add>" DS("ABC") "</s:add>"), EPP_VALUE_SYNTAX, "hexadecimal",
     true},
    {"empty digest", UPDATE("<s:add>" DS("") "</s:add>"), EPP_VALUE_SYNTAX, "<digest>", true},
    {"key is no base64",
     UPDATE("<s:add><s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>13</s:alg>"
            "<s:pubKey>*</s:pubKey></s:keyData></s:add>"),
     EPP_VALUE_SYNTAX, "base64", true},
    {"flags beyond 16 bits",
     UPDATE("<s:add><s:keyData><s:flags>65536</s:flags></s:keyData></s:add>"), EPP_RANGE_ERROR,
     "at most 65535", true},
    {"flags are no number", UPDATE("<s:add><s:keyData><s:flags>KSK</s:flags></s:keyData></s:add>"),
     EPP_VALUE_SYNTAX, "must be a number", true},
    {"key without flags", UPDATE("<s:add><s:keyData/></s:add>"), EPP_MISSING_PARAMETER,
     "<flags> is missing", true},
    {"all is false", UPDATE("<s:rem><s:all>false</s:all></s:rem>"), EPP_USE_ERROR, "nothing", true},
    {"all is maybe", UPDATE("<s:rem><s:all>maybe</s:all></s:rem>"), EPP_VALUE_SYNTAX, "truth value",
     true},
    {"an attribute that no schema has", COMMAND("<logout at=\"once\"/>"), EPP_SYNTAX_ERROR,
     "has no attribute at", true},
    {"an attribute of another element",
     COMMAND("<check><d:check " DOMAIN_SPACE "><d:name hosts=\"all\">a.com</d:name></d:check></"
             "check>"),
     EPP_SYNTAX_ERROR, "has no attribute hosts", true},
    {"text beside elements", COMMAND("now <logout/>"), EPP_SYNTAX_ERROR, "no text beside", true},
    {"authInfo of another form", CREATE("<d:authInfo><d:ext/></d:authInfo>"),
     EPP_UNIMPLEMENTED_OPTION, "only form of <authInfo>", true},
    {"authInfo taken away",
     COMMAND("<update><d:update " DOMAIN_SPACE "><d:name>a.com</d:name><d:chg><d:authInfo><d:null/>"
             "</d:authInfo></d:chg></d:update></update>"),
     EPP_UNIMPLEMENTED_OPTION, "only form of <authInfo>", true},
    {"all and a key", UPDATE("<s:rem><s:all>true</s:all>" KEY "</s:rem>"), EPP_SYNTAX_ERROR,
     "<keyData> is not expected", true},
    {"no signature life", UPDATE("<s:chg><s:maxSigLife>0</s:maxSigLife></s:chg>"), EPP_RANGE_ERROR,
     "at least 1", true},
};

static enum status read_command(struct span frame, struct arena *arena, struct epp_command *command,
                                enum epp_code *code, struct problem *problem)
{
    *problem = (struct problem){.status = OK};
    return epp_command_read(frame, arena, command, code, problem);
}

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(refusals); i++) {
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct epp_command command;
        enum epp_code code;
        struct problem problem;
        enum status status =
            read_command(span_of_text(refusals[i].frame), &arena, &command, &code, &problem);
        if (status == OK || code != refusals[i].code ||
            strstr(problem.sentence, refusals[i].sentence) == NULL) {
            fail_msg("%s: %s, %d, \"%s\"", refusals[i].why, status_text(status), (int)code,
                     problem.sentence);
        }
        bool has_transaction = span_equal(command.client_transaction, SPAN_LITERAL("ABC-1")) ||
                               span_equal(command.client_transaction, SPAN_LITERAL("ABC-0"));
        if (has_transaction != refusals[i].has_transaction) {
            fail_msg("%s: the clTRID is %s", refusals[i].why, has_transaction ? "there" : "lost");
        }
        if (status == UNSUPPORTED) {
            assert_int_equal(command.verb, EPP_UNIMPLEMENTED);
        }
        arena_close(&arena);
    }
}

static void repeat(struct writer *writer, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        writer_text(writer, piece);
    }
}

static void test_counts_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *why, *before, *piece, *after;
        size_t count_max;
        enum epp_code code;
    } rows[] = {
        {"names of a check", EPP_START "<command><check><d:check " DOMAIN_SPACE ">",
         "<d:name>a.com</d:name>", "</d:check></check></command></epp>", EPP_NAMES_MAX,
         EPP_POLICY_ERROR},
        {"keys of an update",
         EPP_START "<command><update><d:update " DOMAIN_SPACE
                   "><d:name>a.com</d:name></d:update></update><extension><s:update " SECDNS_SPACE
                   "><s:add>",
         KEY, "</s:add></s:update></extension></command></epp>", EPP_KEYS_MAX, EPP_POLICY_ERROR},
        {"name servers of a create",
         EPP_START "<command><create><d:create " DOMAIN_SPACE "><d:name>a.com</d:name><d:ns>",
         "<d:hostObj>ns.b.com</d:hostObj>", "</d:ns>" AUTH "</d:create></create></command></epp>",
         EPP_NAMES_MAX, EPP_POLICY_ERROR},
        {"addresses of a host",
         EPP_START "<command><create><d:create " DOMAIN_SPACE
                   "><d:name>a.com</d:name><d:ns><d:hostAttr><d:hostName>ns.a.com</d:hostName>",
         "<d:hostAddr>192.0.2.1</d:hostAddr>",
         "</d:hostAttr></d:ns>" AUTH "</d:create></create></command></epp>", 4, EPP_POLICY_ERROR},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            char bytes[16384];
            struct writer frame = writer_over(bytes, sizeof bytes);
            writer_text(&frame, rows[i].before);
            repeat(&frame, rows[i].piece, rows[i].count_max + extra);
            writer_text(&frame, rows[i].after);
            struct arena arena;
            arena_open(&arena, 1 << 20);
            struct epp_command command;
            enum epp_code code;
            struct problem problem;
            enum status status =
                read_command(writer_written(&frame), &arena, &command, &code, &problem);
            if (status != (extra == 0 ? OK : LIMIT_REACHED) ||
                code != (extra == 0 ? EPP_OK : rows[i].code)) {
                fail_msg("%s, %zu: %s %d \"%s\"", rows[i].why, rows[i].count_max + extra,
                         status_text(status), (int)code, problem.sentence);
            }
            arena_close(&arena);
        }
    }
}

static void test_nesting_and_length(void **state)
{
    (void)state;
    size_t size = 400000;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    static const size_t counts[] = {20000, 100000};
    for (size_t i = 0; i < LEN(counts); i++) {
        struct writer frame = writer_over(bytes, size);
        repeat(&frame, "<a>", counts[i]);
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct epp_command command;
        enum epp_code code;
        struct problem problem;
        assert_int_not_equal(
            read_command(writer_written(&frame), &arena, &command, &code, &problem), OK);
        assert_int_equal(code, EPP_SYNTAX_ERROR);
        assert_non_null(strstr(problem.sentence, i == 0 ? "nested too deep" : "longer than"));
        arena_close(&arena);
    }
    free(bytes);
}

/* Round trips. */

static void assert_spans(struct span a, struct span b, const char *what)
{
    if (!span_equal(a, b)) {
        fail_msg("%s: \"%.*s\" is not \"%.*s\"", what, (int)a.len, a.bytes, (int)b.len, b.bytes);
    }
}

static void test_commands_round(void **state)
{
    (void)state;
    static struct epp_command commands[SAMPLE_COMMANDS_MAX];
    size_t count;
    commands_make(commands, &count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8192], again_bytes[8192];
        struct writer frame = writer_over(bytes, sizeof bytes);
        assert_int_equal(epp_command_write(&commands[i], &frame), OK);
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct epp_command command;
        enum epp_code code;
        struct problem problem;
        if (read_command(writer_written(&frame), &arena, &command, &code, &problem) != OK) {
            fail_msg("%d: %s", (int)commands[i].verb, problem.sentence);
        }
        assert_int_equal(command.verb, commands[i].verb);
        assert_spans(command.client_transaction, commands[i].client_transaction, "clTRID");
        struct writer again = writer_over(again_bytes, sizeof again_bytes);
        assert_int_equal(epp_command_write(&command, &again), OK);
        assert_spans(writer_written(&again), writer_written(&frame), "frame");
        arena_close(&arena);
    }
}

static void test_command_values(void **state)
{
    (void)state;
    static const char frame[] =
        UPDATE("<s:rem><s:all>1</s:all></s:rem><s:add>" DS(" ab0C\n ") "</s:add>");
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct epp_command command;
    enum epp_code code;
    struct problem problem;
    assert_int_equal(read_command(span_of_text(frame), &arena, &command, &code, &problem), OK);
    assert_true(command.update.has_secdns && command.update.removes_all_keys);
    assert_false(command.update.is_urgent);
    assert_int_equal(command.update.keys_added_count, 1);
    const struct epp_key *key = &command.update.keys_added[0];
    assert_true(key->has_ds && !key->has_key);
    assert_int_equal(key->ds_tag, 1);
    assert_int_equal(key->ds_algorithm, 13);
    assert_int_equal(key->ds_digest_type, 2);
    assert_spans(key->ds_digest, SPAN_LITERAL("\xab\x0c"), "digest");
    arena_close(&arena);
}

/* RFC 3730's examples have them in each frame. */
static void test_schema_hints_are_allowed(void **state)
{
    (void)state;
    static const char frame[] = "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\" "
                                "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                "xsi:schemaLocation=\"urn:ietf:params:xml:ns:epp-1.0 epp-1.0.xsd\">"
                                "<hello/></epp>";
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct epp_command command;
    enum epp_code code;
    struct problem problem;
    assert_int_equal(read_command(span_of_text(frame), &arena, &command, &code, &problem), OK);
    assert_int_equal(command.verb, EPP_HELLO);
    arena_close(&arena);
}

static void test_writer_keeps_to_the_schema(void **state)
{
    (void)state;
    struct epp_command login = {
        .verb = EPP_LOGIN,
        .login = {SPAN_LITERAL("ClientX"), SPAN_LITERAL("foo-BAR2"), SPAN_EMPTY, true}};
    uint8_t bytes[4096];
    struct writer frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_command_write(&login, &frame), OK);
    struct epp_command wrong = login;
    wrong.login.password = SPAN_LITERAL("seventeen letters");
    frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_command_write(&wrong, &frame), BAD_ARGUMENT);
    wrong = login;
    wrong.login.client = SPAN_LITERAL("me");
    frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_command_write(&wrong, &frame), BAD_ARGUMENT);
    wrong = login;
    wrong.client_transaction = SPAN_LITERAL("A");
    frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_command_write(&wrong, &frame), BAD_ARGUMENT);
    frame = writer_over(bytes, 100);
    assert_int_equal(epp_command_write(&login, &frame), NO_SPACE);
}

static void test_responses_round(void **state)
{
    (void)state;
    static struct epp_response responses[SAMPLE_RESPONSES_MAX];
    size_t count;
    responses_make(responses, &count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8192], again_bytes[8192];
        struct writer frame = writer_over(bytes, sizeof bytes);
        assert_int_equal(epp_response_write(&responses[i], &frame), OK);
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct epp_response response;
        struct problem problem = {.status = OK};
        if (epp_response_read(writer_written(&frame), &arena, &response, &problem) != OK) {
            fail_msg("%zu: %s", i, problem.sentence);
        }
        assert_int_equal(response.code, responses[i].code);
        assert_int_equal(response.verb, responses[i].verb);
        assert_int_equal(response.is_greeting, responses[i].is_greeting);
        assert_int_equal(response.has_domain, responses[i].has_domain);
        assert_spans(response.reason, responses[i].reason, "reason");
        struct writer again = writer_over(again_bytes, sizeof again_bytes);
        assert_int_equal(epp_response_write(&response, &again), OK);
        assert_spans(writer_written(&again), writer_written(&frame), "frame");
        arena_close(&arena);
    }
}

/* Frames of other servers: more than we write, and what we must refuse. */
#define RESPONSE(body)                                                                             \
    EPP_START "<response>" body "<trID><svTRID>54321-XYZ</svTRID></trID></response></epp>"
#define RESULT "<result code=\"1000\"><msg lang=\"en\">Command completed</msg></result>"

static void test_foreign_responses(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *frame;
        enum status status;
    } rows[] = {
        {"times with fractions",
         RESPONSE(RESULT "<resData><d:creData " DOMAIN_SPACE "><d:name>a.com</d:name>"
                         "<d:crDate>1999-04-03T22:00:00.0Z</d:crDate></d:creData></resData>"),
         OK},
        {"unknown resData", RESPONSE(RESULT "<resData><x xmlns='urn:x'/></resData>"), OK},
        {"unknown extension", RESPONSE(RESULT "<extension><x xmlns='urn:x'/></extension>"), OK},
        {"contacts in infData",
         RESPONSE(RESULT "<resData><d:infData " DOMAIN_SPACE "><d:name>a.com</d:name>"
                         "<d:roid>A-B</d:roid><d:status s=\"ok\"/><d:registrant>jd1</d:registrant>"
                         "<d:contact type=\"tech\">x12</d:contact><d:ns><d:hostObj>ns.a.com"
                         "</d:hostObj></d:ns><d:clID>ClientX</d:clID></d:infData></resData>"),
         OK},
        {"authInfo of a form that we do not know",
         RESPONSE(RESULT "<resData><d:infData " DOMAIN_SPACE "><d:name>a.com</d:name>"
                         "<d:roid>A-B</d:roid><d:clID>ClientX</d:clID><d:authInfo><d:ext>"
                         "<x xmlns='urn:x'/></d:ext></d:authInfo></d:infData></resData>"),
         OK},
        {"a value beside the result",
         RESPONSE("<result code=\"2005\"><msg>No</msg><value><a xmlns='urn:x'/></value></result>"),
         OK},
        {"no result", RESPONSE(""), MALFORMED},
        {"result without code", RESPONSE("<result><msg>Fine</msg></result>"), MALFORMED},
        {"result code of HTTP", RESPONSE("<result code=\"200\"><msg>OK</msg></result>"), MALFORMED},
        {"no trID", EPP_START "<response>" RESULT "</response></epp>", MALFORMED},
        {"a time that is none",
         RESPONSE(RESULT "<resData><d:creData " DOMAIN_SPACE "><d:name>a.com</d:name>"
                         "<d:crDate>1999-04-03 22:00:00+01:00</d:crDate></d:creData></resData>"),
         MALFORMED},
        {"greeting without our objects",
         EPP_START "<greeting><svID>X server</svID><svDate>2000-06-08T22:00:00.0Z</svDate>"
                   "<svcMenu><version>1.0</version><lang>en</lang><objURI>urn:x</objURI></svcMenu>"
                   "</greeting></epp>",
         UNSUPPORTED},
        {"a command", COMMAND("<logout/>"), MALFORMED},
        {"a DOCTYPE", "<!DOCTYPE epp><epp/>", MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct epp_response response;
        struct problem problem = {.status = OK};
        enum status status =
            epp_response_read(span_of_text(rows[i].frame), &arena, &response, &problem);
        if (status != rows[i].status) {
            fail_msg("%s: %s \"%s\"", rows[i].why, status_text(status), problem.sentence);
        }
        arena_close(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_counts_are_bounded),
        cmocka_unit_test(test_nesting_and_length),
        cmocka_unit_test(test_commands_round),
        cmocka_unit_test(test_command_values),
        cmocka_unit_test(test_schema_hints_are_allowed),
        cmocka_unit_test(test_writer_keeps_to_the_schema),
        cmocka_unit_test(test_responses_round),
        cmocka_unit_test(test_foreign_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
