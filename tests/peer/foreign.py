#!/usr/bin/env python3
"""Zones that others sign and serve: NSD with a zone signed by ldns-signzone, and BIND with its own signing. vouch's registrar takes their
keys, vouch's registry publishes the DS, vouch's resolver validates them; and preflight refuses what is wrong with them."""
import os
import re

from common import Lab, check, finish, folder, needs, run, start, until

needs("nsd", "named", "ldns-signzone", "ldns-keygen", "dig", "dnssec-keygen")
lab = Lab("foreign", 25)
NSD, BIND = lab.address("7.1"), "127.0.0.1"  # named listens only where an interface has the address
work = folder("foreign")
ZONE = """$ORIGIN {zone}.
$TTL 3
@ SOA ns1 hostmaster 1 30 10 604800 1
@ NS ns1
ns1 A {server}
@ A 198.51.100.1
www A 198.51.100.2
*.wild TXT "from a wildcard"
"""


def write(name, text):
    (work / name).write_text(text)
    return work / name


# NSD, a zone signed once by ldns.
zone = write("nsd.zone", ZONE.format(zone="nsd-signed.com", server=NSD))
ksk = run(["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "nsd-signed.com"], cwd=work)[1].strip().split("\n")[-1]
zsk = run(["ldns-keygen", "-a", "ECDSAP256SHA256", "nsd-signed.com"], cwd=work)[1].strip().split("\n")[-1]
code, output = run(["ldns-signzone", "-n", "-f", "nsd.signed", "nsd.zone", zsk, ksk], cwd=work)
check(code == 0, "ldns-signzone signs", output)
write("nsd.conf", f"""server:
  ip-address: {NSD}@{lab.port}
  username: ""
  zonesdir: "{work}"
  pidfile: "{work}/nsd.pid"
  database: ""
  xfrdfile: "{work}/xfrd"
  zonelistfile: "{work}/zone.list"
  xfrdir: "{work}"
  logfile: "{work}/nsd.out"
zone:
  name: nsd-signed.com
  zonefile: nsd.signed
""")
start(["nsd", "-d", "-c", work / "nsd.conf"], work / "nsd.log")

# BIND, with its own policy.
zone = write("bind.zone", ZONE.format(zone="bind-signed.net", server=BIND))
write("named.conf", f"""options {{
  directory "{work}";
  listen-on port {lab.port} {{ {BIND}; }};
  listen-on-v6 {{ none; }};
  pid-file "{work}/named.pid";
  session-keyfile "{work}/session.key";
  recursion no;
  dnssec-validation no;
}};
controls {{ }};
zone "bind-signed.net" {{ type primary; file "bind.zone"; dnssec-policy default; inline-signing yes; }};
""")
start(["named", "-g", "-u", "root", "-c", work / "named.conf"], work / "named.log", cwd=work)

for domain, server in (("nsd-signed.com", NSD), ("bind-signed.net", BIND)):
    answer = lab.control("registrar", "domain-register", domain, "owner@example.test", f"ns1.{domain}={server}")
    check(until(lambda: domain in str(lab.api("ListDomains")), 20), f"{domain} is registered", answer)


def keys(server, domain):
    text = run(["dig", "+tcp", "+short", "+time=2", "+tries=1", f"@{server}", "-p", str(lab.port), domain, "DNSKEY"])[1]
    return ["".join(line.split()[3:]) for line in text.split("\n") if line.startswith("257 3 13")]


for domain, server, who in (("nsd-signed.com", NSD, "NSD with ldns"), ("bind-signed.net", BIND, "BIND")):
    key = (until(lambda: keys(server, domain), 30) or [""])[0]
    check(bool(key), f"{who} publishes a key", (work / "nsd.log").read_text()[-500:] + (work / "named.log").read_text()[-1500:])
    before = lab.ask("5.1", f"www.{domain}", "A", "+dnssec")
    check("198.51.100.2" in before and not lab.is_secure(f"www.{domain}"), f"{domain} is answered and insecure before", before)
    done = lab.add_and_wait(domain, key)
    check(done.get("Status") == "SUCCESSFUL", f"the registrar takes the key of {who}", done)
    check(until(lambda: lab.is_secure(f"www.{domain}"), 20), f"{domain} is secure for vouch's resolver", lab.ask("5.1", f"www.{domain}", "A", "+dnssec"))
    for name, kind, code in ((f"x.wild.{domain}", "TXT", "NOERROR"), (f"no-such.{domain}", "A", "NXDOMAIN"), (f"www.{domain}", "MX", "NOERROR")):
        text = lab.ask("5.1", name, kind, "+dnssec")
        check(code in text and re.search(r"flags:[^;\n]* ad\b", text), f"{name} {kind} is {code} and secure", text)
    check(len(lab.mails(domain)) == 1, f"one notice about {domain}", len(lab.mails(domain)))

# Preflight at foreign servers: a key that is published but does not sign the DNSKEY set, and one that is not there.
done = lab.add_and_wait("nsd-signed.com", run(["cat", work / f"{zsk}.key"])[1].split("DNSKEY")[1].split(";")[0].split(None, 3)[3].replace(" ", "").strip(), flags=256)
check(done.get("Status") == "FAILED", "a ZSK that does not sign the DNSKEY set is refused", done)
other = run(["dnssec-keygen", "-q", "-f", "KSK", "-a", "ECDSAP256SHA256", "-K", work, "bind-signed.net"])[1].strip().split("\n")[-1]
text = (work / f"{other}.key").read_text().split("DNSKEY")[-1].split()
done = lab.add_and_wait("bind-signed.net", "".join(text[3:]))
check(done.get("Status") == "FAILED", "a key that BIND does not publish is refused", done)
check(any(BIND in mail for mail in lab.mails("bind-signed.net")), "its notice names the server that was asked", lab.mails("bind-signed.net")[-1:])
check(lab.stop() == 0, "the lab ends cleanly", lab.output()[-2000:])
finish()
