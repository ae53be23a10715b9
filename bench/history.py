#!/usr/bin/env python3
"""Real versions of the root zone, one after another through the signer, each judged by ldns-verify-zone.

./bootstrap bench history [--every N]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import BUILD, TOP



def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench history")
    parser.add_argument("--every", type=int, default=1, help="let ldns-verify-zone judge each N-th version")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        done = subprocess.run([BUILD / "bench/history", TOP / "data/root-history.txt", folder], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"history: {done.stderr}")
        rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        later = rows[1:]
        made, least = sum(row[1] for row in later), sum(row[2] for row in later)
        worst = max((row[1] / row[2] for row in later if row[2]), default=0)
        print(f"{len(rows)} versions; after the first {made} signatures made, {least} at least: {made / least:.3f};"
              f" the worst version {worst:.3f} (asked: at most 1.1)")
        judged = rows[::options.every]
        for serial, _, _ in judged:
            verdict = subprocess.run(["ldns-verify-zone", "-t", "20241202000000", Path(folder) / f"{serial}.zone"],
                                     capture_output=True, text=True)
            if verdict.returncode != 0:
                sys.exit(f"history: ldns-verify-zone rejects version {serial}: {verdict.stdout}{verdict.stderr}")
        print(f"ldns-verify-zone accepts {len(judged)} of {len(judged)} versions")
        sys.exit(0 if worst <= 1.1 else 1)


main()
