#pragma once
/* A DNS message with the headers of Ethernet, IP and UDP around it: taken apart where a question
 * comes, and put in front of an answer. */
#include "core/base/address.h"

enum {
    XDP_HEADERS_LEN_IPV4 = 14 + 20 + 8,
    XDP_HEADERS_LEN_IPV6 = 14 + 40 + 8,
};

struct xdp_frame {
    struct span asked_mac; /* views of the frame */
    struct span peer_mac;
    struct address asked;
    struct address peer;
    struct span message;
};

/* UNSUPPORTED, TRUNCATED or MALFORMED where it is no whole datagram of UDP over IPv4 (without
 * options, no fragment) or IPv6 (without further headers). REFUSED where no answer may go to who
 * seems to have sent it. */
enum status xdp_frame_read(struct span bytes, struct xdp_frame *frame) MUST_USE;
/* Of the frame, up to its message. */
size_t xdp_frame_headers_len(const struct xdp_frame *frame);
/* Writes the headers of the answer to `question` in front of it: it stands in `bytes` behind the
 * octets of xdp_frame_headers_len already. */
void xdp_frame_write(const struct xdp_frame *question, size_t answer_len, uint8_t *bytes);
