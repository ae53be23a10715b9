/* Any octets as the durable form of what is alive: what is read can be judged, and is written as it
 * was read. */
#include <string.h>

#include "core/keys/alive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct alive alive;
    static uint8_t again[ALIVE_FORM_SIZE_MAX];
    static struct caches caches;
    const struct alive_policy policy = {.hops = 2, .floor_s = 60, .stale_s = 86400, .margin_s = 5};
    if (alive_read(span_of(data, size), &alive) != OK) {
        return 0;
    }
    struct writer form = writer_over(again, sizeof again);
    alive_write(&alive, &form);
    require(form.status == OK && span_equal(writer_written(&form), span_of(data, size)));
    const int64_t times_s[] = {0, 1800000000, ALIVE_TIME_MAX_S};
    for (size_t i = 0; i < LEN(times_s); ++i) {
        enum status settled = alive_settle(&alive, &policy, times_s[i]);
        enum status viewed = alive_view(&alive, &policy, times_s[i], &caches);
        require(settled == OK || settled == LIMIT_REACHED);
        require(viewed == OK || viewed == LIMIT_REACHED || viewed == NOT_FOUND);
    }
    return 0;
}
