/* What `tls-listen` and its certificate, and the limits of connections, mean to the world. */
#include "command/listen.h"

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

enum status listen_open_tls(const struct config *config, struct world *world,
                            struct problem *problem)
{
    size_t count = config_list_count(config, "server", 0, "tls-listen");
    const struct world_tls tls = {
        .certificate_file = config_text(config, "server", 0, "tls-certificate"),
        .key_file = config_text(config, "server", 0, "tls-key"),
    };
    if (count > 0 && (tls.certificate_file == NULL || tls.key_file == NULL)) {
        return problem_set(problem, BAD_ARGUMENT,
                           "`tls-listen` needs `tls-certificate: FILE` and `tls-key: FILE`");
    }
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        struct address address;
        const char *text = config_list_at(config, "server", 0, "tls-listen", i);
        status = address_read(span_of_text(text), LISTEN_TLS_PORT, &address);
        status = status == OK ? world_listen_tls(world, address, tls, problem) : status;
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
