#pragma once
/* What is remembered about single servers: how fast they answer, whether they understand EDNS, and
 * for which zones they are lame; and which of several to ask next. Bounded: a table of sets in
 * which the least recently used gives way. */
#include "core/base/address.h"
#include "core/base/entropy.h"
#include "core/base/moment.h"
#include "core/dns/name.h"

/* One address that may be asked for a zone. */
struct server_candidate {
    struct address address;
    uint8_t tries;     /* in this fetch */
    bool is_out;       /* not to be asked again in this fetch */
    bool is_tls;       /* asked over TLS alone */
    uint32_t tls_peer; /* as which it must then prove itself */
};

struct servers;

enum status servers_open(const struct entropy *entropy, struct servers **servers) MUST_USE;
void servers_close(struct servers *servers);

/* May an address that came from the DNS be asked at all? Not the unspecified, multicast and
 * broadcast ones; loopback only where the operator's own servers are there (labs). */
bool servers_is_usable(struct address address, bool may_be_loopback);

/* The index of the candidate to ask next: the least tried, among those one of the fast ones at
 * random (so that a spoofer cannot know which, RFC 5452 §4.4). `count` when none is left. */
size_t servers_choose(struct servers *servers, const struct server_candidate *candidates,
                      size_t count, struct name zone, struct moment now);
/* How long to wait for that server: four deviations above its usual time, doubled with each try, or
 * with each timeout since its last answer where those are more. */
uint32_t servers_timeout_ms(const struct servers *servers, struct address address, uint8_t tries);
void servers_note_answer(struct servers *servers, struct address address, int64_t rtt_ns);
void servers_note_timeout(struct servers *servers, struct address address);
void servers_note_no_edns(struct servers *servers, struct address address, struct moment now);
bool servers_has_edns(const struct servers *servers, struct address address, struct moment now);
void servers_note_lame(struct servers *servers, struct address address, struct name zone,
                       struct moment now);
bool servers_is_lame(const struct servers *servers, struct address address, struct name zone,
                     struct moment now);

/* Cookies (RFC 7873). What to send to that server: our half, which nobody else knows, and its own
 * once it has given one. The result lives until the next call with a server. */
struct span servers_cookie(struct servers *servers, struct address address);
/* What it sent: false where our half is not in it, so that it comes from somebody else. Its own
 * half is kept. */
bool servers_note_cookie(struct servers *servers, struct address address, struct span cookie);
bool servers_gives_cookies(const struct servers *servers, struct address address);
/* Over a connection, where nobody else can speak, it gave none. */
void servers_note_no_cookie(struct servers *servers, struct address address);
void servers_forget(struct servers *servers);
