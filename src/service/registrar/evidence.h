#pragma once
/* What one DNS answer shows about keys. */
#include "service/registrar/look.h"

/* A DNSKEY answer of a server that should be authoritative: which of the look's keys are in the
 * RRset and have a valid signature over it. */
void evidence_judge_keys(const struct look *look, const struct message *message, int64_t now_s,
                         struct arena *scratch, struct look_probe *probe);
/* A DS answer of a parent's server: which of the keys have their DS there; sets the TTL. */
void evidence_judge_ds(struct look *look, const struct message *message, struct look_probe *probe);
/* The resolver's answer: validated or not. */
void evidence_judge_chain(struct look *look, const struct message *message,
                          struct look_probe *probe);
