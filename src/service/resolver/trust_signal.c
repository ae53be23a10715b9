/* The words of root key sentinels and of key tag queries, and the tags of the anchors that they are
 * about. */
#include "service/resolver/trust_signal.h"

#include "core/base/text.h"
#include "service/resolver/query.h"

enum { TAGS_MAX = 32, TAG_DIGITS = 5 };

struct tags {
    uint16_t list[TAGS_MAX]; /* ascending, each once */
    size_t count;
};

static void tags_add(struct tags *tags, uint16_t tag)
{
    size_t at = 0;
    while (at < tags->count && tags->list[at] < tag) {
        at++;
    }
    if (tags->count == TAGS_MAX || (at < tags->count && tags->list[at] == tag)) {
        return;
    }
    for (size_t i = tags->count++; i > at; i--) {
        tags->list[i] = tags->list[i - 1];
    }
    tags->list[at] = tag;
}

static void tags_of(const struct resolver *resolver, struct name zone, struct tags *tags)
{
    tags->count = 0;
    for (size_t i = 0; i < resolver->anchor_count; i++) {
        const struct trust_anchor *anchor = &resolver->anchors[i];
        struct reader reader = reader_over(anchor->rdata);
        if (name_equal(anchor->zone, zone)) {
            tags_add(tags,
                     anchor->type == TYPE_DS ? reader_u16(&reader) : dnskey_tag(anchor->rdata));
        }
    }
}

static bool tags_have(const struct tags *tags, uint64_t tag)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (tags->list[i] == tag) {
            return true;
        }
    }
    return false;
}

/* --- clients --- */

/* RFC 8509 §2.1: what the first label begins with, five digits behind it. */
static const struct {
    struct span words;
    bool is_wanted; /* the key is one of the root's anchors, where the answer is given */
} SENTINELS[] = {
    {{(const uint8_t *)"root-key-sentinel-is-ta-", 24}, true},
    {{(const uint8_t *)"root-key-sentinel-not-ta-", 25}, false},
};

static bool sentinel_read(struct name name, bool *is_wanted, uint64_t *tag)
{
    struct span label = name.label_count == 0 ? SPAN_EMPTY : name_label(name, 0);
    for (size_t i = 0; i < LEN(SENTINELS); i++) {
        struct span words = SENTINELS[i].words;
        if (label.len == words.len + TAG_DIGITS &&
            span_equal_nocase(span_part(label, 0, words.len), words) &&
            text_read_u64(span_part(label, words.len, TAG_DIGITS), UINT16_MAX, tag) == OK) {
            *is_wanted = SENTINELS[i].is_wanted;
            return true;
        }
    }
    return false;
}

bool trust_signal_is_sentinel(struct name name)
{
    bool is_wanted;
    uint64_t tag;
    return sentinel_read(name, &is_wanted, &tag);
}

/* RFC 8509 §2.2. */
bool trust_signal_forbids(const struct resolver *resolver, const struct query *query)
{
    const struct question *question = &query->client.question;
    bool is_wanted = false;
    uint64_t tag = 0;
    bool is_of_address = question->type == TYPE_A || question->type == TYPE_AAAA;
    if (!resolver->options.obeys_sentinels || !is_of_address ||
        !sentinel_read(question->name, &is_wanted, &tag)) {
        return false;
    }
    for (size_t i = 0; i < query->link_count; i++) {
        if (query->links[i].verdict != VERDICT_SECURE) {
            return false;
        }
    }
    struct tags tags;
    tags_of(resolver, NAME_ROOT, &tags);
    return query->link_count > 0 && tags_have(&tags, tag) != is_wanted;
}

/* --- servers --- */

void trust_signal_tell(struct resolver *resolver, struct name zone)
{
    enum { LABEL_SIZE = 64, TAG_TEXT_LEN = 5 };
    struct tags tags;
    tags_of(resolver, zone, &tags);
    if (!resolver->options.signals_anchors || tags.count == 0) {
        return;
    }
    char text[LABEL_SIZE];
    struct writer label = writer_over(text, sizeof text - 1);
    writer_text(&label, "_ta");
    for (size_t i = 0; i < tags.count && writer_left(&label) >= TAG_TEXT_LEN; i++) {
        writer_print(&label, "-%04x", tags.list[i]);
    }
    struct name_buffer octets;
    struct name name;
    if (name_make_child(writer_written(&label), zone, &octets, &name) == OK) {
        query_ask(resolver, name, TYPE_NULL, QUERY_FOR_SERVER);
    }
}

void trust_signal_add_option(const struct resolver *resolver, struct question question,
                             struct writer *options)
{
    struct tags tags = {.count = 0};
    if (resolver->options.signals_anchors && question.type == TYPE_DNSKEY) {
        tags_of(resolver, question.name, &tags);
    }
    if (tags.count == 0) {
        return;
    }
    writer_u16(options, EDNS_OPTION_KEY_TAG);
    writer_u16(options, (uint16_t)(tags.count * sizeof tags.list[0]));
    for (size_t i = 0; i < tags.count; i++) {
        writer_u16(options, tags.list[i]);
    }
}
