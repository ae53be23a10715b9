#!/usr/bin/env python3
"""A registrar that is not ours: EPP over TLS by Python's own ssl and XML libraries at `vouch registry`, the zone by dig.

Each frame of the registry is judged by xmllint, by the grammar in epp/frame.rng, which is written from the rules of RFC 5730, 5731, 5732
and 5910. The frames of epp/frames.tsv go to the registry too: what breaks the grammar must be refused with the code and sentence of its row.
"""
import socket
import ssl
import struct
import time
import xml.etree.ElementTree as ElementTree

from common import TOP, VOUCH, check, finish, folder, needs, run, start, until, vouch

needs("openssl", "dig", "xmllint")
HOST, EPP, DNS = "127.66.1.1", 7700, 5323
SPACE = {"e": "urn:ietf:params:xml:ns:epp-1.0", "d": "urn:ietf:params:xml:ns:domain-1.0", "s": "urn:ietf:params:xml:ns:secDNS-1.1"}
work = folder("epp")
frames = []

run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=epp.test",
     "-addext", "subjectAltName=DNS:epp.test", "-keyout", work / "key.pem", "-out", work / "certificate.pem"])
code, encoded = run([VOUCH, "registry", "hash-password"], stdin=b"secret-1\n")
check(code == 0 and encoded.startswith("$argon2id$"), "vouch registry hash-password", encoded)
(work / "registry.conf").write_text(f"""server:
  epp-listen: {HOST}@{EPP}
  certificate: {work}/certificate.pem
  key: {work}/key.pem
  dns-listen: {HOST}@{DNS}
  control: {work}/control
  state: {work}/state
tld:
  name: com.
  dnssec: yes
  keys-max: 2
  name-server: "a.nic.com. 192.0.2.53"
  allow-transfer: {HOST}
registrar:
  id: Python
  password-hash: "{encoded.strip()}"
""")
code, text = vouch("registry", "--config", work / "registry.conf", "--check-config")
check(code == 0, "vouch registry --check-config", text)


def begin():
    server = start([VOUCH, "registry", "--config", work / "registry.conf"], work / "log")
    count = (work / "log").read_text().count("ready") if (work / "log").exists() else 0
    until(lambda: (work / "log").read_text().count("ready") > count or server.poll() is not None, 20)
    return server


class Session:
    def __init__(self):
        context = ssl.create_default_context(cafile=work / "certificate.pem")
        self.socket = context.wrap_socket(socket.create_connection((HOST, EPP), 10), server_hostname="epp.test")
        self.greeting = self.receive()

    def take(self, length):
        taken = b""
        while len(taken) < length:
            more = self.socket.recv(length - len(taken))
            if not more:
                raise EOFError
            taken += more
        return taken

    def receive(self):
        length, = struct.unpack("!I", self.take(4))
        frame = self.take(length - 4)
        frames.append(frame)
        return ElementTree.fromstring(frame)

    def send(self, frame):
        octets = frame.encode()
        self.socket.sendall(struct.pack("!I", len(octets) + 4) + octets)

    def ask(self, frame):
        self.send(frame)
        answer = self.receive()
        result = answer.find(".//e:result", SPACE)
        return int(result.get("code")) if result is not None else 0, answer


def command(body, transaction):
    return f'<?xml version="1.0"?><epp xmlns="{SPACE["e"]}"><command>{body}<clTRID>{transaction}</clTRID></command></epp>'


def domain(verb, body, extension=""):
    return f'<{verb}><d:{verb} xmlns:d="{SPACE["d"]}"><d:name>python.com</d:name>{body}</d:{verb}></{verb}>' + (
        f'<extension><s:{verb} xmlns:s="{SPACE["s"]}">{extension}</s:{verb}></extension>' if extension else "")


LOGIN = command(f'<login><clID>Python</clID><pw>secret-1</pw><options><version>1.0</version><lang>en</lang></options><svcs><objURI>'
                f'{SPACE["d"]}</objURI><svcExtension><extURI>{SPACE["s"]}</extURI></svcExtension></svcs></login>', "LOGIN-1")
CREATE = command(domain("create", "<d:ns><d:hostAttr><d:hostName>ns.python.com</d:hostName><d:hostAddr ip=\"v4\">192.0.2.1</d:hostAddr>"
                        "</d:hostAttr></d:ns><d:authInfo><d:pw>2fooBAR</d:pw></d:authInfo>"), "CREATE-1")
DS = "<s:dsData><s:keyTag>7</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType><s:digest>" + 32 * "AB" + "</s:digest></s:dsData>"
ADD = command(domain("update", "", f"<s:add>{DS}</s:add>"), "ADD-1")
INFO = command(domain("info", ""), "INFO-1")


def zone():
    code, text = run(["dig", "+tcp", "+noall", "+answer", "+onesoa", f"@{HOST}", "-b", HOST, "-p", str(DNS), "com.", "AXFR"])
    return sorted(" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";"))


server = begin()
session = Session()
check(session.greeting.find(".//e:svID", SPACE) is not None, "the greeting")
check(session.ask(INFO)[0] == 2002, "a command before the login is 2002")
check(session.ask("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>")[0] == 2001, "a DOCTYPE is 2001")
check(session.ask("<a>" * 10000)[0] == 2001, "ten thousand levels are 2001")
check(session.ask(LOGIN)[0] == 1000, "the session lives on, and the login is 1000")
check(session.ask(CREATE)[0] == 1000, "create is 1000")
code, answer = session.ask(ADD)
first = answer.findtext(".//e:svTRID", namespaces=SPACE)
check(code == 1000, "a DS is added")
check(session.ask(command(domain("update", "", f"<s:add>{DS}</s:add>"), "ADD-2"))[0] == 2302, "the same DS again is 2302")
code, answer = session.ask(INFO)
check(code == 1000 and answer.findtext(".//s:keyTag", namespaces=SPACE) == "7", "info shows it", ElementTree.tostring(answer))
records = zone()
check(any("python.com. " in r and " IN DS 7 13 2 " in r for r in records) and any("ns.python.com." in r and "192.0.2.1" in r for r in records),
      "the zone has the DS and the glue", "\n".join(records))

server.kill()
server.wait()
server = begin()
check(zone() == records, "killed and started again: the same zone with the same serial", "\n".join(zone()))
session = Session()
session.ask(LOGIN)
code, answer = session.ask(ADD)
check(code == 1000 and answer.findtext(".//e:svTRID", namespaces=SPACE) == first, "the command repeated octet for octet has its old answer")
check(zone() == records, "and changed nothing")
removal = command(domain("update", "", "<s:rem><s:all>true</s:all></s:rem>"), "REM-1")
code, text = run([VOUCH, "control", "--socket", work / "control", "pause"])
check(code == 0, "pause", text)
session.send(removal)
time.sleep(0.3)
session.socket.settimeout(0.3)
try:
    session.receive()
    check(False, "while paused an update waits")
except TimeoutError:
    check(zone() == records, "while paused an update waits")
session.socket.settimeout(10)
run([VOUCH, "control", "--socket", work / "control", "resume"])
check(session.receive().find(".//e:result", SPACE).get("code") == "1000", "and is done afterwards")
check(not any(" DS " in r for r in zone()), "the DS has left the zone")
check(session.ask(command("<logout/>", "OUT-1"))[0] == 1500, "logout is 1500")


# Every row of the table in a session of its own, before the login: a frame that is right is refused only for that (2002).
envelope = f'<epp xmlns="{SPACE["e"]}" xmlns:d="{SPACE["d"]}" xmlns:s="{SPACE["s"]}">%s</epp>'
rows = [line.split("\t") for line in (TOP / "tests/peer/epp/frames.tsv").read_text().splitlines() if not line.startswith("#")]
wrong = []
for verdict, code, sentence, what, body in rows:
    session = Session()
    try:
        answered, answer = session.ask(envelope % body)
    except EOFError:
        check(False, f"the registry answers: {what}", (work / "log").read_text())
        finish()
    session.socket.close()
    reason = answer.findtext(".//e:reason", "", SPACE)
    if int(code) >= 2000 and (answered != int(code) or sentence not in reason):
        wrong.append(f"{what}: {answered} {reason!r}, not {code} {sentence!r}")
    elif int(code) == 1000 and answered not in (0, 1000, 1500, 2002, 2102):
        wrong.append(f"{what}: {answered} {reason!r}")
check(len(rows) > 100 and not wrong, f"{len(rows)} frames, right and broken, have the answers that they deserve", "\n".join(wrong))


def lint(name, bodies):
    """Which of the frames fit, as xmllint sees them."""
    paths = [work / f"{name}-{number}.xml" for number in range(len(bodies))]
    for path, body in zip(paths, bodies):
        path.write_bytes(body)
    text = run(["xmllint", "--noout", "--nonet", "--relaxng", TOP / "tests/peer/epp/frame.rng", *paths])[1]
    return [f"{path} validates" in text.splitlines() for path in paths], text


fit, text = lint("answer", frames)
check(len(frames) > 100 and all(fit), f"all {len(frames)} frames of the registry fit the grammar", text)
fit, text = lint("table", [(envelope % row[4]).encode() for row in rows])
check(fit == [row[0] == "fits" for row in rows], "xmllint tells the broken frames from the others as the table does",
      "\n".join(row[3] for row, fits in zip(rows, fit) if fits != (row[0] == "fits")))
finish()
