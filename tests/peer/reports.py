#!/usr/bin/env python3
"""From our server's agent to our resolver's report (RFC 9567): a zone whose signatures have expired, and an agent that hears of it once."""
import socket
import struct
import threading

import wire
from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, start, until, vouch

needs("dig")
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")  # the leak checker cannot look into it
NET, PORT = "127.73.0", 5373
SERVER, AGENT, RESOLVER, SILENT = (f"{NET}.{i}" for i in range(1, 5))
work = folder("reports")
(work / "keys").mkdir()
log = work / "log"
SOA = "900 SOA ns1 hostmaster 1 1800 900 604800 900\n"
REPORT = "_er.1.www.old.7._er.agent.test"
heard = []


def listen():
    """The agent: whatever it is asked, it has heard it."""
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind((AGENT, PORT))
    while True:
        octets, peer = door.recvfrom(4096)
        owner, at = wire.read_name(octets, 12)
        identity, kind = struct.unpack("!H", octets[:2])[0], struct.unpack("!H", octets[at:at + 2])[0]
        heard.append((owner, kind))
        answers = [wire.txt(owner, "heard")] if kind == wire.TXT else []
        authority = [] if answers else [wire.soa("agent.test", 1)]
        door.sendto(wire.message(identity, wire.QR | wire.AA, [wire.question(owner, kind)], answers, authority), peer)


def ask(server, name):
    return run(["dig", "+time=8", "+tries=1", f"@{server}", "-p", PORT, name, "A"], 20)[1]


threading.Thread(target=listen, daemon=True).start()
(work / "old").write_text(f"$TTL 900\n@ {SOA}@ NS ns1\nns1 A {SERVER}\nwww A 192.0.2.1\n")
code, told = vouch("sign", "-o", "old", "-K", work / "keys", "-f", work / "old.signed", "--at", "2020-01-08T00:00:00Z", work / "old")
check(code == 0, "a zone is signed as in 2020", told)
ds = vouch("ds", work / "old.signed")[1]
(work / "root").write_text(f"$ORIGIN .\n$TTL 900\n@ {SOA}@ NS ns1\nns1 A {SERVER}\nold NS ns1.old\nns1.old A {SERVER}\n{ds}"
                           f"agent.test NS ns.agent.test\nns.agent.test A {AGENT}\n")
code, told = vouch("sign", "-o", ".", "-K", work / "keys", "-f", work / "root.signed", work / "root")
check(code == 0, "the root is signed today", told)
(work / "anchor").write_text("".join(text for key in (work / "keys").glob("K.+*.key") if " 257 " in (text := key.read_text())))
(work / "hints").write_text(f". 3600000 NS ns1.\nns1. 3600000 A {SERVER}\n")
(work / "serve").write_text(f"server:\n  listen: {SERVER}@{PORT}\n  send-report-channel: agent.test\n"
                            f"zone:\n  name: .\n  file: {work}/root.signed\n  sign: no\n"
                            f"zone:\n  name: old\n  file: {work}/old.signed\n  sign: no\n")
start([VOUCH, "serve", "--config", work / "serve"], log, env=SANDBOXED)
for address, option in ((RESOLVER, "yes"), (SILENT, "no")):
    (work / f"resolve-{option}").write_text(f"server:\n  listen: {address}@{PORT}\nresolver:\n  root-hints: {work}/hints\n"
                                            f"  trust-anchor-file: {work}/anchor\n  dns-error-reporting: {option}\n")
    start([VOUCH, "resolve", "--config", work / f"resolve-{option}", "--upstream-port", PORT], log, env=SANDBOXED)
for address in (SERVER, RESOLVER, SILENT):
    check(until(lambda: "status: NOERROR" in ask(address, "ns1."), 20), f"{address} answers", log.read_text())

check("EDE: 7" in ask(SILENT, "www.old") and not heard, "without the option nobody is told", (heard, log.read_text()))
check("EDE: 7" in ask(RESOLVER, "www.old"), "the signatures have expired", log.read_text())
check(until(lambda: (REPORT, wire.TXT) in heard, 10), "the agent that our server names is told", (heard, log.read_text()))
ask(RESOLVER, "www.old")
check("EDE: 7" in ask(RESOLVER, "other.old"), "another name fails", log.read_text())
check(until(lambda: ("_er.1.other.old.7._er.agent.test", wire.TXT) in heard, 10), "and is told", heard)
check(heard.count((REPORT, wire.TXT)) == 1, "the first one was told once", heard)
finish()
