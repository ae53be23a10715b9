#pragma once
/* For tests: the grammar of frames made from the RFCs' rules (tests/peer/epp/frame.rng), judged by
 * libxml2's RELAX NG, which shares nothing with our reader and writer but the parsing of XML. */
#include "core/base/span.h"

#include <libxml/relaxng.h>
#include <stdarg.h>
#include <stdbool.h>

#define EPP_GRAMMAR_FOLDER VOUCH_SOURCE_ROOT "/tests/peer/epp/"

struct epp_grammar {
    xmlRelaxNGPtr schema;
    xmlRelaxNGValidCtxtPtr validation;
};

/* A table or a message of the test says what is wanted; libxml2's own words are only noise. */
static inline void epp_grammar_drop(void *user, const char *format, ...) PRINTF_LIKE(2, 3);
static inline void epp_grammar_drop(void *user, const char *format, ...)
{
    (void)user, (void)format;
}

static inline bool epp_grammar_open(struct epp_grammar *grammar)
{
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(EPP_GRAMMAR_FOLDER "frame.rng");
    grammar->schema = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    if (grammar->schema == NULL) {
        return false;
    }
    grammar->validation = xmlRelaxNGNewValidCtxt(grammar->schema);
    xmlRelaxNGSetValidErrors(grammar->validation, epp_grammar_drop, epp_grammar_drop, NULL);
    return true;
}

static inline void epp_grammar_close(struct epp_grammar *grammar)
{
    xmlRelaxNGFreeValidCtxt(grammar->validation);
    xmlRelaxNGFree(grammar->schema);
}

/* False also for what is not well-formed. */
static inline bool epp_grammar_fits(struct epp_grammar *grammar, struct span frame)
{
    xmlDocPtr document = xmlReadMemory((const char *)frame.bytes, (int)frame.len, "frame", NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    bool fits = document != NULL && xmlRelaxNGValidateDoc(grammar->validation, document) == 0;
    xmlFreeDoc(document);
    return fits;
}

/* For a test that has no place of its own for the grammar; opened once, kept to the end. */
static inline bool epp_grammar_agrees(struct span frame)
{
    static struct epp_grammar grammar;
    return (grammar.schema != NULL || epp_grammar_open(&grammar)) &&
           epp_grammar_fits(&grammar, frame);
}
