/* Any octets as a message: no crash, no unbounded work, and what was read can be written and read
 * again to the same RRsets. */
#include "core/dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status ignore_record(void *user, const struct rrset *record)
{
    (void)user;
    return record->count == 1 ? OK : MISMATCH;
}

static void check_round_trip(const struct message *message, struct arena *arena)
{
    static uint8_t bytes[MESSAGE_LEN_MAX];
    struct message_writer writer;
    message_begin(&writer, bytes, sizeof bytes, message->id, message->flags, message->opcode, 0);
    for (int section = 0; section < SECTION_COUNT; section++) {
        for (size_t i = 0; i < message->sections[section].count; i++) {
            if (message_add_rrset(&writer, (enum section)section,
                                  &message->sections[section].rrsets[i]) != OK) {
                return; /* gathered RRsets compress otherwise and may not fit */
            }
        }
    }
    struct message again;
    enum status status = message_read(message_end(&writer), arena, &again);
    if (status == NO_MEMORY) {
        return;
    }
    require(status == OK);
    for (int section = 0; section < SECTION_COUNT; section++) {
        require(again.sections[section].count == message->sections[section].count);
        for (size_t i = 0; i < again.sections[section].count; i++) {
            const struct rrset *a = &again.sections[section].rrsets[i];
            const struct rrset *b = &message->sections[section].rrsets[i];
            require(name_equal(a->owner, b->owner) && a->type == b->type && a->count == b->count &&
                    a->rdata_len == b->rdata_len && a->ttl_s == b->ttl_s);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span wire = span_of(data, size);
    struct arena arena;
    struct message message;
    struct name_buffer buffer;
    arena_open(&arena, 16 << 20);
    enum status status = message_read(wire, &arena, &message);
    if (status == OK) {
        check_round_trip(&message, &arena);
        require(message_read_query(wire, &buffer, &message) == OK);
        status = message_walk_answers(wire, ignore_record, NULL);
        require(status != MISMATCH);
    }
    arena_close(&arena);
    return 0;
}
