#!/usr/bin/env python3
"""What one changed RRset costs in a large signed zone: UPDATE to a running vouch, until it is signed, verified, durable and served.

./bootstrap bench update [--count N] [--small N] [--updates N] [--knot]
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import VOUCH, goal
from zone import generate

SERVER, SIGNER, PORT, KNOT = "127.48.0.1", "127.48.0.2", 5300, "127.48.0.3"
SECRET = "dXBkYXRldXBkYXRldXBkYXRldXBkYXRldXBkYXRlISE="
WAIT_S = 900


def cpu_s(pids):
    """CPU seconds of the processes so far, all their threads."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mib(pids):
    return sum(int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) for pid in pids) / 1024


def dig(address, *words):
    return subprocess.run(["dig", f"@{address}", "-p", str(PORT), "+short", "+time=2", "+tries=1", *words], capture_output=True,
                          text=True).stdout


def start_vouch(folder, zone):
    config = folder / "serve.conf"
    config.write_text(f"""server:
  listen: {SERVER}@{PORT}
  state: {folder}/server
signer:
  listen: {SIGNER}@{PORT}
  state: {folder}/signer
key:
  name: editor
  secret: "{SECRET}"
zone:
  name: example
  file: {zone}
  update-policy: "editor zone ANY"
""")
    return subprocess.Popen([VOUCH, "serve", "--config", config], stdout=open(folder / "log", "wb"), stderr=subprocess.STDOUT), SERVER


def start_knot(folder, zone):
    config = folder / "knot.conf"
    (folder / "knot").mkdir()
    config.write_text(f"""server:
    rundir: "{folder}/knot"
    listen: {KNOT}@{PORT}
key:
  - id: editor
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: update
    key: editor
    action: [update]
database:
    storage: "{folder}/knot"
    journal-db-max-size: 4G
policy:
  - id: bench
    algorithm: ecdsap256sha256
    signing-threads: 1
template:
  - id: default
    journal-content: changes
    zonefile-load: difference
    zonefile-sync: -1
zone:
  - domain: example
    file: {zone}
    storage: "{folder}/knot"
    acl: update
    dnssec-signing: on
    dnssec-policy: bench
""")
    return subprocess.Popen(["knotd", "-c", config], stdout=open(folder / "knot.log", "wb"), stderr=subprocess.STDOUT), KNOT


def until(fact, what, seconds=WAIT_S, pause=0.05):
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            sys.exit(f"update: {what} did not happen within {seconds} s")
        time.sleep(pause)


def nsupdate(address, words):
    script = f"server {address} {PORT}\nzone example\nkey hmac-sha256:editor {SECRET}\n" + words
    done = subprocess.run(["nsupdate", "-v"], input=script, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"update: nsupdate failed: {done.stdout}{done.stderr}")


def measure(name, start, zone, updates):
    with tempfile.TemporaryDirectory(prefix="update-") as temporary:
        process, address = start(Path(temporary), zone)
        try:
            until(lambda: "RRSIG" in dig(address, "example", "SOA", "+dnssec", "+noshort") or process.poll() is not None, f"{name}: the signed zone")
            if process.poll() is not None:
                sys.exit(f"update: {name} ended: " + "".join(p.read_text()[-2000:] for p in Path(temporary).glob("*log")))
            time.sleep(2)
            pids = [process.pid, *children(process.pid)]
            waits = []
            for i in range(7):  # one at a time, until it is seen
                began = time.monotonic()
                nsupdate(address, f"update add probe{i}.example 60 TXT {i}\nsend\n")
                until(lambda: f'"{i}"' in dig(address, f"probe{i}.example", "TXT"), "the new record", pause=0.001)
                waits.append(time.monotonic() - began)
            before = cpu_s(pids)
            nsupdate(address, "".join(f"update delete host.example A\nupdate add host.example 60 A 192.0.2.{i % 250 + 1}\nsend\n" for i in range(updates)))
            until(lambda: dig(address, "host.example", "A").strip() == f"192.0.2.{(updates - 1) % 250 + 1}", "the last change")
            each_ms = (cpu_s(pids) - before) / updates * 1000
            print(f"  {name:34} {each_ms:9.3f} CPU ms an update of one RRset; {sorted(waits)[3] * 1000:8.1f} ms by the clock from"
                  f" nsupdate's start to dig's answer; {resident_mib(pids):6.0f} MiB", flush=True)
            return each_ms
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench update")
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--knot", action="store_true", help="Knot beside it: it signs the whole zone at its start, and each update is slow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small, large = generate("tld", options.small, Path(folder)), generate("tld", options.count, Path(folder))
        os.sync()
        print(f"one RRset changed in zones of {options.small} and {options.count} delegations")
        few = measure(f"vouch, {options.small}", start_vouch, small, options.updates)
        many = measure(f"vouch, {options.count}", start_vouch, large, options.updates)
        goal("CPU ms in the large zone", many, 2)
        goal("the large zone to the small one", many / few, 1.5)
        if options.knot:
            measure(f"knotd, {options.count}", start_knot, large, 5)


if __name__ == "__main__":
    main()
