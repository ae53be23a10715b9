#pragma once
/* The inside of the authoritative server: its zones, and which file does what with them. */
#include <stdatomic.h>

#include "core/zone/transfer.h"
#include "core/zone/zone_journal.h"
#include "service/auth/auth.h"

enum {
    AUTH_HISTORY_MAX = ZONE_HISTORY_MAX, /* to answer IXFR from; they share what did not change */
    AUTH_ASKS_MAX = 256,    /* secondaries that ask at once; more wait for their turn */
    AUTH_PARENTS_MAX = 256, /* told of news at once; more are not */
    AUTH_NEWS_COUNT = 2,    /* CDS with CDNSKEY, and CSYNC */
    AUTH_SLOT_PARENT = 1 + AUTH_NOTIFY_MAX + AUTH_FORWARDS_MAX, /* of asks */
    AUTH_OWN_SECRETS = 2, /* the cookie secret of today, and that of yesterday */
    AUTH_DONE_MAX = 4096, /* UPDATEs remembered; more in ten minutes push out the oldest */
    AUTH_STREAM_MESSAGE_LEN = 16384, /* beyond, names cannot be compressed against */
};

/* A secondary zone's dealings with its primary. */
enum secondary_state {
    SECONDARY_WAITING,       /* for its timer or a NOTIFY */
    SECONDARY_QUEUED,        /* for its turn: there are AUTH_ASKS_MAX under way */
    SECONDARY_ASKING_SERIAL, /* for the answer to a SOA query */
    SECONDARY_TRANSFERRING,  /* for messages of a transfer */
    SECONDARY_STATE_COUNT
};

struct secondary {
    enum secondary_state state;
    struct auth_zone *next_queued;
    bool is_notified;   /* news was told of while we were busy: ask again at the end */
    bool is_full_asked; /* the transfer on its way is an AXFR */
    bool is_full_next;  /* IXFR failed with this primary: ask for all */
    bool is_forced;     /* the operator wants all of what the primary has, whatever its serial */
    uint64_t ask;
    uint16_t id; /* of the message sent */
    struct tsig_session session;
    struct transfer_in *transfer;
    uint32_t failures;         /* in a row */
    uint64_t period_octets;    /* of the transfer, in this period */
    int64_t timer_ns;          /* what the timer is set to */
    int64_t next_mono_ns;      /* when the timer goes; in a transfer, when the period ends */
    int64_t expires_mono_ns;   /* the last time the primary vouched for our version + EXPIRE */
    int64_t confirmed_wall_s;  /* that last time */
    int64_t remembered_wall_s; /* the same as it stands on disk */
};

/* One NOTIFY that was not acknowledged yet. */
struct notify_target {
    bool is_pending;
    enum status refusal;         /* why an answer was not believed; OK: there was none */
    struct tsig_session session; /* of the one that was sent last, where there is a key */
    uint32_t attempts;
    uint64_t ask;
    uint16_t id;
};

struct auth_view;
struct auth_reading;
struct auth_reading_errand;

struct auth_zone {
    struct name name;
    const struct auth_zone_options *terms; /* shared, without a name and a version */
    uint32_t index;                        /* its place, for timers and asks */
    uint16_t key_len;
    uint8_t history_count;
    uint8_t history_size;
    bool is_started;
    bool is_expired; /* the primary was silent for EXPIRE: we may not answer (RFC 1035 §4.3.5) */
    struct zone **history;          /* the last is current */
    struct zone *only;              /* where the history is while it has one */
    struct zone_journal *journal;   /* of a transferred zone; NULL: it is not kept */
    struct auth_view *_Atomic view; /* of the version to answer from; NULL: it is done without */
    struct secondary *secondary;    /* NULL: its versions come from elsewhere */
    struct notify_target *notify;   /* as many as the options have; NULL: nobody was told yet */
    struct auth_membership *membership; /* NULL: no catalog has it */
    struct auth_reading *reading;       /* its file is being read; NULL: it is not */
    struct zonefile_seen seen;          /* its file, when what it says was taken */
    struct auth_zone *next_gone;
    uint8_t octets[]; /* of its name_key, then of the name */
};

/* An outgoing transfer, made as its asker takes it. */
struct auth_stream {
    struct transfer_out *transfer; /* NULL: the slot is free */
    uint64_t channel;
    struct address peer;
    struct tsig_session session;
    bool is_signed;
    struct auth_zone *zone;
    uint64_t messages;
    uint64_t octets;
};

/* An UPDATE of a client, on its way to the primary and back. */
enum forward_state {
    FORWARD_FREE,
    FORWARD_ASKED,  /* the primary has it: its answer is awaited */
    FORWARD_TAKING, /* the change is made: the version with it is awaited, then the client answered
                     */
};

struct auth_forward {
    enum forward_state state;
    struct auth_zone *zone;
    uint64_t channel; /* of the client */
    struct address peer;
    uint16_t id;
    struct tsig_session session; /* of the client's request, for a failure of ours */
    uint64_t ask;
    uint8_t answer[MESSAGE_UDP_LEN_DEFAULT];
    size_t answer_len;
};

/* An UPDATE that was made here, known by the MAC of its TSIG: who sends it again, for want of an
 * answer or as an attack, gets the same answer, and nothing is changed a second time. */
struct auth_done {
    uint8_t mac[TSIG_MAC_MAX];
    uint8_t mac_len; /* 0: the place is free */
    uint16_t rcode;
    int64_t until_wall_s; /* then its TSIG is too old to be accepted */
};

/* An UPDATE in the making here, whose answer comes later. */
struct auth_late {
    uint64_t ticket; /* 0: the place is free */
    uint64_t channel;
    uint16_t id;
    const struct auth_zone *zone;
    struct tsig_session session;
};

enum auth_counter {
    AUTH_COUNT_UDP, /* by transport, in its order */
    AUTH_COUNT_TCP,
    AUTH_COUNT_TLS,
    AUTH_COUNT_HTTPS,
    AUTH_COUNT_QUIC,
    AUTH_COUNT_DROPPED,
    AUTH_COUNT_NOERROR,
    AUTH_COUNT_NXDOMAIN,
    AUTH_COUNT_REFUSED,
    AUTH_COUNT_SERVFAIL,
    AUTH_COUNT_FORMERR,
    AUTH_COUNT_OTHER,
    AUTH_COUNT_TRUNCATED,
    AUTH_COUNT_DNSSEC,
    AUTH_COUNT_LIMITED,
    AUTH_COUNT_BADCOOKIE,
    AUTH_COUNT_NOTIFY_IN,
    AUTH_COUNT_NOTIFY_OUT,
    AUTH_COUNT_UPDATE_IN,
    AUTH_COUNT_AXFR_OUT,
    AUTH_COUNT_IXFR_OUT,
    AUTH_COUNT_TRANSFER_IN,
    AUTH_COUNT_TRANSFER_IN_FAILED,
    AUTH_COUNTER_COUNT
};

/* An operator who waits for the first version of a zone. */
struct auth_waiting {
    const struct auth_zone *zone; /* NULL: the place is free */
    uint64_t request;             /* of the control socket */
    int64_t until_ns;
};

/* News of a zone on its way to its parent. */
enum auth_parent_state {
    PARENT_FREE,         /* the place is */
    PARENT_LOOKING,      /* DSYNC was asked for */
    PARENT_FINDING_IPV4, /* the address of whom it names */
    PARENT_FINDING_IPV6, /* the same, as there was none of IPv4 */
    PARENT_TELLING,      /* NOTIFY was sent, and its answer is awaited */
    PARENT_STATE_COUNT
};

struct auth_parent {
    enum auth_parent_state state;
    struct auth_zone *zone;
    bool is_wanted[AUTH_NEWS_COUNT];
    int news; /* which of them is told of now */
    struct name_buffer name_octets;
    struct name name;      /* where DSYNC is looked for, then whose address is */
    uint8_t labels_before; /* of the zone's, in front of "_dsync" */
    struct address target;
    uint32_t attempts;
    uint64_t ask;
    uint16_t id;
};

struct zone_table;
struct shared_terms;
struct auth_members;
struct auth_membership;
struct shown_view;

/* What is done to all zones, some at a time, so that others get their turn in between. */
enum auth_sweep {
    SWEEP_NONE,
    SWEEP_START,  /* those that are new: secondaries ask, the others notify */
    SWEEP_RELOAD, /* the same, and those that are not look for news */
};

struct auth {
    struct auth_options options;
    uint64_t seed;                    /* of the table's hash */
    struct zone_table *_Atomic table; /* zones by name: what other threads read of the set */
    _Atomic uint8_t labels_max;       /* of any zone's name */
    struct auth_zone **places;        /* zones by their index; NULL: it is free */
    size_t place_count, place_size;
    size_t place_free; /* all places before it are taken */
    size_t zone_count;
    struct shared_terms *terms_last; /* NULL: none */
    /* What can be found no longer, but may still be read. */
    struct zone_table *tables_gone;
    struct auth_zone *zones_gone;
    struct shown_view *views_gone;
    struct auth_members *catalogs; /* those that are interpreted */
    bool has_orphans;              /* zones whose catalog went */
    size_t orphans_at;
    bool is_catalog_due; /* members of catalogs that are made here have changed */
    bool is_catalog_timed;
    int64_t catalogs_made_ns;
    bool is_started;
    enum auth_sweep sweep;
    size_t sweep_next;                    /* the place that is next */
    struct auth_reading_errand *readings; /* under way */
    size_t reading_count;
    struct auth_reading_errand *readings_open; /* takes more; NULL: there is none */
    bool is_reload_due;                        /* when there are none left */
    size_t asks_open;                          /* of secondaries */
    struct auth_zone *queue_first, *queue_last;
    uint32_t ask_sequence;
    /* Of cookies: the first makes them, all are accepted. Read by all threads. */
    const uint8_t (*_Atomic secrets)[COOKIE_SECRET_LEN];
    size_t secret_count; /* 0: cookies are not answered */
    /* Where no others are configured: those that are read, and those that come next. */
    uint8_t own_secrets[2][AUTH_OWN_SECRETS][COOKIE_SECRET_LEN];
    struct rate *rate; /* NULL: no limit */
    struct auth_stream streams[AUTH_STREAMS_MAX];
    struct auth_forward forwards[AUTH_FORWARDS_MAX];
    struct auth_parent *parents; /* AUTH_PARENTS_MAX; NULL: none was told yet */
    struct auth_late late[AUTH_LATE_MAX];
    struct auth_note *notes; /* of zones without a version */
    size_t note_count;
    struct auth_waiting waiting[AUTH_WAITING_MAX];
    size_t waiting_count;
    uint64_t ticket_last;
    struct auth_done done[AUTH_DONE_MAX]; /* a ring */
    size_t done_next;
    _Atomic uint64_t counters[AUTH_COUNTER_COUNT];
};

/* The name's name_key, known to all who look the zone up: from any thread, as nothing of the
 * options is, which may change. */
static inline struct span auth_zone_key(const struct auth_zone *zone)
{
    return (struct span){zone->octets, zone->key_len};
}

/* zones.c: the zone with the longest name at or above `name`; NULL when there is none. At most as
 * many steps as the longest zone name has labels. From any thread. */
struct auth_zone *auth_find_zone(const struct auth *auth, struct name name);
struct auth_zone *auth_find_zone_by_key(const struct auth *auth, struct span key);
struct auth_zone *auth_find_zone_exactly(const struct auth *auth, struct name name);
/* Room for `more` zones. */
enum status auth_zones_reserve(struct auth *auth, size_t more) MUST_USE;
/* From now on the zone can be found. NO_MEMORY. */
enum status auth_zones_put(struct auth *auth, struct auth_zone *zone) MUST_USE;
/* From now on it cannot; others may have found it already. */
void auth_zones_take_out(struct auth *auth, struct auth_zone *zone);
void auth_zones_let_go(struct auth *auth); /* of tables that nobody reads any more */
void auth_zones_close(struct auth *auth);
struct auth_zone *auth_zone_at(const struct auth *auth, size_t index); /* NULL: none is there */

/* life.c: the version to answer from; NULL while there is none, or it has expired. */
struct zone *auth_zone_version(const struct auth_zone *zone);
bool auth_zone_is_kept(const struct auth_zone *zone);        /* on disk */
struct zone *auth_zone_newest(const struct auth_zone *zone); /* served or not; NULL: none */
/* Takes over the reference and makes that version the current one. */
void auth_zone_publish(struct auth *auth, struct auth_zone *zone, struct zone *version);
/* The same before it is shown: more follow. */
void auth_zone_remember(struct auth *auth, struct auth_zone *zone, struct zone *version);
/* After a change of the version to answer from: lets all threads find it. */
void auth_zone_show(struct auth *auth, struct auth_zone *zone);
/* A zone of the set, not started; its options are checked and copied. */
enum status auth_zone_make(struct auth *auth, const struct auth_zone_options *options,
                           struct problem *problem) MUST_USE;
/* What is kept of a secondary on disk becomes its history. */
void auth_zone_load(struct auth *auth, struct auth_zone *zone, struct moment now);
void auth_zone_start(struct auth *auth, struct auth_zone *zone, struct moment now,
                     struct outbox *outbox);
/* Waits until no thread reads what can be found no longer, and frees it. At the end of each event.
 */
void auth_let_go(struct auth *auth);
void auth_zone_free(struct auth *auth, struct auth_zone *zone);

/* terms.c: the options without name and version, kept once for zones that follow each other with
 * the same; NULL without memory. */
const struct auth_zone_options *auth_terms_hold(struct auth *auth,
                                                const struct auth_zone_options *options);
void auth_terms_release(struct auth *auth,
                        const struct auth_zone_options *terms);           /* NULL is fine */
struct auth_zone_options auth_zone_options(const struct auth_zone *zone); /* without a version */

/* Timers and asks carry their zone's index, so that nothing need be searched. */
enum auth_timer {
    AUTH_TIMER_SECONDARY,
    AUTH_TIMER_SWEEP,
    AUTH_TIMER_SECRETS,
    AUTH_TIMER_CATALOG,
    AUTH_TIMER_PARENT,
    AUTH_TIMER_WAITING
};
uint64_t auth_timer_id(enum auth_timer kind, size_t index);
enum auth_timer auth_timer_kind(uint64_t timer);
size_t auth_timer_index(uint64_t timer);
/* `slot` 0 is the zone's primary, 1 and on its notify targets, behind them the UPDATEs forwarded.
 */
uint64_t auth_ask_id(struct auth *auth, const struct auth_zone *zone, size_t slot);
struct auth_zone *auth_ask_zone(struct auth *auth, uint64_t ask, size_t *slot);

/* What a client asks for by EDNS options. */
struct auth_asked {
    struct address peer; /* for whom, and when */
    int64_t now_s;
    bool wants_nsid;
    bool has_cookie;
    struct span cookie; /* as sent */
    enum cookie_verdict cookie_verdict;
};

/* query.c: one message from a client, read and checked so far as its kind needs. */
struct auth_request {
    const struct event *event;
    struct message message;
    struct name_buffer name;
    struct tsig_session session; /* when is_signed */
    bool is_signed;
    uint16_t tsig_error; /* the request's TSIG was refused for this; 0 when not */
    int ede;             /* enum ede; EDE_NONE when there is nothing to explain */
    struct span ede_text;
    struct auth_asked asked;
};
void auth_handle_query(struct auth *auth, const struct event *event, struct outbox *outbox);
/* Sends an answer without records. */
void auth_reply_empty(struct auth *auth, struct auth_request *request, uint16_t rcode,
                      uint16_t flags, struct outbox *outbox);
struct answer_plan;
void auth_send_plan(struct auth *auth, struct auth_request *request, const struct answer_plan *plan,
                    struct outbox *outbox);
/* The largest answer by UDP to an asker of that family. */
uint16_t auth_udp_size(const struct auth *auth, struct address peer);
enum auth_counter auth_counter_of(uint16_t rcode); /* of answers with it */
/* May the sender of the request have the zone? */
bool auth_is_granted(const struct auth_zone *zone, const struct auth_request *request);
void auth_count(struct auth *auth, enum auth_counter counter);
void auth_count_rcode(struct auth *auth, uint16_t rcode); /* an answer with it */

/* options.c: the secrets of cookies, from those of the options or our own; and another of our own
 * when a day has passed (`is_due`). */
void auth_secrets_open(struct auth *auth);
void auth_secrets_timer(struct auth *auth, bool is_due, struct moment now, struct outbox *outbox);
void auth_secrets_close(struct auth *auth);
/* What raw options ask for, of whom `asked` says who and when; MALFORMED earns FORMERR. This and
 * the next three from any thread. */
enum status auth_read_options(const struct auth *auth, struct span options,
                              struct auth_asked *asked) MUST_USE;
bool auth_is_cookie_ours(const struct auth_asked *asked); /* so the address is not forged */
/* By UDP: is it BADCOOKIE that the cookie earns (RFC 7873 §5.2.3)? */
bool auth_demands_cookie(const struct auth *auth, const struct auth_asked *asked);
/* What was asked for as raw options; and all the options of an answer. */
void auth_write_asked(const struct auth *auth, const struct auth_asked *asked,
                      struct writer *options);
void auth_write_options(const struct auth *auth, const struct auth_request *request,
                        struct writer *options);
/* about.c: what the server says of itself in class CH. */
void auth_answer_about(struct auth *auth, struct auth_request *request, struct outbox *outbox);

/* reload.c: the zone's source is asked for news, or that of all zones, some at a time. What the
 * configuration comes to is said in `text`, if that is not NULL. */
void auth_reload_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                      struct outbox *outbox);
enum status auth_reload(struct auth *auth, struct moment now, struct outbox *outbox,
                        struct writer *text);
/* At the end of each event: what was read is taken, and the next zones get their turn. */
void auth_sweep(struct auth *auth, struct moment now, struct outbox *outbox);
/* Zones from that place on are to be started. */
void auth_sweep_from(struct auth *auth, size_t place);

/* reading.c: the file of a zone that has one is read if it changed, with others that are asked for
 * until auth_readings_send. */
void auth_read_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                    struct outbox *outbox);
void auth_readings_send(struct auth *auth, struct moment now, struct outbox *outbox);
/* At once, and whether it changed or not. */
void auth_read_zone_again(struct auth *auth, struct auth_zone *zone, struct moment now,
                          struct outbox *outbox);
/* The file of a zone without a version is read, and the control request answered when it was.
 * False: it is not answered. */
bool auth_read_zone_for(struct auth *auth, struct auth_zone *zone, uint64_t request,
                        struct moment now, struct outbox *outbox);
bool auth_has_room_to_read(const struct auth *auth); /* for more than are under way */
/* What was read by now. */
void auth_readings_take(struct auth *auth, struct moment now, struct outbox *outbox);
void auth_reading_drop(struct auth_zone *zone); /* the zone goes; NULL is fine */
void auth_readings_close(struct auth *auth);
/* Gives back the reference, beside the service if that may take long. */
void auth_release_version(const struct auth *auth, struct zone *version);

/* auth.c: the command is told of a version that came from elsewhere. */
void auth_tell_taken(struct auth *auth, const struct zone *version, struct moment now);

/* stream.c: transfers out. */
void auth_serve_transfer(struct auth *auth, struct auth_request *request, struct outbox *outbox);
/* A channel can take more of its transfers, or has ended. */
void auth_stream_room(struct auth *auth, const struct event *event, struct outbox *outbox);
void auth_stream_close(struct auth_stream *stream);
void auth_stream_end(struct auth_stream *stream, struct outbox *outbox); /* early */
/* The zone goes: its transfers end early. */
void auth_stream_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox);

/* secondary.c: transfers in. */
/* It has versions from before a restart, or from another source: how long they may be served. */
void auth_secondary_resume(struct auth *auth, struct auth_zone *zone, struct moment now);
void auth_secondary_start(struct auth *auth, struct auth_zone *zone, struct outbox *outbox);
void auth_secondary_timer(struct auth *auth, struct auth_zone *zone, struct moment now,
                          struct outbox *outbox);
void auth_secondary_answer(struct auth *auth, struct auth_zone *zone, const struct event *event,
                           struct outbox *outbox);
/* Asks the primary soon: it has news, or (`is_full`) the operator wants the whole zone again. */
void auth_secondary_wake(struct auth *auth, struct auth_zone *zone, bool is_full,
                         struct outbox *outbox);
/* Those that wait for their turn get it, as far as there is room. */
void auth_secondary_go_on(struct auth *auth, struct moment now, struct outbox *outbox);
/* Its primary is another, or none: what is under way with it ends. */
void auth_secondary_drop(struct auth *auth, struct auth_zone *zone, struct outbox *outbox);
void auth_secondary_close(struct auth_zone *zone);
/* Why tsig_check did not believe an answer, in words that lead to the cure. */
const char *auth_describe_tsig(enum status status);

/* notify.c: NOTIFY out (RFC 1996). */
void auth_notify_start(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox);
/* Nobody is told any more. */
void auth_notify_drop(struct auth_zone *zone, struct outbox *outbox);
void auth_handle_notify(struct auth *auth, struct auth_request *request, struct outbox *outbox);
void auth_notify_answer(struct auth *auth, struct auth_zone *zone, size_t target,
                        const struct event *event, struct outbox *outbox);

/* parent.c: NOTIFY to the parent, through DSYNC (RFC 9859). The zone has another version: if what
 * it asks of its parent is another too, that is told. */
void auth_parent_start(struct auth *auth, struct auth_zone *zone, struct outbox *outbox);
/* Goes on with the next of the news; at the end the place is free. */
void auth_parent_next(struct auth *auth, struct auth_parent *parent, struct outbox *outbox);
void auth_parent_answer(struct auth *auth, const struct event *event, struct outbox *outbox);
/* The time to ask or tell again. */
void auth_parent_timer(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox);
void auth_parent_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox);

/* update.c */
void auth_handle_update(struct auth *auth, struct auth_request *request, struct outbox *outbox);
void auth_update_answer(struct auth *auth, size_t index, const struct event *event,
                        struct outbox *outbox);
/* What the primary has of the zone is here now, or will not be for a while: clients hear of their
 * changes. */
void auth_update_flush(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox);

/* The zone goes: who waits for an answer about it hears of a failure. */
void auth_update_drop(struct auth *auth, const struct auth_zone *zone, struct moment now,
                      struct outbox *outbox);

/* catalog.c: a zone takes its role in catalogs, leaves it, or gets that of other options. */
enum status auth_catalog_join(struct auth *auth, struct auth_zone *zone) MUST_USE;
void auth_catalog_leave(struct auth *auth, struct auth_zone *zone);
enum status auth_catalog_rejoin(struct auth *auth, struct auth_zone *zone,
                                const struct auth_zone_options *terms) MUST_USE;
/* The zone has another version: if it is a catalog, that is read. */
void auth_catalog_changed(struct auth *auth, const struct auth_zone *zone);
/* At the end of each event: members come and go, some at a time. */
void auth_catalogs_go_on(struct auth *auth, struct moment now, struct outbox *outbox);
/* The catalogs that are made here, where their members have changed. */
void auth_catalogs_make(struct auth *auth, struct moment now, struct outbox *outbox);
/* The same at the start. */
void auth_catalogs_make_first(struct auth *auth, struct moment now, struct outbox *outbox);
void auth_catalogs_close(struct auth *auth);

/* keep.c: transferred zones on disk. The current version is kept, or it is said why not. */
void auth_keep_zone(struct auth *auth, struct auth_zone *zone);
/* The versions that were kept become the zone's history; what of them was lost is said. */
void auth_load_zone(struct auth *auth, struct auth_zone *zone);
/* Nothing of the zone stays on disk. */
void auth_forget_zone(struct auth *auth, struct auth_zone *zone);
/* The primary has vouched for the version again: note when, not more often than needed. */
void auth_keep_confirmation(struct auth *auth, struct auth_zone *zone);

/* explain.c: what is known of why a zone has no version; empty: nothing. */
struct span auth_note_of(struct auth *auth, const struct auth_zone *zone);
/* There is one, or the zone goes. */
void auth_note_drop(struct auth *auth, const struct auth_zone *zone);
void auth_notes_close(struct auth *auth);
/* What the primary said when it had none for us. */
void auth_hear_reason(struct auth *auth, const struct auth_zone *zone,
                      const struct message *message);
/* The request is answered when the zone has a version, or it is known why it gets none: then the
 * zone is taken away again. False: it is to be answered now. */
bool auth_wait_for(struct auth *auth, const struct auth_zone *zone, uint64_t request,
                   struct moment now, struct outbox *outbox);
void auth_waiting_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox);
/* In each event, when all else has happened. */
void auth_waiting_settle(struct auth *auth, struct moment now, struct outbox *outbox);

/* control.c */
void auth_handle_control(struct auth *auth, const struct event *event, struct outbox *outbox);

/* metrics.c: the numbers, for monitoring and for the operator. */
void auth_add_metrics(const struct auth *auth, struct metrics *metrics);
void auth_tell_metrics(const struct auth *auth, struct outbox *outbox);
