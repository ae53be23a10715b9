#pragma once
/* DNS messages (RFC 1035 §4, EDNS of RFC 6891): reading into RRsets, writing with compression. */
#include "core/base/arena.h"
#include "core/dns/rrset.h"

enum {
    MESSAGE_HEADER_LEN = 12,
    MESSAGE_LEN_MAX = 65535,
    MESSAGE_UDP_LEN_MIN = 512,
    MESSAGE_UDP_LEN_DEFAULT = 1232
};

/* Header flags as they stand in the second 16 bits. */
enum {
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010
};

struct question {
    struct name name;
    uint16_t type;
    uint16_t class_;
};

struct edns {
    bool is_present;
    bool wants_dnssec; /* DO */
    uint8_t version;
    uint16_t udp_size;      /* as sent; below 512 means 512 */
    struct span options;    /* raw: code, length, value ... */
    uint16_t padding_block; /* to write: padded so that the whole message, with what else is kept
                               room for, is a multiple of this (RFC 7830); 0: not padded */
};

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTION_COUNT };

struct message_section {
    const struct rrset *rrsets; /* in order of first appearance; records of one RRset gathered */
    size_t count;
};

struct message {
    uint16_t id;
    uint16_t flags; /* FLAG_*; opcode and rcode taken out */
    uint8_t opcode;
    uint16_t rcode; /* with the extension of EDNS */
    uint16_t question_count;
    struct question question;                       /* the first; when there is none: root, 0, 0 */
    struct message_section sections[SECTION_COUNT]; /* without OPT and TSIG */
    struct edns edns;
    size_t tsig_at; /* offset of the TSIG record, 0 when there is none */
};

/* Reads a whole message; RRsets, names and rdata land in `arena` (the wire may then go). MALFORMED
 * for anything that is not a message: forward pointers, bad rdata, records behind TSIG, two OPT,
 * data behind the end; LIMIT_REACHED for names forged to share hashes. On failure `message` holds
 * what the header and question said, so that FORMERR can be answered (id is 0 when not even that).
 */
enum status message_read(struct span wire, struct arena *arena, struct message *message) MUST_USE;
/* The same without sections and without an arena: header, one question (in `buffer`), EDNS, TSIG's
 * place. For servers. */
enum status message_read_query(struct span wire, struct name_buffer *buffer,
                               struct message *message) MUST_USE;
/* Each record of a transfer in order, not gathered: calls `each` (class and TTL kept; count is 1).
 * Stops when it returns other than OK, and returns that. */
enum status message_walk_answers(struct span wire,
                                 enum status (*each)(void *user, const struct rrset *record),
                                 void *user) MUST_USE;
/* The same for the answer and authority sections, which are the prerequisites and the changes of an
 * UPDATE (RFC 2136 §2): `count` is 0 for a record of class ANY or NONE without rdata. The views end
 * with the call. */
enum status message_walk_update(struct span wire,
                                enum status (*each)(void *user, enum section section,
                                                    const struct rrset *record),
                                void *user) MUST_USE;

enum { MESSAGE_COMPRESSION_SIZE = 128 };

/* Writes a message section by section. Names are compressed against earlier ones. */
struct message_writer {
    struct writer wire;
    uint16_t counts[4];
    size_t reserved; /* octets kept free at the end for OPT and TSIG */
    bool keeps_case; /* compress only against names of the same case: for transfers (RFC 5936 §3.4)
                      */
    uint16_t compression[MESSAGE_COMPRESSION_SIZE]; /* offsets of names written; 0 is a free slot */
};

/* Starts with the header. `size` is the largest length of the result. */
void message_begin(struct message_writer *writer, void *bytes, size_t size, uint16_t id,
                   uint16_t flags, uint8_t opcode, uint16_t rcode);
void message_add_question(struct message_writer *writer, struct question question);
/* Keeps room for what must come last. */
void message_keep(struct message_writer *writer, size_t len);
/* All records of the RRset, or none of them and NO_SPACE (the writer is as before). */
enum status message_add_rrset(struct message_writer *writer, enum section section,
                              const struct rrset *rrset) MUST_USE;
/* One record, for transfers. */
enum status message_add_record(struct message_writer *writer, enum section section,
                               const struct rrset *rrset, struct span rdata) MUST_USE;
/* OPT with the extended rcode's upper bits; `options` raw. Uses kept room (11 octets and the
 * options; with padding EDNS_PADDING_ROOM more, or it is cut to what there is). */
void message_add_edns(struct message_writer *writer, const struct edns *edns, uint16_t rcode);
void message_set_flags(struct message_writer *writer, uint16_t flags); /* adds them */
void message_set_rcode(struct message_writer *writer, uint16_t rcode); /* lower 4 bits */
/* Patches the counts and returns the message; empty when something did not fit that had to. */
struct span message_end(struct message_writer *writer);

/* Extended DNS errors (RFC 8914): an EDNS option 15 with code and text, appended to raw options. */
enum {
    EDNS_OPTION_NSID = 3,
    EDNS_OPTION_COOKIE = 10,
    EDNS_OPTION_KEEPALIVE = 11, /* of a stream (RFC 7828) */
    EDNS_OPTION_PADDING = 12,
    EDNS_OPTION_KEY_TAG = 14, /* RFC 8145 */
    EDNS_OPTION_EDE = 15,
    EDNS_OPTION_REPORT_CHANNEL = 18 /* RFC 9567 */
};
enum { EDNS_OPTIONS_MAX = 100 }; /* of one message; with more it is none */
enum {
    EDNS_PADDING_BLOCK_RESPONSE = 468, /* RFC 8467 §4.1 */
    EDNS_PADDING_ROOM = 4 + EDNS_PADDING_BLOCK_RESPONSE - 1
};
void edns_add_keepalive(struct writer *options, uint32_t idle_ms);
void edns_add_ede(struct writer *options, uint16_t code, struct span text);
/* The value of the first option with that code; false when there is none or the options are
 * malformed. */
bool edns_find(const struct edns *edns, uint16_t code, struct span *value);

/* A query with RD/CD/DO as asked, ready to send; `size` of at least 512; without EDNS when
 * `udp_size` is 0. */
struct span message_make_query(void *bytes, size_t size, uint16_t id, uint16_t flags,
                               struct question question, bool wants_dnssec, uint16_t udp_size);
/* Is `wire` a response to that query: QR, id, opcode and question (with the case as sent when
 * `exact_case`)? */
bool message_answers(const struct message *response, uint16_t id, struct question question,
                     bool exact_case);
