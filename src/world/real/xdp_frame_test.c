/* Frames of a stranger: what is a question, what is none, and that an answer's headers are those
 * that its receiver will check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "world/real/xdp_frame_test.h"

enum { FRAME_SIZE = 2048, MESSAGE_LEN = 29 /* odd */ };

static const uint8_t MESSAGE[MESSAGE_LEN] = "0123456789abcdef0123456789ab";

static size_t make(uint8_t *bytes, uint8_t family)
{
    return test_frame(bytes, FRAME_SIZE, family, span_of(MESSAGE, sizeof MESSAGE));
}

static void test_whole_frames(void **state)
{
    (void)state;
    static const struct {
        uint8_t family;
        const struct address *peer, *asked;
    } ROWS[] = {
        {ADDRESS_IPV4, &TEST_PEER_IPV4, &TEST_ASKED_IPV4},
        {ADDRESS_IPV6, &TEST_PEER_IPV6, &TEST_ASKED_IPV6},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t bytes[FRAME_SIZE] = {0};
        size_t len = make(bytes, ROWS[i].family);
        /* Short frames are padded by the card that sends them. */
        for (size_t padding = 0; padding < 20; padding++) {
            struct xdp_frame frame;
            assert_int_equal(xdp_frame_read(span_of(bytes, len + padding), &frame), OK);
            assert_true(address_equal(frame.peer, *ROWS[i].peer));
            assert_true(address_equal(frame.asked, *ROWS[i].asked));
            assert_true(span_equal(frame.message, span_of(MESSAGE, sizeof MESSAGE)));
            assert_int_equal(xdp_frame_headers_len(&frame) + MESSAGE_LEN, len);
        }
        for (size_t cut = 0; cut < len; cut++) {
            struct xdp_frame frame;
            assert_int_not_equal(xdp_frame_read(span_of(bytes, cut), &frame), OK);
        }
    }
}

/* One or more octets of a whole frame are others. */
static const struct {
    const char *why;
    uint8_t family;
    uint8_t at;
    uint8_t octets[16];
    uint8_t count;
    bool is_summed; /* the checksum is made anew */
    enum status wanted;
} SPOILED[] = {
    {"another protocol of Ethernet", 4, 12, {0x08, 0x06}, 2, false, UNSUPPORTED},
    {"a VLAN", 4, 12, {0x81, 0x00}, 2, false, UNSUPPORTED},
    {"IPv6 in a frame of IPv4", 4, 14, {0x65}, 1, true, UNSUPPORTED},
    {"options", 4, 14, {0x46}, 1, true, UNSUPPORTED},
    {"a header that is too short", 4, 14, {0x44}, 1, true, UNSUPPORTED},
    {"the first fragment", 4, 20, {0x20, 0}, 2, true, UNSUPPORTED},
    {"a later fragment", 4, 20, {0, 1}, 2, true, UNSUPPORTED},
    {"the reserved bit, which means nothing", 4, 20, {0x80, 0}, 2, true, OK},
    {"TCP", 4, 23, {6}, 1, true, UNSUPPORTED},
    {"a wrong checksum", 4, 22, {62}, 1, false, MALFORMED},
    {"shorter than its header", 4, 16, {0, 19}, 2, true, MALFORMED},
    {"no room for UDP", 4, 16, {0, 27}, 2, true, TRUNCATED},
    {"longer than the frame", 4, 16, {0, 200}, 2, true, TRUNCATED},
    {"UDP longer than its packet", 4, 38, {0, 38}, 2, false, TRUNCATED},
    {"UDP shorter than its header", 4, 38, {0, 7}, 2, false, MALFORMED},
    {"UDP without a message", 4, 38, {0, 8}, 2, false, OK},
    {"port 0", 4, 34, {0, 0}, 2, false, REFUSED},
    {"from this network", 4, 26, {0, 0, 0, 0}, 4, true, REFUSED},
    {"from loopback", 4, 26, {127, 0, 0, 1}, 4, true, REFUSED},
    {"from a group", 4, 26, {239, 0, 0, 1}, 4, true, REFUSED},
    {"from everybody", 4, 26, {255, 255, 255, 255}, 4, true, REFUSED},
    {"from 240/4", 4, 26, {240, 0, 0, 1}, 4, true, OK},
    {"from a group of stations", 4, 6, {0x33}, 1, false, REFUSED},
    {"IPv4 in a frame of IPv6", 6, 14, {0x45}, 1, false, UNSUPPORTED},
    {"a further header", 6, 20, {0}, 1, false, UNSUPPORTED},
    {"a fragment", 6, 20, {44}, 1, false, UNSUPPORTED},
    {"longer than the frame", 6, 18, {0, 200}, 2, false, TRUNCATED},
    {"a jumbogram", 6, 18, {0, 0}, 2, false, TRUNCATED},
    {"UDP of length 0", 6, 58, {0, 0}, 2, false, MALFORMED},
    {"port 0", 6, 54, {0, 0}, 2, false, REFUSED},
    {"from nobody", 6, 22, {0}, 16, false, REFUSED},
    {"from loopback", 6, 22, {[15] = 1}, 16, false, REFUSED},
    {"from a group", 6, 22, {0xff, 2, [15] = 1}, 16, false, REFUSED},
    {"from IPv4 that is written as IPv6",
     6,
     22,
     {[10] = 0xff, 0xff, 1, 2, 3, 4},
     16,
     false,
     REFUSED},
    {"from a link", 6, 22, {0xfe, 0x80, [15] = 1}, 16, false, OK},
};

static void test_spoiled_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(SPOILED); i++) {
        uint8_t bytes[FRAME_SIZE];
        size_t len = make(bytes, SPOILED[i].family);
        memcpy(bytes + SPOILED[i].at, SPOILED[i].octets, SPOILED[i].count);
        if (SPOILED[i].is_summed) {
            memset(bytes + 24, 0, 2);
            uint16_t sum = test_checksum(bytes + 14, 20, 0);
            bytes[24] = (uint8_t)(sum >> 8);
            bytes[25] = (uint8_t)sum;
        }
        struct xdp_frame frame;
        enum status status = xdp_frame_read(span_of(bytes, len), &frame);
        if (status != SPOILED[i].wanted) {
            fail_msg("%s (IPv%d): %s", SPOILED[i].why, SPOILED[i].family, status_text(status));
        }
    }
}

/* Over the answer as its receiver would: all ones, which is 0 here. */
static void check_sums(const uint8_t *bytes, size_t len, uint8_t family)
{
    size_t ip_len = family == ADDRESS_IPV4 ? 20 : 40;
    size_t addresses_at = family == ADDRESS_IPV4 ? 26 : 22;
    if (family == ADDRESS_IPV4) {
        assert_int_equal(test_checksum(bytes + 14, 20, 0), 0);
    }
    size_t udp_len = len - 14 - ip_len;
    uint32_t sum = 17 + (uint32_t)udp_len;
    sum += (uint16_t)~test_checksum(bytes + addresses_at, 14 + ip_len - addresses_at, 0);
    assert_int_equal(test_checksum(bytes + 14 + ip_len, udp_len, sum), 0);
    assert_true(bytes[14 + ip_len + 6] != 0 || bytes[14 + ip_len + 7] != 0);
}

static void check_answer(uint8_t family, size_t answer_len)
{
    uint8_t asked[FRAME_SIZE];
    uint8_t answer[FRAME_SIZE];
    struct xdp_frame question;
    struct xdp_frame back;
    size_t len = make(asked, family);
    assert_int_equal(xdp_frame_read(span_of(asked, len), &question), OK);
    size_t headers_len = xdp_frame_headers_len(&question);
    for (size_t i = 0; i < answer_len; i++) {
        answer[headers_len + i] = (uint8_t)(i * 7 + answer_len);
    }
    xdp_frame_write(&question, answer_len, answer);
    check_sums(answer, headers_len + answer_len, family);
    assert_int_equal(xdp_frame_read(span_of(answer, headers_len + answer_len), &back), OK);
    assert_true(address_equal(back.peer, question.asked));
    assert_true(address_equal(back.asked, question.peer));
    assert_true(span_equal(back.asked_mac, question.peer_mac));
    assert_true(span_equal(back.peer_mac, question.asked_mac));
    assert_true(span_equal(back.message, span_of(answer + headers_len, answer_len)));
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t len = 0; len < 1400; len++) {
        check_answer(ADDRESS_IPV4, len);
        check_answer(ADDRESS_IPV6, len);
    }
}

/* A message may be such that the sum is 0, which UDP writes as all ones (RFC 768). */
static void test_sum_of_zero(void **state)
{
    (void)state;
    uint8_t asked[FRAME_SIZE];
    uint8_t answer[FRAME_SIZE] = {0};
    struct xdp_frame question;
    size_t len = make(asked, ADDRESS_IPV6);
    assert_int_equal(xdp_frame_read(span_of(asked, len), &question), OK);
    size_t headers_len = xdp_frame_headers_len(&question);
    const uint8_t *sum = answer + headers_len - 2;
    xdp_frame_write(&question, 2, answer);
    memcpy(answer + headers_len, sum, 2); /* what was missing to all ones */
    xdp_frame_write(&question, 2, answer);
    assert_int_equal(sum[0] << 8 | sum[1], 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_frames),
        cmocka_unit_test(test_spoiled_frames),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_sum_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
