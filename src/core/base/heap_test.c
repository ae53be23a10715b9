/* The heap and the table against plain arrays that do the same slowly. */
#include "core/base/heap.h"
#include "core/base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 200, ROUNDS = 20000 };

/* A fixed sequence, so that a failure repeats. */
static uint32_t step(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void heap_agrees_with_a_search(void **unused)
{
    (void)unused;
    uint64_t state = 1;
    struct heap heap = {0};
    struct heap_item items[ITEMS] = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        struct heap_item *item = &items[step(&state) % ITEMS];
        if (step(&state) % 3 == 0) {
            heap_remove(&heap, item);
        } else {
            heap_set(&heap, item, step(&state) % 50);
        }
        const struct heap_item *first = NULL;
        size_t count = 0;
        for (size_t i = 0; i < ITEMS; i++) {
            if (items[i].position == 0) {
                continue;
            }
            count++;
            if (first == NULL || items[i].at < first->at ||
                (items[i].at == first->at && items[i].order < first->order)) {
                first = &items[i];
            }
        }
        assert_int_equal(heap.count, count);
        assert_ptr_equal(heap_first(&heap), first);
    }
    heap_close(&heap);
}

static void equal_times_keep_the_order_of_setting(void **unused)
{
    (void)unused;
    struct heap heap = {0};
    struct heap_item items[5] = {0};
    for (size_t i = 0; i < LEN(items); i++) {
        heap_set(&heap, &items[i], 7);
    }
    heap_set(&heap, &items[0], 7); /* set again: now the last */
    for (size_t i = 1; i <= LEN(items); i++) {
        struct heap_item *first = heap_first(&heap);
        assert_ptr_equal(first, &items[i % LEN(items)]);
        heap_remove(&heap, first);
    }
    assert_null(heap_first(&heap));
    heap_close(&heap);
}

static void table_agrees_with_an_array(void **unused)
{
    (void)unused;
    uint64_t state = 2;
    struct table table = {0};
    int *held[ITEMS] = {0};
    int values[ITEMS];
    size_t count = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t key = step(&state) % ITEMS;
        /* Neighbours and far numbers, so that probes run into each other. */
        uint64_t number = key % 2 == 0 ? key : (uint64_t)key << 40;
        if (step(&state) % 2 == 0) {
            assert_ptr_equal(table_remove(&table, number), held[key]);
            count -= held[key] != NULL ? 1 : 0;
            held[key] = NULL;
        } else {
            count += held[key] == NULL ? 1 : 0;
            held[key] = &values[step(&state) % ITEMS];
            table_set(&table, number, held[key]);
        }
        assert_int_equal(table.count, count);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_ptr_equal(table_find(&table, i % 2 == 0 ? i : (uint64_t)i << 40), held[i]);
        }
        assert_true((table_any(&table) == NULL) == (count == 0));
    }
    table_close(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_agrees_with_a_search),
        cmocka_unit_test(equal_times_keep_the_order_of_setting),
        cmocka_unit_test(table_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
