#pragma once
/* What the files of the scenario player share. */
#include "core/base/text.h"
#include "service/resolver/fake_net.h"
#include "service/resolver/scenario.h"

enum {
    SCENARIO_ADDRESSES_MAX = 32,
    SCENARIO_ANCHORS_MAX = 8,
    SCENARIO_ZONES_MAX = 8,
    SCENARIO_EXPECTED_MAX = 64
};

/* The block whose indented lines are being read. */
enum scenario_block {
    BLOCK_NONE,
    BLOCK_ZONE,
    BLOCK_SCRIPT,
    BLOCK_CHANGE,
    BLOCK_ASK,
    BLOCK_BURST,
    BLOCK_CONTROL
};

/* An expected record, or an expected beginning of one. */
struct scenario_expected {
    const char *texts[SCENARIO_EXPECTED_MAX];
    size_t count;
    bool is_checked; /* otherwise the section may hold anything */
};

struct scenario {
    struct fake_net net;
    struct arena arena;
    struct problem *problem;
    enum scenario_block block;
    bool is_running; /* the first step was taken: zones are signed, the resolver is open */
    /* Set-up. */
    struct resolver_options options;
    struct address addresses[SCENARIO_ADDRESSES_MAX]; /* root hints */
    size_t address_count;
    struct resolver_zone zones[SCENARIO_ZONES_MAX];
    bool has_hints;
    struct trust_anchor anchors[SCENARIO_ANCHORS_MAX];
    size_t anchor_count;
    bool has_anchor; /* said which; else the root's key when it is signed */
    /* The block. */
    struct fake_zone *zone;
    struct fake_script *script;
    const struct fake_reply *reply;
    uint64_t channel_first; /* of a burst */
    uint32_t burst_count;
    uint32_t asked_before; /* queries sent before the block's question */
    int64_t began_ns;
    struct scenario_expected sections[SECTION_COUNT];
};

/* Fills the problem with a sentence; returns MISMATCH. */
enum status scenario_fail(struct scenario *scenario, const char *format, ...) PRINTF_LIKE(2, 3);
/* Cuts the first word off; empty at the end. */
struct span scenario_word(struct span *line);
bool scenario_is(struct span word, const char *text);
enum status scenario_number(struct scenario *scenario, struct span word, uint64_t *number) MUST_USE;
enum status scenario_name(struct scenario *scenario, struct span word, struct name *name) MUST_USE;
enum status scenario_address(struct scenario *scenario, struct span word,
                             struct address *address) MUST_USE;
/* One line of set-up outside a block, and inside one. */
enum status scenario_set_up(struct scenario *scenario, struct span word, struct span line,
                            bool *is_known) MUST_USE;
enum status scenario_set_up_more(struct scenario *scenario, struct span line) MUST_USE;
/* The same for what happens. */
enum status scenario_step(struct scenario *scenario, struct span word, struct span line) MUST_USE;
enum status scenario_step_more(struct scenario *scenario, struct span line) MUST_USE;
/* At the end of a block. */
enum status scenario_end_block(struct scenario *scenario) MUST_USE;
/* Signs the zones and opens the resolver, once. */
enum status scenario_begin(struct scenario *scenario) MUST_USE;
/* At the end of BLOCK_CHANGE. */
void scenario_zone_changed(struct scenario *scenario);
/* "option: NAME VALUE" of the resolver's configuration. */
enum status scenario_option(struct scenario *scenario, struct span name,
                            struct span value) MUST_USE;
