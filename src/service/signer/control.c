/* What an operator asks the signer, a row a command. */
#include "service/signer/signer_state.h"

#include "core/base/text.h"
#include "core/dns/rdata.h"

#include <stdio.h>

enum { ANSWER_LEN_MAX = 65536, WORDS_MAX = 5, FILE_NAME_MAX = 256 };

struct asking {
    struct signer *signer;
    struct signer_zone *zone; /* of the commands that name one */
    struct span words[WORDS_MAX];
    size_t word_count;
    struct moment now;
    struct outbox *outbox;
    struct writer answer;
    struct span text; /* instead, where it may be long; empty: the answer is what was written */
    struct problem problem;
};

static const char *zone_text(const struct signer_zone *zone, char text[NAME_TEXT_MAX])
{
    return name_print(zone->options.name, text);
}

static void write_status(struct asking *asking, const struct signer_zone *zone)
{
    signer_write_status(asking->signer, zone, moment_wall_s(asking->now), &asking->answer);
}

static enum status ask_status(struct asking *asking)
{
    for (size_t i = 0; i < asking->signer->zone_count && asking->answer.status == OK; i++) {
        writer_text(&asking->answer, i == 0 ? "" : "\n");
        write_status(asking, asking->signer->zones[i]);
    }
    return OK;
}

static enum status ask_stats(struct asking *asking)
{
    struct metrics metrics = metrics_in(&asking->outbox->scratch);
    signer_add_metrics(asking->signer, moment_wall_s(asking->now), &metrics);
    size_t size = metrics_lines_len_max(&metrics);
    uint8_t *bytes = arena_take(&asking->outbox->scratch, size);
    struct writer text = writer_over(bytes, bytes == NULL ? 0 : size);
    metrics_write_lines(&metrics, &text);
    asking->text = writer_written(&text);
    return text.status;
}

static enum status ask_zone_status(struct asking *asking)
{
    write_status(asking, asking->zone);
    return OK;
}

static enum status ask_zone_dump(struct asking *asking)
{
    return signer_dump(asking->zone, &asking->outbox->scratch, &asking->text, &asking->problem);
}

static enum status reload_all(struct asking *asking)
{
    struct signer *signer = asking->signer;
    size_t count = 0, bad_count = 0;
    char bad[NAME_TEXT_MAX] = "";
    for (size_t i = 0; i < signer->zone_count; i++) {
        struct signer_zone *zone = signer->zones[i];
        if (zone->options.file == NULL) {
            continue;
        }
        count++;
        if (signer_load(signer, zone, asking->now, asking->outbox) != OK && bad_count++ == 0) {
            zone_text(zone, bad);
        }
    }
    if (bad_count > 0) {
        return problem_set(&asking->problem, REFUSED,
                           "%zu of %zu zones were not taken, the first is %.255s; see the log",
                           bad_count, count, bad);
    }
    writer_print(&asking->answer, "%zu zones were read again\n", count);
    return OK;
}

/* One zone, or without a name all that have a file. */
static enum status ask_reload(struct asking *asking)
{
    struct signer_zone *zone = asking->zone;
    if (zone == NULL) {
        return reload_all(asking);
    }
    if (zone->options.file == NULL) {
        return problem_set(&asking->problem, REFUSED,
                           "the zone comes from a primary, not from a file");
    }
    enum status status = signer_load(asking->signer, zone, asking->now, asking->outbox);
    if (status == MALFORMED) {
        return problem_set(&asking->problem, MALFORMED,
                           "its file has faults, see the log; the last good version stays");
    }
    if (status != OK) {
        return problem_set(&asking->problem, REFUSED, "held back: %.300s", zone->fault);
    }
    return ask_zone_status(asking);
}

/* The switch is durable before the version that follows from it leaves. */
static enum status switch_signing(struct asking *asking, bool is_signed)
{
    struct signer_zone *zone = asking->zone;
    bool before = zone->is_signed;
    zone->is_signed = is_signed;
    enum status status = signer_save(asking->signer, zone);
    if (status != OK) {
        zone->is_signed = before;
        return problem_set(&asking->problem, status, "the switch cannot be kept on disk: %s",
                           status_text(status));
    }
    if (signer_need_owner_data(asking->signer, zone) == OK &&
        !signer_publish(asking->signer, zone, NULL, asking->now, asking->outbox)) {
        return problem_set(&asking->problem, REFUSED, "held back: %.300s", zone->fault);
    }
    return ask_zone_status(asking);
}

static enum status ask_sign(struct asking *asking)
{
    enum status status = switch_signing(asking, true);
    writer_text(&asking->answer,
                "The next step: give its key to the registrar (key-list shows it).\n");
    return status;
}

static enum status ask_unsign(struct asking *asking)
{
    enum status status = switch_signing(asking, false);
    writer_text(
        &asking->answer,
        "Caution: while the parent has a DS for it, resolvers that validate answer SERVFAIL. "
        "Delete the keys at the registrar first and wait; `sign` takes this back.\n");
    return status;
}

static void write_key(struct asking *asking, const struct keystore_key *key)
{
    struct writer *answer = &asking->answer;
    struct dnskey dnskey = keystore_dnskey(key);
    name_write_text(asking->zone->options.name, answer);
    writer_text(answer, " IN DNSKEY ");
    rdata_write_text(TYPE_DNSKEY, dnskey.rdata, answer);
    writer_print(answer, " ; %s, tag %u, %s, since ", keystore_role_text(key->role), dnskey.tag,
                 key->state == KEYSTORE_ACTIVE ? "active" : "leaving");
    text_write_rfc3339(answer, key->since_s);
    writer_text(answer, "\n");
}

static enum status ask_key_list(struct asking *asking)
{
    for (size_t i = 0; i < asking->zone->keys.count; i++) {
        write_key(asking, asking->zone->keys.keys[i]);
    }
    return OK;
}

/* A key that no good version can be made with must not stay: it would hold back every later one,
 * until the signatures expire. */
static enum status take_key_back(struct asking *asking)
{
    struct signer_zone *zone = asking->zone;
    enum status status = problem_set(&asking->problem, REFUSED,
                                     "the key was not added: %.300s; a first key of another "
                                     "algorithm must be a csk",
                                     zone->fault);
    if (keystore_remove(&zone->keys, asking->signer->options.disk, zone->keys.count - 1) == OK) {
        (void)signer_publish(asking->signer, zone, NULL, asking->now, asking->outbox);
    }
    return status;
}

/* "NAME ROLE [ALGORITHM]" of a new key. */
static enum status read_order(struct asking *asking, size_t algorithm_at,
                              struct keystore_order *order)
{
    const struct signer_zone *zone = asking->zone;
    *order = (struct keystore_order){.algorithm = zone->options.algorithm,
                                     .is_in_hsm = zone->options.has_keys_in_hsm,
                                     .now_s = moment_wall_s(asking->now)};
    if (keystore_role_read(asking->words[2], &order->role) != OK) {
        return problem_set(&asking->problem, BAD_ARGUMENT, "a role is ksk, zsk or csk");
    }
    if (asking->word_count > algorithm_at) {
        const struct algorithm *algorithm = algorithm_parse(asking->words[algorithm_at]);
        if (algorithm == NULL) {
            return problem_set(&asking->problem, BAD_ARGUMENT, "the algorithm is not known");
        }
        order->algorithm = algorithm->number;
    }
    return OK;
}

/* The zone with the key that has come to the store, or without it when that does not work. */
static enum status use_new_key(struct asking *asking)
{
    struct signer_zone *zone = asking->zone;
    write_key(asking, zone->keys.keys[zone->keys.count - 1]);
    if (zone->owner_data == NULL ||
        signer_publish(asking->signer, zone, NULL, asking->now, asking->outbox)) {
        return OK;
    }
    return take_key_back(asking);
}

static enum status ask_key_add(struct asking *asking)
{
    struct keystore_order order;
    enum status status = read_order(asking, 3, &order);
    status = status == OK ? keystore_generate(&asking->zone->keys, asking->signer->options.disk,
                                              &order, &asking->problem)
                          : status;
    return status == OK ? use_new_key(asking) : status;
}

/* The file stands in the signer's own folder, which nobody else can write. */
static enum status ask_key_import(struct asking *asking)
{
    struct keystore_order order;
    struct arena secret;
    struct span text = SPAN_EMPTY;
    char file[FILE_NAME_MAX];
    const struct disk *disk = asking->signer->options.disk;
    enum status status = read_order(asking, 4, &order);
    if (status != OK) {
        return status;
    }
    if (asking->words[3].len >= sizeof file) {
        return problem_set(&asking->problem, TOO_LONG, "the file's name is too long");
    }
    snprintf(file, sizeof file, "%.*s", (int)asking->words[3].len,
             (const char *)asking->words[3].bytes);
    order.algorithm = asking->word_count > 4 ? order.algorithm : 0;
    arena_open(&secret, 2 * KEY_FILE_LEN_MAX);
    status = disk->read(disk->self, file, KEY_FILE_LEN_MAX, &secret, &text);
    if (status == OK) {
        status = keystore_import(&asking->zone->keys, disk, text, &order, &asking->problem);
        secret_wipe((void *)(uintptr_t)text.bytes, text.len);
    } else {
        problem_set(&asking->problem, status,
                    "the file %.200s in the signer's folder cannot be read: %s", file,
                    status_text(status));
    }
    arena_close(&secret);
    return status == OK ? use_new_key(asking) : status;
}

static enum status ask_key_retire(struct asking *asking)
{
    struct signer_zone *zone = asking->zone;
    int64_t now_s = moment_wall_s(asking->now), next_s = 0;
    enum status status =
        signer_retire_key(asking->signer, zone, asking->words[2], now_s, &asking->problem);
    if (status != OK) {
        return status;
    }
    (void)signer_drop_leaving(asking->signer, zone, now_s, &next_s);
    if (zone->owner_data != NULL &&
        !signer_publish(asking->signer, zone, NULL, asking->now, asking->outbox)) {
        return problem_set(&asking->problem, REFUSED, "held back: %.300s", zone->fault);
    }
    return ask_key_list(asking);
}

static enum status ask_key_export(struct asking *asking)
{
    uint64_t tag = 0;
    enum status status = text_read_u64(asking->words[2], UINT16_MAX, &tag);
    for (size_t i = 0; status == OK && i < asking->zone->keys.count; i++) {
        const struct keystore_key *key = asking->zone->keys.keys[i];
        if (keystore_dnskey(key).tag != tag) {
            continue;
        }
        uint8_t bytes[80];
        struct writer ds = writer_over(bytes, sizeof bytes);
        write_key(asking, key);
        status = ds_make(asking->zone->options.name, span_of(key->rdata, key->rdata_len),
                         DS_DIGEST_SHA256, &ds);
        name_write_text(asking->zone->options.name, &asking->answer);
        writer_text(&asking->answer, " IN DS ");
        rdata_write_text(TYPE_DS, writer_written(&ds), &asking->answer);
        writer_text(&asking->answer, "\n");
        return status;
    }
    return problem_set(&asking->problem, NOT_FOUND, "the zone has no key with that tag");
}

static enum status ask_notify(struct asking *asking)
{
    struct signer_options *options = &asking->signer->options;
    options->notify(options->user, asking->zone->options.name, asking->now);
    return ask_zone_status(asking);
}

static const struct {
    const char *name;
    size_t words;    /* with the name, at least */
    bool has_zone;   /* where the word is given */
    bool needs_kept; /* what is kept of the zone must have been read */
    enum status (*run)(struct asking *asking);
    const char *usage;
} commands[] = {
    {"status", 1, false, false, ask_status, "status"},
    {"stats", 1, false, false, ask_stats, "stats"},
    {"zone-status", 2, true, false, ask_zone_status, "zone-status NAME"},
    {"zone-dump", 2, true, false, ask_zone_dump, "zone-dump NAME"},
    {"reload", 1, true, false, ask_reload, "reload [NAME]"},
    {"sign", 2, true, true, ask_sign, "sign NAME"},
    {"unsign", 2, true, true, ask_unsign, "unsign NAME"},
    {"key-list", 2, true, true, ask_key_list, "key-list NAME"},
    {"key-add", 3, true, true, ask_key_add, "key-add NAME ksk|zsk|csk [ALGORITHM]"},
    {"key-import", 4, true, true, ask_key_import, "key-import NAME ksk|zsk|csk FILE [ALGORITHM]"},
    {"key-retire", 3, true, true, ask_key_retire, "key-retire NAME TAG|oldest"},
    {"key-export", 3, true, true, ask_key_export, "key-export NAME TAG"},
    {"notify", 2, true, false, ask_notify, "notify NAME"},
};

static void split(struct asking *asking, struct span line)
{
    size_t from = 0;
    for (size_t at = 0; at <= line.len && asking->word_count < WORDS_MAX; at++) {
        if (at == line.len || line.bytes[at] == ' ') {
            if (at > from) {
                asking->words[asking->word_count++] = span_part(line, from, at - from);
            }
            from = at + 1;
        }
    }
}

static enum status find_zone(struct asking *asking)
{
    struct name_buffer buffer;
    struct name name;
    enum status status = name_parse(asking->words[1], NULL, &buffer, &name, &asking->problem);
    asking->zone = status == OK ? signer_find(asking->signer, name) : NULL;
    if (status == OK && asking->zone == NULL) {
        status = problem_set(&asking->problem, NOT_FOUND, "this signer has no zone %.*s",
                             (int)asking->words[1].len, (const char *)asking->words[1].bytes);
    }
    return status;
}

static enum status run(struct asking *asking)
{
    for (size_t i = 0; i < LEN(commands); i++) {
        if (asking->word_count == 0 ||
            !span_equal(asking->words[0], span_of_text(commands[i].name))) {
            continue;
        }
        if (asking->word_count < commands[i].words) {
            return problem_set(&asking->problem, BAD_ARGUMENT, "it is: %s", commands[i].usage);
        }
        bool has_zone = commands[i].has_zone && asking->word_count > 1;
        enum status status = has_zone ? find_zone(asking) : OK;
        if (status == OK && commands[i].needs_kept && !asking->zone->is_restored) {
            return problem_set(&asking->problem, REFUSED, "not now: %.300s", asking->zone->fault);
        }
        return status == OK ? commands[i].run(asking) : status;
    }
    char known[400] = "";
    struct writer list = writer_over(known, sizeof known - 1);
    for (size_t i = 0; i < LEN(commands); i++) {
        writer_print(&list, "%s%s", i == 0 ? "" : "; ", commands[i].usage);
    }
    return problem_set(&asking->problem, BAD_ARGUMENT, "unknown command; known are: %.350s", known);
}

void signer_control(struct signer *signer, const struct event *event, struct outbox *outbox)
{
    char *bytes = arena_take(&outbox->scratch, ANSWER_LEN_MAX);
    struct effect_control effect = {.request = event->control.request};
    if (bytes == NULL) {
        effect.is_failure = true;
        effect.text = SPAN_LITERAL("no memory\n");
        outbox_add(outbox, EFFECT_CONTROL)->control = effect;
        return;
    }
    struct asking asking = {.signer = signer,
                            .now = event->now,
                            .outbox = outbox,
                            .answer = writer_over(bytes, ANSWER_LEN_MAX - 1)};
    split(&asking, event->control.line);
    effect.is_failure = run(&asking) != OK;
    if (effect.is_failure) {
        asking.answer = writer_over(bytes, ANSWER_LEN_MAX - 1);
        writer_text(&asking.answer, asking.problem.sentence);
        writer_text(&asking.answer, "\n");
    }
    bool is_long = !effect.is_failure && asking.text.len > 0;
    effect.text = is_long ? asking.text : writer_written(&asking.answer);
    outbox_add(outbox, EFFECT_CONTROL)->control = effect;
}
