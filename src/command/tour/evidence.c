/* Showing evidence, asking DNS servers, and acting through control sockets. */
#include "command/tour/evidence.h"

#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "world/real/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOWN_LEN_MAX = 600, LINE_MAX_LEN = 8192, ASK_TIMEOUT_MS = 5000, AWAIT_PAUSE_MS = 100 };

int64_t tour_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void tour_pause(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

char *tour_text(struct tour *tour, const char *format, ...)
{
    static char nothing[] = "";
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_take(&tour->arena, (size_t)len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text == NULL ? nothing : text;
}

void tour_say(struct tour *tour, const char *format, ...)
{
    (void)tour;
    va_list args;
    va_start(args, format);
    printf("    ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

void tour_keep(struct tour *tour, size_t slot, const char *text)
{
    require(slot < LEN(tour->kept));
    free(tour->kept[slot]);
    tour->kept[slot] = strdup(text);
}

static void print_evidence(const char *evidence)
{
    printf("    | ");
    size_t len = 0;
    for (const char *at = evidence; *at != '\0' && len < SHOWN_LEN_MAX; at++, len++) {
        putchar(*at);
        if (*at == '\n' && at[1] != '\0') {
            printf("    | ");
        }
    }
    printf("%s\n", evidence[0] == '\0' ? "(nothing)" : len == SHOWN_LEN_MAX ? " ..." : "");
}

void tour_show(struct tour *tour, const char *evidence, const char *wanted, const char *unwanted)
{
    require(wanted != NULL && wanted[0] != '\0');
    const char *seen = tour->step == tour->broken ? "" : evidence;
    print_evidence(seen);
    if (strstr(seen, wanted) == NULL) {
        printf("    MISSING: %s\n", wanted);
        tour->holds = false;
    } else if (unwanted != NULL && strstr(seen, unwanted) != NULL) {
        printf("    MUST NOT BE THERE: %s\n", unwanted);
        tour->holds = false;
    }
}

/* One exchange, read. */
static enum status exchange(struct tour *tour, const char *server, struct question question,
                            unsigned how, struct message *message)
{
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    uint16_t flags = (uint16_t)(FLAG_RD | ((how & ASK_CD) != 0 ? FLAG_CD : 0));
    struct span query = message_make_query(bytes, sizeof bytes, tour->next_id++, flags, question,
                                           (how & ASK_DO) != 0, MESSAGE_UDP_LEN_DEFAULT);
    struct span answer;
    const struct dns_server asked = {.address = lab_address(tour->lab, server, tour->lab->port),
                                     .way = (how & ASK_TCP) != 0 ? DNS_BY_TCP : DNS_BY_UDP,
                                     .timeout_ms = ASK_TIMEOUT_MS};
    enum status status = dns_ask(&asked, query, &tour->arena, &answer, NULL);
    return status == OK ? message_read(answer, &tour->arena, message) : status;
}

static enum status question_make(const char *name, uint16_t type, struct name_buffer *buffer,
                                 struct question *question)
{
    question->type = type;
    question->class_ = CLASS_IN;
    return name_parse(span_of_text(name), NULL, buffer, &question->name, NULL);
}

static void write_flags(uint16_t flags, struct writer *line)
{
    static const struct {
        uint16_t flag;
        const char *word;
    } rows[] = {{FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"}, {FLAG_RD, "rd"},
                {FLAG_RA, "ra"}, {FLAG_AD, "ad"}, {FLAG_CD, "cd"}};
    writer_text(line, "; flags:");
    for (size_t i = 0; i < LEN(rows); i++) {
        if ((flags & rows[i].flag) != 0) {
            writer_print(line, " %s", rows[i].word);
        }
    }
}

/* Long rdata is cut: people read the first words. */
static void write_rdata(uint16_t type, struct span rdata, struct writer *line)
{
    enum { RDATA_SHOWN_MAX = 60, RDATA_TEXT_MAX = 4096 };
    char text[RDATA_TEXT_MAX];
    struct writer writer = writer_over(text, sizeof text);
    rdata_write_text(type, rdata, &writer);
    size_t len = writer.len;
    bool is_long = (type == TYPE_RRSIG || type == TYPE_DNSKEY) && len > RDATA_SHOWN_MAX;
    writer_span(line, span_of(text, is_long ? RDATA_SHOWN_MAX : len));
    writer_text(line, is_long ? "..." : "");
}

static void write_section(const char *heading, const struct message_section *section,
                          struct writer *line)
{
    bool is_first = true;
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            writer_print(line, "%s", is_first ? heading : ", ");
            is_first = false;
            name_write_text(rrset->owner, line);
            writer_print(line, " %u ", rrset->ttl_s);
            type_write(rrset->type, line);
            writer_u8(line, ' ');
            write_rdata(rrset->type, rdata, line);
        }
    }
}

static void write_ede(const struct edns *edns, struct writer *line)
{
    struct span value;
    if (!edns_find(edns, EDNS_OPTION_EDE, &value) || value.len < 2) {
        return;
    }
    writer_print(line, "; EDE %u: ", (unsigned)value.bytes[0] << 8 | value.bytes[1]);
    writer_span(line, span_part(value, 2, value.len - 2));
}

char *tour_ask(struct tour *tour, const char *server, const char *name, uint16_t type, unsigned how)
{
    struct name_buffer buffer;
    struct question question;
    struct message message;
    if (question_make(name, type, &buffer, &question) != OK ||
        exchange(tour, server, question, how, &message) != OK) {
        return tour_text(tour, "no answer");
    }
    char bytes[LINE_MAX_LEN];
    struct writer line = writer_over(bytes, sizeof bytes);
    writer_text(&line, rcode_text(message.rcode));
    write_flags(message.flags, &line);
    write_section("; answer: ", &message.sections[SECTION_ANSWER], &line);
    write_section("; authority: ", &message.sections[SECTION_AUTHORITY], &line);
    write_section("; additional: ", &message.sections[SECTION_ADDITIONAL], &line);
    write_ede(&message.edns, &line);
    return tour_text(tour, "%.*s", (int)line.len, bytes);
}

/* The RRset asked for in the answer section, or NULL. */
static const struct rrset *answered(struct tour *tour, const char *server, const char *name,
                                    uint16_t type)
{
    struct name_buffer buffer;
    struct question question;
    struct message *message = arena_take(&tour->arena, sizeof *message);
    if (message == NULL || question_make(name, type, &buffer, &question) != OK ||
        exchange(tour, server, question, ASK_TCP, message) != OK) {
        return NULL;
    }
    for (size_t i = 0; i < message->sections[SECTION_ANSWER].count; i++) {
        if (message->sections[SECTION_ANSWER].rrsets[i].type == type) {
            return &message->sections[SECTION_ANSWER].rrsets[i];
        }
    }
    return NULL;
}

char *tour_rdata(struct tour *tour, const char *server, const char *name, uint16_t type)
{
    const struct rrset *rrset = answered(tour, server, name, type);
    if (rrset == NULL) {
        return NULL;
    }
    char bytes[LINE_MAX_LEN];
    struct writer text = writer_over(bytes, sizeof bytes);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        rdata_write_text(type, rdata, &text);
        writer_u8(&text, '\n');
    }
    return tour_text(tour, "%.*s", (int)text.len, bytes);
}

long tour_ttl(struct tour *tour, const char *server, const char *name, uint16_t type)
{
    const struct rrset *rrset = answered(tour, server, name, type);
    return rrset == NULL ? -1 : (long)rrset->ttl_s;
}

char *tour_await(struct tour *tour, const char *server, const char *name, uint16_t type,
                 unsigned how, const char *wanted, const char *unwanted, unsigned timeout_ms)
{
    int64_t end_ms = tour_mono_ms() + timeout_ms;
    for (;;) {
        char *line = tour_ask(tour, server, name, type, how);
        bool is_there =
            strstr(line, wanted) != NULL && (unwanted == NULL || strstr(line, unwanted) == NULL);
        if (is_there || tour_mono_ms() >= end_ms) {
            return line;
        }
        tour_pause(AWAIT_PAUSE_MS);
    }
}

char *tour_control(struct tour *tour, const char *name, const char *line)
{
    struct span text = SPAN_EMPTY;
    struct problem problem = {0};
    char *path = tour_text(tour, "run/%s.control", name);
    enum status status = control_ask(path, line, &tour->arena, &text, &problem);
    if (status != OK) {
        return tour_text(tour, "refused: %s%.*s", problem.sentence, (int)text.len,
                         (const char *)text.bytes);
    }
    return tour_text(tour, "%.*s", (int)text.len, (const char *)text.bytes);
}
