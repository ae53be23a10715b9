#!/usr/bin/env python3
"""The bench of the zone engine: read, load, sign, verify, each as a ratio to the peers of the same run.

./bootstrap bench zone [--count N] [--rounds N] [--peer-rounds N] [--only parse|load|sign|verify] [--folder DIR]
"""
import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench import BUILD, VOUCH, Contestant, compete, goal, is_there, ratio, run_once

ORIGIN = "example."


def generate(kind, count, folder):
    path = folder / f"{kind}-{count}.zone"
    if not path.exists():
        with open(path, "wb") as out:
            subprocess.run([BUILD / "bench/generate", kind, str(count)], stdout=out, check=True)
    return path


def bench_parse(options, zone):
    results = compete(f"read {zone.name} to wire form", [
        Contestant("vouch, reading alone", [BUILD / "bench/parse", zone]),
        Contestant("kzonecheck", ["kzonecheck", "-o", ORIGIN, zone]),
    ], options.rounds)
    if "kzonecheck" in results:
        goal("reading, to kzonecheck", ratio(results, "vouch, reading alone", "kzonecheck"), 0.13)


def bench_load(options, zone):
    results = compete(f"load and check {zone.name}", [
        Contestant("vouch check", [VOUCH, "check", "--threads", "1", "-o", ORIGIN, zone]),
        Contestant("vouch check, two threads", [VOUCH, "check", "--threads", "2", "-o", ORIGIN, zone]),
        Contestant("kzonecheck", ["kzonecheck", "-o", ORIGIN, zone]),
        Contestant("nsd-checkzone", ["nsd-checkzone", ORIGIN, zone]),
        Contestant("named-checkzone", ["named-checkzone", "-i", "none", ORIGIN, zone]),
    ], options.rounds)
    if "kzonecheck" in results:
        goal("loading, to kzonecheck", ratio(results, "vouch check", "kzonecheck"), 0.37)
    goal("two threads faster by the clock", ratio(results, "vouch check", "vouch check, two threads", "clock"), 1.7, False)
    if options.count == 1000000:
        goal("memory, MiB", results["vouch check"].median("memory"), 400)


def rrsig_count(signed):
    return int(subprocess.run(["grep", "-cP", r"^\S+\s+\d+\s+IN\s+RRSIG\s", signed], capture_output=True).stdout)


def sign_command(keys, out, zone, *options):
    return [VOUCH, "sign", "--verify", "none", "-o", ORIGIN, "-K", keys, "-f", out, *options, zone]


def knot_config(folder, mode):
    """A configuration for kzonesign, with keys of its own making."""
    config = folder / f"knot-{mode}.conf"
    nsec3 = {"nsec": "", "nsec3": "    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n",
             "opt-out": "    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n    nsec3-opt-out: on\n"}[mode]
    config.write_text(f"""server:
    rundir: "{folder}"
database:
    storage: "{folder}/kasp-{mode}"
policy:
  - id: bench
    algorithm: ecdsap256sha256
    signing-threads: 1
{nsec3}zone:
  - domain: {ORIGIN}
    storage: "{folder}"
    file: "{folder}/knot-in.zone"
    dnssec-signing: on
    dnssec-policy: bench
""")
    return config


def bench_sign(options, zone, folder):
    keys, signed = folder / "keys", folder / "signed.zone"
    shutil.rmtree(keys, ignore_errors=True)
    keys.mkdir()
    for mode, ours in {"nsec": [], "nsec3": ["--nsec3"], "opt-out": ["--nsec3", "--opt-out"]}.items():
        if options.mode and mode != options.mode:
            continue
        run_once(Contestant("keys", sign_command(keys, signed, zone, "--threads", "2", *ours)))
        count = rrsig_count(signed)
        peer_keys = [str(p)[:-len(".key")] for p in sorted(keys.glob("K*.key"))]
        shutil.copy(zone, folder / "knot-in.zone")
        (folder / "bind-in.zone").write_bytes(zone.read_bytes() + b"".join(p.read_bytes() for p in sorted(keys.glob("K*.key"))))
        salt = {"nsec": [], "nsec3": ["-3", "-", "-H", "0"], "opt-out": ["-3", "-", "-H", "0", "-A"]}[mode]
        peers = [Contestant("kzonesign", ["kzonesign", "-c", knot_config(folder, mode), "-o", folder, ORIGIN]),
                 Contestant("dnssec-signzone", ["dnssec-signzone", "-n", "1", "-x", "-P", *salt, "-o", ORIGIN,
                                                "-f", folder / "bind.zone", folder / "bind-in.zone", *peer_keys]),
                 Contestant("ldns-signzone", ["ldns-signzone", *(["-n", "-t", "0"] if mode == "nsec3" else []), "-o", ORIGIN,
                                              "-f", folder / "ldns.zone", zone, *peer_keys])]
        peers = [] if options.no_peers else peers[:2] if mode == "opt-out" else peers
        for peer in peers:
            peer.rounds = options.peer_rounds
        (folder / f"kasp-{mode}").mkdir(exist_ok=True)
        title = f"sign {zone.name}, P-256, {mode}: {count} RRSIGs"
        results = compete(title, [
            Contestant("vouch sign", sign_command(keys, signed, zone, "--threads", "1", *ours)),
            Contestant("vouch sign, two threads", sign_command(keys, signed, zone, "--threads", "2", *ours)),
            Contestant("bare loop of EVP_PKEY_sign", [BUILD / "bench/bare_loop", "sign", count], own_cpu=True), *peers,
        ], options.rounds)
        if mode == "nsec":
            results |= compete(title + ", each verified", [
                Contestant("vouch sign --verify all", [VOUCH, "sign", "--verify", "all", "--threads", "1", "-o", ORIGIN, "-K",
                                                       keys, "-f", signed, zone])], 1)
        goal("of the bare loop", ratio(results, "bare loop of EVP_PKEY_sign", "vouch sign"), 0.90, False)
        goal("two threads faster by the clock", ratio(results, "vouch sign", "vouch sign, two threads", "clock"), 1.9, False)
        if options.count == 1000000:
            goal("memory, MiB", results["vouch sign"].median("memory"), 700)


def bench_verify(options, zone, folder):
    keys, signed = folder / "verify-keys", folder / "verify.zone"
    shutil.rmtree(keys, ignore_errors=True)
    keys.mkdir()
    run_once(Contestant("sign", sign_command(keys, signed, zone, "--threads", "2")))
    count = rrsig_count(signed)
    peers = [Contestant("ldns-verify-zone", ["ldns-verify-zone", signed]),
             Contestant("kzonecheck", ["kzonecheck", "-d", "on", "-o", ORIGIN, signed]),
             Contestant("dnssec-verify", ["dnssec-verify", "-z", "-o", ORIGIN, signed])]
    for peer in peers:
        peer.rounds = options.peer_rounds
    results = compete(f"verify {signed.name}: {count} RRSIGs", [
        Contestant("vouch verify", [VOUCH, "verify", "--threads", "1", "-o", ORIGIN, signed]),
        Contestant("vouch verify, two threads", [VOUCH, "verify", "--threads", "2", "-o", ORIGIN, signed]),
        Contestant("bare loop of EVP_PKEY_verify", [BUILD / "bench/bare_loop", "verify", count], own_cpu=True),
        *([] if options.no_peers else peers)], options.rounds)
    goal("of the bare loop", ratio(results, "bare loop of EVP_PKEY_verify", "vouch verify"), 0.90, False)
    present = [p.name for p in peers if p.name in results]
    if present:
        best = min(results[name].median("cpu") for name in present)
        goal("times the best peer", best / results["vouch verify"].median("cpu"), 1.2, False)


def main():
    parser = argparse.ArgumentParser(prog="./bootstrap bench zone")
    parser.add_argument("--count", type=int, default=100000, help="delegations in the zone; the marks are for 1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=0, help="of the signers and verifiers that take minutes; 0: as ours")
    parser.add_argument("--only", default="", choices=["", "parse", "load", "sign", "verify"])
    parser.add_argument("--mode", default="", choices=["", "nsec", "nsec3", "opt-out"])
    parser.add_argument("--no-peers", action="store_true", help="ours and the limit alone")
    parser.add_argument("--folder", type=Path, help="where the zones are kept between runs; else a folder that goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        zone = generate("tld", options.count, folder)
        os.sync()
        for name, row in {"parse": bench_parse, "load": bench_load}.items():
            if options.only in ("", name):
                row(options, zone)
        for name, row in {"sign": bench_sign, "verify": bench_verify}.items():
            if options.only in ("", name):
                row(options, zone, folder)


if __name__ == "__main__":
    main()
