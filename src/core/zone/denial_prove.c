/* Which records of a zone's denial chain prove that something is not there. The other side of the
 * coin, denial_check, knows what they are good for. */
#include "core/zone/denial_prove.h"
#include "core/base/text.h"

/* A zone's NSEC3 parameters (RFC 5155 §4). */
struct hashing {
    struct name apex;
    uint16_t iterations;
    struct span salt;
};

static void add_node(struct denial_proof *proof, const struct zone_node *node)
{
    for (size_t i = 0; node != NULL && i < proof->count; i++) {
        if (proof->nodes[i] == node) {
            return;
        }
    }
    if (node != NULL && proof->count < DENIAL_PROOF_MAX) {
        proof->nodes[proof->count++] = node;
    }
}

/* The NSEC at or before a name. What stands between NSECs is occluded by a cut or a DNAME above it,
 * and that node has one. */
static const struct zone_node *find_nsec(const struct zone *zone, struct name name)
{
    const struct zone_node *node = zone_at_or_before(zone, name);
    if (node == NULL || zone_node_rrset(node, TYPE_NSEC) != NULL) {
        return node;
    }
    const struct zone_node *above = zone_find_cut(zone, node->owner);
    const struct zone_node *dname = zone_find_dname(zone, node->owner);
    if (above == NULL || above == node ||
        (dname != NULL && dname->owner.label_count < above->owner.label_count)) {
        above = dname; /* a cut below a DNAME is occluded too */
    }
    return above != NULL && zone_node_rrset(above, TYPE_NSEC) != NULL ? above : NULL;
}

static struct name find_encloser(const struct zone *zone, struct name name)
{
    return name_ancestor(name, zone_closest_encloser(zone, name));
}

static void prove_by_nsec(const struct zone *zone, const struct denial_question *question,
                          struct denial_proof *proof)
{
    add_node(proof, find_nsec(zone, question->name));
    bool needs_wildcard = question->kind == DENIAL_NAME ||
                          (question->kind == DENIAL_TYPE && !zone_has_name(zone, question->name));
    struct name_buffer buffer;
    struct name wildcard;
    if (needs_wildcard &&
        name_make_wildcard(find_encloser(zone, question->name), &buffer, &wildcard) == OK) {
        add_node(proof, find_nsec(zone, wildcard));
    }
}

static bool read_hashing(const struct zone *zone, struct hashing *hashing)
{
    hashing->apex = zone_apex(zone);
    const struct rrset *nsec3param = zone_find_rrset(zone, hashing->apex, TYPE_NSEC3PARAM);
    if (nsec3param == NULL) {
        return false;
    }
    struct span rdata;
    struct rrset_cursor cursor = rrset_first(nsec3param);
    while (rrset_next(&cursor, &rdata)) {
        struct reader reader = reader_over(rdata);
        uint8_t algorithm = reader_u8(&reader);
        uint8_t flags = reader_u8(&reader);
        hashing->iterations = reader_u16(&reader);
        hashing->salt = reader_span(&reader, reader_u8(&reader));
        if (reader_end(&reader) == OK && algorithm == NSEC3_HASH_SHA1 && flags == 0) {
            return true;
        }
    }
    return false;
}

/* The NSEC3 whose hash is that of the name, or else the one whose span covers it. */
static const struct zone_node *find_nsec3(const struct zone *zone, const struct hashing *hashing,
                                          struct name name, bool *is_match)
{
    uint8_t hash[NSEC3_HASH_LEN];
    char label[2 * NSEC3_HASH_LEN];
    struct writer text = writer_over(label, sizeof label);
    struct name_buffer buffer;
    struct name owner;
    *is_match = false;
    if (nsec3_hash(name, hashing->salt, hashing->iterations, hash) != OK) {
        return NULL;
    }
    text_write_base32hex(&text, span_of(hash, sizeof hash));
    if (name_make_child(writer_written(&text), hashing->apex, &buffer, &owner) != OK) {
        return NULL;
    }
    const struct zone_node *node = zone_nsec3_at_or_before(zone, owner);
    *is_match = node != NULL && name_equal(node->owner, owner);
    return node;
}

/* The deepest ancestor-or-self that has an NSEC3, by which the next longer name is covered (RFC
 * 5155 §7.2.1). Under opt-out that can be further up than the closest encloser. */
static struct name prove_encloser(const struct zone *zone, const struct hashing *hashing,
                                  struct name name, struct denial_proof *proof)
{
    uint8_t labels = zone_closest_encloser(zone, name);
    uint8_t labels_min = hashing->apex.label_count;
    const struct zone_node *match = NULL;
    for (;; labels--) {
        bool is_match;
        match = find_nsec3(zone, hashing, name_ancestor(name, labels), &is_match);
        if (is_match || labels <= labels_min) {
            break;
        }
    }
    add_node(proof, match);
    if (labels < name.label_count) {
        bool is_match;
        add_node(proof,
                 find_nsec3(zone, hashing, name_ancestor(name, (uint8_t)(labels + 1)), &is_match));
    }
    return name_ancestor(name, labels);
}

static void prove_by_nsec3(const struct zone *zone, const struct hashing *hashing,
                           const struct denial_question *question, struct denial_proof *proof)
{
    bool is_match;
    struct name name = question->name;
    if (question->kind == DENIAL_CLOSER_NAME) {
        uint8_t labels = (uint8_t)(question->encloser_labels + 1);
        add_node(proof, find_nsec3(zone, hashing, name_ancestor(name, labels), &is_match));
        return;
    }
    bool is_name = question->kind != DENIAL_NAME && zone_has_name(zone, name);
    if (is_name) {
        const struct zone_node *node = find_nsec3(zone, hashing, name, &is_match);
        if (is_match) {
            add_node(proof, node);
            return;
        }
    }
    struct name encloser = prove_encloser(zone, hashing, name, proof);
    struct name_buffer buffer;
    struct name wildcard;
    if (!is_name && question->kind != DENIAL_DS &&
        name_make_wildcard(encloser, &buffer, &wildcard) == OK) {
        add_node(proof, find_nsec3(zone, hashing, wildcard, &is_match));
    }
}

void denial_prove(const struct zone *zone, const struct denial_question *question,
                  struct denial_proof *proof)
{
    *proof = (struct denial_proof){0};
    struct hashing hashing;
    if (read_hashing(zone, &hashing)) {
        proof->type = TYPE_NSEC3;
        prove_by_nsec3(zone, &hashing, question, proof);
    } else if (zone_find_rrset(zone, zone_apex(zone), TYPE_NSEC) != NULL) {
        proof->type = TYPE_NSEC;
        prove_by_nsec(zone, question, proof);
    }
}
