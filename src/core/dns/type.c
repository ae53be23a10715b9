/* The numbers and names of the IANA registries of the DNS: RR types, classes, rcodes, opcodes. Only
 * here does a number become a mnemonic and a mnemonic a number. */
#include "core/dns/type.h"

#include <stdio.h>

static const char *const MNEMONICS[] = {
    [1] = "A",         [2] = "NS",      [3] = "MD",          [4] = "MF",
    [5] = "CNAME",     [6] = "SOA",     [7] = "MB",          [8] = "MG",
    [9] = "MR",        [10] = "NULL",   [11] = "WKS",        [12] = "PTR",
    [13] = "HINFO",    [14] = "MINFO",  [15] = "MX",         [16] = "TXT",
    [17] = "RP",       [18] = "AFSDB",  [19] = "X25",        [20] = "ISDN",
    [21] = "RT",       [22] = "NSAP",   [23] = "NSAP-PTR",   [24] = "SIG",
    [25] = "KEY",      [26] = "PX",     [27] = "GPOS",       [28] = "AAAA",
    [29] = "LOC",      [30] = "NXT",    [31] = "EID",        [32] = "NIMLOC",
    [33] = "SRV",      [34] = "ATMA",   [35] = "NAPTR",      [36] = "KX",
    [37] = "CERT",     [38] = "A6",     [39] = "DNAME",      [40] = "SINK",
    [41] = "OPT",      [42] = "APL",    [43] = "DS",         [44] = "SSHFP",
    [45] = "IPSECKEY", [46] = "RRSIG",  [47] = "NSEC",       [48] = "DNSKEY",
    [49] = "DHCID",    [50] = "NSEC3",  [51] = "NSEC3PARAM", [52] = "TLSA",
    [53] = "SMIMEA",   [55] = "HIP",    [56] = "NINFO",      [57] = "RKEY",
    [58] = "TALINK",   [59] = "CDS",    [60] = "CDNSKEY",    [61] = "OPENPGPKEY",
    [62] = "CSYNC",    [63] = "ZONEMD", [64] = "SVCB",       [65] = "HTTPS",
    [66] = "DSYNC",    [67] = "HHIT",   [68] = "BRID",       [99] = "SPF",
    [100] = "UINFO",   [101] = "UID",   [102] = "GID",       [103] = "UNSPEC",
    [104] = "NID",     [105] = "L32",   [106] = "L64",       [107] = "LP",
    [108] = "EUI48",   [109] = "EUI64", [128] = "NXNAME",    [249] = "TKEY",
    [250] = "TSIG",    [251] = "IXFR",  [252] = "AXFR",      [253] = "MAILB",
    [254] = "MAILA",   [255] = "ANY",   [256] = "URI",       [257] = "CAA",
    [258] = "AVC",     [259] = "DOA",   [260] = "AMTRELAY",  [261] = "RESINFO",
    [262] = "WALLET",  [263] = "CLA",   [264] = "IPN",
};

static const uint16_t ALPHABETICAL[] = {
    1 /* A */,          38 /* A6 */,      28 /* AAAA */,       18 /* AFSDB */,
    260 /* AMTRELAY */, 255 /* ANY */,    42 /* APL */,        34 /* ATMA */,
    258 /* AVC */,      252 /* AXFR */,   68 /* BRID */,       257 /* CAA */,
    60 /* CDNSKEY */,   59 /* CDS */,     37 /* CERT */,       263 /* CLA */,
    5 /* CNAME */,      62 /* CSYNC */,   49 /* DHCID */,      32769 /* DLV */,
    39 /* DNAME */,     48 /* DNSKEY */,  259 /* DOA */,       43 /* DS */,
    66 /* DSYNC */,     31 /* EID */,     108 /* EUI48 */,     109 /* EUI64 */,
    102 /* GID */,      27 /* GPOS */,    67 /* HHIT */,       13 /* HINFO */,
    55 /* HIP */,       65 /* HTTPS */,   264 /* IPN */,       45 /* IPSECKEY */,
    20 /* ISDN */,      251 /* IXFR */,   25 /* KEY */,        36 /* KX */,
    105 /* L32 */,      106 /* L64 */,    29 /* LOC */,        107 /* LP */,
    254 /* MAILA */,    253 /* MAILB */,  7 /* MB */,          3 /* MD */,
    4 /* MF */,         8 /* MG */,       14 /* MINFO */,      9 /* MR */,
    15 /* MX */,        35 /* NAPTR */,   104 /* NID */,       32 /* NIMLOC */,
    56 /* NINFO */,     2 /* NS */,       22 /* NSAP */,       23 /* NSAP-PTR */,
    47 /* NSEC */,      50 /* NSEC3 */,   51 /* NSEC3PARAM */, 10 /* NULL */,
    128 /* NXNAME */,   30 /* NXT */,     61 /* OPENPGPKEY */, 41 /* OPT */,
    12 /* PTR */,       26 /* PX */,      261 /* RESINFO */,   57 /* RKEY */,
    17 /* RP */,        46 /* RRSIG */,   21 /* RT */,         24 /* SIG */,
    40 /* SINK */,      53 /* SMIMEA */,  6 /* SOA */,         99 /* SPF */,
    33 /* SRV */,       44 /* SSHFP */,   64 /* SVCB */,       32768 /* TA */,
    58 /* TALINK */,    249 /* TKEY */,   52 /* TLSA */,       250 /* TSIG */,
    16 /* TXT */,       101 /* UID */,    100 /* UINFO */,     103 /* UNSPEC */,
    256 /* URI */,      262 /* WALLET */, 11 /* WKS */,        19 /* X25 */,
    63 /* ZONEMD */,
};

enum { TYPE_TA = 32768, TYPE_DLV = 32769, CODE_DIGITS_MAX = 5 };

struct code {
    uint16_t value;
    const char *mnemonic;
};

static const struct code CLASSES[] = {
    {CLASS_IN, "IN"}, {CLASS_CH, "CH"}, {4, "HS"}, {CLASS_NONE, "NONE"}, {CLASS_ANY, "ANY"},
};

static const char *const RCODES[] = {
    [0] = "NOERROR",  [1] = "FORMERR",    [2] = "SERVFAIL", [3] = "NXDOMAIN",  [4] = "NOTIMP",
    [5] = "REFUSED",  [6] = "YXDOMAIN",   [7] = "YXRRSET",  [8] = "NXRRSET",   [9] = "NOTAUTH",
    [10] = "NOTZONE", [11] = "DSOTYPENI", [16] = "BADVERS", [17] = "BADKEY",   [18] = "BADTIME",
    [19] = "BADMODE", [20] = "BADNAME",   [21] = "BADALG",  [22] = "BADTRUNC", [23] = "BADCOOKIE",
};

static const char *const OPCODES[] = {
    [0] = "QUERY", [1] = "IQUERY", [2] = "STATUS", [4] = "NOTIFY", [5] = "UPDATE", [6] = "DSO",
};

static const char *mnemonic(uint16_t type)
{
    if (type < LEN(MNEMONICS)) {
        return MNEMONICS[type];
    }
    return type == TYPE_TA ? "TA" : type == TYPE_DLV ? "DLV" : NULL;
}

/* Without case, as strcasecmp would in the C locale; `word` is in upper case. */
static int compare_word(struct span text, const char *word)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        octet = octet >= 'a' && octet <= 'z' ? (uint8_t)(octet - 'a' + 'A') : octet;
        int difference = octet - (uint8_t)word[i];
        if (difference != 0 || word[i] == '\0') {
            return difference != 0 ? difference : 1;
        }
    }
    return word[text.len] == '\0' ? 0 : -1;
}

/* TYPE65280 and CLASS32 (RFC 3597 §5): the word, then a decimal number without leading zeros. */
static enum status read_numbered(struct span text, struct span word, uint16_t *value)
{
    if (text.len <= word.len || text.len > word.len + CODE_DIGITS_MAX ||
        !span_equal_nocase(span_part(text, 0, word.len), word)) {
        return NOT_FOUND;
    }
    uint32_t number = 0;
    for (size_t i = word.len; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet < '0' || octet > '9' || (octet == '0' && i == word.len && text.len > i + 1)) {
            return NOT_FOUND;
        }
        number = number * 10 + (octet - '0');
    }
    if (number > UINT16_MAX) {
        return NOT_FOUND;
    }
    *value = (uint16_t)number;
    return OK;
}

enum status type_parse(struct span text, uint16_t *type)
{
    size_t low = 0;
    size_t high = LEN(ALPHABETICAL);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_word(text, mnemonic(ALPHABETICAL[middle]));
        if (order == 0) {
            *type = ALPHABETICAL[middle];
            return OK;
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return read_numbered(text, SPAN_LITERAL("TYPE"), type);
}

void type_write(uint16_t type, struct writer *writer)
{
    const char *word = mnemonic(type);
    if (word != NULL) {
        writer_text(writer, word);
    } else {
        writer_print(writer, "TYPE%u", type);
    }
}

const char *type_print(uint16_t type, char text[TYPE_TEXT_MAX])
{
    const char *word = mnemonic(type);
    if (word != NULL) {
        snprintf(text, TYPE_TEXT_MAX, "%s", word);
    } else {
        snprintf(text, TYPE_TEXT_MAX, "TYPE%u", type);
    }
    return text;
}

enum status class_parse(struct span text, uint16_t *class_)
{
    for (size_t i = 0; i < LEN(CLASSES); i++) {
        if (compare_word(text, CLASSES[i].mnemonic) == 0) {
            *class_ = CLASSES[i].value;
            return OK;
        }
    }
    return read_numbered(text, SPAN_LITERAL("CLASS"), class_);
}

void class_write(uint16_t class_, struct writer *writer)
{
    for (size_t i = 0; i < LEN(CLASSES); i++) {
        if (CLASSES[i].value == class_) {
            writer_text(writer, CLASSES[i].mnemonic);
            return;
        }
    }
    writer_print(writer, "CLASS%u", class_);
}

const char *rcode_text(uint16_t rcode)
{
    const char *word = rcode < LEN(RCODES) ? RCODES[rcode] : NULL;
    return word != NULL ? word : "unassigned RCODE";
}

void rcode_write(uint16_t rcode, struct writer *writer)
{
    if (rcode < LEN(RCODES) && RCODES[rcode] != NULL) {
        writer_text(writer, RCODES[rcode]);
    } else {
        writer_print(writer, "RCODE%u", rcode);
    }
}

const char *opcode_text(uint8_t opcode)
{
    const char *word = opcode < LEN(OPCODES) ? OPCODES[opcode] : NULL;
    return word != NULL ? word : "unassigned OPCODE";
}

/* RFC 6895 §3.1: 128..255 are Q and meta types; OPT stands below them; 0 is never a record's type.
 */
bool type_is_meta(uint16_t type)
{
    return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

bool type_is_singleton(uint16_t type)
{
    enum { TYPE_NXT = 30, TYPE_RESINFO = 261 };
    return type == TYPE_SOA || type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_NSEC ||
           type == TYPE_NXT || type == TYPE_RESINFO;
}
