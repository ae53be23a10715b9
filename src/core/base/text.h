#pragma once
/* Bytes as text and back: base16, base32hex (RFC 4648 §7, no padding), base64, and the times of RFC
 * 4034 §3.2. */
#include "core/base/span.h"
#include "core/base/writer.h"

void text_write_base16(struct writer *writer, struct span bytes); /* upper case */
void text_write_base32hex(struct writer *writer,
                          struct span bytes); /* lower case, as NSEC3 owners */
void text_write_base64(struct writer *writer, struct span bytes);
/* Decode all of `text` (no white space inside); MALFORMED where it is not of the alphabet or of a
 * possible length. */
enum status text_read_base16(struct span text, struct writer *bytes) MUST_USE;
enum status text_read_base32hex(struct span text, struct writer *bytes) MUST_USE;
enum status text_read_base64(struct span text,
                             struct writer *bytes) MUST_USE; /* padding required */
/* The alphabet of RFC 4648 §5, without padding, as HTTP and JSON have it. */
void text_write_base64url(struct writer *writer, struct span bytes);
enum status text_read_base64url(struct span text, struct writer *bytes) MUST_USE;
/* Decimal without sign, at most `max`; MALFORMED or TOO_LONG. */
enum status text_read_u64(struct span text, uint64_t max, uint64_t *value) MUST_USE;
/* Seconds with optional units w d h m s as operators write TTLs ("1h30m", "3600"); at most 2^31-1
 * (RFC 2181 §8). */
enum status text_read_ttl(struct span text, uint32_t *ttl_s) MUST_USE;
/* YYYYMMDDHHMMSS in UTC. */
void text_write_time14(struct writer *writer, int64_t wall_s);
enum status text_read_time14(struct span text, int64_t *wall_s) MUST_USE;
/* YYYY-MM-DDTHH:MM:SSZ in UTC (RFC 3339). */
void text_write_rfc3339(struct writer *writer, int64_t wall_s);
enum status text_read_rfc3339(struct span text, int64_t *wall_s) MUST_USE;
