#!/usr/bin/env python3
"""What a validating resolver costs beside Unbound, BIND and Knot Resolver: CPU time a question, cold and warm, and memory.

./bootstrap bench resolver [--only cost|hostile] [--zones N] [--rounds N] [--seconds S] [--resolvers echo,vouch,unbound,named,kresd] [--folder DIR]

A root, a top-level domain and 10,000 zones below it, each signed with a P-256 key of its own and served by NSD, stand in a network
namespace that knows nothing else. In each round each resolver in turn is started anew and asked five names of each zone once (cold:
everything is fetched and validated), then the same names again and again (warm). Resolver on core 0, the rest on core 1. The
generator keeps a bounded number of questions open; CPU time is the kernel's account of all threads and processes of the resolver.
"""
import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hostile
from bench import BUILD, VOUCH, Daemon, goal, is_there

ROOT, TLD, CHILDREN = "10.53.0.1", "10.53.0.2", "10.53.0.3"
ADDRESSES = {"echo": "10.53.0.10", "vouch": "10.53.0.11", "unbound": "10.53.0.12", "named": "10.53.0.13", "kresd": "10.53.0.14"}
NAMES_PER_ZONE = 5
RRSETS_PER_ZONE = NAMES_PER_ZONE + 4  # DS, DNSKEY, NS and the address of the name server
ANSWER_LEN = 156  # of the echo: an A RRset with its RRSIG
OPEN = 128  # questions at once


# ---------------------------------------------------------------- the resolvers

def vouch_command(address, folder, anchor):
    (folder / "config").write_text(f"""server:
    listen: {address}@53
    sandbox: no
    workers: 0
resolver:
    root-hint: {ROOT}
    trust-anchor-file: {anchor}
""")
    return [VOUCH, "resolve", "--config", folder / "config"]


def unbound_command(address, folder, anchor):
    (folder / "hints").write_text(f". 86400 NS ns.servers.\nns.servers. 86400 A {ROOT}\n")
    (folder / "config").write_text(f"""server:
    interface: {address}
    access-control: 10.53.0.0/16 allow
    num-threads: 1
    do-ip6: no
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    module-config: "validator iterator"
    root-hints: "{folder}/hints"
    trust-anchor-file: "{anchor}"
    msg-cache-size: 128m
    rrset-cache-size: 256m
    key-cache-size: 64m
    neg-cache-size: 16m
    infra-cache-numhosts: 20000
    minimal-responses: yes
remote-control:
    control-enable: no
""")
    return ["unbound", "-d", "-p", "-c", folder / "config"]


def named_command(address, folder, anchor):
    tag, algorithm, digest_type, digest = anchor.read_text().split()[4:8]
    (folder / "hints").write_text(f". 86400 NS ns.servers.\nns.servers. 86400 A {ROOT}\n")
    (folder / "config").write_text(f"""options {{
    directory "{folder}";
    listen-on {{ {address}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion yes;
    allow-query {{ any; }};
    minimal-responses yes;
    dnssec-validation yes;
    max-cache-size 512m;
    empty-zones-enable no;
}};
controls {{ }};
trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest}"; }};
zone "." {{ type hint; file "{folder}/hints"; }};
""")
    return ["named", "-4", "-f", "-n", "1", "-c", folder / "config"]


def kresd_command(address, folder, anchor):
    (folder / "anchor").write_text(anchor.read_text())
    (folder / "config").write_text(f"""net.listen('{address}', 53, {{ kind = 'dns' }})
net.ipv6 = false
log_level('crit')
trust_anchors.remove('.')
trust_anchors.add_file('{folder}/anchor', true)
modules.load('hints > iterate')
hints.root({{ ['ns.servers.'] = '{ROOT}' }})
cache.size = 512 * MB
modules.unload('priming')
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('detect_time_skew')
""")
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "run").mkdir()
    return ["kresd", "-n", "-c", folder / "config", folder / "run"]


def echo_command(address, folder, anchor):
    return [BUILD / "bench/echo", address, "53", str(ANSWER_LEN)]


COMMANDS = {"echo": echo_command, "vouch": vouch_command, "unbound": unbound_command, "named": named_command, "kresd": kresd_command}
PROGRAMS = {"unbound": "unbound", "named": "named", "kresd": "kresd"}


# ---------------------------------------------------------------- the name servers

def nsd(name, address, zones, folder):
    """One that serves `zones`, a list of names with their files."""
    place = folder / name
    place.mkdir(exist_ok=True)
    config = place / "nsd.conf"
    with open(config, "w") as out:
        out.write(f"""server:
    ip-address: {address}@53
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    pidfile: "{place}/nsd.pid"
    xfrdfile: "{place}/xfrd.state"
    zonelistfile: "{place}/zone.list"
    xfrdir: "{place}"
    cookie-secret-file: ""
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
""")
        for zone, file in zones:
            out.write(f"zone:\n    name: {zone}\n    zonefile: {file}\n")
    return Daemon(name, ["nsd", "-d", "-c", config], place, 1)


def is_answering(address, name, wants_authentic=False):
    question = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\0" + b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l) + b"\0\0\x06\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        try:
            asker.sendto(question, (address, 53))
            answer = asker.recv(4096)
            return answer[3] & 15 == 0 and (not wants_authentic or answer[3] & 0x20 != 0)
        except OSError:
            return False


def await_answers(daemon, address, name, wants_authentic=False):
    end = time.monotonic() + 60
    while not is_answering(address, name, wants_authentic):
        daemon.must_run()
        if time.monotonic() > end:
            sys.exit(f"resolver: {daemon.name} does not answer {name}:\n" + (daemon.folder / "log").read_text(errors="replace")[-2000:])
        time.sleep(0.1)


# ---------------------------------------------------------------- measuring

def load(address, questions, seconds, sockets, window):
    words = ["taskset", "-c", "1", BUILD / "bench/load", address, "53", questions, seconds, sockets, window]
    text = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(text[::2], map(float, text[1::2])))


def account(daemon, work):
    """What `work`, which returns a run, cost the daemon."""
    ticks, before = daemon.user_part(), daemon.cpu_ns()
    run = work()
    user, system = (now - then for now, then in zip(daemon.user_part(), ticks))
    run["us"] = (daemon.cpu_ns() - before) / 1000 / max(run["answered"], 1)
    run["user"] = run["us"] * user / max(user + system, 1)
    return run


def start(name, folder):
    place = folder / name
    place.mkdir(exist_ok=True)
    return Daemon(name, COMMANDS[name](ADDRESSES[name], place, folder / "anchor"), place, 0)


def start_and_await(name, folder):
    daemon = start(name, folder)
    await_answers(daemon, ADDRESSES[name], "tld", True)
    return daemon, ADDRESSES[name]


def measure(name, folder, options):
    address, questions, result = ADDRESSES[name], folder / "questions", {}
    daemon = start(name, folder)
    try:
        if name != "echo":
            await_answers(daemon, address, "tld", True)
            before = daemon.memory()
            result["cold"] = account(daemon, lambda: load(address, questions, "once", 4, OPEN // 4))
            result["memory"] = (daemon.memory() - before) / (options.zones * RRSETS_PER_ZONE)
        else:
            time.sleep(0.5)
        load(address, questions, 0.2, 4, 64)
        result["warm"] = account(daemon, lambda: load(address, questions, options.seconds, 4, 64))
    finally:
        daemon.stop()
    return result


def median(runs, work, what):
    return statistics.median(run[work][what] for run in runs)


def show(work, results, reference):
    print(f"\n{work}: medians\n  {'':9}{'us CPU':>9}{'user':>9}{'least':>9}{'most':>9}{'to ' + reference:>12}{'qps':>9}{'octets':>8}{'AD':>7}{'failed':>8}{'lost':>6}")
    for name, runs in results.items():
        if work not in runs[0]:
            continue
        us = [run[work]["us"] for run in runs]
        answered = sum(run[work]["answered"] for run in runs)
        share = median(runs, work, "us") / median(results[reference], work, "us") if reference in results else float("nan")
        print(f"  {name:9}{statistics.median(us):9.2f}{median(runs, work, 'user'):9.2f}{min(us):9.2f}{max(us):9.2f}{share:12.3f}"
              f"{statistics.median(run[work]['answered'] / run[work]['seconds'] for run in runs):9.0f}"
              f"{sum(run[work]['octets'] for run in runs) / answered:8.0f}"
              f"{sum(run[work]['authentic'] for run in runs) / answered:7.3f}"
              f"{sum(run[work].get('rcode2', 0) for run in runs):8.0f}{sum(run[work]['lost'] for run in runs):6.0f}", flush=True)


def judge(results):
    show("cold", results, "unbound")
    show("warm", results, "unbound")
    print(f"\nmemory: octets in use for each of the RRsets cached, medians")
    for name, runs in results.items():
        if "memory" in runs[0]:
            print(f"  {name:9}{statistics.median(run['memory'] for run in runs):9.0f}")
    if "vouch" not in results:
        return
    ours = results["vouch"]
    if "unbound" in results:
        theirs = results["unbound"]
        goal("cold: CPU time to that of Unbound", median(ours, "cold", "us") / median(theirs, "cold", "us"), 0.65)
        goal("warm: Unbound's CPU time to ours", median(theirs, "warm", "us") / median(ours, "warm", "us"), 1.2, False)
    goal("warm: us CPU a query", median(ours, "warm", "us"), 5.0)
    if "echo" in results:
        goal("warm: of echo", median(results["echo"], "warm", "us") / median(ours, "warm", "us"), 0.70, False)
    goal("octets for a cached RRset", statistics.median(run["memory"] for run in ours), 400)


# ---------------------------------------------------------------- the whole

def enter_namespace():
    """Starts this program again where there is no network but one of its own."""
    if os.environ.get("BENCH_INSIDE") is None:
        os.environ["BENCH_INSIDE"] = "1"
        as_root = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        os.execvp("unshare", ["unshare", *as_root, "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in [ROOT, TLD, CHILDREN, *ADDRESSES.values()]:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench resolver")
    parser.add_argument("--only", choices=("cost", "hostile"), default="cost")
    parser.add_argument("--attack-share", type=float, default=0.03, help="an attacker's questions to the honest ones")
    parser.add_argument("--zones", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--resolvers", default="echo,vouch,unbound,named,kresd")
    parser.add_argument("--folder", help="keeps what was made there")
    options = parser.parse_args()
    is_hostile = options.only == "hostile"
    enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("resolver: stopped"))
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bench-resolver-"))
    folder.mkdir(exist_ok=True)
    servers = []
    try:
        if not (folder / "questions").exists():
            more = []
            if is_hostile:
                hostile.make_zones(folder / "attack")
                more = [folder / "attack/records"]
            subprocess.run([BUILD / "bench/hierarchy", folder, str(options.zones), *more], check=True)
        children = [(f"d{i}.tld", folder / f"child/{i}.zone") for i in range(options.zones)]
        children += hostile.zones(folder / "attack") if is_hostile else []
        servers.append(nsd("root", ROOT, [(".", folder / "root.zone")], folder))
        servers.append(nsd("tld", TLD, [("tld", folder / "tld.zone")], folder))
        servers.append(nsd("children", CHILDREN, children, folder))
        for server, address, name in zip(servers, (ROOT, TLD, CHILDREN), (".", "tld", "d0.tld")):
            await_answers(server, address, name)
        names = [name for name in options.resolvers.split(",") if name not in PROGRAMS or is_there(PROGRAMS[name])]
        if is_hostile:
            hostile.run([name for name in names if name != "echo"], lambda name: start_and_await(name, folder), load, folder, options)
            return
        results = {name: [] for name in names}
        for round_ in range(options.rounds):
            for name in names:
                results[name].append(measure(name, folder, options))
        judge(results)
    finally:
        for server in servers:
            server.stop()
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
