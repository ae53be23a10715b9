/* The numbers of the signer, a row each: for monitoring and for the operator's `stats`. */
#include "service/signer/signer_state.h"

static const struct metric_family SERIAL = {"vouch_signer_zone_serial", METRIC_GAUGE, "zone",
                                            "Serial of the version handed out last"};
static const struct metric_family RECORDS = {"vouch_signer_zone_records", METRIC_GAUGE, "zone",
                                             "Records of that version"};
static const struct metric_family KEYS = {"vouch_signer_zone_keys", METRIC_GAUGE, "zone",
                                          "Keys that the signer has for the zone"};
static const struct metric_family MADE = {"vouch_signer_signatures_total", METRIC_COUNTER, "zone",
                                          "Signatures made"};
static const struct metric_family VERSIONS = {"vouch_signer_versions_total", METRIC_COUNTER, "zone",
                                              "Versions made, judged and handed out"};
static const struct metric_family STOPS = {"vouch_signer_held_back_total", METRIC_COUNTER, "zone",
                                           "Versions held back, as they failed to be made, judged "
                                           "or kept"};
static const struct metric_family STOPPED = {"vouch_signer_zone_held_back", METRIC_GAUGE, "zone",
                                             "1 while the last version is held back"};
static const struct metric_family BOGUS = {
    "vouch_signer_bogus_timestamp_seconds", METRIC_GAUGE, "zone",
    "Unix time at which the first resolver could fail if nothing more happened"};
static const struct metric_family BOGUS_LEFT = {"vouch_signer_bogus_left_seconds", METRIC_GAUGE,
                                                "zone", "Seconds left until that time"};
static const struct metric_family REFRESH = {"vouch_signer_refresh_timestamp_seconds", METRIC_GAUGE,
                                             "zone",
                                             "Unix time at which the next signatures are renewed"};

/* False: there is no such number now. */
struct zone_row {
    const struct metric_family *family;
    bool (*tell)(const struct signer_zone *zone, int64_t now_s, int64_t *value);
};

static bool tell_serial(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = zone->published == NULL ? 0 : zone_serial(zone->published);
    return zone->published != NULL;
}

static bool tell_records(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = zone->published == NULL ? 0 : (int64_t)zone_record_count(zone->published);
    return zone->published != NULL;
}

static bool tell_keys(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = (int64_t)zone->keys.count;
    return true;
}

static bool tell_made(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = (int64_t)zone->signatures_made;
    return true;
}

static bool tell_versions(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = (int64_t)zone->versions_made;
    return true;
}

static bool tell_stops(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = (int64_t)zone->versions_held_back;
    return true;
}

static bool tell_stopped(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = zone->fault[0] != '\0';
    return true;
}

static bool tell_bogus(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = signer_bogus_at_s(zone);
    return *value != INT64_MAX;
}

/* Below zero when it has passed. */
static bool tell_bogus_left(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    int64_t at_s = signer_bogus_at_s(zone);
    *value = at_s == INT64_MAX ? 0 : at_s - now_s;
    return at_s != INT64_MAX;
}

static bool tell_refresh(const struct signer_zone *zone, int64_t now_s, int64_t *value)
{
    (void)now_s;
    *value = zone->refresh_at_s;
    return zone->refresh_at_s != 0 && zone->refresh_at_s != INT64_MAX;
}

static const struct zone_row ROWS[] = {
    {&SERIAL, tell_serial},   {&RECORDS, tell_records},   {&KEYS, tell_keys},
    {&MADE, tell_made},       {&VERSIONS, tell_versions}, {&STOPS, tell_stops},
    {&STOPPED, tell_stopped}, {&BOGUS, tell_bogus},       {&BOGUS_LEFT, tell_bogus_left},
    {&REFRESH, tell_refresh},
};

void signer_add_metrics(const struct signer *signer, int64_t now_s, struct metrics *metrics)
{
    for (size_t i = 0; i < signer->zone_count; i++) {
        const struct signer_zone *zone = signer->zones[i];
        size_t size = (size_t)zone->options.name.len * 4 + 1;
        char *bytes = arena_take(metrics->arena, size);
        if (bytes == NULL) {
            return;
        }
        struct writer name = writer_over(bytes, size);
        name_write_text(zone->options.name, &name);
        for (size_t row = 0; row < LEN(ROWS); row++) {
            int64_t value;
            if (ROWS[row].tell(zone, now_s, &value)) {
                metrics_add(metrics, ROWS[row].family, writer_written(&name), value);
            }
        }
    }
}
