/* How libxml2 is kept harmless: a push parser (no recursion on depth) with our own SAX callbacks,
 * no file or network access, a DOCTYPE ends the parsing before anything in it is read, only the
 * five predefined entities exist, UTF-8 is the only encoding, and depth, nodes and length are
 * counted here. Nothing else in vouch includes libxml2. */
#include "core/proto/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

/* Text between two child elements. The bytes lie in the building's shared buffer. */
struct xml_piece {
    struct span bytes;
    struct xml_piece *next;
};

struct xml_open {
    struct xml_node *node;
    struct xml_node *last_child;
    struct xml_piece *first_piece, *last_piece;
};

struct xml_building {
    xmlParserCtxtPtr parser;
    struct arena *arena;
    struct problem *problem;
    enum status status;
    struct writer text; /* all character data in order of appearance: never longer than the input */
    struct xml_open open[XML_DEPTH_MAX];
    size_t depth;
    size_t node_count; /* elements and attributes */
    struct xml_node *root;
};

static void building_fail(struct xml_building *building, enum status status, const char *sentence)
{
    if (building->status == OK) {
        building->status = problem_set(building->problem, status, "%s", sentence);
        const xmlParserInput *input = building->parser->input;
        problem_place(building->problem, "", input == NULL ? 0 : (uint32_t)input->line,
                      input == NULL ? 0 : (uint32_t)input->col);
        xmlStopParser(building->parser);
    }
}

static bool is_white(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct span trimmed(struct span text)
{
    while (text.len > 0 && is_white(text.bytes[0])) {
        text = span_part(text, 1, text.len - 1);
    }
    while (text.len > 0 && is_white(text.bytes[text.len - 1])) {
        text.len--;
    }
    return text;
}

static struct span building_copy(struct xml_building *building, const xmlChar *bytes, size_t len)
{
    struct span copy = SPAN_EMPTY;
    if (len > 0 && arena_copy(building->arena, span_of(bytes, len), &copy) != OK) {
        building_fail(building, NO_MEMORY, "the XML takes more memory than a frame may");
    }
    return copy;
}

static struct span building_copy_word(struct xml_building *building, const xmlChar *word)
{
    return word == NULL ? SPAN_EMPTY : building_copy(building, word, strlen((const char *)word));
}

/* libxml2 gives five pointers an attribute: local name, prefix, URI, value, end of value. */
static void building_add_attributes(struct xml_building *building, struct xml_node *node, int count,
                                    const xmlChar **attributes)
{
    if (count <= 0) {
        return;
    }
    building->node_count += (size_t)count;
    if (building->node_count > XML_NODES_MAX) {
        building_fail(building, LIMIT_REACHED, "the XML has too many elements and attributes");
        return;
    }
    struct xml_attribute *list =
        arena_take_array(building->arena, (size_t)count, sizeof(struct xml_attribute));
    if (list == NULL) {
        building_fail(building, NO_MEMORY, "the XML takes more memory than a frame may");
        return;
    }
    for (int i = 0; i < count; i++) {
        const xmlChar **at = attributes + 5 * (ptrdiff_t)i;
        list[i].name = building_copy_word(building, at[0]);
        list[i].space = building_copy_word(building, at[2]);
        list[i].value = building_copy(building, at[3], (size_t)(at[4] - at[3]));
    }
    node->attributes = list;
    node->attribute_count = (size_t)count;
}

static void building_link(struct xml_building *building, struct xml_node *node)
{
    if (building->depth == 0) {
        building->root = node;
        return;
    }
    struct xml_open *parent = &building->open[building->depth - 1];
    if (parent->last_child == NULL) {
        parent->node->first_child = node;
    } else {
        parent->last_child->next = node;
    }
    parent->last_child = node;
}

static void on_start_element(void *user, const xmlChar *name, const xmlChar *prefix,
                             const xmlChar *space, int space_count, const xmlChar **spaces,
                             int attribute_count, int defaulted_count, const xmlChar **attributes)
{
    (void)prefix, (void)spaces, (void)defaulted_count;
    struct xml_building *building = user;
    if (building->status != OK) {
        return;
    }
    if (building->depth == XML_DEPTH_MAX) {
        building_fail(building, LIMIT_REACHED, "the XML is nested too deep");
        return;
    }
    /* Namespace declarations are counted too: each costs libxml2 a look-up per element. */
    building->node_count += 1 + (space_count > 0 ? (size_t)space_count : 0);
    if (building->node_count > XML_NODES_MAX) {
        building_fail(building, LIMIT_REACHED, "the XML has too many elements and attributes");
        return;
    }
    struct xml_node *node = arena_take(building->arena, sizeof *node);
    if (node == NULL) {
        building_fail(building, NO_MEMORY, "the XML takes more memory than a frame may");
        return;
    }
    node->name = building_copy_word(building, name);
    node->space = building_copy_word(building, space);
    building_add_attributes(building, node, attribute_count, attributes);
    if (building->status == OK) {
        building_link(building, node);
        building->open[building->depth] = (struct xml_open){.node = node};
        building->depth++;
    }
}

/* The pieces as one text. Mixed content is rare, so most nodes have one piece and nothing is
 * copied; in all, each octet is copied at most once more. */
static struct span pieces_join(struct xml_building *building, const struct xml_piece *first)
{
    if (first == NULL || first->next == NULL) {
        return first == NULL ? SPAN_EMPTY : first->bytes;
    }
    size_t len = 0;
    for (const struct xml_piece *piece = first; piece != NULL; piece = piece->next) {
        len += piece->bytes.len;
    }
    uint8_t *bytes = arena_take(building->arena, len);
    if (bytes == NULL) {
        building_fail(building, NO_MEMORY, "the XML takes more memory than a frame may");
        return SPAN_EMPTY;
    }
    struct writer joined = writer_over(bytes, len);
    for (const struct xml_piece *piece = first; piece != NULL; piece = piece->next) {
        writer_span(&joined, piece->bytes);
    }
    return writer_written(&joined);
}

static void on_end_element(void *user, const xmlChar *name, const xmlChar *prefix,
                           const xmlChar *space)
{
    (void)name, (void)prefix, (void)space;
    struct xml_building *building = user;
    if (building->status != OK || building->depth == 0) {
        return;
    }
    struct xml_open *closed = &building->open[--building->depth];
    closed->node->text = trimmed(pieces_join(building, closed->first_piece));
}

static void on_characters(void *user, const xmlChar *bytes, int len)
{
    struct xml_building *building = user;
    if (building->status != OK || building->depth == 0 || len <= 0) {
        return;
    }
    struct xml_open *open = &building->open[building->depth - 1];
    const uint8_t *start = building->text.bytes + building->text.len;
    writer_span(&building->text, span_of(bytes, (size_t)len));
    if (building->text.status != OK) {
        building_fail(building, TOO_LONG, "the XML unfolds to more than its own length");
        return;
    }
    struct xml_piece *last = open->last_piece;
    if (last != NULL && last->bytes.bytes + last->bytes.len == start) {
        last->bytes.len += (size_t)len;
        return;
    }
    struct xml_piece *piece = arena_take(building->arena, sizeof *piece);
    if (piece == NULL) {
        building_fail(building, NO_MEMORY, "the XML takes more memory than a frame may");
        return;
    }
    piece->bytes = span_of(start, (size_t)len);
    if (last == NULL) {
        open->first_piece = piece;
    } else {
        last->next = piece;
    }
    open->last_piece = piece;
}

/* Called for "<!DOCTYPE" before the internal subset is read: entities, external files and the
 * exponential tricks with them all need one. */
static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name, (void)external, (void)system;
    building_fail(user, MALFORMED, "a DOCTYPE is not allowed");
}

static xmlEntityPtr on_entity(void *user, const xmlChar *name)
{
    (void)user;
    return xmlGetPredefinedEntity(name);
}

static void on_error(void *user, xmlErrorPtr error)
{
    struct xml_building *building = user;
    if (error->level < XML_ERR_ERROR || building->status != OK) {
        return; /* a warning, or what follows from the first failure */
    }
    char sentence[200];
    struct writer text = writer_over(sentence, sizeof sentence - 1);
    writer_text(&text, "not well-formed XML: ");
    const char *message = error->message == NULL ? "no reason given" : error->message;
    size_t len = strcspn(message, "\n");
    writer_span(&text, span_of(message, len < writer_left(&text) ? len : writer_left(&text)));
    sentence[text.len] = '\0';
    building_fail(building, MALFORMED, sentence);
}

static bool is_utf8_name(const xmlChar *encoding)
{
    struct span name = encoding == NULL ? SPAN_LITERAL("UTF-8")
                                        : span_of(encoding, strlen((const char *)encoding));
    return span_equal_nocase(name, SPAN_LITERAL("UTF-8")) ||
           span_equal_nocase(name, SPAN_LITERAL("US-ASCII"));
}

static void on_start_document(void *user)
{
    struct xml_building *building = user;
    const xmlParserCtxt *parser = building->parser;
    if (!is_utf8_name(parser->encoding) ||
        (parser->input != NULL && !is_utf8_name(parser->input->encoding))) {
        building_fail(building, UNSUPPORTED, "only UTF-8 is accepted as the encoding");
    }
}

static xmlSAXHandler handler_make(void)
{
    return (xmlSAXHandler){
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = on_doctype,
        .externalSubset = on_doctype,
        .getEntity = on_entity,
        .startDocument = on_start_document,
        .startElementNs = on_start_element,
        .endElementNs = on_end_element,
        .characters = on_characters,
        .ignorableWhitespace = on_characters,
        .cdataBlock = on_characters,
        .serror = on_error,
    };
}

static enum status building_run(struct xml_building *building, struct span text)
{
    xmlSAXHandler handler = handler_make();
    building->parser = xmlCreatePushParserCtxt(&handler, building, NULL, 0, NULL);
    if (building->parser == NULL) {
        return problem_set(building->problem, NO_MEMORY, "no memory for the XML parser");
    }
    /* NOENT makes libxml2 hand out `&` itself where an attribute has `&amp;`; entities other than
     * the predefined cannot be declared without a DOCTYPE. */
    xmlCtxtUseOptions(building->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_COMPACT);
    /* Fed in slices: a document that has failed is not even copied to its end. */
    enum { SLICE_LEN = 4096 };
    for (size_t at = 0; at < text.len && building->status == OK; at += SLICE_LEN) {
        size_t len = text.len - at < SLICE_LEN ? text.len - at : SLICE_LEN;
        (void)xmlParseChunk(building->parser, (const char *)text.bytes + at, (int)len, 0);
    }
    if (building->status == OK) {
        (void)xmlParseChunk(building->parser, NULL, 0, 1);
    }
    if (building->status == OK && (!building->parser->wellFormed || building->root == NULL)) {
        building_fail(building, MALFORMED, "not well-formed XML");
    }
    xmlFreeParserCtxt(building->parser);
    return building->status;
}

enum status xml_read(struct span text, struct arena *arena, const struct xml_node **root,
                     struct problem *problem)
{
    *root = NULL;
    if (text.len > XML_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "the XML is longer than %d octets", XML_LEN_MAX);
    }
    if (text.len == 0 || memchr(text.bytes, '\0', text.len) != NULL) {
        return problem_set(problem, MALFORMED, "not well-formed XML: %s",
                           text.len == 0 ? "it is empty" : "it has a NUL octet");
    }
    struct xml_building building = {.arena = arena, .problem = problem};
    uint8_t *bytes = arena_take(arena, text.len);
    if (bytes == NULL) {
        return problem_set(problem, NO_MEMORY, "the XML takes more memory than a frame may");
    }
    building.text = writer_over(bytes, text.len);
    enum status status = building_run(&building, text);
    if (status == OK) {
        *root = building.root;
    }
    return status;
}

static bool node_is(const struct xml_node *node, struct span space, struct span name)
{
    return span_equal(node->name, name) && (space.bytes == NULL || span_equal(node->space, space));
}

const struct xml_node *xml_child(const struct xml_node *node, const char *space, const char *name)
{
    struct span wanted_space = space == NULL ? SPAN_EMPTY : span_of_text(space);
    for (const struct xml_node *at = node->first_child; at != NULL; at = at->next) {
        if (node_is(at, wanted_space, span_of_text(name))) {
            return at;
        }
    }
    return NULL;
}

const struct xml_node *xml_again(const struct xml_node *node)
{
    for (const struct xml_node *at = node->next; at != NULL; at = at->next) {
        if (span_equal(at->name, node->name) && span_equal(at->space, node->space)) {
            return at;
        }
    }
    return NULL;
}

struct span xml_attribute(const struct xml_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++) {
        if (node->attributes[i].space.len == 0 &&
            span_equal(node->attributes[i].name, span_of_text(name))) {
            return node->attributes[i].value;
        }
    }
    return SPAN_EMPTY;
}

void xml_write_escaped(struct writer *writer, struct span text)
{
    static const char *const escapes[128] = {
        ['&'] = "&amp;",   ['<'] = "&lt;",  ['>'] = "&gt;",   ['"'] = "&quot;",
        ['\''] = "&apos;", ['\t'] = "&#9;", ['\n'] = "&#10;", ['\r'] = "&#13;",
    };
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet < 128 && escapes[octet] != NULL) {
            writer_text(writer, escapes[octet]);
        } else if (octet < 0x20 || octet == 0x7f) {
            writer_u8(writer, '?'); /* XML 1.0 has no way to say a control character */
        } else {
            writer_u8(writer, octet);
        }
    }
}
