#pragma once
/* A client of HTTP/2 for tests: nghttp2's other half, and what it has seen. */
#include "world/real/world_test.h"

#include "world/real/http2.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

enum { PEER_REQUESTS_MAX = 1000, /* that the client dares before it knows the server's limit */ };

struct seen {
    size_t status_count, body_len, lifetime_count;
    char status[4];
    uint32_t goaway, reset; /* the last codes */
    size_t goaway_count, reset_count;
};

static inline int client_field(nghttp2_session *session, const nghttp2_frame *frame,
                               const uint8_t *name, size_t name_len, const uint8_t *value,
                               size_t value_len, uint8_t flags, void *user)
{
    (void)session, (void)frame, (void)flags;
    struct seen *seen = user;
    if (span_equal(span_of(name, name_len), SPAN_LITERAL(":status")) && value_len == 3) {
        memcpy(seen->status, value, 3);
        seen->status_count++;
    }
    if (span_equal(span_of(name, name_len), SPAN_LITERAL("cache-control")) &&
        span_equal(span_of(value, value_len), SPAN_LITERAL("max-age=42"))) {
        seen->lifetime_count++;
    }
    return 0;
}

static inline int client_body(nghttp2_session *session, uint8_t flags, int32_t id,
                              const uint8_t *bytes, size_t len, void *user)
{
    (void)session, (void)flags, (void)id, (void)bytes;
    ((struct seen *)user)->body_len += len;
    return 0;
}

static inline int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct seen *seen = user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        seen->goaway = frame->goaway.error_code;
        seen->goaway_count++;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        seen->reset = frame->rst_stream.error_code;
        seen->reset_count++;
    }
    return 0;
}

static inline void open_client(nghttp2_session **client, void *user)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_peer_max_concurrent_streams(option, PEER_REQUESTS_MAX);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_body);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
    assert_int_equal(nghttp2_session_client_new2(client, callbacks, user, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(*client, NGHTTP2_FLAG_NONE, NULL, 0), 0);
}

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,             \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                                \
    }

static inline int32_t ask(nghttp2_session *client, const nghttp2_data_provider *body)
{
    const nghttp2_nv fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"),
                                 FIELD(":authority", "dns.test"), FIELD(":path", "/dns-query"),
                                 FIELD("content-type", "application/dns-message")};
    return nghttp2_submit_request(client, NULL, fields, LEN(fields), body, NULL);
}
