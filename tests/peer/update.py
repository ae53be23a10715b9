#!/usr/bin/env python3
"""Dynamic updates with nsupdate: what is accepted is signed, durable and served when the client hears of it, and outlives kill -9; what no
rule grants, what is not signed as it must be, and what would break the chain is refused, with the RCODE of RFC 2136."""
import base64
import os
import random
import re
import signal
import subprocess
from pathlib import Path

from common import check, finish, folder, needs, run, start, stop, until, vouch, VOUCH

needs("nsupdate", "dig", "ldns-verify-zone")
SERVER, SIGNER, PORT = "127.43.0.1", "127.43.0.2", 5300
work = folder("update")
KEYS = {"editor": b"e" * 32, "stranger": b"s" * 32, "host.dyn.example": b"h" * 32, "sub": b"u" * 32}
SECRETS = {name: base64.b64encode(secret).decode() for name, secret in KEYS.items()}
zone_text = """$ORIGIN {zone}.
$TTL 60
@ SOA ns hostmaster {serial} 3600 900 604800 5
@ NS ns
@ NS ns2
ns A 127.43.0.1
ns2 A 127.43.0.1
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
"""


def write_zone(zone, serial=1, more=""):
    (work / f"{zone}.zone").write_text(zone_text.format(zone=zone, serial=serial) + more)


HASHED = ("nsec3.example", "optout.example", "zonemd.example")
for zone in ("dyn.example", "plain.example", "fixed.example", *HASHED):
    write_zone(zone)
config = work / "serve.conf"
config.write_text(f"""server:
  listen: {SERVER}@{PORT}
  state: {work}/server
  control: {work}/server.control
signer:
  listen: {SIGNER}@{PORT}
  state: {work}/signer
  control: {work}/signer.control
""" + "".join(f"key:\n  name: {name}\n  secret: \"{secret}\"\n" for name, secret in SECRETS.items()) + f"""zone:
  name: dyn.example
  file: {work}/dyn.example.zone
  update-policy: "editor zone ANY"
  update-policy: "host.dyn.example self A AAAA"
  update-policy: "sub subtree lab TXT A"
  allow-transfer: editor
zone:
  name: plain.example
  file: {work}/plain.example.zone
  sign: no
  update-policy: "editor zone"
  allow-transfer: editor
zone:
  name: fixed.example
  file: {work}/fixed.example.zone
""" + "".join(f"""zone:
  name: {zone}
  file: {work}/{zone}.zone
  denial: {denial}
  zonemd: {zonemd}
  update-policy: "editor zone ANY"
  allow-transfer: editor
""" for zone, denial, zonemd in zip(HASHED, ("nsec3", "nsec3-opt-out", "nsec"), ("no", "no", "yes"))))
log = work / "serve.log"


def serve():
    process = start([VOUCH, "serve", "--config", config], log)
    check(until(lambda: all("SOA" in dig(zone, "SOA") for zone in ("dyn.example", "plain.example", *HASHED)), 30), "vouch serves", log.read_text()[-2000:])
    return process


def dig(name, kind="A", *options, server=SERVER):
    return run(["dig", "+noall", "+answer", "+time=2", "+tries=1", "+norec", f"@{server}", "-p", PORT, name, kind, *options])[1]


def serial(zone):
    found = re.search(r"SOA\s+\S+ \S+ (\d+) ", dig(zone, "SOA"))
    return int(found.group(1)) if found else 0


def update(zone, *lines, key="editor", secret=None, tcp=False, server=SERVER):
    """(RCODE, all output)."""
    words = ["nsupdate", "-t", "20", "-r", "0", "-u", "20"] + (["-v"] if tcp else [])
    if key:
        words += ["-y", f"hmac-sha256:{key}:{secret or SECRETS[key]}"]
    text = f"server {server} {PORT}\nzone {zone}\n" + "\n".join(lines) + "\nsend\nanswer\n"
    code, output = run(words, 40, text.encode())
    failed = re.search(r"update failed: (\w+)", output)
    tsig = re.search(r"tsig|TSIG|BADKEY|BADSIG", output) if code else None
    return ("NOERROR" if code == 0 else failed.group(1) if failed else "TSIG" if tsig else "FAILED"), output


def transfer(zone, kind="AXFR"):
    return run(["dig", "+noall", "+answer", "+time=5", "+tries=1", "-y", f"hmac-sha256:editor:{SECRETS['editor']}", f"@{SERVER}", "-p", PORT, zone, kind])[1]


def verified(zone, what):
    (work / "axfr.zone").write_text(transfer(zone))
    code, output = run(["ldns-verify-zone", *(["-ZZ"] if zone == "zonemd.example" else []), work / "axfr.zone"])
    check(code == 0, f"ldns-verify-zone accepts {zone} {what}", output + transfer(zone)[-1500:])


server = serve()
verified("dyn.example", "at the start")

# What is accepted is there at once.
rows = [
    ("a record is added", ["update add new.dyn.example. 60 A 192.0.2.10"], "new.dyn.example", "A", "192.0.2.10"),
    ("one more", ["update add new.dyn.example. 60 A 192.0.2.11"], "new.dyn.example", "A", "192.0.2.11"),
    ("another type", ["update add new.dyn.example. 60 TXT \"a text\""], "new.dyn.example", "TXT", "a text"),
    ("one record is deleted", ["update delete new.dyn.example. A 192.0.2.10"], "new.dyn.example", "A", "!192.0.2.10"),
    ("an RRset is deleted", ["update delete new.dyn.example. TXT"], "new.dyn.example", "TXT", "!a text"),
    ("a name is deleted", ["update delete new.dyn.example."], "new.dyn.example", "A", "!192.0.2.11"),
    ("a CNAME takes the place of another", ["update add alias.dyn.example. 60 CNAME ns.dyn.example."], "alias.dyn.example", "CNAME", "ns.dyn.example."),
    ("prerequisites of all forms hold", ["prereq nxdomain none.dyn.example.", "prereq yxdomain www.dyn.example.", "prereq nxrrset www.dyn.example. AAAA",
     "prereq yxrrset www.dyn.example. A", "prereq yxrrset www.dyn.example. A 192.0.2.2", "prereq yxrrset www.dyn.example. A 192.0.2.1",
     "update add www.dyn.example. 60 AAAA 2001:db8::1"], "www.dyn.example", "AAAA", "2001:db8::1"),
    ("a delegation with a DS", ["update add child.dyn.example. 60 NS ns.test.", "update add child.dyn.example. 60 DS 1 13 2 " + "ab" * 32],
     "child.dyn.example", "DS", "1 13 2"),
    ("a wildcard", ["update add *.wild.dyn.example. 60 A 192.0.2.30"], "x.wild.dyn.example", "A", "192.0.2.30"),
]
for number, (what, lines, name, kind, expected) in enumerate(rows):
    before = serial("dyn.example")
    rcode, output = update("dyn.example", *lines, tcp=number % 2 == 1)
    answer = dig(name, kind)
    holds = expected[1:] not in answer if expected[0] == "!" else expected in answer
    check(rcode == "NOERROR" and holds and serial("dyn.example") != before, what + ", served when nsupdate ends", output + answer + log.read_text()[-1500:])
check("RRSIG" in dig("www.dyn.example", "AAAA", "+dnssec"), "what was added is signed")
verified("dyn.example", "after updates")
before = serial("dyn.example")
rcode, output = update("dyn.example", "update add www.dyn.example. 60 A 192.0.2.1")
check(rcode == "NOERROR" and serial("dyn.example") == before, "what is there already changes nothing", output)
for what, number, expected in (("that only raises the serial is taken", before + 1000, before + 1000), ("with an older serial changes nothing", before + 10, before + 1000)):
    rcode, output = update("dyn.example", f"update add dyn.example. 60 SOA ns.dyn.example. hostmaster.dyn.example. {number} 3600 900 604800 5")
    check(rcode == "NOERROR" and serial("dyn.example") == expected, f"an UPDATE {what}", f"{serial('dyn.example')} {expected} {output}{log.read_text()[-800:]}")
verified("dyn.example", "under the serial that was asked for")

# What is not, and why.
for what, lines, key, expected in (
        ("a prerequisite: name not in use", ["prereq nxdomain www.dyn.example.", "update add a.dyn.example. 60 A 192.0.2.1"], "editor", "YXDOMAIN"),
        ("a prerequisite: name in use", ["prereq yxdomain none.dyn.example.", "update add a.dyn.example. 60 A 192.0.2.1"], "editor", "NXDOMAIN"),
        ("a prerequisite: RRset absent", ["prereq nxrrset www.dyn.example. A", "update add a.dyn.example. 60 A 192.0.2.1"], "editor", "YXRRSET"),
        ("a prerequisite: RRset there", ["prereq yxrrset www.dyn.example. MX", "update add a.dyn.example. 60 A 192.0.2.1"], "editor", "NXRRSET"),
        ("a prerequisite: values", ["prereq yxrrset www.dyn.example. A 192.0.2.1", "update add a.dyn.example. 60 A 192.0.2.1"], "editor", "NXRRSET"),
        ("a name of another zone", ["update add a.test. 60 A 192.0.2.1"], "editor", "NOTZONE"),
        ("the signer's DNSKEY", ["update delete dyn.example. DNSKEY"], "editor", "REFUSED"),
        ("the signer's NSEC", ["update delete www.dyn.example. NSEC"], "editor", "REFUSED"),
        ("a CDS", ["update add dyn.example. 60 CDS 0 0 0 00"], "editor", "REFUSED"),
        ("the only address of a name server", ["update delete ns.dyn.example. A"], "editor", "REFUSED"),
        ("a key without a rule", ["update add a.dyn.example. 60 A 192.0.2.1"], "stranger", "REFUSED"),
        ("a key beside its name", ["update add a.dyn.example. 60 A 192.0.2.1"], "host.dyn.example", "REFUSED"),
        ("a key with another type", ["update add host.dyn.example. 60 TXT x"], "host.dyn.example", "REFUSED"),
        ("a key beside its subtree", ["update add a.dyn.example. 60 TXT x"], "sub", "REFUSED"),
        ("no key", ["update add a.dyn.example. 60 A 192.0.2.1"], None, "REFUSED")):
    rcode, output = update("dyn.example", *lines, key=key)
    check(rcode == expected and "192.0.2.1" not in dig("a.dyn.example"), f"{what}: {expected}", f"{rcode}\n{output}{log.read_text()[-800:]}")
rcode, output = update("dyn.example", "update add a.dyn.example. 60 A 192.0.2.1", secret=base64.b64encode(b"w" * 32).decode())
check(rcode not in ("NOERROR", "REFUSED") and not dig("a.dyn.example"), "a wrong secret does not pass", f"{rcode}\n{output}")
rcode, output = update("dyn.example", "update add a.dyn.example. 60 A 192.0.2.1", key="unknown", secret=SECRETS["editor"])
check(rcode not in ("NOERROR",) and not dig("a.dyn.example"), "an unknown key does not pass", f"{rcode}\n{output}")
rcode, output = update("dyn.example", "update add a.dyn.example. 60 A 192.0.2.1", key=None, server=SIGNER)
check(rcode == "REFUSED", "nor does one without a key pass at the signer itself", f"{rcode}\n{output}")
rcode, output = update("fixed.example", "update add a.fixed.example. 60 A 192.0.2.1")
check(rcode == "REFUSED", "a zone without update-policy is not updated", f"{rcode}\n{output}")
rcode, output = update("nowhere.example", "update add a.nowhere.example. 60 A 192.0.2.1")
check(rcode == "NOTAUTH", "a zone that is not here", f"{rcode}\n{output}")
for key, line, name in (("host.dyn.example", "host.dyn.example. 60 A 192.0.2.40", "host.dyn.example"), ("sub", "x.lab.dyn.example. 60 A 192.0.2.41", "x.lab.dyn.example")):
    rcode, output = update("dyn.example", "update add " + line, key=key)
    check(rcode == "NOERROR" and "192.0.2.4" in dig(name), f"the key {key} may do what its rule grants", f"{rcode}\n{output}")

# A zone that is not signed passes the signer, can be updated, and can be signed at any time.
rcode, output = update("plain.example", "update add new.plain.example. 60 A 192.0.2.50")
check(rcode == "NOERROR" and "192.0.2.50" in dig("new.plain.example") and "RRSIG" not in dig("new.plain.example", "A", "+dnssec"), "an unsigned zone is updated",
      f"{rcode}\n{output}{log.read_text()[-1500:]}")
code, output = vouch("control", "--socket", work / "signer.control", "sign", "plain.example")
check(code == 0 and until(lambda: "RRSIG" in dig("new.plain.example", "A", "+dnssec"), 10), "vouch control sign signs it", output)
verified("plain.example", "signed while running")
code, output = vouch("control", "--socket", work / "signer.control", "unsign", "plain.example")
check(code == 0 and until(lambda: "RRSIG" not in dig("new.plain.example", "A", "+dnssec"), 10) and "192.0.2.50" in dig("new.plain.example"), "and unsign takes it back", output)

# Changes as chance wills, against a model of what they mean, under each kind of denial.
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
print(f"seed {SEED} (SEED={SEED} repeats the random updates)")
chance = random.Random(SEED)


def records(zone):
    """Of the names that the random updates are about."""
    found = re.findall(r"^(r\S+)\.%s\.\s+\d+\s+IN\s+(A|TXT|NS)\s+(.*)$" % re.escape(zone), transfer(zone), re.M)
    return {(name, kind, value.strip('"')) for name, kind, value in found}


for zone in HASHED:
    model, refused = set(), []
    for turn in range(12):
        lines = []
        for _ in range(chance.randrange(1, 6)):
            name = chance.choice(["r1", "r2", "rx.deep.r3", "ry.deep.r3", "r4", "*.r5"])
            kind, value = chance.choice([("A", f"192.0.2.{chance.randrange(3)}"), ("TXT", f"t{chance.randrange(3)}"), ("NS", f"ns{chance.randrange(2)}.test.")])
            if kind == "NS" and name not in ("r1", "r4"):
                kind, value = "TXT", "instead"
            what = chance.randrange(5)
            if what < 3:
                lines.append(f"update add {name}.{zone}. 60 {kind} {value}")
                model.add((name, kind, value))
            elif what == 3:
                lines.append(f"update delete {name}.{zone}. {kind} {value}")
                model.discard((name, kind, value))
            else:
                lines.append(f"update delete {name}.{zone}." + (f" {kind}" if chance.randrange(2) else ""))
                model = {r for r in model if r[0] != name or (lines[-1][-1] != "." and r[1] != kind)}
        rcode, output = update(zone, *lines)
        refused += [] if rcode == "NOERROR" else [(rcode, lines, output)]
    there = {r for r in records(zone)}
    wanted = {r for r in model if r[0][0] == "r"}
    check(not refused and there == wanted, f"random updates of {zone} mean what they should", f"{refused} {there ^ wanted}{log.read_text()[-800:]}")
    verified(zone, "after random updates")

# Nothing accepted is lost: kill -9 of every process, at any time, and IXFR goes on behind it.


def children(process):
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


def kill_all(process):
    for pid in children(process) + [process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.wait()


first = serial("dyn.example")
for turn in range(3):
    accepted = []
    for i in range(8):
        name = f"k{turn}-{i}.dyn.example"
        rcode, output = update("dyn.example", f"update add {name}. 60 TXT \"{turn} {i}\"")
        accepted += [name] if rcode == "NOERROR" else []
    words = ["nsupdate", "-t", "20", "-r", "0", "-u", "20", "-y", f"hmac-sha256:editor:{SECRETS['editor']}"]
    late = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    late.stdin.write(f"server {SERVER} {PORT}\nzone dyn.example\nupdate add late{turn}.dyn.example. 60 TXT late\nsend\n".encode())
    late.stdin.close()
    kill_all(server)
    late.kill()
    late.wait()
    server = serve()
    missing = [name for name in accepted if not dig(name, "TXT")]
    check(len(accepted) == 8 and not missing, f"kill -9, turn {turn}: all that was accepted is there", f"{missing} {output}{log.read_text()[-1500:]}")
verified("dyn.example", "after three kills")
last = serial("dyn.example")
text = transfer("dyn.example", f"IXFR={last - 3}")
check(len(re.findall(r"\tSOA\t", text)) == 4 and "DNSKEY" not in text, "IXFR from three versions before goes on after a restart", text[:1500])
check(stop(server) == 0, "vouch ends cleanly", log.read_text()[-1500:])

# The file: what was updated stays, until a file with a newer serial comes.
server = serve()
check("192.0.2.40" in dig("host.dyn.example"), "a restart with the same file keeps what was updated", log.read_text()[-1500:])
write_zone("dyn.example", 2, "fresh A 192.0.2.60\n")
os.kill(server.pid, signal.SIGHUP)
check(until(lambda: "192.0.2.60" in dig("fresh.dyn.example"), 10) and not dig("host.dyn.example"), "a file with a newer serial takes its place", log.read_text()[-1500:])
code, output = vouch("control", "--socket", work / "signer.control", "reload")
check(code == 0 and "6 zones" in output, "reload without a name reads all", output)
verified("dyn.example", "from the new file")
check(stop(server) == 0, "vouch ends cleanly again", log.read_text()[-1500:])
check(not re.search("AddressSanitizer|runtime error", log.read_text()), "no sanitizer has anything to say", log.read_text()[-3000:])
finish()
