/* Who lives in the lab: two accounts, their domains, and which zones the providers have not signed
 * yet. */
#include "command/lab/lab.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SCRATCH_MAX = 1 << 20, REGISTRATION_TRIES = 20, TRY_PAUSE_MS = 250 };

static const struct {
    const char *domain;
    const char *owner;
    const char *server, *server_2;
} domains[] = {
    {"example.com", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"example.org", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"example.net", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"example.nz", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"example.aq", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"plain.com", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"careless.com", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"thirteen.com", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"four.org", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"second.net", LAB_OWNER_MAIL, LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2},
    {"elsewhere.net", LAB_OWNER_MAIL, LAB_OTHER_SERVER, LAB_OTHER_SERVER},
    {"zskonly.org", LAB_OWNER_MAIL, LAB_OTHER_SERVER, LAB_OTHER_SERVER},
};

static const char *const unsigned_zones[] = {"example.com", "plain.com", "second.net"};

struct seeding {
    const struct lab *lab;
    struct arena arena;
    struct problem *problem;
};

/* One line to a service; the answer as text, NULL when it was refused. */
static char *control(struct seeding *seeding, const char *name, const char *line)
{
    struct span text = SPAN_EMPTY;
    char path[80];
    snprintf(path, sizeof path, "run/%s.control", name);
    enum status status = control_ask(path, line, &seeding->arena, &text, seeding->problem);
    return status == OK ? arena_text(&seeding->arena, text) : NULL;
}

/* The word behind `label` in a text of lines. */
static char *word_behind(struct seeding *seeding, const char *text, const char *label)
{
    const char *at = strstr(text, label);
    at = at == NULL ? NULL : at + strlen(label);
    return at == NULL ? NULL : arena_print(&seeding->arena, "%.*s", (int)strcspn(at, " \n"), at);
}

static enum status add_account(struct seeding *seeding, const char *mail, const char *password_file)
{
    const char *password = lab_read(password_file, &seeding->arena);
    char *line =
        arena_print(&seeding->arena, "account-add %s %s", mail, password == NULL ? "" : password);
    if (control(seeding, "registrar", line) == NULL) {
        /* It is there from a start that did not come to its end. */
        *seeding->problem = (struct problem){0};
    }
    return OK;
}

static enum status add_token(struct seeding *seeding)
{
    char *answer = control(seeding, "registrar", "token-add " LAB_OWNER_MAIL);
    if (answer == NULL) {
        return REFUSED;
    }
    char *bearer = word_behind(seeding, answer, "\ntoken: ");
    bearer = bearer == NULL ? word_behind(seeding, answer, "token: ") : bearer;
    char *access = word_behind(seeding, answer, "access-key-id: ");
    char *secret = word_behind(seeding, answer, "secret-access-key: ");
    if (bearer == NULL || access == NULL || secret == NULL) {
        return problem_set(seeding->problem, MALFORMED,
                           "the registrar's answer to token-add is not understood");
    }
    enum status status =
        lab_write(seeding->lab, "secrets/owner-aws",
                  arena_print(&seeding->arena, "%s %s\n", access, secret), 0600, seeding->problem);
    return status == OK
               ? lab_write(seeding->lab, "secrets/owner-api",
                           arena_print(&seeding->arena, "%s\n", bearer), 0600, seeding->problem)
               : status;
}

static enum status register_domain(struct seeding *seeding, size_t row)
{
    unsigned net = seeding->lab->net;
    const char *domain = domains[row].domain;
    char *line = arena_print(
        &seeding->arena, "domain-register %s %s ns1.%s=127.%u.%s ns2.%s=127.%u.%s", domain,
        domains[row].owner, domain, net, domains[row].server, domain, net, domains[row].server_2);
    for (int i = 0; i < REGISTRATION_TRIES; i++) {
        if (control(seeding, "registrar", line) != NULL) {
            return OK;
        }
        char *listed = control(seeding, "registrar", "domain-list");
        if (listed != NULL && strstr(listed, domain) != NULL) {
            *seeding->problem = (struct problem){0};
            return OK;
        }
        struct timespec pause = {0, TRY_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL); /* the session to the registry may still be opening */
    }
    return problem_set(seeding->problem, REFUSED,
                       "%s could not be registered; see log/registrar.log", domain);
}

static enum status seed(struct seeding *seeding)
{
    enum status status = add_account(seeding, LAB_OWNER_MAIL, "secrets/owner-password");
    status = status == OK ? add_account(seeding, LAB_STRANGER_MAIL, "secrets/stranger-password")
                          : status;
    status = status == OK ? add_token(seeding) : status;
    for (size_t i = 0; i < LEN(domains) && status == OK; i++) {
        status = register_domain(seeding, i);
    }
    for (size_t i = 0; i < LEN(unsigned_zones) && status == OK; i++) {
        char *line = arena_print(&seeding->arena, "unsign %s", unsigned_zones[i]);
        status = control(seeding, "provider-signer", line) == NULL ? REFUSED : OK;
    }
    return status == OK ? lab_write(seeding->lab, "seeded", "", 0600, seeding->problem) : status;
}

enum status lab_seed(const struct lab *lab, struct problem *problem)
{
    if (access("seeded", F_OK) == 0) {
        return OK;
    }
    struct seeding seeding = {.lab = lab, .problem = problem};
    arena_open(&seeding.arena, SCRATCH_MAX);
    enum status status = seed(&seeding);
    arena_close(&seeding.arena);
    return status;
}
