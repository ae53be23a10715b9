/* Rdata of every type: its two text forms, the wire, and what is wrong with what is wrong. */
#include "core/dns/rdata.h"

#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* At least one row for each type that has a presentation form. The octets are those that another
 * implementation makes of the same text, except for DSYNC, HHIT, BRID, CLA, IPN and
 * tls-supported-groups, which it does not know: those are worked out by hand. */
static const struct form {
    const char *type;
    const char *text;
    const char *hex;
} FORMS[] = {
    {"A", "192.0.2.1", "C0000201"},
    {"NS", "ns1.example.com.", "036E7331076578616D706C6503636F6D00"},
    {"MD", "mail.example.com.", "046D61696C076578616D706C6503636F6D00"},
    {"MF", "mail.example.com.", "046D61696C076578616D706C6503636F6D00"},
    {"CNAME", "WWW.Example.com.", "03575757074578616D706C6503636F6D00"},
    {"SOA", "ns1.example.com. host\\.master.example.com. 2026073102 30m 15m 1w 1d",
     "036E7331076578616D706C6503636F6D000B686F73742E6D6173746572076578616D706C6503636F6D0078C36C0E0"
     "00007080000038400093A8000015180"},
    {"MB", "mb.example.com.", "026D62076578616D706C6503636F6D00"},
    {"MG", "mg.example.com.", "026D67076578616D706C6503636F6D00"},
    {"MR", "mr.example.com.", "026D72076578616D706C6503636F6D00"},
    {"WKS", "192.0.2.1 TCP 25 53 80", "C0000201060000004000000400000080"},
    {"WKS", "192.0.2.1 udp domain", "C00002011100000000000004"},
    {"PTR", "host.example.com.", "04686F7374076578616D706C6503636F6D00"},
    {"HINFO", "\"Intel \\\"PC\\\"\" Linux", "0A496E74656C2022504322054C696E7578"},
    {"MINFO", "requests.example.com. errors.example.com.",
     "087265717565737473076578616D706C6503636F6D00066572726F7273076578616D706C6503636F6D00"},
    {"MX", "10 mail.example.com.", "000A046D61696C076578616D706C6503636F6D00"},
    {"TXT", "\"v=spf1 -all\" plain \"a\\;b\\032\\195\\164\" \"\"",
     "0B763D73706631202D616C6C05706C61696E06613B6220C3A400"},
    {"RP", "admin.example.com. txt.example.com.",
     "0561646D696E076578616D706C6503636F6D0003747874076578616D706C6503636F6D00"},
    {"AFSDB", "1 afs.example.com.", "000103616673076578616D706C6503636F6D00"},
    {"X25", "311061700956", "0C333131303631373030393536"},
    {"ISDN", "150862028003217 004", "0F31353038363230323830303332313703303034"},
    {"ISDN", "150862028003217", "0F313530383632303238303033323137"},
    {"RT", "10 relay.example.com.", "000A0572656C6179076578616D706C6503636F6D00"},
    {"NSAP", "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
     "47000580005A0000000001E133FFFFFF00016100"},
    {"NSAP-PTR", "host.example.com.", "04686F7374076578616D706C6503636F6D00"},
    {"SIG", "NXT 5 2 3600 20260101000000 20251201000000 2143 example.com. AAECAwQFBgc=",
     "001E050200000E106955B900692CDA80085F076578616D706C6503636F6D000001020304050607"},
    {"KEY", "256 3 5 AQPSKmynfzW4kyBv", "010003050103D22A6CA77F35B893206F"},
    {"PX", "10 map822.example.com. mapx400.example.com.",
     "000A066D6170383232076578616D706C6503636F6D00076D617078343030076578616D706C6503636F6D00"},
    {"GPOS", "-32.6882 116.8652 10.0", "082D33322E36383832083131362E383635320431302E30"},
    {"AAAA", "2001:db8::ff00:42:8329", "20010DB8000000000000FF0000428329"},
    {"LOC", "42 21 54 N 71 06 18 W -24m 30m", "0033161389172DD070BE15F000988D20"},
    {"LOC", "52 22 23.000 N 4 53 32.500 E -2.00m 0.00m 10000m 10m",
     "000016138B3CF018810CBED4009895B8"},
    {"LOC", "0 S 180 E 0", "0012161380000000A69FB20000989680"},
    {"NXT", "host.example.com. A MX SIG NXT", "04686F7374076578616D706C6503636F6D0040010082"},
    {"EID", "E32C6F78163A9348", "E32C6F78163A9348"},
    {"NIMLOC", "32251A030067", "32251A030067"},
    {"SRV", "0 5 5060 sip.example.com.", "0000000513C403736970076578616D706C6503636F6D00"},
    {"ATMA", "39.246f.00.0123", "0039246F000123"},
    {"ATMA", "+61.200.5", "01363132303035"},
    {"NAPTR", "100 50 \"s\" \"z3950+I2L+I2C\" \"\" _z3950._tcp.example.com.",
     "0064003201730D7A333935302B49324C2B49324300065F7A33393530045F746370076578616D706C6503636F6D0"
     "0"},
    {"KX", "10 kx.example.com.", "000A026B78076578616D706C6503636F6D00"},
    {"CERT", "PKIX 12345 RSASHA256 MIIBIjANBgkq", "000130390830820122300D06092A"},
    {"A6", "0 2001:db8::1", "0020010DB8000000000000000000000001"},
    {"A6", "64 ::1:2:3:4 prefix.example.com.",
     "40000100020003000406707265666978076578616D706C6503636F6D00"},
    {"A6", "61 ::3:1:2:3:4 prefix.example.com.",
     "3D03000100020003000406707265666978076578616D706C6503636F6D00"},
    {"A6", "128 prefix.example.com.", "8006707265666978076578616D706C6503636F6D00"},
    {"DNAME", "target.example.net.", "06746172676574076578616D706C65036E657400"},
    {"APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8",
     "00011503C0A82000011C83C0A82600020801FF"},
    {"DS", "60485 RSASHA1 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
     "EC4505012BB183AF5F22588179A53B0A98631FAD1A292118"},
    {"SSHFP", "2 1 123456789abcdef67890123456789abcdef67890",
     "0201123456789ABCDEF67890123456789ABCDEF67890"},
    {"IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0A0102C0000226010351537986ED35533B6064478EEEB27B5BD74DAE149B6E81BA3A0521AF82AB7801"},
    {"IPSECKEY", "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0A0002010351537986ED35533B6064478EEEB27B5BD74DAE149B6E81BA3A0521AF82AB7801"},
    {"IPSECKEY", "10 2 2 2001:db8:0:8002::2000:1 AQNRU3mG",
     "0A020220010DB8000080020000000020000001010351537986"},
    {"IPSECKEY", "10 3 2 mygateway.example.com. AQNRU3mG",
     "0A0302096D7967617465776179076578616D706C6503636F6D00010351537986"},
    {"RRSIG",
     "A 5 3 86400 20030322173103 20030220173103 2642 Example.com. "
     "oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr",
     "00010503000151803E7C9DD73E5510D70A52074578616D706C6503636F6D00A090755BA58D1AFFA576F4375831B43"
     "10920E481218D18A9F164EB"},
    {"RRSIG", "TYPE65280 ECDSAP256SHA256 2 3600 1735689600 1733097600 2642 . AAEC AwQ FBgc=",
     "FF000D0200000E1067748580674CF8800A52000001020304050607"},
    {"NSEC", "host.example.com. A MX RRSIG NSEC TYPE1234",
     "04686F7374076578616D706C6503636F6D000006400100000003041B0000000000000000000000000000000000000"
     "00000000000000020"},
    {"DNSKEY",
     "257 3 ECDSAP256SHA256 "
     "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
     "0101030D99DB2CC14CABDC33D6D77DA63A2F15F71112584F234E8D1DC428E39E8A4A97E1AA271A555DC90701E17E2"
     "A4C4B6F120B7C32D44F4AC02BD894CF2D4BE7778A19"},
    {"DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
     "000201636FC0B8271C82825BB1AC5C41CF5351AA69B4FEBD94E8F17CDB95000DA48C40"},
    {"NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
     "0101000C04AABBCCDD1417F3DF17B2B2ADAEF615257DE4D2020B80AC6C7C0006400000000002"},
    {"NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s",
     "01000000001417F3DF17B2B2ADAEF615257DE4D2020B80AC6C7C"},
    {"NSEC3PARAM", "1 0 0 -", "0100000000"},
    {"NSEC3PARAM", "1 0 12 AABBCCDD", "0100000C04AABBCCDD"},
    {"TLSA", "3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6",
     "0301010C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6"},
    {"SMIMEA", "3 0 0 308201", "030000308201"},
    {"HIP",
     "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p "
     "rvs1.example.com. rvs2.example.com.",
     "1002001E200100107B1A74DF365639CC39F1D57803010001B771CA136E4AEB5CE44333C53B3D2C13C22243851FC70"
     "8BCCE290472767331076578616D706C6503636F6D000472767332076578616D706C6503636F6D00"},
    {"NINFO", "\"zone status\" ok", "0B7A6F6E6520737461747573026F6B"},
    {"RKEY", "0 3 1 AQIDBA==", "0000030101020304"},
    {"TALINK", "prev.example.com. next.example.com.",
     "0470726576076578616D706C6503636F6D00046E657874076578616D706C6503636F6D00"},
    {"CDS", "0 0 0 00", "0000000000"},
    {"CDNSKEY", "0 3 0 AA==", "0000030000"},
    {"OPENPGPKEY", "mQINBFX5lnAB", "99020D0455F9967001"},
    {"CSYNC", "66 3 A NS AAAA", "000000420003000460000008"},
    {"ZONEMD",
     "2018031900 1 1 "
     "C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E7300"
     "44C",
     "7848B91C0101C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC277"
     "77F98B8E730044C"},
    {"SVCB", "0 foo.example.com.", "000003666F6F076578616D706C6503636F6D00"},
    {"SVCB", "1 .", "000100"},
    {"SVCB", "16 foo.example.com. port=53", "001003666F6F076578616D706C6503636F6D00000300020035"},
    {"SVCB", "1 foo.example.com. key667=hello",
     "000103666F6F076578616D706C6503636F6D00029B000568656C6C6F"},
    {"SVCB", "1 foo.example.com. key667=\"hello\\210qoo\"",
     "000103666F6F076578616D706C6503636F6D00029B000968656C6C6FD2716F6F"},
    {"SVCB", "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
     "000103666F6F076578616D706C6503636F6D000006002020010DB800000000000000000000000120010DB80000000"
     "00000000000530001"},
    {"SVCB", "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
     "001003666F6F076578616D706C65036F7267000000000400010004000100090268320568332D313900040004C0000"
     "201"},
    {"SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
     "001003666F6F076578616D706C65036F7267000001000C08665C6F6F2C626172026832"},
    {"SVCB", "1 . alpn=dot port=853 dohpath=/dns-query{?dns}",
     "0001000001000403646F74000300020355000700102F646E732D71756572797B3F646E737D"},
    {"HTTPS", "1 . alpn=h2 no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQBE",
     "00010000010003026832000200000003000220FB00040008C0000201C0000202000500060048FE0D0044"},
    {"SPF", "\"v=spf1 -all\"", "0B763D73706631202D616C6C"},
    {"NID", "10 0014:4fff:ff20:ee64", "000A00144FFFFF20EE64"},
    {"L32", "10 10.1.2.0", "000A0A010200"},
    {"L64", "10 2001:0DB8:1140:1000", "000A20010DB811401000"},
    {"LP", "10 l64-subnet1.example.com.", "000A0B6C36342D7375626E657431076578616D706C6503636F6D00"},
    {"EUI48", "00-00-5e-00-53-2a", "00005E00532A"},
    {"EUI64", "00-00-5e-ef-10-00-00-2a", "00005EEF1000002A"},
    {"URI", "10 1 \"ftp://ftp1.example.com/public\"",
     "000A00016674703A2F2F667470312E6578616D706C652E636F6D2F7075626C6963"},
    {"CAA", "0 issue \"ca1.example.net; policy=ev\"",
     "000569737375656361312E6578616D706C652E6E65743B20706F6C6963793D6576"},
    {"CAA", "128 tbs \"\"", "8003746273"},
    {"AVC", "\"app-name:WOLFGANG|app-class:OAM\"",
     "1F6170702D6E616D653A574F4C4647414E477C6170702D636C6173733A4F414D"},
    {"DOA", "0 1 2 \"\" aHR0cHM6Ly93d3cuaXNjLm9yZy8=",
     "0000000000000001020068747470733A2F2F7777772E6973632E6F72672F"},
    {"DOA", "1234567890 1 2 image/gif -", "499602D2000000010209696D6167652F676966"},
    {"AMTRELAY", "10 0 1 203.0.113.15", "0A01CB00710F"},
    {"AMTRELAY", "10 1 3 amtrelays.example.com.",
     "0A8309616D7472656C617973076578616D706C6503636F6D00"},
    {"AMTRELAY", "128 0 0 .", "8000"},
    {"AMTRELAY", "10 0 2 2001:db8::15", "0A0220010DB8000000000000000000000015"},
    {"RESINFO", "qnamemin exterr=15,16,17 infourl=https://resolver.example.com/guide",
     "08716E616D656D696E0F6578746572723D31352C31362C31372A696E666F75726C3D68747470733A2F2F7265736F6"
     "C7665722E6578616D706C652E636F6D2F6775696465"},
    {"WALLET", "BTC bc1qexample", "034254430B626331716578616D706C65"},
    {"TA", "30795 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
     "784B0802E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"},
    {"DLV", "30795 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
     "784B0802E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"},
    {"DSYNC", "CDS NOTIFY 5300 rr-endpoint.example.",
     "003B0114B40B72722D656E64706F696E74076578616D706C6500"},
    {"DSYNC", "CSYNC 128 443 a.", "003E8001BB016100"},
    {"HHIT", "gwppV7cBSA==", "830A6957B70148"},
    {"BRID", "owCAAQIC", "A30080010202"},
    {"CLA", "TCP-v4-v6", "095443502D76342D7636"},
    {"IPN", "2", "0000000000000002"},
    {"IPN", "18446744073709551615", "FFFFFFFFFFFFFFFF"},
    {"HTTPS", "1 . tls-supported-groups=29,23", "00010000090004001D0017"},
    {"SVCB", "1 . alpn=co docpath=dns,q", "0001000001000302636F000A000603646E730171"},
    {"SVCB", "1 . docpath", "000100000A0000"},
};

enum { RDATA_SIZE = 66000 };

static uint16_t type_of(const char *mnemonic)
{
    uint16_t type = 0;
    assert_int_equal(type_parse(span_of_text(mnemonic), &type), OK);
    return type;
}

static struct span octets_of(const char *hex, struct writer *writer)
{
    assert_int_equal(text_read_base16(span_of_text(hex), writer), OK);
    return writer_written(writer);
}

static void expect_parse(const struct form *form, struct span text, struct span expected)
{
    uint8_t bytes[2048];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {OK};
    enum status status = rdata_parse_text(type_of(form->type), text, NULL, &rdata, &problem);
    if (status != OK || !span_equal(writer_written(&rdata), expected)) {
        print_error("%s %.*s: %u: %s\n", form->type, (int)text.len, (const char *)text.bytes,
                    problem.column, problem.sentence);
        fail();
    }
}

static void forms_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(FORMS); i++) {
        const struct form *form = &FORMS[i];
        uint16_t type = type_of(form->type);
        uint8_t octets[2048], printed[8192], generic[8192];
        struct writer writer = writer_over(octets, sizeof octets);
        struct span wire = octets_of(form->hex, &writer);
        assert_int_equal(rdata_check(type, wire), OK);
        expect_parse(form, span_of_text(form->text), wire);

        struct writer text = writer_over(printed, sizeof printed);
        rdata_write_text(type, wire, &text);
        assert_int_equal(text.status, OK);
        assert_true(text.len < 2 || memcmp(printed, "\\#", 2) != 0);
        expect_parse(form, writer_written(&text), wire);

        text = writer_over(generic, sizeof generic);
        rdata_write_generic(wire, &text);
        expect_parse(form, writer_written(&text), wire);
    }
}

/* Types whose rdata nobody writes but in generic form. */
static bool is_generic_only(const char *mnemonic)
{
    static const char *const WORDS[] = {"NULL", "SINK", "UINFO", "UID", "GID", "UNSPEC"};
    for (size_t i = 0; i < LEN(WORDS); i++) {
        if (strcmp(WORDS[i], mnemonic) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_form(const char *mnemonic)
{
    for (size_t i = 0; i < LEN(FORMS); i++) {
        if (strcmp(FORMS[i].type, mnemonic) == 0) {
            return true;
        }
    }
    return false;
}

static void every_registered_type_has_a_form(void **state)
{
    (void)state;
    for (uint32_t type = 1; type <= UINT16_MAX; type++) {
        char mnemonic[TYPE_TEXT_MAX];
        type_print((uint16_t)type, mnemonic);
        bool is_registered = strncmp(mnemonic, "TYPE", 4) != 0;
        if (is_registered && !type_is_meta((uint16_t)type) && !is_generic_only(mnemonic) &&
            !has_form(mnemonic)) {
            print_error("no row for %s\n", mnemonic);
            fail();
        }
    }
}

static void generic_form_carries_unknown_types(void **state)
{
    (void)state;
    static const struct form UNKNOWN[] = {
        {"TYPE65280", "\\# 3 ABcd 00", "ABCD00"},
        {"TYPE65280", "\\# 0", ""},
        {"NULL", "\\# 1 0 0", "00"},
        {"A", "\\# 4 C0000201", "C0000201"},
        {"APL", "\\# 0", ""},
    };
    for (size_t i = 0; i < LEN(UNKNOWN); i++) {
        uint8_t octets[64], printed[256];
        struct writer writer = writer_over(octets, sizeof octets);
        struct span wire = octets_of(UNKNOWN[i].hex, &writer);
        expect_parse(&UNKNOWN[i], span_of_text(UNKNOWN[i].text), wire);
        struct writer text = writer_over(printed, sizeof printed);
        rdata_write_text(type_of(UNKNOWN[i].type), wire, &text);
        expect_parse(&UNKNOWN[i], writer_written(&text), wire);
    }
}

static const struct wrong {
    const char *type;
    const char *text;
    uint32_t column;
    const char *part; /* of the sentence */
    const char *why;
} WRONG[] = {
    {"A", "192.0.2", 1, "an IPv4 address", "three parts"},
    {"A", "192.0.2.256", 1, "an IPv4 address", "a part above 255"},
    {"A", "192.0.2.1@53", 1, "an IPv4 address", "a port is no part of an A record"},
    {"A", "2001:db8::1", 1, "an IPv4 address", "the other family"},
    {"A", "192.0.2.1 x", 11, "the end of the record", "something more"},
    {"A", "", 0, "an IPv4 address", "nothing"},
    {"AAAA", "192.0.2.1", 1, "an IPv6 address", "the other family"},
    {"MX", "mail.example.com.", 1, "0 to 65535", "the preference is missing"},
    {"MX", "10", 3, "a domain name", "the name is missing"},
    {"MX", "65536 a.", 1, "0 to 65535", "above 16 bits"},
    {"MX", "-1 a.", 1, "0 to 65535", "a sign"},
    {"MX", "10 a..b.", 4, "label", "an empty label"},
    {"NS", "a\\25.", 1, "digit", "a cut escape"},
    {"SOA", "a. b. 1 2 3 4", 14, "seconds", "four numbers of five"},
    {"SOA", "a. b. 1 2 3 4 5x", 15, "seconds", "an unknown unit"},
    {"SOA", "a. b. 4294967296 2 3 4 5", 7, "4294967295", "a serial above 32 bits"},
    {"TXT", "", 0, "a text", "no text at all"},
    {"TXT", "\"open", 1, "no end", "a quote without an end"},
    {"TXT", "ok \\999", 4, "escape", "an escape above 255"},
    {"TXT", "ok \\1", 4, "escape", "an escape of one digit"},
    {"HINFO", "one", 4, "a text", "one text of two"},
    {"RRSIG", "NOTYPE 8 0 1 20260101000000 20260101000000 1 . AAAA", 1, "RR type", "no type"},
    {"RRSIG", "A 8 0 1 20261301000000 20260101000000 1 . AAAA", 9, "YYYYMMDD", "month 13"},
    {"RRSIG", "A 8 0 1 20260101000000 20260101000000 1 . AAA", 43, "base64", "three digits"},
    {"RRSIG", "A 8 0 1 20260101000000 20260101000000 1 .", 42, "a last field", "no signature"},
    {"RRSIG", "A 8 0 1 21070101000000 20260101000000 1 . AAAA", 9, "YYYY", "beyond 32 bits"},
    {"DNSKEY", "257 3 RSAMD9 AAAA", 7, "algorithm", "an unknown mnemonic"},
    {"DNSKEY", "257 3 8 A=== AAAA", 9, "base64", "wrong padding"},
    {"DNSKEY", "257 3 8 AA== AAAA", 14, "base64", "more behind the padding"},
    {"DS", "1 8 2 ABC", 7, "even number", "half an octet"},
    {"DS", "1 8 2 XY", 7, "hexadecimal", "no hexadecimal digits"},
    {"DS", "1 8 2", 6, "a last field", "no digest"},
    {"ZONEMD", "1 1 1 00", 9, "more octets", "a digest below 12 octets"},
    {"NSEC", "a. A BOGUS", 6, "RR type", "an unknown type in the bitmap"},
    {"NSEC3", "1 0 0 - !!", 9, "base32hex", "no base32hex"},
    {"NSEC3", "1 0 0 abc 00", 7, "a salt", "half an octet of salt"},
    {"CAA", "0 is-sue \"x\"", 3, "letters and digits", "a hyphen in the tag"},
    {"CAA", "0 issue", 8, "in quotes", "no value"},
    {"LOC", "91 N 0 E 0", 1, "90 degrees", "latitude above 90"},
    {"LOC", "90 0 1 N 0 E 0", 6, "90 degrees", "latitude a little above 90"},
    {"LOC", "1 60 N 0 E 0", 3, "latitude", "60 minutes"},
    {"LOC", "1 N 1 E", 8, "altitude", "no altitude"},
    {"LOC", "1 N 1 E 1m 1km", 12, "metres", "another unit"},
    {"APL", "1:192.0.2.0/33", 1, "a prefix", "33 bits of IPv4"},
    {"APL", "3:0/0", 1, "a prefix", "an unknown family"},
    {"WKS", "192.0.2.1 6 99999", 13, "port", "a port above 65535"},
    {"IPSECKEY", "10 4 2 . AAAA", 4, "gateway type", "an unknown gateway type"},
    {"IPSECKEY", "10 0 2 a. AAAA", 8, "\".\"", "a gateway where there is none"},
    {"AMTRELAY", "10 2 0 .", 4, "0 or 1", "a flag above 1"},
    {"HIP", "2 XX AAAA", 3, "host identity tag", "no hexadecimal"},
    {"NSAP", "47", 1, "0x", "no 0x"},
    {"EUI48", "00-00-5e-00-53", 1, "six octets", "five octets"},
    {"EUI64", "00:00:5e:ef:10:00:00:2a", 1, "eight octets", "colons"},
    {"NID", "1 1:2:3", 3, "64 bits", "three groups"},
    {"NID", "1 1:2:3:4:5", 3, "64 bits", "five groups"},
    {"NID", "1 1:2:3:12345", 3, "64 bits", "five digits"},
    {"SVCB", "1 . port=1 port=2", 12, "each key once", "a key twice"},
    {"SVCB", "1 . alpn=", 5, "alpn=", "no protocol"},
    {"SVCB", "1 . alpn=h2,", 5, "alpn=", "an empty protocol"},
    {"SVCB", "1 . port=65536", 5, "port=", "a port above 65535"},
    {"SVCB", "1 . port=1,2", 5, "port=", "two ports"},
    {"SVCB", "1 . ipv4hint=2001:db8::", 5, "ipv4hint=", "the other family"},
    {"SVCB", "1 . mandatory=alpn", 5, "mandatory", "a mandatory key that is not there"},
    {"SVCB", "1 . mandatory=mandatory", 5, "mandatory", "itself"},
    {"SVCB", "1 . mandatory=port,port port=1", 5, "mandatory", "twice"},
    {"SVCB", "1 . no-default-alpn", 5, "alpn beside", "no alpn beside it"},
    {"SVCB", "1 . no-default-alpn=x alpn=h2", 5, "without a value", "a value"},
    {"SVCB", "1 . key65535=x", 5, "a parameter", "the invalid key"},
    {"SVCB", "1 . key07=x", 5, "a parameter", "a leading zero"},
    {"SVCB", "1 . =x", 5, "a parameter", "no key"},
    {"A", "\\# 3 C00002", 1, "no A rdata", "octets that are no A record"},
    {"TYPE65280", "\\# 3 C000", 4, "announced", "fewer octets than announced"},
    {"TYPE65280", "C000", 1, "\\#", "an unknown type without \\#"},
    {"TYPE65280", "\\# 65536 00", 4, "0 to 65535", "too many octets"},
    {"NXT", "a. TYPE128", 4, "RR type", "beyond the old bitmap"},
    {"DSYNC", "CDS MAIL 1 a.", 5, "NOTIFY", "an unknown scheme"},
    {"A6", "129 ::", 1, "0 to 128", "a prefix above 128"},
    {"IPN", "18446744073709551616", 1, "64 bits", "above 64 bits"},
    {"TLSA", "3 1 256 00", 5, "0 to 255", "above 8 bits"},
};

static void wrong_texts_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(WRONG); i++) {
        uint8_t bytes[512];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        struct problem problem = {OK};
        enum status status = rdata_parse_text(type_of(WRONG[i].type), span_of_text(WRONG[i].text),
                                              NULL, &rdata, &problem);
        if (status == OK || problem.status != status || problem.column != WRONG[i].column ||
            strstr(problem.sentence, WRONG[i].part) == NULL) {
            print_error("%s %s (%s): status %d, column %u: %s\n", WRONG[i].type, WRONG[i].text,
                        WRONG[i].why, (int)status, problem.column, problem.sentence);
            fail();
        }
    }
}

static void long_texts_meet_their_limits(void **state)
{
    (void)state;
    static uint8_t bytes[RDATA_SIZE];
    static char text[400000];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    memset(text, 'a', 256);
    assert_int_equal(rdata_parse_text(TYPE_TXT, span_of(text, 255), NULL, &rdata, NULL), OK);
    assert_int_equal(rdata.len, 256);
    assert_int_equal(rdata_parse_text(TYPE_TXT, span_of(text, 256), NULL, &rdata, NULL), MALFORMED);
    size_t len = (size_t)snprintf(text, sizeof text, "\\# 65535 ");
    memset(text + len, '0', 2 * 65536);
    rdata = writer_over(bytes, sizeof bytes);
    assert_int_equal(rdata_parse_text(65280, span_of(text, len + 2 * 65535), NULL, &rdata, NULL),
                     OK);
    assert_int_equal(rdata.len, 65535);
    rdata = writer_over(bytes, sizeof bytes);
    assert_int_not_equal(
        rdata_parse_text(65280, span_of(text, len + 2 * 65536), NULL, &rdata, NULL), OK);
    rdata = writer_over(bytes, 3);
    assert_int_equal(rdata_parse_text(TYPE_A, SPAN_LITERAL("192.0.2.1"), NULL, &rdata, NULL),
                     TOO_LONG);
}

static void names_take_the_origin(void **state)
{
    (void)state;
    static const uint8_t EXAMPLE[] = "\x07"
                                     "example";
    struct name origin = {EXAMPLE, 9, 1};
    uint8_t bytes[64], printed[64];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    assert_int_equal(rdata_parse_text(TYPE_MX, SPAN_LITERAL("1 mail"), &origin, &rdata, NULL), OK);
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(TYPE_MX, writer_written(&rdata), &text);
    assert_true(span_equal(writer_written(&text), SPAN_LITERAL("1 mail.example.")));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void keep_name(void *user, struct name name, struct writer *message)
{
    (void)user;
    name_write(name, message);
}

/* What passed the check must print, parse back to the same octets, and keep its length. */
static void expect_consistent(uint16_t type, struct span rdata)
{
    static uint8_t printed[RDATA_TEXT_LEN_MAX], parsed[RDATA_SIZE];
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(type, rdata, &text);
    assert_int_equal(text.status, OK);
    struct writer again = writer_over(parsed, sizeof parsed);
    struct problem problem = {OK};
    enum status status = rdata_parse_text(type, writer_written(&text), NULL, &again, &problem);
    if (status != OK || !span_equal(writer_written(&again), rdata)) {
        print_error("type %u: %.*s: %s\n", type, (int)(text.len > 300 ? 300 : text.len),
                    (const char *)printed, problem.sentence);
        fail();
    }
    struct writer canonical = writer_over(parsed, sizeof parsed);
    rdata_write_canonical(type, rdata, &canonical);
    assert_int_equal(canonical.status, OK);
    assert_int_equal(canonical.len, rdata.len);
    struct writer message = writer_over(parsed, sizeof parsed);
    rdata_write_message(type, rdata, &message, keep_name, NULL);
    assert_true(span_equal(writer_written(&message), rdata));
    struct name target;
    (void)rdata_target(type, rdata, &target);
}

/* What the wire allows and text does not say is written in generic form, and so read again. */
static void text_that_would_not_be_read_is_generic(void **state)
{
    (void)state;
    static uint8_t octets[RDATA_SIZE];
    static const struct form ROWS[] = {
        {"SVCB", "no-default-alpn without alpn", "00010000020000"},
        {"SVCB", "the invalid key", "000100FFFF0000"},
        {"LOC", "another version", "0112"},
        {"APL", "another family", "000308010A"},
        {"IPSECKEY", "another gateway", "0A04020102"},
        {"WKS", "trailing zero octets", "C00002010600"},
        {"ATMA", "another format", "0205"},
        {"ATMA", "a telephone number with a letter", "0141"},
        {"APL", "nothing", ""},
    };
    uint8_t printed[256];
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct writer writer = writer_over(octets, sizeof octets);
        struct span rdata = octets_of(ROWS[i].hex, &writer);
        uint16_t type = type_of(ROWS[i].type);
        assert_int_equal(rdata_check(type, rdata), OK);
        struct writer text = writer_over(printed, sizeof printed);
        rdata_write_text(type, rdata, &text);
        assert_memory_equal(printed, "\\# ", 3);
        expect_consistent(type, rdata);
    }
    memset(octets, 0, sizeof octets); /* a TXT record of 65535 empty strings */
    expect_consistent(TYPE_TXT, span_of(octets, RDATA_LEN_MAX));
    memset(octets, ' ', 256); /* many blanks inside of quotes are no fields */
    octets[0] = 255;
    expect_consistent(TYPE_TXT, span_of(octets, 256));
    for (size_t window = 0; window < 256; window++) { /* an NSEC of all types there can be */
        octets[1 + window * 34] = (uint8_t)window;
        octets[2 + window * 34] = 32;
        memset(octets + 3 + window * 34, 0xff, 32);
    }
    octets[0] = 0;
    assert_int_equal(rdata_check(TYPE_NSEC, span_of(octets, 1 + 256 * 34)), OK);
    expect_consistent(TYPE_NSEC, span_of(octets, 1 + 256 * 34));
}

static void fill(uint8_t *octets, size_t len, unsigned round, uint32_t *seed)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t random = next_random(seed);
        octets[i] = round == 0   ? 0
                    : round == 1 ? 0xff
                    : round == 2 ? (uint8_t)random
                    : round == 3 ? (uint8_t)(random % 4)
                                 : (uint8_t)(random % 16 == 0 ? random >> 8 : random % 3);
    }
}

static void try_octets(uint16_t type, size_t len, unsigned round, uint32_t *seed)
{
    uint8_t *octets = test_malloc(len + 1); /* so that the sanitizer sees one octet too many */
    uint8_t *exact = len == 0 ? octets : octets + 1;
    fill(exact, len, round, seed);
    bool is_good = rdata_check(type, span_of(exact, len)) == OK;
    if (is_good) {
        expect_consistent(type, span_of(exact, len));
    }
    uint8_t bytes[1024];
    struct writer out = writer_over(bytes, sizeof bytes);
    struct reader message = reader_over(span_of(exact, len));
    enum status status = rdata_read(&message, type, (uint16_t)len, &out);
    assert_true(status == OK || !is_good); /* a pointer may be good in a message alone */
    test_free(octets);
}

static void any_octets_are_safe(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (uint32_t type = 0; type <= 270; type++) {
        uint16_t tried = type == 269 ? 32768 : type == 270 ? 65280 : (uint16_t)type;
        for (size_t len = 0; len <= 300; len++) {
            for (unsigned round = 0; round < 5; round++) {
                try_octets(tried, len, round, &seed);
            }
        }
    }
}

/* Every row's octets with one octet changed, cut off or added. */
static void changed_octets_are_safe(void **state)
{
    (void)state;
    uint32_t seed = 2;
    for (size_t i = 0; i < LEN(FORMS); i++) {
        uint8_t octets[2048];
        struct writer writer = writer_over(octets, sizeof octets - 1);
        size_t len = octets_of(FORMS[i].hex, &writer).len;
        uint16_t type = type_of(FORMS[i].type);
        for (size_t at = 0; at < len; at++) {
            uint8_t before = octets[at];
            for (unsigned round = 0; round < 8; round++) {
                octets[at] = round == 0 ? 0 : round == 1 ? 0xff : (uint8_t)next_random(&seed);
                if (rdata_check(type, span_of(octets, len)) == OK) {
                    expect_consistent(type, span_of(octets, len));
                }
            }
            octets[at] = before;
            if (rdata_check(type, span_of(octets, at)) == OK) {
                expect_consistent(type, span_of(octets, at));
            }
        }
    }
}

static const struct octets_case {
    const char *type;
    const char *hex;
    enum status status;
    const char *why;
} CHECKED[] = {
    {"A", "C00002", TRUNCATED, "three octets"},
    {"A", "C000020100", MALFORMED, "five octets"},
    {"NS", "C000", MALFORMED, "a pointer where there is no message"},
    {"MX", "000A", TRUNCATED, "no name"},
    {"TXT", "", TRUNCATED, "no string"},
    {"TXT", "0561", TRUNCATED, "a string that ends early"},
    {"NSEC", "00000100", MALFORMED, "a window without octets that count"},
    {"NSEC", "0000024000", MALFORMED, "trailing zero octet"},
    {"NSEC", "00010140000140", MALFORMED, "windows in falling order"},
    {"NSEC", "00000140000140", MALFORMED, "the same window twice"},
    {"NSEC", "000000", MALFORMED, "a window of no octets"},
    {"NSEC", "00", OK, "no types at all"},
    {"NSEC3", "010000000000", MALFORMED, "an empty hash"},
    {"NSEC3PARAM", "01000000020A", TRUNCATED, "a salt that ends early"},
    {"DS", "EC450501", TRUNCATED, "no digest"},
    {"DNSKEY", "01000308", TRUNCATED, "no key"},
    {"KEY", "C0000308", OK, "a KEY may say that there is none"},
    {"ZONEMD", "0000000101010102030405060708090A0B", TRUNCATED, "a digest of 11 octets"},
    {"SVCB", "00010000030002003500010003026832", MALFORMED, "keys in falling order"},
    {"SVCB", "00010000030002003500030002003500", MALFORMED, "a key twice"},
    {"SVCB", "000100000300010035", MALFORMED, "a port of one octet"},
    {"SVCB", "0001000004000000", MALFORMED, "no address in the hint"},
    {"SVCB", "00010000000002000100010003026832", OK, "alpn is mandatory and there"},
    {"SVCB", "00010000000002000100030002003500", MALFORMED, "alpn is mandatory and not there"},
    {"SVCB", "00010000000004000300010001000302683200030002003500", MALFORMED,
     "mandatory keys in falling order"},
    {"SVCB", "0001000001000100", MALFORMED, "an empty protocol"},
    {"SVCB", "0001000002000100", MALFORMED, "no-default-alpn with a value"},
    {"SVCB", "000100FFFE0000", OK, "an unknown key without value"},
    {"LOC", "00A216138B3CF018810CBED4009895B8", MALFORMED, "a mantissa above 9"},
    {"LOC", "00121613FFFFFFFF800000000098967F", MALFORMED, "a latitude above 90 degrees"},
    {"LOC", "0112", OK, "another version"},
    {"APL", "000121010A", MALFORMED, "33 bits of IPv4"},
    {"APL", "0001080200000A00", MALFORMED, "trailing zero octet"},
    {"CAA", "00", TRUNCATED, "no tag"},
    {"CAA", "0000", MALFORMED, "an empty tag"},
    {"HIP", "00020001AA", MALFORMED, "an empty tag"},
    {"URI", "000A0001", TRUNCATED, "an empty target"},
    {"A6", "81", MALFORMED, "a prefix above 128"},
    {"A6", "3DFF00010002000300040000", MALFORMED, "pad bits"},
    {"NXT", "0080", MALFORMED, "bit 0 is set"},
};

static void octets_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(CHECKED); i++) {
        uint8_t octets[256];
        struct writer writer = writer_over(octets, sizeof octets);
        struct span rdata = octets_of(CHECKED[i].hex, &writer);
        enum status status = rdata_check(type_of(CHECKED[i].type), rdata);
        bool is_as_expected =
            CHECKED[i].status == OK ? status == OK : status == MALFORMED || status == TRUNCATED;
        if (!is_as_expected) {
            print_error("%s %s (%s): %s\n", CHECKED[i].type, CHECKED[i].hex, CHECKED[i].why,
                        status_text(status));
            fail();
        }
    }
}

/* A message of 12 octets of header, "EXAMPLE." at 12, then the rdata at 21. */
static const struct compressed {
    const char *type;
    const char *hex;
    const char *read; /* NULL: refused */
    const char *why;
} COMPRESSED[] = {
    {"NS", "C00C", "074558414D504C4500", "a pointer alone"},
    {"NS", "036E7331C00C", "036E7331074558414D504C4500", "a label and a pointer"},
    {"MX", "000AC00C", "000A074558414D504C4500", "behind a number"},
    {"SRV", "000000010002C00C", "000000010002074558414D504C4500", "RFC 3597 §4 allows SRV"},
    {"RP", "C00CC00C", "074558414D504C4500074558414D504C4500", "RFC 3597 §4 allows RP"},
    {"DNAME", "C00C", NULL, "RFC 3597 §4 forbids DNAME"},
    {"NSEC", "C00C000140", NULL, "RFC 4034 §4.1.1 forbids NSEC"},
    {"KX", "000AC00C", NULL, "RFC 3597 §4 does not list KX"},
    {"SVCB", "0001C00C", NULL, "RFC 9460 §2.2 forbids SVCB"},
    {"NS", "C015", NULL, "a pointer to itself"},
    {"NS", "C00C00", NULL, "something behind the name"},
    {"NS", "C0", NULL, "half a pointer"},
};

static void compression_is_undone_where_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(COMPRESSED); i++) {
        uint8_t octets[256], expected[256], read[256];
        struct writer message = writer_over(octets, sizeof octets);
        (void)writer_reserve(&message, 12);
        writer_span(&message, SPAN_LITERAL("\x07"
                                           "EXAMPLE\0"));
        size_t at = message.len;
        (void)octets_of(COMPRESSED[i].hex, &message);
        uint16_t rdlength = (uint16_t)(message.len - at);
        writer_u32(&message, 0xffffffff); /* what follows is not part of it */
        struct reader reader = reader_over(writer_written(&message));
        (void)reader_span(&reader, at);
        struct writer out = writer_over(read, sizeof read);
        enum status status = rdata_read(&reader, type_of(COMPRESSED[i].type), rdlength, &out);
        if (COMPRESSED[i].read == NULL) {
            assert_int_not_equal(status, OK);
            continue;
        }
        struct writer wanted = writer_over(expected, sizeof expected);
        assert_int_equal(status, OK);
        assert_true(span_equal(writer_written(&out), octets_of(COMPRESSED[i].read, &wanted)));
        assert_int_equal(reader_left(&reader), 4);
    }
}

static void canonical_form_lowers_the_listed_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *text;
        const char *canonical;
    } ROWS[] = {
        {"NS", "NS1.Example.", "ns1.example."},
        {"SOA", "A. B. 1 2 3 4 5", "a. b. 1 2 3 4 5"},
        {"MX", "1 Mail.Example.", "1 mail.example."},
        {"SRV", "1 2 3 Sip.", "1 2 3 sip."},
        {"DNAME", "Target.", "target."},
        {"NAPTR", "1 2 \"S\" \"X\" \"\" Rep.", "1 2 \"S\" \"X\" \"\" rep."},
        {"RRSIG", "A 8 0 1 20260101000000 20260101000000 1 Zone. AAAA",
         "A 8 0 1 20260101000000 20260101000000 1 zone. AAAA"},
        {"A6", "64 ::1 Prefix.", "64 ::1 prefix."},
        {"KX", "1 Kx.", "1 kx."},
        /* RFC 6840 §5.1: not NSEC; RFC 3597 §7: no type that came later. */
        {"NSEC", "Next.Example. A", "Next.Example. A"},
        {"SVCB", "1 Target.", "1 Target."},
        {"HIP", "2 AA AAAA Server.", "2 AA AAAA Server."},
        {"TXT", "\"ABC\"", "\"ABC\""},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t octets[256], lowered[256], expected[256];
        uint16_t type = type_of(ROWS[i].type);
        struct writer rdata = writer_over(octets, sizeof octets);
        struct writer wanted = writer_over(expected, sizeof expected);
        assert_int_equal(rdata_parse_text(type, span_of_text(ROWS[i].text), NULL, &rdata, NULL),
                         OK);
        assert_int_equal(
            rdata_parse_text(type, span_of_text(ROWS[i].canonical), NULL, &wanted, NULL), OK);
        struct writer canonical = writer_over(lowered, sizeof lowered);
        rdata_write_canonical(type, writer_written(&rdata), &canonical);
        assert_true(span_equal(writer_written(&canonical), writer_written(&wanted)));
    }
}

static void count_name(void *user, struct name name, struct writer *message)
{
    size_t *count = user;
    *count += 1;
    name_write(name, message);
}

static void targets_and_compressible_names(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *text;
        const char *target; /* NULL: none */
        size_t compressible;
    } ROWS[] = {
        {"NS", "a.b.", "a.b.", 1},
        {"MX", "1 a.b.", "a.b.", 1},
        {"SOA", "a. b. 1 2 3 4 5", "a.", 2},
        {"SRV", "1 2 3 a.", "a.", 0},
        {"CNAME", "a.", "a.", 1},
        {"DNAME", "a.", "a.", 0},
        {"SVCB", "1 a.", "a.", 0},
        {"NSEC", "a. A", NULL, 0},
        {"A", "192.0.2.1", NULL, 0},
        {"MINFO", "a. b.", NULL, 2},
        {"TYPE65280", "\\# 1 00", NULL, 0},
        {"RP", "a. b.", NULL, 0},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t octets[256], written[256];
        uint16_t type = type_of(ROWS[i].type);
        struct writer rdata = writer_over(octets, sizeof octets);
        assert_int_equal(rdata_parse_text(type, span_of_text(ROWS[i].text), NULL, &rdata, NULL),
                         OK);
        struct name target;
        char printed[NAME_TEXT_MAX];
        bool has_target = rdata_target(type, writer_written(&rdata), &target);
        assert_int_equal(has_target, ROWS[i].target != NULL);
        if (has_target) {
            assert_string_equal(name_print(target, printed), ROWS[i].target);
        }
        size_t count = 0;
        struct writer message = writer_over(written, sizeof written);
        rdata_write_message(type, writer_written(&rdata), &message, count_name, &count);
        assert_int_equal(count, ROWS[i].compressible);
        assert_true(span_equal(writer_written(&message), writer_written(&rdata)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_agree),
        cmocka_unit_test(every_registered_type_has_a_form),
        cmocka_unit_test(generic_form_carries_unknown_types),
        cmocka_unit_test(wrong_texts_are_explained),
        cmocka_unit_test(long_texts_meet_their_limits),
        cmocka_unit_test(names_take_the_origin),
        cmocka_unit_test(octets_are_checked),
        cmocka_unit_test(compression_is_undone_where_allowed),
        cmocka_unit_test(canonical_form_lowers_the_listed_types),
        cmocka_unit_test(targets_and_compressible_names),
        cmocka_unit_test(text_that_would_not_be_read_is_generic),
        cmocka_unit_test(any_octets_are_safe),
        cmocka_unit_test(changed_octets_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
