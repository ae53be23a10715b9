/* Wishes that a child's CDS, CDNSKEY or CSYNC be looked at, as NOTIFY brings them (RFC 9859 §4.3):
 * anybody can send one in anybody's name, so they are no more than a hint when to look, and are
 * counted by child, by host and together. */
#include "service/registry/registry_state.h"
#include "service/registry/registry_zone.h"

static bool is_delegated(struct registry *registry, struct name child)
{
    const struct registry_tld *tld = registry_find_tld(registry, child);
    return tld != NULL && tld->options->dsync_target.len > 0 &&
           child.label_count == tld->options->name.label_count + 1 &&
           zone_find_rrset(registry_zone_current(tld), child, TYPE_NS) != NULL;
}

static bool is_over(const struct registry_turn *turn, int64_t since_s)
{
    return turn->now_s - since_s >= REGISTRY_SCAN_PAUSE_S;
}

static bool is_known(const struct registry_turn *turn, const struct registry_scan_request *request)
{
    for (size_t i = 0; i < REGISTRY_SCANS_MAX; i++) {
        const struct registry_scan *scan = &turn->registry->scans[i];
        if (scan->child.len > 0 && scan->type == request->type && !is_over(turn, scan->asked_s) &&
            name_equal(scan->child, request->child)) {
            return true;
        }
    }
    return false;
}

/* Counts the wish; has the host had its share? */
static bool is_peer_done(const struct registry_turn *turn, struct address peer)
{
    struct registry_scan_peer *peers = turn->registry->scan_peers;
    struct registry_scan_peer *place = &peers[0]; /* its own, or that of the oldest */
    for (size_t i = 0; i < REGISTRY_SCAN_PEERS_MAX; i++) {
        if (peers[i].asks > 0 && address_equal_host(peers[i].peer, peer)) {
            place = &peers[i];
            break;
        }
        place = peers[i].since_s < place->since_s ? &peers[i] : place;
    }
    if (place->asks == 0 || !address_equal_host(place->peer, peer) ||
        is_over(turn, place->since_s)) {
        *place = (struct registry_scan_peer){.peer = peer, .since_s = turn->now_s};
    }
    place->asks += place->asks <= REGISTRY_SCAN_PEER_ASKS_MAX;
    return place->asks > REGISTRY_SCAN_PEER_ASKS_MAX;
}

static enum registry_scan_result judge(struct registry_turn *turn,
                                       const struct registry_scan_request *request)
{
    struct registry *registry = turn->registry;
    struct registry_scan *place = &registry->scans[registry->scan_next];
    if (!is_delegated(registry, request->child)) {
        return REGISTRY_SCAN_REFUSED;
    }
    if (is_peer_done(turn, request->peer)) {
        return REGISTRY_SCAN_LIMITED;
    }
    if (is_known(turn, request)) {
        return REGISTRY_SCAN_REPEATED;
    }
    if (place->child.len > 0 && !is_over(turn, place->asked_s)) {
        return REGISTRY_SCAN_LIMITED; /* all places are taken */
    }
    place->type = request->type;
    place->asked_s = turn->now_s;
    name_copy_to(request->child, &place->octets, &place->child);
    registry->scan_next = (registry->scan_next + 1) % REGISTRY_SCANS_MAX;
    return REGISTRY_SCAN_QUEUED;
}

enum registry_scan_result registry_scan_ask(struct registry_turn *turn,
                                            const struct registry_scan_request *request)
{
    enum registry_scan_result result = judge(turn, request);
    turn->registry->scan_results[result]++;
    if (result == REGISTRY_SCAN_QUEUED) {
        char child[NAME_TEXT_MAX], peer[ADDRESS_TEXT_MAX], type[TYPE_TEXT_MAX];
        log_line(turn->registry->options.log, LOG_NOTICE, "%s: %s asks for a look at its %s",
                 name_print(request->child, child), address_print(request->peer, peer),
                 type_print(request->type, type));
    }
    return result;
}
