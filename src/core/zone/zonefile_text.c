/* Records become lines. Half the lines of a signed zone are RRSIGs, and most of what such a line
 * says was said by one shortly before: those parts are kept as text. */
#include "core/zone/zonefile_text.h"

#include "core/base/text.h"

#include <string.h>

enum { EXPIRATION_LEN = 4 /* behind the head */, DAY_S = 86400, DAY_TEXT_LEN = 8 };

/* The RRsets of a node share their owner's octets, so its text is made once. */
static struct span owner_text(struct zonefile_text *writing, struct name owner)
{
    if (writing->owner != owner.octets) {
        writing->owner = owner.octets;
        writing->owner_text = writer_over(writing->owner_bytes, sizeof writing->owner_bytes);
        name_write_text(owner, &writing->owner_text);
    }
    return writer_written(&writing->owner_text);
}

static struct span head_text(struct zonefile_text *writing, const uint8_t *rdata)
{
    struct rrsig_head *head = &writing->heads[(rdata[1] ^ rdata[3] * 5U) % ZONEFILE_RRSIG_HEADS];
    if (head->text_len == 0 || memcmp(head->octets, rdata, ZONEFILE_RRSIG_HEAD_LEN) != 0) {
        struct reader reader = reader_over(span_of(rdata, ZONEFILE_RRSIG_HEAD_LEN));
        struct writer text = writer_over(head->text, sizeof head->text);
        type_write(reader_u16(&reader), &text);
        for (size_t i = 0; i < 2; i++) { /* algorithm, labels */
            writer_u8(&text, ' ');
            writer_decimal(&text, reader_u8(&reader));
        }
        writer_u8(&text, ' ');
        writer_decimal(&text, reader_u32(&reader));
        writer_u8(&text, ' ');
        require(text.status == OK);
        head->text_len = (uint8_t)text.len;
        memcpy(head->octets, rdata, ZONEFILE_RRSIG_HEAD_LEN);
    }
    return span_of(head->text, head->text_len);
}

static void write_two(uint8_t *digits, uint32_t value)
{
    digits[0] = (uint8_t)('0' + value / 10);
    digits[1] = (uint8_t)('0' + value % 10);
}

static struct span expiration_text(struct zonefile_text *writing, struct span octets)
{
    struct reader reader = reader_over(octets);
    uint32_t time_s = reader_u32(&reader);
    uint32_t second = time_s % DAY_S;
    struct rrsig_day *day = &writing->days[time_s / DAY_S % ZONEFILE_RRSIG_DAYS];
    if (!day->is_kept || day->day != time_s / DAY_S) {
        struct writer text = writer_over(day->text, sizeof day->text);
        text_write_time14(&text, time_s);
        day->day = time_s / DAY_S;
        day->is_kept = true;
    }
    write_two(day->text + DAY_TEXT_LEN, second / 3600);
    write_two(day->text + DAY_TEXT_LEN + 2, second / 60 % 60);
    write_two(day->text + DAY_TEXT_LEN + 4, second % 60);
    return span_of(day->text, ZONEFILE_TIME_LEN);
}

/* Inception, key tag and signer, which all signatures of one signing have in common. A name says
 * where it ends, so octets that begin alike are alike. */
static const struct rrsig_tail *tail_of(struct zonefile_text *writing, struct span octets)
{
    struct rrsig_tail *tail = &writing->tail;
    if (tail->len == 0 || tail->len > octets.len ||
        memcmp(tail->octets, octets.bytes, tail->len) != 0) {
        struct reader reader = reader_over(octets);
        struct writer text = writer_over(tail->text, sizeof tail->text);
        writer_u8(&text, ' ');
        text_write_time14(&text, reader_u32(&reader));
        writer_u8(&text, ' ');
        writer_decimal(&text, reader_u16(&reader));
        writer_u8(&text, ' ');
        name_write_text(name_read(&reader), &text);
        writer_u8(&text, ' ');
        require(text.status == OK && reader.status == OK);
        tail->text_len = text.len;
        tail->len = octets.len - reader_left(&reader);
        memcpy(tail->octets, octets.bytes, tail->len);
    }
    return tail;
}

/* As rdata_write_text does. */
static void write_rrsig(struct zonefile_text *writing, struct span rdata)
{
    struct writer *text = &writing->text;
    struct span behind =
        span_part(rdata, ZONEFILE_RRSIG_HEAD_LEN, rdata.len - ZONEFILE_RRSIG_HEAD_LEN);
    const struct rrsig_tail *tail =
        tail_of(writing, span_part(behind, EXPIRATION_LEN, behind.len - EXPIRATION_LEN));
    size_t signature_at = EXPIRATION_LEN + tail->len;
    if (signature_at == behind.len) { /* without a signature: a rare and odd form */
        rdata_write_text(TYPE_RRSIG, rdata, text);
        return;
    }
    writer_span(text, head_text(writing, rdata.bytes));
    writer_span(text, expiration_text(writing, span_part(behind, 0, EXPIRATION_LEN)));
    writer_span(text, span_of(tail->text, tail->text_len));
    text_write_base64(text, span_part(behind, signature_at, behind.len - signature_at));
}

static struct span middle_text(struct zonefile_text *writing, const struct rrset *rrset)
{
    struct rrset_middle *middle = &writing->middles[rrset->type % ZONEFILE_MIDDLES];
    if (middle->text_len == 0 || middle->type != rrset->type || middle->ttl_s != rrset->ttl_s ||
        middle->class_ != rrset->class_) {
        struct writer text = writer_over(middle->text, sizeof middle->text);
        writer_u8(&text, '\t');
        writer_decimal(&text, rrset->ttl_s);
        writer_u8(&text, '\t');
        class_write(rrset->class_, &text);
        writer_u8(&text, '\t');
        type_write(rrset->type, &text);
        writer_u8(&text, '\t');
        require(text.status == OK);
        middle->ttl_s = rrset->ttl_s;
        middle->class_ = rrset->class_;
        middle->type = rrset->type;
        middle->text_len = (uint8_t)text.len;
    }
    return span_of(middle->text, middle->text_len);
}

void zonefile_text_rrset(struct zonefile_text *writing, const struct rrset *rrset)
{
    struct writer *text = &writing->text;
    struct span middle = middle_text(writing, rrset);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        writer_span(text, owner_text(writing, rrset->owner));
        writer_span(text, middle);
        if (rrset->type == TYPE_RRSIG) {
            write_rrsig(writing, rdata);
        } else {
            rdata_write_text(rrset->type, rdata, text);
        }
        writer_u8(text, '\n');
        require(text->status == OK);
        if (text->len >= ZONEFILE_FLUSH_AT) {
            writing->flush(writing->user, writer_written(text));
            writer_rewind(text, 0);
        }
    }
}

void zonefile_text_node(struct zonefile_text *writing, const struct zone_node *node,
                        const struct rrset *left_out)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        if (&node->rrsets[i] != left_out) {
            zonefile_text_rrset(writing, &node->rrsets[i]);
        }
    }
}
