/* SipHash-2-4 as its authors define it (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012): two rounds for each eight octets, four at the end. */
#include "core/crypto/siphash.h"

enum { WORD_LEN = 8, ROUNDS = 2, ROUNDS_AT_END = 4 };

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t read_word(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static void stir(struct siphash *state, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        state->v0 += state->v1;
        state->v2 += state->v3;
        state->v1 = rotate(state->v1, 13) ^ state->v0;
        state->v3 = rotate(state->v3, 16) ^ state->v2;
        state->v0 = rotate(state->v0, 32);
        state->v2 += state->v1;
        state->v0 += state->v3;
        state->v1 = rotate(state->v1, 17) ^ state->v2;
        state->v3 = rotate(state->v3, 21) ^ state->v0;
        state->v2 = rotate(state->v2, 32);
    }
}

static void add_word(struct siphash *state, uint64_t word)
{
    state->v3 ^= word;
    stir(state, ROUNDS);
    state->v0 ^= word;
}

uint64_t siphash_2_4(const uint8_t key[SIPHASH_KEY_LEN], struct span bytes)
{
    uint64_t low = read_word(key, WORD_LEN);
    uint64_t high = read_word(key + WORD_LEN, WORD_LEN);
    struct siphash state = {low ^ 0x736f6d6570736575u, high ^ 0x646f72616e646f6du,
                            low ^ 0x6c7967656e657261u, high ^ 0x7465646279746573u};
    size_t whole = bytes.len / WORD_LEN * WORD_LEN;
    for (size_t i = 0; i < whole; i += WORD_LEN) {
        add_word(&state, read_word(bytes.bytes + i, WORD_LEN));
    }
    uint64_t rest = whole == bytes.len ? 0 : read_word(bytes.bytes + whole, bytes.len - whole);
    add_word(&state, rest | (uint64_t)(bytes.len & 0xff) << 56);
    state.v2 ^= 0xff;
    stir(&state, ROUNDS_AT_END);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

void siphash_2_4_write(const uint8_t key[SIPHASH_KEY_LEN], struct span bytes,
                       uint8_t hash[SIPHASH_LEN])
{
    uint64_t value = siphash_2_4(key, bytes);
    for (int i = 0; i < SIPHASH_LEN; i++) {
        hash[i] = (uint8_t)(value >> (8 * i));
    }
}
