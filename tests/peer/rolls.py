#!/usr/bin/env python3
"""A roll of the root's key in the real world, at times of the year 2026: the resolver is killed between its steps, and what it wrote is read by
the next one, and by Unbound."""
import os
import re
import signal

from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, start, stop, until

needs("dig", "dnssec-keygen", "dnssec-signzone", "dnssec-revoke", "unbound")
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")  # the leak checker cannot look into it
NET, PORT = "127.71.0", 5371
ROOT, RESOLVER, UNBOUND = (f"{NET}.{i}" for i in range(1, 4))
work = folder("rolls")
state = work / "state" / "root.key"
log = work / "log"


def keygen(*options):
    code, out = run(["dnssec-keygen", "-q", "-K", work, "-a", "ECDSAP256SHA256", *options, "."])
    check(code == 0, "dnssec-keygen makes a key", out)
    return out.strip()


def tag(key):
    return int(key.rsplit("+", 1)[1])


def serve(month, day, signers, others):
    """The root, signed around that day."""
    zone = work / "root"
    lines = [f"$TTL 86400\n. SOA a.root. hostmaster. 1 1800 900 604800 900\n. NS a.root.\na.root. A {ROOT}\n"]
    lines += [(work / f"{key}.key").read_text() for key in [*signers, *others]]
    zone.write_text("".join(lines))
    begin, end = f"2026{month:02}{day:02}000000", f"2026{month + 1:02}{day:02}000000"
    code, told = run(["dnssec-signzone", "-P", "-x", "-d", work, "-o", ".", "-s", begin, "-e", end, "-f", work / "signed", zone,
                      *(work / key for key in signers)])
    check(code == 0, f"dnssec-signzone signs the root for {begin}", told)
    server = start([VOUCH, "serve", "--zone", f".={work}/signed", "--listen", f"{ROOT}@{PORT}"], log, env=SANDBOXED)
    until(lambda: run(["dig", "+time=1", "+tries=1", f"@{ROOT}", "-p", PORT, ".", "SOA"], 5)[0] == 0, 20)
    return server


def resolve(month, day):
    (work / "conf").write_text(f"server:\n  listen: {RESOLVER}@{PORT}\nresolver:\n  root-hint: {ROOT}@{PORT}\n"
                               f"  trust-anchor-file: {work}/anchor\n  auto-trust-anchor-file: {state}\n")
    then = f"2026-{month:02}-{day:02}T12:00:00Z"
    return start([VOUCH, "resolve", "--config", work / "conf", "--upstream-port", PORT, "--validation-time", then], log, env=SANDBOXED)


def states():
    """{tag: state} as the file has them, the tag without the REVOKE bit."""
    text = state.read_text() if state.exists() else ""
    return {int(number): int(word) for number, word in re.findall(r"\bid = (\d+)\} ;;state=(\d)", text)}


def ask(server):
    text = run(["dig", "+time=5", "+tries=1", f"@{server}", "-p", PORT, "a.root", "A", "+dnssec"], 20)[1]
    flags = re.search(r"flags: ([a-z ]+)", text)
    return "status: NOERROR" in text and bool(flags) and "ad" in flags.group(1).split()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


PENDING, VALID, REVOKED = 1, 2, 4
old, new, zsk = keygen("-f", "KSK"), keygen("-f", "KSK"), keygen()
(work / "anchor").write_text((work / f"{old}.key").read_text())

server = serve(1, 10, [old, zsk], [new])
resolver = resolve(1, 11)
check(until(lambda: states() == {tag(old): VALID, tag(new): PENDING}, 20), "a new key waits", (states(), log.read_text()))
check(ask(RESOLVER), "and answers are secure", log.read_text())
kill(resolver)
stop(server)

server = serve(2, 10, [old, zsk], [new])
resolver = resolve(2, 8)
until(lambda: ask(RESOLVER) or "no trust anchor has signed" in log.read_text(), 20)
check(states()[tag(new)] == PENDING, "before its signatures are valid nothing is learned of it", (states(), log.read_text()))
kill(resolver)
resolver = resolve(2, 11)
check(until(lambda: states() == {tag(old): VALID, tag(new): VALID}, 20), "31 days later it is trusted", (states(), log.read_text()))
kill(resolver)
stop(server)

code, out = run(["dnssec-revoke", "-K", work, work / old])
revoked = os.path.basename(out.strip())
check(code == 0 and revoked != old, "dnssec-revoke revokes the old key", out)
server = serve(2, 10, [work / revoked, new, zsk], [])
resolver = resolve(2, 12)
check(until(lambda: states() == {tag(old): REVOKED, tag(new): VALID}, 20), "the old key is revoked, by its own signature", (states(), log.read_text()))
check(until(lambda: ask(RESOLVER), 20), "and the new one alone makes answers secure", log.read_text())
check(stop(resolver) == 0, "SIGTERM ends it", log.read_text())

copy = work / "unbound" / "root.key"
copy.parent.mkdir()
copy.write_text(state.read_text())
(work / "unbound.conf").write_text(f'server:\n  interface: {UNBOUND}@{PORT}\n  port: {PORT}\n  chroot: ""\n  username: ""\n  pidfile: ""\n'
                                   f'  directory: {copy.parent}\n  auto-trust-anchor-file: {copy}\n  verbosity: 4\n  use-syslog: no\n'
                                   f'  do-not-query-localhost: no\n  val-override-date: "20260212120000"\n  module-config: "validator iterator"\n'
                                   f'stub-zone:\n  name: "."\n  stub-addr: {ROOT}@{PORT}\nremote-control:\n  control-enable: no\n')
told = work / "unbound.log"
unbound = start(["unbound", "-d", "-c", work / "unbound.conf"], told)
check(until(lambda: ask(UNBOUND), 20), "Unbound goes on with the file", told.read_text()[-3000:])
text = told.read_text()
check("[  VALID  ]" in text and "[ REVOKED ]" in text, "and finds both states in it", text[:3000])
stop(unbound)
stop(server)
finish()
