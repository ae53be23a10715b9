#pragma once
/* What the files of a fetch share: a function for each step, and the ends that all of them know. */
#include "service/resolver/fetch.h"

enum fetch_step fetch_find_servers(struct resolver *resolver, struct fetch *fetch);
enum fetch_step fetch_find_address(struct resolver *resolver, struct fetch *fetch);
enum fetch_step fetch_await_address(struct resolver *resolver, struct fetch *fetch);
enum fetch_step fetch_send(struct resolver *resolver, struct fetch *fetch);
enum fetch_step fetch_await_answer(struct resolver *resolver, struct fetch *fetch);
enum fetch_step fetch_judge(struct resolver *resolver, struct fetch *fetch);

/* Goes on with `delegation`, whose reference is taken over; NULL: the root. */
void fetch_take_delegation(struct resolver *resolver, struct fetch *fetch,
                           struct cache_entry *delegation);
/* To that step, which must be one that may follow. */
void fetch_set_step(struct fetch *fetch, enum fetch_step next);
/* The waiting get `entry`, whose reference is taken over; it is kept when it lives. */
void fetch_set_result(struct resolver *resolver, struct fetch *fetch, struct cache_entry *entry);
/* FETCH_DONE with the last failure; `is_kept`: the next who ask hear of it too (RFC 9520). */
enum fetch_step fetch_fail(struct resolver *resolver, struct fetch *fetch, bool is_kept);
enum fetch_step fetch_fail_limit(struct resolver *resolver, struct fetch *fetch, const char *what);
/* Its question is not open any more. */
void fetch_close_ask(struct resolver *resolver, struct fetch *fetch);
/* Waits for the fetch of an address. */
void fetch_join_fetch(struct fetch *fetch, struct fetch *waiting);
