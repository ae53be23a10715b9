#pragma once
/* RR types, classes, rcodes and opcodes with their names, from a dated copy of the IANA registries.
 */
#include "core/base/span.h"
#include "core/base/status.h"
#include "core/base/writer.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_NULL = 10,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_DNAME = 39,
    TYPE_OPT = 41,
    TYPE_DS = 43,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_CSYNC = 62,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_DSYNC = 66,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_ANY = 255
};
enum { DSYNC_SCHEME_NOTIFY = 1 }; /* RFC 9859 */
enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };
enum {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16,
    RCODE_BADSIG = 16,
    RCODE_BADKEY = 17,
    RCODE_BADTIME = 18,
    RCODE_BADTRUNC = 22,
    RCODE_BADCOOKIE = 23
};
enum { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

/* "A", "TYPE65280"; any case; NOT_FOUND for an unknown word. */
enum status type_parse(struct span text, uint16_t *type) MUST_USE;
void type_write(uint16_t type, struct writer *writer); /* mnemonic, or TYPE### (RFC 3597 §5) */
enum { TYPE_TEXT_MAX = 20 };
const char *type_print(uint16_t type, char text[TYPE_TEXT_MAX]);
enum status class_parse(struct span text, uint16_t *class_) MUST_USE;
void class_write(uint16_t class_, struct writer *writer);
const char *rcode_text(uint16_t rcode); /* "NXDOMAIN"; never NULL */
void rcode_write(uint16_t rcode,
                 struct writer *writer); /* "NXDOMAIN"; "RCODE24" for unknown ones */
const char *opcode_text(uint8_t opcode); /* "NOTIFY"; never NULL */
bool type_is_meta(uint16_t type);        /* OPT, TSIG, 128..255: never zone data */
bool type_is_singleton(uint16_t type);   /* an RRset of it has one record: SOA, CNAME, DNAME, ... */
