/* `vouch domain`: the keys of one domain at its registrar. */
#include "command/commands.h"
#include "command/registrar_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_TYPE = CLIENT_OPTION_COUNT,
    OPTION_ALGORITHM,
    OPTION_CONFIRM,
    OPTION_COUNT,
    BODY_SIZE = 40000
};

struct order {
    struct client client;
    const struct command_option *options;
    const char *name;
    const char *word; /* key or id; NULL: none given */
};

static struct json_writer body_begin(struct order *order, struct writer *writer)
{
    void *bytes = arena_take(&order->client.arena, BODY_SIZE);
    *writer = writer_over(bytes, bytes == NULL ? 0 : BODY_SIZE);
    struct json_writer json = json_over(writer);
    json_open_object(&json, NULL);
    json_write_words(&json, "DomainName", order->name);
    return json;
}

static void keys_print(struct client *client, const struct json_node *answer)
{
    const struct json_node *list = json_member(answer, "DnssecKeys");
    const struct json_node *key = list == NULL ? NULL : list->first_child;
    if (json_member_integer(answer, "DnsSecCheckedDate", 0) != 0) {
        printf("DNSSEC: %s (checked %s UTC: the resolver %s)\n",
               client_text(client, answer, "DnsSec"),
               client_time(client, answer, "DnsSecCheckedDate"),
               client_text(client, answer, "DnsSecReason"));
    }
    if (key == NULL) {
        printf("no keys at the registry: the domain is insecure\n");
    }
    for (; key != NULL; key = key->next) {
        printf("%s  %s %lld  algorithm %lld\n  key %s\n  DS  %lld %lld %lld %s\n",
               client_text(client, key, "Id"),
               json_member_integer(key, "Flags", 0) == 257 ? "KSK" : "ZSK",
               (long long)json_member_integer(key, "KeyTag", 0),
               (long long)json_member_integer(key, "Algorithm", 0),
               client_text(client, key, "PublicKey"),
               (long long)json_member_integer(key, "KeyTag", 0),
               (long long)json_member_integer(key, "Algorithm", 0),
               (long long)json_member_integer(key, "DigestType", 0),
               client_text(client, key, "Digest"));
    }
}

static int keys_list(struct order *order)
{
    struct writer writer;
    const struct json_node *answer;
    struct json_writer json = body_begin(order, &writer);
    json_close_object(&json);
    int code = client_call(&order->client, "Route53Domains_v20140515.GetDomainDetail",
                           writer_written(&writer), &answer);
    if (code == EXIT_DONE && order->client.wants_json) {
        printf("%.*s\n", (int)order->client.text.len, (const char *)order->client.text.bytes);
    } else if (code == EXIT_DONE) {
        keys_print(&order->client, answer);
    }
    return code;
}

/* The flags of a key type; 0 when it is none. */
static int flags_of(const char *type)
{
    if (type == NULL || strcmp(type, "ksk") == 0 || strcmp(type, "257") == 0) {
        return 257;
    }
    return strcmp(type, "zsk") == 0 || strcmp(type, "256") == 0 ? 256 : 0;
}

static int keys_add(struct order *order)
{
    struct writer writer;
    const char *algorithm = command_value(&order->options[OPTION_ALGORITHM]);
    int flags = flags_of(command_value(&order->options[OPTION_TYPE]));
    char *end = NULL;
    unsigned long number = algorithm == NULL ? 13 : strtoul(algorithm, &end, 10);
    if (flags == 0) {
        return command_usage_error("domain", "--type is ksk or zsk");
    }
    if (number > 255 || (end != NULL && *end != '\0')) {
        return command_usage_error("domain", "--algorithm is a number: 8, 10, 13, 14, 15 or 16");
    }
    struct json_writer json = body_begin(order, &writer);
    json_open_object(&json, "SigningAttributes");
    json_write_integer(&json, "Algorithm", (int64_t)number);
    json_write_integer(&json, "Flags", flags);
    json_write_words(&json, "PublicKey", order->word);
    json_close_object(&json);
    json_close_object(&json);
    return client_call_operation(&order->client,
                                 "Route53Domains_v20140515.AssociateDelegationSignerToDomain",
                                 writer_written(&writer));
}

static int keys_delete(struct order *order)
{
    struct writer writer;
    const char *confirmation = command_value(&order->options[OPTION_CONFIRM]);
    struct json_writer json = body_begin(order, &writer);
    json_write_words(&json, "Id", order->word);
    if (confirmation != NULL) {
        json_write_words(&json, "ConfirmConsequence", confirmation);
    }
    json_close_object(&json);
    return client_call_operation(&order->client,
                                 "Route53Domains_v20140515.DisassociateDelegationSignerFromDomain",
                                 writer_written(&writer));
}

static const struct {
    const char *word;
    const char *argument; /* NULL: none */
    int (*run)(struct order *order);
} actions[] = {
    {"list", NULL, keys_list},
    {"add", "KEY", keys_add},
    {"delete", "ID", keys_delete},
};

static int action_find(int word_count, char **words, size_t *action)
{
    if (word_count < 2 || strcmp(words[0], "keys") != 0) {
        return command_usage_error("domain", "the first words are keys list, keys add or keys "
                                             "delete");
    }
    for (size_t i = 0; i < LEN(actions); i++) {
        if (strcmp(words[1], actions[i].word) != 0) {
            continue;
        }
        if (word_count != (actions[i].argument == NULL ? 3 : 4)) {
            return command_usage_error("domain", "keys %s wants NAME%s%s", actions[i].word,
                                       actions[i].argument == NULL ? "" : " ",
                                       actions[i].argument == NULL ? "" : actions[i].argument);
        }
        *action = i;
        return EXIT_DONE;
    }
    return command_usage_error("domain", "there is no \"keys %s\"; there are list, add and delete",
                               words[1]);
}

static int domain_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        CLIENT_OPTIONS, [OPTION_TYPE] = {.name = "--type", .takes_value = true},
        [OPTION_ALGORITHM] = {.name = "--algorithm", .takes_value = true},
        [OPTION_CONFIRM] = {.name = "--confirm", .takes_value = true}};
    int word_count = 0;
    size_t action = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    code = code == EXIT_DONE ? action_find(word_count, argv + 1, &action) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    struct order order = {
        .options = options, .name = argv[3], .word = word_count == 4 ? argv[4] : NULL};
    code = client_open("domain", options, &order.client);
    code = code == EXIT_DONE ? actions[action].run(&order) : code;
    client_close(&order.client);
    return code;
}

const struct command COMMAND_DOMAIN = {
    .name = "domain",
    .summary = "list, add and delete the keys of a domain at its registrar",
    .usage =
        "usage: vouch domain keys list NAME [OPTION]...\n"
        "       vouch domain keys add NAME KEY [--type ksk|zsk] [--algorithm N] [OPTION]...\n"
        "       vouch domain keys delete NAME ID [--confirm SENTENCE] [OPTION]...\n"
        "\n"
        "KEY is the public key in base64, or a whole DNSKEY record in quotes. A deletion with a\n"
        "consequence says it first; --confirm repeats that sentence.\n"
        "\n"
        "  --type ksk|zsk     ksk when not given\n"
        "  --algorithm N      8, 10, 13, 14, 15 or 16; 13 when not given\n"
        "  --confirm SENTENCE the consequence of a deletion, word by word\n" CLIENT_USAGE,
    .run = domain_run,
};
