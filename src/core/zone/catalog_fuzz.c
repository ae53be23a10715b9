/* Any zone as a catalog: what is read of it is in order and can be made and read again. */
#include "core/zone/catalog.h"
#include "core/zone/zonefile.h"

#include <string.h>

static void pass_over(void *user, const struct problem *problem)
{
    (void)user;
    (void)problem;
}

static void check_again(const struct catalog *catalog, struct name apex)
{
    struct arena arena;
    struct catalog again;
    struct problem problem = {0};
    struct zone *made = catalog_make(apex, catalog, 1);
    arena_open(&arena, 16 << 20);
    if (made != NULL) {
        require(catalog_read(made, &arena, &again, &problem) == OK);
        require(again.count == catalog->count);
        for (size_t i = 0; i < again.count; i++) {
            require(name_equal(again.members[i].zone, catalog->members[i].zone));
            require(span_equal(again.members[i].group, catalog->members[i].group));
            require(catalog_find(catalog, again.members[i].zone) == &catalog->members[i]);
        }
    }
    arena_close(&arena);
    zone_release(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A master file: a mutation of letters finds more catalogs than one of octets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t octets[] = "\3cat";
    const struct name apex = {octets, sizeof octets, 1};
    struct zonefile_source source = {
        .file = "catalog", .text = span_of(data, size), .origin = apex, .ttl_default_s = 1};
    struct zone *zone = NULL;
    struct arena arena;
    struct catalog catalog;
    struct problem problem = {0};
    if (size > 1 << 16 || zonefile_load(&source, apex, pass_over, NULL, &zone) != OK) {
        return 0;
    }
    arena_open(&arena, 16 << 20);
    if (catalog_read(zone, &arena, &catalog, &problem) == OK) {
        check_again(&catalog, apex);
    } else {
        require(problem.sentence[0] != 0);
    }
    arena_close(&arena);
    zone_release(zone);
    return 0;
}
