#!/usr/bin/env python3
"""The lab on port 53 in a network namespace: delv and Unbound find its domains secure, insecure and bogus exactly where vouch does."""
import os
import re
import sys

from common import TOP, VOUCH, Lab, check, finish, folder, needs, run, skip, start, until

needs("ip", "delv", "unbound", "unbound-host", "dig")
if os.geteuid() != 0:
    skip("validators", "a network namespace needs root")
    sys.exit(0)
SPACE = f"vouch-{os.getpid()}"
INSIDE = ["ip", "netns", "exec", SPACE]
run(["ip", "netns", "add", SPACE])
try:
    run([*INSIDE, "ip", "link", "set", "lo", "up"])
    lab = Lab("validators", 22, port=53, prefix=INSIDE)

    # The console's address is inside the namespace too, so keys go in by the command line there.
    token = lab.state / "secrets" / "owner-api"

    def add(domain, server, flags="KSK"):
        keys = lab.keys(server, domain, 257 if flags == "KSK" else 256)
        code, output = run([*INSIDE, VOUCH, "domain", "keys", "add", domain, keys[0] if keys else "none", "--endpoint", lab.url(),
                            "--token-file", token, "--type", flags.lower(), "--algorithm", "13"], 60)
        until(lambda: f"{domain}" in lab.ask("5.1", domain, "DS") and " DS\t" in lab.ask("5.1", domain, "DS").replace("\tDS\t", " DS\t"), 20)
        return code, output

    for domain, server in (("example.org", "4.1"), ("elsewhere.net", "6.1"), ("careless.com", "4.1")):
        code, output = add(domain, server)
        check(code == 0, f"{domain} gets its key", output)
    code, output = add("zskonly.org", "6.1", "ZSK")
    check(code == 0, "zskonly.org gets its flags-256 key", output)
    until(lambda: lab.is_secure("www.careless.com"), 20)
    lab.control("provider-signer", "unsign", "careless.com")

    anchor = lab.state / "root.key"
    work = folder("unbound")
    run(["chown", "-R", "unbound", work])
    settings = work / "unbound.conf"
    settings.write_text(f"""server:
    interface: 127.22.9.1
    port: 53
    do-daemonize: no
    chroot: ""
    username: ""
    directory: "{work}"
    pidfile: ""
    use-syslog: no
    verbosity: 1
    do-not-query-localhost: no
    root-hints: "{work}/root.hints"
    trust-anchor-file: "{work}/root.key"
    module-config: "validator iterator"
    val-log-level: 2
    ede: yes
remote-control:
    control-enable: no
""")
    (work / "root.hints").write_text(". 3600 IN NS a.root.lab.\na.root.lab. 3600 IN A 127.22.1.10\n")
    (work / "root.key").write_text(anchor.read_text())
    # BIND's tools want their own form.
    fields = [line.split() for line in anchor.read_text().split("\n") if "DNSKEY" in line]
    bind = work / "bind.keys"
    bind.write_text("trust-anchors {\n" + "".join(
        f'    "." static-key {f[4]} {f[5]} {f[6]} "{"".join(f[7:])}";\n' for f in fields) + "};\n")
    start([*INSIDE, "unbound", "-c", settings], work / "log")
    until(lambda: "status:" in run([*INSIDE, "dig", "+time=1", "+tries=1", "@127.22.9.1", ".", "SOA"])[1], 20)

    def flags_of(server, name, kind):
        text = run([*INSIDE, "dig", "+dnssec", "+tries=2", "+time=8", f"@{server}", name, kind])[1]
        status = re.search(r"status: (\w+)", text)
        flags = re.search(r"flags: ([a-z ]*)", text)
        return status.group(1) if status else "NONE", "ad" in (flags.group(1).split() if flags else [])

    def verdict(server, name, kind):
        status, is_authentic = flags_of(server, name, kind)
        return "bogus" if status == "SERVFAIL" else "secure" if is_authentic else "insecure"

    def delv(name, kind):
        text = run([*INSIDE, "delv", "@127.22.5.3", "-a", bind, "+root=.", name, kind])[1]
        if "fully validated" in text:
            return "secure"
        return "insecure" if "unsigned answer" in text else "bogus" if "resolution failed" in text else text

    until(lambda: verdict("127.22.5.1", "www.careless.com", "A") == "bogus", 20)
    rows = [
        ("www.example.org", "A", "secure"), ("example.org", "MX", "secure"), ("alias.example.org", "A", "secure"),
        ("any.wild.example.org", "A", "secure"), ("no-such-name.example.org", "A", "secure"),
        ("www.example.org", "TXT", "secure"), ("example.org", "DNSKEY", "secure"), ("example.org", "DS", "secure"),
        ("www.elsewhere.net", "A", "secure"), ("www.zskonly.org", "A", "secure"), ("com", "SOA", "secure"),
        (".", "SOA", "secure"), ("no-such-tld-of-the-lab", "A", "secure"), ("no-such-domain.com", "A", "secure"),
        ("example.net", "DS", "secure"), ("www.example.net", "A", "insecure"), ("www.plain.com", "A", "insecure"),
        ("no-such-name.example.net", "A", "insecure"), ("www.example.aq", "A", "insecure"),
        ("example.aq", "DS", "insecure"), ("www.careless.com", "A", "bogus"), ("careless.com", "MX", "bogus"),
    ]
    for name, kind, wanted in rows:
        seen = {"vouch": verdict("127.22.5.1", name, kind), "vouch forwarding": verdict("127.22.5.2", name, kind),
                "Unbound": verdict("127.22.9.1", name, kind)}
        check(all(v == wanted for v in seen.values()), f"{name} {kind} is {wanted} for vouch and Unbound", seen)
    # delv asks through the resolver that does not validate; negative answers are judged by it as "negative response".
    for name, kind, wanted in rows:
        text = run([*INSIDE, "delv", "@127.22.5.3", "-a", bind, "+root=.", name, kind], 30)[1]
        seen = ("secure" if "fully validated" in text else "insecure" if "unsigned answer" in text else
                "bogus" if "resolution failed" in text or "broken trust chain" in text else text)
        check(seen == wanted, f"{name} {kind} is {wanted} for delv", text)
    lab.control("attacker", "attack", "on")
    name = "mail.example.org"  # not asked before, and made from no wildcard that Unbound may hold
    seen = {"vouch": verdict("127.22.5.1", name, "A"), "Unbound": verdict("127.22.9.1", name, "A")}
    check(set(seen.values()) == {"bogus"}, "a forged answer is bogus for vouch and Unbound", seen)
    check(lab.stop() == 0, "the lab ends cleanly", lab.output())
finally:
    for pid in run(["ip", "netns", "pids", SPACE])[1].split():
        run(["kill", pid])
    run(["ip", "netns", "del", SPACE])
finish()
