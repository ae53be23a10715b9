/* How many labels of the name of a fetch its servers are shown, and when they see all of it. */
#include "service/resolver/minimise.h"

/* RFC 9156 §2.3: the numbers and the words are the RFC's. */
enum { MAX_MINIMISE_COUNT = 10, MINIMISE_ONE_LAB = 4 };

bool minimise_is_on(const struct fetch *fetch)
{
    return fetch->shown_labels < fetch->name.label_count;
}

/* A label such as _tcp is no delegation: questions that end there only cost time (RFC 9156 §2.3).
 */
static void underscores_skip(struct fetch *fetch)
{
    while (minimise_is_on(fetch) &&
           name_label(name_ancestor(fetch->name, fetch->shown_labels), 0).bytes[0] == '_') {
        fetch->shown_labels++;
    }
}

void minimise_begin(const struct resolver *resolver, struct fetch *fetch)
{
    uint8_t whole = fetch->name.label_count;
    fetch->shown_labels = whole;
    if (resolver->options.minimises_names && !fetch->is_shown_whole &&
        fetch->minimise_count < MAX_MINIMISE_COUNT && fetch->zone.label_count < whole) {
        fetch->shown_labels = (uint8_t)(fetch->zone.label_count + 1);
        underscores_skip(fetch);
    }
}

void minimise_next(struct fetch *fetch)
{
    uint32_t hidden = (uint32_t)fetch->name.label_count - fetch->shown_labels;
    uint32_t step = 1;
    fetch->minimise_count++;
    if (fetch->minimise_count >= MAX_MINIMISE_COUNT) {
        step = hidden;
    } else if (fetch->minimise_count >= MINIMISE_ONE_LAB) {
        uint32_t left = MAX_MINIMISE_COUNT - fetch->minimise_count;
        step = (hidden + left - 1) / left;
    }
    fetch->shown_labels = (uint8_t)(fetch->shown_labels + step);
    underscores_skip(fetch);
}

void minimise_stop(struct fetch *fetch)
{
    fetch->is_shown_whole = true;
    fetch->shown_labels = fetch->name.label_count;
}

struct question minimise_question(const struct fetch *fetch)
{
    bool is_whole = !minimise_is_on(fetch);
    return (struct question){is_whole ? fetch->name
                                      : name_ancestor(fetch->name, fetch->shown_labels),
                             is_whole ? fetch->type : TYPE_A, CLASS_IN};
}
