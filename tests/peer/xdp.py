#!/usr/bin/env python3
"""AF_XDP over a pair of virtual interfaces between two network name spaces: what is asked there is answered octet for octet as over plain
sockets, by IPv4 and IPv6; the kernel sees none of it; TCP, fragments, other ports and other addresses go their usual way; frames of garbage
do no harm; and nothing is left on the interface when the server ends, however it ends. Skipped where the kernel or the user may not."""
import contextlib
import ctypes
import os
import random
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import wire
from common import ENVIRONMENT, VOUCH, check, finish, folder, needs, run, skip, start, stop, until, vouch

needs("ip")
PORT, OTHER_PORT, MTU = 5300, 7777, 1500
HERE, THERE = f"vouch-xdp-{os.getpid()}", f"vouch-xdp-peer-{os.getpid()}"
INTERFACE, PEER_INTERFACE = "served0", "asks0"
FAST4, FAST6, PLAIN4, PLAIN6, ASKER4 = "192.0.2.1", "2001:db8::1", "192.0.2.3", "2001:db8::3", "192.0.2.2"
MAC, PEER_MAC = "02:00:00:00:53:01", "02:00:00:00:53:02"
CLONE_NEWNET = 0x40000000
chance = random.Random(int(os.environ.get("SEED", 7)))
work = folder("xdp")
libc = ctypes.CDLL(None, use_errno=True)
SANDBOXED = dict(ENVIRONMENT, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")


@contextlib.contextmanager
def inside(space):
    """Sockets that are made here are of that name space, and stay so."""
    with open("/proc/self/ns/net", "rb") as before, open(f"/run/netns/{space}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


def set_up():
    """None, or why it cannot be tried here."""
    steps = [f"netns add {HERE}", f"netns add {THERE}",
             f"link add {INTERFACE} address {MAC} numrxqueues 2 numtxqueues 2 netns {HERE} type veth "
             f"peer name {PEER_INTERFACE} address {PEER_MAC} numrxqueues 2 numtxqueues 2 netns {THERE}",
             f"-n {HERE} link set lo up", f"-n {HERE} link set {INTERFACE} up", f"-n {THERE} link set {PEER_INTERFACE} up",
             f"-n {THERE} address add {ASKER4}/24 dev {PEER_INTERFACE}", f"-n {THERE} address add 2001:db8::2/64 dev {PEER_INTERFACE} nodad"]
    steps += [f"-n {HERE} address add {a}/24 dev {INTERFACE}" for a in (FAST4, PLAIN4)]
    steps += [f"-n {HERE} address add {a}/64 dev {INTERFACE} nodad" for a in (FAST6, PLAIN6)]
    if os.geteuid() != 0:
        return "only root may make network name spaces"
    for step in steps:
        code, text = run(["ip", *step.split()])
        if code != 0:
            return f"ip {step}: {text.strip()}"
    try:
        with inside(HERE):
            socket.socket(getattr(socket, "AF_XDP", 44), socket.SOCK_RAW, 0).close()
    except OSError as failure:
        return f"this kernel has no AF_XDP: {failure}"
    return None


def clean_up():
    for space in (HERE, THERE):
        subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL, check=False)


def zone_text():
    wide = "".join(f'wide TXT "{"x" * 200}{i}"\n' for i in range(12))
    many = "".join(f"name-{i} A 192.0.2.{i % 250}\n" for i in range(300))
    return ("$ORIGIN xdp.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 5\n@ NS ns\nns A 192.0.2.1\nns AAAA 2001:db8::1\n"
            "www A 192.0.2.80\nalias CNAME www\nfar CNAME www.elsewhere.test.\n*.wild TXT \"any\"\nent.deep A 192.0.2.81\n"
            "child NS ns.child\nns.child A 192.0.2.82\nmoved DNAME xdp.example.\n" + wide + many)


def serve(name, addresses, more="", env=SANDBOXED):
    config = work / f"{name}.conf"
    config.write_text("server:\n" + "".join(f"  listen: {a}@{PORT}\n" for a in addresses) + f"{more}zone:\n  name: xdp.example\n"
                      f"  file: {work}/signed.zone\n  sign: no\n")
    log = work / f"{name}.log"
    log.touch()
    return start(["ip", "netns", "exec", HERE, VOUCH, "serve", "--config", config], log, env=env), log


def link():
    return run(["ip", "-n", HERE, "link", "show", INTERFACE])[1]


def has_program():
    return "prog/xdp" in link()


class Asker:
    """Datagrams from the peer's name space."""

    def __init__(self):
        with inside(THERE):
            self.sockets = {family: socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)}

    def ask(self, address, message, port=PORT, seconds=2):
        """The answer with that ID, or None."""
        asker = self.sockets[socket.AF_INET6 if ":" in address else socket.AF_INET]
        asker.sendto(message, (address, port))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asker.settimeout(max(0.01, end - time.monotonic()))
            try:
                answer, sender = asker.recvfrom(65535)
            except OSError:
                continue
            if answer[:2] == message[:2] and sender[0] == address:
                return answer
        return None


def edns(size=1232, flags=0x8000, options=b""):
    return b"\0" + struct.pack("!HHIH", 41, size, flags, len(options)) + options


def question(owner="www.xdp.example", kind=wire.A, more=b"", opcode=0, class_=1):
    head = struct.pack("!6H", chance.randrange(1 << 16), 0x0100 | opcode << 11, 1, 0, 0, 1 if more else 0)
    return head + wire.name(owner) + struct.pack("!2H", kind, class_) + more


def questions():
    """Plain ones and such that only the careful way answers."""
    names = ["xdp.example", "www.xdp.example", "alias.xdp.example", "far.xdp.example", "a.b.wild.xdp.example", "deep.xdp.example",
             "absent.xdp.example", "x.child.xdp.example", "www.moved.xdp.example", "wide.xdp.example", "elsewhere.test", "WwW.xDp.ExAmPlE"]
    for owner in names:
        for kind in (wire.A, wire.NS, wire.SOA, wire.TXT, 28, 43, 48, 255, 65280):
            for more in (b"", edns(), edns(512), edns(4096), edns(flags=0)):
                yield f"{owner} {kind}", question(owner, kind, more)
    yield "an unknown EDNS version", question(more=b"\0" + struct.pack("!HHIH", 41, 1232, 0x10000, 0))
    yield "a transfer", question("xdp.example", wire.AXFR)
    yield "IXFR", question("xdp.example", wire.IXFR)
    yield "NOTIFY", question("xdp.example", wire.SOA, opcode=4)
    yield "an unknown opcode", question(opcode=7)
    yield "CHAOS", question("id.server", wire.TXT, class_=3)
    yield "half a question", question()[:20]
    yield "two questions", struct.pack("!6H", 99, 0, 2, 0, 0, 0) + wire.question("www.xdp.example", 1) * 2
    for i in range(100):
        yield "a random name", question(f"name-{chance.randrange(600)}.xdp.example", more=edns())


def received(space, version):
    """Datagrams that the kernel has handed to sockets."""
    lines = run(["ip", "netns", "exec", space, "cat", "/proc/net/snmp6" if version == 6 else "/proc/net/snmp"])[1].split("\n")
    if version == 6:
        return int(next(line.split()[1] for line in lines if line.startswith("Udp6InDatagrams")))
    return int([line.split()[1] for line in lines if line.startswith("Udp:")][1])


def check_answers(asker):
    for fast, plain in ((FAST4, PLAIN4), (FAST6, PLAIN6)):
        differing, count = [], 0
        for what, message in questions():
            ours, theirs = asker.ask(fast, message), asker.ask(plain, message)
            count += 1
            if ours is None or ours != theirs:
                differing.append(f"{what}: {ours and ours.hex()} is not {theirs and theirs.hex()}")
        check(not differing, f"{count} questions to {fast} are answered as over plain sockets", "\n".join(differing))
    for version, address in ((4, FAST4), (6, FAST6)):
        before = received(HERE, version)
        answered = sum(asker.ask(address, question(f"name-{i}.xdp.example", more=edns())) is not None for i in range(100))
        grown = received(HERE, version) - before
        check(answered == 100 and grown == 0, f"IPv{version}: what is answered at once passes the kernel's sockets by",
              f"{answered} answered, {grown} came by sockets")


def check_usual_ways(asker):
    with inside(THERE):
        for family, address in ((socket.AF_INET, FAST4), (socket.AF_INET6, FAST6)):
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(10)
                connection.connect((address, PORT))
                message = question("wide.xdp.example", wire.TXT, edns())
                connection.sendall(struct.pack("!H", len(message)) + message)
                head = connection.recv(2)
                check(len(head) == 2 and struct.unpack("!H", head)[0] > 2400, f"TCP to {address} is answered")
    with inside(HERE):
        echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        echo.bind((FAST4, OTHER_PORT))
        echo.settimeout(5)
    with echo:
        asker.ask(FAST4, b"\x12\x34 to another port", OTHER_PORT, 0.1)
        try:
            heard = echo.recv(100)
        except OSError:
            heard = b""
        check(heard == b"\x12\x34 to another port", "another port of the address is not ours")
    padding = struct.pack("!HH", 12, 2 * MTU) + bytes(2 * MTU)
    before = received(HERE, 4)
    answer = asker.ask(FAST4, question(more=edns(options=padding)))
    check(answer is not None and answer[3] & 15 == 0 and received(HERE, 4) == before + 1, "a question in fragments comes by the sockets and is answered",
          f"{answer and answer.hex()}")


def frame(version, message):
    """A question as it stands on the line."""
    udp = struct.pack("!4H", 40000, PORT, 8 + len(message), 0) + message
    ends = bytes.fromhex((MAC + PEER_MAC).replace(":", ""))
    if version == 6:
        addresses = socket.inet_pton(socket.AF_INET6, "2001:db8::2") + socket.inet_pton(socket.AF_INET6, FAST6)
        return ends + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + addresses + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + socket.inet_aton(ASKER4) + socket.inet_aton(FAST4)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return ends + b"\x08\x00" + head[:10] + struct.pack("!H", 0xffff - total) + head[12:] + udp


def spoiled(octets):
    """Some octets are others, behind the addresses of stations; or there are fewer, or more of them."""
    octets = bytearray(octets)
    for _ in range(chance.randrange(1, 5)):
        octets[chance.randrange(12, len(octets))] = chance.randrange(256)
    way = chance.randrange(4)
    if way == 0:
        del octets[chance.randrange(14, len(octets)):]
    elif way == 1:
        octets += bytes(chance.randrange(1, 900))
    return bytes(octets)


def check_garbage(asker, server, log):
    with inside(THERE):
        line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        line.bind((PEER_INTERFACE, 0))
    with line:
        for i in range(6000):
            whole = frame(4 if i % 2 else 6, question(more=edns()))
            with contextlib.suppress(OSError):  # a frame that the interface does not take
                line.send(spoiled(whole) if i % 50 else whole)
            if i % 100 == 0:
                time.sleep(0.005)
    answered = [asker.ask(address, question()) is not None for address in (FAST4, FAST6)]
    check(all(answered) and server.poll() is None, "6000 frames of garbage do no harm", log.read_text()[-3000:])


def check_refusals():
    for what, addresses, more, said in (
            ("a second server on the interface is refused", [PLAIN4.replace(".3", ".1")], f"  xdp-listen: {INTERFACE}\n", "another program has it"),
            ("an interface that is not there is refused", [PLAIN4], "  xdp-listen: nothing0\n", "there is no interface nothing0"),
            ("the loopback interface is refused", [PLAIN4], "  xdp-listen: lo\n", "no Ethernet"),
            ("no address that stands for all", ["0.0.0.0"], f"  xdp-listen: {INTERFACE}\n", "every address to listen on is named"),
            ("not without workers", [PLAIN4], f"  xdp-listen: {INTERFACE}\n  workers: 0\n", "with 0 there are none")):
        port = f"  listen: {addresses[0]}@{PORT + 1}\n"
        config = work / "refused.conf"
        config.write_text(f"server:\n{port}{more}zone:\n  name: xdp.example\n  file: {work}/signed.zone\n  sign: no\n")
        code, text = run(["ip", "netns", "exec", HERE, VOUCH, "serve", "--config", config], 30)
        check(code not in (0, None) and said in text, what, f"{code} {text}")


def check_ends(asker):
    """However it ends, the interface is as before."""
    for how, number in (("SIGTERM", signal.SIGTERM), ("SIGKILL", signal.SIGKILL)):
        server, log = serve("ends", [FAST4], f"  xdp-listen: {INTERFACE}\n  sandbox: no\n", ENVIRONMENT)
        check(until(lambda: asker.ask(FAST4, question(), seconds=0.5), 20) is not None and has_program(), f"it serves, to be ended by {how}",
              log.read_text() + link())
        server.send_signal(number)
        code = server.wait(20)
        check(until(lambda: not has_program(), 5) and code in (0, -signal.SIGKILL), f"nothing is left on the interface after {how}",
              f"{code} {log.read_text()} {link()}")


def main():
    why = set_up()
    if why is not None:
        skip("xdp.py", why)
        return
    (work / "xdp.zone").write_text(zone_text())
    (work / "keys").mkdir()
    code, text = vouch("sign", "-o", "xdp.example.", "-K", work / "keys", "-f", work / "signed.zone", work / "xdp.zone")
    (work / "signed.zone").chmod(0o644)
    if not check(code == 0, "the zone is signed", text):
        return
    # As another user, in the sandbox: nothing of what this takes is kept.
    fast, log = serve("fast", [FAST4, FAST6], f"  xdp-listen: {INTERFACE}\n  workers: 2\n  username: nobody\n")
    plain, plain_log = serve("plain", [PLAIN4, PLAIN6])
    asker = Asker()
    up = [until(lambda a=address: asker.ask(a, question(), seconds=0.5), 30) for address in (FAST4, FAST6, PLAIN4, PLAIN6)]
    if not check(all(up) and has_program(), "both serve", log.read_text() + plain_log.read_text() + link()):
        return
    powers = next(line for line in Path(f"/proc/{fast.pid}/status").read_text().split("\n") if line.startswith("CapPrm"))
    check(int(powers.split()[1], 16) == 0, "no power of root is kept", powers)
    check_answers(asker)
    check_usual_ways(asker)
    check_garbage(asker, fast, log)
    check_refusals()
    run(["ip", "-n", HERE, "link", "set", INTERFACE, "down"])
    run(["ip", "-n", HERE, "link", "set", INTERFACE, "up"])
    before = received(HERE, 4)
    up = until(lambda: asker.ask(FAST4, question(), seconds=0.5), 10)
    check(up and received(HERE, 4) == before, "it answers again when the interface was down for a while", log.read_text())
    check(stop(plain) == 0 and stop(fast) == 0, "both end in order", log.read_text() + plain_log.read_text())
    check_ends(asker)


try:
    main()
finally:
    clean_up()
finish()
