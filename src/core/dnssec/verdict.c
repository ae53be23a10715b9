/* The words for verdicts. */
#include "core/dnssec/verdict.h"

#include <assert.h>

static const char *const TEXTS[] = {
    [VERDICT_SECURE] = "secure",
    [VERDICT_INSECURE] = "insecure",
    [VERDICT_BOGUS] = "bogus",
    [VERDICT_INDETERMINATE] = "indeterminate",
};
static_assert(LEN(TEXTS) == VERDICT_COUNT, "a text for each verdict");

const char *verdict_text(enum verdict verdict)
{
    require((unsigned)verdict < VERDICT_COUNT);
    return TEXTS[verdict];
}
