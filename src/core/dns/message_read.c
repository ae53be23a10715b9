/* How a message is taken apart: which records may stand where, how records become RRsets, and what
 * a hostile sender may make us do for it. The work is linear in the length of the message. */
#include "core/dns/message.h"
#include "core/dns/rdata.h"

#include <string.h>

enum {
    FLAGS_KNOWN = FLAG_QR | FLAG_AA | FLAG_TC | FLAG_RD | FLAG_RA | FLAG_AD | FLAG_CD,
    QUESTION_LEN_MIN = 5, /* root name, type, class */
    RECORD_LEN_MIN = 11,  /* root name, type, class, TTL, rdata length */
    RDATA_NAMES_MAX = 2,  /* names that reading may lengthen: SOA, MINFO, RP and PX have two */
    CHUNK_SIZE = 2048,
    /* Names that share a 64-bit hash are a forgery; one message may make us compare a few. */
    FALSE_MATCHES_MAX = 16,
    PROBES_PER_RECORD = 32,
};

static const uint32_t TTL_MAX_S = 0x7fffffff; /* RFC 2181 §8 */

struct counts {
    uint16_t questions;
    uint16_t records[SECTION_COUNT];
};

/* One record as it stands in the message, its rdata not read yet. */
struct record {
    size_t at;
    struct name owner;
    uint16_t type;
    uint16_t class_;
    uint32_t ttl_s;
    uint16_t rdlength;
};

/* Records whose rdata lie one behind the other in memory already need no copy. */
struct gathered {
    uint64_t hash;
    struct part *first;
    struct part *last;
    bool is_in_one_piece;
};

struct part {
    struct part *next;
    struct span bytes; /* length and rdata */
};

struct gathering {
    struct arena *arena;
    struct writer chunk;
    struct rrset *rrsets;
    struct gathered *gathered; /* beside the RRsets */
    size_t count;
    uint32_t *slots; /* index + 1 into rrsets; 0 is free */
    size_t slot_mask;
    size_t probes_left;
    size_t false_matches;
};

static enum status read_header(struct reader *wire, struct message *message, struct counts *counts)
{
    uint16_t id = reader_u16(wire);
    uint16_t flags = reader_u16(wire);
    counts->questions = reader_u16(wire);
    for (int i = 0; i < SECTION_COUNT; i++) {
        counts->records[i] = reader_u16(wire);
    }
    if (wire->status != OK) {
        return MALFORMED;
    }
    message->id = id;
    message->flags = flags & FLAGS_KNOWN;
    message->opcode = flags >> 11 & 0xf;
    message->rcode = flags & 0xf;
    message->question_count = counts->questions;
    size_t records = (size_t)counts->records[SECTION_ANSWER] + counts->records[SECTION_AUTHORITY] +
                     counts->records[SECTION_ADDITIONAL];
    size_t len_min =
        (size_t)counts->questions * QUESTION_LEN_MIN + records * (size_t)RECORD_LEN_MIN;
    return wire->bytes.len > MESSAGE_LEN_MAX || len_min > reader_left(wire) ? MALFORMED : OK;
}

static void message_clear(struct message *message)
{
    memset(message, 0, sizeof *message);
    message->question.name = NAME_ROOT;
}

/* The first question is kept, more are stepped over: what many mean is the caller's to say. */
static enum status read_questions(struct reader *wire, uint16_t count, struct name_buffer *buffer,
                                  struct question *question)
{
    for (uint16_t i = 0; i < count; i++) {
        if (i > 0) {
            name_skip(wire);
            reader_span(wire, 4);
            continue;
        }
        struct name name = name_read_compressed(wire, buffer);
        uint16_t type = reader_u16(wire);
        uint16_t class_ = reader_u16(wire);
        if (wire->status == OK) {
            *question = (struct question){name, type, class_};
        }
    }
    return wire->status == OK ? OK : MALFORMED;
}

static void read_record_head(struct reader *wire, struct name_buffer *buffer, struct record *record)
{
    record->at = wire->at;
    record->owner = name_read_compressed(wire, buffer);
    record->type = reader_u16(wire);
    record->class_ = reader_u16(wire);
    record->ttl_s = reader_u32(wire);
    record->rdlength = reader_u16(wire);
    if (record->rdlength > reader_left(wire)) {
        reader_fail(wire, MALFORMED);
    }
}

static enum status check_options(struct span options)
{
    struct reader reader = reader_over(options);
    for (int i = 0; reader_left(&reader) > 0; i++) {
        reader_u16(&reader);
        reader_span(&reader, reader_u16(&reader));
        if (i == EDNS_OPTIONS_MAX) {
            return MALFORMED;
        }
    }
    return reader_end(&reader) == OK ? OK : MALFORMED;
}

/* OPT stands once, in the additional section, at the root (RFC 6891 §6.1.1). */
static enum status take_opt(struct reader *wire, enum section section, const struct record *record,
                            struct message *message)
{
    struct span options = reader_span(wire, record->rdlength);
    if (section != SECTION_ADDITIONAL || message->edns.is_present || !name_is_root(record->owner) ||
        check_options(options) != OK) {
        return MALFORMED;
    }
    message->edns = (struct edns){
        .is_present = true,
        .wants_dnssec = (record->ttl_s & 0x8000) != 0,
        .version = record->ttl_s >> 16 & 0xff,
        .udp_size = record->class_ < MESSAGE_UDP_LEN_MIN ? MESSAGE_UDP_LEN_MIN : record->class_,
        .options = options,
    };
    message->rcode |= (uint16_t)(record->ttl_s >> 24 << 4);
    return OK;
}

/* TSIG is the last record of all, of class ANY and TTL 0 (RFC 8945 §5.1 and §4.2). */
static enum status take_tsig(struct reader *wire, enum section section, bool is_last,
                             const struct record *record, struct message *message)
{
    reader_span(wire, record->rdlength);
    if (section != SECTION_ADDITIONAL || !is_last || record->class_ != CLASS_ANY ||
        record->ttl_s != 0) {
        return MALFORMED;
    }
    message->tsig_at = record->at;
    return OK;
}

static uint32_t ttl_of(const struct record *record)
{
    return record->ttl_s > TTL_MAX_S ? 0 : record->ttl_s;
}

/* An UPDATE names whole RRsets by records without rdata (RFC 2136 §2.4). */
static bool is_empty_by_class(const struct record *record)
{
    return record->rdlength == 0 && (record->class_ == CLASS_ANY || record->class_ == CLASS_NONE);
}

static uint16_t covered_type(uint16_t type, struct span rdata)
{
    return type == TYPE_RRSIG && rdata.len >= 2 ? (uint16_t)(rdata.bytes[0] << 8 | rdata.bytes[1])
                                                : 0;
}

/* Reads rdata behind its length into the current chunk, or a new one. */
static enum status read_part(struct gathering *gathering, struct reader *wire,
                             const struct record *record, struct span *bytes)
{
    size_t need = 2 + (size_t)record->rdlength + (size_t)RDATA_NAMES_MAX * NAME_LEN_MAX;
    if (writer_left(&gathering->chunk) < need) {
        size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;
        uint8_t *chunk = arena_take(gathering->arena, size);
        if (chunk == NULL) {
            return NO_MEMORY;
        }
        gathering->chunk = writer_over(chunk, size);
    }
    struct writer *chunk = &gathering->chunk;
    size_t start = writer_reserve(chunk, 2);
    enum status status = rdata_read(wire, record->type, record->rdlength, chunk);
    if (status != OK || chunk->status != OK || wire->status != OK) {
        return MALFORMED;
    }
    size_t len = chunk->len - start;
    writer_patch_u16(chunk, start, (uint16_t)(len - 2));
    *bytes = span_of(chunk->bytes + start, len);
    return OK;
}

static bool is_of_rrset(const struct rrset *rrset, const struct record *record, uint16_t covers)
{
    return rrset->type == record->type && rrset->covers == covers &&
           rrset->class_ == record->class_ && name_equal(rrset->owner, record->owner);
}

/* Finds the RRset of a record, or begins one. */
static enum status find_rrset(struct gathering *gathering, const struct record *record,
                              uint16_t covers, size_t *index)
{
    uint64_t seed = (uint64_t)record->type << 32 | (uint64_t)record->class_ << 16 | covers;
    uint64_t hash = name_hash(record->owner, seed);
    size_t slot = (hash ^ hash >> 32) & gathering->slot_mask;
    for (; gathering->slots[slot] != 0; slot = (slot + 1) & gathering->slot_mask) {
        *index = gathering->slots[slot] - 1;
        if (gathering->gathered[*index].hash == hash) {
            if (is_of_rrset(&gathering->rrsets[*index], record, covers)) {
                return OK;
            }
            gathering->false_matches++;
        }
        if (gathering->probes_left == 0 || gathering->false_matches > FALSE_MATCHES_MAX) {
            return LIMIT_REACHED;
        }
        gathering->probes_left--;
    }
    *index = gathering->count++;
    gathering->slots[slot] = (uint32_t)gathering->count;
    gathering->gathered[*index] = (struct gathered){.hash = hash, .is_in_one_piece = true};
    struct rrset *rrset = &gathering->rrsets[*index];
    *rrset = (struct rrset){
        .type = record->type, .covers = covers, .class_ = record->class_, .ttl_s = ttl_of(record)};
    return name_copy(gathering->arena, record->owner, &rrset->owner);
}

/* RRsets have one TTL; where the sender disagrees with itself, the least (RFC 2181 §5.2). */
static enum status add_part(struct gathering *gathering, size_t index, const struct record *record,
                            struct span bytes)
{
    struct rrset *rrset = &gathering->rrsets[index];
    struct gathered *gathered = &gathering->gathered[index];
    struct part *part = arena_take(gathering->arena, sizeof *part);
    if (part == NULL) {
        return NO_MEMORY;
    }
    part->bytes = bytes;
    if (gathered->last == NULL) {
        gathered->first = part;
        rrset->rdata = bytes.bytes;
    } else {
        struct span before = gathered->last->bytes;
        gathered->is_in_one_piece &= before.bytes + before.len == bytes.bytes;
        gathered->last->next = part;
    }
    gathered->last = part;
    rrset->count++;
    rrset->rdata_len += (uint32_t)bytes.len;
    rrset->ttl_s = ttl_of(record) < rrset->ttl_s ? ttl_of(record) : rrset->ttl_s;
    return OK;
}

static enum status gather_record(struct gathering *gathering, struct reader *wire,
                                 const struct record *record)
{
    struct span bytes = SPAN_EMPTY;
    enum status status = OK;
    bool is_empty = is_empty_by_class(record);
    if (!is_empty) {
        status = read_part(gathering, wire, record, &bytes);
    }
    if (status != OK) {
        return status;
    }
    struct span rdata = is_empty ? bytes : span_part(bytes, 2, bytes.len - 2);
    size_t index;
    status = find_rrset(gathering, record, covered_type(record->type, rdata), &index);
    return status != OK || is_empty ? status : add_part(gathering, index, record, bytes);
}

static enum status join_parts(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct rrset *rrset = &gathering->rrsets[i];
        if (gathering->gathered[i].is_in_one_piece) {
            continue;
        }
        uint8_t *joined = arena_take(gathering->arena, rrset->rdata_len);
        if (joined == NULL) {
            return NO_MEMORY;
        }
        struct writer writer = writer_over(joined, rrset->rdata_len);
        for (struct part *part = gathering->gathered[i].first; part != NULL; part = part->next) {
            writer_span(&writer, part->bytes);
        }
        rrset->rdata = joined;
    }
    return OK;
}

static enum status gathering_open(struct gathering *gathering, struct arena *arena, size_t records)
{
    size_t slot_count = 8;
    while (slot_count < 2 * records) {
        slot_count *= 2;
    }
    *gathering = (struct gathering){
        .arena = arena,
        .rrsets = arena_take_array(arena, records, sizeof *gathering->rrsets),
        .gathered = arena_take_array(arena, records, sizeof *gathering->gathered),
        .slots = arena_take_array(arena, slot_count, sizeof *gathering->slots),
        .slot_mask = slot_count - 1,
        .probes_left = records * PROBES_PER_RECORD,
    };
    bool has_all =
        gathering->rrsets != NULL && gathering->gathered != NULL && gathering->slots != NULL;
    return has_all ? OK : NO_MEMORY;
}

static enum status read_section(struct reader *wire, struct arena *arena, enum section section,
                                uint16_t count, struct message *message)
{
    struct gathering gathering;
    enum status status = gathering_open(&gathering, arena, count);
    for (uint16_t i = 0; i < count && status == OK; i++) {
        struct name_buffer buffer;
        struct record record;
        read_record_head(wire, &buffer, &record);
        if (wire->status != OK) {
            status = MALFORMED;
        } else if (record.type == TYPE_OPT) {
            status = take_opt(wire, section, &record, message);
        } else if (record.type == TYPE_TSIG) {
            status = take_tsig(wire, section, i + 1 == count, &record, message);
        } else {
            status = gather_record(&gathering, wire, &record);
        }
    }
    if (status == OK) {
        status = join_parts(&gathering);
    }
    if (status == OK) {
        message->sections[section] = (struct message_section){gathering.rrsets, gathering.count};
    }
    return status;
}

enum status message_read(struct span wire, struct arena *arena, struct message *message)
{
    message_clear(message);
    struct reader reader = reader_over(wire);
    struct counts counts;
    struct name_buffer *buffer = arena_take(arena, sizeof *buffer);
    if (buffer == NULL) {
        return NO_MEMORY;
    }
    enum status header = read_header(&reader, message, &counts);
    enum status status =
        reader.status != OK ? MALFORMED
                            : read_questions(&reader, counts.questions, buffer, &message->question);
    struct name question_name;
    if (name_copy(arena, message->question.name, &question_name) != OK) {
        message->question.name = NAME_ROOT;
        return NO_MEMORY;
    }
    message->question.name = question_name; /* the wire may go */
    status = header != OK ? header : status;
    for (int i = 0; i < SECTION_COUNT && status == OK; i++) {
        status = read_section(&reader, arena, (enum section)i, counts.records[i], message);
    }
    if (status == OK && reader_end(&reader) != OK) {
        status = MALFORMED;
    }
    if (status != OK) {
        memset(message->sections, 0, sizeof message->sections);
        message->edns.options = SPAN_EMPTY;
        return status;
    }
    return arena_copy(arena, message->edns.options, &message->edns.options);
}

enum status message_read_query(struct span wire, struct name_buffer *buffer,
                               struct message *message)
{
    message_clear(message);
    struct reader reader = reader_over(wire);
    struct counts counts;
    enum status header = read_header(&reader, message, &counts);
    if (reader.status != OK) {
        return MALFORMED;
    }
    enum status status = read_questions(&reader, counts.questions, buffer, &message->question);
    status = header != OK ? header : status;
    for (int section = 0; section < SECTION_COUNT; section++) {
        for (uint16_t i = 0; i < counts.records[section] && status == OK; i++) {
            struct name_buffer owner;
            struct record record;
            read_record_head(&reader, &owner, &record);
            if (reader.status != OK) {
                status = MALFORMED;
            } else if (record.type == TYPE_OPT) {
                status = take_opt(&reader, (enum section)section, &record, message);
            } else if (record.type == TYPE_TSIG) {
                status = take_tsig(&reader, (enum section)section, i + 1 == counts.records[section],
                                   &record, message);
            } else {
                reader_span(&reader, record.rdlength);
            }
        }
    }
    return status == OK && reader_end(&reader) != OK ? MALFORMED : status;
}

/* The next record of a walk: its rdata behind its length in `rdata`. */
static enum status walk_record(struct reader *wire, struct name_buffer *buffer,
                               struct writer *rdata, struct rrset *rrset)
{
    struct record record;
    read_record_head(wire, buffer, &record);
    if (wire->status != OK || record.type == TYPE_OPT || record.type == TYPE_TSIG) {
        return MALFORMED;
    }
    *rrset = (struct rrset){.owner = record.owner,
                            .type = record.type,
                            .class_ = record.class_,
                            .ttl_s = ttl_of(&record)};
    if (is_empty_by_class(&record)) {
        return OK;
    }
    writer_rewind(rdata, 0);
    writer_reserve(rdata, 2);
    if (rdata_read(wire, record.type, record.rdlength, rdata) != OK || rdata->status != OK ||
        wire->status != OK || rdata->len - 2 > UINT16_MAX) {
        return MALFORMED;
    }
    writer_patch_u16(rdata, 0, (uint16_t)(rdata->len - 2));
    rrset->covers = covered_type(record.type, span_of(rdata->bytes + 2, rdata->len - 2));
    rrset->count = 1;
    rrset->rdata_len = (uint32_t)rdata->len;
    rrset->rdata = rdata->bytes;
    return OK;
}

/* Who gets the records of a walk. */
struct walk {
    enum status (*each)(void *user, enum section section, const struct rrset *record);
    void *user;
};

static enum status walk_sections(struct span wire, enum section last, struct walk walk)
{
    struct message message;
    message_clear(&message);
    struct reader reader = reader_over(wire);
    struct counts counts;
    struct name_buffer buffer;
    uint8_t bytes[2 + RDATA_LEN_MAX + RDATA_NAMES_MAX * NAME_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    enum status status = read_header(&reader, &message, &counts);
    if (status == OK) {
        status = read_questions(&reader, counts.questions, &buffer, &message.question);
    }
    for (int section = 0; section <= (int)last; section++) {
        for (uint16_t i = 0; i < counts.records[section] && status == OK; i++) {
            struct rrset rrset;
            status = walk_record(&reader, &buffer, &rdata, &rrset);
            status = status == OK ? walk.each(walk.user, (enum section)section, &rrset) : status;
        }
    }
    return status;
}

struct answer_walk {
    enum status (*each)(void *user, const struct rrset *record);
    void *user;
};

/* Only an UPDATE has records without rdata. */
static enum status walk_answer(void *user, enum section section, const struct rrset *record)
{
    const struct answer_walk *walk = user;
    (void)section;
    return record->count == 0 ? MALFORMED : walk->each(walk->user, record);
}

enum status message_walk_answers(struct span wire,
                                 enum status (*each)(void *user, const struct rrset *record),
                                 void *user)
{
    struct answer_walk walk = {each, user};
    return walk_sections(wire, SECTION_ANSWER, (struct walk){walk_answer, &walk});
}

enum status message_walk_update(struct span wire,
                                enum status (*each)(void *user, enum section section,
                                                    const struct rrset *record),
                                void *user)
{
    return walk_sections(wire, SECTION_AUTHORITY, (struct walk){each, user});
}

bool message_answers(const struct message *response, uint16_t id, struct question question,
                     bool exact_case)
{
    if ((response->flags & FLAG_QR) == 0 || response->id != id ||
        response->opcode != OPCODE_QUERY || response->question_count != 1) {
        return false;
    }
    struct question said = response->question;
    if (said.type != question.type || said.class_ != question.class_) {
        return false;
    }
    return exact_case ? span_equal(name_span(said.name), name_span(question.name))
                      : name_equal(said.name, question.name);
}
