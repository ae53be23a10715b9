/* What libngtcp2 calls us for while it reads a datagram: streams that begin, speak and end, octets
 * that arrived, and the names by which a connection is found. */
#include "core/base/reader.h"
#include "world/real/quic_type.h"

ngtcp2_conn *quic_connection_of(ngtcp2_crypto_conn_ref *reference)
{
    const struct quic *quic = reference->user_data;
    return quic->connection;
}

static int handshake_done(ngtcp2_conn *connection, void *user)
{
    (void)connection;
    struct quic *quic = user;
    quic->is_shaken = true;
    if (!tls_has_protocol(quic->tls)) {
        enum { NO_APPLICATION_PROTOCOL = 120 };
        ngtcp2_connection_close_error_set_transport_error_tls_alert(
            &quic->error, NO_APPLICATION_PROTOCOL, NULL, 0);
        quic->is_over = true;
    } else if (quic->keys != NULL) {
        tls_send_ticket(quic->tls);
    }
    return 0;
}

/* Early data, which may be a replay, is never taken: no ticket of ours allows it. */
static int stream_octets(ngtcp2_conn *connection, uint32_t flags, int64_t id, uint64_t offset,
                         const uint8_t *bytes, size_t len, void *user, void *stream_user)
{
    (void)connection, (void)id, (void)offset;
    struct quic *quic = user;
    struct quic_stream *stream = stream_user;
    if (!quic->is_over && stream != NULL && (flags & NGTCP2_STREAM_DATA_FLAG_EARLY) == 0) {
        quic->owner.take(quic->owner.owner, stream, span_of(bytes, len),
                         (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    }
    return 0;
}

static int stream_begins(ngtcp2_conn *connection, int64_t id, void *user)
{
    (void)connection;
    return quic_stream_begin(user, id) == NULL ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int stream_ends(ngtcp2_conn *connection, uint32_t flags, int64_t id, uint64_t code,
                       void *user, void *stream_user)
{
    (void)connection, (void)flags, (void)id, (void)code;
    struct quic *quic = user;
    struct quic_stream *stream = stream_user;
    if (stream != NULL) {
        quic->owner.gone(quic->owner.owner, stream);
        quic_stream_close(stream);
    }
    return 0;
}

static int stream_is_cut(ngtcp2_conn *connection, int64_t id, uint64_t size, uint64_t code,
                         void *user, void *stream_user)
{
    (void)connection, (void)id, (void)size, (void)code;
    struct quic *quic = user;
    if (stream_user != NULL && !quic->is_over) {
        quic->owner.cut(quic->owner.owner, stream_user);
    }
    return 0;
}

static int octets_arrived(ngtcp2_conn *connection, int64_t id, uint64_t offset, uint64_t len,
                          void *user, void *stream_user)
{
    (void)connection, (void)id;
    struct quic *quic = user;
    quic->acknowledged += len;
    if (stream_user != NULL) {
        quic_stream_note_arrived(stream_user, offset + len);
    }
    return 0;
}

static int stream_has_room(ngtcp2_conn *connection, int64_t id, uint64_t size, void *user,
                           void *stream_user)
{
    (void)connection, (void)id, (void)size, (void)user;
    struct quic_stream *stream = stream_user;
    if (stream != NULL) {
        quic_stream_unblock(stream);
    }
    return 0;
}

static void random_octets(uint8_t *room, size_t len, const ngtcp2_rand_ctx *user)
{
    const struct entropy *entropy = user->native_handle;
    entropy->fill(entropy->self, room, len);
}

static uint64_t number_of(const ngtcp2_cid *id)
{
    struct reader reader = reader_over(span_of(id->data, QUIC_ID_SIZE));
    return reader_u64(&reader);
}

bool quic_name_add(struct quic *quic, const ngtcp2_cid *id)
{
    if (quic->owner.name == NULL) {
        return true;
    }
    if (quic->name_count == LEN(quic->names)) {
        return false;
    }
    quic->names[quic->name_count++] = number_of(id);
    quic->owner.name(quic->owner.owner, number_of(id), true);
    return true;
}

void quic_name_drop(struct quic *quic, uint64_t name)
{
    for (size_t i = 0; i < quic->name_count; i++) {
        if (quic->names[i] == name) {
            quic->names[i] = quic->names[--quic->name_count];
            quic->owner.name(quic->owner.owner, name, false);
            return;
        }
    }
}

bool quic_write_reset_token(const struct quic *quic, const ngtcp2_cid *id,
                            uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN])
{
    if (quic->keys == NULL) { /* nobody sends to a client that is no more */
        quic->entropy->fill(quic->entropy->self, token, NGTCP2_STATELESS_RESET_TOKENLEN);
        return true;
    }
    return ngtcp2_crypto_generate_stateless_reset_token(token, quic->keys->resets,
                                                        sizeof quic->keys->resets, id) == 0;
}

static int name_wanted(ngtcp2_conn *connection, ngtcp2_cid *id, uint8_t *token, size_t len,
                       void *user)
{
    (void)connection, (void)len;
    struct quic *quic = user;
    quic_choose_id(quic->entropy, id);
    return quic_write_reset_token(quic, id, token) && quic_name_add(quic, id)
               ? 0
               : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int name_retired(ngtcp2_conn *connection, const ngtcp2_cid *id, void *user)
{
    (void)connection;
    quic_name_drop(user, number_of(id));
    return 0;
}

const ngtcp2_callbacks QUIC_CALLBACKS = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .update_key = ngtcp2_crypto_update_key_cb,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
    .rand = random_octets,
    .handshake_completed = handshake_done,
    .recv_stream_data = stream_octets,
    .stream_open = stream_begins,
    .stream_close = stream_ends,
    .stream_reset = stream_is_cut,
    .acked_stream_data_offset = octets_arrived,
    .extend_max_stream_data = stream_has_room,
    .get_new_connection_id = name_wanted,
    .remove_connection_id = name_retired,
};
