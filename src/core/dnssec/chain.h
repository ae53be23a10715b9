#pragma once
/* The chain of trust as a pure function (RFC 4035 §5): from trust anchors, the evidence gathered so
 * far and the time to a verdict, or to the next question whose answer is needed. It is run again
 * from the start when evidence has come. */
#include "core/dns/message.h"
#include "core/dnssec/denial.h"
#include "core/dnssec/sign.h"
#include "core/dnssec/verdict.h"

/* DS or DNSKEY rdata of a zone that is trusted as it stands. */
struct trust_anchor {
    struct name zone;
    uint16_t type; /* TYPE_DS or TYPE_DNSKEY */
    struct span rdata;
};
/* Reads a zone-file-like list of DS and DNSKEY records, comments with ';' (as in root.key,
 * root.ds). */
enum status trust_anchors_read(struct span text, struct arena *arena,
                               const struct trust_anchor **anchors, size_t *count,
                               struct problem *problem) MUST_USE;

/* One such record on one line, without comments: of any zone, revoked or not. */
enum { TRUST_ANCHOR_LEN_MAX = 4096 };
struct anchor_record {
    struct name zone;
    struct name_buffer zone_octets;
    uint32_t ttl_s; /* 0: none is given */
    uint16_t type;
    struct span rdata;
    uint8_t octets[TRUST_ANCHOR_LEN_MAX];
};
enum status trust_anchor_read(struct span text, struct anchor_record *record,
                              struct problem *problem) MUST_USE;

/* The root's keys of 2017 and 2024, as IANA publishes them. */
enum status trust_anchors_of_root(struct arena *arena, const struct trust_anchor **anchors,
                                  size_t *count) MUST_USE;
/* Are data of this name and type of `zone` or of one below it? A DS is of the zone above its name
 * (RFC 4035 §2.4). */
bool trust_covers(struct name zone, struct name name, uint16_t type);

/* What a DS or DNSKEY question came to. A caller hands in EVIDENCE_NEW. What chain_judge makes of
 * it holds for `life_s`, so a cache may keep it with the RRsets and hand it in again: it is then
 * not checked anew. */
enum evidence_step {
    EVIDENCE_NEW,
    EVIDENCE_DS,           /* a DS RRset signed by the zone above: a signed delegation */
    EVIDENCE_UNSIGNED_CUT, /* proved: a delegation without DS; all below is insecure */
    EVIDENCE_OPT_OUT,      /* there may be such a delegation: an opt-out span is over the name, or
                              the proof is too costly to look at; all below is insecure */
    EVIDENCE_NO_CUT,       /* proved: no delegation at this name */
    EVIDENCE_NO_NAME,      /* proved: no such name, hence no delegation below it either */
    EVIDENCE_KEYS          /* a DNSKEY RRset signed by a key that the DS or an anchor points at */
};

/* What was answered to one question: NOERROR or NXDOMAIN with answer and authority RRsets (RRSIG
 * RRsets among them). */
struct evidence {
    struct name name;
    uint16_t type;
    uint16_t rcode;
    const struct rrset *answer;
    size_t answer_count;
    const struct rrset *authority;
    size_t authority_count;
    bool is_failed; /* the servers could not be asked: what depends on it is INDETERMINATE */
    /* Of evidence[0]: the answer stops at a CNAME or DNAME whose target the caller asks for by
     * itself and has judged by itself; nothing is then expected at the target. */
    bool ends_at_alias;
    /* Set by chain_judge. `life_s`: the shortest life that signatures and TTLs of the RRsets that
     * were judged allow, in seconds from now (RFC 4035 §5.3.3). */
    enum evidence_step step;
    uint32_t life_s;
};

/* Signature checks are counted whatever they come to, malformed keys too: CVE-2023-50387,
 * CVE-2025-8677. */
enum {
    CHAIN_SIGNATURE_CHECKS_MAX = 64,
    CHAIN_HASHES_MAX = 200,
    CHAIN_KEYS_PER_TAG_MAX = 2,     /* tried per RRSIG or DS */
    CHAIN_CHECKS_PER_RRSET_MAX = 4, /* a zone has two keys of a tag once in a lifetime */
    CHAIN_DENIALS_MAX = 8,          /* NSEC and NSEC3 RRsets looked at in one answer */
    CHAIN_ALIASES_MAX = 16,         /* CNAMEs in one answer */
    CHAIN_DS_MAX = 13
};

struct chain_budget {
    uint32_t
        signatures_left; /* checks, good or bad; belongs to the client's query and never resets */
    struct denial_budget denial;
};

/* What a SECURE answer has proved beside itself, for whoever wants to deny more with it (RFC 8198).
 * Views of the evidence. */
struct chain_proof {
    struct name zone;                              /* whose keys have signed them */
    const struct rrset *rrsets[CHAIN_DENIALS_MAX]; /* NSEC and NSEC3 with a good signature, none of
                                                      them made from a wildcard */
    size_t count;
    uint8_t wildcard_labels; /* of the closest encloser whose wildcard the answer was made from;
                                where is_wildcard of the result */
};

/* INDETERMINATE with EDE_INDETERMINATE says that no trust anchor covers the name; with any other
 * code something could not be found out, and whoever passes the answer on takes a forged one. */
struct chain_result {
    bool is_final; /* judgement holds; otherwise `next` is needed */
    struct judgement judgement;
    struct name next_name;    /* view of the question or of the evidence */
    uint16_t next_type;       /* DS or DNSKEY */
    bool is_wildcard;         /* the answer was made from a wildcard (with its proof checked) */
    struct chain_proof proof; /* of the last denial in the answer; count 0: none */
};

struct chain_input {
    const struct trust_anchor *anchors;
    size_t anchor_count;
    struct evidence *evidence; /* evidence[0] is the answer to be judged */
    size_t evidence_count;
    int64_t now_s;
    /* Signatures and digests of SHA-1 are as if nobody knew their algorithms (RFC 9905 §2). */
    bool refuses_sha1;
    /* Every algorithm that the DS RRset names must have signed each RRset. Otherwise any one is
     * enough, as RFC 6840 §5.11 has it. */
    bool wants_all_algorithms;
    struct key_cache *keys; /* may be NULL */
    struct arena *scratch;
};
/* Judges evidence[0], each RRset of its CNAME and DNAME chain and the final denial with its SOA.
 * Other RRsets are not looked at: the caller has dropped them or must not pass them on. Zone cuts
 * are found by asking DS at each label below the deepest secure zone: the denial of DS that has no
 * NS bit is "no cut here". Where the signer's name says that the data are of the zone reached
 * already, that is tried first; if the signature is good, nothing more is asked. Insecure as soon
 * as a cut without DS (or with only unknown algorithms or digests, RFC 4035 §5.2, RFC 6840 §5.2) is
 * proved.
 */
void chain_judge(const struct chain_input *input, struct chain_budget *budget,
                 struct chain_result *result);
