/* The fields of DNSKEY, DS and RRSIG rdata, and how a DS points at a key (RFC 4034 §2, §3, §5). */
#include "core/dnssec/dnskey.h"

struct ds_digest {
    uint8_t type;
    enum digest digest;
};

static const struct ds_digest DS_DIGESTS[] = {
    {DS_DIGEST_SHA1, DIGEST_SHA1},
    {DS_DIGEST_SHA256, DIGEST_SHA256},
    {DS_DIGEST_SHA384, DIGEST_SHA384},
};

enum status dnskey_read(struct span rdata, struct dnskey *dnskey)
{
    struct reader reader = reader_over(rdata);
    *dnskey = (struct dnskey){
        .flags = reader_u16(&reader),
        .protocol = reader_u8(&reader),
        .algorithm = reader_u8(&reader),
        .public_key = reader_rest(&reader),
        .tag = dnskey_tag(rdata),
        .rdata = rdata,
    };
    return reader_end(&reader);
}

void dnskey_write(uint16_t flags, uint8_t algorithm, struct span public_key, struct writer *rdata)
{
    writer_u16(rdata, flags);
    writer_u8(rdata, DNSKEY_PROTOCOL);
    writer_u8(rdata, algorithm);
    writer_span(rdata, public_key);
}

uint16_t dnskey_tag(struct span rdata)
{
    uint32_t sum = 0; /* 65535 octets of 255 fit */
    for (size_t i = 0; i < rdata.len; i++) {
        sum += i % 2 == 0 ? (uint32_t)rdata.bytes[i] << 8 : rdata.bytes[i];
    }
    return (uint16_t)(sum + (sum >> 16));
}

bool dnskey_is_zone_key(const struct dnskey *dnskey)
{
    return (dnskey->flags & DNSKEY_FLAG_ZONE) != 0 && (dnskey->flags & DNSKEY_FLAG_REVOKE) == 0 &&
           dnskey->protocol == DNSKEY_PROTOCOL;
}

enum status ds_read(struct span rdata, struct ds *ds)
{
    struct reader reader = reader_over(rdata);
    *ds = (struct ds){
        .tag = reader_u16(&reader),
        .algorithm = reader_u8(&reader),
        .digest_type = reader_u8(&reader),
        .digest = reader_rest(&reader),
    };
    if (ds->digest.len == 0) {
        reader_fail(&reader, TRUNCATED);
    }
    return reader_end(&reader);
}

static const struct ds_digest *ds_digest_find(uint8_t digest_type)
{
    for (size_t i = 0; i < LEN(DS_DIGESTS); i++) {
        if (DS_DIGESTS[i].type == digest_type) {
            return &DS_DIGESTS[i];
        }
    }
    return NULL;
}

size_t ds_digest_len(uint8_t digest_type)
{
    const struct ds_digest *row = ds_digest_find(digest_type);
    return row == NULL ? 0 : digest_len(row->digest);
}

/* digest(owner in canonical form | DNSKEY rdata), RFC 4034 §5.1.4. */
static enum status ds_digest_make(const struct ds_digest *row, struct name owner,
                                  struct span dnskey_rdata, uint8_t digest[DIGEST_LEN_MAX])
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(owner, &buffer, &lower);
    const struct span parts[] = {name_span(lower), dnskey_rdata};
    return digest_make(row->digest, parts, LEN(parts), digest);
}

enum status ds_make(struct name owner, struct span dnskey_rdata, uint8_t digest_type,
                    struct writer *rdata)
{
    const struct ds_digest *row = ds_digest_find(digest_type);
    if (row == NULL) {
        return UNSUPPORTED;
    }
    struct dnskey dnskey;
    enum status status = dnskey_read(dnskey_rdata, &dnskey);
    uint8_t digest[DIGEST_LEN_MAX];
    if (status == OK) {
        status = ds_digest_make(row, owner, dnskey_rdata, digest);
    }
    if (status != OK) {
        return status;
    }
    writer_u16(rdata, dnskey.tag);
    writer_u8(rdata, dnskey.algorithm);
    writer_u8(rdata, digest_type);
    writer_span(rdata, span_of(digest, digest_len(row->digest)));
    return rdata->status;
}

bool ds_matches(const struct ds *ds, struct name owner, const struct dnskey *dnskey)
{
    const struct ds_digest *row = ds_digest_find(ds->digest_type);
    uint8_t digest[DIGEST_LEN_MAX];
    return row != NULL && ds->tag == dnskey->tag && ds->algorithm == dnskey->algorithm &&
           ds_digest_make(row, owner, dnskey->rdata, digest) == OK &&
           span_equal(ds->digest, span_of(digest, digest_len(row->digest)));
}

enum status rrsig_read(struct span rdata, struct rrsig *rrsig)
{
    struct reader reader = reader_over(rdata);
    *rrsig = (struct rrsig){
        .covers = reader_u16(&reader),
        .algorithm = reader_u8(&reader),
        .labels = reader_u8(&reader),
        .original_ttl_s = reader_u32(&reader),
        .expiration_s = reader_u32(&reader),
        .inception_s = reader_u32(&reader),
        .tag = reader_u16(&reader),
        .signer = name_read(&reader),
        .rdata = rdata,
    };
    rrsig->prefix = span_part(rdata, 0, reader.at);
    rrsig->signature = reader_rest(&reader);
    if (rrsig->signature.len == 0) {
        reader_fail(&reader, TRUNCATED);
    }
    return reader_end(&reader);
}

int64_t rrsig_time_s(uint32_t time_s, int64_t now_s)
{
    return now_s + (int32_t)(time_s - (uint32_t)now_s);
}

bool ds_is_signal(struct name owner)
{
    return owner.label_count > 0 &&
           span_equal_nocase(name_label(owner, 0), SPAN_LITERAL("_dsboot"));
}
