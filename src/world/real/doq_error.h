#pragma once
/* What one side of DNS over QUIC tells the other when it ends a stream or all (RFC 9250 §4.3). */

enum doq_error {
    DOQ_NO_ERROR = 0,
    DOQ_INTERNAL_ERROR = 1,
    DOQ_PROTOCOL_ERROR = 2,
    DOQ_REQUEST_CANCELLED = 3,
    DOQ_EXCESSIVE_LOAD = 4,
};
