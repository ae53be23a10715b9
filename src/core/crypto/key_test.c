/* Keys through every way in and out, signatures of each algorithm, and what hostile key fields and
 * signatures get. The private keys are BIND's, made for this test. */
#include "core/base/text.h"
#include "core/crypto/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    uint8_t algorithm;
    const char *private_text;
    const char *public_base64;
} BIND_KEYS[] = {
    {5,
     "Private-key-format: v1.3\n"
     "Algorithm: 5 (RSASHA1)\n"
     "Modulus: v9YI9DdFm/hlsw2AekqqeOt1uWm7vietmXGZmzxQ5puPr6LLpdJ2tA1fT0rOSap"
     "oQXe1gLP2uZ9GK1idZ/+nUC9X9wGbJLCf4XF0SaSvn5kGD7mma0B0bPxOUBuymyFgePebDoa"
     "htuOdepauzIT93cx8WI0Z26NzqcAkCeiNdy0=\n"
     "PublicExponent: AQAB\n"
     "PrivateExponent: XLtaGLOfMoYgoy0jrfnp7gnkHny+BG2pvULsvd2qPc905bIMP1w9hUv"
     "xhqLilTmKrBrx4gUcfx4/DTUI4fzzIzjJ6rjrijUijfHAespdDHahhddCoI1fTxWGistE7vu"
     "sujdEpaH35/nKoVC6y0MiMhfybtMh7I0KvRpnYFGJ8AE=\n"
     "Prime1: 8GUYgU6KJPQBMCBC2idPDzPa6Ie/ewv/LHSPcok3MtEsYCdOWJ8qNh0gstIjcMWP"
     "/i5pqbUUBzUy6beNtndP8Q==\n"
     "Prime2: zEn79QAJeTVrNdV6CGaDlE9j8BTpL23jTNTWPPIZdEiHQiDFChYfJyUcICTWm1oB"
     "1DcfdRnK2duaOOimJNDW/Q==\n"
     "Exponent1: NGBieXHqSWjchWbSCgP8hrxumrFQ9/dCLqZqxrK80xaeC4kk2cw7/zRTdoKwd"
     "Bana+Mi5HXumi9uG1wBxVqzkQ==\n"
     "Exponent2: NdSE7MEOvf6ienP/DPmeUFU/G0MXUuUc0OEAdtzAclCuO3GRGiBMIy93Is0yM"
     "4tbEgVYZ63dMtzX3YkIRok1LQ==\n"
     "Coefficient: tMEQqrtpK16kVwm7hPNfw6SCyqrj8HvM6iPaskC38g6rIN6sN1z3jj3uWCK"
     "vFdxcP95r1gDiMPWjoDcSp1hoLA==\n",
     "AwEAAb/WCPQ3RZv4ZbMNgHpKqnjrdblpu74nrZlxmZs8UOabj6+iy6XSdrQNX09KzkmqaEF3"
     "tYCz9rmfRitYnWf/p1AvV/cBmySwn+FxdEmkr5+ZBg+5pmtAdGz8TlAbspshYHj3mw6Gobbj"
     "nXqWrsyE/d3MfFiNGdujc6nAJAnojXct"},
    {7,
     "Private-key-format: v1.3\n"
     "Algorithm: 7 (NSEC3RSASHA1)\n"
     "Modulus: thpLqDjJ0YaiCxS/EjcHPQIT5cHEOG0C2S50GXp+jZXZq7oClMdyeI/KGOZWhZI"
     "mwhJnbqF1QcCtnQmPDUbY9p+iA4XdrlDOD/5rtyTlXMLdCRQBvv82Grg2TUj9qk2EcbCEElT"
     "QYU0PTMry7yfDu1thYQy8ERC432mCZzzQowE=\n"
     "PublicExponent: AQAB\n"
     "PrivateExponent: T8E+h4OvqGudxtqkQHcHXYnuav8tUEU2LSZyRMJocNxDhDmobb7YfMM"
     "FEVi4ZjG3deIXmNVwBIc9wnxwQbFYzhU0Pu8GbGi9rBI1hk0jwdGH8+O3H8x+TwC9OxDPRbO"
     "LPw5Hlt7W8nQkhO5NQnHZXZnFJUGCIPp8Na9hBZIebkE=\n"
     "Prime1: 6UqAmqhPR6j51xjHjYZII4fImICNg874weToLKsxH90FRCN4glnvn/OUUVbmWcvF"
     "2bxnucEWnWwnahJn5N8JOQ==\n"
     "Prime2: x9Q0qWR8bljjrGy72wemD4/auraGHf50qHZpBpMmG+xzYBuqRhJKcOffzNkhnbW/"
     "8nHC3kXUnqclb8z+3FPQCQ==\n"
     "Exponent1: m7b+4Dw3rr07Bjej+vMGc7DOU/x6eOBNah5AWpBp2brNKQ4EAf3F1B3hgelfF"
     "9DL3unC0lnvnmPyavqeHkZBAQ==\n"
     "Exponent2: cW36iqD4pOaeLhT2uYjo8XJ19YCANuxmqe21Bj9m5XjdsRNjHy1oxhhJCI3EM"
     "DKoB2Yd+G/pFjnI3WKe1NBaiQ==\n"
     "Coefficient: UnuQ+fj8+vnYPuuhxH1gY2syGLpedXJenjo4EFRBMUa+TMoPqg/vxCrzNwP"
     "ilClyKIMsP/gVq5FzLLotu2iLGA==\n",
     "AwEAAbYaS6g4ydGGogsUvxI3Bz0CE+XBxDhtAtkudBl6fo2V2au6ApTHcniPyhjmVoWSJsIS"
     "Z26hdUHArZ0Jjw1G2PafogOF3a5Qzg/+a7ck5VzC3QkUAb7/Nhq4Nk1I/apNhHGwhBJU0GFN"
     "D0zK8u8nw7tbYWEMvBEQuN9pgmc80KMB"},
    {8,
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
     "icMPCUrAYjEJZ1c1+DdarduKm9w==\n",
     "AwEAAcd6FllIMZaaYtHvvZjQS51wXYrRnN6LwbGYwQNnQ/5W+HBVckaUFu7cIPmbKWYAWkVa"
     "Gj6B4s8ZEMYbro9wWtsLDJtvnffCV11Tw/ez8PVu/f1YV7yXcFbi+h4gDc+t43uocNbMKkWW"
     "wN6xg2wWod93TjM+wx5s6uJ6bmBd5Rhl"},
    {10,
     "Private-key-format: v1.3\n"
     "Algorithm: 10 (RSASHA512)\n"
     "Modulus: nKm5Nr7sr2LpSahTDW2jySWGnWsyN1r/f4Nlu62UXJwlgH1fcwEtxlZrNfuircQ"
     "ReNTiZOGtrMR+FKIbOEyL8vLU6Fo9/0jyVSxlbaGODGmc9zA2XTxnAiItE/1WRKnX2H883y6"
     "2L4vCbxEoJiDRuirT1YzgO7VzqozH+oExJ2E=\n"
     "PublicExponent: AQAB\n"
     "PrivateExponent: AiYl30VhM8q0jokbkoyVeZXlMdWdm7rI1HP1+kwYQ+j0br3JiGdUvGr"
     "FD7mC8sVExBaPgHjEDCGp5RiQLQaHyOjjNxzN/MSXNxIeWDGsWmwgY4ATlpKSmVrc8HtRAqr"
     "UfHTM8XoGUXrJH2xFcVIMfuU9b01AsHxM4BNpY1cKlr0=\n"
     "Prime1: yodGn0kF/vdbEgLJ4+YwOjcQwezJwWmIEhxZZiHfFNiM97Fqt5xjcQxveU5AbVn/"
     "/47yhEKkZXwjAuUO5zXViw==\n"
     "Prime2: xgZxB9BcgYN5S9DAyAk4mIdSys86ltkMTFnQccLIJ5r6Sn3+A4vXv/xGYuyF4aa6"
     "h3AEJ6gzpiWNuL1nEL9MQw==\n"
     "Exponent1: HM+PqVsvAi1YBEDnTYdSdwWcWaoArYYAuGrWAORyormHnDjd8I7Lyqo1NXF/U"
     "s8JzuYb89qzHkjBhkjljNiorw==\n"
     "Exponent2: b0dXZSi1kyIqm2wnqUFlSHFjGQzyw6ocuxsNg6ANkhQI6qt6fsuq5fwCIb0AT"
     "xm+YDWWYCKpQ4h+532n2UVmuQ==\n"
     "Coefficient: R4hthAB9Xefj4rDV/8hY2YRBMDGrfreUHEj955pMyNKdVxjsX5KpGpoN6p5"
     "LTFkbAf7S4fN0q8igwVdTuNbI9A==\n",
     "AwEAAZypuTa+7K9i6UmoUw1to8klhp1rMjda/3+DZbutlFycJYB9X3MBLcZWazX7oq3EEXjU"
     "4mThrazEfhSiGzhMi/Ly1OhaPf9I8lUsZW2hjgxpnPcwNl08ZwIiLRP9VkSp19h/PN8uti+L"
     "wm8RKCYg0boq09WM4Du1c6qMx/qBMSdh"},
    {13,
     "Private-key-format: v1.3\n"
     "Algorithm: 13 (ECDSAP256SHA256)\n"
     "PrivateKey: h6PrTW8nrZecK1GPpXDa9/JaiMUtHhDALn1jeaRR0/s=\n",
     "1oOp7SSfIc7fo+hgWw6DpM3aI40CAyUpXVsf1UgXFnJQvFdP9Jtfa3c1ZzS5fABW4G/fFTdT"
     "bgp80++dcS0Hkg=="},
    {14,
     "Private-key-format: v1.3\n"
     "Algorithm: 14 (ECDSAP384SHA384)\n"
     "PrivateKey: 7yu84vU9lwQafXT9pPdw4OTRSuPclt7bn4j3v37TL4taE9oQ2HoCtpR1w1JS"
     "Ubn/\n",
     "ENCDVV9BiY2d/3fGR5//5glHZe/kPivmQzCi9W3wSal010GesQPrShEA/7SXyW+VEfkz5GJf"
     "d2oa2L+yg4jCuHQ8YzrKMqBGERdfjrzop8/bUBWrYQ3PY381adTwOlHr"},
    {15,
     "Private-key-format: v1.3\n"
     "Algorithm: 15 (ED25519)\n"
     "PrivateKey: xo+4bLNZ0wVF08wDM6OOXl8Qx+3imc4xqX9siHk8OWg=\n",
     "6zFfey5B7oLltt+VdFVSDFoKxl4VnJRvAsMgnSQpYZo="},
    {16,
     "Private-key-format: v1.3\n"
     "Algorithm: 16 (ED448)\n"
     "PrivateKey: o7gXCZ6yiz5o+hSMOhrXjtVQ7mmbjGRqGMO4s8BaHU7BVm2qOOTmmzAQgzyY"
     "t+lnBwZGDevbxSsm\n",
     "sdhb6psRYxWeeEhQl2VkBkD+cJlC2eBVH8F3Tipn74D1l/OIRiiav894oN6/0CXacb92kQR2"
     "LmEA"},
};

static const char PEM_ECDSA[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+bzdupSKuqloAabA\n"
                                "HlGek6WrNRIGbmMoIBiO8Sov9oChRANCAATODh8t1Q8YfyK8+A8mSefXor0uub//\n"
                                "MfyJQjmmK4rfaRxvC65d9eFjugEMLGL0mDosNRsYrxsk/sW5PwFRhlS8\n"
                                "-----END PRIVATE KEY-----\n";
static const char PEM_ED25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIGH6djVJYclSq0EHLNtqwtRoiUagk1wFybTS1jkDreeE\n"
    "-----END PRIVATE KEY-----\n";
static const char PEM_RSA[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAL4uK/KUdbs/uGDg\n"
                              "20iPyeBlCYPjLpp05k510eSNX6pntu8SK4NoIze5sSh6c7yHeVllcdtYwRh7HPY8\n"
                              "nTZwYH8Hpj95jVJw1TQHegoF+TiYBDMqL1kT+wIRHoYEozl/D7gz50fNZMhT5D8A\n"
                              "qo5UR8h2bgyl1v27trC5YiNc0aILAgMBAAECgYAiymWFwfzrnVOIfXoAAzXmE/Wy\n"
                              "p9u9q8b58XnNOsOWc9S2VXeaWXGf3xt2kTgc9BeR8AntG4ZviQ4aSapk7Bfqs8+Q\n"
                              "11oUco2nFmURJ+2Nuz5XTclIRA2PuM2oFOwAYyDIFi6dKIYP1Wybupvsi874EmkU\n"
                              "VPNKGzBG9fbbl7qwCQJBAPl7QQdNDZq3DrcStVkWh2mlz0dxLilXDeRGBd8fTLsz\n"
                              "MzkGFGi+Wv/VCghnO9fRcCZ6tbNt7PGE4B68nJLqXT0CQQDDJkLR72Nr7XgDS4R8\n"
                              "DsAcc7s83Gb5okWQjkJL0hdcgn2zDg5SUxmzMtH+kcpz2JedliPDa7ZOrmJwdQWt\n"
                              "LYDnAkAwOEVyXs9BVx5t/hy1Emir39N3cIXGkb/qniomXQtcp2HAJM+vCxPVnNyq\n"
                              "kSF87ksp9M/H1XhVmiQjbLsqnkfVAkBR4Xnj8Be9LzRN3Z/HFcFRrtV/IdMrJwUd\n"
                              "NDNo8MvQiwgG2vzzWd7Mq6QktjNGDDkBa/+xfT5PISg4m0E4eoE9AkEAz5QMVrix\n"
                              "ZHbMQuAYdaUkXj8p0oyGEmH46R17Sw5yoUFObvmJwPWCfiKLm/ldOmIWRxwEPwgX\n"
                              "6bNows2S5uGwOQ==\n"
                              "-----END PRIVATE KEY-----\n";
static const char PEM_OTHER_CURVE[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg24KCGfpC4nZrm2gLsrFx\n"
    "NMz2h8IkZl/vs5+X8rEdqNShRANCAATN8mHIx7BOgOh0ffAeL6Y/TAinH2/qmEbU\n"
    "WKqMd8aZHmERnzotGP/wI1jJAfoE67B2AMhSXChJREw8cRKruB6b\n"
    "-----END PRIVATE KEY-----\n";
static const char PEM_ENCRYPTED[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAghPn0fWmmhYgICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEIWrDL6DmgI/GvmCPWS23i8EgZDQ\n"
    "Eb+uLIIi9RJA3qzAHHQ252J8oRJwvryesG0KRKLH1/XnlDfOzVuRbxZvGCvcatO4\n"
    "tP2ZwSZlnqYoOQ6xDSZbZOMYLXIpYFCypWQ9odWUeRiwqJNInpvW+fw/VqQMgotk\n"
    "B5flN4WwNp+ILLJ0XOFBpYfa1rdquuV7DxyB1oitN5q3XvIOkVlRxZtHD74yeWg=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

static const struct span PARTS[] = {
    {(const uint8_t *)"first ", 6}, {NULL, 0}, {(const uint8_t *)"second", 6}};
static const struct span JOINED = {(const uint8_t *)"first second", 12};
static const struct span OTHER = {(const uint8_t *)"first Second", 12};

static struct span base64(const char *text, uint8_t *bytes, size_t size)
{
    struct writer writer = writer_over(bytes, size);
    assert_int_equal(text_read_base64(span_of_text(text), &writer), OK);
    return writer_written(&writer);
}

/* Signs with `pair`; checks with the public half made from the DNSKEY field. */
static void assert_signs_and_verifies(struct key *pair)
{
    uint8_t bytes[KEY_SIGNATURE_LEN_MAX];
    struct writer signature = writer_over(bytes, sizeof bytes);
    assert_int_equal(key_sign(pair, PARTS, LEN(PARTS), &signature), OK);
    struct key *public_half;
    struct problem problem = {0};
    assert_int_equal(key_of_public(key_algorithm(pair), key_public(pair), &public_half, &problem),
                     OK);
    assert_false(key_can_sign(public_half));
    assert_true(span_equal(key_public(pair), key_public(public_half)));
    struct span good = writer_written(&signature);
    for (int again = 0; again < 3; again++) { /* the prepared context is used again */
        assert_int_equal(key_verify(public_half, &JOINED, 1, good), OK);
        assert_int_equal(key_verify(public_half, &OTHER, 1, good), MISMATCH);
    }
    assert_int_equal(key_verify(public_half, &JOINED, 1, span_part(good, 0, good.len - 1)),
                     MISMATCH);
    assert_int_equal(key_verify(public_half, &JOINED, 1, SPAN_EMPTY), MISMATCH);
    for (size_t i = 0; i < good.len; i += 7) {
        bytes[i] ^= 0x10;
        assert_int_equal(key_verify(public_half, &JOINED, 1, good), MISMATCH);
        bytes[i] ^= 0x10;
    }
    memset(bytes, 0, good.len);
    assert_int_equal(key_verify(public_half, &JOINED, 1, good), MISMATCH);
    memset(bytes, 0xff, good.len);
    assert_int_equal(key_verify(public_half, &JOINED, 1, good), MISMATCH);
    key_close(public_half);
}

static void generated_keys_sign_and_survive_their_file(void **state)
{
    (void)state;
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        struct key *key;
        if (!algorithm->can_sign) {
            assert_int_equal(key_generate(algorithm->number, algorithm->bits_default, &key),
                             UNSUPPORTED);
            continue;
        }
        assert_int_equal(key_generate(algorithm->number, algorithm->bits_default, &key), OK);
        assert_true(key_can_sign(key));
        assert_signs_and_verifies(key);
        char text[KEY_FILE_LEN_MAX];
        struct writer writer = writer_over(text, sizeof text);
        assert_int_equal(key_write_private(key, &writer), OK);
        struct key *again;
        struct problem problem = {0};
        assert_int_equal(key_read_private(writer_written(&writer), &again, &problem), OK);
        assert_true(span_equal(key_public(key), key_public(again)));
        assert_signs_and_verifies(again);
        struct key *shared;
        assert_int_equal(key_share(again, &shared), OK);
        key_close(again);
        assert_signs_and_verifies(shared); /* lives on by itself */
        key_close(shared);
        key_close(key);
    }
}

static void rsa_keys_are_generated_from_2048_to_4096_bits(void **state)
{
    (void)state;
    struct key *key;
    assert_int_equal(key_generate(ALGORITHM_RSASHA256, 1024, &key), BAD_ARGUMENT);
    assert_int_equal(key_generate(ALGORITHM_RSASHA256, 4104, &key), BAD_ARGUMENT);
    assert_int_equal(key_generate(3, 0, &key), UNSUPPORTED);
}

static void keys_of_bind_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(BIND_KEYS); i++) {
        struct key *key;
        struct problem problem = {0};
        enum status status =
            key_read_private(span_of_text(BIND_KEYS[i].private_text), &key, &problem);
        if (status != OK) {
            fail_msg("algorithm %u: %s", BIND_KEYS[i].algorithm, problem.sentence);
        }
        uint8_t bytes[KEY_PUBLIC_LEN_MAX];
        struct span expected = base64(BIND_KEYS[i].public_base64, bytes, sizeof bytes);
        assert_int_equal(key_algorithm(key), BIND_KEYS[i].algorithm);
        assert_true(span_equal(key_public(key), expected));
        const struct algorithm *algorithm = algorithm_find(key_algorithm(key));
        assert_int_equal(key_can_sign(key), algorithm->can_sign);
        if (key_can_sign(key)) {
            assert_signs_and_verifies(key);
            char text[KEY_FILE_LEN_MAX]; /* and written as BIND does */
            struct writer writer = writer_over(text, sizeof text);
            assert_int_equal(key_write_private(key, &writer), OK);
            assert_true(
                span_equal(writer_written(&writer), span_of_text(BIND_KEYS[i].private_text)));
        }
        key_close(key);
    }
}

static void pem_keys_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *text;
        enum status status;
        uint8_t algorithm;
    } ROWS[] = {
        {"P-256", PEM_ECDSA, OK, ALGORITHM_ECDSAP256SHA256},
        {"Ed25519", PEM_ED25519, OK, ALGORITHM_ED25519},
        {"RSA is taken as RSASHA256", PEM_RSA, OK, ALGORITHM_RSASHA256},
        {"a curve of no DNSSEC algorithm", PEM_OTHER_CURVE, UNSUPPORTED, 0},
        {"encrypted: nobody is asked for a passphrase", PEM_ENCRYPTED, MALFORMED, 0},
        {"no PEM", "hello", MALFORMED, 0},
        {"nothing", "", MALFORMED, 0},
        {"no Base64 inside", "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n",
         MALFORMED, 0},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct key *key = NULL;
        struct problem problem = {0};
        enum status status = key_read_pem(span_of_text(ROWS[i].text), 0, &key, &problem);
        if (status != ROWS[i].status) {
            fail_msg("%s: %s", ROWS[i].why, problem.sentence);
        }
        if (status == OK) {
            assert_int_equal(key_algorithm(key), ROWS[i].algorithm);
            assert_signs_and_verifies(key);
        } else {
            assert_true(problem.sentence[0] != '\0');
        }
        key_close(key);
    }
}

static void pem_keys_written_are_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        struct key *key = NULL, *again = NULL;
        struct problem problem = {0};
        uint8_t text[KEY_FILE_LEN_MAX];
        struct writer writer = writer_over(text, sizeof text);
        if (!algorithm->can_sign) {
            continue;
        }
        assert_int_equal(key_generate(algorithm->number, algorithm->bits_default, &key), OK);
        assert_int_equal(key_write_pem(key, &writer), OK);
        assert_int_equal(key_read_pem(writer_written(&writer), algorithm->number, &again, &problem),
                         OK);
        assert_int_equal(key_algorithm(again), algorithm->number);
        assert_true(span_equal(key_public(key), key_public(again)));
        key_close(again);
        uint8_t other =
            algorithm->number == ALGORITHM_ED25519 ? ALGORITHM_ECDSAP256SHA256 : ALGORITHM_ED25519;
        assert_int_equal(key_read_pem(writer_written(&writer), other, &again, &problem),
                         UNSUPPORTED);
        key_close(key);
    }
}

static void broken_private_files_get_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *text;
        enum status status;
        uint32_t line;
    } ROWS[] = {
        {"nothing", "", MALFORMED, 0},
        {"no format", "Algorithm: 15 (ED25519)\n", MALFORMED, 0},
        {"no algorithm", "Private-key-format: v1.3\n", MALFORMED, 0},
        {"a format of the future", "Private-key-format: v2.0\n", UNSUPPORTED, 1},
        {"an algorithm we do not know", "Private-key-format: v1.3\nAlgorithm: 3 (DSA)\n",
         UNSUPPORTED, 2},
        {"an algorithm that is no number", "Private-key-format: v1.3\nAlgorithm: ED25519\n",
         MALFORMED, 2},
        {"a line without colon", "Private-key-format: v1.3\nAlgorithm 15\n", MALFORMED, 2},
        {"a key in an HSM", "Private-key-format: v1.3\nAlgorithm: 8\nEngine: cGtjczEx\n",
         UNSUPPORTED, 3},
        {"no private key", "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\n", MALFORMED, 0},
        {"Ed25519 too short", "Private-key-format: v1.3\nAlgorithm: 15\nPrivateKey: AAAA\n",
         MALFORMED, 0},
        {"not Base64", "Private-key-format: v1.3\nAlgorithm: 15\nPrivateKey: A!AA\n", MALFORMED, 3},
        {"twice", "Private-key-format: v1.3\nAlgorithm: 15\nPrivateKey: AAAA\nPrivateKey: AAAA\n",
         MALFORMED, 4},
        {"P-256 number zero", "Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: AAAA\n",
         MALFORMED, 0},
        {"P-256 number above the order",
         "Private-key-format: v1.3\nAlgorithm: 13\n"
         "PrivateKey: //////////////////////////////////////////8=\n",
         MALFORMED, 0},
        {"RSA without most numbers",
         "Private-key-format: v1.3\nAlgorithm: 8\nModulus: AAAA\nPublicExponent: AQAB\n", MALFORMED,
         0},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct key *key = NULL;
        struct problem problem = {0};
        enum status status = key_read_private(span_of_text(ROWS[i].text), &key, &problem);
        if (status != ROWS[i].status || problem.line != ROWS[i].line ||
            problem.sentence[0] == '\0') {
            fail_msg("%s: line %u: %s", ROWS[i].why, problem.line, problem.sentence);
        }
        assert_null(key);
    }
}

static void a_private_half_of_another_key_is_refused(void **state)
{
    (void)state;
    char text[KEY_FILE_LEN_MAX];
    struct writer writer = writer_over(text, sizeof text);
    writer_text(&writer, BIND_KEYS[2].private_text);
    writer_u8(&writer, 0);
    char *modulus = strstr(text, "Modulus: ") + 20;
    *modulus = *modulus == 'A' ? 'B' : 'A';
    struct key *key = NULL;
    struct problem problem = {0};
    assert_int_equal(key_read_private(span_of(text, writer.len - 1), &key, &problem), MALFORMED);
}

static void hostile_public_keys_are_refused(void **state)
{
    (void)state;
    enum { FIELD_MAX = 700 };
    static const struct {
        const char *why;
        uint8_t algorithm;
        const char *head; /* base16 */
        uint8_t fill;     /* then so many of these */
        uint16_t fill_count;
        enum status status;
    } ROWS[] = {
        {"RSA of 1024 bits, for comparison", 8, "03010001", 0xff, 128, OK},
        {"RSA of 512 bits is allowed to be checked", 8, "03010001", 0xff, 64, OK},
        {"RSA of 4096 bits", 8, "03010001", 0xff, 512, OK},
        {"RSA of 504 bits", 8, "03010001", 0xff, 63, MALFORMED},
        {"RSA of 4104 bits", 8, "03010001", 0xff, 513, MALFORMED},
        {"RSA of 512 bits with SHA-512", 10, "03010001", 0xff, 64, MALFORMED},
        {"RSA with an even modulus", 8, "03010001", 0xfe, 128, MALFORMED},
        {"RSA exponent 2^32+1", 8, "050100000001", 0xff, 128, OK},
        {"RSA exponent longer than that", 8, "050300000001", 0xff, 128, MALFORMED},
        {"RSA exponent as long as the modulus", 8, "60", 0xff, 224, MALFORMED},
        {"RSA exponent 1", 8, "0101", 0xff, 128, MALFORMED},
        {"RSA exponent even", 8, "03010002", 0xff, 128, MALFORMED},
        {"RSA exponent with a leading zero", 8, "0400010001", 0xff, 128, MALFORMED},
        {"RSA modulus with a leading zero", 8, "0301000100", 0xff, 128, MALFORMED},
        {"RSA exponent in the long form", 8, "000003010001", 0xff, 128, OK},
        {"RSA exponent of no octets", 8, "000000", 0xff, 128, MALFORMED},
        {"RSA exponent behind the end", 8, "ff0101", 0, 0, MALFORMED},
        {"RSA without modulus", 8, "03010001", 0, 0, MALFORMED},
        {"RSA of nothing", 8, "", 0, 0, MALFORMED},
        {"P-256 all zero: not on the curve", 13, "", 0, 64, MALFORMED},
        {"P-256 all ones: not on the curve", 13, "", 0xff, 64, MALFORMED},
        {"P-256 too short", 13, "", 1, 63, MALFORMED},
        {"P-256 with the form octet of SEC 1", 13, "04", 1, 64, MALFORMED},
        {"P-384 not on the curve", 14, "", 7, 96, MALFORMED},
        {"Ed25519 too long", 15, "", 7, 33, MALFORMED},
        {"Ed448 too short", 16, "", 7, 56, MALFORMED},
        {"an algorithm we do not know", 12, "", 7, 64, UNSUPPORTED},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t field[FIELD_MAX];
        struct writer writer = writer_over(field, sizeof field);
        assert_int_equal(text_read_base16(span_of_text(ROWS[i].head), &writer), OK);
        for (size_t j = 0; j < ROWS[i].fill_count; j++) {
            writer_u8(&writer, ROWS[i].fill);
        }
        struct key *key = NULL;
        struct problem problem = {0};
        enum status status =
            key_of_public(ROWS[i].algorithm, writer_written(&writer), &key, &problem);
        if (status != ROWS[i].status) {
            fail_msg("%s: %s %s", ROWS[i].why, status_text(status), problem.sentence);
        }
        assert_true((status == OK) == (problem.sentence[0] == '\0'));
        key_close(key);
    }
}

static void algorithms_are_found_by_number_and_name(void **state)
{
    (void)state;
    assert_int_equal(algorithm_parse(SPAN_LITERAL("13"))->number, 13);
    assert_int_equal(algorithm_parse(SPAN_LITERAL("ecdsap256sha256"))->number, 13);
    assert_int_equal(algorithm_parse(SPAN_LITERAL("nsec3rsasha1"))->number, 7);
    assert_int_equal(algorithm_parse(SPAN_LITERAL("RSASHA1-NSEC3-SHA1"))->number, 7);
    assert_null(algorithm_parse(SPAN_LITERAL("12")));
    assert_null(algorithm_parse(SPAN_LITERAL("256")));
    assert_null(algorithm_parse(SPAN_LITERAL("")));
    assert_null(algorithm_find(0));
    for (size_t i = 1; algorithm_at(i) != NULL; i++) {
        assert_true(algorithm_at(i - 1)->number < algorithm_at(i)->number);
    }
}

/* What a handed-in backend was asked for. */
struct asked {
    size_t count;
    uint8_t first[100];
    size_t first_len;
    enum status answer;
};

static enum status note_signings(void *self, const struct key_signing *signings, size_t count)
{
    struct asked *asked = self;
    asked->count += count;
    assert_true(signings[0].message.len <= sizeof asked->first);
    asked->first_len = signings[0].message.len;
    memcpy(asked->first, signings[0].message.bytes, signings[0].message.len);
    for (size_t i = 0; i < count; i++) {
        memset(signings[i].signature, 1, 4);
    }
    return asked->answer;
}

static void many_are_signed_and_checked_at_once(void **state)
{
    (void)state;
    enum { MANY = 130 };
    static uint8_t signatures[MANY][KEY_SIGNATURE_LEN_MAX];
    static uint8_t messages[MANY][40];
    struct key_signing signings[MANY];
    struct key_check checks[MANY];
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        struct key *key;
        if (!algorithm->can_sign) {
            continue;
        }
        assert_int_equal(key_generate(algorithm->number, algorithm->bits_default, &key), OK);
        for (size_t j = 0; j < MANY; j++) {
            memset(messages[j], (int)j, sizeof messages[j]);
            signings[j] = (struct key_signing){span_of(messages[j], j % 41), signatures[j]};
        }
        assert_int_equal(key_sign_batch(key, signings, MANY), OK);
        size_t len = key_signature_len(key);
        for (size_t j = 0; j < MANY; j++) {
            struct span signature = span_of(signatures[j], len);
            checks[j] = (struct key_check){.message = signings[j].message, .signature = signature};
            assert_int_equal(key_verify(key, &signings[j].message, 1, signature), OK);
        }
        checks[7].message = signings[8].message;
        signatures[70][len / 2] ^= 1;
        checks[71].signature.len--;
        checks[72].signature = SPAN_EMPTY;
        memset(signatures[73], 0, len);
        memset(signatures[74], 0xff, len);
        assert_int_equal(key_verify_batch(key, checks, MANY), OK);
        for (size_t j = 0; j < MANY; j++) {
            assert_int_equal(checks[j].is_good, j != 7 && (j < 70 || j > 74));
        }
        assert_int_equal(key_sign_batch(key, signings, 0), OK);
        key_close(key);
    }
}

static void short_numbers_have_their_zeros(void **state)
{
    (void)state;
    struct key *key; /* one signature of 128 has an r or s that is shorter than 32 octets */
    assert_int_equal(key_generate(ALGORITHM_ECDSAP256SHA256, 0, &key), OK);
    size_t short_ones = 0;
    for (uint32_t i = 0; i < 3000 && (i < 1000 || short_ones == 0); i++) {
        uint8_t signature[64];
        struct key_signing signing = {span_of(&i, sizeof i), signature};
        assert_int_equal(key_sign_batch(key, &signing, 1), OK);
        assert_int_equal(key_verify(key, &signing.message, 1, span_of(signature, 64)), OK);
        short_ones += signature[0] == 0 || signature[32] == 0;
    }
    assert_true(short_ones > 0);
    key_close(key);
}

static void a_backend_gets_what_it_signs(void **state)
{
    (void)state;
    static const struct {
        uint8_t algorithm;
        size_t len;
        const char *why;
    } rows[] = {
        {ALGORITHM_RSASHA256, 19 + 32, "a DigestInfo"},
        {ALGORITHM_RSASHA512, 19 + 64, "a longer one"},
        {ALGORITHM_ECDSAP256SHA256, 32, "the digest"},
        {ALGORITHM_ECDSAP384SHA384, 48, "a longer digest"},
        {ALGORITHM_ED25519, 5, "the message"},
    };
    static const struct key_backend backend = {.name = "noting", .sign = note_signings};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct key *pair;
        struct key *key;
        struct key *shared;
        struct asked asked = {.answer = OK};
        struct span message = SPAN_LITERAL("hello");
        uint16_t bits = algorithm_find(rows[i].algorithm)->bits_default;
        assert_int_equal(key_generate(rows[i].algorithm, bits, &pair), OK);
        assert_int_equal(
            key_of_backend(rows[i].algorithm, key_public(pair), &backend, &asked, &key, NULL), OK);
        assert_int_equal(key_share(key, &shared), OK);
        assert_string_equal(key_backend_name(shared), "noting");
        uint8_t octets[KEY_SIGNATURE_LEN_MAX];
        struct writer signature = writer_over(octets, sizeof octets);
        assert_int_equal(key_sign(shared, &message, 1, &signature), OK);
        assert_int_equal(signature.len, key_signature_len(pair));
        assert_int_equal(asked.first_len, rows[i].len);
        struct key_signing signings[] = {{message, octets}, {message, octets}};
        assert_int_equal(key_sign_batch(key, signings, 2), OK);
        assert_int_equal(asked.count, 3);
        asked.answer = CRYPTO_FAILED;
        assert_int_equal(key_sign_batch(key, signings, 2), CRYPTO_FAILED);
        /* Checks go to OpenSSL, by the public half. */
        signature = writer_over(octets, sizeof octets);
        assert_int_equal(key_sign(pair, &message, 1, &signature), OK);
        assert_int_equal(key_verify(key, &message, 1, writer_written(&signature)), OK);
        char text[KEY_FILE_LEN_MAX];
        struct writer file = writer_over(text, sizeof text);
        assert_int_equal(key_write_private(key, &file), UNSUPPORTED);
        assert_int_equal(key_write_pem(key, &file), UNSUPPORTED);
        key_close(pair);
        key_close(key);
        key_close(shared);
    }
}

/* A key that is turned checks for the other, and not for itself any more. */
static void test_turn(void **state)
{
    (void)state;
    static const uint8_t MESSAGE[] = "signed by the second";
    struct span message = span_of(MESSAGE, sizeof MESSAGE);
    uint8_t signature[KEY_SIGNATURE_LEN_MAX];
    struct writer writer = writer_over(signature, sizeof signature);
    struct key *first, *second, *turned, *other;
    assert_int_equal(key_generate(ALGORITHM_ECDSAP256SHA256, 0, &first), OK);
    assert_int_equal(key_generate(ALGORITHM_ECDSAP256SHA256, 0, &second), OK);
    assert_int_equal(key_sign(second, &message, 1, &writer), OK);
    assert_int_equal(key_of_public(ALGORITHM_ECDSAP256SHA256, key_public(first), &turned, NULL),
                     OK);
    assert_int_equal(key_verify(turned, &message, 1, writer_written(&writer)), MISMATCH);
    assert_int_equal(key_turn(turned, key_public(second)), OK);
    assert_true(span_equal(key_public(turned), key_public(second)));
    assert_int_equal(key_verify(turned, &message, 1, writer_written(&writer)), OK);
    uint8_t no_point[64] = {1};
    assert_int_equal(key_turn(turned, span_of(no_point, sizeof no_point)), MALFORMED);
    assert_int_equal(key_turn(first, key_public(second)), UNSUPPORTED); /* it can sign */
    assert_int_equal(key_generate(ALGORITHM_ED25519, 0, &other), OK);
    assert_int_equal(key_turn(other, key_public(second)), UNSUPPORTED);
    key_close(first);
    key_close(second);
    key_close(turned);
    key_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_signed_and_checked_at_once),
        cmocka_unit_test(short_numbers_have_their_zeros),
        cmocka_unit_test(a_backend_gets_what_it_signs),
        cmocka_unit_test(generated_keys_sign_and_survive_their_file),
        cmocka_unit_test(rsa_keys_are_generated_from_2048_to_4096_bits),
        cmocka_unit_test(keys_of_bind_are_read),
        cmocka_unit_test(pem_keys_are_read),
        cmocka_unit_test(pem_keys_written_are_read_back),
        cmocka_unit_test(broken_private_files_get_a_sentence),
        cmocka_unit_test(a_private_half_of_another_key_is_refused),
        cmocka_unit_test(hostile_public_keys_are_refused),
        cmocka_unit_test(algorithms_are_found_by_number_and_name),
        cmocka_unit_test(test_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
