#pragma once
/* Inside `vouch serve`: which zones the server has while it runs. */
#include "command/serve.h"

/* The server as a process. */
struct serve_process {
    struct serve *first; /* the configuration that it was started with: the world names its texts */
    struct serve *now;   /* the one in force */
    struct world *world;
    struct auth *auth;
    struct disk *disk;   /* NULL: no state is kept */
    uint32_t generation; /* of the configuration in force */
    bool has_signer;
};

/* Who had a zone added, as the mark in its options. */
enum serve_mark {
    SERVE_MARK_ADDED,      /* `vouch control add` */
    SERVE_MARK_MEMBER,     /* a catalog has it */
    SERVE_MARK_CONFIGURED, /* this and all above: the generation of a configuration that has it */
};

/* serve_source.c: the options of a zone with these terms; what they point to lives as long as the
 * configuration. A file is not read yet. */
enum status serve_make_options(struct serve_process *process, struct serve_zone *terms,
                               struct name name, struct auth_zone_options *options,
                               struct problem *problem) MUST_USE;
/* Those of the catalog by which the signer learns of zones that come at run time. */
enum status serve_make_catalog(struct serve_process *process,
                               struct auth_zone_options *options) MUST_USE;
/* Those of a zone of the configuration. */
enum status serve_make_configured(struct serve_process *process, struct serve_zone *zone,
                                  struct auth_zone_options *options,
                                  struct problem *problem) MUST_USE;
/* Reads its file, if it has one; it is said what is wrong with it. */
void serve_reload_zone(void *user, struct auth_file *file);
/* Reads the files of all zones that have one, with as many threads as there are processors; what
 * they were stands in the arena. */
enum status serve_load_files(struct auth_zone_options *zones, size_t count,
                             struct arena *arena) MUST_USE;
/* Where a zone's file is, by the `file` of its terms; TOO_LONG, BAD_ARGUMENT. */
enum status serve_zone_path(const char *file, struct name name, char path[SERVE_PATH_MAX]) MUST_USE;

/* serve_manage.c: what control, a reload and catalogs may do. */
struct auth_manager serve_manager(struct serve_process *process);
/* Before the start: the zones that control added in an earlier life. */
enum status serve_add_listed(struct serve_process *process, struct problem *problem) MUST_USE;
/* Then too: the catalog for the signer, where zones can come that it is to sign. */
enum status serve_add_catalog(struct serve_process *process, struct problem *problem) MUST_USE;
void serve_close_now(struct serve_process *process); /* the configuration in force */

/* serve_list.c: the zones that control added, in a file of the state folder, so that they are there
 * after a restart. Calls `each` for every one. */
enum status serve_list_read(struct serve_process *process,
                            void (*each)(void *user, struct name name, struct span pattern),
                            void *user, struct problem *problem) MUST_USE;
enum status serve_list_add(struct serve_process *process, struct name name,
                           struct span pattern) MUST_USE;
enum status serve_list_remove(struct serve_process *process, struct name name) MUST_USE;
