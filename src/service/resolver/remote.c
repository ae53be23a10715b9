/* The words of the control socket, each with what it prints: a table. */
#include "service/resolver/remote.h"

#include <inttypes.h>

#include "core/base/text.h"
#include "core/dnssec/verdict.h"
#include "service/resolver/nta.h"
#include "service/resolver/roll.h"

enum { TEXT_SIZE = 64 * 1024, WORDS_MAX = 3 };

struct order {
    struct resolver *resolver;
    struct span words[WORDS_MAX];
    size_t word_count;
    struct writer text;
    bool is_failure;
};

static void refuse(struct order *order, const char *sentence)
{
    writer_text(&order->text, sentence);
    order->is_failure = true;
}

static void status(struct order *order)
{
    const struct resolver *resolver = order->resolver;
    const char *validation = resolver->options.is_validating ? "validating" : "not validating";
    writer_print(&order->text, "resolver: %s\n", validation);
    writer_print(&order->text, "forward and stub zones: %zu\n", resolver->options.zone_count);
    writer_print(&order->text, "trust anchors: %zu\n", resolver->anchor_count);
    writer_print(&order->text, "negative trust anchors: %zu\n", resolver->nta_count);
    writer_print(&order->text, "queries waiting: %" PRIu32 "\n", resolver->query_count);
    writer_print(&order->text, "fetches under way: %" PRIu32 "\n", resolver->fetch_count);
}

static void stats(struct order *order)
{
    struct metrics metrics = metrics_in(&order->resolver->outbox->scratch);
    resolver_add_metrics(order->resolver, &metrics);
    metrics_write_lines(&metrics, &order->text);
}

/* Its files are certificates, and the world has read those. */
static void reload(struct order *order)
{
    writer_text(&order->text, "certificates were read again\n");
}

static void flush(struct order *order)
{
    size_t count = cache_count(order->resolver->cache);
    cache_flush(order->resolver->cache);
    servers_forget(order->resolver->servers);
    writer_print(&order->text, "flushed %zu entries\n", count);
}

/* The second word as a name; false: it is refused. */
static bool take_name(struct order *order, const char *usage, struct name_buffer *buffer,
                      struct name *name)
{
    struct problem problem = {0};
    if (order->word_count < 2) {
        refuse(order, usage);
        return false;
    }
    if (name_parse(order->words[1], NULL, buffer, name, &problem) != OK) {
        refuse(order, problem.sentence);
        writer_text(&order->text, "\n");
        return false;
    }
    return true;
}

static void flush_name(struct order *order)
{
    struct name_buffer buffer;
    struct name name;
    if (take_name(order, "flush-name needs a name\n", &buffer, &name)) {
        size_t count = cache_flush_name(order->resolver->cache, name);
        writer_print(&order->text, "flushed %zu entries\n", count);
    }
}

static void add_nta(struct order *order)
{
    struct name_buffer buffer;
    struct name zone;
    uint32_t seconds = RESOLVER_NTA_S_DEFAULT;
    if (!take_name(order, "nta-add needs a zone, and may have a time (1h)\n", &buffer, &zone)) {
        return;
    }
    if (order->word_count > 2 && (text_read_ttl(order->words[2], &seconds) != OK || seconds == 0 ||
                                  seconds > RESOLVER_NTA_S_MAX)) {
        refuse(order, "the time of a negative trust anchor is 1s to 7d\n");
        return;
    }
    enum status status = nta_add(order->resolver, zone, seconds);
    if (status == OK) {
        writer_print(&order->text, "not validated for %" PRIu32 " s, or until it validates again\n",
                     seconds);
    } else {
        refuse(order, status == LIMIT_REACHED ? "there are too many negative trust anchors; remove "
                                                "some\n"
                                              : "out of memory\n");
    }
}

static void remove_nta(struct order *order)
{
    struct name_buffer buffer;
    struct name zone;
    if (!take_name(order, "nta-remove needs a zone\n", &buffer, &zone)) {
        return;
    }
    if (nta_remove(order->resolver, zone) == OK) {
        writer_text(&order->text, "validated again\n");
    } else {
        refuse(order, "there is no negative trust anchor of that zone; nta-list shows all\n");
    }
}

static void list_ntas(struct order *order)
{
    const struct resolver *resolver = order->resolver;
    for (size_t i = 0; i < resolver->nta_count; i++) {
        const struct nta *nta = &resolver->ntas[i];
        name_write_text(nta->zone, &order->text);
        if (nta->until_ns == INT64_MAX) {
            writer_text(&order->text, " for ever: configured\n");
        } else {
            writer_text(&order->text, " until ");
            text_write_rfc3339(&order->text, nta->until_wall_s);
            writer_text(&order->text, "\n");
        }
    }
}

static void list_anchors(struct order *order)
{
    roll_list(order->resolver, &order->text);
}

static const char *kind_text(enum cache_kind kind)
{
    static const char *const TEXTS[] = {
        [CACHE_POSITIVE] = "data",         [CACHE_NODATA] = "no such type",
        [CACHE_NXDOMAIN] = "no such name", [CACHE_DELEGATION] = "delegation",
        [CACHE_FAILURE] = "failure",
    };
    return TEXTS[kind];
}

static void dump_entry(void *user, const struct cache_entry *entry)
{
    struct order *order = user;
    int64_t now_ns = order->resolver->now.mono_ns;
    if (writer_left(&order->text) < NAME_TEXT_MAX + VERDICT_REASON_MAX + 200) {
        order->is_failure = true; /* dump says so at its end */
        return;
    }
    enum verdict verdict = cache_entry_verdict(entry, now_ns);
    name_write_text(entry->name, &order->text);
    writer_text(&order->text, " ");
    if (entry->type == 0) {
        writer_text(&order->text, "*");
    } else {
        type_write(entry->type, &order->text);
    }
    writer_print(&order->text, " %s, %" PRIu32 " s, %s", kind_text(entry->kind),
                 cache_entry_ttl(entry, now_ns),
                 verdict == VERDICT_COUNT ? "not judged" : verdict_text(verdict));
    if (verdict != VERDICT_COUNT && entry->judgement != NULL &&
        entry->judgement->reason[0] != '\0') {
        writer_print(&order->text, ": %s", entry->judgement->reason);
    }
    writer_text(&order->text, "\n");
}

static void dump(struct order *order)
{
    cache_each(order->resolver->cache, dump_entry, order);
    if (order->is_failure) {
        order->is_failure = false;
        writer_text(&order->text, "; and more, which do not fit here\n");
    }
}

static const struct {
    const char *word;
    void (*run)(struct order *order);
} ORDERS[] = {
    {"status", status},        {"stats", stats},           {"reload", reload},
    {"flush", flush},          {"flush-name", flush_name}, {"dump", dump},
    {"nta-add", add_nta},      {"nta-remove", remove_nta}, {"nta-list", list_ntas},
    {"anchors", list_anchors},
};

static void words_cut(struct span line, struct order *order)
{
    size_t begin = 0;
    for (size_t at = 0; at <= line.len && order->word_count < WORDS_MAX; at++) {
        if (at == line.len || line.bytes[at] == ' ') {
            order->words[order->word_count++] = span_part(line, begin, at - begin);
            begin = at + 1;
        }
    }
}

void remote_handle(struct resolver *resolver, const struct event_control *control)
{
    struct order order = {.resolver = resolver};
    uint8_t *bytes = arena_take(&resolver->outbox->scratch, TEXT_SIZE);
    order.text = writer_over(bytes, bytes == NULL ? 0 : TEXT_SIZE);
    words_cut(control->line, &order);
    size_t at = 0;
    while (at < LEN(ORDERS) && !span_equal(order.words[0], span_of_text(ORDERS[at].word))) {
        at++;
    }
    if (at < LEN(ORDERS)) {
        ORDERS[at].run(&order);
    } else {
        refuse(&order, "unknown order; known are:");
        for (size_t i = 0; i < LEN(ORDERS); i++) {
            writer_print(&order.text, " %s", ORDERS[i].word);
        }
        writer_text(&order.text, "\n");
    }
    outbox_add(resolver->outbox, EFFECT_CONTROL)->control =
        (struct effect_control){control->request, order.is_failure, writer_written(&order.text)};
}
