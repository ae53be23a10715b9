/* The order in which a plan goes into a message, and what gives way when the room ends: optional
 * addresses first, never glue that a referral needs (RFC 9471). */
#include "service/auth/answer.h"

/* An RRset and its signatures, or none of them. */
static enum status write_item(const struct answer_item *item, struct message_writer *writer)
{
    struct message_writer before = *writer;
    struct rrset rrset = *item->rrset;
    rrset.owner = item->owner;
    enum status status = message_add_rrset(writer, item->section, &rrset);
    if (status == OK && item->rrsigs != NULL) {
        struct rrset rrsigs = *item->rrsigs;
        rrsigs.owner = item->owner;
        rrsigs.ttl_s = rrset.ttl_s; /* RFC 4034 §3 */
        status = message_add_rrset(writer, item->section, &rrsigs);
    }
    if (status != OK) {
        *writer = before;
    }
    return status;
}

bool answer_write_plan(const struct answer_plan *plan, struct message_writer *writer,
                       bool *is_complete)
{
    *is_complete = true;
    for (int section = 0; section < SECTION_COUNT; section++) {
        for (size_t i = 0; i < plan->item_count; i++) {
            const struct answer_item *item = &plan->items[i];
            if (item->section != (enum section)section) {
                continue;
            }
            if (write_item(item, writer) == OK) {
                continue;
            }
            *is_complete = false;
            if (!item->is_optional) {
                return false;
            }
        }
    }
    return true;
}
