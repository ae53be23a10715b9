"""What the tests with peers share: a lab of their own, programs started and ended, and the lines that tools/check counts.

Each test is a program of its own in this folder. It prints `ok WHAT`, `not ok WHAT` or `skip WHAT: WHY`, a line each. VOUCH names the
binary, TOP the project's folder; without them the sanitized build of `./bootstrap check` is taken. Every lab has its own net
(127.NET.x.y) and ports, so that tests do not meet.
"""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TOP = Path(os.environ.get("TOP", Path(__file__).resolve().parent.parent.parent))
VOUCH = os.environ.get("VOUCH", str(TOP / "build-check" / "vouch"))
ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8", ASAN_OPTIONS="detect_leaks=1:abort_on_error=1",
                   UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
OWNER = "owner@example.test"

started = []
failures = 0


def check(holds, what, detail=""):
    """One result; with what was seen where it does not hold."""
    global failures
    print(("ok " if holds else "not ok ") + what, flush=True)
    if not holds:
        failures += 1
        for line in str(detail).strip().split("\n")[-30:]:
            print("    " + line, flush=True)
    return holds


def skip(what, why):
    print(f"skip {what}: {why}", flush=True)


def finish():
    sys.exit(1 if failures else 0)


def needs(*programs):
    """Ends the test as skipped where a program is missing."""
    missing = [p for p in programs if shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None]
    if missing:
        skip(Path(sys.argv[0]).name, "not installed: " + " ".join(missing))
        sys.exit(0)


def run(arguments, seconds=60, stdin=None, **options):
    """(exit code or None when out of time, all output)."""
    try:
        done = subprocess.run([str(a) for a in arguments], timeout=seconds, input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=options.pop("env", ENVIRONMENT), **options)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode(errors="replace")


def vouch(*arguments, seconds=60, stdin=None):
    return run([VOUCH, *arguments], seconds, stdin)


def start(arguments, log, **options):
    """A server in the background; ended with the test, by its process group."""
    output = open(log, "ab")
    process = subprocess.Popen([str(a) for a in arguments], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                               start_new_session=True, env=options.pop("env", ENVIRONMENT), **options)
    started.append(process)
    return process


def stop(process, seconds=15):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode


def stop_all():
    for process in reversed(started):
        stop(process)


def folder(name):
    """A fresh short-named folder, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"vouch-{name}-"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


atexit.register(stop_all)


def certificate(work, name, issuer=None, stem=None):
    """work/STEM.pem and work/STEM.key of that host name (STEM where none is said); a CA where there is no issuer."""
    stem = stem or name
    template = work / f"{stem}.template"
    template.write_text(f'cn = "{name}"\ndns_name = "{name}"\nexpiration_days = 2\n' +
                        ("ca\ncert_signing_key\n" if issuer is None else "tls_www_server\nsigning_key\n"))
    run(["certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", work / f"{stem}.key"])
    by = ["--generate-self-signed"] if issuer is None else ["--generate-certificate", "--load-ca-certificate", work / f"{issuer}.pem",
                                                            "--load-ca-privkey", work / f"{issuer}.key"]
    code, text = run(["certtool", *by, "--template", template, "--load-privkey", work / f"{stem}.key", "--outfile", work / f"{stem}.pem"])
    if code != 0:
        raise SystemExit("not ok certificates are made\n" + text)


def until(fact, seconds, pause=0.1):
    """The first true value of fact(), or its last."""
    end = time.monotonic() + seconds
    while True:
        value = fact()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


class Lab:
    """A running lab."""

    def __init__(self, name, net, port=None, prefix=(), state=None):
        self.net, self.port, self.http_port = net, port or 5300, 8080
        self.state = state or folder(name)
        self.log = self.state.parent / (self.state.name + ".log")
        self.log.write_bytes(b"")
        atexit.register(lambda: self.log.unlink(missing_ok=True))
        self.prefix = list(prefix)
        self.process = start([*self.prefix, VOUCH, "lab", "--state", self.state, "--net", net, "--port", self.port], self.log)
        if not until(lambda: "The lab runs" in self.output() or self.process.poll() is not None, 90):
            raise SystemExit("not ok the lab starts\n" + self.output())
        if self.process.poll() is not None:
            print("not ok the lab starts\n" + self.output(), flush=True)
            sys.exit(1)

    def output(self):
        return self.log.read_text(errors="replace")

    def address(self, octets):
        return f"127.{self.net}.{octets}"

    def secret(self, name):
        return (self.state / "secrets" / name).read_text().strip()

    def url(self):
        return f"http://{self.address('0.1')}:{self.http_port}"

    def control(self, name, *words):
        return run([*self.prefix, VOUCH, "control", "--socket", self.state / "run" / f"{name}.control", *words])[1]

    def ask(self, server, name, kind="A", *options):
        return run([*self.prefix, VOUCH, "ask", f"@{self.address(server)}@{self.port}", name, kind, *options])[1]

    def api(self, action, **members):
        prefix = "" if "." in action else "Route53Domains_v20140515."
        request = urllib.request.Request(self.url() + "/", json.dumps(members).encode(), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": prefix + action,
            "Authorization": "Bearer " + self.secret("owner-api")})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            return json.loads(refusal.read() or b"{}")

    def operation(self, identity, seconds=30):
        """The operation when it has ended."""
        def ended():
            detail = self.api("GetOperationDetail", OperationId=identity)
            return detail if detail.get("Status") in ("SUCCESSFUL", "FAILED", "ERROR") else None
        return until(ended, seconds) or self.api("GetOperationDetail", OperationId=identity)

    def keys(self, server, zone, flags=257):
        """The public keys that a server publishes with those flags."""
        text = run([*self.prefix, "dig", "+tcp", "+short", f"@{self.address(server)}", "-p", str(self.port), zone, "DNSKEY"])[1]
        return ["".join(line.split()[3:]) for line in text.split("\n") if line.startswith(f"{flags} 3 ")]

    def add(self, domain, key, flags=257, algorithm=13):
        return self.api("AssociateDelegationSignerToDomain", DomainName=domain,
                        SigningAttributes={"Algorithm": algorithm, "Flags": flags, "PublicKey": key})

    def add_and_wait(self, domain, key, **options):
        answer = self.add(domain, key, **options)
        return self.operation(answer["OperationId"]) if "OperationId" in answer else answer

    def mails(self, about):
        return [text for text in (f.read_text(errors="replace") for f in (self.state / "mail" / "new").glob("*")) if about in text]

    def is_secure(self, name, server="5.1"):
        return bool(__import__("re").search(r"flags:[^;\n]* ad\b", self.ask(server, name, "A", "+dnssec")))

    def stop(self):
        return stop(self.process)
