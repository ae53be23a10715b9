/* What a server of the DNS in memory says: the authoritative answer from its zones, and what its
 * mood makes of it. */
#include "core/dns/cookie.h"
#include "core/dns/rdata.h"
#include "service/resolver/fake_parts.h"

static const struct fake_zone *zone_for(const struct fake_server *server, struct question question)
{
    const struct fake_zone *best = NULL;
    for (size_t i = 0; i < server->zone_count; i++) {
        const struct fake_zone *zone = server->zones[i];
        bool is_fitting = name_is_at_or_below(question.name, zone->apex);
        bool is_child_of_ds = question.type == TYPE_DS && zone->apex.label_count > 0 &&
                              name_equal(zone->apex, question.name);
        if (is_fitting && !is_child_of_ds &&
            (best == NULL || zone->apex.label_count > best->apex.label_count)) {
            best = zone;
        }
    }
    return best;
}

struct answering {
    struct fake_net *net;
    const struct fake_zone *zone;
    struct message_writer *writer;
    bool wants_dnssec;
};

static void put_signed(struct answering *answering, enum section section, const struct rrset *rrset,
                       const struct rrset *rrsigs)
{
    enum status status = message_add_rrset(answering->writer, section, rrset);
    require(status == OK);
    if (answering->wants_dnssec && rrsigs->count > 0) {
        struct rrset named = *rrsigs;
        named.owner = rrset->owner;
        status = message_add_rrset(answering->writer, section, &named);
        require(status == OK);
    }
}

static void put(struct answering *answering, enum section section, const struct rrset *rrset,
                struct name owner)
{
    const struct fake_zone *zone = answering->zone;
    struct rrset named = *rrset;
    named.owner = owner;
    put_signed(answering, section, &named, &zone->rrsigs[rrset - zone->rrsets]);
}

static bool is_compact(const struct answering *answering)
{
    return answering->zone->is_signed && answering->zone->policy.denial == FAKE_COMPACT;
}

static void put_denial(struct answering *answering, struct name name, enum fake_proof kind)
{
    if (!answering->wants_dnssec || !answering->zone->is_signed) {
        return;
    }
    if (is_compact(answering)) {
        struct rrset nsec = fake_denial_compact(answering->net, answering->zone, name);
        struct rrset rrsigs = fake_sign_rrset(answering->net, answering->zone, &nsec);
        put_signed(answering, SECTION_AUTHORITY, &nsec, &rrsigs);
        return;
    }
    const struct rrset *proof[FAKE_PROOF_MAX];
    size_t count = fake_denial_prove(answering->zone, name, kind, proof);
    for (size_t i = 0; i < count; i++) {
        put(answering, SECTION_AUTHORITY, proof[i], proof[i]->owner);
    }
}

/* Of the servers of an NS RRset. */
static void put_addresses(struct answering *answering, const struct rrset *ns)
{
    struct rrset_cursor cursor = rrset_first(ns);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct name target;
        bool has_target = rdata_target(TYPE_NS, rdata, &target);
        require(has_target);
        static const uint16_t TYPES[] = {TYPE_A, TYPE_AAAA};
        for (size_t i = 0; i < LEN(TYPES); i++) {
            const struct rrset *glue = fake_find(answering->zone, target, TYPES[i]);
            if (glue != NULL) {
                put(answering, SECTION_ADDITIONAL, glue, glue->owner);
            }
        }
    }
}

static void put_referral(struct answering *answering, const struct rrset *ns)
{
    put(answering, SECTION_AUTHORITY, ns, ns->owner);
    const struct rrset *ds = fake_find(answering->zone, ns->owner, TYPE_DS);
    if (ds != NULL && answering->wants_dnssec) {
        put(answering, SECTION_AUTHORITY, ds, ds->owner);
    } else {
        put_denial(answering, ns->owner, FAKE_PROOF_NAME);
    }
    put_addresses(answering, ns);
}

/* What stands for the name when it is not there itself. */
static struct name closest_wildcard(const struct fake_zone *zone, struct name name,
                                    struct name_buffer *buffer)
{
    struct name wildcard;
    while (!fake_name_is_there(zone, name)) {
        name = name_parent(name);
    }
    enum status status = name_make_wildcard(name, buffer, &wildcard);
    require(status == OK);
    return wildcard;
}

static void put_negative(struct answering *answering, struct name name)
{
    const struct fake_zone *zone = answering->zone;
    const struct rrset *soa = fake_find(zone, zone->apex, TYPE_SOA);
    struct name_buffer buffer;
    if (soa != NULL) {
        put(answering, SECTION_AUTHORITY, soa, soa->owner);
    }
    put_denial(answering, name, FAKE_PROOF_NAME);
    if (!is_compact(answering) && !fake_name_is_there(zone, name) &&
        !fake_name_is_there(zone, closest_wildcard(zone, name, &buffer))) {
        message_set_rcode(answering->writer, RCODE_NXDOMAIN);
    }
}

static bool put_dname(struct answering *answering, struct name name)
{
    for (uint8_t labels = answering->zone->apex.label_count; labels < name.label_count; labels++) {
        const struct rrset *dname =
            fake_find(answering->zone, name_ancestor(name, labels), TYPE_DNAME);
        if (dname != NULL) {
            put(answering, SECTION_ANSWER, dname, dname->owner);
            return true;
        }
    }
    return false;
}

static bool put_wildcard(struct answering *answering, struct name name, uint16_t type)
{
    struct name_buffer buffer;
    struct name wildcard = closest_wildcard(answering->zone, name, &buffer);
    const struct rrset *rrset = fake_find(answering->zone, wildcard, type);
    rrset = rrset == NULL ? fake_find(answering->zone, wildcard, TYPE_CNAME) : rrset;
    if (rrset == NULL) {
        return false;
    }
    if (is_compact(answering)) { /* signed as if it were there: nothing needs to be denied */
        struct rrset made = *rrset;
        made.owner = name;
        struct rrset rrsigs = fake_sign_rrset(answering->net, answering->zone, &made);
        put_signed(answering, SECTION_ANSWER, &made, &rrsigs);
    } else {
        put(answering, SECTION_ANSWER, rrset, name);
        put_denial(answering, name, FAKE_PROOF_CLOSER);
    }
    return true;
}

static void answer_from(struct answering *answering, struct question question)
{
    const struct fake_zone *zone = answering->zone;
    const struct rrset *cut = fake_zone_cut(zone, question.name, question.type == TYPE_DS);
    if (cut != NULL) {
        put_referral(answering, cut);
        return;
    }
    message_set_flags(answering->writer, FLAG_AA);
    const struct rrset *found = fake_find(zone, question.name, question.type);
    found = found == NULL ? fake_find(zone, question.name, TYPE_CNAME) : found;
    bool is_there = fake_name_is_there(zone, question.name);
    if (found != NULL) {
        put(answering, SECTION_ANSWER, found, found->owner);
        if (found->type == TYPE_NS) {
            put_addresses(answering, found);
        }
    } else if (!put_dname(answering, question.name) &&
               (is_there || !put_wildcard(answering, question.name, question.type))) {
        put_negative(answering, question.name);
    }
}

static void put_root_referral(struct message_writer *writer)
{
    static const uint8_t NS[] = {0, 3, 1, 'x', 0};
    struct rrset rrset = {.owner = NAME_ROOT,
                          .type = TYPE_NS,
                          .class_ = CLASS_IN,
                          .count = 1,
                          .ttl_s = 60,
                          .rdata_len = sizeof NS,
                          .rdata = NS};
    enum status status = message_add_rrset(writer, SECTION_AUTHORITY, &rrset);
    require(status == OK);
}

/* --- scripts --- */

static struct fake_script *script_find(struct fake_net *net, const struct fake_server *server,
                                       struct question question)
{
    for (size_t i = 0; i < net->script_count; i++) {
        struct fake_script *script = &net->scripts[i];
        bool is_name = script->is_below ? name_is_at_or_below(question.name, script->name)
                                        : name_equal(question.name, script->name);
        if (is_name && script->uses_left > 0 &&
            (script->type == 0 || script->type == question.type) &&
            address_equal(script->server, server->address)) {
            return script;
        }
    }
    return NULL;
}

static bool is_dropped(const struct fake_script *script, enum section section,
                       const struct rrset *rrset)
{
    for (size_t i = 0; i < script->drop_count; i++) {
        uint16_t type = script->drops[i].is_rrsig ? TYPE_RRSIG : script->drops[i].type;
        uint16_t covers = script->drops[i].is_rrsig ? script->drops[i].type : rrset->covers;
        if (script->drops[i].section == section && rrset->type == type && rrset->covers == covers) {
            return true;
        }
    }
    return false;
}

/* The zone that the replayed RRset is of, and where it stands there; NULL: nowhere. */
static const struct fake_zone *replay_find(const struct fake_net *net,
                                           const struct fake_replay *replay,
                                           const struct rrset **rrset)
{
    const struct fake_zone *best = NULL;
    for (size_t i = 0; i < net->zone_count; i++) {
        const struct fake_zone *zone = &net->zones[i];
        bool fits = replay->has_apex ? name_equal(zone->apex, replay->apex)
                                     : name_is_at_or_below(replay->owner, zone->apex);
        const struct rrset *found = fake_find(zone, replay->owner, replay->type);
        if (fits && replay->type == TYPE_NSEC3) {
            found = fake_nsec3_match(zone, replay->owner);
            found = found == NULL ? fake_nsec3_cover(zone, replay->owner) : found;
        }
        if (fits && found != NULL &&
            (best == NULL || zone->apex.label_count > best->apex.label_count)) {
            best = zone;
            *rrset = found;
        }
    }
    return best;
}

static void replay_write(const struct fake_net *net, const struct fake_replay *replay,
                         struct message_writer *writer)
{
    const struct rrset *rrset = NULL;
    const struct fake_zone *zone = replay_find(net, replay, &rrset);
    require(zone != NULL); /* the scenario names one that is there */
    struct rrset named = *rrset;
    struct rrset rrsigs = zone->rrsigs[rrset - zone->rrsets];
    named.owner = replay->type == TYPE_NSEC3 ? rrset->owner : replay->as;
    rrsigs.owner = named.owner;
    enum status status = message_add_rrset(writer, replay->section, &named);
    require(status == OK);
    status = rrsigs.count == 0 ? OK : message_add_rrset(writer, replay->section, &rrsigs);
    require(status == OK);
}

static void script_write(const struct fake_net *net, const struct fake_script *script,
                         const struct message *truth, struct message_writer *writer)
{
    enum status status = OK;
    for (int section = 0; section < SECTION_COUNT; section++) {
        const struct message_section *from = &truth->sections[section];
        for (size_t i = 0; i < from->count && script->is_honest; i++) {
            if (!is_dropped(script, (enum section)section, &from->rrsets[i])) {
                status = message_add_rrset(writer, (enum section)section, &from->rrsets[i]);
                require(status == OK);
            }
        }
        for (size_t i = 0; i < script->rrset_counts[section]; i++) {
            status = message_add_rrset(writer, (enum section)section, &script->rrsets[section][i]);
            require(status == OK);
        }
        for (size_t i = 0; i < script->replay_count; i++) {
            if (script->replays[i].section == (enum section)section) {
                replay_write(net, &script->replays[i], writer);
            }
        }
    }
}

/* Writes the answer anew where a script is about it. */
static size_t script_play(struct fake_net *net, const struct fake_server *server,
                          const struct message *query, uint8_t *bytes, size_t len)
{
    struct fake_script *script = script_find(net, server, query->question);
    if (script == NULL) {
        return len;
    }
    script->uses_left--;
    if (script->is_silent) {
        return 0;
    }
    struct message truth;
    struct span wire;
    enum status status = arena_copy(&net->replies_arena, span_of(bytes, len), &wire);
    require(status == OK);
    status = message_read(wire, &net->replies_arena, &truth);
    require(status == OK);
    uint16_t flags = script->is_honest
                         ? (uint16_t)((truth.flags | script->flags) & ~script->flags_cleared)
                         : (uint16_t)(FLAG_QR | script->flags);
    uint16_t rcode = script->is_honest && !script->has_rcode ? truth.rcode : script->rcode;
    struct message_writer writer;
    message_begin(&writer, bytes, FAKE_MESSAGE_SIZE, query->id, flags, OPCODE_QUERY, rcode);
    message_add_question(&writer, query->question);
    script_write(net, script, &truth, &writer);
    if (truth.edns.is_present) {
        struct edns edns = {.is_present = true, .udp_size = MESSAGE_UDP_LEN_DEFAULT};
        message_add_edns(&writer, &edns, rcode);
    }
    return message_end(&writer).len;
}

/* RFC 2181 §9: what does not fit into a datagram is left out, and TC says so. */
static size_t cut_to_fit(const struct message *query, enum transport transport, uint8_t *bytes,
                         size_t len)
{
    size_t fitting =
        query->edns.udp_size < MESSAGE_UDP_LEN_MIN ? MESSAGE_UDP_LEN_MIN : query->edns.udp_size;
    if (transport != TRANSPORT_UDP || len <= fitting) {
        return len;
    }
    struct message_writer writer;
    message_begin(&writer, bytes, fitting, query->id, FLAG_QR | FLAG_TC, OPCODE_QUERY,
                  RCODE_NOERROR);
    message_add_question(&writer, query->question);
    return message_end(&writer).len;
}

/* --- cookies --- */

enum { SERVER_COOKIE_LEN = 8 };
static const uint8_t SERVER_COOKIE[SERVER_COOKIE_LEN] = {'f', 'a', 'k', 'e', 'c', 'o', 'o', 'k'};

static bool cookie_find(const struct message *query, struct span *cookie)
{
    return edns_find(&query->edns, EDNS_OPTION_COOKIE, cookie) && cookie->len >= COOKIE_CLIENT_LEN;
}

/* Does the server refuse to answer a query with such a cookie? */
static bool is_cookie_bad(const struct fake_server *server, const struct message *query,
                          enum transport transport)
{
    struct span cookie;
    if (transport != TRANSPORT_UDP || !cookie_find(query, &cookie)) {
        return false;
    }
    struct span theirs = span_part(cookie, COOKIE_CLIENT_LEN, cookie.len - COOKIE_CLIENT_LEN);
    bool is_ours = span_equal(theirs, span_of(SERVER_COOKIE, SERVER_COOKIE_LEN));
    return server->mood == FAKE_OTHER_COOKIES || (server->mood == FAKE_NEW_COOKIES && !is_ours);
}

static void put_edns(const struct fake_server *server, const struct message *query,
                     struct message_writer *writer, uint16_t rcode)
{
    uint8_t bytes[64 + NAME_LEN_MAX];
    struct writer options = writer_over(bytes, sizeof bytes);
    struct span cookie;
    bool has_cookie = (server->mood >= FAKE_COOKIES && server->mood <= FAKE_FALSE_COOKIES) &&
                      !(server->mood == FAKE_LOST_COOKIES && server->queries > 1);
    if (has_cookie && cookie_find(query, &cookie)) {
        writer_u16(&options, EDNS_OPTION_COOKIE);
        writer_u16(&options, COOKIE_CLIENT_LEN + SERVER_COOKIE_LEN);
        writer_span(&options, span_part(cookie, 0, COOKIE_CLIENT_LEN));
        writer_span(&options, span_of(SERVER_COOKIE, SERVER_COOKIE_LEN));
    }
    if (server->agent.len > 0) {
        writer_u16(&options, EDNS_OPTION_REPORT_CHANNEL);
        writer_u16(&options, server->agent.len);
        name_write(server->agent, &options);
    }
    struct edns edns = {.is_present = true, .udp_size = 1232, .options = writer_written(&options)};
    message_add_edns(writer, &edns, rcode);
}

/* --- the whole --- */

size_t fake_answer_make(struct fake_net *net, const struct fake_server *server,
                        const struct message *query, enum transport transport, uint8_t *bytes)
{
    struct message_writer writer;
    uint16_t rcode = server->mood == FAKE_REFUSING  ? RCODE_REFUSED
                     : server->mood == FAKE_FAILING ? RCODE_SERVFAIL
                                                    : RCODE_NOERROR;
    bool has_edns = query->edns.is_present && server->mood != FAKE_WITHOUT_EDNS;
    if (server->mood == FAKE_WITHOUT_EDNS && query->edns.is_present) {
        rcode = RCODE_FORMERR;
    }
    rcode = is_cookie_bad(server, query, transport) ? RCODE_BADCOOKIE : rcode;
    const struct fake_zone *zone = zone_for(server, query->question);
    rcode = zone == NULL && rcode == RCODE_NOERROR ? RCODE_REFUSED : rcode;
    message_begin(&writer, bytes, FAKE_MESSAGE_SIZE, query->id, FLAG_QR, OPCODE_QUERY, rcode);
    message_add_question(&writer, query->question);
    struct answering answering = {net, zone, &writer, query->edns.wants_dnssec};
    if (server->mood == FAKE_TRUNCATING && transport == TRANSPORT_UDP) {
        message_set_flags(&writer, FLAG_TC);
    } else if (server->mood == FAKE_LAME) {
        put_root_referral(&writer);
    } else if (rcode == RCODE_NOERROR) {
        answer_from(&answering, query->question);
    }
    if (has_edns) {
        put_edns(server, query, &writer, rcode);
    }
    size_t len = message_end(&writer).len;
    require(len != 0);
    if (server->mood == FAKE_CACHING) {
        bytes[2] &= (uint8_t)~0x04;
        bytes[3] |= 0x80;
    }
    len = script_play(net, server, query, bytes, len);
    if (len == 0) {
        return 0;
    }
    len = cut_to_fit(query, transport, bytes, len);
    return net->forge == NULL ? len : net->forge(net, server, bytes, len, FAKE_MESSAGE_SIZE);
}
