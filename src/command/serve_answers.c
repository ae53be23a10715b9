/* How the server answers whatever zones it has, from its configuration: what it tells of itself,
 * cookies, sizes and rates. */
#include "command/serve.h"
#include "core/base/text.h"

#include <string.h>

enum { SELF_TEXT_MAX = 255 /* a TXT string */ };

static const char *text_of(const struct serve *serve, const char *option)
{
    return config_text(serve->config, "server", 0, option);
}

static bool is_yes(const struct serve *serve, const char *option)
{
    return config_bool(serve->config, "server", 0, option);
}

static uint64_t number_of(const struct serve *serve, const char *option)
{
    return config_number(serve->config, "server", 0, option);
}

static enum status fault(const struct serve *serve, struct problem *problem, const char *sentence)
{
    problem_place(problem, serve->file, config_line(serve->config, "server", 0), 0);
    return problem_set(problem, BAD_ARGUMENT, "%s", sentence);
}

static enum status read_nsid(struct serve *serve, struct auth_options *options,
                             struct problem *problem)
{
    static const char mark[] = "ascii_"; /* as NSD has it */
    const char *text = text_of(serve, "nsid");
    uint8_t bytes[AUTH_NSID_LEN_MAX];
    struct writer writer = writer_over(bytes, sizeof bytes);
    enum status status = OK;
    if (text == NULL) {
        text = options->identity == NULL ? "" : options->identity;
        writer_text(&writer, text);
    } else if (strncmp(text, mark, strlen(mark)) == 0) {
        writer_text(&writer, text + strlen(mark));
    } else {
        status = text_read_base16(span_of_text(text), &writer);
    }
    if (status != OK || writer.status != OK) {
        return fault(serve, problem,
                     "nsid is octets in hexadecimal or ascii_TEXT, and at most 128 octets");
    }
    return arena_copy(&serve->arena, writer_written(&writer), &options->nsid);
}

static enum status read_agent(struct serve *serve, struct auth_options *options,
                              struct problem *problem)
{
    const char *text = text_of(serve, "send-report-channel");
    struct name_buffer *octets = arena_take(&serve->arena, sizeof *octets);
    if (octets == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for send-report-channel");
    }
    if (text != NULL &&
        (name_parse(span_of_text(text), NULL, octets, &options->report_agent, problem) != OK ||
         name_is_root(options->report_agent))) {
        return fault(serve, problem, "send-report-channel is a name, and not the root");
    }
    return OK;
}

static enum status read_secrets(struct serve *serve, struct auth_options *options,
                                struct problem *problem)
{
    size_t count = config_list_count(serve->config, "server", 0, "cookie-secret");
    uint8_t(*secrets)[COOKIE_SECRET_LEN] = arena_take_array(&serve->arena, count, sizeof *secrets);
    if (secrets == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for cookie secrets");
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = config_list_at(serve->config, "server", 0, "cookie-secret", i);
        struct writer writer = writer_over(secrets[i], sizeof secrets[i]);
        if (text_read_base16(span_of_text(text), &writer) != OK || writer.status != OK ||
            writer.len != sizeof secrets[i]) {
            return fault(serve, problem, "cookie-secret is 32 hexadecimal digits");
        }
    }
    options->cookie_secrets = secrets;
    options->cookie_secret_count = count;
    return OK;
}

enum status serve_read_answers(struct serve *serve, struct problem *problem)
{
    struct auth_options *options = &serve->answers;
    options->version = is_yes(serve, "hide-version") ? NULL : text_of(serve, "version");
    options->identity = is_yes(serve, "hide-identity") ? NULL : text_of(serve, "identity");
    const char *const selves[] = {options->version, options->identity};
    for (size_t i = 0; i < LEN(selves); i++) {
        if (selves[i] != NULL && strlen(selves[i]) > SELF_TEXT_MAX) {
            return fault(serve, problem, "version and identity have at most 255 octets");
        }
    }
    options->hides_any = strcmp(text_of(serve, "any"), "hinfo") == 0;
    options->udp_size_ipv4 = (uint16_t)number_of(serve, "ipv4-edns-size");
    options->udp_size_ipv6 = (uint16_t)number_of(serve, "ipv6-edns-size");
    options->ignores_cookies = !is_yes(serve, "answer-cookie");
    options->requires_cookies = is_yes(serve, "require-server-cookie");
    options->rate = (struct rate_options){
        .per_second = (uint32_t)number_of(serve, "rrl-ratelimit"),
        .slip = (uint32_t)number_of(serve, "rrl-slip"),
        .accounts = number_of(serve, "rrl-size"),
        .ipv4_prefix_len = (uint8_t)number_of(serve, "rrl-ipv4-prefix-length"),
        .ipv6_prefix_len = (uint8_t)number_of(serve, "rrl-ipv6-prefix-length")};
    if (options->requires_cookies && options->ignores_cookies) {
        return fault(serve, problem, "require-server-cookie needs answer-cookie");
    }
    const char *resolver = text_of(serve, "dsync-resolver");
    if (resolver != NULL &&
        address_read(span_of_text(resolver), SERVE_DNS_PORT, &options->dsync_resolver) != OK) {
        return fault(serve, problem, "dsync-resolver is no address");
    }
    enum status status = read_nsid(serve, options, problem);
    status = status == OK ? read_agent(serve, options, problem) : status;
    return status != OK ? status : read_secrets(serve, options, problem);
}
