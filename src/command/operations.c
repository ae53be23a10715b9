/* `vouch operations`: what was asked of a registrar and what became of it. */
#include "command/commands.h"
#include "command/registrar_client.h"

#include <stdio.h>

enum { BODY_SIZE = 512 };

static void line_print(struct client *client, const struct json_node *operation)
{
    printf("%s  %-11s  %-17s  %s  %s\n", client_text(client, operation, "OperationId"),
           client_text(client, operation, "Status"), client_text(client, operation, "Type"),
           client_time(client, operation, "SubmittedDate"),
           client_text(client, operation, "DomainName"));
}

static int list_show(struct client *client)
{
    const struct json_node *answer;
    int code = client_call(client, "Route53Domains_v20140515.ListOperations",
                           SPAN_LITERAL("{\"MaxItems\":100}"), &answer);
    if (code != EXIT_DONE) {
        return code;
    }
    if (client->wants_json) {
        printf("%.*s\n", (int)client->text.len, (const char *)client->text.bytes);
        return EXIT_DONE;
    }
    const struct json_node *list = json_member(answer, "Operations");
    for (const struct json_node *operation = list == NULL ? NULL : list->first_child;
         operation != NULL; operation = operation->next) {
        line_print(client, operation);
    }
    return EXIT_DONE;
}

static void evidence_print(const struct json_node *answer)
{
    struct span evidence = json_member_text(answer, "Evidence");
    for (size_t i = 0; i < evidence.len; i++) {
        uint8_t octet = evidence.bytes[i];
        if (i == 0 || evidence.bytes[i - 1] == '\n') {
            printf("  ");
        }
        putchar((octet < ' ' && octet != '\n') || octet == 0x7f ? ' ' : octet);
    }
}

static int one_show(struct client *client, const char *id)
{
    uint8_t body[BODY_SIZE];
    const struct json_node *answer;
    struct writer writer = writer_over(body, sizeof body);
    struct json_writer json = json_over(&writer);
    json_open_object(&json, NULL);
    json_write_words(&json, "OperationId", id);
    json_close_object(&json);
    if (writer.status != OK) {
        return command_usage_error("operations", "that is no operation's id");
    }
    int code =
        client_call(client, "Vouch_v1.GetOperationEvidence", writer_written(&writer), &answer);
    if (code != EXIT_DONE) {
        return code;
    }
    if (client->wants_json) {
        printf("%.*s\n", (int)client->text.len, (const char *)client->text.bytes);
        return EXIT_DONE;
    }
    line_print(client, answer);
    printf("%s\nasked by %s; notice %s\nseen at the parent: %s; confirmed by the resolver: %s\n",
           client_text(client, answer, "Message"), client_text(client, answer, "Channel"),
           client_text(client, answer, "Notice"), client_time(client, answer, "SeenAtParentDate"),
           client_time(client, answer, "ConfirmedDate"));
    evidence_print(answer);
    return EXIT_DONE;
}

static int operations_run(int argc, char **argv)
{
    struct command_option options[CLIENT_OPTION_COUNT] = {CLIENT_OPTIONS};
    struct client client;
    int word_count = 0;
    int code = command_parse(argc, argv, options, CLIENT_OPTION_COUNT, &word_count);
    if (code == EXIT_DONE && word_count > 1) {
        code = command_usage_error("operations", "one operation at a time");
    }
    if (code != EXIT_DONE) {
        return code;
    }
    code = client_open("operations", options, &client);
    if (code == EXIT_DONE) {
        code = word_count == 0 ? list_show(&client) : one_show(&client, argv[1]);
    }
    client_close(&client);
    return code;
}

const struct command COMMAND_OPERATIONS = {
    .name = "operations",
    .summary = "what was asked of a registrar, and what became of it",
    .usage = "usage: vouch operations [ID] [OPTION]...\n"
             "\n"
             "With an ID: where that operation stands, and the evidence that was seen.\n"
             "\n" CLIENT_USAGE,
    .run = operations_run,
};
