#pragma once
/* A look at the world through DNS: what the domain's name servers publish and sign, what the
 * parent's servers publish, what the validating resolver says. Evidence, not rules: what follows
 * from it is decided elsewhere. */
#include "core/dns/message.h"
#include "core/dns/rdata.h"
#include "service/registrar/domain.h"

struct turn;

enum {
    LOOK_SERVERS_MAX = 64,
    LOOK_FINDING_SIZE = 256,
    OPERATION_ID_SIZE = 37,
    LOOK_KEYS_MAX = DOMAIN_KEYS_MAX
};

enum look_purpose {
    LOOK_FREE,
    LOOK_PREFLIGHT, /* the keys of an operation at every server of the domain */
    LOOK_DELETE,    /* the keys that a deletion would leave, at every server of the domain */
    LOOK_PARENT,    /* the DS of an operation's key at every server of the parent */
    LOOK_CHAIN      /* does the resolver validate the domain? For an operation, or the vigil */
};

enum probe_state { PROBE_IDLE, PROBE_WAITING, PROBE_DONE };

/* One question to one server over one transport. */
struct look_probe {
    enum probe_state state;
    enum transport transport;
    uint8_t tries;
    uint16_t id;
    bool has_answer;                 /* an answer to the question came, whatever it said */
    bool is_truncated;               /* UDP said: ask over TCP */
    bool cannot_be_asked;            /* this machine has no way to that family of addresses */
    uint64_t keys_good;              /* bit i: key i is published and signs (or: its DS is there) */
    char finding[LOOK_FINDING_SIZE]; /* what was seen, as half a sentence */
};

struct look_host {
    char text[DOMAIN_TEXT_SIZE];
    struct name_buffer buffer;
    struct name name;
    struct look_probe families[2]; /* A, AAAA */
    uint8_t address_count;
};

struct look_server {
    struct address address;
    uint8_t host;
    struct look_probe probes[2]; /* by enum transport */
};

struct look_key {
    uint16_t flags;
    uint8_t algorithm;
    uint16_t tag;
    uint8_t digest[KEY_DIGEST_LEN];
    uint16_t public_len;
    uint8_t public_key[KEY_PUBLIC_LEN_MAX];
};

enum look_phase { PHASE_FIRST, PHASE_ADDRESSES, PHASE_SERVERS, PHASE_DONE };

struct look {
    enum look_purpose purpose;
    enum look_phase phase;
    uint64_t serial;
    char operation[OPERATION_ID_SIZE];
    char domain[DOMAIN_TEXT_SIZE];
    struct name_buffer zone_buffer;
    struct name zone;
    struct look_key keys[LOOK_KEYS_MAX];
    size_t key_count;
    struct look_probe first; /* LOOK_PARENT: its NS; LOOK_CHAIN: the whole question */
    struct look_host hosts[DOMAIN_HOSTS_MAX];
    size_t host_count;
    struct look_server servers[LOOK_SERVERS_MAX];
    size_t server_count;
    bool has_too_many;
    size_t waiting;
    uint32_t ds_ttl_s;       /* LOOK_PARENT: the largest seen */
    enum domain_chain chain; /* LOOK_CHAIN */
};

struct look_order {
    enum look_purpose purpose;
    const char *domain;
    struct name zone;
    const struct domain_host *hosts; /* of the domain; not for LOOK_PARENT and LOOK_CHAIN */
    size_t host_count;
    const struct domain_key *keys;
    size_t key_count;
    const char *operation; /* may be empty */
};

/* Begins; 0 when as many looks as may be are under way (try later). look_finished follows, in this
 * turn or a later one. */
uint64_t look_begin(struct turn *turn, const struct look_order *order);
void look_take_answer(struct turn *turn);
/* Given by work.c: called once when all is seen; afterwards the look is free again. */
void look_finished(struct turn *turn, struct look *look);

enum look_result { LOOK_GOOD, LOOK_BAD, LOOK_SILENT /* nobody answered at all */ };
/* Every address of every name server answered over both transports, and each shows a key of `mask`
 * at work. */
enum look_result look_judge_all(const struct look *look, uint64_t mask);
/* Each that answered shows one of the keys at work; silence of some is no fault, of all is. */
enum look_result look_judge_answered(const struct look *look);
/* The first finding that made it bad, as a sentence; in `arena`, never NULL. */
const char *look_fault(const struct look *look, uint64_t mask, struct arena *arena);
/* All that was seen, a line each; in `arena`, never NULL. */
const char *look_evidence(const struct look *look, struct arena *arena);
