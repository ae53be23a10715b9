/* Which of the resolver's answers are wrong at which time. */
#include "scenario/watch.h"

#include <stdarg.h>
#include <stdio.h>

void watch_open(struct watch *watch, struct lab *lab)
{
    *watch = (struct watch){.lab = lab, .last = {.view = LAB_VIEW_SILENCE}};
    watch->may_be[LAB_VIEW_SILENCE] = true;
    watch->may_be[LAB_VIEW_UNREACHED] = true;
    watch->may_be[LAB_VIEW_NOTHING] = true;
    watch->may_be[LAB_VIEW_INSECURE] = true;
}

void watch_expect(struct watch *watch, bool may_be_secure, bool may_be_insecure)
{
    watch->may_be[LAB_VIEW_NOTHING] = false;
    watch->may_be[LAB_VIEW_SECURE] = may_be_secure;
    watch->may_be[LAB_VIEW_INSECURE] = may_be_insecure;
}

void watch_expect_attack(struct watch *watch, int64_t seconds)
{
    watch->bogus_until_s = lab_now_s(watch->lab) + seconds;
}

bool watch_is_good(const struct watch *watch)
{
    return watch->fault[0] == '\0';
}

void watch_fault(struct watch *watch, const char *format, ...)
{
    va_list args;
    if (!watch_is_good(watch)) {
        return;
    }
    int len = snprintf(watch->fault, sizeof watch->fault,
                       "after %lld s: ", (long long)(lab_now_s(watch->lab) - LAB_WALL_S));
    va_start(args, format);
    vsnprintf(watch->fault + len, sizeof watch->fault - (size_t)len, format, args);
    va_end(args);
}

static void look(struct watch *watch)
{
    int64_t asked_s = lab_now_s(watch->lab);
    lab_resolve(watch->lab, &watch->last);
    enum lab_view view = watch->last.view;
    watch->counts[view]++;
    bool may_be =
        watch->may_be[view] || (view == LAB_VIEW_BOGUS && asked_s <= watch->bogus_until_s);
    if (!may_be) {
        watch_fault(watch, "the resolver says %s (extended error %d: %s)", lab_view_text(view),
                    watch->last.ede, watch->last.reason);
    }
}

void watch_pass(struct watch *watch, int64_t seconds)
{
    int64_t end_s = lab_now_s(watch->lab) + seconds;
    do {
        lab_run(watch->lab, (int64_t)WATCH_EACH_S * MOMENT_NS_PER_S);
        look(watch);
    } while (lab_now_s(watch->lab) < end_s && watch_is_good(watch));
}

void watch_await(struct watch *watch, enum lab_view view, int64_t seconds)
{
    int64_t end_s = lab_now_s(watch->lab) + seconds;
    do {
        watch_pass(watch, WATCH_EACH_S);
    } while (watch->last.view != view && lab_now_s(watch->lab) < end_s && watch_is_good(watch));
    if (watch->last.view != view) {
        watch_fault(watch, "%s was awaited, but after %lld s it is still %s", lab_view_text(view),
                    (long long)seconds, lab_view_text(watch->last.view));
    }
}
