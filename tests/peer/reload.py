#!/usr/bin/env python3
"""Three workers answer while versions of their zone come and go: no question is lost and none gets a wrong answer. With VOUCH naming a build
with the thread sanitizer, nothing they share is read and written at once either."""
import re
import signal
import time
from pathlib import Path

from common import ENVIRONMENT, VOUCH, check, finish, folder, run, start, stop, until

ADDRESSES, PORT, COUNT, RELOADS, SECONDS, RATE = ("127.50.0.1", "127.50.0.2"), 5350, 2000, 12, 9, 2000
LOAD = Path(VOUCH).parent / "bench" / "load"
work = folder("reload")
zone, log = work / "example.zone", work / "log"


def write_zone(serial):
    """Each version has all names; what they lead to differs."""
    lines = [f"example. 900 SOA ns1.example. h.example. {serial} 1800 900 604800 900", "example. 900 NS ns1.example.",
             "ns1.example. 900 A 192.0.2.1"]
    lines += [f"name{i}.example. 900 NS ns{serial}.name{i}.example.\nns{serial}.name{i}.example. 900 A 192.0.2.2" for i in range(COUNT)]
    (work / "new").write_text("\n".join(lines) + "\n")
    (work / "new").replace(zone)


write_zone(1)
(work / "questions").write_text("".join(f"www.name{i}.example. A\nabsent{i}.example. A\nexample. SOA\n" for i in range(COUNT)))
SERVE = "server:\n" + "".join(f"  listen: {address}@{PORT}\n" for address in ADDRESSES) + "  workers: 3\n  sandbox: no\n"
ZONE = f"zone:\n  name: example.\n  file: {zone}\n  sign: no\n"
(work / "serve.conf").write_text(f"{SERVE}  control: {work}/control\n{ZONE}")
(work / "second.conf").write_text(SERVE + ZONE)
environment = dict(ENVIRONMENT, TSAN_OPTIONS="exitcode=66")
server = start([VOUCH, "serve", "--config", work / "serve.conf", "--role", "auth"], log, env=environment)
check(until(lambda: "ready" in log.read_text(), 20), "the server is ready", log.read_text())
asking = [start([LOAD, address, PORT, work / "questions", SECONDS, 4, 16, RATE], work / f"load-{i}") for i, address in enumerate(ADDRESSES)]
for serial in range(2, RELOADS + 2):
    time.sleep(0.5)
    write_zone(serial)
    server.send_signal(signal.SIGHUP)
    until(lambda: f"serial {serial} taken" in log.read_text(), 10, 0.05)
check(log.read_text().count("taken from its file") == RELOADS, "every version was taken", log.read_text())
for i, process in enumerate(asking):
    process.wait(SECONDS + 30)
    words = (work / f"load-{i}").read_text().split()
    said = dict(zip(words[::2], words[1::2]))
    answered = int(said["answered"])
    check(answered > RATE * SECONDS / 4 and said["lost"] == "0", f"asker {i + 1}: no question was lost", said)
    check(int(said["rcode0"]) + int(said["rcode3"]) == answered and abs(int(said["rcode3"]) - answered / 3) < 3,
          "and each got its answer", said)
code, stats = run([VOUCH, "control", "--socket", work / "control", "stats"])
counted = int(re.search(r"queries\[udp\]: (\d+)", stats).group(1))
check(code == 0 and counted >= 2 * SECONDS * RATE / 4, "the server counted them", stats)
second = run([VOUCH, "serve", "--config", work / "second.conf", "--role", "auth"], 20)
check(second[0] != 0 and "another program listens there" in second[1], "a second server on the same addresses is told so", second)
check(stop(server) == 0 and "sanitizer" not in log.read_text().lower(), "the server ended well", log.read_text())
finish()
