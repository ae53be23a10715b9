/* Rdata on the wire: how the field table turns into reading, checking, canonical form and writing
 * into messages. */
#include "core/dns/rdata_table.h"

static bool is_decompressed(enum rdata_field kind)
{
    return kind == FIELD_NAME_COMPRESSED || kind == FIELD_NAME_DECOMPRESSED;
}

static bool is_compressed(enum rdata_field kind)
{
    return kind == FIELD_NAME_COMPRESSED;
}

static bool is_lowered(enum rdata_field kind)
{
    return is_decompressed(kind) || kind == FIELD_NAME_LOWERED || kind == FIELD_A6_NAME;
}

static bool is_name(enum rdata_field kind)
{
    return is_decompressed(kind) || kind == FIELD_NAME_LOWERED || kind == FIELD_NAME;
}

/* How many fields there are up to the last one of those kinds; 0 when there is none. */
static size_t fields_up_to(const struct rdata_layout *layout, bool (*is_wanted)(enum rdata_field))
{
    size_t count = 0;
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        if (is_wanted(layout->fields[i])) {
            count = i + 1;
        }
    }
    return count;
}

static bool is_last_field(const struct rdata_layout *layout, size_t index)
{
    return index + 1 == RDATA_FIELDS_MAX || layout->fields[index + 1] == FIELD_END;
}

/* `rdata` ends where the rdata ends; what stands before its cursor is what compressed names may
 * point to. */
static void read_fields(uint16_t type, struct reader *rdata, struct writer *out)
{
    const struct rdata_layout *layout = rdata_layout(type);
    const size_t start = rdata->at;
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        enum rdata_field kind = layout->fields[i];
        size_t before = rdata->at;
        if (is_last_field(layout, i) && reader_left(rdata) < layout->rest_min) {
            reader_fail(rdata, TRUNCATED);
        }
        if (out != NULL && is_decompressed(kind)) {
            struct name_buffer buffer;
            struct name name = name_read_compressed(rdata, &buffer);
            if (rdata->status == OK) {
                name_write(name, out);
            }
            continue;
        }
        rdata_check_field(kind, rdata, start);
        if (out != NULL && rdata->status == OK) {
            writer_span(out, span_part(rdata->bytes, before, rdata->at - before));
        }
    }
}

enum status rdata_read(struct reader *message, uint16_t type, uint16_t rdlength,
                       struct writer *rdata)
{
    if (rdlength > reader_left(message)) {
        reader_fail(message, TRUNCATED);
        return message->status;
    }
    struct reader part = *message;
    part.bytes.len = message->at + rdlength;
    read_fields(type, &part, rdata);
    enum status status = reader_end(&part);
    if (status != OK) {
        reader_fail(message, status);
        return status;
    }
    message->at = part.at;
    return rdata->status;
}

enum status rdata_check(uint16_t type, struct span rdata)
{
    if (rdata.len > RDATA_LEN_MAX) {
        return TOO_LONG;
    }
    struct reader reader = reader_over(rdata);
    read_fields(type, &reader, NULL);
    return reader_end(&reader);
}

void rdata_write_canonical(uint16_t type, struct span rdata, struct writer *canonical)
{
    const struct rdata_layout *layout = rdata_layout(type);
    const size_t field_count = fields_up_to(layout, is_lowered);
    struct reader reader = reader_over(rdata);
    for (size_t i = 0; i < field_count; i++) {
        enum rdata_field kind = layout->fields[i];
        size_t before = reader.at;
        rdata_check_field(kind, &reader, 0);
        struct span part = span_part(rdata, before, reader.at - before);
        if (is_lowered(kind) && part.len != 0) {
            struct reader octets = reader_over(part);
            struct name_buffer buffer;
            struct name lower;
            name_lower_to(name_read(&octets), &buffer, &lower);
            name_write(lower, canonical);
        } else {
            writer_span(canonical, part);
        }
    }
    require(reader.status == OK);
    writer_span(canonical, reader_rest(&reader));
}

bool rdata_target(uint16_t type, struct span rdata, struct name *target)
{
    const struct rdata_layout *layout = rdata_layout(type);
    if (!layout->has_target) {
        return false;
    }
    struct reader reader = reader_over(rdata);
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        if (is_name(layout->fields[i])) {
            *target = name_read(&reader);
            return reader.status == OK;
        }
        rdata_check_field(layout->fields[i], &reader, 0);
    }
    return false;
}

void rdata_write_message(uint16_t type, struct span rdata, struct writer *message,
                         void (*write_name)(void *user, struct name name, struct writer *message),
                         void *user)
{
    const struct rdata_layout *layout = rdata_layout(type);
    const size_t field_count = fields_up_to(layout, is_compressed);
    struct reader reader = reader_over(rdata);
    size_t written = 0;
    for (size_t i = 0; i < field_count; i++) {
        if (!is_compressed(layout->fields[i])) {
            rdata_check_field(layout->fields[i], &reader, 0);
            continue;
        }
        writer_span(message, span_part(rdata, written, reader.at - written));
        write_name(user, name_read(&reader), message);
        written = reader.at;
    }
    require(reader.status == OK);
    writer_span(message, span_part(rdata, written, rdata.len - written));
}
