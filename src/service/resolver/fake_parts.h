#pragma once
/* What the files of the DNS in memory share. */
#include "service/resolver/fake_net.h"

enum { FAKE_MESSAGE_SIZE = 65535 };

/* The delegation that the name is at or below; NULL: none. `is_strict`: only strictly below. */
const struct rrset *fake_zone_cut(const struct fake_zone *zone, struct name name, bool is_strict);
/* The server's message for that query, into `bytes` of FAKE_MESSAGE_SIZE; its length. */
size_t fake_answer_make(struct fake_net *net, const struct fake_server *server,
                        const struct message *query, enum transport transport, uint8_t *bytes);
