/* The form of a log on disk: a head with the label of its base, and entries that each carry a
 * checksum over themselves and the checksum before, so that neither a hole nor another order nor a
 * torn write is ever taken for an entry. */
#include "core/store/journal.h"

#include "core/base/reader.h"
#include "core/base/writer.h"
#include "core/crypto/digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    MAGIC_LEN = 12,
    HEAD_LEN = MAGIC_LEN + 8 + 8 + JOURNAL_LABEL_LEN + 2 * JOURNAL_CHECKSUM_LEN,
    ENTRY_HEAD_LEN = 4 + 8 + JOURNAL_CHECKSUM_LEN, /* length, sequence, checksum */
};

static const size_t TASK_MEMORY_MAX = (size_t)1 << 30;
static const char MAGIC[] = "vouch log 1\n";

static_assert(MAGIC_LEN == sizeof MAGIC - 1, "the magic's length");

static enum status checksum_make(const struct span *parts, size_t count,
                                 uint8_t checksum[JOURNAL_CHECKSUM_LEN])
{
    uint8_t digest[DIGEST_LEN_MAX];
    enum status status = digest_make(DIGEST_SHA256, parts, count, digest);
    memcpy(checksum, digest, JOURNAL_CHECKSUM_LEN);
    return status;
}

/* ------------------------------------------------------------------ reading */

/* A file being read. */
struct journal_scan {
    struct journal *journal;
    struct span file;
    struct reader reader;
};

static enum status scan_head(struct journal_scan *scan)
{
    struct journal *journal = scan->journal;
    struct reader *reader = &scan->reader;
    struct span magic = reader_span(reader, MAGIC_LEN);
    uint64_t first = reader_u64(reader);
    uint64_t base_sequence = reader_u64(reader);
    struct span label = reader_span(reader, JOURNAL_LABEL_LEN);
    struct span before = reader_span(reader, JOURNAL_CHECKSUM_LEN);
    struct span told = reader_span(reader, JOURNAL_CHECKSUM_LEN);
    if (reader->status != OK || !span_equal(magic, span_of(MAGIC, MAGIC_LEN))) {
        return MALFORMED;
    }
    uint8_t checksum[JOURNAL_CHECKSUM_LEN];
    struct span covered = span_part(scan->file, 0, HEAD_LEN - JOURNAL_CHECKSUM_LEN);
    enum status status = checksum_make(&covered, 1, checksum);
    if (status != OK) {
        return status;
    }
    if (!span_equal(told, span_of(checksum, sizeof checksum)) || base_sequence < first) {
        return MALFORMED;
    }
    journal->first = first;
    journal->next = first;
    journal->base_sequence = base_sequence;
    memcpy(journal->label, label.bytes, JOURNAL_LABEL_LEN);
    memcpy(journal->before, before.bytes, JOURNAL_CHECKSUM_LEN);
    memcpy(journal->checksum, before.bytes, JOURNAL_CHECKSUM_LEN);
    journal->is_written = true;
    journal->size = HEAD_LEN;
    return OK;
}

/* TRUNCATED where the file ends inside the entry, MALFORMED where it is another than was written.
 */
static enum status scan_entry(struct journal_scan *scan, struct span *content)
{
    struct journal *journal = scan->journal;
    struct reader *reader = &scan->reader;
    size_t at = reader->at;
    uint32_t len = reader_u32(reader);
    uint64_t sequence = reader_u64(reader);
    struct span told = reader_span(reader, JOURNAL_CHECKSUM_LEN);
    if (reader->status != OK) {
        return TRUNCATED;
    }
    if (len > JOURNAL_ENTRY_LEN_MAX || sequence != journal->next) {
        return MALFORMED;
    }
    *content = reader_span(reader, len);
    if (reader->status != OK) {
        return TRUNCATED;
    }
    uint8_t checksum[JOURNAL_CHECKSUM_LEN];
    const struct span covered[] = {span_of(journal->checksum, JOURNAL_CHECKSUM_LEN),
                                   span_part(scan->file, at, 4 + 8), *content};
    enum status status = checksum_make(covered, LEN(covered), checksum);
    if (status != OK) {
        return status;
    }
    if (!span_equal(told, span_of(checksum, sizeof checksum))) {
        return MALFORMED;
    }
    memcpy(journal->checksum, checksum, sizeof checksum);
    journal->size = reader->at;
    journal->next++;
    return OK;
}

/* How many entries the lengths promise; what they are is seen later. */
static size_t scan_count(struct journal_scan scan)
{
    size_t count = 0;
    while (scan.reader.status == OK && reader_left(&scan.reader) > 0) {
        uint32_t len = reader_u32(&scan.reader);
        reader_span(&scan.reader, ENTRY_HEAD_LEN - 4);
        reader_span(&scan.reader, len);
        count++;
    }
    return count;
}

static void describe_damage(const struct journal *journal, enum status status, size_t file_len,
                            struct problem *damage)
{
    unsigned long long at = journal->size, len = file_len - journal->size;
    problem_place(damage, journal->name, 0, 0);
    if (status == TRUNCATED) {
        problem_set(damage, status,
                    "the log ends in an unfinished entry: the %llu octets from offset %llu on were "
                    "cut off; they were never confirmed to anyone",
                    len, at);
    } else if (!journal->is_written) {
        problem_set(damage, status,
                    "the log is damaged at its beginning: all its %llu octets were put aside", len);
    } else {
        problem_set(damage, status,
                    "the log is damaged at offset %llu: the %llu octets from there on, entry %llu "
                    "and later, were cut off",
                    at, len, (unsigned long long)journal->next);
    }
}

static enum status scan_file(struct journal_scan *scan, struct arena *task,
                             struct journal_entries *entries, struct problem *damage)
{
    struct journal *journal = scan->journal;
    enum status status = scan_head(scan);
    struct journal_entry *list = NULL;
    if (status == OK) {
        list = arena_take_array(task, scan_count(*scan), sizeof *list);
        status = list == NULL ? NO_MEMORY : OK;
    }
    entries->entries = list;
    while (status == OK && reader_left(&scan->reader) > 0) {
        struct journal_entry *entry = &list[entries->count];
        status = scan_entry(scan, &entry->content);
        if (status == OK) {
            entry->sequence = journal->next - 1;
            entries->count++;
        }
    }
    if (status == OK || (status != TRUNCATED && status != MALFORMED)) {
        return status;
    }
    describe_damage(journal, status, scan->file.len, damage);
    /* A file without a head is put aside by the first append, which replaces it. */
    return journal->is_written
               ? journal->disk->cut(journal->disk->self, journal->name, journal->size)
               : OK;
}

enum status journal_open(struct journal *journal, const struct disk *disk, const char *name,
                         struct arena *task, struct journal_entries *entries,
                         struct problem *damage)
{
    *journal = (struct journal){.disk = disk};
    *entries = (struct journal_entries){0};
    int len = snprintf(journal->name, sizeof journal->name, "%s", name);
    require(len >= 0 && (size_t)len < sizeof journal->name);
    struct journal_scan scan = {.journal = journal};
    enum status status = disk->read(disk->self, name, JOURNAL_SIZE_MAX, task, &scan.file);
    if (status != OK || scan.file.len == 0) {
        return status == NOT_FOUND ? OK : status;
    }
    scan.reader = reader_over(scan.file);
    return scan_file(&scan, task, entries, damage);
}

/* ------------------------------------------------------------------ writing */

static enum status head_write(const struct journal *journal, struct writer *file)
{
    writer_span(file, span_of(MAGIC, MAGIC_LEN));
    writer_u64(file, journal->first);
    writer_u64(file, journal->base_sequence);
    writer_span(file, span_of(journal->label, JOURNAL_LABEL_LEN));
    writer_span(file, span_of(journal->before, JOURNAL_CHECKSUM_LEN));
    uint8_t checksum[JOURNAL_CHECKSUM_LEN];
    struct span covered = writer_written(file);
    enum status status = checksum_make(&covered, 1, checksum);
    writer_span(file, span_of(checksum, sizeof checksum));
    return status;
}

static enum status entry_write(const struct journal *journal, struct span content,
                               uint8_t checksum[JOURNAL_CHECKSUM_LEN], struct writer *file)
{
    size_t at = file->len;
    writer_u32(file, (uint32_t)content.len);
    writer_u64(file, journal->next);
    const struct span covered[] = {span_of(journal->checksum, JOURNAL_CHECKSUM_LEN),
                                   span_of(file->bytes + at, file->len - at), content};
    enum status status = checksum_make(covered, LEN(covered), checksum);
    writer_span(file, span_of(checksum, JOURNAL_CHECKSUM_LEN));
    writer_span(file, content);
    return status;
}

enum status journal_begin(struct journal *journal, const uint8_t label[JOURNAL_LABEL_LEN])
{
    enum status status = journal->disk->remove(journal->disk->self, journal->name);
    if (status != OK && status != NOT_FOUND) {
        return status;
    }
    journal->is_written = false;
    journal->is_tail_unsure = false;
    journal->size = 0;
    journal->first = journal->next;
    journal->base_sequence = journal->next;
    memcpy(journal->label, label, JOURNAL_LABEL_LEN);
    memset(journal->before, 0, JOURNAL_CHECKSUM_LEN);
    memset(journal->checksum, 0, JOURNAL_CHECKSUM_LEN);
    return OK;
}

/* What a failed write left must go before anything is put behind it. */
static enum status tail_mend(struct journal *journal)
{
    if (!journal->is_tail_unsure) {
        return OK;
    }
    enum status status = journal->disk->cut(journal->disk->self, journal->name, journal->size);
    journal->is_tail_unsure = status != OK;
    return status;
}

static enum status append_with(struct journal *journal, struct span content, struct writer file)
{
    const struct disk *disk = journal->disk;
    uint8_t checksum[JOURNAL_CHECKSUM_LEN];
    enum status status = journal->is_written ? OK : head_write(journal, &file);
    status = status == OK ? entry_write(journal, content, checksum, &file) : status;
    if (status != OK) {
        return status;
    }
    require(file.status == OK);
    if (!journal->is_written) {
        status = disk->replace(disk->self, journal->name, writer_written(&file));
    } else {
        status = disk->append(disk->self, journal->name, writer_written(&file));
        journal->is_tail_unsure = status != OK;
    }
    if (status == OK) {
        journal->is_written = true;
        journal->size += file.len;
        journal->next++;
        memcpy(journal->checksum, checksum, sizeof checksum);
    }
    return status;
}

enum status journal_append(struct journal *journal, struct span content)
{
    size_t len = (journal->is_written ? 0 : HEAD_LEN) + ENTRY_HEAD_LEN + content.len;
    if (content.len > JOURNAL_ENTRY_LEN_MAX || len > JOURNAL_SIZE_MAX - journal->size) {
        return LIMIT_REACHED;
    }
    enum status status = tail_mend(journal);
    if (status != OK) {
        return status;
    }
    struct arena scratch;
    arena_open(&scratch, len + 4096);
    uint8_t *bytes = arena_take(&scratch, len);
    status = bytes == NULL ? NO_MEMORY : append_with(journal, content, writer_over(bytes, len));
    arena_close(&scratch);
    return status;
}

/* The first entry that stays. */
static size_t choose_kept(const struct journal_entries *entries, size_t count_max, size_t len_max)
{
    size_t at = entries->count;
    size_t len = 0;
    while (at > 0 && entries->count - at < count_max) {
        len += ENTRY_HEAD_LEN + entries->entries[at - 1].content.len;
        if (len > len_max) {
            break;
        }
        at--;
    }
    return at;
}

/* The head and the entries from `kept` on, as they stand in the file, put in its place. */
static enum status rebase_file(struct journal *next, const struct journal_entries *entries,
                               size_t kept, struct arena *task)
{
    const struct disk *disk = next->disk;
    size_t len = HEAD_LEN;
    for (size_t i = kept; i < entries->count; i++) {
        len += ENTRY_HEAD_LEN + entries->entries[i].content.len;
    }
    uint8_t *bytes = arena_take(task, len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer file = writer_over(bytes, len);
    next->first = next->next - (entries->count - kept);
    next->base_sequence = next->next;
    next->size = len;
    if (kept == entries->count) {
        memcpy(next->before, next->checksum, sizeof next->before);
    } else if (kept > 0) {
        /* An entry's checksum stands right before its content. */
        const struct journal_entry *last = &entries->entries[kept - 1];
        memcpy(next->before, last->content.bytes - JOURNAL_CHECKSUM_LEN, sizeof next->before);
    }
    enum status status = head_write(next, &file);
    if (status != OK) {
        return status;
    }
    if (kept < entries->count) {
        const uint8_t *from = entries->entries[kept].content.bytes - ENTRY_HEAD_LEN;
        writer_span(&file, span_of(from, len - HEAD_LEN));
    }
    require(file.status == OK && file.len == len);
    return disk->replace(disk->self, next->name, writer_written(&file));
}

enum status journal_rebase(struct journal *journal, const uint8_t label[JOURNAL_LABEL_LEN],
                           size_t count_max, size_t len_max)
{
    struct arena task;
    struct journal there, next = *journal;
    struct journal_entries entries;
    struct problem damage = {0};
    if (!journal->is_written) {
        return journal_begin(journal, label);
    }
    arena_open(&task, TASK_MEMORY_MAX);
    enum status status = tail_mend(journal);
    status = status == OK
                 ? journal_open(&there, journal->disk, journal->name, &task, &entries, &damage)
                 : status;
    if (status == OK && (there.next != journal->next || there.first != journal->first)) {
        entries = (struct journal_entries){0}; /* another hand was at the file: history is lost */
    }
    if (status == OK) {
        memcpy(next.label, label, JOURNAL_LABEL_LEN);
        status = rebase_file(&next, &entries, choose_kept(&entries, count_max, len_max), &task);
    }
    if (status == OK) {
        *journal = next;
        journal->is_tail_unsure = false;
    }
    arena_close(&task);
    return status;
}
