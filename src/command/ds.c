/* `vouch ds`: the DS records that a zone's parent needs. */
#include "command/commands.h"
#include "command/key_files.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "core/dns/rdata.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_ORIGIN, OPTION_DIGEST, OPTION_JSON, OPTION_COUNT };
enum { RECORD_TEXT_MAX = 8192 };

static const char NAME[] = "ds";

/* What is printed, and how. */
struct showing {
    uint8_t digest_type;
    json_t *list; /* NULL: lines of text, at once */
};

static void show_json(struct showing *showing, struct name zone, struct span ds)
{
    char name[NAME_TEXT_MAX];
    char digest[2 * DIGEST_LEN_MAX + 1];
    struct writer hex = writer_over(digest, sizeof digest - 1);
    text_write_base16(&hex, span_part(ds, 4, ds.len - 4));
    digest[hex.len] = '\0';
    json_array_append_new(showing->list,
                          json_pack("{s:s, s:i, s:i, s:i, s:s}", "zone", name_print(zone, name),
                                    "tag", ds.bytes[0] << 8 | ds.bytes[1], "algorithm", ds.bytes[2],
                                    "digest_type", ds.bytes[3], "digest", digest));
}

static int print_ds(struct showing *showing, struct name zone, struct span dnskey)
{
    uint8_t bytes[4 + DIGEST_LEN_MAX];
    uint8_t line[RECORD_TEXT_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct writer text = writer_over(line, sizeof line);
    enum status status = ds_make(zone, dnskey, showing->digest_type, &rdata);
    if (status != OK) {
        struct problem problem = {0};
        problem_set(&problem, status, "a DS of digest type %u cannot be made: %s",
                    showing->digest_type, status_text(status));
        return command_failed(NAME, &problem);
    }
    if (showing->list != NULL) {
        show_json(showing, zone, writer_written(&rdata));
        return EXIT_DONE;
    }
    name_write_text(zone, &text);
    writer_text(&text, " IN DS ");
    rdata_write_text(TYPE_DS, writer_written(&rdata), &text);
    printf("%.*s\n", (int)text.len, (const char *)line);
    return EXIT_DONE;
}

/* BIND's name of a key file, with or without its end. */
static bool is_key_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    size_t len = strlen(file);
    bool has_end = (len > 4 && strcmp(file + len - 4, ".key") == 0) ||
                   (len > 8 && strcmp(file + len - 8, ".private") == 0);
    const char *plus = strchr(file, '+');
    return has_end || (file[0] == 'K' && plus != NULL && strchr(plus + 1, '+') != NULL);
}

static int ds_of_key(struct showing *showing, const char *path)
{
    struct key_files files;
    struct problem problem = {0};
    key_files_open(&files);
    int code = key_files_read(&files, path, false, &problem) == OK
                   ? print_ds(showing, files.files[0].zone, files.files[0].dnskey.rdata)
                   : command_failed(NAME, &problem);
    key_files_close(&files);
    return code;
}

/* Of each key at the apex that has the SEP bit and is not revoked; without any, of each that is no
 * revoked one. */
static int ds_of_zone(struct showing *showing, const char *path, const char *origin)
{
    struct zone *zone = zone_open_file(NAME, path, origin);
    if (zone == NULL) {
        return EXIT_FAILED;
    }
    struct name apex = zone_apex(zone);
    const struct rrset *keys = zone_find_rrset(zone, apex, TYPE_DNSKEY);
    size_t printed = 0;
    int code = EXIT_DONE;
    for (int wants_sep = 1; keys != NULL && wants_sep >= 0 && printed == 0; wants_sep--) {
        struct span rdata;
        for (struct rrset_cursor at = rrset_first(keys); rrset_next(&at, &rdata);) {
            struct dnskey dnskey;
            bool is_wanted = dnskey_read(rdata, &dnskey) == OK &&
                             (dnskey.flags & DNSKEY_FLAG_REVOKE) == 0 &&
                             (wants_sep == 0 || (dnskey.flags & DNSKEY_FLAG_SEP) != 0);
            if (is_wanted && code == EXIT_DONE) {
                code = print_ds(showing, apex, rdata);
                printed++;
            }
        }
    }
    zone_release(zone);
    if (printed == 0 && code == EXIT_DONE) {
        struct problem problem = {0};
        problem_place(&problem, path, 0, 0);
        problem_set(&problem, NOT_FOUND, "the zone has no DNSKEY record; sign it first");
        return command_failed(NAME, &problem);
    }
    return code;
}

static int ds_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_DIGEST] = {.name = "--digest", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *digest_text = command_value(&options[OPTION_DIGEST]);
    uint64_t digest_type = DS_DIGEST_SHA256;
    bool is_number = digest_text == NULL ||
                     text_read_u64(span_of_text(digest_text), UINT8_MAX, &digest_type) == OK;
    if (!is_number || (digest_type != DS_DIGEST_SHA256 && digest_type != DS_DIGEST_SHA384)) {
        return command_usage_error(NAME, "--digest is 2 (SHA-256) or 4 (SHA-384)");
    }
    if (word_count != 1) {
        return command_usage_error(NAME, "it wants one key file or zone file");
    }
    struct showing showing = {(uint8_t)digest_type,
                              options[OPTION_JSON].count > 0 ? json_array() : NULL};
    code = is_key_path(argv[1])
               ? ds_of_key(&showing, argv[1])
               : ds_of_zone(&showing, argv[1], command_value(&options[OPTION_ORIGIN]));
    if (code == EXIT_DONE && showing.list != NULL) {
        json_dumpf(showing.list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
    }
    json_decref(showing.list);
    return code;
}

const struct command COMMAND_DS = {
    .name = "ds",
    .summary = "print the DS records of a key or a zone",
    .usage = "usage: vouch ds [OPTION]... KEY\n"
             "       vouch ds [OPTION]... ZONEFILE\n"
             "\n"
             "KEY is either file of a pair as `vouch keystore` makes it, or what both begin with.\n"
             "Of a zone file, the keys with the SEP bit at its apex count.\n"
             "\n"
             "  --json          the same for programs\n"
             "  --digest 2|4    SHA-256 (if not said) or SHA-384\n"
             "  -o ZONE         the zone in the file; without it the owner of the SOA\n",
    .run = ds_run,
};
