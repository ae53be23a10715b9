/* Catalog zones (RFC 9432) in a server: the members of those that are interpreted come and go with
 * their catalog, a portion at a time; those that are made here follow the zones that are their
 * members. */
#include "core/zone/catalog.h"

#include "core/zone/transfer.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHANGES_PORTION = 64, /* zones that come or go in one event */
    LOOKS_PORTION = 8192, /* zones looked at in one event */
    GATHER_MS = 500,      /* changes of members make one version of a catalog; the first at once */
};

static const size_t CATALOG_MEMORY_MAX = (size_t)1 << 30;

/* What is done when a catalog has changed. */
enum catalog_pass {
    PASS_NONE,
    PASS_MEMBERS, /* each member of the catalog: does it come, or change? */
    PASS_ZONES,   /* each zone of the server: is it a member no longer? */
};

/* A catalog that is interpreted. */
struct auth_members {
    struct auth_zone *zone;
    struct auth_members *next;
    struct arena arena;
    struct catalog catalog; /* the last that was not broken */
    bool is_due;            /* there is another version of its zone */
    enum catalog_pass pass;
    size_t pass_at;
};

/* What a zone is a member by. */
struct auth_membership {
    const struct auth_zone *catalog; /* NULL: that is gone */
    uint64_t label, group;           /* their hashes */
};

static enum auth_catalog_role role_of(const struct auth_zone *zone)
{
    return zone->terms->catalog == NULL ? AUTH_CATALOG_NONE : zone->terms->catalog->role;
}

static uint64_t hash_text(const struct auth *auth, struct span text)
{
    uint64_t hash = auth->seed ^ text.len;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.bytes[i]) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

/* ------------------------------------------------------------------ who has a zone */

/* A catalog's word that a zone is its member. */
struct claim {
    const struct auth_members *catalog;
    const struct catalog_member *member; /* NULL: nobody claims it */
};

static const struct auth_members *members_of(const struct auth *auth, const struct auth_zone *zone)
{
    const struct auth_members *members = auth->catalogs;
    while (members != NULL && members->zone != zone) {
        members = members->next;
    }
    return members;
}

static struct claim first_claim(const struct auth *auth, struct name name)
{
    struct claim claim = {auth->catalogs, NULL};
    for (; claim.catalog != NULL; claim.catalog = claim.catalog->next) {
        claim.member = catalog_find(&claim.catalog->catalog, name);
        if (claim.member != NULL) {
            break;
        }
    }
    return claim;
}

/* Who has a zone keeps it until it lets go, or gives it to another that claims it too (RFC 9432
 * §4.3.1 and §5.2). */
static struct claim find_claim(const struct auth *auth, const struct auth_zone *zone,
                               struct name name)
{
    const struct auth_members *owner =
        zone == NULL ? NULL : members_of(auth, zone->membership->catalog);
    struct claim claim = {owner, owner == NULL ? NULL : catalog_find(&owner->catalog, name)};
    if (claim.member == NULL) {
        return first_claim(auth, name);
    }
    if (claim.member->new_owner.octets == NULL) {
        return claim;
    }
    const struct auth_zone *given = auth_find_zone_exactly(auth, claim.member->new_owner);
    const struct auth_members *to = given == NULL ? NULL : members_of(auth, given);
    struct claim next = {to, to == NULL ? NULL : catalog_find(&to->catalog, name)};
    return next.member != NULL ? next : claim;
}

static void set_member(struct auth *auth, struct name name, struct claim claim, struct moment now,
                       struct outbox *outbox)
{
    const struct auth_manager *manager = &auth->options.manager;
    struct problem problem = {0};
    enum status status = REFUSED;
    if (manager->set_member != NULL) {
        const struct auth_zone_options catalog = auth_zone_options(claim.catalog->zone);
        status = manager->set_member(manager->user, &catalog, name, claim.member->group, now,
                                     outbox, &problem);
    }
    struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (status == OK && zone->membership == NULL) {
        zone->membership = calloc(1, sizeof *zone->membership);
        status = zone->membership == NULL ? NO_MEMORY : OK;
    }
    if (status != OK) {
        char texts[2][NAME_TEXT_MAX];
        log_line(auth->options.log, LOG_ERROR, "zone %s, a member of the catalog %s: %s",
                 name_print(name, texts[0]), name_print(claim.catalog->zone->name, texts[1]),
                 problem.status != OK ? problem.sentence : status_text(status));
        return;
    }
    *zone->membership =
        (struct auth_membership){claim.catalog->zone, hash_text(auth, claim.member->label),
                                 hash_text(auth, claim.member->group)};
}

static enum status drop_member(struct auth *auth, struct name name, struct moment now,
                               struct outbox *outbox)
{
    const struct auth_manager *manager = &auth->options.manager;
    if (manager->drop_member != NULL) {
        manager->drop_member(manager->user, name, now, outbox);
    }
    return auth_remove(auth, name, now, outbox);
}

/* Makes of a zone what the catalogs say now; true when that was a change. Another label makes it
 * another zone: nothing of the one before stays (RFC 9432 §5.4). */
static bool reconsider(struct auth *auth, struct name name, struct moment now,
                       struct outbox *outbox)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (zone != NULL && zone->membership == NULL) {
        return false; /* it is no catalog's */
    }
    struct name_buffer buffer;
    name_copy_to(name, &buffer, &name); /* which may be the zone's own */
    struct claim claim = find_claim(auth, zone, name);
    if (claim.member == NULL) {
        return zone != NULL && drop_member(auth, name, now, outbox) == OK;
    }
    if (zone != NULL && zone->membership->label != hash_text(auth, claim.member->label)) {
        (void)!drop_member(auth, name, now, outbox);
        zone = NULL;
    }
    bool is_as_before = zone != NULL && zone->membership->catalog == claim.catalog->zone &&
                        zone->membership->group == hash_text(auth, claim.member->group);
    if (!is_as_before) {
        set_member(auth, name, claim, now, outbox);
    }
    return !is_as_before;
}

/* ------------------------------------------------------------------ passes */

static void read_again(struct auth *auth, struct auth_members *members)
{
    char name[NAME_TEXT_MAX];
    struct arena arena;
    struct catalog catalog = {0};
    struct problem problem = {0};
    const struct zone *version = auth_zone_newest(members->zone);
    members->is_due = false;
    if (version == NULL) {
        return;
    }
    arena_open(&arena, CATALOG_MEMORY_MAX);
    name_print(members->zone->name, name);
    if (catalog_read(version, &arena, &catalog, &problem) != OK) {
        log_line(auth->options.log, LOG_ERROR, "catalog %s: serial %u changes nothing: %s", name,
                 zone_serial(version), problem.sentence);
        arena_close(&arena);
        return;
    }
    arena_close(&members->arena);
    members->arena = arena;
    members->catalog = catalog;
    members->pass = PASS_MEMBERS;
    members->pass_at = 0;
    log_line(auth->options.log, LOG_NOTICE, "catalog %s: serial %u has %zu members", name,
             zone_serial(version), catalog.count);
}

/* What is left of a portion. */
struct portion {
    size_t changes, looks;
};

static bool has_left(const struct portion *portion)
{
    return portion->changes > 0 && portion->looks > 0;
}

static void pass_on(struct auth *auth, struct auth_members *members, struct portion *left,
                    struct moment now, struct outbox *outbox)
{
    const struct catalog *catalog = &members->catalog;
    while (members->pass == PASS_MEMBERS && has_left(left)) {
        if (members->pass_at >= catalog->count) {
            members->pass = PASS_ZONES;
            members->pass_at = 0;
            break;
        }
        struct name name = catalog->members[members->pass_at++].zone;
        left->looks--;
        left->changes -= reconsider(auth, name, now, outbox);
    }
    while (members->pass == PASS_ZONES && has_left(left)) {
        if (members->pass_at >= auth->place_count) {
            members->pass = PASS_NONE;
            break;
        }
        struct auth_zone *zone = auth->places[members->pass_at++];
        left->looks--;
        if (zone != NULL && zone->membership != NULL &&
            zone->membership->catalog == members->zone) {
            left->changes -= reconsider(auth, zone->name, now, outbox);
        }
    }
}

static void orphans_on(struct auth *auth, struct portion *left, struct moment now,
                       struct outbox *outbox)
{
    while (auth->has_orphans && has_left(left)) {
        if (auth->orphans_at >= auth->place_count) {
            auth->has_orphans = false;
            break;
        }
        struct auth_zone *zone = auth->places[auth->orphans_at++];
        left->looks--;
        if (zone != NULL && zone->membership != NULL && zone->membership->catalog == NULL) {
            left->changes -= reconsider(auth, zone->name, now, outbox);
        }
    }
}

void auth_catalogs_go_on(struct auth *auth, struct moment now, struct outbox *outbox)
{
    struct portion left = {CHANGES_PORTION, LOOKS_PORTION};
    orphans_on(auth, &left, now, outbox);
    bool has_more = auth->has_orphans;
    for (struct auth_members *members = auth->catalogs; members != NULL; members = members->next) {
        if (members->is_due) {
            read_again(auth, members);
        }
        pass_on(auth, members, &left, now, outbox);
        has_more = has_more || members->pass != PASS_NONE;
    }
    if (has_more) {
        outbox_timer(outbox, auth_timer_id(AUTH_TIMER_SWEEP, 0), now.mono_ns);
    }
    if (auth->is_catalog_due && !auth->is_catalog_timed && !has_more) {
        int64_t next_ns = auth->catalogs_made_ns + GATHER_MS * MOMENT_NS_PER_MS;
        auth->is_catalog_timed = true;
        outbox_timer(outbox, auth_timer_id(AUTH_TIMER_CATALOG, 0),
                     next_ns > now.mono_ns ? next_ns : now.mono_ns);
    }
}

/* ------------------------------------------------------------------ zones in their roles */

static enum status open_members(struct auth *auth, struct auth_zone *zone)
{
    struct auth_members *members = calloc(1, sizeof *members);
    if (members == NULL) {
        return NO_MEMORY;
    }
    struct auth_members **last = &auth->catalogs;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *members = (struct auth_members){.zone = zone, .is_due = true};
    arena_open(&members->arena, CATALOG_MEMORY_MAX);
    *last = members;
    return OK;
}

static void close_members(struct auth *auth, const struct auth_zone *zone)
{
    struct auth_members **at = &auth->catalogs;
    while (*at != NULL && (*at)->zone != zone) {
        at = &(*at)->next;
    }
    struct auth_members *members = *at;
    if (members == NULL) {
        return;
    }
    *at = members->next;
    arena_close(&members->arena);
    free(members);
}

/* Its members are nobody's: another catalog that claims them has them soon, or they go. */
static void leave_members(struct auth *auth, const struct auth_zone *catalog)
{
    for (size_t i = 0; i < auth->place_count; i++) {
        struct auth_zone *zone = auth->places[i];
        if (zone != NULL && zone->membership != NULL && zone->membership->catalog == catalog) {
            zone->membership->catalog = NULL;
        }
    }
    auth->has_orphans = true;
    auth->orphans_at = 0;
}

/* Its templates may be others: each member has its options anew. */
static void renew_members(struct auth *auth, const struct auth_zone *catalog)
{
    for (size_t i = 0; i < auth->place_count; i++) {
        struct auth_zone *zone = auth->places[i];
        if (zone != NULL && zone->membership != NULL && zone->membership->catalog == catalog) {
            zone->membership->group = ~zone->membership->group;
        }
    }
    auth_catalog_changed(auth, catalog);
}

static void note_change(struct auth *auth)
{
    auth->is_catalog_due = true;
}

enum status auth_catalog_join(struct auth *auth, struct auth_zone *zone)
{
    if (zone->terms->listing != NULL) {
        note_change(auth);
    }
    switch (role_of(zone)) {
    case AUTH_CATALOG_INTERPRET:
        return open_members(auth, zone);
    case AUTH_CATALOG_GENERATE:
    case AUTH_CATALOG_MEMBER:
        note_change(auth);
        break;
    case AUTH_CATALOG_NONE:
        break;
    }
    return OK;
}

void auth_catalog_leave(struct auth *auth, struct auth_zone *zone)
{
    if (role_of(zone) == AUTH_CATALOG_INTERPRET) {
        close_members(auth, zone);
        leave_members(auth, zone);
    }
    if (role_of(zone) == AUTH_CATALOG_MEMBER || zone->terms->listing != NULL) {
        note_change(auth);
    }
}

enum status auth_catalog_rejoin(struct auth *auth, struct auth_zone *zone,
                                const struct auth_zone_options *terms)
{
    const struct auth_catalog *before = zone->terms->catalog;
    const struct auth_catalog *next = terms->catalog;
    bool stays = before != NULL && next != NULL && before->role == AUTH_CATALOG_INTERPRET &&
                 next->role == AUTH_CATALOG_INTERPRET;
    if (!stays) {
        auth_catalog_leave(auth, zone);
    }
    zone->terms = terms;
    if (!stays) {
        return auth_catalog_join(auth, zone);
    }
    renew_members(auth, zone);
    return OK;
}

void auth_catalog_changed(struct auth *auth, const struct auth_zone *zone)
{
    for (struct auth_members *members = auth->catalogs; members != NULL; members = members->next) {
        members->is_due = members->is_due || members->zone == zone;
    }
}

void auth_catalogs_close(struct auth *auth)
{
    while (auth->catalogs != NULL) {
        close_members(auth, auth->catalogs->zone);
    }
}

/* ------------------------------------------------------------------ catalogs made here */

static int compare_members(const void *a, const void *b)
{
    const struct catalog_member *left = a;
    const struct catalog_member *right = b;
    return name_compare(left->zone, right->zone);
}

/* By what the zone stands in the catalog; NULL: it does not. */
static const struct auth_catalog *find_entry(const struct auth_zone *zone,
                                             const struct auth_zone *catalog)
{
    const struct auth_catalog *entries[] = {zone->terms->catalog, zone->terms->listing};
    for (size_t i = 0; i < LEN(entries); i++) {
        if (entries[i] != NULL && entries[i]->role == AUTH_CATALOG_MEMBER &&
            name_equal(entries[i]->zone, catalog->name)) {
            return entries[i];
        }
    }
    return NULL;
}

/* The zones that are members of a catalog, in canonical order. */
static enum status collect(const struct auth *auth, const struct auth_zone *catalog,
                           struct arena *arena, struct catalog *found)
{
    *found = (struct catalog){arena_take_array(arena, auth->zone_count, sizeof *found->members), 0};
    if (found->members == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < auth->place_count; i++) {
        const struct auth_zone *zone = auth->places[i];
        const struct auth_catalog *place = zone == NULL ? NULL : find_entry(zone, catalog);
        if (place != NULL) {
            found->members[found->count++] =
                (struct catalog_member){.zone = zone->name, .group = place->group};
        }
    }
    qsort(found->members, found->count, sizeof *found->members, compare_members);
    return OK;
}

static bool is_same_version(const struct zone *a, const struct zone *b)
{
    struct zone_comparison comparison;
    struct zone_change change;
    zone_compare(a, b, &comparison);
    return !zone_compare_next(&comparison, &change);
}

/* The seconds since 1970, so that a lost disk does not bring back an old serial; but always a newer
 * one. */
static uint32_t next_serial(const struct zone *held, struct moment now)
{
    uint32_t clock = (uint32_t)moment_wall_s(now);
    return held == NULL || serial_is_newer(clock, zone_serial(held)) ? clock
                                                                     : zone_serial(held) + 1;
}

static void generate(struct auth *auth, struct auth_zone *zone, struct moment now,
                     struct outbox *outbox)
{
    struct arena arena;
    struct catalog catalog;
    struct zone *version = NULL;
    struct zone *held = auth_zone_newest(zone);
    char name[NAME_TEXT_MAX];
    arena_open(&arena, CATALOG_MEMORY_MAX);
    enum status status = collect(auth, zone, &arena, &catalog);
    if (status == OK && held != NULL) {
        version = catalog_make(zone->name, &catalog, zone_serial(held));
        if (version != NULL && is_same_version(held, version)) {
            zone_release(version);
            arena_close(&arena);
            return;
        }
        zone_release(version);
    }
    version = status == OK ? catalog_make(zone->name, &catalog, next_serial(held, now)) : NULL;
    arena_close(&arena);
    name_print(zone->name, name);
    if (version == NULL) {
        log_line(auth->options.log, LOG_ERROR, "catalog %s: no memory for its next version", name);
        return;
    }
    auth_zone_publish(auth, zone, version);
    auth_keep_zone(auth, zone);
    log_line(auth->options.log, LOG_NOTICE, "catalog %s: serial %u tells of %zu members", name,
             zone_serial(version), catalog.count);
    auth_notify_start(auth, zone, now, outbox);
}

void auth_catalogs_make(struct auth *auth, struct moment now, struct outbox *outbox)
{
    auth->is_catalog_due = false;
    auth->is_catalog_timed = false;
    auth->catalogs_made_ns = now.mono_ns;
    for (size_t i = 0; i < auth->place_count; i++) {
        struct auth_zone *zone = auth->places[i];
        if (zone != NULL && role_of(zone) == AUTH_CATALOG_GENERATE) {
            generate(auth, zone, now, outbox);
        }
    }
}

/* Where there are catalogs to interpret, their members come first: else those that are made here
 * would lose them until then. */
void auth_catalogs_make_first(struct auth *auth, struct moment now, struct outbox *outbox)
{
    note_change(auth);
    if (auth->catalogs == NULL) {
        auth_catalogs_make(auth, now, outbox);
    }
}
