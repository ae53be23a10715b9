/* The form in which a zone version lies on disk: every record in wire form behind a short head, and
 * a digest over all of it, so that a damaged file is never taken for a zone. */
#include "core/zone/zone_keep.h"

#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/dns/rdata.h"
#include "core/zone/zone_gather.h"

#include <string.h>

enum {
    DIGEST_LEN = ZONE_KEEP_DIGEST_LEN,
    FILE_NAME_LONG = 160, /* file systems end at 255 octets; kinds and digests need room */
    RECORD_LEN_MAX = NAME_LEN_MAX + 2 + 4 + 2 + RDATA_LEN_MAX, /* type, TTL, rdata length */
    PART_LEN = 256 << 10,                                      /* in memory at once */
};

static const char FILE_HEAD[] = "vouch zone 1\n";

const char *zone_keep_name(struct name zone, const char *kind, char text[ZONE_KEEP_NAME_MAX])
{
    struct writer writer = writer_over(text, ZONE_KEEP_NAME_MAX - 1);
    struct name_buffer buffer;
    struct name name;
    name_lower_to(zone, &buffer, &name);
    writer_text(&writer, "zone/");
    for (uint8_t label = 0; label < name.label_count; label++) {
        struct span octets = name_label(name, label);
        writer_text(&writer, label == 0 ? "" : ".");
        for (size_t i = 0; i < octets.len; i++) {
            uint8_t octet = octets.bytes[i];
            bool is_plain = (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') ||
                            octet == '-' || octet == '_';
            writer_print(&writer, is_plain ? "%c" : "=%02x", octet);
        }
    }
    writer_text(&writer, name.label_count == 0 ? "=" : "");
    if (writer.len > FILE_NAME_LONG) {
        uint8_t digest[DIGEST_LEN_MAX];
        struct span octets = name_span(name);
        require(digest_make(DIGEST_SHA256, &octets, 1, digest) == OK);
        writer_rewind(&writer, FILE_NAME_LONG - 2 * DIGEST_LEN);
        writer_text(&writer, "+");
        text_write_base16(&writer, span_of(digest, DIGEST_LEN));
    }
    writer_text(&writer, kind);
    require(writer.status == OK);
    text[writer.len] = 0;
    return text;
}

/* ------------------------------------------------------------------ writing */

/* A version on its way to disk, some octets at a time. */
struct keep_writing {
    struct zone_cursor cursor;
    const struct zone_node *node;
    uint16_t rrset_index;
    const struct rrset *rrset; /* being written; NULL: the next one is due */
    struct rrset_cursor records;
    struct digest_stream *digest; /* NULL: it is written, and all is */
    struct writer part;
    struct zone_kept *kept;
};

/* The next record of the walk; false at the end. */
static bool writing_next(struct keep_writing *writing, struct span *rdata)
{
    for (;;) {
        if (writing->rrset != NULL && rrset_next(&writing->records, rdata)) {
            return true;
        }
        writing->rrset = NULL;
        if (writing->node == NULL || writing->rrset_index == writing->node->rrset_count) {
            writing->node = zone_walk_next(&writing->cursor);
            writing->rrset_index = 0;
            if (writing->node == NULL) {
                return false;
            }
        }
        writing->rrset = &writing->node->rrsets[writing->rrset_index++];
        writing->records = rrset_first(writing->rrset);
    }
}

/* The last octets are the digest of all before. */
static enum status writing_end(struct keep_writing *writing)
{
    uint8_t digest[DIGEST_LEN_MAX];
    digest_add(writing->digest, writer_written(&writing->part));
    enum status status = digest_close(writing->digest, digest);
    writing->digest = NULL;
    writer_span(&writing->part, span_of(digest, DIGEST_LEN));
    memcpy(writing->kept->digest, digest, DIGEST_LEN);
    return status;
}

static enum status writing_part(void *user, struct span *part)
{
    struct keep_writing *writing = user;
    struct span rdata;
    enum status status = OK;
    bool is_first = writing->kept->len == 0;
    writer_rewind(&writing->part, 0);
    *part = SPAN_EMPTY;
    if (writing->digest == NULL) {
        return OK;
    }
    if (is_first) {
        writer_text(&writing->part, FILE_HEAD);
    }
    bool is_over = false;
    while (!is_over && writer_left(&writing->part) >= RECORD_LEN_MAX + DIGEST_LEN) {
        is_over = !writing_next(writing, &rdata);
        if (!is_over) {
            name_write(writing->node->owner, &writing->part);
            writer_u16(&writing->part, writing->rrset->type);
            writer_u32(&writing->part, writing->rrset->ttl_s);
            writer_u16(&writing->part, (uint16_t)rdata.len);
            writer_span(&writing->part, rdata);
        }
    }
    if (is_over) {
        status = writing_end(writing);
    } else {
        digest_add(writing->digest, writer_written(&writing->part));
    }
    require(writing->part.status == OK);
    *part = writer_written(&writing->part);
    writing->kept->len += part->len;
    return status;
}

enum status zone_keep_write(const struct disk *disk, const struct zone *version, const char *kind,
                            struct zone_kept *kept)
{
    struct arena task;
    char name[ZONE_KEEP_NAME_MAX];
    struct keep_writing writing = {.kept = kept};
    *kept = (struct zone_kept){0};
    arena_open(&task, PART_LEN + 4096);
    void *bytes = arena_take(&task, PART_LEN);
    enum status status = bytes == NULL ? NO_MEMORY : digest_open(DIGEST_SHA256, &writing.digest);
    if (status == OK) {
        writing.part = writer_over(bytes, PART_LEN);
        zone_walk(version, &writing.cursor);
        status = disk->replace_by_parts(disk->self, zone_keep_name(zone_apex(version), kind, name),
                                        writing_part, &writing);
    }
    if (writing.digest != NULL) {
        (void)!digest_close(writing.digest, NULL); /* given up on the way */
    }
    arena_close(&task);
    return status;
}

/* ------------------------------------------------------------------ reading */

/* A file being read, some octets at a time; the last ones seen may be its digest. */
struct keep_reading {
    const struct disk *disk;
    const char *name;
    struct name apex;
    struct zone_gathering *gathering;
    struct digest_stream *digest;
    uint8_t *window; /* PART_LEN octets */
    size_t len;      /* of them read and not used yet */
    uint64_t at;     /* offset in the file behind them */
    bool is_end;     /* of the file */
    bool has_head;
};

static enum status reading_fill(struct keep_reading *reading)
{
    size_t got = 0;
    size_t room = PART_LEN - reading->len;
    enum status status = reading->disk->read_at(reading->disk->self, reading->name, reading->at,
                                                reading->window + reading->len, room, &got);
    reading->len += got;
    reading->at += got;
    reading->is_end = got < room;
    return status;
}

static enum status take_record(struct keep_reading *reading, struct reader *reader)
{
    struct name owner = name_read(reader);
    uint16_t type = reader_u16(reader);
    uint32_t ttl_s = reader_u32(reader);
    struct span rdata = reader_span(reader, reader_u16(reader));
    if (reader->status != OK) {
        return reader->status;
    }
    if (!name_is_at_or_below(owner, reading->apex) || rdata_check(type, rdata) != OK) {
        return MALFORMED;
    }
    return zone_gather_add(reading->gathering, owner, type, ttl_s, rdata);
}

/* What of the window is surely records; the digest and what may be half a record stay. */
static enum status reading_use(struct keep_reading *reading)
{
    if (reading->len < DIGEST_LEN + (reading->has_head ? 0 : sizeof FILE_HEAD - 1)) {
        return MALFORMED;
    }
    struct reader reader = reader_over(span_of(reading->window, reading->len - DIGEST_LEN));
    enum status status = OK;
    if (!reading->has_head) {
        struct span head = reader_span(&reader, sizeof FILE_HEAD - 1);
        status = span_equal(head, span_of(FILE_HEAD, sizeof FILE_HEAD - 1)) ? OK : MALFORMED;
        reading->has_head = true;
    }
    size_t reserve = reading->is_end ? 0 : RECORD_LEN_MAX;
    while (status == OK && reader_left(&reader) > reserve) {
        status = take_record(reading, &reader);
    }
    if (status == OK) {
        digest_add(reading->digest, span_of(reading->window, reader.at));
        reading->len -= reader.at;
        memmove(reading->window, reading->window + reader.at, reading->len);
    }
    return status;
}

static enum status reading_check(struct keep_reading *reading, struct zone_kept *kept)
{
    uint8_t digest[DIGEST_LEN_MAX];
    enum status status = digest_close(reading->digest, digest);
    reading->digest = NULL;
    if (status != OK) {
        return status;
    }
    require(reading->len == DIGEST_LEN);
    memcpy(kept->digest, reading->window, DIGEST_LEN);
    kept->len = (size_t)reading->at;
    return secret_equal(span_of(digest, DIGEST_LEN), span_of(kept->digest, DIGEST_LEN)) ? OK
                                                                                        : MISMATCH;
}

static enum status reading_run(struct keep_reading *reading, struct zone_kept *kept,
                               struct zone **version)
{
    enum status status = OK;
    while (status == OK && !reading->is_end) {
        status = reading_fill(reading);
        status = status == OK ? reading_use(reading) : status;
    }
    status = status == OK ? reading_check(reading, kept) : status;
    struct zone_gather_aim aim = {.apex = reading->apex, .parallel = parallel_none()};
    return status == OK ? zone_gather_join(&aim, &reading->gathering, 1, version) : status;
}

enum status zone_keep_read(const struct disk *disk, struct name apex, const char *kind,
                           struct zone **version, struct zone_kept *kept)
{
    struct arena task;
    char name[ZONE_KEEP_NAME_MAX];
    struct keep_reading reading = {.disk = disk, .apex = apex};
    struct zone *read = NULL;
    reading.name = zone_keep_name(apex, kind, name);
    arena_open(&task, PART_LEN + 4096);
    reading.window = arena_take(&task, PART_LEN);
    enum status status = reading.window == NULL ? NO_MEMORY : zone_gather_open(&reading.gathering);
    status = status == OK ? digest_open(DIGEST_SHA256, &reading.digest) : status;
    status = status == OK ? reading_run(&reading, kept, &read) : status;
    if (status == OK && zone_soa(read) == NULL) {
        zone_release(read);
        status = MALFORMED;
    }
    if (status == OK) {
        *version = read;
    }
    if (reading.digest != NULL) {
        (void)!digest_close(reading.digest, NULL);
    }
    zone_gather_close(reading.gathering);
    arena_close(&task);
    return status == TRUNCATED ? MALFORMED : status;
}
