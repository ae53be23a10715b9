/* The operator's lines: what stands in the registry, who may log in, the lock of a domain, and the
 * pause that lets a laboratory see a command pending. */
#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "service/registry/key_rules.h"
#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

enum { WORDS_MAX = 4, TEXT_MAX = 1 << 20, LIST_MAX = 5000, CERTIFICATE_DIGEST_LEN = 32 };

struct control {
    struct registry_turn *turn;
    struct span words[WORDS_MAX];
    size_t word_count;
    struct writer text;
    bool is_failure;
};

static void say_failure(struct control *control, const char *sentence, struct span about)
{
    control->is_failure = true;
    writer_text(&control->text, sentence);
    writer_span(&control->text, about);
    writer_text(&control->text, "\n");
}

static void write_line(struct control *control, const char *label, struct span value)
{
    writer_print(&control->text, "%s ", label);
    writer_span(&control->text, value);
    writer_text(&control->text, "\n");
}

static void status_run(struct control *control)
{
    struct registry *registry = control->turn->registry;
    writer_print(&control->text, "state %s\nsessions %zu\nheld %zu\ndone %llu\nrefused %llu\n",
                 registry->is_paused ? "paused" : "running", registry_session_count(registry),
                 registry->held_count, (unsigned long long)registry->commands_done,
                 (unsigned long long)registry->commands_refused);
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        struct registry_tld *tld = &registry->tlds[i];
        int64_t count = 0;
        if (registry_store_count_domains(registry->options.records, control->turn->scratch,
                                         tld->text, &count) != OK) {
            say_failure(control, "the records cannot be read", SPAN_EMPTY);
            return;
        }
        struct zone *zone = registry_zone_current(tld);
        writer_text(&control->text, "tld ");
        writer_span(&control->text, tld->text);
        writer_print(&control->text, " domains %lld serial %u records %zu\n", (long long)count,
                     zone_serial(zone), zone_record_count(zone));
    }
}

/* Its files are certificates, and the world has read those. */
static void reload_run(struct control *control)
{
    writer_text(&control->text, "certificates were read again\n");
}

static void stats_run(struct control *control)
{
    struct metrics metrics = metrics_in(control->turn->scratch);
    registry_add_metrics(control->turn, &metrics);
    metrics_write_lines(&metrics, &control->text);
}

static void tld_list_run(struct control *control)
{
    static const char *const forms[REGISTRY_FORM_COUNT] = {
        [REGISTRY_FORM_DS] = "ds",
        [REGISTRY_FORM_KEY] = "key",
        [REGISTRY_FORM_EITHER] = "either",
    };
    struct registry *registry = control->turn->registry;
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        const struct registry_tld_options *options = registry->tlds[i].options;
        writer_span(&control->text, registry->tlds[i].text);
        writer_print(&control->text, " dnssec %s", options->has_dnssec ? "yes" : "no");
        if (options->has_dnssec) {
            writer_print(&control->text, " keys-max %u form %s", options->keys_max,
                         forms[options->form]);
        }
        writer_text(&control->text, "\n");
    }
}

static void registrar_add_run(struct control *control)
{
    struct registry_turn *turn = control->turn;
    struct registry_registrar registrar = {.id = control->words[1],
                                           .password_hash = control->words[2]};
    uint8_t digest[CERTIFICATE_DIGEST_LEN];
    struct writer bytes = writer_over(digest, sizeof digest);
    if (registrar.id.len < 3 || registrar.id.len > EPP_CLIENT_LEN_MAX) {
        say_failure(control, "an id has 3 to 16 characters", SPAN_EMPTY);
        return;
    }
    if (control->word_count == 4) {
        if (text_read_base16(control->words[3], &bytes) != OK || bytes.len != sizeof digest) {
            say_failure(control, "a certificate digest is SHA-256 in 64 hexadecimal digits",
                        SPAN_EMPTY);
            return;
        }
        registrar.certificate_digest = writer_written(&bytes);
    }
    struct records *records = turn->registry->options.records;
    enum status status = records->begin(records->self);
    if (status == OK) {
        status = registry_store_put_registrar(records, turn->scratch, &registrar, turn->now_s);
        if (status == OK) {
            status = records->commit(records->self);
        } else {
            records->rollback(records->self);
        }
    }
    if (status != OK) {
        say_failure(control, "the registrar cannot be kept: ", span_of_text(status_text(status)));
        return;
    }
    write_line(control, "added", registrar.id);
}

static void domain_list_run(struct control *control)
{
    struct registry_turn *turn = control->turn;
    struct span tld = control->word_count > 1 ? control->words[1] : SPAN_EMPTY;
    struct records_rows rows;
    enum status status = registry_store_list_domains(turn->registry->options.records, turn->scratch,
                                                     tld, SPAN_EMPTY, LIST_MAX + 1, &rows);
    if (status != OK) {
        say_failure(control, "the records cannot be read: ", span_of_text(status_text(status)));
        return;
    }
    for (size_t i = 0; i < rows.count && i < LIST_MAX; i++) {
        writer_span(&control->text, rows.rows[i].values[0].bytes);
        writer_text(&control->text, " ");
        writer_span(&control->text, rows.rows[i].values[1].bytes);
        writer_text(&control->text, "\n");
    }
    if (rows.count > LIST_MAX) {
        writer_print(&control->text, "only the first %d are listed\n", LIST_MAX);
    }
}

static bool domain_find(struct control *control, struct registry_domain *domain)
{
    struct registry_turn *turn = control->turn;
    struct problem problem = {.status = OK};
    enum status status =
        registry_name_of_domain(turn->registry, control->words[1], turn->scratch, domain, &problem);
    if (status == OK) {
        status = registry_store_load_domain(turn->registry->options.records, turn->scratch, domain);
        if (status == NOT_FOUND) {
            say_failure(control, "not registered: ", domain->text);
            return false;
        }
    }
    if (status != OK) {
        say_failure(
            control, "",
            span_of_text(problem.sentence[0] == '\0' ? status_text(status) : problem.sentence));
    }
    return status == OK;
}

static void write_time(struct control *control, const char *label, int64_t time_s)
{
    if (time_s != 0) {
        writer_print(&control->text, "%s ", label);
        text_write_rfc3339(&control->text, time_s);
        writer_text(&control->text, "\n");
    }
}

static void domain_info_run(struct control *control)
{
    struct registry_domain domain;
    if (!domain_find(control, &domain)) {
        return;
    }
    write_line(control, "name", domain.text);
    write_line(control, "sponsor", domain.sponsor);
    write_line(control, "registrant", domain.registrant);
    for (size_t i = 0; i < domain.status_count; i++) {
        write_line(control, "status", domain.statuses[i]);
    }
    for (size_t i = 0; i < domain.host_count; i++) {
        writer_text(&control->text, "host ");
        writer_span(&control->text, domain.hosts[i].text);
        for (size_t j = 0; j < domain.hosts[i].address_count; j++) {
            char text[ADDRESS_TEXT_MAX];
            writer_print(&control->text, " %s", address_print(domain.hosts[i].addresses[j], text));
        }
        writer_text(&control->text, "\n");
    }
    for (size_t i = 0; i < domain.key_count; i++) {
        writer_text(&control->text, "ds ");
        rdata_write_text(TYPE_DS, domain.keys[i].ds, &control->text);
        writer_text(&control->text, "\n");
    }
    writer_print(&control->text, "keys %zu\n", key_rules_count(domain.keys, domain.key_count));
    write_time(control, "created", domain.created_s);
    write_time(control, "updated", domain.updated_s);
    write_time(control, "expires", domain.expires_s);
}

/* The registry lock: what only the operator sets and takes away. */
static const char *const lock_statuses[] = {"serverUpdateProhibited", "serverDeleteProhibited",
                                            "serverTransferProhibited"};

static bool is_lock(struct span status)
{
    for (size_t i = 0; i < LEN(lock_statuses); i++) {
        if (span_equal(status, span_of_text(lock_statuses[i]))) {
            return true;
        }
    }
    return false;
}

static enum status lock_put(struct control *control, struct registry_domain *domain, bool is_locked)
{
    struct registry_turn *turn = control->turn;
    struct records *records = turn->registry->options.records;
    size_t kept = 0;
    for (size_t i = 0; i < domain->status_count; i++) {
        if (!is_lock(domain->statuses[i])) {
            domain->statuses[kept++] = domain->statuses[i];
        }
    }
    domain->status_count = kept;
    for (size_t i = 0; is_locked && i < LEN(lock_statuses); i++) {
        if (domain->status_count == REGISTRY_STATUSES_MAX) {
            return LIMIT_REACHED;
        }
        domain->statuses[domain->status_count++] = span_of_text(lock_statuses[i]);
    }
    domain->updated_s = turn->now_s;
    char *message = arena_print(turn->scratch, "%.*s is %s by the registry", (int)domain->text.len,
                                domain->text.bytes, is_locked ? "locked" : "unlocked");
    enum status status = message == NULL ? NO_MEMORY : records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = registry_store_put_domain(records, turn->scratch, domain);
    if (status == OK) {
        status = registry_store_add_message(records, turn->scratch, domain->sponsor,
                                            span_of_text(message), turn->now_s);
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

static void lock_change(struct control *control, bool is_locked)
{
    struct registry_domain domain;
    if (!domain_find(control, &domain)) {
        return;
    }
    enum status status = lock_put(control, &domain, is_locked);
    if (status != OK) {
        say_failure(control, "nothing was changed: ", span_of_text(status_text(status)));
        return;
    }
    write_line(control, is_locked ? "locked" : "unlocked", domain.text);
}

static void lock_run(struct control *control)
{
    lock_change(control, true);
}

static void unlock_run(struct control *control)
{
    lock_change(control, false);
}

static void pause_run(struct control *control)
{
    control->turn->registry->is_paused = true;
    writer_text(&control->text, "paused\n");
}

static void resume_run(struct control *control)
{
    struct registry *registry = control->turn->registry;
    registry->is_paused = false;
    writer_print(&control->text, "running; %zu commands were held\n", registry->held_count);
    registry_session_resume(control->turn);
}

static void help_run(struct control *control);

static const struct {
    const char *word;
    size_t word_count_min, word_count_max; /* with the first */
    void (*run)(struct control *control);
    const char *usage;
} lines[] = {
    {"status", 1, 1, status_run, "status"},
    {"stats", 1, 1, stats_run, "stats"},
    {"reload", 1, 1, reload_run, "reload"},
    {"tld-list", 1, 1, tld_list_run, "tld-list"},
    {"registrar-add", 3, 4, registrar_add_run, "registrar-add ID PASSWORD-HASH [CERT-DIGEST]"},
    {"domain-list", 1, 2, domain_list_run, "domain-list [TLD]"},
    {"domain-info", 2, 2, domain_info_run, "domain-info NAME"},
    {"lock", 2, 2, lock_run, "lock NAME"},
    {"unlock", 2, 2, unlock_run, "unlock NAME"},
    {"pause", 1, 1, pause_run, "pause"},
    {"resume", 1, 1, resume_run, "resume"},
    {"help", 1, 1, help_run, "help"},
};

static void help_run(struct control *control)
{
    for (size_t i = 0; i < LEN(lines); i++) {
        writer_print(&control->text, "%s\n", lines[i].usage);
    }
}

/* False when there are more words than any line has. */
static bool words_cut(struct control *control, struct span line)
{
    size_t start = 0;
    for (size_t i = 0; i <= line.len; i++) {
        if (i == line.len || line.bytes[i] == ' ') {
            if (control->word_count == WORDS_MAX) {
                return false;
            }
            control->words[control->word_count++] = span_part(line, start, i - start);
            start = i + 1;
        }
    }
    return true;
}

static void line_run(struct control *control, struct span line)
{
    bool is_cut = words_cut(control, line);
    for (size_t i = 0; i < LEN(lines); i++) {
        if (!span_equal(control->words[0], span_of_text(lines[i].word))) {
            continue;
        }
        if (!is_cut || control->word_count < lines[i].word_count_min ||
            control->word_count > lines[i].word_count_max) {
            say_failure(control, "usage: ", span_of_text(lines[i].usage));
        } else {
            lines[i].run(control);
        }
        return;
    }
    say_failure(control, "unknown word, try help: ", control->words[0]);
}

void registry_control_line(struct registry_turn *turn, const struct event_control *event)
{
    struct control control = {.turn = turn};
    uint8_t *bytes = arena_take(turn->scratch, TEXT_MAX);
    control.text = writer_over(bytes, bytes == NULL ? 0 : TEXT_MAX);
    line_run(&control, event->line);
    struct effect_control *effect = &outbox_add(turn->outbox, EFFECT_CONTROL)->control;
    effect->request = event->request;
    effect->is_failure = control.is_failure || control.text.status != OK;
    effect->text = control.text.status == OK ? writer_written(&control.text)
                                             : SPAN_LITERAL("the answer is too long\n");
}
