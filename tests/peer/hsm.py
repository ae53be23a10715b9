#!/usr/bin/env python3
"""A zone whose keys live in a token (SoftHSM2): signed, served, valid for peers, the same after a restart, and no private half on disk."""
import json
import subprocess

from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, start, stop, until, vouch

needs("softhsm2-util", "dig", "ldns-verify-zone")
SERVER, SIGNER, PORT = "127.65.0.1", "127.65.0.2", 5300
work = folder("hsm")
(work / "tokens").mkdir()
(work / "softhsm.conf").write_text(f"directories.tokendir = {work}/tokens\nobjectstore.backend = file\n")
(work / "pin").write_text("1234\n")
(work / "pin").chmod(0o600)
ENVIRONMENT["SOFTHSM2_CONF"] = str(work / "softhsm.conf")
# SoftHSM loses memory of its own; what leaks of ours is looked for in every other test.
ENVIRONMENT["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
run(["softhsm2-util", "--init-token", "--free", "--label", "vouch", "--so-pin", "5678", "--pin", "1234"])
ALGORITHMS = ("RSASHA256", "ECDSAP256SHA256", "ED25519")
config = work / "serve.conf"
text = f"""server:
  listen: {SERVER}@{PORT}
  state: {work}/server
  control: {work}/server.control
signer:
  listen: {SIGNER}@{PORT}
  state: {work}/signer
  control: {work}/signer.control
  hsm: "pkcs11:token=vouch?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:{work}/pin"
"""
for algorithm in ALGORITHMS:
    zone = f"{algorithm.lower()}.example"
    (work / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns h 1 3600 900 604800 5\n@ NS ns\nns A {SERVER}\n*.w TXT wild\n")
    text += f"""zone:
  name: {zone}
  file: {work}/{zone}.zone
  algorithm: {algorithm}
  keys-in: hsm
  allow-transfer: {SERVER}
"""
config.write_text(text)


def transfer(zone):
    done = subprocess.run(["dig", "-b", SERVER, f"@{SERVER}", "-p", str(PORT), "+onesoa", "+nocomments", "+nocmd", "+nostats", zone, "AXFR"],
                          capture_output=True, text=True, timeout=30)
    return done.stdout


def serve():
    process = start([VOUCH, "serve", "--config", config], work / "serve.log")
    up = until(lambda: all("RRSIG" in transfer(f"{a.lower()}.example") for a in ALGORITHMS), 30)
    check(up, "zones with keys in the token are signed and served", (work / "serve.log").read_text()[-2000:])
    return process


process = serve()
keys = {}
for algorithm in ALGORITHMS:
    zone = f"{algorithm.lower()}.example"
    (work / "transfer.zone").write_text(transfer(zone))
    code, output = run(["ldns-verify-zone", work / "transfer.zone"])
    check(code == 0, f"ldns-verify-zone accepts the zone of {algorithm} keys in the token", output)
    keys[zone] = sorted(line for line in transfer(zone).splitlines() if "\tDNSKEY\t" in line)
    check(len(keys[zone]) == 2, f"a KSK and a ZSK of {algorithm} are published", "\n".join(keys[zone]))
files = [p for p in (work / "signer").rglob("*.private")]
check(len(files) == 6 and not any(word in p.read_text() for p in files for word in ("PrivateKey", "PrivateExponent", "Prime1")),
      "the key files hold no private half", str(files))
code, output = vouch("control", "--socket", work / "signer.control", "key-add", "ed25519.example", "zsk")
check(code == 0 and "DNSKEY" in output, "another key is made in the token", output)
code, pair = vouch("keystore", "generate", "-K", work, "--role", "zsk", "--algorithm", "ED25519", "ed25519.example")
pair = pair.strip()
code, output = vouch("keystore", "export", "-f", work / "signer/import.pem", pair)
code, output = vouch("control", "--socket", work / "signer.control", "key-import", "ed25519.example", "zsk", "import.pem")
public = (work / f"{pair}.key").read_text().split()[-1]
check(code == 0 and public in transfer("ed25519.example"), "a key from a PEM file is imported beside those in the token", output)
code, output = vouch("control", "--socket", work / "signer.control", "key-import", "ed25519.example", "zsk", "import.pem")
check(code == 1 and "tag" in output, "the same key a second time is refused", output)
code, output = vouch("control", "--socket", work / "signer.control", "key-import", "ed25519.example", "zsk", "nothing.pem")
check(code == 1 and "nothing.pem" in output, "a key file that is not there is named", output)
stop(process)
process = serve()
for algorithm in ALGORITHMS:
    zone = f"{algorithm.lower()}.example"
    now = sorted(line for line in transfer(zone).splitlines() if "\tDNSKEY\t" in line)
    check(set(keys[zone]) <= set(now) and len(now) == (4 if algorithm == "ED25519" else 2), f"the {algorithm} keys are the same after a restart", "\n".join(now))
socket = ["--socket", work / "signer.control"]
code, output = vouch("zone", "status", *socket, "--json", "ed25519.example")
state = json.loads(output) if code == 0 else {}
check(state.get("state") == "signed" and "bogus if nothing happens" in state and isinstance(state["serial"], int), "vouch zone status --json", output)
code, output = vouch("zone", "dump", *socket, "ed25519.example")
(work / "dump.zone").write_text(output)
check(code == 0 and vouch("verify", work / "dump.zone")[0] == 0, "vouch zone dump is the zone that is served", output)
check(vouch("zone", "reload", *socket, "ed25519.example")[0] == 0 and vouch("zone", "sign", *socket, "ed25519.example")[0] == 0, "vouch zone reload and sign")
for words, code, word in ((("status", "other.example"), 1, "other.example"), (("burn", "ed25519.example"), 2, "status, reload"), (("dump", "--json", "x."), 2, "JSON")):
    got, output = vouch("zone", *socket, *words)
    check(got == code and word in output and len(output.strip().splitlines()) == 1, f"vouch zone {' '.join(words)} is one sentence", output)
stop(process)
(work / "pin").write_text("9999\n")
code, output = run([VOUCH, "serve", "--config", config, "--role", "signer"], seconds=20)
check(code != 0 and "PIN" in output, "a wrong PIN is one clear sentence at the start", output)
finish()
