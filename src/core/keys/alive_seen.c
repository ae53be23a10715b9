/* What answers of servers say about which versions may still be served, and what a clock that
 * jumped takes back of that. */
#include "core/keys/alive.h"
#include "core/keys/alive_part.h"

/* Which change an answer stands for: the newest that put this content in place, with this TTL when
 * there is one. NULL: none did. */
static struct alive_term *newest_term(struct alive_version *version, uint32_t ttl_s)
{
    struct alive_term *newest = NULL;
    for (size_t i = 0; i < version->term_count; ++i) {
        struct alive_term *term = &version->terms[i];
        bool fits_better = newest == NULL || (newest->ttl_s != ttl_s && term->ttl_s == ttl_s);
        bool fits_as_well = newest != NULL && (newest->ttl_s == ttl_s) == (term->ttl_s == ttl_s);
        if (fits_better || (fits_as_well && term->decided > newest->decided)) {
            newest = term;
        }
    }
    return newest;
}

/* The answer stands for change `number`: what is newer is not there yet, or not everywhere, and
 * what is up to it has been there since now, or for another round. Of an answer that nobody decided
 * it is not known whether it is old or new; it stands for change 0, and all rounds begin anew. */
static void mark_answer(struct alive_server *server, size_t list, uint32_t number, int64_t now_s)
{
    struct alive_mark *marks = server->marks[list];
    uint8_t count = server->mark_count[list];
    while (count > 0 && marks[count - 1].number > number) {
        marks[--count] = (struct alive_mark){0};
    }
    for (size_t i = 0; i < count; ++i) {
        bool is_apart = now_s >= alive_after(marks[i].since_s, server->refresh_s);
        if (marks[i].confirmed_s == ALIVE_NEVER && is_apart) {
            marks[i].confirmed_s = now_s;
        }
    }
    if (number != 0 && (count == 0 || marks[count - 1].number < number)) {
        if (count == ALIVE_MARKS_MAX) {
            /* The lowest goes: what it stood for is then counted from a later answer. */
            for (size_t i = 1; i < count; ++i) {
                marks[i - 1] = marks[i];
            }
            --count;
        }
        marks[count++] = (struct alive_mark){number, now_s, ALIVE_NEVER};
    }
    server->mark_count[list] = count;
}

/* What the answer shows to be served, though it was gone, is alive again. */
static bool revive(struct alive_version *version, uint32_t number)
{
    bool is_revived = false;
    for (size_t i = 0; i < version->term_count; ++i) {
        struct alive_term *term = &version->terms[i];
        if (term->superseded > number && term->decided <= number &&
            term->gone_s != CACHES_FOREVER) {
            term->gone_s = CACHES_FOREVER;
            is_revived = true;
        }
    }
    return is_revived;
}

static bool revive_all(struct alive *alive, const struct alive_server *server, enum alive_list list,
                       uint32_t number)
{
    bool is_revived = false;
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        if (version->list == list && alive_serves(server, list, version->source)) {
            is_revived = revive(version, number) || is_revived;
        }
    }
    return is_revived;
}

/* The term that the answer shows; a new one when nobody decided such a content or TTL. NULL: there
 * is no room. */
static struct alive_term *find_or_add_term(struct alive *alive,
                                           const struct alive_observation *observation,
                                           uint8_t source, enum alive_news *news)
{
    struct alive_version *version =
        alive_find_version(alive, observation->list, source, &observation->content);
    if (version == NULL) {
        version = alive_new_version(alive, observation->list, source, &observation->content);
        *news = ALIVE_UNKNOWN;
    }
    if (version == NULL) {
        return NULL;
    }
    struct alive_term *like = newest_term(version, observation->ttl_s);
    if (like != NULL && like->ttl_s == observation->ttl_s) {
        return like;
    }
    struct alive_term found = {.decided_s = ALIVE_NEVER, .gone_s = CACHES_FOREVER};
    found.decided = like == NULL ? 0 : like->decided;
    found.superseded = like == NULL ? 0 : like->superseded;
    found.expires_s = like == NULL ? CACHES_FOREVER : like->expires_s;
    found.beyond_s = like == NULL || like->beyond_s < observation->beyond_s ? observation->beyond_s
                                                                            : like->beyond_s;
    found.ttl_s = observation->ttl_s;
    struct alive_term *term = alive_new_term(version);
    if (term != NULL) {
        *term = found;
    }
    return term;
}

enum status alive_observe(struct alive *alive, const struct alive_observation *observation,
                          int64_t now_s, enum alive_news *news)
{
    require(observation->server < alive->server_count && observation->list < ALIVE_LIST_COUNT);
    require(observation->ttl_s <= ALIVE_TTL_MAX_S && observation->beyond_s <= ALIVE_TTL_MAX_S);
    struct alive_server *server = &alive->servers[observation->server];
    require(server->is_parent == alive_is_of_parent(observation->list));
    *news = ALIVE_EXPECTED;
    uint8_t source = server->is_parent ? 0 : server->source;
    struct alive_term *term = find_or_add_term(alive, observation, source, news);
    if (term == NULL) {
        return LIMIT_REACHED;
    }
    term->seen_s = now_s;
    term->seen_server = observation->server;
    term->seen_type = observation->type;
    uint32_t number = term->decided;
    bool is_revived = term->superseded != 0 && term->gone_s != CACHES_FOREVER;
    term->gone_s = term->superseded != 0 ? CACHES_FOREVER : term->gone_s;
    if (observation->number != 0 && observation->number <= alive->last_change &&
        *news == ALIVE_EXPECTED) {
        number = observation->number;
        is_revived = revive_all(alive, server, observation->list, number) || is_revived;
    }
    *news = is_revived ? ALIVE_RETURNED : *news;
    mark_answer(server, alive_list_in_place(observation->list), number, now_s);
    return OK;
}

/* By how much the wall clock moved apart from the monotonic one. After a start of the process the
 * monotonic clock says nothing, and only a step back can be seen. */
static int64_t wall_jump_ns(const struct alive *alive, struct moment now)
{
    if (alive->wall_ns == ALIVE_NEVER) {
        return 0;
    }
    int64_t wall_ns = now.wall_ns - alive->wall_ns;
    if (alive->mono_ns == ALIVE_NEVER || now.mono_ns < alive->mono_ns) {
        return wall_ns < 0 ? wall_ns : 0;
    }
    return wall_ns - (now.mono_ns - alive->mono_ns);
}

static void restart_marks(struct alive_server *server, int64_t now_s)
{
    server->transferred_s = server->transferred_s == ALIVE_NEVER ? ALIVE_NEVER : now_s;
    for (size_t list = 0; list < ALIVE_LISTS_OF_A_PLACE; ++list) {
        for (size_t i = 0; i < server->mark_count[list]; ++i) {
            struct alive_mark *mark = &server->marks[list][i];
            mark->since_s = now_s;
            mark->confirmed_s = mark->confirmed_s == ALIVE_NEVER ? ALIVE_NEVER : now_s;
        }
    }
}

static void restart_waits(struct alive *alive, int64_t now_s)
{
    for (size_t i = 0; i < alive->version_count; ++i) {
        struct alive_version *version = &alive->versions[i];
        for (size_t t = 0; t < version->term_count; ++t) {
            struct alive_term *term = &version->terms[t];
            term->gone_s = term->gone_s == CACHES_FOREVER ? CACHES_FOREVER : now_s;
            term->decided_s = term->decided_s > now_s ? now_s : term->decided_s;
        }
    }
    for (size_t i = 0; i < alive->server_count; ++i) {
        restart_marks(&alive->servers[i], now_s);
    }
    for (size_t i = 0; i < alive->chain_count; ++i) {
        alive->chains[i].dies_s = now_s + alive->chains[i].lasts_s;
    }
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        alive->left_s[i] = alive->left_s[i] == ALIVE_NEVER ? ALIVE_NEVER : now_s;
    }
}

bool alive_clock(struct alive *alive, const struct alive_policy *policy, struct moment now)
{
    int64_t jump_ns = wall_jump_ns(alive, now);
    int64_t margin_ns = (int64_t)policy->margin_s * MOMENT_NS_PER_S;
    bool is_restarted = jump_ns > margin_ns || jump_ns < -margin_ns;
    if (is_restarted) {
        restart_waits(alive, moment_wall_s(now));
    }
    alive->wall_ns = now.wall_ns;
    alive->mono_ns = now.mono_ns;
    return is_restarted;
}
