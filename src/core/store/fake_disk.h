#pragma once
/* For tests and fuzzers of what stands on a disk: a few files in memory, whose n-th write can be
 * made to fail. Each function has its use in some test only. */
#include "core/store/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_FILES_MAX = 256, FAKE_NAME_MAX = 256 };

/* What a write that fails has done all the same. */
enum fake_fault { FAKE_FAULT_NOTHING, FAKE_FAULT_PART, FAKE_FAULT_ALL };

struct fake_file {
    char name[FAKE_NAME_MAX];
    uint8_t *bytes; /* NULL: there is no such file */
    size_t len;
    bool is_secret;
};

struct fake_disk {
    struct fake_file files[FAKE_FILES_MAX];
    size_t count;
    uint32_t writes;         /* so far */
    uint32_t fault_at;       /* that write fails, counted from 1; 0: none does */
    bool is_broken_for_good; /* and every later one, without doing anything */
    enum fake_fault fault;
    bool is_unreadable; /* every read fails */
};

#define FAKE_HELPER __attribute__((unused)) static

FAKE_HELPER struct fake_file *fake_disk_find(struct fake_disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->files[i].name, name) == 0) {
            return &disk->files[i];
        }
    }
    return NULL;
}

FAKE_HELPER struct fake_file *fake_disk_need(struct fake_disk *disk, const char *name)
{
    struct fake_file *file = fake_disk_find(disk, name);
    if (file == NULL) {
        require(disk->count < FAKE_FILES_MAX);
        file = &disk->files[disk->count++];
        snprintf(file->name, sizeof file->name, "%s", name);
    }
    return file;
}

FAKE_HELPER void fake_file_set(struct fake_file *file, struct span content)
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
FAKE_HELPER bool fake_disk_fails(struct fake_disk *disk, enum fake_fault *does)
{
    disk->writes++;
    bool is_after = disk->fault_at != 0 && disk->writes > disk->fault_at;
    bool is_at = disk->fault_at != 0 && disk->writes == disk->fault_at;
    *does = is_at                                  ? disk->fault
            : is_after && disk->is_broken_for_good ? FAKE_FAULT_NOTHING
                                                   : FAKE_FAULT_ALL;
    return is_at || (is_after && disk->is_broken_for_good);
}

FAKE_HELPER enum status fake_disk_read(void *self, const char *name, size_t size_max,
                                       struct arena *arena, struct span *content)
{
    struct fake_disk *disk = self;
    const struct fake_file *file = fake_disk_find(disk, name);
    if (disk->is_unreadable) {
        return IO_FAILED;
    }
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    return file->len > size_max ? TOO_LONG
                                : arena_copy(arena, span_of(file->bytes, file->len), content);
}

FAKE_HELPER enum status fake_disk_put(struct fake_disk *disk, const char *name, struct span content,
                                      bool is_secret)
{
    enum fake_fault does;
    bool is_failure = fake_disk_fails(disk, &does);
    if (does == FAKE_FAULT_ALL) {
        struct fake_file *file = fake_disk_need(disk, name);
        fake_file_set(file, content);
        file->is_secret = is_secret;
    }
    return is_failure ? IO_FAILED : OK;
}

FAKE_HELPER enum status fake_disk_replace(void *self, const char *name, struct span content)
{
    return fake_disk_put(self, name, content, false);
}

FAKE_HELPER enum status fake_disk_read_at(void *self, const char *name, uint64_t at, void *bytes,
                                          size_t size, size_t *len)
{
    struct fake_disk *disk = self;
    const struct fake_file *file = fake_disk_find(disk, name);
    *len = 0;
    if (disk->is_unreadable) {
        return IO_FAILED;
    }
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    size_t left = at < file->len ? file->len - (size_t)at : 0;
    *len = left < size ? left : size;
    if (*len > 0) {
        memcpy(bytes, file->bytes + at, *len);
    }
    return OK;
}

FAKE_HELPER enum status
fake_disk_replace_by_parts(void *self, const char *name,
                           enum status (*next)(void *user, struct span *part), void *user)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct span part = SPAN_EMPTY;
    enum status status;
    while ((status = next(user, &part)) == OK && part.len > 0) {
        bytes = realloc(bytes, len + part.len);
        require(bytes != NULL);
        memcpy(bytes + len, part.bytes, part.len);
        len += part.len;
    }
    if (status == OK) {
        status = fake_disk_put(self, name, span_of(bytes, len), false);
    }
    free(bytes);
    return status;
}

FAKE_HELPER enum status fake_disk_replace_secret(void *self, const char *name, struct span content)
{
    return fake_disk_put(self, name, content, true);
}

FAKE_HELPER enum status fake_disk_append(void *self, const char *name, struct span content)
{
    struct fake_disk *disk = self;
    enum fake_fault does;
    bool is_failure = fake_disk_fails(disk, &does);
    size_t len = does == FAKE_FAULT_ALL    ? content.len
                 : does == FAKE_FAULT_PART ? content.len / 2
                                           : 0;
    struct fake_file *file = fake_disk_need(disk, name);
    uint8_t *bytes = realloc(file->bytes, file->len + len + 1);
    require(bytes != NULL);
    file->bytes = bytes;
    if (len > 0) {
        memcpy(bytes + file->len, content.bytes, len);
    }
    file->len += len;
    return is_failure ? IO_FAILED : OK;
}

FAKE_HELPER enum status fake_disk_cut(void *self, const char *name, uint64_t size)
{
    struct fake_disk *disk = self;
    struct fake_file *file = fake_disk_find(disk, name);
    enum fake_fault does;
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    bool is_failure = fake_disk_fails(disk, &does);
    if (does == FAKE_FAULT_ALL && file->len > size) {
        file->len = (size_t)size;
    }
    return is_failure ? IO_FAILED : OK;
}

FAKE_HELPER enum status fake_disk_remove(void *self, const char *name)
{
    struct fake_disk *disk = self;
    struct fake_file *file = fake_disk_find(disk, name);
    enum fake_fault does;
    if (file == NULL || file->bytes == NULL) {
        return NOT_FOUND;
    }
    bool is_failure = fake_disk_fails(disk, &does);
    if (does == FAKE_FAULT_ALL) {
        free(file->bytes);
        file->bytes = NULL;
        file->len = 0;
    }
    return is_failure ? IO_FAILED : OK;
}

/* A zeroed fake_disk is an empty disk. */
FAKE_HELPER struct disk fake_disk_open(struct fake_disk *disk)
{
    return (struct disk){.self = disk,
                         .read = fake_disk_read,
                         .read_at = fake_disk_read_at,
                         .replace = fake_disk_replace,
                         .replace_by_parts = fake_disk_replace_by_parts,
                         .replace_secret = fake_disk_replace_secret,
                         .append = fake_disk_append,
                         .cut = fake_disk_cut,
                         .remove = fake_disk_remove};
}

FAKE_HELPER void fake_disk_close(struct fake_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        free(disk->files[i].bytes);
    }
    *disk = (struct fake_disk){0};
}
