/* What `tls-listen`, `https-listen`, `quic-listen` and their certificate, and the limits of
 * connections, mean to the world. */
#include "command/listen.h"

#include "core/dns/carriage.h"

#include <string.h>

static uint32_t server_number(const struct config *config, const char *option)
{
    return (uint32_t)config_number(config, "server", 0, option);
}

void listen_set_limits(const struct config *config, struct world *world)
{
    world_set_stream_limits(world,
                            (struct world_stream_limits){
                                .clients = server_number(config, "tcp-clients"),
                                .clients_a_peer = server_number(config, "tcp-clients-per-address"),
                                .idle_ms = server_number(config, "tcp-idle-timeout") * 1000,
                                .message_ms = server_number(config, "tcp-message-timeout") * 1000,
                            });
}

static enum status open_tls(struct world *world, struct address address,
                            const struct world_https *service, struct problem *problem)
{
    return world_listen_tls(world, address, service->tls, problem);
}

static enum status open_quic(struct world *world, struct address address,
                             const struct world_https *service, struct problem *problem)
{
    const struct world_quic quic = {.tls = service->tls, .is_fit = carriage_is_fit_for_quic};
    return world_listen_quic(world, address, &quic, problem);
}

/* The kinds of connections that a certificate is for. */
static const struct secured {
    const char *option;
    uint16_t port;
    enum status (*open)(struct world *world, struct address address,
                        const struct world_https *service, struct problem *problem);
} SECURED[] = {
    {"tls-listen", LISTEN_TLS_PORT, open_tls},
    {"https-listen", LISTEN_HTTPS_PORT, world_listen_https},
    {"quic-listen", LISTEN_QUIC_PORT, open_quic},
};

static enum status open_each(const struct config *config, const struct secured *secured,
                             struct world *world, struct problem *problem)
{
    const struct world_https service = {
        .tls = {.certificate_file = config_text(config, "server", 0, "tls-certificate"),
                .key_file = config_text(config, "server", 0, "tls-key")},
        .path = config_text(config, "server", 0, "http-endpoint"),
        .lifetime_s = carriage_lifetime_s,
    };
    size_t count = config_list_count(config, "server", 0, secured->option);
    if (count > 0 && (service.tls.certificate_file == NULL || service.tls.key_file == NULL)) {
        return problem_set(problem, BAD_ARGUMENT,
                           "`%s` needs `tls-certificate: FILE` and `tls-key: FILE`",
                           secured->option);
    }
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        struct address address;
        const char *text = config_list_at(config, "server", 0, secured->option, i);
        status = address_read(span_of_text(text), secured->port, &address);
        status = status == OK ? secured->open(world, address, &service, problem) : status;
    }
    return status;
}

enum status listen_open_tls(const struct config *config, struct world *world,
                            struct problem *problem)
{
    const char *path = config_text(config, "server", 0, "http-endpoint");
    if (path[0] != '/' || strpbrk(path, "?#") != NULL) {
        return problem_set(problem, BAD_ARGUMENT,
                           "http-endpoint: \"%.100s\" is no path as \"/dns-query\" is", path);
    }
    enum status status = OK;
    for (size_t i = 0; i < LEN(SECURED) && status == OK; i++) {
        status = open_each(config, &SECURED[i], world, problem);
    }
    return status;
}

enum status listen_open_metrics(const struct config *config, const char *section,
                                struct world *world, struct problem *problem)
{
    struct address address;
    const char *text = config_text(config, section, 0, "metrics");
    if (text == NULL) {
        return OK;
    }
    enum status status = address_read(span_of_text(text), LISTEN_METRICS_PORT, &address);
    return status != OK
               ? problem_set(problem, status, "metrics: \"%.100s\" is no ADDRESS[@PORT]", text)
               : world_listen_metrics(world, address,
                                      config_text(config, section, 0, "metrics-certificate"),
                                      config_text(config, section, 0, "metrics-key"), problem);
}
