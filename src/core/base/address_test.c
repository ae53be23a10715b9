/* Addresses: both families, the port behind '@', and what is no address. */
#include "core/base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed; /* NULL: refused */
    } rows[] = {
        {"192.0.2.1", "192.0.2.1@53"},
        {"192.0.2.1@5300", "192.0.2.1@5300"},
        {"2001:db8::1", "2001:db8::1@53"},
        {"::1@853", "::1@853"},
        {"192.0.2.1@0", "192.0.2.1"},
        {"192.0.2", NULL},
        {"192.0.2.1@", NULL},
        {"192.0.2.1@65536", NULL},
        {"192.0.2.1:53", NULL},
        {"localhost", NULL},
        {"", NULL},
        {"@53", NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        enum status status = address_read(span_of_text(rows[i].text), 53, &address);
        if (rows[i].printed == NULL) {
            assert_int_equal(status, MALFORMED);
            continue;
        }
        assert_int_equal(status, OK);
        assert_string_equal(address_print(address, text), rows[i].printed);
    }
}

static void test_equal(void **state)
{
    (void)state;
    struct address a, b;
    assert_int_equal(address_read(SPAN_LITERAL("192.0.2.1@1"), 0, &a), OK);
    assert_int_equal(address_of_rdata(span_of("\xc0\x00\x02\x01", 4), 2, &b), OK);
    assert_true(address_equal_host(a, b));
    assert_false(address_equal(a, b));
    assert_int_equal(address_of_rdata(span_of("\xc0\x00\x02", 3), 2, &b), MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_equal)};
    return cmocka_run_group_tests_name("core/base/address", tests, NULL, NULL);
}
