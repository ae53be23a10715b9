#!/usr/bin/env python3
"""Random signed zones, each with one fault, judged by vouch, Unbound, BIND and Knot Resolver: secure, and with which RCODE, insecure or
bogus. Every verdict is the same, or a row of mutations.tsv says which section of which RFC allows ours.

usage: mutations.py [--zones N] [--seed N] [--list] [--keep FOLDER]

bench/mutate makes and serves the zones. All run in a network namespace of their own, because resolvers ask port 53.
"""
import argparse
import collections
import fnmatch
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import wire
from common import ENVIRONMENT, TOP, VOUCH, check, finish, folder, needs, run, skip, start, stop, until

parser = argparse.ArgumentParser()
parser.add_argument("--zones", type=int, help="random zones; as many as there are faults unless said")
parser.add_argument("--seed", type=int, default=2026, help="of the zones; 0: another one each time")
parser.add_argument("--list", action="store_true", help="show every kind of difference, those of the table too")
parser.add_argument("--keep", help="leave what was made there")
options = parser.parse_args()
needs("unbound", "named", "kresd", "unshare", "ip")
if os.environ.get("MUTATIONS_INSIDE") is None:  # where there is no network but one of its own, and port 53 is free
    as_root = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    if run(["unshare", *as_root, "--net", "true"])[0] != 0:
        skip("mutations", "no network namespace can be had")
        sys.exit(0)
    os.environ["MUTATIONS_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", *as_root, "--net", sys.executable, *sys.argv])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for number in range(1, 5):
    subprocess.run(["ip", "address", "add", f"127.68.0.{number}/32", "dev", "lo"], check=True)

NET, PORT, ROWS_MAX, OPEN, PATIENCE_S, TRIES = "127.67.0", 53, 20, 24, 15, 3
ADDRESSES = {"vouch": "127.68.0.1", "unbound": "127.68.0.2", "bind": "127.68.0.3", "knot": "127.68.0.4"}
MUTATE = Path(VOUCH).parent / "bench" / "mutate"
TABLE = TOP / "tests/peer/mutations.tsv"
FAULTS = len(re.findall(r'^    \{(?:\.name = )?"', (TOP / "bench/mutate_fault.c").read_text(), re.M))
seed = options.seed or int(time.time())
count = options.zones or FAULTS
work = Path(options.keep) if options.keep else folder("mutations")
work.mkdir(exist_ok=True)
print(f"seed {seed} (--seed {seed} --zones {count} repeats), {count} zones, {FAULTS} faults", flush=True)

# ---------------------------------------------------------------- who is asked


def vouch_command(place, address):
    (place / "config").write_text(f"""server:
  listen: {address}@{PORT}
  sandbox: no
resolver:
  root-hints: {work}/hints
  trust-anchor-file: {work}/anchor
  ask-only: {NET}.0/24
  aggressive-nsec: no
  accept-sha1: yes
""")
    return [VOUCH, "resolve", "--config", place / "config"]


def unbound_command(place, address):
    (place / "config").write_text(f"""server:
  interface: {address}@{PORT}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{place}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  root-hints: "{work}/hints"
  trust-anchor-file: "{work}/anchor"
  trust-anchor-signaling: no
  aggressive-nsec: no
  val-log-level: 2
  infra-keep-probing: yes
remote-control:
  control-enable: no
""")
    return ["unbound", "-d", "-p", "-c", place / "config"]


def bind_command(place, address):
    tag, algorithm, digest_type, digest = (work / "anchor").read_text().split(None, 7)[4:]
    (place / "config").write_text(f"""options {{
    directory "{place}";
    listen-on {{ {address}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion yes;
    allow-query {{ any; }};
    dnssec-validation yes;
    synth-from-dnssec no;
    qname-minimization off;
    servfail-ttl 0;
    empty-zones-enable no;
    trust-anchor-telemetry no;
}};
controls {{ }};
trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest.replace(' ', '').strip()}"; }};
zone "." {{ type hint; file "{work}/hints"; }};
""")
    return ["named", "-4", "-g", "-n", "1", "-c", place / "config"]


def knot_command(place, address):
    (place / "config").write_text(f"""net.listen('{address}', {PORT}, {{ kind = 'dns' }})
net.ipv6 = false
option('ALLOW_LOCAL', true)
log_level('notice')
trust_anchors.remove('.')
trust_anchors.add_file('{work}/anchor', true)
modules.load('hints > iterate')
hints.root({{ ['ns.servers.'] = '{NET}.1' }})
for _, name in ipairs({{'priming', 'ta_update', 'ta_signal_query', 'detect_time_skew', 'serve_stale', 'prefill', 'predict'}}) do
  pcall(modules.unload, name)
end
""")
    (place / "run").mkdir(exist_ok=True)
    return ["kresd", "-n", "-c", place / "config", place / "run"]


COMMANDS = {"vouch": vouch_command, "unbound": unbound_command, "bind": bind_command, "knot": knot_command}

# ---------------------------------------------------------------- questions and verdicts


def query_of(identity, name, kind):
    """With RD and DO."""
    octets = wire.message(identity, 0x0100, [wire.question(name, kind)])
    return octets[:10] + b"\0\1" + octets[12:] + b"\0" + struct.pack("!HHIH", 41, 4096, 0x8000, 0)


def verdict_of(answer):
    flags = struct.unpack("!H", answer[2:4])[0]
    rcode = flags & 15
    if rcode == 2:
        return "bogus"
    if not flags & 0x20:
        return "insecure"  # nobody vouches for the RCODE then
    return "secure " + {0: "NOERROR", 3: "NXDOMAIN"}.get(rcode, f"RCODE{rcode}")


def ask_all(address, questions, verdicts):
    """Fills `verdicts`, a verdict for each question; a bounded number of questions is open."""
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.connect((address, PORT))
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    waiting, todo, tries = {}, collections.deque(range(len(questions))), collections.Counter()
    while todo or waiting:
        while todo and len(waiting) < OPEN:
            at = todo.popleft()
            tries[at] += 1
            waiting[at & 0xFFFF] = (at, time.monotonic())
            try:
                asker.send(query_of(at & 0xFFFF, *questions[at]))
            except ConnectionError:  # nobody is there
                return
        if select.select([asker], [], [], 0.5)[0]:
            try:
                answer = asker.recv(65535)
            except ConnectionError:
                return
            at, _ = waiting.get(struct.unpack("!H", answer[:2])[0], (None, 0))
            if at is None or not answer[12:].startswith(wire.name(questions[at][0])):
                continue
            del waiting[at & 0xFFFF]
            if answer[2] & 2:  # AD says nothing of what was cut off
                answer = wire.ask_tcp(address, PORT, query_of(at & 0xFFFF, *questions[at]), PATIENCE_S)
            verdicts[at] = verdict_of(answer) if len(answer) >= 12 else None
        for identity, (at, since) in list(waiting.items()):
            if time.monotonic() - since > PATIENCE_S:
                del waiting[identity]
                if tries[at] < TRIES:
                    todo.append(at)


def rows_of_table():
    rows = []
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            rows.append(line.split("\t"))
    return rows


def allowed(rows, who, subject, ours, theirs):
    """The place of the first row that explains a difference; None where none does."""
    _, fault, place, denial, algorithm, what = subject
    for at, (server, faults, where, asked, our_verdict, their_verdict, *_) in enumerate(rows):
        pairs = ((server, who), (faults, fault), (where, f"{place}/{denial}/{algorithm}"), (asked, what), (our_verdict, ours), (their_verdict, theirs))
        if all(any(fnmatch.fnmatchcase(value, part) for part in pattern.split("|")) for pattern, value in pairs):
            return at
    return None


# ---------------------------------------------------------------- the whole

began = time.monotonic()
log = work / "mutate.log"
log.unlink(missing_ok=True)
mutate = start([MUTATE, work, NET, PORT, count, seed], log)
until(lambda: "ready" in log.read_text() or mutate.poll() is not None, 600)
if not check(mutate.poll() is None, "the zones are served", log.read_text()):
    finish()
resolvers = {}
for who, address in ADDRESSES.items():
    place = work / who
    place.mkdir(exist_ok=True)
    resolvers[who] = start(COMMANDS[who](place, address), place / "log")


def is_up(address):
    verdicts = [None]
    ask_all(address, [("tld", 6)], verdicts)
    return verdicts[0] == "secure NOERROR"


for who, address in ADDRESSES.items():
    check(until(lambda: is_up(address), 30), f"{who} finds tld. secure", (work / who / "log").read_text()[-3000:])
lines = [line.split() for line in (work / "questions").read_text().splitlines()]
subjects = [tuple(line[:6]) for line in lines]
questions = [(line[6], int(line[7])) for line in lines]
verdicts = {who: [None] * len(questions) for who in ADDRESSES}
threads = [threading.Thread(target=ask_all, args=(address, questions, verdicts[who])) for who, address in ADDRESSES.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

rows = rows_of_table()
used, kinds, examples, faults = collections.Counter(), collections.Counter(), {}, collections.Counter()
for number in {subject[0]: subject for subject in subjects}.values():
    faults[number[1]] += 1
for at, subject in enumerate(subjects):
    ours = verdicts["vouch"][at]
    for who in ADDRESSES:
        theirs = verdicts[who][at]
        if theirs == ours:
            continue
        row = allowed(rows, who, subject, str(ours), str(theirs))
        used[row] += 1
        if row is None or options.list:
            kind = (who, subject[1], subject[2], subject[3] if options.list else "*", subject[5], str(ours), str(theirs), row)
            kinds[kind] += 1
            examples.setdefault(kind, f"{questions[at][0]} {questions[at][1]}")
text = "\n".join(f"{number:6} {who}: {fault}/{place} {denial} {what}: ours {ours}, theirs {theirs}" + (f" (row {row + 1})" if row is not None else "") +
                 f"; {examples[who, fault, place, denial, what, ours, theirs, row]}"
                 for (who, fault, place, denial, what, ours, theirs, row), number in sorted(kinds.items(), key=lambda item: str(item[0][1:])))
check(len(rows) <= ROWS_MAX and all(len(row) == 7 and "RFC" in row[6] for row in rows), f"at most {ROWS_MAX} rows explain differences, each with its RFC's section", rows)
check(None not in sum(verdicts.values(), []), "every question has an answer",
      "\n".join(f"{who}: {subjects[at]} {questions[at]}" for who in ADDRESSES for at in range(len(questions)) if verdicts[who][at] is None))
check(used[None] == 0, f"{count} zones, {len(faults)} faults, {len(questions)} questions: four validators have the same verdict, or the table explains it")
if kinds:
    print(text, flush=True)
tally = {who: collections.Counter(str(verdict).split()[0] for verdict in verdicts[who]) for who in ADDRESSES}
print(f"    {count} zones, {len(faults)} faults (each {min(faults.values())} to {max(faults.values())} times), {len(questions)} questions to each, "
      f"{sum(used.values())} differences of which the table explains {sum(used.values()) - used[None]} by {len(set(used) - {None})} rows, "
      f"{time.monotonic() - began:.0f} s, seed {seed}", flush=True)
for who in ADDRESSES:
    print(f"    {who}: " + ", ".join(f"{number} {word}" for word, number in tally[who].most_common()), flush=True)
for row, number in sorted((item for item in used.items() if item[0] is not None)):
    print(f"    row {row + 1}, {rows[row][0]} {rows[row][1]}: {number}", flush=True)
for process, output in ((resolvers["vouch"], work / "vouch/log"), (mutate, log)):
    check(stop(process) == 0 and not re.search("AddressSanitizer|runtime error|LeakSanitizer", output.read_text()), f"{output.parent.name if process is not mutate else 'mutate'} ends cleanly",
          output.read_text()[-3000:])
finish()
