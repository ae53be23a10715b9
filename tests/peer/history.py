#!/usr/bin/env python3
"""182 real versions of the root zone, one after another through the signer: each valid, offered as IXFR, with no signature too many."""
import os
from pathlib import Path

from common import TOP, VOUCH, check, finish, needs, run

needs("ldns-verify-zone")
BUILD = TOP / "build" if (TOP / "build/bench/history").exists() else Path(VOUCH).parent  # the optimised one is enough here
code, output = run([TOP / "bench/history.py", "--every", "13"], seconds=300, env=dict(os.environ, BENCH_BUILD=str(BUILD)))
check(code == 0 and output.startswith("182 versions"), "real versions of the root zone are signed, transferred and accepted by ldns-verify-zone", output)
print(output)
finish()
