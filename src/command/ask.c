/* `vouch ask`: one question to a server, its answer printed as people who use dig know it. */
#include "command/commands.h"
#include "core/base/text.h"
#include "core/dns/message.h"
#include "core/dns/rdata.h"
#include "world/real/world.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_MAX = 16 << 20,
    TIMEOUT_MS = 10000,
    QUERY_ID = 4242,
    EXIT_NO_ANSWER = 9,
    LINE_LEN_MAX = 70000
};

/* What is asked over is named as dig and kdig name it. */
struct asking {
    struct dns_server server;
    struct name_buffer buffer;
    struct question question;
    bool has_name, has_type;
    bool wants_dnssec, wants_cd, is_short, is_json, is_recursive;
};

static const uint16_t default_ports[] = {
    [DNS_BY_UDP] = 53,         [DNS_BY_TCP] = 53,        [DNS_BY_TLS] = 853,
    [DNS_BY_HTTPS_POST] = 443, [DNS_BY_HTTPS_GET] = 443, [DNS_BY_QUIC] = 853,
};

static const struct {
    uint16_t flag;
    const char *word;
} flag_words[] = {{FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"}, {FLAG_RD, "rd"},
                  {FLAG_RA, "ra"}, {FLAG_AD, "ad"}, {FLAG_CD, "cd"}};

static const char *const section_words[SECTION_COUNT] = {"ANSWER", "AUTHORITY", "ADDITIONAL"};

/* One record as a line of text, in `text`. */
static void write_record(const struct rrset *rrset, struct span rdata, struct writer *text)
{
    name_write_text(rrset->owner, text);
    writer_print(text, "\t%u\t", rrset->ttl_s);
    class_write(rrset->class_, text);
    writer_u8(text, '\t');
    type_write(rrset->type, text);
    writer_u8(text, '\t');
    rdata_write_text(rrset->type, rdata, text);
}

static void print_records(const struct message_section *section, bool is_short, struct arena *arena)
{
    char *line = arena_take(arena, LINE_LEN_MAX);
    for (size_t i = 0; line != NULL && i < section->count; i++) {
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(&section->rrsets[i]);
             rrset_next(&cursor, &rdata);) {
            struct writer text = writer_over(line, LINE_LEN_MAX);
            if (is_short) {
                rdata_write_text(section->rrsets[i].type, rdata, &text);
            } else {
                write_record(&section->rrsets[i], rdata, &text);
            }
            printf("%.*s\n", (int)text.len, line);
        }
    }
}

static bool find_ede(const struct message *message, unsigned *code, struct span *text)
{
    struct span value;
    if (!edns_find(&message->edns, EDNS_OPTION_EDE, &value) || value.len < 2) {
        return false;
    }
    *code = (unsigned)value.bytes[0] << 8 | value.bytes[1];
    *text = span_part(value, 2, value.len - 2);
    return true;
}

/* A server's words: nothing of them may move the cursor. */
static void print_words(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        putchar(text.bytes[i] >= ' ' && text.bytes[i] < 0x7f ? text.bytes[i] : '?');
    }
}

static void print_answer(const struct asking *asking, const struct message *message, size_t len,
                         struct arena *arena)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], server[ADDRESS_TEXT_MAX];
    unsigned code;
    struct span text;
    printf(";; ->>HEADER<<- opcode: %u, status: %s, id: %u\n;; flags:", message->opcode,
           rcode_text(message->rcode), message->id);
    for (size_t i = 0; i < LEN(flag_words); i++) {
        if ((message->flags & flag_words[i].flag) != 0) {
            printf(" %s", flag_words[i].word);
        }
    }
    printf("\n");
    if (message->edns.is_present) {
        printf(";; EDNS: version %u; flags:%s; udp: %u\n", message->edns.version,
               message->edns.wants_dnssec ? " do" : "", message->edns.udp_size);
    }
    if (find_ede(message, &code, &text)) {
        printf("; EDE: %u: (", code);
        print_words(text);
        printf(")\n");
    }
    printf("\n;; QUESTION SECTION:\n;%s\tIN\t%s\n", name_print(message->question.name, name),
           type_print(message->question.type, type));
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (message->sections[i].count > 0) {
            printf("\n;; %s SECTION:\n", section_words[i]);
            print_records(&message->sections[i], false, arena);
        }
    }
    printf("\n;; SERVER: %s", address_print(asking->server.address, server));
    if (asking->server.way >= DNS_BY_TLS) {
        printf(" (%s)", dns_way_name(asking->server.way));
    }
    printf("\n;; MSG SIZE: %zu\n", len);
}

static json_t *json_section(const struct message_section *section, struct arena *arena)
{
    json_t *list = json_array();
    char *line = arena_take(arena, LINE_LEN_MAX);
    for (size_t i = 0; line != NULL && i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
            struct writer text = writer_over(line, LINE_LEN_MAX - 1);
            rdata_write_text(rrset->type, rdata, &text);
            line[text.len] = '\0';
            json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s}", "NAME",
                                                  name_print(rrset->owner, name), "TYPEname",
                                                  type_print(rrset->type, type), "TTL",
                                                  (int)rrset->ttl_s, "rdata", line));
        }
    }
    return list;
}

/* In the manner of RFC 8427. */
static void print_json(const struct message *message, struct arena *arena)
{
    unsigned code;
    struct span text;
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s}", "ID", message->id, "RCODE", rcode_text(message->rcode),
                  "QNAME", name_print(message->question.name, name), "QTYPEname",
                  type_print(message->question.type, type));
    for (size_t i = 0; i < LEN(flag_words); i++) {
        json_object_set_new(root, flag_words[i].word,
                            json_boolean((message->flags & flag_words[i].flag) != 0));
    }
    static const char *const members[] = {"answerRRs", "authorityRRs", "additionalRRs"};
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        json_object_set_new(root, members[i], json_section(&message->sections[i], arena));
    }
    if (find_ede(message, &code, &text)) {
        json_object_set_new(root, "EDE", json_integer(code));
        json_object_set_new(root, "EDEtext",
                            json_stringn_nocheck((const char *)text.bytes, text.len));
    }
    char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
    puts(dumped == NULL ? "{}" : dumped);
    free(dumped);
    json_decref(root);
}

static int ask(const struct asking *asking)
{
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct arena arena;
    struct problem problem = {0};
    struct span answer;
    struct message message;
    uint16_t flags =
        (uint16_t)((asking->is_recursive ? FLAG_RD : 0) | (asking->wants_cd ? FLAG_CD : 0));
    /* RFC 8484 §4.1: with the same ID for all, caches have one answer for all; RFC 9250 §4.2.1. */
    uint16_t id = asking->server.way >= DNS_BY_HTTPS_POST ? 0 : QUERY_ID;
    struct span query = message_make_query(bytes, sizeof bytes, id, flags, asking->question,
                                           asking->wants_dnssec, MESSAGE_UDP_LEN_DEFAULT);
    arena_open(&arena, ARENA_MAX);
    enum status status = dns_ask(&asking->server, query, &arena, &answer, &problem);
    status = status == OK ? message_read(answer, &arena, &message) : status;
    if (status != OK) {
        fprintf(stderr, "vouch ask: %s\n",
                problem.status != OK ? problem.sentence : "the answer is malformed");
    } else if (asking->is_json) {
        print_json(&message, &arena);
    } else if (asking->is_short) {
        print_records(&message.sections[SECTION_ANSWER], true, &arena);
    } else {
        print_answer(asking, &message, answer.len, &arena);
    }
    arena_close(&arena);
    return status == OK ? EXIT_DONE : EXIT_NO_ANSWER;
}

static bool switch_read(struct asking *asking, const char *word)
{
    const struct {
        const char *word;
        bool *is_on;
        bool value;
    } rows[] = {
        {"+dnssec", &asking->wants_dnssec, true},     {"+cd", &asking->wants_cd, true},
        {"+cdflag", &asking->wants_cd, true},         {"+short", &asking->is_short, true},
        {"--json", &asking->is_json, true},           {"+norec", &asking->is_recursive, false},
        {"+norecurse", &asking->is_recursive, false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strcmp(word, rows[i].word) == 0) {
            *rows[i].is_on = rows[i].value;
            return true;
        }
    }
    return false;
}

/* The words that may have a value. True when `word` is one of them and its value may be its. */
static bool way_read(struct asking *asking, const char *word)
{
    struct dns_server *server = &asking->server;
    const struct {
        const char *word;
        enum dns_way way;
        const char **value;  /* NULL: it has none */
        const char *without; /* its value when none is said; NULL: one must be */
        char first;          /* what the value begins with; 0: anything */
    } rows[] = {
        {"+tcp", DNS_BY_TCP, NULL, NULL, 0},
        {"+tls", DNS_BY_TLS, NULL, NULL, 0},
        {"+https", DNS_BY_HTTPS_POST, &server->path, server->path, '/'},
        {"+quic", DNS_BY_QUIC, NULL, NULL, 0},
        {"+https-get", DNS_BY_HTTPS_GET, &server->path, server->path, '/'},
        {"+tls-ca", DNS_BY_UDP, &server->ca_file, WORLD_CA_OF_SYSTEM, 0},
        {"+tls-hostname", DNS_BY_UDP, &server->host_name, NULL, 0},
    };
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strlen(rows[i].word) != len || memcmp(word, rows[i].word, len) != 0) {
            continue;
        }
        bool fits = value == NULL ? rows[i].value == NULL || rows[i].without != NULL
                                  : rows[i].value != NULL && value[0] != '\0' &&
                                        (rows[i].first == 0 || value[0] == rows[i].first);
        if (fits && rows[i].value != NULL) {
            *rows[i].value = value == NULL ? rows[i].without : value;
        }
        if (rows[i].way != DNS_BY_UDP) {
            server->way = rows[i].way;
        }
        return fits;
    }
    return false;
}

/* What follows from the words as a whole. */
static void server_settle(struct dns_server *server)
{
    if (server->host_name != NULL && server->ca_file == NULL) {
        server->ca_file = WORLD_CA_OF_SYSTEM; /* a name that nobody vouches for says nothing */
    }
    if (server->ca_file != NULL && server->way < DNS_BY_TLS) {
        server->way = DNS_BY_TLS;
    }
    if (server->address.port == 0) {
        server->address.port = default_ports[server->way];
    }
}

static int word_read(struct asking *asking, const char *word)
{
    struct problem problem = {0};
    if (word[0] == '@') {
        return address_read(span_of_text(word + 1), 0, &asking->server.address) == OK
                   ? EXIT_DONE
                   : command_usage_error("ask", "%s is no server; write @ADDRESS or @ADDRESS@PORT",
                                         word);
    }
    if (switch_read(asking, word) || way_read(asking, word)) {
        return EXIT_DONE;
    }
    if (word[0] == '+' || (word[0] == '-' && word[1] == '-')) {
        return command_usage_error("ask", "%s is not known; see vouch help ask", word);
    }
    if (!asking->has_name) {
        asking->has_name = true;
        if (name_parse(span_of_text(word), NULL, &asking->buffer, &asking->question.name,
                       &problem) != OK) {
            return command_usage_error("ask", "%s is no domain name: %s", word, problem.sentence);
        }
        return EXIT_DONE;
    }
    if (!asking->has_type && type_parse(span_of_text(word), &asking->question.type) == OK) {
        asking->has_type = true;
        return EXIT_DONE;
    }
    return command_usage_error("ask", "%s is no record type", word);
}

static int ask_run(int argc, char **argv)
{
    struct asking asking = {.question = {.type = TYPE_A, .class_ = CLASS_IN},
                            .server = {.timeout_ms = TIMEOUT_MS, .path = "/dns-query"},
                            .is_recursive = true};
    enum status status = address_read(SPAN_LITERAL("127.0.0.1"), 0, &asking.server.address);
    require(status == OK);
    for (int i = 1; i < argc; i++) {
        int code = word_read(&asking, argv[i]);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    server_settle(&asking.server);
    return asking.has_name ? ask(&asking)
                           : command_usage_error("ask", "which name? see vouch help ask");
}

const struct command COMMAND_ASK = {
    .name = "ask",
    .summary = "look something up",
    .usage =
        "usage: vouch ask [@ADDRESS[@PORT]] NAME [TYPE] [+dnssec] [+cd] [+norec] [+short] "
        "[--json]\n"
        "                 [+tcp | +tls | +https[=PATH] | +https-get[=PATH] | +quic]\n"
        "                 [+tls-ca[=FILE]] [+tls-hostname=NAME]\n"
        "\n"
        "Asks one server (default 127.0.0.1) and prints its answer, with the extended error where\n"
        "there is one. Over TLS, HTTPS and QUIC the server must prove who it is only where a CA\n"
        "or a name is given; +tls-ca alone means those that the system trusts.\n"
        "Exit code 0: an answer came, whatever it says; 9: none came.\n",
    .run = ask_run,
};
