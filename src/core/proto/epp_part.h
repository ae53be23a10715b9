#pragma once
/* What the files of EPP share among themselves: namespaces, and a cursor over child elements that
 * demands the order of the schemas. Not for others. */
#include "core/proto/epp.h"
#include "core/proto/xml.h"

#define EPP_SPACE "urn:ietf:params:xml:ns:epp-1.0"
#define EPP_SPACE_DOMAIN "urn:ietf:params:xml:ns:domain-1.0"
#define EPP_SPACE_SECDNS "urn:ietf:params:xml:ns:secDNS-1.1"

/* One frame being read; the first failure stays. */
struct epp_reading {
    struct arena *arena;
    struct problem *problem;
    enum epp_code code;
    enum status status;
};
void epp_reading_fail(struct epp_reading *reading, enum status status, enum epp_code code,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* The children of one element, which must come in the order they are asked for. */
struct epp_children {
    struct epp_reading *reading;
    const struct xml_node *parent;
    const struct xml_node *next;
};
struct epp_children epp_children_of(struct epp_reading *reading, const struct xml_node *parent);
/* The next child if it is that element, else NULL; NULL also after a failure. */
const struct xml_node *epp_children_take(struct epp_children *children, const char *space,
                                         const char *name);
/* The same, but its absence is a failure (2003), and so is a wrong place or namespace (2001). */
const struct xml_node *epp_children_need(struct epp_children *children, const char *space,
                                         const char *name);
/* Anything left is a failure (2001), and so is text. */
void epp_children_end(struct epp_children *children);
size_t epp_count_characters(struct span text);
/* No child elements, and text of len_min..len_max characters (2005); the text. */
struct span epp_text(struct epp_reading *reading, const struct xml_node *node, size_t len_min,
                     size_t len_max);
/* A number in decimal, at most `max` (2005, 2004). */
uint64_t epp_number(struct epp_reading *reading, const struct xml_node *node, uint64_t max);
/* xsd:dateTime in UTC, fractions of seconds dropped; 0 after a failure. */
int64_t epp_time(struct epp_reading *reading, const struct xml_node *node);
/* xsd:boolean. */
bool epp_bool(struct epp_reading *reading, struct span text);

/* Attributes and text that the schemas do not allow in a client's frame are a failure (2001). What
 * is not of our namespaces is not looked into. */
void epp_form_check(struct epp_reading *reading, const struct xml_node *root);

/* RFC 5731: parts that commands and responses share. */
struct epp_host_list {
    struct epp_host *hosts;
    size_t *count;
};
void epp_ns_read(struct epp_reading *reading, const struct xml_node *ns, struct epp_host_list list);
/* Takes all <domain:status>. */
void epp_statuses_read(struct epp_children *children, struct span statuses[8], size_t *count);
struct span epp_auth_info_read(struct epp_reading *reading, const struct xml_node *node);
bool epp_status_is_known(struct span status);

/* RFC 5910. */
struct epp_key_list {
    struct epp_key *keys;
    size_t *count;
};
/* <secDNS:create>, <secDNS:infData>. */
void epp_secdns_read(struct epp_reading *reading, const struct xml_node *node,
                     struct epp_domain *domain);
void epp_secdns_read_update(struct epp_reading *reading, const struct xml_node *node,
                            struct epp_domain_update *update);
void epp_secdns_write(const char *element, const struct epp_domain *domain, struct writer *frame);
void epp_secdns_write_update(const struct epp_domain_update *update, struct writer *frame);

/* Writing. An element with text; nothing when `text` is empty. */
void epp_write_element(struct writer *frame, const char *name, struct span text);
void epp_write_time(struct writer *frame, const char *name, int64_t time_s);
void epp_write_hosts(struct writer *frame, const struct epp_host *hosts, size_t count);
void epp_write_status(struct writer *frame, struct span status);
/* Fails the writer (BAD_ARGUMENT) when the schema would refuse that length. */
void epp_write_check_len(struct writer *frame, struct span text, size_t len_min, size_t len_max);
void epp_write_start(struct writer *frame);
enum status epp_write_end(struct writer *frame);
