/* PKCS#11: how a module is started and a token found, and how sessions are kept: each call takes
 * one that is free or opens another, so that threads do not wait for each other. */
#include "world/real/pkcs11.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "world/real/pkcs11_key.h"

enum { SLOTS_MAX = 64, PIN_LEN_MAX = 256 };

struct pkcs11 {
    struct hsm hsm;
    CK_FUNCTION_LIST *module;
    CK_SLOT_ID slot;
    pthread_mutex_t lock;
    CK_SESSION_HANDLE free_sessions[PKCS11_SESSIONS_MAX];
    size_t free_count;
    CK_SESSION_HANDLE login; /* stays open: the last session that closes ends the login */
    bool wants_login;
    bool is_logged_in;
};

enum status pkcs11_problem(struct problem *problem, const char *what, CK_RV result)
{
    return problem_set(problem, CRYPTO_FAILED, "the HSM could not %s: %s (0x%lx)", what,
                       p11_kit_strerror(result), result);
}

static enum status session_open(struct pkcs11 *pkcs11, CK_SESSION_HANDLE *session,
                                struct problem *problem)
{
    CK_RV result = pkcs11->module->C_OpenSession(pkcs11->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                 NULL, NULL, session);
    return result == CKR_OK ? OK : pkcs11_problem(problem, "open a session", result);
}

static enum status session_take(struct pkcs11 *pkcs11, struct pkcs11_session *session,
                                struct problem *problem)
{
    session->module = pkcs11->module;
    pthread_mutex_lock(&pkcs11->lock);
    bool is_free = pkcs11->free_count > 0;
    if (is_free) {
        session->handle = pkcs11->free_sessions[--pkcs11->free_count];
    }
    pthread_mutex_unlock(&pkcs11->lock);
    return is_free ? OK : session_open(pkcs11, &session->handle, problem);
}

/* One that failed may have an operation begun or be dead: it is not used again. */
static void session_give(struct pkcs11 *pkcs11, const struct pkcs11_session *session, bool is_good)
{
    pthread_mutex_lock(&pkcs11->lock);
    bool is_kept = is_good && pkcs11->free_count < PKCS11_SESSIONS_MAX;
    if (is_kept) {
        pkcs11->free_sessions[pkcs11->free_count++] = session->handle;
    }
    pthread_mutex_unlock(&pkcs11->lock);
    if (!is_kept) {
        pkcs11->module->C_CloseSession(session->handle);
    }
}

static enum status on_generate(void *self, const struct hsm_key *key, uint16_t bits,
                               struct arena *arena, struct hsm_public *public_half,
                               struct problem *problem)
{
    struct pkcs11_session session;
    enum status status = session_take(self, &session, problem);
    if (status != OK) {
        return status;
    }
    status = pkcs11_key_generate(&session, key, bits, problem);
    status = status == OK ? pkcs11_key_public(&session, key, arena, public_half, problem) : status;
    session_give(self, &session, status == OK);
    return status;
}

static enum status on_find(void *self, const struct hsm_key *key, struct arena *arena,
                           struct hsm_public *public_half, struct problem *problem)
{
    struct pkcs11_session session;
    enum status status = session_take(self, &session, problem);
    if (status != OK) {
        return status;
    }
    status = pkcs11_key_public(&session, key, arena, public_half, problem);
    session_give(self, &session, status == OK || status == NOT_FOUND);
    return status;
}

static enum status on_sign(void *self, const struct hsm_key *key, struct hsm_signing *signings,
                           size_t count, struct problem *problem)
{
    struct pkcs11_session session;
    enum status status = session_take(self, &session, problem);
    if (status != OK) {
        return status;
    }
    status = pkcs11_key_sign(&session, key, signings, count, problem);
    session_give(self, &session, status == OK || status == NOT_FOUND);
    return status;
}

static enum status on_remove(void *self, const struct hsm_key *key, struct problem *problem)
{
    struct pkcs11_session session;
    enum status status = session_take(self, &session, problem);
    if (status != OK) {
        return status;
    }
    status = pkcs11_key_remove(&session, key, problem);
    session_give(self, &session, status == OK || status == NOT_FOUND);
    return status;
}

/* The only token that the URI matches. */
static enum status token_find(struct pkcs11 *pkcs11, P11KitUri *uri, struct problem *problem)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV result = pkcs11->module->C_GetSlotList(CK_TRUE, slots, &count);
    if (result != CKR_OK) {
        return pkcs11_problem(problem, "list its tokens", result);
    }
    size_t matches = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        bool is_match = pkcs11->module->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
                        (info.flags & CKF_TOKEN_INITIALIZED) != 0 &&
                        p11_kit_uri_match_token_info(uri, &info);
        if (is_match) {
            matches++;
            pkcs11->slot = slots[i];
            pkcs11->wants_login = (info.flags & CKF_LOGIN_REQUIRED) != 0;
        }
    }
    if (matches != 1) {
        return problem_set(problem, NOT_FOUND,
                           "%zu tokens of the HSM match the URI; it must name one, as in "
                           "pkcs11:token=LABEL",
                           matches);
    }
    return OK;
}

/* The PIN is the first line of a file that its owner alone can read. */
static enum status pin_read(const char *file, char pin[PIN_LEN_MAX], struct problem *problem)
{
    struct stat about;
    FILE *opened = fopen(file, "re");
    if (opened == NULL || fstat(fileno(opened), &about) != 0) {
        if (opened != NULL) {
            fclose(opened);
        }
        return problem_set(problem, NOT_FOUND, "the PIN file %.200s cannot be read", file);
    }
    enum status status = OK;
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = problem_set(problem, REFUSED,
                             "the PIN file %.200s can be read by others; make it mode 0600", file);
    } else if (fgets(pin, PIN_LEN_MAX, opened) == NULL) {
        status = problem_set(problem, MALFORMED, "the PIN file %.200s is empty", file);
    } else {
        pin[strcspn(pin, "\r\n")] = '\0';
    }
    fclose(opened);
    return status;
}

static enum status log_in(struct pkcs11 *pkcs11, P11KitUri *uri, struct problem *problem)
{
    const char *source = p11_kit_uri_get_pin_source(uri);
    if (source == NULL && pkcs11->wants_login) {
        return problem_set(problem, BAD_ARGUMENT,
                           "the token wants a PIN; add &pin-source=file:/PATH to the URI");
    }
    if (source == NULL) {
        return OK;
    }
    if (strncmp(source, "file:", 5) == 0) {
        source += 5;
    }
    char pin[PIN_LEN_MAX] = {0};
    enum status status = pin_read(source, pin, problem);
    status = status == OK ? session_open(pkcs11, &pkcs11->login, problem) : status;
    if (status == OK) {
        CK_RV result =
            pkcs11->module->C_Login(pkcs11->login, CKU_USER, (unsigned char *)pin, strlen(pin));
        pkcs11->is_logged_in = result == CKR_OK;
        if (result != CKR_OK && result != CKR_USER_ALREADY_LOGGED_IN) {
            status = pkcs11_problem(problem, "log in with the PIN", result);
        }
    }
    explicit_bzero(pin, sizeof pin);
    return status;
}

static enum status module_start(struct pkcs11 *pkcs11, P11KitUri *uri, struct problem *problem)
{
    const char *path = p11_kit_uri_get_module_path(uri);
    if (path == NULL) {
        return problem_set(problem, BAD_ARGUMENT,
                           "the URI names no module; add ?module-path=/PATH/OF/MODULE.so");
    }
    if (p11_kit_uri_get_pin_value(uri) != NULL) {
        return problem_set(problem, REFUSED,
                           "the URI holds the PIN itself; name a file with pin-source instead");
    }
    pkcs11->module = p11_kit_module_load(path, 0);
    if (pkcs11->module == NULL) {
        const char *why = p11_kit_message();
        return problem_set(problem, NOT_FOUND, "the PKCS#11 module %.200s cannot be loaded: %.200s",
                           path, why == NULL ? "no reason given" : why);
    }
    CK_RV result = p11_kit_module_initialize(pkcs11->module);
    if (result != CKR_OK) {
        p11_kit_module_release(pkcs11->module);
        pkcs11->module = NULL;
        return pkcs11_problem(problem, "be started", result);
    }
    return OK;
}

enum status pkcs11_open(const char *uri_text, struct pkcs11 **pkcs11, struct problem *problem)
{
    *pkcs11 = NULL;
    P11KitUri *uri = p11_kit_uri_new();
    struct pkcs11 *opened = calloc(1, sizeof *opened);
    if (uri == NULL || opened == NULL) {
        p11_kit_uri_free(uri);
        free(opened);
        return problem_set(problem, NO_MEMORY, "no memory for the HSM");
    }
    pthread_mutex_init(&opened->lock, NULL);
    opened->hsm = (struct hsm){opened, on_generate, on_find, on_sign, on_remove};
    int parsed = p11_kit_uri_parse(uri_text, P11_KIT_URI_FOR_ANY, uri);
    enum status status = parsed == P11_KIT_URI_OK
                             ? module_start(opened, uri, problem)
                             : problem_set(problem, MALFORMED,
                                           "the HSM's URI cannot be read: %s; it begins with "
                                           "pkcs11: (RFC 7512)",
                                           p11_kit_uri_message(parsed));
    status = status == OK ? token_find(opened, uri, problem) : status;
    status = status == OK ? log_in(opened, uri, problem) : status;
    p11_kit_uri_free(uri);
    if (status != OK) {
        pkcs11_close(opened);
        return status;
    }
    *pkcs11 = opened;
    return OK;
}

const struct hsm *pkcs11_hsm(const struct pkcs11 *pkcs11)
{
    return &pkcs11->hsm;
}

void pkcs11_close(struct pkcs11 *pkcs11)
{
    if (pkcs11 == NULL) {
        return;
    }
    if (pkcs11->is_logged_in) {
        pkcs11->module->C_Logout(pkcs11->login);
    }
    if (pkcs11->module != NULL) {
        pkcs11->module->C_CloseAllSessions(pkcs11->slot);
        p11_kit_module_finalize(pkcs11->module);
        p11_kit_module_release(pkcs11->module);
    }
    pthread_mutex_destroy(&pkcs11->lock);
    free(pkcs11);
}
