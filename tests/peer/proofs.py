#!/usr/bin/env python3
"""Every answer to every question of random signed zones is accepted: by our own resolver and by Unbound, each with the zone's trust anchor
and our server as the zone's authority. Questions are each owner with each type, absent names everywhere, names below cuts, wildcards
and empty non-terminals; the zones use NSEC, NSEC3 and opt-out, and algorithms 8, 13 and 15.

    tests/peer/proofs.py [ZONES [QUESTIONS]]    random zones, and at most so many questions of each (the check: 6 and 250)

SEED=N repeats a run; LINGER=S keeps the servers S seconds at the end, to ask them by hand.
"""
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import wire
from common import check, finish, folder, needs, run, start, stop, until, vouch, VOUCH

needs("unbound")
ZONES = int(sys.argv[1]) if len(sys.argv) > 1 else 6
QUESTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 250
SEED = int(os.environ.get("SEED", random.randrange(1 << 31) if len(sys.argv) > 1 else 4))  # the check asks the same each time
print(f"seed {SEED} (SEED={SEED} repeats)", flush=True)
chance = random.Random(SEED)
NET = "127.46.0"
AUTH, UNBOUND, OURS, PORT = f"{NET}.1", f"{NET}.2", f"{NET}.3", 5300
work = folder("proofs")
DENIALS = ("nsec", "nsec3", "nsec3-opt-out")
ALGORITHMS = {8: "RSASHA256", 13: "ECDSAP256SHA256", 15: "ED25519"}
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48,
         "NSEC3PARAM": 51, "CDS": 59, "TYPE65300": 65300}
LABELS = ["a", "b", "c", "www", "mail", "x-1", "*", "deep", "_tcp", "z"]
VALUES = {
    "A": lambda: f"192.0.2.{chance.randrange(256)}", "AAAA": lambda: f"2001:db8::{chance.randrange(1 << 16):x}", "TXT": lambda: f'"{chance.randrange(1000)}"',
    "MX": lambda: f"{chance.randrange(99)} mail", "SRV": lambda: f"1 2 {chance.randrange(1 << 16)} www", "TYPE65300": lambda: "\\# 2 abcd"}


def random_name(depth=3):
    return ".".join(chance.choice(LABELS) for _ in range(chance.randrange(1, depth + 1)))


def is_below(name, owners):
    return any(name == owner or name.endswith("." + owner) for owner in owners)


def random_zone(zone):
    """Its text, and the names in it."""
    lines = [f"$ORIGIN {zone}.", "$TTL 300", "@ SOA ns h 1 3600 900 604800 60", "@ NS ns", f"ns A {AUTH}", "mail A 192.0.2.99"]
    names, cuts, single = {"ns", "mail"}, set(), set()
    for _ in range(chance.randrange(3, 25)):
        name = random_name()
        if is_below(name, cuts | single) or name in names or "*" in name.split(".")[1:] or any(other.endswith("." + name) for other in names | cuts | single):
            continue
        what = chance.randrange(10)
        if what < 5:
            for kind in chance.sample(sorted(VALUES), chance.randrange(1, 4)):
                lines += [f"{name} {kind} {VALUES[kind]()}" for _ in range(chance.randrange(1, 3))]
            names.add(name)
        elif what < 7 and name[0] != "*" and not is_below(name, {"mail", "www.a"}) and not is_below("www.a", {name}):  # aliases lead there
            lines += [f"{name} NS ns.{name}", f"ns.{name} A 192.0.2.{chance.randrange(256)}"]
            lines += [f"{name} DS {chance.randrange(1 << 16)} 13 2 {chance.randbytes(32).hex()}"] if what == 6 else []
            cuts.add(name)
        elif what == 7:
            absent = [] if "*" in name else ["absent", "a.wild"]  # a wildcard may make them, and so a loop
            lines.append(f"{name} CNAME {chance.choice(sorted(names) + absent + ['target.test.'])}")
            single.add(name)
        elif what == 8 and name[0] != "*":
            inner = [] if is_below("www.a", {name}) else ["www.a"]  # what is below itself never ends
            lines.append(f"{name} DNAME {chance.choice(['mail', 'absent', 'elsewhere.test.', *inner])}")
            single.add(name)
        else:
            lines.append(f"{name} A 192.0.2.7")
            names.add(name)
    return "\n".join(lines) + "\n", names | cuts | single, cuts


def questions_of(zone, names, cuts):
    asked = set()
    owners = {""} | names
    for name in names:  # the empty non-terminals above
        labels = name.split(".")
        owners |= {".".join(labels[i:]) for i in range(1, len(labels))}
    for owner in owners:
        asked |= {(owner, kind) for kind in TYPES.values()}
        for _ in range(3):
            absent = ".".join([chance.choice(["0", "absent", "m", "zz", chance.choice(LABELS).replace("*", "star")])] + ([owner] if owner else []))
            asked |= {(absent, kind) for kind in chance.sample(list(TYPES.values()), 2)}
    asked |= {(random_name(4), TYPES[chance.choice(list(TYPES))]) for _ in range(40)}
    asked = sorted(asked)
    chance.shuffle(asked)
    # Below a cut, and at it but for its DS, others answer, who do not exist.
    asked = [(name, kind) for name, kind in asked if not is_below(name, cuts) or (name in cuts and kind == TYPES["DS"])]
    return [(name + "." + zone if name else zone, kind) for name, kind in asked[:QUESTIONS]]


zones, config, anchors = {}, "", []
for number in range(ZONES):
    denial, algorithm = DENIALS[number % 3], list(ALGORITHMS)[number // 3 % 3 if ZONES > 8 else (number + number // 3) % 3]
    zone = f"z{number}.test"
    while True:
        text, names, cuts = random_zone(zone)
        (work / f"{zone}.zone").write_text(text)
        if vouch("check", "-o", zone, work / f"{zone}.zone")[0] == 0:
            break
    zones[zone] = (denial, ALGORITHMS[algorithm], names, cuts)
    config += f"zone:\n  name: {zone}\n  file: {work}/{zone}.zone\n  denial: {denial}\n  algorithm: {ALGORITHMS[algorithm]}\n  cds-cdnskey-publish: none\n"
(work / "root.zone").write_text(f"$ORIGIN .\n$TTL 300\n@ SOA a.nic. h.nic. 1 3600 900 604800 60\n@ NS a.nic.\na.nic. A {AUTH}\n" + "".join(
    f"{zone}. NS ns.{zone}.\nns.{zone}. A {AUTH}\n" for zone in zones))
config += f"zone:\n  name: .\n  file: {work}/root.zone\n  sign: no\n"
(work / "serve.conf").write_text(f"server:\n  listen: {AUTH}@{PORT}\n  state: {work}/server\n  sandbox: no\nsigner:\n  listen: {NET}.4@{PORT}\n  state: {work}/signer\n{config}")
log = work / "serve.log"
server = start([VOUCH, "serve", "--config", work / "serve.conf"], log)


def exchange(address, name, kind, checking=False, seconds=10):
    """(RCODE, AD, answers, message) of a question with RD and DO."""
    additional = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 0)
    identity = chance.randrange(1 << 16)
    octets = wire.message(identity, 0x0100 | (0x0010 if checking else 0), [wire.question(name, kind)])
    octets = octets[:10] + b"\0\1" + octets[12:] + additional
    answer = wire.ask_udp(address, PORT, octets, seconds)
    if len(answer) >= 12 and answer[2] & 2:
        answer = wire.ask_tcp(address, PORT, octets, seconds)
    if len(answer) < 12:
        return None, False, 0, answer
    flags, answers = struct.unpack("!H", answer[2:4])[0], struct.unpack("!H", answer[6:8])[0]
    return flags & 15, bool(flags & 0x20), answers, answer


ready = until(lambda: all(exchange(AUTH, zone, 48)[2] for zone in zones), 60, 0.2)
check(ready, f"{ZONES} random zones are signed and served", log.read_text()[-2000:])
for zone in zones:
    text = run(["dig", "+short", "+tcp", f"@{AUTH}", "-p", PORT, zone, "DNSKEY"])[1]
    anchors += [f"{zone}. DNSKEY {line}" for line in text.split("\n") if line.startswith("257 3")]
(work / "anchors").write_text("\n".join(anchors) + "\n")
(work / "unbound.conf").write_text(f"""server:
  interface: {UNBOUND}@{PORT}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{work}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{work}/anchors"
  aggressive-nsec: no
  val-log-level: 2
  local-zone: "test." nodefault
  domain-insecure: "elsewhere.test"
  domain-insecure: "target.test"
  infra-keep-probing: yes
remote-control:
  control-enable: no
""" + "".join(f"stub-zone:\n  name: {zone}\n  stub-addr: {AUTH}@{PORT}\n  stub-no-cache: no\n" for zone in [*zones, "."]))
unbound = start(["unbound", "-d", "-p", "-c", work / "unbound.conf"], work / "unbound.log")
(work / "resolve.conf").write_text(f"""server:
  listen: {OURS}@{PORT}
  sandbox: no
resolver:
  trust-anchor-file: {work}/anchors
  root-hint: {AUTH}
  ask-only: {AUTH}/32
""")
resolver_log = work / "resolve.log"
resolver = start([VOUCH, "resolve", "--config", work / "resolve.conf", "--upstream-port", PORT], resolver_log)
RESOLVERS = {"our resolver": OURS, "Unbound": UNBOUND}
for who, address in RESOLVERS.items():
    check(until(lambda: exchange(address, "z0.test", TYPES["SOA"], seconds=2)[1], 20), f"{who} finds z0.test secure",
          resolver_log.read_text()[-1500:] + (work / "unbound.log").read_text()[-1500:])


def leaves(message):
    """Does an alias lead out of the signed zones, where nothing is signed?"""
    return b"\6target" in message or b"\x09elsewhere" in message


# What Unbound 1.17 refuses although it is right, by type and by the words of its log.
UNBOUNDS_OWN = (
    # Below a DNAME it asks for a DS at the alias to prove an alias, and takes the same alias in that answer amiss (RFC 6672 §3.2).
    (lambda name, kind: kind in (TYPES["CNAME"], TYPES["DNAME"]), "DS got DNAME answer"),
    # Asked for DNAME below a DNAME it does not see that the CNAME is synthesized, and wants a signature of it (RFC 6672 §5.3.1).
    (lambda name, kind: kind == TYPES["DNAME"], "no signatures for CNAME"),
    # A name that begins with `*` and is itself made from a wildcard above: it drops one label too few (RFC 4035 §5.3.2).
    (lambda name, kind: name.startswith("*."), "signature crypto failed"),
)


def reasons(name):
    return re.findall(rf"validation failure <{re.escape(name)}\. \S+ IN>: (.*)", (work / "unbound.log").read_text(), re.I)


def is_unbounds_own(name, kind):
    return any(fits(name, kind) and any(line.startswith(words) for line in reasons(name)) for fits, words in UNBOUNDS_OWN)


def judge(who, zone, name, kind):
    """What is wrong with a resolver's verdict about our answer; None where nothing is."""
    rcode, is_secure, _, message = exchange(RESOLVERS[who], name, kind)
    if who == "Unbound" and rcode == 2 and is_unbounds_own(name, kind):
        return None
    if rcode not in (0, 3):
        return f"{who}: {name} {kind} rcode {rcode} {reasons(name)}"
    may_be_insecure = zones[zone][0] == "nsec3-opt-out" or kind == TYPES["RRSIG"] or leaves(message) or (name, kind) == (zone, TYPES["DS"])  # of the parent
    if not is_secure and not may_be_insecure:
        return f"{who}: {name} {kind} rcode {rcode} is not secure"
    return None


total = 0
for zone, (denial, algorithm, names, cuts) in zones.items():
    asked = questions_of(zone, names, cuts)
    total += len(asked)
    for who in RESOLVERS:
        wrong = [fault for name, kind in asked if (fault := judge(who, zone, name, kind))]
        if not check(not wrong, f"{zone}, {denial}, {algorithm}: {who} accepts the answers to {len(asked)} questions", "\n".join(wrong[:10])):
            print((work / f"{zone}.zone").read_text(), flush=True)
print(f"    {total} questions, {len(RESOLVERS)} validators", flush=True)
time.sleep(int(os.environ.get("LINGER", 0)))
for process, what, output in ((server, "server", log), (resolver, "resolver", resolver_log)):
    check(stop(process) == 0 and not re.search("AddressSanitizer|runtime error|LeakSanitizer", output.read_text()), f"our {what} ends cleanly", output.read_text()[-3000:])
finish()
