/* The program in the kernel's own machine: which frames it takes and which go their usual way. Run
 * where the kernel lets us, else skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "world/real/world_limits.h"
#include "world/real/xdp_frame_test.h"
#include "world/real/xdp_program.h"
#include "world/real/xdp_socket.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAME_SIZE = 4096, MESSAGE_LEN = 30 };

static const struct address ADDRESSES[] = {
    {ADDRESS_IPV4, {192, 0, 2, 9}, 53},   {ADDRESS_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 9}, 53},
    {ADDRESS_IPV4, {192, 0, 2, 1}, 53},   {ADDRESS_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 1}, 53},
    {ADDRESS_IPV4, {192, 0, 2, 1}, 5353},
};

struct fixture {
    struct xdp_program program;
    struct xdp_socket socket;
    bool has_program;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct xdp_port port = {.index = 1, .queue_count = 1, .mtu = 1500};
    memcpy(port.mac, TEST_MAC_ASKED, sizeof port.mac);
    bool is_open = xdp_socket_open(&fixture.socket) == OK;
    fixture.has_program =
        is_open && xdp_program_open(&port, ADDRESSES, LEN(ADDRESSES), &fixture.program) == OK &&
        xdp_program_add(&fixture.program, 0, fixture.socket.fd) == OK;
    if (!fixture.has_program) {
        printf("the kernel takes no program: %s\n", strerror(errno));
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->has_program) {
        xdp_program_close(&fixture->program);
    }
    xdp_socket_close(&fixture->socket);
    return 0;
}

static uint32_t run(const struct fixture *fixture, const uint8_t *bytes, size_t len)
{
    union bpf_attr attributes = {0};
    attributes.test.prog_fd = (uint32_t)fixture->program.program;
    attributes.test.data_in = (uintptr_t)bytes;
    attributes.test.data_size_in = (uint32_t)len;
    if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) != 0) {
        fail_msg("the program was not run: %s", strerror(errno));
    }
    return attributes.test.retval;
}

/* One or more octets of a frame for 192.0.2.1@53 or 2001:db8::1@53 are others. */
static const struct {
    const char *why;
    uint8_t family;
    uint8_t at;
    uint8_t octets[16];
    uint8_t count;
    bool is_taken;
} ROWS[] = {
    {"a question", 4, 0, {0}, 0, true},
    {"a question", 6, 0, {0}, 0, true},
    {"to another station", 4, 5, {9}, 1, false},
    {"to another station", 4, 0, {6}, 1, false},
    {"to all stations", 6, 0, {255, 255, 255, 255, 255, 255}, 6, false},
    {"ARP", 4, 12, {0x08, 0x06}, 2, false},
    {"a VLAN", 4, 12, {0x81, 0x00}, 2, false},
    {"options", 4, 14, {0x46}, 1, false},
    {"the first fragment", 4, 20, {0x20, 0}, 2, false},
    {"a later fragment", 4, 20, {0, 1}, 2, false},
    {"not to be cut", 4, 20, {0x40, 0}, 2, true},
    {"TCP", 4, 23, {6}, 1, false},
    {"ICMP", 4, 23, {1}, 1, false},
    {"to another address of ours", 4, 33, {9}, 1, true},
    {"to an address that is not ours", 4, 33, {2}, 1, false},
    {"to another network", 4, 30, {193}, 1, false},
    {"to another port of ours", 4, 36, {5353 >> 8, 5353 & 0xff}, 2, true},
    {"to a port that is not ours", 4, 36, {0, 54}, 2, false},
    {"to a port of the other address", 4, 33, {9, 0x9c, 0x40, 5353 >> 8, 5353 & 0xff}, 5, false},
    {"TCP", 6, 20, {6}, 1, false},
    {"a further header", 6, 20, {0}, 1, false},
    {"a fragment", 6, 20, {44}, 1, false},
    {"to another address of ours", 6, 53, {9}, 1, true},
    {"to an address that is not ours", 6, 53, {2}, 1, false},
    {"to another network", 6, 38, {0x21}, 1, false},
    {"to another network", 6, 42, {1}, 1, false},
    {"to another station there", 6, 46, {1}, 1, false},
    {"to a port that is not ours", 6, 56, {0, 54}, 2, false},
    {"to a port of IPv4", 6, 56, {5353 >> 8, 5353 & 0xff}, 2, false},
};

static void test_rows(void **state)
{
    const struct fixture *fixture = *state;
    static const uint8_t message[MESSAGE_LEN];
    if (!fixture->has_program) {
        skip();
    }
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t bytes[FRAME_SIZE];
        size_t len =
            test_frame(bytes, sizeof bytes, ROWS[i].family, span_of(message, sizeof message));
        memcpy(bytes + ROWS[i].at, ROWS[i].octets, ROWS[i].count);
        if (run(fixture, bytes, len) != (ROWS[i].is_taken ? XDP_REDIRECT : XDP_PASS)) {
            fail_msg("%s (IPv%d) is %staken", ROWS[i].why, ROWS[i].family,
                     ROWS[i].is_taken ? "not " : "");
        }
    }
}

static void test_lengths(void **state)
{
    const struct fixture *fixture = *state;
    static const uint8_t message[FRAME_SIZE];
    static const uint8_t FAMILIES[] = {ADDRESS_IPV4, ADDRESS_IPV6};
    if (!fixture->has_program) {
        skip();
    }
    for (size_t i = 0; i < LEN(FAMILIES); i++) {
        uint8_t bytes[FRAME_SIZE];
        size_t headers_len =
            FAMILIES[i] == ADDRESS_IPV4 ? XDP_HEADERS_LEN_IPV4 : XDP_HEADERS_LEN_IPV6;
        size_t longest = XDP_FRAME_LEN_MAX - headers_len;
        size_t len = test_frame(bytes, sizeof bytes, FAMILIES[i], span_of(message, longest));
        assert_int_equal(len, XDP_FRAME_LEN_MAX);
        assert_int_equal(run(fixture, bytes, len), XDP_REDIRECT);
        assert_int_equal(run(fixture, bytes, len + 1), XDP_PASS);
        assert_int_equal(run(fixture, bytes, headers_len), XDP_REDIRECT);
        for (size_t cut = 14; cut < headers_len; cut++) {
            assert_int_equal(run(fixture, bytes, cut), XDP_PASS);
        }
    }
}

static void test_no_socket(void **state)
{
    const struct fixture *fixture = *state;
    static const uint8_t message[MESSAGE_LEN];
    if (!fixture->has_program) {
        skip();
    }
    struct xdp_program other;
    struct fixture without = {.has_program = true};
    struct xdp_port port = {.index = 1, .queue_count = 1, .mtu = 1500};
    memcpy(port.mac, TEST_MAC_ASKED, sizeof port.mac);
    assert_int_equal(xdp_program_open(&port, ADDRESSES, LEN(ADDRESSES), &other), OK);
    without.program = other;
    uint8_t bytes[FRAME_SIZE];
    size_t len = test_frame(bytes, sizeof bytes, ADDRESS_IPV4, span_of(message, sizeof message));
    assert_int_equal(run(&without, bytes, len), XDP_PASS);
    xdp_program_close(&other);
}

/* This one needs no power. */
static void test_no_ports(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum status wanted;
    } NAMES[] = {
        {"lo", UNSUPPORTED}, /* of no Ethernet */
        {"no-such-port", NOT_FOUND},
        {"", NOT_FOUND},
        {"a-name-that-is-longer-than-the-kernel-has-room-for", NOT_FOUND},
    };
    for (size_t i = 0; i < LEN(NAMES); i++) {
        struct xdp_port port;
        struct problem problem = {0};
        assert_int_equal(xdp_port_find(NAMES[i].name, &port, &problem), NAMES[i].wanted);
        assert_int_not_equal(problem.sentence[0], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_ports),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_socket),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
