/* The keys of the DNS in memory: of any algorithm, always the same ones, so that a scenario that
 * fails today fails tomorrow; and strangers' keys that have a tag in common with them. */
#include <string.h>

#include "core/base/text.h"
#include "service/resolver/fake_parts.h"

enum { SECRET_LEN_MAX = 57, RDATA_SIZE = 512 };

/* All zones that sign with RSA have this one. */
static const char RSA_KEY[] =
    "Private-key-format: v1.3\n"
    "Algorithm: 8 (RSASHA256)\n"
    "Modulus: x3oWWUgxlppi0e+9mNBLnXBditGc3ovBsZjBA2dD/lb4cFVyRpQW7twg+ZspZgB"
    "aRVoaPoHizxkQxhuuj3Ba2wsMm2+d98JXXVPD97Pw9W79/VhXvJdwVuL6HiANz63je6hw1sw"
    "qRZbA3rGDbBah33dOMz7DHmzq4npuYF3lGGU=\n"
    "PublicExponent: AQAB\n"
    "PrivateExponent: bqhnpXfLKoTStSuNviwvBlPDULMflsVo2iCnUkADFCEjCQ4dqtGUN0W"
    "edVmCCbfAXCCz1mEvdTuudnf8yk3F2CoAcPwy8OmmHilB8yW0X0YlPnRvUHw20H7FxjG5HnW"
    "ZoYlbQLLag2yDMpItuCPgsBzw4jl5EbLm0eUFU2q61DE=\n"
    "Prime1: 9uXURh4MGiXfjDNx1D2Eh9BGUipz/S3WjdWaTs+g5LWuB68/y0AOTK3PmZF4DCHc"
    "3Fkt8DlBFy7DL90TRzxDzw==\n"
    "Prime2: ztS1qqQT5uXBKCUJ+XKuQkN0bZb0pK+jpDdvg2Wriq2ZGwwLyvReKkjrLBwhJs0L"
    "RNjN6n+IlXh9geQT4hYJiw==\n"
    "Exponent1: rOGtzBNKIh0W9ZMoR5dz7621L9+uLEAmllZVoI3eeYeF/reGEgoeeS7TyRKFX"
    "ulvP5PqiOVuYI9L+X3x+9WFHQ==\n"
    "Exponent2: IO92Tkn6cVY8v+vF/tboMN0U+S6EnoTphgjd1Qqnmlmye8AbUKJBLHKYIFoKX"
    "WdhWAE+KQ1N7p9VPQ3YrLPdqQ==\n"
    "Coefficient: 7ywYBMQRseErH8K5RZITeE+2AK0rhJ8hEAnyLp/lQOGWeUZFdVAuNFIV6GF"
    "icMPCUrAYjEJZ1c1+DdarduKm9w==\n";

static const struct {
    uint8_t number;
    size_t secret_len;
} SECRETS[] = {{ALGORITHM_ECDSAP256SHA256, 32},
               {ALGORITHM_ECDSAP384SHA384, 48},
               {ALGORITHM_ED25519, 32},
               {ALGORITHM_ED448, 57}};

/* NULL for an algorithm that nobody here can sign with. */
static struct key *key_make(uint8_t algorithm, uint8_t seed)
{
    struct key *key = NULL;
    if (algorithm == ALGORITHM_RSASHA256) {
        enum status status = key_read_private(SPAN_LITERAL(RSA_KEY), &key, NULL);
        require(status == OK);
        return key;
    }
    uint8_t secret[SECRET_LEN_MAX];
    memset(secret, seed, sizeof secret);
    for (size_t i = 0; i < LEN(SECRETS); i++) {
        if (SECRETS[i].number != algorithm) {
            continue;
        }
        char text[256];
        struct writer writer = writer_over(text, sizeof text);
        writer_print(&writer, "Private-key-format: v1.3\nAlgorithm: %u\nPrivateKey: ", algorithm);
        text_write_base64(&writer, span_of(secret, SECRETS[i].secret_len));
        writer_text(&writer, "\n");
        enum status status = key_read_private(writer_written(&writer), &key, NULL);
        require(status == OK);
    }
    return key;
}

static void dnskey_make(struct fake_net *net, uint16_t flags, uint8_t algorithm, struct span public,
                        struct dnskey *dnskey)
{
    uint8_t *bytes = arena_take(&net->arena, RDATA_SIZE);
    require(bytes != NULL);
    struct writer rdata = writer_over(bytes, RDATA_SIZE);
    dnskey_write(flags, algorithm, public, &rdata);
    enum status status = dnskey_read(writer_written(&rdata), dnskey);
    require(status == OK);
}

struct signing_key fake_key(struct fake_net *net, uint16_t flags, uint8_t algorithm, uint8_t seed)
{
    struct signing_key made = {.key = key_make(algorithm, seed)};
    uint8_t unknown[32];
    memset(unknown, seed, sizeof unknown);
    dnskey_make(net, flags, algorithm,
                made.key == NULL ? span_of(unknown, sizeof unknown) : key_public(made.key),
                &made.dnskey);
    return made;
}

/* The tag is a sum, with the carry added: what the last two octets lack is the difference, give or
 * take one. */
void fake_key_collide(struct fake_net *net, const struct dnskey *like, uint8_t seed,
                      struct dnskey *made)
{
    uint8_t bytes[RDATA_SIZE];
    size_t len = like->public_key.len & ~(size_t)1;
    require(len >= 4 && len <= sizeof bytes);
    memset(bytes, seed, len);
    uint16_t word = 0;
    for (int i = 0; i < 4; i++) {
        bytes[len - 2] = (uint8_t)(word >> 8);
        bytes[len - 1] = (uint8_t)word;
        dnskey_make(net, like->flags, like->algorithm, span_of(bytes, len), made);
        if (made->tag == like->tag) {
            return;
        }
        word = (uint16_t)(word + like->tag - made->tag);
    }
    require(false);
}

void fake_make_key(struct fake_net *net, struct fake_zone *zone)
{
    const struct fake_policy *policy = &zone->policy;
    uint8_t seed = (uint8_t)(zone - net->zones + 1);
    size_t algorithm_count = policy->algorithm_count == 0 ? 1 : policy->algorithm_count;
    for (size_t i = 0; i < algorithm_count; i++) {
        uint8_t algorithm =
            policy->algorithm_count == 0 ? ALGORITHM_ECDSAP256SHA256 : policy->algorithms[i].number;
        bool is_idle = policy->algorithm_count != 0 && policy->algorithms[i].is_idle;
        require(zone->key_count + 2 <= FAKE_KEYS_MAX);
        zone->keys[zone->key_count++] =
            (struct fake_key){.signing = fake_key(net, DNSKEY_FLAGS_KSK, algorithm, seed),
                              .has_ds = true,
                              .signs_keys = !is_idle,
                              .signs_zone = !is_idle && !policy->is_split};
        if (policy->is_split) {
            zone->keys[zone->key_count++] = (struct fake_key){
                .signing = fake_key(net, DNSKEY_FLAGS_ZSK, algorithm, (uint8_t)(seed + 0x40)),
                .signs_zone = !is_idle};
        }
    }
}

void fake_add_ds(struct fake_net *net, struct fake_zone *parent, const struct fake_zone *child)
{
    static const uint8_t DIGESTS_DEFAULT[] = {DS_DIGEST_SHA256};
    const struct fake_policy *policy = &child->policy;
    const uint8_t *digests = policy->digest_count == 0 ? DIGESTS_DEFAULT : policy->digests;
    size_t digest_count = policy->digest_count == 0 ? LEN(DIGESTS_DEFAULT) : policy->digest_count;
    for (size_t i = 0; i < child->key_count * digest_count; i++) {
        const struct dnskey *dnskey = &child->keys[i / digest_count].signing.dnskey;
        uint8_t digest = digests[i % digest_count];
        uint8_t bytes[128] = {0};
        struct writer rdata = writer_over(bytes, sizeof bytes);
        if (!child->keys[i / digest_count].has_ds) {
            continue;
        }
        if (ds_make(child->apex, dnskey->rdata, digest, &rdata) != OK) {
            rdata = writer_over(bytes, sizeof bytes);
            writer_u16(&rdata, dnskey->tag);
            writer_u8(&rdata, dnskey->algorithm);
            writer_u8(&rdata, digest);
            writer_u32(&rdata, 0x12345678); /* of a digest that nobody knows */
        }
        bytes[4] ^= policy->is_ds_wrong ? 1 : 0; /* the first octet of the digest */
        struct rrset_builder builder;
        struct rrset ds;
        rrset_begin(&builder, &net->arena, child->apex, TYPE_DS, 300);
        rrset_add(&builder, writer_written(&rdata));
        enum status status = rrset_finish(&builder, &ds);
        require(status == OK);
        fake_put_record(net, parent, &ds);
    }
}

struct trust_anchor fake_anchor(struct fake_net *net, const struct fake_zone *zone)
{
    (void)net;
    return (struct trust_anchor){zone->apex, TYPE_DNSKEY, zone->keys[0].signing.dnskey.rdata};
}
