/* `vouch keys`: makes and shows key pairs in files. */
#include "command/commands.h"
#include "command/key_files.h"
#include "core/base/text.h"
#include "core/dns/rdata.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_FOLDER, OPTION_ALGORITHM, OPTION_BITS, OPTION_ROLE, OPTION_DIGEST, OPTION_COUNT };
enum { RECORD_TEXT_MAX = 8192, BITS_MAX = 4096 };

static void print_record(const struct key_file *file, uint16_t type, struct span rdata)
{
    uint8_t bytes[RECORD_TEXT_MAX];
    char type_text[TYPE_TEXT_MAX];
    struct writer text = writer_over(bytes, sizeof bytes);
    name_write_text(file->zone, &text);
    writer_print(&text, " IN %s ", type_print(type, type_text));
    rdata_write_text(type, rdata, &text);
    printf("%.*s\n", (int)text.len, (const char *)bytes);
}

static int print_ds(const struct key_file *file, uint8_t digest_type)
{
    uint8_t bytes[4 + DIGEST_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    enum status status = ds_make(file->zone, file->dnskey.rdata, digest_type, &rdata);
    if (status != OK) {
        problem_set(&problem, status, "a DS of digest type %u cannot be made: %s", digest_type,
                    status_text(status));
        return command_failed("keys", &problem);
    }
    print_record(file, TYPE_DS, writer_written(&rdata));
    return EXIT_DONE;
}

static int read_number(const struct command_option *option, uint64_t max, uint64_t *number)
{
    const char *text = command_value(option);
    if (text == NULL || text_read_u64(span_of_text(text), max, number) == OK) {
        return EXIT_DONE;
    }
    return command_usage_error("keys", "%s takes a number up to %llu", option->name,
                               (unsigned long long)max);
}

static int read_order(const struct command_option *options, struct key_order *order)
{
    const char *algorithm_text = command_value(&options[OPTION_ALGORITHM]);
    const char *role = command_value(&options[OPTION_ROLE]);
    const char *folder = command_value(&options[OPTION_FOLDER]);
    const struct algorithm *algorithm = algorithm_text == NULL
                                            ? algorithm_find(ALGORITHM_ECDSAP256SHA256)
                                            : algorithm_parse(span_of_text(algorithm_text));
    if (algorithm == NULL || !algorithm->can_sign) {
        return command_usage_error("keys", "--algorithm is one of 8, 10, 13, 14, 15, 16, or a "
                                           "name of theirs as ED25519");
    }
    uint64_t bits = 0;
    int code = read_number(&options[OPTION_BITS], BITS_MAX, &bits);
    if (code != EXIT_DONE) {
        return code;
    }
    if (role != NULL && strcmp(role, "ksk") != 0 && strcmp(role, "zsk") != 0 &&
        strcmp(role, "csk") != 0) {
        return command_usage_error("keys", "--role is ksk, zsk or csk");
    }
    order->folder = folder == NULL ? "." : folder;
    order->algorithm = algorithm->number;
    order->bits = (uint16_t)bits;
    order->flags = role != NULL && strcmp(role, "zsk") == 0 ? DNSKEY_FLAGS_ZSK : DNSKEY_FLAGS_KSK;
    return EXIT_DONE;
}

static int keys_generate(struct key_files *files, const struct command_option *options,
                         const char *word)
{
    struct key_order order;
    struct name_buffer buffer;
    struct problem problem = {0};
    int code = read_order(options, &order);
    if (code != EXIT_DONE) {
        return code;
    }
    enum status status = name_parse(span_of_text(word), &NAME_ROOT, &buffer, &order.zone, &problem);
    if (status == OK) {
        status = key_files_list(files, order.folder, &problem); /* their tags are taken */
    }
    if (status == OK) {
        status = key_files_generate(files, &order, &problem);
    }
    if (status != OK) {
        return command_failed("keys", &problem);
    }
    puts(files->files[files->count - 1].path);
    return EXIT_DONE;
}

static int keys_list(struct key_files *files, const struct command_option *options,
                     const char *word)
{
    struct problem problem = {0};
    (void)options;
    if (key_files_list(files, word, &problem) != OK) {
        return command_failed("keys", &problem);
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct key_file *file = &files->files[i];
        const struct algorithm *algorithm = algorithm_find(file->dnskey.algorithm);
        char name[NAME_TEXT_MAX];
        printf("%s %u %s %u %s\n", name_print(file->zone, name), file->dnskey.flags,
               algorithm == NULL ? "unknown" : algorithm->mnemonic, file->dnskey.tag, file->path);
    }
    return EXIT_DONE;
}

static int keys_ds(struct key_files *files, const struct command_option *options, const char *word)
{
    struct problem problem = {0};
    uint64_t digest_type = DS_DIGEST_SHA256;
    int code = read_number(&options[OPTION_DIGEST], UINT8_MAX, &digest_type);
    if (code != EXIT_DONE) {
        return code;
    }
    if (key_files_read(files, word, false, &problem) != OK) {
        return command_failed("keys", &problem);
    }
    return print_ds(&files->files[0], (uint8_t)digest_type);
}

struct keys_action {
    const char *word;
    const char *argument; /* what it wants */
    int (*run)(struct key_files *files, const struct command_option *options, const char *word);
};

static const struct keys_action actions[] = {
    {"generate", "the name of a zone", keys_generate},
    {"list", "a folder", keys_list},
    {"ds", "a key file", keys_ds},
};

static int keys_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_FOLDER] = {.name = "--folder", .takes_value = true},
        [OPTION_ALGORITHM] = {.name = "--algorithm", .takes_value = true},
        [OPTION_BITS] = {.name = "--bits", .takes_value = true},
        [OPTION_ROLE] = {.name = "--role", .takes_value = true},
        [OPTION_DIGEST] = {.name = "--digest", .takes_value = true},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    for (size_t i = 0; i < LEN(actions); i++) {
        if (word_count < 1 || strcmp(argv[1], actions[i].word) != 0) {
            continue;
        }
        if (word_count != 2) {
            return command_usage_error("keys", "%s wants %s", actions[i].word, actions[i].argument);
        }
        struct key_files files;
        key_files_open(&files);
        code = actions[i].run(&files, options, argv[2]);
        key_files_close(&files);
        return code;
    }
    return command_usage_error("keys", "the first word is generate, list or ds");
}

const struct command COMMAND_KEYS = {
    .name = "keys",
    .summary = "make and show key pairs in files",
    .usage = "usage: vouch keys generate [OPTION]... ZONE\n"
             "       vouch keys list FOLDER\n"
             "       vouch keys ds [--digest 2|4] FILE\n"
             "\n"
             "Key pairs are kept as BIND keeps them: Kexample.com.+013+12345.private, which is\n"
             "secret, and .key, the DNSKEY record. `generate` prints what both names begin with.\n"
             "`ds` prints the DS record for the parent zone.\n"
             "\n"
             "  --folder FOLDER       where the pair goes; here if not said\n"
             "  --role ksk|zsk|csk    for the keys, for the zone, or for both; ksk if not said\n"
             "  --algorithm A         number or name; ECDSAP256SHA256 if not said\n"
             "  --bits N              of an RSA key; 2048 if not said\n"
             "  --digest N            digest type of the DS; 2 (SHA-256) if not said\n",
    .run = keys_run,
};
