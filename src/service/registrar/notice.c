/* The words of the notices. */
#include "service/registrar/notice.h"

#include <assert.h>
#include <string.h>

#include "core/base/text.h"
#include "core/proto/mail.h"
#include "service/registrar/letter.h"
#include "service/registrar/rules.h"
#include "service/registrar/state.h"

enum { NOTICE_TEXT_SIZE = 48 * 1024, NOTICE_MESSAGE_SIZE = 160 * 1024, NOTICE_WIDTH = 72 };

static const struct {
    const char *done;   /* after the domain's name, in the subject */
    const char *failed; /* likewise */
    const char *done_sentence;
    const char *failed_sentence;
} words[] = {
    [OPERATION_ADD_KEY] = {"the key was added at the registry", "the key could not be added",
                           "The registry has confirmed that this key was added:",
                           "This key could not be added at the registry:"},
    [OPERATION_REMOVE_KEY] = {"the key was deleted at the registry", "the key could not be deleted",
                              "The registry has confirmed that this key was deleted:",
                              "This key could not be deleted at the registry:"},
    [OPERATION_REGISTER] = {"the domain is registered", "the domain could not be registered",
                            "The registry has confirmed the registration. The name servers are:",
                            "The domain could not be registered with these name servers:"},
    [OPERATION_NAMESERVERS] = {"the name servers were changed at the registry",
                               "the name servers could not be changed",
                               "The registry has confirmed the new name servers:",
                               "The name servers could not be changed to these:"},
};

/* Writes `sentence` broken at blanks, each line behind `indent`. */
static void text_wrap(struct writer *text, const char *indent, struct span sentence)
{
    size_t width = 0;
    bool is_begun = false;
    while (sentence.len > 0) {
        const uint8_t *blank = memchr(sentence.bytes, ' ', sentence.len);
        size_t len = blank == NULL ? sentence.len : (size_t)(blank - sentence.bytes);
        if (len > 0) {
            bool fits = is_begun && width + 1 + len <= NOTICE_WIDTH;
            if (fits) {
                writer_u8(text, ' ');
                width++;
            } else {
                writer_text(text, is_begun ? "\n" : "");
                writer_text(text, indent);
                width = strlen(indent);
            }
            writer_span(text, span_part(sentence, 0, len));
            width += len;
            is_begun = true;
        }
        size_t next = len < sentence.len ? len + 1 : len;
        sentence = span_part(sentence, next, sentence.len - next);
    }
    writer_text(text, "\n");
}

static void lines_wrap(struct writer *text, const char *lines)
{
    for (const char *at = lines; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        text_wrap(text, "  ", span_of(at, len));
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static void key_write(struct writer *text, const struct domain *domain,
                      const struct domain_key *key)
{
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    writer_print(text, "  Key type:   %s (flags %u)\n", key_type_text(key->flags), key->flags);
    writer_print(text, "  Algorithm:  %u (%s)\n", key->algorithm,
                 algorithm == NULL ? "unknown" : algorithm->mnemonic);
    writer_print(text, "  Key tag:    %u\n", key->tag);
    writer_print(text, "  Key id:     %s\n", key->id);
    writer_print(text, "  DS record:  %s. IN DS %u %u %d\n              ", domain->text, key->tag,
                 key->algorithm, DS_DIGEST_SHA256);
    text_write_base16(text, span_of(key->digest, KEY_DIGEST_LEN));
    writer_text(text, "\n");
}

static void duration_write(struct writer *text, uint32_t seconds)
{
    static const struct {
        uint32_t seconds;
        const char *one;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (size_t i = 0; i < LEN(units); i++) {
        if (seconds % units[i].seconds == 0 || seconds >= 2 * units[i].seconds) {
            uint32_t count = (seconds + units[i].seconds - 1) / units[i].seconds;
            writer_print(text, "%u %s%s", count, units[i].one, count == 1 ? "" : "s");
            return;
        }
    }
}

static void advice_write(struct turn *turn, struct writer *text, const struct operation *operation,
                         const struct domain *domain)
{
    uint32_t ttl_s = rules_ds_ttl_s(domain);
    char *line = arena_take(turn->scratch, 600);
    if (line == NULL) {
        writer_fail(text, NO_MEMORY);
        return;
    }
    struct writer advice = writer_over(line, 599);
    if (operation->type == OPERATION_ADD_KEY && domain->key_count > 0) {
        writer_text(&advice, "If you are rotating keys, wait before you delete the old one: "
                             "resolvers may remember the former DS records for ");
        duration_write(&advice, ttl_s);
        writer_text(&advice, ", and up to three days are advised.");
    } else if (operation->type == OPERATION_REMOVE_KEY) {
        writer_text(&advice, "Do not stop signing at your DNS provider yet: resolvers may remember "
                             "the deleted DS record for ");
        duration_write(&advice, ttl_s);
        writer_text(&advice,
                    ", and up to three days are advised. Until then a domain that is no longer "
                    "signed is answered with SERVFAIL.");
    }
    if (advice.len > 0) {
        writer_text(text, "\n");
        text_wrap(text, "", writer_written(&advice));
    }
}

static void time_line(struct writer *text, const char *label, int64_t time_s)
{
    writer_text(text, label);
    text_write_rfc3339(text, time_s);
    writer_text(text, "\n");
}

enum status notice_write(struct turn *turn, const struct operation *operation,
                         const struct domain *domain, const char **subject, struct writer *text)
{
    bool is_success = operation->state == OPERATION_SUCCESSFUL;
    struct domain_key key;
    *subject =
        arena_print(turn->scratch, "%s: %s", operation->domain,
                    is_success ? words[operation->type].done : words[operation->type].failed);
    writer_print(text, "To the registrant of %s\n\n", operation->domain);
    text_wrap(text, "",
              span_of_text(is_success ? words[operation->type].done_sentence
                                      : words[operation->type].failed_sentence));
    writer_text(text, "\n");
    if (operation_key(turn, operation, &key) == OK) {
        key_write(text, domain, &key);
    } else {
        lines_wrap(text, operation->is_refused ? operation->given : operation->hosts);
    }
    if (!is_success) {
        writer_text(text, "\nWhy:\n");
        text_wrap(text, "  ", span_of_text(operation->reason));
        writer_text(text, "\nNothing was changed at the registry.\n");
    }
    if (operation->evidence[0] != '\0') {
        writer_text(text, "\nWhat was seen at the name servers:\n");
        lines_wrap(text, operation->evidence);
    }
    if (is_success) {
        advice_write(turn, text, operation, domain);
    }
    writer_print(text, "\nOperation %s\n", operation->id);
    time_line(text, "Requested ", operation->submitted_s);
    time_line(text, "Closed    ", turn->now_s);
    const struct registrar_options *options = &turn->registrar->options;
    if (options->url[0] != '\0') {
        writer_print(text, "%s/operations/%s\n", options->url, operation->id);
    }
    writer_print(text, "\n%s\n", options->name);
    return *subject == NULL ? NO_MEMORY : text->status;
}

/* The registrant contact is the account's holder; before registration there is no domain row. */
static enum status recipient_find(struct turn *turn, const struct operation *operation,
                                  const char **recipient)
{
    struct records_rows rows;
    enum status status = RECORDS_RUN(turn->records, "SELECT email FROM account WHERE id = ?",
                                     turn->scratch, &rows, records_integer(operation->account));
    if (status != OK || rows.count == 0) {
        return status != OK ? status : NOT_FOUND;
    }
    *recipient = arena_text(turn->scratch, rows.rows[0].values[0].bytes);
    return *recipient == NULL ? NO_MEMORY : OK;
}

/* One outcome, one message, one Message-ID: derived from the operation, so that a repetition after
 * a lost reply is the same mail. */
static const char *message_id_make(struct turn *turn, const struct operation *operation)
{
    const char *host = strchr(turn->registrar->options.mail_from, '@');
    return arena_print(turn->scratch, "operation.%s%s", operation->id,
                       host == NULL ? "@localhost" : host);
}

/* Makes the message of a text and puts it into the outbox. */
static enum status letter_make(struct turn *turn, struct letter *letter, const char *subject,
                               const struct writer *text)
{
    const struct registrar_options *options = &turn->registrar->options;
    uint8_t *bytes = arena_take(turn->scratch, NOTICE_MESSAGE_SIZE);
    if (bytes == NULL || letter->message_id == NULL || letter->about == NULL || subject == NULL) {
        return NO_MEMORY;
    }
    struct writer message = writer_over(bytes, NOTICE_MESSAGE_SIZE);
    struct mail mail = {span_of_text(options->name),
                        span_of_text(options->mail_from),
                        span_of_text(letter->recipient),
                        span_of_text(subject),
                        span_of_text(letter->message_id),
                        turn->now_s,
                        writer_written(text)};
    enum status status = mail_write(&mail, &message);
    letter->message = writer_written(&message);
    return status == OK ? letter_queue(turn, letter) : status;
}

enum status notice_queue(struct turn *turn, const struct operation *operation)
{
    const char *subject;
    struct domain domain;
    uint8_t *bytes = arena_take(turn->scratch, NOTICE_TEXT_SIZE);
    struct letter letter = {.about = operation->id, .message_id = message_id_make(turn, operation)};
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer text = writer_over(bytes, NOTICE_TEXT_SIZE);
    enum status status = domain_load(turn->records, &turn->registrar->policy, operation->domain, 0,
                                     turn->scratch, &domain);
    if (status == NOT_FOUND) {
        domain = (struct domain){.text = operation->domain};
        status = OK;
    }
    if (status == OK) {
        status = recipient_find(turn, operation, &letter.recipient);
    }
    if (status == OK) {
        status = notice_write(turn, operation, &domain, &subject, &text);
    }
    return status == OK ? letter_make(turn, &letter, subject, &text) : status;
}

static const struct {
    const char *id;
    const char *subject; /* after the domain's name */
    const char *what;
    const char *advice;
} turns[] = {
    [CHAIN_TURN_BROKEN] =
        {"broken", "the DNSSEC chain of trust is broken",
         "A validating resolver answers SERVFAIL for this domain, and did so again when it was "
         "asked once more: clients behind such resolvers cannot reach it.",
         "At your DNS provider, see that the zone is signed with one of these keys and that its "
         "signatures have not expired. If DNSSEC was switched off there, switch it on again or "
         "delete the keys at this registrar. You are told when the chain is well again."},
    [CHAIN_TURN_SECURE] = {"well", "the DNSSEC chain of trust is well again",
                           "A validating resolver has confirmed the chain of trust again: the "
                           "domain is reachable and its answers are protected.",
                           ""},
    [CHAIN_TURN_INSECURE] =
        {"open", "the domain is reachable again, without DNSSEC",
         "A validating resolver answers for this domain again, but as insecure: the registry's "
         "name servers show no DS record of it, and its answers are not protected.",
         ""},
};
static_assert(LEN(turns) == CHAIN_TURN_COUNT, "words for each turn");

static void turn_write(struct turn *turn, struct writer *text, const struct domain *domain,
                       enum chain_turn chain_turn)
{
    const struct registrar_options *options = &turn->registrar->options;
    writer_print(text, "To the registrant of %s\n\n", domain->text);
    text_wrap(text, "", span_of_text(turns[chain_turn].what));
    writer_print(text, "\nWhat was seen:\n  The resolver ");
    writer_print(text, "%s.\n", domain->chain_reason);
    writer_text(text, "\nKeys at the registry:\n");
    for (size_t i = 0; i < domain->key_count; i++) {
        writer_print(text, "  %s\n", key_describe(&domain->keys[i], turn->scratch));
    }
    writer_text(text, domain->key_count == 0 ? "  none\n" : "");
    if (turns[chain_turn].advice[0] != '\0') {
        writer_text(text, "\n");
        text_wrap(text, "", span_of_text(turns[chain_turn].advice));
    }
    time_line(text, "\nSeen ", turn->now_s);
    if (options->url[0] != '\0') {
        writer_print(text, "%s/domains/%s\n", options->url, domain->text);
    }
    writer_print(text, "\n%s\n", options->name);
}

enum status notice_queue_turn(struct turn *turn, const struct domain *domain,
                              enum chain_turn chain_turn)
{
    require(chain_turn > CHAIN_TURN_NONE && chain_turn < CHAIN_TURN_COUNT);
    const char *host = strchr(turn->registrar->options.mail_from, '@');
    uint8_t *bytes = arena_take(turn->scratch, NOTICE_TEXT_SIZE);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer text = writer_over(bytes, NOTICE_TEXT_SIZE);
    turn_write(turn, &text, domain, chain_turn);
    /* A domain takes each of its turns at another time. */
    const char *about = arena_print(turn->scratch, "chain.%s.%s.%lld", domain->text,
                                    turns[chain_turn].id, (long long)turn->now_s);
    struct letter letter = {.about = about,
                            .recipient = domain->email,
                            .message_id = about == NULL
                                              ? NULL
                                              : arena_print(turn->scratch, "%s%s", about,
                                                            host == NULL ? "@localhost" : host)};
    const char *subject =
        arena_print(turn->scratch, "%s: %s", domain->text, turns[chain_turn].subject);
    return text.status == OK ? letter_make(turn, &letter, subject, &text) : text.status;
}
