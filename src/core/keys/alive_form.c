/* The durable form of what is alive: "vAlv", a version octet, then the fields in the order of the
 * structs, numbers big-endian; lists begin with their count, free key slots with a zero. */
#include "core/keys/alive.h"
#include "core/keys/alive_part.h"

enum { FORM_VERSION = 1, FORM_MAGIC = 0x76416c76 };

static void write_time(struct writer *form, int64_t time_s)
{
    writer_u64(form, (uint64_t)time_s);
}

static void write_size(struct writer *form, size_t count)
{
    require(count <= UINT8_MAX);
    writer_u8(form, (uint8_t)count);
}

static void write_ds(struct writer *form, const struct ds_set *set)
{
    writer_u8(form, set->count);
    for (size_t i = 0; i < set->count; ++i) {
        writer_u8(form, set->entries[i].key);
        writer_u8(form, set->entries[i].digest_type);
    }
}

static void write_dnskeys(struct writer *form, const struct dnskey_set *set)
{
    writer_u32(form, set->published);
    writer_u32(form, set->signers);
}

static void write_keys(struct writer *form, const struct alive *alive)
{
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        const struct alive_key *key = &alive->keys[i];
        writer_u8(form, key->algorithm);
        if (key->algorithm != 0) {
            writer_u16(form, key->tag);
            writer_span(form, span_of(key->id, ALIVE_ID_LEN));
            write_time(form, key->expires_s);
        }
    }
}

static void write_term(struct writer *form, const struct alive_term *term)
{
    writer_u32(form, term->ttl_s);
    writer_u32(form, term->beyond_s);
    writer_u32(form, term->decided);
    writer_u32(form, term->superseded);
    write_time(form, term->decided_s);
    write_time(form, term->gone_s);
    write_time(form, term->expires_s);
    write_time(form, term->seen_s);
    writer_u16(form, term->seen_type);
    writer_u8(form, term->seen_server);
}

static void write_version(struct writer *form, const struct alive_version *version)
{
    write_size(form, version->list);
    writer_u8(form, version->source);
    switch (version->list) {
    case ALIVE_DS:
        write_ds(form, &version->content.ds);
        break;
    case ALIVE_DNSKEY:
        write_dnskeys(form, &version->content.keys);
        break;
    case ALIVE_SIGNERS:
        writer_u32(form, version->content.signers);
        break;
    case ALIVE_NS:
    case ALIVE_APEX_NS:
        writer_u8(form, version->content.sources);
        break;
    case ALIVE_LIST_COUNT:
        break;
    }
    writer_u8(form, version->term_count);
    for (size_t i = 0; i < version->term_count; ++i) {
        write_term(form, &version->terms[i]);
    }
}

static void write_server(struct writer *form, const struct alive_server *server)
{
    writer_u8(form, server->address.family);
    writer_span(form, span_of(server->address.octets, sizeof server->address.octets));
    writer_u16(form, server->address.port);
    writer_u8(form, server->is_parent);
    writer_u8(form, server->source);
    writer_u32(form, server->refresh_s);
    writer_u32(form, server->expire_s);
    write_time(form, server->transferred_s);
    for (size_t list = 0; list < ALIVE_LISTS_OF_A_PLACE; ++list) {
        writer_u8(form, server->mark_count[list]);
        for (size_t i = 0; i < server->mark_count[list]; ++i) {
            const struct alive_mark *mark = &server->marks[list][i];
            writer_u32(form, mark->number);
            write_time(form, mark->since_s);
            write_time(form, mark->confirmed_s);
        }
    }
}

static void write_chain(struct writer *form, const struct alive_chain *chain)
{
    write_ds(form, &chain->ds);
    write_dnskeys(form, &chain->keys);
    write_time(form, chain->dies_s);
    writer_u32(form, chain->lasts_s);
}

void alive_write(const struct alive *alive, struct writer *form)
{
    writer_u32(form, FORM_MAGIC);
    writer_u8(form, FORM_VERSION);
    writer_u32(form, alive->last_change);
    writer_u8(form, alive->waived);
    write_time(form, alive->wall_ns);
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        write_time(form, alive->left_s[i]);
    }
    write_keys(form, alive);
    write_size(form, alive->version_count);
    for (size_t i = 0; i < alive->version_count; ++i) {
        write_version(form, &alive->versions[i]);
    }
    write_size(form, alive->server_count);
    for (size_t i = 0; i < alive->server_count; ++i) {
        write_server(form, &alive->servers[i]);
    }
    write_size(form, alive->chain_count);
    for (size_t i = 0; i < alive->chain_count; ++i) {
        write_chain(form, &alive->chains[i]);
    }
}

static void check(struct reader *form, bool is_right)
{
    if (!is_right) {
        reader_fail(form, MALFORMED);
    }
}

static int64_t read_time(struct reader *form)
{
    int64_t time_s = (int64_t)reader_u64(form);
    check(form, alive_is_time(time_s));
    return form->status == OK ? time_s : 0;
}

/* A count above its limit reads as 0, and the form as a whole as LIMIT_REACHED. */
static uint8_t read_count(struct reader *form, size_t max)
{
    uint8_t count = reader_u8(form);
    if (count > max) {
        reader_fail(form, LIMIT_REACHED);
    }
    return form->status == OK ? count : 0;
}

static uint32_t read_ttl(struct reader *form)
{
    uint32_t ttl_s = reader_u32(form);
    check(form, ttl_s <= ALIVE_TTL_MAX_S);
    return ttl_s;
}

static uint32_t known_keys(const struct alive *alive)
{
    uint32_t known = 0;
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        known |= alive->keys[i].algorithm != 0 ? UINT32_C(1) << i : 0;
    }
    return known;
}

static uint32_t read_key_set(struct reader *form, const struct alive *alive)
{
    uint32_t keys = reader_u32(form);
    check(form, (keys & ~known_keys(alive)) == 0);
    return form->status == OK ? keys : 0;
}

static struct dnskey_set read_dnskeys(struct reader *form, const struct alive *alive)
{
    struct dnskey_set set = {.published = read_key_set(form, alive)};
    set.signers = read_key_set(form, alive);
    return set;
}

static struct ds_set read_ds(struct reader *form, const struct alive *alive)
{
    struct ds_set set = {0};
    uint8_t count = read_count(form, CACHES_DS_MAX);
    for (size_t i = 0; i < count; ++i) {
        struct ds_entry entry = {.key = reader_u8(form)};
        entry.digest_type = reader_u8(form);
        check(form, entry.key < CACHES_KEYS_MAX && alive->keys[entry.key].algorithm != 0);
        if (form->status != OK) {
            return (struct ds_set){0};
        }
        /* In their order and each once, or the set is not what it was written as. */
        check(form, ds_set_add(&set, entry) && set.count == i + 1 &&
                        set.entries[i].key == entry.key &&
                        set.entries[i].digest_type == entry.digest_type);
    }
    return set;
}

static void read_keys(struct reader *form, struct alive *alive)
{
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        struct alive_key key = {.algorithm = reader_u8(form)};
        if (form->status != OK || key.algorithm == 0) {
            continue;
        }
        key.tag = reader_u16(form);
        struct reader id = reader_over(reader_span(form, ALIVE_ID_LEN));
        for (size_t at = 0; at < ALIVE_ID_LEN; ++at) {
            key.id[at] = reader_u8(&id);
        }
        key.expires_s = read_time(form);
        uint8_t index = 0;
        uint32_t known = known_keys(alive);
        check(form, form->status == OK && alive_add_key(alive, &key, &index) == OK);
        check(form, known_keys(alive) != known);
        /* It goes where it was: the slots before it may be free ones. */
        if (form->status == OK && index != i) {
            check(form, alive->keys[i].algorithm == 0 && index < i);
            alive->keys[i] = key;
            alive->keys[index] = (struct alive_key){0};
        }
    }
}

static void read_term(struct reader *form, struct alive *alive, struct alive_version *version)
{
    struct alive_term term = {.ttl_s = read_ttl(form)};
    term.beyond_s = read_ttl(form);
    term.decided = reader_u32(form);
    term.superseded = reader_u32(form);
    term.decided_s = read_time(form);
    term.gone_s = read_time(form);
    term.expires_s = read_time(form);
    term.seen_s = read_time(form);
    term.seen_type = reader_u16(form);
    term.seen_server = reader_u8(form);
    check(form, term.decided <= alive->last_change && term.superseded <= alive->last_change);
    check(form, term.superseded == 0 || term.superseded > term.decided);
    check(form, term.superseded != 0 || term.gone_s == CACHES_FOREVER);
    version->terms[version->term_count++] = term;
}

static void read_version(struct reader *form, struct alive *alive)
{
    uint8_t list = reader_u8(form);
    uint8_t source = reader_u8(form);
    check(form, list < ALIVE_LIST_COUNT && source < CACHES_SOURCES_MAX);
    if (form->status != OK) {
        return;
    }
    check(form, !alive_is_of_parent(list) || source == 0);
    struct alive_content content = {0};
    switch ((enum alive_list)list) {
    case ALIVE_DS:
        content.ds = read_ds(form, alive);
        break;
    case ALIVE_DNSKEY:
        content.keys = read_dnskeys(form, alive);
        break;
    case ALIVE_SIGNERS:
        content.signers = read_key_set(form, alive);
        break;
    case ALIVE_NS:
    case ALIVE_APEX_NS:
        content.sources = reader_u8(form);
        break;
    case ALIVE_LIST_COUNT:
        break;
    }
    check(form, alive_find_version(alive, list, source, &content) == NULL);
    uint8_t term_count = read_count(form, ALIVE_TERMS_MAX);
    check(form, term_count > 0);
    if (form->status != OK) {
        return;
    }
    struct alive_version *version = alive_new_version(alive, list, source, &content);
    for (size_t i = 0; i < term_count; ++i) {
        read_term(form, alive, version);
    }
}

static void read_marks(struct reader *form, const struct alive *alive, struct alive_server *server,
                       size_t list)
{
    uint8_t count = read_count(form, ALIVE_MARKS_MAX);
    uint32_t before = 0;
    for (size_t i = 0; i < count; ++i) {
        struct alive_mark *mark = &server->marks[list][i];
        mark->number = reader_u32(form);
        mark->since_s = read_time(form);
        mark->confirmed_s = read_time(form);
        check(form, mark->number > before && mark->number <= alive->last_change);
        before = mark->number;
    }
    server->mark_count[list] = count;
}

static void read_server(struct reader *form, struct alive *alive)
{
    struct alive_server server = {.address = {.family = reader_u8(form)}};
    struct reader octets = reader_over(reader_span(form, sizeof server.address.octets));
    for (size_t i = 0; i < sizeof server.address.octets; ++i) {
        server.address.octets[i] = reader_u8(&octets);
    }
    server.address.port = reader_u16(form);
    uint8_t is_parent = reader_u8(form);
    server.is_parent = is_parent == 1;
    server.source = reader_u8(form);
    server.refresh_s = reader_u32(form);
    server.expire_s = reader_u32(form);
    server.transferred_s = read_time(form);
    check(form, is_parent <= 1 && server.source < CACHES_SOURCES_MAX);
    uint8_t index = 0;
    check(form, form->status == OK && alive_add_server(alive, &server, &index) == OK);
    for (size_t list = 0; form->status == OK && list < ALIVE_LISTS_OF_A_PLACE; ++list) {
        read_marks(form, alive, &alive->servers[index], list);
    }
}

static void read_chain(struct reader *form, struct alive *alive)
{
    struct alive_chain *chain = &alive->chains[alive->chain_count++];
    chain->ds = read_ds(form, alive);
    chain->keys = read_dnskeys(form, alive);
    chain->dies_s = read_time(form);
    check(form, chain->dies_s != CACHES_FOREVER && chain->dies_s != ALIVE_NEVER);
    chain->lasts_s = read_ttl(form);
}

enum status alive_read(struct span bytes, struct alive *alive)
{
    struct reader form = reader_over(bytes);
    alive_open(alive);
    if (bytes.len > ALIVE_FORM_SIZE_MAX) {
        return TOO_LONG;
    }
    check(&form, reader_u32(&form) == FORM_MAGIC);
    if (reader_u8(&form) != FORM_VERSION && form.status == OK) {
        return UNSUPPORTED;
    }
    alive->last_change = reader_u32(&form);
    alive->waived = reader_u8(&form);
    alive->wall_ns = (int64_t)reader_u64(&form);
    check(&form, alive->wall_ns == ALIVE_NEVER || (alive->wall_ns >= 0));
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        alive->left_s[i] = read_time(&form);
        check(&form, alive->left_s[i] != CACHES_FOREVER);
    }
    read_keys(&form, alive);
    uint8_t count = read_count(&form, ALIVE_VERSIONS_MAX);
    for (size_t i = 0; form.status == OK && i < count; ++i) {
        read_version(&form, alive);
    }
    count = read_count(&form, ALIVE_SERVERS_MAX);
    for (size_t i = 0; form.status == OK && i < count; ++i) {
        read_server(&form, alive);
    }
    count = read_count(&form, CACHES_CHAINS_MAX);
    for (size_t i = 0; form.status == OK && i < count; ++i) {
        read_chain(&form, alive);
    }
    enum status status = reader_end(&form);
    if (status != OK) {
        alive_open(alive);
    }
    return status;
}
