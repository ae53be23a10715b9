#pragma once
/* The registrar's API as its commands speak it: one call, one answer. */
#include "command/command.h"
#include "core/proto/json.h"

enum client_option { CLIENT_ENDPOINT, CLIENT_TOKEN_FILE, CLIENT_JSON, CLIENT_OPTION_COUNT };
#define CLIENT_OPTIONS                                                                             \
    [CLIENT_ENDPOINT] = {.name = "--endpoint", .takes_value = true},                               \
    [CLIENT_TOKEN_FILE] = {.name = "--token-file", .takes_value = true},                           \
    [CLIENT_JSON] = {.name = "--json"}
#define CLIENT_USAGE                                                                               \
    "  --endpoint URL     of the registrar; else $VOUCH_ENDPOINT, else http://127.0.0.1:8080\n"    \
    "  --token-file FILE  whose first line is the token; else $VOUCH_TOKEN_FILE\n"                 \
    "  --json             prints what the registrar answered\n"

struct client {
    const char *command; /* for messages */
    const char *endpoint;
    const char *token;
    bool wants_json;
    struct arena arena;
    struct span text; /* of the last answer */
};

/* From the options of a command, the environment, and the defaults; EXIT_DONE, or a sentence was
 * said. Closed by client_close in any case. */
int client_open(const char *command, const struct command_option *options, struct client *client);
void client_close(struct client *client);
/* `action` with its target's prefix. EXIT_DONE and the answer; else the registrar's or our sentence
 * was said. */
int client_call(struct client *client, const char *action, struct span body,
                const struct json_node **answer);
/* The same for an action that answers with an operation; prints how to follow it. */
int client_call_operation(struct client *client, const char *action, struct span body);
/* The text of a member for printing: "-" when absent, without control characters. */
const char *client_text(struct client *client, const struct json_node *object, const char *name);
/* "2026-11-24 10:12" of a member that is a time; "-" for none. */
const char *client_time(struct client *client, const struct json_node *object, const char *name);
