#pragma once
/* Frames for tests: a whole datagram over IPv4 or IPv6 on Ethernet, to be spoiled. */
#include "core/base/writer.h"
#include "world/real/xdp_frame.h"

#include <string.h>

static const uint8_t TEST_MAC_ASKED[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t TEST_MAC_PEER[6] = {0x02, 0, 0, 0, 0, 0x02};
static const struct address TEST_ASKED_IPV4 = {ADDRESS_IPV4, {192, 0, 2, 1}, 53};
static const struct address TEST_PEER_IPV4 = {ADDRESS_IPV4, {198, 51, 100, 7}, 40000};
static const struct address TEST_ASKED_IPV6 = {ADDRESS_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 1}, 53};
static const struct address TEST_PEER_IPV6 = {ADDRESS_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 7}, 40000};

/* One 16-bit word after the other, as RFC 1071 tells it; an odd octet is the upper half of one. */
static inline uint16_t test_checksum(const uint8_t *octets, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* `message` from the peer to the asked address; returns the frame's length. */
static inline size_t test_frame(uint8_t *bytes, size_t size, uint8_t family, struct span message)
{
    struct writer writer = writer_over(bytes, size);
    writer_span(&writer, span_of(TEST_MAC_ASKED, 6));
    writer_span(&writer, span_of(TEST_MAC_PEER, 6));
    uint16_t len = (uint16_t)(8 + message.len);
    if (family == ADDRESS_IPV4) {
        static const uint8_t rest[] = {0x12, 0x34, 0x40, 0, 63, 17, 0, 0};
        writer_u16(&writer, 0x0800);
        writer_u16(&writer, 0x4500);
        writer_u16(&writer, 20 + len);
        writer_span(&writer, span_of(rest, sizeof rest));
        writer_span(&writer, span_of(TEST_PEER_IPV4.octets, 4));
        writer_span(&writer, span_of(TEST_ASKED_IPV4.octets, 4));
        writer_patch_u16(&writer, 24, test_checksum(bytes + 14, 20, 0));
    } else {
        writer_u16(&writer, 0x86dd);
        writer_u32(&writer, 0x60012345);
        writer_u16(&writer, len);
        writer_u8(&writer, 17);
        writer_u8(&writer, 63);
        writer_span(&writer, span_of(TEST_PEER_IPV6.octets, 16));
        writer_span(&writer, span_of(TEST_ASKED_IPV6.octets, 16));
    }
    writer_u16(&writer, 40000);
    writer_u16(&writer, 53);
    writer_u16(&writer, len);
    writer_u16(&writer, 0);
    writer_span(&writer, message);
    return writer.status == OK ? writer.len : 0;
}
