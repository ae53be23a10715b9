/* The file names and the two formats of BIND's key files, and how a secret is put on disk. */
#include "command/key_files.h"

#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "core/dns/type.h"
#include "core/zone/zonefile.h"
#include "world/real/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MEMORY_MAX = 8 << 20, TRIES_MAX = 64 };

static const char PRIVATE_SUFFIX[] = ".private";
static const char PUBLIC_SUFFIX[] = ".key";

void key_files_open(struct key_files *files)
{
    *files = (struct key_files){.files = NULL};
    arena_open(&files->arena, FILES_MEMORY_MAX);
    files->files = arena_take_array(&files->arena, KEY_FILES_MAX, sizeof *files->files);
    require(files->files != NULL);
}

void key_files_close(struct key_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        key_close(files->files[i].key);
    }
    files->count = 0;
    arena_close(&files->arena);
}

static bool path_ends(const char *path, const char *suffix)
{
    size_t len = strlen(path);
    size_t suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

/* The path that both files of the pair begin with. */
static enum status base_path(const char *path, char base[KEY_PATH_MAX], struct problem *problem)
{
    size_t len = strlen(path);
    if (path_ends(path, PRIVATE_SUFFIX)) {
        len -= strlen(PRIVATE_SUFFIX);
    } else if (path_ends(path, PUBLIC_SUFFIX)) {
        len -= strlen(PUBLIC_SUFFIX);
    }
    if (len + sizeof PRIVATE_SUFFIX > KEY_PATH_MAX) {
        return problem_set(problem, TOO_LONG, "the path of the key is too long");
    }
    memcpy(base, path, len);
    base[len] = 0;
    return OK;
}

static const char *pair_path(const struct key_file *file, const char *suffix,
                             char path[KEY_PATH_MAX + 16])
{
    snprintf(path, KEY_PATH_MAX + 16, "%s%s", file->path, suffix);
    return path;
}

struct public_reading {
    struct key_file *file;
    struct problem *problem;
    size_t count;
};

static enum status take_public(void *user, const struct rrset *record, uint32_t line)
{
    struct public_reading *reading = user;
    struct key_file *file = reading->file;
    struct span rdata = rrset_only(record);
    if (record->type != TYPE_DNSKEY || rdata.len > sizeof file->rdata || ++reading->count > 1) {
        problem_place(reading->problem, reading->problem->place, line, 0);
        return problem_set(reading->problem, MALFORMED, "a key file holds one DNSKEY record");
    }
    memcpy(file->rdata, rdata.bytes, rdata.len);
    name_copy_to(record->owner, &file->zone_buffer, &file->zone);
    return dnskey_read(span_of(file->rdata, rdata.len), &file->dnskey);
}

static void note_problem(void *user, const struct problem *problem)
{
    struct public_reading *reading = user;
    if (reading->problem->status == OK) {
        *reading->problem = *problem;
    }
}

static enum status read_public(struct key_files *files, struct key_file *file,
                               struct problem *problem)
{
    char path[KEY_PATH_MAX + 16];
    struct zonefile_source source = {
        .file = pair_path(file, PUBLIC_SUFFIX, path), .origin = NAME_ROOT, .ttl_default_s = 3600};
    enum status status =
        file_read(source.file, KEY_FILE_LEN_MAX, &files->arena, &source.text, problem);
    if (status != OK) {
        return status;
    }
    problem_place(problem, source.file, 0, 0);
    struct public_reading reading = {file, problem, 0};
    struct zonefile_sink sink = {take_public, note_problem, &reading};
    status = zonefile_read(&source, &sink);
    if (status == OK && reading.count != 1) {
        status = MALFORMED;
    }
    if (status != OK && problem->status == OK) {
        problem_set(problem, status, "a key file holds one DNSKEY record");
    }
    return status;
}

static enum status read_private(struct key_files *files, struct key_file *file,
                                struct problem *problem)
{
    char path[KEY_PATH_MAX + 16];
    struct span text = SPAN_EMPTY;
    pair_path(file, PRIVATE_SUFFIX, path);
    enum status status = file_read(path, KEY_FILE_LEN_MAX, &files->arena, &text, problem);
    if (status != OK) {
        return status;
    }
    problem_place(problem, path, 0, 0);
    status = key_read_private(text, &file->key, problem);
    secret_wipe((uint8_t *)(uintptr_t)text.bytes, text.len);
    if (status != OK) {
        return status;
    }
    if (key_algorithm(file->key) != file->dnskey.algorithm ||
        !span_equal(key_public(file->key), file->dnskey.public_key)) {
        key_close(file->key);
        file->key = NULL;
        return problem_set(problem, MISMATCH,
                           "the private key does not belong to the public key beside it");
    }
    return OK;
}

static enum status file_add(struct key_files *files, struct key_file **file,
                            struct problem *problem)
{
    if (files->count == KEY_FILES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "there are more than %d keys", KEY_FILES_MAX);
    }
    *file = &files->files[files->count];
    **file = (struct key_file){.key = NULL};
    return OK;
}

enum status key_files_read(struct key_files *files, const char *path, bool with_private,
                           struct problem *problem)
{
    struct key_file *file = NULL;
    enum status status = file_add(files, &file, problem);
    if (status == OK) {
        status = base_path(path, file->path, problem);
    }
    if (status == OK) {
        status = read_public(files, file, problem);
    }
    if (status == OK && with_private) {
        status = read_private(files, file, problem);
    }
    if (status == OK) {
        files->count++;
    }
    return status;
}

/* A new file, or none: never written over, never seen half by a mode that is too wide. */
static enum status write_file(const char *path, mode_t mode, struct span text,
                              struct problem *problem)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool is_written = descriptor >= 0 &&
                      write(descriptor, text.bytes, text.len) == (ssize_t)text.len &&
                      fsync(descriptor) == 0;
    int error = errno;
    if (descriptor >= 0 && close(descriptor) != 0) {
        is_written = false;
    }
    if (is_written) {
        return OK;
    }
    if (descriptor >= 0) {
        unlink(path);
    }
    problem_place(problem, path, 0, 0);
    return problem_set(problem, IO_FAILED, "the key cannot be written: %s", strerror(error));
}

static enum status write_private(const struct key_file *file, struct problem *problem)
{
    char path[KEY_PATH_MAX + 16];
    uint8_t bytes[KEY_FILE_LEN_MAX];
    struct writer text = writer_over(bytes, sizeof bytes);
    enum status status = key_write_private(file->key, &text);
    if (status == OK) {
        status = text.status;
    }
    if (status != OK) {
        problem_set(problem, status, "the private key cannot be written: %s", status_text(status));
    } else {
        status =
            write_file(pair_path(file, PRIVATE_SUFFIX, path), 0600, writer_written(&text), problem);
    }
    secret_wipe(bytes, sizeof bytes);
    return status;
}

static enum status write_public(const struct key_file *file, struct problem *problem)
{
    char path[KEY_PATH_MAX + 16];
    uint8_t bytes[8192];
    struct writer text = writer_over(bytes, sizeof bytes);
    bool is_sep = (file->dnskey.flags & DNSKEY_FLAG_SEP) != 0;
    writer_print(&text, "; %s signing key %u of ", is_sep ? "key" : "zone", file->dnskey.tag);
    name_write_text(file->zone, &text);
    writer_text(&text, "\n");
    name_write_text(file->zone, &text);
    writer_text(&text, " IN DNSKEY ");
    rdata_write_text(TYPE_DNSKEY, file->dnskey.rdata, &text);
    writer_text(&text, "\n");
    if (text.status != OK) {
        return problem_set(problem, text.status, "the public key is too long");
    }
    return write_file(pair_path(file, PUBLIC_SUFFIX, path), 0644, writer_written(&text), problem);
}

/* "K", the name in lower case with its final dot, "+013+12345". A '/' inside a name is written as
 * in a zone file, so that it leads to no other folder. */
static enum status name_file(struct key_file *file, const char *folder, struct problem *problem)
{
    struct name_buffer buffer;
    struct name lower;
    char text[NAME_TEXT_MAX];
    char escaped[4 * NAME_TEXT_MAX];
    name_lower_to(file->zone, &buffer, &lower);
    name_print(lower, text);
    size_t len = 0;
    for (const char *at = text; *at != 0; at++) {
        len +=
            (size_t)snprintf(escaped + len, sizeof escaped - len, *at == '/' ? "\\047" : "%c", *at);
    }
    int written = snprintf(file->path, sizeof file->path, "%s/K%s+%03u+%05u", folder, escaped,
                           file->dnskey.algorithm, file->dnskey.tag);
    return written < 0 || (size_t)written + sizeof PRIVATE_SUFFIX > sizeof file->path
               ? problem_set(problem, TOO_LONG, "the path of the key is too long")
               : OK;
}

/* What a private key becomes in the zone and folder of an order. */
static enum status place_pair(struct key_file *file, const struct key_order *order,
                              struct problem *problem)
{
    struct writer rdata = writer_over(file->rdata, sizeof file->rdata);
    dnskey_write(order->flags, key_algorithm(file->key), key_public(file->key), &rdata);
    name_copy_to(order->zone, &file->zone_buffer, &file->zone);
    enum status status = dnskey_read(writer_written(&rdata), &file->dnskey);
    return status == OK ? name_file(file, order->folder, problem) : status;
}

static enum status make_pair(struct key_file *file, const struct key_order *order,
                             struct problem *problem)
{
    const struct algorithm *algorithm = algorithm_find(order->algorithm);
    uint16_t bits = order->bits == 0 ? algorithm->bits_default : order->bits;
    enum status status = key_generate(order->algorithm, bits, &file->key);
    if (status != OK) {
        return problem_set(problem, status, "the key cannot be made: %s", status_text(status));
    }
    return place_pair(file, order, problem);
}

/* Only the tag tells the signatures of two keys apart, so no two of a zone may share one. */
static bool tag_is_taken(const struct key_files *files, const struct key_file *file)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->files[i].dnskey.tag == file->dnskey.tag &&
            name_equal(files->files[i].zone, file->zone)) {
            return true;
        }
    }
    char path[KEY_PATH_MAX + 16];
    return access(pair_path(file, PUBLIC_SUFFIX, path), F_OK) == 0 ||
           access(pair_path(file, PRIVATE_SUFFIX, path), F_OK) == 0;
}

/* Writes the pair when all went well so far, and takes it into the list; else it is forgotten. */
static enum status keep_pair(struct key_files *files, struct key_file *file, enum status status,
                             struct problem *problem)
{
    if (status == OK) {
        status = write_private(file, problem);
    }
    if (status == OK) {
        status = write_public(file, problem);
    }
    if (status != OK) {
        if (file != NULL) {
            key_close(file->key);
            file->key = NULL;
        }
        return status;
    }
    files->count++;
    return OK;
}

enum status key_files_generate(struct key_files *files, const struct key_order *order,
                               struct problem *problem)
{
    struct key_file *file = NULL;
    enum status status = file_add(files, &file, problem);
    for (int i = 0; status == OK && i < TRIES_MAX; i++) {
        status = make_pair(file, order, problem);
        if (status != OK || !tag_is_taken(files, file)) {
            break;
        }
        key_close(file->key);
        file->key = NULL;
        if (i == TRIES_MAX - 1) {
            status = problem_set(problem, EXISTS, "no key with a free tag could be made");
        }
    }
    return keep_pair(files, file, status, problem);
}

static enum status read_pem(struct key_files *files, struct key_file *file, const char *path,
                            const struct key_order *order, struct problem *problem)
{
    struct span text = SPAN_EMPTY;
    enum status status = file_read(path, KEY_FILE_LEN_MAX, &files->arena, &text, problem);
    if (status != OK) {
        return status;
    }
    problem_place(problem, path, 0, 0);
    status = key_read_pem(text, order->algorithm, &file->key, problem);
    secret_wipe((uint8_t *)(uintptr_t)text.bytes, text.len);
    return status == OK ? place_pair(file, order, problem) : status;
}

static enum status read_pair(struct key_files *files, struct key_file *file, const char *path,
                             const struct key_order *order, struct problem *problem)
{
    enum status status = base_path(path, file->path, problem);
    status = status == OK ? read_public(files, file, problem) : status;
    status = status == OK ? read_private(files, file, problem) : status;
    return status == OK ? name_file(file, order->folder, problem) : status;
}

enum status key_files_import(struct key_files *files, const char *path,
                             const struct key_order *order, struct problem *problem)
{
    struct key_file *file = NULL;
    bool is_pair = path_ends(path, PRIVATE_SUFFIX) || path_ends(path, PUBLIC_SUFFIX);
    enum status status = file_add(files, &file, problem);
    if (status != OK) {
        return status;
    }
    status = is_pair ? read_pair(files, file, path, order, problem)
                     : read_pem(files, file, path, order, problem);
    if (status == OK && tag_is_taken(files, file)) {
        problem_place(problem, path, 0, 0);
        status = problem_set(problem, EXISTS,
                             "its tag %u is that of a key of the zone in the folder; two keys of "
                             "one tag would be mistaken for each other",
                             file->dnskey.tag);
    }
    return keep_pair(files, file, status, problem);
}

enum status key_files_export_pem(const struct key_file *file, const char *path,
                                 struct problem *problem)
{
    uint8_t bytes[KEY_FILE_LEN_MAX];
    struct writer text = writer_over(bytes, sizeof bytes);
    enum status status = key_write_pem(file->key, &text);
    if (status != OK) {
        problem_set(problem, status, "the private key cannot be written: %s", status_text(status));
    } else {
        status = write_file(path, 0600, writer_written(&text), problem);
    }
    secret_wipe(bytes, sizeof bytes);
    return status;
}

const char *key_file_id(const struct key_file *file, char text[KEY_ID_TEXT_SIZE])
{
    uint8_t digest[DIGEST_LEN_MAX];
    enum status status = digest_make(DIGEST_SHA256, &file->dnskey.rdata, 1, digest);
    require(status == OK);
    struct writer hex = writer_over(text, KEY_ID_TEXT_SIZE - 1);
    text_write_base16(&hex, span_of(digest, digest_len(DIGEST_SHA256)));
    text[hex.len] = '\0';
    return text;
}

static int is_key_file(const struct dirent *entry)
{
    return entry->d_name[0] == 'K' && path_ends(entry->d_name, PUBLIC_SUFFIX);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

enum status key_files_list(struct key_files *files, const char *folder, struct problem *problem)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_key_file, compare_names);
    if (count < 0) {
        problem_place(problem, folder, 0, 0);
        return problem_set(problem, IO_FAILED, "the folder cannot be read: %s", strerror(errno));
    }
    enum status status = OK;
    for (int i = 0; i < count; i++) {
        char path[KEY_PATH_MAX];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (status == OK && (len < 0 || (size_t)len >= sizeof path)) {
            status = problem_set(problem, TOO_LONG, "the path of the key is too long");
        }
        if (status == OK) {
            status = key_files_read(files, path, false, problem);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}
