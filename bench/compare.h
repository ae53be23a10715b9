#pragma once
/* The parts of the comparer of servers: which questions, how they get their answers, and what it
 * means that two answers differ. */
#include "core/dns/message.h"
#include "core/zone/zone.h"

enum {
    COMPARE_SERVERS_MAX = 4,
    COMPARE_BATCH = 64, /* questions on their way at once */
    COMPARE_QUERY_LEN_MAX = 512,
};

/* A question in one form. */
struct ask {
    struct name_buffer buffer;
    struct question question; /* its name is in `buffer` */
    bool wants_dnssec;
    uint16_t udp_size; /* 0: without EDNS */
    uint16_t flags;
    bool is_tcp;
};

struct server {
    const char *name;
    struct address_text {
        char host[64];
        char port[8];
    } address;
    int udp;
    int tcp;
    uint8_t *answers; /* COMPARE_BATCH of MESSAGE_LEN_MAX */
    struct span got[COMPARE_BATCH];
    size_t lost; /* questions without an answer */
};

/* compare_make.c: questions from zones, the same for the same seed. The first half goes evenly
 * through every owner with every type, the rest is drawn. */
struct maker;
struct maker *maker_open(struct zone *const *zones, size_t zone_count, uint64_t seed, size_t count);
bool maker_next(struct maker *maker, struct ask *ask);
void maker_close(struct maker *maker);

/* compare_send.c: the questions of a batch to every server, all by UDP or all by TCP; lost
 * datagrams are sent again. False: a server cannot be reached. */
bool send_open(struct server *server);
bool send_batch(struct server *servers, size_t server_count, const struct ask *asks, size_t count);
void send_close(struct server *server);

/* compare_judge.c: two answers by what they mean. Each difference of theirs to ours is told as a
 * kind of our answer ("referral", "NXDOMAIN"), and a sentence: +TYPE is what we have more, -TYPE
 * what they have more. */
struct difference {
    const char *kind;
    char text[440];
};
enum { COMPARE_DIFFERENCES_MAX = 8 };
size_t judge_answers(const struct message *ours, const struct message *theirs, bool is_tight,
                     struct difference differences[COMPARE_DIFFERENCES_MAX]);
