/* The only user of GnuTLS but for certificates in tests: TLS 1.2 and 1.3, and who is trusted. */
#include "world/real/tls.h"

#include "world/real/memory.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

static const char PRIORITIES[] =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SAFE_RENEGOTIATION";

enum { REASON_SIZE = 200 };

struct tls_identity {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    bool is_server;
    bool demands_certificate;
};

struct tls {
    gnutls_session_t session;
    char reason[REASON_SIZE];
};

/* ------------------------------------------------------------------ identities */

static enum status identity_load(struct tls_identity *identity, struct world_tls files,
                                 struct problem *problem)
{
    if (files.certificate_file != NULL) {
        int failed = gnutls_certificate_set_x509_key_file(
            identity->credentials, files.certificate_file, files.key_file, GNUTLS_X509_FMT_PEM);
        if (failed < 0) {
            return problem_set(problem, IO_FAILED,
                               "cannot use the certificate %s with the key %s: %s",
                               files.certificate_file, files.key_file, gnutls_strerror(failed));
        }
    }
    if (files.ca_file != NULL) {
        int count = gnutls_certificate_set_x509_trust_file(identity->credentials, files.ca_file,
                                                           GNUTLS_X509_FMT_PEM);
        if (count <= 0) {
            return problem_set(problem, IO_FAILED, "cannot read CA certificates from %s: %s",
                               files.ca_file,
                               count == 0 ? "there is none in it" : gnutls_strerror(count));
        }
    }
    return OK;
}

enum status tls_identity_open(struct world_tls files, bool is_server, struct tls_identity **opened,
                              struct problem *problem)
{
    if ((is_server && files.certificate_file == NULL) ||
        (files.certificate_file == NULL) != (files.key_file == NULL)) {
        return problem_set(problem, BAD_ARGUMENT,
                           "TLS needs both a certificate file and its key file");
    }
    if (!is_server && files.ca_file == NULL) {
        return problem_set(problem, BAD_ARGUMENT,
                           "a TLS client needs the file of the CA that signed the server's "
                           "certificate");
    }
    struct tls_identity *identity = memory_take(sizeof *identity);
    if (identity == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for TLS");
    }
    identity->is_server = is_server;
    identity->demands_certificate = is_server && files.ca_file != NULL;
    enum status status = OK;
    if (gnutls_certificate_allocate_credentials(&identity->credentials) < 0 ||
        gnutls_priority_init(&identity->priorities, PRIORITIES, NULL) < 0) {
        status = problem_set(problem, CRYPTO_FAILED, "TLS cannot be set up");
    }
    status = status == OK ? identity_load(identity, files, problem) : status;
    if (status != OK) {
        tls_identity_close(identity);
        return status;
    }
    *opened = identity;
    return OK;
}

void tls_identity_close(struct tls_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    if (identity->credentials != NULL) {
        gnutls_certificate_free_credentials(identity->credentials);
    }
    if (identity->priorities != NULL) {
        gnutls_priority_deinit(identity->priorities);
    }
    memory_give_back(identity);
}

/* ------------------------------------------------------------------ connections */

static bool session_prepare(gnutls_session_t session, struct tls_identity *identity,
                            const char *host_name)
{
    if (gnutls_priority_set(session, identity->priorities) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, identity->credentials) < 0) {
        return false;
    }
    gnutls_handshake_set_timeout(session, 0); /* the world has its own deadlines */
    if (identity->is_server) {
        gnutls_certificate_server_set_request(
            session, identity->demands_certificate ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
        if (identity->demands_certificate) {
            gnutls_session_set_verify_cert(session, NULL, 0);
        }
        return true;
    }
    gnutls_session_set_verify_cert(session, host_name, 0);
    return gnutls_server_name_set(session, GNUTLS_NAME_DNS, host_name, strlen(host_name)) >= 0;
}

struct tls *tls_open(struct tls_identity *identity, int fd, const char *host_name)
{
    require(identity->is_server == (host_name == NULL));
    struct tls *tls = memory_take(sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    unsigned flags =
        GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | (identity->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT);
    if (gnutls_init(&tls->session, flags) < 0) {
        memory_give_back(tls);
        return NULL;
    }
    if (!session_prepare(tls->session, identity, host_name)) {
        tls_close(tls);
        return NULL;
    }
    gnutls_transport_set_int(tls->session, fd);
    return tls;
}

void tls_close(struct tls *tls)
{
    if (tls != NULL) {
        gnutls_deinit(tls->session);
        memory_give_back(tls);
    }
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

static void reason_note(struct tls *tls, int code)
{
    gnutls_datum_t text = {0};
    if (code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(
            gnutls_session_get_verify_cert_status(tls->session), GNUTLS_CRT_X509, &text, 0) >= 0) {
        snprintf(tls->reason, sizeof tls->reason, "%s", (const char *)text.data);
        gnutls_free(text.data);
    } else if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        const char *alert = gnutls_alert_get_name(gnutls_alert_get(tls->session));
        snprintf(tls->reason, sizeof tls->reason, "the other side says: %s",
                 alert == NULL ? "no" : alert);
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
