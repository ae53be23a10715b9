#!/usr/bin/env python3
"""What an answer costs over AF_XDP, and over plain sockets on the same kind of interface: vouch and Knot, each both ways.

./bootstrap bench xdp [--count N] [--questions N] [--rounds N] [--seconds S] [--servers vouch,vouch-xdp,knot,knot-xdp]
                      [--real-time] [--folder DIR]

Two network name spaces, in one the servers, in the other the generator, and for each server a pair of virtual Ethernet interfaces between
them. All serve the same signed zone like that of a registry and are asked in turn (A B C D A B ...). Servers on core 0, generator on core
1; the generator keeps a bounded number of questions open, so nothing is dropped.

Two figures. "process" is the kernel's account of all threads of the server. But much of the work is done by the kernel beside it, so "core"
is what counts: all time of the run in which core 0 was not idle, divided by the answers. What the interfaces of servers receive is handled
on core 0 (RPS, or the NAPI thread of an interface with a program in its driver), and what the generator's receive on core 1, so that each
core has its side's work. What else the machine does on core 0 is counted too, but with --real-time it waits for the server.

Needs root. Nothing of the machine's own network is touched.
"""
import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from auth import ORIGIN, sign
from bench import BUILD, VOUCH, Daemon, goal, is_there, knot_config
from zone import generate

PORT = 5349
HERE, THERE = f"vouch-bench-{os.getpid()}", f"vouch-asks-{os.getpid()}"  # of servers, of the generator


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


def inside(space, *words):
    return ["ip", "netns", "exec", space, *map(str, words)]


def vouch_command(interface, address, zone, folder, more=""):
    config = folder / "vouch.conf"
    config.write_text(f"server:\n  listen: {address}@{PORT}\n  workers: 1\n{more}zone:\n  name: {ORIGIN}\n  file: {zone}\n  sign: no\n")
    return [VOUCH, "serve", "--config", config]


def vouch_xdp_command(interface, address, zone, folder):
    return vouch_command(interface, address, zone, folder, f"  xdp-listen: {interface}\n")


def knot_command(interface, address, zone, folder, by_xdp=False):
    by_socket, by_interface = f"    listen: {address}@{PORT}\n", f"xdp:\n    listen: {interface}@{PORT}\n"
    ways = {"behind": by_interface} if by_xdp else {"listen": by_socket}
    return ["knotd", "-c", knot_config(zone, ORIGIN, folder, **ways)]


def knot_xdp_command(interface, address, zone, folder):
    return knot_command(interface, address, zone, folder, True)


SERVERS = {"vouch": vouch_command, "vouch-xdp": vouch_xdp_command, "knot": knot_command, "knot-xdp": knot_xdp_command}


class Server(Daemon):
    def __init__(self, name, number, zone, folder, options):
        (folder / name).mkdir(exist_ok=True)
        self.interface, self.address = f"served{number}", f"198.18.{number}.1"
        ip("link", "add", self.interface, "netns", HERE, "type", "veth", "peer", "name", f"asks{number}", "netns", THERE)
        for space, interface, host, core in ((HERE, self.interface, 1, 0), (THERE, f"asks{number}", 2, 1)):
            ip("-n", space, "address", "add", f"198.18.{number}.{host}/24", "dev", interface)
            ip("-n", space, "link", "set", interface, "up")
            steer = f"for f in /sys/class/net/{interface}/queues/rx-*/rps_cpus; do echo {1 << core:x} >$f; done"
            subprocess.run(inside(space, "sh", "-c", steer), check=True)
        command = inside(HERE, *SERVERS[name](self.interface, self.address, zone, folder / name))
        super().__init__(name, command, folder / name, 0, options.real_time)

    def is_up(self):
        self.must_run()
        text = subprocess.run(inside(THERE, "dig", "+short", "+time=1", "+tries=1", f"@{self.address}", "-p", PORT, ORIGIN, "SOA"),
                              capture_output=True, text=True, check=False).stdout
        return len(text.split()) == 7

    def mode(self, options):
        """Where the program of the interface runs; its NAPI thread is brought to the server's core."""
        said = subprocess.run(["ip", "-n", HERE, "link", "show", self.interface], capture_output=True, text=True, check=True).stdout
        if "xdpgeneric" in said:
            return "AF_XDP, behind the driver"
        if " xdp " not in said:
            return "sockets"
        subprocess.run(inside(HERE, "sh", "-c", f"echo 1 >/sys/class/net/{self.interface}/threaded"), check=True)
        for process in Path("/proc").glob("[0-9]*/comm"):
            if process.read_text().startswith(f"napi/{self.interface}-"[:15]):
                subprocess.run(["taskset", "-p", "-c", "0", process.parent.name], check=True, stdout=subprocess.DEVNULL)
                if options.real_time:
                    subprocess.run(["chrt", "-p", "-f", "10", process.parent.name], check=True)
        return "AF_XDP, in the driver"


def idle_seconds(core):
    fields = next(line.split() for line in Path("/proc/stat").read_text().split("\n") if line.startswith(f"cpu{core} "))
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def load(server, questions, seconds, options):
    first = ["taskset", "-c", 1] + (["chrt", "-f", "10"] if options.real_time else [])
    words = [*first, BUILD / "bench/load", server.address, PORT, questions, seconds, options.sockets, options.window]
    text = subprocess.run(inside(THERE, *words), capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(text[::2], map(float, text[1::2])))


def measure(server, questions, options):
    began, idle, used = time.monotonic(), idle_seconds(0), server.cpu_ns()
    run = load(server, questions, options.seconds, options)
    busy = min(time.monotonic() - began - (idle_seconds(0) - idle), run["seconds"])
    run["core"] = busy * 1e6 / max(run["answered"], 1)
    run["process"] = (server.cpu_ns() - used) / 1000 / max(run["answered"], 1)
    server.runs.append(run)


def median(server, what):
    return statistics.median(run[what] for run in server.runs)


def show(servers, options):
    print(f"CPU time a query, us, medians of {options.rounds} runs of {options.seconds} s", flush=True)
    print(f"  {'':10}{'core':>8}{'least':>8}{'most':>8}{'process':>9}{'qps':>9}{'octets':>8}{'lost':>6}")
    for server in servers:
        cores = [run["core"] for run in server.runs]
        answered = sum(run["answered"] for run in server.runs)
        print(f"  {server.name:10}{median(server, 'core'):8.3f}{min(cores):8.3f}{max(cores):8.3f}{median(server, 'process'):9.3f}"
              f"{statistics.median(r['answered'] / r['seconds'] for r in server.runs):9.0f}"
              f"{sum(run['octets'] for run in server.runs) / answered:8.1f}{sum(run['lost'] for run in server.runs):6.0f}"
              f"  {server.way}", flush=True)
    by_name = {server.name: server for server in servers}
    for what in ("core", "process"):
        for other, limit in (("vouch", 0.6), ("knot-xdp", 1)):
            if "vouch-xdp" in by_name and other in by_name:
                goal(f"{what}: vouch-xdp to {other}", median(by_name["vouch-xdp"], what) / median(by_name[other], what), limit)


def compete(zone, questions, folder, options):
    servers = []
    try:
        for number, name in enumerate(options.servers.split(","), 1):
            if not is_there("knotd" if "knot" in name else VOUCH):
                print(f"  {name}: not installed")
                continue
            servers.append(Server(name, number, zone, folder, options))
        end = time.monotonic() + 600
        for server in servers:
            while not server.is_up():
                if time.monotonic() > end:
                    sys.exit(f"xdp: {server.name} does not answer: " + (server.folder / "log").read_text(errors="replace")[-2000:])
                time.sleep(0.2)
            server.way = server.mode(options)
        time.sleep(1)
        for server in servers:
            load(server, questions, 0.2, options)
        for _ in range(options.rounds):
            for server in servers:
                measure(server, questions, options)
        show(servers, options)
    finally:
        for server in servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench xdp")
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--questions", type=int, default=500000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--sockets", type=int, default=4)
    parser.add_argument("--window", type=int, default=48, help="questions open on each socket")
    parser.add_argument("--servers", default="vouch,vouch-xdp,knot,knot-xdp")
    parser.add_argument("--real-time", action="store_true", help="servers and generator before everything else on the machine")
    parser.add_argument("--folder", help="keeps what was made there")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("xdp: only root may make interfaces and programs for them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("xdp: stopped"))
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bench-xdp-"))
    folder.mkdir(exist_ok=True)
    try:
        zone = sign("nsec", generate("tld", options.count, folder), folder)
        questions = folder / f"questions-{options.count}"
        if not questions.exists():
            with open(questions, "wb") as out:
                subprocess.run([BUILD / "bench/generate", "questions", str(options.count), str(options.questions)], stdout=out, check=True)
        for space in (HERE, THERE):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        compete(zone, questions, folder, options)
    finally:
        for space in (HERE, THERE):
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL, check=False)
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
