/* The user of libnghttp2 on the client's side: one request makes a connection, and its stream's end
 * is the end of it all. */
#include "world/real/http2_ask.h"
#include "world/real/http2_field.h"

#include "world/real/world_limits.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_LEN = 3, TYPE_LEN_MAX = 255, LENGTH_TEXT_SIZE = 24 };

struct http2_ask {
    nghttp2_session *session;
    int32_t id;
    struct span unsent; /* of the body */
    unsigned status;
    bool is_done;
    bool is_whole;
    struct buffer content_type, body;
};

/* ------------------------------------------------------------------ what comes */

/* Three digits; 0 for anything else. */
static unsigned status_read(struct span text)
{
    unsigned status = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.len != STATUS_LEN || text.bytes[i] < '0' || text.bytes[i] > '9') {
            return 0;
        }
        status = status * 10 + (text.bytes[i] - (unsigned)'0');
    }
    return status;
}

static int reply_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                       size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                       void *user)
{
    (void)session, (void)flags;
    struct http2_ask *ask = user;
    if (frame->hd.stream_id != ask->id) {
        return 0;
    }
    if (span_equal(span_of(name, name_len), SPAN_LITERAL(":status"))) {
        ask->status = status_read(span_of(value, value_len));
    } else if (span_equal(span_of(name, name_len), SPAN_LITERAL("content-type")) &&
               ask->content_type.len == 0 && value_len <= TYPE_LEN_MAX &&
               buffer_append(&ask->content_type, span_of(value, value_len)) != OK) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int reply_body(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                      size_t len, void *user)
{
    (void)session, (void)flags;
    struct http2_ask *ask = user;
    size_t room = DNS_MESSAGE_MAX - ask->body.len;
    if (id == ask->id && buffer_append(&ask->body, span_of(bytes, len < room ? len : room)) != OK) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int stream_gone(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    (void)session;
    struct http2_ask *ask = user;
    if (id == ask->id) {
        ask->is_done = true;
        ask->is_whole = error == NGHTTP2_NO_ERROR;
    }
    return 0;
}

/* ------------------------------------------------------------------ what goes */

static ssize_t body_read(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)source;
    struct http2_ask *ask = user;
    size_t len = ask->unsent.len < size ? ask->unsent.len : size;
    memcpy(room, ask->unsent.bytes, len);
    ask->unsent = span_part(ask->unsent, len, ask->unsent.len - len);
    *flags |= ask->unsent.len == 0 ? (uint32_t)NGHTTP2_DATA_FLAG_EOF : 0;
    return (ssize_t)len;
}

static bool request_submit(struct http2_ask *ask, const struct http2_question *question)
{
    bool is_post = question->body.len != 0;
    char length[LENGTH_TEXT_SIZE];
    snprintf(length, sizeof length, "%zu", question->body.len);
    const nghttp2_nv FIELDS[] = {
        field_of(":method", is_post ? "POST" : "GET"),
        field_of(":scheme", "https"),
        field_of(":authority", question->authority),
        field_of(":path", question->path),
        field_of("accept", question->content_type),
        field_of("content-type", question->content_type),
        field_of("content-length", length),
    };
    size_t count = is_post ? LEN(FIELDS) : LEN(FIELDS) - 2;
    const nghttp2_data_provider body = {.read_callback = body_read};
    ask->unsent = question->body;
    ask->id =
        nghttp2_submit_request(ask->session, NULL, FIELDS, count, is_post ? &body : NULL, NULL);
    return ask->id > 0;
}

/* ------------------------------------------------------------------ a request */

static bool session_open(struct http2_ask *ask)
{
    static const nghttp2_settings_entry NO_PUSH = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return false;
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks, reply_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, reply_body);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_gone);
    bool is_open = nghttp2_session_client_new(&ask->session, callbacks, ask) == 0;
    nghttp2_session_callbacks_del(callbacks);
    return is_open && nghttp2_submit_settings(ask->session, NGHTTP2_FLAG_NONE, &NO_PUSH, 1) == 0;
}

struct http2_ask *http2_ask_open(const struct http2_question *question)
{
    struct http2_ask *ask = memory_take(sizeof *ask);
    if (ask != NULL && (!session_open(ask) || !request_submit(ask, question))) {
        http2_ask_close(ask);
        ask = NULL;
    }
    return ask;
}

void http2_ask_close(struct http2_ask *ask)
{
    if (ask != NULL) {
        nghttp2_session_del(ask->session);
        buffer_close(&ask->content_type);
        buffer_close(&ask->body);
        memory_give_back(ask);
    }
}

enum status http2_ask_fill(struct http2_ask *ask, struct buffer *out)
{
    const uint8_t *bytes;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(ask->session, &bytes)) > 0) {
        if (buffer_append(out, span_of(bytes, (size_t)len)) != OK) {
            return NO_MEMORY;
        }
    }
    return len == 0 ? OK : NO_MEMORY;
}

enum status http2_ask_take(struct http2_ask *ask, struct span bytes)
{
    return nghttp2_session_mem_recv(ask->session, bytes.bytes, bytes.len) < 0 ? MALFORMED : OK;
}

bool http2_ask_is_done(const struct http2_ask *ask)
{
    return ask->is_done || (nghttp2_session_want_read(ask->session) == 0 &&
                            nghttp2_session_want_write(ask->session) == 0);
}

struct http2_reply http2_ask_reply(const struct http2_ask *ask)
{
    return (struct http2_reply){.status = ask->is_whole ? ask->status : 0,
                                .content_type = buffer_bytes(&ask->content_type),
                                .body = buffer_bytes(&ask->body)};
}
