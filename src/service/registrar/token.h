#pragma once
/* Tokens with which programs come: a bearer token for our own command line and a pair of access
 * keys for the tools of AWS, made together, named by the access key's id, revoked together. */
#include "service/registrar/account.h"

enum {
    TOKENS_MAX = 20, /* of an account */
    TOKEN_LABEL_LEN_MAX = 60,
    TOKEN_USED_EACH_S = 60, /* the time of the last use is stored no finer than that */
    BEARER_SIZE = SECRET_TEXT_SIZE + 8
};

/* Shown once, by whoever makes it; of the bearer token only a digest is kept. */
struct token {
    char bearer[BEARER_SIZE];
    char access_key[ACCESS_KEY_ID_SIZE];
    char secret[SECRET_TEXT_SIZE];
};
/* `label` is for people and may be empty. LIMIT_REACHED: revoke one first. */
enum status token_add(struct turn *turn, int64_t account, struct span label,
                      struct token *token) MUST_USE;

struct token_row {
    const char *id; /* the access key's */
    const char *label;
    int64_t created_s;
    int64_t used_s; /* of either; 0: never */
};
/* Oldest first; in the turn's scratch. */
enum status token_list(struct turn *turn, int64_t account, struct token_row **rows,
                       size_t *count) MUST_USE;
/* From then on neither half is known. NOT_FOUND: no such token in the account. */
enum status token_revoke(struct turn *turn, int64_t account, struct span id) MUST_USE;

enum status token_of_bearer(struct turn *turn, struct span bearer, int64_t *account) MUST_USE;
/* The secret lands in the turn's scratch. A use only once token_note_use says so. */
enum status token_of_access_key(struct turn *turn, struct span id, int64_t *account,
                                struct span *secret) MUST_USE;
/* A request signed with the access key was good. */
void token_note_use(struct turn *turn, struct span id);
