/* The rows of a domain, and the texts in which its name and name servers are given. */
#include "service/registrar/domain.h"

#include <string.h>

static bool is_host_octet(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-';
}

/* Letters, digits and hyphens inside (RFC 1123 §2.1); the name is in lower case. */
static bool is_host_name(struct name name)
{
    for (uint8_t i = 0; i < name.label_count; i++) {
        struct span label = name_label(name, i);
        if (label.bytes[0] == '-' || label.bytes[label.len - 1] == '-') {
            return false;
        }
        for (size_t k = 0; k < label.len; k++) {
            if (!is_host_octet(label.bytes[k])) {
                return false;
            }
        }
    }
    return name.label_count > 0;
}

/* Parses, lowers, copies, and prints without the final dot. */
static enum status host_name_read(struct span text, struct arena *arena, const char **printed,
                                  struct name *name, struct problem *problem)
{
    struct name_buffer buffer, lower_buffer;
    struct name parsed, lower;
    char line[NAME_TEXT_MAX];
    enum status status = name_parse(text, NULL, &buffer, &parsed, problem);
    if (status != OK) {
        return status;
    }
    name_lower_to(parsed, &lower_buffer, &lower);
    if (!is_host_name(lower)) {
        return problem_set(problem, MALFORMED,
                           "\"%.*s\" is not a host name: letters, digits and hyphens only.",
                           (int)(text.len < 100 ? text.len : 100), (const char *)text.bytes);
    }
    name_print(lower, line);
    *printed = arena_text(arena, span_of(line, strlen(line) - 1));
    if (*printed == NULL || name_copy(arena, lower, name) != OK) {
        return problem_set(problem, NO_MEMORY, "no memory for a name");
    }
    return OK;
}

enum status domain_read_name(const struct policy *policy, struct span text, struct arena *arena,
                             const char **domain, struct name *name, const struct tld **tld,
                             struct problem *problem)
{
    enum status status = host_name_read(text, arena, domain, name, problem);
    if (status != OK) {
        return status;
    }
    if (name->label_count != 2) {
        return problem_set(problem, MALFORMED,
                           "\"%s\" is not a name directly below a top-level domain.", *domain);
    }
    *tld = policy_find(policy, name_label(*name, 1));
    if (*tld == NULL) {
        return problem_set(problem, NOT_FOUND, "There is no top-level domain \"%s\".",
                           strchr(*domain, '.') + 1);
    }
    return OK;
}

static enum status host_read(struct span word, struct arena *arena, struct domain_host *host,
                             struct problem *problem)
{
    *host = (struct domain_host){0};
    const uint8_t *equals = memchr(word.bytes, '=', word.len);
    size_t len = equals == NULL ? word.len : (size_t)(equals - word.bytes);
    struct name name;
    enum status status =
        host_name_read(span_part(word, 0, len), arena, &host->name, &name, problem);
    if (status != OK) {
        return status;
    }
    struct span rest = equals == NULL ? SPAN_EMPTY : span_part(word, len + 1, word.len - len - 1);
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.bytes, ',', rest.len);
        size_t end = comma == NULL ? rest.len : (size_t)(comma - rest.bytes);
        if (host->address_count == HOST_ADDRESSES_MAX) {
            return problem_set(problem, LIMIT_REACHED, "%s has more than %d addresses", host->name,
                               HOST_ADDRESSES_MAX);
        }
        struct address *address = &host->addresses[host->address_count];
        if (address_read(span_part(rest, 0, end), 0, address) != OK || address->port != 0) {
            return problem_set(problem, MALFORMED, "\"%.*s\" is not an address of %s", (int)end,
                               (const char *)rest.bytes, host->name);
        }
        host->address_count++;
        size_t next = end < rest.len ? end + 1 : end;
        rest = span_part(rest, next, rest.len - next);
    }
    return OK;
}

enum status domain_read_hosts(struct span text, struct arena *arena, struct domain_host *hosts,
                              size_t *count, struct problem *problem)
{
    *count = 0;
    while (text.len > 0) {
        const uint8_t *blank = memchr(text.bytes, ' ', text.len);
        size_t end = blank == NULL ? text.len : (size_t)(blank - text.bytes);
        if (end > 0 && *count == DOMAIN_HOSTS_MAX) {
            return problem_set(problem, LIMIT_REACHED, "more than %d name servers",
                               DOMAIN_HOSTS_MAX);
        }
        if (end > 0) {
            enum status status = host_read(span_part(text, 0, end), arena, &hosts[*count], problem);
            if (status != OK) {
                return status;
            }
            *count += 1;
        }
        size_t next = end < text.len ? end + 1 : end;
        text = span_part(text, next, text.len - next);
    }
    return *count > 0 ? OK : problem_set(problem, MALFORMED, "no name server is named");
}

const char *domain_print_hosts(const struct domain_host *hosts, size_t count, struct arena *arena)
{
    enum { HOSTS_TEXT_SIZE = DOMAIN_HOSTS_MAX * (NAME_LEN_MAX + 300) };
    char *text = arena_take(arena, HOSTS_TEXT_SIZE);
    if (text == NULL) {
        return NULL;
    }
    struct writer writer = writer_over(text, HOSTS_TEXT_SIZE - 1);
    for (size_t i = 0; i < count; i++) {
        writer_print(&writer, "%s%s", i == 0 ? "" : " ", hosts[i].name);
        for (size_t k = 0; k < hosts[i].address_count; k++) {
            char address[ADDRESS_TEXT_MAX];
            writer_print(&writer, "%s%s", k == 0 ? "=" : ",",
                         address_print(hosts[i].addresses[k], address));
        }
    }
    return writer.status == OK ? text : NULL;
}

static const char *cell_text(const struct records_value *cell, struct arena *arena)
{
    const char *text = arena_text(arena, cell->bytes);
    return text == NULL ? "" : text;
}

static enum status keys_load(struct records *records, struct arena *arena, struct domain *domain)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records,
                    "SELECT flags, algorithm, public_key, added_s FROM domain_key WHERE domain = ? "
                    "ORDER BY added_s, id",
                    arena, &rows, records_words(domain->text));
    for (size_t i = 0; status == OK && i < rows.count && i < DOMAIN_KEYS_MAX; i++) {
        const struct records_value *cells = rows.rows[i].values;
        struct domain_key *key = &domain->keys[domain->key_count++];
        status = key_restore(domain->name, (uint16_t)cells[0].integer, (uint8_t)cells[1].integer,
                             cell_text(&cells[2], arena), arena, key);
        key->added_s = cells[3].integer;
    }
    return status;
}

static enum status hosts_load(struct records *records, struct arena *arena, struct domain *domain)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(records, "SELECT hosts FROM domain_hosts WHERE domain = ?",
                                     arena, &rows, records_words(domain->text));
    if (status != OK || rows.count == 0) {
        return status;
    }
    struct problem unused;
    return domain_read_hosts(rows.rows[0].values[0].bytes, arena, domain->hosts,
                             &domain->host_count, &unused);
}

enum status domain_load(struct records *records, const struct policy *policy, const char *text,
                        int64_t account, struct arena *arena, struct domain *domain)
{
    *domain = (struct domain){0};
    struct records_rows rows;
    struct problem unused;
    enum status status = domain_read_name(policy, span_of_text(text), arena, &domain->text,
                                          &domain->name, &domain->tld, &unused);
    if (status != OK) {
        return NOT_FOUND;
    }
    status = RECORDS_RUN(records,
                         "SELECT d.account, d.created_s, d.expires_s, d.ds_ttl_s, d.chain, "
                         "d.chain_s, a.email, d.chain_reason, d.vigil, d.vigil_s, d.changed_s FROM "
                         "domain d JOIN account a ON a.id = d.account "
                         "WHERE d.name = ?",
                         arena, &rows, records_words(domain->text));
    if (status != OK) {
        return status;
    }
    if (rows.count == 0 || (account != 0 && rows.rows[0].values[0].integer != account)) {
        return NOT_FOUND;
    }
    const struct records_value *cells = rows.rows[0].values;
    domain->account = cells[0].integer;
    domain->created_s = cells[1].integer;
    domain->expires_s = cells[2].integer;
    domain->ds_ttl_s = (uint32_t)cells[3].integer;
    domain->chain = (enum domain_chain)cells[4].integer;
    domain->chain_s = cells[5].integer;
    domain->email = cell_text(&cells[6], arena);
    domain->chain_reason = cell_text(&cells[7], arena);
    domain->vigil = (enum vigil_state)cells[8].integer;
    domain->vigil_s = cells[9].integer;
    domain->changed_s = cells[10].integer;
    status = hosts_load(records, arena, domain);
    return status == OK ? keys_load(records, arena, domain) : status;
}

const struct domain_key *domain_find_key(const struct domain *domain, struct span id)
{
    for (size_t i = 0; i < domain->key_count; i++) {
        if (span_equal(span_of_text(domain->keys[i].id), id)) {
            return &domain->keys[i];
        }
    }
    return NULL;
}

enum status domain_insert(struct records *records, const char *text, int64_t account,
                          int64_t created_s, int64_t expires_s)
{
    return RECORDS_RUN(records,
                       "INSERT INTO domain (name, account, created_s, expires_s, ds_ttl_s, chain, "
                       "chain_s) VALUES (?, ?, ?, ?, 0, 0, 0)",
                       NULL, NULL, records_words(text), records_integer(account),
                       records_integer(created_s), records_integer(expires_s));
}

enum status domain_put_hosts(struct records *records, const char *text,
                             const struct domain_host *hosts, size_t count)
{
    struct arena scratch;
    arena_open(&scratch, 1 << 16);
    const char *line = domain_print_hosts(hosts, count, &scratch);
    enum status status =
        line == NULL ? NO_MEMORY
                     : RECORDS_RUN(records,
                                   "INSERT INTO domain_hosts (domain, hosts) VALUES (?, ?) "
                                   "ON CONFLICT (domain) DO UPDATE SET hosts = excluded.hosts",
                                   NULL, NULL, records_words(text), records_words(line));
    arena_close(&scratch);
    return status;
}

enum status domain_put_key(struct records *records, const char *text, const struct domain_key *key,
                           int64_t now_s)
{
    return RECORDS_RUN(records,
                       "INSERT INTO domain_key (domain, id, flags, algorithm, public_key, added_s) "
                       "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (domain, id) DO NOTHING",
                       NULL, NULL, records_words(text), records_words(key->id),
                       records_integer(key->flags), records_integer(key->algorithm),
                       records_words(key->base64), records_integer(now_s));
}

enum status domain_remove_key(struct records *records, const char *text, const char *id)
{
    return RECORDS_RUN(records, "DELETE FROM domain_key WHERE domain = ? AND id = ?", NULL, NULL,
                       records_words(text), records_words(id));
}

enum status domain_put_ttl(struct records *records, const char *text, uint32_t ttl_s)
{
    return RECORDS_RUN(records, "UPDATE domain SET ds_ttl_s = ? WHERE name = ?", NULL, NULL,
                       records_integer(ttl_s), records_words(text));
}
