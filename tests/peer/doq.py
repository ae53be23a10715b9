#!/usr/bin/env python3
"""DNS over QUIC (RFC 9250), of the authoritative server and of the resolver: kdig and a client on quic-go, which has no line in common
with our library, are answered; a zone is transferred; what the protocol forbids ends the connection with its error; handshakes that
are never done, datagrams that are none, queries taken back by the thousand and clients that do not read keep nobody from being
answered; a new certificate is taken without dropping anyone; who is under way when the server ends is answered first."""
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import wire
from common import ENVIRONMENT, TOP, VOUCH, certificate, check, finish, folder, needs, run, skip, start, started, stop, until, vouch

needs("certtool", "kdig")
PORT, QUIC_PORT = 5300, 8853
OURS, RESOLVER = "127.67.0.1", "127.68.0.2"
NO_ERROR, PROTOCOL_ERROR, EXCESSIVE_LOAD = 0, 2, 4
STREAMS_MAX = 100
work = folder("doq")
certificate(work, "ca")
certificate(work, "other")
certificate(work, "doq.test", "ca")
STRING = f' "{"x" * 250}"'
(work / "doq.example.zone").write_text("$ORIGIN doq.example.\n$TTL 60\n@ SOA ns hostmaster 1 2 1 604800 5\n@ NS ns\nns A 192.0.2.1\n"
                                       "www 42 A 192.0.2.2\n" + "".join(f'large TXT "{i:03}"{STRING * 4}\n' for i in range(50)))
(work / "wide.example.zone").write_text("$ORIGIN wide.example.\n$TTL 60\n@ SOA ns hostmaster 1 2 1 604800 5\n@ NS ns\nns A 192.0.2.1\n" +
                                        "".join(f'name-{i} TXT "{i}"{STRING}\n' for i in range(20000)))
server_lines = f"""  tls-certificate: {work}/doq.test.pem
  tls-key: {work}/doq.test.key
  tcp-idle-timeout: 2
  tcp-message-timeout: 1
"""
zones = "".join(f"zone:\n  name: {name}\n  sign: no\n  file: {work}/{name}.zone\n  allow-transfer: 127.0.0.1\n" for name in ("doq.example", "wide.example"))
(work / "serve.conf").write_text(f"server:\n  listen: {OURS}@{PORT}\n  quic-listen: {OURS}@{QUIC_PORT}\n{server_lines}{zones}")
(work / "resolve.conf").write_text(f"server:\n  listen: {RESOLVER}@{PORT}\n  quic-listen: {RESOLVER}@{QUIC_PORT}\n{server_lines}"
                                   f"resolver:\n  validate: no\n  forward: {OURS}@{PORT}\n")
# In their sandboxes, where the leak checker cannot look.
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:quarantine_size_mb=1")
logs = {name: work / f"{name}.log" for name in ("serve", "resolve")}
servers = {name: start([VOUCH, name, "--config", work / f"{name}.conf"], logs[name], env=SANDBOXED) for name in logs}


def said(text=""):
    return "".join(log.read_text() for log in logs.values()) + str(text)


def ask(address, *words, ca="ca"):
    return vouch("ask", f"@{address}@{QUIC_PORT}", *words, "+quic", f"+tls-ca={work}/{ca}.pem", "+tls-hostname=doq.test")


# ---------------------------------------------------------------- vouch ask, kdig

for who, address in (("vouch serve", OURS), ("vouch resolve", RESOLVER)):
    if not check(until(lambda: "192.0.2.2" in ask(address, "www.doq.example")[1], 20, 0.3), f"{who} answers vouch ask +quic",
                 said(ask(address, "www.doq.example"))):
        finish()
    answer = ask(address, "www.doq.example")[1]
    check("MSG SIZE: 468" in answer, "padded to a block of 468 octets (RFC 8467)", answer)
    code, answer = ask(address, "large.doq.example", "TXT")
    check(code == 0 and answer.count('xxx"') == 200 and "(QUIC)" in answer, "and gives an answer of 50 kB whole", answer[-500:])
code, answer = ask(OURS, "www.doq.example", ca="other")
check(code == 9 and "NOT trusted" in answer, "vouch ask does not believe another CA, and says so", answer)
code, answer = vouch("ask", f"@{OURS}@{QUIC_PORT + 1}", "www.doq.example", "+quic")
check(code == 9 and "nobody listens" in answer, "nor is it answered where nobody listens", answer)


def kdig(address, *options, name="www.doq.example", kind="A"):
    return run(["kdig", "+time=5", "+retry=0", f"@{address}", "-p", QUIC_PORT, "+quic", f"+tls-ca={work}/ca.pem", "+tls-hostname=doq.test",
                *options, name, kind], 20)[1]


if "(TCP)" not in kdig(OURS):  # which is what a kdig without QUIC makes of it
    for who, address in (("vouch serve", OURS), ("vouch resolve", RESOLVER)):
        answer = kdig(address)
        check("192.0.2.2" in answer and "QUIC" in answer, f"{who} answers kdig +quic", said(answer))
        answer = kdig(address, name="large.doq.example", kind="TXT")
        check(answer.count('xxx"') == 200, "and gives it an answer of 50 kB whole", answer[-500:])
        answer = kdig(address, "+padding")
        size = re.search(r"Received (\d+) B", answer)
        check(size and int(size.group(1)) % 468 == 0, "padded to blocks of 468 octets (RFC 8467)", answer)
    answer = kdig(OURS, name="doq.example", kind="AXFR")
    check(answer.count("SOA") == 2 and "192.0.2.2" in answer, "kdig +quic AXFR is given the zone", answer[-700:])
else:
    skip("kdig +quic", "this kdig was built without QUIC")

# ---------------------------------------------------------------- quic-go

GOPATH = "/usr/share/gocode"
if not os.path.isdir(f"{GOPATH}/src/github.com/lucas-clemente/quic-go") or run(["go", "version"])[0] != 0:
    skip("quic-go", "it is not installed")
    finish()
code, text = run(["go", "build", "-o", work / "client", "main.go"], 120, cwd=TOP / "tests/peer/quic_client",
                 env=dict(ENVIRONMENT, GOPATH=GOPATH, GO111MODULE="off", GOFLAGS="", GOCACHE=str(Path(VOUCH).parent / "go-cache"), CGO_ENABLED="0"))
if not check(code == 0, "a client on quic-go is built", text):
    finish()
client = subprocess.Popen([work / "client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True)
started.append(client)


def order(do, **words):
    client.stdin.write(json.dumps({"do": do, **words}) + "\n")
    client.stdin.flush()
    return json.loads(client.stdout.readline())


def dial(name, address=OURS, ca="ca", alpn="doq", **words):
    return order("dial", id=name, address=f"{address}:{QUIC_PORT}", ca=str(work / f"{ca}.pem"), host="doq.test", alpn=alpn, **words)


def query(name="www.doq.example", kind=wire.A, identity=0):
    return wire.framed(wire.message(identity, 0x100, [wire.question(name, kind)]))


def send(name, stream, octets, end=True):
    return order("send", id=name, stream=stream, hex=octets.hex(), end=end)


def messages(octets):
    found = []
    while octets:
        size = struct.unpack("!H", octets[:2])[0]
        found.append(octets[2:2 + size])
        octets = octets[2 + size:]
    return found


def answers(name, stream, seconds=10):
    said = order("read", id=name, stream=stream, seconds=seconds)
    return messages(bytes.fromhex(said.get("hex", ""))) if "error" not in said else said


def is_answered(found):
    return isinstance(found, list) and len(found) == 1 and found[0][:2] == b"\0\0" and found[0].endswith(bytes([192, 0, 2, 2]))


def honest(address=OURS, name="honest"):
    """An answer on a new connection, and how long it took."""
    began = time.monotonic()
    dialled = dial(name, address)
    if "error" in dialled:
        return dialled, 99
    send(name, 1, query())
    return answers(name, 1), time.monotonic() - began


for who, address in (("vouch serve", OURS), ("vouch resolve", RESOLVER)):
    dial("many", address)
    for stream in range(1, 301):
        send("many", stream, query())
        if stream % 60 == 0:
            good = sum(is_answered(answers("many", i)) for i in range(stream - 59, stream + 1))
            if stream == 300 or good != 60:
                check(good == 60, f"{who} answers quic-go's queries side by side, each on its stream", said(f"{good} of 60 until {stream}"))
dial("first")
send("first", 1, query())
answers("first", 1)
dialled = dial("again")
check(dialled.get("resumed") and not dialled.get("early"), "a second connection is resumed, and nothing of it is early data", dialled)
dialled = dial("wrong", alpn="h3", seconds=3)
check("error" in dialled, "a client of another protocol is refused", dialled)
dial("zone")
send("zone", 1, query("wide.example", 252))
found = answers("zone", 1, 30)
check(isinstance(found, list) and len(found) > 20 and sum(struct.unpack("!H", m[6:8])[0] for m in found) == 20004 and
      all(m[:2] == b"\0\0" for m in found), "a zone of 5 MB comes on one stream in many messages, and then its end (RFC 9250 §4.2)",
      found if isinstance(found, dict) else len(found))

# ---------------------------------------------------------------- what the protocol forbids

KEEPALIVE = query()[2:]
KEEPALIVE = KEEPALIVE[:11] + b"\x01" + KEEPALIVE[12:] + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 4, 11, 0)
wrong = []
for what, octets, end in (
        ("an ID that is not 0", query(identity=1), True),
        ("two queries on a stream", query() + query(), True),
        ("an end before the message is whole", query()[:-1], True),
        ("an end before the length is", b"\0", True),
        ("an answer", wire.framed(wire.message(0, 0x8000, [wire.question("www.doq.example", wire.A)])), True),
        ("a message without a header", wire.framed(b"\0\0\0\0"), True),
        ("the option edns-tcp-keepalive", wire.framed(KEEPALIVE), True),
        ("a query without the end of its stream", query(), False),
        ("a length and nothing", b"\xff\xff", False),
        ("a message of 65535 octets that stays away", b"\xff\xff" + bytes(30000), False)):
    dial(what)
    send(what, 1, octets, end)
    wrong.append(what)
for what in wrong:
    told = order("wait", id=what, seconds=6)
    check(told["code"] == PROTOCOL_ERROR, f"{what} ends the connection with DOQ_PROTOCOL_ERROR", said(told))
dial("idle")
told = order("wait", id="idle", seconds=8)
check(told["code"] == NO_ERROR and "still" not in told["error"], "who asks nothing is told that it is over, without an error", told)
dial("streams")
told = order("open", id="streams", count=1000)
check(told["streams"] == STREAMS_MAX, f"no more than {STREAMS_MAX} streams are open at once", told)

# ---------------------------------------------------------------- floods

dial("storm")
told = order("storm", id="storm", hex=query("large.doq.example", wire.TXT).hex(), count=1000, seconds=5)
found, took = honest()
check(is_answered(found) and took < 1, "1000 queries taken back at once keep nobody from being answered", said((told, found, took)))
check("error" not in told, "and were each taken", told)
random.seed(7)
flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(5000):
    octets = bytearray(random.randbytes(random.choice((1, 20, 25, 40, 1200, 1400))))
    form = i % 5
    if form == 0 and len(octets) > 30:  # Initial packets that nobody protected
        octets[:7] = bytes([0xc0 | octets[0] & 0x0f, 0, 0, 0, 1, 8, octets[6]])
        octets[14] = 8
        octets[23] = 0
    elif form == 1 and len(octets) > 30:  # other versions
        octets[:6] = bytes([0xc0]) + random.randbytes(4) + b"\x08"
    elif form == 2:  # short headers
        octets[0] = 0x40 | octets[0] & 0x3f
    flood.sendto(octets, (OURS, QUIC_PORT))
    if i % 500 == 0:
        time.sleep(0.02)
found, took = honest()
check(is_answered(found) and took < 1, "5000 datagrams that are nothing keep nobody from being answered", said((found, took)))
order("half", address=f"{OURS}:{QUIC_PORT}", ca=str(work / "ca.pem"), host="doq.test", alpn="doq", count=100, seconds=3)
dialled = dial("late")
check(dialled.get("retried") and "error" not in dialled, "while 100 handshakes stay half done, a client proves its address by Retry", said(dialled))
send("late", 1, query())
check(is_answered(answers("late", 1)), "and is answered", said())


def resident():
    return int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{servers['serve'].pid}/status").read()).group(1))


def is_calm():
    return not dial("calm").get("retried")


check(until(is_calm, 10, 0.3), "when they are over, it need not", said())
before = resident()
for i in range(10):
    dial(f"slow{i}", window=2000)
    for stream in range(1, 100):
        send(f"slow{i}", stream, query("large.doq.example", wire.TXT))
    send(f"slow{i}", 100, query("wide.example", 252))
worst = max(honest()[1] for _ in range(5))
grown = resident() - before
check(worst < 1, "10 clients that ask for 10 MB each and do not read keep nobody from being answered", worst)
check(grown < 20 * 1024, "and cost less than 2 MB each", f"{grown} kB")
check(all("still" not in order("wait", id=f"slow{i}", seconds=8)["error"] for i in range(10)), "who never reads is ended", said())

# ---------------------------------------------------------------- a new certificate

dial("kept")
certificate(work, "doq.test", "other")
servers["serve"].send_signal(signal.SIGHUP)
check(until(lambda: "error" not in dial("new", ca="other"), 10, 0.2), "after SIGHUP the new certificate is shown", said())
send("kept", 1, query())
check(is_answered(answers("kept", 1)), "a connection from before is still served", said())

# ---------------------------------------------------------------- the end

dial("last", ca="other", window=2000)
send("last", 1, query("large.doq.example", wire.TXT))
time.sleep(0.2)
servers["serve"].send_signal(signal.SIGTERM)
found = answers("last", 1)
# The server ends the connection once all was acknowledged; quic-go then drops what its reader had not taken yet, at most the window.
got = len(found[0]) if isinstance(found, list) and len(found) == 1 else len(found["hex"]) // 2 if isinstance(found, dict) and found.get("code") == 0 else 0
check(got > 49000, "who waits when the server ends is answered", said(str(found)[:200]))
told = order("wait", id="kept", seconds=8)
check(told["code"] == NO_ERROR and "still" not in told["error"], "and the idle are told that it is over", told)
servers["serve"].wait(15)
for name, process in servers.items():
    check(stop(process) == 0, f"vouch {name} ends in order", said(process.returncode))
check("ERROR" not in said() and "runtime error" not in said(), "the sanitizers saw nothing", said()[-3000:])
finish()
