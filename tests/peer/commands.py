#!/usr/bin/env python3
"""The command line: help, versions, exit codes, and one clear sentence for unknown input; the real root zone judged."""
import json
import random
import re
import resource
import signal

from common import TOP, VOUCH, check, finish, folder, run, vouch

work = folder("commands")
code, text = vouch("help")
commands = re.findall(r"^  (\w+) ", text, re.M)
check(code == 0 and {"serve", "resolve", "registry", "registrar", "lab", "verify", "sign", "keystore", "ds", "ask"} <= set(commands), "vouch help lists the commands", text)
for command in commands:
    if command != "help":
        code, text = vouch("help", command)
        check(code == 0 and f"vouch {command}" in text, f"vouch help {command}", text)
        code, text = vouch(command, "--no-such-option")
        check(code == 2 and len(text.strip().split("\n")) <= 2, f"vouch {command} --no-such-option is one sentence and exit code 2", text)
code, text = vouch("--version")
check(code == 0 and re.match(r"vouch \d", text), "vouch --version", text)
for words in (("resolv",), ("no-such-command",), ("help", "no-such-command"), ("--no-such-option",)):
    code, text = vouch(*words)
    check(code == 2 and len(text.strip().split("\n")) == 1, f"vouch {' '.join(words)}: one sentence, exit code 2", text)
for command, text in (("serve", "server:\n  listne: 127.0.0.1\n"), ("resolve", "resolver:\n  validate: maybe\n"),
                      ("registry", "server\n"), ("registrar", "server:\n\tcontrol: \"x\n")):
    path = work / f"{command}.conf"
    path.write_text(text)
    code, output = vouch(command, "--config", path, "--check-config")
    check(code != 0 and re.search(r":\d+:\d+: ", output) and len(output.strip().split("\n")) == 1, f"vouch {command} --check-config says line and column", output)

code, text = vouch("doc", "--folder", work)
stale = [n for n in ("commands.md", "configuration.md") if code != 0 or (work / n).read_text() != (TOP / "doc/generated" / n).read_text()]
check(not stale, "doc/generated is what ./bootstrap doc makes now", text + " ".join(stale))
before, after = work / "before.zone", work / "after.zone"
before.write_text("$TTL 60\n@ SOA n h 1 1 1 1 1\n@ NS n\nn A 192.0.2.1\nw 90 TXT a\n")
after.write_text("$TTL 1m\n@ SOA n h 2 1 1 1 1\nn 60 IN A 192.0.2.1\n@ NS n.d.example.\nw 91 TXT a\nx AAAA ::1\n")
code, text = vouch("diff", "-o", "d.example", before, before)
check(code == 0 and text.strip() == "", "vouch diff of the same is silent", text)
code, text = vouch("diff", "-o", "d.example", before, after)
check(code == 1 and [line.split()[0] + line.split()[1] + line.split()[4] for line in text.strip().split("\n")] ==
      ["-d.example.SOA", "+d.example.SOA", "-w.d.example.TXT", "+w.d.example.TXT", "+x.d.example.AAAA"], "vouch diff shows what went and came", text)
code, text = vouch("diff", "--json", "-o", "d.example", before, after)
check(code == 1 and [c["change"] for c in json.loads(text)["changes"]] == ["remove", "add", "remove", "add", "add"], "vouch diff --json", text)
code, text = vouch("diff", "-o", "d.example", before, work / "missing.zone")
check(code == 2 and "missing.zone" in text, "vouch diff names the file it cannot read", text)

ROOT, KEY, DS = TOP / "data/root-2026073102-signed.zone", "/usr/share/dns/root.key", "/usr/share/dns/root.ds"
OLD, ARPA = TOP / "data/root-2024101100-signed.zone", TOP / "data/arpa-20241011-signed.zone"
NOW, THEN = "2026-08-01T00:00:00Z", "2024-10-12T00:00:00Z"


def verify(path, at, *options):
    return vouch("verify", "--at", at, "--zonemd", *options, path, seconds=120)


for anchor in (KEY, DS):
    code, text = verify(ROOT, NOW, "--anchor", anchor)
    check(code == 0 and "2792" in text, f"the real root zone of 2026 with {anchor}", text)
code, text = verify(OLD, THEN, "--anchor", DS)
check(code == 0 and "2793" in text, "the real root zone of 2024", text)
parent = work / "arpa.ds"
parent.write_text("".join(line for line in OLD.read_text().splitlines(True) if re.match(r"arpa\.\s+\d+\s+IN\s+DS\s", line)))
code, text = vouch("verify", "--at", THEN, "--anchor", parent, ARPA)
check(code == 0 and "61" in text, "arpa. through the root's DS", text)
code, text = vouch("verify", "--at", NOW, "--anchor", parent, ARPA)
check(code == 1 and "expired" in text, "arpa. of 2024 in 2026 has expired", text)
code, text = verify(ROOT, "2026-09-01T00:00:00Z", "--anchor", DS)
check(code == 1 and "expired" in text, "the root of July has expired in September", text)

lines = ROOT.read_text().splitlines(True)
seed = random.randrange(1 << 31)
draw = random.Random(seed)


def fields(index):
    return lines[index].split(None, 4)


def altered(index):
    """One record with one character of its rdata (or its TTL) changed into a valid other one."""
    owner, ttl, kind, type_, rdata = fields(index)
    if type_ in ("A",):
        rdata = "192.0.2.1\n" if not rdata.startswith("192.0.2.1\n") else "192.0.2.2\n"
    elif type_ == "AAAA":
        rdata = "2001:db8::1\n"
    elif type_ == "NS":
        rdata = "ns.changed.example.\n"
    elif type_ == "DS":
        rdata = rdata.strip()[:-1] + ("0" if rdata.strip()[-1] != "0" else "1") + "\n"
    elif type_ == "NSEC":
        rdata = rdata.strip() + " TXT\n"
    elif type_ == "RRSIG":
        words = rdata.split()
        words[3] = str(int(words[3]) - 1)
        rdata = " ".join(words) + "\n"
    else:
        return None
    return "\t".join((owner, ttl, kind, type_, rdata))


def judge(changed, what, named):
    path = work / "root.zone"
    path.write_text("".join(changed))
    code, text = verify(path, NOW, "--anchor", DS)
    check(code == 1 and named in text, f"the root with {what} (seed {seed}) is rejected and says {named}", text[-1500:])


signed = {"DS", "NSEC"}
by_type = {}
for index, line in enumerate(lines):
    words = line.split(None, 4)
    if len(words) == 5:
        by_type.setdefault(words[3], []).append(index)
for type_ in ("A", "AAAA", "NS", "DS", "NSEC", "RRSIG"):
    index = draw.choice([i for i in by_type[type_] if fields(i)[0] != "."])
    owner = fields(index)[0]
    named = owner if type_ in signed or type_ == "RRSIG" else "ZONEMD"
    judge(lines[:index] + [altered(index)] + lines[index + 1:], f"{owner} {type_} altered", named)
    # Of several DS of one owner the removal of one breaks the signature; so does that of the only one (the NSEC says it is there).
    judge(lines[:index] + lines[index + 1:], f"{owner} {type_} removed", named)
judge(lines + ["added.\t86400\tIN\tNS\tns.added.\n"], "a delegation added", "added.")
judge(lines + ["ns.added.com.\t86400\tIN\tA\t192.0.2.1\n"], "glue added", "ZONEMD")
index = draw.choice(by_type["DS"])
judge(lines + [altered(index)], "a DS added", fields(index)[0])
# A zone that cannot be written whole leaves the one before as it was, and nothing beside it.
keys, zone, out = work / "keys", work / "small.zone", work / "small.signed"
keys.mkdir()
zone.write_text("$ORIGIN small.test.\n$TTL 60\n@ SOA ns h 1 60 60 6000 60\n@ NS ns\nns A 192.0.2.1\n"
                + "".join(f"host-{i} A 192.0.2.1\n" for i in range(1000)))
sign = ["sign", "-o", "small.test", "-K", keys, "-f", out, zone]
code, text = vouch(*sign)
before = out.read_bytes() if out.exists() else b""
check(code == 0 and before.count(b"RRSIG") > 2000, "a zone is signed into a file", text)


def little_room():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


code, text = run([VOUCH, *sign], preexec_fn=little_room)
check(code == 1 and "small.signed" in text and "could not be written" in text, "where there is no room it says so", text)
check(out.read_bytes() == before, "and the signed zone of before is whole")
check([p.name for p in sorted(work.glob("small.signed*"))] == ["small.signed"], "and nothing is left beside it")
code, text = vouch("sign", "-o", "small.test", "-K", keys, "-f", "/dev/full", zone)
check(code == 1 and "/dev/full" in text, "a device that is full is told too", text)


finish()
