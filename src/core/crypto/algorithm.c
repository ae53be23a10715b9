/* The DNSSEC algorithms by number and name, and what we do with each (RFC 8624 §3.1, RFC 9905). */
#include "core/base/text.h"
#include "core/crypto/key.h"

static const struct algorithm ALGORITHMS[] = {
    {ALGORITHM_RSASHA1, "RSASHA1", false, true, 0, 0, 2048},
    {ALGORITHM_RSASHA1_NSEC3, "RSASHA1-NSEC3-SHA1", false, true, 0, 0, 2048},
    {ALGORITHM_RSASHA256, "RSASHA256", true, true, 0, 0, 2048},
    {ALGORITHM_RSASHA512, "RSASHA512", true, true, 0, 0, 2048},
    {ALGORITHM_ECDSAP256SHA256, "ECDSAP256SHA256", true, true, 64, 64, 0},
    {ALGORITHM_ECDSAP384SHA384, "ECDSAP384SHA384", true, true, 96, 96, 0},
    {ALGORITHM_ED25519, "ED25519", true, true, 32, 64, 0},
    {ALGORITHM_ED448, "ED448", true, true, 57, 114, 0},
};

const struct algorithm *algorithm_at(size_t index)
{
    return index < LEN(ALGORITHMS) ? &ALGORITHMS[index] : NULL;
}

const struct algorithm *algorithm_find(uint8_t number)
{
    for (size_t i = 0; i < LEN(ALGORITHMS); i++) {
        if (ALGORITHMS[i].number == number) {
            return &ALGORITHMS[i];
        }
    }
    return NULL;
}

const struct algorithm *algorithm_parse(struct span text)
{
    uint64_t number;
    if (text_read_u64(text, UINT8_MAX, &number) == OK) {
        return algorithm_find((uint8_t)number);
    }
    if (span_equal_nocase(text, SPAN_LITERAL("NSEC3RSASHA1"))) { /* as BIND's tools call it */
        return algorithm_find(ALGORITHM_RSASHA1_NSEC3);
    }
    for (size_t i = 0; i < LEN(ALGORITHMS); i++) {
        if (span_equal_nocase(text, span_of_text(ALGORITHMS[i].mnemonic))) {
            return &ALGORITHMS[i];
        }
    }
    return NULL;
}
