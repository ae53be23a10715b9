/* `vouch keystore`: makes, takes in, gives out and shows key pairs in a folder. */
#include "command/commands.h"
#include "command/key_files.h"
#include "core/base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    OPTION_FOLDER,
    OPTION_ZONE,
    OPTION_ALGORITHM,
    OPTION_BITS,
    OPTION_ROLE,
    OPTION_OUT,
    OPTION_JSON,
    OPTION_COUNT
};
enum { BITS_MAX = 4096 };

static const char NAME[] = "keystore";

/* What the options say of a key that is to come; `order->algorithm` is 0 when they do not say. */
static int read_order(const struct command_option *options, struct key_order *order)
{
    const char *algorithm_text = command_value(&options[OPTION_ALGORITHM]);
    const char *bits_text = command_value(&options[OPTION_BITS]);
    const char *role = command_value(&options[OPTION_ROLE]);
    const char *folder = command_value(&options[OPTION_FOLDER]);
    const struct algorithm *algorithm =
        algorithm_text == NULL ? NULL : algorithm_parse(span_of_text(algorithm_text));
    if (algorithm_text != NULL && (algorithm == NULL || !algorithm->can_sign)) {
        return command_usage_error(NAME, "--algorithm is one of 8, 10, 13, 14, 15, 16, or a name "
                                         "of theirs as ED25519");
    }
    uint64_t bits = 0;
    if (bits_text != NULL && text_read_u64(span_of_text(bits_text), BITS_MAX, &bits) != OK) {
        return command_usage_error(NAME, "--bits takes a number up to %d", BITS_MAX);
    }
    if (role != NULL && strcmp(role, "ksk") != 0 && strcmp(role, "zsk") != 0 &&
        strcmp(role, "csk") != 0) {
        return command_usage_error(NAME, "--role is ksk, zsk or csk");
    }
    order->folder = folder == NULL ? "." : folder;
    order->algorithm = algorithm == NULL ? 0 : algorithm->number;
    order->bits = (uint16_t)bits;
    order->flags = role != NULL && strcmp(role, "zsk") == 0 ? DNSKEY_FLAGS_ZSK : DNSKEY_FLAGS_KSK;
    return EXIT_DONE;
}

static enum status read_zone(const char *text, struct name_buffer *buffer, struct name *zone,
                             struct problem *problem)
{
    return name_parse(span_of_text(text), &NAME_ROOT, buffer, zone, problem);
}

/* "ksk" has the SEP bit; a CSK cannot be told from a KSK by its record. */
static const char *role_of(const struct key_file *file)
{
    return (file->dnskey.flags & DNSKEY_FLAG_SEP) != 0 ? "ksk" : "zsk";
}

static const char *mnemonic_of(const struct key_file *file)
{
    const struct algorithm *algorithm = algorithm_find(file->dnskey.algorithm);
    return algorithm == NULL ? "unknown" : algorithm->mnemonic;
}

static json_t *key_as_json(const struct key_file *file)
{
    char zone[NAME_TEXT_MAX];
    char id[KEY_ID_TEXT_SIZE];
    return json_pack("{s:s, s:s, s:i, s:s, s:i, s:s, s:s}", "zone", name_print(file->zone, zone),
                     "role", role_of(file), "algorithm", file->dnskey.algorithm, "mnemonic",
                     mnemonic_of(file), "tag", file->dnskey.tag, "id", key_file_id(file, id),
                     "path", file->path);
}

static int print_json(json_t *json)
{
    int failed = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(json);
    puts("");
    return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int list_as_json(const struct key_files *files)
{
    json_t *list = json_array();
    for (size_t i = 0; i < files->count; i++) {
        json_array_append_new(list, key_as_json(&files->files[i]));
    }
    return print_json(list);
}

/* The pair that has come. */
static int print_new(const struct key_files *files, const struct command_option *options)
{
    const struct key_file *file = &files->files[files->count - 1];
    if (options[OPTION_JSON].count > 0) {
        return print_json(key_as_json(file));
    }
    puts(file->path);
    return EXIT_DONE;
}

static int keystore_generate_pair(struct key_files *files, const struct command_option *options,
                                  const char *word)
{
    struct key_order order;
    struct name_buffer buffer;
    struct problem problem = {0};
    int code = read_order(options, &order);
    if (code != EXIT_DONE) {
        return code;
    }
    order.algorithm = order.algorithm == 0 ? ALGORITHM_ECDSAP256SHA256 : order.algorithm;
    enum status status = read_zone(word, &buffer, &order.zone, &problem);
    if (status == OK) {
        status = key_files_list(files, order.folder, &problem); /* their tags are taken */
    }
    if (status == OK) {
        status = key_files_generate(files, &order, &problem);
    }
    if (status != OK) {
        return command_failed(NAME, &problem);
    }
    return print_new(files, options);
}

static int keystore_import(struct key_files *files, const struct command_option *options,
                           const char *word)
{
    struct key_order order;
    struct name_buffer buffer;
    struct problem problem = {0};
    const char *zone = command_value(&options[OPTION_ZONE]);
    bool is_pair = strstr(word, ".private") != NULL || strstr(word, ".key") != NULL;
    int code = read_order(options, &order);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!is_pair && zone == NULL) {
        return command_usage_error(NAME, "a PEM file does not say of which zone it is: say -o "
                                         "NAME, and --role where it is not a KSK");
    }
    enum status status = read_zone(zone == NULL ? "." : zone, &buffer, &order.zone, &problem);
    if (status == OK) {
        status = key_files_list(files, order.folder, &problem);
    }
    if (status == OK) {
        status = key_files_import(files, word, &order, &problem);
    }
    if (status != OK) {
        return command_failed(NAME, &problem);
    }
    return print_new(files, options);
}

static int keystore_export(struct key_files *files, const struct command_option *options,
                           const char *word)
{
    struct problem problem = {0};
    const char *out = command_value(&options[OPTION_OUT]);
    if (out == NULL) {
        return command_usage_error(NAME, "export wants -f FILE: a private key is not shown on a "
                                         "terminal");
    }
    if (key_files_read(files, word, true, &problem) != OK ||
        key_files_export_pem(&files->files[0], out, &problem) != OK) {
        return command_failed(NAME, &problem);
    }
    return EXIT_DONE;
}

static int keystore_list(struct key_files *files, const struct command_option *options,
                         const char *word)
{
    struct problem problem = {0};
    const char *folder = command_value(&options[OPTION_FOLDER]);
    folder = word != NULL ? word : folder;
    if (key_files_list(files, folder == NULL ? "." : folder, &problem) != OK) {
        return command_failed(NAME, &problem);
    }
    if (options[OPTION_JSON].count > 0) {
        return list_as_json(files);
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct key_file *file = &files->files[i];
        char zone[NAME_TEXT_MAX];
        char id[KEY_ID_TEXT_SIZE];
        printf("%s %s %s %u %.16s %s\n", name_print(file->zone, zone), role_of(file),
               mnemonic_of(file), file->dnskey.tag, key_file_id(file, id), file->path);
    }
    return EXIT_DONE;
}

struct keystore_action {
    const char *word;
    const char *argument; /* what it wants; NULL: nothing, or a folder */
    int (*run)(struct key_files *files, const struct command_option *options, const char *word);
};

static const struct keystore_action actions[] = {
    {"generate", "the name of a zone", keystore_generate_pair},
    {"import", "a file with a private key", keystore_import},
    {"export", "a key pair", keystore_export},
    {"list", NULL, keystore_list},
};

static int keystore_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_FOLDER] = {.name = "-K", .takes_value = true},
        [OPTION_ZONE] = {.name = "-o", .takes_value = true},
        [OPTION_ALGORITHM] = {.name = "--algorithm", .takes_value = true},
        [OPTION_BITS] = {.name = "--bits", .takes_value = true},
        [OPTION_ROLE] = {.name = "--role", .takes_value = true},
        [OPTION_OUT] = {.name = "-f", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
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
        if (word_count > 2 || (word_count < 2 && actions[i].argument != NULL)) {
            return command_usage_error(NAME, "%s wants %s", actions[i].word,
                                       actions[i].argument == NULL ? "one folder"
                                                                   : actions[i].argument);
        }
        struct key_files files;
        key_files_open(&files);
        code = actions[i].run(&files, options, word_count == 2 ? argv[2] : NULL);
        key_files_close(&files);
        return code;
    }
    return command_usage_error(NAME, "the first word is generate, import, export or list");
}

const struct command COMMAND_KEYSTORE = {
    .name = "keystore",
    .summary = "make, import, export and show key pairs in a folder",
    .usage =
        "usage: vouch keystore generate [OPTION]... ZONE\n"
        "       vouch keystore import [OPTION]... FILE\n"
        "       vouch keystore export -f FILE KEY\n"
        "       vouch keystore list [--json] [FOLDER]\n"
        "\n"
        "Key pairs are kept as BIND keeps them: Kexample.com.+013+12345.private, which is\n"
        "secret, and .key, the DNSKEY record. `generate` and `import` print what both names\n"
        "begin with. `import` takes a pair of BIND's, or PKCS#8 PEM without passphrase;\n"
        "`export` writes that PEM. A key whose tag another key of the zone in the folder has\n"
        "is neither made nor taken. `list` shows zone, role, algorithm, tag, the first digits\n"
        "of the SHA-256 of the whole public key, and the files.\n"
        "\n"
        "  -K FOLDER             where the pairs are; here if not said\n"
        "  -o ZONE               of a PEM file: the zone it is for\n"
        "  --role ksk|zsk|csk    for the keys, for the zone, or for both; ksk if not said\n"
        "  --algorithm A         number or name; ECDSAP256SHA256 if not said, for PEM what the\n"
        "                        kind of key allows (RSASHA256 for RSA)\n"
        "  --bits N              of an RSA key; 2048 if not said\n"
        "  -f FILE               where the PEM goes; it is made readable by its owner alone\n",
    .run = keystore_run,
};
