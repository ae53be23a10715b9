#pragma once
/* The facts of the registry in its records: every SQL statement of the service is behind these
 * functions. All but the transaction's own may be called inside one. NOT_FOUND where there is
 * nothing; results in `arena`. */
#include "service/registry/registry_state.h"

enum status registry_store_migrate(struct records *records) MUST_USE;

struct registry_registrar {
    struct span id, password_hash, certificate_digest;
};
enum status registry_store_put_registrar(struct records *records, struct arena *arena,
                                         const struct registry_registrar *registrar,
                                         int64_t now_s) MUST_USE;
enum status registry_store_find_registrar(struct records *records, struct span id,
                                          struct arena *arena,
                                          struct registry_registrar *registrar) MUST_USE;

/* `domain` has text, name and tld set. Loads the rest. */
enum status registry_store_load_domain(struct records *records, struct arena *arena,
                                       struct registry_domain *domain) MUST_USE;
/* A new domain; gives it its number. */
enum status registry_store_add_domain(struct records *records, struct arena *arena,
                                      struct registry_domain *domain) MUST_USE;
/* Everything but what never changes, in place of what was. */
enum status registry_store_put_domain(struct records *records, struct arena *arena,
                                      const struct registry_domain *domain) MUST_USE;
enum status registry_store_remove_domain(struct records *records, struct arena *arena,
                                         const struct registry_domain *domain) MUST_USE;
/* Names of the TLD behind `after`, in order, at most `limit`; "" in the TLD gives all. */
enum status registry_store_list_domains(struct records *records, struct arena *arena,
                                        struct span tld, struct span after, size_t limit,
                                        struct records_rows *rows) MUST_USE;
enum status registry_store_count_domains(struct records *records, struct arena *arena,
                                         struct span tld, int64_t *count) MUST_USE;

/* The serial of a TLD's zone, and a digest of the options that were built into it. */
enum status registry_store_find_serial(struct records *records, struct arena *arena,
                                       struct span tld, uint32_t *serial,
                                       struct span *digest) MUST_USE;
enum status registry_store_put_serial(struct records *records, struct arena *arena, struct span tld,
                                      uint32_t serial, struct span digest) MUST_USE;
/* One record that came or went with that serial. */
enum status registry_store_add_change(struct records *records, struct arena *arena, struct span tld,
                                      uint32_t serial, bool is_added,
                                      const struct registry_record *record) MUST_USE;
/* Serial, is_added, owner (wire), type, TTL, rdata: newest serial first. */
enum status registry_store_list_changes(struct records *records, struct arena *arena,
                                        struct span tld, struct records_rows *rows) MUST_USE;
/* Forgets all changes but those of the `keep` newest serials. */
enum status registry_store_trim_changes(struct records *records, struct arena *arena,
                                        struct span tld, size_t keep) MUST_USE;

/* The response that a command got; NOT_FOUND when it is new. */
enum status registry_store_find_response(struct records *records, struct arena *arena,
                                         struct span client, struct span digest,
                                         struct span *frame) MUST_USE;
enum status registry_store_put_response(struct records *records, struct arena *arena,
                                        struct span client, struct span digest, struct span frame,
                                        int64_t now_s) MUST_USE;
enum status registry_store_forget_responses(struct records *records, struct arena *arena,
                                            int64_t before_s) MUST_USE;

/* The poll queue of a registrar. */
struct registry_message {
    int64_t number;
    int64_t time_s;
    struct span text;
    int64_t count; /* in the queue */
};
enum status registry_store_add_message(struct records *records, struct arena *arena,
                                       struct span client, struct span text,
                                       int64_t now_s) MUST_USE;
enum status registry_store_first_message(struct records *records, struct arena *arena,
                                         struct span client,
                                         struct registry_message *message) MUST_USE;
enum status registry_store_remove_message(struct records *records, struct arena *arena,
                                          struct span client, int64_t number) MUST_USE;
