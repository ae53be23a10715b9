#pragma once
/* The waiting that failed sign-ins cost, by account and by address (/32 or /56): stored, so that
 * neither a restart nor a crash forgives anything. */
#include "service/registrar/account.h"

struct turn;

enum {
    BACKOFF_FREE_TRIES = 3,       /* of an account: so many failures cost nothing, */
    BACKOFF_FREE_TRIES_PEER = 12, /* and so many of an address, which many people may share */
    BACKOFF_MOST_S = 900,         /* from 1 s on the wait doubles up to this */
    BACKOFF_FORGET_S = 24 * 3600, /* after that long without a failure it begins anew */
    BACKOFF_ENTRIES_MAX = 20000   /* beyond, those whose wait ended first are forgotten */
};

/* Who tries. */
struct backoff_pair {
    char account[SECRET_TEXT_SIZE]; /* digests: the records do not tell who guessed at what */
    char peer[SECRET_TEXT_SIZE];
};
enum status backoff_name(struct span email, struct address peer,
                         struct backoff_pair *pair) MUST_USE;
/* Seconds until the next try; 0: now. */
enum status backoff_wait(struct turn *turn, const struct backoff_pair *pair,
                         int64_t *wait_s) MUST_USE;
/* The password was wrong. */
enum status backoff_fail(struct turn *turn, const struct backoff_pair *pair) MUST_USE;
/* The password was right: the account's failures are forgotten; those of the address are not. */
enum status backoff_forgive(struct turn *turn, const struct backoff_pair *pair) MUST_USE;
