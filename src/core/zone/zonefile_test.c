/* Zone files: what each line means, what each wrong line is told, and the real zones. */
#include "core/zone/zonefile.h"

#include "core/base/text.h"
#include "core/zone/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t EXAMPLE_OCTETS[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
static const struct name EXAMPLE = {EXAMPLE_OCTETS, sizeof EXAMPLE_OCTETS, 1};

enum { OUTPUT_SIZE = 16384 };

struct gathered {
    struct writer text; /* records as text, findings as LINE:COLUMN: SENTENCE */
    uint8_t octets[OUTPUT_SIZE];
    size_t records;
    size_t findings;
    enum status record_status;
};

static enum status record_take(void *user, const struct rrset *record, uint32_t line)
{
    (void)line;
    struct gathered *gathered = user;
    gathered->records++;
    rrset_write_text(record, &gathered->text);
    return gathered->record_status;
}

static enum status record_count(void *user, const struct rrset *record, uint32_t line)
{
    (void)record, (void)line;
    struct gathered *gathered = user;
    gathered->records++;
    return OK;
}

static void problem_take(void *user, const struct problem *problem)
{
    struct gathered *gathered = user;
    gathered->findings++;
    writer_print(&gathered->text, "%s:%u:%u: %.300s\n", problem->place, problem->line,
                 problem->column, problem->sentence);
}

static enum status open_include(void *user, const char *file, struct span *text)
{
    (void)user;
    static const struct {
        const char *file;
        const char *text;
    } FILES[] = {
        {"sub", "@ A 192.0.2.7\nb A 192.0.2.8\n"},
        {"bad", "\nx A 1\n"},
        {"outer", "$INCLUDE inner deep\nc 60 A 192.0.2.4\n"},
        {"inner", "b 60 A 192.0.2.3\n"},
        {"self", "$INCLUDE self\nx A 192.0.2.9\n"},
        {"many", "$INCLUDE many\n$INCLUDE many\n$INCLUDE many\n$INCLUDE many\n"},
        {"origin", "$ORIGIN other.\n$TTL 7\nc A 192.0.2.3\n"},
    };
    for (size_t i = 0; i < LEN(FILES); i++) {
        if (strcmp(FILES[i].file, file) == 0) {
            *text = span_of_text(FILES[i].text);
            return OK;
        }
    }
    return NOT_FOUND;
}

static enum status read_text(const char *text, struct gathered *gathered)
{
    *gathered = (struct gathered){.records = 0};
    gathered->text = writer_over(gathered->octets, sizeof gathered->octets - 1);
    struct zonefile_source source = {"f", span_of_text(text), EXAMPLE, 0, open_include, NULL};
    struct zonefile_sink sink = {record_take, problem_take, gathered};
    return zonefile_read(&source, &sink);
}

/* Blanks of any kind count as one, so that rows do not depend on how columns are set. */
static bool is_same(struct span a, const char *b)
{
    size_t at = 0;
    for (size_t i = 0; i < a.len; i++) {
        char octet = a.bytes[i] == '\t' ? ' ' : (char)a.bytes[i];
        if (b[at] == '\0' || octet != b[at++]) {
            return false;
        }
    }
    return b[at] == '\0';
}

static const struct good {
    const char *why;
    const char *text;
    const char *records;
} GOOD[] = {
    {"nothing", "", ""},
    {"comments and empty lines", "; x\n\n  ; y\n\t\n()\n", ""},
    {"TTL, then class", "a 60 IN A 192.0.2.1\n", "a.example. 60 IN A 192.0.2.1\n"},
    {"class, then TTL", "a IN 60 A 192.0.2.1\n", "a.example. 60 IN A 192.0.2.1\n"},
    {"lower case", "a in 1m a 192.0.2.1\n", "a.example. 60 IN A 192.0.2.1\n"},
    {"no final newline", "a 60 A 192.0.2.1", "a.example. 60 IN A 192.0.2.1\n"},
    {"CRLF", "a 60 A 192.0.2.1\r\n\r\n 60 A 192.0.2.2\r\n",
     "a.example. 60 IN A 192.0.2.1\na.example. 60 IN A 192.0.2.2\n"},
    {"the owner and TTL of the record before", "a 60 A 192.0.2.1\n\tA 192.0.2.2\n",
     "a.example. 60 IN A 192.0.2.1\na.example. 60 IN A 192.0.2.2\n"},
    {"$TTL goes before the last TTL", "$TTL 1h\na 60 A 192.0.2.1\n A 192.0.2.2\n",
     "a.example. 60 IN A 192.0.2.1\na.example. 3600 IN A 192.0.2.2\n"},
    {"TTL 0 is a TTL", "$TTL 0\na A 192.0.2.1\n", "a.example. 0 IN A 192.0.2.1\n"},
    {"@ and absolute names", "@ 60 NS a\nb. 60 NS c.\n",
     "example. 60 IN NS a.example.\nb. 60 IN NS c.\n"},
    {"$ORIGIN, relative to the one before", "$ORIGIN sub\na 60 A 192.0.2.1\n",
     "a.sub.example. 60 IN A 192.0.2.1\n"},
    {"parentheses over lines", "a 60 SOA (b c 1 ; serial\n 1h\n2h\t3h)4h ; end\nd 60 A 192.0.2.1\n",
     "a.example. 60 IN SOA b.example. c.example. 1 3600 7200 10800 14400\n"
     "d.example. 60 IN A 192.0.2.1\n"},
    {"quotes keep blanks, comments and parentheses", "a 60 TXT \"b ; (c\" d;e\n",
     "a.example. 60 IN TXT \"b ; (c\" \"d\"\n"},
    {"escapes", "a\\.b\\032c 60 TXT \"\\\"\\\\\\200\" \\;x\n",
     "a\\.b\\032c.example. 60 IN TXT \"\\\"\\\\\\200\" \";x\"\n"},
    {"an owner that is a type's word", "a 60 A 192.0.2.1\nA 60 A 192.0.2.2\n",
     "a.example. 60 IN A 192.0.2.1\nA.example. 60 IN A 192.0.2.2\n"},
    {"an owner of digits", "60 60 A 192.0.2.1\n", "60.example. 60 IN A 192.0.2.1\n"},
    {"unknown type", "a 60 TYPE65280 \\# 2 AB CD\n", "a.example. 60 IN TYPE65280 \\# 2 ABCD\n"},
    {"unknown class", "a 60 CLASS32 TXT x\n", "a.example. 60 CLASS32 TXT \"x\"\n"},
    {"a value in quotes", "a 60 HTTPS 1 . alpn=\"h2,h3\" port=1\n",
     "a.example. 60 IN HTTPS 1 . alpn=\"h2,h3\" port=1\n"},
    {"a file in another, with its own origin",
     "a 60 A 192.0.2.1\n$INCLUDE sub sub\n A 192.0.2.2\nb A 192.0.2.3\n",
     "a.example. 60 IN A 192.0.2.1\nsub.example. 60 IN A 192.0.2.7\n"
     "b.sub.example. 60 IN A 192.0.2.8\na.example. 60 IN A 192.0.2.2\n"
     "b.example. 60 IN A 192.0.2.3\n"},
    {"the origin of an included file ends with it", "$INCLUDE origin\nd 60 A 192.0.2.4\n",
     "c.other. 7 IN A 192.0.2.3\nd.example. 60 IN A 192.0.2.4\n"},
    {"$GENERATE", "$GENERATE 1-3/2 h$ 60 IN A 192.0.2.$\n",
     "h1.example. 60 IN A 192.0.2.1\nh3.example. 60 IN A 192.0.2.3\n"},
    {"$GENERATE with offset, width and base",
     "$GENERATE 9-10 h${1,3,x} 60 TXT \"$$ \\$ ${-9}\" ${0,4,n}\n",
     "h00a.example. 60 IN TXT \"$ $ 0\" \"9.0.\"\nh00b.example. 60 IN TXT \"$ $ 1\" \"a.0.\"\n"},
    {"$GENERATE in octal, with an offset below 0", "$GENERATE 8-9 o${0,3,o} 60 A 192.0.2.${-7}\n",
     "o010.example. 60 IN A 192.0.2.1\no011.example. 60 IN A 192.0.2.2\n"},
    {"$GENERATE in capitals, by nibbles",
     "$GENERATE 171-171 x${0,4,X} 60 TXT ${0,8,N} ${0,1,n} ${0,7,n}\n",
     "x00AB.example. 60 IN TXT \"B.A.0.0.\" \"b.a\" \"b.a.0.0\"\n"},
    {"$GENERATE with all rdata in quotes, as for BIND", "$GENERATE 0-3/3 m 60 MX \"$ m$\"\n",
     "m.example. 60 IN MX 0 m0.example.\nm.example. 60 IN MX 3 m3.example.\n"},
    {"$GENERATE with a text in quotes", "$GENERATE 1-1 t 60 TXT \"a $\"\n",
     "t.example. 60 IN TXT \"a 1\"\n"},
    {"nested files", "$INCLUDE outer\na 60 A 192.0.2.5\n",
     "b.deep.example. 60 IN A 192.0.2.3\nc.example. 60 IN A 192.0.2.4\n"
     "a.example. 60 IN A 192.0.2.5\n"},
    {"a blank before a parenthesis is an owner's place", "a 60 A 192.0.2.1\n ( A 192.0.2.2 )\n",
     "a.example. 60 IN A 192.0.2.1\na.example. 60 IN A 192.0.2.2\n"},
    {"TTL units in capitals, and all of them", "a 1W2D3H4M5S A 192.0.2.1\n",
     "a.example. 788645 IN A 192.0.2.1\n"},
};

static void good_lines_become_records(void **state)
{
    (void)state;
    static struct gathered gathered;
    for (size_t i = 0; i < LEN(GOOD); i++) {
        enum status status = read_text(GOOD[i].text, &gathered);
        if (status != OK || !is_same(writer_written(&gathered.text), GOOD[i].records)) {
            print_error("%s: %s\n%s", GOOD[i].why, status_text(status),
                        (const char *)gathered.octets);
            fail();
        }
    }
}

static const struct bad {
    const char *why;
    const char *text;
    const char *place;    /* of the first finding */
    const char *sentence; /* a part of it */
    size_t findings;
    size_t records;
} BAD[] = {
    {"no owner before", " 60 A 192.0.2.1\n", "f:1:2:", "an owner name", 1, 0},
    {"no TTL anywhere", "a A 192.0.2.1\n", "f:1:3:", "a TTL before the type", 1, 0},
    {"a TTL above 31 bits", "a 2147483648 A 192.0.2.1\n", "f:1:3:", "2147483647", 1, 0},
    {"an unknown type", "a 60 BOGUS x\n", "f:1:6:", "an RR type, found \"BOGUS\"", 1, 0},
    {"an owner alone", "a\n", "f:1:2:", "an RR type, found the end", 1, 0},
    {"no rdata", "a 60 A\n", "f:1:7:", "an IPv4 address, found the end", 1, 0},
    {"a question's type", "a 60 ANY x\n", "f:1:6:", "zones may hold", 1, 0},
    {"OPT", "a 60 OPT \\# 0\n", "f:1:6:", "zones may hold", 1, 0},
    {"two classes", "a IN CH A 192.0.2.1\n", "f:1:6:", "a TTL, a class or an RR type", 1, 0},
    {"two TTLs", "a 60 60 A 192.0.2.1\n", "f:1:6:", "a TTL, a class or an RR type", 1, 0},
    {"wrong rdata", "a 60 MX ten b\n", "f:1:9:", "0 to 65535", 1, 0},
    {"within quotes, counted from the quote", "a 60 A \"x\"\n", "f:1:8:", "an IPv4 address", 1, 0},
    {"behind a tab", "a\t60\tA\t1\n", "f:1:8:", "an IPv4 address", 1, 0},
    {"on a line within parentheses", "a 60 MX (\n 10\n b c )\n", "f:3:4:", "end of the record", 1,
     0},
    {"an empty label", "a..b 60 A 192.0.2.1\n", "f:1:1:", "empty label", 1, 0},
    {"an open quote", "a 60 TXT \"b\nc 60 A 192.0.2.1\n", "f:1:10:", "no end on its line", 1, 1},
    {"an open quote in parentheses", "a 60 TXT ( \"b\n c )\nd 60 A 192.0.2.1\n",
     "f:1:12:", "no end on its line", 1, 1},
    {"an open parenthesis", "a 60 A 192.0.2.1\nb 60 A ( 192.0.2.2\nc 60 A 192.0.2.3\n",
     "f:2:8:", "never closed", 1, 1},
    {"a closing parenthesis", "a 60 A 192.0.2.1 )\nb 60 A 192.0.2.2\n", "f:1:18:", "never opened",
     1, 1},
    {"all are told", "a 60 A 1\nb 60 A 2\nc 60 A 192.0.2.3\nd 60 A 4\n", "f:1:8:", "IPv4", 3, 1},
    {"an unknown directive", "$BOGUS\n", "f:1:1:", "$ORIGIN, $TTL", 1, 0},
    {"$ORIGIN without a name", "$ORIGIN\n", "f:1:1:", "$ORIGIN and a domain name", 1, 0},
    {"$TTL with a word", "$TTL soon\n", "f:1:6:", "a TTL", 1, 0},
    {"$TTL with more", "$TTL 1 2\n", "f:1:8:", "$TTL and a TTL", 1, 0},
    {"$INCLUDE of nothing", "$INCLUDE\n", "f:1:1:", "$INCLUDE", 1, 0},
    {"$INCLUDE of a missing file", "$INCLUDE none\na 60 A 192.0.2.1\n",
     "f:1:10:", "cannot include none", 1, 1},
    {"a finding in an included file", "$TTL 60\n$INCLUDE bad\n", "bad:2:5:", "IPv4", 1, 0},
    {"a file that includes itself", "$TTL 60\n$INCLUDE self\n", "self:1:10:", "too deeply", 1, 7},
    {"a range that falls", "$GENERATE 3-1 a$ 60 A 192.0.2.$\n", "f:1:11:", "a range", 1, 0},
    {"a range without end", "$GENERATE 0-2147483647 a$ 60 A 192.0.2.1\n", "f:1:11:", "a range", 1,
     0},
    {"a step of 0", "$GENERATE 1-2/0 a$ 60 A 192.0.2.1\n", "f:1:11:", "a range", 1, 0},
    {"a result below 0", "$GENERATE 1-2 a${-2} 60 A 192.0.2.1\n", "f:1:15:", "a result from 0", 1,
     0},
    {"one finding for a $GENERATE", "$GENERATE 1-9 a$ 60 A 192.0.2.$x\n", "f:1:23:", "IPv4", 1, 0},
};

static void wrong_lines_are_all_told(void **state)
{
    (void)state;
    static struct gathered gathered;
    for (size_t i = 0; i < LEN(BAD); i++) {
        enum status status = read_text(BAD[i].text, &gathered);
        const char *told = (const char *)gathered.octets;
        const char *found = strstr(told, BAD[i].place);
        bool is_at_line_start = found != NULL && (found == told || found[-1] == '\n');
        if (status != MALFORMED || gathered.findings != BAD[i].findings ||
            gathered.records != BAD[i].records || !is_at_line_start ||
            strstr(found, BAD[i].sentence) == NULL) {
            print_error("%s: %s, %zu findings, %zu records:\n%s", BAD[i].why, status_text(status),
                        gathered.findings, gathered.records, told);
            fail();
        }
    }
}

static void limits_hold(void **state)
{
    (void)state;
    static struct gathered gathered;
    static char text[60000];
    /* Each file includes itself four times: 4^7 readings without a limit on their number. */
    assert_int_equal(read_text("$INCLUDE many\n", &gathered), MALFORMED);
    assert_true(gathered.findings < 100000);
    /* One field more than a record may have. */
    size_t len = (size_t)snprintf(text, sizeof text, "a 60 TXT");
    for (size_t i = 0; i < 4094; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, " x");
    }
    assert_int_equal(read_text(text, &gathered), MALFORMED);
    assert_int_equal(gathered.findings, 1);
    assert_non_null(strstr((const char *)gathered.octets, "too many fields"));
}

static void the_sink_can_stop(void **state)
{
    (void)state;
    static struct gathered gathered;
    gathered = (struct gathered){.record_status = NO_MEMORY};
    gathered.text = writer_over(gathered.octets, sizeof gathered.octets);
    struct zonefile_source source = {
        .file = "f",
        .text = SPAN_LITERAL("a 60 A 192.0.2.1\nb 60 A 192.0.2.2\n"),
        .origin = EXAMPLE,
    };
    struct zonefile_sink sink = {record_take, problem_take, &gathered};
    assert_int_equal(zonefile_read(&source, &sink), NO_MEMORY);
    assert_int_equal(gathered.records, 1);
}

static void the_source_may_bring_a_ttl(void **state)
{
    (void)state;
    static struct gathered gathered;
    gathered = (struct gathered){.records = 0};
    gathered.text = writer_over(gathered.octets, sizeof gathered.octets);
    struct zonefile_source source = {
        .text = SPAN_LITERAL("a A 192.0.2.1\n$INCLUDE sub\n"),
        .origin = EXAMPLE,
        .ttl_default_s = 5,
    };
    struct zonefile_sink sink = {record_take, problem_take, &gathered};
    assert_int_equal(zonefile_read(&source, &sink), MALFORMED); /* nobody opens files */
    assert_non_null(strstr((const char *)gathered.octets, "a.example."));
    assert_non_null(strstr((const char *)gathered.octets, "may not include"));
}

static char *read_file(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/data/%s", VOUCH_SOURCE_ROOT, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = test_malloc((size_t)size);
    *len = fread(text, 1, (size_t)size, file);
    assert_int_equal(*len, size);
    fclose(file);
    return text;
}

static const struct real {
    const char *file;
    const char *apex;
    size_t lines;   /* that are neither empty nor comments */
    size_t records; /* a transfer ends with the SOA once more */
} REAL[] = {
    {"root-2026073102-signed.zone", ".", 24877, 24877},
    {"root-2024101100-signed.zone", ".", 25048, 25047},
    {"arpa-20241011-signed.zone", "arpa.", 229, 228},
};

struct text_sink {
    uint8_t *octets;
    size_t len, size;
};

static void write_piece(void *user, struct span text)
{
    struct text_sink *sink = user;
    assert_true(text.len <= sink->size - sink->len);
    memcpy(sink->octets + sink->len, text.bytes, text.len);
    sink->len += text.len;
}

static struct zone *load(const char *file, struct span text, struct name apex,
                         struct gathered *gathered)
{
    struct zone *zone = NULL;
    struct zonefile_source source = {.file = file, .text = text, .origin = NAME_ROOT};
    enum status status = zonefile_load(&source, apex, problem_take, gathered, &zone);
    if (status != OK) {
        print_error("%s: %s\n%s", file, status_text(status), (const char *)gathered->octets);
    }
    return zone;
}

/* Every record of both, in order. */
static void expect_same_zone(const struct zone *a, const struct zone *b)
{
    struct zone_cursor cursor_a, cursor_b;
    zone_walk(a, &cursor_a);
    zone_walk(b, &cursor_b);
    const struct zone_node *node_a, *node_b;
    while ((node_a = zone_walk_next(&cursor_a)) != NULL) {
        node_b = zone_walk_next(&cursor_b);
        assert_non_null(node_b);
        assert_int_equal(node_a->rrset_count, node_b->rrset_count);
        for (uint16_t i = 0; i < node_a->rrset_count; i++) {
            assert_true(rrset_equal(&node_a->rrsets[i], &node_b->rrsets[i]));
            assert_int_equal(node_a->rrsets[i].ttl_s, node_b->rrsets[i].ttl_s);
        }
    }
    assert_null(zone_walk_next(&cursor_b));
    assert_int_equal(zone_record_count(a), zone_record_count(b));
}

static void real_zones_are_read_and_written(void **state)
{
    (void)state;
    static struct gathered gathered;
    for (size_t i = 0; i < LEN(REAL); i++) {
        size_t len;
        char *text = read_file(REAL[i].file, &len);
        gathered = (struct gathered){.records = 0};
        gathered.text = writer_over(gathered.octets, sizeof gathered.octets - 1);
        struct zonefile_source source = {
            .file = REAL[i].file, .text = span_of(text, len), .origin = NAME_ROOT};
        struct zonefile_sink sink = {record_count, problem_take, &gathered};
        assert_int_equal(zonefile_read(&source, &sink), OK);
        assert_int_equal(gathered.findings, 0);
        assert_int_equal(gathered.records, REAL[i].lines);

        struct name_buffer buffer;
        struct name apex;
        assert_int_equal(name_parse(span_of_text(REAL[i].apex), NULL, &buffer, &apex, NULL), OK);
        struct zone *zone = load(REAL[i].file, span_of(text, len), apex, &gathered);
        assert_non_null(zone);
        assert_int_equal(zone_record_count(zone), REAL[i].records);

        struct text_sink written = {test_malloc(4 << 20), 0, 4 << 20};
        assert_int_equal(zonefile_write(zone, write_piece, &written), OK);
        struct zone *again = load("written", span_of(written.octets, written.len), apex, &gathered);
        assert_non_null(again);
        expect_same_zone(zone, again);
        zone_release(zone);
        zone_release(again);
        test_free(written.octets);
        test_free(text);
    }
}

static const struct loaded {
    const char *why;
    const char *text;
    const char *finding; /* NULL: the zone is made */
} LOADED[] = {
    {"in the zone", "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\na.b 60 A 192.0.2.1\n", NULL},
    {"the apex's parent", "@ 60 NS a\n. 60 NS a\n", "f:2:1: . is outside of the zone example."},
    {"a neighbour", "a.notexample. 60 A 192.0.2.1\n", "f:1:1: a.notexample. is outside"},
    {"another class", "a 60 CH TXT x\n", "f:1:9:"},
    {"a wrong record", "a 60 A x\n", "f:1:8:"},
};

static void zones_hold_their_own_names_alone(void **state)
{
    (void)state;
    static struct gathered gathered;
    for (size_t i = 0; i < LEN(LOADED); i++) {
        gathered = (struct gathered){.records = 0};
        gathered.text = writer_over(gathered.octets, sizeof gathered.octets - 1);
        struct zone *zone = NULL;
        struct zonefile_source source = {
            .file = "f", .text = span_of_text(LOADED[i].text), .origin = EXAMPLE};
        enum status status = zonefile_load(&source, EXAMPLE, problem_take, &gathered, &zone);
        const char *told = (const char *)gathered.octets;
        bool is_good =
            LOADED[i].finding == NULL
                ? status == OK && zone != NULL && zone_record_count(zone) == 3
                : status == MALFORMED && zone == NULL && strstr(told, LOADED[i].finding) == told;
        if (!is_good) {
            print_error("%s: %s\n%s", LOADED[i].why, status_text(status), told);
            fail();
        }
        zone_release(zone);
    }
}

/* The last piece first. */
static void run_backwards(void *self, void (*work)(void *user, size_t index), void *user,
                          size_t count)
{
    (void)self;
    while (count > 0) {
        work(user, --count);
    }
}

/* Pieces end anywhere among the names, and one holds more than its buffer. */
static void threads_write_the_text_of_one(void **state)
{
    (void)state;
    enum { ROOM = 8 << 20, LARGE = 3000 };
    static struct gathered gathered;
    static const size_t counts[] = {0, 511, 512, 1023, 1024, 1025, 5000, 6144};
    char *text = test_malloc(ROOM);
    for (size_t i = 0; i < LEN(counts); i++) {
        size_t len =
            (size_t)snprintf(text, ROOM, "$ORIGIN example.\n@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n");
        for (size_t name = 0; name < counts[i]; name++) {
            len += (size_t)snprintf(text + len, ROOM - len, "n%zu 60 A 192.0.2.1\n", name);
        }
        for (size_t record = 0; record < LARGE; record++) {
            len += (size_t)snprintf(text + len, ROOM - len, "n3 60 TXT %0200zu\n", record);
        }
        struct zone *zone = load("f", span_of(text, len), EXAMPLE, &gathered);
        assert_non_null(zone);
        struct text_sink alone = {test_malloc(ROOM), 0, ROOM};
        assert_int_equal(zonefile_write(zone, write_piece, &alone), OK);
        for (unsigned width = 1; width < 4; width++) {
            const struct parallel backwards = {.width = width, .run = run_backwards};
            struct text_sink spread = {test_malloc(ROOM), 0, ROOM};
            assert_int_equal(zonefile_write_spread(zone, &backwards, write_piece, &spread), OK);
            assert_true(
                span_equal(span_of(alone.octets, alone.len), span_of(spread.octets, spread.len)));
            test_free(spread.octets);
        }
        test_free(alone.octets);
        zone_release(zone);
    }
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_become_records),
        cmocka_unit_test(wrong_lines_are_all_told),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_sink_can_stop),
        cmocka_unit_test(the_source_may_bring_a_ttl),
        cmocka_unit_test(real_zones_are_read_and_written),
        cmocka_unit_test(zones_hold_their_own_names_alone),
        cmocka_unit_test(threads_write_the_text_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
