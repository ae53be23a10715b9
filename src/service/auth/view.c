/* How a version is looked through for what its answers have in common. */
#include "service/auth/view.h"

#include "core/zone/denial_prove.h"

#include <string.h>

size_t auth_view_nsec3_key(const struct auth_view *view, const uint8_t hash[NSEC3_HASH_LEN],
                           uint8_t key[NAME_KEY_MAX])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    memcpy(key, view->apex_key.bytes, view->apex_key.len);
    uint8_t *at = key + view->apex_key.len;
    for (size_t i = 0; i < NSEC3_HASH_LEN; i += 5, at += 8) {
        uint64_t bits = 0;
        for (size_t j = 0; j < 5; j++) {
            bits = bits << 8 | hash[i + j];
        }
        for (size_t j = 0; j < 8; j++) {
            at[j] = (uint8_t)digits[bits >> (35 - 5 * j) & 31];
        }
    }
    *at++ = 0;
    return (size_t)(at - key);
}

static bool has_denial(const struct zone_node *node, uint16_t type)
{
    return node != NULL && zone_node_rrset(node, type) != NULL;
}

static void read_hashing(struct auth_view *view)
{
    const struct rrset *nsec3 = zone_node_rrset(view->apex_match, TYPE_NSEC3);
    struct nsec3 read;
    if (nsec3 == NULL || nsec3_read(rrset_only(nsec3), &read) != OK) {
        view->denial = 0;
        return;
    }
    view->iterations = read.iterations;
    view->salt = read.salt;
}

/* The proof that a child of the apex is not there has the same two parts for all of them: what is
 * said of the apex, and of the wildcard below it. */
static bool find_proof(struct auth_view *view)
{
    struct name_buffer buffer;
    struct name wildcard;
    if (name_make_wildcard(view->apex, &buffer, &wildcard) != OK) {
        return false;
    }
    view->has_wildcard = zone_has_name(view->zone, wildcard);
    struct denial_question question = {.kind = DENIAL_NAME, .zone = view->apex, .name = wildcard};
    struct denial_proof proof;
    denial_prove(view->zone, &question, &proof);
    view->denial = proof.type;
    if (proof.type == 0) {
        return true;
    }
    if (proof.count == 0 || view->has_wildcard) {
        return view->has_wildcard; /* then no denial is made from the view */
    }
    view->apex_match = proof.nodes[0];
    view->wildcard_cover = proof.nodes[proof.count > 1 ? 1 : 0];
    if (view->denial == TYPE_NSEC3) {
        read_hashing(view);
    }
    return has_denial(view->apex_match, view->denial) &&
           has_denial(view->wildcard_cover, view->denial);
}

bool auth_view_make(const struct zone *zone, struct auth_view *view)
{
    *view = (struct auth_view){.zone = zone, .apex = zone_apex(zone)};
    view->apex_node = zone_find(zone, view->apex);
    view->soa = zone_soa(zone);
    if (view->apex_node == NULL || view->soa == NULL ||
        zone_node_rrset(view->apex_node, TYPE_DNAME) != NULL) {
        return false; /* a DNAME there leaves nothing to find below */
    }
    view->soa_rrsigs = zone_node_rrsigs(view->apex_node, TYPE_SOA);
    view->negative_ttl_s = zone_negative_ttl_s(zone);
    view->apex_key = zone_node_key(view->apex_node);
    return find_proof(view);
}
