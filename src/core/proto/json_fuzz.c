/* Any octets as JSON; what was read is counted to its end. */
#include "core/proto/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    const struct json_node *root;
    struct problem problem = {0};
    arena_open(&arena, 16 << 20);
    if (json_read(span_of(data, size), &arena, &root, &problem) == OK) {
        size_t count = 0;
        for (const struct json_node *at = root; at != NULL; at = at->first_child) {
            for (const struct json_node *next = at->next; next != NULL; next = next->next) {
                count++;
            }
        }
        require(count < JSON_NODES_MAX);
    } else {
        require(root == NULL);
    }
    arena_close(&arena);
    return 0;
}
