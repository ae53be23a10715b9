#!/usr/bin/env python3
"""What an answer of an authoritative server costs: CPU time a query beside NSD, Knot, BIND and a plain echo of datagrams.

./bootstrap bench auth [--count N] [--questions N] [--rounds N] [--seconds S] [--zones nsec,opt-out,cookies]
                       [--servers echo,vouch,nsd,knot,named] [--real-time] [--large-pages] [--only answers|latency|reload]
                       [--folder DIR]

One signed zone like that of a registry is served by all at once; they are asked in turn (A B C A B C ...), so that what else the machine
does falls on all of them. Server on core 0, generator on core 1. The generator keeps a bounded number of questions open, so nothing is
dropped; CPU time is the kernel's account of all threads and processes of the server. `cookies` is the zone `nsec` again, each question
with a valid cookie of the server. A reload is one of the whole zone: from the signal until the new serial is in answers, with some
seconds of load before and behind.
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

from bench import BUILD, VOUCH, Daemon, goal, is_there, knot_config, nsd_server
from zone import generate

NET, PORT = "127.49.0", 5349
ORIGIN = "example."
RELOAD_SECONDS_MAX = 300  # for a zone of a million names to be read, beside the answering
AROUND_SECONDS = 2  # of load before a reload and behind it
ANSWER_LEN = 320  # of the echo: about the mean of the mix
MODES = {"nsec": [], "opt-out": ["--nsec3", "--opt-out"], "cookies": []}
SECRET = "0123456789abcdef0123456789abcdef"  # for the cookies of those that want one configured


def sign(mode, zone, folder):
    mode = "nsec" if mode == "cookies" else mode
    signed = folder / f"{zone.stem}-{mode}.signed"
    if not signed.exists():
        keys = folder / f"keys-{mode}"
        keys.mkdir(exist_ok=True)
        subprocess.run([VOUCH, "sign", "--verify", "none", "-o", ORIGIN, "-K", keys, "-f", signed, *MODES[mode], zone], check=True,
                       stdout=subprocess.DEVNULL)
    return signed


def vouch_command(address, zone, folder, cookies):
    return [VOUCH, "serve", "--zone", f"{ORIGIN}={zone}", "--listen", f"{address}@{PORT}"]


def nsd_command(address, zone, folder, cookies):
    config = folder / "nsd.conf"
    answers = f'    answer-cookie: yes\n    cookie-secret: "{SECRET}"\n' if cookies else ""
    config.write_text(f"""{nsd_server(address, PORT, folder)}    minimal-responses: yes
{answers}remote-control:
    control-enable: no
zone:
    name: {ORIGIN}
    zonefile: {zone}
""")
    return ["nsd", "-d", "-c", config]


def knot_command(address, zone, folder, cookies):
    modules = f"mod-cookies:\n  - id: cookies\n    secret: 0x{SECRET}\n" if cookies else ""
    uses = "    module: mod-cookies/cookies\n" if cookies else ""
    return ["knotd", "-c", knot_config(zone, ORIGIN, folder, f"    listen: {address}@{PORT}\n", modules, uses)]


def named_command(address, zone, folder, cookies):
    config = folder / "named.conf"
    config.write_text(f"""options {{
    directory "{folder}";
    listen-on port {PORT} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    pid-file none;
    session-keyfile none;
    minimal-responses yes;
    dnssec-validation no;
}};
controls {{ }};
zone "{ORIGIN}" {{ type primary; file "{zone}"; check-names ignore; }};
""")
    return ["named", "-f", "-n", "1", "-c", config]


def echo_command(address, zone, folder, cookies):
    return [BUILD / "bench/echo", address, str(PORT), str(ANSWER_LEN)]


SERVERS = {"echo": echo_command, "vouch": vouch_command, "nsd": nsd_command, "knot": knot_command, "named": named_command}
PROGRAMS = {"nsd": "nsd", "knot": "knotd", "named": "named"}


class Server(Daemon):
    def __init__(self, name, number, zone, folder, options, cookies=False):
        # named listens on addresses that an interface has, and on no other of the loopback net.
        self.address = "127.0.0.1" if name == "named" else f"{NET}.{number}"
        (folder / name).mkdir(exist_ok=True)
        super().__init__(name, SERVERS[name](self.address, zone, folder / name, cookies), folder / name, 0, options.real_time)
        self.cookies = cookies and name != "echo"

    def serial(self):
        """That of the SOA answered; None without an answer."""
        self.must_run()
        question = b"\x12\x34\x00\x00\x00\x01\0\0\0\0\0\0\x07example\0\0\x06\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.5)
            try:
                asker.sendto(question, (self.address, PORT))
                answer = asker.recv(4096)
            except OSError:
                return None
        if answer[3] & 15 != 0 or answer[7] == 0:
            return None
        end = len(question) + 12 + int.from_bytes(answer[len(question) + 10:len(question) + 12], "big")
        return int.from_bytes(answer[end - 20:end - 16], "big")

    def is_up(self):
        return self.serial() is not None


def start_load(server, questions, seconds, options, rate=0):
    words = ["taskset", "-c", "1"] + (["chrt", "-f", "10"] if options.real_time else [])
    words += [BUILD / "bench/load", server.address, PORT, questions, seconds, options.sockets, options.window, rate]
    words += ["cookie"] if server.cookies else []
    return subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, text=True)


def end_load(process):
    text = process.communicate()[0].split()
    if process.returncode != 0:
        sys.exit("auth: the load could not be put on")
    return dict(zip(text[::2], map(float, text[1::2])))


def load(server, questions, seconds, options, rate=0):
    return end_load(start_load(server, questions, seconds, options, rate))


def measure(server, questions, options):
    ticks, before = server.user_part(), server.cpu_ns()
    run = load(server, questions, options.seconds, options)
    user, system = (now - then for now, then in zip(server.user_part(), ticks))
    run["us"] = (server.cpu_ns() - before) / 1000 / max(run["answered"], 1)
    run["user"] = run["us"] * user / max(user + system, 1)
    server.runs.append(run)


def median(server, what):
    return statistics.median(run.get(what, 0) for run in server.runs)


def show(servers):
    floor = next((median(s, "us") for s in servers if s.name == "echo"), None)
    print(f"  {'':8}{'us CPU':>9}{'user':>8}{'least':>8}{'most':>8}{'of echo':>9}{'qps':>10}{'octets':>8}{'NXDOMAIN':>10}{'lost':>6}")
    for server in servers:
        runs = [run["us"] for run in server.runs]
        us = median(server, "us")
        answered = sum(run["answered"] for run in server.runs)
        absent = sum(run.get("rcode3", 0) for run in server.runs) / answered
        print(f"  {server.name:8}{us:9.3f}{median(server, 'user'):8.2f}{min(runs):8.3f}{max(runs):8.3f}{(floor or us) / us:9.3f}"
              f"{statistics.median(r['answered'] / r['seconds'] for r in server.runs):10.0f}"
              f"{sum(run['octets'] for run in server.runs) / answered:8.1f}{absent:10.3f}{sum(run['lost'] for run in server.runs):6.0f}",
              flush=True)
    return {server.name: median(server, "us") for server in servers}


def show_latency(servers, questions, options):
    """All at the same rate, half of what the slowest can do; in turn."""
    servers = [server for server in servers if server.name != "echo"]
    rate = int(min(statistics.median(run["answered"] / run["seconds"] for run in server.runs) for server in servers) / 2)
    waits = {server.name: [] for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            waits[server.name].append(load(server, questions, options.seconds, options, rate))
    print(f"answer times, us, at {rate} a second (half of what the slowest can do), medians of {options.rounds} runs", flush=True)
    results = {}
    for name, runs in waits.items():
        results[name] = {part: statistics.median(run[part + "_us"] for run in runs) for part in ("p50", "p99", "p99.9")}
        print(f"  {name:8}" + "".join(f"{part:>8}{us:9.1f}" for part, us in results[name].items())
              + f"   lost {sum(run['lost'] for run in runs):.0f}", flush=True)
    peers = [result for name, result in results.items() if name != "vouch"]
    for part in ("p50", "p99"):
        if peers and "vouch" in results:
            goal(f"{part} to the best peer's", results["vouch"][part] / min(peer[part] for peer in peers), 1)


def write_next(zone, serial, path):
    """The same zone with another serial, and every hundredth delegation another's."""
    with open(zone) as before, open(path, "w") as after:
        for number, line in enumerate(before):
            words = line.split()
            if len(words) > 10 and words[3] == "SOA":
                words[6] = str(int(words[6]) + serial)
                line = " ".join(words) + "\n"
            elif len(words) == 5 and words[3] == "NS" and number % 100 == serial:
                line = " ".join(words[:4] + [f"ns{serial}.example."]) + "\n"
            after.write(line)


def reload_under_load(server, questions, options, rate):
    """One load from before the signal until after the new serial is answered; None: it never was."""
    before = server.serial()
    process = start_load(server, questions, RELOAD_SECONDS_MAX + 2 * AROUND_SECONDS, options, rate)
    time.sleep(AROUND_SECONDS)
    server.process.send_signal(signal.SIGHUP)
    began, after = time.monotonic(), before
    while after in (before, None) and time.monotonic() < began + RELOAD_SECONDS_MAX:
        time.sleep(0.02)
        after = server.serial()
    took = time.monotonic() - began
    time.sleep(AROUND_SECONDS)
    process.send_signal(signal.SIGTERM)
    run = end_load(process)
    run["took"] = took if after not in (before, None) and server.serial() == after else None
    run["serials"] = f"{before} to {after}"
    return run


def show_reload(run, memory):
    part = run["serials"] + (f" in {run['took']:.1f} s" if run.get("took") else "")
    print(f"  {part:40}" + "".join(f"{part:>7} {run[part + '_us']:9.0f} us" for part in ("p50", "p99", "p99.9", "p100"))
          + f"  asked {run['asked']:.0f} in {run['seconds']:.1f} s, lost {run['lost']:.0f}  {memory / 2**20:.0f} MiB", flush=True)


def bench_reload(mode, zone, folder, options):
    """Zone files are replaced while the server is asked at nearly the rate it can do."""
    live, following, questions = folder / "live.zone", folder / "next.zone", folder / f"questions-{options.count}"
    shutil.copyfile(zone, live)
    server = Server("vouch", 1, live, folder, options)
    try:
        end = time.monotonic() + 600
        while not server.is_up():
            if time.monotonic() > end:
                sys.exit("auth: vouch does not answer")
            time.sleep(0.2)
        load(server, questions, 1, options)
        peak = load(server, questions, 2, options)
        rate = int(peak["answered"] / peak["seconds"] * options.load)
        print(f"\n{zone.name}: reloads at {rate} questions a second, {options.load:.2f} of what it can do", flush=True)
        quiet = load(server, questions, 2 * AROUND_SECONDS, options, rate)
        show_reload(quiet | {"serials": "nothing is reloaded"}, server.memory())
        runs = []
        for serial in range(1, options.rounds + 1):
            write_next(zone, serial, following)
            following.replace(live)
            runs.append(reload_under_load(server, questions, options, rate))
            show_reload(runs[-1], server.memory())
        whole = sum(run["took"] is not None for run in runs)
        goal(f"{mode}: reloads begun and ended under load", whole, options.rounds, False)
        goal(f"{mode}: 99.9th percentile, ms", statistics.median(run["p99.9_us"] for run in runs) / 1000, 5)
        goal(f"{mode}: questions lost", sum(run["lost"] for run in runs), 0)
    finally:
        server.stop()


def compete(mode, zone, questions, folder, options):
    servers = []
    try:
        for number, name in enumerate(options.servers.split(",")):
            if name in PROGRAMS and not is_there(PROGRAMS[name]):
                print(f"  {name}: not installed")
                continue
            servers.append(Server(name, number + 1, zone, folder, options, mode == "cookies"))
        end = time.monotonic() + 600
        for server in servers:
            while server.name != "echo" and not server.is_up():
                if time.monotonic() > end:
                    sys.exit(f"auth: {server.name} does not answer")
                time.sleep(0.2)
        time.sleep(1)
        for server in servers:
            load(server, questions, 0.2, options)
        for _ in range(options.rounds):
            for server in servers:
                measure(server, questions, options)
        title = zone.name + (", with cookies" if mode == "cookies" else "")
        print(f"\n{title}: CPU time a query, medians of {options.rounds} runs of {options.seconds} s", flush=True)
        results = show(servers)
        if options.only != "answers":
            show_latency(servers, questions, options)
        return results
    finally:
        for server in servers:
            server.stop()


def show_dearer(results):
    """What a question costs more than in the plain row, of us and of the peers."""
    for mode in ("opt-out", "cookies"):
        if mode not in results or "nsec" not in results:
            continue
        more = {name: us - results["nsec"][name] for name, us in results[mode].items() if name in results["nsec"] and name != "echo"}
        print(f"  {mode} dearer than NSEC by, us: " + ", ".join(f"{name} {us:.3f}" for name, us in more.items()), flush=True)
        if mode == "opt-out" and "vouch" in more:
            goal("opt-out dearer than NSEC by, us", more["vouch"], 0.5)


def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench auth")
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--questions", type=int, default=500000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--sockets", type=int, default=4)
    parser.add_argument("--window", type=int, default=64, help="questions open on each socket")
    parser.add_argument("--zones", default="nsec,opt-out,cookies")
    parser.add_argument("--servers", default="echo,vouch,nsd,knot,named")
    parser.add_argument("--real-time", action="store_true", help="server and generator before everything else on the machine")
    parser.add_argument("--large-pages", action="store_true",
                        help="of memory for all servers, as where /sys/kernel/mm/transparent_hugepage/enabled is `always`")
    parser.add_argument("--only", choices=("answers", "latency", "reload"))
    parser.add_argument("--load", type=float, default=0.8, help="of reload: the rate asked at, as a part of what the server can do")
    parser.add_argument("--folder", help="keeps what was made there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("auth: stopped"))
    if options.large_pages:
        os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bench-auth-"))
    folder.mkdir(exist_ok=True)
    try:
        zone = generate("tld", options.count, folder)
        questions = folder / f"questions-{options.count}"
        if not questions.exists():
            with open(questions, "wb") as out:
                subprocess.run([BUILD / "bench/generate", "questions", str(options.count), str(options.questions)], stdout=out, check=True)
        if options.only in (None, "reload"):
            mode = options.zones.split(",")[0]
            bench_reload(mode, sign(mode, zone, folder), folder, options)
        if options.only == "reload":
            return
        results = {mode: compete(mode, sign(mode, zone, folder), questions, folder, options) for mode in options.zones.split(",")}
        for mode, result in results.items():
            peers = [result[name] for name in ("nsd", "knot") if name in result]
            if "vouch" not in result:
                continue
            if mode == "nsec":
                goal(f"{mode}: us CPU a query", result["vouch"], 5.2)
            if "echo" in result and mode == "nsec":
                goal(f"{mode}: of echo", result["echo"] / result["vouch"], 0.68, False)
            if peers:
                goal(f"{mode}: the better of NSD and Knot to vouch", min(peers) / result["vouch"], 1.3, False)
        show_dearer(results)
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
