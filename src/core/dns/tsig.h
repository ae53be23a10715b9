#pragma once
/* Transaction signatures (RFC 8945): HMAC-SHA-1 (check only where a peer still has it), SHA-256,
 * 384, 512. */
#include "core/dns/message.h"

enum tsig_algorithm {
    TSIG_HMAC_SHA1,
    TSIG_HMAC_SHA256,
    TSIG_HMAC_SHA384,
    TSIG_HMAC_SHA512,
    TSIG_ALGORITHM_COUNT
};

struct tsig_key {
    struct name name;
    enum tsig_algorithm algorithm;
    struct span secret;
};

enum { TSIG_MAC_MAX = 64, TSIG_RECORD_LEN_MAX = 512, TSIG_FUDGE_S = 300, TSIG_UNSIGNED_MAX = 99 };

/* The state of one signed exchange: the MAC before, and what was sent unsigned since (RFC 8945
 * §5.3.1). */
struct tsig_session {
    const struct tsig_key *key;
    uint8_t mac[TSIG_MAC_MAX];
    uint8_t mac_len;    /* 0: nothing signed yet */
    bool is_first_done; /* the next message is a later one of a stream: only timers are digested */
    uint16_t unsigned_count; /* since the last signed one: must be 0 at the end of a stream */
    uint64_t peer_time_s;    /* as the last checked record said */
    void *digest; /* internal: the running digest over unsigned messages; tsig_end releases it */
};

/* `secret_base64` text into a key; the key's secret lands in `arena`. */
enum status tsig_key_make(struct span name, struct span algorithm, struct span secret_base64,
                          struct arena *arena, struct tsig_key *key,
                          struct problem *problem) MUST_USE;
void tsig_begin(struct tsig_session *session, const struct tsig_key *key);
/* Appends a TSIG record to a finished message in `bytes` (`len` used of `size`); sets the new
 * length. `error` is 0 but in answers about a failed TSIG. */
enum status tsig_sign(struct tsig_session *session, uint8_t *bytes, size_t size, size_t *len,
                      int64_t wall_s, uint16_t error) MUST_USE;
/* Octets that signing with that key appends. */
size_t tsig_record_len(const struct tsig_key *key);
/* Checks a received message whose TSIG record stands at `tsig_at` (as message_read found it; 0:
 * unsigned, allowed only between signed messages of a stream). OK; or MISMATCH (BADSIG), NOT_FOUND
 * (BADKEY), EXPIRED (BADTIME), REFUSED (BADTRUNC: the MAC is good but cut), MALFORMED (FORMERR),
 * LIMIT_REACHED (too many unsigned); `rcode` is the TSIG error to answer with, or the one that the
 * other side answered with. */
enum status tsig_check(struct tsig_session *session, struct span wire, size_t tsig_at,
                       int64_t wall_s, uint16_t *rcode) MUST_USE;
/* Appends to an answer a TSIG record without MAC that says why the request's was refused: BADKEY or
 * BADSIG (RFC 8945 §5.3.2). */
enum status tsig_refuse(struct span request, size_t tsig_at, uint16_t error, uint8_t *bytes,
                        size_t size, size_t *len) MUST_USE;
void tsig_end(struct tsig_session *session);
/* The key's name in a message's TSIG record, to choose the key by. */
enum status tsig_key_name(struct span wire, size_t tsig_at, struct name_buffer *buffer,
                          struct name *name) MUST_USE;
