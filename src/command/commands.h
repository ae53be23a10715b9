#pragma once
/* The table of commands, in the order in which `vouch help` shows them. To add one: a declaration
 * here, a row in commands.c, its file in meson.build. */
#include "command/command.h"

extern const struct command *const COMMANDS[];
extern const size_t COMMANDS_COUNT;

extern const struct command COMMAND_SERVE;
extern const struct command COMMAND_CONTROL;
extern const struct command COMMAND_RESOLVE;
extern const struct command COMMAND_ASK;
extern const struct command COMMAND_REGISTRY;
extern const struct command COMMAND_LAB;
extern const struct command COMMAND_DOC;
extern const struct command COMMAND_REGISTRAR;
extern const struct command COMMAND_CHECK;
extern const struct command COMMAND_SIGN;
extern const struct command COMMAND_VERIFY;
extern const struct command COMMAND_KEYSTORE;
extern const struct command COMMAND_DS;
extern const struct command COMMAND_DIFF;
extern const struct command COMMAND_ZONE;
extern const struct command COMMAND_DOMAINS;
extern const struct command COMMAND_DOMAIN;
extern const struct command COMMAND_OPERATIONS;
