#!/usr/bin/env python3
"""Connections: answers a second on kept TCP and TLS connections, CPU an answer, and what an idle connection costs, of vouch and of Debian's
NSD, Knot (which has no TLS before 3.3) and BIND. All in one run, alternating, medians; server on one core, client on the other.

    ./bootstrap bench tcp [--rounds N] [--seconds S] [--idle N]
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--idle", type=int, default=10000)
arguments = parser.parse_args()
os.environ["PATH"] += ":/usr/sbin:/sbin"
LOAD = bench.BUILD / "bench" / "stream_load"
PORT, TLS_PORT, NAMES = 5390, 8390, 10000
work = Path(tempfile.mkdtemp(prefix="vouch-bench-tcp-"))
CLIENTS = arguments.idle + 1000

(work / "bench.zone").write_text("$ORIGIN bench.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 5\n@ NS ns\nns A 192.0.2.1\n" +
                                 "".join(f"name-{i} A 192.0.2.{i % 250 + 1}\n" for i in range(NAMES)))
subprocess.run(["certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", work / "key.pem"], check=True, capture_output=True)
(work / "template").write_text('cn = "bench"\nexpiration_days = 2\ntls_www_server\nsigning_key\n')
subprocess.run(["certtool", "--generate-self-signed", "--template", work / "template", "--load-privkey", work / "key.pem", "--outfile",
                work / "certificate.pem"], check=True, capture_output=True)

(work / "vouch.conf").write_text(f"""server:
  listen: 127.90.0.1@{PORT}
  tls-listen: 127.90.0.1@{TLS_PORT}
  tls-certificate: {work}/certificate.pem
  tls-key: {work}/key.pem
  tcp-clients: {CLIENTS}
  tcp-clients-per-address: {CLIENTS}
  tcp-idle-timeout: 600
zone:
  name: bench.example
  file: {work}/bench.zone
  sign: no
""")
(work / "nsd.conf").write_text(f"""server:
  ip-address: 127.90.0.2@{PORT}
  ip-address: 127.90.0.2@{TLS_PORT}
  server-count: 1
  tcp-count: {CLIENTS}
  tcp-timeout: 600
  username: ""
  zonesdir: "{work}"
  database: ""
  xfrdir: "{work}"
  xfrdfile: "{work}/xfrd.state"
  zonelistfile: "{work}/zone.list"
  pidfile: "{work}/nsd.pid"
  tls-service-key: {work}/key.pem
  tls-service-pem: {work}/certificate.pem
  tls-port: {TLS_PORT}
remote-control:
  control-enable: no
zone:
  name: bench.example
  zonefile: bench.zone
""")
(work / "knot.conf").write_text(f"""server:
  listen: 127.90.0.3@{PORT}
  rundir: "{work}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-max-clients: {CLIENTS}
  tcp-idle-timeout: 600
database:
  storage: "{work}/knot"
zone:
  - domain: bench.example
    file: "{work}/bench.zone"
""")
(work / "named.conf").write_text(f"""tls bench {{ key-file "{work}/key.pem"; cert-file "{work}/certificate.pem"; }};
options {{
  directory "{work}";
  listen-on port {PORT} {{ 127.0.0.1; }};
  listen-on port {TLS_PORT} tls bench {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  pid-file none;
  session-keyfile none;
  minimal-responses yes;
  dnssec-validation no;
  tcp-clients {CLIENTS};
  tcp-idle-timeout 1200;
  tcp-keepalive-timeout 1200;
}};
controls {{ }};
zone "bench.example" {{ type primary; file "{work}/bench.zone"; }};
""")
SERVERS = {
    "vouch": ("127.90.0.1", [bench.VOUCH, "serve", "--config", work / "vouch.conf"], True),
    "nsd": ("127.90.0.2", ["nsd", "-d", "-c", work / "nsd.conf"], True),
    "knot": ("127.90.0.3", ["knotd", "-c", work / "knot.conf"], False),
    "named": ("127.0.0.1", ["named", "-f", "-n", "1", "-c", work / "named.conf"], True),
}


def tree(pid):
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid] + [p for child in children for p in tree(int(child))]


def cpu(pid):
    total = 0
    for process in tree(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """KiB of the processes' own pages, shared ones counted once."""
    return sum(int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.M).group(1)) for process in tree(pid))


def kernel_memory():
    """KiB of the kernel's caches: sockets are in them."""
    text = Path("/proc/meminfo").read_text()
    return int(re.search(r"^Slab:\s+(\d+)", text, re.M).group(1))


def serve(name):
    address, command, _ = SERVERS[name]
    with open(work / f"{name}.log", "ab") as log:
        process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    for _ in range(200):
        answer = subprocess.run(["dig", "+tcp", "+short", "+time=1", "+tries=1", f"@{address}", "-p", str(PORT), "name-1.bench.example"],
                                capture_output=True, text=True).stdout
        if answer.startswith("192."):
            return process
        time.sleep(0.1)
    sys.exit(f"bench: {name} does not answer:\n" + (work / f"{name}.log").read_text()[-2000:])


def end(process):
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ask(name, how, connections, window):
    address, _, _ = SERVERS[name]
    before = cpu(running[name].pid)
    port = TLS_PORT if how == "tls" else PORT
    output = subprocess.run(["taskset", "-c", "1", LOAD, "ask", address, str(port), how, str(connections), str(window), str(arguments.seconds),
                             "bench.example", str(NAMES)], capture_output=True, text=True, check=True).stdout
    rate = float(output)
    return rate, (cpu(running[name].pid) - before) / (rate * arguments.seconds) * 1e6


present = [name for name in SERVERS if bench.is_there(SERVERS[name][1][0])]
running = {name: serve(name) for name in present}
try:
    for how in ("tcp", "tls"):
        for connections, window in ((100, 1), (10, 20)):
            names = [name for name in present if how == "tcp" or SERVERS[name][2]]
            results = {name: [] for name in names}
            for _ in range(arguments.rounds):
                for name in names:
                    results[name].append(ask(name, how, connections, window))
            print(f"\n{how.upper()}, {connections} connections, {window} questions under way on each", flush=True)
            medians, costs = {}, {}
            for name in names:
                medians[name] = statistics.median(rate for rate, _ in results[name])
                spread = [rate for rate, _ in results[name]]
                costs[name] = statistics.median(used for _, used in results[name])
                print(f"  {name:8} {medians[name]:10.0f} answers/s ({min(spread):.0f} to {max(spread):.0f}) {costs[name]:8.2f} CPU µs an answer", flush=True)
            best = max((medians[name] for name in names if name != "vouch"), default=1)
            bench.goal("answers a second beside the best peer's", medians["vouch"] / best, 1, at_most=False)
            least = min((costs[name] for name in names if name != "vouch"), default=costs["vouch"])
            bench.goal("CPU time an answer beside the best peer's", costs["vouch"] / least, 1)
    print(f"\n{arguments.idle} idle connections, each after one question")
    for how in ("tcp", "tls"):
        costs = {}
        for name in [name for name in present if how == "tcp" or SERVERS[name][2]]:
            end(running[name])
            running[name] = serve(name)
            before, kernel = memory(running[name].pid), kernel_memory()
            holder = subprocess.Popen([LOAD, "hold", SERVERS[name][0], str(TLS_PORT if how == "tls" else PORT), how, str(arguments.idle)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            held = holder.stdout.readline().strip()
            costs[name] = (memory(running[name].pid) - before) / arguments.idle
            print(f"  {name:8} {how}: {held or 'did not hold them'}; {costs[name]:.2f} KiB each in the server,"
                  f" {(kernel_memory() - kernel) / arguments.idle:.2f} KiB in the kernel for both ends", flush=True)
            holder.stdin.close()
            holder.wait()
        bench.goal("KiB that an idle connection costs the server", costs["vouch"], 1 if how == "tcp" else 16)
finally:
    for process in running.values():
        end(process)
    shutil.rmtree(work, ignore_errors=True)
