/* What the signer keeps of a zone beside its keys, and how it comes back at the start: whether it
 * is signed, which file its data were taken from, and the versions that were handed out. */
#include "core/base/text.h"
#include "core/zone/zone_keep.h"
#include "core/zone/zone_sign.h"
#include "service/signer/signal.h"

enum { STATE_LEN_MAX = 64 };

static const char KIND_VERSION[] = ".version";
static const char KIND_STATE[] = ".state";

static const char *text_of(const struct signer_zone *zone, char text[NAME_TEXT_MAX])
{
    return name_print(zone->options.name, text);
}

enum status signer_save(struct signer *signer, const struct signer_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX], text[STATE_LEN_MAX];
    const struct disk *disk = signer->options.disk;
    struct writer state = writer_over(text, sizeof text);
    writer_text(&state, zone->is_signed ? "signed\n" : "unsigned\n");
    if (zone->has_file_serial) {
        writer_print(&state, "file %u\n", zone->file_serial);
    }
    return disk->replace(disk->self, zone_keep_name(zone->options.name, KIND_STATE, name),
                         writer_written(&state));
}

/* The part of `text` up to the next newline, which is stepped over. */
static struct span take_line(struct span *text)
{
    size_t len = 0;
    while (len < text->len && text->bytes[len] != '\n') {
        len++;
    }
    struct span line = span_part(*text, 0, len);
    size_t next = len < text->len ? len + 1 : len;
    *text = span_part(*text, next, text->len - next);
    return line;
}

static void state_parse(struct signer_zone *zone, struct span text)
{
    static const struct span file = SPAN_LITERAL("file ");
    zone->is_signed = span_equal(take_line(&text), SPAN_LITERAL("signed"));
    struct span line = take_line(&text);
    uint64_t serial = 0;
    if (line.len > file.len && span_equal(span_part(line, 0, file.len), file) &&
        text_read_u64(span_part(line, file.len, line.len - file.len), UINT32_MAX, &serial) == OK) {
        zone->has_file_serial = true;
        zone->file_serial = (uint32_t)serial;
    }
}

enum status signer_read_state(struct signer *signer, struct signer_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    struct arena scratch;
    struct span text;
    const struct disk *disk = signer->options.disk;
    zone->is_signed = zone->options.is_signed;
    arena_open(&scratch, 4096);
    enum status status =
        disk->read(disk->self, zone_keep_name(zone->options.name, KIND_STATE, name), STATE_LEN_MAX,
                   &scratch, &text);
    if (status == OK) {
        state_parse(zone, text);
    }
    arena_close(&scratch);
    return status == NOT_FOUND ? OK : status;
}

/* Was the version signed here? `unsign` may have become durable without the version that follows.
 */
static bool is_signed_here(const struct signer_zone *zone, const struct zone *version)
{
    const struct rrset *set = zone_find_rrset(version, zone->options.name, TYPE_DNSKEY);
    bool is_ours = zone->is_signed;
    for (size_t i = 0; set != NULL && i < zone->keys.count; i++) {
        const struct keystore_key *key = zone->keys.keys[i];
        is_ours |= rrset_has(set, span_of(key->rdata, key->rdata_len));
    }
    return set != NULL && is_ours;
}

/* The last version is handed out again if it is still good. If not, nothing of it is trusted but
 * its data: no signature of it may go into the next one. */
static enum status restore_version(struct signer *signer, struct signer_zone *zone,
                                   struct moment now)
{
    char name[NAME_TEXT_MAX];
    struct problem fault = {0};
    struct zone_history *history = &zone->history;
    struct zone *kept = history->versions[history->count - 1];
    bool is_signed = is_signed_here(zone, kept);
    if (is_signed && signer_judge(signer, zone, kept, moment_wall_s(now), &fault) != OK) {
        log_line(signer->options.log, LOG_WARNING,
                 "zone %s: the version kept is not good any more (%s); it is signed anew",
                 text_of(zone, name), fault.sentence);
        return zone_strip(kept, &zone->published);
    }
    history->count--;
    signer_hand_out(signer, zone, kept, now, NULL);
    zone->is_published_signed = is_signed;
    return OK;
}

static enum status restore_versions(struct signer *signer, struct signer_zone *zone,
                                    struct moment now, struct problem *problem)
{
    char name[NAME_TEXT_MAX], text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX];
    struct problem damage = {0};
    enum status status = zone_journal_open(signer->options.disk, zone->options.name, KIND_VERSION,
                                           &zone->journal, &zone->history, &damage);
    if (status != OK) {
        return problem_set(problem, status, "its versions on disk cannot be read: %s",
                           status_text(status));
    }
    if (damage.status != OK) {
        log_line(signer->options.log, LOG_WARNING, "zone %s: %s", text_of(zone, name),
                 problem_print(&damage, text, sizeof text));
    }
    status = zone->history.count == 0 ? OK : restore_version(signer, zone, now);
    return status == OK ? OK
                        : problem_set(problem, status, "its last version cannot be restored: %s",
                                      status_text(status));
}

enum status signer_restore(struct signer *signer, struct signer_zone *zone, struct moment now,
                           struct problem *problem)
{
    enum status status = signer_read_state(signer, zone);
    if (status != OK) {
        return problem_set(problem, status, "its state cannot be read: %s", status_text(status));
    }
    enum status keys_status = keystore_open(signer->options.disk, signer->options.hsm,
                                            zone->options.name, &zone->keys, problem);
    if (zone->journal == NULL) {
        status = restore_versions(signer, zone, now, keys_status == OK ? problem : NULL);
    }
    zone->is_restored = keys_status == OK && status == OK;
    if (!zone->is_restored) {
        keystore_close(&zone->keys);
    }
    return keys_status != OK ? keys_status : status;
}

enum status signer_need_owner_data(struct signer *signer, struct signer_zone *zone)
{
    if (zone->owner_data != NULL) {
        return OK;
    }
    if (zone->published == NULL) {
        return NOT_FOUND;
    }
    if (!zone->is_signed && !zone->is_published_signed) {
        zone->owner_data = zone_hold(zone->published);
        return OK;
    }
    struct zone *data;
    enum status status = zone_strip(zone->published, &data);
    if (status != OK) {
        return status;
    }
    status = signal_drop(signer, data, &zone->owner_data);
    if (status != OK) {
        zone->owner_data = NULL;
        zone_release(data);
        return status;
    }
    zone_release(zone->signed_data);
    zone->signed_data = data;
    zone->are_signals_made = false; /* there may be those of children that went meanwhile */
    return OK;
}
