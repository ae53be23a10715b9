#!/usr/bin/env python3
"""Many small zones: how soon a server answers for all of them, and the memory they take, beside NSD, Knot and BIND.

./bootstrap bench zones [--count N] [--rounds N] [--servers vouch,nsd,knot,named] [--folder DIR]

Each zone has a file of ten records. The servers start in turn (A B C A B C ...), one at a time, with a worker each on all cores; a start ends
when a sample of the zones, the first and the last among them, is answered. CPU is what all processes of the server used until then;
memory is what is theirs once all is loaded, shared pages divided among those who share them.
"""
import argparse
import random
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

from bench import VOUCH, Daemon, goal, is_there, nsd_server

NET, PORT, SAMPLE = "127.51.0", 5351, 300
ADDRESS = f"{NET}.1"


def name_of(number):
    return f"zone-{number}.example"


def make_zones(count, folder):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        path = folder / f"{name_of(number)}.zone"
        if not path.exists():
            a, b = number >> 8 & 255, number & 255
            path.write_text(f"""$ORIGIN {name_of(number)}.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
@ NS ns2
@ MX 10 mail
@ A 192.0.{a}.{b}
ns1 A 192.0.2.1
ns2 A 192.0.2.2
mail A 192.0.{a}.{b}
mail AAAA 2001:db8::{a:x}:{b:x}
www CNAME @
""")
    return folder


def vouch_command(zones, count, folder):
    with open(folder / "serve.conf", "w") as out:
        out.write(f'server:\n  listen: {ADDRESS}@{PORT}\n  workers: 1\npattern:\n  name: small\n  file: "{zones}/%s.zone"\n')
        out.writelines(f"zone:\n  name: {name_of(n)}\n  pattern: small\n  sign: no\n" for n in range(count))
    return [VOUCH, "serve", "--config", folder / "serve.conf"]


def nsd_command(zones, count, folder):
    with open(folder / "nsd.conf", "w") as out:
        out.write(f"""{nsd_server(ADDRESS, PORT, folder)}pattern:
    name: small
    zonefile: "{zones}/%s.zone"
""")
        out.writelines(f"zone:\n    name: {name_of(n)}\n    include-pattern: small\n" for n in range(count))
    return ["nsd", "-d", "-c", folder / "nsd.conf"]


def knot_command(zones, count, folder):
    with open(folder / "knot.conf", "w") as out:
        out.write(f"""server:
    rundir: "{folder}"
    listen: {ADDRESS}@{PORT}
    udp-workers: 1
    tcp-workers: 1
database:
    storage: "{folder}"
template:
  - id: default
    storage: "{zones}"
    file: "%s.zone"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
""")
        out.writelines(f"  - domain: {name_of(n)}\n" for n in range(count))
    return ["knotd", "-c", folder / "knot.conf"]


def named_command(zones, count, folder):
    with open(folder / "named.conf", "w") as out:
        out.write(f"""options {{
    directory "{folder}"; listen-on port {PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none; notify no;
    session-keyfile none; dnssec-validation no; minimal-responses yes;
}};
controls {{ }};
""")
        out.writelines(f'zone "{name_of(n)}" {{ type primary; file "{zones}/{name_of(n)}.zone"; }};\n' for n in range(count))
    return ["named", "-f", "-c", folder / "named.conf"]


SERVERS = {"vouch": (vouch_command, VOUCH), "nsd": (nsd_command, "nsd"), "knot": (knot_command, "knotd"), "named": (named_command, "named")}


def unanswered(address, numbers):
    """Those that are not answered yet."""
    left = set(numbers)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.05)
        try:
            asker.connect((address, PORT))
            for number in numbers:
                name = b"".join(bytes([len(label)]) + label for label in name_of(number).encode().split(b"."))
                asker.send(struct.pack(">6H", number & 0xffff, 0, 1, 0, 0, 0) + name + b"\0\0\6\0\1")
                answer = asker.recv(512)
                if answer[3] & 15 != 0:
                    break
                left.discard(number)
        except OSError:
            pass
    return [n for n in numbers if n in left]


def measure(name, zones, count, folder):
    home = folder / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    command = SERVERS[name][0](zones, count, home)
    address = "127.0.0.1" if name == "named" else ADDRESS
    numbers = [0, count - 1] + random.Random(1).sample(range(count), min(SAMPLE, count))
    began = time.monotonic()
    server = Daemon(name, command, home, "0-255")
    while numbers:
        server.must_run()
        numbers = unanswered(address, numbers)
        if numbers:
            time.sleep(0.02)
        if time.monotonic() - began > 900:
            sys.exit(f"bench: {name} does not answer for {name_of(numbers[0])}")
    clock, cpu = time.monotonic() - began, server.cpu_ns() / 1e9
    time.sleep(3)
    memory = server.memory() / 2**20
    server.stop()
    return {"clock": clock, "cpu": cpu, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default="vouch,nsd,knot,named")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="vouch-bench-"))
    folder.mkdir(exist_ok=True)
    names = [name for name in options.servers.split(",") if is_there(SERVERS[name][1])]
    zones = make_zones(options.count, folder / "zones")
    runs = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            runs[name].append(measure(name, zones, options.count, folder))
    print(f"\n{options.count} zones of ten records: until all are answered, and then")
    medians = {name: {what: statistics.median(run[what] for run in runs[name]) for what in ("clock", "cpu", "memory")} for name in names}
    for name, found in medians.items():
        print(f"  {name:8} {found['clock']:8.2f} s by the clock {found['cpu']:8.2f} CPU s {found['memory']:8.0f} MiB,"
              f" {found['memory'] * 2**20 / options.count:6.0f} octets a zone", flush=True)
    peers = [found for name, found in medians.items() if name != "vouch"]
    if "vouch" in medians and peers:
        for what, words in ("memory", "memory"), ("clock", "time by the clock to start"), ("cpu", "CPU time to start"):
            goal(f"{words}, to the best peer's", medians["vouch"][what] / min(found[what] for found in peers), 0.5)
    if options.folder is None:
        shutil.rmtree(folder)


main()
