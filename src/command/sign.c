/* `vouch sign`: from an unsigned zone file and key files to a signed zone file, judged before it is
 * written. */
#include "command/commands.h"
#include "command/key_files.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "core/zone/zone_check.h"
#include "core/zone/zone_verify.h"

#include <stdio.h>
#include <string.h>

enum {
    OPTION_ORIGIN,
    OPTION_OUTPUT,
    OPTION_NSEC3,
    OPTION_OPT_OUT,
    OPTION_EXPIRATION,
    OPTION_INCEPTION,
    OPTION_VALIDITY,
    OPTION_JITTER,
    OPTION_ZONEMD,
    OPTION_CDS,
    OPTION_SERIAL,
    OPTION_DNSKEY_TTL,
    OPTION_AT,
    OPTION_COUNT
};

struct signing {
    struct key_files files;
    struct zone_key keys[KEY_FILES_MAX];
    struct zone_sign_policy policy;
    int64_t now_s;
};

static const char *const SERIAL_WORDS[] = {[ZONE_SERIAL_KEEP] = "keep",
                                           [ZONE_SERIAL_INCREMENT] = "increment",
                                           [ZONE_SERIAL_UNIXTIME] = "unixtime",
                                           [ZONE_SERIAL_DATE] = "date"};

static int read_seconds(const struct command_option *option, uint32_t *seconds)
{
    const char *text = command_value(option);
    if (text == NULL || text_read_ttl(span_of_text(text), seconds) == OK) {
        return EXIT_DONE;
    }
    return command_usage_error("sign", "%s takes a time as 14d, 36h or 3600", option->name);
}

static int read_serial(const struct command_option *option, struct zone_sign_policy *policy)
{
    const char *text = command_value(option);
    for (size_t i = 0; text != NULL && i < LEN(SERIAL_WORDS); i++) {
        if (strcmp(text, SERIAL_WORDS[i]) == 0) {
            policy->serial = (enum zone_serial_policy)i;
            return EXIT_DONE;
        }
    }
    return text == NULL
               ? EXIT_DONE
               : command_usage_error("sign", "--serial is keep, increment, unixtime or date");
}

/* -e and -i name the moments themselves; both are turned into lengths from now. */
static int read_moments(const struct command_option *options, struct signing *signing)
{
    struct zone_sign_policy *policy = &signing->policy;
    const char *expiration = command_value(&options[OPTION_EXPIRATION]);
    const char *inception = command_value(&options[OPTION_INCEPTION]);
    int64_t time_s;
    int code = EXIT_DONE;
    if (expiration != NULL) {
        code = zone_read_time("sign", "-e", expiration, &time_s);
        if (code == EXIT_DONE &&
            (time_s <= signing->now_s + 1 || time_s - signing->now_s > INT32_MAX)) {
            code = command_usage_error("sign", "-e names a time that is over or too far away");
        }
        policy->validity_s = code == EXIT_DONE ? (uint32_t)(time_s - signing->now_s) : 0;
    }
    if (code == EXIT_DONE && inception != NULL) {
        code = zone_read_time("sign", "-i", inception, &time_s);
        if (code == EXIT_DONE &&
            (time_s >= signing->now_s || signing->now_s - time_s > INT32_MAX)) {
            code = command_usage_error("sign", "-i names a time that is not over, or too long ago");
        }
        policy->inception_offset_s = code == EXIT_DONE ? (uint32_t)(signing->now_s - time_s) : 0;
    }
    return code;
}

static int read_policy(const struct command_option *options, struct signing *signing)
{
    struct zone_sign_policy *policy = &signing->policy;
    bool is_opt_out = options[OPTION_OPT_OUT].count > 0;
    policy->denial = is_opt_out                        ? ZONE_NSEC3_OPT_OUT
                     : options[OPTION_NSEC3].count > 0 ? ZONE_NSEC3
                                                       : ZONE_NSEC;
    policy->has_zonemd = options[OPTION_ZONEMD].count > 0;
    policy->has_cds = options[OPTION_CDS].count > 0;
    int code = zone_read_time("sign", "--at", command_value(&options[OPTION_AT]), &signing->now_s);
    code = code == EXIT_DONE ? read_seconds(&options[OPTION_VALIDITY], &policy->validity_s) : code;
    code = code == EXIT_DONE ? read_seconds(&options[OPTION_JITTER], &policy->jitter_s) : code;
    code =
        code == EXIT_DONE ? read_seconds(&options[OPTION_DNSKEY_TTL], &policy->dnskey_ttl_s) : code;
    code = code == EXIT_DONE ? read_serial(&options[OPTION_SERIAL], policy) : code;
    return code == EXIT_DONE ? read_moments(options, signing) : code;
}

/* Whether there is a key of that algorithm with SEP set (or clear). */
static bool has_key(const struct key_files *files, uint8_t algorithm, bool is_sep)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct dnskey *dnskey = &files->files[i].dnskey;
        if (dnskey->algorithm == algorithm && ((dnskey->flags & DNSKEY_FLAG_SEP) != 0) == is_sep) {
            return true;
        }
    }
    return false;
}

/* Within each algorithm the keys with SEP sign the keys and the others the zone; where there is
 * only one kind, it does both. */
static void assign_roles(struct signing *signing)
{
    for (size_t i = 0; i < signing->files.count; i++) {
        const struct key_file *file = &signing->files.files[i];
        bool is_sep = (file->dnskey.flags & DNSKEY_FLAG_SEP) != 0;
        bool is_only_kind = !has_key(&signing->files, file->dnskey.algorithm, !is_sep);
        signing->keys[i] = (struct zone_key){.signing = {file->key, file->dnskey},
                                             .is_published = true,
                                             .signs_keys = is_sep || is_only_kind,
                                             .signs_zone = !is_sep || is_only_kind};
    }
}

static int read_keys(struct signing *signing, const struct zone *zone, char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        struct problem problem = {0};
        char name[NAME_TEXT_MAX];
        enum status status = key_files_read(&signing->files, paths[i], true, &problem);
        if (status == OK &&
            !name_equal(signing->files.files[signing->files.count - 1].zone, zone_apex(zone))) {
            problem_place(&problem, paths[i], 0, 0);
            status = problem_set(&problem, MISMATCH, "the key is not one of %s",
                                 name_print(zone_apex(zone), name));
        }
        if (status != OK) {
            return command_failed("sign", &problem);
        }
    }
    assign_roles(signing);
    return EXIT_DONE;
}

static void say_finding(void *user, enum zone_severity severity, const struct problem *problem)
{
    (void)user;
    if (severity != ZONE_NOTE) {
        (void)command_failed("sign", problem);
    }
}

static void say_fault(void *user, const struct problem *problem)
{
    (void)user;
    (void)command_failed("sign", problem);
}

static int sign_zone(struct signing *signing, struct zone *zone, const char *output)
{
    struct zone *next = NULL;
    struct problem problem = {0};
    struct zone_sign_report made;
    struct zone_sign_input input = {.unsigned_zone = zone,
                                    .keys = signing->keys,
                                    .key_count = signing->files.count,
                                    .policy = signing->policy,
                                    .now_s = signing->now_s};
    bool is_fit = zone_check(zone, say_finding, NULL) == 0;
    if (is_fit && zone_sign(&input, &next, &made, &problem) != OK) {
        (void)command_failed("sign", &problem);
    }
    if (next == NULL) {
        return EXIT_FAILED;
    }
    struct zone_verify_options options = {.now_s = signing->now_s,
                                          .needs_zonemd = signing->policy.has_zonemd};
    struct zone_verify_report report;
    int code = EXIT_FAILED;
    if (zone_verify(next, &options, say_fault, NULL, &report) == OK) {
        code = zone_save_file("sign", next, output);
    } else {
        problem_set(&problem, MISMATCH, "the signed zone does not verify; it was not written");
        code = command_failed("sign", &problem);
    }
    zone_release(next);
    return code;
}

static int sign_file(struct signing *signing, const struct command_option *options, char **words,
                     int word_count)
{
    const char *path = words[0];
    const char *output = command_value(&options[OPTION_OUTPUT]);
    char output_path[KEY_PATH_MAX];
    if (output == NULL) {
        int len = snprintf(output_path, sizeof output_path, "%s.signed", path);
        if (len < 0 || (size_t)len >= sizeof output_path) {
            return command_usage_error("sign", "the path is too long; say -f FILE");
        }
        output = strcmp(path, "-") == 0 ? "-" : output_path;
    }
    struct zone *zone = zone_open_file("sign", path, command_value(&options[OPTION_ORIGIN]));
    if (zone == NULL) {
        return EXIT_FAILED;
    }
    key_files_open(&signing->files);
    int code = read_keys(signing, zone, words + 1, word_count - 1);
    if (code == EXIT_DONE) {
        code = sign_zone(signing, zone, output);
    }
    key_files_close(&signing->files);
    zone_release(zone);
    return code;
}

static int sign_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_OUTPUT] = {.name = "-f", .takes_value = true},
        [OPTION_NSEC3] = {.name = "-n"},
        [OPTION_OPT_OUT] = {.name = "-p"},
        [OPTION_EXPIRATION] = {.name = "-e", .takes_value = true},
        [OPTION_INCEPTION] = {.name = "-i", .takes_value = true},
        [OPTION_VALIDITY] = {.name = "--validity", .takes_value = true},
        [OPTION_JITTER] = {.name = "--jitter", .takes_value = true},
        [OPTION_ZONEMD] = {.name = "-Z"},
        [OPTION_CDS] = {.name = "--cds"},
        [OPTION_SERIAL] = {.name = "--serial", .takes_value = true},
        [OPTION_DNSKEY_TTL] = {.name = "--dnskey-ttl", .takes_value = true},
        [OPTION_AT] = {.name = "--at", .takes_value = true},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    if (word_count < 2) {
        return command_usage_error("sign", "a zone file and one or more keys are wanted");
    }
    struct signing signing = {.policy = {.serial = ZONE_SERIAL_KEEP}};
    code = read_policy(options, &signing);
    return code == EXIT_DONE ? sign_file(&signing, options, argv + 1, word_count) : code;
}

const struct command COMMAND_SIGN = {
    .name = "sign",
    .summary = "sign a zone file",
    .usage =
        "usage: vouch sign [OPTION]... FILE KEY...\n"
        "\n"
        "Signs a zone with key pairs as `vouch keystore generate` makes them; KEY names either\n"
        "file of the pair, or what both begin with. Keys with the SEP bit sign the keys, the\n"
        "others the zone; where an algorithm has one kind only, it does both. The result is\n"
        "judged before it is written.\n"
        "\n"
        "  -o NAME             the zone; without it the owner of the SOA\n"
        "  -f FILE             where the signed zone goes (\"-\": standard output); FILE.signed\n"
        "                      if not said\n"
        "  -n                  NSEC3 instead of NSEC, with no salt and no iterations\n"
        "  -p                  NSEC3 with opt-out\n"
        "  -Z                  add ZONEMD, the digest of the whole zone\n"
        "  --cds               add CDS and CDNSKEY for the parent\n"
        "  --validity TIME     life of the signatures; 14d if not said\n"
        "  -e TIME, -i TIME    when they expire, and begin, instead\n"
        "  --jitter TIME       expirations are spread over this; a 14th of the life if not\n"
        "                      said\n"
        "  --serial POLICY     keep (if not said), increment, unixtime or date\n"
        "  --dnskey-ttl TIME   TTL of the keys; the SOA's if not said\n"
        "  --at TIME           sign as of then, not now\n",
    .run = sign_run,
};
