/* Messages of any octets as evidence: the input is a list of messages, each behind an octet for its
 * step (so that what lies behind good signatures is reached without any) and two for its length.
 * The judgement ends within its budget and has a reason unless it is secure. */
#include "core/dnssec/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVIDENCE_MAX = 16, ARENA_SIZE_MAX = 1 << 24 };

static size_t read_evidence(struct span input, struct arena *arena, struct evidence *evidence)
{
    struct reader reader = reader_over(input);
    size_t count = 0;
    while (count < EVIDENCE_MAX && reader_left(&reader) > 3) {
        enum evidence_step step = (enum evidence_step)(reader_u8(&reader) % (EVIDENCE_KEYS + 1));
        size_t len = reader_u16(&reader);
        struct span wire =
            reader_span(&reader, len < reader_left(&reader) ? len : reader_left(&reader));
        struct message message;
        if (message_read(wire, arena, &message) != OK || message.question_count != 1) {
            continue;
        }
        evidence[count++] = (struct evidence){
            .name = message.question.name,
            .type = message.question.type,
            .rcode = message.rcode,
            .answer = message.sections[SECTION_ANSWER].rrsets,
            .answer_count = message.sections[SECTION_ANSWER].count,
            .authority = message.sections[SECTION_AUTHORITY].rrsets,
            .authority_count = message.sections[SECTION_AUTHORITY].count,
            .step = step,
            .life_s = 1,
        };
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t ANCHOR[] = {0,  1,  15, 2,  0,  1,  2,  3,  4,  5,  6,  7,
                                     8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                     20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    const struct trust_anchor anchor = {NAME_ROOT, TYPE_DS, {ANCHOR, sizeof ANCHOR}};
    struct evidence evidence[EVIDENCE_MAX];
    struct arena arena, scratch;
    arena_open(&arena, ARENA_SIZE_MAX);
    arena_open(&scratch, ARENA_SIZE_MAX);
    struct chain_input input = {.anchors = &anchor,
                                .anchor_count = 1,
                                .evidence = evidence,
                                .now_s = 1800000000,
                                .scratch = &scratch};
    input.evidence_count = read_evidence(span_of(data, size), &arena, evidence);
    if (input.evidence_count != 0) {
        struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {CHAIN_HASHES_MAX}};
        struct chain_result result;
        chain_judge(&input, &budget, &result);
        require(budget.signatures_left <= CHAIN_SIGNATURE_CHECKS_MAX);
        require(!result.is_final || result.judgement.verdict == VERDICT_SECURE ||
                result.judgement.reason[0] != '\0');
    }
    arena_close(&scratch);
    arena_close(&arena);
    return 0;
}
