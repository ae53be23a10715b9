/* What follows from each look-up: the answer, or the next look-up. Where a case is not one of the
 * frequent ones, the question is left to the careful way. */
#include "service/auth/quick.h"

enum { STEPS_BACK_MAX = 8 }; /* over glue, which has no NSEC, to the cut above it */

void quick_seek_next(struct quick_question *question)
{
    question->labels++;
    struct span key = {question->key, question->key_ends[question->labels]};
    zone_seek_name(&question->seek, question->view->zone, key);
    question->state = QUICK_NAME;
}

static void leave(struct quick_question *question)
{
    question->state = QUICK_LEFT;
}

static void add_proof(struct quick_question *question, const struct zone_node *node)
{
    for (uint8_t i = 0; i < question->proof_count; i++) {
        if (question->proof[i] == node) {
            return;
        }
    }
    question->proof[question->proof_count++] = node;
}

static struct name name_at(const struct quick_question *question)
{
    return name_ancestor(question->name, question->labels);
}

/* The name with `labels` labels by its hash. Without what the view tells of the apex there is no
 * proof of what has no hash. */
static void seek_nsec3(struct quick_question *question)
{
    const struct auth_view *view = question->view;
    uint8_t hash[NSEC3_HASH_LEN];
    if (view->apex_match == NULL ||
        nsec3_hash(name_at(question), view->salt, view->iterations, hash) != OK) {
        leave(question);
        return;
    }
    size_t len = auth_view_nsec3_key(view, hash, question->nsec3_key);
    zone_seek_nsec3(&question->seek, view->zone, span_of(question->nsec3_key, len));
    question->state = QUICK_NSEC3;
}

/* The name stands at `node`, and a part of it is not there: the type, or a DS at a cut. */
static void deny_type(struct quick_question *question, const struct zone_node *node)
{
    question->node = node;
    question->state = QUICK_READY;
    if (!question->wants_dnssec || question->view->denial == 0) {
        return;
    }
    if (question->view->denial == TYPE_NSEC3) {
        if (question->labels == question->view->apex.label_count) {
            add_proof(question, question->view->apex_match);
            if (question->view->apex_match == NULL) {
                leave(question);
            }
            return;
        }
        seek_nsec3(question);
        return;
    }
    if (zone_node_rrset(node, TYPE_NSEC) == NULL) {
        leave(question);
        return;
    }
    add_proof(question, node);
}

static void refer(struct quick_question *question, const struct zone_node *cut)
{
    question->kind = QUICK_REFERRAL;
    question->node = cut;
    question->state = QUICK_READY;
    if (question->wants_dnssec && zone_node_rrset(cut, TYPE_DS) == NULL) {
        deny_type(question, cut);
    }
}

/* Types whose answers have the addresses of hosts that the zone may have, those once. */
static bool has_targets(uint16_t type)
{
    return type == TYPE_MX || type == TYPE_SRV || type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* The name is there, at a node above all cuts but perhaps its own. */
void quick_begin_at(struct quick_question *question, const struct zone_node *node)
{
    if (zone_node_rrset(node, question->type) != NULL) {
        if (has_targets(question->type)) {
            leave(question);
            return;
        }
        question->kind = QUICK_DATA;
        question->node = node;
        question->state = QUICK_READY;
        return;
    }
    if (zone_node_rrset(node, TYPE_CNAME) != NULL) {
        leave(question);
        return;
    }
    question->kind = QUICK_NO_DATA;
    deny_type(question, node);
}

/* The node with the NSEC that stands before what is not there. What has none in between is
 * occluded, so that where the look-up's page begins with such names their cut is the one. */
static const struct zone_node *node_before(const struct quick_question *question)
{
    const struct auth_view *view = question->view;
    const struct zone_node *occluded = NULL;
    for (uint16_t back = 0; back < STEPS_BACK_MAX; back++) {
        const struct zone_node *node = zone_seek_before(&question->seek, back);
        if (node == NULL) {
            break;
        }
        if (zone_node_rrset(node, TYPE_NSEC) != NULL) {
            return node;
        }
        occluded = node;
    }
    uint8_t labels = (uint8_t)(view->apex.label_count + 1);
    if (occluded == NULL || occluded->owner.label_count <= labels) {
        return NULL;
    }
    const struct zone_node *cut = zone_find(view->zone, name_ancestor(occluded->owner, labels));
    return cut != NULL && zone_node_rrset(cut, TYPE_NS) != NULL ? cut : NULL;
}

static void find_nsec(struct quick_question *question)
{
    const struct zone_node *node = node_before(question);
    if (node == NULL || zone_node_rrset(node, TYPE_NSEC) == NULL) {
        leave(question);
        return;
    }
    question->state = QUICK_READY;
    add_proof(question, node);
    add_proof(question, question->view->wildcard_cover);
}

/* No node has the name of `labels` labels. Only right below the apex is it known from the view what
 * wildcards there are; and an empty non-terminal shows only in what follows it. */
static void deny_name(struct quick_question *question)
{
    const struct auth_view *view = question->view;
    const struct zone_node *after = zone_seek_after(&question->seek);
    if (question->labels != view->apex.label_count + 1 || view->has_wildcard || after == NULL ||
        name_is_below(after->owner, name_at(question))) {
        leave(question);
        return;
    }
    question->kind = QUICK_NO_NAME;
    question->state = QUICK_READY;
    if (!question->wants_dnssec || view->denial == 0) {
        return;
    }
    if (view->denial == TYPE_NSEC3) {
        seek_nsec3(question);
    } else {
        find_nsec(question);
    }
}

static void decide_name(struct quick_question *question)
{
    const struct zone_node *node = zone_seek_found(&question->seek);
    if (node == NULL) {
        deny_name(question);
        return;
    }
    bool is_whole = question->labels == question->name.label_count;
    bool is_of_parent = is_whole && question->type == TYPE_DS;
    if (zone_node_rrset(node, TYPE_NS) != NULL && !is_of_parent) {
        refer(question, node);
    } else if (zone_node_rrset(node, TYPE_NSEC3) != NULL ||
               (!is_whole && zone_node_rrset(node, TYPE_DNAME) != NULL)) {
        leave(question); /* a hash is no name */
    } else if (is_whole) {
        quick_begin_at(question, node);
    } else {
        quick_seek_next(question);
    }
}

/* The hash is that of an NSEC3, or stands in the span of one: then the proof is that the name below
 * the apex is not there, or is a delegation that opted out. */
static void decide_nsec3(struct quick_question *question)
{
    const struct auth_view *view = question->view;
    const struct zone_node *match = zone_seek_found(&question->seek);
    const struct zone_node *cover = zone_seek_before(&question->seek, 0);
    question->state = QUICK_READY;
    if (match != NULL && question->kind != QUICK_NO_NAME) {
        add_proof(question, match);
        return;
    }
    bool is_right_below = question->labels == view->apex.label_count + 1;
    bool has_hash = question->kind == QUICK_NO_DATA && question->type != TYPE_DS;
    if (match != NULL || cover == NULL || !is_right_below || has_hash) {
        leave(question); /* a ring's end, a deeper name, or a hole in the ring */
        return;
    }
    add_proof(question, view->apex_match);
    add_proof(question, cover);
    if (question->kind == QUICK_NO_NAME) {
        add_proof(question, view->wildcard_cover);
    }
}

void quick_decide(struct quick_question *question)
{
    if (question->state == QUICK_NAME) {
        decide_name(question);
    } else {
        decide_nsec3(question);
    }
}
