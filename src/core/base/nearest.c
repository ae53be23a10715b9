/* How far two words are apart, as a typist sees it: the restricted Damerau-Levenshtein distance. */
#include "core/base/nearest.h"

#include <string.h>

enum { NEAREST_LEN_MAX = 40 };

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t distance(struct span a, struct span b)
{
    size_t cost[NEAREST_LEN_MAX + 1][NEAREST_LEN_MAX + 1];
    for (size_t i = 0; i <= a.len; i++) {
        cost[i][0] = i;
    }
    for (size_t j = 0; j <= b.len; j++) {
        cost[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t left = lower(a.bytes[i - 1]);
            uint8_t right = lower(b.bytes[j - 1]);
            cost[i][j] = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                              cost[i - 1][j - 1] + (left == right ? 0 : 1));
            bool is_swap =
                i > 1 && j > 1 && left == lower(b.bytes[j - 2]) && right == lower(a.bytes[i - 2]);
            if (is_swap && cost[i - 2][j - 2] + 1 < cost[i][j]) {
                cost[i][j] = cost[i - 2][j - 2] + 1;
            }
        }
    }
    return cost[a.len][b.len];
}

const char *nearest_word(struct span word, const char *const *words, size_t count)
{
    if (word.len == 0 || word.len > NEAREST_LEN_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    /* A hint further off than a third of the word is noise. */
    size_t least = word.len / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        struct span candidate = span_of_text(words[i]);
        if (candidate.len > NEAREST_LEN_MAX) {
            continue;
        }
        size_t apart = distance(word, candidate);
        if (apart < least && apart < candidate.len) {
            least = apart;
            nearest = words[i];
        }
    }
    return nearest;
}
