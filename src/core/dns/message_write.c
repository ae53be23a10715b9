/* How a message is put together: the order of its parts, which earlier name a name is compressed
 * against, and how to take back what did not fit. */
#include "core/dns/message.h"
#include "core/dns/rdata.h"

#include <assert.h>
#include <string.h>

enum {
    POINTER_MARK = 0xc000,
    POINTER_TARGET_MAX = 0x3fff,
    PROBES = 4,
    OPT_LEN = 11,
    OPTION_HEAD_LEN = 4,
    COUNTS_AT = 4,
    FLAGS_AT = 2,
};

static_assert((MESSAGE_COMPRESSION_SIZE & (MESSAGE_COMPRESSION_SIZE - 1)) == 0,
              "slots are chosen by a mask");

void message_begin(struct message_writer *writer, void *bytes, size_t size, uint16_t id,
                   uint16_t flags, uint8_t opcode, uint16_t rcode)
{
    memset(writer, 0, sizeof *writer);
    writer->wire = writer_over(bytes, size > MESSAGE_LEN_MAX ? MESSAGE_LEN_MAX : size);
    writer_u16(&writer->wire, id);
    writer_u16(&writer->wire, (uint16_t)(flags | (opcode & 0xf) << 11 | (rcode & 0xf)));
    writer_reserve(&writer->wire, sizeof writer->counts);
}

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

/* Does the name at `at`, written by us and so well formed, spell `name`? */
static bool spells(const struct message_writer *writer, size_t at, struct name name)
{
    const uint8_t *wire = writer->wire.bytes;
    for (size_t i = 0; i < name.len;) {
        while (wire[at] >= POINTER_MARK >> 8) {
            at = (size_t)(wire[at] << 8 | wire[at + 1]) & POINTER_TARGET_MAX;
        }
        uint8_t len = name.octets[i];
        if (wire[at] != len) {
            return false;
        }
        for (size_t j = 1; j <= len; j++) {
            uint8_t a = wire[at + j];
            uint8_t b = name.octets[i + j];
            if (a != b && (writer->keeps_case || lower(a) != lower(b))) {
                return false;
            }
        }
        i += len + 1u;
        at += len + 1u;
    }
    return true;
}

/* A name taken apart in one pass: each ancestor's place and hash, by its label count. */
struct ancestors {
    uint8_t at[NAME_LABELS_MAX + 1];
    uint32_t hashes[NAME_LABELS_MAX + 1];
};

static void find_ancestors(struct name name, struct ancestors *ancestors)
{
    uint8_t count = name.label_count;
    for (uint8_t at = 0; count > 0; count--) {
        ancestors->at[count] = at;
        at = (uint8_t)(at + name.octets[at] + 1);
    }
    uint32_t hash = 0;
    for (count = 1; count <= name.label_count; count++) {
        const uint8_t *label = name.octets + ancestors->at[count];
        for (uint8_t i = 0; i <= label[0]; i++) {
            hash = (hash ^ lower(label[i])) * 0x01000193u;
        }
        ancestors->hashes[count] = hash ^ hash >> 15;
    }
}

static struct name ancestor_of(struct name name, const struct ancestors *ancestors, uint8_t count)
{
    uint8_t at = ancestors->at[count];
    return (struct name){name.octets + at, (uint8_t)(name.len - at), count};
}

static size_t find_ancestor(const struct message_writer *writer, struct name name, uint32_t hash)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        uint16_t at = writer->compression[(hash + i) % MESSAGE_COMPRESSION_SIZE];
        if (at != 0 && spells(writer, at, name)) {
            return at;
        }
    }
    return 0;
}

/* A free slot, or else the last of the few: in a transfer near names are the likely ones. */
static void note_ancestor(struct message_writer *writer, uint32_t hash, size_t at)
{
    if (at > POINTER_TARGET_MAX) {
        return;
    }
    uint32_t i = 0;
    while (i + 1 < PROBES && writer->compression[(hash + i) % MESSAGE_COMPRESSION_SIZE] != 0) {
        i++;
    }
    writer->compression[(hash + i) % MESSAGE_COMPRESSION_SIZE] = (uint16_t)at;
}

static void write_name(void *user, struct name name, struct writer *wire)
{
    struct message_writer *writer = user;
    struct ancestors ancestors;
    find_ancestors(name, &ancestors);
    uint8_t known = name.label_count;
    size_t known_at = 0;
    for (; known > 0; known--) {
        known_at =
            find_ancestor(writer, ancestor_of(name, &ancestors, known), ancestors.hashes[known]);
        if (known_at != 0) {
            break;
        }
    }
    for (uint8_t count = name.label_count; count > known; count--) {
        const uint8_t *label = name.octets + ancestors.at[count];
        size_t at = wire->len;
        writer_span(wire, span_of(label, label[0] + 1u));
        if (wire->status == OK) {
            note_ancestor(writer, ancestors.hashes[count], at);
        }
    }
    if (known > 0) {
        writer_u16(wire, (uint16_t)(POINTER_MARK | known_at));
    } else {
        writer_u8(wire, 0);
    }
}

void message_add_question(struct message_writer *writer, struct question question)
{
    write_name(writer, question.name, &writer->wire);
    writer_u16(&writer->wire, question.type);
    writer_u16(&writer->wire, question.class_);
    writer->counts[0]++;
}

void message_keep(struct message_writer *writer, size_t len)
{
    if (len > writer_left(&writer->wire)) {
        writer_fail(&writer->wire, NO_SPACE);
        return;
    }
    writer->wire.size -= len;
    writer->reserved += len;
}

static void write_record(struct message_writer *writer, const struct rrset *rrset,
                         const struct span *rdata)
{
    struct writer *wire = &writer->wire;
    write_name(writer, rrset->owner, wire);
    writer_u16(wire, rrset->type);
    writer_u16(wire, rrset->class_);
    writer_u32(wire, rrset->ttl_s);
    size_t len_at = writer_reserve(wire, 2);
    if (rdata != NULL) {
        rdata_write_message(rrset->type, *rdata, wire, write_name, writer);
    }
    if (wire->status == OK) {
        writer_patch_u16(wire, len_at, (uint16_t)(wire->len - len_at - 2));
    }
}

/* Names that were taken back must not be pointed at. */
static void take_back(struct message_writer *writer, size_t len)
{
    writer_rewind(&writer->wire, len);
    for (size_t i = 0; i < LEN(writer->compression); i++) {
        if (writer->compression[i] >= len) {
            writer->compression[i] = 0;
        }
    }
}

enum status message_add_rrset(struct message_writer *writer, enum section section,
                              const struct rrset *rrset)
{
    if (writer->wire.status != OK) {
        return NO_SPACE;
    }
    size_t before = writer->wire.len;
    uint32_t count = (uint32_t)writer->counts[section + 1] + (rrset->count == 0 ? 1 : rrset->count);
    if (count > UINT16_MAX) {
        return NO_SPACE;
    }
    struct span rdata;
    if (rrset->count == 0) {
        write_record(writer, rrset, NULL);
    }
    struct rrset_cursor cursor = rrset_first(rrset);
    while (writer->wire.status == OK && rrset_next(&cursor, &rdata)) {
        write_record(writer, rrset, &rdata);
    }
    if (writer->wire.status != OK) {
        take_back(writer, before);
        return NO_SPACE;
    }
    writer->counts[section + 1] = (uint16_t)count;
    return OK;
}

enum status message_add_record(struct message_writer *writer, enum section section,
                               const struct rrset *rrset, struct span rdata)
{
    if (writer->wire.status != OK || writer->counts[section + 1] == UINT16_MAX) {
        return NO_SPACE;
    }
    size_t before = writer->wire.len;
    write_record(writer, rrset, &rdata);
    if (writer->wire.status != OK) {
        take_back(writer, before);
        return NO_SPACE;
    }
    writer->counts[section + 1]++;
    return OK;
}

/* The octets of a padding option that end the message, with what is still kept room for behind it,
 * at a multiple of the block; 0 when not even its head has room. */
static size_t padding_option_len(const struct message_writer *writer, const struct edns *edns)
{
    size_t bare = writer->wire.len + OPT_LEN + edns->options.len + OPTION_HEAD_LEN;
    if (edns->padding_block == 0 || bare > writer->wire.size) {
        return 0;
    }
    size_t over = (bare + writer->reserved) % edns->padding_block;
    size_t wanted = over == 0 ? 0 : edns->padding_block - over;
    size_t room = writer->wire.size - bare;
    return OPTION_HEAD_LEN + (wanted < room ? wanted : room);
}

static void write_padding(struct writer *wire, size_t option_len)
{
    writer_u16(wire, EDNS_OPTION_PADDING);
    writer_u16(wire, (uint16_t)(option_len - OPTION_HEAD_LEN));
    for (size_t i = OPTION_HEAD_LEN; i < option_len; i++) {
        writer_u8(wire, 0);
    }
}

void message_add_edns(struct message_writer *writer, const struct edns *edns, uint16_t rcode)
{
    struct writer *wire = &writer->wire;
    size_t kept = OPT_LEN + edns->options.len + (edns->padding_block != 0 ? EDNS_PADDING_ROOM : 0);
    kept = kept < writer->reserved ? kept : writer->reserved;
    wire->size += kept;
    writer->reserved -= kept;
    size_t padding = padding_option_len(writer, edns);
    writer_u8(wire, 0);
    writer_u16(wire, TYPE_OPT);
    writer_u16(wire, edns->udp_size);
    writer_u8(wire, (uint8_t)(rcode >> 4));
    writer_u8(wire, edns->version);
    writer_u16(wire, edns->wants_dnssec ? 0x8000 : 0);
    writer_u16(wire, (uint16_t)(edns->options.len + padding));
    writer_span(wire, edns->options);
    if (padding != 0) {
        write_padding(wire, padding);
    }
    writer->counts[SECTION_ADDITIONAL + 1]++;
}

static void patch_flags(struct message_writer *writer, uint16_t keep, uint16_t set)
{
    if (writer->wire.len < FLAGS_AT + 2) {
        return;
    }
    const uint8_t *at = writer->wire.bytes + FLAGS_AT;
    uint16_t flags = (uint16_t)(at[0] << 8 | at[1]);
    writer_patch_u16(&writer->wire, FLAGS_AT, (uint16_t)((flags & keep) | set));
}

void message_set_flags(struct message_writer *writer, uint16_t flags)
{
    patch_flags(writer, 0xffff, flags);
}

void message_set_rcode(struct message_writer *writer, uint16_t rcode)
{
    patch_flags(writer, 0xfff0, rcode & 0xf);
}

struct span message_end(struct message_writer *writer)
{
    if (writer->wire.status != OK) {
        return SPAN_EMPTY;
    }
    for (size_t i = 0; i < LEN(writer->counts); i++) {
        writer_patch_u16(&writer->wire, COUNTS_AT + 2 * i, writer->counts[i]);
    }
    return writer_written(&writer->wire);
}

struct span message_make_query(void *bytes, size_t size, uint16_t id, uint16_t flags,
                               struct question question, bool wants_dnssec, uint16_t udp_size)
{
    struct message_writer writer;
    message_begin(&writer, bytes, size, id, flags, OPCODE_QUERY, RCODE_NOERROR);
    message_add_question(&writer, question);
    if (udp_size != 0) {
        struct edns edns = {.wants_dnssec = wants_dnssec, .udp_size = udp_size};
        message_add_edns(&writer, &edns, RCODE_NOERROR);
    }
    return message_end(&writer);
}
