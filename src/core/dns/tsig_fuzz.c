/* Any octets as a signed message, as a request and as an answer: no crash, and nothing is accepted
 * that the key did not sign. */
#include "core/dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_as(bool is_answer, struct span wire, size_t tsig_at, const struct tsig_key *key)
{
    struct tsig_session session;
    uint16_t rcode;
    tsig_begin(&session, key);
    if (is_answer) {
        session.mac_len = 32;
    }
    enum status status = tsig_check(&session, wire, tsig_at, 1790000000, &rcode);
    require(status != OK); /* or HMAC-SHA-256 is broken */
    tsig_end(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = {1};
    static const uint8_t name[] = "\1k";
    const struct tsig_key key = {{name, sizeof name, 1}, TSIG_HMAC_SHA256, {secret, sizeof secret}};
    struct span wire = span_of(data, size);
    struct message message;
    struct name_buffer buffer;
    if (message_read_query(wire, &buffer, &message) != OK || message.tsig_at == 0) {
        return 0;
    }
    check_as(false, wire, message.tsig_at, &key);
    check_as(true, wire, message.tsig_at, &key);
    uint8_t reply[1024] = {0};
    size_t len = MESSAGE_HEADER_LEN;
    enum status status =
        tsig_refuse(wire, message.tsig_at, RCODE_BADKEY, reply, sizeof reply, &len);
    require(len <= sizeof reply && (status == OK) == (len > MESSAGE_HEADER_LEN));
    return 0;
}
