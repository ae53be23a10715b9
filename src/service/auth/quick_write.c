/* The answer's octets. Owner names are pointers to where the question's name stands; names in rdata
 * are compressed against it and against those written before, whatever their case. */
#include "core/dns/rdata.h"
#include "service/auth/quick.h"

#include <string.h>

enum {
    POINTER_MARK = 0xc000,
    OPT_LEN = 11,
    SERVERS_MAX = 20,            /* of more the careful way takes its choice */
    KNOWN_MAX = SERVERS_MAX + 2, /* the question's name, and one more than they have */
};

/* A name in the message that others may point into: the first `literal_len` octets stand at `at`.
 */
struct known {
    struct name name;
    uint16_t at;
    uint8_t literal_len;
};

struct answer {
    struct writer wire;
    const struct quick_question *question;
    uint16_t counts[SECTION_COUNT];
    struct known known[KNOWN_MAX];
    uint8_t known_count;
};

/* ------------------------------------------------------------------ names */

static uint16_t pointer_to_ancestor(const struct quick_question *question, struct name ancestor)
{
    return (uint16_t)(POINTER_MARK | (MESSAGE_HEADER_LEN + question->name.len - ancestor.len));
}

/* Is `at` the first octet of a label of the name? */
static bool is_label_start(struct name name, uint8_t at)
{
    uint8_t start = 0;
    while (start < at) {
        start = (uint8_t)(start + name.octets[start] + 1);
    }
    return start == at;
}

/* Of a name: the lengths of labels are below the letters. */
static bool is_same_octet(uint8_t a, uint8_t b)
{
    return a == b || ((a ^ b) == 0x20 && (uint8_t)((a | 0x20) - 'a') < 26);
}

/* How many octets of `name` stand before what it shares with `other`, which begins in `other` at
 * `*other_at`; all but the root's when they share nothing. */
static uint8_t find_shared(struct name name, struct name other, uint8_t *other_at)
{
    uint8_t limit = name.len < other.len ? name.len : other.len;
    uint8_t shared = 0;
    while (shared < limit && is_same_octet(name.octets[name.len - shared - 1],
                                           other.octets[other.len - shared - 1])) {
        shared++;
    }
    if (shared == 1) { /* the root */
        *other_at = (uint8_t)(other.len - 1);
        return (uint8_t)(name.len - 1);
    }
    uint8_t at = 0;
    while (at + shared < name.len || !is_label_start(other, (uint8_t)(other.len - name.len + at))) {
        at = (uint8_t)(at + name.octets[at] + 1);
    }
    *other_at = (uint8_t)(other.len - name.len + at);
    return at;
}

static void write_name(struct answer *answer, struct name name)
{
    uint8_t best = (uint8_t)(name.len - 1);
    uint16_t pointer = 0;
    for (uint8_t i = 0; i < answer->known_count; i++) {
        const struct known *known = &answer->known[i];
        uint8_t other_at;
        uint8_t literal = find_shared(name, known->name, &other_at);
        if (literal < best && other_at < known->literal_len) {
            best = literal;
            pointer = (uint16_t)(POINTER_MARK | (known->at + other_at));
        }
    }
    uint16_t at = (uint16_t)answer->wire.len;
    writer_span(&answer->wire, span_of(name.octets, best));
    if (pointer != 0) {
        writer_u16(&answer->wire, pointer);
    } else {
        writer_u8(&answer->wire, 0);
    }
    if (answer->known_count < KNOWN_MAX && best > 0) {
        answer->known[answer->known_count++] = (struct known){name, at, best};
    }
}

/* ------------------------------------------------------------------ records */

static void write_head(struct answer *answer, uint16_t owner, const struct rrset *rrset,
                       uint32_t ttl_s)
{
    uint8_t head[10] = {
        (uint8_t)(owner >> 8),
        (uint8_t)owner,
        (uint8_t)(rrset->type >> 8),
        (uint8_t)rrset->type,
        0,
        CLASS_IN,
        (uint8_t)(ttl_s >> 24),
        (uint8_t)(ttl_s >> 16),
        (uint8_t)(ttl_s >> 8),
        (uint8_t)ttl_s,
    };
    writer_span(&answer->wire, span_of(head, sizeof head));
}

/* Names of RFC 1035 types may be compressed (RFC 3597 §4): those that come often are. */
static void write_rdata(struct answer *answer, uint16_t type, struct span rdata)
{
    size_t before = type == TYPE_MX ? 2 : 0;
    bool has_name = type == TYPE_NS || type == TYPE_SOA || type == TYPE_CNAME || type == TYPE_PTR ||
                    type == TYPE_MX;
    if (!has_name) {
        /* The length stands in front of the rdata already. */
        writer_span(&answer->wire, span_of(rdata.bytes - 2, rdata.len + 2));
        return;
    }
    size_t len_at = writer_reserve(&answer->wire, 2);
    writer_span(&answer->wire, span_part(rdata, 0, before));
    struct reader reader = reader_over(span_part(rdata, before, rdata.len - before));
    for (int names = type == TYPE_SOA ? 2 : 1; names > 0; names--) {
        write_name(answer, name_read(&reader));
    }
    writer_span(&answer->wire, reader_rest(&reader));
    writer_patch_u16(&answer->wire, len_at, (uint16_t)(answer->wire.len - len_at - 2));
}

static void write_rrset(struct answer *answer, enum section section, uint16_t owner,
                        const struct rrset *rrset, uint32_t ttl_s)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        write_head(answer, owner, rrset, ttl_s);
        write_rdata(answer, rrset->type, rdata);
    }
    answer->counts[section] = (uint16_t)(answer->counts[section] + rrset->count);
}

static void write_signed(struct answer *answer, enum section section, uint16_t owner,
                         const struct zone_node *node, const struct rrset *rrset)
{
    write_rrset(answer, section, owner, rrset, rrset->ttl_s);
    const struct rrset *rrsigs =
        answer->question->wants_dnssec ? zone_node_rrsigs(node, rrset->type) : NULL;
    if (rrsigs != NULL) {
        write_rrset(answer, section, owner, rrsigs, rrset->ttl_s); /* RFC 4034 §3 */
    }
}

/* ------------------------------------------------------------------ parts of an answer */

static void write_soa(struct answer *answer)
{
    const struct auth_view *view = answer->question->view;
    uint16_t owner = pointer_to_ancestor(answer->question, view->apex);
    write_rrset(answer, SECTION_AUTHORITY, owner, view->soa, view->negative_ttl_s);
    if (answer->question->wants_dnssec && view->soa_rrsigs != NULL) {
        write_rrset(answer, SECTION_AUTHORITY, owner, view->soa_rrsigs, view->negative_ttl_s);
    }
}

/* The owner of a proof is written out once, in front of the pointer to the apex. */
static void write_proof_node(struct answer *answer, const struct zone_node *node)
{
    const struct quick_question *question = answer->question;
    const struct rrset *rrset = zone_node_rrset(node, question->view->denial);
    const struct rrset *rrsigs = zone_node_rrsigs(node, question->view->denial);
    if (rrset == NULL || rrset->count != 1) {
        writer_fail(&answer->wire, NO_SPACE); /* the careful way knows what to do */
        return;
    }
    uint16_t apex = pointer_to_ancestor(question, question->view->apex);
    uint16_t owner = apex;
    size_t literal = (size_t)node->owner.len - question->view->apex.len;
    if (node == question->node) {
        owner = pointer_to_ancestor(question, node->owner);
        literal = 0;
    }
    if (literal > 0) {
        owner = (uint16_t)(POINTER_MARK | answer->wire.len);
        writer_span(&answer->wire, span_of(node->owner.octets, literal));
    }
    write_rrset(answer, SECTION_AUTHORITY, literal > 0 ? apex : owner, rrset, rrset->ttl_s);
    if (rrsigs != NULL) {
        write_rrset(answer, SECTION_AUTHORITY, owner, rrsigs, rrset->ttl_s);
    }
}

static void write_proof(struct answer *answer)
{
    for (uint8_t i = 0; i < answer->question->proof_count; i++) {
        write_proof_node(answer, answer->question->proof[i]);
    }
}

/* The name stands in the message already: written as the rdata of an NS. */
static uint16_t pointer_to_server(struct answer *answer, struct name server)
{
    for (uint8_t i = 0; i < answer->known_count; i++) {
        const struct known *known = &answer->known[i];
        uint8_t other_at;
        if (find_shared(server, known->name, &other_at) == 0 && other_at < known->literal_len) {
            return (uint16_t)(POINTER_MARK | (known->at + other_at));
        }
    }
    writer_fail(&answer->wire, NO_SPACE);
    return 0;
}

static void write_addresses(struct answer *answer, struct name server)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    const struct zone_node *node = zone_find(answer->question->view->zone, server);
    for (size_t i = 0; node != NULL && i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(node, types[i]);
        if (rrset != NULL) {
            uint16_t owner = pointer_to_server(answer, node->owner);
            write_signed(answer, SECTION_ADDITIONAL, owner, node, rrset);
        }
    }
}

/* Addresses that the zone has of the servers: first of those below the owner, without which a
 * delegation is of no use, then of those elsewhere in the zone (RFC 9471 §3). */
static void write_server_addresses(struct answer *answer, const struct rrset *ns)
{
    struct name apex = answer->question->view->apex;
    if (ns->count > SERVERS_MAX) {
        writer_fail(&answer->wire, NO_SPACE);
        return;
    }
    for (int round = 0; round < 2; round++) {
        struct span rdata;
        struct name server;
        for (struct rrset_cursor cursor = rrset_first(ns); rrset_next(&cursor, &rdata);) {
            if (rdata_target(TYPE_NS, rdata, &server) && name_is_at_or_below(server, apex) &&
                name_is_at_or_below(server, ns->owner) == (round == 0)) {
                write_addresses(answer, server);
            }
        }
    }
}

static void write_referral(struct answer *answer)
{
    const struct quick_question *question = answer->question;
    const struct zone_node *cut = question->node;
    const struct rrset *ns = zone_node_rrset(cut, TYPE_NS);
    uint16_t owner = pointer_to_ancestor(question, cut->owner);
    write_rrset(answer, SECTION_AUTHORITY, owner, ns, ns->ttl_s);
    const struct rrset *ds = question->wants_dnssec ? zone_node_rrset(cut, TYPE_DS) : NULL;
    if (ds != NULL) {
        write_signed(answer, SECTION_AUTHORITY, owner, cut, ds);
    }
    write_proof(answer);
    write_server_addresses(answer, ns);
}

static void write_sections(struct answer *answer)
{
    const struct quick_question *question = answer->question;
    const struct rrset *rrset;
    switch (question->kind) {
    case QUICK_DATA:
        rrset = zone_node_rrset(question->node, question->type);
        write_signed(answer, SECTION_ANSWER, pointer_to_ancestor(question, question->name),
                     question->node, rrset);
        if (question->type == TYPE_NS) { /* resolvers prime with them (RFC 8109 §3.3) */
            write_server_addresses(answer, rrset);
        }
        break;
    case QUICK_NO_DATA:
    case QUICK_NO_NAME:
        write_soa(answer);
        write_proof(answer);
        break;
    case QUICK_REFERRAL:
        write_referral(answer);
        break;
    case QUICK_NOTHING:
    case QUICK_BAD_COOKIE:
        break;
    }
}

/* ------------------------------------------------------------------ the message */

struct header {
    uint16_t rcode;
    uint16_t flags;
};

static struct header header_of(enum quick_kind kind)
{
    static const struct header headers[] = {
        [QUICK_DATA] = {RCODE_NOERROR, FLAG_AA},     [QUICK_NO_DATA] = {RCODE_NOERROR, FLAG_AA},
        [QUICK_NO_NAME] = {RCODE_NXDOMAIN, FLAG_AA}, [QUICK_REFERRAL] = {RCODE_NOERROR, 0},
        [QUICK_NOTHING] = {RCODE_NOERROR, 0},        [QUICK_BAD_COOKIE] = {RCODE_BADCOOKIE, 0},
    };
    return headers[kind];
}

uint16_t quick_rcode(const struct quick_question *question)
{
    return header_of(question->kind).rcode;
}

static void write_opt(const struct auth *auth, struct answer *answer, uint16_t rcode)
{
    const struct quick_question *question = answer->question;
    uint16_t size = auth_udp_size(auth, question->datagram->peer);
    uint8_t opt[OPT_LEN] = {
        0,
        0,
        TYPE_OPT,
        (uint8_t)(size >> 8),
        (uint8_t)size,
        (uint8_t)(rcode >> 4),
        0,
        question->wants_dnssec ? 0x80 : 0,
    };
    writer_span(&answer->wire, span_of(opt, sizeof opt));
    if (question->asked.wants_nsid || question->asked.has_cookie ||
        auth->options.report_agent.len > 0) {
        size_t at = answer->wire.len;
        auth_write_asked(auth, &question->asked, &answer->wire);
        writer_patch_u16(&answer->wire, at - 2, (uint16_t)(answer->wire.len - at));
    }
    answer->counts[SECTION_ADDITIONAL]++;
}

/* The header and the question, as they came but for flags and counts. */
static void write_start(struct answer *answer)
{
    const struct quick_question *question = answer->question;
    size_t len = MESSAGE_HEADER_LEN + (size_t)question->name.len + 4;
    writer_span(&answer->wire, span_part(question->datagram->message, 0, len));
    answer->known[answer->known_count++] =
        (struct known){question->name, MESSAGE_HEADER_LEN, (uint8_t)(question->name.len - 1)};
}

static void patch_header(struct answer *answer, struct header header)
{
    const struct quick_question *question = answer->question;
    uint16_t asked = (uint16_t)(question->datagram->message.bytes[2] << 8);
    writer_patch_u16(&answer->wire, 2,
                     (uint16_t)(FLAG_QR | (asked & FLAG_RD) | header.flags | question->flags |
                                (header.rcode & 15)));
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        writer_patch_u16(&answer->wire, 6 + 2 * i, answer->counts[i]);
    }
}

size_t quick_write(const struct auth *auth, const struct quick_question *question)
{
    struct answer answer; /* `known` is not cleared for each question: it is large */
    answer.wire = writer_over(question->datagram->reply, question->size);
    answer.question = question;
    memset(answer.counts, 0, sizeof answer.counts);
    answer.known_count = 0;
    struct header header = header_of(question->kind);
    write_start(&answer);
    write_sections(&answer);
    if (question->has_edns) {
        write_opt(auth, &answer, header.rcode);
    }
    patch_header(&answer, header);
    return answer.wire.status == OK ? answer.wire.len : 0;
}
