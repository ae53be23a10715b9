"""What every bench does: run commands in turn, take medians, print ratios.

A contestant is a name and a command line. The contestants of one row run in turn (A B A B …), so that what else the machine
does falls on all of them; CPU seconds (user and system), the time by the clock and the peak of memory are taken from the
kernel's account of each process.
"""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BENCH_BUILD", TOP / "build"))
VOUCH = BUILD / "vouch"


@dataclass
class Contestant:
    name: str
    command: list
    codes: tuple = (0,)
    own_cpu: bool = False  # the command prints its CPU seconds itself, setting up left out
    rounds: int = 0  # fewer than the others run; 0: as many
    runs: list = field(default_factory=list)

    def median(self, what):
        return statistics.median(run[what] for run in self.runs) if self.runs else float("nan")


def is_there(program):
    return shutil.which(str(program)) is not None or Path(program).exists()


def run_once(contestant, seconds=3600):
    """One run: cpu, clock (seconds) and memory (MiB)."""
    began = time.monotonic()
    with open(os.devnull, "r") as nothing:
        process = subprocess.Popen([str(a) for a in contestant.command], stdin=nothing, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    clock = time.monotonic() - began
    if process.returncode not in contestant.codes:
        sys.exit(f"bench: {' '.join(map(str, contestant.command))} ended with {process.returncode}:\n"
                 f"{output.decode(errors='replace')[-2000:]}")
    cpu = float(output.split()[-1]) if contestant.own_cpu else usage.ru_utime + usage.ru_stime
    contestant.runs.append({"cpu": cpu, "clock": clock, "memory": usage.ru_maxrss / 1024})


def warm_memory(octets_max=6 << 30):
    """Memory that a virtual machine has not used for a while is the host's: the first to touch a page pays for it, a
    quarter of a second for each 100 MB. So that it falls on none of the contestants, it is touched here and left free;
    half of what can be had at the most."""
    available = int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    octets = min(octets_max, available // 2)
    code = f"import mmap\nm = mmap.mmap(-1, {octets})\nfor i in range(0, {octets}, 4096): m[i] = 1"
    subprocess.run([sys.executable, "-c", code], check=False)


def compete(title, contestants, rounds):
    """Runs all in turn and prints a line for each."""
    present = [c for c in contestants if is_there(c.command[0])]
    for missing in set(c.name for c in contestants) - set(c.name for c in present):
        print(f"  {missing}: not installed")
    print(f"\n{title}", flush=True)
    warm_memory()
    for done in range(rounds):
        for contestant in present:
            if done < (contestant.rounds or rounds):
                run_once(contestant)
    for contestant in present:
        cpus = [run["cpu"] for run in contestant.runs]
        print(f"  {contestant.name:34} {contestant.median('cpu'):9.3f} CPU s ({min(cpus):.3f} to {max(cpus):.3f})"
              f" {contestant.median('clock'):9.3f} s by the clock {contestant.median('memory'):7.0f} MiB", flush=True)
    return {c.name: c for c in present}


class Daemon:
    """A server on one core, and what the kernel says it has used: all its threads and children."""

    def __init__(self, name, command, folder, core, real_time=False):
        self.name, self.folder, self.runs = name, folder, []
        words = ["taskset", "-c", core] + (["chrt", "-f", "10"] if real_time else []) + command
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen([str(w) for w in words], stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def processes(self):
        pids, at = [self.process.pid], 0
        while at < len(pids):
            for task in Path(f"/proc/{pids[at]}/task").iterdir():
                pids += [int(p) for p in (task / "children").read_text().split()]
            at += 1
        return pids

    def tasks(self):
        return [task for pid in self.processes() for task in Path(f"/proc/{pid}/task").iterdir()]

    def cpu_ns(self):
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self.tasks())

    def user_part(self):
        """Ticks of user and system time so far."""
        user = system = 0
        for task in self.tasks():
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user, system

    def memory(self):
        """Octets in memory, what is shared divided among those who share it."""
        total = 0
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) * 1024 if line.startswith("Pss:") else 0
        return total

    def must_run(self):
        if self.process.poll() is not None:
            sys.exit(f"bench: {self.name} ended: " + (self.folder / "log").read_text(errors="replace")[-2000:])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def nsd_server(address, port, folder):
    """The section `server` of NSD for one core and nothing but answers."""
    return f"""server:
    ip-address: {address}@{port}
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    xfrdir: "{folder}"
    cookie-secret-file: ""
    rrl-ratelimit: 0
"""


def knot_config(zone, origin, folder, listen="", modules="", zone_options="", behind=""):
    """Knot with one worker and one zone that nothing is looked for in; `listen` is empty where another section says it."""
    config = folder / "knot.conf"
    config.write_text(f"""{modules}server:
    rundir: "{folder}"
{listen}    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
zone:
  - domain: {origin}
    storage: "{folder}"
    file: "{zone}"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
{zone_options}{behind}""")
    return config


def goal(text, value, limit, at_most=True):
    """One line: what was reached beside what is asked."""
    holds = value <= limit if at_most else value >= limit
    print(f"  -> {text}: {value:.3f} (asked: {'at most' if at_most else 'at least'} {limit:g}):"
          f" {'reached' if holds else 'NOT REACHED'}", flush=True)


def ratio(results, ours, theirs, what="cpu"):
    return results[ours].median(what) / results[theirs].median(what)
