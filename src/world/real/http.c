/* HTTP and HTTPS: libmicrohttpd parses and writes, driven by our loop through its epoll descriptor.
 * A request reaches the service whole; until the service answers, its connection is suspended. */
#include "core/base/text.h"
#include "world/real/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum request_state {
    REQUEST_ARRIVING, /* the body is not whole yet */
    REQUEST_HANDED,   /* the service has it, its handler runs or its connection is suspended */
    REQUEST_ANSWERED  /* the response stands, and goes out when libmicrohttpd asks for it */
};

enum { TOO_LARGE = 413, BAD_REQUEST = 400, UNAVAILABLE = 503, METHOD_MAX = 32 };

struct http_daemon {
    struct http *http;
    struct MHD_Daemon *daemon;
    struct watch watch;
    struct timer deadline;
    struct address bound;
    bool is_metrics; /* it has the page of numbers, and the service does not see its requests */
    const char *certificate_file; /* NULL: HTTP without TLS */
    const char *key_file;
    char *certificate; /* PEM, as long as the daemon */
    char *key;
    struct http_daemon *retired_next;
};

struct http_request {
    struct http_daemon *daemon;
    struct MHD_Connection *connection;
    uint64_t number;
    enum request_state state;
    bool is_suspended;
    bool is_begun; /* the fields have been seen */
    struct address peer;
    struct arena task; /* what the event points to */
    char *target;      /* as sent */
    struct buffer body;
    unsigned status;
    struct MHD_Response *response;
};

struct http {
    struct world *world;
    struct http_daemon *daemons[ENDPOINTS_MAX];
    size_t daemon_count;
    /* They take no connections any more, and go with the last that they have: a certificate is for
     * the life of a daemon. */
    struct http_daemon *retired;
    struct table by_number;
};

/* ------------------------------------------------------------------ driving the daemon */

static void daemon_set_deadline(struct http_daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    struct loop *loop = &daemon->http->world->loop;
    if (MHD_get_timeout(daemon->daemon, &timeout_ms) == MHD_YES) {
        loop_set_timer(loop, &daemon->deadline, world_in_ms((int64_t)timeout_ms));
    } else {
        loop_stop_timer(loop, &daemon->deadline);
    }
}

static void daemon_run(struct http_daemon *daemon)
{
    (void)MHD_run(daemon->daemon);
    daemon_set_deadline(daemon);
}

static void retired_drop(struct http *http);

static void daemon_ready(void *owner, uint32_t events)
{
    (void)events;
    struct http_daemon *daemon = owner;
    struct http *http = daemon->http;
    daemon_run(daemon);
    retired_drop(http);
}

static void daemon_due(void *owner)
{
    daemon_ready(owner, 0);
}

/* ------------------------------------------------------------------ responses */

static struct MHD_Response *response_make(const struct effect_http *effect)
{
    /* The library copies the body. */
    union {
        const uint8_t *read;
        void *given;
    } body = {.read = effect->body.bytes};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(effect->body.len, body.given, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    struct arena scratch;
    arena_open(&scratch, HTTP_BODY_MAX);
    for (size_t i = 0; i < effect->field_count; i++) {
        char *name = arena_text(&scratch, effect->fields[i].name);
        char *value = arena_text(&scratch, effect->fields[i].value);
        /* It refuses a value with a line end, so no text can become a field of its own. */
        if (name == NULL || value == NULL ||
            MHD_add_response_header(response, name, value) != MHD_YES) {
            MHD_destroy_response(response);
            response = NULL;
            break;
        }
    }
    arena_close(&scratch);
    return response;
}

static enum MHD_Result respond_plainly(struct MHD_Connection *connection, unsigned status,
                                       const char *sentence)
{
    struct effect_http effect = {
        .field_count = 1,
        .fields = {{SPAN_LITERAL("Content-Type"), SPAN_LITERAL("text/plain; charset=utf-8")}},
        .body = span_of_text(sentence),
    };
    struct MHD_Response *response = response_make(&effect);
    if (response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

void http_answer(struct world *world, const struct effect_http *effect)
{
    struct http *http = world->http;
    struct http_request *request =
        http == NULL ? NULL : table_find(&http->by_number, effect->request);
    if (request == NULL) {
        return; /* whoever asked has gone */
    }
    require(request->state == REQUEST_HANDED); /* exactly one response each */
    require(effect->field_count <= EFFECT_HTTP_FIELDS_MAX);
    request->response = response_make(effect);
    request->status = effect->status;
    request->state = REQUEST_ANSWERED;
    if (request->response == NULL) {
        log_line(&world->log, LOG_ERROR, "a response to HTTP could not be made");
    }
    if (request->is_suspended) {
        request->is_suspended = false;
        MHD_resume_connection(request->connection);
        /* Not now: other callbacks of the library may be on the stack. */
        loop_set_timer(&world->loop, &request->daemon->deadline, 0);
    }
}

/* ------------------------------------------------------------------ requests */

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* The path with its %XX decoded; false for broken escapes and for NUL, which no path has. */
static bool path_decode(struct span raw, uint8_t *path, size_t *len)
{
    size_t out = 0;
    for (size_t at = 0; at < raw.len; at++) {
        int octet = raw.bytes[at];
        if (octet == '%') {
            int high = at + 2 < raw.len ? hex_digit((char)raw.bytes[at + 1]) : -1;
            int low = at + 2 < raw.len ? hex_digit((char)raw.bytes[at + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            octet = high * 16 + low;
            at += 2;
        }
        if (octet == 0) {
            return false;
        }
        path[out++] = (uint8_t)octet;
    }
    *len = out;
    return out != 0 && path[0] == '/';
}

struct field_list {
    struct http_field *fields;
    size_t count;
};

static enum MHD_Result field_take(void *user, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct field_list *list = user;
    if (list->count == HTTP_FIELDS_MAX) {
        list->count++; /* remembered as too many */
        return MHD_NO;
    }
    if (list->count > HTTP_FIELDS_MAX) {
        return MHD_NO;
    }
    struct http_field *field = &list->fields[list->count++];
    /* The library keeps them until the request is over. */
    field->name = span_of(name, name_len);
    field->value = span_of(value, value == NULL ? 0 : value_len);
    return MHD_YES;
}

/* Fills the event from the request; the status of the response when it makes none. */
static unsigned event_fill(struct http_request *request, const char *method, struct event *event)
{
    struct span target = span_of_text(request->target);
    const uint8_t *mark = memchr(target.bytes, '?', target.len);
    size_t path_len = mark == NULL ? target.len : (size_t)(mark - target.bytes);
    uint8_t *path = arena_take(&request->task, path_len);
    struct field_list list = {
        .fields = arena_take_array(&request->task, HTTP_FIELDS_MAX, sizeof list.fields[0]),
    };
    if (path == NULL || list.fields == NULL) {
        return UNAVAILABLE;
    }
    size_t decoded_len = 0;
    if (!path_decode(span_part(target, 0, path_len), path, &decoded_len)) {
        return BAD_REQUEST;
    }
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, field_take, &list);
    if (list.count > HTTP_FIELDS_MAX) {
        return TOO_LARGE;
    }
    *event = (struct event){
        .kind = EVENT_HTTP,
        .http = {.request = request->number,
                 .peer = request->peer,
                 .method = span_of_text(method),
                 .path = span_of(path, decoded_len),
                 .query = mark == NULL ? SPAN_EMPTY
                                       : span_part(target, path_len + 1, target.len - path_len - 1),
                 .target = target,
                 .fields = list.fields,
                 .field_count = list.count,
                 .body = buffer_bytes(&request->body)},
    };
    return 0;
}

static enum MHD_Result request_respond(struct http_request *request)
{
    if (request->response == NULL) {
        return respond_plainly(request->connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                               "The response could not be made.\n");
    }
    enum MHD_Result result =
        MHD_queue_response(request->connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

static void request_answer(void *user, const struct effect_http *effect)
{
    struct http_request *request = user;
    request->response = response_make(effect);
    request->status = effect->status;
    request->state = REQUEST_ANSWERED;
}

static enum MHD_Result request_hand_over(struct http_request *request, const char *method)
{
    struct event event;
    unsigned refused = event_fill(request, method, &event);
    if (refused != 0) {
        return respond_plainly(request->connection, refused, "The request cannot be understood.\n");
    }
    if (request->daemon->http->world->is_draining) {
        return respond_plainly(request->connection, UNAVAILABLE, "The service is stopping.\n");
    }
    if (request->daemon->is_metrics) {
        metrics_respond(request->daemon->http->world, &event.http, request_answer, request);
        return request_respond(request);
    }
    request->state = REQUEST_HANDED;
    world_deliver(request->daemon->http->world, &event);
    if (request->state == REQUEST_ANSWERED) {
        return request_respond(request);
    }
    request->is_suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static void request_note_peer(struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info != NULL) {
        union socket_name name = {0};
        memcpy(&name, info->client_addr,
               info->client_addr->sa_family == AF_INET ? sizeof name.ipv4 : sizeof name.ipv6);
        request->peer = socket_address_of(&name);
    }
}

/* What the fields alone say against a request, before its body is taken. */
static enum MHD_Result request_check(struct http_request *request, const char *method)
{
    request->is_begun = true;
    request_note_peer(request);
    const char *announced = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                        MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t len = 0;
    if (announced != NULL && text_read_u64(span_of_text(announced), HTTP_BODY_MAX, &len) != OK) {
        return respond_plainly(request->connection, TOO_LARGE, "The body is too long.\n");
    }
    if (strlen(method) > METHOD_MAX) {
        return respond_plainly(request->connection, BAD_REQUEST, "There is no such method.\n");
    }
    return MHD_YES;
}

/* Called once when the fields are there, then for each part of the body, then once at the end, and
 * once more after a suspension. */
static enum MHD_Result request_access(void *user, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *upload, size_t *upload_len, void **state)
{
    (void)user;
    (void)url;
    (void)version;
    struct http_request *request = *state;
    if (request == NULL) {
        return MHD_NO;
    }
    request->connection = connection;
    if (request->state == REQUEST_ANSWERED) {
        return request_respond(request);
    }
    if (!request->is_begun) {
        return request_check(request, method);
    }
    if (*upload_len == 0) {
        return request_hand_over(request, method);
    }
    if (request->body.len + *upload_len > HTTP_BODY_MAX ||
        buffer_append(&request->body, span_of(upload, *upload_len)) != OK) {
        return MHD_NO; /* an honest client has seen 413 or announced its length */
    }
    *upload_len = 0;
    return MHD_YES;
}

/* The very first callback of a request: the target as it was sent. Its result becomes the state. */
static void *request_begin(void *user, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    struct http_daemon *daemon = user;
    struct http *http = daemon->http;
    struct http_request *request = memory_take(sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    request->daemon = daemon;
    request->number = world_number(http->world);
    arena_open(&request->task, (size_t)2 * HTTP_BODY_MAX);
    size_t len = strnlen(uri, HTTP_TARGET_MAX + 1);
    request->target = len > HTTP_TARGET_MAX ? NULL : arena_text(&request->task, span_of(uri, len));
    if (request->target == NULL) {
        arena_close(&request->task);
        memory_give_back(request);
        return NULL;
    }
    table_set(&http->by_number, request->number, request);
    return request;
}

static void request_end(void *user, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code)
{
    (void)user;
    (void)connection;
    (void)code;
    struct http_request *request = *state;
    *state = NULL;
    if (request == NULL) {
        return;
    }
    table_remove(&request->daemon->http->by_number, request->number);
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    buffer_close(&request->body);
    arena_close(&request->task);
    memory_give_back(request);
}

/* ------------------------------------------------------------------ open and close */

static void daemon_log(void *user, const char *format, va_list args)
{
    struct http_daemon *daemon = user;
    char sentence[LINE_LEN_MAX];
    vsnprintf(sentence, sizeof sentence, format, args);
    sentence[strcspn(sentence, "\n")] = '\0';
    log_line(&daemon->http->world->log, LOG_DETAIL, "HTTP: %s", sentence);
}

/* We decode ourselves, strictly. */
static size_t unescape_nothing(void *user, struct MHD_Connection *connection, char *text)
{
    (void)user;
    (void)connection;
    return strlen(text);
}

static bool daemon_start(struct http_daemon *daemon, int fd)
{
    bool is_tls = daemon->certificate != NULL;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (daemon->bound.family == ADDRESS_IPV6 ? MHD_USE_IPv6 : 0) |
                     (is_tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, daemon->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, daemon->key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    daemon->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_access, daemon, /* the log first: options may complain */
        MHD_OPTION_EXTERNAL_LOGGER, daemon_log, daemon, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_A_PEER_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_MEMORY_A_CONNECTION, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, request_begin, daemon, MHD_OPTION_NOTIFY_COMPLETED,
        request_end, daemon, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, daemon,
        MHD_OPTION_ARRAY, is_tls ? tls : none, MHD_OPTION_END);
    return daemon->daemon != NULL;
}

static char *pem_read(const char *path, struct problem *problem)
{
    struct arena scratch;
    arena_open(&scratch, (size_t)2 * HTTP_BODY_MAX);
    struct span content;
    char *copy = NULL;
    if (file_read(path, HTTP_BODY_MAX, &scratch, &content, problem) == OK) {
        copy = memory_take(content.len + 1);
        if (copy != NULL) {
            memcpy(copy, content.bytes, content.len);
        }
    }
    arena_close(&scratch);
    return copy;
}

static enum status daemon_watch(struct http_daemon *daemon)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return IO_FAILED;
    }
    daemon->watch = (struct watch){.fd = info->epoll_fd, .ready = daemon_ready, .owner = daemon};
    daemon->deadline = (struct timer){.due = daemon_due, .owner = daemon};
    daemon_set_deadline(daemon);
    return loop_watch(&daemon->http->world->loop, &daemon->watch, EPOLLIN);
}

static void daemon_close(struct http_daemon *daemon)
{
    struct loop *loop = &daemon->http->world->loop;
    loop_unwatch(loop, &daemon->watch);
    loop_stop_timer(loop, &daemon->deadline);
    if (daemon->daemon != NULL) {
        MHD_stop_daemon(daemon->daemon); /* closes the listening socket too */
    }
    memory_give_back(daemon->certificate);
    memory_give_back(daemon->key);
    memory_give_back(daemon);
}

/* Takes the socket over, also when it fails. */
static enum status daemon_open(struct http_daemon *daemon, int fd, struct problem *problem)
{
    daemon->bound = socket_local_address(fd);
    if (daemon->certificate_file != NULL) {
        world_keep_tls(daemon->http->world,
                       (struct world_tls){daemon->certificate_file, daemon->key_file, NULL});
        daemon->certificate = pem_read(daemon->certificate_file, problem);
        daemon->key = daemon->certificate == NULL ? NULL : pem_read(daemon->key_file, problem);
        if (daemon->key == NULL) {
            close(fd);
            return IO_FAILED;
        }
    }
    if (!daemon_start(daemon, fd)) {
        close(fd);
        return daemon->certificate_file == NULL
                   ? problem_set(problem, IO_FAILED,
                                 "HTTP cannot be served: the library did not "
                                 "start")
                   : problem_set(problem, IO_FAILED,
                                 "cannot use the certificate %.200s with the key %.200s: they do "
                                 "not belong together, or are not PEM",
                                 daemon->certificate_file, daemon->key_file);
    }
    if (daemon_watch(daemon) != OK) {
        return problem_set(problem, IO_FAILED, "cannot wait for HTTP connections: %s",
                           strerror(errno));
    }
    return OK;
}

static struct http *http_need(struct world *world)
{
    if (world->http == NULL) {
        world->http = memory_take(sizeof *world->http);
        if (world->http != NULL) {
            world->http->world = world;
        }
    }
    return world->http;
}

static enum status http_listen(struct world *world, struct address address,
                               const struct http_daemon *wanted, struct problem *problem)
{
    struct http *http = http_need(world);
    if (http != NULL && http->daemon_count == ENDPOINTS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d addresses can serve HTTP",
                           ENDPOINTS_MAX);
    }
    if ((wanted->certificate_file == NULL) != (wanted->key_file == NULL)) {
        return problem_set(problem, BAD_ARGUMENT,
                           "HTTPS needs both a certificate file and its key file");
    }
    struct http_daemon *daemon = http == NULL ? NULL : memory_take(sizeof *daemon);
    if (daemon == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for HTTP");
    }
    *daemon = *wanted;
    daemon->http = http;
    int fd;
    enum status status = socket_listen(address, SOCK_STREAM, "HTTP", &fd, problem);
    status = status == OK ? daemon_open(daemon, fd, problem) : status;
    if (status != OK) {
        daemon_close(daemon);
        return status;
    }
    http->daemons[http->daemon_count++] = daemon;
    return OK;
}

enum status world_listen_http(struct world *world, struct address address,
                              const char *certificate_file, const char *key_file,
                              struct problem *problem)
{
    const struct http_daemon wanted = {.certificate_file = certificate_file, .key_file = key_file};
    return http_listen(world, address, &wanted, problem);
}

enum status world_listen_metrics(struct world *world, struct address address,
                                 const char *certificate_file, const char *key_file,
                                 struct problem *problem)
{
    const struct http_daemon wanted = {
        .is_metrics = true, .certificate_file = certificate_file, .key_file = key_file};
    return http_listen(world, address, &wanted, problem);
}

/* ------------------------------------------------------------------ new certificates */

static bool daemon_is_idle(const struct http_daemon *daemon)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == NULL || info->num_connections == 0;
}

static void retired_drop(struct http *http)
{
    struct http_daemon **link = &http->retired;
    while (*link != NULL) {
        struct http_daemon *daemon = *link;
        if (daemon_is_idle(daemon)) {
            *link = daemon->retired_next;
            daemon_close(daemon);
        } else {
            link = &daemon->retired_next;
        }
    }
}

/* Another daemon on the same socket takes the connections from now on; without one all stays. */
static void daemon_renew(struct http *http, size_t index)
{
    struct http_daemon *old = http->daemons[index];
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(old->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    struct problem problem = {0};
    struct http_daemon *daemon = memory_take(sizeof *daemon);
    int fd = daemon == NULL || info == NULL ? -1 : fcntl(info->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        memory_give_back(daemon);
        log_line(&http->world->log, LOG_ERROR,
                 "the certificate of HTTPS cannot be read again now; the old one stays in use");
        return;
    }
    *daemon = (struct http_daemon){.http = http,
                                   .is_metrics = old->is_metrics,
                                   .certificate_file = old->certificate_file,
                                   .key_file = old->key_file};
    if (daemon_open(daemon, fd, &problem) != OK) {
        daemon_close(daemon);
        log_line(&http->world->log, LOG_ERROR, "%s; the old ones stay in use", problem.sentence);
        return;
    }
    int left = MHD_quiesce_daemon(old->daemon);
    if (left >= 0) {
        close(left);
    }
    http->daemons[index] = daemon;
    old->retired_next = http->retired;
    http->retired = old;
}

void http_reload(struct world *world)
{
    struct http *http = world->http;
    for (size_t i = 0; http != NULL && i < http->daemon_count; i++) {
        if (http->daemons[i]->certificate_file != NULL) {
            daemon_renew(http, i);
        }
    }
    if (http != NULL) {
        retired_drop(http);
    }
}

/* The listening socket must be closed by us once it is taken from the library. */
void http_stop(struct world *world)
{
    struct http *http = world->http;
    for (size_t i = 0; http != NULL && i < http->daemon_count; i++) {
        int fd = MHD_quiesce_daemon(http->daemons[i]->daemon);
        if (fd >= 0) {
            close(fd);
        }
    }
}

/* Whether every request that the service answered is out. Those it never answered have no answer
 * to wait for. */
bool http_is_drained(const struct world *world)
{
    const struct http *http = world->http;
    for (size_t i = 0; http != NULL && i < http->by_number.size; i++) {
        const struct http_request *request = http->by_number.slots[i].value;
        if (request != NULL && request->state == REQUEST_ANSWERED) {
            return false;
        }
    }
    return true;
}

void http_close(struct world *world)
{
    struct http *http = world->http;
    if (http == NULL) {
        return;
    }
    /* The library must not be stopped with suspended connections. */
    for (size_t i = 0; i < http->by_number.size; i++) {
        struct http_request *request = http->by_number.slots[i].value;
        if (request != NULL && request->is_suspended) {
            request->is_suspended = false;
            request->state = REQUEST_ANSWERED;
            MHD_resume_connection(request->connection);
        }
    }
    for (size_t i = 0; i < http->daemon_count; i++) {
        daemon_close(http->daemons[i]);
    }
    while (http->retired != NULL) {
        struct http_daemon *daemon = http->retired;
        http->retired = daemon->retired_next;
        daemon_close(daemon);
    }
    table_close(&http->by_number);
    memory_give_back(http);
    world->http = NULL;
}

struct address http_address(const struct world *world, size_t index)
{
    require(world->http != NULL && index < world->http->daemon_count);
    return world->http->daemons[index]->bound;
}
