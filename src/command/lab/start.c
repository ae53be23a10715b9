/* The order in which the lab comes up: the root needs the TLDs' keys, the resolvers the root's, the
 * registrar all of them. */
#include "command/lab/lab.h"

#include <stdio.h>
#include <string.h>

enum { READY_TIMEOUT_MS = 20000 };

/* Processes that start together,. */
static const struct {
    const char *name;
    const char *command;
    bool asks_upstream; /* gets the name servers' port by --upstream-port */
} rows[] = {
    {"registry-one", "registry", false},
    {"registry-two", "registry", false},
    {"servers-one", "serve", false},
    {"servers-two", "serve", false},
    {"root", "serve", false},
    {"provider", "serve", false},
    {"other", "serve", false},
    {"attacker", NULL, false},
    {"resolver", "resolve", true},
    {"forwarder", "resolve", false},
    {"plain-resolver", "resolve", true},
    {"registrar", "registrar", true},
};

static enum status start_one(struct lab *lab, size_t row, struct problem *problem)
{
    const char *arguments[PROCESS_ARGUMENTS_MAX] = {"lab", "wire", lab->net_text, lab->port_text};
    if (rows[row].command != NULL) {
        snprintf(lab->config_paths[row], sizeof lab->config_paths[row], "conf/%s.conf",
                 rows[row].name);
        const char *const usual[] = {rows[row].command, "--config", lab->config_paths[row], NULL};
        memset(arguments, 0, sizeof arguments);
        memcpy(arguments, usual, sizeof usual);
    }
    if (rows[row].asks_upstream && lab->port != 53) {
        arguments[3] = "--upstream-port";
        arguments[4] = lab->port_text;
    }
    return process_start(&lab->processes, rows[row].name, arguments, READY_TIMEOUT_MS, problem);
}

enum status lab_start(struct lab *lab, struct problem *problem)
{
    snprintf(lab->port_text, sizeof lab->port_text, "%u", lab->port);
    snprintf(lab->net_text, sizeof lab->net_text, "%u", lab->net);
    enum status status = OK;
    for (size_t i = 0; i < LEN(rows) && status == OK; i++) {
        status = start_one(lab, i, problem);
        if (status == OK && strcmp(rows[i].name, "servers-two") == 0) {
            status = lab_make_root(lab, problem);
        } else if (status == OK && strcmp(rows[i].name, "root") == 0) {
            status = lab_make_anchor(lab, LAB_ROOT_SERVER, ".", "root.key", problem);
        }
    }
    return status;
}
