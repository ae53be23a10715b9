/* The user of libngtcp2's connections: which of its words end a connection, and what the other side
 * is told then. */
#include "world/real/quic.h"

#include "core/base/moment.h"
#include "world/real/quic_type.h"
#include "world/real/world_limits.h"

#include <stdio.h>
#include <string.h>

enum { CRYPTO_ERROR_LAST = NGTCP2_CRYPTO_ERROR | 0xff };

/* ------------------------------------------------------------------ the end of a connection */

static enum status over_silently(struct quic *quic)
{
    quic->is_over = true;
    quic->is_silent = true;
    return CLOSED;
}

enum status quic_fail(struct quic *quic, int code)
{
    if (quic->is_over) {
        return CLOSED;
    }
    switch (code) {
    case NGTCP2_ERR_DRAINING: /* the other side has ended it */
    case NGTCP2_ERR_CLOSING:
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY: /* what only a connection that has not begun can ask for */
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
    case NGTCP2_ERR_NOMEM:
        return over_silently(quic);
    case NGTCP2_ERR_CRYPTO:
        ngtcp2_connection_close_error_set_transport_error_tls_alert(
            &quic->error, ngtcp2_conn_get_tls_alert(quic->connection), NULL, 0);
        break;
    default: /* numbers of the library */
        ngtcp2_connection_close_error_set_transport_error_liberr(&quic->error, code, NULL, 0);
        break;
    }
    quic->is_over = true;
    return CLOSED;
}

void quic_end(struct quic *quic, uint64_t code)
{
    if (!quic->is_over) {
        ngtcp2_connection_close_error_set_application_error(&quic->error, code, NULL, 0);
        quic->is_over = true;
    }
}

const char *quic_reason(struct quic *quic)
{
    ngtcp2_connection_close_error told;
    ngtcp2_conn_get_connection_close_error(quic->connection, &told);
    bool is_application = told.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
    bool is_alert = !is_application && told.error_code >= NGTCP2_CRYPTO_ERROR &&
                    told.error_code <= CRYPTO_ERROR_LAST;
    int alert = is_alert ? (int)(told.error_code - NGTCP2_CRYPTO_ERROR) : -1;
    if (tls_note_refusal(quic->tls, alert) == TLS_MISTRUSTED || is_alert) {
        return tls_reason(quic->tls);
    }
    if (!is_application && told.error_code == NGTCP2_NO_ERROR) {
        return "the connection ended";
    }
    snprintf(quic->reason, sizeof quic->reason, "the other side ended it with %s error %llu",
             is_application ? "the protocol's" : "QUIC's", (unsigned long long)told.error_code);
    return quic->reason;
}

/* ------------------------------------------------------------------ open and close */

static ngtcp2_path path_of(const struct quic_path *path)
{
    /* The library's own copies are what it changes. */
    return (ngtcp2_path){.local = {(void *)(uintptr_t)&path->local.any, path->len},
                         .remote = {(void *)(uintptr_t)&path->remote.any, path->len}};
}

static void settings_fill(const struct quic_options *options, int64_t now_ns,
                          ngtcp2_settings *settings)
{
    ngtcp2_settings_default(settings);
    settings->initial_ts = (ngtcp2_tstamp)now_ns;
    settings->handshake_timeout = options->handshake_ms * NGTCP2_MILLISECONDS;
    settings->max_tx_udp_payload_size = QUIC_DATAGRAM_SIZE;
    settings->no_pmtud = 1; /* answers are seldom longer, and forged ICMP must change nothing */
    settings->rand_ctx.native_handle = (void *)(uintptr_t)options->entropy;
}

/* What the other side may send: of each stream one message, unidirectional ones none. */
static void parameters_fill(const struct quic_options *options, ngtcp2_transport_params *parameters)
{
    ngtcp2_transport_params_default(parameters);
    parameters->initial_max_data = QUIC_IN_MAX;
    parameters->initial_max_stream_data_bidi_local = QUIC_STREAM_IN_MAX;
    parameters->initial_max_stream_data_bidi_remote = QUIC_STREAM_IN_MAX;
    parameters->initial_max_streams_bidi = options->streams;
    parameters->initial_max_streams_uni = 0;
    parameters->max_idle_timeout = options->idle_ms * NGTCP2_MILLISECONDS;
    parameters->disable_active_migration = 1;
}

static struct quic *quic_new(const struct quic_options *options, const struct quic_owner *owner)
{
    struct quic *quic = memory_take(sizeof *quic);
    if (quic == NULL) {
        return NULL;
    }
    *quic = (struct quic){.owner = *owner,
                          .reference = {quic_connection_of, quic},
                          .entropy = options->entropy,
                          .keys = options->keys};
    ngtcp2_connection_close_error_default(&quic->error);
    quic->tls = tls_open_quic(options->identity, options->host_name, &quic->reference);
    if (quic->tls == NULL) {
        memory_give_back(quic);
        return NULL;
    }
    return quic;
}

/* A connection that the library has made, or not. */
static struct quic *quic_made(struct quic *quic, int failed)
{
    if (failed != 0) {
        tls_close(quic->tls);
        memory_give_back(quic);
        return NULL;
    }
    ngtcp2_conn_set_tls_native_handle(quic->connection, tls_session(quic->tls));
    return quic;
}

struct quic *quic_open_server(const struct quic_options *options, const struct quic_owner *owner,
                              const struct quic_arrival *arrival)
{
    ngtcp2_pkt_hd hello;
    ngtcp2_cid ours;
    ngtcp2_settings settings;
    ngtcp2_transport_params parameters;
    settings_fill(options, arrival->now_ns, &settings);
    parameters_fill(options, &parameters);
    enum quic_hello kind =
        quic_read_hello(arrival, options->keys, &hello, &parameters.original_dcid);
    struct quic *quic =
        kind == QUIC_HELLO_UNPROVEN || kind == QUIC_HELLO_PROVEN ? quic_new(options, owner) : NULL;
    if (quic == NULL) {
        return NULL;
    }
    if (kind == QUIC_HELLO_PROVEN) {
        settings.token = hello.token;
        parameters.retry_scid = hello.dcid;
        parameters.retry_scid_present = 1;
    }
    quic_choose_id(options->entropy, &ours);
    parameters.stateless_reset_token_present =
        quic_write_reset_token(quic, &ours, parameters.stateless_reset_token) ? 1 : 0;
    ngtcp2_path path = path_of(&arrival->path);
    quic = quic_made(quic, ngtcp2_conn_server_new(&quic->connection, &hello.scid, &ours, &path,
                                                  hello.version, &QUIC_CALLBACKS, &settings,
                                                  &parameters, NULL, quic));
    if (quic != NULL) {
        bool is_named = quic_name_add(quic, &ours) && quic_name_add(quic, &hello.dcid);
        require(is_named);
    }
    return quic;
}

struct quic *quic_open_client(const struct quic_options *options, const struct quic_owner *owner,
                              const struct quic_path *path, int64_t now_ns)
{
    ngtcp2_cid ours, theirs;
    ngtcp2_settings settings;
    ngtcp2_transport_params parameters;
    settings_fill(options, now_ns, &settings);
    parameters_fill(options, &parameters);
    struct quic *quic = quic_new(options, owner);
    if (quic == NULL) {
        return NULL;
    }
    quic_choose_id(options->entropy, &ours);
    quic_choose_id(options->entropy, &theirs);
    ngtcp2_path known = path_of(path);
    return quic_made(quic, ngtcp2_conn_client_new(&quic->connection, &theirs, &ours, &known,
                                                  NGTCP2_PROTO_VER_V1, &QUIC_CALLBACKS, &settings,
                                                  &parameters, NULL, quic));
}

void quic_close(struct quic *quic)
{
    if (quic == NULL) {
        return;
    }
    while (quic->name_count > 0) {
        quic_name_drop(quic, quic->names[0]);
    }
    while (quic->newest != NULL) {
        quic_stream_close(quic->newest);
    }
    ngtcp2_conn_del(quic->connection);
    tls_close(quic->tls);
    memory_give_back(quic);
}

/* ------------------------------------------------------------------ in and out */

enum status quic_take(struct quic *quic, const struct quic_arrival *arrival)
{
    if (quic->is_over) {
        return CLOSED;
    }
    static const ngtcp2_pkt_info NO_MARK = {0};
    ngtcp2_path path = path_of(&arrival->path);
    int code = ngtcp2_conn_read_pkt(quic->connection, &path, &NO_MARK, arrival->datagram.bytes,
                                    arrival->datagram.len, (ngtcp2_tstamp)arrival->now_ns);
    return code != 0 ? quic_fail(quic, code) : quic->is_over ? CLOSED : OK;
}

enum status quic_expire(struct quic *quic, int64_t now_ns)
{
    int code = quic->is_over ? NGTCP2_ERR_CLOSING
                             : ngtcp2_conn_handle_expiry(quic->connection, (ngtcp2_tstamp)now_ns);
    return code != 0 ? quic_fail(quic, code) : OK;
}

int64_t quic_due_ns(const struct quic *quic)
{
    ngtcp2_tstamp at = ngtcp2_conn_get_expiry(quic->connection);
    return at > INT64_MAX ? INT64_MAX : (int64_t)at;
}

/* One datagram of what is to be sent: its length, 0, or an error of the library. */
static ngtcp2_ssize datagram_make(struct quic *quic, ngtcp2_path *path, uint8_t *room,
                                  int64_t now_ns)
{
    for (;;) {
        struct quic_offer offer = quic_stream_offer(quic);
        uint32_t flags =
            offer.stream == NULL ? NGTCP2_WRITE_STREAM_FLAG_NONE : NGTCP2_WRITE_STREAM_FLAG_MORE;
        flags |= offer.is_last ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0;
        ngtcp2_pkt_info mark;
        ngtcp2_ssize taken = -1;
        ngtcp2_ssize len =
            ngtcp2_conn_writev_stream(quic->connection, path, &mark, room, QUIC_DATAGRAM_SIZE,
                                      &taken, flags, offer.stream == NULL ? -1 : offer.stream->id,
                                      offer.parts, offer.count, (ngtcp2_tstamp)now_ns);
        switch (len) {
        case NGTCP2_ERR_WRITE_MORE:
            quic_stream_note_taken(&offer, (size_t)taken);
            break;
        case NGTCP2_ERR_STREAM_DATA_BLOCKED:
            quic_stream_block(offer.stream);
            break;
        case NGTCP2_ERR_STREAM_SHUT_WR:
        case NGTCP2_ERR_STREAM_NOT_FOUND:
            quic_stream_forget(offer.stream);
            break;
        default: /* a length, or a number of the library */
            if (len >= 0 && taken >= 0 && offer.stream != NULL) {
                quic_stream_note_taken(&offer, (size_t)taken);
            }
            return len;
        }
    }
}

enum status quic_fill(struct quic *quic, int64_t now_ns, uint8_t room[QUIC_DATAGRAM_SIZE],
                      size_t *len, struct quic_path *to)
{
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_ssize made = 0;
    *len = 0;
    if (!quic->is_over) {
        made = datagram_make(quic, &path.path, room, now_ns);
        if (made < 0) {
            (void)quic_fail(quic, (int)made);
        }
    }
    if (quic->is_over && !quic->is_silent) {
        quic->is_silent = true;
        ngtcp2_pkt_info mark;
        made = ngtcp2_conn_write_connection_close(quic->connection, &path.path, &mark, room,
                                                  QUIC_DATAGRAM_SIZE, &quic->error,
                                                  (ngtcp2_tstamp)now_ns);
    }
    if (made > 0) {
        *len = (size_t)made;
        to->len = path.path.remote.addrlen;
        memcpy(&to->local, path.path.local.addr, path.path.local.addrlen);
        memcpy(&to->remote, path.path.remote.addr, path.path.remote.addrlen);
    }
    return quic->is_over ? CLOSED : OK;
}

void quic_note_sent(struct quic *quic, int64_t now_ns)
{
    ngtcp2_conn_update_pkt_tx_time(quic->connection, (ngtcp2_tstamp)now_ns);
}

/* ------------------------------------------------------------------ what is asked of it */

bool quic_is_shaken(const struct quic *quic)
{
    return quic->is_shaken;
}

void quic_grant(struct quic *quic)
{
    ngtcp2_conn_extend_max_streams_bidi(quic->connection, 1);
}

void quic_used(struct quic *quic, size_t len)
{
    ngtcp2_conn_extend_max_offset(quic->connection, len);
}

size_t quic_unsent(const struct quic *quic)
{
    return quic->unsent;
}

size_t quic_held(const struct quic *quic)
{
    return quic->held;
}

uint64_t quic_acknowledged(const struct quic *quic)
{
    return quic->acknowledged;
}
