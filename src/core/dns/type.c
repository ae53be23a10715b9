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

/* Each mnemonic at the place that its first eight letters are multiplied to, which no other has:
 * the multiplier was found by trying. A new type needs a free place or another multiplier;
 * type_test looks every one up. */
enum { PLACE_BITS = 9, WORD_KEY_LEN = 8 };
static const uint64_t PLACE_MULTIPLIER = UINT64_C(0xDCA6CDB84A6EB9FB);
static const uint16_t BY_PLACE[1 << PLACE_BITS] = {
    [0] = 46 /* RRSIG */,        [8] = 65 /* HTTPS */,      [12] = 1 /* A */,
    [32] = 57 /* RKEY */,        [36] = 30 /* NXT */,       [37] = 37 /* CERT */,
    [39] = 33 /* SRV */,         [53] = 67 /* HHIT */,      [62] = 25 /* KEY */,
    [67] = 44 /* SSHFP */,       [69] = 22 /* NSAP */,      [74] = 260 /* AMTRELAY */,
    [81] = 24 /* SIG */,         [82] = 39 /* DNAME */,     [87] = 109 /* EUI64 */,
    [93] = 35 /* NAPTR */,       [102] = 63 /* ZONEMD */,   [114] = 42 /* APL */,
    [119] = 261 /* RESINFO */,   [122] = 32769 /* DLV */,   [123] = 16 /* TXT */,
    [126] = 6 /* SOA */,         [131] = 250 /* TSIG */,    [140] = 128 /* NXNAME */,
    [145] = 253 /* MAILB */,     [149] = 26 /* PX */,       [152] = 5 /* CNAME */,
    [159] = 2 /* NS */,          [163] = 259 /* DOA */,     [169] = 32 /* NIMLOC */,
    [171] = 257 /* CAA */,       [179] = 105 /* L32 */,     [181] = 256 /* URI */,
    [184] = 38 /* A6 */,         [188] = 255 /* ANY */,     [190] = 7 /* MB */,
    [203] = 10 /* NULL */,       [206] = 28 /* AAAA */,     [207] = 102 /* GID */,
    [209] = 21 /* RT */,         [210] = 52 /* TLSA */,     [213] = 103 /* UNSPEC */,
    [218] = 34 /* ATMA */,       [224] = 104 /* NID */,     [225] = 61 /* OPENPGPKEY */,
    [231] = 19 /* X25 */,        [241] = 101 /* UID */,     [243] = 18 /* AFSDB */,
    [254] = 58 /* TALINK */,     [257] = 263 /* CLA */,     [263] = 50 /* NSEC3 */,
    [265] = 262 /* WALLET */,    [277] = 251 /* IXFR */,    [283] = 11 /* WKS */,
    [285] = 27 /* GPOS */,       [297] = 12 /* PTR */,      [322] = 8 /* MG */,
    [323] = 107 /* LP */,        [330] = 252 /* AXFR */,    [340] = 13 /* HINFO */,
    [345] = 3 /* MD */,          [348] = 48 /* DNSKEY */,   [349] = 31 /* EID */,
    [352] = 49 /* DHCID */,      [354] = 43 /* DS */,       [361] = 15 /* MX */,
    [368] = 41 /* OPT */,        [371] = 45 /* IPSECKEY */, [372] = 264 /* IPN */,
    [377] = 51 /* NSEC3PARAM */, [385] = 32768 /* TA */,    [386] = 59 /* CDS */,
    [397] = 40 /* SINK */,       [403] = 249 /* TKEY */,    [406] = 60 /* CDNSKEY */,
    [407] = 20 /* ISDN */,       [408] = 9 /* MR */,        [411] = 17 /* RP */,
    [420] = 29 /* LOC */,        [428] = 56 /* NINFO */,    [431] = 66 /* DSYNC */,
    [445] = 100 /* UINFO */,     [458] = 108 /* EUI48 */,   [461] = 258 /* AVC */,
    [466] = 55 /* HIP */,        [467] = 106 /* L64 */,     [469] = 99 /* SPF */,
    [475] = 64 /* SVCB */,       [476] = 68 /* BRID */,     [481] = 23 /* NSAP-PTR */,
    [499] = 14 /* MINFO */,      [500] = 4 /* MF */,        [501] = 53 /* SMIMEA */,
    [502] = 62 /* CSYNC */,      [503] = 36 /* KX */,       [507] = 47 /* NSEC */,
    [508] = 254 /* MAILA */,
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

/* The first letters without case (and digits as control characters, which no word has). */
static uint64_t word_key(struct span text)
{
    uint64_t key = 0;
    for (size_t i = 0; i < text.len && i < WORD_KEY_LEN; i++) {
        key |= (uint64_t)(text.bytes[i] & 0xdf) << 8 * i;
    }
    return key;
}

enum status type_parse(struct span text, uint16_t *type)
{
    uint16_t found = BY_PLACE[word_key(text) * PLACE_MULTIPLIER >> (64 - PLACE_BITS)];
    if (found != 0 && compare_word(text, mnemonic(found)) == 0) {
        *type = found;
        return OK;
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
