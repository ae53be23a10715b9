/* The configuration of `vouch serve`: every option with its default and its meaning. */
#include "command/command.h"
#include "command/listen.h"
#include "command/sandbox.h"
#include "command/serve.h"
#include "core/base/parallel.h"

static const struct config_section sections[] = {
    {"server", false, "the authoritative server, which faces the network"},
    {"signer", false, "the signer, which holds the keys"},
    {"key", true, "a secret shared with another server (TSIG)"},
    {"pattern", true,
     "what many zones have in common: those that name it, those that `vouch control "
     "add` adds, and the members of catalogs"},
    {.name = "zone", .is_many = true, .help = "a zone to serve", .is_bulk = true},
};

/* Where a zone comes from and whom it goes to; what a zone has not itself it has from its pattern.
 */
#define SOURCE_OPTIONS(section_name)                                                               \
    {.section = section_name,                                                                      \
     .name = "file",                                                                               \
     .kind = CONFIG_PATH,                                                                          \
     .help = "master file; %s in it is the zone's name, without its last dot"},                    \
        {.section = section_name,                                                                  \
         .name = "primary",                                                                        \
         .kind = CONFIG_ADDRESS,                                                                   \
         .help = "server to transfer it from, instead of a file"},                                 \
        {.section = section_name,                                                                  \
         .name = "primary-key",                                                                    \
         .kind = CONFIG_NAME,                                                                      \
         .help = "key shared with the primary"},                                                   \
        {.section = section_name,                                                                  \
         .name = "primary-tls-name",                                                               \
         .kind = CONFIG_TEXT,                                                                      \
         .help =                                                                                   \
             "transfer over TLS alone (RFC 9103), port 853 unless given, from a primary whose "    \
             "certificate has this name"},                                                         \
        {.section = section_name,                                                                  \
         .name = "primary-tls-ca",                                                                 \
         .kind = CONFIG_PATH,                                                                      \
         .help = "certificates (PEM) one of which must have signed the primary's; unset: "         \
                 "/etc/ssl/certs/ca-certificates.crt"},                                            \
        {.section = section_name,                                                                  \
         .name = "zonemd-verify",                                                                  \
         .kind = CONFIG_BOOL,                                                                      \
         .help = "a transferred version is taken only if it has a ZONEMD (RFC 8976) that fits; "   \
                 "unset: no"},                                                                     \
        {.section = section_name,                                                                  \
         .name = "notify",                                                                         \
         .kind = CONFIG_TEXT,                                                                      \
         .is_list = true,                                                                          \
         .help = "secondary to tell of news: \"ADDRESS[@PORT] [KEY]\", signed with that key"},     \
        {.section = section_name,                                                                  \
         .name = "allow-transfer",                                                                 \
         .kind = CONFIG_TEXT,                                                                      \
         .is_list = true,                                                                          \
         .help = "name of a key, or address, that may transfer it"},                               \
        {.section = section_name,                                                                  \
         .name = "catalog-role",                                                                   \
         .kind = CONFIG_CHOICE,                                                                    \
         .choices = "none|interpret|generate|member",                                              \
         .help =                                                                                   \
             "interpret: it is a catalog (RFC 9432) whose members are served; generate: it is "    \
             "one, made of the zones that are its members; unset: none"},                          \
        {.section = section_name,                                                                  \
         .name = "catalog-template",                                                               \
         .kind = CONFIG_TEXT,                                                                      \
         .is_list = true,                                                                          \
         .help = "pattern for the members of a catalog: the one with the name of the member's "    \
                 "group, else the first"},                                                         \
        {.section = section_name,                                                                  \
         .name = "catalog-zone",                                                                   \
         .kind = CONFIG_NAME,                                                                      \
         .help = "catalog that a member stands in"},                                               \
    {                                                                                              \
        .section = section_name, .name = "catalog-group", .kind = CONFIG_TEXT,                     \
        .help = "group that a member stands there with"                                            \
    }

/* How a zone is signed; what a zone does not say itself it has from its pattern. */
#define SIGNING_OPTIONS(section_name)                                                              \
    {.section = section_name,                                                                      \
     .name = "algorithm",                                                                          \
     .kind = CONFIG_CHOICE,                                                                        \
     .default_value = "ECDSAP256SHA256",                                                           \
     .choices = "RSASHA256|RSASHA512|ECDSAP256SHA256|ECDSAP384SHA384|ED25519|ED448",               \
     .help = "of its keys"},                                                                       \
        {.section = section_name,                                                                  \
         .name = "key-layout",                                                                     \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "ksk-zsk",                                                               \
         .choices = "ksk-zsk|csk",                                                                 \
         .help = "two keys, or one for both tasks"},                                               \
        {.section = section_name,                                                                  \
         .name = "keys-in",                                                                        \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "files",                                                                 \
         .choices = "files|hsm",                                                                   \
         .help = "where new keys are made and stay; hsm: in the signer's token"},                  \
        {.section = section_name,                                                                  \
         .name = "denial",                                                                         \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "nsec",                                                                  \
         .choices = "nsec|nsec3|nsec3-opt-out",                                                    \
         .help = "how absence is proved"},                                                         \
        {.section = section_name,                                                                  \
         .name = "serial",                                                                         \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "increment",                                                             \
         .choices = "keep|increment|unixtime|date",                                                \
         .help = "how the signed serial is chosen"},                                               \
        {.section = section_name,                                                                  \
         .name = "dnskey-ttl",                                                                     \
         .kind = CONFIG_SECONDS,                                                                   \
         .help = "TTL of the keys; unset: the SOA's"},                                             \
        {.section = section_name,                                                                  \
         .name = "validity",                                                                       \
         .kind = CONFIG_SECONDS,                                                                   \
         .default_value = "14d",                                                                   \
         .min = 10,                                                                                \
         .max = 366 * 86400,                                                                       \
         .help = "life of a new signature"},                                                       \
        {.section = section_name,                                                                  \
         .name = "refresh",                                                                        \
         .kind = CONFIG_SECONDS,                                                                   \
         .min = 1,                                                                                 \
         .max = 366 * 86400,                                                                       \
         .help = "a signature with less life left is made anew; unset: half the validity"},        \
        {.section = section_name,                                                                  \
         .name = "jitter",                                                                         \
         .kind = CONFIG_SECONDS,                                                                   \
         .help = "expirations are spread over this; unset: a 14th of the validity"},               \
        {.section = section_name,                                                                  \
         .name = "inception-offset",                                                               \
         .kind = CONFIG_SECONDS,                                                                   \
         .default_value = "1h",                                                                    \
         .help = "signatures are backdated by this, for slow clocks"},                             \
        {.section = section_name,                                                                  \
         .name = "zonemd",                                                                         \
         .kind = CONFIG_BOOL,                                                                      \
         .default_value = "no",                                                                    \
         .help = "add a digest of the whole zone (RFC 8976)"},                                     \
        {.section = section_name,                                                                  \
         .name = "cds-cdnskey-publish",                                                            \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "always",                                                                \
         .choices = "none|always|delete-dnssec",                                                   \
         .help = "CDS and CDNSKEY for the parent (RFC 7344); delete-dnssec: those by which it "    \
                 "gives up "                                                                       \
                 "all DS records (RFC 8078), before the zone is to be unsigned"},                  \
        {.section = section_name,                                                                  \
         .name = "cds-digest-type",                                                                \
         .kind = CONFIG_CHOICE,                                                                    \
         .default_value = "sha256",                                                                \
         .choices = "sha256|sha384",                                                               \
         .help = "of the CDS"},                                                                    \
        {.section = section_name,                                                                  \
         .name = "authsignal",                                                                     \
         .kind = CONFIG_BOOL,                                                                      \
         .default_value = "no",                                                                    \
         .help =                                                                                   \
             "show the CDS and CDNSKEY also below the names of its name servers, where those are " \
             "in a signed zone of this signer, so that the parent can secure the zone (RFC "       \
             "9615)"},                                                                             \
    {                                                                                              \
        .section = section_name, .name = "csync", .kind = CONFIG_BOOL, .default_value = "no",      \
        .help =                                                                                    \
            "publish CSYNC, so that the parent takes over the name servers and their addresses "   \
            "(RFC 7477)"                                                                           \
    }

static const struct config_option options[] = {
    {.section = "server",
     .name = "listen",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "address to answer queries on, UDP and TCP"},
    LISTEN_TLS_AND_LIMITS,
    COMMAND_CONTROL_OPTION,
    COMMAND_METRICS_OPTIONS("server"),
    {.section = "server",
     .name = "state",
     .kind = CONFIG_PATH,
     .help = "folder for transferred zones"},
    COMMAND_LOG_LEVEL_OPTION,
    {.section = "server",
     .name = "dsync-resolver",
     .kind = CONFIG_ADDRESS,
     .help = "resolver that is asked whom a zone's parent wants told of new CDS, CDNSKEY and CSYNC "
             "(DSYNC, RFC 9859), who then gets NOTIFY; unset: parents are not told"},
    {.section = "server",
     .name = "workers",
     .kind = CONFIG_NUMBER,
     .max = 256,
     .help = "threads that answer by UDP; 0: the one that does all else; unset: one a processor"},
    {.section = "server",
     .name = "xdp-listen",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "interface from which queries by UDP to the addresses of `listen` are taken past the "
             "kernel's network stack (AF_XDP); all else comes as without it"},
    SANDBOX_OPTIONS,
    {.section = "server",
     .name = "identity",
     .kind = CONFIG_TEXT,
     .help = "answer to id.server and hostname.bind; unset: none"},
    {.section = "server",
     .name = "version",
     .kind = CONFIG_TEXT,
     .help = "answer to version.bind and version.server; unset: none"},
    {.section = "server",
     .name = "hide-identity",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "refuse id.server and hostname.bind"},
    {.section = "server",
     .name = "hide-version",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "refuse version.bind and version.server"},
    {.section = "server",
     .name = "nsid",
     .kind = CONFIG_TEXT,
     .help = "what NSID tells (RFC 5001): octets in hexadecimal, or ascii_TEXT; unset: the "
             "identity, unless it is hidden"},
    {.section = "server",
     .name = "send-report-channel",
     .kind = CONFIG_NAME,
     .help = "agent that resolvers tell of failures with our zones (RFC 9567); it serves that name "
             "by itself; unset: none"},
    {.section = "server",
     .name = "any",
     .kind = CONFIG_CHOICE,
     .default_value = "rrset",
     .choices = "rrset|hinfo",
     .help = "what a question of type ANY gets (RFC 8482): one RRset, or an HINFO that says why "
             "there is no more"},
    {.section = "server",
     .name = "ipv4-edns-size",
     .kind = CONFIG_NUMBER,
     .default_value = "1232",
     .min = 512,
     .max = 4096,
     .help = "largest answer by UDP over IPv4"},
    {.section = "server",
     .name = "ipv6-edns-size",
     .kind = CONFIG_NUMBER,
     .default_value = "1232",
     .min = 512,
     .max = 4096,
     .help = "largest answer by UDP over IPv6"},
    {.section = "server",
     .name = "answer-cookie",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "answer DNS cookies (RFC 7873, RFC 9018)"},
    {.section = "server",
     .name = "require-server-cookie",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "by UDP, answer BADCOOKIE to who sends a cookie that is not ours"},
    {.section = "server",
     .name = "cookie-secret",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "32 hexadecimal digits, the same for all servers of an address: the first makes "
             "cookies, all are accepted; unset: one of its own, another each day"},
    {.section = "server",
     .name = "rrl-ratelimit",
     .kind = CONFIG_NUMBER,
     .default_value = "0",
     .max = 1000000,
     .help = "answers of one kind a second by UDP to one network; 0: no limit"},
    {.section = "server",
     .name = "rrl-slip",
     .kind = CONFIG_NUMBER,
     .default_value = "2",
     .max = 1000,
     .help = "of so many limited answers one is sent, truncated; 1: all, 0: none"},
    {.section = "server",
     .name = "rrl-size",
     .kind = CONFIG_NUMBER,
     .default_value = "131072",
     .min = 64,
     .max = 1 << 28,
     .help = "rates that are known at once, of 16 octets each"},
    {.section = "server",
     .name = "rrl-ipv4-prefix-length",
     .kind = CONFIG_NUMBER,
     .default_value = "24",
     .min = 1,
     .max = 32,
     .help = "bits that make a network of IPv4"},
    {.section = "server",
     .name = "rrl-ipv6-prefix-length",
     .kind = CONFIG_NUMBER,
     .default_value = "56",
     .min = 1,
     .max = 128,
     .help = "bits that make a network of IPv6"},

    {.section = "signer",
     .name = "listen",
     .kind = CONFIG_ADDRESS,
     .default_value = "127.0.0.1@8053",
     .help = "address for the server's transfers"},
    {.section = "signer",
     .name = "control",
     .kind = CONFIG_PATH,
     .help = "socket for `vouch control`"},
    COMMAND_METRICS_OPTIONS("signer"),
    {.section = "signer",
     .name = "state",
     .kind = CONFIG_PATH,
     .help = "folder for keys and signed zones"},
    {.section = "signer",
     .name = "hsm",
     .kind = CONFIG_TEXT,
     .help = "token for keys, as a PKCS#11 URI: "
             "pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE"},
    {.section = "signer",
     .name = "threads",
     .kind = CONFIG_NUMBER,
     .default_value = "0",
     .max = PARALLEL_WIDTH_MAX,
     .help = "how many sign and verify; 0: as many as there are processors"},
    {.section = "signer",
     .name = "link-key",
     .kind = CONFIG_NAME,
     .help = "key between signer and server; unset: one is made in the server's state folder"},

    COMMAND_KEY_OPTIONS,
    {.section = "key", .name = "secret", .kind = CONFIG_TEXT, .help = "base64"},
    {.section = "key",
     .name = "secret-file",
     .kind = CONFIG_PATH,
     .help = "file that holds the base64"},

    {.section = "pattern",
     .name = "name",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "what zones name it by"},
    SOURCE_OPTIONS("pattern"),
    {.section = "pattern",
     .name = "sign",
     .kind = CONFIG_BOOL,
     .help = "zones that name it, those that are added and members of catalogs are signed at their "
             "first start, and come from the signer; unset: zones of this file as they say, others "
             "are served as they come"},
    SIGNING_OPTIONS("pattern"),

    {.section = "zone",
     .name = "name",
     .kind = CONFIG_NAME,
     .is_required = true,
     .help = "its apex"},
    {.section = "zone",
     .name = "pattern",
     .kind = CONFIG_TEXT,
     .help = "where it has what is not said here"},
    SOURCE_OPTIONS("zone"),
    {.section = "zone",
     .name = "sign",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "sign it at the first start; later `vouch control sign` and `unsign` decide; no: "
             "served as it comes; not said: as its pattern says"},
    SIGNING_OPTIONS("zone"),
    {.section = "zone",
     .name = "update-policy",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "who may change it by UPDATE: KEY name|subtree NAME [TYPE...] or KEY self|zone "
             "[TYPE...]; without types all but NS, SOA, DS and DNAME. Its file is then read "
             "again only when its serial is newer"},
};

const struct config_schema SERVE_SCHEMA = {sections, LEN(sections), options, LEN(options)};
