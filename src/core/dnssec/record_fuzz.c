/* DNSKEY, DS, RRSIG, NSEC and NSEC3 rdata of any octets: each is read or refused, and an RRSIG that
 * is read can be checked against whatever key. */
#include "core/dnssec/denial.h"
#include "core/dnssec/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_signature(const struct rrsig *rrsig, struct dnskey dnskey, struct arena *scratch)
{
    static const uint8_t RECORDS[] = {0, 4, 192, 0, 2, 1};
    const struct rrset rrset = {.owner = rrsig->signer,
                                .type = rrsig->covers == TYPE_RRSIG ? TYPE_A : rrsig->covers,
                                .class_ = CLASS_IN,
                                .count = 1,
                                .rdata_len = sizeof RECORDS,
                                .rdata = RECORDS};
    if (rrset.type != TYPE_A) { /* other rdata would have to be of its type */
        return;
    }
    dnskey.tag = rrsig->tag;
    dnskey.algorithm = rrsig->algorithm;
    uint8_t labels;
    (void)verify_rrsig(&rrset, rrsig, rrsig->signer, &dnskey, rrsig->inception_s, NULL, scratch,
                       &labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span rdata = span_of(data, size);
    struct dnskey dnskey;
    struct ds ds;
    struct rrsig rrsig;
    struct nsec nsec;
    struct nsec3 nsec3;
    struct arena scratch;
    arena_open(&scratch, 1 << 20);
    bool is_key = dnskey_read(rdata, &dnskey) == OK;
    if (ds_read(rdata, &ds) == OK && is_key) {
        (void)ds_matches(&ds, NAME_ROOT, &dnskey);
    }
    if (rrsig_read(rdata, &rrsig) == OK && is_key) {
        require(rrsig.prefix.len + rrsig.signature.len == size);
        dnskey.public_key = rrsig.signature;
        check_signature(&rrsig, dnskey, &scratch);
    }
    if (nsec_read(rdata, &nsec) == OK) {
        (void)bitmap_has(nsec.bitmap, TYPE_A);
    }
    if (nsec3_read(rdata, &nsec3) == OK) {
        (void)bitmap_has(nsec3.bitmap, TYPE_A);
    }
    arena_close(&scratch);
    return 0;
}
