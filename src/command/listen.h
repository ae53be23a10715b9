#pragma once
/* The options of section "server" that all who serve DNS have in common: connections and TLS. */
#include "core/base/config.h"
#include "world/real/world.h"

enum {
    LISTEN_METRICS_PORT = 9053,
    LISTEN_TLS_PORT = 853,
    LISTEN_HTTPS_PORT = 443,
    LISTEN_QUIC_PORT = 853,
};

/* Before the first address is listened on. */
void listen_set_limits(const struct config *config, struct world *world);
/* `metrics` of that section, where it is set. */
enum status listen_open_metrics(const struct config *config, const char *section,
                                struct world *world, struct problem *problem) MUST_USE;
/* Every `tls-listen`, `https-listen` and `quic-listen`. */
enum status listen_open_tls(const struct config *config, struct world *world,
                            struct problem *problem) MUST_USE;

/* Their rows of a table of options. */
#define LISTEN_TLS_AND_LIMITS                                                                      \
    {.section = "server",                                                                          \
     .name = "tls-listen",                                                                         \
     .kind = CONFIG_ADDRESS,                                                                       \
     .is_list = true,                                                                              \
     .help = "address to answer queries on over TLS (RFC 7858); port 853 unless given"},           \
        {.section = "server",                                                                      \
         .name = "https-listen",                                                                   \
         .kind = CONFIG_ADDRESS,                                                                   \
         .is_list = true,                                                                          \
         .help = "address to answer queries on over HTTPS (RFC 8484), HTTP/2 alone; port 443 "     \
                 "unless given"},                                                                  \
        {.section = "server",                                                                      \
         .name = "quic-listen",                                                                    \
         .kind = CONFIG_ADDRESS,                                                                   \
         .is_list = true,                                                                          \
         .help = "address to answer queries on over QUIC (RFC 9250); UDP port 853 unless given"},  \
        {.section = "server",                                                                      \
         .name = "http-endpoint",                                                                  \
         .kind = CONFIG_TEXT,                                                                      \
         .default_value = "/dns-query",                                                            \
         .help = "path that queries over HTTPS are answered at"},                                  \
        {.section = "server",                                                                      \
         .name = "tls-certificate",                                                                \
         .kind = CONFIG_PATH,                                                                      \
         .help = "certificate and its chain (PEM); read again on SIGHUP"},                         \
        {.section = "server",                                                                      \
         .name = "tls-key",                                                                        \
         .kind = CONFIG_PATH,                                                                      \
         .help = "its private key (PEM)"},                                                         \
        {.section = "server",                                                                      \
         .name = "tcp-clients",                                                                    \
         .kind = CONFIG_NUMBER,                                                                    \
         .default_value = "16384",                                                                 \
         .min = 1,                                                                                 \
         .max = 1000000,                                                                           \
         .help = "connections at once; then the one that was idle longest is closed. Those of "    \
                 "QUIC are counted by themselves"},                                                \
        {.section = "server",                                                                      \
         .name = "tcp-clients-per-address",                                                        \
         .kind = CONFIG_NUMBER,                                                                    \
         .default_value = "1024",                                                                  \
         .min = 1,                                                                                 \
         .max = 1000000,                                                                           \
         .help = "of one client; of IPv6, of one /64"},                                            \
        {.section = "server",                                                                      \
         .name = "tcp-idle-timeout",                                                               \
         .kind = CONFIG_SECONDS,                                                                   \
         .default_value = "30",                                                                    \
         .min = 1,                                                                                 \
         .max = 3600,                                                                              \
         .help =                                                                                   \
             "a client that asks nothing, or does not read its answers, is closed then; told to "  \
             "those who ask (RFC 7828)"},                                                          \
    {                                                                                              \
        .section = "server", .name = "tcp-message-timeout", .kind = CONFIG_SECONDS,                \
        .default_value = "10", .min = 1, .max = 3600,                                              \
        .help = "a query, or a handshake, that has begun must end within this"                     \
    }
