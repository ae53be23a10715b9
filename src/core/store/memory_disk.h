#pragma once
/* For tests and fuzzers of what stands on a disk: a few files in memory, whose n-th write can be
 * made to fail. Each function has its use in some test only. */
#include "core/store/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_FILES_MAX = 64, MEMORY_NAME_MAX = 256 };

/* What a write that fails has done all the same. */
enum memory_fault { MEMORY_FAULT_NOTHING, MEMORY_FAULT_PART, MEMORY_FAULT_ALL };

struct memory_file {
    char name[MEMORY_NAME_MAX];
    uint8_t *bytes; /* NULL: there is no such file */
    size_t len;
    bool is_secret;
};

struct memory_disk {
    struct memory_file files[MEMORY_FILES_MAX];
    size_t count;
    uint32_t writes;         /* so far */
    uint32_t fault_at;       /* that write fails, counted from 1; 0: none does */
    bool is_broken_for_good; /* and every later one, without doing anything */
    enum memory_fault fault;
};

#define MEMORY_HELPER __attribute__((unused)) static

MEMORY_HELPER struct memory_file *memory_disk_find(struct memory_disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->files[i].name, name) == 0) {
            return &disk->files[i];
        }
    }
    return NULL;
}

MEMORY_HELPER struct memory_file *memory_disk_need(struct memory_disk *disk, const char *name)
{
    struct memory_file *file = memory_disk_find(disk, name);
    if (file == NULL) {
        require(disk->count < MEMORY_FILES_MAX);
        file = &disk->files[disk->count++];
        snprintf(file->name, sizeof file->name, "%s", name);
    }
    return file;
}

MEMORY_HELPER void memory_file_set(struct memory_file *file, struct span content)
{
    uint8_t *bytes = malloc(content.len + 1);
    require(bytes != NULL);
    if (content.len > 0) {
        memcpy(bytes, content.bytes, content.len);
    }
    free(file->bytes);
    file->bytes = bytes;
    file->len = content.len;
}

/* Is this write to fail? `does` says how much of it is done all the same. */
MEMORY_HELPER bool memory_disk_fails(struct memory_disk *disk, enum memory_fault *does)
{
    disk->writes++;
    bool is_after = disk->fault_at != 0 && disk->writes > disk->fault_at;
    bool is_at = disk->fault_at != 0 && disk->writes == disk->fault_at;
    *does = is_at                                  ? disk->fault
            : is_after && disk->is_broken_for_good ? MEMORY_FAULT_NOTHING
                                                   : MEMORY_FAULT_ALL;
    return is_at || (is_after && disk->is_broken_for_good);
}

MEMORY_HELPER enum status memory_disk_read(void *self, const char *name, size_t size_max,
                                           struct arena *arena, struct span *content)
{
    const struct memory_file *file = memory_disk_find(self, name);
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    return file->len > size_max ? TOO_LONG
                                : arena_copy(arena, span_of(file->bytes, file->len), content);
}

MEMORY_HELPER enum status memory_disk_put(struct memory_disk *disk, const char *name,
                                          struct span content, bool is_secret)
{
    enum memory_fault does;
    bool is_failure = memory_disk_fails(disk, &does);
    if (does == MEMORY_FAULT_ALL) {
        struct memory_file *file = memory_disk_need(disk, name);
        memory_file_set(file, content);
        file->is_secret = is_secret;
    }
    return is_failure ? IO_FAILED : OK;
}

MEMORY_HELPER enum status memory_disk_replace(void *self, const char *name, struct span content)
{
    return memory_disk_put(self, name, content, false);
}

MEMORY_HELPER enum status memory_disk_replace_secret(void *self, const char *name,
                                                     struct span content)
{
    return memory_disk_put(self, name, content, true);
}

MEMORY_HELPER enum status memory_disk_append(void *self, const char *name, struct span content)
{
    struct memory_disk *disk = self;
    enum memory_fault does;
    bool is_failure = memory_disk_fails(disk, &does);
    size_t len = does == MEMORY_FAULT_ALL    ? content.len
                 : does == MEMORY_FAULT_PART ? content.len / 2
                                             : 0;
    struct memory_file *file = memory_disk_need(disk, name);
    uint8_t *bytes = realloc(file->bytes, file->len + len + 1);
    require(bytes != NULL);
    file->bytes = bytes;
    if (len > 0) {
        memcpy(bytes + file->len, content.bytes, len);
    }
    file->len += len;
    return is_failure ? IO_FAILED : OK;
}

MEMORY_HELPER enum status memory_disk_cut(void *self, const char *name, uint64_t size)
{
    struct memory_disk *disk = self;
    struct memory_file *file = memory_disk_find(disk, name);
    enum memory_fault does;
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    bool is_failure = memory_disk_fails(disk, &does);
    if (does == MEMORY_FAULT_ALL && file->len > size) {
        file->len = (size_t)size;
    }
    return is_failure ? IO_FAILED : OK;
}

MEMORY_HELPER enum status memory_disk_remove(void *self, const char *name)
{
    struct memory_disk *disk = self;
    struct memory_file *file = memory_disk_find(disk, name);
    enum memory_fault does;
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    bool is_failure = memory_disk_fails(disk, &does);
    if (does == MEMORY_FAULT_ALL) {
        free(file->bytes);
        file->bytes = NULL;
        file->len = 0;
    }
    return is_failure ? IO_FAILED : OK;
}

/* A zeroed memory_disk is an empty disk. */
MEMORY_HELPER struct disk memory_disk_open(struct memory_disk *disk)
{
    return (struct disk){.self = disk,
                         .read = memory_disk_read,
                         .replace = memory_disk_replace,
                         .replace_secret = memory_disk_replace_secret,
                         .append = memory_disk_append,
                         .cut = memory_disk_cut,
                         .remove = memory_disk_remove};
}

MEMORY_HELPER void memory_disk_close(struct memory_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        free(disk->files[i].bytes);
    }
    *disk = (struct memory_disk){0};
}
