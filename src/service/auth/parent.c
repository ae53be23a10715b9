/* NOTIFY to the parent (RFC 9859): when a zone's CDS, CDNSKEY or CSYNC have changed, whom the
 * parent wants told is looked up as DSYNC, and told until it answers. All of it is a hint: who
 * misses it finds the change when it looks by itself. */
#include "service/auth/auth_state.h"

#include <stdlib.h>

enum {
    ATTEMPTS_MAX = 6,
    TIMEOUT_FIRST_MS = 1000, /* doubled with each attempt */
    MESSAGE_SIZE = 512,
    READING_MAX = 1 << 20, /* for an answer of the resolver */
};

/* What is told of, in this order. */
static const uint16_t NEWS_TYPES[AUTH_NEWS_COUNT] = {TYPE_CDS, TYPE_CSYNC};

static void log_parent(const struct auth *auth, const struct auth_parent *parent, const char *what)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    log_line(auth->options.log, LOG_NOTICE, "zone %s: the parent is %s of new %s",
             name_print(parent->zone->name, name), what,
             type_print(NEWS_TYPES[parent->news], type));
}

/* ------------------------------------------------------------------ what is asked and told */

static size_t write_message(struct auth_parent *parent, uint8_t *bytes)
{
    struct question question = {parent->name, TYPE_DSYNC, CLASS_IN};
    switch (parent->state) {
    case PARENT_LOOKING:
        break;
    case PARENT_FINDING_IPV4:
        question.type = TYPE_A;
        break;
    case PARENT_FINDING_IPV6:
        question.type = TYPE_AAAA;
        break;
    case PARENT_TELLING: {
        struct message_writer writer;
        question = (struct question){parent->zone->name, NEWS_TYPES[parent->news], CLASS_IN};
        message_begin(&writer, bytes, MESSAGE_SIZE, parent->id, FLAG_AA, OPCODE_NOTIFY,
                      RCODE_NOERROR);
        message_add_question(&writer, question);
        return message_end(&writer).len;
    }
    case PARENT_FREE:
    case PARENT_STATE_COUNT:
        require(!"nothing is under way");
    }
    return message_make_query(bytes, MESSAGE_SIZE, parent->id, FLAG_RD, question, true,
                              MESSAGE_UDP_LEN_DEFAULT)
        .len;
}

/* The resolver is asked by TCP: nothing is cut short, and nobody else can answer. */
static void send(struct auth *auth, struct auth_parent *parent, struct outbox *outbox)
{
    uint8_t *bytes = arena_take(&outbox->scratch, MESSAGE_SIZE);
    bool is_telling = parent->state == PARENT_TELLING;
    parent->id = entropy_u16(auth->options.entropy);
    size_t len = bytes == NULL ? 0 : write_message(parent, bytes);
    if (len == 0) {
        parent->state = PARENT_FREE;
        return;
    }
    parent->ask = auth_ask_id(auth, parent->zone, AUTH_SLOT_PARENT);
    if (is_telling) {
        auth_count(auth, AUTH_COUNT_NOTIFY_OUT);
    }
    outbox_add(outbox, EFFECT_ASK)->ask =
        (struct effect_ask){.ask = parent->ask,
                            .transport = is_telling ? TRANSPORT_UDP : TRANSPORT_TCP,
                            .server = is_telling ? parent->target : auth->options.dsync_resolver,
                            .message = span_of(bytes, len),
                            .timeout_ms = (uint32_t)TIMEOUT_FIRST_MS << parent->attempts};
}

static void forget_ask(struct auth_parent *parent, struct outbox *outbox)
{
    if (parent->ask != 0) {
        outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = parent->ask;
        parent->ask = 0;
    }
}

static void go_to(struct auth *auth, struct auth_parent *parent, enum auth_parent_state state,
                  struct outbox *outbox)
{
    parent->state = state;
    parent->attempts = 0;
    send(auth, parent, outbox);
}

/* ------------------------------------------------------------------ where DSYNC stands (§4.1) */

/* The zone's name with "_dsync" put in above its first `label_count` labels. */
static bool set_lookup(struct auth_parent *parent, uint8_t label_count)
{
    struct name zone = parent->zone->name;
    struct name_buffer buffers[2];
    struct name name;
    struct name rest = name_ancestor(zone, (uint8_t)(zone.label_count - label_count));
    size_t at = 0;
    if (name_make_child(SPAN_LITERAL("_dsync"), rest, &buffers[at], &name) != OK) {
        return false;
    }
    for (uint8_t i = label_count; i > 0; i--) {
        at = 1 - at;
        if (name_make_child(name_label(zone, (uint8_t)(i - 1)), name, &buffers[at], &name) != OK) {
            return false;
        }
    }
    parent->labels_before = label_count;
    name_copy_to(name, &parent->name_octets, &parent->name);
    return true;
}

/* The zone that a negative answer came from. */
static bool find_origin(const struct message *answer, struct name *origin)
{
    const struct message_section *authority = &answer->sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        if (authority->rrsets[i].type == TYPE_SOA) {
            *origin = authority->rrsets[i].owner;
            return true;
        }
    }
    return false;
}

/* Where else DSYNC may stand: right below the parent's apex, which is only known now; then there,
 * for all children together. */
static bool look_elsewhere(struct auth_parent *parent, const struct message *answer)
{
    struct name zone = parent->zone->name;
    struct name origin;
    uint8_t rest_labels = (uint8_t)(zone.label_count - parent->labels_before);
    if (parent->labels_before == 0) {
        return false;
    }
    if (!find_origin(answer, &origin) || !name_is_below(zone, origin)) {
        return false;
    }
    if (origin.label_count < rest_labels) {
        return set_lookup(parent, (uint8_t)(zone.label_count - origin.label_count));
    }
    /* Only "_dsync" and what is above it. */
    struct name bare = name_ancestor(parent->name, (uint8_t)(rest_labels + 1));
    struct name_buffer buffer;
    name_copy_to(bare, &buffer, &bare);
    name_copy_to(bare, &parent->name_octets, &parent->name);
    parent->labels_before = 0;
    return true;
}

/* Whom a record wants told, if it is about these news. */
static bool read_target(struct auth_parent *parent, struct span rdata)
{
    struct reader reader = reader_over(rdata);
    uint16_t type = reader_u16(&reader);
    uint8_t scheme = reader_u8(&reader);
    uint16_t port = reader_u16(&reader);
    struct name target = name_read(&reader);
    if (reader.status != OK || type != NEWS_TYPES[parent->news] || scheme != DSYNC_SCHEME_NOTIFY ||
        port == 0) {
        return false;
    }
    parent->target = (struct address){.port = port};
    name_copy_to(target, &parent->name_octets, &parent->name);
    return true;
}

/* Without records where there is none. */
static const struct rrset *find_answer(const struct message *answer, uint16_t type)
{
    const struct message_section *section = &answer->sections[SECTION_ANSWER];
    for (size_t i = 0; i < section->count; i++) {
        if (section->rrsets[i].type == type) {
            return &section->rrsets[i];
        }
    }
    static const struct rrset none = {.count = 0};
    return &none;
}

static void take_dsync(struct auth *auth, struct auth_parent *parent, const struct message *answer,
                       struct outbox *outbox)
{
    const struct rrset *dsync = find_answer(answer, TYPE_DSYNC);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(dsync); rrset_next(&cursor, &rdata);) {
        if (read_target(parent, rdata)) {
            go_to(auth, parent, PARENT_FINDING_IPV4, outbox);
            return;
        }
    }
    if (dsync->count == 0 && look_elsewhere(parent, answer)) {
        go_to(auth, parent, PARENT_LOOKING, outbox);
    } else {
        auth_parent_next(auth, parent, outbox);
    }
}

static void take_address(struct auth *auth, struct auth_parent *parent,
                         const struct message *answer, struct outbox *outbox)
{
    bool is_ipv4 = parent->state == PARENT_FINDING_IPV4;
    const struct rrset *set = find_answer(answer, is_ipv4 ? TYPE_A : TYPE_AAAA);
    struct span rdata;
    struct rrset_cursor cursor = rrset_first(set);
    if (rrset_next(&cursor, &rdata)) {
        parent->target.family = is_ipv4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
        struct writer octets = writer_over(parent->target.octets, sizeof parent->target.octets);
        writer_span(&octets, rdata);
        go_to(auth, parent, PARENT_TELLING, outbox);
    } else if (is_ipv4) {
        go_to(auth, parent, PARENT_FINDING_IPV6, outbox);
    } else {
        log_parent(auth, parent, "to be told, at a name without address,");
        auth_parent_next(auth, parent, outbox);
    }
}

/* ------------------------------------------------------------------ the course of it */

void auth_parent_next(struct auth *auth, struct auth_parent *parent, struct outbox *outbox)
{
    while (++parent->news < AUTH_NEWS_COUNT) {
        if (parent->is_wanted[parent->news] && set_lookup(parent, 1)) {
            go_to(auth, parent, PARENT_LOOKING, outbox);
            return;
        }
    }
    parent->state = PARENT_FREE;
}

static void take_message(struct auth *auth, struct auth_parent *parent, struct span wire,
                         struct outbox *outbox)
{
    struct arena arena;
    struct message message;
    struct name_buffer buffer;
    if (message_read_query(wire, &buffer, &message) != OK || (message.flags & FLAG_QR) == 0 ||
        message.id != parent->id) {
        return;
    }
    forget_ask(parent, outbox);
    if (parent->state == PARENT_TELLING) {
        log_parent(auth, parent, message.rcode == RCODE_NOERROR ? "told" : "unwilling to hear");
        auth_parent_next(auth, parent, outbox);
        return;
    }
    arena_open(&arena, READING_MAX);
    bool is_good = message_read(wire, &arena, &message) == OK &&
                   (message.rcode == RCODE_NOERROR || message.rcode == RCODE_NXDOMAIN);
    if (!is_good) {
        log_parent(auth, parent, "not found by the resolver, and not told,");
        auth_parent_next(auth, parent, outbox);
    } else if (parent->state == PARENT_LOOKING) {
        take_dsync(auth, parent, &message, outbox);
    } else {
        take_address(auth, parent, &message, outbox);
    }
    arena_close(&arena);
}

/* At once after a silence; who is not there at all gets the same time to come back. */
static void send_again(struct auth *auth, struct auth_parent *parent, const struct event *event,
                       struct outbox *outbox)
{
    if (event->answer.outcome == TIMED_OUT) {
        send(auth, parent, outbox);
        return;
    }
    int64_t wait_ms = (int64_t)TIMEOUT_FIRST_MS << parent->attempts;
    parent->ask = 0;
    outbox_timer(outbox, auth_timer_id(AUTH_TIMER_PARENT, parent->zone->index),
                 event->now.mono_ns + wait_ms * (MOMENT_NS_PER_S / 1000));
}

void auth_parent_timer(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; auth->parents != NULL && i < AUTH_PARENTS_MAX; i++) {
        struct auth_parent *parent = &auth->parents[i];
        if (parent->state != PARENT_FREE && parent->zone == zone && parent->ask == 0) {
            send(auth, parent, outbox);
        }
    }
}

void auth_parent_answer(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    struct auth_parent *parent = NULL;
    for (size_t i = 0; auth->parents != NULL && i < AUTH_PARENTS_MAX && parent == NULL; i++) {
        bool is_it =
            auth->parents[i].state != PARENT_FREE && auth->parents[i].ask == event->answer.ask;
        parent = is_it ? &auth->parents[i] : NULL;
    }
    if (parent == NULL) {
        return;
    }
    if (event->answer.outcome == OK) {
        take_message(auth, parent, event->answer.message, outbox);
    } else if (++parent->attempts < ATTEMPTS_MAX) {
        send_again(auth, parent, event, outbox);
    } else {
        log_parent(auth, parent, "silent, or the resolver is, and not told");
        auth_parent_next(auth, parent, outbox);
    }
}

static bool is_same_set(const struct zone *before, const struct zone *version, uint16_t type)
{
    const struct rrset *a =
        before == NULL ? NULL : zone_find_rrset(before, zone_apex(before), type);
    const struct rrset *b = zone_find_rrset(version, zone_apex(version), type);
    return a == b || (a != NULL && b != NULL && rrset_equal(a, b));
}

/* A place for the zone, its own if it has one. */
static struct auth_parent *take_place(struct auth *auth, struct auth_zone *zone)
{
    struct auth_parent *place = NULL;
    if (auth->parents == NULL) {
        auth->parents = calloc(AUTH_PARENTS_MAX, sizeof *auth->parents);
    }
    for (size_t i = 0; auth->parents != NULL && i < AUTH_PARENTS_MAX; i++) {
        struct auth_parent *parent = &auth->parents[i];
        if (parent->state != PARENT_FREE && parent->zone == zone) {
            return parent;
        }
        place = place == NULL && parent->state == PARENT_FREE ? parent : place;
    }
    return place;
}

/* Of a zone that has but one version it is only known to be new where others would have been kept.
 */
static bool find_news(const struct auth_zone *zone, bool is_wanted[AUTH_NEWS_COUNT])
{
    const struct zone *version = auth_zone_version(zone);
    if (version == NULL || zone->history_count == 0 || zone->name.label_count == 0 ||
        (zone->history_count == 1 && !auth_zone_is_kept(zone))) {
        return false;
    }
    const struct zone *before =
        zone->history_count < 2 ? NULL : zone->history[zone->history_count - 2];
    is_wanted[0] =
        !is_same_set(before, version, TYPE_CDS) || !is_same_set(before, version, TYPE_CDNSKEY);
    is_wanted[1] = !is_same_set(before, version, TYPE_CSYNC);
    return is_wanted[0] || is_wanted[1];
}

void auth_parent_start(struct auth *auth, struct auth_zone *zone, struct outbox *outbox)
{
    bool is_wanted[AUTH_NEWS_COUNT] = {false};
    if (auth->options.dsync_resolver.family == 0 || !find_news(zone, is_wanted)) {
        return;
    }
    struct auth_parent *parent = take_place(auth, zone);
    if (parent == NULL) {
        char name[NAME_TEXT_MAX];
        log_line(auth->options.log, LOG_WARNING,
                 "zone %s: too many parents are being told already; this one is not",
                 name_print(zone->name, name));
        return;
    }
    if (parent->state != PARENT_FREE) {
        forget_ask(parent, outbox);
        for (size_t i = parent->news; i < AUTH_NEWS_COUNT; i++) {
            is_wanted[i] = is_wanted[i] || parent->is_wanted[i];
        }
    }
    *parent = (struct auth_parent){.zone = zone, .news = -1};
    for (size_t i = 0; i < AUTH_NEWS_COUNT; i++) {
        parent->is_wanted[i] = is_wanted[i];
    }
    auth_parent_next(auth, parent, outbox);
}

void auth_parent_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; auth->parents != NULL && i < AUTH_PARENTS_MAX; i++) {
        struct auth_parent *parent = &auth->parents[i];
        if (parent->state != PARENT_FREE && parent->zone == zone) {
            forget_ask(parent, outbox);
            parent->state = PARENT_FREE;
        }
    }
}
