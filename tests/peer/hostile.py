#!/usr/bin/env python3
"""Hostile clients, each kind at its worst, while an honest one asks by UDP and TCP all the time: each attack meets a limit that has a name
(in world_limits.h, auth.h or the configuration), and the honest client is answered within a second, always."""
import contextlib
import os
import random
import re
import resource
import select
import socket
import struct
import threading
import time
from pathlib import Path

import wire
from common import check, finish, folder, needs, run, start, stop, until, VOUCH

needs("certtool")
NET, PORT, TLS_PORT = "127.47", 5300, 8853
SMALL, LARGE, HONEST = f"{NET}.0.1", f"{NET}.0.2", f"{NET}.9.9"
IDLE_S, MESSAGE_S, CLIENTS, A_PEER, TRANSFERS, HELD = 2, 1, 300, 150, 64, 10000
BOUND_S = 1.0  # within which the honest client is answered, of a server with sanitizers
chance = random.Random(int(os.environ.get("SEED", 7)))
resource.setrlimit(resource.RLIMIT_NOFILE, (HELD + 2000, max(HELD + 2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
work = folder("hostile")
(work / "big.zone").write_text("$ORIGIN big.test.\n$TTL 60\n@ SOA ns h 1 3600 900 604800 5\n@ NS ns\nns A 192.0.2.1\n" +
                               "".join(f"name-{i} TXT \"{'x' * 200}\"\n" for i in range(20000)))
run(["certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", work / "key.pem"])
(work / "template").write_text('cn = "hostile"\nexpiration_days = 2\ntls_www_server\nsigning_key\n')
run(["certtool", "--generate-self-signed", "--template", work / "template", "--load-privkey", work / "key.pem", "--outfile", work / "certificate.pem"])


def serve(address, more):
    config = work / f"{address}.conf"
    config.write_text(f"""server:
  listen: {address}@{PORT}
  tls-listen: {address}@{TLS_PORT}
  tls-certificate: {work}/certificate.pem
  tls-key: {work}/key.pem
  sandbox: no
{more}zone:
  name: big.test
  file: {work}/big.zone
  sign: no
  allow-transfer: {HONEST}
""" + "".join(f"  allow-transfer: {NET}.5.{i}\n" for i in range(1, 9)))
    log = work / f"{address}.log"
    return start([VOUCH, "serve", "--config", config], log), log


def question(owner="name-1.big.test", kind=wire.TXT):
    return wire.message(chance.randrange(1 << 16), 0, [wire.question(owner, kind)])


def connect(source, address=SMALL, port=PORT):
    """A connection from that address."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind((source, 0))
    connection.settimeout(5)
    connection.connect((address, port))
    return connection


def is_closed(connection):
    """Has the server ended it? What it sent before is thrown away."""
    connection.setblocking(False)
    try:
        while True:
            if not connection.recv(65536):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def open_count(connections):
    return sum(not is_closed(connection) for connection in connections)


def all_closed(connections, seconds):
    """How long it took until all were ended; None when some were not."""
    begun = time.monotonic()
    return time.monotonic() - begun if until(lambda: open_count(connections) == 0, seconds, 0.05) else None


class Honest(threading.Thread):
    """Asks every 20 ms, by UDP, by a fresh TCP connection and by one that it keeps; counts who answers too late or not at all."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.goes_on, self.count, self.slowest, self.failures = address, True, 0, 0.0, []
        self.kept = None

    def ask(self, octets, turn):
        if turn == 0:
            return wire.ask_udp(self.address, PORT, octets, BOUND_S * 2, HONEST)
        try:
            if turn == 1 or self.kept is None:
                connection = connect(HONEST, self.address)
                self.kept = connection if turn == 2 else None
            else:
                connection = self.kept
            connection.sendall(wire.framed(octets))
            answer = wire.receive_message(connection)
            if turn == 1:
                connection.close()
            return answer
        except (OSError, EOFError) as error:
            self.kept = None
            return str(error).encode()

    def run(self):
        while self.goes_on:
            octets = question()
            begun = time.monotonic()
            answer = self.ask(octets, self.count % 3)
            lasted = time.monotonic() - begun
            self.count += 1
            self.slowest = max(self.slowest, lasted)
            if answer[:2] != octets[:2] or struct.unpack("!H", answer[6:8])[0] != 1 or lasted > BOUND_S:
                self.failures.append((("UDP", "TCP", "kept TCP")[(self.count - 1) % 3], round(lasted, 3), answer[:20]))
            time.sleep(0.02)


@contextlib.contextmanager
def honest_beside(what, address=SMALL):
    one = Honest(address)
    one.start()
    yield one
    one.goes_on = False
    one.join(10)
    check(one.count >= 10 and not one.failures, f"{what}: the honest client is answered", f"{one.count} questions, slowest {one.slowest:.2f} s: {one.failures[:5]}")
    print(f"    {one.count} questions, the slowest after {one.slowest * 1000:.0f} ms", flush=True)


def memory():
    """Octets of the server with small limits."""
    return int(re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{small.pid}/status").read_text(), re.M).group(1)) * 1024


small, small_log = serve(SMALL, f"""  tcp-clients: {CLIENTS}
  tcp-clients-per-address: {A_PEER}
  tcp-idle-timeout: {IDLE_S}
  tcp-message-timeout: {MESSAGE_S}
  rrl-ratelimit: 200
  rrl-slip: 2
""")
large, large_log = serve(LARGE, f"  tcp-clients: {HELD + 1000}\n  tcp-clients-per-address: {HELD + 1000}\n  tcp-idle-timeout: 600\n")
check(until(lambda: wire.ask_udp(SMALL, PORT, question()) and wire.ask_udp(LARGE, PORT, question()), 30), "vouch serves", small_log.read_text() + large_log.read_text())

# An octet now and then: a message that has begun must be whole in `tcp-message-timeout`.
with honest_beside("slow clients"):
    slow = [connect(f"{NET}.1.1") for _ in range(100)]
    octets, sent, begun = wire.framed(question()), 0, time.monotonic()
    while open_count(slow) and time.monotonic() - begun < MESSAGE_S + 3:
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.send(octets[sent:sent + 1])
        sent += sent < len(octets) - 1
        time.sleep(0.2)
    lasted = time.monotonic() - begun
check(not open_count(slow) and lasted > MESSAGE_S - 0.5, "a message by the octet is cut off after tcp-message-timeout", f"{open_count(slow)} after {lasted:.1f} s")

# TLS that does not shake hands.
with honest_beside("TLS connections that say nothing, or nonsense"):
    slow = [connect(f"{NET}.1.2", port=TLS_PORT) for _ in range(100)]
    for connection in slow[::2]:
        connection.send(chance.randbytes(300))
    check(all_closed(slow, MESSAGE_S + 3), "a handshake must end in tcp-message-timeout", open_count(slow))

# More connections than one address may have, more than all may have: who was idle longest goes.
with honest_beside("connections from one address"):
    many = [connect(f"{NET}.1.3") for _ in range(A_PEER * 3)]
    time.sleep(0.3)
    check(0 < open_count(many) <= A_PEER, "tcp-clients-per-address holds", open_count(many))
    check(all_closed(many, IDLE_S + 3), "who says nothing is ended after tcp-idle-timeout", open_count(many))
with honest_beside("connections from everywhere"):
    many = [connect(f"{NET}.2.{1 + i % 50}") for i in range(CLIENTS * 3)]
    time.sleep(0.3)
    check(0 < open_count(many) <= CLIENTS, "tcp-clients holds", open_count(many))
    for connection in many:
        connection.close()
with honest_beside("connections that come and go"):
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        for connection in [connect(f"{NET}.2.{60 + i % 50}") for i in range(50)]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

# Questions without end, and answers that nobody reads.
with honest_beside("questions without end, whose answers are read"):
    flood = connect(f"{NET}.1.4")
    octets, count = wire.framed(question()) * 500, 60000
    writer = threading.Thread(target=lambda: [flood.sendall(octets) for _ in range(count // 500)], daemon=True)
    writer.start()
    answered, got = 0, b""
    with contextlib.suppress(OSError, EOFError):
        while answered < count:
            got += flood.recv(1 << 20) or wire.receive(flood, 1)
            at = 0
            while len(got) >= at + 2 and len(got) >= at + 2 + struct.unpack("!H", got[at:at + 2])[0]:
                at += 2 + struct.unpack("!H", got[at:at + 2])[0]
                answered += 1
            got = got[at:]
    check(answered == count, "each of them is answered", f"{answered} of {count}")
    flood.close()
before = memory()
with honest_beside("answers that nobody reads"):
    floods = [connect(f"{NET}.1.5") for _ in range(50)]
    for flood in floods:
        flood.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flood.setblocking(False)
    for _ in range(200):
        for flood in floods:
            with contextlib.suppress(OSError):
                flood.send(octets)
    grown = memory() - before
    check(all(select.select([], [flood], [], 0)[1] == [] for flood in floods), "whoever does not read is not read (STREAM_UNSENT_PAUSE)")
    check(grown < 50 * (1 << 19), "and costs at most STREAM_UNSENT_PAUSE and what is under way", grown)
    time.sleep(IDLE_S + 1.5)
    check(all_closed(floods, 3), "and is ended after tcp-idle-timeout", open_count(floods))



def transferred():
    """Octets of a whole transfer to the honest client; 0 when it was refused."""
    with connect(HONEST) as connection:
        connection.sendall(wire.framed(question("big.test", wire.AXFR)))
        total, records = 0, 0
        while records < 20004:
            octets = wire.receive_message(connection)
            if wire.Request(octets).rcode:
                return 0
            records += struct.unpack("!H", octets[6:8])[0]
            total += len(octets)
        return total


# Transfers that nobody reads: AUTH_STREAMS_MAX at once, each ended after `tcp-idle-timeout` without STREAM_PROGRESS.
before = memory()
with honest_beside("transfers that nobody reads"):
    greedy = []
    for i in range(TRANSFERS + 20):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.bind((f"{NET}.5.{1 + i % 8}", 0))
        connection.connect((SMALL, PORT))
        connection.sendall(wire.framed(question("big.test", wire.AXFR)))
        greedy.append(connection)
    time.sleep(0.5)
    rcodes = [wire.Request(connection.recv(4096, socket.MSG_PEEK)[2:]).rcode for connection in greedy if select.select([connection], [], [], 1)[0]]
    check(rcodes.count(2) >= 20 and rcodes.count(0) <= TRANSFERS, "no more than AUTH_STREAMS_MAX at once, the others hear SERVFAIL", sorted(rcodes))
    grown = memory() - before
    check(grown < TRANSFERS * (1 << 20), "each costs little memory", grown)
    check(transferred(), "an honest transfer has its place all the same (AUTH_STREAMS_SPARE)")
    time.sleep(IDLE_S + 1)

check(until(transferred, 5, 0.3), "and then it has it too")
check(all_closed(greedy, 3), "who took nothing of a transfer is ended", open_count(greedy))

# Datagrams: garbage, answers, questions of all kinds; and the same question from one network, which RRL limits.
with honest_beside("datagrams of garbage"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind((f"{NET}.3.1", 0))
        end, sent = time.monotonic() + 1.5, 0
        while time.monotonic() < end:
            octets = bytearray(question())
            kind = chance.randrange(4)
            if kind == 0:
                octets = chance.randbytes(chance.randrange(1500))
            elif kind == 1:
                octets[2] |= 0x80
            elif kind == 2:
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            else:
                octets += chance.randbytes(chance.randrange(60))
            with contextlib.suppress(OSError):
                flood.sendto(octets, (SMALL, PORT))
            sent += 1
            if sent % 10 == 0:
                time.sleep(0.001)
    print(f"    {sent} datagrams", flush=True)
with honest_beside("the same question from one network"):
    sockets = []
    for host in range(1, 11):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((f"{NET}.4.{host}", 0))
        one.setblocking(False)
        sockets.append(one)
    asked = whole = cut = 0
    octets, end = question(), time.monotonic() + 2
    while time.monotonic() < end + 0.3:
        for one in sockets if time.monotonic() < end else []:
            one.sendto(octets, (SMALL, PORT))
            asked += 1
        for one in sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    answer = one.recv(4096)
                    cut += answer[2] >> 1 & 1
                    whole += not answer[2] >> 1 & 1
        time.sleep(0.002)
    check(whole <= 200 * 4 and cut > 0 and whole + cut < asked, "rrl-ratelimit holds for a network, and every second answer beyond it is truncated",
          f"{asked} asked, {whole} whole, {cut} truncated")
    for one in sockets:
        one.close()

# Messages that are too large, or say so.
with honest_beside("messages that are too large"):
    for what, octets in (("a stream of the largest frames", wire.framed(chance.randbytes(65535)) * 20), ("frames of no length", b"\0\0" * 5000),
                         ("65,535 questions", wire.framed(struct.pack("!6H", 1, 0, 65535, 0, 0, 0) + wire.question("big.test", 1) * 4000)),
                         ("65,535 records", wire.framed(struct.pack("!6H", 1, 0, 1, 65535, 65535, 65535) + wire.question("big.test", 1))),
                         ("a name that points to itself", wire.framed(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1"))):
        with connect(f"{NET}.1.6") as connection:
            with contextlib.suppress(OSError):
                connection.sendall(octets)
            connection.settimeout(2)
            with contextlib.suppress(OSError, EOFError):
                wire.receive_message(connection)
        check(small.poll() is None, what)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for _ in range(200):
            flood.sendto(chance.randbytes(65507), (SMALL, PORT))

# Connections that stay, and say nothing between questions.
with honest_beside(f"{HELD} idle connections", LARGE) as one:
    held, octets = [], wire.framed(question())
    for i in range(HELD):
        connection = connect(f"{NET}.6.{1 + i % 200}", LARGE)
        connection.sendall(octets)
        held.append(connection)
    answered = sum(len(wire.receive_message(connection)) > 12 for connection in held)
    time.sleep(1)
    check(answered == HELD and open_count(held) == HELD, f"{HELD} connections are held", f"{answered} answered, {open_count(held)} open")
    for connection in held[::10]:
        connection.setblocking(True)
        connection.sendall(octets)
    check(sum(len(wire.receive_message(connection)) > 12 for connection in held[::10]) == HELD // 10, "and each is answered when it asks again")
for connection in held:
    connection.close()
for process, log in ((small, small_log), (large, large_log)):
    check(stop(process) == 0 and not re.search("AddressSanitizer|runtime error|LeakSanitizer", log.read_text()), "vouch ends cleanly", log.read_text()[-2000:])
finish()
