#pragma once
/* The word that a person probably meant. */
#include "core/base/span.h"

/* The one of `words` that is the fewest typing errors away from `word` (a letter missing, too many,
 * wrong, or two swapped), or NULL when none is close enough to be worth a hint. Letters compare
 * without case. O(count * length squared). */
const char *nearest_word(struct span word, const char *const *words, size_t count);
