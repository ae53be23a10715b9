/* A verdict of the safety predicate in words for people. */
#include "core/base/text.h"
#include "core/keys/safe.h"

static void write_key(const struct caches *caches, size_t key, struct writer *text)
{
    writer_print(text, "%u/%u", caches->keys[key].tag, caches->keys[key].algorithm);
}

static void write_keys(const struct caches *caches, uint32_t keys, struct writer *text)
{
    const char *between = "";
    writer_text(text, "{");
    for (size_t i = 0; i < caches->key_count; ++i) {
        if ((keys >> i & 1) != 0) {
            writer_text(text, between);
            write_key(caches, i, text);
            between = ", ";
        }
    }
    writer_text(text, "}");
}

static void write_ds(const struct caches *caches, const struct ds_set *ds, struct writer *text)
{
    writer_text(text, "{");
    for (size_t i = 0; i < ds->count; ++i) {
        writer_text(text, i == 0 ? "" : ", ");
        write_key(caches, ds->entries[i].key, text);
        writer_print(text, " digest type %u", ds->entries[i].digest_type);
    }
    writer_text(text, "}");
}

static void write_fault(const struct safe_verdict *verdict, struct writer *text)
{
    switch (verdict->clause) {
    case SAFE_DS_SIGNS:
        writer_print(text,
                     "no key with a DS of algorithm %u and digest type %u is published and signs "
                     "the DNSKEY set",
                     verdict->algorithm, verdict->digest_type);
        return;
    case SAFE_DATA:
        writer_print(text,
                     "no published key of algorithm %u, which the DS set names, signs the "
                     "data",
                     verdict->algorithm);
        return;
    case SAFE_ALGORITHM_KEYS:
        writer_print(text, "no key of the published algorithm %u signs the DNSKEY set",
                     verdict->algorithm);
        return;
    case SAFE_ALGORITHM_DATA:
        writer_print(text, "no key of the published algorithm %u signs the data",
                     verdict->algorithm);
        return;
    case SAFE_KNOWN:
        writer_print(text, "what source %u serves is not known", verdict->keys_source);
        return;
    case SAFE_DIGEST_TYPES:
    case SAFE_CHAINS:
    case SAFE_OLD_VERSIONS:
    case SAFE_ACROSS_SOURCES:
    case SAFE_AUDIENCES:
    case SAFE_ALL:
        return; /* which combinations are asked, not what they fail */
    }
}

static void write_seen_by(const struct safe_verdict *verdict, struct writer *text)
{
    switch (verdict->seen_by) {
    case SAFE_SEEN_BY_NOBODY:
        return;
    case SAFE_SEEN_BY_EVERYONE:
        writer_text(text, "; bogus for every validator");
        return;
    case SAFE_SEEN_BY_ALGORITHM:
        writer_print(text,
                     "; bogus for validators that demand every algorithm of the DS set, or know "
                     "only algorithm %u",
                     verdict->algorithm);
        return;
    case SAFE_SEEN_BY_DIGEST:
        writer_print(text,
                     "; bogus for validators that heed only digest type %u, as those that ignore "
                     "weaker ones do",
                     verdict->digest_type);
        return;
    case SAFE_SEEN_BY_CHECKERS:
        writer_text(text, "; an error for zone checkers, and bogus for validators that demand "
                          "every published algorithm (RFC 4035 §2.2)");
        return;
    }
}

static void write_until(const struct safe_verdict *verdict, struct writer *text)
{
    if (verdict->until_s == CACHES_FOREVER) {
        writer_text(text, "; waiting does not help, another change must come first");
        return;
    }
    writer_text(text, "; until ");
    text_write_rfc3339(text, verdict->until_s);
}

void safe_explain(const struct caches *caches, const struct safe_verdict *verdict,
                  struct writer *text)
{
    if (verdict->is_safe) {
        writer_text(text, "every combination that caches may hold validates");
        return;
    }
    if (verdict->clause == SAFE_KNOWN) {
        write_fault(verdict, text);
        writer_text(text, ", and a resolver may hold the DS set ");
        write_ds(caches, &verdict->ds, text);
        write_until(verdict, text);
        return;
    }
    writer_text(text, verdict->is_chain ? "a resolver that has judged the DNSKEY set "
                                        : "a resolver may hold the DS set ");
    if (!verdict->is_chain) {
        write_ds(caches, &verdict->ds, text);
        writer_text(text, ", the DNSKEY set ");
    }
    write_keys(caches, verdict->keys.published, text);
    if (!verdict->is_chain) {
        writer_text(text, " signed by ");
        write_keys(caches, verdict->keys.signers, text);
    } else {
        writer_text(text, " under the DS set ");
        write_ds(caches, &verdict->ds, text);
        writer_text(text, ", which is gone, may hold it still");
    }
    if (!verdict->is_chain && verdict->keys_source != verdict->signers_source) {
        writer_print(text, " (source %u)", verdict->keys_source);
    }
    writer_text(text, ", and data signed by ");
    write_keys(caches, verdict->signers, text);
    if (!verdict->is_chain && verdict->keys_source != verdict->signers_source) {
        writer_print(text, " (source %u)", verdict->signers_source);
    }
    writer_text(text, ": ");
    write_fault(verdict, text);
    write_seen_by(verdict, text);
    write_until(verdict, text);
}
