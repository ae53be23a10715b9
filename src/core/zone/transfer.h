#pragma once
/* AXFR (RFC 5936) and IXFR (RFC 1995): differences between versions, written as messages, read back
 * from messages. */
#include "core/base/problem.h"
#include "core/dns/message.h"
#include "core/dns/tsig.h"
#include "core/zone/zone.h"

/* The difference between two versions, record by record, in canonical order: first what goes, then
 * what comes; SOA not included. A record of another TTL is another record. Ends early with what
 * `each` returned when that is not OK. */
enum status zone_diff(const struct zone *from, const struct zone *to,
                      enum status (*each)(void *user, bool is_added, const struct rrset *record),
                      void *user) MUST_USE;

/* RFC 1982: is `serial` newer than `than`? False for the same and for the undefined middle. */
bool serial_is_newer(uint32_t serial, uint32_t than);

/* Writes the answer messages of a transfer one after another. `history[0]` is the oldest version,
 * the last is the current; they are held while the transfer is open. AXFR when `type` is TYPE_AXFR,
 * or when the asker's serial is not in the history; a lone SOA when it has the current or a newer
 * one. An IXFR is one difference from the asker's version to the current. */
struct transfer_out;
enum status transfer_out_open(struct zone *const *history, size_t count, uint16_t type,
                              uint32_t asker_serial, struct question question, uint16_t id,
                              struct transfer_out **transfer) MUST_USE;
/* Fills `bytes` (at least 4096, at most 65535; room for TSIG is left) with the next message; empty
 * at the end. A record too large for any message ends it early, without the closing SOA. */
struct span transfer_out_next(struct transfer_out *transfer, void *bytes, size_t size);
/* Something is left for another message. */
bool transfer_out_has_more(const struct transfer_out *transfer);
void transfer_out_close(struct transfer_out *transfer); /* NULL is fine */

/* Builds a zone from the messages of a transfer. `held` is the version the IXFR was asked from, or
 * NULL for AXFR; it is held while the transfer is open. */
struct transfer_in;
enum transfer_state { TRANSFER_MORE, TRANSFER_DONE, TRANSFER_UP_TO_DATE, TRANSFER_FAILED };
enum { TRANSFER_RECORDS_MAX = 20000000 }; /* four records each of five million names */
enum status transfer_in_open(struct name apex, const struct zone *held,
                             struct transfer_in **transfer) MUST_USE;
/* One message, already checked by TSIG where it is used, and against the ID that was asked. On
 * FAILED `problem` says why, and the transfer stays failed. The serial of the first SOA is known by
 * transfer_in_serial from then on. */
enum transfer_state transfer_in_add(struct transfer_in *transfer, struct span wire,
                                    struct problem *problem);
/* The primary's serial; 0 before its SOA came. */
uint32_t transfer_in_serial(const struct transfer_in *transfer);
/* The new version after DONE, once; with one reference. */
struct zone *transfer_in_finish(struct transfer_in *transfer);
void transfer_in_close(struct transfer_in *transfer); /* NULL is fine */
