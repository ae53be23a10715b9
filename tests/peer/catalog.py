#!/usr/bin/env python3
"""Catalog zones (RFC 9432) with Knot and BIND: each makes a catalog that we follow, and follows the one we make; members come, change and go
while one that is asked all the time loses no question. Then the same of zones that control and the configuration add and remove."""
import signal
import socket
import struct
import threading
import time

from common import VOUCH, check, finish, folder, needs, run, start, stop, until, vouch

needs("knotd", "named", "dig")
PORT, OURS, KNOT, BIND = 5360, "127.60.0.1", "127.60.0.2", "127.0.0.1"  # named listens only where an interface has the address
work = folder("catalog")
for one in "zones", "state", "knot", "bind":
    (work / one).mkdir()


def write_zone(name, serial=1):
    (work / "zones" / f"{name}.zone").write_text(
        f"$ORIGIN {name}.\n$TTL 60\n@ SOA ns hostmaster {serial} 3600 5 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n")


for peer in "ours", "knot", "bind":
    for name in "stays", "one", "two", "late":
        write_zone(f"{name}.{peer}.test")
(work / "zones" / "mute.cat.zone").write_text("$ORIGIN mute.cat.\n$TTL 0\n@ SOA invalid. invalid. 1 60 60 86400 0\n@ NS invalid.\n"
                                              "x.zones PTR never.mute.test.\n")


def write_catalog(serial, members):
    """BIND's, by hand: a member is its label and its zone."""
    lines = [f"$ORIGIN bind.cat.\n$TTL 0\n@ SOA invalid. invalid. {serial} 2 1 86400 0\n@ NS invalid.\nversion TXT \"2\""]
    lines += [f"{label}.zones PTR {zone}." for label, zone in members.items()]
    (work / "zones" / "bind.cat.zone").write_text("\n".join(lines) + "\n")


def write_named(members):
    zones = "".join(f'zone "{m}" {{ type primary; file "{work}/zones/{m}.zone"; }};\n' for m in members)
    (work / "named.conf").write_text(f"""options {{
  directory "{work}/bind"; listen-on port {PORT} {{ {BIND}; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify explicit; notify-delay 0; serial-query-rate 1000;
  also-notify {{ {OURS} port {PORT}; }}; allow-transfer {{ 127.0.0.0/8; }}; allow-notify {{ 127.0.0.0/8; }};
  catalog-zones {{ zone "ours.cat" default-primaries {{ {OURS} port {PORT}; }} in-memory yes min-update-interval 1; }};
}};
controls {{ }};
zone "ours.cat" {{ type secondary; primaries {{ {OURS} port {PORT}; }}; file "ours.cat"; }};
zone "bind.cat" {{ type primary; file "{work}/zones/bind.cat.zone"; }};
{zones}""")


def write_knot(members):
    zones = "".join(f"  - domain: {m}\n    template: member\n" for m in members)
    (work / "knot.conf").write_text(f"""server:
  listen: {KNOT}@{PORT}
  rundir: {work}/knot
database:
  storage: {work}/knot
log:
  - target: stderr
    any: info
remote:
  - id: vouch
    address: {OURS}@{PORT}
    via: {KNOT}
acl:
  - id: all
    address: 127.0.0.0/8
    action: [transfer, notify]
template:
  - id: default
    storage: {work}/knot
    acl: all
  - id: member
    storage: {work}/zones
    file: "%s.zone"
    journal-content: none
    zonefile-load: whole
    acl: all
    notify: vouch
    catalog-role: member
    catalog-zone: knot.cat
  - id: follow
    storage: {work}/knot
    master: vouch
    acl: all
zone:
  - domain: knot.cat
    catalog-role: generate
    notify: vouch
  - domain: ours.cat
    master: vouch
    catalog-role: interpret
    catalog-template: follow
{zones}""")


def write_config(more=""):
    (work / "serve.conf").write_text(f"""server:
  listen: {OURS}@{PORT}
  control: {work}/control
  state: {work}/state
  workers: 2
  sandbox: no
pattern:
  name: made
  file: "{work}/zones/%s.zone"
  catalog-role: member
  catalog-zone: ours.cat
  allow-transfer: {KNOT}
  allow-transfer: {BIND}
  notify: {KNOT}@{PORT}
  notify: {BIND}@{PORT}
pattern:
  name: from-knot
  primary: {KNOT}@{PORT}
pattern:
  name: from-bind
  primary: {BIND}@{PORT}
zone:
  name: ours.cat
  catalog-role: generate
  allow-transfer: {KNOT}
  allow-transfer: {BIND}
  notify: {KNOT}@{PORT}
  notify: {BIND}@{PORT}
zone:
  name: knot.cat
  sign: no
  primary: {KNOT}@{PORT}
  catalog-role: interpret
  catalog-template: from-knot
zone:
  name: bind.cat
  sign: no
  primary: {BIND}@{PORT}
  catalog-role: interpret
  catalog-template: from-bind
zone:
  name: mute.cat
  sign: no
  file: {work}/zones/mute.cat.zone
  catalog-role: interpret
  catalog-template: made
zone:
  name: stays.ours.test
  sign: no
  pattern: made
{more}""".replace("  name: ours.cat\n", "  name: ours.cat\n  sign: no\n"))


def serial(address, zone):
    code, text = run(["dig", f"@{address}", "-p", PORT, "+short", "+time=1", "+tries=1", "+norec", zone, "SOA"])
    words = text.split()
    return words[2] if len(words) == 7 else "-"


def control(*words):
    return vouch("control", "--socket", work / "control", *words)


def come_and_go(zone, address, who, wanted="1"):
    check(until(lambda: serial(address, zone) == wanted, 20), f"{who}: {zone} " + ("is served" if wanted != "-" else "is gone"),
          "".join((work / f"{log}.log").read_text(errors="replace")[-2500:] for log in ("serve", "knot", "bind")))


class Asker(threading.Thread):
    """Asks for two zones that stay all the time, and counts what was not answered well."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked, self.bad, self.is_over = 0, [], False

    def run(self):
        names = [b"".join(bytes([len(l)]) + l for l in n.encode().split(b".")) + b"\0"
                 for n in ("www.stays.ours.test", "www.stays.knot.test")]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(2)
            link.connect((OURS, PORT))
            while not self.is_over:
                self.asked += 1
                link.send(struct.pack(">6H", self.asked & 0xffff, 0, 1, 0, 0, 0) + names[self.asked % 2] + b"\0\1\0\1")
                try:
                    answer = link.recv(512)
                    if struct.unpack(">HHHH", answer[:8]) != (self.asked & 0xffff, 0x8400, 1, 1):
                        self.bad.append(answer[:12].hex())
                except TimeoutError:
                    self.bad.append("lost")
                time.sleep(0.0005)


write_catalog(1, {"a": "stays.bind.test", "b": "one.bind.test"})
write_named(["stays.bind.test", "one.bind.test", "two.bind.test", "late.bind.test"])
write_knot(["stays.knot.test", "one.knot.test"])
write_config()
# Ours first: a primary that BIND finds closed it leaves alone for longer than we want to wait.
server = start([VOUCH, "serve", "--config", work / "serve.conf"], work / "serve.log")
check(until(lambda: "ready" in (work / "serve.log").read_text(), 20), "the server is ready", (work / "serve.log").read_text())
knot = start(["knotd", "-c", work / "knot.conf"], work / "knot.log")
bind = start(["named", "-g", "-n", "1", "-c", work / "named.conf"], work / "bind.log")
for peer in "knot", "bind":
    for name in "stays", "one":
        come_and_go(f"{name}.{peer}.test", OURS, f"{peer}'s catalog, followed by us")
for address, who in (KNOT, "knot"), (BIND, "bind"):
    come_and_go("stays.ours.test", address, f"our catalog, followed by {who}")
check("changes nothing: the catalog is broken" in (work / "serve.log").read_text() and serial(OURS, "never.mute.test") == "-",
      "a catalog without a version is broken, and changes nothing", (work / "serve.log").read_text())

asker = Asker()
asker.start()
code, text = control("add", "one.ours.test", "made")
check(code == 0 and serial(OURS, "one.ours.test") == "1", "control adds a zone, which is served at once", text)
for address, who in (KNOT, "knot"), (BIND, "bind"):
    come_and_go("one.ours.test", address, f"added here, by our catalog at {who}")
code, text = control("remove", "one.ours.test")
check(code == 0 and serial(OURS, "one.ours.test") == "-", "control removes it, and it is served no longer", text)
for address, who in (KNOT, "knot"), (BIND, "bind"):
    come_and_go("one.ours.test", address, f"removed here, by our catalog at {who}", "-")

write_knot(["stays.knot.test", "two.knot.test"])
knot.send_signal(signal.SIGHUP)
come_and_go("two.knot.test", OURS, "knot adds a member")
come_and_go("one.knot.test", OURS, "knot removes a member", "-")
write_catalog(2, {"a": "stays.bind.test", "c": "two.bind.test"})
bind.send_signal(signal.SIGHUP)
come_and_go("two.bind.test", OURS, "bind adds a member")
come_and_go("one.bind.test", OURS, "bind removes a member", "-")
check(control("remove", "two.bind.test")[0] != 0 and control("remove", "stays.ours.test")[0] != 0,
      "control removes neither a catalog's member nor a zone of the configuration")
write_catalog(3, {"d": "stays.bind.test", "c": "two.bind.test", "e": "stays.ours.test", "f": "stays.knot.test"})
bind.send_signal(signal.SIGHUP)
check(until(lambda: "serial 3 has 4 members" in (work / "serve.log").read_text(), 20), "bind has another label for a member, and some of others",
      (work / "serve.log").read_text())
come_and_go("stays.bind.test", OURS, "the member comes again")
check(serial(OURS, "stays.ours.test") == "1" and serial(OURS, "stays.knot.test") == "1", "and nobody loses a zone to another's catalog")

control("add", "two.ours.test", "made")
write_config(f"zone:\n  name: late.ours.test\n  sign: no\n  pattern: made\n")
code, text = control("reload")
check(code == 0 and "1 came, 0 went" in text, "a reload adds a zone of the configuration", text)
come_and_go("late.ours.test", OURS, "whose file is read")
come_and_go("late.ours.test", KNOT, "which our catalog tells knot of")
write_config("zone:\n  name: broken.test\n")
code, text = control("reload")
check(code != 0 and serial(OURS, "late.ours.test") == "1", "a configuration that is wrong changes nothing", text)
write_config()
server.send_signal(signal.SIGHUP)
come_and_go("late.ours.test", OURS, "SIGHUP removes what the configuration has no longer", "-")
come_and_go("late.ours.test", KNOT, "which knot is told of too", "-")
write_zone("stays.ours.test", 2)
code, text = control("reload", "stays.ours.test")
come_and_go("stays.ours.test", OURS, "one zone alone is read again", "2")
come_and_go("stays.ours.test", KNOT, "and told on", "2")
asker.is_over = True
asker.join(5)
check(asker.asked > 1000 and not asker.bad, "meanwhile no question to the zones that stayed was lost", (asker.asked, asker.bad[:10]))

before = serial(OURS, "ours.cat")
check(stop(server) == 0, "the server ends well", (work / "serve.log").read_text()[-3000:])
stop(knot)
stop(bind)
server = start([VOUCH, "serve", "--config", work / "serve.conf"], work / "again.log")
until(lambda: "ready" in (work / "again.log").read_text(), 20)
for name in "two.ours.test", "stays.bind.test", "two.bind.test", "stays.knot.test", "two.knot.test":
    check(until(lambda: serial(OURS, name) == "1", 10), f"after a restart, without its peers, {name} is there", (work / "again.log").read_text())
check(serial(OURS, "one.ours.test") == "-" and serial(OURS, "ours.cat") == before, "what was removed is not, and our catalog is as it was",
      (before, serial(OURS, "ours.cat")))
check(stop(server) == 0, "and ends well again", (work / "again.log").read_text()[-3000:])
finish()
