#!/usr/bin/env python3
"""What a zone tells its parent (CDS, CDNSKEY, CSYNC) as others see it: shown below the names of its name servers too, those names are
accepted by a validating Unbound; and the zone that they are in, and the child, are accepted by ldns-verify-zone. Of what is new the parent
is told, whom it names by DSYNC, found through Unbound.
"""
import re
import socket
import struct

import wire
from common import check, finish, folder, needs, run, start, until, vouch, VOUCH

needs("unbound", "ldns-verify-zone", "dig")
NET, PORT = "127.53.0", 5300
AUTH, UNBOUND, SIGNER = f"{NET}.1", f"{NET}.2", f"{NET}.4"
PARENT = f"{NET}.5"
work = folder("child")
HOST, CHILD = "op.test", "child.test"
SIGNALS = [f"_dsboot.{CHILD}._signal.{server}.{HOST}" for server in ("ns1", "ns2")]


def write(zone, lines):
    (work / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n$TTL 300\n@ SOA ns1.{HOST}. h 1 3600 900 604800 60\n" + lines)


def section(zone, options):
    return f"zone:\n  name: {zone}\n  file: {work}/{zone}.zone\n" + "".join(f"  {option}\n" for option in options)


write(HOST, f"@ NS ns1\n@ NS ns2\nns1 A {AUTH}\nns2 A {AUTH}\n")
write("test", f"@ NS ns1.{HOST}.\nop NS ns1.{HOST}.\nns1.op A {AUTH}\nchild NS ns1.{HOST}.\n*._dsync DSYNC CDS NOTIFY {PORT} told\ntold A {PARENT}\n")
write(CHILD, f"@ NS ns1.{HOST}.\n@ NS ns2.{HOST}.\n@ NS ns\nns A {AUTH}\nwww A 192.0.2.1\n")
config = work / "serve.conf"
config.write_text(f"server:\n  listen: {AUTH}@{PORT}\n  state: {work}/server\n  sandbox: no\n  dsync-resolver: {UNBOUND}@{PORT}\nsigner:\n  listen: {SIGNER}@{PORT}\n  state: {work}/signer\n  control: {work}/signer.control\n"
                  + section("test", ["sign: no"])
                  + section(HOST, ["denial: nsec3"])
                  + section(CHILD, ["authsignal: yes", "csync: yes", "cds-digest-type: sha384"]))
log = work / "serve.log"
start([VOUCH, "serve", "--config", config], log)


def dig(server, name, kind, *options):
    return run(["dig", "+tcp", f"@{server}", "-p", PORT, name, kind, *options])[1]


def short(server, name, kind):
    return sorted(dig(server, name, kind, "+short").split("\n"))


def same(name, server=AUTH):
    return all(len(short(AUTH, CHILD, kind)) > 1 and short(server, name, kind) == short(AUTH, CHILD, kind) for kind in ("CDS", "CDNSKEY"))


check(until(lambda: all(same(name) for name in SIGNALS), 60, 0.2), "the child's CDS and CDNSKEY are shown below both its name servers' names",
      log.read_text()[-2000:] + dig(AUTH, SIGNALS[0], "CDS"))
anchors = [f"{HOST}. DNSKEY {line}" for line in short(AUTH, HOST, "DNSKEY") if line.startswith("257 3")]
(work / "anchors").write_text("\n".join(anchors) + "\n")
(work / "unbound.conf").write_text(f"""server:
  interface: {UNBOUND}@{PORT}
  port: {PORT}
  directory: "{work}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  trust-anchor-file: "{work}/anchors"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "{HOST}"
  stub-addr: {AUTH}@{PORT}
stub-zone:
  name: "test"
  stub-addr: {AUTH}@{PORT}
""")
start(["unbound", "-d", "-c", work / "unbound.conf"], work / "unbound.log")


def is_secure(name, kind):
    answer = dig(UNBOUND, name, kind, "+dnssec")
    return "status: NOERROR" in answer and re.search(r"flags:[^;]* ad\b", answer) is not None


until(lambda: "status" in dig(UNBOUND, HOST, "SOA"), 20, 0.2)
for name in SIGNALS:
    check(all(is_secure(name, kind) for kind in ("CDS", "CDNSKEY")) and same(name, UNBOUND), f"Unbound finds {name} secure, and the same",
          dig(UNBOUND, name, "CDS", "+dnssec"))
absent = f"_dsboot.other.test._signal.ns1.{HOST}"
answer = dig(UNBOUND, absent, "CDS", "+dnssec")
check("status: NXDOMAIN" in answer and re.search(r"flags:[^;]* ad\b", answer), "Unbound finds it proved that nothing is shown for another zone", answer)


def control(*words):
    return vouch("control", "--socket", work / "signer.control", *words)


for zone in (HOST, CHILD):
    code, text = control("zone-dump", zone)
    (work / f"{zone}.signed").write_text(text)
    code, said = run(["ldns-verify-zone", work / f"{zone}.signed"])
    check(code == 0, f"ldns-verify-zone accepts {zone}", said + text[-1500:])

csync = short(AUTH, CHILD, "CSYNC")
check(re.fullmatch(r"\d+ 3 A NS AAAA", csync[-1]) is not None, "CSYNC asks for name servers and their addresses", csync)
check(all(line.split()[2] == "4" for line in short(AUTH, CHILD, "CDS") if line), "CDS has the digest that was asked for",
      short(AUTH, CHILD, "CDS"))
code, said = control("zone-status", CHILD)
check(said.count(": shown") == 2 and "not needed" in said, "the status says where it is shown", said)

parent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
parent.bind((PARENT, PORT))
parent.settimeout(20)
before = short(AUTH, CHILD, "CDS")
control("key-add", CHILD, "ksk")
try:
    notify, sender = parent.recvfrom(4096)
except socket.timeout:
    notify, sender = b"", None
wanted = wire.question(CHILD, 59)
is_cds = len(notify) >= 12 and notify[2] >> 3 & 15 == 4 and notify[12:12 + len(wanted)] == wanted
check(is_cds, "the parent is told of new CDS", notify.hex() + log.read_text()[-1500:])
if sender:
    parent.sendto(notify[:2] + struct.pack("!H", 0xA000) + notify[4:], sender)
told = until(lambda: "the parent is told of new CDS" in log.read_text(), 10)
check(told, "its answer ends the telling", log.read_text()[-1500:])
check(short(AUTH, CHILD, "CDS") != before and until(lambda: all(same(name) for name in SIGNALS), 10), "what is shown has changed with it")
finish()
