/* What an operator is told of a zone: "key: value" lines for people and programs, and the zone's
 * text. */
#include "core/base/text.h"
#include "core/zone/zonefile.h"
#include "service/signer/signal.h"

#include <string.h>

enum { DUMP_LEN_MAX = 60 << 20 };
enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60, VALIDITY_DEFAULT_S = 14 * DAY_S };

static void write_time(struct writer *text, const char *key, int64_t at_s, int64_t now_s)
{
    writer_print(text, "%s: ", key);
    text_write_rfc3339(text, at_s);
    int64_t left_s = at_s > now_s ? at_s - now_s : 0;
    writer_print(text, " (in %lld d %lld h %lld min)\n", (long long)(left_s / DAY_S),
                 (long long)(left_s % DAY_S / HOUR_S), (long long)(left_s % HOUR_S / MINUTE_S));
}

int64_t signer_bogus_at_s(const struct signer_zone *zone)
{
    return zone->published == NULL || !zone->is_published_signed
               ? INT64_MAX
               : zone_earliest_expiration_s(zone->published);
}

void signer_warn(const struct signer *signer, struct signer_zone *zone, int64_t now_s)
{
    int64_t bogus_at_s = signer_bogus_at_s(zone);
    int64_t left_s = bogus_at_s == INT64_MAX ? INT64_MAX : bogus_at_s - now_s;
    uint32_t validity_s = zone->options.policy.validity_s;
    if (left_s > (validity_s == 0 ? VALIDITY_DEFAULT_S : validity_s) / 4) {
        zone->warned_left_s = 0;
        return;
    }
    if (zone->warned_left_s != 0 && left_s > zone->warned_left_s / 2) {
        return;
    }
    char name[NAME_TEXT_MAX];
    int64_t far_s = left_s > 0 ? left_s : -left_s;
    zone->warned_left_s = left_s < 2 ? 2 : left_s;
    log_line(signer->options.log, left_s > 0 ? LOG_WARNING : LOG_ERROR,
             left_s > 0 ? "zone %s: its first signatures end in %lld d %lld h, and then resolvers "
                          "refuse it: %s"
                        : "zone %s: its first signatures ended %lld d %lld h ago, and resolvers "
                          "refuse it: %s",
             name_print(zone->options.name, name), (long long)(far_s / DAY_S),
             (long long)(far_s % DAY_S / HOUR_S),
             zone->fault[0] != '\0' ? zone->fault : "their renewal is late");
}

/* Where the CDS and CDNSKEY are shown too (RFC 9615), and where not: a line for each name server.
 */
static void write_signals(struct signer *signer, const struct signer_zone *zone,
                          struct writer *text)
{
    static const char *const fates[SIGNAL_FATE_COUNT] = {
        [SIGNAL_SHOWN] = "shown",
        [SIGNAL_INSIDE] = "not needed: the name server is in the zone itself",
        [SIGNAL_TOO_LONG] = "no: the name would be too long",
        [SIGNAL_ELSEWHERE] = "no: the name is in no zone of this signer, who runs it must show it",
        [SIGNAL_UNSIGNED] = "no: the zone that the name is in is not signed",
        [SIGNAL_HIDDEN] = "no: the name is below a delegation or a DNAME, or has a CNAME",
    };
    const struct rrset *servers =
        zone->published == NULL || !zone->is_published_signed
            ? NULL
            : zone_find_rrset(zone->published, zone->options.name, TYPE_NS);
    if (!zone->options.is_signalled || servers == NULL) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(servers); rrset_next(&cursor, &rdata);) {
        char name[NAME_TEXT_MAX];
        struct reader reader = reader_over(rdata);
        struct name server = name_read(&reader);
        struct signal signal;
        signal_find(signer, zone, server, &signal);
        writer_print(text, "authsignal %s: %s\n", name_print(server, name), fates[signal.fate]);
    }
}

void signer_write_status(struct signer *signer, const struct signer_zone *zone, int64_t now_s,
                         struct writer *text)
{
    char name[NAME_TEXT_MAX];
    writer_print(text, "zone: %s\n", name_print(zone->options.name, name));
    if (zone->published == NULL) {
        writer_text(text, "state: no version yet\n");
    } else {
        writer_print(text, "state: %s\nserial: %u\nrecords: %zu\n",
                     zone->is_published_signed ? "signed" : "not signed",
                     zone_serial(zone->published), zone_record_count(zone->published));
    }
    if (zone->refresh_at_s != 0 && zone->refresh_at_s != INT64_MAX) {
        write_time(text, "renewal", zone->refresh_at_s, now_s);
    }
    int64_t bogus_at_s = signer_bogus_at_s(zone);
    if (bogus_at_s != INT64_MAX) {
        write_time(text, "bogus if nothing happens", bogus_at_s, now_s);
    }
    write_signals(signer, zone, text);
    if (zone->fault[0] != '\0') {
        writer_print(text, "held back: %s\n", zone->fault);
    }
}

struct dump {
    uint8_t *bytes; /* NULL: its length is taken only */
    size_t len;
};

static void dump_take(void *user, struct span text)
{
    struct dump *dump = user;
    if (dump->bytes != NULL && text.len > 0) {
        memcpy(dump->bytes + dump->len, text.bytes, text.len);
    }
    dump->len += text.len;
}

enum status signer_dump(const struct signer_zone *zone, struct arena *arena, struct span *text,
                        struct problem *problem)
{
    struct dump dump = {NULL, 0};
    if (zone->published == NULL) {
        return problem_set(problem, NOT_FOUND, "the zone has no version yet");
    }
    enum status status = zonefile_write(zone->published, dump_take, &dump);
    if (status == OK && dump.len > DUMP_LEN_MAX) {
        return problem_set(
            problem, LIMIT_REACHED,
            "the zone's text has %zu octets, and %d are shown here at most; transfer "
            "it (AXFR) from the server",
            dump.len, DUMP_LEN_MAX);
    }
    dump.bytes = status == OK ? arena_take(arena, dump.len) : NULL;
    if (dump.bytes == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the zone's text");
    }
    size_t len = dump.len;
    dump.len = 0;
    status = zonefile_write(zone->published, dump_take, &dump);
    *text = span_of(dump.bytes, len);
    return status == OK ? OK : problem_set(problem, status, "no memory for the zone's text");
}
