#!/usr/bin/env python3
"""DNS over TLS and what connections may cost: kdig asks and believes the certificate, BIND and NSD transfer zones from us and to us over TLS
(RFC 9103) and nobody who is not who he should be does; many questions go over one connection; clients that are slow, silent or do not read
are ended while honest ones are served; a new certificate is taken without dropping anyone."""
import hashlib
import os
import re
import signal
import socket
import ssl
import struct
import time

from common import ENVIRONMENT, certificate, check, finish, folder, needs, run, skip, start, stop, until, vouch, VOUCH

needs("certtool", "kdig", "dig")
NET, PORT, TLS_PORT = "127.61.0", 5300, 8853
OURS, THEIRS, SECOND = f"{NET}.1", f"{NET}.2", f"{NET}.3"
BIND, BIND_PORT, BIND_TLS_PORT = "127.0.0.1", 5344, 8844  # BIND listens on nothing but the addresses of interfaces
work = folder("tls")
log = work / "serve.log"
SECRET = "c2VjcmV0IG9mIHRoaXJ0eS10d28gb2N0ZXRzIGhlcmU="


def zone_text(serial=1, more=""):
    return f"$ORIGIN tls.example.\n$TTL 60\n@ SOA ns hostmaster {serial} 2 1 604800 5\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n{more}"


certificate(work, "ca")
certificate(work, "other")
certificate(work, "dot.test", "ca")
certificate(work, "stranger.test", "other")
(work / "tls.example.zone").write_text(zone_text())
wide = "".join(f'name-{i} TXT "{hashlib.sha256(str(i).encode()).hexdigest() * 3}"\n' for i in range(60000))
(work / "wide.example.zone").write_text(zone_text().replace("tls.example.", "wide.example.") + wide)


def config(address, zones, port=PORT, more=""):
    return f"""server:
  listen: {address}@{port}
  tls-listen: {address}@{TLS_PORT}
  tls-certificate: {work}/dot.test.pem
  tls-key: {work}/dot.test.key
  tcp-idle-timeout: 3
  tcp-message-timeout: 2
{more}key:
  name: transfer.key
  secret: "{SECRET}"
{zones}"""


def zone(name, lines):
    return f"zone:\n  name: {name}\n  sign: no\n" + "".join(f"  {line}\n" for line in lines)


def serial(address, name="tls.example", port=PORT, *options):
    text = run(["dig", "+short", "+time=1", "+tries=1", *options, f"@{address}", "-p", port, name, "SOA"], 10)[1]
    found = re.match(r"\S+ \S+ (\d+) ", text)
    return int(found.group(1)) if found else None


(work / "serve.conf").write_text(config(OURS, zone("tls.example", [f"file: {work}/tls.example.zone", "allow-transfer: transfer.key",
                                                                   f"notify: {BIND}@{BIND_PORT}"]) +
                                        zone("wide.example", [f"file: {work}/wide.example.zone", "allow-transfer: transfer.key"])))
# In its sandbox, where the leak checker cannot look; the secondaries below are checked for leaks.
server = start([VOUCH, "serve", "--config", work / "serve.conf"], log, env=dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1"))
if not check(until(lambda: serial(OURS), 60), "vouch serves", log.read_text()):
    finish()


def said(text):
    return log.read_text() + text


# ---------------------------------------------------------------- kdig

def kdig(*options, name="www.tls.example"):
    return run(["kdig", "+time=5", "+retry=0", f"@{OURS}", "-p", TLS_PORT, *options, name, "A"], 30)[1]


strict = ["+tls", f"+tls-ca={work}/ca.pem", "+tls-hostname=dot.test"]
answer = kdig(*strict)
check("192.0.2.2" in answer and "TLS1.3" in answer, "kdig +tls believes the certificate and is answered", said(answer))
answer = kdig("+tls", f"+tls-ca={work}/ca.pem", "+tls-hostname=elsewhere.test")
check("192.0.2.2" not in answer, "kdig +tls does not believe another name", answer)
answer = kdig("+tls", f"+tls-ca={work}/other.pem", "+tls-hostname=dot.test")
check("192.0.2.2" not in answer, "kdig +tls does not believe another CA", answer)
asks = ["ask", f"@{OURS}@{TLS_PORT}", "www.tls.example"]
for options, wanted in ((["+tls"], 0), ([f"+tls-ca={work}/ca.pem", "+tls-hostname=dot.test"], 0),
                        (["+tls", f"+tls-ca={work}/ca.pem", "+tls-hostname=elsewhere.test"], 9), ([f"+tls-ca={work}/other.pem"], 9),
                        (["+tls-hostname=dot.test"], 9)):
    code, answer = vouch(*asks, *options)
    check(code == wanted and ("192.0.2.2" in answer and "(TLS)" in answer) == (wanted == 0),
          "vouch ask " + " ".join(re.sub(str(work) + "/", "", option) for option in options) + (" is answered" if wanted == 0 else " believes no one"), answer)
answer = kdig(*strict, "+padding")
size = re.search(r"Received (\d+) B", answer)
check(size and int(size.group(1)) % 468 == 0 and "PADDING" in answer, "an answer over TLS is padded to blocks of 468 octets (RFC 8467)", answer)
answer = run(["dig", "+tcp", "+keepalive", f"@{OURS}", "-p", PORT, "www.tls.example"], 20)[1]
check("TCP KEEPALIVE: 3.0 secs" in answer, "dig is told of the idle time-out (RFC 7828)", answer)


# ---------------------------------------------------------------- connections

def query(name, kind=1, identity=1):
    owner = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"
    message = struct.pack("!6H", identity, 0, 1, 0, 0, 0) + owner + struct.pack("!2H", kind, 1)
    return struct.pack("!H", len(message)) + message


def connect(tls=False, ca="ca"):
    plain = socket.create_connection((OURS, TLS_PORT if tls else PORT), 20)
    if not tls:
        return plain
    context = ssl.create_default_context(cafile=str(work / f"{ca}.pem"))
    context.set_alpn_protocols(["dot"])
    return context.wrap_socket(plain, server_hostname="dot.test")


def receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(min(count - len(data), 1 << 16))
        if not part:
            raise EOFError(f"ended after {len(data)} of {count} octets")
        data += part
    return data


def answer_on(connection):
    return receive(connection, struct.unpack("!H", receive(connection, 2))[0])


def is_ended(connection):
    try:
        while connection.recv(4096):  # an alert comes before the end
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


for tls in (False, True):
    where = "TLS" if tls else "TCP"
    connection = connect(tls)
    connection.sendall(b"".join(query(f"name-{i}.wide.example", 16, i) for i in range(2000)))
    got = {struct.unpack("!H", answer_on(connection)[:2])[0] for _ in range(2000)}
    check(got == set(range(2000)), f"2000 pipelined questions are answered on one {where} connection", len(got))
    began = time.monotonic()
    connection.sendall(query("www.tls.example"))
    answer_on(connection)
    check(is_ended(connection) and 2 < time.monotonic() - began < 10, f"an idle {where} connection is closed after its time",
          time.monotonic() - began)

# Slow clients: an octet at a time; a handshake that never ends; half a message.
slow = [connect() for _ in range(50)]
half = [socket.create_connection((OURS, TLS_PORT), 20) for _ in range(50)]
began = time.monotonic()
for connection in slow:
    connection.sendall(query("www.tls.example")[:5])
for connection in half:
    connection.sendall(b"\x16\x03\x01\x02")
ended = 0
while time.monotonic() - began < 6:
    for connection in slow[:5]:
        try:
            connection.send(b"\0")
        except OSError:
            ended += 1
    started_at = time.monotonic()
    honest = connect()
    honest.sendall(query("www.tls.example"))
    answer_on(honest)
    honest.close()
    worst = time.monotonic() - started_at
    if worst > 1:
        break
    time.sleep(0.3)
check(worst <= 1, "honest clients are answered while slow ones hang on", worst)
check(ended > 0 and all(is_ended(connection) for connection in slow + half), "slow clients and handshakes without end are closed")


def resident():
    return int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{server.pid}/status").read()).group(1))


# Clients that ask for a large zone and do not read it.
def signed_query(name):
    """A signed AXFR request, as dig would send it."""
    import base64
    import hmac
    key_name = b"\x08transfer\x03key\x00"
    algorithm = b"\x0bhmac-sha256\x00"
    message = query(name, 252)[2:]
    now = int(time.time())
    timing = struct.pack("!HIH", now >> 32, now & 0xffffffff, 300)
    digest = hmac.new(base64.b64decode(SECRET), message + key_name + struct.pack("!HI", 255, 0) + algorithm + timing + struct.pack("!HH", 0, 0),
                      "sha256").digest()
    rdata = algorithm + timing + struct.pack("!H", len(digest)) + digest + struct.pack("!3H", 1, 0, 0)
    message = message[:10] + struct.pack("!H", 1) + message[12:] + key_name + struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata
    return struct.pack("!H", len(message)) + message


before = resident()
readers = []
for i in range(30):
    connection = connect(i % 2 == 1)
    connection.sendall(signed_query("wide.example"))
    readers.append(connection)
first = answer_on(readers[0])
check(len(first) > 1000 and first[3] & 15 == 0, "a signed request gets the zone", first[:12])
time.sleep(1)
grown = resident() - before
check(grown < 30 * 1024, "30 clients that do not read their transfers of 14 MB cost less than 1 MB each", f"{grown} kB")
octets = 2 + len(first)
try:
    while True:
        octets += 2 + len(answer_on(readers[0]))
except EOFError:
    pass
check(octets > 12 << 20, "who reads late gets all of it", octets)
for connection in readers:
    connection.close()

# ---------------------------------------------------------------- a new certificate

kept = connect(True)
certificate(work, "dot.test", "other")
server.send_signal(signal.SIGHUP)


def believes_other():
    try:
        connect(True, "other").close()
        return True
    except ssl.SSLError:
        return False


check(until(believes_other, 10), "after SIGHUP the new certificate is shown", log.read_text())
kept.sendall(query("www.tls.example"))
check(len(answer_on(kept)) > 12, "a connection from before is still served")
certificate(work, "dot.test", "ca")
server.send_signal(signal.SIGHUP)
until(lambda: "192.0.2.2" in kdig(*strict), 10)


# ---------------------------------------------------------------- transfers over TLS

def bind_config(primaries, more="", zone_type="secondary"):
    return f"""options {{ directory "{work}"; listen-on port {BIND_PORT} {{ {BIND}; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;
  pid-file none; session-keyfile none; notify no; allow-notify {{ any; }}; min-refresh-time 1; min-retry-time 1; {more} }};
controls {{ }};
key "transfer.key" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
tls ours {{ ca-file "{work}/ca.pem"; remote-hostname "dot.test"; protocols {{ TLSv1.3; }}; }};
tls wrong {{ ca-file "{work}/ca.pem"; remote-hostname "elsewhere.test"; protocols {{ TLSv1.3; }}; }};
tls own {{ cert-file "{work}/dot.test.pem"; key-file "{work}/dot.test.key"; protocols {{ TLSv1.3; }}; }};
zone "tls.example" {{ type {zone_type}; file "bind-{zone_type}.zone"; {primaries} }};
"""


def bind(name, text, what):
    path = work / f"{name}.conf"
    path.write_text(text)
    named = start(["named", "-g", "-c", path, "-n", "1"], work / f"{name}.log")
    return named


def bring(number):
    (work / "tls.example.zone").write_text(zone_text(number))
    server.send_signal(signal.SIGHUP)
    until(lambda: serial(OURS) == number, 10)


os.environ["PATH"] += ":/usr/sbin:/sbin"
if run(["named", "-v"])[0] == 0:
    named = bind("bind-bad", bind_config(f"primaries {{ {OURS} port {TLS_PORT} key transfer.key tls wrong; }};"), "")
    check(until(lambda: "hostname mismatch" in (work / "bind-bad.log").read_text() or "TLS peer certificate verification failed" in
                (work / "bind-bad.log").read_text(), 15) and serial(BIND, port=BIND_PORT) is None, "BIND takes no zone from a server with another name",
          (work / "bind-bad.log").read_text()[-1500:])
    stop(named)
    named = bind("bind", bind_config(f"primaries {{ {OURS} port {TLS_PORT} key transfer.key tls ours; }};"), "")
    check(until(lambda: serial(BIND, port=BIND_PORT) == 1, 20), "BIND transfers our zone over TLS with TSIG", (work / "bind.log").read_text()[-1500:])
    bring(2)
    check(until(lambda: serial(BIND, port=BIND_PORT) == 2, 20), "BIND follows its news over TLS", (work / "bind.log").read_text()[-1500:])
    stop(named)
    # BIND as primary, and we as secondaries: one that believes it, two that must not.
    (work / "bind-primary.zone").write_text(zone_text(7))
    named = bind("bind-primary", bind_config("allow-transfer port %d transport tls { key transfer.key; };" % BIND_TLS_PORT,
                                             f"listen-on port {BIND_TLS_PORT} tls own {{ {BIND}; }};", "primary"), "")
    check(until(lambda: serial(BIND, port=BIND_PORT) == 7, 20), "BIND serves", (work / "bind-primary.log").read_text()[-3000:])
    for name, lines, wanted in (("believes", [f"primary-tls-name: dot.test", f"primary-tls-ca: {work}/ca.pem"], 7),
                                ("name", [f"primary-tls-name: elsewhere.test", f"primary-tls-ca: {work}/ca.pem"], None),
                                ("authority", [f"primary-tls-name: dot.test", f"primary-tls-ca: {work}/other.pem"], None)):
        path = work / f"secondary-{name}.conf"
        path.write_text(config(SECOND, zone("tls.example", [f"primary: {BIND}@{BIND_TLS_PORT}", "primary-key: transfer.key", *lines]),
                               more="  sandbox: no\n"))
        output = work / f"secondary-{name}.log"
        ours = start([VOUCH, "serve", "--config", path], output)
        if wanted:
            check(until(lambda: serial(SECOND) == wanted, 20), "we transfer a zone of BIND over TLS with TSIG", output.read_text())
            (work / "bind-primary.zone").write_text(zone_text(8))
            named.send_signal(signal.SIGHUP)
            check(until(lambda: serial(SECOND) == 8, 20), "and follow its news", output.read_text())
        else:
            check(until(lambda: "does not prove to be" in output.read_text(), 20) and serial(SECOND) is None,
                  f"we take no zone over TLS from a primary that does not prove who it is ({name})", output.read_text())
        check(stop(ours) == 0, f"our secondary ends in order ({name})", output.read_text())
    stop(named)
else:
    skip("transfers over TLS with BIND", "named is not installed")

if run(["nsd", "-v"])[0] in (0, 1):
    def nsd_config(lines, tls=False):
        return f"""server:
  ip-address: {THEIRS}@{PORT}
{"  ip-address: %s@%d" % (THEIRS, TLS_PORT) if tls else ""}
  username: ""
  zonesdir: "{work}"
  database: ""
  xfrdir: "{work}"
  xfrdfile: "{work}/xfrd.state"
  zonelistfile: "{work}/zone.list"
  pidfile: "{work}/nsd.pid"
  tls-cert-bundle: "{work}/ca.pem"
{"  tls-service-key: %s/dot.test.key" % work if tls else ""}
{"  tls-service-pem: %s/dot.test.pem" % work if tls else ""}
{"  tls-port: %d" % TLS_PORT if tls else ""}
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
tls-auth:
  name: ours
  auth-domain-name: dot.test
key:
  name: transfer.key
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: tls.example
{lines}"""
    (work / "nsd.conf").write_text(nsd_config(f"  request-xfr: AXFR {OURS}@{TLS_PORT} transfer.key ours\n  allow-notify: 127.0.0.0/8 NOKEY\n"))
    nsd = start(["nsd", "-d", "-c", work / "nsd.conf"], work / "nsd.log")
    number = serial(OURS)
    check(until(lambda: serial(THEIRS) == number, 20), "NSD transfers our zone over TLS with TSIG", (work / "nsd.log").read_text()[-1500:])
    stop(nsd)
    (work / "nsd-primary.zone").write_text(zone_text(11))
    (work / "nsd-primary.conf").write_text(nsd_config("  zonefile: nsd-primary.zone\n  provide-xfr: 127.0.0.0/8 transfer.key\n", True))
    nsd = start(["nsd", "-d", "-c", work / "nsd-primary.conf"], work / "nsd-primary.log")
    until(lambda: serial(THEIRS) == 11, 20)
    path = work / "secondary-nsd.conf"
    path.write_text(config(SECOND, zone("tls.example", [f"primary: {THEIRS}@{TLS_PORT}", "primary-key: transfer.key",
                                                        "primary-tls-name: dot.test", f"primary-tls-ca: {work}/ca.pem"]),
                           more="  sandbox: no\n"))
    ours = start([VOUCH, "serve", "--config", path], work / "secondary-nsd.log")
    check(until(lambda: serial(SECOND) == 11, 20), "we transfer a zone of NSD over TLS with TSIG",
          (work / "secondary-nsd.log").read_text() + (work / "nsd-primary.log").read_text()[-1500:])
    stop(ours)
    stop(nsd)
else:
    skip("transfers over TLS with NSD", "nsd is not installed")

check(stop(server) == 0, "vouch ends in order", log.read_text())
check("ERROR" not in log.read_text() and "runtime error" not in log.read_text(), "the sanitizers saw nothing", log.read_text()[-3000:])
finish()
