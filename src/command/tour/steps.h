#pragma once
/* What several steps of the tour do. */
#include "command/tour/tour.h"

enum { OPERATION_TIMEOUT_MS = 20000, SECURE_TIMEOUT_MS = 30000, MAIL_TIMEOUT_MS = 20000 };

/* What one step keeps for a later one. */
enum { KEPT_OPERATION, KEPT_OLD_KEY, KEPT_NEW_KEY, KEPT_POLLS };

/* The public key in base64 of the first DNSKEY with those flags (256, 257) that a server publishes
 * for a zone; NULL when none. With `skip` > 0 the one behind that many. */
char *step_key(struct tour *tour, const char *server, const char *zone, unsigned flags,
               unsigned skip);
/* AssociateDelegationSignerToDomain; the answer's JSON. */
char *step_associate(struct tour *tour, const char *domain, unsigned flags, const char *key);
/* The same, awaited to its end: the last GetOperationDetail, or the refusal. */
char *step_add(struct tour *tour, const char *domain, unsigned flags, const char *key);
/* Adds the zone's first KSK and waits until the validating resolver finds the domain secure. */
void step_secure(struct tour *tour, const char *domain, const char *server);
/* The id of the key in GetDomainDetail that has that public key; NULL when it is not there. */
char *step_key_id(struct tour *tour, const char *domain, const char *key);
/* Disassociate..., awaited; `confirm` NULL or the consequence. */
char *step_delete(struct tour *tour, const char *domain, const char *id, const char *confirm);
