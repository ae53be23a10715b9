#!/usr/bin/env python3
"""Every RR type in presentation form, read by BIND's named-rrchecker: the same octets as ours, or refused as by us.

The rows are those of rrtypes.tsv, which the unit test rdata_rows_test gives to our own parser. Where BIND does not agree, the row says why,
and a row that says so without need fails too. All rows that are read stand in a zone file as well: what we print of it, BIND must read as
the same octets. Last come random records of every type: BIND reads what we print as the same octets, or does not read it at all, and then
only for types where it is known to want more than the wire has.
"""
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import ENVIRONMENT, TOP, VOUCH, check, finish, folder, needs, run, vouch

needs("named-rrchecker")
rows = [line.split("\t") for line in (TOP / "tests/peer/rrtypes.tsv").read_text().splitlines() if not line.startswith("#")]


def bind(kind, text):
    """The octets in hexadecimal, or None and what BIND says."""
    done = subprocess.run(["named-rrchecker", "-u"], input=f"IN {kind} {text}\n".encode(), capture_output=True, env=ENVIRONMENT, timeout=20)
    if done.returncode != 0:
        return None, done.stderr.decode().strip()
    words = done.stdout.decode().strip().split("\t")[-1].split()
    return "".join(words[2:]).upper(), ""


def bind_each(texts):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda text: bind(*text), texts))


answers = bind_each([(row[0], row[5]) for row in rows])
wrong, needless = [], []
for (kind, verdict, outcome, note, why, text), (octets, said) in zip(rows, answers):
    expected = outcome.replace("-", "") if verdict == "reads" else None
    if note == "same" and octets != expected:
        wrong.append(f"{kind} {text} ({why}): BIND {octets or said}, we {expected}")
    if note != "same" and octets == expected:
        needless.append(f"{kind} {text}: {note}")
agreed = sum(row[3] == "same" for row in rows)
check(len(rows) > 450 and not wrong, f"{agreed} of {len(rows)} rows are read or refused by BIND as by us", "\n".join(wrong))
check(not needless, "each other row has its reason", "\n".join(needless))

# SOA stands at the apex alone, NXNAME in no zone.
work = folder("rrtypes")
owned = {f"r{number}": row for number, row in enumerate(rows) if row[1] == "reads" and row[0] not in ("SOA", "NXNAME")}
apex = "$ORIGIN rows.test.\n$TTL 3600\n@ SOA ns. host. 1 2 3 4 5\n@ NS ns.\n"
(work / "without").write_text(apex)
(work / "with").write_text(apex + "".join(f"{owner} {row[0]} {row[5]}\n" for owner, row in owned.items()))
code, text = vouch("diff", "-o", "rows.test", work / "without", work / "with")
printed = {m[1]: (m[2], m[3]) for m in re.finditer(r"^\+ (\S+)\.rows\.test\.\s+3600\s+IN\s+(\S+)\s+(.*)$", text, re.M)}
check(code == 1 and printed.keys() == owned.keys(), f"{len(owned)} of them are read from a zone file", text[-2000:])
common = [owner for owner, row in owned.items() if row[3] == "same" and owner in printed]
wrong = [f"{owned[owner][0]} {printed[owner][1]}: BIND {octets or said}, not {owned[owner][2]}"
         for owner, (octets, said) in zip(common, bind_each([printed[owner] for owner in common])) if octets != owned[owner][2].replace("-", "")]
check(not wrong, f"{len(common)} of them are read by BIND as we print them", "\n".join(wrong))

# What it wants more than the wire has, which our reader leaves to those who use the record.
DIGEST = "a digest of a known kind has that kind's length"
NOT_KNOWN = "BIND 9.18 does not know all types"
STRICTER = {
    "CLA": NOT_KNOWN, "IPN": NOT_KNOWN, "CSYNC": NOT_KNOWN, "DSYNC": NOT_KNOWN, "NXT": NOT_KNOWN,
    "NSEC": "it has at least one type; " + NOT_KNOWN,
    "NSEC3": "a hash of SHA-1 has 20 octets, and none more than fit a label; " + NOT_KNOWN,
    "RRSIG": "its labels are not fewer than the signer's; " + NOT_KNOWN,
    "SIG": "its labels are not fewer than the signer's; " + NOT_KNOWN,
    "DS": DIGEST, "CDS": DIGEST, "DLV": DIGEST, "TA": DIGEST, "SSHFP": DIGEST, "ZONEMD": DIGEST,
    "SVCB": "BIND 9.18 does not know all keys; dohpath is a template with dns",
    "HTTPS": "BIND 9.18 does not know all keys; dohpath is a template with dns",
    "KEY": "its flags say whether there is a key", "IPSECKEY": "there is a key", "RKEY": "its flags are 0",
    "ATMA": "a telephone number has digits alone", "X25": "it has four digits or more",
    "LOC": "a size of nothing has no power of ten", "NAPTR": "its expression is one", "SINK": "it is not empty",
}
seed = random.randrange(1 << 63)
code, text = run([Path(VOUCH).parent / "core-dns-rdata_random_test", seed, 15])
made = [line.split("\t") for line in text.splitlines()]
wrong, refused = [], {}
for (kind, octets, printed), (read, said) in zip(made, bind_each([(kind, printed) for kind, _, printed in made])):
    if read is None:
        refused.setdefault(kind, f"{kind} {printed[:200]}: {said}")
    elif read != "".join(octets.split()[2:]).upper():
        wrong.append(f"{kind} {printed[:200]}: BIND {read[:100]}, not {octets[:100]}")
check(code == 0 and len(made) > 1200 and not wrong, f"{len(made)} random records are read by BIND as we print them (seed {seed})", "\n".join(wrong))
check(refused.keys() <= STRICTER.keys(), "and it refuses only where it wants more than the wire has",
      "\n".join(said for kind, said in refused.items() if kind not in STRICTER))
finish()
