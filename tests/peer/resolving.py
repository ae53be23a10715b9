#!/usr/bin/env python3
"""The resolver without a configuration file: root hints, a trust anchor, forward and stub zones and another time of day said on the command
line. The zones were signed in 2020 and are served by our own server; a second resolver forwards, and a third does so over TLS."""
import re

from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, start, stop, until, vouch

needs("dig", "certtool")
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")  # the leak checker cannot look into it
NET, PORT, THEN = "127.57.0", 5357, "2020-01-10T00:00:00Z"
ROOT, CHILD, FIRST, SECOND, THIRD = (f"{NET}.{i}" for i in range(1, 6))
work = folder("resolving")
keys = work / "keys"
keys.mkdir()
SOA = "900 SOA ns1 hostmaster 1 1800 900 604800 900\n"


def sign(name, text):
    (work / name).write_text(text)
    code, told = vouch("sign", "-o", "." if name == "root" else name, "-K", keys, "-f", work / f"{name}.signed", "--at", "2020-01-08T00:00:00Z", work / name)
    check(code == 0, f"{name} is signed as in 2020", told)


def ask(server, name, *options):
    text = run(["dig", "+time=8", "+tries=1", *options, f"@{server}", "-p", PORT, name, "A"], 20)[1]
    status, flags = re.search(r"status: (\w+)", text), re.search(r"flags: ([a-z ]+)", text)
    return (status.group(1) if status else text, "ad" in flags.group(1).split() if flags else None, "192.0.2." in text)


def up(server):
    return until(lambda: run(["dig", "+time=1", "+tries=1", f"@{server}", "-p", PORT, "localhost", "A"], 5)[0] == 0, 20)


sign("signed.example", f"$TTL 900\n@ {SOA}@ NS ns1\nns1 A {CHILD}\nwww A 192.0.2.1\n")
code, ds = vouch("ds", work / "signed.example.signed")
sign("root", f"$ORIGIN .\n$TTL 900\n@ {SOA}@ NS ns1\nns1 A {ROOT}\nsigned.example NS ns1.signed.example\nns1.signed.example A {CHILD}\n{ds}"
             f"stub.example NS nowhere.example\n")
(work / "stub.example").write_text(f"$TTL 900\n@ {SOA}@ NS ns1\nns1 A {CHILD}\nwww A 192.0.2.2\n")
(work / "hints").write_text(f". 3600000 NS a.root.\na.root. 3600000 A {ROOT}\n")
anchors = [key.read_text() for key in keys.glob("K.+*.key") if " 257 " in key.read_text()]
(work / "anchor").write_text("".join(anchors))
log = work / "log"
start([VOUCH, "serve", "--zone", f".={work}/root.signed", "--listen", f"{ROOT}@{PORT}"], log, env=SANDBOXED)
start([VOUCH, "serve", "--zone", f"signed.example={work}/signed.example.signed", "--zone", f"stub.example={work}/stub.example",
       "--listen", f"{CHILD}@{PORT}"], log, env=SANDBOXED)
ITERATION = ["--root-hints", work / "hints", "--trust-anchor", work / "anchor", "--upstream-port", PORT]

first = start([VOUCH, "resolve", "--listen", f"{FIRST}@{PORT}", *ITERATION, "--stub", f"stub.example={CHILD}@{PORT}", "--validation-time", THEN],
              log, env=SANDBOXED)
check(up(FIRST), "a resolver without a file answers", log.read_text())
check(ask(FIRST, "www.signed.example") == ("NOERROR", True, True), "from its root hints on, at its time, an answer is secure",
      (ask(FIRST, "www.signed.example"), log.read_text()))
check(ask(FIRST, "www.stub.example") == ("NOERROR", False, True), "a stub zone has the servers that were named", log.read_text())
second = start([VOUCH, "resolve", "--listen", f"{SECOND}@{PORT}", "--trust-anchor", work / "anchor", "--forward", f".={FIRST}@{PORT}"],
               log, env=SANDBOXED)
up(SECOND)
check(ask(SECOND, "www.signed.example") == ("SERVFAIL", False, False), "today the signatures of 2020 have expired", log.read_text())
check(ask(SECOND, "www.signed.example", "+cd") == ("NOERROR", False, True), "and who checks by itself gets them through a forwarder", log.read_text())
check(stop(second) == 0 and stop(first) == 0, "SIGTERM ends them", log.read_text())

# ---------------------------------------------------------------- forwarding over TLS

(work / "template").write_text('cn = "dot.test"\ndns_name = "dot.test"\nca\ncert_signing_key\nexpiration_days = 30\nsigning_key\n')
run(["certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", work / "tls.key"])
run(["certtool", "--generate-self-signed", "--template", work / "template", "--load-privkey", work / "tls.key", "--outfile", work / "tls.pem"])
(work / "tls.conf").write_text(f"server:\n  listen: {FIRST}@{PORT}\n  tls-listen: {FIRST}@{PORT + 1}\n  tls-certificate: {work}/tls.pem\n"
                               f"  tls-key: {work}/tls.key\nresolver:\n  root-hints: {work}/hints\n  trust-anchor-file: {work}/anchor\n")
for address, name in ((SECOND, "dot.test"), (THIRD, "other.test")):
    (work / f"{name}.conf").write_text(f"server:\n  listen: {address}@{PORT}\nresolver:\n  trust-anchor-file: {work}/anchor\n"
                                       f"  tls-cert-bundle: {work}/tls.pem\nforward-zone:\n  name: .\n  forward-tls-upstream: yes\n"
                                       f"  forward-addr: \"{FIRST}@{PORT + 1}#{name}\"\n")
    start([VOUCH, "resolve", "--config", work / f"{name}.conf", "--validation-time", THEN], log, env=SANDBOXED)
start([VOUCH, "resolve", "--config", work / "tls.conf", "--upstream-port", PORT, "--validation-time", THEN], log, env=SANDBOXED)
check(up(FIRST) and up(SECOND) and up(THIRD), "a resolver over TLS and two that forward to it answer", log.read_text())
check(ask(SECOND, "www.signed.example") == ("NOERROR", True, True), "an answer that came over TLS is secure", log.read_text())
check(ask(THIRD, "www.signed.example")[0] == "SERVFAIL", "a server with another name in its certificate is not asked", log.read_text())

# ---------------------------------------------------------------- what is wrong is said

for words, told in [(["--listen", f"{FIRST}@{PORT}", "--forward", "signed.example"], "ZONE=ADDRESS"),
                    (["--listen", f"{FIRST}@{PORT}", "--forward", "a.test=nowhere"], "nowhere"),
                    (["--listen", f"{FIRST}@{PORT}", "--forward", f"a.test={FIRST}", "--stub", f"a.test={FIRST}"], "servers already"),
                    (["--listen", f"{FIRST}@{PORT}", "--root-hints", work / "missing"], "missing: No such file"),
                    (["--listen", f"{FIRST}@{PORT}", "--root-hints", work / "log"], "log:"),
                    (["--listen", f"{FIRST}@{PORT}", "--validation-time", "yesterday"], "--validation-time takes a time"),
                    (["--forward", f".={FIRST}"], "--config FILE or --listen"),
                    (["--config", work / "tls.conf", "--stub", f"a.test={FIRST}"], "--stub stands in")]:
    code, text = run([VOUCH, "resolve", *words], 20, env=SANDBOXED)
    check(code not in (0, None) and told in text, f"it says what is wrong: {told}", (code, text))
finish()
