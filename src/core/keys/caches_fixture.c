/* Reads the lines of tests that say what caches hold. */
#include "core/keys/caches_fixture.h"

#include <string.h>

uint8_t fixture_key(struct caches *caches, const char *name)
{
    uint8_t algorithm = (uint8_t)(name[0] == 'a' ? 13 : name[0] == 'b' ? 8 : name[0]);
    uint16_t tag = (uint16_t)((uint8_t)name[0] * 100 + (name[1] - '0'));
    for (size_t i = 0; i < caches->key_count; ++i) {
        if (caches->keys[i].tag == tag) {
            return (uint8_t)i;
        }
    }
    require(caches->key_count < CACHES_KEYS_MAX);
    caches->keys[caches->key_count] = (struct caches_key){.algorithm = algorithm, .tag = tag};
    return (uint8_t)caches->key_count++;
}

uint32_t fixture_keys(struct caches *caches, const char *names, size_t len)
{
    uint32_t keys = 0;
    for (size_t at = 0; at + 1 < len; at += 3) {
        keys |= UINT32_C(1) << fixture_key(caches, names + at);
    }
    return keys;
}

struct ds_set fixture_ds(struct caches *caches, const char *names, size_t len)
{
    struct ds_set set = {0};
    for (size_t at = 0; at + 1 < len; ++at) {
        struct ds_entry entry = {.key = fixture_key(caches, names + at), .digest_type = 2};
        at += 2;
        if (at < len && names[at] == '.') {
            entry.digest_type = (uint8_t)(names[at + 1] - '0');
            at += 2;
        }
        require(ds_set_add(&set, entry));
    }
    return set;
}

struct dnskey_set fixture_dnskeys(struct caches *caches, const char *names, size_t len)
{
    const char *slash = memchr(names, '/', len);
    size_t head = slash == NULL ? len : (size_t)(slash - names);
    struct dnskey_set set = {.published = fixture_keys(caches, names, head)};
    set.signers = slash == NULL ? set.published : fixture_keys(caches, slash + 1, len - head - 1);
    return set;
}

static void read_word(struct caches *caches, const char *word, size_t len)
{
    struct held held = {CACHES_FOREVER, 0, true, true};
    if (word[0] == '~') {
        held = (struct held){FIXTURE_DIES_S, 0, false, true};
        ++word, --len;
    }
    char letter = word[0];
    const char *equals = memchr(word, '=', len);
    require(equals != NULL);
    held.source = word[1] == '@' ? (uint8_t)(word[2] - '0') : 0;
    held.is_held = held.source == 0;
    const char *names = equals + 1;
    size_t names_len = len - (size_t)(names - word);
    if (letter == 'D') {
        caches->ds[caches->ds_count++] =
            (struct held_ds){fixture_ds(caches, names, names_len), held};
    } else if (letter == 'K') {
        caches->dnskeys[caches->dnskeys_count++] =
            (struct held_dnskeys){fixture_dnskeys(caches, names, names_len), held};
    } else if (letter == 'S') {
        caches->signers[caches->signers_count++] =
            (struct held_signers){fixture_keys(caches, names, names_len), held};
    } else if (letter == 'C') {
        const char *colon = memchr(names, ':', names_len);
        require(colon != NULL);
        size_t head = (size_t)(colon - names);
        caches->chains[caches->chain_count++] = (struct held_chain){
            .ds = fixture_ds(caches, names, head),
            .keys = fixture_dnskeys(caches, colon + 1, names_len - head - 1),
            .dies_s = FIXTURE_DIES_S,
        };
    } else {
        require(letter == 'N');
        caches->reached = 0;
        for (size_t at = 0; at < names_len; at += 2) {
            caches->reached |= (uint8_t)(1U << (names[at] - '0'));
        }
    }
}

struct caches fixture_caches(const char *line)
{
    struct caches caches = {.reached = 1};
    for (const char *word = line; *word != '\0';) {
        size_t len = strcspn(word, " ");
        read_word(&caches, word, len);
        word += len + strspn(word + len, " ");
    }
    for (size_t i = 0; i < caches.dnskeys_count; ++i) {
        caches.dnskeys[i].held.is_held = caches.reached >> caches.dnskeys[i].held.source & 1;
    }
    for (size_t i = 0; i < caches.signers_count; ++i) {
        caches.signers[i].held.is_held = caches.reached >> caches.signers[i].held.source & 1;
    }
    return caches;
}

struct safe_change fixture_change(struct caches *caches, const char *word)
{
    struct safe_change change = {.source = word[1] == '@' ? (uint8_t)(word[2] - '0') : 0};
    const char *names = strchr(word, '=') + 1;
    size_t len = strlen(names);
    if (word[0] == 'D') {
        change.list = SAFE_DS;
        change.ds = fixture_ds(caches, names, len);
    } else if (word[0] == 'K') {
        change.list = SAFE_DNSKEY;
        change.keys = fixture_dnskeys(caches, names, len);
    } else if (word[0] == 'S') {
        change.list = SAFE_SIGNERS;
        for (const char *mix = names; change.mix_count == 0 || mix[-1] == '+';) {
            size_t mix_len = strcspn(mix, "+");
            change.mixes[change.mix_count++] = fixture_keys(caches, mix, mix_len);
            mix += mix_len + 1;
        }
    } else {
        require(word[0] == 'N');
        change.list = SAFE_SOURCES;
        for (size_t at = 0; at < len; at += 2) {
            change.sources |= (uint8_t)(1U << (names[at] - '0'));
        }
    }
    return change;
}
