/* Trust anchors as they are now, and the zones that are asked about theirs. The rules are in
 * core/dnssec/anchor_roll; here is when they are applied, and that what they say is kept on disk.
 * What is revoked is not trusted from that moment on, even where the disk fails. */
#include "service/resolver/roll.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/base/text.h"
#include "service/resolver/query.h"

static const struct resolver_roll *roll_of(const struct resolver *resolver, struct name zone)
{
    for (size_t i = 0; i < resolver->options.roll_count; i++) {
        if (name_equal(resolver->options.rolls[i].point->zone, zone)) {
            return &resolver->options.rolls[i];
        }
    }
    return NULL;
}

/* A configured anchor of a zone that is followed would undo what its keys revoke. */
static void anchors_gather(struct resolver *resolver)
{
    const struct resolver_options *options = &resolver->options;
    resolver->anchor_count = 0;
    for (size_t i = 0; i < options->anchor_count; i++) {
        if (roll_of(resolver, options->anchors[i].zone) == NULL) {
            resolver->anchors[resolver->anchor_count++] = options->anchors[i];
        }
    }
    for (size_t i = 0; i < options->roll_count; i++) {
        resolver->anchor_count += anchor_point_anchors(options->rolls[i].point,
                                                       &resolver->anchors[resolver->anchor_count]);
    }
}

enum status roll_open(struct resolver *resolver)
{
    const struct resolver_options *options = &resolver->options;
    size_t count = options->anchor_count + options->roll_count * ANCHOR_ROLL_KEYS_MAX;
    resolver->anchors = calloc(count + 1, sizeof *resolver->anchors);
    if (resolver->anchors == NULL) {
        return NO_MEMORY;
    }
    anchors_gather(resolver);
    return OK;
}

void roll_close(struct resolver *resolver)
{
    free(resolver->anchors);
}

/* --- the file --- */

enum { FILE_ARENA_SIZE = 1 << 20 };

enum status resolver_roll_load(const struct resolver_roll *roll, int64_t now_s,
                               struct problem *problem)
{
    struct arena arena;
    struct span text = SPAN_EMPTY;
    const struct disk *disk = roll->disk;
    arena_open(&arena, FILE_ARENA_SIZE);
    enum status status = disk->read(disk->self, roll->file, ANCHOR_FILE_LEN_MAX, &arena, &text);
    if (status == OK) {
        status = anchor_file_read(text, now_s, roll->point, problem);
    } else if (status != NOT_FOUND) {
        problem_set(problem, status, "%s", status_text(status));
    }
    arena_close(&arena);
    return status;
}

enum status resolver_roll_save(const struct resolver_roll *roll)
{
    struct arena arena;
    arena_open(&arena, FILE_ARENA_SIZE);
    uint8_t *bytes = arena_take(&arena, ANCHOR_FILE_LEN_MAX);
    struct writer text = writer_over(bytes, bytes == NULL ? 0 : ANCHOR_FILE_LEN_MAX);
    anchor_file_write(roll->point, &text);
    enum status status = text.status;
    if (status == OK) {
        status = roll->disk->replace(roll->disk->self, roll->file, writer_written(&text));
    }
    arena_close(&arena);
    return status;
}

/* --- asking --- */

static bool is_lost(const struct anchor_point *point)
{
    struct trust_anchor anchors[ANCHOR_ROLL_KEYS_MAX];
    return anchor_point_anchors(point, anchors) == 0;
}

static void set_timer(struct resolver *resolver)
{
    int64_t next_ns = TIMER_NEVER_NS;
    for (size_t i = 0; i < resolver->options.roll_count; i++) {
        const struct anchor_point *point = resolver->options.rolls[i].point;
        int64_t wait_s = anchor_point_wait(point, moment_wall_s(resolver->now));
        int64_t due_ns =
            resolver->now.mono_ns + (wait_s < 1 ? 1 : wait_s) * (int64_t)MOMENT_NS_PER_S;
        next_ns = due_ns < next_ns && !is_lost(point) ? due_ns : next_ns;
    }
    outbox_timer(resolver->outbox, RESOLVER_TIMER_ROLLS, next_ns);
}

void roll_ask(struct resolver *resolver)
{
    int64_t now_s = moment_wall_s(resolver->now);
    for (size_t i = 0; i < resolver->options.roll_count; i++) {
        struct anchor_point *point = resolver->options.rolls[i].point;
        if (anchor_point_wait(point, now_s) == 0 && !is_lost(point)) {
            /* Until something comes of it. */
            point->next_s = now_s + ANCHOR_ASK_MIN_S;
            query_ask(resolver, point->zone, TYPE_DNSKEY, QUERY_FOR_ROLL);
        }
    }
    if (resolver->options.roll_count > 0) {
        set_timer(resolver);
    }
}

/* --- hearing --- */

static void tell_change(const struct resolver *resolver, struct name zone,
                        const struct anchor_change *change)
{
    char text[NAME_TEXT_MAX];
    log_line(resolver->options.log, LOG_NOTICE, "key %u of %s: %s, was %s", change->tag,
             name_print(zone, text), anchor_state_text(change->to),
             anchor_state_text(change->from));
}

static void keep(const struct resolver *resolver, const struct resolver_roll *roll)
{
    enum status status = resolver_roll_save(roll);
    if (status != OK) {
        log_line(resolver->options.log, LOG_ERROR,
                 "%s: the trust anchors cannot be written: %s; their file is that of before",
                 roll->file, status_text(status));
    }
}

/* The DNSKEY RRset, whatever was found about it; NULL: there was none. */
static const struct cache_entry *keys_of(const struct query *query, struct name zone)
{
    const struct cache_entry *entry =
        query->link_count > 0 ? query->links[0].entry : query->bogus_entry;
    bool is_it = entry != NULL && entry->kind == CACHE_POSITIVE && entry->type == TYPE_DNSKEY &&
                 name_equal(entry->name, zone);
    return is_it ? entry : NULL;
}

void roll_hear(struct resolver *resolver, const struct query *query)
{
    const struct resolver_roll *roll = roll_of(resolver, query->client.question.name);
    require(roll != NULL);
    struct anchor_point *point = roll->point;
    const struct cache_entry *entry = keys_of(query, point->zone);
    int64_t now_s = moment_wall_s(resolver->now);
    struct anchor_changes changes = {.count = 0};
    char zone[NAME_TEXT_MAX];
    name_print(point->zone, zone);
    if (entry == NULL) {
        anchor_roll_fail(point, now_s);
        log_line(resolver->options.log, LOG_WARNING, "%s DNSKEY: no answer for its trust anchors",
                 zone);
    } else {
        const struct anchor_look look = {.dnskeys = &entry->answer[0],
                                         .rrsigs =
                                             entry->answer_count > 1 ? &entry->answer[1] : NULL,
                                         .now_s = now_s,
                                         .scratch = &resolver->outbox->scratch};
        if (!anchor_roll_look(point, &look, &changes)) {
            log_line(resolver->options.log, LOG_WARNING, "%s DNSKEY: no trust anchor has signed it",
                     zone);
        }
    }
    for (size_t i = 0; i < changes.count; i++) {
        tell_change(resolver, point->zone, &changes.list[i]);
    }
    if (changes.count > 0 && is_lost(point)) {
        log_line(resolver->options.log, LOG_ERROR,
                 "%s has revoked all its trust anchors: it is as if it had never had one", zone);
    }
    anchors_gather(resolver);
    keep(resolver, roll);
    set_timer(resolver);
}

/* --- the operator --- */

static void list_fixed(const struct resolver *resolver, struct writer *text)
{
    for (size_t i = 0; i < resolver->options.anchor_count; i++) {
        const struct trust_anchor *anchor = &resolver->options.anchors[i];
        struct reader reader = reader_over(anchor->rdata);
        if (roll_of(resolver, anchor->zone) == NULL) {
            name_write_text(anchor->zone, text);
            writer_print(text, " %s %u valid: configured\n",
                         anchor->type == TYPE_DS ? "DS" : "DNSKEY",
                         anchor->type == TYPE_DS ? reader_u16(&reader) : dnskey_tag(anchor->rdata));
        }
    }
}

static void list_followed(const struct anchor_point *point, struct writer *text)
{
    for (size_t i = 0; i < point->key_count; i++) {
        const struct anchor_key *key = &point->keys[i];
        name_write_text(point->zone, text);
        writer_print(text, " %s %u %s since ", key->type == TYPE_DS ? "DS" : "DNSKEY", key->tag,
                     anchor_state_text(key->state));
        text_write_rfc3339(text, key->since_s);
        writer_text(text, "\n");
    }
    name_write_text(point->zone, text);
    if (is_lost(point)) {
        writer_text(text, " has revoked all its keys and is not validated by them\n");
        return;
    }
    writer_text(text, point->seen_s == 0 ? " was not seen yet" : " was last seen ");
    if (point->seen_s != 0) {
        text_write_rfc3339(text, point->seen_s);
    }
    writer_text(text, ", is asked again ");
    text_write_rfc3339(text, point->next_s);
    writer_text(text, "\n");
}

void roll_list(const struct resolver *resolver, struct writer *text)
{
    list_fixed(resolver, text);
    for (size_t i = 0; i < resolver->options.roll_count; i++) {
        list_followed(resolver->options.rolls[i].point, text);
    }
}

void roll_count(const struct resolver *resolver, uint32_t counts[ANCHOR_STATE_COUNT])
{
    const struct resolver_options *options = &resolver->options;
    for (int state = 0; state < ANCHOR_STATE_COUNT; state++) {
        counts[state] = 0;
    }
    for (size_t i = 0; i < options->anchor_count; i++) {
        counts[ANCHOR_VALID] += roll_of(resolver, options->anchors[i].zone) == NULL ? 1 : 0;
    }
    for (size_t i = 0; i < options->roll_count; i++) {
        const struct anchor_point *point = options->rolls[i].point;
        for (size_t j = 0; j < point->key_count; j++) {
            counts[point->keys[j].state]++;
        }
    }
}
