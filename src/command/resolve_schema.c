/* The configuration of `vouch resolve`: every option with its default and its meaning. */
#include "command/command.h"
#include "command/listen.h"
#include "command/resolve.h"
#include "command/sandbox.h"

/* Whom to ask for a zone. */
#define ZONE_OPTIONS(of, addr, tls)                                                                \
    {.section = (of),                                                                              \
     .name = "name",                                                                               \
     .kind = CONFIG_NAME,                                                                          \
     .is_required = true,                                                                          \
     .help = "this name and all below"},                                                           \
        {.section = (of),                                                                          \
         .name = (addr),                                                                           \
         .kind = CONFIG_TEXT,                                                                      \
         .is_list = true,                                                                          \
         .is_required = true,                                                                      \
         .help = "\"ADDRESS[@PORT][#NAME]\" of a server; NAME is in its certificate"},             \
    {                                                                                              \
        .section = (of), .name = (tls), .kind = CONFIG_BOOL, .default_value = "no",                \
        .help = "ask over TLS alone, port 853 unless given, and only who has the NAME"             \
    }

static const struct config_section sections[] = {
    {"server", false, "where clients ask"},
    {"resolver", false, "how answers are found and judged"},
    {"forward-zone", true, "names that other resolvers are asked for; the longest zone counts"},
    {"stub-zone", true,
     "names that these servers are asked for, whatever the zones above say; they are "
     "authoritative"},
};

static const struct config_option options[] = {
    {.section = "server",
     .name = "listen",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .is_required = true,
     .help = "address to answer clients on, UDP and TCP"},
    LISTEN_TLS_AND_LIMITS,
    COMMAND_CONTROL_OPTION,
    COMMAND_METRICS_OPTIONS("server"),
    {.section = "server",
     .name = "allow",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "clients that may ask, ADDRESS/BITS; none: all"},
    COMMAND_LOG_LEVEL_OPTION,
    {.section = "server",
     .name = "workers",
     .kind = CONFIG_NUMBER,
     .max = 256,
     .help = "threads that answer from the cache by UDP; 0: the one that does all else; unset: one "
             "a processor"},
    SANDBOX_OPTIONS,
    {.section = "resolver",
     .name = "validate",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "check signatures; no: believe every answer"},
    {.section = "resolver",
     .name = "trust-anchor-file",
     .kind = CONFIG_PATH,
     .is_list = true,
     .help =
         "DS or DNSKEY records of zones that are trusted as they stand; none: the root's, which "
         "IANA has published in 2017 and 2024"},
    {.section = "resolver",
     .name = "domain-insecure",
     .kind = CONFIG_NAME,
     .is_list = true,
     .help = "zones that are never validated, and whose clients are told so (RFC 7646)"},
    {.section = "resolver",
     .name = "root-hint",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "address of a root server; none: the real ones"},
    {.section = "resolver",
     .name = "root-hints",
     .kind = CONFIG_PATH,
     .help = "file with the addresses of the root servers, such as named.root"},
    {.section = "resolver",
     .name = "forward",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "resolver to ask instead of the name servers: a forward-zone of the root"},
    {.section = "resolver",
     .name = "tls-cert-bundle",
     .kind = CONFIG_PATH,
     .default_value = "/etc/ssl/certs/ca-certificates.crt",
     .help = "certificates (PEM) that those of servers asked over TLS are checked against"},
    {.section = "resolver",
     .name = "ask-only",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "name servers outside these ADDRESS/BITS are never asked; none: all may be"},
    {.section = "resolver",
     .name = "do-not-query-address",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "name servers inside these ADDRESS/BITS are never asked"},
    {.section = "resolver",
     .name = "do-ip4",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "ask name servers over IPv4"},
    {.section = "resolver",
     .name = "cache-size",
     .kind = CONFIG_NUMBER,
     .default_value = "67108864",
     .min = 1 << 16,
     .max = (uint64_t)1 << 40,
     .help = "octets"},
    {.section = "resolver",
     .name = "cache-max-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1d",
     .help = "nothing is kept longer"},
    {.section = "resolver",
     .name = "cache-max-negative-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1h",
     .help = "no absence is kept longer"},
    {.section = "resolver",
     .name = "aggressive-nsec",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "deny names with what was proved about others, without asking (RFC 8198)"},
    {.section = "resolver",
     .name = "serve-expired",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "give answers after their time when there is nothing better (RFC 8767)"},
    {.section = "resolver",
     .name = "serve-expired-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1d",
     .help = "so long after their time; 0: without an end"},
    {.section = "resolver",
     .name = "serve-expired-reply-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "30",
     .min = 1,
     .max = 3600,
     .help = "the TTL that clients are told, and how long the servers are left alone"},
    {.section = "resolver",
     .name = "serve-expired-client-timeout",
     .kind = CONFIG_NUMBER,
     .default_value = "1800",
     .max = 8000,
     .help = "milliseconds that a client waits for something better; 0: none"},
    {.section = "resolver",
     .name = "do-ip6",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "ask name servers over IPv6 too"},
    {.section = "resolver",
     .name = "qname-minimisation",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "show each server only as much of a name as it needs to refer further (RFC 9156)"},
    {.section = "resolver",
     .name = "use-caps-for-id",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "random case in questions (0x20)"},
    ZONE_OPTIONS("forward-zone", "forward-addr", "forward-tls-upstream"),
    ZONE_OPTIONS("stub-zone", "stub-addr", "stub-tls-upstream"),
};

const struct config_schema RESOLVE_SCHEMA = {sections, LEN(sections), options, LEN(options)};
