/* What an RRSIG of a zone must say, the octets it signs (RFC 4034 §3.1.8.1), and how many are
 * checked together. */
#include "core/dns/rdata.h"
#include "core/dnssec/sign.h"
#include "core/zone/verify_run.h"

#include <stdlib.h>

enum { RRSIG_FIXED_LEN = 18, RECORD_FIXED_LEN = 10 };

/* A signature that waits, with what it signs. */
struct verify_check {
    const struct rrset *rrset;
    struct rrsig rrsig;
    struct span message;
    uint64_t order;
    size_t key; /* the first with its tag and algorithm */
};

struct verify_queue {
    struct verify_check checks[VERIFY_QUEUE_MAX];
    size_t count;
    size_t messages_len;
    uint8_t messages[VERIFY_MESSAGES_SIZE];
};

void verify_signatures_close(struct verify_worker *worker)
{
    free(worker->queue);
    for (size_t i = 0; i < ZONE_VERIFY_KEYS_MAX; i++) {
        key_close(worker->keys[i]);
    }
}

/* As the Labels field counts (RFC 4034 §3.1.3). */
static uint8_t labels_of(struct name owner)
{
    return (uint8_t)(owner.label_count - (name_is_wildcard(owner) ? 1 : 0));
}

/* At most this many octets are signed. */
static size_t message_len_max(const struct rrset *rrset, const struct rrsig *rrsig)
{
    return rrsig->prefix.len + rrset->rdata_len +
           (size_t)rrset->count * ((size_t)rrset->owner.len + RECORD_FIXED_LEN - 2);
}

/* The records stand in canonical order in a zone, each once. */
static void message_write(const struct rrset *rrset, const struct rrsig *rrsig,
                          struct writer *message)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(rrsig->signer, &buffer, &lower);
    writer_span(message, span_part(rrsig->prefix, 0, RRSIG_FIXED_LEN));
    name_write(lower, message);
    name_lower_to(rrset->owner, &buffer, &lower);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        name_write(lower, message);
        writer_u16(message, rrset->type);
        writer_u16(message, rrset->class_);
        writer_u32(message, rrsig->original_ttl_s);
        writer_u16(message, (uint16_t)rdata.len);
        rdata_write_canonical(rrset->type, rdata, message);
    }
}

/* This thread's own; NULL where the key cannot be used. */
static struct key *worker_key(struct verify_worker *worker, size_t index)
{
    const struct verify_key *key = &worker->run->keys[index];
    if (worker->keys[index] == NULL && key->key != NULL) {
        enum status status = key_share(key->key, &worker->keys[index]);
        if (status != OK) {
            worker->keys[index] = NULL;
            verify_fail(worker, status);
        }
    }
    return worker->keys[index];
}

static enum verify_result check_by(struct verify_worker *worker, size_t index,
                                   const struct rrsig *rrsig, struct span message)
{
    struct key *key = worker_key(worker, index);
    if (key == NULL) {
        return worker->run->keys[index].result;
    }
    struct key_check check = {message, rrsig->signature, false};
    enum status status = key_verify_batch(key, &check, 1);
    if (status != OK) {
        verify_fail(worker, status);
    }
    return check.is_good ? VERIFY_GOOD : VERIFY_BAD_SIGNATURE;
}

/* The next key from `index` on that the signature may be by; key_count when there is none. */
static size_t key_for(const struct verify_run *run, const struct rrsig *rrsig, size_t index)
{
    while (index < run->key_count && (run->keys[index].dnskey.tag != rrsig->tag ||
                                      run->keys[index].dnskey.algorithm != rrsig->algorithm)) {
        index++;
    }
    return index;
}

/* After the first key's answer: the other keys of the same tag and algorithm, then the fault. */
static void check_end(struct verify_worker *worker, const struct verify_check *check,
                      enum verify_result result)
{
    const struct verify_run *run = worker->run;
    for (size_t i = key_for(run, &check->rrsig, check->key + 1);
         result != VERIFY_GOOD && i < run->key_count; i = key_for(run, &check->rrsig, i + 1)) {
        result = check_by(worker, i, &check->rrsig, check->message);
    }
    if (result != VERIFY_GOOD) {
        char type[TYPE_TEXT_MAX];
        verify_fault_at(worker, check->order, check->rrset->owner,
                        "the RRSIG over %s by key %u is not good: %s",
                        type_print(check->rrset->type, type), check->rrsig.tag,
                        verify_result_text(result));
    }
}

/* Those of one key, together. */
static void flush_key(struct verify_worker *worker, size_t index)
{
    struct verify_queue *queue = worker->queue;
    struct key_check batch[VERIFY_QUEUE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < queue->count; i++) {
        const struct verify_check *check = &queue->checks[i];
        if (check->key == index) {
            batch[count++] = (struct key_check){check->message, check->rrsig.signature, false};
        }
    }
    struct key *key = count == 0 ? NULL : worker_key(worker, index);
    enum verify_result wrong = key == NULL ? worker->run->keys[index].result : VERIFY_BAD_SIGNATURE;
    if (key != NULL) {
        enum status status = key_verify_batch(key, batch, count);
        if (status != OK) {
            verify_fail(worker, status);
            return;
        }
    }
    for (size_t i = 0, at = 0; i < queue->count && at < count; i++) {
        const struct verify_check *check = &queue->checks[i];
        if (check->key == index) {
            check_end(worker, check, batch[at++].is_good ? VERIFY_GOOD : wrong);
        }
    }
}

void verify_flush(struct verify_worker *worker)
{
    struct verify_queue *queue = worker->queue;
    if (queue == NULL || queue->count == 0) {
        return;
    }
    for (size_t i = 0; i < worker->run->key_count; i++) {
        flush_key(worker, i);
    }
    queue->count = 0;
    queue->messages_len = 0;
}

/* An RRset too large to wait for others. */
static void check_large(struct verify_worker *worker, struct verify_check *check, size_t len)
{
    uint8_t *bytes = malloc(len);
    if (bytes == NULL) {
        verify_fail(worker, NO_MEMORY);
        return;
    }
    struct writer message = writer_over(bytes, len);
    message_write(check->rrset, &check->rrsig, &message);
    check->message = writer_written(&message);
    check_end(worker, check, check_by(worker, check->key, &check->rrsig, check->message));
    free(bytes);
}

static struct verify_queue *queue_open(struct verify_worker *worker)
{
    if (worker->queue == NULL) {
        worker->queue = malloc(sizeof *worker->queue);
        if (worker->queue == NULL) {
            verify_fail(worker, NO_MEMORY);
            return NULL;
        }
        worker->queue->count = 0;
        worker->queue->messages_len = 0;
    }
    return worker->queue;
}

static void check_later(struct verify_worker *worker, struct verify_check check)
{
    struct verify_queue *queue = queue_open(worker);
    if (queue == NULL) {
        return;
    }
    size_t len = message_len_max(check.rrset, &check.rrsig);
    if (len > sizeof queue->messages) {
        check_large(worker, &check, len);
        return;
    }
    if (queue->count == VERIFY_QUEUE_MAX || queue->messages_len + len > sizeof queue->messages) {
        verify_flush(worker);
    }
    struct writer message = writer_over(queue->messages + queue->messages_len, len);
    message_write(check.rrset, &check.rrsig, &message);
    require(message.status == OK);
    check.message = writer_written(&message);
    queue->messages_len += message.len;
    queue->checks[queue->count++] = check;
}

/* What can be said without a key. */
static enum verify_result check_fields(const struct verify_run *run, const struct rrset *rrset,
                                       const struct rrsig *rrsig)
{
    const struct algorithm *algorithm = algorithm_find(rrsig->algorithm);
    int64_t now_s = run->options->now_s;
    if (algorithm == NULL || !algorithm->can_verify) {
        return VERIFY_UNKNOWN_ALGORITHM;
    }
    /* A DS RRset speaks about the zone it names, so that zone cannot sign it (RFC 4035 §2.4). */
    if (!name_equal(rrsig->signer, run->apex) ||
        (rrset->type == TYPE_DS && name_equal(rrset->owner, run->apex))) {
        return VERIFY_WRONG_SIGNER;
    }
    /* Fewer labels would make it a wildcard's, which this name is not. */
    if (rrsig->labels != labels_of(rrset->owner)) {
        return VERIFY_BAD_LABELS;
    }
    if (rrsig_time_s(rrsig->expiration_s, now_s) < now_s) {
        return VERIFY_EXPIRED;
    }
    return rrsig_time_s(rrsig->inception_s, now_s) > now_s ? VERIFY_NOT_YET_VALID : VERIFY_GOOD;
}

static void count_key(struct verify_worker *worker, size_t key)
{
    worker->counts.keys[key].rrsigs++;
}

/* Is the RRset outside the sample? */
static bool is_passed_over(const struct verify_run *run, const struct rrset *rrset)
{
    uint32_t every = run->options->sample_every;
    return every > 1 && rrset->owner.label_count != run->apex.label_count &&
           name_hash(rrset->owner, rrset->type) % every != 0;
}

void verify_signature(struct verify_worker *worker, const struct rrset *rrset, struct span rdata,
                      bool is_known_good)
{
    const struct verify_run *run = worker->run;
    char type[TYPE_TEXT_MAX];
    struct rrsig rrsig;
    if (rrsig_read(rdata, &rrsig) != OK) {
        verify_fault(worker, rrset->owner, "an RRSIG over %s is malformed",
                     type_print(rrset->type, type));
        return;
    }
    size_t key = key_for(run, &rrsig, 0);
    if (key == run->key_count) {
        verify_fault(worker, rrset->owner,
                     "the RRSIG over %s is by key %u of algorithm %u, which is not in the DNSKEY "
                     "set",
                     type_print(rrset->type, type), rrsig.tag, rrsig.algorithm);
        return;
    }
    count_key(worker, key);
    enum verify_result result = check_fields(run, rrset, &rrsig);
    if (result != VERIFY_GOOD) {
        verify_fault(worker, rrset->owner, "the RRSIG over %s by key %u is not good: %s",
                     type_print(rrset->type, type), rrsig.tag, verify_result_text(result));
        return;
    }
    if (rrsig.original_ttl_s != rrset->ttl_s) {
        verify_fault(worker, rrset->owner, "the TTL of %s is %u, but %u was signed",
                     type_print(rrset->type, type), rrset->ttl_s, rrsig.original_ttl_s);
        return;
    }
    if (is_known_good || is_passed_over(run, rrset)) {
        return;
    }
    worker->counts.rrsigs_checked++;
    check_later(worker,
                (struct verify_check){
                    .rrset = rrset, .rrsig = rrsig, .order = verify_order(worker), .key = key});
}

bool verify_signature_is_good(struct verify_worker *worker, const struct rrset *rrset,
                              const struct rrsig *rrsig, size_t key)
{
    size_t len = message_len_max(rrset, rrsig);
    uint8_t *bytes = malloc(len);
    if (bytes == NULL) {
        verify_fail(worker, NO_MEMORY);
        return false;
    }
    struct writer message = writer_over(bytes, len);
    message_write(rrset, rrsig, &message);
    bool is_good = check_fields(worker->run, rrset, rrsig) == VERIFY_GOOD &&
                   check_by(worker, key, rrsig, writer_written(&message)) == VERIFY_GOOD;
    free(bytes);
    return is_good;
}
