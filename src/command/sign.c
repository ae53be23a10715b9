/* `vouch sign`: from an unsigned zone file and key files to a signed zone file, judged before it is
 * written. */
#include "command/commands.h"
#include "command/key_files.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "core/zone/zone_check.h"
#include "core/zone/zone_verify.h"
#include "world/real/threads.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char NAME[] = "sign";

enum {
    OPTION_ORIGIN,
    OPTION_OUTPUT,
    OPTION_FOLDER,
    OPTION_ALGORITHM,
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
    OPTION_VERIFY,
    OPTION_THREADS,
    OPTION_JSON,
    /* The letters that other signers use for some of them. */
    OPTION_NSEC3_LETTER,
    OPTION_OPT_OUT_LETTER,
    OPTION_EXPIRATION_LETTER,
    OPTION_INCEPTION_LETTER,
    OPTION_ZONEMD_LETTER,
    OPTION_COUNT
};

/* How much of a zone is judged by its signatures before it is written. */
enum verify_choice { VERIFY_ALL, VERIFY_SAMPLE, VERIFY_NONE };
enum { SAMPLE_EVERY = 100 };

struct signing {
    struct key_files files;
    struct zone_key keys[KEY_FILES_MAX];
    struct zone_sign_policy policy;
    int64_t now_s;
    const char *output;
    enum verify_choice verify;
    bool is_json;
    bool has_made_keys;
    unsigned width;
    const struct parallel *parallel;
    struct progress progress;
    size_t progress_done; /* as the judge counts */
    struct zone_sign_report made;
    size_t rrsigs_checked;
};

static const char *const VERIFY_WORDS[] = {
    [VERIFY_ALL] = "all", [VERIFY_SAMPLE] = "sample", [VERIFY_NONE] = "none"};
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

/* Both keys that a zone needs, when its folder has none. */
static enum status make_keys(struct signing *signing, const struct key_order *order,
                             struct problem *problem)
{
    static const uint16_t flags[] = {DNSKEY_FLAGS_KSK, DNSKEY_FLAGS_ZSK};
    for (size_t i = 0; i < LEN(flags); i++) {
        struct key_order one = *order;
        one.flags = flags[i];
        enum status status = key_files_generate(&signing->files, &one, problem);
        if (status != OK) {
            return status;
        }
        const struct key_file *file = &signing->files.files[signing->files.count - 1];
        fprintf(stderr, "vouch sign: the folder held no %s, so it was made: %s\n",
                i == 0 ? "key of the keys" : "key of the zone", file->path);
    }
    signing->has_made_keys = true;
    return OK;
}

/* Every pair of the zone in the folder whose private half is there. */
static enum status take_folder(struct signing *signing, const struct key_order *order,
                               struct problem *problem)
{
    struct key_files listed;
    key_files_open(&listed);
    enum status status = key_files_list(&listed, order->folder, problem);
    for (size_t i = 0; status == OK && i < listed.count; i++) {
        const struct key_file *file = &listed.files[i];
        struct problem unread = {0};
        if (!name_equal(file->zone, order->zone)) {
            continue;
        }
        status = key_files_read(&signing->files, file->path, true, &unread);
        if (status == NOT_FOUND) { /* a public half alone is somebody else's, or is kept offline */
            status = OK;
        } else if (status != OK) {
            *problem = unread;
        }
    }
    key_files_close(&listed);
    return status == OK && signing->files.count == 0 ? make_keys(signing, order, problem) : status;
}

static int read_keys(struct signing *signing, const struct key_order *order, char **paths,
                     int count)
{
    struct problem problem = {0};
    enum status status = count == 0 ? take_folder(signing, order, &problem) : OK;
    for (int i = 0; status == OK && i < count; i++) {
        char name[NAME_TEXT_MAX];
        status = key_files_read(&signing->files, paths[i], true, &problem);
        if (status == OK &&
            !name_equal(signing->files.files[signing->files.count - 1].zone, order->zone)) {
            problem_place(&problem, paths[i], 0, 0);
            status = problem_set(&problem, MISMATCH, "the key is not one of %s",
                                 name_print(order->zone, name));
        }
    }
    if (status != OK) {
        return command_failed(NAME, &problem);
    }
    assign_roles(signing);
    return EXIT_DONE;
}

static void say_finding(void *user, const struct zone_finding *finding)
{
    (void)user;
    char name[NAME_TEXT_MAX];
    struct problem problem = {0};
    if (finding->severity != ZONE_NOTE) {
        problem_set(&problem, MALFORMED, "%s: %s: %s [%s]", ZONE_SEVERITY_WORDS[finding->severity],
                    name_print(finding->owner, name), finding->sentence, finding->check);
        (void)command_failed(NAME, &problem);
    }
}

static void say_fault(void *user, const struct problem *problem)
{
    (void)user;
    (void)command_failed(NAME, problem);
}

static void note_passed(void *user, size_t nodes)
{
    progress_add(user, nodes);
}

static void note_judged(void *user, size_t done, size_t total)
{
    struct signing *signing = user;
    (void)total;
    if (done > signing->progress_done) {
        progress_add(&signing->progress, done - signing->progress_done);
        signing->progress_done = done;
    }
}

/* Signs the zone, which goes over to the call. */
static enum status make_signed(struct signing *signing, struct zone *zone, struct zone **next,
                               struct problem *problem)
{
    struct zone_sign_input input = {.unsigned_zone = zone,
                                    .keys = signing->keys,
                                    .key_count = signing->files.count,
                                    .policy = signing->policy,
                                    .now_s = signing->now_s,
                                    .parallel = signing->parallel,
                                    .gives_away = true,
                                    .passed = note_passed,
                                    .passed_user = &signing->progress};
    progress_begin(&signing->progress, "signing", zone_node_count(zone));
    enum status status = zone_sign(&input, next, &signing->made, problem);
    progress_end(&signing->progress);
    return status;
}

static enum status judge(struct signing *signing, const struct zone *next, struct problem *problem)
{
    if (signing->verify == VERIFY_NONE) {
        return OK;
    }
    struct zone_verify_options options = {.now_s = signing->now_s,
                                          .needs_zonemd = signing->policy.has_zonemd,
                                          .sample_every =
                                              signing->verify == VERIFY_SAMPLE ? SAMPLE_EVERY : 0,
                                          .parallel = signing->parallel,
                                          .progress = note_judged};
    struct zone_verify_report report;
    progress_begin(&signing->progress, "verifying", zone_node_count(next));
    enum status status = zone_verify(next, &options, say_fault, signing, &report);
    progress_end(&signing->progress);
    signing->rrsigs_checked = report.rrsigs_checked;
    return status == OK ? OK
                        : problem_set(problem, status,
                                      "the signed zone does not verify; it was not written");
}

static bool is_fit(struct signing *signing, const struct zone *zone)
{
    struct zone_check_aim aim = {
        .parallel = signing->parallel, .now_s = signing->now_s, .finding = say_finding};
    struct zone_check_count count;
    return zone_check_all(zone, &aim, &count) == OK && count.of[ZONE_ERROR] == 0;
}

static void say_json(const struct signing *signing, const struct zone *next)
{
    char text[NAME_TEXT_MAX];
    json_t *keys = json_array();
    for (size_t i = 0; i < signing->files.count; i++) {
        const struct key_file *file = &signing->files.files[i];
        const struct zone_key *key = &signing->keys[i];
        json_array_append_new(
            keys, json_pack("{s:i, s:s, s:b, s:b, s:s}", "tag", file->dnskey.tag, "algorithm",
                            algorithm_find(file->dnskey.algorithm)->mnemonic, "signs_keys",
                            key->signs_keys, "signs_zone", key->signs_zone, "file", file->path));
    }
    json_t *whole =
        json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:b, s:s, s:o}", "zone",
                  name_print(zone_apex(next), text), "serial", (json_int_t)zone_serial(next),
                  "records", (json_int_t)zone_record_count(next), "rrsigs_made",
                  (json_int_t)signing->made.rrsigs_made, "verify", VERIFY_WORDS[signing->verify],
                  "rrsigs_verified", (json_int_t)signing->rrsigs_checked, "earliest_expiration",
                  (json_int_t)zone_earliest_expiration_s(next), "made_keys", signing->has_made_keys,
                  "file", signing->output, "keys", keys);
    (void)json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(whole);
    puts("");
}

/* Signs the zone, which it takes over. */
static int sign_zone(struct signing *signing, struct zone *zone)
{
    /* Static, so that the signed zone is kept to the end of the process, which comes soon: to take
     * a million names apart one by one helps nobody. */
    static struct zone *next;
    struct zone *data = NULL;
    struct problem problem = {0};
    enum status status = zone_strip(zone, &data);
    zone_release(zone);
    if (status != OK) {
        problem_set(&problem, status, "the zone cannot be signed: %s", status_text(status));
        return command_failed(NAME, &problem);
    }
    if (!is_fit(signing, data)) {
        zone_release(data);
        return EXIT_FAILED;
    }
    status = make_signed(signing, data, &next, &problem);
    status = status == OK ? judge(signing, next, &problem) : status;
    int code = status == OK ? zone_save_file(NAME, next, signing->output, signing->parallel)
                            : command_failed(NAME, &problem);
    if (code == EXIT_DONE && signing->is_json) {
        say_json(signing, next);
    }
    return code;
}

static int sign_file(struct signing *signing, const struct command_option *options, char **words,
                     int word_count)
{
    struct zone *zone = zone_open_file_with(NAME, words[0], command_value(&options[OPTION_ORIGIN]),
                                            signing->parallel);
    if (zone == NULL) {
        return EXIT_FAILED;
    }
    const char *folder = command_value(&options[OPTION_FOLDER]);
    const char *algorithm = command_value(&options[OPTION_ALGORITHM]);
    struct key_order order = {.folder = folder == NULL ? "." : folder,
                              .zone = zone_apex(zone),
                              .algorithm = algorithm == NULL
                                               ? ALGORITHM_ECDSAP256SHA256
                                               : algorithm_parse(span_of_text(algorithm))->number};
    key_files_open(&signing->files);
    int code = read_keys(signing, &order, words + 1, word_count - 1);
    if (code == EXIT_DONE) {
        code = sign_zone(signing, zone);
    } else {
        zone_release(zone);
    }
    key_files_close(&signing->files);
    return code;
}

static int read_verify(const char *text, struct signing *signing)
{
    for (size_t i = 0; text != NULL && i < LEN(VERIFY_WORDS); i++) {
        if (strcmp(text, VERIFY_WORDS[i]) == 0) {
            signing->verify = (enum verify_choice)i;
            return EXIT_DONE;
        }
    }
    return text == NULL ? EXIT_DONE : command_usage_error(NAME, "--verify is all, sample or none");
}

static int read_threads(const char *text, struct signing *signing)
{
    uint64_t number = 0; /* 0: as many as there are processors */
    if (text != NULL &&
        (text_read_u64(span_of_text(text), PARALLEL_WIDTH_MAX, &number) != OK || number == 0)) {
        return command_usage_error(NAME, "--threads takes a number from 1 to %d",
                                   PARALLEL_WIDTH_MAX);
    }
    signing->width = (unsigned)number;
    return EXIT_DONE;
}

static int read_algorithm(const char *text)
{
    const struct algorithm *algorithm = text == NULL ? NULL : algorithm_parse(span_of_text(text));
    if (text != NULL && (algorithm == NULL || !algorithm->can_sign)) {
        return command_usage_error(NAME, "--algorithm takes the number or name of one that signs");
    }
    return EXIT_DONE;
}

/* Where the signed zone goes. */
static int read_output(const struct command_option *options, struct signing *signing,
                       const char *input, char output[KEY_PATH_MAX])
{
    signing->output = command_value(&options[OPTION_OUTPUT]);
    signing->is_json = options[OPTION_JSON].count > 0;
    if (signing->output == NULL) {
        int len =
            snprintf(output, KEY_PATH_MAX, strcmp(input, "-") == 0 ? "-" : "%s.signed", input);
        if (len < 0 || len >= KEY_PATH_MAX) {
            return command_usage_error(NAME, "the path is too long; say -f FILE");
        }
        signing->output = output;
    }
    if (signing->is_json && strcmp(signing->output, "-") == 0) {
        return command_usage_error(NAME, "--json and the zone cannot both go to standard output");
    }
    return EXIT_DONE;
}

/* What was said by letter counts as if it had been said in full. */
static void merge_letters(struct command_option *options)
{
    static const struct {
        size_t letter, option;
    } pairs[] = {
        {OPTION_NSEC3_LETTER, OPTION_NSEC3},           {OPTION_OPT_OUT_LETTER, OPTION_OPT_OUT},
        {OPTION_EXPIRATION_LETTER, OPTION_EXPIRATION}, {OPTION_INCEPTION_LETTER, OPTION_INCEPTION},
        {OPTION_ZONEMD_LETTER, OPTION_ZONEMD},
    };
    for (size_t i = 0; i < LEN(pairs); i++) {
        if (options[pairs[i].option].count == 0) {
            options[pairs[i].option].count = options[pairs[i].letter].count;
            options[pairs[i].option].values[0] = options[pairs[i].letter].values[0];
        }
    }
}

static int read_options(struct command_option *options, struct signing *signing, const char *input,
                        char output[KEY_PATH_MAX])
{
    merge_letters(options);
    int code = read_policy(options, signing);
    code = code == EXIT_DONE ? read_verify(command_value(&options[OPTION_VERIFY]), signing) : code;
    code =
        code == EXIT_DONE ? read_threads(command_value(&options[OPTION_THREADS]), signing) : code;
    code = code == EXIT_DONE ? read_algorithm(command_value(&options[OPTION_ALGORITHM])) : code;
    return code == EXIT_DONE ? read_output(options, signing, input, output) : code;
}

static int sign_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_ORIGIN] = {.name = "-o", .takes_value = true},
        [OPTION_OUTPUT] = {.name = "-f", .takes_value = true},
        [OPTION_FOLDER] = {.name = "-K", .takes_value = true},
        [OPTION_ALGORITHM] = {.name = "--algorithm", .takes_value = true},
        [OPTION_NSEC3] = {.name = "--nsec3"},
        [OPTION_OPT_OUT] = {.name = "--opt-out"},
        [OPTION_EXPIRATION] = {.name = "--expiry", .takes_value = true},
        [OPTION_INCEPTION] = {.name = "--inception", .takes_value = true},
        [OPTION_VALIDITY] = {.name = "--validity", .takes_value = true},
        [OPTION_JITTER] = {.name = "--jitter", .takes_value = true},
        [OPTION_ZONEMD] = {.name = "--zonemd"},
        [OPTION_CDS] = {.name = "--cds"},
        [OPTION_SERIAL] = {.name = "--serial", .takes_value = true},
        [OPTION_DNSKEY_TTL] = {.name = "--dnskey-ttl", .takes_value = true},
        [OPTION_AT] = {.name = "--at", .takes_value = true},
        [OPTION_VERIFY] = {.name = "--verify", .takes_value = true},
        [OPTION_THREADS] = {.name = "--threads", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
        [OPTION_NSEC3_LETTER] = {.name = "-n"},
        [OPTION_OPT_OUT_LETTER] = {.name = "-p"},
        [OPTION_EXPIRATION_LETTER] = {.name = "-e", .takes_value = true},
        [OPTION_INCEPTION_LETTER] = {.name = "-i", .takes_value = true},
        [OPTION_ZONEMD_LETTER] = {.name = "-Z"},
    };
    int word_count = 0;
    char output[KEY_PATH_MAX];
    struct signing signing = {.policy = {.serial = ZONE_SERIAL_KEEP}};
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code == EXIT_DONE && word_count < 1) {
        code = command_usage_error(NAME, "it wants a zone file");
    }
    code = code == EXIT_DONE ? read_options(options, &signing, argv[1], output) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    struct threads *threads = NULL;
    if (threads_open(signing.width, &threads) != OK) {
        struct problem problem = {0};
        problem_set(&problem, NO_MEMORY, "there is no memory, or no more threads");
        return command_failed(NAME, &problem);
    }
    signing.parallel = threads_parallel(threads);
    code = sign_file(&signing, options, argv + 1, word_count);
    threads_close(threads);
    return code;
}

const struct command COMMAND_SIGN = {
    .name = "sign",
    .summary = "sign a zone file",
    .usage =
        "usage: vouch sign [OPTION]... FILE [KEY]...\n"
        "\n"
        "Signs a zone (\"-\" is standard input) with key pairs as `vouch keystore generate` makes\n"
        "them: those named, each by either file of the pair or what both begin with, or else\n"
        "every pair of the zone in the folder of -K. Where that has none, a key for the keys\n"
        "and a key for the zone are made there. Keys with the SEP bit sign the keys, the\n"
        "others the zone; where an algorithm has one kind only, it does both. The result is\n"
        "judged before it is written. Records of an earlier signing in FILE are left out.\n"
        "\n"
        "  -o ZONE               the zone in the file; without it the owner of the SOA\n"
        "  -K FOLDER             where the keys are; here if not said\n"
        "  -f FILE               where the signed zone goes (\"-\": standard output); FILE.signed\n"
        "                        if not said\n"
        "  -n, --nsec3           NSEC3 instead of NSEC, with no salt and no iterations\n"
        "  -p, --opt-out         NSEC3 with opt-out\n"
        "  -Z, --zonemd          add ZONEMD, the digest of the whole zone\n"
        "  --cds                 add CDS and CDNSKEY for the parent\n"
        "  --algorithm A         of keys that are made; ECDSAP256SHA256 if not said\n"
        "  --validity TIME       life of the signatures; 14d if not said\n"
        "  -e, --expiry TIME     when they expire, instead\n"
        "  -i, --inception TIME  when they begin; an hour ago if not said\n"
        "  --jitter TIME         expirations are spread over this; a 14th of the life if not\n"
        "                        said\n"
        "  --serial POLICY       keep (if not said), increment, unixtime or date\n"
        "  --dnskey-ttl TIME     TTL of the keys; the SOA's if not said\n"
        "  --at TIME             sign as of then, not now\n"
        "  --verify HOW          check all signatures before anything is written (if not said),\n"
        "                        a sample of one in a hundred, or none, and then nothing else\n"
        "                        of the result either\n"
        "  --threads N           how many threads read, sign and check; as many as there are\n"
        "                        processors\n"
        "  --json                say what was done, for programs\n"
        "\n"
        "Exit codes: 0 signed, 1 failed, 2 not understood.\n",
    .run = sign_run,
};
