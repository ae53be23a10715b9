/* The words of EPP: result codes with their English text (RFC 5730 §3), status values (RFC 5731
 * §2.3), and how a schema's sequence of elements is walked. */
#include "core/proto/epp_part.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    enum epp_code code;
    const char *text;
} codes[] = {
    {EPP_OK, "Command completed successfully"},
    {EPP_PENDING, "Command completed successfully; action pending"},
    {EPP_NO_MESSAGES, "Command completed successfully; no messages"},
    {EPP_ACK_TO_DEQUEUE, "Command completed successfully; ack to dequeue"},
    {EPP_BYE, "Command completed successfully; ending session"},
    {EPP_UNKNOWN_COMMAND, "Unknown command"},
    {EPP_SYNTAX_ERROR, "Command syntax error"},
    {EPP_USE_ERROR, "Command use error"},
    {EPP_MISSING_PARAMETER, "Required parameter missing"},
    {EPP_RANGE_ERROR, "Parameter value range error"},
    {EPP_VALUE_SYNTAX, "Parameter value syntax error"},
    {EPP_BAD_VERSION, "Unimplemented protocol version"},
    {EPP_UNIMPLEMENTED_COMMAND, "Unimplemented command"},
    {EPP_UNIMPLEMENTED_OPTION, "Unimplemented option"},
    {EPP_UNIMPLEMENTED_EXTENSION, "Unimplemented extension"},
    {EPP_AUTHENTICATION_ERROR, "Authentication error"},
    {EPP_AUTHORIZATION_ERROR, "Authorization error"},
    {EPP_INVALID_AUTHINFO, "Invalid authorization information"},
    {EPP_EXISTS, "Object exists"},
    {EPP_DOES_NOT_EXIST, "Object does not exist"},
    {EPP_STATUS_PROHIBITS, "Object status prohibits operation"},
    {EPP_ASSOCIATION_PROHIBITS, "Object association prohibits operation"},
    {EPP_POLICY_ERROR, "Parameter value policy error"},
    {EPP_UNIMPLEMENTED_SERVICE, "Unimplemented object service"},
    {EPP_DATA_POLICY, "Data management policy violation"},
    {EPP_FAILED, "Command failed"},
    {EPP_FAILED_CLOSING, "Command failed; server closing connection"},
    {EPP_AUTHENTICATION_CLOSING, "Authentication error; server closing connection"},
    {EPP_SESSION_LIMIT_CLOSING, "Session limit exceeded; server closing connection"},
};

const char *epp_code_text(enum epp_code code)
{
    for (size_t i = 0; i < LEN(codes); i++) {
        if (codes[i].code == code) {
            return codes[i].text;
        }
    }
    return "Unknown result code";
}

bool epp_status_is_known(struct span status)
{
    static const char *const known[] = {
        "clientDeleteProhibited",
        "clientHold",
        "clientRenewProhibited",
        "clientTransferProhibited",
        "clientUpdateProhibited",
        "inactive",
        "ok",
        "pendingCreate",
        "pendingDelete",
        "pendingRenew",
        "pendingTransfer",
        "pendingUpdate",
        "serverDeleteProhibited",
        "serverHold",
        "serverRenewProhibited",
        "serverTransferProhibited",
        "serverUpdateProhibited",
    };
    for (size_t i = 0; i < LEN(known); i++) {
        if (span_equal(status, span_of_text(known[i]))) {
            return true;
        }
    }
    return false;
}

void epp_reading_fail(struct epp_reading *reading, enum status status, enum epp_code code,
                      const char *format, ...)
{
    if (reading->status != OK) {
        return;
    }
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    reading->status = problem_set(reading->problem, status, "%s", sentence);
    reading->code = code;
}

/* A word of the frame as it may stand in a sentence. */
static int shown_len(struct span text)
{
    return text.len > 64 ? 64 : (int)text.len;
}

struct epp_children epp_children_of(struct epp_reading *reading, const struct xml_node *parent)
{
    return (struct epp_children){reading, parent,
                                 reading->status == OK ? parent->first_child : NULL};
}

const struct xml_node *epp_children_take(struct epp_children *children, const char *space,
                                         const char *name)
{
    const struct xml_node *node = children->next;
    if (children->reading->status != OK || node == NULL ||
        !span_equal(node->name, span_of_text(name)) ||
        !span_equal(node->space, span_of_text(space))) {
        return NULL;
    }
    children->next = node->next;
    return node;
}

static bool stands_later(const struct xml_node *node, const char *space, const char *name)
{
    for (; node != NULL; node = node->next) {
        if (span_equal(node->name, span_of_text(name)) &&
            span_equal(node->space, span_of_text(space))) {
            return true;
        }
    }
    return false;
}

/* Says why the next child is not the one that is needed. */
static void children_miss(struct epp_children *children, const char *space, const char *name)
{
    struct span parent = children->parent->name;
    const struct xml_node *found = children->next;
    if (found != NULL && span_equal(found->name, span_of_text(name))) {
        epp_reading_fail(children->reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<%s> is not in its namespace %s", name, space);
    } else if (found != NULL && stands_later(found->next, space, name)) {
        epp_reading_fail(children->reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<%s> must stand before <%.*s> in <%.*s>", name, shown_len(found->name),
                         found->name.bytes, shown_len(parent), parent.bytes);
    } else {
        epp_reading_fail(children->reading, MALFORMED, EPP_MISSING_PARAMETER,
                         "<%s> is missing in <%.*s>", name, shown_len(parent), parent.bytes);
    }
}

const struct xml_node *epp_children_need(struct epp_children *children, const char *space,
                                         const char *name)
{
    const struct xml_node *node = epp_children_take(children, space, name);
    if (node == NULL) {
        children_miss(children, space, name);
    }
    return node;
}

void epp_children_end(struct epp_children *children)
{
    const struct xml_node *left = children->next;
    struct span parent = children->parent->name;
    if (children->reading->status == OK && left != NULL) {
        epp_reading_fail(children->reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<%.*s> is not expected here in <%.*s>", shown_len(left->name),
                         left->name.bytes, shown_len(parent), parent.bytes);
    } else if (children->reading->status == OK && children->parent->text.len > 0) {
        epp_reading_fail(children->reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<%.*s> holds elements, and no text beside them", shown_len(parent),
                         parent.bytes);
    }
}

/* UTF-8, which the XML is: all octets but those that continue a character. */
size_t epp_count_characters(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (text.bytes[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

struct span epp_text(struct epp_reading *reading, const struct xml_node *node, size_t len_min,
                     size_t len_max)
{
    if (reading->status != OK || node == NULL) {
        return SPAN_EMPTY;
    }
    struct span name = node->name;
    if (node->first_child != NULL) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<%.*s> may hold text only",
                         shown_len(name), name.bytes);
        return SPAN_EMPTY;
    }
    size_t len = epp_count_characters(node->text);
    if (len < len_min || len > len_max) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX,
                         "<%.*s> must have %zu to %zu characters", shown_len(name), name.bytes,
                         len_min, len_max);
        return SPAN_EMPTY;
    }
    return node->text;
}

uint64_t epp_number(struct epp_reading *reading, const struct xml_node *node, uint64_t max)
{
    struct span text = epp_text(reading, node, 1, 20);
    if (reading->status != OK || node == NULL) {
        return 0;
    }
    uint64_t value = 0;
    enum status status = text_read_u64(text, max, &value);
    if (status == TOO_LONG) {
        epp_reading_fail(reading, MALFORMED, EPP_RANGE_ERROR, "<%.*s> must be at most %llu",
                         shown_len(node->name), node->name.bytes, (unsigned long long)max);
    } else if (status != OK) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX, "<%.*s> must be a number",
                         shown_len(node->name), node->name.bytes);
    }
    return status == OK ? value : 0;
}

/* Fractions of seconds may come from other servers; we never send them. */
int64_t epp_time(struct epp_reading *reading, const struct xml_node *node)
{
    enum { WHOLE_LEN = 19 }; /* YYYY-MM-DDTHH:MM:SS */
    struct span text = epp_text(reading, node, WHOLE_LEN + 1, 40);
    if (reading->status != OK || node == NULL) {
        return 0;
    }
    size_t end = WHOLE_LEN;
    if (text.bytes[end] == '.') {
        do {
            end++;
        } while (end < text.len && text.bytes[end] >= '0' && text.bytes[end] <= '9');
    }
    uint8_t whole[WHOLE_LEN + 1];
    struct writer writer = writer_over(whole, sizeof whole);
    writer_span(&writer, span_part(text, 0, WHOLE_LEN));
    writer_u8(&writer, 'Z');
    struct span zone = span_part(text, end, text.len - end);
    int64_t time_s = 0;
    if (!(span_equal(zone, SPAN_LITERAL("Z")) || span_equal(zone, SPAN_LITERAL("+00:00"))) ||
        text_read_rfc3339(writer_written(&writer), &time_s) != OK) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX, "<%.*s> must be a time in UTC",
                         shown_len(node->name), node->name.bytes);
        return 0;
    }
    return time_s;
}

bool epp_bool(struct epp_reading *reading, struct span text)
{
    bool is_true = span_equal(text, SPAN_LITERAL("1")) || span_equal(text, SPAN_LITERAL("true"));
    bool is_false = span_equal(text, SPAN_LITERAL("0")) || span_equal(text, SPAN_LITERAL("false"));
    if (!is_true && !is_false) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX,
                         "a truth value must be true, false, 1 or 0");
    }
    return is_true;
}
