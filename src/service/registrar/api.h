#pragma once
/* The JSON protocol of Route 53 Domains, and our own actions beside it. */
#include "service/registrar/state.h"

void api_take(struct turn *turn);
/* `operation` NULL: refused. */
void api_answer_deletion(struct turn *turn, const struct held *held, const char *operation,
                         const struct refusal *refusal);
