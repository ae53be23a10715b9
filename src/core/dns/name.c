/* Domain names: reading, writing, comparing and cutting them. Knows the wire form of RFC 1035 §3.1
 * and §4.1.4, the text form of §5.1 and the canonical order of RFC 4034 §6.1. */
#include "core/dns/name.h"

#include <endian.h>
#include <string.h>

enum { LABEL_LEN_MAX = 63, POINTER_BITS = 0xc0 };

static const uint8_t root_octets[1] = {0};
const struct name NAME_ROOT = {root_octets, 1, 0};

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

/* Label starts of a name, leftmost first. */
struct label_starts {
    uint8_t at[NAME_LABELS_MAX + 1];
};

static void find_labels(struct name name, struct label_starts *starts)
{
    uint8_t at = 0;
    for (uint8_t i = 0; i < name.label_count; i++) {
        starts->at[i] = at;
        at = (uint8_t)(at + name.octets[at] + 1);
    }
    starts->at[name.label_count] = at;
}

struct name name_read(struct reader *reader)
{
    struct span left = {reader->bytes.bytes + reader->at, reader_left(reader)};
    size_t len = 0;
    uint8_t labels = 0;
    while (reader->status == OK) {
        if (len >= left.len) {
            reader_fail(reader, TRUNCATED);
        } else if (left.bytes[len] == 0) {
            reader->at += len + 1;
            return (struct name){left.bytes, (uint8_t)(len + 1), labels};
        } else if (left.bytes[len] > LABEL_LEN_MAX ||
                   len + left.bytes[len] + 1 >= (size_t)NAME_LEN_MAX) {
            reader_fail(reader, MALFORMED);
        } else {
            len += (size_t)left.bytes[len] + 1;
            labels++;
        }
    }
    return NAME_ROOT;
}

/* Where a compressed name goes on: after a pointer the cursor of the message stays behind it. */
struct unpacking {
    struct span message;
    size_t at;
    size_t pointer_limit; /* pointers must lead before this offset: strictly backward, so no loop */
    size_t len;
    uint8_t labels;
    uint8_t pointers; /* followed: more than one a label is an attack */
};

static enum status unpack_label(struct unpacking *unpacking, struct name_buffer *buffer)
{
    uint8_t label_len = unpacking->message.bytes[unpacking->at];
    if (unpacking->at + label_len + 1 > unpacking->message.len) {
        return TRUNCATED;
    }
    if (unpacking->len + label_len + 1 >= NAME_LEN_MAX) {
        return MALFORMED;
    }
    memcpy(buffer->octets + unpacking->len, unpacking->message.bytes + unpacking->at,
           (size_t)label_len + 1);
    unpacking->len += (size_t)label_len + 1;
    unpacking->at += (size_t)label_len + 1;
    unpacking->labels++;
    return OK;
}

static enum status follow_pointer(struct unpacking *unpacking)
{
    if (unpacking->at + 2 > unpacking->message.len) {
        return TRUNCATED;
    }
    const uint8_t *octets = unpacking->message.bytes + unpacking->at;
    size_t target = (size_t)(octets[0] & 0x3f) << 8 | octets[1];
    if (target >= unpacking->pointer_limit || unpacking->pointers == NAME_LABELS_MAX) {
        return MALFORMED;
    }
    unpacking->pointers++;
    unpacking->at = target;
    unpacking->pointer_limit = target;
    return OK;
}

struct name name_read_compressed(struct reader *message, struct name_buffer *buffer)
{
    struct unpacking unpacking = {message->bytes, message->at, message->at, 0, 0, 0};
    size_t end =
        0; /* behind the name in the message; known at the first pointer or at the root label */
    enum status status = message->status;
    while (status == OK) {
        if (unpacking.at >= unpacking.message.len) {
            status = TRUNCATED;
            break;
        }
        uint8_t octet = unpacking.message.bytes[unpacking.at];
        if (octet == 0) {
            buffer->octets[unpacking.len] = 0;
            message->at = end == 0 ? unpacking.at + 1 : end;
            return (struct name){buffer->octets, (uint8_t)(unpacking.len + 1), unpacking.labels};
        }
        if ((octet & POINTER_BITS) == POINTER_BITS) {
            end = end == 0 ? unpacking.at + 2 : end;
            status = follow_pointer(&unpacking);
        } else if (octet > LABEL_LEN_MAX) {
            status = MALFORMED;
        } else {
            status = unpack_label(&unpacking, buffer);
        }
    }
    reader_fail(message, status);
    return NAME_ROOT;
}

void name_skip(struct reader *message)
{
    while (message->status == OK) {
        uint8_t octet = reader_u8(message);
        if (message->status != OK || octet == 0) {
            return;
        }
        if ((octet & POINTER_BITS) == POINTER_BITS) {
            reader_u8(message);
            return;
        }
        if (octet > LABEL_LEN_MAX) {
            reader_fail(message, MALFORMED);
            return;
        }
        reader_span(message, octet);
    }
}

/* The text form being read into a buffer: the label under way begins at `label_at`, its length
 * octet not yet known. */
struct name_parsing {
    struct name_buffer *buffer;
    size_t len;
    size_t label_at;
    uint8_t labels;
    struct problem *problem;
};

static enum status parse_octet(struct name_parsing *parsing, uint8_t octet)
{
    if (parsing->len - parsing->label_at > LABEL_LEN_MAX) {
        return problem_set(parsing->problem, MALFORMED, "a label is longer than 63 octets");
    }
    if (parsing->len >= NAME_LEN_MAX - 1) {
        return problem_set(parsing->problem, TOO_LONG, "the name is longer than 255 octets");
    }
    parsing->buffer->octets[parsing->len++] = octet;
    return OK;
}

static enum status parse_label_end(struct name_parsing *parsing)
{
    size_t label_len = parsing->len - parsing->label_at - 1;
    if (label_len == 0) {
        return problem_set(parsing->problem, MALFORMED, "the name has an empty label");
    }
    parsing->buffer->octets[parsing->label_at] = (uint8_t)label_len;
    parsing->label_at = parsing->len;
    parsing->labels++;
    return parsing->len >= NAME_LEN_MAX
               ? problem_set(parsing->problem, TOO_LONG, "the name is longer than 255 octets")
               : OK;
}

/* `\X` or `\DDD` behind the backslash at `at`; moves `at` behind it. */
static enum status parse_escape(struct span text, size_t *at, uint8_t *octet,
                                struct problem *problem)
{
    size_t left = text.len - *at;
    const uint8_t *digits = text.bytes + *at;
    if (left == 0) {
        return problem_set(problem, MALFORMED, "the name ends with a backslash");
    }
    if (digits[0] < '0' || digits[0] > '9') {
        *octet = digits[0];
        *at += 1;
        return OK;
    }
    unsigned value = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i >= left || digits[i] < '0' || digits[i] > '9') {
            return problem_set(problem, MALFORMED,
                               "a backslash and a digit need three digits (\\DDD)");
        }
        value = value * 10 + (unsigned)(digits[i] - '0');
    }
    if (value > 255) {
        return problem_set(problem, MALFORMED, "\\%03u is above 255", value);
    }
    *octet = (uint8_t)value;
    *at += 3;
    return OK;
}

static enum status parse_origin(struct name_parsing *parsing, const struct name *origin,
                                struct name *name)
{
    struct name suffix = origin == NULL ? NAME_ROOT : *origin;
    if (parsing->len + suffix.len > NAME_LEN_MAX) {
        return problem_set(parsing->problem, TOO_LONG, "the name is longer than 255 octets");
    }
    memcpy(parsing->buffer->octets + parsing->len, suffix.octets, suffix.len);
    *name = (struct name){parsing->buffer->octets, (uint8_t)(parsing->len + suffix.len),
                          (uint8_t)(parsing->labels + suffix.label_count)};
    return OK;
}

static enum status parse_labels(struct name_parsing *parsing, struct span text,
                                const struct name *origin, struct name *name)
{
    enum status status = OK;
    bool is_absolute = false;
    for (size_t at = 0; at < text.len && status == OK;) {
        if (is_absolute) { /* only in front of another label */
            is_absolute = false;
        }
        if (parsing->len == parsing->label_at) {
            status = parse_octet(parsing, 0); /* room for the length */
            if (status != OK) {
                break;
            }
        }
        uint8_t octet = text.bytes[at++];
        if (octet == '.') {
            status = parse_label_end(parsing);
            is_absolute = true;
            continue;
        }
        if (octet == '\\') {
            status = parse_escape(text, &at, &octet, parsing->problem);
        }
        if (status == OK) {
            status = parse_octet(parsing, octet);
        }
    }
    if (status == OK && parsing->len != parsing->label_at) {
        status = parse_label_end(parsing);
    }
    if (status != OK) {
        return status;
    }
    return parse_origin(parsing, is_absolute ? NULL : origin, name);
}

/* Eight octets as one number, the first the lowest. */
static uint64_t load_octets(const uint8_t *octets)
{
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return le64toh(word);
}

/* Bit 7 of each of the eight octets that is `wanted`. */
static uint64_t find_octet(uint64_t word, uint8_t wanted)
{
    const uint64_t low_bits = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t differing = word ^ wanted * UINT64_C(0x0101010101010101);
    return ~(((differing & low_bits) + low_bits) | differing | low_bits);
}

/* Up to eight octets at `at`, zeros behind the end of the text. */
static uint64_t load_part(struct span text, size_t at)
{
    if (text.len - at >= 8) {
        return load_octets(text.bytes + at);
    }
    if (text.len >= 8) {
        return load_octets(text.bytes + text.len - 8) >> (8 - (text.len - at)) * 8;
    }
    uint64_t word = 0;
    for (size_t i = at; i < text.len; i++) {
        word |= (uint64_t)text.bytes[i] << (i - at) * 8;
    }
    return word;
}

/* The fast way for a text without escapes, which is nearly every one: eight octets at a time are
 * copied to where they belong, one octet further than in the text, and each dot becomes the length
 * octet of the label behind it. False where anything is unusual: then the careful way decides. */
static bool parse_plain(struct name_parsing *parsing, struct span text, const struct name *origin,
                        struct name *name)
{
    uint8_t *octets = parsing->buffer->octets;
    size_t label_at = 0;
    if (text.len > NAME_LEN_MAX - 1 - 8) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 8) {
        uint64_t word = load_part(text, at);
        uint64_t stored = htole64(word);
        memcpy(octets + at + 1, &stored, sizeof stored);
        if (find_octet(word, '\\') != 0) {
            return false;
        }
        for (uint64_t dots = find_octet(word, '.'); dots != 0; dots &= dots - 1) {
            size_t dot_at = at + (unsigned)__builtin_ctzll(dots) / 8;
            if (dot_at == label_at || dot_at - label_at > LABEL_LEN_MAX) {
                return false;
            }
            octets[label_at] = (uint8_t)(dot_at - label_at);
            label_at = dot_at + 1;
            parsing->labels++;
        }
    }
    bool is_absolute = label_at == text.len;
    if (!is_absolute) {
        if (text.len - label_at > LABEL_LEN_MAX) {
            return false;
        }
        octets[label_at] = (uint8_t)(text.len - label_at);
        parsing->labels++;
    }
    parsing->len = is_absolute ? text.len : text.len + 1;
    return parse_origin(parsing, is_absolute ? NULL : origin, name) == OK;
}

enum status name_parse(struct span text, const struct name *origin, struct name_buffer *buffer,
                       struct name *name, struct problem *problem)
{
    struct name_parsing parsing = {buffer, 0, 0, 0, problem};
    if (text.len == 0) {
        return problem_set(problem, MALFORMED, "the name is empty; the root is written \".\"");
    }
    if (text.len == 1 && text.bytes[0] == '.') {
        return parse_origin(&parsing, NULL, name);
    }
    if (text.len == 1 && text.bytes[0] == '@') {
        return parse_origin(&parsing, origin, name);
    }
    if (parse_plain(&parsing, text, origin, name)) {
        return OK;
    }
    parsing = (struct name_parsing){buffer, 0, 0, 0, problem};
    return parse_labels(&parsing, text, origin, name);
}

/* Bit 7 of each octet from `low` to `high`, both below 0x80. */
static uint64_t find_range(uint64_t word, uint8_t low, uint8_t high)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low_bits = word & 0x7f * ones;
    uint64_t from_low = low_bits + (0x80U - low) * ones;
    uint64_t above_high = low_bits + (0x7fU - high) * ones;
    return (from_low ^ above_high) & ~word & 0x80 * ones;
}

/* As many octets from `at` on, up to eight, as the text has as they are: of nearly all names all.
 */
static size_t write_plain_text(struct span label, size_t at, uint8_t *text)
{
    uint64_t word = load_part(label, at);
    uint64_t plain = find_range(word, 'a', 'z') | find_range(word, '0', '9') |
                     find_range(word, 'A', 'Z') | find_octet(word, '-');
    uint64_t odd = ~plain & UINT64_C(0x8080808080808080); /* zeros behind the label as well */
    uint64_t stored = htole64(word);
    memcpy(text, &stored, sizeof stored);
    return odd == 0 ? 8 : (unsigned)__builtin_ctzll(odd) / 8;
}

/* Up to seven octets behind what is returned are written too. */
static uint8_t *write_label_text(struct span label, uint8_t *text)
{
    for (size_t i = 0; i < label.len;) {
        size_t plain_len = write_plain_text(label, i, text);
        text += plain_len;
        i += plain_len;
        if (plain_len == 8 || i >= label.len) {
            continue;
        }
        uint8_t octet = label.bytes[i++];
        if (octet <= 0x20 || octet >= 0x7f) {
            *text++ = '\\';
            *text++ = (uint8_t)('0' + octet / 100);
            *text++ = (uint8_t)('0' + octet / 10 % 10);
            *text++ = (uint8_t)('0' + octet % 10);
        } else {
            if (memchr(".\\\"();@$", octet, 8) != NULL) {
                *text++ = '\\';
            }
            *text++ = octet;
        }
    }
    return text;
}

void name_write_text(struct name name, struct writer *writer)
{
    uint8_t text[NAME_TEXT_MAX + 8];
    uint8_t *end = text;
    if (name.label_count == 0) {
        *end++ = '.';
    }
    for (size_t at = 0; name.octets[at] != 0; at += (size_t)name.octets[at] + 1) {
        end = write_label_text(span_of(name.octets + at + 1, name.octets[at]), end);
        *end++ = '.';
    }
    writer_span(writer, span_of(text, (size_t)(end - text)));
}

const char *name_print(struct name name, char text[NAME_TEXT_MAX])
{
    struct writer writer = writer_over(text, NAME_TEXT_MAX - 1);
    name_write_text(name, &writer);
    text[writer.len] = '\0';
    return text;
}

void name_write(struct name name, struct writer *writer)
{
    writer_span(writer, name_span(name));
}

struct span name_span(struct name name)
{
    return span_of(name.octets, name.len);
}

bool name_equal(struct name a, struct name b)
{
    if (a.len != b.len || a.label_count != b.label_count) {
        return false;
    }
    /* Length octets are below 64 and no letters, so lowering them does no harm. */
    return memcmp(a.octets, b.octets, a.len) == 0 || span_equal_nocase(name_span(a), name_span(b));
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    uint8_t shared = a[0] < b[0] ? a[0] : b[0];
    for (uint8_t i = 1; i <= shared; i++) {
        int order = (int)lower(a[i]) - (int)lower(b[i]);
        if (order != 0) {
            return order;
        }
    }
    return (int)a[0] - (int)b[0];
}

int name_compare(struct name a, struct name b)
{
    struct label_starts a_starts, b_starts;
    find_labels(a, &a_starts);
    find_labels(b, &b_starts);
    uint8_t shared = a.label_count < b.label_count ? a.label_count : b.label_count;
    for (uint8_t i = 1; i <= shared; i++) {
        int order = compare_labels(a.octets + a_starts.at[a.label_count - i],
                                   b.octets + b_starts.at[b.label_count - i]);
        if (order != 0) {
            return order;
        }
    }
    return (int)a.label_count - (int)b.label_count;
}

bool name_is_root(struct name name)
{
    return name.label_count == 0;
}

struct name name_ancestor(struct name name, uint8_t label_count)
{
    require(label_count <= name.label_count);
    uint8_t at = 0;
    for (uint8_t i = name.label_count; i > label_count; i--) {
        at = (uint8_t)(at + name.octets[at] + 1);
    }
    return (struct name){name.octets + at, (uint8_t)(name.len - at), label_count};
}

bool name_is_at_or_below(struct name name, struct name ancestor)
{
    return name.label_count >= ancestor.label_count &&
           name_equal(name_ancestor(name, ancestor.label_count), ancestor);
}

bool name_is_below(struct name name, struct name ancestor)
{
    return name.label_count > ancestor.label_count && name_is_at_or_below(name, ancestor);
}

bool name_is_wildcard(struct name name)
{
    return name.octets[0] == 1 && name.octets[1] == '*';
}

struct name name_parent(struct name name)
{
    require(name.label_count > 0);
    return name_ancestor(name, (uint8_t)(name.label_count - 1));
}

/* Most names are asked about beside a sister: what is behind the first label is the same. */
static bool is_sister(struct name a, struct name b)
{
    if (a.label_count != b.label_count || a.label_count == 0) {
        return false;
    }
    size_t a_at = 1U + a.octets[0];
    size_t b_at = 1U + b.octets[0];
    return a.len - a_at == b.len - b_at &&
           memcmp(a.octets + a_at, b.octets + b_at, a.len - a_at) == 0;
}

uint8_t name_common_labels(struct name a, struct name b)
{
    if (is_sister(a, b)) {
        return (uint8_t)(a.label_count - 1U + (compare_labels(a.octets, b.octets) == 0));
    }
    struct label_starts a_starts, b_starts;
    find_labels(a, &a_starts);
    find_labels(b, &b_starts);
    uint8_t shared = a.label_count < b.label_count ? a.label_count : b.label_count;
    uint8_t common = 0;
    while (common < shared &&
           compare_labels(a.octets + a_starts.at[a.label_count - common - 1],
                          b.octets + b_starts.at[b.label_count - common - 1]) == 0) {
        common++;
    }
    return common;
}

struct span name_label(struct name name, uint8_t index)
{
    require(index < name.label_count);
    struct name from = name_ancestor(name, (uint8_t)(name.label_count - index));
    return span_of(from.octets + 1, from.octets[0]);
}

enum status name_make_child(struct span label, struct name parent, struct name_buffer *buffer,
                            struct name *child)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX) {
        return MALFORMED;
    }
    if (label.len + 1 + parent.len > NAME_LEN_MAX) {
        return TOO_LONG;
    }
    memmove(buffer->octets + label.len + 1, parent.octets, parent.len);
    memmove(buffer->octets + 1, label.bytes, label.len);
    buffer->octets[0] = (uint8_t)label.len;
    *child = (struct name){buffer->octets, (uint8_t)(label.len + 1 + parent.len),
                           (uint8_t)(parent.label_count + 1)};
    return OK;
}

enum status name_make_wildcard(struct name parent, struct name_buffer *buffer,
                               struct name *wildcard)
{
    return name_make_child(SPAN_LITERAL("*"), parent, buffer, wildcard);
}

enum status name_join(struct name prefix, struct name suffix, struct name_buffer *buffer,
                      struct name *joined)
{
    size_t prefix_len = (size_t)prefix.len - 1;
    if (prefix_len + suffix.len > NAME_LEN_MAX) {
        return TOO_LONG;
    }
    memmove(buffer->octets + prefix_len, suffix.octets, suffix.len);
    memmove(buffer->octets, prefix.octets, prefix_len);
    *joined = (struct name){buffer->octets, (uint8_t)(prefix_len + suffix.len),
                            (uint8_t)(prefix.label_count + suffix.label_count)};
    return OK;
}

enum status name_copy(struct arena *arena, struct name name, struct name *copy)
{
    struct span octets;
    enum status status = arena_copy(arena, name_span(name), &octets);
    if (status == OK) {
        *copy = (struct name){octets.bytes, name.len, name.label_count};
    }
    return status;
}

void name_copy_to(struct name name, struct name_buffer *buffer, struct name *copy)
{
    memmove(buffer->octets, name.octets, name.len);
    *copy = (struct name){buffer->octets, name.len, name.label_count};
}

void name_lower_to(struct name name, struct name_buffer *buffer, struct name *lowered)
{
    for (size_t i = 0; i < name.len; i++) {
        buffer->octets[i] = lower(name.octets[i]);
    }
    *lowered = (struct name){buffer->octets, name.len, name.label_count};
}

/* ASCII letters in lower case, the other octets as they are. */
static uint64_t lower_octets(uint64_t word)
{
    return word | find_range(word, 'A', 'Z') >> 2;
}

uint64_t name_hash(struct name name, uint64_t seed)
{
    /* Eight octets at a time into a product whose halves are folded: spread is what counts, the
     * seed keeps chosen names apart. */
    uint64_t hash = seed ^ 0xcbf29ce484222325U;
    for (size_t at = 0; at < name.len; at += 8) {
        uint64_t word = hash ^ lower_octets(load_part(name_span(name), at));
        unsigned __int128 product = (unsigned __int128)word * 0x9e3779b97f4a7c15U;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    hash *= 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 32;
}

/* Eight octets at a time. False, and nothing counts, where an octet must be escaped. */
static bool key_label(struct span label, uint8_t *key)
{
    for (size_t at = 0; at < label.len; at += 8) {
        uint64_t word = load_part(label, at);
        size_t left = label.len - at;
        uint64_t low = find_octet(word & UINT64_C(0xfefefefefefefefe), 0);
        if ((left < 8 ? low << (8 - left) * 8 : low) != 0) { /* those behind the label are zeros */
            return false;
        }
        uint64_t stored = htole64(lower_octets(word));
        memcpy(key + at, &stored, sizeof stored);
    }
    return true;
}

size_t name_key(struct name name, uint8_t key[NAME_KEY_MAX])
{
    struct label_starts starts;
    find_labels(name, &starts);
    size_t len = 0;
    for (uint8_t i = name.label_count; i > 0; i--) {
        const uint8_t *label = name.octets + starts.at[i - 1];
        struct span octets = span_of(label + 1, label[0]);
        if (len + octets.len + 8 <= NAME_KEY_MAX && key_label(octets, key + len)) {
            len += octets.len;
            key[len++] = 0;
            continue;
        }
        for (size_t at = 0; at < octets.len; at++) {
            uint8_t value = lower(octets.bytes[at]);
            /* 0 ends a label, so 0 and 1 inside become 1,1 and 1,2: the order stays. */
            if (value <= 1) {
                key[len++] = 1;
                key[len++] = (uint8_t)(value + 1);
            } else {
                key[len++] = value;
            }
        }
        key[len++] = 0;
    }
    return len;
}
