/* `vouch diff`: what differs between two versions of a zone, record by record. */
#include "command/commands.h"
#include "command/zone_open.h"
#include "core/dns/rdata.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_chain.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { OPTION_ORIGIN, OPTION_NO_DNSSEC, OPTION_JSON, OPTION_COUNT };
enum { RECORD_TEXT_MAX = 4 * 65536 + NAME_TEXT_MAX + 64, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2 };

static const char NAME[] = "diff";

struct showing {
    bool leaves_dnssec; /* records that a signer makes are left out */
    json_t *list;       /* NULL: text at once */
    size_t count;
    uint8_t text[RECORD_TEXT_MAX];
};

static enum status show(void *user, bool is_added, const struct rrset *record)
{
    struct showing *showing = user;
    if (showing->leaves_dnssec && chain_is_made(record->owner, record->type)) {
        return OK;
    }
    showing->count++;
    if (showing->list == NULL) {
        struct writer text = writer_over(showing->text, sizeof showing->text);
        rrset_write_text(record, &text);
        printf("%c %.*s", is_added ? '+' : '-', (int)text.len, (const char *)showing->text);
        return text.status;
    }
    char owner[NAME_TEXT_MAX];
    char type[TYPE_TEXT_MAX];
    struct writer text = writer_over(showing->text, sizeof showing->text);
    rdata_write_text(record->type, rrset_only(record), &text);
    json_array_append_new(
        showing->list,
        json_pack("{s:s, s:s, s:I, s:s, s:s%}", "change", is_added ? "add" : "remove", "owner",
                  name_print(record->owner, owner), "ttl", (json_int_t)record->ttl_s, "type",
                  type_print(record->type, type), "rdata", (const char *)showing->text, text.len));
    return text.status;
}

/* A difference of the SOA is one too; zone_diff leaves it to its callers. */
static enum status show_soa(struct showing *showing, const struct zone *from, const struct zone *to)
{
    const struct rrset *before = zone_soa(from);
    const struct rrset *after = zone_soa(to);
    if (before == NULL || after == NULL ||
        (before->ttl_s == after->ttl_s && rrset_equal(before, after))) {
        return OK;
    }
    enum status status = show(showing, false, before);
    return status == OK ? show(showing, true, after) : status;
}

static int print_json(struct showing *showing, const struct zone *from, const struct zone *to)
{
    json_t *whole = json_pack("{s:I, s:I, s:o}", "from_serial", (json_int_t)zone_serial(from),
                              "to_serial", (json_int_t)zone_serial(to), "changes", showing->list);
    int failed = whole == NULL ? -1 : json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(whole);
    puts("");
    return failed == 0 ? 0 : EXIT_TROUBLE;
}

static int compare(const struct zone *from, const struct zone *to,
                   const struct command_option *options)
{
    static struct showing showing;
    bool is_json = options[OPTION_JSON].count > 0;
    showing = (struct showing){.leaves_dnssec = options[OPTION_NO_DNSSEC].count > 0,
                               .list = is_json ? json_array() : NULL};
    enum status status = show_soa(&showing, from, to);
    status = status == OK ? zone_diff(from, to, show, &showing) : status;
    if (status != OK) {
        struct problem problem = {0};
        json_decref(showing.list);
        problem_set(&problem, status, "the zones cannot be compared: %s", status_text(status));
        (void)command_failed(NAME, &problem);
        return EXIT_TROUBLE;
    }
    int code = is_json ? print_json(&showing, from, to) : 0;
    return code != 0 ? code : showing.count == 0 ? EXIT_DONE : EXIT_DIFFERENT;
}

static int diff_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_NO_DNSSEC] = {.name = "--no-dnssec"},
        [OPTION_JSON] = {.name = "--json"},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    if (word_count != 2) {
        return command_usage_error(NAME, "it wants two zone files: before and after");
    }
    const char *origin = command_value(&options[OPTION_ORIGIN]);
    struct zone *from = zone_open_file(NAME, argv[1], origin);
    struct zone *to = from == NULL ? NULL : zone_open_file(NAME, argv[2], origin);
    code = EXIT_TROUBLE;
    if (from != NULL && to != NULL) {
        struct problem problem = {0};
        if (name_equal(zone_apex(from), zone_apex(to))) {
            code = compare(from, to, options);
        } else {
            problem_place(&problem, argv[2], 0, 0);
            problem_set(&problem, MISMATCH, "it is another zone than %s", argv[1]);
            (void)command_failed(NAME, &problem);
        }
    }
    zone_release(from);
    zone_release(to);
    return code;
}

const struct command COMMAND_DIFF = {
    .name = "diff",
    .summary = "show what differs between two versions of a zone",
    .usage =
        "usage: vouch diff [OPTION]... A B\n"
        "\n"
        "Prints each record that is in one of the two zone files only: \"-\" before those of\n"
        "A, \"+\" before those of B, in canonical order; a record with another TTL is another\n"
        "record. How the files are written does not matter. Exit codes as of diff(1): 0 the\n"
        "same, 1 different, 2 trouble.\n"
        "\n"
        "  -o ZONE        the zone in the files; without it the owner of the first SOA\n"
        "  --no-dnssec    leave out what a signer makes\n"
        "  --json         the same for programs\n",
    .run = diff_run,
};
