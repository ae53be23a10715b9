/* Reads a zone file to wire form and throws it away: the parser alone. Prints the records read. */
#include "core/zone/zonefile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static enum status count_record(void *user, const struct rrset *record, uint32_t line)
{
    (void)record;
    (void)line;
    ++*(size_t *)user;
    return OK;
}

static void say_problem(void *user, const struct problem *problem)
{
    (void)user;
    fprintf(stderr, "%s\n", problem->sentence);
}

int main(int argc, char **argv)
{
    int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0 || about.st_size == 0) {
        fprintf(stderr, "usage: parse FILE\n");
        return 2;
    }
    size_t len = (size_t)about.st_size;
    void *text = mmap(NULL, len, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED) {
        return 1;
    }
    static const uint8_t root[] = {0};
    size_t count = 0;
    struct zonefile_source source = {.file = argv[1],
                                     .text = span_of(text, len),
                                     .origin = {.octets = root, .len = 1, .label_count = 0}};
    struct zonefile_sink sink = {count_record, say_problem, &count};
    enum status status = zonefile_read(&source, &sink);
    printf("%zu\n", count);
    return status == OK ? 0 : 1;
}
