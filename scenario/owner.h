#pragma once
/* The holder of the domain, at the registrar's API and at the mailbox: what was asked for, whether
 * each operation came to an end, and that each of them was told of in exactly one notice. */
#include "scenario/watch.h"

enum { OWNER_OPERATIONS_MAX = 64, OWNER_ID_SIZE = 48, OWNER_TEXT_SIZE = 600 };

enum owner_state { OWNER_OPEN, OWNER_SUCCESSFUL, OWNER_FAILED };

struct owner_operation {
    char id[OWNER_ID_SIZE];
    bool is_about_key; /* those have notices */
    enum owner_state state;
    char reason[OWNER_TEXT_SIZE];
};

struct owner {
    struct watch *watch;
    char token[128];
    /* As the API lists them, the newest first. */
    struct owner_operation operations[OWNER_OPERATIONS_MAX];
    size_t operation_count;
    /* What the API has promised. */
    char accepted[OWNER_OPERATIONS_MAX][OWNER_ID_SIZE];
    size_t accepted_count;
    char refusal[OWNER_TEXT_SIZE]; /* the last one's sentence */
    size_t mail_count;             /* in the mailbox at the last look */
    uint32_t deliveries;           /* of them all: more where an acknowledgement was lost */
};

/* Gets an account and registers the domain; tries again where a machine was down. */
void owner_open(struct owner *owner, struct watch *watch);
/* True: an operation has begun. Where the registrar died over the request, it is found out whether
 * it has, and asked for again if not. False: refused at once, with a sentence. */
bool owner_add_key(struct owner *owner, const char *public_key);
/* Deletes the domain's one key, repeating the consequence that the registrar names. */
bool owner_delete_key(struct owner *owner);
/* Waits until all operations are closed and told of, at most so long; else it is a fault. The
 * newest, NULL after a fault. */
const struct owner_operation *owner_finish(struct owner *owner, int64_t seconds);
/* Reads the list: nothing accepted is missing; and the mailbox: no notice too many or too early. */
void owner_check(struct owner *owner);
