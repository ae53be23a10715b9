#pragma once
/* Inside of zonefile: the state of a reading, shared by records, directives and $GENERATE. */
#include "core/zone/zonefile.h"
#include "core/zone/zonefile_lexer.h"

enum {
    /* A record with more fields than this is a mistake: the largest known are type bitmaps and TXT
     * records of some hundred fields. */
    ZONEFILE_TOKENS_MAX = 4096,
    ZONEFILE_INCLUDE_DEPTH_MAX = 8,
    ZONEFILE_INCLUDES_MAX = 1000, /* in all: files that include each other end somewhere */
    ZONEFILE_FILE_NAME_MAX = 512,
    ZONEFILE_GENERATE_MAX = 1 << 20, /* records of one $GENERATE */
    ZONEFILE_EXPANDED_MAX = 1 << 16  /* octets of one generated record's text */
};

/* A file being read; its own origin and last owner, which the including file gets back. */
struct zonefile_frame {
    struct zonefile_lexer lexer;
    struct name origin;
    struct name_buffer origin_octets;
    struct name owner;
    struct name_buffer owner_octets;
    bool has_owner;
    /* What was read as the owner, for the records behind it that write the same; empty: not known
     * any more. */
    struct span owner_text;
    char file[ZONEFILE_FILE_NAME_MAX];
};

struct zonefile_reading {
    const struct zonefile_source *source;
    const struct zonefile_sink *sink;
    const struct name *apex; /* not NULL: records must be of class IN and at or below it */
    struct zonefile_frame frames[ZONEFILE_INCLUDE_DEPTH_MAX];
    size_t depth;         /* frames in use */
    size_t include_count; /* in all */
    bool has_ttl_default, has_ttl_last;
    uint32_t ttl_default_s, ttl_last_s;
    uint16_t class_;
    size_t finding_count;
    enum status stop;       /* what the sink returned */
    struct problem problem; /* of the entry at hand: too large to be cleared for each */
    struct rdata_token tokens[ZONEFILE_TOKENS_MAX];
    struct rdata_token expanded[ZONEFILE_TOKENS_MAX];
    uint8_t expanded_octets[ZONEFILE_EXPANDED_MAX];
    uint8_t rdata[2 + RDATA_LEN_MAX + 1];
};

struct zonefile_frame *zonefile_top(struct zonefile_reading *reading);
/* Tells a finding at the token: "expected ..., found ...". */
void zonefile_expected(struct zonefile_reading *reading, const struct rdata_token *token,
                       const char *expected);
/* The reading's problem, with that place and nothing wrong yet. */
struct problem *zonefile_place(struct zonefile_reading *reading, uint32_t line, uint32_t column);
/* Tells a finding whose sentence, line and column stand in `problem` already. */
void zonefile_tell(struct zonefile_reading *reading, struct problem *problem);
/* One record from its tokens, to the sink. */
void zonefile_read_record(struct zonefile_reading *reading, const struct zonefile_entry *entry);
/* $ORIGIN, $TTL, $INCLUDE, $GENERATE. */
void zonefile_read_directive(struct zonefile_reading *reading, const struct zonefile_entry *entry);
void zonefile_generate(struct zonefile_reading *reading, const struct zonefile_entry *entry);
/* As zonefile_read, with the rules of a zone when `apex` is given. */
enum status zonefile_read_within(const struct zonefile_source *source,
                                 const struct zonefile_sink *sink,
                                 const struct name *apex) MUST_USE;
