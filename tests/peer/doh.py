#!/usr/bin/env python3
"""DNS over HTTPS (RFC 8484), of the authoritative server and of the resolver: kdig and curl ask with POST and GET and are answered, with the
time that caches may keep it; what is no query has its status; HTTP/1.1 is refused; a zone is not transferred; a new certificate is taken
without dropping anyone; who does not read is ended while others are served; who is under way when the server ends is answered first."""
import base64
import os
import re
import signal
import socket
import ssl
import struct
import time

from common import ENVIRONMENT, certificate, check, finish, folder, needs, run, skip, start, stop, until, vouch, VOUCH

needs("certtool", "kdig", "curl")
PORT, HTTPS_PORT = 5300, 8443
OURS, RESOLVER = "127.63.0.1", "127.64.0.2"
work = folder("doh")
certificate(work, "ca")
certificate(work, "other")
certificate(work, "doh.test", "ca")
STRING = f' "{"x" * 250}"'
(work / "doh.example.zone").write_text("$ORIGIN doh.example.\n$TTL 60\n@ SOA ns hostmaster 1 2 1 604800 5\n@ NS ns\nns A 192.0.2.1\n"
                                       "www 42 A 192.0.2.2\n" + "".join(f'large TXT "{i:03}"{STRING * 4}\n' for i in range(50)))
server_lines = f"""  tls-certificate: {work}/doh.test.pem
  tls-key: {work}/doh.test.key
  tcp-idle-timeout: 2
"""
(work / "serve.conf").write_text(f"server:\n  listen: {OURS}@{PORT}\n  https-listen: {OURS}@{HTTPS_PORT}\n{server_lines}"
                                 f"zone:\n  name: doh.example\n  sign: no\n  file: {work}/doh.example.zone\n  allow-transfer: 127.0.0.1\n")
(work / "resolve.conf").write_text(f"server:\n  listen: {RESOLVER}@{PORT}\n  https-listen: {RESOLVER}@{HTTPS_PORT}\n  http-endpoint: /elsewhere\n"
                                   f"{server_lines}resolver:\n  validate: no\n  forward: {OURS}@{PORT}\n")
# In their sandboxes, where the leak checker cannot look.
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:quarantine_size_mb=1")
logs = {name: work / f"{name}.log" for name in ("serve", "resolve")}
servers = {name: start([VOUCH, name, "--config", work / f"{name}.conf"], logs[name], env=SANDBOXED) for name in logs}


def said(text=""):
    return "".join(log.read_text() for log in logs.values()) + str(text)


def kdig(address, path, way, *options, name="www.doh.example", kind="A"):
    return run(["kdig", "+time=5", "+retry=0", f"@{address}", "-p", HTTPS_PORT, f"{way}={address}{path}", f"+tls-ca={work}/ca.pem",
                "+tls-hostname=doh.test", *options, name, kind], 20)[1]


# ---------------------------------------------------------------- kdig

for who, address, path in (("vouch serve", OURS, "/dns-query"), ("vouch resolve", RESOLVER, "/elsewhere")):
    if not check(until(lambda: "192.0.2.2" in kdig(address, path, "+https"), 20, 0.3), f"{who} answers kdig +https", said(kdig(address, path, "+https"))):
        finish()
    answer = kdig(address, path, "+https")
    check("HTTP/2-POST" in answer and "status: 200" in answer, "with POST, HTTP/2 and status 200", answer)
    answer = kdig(address, path, "+https-get")
    check("192.0.2.2" in answer and "HTTP/2-GET" in answer, f"{who} answers kdig +https-get", said(answer))
    answer = kdig(address, path, "+https", name="large.doh.example", kind="TXT")
    check(answer.count("xxx\"") == 200, "an answer of 50 kB comes whole", answer[:1000])
    answer = kdig(address, path, "+https", "+padding")
    size = re.search(r"Received (\d+) B", answer)
    check(size and int(size.group(1)) % 468 == 0, "and is padded to blocks of 468 octets (RFC 8467)", answer)
    for way in ("+https", "+https-get"):
        code, answer = vouch("ask", f"@{address}@{HTTPS_PORT}", "www.doh.example", f"{way}={path}", f"+tls-ca={work}/ca.pem",
                             "+tls-hostname=doh.test")
        check(code == 0 and "192.0.2.2" in answer and "(HTTPS)" in answer, f"and vouch ask {way}", answer)
code, answer = vouch("ask", f"@{OURS}@{HTTPS_PORT}", "www.doh.example", "+https", f"+tls-ca={work}/other.pem")
check(code == 9 and "NOT trusted" in answer, "vouch ask does not believe another CA, and says so", answer)
code, answer = vouch("ask", f"@{OURS}@{HTTPS_PORT}", "www.doh.example", "+https=/elsewhere")
check(code == 9 and "404" in answer, "nor is it answered at another path", answer)
answer = run(["kdig", "+time=5", "+retry=0", f"@{OURS}", "-p", HTTPS_PORT, "+https", f"+tls-ca={work}/other.pem", "+tls-hostname=doh.test",
              "www.doh.example"], 20)[1]
check("192.0.2.2" not in answer, "kdig does not believe another CA", answer)
answer = kdig(OURS, "/dns-query", "+https", name="doh.example", kind="AXFR")
check(re.search(r"status: (REFUSED|NOTIMP|FORMERR)|'(REFUSED|NOTIMP|FORMERR)'|replied with error", answer) and "192.0.2.1" not in answer,
      "a zone is not transferred over HTTPS, and that is said", answer)

# ---------------------------------------------------------------- vouch ask and BIND

BIND, BIND_PORT = "127.0.0.1", 8453  # BIND listens on nothing but the addresses of interfaces
os.environ["PATH"] += ":/usr/sbin:/sbin"
if run(["named", "-v"])[0] == 0:
    (work / "named.conf").write_text(f"""options {{ directory "{work}"; listen-on port {BIND_PORT} tls own http default {{ {BIND}; }};
  listen-on port {BIND_PORT + 1} tls own {{ {BIND}; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; pid-file none;
  session-keyfile none; }};
controls {{ }};
tls own {{ cert-file "{work}/doh.test.pem"; key-file "{work}/doh.test.key"; }};
zone "doh.example" {{ type primary; file "doh.example.zone"; notify no; }};
""")
    named = start(["named", "-g", "-c", work / "named.conf", "-n", "1"], work / "named.log")
    strict = [f"+tls-ca={work}/ca.pem", "+tls-hostname=doh.test"]
    for port, way, kind, wanted in ((BIND_PORT, "+https", "A", "192.0.2.2"), (BIND_PORT, "+https-get", "A", "192.0.2.2"),
                                    (BIND_PORT + 1, "+tls", "A", "192.0.2.2"), (BIND_PORT, "+https", "TXT", "x" * 250),
                                    (BIND_PORT, "+https-get", "TXT", "x" * 250)):
        asks = ["ask", f"@{BIND}@{port}", "www.doh.example" if kind == "A" else "large.doh.example", kind, way, *strict]
        check(until(lambda: wanted in vouch(*asks)[1], 10, 0.3), f"BIND answers vouch ask {way} {kind}",
              vouch(*asks)[1][-500:] + (work / "named.log").read_text()[-1500:])
    stop(named)
else:
    skip("vouch ask and BIND", "named is not installed")


# ---------------------------------------------------------------- curl

def query(name, kind=1):
    owner = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!6H", 0, 0x100, 1, 0, 0, 0) + owner + struct.pack("!2H", kind, 1)


QUERY = query("www.doh.example")
GET = "?dns=" + base64.urlsafe_b64encode(QUERY).decode().rstrip("=")
(work / "query").write_bytes(QUERY)
(work / "huge").write_bytes(QUERY + bytes(70000))
POST = ["-H", "content-type: application/dns-message", "--data-binary"]


def curl(path, *options):
    """(status line and fields, body)."""
    body = work / "body"
    body.unlink(missing_ok=True)
    code, head = run(["curl", "--silent", "--show-error", "--max-time", "5", "--cacert", work / "ca.pem", "--resolve",
                      f"doh.test:{HTTPS_PORT}:{OURS}", "--dump-header", "-", "--output", body, *options,
                      f"https://doh.test:{HTTPS_PORT}{path}"], 20)
    return head.lower(), body.read_bytes() if body.exists() else b""


for what, (head, body) in (("GET", curl("/dns-query" + GET, "--http2")), ("POST", curl("/dns-query", "--http2", *POST, f"@{work}/query"))):
    check(head.startswith("http/2 200") and "content-type: application/dns-message" in head and body[:2] == b"\0\0" and body[3] & 15 == 0 and
          body.endswith(bytes([192, 0, 2, 2])), f"curl is answered to {what} over HTTP/2", said(head))
    check("cache-control: max-age=42" in head, "with the answer's TTL as its max-age (RFC 8484 §5.1)", head)
head, body = curl("/dns-query?dns=" + base64.urlsafe_b64encode(query("none.doh.example")).decode().rstrip("="))
check(head.startswith("http/2 200") and body[3] & 15 == 3 and "max-age=5" in head, "NXDOMAIN has status 200 and the SOA's time", head)
for status, path, options, why in (
        (400, "/dns-query", (), "no query"),
        (400, "/dns-query?dns=AAAA", (), "half a query"),
        (400, "/dns-query?dns=***", (), "no base64url"),
        (404, "/" + GET, (), "another path"),
        (405, "/dns-query" + GET, ("-X", "DELETE"), "another method"),
        (413, "/dns-query", (*POST, f"@{work}/huge"), "more than a DNS message can be"),
        (414, "/dns-query?dns=" + "A" * 9000, (), "a path of 9 kB"),
        (415, "/dns-query", ("--data-binary", f"@{work}/query"), "a form")):
    head, body = curl(path, "--http2", *options)
    check(f"http/2 {status}" in head and len(body) > 5, f"{why} has status {status} and a sentence", head)
    if status == 405:
        check("allow: get, post" in head, "which names what is allowed (RFC 9110 §15.5.6)", head)
head, body = curl("/dns-query" + GET, "--http1.1")
check("alert no application protocol" in head or "alpn" in head, "a client that names HTTP/1.1 alone is refused by ALPN", head)
head, body = curl("/dns-query" + GET, "--http1.1", "--no-alpn")
check(head.startswith("http/1.1 505"), "and is told by HTTP/1.1 where it names nothing", head)


# ---------------------------------------------------------------- frames

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def asked(stream, message, address="doh.test"):
    """GET of a query in fields that are written out."""
    path = b"/dns-query?dns=" + base64.urlsafe_b64encode(message).rstrip(b"=")
    return frame(HEADERS, 5, stream, b"\x82\x87\x04" + bytes([len(path)]) + path + b"\x01\x08doh.test")


class Connection:
    def __init__(self, window=65535, ca="ca"):
        context = ssl.create_default_context(cafile=str(work / f"{ca}.pem"))
        context.set_alpn_protocols(["h2"])
        self.wire = context.wrap_socket(socket.create_connection((OURS, HTTPS_PORT), 10), server_hostname="doh.test")
        self.wire.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, window)))

    def send(self, octets):
        self.wire.sendall(octets)

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.wire.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def next(self, wanted):
        """The next frame of that kind: (flags, stream, payload)."""
        while True:
            head = self.receive(9)
            payload = self.receive(int.from_bytes(head[:3], "big"))
            if head[3] == wanted:
                return head[4], int.from_bytes(head[5:9], "big"), payload

    def is_ended(self):
        try:
            while self.wire.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


def resident():
    return int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{servers['serve'].pid}/status").read()).group(1))


# Many large answers, and a window of nothing, or a window of everything and nobody who reads.
before = resident()
slow = []
for window in (0, (1 << 31) - 1):
    for _ in range(5):
        connection = Connection(window)
        connection.send(b"".join(asked(1 + 2 * i, query("large.doh.example", 16)) for i in range(100)))
        slow.append(connection)
began = time.monotonic()
worst = 0
while time.monotonic() - began < 1.5:
    at = time.monotonic()
    honest = Connection()
    honest.send(asked(1, QUERY))
    check(honest.next(DATA)[2].endswith(bytes([192, 0, 2, 2])), "an honest client is answered while others do not read") if worst == 0 else honest.next(DATA)
    worst = max(worst, time.monotonic() - at)
    time.sleep(0.2)
check(worst < 1, "and at once", worst)
grown = resident() - before
check(grown < 10 * 1024, "10 clients that asked for 5 MB each and do not read cost less than 1 MB each", f"{grown} kB")
slow[0].send(frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 65535)))
check(len(slow[0].next(DATA)[2]) > 1000, "who opens its window late is answered", said())
check(all(connection.is_ended() for connection in slow[1:]), "who never reads is ended", said())

# ---------------------------------------------------------------- a new certificate

kept = Connection()
certificate(work, "doh.test", "other")
servers["serve"].send_signal(signal.SIGHUP)


def believes_other():
    try:
        return Connection(ca="other") is not None
    except ssl.SSLError:
        return False


check(until(believes_other, 10), "after SIGHUP the new certificate is shown", said())
kept.send(asked(1, QUERY))
check(kept.next(DATA)[2].endswith(bytes([192, 0, 2, 2])), "a connection from before is still served", said())

# ---------------------------------------------------------------- the end

waiting = Connection(0, "other")
waiting.send(asked(1, QUERY))
waiting.next(HEADERS)  # its answer waits for the client's window
servers["serve"].send_signal(signal.SIGTERM)
last = struct.unpack("!2I", waiting.next(GOAWAY)[2][:8])
check(last == (1, 0), "a server that ends says so, and which request was its last (RFC 9113 §6.8)", last)
waiting.send(asked(3, QUERY) + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 65535)))
flags, stream, payload = waiting.next(DATA)
check(stream == 1 and payload.endswith(bytes([192, 0, 2, 2])), "and answers what was under way", said())
check(waiting.is_ended() and kept.is_ended(), "then it closes")
for name, process in servers.items():
    check(stop(process) == 0, f"vouch {name} ends in order", said())
check("ERROR" not in said() and "runtime error" not in said(), "the sanitizers saw nothing", said()[-3000:])
finish()
