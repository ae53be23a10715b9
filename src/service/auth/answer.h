#pragma once
/* From a question to an answer in two steps: a plan of RRsets, which knows the zone and nothing of
 * messages, and its writing, which knows sizes and nothing of zones. */
#include "service/auth/auth_state.h"

enum {
    ANSWER_CHAIN_MAX = 11, /* CNAME and DNAME steps */
    ANSWER_ITEMS_USUAL = 64,
    ANSWER_ITEMS_MAX = 8192, /* more than fit any message */
    ANSWER_NAMES_MAX = 20,   /* whose addresses are looked up because they may be of use */
};

struct answer_item {
    const struct rrset *rrset;
    const struct rrset *rrsigs; /* its signatures, which go or stay with it; may be NULL */
    struct name owner;          /* that of the RRset but where a wildcard was expanded */
    enum section section;
    bool is_optional; /* left out where it does not fit; else the answer is truncated */
};

struct answer_plan {
    struct question question;
    bool wants_dnssec;
    uint16_t rcode;
    bool is_authoritative;     /* AA */
    bool hides_any;            /* ANY is answered with HINFO */
    struct answer_item *items; /* `usual`, or what was taken from `scratch` when that was full */
    size_t item_count;
    size_t item_size;
    struct arena *scratch;
    struct answer_item usual[ANSWER_ITEMS_USUAL];
};

/* An empty plan: NOERROR, not authoritative. */
void answer_begin(struct answer_plan *plan, struct question question, bool wants_dnssec,
                  struct arena *scratch);
void answer_add(struct answer_plan *plan, struct answer_item item);

/* The question is of class IN and of a type that zones can hold, or ANY. */
void answer_make_plan(const struct auth *auth, struct question question, bool wants_dnssec,
                      struct arena *scratch, struct answer_plan *plan);
/* Writes the items behind the question. False: what had to fit did not; then nothing more was
 * written. `*is_complete` is false when something optional was left out. */
bool answer_write_plan(const struct answer_plan *plan, struct message_writer *writer,
                       bool *is_complete);
