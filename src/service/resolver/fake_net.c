/* The DNS in memory: records from text, signing, an authoritative answer, moods, and the pump that
 * carries effects to servers and answers back. */
#include "service/resolver/fake_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/rdata.h"

enum {
    ARENA_SIZE_MAX = 64 << 20,
    MESSAGE_SIZE = 4096,
    STEP_MS = 10,
    CLIENT_ID = 4711,
    START_WALL_S = 1790000000, /* in September 2026 */
};

static void random_fill(void *self, void *bytes, size_t len)
{
    struct fake_net *net = self;
    uint8_t *out = bytes;
    for (size_t i = 0; i < len; i++) {
        net->random = net->random * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(net->random >> 56);
    }
}

void fake_open(struct fake_net *net)
{
    memset(net, 0, sizeof *net);
    arena_open(&net->arena, ARENA_SIZE_MAX);
    arena_open(&net->replies_arena, ARENA_SIZE_MAX);
    outbox_open(&net->outbox, ARENA_SIZE_MAX);
    net->random = 1;
    net->entropy = (struct entropy){random_fill, net};
    net->now = (struct moment){(int64_t)START_WALL_S * MOMENT_NS_PER_S, MOMENT_NS_PER_S};
    net->timer_ns = TIMER_NEVER_NS;
    net->times = (struct sign_times){START_WALL_S - 3600, START_WALL_S + 30 * 86400};
}

void fake_close(struct fake_net *net)
{
    resolver_close(net->resolver);
    for (size_t i = 0; i < net->zone_count; i++) {
        key_close(net->zones[i].key.key);
    }
    outbox_close(&net->outbox);
    arena_close(&net->replies_arena);
    arena_close(&net->arena);
}

struct address fake_address(const char *text)
{
    struct address address;
    enum status status = address_read(span_of_text(text), 53, &address);
    require(status == OK);
    return address;
}

static struct name name_of(struct fake_net *net, struct span text)
{
    struct name_buffer buffer;
    struct name name;
    struct name copy;
    enum status status = name_parse(text, NULL, &buffer, &name, NULL);
    require(status == OK);
    status = name_copy(&net->arena, name, &copy);
    require(status == OK);
    return copy;
}

/* --- zones --- */

static size_t zone_index(const struct fake_zone *zone, struct name owner, uint16_t type)
{
    size_t at = 0;
    while (at < zone->rrset_count &&
           (zone->rrsets[at].type != type || !name_equal(zone->rrsets[at].owner, owner))) {
        at++;
    }
    return at;
}

static const struct rrset *zone_find(const struct fake_zone *zone, struct name owner, uint16_t type)
{
    size_t at = zone_index(zone, owner, type);
    return at < zone->rrset_count ? &zone->rrsets[at] : NULL;
}

static void zone_put(struct fake_net *net, struct fake_zone *zone, struct name owner, uint16_t type,
                     uint32_t ttl_s, struct span rdata)
{
    size_t at = zone_index(zone, owner, type);
    struct rrset_builder builder;
    rrset_begin(&builder, &net->arena, owner, type, ttl_s);
    if (at < zone->rrset_count) {
        struct rrset_cursor cursor = rrset_first(&zone->rrsets[at]);
        for (struct span one; rrset_next(&cursor, &one);) {
            rrset_add(&builder, one);
        }
    }
    rrset_add(&builder, rdata);
    zone->rrset_count += at == zone->rrset_count ? 1 : 0;
    require(zone->rrset_count <= FAKE_RRSETS_MAX);
    enum status status = rrset_finish(&builder, &zone->rrsets[at]);
    require(status == OK);
}

static struct span word_cut(struct span *line)
{
    size_t len = 0;
    while (len < line->len && line->bytes[len] != ' ') {
        len++;
    }
    struct span word = span_part(*line, 0, len);
    *line = span_part(*line, len < line->len ? len + 1 : len,
                      line->len - (len < line->len ? len + 1 : len));
    return word;
}

static void record_add(struct fake_net *net, struct fake_zone *zone, struct span line)
{
    struct span owner = word_cut(&line);
    struct span ttl = word_cut(&line);
    struct span type_text = word_cut(&line);
    uint64_t ttl_s = 0;
    uint16_t type = 0;
    for (size_t i = 0; i < ttl.len; i++) {
        ttl_s = ttl_s * 10 + (uint64_t)(ttl.bytes[i] - '0');
    }
    enum status status = type_parse(type_text, &type);
    require(status == OK);
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    status = rdata_parse_text(type, line, NULL, &rdata, &problem);
    require(status == OK);
    zone_put(net, zone, name_of(net, owner), type, (uint32_t)ttl_s, writer_written(&rdata));
}

void fake_add_record(struct fake_net *net, struct fake_zone *zone, const char *line)
{
    record_add(net, zone, span_of_text(line));
}

struct fake_zone *fake_add_zone(struct fake_net *net, const char *apex, const char *text)
{
    require(net->zone_count < FAKE_ZONES_MAX);
    struct fake_zone *zone = &net->zones[net->zone_count++];
    zone->apex = name_of(net, span_of_text(apex));
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        record_add(net, zone, span_of(text, len));
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return zone;
}

void fake_remove(struct fake_zone *zone, uint16_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (zone->rrsets[i].type != type) {
            zone->rrsets[kept] = zone->rrsets[i];
            zone->rrsigs[kept++] = zone->rrsigs[i];
        }
    }
    zone->rrset_count = kept;
}

void fake_make_key(struct fake_net *net, struct fake_zone *zone)
{
    enum status status = key_generate(ALGORITHM_ECDSAP256SHA256, 0, &zone->key.key);
    require(status == OK);
    uint8_t *bytes = arena_take(&net->arena, 512);
    struct writer rdata = writer_over(bytes, 512);
    dnskey_write(DNSKEY_FLAGS_KSK, ALGORITHM_ECDSAP256SHA256, key_public(zone->key.key), &rdata);
    status = dnskey_read(writer_written(&rdata), &zone->key.dnskey);
    require(status == OK);
}

void fake_add_ds(struct fake_net *net, struct fake_zone *parent, const struct fake_zone *child)
{
    uint8_t bytes[128];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    enum status status = ds_make(child->apex, child->key.dnskey.rdata, DS_DIGEST_SHA256, &rdata);
    require(status == OK);
    zone_put(net, parent, child->apex, TYPE_DS, 300, writer_written(&rdata));
}

struct trust_anchor fake_anchor(struct fake_net *net, const struct fake_zone *zone)
{
    (void)net;
    return (struct trust_anchor){zone->apex, TYPE_DNSKEY, zone->key.dnskey.rdata};
}

/* The delegation that the name is at or below; NULL: none. `is_strict`: only strictly below. */
static const struct rrset *cut_find(const struct fake_zone *zone, struct name name, bool is_strict)
{
    for (uint8_t labels = (uint8_t)(zone->apex.label_count + 1); labels <= name.label_count;
         labels++) {
        if (is_strict && labels == name.label_count) {
            break;
        }
        const struct rrset *ns = zone_find(zone, name_ancestor(name, labels), TYPE_NS);
        if (ns != NULL) {
            return ns;
        }
    }
    return NULL;
}

static bool is_authoritative(const struct fake_zone *zone, const struct rrset *rrset)
{
    bool is_parent_side = rrset->type == TYPE_DS || rrset->type == TYPE_NSEC;
    return cut_find(zone, rrset->owner, is_parent_side) == NULL;
}

static int owner_compare(const void *a, const void *b)
{
    const struct name *left = a;
    const struct name *right = b;
    return name_compare(*left, *right);
}

static void nsec_add(struct fake_net *net, struct fake_zone *zone, struct name owner,
                     struct name next)
{
    uint16_t types[32];
    size_t count = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        bool is_here =
            name_equal(zone->rrsets[i].owner, owner) &&
            (is_authoritative(zone, &zone->rrsets[i]) || zone->rrsets[i].type == TYPE_NS);
        if (is_here) {
            types[count++] = zone->rrsets[i].type;
        }
    }
    types[count++] = TYPE_RRSIG;
    types[count++] = TYPE_NSEC;
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && types[j - 1] > types[j]; j--) {
            uint16_t swap = types[j];
            types[j] = types[j - 1];
            types[j - 1] = swap;
        }
    }
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(next, &rdata);
    bitmap_write(types, count, &rdata);
    zone_put(net, zone, owner, TYPE_NSEC, 60, writer_written(&rdata));
}

static void nsec_chain(struct fake_net *net, struct fake_zone *zone)
{
    struct name owners[FAKE_RRSETS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        bool is_known = false;
        for (size_t j = 0; j < count; j++) {
            is_known = is_known || name_equal(owners[j], rrset->owner);
        }
        if (!is_known && cut_find(zone, rrset->owner, true) == NULL) {
            owners[count++] = rrset->owner;
        }
    }
    qsort(owners, count, sizeof owners[0], owner_compare);
    for (size_t i = 0; i < count; i++) {
        nsec_add(net, zone, owners[i], owners[(i + 1) % count]);
    }
}

void fake_sign(struct fake_net *net, struct fake_zone *zone)
{
    if (zone->key.key == NULL) {
        fake_make_key(net, zone);
    }
    zone->is_signed = true;
    zone_put(net, zone, zone->apex, TYPE_DNSKEY, 300, zone->key.dnskey.rdata);
    nsec_chain(net, zone);
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        if (!is_authoritative(zone, rrset)) {
            continue;
        }
        uint8_t bytes[1024];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        enum status status =
            sign_rrset(rrset, zone->apex, &zone->key, net->times, &net->arena, &rdata);
        require(status == OK);
        struct rrset_builder builder;
        rrset_begin(&builder, &net->arena, rrset->owner, TYPE_RRSIG, rrset->ttl_s);
        rrset_add(&builder, writer_written(&rdata));
        status = rrset_finish(&builder, &zone->rrsigs[i]);
        require(status == OK);
    }
}

/* --- servers --- */

struct fake_server *fake_add_server(struct fake_net *net, const char *address)
{
    require(net->server_count < FAKE_SERVERS_MAX);
    struct fake_server *server = &net->servers[net->server_count++];
    server->address = fake_address(address);
    return server;
}

void fake_serve(struct fake_server *server, const struct fake_zone *zone)
{
    server->zones[server->zone_count++] = zone;
}

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
    const struct fake_zone *zone;
    struct message_writer *writer;
    bool wants_dnssec;
};

static void put(struct answering *answering, enum section section, const struct rrset *rrset,
                struct name owner)
{
    struct rrset named = *rrset;
    named.owner = owner;
    enum status status = message_add_rrset(answering->writer, section, &named);
    require(status == OK);
    size_t index = (size_t)(rrset - answering->zone->rrsets);
    if (answering->wants_dnssec && answering->zone->rrsigs[index].count > 0) {
        named = answering->zone->rrsigs[index];
        named.owner = owner;
        status = message_add_rrset(answering->writer, section, &named);
        require(status == OK);
    }
}

/* The NSEC at the name or before it. */
static void put_nsec(struct answering *answering, struct name name)
{
    const struct rrset *best = NULL;
    for (size_t i = 0; i < answering->zone->rrset_count; i++) {
        const struct rrset *rrset = &answering->zone->rrsets[i];
        if (rrset->type == TYPE_NSEC && name_compare(rrset->owner, name) <= 0 &&
            (best == NULL || name_compare(rrset->owner, best->owner) > 0)) {
            best = rrset;
        }
    }
    if (best != NULL && answering->wants_dnssec) {
        put(answering, SECTION_AUTHORITY, best, best->owner);
    }
}

static void put_referral(struct answering *answering, const struct rrset *ns)
{
    put(answering, SECTION_AUTHORITY, ns, ns->owner);
    const struct rrset *ds = zone_find(answering->zone, ns->owner, TYPE_DS);
    if (ds != NULL && answering->wants_dnssec) {
        put(answering, SECTION_AUTHORITY, ds, ds->owner);
    } else {
        put_nsec(answering, ns->owner);
    }
    struct rrset_cursor cursor = rrset_first(ns);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct name target;
        bool has_target = rdata_target(TYPE_NS, rdata, &target);
        require(has_target);
        const struct rrset *glue = zone_find(answering->zone, target, TYPE_A);
        if (glue != NULL) {
            put(answering, SECTION_ADDITIONAL, glue, glue->owner);
        }
    }
}

static bool name_is_there(const struct fake_zone *zone, struct name name)
{
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (name_is_at_or_below(zone->rrsets[i].owner, name)) {
            return true;
        }
    }
    return false;
}

static void put_negative(struct answering *answering, struct name name, bool is_there)
{
    const struct fake_zone *zone = answering->zone;
    const struct rrset *soa = zone_find(zone, zone->apex, TYPE_SOA);
    if (soa != NULL) {
        put(answering, SECTION_AUTHORITY, soa, soa->owner);
    }
    put_nsec(answering, name);
    if (!is_there) {
        message_set_rcode(answering->writer, RCODE_NXDOMAIN);
        struct name above = name;
        while (!name_is_there(zone, above)) {
            above = name_parent(above);
        }
        struct name_buffer buffer;
        struct name wildcard;
        enum status status = name_make_wildcard(above, &buffer, &wildcard);
        require(status == OK);
        put_nsec(answering, wildcard);
    }
}

static bool put_dname(struct answering *answering, struct name name)
{
    for (uint8_t labels = answering->zone->apex.label_count; labels < name.label_count; labels++) {
        const struct rrset *dname =
            zone_find(answering->zone, name_ancestor(name, labels), TYPE_DNAME);
        if (dname != NULL) {
            put(answering, SECTION_ANSWER, dname, dname->owner);
            return true;
        }
    }
    return false;
}

static bool put_wildcard(struct answering *answering, struct name name, uint16_t type)
{
    struct name above = name;
    while (above.label_count > answering->zone->apex.label_count &&
           !name_is_there(answering->zone, above)) {
        above = name_parent(above);
    }
    struct name_buffer buffer;
    struct name wildcard;
    const struct rrset *rrset = NULL;
    if (name_make_wildcard(above, &buffer, &wildcard) == OK) {
        rrset = zone_find(answering->zone, wildcard, type);
        rrset = rrset == NULL ? zone_find(answering->zone, wildcard, TYPE_CNAME) : rrset;
    }
    if (rrset != NULL) {
        put(answering, SECTION_ANSWER, rrset, name);
        put_nsec(answering, name);
    }
    return rrset != NULL;
}

static void answer_from(struct answering *answering, struct question question)
{
    const struct fake_zone *zone = answering->zone;
    const struct rrset *cut = cut_find(zone, question.name, question.type == TYPE_DS);
    if (cut != NULL) {
        put_referral(answering, cut);
        return;
    }
    message_set_flags(answering->writer, FLAG_AA);
    const struct rrset *found = zone_find(zone, question.name, question.type);
    found = found == NULL ? zone_find(zone, question.name, TYPE_CNAME) : found;
    bool is_there = name_is_there(zone, question.name);
    if (found != NULL) {
        put(answering, SECTION_ANSWER, found, found->owner);
    } else if (!put_dname(answering, question.name) &&
               (is_there || !put_wildcard(answering, question.name, question.type))) {
        put_negative(answering, question.name, is_there);
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

static size_t answer_make(struct fake_net *net, const struct fake_server *server,
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
    const struct fake_zone *zone = zone_for(server, query->question);
    rcode = zone == NULL && rcode == RCODE_NOERROR ? RCODE_REFUSED : rcode;
    message_begin(&writer, bytes, MESSAGE_SIZE, query->id, FLAG_QR, OPCODE_QUERY, rcode);
    message_add_question(&writer, query->question);
    struct answering answering = {zone, &writer, query->edns.wants_dnssec};
    if (server->mood == FAKE_TRUNCATING && transport == TRANSPORT_UDP) {
        message_set_flags(&writer, FLAG_TC);
    } else if (server->mood == FAKE_LAME) {
        put_root_referral(&writer);
    } else if (rcode == RCODE_NOERROR) {
        answer_from(&answering, query->question);
    }
    if (has_edns) {
        struct edns edns = {.is_present = true, .udp_size = 1232};
        message_add_edns(&writer, &edns, rcode);
    }
    size_t len = message_end(&writer).len;
    require(len != 0);
    if (server->mood == FAKE_CACHING) {
        bytes[2] &= (uint8_t)~0x04;
        bytes[3] |= 0x80;
    }
    return net->forge == NULL ? len : net->forge(net, server, bytes, len, MESSAGE_SIZE);
}

/* --- the pump --- */

static void reply_keep(struct fake_net *net, const struct effect_reply *effect)
{
    require(net->reply_count < FAKE_REPLIES_MAX);
    struct fake_reply *reply = &net->replies[net->reply_count++];
    *reply = (struct fake_reply){
        .channel = effect->channel, .ede = EDE_NONE, .len = effect->message.len};
    struct span wire;
    enum status status = arena_copy(&net->replies_arena, effect->message, &wire);
    require(status == OK);
    status = message_read(wire, &net->replies_arena, &reply->message);
    require(status == OK);
    struct span value;
    if (edns_find(&reply->message.edns, EDNS_OPTION_EDE, &value)) {
        struct reader reader = reader_over(value);
        reply->ede = (enum ede)reader_u16(&reader);
        struct span text = reader_rest(&reader);
        snprintf(reply->ede_text, sizeof reply->ede_text, "%.*s", (int)text.len,
                 (const char *)text.bytes);
    }
}

static void pending_add(struct fake_net *net, const struct effect_ask *ask)
{
    require(net->pending_count < FAKE_PENDING_MAX && ask->message.len <= 512);
    struct fake_pending *pending = &net->pending[net->pending_count++];
    *pending = (struct fake_pending){.ask = ask->ask,
                                     .transport = ask->transport,
                                     .server = ask->server,
                                     .timeout_ms = ask->timeout_ms,
                                     .len = ask->message.len};
    memcpy(pending->bytes, ask->message.bytes, ask->message.len);
    net->asked++;
    net->asked_tcp += ask->transport == TRANSPORT_TCP ? 1 : 0;
}

static void pending_remove(struct fake_net *net, uint64_t ask)
{
    for (size_t i = 0; i < net->pending_count; i++) {
        if (net->pending[i].ask == ask) {
            memmove(&net->pending[i], &net->pending[i + 1],
                    (net->pending_count - i - 1) * sizeof net->pending[0]);
            net->pending_count--;
            return;
        }
    }
}

static void handle(struct fake_net *net, struct event *event)
{
    event->now = net->now;
    resolver_handle(net->resolver, event, &net->outbox);
    for (size_t i = 0; i < net->outbox.count; i++) {
        const struct effect *effect = &net->outbox.effects[i];
        if (effect->kind == EFFECT_REPLY) {
            reply_keep(net, &effect->reply);
        } else if (effect->kind == EFFECT_ASK) {
            pending_add(net, &effect->ask);
        } else if (effect->kind == EFFECT_ASK_DONE) {
            pending_remove(net, effect->ask_done);
        } else if (effect->kind == EFFECT_TIMER) {
            net->timer_ns = effect->timer.at_mono_ns;
        } else if (effect->kind == EFFECT_CONTROL) {
            snprintf(net->control_text, sizeof net->control_text, "%.*s",
                     (int)effect->control.text.len, (const char *)effect->control.text.bytes);
        }
    }
    outbox_reset(&net->outbox);
}

static void pass_ns(struct fake_net *net, int64_t ns)
{
    net->now.mono_ns += ns;
    net->now.wall_ns += ns;
    if (net->timer_ns <= net->now.mono_ns) {
        net->timer_ns = TIMER_NEVER_NS;
        struct event event = {.kind = EVENT_TIMER, .timer = 1};
        handle(net, &event);
    }
}

void fake_pass_s(struct fake_net *net, int64_t seconds)
{
    pass_ns(net, seconds * MOMENT_NS_PER_S);
}

static void deliver(struct fake_net *net, uint64_t ask, enum status outcome, struct span message)
{
    struct event event = {.kind = EVENT_ANSWER, .answer = {ask, outcome, message}};
    handle(net, &event);
}

static struct fake_server *server_find(struct fake_net *net, struct address address)
{
    for (size_t i = 0; i < net->server_count; i++) {
        if (address_equal(net->servers[i].address, address)) {
            return &net->servers[i];
        }
    }
    return NULL;
}

/* What a server with bad manners, or a stranger, sends before the true answer. */
static void deliver_noise(struct fake_net *net, const struct fake_pending *pending,
                          enum fake_mood mood, const uint8_t *bytes, size_t len)
{
    uint8_t noise[MESSAGE_SIZE];
    memcpy(noise, bytes, len);
    switch (mood) {
    case FAKE_GUESSING:
        for (int i = 1; i <= 20; i++) {
            noise[1] = (uint8_t)(bytes[1] + i);
            deliver(net, pending->ask, OK, span_of(noise, len));
        }
        break;
    case FAKE_WRONG_QUESTION:
        noise[MESSAGE_HEADER_LEN + 1] ^= 1; /* the first letter of the name */
        deliver(net, pending->ask, OK, span_of(noise, len));
        break;
    case FAKE_WRONG_CASE:
        noise[MESSAGE_HEADER_LEN + 1] ^= 0x20;
        deliver(net, pending->ask, OK, span_of(noise, len));
        break;
    case FAKE_GARBLING:
        deliver(net, pending->ask, OK, span_of(noise, len / 2));
        break;
    case FAKE_ECHOING:
        deliver(net, pending->ask, OK, span_of(pending->bytes, pending->len));
        break;
    default:
        break;
    }
}

void fake_carry(struct fake_net *net)
{
    struct fake_pending pending = net->pending[0];
    struct fake_server *server = server_find(net, pending.server);
    bool is_lost = server == NULL || server->mood == FAKE_SILENT ||
                   (server->mood == FAKE_DROPS_FIRST && server->queries == 0);
    if (server != NULL) {
        server->queries++;
    }
    if (is_lost) {
        pass_ns(net, (int64_t)pending.timeout_ms * MOMENT_NS_PER_MS);
        pending_remove(net, pending.ask);
        deliver(net, pending.ask, TIMED_OUT, SPAN_EMPTY);
        return;
    }
    pass_ns(net, (int64_t)STEP_MS * MOMENT_NS_PER_MS);
    struct message query;
    struct name_buffer buffer;
    enum status status = message_read_query(span_of(pending.bytes, pending.len), &buffer, &query);
    require(status == OK);
    uint8_t bytes[MESSAGE_SIZE];
    size_t len = answer_make(net, server, &query, pending.transport, bytes);
    if (pending.transport == TRANSPORT_UDP) {
        deliver_noise(net, &pending, server->mood, bytes, len);
    }
    deliver(net, pending.ask, OK, span_of(bytes, len));
}

void fake_settle(struct fake_net *net)
{
    for (int i = 0; i < 20000; i++) {
        if (net->pending_count > 0) {
            fake_carry(net);
        } else if (net->timer_ns != TIMER_NEVER_NS && net->reply_count < net->channel) {
            pass_ns(net, net->timer_ns - net->now.mono_ns);
        } else {
            return;
        }
    }
    require(false); /* it never comes to rest */
}

struct resolver_options fake_options(struct fake_net *net, const struct address *root_hint)
{
    return (struct resolver_options){.root_hints = root_hint,
                                     .root_hint_count = root_hint == NULL ? 0 : 1,
                                     .cache_size = 1 << 20,
                                     .ttl_max_s = 86400,
                                     .negative_ttl_max_s = 3600,
                                     .entropy = &net->entropy};
}

void fake_start(struct fake_net *net, const struct resolver_options *options)
{
    enum status status = resolver_open(options, &net->resolver);
    require(status == OK);
    struct event event = {.kind = EVENT_START};
    handle(net, &event);
}

void fake_restart(struct fake_net *net, const struct resolver_options *options)
{
    resolver_close(net->resolver);
    net->resolver = NULL;
    net->pending_count = 0;
    net->reply_count = 0;
    net->channel = 0;
    net->timer_ns = TIMER_NEVER_NS;
    arena_reset(&net->replies_arena);
    fake_start(net, options);
}

uint64_t fake_send(struct fake_net *net, const char *name, uint16_t type, uint16_t flags,
                   unsigned how)
{
    struct name_buffer buffer;
    struct question question = {.type = type, .class_ = CLASS_IN};
    enum status status = name_parse(span_of_text(name), NULL, &buffer, &question.name, NULL);
    require(status == OK);
    uint8_t bytes[512];
    bool has_do = (how & FAKE_DO) != 0;
    struct span message = message_make_query(bytes, sizeof bytes, CLIENT_ID, flags, question,
                                             has_do, (how & FAKE_PLAIN) != 0 ? 0 : 1232);
    struct event event = {
        .kind = EVENT_QUERY,
        .query = {.channel = ++net->channel,
                  .transport = (how & FAKE_TCP) != 0 ? TRANSPORT_TCP : TRANSPORT_UDP,
                  .peer = fake_address("192.0.2.99"),
                  .message = message}};
    handle(net, &event);
    return net->channel;
}

const struct fake_reply *fake_reply_to(const struct fake_net *net, uint64_t channel)
{
    for (size_t i = 0; i < net->reply_count; i++) {
        if (net->replies[i].channel == channel) {
            return &net->replies[i];
        }
    }
    return NULL;
}

const struct fake_reply *fake_ask(struct fake_net *net, const char *name, uint16_t type,
                                  uint16_t flags, unsigned how)
{
    uint64_t channel = fake_send(net, name, type, flags, how);
    fake_settle(net);
    return fake_reply_to(net, channel);
}

const char *fake_control(struct fake_net *net, const char *line)
{
    struct event event = {.kind = EVENT_CONTROL, .control = {1, span_of_text(line)}};
    handle(net, &event);
    return net->control_text;
}

void fake_answer_with(struct fake_net *net, enum status outcome, struct span message)
{
    struct fake_pending pending = net->pending[0];
    pass_ns(net, (int64_t)STEP_MS * MOMENT_NS_PER_MS);
    if (outcome != OK) {
        pending_remove(net, pending.ask);
    }
    deliver(net, pending.ask, outcome, message);
}

static void print_section(const struct message_section *section, struct writer *text)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        struct rrset_cursor cursor = rrset_first(rrset);
        for (struct span rdata; rrset_next(&cursor, &rdata);) {
            writer_text(text, " ");
            name_write_text(rrset->owner, text);
            writer_text(text, " ");
            type_write(rrset->type, text);
            writer_text(text, " ");
            if (rrset->type == TYPE_RRSIG) {
                type_write(rrset->covers, text);
            } else if (rrset->type == TYPE_SOA || rrset->type == TYPE_NSEC ||
                       rrset->type == TYPE_DS || rrset->type == TYPE_DNSKEY) {
                writer_text(text, "...");
            } else {
                rdata_write_text(rrset->type, rdata, text);
            }
        }
    }
}

const char *fake_print(struct fake_net *net, const struct fake_reply *reply)
{
    enum { TEXT_SIZE = 8192 };
    char *bytes = arena_take(&net->replies_arena, TEXT_SIZE);
    struct writer text = writer_over(bytes, TEXT_SIZE - 1);
    if (reply == NULL) {
        return "nothing";
    }
    writer_text(&text, rcode_text(reply->message.rcode));
    writer_text(&text, (reply->message.flags & FLAG_AD) != 0 ? " AD" : "");
    writer_text(&text, (reply->message.flags & FLAG_TC) != 0 ? " TC" : "");
    writer_text(&text, " |");
    print_section(&reply->message.sections[SECTION_ANSWER], &text);
    writer_text(&text, " |");
    print_section(&reply->message.sections[SECTION_AUTHORITY], &text);
    return bytes;
}
