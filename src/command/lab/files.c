/* What the lab's services are configured with, and the zones of its providers. {N} is the lab's
 * net, {P} the name servers' port, {H} the port between registry, signer and auth, {E} EPP, {W} the
 * console. */
#include "command/lab/files.h"

#define LINK_KEY(name, file)                                                                       \
    "key:\n  name: " name ".\n  algorithm: hmac-sha256\n  secret-file: secrets/" file "\n"

/* An EPP password has at most 16 characters (RFC 5730). */
const struct lab_secret LAB_SECRETS[] = {
    {"secrets/link-one", 32}, {"secrets/link-two", 32},       {"secrets/epp-one", 12},
    {"secrets/epp-two", 12},  {"secrets/owner-password", 12}, {"secrets/stranger-password", 12},
};
const size_t LAB_SECRETS_COUNT = LEN(LAB_SECRETS);

/* clang-format off */

/* The registries: objects by EPP, their zones to the signers of their servers. */

#define TLD(zone, dnssec, keys, form, server, notify, link)                                        \
    "tld:\n  name: " zone ".\n  dnssec: " dnssec "\n  keys-max: " keys "\n  form: " form "\n"      \
    "  name-server: \"a.ns." zone ". 127.{N}." server "\"\n"                                       \
    "  delegation-ttl: 3\n  ds-ttl: 3\n  negative-ttl: 1\n"                                        \
    "  notify: 127.{N}." notify "\n  transfer-key: " link ".\n"
#define REGISTRY_SERVER(name, octets)                                                              \
    "server:\n  epp-listen: 127.{N}." octets "@{E}\n"                                              \
    "  certificate: tls/epp." name ".test.pem\n  key: tls/epp." name ".test.key\n"                 \
    "  client-ca: tls/ca.pem\n  dns-listen: 127.{N}." octets "@{H}\n"                              \
    "  control: run/" name ".control\n  state: state/" name "\n"
#define REGISTRAR_LOGIN(file)                                                                      \
    "registrar:\n  id: vouch-registrar\n  password-file: secrets/" file "\n"

static const char registry_one[] =
    "# The registry of com and net.\n"
    REGISTRY_SERVER("registry-one", "2.1")
    LINK_KEY("link-one", "link-one")
    TLD("com", "yes", "13", "either", "2.10", "2.2@{H}", "link-one")
    TLD("net", "yes", "13", "either", "2.10", "2.2@{H}", "link-one")
    REGISTRAR_LOGIN("epp-one");

static const char registry_two[] =
    "# The registry of org, nz and aq.\n"
    REGISTRY_SERVER("registry-two", "3.1")
    LINK_KEY("link-two", "link-two")
    TLD("org", "yes", "4", "ds", "3.10", "3.2@{H}", "link-two")
    TLD("nz", "yes", "4", "either", "3.10", "3.2@{H}", "link-two")
    TLD("aq", "no", "4", "ds", "3.10", "3.10@{P}", "link-two")
    REGISTRAR_LOGIN("epp-two");

/* The name servers of the TLDs: each a signer with the keys and an auth that faces the network. */

#define SERVE(name, listen, signer)                                                                \
    "server:\n  listen: 127.{N}." listen "@{P}\n  control: run/" name ".control\n"                 \
    "  state: state/" name "\n  workers: 0\n"                                                      \
    "signer:\n  listen: 127.{N}." signer "@{H}\n  control: run/" name "-signer.control\n"          \
    "  state: state/" name "-signer\n"
#define TRANSFERRED(zone, primary, key, sign)                                                      \
    "zone:\n  name: " zone ".\n  primary: 127.{N}." primary "@{H}\n  primary-key: " key ".\n"      \
    "  sign: " sign "\n"
#define HOSTED(zone)                                                                               \
    "zone:\n  name: " zone ".\n  file: zones/" zone ".zone\n  sign: yes\n"

static const char servers_one[] =
    "# The name server of com and net.\n"
    SERVE("servers-one", "2.10", "2.2")
    LINK_KEY("link-one", "link-one")
    TRANSFERRED("com", "2.1", "link-one", "yes")
    TRANSFERRED("net", "2.1", "link-one", "yes");

static const char servers_two[] =
    "# The name server of org, nz and aq.\n"
    SERVE("servers-two", "3.10", "3.2")
    LINK_KEY("link-two", "link-two")
    TRANSFERRED("org", "3.1", "link-two", "yes")
    TRANSFERRED("nz", "3.1", "link-two", "yes")
    TRANSFERRED("aq", "3.1", "link-two", "no");

static const char root_servers[] =
    "# The root server.\n"
    SERVE("root", "1.10", "1.2")
    "zone:\n  name: .\n  file: zones/root.zone\n  sign: yes\n";

static const char provider[] =
    "# The DNS provider. The world reaches it through the attacker's wire.\n"
    SERVE("provider", "4.101", "4.102")
    HOSTED("example.com") HOSTED("example.org") HOSTED("example.net") HOSTED("example.nz")
    HOSTED("example.aq") HOSTED("plain.com") HOSTED("careless.com") HOSTED("thirteen.com")
    HOSTED("four.org") HOSTED("second.net") HOSTED("dept.example.com");

static const char other_provider[] =
    "# A provider that is somebody else.\n"
    SERVE("other", "6.1", "6.2")
    HOSTED("elsewhere.net")
    "zone:\n  name: zskonly.org.\n  file: zones/zskonly.org.signed\n  sign: no\n";

/* The zones they host: short TTLs, so that a person sees changes. The name servers are inside. */

#define ZONE(zone, first, second)                                                                  \
    "$ORIGIN " zone ".\n$TTL 3\n"                                                                  \
    "@\tSOA\tns1 hostmaster 1 30 10 604800 1\n"                                                   \
    "@\tNS\tns1\n@\tNS\tns2\n"                                                                     \
    "ns1\tA\t127.{N}." first "\nns2\tA\t127.{N}." second "\n"
#define HOSTS(zone, host)                                                                          \
    ZONE(zone, "4.1", "4.2")                                                                       \
    "@\tA\t192.0.2." host "\n@\tAAAA\t2001:db8::" host "\n@\tMX\t10 mail\n"                        \
    "@\tTXT\t\"" zone " of the lab\"\nwww\tA\t192.0.2." host "\nwww\tAAAA\t2001:db8::" host "\n"   \
    "mail\tA\t192.0.2.25\nalias\tCNAME\twww\n*.wild\tA\t192.0.2." host "\n"
#define OTHER_HOSTS(zone, host)                                                                    \
    ZONE(zone, "6.1", "6.1")                                                                       \
    "@\tA\t198.51.100." host "\nwww\tA\t198.51.100." host "\n"

static const char resolver[] =
    "server:\n  listen: 127.{N}.5.1@{P}\n  control: run/resolver.control\n"
    "resolver:\n  validate: yes\n  trust-anchor-file: root.key\n"
    "  root-hint: 127.{N}.1.10\n  ask-only: 127.0.0.0/8\n";
static const char forwarder[] =
    "server:\n  listen: 127.{N}.5.2@{P}\n  control: run/forwarder.control\n"
    "resolver:\n  validate: yes\n  trust-anchor-file: root.key\n"
    "  forward: 127.{N}.5.1@{P}\n  ask-only: 127.0.0.0/8\n";
static const char plain_resolver[] =
    "server:\n  listen: 127.{N}.5.3@{P}\n  control: run/plain-resolver.control\n"
    "resolver:\n  validate: no\n  root-hint: 127.{N}.1.10\n  ask-only: 127.0.0.0/8\n";

#define REGISTRY(name, octets, file, tlds)                                                         \
    "registry:\n  name: registry-" name "\n  address: 127.{N}." octets "@{E}\n"                    \
    "  host-name: epp.registry-" name ".test\n  ca: tls/ca.pem\n"                                  \
    "  certificate: tls/registrar.test.pem\n  key: tls/registrar.test.key\n"                       \
    "  client: vouch-registrar\n  password-file: secrets/" file "\n" tlds

static const char registrar[] =
    "server:\n  http-listen: 127.{N}.0.1@{W}\n  control: run/registrar.control\n"
    "  state: state/registrar\n"
    "registrar:\n  name: \"Vouch Domains\"\n  resolver: 127.{N}.5.1@{P}\n  root-zone: {ROOT}\n"
    "  tld-policy: {POLICY}\n  mail: maildir:mail\n  mail-from: domains@vouch.test\n"
    "  look-fresh: 3s\n  look-calm: 3s\n"
    REGISTRY("one", "2.1", "epp-one", "  tld: com\n  tld: net\n")
    REGISTRY("two", "3.1", "epp-two", "  tld: org\n  tld: nz\n  tld: aq\n");

/* clang-format on */

const struct lab_file LAB_FILES[] = {
    {"conf/registry-one.conf", registry_one, false},
    {"conf/registry-two.conf", registry_two, false},
    {"conf/servers-one.conf", servers_one, false},
    {"conf/servers-two.conf", servers_two, false},
    {"conf/root.conf", root_servers, false},
    {"conf/provider.conf", provider, false},
    {"conf/other.conf", other_provider, false},
    {"conf/resolver.conf", resolver, false},
    {"conf/forwarder.conf", forwarder, false},
    {"conf/plain-resolver.conf", plain_resolver, false},
    {"conf/registrar.conf", registrar, false},
    {"zones/example.com.zone",
     HOSTS("example.com", "10") "dept\tNS\tns1.dept\nns1.dept\tA\t127.{N}.4.1\n", true},
    {"zones/dept.example.com.zone", ZONE("dept.example.com", "4.1", "4.2") "www\tA\t192.0.2.11\n",
     true},
    {"zones/example.org.zone", HOSTS("example.org", "20"), true},
    {"zones/example.net.zone", HOSTS("example.net", "30"), true},
    {"zones/example.nz.zone", HOSTS("example.nz", "40"), true},
    {"zones/example.aq.zone", HOSTS("example.aq", "50"), true},
    {"zones/plain.com.zone", HOSTS("plain.com", "60"), true},
    {"zones/careless.com.zone", HOSTS("careless.com", "70"), true},
    {"zones/thirteen.com.zone", HOSTS("thirteen.com", "80"), true},
    {"zones/four.org.zone", HOSTS("four.org", "90"), true},
    {"zones/second.net.zone", HOSTS("second.net", "100"), true},
    {"zones/elsewhere.net.zone", OTHER_HOSTS("elsewhere.net", "10"), true},
    {"zones/zskonly.org.zone", OTHER_HOSTS("zskonly.org", "20"), true},
};
const size_t LAB_FILES_COUNT = LEN(LAB_FILES);
