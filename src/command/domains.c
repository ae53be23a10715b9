/* `vouch domains`: the domains of an account, and the TLDs with their rules. */
#include "command/commands.h"
#include "command/registrar_client.h"

#include <stdio.h>
#include <string.h>

enum { PAGES_MAX = 1000, BODY_SIZE = 256, OPTION_TLDS = CLIENT_OPTION_COUNT, OPTION_COUNT };

static void json_print(const struct client *client)
{
    printf("%.*s\n", (int)client->text.len, (const char *)client->text.bytes);
}

static int tlds_show(struct client *client)
{
    const struct json_node *answer;
    int code = client_call(client, "Vouch_v1.ListTlds", SPAN_LITERAL("{\"All\":true}"), &answer);
    if (code != EXIT_DONE) {
        return code;
    }
    if (client->wants_json) {
        json_print(client);
        return EXIT_DONE;
    }
    printf("%-24s %-7s %-5s %-11s %s\n", "TLD", "DNSSEC", "keys", "takes", "offered");
    const struct json_node *list = json_member(answer, "Tlds");
    for (const struct json_node *tld = list == NULL ? NULL : list->first_child; tld != NULL;
         tld = tld->next) {
        bool has_dnssec = json_member(tld, "Dnssec") != NULL && json_member(tld, "Dnssec")->integer;
        bool is_offered =
            json_member(tld, "Offered") != NULL && json_member(tld, "Offered")->integer;
        printf("%-24s %-7s %-5lld %-11s %s\n", client_text(client, tld, "Name"),
               has_dnssec ? "yes" : "no",
               has_dnssec ? (long long)json_member_integer(tld, "KeysMax", 0) : 0,
               has_dnssec ? client_text(client, tld, "Form") : "-", is_offered ? "yes" : "no");
    }
    return EXIT_DONE;
}

static void page_print(struct client *client, const struct json_node *answer)
{
    const struct json_node *list = json_member(answer, "Domains");
    if (client->wants_json) {
        json_print(client);
        return;
    }
    for (const struct json_node *domain = list == NULL ? NULL : list->first_child; domain != NULL;
         domain = domain->next) {
        printf("%-40s expires %s\n", client_text(client, domain, "DomainName"),
               client_time(client, domain, "Expiry"));
    }
}

static int domains_show(struct client *client)
{
    char body[BODY_SIZE] = "{\"MaxItems\":100}";
    for (int page = 0; page < PAGES_MAX; page++) {
        const struct json_node *answer;
        int code = client_call(client, "Route53Domains_v20140515.ListDomains", span_of_text(body),
                               &answer);
        if (code != EXIT_DONE) {
            return code;
        }
        page_print(client, answer);
        struct span marker = json_member_text(answer, "NextPageMarker");
        if (marker.len == 0 || marker.len > 32) {
            break;
        }
        struct writer writer = writer_over(body, sizeof body - 1);
        struct json_writer json = json_over(&writer);
        json_open_object(&json, NULL);
        json_write_integer(&json, "MaxItems", 100);
        json_write_text(&json, "Marker", marker);
        json_close_object(&json);
        body[writer.len] = '\0';
    }
    return EXIT_DONE;
}

static int domains_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        CLIENT_OPTIONS, [OPTION_TLDS] = {.name = "--tlds"}};
    struct client client;
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code == EXIT_DONE && word_count > 0) {
        code = command_usage_error("domains",
                                   "\"%s\" is not understood; `vouch domain` is about "
                                   "one domain",
                                   argv[1]);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    code = client_open("domains", options, &client);
    if (code == EXIT_DONE) {
        code = options[OPTION_TLDS].count > 0 ? tlds_show(&client) : domains_show(&client);
    }
    client_close(&client);
    return code;
}

const struct command COMMAND_DOMAINS = {
    .name = "domains",
    .summary = "list your domains at a registrar, or the TLDs with their rules",
    .usage = "usage: vouch domains [--tlds] [OPTION]...\n"
             "\n"
             "  --tlds             which TLDs do DNSSEC, how many keys a domain may have "
             "there\n" CLIENT_USAGE,
    .run = domains_run,
};
