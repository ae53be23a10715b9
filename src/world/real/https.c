/* Which HTTP requests are DNS queries (RFC 8484 §4.1), and what status the others get; that the
 * service keeps an exchange under way until it has answered, whatever the client does with its
 * stream: taking requests back buys nobody more work of ours (CVE-2023-44487). */
#include "world/real/https.h"

#include "core/base/text.h"

#include <stdio.h>

enum {
    HEADER_SIZE = 12, /* of a DNS message */
    FLAGS_AT = 2,
    IS_ANSWER = 0x80,
    CACHE_TEXT_SIZE = 24,
};

/* One query on its way through the service. */
struct https_exchange {
    uint64_t channel;
    struct https *https;
    int32_t id; /* of its request; 0: nobody waits for the answer */
    struct https_exchange *newer, *older;
};

struct https {
    struct stream *stream;
    struct http2 *http2;
    struct https_exchange *newest;
    uint32_t exchange_count;
};

/* ------------------------------------------------------------------ what a request is */

static size_t span_find(struct span text, uint8_t octet)
{
    size_t at = 0;
    while (at < text.len && text.bytes[at] != octet) {
        at++;
    }
    return at;
}

static struct span span_behind(struct span text, size_t at)
{
    return at >= text.len ? SPAN_EMPTY : span_part(text, at + 1, text.len - at - 1);
}

/* The value of "dns" among "name=value&name=value" (RFC 8484 §6). */
static bool find_dns_variable(struct span query, struct span *value)
{
    static const struct span NAME = {(const uint8_t *)"dns", 3};
    while (query.len > 0) {
        size_t end = span_find(query, '&');
        struct span pair = span_part(query, 0, end);
        size_t equals = span_find(pair, '=');
        if (span_equal(span_part(pair, 0, equals), NAME)) {
            *value = span_behind(pair, equals);
            return true;
        }
        query = span_behind(query, end);
    }
    return false;
}

/* A media type without its parameters, of which this one has none. */
bool https_is_dns_message(struct span content_type)
{
    size_t end = span_find(content_type, ';');
    while (end > 0 && content_type.bytes[end - 1] == ' ') {
        end--;
    }
    return span_equal_nocase(span_part(content_type, 0, end), SPAN_LITERAL(HTTPS_MESSAGE_TYPE));
}

static struct https_verdict judge_get(struct span variables, uint8_t room[HTTPS_ROOM_SIZE])
{
    struct span value;
    struct writer bytes = writer_over(room, HTTPS_ROOM_SIZE);
    if (!find_dns_variable(variables, &value) || text_read_base64url(value, &bytes) != OK) {
        return (struct https_verdict){.status = 400};
    }
    return (struct https_verdict){.message = writer_written(&bytes)};
}

static struct https_verdict judge_post(const struct http2_request *request)
{
    if (!https_is_dns_message(request->content_type)) {
        return (struct https_verdict){.status = 415};
    }
    return (struct https_verdict){.message = request->body};
}

static uint16_t status_of_fault(enum http2_fault fault)
{
    switch (fault) {
    case HTTP2_FINE:
        return 0;
    case HTTP2_PATH_TOO_LONG:
        return 414;
    case HTTP2_FIELDS_TOO_LARGE:
        return 431;
    case HTTP2_BODY_TOO_LARGE:
        return 413;
    }
    return 400;
}

struct https_verdict https_judge(const struct http2_request *request, struct span path,
                                 uint8_t room[HTTPS_ROOM_SIZE])
{
    size_t end = span_find(request->path, '?');
    struct https_verdict verdict = {.status = status_of_fault(request->fault)};
    if (verdict.status != 0) {
        return verdict;
    }
    if (!span_equal(span_part(request->path, 0, end), path)) {
        return (struct https_verdict){.status = 404};
    }
    if (span_equal(request->method, SPAN_LITERAL("GET"))) {
        verdict = judge_get(span_behind(request->path, end), room);
    } else if (span_equal(request->method, SPAN_LITERAL("POST"))) {
        verdict = judge_post(request);
    } else {
        verdict.status = 405;
    }
    if (verdict.status == 0 &&
        (verdict.message.len < HEADER_SIZE || (verdict.message.bytes[FLAGS_AT] & IS_ANSWER) != 0)) {
        verdict.status = 400; /* the service answers no such thing */
    }
    return verdict;
}

/* ------------------------------------------------------------------ exchanges */

static void exchange_free(struct https_exchange *exchange)
{
    struct https *https = exchange->https;
    table_remove(&https->stream->streams->exchanges, exchange->channel);
    *(exchange->newer == NULL ? &https->newest : &exchange->newer->older) = exchange->older;
    if (exchange->older != NULL) {
        exchange->older->newer = exchange->newer;
    }
    https->exchange_count--;
    memory_give_back(exchange);
}

static struct https_exchange *exchange_open(struct https *https, int32_t id)
{
    struct https_exchange *exchange = memory_take(sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    struct streams *streams = https->stream->streams;
    *exchange = (struct https_exchange){.channel = CHANNEL_STREAM | CHANNEL_HTTPS |
                                                   world_number(streams->world),
                                        .https = https,
                                        .id = id,
                                        .older = https->newest};
    if (https->newest != NULL) {
        https->newest->newer = exchange;
    }
    https->newest = exchange;
    https->exchange_count++;
    table_set(&streams->exchanges, exchange->channel, exchange);
    return exchange;
}

static void answer_status(struct https *https, int32_t id, uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } REASONS[] = {
        {400, "this is no DNS query\n"},
        {404, "nothing is served here\n"},
        {405, "DNS is asked with GET or POST\n"},
        {413, "no DNS message is that large\n"},
        {414, "a query that large is asked with POST\n"},
        {415, "the content must be application/dns-message\n"},
        {431, "these header fields are too large\n"},
    };
    struct http2_answer answer = {.status = status,
                                  .content_type = "text/plain",
                                  .allow = status == 405 ? "GET, POST" : NULL};
    for (size_t i = 0; i < LEN(REASONS); i++) {
        answer.body = REASONS[i].status == status ? span_of_text(REASONS[i].reason) : answer.body;
    }
    http2_answer(https->http2, id, &answer);
}

static bool takes_requests(const struct https *https)
{
    return https->exchange_count < HTTPS_REQUESTS_MAX &&
           http2_unsent(https->http2) < STREAM_UNSENT_PAUSE &&
           !https->stream->streams->world->is_draining;
}

static void request_take(void *owner, const struct http2_request *request)
{
    struct https *https = owner;
    uint8_t room[HTTPS_ROOM_SIZE];
    struct https_verdict verdict =
        https_judge(request, span_of_text(https->stream->listener->path), room);
    if (verdict.status != 0) {
        stream_note_message(https->stream);
        answer_status(https, request->id, verdict.status);
        return;
    }
    struct https_exchange *exchange =
        takes_requests(https) ? exchange_open(https, request->id) : NULL;
    if (exchange == NULL) {
        http2_refuse(https->http2, request->id);
        return;
    }
    stream_deliver_query(https->stream, exchange->channel, verdict.message);
}

static void request_gone(void *owner, int32_t id)
{
    struct https *https = owner;
    for (struct https_exchange *at = https->newest; at != NULL; at = at->older) {
        if (at->id == id) {
            at->id = 0;
            return;
        }
    }
}

/* ------------------------------------------------------------------ effects */

static struct https_exchange *exchange_find(const struct world *world, uint64_t channel)
{
    return world->streams == NULL ? NULL : table_find(&world->streams->exchanges, channel);
}

void https_reply(struct world *world, const struct effect_reply *reply)
{
    struct https_exchange *exchange = exchange_find(world, reply->channel);
    if (exchange == NULL) {
        return;
    }
    require(!reply->has_more);
    struct https *https = exchange->https;
    char cache_control[CACHE_TEXT_SIZE];
    snprintf(cache_control, sizeof cache_control, "max-age=%u",
             https->stream->listener->lifetime_s(reply->message));
    if (exchange->id != 0) {
        http2_answer(https->http2, exchange->id,
                     &(struct http2_answer){.status = 200,
                                            .content_type = HTTPS_MESSAGE_TYPE,
                                            .cache_control = cache_control,
                                            .body = reply->message});
    }
    stream_note_answer(https->stream);
    exchange_free(exchange);
}

void https_hang_up(struct world *world, uint64_t channel)
{
    struct https_exchange *exchange = exchange_find(world, channel);
    if (exchange != NULL) {
        if (exchange->id != 0) {
            http2_reset(exchange->https->http2, exchange->id);
        }
        stream_note_answer(exchange->https->stream);
        exchange_free(exchange);
    }
}

/* ------------------------------------------------------------------ connections */

struct https *https_open(struct stream *stream)
{
    struct https *https = memory_take(sizeof *https);
    if (https == NULL) {
        return NULL;
    }
    https->stream = stream;
    https->http2 = http2_open(
        (struct http2_owner){.take = request_take, .gone = request_gone, .owner = https});
    if (https->http2 == NULL) {
        memory_give_back(https);
        return NULL;
    }
    return https;
}

void https_close(struct https *https)
{
    if (https != NULL) {
        http2_close(https->http2);
        while (https->newest != NULL) {
            exchange_free(https->newest);
        }
        memory_give_back(https);
    }
}

enum status https_take(struct https *https, struct span bytes)
{
    return http2_take(https->http2, bytes);
}

enum status https_fill(struct https *https)
{
    return http2_fill(https->http2, &https->stream->out, HTTPS_OUT_ENOUGH);
}

void https_finish(struct https *https)
{
    http2_finish(https->http2);
}

bool https_is_owed(const struct https *https)
{
    return http2_unsent(https->http2) != 0;
}

bool https_has_part(const struct https *https)
{
    return http2_parts(https->http2) != 0;
}

bool https_is_over(const struct https *https)
{
    return http2_is_over(https->http2);
}
