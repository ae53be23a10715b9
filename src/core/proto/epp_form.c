/* What the schemas of EPP allow beside child elements: which element may have which attribute, and
 * that text and elements are never mixed (RFC 5730 §4, RFC 5731 §4, RFC 5910 §6). */
#include "core/proto/epp_part.h"

/* Schema hints may stand anywhere (XML Schema 1 §2.6.3); they are never followed. */
#define SPACE_SCHEMA_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"

static const struct {
    const char *space, *element, *attribute;
} attributes[] = {
    {EPP_SPACE, "poll", "op"},
    {EPP_SPACE, "poll", "msgID"},
    {EPP_SPACE, "transfer", "op"},
    {EPP_SPACE_DOMAIN, "hostAddr", "ip"},
    {EPP_SPACE_DOMAIN, "period", "unit"},
    {EPP_SPACE_DOMAIN, "contact", "type"},
    {EPP_SPACE_DOMAIN, "pw", "roid"},
    {EPP_SPACE_DOMAIN, "status", "s"},
    {EPP_SPACE_DOMAIN, "status", "lang"},
    {EPP_SPACE_SECDNS, "update", "urgent"},
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

/* `hosts` belongs to the name of <domain:info> alone, where its reader has it in hand. */
static bool attribute_is_allowed(const struct xml_node *parent, const struct xml_node *node,
                                 const struct xml_attribute *attribute)
{
    if (attribute->space.len > 0) {
        return is_word(attribute->space, SPACE_SCHEMA_INSTANCE);
    }
    if (is_word(node->name, "name") && is_word(node->space, EPP_SPACE_DOMAIN)) {
        return is_word(parent->name, "info") && is_word(attribute->name, "hosts");
    }
    for (size_t i = 0; i < LEN(attributes); i++) {
        if (is_word(node->name, attributes[i].element) &&
            is_word(node->space, attributes[i].space) &&
            is_word(attribute->name, attributes[i].attribute)) {
            return true;
        }
    }
    return false;
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
                         "<%.*s> may not hold text beside its elements", shown_len(name),
                         name.bytes);
    }
    for (size_t i = 0; i < node->attribute_count; i++) {
        if (!attribute_is_allowed(parent, node, &node->attributes[i])) {
            struct span attribute = node->attributes[i].name;
            epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<%.*s> has no attribute %.*s",
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
