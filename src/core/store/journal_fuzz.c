/* Any octets as a log's file: what comes back can be written on, and comes back again. */
#include "core/store/fake_disk.h"
#include "core/store/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_disk memory = {0};
    struct disk disk = fake_disk_open(&memory);
    struct arena task;
    struct journal journal;
    struct journal_entries entries;
    struct problem damage = {0};
    fake_file_set(fake_disk_need(&memory, "log"), span_of(data, size));
    arena_open(&task, 256 << 20);
    if (journal_open(&journal, &disk, "log", &task, &entries, &damage) == OK) {
        size_t count = entries.count;
        require(journal_append(&journal, SPAN_LITERAL("more")) == OK);
        require(journal_open(&journal, &disk, "log", &task, &entries, &damage) == OK);
        require(entries.count == count + 1);
        require(journal_rebase(&journal, journal.label, 1, 100) == OK);
        require(journal_open(&journal, &disk, "log", &task, &entries, &damage) == OK);
        require(entries.count == 1);
    }
    arena_close(&task);
    fake_disk_close(&memory);
    return 0;
}
