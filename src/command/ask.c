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
    DNS_PORT = 53,
    ARENA_MAX = 16 << 20,
    TIMEOUT_MS = 10000,
    EXIT_NO_ANSWER = 9,
    LINE_LEN_MAX = 70000
};

struct asking {
    struct address server;
    struct name_buffer buffer;
    struct question question;
    bool has_name, has_type;
    bool wants_dnssec, wants_cd, wants_tcp, is_short, is_json, is_recursive;
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
    printf("\n;; SERVER: %s\n;; MSG SIZE: %zu\n", address_print(asking->server, server), len);
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
    struct span query = message_make_query(bytes, sizeof bytes, 4242, flags, asking->question,
                                           asking->wants_dnssec, MESSAGE_UDP_LEN_DEFAULT);
    arena_open(&arena, ARENA_MAX);
    enum status status =
        dns_ask(asking->server, asking->wants_tcp, TIMEOUT_MS, query, &arena, &answer, &problem);
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
        {"+dnssec", &asking->wants_dnssec, true}, {"+cd", &asking->wants_cd, true},
        {"+cdflag", &asking->wants_cd, true},     {"+tcp", &asking->wants_tcp, true},
        {"+short", &asking->is_short, true},      {"--json", &asking->is_json, true},
        {"+norec", &asking->is_recursive, false}, {"+norecurse", &asking->is_recursive, false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strcmp(word, rows[i].word) == 0) {
            *rows[i].is_on = rows[i].value;
            return true;
        }
    }
    return false;
}

static int word_read(struct asking *asking, const char *word)
{
    struct problem problem = {0};
    if (word[0] == '@') {
        return address_read(span_of_text(word + 1), DNS_PORT, &asking->server) == OK
                   ? EXIT_DONE
                   : command_usage_error("ask", "%s is no server; write @ADDRESS or @ADDRESS@PORT",
                                         word);
    }
    if (switch_read(asking, word)) {
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
    struct asking asking = {.question = {.type = TYPE_A, .class_ = CLASS_IN}, .is_recursive = true};
    enum status status = address_read(SPAN_LITERAL("127.0.0.1"), DNS_PORT, &asking.server);
    require(status == OK);
    for (int i = 1; i < argc; i++) {
        int code = word_read(&asking, argv[i]);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    return asking.has_name ? ask(&asking)
                           : command_usage_error("ask", "which name? see vouch help ask");
}

const struct command COMMAND_ASK = {
    .name = "ask",
    .summary = "look something up",
    .usage =
        "usage: vouch ask [@ADDRESS[@PORT]] NAME [TYPE] [+dnssec] [+cd] [+tcp] [+norec] [+short] "
        "[--json]\n"
        "\n"
        "Asks one server (default 127.0.0.1) and prints its answer, with the extended error where\n"
        "there is one. Exit code 0: an answer came, whatever it says; 9: none came.\n",
    .run = ask_run,
};
