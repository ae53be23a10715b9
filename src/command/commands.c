/* Which commands there are. */
#include "command/commands.h"

const struct command *const COMMANDS[] = {
    &COMMAND_SERVE,
    &COMMAND_CONTROL,
    &COMMAND_RESOLVE,
    &COMMAND_ASK,
    &COMMAND_REGISTRY,
    &COMMAND_LAB,
    &COMMAND_DOC,
    &COMMAND_REGISTRAR,
    &COMMAND_DOMAINS,
    &COMMAND_DOMAIN,
    &COMMAND_OPERATIONS,
    &COMMAND_CHECK,
    &COMMAND_SIGN,
    &COMMAND_VERIFY,
    &COMMAND_KEYSTORE,
    &COMMAND_DS,
    &COMMAND_DIFF,
    &COMMAND_ZONE,
    NULL, /* ends the table */
};

const size_t COMMANDS_COUNT = LEN(COMMANDS) - 1;
