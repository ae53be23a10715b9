#pragma once
/* What the tour sees, by public ways only: DNS answers, pages, API answers, mails. Each is a text
 * that is shown and must hold what the clause says. Actions (signing at the provider, switching the
 * attacker on) go through control sockets and are no evidence. */
#include "command/lab/lab.h"
#include "core/dns/message.h"

struct tour {
    struct lab *lab;
    struct arena arena; /* the step's */
    unsigned step;      /* 1..55 */
    unsigned broken;    /* the step whose evidence is withheld; 0: none */
    uint16_t next_id;   /* of DNS questions */
    bool holds;         /* so far, in this step */
    unsigned passed, failed;
    char cookies[512]; /* the browser's: "name=value; name=value" */
    char *api_token;   /* bearer token of the owner */
    char *kept[8];     /* what a later step needs of an earlier one; malloc'ed by tour_keep */
};

/* Shows the evidence and says whether it has `wanted` and, unless NULL, lacks `unwanted`. */
void tour_show(struct tour *tour, const char *evidence, const char *wanted, const char *unwanted);
/* Says what is being done, as printf. */
void tour_say(struct tour *tour, const char *format, ...) PRINTF_LIKE(2, 3);
/* Remembers a text under a number of the caller's (0..7) beyond the step. */
void tour_keep(struct tour *tour, size_t slot, const char *text);
/* A text in the step's arena. */
char *tour_text(struct tour *tour, const char *format, ...) PRINTF_LIKE(2, 3);

/* Questions: RD is set; DO, CD and TCP as asked. */
enum { ASK_PLAIN = 0, ASK_DO = 1, ASK_CD = 2, ASK_TCP = 4 };
/* One line: "NOERROR; flags: qr rd ra ad; answer: NAME TTL TYPE RDATA, ...; authority: ...;
 * additional: ...; EDE 6: text". Rdata of RRSIG, DNSKEY and NSEC is shortened. "no answer" when
 * none came. `server` are the octets behind 127.NET. */
char *tour_ask(struct tour *tour, const char *server, const char *name, uint16_t type,
               unsigned how);
/* The rdata texts alone, one a line, whole: to compute with. NULL when there are none. */
char *tour_rdata(struct tour *tour, const char *server, const char *name, uint16_t type);
/* Asks again until the line has `wanted` (and lacks `unwanted` unless NULL) or time is out; returns
 * the last line. */
char *tour_await(struct tour *tour, const char *server, const char *name, uint16_t type,
                 unsigned how, const char *wanted, const char *unwanted, unsigned timeout_ms);
/* The TTL of the first answer record, or -1. */
long tour_ttl(struct tour *tour, const char *server, const char *name, uint16_t type);

/* The console, as a browser without JavaScript. The result begins with "HTTP STATUS\n", then the
 * body; redirects are followed. `form` NULL is a GET; else a POST of url-encoded fields. Cookies
 * are kept. */
char *tour_page(struct tour *tour, const char *path, const char *form);
/* Follows the first link with that text in a page, as a person would; "no link TEXT" when there is
 * none. */
char *tour_follow(struct tour *tour, const char *page, const char *text);
/* Sends the first form behind the text `after` (NULL: of the page) that has a button with that
 * text: its hidden fields as they stand and `fields`, url-encoded ("" for none). "no form TEXT"
 * when there is none. */
char *tour_submit(struct tour *tour, const char *page, const char *after, const char *button,
                  const char *fields);
/* `text` with what is not unreserved as %XX. */
char *tour_encode(struct tour *tour, const char *text);
/* A page's text without tags and with single blanks, to show; at most `len` octets from the first
 * occurrence of `from` (NULL: all). */
char *tour_page_text(struct tour *tour, const char *page, const char *from, size_t len);

/* The API (Route 53 Domains protocol) with the owner's token: the body of the answer, JSON. */
char *tour_api(struct tour *tour, const char *action, const char *json);
/* A string or number member of a JSON object's text by its path ("Status", "DnssecKeys.0.Id"); NULL
 * when absent. */
char *tour_json(struct tour *tour, const char *json, const char *path);
/* Awaits the end of an operation; the last answer of GetOperationDetail. */
/* Until the registrar has seen the domain's DNSSEC to be "secure", "bogus" and so on, if it does.
 */
void tour_await_dnssec(struct tour *tour, const char *domain, const char *word,
                       unsigned timeout_ms);
char *tour_operation(struct tour *tour, const char *operation, unsigned timeout_ms);

/* The newest mail in the mailbox that has `about` in it, awaited; "" when none came in time. */
char *tour_mail(struct tour *tour, const char *about, unsigned timeout_ms);
unsigned tour_mail_count(struct tour *tour, const char *about);

/* An action through a control socket run/NAME.control; the answer, or "refused: ...". */
char *tour_control(struct tour *tour, const char *name, const char *line);
void tour_pause(unsigned ms);
int64_t tour_mono_ms(void);
