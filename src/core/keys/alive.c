/* Which versions of a zone's sets there are: what a decision brings and what a refusal takes back.
 */
#include "core/keys/alive.h"

#include <string.h>

#include "core/keys/alive_part.h"

static_assert(ALIVE_MIXES_MAX < ALIVE_VERSIONS_MAX, "a decision fits");

void alive_open(struct alive *alive)
{
    *alive = (struct alive){.mono_ns = ALIVE_NEVER, .wall_ns = ALIVE_NEVER};
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        alive->left_s[i] = ALIVE_NEVER;
    }
}

bool alive_content_equal(enum alive_list list, const struct alive_content *a,
                         const struct alive_content *b)
{
    switch (list) {
    case ALIVE_DS:
        return ds_set_equal(&a->ds, &b->ds);
    case ALIVE_DNSKEY:
        return a->keys.published == b->keys.published && a->keys.signers == b->keys.signers;
    case ALIVE_SIGNERS:
        return a->signers == b->signers;
    case ALIVE_NS:
    case ALIVE_APEX_NS:
        return a->sources == b->sources;
    case ALIVE_LIST_COUNT:
        break;
    }
    return false;
}

bool alive_is_of_parent(enum alive_list list)
{
    return list == ALIVE_DS || list == ALIVE_NS;
}

size_t alive_list_in_place(enum alive_list list)
{
    return alive_is_of_parent(list) ? (size_t)list - ALIVE_DS : (size_t)list - ALIVE_DNSKEY;
}

bool alive_serves(const struct alive_server *server, enum alive_list list, uint8_t source)
{
    return server->is_parent == alive_is_of_parent(list) &&
           (server->is_parent || server->source == source);
}

int64_t alive_after(int64_t time_s, int64_t wait_s)
{
    return time_s == CACHES_FOREVER || time_s == ALIVE_NEVER ? time_s : time_s + wait_s;
}

bool alive_is_time(int64_t time_s)
{
    return time_s == CACHES_FOREVER || time_s == ALIVE_NEVER ||
           (time_s >= -ALIVE_TIME_MAX_S && time_s <= ALIVE_TIME_MAX_S);
}

struct alive_version *alive_find_version(struct alive *alive, enum alive_list list, uint8_t source,
                                         const struct alive_content *content)
{
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        if (version->list == list && version->source == source &&
            alive_content_equal(list, &version->content, content)) {
            return version;
        }
    }
    return NULL;
}

struct alive_version *alive_new_version(struct alive *alive, enum alive_list list, uint8_t source,
                                        const struct alive_content *content)
{
    if (alive->version_count == ALIVE_VERSIONS_MAX) {
        return NULL;
    }
    struct alive_version *version = &alive->versions[alive->version_count++];
    *version = (struct alive_version){.list = list, .source = source};
    /* Only what the list names, so that equal states are equal values. */
    version->content.ds = list == ALIVE_DS ? content->ds : version->content.ds;
    version->content.keys = list == ALIVE_DNSKEY ? content->keys : version->content.keys;
    version->content.signers = list == ALIVE_SIGNERS ? content->signers : 0;
    bool is_ns = list == ALIVE_NS || list == ALIVE_APEX_NS;
    version->content.sources = is_ns ? content->sources : 0;
    return version;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Two stretches that are over become one that lasted as long as either: dies later, never sooner.
 */
static void join_terms(struct alive_term *into, const struct alive_term *from)
{
    into->ttl_s = larger(into->ttl_s, from->ttl_s);
    into->beyond_s = larger(into->beyond_s, from->beyond_s);
    into->decided_s = sooner(into->decided_s, from->decided_s);
    into->expires_s = sooner(into->expires_s, from->expires_s);
    into->gone_s = later(into->gone_s, from->gone_s);
    into->decided = larger(into->decided, from->decided);
    into->superseded = larger(into->superseded, from->superseded);
    into->seen_s = later(into->seen_s, from->seen_s);
}

static bool term_is_gone(const struct alive_term *term)
{
    return term->superseded != 0 && term->gone_s != CACHES_FOREVER;
}

struct alive_term *alive_new_term(struct alive_version *version)
{
    int first_gone = -1;
    for (int i = 0; version->term_count == ALIVE_TERMS_MAX && i < ALIVE_TERMS_MAX; ++i) {
        if (!term_is_gone(&version->terms[i])) {
            continue;
        }
        if (first_gone < 0) {
            first_gone = i;
            continue;
        }
        join_terms(&version->terms[first_gone], &version->terms[i]);
        version->terms[i] = version->terms[--version->term_count];
    }
    if (version->term_count == ALIVE_TERMS_MAX) {
        return NULL;
    }
    struct alive_term *term = &version->terms[version->term_count++];
    *term = (struct alive_term){
        .gone_s = CACHES_FOREVER, .expires_s = CACHES_FOREVER, .seen_s = ALIVE_NEVER};
    return term;
}

enum status alive_add_key(struct alive *alive, const struct alive_key *key, uint8_t *index)
{
    require(key->algorithm != 0 && alive_is_time(key->expires_s));
    size_t free_at = CACHES_KEYS_MAX;
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        const struct alive_key *known = &alive->keys[i];
        if (known->algorithm == 0) {
            free_at = free_at == CACHES_KEYS_MAX ? i : free_at;
            continue;
        }
        if (known->algorithm == key->algorithm && memcmp(known->id, key->id, ALIVE_ID_LEN) == 0) {
            *index = (uint8_t)i;
            return OK;
        }
        if (known->algorithm == key->algorithm && known->tag == key->tag) {
            return EXISTS;
        }
    }
    if (free_at == CACHES_KEYS_MAX) {
        return LIMIT_REACHED;
    }
    alive->keys[free_at] = *key;
    *index = (uint8_t)free_at;
    return OK;
}

static uint32_t keys_of_ds(const struct ds_set *set)
{
    uint32_t keys = 0;
    for (size_t i = 0; i < set->count; ++i) {
        keys |= UINT32_C(1) << set->entries[i].key;
    }
    return keys;
}

enum status alive_remove_key(struct alive *alive, uint8_t index)
{
    require(index < CACHES_KEYS_MAX);
    uint32_t in_use = 0;
    for (size_t i = 0; i < alive->version_count; ++i) {
        const struct alive_content *content = &alive->versions[i].content;
        in_use |= keys_of_ds(&content->ds) | content->keys.published | content->keys.signers |
                  content->signers;
    }
    for (size_t i = 0; i < alive->chain_count; ++i) {
        const struct alive_chain *chain = &alive->chains[i];
        in_use |= keys_of_ds(&chain->ds) | chain->keys.published | chain->keys.signers;
    }
    if ((in_use >> index & 1) != 0) {
        return BUSY;
    }
    alive->keys[index] = (struct alive_key){0};
    return OK;
}

int alive_find_server(const struct alive *alive, struct address address)
{
    for (size_t i = 0; i < alive->server_count; ++i) {
        if (address_equal(alive->servers[i].address, address)) {
            return (int)i;
        }
    }
    return -1;
}

enum status alive_add_server(struct alive *alive, const struct alive_server *server, uint8_t *index)
{
    require(server->source < CACHES_SOURCES_MAX && alive_is_time(server->transferred_s));
    if (alive_find_server(alive, server->address) >= 0) {
        return EXISTS;
    }
    if (alive->server_count == ALIVE_SERVERS_MAX) {
        return LIMIT_REACHED;
    }
    struct alive_server *new = &alive->servers[alive->server_count];
    *new = *server;
    memset(new->mark_count, 0, sizeof new->mark_count);
    memset(new->marks, 0, sizeof new->marks);
    *index = (uint8_t)alive->server_count++;
    return OK;
}

void alive_remove_server(struct alive *alive, uint8_t index)
{
    require(index < alive->server_count);
    size_t last = --alive->server_count;
    alive->servers[index] = alive->servers[last];
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        for (size_t t = 0; t < version->term_count; ++t) {
            struct alive_term *term = &version->terms[t];
            bool was_last = term->seen_server == last;
            term->seen_s = term->seen_server == index ? ALIVE_NEVER : term->seen_s;
            term->seen_server = was_last ? index : term->seen_server;
        }
    }
}

static struct alive_term *find_current(struct alive_version *version)
{
    for (size_t i = 0; version != NULL && i < version->term_count; ++i) {
        if (version->terms[i].superseded == 0) {
            return &version->terms[i];
        }
    }
    return NULL;
}

/* Is there room for all of the decision? So that a failure changes nothing. */
static bool has_room(struct alive *alive, const struct alive_decision *decision)
{
    size_t new_versions = 0;
    for (size_t i = 0; i < decision->count; ++i) {
        struct alive_version *version =
            alive_find_version(alive, decision->list, decision->source, &decision->contents[i]);
        size_t going_on = 0;
        for (size_t t = 0; version != NULL && t < version->term_count; ++t) {
            going_on += !term_is_gone(&version->terms[t]);
        }
        new_versions += version == NULL;
        if (going_on + 2 > ALIVE_TERMS_MAX) {
            return false;
        }
    }
    return alive->version_count + new_versions <= ALIVE_VERSIONS_MAX &&
           alive->last_change < UINT32_MAX;
}

static bool stays(const struct alive_decision *decision, const struct alive_version *version,
                  const struct alive_term *term)
{
    for (size_t i = 0; i < decision->count; ++i) {
        if (alive_content_equal(decision->list, &decision->contents[i], &version->content) &&
            term->ttl_s == decision->ttl_s && term->beyond_s == decision->beyond_s) {
            return true;
        }
    }
    return false;
}

static void supersede(struct alive *alive, const struct alive_decision *decision, uint32_t number)
{
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        bool is_of_list = version->list == decision->list && version->source == decision->source;
        for (size_t t = 0; is_of_list && t < version->term_count; ++t) {
            struct alive_term *term = &version->terms[t];
            if (term->superseded == 0 && !stays(decision, version, term)) {
                term->superseded = number;
                term->expires_s = sooner(term->expires_s, decision->left_expires_s);
            }
        }
    }
}

enum status alive_decide(struct alive *alive, const struct alive_decision *decision, int64_t now_s,
                         uint32_t *number)
{
    require(decision->list < ALIVE_LIST_COUNT && decision->source < CACHES_SOURCES_MAX);
    require(!alive_is_of_parent(decision->list) || decision->source == 0);
    require(decision->count > 0 && decision->count <= ALIVE_MIXES_MAX);
    require(decision->list == ALIVE_SIGNERS || decision->count == 1);
    require(decision->ttl_s <= ALIVE_TTL_MAX_S && decision->beyond_s <= ALIVE_TTL_MAX_S);
    if (!has_room(alive, decision)) {
        return LIMIT_REACHED;
    }
    *number = ++alive->last_change;
    supersede(alive, decision, *number);
    for (size_t i = 0; i < decision->count; ++i) {
        const struct alive_content *content = &decision->contents[i];
        struct alive_version *version =
            alive_find_version(alive, decision->list, decision->source, content);
        if (version == NULL) {
            version = alive_new_version(alive, decision->list, decision->source, content);
        }
        struct alive_term *term = find_current(version);
        if (term != NULL && term->decided == 0) {
            term->decided = *number; /* what was found is now what we want */
        }
        if (term == NULL) {
            term = alive_new_term(version);
            require(term != NULL);
            term->ttl_s = decision->ttl_s;
            term->beyond_s = decision->beyond_s;
            term->decided = *number;
            term->decided_s = now_s;
            term->expires_s = decision->expires_s;
        }
    }
    return OK;
}

static void drop_version(struct alive *alive, size_t index)
{
    alive->versions[index] = alive->versions[--alive->version_count];
    alive->versions[alive->version_count] = (struct alive_version){0};
}

void alive_refuse(struct alive *alive, uint32_t number)
{
    require(number != 0);
    uint32_t heir = 0; /* what came after the refused change takes over what it superseded */
    for (size_t i = alive->version_count; i-- > 0;) {
        struct alive_version *version = &alive->versions[i];
        for (size_t t = version->term_count; t-- > 0;) {
            if (version->terms[t].decided == number && version->terms[t].seen_s == ALIVE_NEVER) {
                heir = version->terms[t].superseded;
                version->terms[t] = version->terms[--version->term_count];
                version->terms[version->term_count] = (struct alive_term){0};
            }
        }
        if (version->term_count == 0) {
            drop_version(alive, i);
        }
    }
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        for (size_t t = 0; t < version->term_count; ++t) {
            struct alive_term *term = &version->terms[t];
            term->superseded = term->superseded == number ? heir : term->superseded;
        }
    }
}
