#pragma once
/* A mail as octets (RFC 5322) from its parts, safe against whatever stands in them: no part can add
 * a field or a line. */
#include "core/base/writer.h"

enum { MAIL_ADDRESS_LEN_MAX = 254 };

struct mail {
    struct span from_name;  /* UTF-8; may be empty */
    struct span from;       /* bare address */
    struct span to;         /* bare address */
    struct span subject;    /* UTF-8 */
    struct span message_id; /* without the angle brackets */
    int64_t date_s;
    struct span text; /* UTF-8, lines end with '\n' */
};

/* LOCAL@DOMAIN of printable ASCII without blanks, quotes, or brackets; MALFORMED. */
enum status mail_check_address(struct span address) MUST_USE;
/* Marks itself as automatic (RFC 3834), so that no answering machine answers. */
enum status mail_write(const struct mail *mail, struct writer *message) MUST_USE;
