#!/usr/bin/env python3
"""What ldns-verify-zone, dnssec-verify and kzonecheck say of the zones with one fault each that vouch verify rejects.

The zones are those of the unit test verify_fault_test, as files. Where every peer accepts what we reject, WHY says by which rule we
do; a fault that all accept and WHY does not know is a failure of this test, and so is a good zone that anyone rejects. With --table
a line for each zone says who rejects it.
"""
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import VOUCH, check, finish, folder, needs, run

# The faults that no peer finds, and the rule that they break.
WHY = {
    "an RRSIG of another TTL than its RRset": "RFC 4034 §3: the TTL of an RRSIG must match that of the RRset it covers",
    "an NSEC alone at its name": "RFC 4035 §2.3: an NSEC and its RRSIG must not be all there is at a name",
    "an NSEC3PARAM with flags": "RFC 5155 §4.1.2: one with flags must be ignored, so that no chain is announced",
}


def verdicts(path, has_zonemd):
    """Who rejects the zone: name to sentence."""
    commands = {
        "vouch": [VOUCH, "verify", "--threads", "1", *(["--zonemd"] if has_zonemd else []), "-o", "example.", path],
        "ldns": ["ldns-verify-zone", *(["-ZZ"] if has_zonemd else []), path],
        "bind": ["dnssec-verify", "-z", "-o", "example", path],
        "knot": ["kzonecheck", "-d", "on", "-o", "example", path],
    }
    found = {}
    for name, command in commands.items():
        code, text = run(command, 60)
        if code != 0:
            lines = [line for line in text.strip().split("\n") if line and not line.startswith("Loading")]
            found[name] = lines[0] if lines else f"exit code {code}"
    return found


def main():
    needs("ldns-verify-zone", "dnssec-verify", "kzonecheck")
    maker = Path(VOUCH).parent / "core-zone-verify_fault_test"
    work = folder("faults")
    code, text = run([maker, work, str(int(time.time()))], 120)
    if not check(code == 0, "the faulty zones are written", text):
        finish()
    rows = [line.split("\t") for line in (work / "list").read_text().splitlines()]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda row: verdicts(work / row[0], row[2] == "1"), rows))
    by_fault = {}
    for (file, denial, _, fault), found in zip(rows, results):
        by_fault.setdefault(fault, []).append((denial, found))
        if "--table" in sys.argv:
            print(f"{denial:8} {fault:60} " + " ".join(f"{p}:{'-' if p in found else 'ACCEPTS'}" for p in ("ldns", "bind", "knot")))
    for denial, found in by_fault.pop("nothing"):
        check(not found, f"the good zone with {denial} is accepted by all", found)
    for fault, judged in by_fault.items():
        kinds = ", ".join(denial for denial, _ in judged)
        check(all("vouch" in found for _, found in judged), f"{fault} ({kinds}) is rejected", judged)
        is_known = all(len(found) > 1 for _, found in judged)
        check(is_known or fault in WHY, f"{fault}: {'a peer says so too' if is_known else WHY.get(fault, 'no peer says so')}", judged)
    finish()


main()
