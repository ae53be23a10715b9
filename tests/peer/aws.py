#!/usr/bin/env python3
"""Debian's AWS command line, unchanged, at the registrar's API: it lists, associates and disassociates keys."""
import json
import sys

from common import ENVIRONMENT, Lab, check, finish, folder, needs, run, until

needs("aws", "dig")
lab = Lab("aws", 21)
home = folder("aws-home")
access, secret = lab.secret("owner-aws").split()
environment = dict(ENVIRONMENT, HOME=str(home), AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret,
                   AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="")


def aws(action, *options, env=environment):
    code, output = run(["aws", "route53domains", action, "--endpoint-url", lab.url(), "--output", "json",
                        "--cli-read-timeout", "30", *options], 60, env=env)
    try:
        return code, json.loads(output)
    except ValueError:
        return code, output


code, listed = aws("list-domains")
names = [d["DomainName"] for d in listed["Domains"]] if code == 0 else []
check("example.com" in names and "elsewhere.net" in names, "list-domains", listed)

code, detail = aws("get-domain-detail", "--domain-name", "example.org")
check(code == 0 and detail.get("DomainName") == "example.org" and not detail.get("DnssecKeys"), "get-domain-detail without keys", detail)


def associate(key, algorithm=13, domain="example.org", env=environment):
    return aws("associate-delegation-signer-to-domain", "--domain-name", domain, "--signing-attributes",
               f"Algorithm={algorithm},Flags=257,PublicKey={key}", env=env)


def ended(identity):
    def look():
        answer = aws("get-operation-detail", "--operation-id", identity)[1]
        return answer if answer["Status"] in ("SUCCESSFUL", "FAILED") else None
    return until(look, 40)


lab.control("provider-signer", "key-add", "example.org", "ksk")
keys = until(lambda: k if len(k := lab.keys("4.1", "example.org")) == 2 else None, 20) or []
check(len(keys) == 2, "the provider publishes two keys", keys)
for number, key in enumerate(keys):
    code, answer = associate(key)
    done = ended(answer["OperationId"]) if code == 0 else answer
    check(code == 0 and done and done["Status"] == "SUCCESSFUL" and done["Type"] == "ADD_DNSSEC", f"associate key {number + 1}", done)

code, answer = associate(keys[0])
check(code != 0 and "DuplicateRequest" in str(answer), "the same key again is a DuplicateRequest", answer)
code, answer = associate("not/a+key=")
check(code != 0 and "InvalidInput" in str(answer), "a malformed key is InvalidInput", answer)
code, answer = aws("list-operations", "--status", "FAILED")
refused = [o for o in answer["Operations"] if o["DomainName"] == "example.org"] if code == 0 else []
check(len(refused) == 2 and all(o["Type"] == "ADD_DNSSEC" for o in refused), "both refusals are operations that failed", answer)
check(until(lambda: all(len(lab.mails(o["OperationId"])) == 1 for o in refused), 20), "each with one notice", refused)
code, answer = associate(keys[0], domain="example.aq")
check(code != 0 and "UnsupportedTLD" in str(answer), "a TLD without DNSSEC is UnsupportedTLD", answer)
code, answer = associate(keys[0], env=dict(environment, AWS_SECRET_ACCESS_KEY="wrong" * 8))
check(code != 0 and ("Signature" in str(answer) or "AccessDenied" in str(answer)), "a wrong secret is refused", answer)

code, detail = aws("get-domain-detail", "--domain-name", "example.org")
stored = detail.get("DnssecKeys", []) if code == 0 else []
check(sorted(k["PublicKey"] for k in stored) == sorted(keys), "get-domain-detail lists both keys", detail)
check(all(k.get("Flags") == 257 and k.get("Algorithm") == 13 and k.get("Digest") and k.get("KeyTag") and k.get("Id") for k in stored),
      "each with flags, algorithm, digest, tag and id", stored)
check(until(lambda: lab.is_secure("www.example.org"), 20), "the domain is secure")

if stored:
    code, answer = aws("disassociate-delegation-signer-from-domain", "--domain-name", "example.org", "--id", stored[0]["Id"])
    done = ended(answer["OperationId"]) if code == 0 else answer
    check(code == 0 and done and done["Status"] == "SUCCESSFUL" and done["Type"] == "REMOVE_DNSSEC", "disassociate one", done)
    code, detail = aws("get-domain-detail", "--domain-name", "example.org")
    check(code == 0 and [k["Id"] for k in detail["DnssecKeys"]] == [stored[1]["Id"]], "one is left", detail)
    code, answer = aws("disassociate-delegation-signer-from-domain", "--domain-name", "example.org", "--id", stored[1]["Id"])
    check(code != 0 and "insecure" in str(answer), "deleting the last one names its consequence first", answer)
code, answer = aws("list-operations")
check(code == 0 and len(answer["Operations"]) >= 3, "list-operations", answer)
check(lab.stop() == 0, "the lab ends cleanly", lab.output())
finish()
