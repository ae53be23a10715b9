/* A secondary zone's life (RFC 1034 §4.3.5): when the primary is asked, what is taken from it, and
 * when its silence means that we may no longer answer. */
#include "core/zone/zone_verify.h"
#include "service/auth/auth_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUERY_LEN_MAX = 2048,
    SERIAL_TIMEOUT_MS = 3000,
    TRANSFER_MAX_MS = 2 * 3600 * 1000, /* a whole transfer */
    TRANSFER_PERIOD_S = 120,           /* each such time brings so many octets, or it is cut off */
    TRANSFER_PERIOD_LEN_MIN = 16384,
    FIRST_RETRY_S = 1, /* while we have nothing, doubled up to the most */
    FIRST_RETRY_MAX_S = 60,
    WAIT_MIN_S = 1,
    WAIT_MAX_S = 7 * 24 * 3600,
    JITTER_DIVISOR = 10, /* up to a tenth earlier, so that zones do not go in step */
};

/* The numbers behind SOA's names. */
struct soa_timers {
    uint32_t refresh_s;
    uint32_t retry_s;
    uint32_t expire_s;
};

static const char *zone_text(const struct auth_zone *zone, char text[NAME_TEXT_MAX])
{
    return name_print(zone->name, text);
}

static struct soa_timers read_timers(const struct zone *version)
{
    const struct rrset *soa = version == NULL ? NULL : zone_soa(version);
    struct span rdata = soa == NULL ? SPAN_EMPTY : rrset_only(soa);
    if (rdata.len < 20) {
        return (struct soa_timers){WAIT_MAX_S, WAIT_MAX_S, WAIT_MAX_S};
    }
    struct reader reader = reader_over(span_part(rdata, rdata.len - 16, 16));
    struct soa_timers timers;
    timers.refresh_s = reader_u32(&reader);
    timers.retry_s = reader_u32(&reader);
    timers.expire_s = reader_u32(&reader);
    return timers;
}

static int64_t wait_ns(const struct auth *auth, uint32_t wait_s)
{
    wait_s = wait_s < WAIT_MIN_S ? WAIT_MIN_S : wait_s;
    wait_s = wait_s > WAIT_MAX_S ? WAIT_MAX_S : wait_s;
    uint32_t wait_ms = wait_s * 1000;
    wait_ms -= entropy_below(auth->options.entropy, wait_ms / JITTER_DIVISOR + 1);
    return (int64_t)wait_ms * MOMENT_NS_PER_MS;
}

/* One timer does for all: the next question, the period of a transfer, and the end of our right to
 * answer. */
static void set_timer(const struct auth_zone *zone, struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    bool has_next =
        secondary->state == SECONDARY_WAITING || secondary->state == SECONDARY_TRANSFERRING;
    int64_t at_ns = has_next ? secondary->next_mono_ns : TIMER_NEVER_NS;
    bool can_expire = auth_zone_newest(zone) != NULL && !zone->is_expired;
    if (can_expire && secondary->expires_mono_ns < at_ns) {
        at_ns = secondary->expires_mono_ns;
    }
    if (at_ns != secondary->timer_ns) {
        outbox_timer(outbox, auth_timer_id(AUTH_TIMER_SECONDARY, zone->index), at_ns);
        secondary->timer_ns = at_ns;
    }
}

/* Who is asking something, or between two questions, has a turn; nobody else. */
static bool has_turn(const struct secondary *secondary)
{
    return secondary->state == SECONDARY_ASKING_SERIAL ||
           secondary->state == SECONDARY_TRANSFERRING;
}

static void set_state(struct auth *auth, struct secondary *secondary, enum secondary_state state)
{
    auth->asks_open -= has_turn(secondary);
    secondary->state = state;
    auth->asks_open += has_turn(secondary);
}

static void drop_ask(struct auth_zone *zone, struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    if (secondary->ask != 0 && outbox != NULL) {
        outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = secondary->ask;
    }
    secondary->ask = 0;
    transfer_in_close(secondary->transfer);
    secondary->transfer = NULL;
    tsig_end(&secondary->session);
}

void auth_secondary_close(struct auth_zone *zone)
{
    if (zone->secondary != NULL) {
        drop_ask(zone, NULL);
        free(zone->secondary);
        zone->secondary = NULL;
    }
}

static void queue_add(struct auth *auth, struct auth_zone *zone)
{
    set_state(auth, zone->secondary, SECONDARY_QUEUED);
    zone->secondary->next_queued = NULL;
    if (auth->queue_last == NULL) {
        auth->queue_first = zone;
    } else {
        auth->queue_last->secondary->next_queued = zone;
    }
    auth->queue_last = zone;
}

static void queue_remove(struct auth *auth, struct auth_zone *zone)
{
    struct auth_zone *before = NULL;
    struct auth_zone *at = auth->queue_first;
    while (at != zone) {
        before = at;
        at = at->secondary->next_queued;
    }
    struct auth_zone *next = zone->secondary->next_queued;
    if (before == NULL) {
        auth->queue_first = next;
    } else {
        before->secondary->next_queued = next;
    }
    auth->queue_last = auth->queue_last == zone ? before : auth->queue_last;
}

void auth_secondary_drop(struct auth *auth, struct auth_zone *zone, struct outbox *outbox)
{
    if (zone->secondary->state == SECONDARY_QUEUED) {
        queue_remove(auth, zone);
    }
    drop_ask(zone, outbox);
    set_state(auth, zone->secondary, SECONDARY_WAITING);
    zone->secondary->is_notified = false;
    zone->secondary->next_mono_ns = TIMER_NEVER_NS;
    if (zone->secondary->timer_ns != TIMER_NEVER_NS) {
        outbox_timer(outbox, auth_timer_id(AUTH_TIMER_SECONDARY, zone->index), TIMER_NEVER_NS);
        zone->secondary->timer_ns = TIMER_NEVER_NS;
    }
}

/* Back to waiting; news that came meanwhile is followed at once. */
static void wait_until(struct auth *auth, struct auth_zone *zone, int64_t at_mono_ns,
                       struct moment now, struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    drop_ask(zone, outbox);
    set_state(auth, secondary, SECONDARY_WAITING);
    secondary->next_mono_ns = secondary->is_notified ? now.mono_ns : at_mono_ns;
    secondary->is_notified = false;
    set_timer(zone, outbox);
}

static void fail(struct auth *auth, struct auth_zone *zone, struct moment now,
                 struct outbox *outbox, const char *why)
{
    struct secondary *secondary = zone->secondary;
    uint32_t doublings = secondary->failures < 6 ? secondary->failures : 6;
    uint32_t retry_s = (uint32_t)FIRST_RETRY_S << doublings;
    retry_s = retry_s > FIRST_RETRY_MAX_S ? FIRST_RETRY_MAX_S : retry_s;
    if (auth_zone_newest(zone) != NULL) {
        retry_s = read_timers(auth_zone_newest(zone)).retry_s;
    }
    secondary->failures++;
    auth_count(auth, AUTH_COUNT_TRANSFER_IN_FAILED);
    char name[NAME_TEXT_MAX];
    char address[ADDRESS_TEXT_MAX];
    log_line(auth->options.log, LOG_WARNING, "zone %s: primary %s: %s; next try in %u s",
             zone_text(zone, name), address_print(zone->terms->primary.address, address), why,
             retry_s);
    wait_until(auth, zone, now.mono_ns + wait_ns(auth, retry_s), now, outbox);
    auth_update_flush(auth, zone, outbox);
}

/* The primary has vouched for our version. */
static void confirm(struct auth *auth, struct auth_zone *zone, struct moment now,
                    struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    struct soa_timers timers = read_timers(auth_zone_newest(zone));
    secondary->failures = 0;
    secondary->is_full_next = false;
    secondary->confirmed_wall_s = moment_wall_s(now);
    secondary->expires_mono_ns = now.mono_ns + (int64_t)timers.expire_s * MOMENT_NS_PER_S;
    if (zone->is_expired) {
        zone->is_expired = false;
        auth_zone_show(auth, zone);
    }
    auth_keep_confirmation(auth, zone);
    bool has_all = !secondary->is_notified;
    wait_until(auth, zone, now.mono_ns + wait_ns(auth, timers.refresh_s), now, outbox);
    if (has_all) {
        auth_update_flush(auth, zone, outbox);
    }
}

/* Signs where a key is shared, and sends. */
static void send_ask(struct auth *auth, struct auth_zone *zone, enum transport transport,
                     struct span message, struct moment now, struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    const struct auth_peer *primary = &zone->terms->primary;
    uint8_t *bytes = arena_take(&outbox->scratch, QUERY_LEN_MAX);
    size_t len = message.len;
    enum status status = bytes == NULL || len == 0 ? NO_MEMORY : OK;
    if (status == OK) {
        memcpy(bytes, message.bytes, len);
    }
    if (status == OK && primary->key != NULL) {
        tsig_begin(&secondary->session, primary->key);
        status = tsig_sign(&secondary->session, bytes, QUERY_LEN_MAX, &len, moment_wall_s(now), 0);
    }
    if (status != OK) {
        fail(auth, zone, now, outbox, status_text(status));
        return;
    }
    secondary->ask = auth_ask_id(auth, zone, 0);
    outbox_add(outbox, EFFECT_ASK)->ask = (struct effect_ask){
        .ask = secondary->ask,
        .transport = transport,
        .server = primary->address,
        .message = span_of(bytes, len),
        .tls_peer = primary->tls_peer,
        .timeout_ms = transport == TRANSPORT_UDP ? SERIAL_TIMEOUT_MS : TRANSFER_MAX_MS};
    set_timer(zone, outbox);
}

static void ask_serial(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct secondary *secondary = zone->secondary;
    struct question question = {zone->name, TYPE_SOA, CLASS_IN};
    set_state(auth, secondary, SECONDARY_ASKING_SERIAL);
    secondary->id = entropy_u16(auth->options.entropy);
    struct span message = message_make_query(bytes, sizeof bytes, secondary->id, 0, question, false,
                                             zone->terms->asks_why ? MESSAGE_UDP_LEN_DEFAULT : 0);
    send_ask(auth, zone, TRANSPORT_UDP, message, now, outbox);
}

static void begin_period(struct secondary *secondary, struct moment now)
{
    secondary->period_octets = 0;
    secondary->next_mono_ns = now.mono_ns + (int64_t)TRANSFER_PERIOD_S * MOMENT_NS_PER_S;
}

static bool is_full_wanted(const struct auth_zone *zone)
{
    return auth_zone_newest(zone) == NULL || zone->secondary->is_full_next ||
           zone->secondary->is_forced;
}

static void ask_transfer(struct auth *auth, struct auth_zone *zone, struct moment now,
                         struct outbox *outbox)
{
    uint8_t bytes[QUERY_LEN_MAX];
    struct secondary *secondary = zone->secondary;
    const struct zone *held = is_full_wanted(zone) ? NULL : auth_zone_newest(zone);
    drop_ask(zone, outbox);
    begin_period(secondary, now);
    set_state(auth, secondary, SECONDARY_TRANSFERRING);
    secondary->is_full_asked = held == NULL;
    secondary->id = entropy_u16(auth->options.entropy);
    struct message_writer writer;
    struct question question = {zone->name, held == NULL ? TYPE_AXFR : TYPE_IXFR, CLASS_IN};
    message_begin(&writer, bytes, sizeof bytes, secondary->id, 0, OPCODE_QUERY, RCODE_NOERROR);
    message_add_question(&writer, question);
    enum status status = OK;
    if (held != NULL) {
        status = message_add_rrset(&writer, SECTION_AUTHORITY, zone_soa(held));
    }
    if (zone->terms->asks_why) {
        const struct edns edns = {.udp_size = MESSAGE_UDP_LEN_DEFAULT};
        message_add_edns(&writer, &edns, RCODE_NOERROR);
    }
    if (status == OK) {
        status = transfer_in_open(zone->name, held, &secondary->transfer);
    }
    if (status != OK) {
        fail(auth, zone, now, outbox, status_text(status));
        return;
    }
    enum transport transport = zone->terms->primary.is_tls ? TRANSPORT_TLS : TRANSPORT_TCP;
    send_ask(auth, zone, transport, message_end(&writer), now, outbox);
}

/* Over TLS the answer to IXFR tells the serial too, and a second connection would cost more. */
static void ask(struct auth *auth, struct auth_zone *zone, struct moment now, struct outbox *outbox)
{
    if (is_full_wanted(zone) || zone->terms->primary.is_tls) {
        ask_transfer(auth, zone, now, outbox);
    } else {
        ask_serial(auth, zone, now, outbox);
    }
}

void auth_secondary_go_on(struct auth *auth, struct moment now, struct outbox *outbox)
{
    for (int i = 0; i < AUTH_ASKS_MAX && auth->asks_open < AUTH_ASKS_MAX; i++) {
        struct auth_zone *zone = auth->queue_first;
        if (zone == NULL) {
            return;
        }
        queue_remove(auth, zone);
        ask(auth, zone, now, outbox);
    }
}

/* At the end of the event, if there is room. */
static void begin(struct auth *auth, struct auth_zone *zone, struct outbox *outbox)
{
    queue_add(auth, zone);
    set_timer(zone, outbox);
}

void auth_secondary_resume(struct auth *auth, struct auth_zone *zone, struct moment now)
{
    struct secondary *secondary = zone->secondary;
    if (auth_zone_newest(zone) != NULL) {
        int64_t silent_s = moment_wall_s(now) - secondary->confirmed_wall_s;
        int64_t expire_s = read_timers(auth_zone_newest(zone)).expire_s;
        zone->is_expired = silent_s > expire_s;
        auth_zone_show(auth, zone);
        secondary->expires_mono_ns = now.mono_ns + (expire_s - silent_s) * MOMENT_NS_PER_S;
    }
}

void auth_secondary_start(struct auth *auth, struct auth_zone *zone, struct outbox *outbox)
{
    if (zone->secondary->state == SECONDARY_WAITING) {
        begin(auth, zone, outbox);
    }
}

static void end_period(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    if (zone->secondary->period_octets >= TRANSFER_PERIOD_LEN_MIN) {
        begin_period(zone->secondary, now);
        set_timer(zone, outbox);
        return;
    }
    char why[100];
    snprintf(why, sizeof why, "the transfer brought %llu octets in %d s, less than %d",
             (unsigned long long)zone->secondary->period_octets, TRANSFER_PERIOD_S,
             TRANSFER_PERIOD_LEN_MIN);
    fail(auth, zone, now, outbox, why);
}

void auth_secondary_timer(struct auth *auth, struct auth_zone *zone, struct moment now,
                          struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    secondary->timer_ns = TIMER_NEVER_NS; /* it is over */
    bool is_due = now.mono_ns >= secondary->next_mono_ns;
    if (auth_zone_newest(zone) != NULL && !zone->is_expired &&
        now.mono_ns >= secondary->expires_mono_ns) {
        char name[NAME_TEXT_MAX];
        zone->is_expired = true;
        auth_zone_show(auth, zone);
        log_line(auth->options.log, LOG_ERROR,
                 "zone %s: expired: the primary has not vouched for it long enough; not served",
                 zone_text(zone, name));
    }
    if (secondary->state == SECONDARY_WAITING && is_due) {
        begin(auth, zone, outbox);
    } else if (secondary->state == SECONDARY_TRANSFERRING && is_due) {
        end_period(auth, zone, now, outbox);
    } else {
        set_timer(zone, outbox);
    }
}

void auth_secondary_wake(struct auth *auth, struct auth_zone *zone, bool is_full,
                         struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    secondary->is_forced |= is_full;
    if (secondary->state == SECONDARY_WAITING) {
        begin(auth, zone, outbox);
    } else if (secondary->state != SECONDARY_QUEUED) {
        secondary->is_notified = true;
    }
}

/* Is it an answer to what we sent, and, where a key is shared, signed as it must be? Anything else
 * on a datagram socket may be a forger's and is passed over. */
static enum status check_answer(struct auth_zone *zone, struct span wire, struct moment now,
                                struct message *message, struct name_buffer *buffer)
{
    struct secondary *secondary = zone->secondary;
    enum status status = message_read_query(wire, buffer, message);
    if (status != OK) {
        return status;
    }
    if ((message->flags & FLAG_QR) == 0 || message->id != secondary->id ||
        message->opcode != OPCODE_QUERY) {
        return MISMATCH;
    }
    if (zone->terms->primary.key == NULL) {
        return OK;
    }
    uint16_t error;
    return tsig_check(&secondary->session, wire, message->tsig_at, moment_wall_s(now), &error);
}

const char *auth_describe_tsig(enum status status)
{
    switch (status) {
    case NOT_FOUND:
        return "knows no such TSIG key, or not with that algorithm";
    case EXPIRED:
        return "its clock and ours differ too much for TSIG";
    case LIMIT_REACHED:
        return "leaves too many messages of the transfer unsigned";
    default: /* also what a forger would cause */
        return "an answer is not signed with the secret that we have";
    }
}

static const char *describe_refusal(const struct auth_zone *zone, enum status status)
{
    return zone->terms->primary.key == NULL ? "an answer is malformed" : auth_describe_tsig(status);
}

/* The primary's serial is not newer than ours. Only the same vouches for our version: a lower one
 * is a primary that was set back, or that has not heard yet. */
static void confirm_serial(struct auth *auth, struct auth_zone *zone, uint32_t serial,
                           struct moment now, struct outbox *outbox)
{
    uint32_t ours = zone_serial(auth_zone_newest(zone));
    if (serial == ours) {
        confirm(auth, zone, now, outbox);
        return;
    }
    char why[100];
    snprintf(why, sizeof why, "its serial %u is not newer than our %u; `retransfer` would take it",
             serial, ours);
    fail(auth, zone, now, outbox, why);
}

static void take_serial(struct auth *auth, struct auth_zone *zone, const struct event *event,
                        struct outbox *outbox)
{
    struct message message;
    if (message_read(event->answer.message, &outbox->scratch, &message) != OK ||
        message.question_count != 1 || message.question.type != TYPE_SOA ||
        !name_equal(message.question.name, zone->name)) {
        return;
    }
    /* A primary may refuse all but transfers, as Knot does of catalogs. */
    if ((message.flags & FLAG_TC) != 0 || message.rcode == RCODE_REFUSED) {
        ask_transfer(auth, zone, event->now, outbox);
        return;
    }
    const struct message_section *answer = &message.sections[SECTION_ANSWER];
    const struct rrset *soa = answer->count == 1 ? &answer->rrsets[0] : NULL;
    if (message.rcode != RCODE_NOERROR || (message.flags & FLAG_AA) == 0 || soa == NULL ||
        soa->type != TYPE_SOA || soa->count != 1 || !name_equal(soa->owner, zone->name)) {
        fail(auth, zone, event->now, outbox,
             message.rcode == RCODE_NOERROR ? "is not authoritative for the zone"
                                            : rcode_text(message.rcode));
        return;
    }
    struct span rdata = rrset_only(soa);
    struct reader reader = reader_over(span_part(rdata, rdata.len - 20, 20));
    uint32_t serial = reader_u32(&reader);
    if (serial_is_newer(serial, zone_serial(auth_zone_newest(zone)))) {
        ask_transfer(auth, zone, event->now, outbox);
    } else {
        confirm_serial(auth, zone, serial, event->now, outbox);
    }
}

/* Why the version is not taken, where it must speak for itself (RFC 8976 §4); NULL when it may be.
 */
static const char *zonemd_fault(const struct auth_zone *zone, const struct zone *version)
{
    enum zonemd_verdict verdict = ZONEMD_GOOD;
    if (zone->terms->verifies_zonemd && zone_check_zonemd(version, &verdict) != OK) {
        return "no memory to check its ZONEMD";
    }
    switch (verdict) {
    case ZONEMD_GOOD:
        break;
    case ZONEMD_ABSENT:
        return "the version has no ZONEMD; it was not taken";
    case ZONEMD_WRONG:
        return "the version is another than its ZONEMD says; it was not taken";
    case ZONEMD_UNUSABLE:
        return "the version has no ZONEMD that can be checked; it was not taken";
    }
    return NULL;
}

static void take_version(struct auth *auth, struct auth_zone *zone, struct moment now,
                         struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    char name[NAME_TEXT_MAX];
    if (zone->terms->primary.key != NULL && secondary->session.unsigned_count != 0) {
        fail(auth, zone, now, outbox, "the transfer's last message was not signed");
        return;
    }
    struct zone *version = transfer_in_finish(secondary->transfer);
    const struct zone *held = auth_zone_newest(zone);
    if (version == NULL || zone_soa(version) == NULL) {
        zone_release(version);
        fail(auth, zone, now, outbox, "the transfer makes no zone");
        return;
    }
    uint32_t serial = zone_serial(version);
    bool is_lower = held != NULL && serial_is_newer(zone_serial(held), serial);
    if (is_lower && !secondary->is_forced) {
        zone_release(version);
        fail(auth, zone, now, outbox, "offers a lower serial than ours; it was not taken");
        return;
    }
    const char *fault = zonemd_fault(zone, version);
    if (fault != NULL) {
        zone_release(version);
        secondary->is_full_next = true; /* ours may be what is wrong, under a difference */
        fail(auth, zone, now, outbox, fault);
        return;
    }
    secondary->is_forced &= !secondary->is_full_asked;
    auth_zone_publish(auth, zone, version);
    auth_count(auth, AUTH_COUNT_TRANSFER_IN);
    log_line(auth->options.log, LOG_NOTICE, "zone %s: serial %u taken by %s, %zu records",
             zone_text(zone, name), serial, secondary->is_full_asked ? "AXFR" : "IXFR",
             zone_record_count(version));
    auth_keep_zone(auth, zone);
    confirm(auth, zone, now, outbox);
    auth_notify_start(auth, zone, now, outbox);
    auth_tell_taken(auth, version, now);
}

/* IXFR did not work with this primary: the whole zone may. */
static void fall_back(struct auth *auth, struct auth_zone *zone, struct moment now,
                      struct outbox *outbox, const char *why)
{
    struct secondary *secondary = zone->secondary;
    if (secondary->is_full_asked) {
        fail(auth, zone, now, outbox, why);
        return;
    }
    char name[NAME_TEXT_MAX];
    log_line(auth->options.log, LOG_NOTICE, "zone %s: IXFR failed (%s); asking for all of it",
             zone_text(zone, name), why);
    secondary->is_full_next = true;
    ask_transfer(auth, zone, now, outbox);
}

static void take_transfer_message(struct auth *auth, struct auth_zone *zone,
                                  const struct event *event, const struct message *message,
                                  struct outbox *outbox)
{
    if (message->rcode != RCODE_NOERROR) {
        auth_hear_reason(auth, zone, message);
        struct span note = auth_note_of(auth, zone);
        char why[AUTH_NOTE_LEN_MAX + 32];
        snprintf(why, sizeof why, "%s%s%.*s", rcode_text(message->rcode), note.len > 0 ? ": " : "",
                 (int)note.len, (const char *)note.bytes);
        fall_back(auth, zone, event->now, outbox, why);
        return;
    }
    struct problem problem = {0};
    zone->secondary->period_octets += event->answer.message.len;
    switch (transfer_in_add(zone->secondary->transfer, event->answer.message, &problem)) {
    case TRANSFER_MORE:
        break;
    case TRANSFER_DONE:
        take_version(auth, zone, event->now, outbox);
        break;
    case TRANSFER_UP_TO_DATE:
        confirm_serial(auth, zone, transfer_in_serial(zone->secondary->transfer), event->now,
                       outbox);
        break;
    case TRANSFER_FAILED:
        fall_back(auth, zone, event->now, outbox, problem.sentence);
        break;
    }
}

void auth_secondary_answer(struct auth *auth, struct auth_zone *zone, const struct event *event,
                           struct outbox *outbox)
{
    struct secondary *secondary = zone->secondary;
    bool is_transfer = secondary->state == SECONDARY_TRANSFERRING;
    if (secondary->ask == 0 || secondary->ask != event->answer.ask) {
        return;
    }
    if (event->answer.outcome != OK) {
        secondary->ask = 0; /* the world has ended it */
        if (!is_transfer && event->answer.outcome == TIMED_OUT) {
            ask_transfer(auth, zone, event->now,
                         outbox); /* perhaps only UDP does not get through */
        } else if (is_transfer && event->answer.outcome == CLOSED) {
            fall_back(auth, zone, event->now, outbox, status_text(CLOSED));
        } else {
            fail(auth, zone, event->now, outbox, status_text(event->answer.outcome));
        }
        return;
    }
    struct message message;
    struct name_buffer buffer;
    enum status status = check_answer(zone, event->answer.message, event->now, &message, &buffer);
    if (status != OK && is_transfer) {
        fail(auth, zone, event->now, outbox, describe_refusal(zone, status));
    } else if (status == OK && is_transfer) {
        take_transfer_message(auth, zone, event, &message, outbox);
    } else if (status == OK) {
        take_serial(auth, zone, event, outbox);
    }
}
