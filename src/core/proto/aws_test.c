/* Signature V4 against the examples of its authors' test suite, and each way to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/proto/aws.h"

static const char SECRET[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
#define CREDENTIAL                                                                                 \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
enum { NOW_S = 1440938160 }; /* 2015-08-30T12:36:00Z */

static void test_published_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *method;
        const char *target;
        const char *signature;
    } rows[] = {
        {"get-vanilla", "GET", "/",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"post-vanilla", "POST", "/",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    };
    struct arena scratch;
    arena_open(&scratch, 1 << 20);
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct aws_field fields[] = {
            {SPAN_LITERAL("Host"), SPAN_LITERAL("example.amazonaws.com")},
            {SPAN_LITERAL("X-Amz-Date"), SPAN_LITERAL("20150830T123600Z")}};
        struct aws_request request = {span_of_text(rows[i].method), span_of_text(rows[i].target),
                                      fields, LEN(fields), SPAN_EMPTY};
        char *field = arena_print(
            &scratch, CREDENTIAL "SignedHeaders=host;x-amz-date, Signature=%s", rows[i].signature);
        struct aws_authorization authorization;
        struct problem problem = {0};
        assert_int_equal(aws_read_authorization(span_of_text(field), &authorization, &problem), OK);
        enum status status = aws_check_signature(&request, &authorization, span_of_text(SECRET),
                                                 NOW_S, &scratch, &problem);
        if (status != OK) {
            fail_msg("%s: %s", rows[i].name, problem.sentence);
        }
    }
    arena_close(&scratch);
}

#define SIGNED "SignedHeaders=host;x-amz-date, Signature="
#define GOOD "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *authorization;
        const char *time;
        const char *target_field; /* X-Amz-Target, not signed; NULL: none */
        const char *body;
        int64_t now_s;
        enum status status;
    } rows[] = {
        {"as signed", CREDENTIAL SIGNED GOOD, "20150830T123600Z", NULL, "", NOW_S, OK},
        {"five minutes late", CREDENTIAL SIGNED GOOD, "20150830T123600Z", NULL, "", NOW_S + 300,
         OK},
        {"later", CREDENTIAL SIGNED GOOD, "20150830T123600Z", NULL, "", NOW_S + 301, EXPIRED},
        {"from the future", CREDENTIAL SIGNED GOOD, "20150830T123600Z", NULL, "", NOW_S - 301,
         EXPIRED},
        {"another body", CREDENTIAL SIGNED GOOD, "20150830T123600Z", NULL, "{}", NOW_S, MISMATCH},
        {"an action that is not signed", CREDENTIAL SIGNED GOOD, "20150830T123600Z", "X.Delete", "",
         NOW_S, MISMATCH},
        {"another time", CREDENTIAL SIGNED GOOD, "20150830T123601Z", NULL, "", NOW_S, MISMATCH},
        {"another day", CREDENTIAL SIGNED GOOD, "20150831T123600Z", NULL, "", NOW_S, MALFORMED},
        {"no time", CREDENTIAL SIGNED GOOD, "", NULL, "", NOW_S, MALFORMED},
        {"host not signed", CREDENTIAL "SignedHeaders=x-amz-date, Signature=" GOOD,
         "20150830T123600Z", NULL, "", NOW_S, MISMATCH},
        {"a signed field that is not there",
         CREDENTIAL "SignedHeaders=host;x-amz-date;x-none, Signature=" GOOD, "20150830T123600Z",
         NULL, "", NOW_S, MISMATCH},
        {"a signature that is no number",
         CREDENTIAL SIGNED "zz"
                           "a7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
         "20150830T123600Z", NULL, "", NOW_S, MISMATCH},
    };
    struct arena scratch;
    arena_open(&scratch, 1 << 20);
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct aws_field fields[] = {
            {SPAN_LITERAL("Host"), SPAN_LITERAL("example.amazonaws.com")},
            {SPAN_LITERAL("X-Amz-Date"), span_of_text(rows[i].time)},
            {SPAN_LITERAL("X-Amz-Target"),
             rows[i].target_field == NULL ? SPAN_EMPTY : span_of_text(rows[i].target_field)}};
        struct aws_request request = {SPAN_LITERAL("POST"), SPAN_LITERAL("/"), fields,
                                      rows[i].target_field == NULL ? 2 : 3,
                                      span_of_text(rows[i].body)};
        struct aws_authorization authorization;
        struct problem problem = {0};
        assert_int_equal(
            aws_read_authorization(span_of_text(rows[i].authorization), &authorization, &problem),
            OK);
        enum status status = aws_check_signature(&request, &authorization, span_of_text(SECRET),
                                                 rows[i].now_s, &scratch, &problem);
        if (status != rows[i].status) {
            fail_msg("%s: %s", rows[i].why, status_text(status));
        }
    }
    arena_close(&scratch);
}

static void test_broken_fields(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "Basic abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request",
        "AWS4-HMAC-SHA256 Credential=A/2015/r/s/aws4_request, " SIGNED GOOD,
        "AWS4-HMAC-SHA256 Credential=/20150830/r/s/aws4_request, " SIGNED GOOD,
        "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws5_request, " SIGNED GOOD,
        CREDENTIAL SIGNED "abcd",
        CREDENTIAL "Signature=" GOOD,
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct aws_authorization authorization;
        struct problem problem = {0};
        assert_int_equal(aws_read_authorization(span_of_text(rows[i]), &authorization, &problem),
                         MALFORMED);
        assert_true(problem.sentence[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_signatures),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_broken_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
