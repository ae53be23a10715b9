/* The digest over a whole zone (RFC 8976 §3.3.1): which records count, and in which form. */
#include "core/crypto/digest.h"
#include "core/dns/rdata.h"
#include "core/zone/zone_verify.h"

/* The largest record, of 255 + 10 + 65535 octets, fits. */
enum { DIGEST_BUFFER_SIZE = 128 * 1024, HASH_SHA384 = 1, HASH_SHA512 = 2 };

/* A writer in front of a digest, so that small records go in together. */
struct digest_feed {
    struct digest_stream *stream;
    struct writer writer;
};

static void feed_flush(struct digest_feed *feed)
{
    digest_add(feed->stream, writer_written(&feed->writer));
    writer_rewind(&feed->writer, 0);
}

static void feed_record(struct digest_feed *feed, struct name owner, const struct rrset *rrset,
                        struct span rdata)
{
    if (writer_left(&feed->writer) < owner.len + 10U + rdata.len) {
        feed_flush(feed);
    }
    name_write(owner, &feed->writer);
    writer_u16(&feed->writer, rrset->type);
    writer_u16(&feed->writer, rrset->class_);
    writer_u32(&feed->writer, rrset->ttl_s);
    writer_u16(&feed->writer, (uint16_t)rdata.len);
    rdata_write_canonical(rrset->type, rdata, &feed->writer);
}

/* The ZONEMD RRset at the apex and the RRSIGs that cover it are left out (RFC 8976 §3.3.1). */
static bool is_left_out(const struct rrset *rrset, bool is_apex)
{
    return is_apex && (rrset->type == TYPE_ZONEMD || rrset->covers == TYPE_ZONEMD);
}

static void feed_node(struct digest_feed *feed, const struct zone_node *node, bool is_apex)
{
    struct name_buffer buffer;
    struct name owner;
    name_lower_to(node->owner, &buffer, &owner);
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (is_left_out(rrset, is_apex)) {
            continue;
        }
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            feed_record(feed, owner, rrset, rdata);
        }
    }
}

enum status zone_digest(const struct zone *zone, uint8_t hash_algorithm, uint8_t *digest,
                        size_t *digest_len_out)
{
    if (hash_algorithm != HASH_SHA384 && hash_algorithm != HASH_SHA512) {
        return UNSUPPORTED;
    }
    enum digest kind = hash_algorithm == HASH_SHA384 ? DIGEST_SHA384 : DIGEST_SHA512;
    struct arena arena;
    arena_open(&arena, 2 * DIGEST_BUFFER_SIZE);
    uint8_t *buffer = arena_take(&arena, DIGEST_BUFFER_SIZE);
    struct digest_feed feed = {NULL, writer_over(buffer, DIGEST_BUFFER_SIZE)};
    enum status status = buffer == NULL ? NO_MEMORY : digest_open(kind, &feed.stream);
    if (status == OK) {
        struct zone_cursor cursor;
        const struct zone_node *node;
        zone_walk(zone, &cursor);
        while ((node = zone_walk_next(&cursor)) != NULL) {
            feed_node(&feed, node, node->owner.label_count == zone_apex(zone).label_count);
        }
        feed_flush(&feed);
        status = digest_close(feed.stream, digest);
        *digest_len_out = digest_len(kind);
    }
    arena_close(&arena);
    return status;
}
