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
    ZONEFILE_EXPANDED_MAX = 1 << 16, /* octets of one generated record's text */
    ZONEFILE_PASSED_EVERY = 1 << 20  /* octets read between two calls of `passed` */
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
    bool is_owner_inside; /* at or below the apex, when there is one */
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
    size_t passed_at;       /* `passed` was told of all up to here */
    bool is_ahead;          /* what stands before is not read yet, but guessed */
    bool is_owner_guessed;  /* no record has said an owner since */
    bool needs_order;       /* and that was not enough: this part must be read again, in its turn */
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
/* Tells the sink which file is on top now. */
void zonefile_tell_file(struct zonefile_reading *reading);
/* One record from its tokens, to the sink. */
void zonefile_read_record(struct zonefile_reading *reading, const struct zonefile_entry *entry);
/* $ORIGIN, $TTL, $INCLUDE, $GENERATE. */
void zonefile_read_directive(struct zonefile_reading *reading, const struct zonefile_entry *entry);
void zonefile_generate(struct zonefile_reading *reading, const struct zonefile_entry *entry);

/* What the text up to some place says to the text behind it, when no included file is open. */
struct zonefile_state {
    size_t at;
    uint32_t line;
    bool has_owner, has_ttl_default, has_ttl_last;
    bool is_owner_guessed;
    uint32_t ttl_default_s, ttl_last_s;
    uint16_t class_;
    size_t include_count;
    struct name origin, owner;
    struct name_buffer origin_octets, owner_octets;
};
void zonefile_state_begin(const struct zonefile_source *source, struct zonefile_state *state);
void zonefile_state_copy(const struct zonefile_state *from, struct zonefile_state *to);

/* A reading that goes on from `state`. With `apex` the rules of a zone hold too. It is large and
 * holds nothing but its memory. */
void zonefile_reading_begin(struct zonefile_reading *reading, const struct zonefile_source *source,
                            const struct zonefile_sink *sink, const struct name *apex,
                            const struct zonefile_state *state);
/* Tells it that the owner and the last TTL of the state are not known: where they are needed the
 * reading ends, with needs_order. */
void zonefile_reading_ahead(struct zonefile_reading *reading);
/* Reads the entries that begin before `to`, with the files that they include. */
void zonefile_reading_run(struct zonefile_reading *reading, size_t to);
void zonefile_reading_state(const struct zonefile_reading *reading, struct zonefile_state *state);
/* After the last finding: how many there were beyond ZONEFILE_FINDINGS_MAX. */
void zonefile_tell_more(const struct zonefile_source *source, size_t count,
                        void (*tell)(void *user, const struct problem *problem), void *user);
