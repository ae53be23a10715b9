#!/usr/bin/env python3
"""The same signed zones in vouch, NSD and Knot give the same answers: to every owner with every type, and to names between, below and beside
them, with and without DNSSEC, by UDP in several sizes and by TCP. Answers are compared by meaning, section by section; what may differ
stands in answers.tsv, with the section of the RFC that allows ours.

usage: answers.py [--count N] [--seed N] [--examples N] [--keep FOLDER] [--list]
"""
import argparse
import os
import socket
import struct
import time
from pathlib import Path

from common import TOP, VOUCH, check, finish, folder, needs, run, start, stop, until, vouch

options = argparse.ArgumentParser()
options.add_argument("--count", type=int, default=50000, help="questions to each set of zones")
options.add_argument("--seed", type=int, default=2026, help="of the questions; 0: another one each time")
options.add_argument("--examples", type=int, default=2, help="questions shown for each difference")
options.add_argument("--keep", help="leave the zones and configurations there")
options.add_argument("--list", action="store_true", help="show all differences, those of the table too")
options = options.parse_args()
needs("nsd", "knotd")
COMPARE = Path(VOUCH).parent / "bench" / "compare"
seed = options.seed or int(time.time())
work = Path(options.keep) if options.keep else folder("answers")
work.mkdir(exist_ok=True)
ADDRESS, PORTS = f"127.47.{os.getpid() % 250}.1", {"vouch": 5751, "nsd": 5752, "knot": 5753}
numbers = {row.split("\t")[0]: int(row.split("\t")[1]) for row in (TOP / "data/iana-rr-types.tsv").read_text().splitlines()
           if not row.startswith("#") and row.split("\t")[1].isdigit()}
# Types that a zone has by signing, or that mean something at their place, are in the zones already; meta types are in none.
PLACED = {"SOA", "NS", "CNAME", "DNAME", "DS", "RRSIG", "SIG", "NSEC", "NSEC3", "NSEC3PARAM", "NXT", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD",
          "NXNAME", "CSYNC"}


def every_type():
    """One owner for each row of the table of types, in generic form, and one owner with all types."""
    told = set()
    for number, line in enumerate((TOP / "tests/peer/rrtypes.tsv").read_text().splitlines()):
        row = line.split("\t")
        if line.startswith("#") or row[0] in PLACED or row[1] != "reads" or row[3] != "same":
            continue
        kind = numbers.get(row[0]) or int(row[0][4:])
        octets = row[2].replace("-", "")
        yield f"t{number}.types TYPE{kind} \\# {len(octets) // 2} {octets}"
        if kind not in told:
            yield f"all.types TYPE{kind} \\# {len(octets) // 2} {octets}"
        told.add(kind)


LONG = ".".join(["l" * 50] * 4)
DS = "13 2 " + "5A" * 32
CONTENTS = [
    "@ SOA ns1 host.master 2026112401 3600 900 604800 300", "@ NS ns1", "@ NS ns2", "@ NS ns.elsewhere.invalid.", "@ MX 10 mail",
    "@ MX 20 mail.elsewhere.invalid.", "@ A 192.0.2.1", "@ TXT \"apex\"", "@ CAA 0 issue \"ca.invalid\"", "ns1 A 192.0.2.2",
    "ns1 AAAA 2001:db8::2", "ns2 A 192.0.2.3", "mail A 192.0.2.4", "mail AAAA 2001:db8::4", "MiXeD A 192.0.2.5", "www A 192.0.2.6",
    "www AAAA 2001:db8::6", "ttl 60 A 192.0.2.7", "_sip._tcp SRV 1 1 5060 www", "_sip._tcp SRV 1 2 5060 elsewhere.invalid.",
    "svcb HTTPS 0 www", "svcb2 HTTPS 1 . alpn=h2",
    # Aliases: chains, loops, to each kind of end, into each other zone.
    "c1 CNAME c2", "c2 CNAME c3", "c3 CNAME www", "c-ent CNAME ent", "c-nx CNAME nx", "c-out CNAME www.elsewhere.invalid.",
    "c-other CNAME www.other.test.", "c-other-nx CNAME nx.other.test.", "c-other-chain CNAME chain.other.test.",
    "c-child CNAME www.served", "c-child-nx CNAME nx.served", "c-plain CNAME www.plainserved", "c-cut CNAME host.below.signed",
    "c-cut2 CNAME host.plain", "c-glue CNAME ns.signed", "c-wild CNAME x.wild", "c-wild-deep CNAME x.y.z.wild", "c-dname CNAME x.dn",
    "c-dname-nx CNAME nx.dn", "c-dname-long CNAME " + ".".join(["a" * 60, "dn-long"]), "c-apex CNAME @", "loop1 CNAME loop2", "loop2 CNAME loop1",
    "self CNAME self", "c-back CNAME back.other.test.", "c-x1 CNAME www.nsec.test.", "c-x2 CNAME x.wild.nsec3.test.",
    "c-x3 CNAME nx.optout.test.", "c-ds CNAME signed",
    *[f"chain{i} CNAME chain{i + 1}" for i in range(15)], "chain15 A 192.0.2.15",
    # Wildcards at several depths, and what stands in their way.
    "*.wild A 192.0.2.8", "*.wild TXT \"wild\"", "*.wild MX 5 mail", "exact.wild A 192.0.2.9", "b.c.wild A 192.0.2.10", "*.a.wild A 192.0.2.11",
    "*.a.wild AAAA 2001:db8::b", "x.*.mid A 192.0.2.12", "*.*.stars A 192.0.2.13", "a.*.went TXT \"below\"", "*.wc CNAME www",
    "*.wcnx CNAME nx", "*.wcwc CNAME y.wild", "*.wcdn CNAME x.dn", "*.wcloop CNAME a.wcloop", "*.wcother CNAME www.other.test.",
    "*.wsrv SRV 1 1 1 www", "*.wbig TXT " + " ".join(f"\"{'w' * 200}{i}\"" for i in range(8)), "*.wcut A 192.0.2.14", "real.wcut NS ns.signed",
    # Empty non-terminals.
    "a.b.c.ent A 192.0.2.16", "_x._y.z.ent2 TXT \"deep\"",
    # DNAME.
    "dn DNAME target", "dn A 192.0.2.17", "x.target A 192.0.2.18", "y.x.target AAAA 2001:db8::12", "*.w.target TXT \"wild\"",
    "c.target CNAME www", "cut.target NS ns.cut.target", "ns.cut.target A 192.0.2.19", "dn-out DNAME elsewhere.invalid.",
    "dn-other DNAME other.test.", "dn-child DNAME served", "dn-long DNAME " + LONG, "dn-grow DNAME a.dn-grow", "dn2 DNAME dn",
    "x.y.dn3 DNAME x.target", "dn-cut DNAME signed", "dn-apex DNAME www",
    # Delegations: with and without DS; glue below the cut, a sibling's, from the zone itself, from elsewhere, none.
    "signed NS ns.signed", f"signed DS 1 {DS}", "ns.signed A 192.0.2.20", "ns.signed AAAA 2001:db8::14", "plain NS ns.plain",
    "plain NS ns2.below.plain", "ns.plain A 192.0.2.21", "ns2.below.plain A 192.0.2.22", "sibling NS ns.signed", "sibling NS ns.plain",
    f"sibling DS 1 {DS}", "mixed NS ns.mixed", "mixed NS ns.signed", "mixed NS ns1", "mixed NS ns.elsewhere.invalid.", "ns.mixed A 192.0.2.23",
    "out NS ns.elsewhere.invalid.", "out NS ns.other.test.", "inzone NS ns1", f"inzone DS 1 {DS}", "deep.ent3 NS ns.deep.ent3", "ns.deep.ent3 A 192.0.2.24",
    "atself NS atself", "atself A 192.0.2.25", "many-ds NS ns1", *[f"many-ds DS {i} {DS}" for i in range(12)],
    *[f"wide NS a-long-name-server-{i}.wide" for i in range(12)], *[f"a-long-name-server-{i}.wide AAAA 2001:db8::{i + 100}" for i in range(12)],
    *[f"huge NS a-long-name-server-{i}.huge" for i in range(40)], *[f"a-long-name-server-{i}.huge AAAA 2001:db8::{i + 200}" for i in range(40)],
    *[f"lucky NS a-long-name-server-{i}.wide" for i in range(12)], *[f"cut{i:02} NS ns.cut{i:02}" for i in range(20)],
    *[f"ns.cut{i:02} A 192.0.2.{i + 30}" for i in range(20)], *[f"cut{i:02} DS {i} {DS}" for i in range(0, 20, 3)],
    "served NS ns.served", f"served DS 1 {DS}", "ns.served A 192.0.2.26", "plainserved NS ns.plainserved", "ns.plainserved A 192.0.2.27",
    # Large RRsets.
    *[f"big TXT \"a text that is not short, number {i} of many\"" for i in range(300)], *[f"mid TXT \"{'m' * 90}{i}\"" for i in range(11)],
    *[f"addresses A 198.51.100.{i}" for i in range(64)], *[f"below512 TXT \"{'b' * 60}{i}\"" for i in range(6)],
    *[f"names PTR a-name-of-some-length-{i}.names" for i in range(30)],
    *[f"host{i} A 203.0.113.{i}" for i in range(0, 250, 5)],
]
CHILD = ["@ SOA ns host.master 7 3600 900 604800 300", "@ NS ns", "ns A 192.0.2.26", "www A 192.0.2.60", "*.wild A 192.0.2.61",
         "up CNAME www.nsec.test.", "x.ent TXT \"x\"", "dn DNAME wild", "lower NS ns.lower", "ns.lower A 192.0.2.62"]
OTHER = ["@ SOA ns host.master 9 3600 900 604800 600", "@ NS ns", "ns A 192.0.2.63", "www A 192.0.2.64", "chain CNAME www.nsec3.test.",
         "back CNAME c1.optout.test.", "*.wild TXT \"other\"", "cut NS ns.cut", "ns.cut A 192.0.2.65"]


def make_zones():
    """Files of the signed zones by their names."""
    types = list(every_type())
    plain = {"other.test": (OTHER, None)}
    for denial, flags in (("nsec", []), ("nsec3", ["-n"]), ("optout", ["-p"])):
        plain[f"{denial}.test"] = (CONTENTS + types, flags)
        plain[f"served.{denial}.test"] = (CHILD, flags)
        plain[f"plainserved.{denial}.test"] = (CHILD, None)
    files = {}
    for name, (lines, flags) in plain.items():
        source = work / f"{name}.zone"
        source.write_text(f"$ORIGIN {name}.\n$TTL 3600\n" + "".join(line + "\n" for line in lines))
        files[name] = source
        if flags is not None:
            files[name] = work / f"{name}.signed"
            keys = work / f"keys-{name}"
            keys.mkdir(exist_ok=True)
            code, said = vouch("sign", *flags, "-o", name, "-K", keys, "-f", files[name], source)
            if code != 0:
                check(False, f"vouch sign signs {name}", said)
                finish()
            for_every_reader(files[name], types)
    return files


def for_every_reader(signed, rows):
    """The signed zone with the rows of every type in the generic form that they came in, and types by number where one is named."""
    generic = {tuple(row.split(" ", 2)[:2]): row.split(" ", 1)[1] for row in rows}
    old = {"A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "DNAME", "DS", "RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM"}
    lines = []
    for line in signed.read_text().splitlines():
        owner, ttl, class_, kind, rdata = line.split(None, 4)
        number = numbers.get(kind) or int(kind[4:])
        row = generic.get((owner[:owner.find(".types.") + 6], f"TYPE{number}"))
        if row:
            line = f"{owner} {ttl} IN {row}"
        elif kind in ("RRSIG", "NSEC", "NSEC3"):
            words = [f"TYPE{numbers[word]}" if word in numbers and word not in old else word for word in rdata.split()]
            line = f"{owner} {ttl} IN {kind} {' '.join(words)}"
        lines.append(line)
    signed.write_text("\n".join(lines) + "\n")


def conf(name, text):
    (work / name).write_text(text)
    return work / name


def start_servers(zones, more=None):
    more = more or dict.fromkeys(PORTS, "")
    vouch_conf = conf("vouch.conf", f"server:\n  listen: {ADDRESS}@{PORTS['vouch']}\n  sandbox: no\n" + more["vouch"] + "".join(
        f"zone:\n  name: {name}\n  file: {file}\n  sign: no\n" for name, file in zones.items()))
    nsd_conf = conf("nsd.conf", f"""server:
  ip-address: {ADDRESS}@{PORTS['nsd']}
  server-count: 1
  username: ""
  zonesdir: "{work}"
  database: ""
  pidfile: "{work}/nsd.pid"
  xfrdfile: "{work}/xfrd"
  zonelistfile: "{work}/zone.list"
  xfrdir: "{work}"
  rrl-ratelimit: 0
  minimal-responses: yes
{more["nsd"]}remote-control:
  control-enable: no
""" + "".join(f"zone:\n  name: {name}\n  zonefile: {file}\n" for name, file in zones.items()))
    knot_conf = conf("knot.conf", f"""server:
  listen: {ADDRESS}@{PORTS['knot']}
  rundir: {work}
  udp-workers: 1
  tcp-workers: 1
log:
  - target: stdout
    any: warning
""" + more["knot"] + f"""database:
  storage: {work}
template:
  - id: default
    storage: {work}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
    {"global-module: mod-cookies/default" if more["knot"] else ""}
zone:
""" + "".join(f"  - domain: {name}\n    file: {file}\n" for name, file in zones.items()))
    running = {"vouch": start([VOUCH, "serve", "--config", vouch_conf], work / "vouch.log"),
               "nsd": start(["nsd", "-d", "-c", nsd_conf], work / "nsd.log"),
               "knot": start(["knotd", "-c", knot_conf], work / "knot.log")}
    for server, process in running.items():
        for name in zones:
            def answers():
                return "status: NOERROR" in run(["dig", "+norec", "+tries=1", "+time=1", f"@{ADDRESS}", "-p", str(PORTS[server]), name, "SOA"])[1]
            if not until(answers, 20):
                check(False, f"{server} serves {name}", (work / f"{server}.log").read_text()[-3000:])
                finish()
    return running


def compare(what, zones):
    running = start_servers(zones)
    words = [word for name, file in zones.items() for word in ("--zone", f"{name}={file}")]
    words += [word for name, port in PORTS.items() for word in ("--server", f"{name}={ADDRESS}@{port}")]
    code, said = run([COMPARE, *words, "--allowed", TOP / "tests/peer/answers.tsv", "--count", options.count, "--seed", seed,
                      "--examples", options.examples], 3600)
    summary = said.strip().split("\n")[-1]
    check(code == 0, f"{what}: the peers answer as we do ({summary})", said)
    if options.list:
        print(said)
    (work / f"{what.split()[1]}.txt").write_text(said)
    for process in running.values():
        stop(process)


def cookie_of(port, cookie):
    """The rcode and the cookie that a server answers to one question with that cookie."""
    option = struct.pack("!HH", 10, len(cookie)) + cookie
    query = struct.pack("!6H", 7, 0, 1, 0, 0, 1) + b"\5other\4test\0" + struct.pack("!HH", 6, 1)
    query += b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(query, (ADDRESS, port))
        answer = client.recv(4096)
    at = answer.rfind(struct.pack("!HH", 10, 24))
    return answer[3] & 15, answer[at + 4:at + 28] if at > 0 else b""


def cookies(zone):
    """Servers with one secret make the same cookies and accept each other's (RFC 9018)."""
    secret = "445536bcd2513298075a5d379663c962"
    running = start_servers(zone, {
        "vouch": f"  cookie-secret: {secret}\n  require-server-cookie: yes\n",
        "nsd": f"  answer-cookie: yes\n  cookie-secret: {secret}\n",
        "knot": f"mod-cookies:\n  - id: default\n    secret: 0x{secret}\n"})
    for peer in ("nsd", "knot"):
        def same():
            made = [cookie_of(PORTS[server], b"12345678") for server in ("vouch", peer)]
            return made[0][1] == made[1][1] and made
        made = until(same, 10, 0.3)
        check(bool(made), f"{peer} makes the same cookie as we do in the same second", made)
        _, theirs = cookie_of(PORTS[peer], b"abcdefgh")
        check(cookie_of(PORTS["vouch"], theirs)[0] == 0, f"and its cookie is accepted by us, who demand one")
    check(cookie_of(PORTS["vouch"], b"abcdefgh" + bytes(16))[0] != 0, "another is not")
    for process in running.values():
        stop(process)


zones = make_zones()
compare("zones with everything", zones)
cookies({"other.test": zones["other.test"]})
compare("the root zone of a day", {".": TOP / "data/root-2026073102-signed.zone"})
finish()
