#!/usr/bin/env python3
"""A server as its operator meets it: served without any file, watched by Prometheus, told by the control socket, by signals and by the
service manager, in its sandbox and as another user, with certificates that change, and ended while it still sends."""
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, skip, start, stop, until, vouch

needs("certtool", "dig")
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")  # the leak checker cannot look into it
FIRST, SECOND, PORT, TLS_PORT, METRICS, SIGNER_METRICS = "127.52.0.1", "127.52.0.2", 5352, 8532, 9052, 9053
work = folder("operation")


def write_zone(name, serial, more=""):
    (work / "new").write_text(f"{name}. 900 SOA ns1.{name}. h.{name}. {serial} 1800 900 604800 900\n{name}. 900 NS ns1.{name}.\n"
                              f"ns1.{name}. 900 A 192.0.2.1\n{more}")
    (work / "new").replace(work / f"{name}.zone")


def serial(address, name, *options, port=PORT):
    text = run(["dig", "+short", "+time=1", "+tries=1", *options, f"@{address}", "-p", port, name, "SOA"], 10)[1]
    found = re.match(r"\S+ \S+ (\d+) ", text)
    return int(found.group(1)) if found else None


# ---------------------------------------------------------------- without any file

for zone in ("one.example", "two.example", "signed.example"):
    write_zone(zone, 1)
log = work / "log"
server = start([VOUCH, "serve", "--zone", f"one.example={work}/one.example.zone", "--zone", f"two.example={work}/two.example.zone",
                "--listen", f"{FIRST}@{PORT}", "--listen", f"{SECOND}@{PORT}"], log, env=SANDBOXED)
check(until(lambda: serial(FIRST, "one.example"), 20) == 1 and serial(SECOND, "two.example") == 1,
      "serve --zone --listen: two zones at two addresses without any file", log.read_text())
write_zone("one.example", 2)
server.send_signal(signal.SIGHUP)
check(until(lambda: serial(FIRST, "one.example") == 2, 10), "SIGHUP reads a zone again, in the sandbox", log.read_text())
status = {line.split(":")[0]: line.split(":")[1].strip() for line in open(f"/proc/{server.pid}/status")}
left = {1 << 1 | 1 << 2} if os.geteuid() == 0 else {0}
check(status["Seccomp"] == "2" and status["NoNewPrivs"] == "1" and int(status["CapPrm"], 16) in left,
      "there it has no powers and few system calls", status)
check(stop(server) == 0, "SIGTERM ends it", log.read_text())
(work / "bad.zone").write_text("one.example. 900 SOA ns1 h 1 2\n")
for words, told in [(["--zone", f"one.example={work}/missing", "--listen", f"{FIRST}@{PORT}"], "missing: No such file"),
                    (["--zone", f"one.example={work}/bad.zone", "--listen", f"{FIRST}@{PORT}"], "bad.zone:1:"),
                    (["--zone", "one.example", "--listen", f"{FIRST}@{PORT}"], "NAME=FILE"),
                    (["--zone", f"one.example={work}/one.example.zone"], "--zone needs --listen"),
                    (["--zone", f"one.example={work}/one.example.zone", "--listen", "nowhere"], "nowhere"),
                    (["--zone", f"one.example={work}/one.example.zone", "--zone", f"one.example={work}/one.example.zone",
                      "--listen", f"{FIRST}@{PORT}"], "twice")]:
    code, text = run([VOUCH, "serve", *words], 20, env=SANDBOXED)
    check(code not in (0, None) and told in text, f"it says what is wrong: {told}", (code, text))

# ---------------------------------------------------------------- certificates


def make_certificate(stem, number):
    (work / "template").write_text(f'cn = "dot.test"\ndns_name = "dot.test"\nserial = {number}\nexpiration_days = 30\nsigning_key\n')
    run(["certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", work / f"{stem}.key"])
    run(["certtool", "--generate-self-signed", "--template", work / "template", "--load-privkey", work / f"{stem}.key",
         "--outfile", work / f"{stem}.pem"])


def use_certificate(stem):
    for end in ("key", "pem"):
        (work / "next").write_bytes((work / f"{stem}.{end}").read_bytes())
        (work / "next").replace(work / f"tls.{end}")


def shown_serial(port, protocol=None):
    """The serial of the certificate that is shown there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocol:
        context.set_alpn_protocols([protocol])
    try:
        with socket.create_connection((FIRST, port), 5) as plain, context.wrap_socket(plain) as secure:
            der = secure.getpeercert(True)
    except OSError:
        return None
    text = run(["certtool", "--certificate-info", "--inder"], 10, stdin=der)[1]
    found = re.search(r"Serial Number \(hex\): (\w+)", text)
    return int(found.group(1), 16) if found else text


for number in (17, 18):
    make_certificate(f"c{number}", number)
use_certificate("c17")

# ---------------------------------------------------------------- under a service manager, with a signer

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(str(work / "notify"))
heard = []


def listen():
    while True:
        heard.append(manager.recv(4096).decode())


threading.Thread(target=listen, daemon=True).start()
many = "".join(f"host{i}.one.example. 900 TXT \"{'x' * 200}\"\n" for i in range(60000))
write_zone("one.example", 3, many)
(work / "elsewhere").mkdir()
(work / "elsewhere" / "part").write_text("part.two.example. 900 A 192.0.2.9\n")
(work / "serve.conf").write_text(f"""server:
  listen: {FIRST}@{PORT}
  tls-listen: {FIRST}@{TLS_PORT}
  tls-certificate: {work}/tls.pem
  tls-key: {work}/tls.key
  control: {work}/server.control
  state: {work}/server
  metrics: {FIRST}@{METRICS}
  metrics-certificate: {work}/tls.pem
  metrics-key: {work}/tls.key
  workers: 1
signer:
  listen: {FIRST}@8352
  control: {work}/signer.control
  state: {work}/signer
  metrics: {FIRST}@{SIGNER_METRICS}
zone:
  name: one.example
  file: {work}/one.example.zone
  sign: no
  allow-transfer: {FIRST}
zone:
  name: signed.example
  file: {work}/signed.example.zone
""")
server = start([VOUCH, "serve", "--config", work / "serve.conf"], log,
               env=dict(SANDBOXED, NOTIFY_SOCKET=str(work / "notify"), WATCHDOG_USEC="600000"))
check(until(lambda: "READY=1" in heard, 30), "the service manager hears when signer and server are ready", (heard, log.read_text()))
check(until(lambda: serial(FIRST, "signed.example") and serial(FIRST, "one.example") == 3, 40), "they serve", log.read_text())
check(until(lambda: heard.count("WATCHDOG=1") >= 3, 5), "and that both are alive", heard)

# ---------------------------------------------------------------- metrics

NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?\d+)")


def fetch(url):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=10, context=context if url.startswith("https") else None) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def faults_of(page):
    """What Prometheus' text format and naming say against a page, and its numbers."""
    faults, kinds, helps, seen, last, numbers = [], {}, set(), set(), None, {}
    for line in page.split("\n")[:-1]:
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            faults += [f"two HELP: {line}"] if words[2] in helps else []
            helps.add(words[2])
        elif line.startswith("# TYPE "):
            kinds[words[2]] = words[3]
            faults += [f"no such type: {line}"] if words[3] not in ("counter", "gauge") else []
            faults += [f"a counter ends in _total, and nothing else: {line}"] if (words[3] == "counter") != words[2].endswith("_total") else []
        else:
            match = SAMPLE.fullmatch(line)
            if not match:
                faults.append(f"no sample: {line}")
                continue
            name, labels, number = match.groups()
            faults += [f"no HELP or TYPE: {line}"] if name not in helps or name not in kinds else []
            faults += [f"its family stands elsewhere: {line}"] if name != last and name in seen else []
            faults += [f"twice: {line}"] if (name, labels) in numbers else []
            seen.add(name)
            last = name
            numbers[name, labels] = int(number)
    return faults + ([] if page.endswith("\n") else ["no newline at the end"]), numbers


before = faults_of(fetch(f"https://{FIRST}:{METRICS}/metrics")[1])[1]
for i in range(7):
    serial(FIRST, "signed.example")
run(["dig", "+time=1", f"@{FIRST}", "-p", PORT, "absent.one.example"])
serial(FIRST, "signed.example", "+tcp")
kind, page = fetch(f"https://{FIRST}:{METRICS}/metrics")
faults, numbers = faults_of(page)
check(not faults and kind.startswith("text/plain; version=0.0.4"), "the server's metrics are what Prometheus reads", "\n".join(faults) or kind)


def more(name, labels):
    return numbers[name, labels] - before[name, labels]


check(more("vouch_auth_queries_total", 'transport="udp"') == 8 and more("vouch_auth_queries_total", 'transport="tcp"') == 1 and
      more("vouch_auth_answers_total", 'rcode="NXDOMAIN"') == 1 and more("vouch_auth_answers_total", 'rcode="NOERROR"') == 8,
      "they count questions by transport and answers by RCODE", page)
check(numbers['vouch_auth_zone_serial', 'zone="one.example."'] == 3 and numbers["vouch_auth_zones", 'state="served"'] == 2,
      "and tell each zone's serial", page)
faults, numbers = faults_of(fetch(f"http://{FIRST}:{SIGNER_METRICS}/metrics")[1])
ZONE = 'zone="signed.example."'
check(not faults and numbers["vouch_signer_zone_serial", ZONE] == serial(FIRST, "signed.example") and
      numbers["vouch_signer_signatures_total", ZONE] > 0 and numbers["vouch_signer_held_back_total", ZONE] == 0 and
      numbers["vouch_signer_zone_keys", ZONE] == 2, "the signer's metrics: serial, signatures, stops, keys", faults or numbers)
left_s = numbers["vouch_signer_bogus_left_seconds", ZONE]
check(abs(numbers["vouch_signer_bogus_timestamp_seconds", ZONE] - time.time() - left_s) < 3 and 12 * 86400 < left_s < 15 * 86400,
      "and the time to bogus", numbers)
RESOLVER, RESOLVER_METRICS = "127.52.0.3", 9054
(work / "resolve.conf").write_text(f"""server:
  listen: {RESOLVER}@{PORT}
  control: {work}/resolver.control
  metrics: {RESOLVER}@{RESOLVER_METRICS}
resolver:
  validate: no
  forward: {FIRST}@{PORT}
""")
resolver = start([VOUCH, "resolve", "--config", work / "resolve.conf"], work / "resolver.log", env=SANDBOXED)
check(until(lambda: serial(RESOLVER, "signed.example"), 10), "a resolver asks the server", (work / "resolver.log").read_text())
serial(RESOLVER, "signed.example")
faults, numbers = faults_of(fetch(f"http://{RESOLVER}:{RESOLVER_METRICS}/metrics")[1])
check(not faults and numbers["vouch_resolver_queries_total", 'transport="udp"'] >= 2 and
      numbers["vouch_resolver_cache_hits_total", None] >= 1 and numbers["vouch_resolver_upstream_queries_total", None] >= 1,
      "the resolver's metrics", faults or numbers)
if run(["sh", "-c", "command -v promtool"])[0] == 0:
    code, text = run(["promtool", "check", "metrics"], 20, stdin=page.encode())
    check(code == 0, "promtool finds nothing to say", text)
try:
    fetch(f"http://{FIRST}:{SIGNER_METRICS}/")
    check(False, "there is no other page")
except urllib.error.HTTPError as refusal:
    check(refusal.code == 404, "there is no other page", refusal)

# ---------------------------------------------------------------- control


def control(name, *words):
    code, text = vouch("control", "--socket", work / f"{name}.control", "--json", *words)
    return code, json.loads(text) if text.startswith("{") else text


code, said = control("server", "stats")
same = {name.removeprefix("vouch_auth_").removesuffix("_total").replace("_", "-") + (f"[{labels.split(chr(34))[1]}]" if labels else "")
        for name, labels in faults_of(page)[1] if name.startswith("vouch_auth_")}
check(code == 0 and set(said["answer"][0]) == same, "stats has the numbers of the metrics", (same ^ set(said["answer"][0]) if code == 0 else said))
code, said = control("server", "status")
check(code == 0 and said["done"] and said["answer"][0]["served"] == 2, "status --json", said)
code, said = control("signer", "status")
check(code == 0 and [zone["zone"] for zone in said["answer"]] == ["one.example.", "signed.example."], "status --json of many zones", said)
code, said = control("server", "notify", "absent.example")
check(code == 1 and not said["done"] and "absent.example" in said["text"][0], "what was refused has the same form", said)
if os.geteuid() == 0:
    os.chmod(work / "server.control", 0o666)
    code, text = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c",
                      "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                      "try: s.sendall(b'status\\n'); print(s.recv(100))\nexcept OSError: print(b'')", work / "server.control"], 10)
    check(code == 0 and text.strip() == "b''", "another user is not heard, even where the socket lets him in", text)
else:
    skip("another user is not heard", "only root can be another user")

code, said = control("resolver", "stop")
check(code == 0 and until(lambda: resolver.poll() == 0, 10), "stop ends the resolver", said)

# ---------------------------------------------------------------- new certificates, in the sandbox

check(shown_serial(TLS_PORT, "dot") == 17 and shown_serial(METRICS) == 17, "both show the certificate", log.read_text())
use_certificate("c18")
told = heard.count("READY=1")
server.send_signal(signal.SIGHUP)
check(until(lambda: shown_serial(TLS_PORT, "dot") == 18 and shown_serial(METRICS) == 18, 10), "SIGHUP: DoT and HTTPS show the new one", log.read_text())
check(until(lambda: any("RELOADING=1\nMONOTONIC_USEC=" in text for text in heard) and heard.count("READY=1") > told, 5),
      "the service manager hears of the reload and its end", heard)
(work / "next").write_text("no certificate\n")
(work / "next").replace(work / "tls.pem")
code, said = control("server", "reload")
check(code == 0 and until(lambda: log.read_text().count("stay in use") >= 2, 5), "reload by control; a bad certificate is told of in a sentence",
      (said, log.read_text()))
check(shown_serial(TLS_PORT, "dot") == 18 and shown_serial(METRICS) == 18, "and the old one stays", log.read_text())
use_certificate("c18")

# ---------------------------------------------------------------- the end, while a zone is sent

query = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 0) + b"\3one\7example\0" + struct.pack(">HH", 252, 1)
slow = socket.socket()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
slow.bind((FIRST, 0))
slow.connect((FIRST, PORT))
slow.sendall(struct.pack(">H", len(query)) + query)
received = slow.recv(4096)
check(until(lambda: serial(FIRST, "one.example") == 3, 5), "it answers while it sends a zone", log.read_text())
server.send_signal(signal.SIGTERM)
time.sleep(0.3)
ended_early = server.poll() is not None
while True:
    part = slow.recv(1 << 18)
    if not part:
        break
    received += part
    time.sleep(0.01)
at, soas = 0, received.count(struct.pack(">I", 3) + struct.pack(">IIII", 1800, 900, 604800, 900))
while at + 2 <= len(received):
    at += 2 + struct.unpack_from(">H", received, at)[0]
check(not ended_early and at == len(received) and soas == 2, "SIGTERM: the transfer that was begun is whole", (ended_early, at, len(received), soas))
check(until(lambda: server.poll() is not None, 10) and server.returncode == 0 and "STOPPING=1" in heard, "then both end", (heard, log.read_text()))

# ---------------------------------------------------------------- another user, a low port, a file elsewhere

if os.geteuid() == 0:
    write_zone("two.example", 5)
    (work / "state").mkdir()
    os.chmod(work, 0o777)
    low = f"""server:
  listen: {SECOND}@53
  control: {work}/low.control
  username: nobody
zone:
  name: two.example
  file: {work}/two.example.zone
  sign: no
"""
    (work / "low.conf").write_text(low)
    log = work / "low.log"
    server = start([VOUCH, "serve", "--config", work / "low.conf"], log, env=SANDBOXED)
    check(until(lambda: serial(SECOND, "two.example", port=53) == 5, 20), "as another user it listens on port 53", log.read_text())
    status = {line.split(":")[0]: line.split(":")[1].split() for line in open(f"/proc/{server.pid}/status")}
    check(set(status["Uid"]) == {"65534"} and int(status["CapPrm"][0], 16) == 0, "and has none of root's powers", status)
    outside = folder("outside")
    (outside / "part").write_text("part.two.example. 900 A 192.0.2.9\n")
    write_zone("two.example", 6, f"$INCLUDE {outside}/part\n")
    server.send_signal(signal.SIGHUP)
    check(until(lambda: "Permission denied" in log.read_text() or "part" in log.read_text(), 10) and serial(SECOND, "two.example", port=53) == 5,
          "what stands outside its folders cannot be read: the old version stays", log.read_text())
    code, said = control("low", "stop")
    check(code == 0 and said["text"] == ["stopping"] and until(lambda: server.poll() == 0, 10), "stop by control ends it", (said, log.read_text()))
    (work / "low.conf").write_text(low.replace("  username", f"  sandbox-folder: {outside}\n  username"))
    write_zone("two.example", 5)
    server = start([VOUCH, "serve", "--config", work / "low.conf"], log, env=SANDBOXED)
    until(lambda: serial(SECOND, "two.example", port=53) == 5, 20)
    write_zone("two.example", 6, f"$INCLUDE {outside}/part\n")
    server.send_signal(signal.SIGHUP)
    check(until(lambda: serial(SECOND, "two.example", port=53) == 6, 10), "in a sandbox-folder it can", log.read_text())
    stop(server)
else:
    skip("another user, a low port, a file elsewhere", "only root can become another user")
finish()
