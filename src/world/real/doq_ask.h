#pragma once
/* One question over QUIC (RFC 9250), blocking, for command line tools. */
#include "core/base/writer.h"
#include "world/real/tls.h"

enum { DOQ_REASON_SIZE = 200 };

struct doq_asking {
    struct tls_identity *identity; /* of TLS_QUIC_ASKER */
    const struct dns_server *server;
    struct span query;
    int64_t until_mono_ns;
    struct writer answer;         /* over its room: one message */
    char reason[DOQ_REASON_SIZE]; /* of a failure that a status does not say enough about; or "" */
};
/* OK, or why no whole answer came; REFUSED also where the server is not believed. */
enum status doq_ask(struct doq_asking *asking) MUST_USE;
