/* Any bytes as XML: never a crash, and what is read can be walked. */
#include "core/proto/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_open(&arena, 8 << 20);
    const struct xml_node *root;
    struct problem problem = {.status = OK};
    enum status status = xml_read(span_of(data, size), &arena, &root, &problem);
    require((status == OK) == (root != NULL));
    require(status == OK || problem.sentence[0] != '\0');
    for (const struct xml_node *node = root; node != NULL; node = node->first_child) {
        require(node->name.len > 0);
        (void)xml_again(node);
    }
    arena_close(&arena);
    return 0;
}
