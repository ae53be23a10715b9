/* Reading the configuration of `vouch serve`: what its options come to, and the faults that only
 * all of them together show. */
#include "command/command.h"
#include "command/listen.h"
#include "command/serve.h"
#include "core/base/parallel.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_FILE_LEN_MAX = 4096 };

/* A fault in the `index`-th section of that name. */
static enum status fault(const struct serve *serve, const char *section, size_t index,
                         struct problem *problem, const char *sentence)
{
    problem_place(problem, serve->file, config_line(serve->config, section, index), 0);
    return problem_set(problem, BAD_ARGUMENT, "%s", sentence);
}

static enum status read_address(const char *text, struct address *address)
{
    return address_read(span_of_text(text), SERVE_DNS_PORT, address);
}

static struct span without_blanks(struct span text)
{
    while (text.len > 0 && text.bytes[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

static enum status read_key(struct serve *serve, size_t index, struct tsig_key *key,
                            struct problem *problem)
{
    const char *secret = config_text(serve->config, "key", index, "secret");
    const char *secret_file = config_text(serve->config, "key", index, "secret-file");
    if ((secret == NULL) == (secret_file == NULL)) {
        return fault(serve, "key", index, problem, "a key needs either secret or secret-file");
    }
    struct span base64 = secret == NULL ? SPAN_EMPTY : span_of_text(secret);
    if (secret_file != NULL) {
        enum status status =
            file_read(secret_file, SECRET_FILE_LEN_MAX, &serve->arena, &base64, problem);
        if (status != OK) {
            return status;
        }
    }
    problem_place(problem, serve->file, config_line(serve->config, "key", index), 0);
    return tsig_key_make(span_of_text(config_text(serve->config, "key", index, "name")),
                         span_of_text(config_text(serve->config, "key", index, "algorithm")),
                         without_blanks(base64), &serve->arena, key, problem);
}

static enum status read_keys(struct serve *serve, struct problem *problem)
{
    size_t count = config_count(serve->config, "key");
    serve->keys = arena_take_array(&serve->arena, count + 1, sizeof *serve->keys);
    if (serve->keys == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for keys");
    }
    for (; serve->key_count < count; serve->key_count++) {
        enum status status =
            read_key(serve, serve->key_count, &serve->keys[serve->key_count], problem);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

const struct tsig_key *serve_find_key_named(const struct serve *serve, struct name name)
{
    for (size_t i = 0; i < serve->key_count; i++) {
        if (name_equal(serve->keys[i].name, name)) {
            return &serve->keys[i];
        }
    }
    return NULL;
}

const struct tsig_key *serve_find_key(const struct serve *serve, const char *text)
{
    struct name_buffer buffer;
    struct name name;
    return name_parse(span_of_text(text), &NAME_ROOT, &buffer, &name, NULL) == OK
               ? serve_find_key_named(serve, name)
               : NULL;
}

static enum status read_listen(struct serve *serve, struct problem *problem)
{
    size_t count = config_list_count(serve->config, "server", 0, "listen");
    struct address *addresses = arena_take_array(&serve->arena, count, sizeof *addresses);
    if (count == 0 || addresses == NULL) {
        return fault(serve, "server", 0, problem,
                     "the server needs at least one `listen: ADDRESS[@PORT]`");
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = config_list_at(serve->config, "server", 0, "listen", i);
        if (read_address(text, &addresses[i]) != OK) {
            return fault(serve, "server", 0, problem, "listen is no address");
        }
    }
    serve->listen = addresses;
    serve->listen_count = count;
    return OK;
}

bool serve_has_signer(const struct serve *serve)
{
    bool has_signer = config_text(serve->config, "signer", 0, "state") != NULL;
    for (size_t i = 0; i < serve->zone_count && !has_signer; i++) {
        has_signer = serve->zones[i].is_signed;
    }
    return has_signer || serve_has_signed_pattern(serve);
}

bool serve_has_signed_pattern(const struct serve *serve)
{
    for (size_t i = 0; i < serve->pattern_count; i++) {
        if (serve->patterns[i].is_signed) {
            return true;
        }
    }
    return false;
}

/* An UPDATE is made by the signer, and only where nobody else decides what is in the zone. */
static enum status check_updates(const struct serve *serve, struct problem *problem)
{
    for (size_t i = 0; i < serve->zone_count; i++) {
        const struct serve_zone *zone = &serve->zones[i];
        if (zone->update_rule_count > 0 && zone->has_primary) {
            return fault(serve, "zone", i, problem,
                         "a zone with a primary is updated there, not by update-policy");
        }
        if (zone->update_rule_count > 0 && !serve_has_signer(serve)) {
            return fault(serve, "zone", i, problem,
                         "update-policy needs a signer: give it `state: FOLDER`");
        }
    }
    return OK;
}

static enum status check_signer(struct serve *serve, struct problem *problem)
{
    if (!serve_has_signer(serve)) {
        return OK;
    }
    const char *link = config_text(serve->config, "signer", 0, "link-key");
    if (config_text(serve->config, "signer", 0, "state") == NULL) {
        return fault(serve, "signer", 0, problem,
                     "a signer needs `state: FOLDER`, where it keeps its keys");
    }
    if (link != NULL) {
        serve->link = serve_find_key(serve, link);
        return serve->link != NULL
                   ? OK
                   : fault(serve, "signer", 0, problem, "link-key names no key of this file");
    }
    if (config_text(serve->config, "server", 0, "state") == NULL) {
        return fault(serve, "server", 0, problem,
                     "with a signer and no link-key, the server needs `state: FOLDER`");
    }
    return OK;
}

enum status serve_read_again(const struct serve *first, struct serve *next, struct problem *problem)
{
    struct span text;
    next->upstream_port = first->upstream_port;
    arena_open(&next->arena, SERVE_ARENA_LEN_MAX);
    arena_open(&next->bulk, SERVE_ARENA_LEN_MAX);
    enum status status = file_read(first->file, SERVE_CONFIG_LEN_MAX, &next->bulk, &text, problem);
    status = status == OK ? serve_read_config(first->file, text, next, problem) : status;
    return status == OK ? serve_open_link(next, problem) : status;
}

enum status serve_read_config(const char *file, struct span text, struct serve *serve,
                              struct problem *problem)
{
    serve->file = file;
    enum status status = config_read_apart(&SERVE_SCHEMA, file, text, &serve->arena, &serve->bulk,
                                           &serve->config, problem);
    status = status != OK ? status : read_listen(serve, problem);
    status = status != OK ? status : serve_read_answers(serve, problem);
    status = status != OK ? status : read_keys(serve, problem);
    status = status != OK ? status : serve_read_patterns(serve, problem);
    status = status != OK ? status : serve_read_zones(serve, problem);
    status = status != OK ? status : check_updates(serve, problem);
    return status != OK ? status : check_signer(serve, problem);
}
