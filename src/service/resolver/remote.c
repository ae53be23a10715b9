/* The words of the control socket, each with what it prints: a table. */
#include "service/resolver/remote.h"

#include <inttypes.h>

#include "core/dnssec/verdict.h"

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
    const char *way = resolver->options.forwarder_count > 0 ? "forwarding" : "iterative";
    const char *validation = resolver->options.is_validating ? "validating" : "not validating";
    writer_print(&order->text, "resolver: %s, %s\n", way, validation);
    writer_print(&order->text, "trust anchors: %zu\n", resolver->options.anchor_count);
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

static void flush_name(struct order *order)
{
    struct name_buffer buffer;
    struct name name;
    struct problem problem = {0};
    if (order->word_count != 2) {
        refuse(order, "flush-name needs a name\n");
    } else if (name_parse(order->words[1], NULL, &buffer, &name, &problem) != OK) {
        refuse(order, problem.sentence);
        writer_text(&order->text, "\n");
    } else {
        size_t count = cache_flush_name(order->resolver->cache, name);
        writer_print(&order->text, "flushed %zu entries\n", count);
    }
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
    {"status", status}, {"stats", stats},           {"reload", reload},
    {"flush", flush},   {"flush-name", flush_name}, {"dump", dump},
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
