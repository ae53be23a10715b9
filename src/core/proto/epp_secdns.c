/* DNSSEC in EPP: the secDNS-1.1 extension (RFC 5910), read and written in its DS form and its key
 * form. One command never mixes the two (RFC 5910 §4). */
#include "core/base/text.h"
#include "core/proto/epp_part.h"

enum { MAX_SIGNATURE_LIFE_MAX = INT32_MAX };

/* xsd's base64Binary may be broken by white space, its hexBinary may not (XML Schema 2 §3.2.15). */
static struct span text_without_white(struct epp_reading *reading, struct span text)
{
    uint8_t *bytes = arena_take(reading->arena, text.len);
    if (bytes == NULL) {
        epp_reading_fail(reading, NO_MEMORY, EPP_FAILED, "the frame takes too much memory");
        return SPAN_EMPTY;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet != ' ' && octet != '\t' && octet != '\r' && octet != '\n') {
            bytes[len++] = octet;
        }
    }
    return span_of(bytes, len);
}

static struct span binary_read(struct epp_reading *reading, const struct xml_node *node,
                               enum status (*decode)(struct span text, struct writer *bytes),
                               const char *form)
{
    struct span text = epp_text(reading, node, 1, EPP_FRAME_LEN_MAX);
    if (decode == text_read_base64) {
        text = text_without_white(reading, text);
    }
    if (reading->status != OK) {
        return SPAN_EMPTY;
    }
    uint8_t *bytes = arena_take(reading->arena, text.len);
    if (bytes == NULL) {
        epp_reading_fail(reading, NO_MEMORY, EPP_FAILED, "the frame takes too much memory");
        return SPAN_EMPTY;
    }
    struct writer writer = writer_over(bytes, text.len);
    if (decode(text, &writer) != OK || writer.len == 0) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX, "<%.*s> must be %s",
                         (int)node->name.len, node->name.bytes, form);
        return SPAN_EMPTY;
    }
    return writer_written(&writer);
}

static void key_data_read(struct epp_reading *reading, const struct xml_node *node,
                          struct epp_key *key)
{
    struct epp_children children = epp_children_of(reading, node);
    key->has_key = true;
    key->key_flags = (uint16_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "flags"), UINT16_MAX);
    key->key_protocol = (uint8_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "protocol"), UINT8_MAX);
    key->key_algorithm = (uint8_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "alg"), UINT8_MAX);
    const struct xml_node *public_key = epp_children_need(&children, EPP_SPACE_SECDNS, "pubKey");
    if (public_key != NULL) {
        key->key_public = binary_read(reading, public_key, text_read_base64, "base64");
    }
    epp_children_end(&children);
}

static void ds_data_read(struct epp_reading *reading, const struct xml_node *node,
                         struct epp_key *key)
{
    struct epp_children children = epp_children_of(reading, node);
    key->has_ds = true;
    key->ds_tag = (uint16_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "keyTag"), UINT16_MAX);
    key->ds_algorithm = (uint8_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "alg"), UINT8_MAX);
    key->ds_digest_type = (uint8_t)epp_number(
        reading, epp_children_need(&children, EPP_SPACE_SECDNS, "digestType"), UINT8_MAX);
    const struct xml_node *digest = epp_children_need(&children, EPP_SPACE_SECDNS, "digest");
    if (digest != NULL) {
        key->ds_digest = binary_read(reading, digest, text_read_base16, "hexadecimal");
    }
    const struct xml_node *embedded = epp_children_take(&children, EPP_SPACE_SECDNS, "keyData");
    if (embedded != NULL) {
        key_data_read(reading, embedded, key);
    }
    epp_children_end(&children);
}

static void keys_read(struct epp_children *children, struct epp_key_list list)
{
    struct epp_reading *reading = children->reading;
    const char *first_form = NULL;
    static const struct {
        const char *element;
        void (*read)(struct epp_reading *reading, const struct xml_node *node, struct epp_key *key);
    } forms[] = {{"dsData", ds_data_read}, {"keyData", key_data_read}};
    for (size_t form = 0; form < LEN(forms); form++) {
        const struct xml_node *node;
        while ((node = epp_children_take(children, EPP_SPACE_SECDNS, forms[form].element)) !=
               NULL) {
            if (first_form != NULL && first_form != forms[form].element) {
                epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                                 "dsData and keyData may not be mixed in one command");
                return;
            }
            first_form = forms[form].element;
            if (*list.count == EPP_KEYS_MAX) {
                epp_reading_fail(reading, LIMIT_REACHED, EPP_POLICY_ERROR,
                                 "more than %d keys in one command", EPP_KEYS_MAX);
                return;
            }
            forms[form].read(reading, node, &list.keys[(*list.count)++]);
        }
    }
    if (first_form == NULL) {
        epp_reading_fail(reading, MALFORMED, EPP_MISSING_PARAMETER,
                         "neither dsData nor keyData is in <%.*s>", (int)children->parent->name.len,
                         children->parent->name.bytes);
    } else if (children->next != NULL && reading->status == OK &&
               span_equal(children->next->name, span_of_text("dsData"))) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "dsData and keyData may not be mixed in one command");
    }
}

static uint32_t max_signature_life_read(struct epp_children *children)
{
    const struct xml_node *node = epp_children_take(children, EPP_SPACE_SECDNS, "maxSigLife");
    if (node == NULL) {
        return 0;
    }
    uint64_t life_s = epp_number(children->reading, node, MAX_SIGNATURE_LIFE_MAX);
    if (life_s == 0) {
        epp_reading_fail(children->reading, MALFORMED, EPP_RANGE_ERROR,
                         "<maxSigLife> must be at least 1");
    }
    return (uint32_t)life_s;
}

void epp_secdns_read(struct epp_reading *reading, const struct xml_node *node,
                     struct epp_domain *domain)
{
    struct epp_children children = epp_children_of(reading, node);
    domain->max_signature_life_s = max_signature_life_read(&children);
    keys_read(&children, (struct epp_key_list){domain->keys, &domain->key_count});
    epp_children_end(&children);
}

static void rem_read(struct epp_reading *reading, const struct xml_node *node,
                     struct epp_domain_update *update)
{
    struct epp_children children = epp_children_of(reading, node);
    const struct xml_node *all = epp_children_take(&children, EPP_SPACE_SECDNS, "all");
    if (all != NULL) {
        update->removes_all_keys = epp_bool(reading, epp_text(reading, all, 1, 5));
        if (!update->removes_all_keys) {
            epp_reading_fail(reading, MALFORMED, EPP_USE_ERROR,
                             "<all> that is false removes nothing");
        }
    } else {
        keys_read(&children,
                  (struct epp_key_list){update->keys_removed, &update->keys_removed_count});
    }
    epp_children_end(&children);
}

static bool is_key_form(const struct epp_key *key)
{
    return key->has_key && !key->has_ds;
}

void epp_secdns_read_update(struct epp_reading *reading, const struct xml_node *node,
                            struct epp_domain_update *update)
{
    update->has_secdns = true;
    struct span urgent = xml_attribute(node, "urgent");
    update->is_urgent = urgent.len > 0 && epp_bool(reading, urgent);
    struct epp_children children = epp_children_of(reading, node);
    const struct xml_node *rem = epp_children_take(&children, EPP_SPACE_SECDNS, "rem");
    if (rem != NULL) {
        rem_read(reading, rem, update);
    }
    const struct xml_node *add = epp_children_take(&children, EPP_SPACE_SECDNS, "add");
    if (add != NULL) {
        struct epp_children added = epp_children_of(reading, add);
        update->max_signature_life_s = max_signature_life_read(&added);
        keys_read(&added, (struct epp_key_list){update->keys_added, &update->keys_added_count});
        epp_children_end(&added);
    }
    const struct xml_node *change = epp_children_take(&children, EPP_SPACE_SECDNS, "chg");
    if (change != NULL) {
        struct epp_children changed = epp_children_of(reading, change);
        uint32_t life_s = max_signature_life_read(&changed);
        update->max_signature_life_s = life_s > 0 ? life_s : update->max_signature_life_s;
        epp_children_end(&changed);
    }
    epp_children_end(&children);
    if (rem == NULL && add == NULL && change == NULL) {
        epp_reading_fail(reading, MALFORMED, EPP_MISSING_PARAMETER,
                         "none of rem, add and chg is in <secDNS:update>");
    }
    if (update->keys_added_count > 0 && update->keys_removed_count > 0 &&
        is_key_form(&update->keys_added[0]) != is_key_form(&update->keys_removed[0])) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "dsData and keyData may not be mixed in one command");
    }
}

static void key_data_write(const struct epp_key *key, struct writer *frame)
{
    writer_print(frame,
                 "<secDNS:keyData><secDNS:flags>%u</secDNS:flags>"
                 "<secDNS:protocol>%u</secDNS:protocol><secDNS:alg>%u</secDNS:alg>"
                 "<secDNS:pubKey>",
                 key->key_flags, key->key_protocol, key->key_algorithm);
    text_write_base64(frame, key->key_public);
    writer_text(frame, "</secDNS:pubKey></secDNS:keyData>");
}

static void keys_write(const struct epp_key *keys, size_t count, struct writer *frame)
{
    for (size_t i = 0; i < count; i++) {
        if (is_key_form(&keys[i]) != is_key_form(&keys[0])) {
            writer_fail(frame, BAD_ARGUMENT);
        }
        if (is_key_form(&keys[i])) {
            key_data_write(&keys[i], frame);
            continue;
        }
        writer_print(frame,
                     "<secDNS:dsData><secDNS:keyTag>%u</secDNS:keyTag><secDNS:alg>%u</secDNS:alg>"
                     "<secDNS:digestType>%u</secDNS:digestType><secDNS:digest>",
                     keys[i].ds_tag, keys[i].ds_algorithm, keys[i].ds_digest_type);
        text_write_base16(frame, keys[i].ds_digest);
        writer_text(frame, "</secDNS:digest>");
        if (keys[i].has_key) {
            key_data_write(&keys[i], frame);
        }
        writer_text(frame, "</secDNS:dsData>");
    }
}

static void max_signature_life_write(uint32_t life_s, struct writer *frame)
{
    if (life_s > 0) {
        writer_print(frame, "<secDNS:maxSigLife>%u</secDNS:maxSigLife>", life_s);
    }
}

void epp_secdns_write(const char *element, const struct epp_domain *domain, struct writer *frame)
{
    if (domain->key_count == 0) {
        return;
    }
    writer_print(frame, "<extension><secDNS:%s xmlns:secDNS=\"" EPP_SPACE_SECDNS "\">", element);
    max_signature_life_write(domain->max_signature_life_s, frame);
    keys_write(domain->keys, domain->key_count, frame);
    writer_print(frame, "</secDNS:%s></extension>", element);
}

void epp_secdns_write_update(const struct epp_domain_update *update, struct writer *frame)
{
    if (!update->has_secdns) {
        return;
    }
    writer_print(frame, "<extension><secDNS:update%s xmlns:secDNS=\"" EPP_SPACE_SECDNS "\">",
                 update->is_urgent ? " urgent=\"true\"" : "");
    if (update->removes_all_keys) {
        writer_text(frame, "<secDNS:rem><secDNS:all>true</secDNS:all></secDNS:rem>");
    } else if (update->keys_removed_count > 0) {
        writer_text(frame, "<secDNS:rem>");
        keys_write(update->keys_removed, update->keys_removed_count, frame);
        writer_text(frame, "</secDNS:rem>");
    }
    if (update->keys_added_count > 0) {
        writer_text(frame, "<secDNS:add>");
        max_signature_life_write(update->max_signature_life_s, frame);
        keys_write(update->keys_added, update->keys_added_count, frame);
        writer_text(frame, "</secDNS:add>");
    } else if (update->max_signature_life_s > 0) {
        writer_text(frame, "<secDNS:chg>");
        max_signature_life_write(update->max_signature_life_s, frame);
        writer_text(frame, "</secDNS:chg>");
    }
    writer_text(frame, "</secDNS:update></extension>");
}
