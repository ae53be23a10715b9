#pragma once
/* Inside of rdata: writers of presentation form that rdata_text.c takes from its neighbours. A form
 * that does not exist for these octets fails the writer with UNSUPPORTED: then the whole rdata is
 * written in generic form. */
#include "core/dns/rdata_table.h"

void rdata_text_number(struct writer *text, uint64_t number); /* decimal */
void rdata_text_address(struct writer *text, struct span octets);
/* In double quotes, with \" \\ and \DDD. */
void rdata_text_quoted(struct writer *text, struct span octets);
/* One octet as it stands between double quotes. */
void rdata_text_octet(struct writer *text, uint8_t octet);

void rdata_text_services(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_prefixes(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_location(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_parameters(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_gateway(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_relay(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_host_identity(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_nsap(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_atm_address(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_a6_suffix(struct reader *rdata, size_t start, struct writer *text);
void rdata_text_a6_name(struct reader *rdata, size_t start, struct writer *text);
