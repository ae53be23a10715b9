/* The user of libnghttp2 on the server's side: which frames make a request, and how many frames
 * that make none a client may send. */
#include "world/real/http2.h"
#include "world/real/http2_field.h"

#include "world/real/world_limits.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_TEXT_SIZE = 4, LENGTH_TEXT_SIZE = 12, FIELD_OVERHEAD = 32 /* RFC 9113 §6.5.2 */ };

/* What is said to those who speak HTTP/1.1 (RFC 9110 §15.6.6). */
static const char HTTP1_ANSWER[] = "HTTP/1.1 505 HTTP Version Not Supported\r\n"
                                   "content-type: text/plain\r\n"
                                   "content-length: 25\r\n"
                                   "connection: close\r\n\r\n"
                                   "DNS is served by HTTP/2\r\n";

enum request_state {
    REQUEST_COMES,    /* some of it is here */
    REQUEST_ASKED,    /* the owner has it */
    REQUEST_ANSWERED, /* the answer is being sent */
};

struct request {
    struct request *newer, *older;
    int32_t id;
    enum request_state state;
    enum http2_fault fault;
    size_t fields_size;
    struct buffer method, path, content_type;
    struct buffer body;
    struct buffer answer;
};

struct http2 {
    struct http2_owner owner;
    nghttp2_session *session;
    struct request *newest;
    size_t parts;
    size_t bodies; /* octets of requests that are not whole */
    size_t unsent;
    size_t unheard;  /* octets of the client's preface: until then it may speak HTTP/1.1, and
                        would not understand our frames */
    uint32_t credit; /* frames that may come before the next request */
    bool is_http1;
    bool is_told_http1;
    bool is_broken;
};

/* ------------------------------------------------------------------ requests */

static void request_close(struct http2 *http2, struct request *request)
{
    http2->parts -= request->state == REQUEST_COMES ? 1 : 0;
    http2->bodies -= request->body.len;
    http2->unsent -= request->answer.len;
    *(request->newer == NULL ? &http2->newest : &request->newer->older) = request->older;
    if (request->older != NULL) {
        request->older->newer = request->newer;
    }
    buffer_close(&request->method);
    buffer_close(&request->path);
    buffer_close(&request->content_type);
    buffer_close(&request->body);
    buffer_close(&request->answer);
    memory_give_back(request);
}

static int request_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct http2 *http2 = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    struct request *request = memory_take(sizeof *request);
    if (request == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    *request = (struct request){.id = frame->hd.stream_id, .older = http2->newest};
    if (http2->newest != NULL) {
        http2->newest->newer = request;
    }
    http2->newest = request;
    http2->parts++;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, request);
}

/* Fields that are looked at, and where they go. */
static struct buffer *request_field(struct request *request, struct span name)
{
    const struct {
        struct span name;
        struct buffer *into;
    } FIELDS[] = {
        {SPAN_LITERAL(":method"), &request->method},
        {SPAN_LITERAL(":path"), &request->path},
        {SPAN_LITERAL("content-type"), &request->content_type},
    };
    for (size_t i = 0; i < LEN(FIELDS); i++) {
        if (span_equal(FIELDS[i].name, name)) {
            return FIELDS[i].into;
        }
    }
    return NULL;
}

static void request_note(struct request *request, enum http2_fault fault)
{
    request->fault = request->fault == HTTP2_FINE ? fault : request->fault;
}

static int request_take_field(nghttp2_session *session, const nghttp2_frame *frame,
                              const uint8_t *name, size_t name_len, const uint8_t *value,
                              size_t value_len, uint8_t flags, void *user)
{
    (void)flags;
    (void)user;
    struct request *request = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (request == NULL) {
        return 0;
    }
    request->fields_size += name_len + value_len + FIELD_OVERHEAD;
    struct buffer *into = request_field(request, span_of(name, name_len));
    if (into == &request->path && value_len > HTTPS_PATH_MAX) {
        request_note(request, HTTP2_PATH_TOO_LONG);
    } else if (request->fields_size > HTTPS_PATH_MAX + HTTPS_FIELDS_SIZE_MAX) {
        request_note(request, HTTP2_FIELDS_TOO_LARGE);
    } else if (into != NULL && into->len == 0 &&
               buffer_append(into, span_of(value, value_len)) != OK) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return 0;
}

static int request_take_body(nghttp2_session *session, uint8_t flags, int32_t id,
                             const uint8_t *bytes, size_t len, void *user)
{
    (void)flags;
    struct http2 *http2 = user;
    struct request *request = nghttp2_session_get_stream_user_data(session, id);
    if (request == NULL || request->fault != HTTP2_FINE) {
        return 0;
    }
    if (request->body.len + len > DNS_MESSAGE_MAX) {
        http2->bodies -= request->body.len;
        buffer_close(&request->body);
        request_note(request, HTTP2_BODY_TOO_LARGE);
        return 0;
    }
    if (http2->bodies + len > HTTPS_BODIES_MAX) {
        http2_refuse(http2, id);
        return 0;
    }
    if (buffer_append(&request->body, span_of(bytes, len)) != OK) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    http2->bodies += len;
    return 0;
}

static void request_hand_over(struct http2 *http2, struct request *request, int32_t id)
{
    require(request->state == REQUEST_COMES);
    struct buffer body = request->body; /* an answer may end the stream meanwhile */
    http2->bodies -= body.len;
    request->body = (struct buffer){0};
    request->state = REQUEST_ASKED;
    http2->parts--;
    uint32_t credit = http2->credit + HTTPS_FRAMES_A_REQUEST;
    http2->credit = credit > HTTPS_FRAMES_SPARE ? HTTPS_FRAMES_SPARE : credit;
    struct http2_request whole = {.id = id,
                                  .method = buffer_bytes(&request->method),
                                  .path = buffer_bytes(&request->path),
                                  .content_type = buffer_bytes(&request->content_type),
                                  .body = buffer_bytes(&body),
                                  .fault = request->fault};
    http2->owner.take(http2->owner.owner, &whole);
    buffer_close(&body);
}

/* ------------------------------------------------------------------ frames */

/* Each frame costs, and whole requests pay. PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA:
 * none of them is worth more than another, and nobody needs many of them for a request. */
static int frame_begin(nghttp2_session *session, const nghttp2_frame_hd *frame, void *user)
{
    (void)frame;
    struct http2 *http2 = user;
    if (http2->credit > 0 && --http2->credit == 0) {
        return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
}

static int frame_take(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!ends) {
        return 0;
    }
    struct request *request = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (request != NULL && request->state == REQUEST_COMES) {
        request_hand_over(user, request, frame->hd.stream_id);
    }
    return 0;
}

static void request_leave(struct http2 *http2, struct request *request)
{
    int32_t id = request->id;
    bool was_asked = request->state != REQUEST_COMES;
    request_close(http2, request);
    if (was_asked) {
        http2->owner.gone(http2->owner.owner, id);
    }
}

static int stream_gone(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    (void)error;
    struct http2 *http2 = user;
    struct request *request = nghttp2_session_get_stream_user_data(session, id);
    if (request != NULL) {
        nghttp2_session_set_stream_user_data(session, id, NULL);
        request_leave(http2, request);
    }
    return 0;
}

/* ------------------------------------------------------------------ answers */

static ssize_t answer_read(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)id;
    struct http2 *http2 = user;
    struct request *request = source->ptr;
    size_t len = request->answer.len < size ? request->answer.len : size;
    if (len > 0) {
        memcpy(room, buffer_bytes(&request->answer).bytes, len);
        buffer_drop(&request->answer, len);
        http2->unsent -= len;
    }
    *flags |= request->answer.len == 0 ? (uint32_t)NGHTTP2_DATA_FLAG_EOF : 0;
    return (ssize_t)len;
}

void http2_answer(struct http2 *http2, int32_t id, const struct http2_answer *answer)
{
    struct request *request = nghttp2_session_get_stream_user_data(http2->session, id);
    if (request == NULL || request->state != REQUEST_ASKED) {
        return;
    }
    if (buffer_append(&request->answer, answer->body) != OK) {
        http2_reset(http2, id);
        return;
    }
    char status[STATUS_TEXT_SIZE], length[LENGTH_TEXT_SIZE];
    snprintf(status, sizeof status, "%u", answer->status % 1000u);
    snprintf(length, sizeof length, "%zu", answer->body.len);
    const char *const OPTIONAL[][2] = {
        {"content-type", answer->content_type},
        {"allow", answer->allow},
        {"cache-control", answer->cache_control},
    };
    nghttp2_nv fields[2 + LEN(OPTIONAL)] = {field_of(":status", status),
                                            field_of("content-length", length)};
    size_t count = 2;
    for (size_t i = 0; i < LEN(OPTIONAL); i++) {
        if (OPTIONAL[i][1] != NULL) {
            fields[count++] = field_of(OPTIONAL[i][0], OPTIONAL[i][1]);
        }
    }
    request->state = REQUEST_ANSWERED;
    http2->unsent += answer->body.len;
    const nghttp2_data_provider body = {.source.ptr = request, .read_callback = answer_read};
    if (nghttp2_submit_response(http2->session, id, fields, count, &body) != 0) {
        http2_reset(http2, id);
    }
}

static void request_end(struct http2 *http2, int32_t id, uint32_t code)
{
    if (nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, id, code) != 0) {
        http2->is_broken = true; /* there is no memory */
    }
}

void http2_refuse(struct http2 *http2, int32_t id)
{
    request_end(http2, id, NGHTTP2_REFUSED_STREAM);
}

void http2_reset(struct http2 *http2, int32_t id)
{
    request_end(http2, id, NGHTTP2_INTERNAL_ERROR);
}

/* ------------------------------------------------------------------ octets */

enum status http2_take(struct http2 *http2, struct span bytes)
{
    if (http2->is_http1 || http2->is_broken) {
        return CLOSED;
    }
    ssize_t taken = nghttp2_session_mem_recv(http2->session, bytes.bytes, bytes.len);
    http2->unheard -= bytes.len < http2->unheard ? bytes.len : http2->unheard;
    if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        http2->is_http1 = true;
    } else if (taken < 0) {
        http2->is_broken = true;
    }
    return taken < 0 || http2->is_broken ? CLOSED : OK;
}

enum status http2_fill(struct http2 *http2, struct buffer *out, size_t enough)
{
    if (http2->is_http1) {
        bool is_new = !http2->is_told_http1;
        http2->is_told_http1 = true;
        enum status status =
            is_new ? buffer_append(out, span_of(HTTP1_ANSWER, sizeof HTTP1_ANSWER - 1)) : OK;
        return status == OK ? CLOSED : status;
    }
    while (http2->unheard == 0 && out->len < enough) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(http2->session, &bytes);
        if (len <= 0) {
            http2->is_broken = http2->is_broken || len < 0;
            break;
        }
        if (buffer_append(out, span_of(bytes, (size_t)len)) != OK) {
            return NO_MEMORY;
        }
    }
    return http2->is_broken ? CLOSED : OK;
}

void http2_finish(struct http2 *http2)
{
    http2->unheard = 0; /* who says nothing is told all the same */
    if (nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(http2->session),
                              NGHTTP2_NO_ERROR, NULL, 0) != 0) {
        http2->is_broken = true;
    }
}

size_t http2_parts(const struct http2 *http2)
{
    return http2->parts;
}

size_t http2_unsent(const struct http2 *http2)
{
    return http2->unsent;
}

bool http2_is_over(const struct http2 *http2)
{
    return http2->is_broken || (nghttp2_session_want_read(http2->session) == 0 &&
                                nghttp2_session_want_write(http2->session) == 0);
}

/* ------------------------------------------------------------------ open and close */

static bool callbacks_make(nghttp2_session_callbacks **callbacks)
{
    if (nghttp2_session_callbacks_new(callbacks) != 0) {
        return false;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(*callbacks, request_begin);
    nghttp2_session_callbacks_set_on_header_callback(*callbacks, request_take_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*callbacks, request_take_body);
    nghttp2_session_callbacks_set_on_begin_frame_callback(*callbacks, frame_begin);
    nghttp2_session_callbacks_set_on_frame_recv_callback(*callbacks, frame_take);
    nghttp2_session_callbacks_set_on_stream_close_callback(*callbacks, stream_gone);
    return true;
}

/* Floods that the library counts itself: requests that are taken back at once (CVE-2023-44487),
 * CONTINUATION without end (CVE-2024-28182), questions that want an acknowledgement. */
static bool option_make(nghttp2_option **option)
{
    if (nghttp2_option_new(option) != 0) {
        return false;
    }
    nghttp2_option_set_stream_reset_rate_limit(*option, HTTPS_RESETS_SPARE, HTTPS_RESETS_A_SECOND);
    nghttp2_option_set_max_continuations(*option, HTTPS_CONTINUATIONS_MAX);
    nghttp2_option_set_max_outbound_ack(*option, HTTPS_REPLIES_WAITING_MAX);
    nghttp2_option_set_max_settings(*option, HTTPS_SETTINGS_MAX);
    nghttp2_option_set_no_closed_streams(*option, 1);
    return true;
}

static bool session_open(struct http2 *http2)
{
    static const nghttp2_settings_entry SETTINGS[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTPS_REQUESTS_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTPS_PATH_MAX + HTTPS_FIELDS_SIZE_MAX},
    };
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    bool is_made =
        callbacks_make(&callbacks) && option_make(&option) &&
        nghttp2_session_server_new2(&http2->session, callbacks, http2, option) == 0 &&
        nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, SETTINGS, LEN(SETTINGS)) == 0;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return is_made;
}

struct http2 *http2_open(struct http2_owner owner)
{
    struct http2 *http2 = memory_take(sizeof *http2);
    if (http2 == NULL) {
        return NULL;
    }
    http2->owner = owner;
    http2->credit = HTTPS_FRAMES_SPARE;
    http2->unheard = NGHTTP2_CLIENT_MAGIC_LEN;
    if (!session_open(http2)) {
        http2_close(http2);
        return NULL;
    }
    return http2;
}

void http2_close(struct http2 *http2)
{
    if (http2 == NULL) {
        return;
    }
    while (http2->newest != NULL) { /* the library closes no streams when it closes the session */
        request_leave(http2, http2->newest);
    }
    nghttp2_session_del(http2->session);
    memory_give_back(http2);
}
