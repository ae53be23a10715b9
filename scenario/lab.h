#pragma once
/* The lab in the simulator: every role of the chain of trust as nodes of one simulated world, under
 * the same relations as the lab of processes has them. What a person does there is done here by the
 * same public ways: control lines, HTTP requests and DNS questions. */
#include "core/proto/json.h"
#include "scenario/lab_keys.h"
#include "world/sim/sim.h"

enum lab_role {
    LAB_ROOT_SIGNER,
    LAB_ROOT,
    LAB_REGISTRY,
    LAB_TLD_SIGNER,
    LAB_TLD,
    LAB_PROVIDER_SIGNER,
    LAB_PROVIDER,
    LAB_ATTACKER, /* on the wire between the world and the provider */
    LAB_RESOLVER,
    LAB_REGISTRAR,
    LAB_ROLE_COUNT
};

struct lab_options {
    uint64_t seed;
    uint32_t loss_percent, repeat_percent;
    bool is_loud;
    bool is_credulous; /* the resolver does not validate: a broken world, for tests of tests */
};

struct lab; /* owned; closed by lab_close */

/* All roles run; `keys` outlive the lab. */
struct lab *lab_open(const struct lab_keys *keys, const struct lab_options *options);
void lab_close(struct lab *lab);
struct sim *lab_sim(struct lab *lab);
size_t lab_node(const struct lab *lab, enum lab_role role);
const char *lab_role_text(enum lab_role role); /* "registrar" */
/* Lets time pass. A node that has been down for LAB_DOWN_S is started, as a machine's own
 * supervisor would. */
enum { LAB_DOWN_S = 5 };
void lab_run(struct lab *lab, int64_t duration_ns);
int64_t lab_now_s(const struct lab *lab);

/* One line to a role's control socket; the answer, "" when there is none. Lives until the next of
 * these two calls. */
enum status lab_control(struct lab *lab, enum lab_role role, const char *line, const char **text);
/* An action of the registrar's API, by the holder of `token`. OK: an answer came, whatever it says:
 * `*http_status`, and `*json` (NULL when its body is none). */
enum status lab_api(struct lab *lab, const char *token, const char *action, const char *body,
                    uint16_t *http_status, const struct json_node **json);

/* What a client of the resolver is told about the domain's web server. */
enum lab_view {
    LAB_VIEW_SECURE,    /* the true address, AD set */
    LAB_VIEW_INSECURE,  /* the true address, without AD */
    LAB_VIEW_FORGED,    /* another address */
    LAB_VIEW_NOTHING,   /* NOERROR or NXDOMAIN without an address */
    LAB_VIEW_BOGUS,     /* SERVFAIL, and the extended error speaks of DNSSEC */
    LAB_VIEW_UNREACHED, /* SERVFAIL for another reason */
    LAB_VIEW_SILENCE,   /* no answer at all */
    LAB_VIEW_COUNT
};
struct lab_answer {
    enum lab_view view;
    int ede; /* enum ede */
    char reason[300];
};
const char *lab_view_text(enum lab_view view);
void lab_resolve(struct lab *lab, struct lab_answer *answer);
/* Does the TLD's server publish a DS of the domain? False also when it does not answer. */
bool lab_has_ds(struct lab *lab, bool *is_answered);
