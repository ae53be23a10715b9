#!/usr/bin/env python3
"""Key pairs go between vouch, BIND and OpenSSL and stay the same keys; what cannot be right is refused in one sentence."""
import json
import os
import stat
import subprocess
from pathlib import Path

from common import VOUCH, check, finish, folder as common_folder

work = common_folder("keystore")
ALGORITHMS = {8: ("RSASHA256", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), 10: ("RSASHA512", None),
              13: ("ECDSAP256SHA256", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
              14: ("ECDSAP384SHA384", ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]), 15: ("ED25519", ["ED25519"]),
              16: ("ED448", ["ED448"])}


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, cwd=work, timeout=60)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def folder(name):
    path = work / name
    path.mkdir()
    return path


def rdata(path):
    """The DNSKEY's text without spaces, of a .key file."""
    text = [line for line in Path(path).read_text().splitlines() if not line.startswith(";")][0]
    return "".join(text.split("DNSKEY")[1].split())


for number, (name, openssl) in ALGORITHMS.items():
    bind, ours, back = folder(f"bind-{number}"), folder(f"ours-{number}"), folder(f"back-{number}")
    _, made, _ = run("dnssec-keygen", "-q", "-K", bind, "-f", "KSK", "-a", name, *(["-b", "2048"] if number < 13 else []), "k.example")
    code, imported, error = run(VOUCH, "keystore", "import", "-K", ours, bind / f"{made}.private")
    check(code == 0 and rdata(f"{imported}.key") == rdata(bind / f"{made}.key"), f"BIND's {name} pair is imported", error)
    check(stat.S_IMODE(os.stat(f"{imported}.private").st_mode) == 0o600, f"the private file of {name} is the owner's alone")
    code, _, error = run(VOUCH, "keystore", "export", "-f", ours / "key.pem", imported)
    check(code == 0 and stat.S_IMODE(os.stat(ours / "key.pem").st_mode) == 0o600, f"{name} is exported as PEM", error)
    code, text, error = run("openssl", "pkey", "-in", ours / "key.pem", "-noout", "-check" if number in (8, 10, 13, 14) else "-text_pub")
    check(code == 0, f"OpenSSL reads that PEM of {name}", text + error)
    code, again, error = run(VOUCH, "keystore", "import", "-K", back, "-o", "k.example", "--algorithm", number, ours / "key.pem")
    check(code == 0 and rdata(f"{again}.key") == rdata(bind / f"{made}.key"), f"{name} as PEM comes back the same", error)
    code, text, error = run(VOUCH, "keystore", "import", "-K", ours, bind / f"{made}.private")
    check(code == 1 and "tag" in error, f"a second key with the tag of {name} is refused", error)
    _, theirs, _ = run("dnssec-dsfromkey", "-2", f"{imported}.key")
    code, mine, error = run(VOUCH, "ds", imported)
    check(code == 0 and mine.split()[-4:] == theirs.split()[-4:], f"the DS of {name} is the one of dnssec-dsfromkey", f"{mine} {theirs}")
    if openssl is not None:
        run("openssl", "genpkey", "-algorithm", *openssl, "-out", back / "openssl.pem")
        code, taken, error = run(VOUCH, "keystore", "import", "-K", back, "-o", "other.example", "--role", "zsk", back / "openssl.pem")
        check(code == 0 and rdata(f"{taken}.key").startswith(f"2563{number}"), f"OpenSSL's {name} key is imported as a ZSK", error)

code, text, _ = run(VOUCH, "keystore", "list", "--json", work / "back-13")
listed = json.loads(text)
check(code == 0 and [k["role"] for k in listed] == ["ksk", "zsk"] and all(len(k["id"]) == 64 for k in listed), "list --json tells roles and the hash", text)

_, pair, _ = run(VOUCH, "keystore", "generate", "-K", folder("zone"), "--role", "csk", "z.example")
(work / "z.zone").write_text("z.example. 60 IN SOA ns.z.example. h.z.example. 1 60 60 60 60\nz.example. 60 IN NS ns.z.example.\n"
                             "ns.z.example. 60 IN A 192.0.2.1\n" + Path(f"{pair}.key").read_text())
check(run(VOUCH, "ds", work / "z.zone")[1] == run(VOUCH, "ds", pair)[1] != "", "the DS of a zone file is that of its key")

for words, has in ((["ds", "--json", pair], "digest"), (["keystore", "generate", "--json", "-K", work, "j.example"], "path")):
    code, text, error = run(VOUCH, *words)
    parsed = json.loads(text) if code == 0 else {}
    check(code == 0 and has in (parsed[0] if isinstance(parsed, list) else parsed), f"vouch {words[0]} --json", text + error)

refused = {
    "no zone for a PEM file": (2, ["keystore", "import", work / "ours-13/key.pem"], "-o"),
    "export to the terminal": (2, ["keystore", "export", pair], "-f FILE"),
    "export over a file": (1, ["keystore", "export", "-f", work / "z.zone", pair], "z.zone"),
    "a PEM of another algorithm": (1, ["keystore", "import", "-o", "a.example", "--algorithm", "15", work / "ours-13/key.pem"], "algorithm"),
    "a file that is no key": (1, ["keystore", "import", "-o", "a.example", work / "z.zone"], "BEGIN PRIVATE KEY"),
    "a private file without its .key": (1, ["keystore", "import", work / "nothing.private"], "nothing.key"),
    "digest 1": (2, ["ds", "--digest", "1", pair], "--digest"),
    "an unknown word": (2, ["keystore", "burn", pair], "first word"),
}
for why, (code, arguments, word) in refused.items():
    got, _, error = run(VOUCH, *arguments)
    check(got == code and word in error and len(error.splitlines()) == 1, f"refused: {why}", error)
finish()
