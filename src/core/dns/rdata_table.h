#pragma once
/* Inside of rdata: the kinds of fields, and which fields the rdata of each type has. Only the files
 * rdata*.c include this. */
#include "core/dns/rdata.h"

enum rdata_field {
    FIELD_END = 0,
    FIELD_NAME_COMPRESSED,   /* may be compressed in messages (types of RFC 1035) */
    FIELD_NAME_DECOMPRESSED, /* read compressed, written plain (RFC 3597 §4) */
    FIELD_NAME_LOWERED,      /* never compressed, lower case in canonical form (RFC 4034 §6.2) */
    FIELD_NAME,              /* never compressed, canonical as it is */
    FIELD_NAMES,             /* such names to the end */
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_PERIOD,    /* seconds in 32 bits; units allowed in text */
    FIELD_TIME,      /* 32 bits, YYYYMMDDHHMMSS in text (RFC 4034 §3.2) */
    FIELD_TYPE,      /* an RR type */
    FIELD_ALGORITHM, /* DNSSEC algorithm, 8 bits */
    FIELD_CERT_TYPE, /* 16 bits (RFC 4398 §2.1) */
    FIELD_SCHEME,    /* DSYNC scheme, 8 bits (RFC 9859) */
    FIELD_IPV4,
    FIELD_IPV6,
    FIELD_EUI48,
    FIELD_EUI64,
    FIELD_LOCATOR,         /* 64 bits as four hexadecimal groups (RFC 6742 §2.1.2) */
    FIELD_STRING,          /* <character-string> */
    FIELD_STRING_OPTIONAL, /* one or none */
    FIELD_STRINGS,         /* one or more, to the end */
    FIELD_TAG,             /* CAA property tag: <character-string> of letters and digits */
    FIELD_TEXT,            /* octets to the end, as one quoted string without a length */
    FIELD_BASE64,          /* octets to the end */
    FIELD_BASE64_DASH,     /* the same; "-" when there are none (DOA) */
    FIELD_HEX,             /* octets to the end */
    FIELD_SALT,            /* length octet, hexadecimal, "-" when empty (RFC 5155 §3.3) */
    FIELD_HASH,            /* length octet, base32hex (RFC 5155 §3.3) */
    FIELD_BITMAP,          /* type bitmap to the end (RFC 4034 §4.1.2) */
    FIELD_BITMAP_NXT,      /* the older one (RFC 2535 §5.2) */
    FIELD_SERVICES,        /* WKS protocol and ports (RFC 1035 §3.4.2) */
    FIELD_PREFIXES,        /* APL (RFC 3123) */
    FIELD_LOCATION,        /* LOC (RFC 1876) */
    FIELD_PARAMETERS,      /* SVCB (RFC 9460 §2.2) */
    FIELD_GATEWAY,         /* of IPSECKEY; its type is the second octet (RFC 4025 §2.5) */
    FIELD_RELAY,           /* of AMTRELAY, with D and type (RFC 8777 §4.2) */
    FIELD_HOST_IDENTITY,   /* HIP up to the rendezvous servers (RFC 8005 §5) */
    FIELD_NSAP,            /* 0x and hexadecimal digits with dots (RFC 1706 §5) */
    FIELD_ATM_ADDRESS,     /* hexadecimal digits, or + and decimal ones (AF-DANS-0152.000) */
    FIELD_A6_SUFFIX,       /* prefix length and address suffix (RFC 2874 §3.1) */
    FIELD_A6_NAME,         /* prefix name, absent with prefix length 0; canonical in lower case */
    FIELD_OPAQUE,          /* octets to the end; generic form only */
    FIELD_KIND_COUNT
};

/* What follows the first octet of ATMA: an ATM end system address, or the digits of a telephone
 * number. */
enum { ATM_FORMAT_AESA = 0, ATM_FORMAT_E164 = 1 };

enum { RDATA_FIELDS_MAX = 10, TYPE_IPSECKEY_GATEWAY_AT = 1 };

struct rdata_layout {
    uint8_t fields[RDATA_FIELDS_MAX]; /* enum rdata_field, ended by FIELD_END */
    uint8_t rest_min;                 /* least octets of the last field */
    bool has_target;                  /* the first name is what rdata_target gives */
};

/* Never NULL: unknown types are one opaque field. */
const struct rdata_layout *rdata_layout(uint16_t type);

/* Steps over one field of that kind and fails the reader when it is not well-formed. `start` is
 * where the rdata begins. */
void rdata_check_field(enum rdata_field kind, struct reader *rdata, size_t start);
/* SVCB parameters, to the end. */
void rdata_check_parameters(struct reader *rdata);

/* The keys of SVCB parameters that have a form of their own (RFC 9460 §14.3.2). */
enum {
    SVCB_MANDATORY = 0,
    SVCB_ALPN = 1,
    SVCB_NO_DEFAULT_ALPN = 2,
    SVCB_PORT = 3,
    SVCB_IPV4HINT = 4,
    SVCB_ECH = 5,
    SVCB_IPV6HINT = 6,
    SVCB_DOHPATH = 7,
    SVCB_OHTTP = 8,
    SVCB_TLS_GROUPS = 9,
    SVCB_DOCPATH = 10,
    SVCB_KEY_COUNT,
    SVCB_KEY_INVALID = 65535
};
/* What presentation form carries; records beyond are written in generic form. */
enum { SVCB_PARAMETERS_MAX = 64, SVCB_MANDATORY_MAX = 64 };
extern const char *const SVCB_KEYS[SVCB_KEY_COUNT];
