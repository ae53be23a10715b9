/* What the operator may ask of a running server, as a table of lines. */
#include "core/base/text.h"
#include "core/zone/zonefile.h"
#include "service/auth/auth_state.h"

#include <assert.h>

enum {
    TEXT_LEN_MAX = 8192,
    WORD_COUNT_MAX = 4,
};

/* Which words an order has behind the first. */
enum order_words { ORDER_ALONE, ORDER_ZONE, ORDER_ANY, ORDER_ADD, ORDER_WORDS_COUNT };

struct order {
    struct auth *auth;
    uint64_t request;
    bool is_later;          /* its answer comes when a file was read */
    struct auth_zone *zone; /* for those that name one; of ORDER_ANY NULL: all */
    struct name_buffer buffer;
    struct name name;
    struct span pattern;
    struct moment now;
    struct outbox *outbox;
    struct writer text;
    bool is_failure;
};

static const char *const state_names[] = {
    [SECONDARY_WAITING] = "waiting for the next refresh",
    [SECONDARY_QUEUED] = "waiting for its turn to ask the primary",
    [SECONDARY_ASKING_SERIAL] = "asking the primary for its serial",
    [SECONDARY_TRANSFERRING] = "transferring",
};
static_assert(LEN(state_names) == SECONDARY_STATE_COUNT, "a text for each state");

static void say_status(struct order *order)
{
    const struct auth *auth = order->auth;
    size_t served = 0;
    size_t expired = 0;
    size_t streams = 0;
    for (size_t i = 0; i < auth->place_count; i++) {
        const struct auth_zone *zone = auth->places[i];
        served += zone != NULL && auth_zone_version(zone) != NULL;
        expired += zone != NULL && zone->is_expired;
    }
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        streams += auth->streams[i].transfer != NULL;
    }
    writer_print(&order->text, "zones: %zu\nserved: %zu\nexpired: %zu\ntransfers-out-now: %zu\n",
                 auth->zone_count, served, expired, streams);
}

static void say_stats(struct order *order)
{
    struct metrics metrics = metrics_in(&order->outbox->scratch);
    auth_add_metrics(order->auth, &metrics);
    size_t size = metrics_lines_len_max(&metrics);
    uint8_t *bytes = arena_take(&order->outbox->scratch, size);
    order->text = writer_over(bytes, bytes == NULL ? 0 : size);
    metrics_write_lines(&metrics, &order->text);
}

static void say_wait(struct order *order, const char *what, int64_t at_mono_ns)
{
    int64_t wait_s = (at_mono_ns - order->now.mono_ns) / MOMENT_NS_PER_S;
    writer_print(&order->text, "%s: in %lld s\n", what, (long long)(wait_s < 0 ? 0 : wait_s));
}

static void say_zone(struct order *order)
{
    const struct auth_zone *zone = order->zone;
    const struct secondary *secondary = zone->secondary;
    const struct zone *version = auth_zone_newest(zone);
    struct writer *text = &order->text;
    writer_text(text, "zone: ");
    name_write_text(zone->name, text);
    writer_print(text, "\nserved: %s\nstate: %s\n",
                 auth_zone_version(zone) != NULL ? "yes"
                 : zone->is_expired              ? "no, expired"
                                                 : "no, not transferred yet",
                 secondary == NULL ? (auth_zone_is_kept(zone) ? "made here" : "from a file")
                                   : state_names[secondary->state]);
    if (version != NULL) {
        writer_print(text, "serial: %u\nrecords: %zu\nnames: %zu\nversions-kept: %u\n",
                     zone_serial(version), zone_record_count(version), zone_node_count(version),
                     zone->history_count);
    }
    if (secondary == NULL) {
        return;
    }
    char address[ADDRESS_TEXT_MAX];
    struct span note = auth_note_of(order->auth, zone);
    if (note.len > 0) {
        writer_text(text, "primary says: ");
        writer_span(text, note);
        writer_text(text, "\n");
    }
    writer_print(text, "primary: %s\nfailures: %u\n",
                 address_print(zone->terms->primary.address, address), secondary->failures);
    if (secondary->confirmed_wall_s != 0) {
        writer_text(text, "confirmed: ");
        text_write_rfc3339(text, secondary->confirmed_wall_s);
        writer_text(text, "\n");
    }
    if (secondary->state == SECONDARY_WAITING) {
        say_wait(order, "refresh", secondary->next_mono_ns);
    }
    if (version != NULL && !zone->is_expired) {
        say_wait(order, "expires", secondary->expires_mono_ns);
    }
}

static void measure_piece(void *user, struct span text)
{
    size_t *len = user;
    *len += text.len;
}

static void write_piece(void *user, struct span text)
{
    writer_span(user, text);
}

static void dump_zone(struct order *order)
{
    const struct zone *version = auth_zone_version(order->zone);
    if (version == NULL) {
        order->is_failure = true;
        writer_text(&order->text, "the zone is not served now; see zone-status\n");
        return;
    }
    size_t len = 0;
    zonefile_write(version, measure_piece, &len);
    uint8_t *bytes = arena_take(&order->outbox->scratch, len);
    if (bytes == NULL) {
        order->is_failure = true;
        writer_text(&order->text, "the zone is too large for this; transfer it instead\n");
        return;
    }
    order->text = writer_over(bytes, len);
    zonefile_write(version, write_piece, &order->text);
}

static void retransfer_zone(struct order *order)
{
    if (order->zone->secondary == NULL) {
        order->is_failure = true;
        writer_text(&order->text, "the zone comes from a file; send SIGHUP to read it again\n");
        return;
    }
    auth_secondary_wake(order->auth, order->zone, true, order->outbox);
    writer_text(&order->text, "asked the primary for the whole zone\n");
}

static void notify_zone(struct order *order)
{
    auth_notify_start(order->auth, order->zone, order->now, order->outbox);
    writer_print(&order->text, "told %zu servers\n", order->zone->terms->notify_count);
}

static void reload_zones(struct order *order)
{
    if (order->zone != NULL) {
        auth_reload_zone(order->auth, order->zone, order->now, order->outbox);
        writer_text(&order->text, "asked for news\n");
        return;
    }
    size_t len = order->text.len;
    if (auth_reload(order->auth, order->now, order->outbox, &order->text) != OK) {
        order->is_failure = true;
    } else if (order->text.len == len) {
        writer_text(&order->text, "asked for news of all zones\n");
    }
}

static void add_zone(struct order *order)
{
    const struct auth_manager *manager = &order->auth->options.manager;
    if (manager->add == NULL) {
        order->is_failure = true;
        writer_text(&order->text, "this server takes no zones at run time\n");
        return;
    }
    order->is_failure =
        manager->add(manager->user, order->name, order->pattern, order->now, &order->text) != OK;
    struct auth_zone *zone = auth_find_zone_exactly(order->auth, order->name);
    order->is_later =
        !order->is_failure && zone != NULL &&
        (auth_wait_for(order->auth, zone, order->request, order->now, order->outbox) ||
         auth_read_zone_for(order->auth, zone, order->request, order->now, order->outbox));
}

static void remove_zone(struct order *order)
{
    const struct auth_manager *manager = &order->auth->options.manager;
    if (manager->remove == NULL) {
        order->is_failure = true;
        writer_text(&order->text, "this server gives up no zones at run time\n");
        return;
    }
    order->is_failure = manager->remove(manager->user, order->zone->name, order->now, order->outbox,
                                        &order->text) != OK;
}

static const struct order_row {
    const char *word;
    enum order_words words;
    void (*run)(struct order *order);
    const char *help;
} rows[] = {
    {"status", ORDER_ALONE, say_status, "zones served and not served"},
    {"stats", ORDER_ALONE, say_stats, "counters since the start"},
    {"zone-status", ORDER_ZONE, say_zone, "where a zone comes from and how old it is"},
    {"zone-dump", ORDER_ZONE, dump_zone, "a zone as a master file"},
    {"retransfer", ORDER_ZONE, retransfer_zone, "take the whole zone from its primary"},
    {"notify", ORDER_ZONE, notify_zone, "tell the secondaries again"},
    {"reload", ORDER_ANY, reload_zones,
     "read the configuration and zone files again, ask primaries for news"},
    {"add", ORDER_ADD, add_zone,
     "serve a zone from now on, as the pattern of the configuration says"},
    {"remove", ORDER_ZONE, remove_zone, "serve it no longer, if it was added so"},
};

static const struct {
    const char *usage;
    size_t min, max;
} word_rows[] = {
    [ORDER_ALONE] = {"", 1, 1},
    [ORDER_ZONE] = {" NAME", 2, 2},
    [ORDER_ANY] = {" [NAME]", 1, 2},
    [ORDER_ADD] = {" NAME PATTERN", 3, 3},
};
static_assert(LEN(word_rows) == ORDER_WORDS_COUNT, "a row for each");

static void say_help(struct order *order)
{
    order->is_failure = true;
    writer_text(&order->text, "this server understands:\n");
    for (size_t i = 0; i < LEN(rows); i++) {
        writer_print(&order->text, "  %s%s: %s\n", rows[i].word, word_rows[rows[i].words].usage,
                     rows[i].help);
    }
}

static size_t split_words(struct span line, struct span words[WORD_COUNT_MAX])
{
    size_t count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && line.bytes[i] != ' ') {
            continue;
        }
        if (i > start && count < WORD_COUNT_MAX) {
            words[count++] = span_part(line, start, i - start);
        }
        start = i + 1;
    }
    return count;
}

static bool read_name(struct order *order, struct span word)
{
    struct problem problem = {0};
    if (name_parse(word, &NAME_ROOT, &order->buffer, &order->name, &problem) != OK) {
        writer_print(&order->text, "%s\n", problem.sentence);
        return false;
    }
    return true;
}

static bool find_zone(struct order *order, struct span word)
{
    if (!read_name(order, word)) {
        return false;
    }
    order->zone = auth_find_zone_exactly(order->auth, order->name);
    if (order->zone == NULL) {
        writer_text(&order->text, "this server has no zone ");
        name_write_text(order->name, &order->text);
        writer_text(&order->text, "\n");
        return false;
    }
    return true;
}

static bool read_words(struct order *order, enum order_words kind, const struct span *words,
                       size_t count)
{
    switch (kind) {
    case ORDER_ZONE:
        return find_zone(order, words[1]);
    case ORDER_ANY:
        return count < 2 || find_zone(order, words[1]);
    case ORDER_ADD:
        order->pattern = words[2];
        return read_name(order, words[1]);
    case ORDER_ALONE:
    case ORDER_WORDS_COUNT:
        break;
    }
    return true;
}

static void obey(struct order *order, const struct span *words, size_t count)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        if (count == 0 || !span_equal(words[0], span_of_text(rows[i].word)) ||
            count < word_rows[rows[i].words].min || count > word_rows[rows[i].words].max) {
            continue;
        }
        if (!read_words(order, rows[i].words, words, count)) {
            order->is_failure = true;
            return;
        }
        rows[i].run(order);
        return;
    }
    say_help(order);
}

void auth_handle_control(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    struct order order = {
        .auth = auth, .request = event->control.request, .now = event->now, .outbox = outbox};
    uint8_t *bytes = arena_take(&outbox->scratch, TEXT_LEN_MAX);
    order.text = writer_over(bytes, bytes == NULL ? 0 : TEXT_LEN_MAX);
    struct span words[WORD_COUNT_MAX];
    obey(&order, words, split_words(event->control.line, words));
    if (!order.is_later) {
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){order.request, order.is_failure, writer_written(&order.text)};
    }
}
