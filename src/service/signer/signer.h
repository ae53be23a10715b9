#pragma once
/* The machine that holds the keys: makes the signed version of each zone, has it verified by code
 * apart from the signing, and hands it to whoever serves it. It meets no client: zones come in by
 * signer_take, versions go out by a callback. */
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/keys/keystore.h"
#include "core/node/outbox.h"
#include "core/zone/update_policy.h"

enum { SIGNER_ZONES_MAX = 100000, SIGNER_UPDATE_LATER = 0xffff /* no RCODE */ };

struct signer_zone_options {
    struct name name;
    const char *file;  /* read through `load`; NULL: versions come by signer_take */
    bool is_signed;    /* at the first start; later `sign` and `unsign` decide. A zone that is not
                          signed goes out as it came */
    uint8_t algorithm; /* of the first keys */
    bool is_csk;       /* one key for both tasks; else KSK and ZSK */
    bool has_keys_in_hsm; /* new keys are made in `hsm`; else in files */
    struct zone_sign_policy policy;
    /* Its CDS and CDNSKEY are also shown below the names of its name servers, where those lie in a
     * zone of this signer that is signed (RFC 9615). */
    bool is_signalled;
    /* Who may change it by UPDATE; without any rule nobody. Such a zone's file is only read at the
     * first start, and later when its serial is newer than that taken before. */
    const struct update_rule *update_rules;
    size_t update_rule_count;
};

struct signer_options {
    const struct signer_zone_options
        *zones; /* names are copied; all else that they point to outlives
                   the service, or the zone's next signer_change */
    size_t zone_count;
    const struct disk *disk;
    const struct hsm *hsm; /* NULL: there is none */
    const struct log *log;
    /* The zone in a file with one reference; NULL when it has faults, which were reported, the
     * first of them in `problem` where that can be. */
    struct zone *(*load)(void *user, const char *file, struct name apex, struct problem *problem);
    /* A version that was handed out before a restart, the oldest first, right before the publish of
     * the one behind them; the reference goes with it. For IXFR. */
    void (*remember)(void *user, struct zone *version);
    /* A verified version, or one of a zone that is not signed; the reference goes with it. */
    void (*publish)(void *user, struct zone *version, struct moment now);
    /* The RCODE of an UPDATE that was to be answered later. May be NULL where no UPDATE has a
     * ticket. */
    void (*updated)(void *user, uint64_t ticket, uint16_t rcode, struct moment now);
    /* Tell the secondaries again. */
    void (*notify)(void *user, struct name zone, struct moment now);
    /* Why the next version of a zone is held back, each time that one is. May be NULL. */
    void (*held_back)(void *user, struct name zone, const char *sentence, struct moment now);
    void *user;
};

struct signer;

enum status signer_open(const struct signer_options *options, struct signer **signer,
                        struct problem *problem) MUST_USE;
/* From now on signing and judging are spread over these threads, which outlive the signer. */
void signer_use_threads(struct signer *signer, const struct parallel *parallel);
/* While it runs, from within its own callbacks' events or between events. What was kept of a zone
 * of that name, its keys too, is taken up again; else it begins as at a first start. OK says that
 * the zone is there; where it has no version yet, `held_back` was told why. EXISTS, LIMIT_REACHED.
 */
enum status signer_add(struct signer *signer, const struct signer_zone_options *options,
                       struct moment now, struct outbox *outbox, struct problem *problem) MUST_USE;
/* The zone is signed again with the new options, which take the place of all those before; its file
 * is read if it is another one. NOT_FOUND. */
enum status signer_change(struct signer *signer, const struct signer_zone_options *options,
                          struct moment now, struct outbox *outbox,
                          struct problem *problem) MUST_USE;
/* It is signed no more. What is kept of it on disk stays. NOT_FOUND. */
enum status signer_remove(struct signer *signer, struct name name, struct moment now,
                          struct outbox *outbox) MUST_USE;
/* A new version of the owner's data, as it came from a primary; it is held as long as needed. One
 * with errors (zone_check) is held back. */
void signer_take(struct signer *signer, const struct zone *version, struct moment now,
                 struct outbox *outbox);
/* An UPDATE whose TSIG by `key` was checked. */
struct signer_update {
    struct name zone;
    struct name key;
    struct span message;
    uint64_t ticket; /* for `updated`; 0: the answer is wanted at once */
};
/* The RCODE to answer with. NOERROR: the change is signed, judged, durable and handed out (or there
 * was nothing to change). SERVFAIL: it may have become durable all the same.
 *
 * In a zone with ZONEMD each version costs a digest of the whole. There UPDATEs with a ticket are
 * gathered for about the time that one takes, a second at most: SIGNER_UPDATE_LATER. Then they are
 * made into one version, in the order they came, each seeing what those before it did; and each is
 * told apart by `updated`. Where that version is held back, each is tried alone. */
uint16_t signer_update(struct signer *signer, const struct signer_update *update, struct moment now,
                       struct outbox *outbox) MUST_USE;
/* Control lines: status, zone-status NAME, zone-dump NAME, reload [NAME], sign NAME, unsign NAME,
 * key-list NAME, key-add NAME ROLE [ALGORITHM], key-import NAME ROLE FILE [ALGORITHM] (in the
 * signer's folder, as BIND writes it or PKCS#8 PEM), key-retire NAME TAG|oldest, key-export NAME
 * TAG, notify NAME. */
void signer_handle(void *state, const struct event *event, struct outbox *outbox);
void signer_close(struct signer *signer); /* NULL is fine; wipes the keys */
