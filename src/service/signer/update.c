/* An UPDATE from the wire to the published version: made, signed, judged and durable before anybody
 * is told that it was accepted. */
#include "core/zone/update.h"
#include "service/signer/signer_state.h"

/* Why none can be made now; NULL when one can. */
static const char *find_obstacle(const struct signer_zone *zone)
{
    if (zone->owner_data == NULL || zone->published == NULL) {
        return "the zone has no good version yet";
    }
    if (zone->waiting != NULL) {
        return "a new version of its file waits to be published";
    }
    if (zone->options.file != NULL && !zone->has_file_serial) {
        return "it could not be noted on disk that the file was taken; reload it";
    }
    return NULL;
}

static uint16_t make_change(struct signer *signer, struct signer_zone *zone,
                            const struct signer_update *update, struct moment now,
                            struct outbox *outbox, struct problem *problem)
{
    struct update request;
    struct zone *next = NULL;
    uint16_t rcode = update_read(update->message, &outbox->scratch, &request, problem);
    if (rcode != RCODE_NOERROR) {
        return rcode;
    }
    struct update_basis basis = {.data = zone->owner_data,
                                 .seen = zone->published,
                                 .key = update->key,
                                 .rules = zone->options.update_rules,
                                 .rule_count = zone->options.update_rule_count};
    rcode = update_apply(&request, &basis, &outbox->scratch, &next, problem);
    if (rcode != RCODE_NOERROR || next == NULL) {
        return rcode;
    }
    if (!signer_publish(signer, zone, next, now, outbox)) {
        problem_set(problem, REFUSED, "held back: %.350s", zone->fault);
        return RCODE_SERVFAIL;
    }
    return RCODE_NOERROR;
}

uint16_t signer_update(struct signer *signer, const struct signer_update *update, struct moment now,
                       struct outbox *outbox)
{
    struct signer_zone *zone = signer_find(signer, update->zone);
    struct problem problem = {0};
    if (zone == NULL) {
        return RCODE_NOTAUTH;
    }
    uint16_t rcode = RCODE_REFUSED;
    const char *obstacle = find_obstacle(zone);
    if (zone->options.update_rule_count == 0) {
        problem_set(&problem, REFUSED, "the zone has no update-policy");
    } else if (obstacle != NULL) {
        problem_set(&problem, REFUSED, "%s", obstacle);
        rcode = RCODE_SERVFAIL;
    } else {
        rcode = make_change(signer, zone, update, now, outbox, &problem);
    }
    char name[NAME_TEXT_MAX], key[NAME_TEXT_MAX];
    name_print(zone->options.name, name);
    name_print(update->key, key);
    if (rcode == RCODE_NOERROR) {
        log_line(signer->options.log, LOG_DETAIL, "zone %s: UPDATE by %s is made", name, key);
    } else {
        log_line(signer->options.log, LOG_NOTICE, "zone %s: UPDATE by %s is answered %s: %s", name,
                 key, rcode_text(rcode), problem.sentence);
    }
    return rcode;
}
