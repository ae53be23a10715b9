#pragma once
/* XML by libxml2 behind one file: no network, no DTD, no entities, bounded depth and size. */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/base/writer.h"

struct xml_node {
    struct span name;  /* local name */
    struct span space; /* namespace URI, empty when none */
    struct span text;  /* the text directly inside, white space at both ends removed */
    const struct xml_attribute *attributes;
    size_t attribute_count;
    const struct xml_node *first_child; /* elements only */
    const struct xml_node *next;        /* sibling */
};
struct xml_attribute {
    struct span name;  /* local name */
    struct span space; /* namespace URI, empty when it has no prefix */
    struct span value;
};
enum { XML_LEN_MAX = 256 * 1024, XML_DEPTH_MAX = 32, XML_NODES_MAX = 10000 };
/* The tree in `arena`. MALFORMED (not well-formed, or a DOCTYPE), TOO_LONG, LIMIT_REACHED (depth,
 * nodes). */
enum status xml_read(struct span text, struct arena *arena, const struct xml_node **root,
                     struct problem *problem) MUST_USE;
/* First child element of that local name and namespace (`space` NULL: any). NULL when none. */
const struct xml_node *xml_child(const struct xml_node *node, const char *space, const char *name);
/* The next sibling of the same name and namespace. */
const struct xml_node *xml_again(const struct xml_node *node);
/* The value of the attribute of that name without a prefix; empty when absent. */
struct span xml_attribute(const struct xml_node *node, const char *name);
void xml_write_escaped(struct writer *writer,
                       struct span text); /* for content and attribute values */
