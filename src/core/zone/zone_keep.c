/* The form in which a zone version lies on disk: every record in wire form behind a short head, and
 * a digest over all of it, so that a damaged file is never taken for a zone. */
#include "core/zone/zone_keep.h"

#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/dns/rdata.h"

#include <string.h>

enum {
    DIGEST_LEN = ZONE_KEEP_DIGEST_LEN,
    FILE_NAME_LONG = 160,        /* file systems end at 255 octets; kinds and digests need room */
    RECORD_HEAD_LEN = 2 + 4 + 2, /* type, TTL, rdata length */
};

static const size_t FILE_LEN_MAX = (size_t)8 << 30;
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

static size_t kept_len(const struct zone *version)
{
    size_t len = sizeof FILE_HEAD - 1 + DIGEST_LEN;
    struct zone_cursor cursor;
    zone_walk(version, &cursor);
    const struct zone_node *node;
    while ((node = zone_walk_next(&cursor)) != NULL) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            const struct rrset *rrset = node->rrsets[i];
            len += rrset->rdata_len + rrset->count * ((size_t)node->owner.len + 2 + 4);
        }
    }
    return len;
}

static void write_version(const struct zone *version, struct writer *content)
{
    writer_text(content, FILE_HEAD);
    struct zone_cursor cursor;
    zone_walk(version, &cursor);
    const struct zone_node *node;
    while ((node = zone_walk_next(&cursor)) != NULL) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            const struct rrset *rrset = node->rrsets[i];
            struct rrset_cursor records = rrset_first(rrset);
            struct span rdata;
            while (rrset_next(&records, &rdata)) {
                name_write(node->owner, content);
                writer_u16(content, rrset->type);
                writer_u32(content, rrset->ttl_s);
                writer_u16(content, (uint16_t)rdata.len);
                writer_span(content, rdata);
            }
        }
    }
}

enum status zone_keep_write(const struct disk *disk, const struct zone *version, const char *kind,
                            struct zone_kept *kept)
{
    struct arena task;
    size_t len = kept_len(version);
    arena_open(&task, len + 4096);
    uint8_t *bytes = arena_take(&task, len);
    enum status status = bytes == NULL ? NO_MEMORY : OK;
    if (status == OK) {
        struct writer content = writer_over(bytes, len);
        write_version(version, &content);
        require(content.len + DIGEST_LEN == len);
        struct span digested = writer_written(&content);
        status = digest_make(DIGEST_SHA256, &digested, 1, bytes + content.len);
    }
    if (status == OK) {
        char name[ZONE_KEEP_NAME_MAX];
        status = disk->replace(disk->self, zone_keep_name(zone_apex(version), kind, name),
                               span_of(bytes, len));
        memcpy(kept->digest, bytes + len - DIGEST_LEN, DIGEST_LEN);
        kept->len = len;
    }
    arena_close(&task);
    return status;
}

static enum status check_digest(struct span content, struct span *records)
{
    size_t head_len = sizeof FILE_HEAD - 1;
    if (content.len < head_len + DIGEST_LEN) {
        return MALFORMED;
    }
    uint8_t digest[DIGEST_LEN_MAX];
    struct span digested = span_part(content, 0, content.len - DIGEST_LEN);
    enum status status = digest_make(DIGEST_SHA256, &digested, 1, digest);
    if (status != OK) {
        return status;
    }
    if (!secret_equal(span_of(digest, DIGEST_LEN), span_part(content, digested.len, DIGEST_LEN))) {
        return MISMATCH;
    }
    if (!span_equal(span_part(content, 0, head_len), span_of(FILE_HEAD, head_len))) {
        return MALFORMED;
    }
    *records = span_part(digested, head_len, digested.len - head_len);
    return OK;
}

static enum status read_version(struct name apex, struct span records, struct zone **version)
{
    struct zone_builder *builder;
    struct reader reader = reader_over(records);
    enum status status = zone_build(apex, NULL, &builder);
    if (status != OK) {
        return status;
    }
    while (status == OK && reader_left(&reader) > 0) {
        struct name owner = name_read(&reader);
        uint16_t type = reader_u16(&reader);
        uint32_t ttl_s = reader_u32(&reader);
        struct span rdata = reader_span(&reader, reader_u16(&reader));
        status = reader.status == OK ? rdata_check(type, rdata) : reader.status;
        if (status == OK) {
            status = zone_build_add(builder, owner, type, ttl_s, rdata);
        }
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *version = zone_build_finish(builder);
    return *version == NULL ? NO_MEMORY : OK;
}

enum status zone_keep_read(const struct disk *disk, struct name apex, const char *kind,
                           struct zone **version, struct zone_kept *kept)
{
    struct arena task;
    arena_open(&task, FILE_LEN_MAX);
    char name[ZONE_KEEP_NAME_MAX];
    struct span content;
    struct span records;
    struct zone *read = NULL;
    enum status status =
        disk->read(disk->self, zone_keep_name(apex, kind, name), FILE_LEN_MAX / 2, &task, &content);
    if (status == OK) {
        status = check_digest(content, &records);
    }
    if (status == OK) {
        status = read_version(apex, records, &read);
    }
    if (status == OK && zone_soa(read) == NULL) {
        zone_release(read);
        status = MALFORMED;
    }
    if (status == OK) {
        *version = read;
        memcpy(kept->digest, content.bytes + content.len - DIGEST_LEN, DIGEST_LEN);
        kept->len = content.len;
    }
    arena_close(&task);
    return status;
}
