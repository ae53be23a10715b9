/* The only user of GnuTLS but for certificates in tests: TLS 1.2 and 1.3, and who is trusted. */
#include "world/real/tls.h"

#include "world/real/memory.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <string.h>

#define TLS_PRIORITIES(versions) "SECURE128:-VERS-ALL:" versions "-RSA:%SAFE_RENEGOTIATION"
/* What QUIC has packet protection for (RFC 9001 §5.3); no octets that feign TLS 1.2 (§8.4). */
#define QUIC_PRIORITIES                                                                            \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"   \
    "%DISABLE_TLS13_COMPAT_MODE"

static const struct tls_manner {
    bool is_server;
    bool has_tickets;
    bool is_opportunistic;             /* a client that may do without the other side's identity */
    gnutls_certificate_request_t asks; /* of the client, where there is no CA for its certificate */
    const char *alpn;
    const char *priorities;
} MANNERS[] = {
    [TLS_EPP_SERVER] = {.is_server = true,
                        .asks = GNUTLS_CERT_REQUEST,
                        .priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_EPP_CLIENT] = {.priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_DNS_SERVER] = {.is_server = true,
                        .has_tickets = true,
                        .asks = GNUTLS_CERT_IGNORE,
                        .alpn = "dot",
                        .priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_HTTPS_SERVER] = {.is_server = true,
                          .has_tickets = true,
                          .asks = GNUTLS_CERT_IGNORE,
                          .alpn = "h2",
                          .priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_DNS_CLIENT] = {.alpn = "dot", .priorities = TLS_PRIORITIES("+VERS-TLS1.3:")},
    [TLS_DNS_ASKER] = {.is_opportunistic = true,
                       .alpn = "dot",
                       .priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_HTTPS_ASKER] = {.is_opportunistic = true,
                         .alpn = "h2",
                         .priorities = TLS_PRIORITIES("+VERS-TLS1.3:+VERS-TLS1.2:")},
    [TLS_QUIC_SERVER] = {.is_server = true,
                         .has_tickets = true,
                         .asks = GNUTLS_CERT_IGNORE,
                         .alpn = "doq",
                         .priorities = QUIC_PRIORITIES},
    [TLS_QUIC_ASKER] = {.is_opportunistic = true, .alpn = "doq", .priorities = QUIC_PRIORITIES},
};
_Static_assert(LEN(MANNERS) == TLS_USE_COUNT, "each use has its manner");

enum { REASON_SIZE = 200 };

/* What was read from the files; a connection keeps what it began with. */
struct tls_credentials {
    gnutls_certificate_credentials_t loaded;
    size_t users;
};

struct tls_identity {
    const struct tls_manner *manner;
    struct world_tls files;
    struct tls_credentials *credentials;
    gnutls_priority_t priorities;
    gnutls_datum_t ticket_key; /* GnuTLS makes others of it, each for some hours */
};

struct tls {
    gnutls_session_t session;
    struct tls_credentials *credentials;
    char reason[REASON_SIZE];
};

/* ------------------------------------------------------------------ identities */

static void credentials_drop(struct tls_credentials *credentials)
{
    if (credentials != NULL && --credentials->users == 0) {
        gnutls_certificate_free_credentials(credentials->loaded);
        memory_give_back(credentials);
    }
}

static enum status credentials_read(struct tls_credentials *credentials,
                                    const struct world_tls *files, struct problem *problem)
{
    if (files->certificate_file != NULL) {
        int failed = gnutls_certificate_set_x509_key_file(
            credentials->loaded, files->certificate_file, files->key_file, GNUTLS_X509_FMT_PEM);
        if (failed < 0) {
            return problem_set(problem, IO_FAILED,
                               "cannot use the certificate %s with the key %s: %s",
                               files->certificate_file, files->key_file, gnutls_strerror(failed));
        }
    }
    if (files->ca_file != NULL) {
        bool is_system = files->ca_file[0] == '\0';
        int count = is_system ? gnutls_certificate_set_x509_system_trust(credentials->loaded)
                              : gnutls_certificate_set_x509_trust_file(
                                    credentials->loaded, files->ca_file, GNUTLS_X509_FMT_PEM);
        if (count <= 0) {
            return problem_set(problem, IO_FAILED, "cannot read CA certificates from %s: %s",
                               is_system ? "the system" : files->ca_file,
                               count == 0 ? "there is none in it" : gnutls_strerror(count));
        }
    }
    return OK;
}

static enum status identity_load(struct tls_identity *identity, struct problem *problem)
{
    struct tls_credentials *credentials = memory_take(sizeof *credentials);
    if (credentials == NULL || gnutls_certificate_allocate_credentials(&credentials->loaded) < 0) {
        memory_give_back(credentials);
        return problem_set(problem, NO_MEMORY, "there is no memory for TLS");
    }
    credentials->users = 1;
    enum status status = credentials_read(credentials, &identity->files, problem);
    if (status != OK) {
        credentials_drop(credentials);
        return status;
    }
    credentials_drop(identity->credentials);
    identity->credentials = credentials;
    return OK;
}

enum status tls_identity_open(struct world_tls files, enum tls_use use,
                              struct tls_identity **opened, struct problem *problem)
{
    require(use < TLS_USE_COUNT);
    const struct tls_manner *manner = &MANNERS[use];
    if ((manner->is_server && files.certificate_file == NULL) ||
        (files.certificate_file == NULL) != (files.key_file == NULL)) {
        return problem_set(problem, BAD_ARGUMENT,
                           "TLS needs both a certificate file and its key file");
    }
    if (!manner->is_server && !manner->is_opportunistic && files.ca_file == NULL) {
        return problem_set(problem, BAD_ARGUMENT,
                           "a TLS client needs the file of the CA that signed the server's "
                           "certificate");
    }
    struct tls_identity *identity = memory_take(sizeof *identity);
    if (identity == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for TLS");
    }
    identity->manner = manner;
    identity->files = files;
    enum status status = OK;
    if (gnutls_priority_init(&identity->priorities, manner->priorities, NULL) < 0 ||
        (manner->has_tickets && gnutls_session_ticket_key_generate(&identity->ticket_key) < 0)) {
        status = problem_set(problem, CRYPTO_FAILED, "TLS cannot be set up");
    }
    status = status == OK ? identity_load(identity, problem) : status;
    if (status != OK) {
        tls_identity_close(identity);
        return status;
    }
    *opened = identity;
    return OK;
}

void tls_identity_reload(struct tls_identity *identity, const struct log *log)
{
    struct problem problem = {0};
    if (identity_load(identity, &problem) != OK) {
        log_line(log, LOG_ERROR, "%s; the old ones stay in use", problem.sentence);
    }
}

void tls_identity_close(struct tls_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    credentials_drop(identity->credentials);
    if (identity->priorities != NULL) {
        gnutls_priority_deinit(identity->priorities);
    }
    if (identity->ticket_key.data != NULL) {
        gnutls_memset(identity->ticket_key.data, 0, identity->ticket_key.size);
        gnutls_free(identity->ticket_key.data);
    }
    memory_give_back(identity);
}

/* ------------------------------------------------------------------ connections */

/* A client that names protocols must name ours; one that names none is older than ALPN for DNS. */
static bool session_set_protocol(gnutls_session_t session, const char *alpn)
{
    const gnutls_datum_t name = {(void *)(uintptr_t)alpn, (unsigned)strlen(alpn)};
    return gnutls_alpn_set_protocols(session, &name, 1, GNUTLS_ALPN_MANDATORY) >= 0;
}

static bool session_prepare_server(gnutls_session_t session, const struct tls_identity *identity)
{
    bool demands = identity->files.ca_file != NULL;
    gnutls_certificate_server_set_request(session,
                                          demands ? GNUTLS_CERT_REQUIRE : identity->manner->asks);
    if (demands) {
        gnutls_session_set_verify_cert(session, NULL, 0);
    }
    return !identity->manner->has_tickets ||
           gnutls_session_ticket_enable_server(session, &identity->ticket_key) >= 0;
}

static bool session_prepare(gnutls_session_t session, const struct tls_identity *identity,
                            const char *host_name)
{
    const struct tls_manner *manner = identity->manner;
    if (gnutls_priority_set(session, identity->priorities) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, identity->credentials->loaded) <
            0 ||
        (manner->alpn != NULL && !session_set_protocol(session, manner->alpn))) {
        return false;
    }
    gnutls_handshake_set_timeout(session, 0); /* the world has its own deadlines */
    if (manner->is_server) {
        return session_prepare_server(session, identity);
    }
    if (identity->files.ca_file != NULL) {
        gnutls_session_set_verify_cert(session, host_name, 0);
    }
    return host_name == NULL ||
           gnutls_server_name_set(session, GNUTLS_NAME_DNS, host_name, strlen(host_name)) >= 0;
}

static struct tls *open_session(struct tls_identity *identity, const char *host_name,
                                unsigned flags)
{
    require(identity->manner->is_opportunistic ||
            identity->manner->is_server == (host_name == NULL));
    struct tls *tls = memory_take(sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    flags |= GNUTLS_NONBLOCK | (identity->manner->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT);
    if (gnutls_init(&tls->session, flags) < 0) {
        memory_give_back(tls);
        return NULL;
    }
    tls->credentials = identity->credentials;
    tls->credentials->users++;
    if (!session_prepare(tls->session, identity, host_name)) {
        tls_close(tls);
        return NULL;
    }
    return tls;
}

struct tls *tls_open(struct tls_identity *identity, int fd, const char *host_name)
{
    struct tls *tls = open_session(identity, host_name, GNUTLS_NO_SIGNAL);
    if (tls != NULL) {
        gnutls_transport_set_int(tls->session, fd);
    }
    return tls;
}

void tls_close(struct tls *tls)
{
    if (tls != NULL) {
        gnutls_deinit(tls->session);
        credentials_drop(tls->credentials);
        memory_give_back(tls);
    }
}

bool tls_is_1_3(const struct tls *tls)
{
    return gnutls_protocol_get_version(tls->session) == GNUTLS_TLS1_3;
}

/* What GnuTLS's refusal of the moment means. */
static enum tls_outcome outcome_of_code(const struct tls *tls, ssize_t code)
{
    if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
        return gnutls_record_get_direction(tls->session) == 0 ? TLS_WAITS_TO_READ
                                                              : TLS_WAITS_TO_WRITE;
    }
    return TLS_CLOSED;
}

static void alert_note(struct tls *tls, gnutls_alert_description_t alert)
{
    const char *name = gnutls_alert_get_name(alert);
    snprintf(tls->reason, sizeof tls->reason, "the other side says: %s",
             name == NULL ? "no" : name);
}

static void reason_note(struct tls *tls, int code)
{
    gnutls_datum_t text = {0};
    if (code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(
            gnutls_session_get_verify_cert_status(tls->session), GNUTLS_CRT_X509, &text, 0) >= 0) {
        snprintf(tls->reason, sizeof tls->reason, "%s", (const char *)text.data);
        gnutls_free(text.data);
    } else if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        alert_note(tls, gnutls_alert_get(tls->session));
    } else {
        snprintf(tls->reason, sizeof tls->reason, "%s", gnutls_strerror(code));
    }
}

/* The alerts by which a peer says that it mistrusts our certificate, or misses it. */
static bool alert_is_about_certificate(gnutls_alert_description_t alert)
{
    static const gnutls_alert_description_t ALERTS[] = {
        GNUTLS_A_BAD_CERTIFICATE,     GNUTLS_A_UNSUPPORTED_CERTIFICATE,
        GNUTLS_A_CERTIFICATE_REVOKED, GNUTLS_A_CERTIFICATE_EXPIRED,
        GNUTLS_A_CERTIFICATE_UNKNOWN, GNUTLS_A_UNKNOWN_CA,
        GNUTLS_A_ACCESS_DENIED,       GNUTLS_A_CERTIFICATE_REQUIRED,
    };
    for (size_t i = 0; i < LEN(ALERTS); i++) {
        if (ALERTS[i] == alert) {
            return true;
        }
    }
    return false;
}

static enum tls_outcome outcome_of_failure(struct tls *tls, int code)
{
    reason_note(tls, code);
    bool is_alert = code == GNUTLS_E_FATAL_ALERT_RECEIVED;
    bool is_mistrusted =
        code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR || code == GNUTLS_E_CERTIFICATE_ERROR ||
        code == GNUTLS_E_NO_CERTIFICATE_FOUND || code == GNUTLS_E_CERTIFICATE_REQUIRED ||
        (is_alert && alert_is_about_certificate(gnutls_alert_get(tls->session)));
    return is_mistrusted ? TLS_MISTRUSTED : TLS_CLOSED;
}

enum tls_outcome tls_handshake(struct tls *tls)
{
    for (;;) {
        int code = gnutls_handshake(tls->session);
        if (code == GNUTLS_E_SUCCESS) {
            return TLS_DONE;
        }
        if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
            return outcome_of_code(tls, code);
        }
        if (gnutls_error_is_fatal(code) != 0) {
            enum tls_outcome outcome = outcome_of_failure(tls, code);
            (void)gnutls_alert_send_appropriate(tls->session, code); /* a courtesy */
            return outcome;
        }
    }
}

enum tls_outcome tls_read(struct tls *tls, uint8_t *bytes, size_t *len)
{
    ssize_t got = gnutls_record_recv(tls->session, bytes, *len);
    *len = got > 0 ? (size_t)got : 0;
    if (got > 0) {
        return TLS_DONE;
    }
    if (got == 0) {
        return TLS_CLOSED;
    }
    if (got == GNUTLS_E_REHANDSHAKE) { /* TLS 1.2; we have no use for it */
        return TLS_CLOSED;
    }
    if (gnutls_error_is_fatal((int)got) == 0) {
        return got == GNUTLS_E_AGAIN ? outcome_of_code(tls, got) : TLS_WAITS_TO_READ;
    }
    /* In TLS 1.3 the server judges our certificate after our side of the handshake is done. */
    return outcome_of_failure(tls, (int)got);
}

bool tls_has_read_ahead(const struct tls *tls)
{
    return gnutls_record_check_pending(tls->session) != 0;
}

enum tls_outcome tls_write(struct tls *tls, struct span bytes, size_t *written)
{
    ssize_t sent = gnutls_record_send(tls->session, bytes.bytes, bytes.len);
    *written = sent > 0 ? (size_t)sent : 0;
    return sent > 0 ? TLS_DONE : outcome_of_code(tls, sent);
}

enum tls_outcome tls_finish(struct tls *tls)
{
    int code = gnutls_bye(tls->session, GNUTLS_SHUT_WR);
    return code == GNUTLS_E_SUCCESS ? TLS_DONE : outcome_of_code(tls, code);
}

bool tls_peer_digest(const struct tls *tls, uint8_t digest[TLS_DIGEST_SIZE])
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls->session, &count);
    size_t size = TLS_DIGEST_SIZE;
    return chain != NULL && count != 0 &&
           gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], digest, &size) >= 0;
}

const char *tls_reason(const struct tls *tls)
{
    return tls->reason[0] == '\0' ? "the connection ended" : tls->reason;
}

/* ------------------------------------------------------------------ inside of QUIC */

/* A ticket is sent when the handshake is done and not before, or it would be among its octets. */
struct tls *tls_open_quic(struct tls_identity *identity, const char *host_name, void *reference)
{
    struct tls *tls = open_session(identity, host_name, GNUTLS_NO_AUTO_SEND_TICKET);
    if (tls == NULL) {
        return NULL;
    }
    gnutls_session_set_ptr(tls->session, reference);
    int failed = identity->manner->is_server
                     ? ngtcp2_crypto_gnutls_configure_server_session(tls->session)
                     : ngtcp2_crypto_gnutls_configure_client_session(tls->session);
    if (failed != 0) {
        tls_close(tls);
        return NULL;
    }
    return tls;
}

void *tls_session(const struct tls *tls)
{
    return tls->session;
}

bool tls_has_protocol(const struct tls *tls)
{
    gnutls_datum_t name;
    return gnutls_alpn_get_selected_protocol(tls->session, &name) >= 0;
}

void tls_send_ticket(struct tls *tls)
{
    (void)gnutls_session_ticket_send(tls->session, 1, 0); /* without it all is only slower */
}

enum tls_outcome tls_note_refusal(struct tls *tls, int alert)
{
    unsigned status = gnutls_session_get_verify_cert_status(tls->session);
    if (status != 0 && status != UINT_MAX) { /* which says that none was judged yet */
        reason_note(tls, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
        return TLS_MISTRUSTED;
    }
    if (alert < 0) {
        return TLS_CLOSED;
    }
    alert_note(tls, (gnutls_alert_description_t)alert);
    return alert_is_about_certificate((gnutls_alert_description_t)alert) ? TLS_MISTRUSTED
                                                                         : TLS_CLOSED;
}
