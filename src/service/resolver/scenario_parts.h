#pragma once
/* What the files of the scenario player share. */
#include "core/base/text.h"
#include "service/resolver/fake_net.h"
#include "service/resolver/scenario.h"

enum {
    SCENARIO_ADDRESSES_MAX = 32,
    SCENARIO_ANCHORS_MAX = 8,
    SCENARIO_ZONES_MAX = 8,
    SCENARIO_ZONE_SERVERS_MAX = 4,
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
    struct span zone_servers[FAKE_ZONES_MAX][SCENARIO_ZONE_SERVERS_MAX]; /* addresses as text */
    size_t zone_server_counts[FAKE_ZONES_MAX];
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
    uint64_t checks_before; /* of signatures, and NSEC3 hashes, before it */
    uint64_t hashes_before;
    struct address client;      /* who asks when nobody is named */
    struct scenario_roll *roll; /* NULL: no anchors follow rolls */
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
/* scenario_zone.c: zones, changes of them, and their lines. */
struct fake_zone *scenario_zone(struct scenario *scenario, struct name apex);
enum status scenario_zone_open(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_change_open(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_zone_line(struct scenario *scenario, struct span line) MUST_USE;
/* At the end of BLOCK_CHANGE. */
void scenario_zone_changed(struct scenario *scenario);
/* Completes, delegates and signs all of them. */
enum status scenario_zones_begin(struct scenario *scenario) MUST_USE;
/* The server there, new where there was none. */
enum status scenario_server(struct scenario *scenario, struct span address,
                            struct fake_server **server) MUST_USE;
/* scenario_script.c: what a server says to one question instead of the truth. */
enum status scenario_script_open(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_script_line(struct scenario *scenario, struct span line) MUST_USE;
/* "option: NAME VALUE" of the resolver's configuration. */
enum status scenario_option(struct scenario *scenario, struct span name,
                            struct span value) MUST_USE;

/* scenario_roll.c: "key NUMBER MANNER [ALGORITHM]" of a zone that changes; trust anchors that
 * follow rolls, with their file; and what may befall the process, its disk and its clock. */
struct scenario_roll;
enum status scenario_key(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_roll_option(struct scenario *scenario, struct span value) MUST_USE;
enum status scenario_roll_begin(struct scenario *scenario) MUST_USE;
void scenario_roll_close(struct scenario *scenario);
enum status scenario_restart(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_clock(struct scenario *scenario, struct span line) MUST_USE;
enum status scenario_disk_step(struct scenario *scenario, struct span line) MUST_USE;
