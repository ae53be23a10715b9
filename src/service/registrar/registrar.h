#pragma once
/* The registrar: accounts and their domains, keys on their way to the registries, the notices about
 * them, and the console and API through which people ask. One set of rules for all channels. */
#include "core/base/entropy.h"
#include "core/base/log.h"
#include "core/base/problem.h"
#include "core/node/outbox.h"
#include "core/store/records.h"

enum { REGISTRIES_MAX = 64 };

/* A registry that this registrar is accredited with. */
struct registrar_registry {
    const char *name; /* of the EPP server, as EFFECT_EPP_OPEN names it */
    const char *client;
    const char *password;
    const char *const *tlds; /* without dots */
    size_t tld_count;
};

/* Slow hashing of passwords, handed in; `encoded` holds salt and costs. */
struct registrar_passwords {
    enum status (*hash)(void *self, struct span password, struct span salt, char *encoded,
                        size_t encoded_size);
    bool (*matches)(void *self, struct span password, const char *encoded);
    void *self;
};

struct registrar_options;
/* On EVENT_RELOAD: reads again what may change while it runs, into `fresh`, which holds what counts
 * now. Taken over are the words (name, mail_from, url), the waits, the resolver, the root zone and
 * the policy of TLDs, all or none; the rest needs a restart, and the reader says so. Everything is
 * read into `arena`, which lives until the next time. */
struct registrar_reader {
    enum status (*read)(void *self, struct arena *arena, struct registrar_options *fresh,
                        struct problem *problem);
    void *self;
};

/* What it is opened with; everything pointed to must outlive it. */
struct registrar_options {
    const char *name;      /* for people: in pages and mails */
    const char *mail_from; /* bare address */
    const char *url;       /* of the console, for mails: "https://console.example"; may be empty */
    bool is_https;         /* cookies are then Secure and bound to the host */
    struct records records;
    const struct entropy *entropy;
    const struct log *log;
    struct registrar_passwords passwords;
    struct address resolver; /* validating; its AD bit is believed */
    struct span root_zone;   /* text of the root zone: which TLDs have a DS */
    const char *root_zone_file;
    struct span tld_policy; /* text: limits and forms of TLDs; may be empty */
    const char *tld_policy_file;
    const struct registrar_registry *registries;
    size_t registry_count;
    struct registrar_reader reader; /* may be empty: nothing is read again */
    uint32_t watch_first_s; /* wait before the first look for a DS at the parent; at least 1 */
    uint32_t watch_most_s;  /* the wait doubles up to this */
    uint32_t watch_end_s;   /* after that long nobody looks any more */
    uint32_t look_fresh_s;  /* between looks at the chain of a domain that changed or is broken;
                               0: nobody looks but for operations, and nobody is told */
    uint32_t look_calm_s;   /* between looks at the chain of any other domain with keys */
    uint32_t retry_most_s;  /* longest wait before a mail or an EPP session is tried again */
};

struct registrar; /* owned; closed by registrar_close */

/* Reads the policy, brings the records to the present schema. `problem` names what is wrong. */
enum status registrar_open(const struct registrar_options *options, struct registrar **registrar,
                           struct problem *problem) MUST_USE;
/* `state` is the struct registrar. */
void registrar_handle(void *state, const struct event *event, struct outbox *outbox);
void registrar_close(struct registrar *registrar); /* NULL is fine */
