/* How Ethernet (IEEE 802.3), IP (RFC 791, RFC 8200) and UDP (RFC 768) stand around a message, and
 * what of it a stranger may have made up. */
#include "world/real/xdp_frame.h"

#include "core/base/reader.h"
#include "core/base/writer.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>

enum {
    MAC_GROUP_BIT = 1, /* of the first octet: not of one station */
    IPV4_VERSION_AND_LEN = 0x45,
    IPV4_HEADER_LEN = 20,
    IPV4_LEN = 4,
    IPV4_GROUP = 224 >> 4,
    IPV6_VERSION = 6,
    IPV6_LEN = 16,
    UDP_HEADER_LEN = 8,
    HOPS = 64, /* RFC 1700 and the kernel */
};

/* ------------------------------------------------------------------ the checksum of RFC 1071 */

/* Its sum is the same in any order of octets, so that whole words of the machine are added. */
static uint64_t sum_octets(struct span octets)
{
    uint64_t sum = 0;
    size_t at = 0;
    uint32_t word;
    for (; at + sizeof word <= octets.len; at += sizeof word) {
        memcpy(&word, octets.bytes + at, sizeof word);
        sum += word;
    }
    word = 0;
    if (at < octets.len) {
        memcpy(&word, octets.bytes + at, octets.len - at);
    }
    return sum + word;
}

static uint16_t sum_fold(uint64_t sum)
{
    while (sum > UINT16_MAX) {
        sum = (sum >> 16) + (sum & UINT16_MAX);
    }
    return ntohs((uint16_t)sum);
}

/* ------------------------------------------------------------------ in */

static void read_address(struct reader *reader, size_t len, struct address *address)
{
    struct span octets = reader_span(reader, len);
    *address = (struct address){.family = len == IPV4_LEN ? ADDRESS_IPV4 : ADDRESS_IPV6};
    if (octets.len == len) {
        memcpy(address->octets, octets.bytes, len);
    }
}

/* Leaves what the packet carries; what the sender's card padded behind it is none of it. */
static void read_payload(struct reader *reader, size_t len)
{
    struct span payload = reader_span(reader, len);
    if (reader->status == OK) {
        *reader = reader_over(payload);
    }
}

static void read_ipv4(struct reader *packet, struct xdp_frame *frame)
{
    struct span header = reader_span(packet, IPV4_HEADER_LEN);
    struct reader reader = reader_over(header);
    uint8_t version_and_len = reader_u8(&reader);
    (void)reader_u8(&reader); /* the class of service */
    uint16_t len = reader_u16(&reader);
    (void)reader_u16(&reader); /* the identification: no fragment, no meaning (RFC 6864) */
    uint16_t fragment = reader_u16(&reader);
    (void)reader_u8(&reader); /* hops left */
    uint8_t protocol = reader_u8(&reader);
    (void)reader_u16(&reader); /* the checksum, which makes the sum of the header all ones */
    read_address(&reader, IPV4_LEN, &frame->peer);
    read_address(&reader, IPV4_LEN, &frame->asked);
    if (version_and_len != IPV4_VERSION_AND_LEN || protocol != IPPROTO_UDP ||
        (fragment & (IP_MF | IP_OFFMASK)) != 0) {
        reader_fail(packet, UNSUPPORTED);
    } else if (len < IPV4_HEADER_LEN || sum_fold(sum_octets(header)) != UINT16_MAX) {
        reader_fail(packet, MALFORMED);
    } else {
        read_payload(packet, len - (size_t)IPV4_HEADER_LEN);
    }
}

static void read_ipv6(struct reader *reader, struct xdp_frame *frame)
{
    uint32_t version = reader_u32(reader) >> 28;
    uint16_t len = reader_u16(reader);
    uint8_t protocol = reader_u8(reader);
    (void)reader_u8(reader); /* hops left */
    read_address(reader, IPV6_LEN, &frame->peer);
    read_address(reader, IPV6_LEN, &frame->asked);
    if (version != IPV6_VERSION || protocol != IPPROTO_UDP) {
        reader_fail(reader, UNSUPPORTED);
    } else {
        read_payload(reader, len);
    }
}

/* The checksum is not looked at. Interfaces have done so, and those between name spaces never make
 * it: their frames do not leave the machine. */
static void read_udp(struct reader *reader, struct xdp_frame *frame)
{
    frame->peer.port = reader_u16(reader);
    frame->asked.port = reader_u16(reader);
    uint16_t len = reader_u16(reader);
    (void)reader_u16(reader);
    if (len < UDP_HEADER_LEN) {
        reader_fail(reader, MALFORMED);
    } else {
        frame->message = reader_span(reader, len - (size_t)UDP_HEADER_LEN);
    }
}

/* One host, elsewhere. The kernel drops what seems to come from others, and so do we: an answer to
 * a group would reach many. */
static bool is_host(struct address address)
{
    const uint8_t *octets = address.octets;
    if (address.family == ADDRESS_IPV4) {
        static const uint8_t broadcast[4] = {0xff, 0xff, 0xff, 0xff};
        return octets[0] != 0 && octets[0] != IN_LOOPBACKNET && octets[0] >> 4 != IPV4_GROUP &&
               memcmp(octets, broadcast, sizeof broadcast) != 0;
    }
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t low[15] = {0};
    return octets[0] != 0xff && memcmp(octets, mapped, sizeof mapped) != 0 &&
           (memcmp(octets, low, sizeof low) != 0 || octets[15] > 1);
}

enum status xdp_frame_read(struct span bytes, struct xdp_frame *frame)
{
    struct reader reader = reader_over(bytes);
    *frame = (struct xdp_frame){.asked_mac = reader_span(&reader, ETHER_ADDR_LEN),
                                .peer_mac = reader_span(&reader, ETHER_ADDR_LEN)};
    uint16_t type = reader_u16(&reader);
    if (type == ETHERTYPE_IP) {
        read_ipv4(&reader, frame);
    } else if (type == ETHERTYPE_IPV6) {
        read_ipv6(&reader, frame);
    } else {
        reader_fail(&reader, UNSUPPORTED);
    }
    read_udp(&reader, frame);
    if (reader.status != OK) {
        return reader.status;
    }
    bool is_answered = frame->peer.port != 0 && is_host(frame->peer) &&
                       (frame->peer_mac.bytes[0] & MAC_GROUP_BIT) == 0;
    return is_answered ? OK : REFUSED;
}

/* ------------------------------------------------------------------ out */

size_t xdp_frame_headers_len(const struct xdp_frame *frame)
{
    return frame->peer.family == ADDRESS_IPV4 ? XDP_HEADERS_LEN_IPV4 : XDP_HEADERS_LEN_IPV6;
}

/* A packet that is never cut into fragments (RFC 6864 §4.1): those could be forged. */
static void write_ipv4(const struct xdp_frame *question, size_t len, struct writer *writer)
{
    size_t from = writer->len;
    writer_u8(writer, IPV4_VERSION_AND_LEN);
    writer_u8(writer, 0);
    writer_u16(writer, (uint16_t)(IPV4_HEADER_LEN + len));
    writer_u16(writer, 0);
    writer_u16(writer, IP_DF);
    writer_u8(writer, HOPS);
    writer_u8(writer, IPPROTO_UDP);
    size_t checksum_at = writer_reserve(writer, 2);
    writer_span(writer, span_of(question->asked.octets, IPV4_LEN));
    writer_span(writer, span_of(question->peer.octets, IPV4_LEN));
    uint16_t sum = sum_fold(sum_octets(span_of(writer->bytes + from, IPV4_HEADER_LEN)));
    writer_patch_u16(writer, checksum_at, (uint16_t)~sum);
}

static void write_ipv6(const struct xdp_frame *question, size_t len, struct writer *writer)
{
    writer_u32(writer, (uint32_t)IPV6_VERSION << 28);
    writer_u16(writer, (uint16_t)len);
    writer_u8(writer, IPPROTO_UDP);
    writer_u8(writer, HOPS);
    writer_span(writer, span_of(question->asked.octets, IPV6_LEN));
    writer_span(writer, span_of(question->peer.octets, IPV6_LEN));
}

/* Over the header and the message, and of the packet the addresses, protocol and length. */
static uint16_t udp_checksum(const struct xdp_frame *question, struct span datagram)
{
    uint64_t sum = sum_octets(span_of(question->asked.octets, sizeof question->asked.octets)) +
                   sum_octets(span_of(question->peer.octets, sizeof question->peer.octets)) +
                   htons(IPPROTO_UDP) + htons((uint16_t)datagram.len) + sum_octets(datagram);
    uint16_t checksum = (uint16_t)~sum_fold(sum);
    return checksum == 0 ? UINT16_MAX : checksum; /* 0 would say that there is none */
}

void xdp_frame_write(const struct xdp_frame *question, size_t answer_len, uint8_t *bytes)
{
    size_t len = UDP_HEADER_LEN + answer_len;
    struct writer writer = writer_over(bytes, xdp_frame_headers_len(question));
    writer_span(&writer, question->peer_mac);
    writer_span(&writer, question->asked_mac);
    if (question->peer.family == ADDRESS_IPV4) {
        writer_u16(&writer, ETHERTYPE_IP);
        write_ipv4(question, len, &writer);
    } else {
        writer_u16(&writer, ETHERTYPE_IPV6);
        write_ipv6(question, len, &writer);
    }
    size_t from = writer.len;
    writer_u16(&writer, question->asked.port);
    writer_u16(&writer, question->peer.port);
    writer_u16(&writer, (uint16_t)len);
    size_t checksum_at = writer_reserve(&writer, 2);
    writer_patch_u16(&writer, checksum_at, udp_checksum(question, span_of(bytes + from, len)));
    require(writer.status == OK && writer.len == writer.size);
}
