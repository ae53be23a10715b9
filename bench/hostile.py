"""How many honest questions a resolver answers each second while it is under attack, to what it answers without.

./bootstrap bench resolver --only hostile [--zones N] [--rounds N] [--attack-share S] [--resolvers vouch,unbound]

Beside the namespace of the bench of the resolver stand zones that are made to wear a resolver out: "keytrap" (keys of one tag, and
signatures of that tag that fit none: CVE-2023-50387), "nsec3" (denials of long names in a chain of 50 iterations: CVE-2023-50868)
and "nxns" (delegations to many name servers that do not exist: CVE-2020-8616). The attacker asks for new names of one of them, so
many a second as are the share S of what the honest client got without it in this round (so that the ratio does not depend on how fast
the machine is); the honest client asks every name of every zone once, as fast as it is answered.
"""
import base64
import random
import statistics
import subprocess

from bench import BUILD, goal

KEYS, SIGNATURES = 30, 60
DELEGATIONS, SERVERS_EACH = 400, 20
ATTACKS = ("keytrap", "nsec3", "nxns")
QUESTIONS = 4000


def tag_of(rdata):
    total = sum(octet << 8 if at % 2 == 0 else octet for at, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xffff


def colliding_keys(rdata, count, choose):
    """Public keys that nobody has the other half of, with the tag of that DNSKEY."""
    tag, found = tag_of(rdata), []
    while len(found) < count:
        public = bytearray(choose.randbytes(32))
        public[30:] = b"\0\0"
        for word in ((tag - tag_of(rdata[:4] + public)) % 65536, (tag - tag_of(rdata[:4] + public) - 1) % 65536):
            public[30:] = word.to_bytes(2, "big")
            if tag_of(rdata[:4] + public) == tag:
                found.append(bytes(public))
                break
    return found


def head(zone):
    return f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns host 1 7200 3600 1209600 300\n@ NS ns\nns A 10.53.0.3\n"


def sign(folder, zone, text, *how):
    """Signs with a new key; the DS and DNSKEY rdata."""
    key = subprocess.run(["dnssec-keygen", "-q", "-K", folder, "-a", how[0], "-f", "KSK", zone], capture_output=True, text=True,
                         check=True).stdout.strip()
    dnskey = next(line for line in (folder / f"{key}.key").read_text().splitlines() if line.startswith(zone))
    (folder / zone).write_text(text(dnskey) if callable(text) else text + dnskey + "\n")
    subprocess.run(["dnssec-signzone", "-q", "-P", "-z", "-K", folder, "-d", folder, "-o", zone, "-e", "+2592000", "-f",
                    folder / f"{zone}.zone", *how[1:], folder / zone, key], capture_output=True, check=True)
    ds = subprocess.run(["dnssec-dsfromkey", "-2", folder / f"{key}.key"], capture_output=True, text=True, check=True).stdout
    return ds.split(" DS ")[1].strip(), dnskey


def make_keytrap(folder, choose):
    strangers = []

    def text(dnskey):
        public = base64.b64decode("".join(dnskey.split()[6:]))
        strangers.append(tag_of(b"\1\1\3\x0f" + public))
        keys = colliding_keys(b"\1\1\3\x0f" + public, KEYS, choose)
        return head("keytrap.tld") + dnskey + "\n" + "".join(
            f"@ DNSKEY 257 3 15 {base64.b64encode(key).decode()}\n" for key in keys)

    ds, _ = sign(folder, "keytrap.tld", text, "ED25519")
    with open(folder / "keytrap.tld.zone", "a") as out:
        out.write("*.keytrap.tld. 3600 IN A 192.0.2.1\n")
        for _ in range(SIGNATURES):
            out.write(f"*.keytrap.tld. 3600 IN RRSIG A 15 2 3600 20380101000000 20200101000000 {strangers[0]} keytrap.tld. "
                      f"{base64.b64encode(choose.randbytes(64)).decode()}\n")
    (folder / "keytrap.questions").write_text("".join(f"q{i}.keytrap.tld A\n" for i in range(QUESTIONS)))
    return [f"keytrap.tld. DS {ds}"]


def make_nsec3(folder, choose):
    names = "".join(f"h{i} A 192.0.2.1\n" for i in range(100))
    ds, _ = sign(folder, "nsec3.tld", head("nsec3.tld") + names, "ECDSAP256SHA256", "-3", "00112233445566778899aabbccddeeff", "-H", "50")
    (folder / "nsec3.questions").write_text("".join(
        ".".join(choose.choice("abcdefgh") for _ in range(100)) + f".q{i}.nsec3.tld A\n" for i in range(QUESTIONS)))
    return [f"nsec3.tld. DS {ds}"]


def make_nxns(folder, choose):
    with open(folder / "nxns.tld.zone", "w") as out:
        out.write(head("nxns.tld"))
        for i in range(DELEGATIONS):
            out.writelines(f"n{i} NS v{i}-{k}.victim.tld.\n" for k in range(SERVERS_EACH))
    (folder / "victim.tld.zone").write_text(head("victim.tld"))
    (folder / "nxns.questions").write_text("".join(f"q{i}.n{i % DELEGATIONS}.nxns.tld A\n" for i in range(QUESTIONS)))
    return []


def make_zones(folder):
    """Zone files, the attackers' questions, and `records`: what the top-level domain says of these zones."""
    folder.mkdir(exist_ok=True)
    choose, records = random.Random(53), []
    for make in (make_keytrap, make_nsec3, make_nxns):
        records += make(folder, choose)
    for zone in ("keytrap", "nsec3", "nxns", "victim"):
        records += [f"{zone}.tld. NS ns.{zone}.tld.", f"ns.{zone}.tld. A 10.53.0.3"]
    (folder / "records").write_text("\n".join(records) + "\n")


def zones(folder):
    return [(f"{zone}.tld", folder / f"{zone}.tld.zone") for zone in ("keytrap", "nsec3", "nxns", "victim")]


def attacker(address, questions, rate):
    words = ["taskset", "-c", "1", BUILD / "bench/load", address, "53", questions, "60", "1", "4096", rate]
    return subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, text=True)


def measure(start, load, folder, attack, rate):
    """Honest questions a second, and a second of its processor time, of a resolver that begins with an empty cache."""
    daemon, address = start()
    trouble = None
    try:
        if attack is not None:
            trouble = attacker(address, folder / "attack" / f"{attack}.questions", rate)
        before = daemon.cpu_ns()
        run = load(address, folder / "questions", "once", 4, 32)
        return run["answered"] / run["seconds"], run["answered"] * 1e9 / (daemon.cpu_ns() - before)
    finally:
        if trouble is not None:
            trouble.kill()
            trouble.communicate()
        daemon.stop()


def share(results, name, attack, at):
    """The median of each round's ratio: what else the machine does changes from round to round."""
    return statistics.median(run[at] / alone[at] for run, alone in zip(results[name, attack], results[name, None]))


def run(names, start_of, load, folder, options):
    """`start_of(name)` starts that resolver and returns it with its address."""
    results = {}
    for _ in range(options.rounds):
        for name in names:
            rate = 0
            for attack in (None, *ATTACKS):
                got = measure(lambda: start_of(name), load, folder, attack, rate)
                results.setdefault((name, attack), []).append(got)
                rate = rate or max(1, round(got[0] * options.attack_share))
    for at, what in enumerate(("second", "second of the resolver's processor time")):
        print(f"\nhonest questions answered each {what}, medians (and to those without attack); attackers ask "
              f"{options.attack_share:.0%} of what is answered without them")
        for name in names:
            alone = statistics.median(run[at] for run in results[name, None])
            print(f"  {name:9}{alone:9.0f}" + "".join(
                f"   {attack} {share(results, name, attack, at) * alone:.0f} ({share(results, name, attack, at):.3f})"
                for attack in ATTACKS), flush=True)
    for attack in ATTACKS:
        if "vouch" in names:
            # By the processor time: name servers, clients and attackers share the other core, and slow each other down.
            goal(f"{attack}: honest questions to those without attack", share(results, "vouch", attack, 1), 0.8, False)
