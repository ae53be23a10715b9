#pragma once
/* An IP address with a port, as a value. */
#include "core/base/span.h"
#include "core/base/status.h"

enum address_family { ADDRESS_NONE = 0, ADDRESS_IPV4 = 4, ADDRESS_IPV6 = 6 };

struct address {
    uint8_t family;     /* enum address_family */
    uint8_t octets[16]; /* the first 4 for IPv4; the rest is zero */
    uint16_t port;      /* host order; 0 when there is none */
};

enum { ADDRESS_TEXT_MAX = 64 };

/* "192.0.2.1", "2001:db8::1", each with an optional "@PORT"; `port_default` when there is none. */
enum status address_read(struct span text, uint16_t port_default, struct address *address) MUST_USE;
/* "ADDR" when the port is 0, else "ADDR@PORT"; returns `text`. */
const char *address_print(struct address address, char text[ADDRESS_TEXT_MAX]);
/* From the rdata of an A (4 octets) or AAAA (16 octets) record. */
enum status address_of_rdata(struct span rdata, uint16_t port, struct address *address) MUST_USE;
bool address_equal(struct address a, struct address b);      /* with the port */
bool address_equal_host(struct address a, struct address b); /* without it */
