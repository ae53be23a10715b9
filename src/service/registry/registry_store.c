/* The tables of the registry and every SQL statement on them, in the portable subset. Names are
 * kept as lower-case text without the final dot, rdata and owners of changes in wire form. */
#include "service/registry/registry_store.h"

#include <string.h>

static const char *const schema[] = {
    "CREATE TABLE registry_registrars (id TEXT PRIMARY KEY, password_hash TEXT NOT NULL,"
    " certificate_digest BLOB, created BIGINT NOT NULL);\n"
    "CREATE TABLE registry_domains (name TEXT PRIMARY KEY, tld TEXT NOT NULL,"
    " number BIGINT NOT NULL UNIQUE, sponsor TEXT NOT NULL, registrant TEXT NOT NULL,"
    " auth_info TEXT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL,"
    " expires BIGINT NOT NULL);\n"
    "CREATE INDEX registry_domains_tld ON registry_domains (tld, name);\n"
    "CREATE TABLE registry_statuses (domain TEXT NOT NULL, status TEXT NOT NULL,"
    " PRIMARY KEY (domain, status));\n"
    "CREATE TABLE registry_hosts (domain TEXT NOT NULL, host TEXT NOT NULL,"
    " PRIMARY KEY (domain, host));\n"
    "CREATE TABLE registry_addresses (domain TEXT NOT NULL, host TEXT NOT NULL,"
    " address TEXT NOT NULL, PRIMARY KEY (domain, host, address));\n"
    "CREATE TABLE registry_keys (domain TEXT NOT NULL, ds BLOB NOT NULL, dnskey BLOB,"
    " PRIMARY KEY (domain, ds));\n"
    "CREATE TABLE registry_serials (tld TEXT PRIMARY KEY, serial BIGINT NOT NULL,"
    " digest BLOB NOT NULL);\n"
    "CREATE TABLE registry_changes (tld TEXT NOT NULL, step BIGINT NOT NULL,"
    " serial BIGINT NOT NULL, is_added BIGINT NOT NULL, owner BLOB NOT NULL, type BIGINT NOT NULL,"
    " ttl BIGINT NOT NULL, rdata BLOB NOT NULL, PRIMARY KEY (tld, step));\n"
    "CREATE TABLE registry_responses (client TEXT NOT NULL, digest BLOB NOT NULL,"
    " frame BLOB NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (client, digest));\n"
    "CREATE INDEX registry_responses_created ON registry_responses (created);\n"
    "CREATE TABLE registry_messages (number BIGINT PRIMARY KEY, client TEXT NOT NULL,"
    " created BIGINT NOT NULL, message TEXT NOT NULL);\n"
    "CREATE INDEX registry_messages_client ON registry_messages (client, number);\n"
    /* One counter a kind: numbers are never used again, also not after a deletion. */
    "CREATE TABLE registry_counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);\n"
    "INSERT INTO registry_counters (name, value) VALUES ('domain', 0);\n"
    "INSERT INTO registry_counters (name, value) VALUES ('message', 0);\n"
    "INSERT INTO registry_counters (name, value) VALUES ('change', 0);\n",
};

enum status registry_store_migrate(struct records *records)
{
    return records_migrate(records, schema, LEN(schema));
}

static enum status counter_next(struct records *records, struct arena *arena, const char *name,
                                int64_t *value)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records, "UPDATE registry_counters SET value = value + 1 WHERE name = ?", arena,
                    NULL, records_words(name));
    if (status == OK) {
        status = RECORDS_RUN(records, "SELECT value FROM registry_counters WHERE name = ?", arena,
                             &rows, records_words(name));
    }
    if (status == OK && rows.count != 1) {
        status = NOT_FOUND;
    }
    if (status == OK) {
        *value = rows.rows[0].values[0].integer;
    }
    return status;
}

enum status registry_store_put_registrar(struct records *records, struct arena *arena,
                                         const struct registry_registrar *registrar, int64_t now_s)
{
    enum status status = RECORDS_RUN(records, "DELETE FROM registry_registrars WHERE id = ?", arena,
                                     NULL, records_text(registrar->id));
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(
        records,
        "INSERT INTO registry_registrars (id, password_hash, certificate_digest,"
        " created) VALUES (?, ?, ?, ?)",
        arena, NULL, records_text(registrar->id), records_text(registrar->password_hash),
        registrar->certificate_digest.len == 0 ? records_null()
                                               : records_blob(registrar->certificate_digest),
        records_integer(now_s));
}

enum status registry_store_find_registrar(struct records *records, struct span id,
                                          struct arena *arena, struct registry_registrar *registrar)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(records,
                                     "SELECT id, password_hash, certificate_digest"
                                     " FROM registry_registrars WHERE id = ?",
                                     arena, &rows, records_text(id));
    if (status != OK || rows.count == 0) {
        return status == OK ? NOT_FOUND : status;
    }
    const struct records_value *values = rows.rows[0].values;
    *registrar = (struct registry_registrar){values[0].bytes, values[1].bytes, values[2].bytes};
    if (values[2].kind == RECORDS_NULL) {
        registrar->certificate_digest = SPAN_EMPTY;
    }
    return OK;
}

/* Domains. */

static enum status statuses_load(struct records *records, struct arena *arena,
                                 struct registry_domain *domain)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        records, "SELECT status FROM registry_statuses WHERE domain = ? ORDER BY status", arena,
        &rows, records_text(domain->text));
    for (size_t i = 0; status == OK && i < rows.count && i < REGISTRY_STATUSES_MAX; i++) {
        domain->statuses[domain->status_count++] = rows.rows[i].values[0].bytes;
    }
    return status;
}

static enum status addresses_load(struct records *records, struct arena *arena, struct span domain,
                                  struct registry_host *host)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(records,
                                     "SELECT address FROM registry_addresses"
                                     " WHERE domain = ? AND host = ? ORDER BY address",
                                     arena, &rows, records_text(domain), records_text(host->text));
    for (size_t i = 0; status == OK && i < rows.count && i < REGISTRY_ADDRESSES_MAX; i++) {
        status =
            address_read(rows.rows[i].values[0].bytes, 0, &host->addresses[host->address_count++]);
    }
    return status;
}

static enum status hosts_load(struct records *records, struct arena *arena,
                              struct registry_domain *domain)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records, "SELECT host FROM registry_hosts WHERE domain = ? ORDER BY host",
                    arena, &rows, records_text(domain->text));
    for (size_t i = 0; status == OK && i < rows.count && i < EPP_NAMES_MAX; i++) {
        struct registry_host *host = &domain->hosts[domain->host_count++];
        status = registry_name_of_host(rows.rows[i].values[0].bytes, arena, host, NULL);
        if (status == OK) {
            status = addresses_load(records, arena, domain->text, host);
        }
    }
    return status;
}

static enum status keys_load(struct records *records, struct arena *arena,
                             struct registry_domain *domain)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records, "SELECT ds, dnskey FROM registry_keys WHERE domain = ? ORDER BY ds",
                    arena, &rows, records_text(domain->text));
    for (size_t i = 0; status == OK && i < rows.count && i < REGISTRY_DS_MAX; i++) {
        const struct records_value *values = rows.rows[i].values;
        domain->keys[domain->key_count++] = (struct registry_key){
            values[0].bytes, values[1].kind == RECORDS_NULL ? SPAN_EMPTY : values[1].bytes};
    }
    return status;
}

enum status registry_store_load_domain(struct records *records, struct arena *arena,
                                       struct registry_domain *domain)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(records,
                                     "SELECT number, sponsor, registrant, auth_info, created,"
                                     " updated, expires FROM registry_domains WHERE name = ?",
                                     arena, &rows, records_text(domain->text));
    if (status != OK || rows.count == 0) {
        return status == OK ? NOT_FOUND : status;
    }
    const struct records_value *values = rows.rows[0].values;
    domain->number = values[0].integer;
    domain->sponsor = values[1].bytes;
    domain->registrant = values[2].bytes;
    domain->auth_info = values[3].bytes;
    domain->created_s = values[4].integer;
    domain->updated_s = values[5].integer;
    domain->expires_s = values[6].integer;
    domain->status_count = domain->host_count = domain->key_count = 0;
    status = statuses_load(records, arena, domain);
    if (status == OK) {
        status = hosts_load(records, arena, domain);
    }
    return status == OK ? keys_load(records, arena, domain) : status;
}

static enum status host_put(struct records *records, struct arena *arena, struct span domain,
                            const struct registry_host *host)
{
    enum status status =
        RECORDS_RUN(records, "INSERT INTO registry_hosts (domain, host) VALUES (?, ?)", arena, NULL,
                    records_text(domain), records_text(host->text));
    for (size_t i = 0; status == OK && i < host->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        status = RECORDS_RUN(
            records, "INSERT INTO registry_addresses (domain, host, address) VALUES (?, ?, ?)",
            arena, NULL, records_text(domain), records_text(host->text),
            records_words(address_print(host->addresses[i], text)));
    }
    return status;
}

static enum status parts_put(struct records *records, struct arena *arena,
                             const struct registry_domain *domain)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < domain->status_count; i++) {
        status =
            RECORDS_RUN(records, "INSERT INTO registry_statuses (domain, status) VALUES (?, ?)",
                        arena, NULL, records_text(domain->text), records_text(domain->statuses[i]));
    }
    for (size_t i = 0; status == OK && i < domain->host_count; i++) {
        status = host_put(records, arena, domain->text, &domain->hosts[i]);
    }
    for (size_t i = 0; status == OK && i < domain->key_count; i++) {
        const struct registry_key *key = &domain->keys[i];
        status =
            RECORDS_RUN(records, "INSERT INTO registry_keys (domain, ds, dnskey) VALUES (?, ?, ?)",
                        arena, NULL, records_text(domain->text), records_blob(key->ds),
                        key->dnskey.len == 0 ? records_null() : records_blob(key->dnskey));
    }
    return status;
}

static enum status parts_remove(struct records *records, struct arena *arena, struct span domain)
{
    static const char *const statements[] = {
        "DELETE FROM registry_statuses WHERE domain = ?",
        "DELETE FROM registry_hosts WHERE domain = ?",
        "DELETE FROM registry_addresses WHERE domain = ?",
        "DELETE FROM registry_keys WHERE domain = ?",
    };
    enum status status = OK;
    for (size_t i = 0; status == OK && i < LEN(statements); i++) {
        status = RECORDS_RUN(records, statements[i], arena, NULL, records_text(domain));
    }
    return status;
}

enum status registry_store_add_domain(struct records *records, struct arena *arena,
                                      struct registry_domain *domain)
{
    enum status status = counter_next(records, arena, "domain", &domain->number);
    if (status == OK) {
        status =
            RECORDS_RUN(records,
                        "INSERT INTO registry_domains (name, tld, number, sponsor, registrant,"
                        " auth_info, created, updated, expires)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        arena, NULL, records_text(domain->text), records_text(domain->tld->text),
                        records_integer(domain->number), records_text(domain->sponsor),
                        records_text(domain->registrant), records_text(domain->auth_info),
                        records_integer(domain->created_s), records_integer(domain->updated_s),
                        records_integer(domain->expires_s));
    }
    return status == OK ? parts_put(records, arena, domain) : status;
}

enum status registry_store_put_domain(struct records *records, struct arena *arena,
                                      const struct registry_domain *domain)
{
    enum status status =
        RECORDS_RUN(records,
                    "UPDATE registry_domains SET registrant = ?, auth_info = ?, updated = ?,"
                    " expires = ? WHERE name = ?",
                    arena, NULL, records_text(domain->registrant), records_text(domain->auth_info),
                    records_integer(domain->updated_s), records_integer(domain->expires_s),
                    records_text(domain->text));
    if (status == OK) {
        status = parts_remove(records, arena, domain->text);
    }
    return status == OK ? parts_put(records, arena, domain) : status;
}

enum status registry_store_remove_domain(struct records *records, struct arena *arena,
                                         const struct registry_domain *domain)
{
    enum status status = parts_remove(records, arena, domain->text);
    if (status == OK) {
        status = RECORDS_RUN(records, "DELETE FROM registry_domains WHERE name = ?", arena, NULL,
                             records_text(domain->text));
    }
    return status;
}

enum status registry_store_list_domains(struct records *records, struct arena *arena,
                                        struct span tld, struct span after, size_t limit,
                                        struct records_rows *rows)
{
    if (tld.len == 0) {
        return RECORDS_RUN(records,
                           "SELECT name, sponsor FROM registry_domains WHERE name > ?"
                           " ORDER BY name LIMIT ?",
                           arena, rows, records_text(after), records_integer((int64_t)limit));
    }
    return RECORDS_RUN(records,
                       "SELECT name, sponsor FROM registry_domains WHERE tld = ? AND name > ?"
                       " ORDER BY name LIMIT ?",
                       arena, rows, records_text(tld), records_text(after),
                       records_integer((int64_t)limit));
}

enum status registry_store_count_domains(struct records *records, struct arena *arena,
                                         struct span tld, int64_t *count)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(records, "SELECT COUNT(*) FROM registry_domains WHERE tld = ?",
                                     arena, &rows, records_text(tld));
    if (status == OK && rows.count == 1) {
        *count = rows.rows[0].values[0].integer;
    }
    return status;
}

/* Zones. */

enum status registry_store_find_serial(struct records *records, struct arena *arena,
                                       struct span tld, uint32_t *serial, struct span *digest)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records, "SELECT serial, digest FROM registry_serials WHERE tld = ?", arena,
                    &rows, records_text(tld));
    if (status != OK || rows.count == 0) {
        return status == OK ? NOT_FOUND : status;
    }
    *serial = (uint32_t)rows.rows[0].values[0].integer;
    *digest = rows.rows[0].values[1].bytes;
    return OK;
}

enum status registry_store_put_serial(struct records *records, struct arena *arena, struct span tld,
                                      uint32_t serial, struct span digest)
{
    enum status status = RECORDS_RUN(records, "DELETE FROM registry_serials WHERE tld = ?", arena,
                                     NULL, records_text(tld));
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(records,
                       "INSERT INTO registry_serials (tld, serial, digest) VALUES (?, ?, ?)", arena,
                       NULL, records_text(tld), records_integer(serial), records_blob(digest));
}

enum status registry_store_add_change(struct records *records, struct arena *arena, struct span tld,
                                      uint32_t serial, bool is_added,
                                      const struct registry_record *record)
{
    int64_t step;
    enum status status = counter_next(records, arena, "change", &step);
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(records,
                       "INSERT INTO registry_changes (tld, step, serial, is_added, owner, type,"
                       " ttl, rdata) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                       arena, NULL, records_text(tld), records_integer(step),
                       records_integer(serial), records_integer(is_added),
                       records_blob(name_span(record->owner)), records_integer(record->type),
                       records_integer(record->ttl_s), records_blob(record->rdata));
}

enum status registry_store_list_changes(struct records *records, struct arena *arena,
                                        struct span tld, struct records_rows *rows)
{
    return RECORDS_RUN(records,
                       "SELECT serial, is_added, owner, type, ttl, rdata FROM registry_changes"
                       " WHERE tld = ? ORDER BY step DESC",
                       arena, rows, records_text(tld));
}

enum status registry_store_trim_changes(struct records *records, struct arena *arena,
                                        struct span tld, size_t keep)
{
    /* Serials wrap round, steps do not: the oldest step that stays is found by the serials' newest
     * steps. */
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records,
                    "SELECT MIN(step) FROM registry_changes WHERE tld = ?"
                    " GROUP BY serial ORDER BY MIN(step) DESC LIMIT ?",
                    arena, &rows, records_text(tld), records_integer((int64_t)keep + 1));
    if (status != OK || (rows.count <= keep && keep > 0)) {
        return status;
    }
    int64_t first = keep == 0 ? INT64_MAX : rows.rows[keep - 1].values[0].integer;
    return RECORDS_RUN(records, "DELETE FROM registry_changes WHERE tld = ? AND step < ?", arena,
                       NULL, records_text(tld), records_integer(first));
}

/* Responses. */

enum status registry_store_find_response(struct records *records, struct arena *arena,
                                         struct span client, struct span digest, struct span *frame)
{
    struct records_rows rows;
    enum status status =
        RECORDS_RUN(records, "SELECT frame FROM registry_responses WHERE client = ? AND digest = ?",
                    arena, &rows, records_text(client), records_blob(digest));
    if (status != OK || rows.count == 0) {
        return status == OK ? NOT_FOUND : status;
    }
    *frame = rows.rows[0].values[0].bytes;
    return OK;
}

enum status registry_store_put_response(struct records *records, struct arena *arena,
                                        struct span client, struct span digest, struct span frame,
                                        int64_t now_s)
{
    return RECORDS_RUN(records,
                       "INSERT INTO registry_responses (client, digest, frame, created)"
                       " VALUES (?, ?, ?, ?)",
                       arena, NULL, records_text(client), records_blob(digest), records_blob(frame),
                       records_integer(now_s));
}

enum status registry_store_forget_responses(struct records *records, struct arena *arena,
                                            int64_t before_s)
{
    return RECORDS_RUN(records, "DELETE FROM registry_responses WHERE created < ?", arena, NULL,
                       records_integer(before_s));
}

/* Messages. */

enum status registry_store_add_message(struct records *records, struct arena *arena,
                                       struct span client, struct span text, int64_t now_s)
{
    int64_t number;
    enum status status = counter_next(records, arena, "message", &number);
    if (status != OK) {
        return status;
    }
    return RECORDS_RUN(records,
                       "INSERT INTO registry_messages (number, client, created, message)"
                       " VALUES (?, ?, ?, ?)",
                       arena, NULL, records_integer(number), records_text(client),
                       records_integer(now_s), records_text(text));
}

enum status registry_store_first_message(struct records *records, struct arena *arena,
                                         struct span client, struct registry_message *message)
{
    struct records_rows rows, counted;
    enum status status = RECORDS_RUN(records,
                                     "SELECT number, created, message FROM registry_messages"
                                     " WHERE client = ? ORDER BY number LIMIT 1",
                                     arena, &rows, records_text(client));
    if (status == OK) {
        status = RECORDS_RUN(records, "SELECT COUNT(*) FROM registry_messages WHERE client = ?",
                             arena, &counted, records_text(client));
    }
    if (status != OK || rows.count == 0 || counted.count == 0) {
        return status == OK ? NOT_FOUND : status;
    }
    const struct records_value *values = rows.rows[0].values;
    *message = (struct registry_message){values[0].integer, values[1].integer, values[2].bytes,
                                         counted.rows[0].values[0].integer};
    return OK;
}

enum status registry_store_remove_message(struct records *records, struct arena *arena,
                                          struct span client, int64_t number)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(
        records, "DELETE FROM registry_messages WHERE client = ? AND number = ? RETURNING number",
        arena, &rows, records_text(client), records_integer(number));
    return status == OK && rows.count == 0 ? NOT_FOUND : status;
}
