/* What the schemas of EPP allow beside child elements: which element may have which attribute, and
 * that text and elements are never mixed (RFC 5730 §4, RFC 5731 §4, RFC 5910 §6). */
#include "core/proto/epp_part.h"

#include <string.h>

/* Schema hints may stand anywhere (XML Schema 1 §2.6.3); they are never followed. */
#define SPACE_SCHEMA_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"

/* XML Schema's \w: neither punctuation nor space; beyond ASCII that is not looked up. */
static bool is_word_octet(uint8_t octet)
{
    return octet > ' ' && octet != 0x7f && memchr("!\"#%&'()*,-./:;?@[\\]_{}", octet, 23) == NULL;
}

/* RFC 5730 §4, roidType: 1 to 80 of \w and "_", "-", 1 to 8 of \w. */
static bool is_object_id(struct span text)
{
    const uint8_t *dash = text.len == 0 ? NULL : memrchr(text.bytes, '-', text.len);
    size_t dash_at = dash == NULL ? 0 : (size_t)(dash - text.bytes);
    struct span repository = span_part(text, dash_at, text.len - dash_at);
    size_t object_len = epp_count_characters(span_part(text, 0, dash_at));
    size_t repository_len = epp_count_characters(repository); /* with the dash */
    bool is_good =
        object_len >= 1 && object_len <= 80 && repository_len >= 2 && repository_len <= 9;
    for (size_t i = 0; i < text.len; i++) {
        bool is_underline = text.bytes[i] == '_' && i < dash_at;
        is_good = is_good && (i == dash_at || is_underline || is_word_octet(text.bytes[i]));
    }
    return is_good;
}

/* RFC 3066: words of 1 to 8 letters, or digits behind the first word, with "-" between. */
static bool is_language(struct span text)
{
    bool is_good = text.len > 0, is_first = true;
    size_t word_len = 0;
    for (size_t i = 0; i <= text.len; i++) {
        uint8_t octet = i < text.len ? text.bytes[i] : '-';
        if (octet == '-') {
            is_good = is_good && word_len >= 1 && word_len <= 8;
            is_first = false;
            word_len = 0;
            continue;
        }
        bool is_letter = (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
        bool is_digit = octet >= '0' && octet <= '9';
        is_good = is_good && (is_letter || (is_digit && !is_first));
        word_len++;
    }
    return is_good;
}

/* Those without a check are looked at by whoever reads their element. */
static const struct {
    const char *space, *element, *attribute;
    bool (*is_good)(struct span value);
} attributes[] = {
    {EPP_SPACE, "poll", "op", NULL},
    {EPP_SPACE, "poll", "msgID", NULL},
    {EPP_SPACE, "transfer", "op", NULL},
    {EPP_SPACE_DOMAIN, "hostAddr", "ip", NULL},
    {EPP_SPACE_DOMAIN, "period", "unit", NULL},
    {EPP_SPACE_DOMAIN, "contact", "type", NULL},
    {EPP_SPACE_DOMAIN, "pw", "roid", is_object_id},
    {EPP_SPACE_DOMAIN, "status", "s", NULL},
    {EPP_SPACE_DOMAIN, "status", "lang", is_language},
    {EPP_SPACE_SECDNS, "update", "urgent", NULL},
};

static bool is_word(struct span text, const char *word)
{
    return span_equal(text, span_of_text(word));
}

static bool is_ours(const struct xml_node *node)
{
    return is_word(node->space, EPP_SPACE) || is_word(node->space, EPP_SPACE_DOMAIN) ||
           is_word(node->space, EPP_SPACE_SECDNS);
}

enum attribute_verdict { ATTRIBUTE_GOOD, ATTRIBUTE_UNKNOWN, ATTRIBUTE_MALFORMED };

/* `hosts` belongs to the name of <domain:info> alone, whose reader looks at it. */
static enum attribute_verdict attribute_judge(const struct xml_node *parent,
                                              const struct xml_node *node,
                                              const struct xml_attribute *attribute)
{
    if (attribute->space.len > 0) {
        return is_word(attribute->space, SPACE_SCHEMA_INSTANCE) ? ATTRIBUTE_GOOD
                                                                : ATTRIBUTE_UNKNOWN;
    }
    if (is_word(node->name, "name") && is_word(node->space, EPP_SPACE_DOMAIN)) {
        return is_word(parent->name, "info") && is_word(attribute->name, "hosts")
                   ? ATTRIBUTE_GOOD
                   : ATTRIBUTE_UNKNOWN;
    }
    for (size_t i = 0; i < LEN(attributes); i++) {
        if (is_word(node->name, attributes[i].element) &&
            is_word(node->space, attributes[i].space) &&
            is_word(attribute->name, attributes[i].attribute)) {
            bool is_good = attributes[i].is_good == NULL || attributes[i].is_good(attribute->value);
            return is_good ? ATTRIBUTE_GOOD : ATTRIBUTE_MALFORMED;
        }
    }
    return ATTRIBUTE_UNKNOWN;
}

static int shown_len(struct span text)
{
    return text.len > 64 ? 64 : (int)text.len;
}

static void node_check(struct epp_reading *reading, const struct xml_node *parent,
                       const struct xml_node *node)
{
    struct span name = node->name;
    if (node->first_child != NULL && node->text.len > 0) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<%.*s> holds elements, and no text beside them", shown_len(name),
                         name.bytes);
    }
    for (size_t i = 0; i < node->attribute_count; i++) {
        enum attribute_verdict verdict = attribute_judge(parent, node, &node->attributes[i]);
        struct span attribute = node->attributes[i].name;
        if (verdict != ATTRIBUTE_GOOD) {
            bool is_unknown = verdict == ATTRIBUTE_UNKNOWN;
            epp_reading_fail(reading, MALFORMED, is_unknown ? EPP_SYNTAX_ERROR : EPP_VALUE_SYNTAX,
                             is_unknown ? "<%.*s> has no attribute %.*s"
                                        : "<%.*s> has a malformed %.*s",
                             shown_len(name), name.bytes, shown_len(attribute), attribute.bytes);
        }
    }
}

void epp_form_check(struct epp_reading *reading, const struct xml_node *root)
{
    const struct xml_node *path[XML_DEPTH_MAX + 1] = {root, root};
    size_t depth = 1; /* path[depth] is looked at, path[depth - 1] is its parent */
    while (depth > 0 && reading->status == OK) {
        const struct xml_node *node = path[depth];
        if (node == NULL) {
            depth--;
            path[depth] = depth == 0 ? NULL : path[depth]->next;
            continue;
        }
        require(depth < LEN(path));
        if (is_ours(node)) {
            node_check(reading, path[depth - 1], node);
        }
        if (node->first_child != NULL && is_ours(node)) {
            path[++depth] = node->first_child;
        } else {
            path[depth] = node->next;
        }
    }
}
