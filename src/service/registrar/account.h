#pragma once
/* Who somebody is: accounts, passwords, sessions of the console. */
#include "core/base/address.h"
#include "core/store/records.h"
#include "service/registrar/domain.h"

struct turn;

enum {
    SECRET_TEXT_SIZE = 65, /* 256 random bits as hexadecimal digits, and a NUL */
    ACCESS_KEY_ID_SIZE = 21,
    PASSWORD_ENCODED_SIZE = 256,
    PASSWORD_LEN_MIN = 10,
    PASSWORD_LEN_MAX = 256,
    SESSION_IDLE_S = 30 * 60,
    SESSION_LIFE_S = 12 * 3600
};

/* A person at the console; account 0 is nobody. */
struct visitor {
    int64_t account;
    char email[EMAIL_SIZE];
    char csrf[SECRET_TEXT_SIZE];   /* what forms of this session must carry */
    char digest[SECRET_TEXT_SIZE]; /* of the session's token */
};

/* 256 fresh random bits as text. */
void account_make_secret(struct turn *turn, char text[SECRET_TEXT_SIZE]);
/* SHA-256 as lower case hexadecimal text. */
enum status account_digest(struct span text, char digest[SECRET_TEXT_SIZE]) MUST_USE;
/* A value bound to a secret, for a purpose; hexadecimal text. */
enum status account_derive(struct span secret, const char *purpose,
                           char derived[SECRET_TEXT_SIZE]) MUST_USE;

/* EXISTS; MALFORMED with a sentence (address, password too short). */
enum status account_add(struct turn *turn, struct span email, struct span password,
                        struct problem *problem) MUST_USE;
enum status account_find(struct turn *turn, struct span email, int64_t *account) MUST_USE;
enum status account_set_password(struct turn *turn, struct span email, struct span password,
                                 struct problem *problem) MUST_USE;

/* OK and a new session's token; REFUSED (wrong; the sentence does not say what), BUSY (wait; the
 * sentence says how long). */
enum status account_sign_in(struct turn *turn, struct span email, struct span password,
                            struct address peer, char token[SECRET_TEXT_SIZE],
                            struct problem *problem) MUST_USE;
/* The visitor of a session's token; `visitor` is nobody when there is none or it has expired. */
void account_visit(struct turn *turn, struct span token, struct visitor *visitor);
void account_sign_out(struct turn *turn, const struct visitor *visitor);
