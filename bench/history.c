/* Replays real versions of a zone through the signer, each as its owner's change: every version is
 * judged anew as a whole, offered as IXFR and put together again from that, and the signatures made
 * are counted beside the fewest that the change needs. Writes the versions as files for peers to
 * judge. Prints "SERIAL MADE LEAST" for each version. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/rdata.h"
#include "core/store/fake_disk.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_verify.h"
#include "core/zone/zonefile.h"
#include "service/signer/signer.h"

enum {
    LINE_LEN_MAX = 8192,
    MESSAGE_SIZE = 65535,
    BEGIN_S = 1733011200, /* 2024-12-01, when the first version was made */
    STEP_S = 10           /* between versions: nothing has to be signed again for its age */
};

struct replay {
    struct fake_disk files;
    struct disk disk;
    struct outbox outbox;
    struct log log;
    struct name_buffer apex_buffer;
    struct name apex;
    struct zone *owner_data;
    struct zone *published;
    struct zone *before; /* the version published before that */
    int64_t now_s;
    const char *folder;
    size_t made_total, least_total, versions;
};

static void fail(const char *what, uint32_t serial)
{
    fprintf(stderr, "history: version %" PRIu32 ": %s\n", serial, what);
    exit(1);
}

static void on_publish(void *user, struct zone *version, struct moment now)
{
    struct replay *replay = user;
    (void)now;
    zone_release(replay->before);
    replay->before = replay->published;
    replay->published = version;
}

static void on_notify(void *user, struct name zone, struct moment now)
{
    (void)user;
    (void)zone;
    (void)now;
}

static struct zone *on_load(void *user, const char *file, struct name apex, struct problem *problem)
{
    (void)user;
    (void)file;
    (void)apex;
    (void)problem;
    return NULL;
}

static void say(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level <= LOG_WARNING) {
        fprintf(stderr, "history: %s\n", text);
    }
}

/* "OWNER TTL IN TYPE RDATA" into or out of the builder. */
static void change(struct zone_builder *builder, const char *line, bool is_added)
{
    char owner_text[1024], type_text[64];
    unsigned ttl_s = 0;
    int at = 0;
    uint16_t type = 0;
    uint8_t bytes[4096];
    struct name_buffer buffer;
    struct name owner;
    struct problem problem = {0};
    struct writer rdata = writer_over(bytes, sizeof bytes);
    bool is_read =
        sscanf(line, "%1023s %u IN %63s %n", owner_text, &ttl_s, type_text, &at) == 3 &&
        name_parse(span_of_text(owner_text), &NAME_ROOT, &buffer, &owner, &problem) == OK &&
        type_parse(span_of_text(type_text), &type) == OK &&
        rdata_parse_text(type, span_of_text(line + at), &NAME_ROOT, &rdata, &problem) == OK;
    enum status status = !is_read ? MALFORMED
                         : is_added
                             ? zone_build_add(builder, owner, type, ttl_s, writer_written(&rdata))
                             : zone_build_remove(builder, owner, type, writer_written(&rdata));
    if (status != OK) {
        fprintf(stderr, "history: %s: %s\n", status_text(status), line);
        exit(1);
    }
}

/* Each later version names its SOA first, which takes the place of the one before. */
static void replace_soa(struct replay *replay, struct zone_builder *builder)
{
    const struct rrset *soa = replay->owner_data == NULL ? NULL : zone_soa(replay->owner_data);
    if (soa != NULL && zone_build_remove(builder, replay->apex, TYPE_SOA, rrset_only(soa)) != OK) {
        fail("its SOA cannot be replaced", zone_serial(replay->owner_data));
    }
}

static bool has_record(const struct rrset *rrset, struct span rdata)
{
    return rrset != NULL && rrset_has(rrset, rdata);
}

/* Counts the RRSIGs that only the new version has, and the RRsets with RRSIGs that only it has. */
static void count_signatures(const struct zone *before, const struct zone *after, size_t *made,
                             size_t *least)
{
    struct zone_cursor cursor;
    const struct zone_node *node;
    *made = *least = 0;
    zone_walk(after, &cursor);
    while ((node = zone_walk_next(&cursor)) != NULL) {
        const struct zone_node *old = before == NULL ? NULL : zone_find(before, node->owner);
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            const struct rrset *rrset = &node->rrsets[i];
            if (rrset->type != TYPE_RRSIG) {
                continue;
            }
            const struct rrset *covered = zone_node_rrset(node, rrset->covers);
            const struct rrset *covered_old =
                old == NULL ? NULL : zone_node_rrset(old, rrset->covers);
            const struct rrset *old_rrsigs =
                old == NULL ? NULL : zone_node_rrsigs(old, rrset->covers);
            bool is_same = covered != NULL && covered_old != NULL &&
                           covered->ttl_s == covered_old->ttl_s &&
                           rrset_equal(covered, covered_old);
            struct span rdata;
            for (struct rrset_cursor at = rrset_first(rrset); rrset_next(&at, &rdata);) {
                *made += has_record(old_rrsigs, rdata) ? 0 : 1;
                *least += is_same ? 0 : 1;
            }
        }
    }
}

static enum status differs(void *user, bool is_added, const struct rrset *record)
{
    (void)user;
    (void)is_added;
    (void)record;
    return MISMATCH;
}

/* What a secondary with the version before makes of the IXFR is the new version. */
static void check_transfer(struct zone *before, struct zone *after)
{
    struct zone *history[] = {before, after};
    struct question question = {.name = zone_apex(after), .type = TYPE_IXFR, .class_ = CLASS_IN};
    struct transfer_out *out = NULL;
    struct transfer_in *in = NULL;
    struct problem problem = {0};
    static uint8_t message[MESSAGE_SIZE];
    enum transfer_state state = TRANSFER_MORE;
    enum status status =
        transfer_out_open(history, 2, TYPE_IXFR, zone_serial(before), question, 7, &out);
    status = status == OK ? transfer_in_open(zone_apex(after), before, &in) : status;
    while (status == OK && state == TRANSFER_MORE) {
        struct span wire = transfer_out_next(out, message, sizeof message);
        state = wire.len == 0 ? TRANSFER_FAILED : transfer_in_add(in, wire, &problem);
    }
    struct zone *received = state == TRANSFER_DONE ? transfer_in_finish(in) : NULL;
    if (received == NULL || zone_diff(received, after, differs, NULL) != OK ||
        zone_serial(received) != zone_serial(after)) {
        fail("the IXFR does not lead to it", zone_serial(after));
    }
    zone_release(received);
    transfer_in_close(in);
    transfer_out_close(out);
}

static void say_fault(void *user, const struct problem *problem)
{
    (void)user;
    fprintf(stderr, "history: %s: %s\n", problem->place, problem->sentence);
}

static void check_whole(const struct replay *replay)
{
    struct zone_verify_options options = {.now_s = replay->now_s};
    struct zone_verify_report report;
    if (zone_verify(replay->published, &options, say_fault, NULL, &report) != OK) {
        fail("it is not valid", zone_serial(replay->published));
    }
}

static void write_text(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

static void save(const struct replay *replay)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%" PRIu32 ".zone", replay->folder,
             zone_serial(replay->published));
    FILE *file = fopen(path, "we");
    if (file == NULL || zonefile_write(replay->published, write_text, file) != OK ||
        fclose(file) != 0) {
        fail("it cannot be written", zone_serial(replay->published));
    }
}

static void take_version(struct replay *replay, struct signer *signer, struct zone_builder *builder)
{
    struct zone *data = zone_build_finish(builder);
    if (data == NULL) {
        fail("no memory", 0);
    }
    zone_release(replay->owner_data);
    replay->owner_data = data;
    replay->now_s += STEP_S;
    struct moment now = {replay->now_s * MOMENT_NS_PER_S, replay->now_s * MOMENT_NS_PER_S};
    signer_take(signer, data, now, &replay->outbox);
    outbox_reset(&replay->outbox);
    if (replay->published == NULL || zone_serial(replay->published) != zone_serial(data)) {
        fail("the signer did not hand it out", zone_serial(data));
    }
    size_t made, least;
    count_signatures(replay->versions == 0 ? NULL : replay->before, replay->published, &made,
                     &least);
    printf("%" PRIu32 " %zu %zu\n", zone_serial(data), made, least);
    check_whole(replay);
    if (replay->versions > 0) {
        check_transfer(replay->before, replay->published);
        replay->made_total += made;
        replay->least_total += least;
    }
    save(replay);
    replay->versions++;
}

static void read_history(struct replay *replay, struct signer *signer, FILE *file)
{
    char line[LINE_LEN_MAX];
    struct zone_builder *builder = NULL;
    bool wants_soa = false;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == ';' || line[0] == '\0') {
            continue;
        }
        if (strncmp(line, "version ", 8) == 0) {
            if (builder != NULL) {
                take_version(replay, signer, builder);
            }
            if (zone_build(replay->apex, replay->owner_data, &builder) != OK) {
                fail("no memory", 0);
            }
            wants_soa = true;
            continue;
        }
        if (builder == NULL) {
            fail("the history begins with a version", 0);
        }
        if (wants_soa) {
            replace_soa(replay, builder);
            wants_soa = false;
        }
        bool has_sign = (line[0] == '+' || line[0] == '-') && line[1] == ' ';
        change(builder, has_sign ? line + 2 : line, line[0] != '-');
    }
    if (builder != NULL) {
        take_version(replay, signer, builder);
    }
}

int main(int argc, char **argv)
{
    static struct replay replay;
    FILE *file = argc == 3 ? fopen(argv[1], "re") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: history FILE FOLDER\n");
        return 2;
    }
    replay.disk = fake_disk_open(&replay.files);
    outbox_open(&replay.outbox, 64 << 20);
    replay.log = (struct log){.line = say};
    replay.folder = argv[2];
    replay.now_s = BEGIN_S;
    name_copy_to(NAME_ROOT, &replay.apex_buffer, &replay.apex);
    struct signer_zone_options zone = {.name = replay.apex,
                                       .is_signed = true,
                                       .algorithm = ALGORITHM_ECDSAP256SHA256,
                                       .policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_KEEP}};
    struct signer_options options = {.zones = &zone,
                                     .zone_count = 1,
                                     .disk = &replay.disk,
                                     .log = &replay.log,
                                     .load = on_load,
                                     .publish = on_publish,
                                     .notify = on_notify,
                                     .user = &replay};
    struct signer *signer = NULL;
    struct problem problem = {0};
    if (signer_open(&options, &signer, &problem) != OK) {
        fprintf(stderr, "history: %s\n", problem.sentence);
        return 1;
    }
    struct event start = {.kind = EVENT_START,
                          .now = {replay.now_s * MOMENT_NS_PER_S, replay.now_s * MOMENT_NS_PER_S}};
    signer_handle(signer, &start, &replay.outbox);
    outbox_reset(&replay.outbox);
    read_history(&replay, signer, file);
    fclose(file);
    fprintf(stderr, "history: %zu versions; after the first %zu signatures made, %zu at least\n",
            replay.versions, replay.made_total, replay.least_total);
    signer_close(signer);
    zone_release(replay.before);
    zone_release(replay.published);
    zone_release(replay.owner_data);
    outbox_close(&replay.outbox);
    fake_disk_close(&replay.files);
    return 0;
}
