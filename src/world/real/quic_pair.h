#pragma once
/* For tests: a client and a server of QUIC that hand each other their datagrams, on a clock of
 * their own. Include after cmocka.h and test_certificate.h. */
#include "core/base/moment.h"
#include "world/real/clock.h"
#include "world/real/quic.h"
#include "world/real/world_limits.h"

#include <stdlib.h>
#include <unistd.h>

struct pair_side {
    struct quic *quic;
    struct quic_stream *last; /* on which something came last; NULL when it is gone */
    size_t taken, ends, cuts, gone, names;
    uint8_t last_octet;
    size_t deaf; /* of so many datagrams to it each last one is lost; 0: none */
    size_t datagrams;
};

struct pair {
    char folder[40];
    struct issued ca;
    char paths[3][CERTIFICATE_PATH_SIZE];
    struct tls_identity *identities[2]; /* the server's, the client's */
    struct entropy entropy;
    struct quic_keys keys;
    struct quic_path path; /* as the server sees it */
    int64_t now_ns;
    struct pair_side server, client;
};

CERTIFICATE_HELPER void pair_take(void *owner, struct quic_stream *stream, struct span bytes,
                                  bool is_last)
{
    struct pair_side *side = owner;
    side->last = stream;
    side->taken += bytes.len;
    side->ends += is_last ? 1 : 0;
    side->last_octet = bytes.len == 0 ? side->last_octet : bytes.bytes[bytes.len - 1];
}

CERTIFICATE_HELPER void pair_cut(void *owner, struct quic_stream *stream)
{
    struct pair_side *side = owner;
    side->cuts++;
    quic_stream_reset(stream, 0);
}

CERTIFICATE_HELPER void pair_gone(void *owner, struct quic_stream *stream)
{
    struct pair_side *side = owner;
    struct quic_stream **known = quic_stream_user(stream); /* where a test has it, or NULL */
    if (known != NULL) {
        *known = NULL;
    }
    side->gone++;
    side->last = side->last == stream ? NULL : side->last;
}

CERTIFICATE_HELPER void pair_name(void *owner, uint64_t name, bool is_known)
{
    (void)name;
    struct pair_side *side = owner;
    side->names += is_known ? 1 : (size_t)-1;
}

CERTIFICATE_HELPER struct quic_owner pair_owner(struct pair_side *side, bool is_server)
{
    return (struct quic_owner){pair_take, pair_cut, pair_gone, is_server ? pair_name : NULL, side};
}

CERTIFICATE_HELPER struct quic_options pair_options(struct pair *pair, bool is_server)
{
    return (struct quic_options){.identity = pair->identities[is_server ? 0 : 1],
                                 .host_name = is_server ? NULL : "doq.test",
                                 .entropy = &pair->entropy,
                                 .keys = is_server ? &pair->keys : NULL,
                                 .streams = is_server ? 4 : 0,
                                 .handshake_ms = 5000,
                                 .idle_ms = 30000};
}

/* The client has begun; the server is NULL until a hello reaches it. */
CERTIFICATE_HELPER void pair_open(struct pair *pair)
{
    *pair = (struct pair){.entropy = entropy_of_kernel(), .now_ns = MOMENT_NS_PER_S};
    snprintf(pair->folder, sizeof pair->folder, "/tmp/vouch-quic-XXXXXX");
    require(mkdtemp(pair->folder) != NULL);
    pair->ca = certificate_issue(pair->folder, "ca", NULL);
    issued_close(certificate_issue(pair->folder, "doq.test", &pair->ca));
    static const char *const FILES[] = {"doq.test.pem", "doq.test.key", "ca.pem"};
    for (size_t i = 0; i < LEN(FILES); i++) {
        snprintf(pair->paths[i], sizeof pair->paths[i], "%s/%s", pair->folder, FILES[i]);
    }
    struct problem problem = {0};
    enum status status = tls_identity_open((struct world_tls){pair->paths[0], pair->paths[1], NULL},
                                           TLS_QUIC_SERVER, &pair->identities[0], &problem);
    require(status == OK);
    status = tls_identity_open((struct world_tls){.ca_file = pair->paths[2]}, TLS_QUIC_ASKER,
                               &pair->identities[1], &problem);
    require(status == OK);
    const struct address here = {.family = ADDRESS_IPV4, .octets = {127, 0, 0, 1}, .port = 853};
    const struct address there = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}, .port = 5555};
    pair->path.len = socket_name_of(here, &pair->path.local);
    (void)socket_name_of(there, &pair->path.remote);
}

CERTIFICATE_HELPER void pair_dial(struct pair *pair)
{
    const struct quic_options options = pair_options(pair, false);
    const struct quic_owner owner = pair_owner(&pair->client, false);
    const struct quic_path path = {pair->path.remote, pair->path.local, pair->path.len};
    pair->client = (struct pair_side){0};
    pair->client.quic = quic_open_client(&options, &owner, &path, pair->now_ns);
    require(pair->client.quic != NULL);
}

CERTIFICATE_HELPER void pair_hang_up(struct pair *pair)
{
    quic_close(pair->client.quic);
    quic_close(pair->server.quic);
    require(pair->server.names == 0);
    pair->client.quic = NULL;
    pair->server = (struct pair_side){0};
}

CERTIFICATE_HELPER void pair_close(struct pair *pair)
{
    pair_hang_up(pair);
    tls_identity_close(pair->identities[0]);
    tls_identity_close(pair->identities[1]);
    issued_close(pair->ca);
    char path[CERTIFICATE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/ca.key", pair->folder);
    unlink(path);
    for (size_t i = 0; i < LEN(pair->paths); i++) {
        unlink(pair->paths[i]);
    }
    rmdir(pair->folder);
}

/* What the server gets that way. */
CERTIFICATE_HELPER struct quic_arrival pair_arrival(const struct pair *pair, struct span datagram)
{
    return (struct quic_arrival){datagram, pair->path, pair->now_ns};
}

CERTIFICATE_HELPER enum status pair_to_client(struct pair *pair, struct span datagram)
{
    const struct quic_arrival arrival = {
        datagram, {pair->path.remote, pair->path.local, pair->path.len}, pair->now_ns};
    return pair->client.quic == NULL ? CLOSED : quic_take(pair->client.quic, &arrival);
}

CERTIFICATE_HELPER enum status pair_to_server(struct pair *pair, struct span datagram)
{
    const struct quic_arrival arrival = pair_arrival(pair, datagram);
    if (pair->server.quic == NULL) {
        const struct quic_options options = pair_options(pair, true);
        const struct quic_owner owner = pair_owner(&pair->server, true);
        pair->server.quic = quic_open_server(&options, &owner, &arrival);
    }
    return pair->server.quic == NULL ? CLOSED : quic_take(pair->server.quic, &arrival);
}

/* One datagram from that side, if it has any; false when it has none. */
CERTIFICATE_HELPER bool pair_carry(struct pair *pair, bool from_client)
{
    struct pair_side *from = from_client ? &pair->client : &pair->server;
    struct pair_side *to = from_client ? &pair->server : &pair->client;
    uint8_t room[QUIC_DATAGRAM_SIZE];
    struct quic_path path;
    size_t len = 0;
    if (from->quic == NULL) {
        return false;
    }
    enum status status = quic_fill(from->quic, pair->now_ns, room, &len, &path);
    require(status == OK || status == CLOSED);
    quic_note_sent(from->quic, pair->now_ns);
    if (len == 0) {
        return false;
    }
    require(path.len == pair->path.len);
    to->datagrams++;
    if (to->deaf == 0 || to->datagrams % to->deaf != 0) {
        status = from_client ? pair_to_server(pair, span_of(room, len))
                             : pair_to_client(pair, span_of(room, len));
    }
    return true;
}

/* Until neither has anything to say. */
CERTIFICATE_HELPER void pair_talk(struct pair *pair)
{
    while (pair_carry(pair, true) || pair_carry(pair, false)) {
    }
}

/* The clock goes to what is due first; false when that is later than so many seconds from now. */
CERTIFICATE_HELPER bool pair_wait(struct pair *pair, int64_t seconds)
{
    int64_t until_ns = pair->now_ns + seconds * MOMENT_NS_PER_S;
    int64_t client_ns = quic_due_ns(pair->client.quic);
    int64_t server_ns = pair->server.quic == NULL ? INT64_MAX : quic_due_ns(pair->server.quic);
    int64_t at_ns = client_ns < server_ns ? client_ns : server_ns;
    if (at_ns > until_ns) {
        return false;
    }
    pair->now_ns = at_ns > pair->now_ns ? at_ns : pair->now_ns;
    enum status status = quic_expire(pair->client.quic, pair->now_ns);
    if (pair->server.quic != NULL) {
        status = quic_expire(pair->server.quic, pair->now_ns);
    }
    (void)status; /* what it says is seen in what they send */
    pair_talk(pair);
    return true;
}
