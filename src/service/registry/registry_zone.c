/* What of an object is published and how a zone version follows from the one before: the
 * difference of two record lists, one serial a command, and the same steps backward for the
 * history after a restart. */
#include "service/registry/registry_zone.h"

#include "core/crypto/digest.h"
#include "service/registry/registry_store.h"

#include <string.h>

enum { DOMAINS_A_PAGE = 500, PAGE_ARENA_MAX = 64 << 20, OPTIONS_LEN_MAX = 16 << 10 };

static void list_add(struct registry_record_list *list, struct registry_record record)
{
    require(list->count < REGISTRY_DOMAIN_RECORDS_MAX);
    list->records[list->count++] = record;
}

static struct span address_rdata(const struct address *address)
{
    return span_of(address->octets, address->family == ADDRESS_IPV4 ? 4 : 16);
}

static uint16_t address_type(const struct address *address)
{
    return address->family == ADDRESS_IPV4 ? TYPE_A : TYPE_AAAA;
}

static bool is_on_hold(const struct registry_domain *domain)
{
    for (size_t i = 0; i < domain->status_count; i++) {
        if (span_equal(domain->statuses[i], SPAN_LITERAL("clientHold")) ||
            span_equal(domain->statuses[i], SPAN_LITERAL("serverHold"))) {
            return true;
        }
    }
    return false;
}

void registry_zone_list(const struct registry_domain *domain, struct registry_record_list *list)
{
    list->count = 0;
    if (domain == NULL || domain->host_count == 0 || is_on_hold(domain)) {
        return;
    }
    const struct registry_tld_options *tld = domain->tld->options;
    for (size_t i = 0; i < domain->host_count; i++) {
        const struct registry_host *host = &domain->hosts[i];
        list_add(list, (struct registry_record){domain->name, TYPE_NS, tld->delegation_ttl_s,
                                                name_span(host->name)});
        for (size_t j = 0; j < host->address_count; j++) {
            list_add(list, (struct registry_record){host->name, address_type(&host->addresses[j]),
                                                    tld->delegation_ttl_s,
                                                    address_rdata(&host->addresses[j])});
        }
    }
    for (size_t i = 0; i < domain->key_count; i++) {
        list_add(list, (struct registry_record){domain->name, TYPE_DS, tld->ds_ttl_s,
                                                domain->keys[i].ds});
    }
}

static bool list_has(const struct registry_record_list *list, const struct registry_record *record)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct registry_record *other = &list->records[i];
        if (other->type == record->type && other->ttl_s == record->ttl_s &&
            name_equal(other->owner, record->owner) && span_equal(other->rdata, record->rdata)) {
            return true;
        }
    }
    return false;
}

static enum status soa_set(struct zone_builder *builder, const struct registry_tld_options *tld,
                           uint32_t serial, struct arena *arena)
{
    uint8_t bytes[2 * NAME_LEN_MAX + 20];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(tld->servers[0].name, &rdata);
    name_write(tld->soa.mailbox, &rdata);
    writer_u32(&rdata, serial);
    writer_u32(&rdata, tld->soa.refresh_s);
    writer_u32(&rdata, tld->soa.retry_s);
    writer_u32(&rdata, tld->soa.expire_s);
    writer_u32(&rdata, tld->soa.minimum_s);
    struct rrset_builder rrset_builder;
    struct rrset soa;
    rrset_begin(&rrset_builder, arena, tld->name, TYPE_SOA, tld->apex_ttl_s);
    rrset_add(&rrset_builder, writer_written(&rdata));
    enum status status = rrset_finish(&rrset_builder, &soa);
    return status == OK ? zone_build_set(builder, &soa) : status;
}

static enum status record_apply(struct zone_builder *builder, bool is_added,
                                const struct registry_record *record)
{
    return is_added
               ? zone_build_add(builder, record->owner, record->type, record->ttl_s, record->rdata)
               : zone_build_remove(builder, record->owner, record->type, record->rdata);
}

struct zone *registry_zone_current(const struct registry_tld *tld)
{
    return tld->history[tld->history_count - 1];
}

/* The records of `from` that are not in `other`, into the builder and into the records. */
struct zone_step {
    struct registry *registry;
    struct registry_tld *tld;
    struct zone_builder *builder;
    struct arena *scratch;
    uint32_t serial;
};
static enum status step_apply(struct zone_step *step, const struct registry_record_list *from,
                              const struct registry_record_list *other, bool is_added)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < from->count; i++) {
        const struct registry_record *record = &from->records[i];
        if (!list_has(other, record)) {
            status = registry_store_add_change(step->registry->options.records, step->scratch,
                                               step->tld->text, step->serial, is_added, record);
            if (status == OK) {
                status = record_apply(step->builder, is_added, record);
            }
        }
    }
    return status;
}

static size_t list_count_missing(const struct registry_record_list *from,
                                 const struct registry_record_list *other)
{
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++) {
        count += list_has(other, &from->records[i]) ? 0 : 1;
    }
    return count;
}

static enum status serial_put(struct zone_step *step)
{
    struct records *records = step->registry->options.records;
    uint32_t serial;
    struct span digest;
    enum status status =
        registry_store_find_serial(records, step->scratch, step->tld->text, &serial, &digest);
    if (status == OK) {
        status = registry_store_put_serial(records, step->scratch, step->tld->text, step->serial,
                                           digest);
    }
    if (status == OK) {
        status = registry_store_trim_changes(records, step->scratch, step->tld->text,
                                             REGISTRY_HISTORY_MAX - 1);
    }
    return status;
}

enum status registry_zone_prepare(struct registry *registry, const struct registry_domain *before,
                                  const struct registry_domain *after, struct arena *scratch,
                                  struct registry_zone_change *change)
{
    struct registry_tld *tld = before == NULL ? after->tld : before->tld;
    *change = (struct registry_zone_change){.tld = tld};
    struct registry_record_list *lists = arena_take_array(scratch, 2, sizeof *lists);
    if (lists == NULL) {
        return NO_MEMORY;
    }
    registry_zone_list(before, &lists[0]);
    registry_zone_list(after, &lists[1]);
    if (list_count_missing(&lists[0], &lists[1]) == 0 &&
        list_count_missing(&lists[1], &lists[0]) == 0) {
        return OK;
    }
    struct zone *current = registry_zone_current(tld);
    struct zone_step step = {registry, tld, NULL, scratch, zone_serial(current) + 1};
    enum status status = zone_build(tld->options->name, current, &step.builder);
    if (status != OK) {
        return status;
    }
    status = step_apply(&step, &lists[0], &lists[1], false);
    if (status == OK) {
        status = step_apply(&step, &lists[1], &lists[0], true);
    }
    if (status == OK) {
        status = soa_set(step.builder, tld->options, step.serial, scratch);
    }
    if (status == OK) {
        status = serial_put(&step);
    }
    if (status != OK) {
        zone_build_cancel(step.builder);
        return status;
    }
    change->next = zone_build_finish(step.builder);
    return OK;
}

void registry_zone_publish(struct registry_zone_change *change)
{
    struct registry_tld *tld = change->tld;
    if (change->next == NULL) {
        return;
    }
    if (tld->history_count == REGISTRY_HISTORY_MAX) {
        zone_release(tld->history[0]);
        tld->history_count--;
        memmove(&tld->history[0], &tld->history[1], tld->history_count * sizeof tld->history[0]);
    }
    tld->history[tld->history_count++] = change->next;
    change->next = NULL;
}

void registry_zone_cancel(struct registry_zone_change *change)
{
    zone_release(change->next);
    change->next = NULL;
}

/* The whole zone. */

static enum status apex_add(struct zone_builder *builder, const struct registry_tld_options *tld,
                            uint32_t serial, struct arena *arena)
{
    enum status status = soa_set(builder, tld, serial, arena);
    for (size_t i = 0; status == OK && i < tld->server_count; i++) {
        const struct registry_server *server = &tld->servers[i];
        status =
            zone_build_add(builder, tld->name, TYPE_NS, tld->apex_ttl_s, name_span(server->name));
        bool is_inside = name_is_at_or_below(server->name, tld->name);
        for (size_t j = 0; status == OK && is_inside && j < server->address_count; j++) {
            status = zone_build_add(builder, server->name, address_type(&server->addresses[j]),
                                    tld->apex_ttl_s, address_rdata(&server->addresses[j]));
        }
    }
    return status;
}

static enum status domain_add(struct registry *registry, struct zone_builder *builder,
                              struct span text, struct arena *scratch)
{
    struct registry_domain *domain = arena_take(scratch, sizeof *domain);
    struct registry_record_list *list = arena_take(scratch, sizeof *list);
    if (domain == NULL || list == NULL) {
        return NO_MEMORY;
    }
    struct problem problem;
    enum status status = registry_name_of_domain(registry, text, scratch, domain, &problem);
    if (status == REFUSED) {
        return OK; /* reserved since it was registered: kept, but not published */
    }
    if (status == OK) {
        status = registry_store_load_domain(registry->options.records, scratch, domain);
    }
    if (status == OK) {
        registry_zone_list(domain, list);
    }
    for (size_t i = 0; status == OK && i < list->count; i++) {
        status = record_apply(builder, true, &list->records[i]);
    }
    return status;
}

/* Page by page, so that memory does not grow with the number of domains. */
static enum status domains_add(struct registry *registry, const struct registry_tld *tld,
                               struct zone_builder *builder)
{
    struct arena names, scratch;
    arena_open(&names, PAGE_ARENA_MAX);
    arena_open(&scratch, PAGE_ARENA_MAX);
    uint8_t after_bytes[NAME_LEN_MAX];
    struct span after = SPAN_EMPTY;
    struct records_rows rows = {.count = DOMAINS_A_PAGE};
    enum status status = OK;
    while (status == OK && rows.count == DOMAINS_A_PAGE) {
        arena_reset(&names);
        status = registry_store_list_domains(registry->options.records, &names, tld->text, after,
                                             DOMAINS_A_PAGE, &rows);
        for (size_t i = 0; status == OK && i < rows.count; i++) {
            status = domain_add(registry, builder, rows.rows[i].values[0].bytes, &scratch);
            arena_reset(&scratch);
        }
        if (status == OK && rows.count > 0) {
            struct span last = rows.rows[rows.count - 1].values[0].bytes;
            require(last.len <= sizeof after_bytes);
            memcpy(after_bytes, last.bytes, last.len);
            after = span_of(after_bytes, last.len);
        }
    }
    arena_close(&scratch);
    arena_close(&names);
    return status;
}

/* Where to tell the registry of new CDS and CSYNC, for every child (RFC 9859). */
static enum status dsync_add(struct zone_builder *builder, const struct registry_tld_options *tld)
{
    static const uint16_t types[] = {TYPE_CDS, TYPE_CSYNC};
    struct name_buffer below_buffer, owner_buffer;
    struct name below, owner;
    enum status status = name_make_child(SPAN_LITERAL("_dsync"), tld->name, &below_buffer, &below);
    status = status == OK ? name_make_wildcard(below, &owner_buffer, &owner) : status;
    for (size_t i = 0; status == OK && i < LEN(types); i++) {
        uint8_t bytes[5 + NAME_LEN_MAX];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        writer_u16(&rdata, types[i]);
        writer_u8(&rdata, DSYNC_SCHEME_NOTIFY);
        writer_u16(&rdata, tld->dsync_port);
        name_write(tld->dsync_target, &rdata);
        status =
            zone_build_add(builder, owner, TYPE_DSYNC, tld->apex_ttl_s, writer_written(&rdata));
    }
    return status;
}

/* What of the options stands in the zone: when it changes, so must the serial. */
static enum status options_digest(const struct registry_tld_options *tld, struct arena *scratch,
                                  uint8_t digest[DIGEST_LEN_MAX])
{
    uint8_t *bytes = arena_take(scratch, OPTIONS_LEN_MAX);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer text = writer_over(bytes, OPTIONS_LEN_MAX);
    const uint32_t numbers[] = {
        tld->soa.refresh_s, tld->soa.retry_s,      tld->soa.expire_s, tld->soa.minimum_s,
        tld->apex_ttl_s,    tld->delegation_ttl_s, tld->ds_ttl_s,     (uint32_t)tld->server_count};
    for (size_t i = 0; i < LEN(numbers); i++) {
        writer_u32(&text, numbers[i]);
    }
    name_write(tld->soa.mailbox, &text);
    for (size_t i = 0; i < tld->server_count; i++) {
        name_write(tld->servers[i].name, &text);
        writer_u8(&text, (uint8_t)tld->servers[i].address_count);
        for (size_t j = 0; j < tld->servers[i].address_count; j++) {
            writer_u8(&text, tld->servers[i].addresses[j].family);
            writer_span(&text, address_rdata(&tld->servers[i].addresses[j]));
        }
    }
    if (tld->dsync_target.len > 0) {
        name_write(tld->dsync_target, &text);
        writer_u16(&text, tld->dsync_port);
    }
    require(text.status == OK);
    struct span written = writer_written(&text);
    return digest_make(DIGEST_SHA256, &written, 1, digest);
}

/* The serial to open with, made durable. */
static enum status serial_open(struct registry *registry, struct registry_tld *tld, int64_t now_s,
                               struct arena *scratch, uint32_t *serial)
{
    struct records *records = registry->options.records;
    uint8_t digest[DIGEST_LEN_MAX];
    struct span stored;
    enum status status = options_digest(tld->options, scratch, digest);
    if (status != OK) {
        return status;
    }
    struct span wanted = span_of(digest, digest_len(DIGEST_SHA256));
    status = registry_store_find_serial(records, scratch, tld->text, serial, &stored);
    if (status == OK && span_equal(stored, wanted)) {
        return OK;
    }
    if (status != OK && status != NOT_FOUND) {
        return status;
    }
    *serial = status == NOT_FOUND ? (uint32_t)now_s : *serial + 1;
    status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    status = registry_store_put_serial(records, scratch, tld->text, *serial, wanted);
    if (status == OK) {
        status = registry_store_trim_changes(records, scratch, tld->text, 0);
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

/* The version before `newer`: its serial's changes taken back. `*at` moves to the next serial. */
static struct zone *version_before(const struct registry_tld *tld, struct zone *newer,
                                   const struct records_rows *rows, size_t *at,
                                   struct arena *scratch)
{
    struct zone_builder *builder;
    if (zone_build(tld->options->name, newer, &builder) != OK) {
        return NULL;
    }
    uint32_t serial = zone_serial(newer);
    enum status status = soa_set(builder, tld->options, serial - 1, scratch);
    size_t first = *at;
    while (status == OK && *at < rows->count &&
           (uint32_t)rows->rows[*at].values[0].integer == serial) {
        const struct records_value *values = rows->rows[*at].values;
        struct reader owner = reader_over(values[2].bytes);
        struct registry_record record = {name_read(&owner), (uint16_t)values[3].integer,
                                         (uint32_t)values[4].integer, values[5].bytes};
        status = reader_end(&owner);
        if (status == OK) {
            status = record_apply(builder, values[1].integer == 0, &record);
        }
        (*at)++;
    }
    if (status != OK || *at == first) {
        zone_build_cancel(builder);
        return NULL;
    }
    return zone_build_finish(builder);
}

/* A history that does not fit the zone ends where it stops fitting: then an AXFR serves. */
static enum status history_open(struct registry *registry, struct registry_tld *tld,
                                struct zone *current)
{
    struct arena scratch;
    arena_open(&scratch, PAGE_ARENA_MAX);
    struct records_rows rows;
    enum status status =
        registry_store_list_changes(registry->options.records, &scratch, tld->text, &rows);
    size_t at = 0, count = 1;
    struct zone *versions[REGISTRY_HISTORY_MAX] = {current}; /* newest first */
    while (status == OK && at < rows.count && count < REGISTRY_HISTORY_MAX) {
        struct zone *older = version_before(tld, versions[count - 1], &rows, &at, &scratch);
        if (older == NULL) {
            break;
        }
        versions[count++] = older;
    }
    for (size_t i = 0; i < count; i++) {
        tld->history[i] = versions[count - 1 - i];
    }
    tld->history_count = count;
    arena_close(&scratch);
    return status;
}

enum status registry_zone_open(struct registry *registry, struct registry_tld *tld, int64_t now_s,
                               struct problem *problem)
{
    struct arena scratch;
    arena_open(&scratch, PAGE_ARENA_MAX);
    uint32_t serial = 0;
    struct zone_builder *builder = NULL;
    enum status status = serial_open(registry, tld, now_s, &scratch, &serial);
    if (status == OK) {
        status = zone_build(tld->options->name, NULL, &builder);
    }
    if (status == OK) {
        status = apex_add(builder, tld->options, serial, &scratch);
    }
    if (status == OK && tld->options->dsync_target.len > 0) {
        status = dsync_add(builder, tld->options);
    }
    if (status == OK) {
        status = domains_add(registry, tld, builder);
    }
    if (status == OK) {
        status = history_open(registry, tld, zone_build_finish(builder));
        builder = NULL;
    }
    if (builder != NULL) {
        zone_build_cancel(builder);
    }
    arena_close(&scratch);
    if (status != OK) {
        problem_set(problem, status, "the zone %.*s cannot be built from the records: %s",
                    (int)tld->text.len, tld->text.bytes, status_text(status));
    }
    return status;
}

void registry_zone_close(struct registry_tld *tld)
{
    for (size_t i = 0; i < tld->history_count; i++) {
        zone_release(tld->history[i]);
    }
    tld->history_count = 0;
}
