#pragma once
/* The inside of the signer: its zones, and which file does what with them. */
#include "core/base/table.h"
#include "core/zone/zone_journal.h"
#include "core/zone/zone_verify.h"
#include "service/signer/signer.h"

/* An UPDATE that waits for others. */
struct signer_gathered {
    uint64_t ticket;
    struct name_buffer key_octets;
    struct name key;
    struct span message;
    uint16_t rcode;
};

enum signer_timer { SIGNER_TIMER_RENEW, SIGNER_TIMER_GATHERED, SIGNER_TIMER_COUNT };

struct signer_zone {
    struct signer_zone_options options; /* with a name of its own */
    size_t index;                       /* its place, as long as it is there */
    bool is_signed;                     /* wanted so, durable */
    struct keystore keys;
    /* What was signed last: the owner's data with what is shown for other zones; NULL: not known */
    struct zone *signed_data;
    struct zone
        *owner_data; /* the last good version as its owner wants it; NULL before the first */
    /* The last version handed out; NULL before the first. One that was kept but is not good any
     * more stands here without its signatures, for its serial. */
    struct zone *published;
    bool is_published_signed;
    struct zone_verify_report report;      /* of the judge about it, when it is signed here */
    struct zone_verify_report report_next; /* about the one in the making */
    struct zone_journal *journal; /* of what was handed out; NULL: it could not be opened */
    bool is_restored; /* all that is kept of it was read; before, nothing may be written over it */
    struct zone_history history; /* as it was kept, until the first is handed out */
    bool has_file_serial;
    uint32_t file_serial; /* of the file as it was taken last, durable; kept where UPDATE may have
                             changed the data since */
    int64_t refresh_at_s; /* when the earliest signature wants renewal; 0: none */
    char fault[PROBLEM_SENTENCE_MAX]; /* why the last version was held back; empty: it was not */
    int64_t warned_left_s; /* how near the time to bogus was when it was warned of; 0: it was not */
    uint64_t signatures_made, versions_made, versions_held_back; /* since the start */
    bool is_fault_of_data; /* and stays so until other data come */
    struct arena gathered_arena;
    struct signer_gathered *gathered; /* UPDATEs in the order they came; NULL: none */
    size_t gathered_count;
    /* As the host of signals (signal.h): */
    size_t *children; /* indexes of the zones that are shown here, in order */
    size_t child_count, child_size;
    bool is_signal_due;    /* one of them changed: the zone wants to be signed again */
    bool are_signals_made; /* `signed_data` has those of all children but the ones below */
    uint8_t *stale;        /* names, one behind the other, at which signals are to be made anew */
    size_t stale_len, stale_size;
    struct zone *waiting; /* data that were good but could not be published: tried again */
    uint8_t octets[];     /* of its name */
};

struct signer {
    struct signer_options options;
    struct signer_zone **zones; /* in canonical order of their names */
    size_t zone_count, zone_size;
    struct signer_zone **places; /* by their index; NULL: it is free */
    size_t place_count;
    size_t place_free;           /* all places before it are taken */
    size_t gathering_count;      /* zones that have UPDATEs waiting */
    struct table signal_parents; /* hashes of the names above the signals that there could be */
    const struct parallel *parallel;
    bool is_started;
};

/* zones.c */
struct signer_zone *signer_find(struct signer *signer, struct name name);
uint64_t signer_timer_id(const struct signer_zone *zone, enum signer_timer kind);
/* NULL when the zone is gone. */
struct signer_zone *signer_timer_zone(const struct signer *signer, uint64_t timer,
                                      enum signer_timer *kind);

/* signer.c: what is kept of the zone is read again; false: it could not be, which will be tried
 * again. */
bool signer_bring_back(struct signer *signer, struct signer_zone *zone, struct moment now,
                       struct outbox *outbox);
/* Then its file is read; what nobody gives data for has its signatures renewed all the same. */
void signer_begin(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox);
/* For those that others asked to be signed again while they had no timers yet. */
void signer_set_due_timers(struct signer *signer, struct moment now, struct outbox *outbox);

/* Reads the zone's file, which it has, and takes it. MALFORMED: the file has faults; REFUSED: held
 * back; the log says why. */
enum status signer_load(struct signer *signer, struct signer_zone *zone, struct moment now,
                        struct outbox *outbox) MUST_USE;

/* publish.c: makes, verifies, keeps and hands out the next version from `owner_data` (taken over;
 * NULL: the last good one). False when it was held back; the reason is in zone->fault. */
bool signer_publish(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                    struct moment now, struct outbox *outbox);
/* The same for data that are not told to be refused: where they were held back they are tried again
 * by and by, until others come. */
bool signer_offer(struct signer *signer, struct signer_zone *zone, struct zone *owner_data,
                  struct moment now, struct outbox *outbox);
/* Data that are not even tried: they stay away until others come, and the status says why. */
void signer_refuse(struct signer *signer, struct signer_zone *zone, const struct problem *problem,
                   struct moment now, struct outbox *outbox);
/* For the renewal of its signatures, or another try when the last version was held back. */
void signer_set_timer(struct signer *signer, struct signer_zone *zone, struct moment now,
                      struct outbox *outbox);
/* Notes and says why. */
void signer_hold_back(struct signer *signer, struct signer_zone *zone,
                      const struct problem *problem, struct moment now);
/* The judge: against our own keys as anchors; what differs from the version handed out last, or
 * everything. Its report is in `report_next`. */
enum status signer_judge(const struct signer *signer, struct signer_zone *zone,
                         const struct zone *version, int64_t now_s,
                         struct problem *problem) MUST_USE;
/* Takes over the reference. What was kept from before a restart is remembered first. Without an
 * outbox no timer is set for zones that become `is_signal_due` by it. */
void signer_hand_out(struct signer *signer, struct signer_zone *zone, struct zone *next,
                     struct moment now, struct outbox *outbox);

/* update.c: makes the UPDATEs that were gathered. Right before anything else changes the zone, as
 * they came before it. */
void signer_make_gathered(struct signer *signer, struct signer_zone *zone, struct moment now,
                          struct outbox *outbox);

/* metrics.c: the numbers, for monitoring and for the operator. */
void signer_add_metrics(const struct signer *signer, int64_t now_s, struct metrics *metrics);

/* status.c: lines "key: value"; the zone as text, in `arena`. */
void signer_write_status(struct signer *signer, const struct signer_zone *zone, int64_t now_s,
                         struct writer *text);
enum status signer_dump(const struct signer_zone *zone, struct arena *arena, struct span *text,
                        struct problem *problem) MUST_USE;
/* The time to bogus: when the first resolver could fail if nothing more happened, as the earliest
 * signature ends; INT64_MAX when nothing of it is signed. O(1). */
int64_t signer_bogus_at_s(const struct signer_zone *zone);
/* One line in the log when a quarter of a signature's life is left to that time, and again at each
 * half of what was left: well before, and more often as it comes near. */
void signer_warn(const struct signer *signer, struct signer_zone *zone, int64_t now_s);

/* keep.c: the state of a zone that is not in its keys. Whether it is signed: as it was kept, or as
 * its options say. */
enum status signer_read_state(struct signer *signer, struct signer_zone *zone) MUST_USE;
enum status signer_save(struct signer *signer, const struct signer_zone *zone) MUST_USE;
/* What was kept: state, keys, versions; the last is handed out again if it is still good, even
 * where the keys cannot be read. After a failure it may be tried again. */
enum status signer_restore(struct signer *signer, struct signer_zone *zone, struct moment now,
                           struct problem *problem) MUST_USE;
/* Where nobody has given the owner's data since the start, they are taken from the version kept.
 * NOT_FOUND when there is none. */
enum status signer_need_owner_data(struct signer *signer, struct signer_zone *zone) MUST_USE;

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
