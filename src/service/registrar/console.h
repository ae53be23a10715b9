#pragma once
/* The console: pages for people, made here, without scripts. */
#include "core/proto/html.h"
#include "service/registrar/state.h"

enum { PATH_PARTS_MAX = 6, PAGE_SIZE = 640 * 1024 };

/* One request for a page. */
struct console {
    struct turn *turn;
    uint64_t request;
    const struct event_http *http; /* NULL when answering later */
    struct visitor visitor;
    struct span parts[PATH_PARTS_MAX]; /* of the path, between slashes */
    size_t part_count;
    struct form form; /* of a POST, or the query of a GET */
    struct writer page;
    uint16_t status;
    const char *cookies[2];
};

void console_take(struct turn *turn);
/* `operation` NULL: refused. */
void console_answer_deletion(struct turn *turn, const struct held *held, const char *operation,
                             const struct refusal *refusal);

/* Layout and answers, for the pages. */
enum console_place { PLACE_NONE, PLACE_DOMAINS, PLACE_OPERATIONS, PLACE_TLDS, PLACE_TOKENS };
/* `refresh_s` 0: never. */
void console_begin_page(struct console *console, const char *title, enum console_place place,
                        unsigned refresh_s);
void console_end_page(struct console *console);
void console_redirect(struct console *console, const char *location);
/* A page that says only that. */
void console_show_error(struct console *console, uint16_t status, const char *title,
                        const char *sentence);
/* The hidden field that proves that a form is ours. */
void console_write_csrf(struct console *console);
/* "secure", "pending" ...: a mark with shape and words. */
enum console_mark { MARK_SECURE, MARK_PENDING, MARK_INSECURE, MARK_REFUSED, MARK_PLAIN };
void console_write_mark(struct writer *page, enum console_mark mark, const char *words);
/* "2026-11-24 09:10 UTC"; in scratch, never NULL. */
const char *console_time(struct console *console, int64_t time_s);
/* "2026-11-24"; likewise. */
const char *console_date(struct console *console, int64_t time_s);
/* "3 minutes ago"; in scratch, never NULL. */
const char *console_ago(struct console *console, int64_t age_s);
/* "3 hours"; in scratch, never NULL. */
const char *console_duration(struct console *console, uint32_t seconds);

/* The pages. */
void page_sign_in(struct console *console);
void page_sign_in_send(struct console *console);
void page_sign_out(struct console *console);
void page_domains(struct console *console);
void page_domain(struct console *console);
void page_keys(struct console *console);
void page_keys_add(struct console *console);
void page_keys_delete(struct console *console);
void page_operations(struct console *console);
void page_operation(struct console *console);
void page_tlds(struct console *console);
void page_tokens(struct console *console);
void page_tokens_add(struct console *console);
void page_tokens_revoke(struct console *console);

/* The state of a domain's DNSSEC, as the pages show it. */
void page_write_status(struct console *console, const struct domain *domain);
/* Manage keys, after a refusal with the sentence at its field and what was typed. */
struct page_typed {
    struct span type, algorithm, public_key;
};
void page_write_keys(struct console *console, const struct domain *domain,
                     const struct refusal *refusal, const struct page_typed *typed);
void page_write_confirmation(struct console *console, const struct domain *domain,
                             const struct domain_key *key, const char *consequence,
                             bool was_unconfirmed);
