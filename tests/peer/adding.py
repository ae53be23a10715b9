#!/usr/bin/env python3
"""Zones that come while the server runs and are to be signed: added by control, as members of a catalog, by another configuration. The signer
takes each over, or says in a sentence why not, and then nothing of it stays; what was accepted outlives any kill."""
import os
import re
import signal
import time

from common import VOUCH, check, finish, folder, needs, run, start, stop, until

needs("dig", "ldns-verify-zone")
ADDRESS, SIGNER, PORT = "127.69.0.1", "127.69.0.2", 5369
work = folder("adding")
log = work / "log"
for one in "zones", "state", "signer":
    (work / one).mkdir()


def write_zone(zone, *more, serial=1):
    path = work / "zones" / f"{zone}.zone"
    path.write_text("\n".join([f"$ORIGIN {zone}.", "$TTL 60", f"@ SOA ns h {serial} 3600 1 604800 5", "@ NS ns", "ns A 192.0.2.1", "www A 192.0.2.2", *more]) + "\n")


def write_catalog(serial, *members):
    lines = ["$ORIGIN members.cat.", "$TTL 0", f"@ SOA invalid. invalid. {serial} 3600 600 604800 0", "@ NS invalid.", 'version TXT "2"']
    lines += [f"m{i}.zones PTR {zone}." for i, zone in enumerate(members)]
    (work / "zones" / "members.cat.zone").write_text("\n".join(lines) + "\n")


def write_configuration(*zones, hsm=True):
    (work / "conf").write_text(f"""server:
  listen: {ADDRESS}@{PORT}
  control: {work}/control
  state: {work}/state
  workers: 1
  sandbox: no
signer:
  listen: {SIGNER}@{PORT}
  control: {work}/signer.control
  state: {work}/signer
pattern:
  name: signed
  file: "{work}/zones/%s.zone"
  sign: yes
  denial: nsec3
  validity: 5d
  allow-transfer: {ADDRESS}
pattern:
  name: plain
  file: "{work}/zones/%s.zone"
""" + (f"""pattern:
  name: token
  file: "{work}/zones/%s.zone"
  sign: yes
  keys-in: hsm
""" if hsm else "") + f"""zone:
  name: members.cat
  file: {work}/zones/members.cat.zone
  sign: no
  catalog-role: interpret
  catalog-template: signed
zone:
  name: base.test
  pattern: plain
  sign: yes
""" + "".join(f"zone:\n  name: {zone}\n  pattern: signed\n" for zone in zones))


def control(*words, signer=False):
    return run([VOUCH, "control", "--socket", work / ("signer.control" if signer else "control"), *words], 130)


def dig(name, kind, *options):
    return run(["dig", f"@{ADDRESS}", "-p", PORT, "+tries=1", "+time=3", name, kind, *options])[1]


def is_signed(zone):
    text = dig(zone, "SOA", "+dnssec")
    return "status: NOERROR" in text and "RRSIG" in text


def is_refused(zone):
    return "status: REFUSED" in dig(zone, "SOA")


def keys(zone):
    return sorted(line for line in dig(zone, "DNSKEY", "+short").split("\n") if line.startswith("25"))


def serial(zone):
    words = dig(zone, "SOA", "+short").split()
    return int(words[2]) if len(words) > 2 else 0


def is_at_signer(zone):
    return control("zone-status", zone, signer=True)[0] == 0


def roles():
    """The processes of the two roles, by their names."""
    found = {}
    for one in os.listdir("/proc"):
        try:
            words = open(f"/proc/{one}/cmdline", "rb").read().decode(errors="replace").split("\0") if one.isdigit() else []
        except OSError:
            continue
        if str(work / "conf") in words and "--role" in words:
            found[words[words.index("--role") + 1]] = int(one)
    return found


def said():
    return log.read_text(errors="replace")[-4000:]


for zone in "base.test", "one.test", "two.test", "three.test", "held.test", "plain.test", "new.test", "gone.test", "m0.test", "m1.test":
    write_zone(zone)
write_zone("broken.test", "www TXT \"unended")
write_catalog(1, "m0.test")
write_configuration("gone.test")
server = start([VOUCH, "serve", "--config", work / "conf"], log)
check(until(lambda: is_signed("base.test") and is_signed("gone.test"), 30), "zones of the configuration are signed, with a pattern's terms where they say nothing", said())

# By control.
begun = time.monotonic()
code, text = control("add", "one.test", "signed")
check(code == 0 and text == "added\n" and is_signed("one.test"), "a zone that was added is signed and served when that is said", f"{code} {text} {said()}")
print(f"    in {time.monotonic() - begun:.2f} s", flush=True)
(work / "one.signed").write_text(run(["dig", "+onesoa", "+nocomments", "+nocmd", "+nostats", "-b", ADDRESS, f"@{ADDRESS}", "-p", PORT, "one.test", "AXFR"])[1])
code, text = run(["ldns-verify-zone", work / "one.signed"])
check(code == 0, "ldns-verify-zone finds it good", text)
times = re.search(r"RRSIG\s+SOA 13 2 60 (\d{8})\d{6} (\d{8})\d{6}", dig("one.test", "SOA", "+dnssec"))
days = (time.mktime(time.strptime(times[1], "%Y%m%d")) - time.mktime(time.strptime(times[2], "%Y%m%d"))) / 86400 if times else 0
check(4 < days < 7 and "NSEC3PARAM" in dig("one.test", "NSEC3PARAM"), "as its pattern says", dig("one.test", "SOA", "+dnssec"))
code, text = control("add", "one.test", "signed")
check(code == 1 and "there already" in text, "not twice", text)
code, text = control("add", "plain.test", "plain")
check(code == 0 and "NOERROR" in dig("plain.test", "SOA") and not is_signed("plain.test") and not is_at_signer("plain.test"),
      "a zone of a pattern that says nothing of signing is served as it is", text)

# What cannot be signed is not added, and who asked for it hears why.
for zone, pattern, sentence in (("broken.test", "signed", r"broken\.test\.zone:7"), ("absent.test", "signed", r"absent\.test\.zone.*No such file"), ("held.test", "token", "hsm|HSM|token")):
    code, text = control("add", zone, pattern)
    check(code == 1 and "not added: " in text and re.search(sentence, text) and text.count("\n") == 1, f"{zone}: one sentence says why it is not added", f"{code} {text}")
    check(is_refused(zone) and until(lambda: not is_at_signer(zone), 10), f"{zone}: and nothing of it stays", dig(zone, "SOA"))
write_zone("broken.test")
code, text = control("add", "broken.test", "signed")
check(code == 0 and is_signed("broken.test"), "mended, it is taken", text)

# As a member of a catalog.
check(until(lambda: is_signed("m0.test"), 20), "a member of a catalog is signed", said())
write_catalog(2, "m0.test", "m1.test")
control("reload", "members.cat", signer=True)
check(until(lambda: is_signed("m1.test"), 20), "and another that comes", said())
write_catalog(3, "m1.test")
control("reload", "members.cat", signer=True)
check(until(lambda: is_refused("m0.test") and not is_at_signer("m0.test"), 20), "one that goes is let go of by server and signer", said())

# Killed.
before = {zone: keys(zone) for zone in ("one.test", "broken.test", "m1.test")}
code, text = control("add", "two.test", "signed")
os.killpg(server.pid, signal.SIGKILL)
server.wait()
before["two.test"] = None
check(code == 0, "two.test is added, and all are killed at once", text)
server = start([VOUCH, "serve", "--config", work / "conf"], log)
check(until(lambda: all(is_signed(zone) for zone in before), 30), "all that was added is there again", said())
check(all(kept is None or keys(zone) == kept for zone, kept in before.items()), "with the keys that they had", before)
for role in "signer", "auth":
    zone = {"signer": "three.test", "auth": "held.test"}[role]
    adding = start([VOUCH, "control", "--socket", work / "control", "add", zone, "signed"], work / "adding.out")
    time.sleep(0.1)
    os.kill(roles()[role], signal.SIGKILL)
    adding.wait(130)
    is_accepted = adding.returncode == 0
    until(lambda: len(roles()) == 2, 20)
    if role == "signer":
        check(is_accepted and until(lambda: is_signed(zone), 30), "the signer is killed while it is to take a zone over: it does when it is back", (work / "adding.out").read_text() + said())
    else: # whoever asked has heard nothing; then it is there, or it is not, but whole
        time.sleep(3)
        is_there = until(lambda: control("zone-status", zone)[0] in (0, 1) and "cannot" not in control("zone-status", zone)[1], 20) and control("zone-status", zone)[0] == 0
        check(until(lambda: is_signed(zone) if is_there else is_refused(zone) and not is_at_signer(zone), 30), f"the server is killed while it adds a zone: that is {'there' if is_there else 'not there'}, in both", said())

# Removed, and back.
was = serial("one.test")
code, text = control("remove", "one.test")
check(code == 0 and is_refused("one.test") and until(lambda: not is_at_signer("one.test"), 10), "a zone that is removed is gone from both", text + said())
code, text = control("add", "one.test", "signed")
check(code == 0 and until(lambda: is_signed("one.test"), 10) and keys("one.test") == before["one.test"] and serial("one.test") >= was,
      "added again it has its keys, and goes on with its serial", f"{text} {keys('one.test')} {serial('one.test')} {was}")
code, text = control("remove", "m1.test")
check(code == 1 and "catalog" in text, "a member of a catalog is not removed by hand", text)

# Another configuration.
write_configuration("new.test", hsm=False)
server.send_signal(signal.SIGHUP)
check(until(lambda: is_signed("new.test") and is_refused("gone.test"), 20), "a zone that comes with the configuration is signed, and one that goes goes", said())
check(not is_at_signer("gone.test") and all(is_signed(zone) for zone in before), "those that were added stay", said())
(work / "conf").write_text((work / "conf").read_text() + "zone:\n  nonsense: yes\n")
code, text = control("reload", signer=True)
check(code == 1 and "not taken" in text and is_signed("new.test"), "a configuration with a fault changes nothing", text)
check(stop(server) == 0, "server and signer end well", said())
check(not re.search("AddressSanitizer|runtime error|LeakSanitizer|ThreadSanitizer|promise", log.read_text(errors="replace")), "no sanitizer has anything to say", said())
finish()
