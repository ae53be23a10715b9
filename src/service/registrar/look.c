/* The order in which questions go out and answers come back: first the addresses, by the resolver,
 * then each address over UDP and TCP. Whatever does not answer the question is ignored, and the
 * waiting goes on (an attacker off the path may only guess). */
#include "service/registrar/look.h"

#include <stdio.h>
#include <string.h>

#include "service/registrar/evidence.h"
#include "service/registrar/state.h"

enum {
    SLOT_FIRST = 0,
    SLOT_ADDRESSES = 1,
    SLOT_SERVERS = 64,
    SLOT_BITS = 16,
    TRIES_MAX = 3,
    TIMEOUT_UDP_MS = 1500,
    TIMEOUT_TCP_MS = 4000,
    TIMEOUT_RESOLVER_MS = 4000,
    DNS_PORT = 53
};

/* What a slot of a look asks, and whom. */
struct question_plan {
    struct look_probe *probe;
    struct address server;
    struct question question;
    uint16_t flags;
    uint32_t timeout_ms;
};

static bool is_of_child(const struct look *look)
{
    return look->purpose == LOOK_PREFLIGHT || look->purpose == LOOK_DELETE;
}

static struct question_plan slot_plan(struct turn *turn, struct look *look, size_t slot)
{
    struct question_plan plan = {.server = turn->registrar->options.resolver,
                                 .timeout_ms = TIMEOUT_RESOLVER_MS,
                                 .flags = FLAG_RD | FLAG_AD};
    if (slot == SLOT_FIRST) {
        bool is_parent = look->purpose == LOOK_PARENT;
        plan.probe = &look->first;
        plan.question = (struct question){is_parent ? name_parent(look->zone) : look->zone,
                                          is_parent ? TYPE_NS : TYPE_SOA, CLASS_IN};
    } else if (slot < SLOT_SERVERS) {
        struct look_host *host = &look->hosts[(slot - SLOT_ADDRESSES) / 2];
        size_t family = (slot - SLOT_ADDRESSES) % 2;
        plan.probe = &host->families[family];
        plan.question = (struct question){host->name, family == 0 ? TYPE_A : TYPE_AAAA, CLASS_IN};
        /* The domain may be bogus just now, and its owner about to mend it; the addresses need no
         * proof, since the keys seen at them prove themselves. */
        plan.flags |= is_of_child(look) ? FLAG_CD : 0;
    } else {
        struct look_server *server = &look->servers[(slot - SLOT_SERVERS) / 2];
        plan.probe = &server->probes[(slot - SLOT_SERVERS) % 2];
        plan.server = server->address;
        plan.question =
            (struct question){look->zone, is_of_child(look) ? TYPE_DNSKEY : TYPE_DS, CLASS_IN};
        plan.flags = 0;
        plan.timeout_ms = plan.probe->transport == TRANSPORT_TCP ? TIMEOUT_TCP_MS : TIMEOUT_UDP_MS;
    }
    return plan;
}

static size_t slot_count(const struct look *look, size_t first)
{
    return first == SLOT_SERVERS ? 2 * look->server_count : 2 * look->host_count;
}

/* Is `slot` one that this look uses? */
static bool slot_is_used(const struct look *look, size_t slot)
{
    if (slot == SLOT_FIRST) {
        return true;
    }
    size_t first = slot < SLOT_SERVERS ? SLOT_ADDRESSES : SLOT_SERVERS;
    return slot - first < slot_count(look, first);
}

static void slot_ask(struct turn *turn, struct look *look, size_t slot)
{
    struct question_plan plan = slot_plan(turn, look, slot);
    enum { QUERY_SIZE = 512 };
    uint8_t *bytes = arena_take(turn->scratch, QUERY_SIZE);
    if (plan.probe->state != PROBE_WAITING) {
        look->waiting++;
    }
    plan.probe->state = PROBE_WAITING;
    plan.probe->tries++;
    plan.probe->id = entropy_u16(turn->registrar->options.entropy);
    require(bytes != NULL);
    struct span query = message_make_query(bytes, QUERY_SIZE, plan.probe->id, plan.flags,
                                           plan.question, true, MESSAGE_UDP_LEN_DEFAULT);
    outbox_add(turn->outbox, EFFECT_ASK)->ask =
        (struct effect_ask){look->serial << SLOT_BITS | slot, plan.probe->transport, plan.server,
                            query, plan.timeout_ms};
}

static void server_add(struct look *look, size_t host, struct address address)
{
    address.port = address.port == 0 ? DNS_PORT : address.port;
    for (size_t i = 0; i < look->server_count; i++) {
        if (address_equal(look->servers[i].address, address)) {
            look->hosts[host].address_count++;
            return;
        }
    }
    if (look->server_count == LOOK_SERVERS_MAX) {
        look->has_too_many = true;
        return;
    }
    look->hosts[host].address_count++;
    struct look_server *server = &look->servers[look->server_count++];
    *server = (struct look_server){.address = address, .host = (uint8_t)host};
    server->probes[TRANSPORT_TCP].transport = TRANSPORT_TCP;
}

static void host_add(struct look *look, struct name name, const struct domain_host *given)
{
    if (look->host_count == DOMAIN_HOSTS_MAX) {
        return;
    }
    size_t at = look->host_count++;
    struct look_host *host = &look->hosts[at];
    char text[NAME_TEXT_MAX];
    *host = (struct look_host){0};
    name_copy_to(name, &host->buffer, &host->name);
    name_print(name, text);
    size_t len = strlen(text) > 1 ? strlen(text) - 1 : 1;
    len = len < sizeof host->text - 1 ? len : sizeof host->text - 1;
    memcpy(host->text, text, len);
    for (size_t i = 0; given != NULL && i < given->address_count; i++) {
        server_add(look, at, given->addresses[i]);
    }
}

static void phase_begin(struct turn *turn, struct look *look)
{
    switch (look->phase) {
    case PHASE_FIRST:
        if (!is_of_child(look)) {
            slot_ask(turn, look, SLOT_FIRST);
        }
        break;
    case PHASE_ADDRESSES:
        for (size_t i = 0; i < 2 * look->host_count; i++) {
            slot_ask(turn, look, SLOT_ADDRESSES + i);
        }
        break;
    case PHASE_SERVERS:
        for (size_t i = 0; i < 2 * look->server_count; i++) {
            bool is_wanted = is_of_child(look) || i % 2 == TRANSPORT_UDP;
            if (is_wanted) {
                slot_ask(turn, look, SLOT_SERVERS + i);
            }
        }
        break;
    case PHASE_DONE:
        look_finished(turn, look);
        look->purpose = LOOK_FREE;
        break;
    }
}

static void look_advance(struct turn *turn, struct look *look)
{
    while (look->purpose != LOOK_FREE && look->waiting == 0) {
        bool is_over = look->purpose == LOOK_CHAIN || look->phase == PHASE_SERVERS;
        look->phase = is_over ? PHASE_DONE : look->phase + 1;
        phase_begin(turn, look);
    }
}

static void key_take(struct look *look, const struct domain_key *key)
{
    require(look->key_count < LOOK_KEYS_MAX && key->public_key.len <= KEY_PUBLIC_LEN_MAX);
    struct look_key *kept = &look->keys[look->key_count++];
    *kept = (struct look_key){.flags = key->flags,
                              .algorithm = key->algorithm,
                              .tag = key->tag,
                              .public_len = (uint16_t)key->public_key.len};
    memcpy(kept->digest, key->digest, KEY_DIGEST_LEN);
    memcpy(kept->public_key, key->public_key.bytes, key->public_key.len);
}

uint64_t look_begin(struct turn *turn, const struct look_order *order)
{
    struct look *look = NULL;
    for (size_t i = 0; i < LOOKS_MAX && look == NULL; i++) {
        bool is_free = turn->registrar->looks[i].purpose == LOOK_FREE;
        look = is_free ? &turn->registrar->looks[i] : NULL;
    }
    if (look == NULL) {
        return 0;
    }
    *look = (struct look){.purpose = order->purpose, .serial = ++turn->registrar->serial};
    snprintf(look->operation, sizeof look->operation, "%s",
             order->operation == NULL ? "" : order->operation);
    snprintf(look->domain, sizeof look->domain, "%s", order->domain);
    name_copy_to(order->zone, &look->zone_buffer, &look->zone);
    for (size_t i = 0; i < order->key_count; i++) {
        key_take(look, &order->keys[i]);
    }
    struct problem unused;
    for (size_t i = 0; i < order->host_count; i++) {
        struct name_buffer buffer;
        struct name name;
        if (name_parse(span_of_text(order->hosts[i].name), NULL, &buffer, &name, &unused) == OK) {
            host_add(look, name, &order->hosts[i]);
        }
    }
    uint64_t serial = look->serial;
    phase_begin(turn, look);
    look_advance(turn, look);
    return serial;
}

static void parent_take(struct look *look, const struct message *message)
{
    const struct message_section *section = &message->sections[SECTION_ANSWER];
    struct name parent = name_parent(look->zone);
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        if (rrset->type != TYPE_NS || !name_equal(rrset->owner, parent)) {
            continue;
        }
        struct span rdata;
        for (struct rrset_cursor c = rrset_first(rrset); rrset_next(&c, &rdata);) {
            struct name target;
            if (rdata_target(TYPE_NS, rdata, &target)) {
                host_add(look, target, NULL);
            }
        }
    }
}

static void addresses_take(struct look *look, size_t host, const struct message *message)
{
    const struct message_section *section = &message->sections[SECTION_ANSWER];
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        bool is_address = rrset->type == TYPE_A || rrset->type == TYPE_AAAA;
        if (!is_address || !name_equal(rrset->owner, look->hosts[host].name)) {
            continue;
        }
        struct span rdata;
        for (struct rrset_cursor c = rrset_first(rrset); rrset_next(&c, &rdata);) {
            struct address address;
            if (address_of_rdata(rdata, DNS_PORT, &address) == OK) {
                server_add(look, host, address);
            }
        }
    }
}

static void answer_judge(struct turn *turn, struct look *look, size_t slot,
                         const struct message *message, struct look_probe *probe)
{
    if (slot == SLOT_FIRST && look->purpose == LOOK_CHAIN) {
        evidence_judge_chain(look, message, probe);
    } else if (slot == SLOT_FIRST) {
        parent_take(look, message);
    } else if (slot < SLOT_SERVERS) {
        addresses_take(look, (slot - SLOT_ADDRESSES) / 2, message);
    } else if (is_of_child(look)) {
        evidence_judge_keys(look, message, turn->now_s, turn->scratch, probe);
    } else {
        evidence_judge_ds(look, message, probe);
    }
}

static void probe_close(struct look *look, struct look_probe *probe)
{
    probe->state = PROBE_DONE;
    look->waiting--;
}

static void failure_take(struct turn *turn, struct look *look, size_t slot,
                         const struct question_plan *plan)
{
    enum status outcome = turn->event->answer.outcome;
    bool is_final = plan->probe->tries >= TRIES_MAX || outcome == IO_FAILED;
    if (!is_final) {
        slot_ask(turn, look, slot);
        return;
    }
    plan->probe->cannot_be_asked =
        outcome == IO_FAILED && plan->server.family == ADDRESS_IPV6 && slot >= SLOT_SERVERS;
    snprintf(plan->probe->finding, sizeof plan->probe->finding, "%s",
             plan->probe->cannot_be_asked ? "cannot be asked from here: no way to IPv6"
             : outcome == TIMED_OUT       ? "did not answer"
             : outcome == REFUSED         ? "refused the connection"
             : outcome == CLOSED          ? "closed the connection without an answer"
                                          : "could not be reached");
    probe_close(look, plan->probe);
}

static void message_take(struct turn *turn, struct look *look, size_t slot,
                         const struct question_plan *plan)
{
    struct message message;
    struct look_probe *probe = plan->probe;
    if (message_read(turn->event->answer.message, turn->scratch, &message) != OK ||
        !message_answers(&message, probe->id, plan->question, false)) {
        return;
    }
    outbox_add(turn->outbox, EFFECT_ASK_DONE)->ask_done = turn->event->answer.ask;
    probe->has_answer = true;
    bool is_truncated = (message.flags & FLAG_TC) != 0 && probe->transport == TRANSPORT_UDP;
    bool is_judged_by_tcp = is_of_child(look) && slot >= SLOT_SERVERS;
    if (is_truncated && is_judged_by_tcp) {
        probe->is_truncated = true;
        snprintf(probe->finding, sizeof probe->finding,
                 "answered with a truncated message, as a client that then asks over TCP wants");
    } else if (is_truncated) {
        probe->transport = TRANSPORT_TCP;
        slot_ask(turn, look, slot);
        return;
    } else {
        answer_judge(turn, look, slot, &message, probe);
    }
    probe_close(look, probe);
}

void look_take_answer(struct turn *turn)
{
    uint64_t serial = turn->event->answer.ask >> SLOT_BITS;
    size_t slot = (size_t)(turn->event->answer.ask & ((1u << SLOT_BITS) - 1));
    for (size_t i = 0; i < LOOKS_MAX; i++) {
        struct look *look = &turn->registrar->looks[i];
        if (look->purpose == LOOK_FREE || look->serial != serial || !slot_is_used(look, slot)) {
            continue;
        }
        struct question_plan plan = slot_plan(turn, look, slot);
        if (plan.probe->state != PROBE_WAITING) {
            return;
        }
        if (turn->event->answer.outcome == OK) {
            message_take(turn, look, slot, &plan);
        } else {
            failure_take(turn, look, slot, &plan);
        }
        look_advance(turn, look);
        return;
    }
}

static bool probe_is_good(const struct look_probe *probe, uint64_t mask)
{
    return probe->cannot_be_asked || probe->is_truncated || (probe->keys_good & mask) != 0;
}

enum look_result look_judge_all(const struct look *look, uint64_t mask)
{
    size_t shown = 0;
    if (look->has_too_many) {
        return LOOK_BAD;
    }
    for (size_t i = 0; i < look->host_count; i++) {
        if (look->hosts[i].address_count == 0) {
            return LOOK_BAD;
        }
    }
    for (size_t i = 0; i < look->server_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct look_probe *probe = &look->servers[i].probes[k];
            if (probe->state == PROBE_DONE && !probe_is_good(probe, mask)) {
                return LOOK_BAD;
            }
            shown += (probe->keys_good & mask) != 0 ? 1 : 0;
        }
    }
    return shown > 0 ? LOOK_GOOD : LOOK_SILENT;
}

enum look_result look_judge_answered(const struct look *look)
{
    size_t shown = 0;
    for (size_t i = 0; i < look->server_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct look_probe *probe = &look->servers[i].probes[k];
            if (probe->has_answer && !probe_is_good(probe, UINT64_MAX)) {
                return LOOK_BAD;
            }
            shown += probe->keys_good != 0 ? 1 : 0;
        }
    }
    return shown > 0 ? LOOK_GOOD : LOOK_SILENT;
}

static const char *server_line(const struct look *look, const struct look_server *server,
                               const struct look_probe *probe, struct arena *arena)
{
    char address[ADDRESS_TEXT_MAX];
    struct address host = server->address;
    host.port = host.port == DNS_PORT ? 0 : host.port;
    const char *line = arena_print(
        arena, "%s (%s) over %s: %s", address_print(host, address), look->hosts[server->host].text,
        probe->transport == TRANSPORT_TCP ? "TCP" : "UDP", probe->finding);
    return line == NULL ? "" : line;
}

const char *look_fault(const struct look *look, uint64_t mask, struct arena *arena)
{
    const char *line = NULL;
    for (size_t i = 0; i < look->host_count && line == NULL; i++) {
        if (look->hosts[i].address_count == 0) {
            line = arena_print(arena, "the name server %s has no address", look->hosts[i].text);
        }
    }
    for (size_t i = 0; i < look->server_count && line == NULL; i++) {
        for (size_t k = 0; k < 2 && line == NULL; k++) {
            const struct look_probe *probe = &look->servers[i].probes[k];
            if (probe->state == PROBE_DONE && !probe_is_good(probe, mask)) {
                line = server_line(look, &look->servers[i], probe, arena);
            }
        }
    }
    if (line == NULL && look->has_too_many) {
        line = "the name servers have more addresses than can be looked at";
    }
    return line != NULL ? line : "no name server could be asked";
}

const char *look_evidence(const struct look *look, struct arena *arena)
{
    enum { EVIDENCE_SIZE = 32 * 1024 };
    char *text = arena_take(arena, EVIDENCE_SIZE);
    if (text == NULL) {
        return "";
    }
    struct writer writer = writer_over(text, EVIDENCE_SIZE - 1);
    if (look->first.finding[0] != '\0') {
        writer_print(&writer, "resolver: %s\n", look->first.finding);
    }
    for (size_t i = 0; i < look->host_count; i++) {
        if (look->hosts[i].address_count == 0) {
            writer_print(&writer, "%s: no address found\n", look->hosts[i].text);
        }
    }
    for (size_t i = 0; i < look->server_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct look_probe *probe = &look->servers[i].probes[k];
            if (probe->state == PROBE_DONE) {
                writer_print(&writer, "%s\n", server_line(look, &look->servers[i], probe, arena));
            }
        }
    }
    return text;
}
