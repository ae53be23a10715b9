"""DNS messages made by hand, octet by octet, so that they can be wrong in every way: for the faulty servers and the hostile clients of the
tests with peers."""
import base64
import hashlib
import hmac
import socket
import struct
import threading
import time

A, NS, CNAME, SOA, TXT, TSIG, IXFR, AXFR = 1, 2, 5, 6, 16, 250, 251, 252
IN, ANY = 1, 255
QUERY, NOTIFY = 0, 4
QR, AA = 0x8000, 0x0400
NOERROR, REFUSED = 0, 5


def name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(owner, kind):
    return name(owner) + struct.pack("!HH", kind, IN)


def record(owner, kind, rdata, ttl=60, class_=IN):
    return name(owner) + struct.pack("!HHIH", kind, class_, ttl, len(rdata)) + rdata


def soa(zone, serial, refresh=3600, retry=1, expire=604800, minimum=5, ttl=60):
    rdata = name("ns." + zone) + name("h." + zone) + struct.pack("!5I", serial % 2**32, refresh, retry, expire, minimum)
    return record(zone, SOA, rdata, ttl)


def a(owner, address="192.0.2.1", ttl=60):
    return record(owner, A, socket.inet_aton(address), ttl)


def ns(owner, target):
    return record(owner, NS, name(target))


def txt(owner, text):
    return record(owner, TXT, bytes([len(text)]) + text.encode())


def message(identity, flags=0, asked=(), answers=(), authority=(), rcode=0, opcode=QUERY):
    """`asked`, `answers` and `authority` are records as the functions above make them."""
    head = struct.pack("!6H", identity, flags | opcode << 11 | rcode, len(asked), len(answers), len(authority), 0)
    return head + b"".join(asked) + b"".join(answers) + b"".join(authority)


def read_name(octets, at):
    """(text, where it ends); no compression, as none is needed in what we are asked."""
    labels = []
    while octets[at]:
        labels.append(octets[at + 1:at + 1 + octets[at]].decode().lower())
        at += 1 + octets[at]
    return ".".join(labels), at + 1


class Request:
    """The question of a message, and its TSIG."""

    def __init__(self, octets):
        self.octets = octets
        self.id, self.flags, questions, self.answers, self.authorities, additional = struct.unpack("!6H", octets[:12])
        self.name, self.kind, at = "", 0, 12
        if questions:
            self.name, at = read_name(octets, at)
            self.kind = struct.unpack("!H", octets[at:at + 2])[0]
        self.rcode = self.flags & 15
        self.opcode = self.flags >> 11 & 15
        self.mac = b""
        if additional:
            # The only long octet string of our askers: the TSIG's MAC, found from its fixed end (original ID, error, other length).
            for length in (32, 48, 64):
                mac_at = len(octets) - 6 - length
                if struct.unpack("!H", octets[mac_at - 2:mac_at])[0] == length:
                    self.mac = octets[mac_at:mac_at + length]


class Key:
    """A TSIG key, and one exchange signed with it (RFC 8945 §5.3.1)."""

    def __init__(self, owner, secret, digest="sha256"):
        self.owner, self.secret, self.digest = owner, secret, digest

    def text(self):
        return base64.b64encode(self.secret).decode()

    def exchange(self, request_mac):
        return Exchange(self, request_mac)


class Exchange:
    def __init__(self, key, request_mac):
        self.key, self.mac, self.is_first, self.unsigned = key, request_mac, True, b""

    def skip(self, octets):
        """A message that goes out unsigned: the next MAC covers it."""
        self.unsigned += octets
        return octets

    def sign(self, octets, skew=0, mac_len=None, secret=None):
        moment = int(time.time()) + skew
        when = struct.pack("!HIH", moment >> 32, moment & 0xFFFFFFFF, 300)
        algorithm = name("hmac-" + self.key.digest)
        owner = name(self.key.owner)
        covered = (struct.pack("!H", len(self.mac)) + self.mac if self.mac else b"") + self.unsigned + octets
        covered += owner + struct.pack("!HI", ANY, 0) + algorithm + when + struct.pack("!HH", 0, 0) if self.is_first else when
        mac = hmac.new(secret or self.key.secret, covered, getattr(hashlib, self.key.digest)).digest()
        self.mac, self.is_first, self.unsigned = mac, False, b""
        mac = mac[:mac_len]
        rdata = algorithm + when + struct.pack("!H", len(mac)) + mac + octets[:2] + struct.pack("!HH", 0, 0)
        counts = struct.unpack("!6H", octets[:12])
        return struct.pack("!6H", *counts[:5], counts[5] + 1) + octets[12:] + record(self.key.owner, TSIG, rdata, 0, ANY)


def framed(octets):
    return struct.pack("!H", len(octets)) + octets


def receive(connection, length):
    octets = b""
    while len(octets) < length:
        part = connection.recv(length - len(octets))
        if not part:
            raise EOFError
        octets += part
    return octets


def receive_message(connection):
    return receive(connection, struct.unpack("!H", receive(connection, 2))[0])


def ask_udp(address, port, octets, seconds=2, source=None):
    """The answer, or b""."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        if source:
            asker.bind((source, 0))
        asker.settimeout(seconds)
        asker.sendto(octets, (address, port))
        try:
            return asker.recv(65535)
        except OSError:
            return b""


def ask_tcp(address, port, octets, seconds=5):
    """The first answer, or b""."""
    try:
        with socket.create_connection((address, port), seconds) as asker:
            asker.sendall(framed(octets))
            return receive_message(asker)
    except (OSError, EOFError):
        return b""


class Server:
    """Answers by UDP with datagram(Request) -> octets or None, and each message of a TCP connection with stream(Request, connection)."""

    def __init__(self, address, port, datagram, stream):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for one in (self.udp, self.tcp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, port))
        self.tcp.listen(64)
        self.datagram, self.stream = datagram, stream
        for work in (self._datagrams, self._connections):
            threading.Thread(target=work, daemon=True).start()

    def _datagrams(self):
        while True:
            octets, peer = self.udp.recvfrom(65535)
            answer = self.datagram(Request(octets))
            if answer:
                self.udp.sendto(answer, peer)

    def _connections(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                while True:
                    self.stream(Request(receive_message(connection)), connection)
            except (OSError, EOFError):
                pass
