#!/usr/bin/env python3
"""What SHA-1 and several algorithms come to: zones that BIND has signed, judged by our resolver and by Unbound under the same options."""
import re

from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, start, stop, until

needs("dig", "dnssec-keygen", "dnssec-signzone", "dnssec-dsfromkey", "unbound")
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")  # the leak checker cannot look into it
NET, PORT = "127.72.0", 5372
SERVER = f"{NET}.1"
work = folder("policies")
log = work / "log"
P256, ED25519, RSASHA1, RSASHA1_NSEC3 = "ECDSAP256SHA256", "ED25519", "RSASHA1", "NSEC3RSASHA1"
#        the zone, its keys, those of them that sign, the digests of its DS
ZONES = [("plain", [P256], [P256], "SHA-256"),
         ("half", [P256, ED25519], [P256], "SHA-256"),
         ("both", [P256, ED25519], [P256, ED25519], "SHA-256"),
         ("five", [RSASHA1], [RSASHA1], "SHA-256"),
         ("seven", [RSASHA1_NSEC3], [RSASHA1_NSEC3], "SHA-256"),
         ("digest", [P256], [P256], "SHA-1"),
         ("digests", [P256], [P256], "SHA-1 SHA-256")]
#          the zone: what we say by default, where SHA-1 is accepted, where all algorithms are wanted
SECURE, INSECURE, BOGUS = ("NOERROR", True), ("NOERROR", False), ("SERVFAIL", False)
WORDS = {SECURE: "secure", INSECURE: "insecure", BOGUS: "bogus"}
VERDICTS = {"plain": (SECURE, SECURE, SECURE), "half": (SECURE, SECURE, BOGUS), "both": (SECURE, SECURE, SECURE),
            "five": (INSECURE, SECURE, INSECURE), "seven": (INSECURE, SECURE, INSECURE), "digest": (INSECURE, SECURE, INSECURE),
            "digests": (SECURE, SECURE, SECURE)}


def key(zone, algorithm):
    bits = ["-b", "2048"] if "RSA" in algorithm else []
    code, told = run(["dnssec-keygen", "-q", "-K", work, "-a", algorithm, *bits, "-f", "KSK", zone])
    name = told.strip().split("\n")[-1]
    check(code == 0 and (work / f"{name}.key").exists(), f"dnssec-keygen makes a key of {algorithm} for {zone}", told)
    return name


def sign(zone, text, keys, signers, *options):
    (work / f"{zone}zone").write_text(text + "".join((work / f"{name}.key").read_text() for name in keys))
    code, told = run(["dnssec-signzone", "-P", "-z", "-d", work, "-o", zone, "-f", work / f"{zone}signed", *options, work / f"{zone}zone",
                      *(work / name for name in signers)])
    if not check(code == 0, f"dnssec-signzone signs {zone}", told):
        finish()


def ask(server, zone):
    text = run(["dig", "+time=8", "+tries=1", "+dnssec", f"@{server}", "-p", PORT, f"www.{zone}.", "A"], 20)[1]
    status, flags = re.search(r"status: (\w+)", text), re.search(r"flags: ([a-z ]+)", text)
    return (status.group(1), "ad" in flags.group(1).split()) if status and flags else text


soa = f"$TTL 900\n@ SOA ns1 hostmaster 1 1800 900 604800 900\n@ NS ns1\nns1 A {SERVER}\n"
root = soa
for zone, algorithms, signing, digests in ZONES:
    names = {algorithm: key(f"{zone}.", algorithm) for algorithm in algorithms}
    nsec3 = ["-3", "-"] if RSASHA1_NSEC3 in signing else []
    sign(f"{zone}.", soa + "www A 192.0.2.1\n", names.values(), [names[algorithm] for algorithm in signing], *nsec3)
    root += f"{zone}. NS ns1.{zone}.\nns1.{zone}. A {SERVER}\n"
    for name in names.values():
        for digest in digests.split():
            told = run(["dnssec-dsfromkey", "-a", digest, work / f"{name}.key"])[1]  # and that SHA-1 is out of date
            root += "".join(line + "\n" for line in told.splitlines() if " IN DS " in line)
anchor = key(".", P256)
sign(".", root, [anchor], [anchor])
(work / "anchor").write_text((work / f"{anchor}.key").read_text())
(work / "hints").write_text(f". 3600000 NS ns1.\nns1. 3600000 A {SERVER}\n")
zones = [word for zone in ["", *(row[0] for row in ZONES)] for word in ("--zone", f"{zone}.={work}/{zone}.signed")]
start([VOUCH, "serve", *zones, "--listen", f"{SERVER}@{PORT}"], log, env=SANDBOXED)

ours = {"by default": "", "where SHA-1 is accepted": "  accept-sha1: yes\n", "where all algorithms are wanted": "  harden-algo-downgrade: yes\n"}
resolvers = {}
for at, (which, option) in enumerate(ours.items()):
    address = f"{NET}.{10 + at}"
    (work / f"ours{at}").write_text(f"server:\n  listen: {address}@{PORT}\nresolver:\n  root-hints: {work}/hints\n"
                                    f"  trust-anchor-file: {work}/anchor\n{option}")
    start([VOUCH, "resolve", "--config", work / f"ours{at}", "--upstream-port", PORT], log, env=SANDBOXED)
    resolvers[which] = address
stubs = "".join(f'stub-zone:\n  name: "{zone}."\n  stub-addr: {SERVER}@{PORT}\n' for zone in ["", *(row[0] for row in ZONES)])
unbounds = {}
for at, option in enumerate(["no", "yes"]):
    address = f"{NET}.{20 + at}"
    (work / f"unbound{at}").write_text(f'server:\n  interface: {address}@{PORT}\n  port: {PORT}\n  chroot: ""\n  username: ""\n  pidfile: ""\n'
                                       f'  directory: {work}\n  trust-anchor-file: {work}/anchor\n  use-syslog: no\n  do-not-query-localhost: no\n'
                                       f'  module-config: "validator iterator"\n  harden-algo-downgrade: {option}\n{stubs}'
                                       f'remote-control:\n  control-enable: no\n')
    start(["unbound", "-d", "-c", work / f"unbound{at}"], log)
    unbounds[option] = address
for address in [SERVER, *resolvers.values(), *unbounds.values()]:
    until(lambda: run(["dig", "+time=1", "+tries=1", f"@{address}", "-p", PORT, ".", "SOA"], 5)[0] == 0, 20)

for zone, verdicts in VERDICTS.items():
    for (which, address), verdict in zip(resolvers.items(), verdicts):
        got = ask(address, zone)
        check(got == verdict, f"{zone} is {WORDS[verdict]} {which}", (got, log.read_text()))
    # Unbound accepts SHA-1, so that it is asked for what it has in common with us.
    check(ask(unbounds["no"], zone) == verdicts[1], f"{zone} is the same for Unbound", (ask(unbounds["no"], zone), log.read_text()))
    if zone in ("plain", "half", "both", "digests"):
        got = ask(unbounds["yes"], zone)
        check(got == verdicts[2], f"{zone} is the same for Unbound where all algorithms are wanted", (got, log.read_text()))
finish()
