#!/usr/bin/env python3
"""A bump in the wire: Knot is the hidden primary of a zone that vouch takes by AXFR and IXFR with TSIG, signs and serves. A change there is
served signed within seconds; a version with faults is held back, and said to be; the last good one stays, also while the primary is gone."""
import re

from common import VOUCH, check, finish, folder, needs, run, start, stop, until, vouch

needs("knotd", "knotc", "dig", "ldns-verify-zone")
SERVER, SIGNER, KNOT, PORT = "127.44.0.1", "127.44.0.2", "127.44.0.3", 5300
SECRET = "YnVtcCBpbiB0aGUgd2lyZSwgb2YgMzIgb2N0ZXRzLi4="
work = folder("bump")
ZONE = """$ORIGIN bump.example.
$TTL 60
@ SOA ns hostmaster {serial} 30 10 604800 5
{apex}
ns A 127.44.0.1
www A 192.0.2.{host}
"""
GOOD_APEX = "@ NS ns"


def write_zone(serial, host, apex=GOOD_APEX):
    (work / "bump.zone").write_text(ZONE.format(serial=serial, host=host, apex=apex))


write_zone(1, 1)
(work / "knot.conf").write_text(f"""server:
    rundir: "{work}/knot"
    listen: {KNOT}@{PORT}
log:
  - target: stderr
    any: info
database:
    storage: "{work}/knot"
key:
  - id: hidden
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: signer
    address: {SIGNER}@{PORT}
    key: hidden
acl:
  - id: signer
    key: hidden
    action: transfer
zone:
  - domain: bump.example
    file: "{work}/bump.zone"
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: changes
    semantic-checks: off
    notify: signer
    acl: signer
""")
(work / "knot").mkdir()
(work / "serve.conf").write_text(f"""server:
  listen: {SERVER}@{PORT}
  state: {work}/server
signer:
  listen: {SIGNER}@{PORT}
  state: {work}/signer
  control: {work}/signer.control
key:
  name: hidden
  secret: "{SECRET}"
zone:
  name: bump.example
  primary: {KNOT}@{PORT}
  primary-key: hidden
  allow-transfer: 127.0.0.1
""")
log, knot_log = work / "serve.log", work / "knot.log"


def start_knot():
    process = start(["knotd", "-c", work / "knot.conf"], knot_log)
    until(lambda: "SOA" in dig("bump.example", "SOA", server=KNOT), 20)
    return process


def start_vouch():
    return start([VOUCH, "serve", "--config", work / "serve.conf"], log)


def dig(name, kind="A", *options, server=SERVER):
    return run(["dig", "+noall", "+answer", "+time=2", "+tries=1", "+norec", f"@{server}", "-p", PORT, name, kind, *options])[1]


def reload(serial, host, apex=GOOD_APEX):
    write_zone(serial, host, apex)
    return run(["knotc", "-s", work / "knot" / "knot.sock", "zone-reload", "bump.example"])[1]


def is_signed(host):
    answer = dig("www.bump.example", "A", "+dnssec")
    return f"192.0.2.{host}\n" in answer and "RRSIG" in answer


def status():
    return vouch("control", "--socket", work / "signer.control", "zone-status", "bump.example")[1]


def verified(what):
    (work / "axfr.zone").write_text(run(["dig", "+noall", "+answer", "-b", "127.0.0.1", f"@{SERVER}", "-p", PORT, "bump.example", "AXFR"])[1])
    code, output = run(["ldns-verify-zone", work / "axfr.zone"])
    check(code == 0, f"ldns-verify-zone accepts it {what}", output)


def evidence():
    return log.read_text()[-2000:] + knot_log.read_text()[-1500:]


knot, server = start_knot(), start_vouch()
check(until(lambda: is_signed(1), 30), "the zone is taken from Knot and served signed", evidence())
verified("at the start")
output = reload(2, 2)
check(until(lambda: is_signed(2), 5), "a change there is served signed within five seconds, by NOTIFY", output + evidence())
check("serial 2 taken by IXFR" in log.read_text(), "it came by IXFR", evidence())
verified("after a change")

# Versions with faults.
for serial, (apex, why) in enumerate((("@ NS nowhere", "nowhere.bump.example"), ("", "no NS records")), 3):
    output = reload(serial, 99, apex)
    check(until(lambda: "held back" in status(), 10), f"a version is held back: {why}", output + status() + evidence())
    check(why in status() and f"serial {serial}" in status(), "the status says why, and which", status())
    check(is_signed(2), "the last good version is served", dig("www.bump.example"))
verified("while a version is held back")

# A restart with the bad version as the last one taken.
check(stop(server) == 0, "vouch ends cleanly", evidence())
server = start_vouch()
check(until(lambda: is_signed(2), 20), "the last good version is served after a restart", evidence())
check(until(lambda: "held back" in status(), 10), "and the bad one is still held back", status() + evidence())
output = reload(5, 5)
check(until(lambda: is_signed(5), 10), "a mended version is taken", output + status() + evidence())
check("held back" not in status(), "nothing is held back any more", status())

# The primary is gone.
stop(knot)
check(stop(server) == 0, "vouch ends cleanly again", evidence())
server = start_vouch()
check(until(lambda: is_signed(5), 20), "without the primary the zone is served from disk", evidence())
knot = start_knot()
output = reload(6, 6)
check(until(lambda: is_signed(6), 20), "the primary is back, and its news too", output + evidence())

# Signatures of somebody who does not have the key.
(work / "knot.conf").write_text((work / "knot.conf").read_text().replace(SECRET, "d3Jvbmcgc2VjcmV0IG9mIDMyIG9jdGV0cywgcmVhbGx5IQ=="))
stop(knot)
knot = start_knot()
reload(7, 7)
check(until(lambda: re.search(r"TSIG|not signed", log.read_text()), 40), "a primary with another secret is not believed, and it is said", evidence())
check(is_signed(6), "the last good version stays", dig("www.bump.example"))
check(stop(server) == 0, "vouch ends cleanly at last", evidence())
check(not re.search("AddressSanitizer|runtime error", log.read_text()), "no sanitizer has anything to say", log.read_text()[-3000:])
finish()
