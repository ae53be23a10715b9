/* How the API is reached: address and token, and what an error of it looks like. */
#include "command/registrar_client.h"
#include "core/base/text.h"
#include "world/real/world.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_MAX = 32 << 20,
    ANSWER_LEN_MAX = 4 << 20,
    TOKEN_LEN_MAX = 512,
    TIMEOUT_S = 60 /* a deletion waits for the name servers */
};

static const char ENDPOINT_DEFAULT[] = "http://127.0.0.1:8080";

static int token_read(struct client *client, const char *file)
{
    struct problem problem = {0};
    struct span text;
    if (file == NULL) {
        return command_usage_error(client->command,
                                   "a token is needed: --token-file FILE or $VOUCH_TOKEN_FILE");
    }
    if (file_read(file, TOKEN_LEN_MAX, &client->arena, &text, &problem) != OK) {
        return command_failed(client->command, &problem);
    }
    size_t len = 0;
    while (len < text.len && text.bytes[len] > ' ' && text.bytes[len] < 0x7f) {
        len++;
    }
    client->token = arena_text(&client->arena, span_part(text, 0, len));
    if (client->token == NULL || len == 0) {
        return command_usage_error(client->command, "there is no token in the first line of %s",
                                   file);
    }
    return EXIT_DONE;
}

int client_open(const char *command, const struct command_option *options, struct client *client)
{
    *client = (struct client){.command = command};
    arena_open(&client->arena, ARENA_MAX);
    const char *endpoint = command_value(&options[CLIENT_ENDPOINT]);
    endpoint = endpoint != NULL ? endpoint : getenv("VOUCH_ENDPOINT");
    client->endpoint = endpoint != NULL ? endpoint : ENDPOINT_DEFAULT;
    client->wants_json = options[CLIENT_JSON].count > 0;
    const char *file = command_value(&options[CLIENT_TOKEN_FILE]);
    return token_read(client, file != NULL ? file : getenv("VOUCH_TOKEN_FILE"));
}

void client_close(struct client *client)
{
    arena_close(&client->arena);
}

struct answer {
    uint8_t *bytes;
    size_t len;
};

static size_t answer_take(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *answer = user;
    size_t len = size * count;
    if (answer->len + len > ANSWER_LEN_MAX) {
        return 0;
    }
    memcpy(answer->bytes + answer->len, bytes, len);
    answer->len += len;
    return len;
}

static int transfer(struct client *client, CURL *curl, struct curl_slist *fields, struct span body,
                    struct answer *answer)
{
    char words[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_URL, client->endpoint);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.bytes);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "vouch %s: %s: %s\n", client->command, client->endpoint,
                words[0] != '\0' ? words : curl_easy_strerror(code));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* The registrar's own sentence, when it refused. */
static int answer_judge(struct client *client, long status, const struct json_node *answer)
{
    if (status == 200) {
        return EXIT_DONE;
    }
    fprintf(stderr, "vouch %s: %s: %s\n", client->command, client_text(client, answer, "__type"),
            client_text(client, answer, "message"));
    if (json_member_text(answer, "RefusedAs").len > 0) {
        fprintf(stderr, "The registrant is told by mail, too: operation %s.\n",
                client_text(client, answer, "RefusedAs"));
    }
    return EXIT_FAILED;
}

int client_call(struct client *client, const char *action, struct span body,
                const struct json_node **root)
{
    struct answer answer = {arena_take(&client->arena, ANSWER_LEN_MAX), 0};
    const char *target = arena_print(&client->arena, "X-Amz-Target: %s", action);
    const char *bearer = arena_print(&client->arena, "Authorization: Bearer %s", client->token);
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.1");
    long status = 0;
    int code = EXIT_FAILED;
    if (answer.bytes != NULL && target != NULL && bearer != NULL && curl != NULL) {
        fields = curl_slist_append(fields, target);
        fields = curl_slist_append(fields, bearer);
        code = transfer(client, curl, fields, body, &answer);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    if (code != EXIT_DONE) {
        return code;
    }
    struct problem problem = {0};
    client->text = span_of(answer.bytes, answer.len);
    if (json_read(client->text, &client->arena, root, &problem) != OK) {
        fprintf(stderr, "vouch %s: %s answered something that is not the registrar's API\n",
                client->command, client->endpoint);
        return EXIT_FAILED;
    }
    return answer_judge(client, status, *root);
}

int client_call_operation(struct client *client, const char *action, struct span body)
{
    const struct json_node *answer;
    int code = client_call(client, action, body, &answer);
    if (code != EXIT_DONE) {
        return code;
    }
    if (client->wants_json) {
        printf("%.*s\n", (int)client->text.len, (const char *)client->text.bytes);
        return EXIT_DONE;
    }
    const char *operation = client_text(client, answer, "OperationId");
    printf("accepted: operation %s\nA notice follows when the registry has answered; see also "
           "`vouch operations %s`.\n",
           operation, operation);
    return EXIT_DONE;
}

const char *client_text(struct client *client, const struct json_node *object, const char *name)
{
    struct span text = json_member_text(object, name);
    char *printed = arena_text(&client->arena, text);
    if (printed == NULL || text.len == 0) {
        return "-";
    }
    for (char *at = printed; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
    }
    return printed;
}

const char *client_time(struct client *client, const struct json_node *object, const char *name)
{
    int64_t time_s = json_member_integer(object, name, 0);
    char text[40] = "";
    struct writer writer = writer_over(text, sizeof text - 1);
    if (time_s == 0) {
        return "-";
    }
    text_write_rfc3339(&writer, time_s);
    const char *printed = arena_print(&client->arena, "%.10s %.5s", text, text + 11);
    return printed == NULL ? "-" : printed;
}
