#!/usr/bin/env python3
"""The lab as a person uses it: starts, says where everything is, goes on from its state, ends all it started; steps of the tour that are broken
on purpose fail, and no other."""
import os
import random
import re
import subprocess

from common import VOUCH, Lab, check, finish, folder, run, until

lab = Lab("lab", 26)
text = lab.output()
for word in ("console", "resolvers", "name servers", "mailbox", lab.url()):
    check(word in text, f"it says where: {word}", text)
check("NOERROR" in lab.ask("5.1", "www.example.com"), "the resolver answers")
check("NOERROR" in lab.ask("1.10", "de", "NS", "+norec") or "de." in lab.ask("1.10", "de", "NS"), "the real root's TLDs are known")
refused = lab.ask("5.1", "www.denic.de")
check("SERVFAIL" in refused, "but no packet leaves loopback for them", refused)
code, answer = run([VOUCH, "lab", "attack", "on", "--state", lab.state])
check(code == 0 and "attack on" in answer, "vouch lab attack on", answer)
check("66.66" in lab.ask("5.3", "fresh.wild.example.com"), "the resolver that does not validate is fooled")
run([VOUCH, "lab", "attack", "off", "--state", lab.state])
key = (until(lambda: lab.keys("4.1", "example.org"), 10) or [""])[0]
check(lab.add_and_wait("example.org", key).get("Status") == "SUCCESSFUL", "a key is added")
stats = lab.control("registrar", "stats")
check(re.search(r"^operations\[SUCCESSFUL\]: [1-9]", stats, re.M) and "responses[1000]: " in stats, "the registrar counts operations by state", stats)
stats = lab.control("registry-one", "stats")
check("changes[done]: " in stats and "responses[1000]: " in stats and re.search(r"^sessions: [1-9]", stats, re.M), "the registry counts responses", stats)
for name in ("registry-one", "registrar"):
    check("read again" in lab.control(name, "reload"), f"{name}: reload by control")
children = run(["pgrep", "-f", str(lab.state)])[1]
code = lab.stop()
check(code == 0, "it ends with exit code 0", lab.output()[-1500:])


def left():
    found = []
    for pid in (p for p in os.listdir("/proc") if p.isdigit()):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(str(lab.state)):
                found.append(pid)
        except OSError:
            pass
    return found


check(until(lambda: not left(), 10), "nothing it started is left", left())
again = Lab("lab", 26, state=lab.state)
check(until(lambda: again.is_secure("www.example.org"), 30), "a second start goes on from the state on disk")
check(len(again.mails("example.org")) == 1, "and sends no notice twice")
again.stop()
refused = folder("no-lab")
(refused / "precious").write_text("x")
code, answer = run([VOUCH, "lab", "--fresh", "--state", refused])
check(code == 1 and (refused / "precious").exists(), "--fresh removes nothing that is no lab", answer)

seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
steps = os.environ.get("BREAK", " ".join(str(s) for s in random.Random(seed).sample(range(1, 56), 2))).split()
for step in steps:
    state = folder("broken")
    code, answer = run([VOUCH, "lab", "--tour", "--break", step, "--state", state, "--net", "27"], 300)
    failed = re.findall(r"^not ok S(\d+)", answer, re.M)
    check(code == 1 and failed == [step], f"--break {step} makes exactly step {step} fail", answer[-2500:] if failed != [step] else "")
finish()
