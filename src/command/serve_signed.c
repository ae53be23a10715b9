/* Which zones the signer's process has: those of the configuration, and those that the server tells
 * it of by a catalog (RFC 9432), as they are added there while it runs. Each zone is in three
 * services: one pulls it from its primary, one signs it, one hands it to our server. */
#include "command/command.h"
#include "command/serve_manage.h"
#include "command/serve_signer.h"
#include "core/crypto/key.h"
#include "core/dnssec/dnskey.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct serve *serve, const struct serve_zone *zone,
                           const char *option)
{
    struct serve_place place = serve_find_place(serve, zone, option);
    return config_text(serve->config, place.section, place.index, option);
}

static bool says(const struct serve *serve, const struct serve_zone *zone, const char *option)
{
    struct serve_place place = serve_find_place(serve, zone, option);
    return config_bool(serve->config, place.section, place.index, option);
}

static uint32_t seconds(const struct serve *serve, const struct serve_zone *zone,
                        const char *option, uint32_t otherwise)
{
    struct serve_place place = serve_find_place(serve, zone, option);
    return text_of(serve, zone, option) == NULL
               ? otherwise
               : (uint32_t)config_number(serve->config, place.section, place.index, option);
}

static size_t choice(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return 0;
}

enum { CDS_NONE, CDS_ALWAYS, CDS_DELETE_DNSSEC };

static struct zone_sign_policy read_policy(const struct serve *serve, const struct serve_zone *zone)
{
    static const char *const denials[] = {
        [ZONE_NSEC] = "nsec", [ZONE_NSEC3] = "nsec3", [ZONE_NSEC3_OPT_OUT] = "nsec3-opt-out"};
    static const char *const serials[] = {[ZONE_SERIAL_KEEP] = "keep",
                                          [ZONE_SERIAL_INCREMENT] = "increment",
                                          [ZONE_SERIAL_UNIXTIME] = "unixtime",
                                          [ZONE_SERIAL_DATE] = "date"};
    static const char *const publishings[] = {
        [CDS_NONE] = "none", [CDS_ALWAYS] = "always", [CDS_DELETE_DNSSEC] = "delete-dnssec"};
    static const char *const digests[] = {"sha256", "sha384"};
    uint32_t validity_s = seconds(serve, zone, "validity", 14 * 86400);
    size_t publish =
        choice(text_of(serve, zone, "cds-cdnskey-publish"), publishings, LEN(publishings));
    return (struct zone_sign_policy){
        .denial = (enum zone_denial)choice(text_of(serve, zone, "denial"), denials, LEN(denials)),
        .serial =
            (enum zone_serial_policy)choice(text_of(serve, zone, "serial"), serials, LEN(serials)),
        .dnskey_ttl_s = seconds(serve, zone, "dnskey-ttl", 0),
        .validity_s = validity_s,
        .refresh_s = seconds(serve, zone, "refresh", validity_s / 2),
        .jitter_s = seconds(serve, zone, "jitter", validity_s / 14),
        .inception_offset_s = seconds(serve, zone, "inception-offset", 3600),
        .has_zonemd = says(serve, zone, "zonemd"),
        .has_cds = publish != CDS_NONE,
        .asks_for_no_ds = publish == CDS_DELETE_DNSSEC,
        .cds_digest = choice(text_of(serve, zone, "cds-digest-type"), digests, LEN(digests)) == 0
                          ? DS_DIGEST_SHA256
                          : DS_DIGEST_SHA384,
        .has_csync = says(serve, zone, "csync")};
}

/* ------------------------------------------------------------------ a zone in the terms of each
 * service */

/* Our server, whom all zones go to; made once for all of a configuration. */
static enum status make_handing_out(struct signer_process *process, struct problem *problem)
{
    struct serve *serve = process->now;
    size_t count = serve->listen_count > AUTH_NOTIFY_MAX ? AUTH_NOTIFY_MAX : serve->listen_count;
    struct auth_peer *peers = arena_take_array(&serve->arena, count, sizeof *peers);
    struct auth_grant *grant = arena_take(&serve->arena, sizeof *grant);
    if (peers == NULL || grant == NULL) { /* those of the configuration before stay in use */
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < count; i++) {
        peers[i] = (struct auth_peer){serve->listen[i], serve->link};
    }
    *grant = (struct auth_grant){.key = serve->link};
    process->peers = peers;
    process->peer_count = count;
    process->grant = grant;
    return OK;
}

static struct auth_zone_options hand_out_options(const struct signer_process *process,
                                                 struct name name, uint32_t mark)
{
    return (struct auth_zone_options){.name = name,
                                      .is_pushed = true,
                                      .mark = mark,
                                      .notify = process->peers,
                                      .notify_count = process->peer_count,
                                      .grants = process->grant,
                                      .grant_count = 1};
}

/* One whose terms are a pattern has its file by its name, which `load` puts in. */
static enum status make_zone(struct signer_process *process, const struct serve_zone *terms,
                             struct name name, struct signed_zone *made, struct problem *problem)
{
    const struct serve *serve = process->now;
    struct span mnemonic = span_of_text(text_of(serve, terms, "algorithm"));
    uint32_t mark = terms->is_pattern ? SERVE_MARK_MEMBER : process->generation;
    made->signed_ = (struct signer_zone_options){
        .name = name,
        .file = terms->file,
        .is_signed = terms->is_signed,
        .update_rules = terms->update_rules,
        .update_rule_count = terms->update_rule_count,
        .algorithm = algorithm_parse(mnemonic)->number,
        .is_csk = strcmp(text_of(serve, terms, "key-layout"), "csk") == 0,
        .has_keys_in_hsm = strcmp(text_of(serve, terms, "keys-in"), "hsm") == 0,
        .is_signalled = says(serve, terms, "authsignal"),
        .policy = read_policy(serve, terms)};
    made->handed_out = hand_out_options(process, name, mark);
    made->handed_out.origin = terms->is_pattern ? terms : NULL;
    made->pulled =
        (struct auth_zone_options){.name = name, .is_pushed = !terms->has_primary, .mark = mark};
    return terms->has_primary
               ? serve_make_primary(terms, process->world, &made->pulled.primary, problem)
               : OK;
}

static struct auth_zone_options catalog_options(const struct signer_process *process)
{
    static const struct auth_catalog interpreted = {.role = AUTH_CATALOG_INTERPRET};
    return (struct auth_zone_options){
        .name = SERVE_CATALOG,
        .catalog = &interpreted,
        .mark = process->generation,
        .primary = {.address = process->now->listen[0], .key = process->now->link}};
}

enum status serve_make_signed(struct signer_process *process, struct signed_zones *zones,
                              struct problem *problem)
{
    struct serve *serve = process->now;
    size_t count = serve->zone_count;
    *zones = (struct signed_zones){
        .signed_ = arena_take_array(&serve->arena, count, sizeof *zones->signed_),
        .pulled = arena_take_array(&serve->arena, count + 1, sizeof *zones->pulled),
        .handed_out = arena_take_array(&serve->arena, count, sizeof *zones->handed_out)};
    if (zones->signed_ == NULL || zones->pulled == NULL || zones->handed_out == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    enum status status = make_handing_out(process, problem);
    for (size_t i = 0; i < count && status == OK; i++) {
        struct signed_zone made;
        status = make_zone(process, &serve->zones[i], serve->zones[i].name, &made, problem);
        zones->signed_[i] = made.signed_;
        zones->handed_out[i] = made.handed_out;
        zones->count++;
        if (!made.pulled.is_pushed) {
            zones->pulled[zones->pulled_count++] = made.pulled;
        }
    }
    if (serve_has_signed_pattern(serve)) {
        zones->pulled[zones->pulled_count++] = catalog_options(process);
    }
    return status;
}

/* ------------------------------------------------------------------ while it runs */

static struct outbox *outbox_of(struct signer_process *process, enum serve_member member)
{
    return &process->compose.outboxes[member];
}

static void drop_zone(struct signer_process *process, struct name name, struct moment now)
{
    (void)!signer_remove(process->signer, name, now, outbox_of(process, SERVE_SIGN));
    (void)!auth_remove(process->hand_out, name, now, outbox_of(process, SERVE_HAND_OUT));
}

/* Who hands out is there before there is something to hand out. */
static enum status add_zone(struct signer_process *process, const struct signed_zone *made,
                            struct moment now, struct problem *problem)
{
    enum status status = auth_add(process->hand_out, &made->handed_out, now, problem);
    if (status != OK) {
        return status;
    }
    status =
        signer_add(process->signer, &made->signed_, now, outbox_of(process, SERVE_SIGN), problem);
    if (status == OK && (!made->pulled.is_pushed || made->pulled.mark == SERVE_MARK_MEMBER)) {
        status = auth_add(process->pull, &made->pulled, now, problem);
    }
    if (status != OK) {
        drop_zone(process, made->handed_out.name, now);
    }
    return status;
}

static enum status change_pulled(struct signer_process *process, const struct signed_zone *made,
                                 struct moment now, struct problem *problem)
{
    struct outbox *outbox = outbox_of(process, SERVE_PULL);
    struct auth_zone_options held;
    bool is_there = auth_zone_options_of(process->pull, made->pulled.name, &held);
    bool is_wanted = !made->pulled.is_pushed || made->pulled.mark == SERVE_MARK_MEMBER;
    if (is_there && is_wanted) {
        return auth_change(process->pull, &made->pulled, now, outbox, problem);
    }
    if (is_there) {
        return auth_remove(process->pull, made->pulled.name, now, outbox);
    }
    return is_wanted ? auth_add(process->pull, &made->pulled, now, problem) : OK;
}

static enum status change_zone(struct signer_process *process, const struct signed_zone *made,
                               struct moment now, struct problem *problem)
{
    enum status status = auth_change(process->hand_out, &made->handed_out, now,
                                     outbox_of(process, SERVE_HAND_OUT), problem);
    if (status == OK) {
        status = signer_change(process->signer, &made->signed_, now, outbox_of(process, SERVE_SIGN),
                               problem);
    }
    return status == OK ? change_pulled(process, made, now, problem) : status;
}

/* A zone that cannot be taken over is there for our server to hear why. */
static enum status refuse_member(struct signer_process *process, struct name member,
                                 const struct problem *why, struct moment now)
{
    struct problem problem = {0};
    struct auth_zone_options options = hand_out_options(process, member, SERVE_MARK_MEMBER);
    enum status status = auth_add(process->hand_out, &options, now, &problem);
    if (status == OK || status == EXISTS) {
        status = auth_explain(process->hand_out, member, why->sentence);
    }
    return status == OK
               ? auth_notify(process->hand_out, member, now, outbox_of(process, SERVE_HAND_OUT))
               : status;
}

static enum status take_member(struct signer_process *process, struct name member,
                               struct span group, struct moment now, struct problem *problem)
{
    struct signed_zone made;
    struct auth_zone_options held;
    const struct serve_zone *pattern = serve_find_pattern(process->now, group);
    bool is_there = auth_zone_options_of(process->hand_out, member, &held);
    if (is_there && held.mark != SERVE_MARK_MEMBER) {
        return problem_set(problem, EXISTS, "it stands in the signer's configuration");
    }
    if (is_there && pattern != NULL && held.origin == pattern) {
        return OK; /* as it is */
    }
    if (is_there && held.origin == NULL) { /* it was refused before */
        drop_zone(process, member, now);
        is_there = false;
    }
    if (pattern == NULL || !pattern->is_signed) {
        return problem_set(problem, NOT_FOUND,
                           "the signer's configuration has no pattern %.*s with `sign: yes`: it "
                           "wants a reload",
                           (int)group.len, (const char *)group.bytes);
    }
    enum status status = make_zone(process, pattern, member, &made, problem);
    if (status != OK) {
        return status;
    }
    return is_there ? change_zone(process, &made, now, problem)
                    : add_zone(process, &made, now, problem);
}

static enum status set_member(void *user, const struct auth_zone_options *catalog,
                              struct name member, struct span group, struct moment now,
                              struct outbox *outbox, struct problem *problem)
{
    struct signer_process *process = user;
    (void)catalog; /* there is one */
    (void)outbox;
    enum status status = take_member(process, member, group, now, problem);
    if (status != OK && refuse_member(process, member, problem, now) != OK) {
        log_line(world_log(process->world), LOG_ERROR, "no memory to say why a zone is not signed");
    }
    return status;
}

static void drop_member(void *user, struct name member, struct moment now, struct outbox *outbox)
{
    (void)outbox;
    drop_zone(user, member, now);
}

struct auth_manager serve_signed_members(struct signer_process *process)
{
    return (struct auth_manager){
        .user = process, .set_member = set_member, .drop_member = drop_member};
}

/* ------------------------------------------------------------------ another configuration */

struct reloading {
    struct signer_process *process;
    struct moment now;
    size_t added, removed;
};

static void take_zone(struct reloading *reloading, const struct serve_zone *zone)
{
    struct signer_process *process = reloading->process;
    struct problem problem = {0};
    struct signed_zone made;
    struct auth_zone_options held;
    enum status status = make_zone(process, zone, zone->name, &made, &problem);
    if (status == OK && auth_zone_options_of(process->hand_out, zone->name, &held)) {
        status = change_zone(process, &made, reloading->now, &problem);
    } else if (status == OK) {
        status = add_zone(process, &made, reloading->now, &problem);
        reloading->added++;
    }
    if (status != OK) {
        log_line(world_log(process->world), LOG_ERROR, "zone %s: %s", zone->text, problem.sentence);
    }
}

/* Those that the configuration has no more go; the catalog's get their pattern as it is now. */
static void take_leave(void *user, const struct auth_zone_options *options)
{
    struct reloading *reloading = user;
    struct signer_process *process = reloading->process;
    struct problem problem = {0};
    char text[NAME_TEXT_MAX];
    if (options->mark == process->generation) {
        return;
    }
    if (options->mark != SERVE_MARK_MEMBER) {
        reloading->removed++;
        (void)!auth_remove(process->pull, options->name, reloading->now,
                           outbox_of(process, SERVE_PULL));
        drop_zone(process, options->name, reloading->now);
        return;
    }
    const struct serve_zone *pattern = options->origin;
    if (pattern != NULL && take_member(process, options->name, span_of_text(pattern->text),
                                       reloading->now, &problem) != OK) {
        log_line(world_log(process->world), LOG_ERROR, "zone %s: %s",
                 name_print(options->name, text), problem.sentence);
    }
}

/* Members are set again, too: those that were refused may be taken now. */
static void take_catalog(struct reloading *reloading)
{
    struct signer_process *process = reloading->process;
    struct outbox *outbox = outbox_of(process, SERVE_PULL);
    struct auth_zone_options options = catalog_options(process);
    struct auth_zone_options held;
    struct problem problem = {0};
    bool is_there = auth_zone_options_of(process->pull, SERVE_CATALOG, &held);
    bool is_wanted = serve_has_signed_pattern(process->now);
    enum status status = OK;
    if (is_there && is_wanted) {
        status = auth_change(process->pull, &options, reloading->now, outbox, &problem);
    } else if (is_wanted) {
        status = auth_add(process->pull, &options, reloading->now, &problem);
    } else if (is_there) {
        status = auth_remove(process->pull, SERVE_CATALOG, reloading->now, outbox);
    }
    if (status != OK) {
        log_line(world_log(process->world), LOG_ERROR, "the catalog of added zones: %s",
                 problem.sentence);
    }
}

static enum status read_next(const struct signer_process *process, struct serve *next,
                             struct problem *problem)
{
    enum status status = serve_read_again(process->first, next, problem);
    if (status == OK && next->link == NULL) {
        status = problem_set(problem, REFUSED,
                             "the configuration has no signer any more: that takes a restart");
    }
    return status;
}

static void close_serve(const struct signer_process *process, struct serve *serve)
{
    if (serve != process->first && serve != NULL) {
        arena_close(&serve->bulk);
        arena_close(&serve->arena);
        free(serve);
    }
}

void serve_close_signer_now(struct signer_process *process)
{
    close_serve(process, process->now);
}

enum status serve_reconfigure_signer(struct signer_process *process, struct moment now,
                                     struct problem *problem)
{
    struct reloading reloading = {.process = process, .now = now};
    struct serve *before = process->now;
    if (!process->first->has_file) {
        return OK;
    }
    struct serve *next = calloc(1, sizeof *next);
    enum status status = next == NULL ? problem_set(problem, NO_MEMORY, "no memory for it")
                                      : read_next(process, next, problem);
    process->now = status == OK ? next : before;
    status = status == OK ? make_handing_out(process, problem) : status;
    if (status != OK) {
        process->now = before;
        close_serve(process, next);
        return status;
    }
    process->generation++;
    auth_set_keys(process->pull, next->keys, next->key_count, now, outbox_of(process, SERVE_PULL));
    auth_set_keys(process->hand_out, next->keys, next->key_count, now,
                  outbox_of(process, SERVE_HAND_OUT));
    for (size_t i = 0; i < next->zone_count; i++) {
        take_zone(&reloading, &next->zones[i]);
    }
    auth_each_zone(process->hand_out, take_leave, &reloading);
    take_catalog(&reloading);
    close_serve(process, before);
    log_line(world_log(process->world), LOG_NOTICE,
             "the configuration was read again: %zu zones, %zu came, %zu went", next->zone_count,
             reloading.added, reloading.removed);
    return OK;
}
