#!/usr/bin/env python3
"""Transfers with NSD, Knot and BIND in both directions, each with TSIG of three digests, by AXFR and IXFR, and with a primary of our own that
breaks every rule: what is served stays the last good version, the log says in a sentence why, and the next good transfer is taken.

    tests/peer/transfers.py [LARGE]     with a zone of LARGE records (the check: 20,000) from each peer and to each
"""
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import wire
from common import check, finish, folder, needs, run, start, stop, until, VOUCH

needs("nsd", "knotd", "named", "dig")
LARGE = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
NET, PORT = "127.62.0", 5310
PRIMARY, SECONDARY, NSD, KNOT, FAULTY, DEAF = (f"{NET}.{i}" for i in (1, 2, 3, 4, 6, 7))
BIND = "127.0.0.1"  # named listens only where an interface has the address
DIGESTS = ("sha256", "sha384", "sha512")
work = folder("transfers")
KEYS = {digest: wire.Key("key-" + digest, bytes(range(32)) + digest.encode(), digest) for digest in DIGESTS}
PEERS = {"NSD": NSD, "Knot": KNOT, "BIND": BIND}
OURS = [f"{digest}.vouch.test" for digest in DIGESTS]
THEIRS = {peer: [f"{digest}.{peer.lower()}.test" for digest in DIGESTS] for peer in PEERS}
BIG = {"vouch": "big.vouch.test", **{peer: f"big.{peer.lower()}.test" for peer in PEERS}}
for one in "state", "knot", "nsd", "bind":
    (work / one).mkdir(exist_ok=True)


def digest_of(zone):
    digest = zone.split(".")[0]
    return digest if digest in DIGESTS else "sha256"


def write_zone(zone, serial):
    """Version `serial`: some names stay, some come, some go, some change."""
    lines = [f"$ORIGIN {zone}.", "$TTL 60", f"@ SOA ns h {serial} 3600 1 604800 5", "@ NS ns", "ns A 192.0.2.1", f'version TXT "{serial}"',
             f"come{serial} AAAA 2001:db8::{serial}", f"www {60 + serial} A 192.0.2.{serial}", "www 300 MX 10 mail", f"pair {60 + serial} A 192.0.2.1", f"pair {60 + serial} A 192.0.2.2", "*.wild TXT \"any\"",
             "Case.Of.Names A 192.0.2.9", "sub NS ns.sub", "ns.sub A 192.0.2.3", "long TXT " + " ".join(['"' + "x" * 250 + '"'] * 40)]
    lines += [f"stay{i} A 192.0.2.{i % 250}" for i in range(200)]
    if zone in BIG.values():
        lines += [f"n{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(LARGE)]
    path = work / f"{zone}.zone"
    path.with_suffix(".new").write_text("\n".join(lines) + "\n")
    path.with_suffix(".new").rename(path)


def write(file, text):
    (work / file).write_text(text)
    return work / file


for zone in [*OURS, *sum(THEIRS.values(), []), *BIG.values()]:
    write_zone(zone, 1)
keys = "".join(f"key:\n  name: key-{digest}\n  algorithm: hmac-{digest}\n  secret: \"{key.text()}\"\n" for digest, key in KEYS.items())
write("primary.conf", f"server:\n  listen: {PRIMARY}@{PORT}\n  sandbox: no\n  control: {work}/primary.control\n{keys}" + "".join(f"""zone:
  name: {zone}
  file: {work}/{zone}.zone
  sign: no
  allow-transfer: key-{digest_of(zone)}
""" + "".join(f'  notify: "{address}@{PORT} key-{digest_of(zone)}"\n' for address in PEERS.values()) + f"""  notify: "{DEAF}@{PORT} {'NOKEY' if zone in BIG.values() else 'key-' + digest_of(zone)}"
""" for zone in [*OURS, BIG["vouch"]]))
FAULTY_ZONES = {"fault.test": "key-sha256", "plain.test": None, "timers.test": None}
write("secondary.conf", f"server:\n  listen: {SECONDARY}@{PORT}\n  sandbox: no\n  state: {work}/state\n  control: {work}/secondary.control\n{keys}" + "".join(f"""zone:
  name: {zone}
  primary: {address}@{PORT}
  primary-key: key-{digest_of(zone)}
  sign: no
  allow-transfer: key-{digest_of(zone)}
""" for peer, address in PEERS.items() for zone in [*THEIRS[peer], BIG[peer]]) + "".join(f"zone:\n  name: {zone}\n  primary: {FAULTY}@{PORT}\n  sign: no\n" + (
    f"  primary-key: {key}\n" if key else "") for zone, key in FAULTY_ZONES.items()))

write("nsd.conf", f"""server:
  ip-address: {NSD}@{PORT}
  server-count: 1
  username: ""
  zonesdir: "{work}"
  database: ""
  xfrdir: "{work}/nsd"
  xfrdfile: "{work}/nsd/xfrd.state"
  zonelistfile: "{work}/nsd/zone.list"
  pidfile: "{work}/nsd/pid"
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
""" + "".join(f'key:\n  name: "key-{digest}"\n  algorithm: hmac-{digest}\n  secret: "{key.text()}"\n' for digest, key in KEYS.items()) + "".join(f"""zone:
  name: {zone}
  zonefile: {zone}.zone
  store-ixfr: yes
  create-ixfr: yes
  provide-xfr: 127.0.0.0/8 key-{digest_of(zone)}
  notify: {SECONDARY}@{PORT} key-{digest_of(zone)}
  outgoing-interface: {NSD}
""" for zone in [*THEIRS["NSD"], BIG["NSD"]]) + "".join(f"""zone:
  name: {zone}
  zonefile: nsd/{zone}.zone
  request-xfr: {PRIMARY}@{PORT} key-{digest_of(zone)}
  allow-notify: 127.0.0.0/8 key-{digest_of(zone)}
  provide-xfr: 127.0.0.0/8 key-{digest_of(zone)}
""" for zone in [*OURS, BIG["vouch"]]))
write("knot.conf", f"""server:
  rundir: "{work}/knot"
  listen: {KNOT}@{PORT}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{work}/knot"
  journal-db-max-size: 200M
log:
  - target: stderr
    any: info
""" + "key:\n" + "".join(f"  - id: key-{digest}\n    algorithm: hmac-{digest}\n    secret: {key.text()}\n" for digest, key in KEYS.items()) + "remote:\n" + "".join(
    f"  - id: {who}-{digest}\n    address: {address}@{PORT}\n    via: {KNOT}\n    key: key-{digest}\n"
    for who, address in (("primary", PRIMARY), ("secondary", SECONDARY)) for digest in DIGESTS) + "acl:\n" + "".join(
    f"  - id: {digest}\n    key: key-{digest}\n    action: [transfer, notify]\n" for digest in DIGESTS) + """zone:
""" + "".join(f"""  - domain: {zone}
    file: "{work}/{zone}.zone"
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: changes
    notify: secondary-{digest_of(zone)}
    acl: {digest_of(zone)}
""" for zone in [*THEIRS["Knot"], BIG["Knot"]]) + "".join(f"""  - domain: {zone}
    file: "{work}/knot/{zone}.zone"
    zonefile-sync: -1
    master: primary-{digest_of(zone)}
    acl: {digest_of(zone)}
""" for zone in [*OURS, BIG["vouch"]]))
write("named.conf", f"""options {{
  directory "{work}/bind";
  listen-on port {PORT} {{ {BIND}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  notify explicit;
  notify-delay 0;
  max-records 0;
  serial-query-rate 1000;
  min-retry-time 1;
  dnssec-validation no;
  allow-new-zones no;
}};
controls {{ }};
""" + "".join(f'key "key-{digest}" {{ algorithm hmac-{digest}; secret "{key.text()}"; }};\n' for digest, key in KEYS.items()) + "".join(f"""zone "{zone}" {{
  type primary; file "{work}/{zone}.zone"; ixfr-from-differences yes; allow-transfer {{ key "key-{digest_of(zone)}"; }};
  also-notify port {PORT} {{ {SECONDARY} key "key-{digest_of(zone)}"; }};
}};
""" for zone in [*THEIRS["BIND"], BIG["BIND"]]) + "".join(f"""zone "{zone}" {{
  type secondary; file "{zone}.zone"; primaries {{ {PRIMARY} port {PORT} key "key-{digest_of(zone)}"; }}; allow-notify {{ key "key-{digest_of(zone)}"; }}; allow-transfer {{ any; }};
}};
""" for zone in [*OURS, BIG["vouch"]]))
COMMANDS = {
    "primary": [VOUCH, "serve", "--config", work / "primary.conf"],
    "secondary": [VOUCH, "serve", "--config", work / "secondary.conf"],
    "NSD": ["nsd", "-d", "-c", work / "nsd.conf"],
    "Knot": ["knotd", "-c", work / "knot.conf"],
    "BIND": ["named", "-g", "-n", "1", "-c", work / "named.conf"],
}
log = {who: work / f"{who}.log" for who in COMMANDS}


def said(who="secondary"):
    return log[who].read_text(errors="replace")


def served(address, zone):
    """The version that is served: its number, or the RCODE."""
    asked = wire.message(77, 0, [wire.question("version." + zone, wire.TXT)])
    answer = wire.ask_udp(address, PORT, asked)
    if len(answer) < 12:
        return None
    if wire.Request(answer).rcode or not wire.Request(answer).answers:
        return -wire.Request(answer).rcode
    rdata = answer[len(asked):]
    return int(rdata[13:13 + rdata[12]]) if len(rdata) > 12 else None


def records(address, zone):
    """All of the zone, as dig prints it, sorted."""
    digest = digest_of(zone)
    text = run(["dig", "+noall", "+answer", "+onesoa", "+time=20", "+tries=1", "-y", f"hmac-{digest}:key-{digest}:{KEYS[digest].text()}", f"@{address}", "-p", PORT, zone,
                "AXFR"])[1]
    return sorted(line for line in text.lower().split("\n") if line and line[0] != ";")


# ---------------------------------------------------------------- a primary that breaks the rules


class Faulty:
    """What the faulty primary holds of one zone, and how it gives it away."""

    def __init__(self, zone, key):
        self.zone, self.key = zone, key
        self.announced = self.serial = 1
        self.transfer = self.whole
        self.datagram = self.soa_alone
        self.asked = []  # (when, kind)

    def body(self, serial, zone=None):
        zone = zone or self.zone
        return [wire.ns(zone, "ns." + zone), wire.a("ns." + zone), wire.txt("version." + zone, str(serial % 2**32))]

    def soa(self, serial=None, **numbers):
        return wire.soa(self.zone, self.serial if serial is None else serial, **numbers)

    def whole_records(self, serial=None):
        serial = self.serial if serial is None else serial
        return [self.soa(serial), *self.body(serial), self.soa(serial)]

    def difference(self, before, after):
        return [self.soa(before), wire.txt("version." + self.zone, str(before % 2**32)), self.soa(after), wire.txt("version." + self.zone, str(after % 2**32))]

    # Each is a list of (records of one message, how it is signed and numbered).
    def whole(self, request):
        return [(self.whole_records(), {})]

    def soa_alone(self, request):
        return wire.message(request.id, wire.QR | wire.AA, [wire.question(self.zone, wire.SOA)], [self.soa(self.announced)])


faulty = {zone: Faulty(zone, KEYS.get((key or "").removeprefix("key-"))) for zone, key in FAULTY_ZONES.items()}


def give_datagram(request):
    one = faulty.get(request.name)
    if one is None or request.kind != wire.SOA:
        return None
    one.asked.append((time.monotonic(), "SOA"))
    answer = one.datagram(request)
    return one.key.exchange(request.mac).sign(answer) if answer and one.key else answer


def give_stream(request, connection):
    one = faulty[request.name]
    kind = {wire.IXFR: "IXFR", wire.AXFR: "AXFR"}[request.kind]
    one.asked.append((time.monotonic(), kind))
    exchange = one.key.exchange(request.mac) if one.key else None
    for records, how in one.transfer(request):
        octets = wire.message(how.get("id", request.id), how.get("flags", wire.QR | wire.AA), how.get("asked", [wire.question(one.zone, request.kind)]), records,
                              rcode=how.get("rcode", 0))
        if exchange and how.get("unsigned"):
            exchange.skip(octets)
        elif exchange:
            octets = exchange.sign(octets, **{word: how[word] for word in ("skew", "mac_len", "secret") if word in how})
        octets = wire.framed(how.get("spoil", lambda same: same)(octets))
        connection.sendall(octets[:how.get("cut", len(octets))])
        if "cut" in how:
            connection.close()
            return
        time.sleep(how.get("pause", 0))


wire.Server(FAULTY, PORT, give_datagram, give_stream)


def notify(one):
    octets = wire.message(99, wire.AA, [wire.question(one.zone, wire.SOA)], opcode=wire.NOTIFY)
    return wire.ask_udp(SECONDARY, PORT, octets if not one.key else one.key.exchange(b"").sign(octets), source=FAULTY)


deaf_heard = []


def deaf():
    """Hears NOTIFY, and answers only the third for each zone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((DEAF, PORT))
        while True:
            octets, peer = ear.recvfrom(65535)
            request = wire.Request(octets)
            deaf_heard.append((time.monotonic(), request.name))
            if sum(zone == request.name for _, zone in deaf_heard) == 3:
                ear.sendto(wire.message(request.id, wire.QR | wire.AA, [wire.question(request.name, wire.SOA)], opcode=wire.NOTIFY), peer)


threading.Thread(target=deaf, daemon=True).start()

# The zone of the timers lives beside all else: refresh 2, retry 1, expire 6.
timers = faulty["timers.test"]
timers.soa = lambda serial=None: wire.soa(timers.zone, timers.serial, refresh=2, retry=1, expire=6)
started_at = time.monotonic()
running = {who: start(command, log[who]) for who, command in COMMANDS.items()}

# ---------------------------------------------------------------- both directions, by AXFR, IXFR and many versions at once
ALL = [(peer, PEERS[peer], SECONDARY, zone) for peer in PEERS for zone in THEIRS[peer]] + [(peer, PRIMARY, PEERS[peer], zone) for peer in PEERS for zone in OURS]


def all_at(version, seconds=20):
    """Those that do not serve that version in time."""
    end = time.monotonic() + seconds
    return [(peer, zone) for peer, _, to, zone in ALL if not until(lambda: served(to, zone) == version, max(0.1, end - time.monotonic()), 0.05)]


def told(late):
    """What the peers that are late say of the zone, and what we say."""
    return f"{late}\n" + "\n".join(line for peer, zone in late for who in (peer, "primary", "secondary") for line in said(who).split("\n") if zone in line)[-4000:]


def differing():
    return [(peer, zone) for peer, source, to, zone in ALL if records(source, zone) != records(to, zone) or len(records(to, zone)) < 200]


def publish(version, zones):
    for zone in zones:
        write_zone(zone, version)
    for who in ("primary", *PEERS):
        os.kill(running[who].pid, signal.SIGHUP)


SMALL = [*OURS, *sum(THEIRS.values(), [])]
late = all_at(1, 15)
check(not late, "AXFR with TSIG of three digests from NSD, Knot and BIND and to them", told(late))
for version in (2, 3):
    publish(version, SMALL)
    late = all_at(version)
    check(not late, f"version {version} follows by NOTIFY in all directions", told(late))
check(not (different := differing()), "what arrives is what was sent, record by record", different)
# Not of each version: NSD ends the connections that it has when it reloads.
taken = {peer: [zone for zone in THEIRS[peer] if re.search(rf"zone {zone}\.: serial [23] taken by IXFR", said())] for peer in PEERS}
check(all(len(taken[peer]) == 3 for peer in PEERS), "we take IXFR from NSD, Knot and BIND", f"{taken}\n{said()[-3000:]}")
stats = run([VOUCH, "control", "--socket", work / "primary.control", "stats"])[1]
count = re.search(r"transfers-out\[ixfr\]: (\d+)", stats)
check(count and int(count.group(1)) >= 12, "and they take IXFR from us", stats)

# Many versions while we are away: one IXFR brings them all.
stop(running["secondary"])
for version in (4, 5, 6):
    publish(version, SMALL)
    late = [zone for peer, source, _, zone in ALL if not until(lambda: served(source, zone) == version, 10, 0.05)]
    check(not late, f"all primaries have version {version}", late)
restarted_at = time.monotonic()
running["secondary"] = start(COMMANDS["secondary"], log["secondary"])
late = all_at(6)
taken = [zone for zone in sum(THEIRS.values(), []) if f"zone {zone}.: serial 6 taken by IXFR" not in said()]
check(not late and not taken, "three versions in one IXFR from NSD, Knot and BIND", f"{taken} " + told(late))
check(not (different := differing()), "and what arrives is what was sent", different)

# Large zones: each way, and a change of one.
for version in (1, 2):
    if version == 2:
        begun = time.monotonic()
        publish(2, BIG.values())
    else:
        begun = started_at
    late = [(peer, zone) for peer, zone in BIG.items() for to in ([SECONDARY] if peer != "vouch" else PEERS.values())
            if not until(lambda: served(to, zone) == version, 30 + LARGE / 5000, 0.05)]
    check(not late, f"zones of {LARGE} records, version {version}, each way", f"{late}\n{said()[-1500:]}")
    print(f"    in {time.monotonic() - begun:.1f} s", flush=True)
asked = re.search(r"notify\[out\]: (\d+)", run([VOUCH, "control", "--socket", work / "primary.control", "stats"])[1])
first = [when for when, zone in deaf_heard if zone == BIG["vouch"]][:3]
check(len(first) == 3 and 0.5 < first[1] - first[0] < 2 and 1.2 < first[2] - first[1] < 4, "NOTIFY is said again, more and more slowly, until it is answered", first)

unsigned = {peer: wire.ask_udp(address, PORT, wire.message(98, wire.AA, [wire.question(OURS[0], wire.SOA)], opcode=wire.NOTIFY)) for peer, address in PEERS.items()}
check(all(len(octets) < 12 or wire.Request(octets).rcode for octets in unsigned.values()), "NSD, Knot and BIND take signed NOTIFY alone, as ours are", unsigned)
heard = until(lambda: [when for when, zone in deaf_heard if zone == OURS[0]][3:], 20, 0.1)
check(heard, "an answer without TSIG to a NOTIFY that is signed does not end it", deaf_heard)

# ---------------------------------------------------------------- the rules, broken one by one
one = faulty["fault.test"]
ZONE = one.zone


def refused(request):
    return [([], {"rcode": wire.REFUSED})]


def ixfr_alone(change):
    """A faulty IXFR; AXFR is refused, so that nothing rescues it."""
    return lambda request: change(request) if request.kind == wire.IXFR else refused(request)


def either(messages):
    """The same wrong records whether all was asked for or not."""
    return lambda request: messages(request)


def whole_with(*more):
    return lambda request: [([one.soa(), *one.body(one.serial), *more, one.soa()], {})]


def difference_with(removed=(), added=(), close=None, first=None, middle=None, before=None):
    def make(request):
        soa, version = one.soa, "version." + ZONE
        held = GOOD["serial"]
        return [([soa() if first is None else soa(first), soa(held if before is None else before), wire.txt(version, str(held)), *removed,
                  soa(one.serial if middle is None else middle), wire.txt(version, str(one.serial)), *added, soa(one.serial if close is None else close())], {})]
    return make


def portions(count, **how):
    """Many messages, of which `how` says what is wrong with those in the middle."""
    def make(request):
        messages = [([one.soa(), *one.body(one.serial)], {})]
        messages += [([wire.a(f"n{i}.{ZONE}")], how) for i in range(count)]
        return messages + [([one.soa()], {})]
    return make


def of_all(**how):
    return lambda request: [(one.whole_records(), how)]


GOOD = {"serial": 1}
FAULTS = [
    # what is wrong, what the primary sends, what the log says
    ("cut in the middle of a message", either(of_all(cut=40)), "connection closed"),
    ("cut between messages", either(lambda request: [(one.whole_records()[:2], {}), ([], {"cut": 0})]), "connection closed"),
    ("no SOA in front", either(lambda request: [(one.whole_records()[1:], {})]), "a transfer begins with the zone's SOA"),
    ("another SOA at the end", either(lambda request: [(one.whole_records()[:-1] + [one.soa(one.serial + 1)], {})]), "closes another version than was begun"),
    ("an SOA with other timers at the end", either(lambda request: [(one.whole_records()[:-1] + [one.soa(retry=77)], {})]), "closes another version than was begun"),
    ("records behind the end", either(lambda request: [(one.whole_records() + [wire.a("late." + ZONE)], {})]), "behind the closing SOA"),
    ("a record out of the zone", either(whole_with(wire.a("www.other.test"))), "www.other.test. A, which is not in the zone"),
    ("a record of another class", either(whole_with(wire.record("x." + ZONE, wire.A, bytes(4), class_=3))), "of a class other than IN"),
    ("a record that is no zone data", either(whole_with(wire.record("x." + ZONE, 255, bytes(4)))), "never zone data"),
    ("an SOA below the apex", either(whole_with(wire.soa("x." + ZONE, 1))), "an SOA below the apex"),
    ("rdata that cannot be", either(whole_with(wire.record("x." + ZONE, wire.A, b"123"))), "malformed|cannot be used"),
    ("a message without records", either(lambda request: [(one.whole_records()[:2], {}), ([], {})]), "a message without records"),
    ("a message that is none", either(of_all(spoil=lambda octets: octets[:7])), "not signed|malformed"),
    ("an error in the middle", either(lambda request: [(one.whole_records()[:2], {}), ([], {"rcode": 2})]), "SERVFAIL"),
    ("the answer to another question", either(lambda request: [(one.whole_records(), {"asked": [wire.question("other.test", request.kind)]})]), "for another zone"),
    ("the answer to a question of another type", either(lambda request: [(one.whole_records(), {"asked": [wire.question(ZONE, wire.A)]})]), "another question"),
    ("another ID", either(of_all(id=4711)), "not signed|malformed|answer"),
    ("a query for an answer", either(of_all(flags=0)), "not signed|malformed|answer"),
    ("IXFR: removes what is absent", ixfr_alone(difference_with(removed=[wire.a("absent." + ZONE)])), "the version held has no such record"),
    ("IXFR: adds what is there", ixfr_alone(difference_with(added=[wire.a("ns." + ZONE)])), "the version has it already"),
    ("IXFR: from a version that we do not have", ixfr_alone(difference_with(before=-5)), "does not begin where the last one ended"),
    ("IXFR: to a serial beyond the announced one", ixfr_alone(difference_with(middle=10**6)), "a serial that is out of order"),
    ("IXFR: to a serial before ours", ixfr_alone(lambda request: difference_with(middle=GOOD["serial"] - 1)(request)), "a serial that is out of order"),
    ("IXFR: what comes in front of what goes", ixfr_alone(lambda request: [([one.soa(), one.soa(), *one.body(one.serial), one.soa(GOOD["serial"]), one.soa()], {})]),
     "no such record|behind the closing SOA|other than|begun|ended"),
    ("IXFR: another SOA at the end", ixfr_alone(lambda request: difference_with(close=lambda: one.serial + 3)(request)), "closes another version than was begun"),
    ("IXFR: differences in the wrong order", ixfr_alone(lambda request: [(
        [one.soa(), *one.difference(one.serial - 1, one.serial), *one.difference(GOOD["serial"], one.serial - 1), one.soa()], {})]), "does not begin where the last one ended"),
    ("IXFR: the one before, once more", ixfr_alone(lambda request: [([one.soa(GOOD["serial"]), *one.difference(GOOD["serial"] - 2, GOOD["serial"]), one.soa(GOOD["serial"])], {})]),
     "nothing newer"),
    ("a serial below ours", either(lambda request: [(one.whole_records(GOOD["serial"] - 1), {})]), "lower serial|nothing newer|older"),
    ("a serial that is below ours by the arithmetic", either(lambda request: [(one.whole_records(GOOD["serial"] + 2**31 + 5), {})]), "lower serial|nothing newer|older"),
    ("TSIG: none", either(of_all(unsigned=True)), "not signed"),
    ("TSIG: another secret", either(of_all(secret=b"another secret")), "not signed with the secret"),
    ("TSIG: a MAC that is cut below half", either(of_all(mac_len=15)), "not signed|malformed"),
    ("TSIG: a MAC that is cut", either(of_all(mac_len=16)), "not signed|cut"),
    ("TSIG: a clock an hour off", either(of_all(skew=3600)), "clock"),
    ("TSIG: a clock an hour off, late", either(of_all(skew=-3600)), "clock"),
    ("TSIG: a hundred messages unsigned", either(portions(100, unsigned=True)), "too many messages"),
    ("TSIG: the last message unsigned", either(lambda request: [(one.whole_records()[:-1], {}), (one.whole_records()[-1:], {"unsigned": True})]), "last message was not signed"),
    ("TSIG: a message spoilt on its way", either(lambda request: [(one.whole_records()[:-1], {"spoil": lambda octets: octets.replace(b"version", b"versiom")}), (one.whole_records()[-1:], {})]),
     "not signed"),
    ("TSIG: an unsigned message spoilt on its way", either(lambda request: [(one.whole_records()[:2], {}), (one.whole_records()[3:4], {
        "unsigned": True, "spoil": lambda octets: octets.replace(b"version", b"versiom")}), (one.whole_records()[4:], {})]), "not signed"),
]


def bring(serial, transfer):
    """The primary has that serial, says so, and transfers it so."""
    one.serial = one.announced = serial % 2**32
    one.transfer = transfer
    notify(one)


def ixfr(request):
    """A good IXFR where that was asked for."""
    if request.kind == wire.AXFR:
        return one.whole(request)
    return [([one.soa(), *one.difference(GOOD["serial"], one.serial), one.soa()], {})]


GOOD["serial"] = 10
bring(10, one.whole)
check(until(lambda: served(SECONDARY, ZONE) == 10, 10, 0.02), "the good version is taken", said()[-1000:])
for turn, (what, transfer, expected) in enumerate(FAULTS):
    held = GOOD["serial"]
    before = len(said())
    bring(held + 2, transfer)
    lines = until(lambda: [line for line in said()[before:].split("\n") if "next try" in line and ZONE in line], 8, 0.02)
    sentence = said()[before:]
    is_kept = served(SECONDARY, ZONE) == held
    GOOD["serial"] = held + 4
    one.serial, GOOD["serial"] = held + 4, held
    bring(held + 4, one.whole if turn % 2 else ixfr)
    GOOD["serial"] = held
    is_taken = until(lambda: served(SECONDARY, ZONE) == held + 4, 8, 0.02)
    GOOD["serial"] = held + 4
    check(lines and is_kept and is_taken and re.search(expected, sentence), what,
          f"kept {held}: {is_kept}, the next is taken: {bool(is_taken)} ({served(SECONDARY, ZONE)}), expected: {expected}\n{said()[before:]}")

# A primary that was set back: its serial is told, not taken, and does not vouch for our version, until the operator wants it.
held = GOOD["serial"]
before = len(said())
bring(held - 3, one.whole)
check(until(lambda: f"its serial {held - 3} is not newer than our {held}" in said()[before:], 8, 0.02) and served(SECONDARY, ZONE) == held,
      "a primary that was set back is told of", said()[before:])
code, output = run([VOUCH, "control", "--socket", work / "secondary.control", "retransfer", ZONE])
GOOD["serial"] = held - 3
check(code == 0 and until(lambda: served(SECONDARY, ZONE) == held - 3, 8, 0.02), "and its version is taken when the operator wants it", output + said()[before:])
bring(held + 1, ixfr)
GOOD["serial"] = held + 1
check(until(lambda: served(SECONDARY, ZONE) == held + 1, 8, 0.02), "IXFR goes on from there", said()[before:])

# What is unusual, but right.
for what, serial, transfer in (
        ("a serial that wraps around", 2**31 + GOOD["serial"] - 1, one.whole),
        ("and once more", 2**32 + 3, one.whole),
        ("an IXFR of three differences", 7, lambda request: [([one.soa(), *one.difference(3, 4), *one.difference(4, 6), *one.difference(6, 7), one.soa()], {})]),
        ("an IXFR that is all of it", 8, one.whole),
        ("an IXFR of one record a message", 9, lambda request: [([r], {}) for r in [one.soa(), *one.difference(8, 9), one.soa()]]),
        ("ninety-nine messages between signatures", 12, lambda request: portions(99, unsigned=True)(request)),
        ("messages without a question", 13, lambda request: [(one.whole_records()[:1], {}), (one.whole_records()[1:], {"asked": []})]),
        ("AXFR where IXFR is not known", 14, lambda request: [([], {"rcode": 4})] if request.kind == wire.IXFR else one.whole(request)),
        ("AXFR where the connection ends at IXFR", 15, lambda request: [([], {"cut": 0})] if request.kind == wire.IXFR else one.whole(request)),
        ("AXFR where IXFR is wrong", 16, lambda request: difference_with(removed=[wire.a("absent." + ZONE)])(request) if request.kind == wire.IXFR else one.whole(request))):
    bring(serial, transfer)
    is_taken = until(lambda: served(SECONDARY, ZONE) == serial % 2**32, 8, 0.02)
    GOOD["serial"] = serial % 2**32
    check(is_taken, what, f"{serial % 2**32} {served(SECONDARY, ZONE)}\n{said()[-1200:]}")

# The timers of the SOA: refresh without NOTIFY, retries of who is silent, expiry, and the return.


def gaps():
    """Between the questions since our last start; the first of them comes at once."""
    asked = [when for when, kind in timers.asked if kind == "SOA" and when > restarted_at]
    return [later - sooner for sooner, later in zip(asked, asked[1:])]


check(until(lambda: len(gaps()) >= 2, 8) and all(1.5 < gap < 3 for gap in gaps()), "refresh every 2 s", gaps())
timers.datagram = lambda request: wire.message(request.id, wire.QR, [wire.question(timers.zone, wire.SOA)], rcode=wire.REFUSED)
timers.transfer = refused
silent = len(timers.asked)
check(served(SECONDARY, timers.zone) == 1, "served while the primary fails")
check(until(lambda: served(SECONDARY, timers.zone) == -2, 12, 0.1), "not served any more after EXPIRE", said()[-1500:])
check(len(timers.asked) - silent >= 4, "asked again every RETRY second", timers.asked[silent:])
timers.datagram, timers.transfer = timers.soa_alone, timers.whole
check(until(lambda: served(SECONDARY, timers.zone) == 1, 5, 0.1), "served again when the primary is back", said()[-1500:])
for who in ("primary", "secondary"):
    check(stop(running[who]) == 0, f"our {who} ends cleanly", said(who)[-1500:])
    check(not re.search("AddressSanitizer|runtime error|LeakSanitizer", said(who)), f"no sanitizer has anything to say of our {who}", said(who)[-3000:])
finish()
