#pragma once
/* What the files of the DNS in memory share. */
#include "service/resolver/fake_net.h"

enum { FAKE_MESSAGE_SIZE = 65535 };

/* The delegation that the name is at or below; NULL: none. `is_strict`: only strictly below. */
const struct rrset *fake_zone_cut(const struct fake_zone *zone, struct name name, bool is_strict);
/* In place of one that is there. */
void fake_put_rrset(struct fake_zone *zone, const struct rrset *rrset);
/* The server's message for that query, into `bytes` of FAKE_MESSAGE_SIZE; its length, 0
 * when a script says that nothing comes. */
size_t fake_answer_make(struct fake_net *net, const struct fake_server *server,
                        const struct message *query, enum transport transport, uint8_t *bytes);

/* fake_key.c: one key; a stranger's public half with the same tag and algorithm as another. */
struct signing_key fake_key(struct fake_net *net, uint16_t flags, uint8_t algorithm, uint8_t seed);
void fake_key_collide(struct fake_net *net, const struct dnskey *like, uint8_t seed,
                      struct dnskey *made);

/* fake_sign.c: the signatures of one RRset of the zone; count 0: it has none. */
struct rrset fake_sign_rrset(struct fake_net *net, const struct fake_zone *zone,
                             const struct rrset *rrset);
/* Not behind a delegation or below one; a DS and a denial are the upper side's. */
bool fake_is_authoritative(const struct fake_zone *zone, const struct rrset *rrset);

/* fake_denial.c: the NSEC or NSEC3 RRsets of the zone, without signatures. */
void fake_denial_make(struct fake_net *net, struct fake_zone *zone);
enum fake_proof {
    FAKE_PROOF_NAME,  /* that the name, or a wildcard for it, lacks the type, or is not there */
    FAKE_PROOF_CLOSER /* that the name itself is not there: a wildcard stands in */
};
enum { FAKE_PROOF_MAX = 3 };
size_t fake_denial_prove(const struct fake_zone *zone, struct name name, enum fake_proof kind,
                         const struct rrset *proof[FAKE_PROOF_MAX]);
/* The one NSEC that RFC 9824 §3.1 makes for the name. */
struct rrset fake_denial_compact(struct fake_net *net, const struct fake_zone *zone,
                                 struct name name);
/* Is there anything at the name or below it? */
bool fake_name_is_there(const struct fake_zone *zone, struct name name);
/* The NSEC3 that matches the name; NULL: none. */
const struct rrset *fake_nsec3_match(const struct fake_zone *zone, struct name name);
const struct rrset *fake_nsec3_cover(const struct fake_zone *zone, struct name name);
