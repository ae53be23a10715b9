#pragma once
/* Nodes of a zone as lines of a zone file (RFC 1035 §5); for the files that write zones. */
#include "core/base/writer.h"
#include "core/dns/rdata.h"
#include "core/zone/zone.h"

enum {
    ZONEFILE_FLUSH_AT = 1 << 18,
    /* What is not flushed yet, and the longest record behind it. */
    ZONEFILE_BUFFER_SIZE = ZONEFILE_FLUSH_AT + 2 * NAME_TEXT_MAX + RDATA_TEXT_LEN_MAX,
    ZONEFILE_RRSIG_HEAD_LEN = 8,       /* covered type, algorithm, labels, original TTL */
    ZONEFILE_RRSIG_HEAD_TEXT_MAX = 40, /* "NSEC3PARAM 13 127 4294967295 " and more */
    ZONEFILE_RRSIG_TAIL_LEN = 6, /* behind the expiration: inception and key tag; then the signer */
    ZONEFILE_RRSIG_HEADS = 16,   /* kept at a time, as neither types nor depths of names are many */
    ZONEFILE_RRSIG_DAYS = 2,     /* expirations are spread over some */
    ZONEFILE_TIME_LEN = 14,
    ZONEFILE_MIDDLES = 16,
    ZONEFILE_MIDDLE_TEXT_MAX = 48 /* "\t4294967295\tCLASS65535\tNSEC3PARAM\t" and more */
};

/* What stands between owner and rdata: TTL, class, type. */
struct rrset_middle {
    uint32_t ttl_s;
    uint16_t class_, type;
    uint8_t text[ZONEFILE_MIDDLE_TEXT_MAX];
    uint8_t text_len; /* 0: nothing is kept here */
};

struct rrsig_head {
    uint8_t octets[ZONEFILE_RRSIG_HEAD_LEN];
    uint8_t text[ZONEFILE_RRSIG_HEAD_TEXT_MAX];
    uint8_t text_len; /* 0: nothing is kept here */
};

struct rrsig_day {
    uint32_t day;
    uint8_t text[ZONEFILE_TIME_LEN];
    bool is_kept;
};

struct rrsig_tail {
    uint8_t octets[ZONEFILE_RRSIG_TAIL_LEN + NAME_LEN_MAX];
    size_t len; /* 0: nothing is kept here */
    uint8_t text[64 + NAME_TEXT_MAX];
    size_t text_len;
};

/* A text that grows, and what was said shortly before. To begin: all zero, but `text` over
 * ZONEFILE_BUFFER_SIZE octets and whoever takes what is flushed. */
struct zonefile_text {
    struct writer text; /* what is not flushed yet */
    void (*flush)(void *user, struct span text);
    void *user;
    const uint8_t *owner; /* whose text is kept */
    struct writer owner_text;
    uint8_t owner_bytes[NAME_TEXT_MAX];
    struct rrset_middle middles[ZONEFILE_MIDDLES];
    struct rrsig_head heads[ZONEFILE_RRSIG_HEADS];
    struct rrsig_day days[ZONEFILE_RRSIG_DAYS];
    struct rrsig_tail tail;
};

void zonefile_text_rrset(struct zonefile_text *writing, const struct rrset *rrset);
/* All of a node but `left_out`, which may be NULL. */
void zonefile_text_node(struct zonefile_text *writing, const struct zone_node *node,
                        const struct rrset *left_out);
