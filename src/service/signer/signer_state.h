#pragma once
/* The inside of the signer: its zones, and which file does what with them. */
#include "service/signer/signer.h"

struct signer_zone {
    struct signer_zone_options options;
    size_t index;
    bool is_signed; /* wanted so, durable */
    struct keystore keys;
    struct zone
        *owner_data;        /* the last good version as its owner wants it; NULL before the first */
    struct zone *published; /* the last version handed out; NULL before the first */
    bool is_published_signed;
    int64_t refresh_at_s;             /* when the earliest signature wants renewal; 0: none */
    char fault[PROBLEM_SENTENCE_MAX]; /* why the last version was held back; empty: it was not */
};

struct signer {
    struct signer_options options;
    struct signer_zone *zones;
    size_t zone_count;
};

struct signer_zone *signer_find(struct signer *signer, struct name name);

/* publish.c: makes, verifies, keeps and hands out the next version from `owner_data` (taken over;
 * NULL: the last good one). False when it was held back; the reason is in zone->fault. */
bool signer_publish(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                    struct moment now, struct outbox *outbox);
/* The state of a zone that is not in its keys. */
enum status signer_save(struct signer *signer, const struct signer_zone *zone) MUST_USE;
/* What was kept: state, keys, the version last handed out, which is handed out again if it is still
 * good. */
enum status signer_restore(struct signer *signer, struct signer_zone *zone, struct moment now,
                           struct problem *problem) MUST_USE;

/* keys.c */
enum status signer_need_keys(struct signer *signer, struct signer_zone *zone, int64_t now_s,
                             struct problem *problem) MUST_USE;
/* Keys whose time to leave has come go; true when any did. `next_s` is the time of the next, or
 * unchanged. */
bool signer_drop_leaving(struct signer *signer, struct signer_zone *zone, int64_t now_s,
                         int64_t *next_s);
enum status signer_retire_key(struct signer *signer, struct signer_zone *zone, struct span tag,
                              int64_t now_s, struct problem *problem) MUST_USE;

/* control.c */
void signer_control(struct signer *signer, const struct event *event, struct outbox *outbox);
