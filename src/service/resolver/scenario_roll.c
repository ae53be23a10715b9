/* Rolls in a scenario: what becomes of a zone's keys, the resolver whose anchors follow them, and
 * what befalls it: it dies, its disk fails, its clock is set. */
#include <stdlib.h>

#include "service/resolver/fake_parts.h"
#include "service/resolver/scenario_disk.h"
#include "service/resolver/scenario_parts.h"

struct scenario_roll {
    struct name zone;
    struct scenario_disk *files;
    struct disk disk;
    struct anchor_point point;
    struct resolver_roll roll;
};

static const char FILE_NAME[] = "anchors";

/* --- keys --- */

static const struct {
    const char *word;
    bool is_absent, is_revoked, signs_keys, signs_zone;
} MANNERS[] = {
    {"signs", false, false, true, true},   {"published", false, false, false, false},
    {"revoked", false, true, true, false}, {"revoked-by-others", false, true, false, false},
    {"gone", true, false, false, false},
};

static enum status key_set(struct scenario *scenario, size_t at, size_t manner, uint8_t algorithm)
{
    enum { SEED_STEP = 0x10, RDATA_SIZE = 512 };
    struct fake_zone *zone = scenario->zone;
    struct fake_key *key = &zone->keys[at];
    while (zone->key_count <= at) {
        uint8_t seed = (uint8_t)(zone - scenario->net.zones + 1 + SEED_STEP * zone->key_count);
        zone->keys[zone->key_count++] = (struct fake_key){
            .signing = fake_key(&scenario->net, DNSKEY_FLAGS_KSK, algorithm, seed),
            .is_absent = true};
    }
    uint16_t flags = key->signing.dnskey.flags & (uint16_t)~DNSKEY_FLAG_REVOKE;
    flags |= MANNERS[manner].is_revoked ? DNSKEY_FLAG_REVOKE : 0;
    uint8_t *bytes = arena_take(&scenario->net.arena, RDATA_SIZE);
    struct writer rdata = writer_over(bytes, bytes == NULL ? 0 : RDATA_SIZE);
    dnskey_write(flags, key->signing.dnskey.algorithm, key->signing.dnskey.public_key, &rdata);
    key->is_absent = MANNERS[manner].is_absent;
    key->signs_keys = MANNERS[manner].signs_keys;
    key->signs_zone = MANNERS[manner].signs_zone;
    return dnskey_read(writer_written(&rdata), &key->signing.dnskey);
}

enum status scenario_key(struct scenario *scenario, struct span line)
{
    uint64_t number = 0;
    uint64_t algorithm = ALGORITHM_ECDSAP256SHA256;
    enum status status = scenario_begin(scenario); /* its keys are made then */
    status = status == OK ? scenario_number(scenario, scenario_word(&line), &number) : status;
    struct span word = scenario_word(&line);
    size_t manner = 0;
    while (manner < LEN(MANNERS) && !scenario_is(word, MANNERS[manner].word)) {
        manner++;
    }
    if (status == OK && line.len > 0) {
        status = scenario_number(scenario, scenario_word(&line), &algorithm);
    }
    if (status != OK || number < 1 || number > FAKE_KEYS_MAX || manner == LEN(MANNERS)) {
        return scenario_fail(scenario, "key NUMBER signs|published|revoked|revoked-by-others|gone");
    }
    return key_set(scenario, (size_t)number - 1, manner, (uint8_t)algorithm);
}

/* --- the anchors --- */

enum status scenario_roll_option(struct scenario *scenario, struct span value)
{
    scenario->roll = scenario->roll == NULL ? calloc(1, sizeof *scenario->roll) : scenario->roll;
    if (scenario->roll == NULL) {
        return NO_MEMORY;
    }
    scenario->roll->files = scenario_disk_open();
    scenario->roll->disk = scenario_disk_of(scenario->roll->files);
    return scenario_name(scenario, value, &scenario->roll->zone);
}

void scenario_roll_close(struct scenario *scenario)
{
    if (scenario->roll != NULL) {
        scenario_disk_close(scenario->roll->files);
        free(scenario->roll);
    }
}

enum status scenario_roll_begin(struct scenario *scenario)
{
    struct scenario_roll *roll = scenario->roll;
    int64_t now_s = moment_wall_s(scenario->net.now);
    enum status status = OK;
    if (roll == NULL) {
        return OK;
    }
    anchor_point_open(&roll->point, roll->zone);
    for (size_t i = 0; i < scenario->anchor_count && status == OK; i++) {
        if (name_equal(scenario->anchors[i].zone, roll->zone)) {
            status = anchor_point_add(&roll->point, &scenario->anchors[i], now_s);
        }
    }
    roll->roll = (struct resolver_roll){&roll->point, &roll->disk, FILE_NAME};
    status = status == OK ? resolver_roll_save(&roll->roll) : status;
    scenario->options.rolls = &roll->roll;
    scenario->options.roll_count = 1;
    return status;
}

/* --- what befalls --- */

/* "restart": the process is killed, and another one reads what is on the disk. */
enum status scenario_restart(struct scenario *scenario, struct span line)
{
    struct scenario_roll *roll = scenario->roll;
    enum status status = OK;
    (void)line;
    if (roll != NULL) {
        status =
            resolver_roll_load(&roll->roll, moment_wall_s(scenario->net.now), scenario->problem);
    }
    fake_restart(&scenario->net, &scenario->options);
    fake_settle(&scenario->net);
    return status;
}

/* "clock [-]TIME": it is set forwards or back, while no time passes. */
enum status scenario_clock(struct scenario *scenario, struct span line)
{
    struct span word = scenario_word(&line);
    bool is_back = word.len > 0 && word.bytes[0] == '-';
    uint32_t seconds = 0;
    word = is_back ? span_part(word, 1, word.len - 1) : word;
    if (text_read_ttl(word, &seconds) != OK) {
        return scenario_fail(scenario, "clock [-]TIME");
    }
    scenario->net.now.wall_ns += (is_back ? -1 : 1) * (int64_t)seconds * MOMENT_NS_PER_S;
    return OK;
}

/* "disk fails", "disk works" */
enum status scenario_disk_step(struct scenario *scenario, struct span line)
{
    if (scenario->roll == NULL) {
        return scenario_fail(scenario, "there is nothing on the disk");
    }
    scenario_disk_break(scenario->roll->files, scenario_is(scenario_word(&line), "fails"));
    return OK;
}
