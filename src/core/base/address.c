/* IP addresses as values. Knows their text forms; inet_pton of the C library reads them. */
#include "core/base/address.h"

#include "core/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum status address_read(struct span text, uint16_t port_default, struct address *address)
{
    char host[ADDRESS_TEXT_MAX];
    uint64_t port = port_default;
    const uint8_t *at = text.len == 0 ? NULL : memchr(text.bytes, '@', text.len);
    size_t host_len = at == NULL ? text.len : (size_t)(at - text.bytes);
    if (at != NULL) {
        struct span digits = span_part(text, host_len + 1, text.len - host_len - 1);
        if (text_read_u64(digits, UINT16_MAX, &port) != OK) {
            return MALFORMED;
        }
    }
    if (host_len == 0 || host_len >= sizeof host || memchr(text.bytes, 0, host_len) != NULL) {
        return MALFORMED;
    }
    memcpy(host, text.bytes, host_len);
    host[host_len] = '\0';
    struct address read = {.port = (uint16_t)port};
    if (inet_pton(AF_INET, host, read.octets) == 1) {
        read.family = ADDRESS_IPV4;
    } else if (inet_pton(AF_INET6, host, read.octets) == 1) {
        read.family = ADDRESS_IPV6;
    } else {
        return MALFORMED;
    }
    *address = read;
    return OK;
}

const char *address_print(struct address address, char text[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "none";
    if (address.family != ADDRESS_NONE) {
        inet_ntop(address.family == ADDRESS_IPV4 ? AF_INET : AF_INET6, address.octets, host,
                  sizeof host);
    }
    if (address.port == 0) {
        snprintf(text, ADDRESS_TEXT_MAX, "%s", host);
    } else {
        snprintf(text, ADDRESS_TEXT_MAX, "%s@%u", host, address.port);
    }
    return text;
}

enum status address_of_rdata(struct span rdata, uint16_t port, struct address *address)
{
    if (rdata.len != 4 && rdata.len != 16) {
        return MALFORMED;
    }
    *address =
        (struct address){.family = rdata.len == 4 ? ADDRESS_IPV4 : ADDRESS_IPV6, .port = port};
    memcpy(address->octets, rdata.bytes, rdata.len);
    return OK;
}

bool address_equal_host(struct address a, struct address b)
{
    return a.family == b.family && memcmp(a.octets, b.octets, sizeof a.octets) == 0;
}

bool address_equal(struct address a, struct address b)
{
    return a.port == b.port && address_equal_host(a, b);
}
