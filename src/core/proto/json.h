#pragma once
/* JSON as a tree of values and as a text written piece by piece. jansson reads it, behind this one
 * file: strict, no duplicate members, bounded in length, depth and number of values. */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/base/writer.h"

enum { JSON_LEN_MAX = 256 * 1024, JSON_DEPTH_MAX = 32, JSON_NODES_MAX = 10000 };

enum json_kind {
    JSON_NODE_NULL,
    JSON_NODE_BOOL,
    JSON_NODE_INTEGER,
    JSON_NODE_TEXT,
    JSON_NODE_LIST,
    JSON_NODE_OBJECT
};

struct json_node {
    enum json_kind kind;
    struct span name; /* of a member of an object; else empty */
    struct span text;
    int64_t integer; /* a number with a fraction is cut to its whole part; a boolean is 0 or 1 */
    const struct json_node *first_child;
    const struct json_node *next; /* sibling */
};

/* The tree in `arena`. MALFORMED with line and column, TOO_LONG, LIMIT_REACHED. */
enum status json_read(struct span text, struct arena *arena, const struct json_node **root,
                      struct problem *problem) MUST_USE;
/* The member of that name; NULL when `object` is NULL, is not an object, or has none. */
const struct json_node *json_member(const struct json_node *object, const char *name);
/* The text of a member; empty when there is none or it is no text. */
struct span json_member_text(const struct json_node *object, const char *name);
/* The integer of a member, or `otherwise`. */
int64_t json_member_integer(const struct json_node *object, const char *name, int64_t otherwise);

/* Writes one value into `out`. Names are given inside objects and NULL inside lists and at the top;
 * octets that are not UTF-8 become '?'. */
struct json_writer {
    struct writer *out;
    uint8_t depth;
    bool has_item[JSON_DEPTH_MAX];
};
struct json_writer json_over(struct writer *out);
void json_open_object(struct json_writer *json, const char *name);
void json_close_object(struct json_writer *json);
void json_open_list(struct json_writer *json, const char *name);
void json_close_list(struct json_writer *json);
void json_write_text(struct json_writer *json, const char *name, struct span text);
void json_write_words(struct json_writer *json, const char *name, const char *text);
void json_write_integer(struct json_writer *json, const char *name, int64_t integer);
void json_write_bool(struct json_writer *json, const char *name, bool value);
