/* What the server keeps of a transferred zone on disk: its versions, and when the primary last
 * vouched for them, so that EXPIRE goes on counting across a restart. */
#include "core/zone/zone_keep.h"
#include "service/auth/auth_state.h"

enum {
    CONFIRMATIONS_PER_EXPIRE = 8, /* how exactly the time of confirmation is kept */
    CONFIRMATION_LEN = 16,
};

static const char KIND_VERSION[] = ".wire";
static const char KIND_TIME[] = ".time";

static enum status keep_confirmation(struct auth *auth, struct auth_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    uint8_t bytes[CONFIRMATION_LEN];
    struct writer content = writer_over(bytes, sizeof bytes);
    uint64_t time_s = (uint64_t)zone->secondary->confirmed_wall_s;
    writer_u64(&content, time_s);
    writer_u64(&content, ~time_s); /* a torn or damaged file is seen */
    struct disk *disk = auth->options.disk;
    enum status status = disk->replace(disk->self, zone_keep_name(zone->name, KIND_TIME, name),
                                       writer_written(&content));
    if (status == OK) {
        zone->secondary->remembered_wall_s = zone->secondary->confirmed_wall_s;
    }
    return status;
}

void auth_keep_zone(struct auth *auth, struct auth_zone *zone)
{
    char name[NAME_TEXT_MAX];
    struct problem warning = {0};
    if (auth->options.disk == NULL) {
        return;
    }
    const struct zone *version = zone->history[zone->history_count - 1];
    enum status status =
        zone->journal == NULL ? IO_FAILED : zone_journal_keep(zone->journal, version, &warning);
    if (status != OK) {
        log_line(auth->options.log, LOG_ERROR, "zone %s: serial %u cannot be kept on disk: %s",
                 name_print(zone->name, name), zone_serial(version), status_text(status));
    } else if (warning.status != OK) {
        log_line(auth->options.log, LOG_WARNING, "zone %s: %s", name_print(zone->name, name),
                 warning.sentence);
    }
}

static void load_confirmation(struct auth *auth, struct auth_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    struct arena task;
    arena_open(&task, 4096);
    struct span content;
    struct disk *disk = auth->options.disk;
    if (disk->read(disk->self, zone_keep_name(zone->name, KIND_TIME, name), CONFIRMATION_LEN, &task,
                   &content) != OK) {
        arena_close(&task);
        return; /* as if long ago: the zone waits for its primary */
    }
    struct reader reader = reader_over(content);
    uint64_t time_s = reader_u64(&reader);
    if (reader_u64(&reader) == ~time_s && reader_end(&reader) == OK && time_s <= INT64_MAX / 2) {
        zone->secondary->confirmed_wall_s = (int64_t)time_s;
        zone->secondary->remembered_wall_s = (int64_t)time_s;
    }
    arena_close(&task);
}

void auth_load_zone(struct auth *auth, struct auth_zone *zone)
{
    char name[NAME_TEXT_MAX], text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX];
    struct zone_history history;
    struct problem damage = {0};
    if (auth->options.disk == NULL) {
        return;
    }
    enum status status = zone_journal_open(auth->options.disk, zone->name, KIND_VERSION,
                                           &zone->journal, &history, &damage);
    if (status != OK) {
        log_line(auth->options.log, LOG_ERROR,
                 "zone %s: what is kept on disk cannot be read (%s); nothing more will be kept",
                 name_print(zone->name, name), status_text(status));
        return;
    }
    if (damage.status != OK) {
        log_line(auth->options.log, LOG_WARNING, "zone %s: %s", name_print(zone->name, name),
                 problem_print(&damage, text, sizeof text));
    }
    for (size_t i = 0; i < history.count; i++) {
        auth_zone_remember(auth, zone, history.versions[i]);
    }
    if (history.count > 0 && zone->secondary != NULL) {
        load_confirmation(auth, zone);
    }
}

void auth_forget_zone(struct auth *auth, struct auth_zone *zone)
{
    char name[ZONE_KEEP_NAME_MAX];
    struct disk *disk = auth->options.disk;
    if (disk == NULL) {
        return;
    }
    zone_journal_close(zone->journal);
    zone->journal = NULL;
    enum status status = zone_journal_remove(disk, zone->name, KIND_VERSION);
    enum status time_status = disk->remove(disk->self, zone_keep_name(zone->name, KIND_TIME, name));
    status = status != OK || time_status == NOT_FOUND ? status : time_status;
    if (status != OK) {
        log_line(auth->options.log, LOG_WARNING, "%s: of a zone that went, cannot be removed: %s",
                 name, status_text(status));
    }
}

void auth_keep_confirmation(struct auth *auth, struct auth_zone *zone)
{
    struct secondary *secondary = zone->secondary;
    const struct rrset *soa = zone_soa(zone->history[zone->history_count - 1]);
    struct span rdata = soa == NULL ? SPAN_EMPTY : rrset_only(soa);
    if (auth->options.disk == NULL || rdata.len < 20) {
        return;
    }
    struct reader reader = reader_over(span_part(rdata, rdata.len - 8, 4));
    int64_t tolerated_s = reader_u32(&reader) / CONFIRMATIONS_PER_EXPIRE;
    if (secondary->confirmed_wall_s - secondary->remembered_wall_s < tolerated_s) {
        return;
    }
    enum status status = keep_confirmation(auth, zone);
    if (status != OK) {
        char name[NAME_TEXT_MAX];
        log_line(auth->options.log, LOG_WARNING, "zone %s: cannot note its refresh on disk: %s",
                 name_print(zone->name, name), status_text(status));
    }
}
