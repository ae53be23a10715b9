#pragma once
/* What an operation says to the registry, and what the registry's words mean for it. */
#include "core/proto/epp.h"
#include "service/registrar/operation.h"

struct epp_session;

/* The command of an operation; its transaction id follows from the operation's id, so that the
 * registry answers a repetition as it answered first. Spans live in the turn's scratch. */
enum status command_make(struct turn *turn, const struct operation *operation,
                         const struct epp_session *session, struct epp_command *command) MUST_USE;
enum status command_make_info(struct turn *turn, const struct operation *operation,
                              struct epp_command *command) MUST_USE;

enum command_outcome {
    COMMAND_DONE,    /* the registry did it */
    COMMAND_REFUSED, /* it will not */
    COMMAND_UNCLEAR, /* ask for its view of the domain */
    COMMAND_LATER,   /* it could not just now */
    COMMAND_BROKEN   /* as LATER, and the session is of no use any more */
};
enum command_outcome command_judge(const struct epp_response *response, bool is_repetition);
/* The registry's words, one sentence without its end; in the turn's scratch, never NULL. */
const char *command_words(struct turn *turn, const struct epp_response *response);
/* Does the registry's view show the operation done? UNCLEAR while the registry says that a change
 * is pending. */
enum command_outcome command_judge_info(struct turn *turn, const struct operation *operation,
                                        const struct epp_session *session,
                                        const struct epp_response *response);
