#!/usr/bin/env python3
"""Many zones from files: a reload opens those alone whose file, or a file that it includes, is another or was written to, whatever it did to
the times of the file; and zones come while others are answered for."""
import ctypes
import os
import signal
import socket
import struct
import time

from common import VOUCH, check, finish, folder, run, start, stop, until

ADDRESS, PORT, COUNT, SHARING, SETTLED = "127.81.0.1", 5381, 400, 5, 2.2
work = folder("many")
files, log = work / "zones", work / "log"
files.mkdir()
LAST = COUNT - 1


class Opened:
    """Whose files were opened, as the kernel tells it (inotify)."""
    IN_OPEN = 0x20

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.watch = self.libc.inotify_init1(os.O_NONBLOCK)
        if self.watch < 0 or self.libc.inotify_add_watch(self.watch, str(path).encode(), self.IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def take(self):
        """Since the last call."""
        names = set()
        while True:
            try:
                events = os.read(self.watch, 1 << 16)
            except BlockingIOError:
                return names
            while events:
                length = struct.unpack_from("=iIII", events)[3]
                names.add(events[16:16 + length].rstrip(b"\0").decode())
                events = events[16 + length:]


def path_of(number):
    return files / f"z{number}.test.zone"


def text_of(number, serial):
    shared = f"$INCLUDE {work}/shared\n" if number < SHARING else ""
    return f"@ 60 SOA ns h {serial} 1 1 1 1\n@ 60 NS ns\nns 60 A 192.0.2.1\n{shared}"


def replace(path, text):
    new = work / "new"
    new.write_text(text)
    new.replace(path)


def write_shared(word):
    replace(work / "shared", f"shared 60 TXT {word}\n")


def ask(name, kind):
    """The last octets of an answer of one record, or nothing."""
    wire = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(1)
        asker.sendto(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack(">BHH", 0, kind, 1), (ADDRESS, PORT))
        try:
            answer = asker.recv(4096)
        except OSError:
            return b""
    return answer[12 + len(wire) + 5:] if answer[7] == 1 and answer[3] & 15 == 0 else b""


def serial(number):
    answer = ask(f"z{number}.test", 6)
    return struct.unpack(">I", answer[-20:-16])[0] if len(answer) >= 20 else 0


def shared(number):
    return ask(f"shared.z{number}.test", 16)[13:]


def write_config(count):
    zones = "".join(f"zone:\n  name: z{n}.test\n  pattern: files\n  sign: no\n" for n in range(count))
    (work / "conf").write_text(f"server:\n  listen: {ADDRESS}@{PORT}\n  control: {work}/control\n  state: {work}/state\n  sandbox: no\n"
                               f"pattern:\n  name: files\n  file: \"{files}/%s.zone\"\n{zones}")


def control(*words):
    return run([VOUCH, "control", "--socket", work / "control", *words])


opened = Opened(files)
last_serial = 1


def reload_and_see():
    """The numbers of the zones whose files were opened. The last of all zones is renewed each time: when it is served they all had their turn."""
    global last_serial
    last_serial += 1
    replace(path_of(LAST), text_of(LAST, last_serial))
    opened.take()
    control("reload")
    if not until(lambda: serial(LAST) == last_serial, 30, 0.05):
        return f"serial {serial(LAST)} instead of {last_serial}\n" + log.read_text()[-2000:]
    names = opened.take()
    return {n for n in range(COUNT) if path_of(n).name in names} - {LAST}


write_shared("one")
for number in range(COUNT):
    path_of(number).write_text(text_of(number, 1))
write_config(COUNT)
time.sleep(SETTLED)
server = start([VOUCH, "serve", "--config", work / "conf", "--role", "auth"], log)
check(until(lambda: "ready" in log.read_text(), 60), "the server is ready", log.read_text())
check(all(serial(n) == 1 for n in (0, LAST // 2, LAST)), "zones that several threads read are served")
check(len(opened.take()) >= COUNT, "each was read at the start")

seen = reload_and_see()
check(seen == set(), "a reload opens no file that did not change", seen)

before = path_of(7).stat()
with open(path_of(7), "r+") as file:
    file.write(text_of(7, 2))
os.utime(path_of(7), ns=(before.st_atime_ns, before.st_mtime_ns))
before = path_of(8).stat()
(work / "new").write_text(text_of(8, 2))
os.utime(work / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
(work / "new").replace(path_of(8))
os.utime(path_of(9))
seen = reload_and_see()
check(seen == {7, 8, 9}, "it opens one that was written to, one that another took the place of, both as old and long as before, and one touched", seen)
check((serial(7), serial(8), serial(9)) == (2, 2, 1), "and what they say is served", (serial(7), serial(8), serial(9)))

with open(path_of(7), "r+") as file:
    file.write(text_of(7, 3))
seen = reload_and_see()
check(7 in seen and serial(7) == 3, "one that is written to right behind a reload is opened again", (seen, serial(7)))

time.sleep(SETTLED)
reload_and_see()
seen = reload_and_see()
check(seen == set(), "what has settled is not opened any more", seen)

write_shared("two")
seen = reload_and_see()
check(seen == set(range(SHARING)), "an included file that changed has those opened that include it", seen)
check(all(shared(n) == b"two" for n in range(SHARING)), "and what it says is served", [shared(n) for n in range(SHARING)])

path_of(6).write_text("@ 60 SOA ns h 9 1 1 1\n")
time.sleep(SETTLED)
first, second = reload_and_see(), reload_and_see()
check({6} <= first and {6} <= second and serial(6) == 1, "one that is wrong is opened each time, and the version before it served", (first, second))

for number in COUNT, COUNT + 1:
    path_of(number).write_text(text_of(number, 5))
code, text = control("add", f"z{COUNT}.test", "files")
check(code == 0 and text == "added\n" and serial(COUNT) == 5, "who adds a zone hears of it when it is served", (code, text, serial(COUNT)))
code, text = control("add", "absent.test", "files")
check(code == 0 and "cannot be read yet" in text, "or that its file cannot be read", (code, text))
path_of("absent").with_name("absent.test.zone").write_text(text_of(0, 1))
write_config(COUNT + 2)
server.send_signal(signal.SIGHUP)
check(until(lambda: serial(COUNT + 1) == 5 and ask("absent.test", 6), 20), "a reload brings zones that are new, and one whose file came", log.read_text()[-2000:])
check(stop(server) == 0, "the server ends well", log.read_text()[-3000:])

path_of(6).write_text(text_of(6, 2))
server = start([VOUCH, "serve", "--config", work / "conf", "--role", "auth"], log)
check(until(lambda: log.read_text().count("ready") == 2, 60) and ask("absent.test", 6) and serial(COUNT + 1) == 5,
      "zones that were added are there when it is ready again", log.read_text()[-2000:])
check(stop(server) == 0, "and ends well again", log.read_text()[-3000:])
finish()
