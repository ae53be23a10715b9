#pragma once
/* Messages in a stream of octets, each behind its length: DNS over TCP (RFC 1035 §4.2.2) and EPP
 * (RFC 5734 §4). */
#include "core/base/span.h"
#include "core/base/status.h"
#include "core/base/writer.h"

struct framing {
    uint8_t length_size;               /* octets of the length, most significant first: 1 to 4 */
    bool counts_itself;                /* the length has itself in it */
    uint32_t message_min, message_max; /* octets of a message */
};

extern const struct framing FRAMING_DNS;

/* The first message of a stream of which `bytes` have come. OK; TRUNCATED while it is not whole;
 * MALFORMED when what it announces can never be a message: then the stream is lost. */
enum status framing_next(const struct framing *framing, struct span bytes,
                         struct span *message) MUST_USE;
/* What precedes a message of `len` octets, which the framing allows. */
void framing_write_length(const struct framing *framing, size_t len, struct writer *stream);
