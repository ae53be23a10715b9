/* Mails as octets, and addresses that must not become part of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/mail.h"

static enum status write_mail(const struct mail *mail, char *text, size_t size)
{
    struct writer writer = writer_over(text, size - 1);
    memset(text, 0, size);
    return mail_write(mail, &writer);
}

static struct mail mail_sample(void)
{
    return (struct mail){
        SPAN_LITERAL("Test Registrar"),      SPAN_LITERAL("domains@registrar.test"),
        SPAN_LITERAL("owner@example.test"),  SPAN_LITERAL("example.com: done"),
        SPAN_LITERAL("op.1@registrar.test"), 1800000000,
        SPAN_LITERAL("Line one\n\n.two\n")};
}

static void test_plain(void **state)
{
    (void)state;
    char text[2048];
    struct mail mail = mail_sample();
    assert_int_equal(write_mail(&mail, text, sizeof text), OK);
    assert_string_equal(text, "From: \"Test Registrar\" <domains@registrar.test>\r\n"
                              "To: <owner@example.test>\r\n"
                              "Subject: example.com: done\r\n"
                              "Message-ID: <op.1@registrar.test>\r\n"
                              "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
                              "Auto-Submitted: auto-generated\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=us-ascii\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n\r\n"
                              "Line one\r\n\r\n.two\r\n");
}

static void test_encoded(void **state)
{
    (void)state;
    char text[4096];
    struct mail mail = mail_sample();
    mail.subject = SPAN_LITERAL("Schl\xc3\xbcssel\r\nBcc: x@y.test");
    mail.text = SPAN_LITERAL("caf\xc3\xa9 = 1 \nx\n");
    assert_int_equal(write_mail(&mail, text, sizeof text), OK);
    assert_null(strstr(text, "\nBcc"));
    assert_non_null(strstr(text, "Subject: =?UTF-8?B?U2NobMO8c3NlbA0KQmNjOiB4QHkudGVzdA==?=\r\n"));
    assert_non_null(strstr(text, "quoted-printable\r\n\r\ncaf=C3=A9 =3D 1=20\r\nx\r\n"));
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum status status;
    } rows[] = {
        {"a@b.test", OK},
        {"first.last+tag@b.test", OK},
        {"", MALFORMED},
        {"a", MALFORMED},
        {"@b", MALFORMED},
        {"a@", MALFORMED},
        {"a@b@c", MALFORMED},
        {"a b@c", MALFORMED},
        {"a@b\r\nX: y", MALFORMED},
        {"<a@b>", MALFORMED},
        {"\"a\"@b", MALFORMED},
        {"-a@b", MALFORMED},
        {"a,b@c.test", MALFORMED},
        {"\xc3\xa9@c.test", MALFORMED},
    };
    char text[2048];
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(mail_check_address(span_of_text(rows[i].address)), rows[i].status);
        struct mail mail = mail_sample();
        mail.to = span_of_text(rows[i].address);
        assert_int_equal(write_mail(&mail, text, sizeof text), rows[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_encoded),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
