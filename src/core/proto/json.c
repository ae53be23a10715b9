/* What JSON is: the grammar is jansson's, the limits and the tree are ours. jansson descends by
 * recursion, so the depth is measured before it sees the text. */
#include "core/proto/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* Brackets outside strings; the text need not be well-formed. */
static size_t depth_measure(struct span text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool is_inside = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (is_inside) {
            i += octet == '\\' ? 1 : 0;
            is_inside = octet != '"';
        } else if (octet == '"') {
            is_inside = true;
        } else if (octet == '{' || octet == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((octet == '}' || octet == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* One open list or object while the tree is copied. */
struct copy_level {
    json_t *value;
    void *member; /* the next one of an object */
    size_t index; /* the next one of a list */
    const struct json_node **tail;
};

struct copy {
    struct arena *arena;
    size_t node_count;
    struct copy_level levels[JSON_DEPTH_MAX + 1];
    size_t depth;
};

/* A number with a fraction is a time in these protocols; its whole part is what counts. */
static int64_t real_whole(double value)
{
    const double most = 9.0e15;
    return value > -most && value < most ? (int64_t)value : 0;
}

static enum status scalar_fill(struct copy *copy, const json_t *value, struct json_node *node)
{
    if (json_is_string(value)) {
        node->kind = JSON_NODE_TEXT;
        return arena_copy(copy->arena, span_of(json_string_value(value), json_string_length(value)),
                          &node->text);
    }
    if (json_is_integer(value)) {
        node->kind = JSON_NODE_INTEGER;
        node->integer = json_integer_value(value);
    } else if (json_is_real(value)) {
        node->kind = JSON_NODE_INTEGER;
        node->integer = real_whole(json_real_value(value));
    } else if (json_is_boolean(value)) {
        node->kind = JSON_NODE_BOOL;
        node->integer = json_is_true(value) ? 1 : 0;
    }
    return OK;
}

/* Makes the node of `value`, and opens a level when it has children. */
static enum status value_copy(struct copy *copy, json_t *value, const char *name,
                              const struct json_node **place)
{
    struct json_node *node = arena_take(copy->arena, sizeof *node);
    if (node == NULL) {
        return NO_MEMORY;
    }
    if (copy->node_count++ == JSON_NODES_MAX) {
        return LIMIT_REACHED;
    }
    *place = node;
    if (name != NULL && arena_copy(copy->arena, span_of_text(name), &node->name) != OK) {
        return NO_MEMORY;
    }
    if (!json_is_object(value) && !json_is_array(value)) {
        return scalar_fill(copy, value, node);
    }
    require(copy->depth <= JSON_DEPTH_MAX);
    node->kind = json_is_object(value) ? JSON_NODE_OBJECT : JSON_NODE_LIST;
    copy->levels[copy->depth++] =
        (struct copy_level){value, json_object_iter(value), 0, &node->first_child};
    return OK;
}

static enum status level_step(struct copy *copy)
{
    struct copy_level *level = &copy->levels[copy->depth - 1];
    const char *name = NULL;
    json_t *child = NULL;
    if (json_is_object(level->value) && level->member != NULL) {
        name = json_object_iter_key(level->member);
        child = json_object_iter_value(level->member);
        level->member = json_object_iter_next(level->value, level->member);
    } else if (json_is_array(level->value)) {
        child = json_array_get(level->value, level->index++);
    }
    if (child == NULL) {
        copy->depth--;
        return OK;
    }
    const struct json_node **place = level->tail;
    enum status status = value_copy(copy, child, name, place);
    if (status == OK) {
        /* The node was made here; only its link to the sibling is still open. */
        level->tail = (const struct json_node **)(uintptr_t) & (*place)->next;
    }
    return status;
}

static enum status tree_copy(json_t *value, struct arena *arena, const struct json_node **root)
{
    struct copy copy = {.arena = arena};
    enum status status = value_copy(&copy, value, NULL, root);
    while (status == OK && copy.depth > 0) {
        status = level_step(&copy);
    }
    return status;
}

enum status json_read(struct span text, struct arena *arena, const struct json_node **root,
                      struct problem *problem)
{
    *root = NULL;
    if (text.len > JSON_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "JSON of more than %d octets", JSON_LEN_MAX);
    }
    if (depth_measure(text) > JSON_DEPTH_MAX) {
        return problem_set(problem, LIMIT_REACHED, "JSON nested deeper than %d", JSON_DEPTH_MAX);
    }
    json_error_t fault;
    json_t *value = json_loadb(text.len == 0 ? "" : (const char *)text.bytes, text.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (value == NULL) {
        problem_place(problem, "", fault.line > 0 ? (uint32_t)fault.line : 0,
                      fault.column > 0 ? (uint32_t)fault.column : 0);
        return problem_set(problem, MALFORMED, "not JSON: %s", fault.text);
    }
    enum status status = tree_copy(value, arena, root);
    json_decref(value);
    if (status != OK) {
        *root = NULL;
        return problem_set(problem, status, "JSON with too many values");
    }
    return OK;
}

const struct json_node *json_member(const struct json_node *object, const char *name)
{
    if (object == NULL || object->kind != JSON_NODE_OBJECT) {
        return NULL;
    }
    const struct json_node *child = object->first_child;
    while (child != NULL && !span_equal(child->name, span_of_text(name))) {
        child = child->next;
    }
    return child;
}

struct span json_member_text(const struct json_node *object, const char *name)
{
    const struct json_node *member = json_member(object, name);
    return member != NULL && member->kind == JSON_NODE_TEXT ? member->text : SPAN_EMPTY;
}

int64_t json_member_integer(const struct json_node *object, const char *name, int64_t otherwise)
{
    const struct json_node *member = json_member(object, name);
    return member != NULL && member->kind == JSON_NODE_INTEGER ? member->integer : otherwise;
}

struct json_writer json_over(struct writer *out)
{
    return (struct json_writer){.out = out};
}

/* How many octets the UTF-8 sequence at the start of `text` has; 0 when it is none (RFC 3629 §4).
 */
static size_t utf8_len(struct span text)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max;
        uint8_t len;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < LEN(forms); i++) {
        if (text.bytes[0] < forms[i].first_min || text.bytes[0] > forms[i].first_max) {
            continue;
        }
        if (text.len < forms[i].len) {
            return 0;
        }
        bool is_good = forms[i].len == 1 || (text.bytes[1] >= forms[i].second_min &&
                                             text.bytes[1] <= forms[i].second_max);
        for (size_t k = 2; k < forms[i].len; k++) {
            is_good = is_good && (text.bytes[k] & 0xc0) == 0x80;
        }
        return is_good ? forms[i].len : 0;
    }
    return 0;
}

static void text_write(struct writer *out, struct span text)
{
    writer_u8(out, '"');
    for (size_t i = 0; i < text.len;) {
        uint8_t octet = text.bytes[i];
        size_t len = utf8_len(span_part(text, i, text.len - i));
        if (len == 0) {
            writer_u8(out, '?');
        } else if (octet == '"' || octet == '\\') {
            writer_print(out, "\\%c", octet);
        } else if (octet < 0x20 || octet == 0x7f) {
            writer_print(out, "\\u%04x", octet);
        } else {
            writer_span(out, span_part(text, i, len));
        }
        i += len == 0 ? 1 : len;
    }
    writer_u8(out, '"');
}

static void item_begin(struct json_writer *json, const char *name)
{
    if (json->has_item[json->depth]) {
        writer_u8(json->out, ',');
    }
    json->has_item[json->depth] = true;
    if (name != NULL) {
        text_write(json->out, span_of_text(name));
        writer_u8(json->out, ':');
    }
}

static void level_open(struct json_writer *json, const char *name, uint8_t bracket)
{
    item_begin(json, name);
    writer_u8(json->out, bracket);
    require(json->depth + 1 < JSON_DEPTH_MAX);
    json->has_item[++json->depth] = false;
}

static void level_close(struct json_writer *json, uint8_t bracket)
{
    require(json->depth > 0);
    json->depth--;
    writer_u8(json->out, bracket);
}

void json_open_object(struct json_writer *json, const char *name)
{
    level_open(json, name, '{');
}

void json_close_object(struct json_writer *json)
{
    level_close(json, '}');
}

void json_open_list(struct json_writer *json, const char *name)
{
    level_open(json, name, '[');
}

void json_close_list(struct json_writer *json)
{
    level_close(json, ']');
}

void json_write_text(struct json_writer *json, const char *name, struct span text)
{
    item_begin(json, name);
    text_write(json->out, text);
}

void json_write_words(struct json_writer *json, const char *name, const char *text)
{
    json_write_text(json, name, span_of_text(text));
}

void json_write_integer(struct json_writer *json, const char *name, int64_t integer)
{
    item_begin(json, name);
    writer_print(json->out, "%" PRId64, integer);
}

void json_write_bool(struct json_writer *json, const char *name, bool value)
{
    item_begin(json, name);
    writer_text(json->out, value ? "true" : "false");
}
