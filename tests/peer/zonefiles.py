#!/usr/bin/env python3
"""Zone files that vouch, named-checkzone, ldns-read-zone and kzonecheck accept or reject alike, and why where not.

A row: what it is, the text behind the apex (or, with "whole:", the whole file), whether vouch accepts it, and for each peer that
judges otherwise a word why:
  loads    that peer reads files without looking at what the records say together
  checks   that peer checks something that vouch calls a warning, or leaves to the operator
  lenient  that peer takes what the RFC does not have
  strict   that peer refuses what the RFC allows
  unknown  that peer does not know the type, the directive or the form
"""
import json

from common import check, finish, folder, needs, run, vouch

APEX = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 2026080101 7200 900 604800 300
@ NS ns
@ NS ns2
ns A 192.0.2.1
ns2 AAAA 2001:db8::2
"""
GOOD, BAD = True, False
ROWS = [
    # What RFC 1035 §5 has.
    ("an apex alone", "", GOOD, {}),
    ("TTL, then class", "a 60 IN A 192.0.2.1\n", GOOD, {}),
    ("class, then TTL", "a IN 60 A 192.0.2.1\n", GOOD, {"ldns": "strict"}),
    ("lower case", "a in 60 aaaa 2001:DB8::1\n", GOOD, {"ldns": "strict"}),
    ("a blank owner", "a A 192.0.2.1\n  A 192.0.2.2\n\tTXT x\n", GOOD, {}),
    ("@ as owner and in rdata", "@ MX 10 @\n@ A 192.0.2.9\n", GOOD, {}),
    ("parentheses over lines", "a MX ( 10\n  mail.test. )\n", GOOD, {}),
    ("parentheses around the class and type", "a ( IN\n A ) 192.0.2.1\n", GOOD, {}),
    ("parentheses several times", "a MX ( 10 ) ( mail.test. )\n", GOOD, {}),
    ("comments anywhere", "; x\na A 192.0.2.1 ; y\n  ; z\nb TXT ( ; (\n  x ; )\n  )\n", GOOD, {}),
    ("a semicolon in a text", "a TXT \"b;c\" ; d\n", GOOD, {}),
    ("a blank in a text", "a TXT \"b c\" \"\"\n", GOOD, {}),
    ("an escaped quote", "a TXT \"b\\\"c\"\n", GOOD, {}),
    ("decimal escapes", "a\\046b TXT \\200\\000\n", GOOD, {}),
    ("an escaped dot in a name", "a\\.b A 192.0.2.1\n", GOOD, {}),
    ("an escaped blank in a name", "a\\ b TXT x\n", GOOD, {}),
    ("no final newline", "a A 192.0.2.1", GOOD, {}),
    ("CRLF", "a A 192.0.2.1\r\nb TXT (\r\n x )\r\n", GOOD, {"knot": "strict"}),
    ("empty lines and blanks", "\n\t\n  \na A 192.0.2.1   \n", GOOD, {}),
    ("TTL units", "a 1w2d3h4m5s A 192.0.2.1\nb 1H A 192.0.2.1\n", GOOD, {}),
    ("$TTL with units", "$TTL 1h30m\na A 192.0.2.1\n", GOOD, {}),
    ("TTL 0", "a 0 A 192.0.2.1\n", GOOD, {}),
    ("the largest TTL", "a 2147483647 A 192.0.2.1\n", GOOD, {}),
    ("$ORIGIN absolute", "$ORIGIN sub.example.\na A 192.0.2.1\n", GOOD, {}),
    ("$ORIGIN relative", "$ORIGIN sub\na A 192.0.2.1\n", GOOD, {"knot": "strict"}),
    ("an owner of digits", "1 A 192.0.2.1\n", GOOD, {}),
    ("an owner that is a type's word", "MX 60 A 192.0.2.1\n", GOOD, {}),
    ("a label of 63 octets", "a" * 63 + " A 192.0.2.1\n", GOOD, {}),
    ("a long name", ".".join(["a" * 49] * 4) + ".b A 192.0.2.1\n", GOOD, {}),
    ("several texts", "a TXT " + "b " * 100 + "\n", GOOD, {}),
    ("a text of 255 octets", "a TXT " + "b" * 255 + "\n", GOOD, {}),
    ("duplicates", "a A 192.0.2.1\na A 192.0.2.1\n", GOOD, {}),
    # What others added.
    ("generic form of an unknown type", "a TYPE65280 \\# 2 ABCD\n", GOOD, {}),
    ("generic form of a known type", "a A \\# 4 c0000201\n", GOOD, {}),
    ("generic form in pieces", "a TYPE65280 \\# 4 AB CD (\n EF 01 )\n", GOOD, {}),
    ("TYPE1 is A", "a TYPE1 192.0.2.1\n", GOOD, {}),
    ("CLASS1 is IN", "a CLASS1 A 192.0.2.1\n", GOOD, {"knot": "unknown"}),
    ("$GENERATE", "$GENERATE 1-3 h$ A 192.0.2.$\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE with a step and a modifier", "$GENERATE 0-8/4 h${1,3,d} A 192.0.2.${2}\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE in hexadecimal", "$GENERATE 10-11 h${0,2,x} TXT $\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE of CNAMEs", "$GENERATE 1-2 h$ CNAME ns$.test.\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE with rdata in quotes", "$GENERATE 1-2 m MX \"$ ns\"\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE in octal and by nibbles", "$GENERATE 8-9 o${0,3,o} TXT ${0,8,N}\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("$GENERATE with an offset below 0", "$GENERATE 8-9 o$ A 192.0.2.${-7}\n", GOOD, {"ldns": "unknown", "knot": "unknown"}),
    ("a wildcard", "*.w A 192.0.2.1\n", GOOD, {}),
    ("an underscore", "_x._tcp SRV 1 2 3 ns\n", GOOD, {}),
    # Types.
    ("DS", "d NS ns.test.\nd DS 1 13 2 " + "AB" * 32 + "\n", GOOD, {}),
    ("DS with blanks in the digest", "d NS ns.test.\nd DS 1 13 2 " + "AB CD " * 16 + "\n", GOOD, {}),
    ("DNSKEY", "@ DNSKEY 257 3 13 ( " + "A" * 44 + "\n" + "A" * 43 + "=\n )\n", GOOD, {}),
    ("HTTPS", "h HTTPS 1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1\n", GOOD, {}),
    ("HTTPS with quotes", "h HTTPS 1 . alpn=\"h2,h3\"\n", GOOD, {}),
    ("SVCB with a key by number", "h SVCB 1 . key667=hello\n", GOOD, {}),
    ("CAA", "a CAA 0 issue \"ca.test\"\n", GOOD, {}),
    ("LOC", "a LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n", GOOD, {}),
    ("NAPTR", "a NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@test!\" .\n", GOOD, {}),
    ("null MX", "a MX 0 .\n", GOOD, {}),
    ("TLSA", "_443._tcp TLSA 3 1 1 " + "ab" * 32 + "\n", GOOD, {}),
    ("SSHFP", "a SSHFP 4 2 " + "ab" * 32 + "\n", GOOD, {}),
    ("ZONEMD", "@ ZONEMD 2026080101 1 1 " + "ab" * 48 + "\n", GOOD, {}),
    ("EUI48", "a EUI48 00-00-5e-00-53-2a\n", GOOD, {}),
    ("an IPv6 address with IPv4 at its end", "a AAAA ::ffff:192.0.2.1\n", GOOD, {}),
    # What is wrong on a line.
    ("an unknown type", "a BOGUS x\n", BAD, {}),
    ("no type", "a\n", BAD, {}),
    ("no rdata", "a A\n", BAD, {}),
    ("too much rdata", "a A 192.0.2.1 192.0.2.2\n", BAD, {}),
    ("an address of three parts", "a A 192.0.2\n", BAD, {}),
    ("an address above 255", "a A 192.0.2.256\n", BAD, {}),
    ("an IPv6 address with two gaps", "a AAAA 1::2::3\n", BAD, {}),
    ("an IPv6 address that is too long", "a AAAA 1:2:3:4:5:6:7:8:9\n", BAD, {}),
    ("a word for a number", "a MX ten mail.test.\n", BAD, {}),
    ("a number above 16 bits", "a MX 65536 mail.test.\n", BAD, {"ldns": "lenient"}),
    ("a negative number", "a MX -1 mail.test.\n", BAD, {"ldns": "lenient"}),
    ("an empty label", "a..b A 192.0.2.1\n", BAD, {}),
    ("a label of 64 octets", "a" * 64 + " A 192.0.2.1\n", BAD, {}),
    ("a name of 256 octets", ".".join(["a" * 49] * 5) + " A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("a text of 256 octets", "a TXT " + "b" * 256 + "\n", BAD, {"knot": "lenient"}),
    ("an open quote", "a TXT \"b\nc A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("an open parenthesis", "a TXT ( b\nc A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("a closing parenthesis", "a A 192.0.2.1 )\n", BAD, {"ldns": "lenient"}),
    ("an escape above 255", "a TXT \\256\n", BAD, {}),
    ("an escape of two digits", "a TXT \\25\n", BAD, {}),
    ("a TTL of 2^31", "a 2147483648 A 192.0.2.1\n", BAD, {"named": "lenient", "ldns": "lenient", "knot": "lenient"}),
    ("a TTL with an unknown unit", "a 1x A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("two TTLs", "a 60 60 A 192.0.2.1\n", BAD, {}),
    ("two classes", "a IN IN A 192.0.2.1\n", BAD, {}),
    ("another class", "a CH TXT x\n", BAD, {"ldns": "loads"}),
    ("a question's type", "a ANY x\n", BAD, {"ldns": "lenient"}),
    ("an unknown directive", "$BOGUS x\n", BAD, {"ldns": "lenient"}),
    ("$INCLUDE of a file that is not there", "$INCLUDE /nonexistent/file\n", BAD, {}),
    ("$ORIGIN without a name", "$ORIGIN\na A 192.0.2.1\n", BAD, {}),
    ("$TTL with a word", "$TTL soon\na A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("$GENERATE that falls", "$GENERATE 3-1 h$ A 192.0.2.$\n", BAD, {}),
    ("generic form of the wrong length", "a TYPE65280 \\# 3 ABCD\n", BAD, {}),
    ("generic form of odd digits", "a TYPE65280 \\# 1 A\n", BAD, {}),
    ("generic form that the type does not allow", "a A \\# 3 c00002\n", BAD, {"knot": "lenient"}),
    ("base64 that is none", "@ DNSKEY 257 3 13 AAA*\n", BAD, {}),
    ("hexadecimal that is none", "d NS ns.test.\nd DS 1 13 2 XYZ0\n", BAD, {}),
    ("an odd number of digits", "d NS ns.test.\nd DS 1 13 2 " + "AB" * 31 + "A\n", BAD, {"ldns": "lenient"}),
    ("RRSIG with an impossible date", "a A 192.0.2.1\na RRSIG A 13 2 60 20261301000000 20260101000000 1 @ AAAA\n", BAD, {}),
    ("SVCB with a key twice", "h SVCB 1 . port=1 port=2\n", BAD, {"ldns": "lenient"}),
    ("SVCB mandatory without the key", "h SVCB 1 . mandatory=alpn port=1\n", BAD, {"ldns": "lenient"}),
    ("CAA with a tag of other letters", "a CAA 0 is-sue \"ca.test\"\n", BAD, {"knot": "lenient"}),
    ("EUI48 with colons", "a EUI48 00:00:5e:00:53:2a\n", BAD, {}),
    ("a BOM", "whole:\ufeff" + APEX, BAD, {"ldns": "lenient"}),
    ("no SOA", "whole:$TTL 60\nexample. NS ns.test.\nexample. NS ns2.test.\n", BAD, {"ldns": "loads"}),
    ("no owner before the first record", "whole:$TTL 60\n A 192.0.2.1\n", BAD, {"ldns": "lenient"}),
    ("no TTL anywhere", "whole:example. SOA ns.test. h.test. 1 7200 900 604800 300\nexample. NS ns.test.\nexample. NS ns2.test.\n",
     BAD, {"named": "lenient", "ldns": "lenient", "knot": "lenient"}),
    ("nothing at all", "whole:", BAD, {"ldns": "loads"}),
    # What is wrong with the zone.
    ("a name outside of the zone", "other. A 192.0.2.1\n", BAD, {"named": "lenient", "ldns": "loads", "knot": "lenient"}),
    ("CNAME beside another type", "a CNAME b.test.\na A 192.0.2.1\n", BAD, {"ldns": "loads"}),
    ("CNAME at the apex", "@ CNAME b.test.\n", BAD, {"ldns": "loads"}),
    ("two CNAMEs", "a CNAME b.test.\na CNAME c.test.\n", BAD, {"ldns": "loads"}),
    ("two SOAs", "@ SOA ns hostmaster 2 7200 900 604800 300\n", BAD, {"ldns": "loads", "knot": "lenient"}),
    ("an SOA below the apex", "a SOA ns hostmaster 2 7200 900 604800 300\n", BAD, {"ldns": "loads", "knot": "lenient"}),
    ("a name below a DNAME", "a DNAME b.test.\nc.a A 192.0.2.1\n", BAD, {"ldns": "loads", "named": "lenient"}),
    ("two DNAMEs", "a DNAME b.test.\na DNAME c.test.\n", BAD, {"ldns": "loads"}),
    ("NS of the zone without an address", "@ NS nobody\n", BAD, {"ldns": "loads"}),
    ("no NS at the apex", "whole:$TTL 60\nexample. SOA ns.test. h.test. 1 7200 900 604800 300\n", BAD, {"ldns": "loads"}),
    ("missing glue", "d NS ns.d\n", GOOD, {"knot": "checks"}),
    ("DS without NS", "d DS 1 13 2 " + "AB" * 32 + "\n", GOOD, {}),
    ("data below a delegation", "d NS ns.test.\na.d TXT x\n", GOOD, {}),
    ("different TTLs of an RRset", "a 60 A 192.0.2.1\na 61 A 192.0.2.2\n", GOOD, {}),
    ("MX to a CNAME", "a MX 10 b\nb CNAME c.test.\n", GOOD, {}),
    ("an underscore in the name of an address", "a_b A 192.0.2.1\n", GOOD, {}),
    ("NS at a wildcard", "*.w NS ns.test.\n", GOOD, {"named": "checks"}),
]
PEERS = {
    "named": lambda path: run(["named-checkzone", "-q", "example", path]),
    "ldns": lambda path: run(["ldns-read-zone", path]),
    "knot": lambda path: run(["kzonecheck", "-o", "example.", path]),
}

needs("named-checkzone", "ldns-read-zone", "kzonecheck")
work = folder("zonefiles")
for number, (what, text, is_good, differ) in enumerate(ROWS):
    path = work / f"{number}.zone"
    content = text[len("whole:"):] if text.startswith("whole:") else APEX + text
    path.write_bytes(content.encode("utf-8"))
    code, output = vouch("check", "-o", "example.", path)
    check(code == (0 if is_good else 1), f"{what}: vouch {'accepts' if is_good else 'rejects'}", output)
    for peer, judge in PEERS.items():
        code, output = judge(path)
        expected = is_good if peer not in differ else not is_good
        why = f", {differ[peer]}" if peer in differ else ""
        check((code == 0) == expected, f"{what}: {peer} {'accepts' if expected else 'rejects'}{why}", output)

# What vouch says of them.
(work / "part").write_text("x A 1\n\ny CNAME nobody\n")
(work / "whole.zone").write_text(APEX + f"$INCLUDE {work}/part sub\na A 192.0.2.1\nb TXT \"open\n")
code, output = vouch("check", "-o", "example", work / "whole.zone")
check(code == 1 and f"{work}/part:1:5: error: expected an IPv4 address" in output and "whole.zone:10:7: error: the quote" in output
      and "whole.zone: no zone: 2 errors" in output, "every finding of a file and of those that it includes has its place", output)
(work / "part").write_text("\ny CNAME nobody\n")
(work / "whole.zone").write_text(APEX + f"$INCLUDE {work}/part sub\na A 192.0.2.1\n\na TXT x\nd NS ns.d\na 61 A 192.0.2.2\n")
code, output = vouch("check", work / "whole.zone", "-o", "example")
check(code == 0 and f"{work}/part:2:1: warning: y.sub.example.: the CNAME leads to nobody.sub.example." in output
      and "whole.zone:12:1: warning: d.example.: the name server ns.d.example. is inside" in output
      and "whole.zone:9:1: warning: a.example.: the A records have different TTLs" in output,
      "findings about names are where the names are in the file", output)
code, output = vouch("check", "--json", "--threads", "2", "-o", "example.", work / "whole.zone")
said = json.loads(output)
check(code == 0 and (said["zone"], said["serial"], said["records"], said["names"], said["warnings"], said["errors"]) ==
      ("example.", 2026080101, 10, 6, 3, 0), "and the same for programs", output)
check({f["check"] for f in said["findings"]} == {"alias", "glue-missing", "ttl-differs"} and
      [f["line"] for f in said["findings"] if f["check"] == "alias"] == [2], "with the names of the checks", output)
code, output = vouch("check", "-", stdin=(APEX + "a A 192.0.2.1\n").encode())
check(code == 0 and "zone example. serial 2026080101" in output, "standard input is a file too, and the SOA says the zone", output)
code, output = vouch("check", work / "nothing")
check(code == 1 and "No such file" in output, "a file that is not there is told", output)
for words in [], ["a", "b"], ["--threads", "0", "a"], ["--bogus", "a"]:
    code, output = vouch("check", *words)
    check(code == 2, f"vouch check {' '.join(words)} is not understood", output)
many = work / "many.zone"
many.write_text(APEX + "".join(f"n{i} A x\n" for i in range(1500)))
code, output = vouch("check", "-o", "example", many)
check(code == 1 and output.count("expected an IPv4 address") == 1000 and "500 more findings are not shown" in output,
      "a thousand findings are shown, the others counted", output[-500:])
one = vouch("check", "--threads", "1", "-o", "example", many)
check(vouch("check", "--threads", "7", "-o", "example", many) == one, "the threads change nothing")
check(len(ROWS) >= 80, f"there are {len(ROWS)} zone files")
finish()
