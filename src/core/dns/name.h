#pragma once
/* Domain names in uncompressed wire form (RFC 1035 §3.1). A `struct name` has been validated when
 * it was made: nobody checks it again. It is a view; its octets live where it was read or copied.
 * The case is kept and ignored (RFC 4343). */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/base/reader.h"
#include "core/base/writer.h"

enum {
    NAME_LEN_MAX = 255,    /* octets, with the root's */
    NAME_LABELS_MAX = 127, /* without the root label */
    NAME_TEXT_MAX = 1024   /* enough for any printed name and its NUL (254 octets as \DDD, dots) */
};

struct name {
    const uint8_t *octets;
    uint8_t len;         /* 1 (the root) .. 255 */
    uint8_t label_count; /* without the root label: 0 for the root, as in the RRSIG Labels field but
                            for wildcards */
};

struct name_buffer {
    uint8_t octets[NAME_LEN_MAX];
};

extern const struct name NAME_ROOT;

/* Reads an uncompressed name from the cursor; a compression pointer is MALFORMED. A view into the
 * reader's bytes. */
struct name name_read(struct reader *reader);
/* Reads a name that may be compressed, from a cursor over a whole message. Pointers must go
 * strictly backward. The result is in `buffer`, or a view of the message where it is not
 * compressed. */
struct name name_read_compressed(struct reader *message, struct name_buffer *buffer);
/* Steps over a name that may be compressed without reading it. */
void name_skip(struct reader *message);
/* From presentation form (RFC 1035 §5.1): escapes \X and \DDD; "@" is the origin; a name without a
 * final dot gets the origin appended (NULL: it is taken as absolute). Fills `problem` with what is
 * wrong. */
enum status name_parse(struct span text, const struct name *origin, struct name_buffer *buffer,
                       struct name *name, struct problem *problem) MUST_USE;
/* With a final dot; the root is ".". Returns `text`. */
const char *name_print(struct name name, char text[NAME_TEXT_MAX]);
void name_write_text(struct name name, struct writer *writer);
void name_write(struct name name, struct writer *writer); /* wire form, as it is */
struct span name_span(struct name name);

bool name_equal(struct name a, struct name b); /* without case */
/* Canonical order (RFC 4034 §6.1): <0, 0, >0. */
int name_compare(struct name a, struct name b);
bool name_is_root(struct name name);
bool name_is_at_or_below(struct name name, struct name ancestor);
bool name_is_below(struct name name, struct name ancestor);
bool name_is_wildcard(struct name name); /* leftmost label is "*" */
/* The ancestor-or-self with that many labels (at most those it has). A view. */
struct name name_ancestor(struct name name, uint8_t label_count);
struct name name_parent(struct name name);                /* not of the root */
uint8_t name_common_labels(struct name a, struct name b); /* from the root down */
struct span name_label(struct name name,
                       uint8_t index); /* 0 is the leftmost; without the length octet */
/* "*." in front of `parent`; TOO_LONG when it does not fit. */
enum status name_make_wildcard(struct name parent, struct name_buffer *buffer,
                               struct name *wildcard) MUST_USE;
/* `label` (1..63 octets) in front of `parent`. */
enum status name_make_child(struct span label, struct name parent, struct name_buffer *buffer,
                            struct name *child) MUST_USE;
/* `prefix` with its root label replaced by `suffix`: what a DNAME does (RFC 6672 §2.2); TOO_LONG is
 * YXDOMAIN. */
enum status name_join(struct name prefix, struct name suffix, struct name_buffer *buffer,
                      struct name *joined) MUST_USE;
enum status name_copy(struct arena *arena, struct name name, struct name *copy) MUST_USE;
void name_copy_to(struct name name, struct name_buffer *buffer, struct name *copy);
/* With ASCII letters in lower case (RFC 4034 §6.2). */
void name_lower_to(struct name name, struct name_buffer *buffer, struct name *lower);
/* Not a secret hash and the same for any case; `seed` keeps tables apart from attackers. */
uint64_t name_hash(struct name name, uint64_t seed);
/* A key whose memcmp order is the canonical order of the names: lower case, reversed labels, each
 * label's zero octets escaped. At most NAME_KEY_MAX octets. Returns its length. */
enum { NAME_KEY_MAX = 2 * NAME_LEN_MAX };
size_t name_key(struct name name, uint8_t key[NAME_KEY_MAX]);
