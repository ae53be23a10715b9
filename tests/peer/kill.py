#!/usr/bin/env python3
"""Any process of the lab is killed at any moment; started again, no accepted operation is lost and no notice comes twice."""
import os
import random
import signal
import time

from common import Lab, check, finish, needs, run, until

needs("dig")
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
print(f"seed {SEED} (SEED={SEED} repeats the choice of moments)")
moments = random.Random(SEED)
lab = Lab("kill", 23)


def pids(name):
    """The process of that name and its children, by the configuration on their command lines."""
    found = []
    for folder in os.listdir("/proc"):
        if not folder.isdigit():
            continue
        try:
            words = open(f"/proc/{folder}/cmdline", "rb").read().split(b"\0")
            place = os.readlink(f"/proc/{folder}/cwd")
        except OSError:
            continue
        if place == str(lab.state) and f"conf/{name}.conf".encode() in words:
            found.append(int(folder))
    return found


lab.control("provider-signer", "key-add", "four.org", "ksk")
lab.control("provider-signer", "key-add", "thirteen.com", "ksk")
until(lambda: len(lab.keys("4.1", "four.org")) == 2 and len(lab.keys("4.1", "thirteen.com")) == 2, 20)
work = [("four.org", k) for k in lab.keys("4.1", "four.org")] + [("thirteen.com", k) for k in lab.keys("4.1", "thirteen.com")]
victims = ["registrar", "registry-two", "registrar", "registry-one", "servers-two", "resolver", "registrar", "provider"]
accepted = []
for turn, victim in enumerate(victims):
    domain, key = work[turn % len(work)] if turn < len(work) else (None, None)
    if domain:
        answer = until(lambda: a if "OperationId" in (a := lab.add(domain, key)) else None, 30, 0.5)
        if check(bool(answer), f"{domain}: key accepted before {victim} is killed", answer):
            accepted.append((domain, key, answer["OperationId"]))
    time.sleep(moments.random() * 0.25)
    for pid in pids(victim):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    until(lambda: pids(victim), 20)
    if domain:
        def ended():
            try:
                return d if (d := lab.api("GetOperationDetail", OperationId=accepted[-1][2])).get("Status") in ("SUCCESSFUL", "FAILED") else None
            except OSError:
                return None  # the registrar is being started again
        done = until(ended, 60, 0.2)
        check(done and done["Status"] == "SUCCESSFUL", f"{domain}: the operation ends well although {victim} was killed", done)

for domain, key, identity in accepted:
    mails = until(lambda: lab.mails(identity), 20) or []
    time.sleep(0.5)
    check(len(lab.mails(identity)) == 1, f"one notice about operation {identity}", "\n\n".join(mails))
for domain in ("four.org", "thirteen.com"):
    stored = {k["PublicKey"] for k in lab.api("GetDomainDetail", DomainName=domain)["DnssecKeys"]}
    check(stored == {k for d, k, _ in accepted if d == domain}, f"{domain} has exactly the accepted keys", stored)
    check(until(lambda: lab.is_secure(f"www.{domain}"), 30), f"{domain} is secure in the end")
check(lab.stop() == 0, "the lab ends cleanly", lab.output()[-2000:])
again = Lab("kill", 23, state=lab.state)
for domain in ("four.org", "thirteen.com"):
    check(until(lambda: again.is_secure(f"www.{domain}"), 30), f"{domain} is secure after a second start")
    check(len(again.api("GetDomainDetail", DomainName=domain)["DnssecKeys"]) == 2, f"{domain} has its keys after a second start")
check(again.stop() == 0, "the second lab ends cleanly")
finish()
