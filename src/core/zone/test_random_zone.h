#pragma once
/* Random zones below example., from a few labels so that names meet: data, wildcards, cuts with and
 * without DS, glue, DNAMEs, empty non-terminals. Include after cmocka.h. */
#include "core/zone/test_zone.h"

enum { LINES_MAX = 48, LINE_SIZE = 200 };

/* The lines that a random zone may have, and those it has. */
struct universe {
    char lines[LINES_MAX][2][LINE_SIZE]; /* one or two records; a DS needs its NS */
    size_t count;
    bool is_in[LINES_MAX];
    uint64_t random;
};

TEST_HELPER uint32_t draw(struct universe *universe, uint32_t limit)
{
    return test_random(&universe->random) % limit;
}

TEST_HELPER void draw_owner(struct universe *universe, char owner[80])
{
    static const char *const labels[] = {"a", "b", "c", "d", "ns"};
    char text[80] = "example.";
    char longer[90];
    for (uint32_t depth = 1 + draw(universe, 4); depth > 0; depth--) {
        bool is_wildcard = depth == 1 && draw(universe, 6) == 0;
        snprintf(longer, sizeof longer, "%s.%s",
                 is_wildcard ? "*" : labels[draw(universe, LEN(labels))], text);
        assert_true(strlen(longer) < sizeof text);
        memcpy(text, longer, sizeof text);
    }
    memcpy(owner, text, sizeof text);
}

TEST_HELPER void draw_lines(struct universe *universe, uint64_t seed)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    universe->random = seed;
    universe->count = 12 + draw(universe, LINES_MAX - 12);
    for (size_t i = 0; i < universe->count; i++) {
        char owner[80];
        char(*line)[LINE_SIZE] = universe->lines[i];
        draw_owner(universe, owner);
        line[1][0] = '\0';
        uint32_t kind = draw(universe, 20);
        if (kind < 8) {
            snprintf(line[0], LINE_SIZE, "%s A 192.0.2.%u", owner, draw(universe, 250));
        } else if (kind < 10) {
            snprintf(line[0], LINE_SIZE, "%s TXT \"t%u\"", owner, draw(universe, 9));
        } else if (kind < 12) {
            snprintf(line[0], LINE_SIZE, "%s DNAME d%u.test.", owner, draw(universe, 9));
        } else {
            snprintf(line[0], LINE_SIZE, "%s NS ns.%s", owner, owner);
            if (kind >= 17) {
                snprintf(line[1], LINE_SIZE, "%s DS %u 13 2 %s", owner, draw(universe, 65536),
                         digest);
            }
        }
        if (strncmp(line[0], "*.", 2) == 0 && kind >= 10) { /* no cut or DNAME at a wildcard */
            snprintf(line[0], LINE_SIZE, "%s A 192.0.2.1", owner);
            line[1][0] = '\0';
        }
        universe->is_in[i] = draw(universe, 2) == 0;
    }
}

TEST_HELPER struct zone *make_zone(const struct universe *universe)
{
    struct zone_builder *builder = test_change("example.", NULL);
    test_add(builder, "example. SOA ns.example. root.example. 7 3600 900 604800 3600");
    test_add(builder, "example. NS ns.example.");
    for (size_t i = 0; i < universe->count; i++) {
        for (size_t j = 0; j < 2 && universe->is_in[i] && universe->lines[i][j][0] != '\0'; j++) {
            test_add(builder, universe->lines[i][j]);
        }
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}
