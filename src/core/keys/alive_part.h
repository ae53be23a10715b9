#pragma once
/* What the files of `alive` share. */
#include "core/keys/alive.h"

bool alive_content_equal(enum alive_list list, const struct alive_content *a,
                         const struct alive_content *b);
bool alive_is_of_parent(enum alive_list list);
/* Of its place: 0 to ALIVE_LISTS_OF_A_PLACE - 1. */
size_t alive_list_in_place(enum alive_list list);
bool alive_serves(const struct alive_server *server, enum alive_list list, uint8_t source);
struct alive_version *alive_find_version(struct alive *alive, enum alive_list list, uint8_t source,
                                         const struct alive_content *content);
/* An empty version, or NULL. */
struct alive_version *alive_new_version(struct alive *alive, enum alive_list list, uint8_t source,
                                        const struct alive_content *content);
/* Joins terms that are gone when there is no room; NULL when there are none. */
struct alive_term *alive_new_term(struct alive_version *version);
/* Time and a wait; CACHES_FOREVER and ALIVE_NEVER stay what they are. */
int64_t alive_after(int64_t time_s, int64_t wait_s);
/* Is it a time, or one of the two that stand for none? */
bool alive_is_time(int64_t time_s);
