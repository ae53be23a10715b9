/* S41 to S55: deleting public keys, rotating and disabling, and the pending state. */
#include "command/tour/steps.h"

#include <stdio.h>
#include <string.h>

/* In the lab a DS lives 3 s in caches, a DNSKEY set too; at a real registry a day and more. Three
 * days of the world are this long here. */
enum { LAB_WAIT_MS = 5000, WORLD_WAIT_S = 3 * 86400 };

static char *console(struct tour *tour)
{
    return tour_page(tour, "/", NULL);
}

static char *keys_page(struct tour *tour, const char *domain)
{
    char *domains = tour_follow(tour, console(tour), "Registered domains");
    return tour_follow(tour, tour_follow(tour, domains, domain), "Manage keys");
}

/* Asks the validating resolver for fresh names all the while; counts secure answers, insecure ones
 * and errors. */
struct polls {
    unsigned secure, insecure, errors;
};

static void poll_for(struct tour *tour, const char *zone, unsigned ms, struct polls *polls)
{
    int64_t end_ms = tour_mono_ms() + ms;
    while (tour_mono_ms() < end_ms) {
        unsigned count = polls->secure + polls->insecure + polls->errors;
        char *line = tour_ask(tour, LAB_RESOLVER, tour_text(tour, "poll%u.wild.%s", count, zone),
                              TYPE_A, ASK_DO);
        if (strncmp(line, "NOERROR", 7) != 0) {
            polls->errors++;
        } else if (strstr(line, " ad") != NULL) {
            polls->secure++;
        } else {
            polls->insecure++;
        }
        tour_pause(100);
    }
}

static char *polls_text(struct tour *tour, const struct polls *polls)
{
    return tour_text(tour, "%u answers: %u secure, %u insecure, %u errors",
                     polls->secure + polls->insecure + polls->errors, polls->secure,
                     polls->insecure, polls->errors);
}

static void s41_keys_first(struct tour *tour)
{
    tour_say(tour, "Where keys are deleted, the console says what comes first:");
    tour_show(tour, tour_page_text(tour, keys_page(tour, "example.com"), "Disabling:", 300),
              "delete the keys here before you switch DNSSEC off", NULL);
}

static void s42_wait(struct tour *tour)
{
    tour_say(tour, "Scale: the lab's DS lives 3 s, so %d s here stand for three days (1 : %d).",
             LAB_WAIT_MS / 1000, WORLD_WAIT_S / (LAB_WAIT_MS / 1000));
    tour_show(tour, tour_page_text(tour, keys_page(tour, "example.com"), "Rotating:", 300),
              "up to three days", NULL);
}

static void s43_rotate(struct tour *tour)
{
    struct polls polls = {0};
    tour_say(tour, "example.com has both keys. %d s of waiting, asking all the while:",
             LAB_WAIT_MS / 1000);
    poll_for(tour, "example.com.", LAB_WAIT_MS, &polls);
    char *id = step_key_id(tour, "example.com", tour->kept[KEPT_OLD_KEY]);
    tour_say(tour,
             "Now the old key is deleted at the registry; the provider retires it a wait later.");
    tour_show(tour, step_delete(tour, "example.com", id, NULL), "SUCCESSFUL", NULL);
    poll_for(tour, "example.com.", LAB_WAIT_MS, &polls);
    tour_control(tour, "provider-signer", "key-retire example.com oldest");
    poll_for(tour, "example.com.", 1000, &polls);
    tour_keep(tour, KEPT_POLLS, polls_text(tour, &polls));
    tour_show(tour, polls_text(tour, &polls), " 0 insecure, 0 errors", NULL);
}

static void s44_disable(struct tour *tour)
{
    struct polls polls = {0};
    tour_await(tour, LAB_RESOLVER, "second.net.", TYPE_SOA, ASK_DO, " ad", NULL, SECURE_TIMEOUT_MS);
    char *key = step_key(tour, LAB_PROVIDER_SERVER, "second.net.", 257, 0);
    char *id = step_key_id(tour, "second.net", key == NULL ? "" : key);
    tour_say(tour, "The last key of second.net: first the consequence is named, then it is "
                   "confirmed by its words.");
    char *refused = step_delete(tour, "second.net", id, NULL);
    char *message = tour_json(tour, refused, "message");
    tour_show(tour, refused, "insecure", "OperationId");
    char *consequence = tour_json(tour, refused, "Consequence");
    tour_show(tour,
              step_delete(tour, "second.net", id, consequence == NULL ? message : consequence),
              "SUCCESSFUL", NULL);
    poll_for(tour, "second.net.", LAB_WAIT_MS, &polls);
    tour_say(tour, "A wait later the provider unsigns:");
    tour_control(tour, "provider-signer", "unsign second.net");
    poll_for(tour, "second.net.", 5000, &polls);
    tour_show(tour, polls_text(tour, &polls), " 0 errors", " 0 insecure");
}

static void s45_caution(struct tour *tour)
{
    tour_say(tour, "careless.com is secure; then its provider switches DNSSEC off, with the key "
                   "still at the registry.");
    step_secure(tour, "careless.com", LAB_PROVIDER_SERVER);
    tour_await_dnssec(tour, "careless.com", "secure", SECURE_TIMEOUT_MS);
    tour_control(tour, "provider-signer", "unsign careless.com");
    tour_show(tour,
              tour_await(tour, LAB_RESOLVER, "www.careless.com.", TYPE_A, ASK_DO, "SERVFAIL", NULL,
                         SECURE_TIMEOUT_MS),
              "SERVFAIL", "192.0.2.70");
    tour_say(tour, "Clients cannot reach it. The registrar's page had warned of exactly this:");
    tour_show(tour,
              tour_page_text(tour, keys_page(tour, "careless.com"), "while a key is still", 200),
              "SERVFAIL", NULL);
    tour_say(tour, "Its registrant is told, and the domain's page shows it:");
    tour_show(
        tour,
        tour_mail(tour, "careless.com: the DNSSEC chain of trust is broken", SECURE_TIMEOUT_MS),
        "answers SERVFAIL", NULL);
    tour_show(
        tour,
        tour_page_text(tour, tour_page(tour, "/domains/careless.com", NULL), "DNSSEC status", 200),
        "Broken", "Secure");
    tour_control(tour, "provider-signer", "sign careless.com");
}

static void s46_sign_in(struct tour *tour)
{
    tour_show(tour, tour_page_text(tour, console(tour), NULL, 300), "Registered domains", NULL);
}

static void s47_registered_domains(struct tour *tour)
{
    tour_show(tour,
              tour_page_text(tour, tour_follow(tour, console(tour), "Registered domains"),
                             "thirteen.com", 100),
              "thirteen.com", NULL);
}

static void s48_choose(struct tour *tour)
{
    char *page =
        tour_follow(tour, tour_follow(tour, console(tour), "Registered domains"), "thirteen.com");
    tour_show(tour, tour_page_text(tour, page, NULL, 600), "thirteen.com", NULL);
}

static void s49_manage_keys(struct tour *tour)
{
    char *page =
        tour_follow(tour, tour_follow(tour, console(tour), "Registered domains"), "thirteen.com");
    tour_show(tour, tour_page_text(tour, page, "DNSSEC status", 200), "DNSSEC status", NULL);
    tour_show(tour, tour_page_text(tour, tour_follow(tour, page, "Manage keys"), NULL, 300),
              "thirteen.com", NULL);
}

static void s50_each_with_delete(struct tour *tour)
{
    char *page = keys_page(tour, "thirteen.com");
    unsigned count = 0;
    for (const char *at = strstr(page, ">Delete"); at != NULL; at = strstr(at + 1, ">Delete")) {
        count++;
    }
    tour_show(tour, tour_text(tour, "the page has %u Delete buttons", count), "13 Delete", NULL);
}

/* The id of the n-th key of a domain. */
static char *key_id(struct tour *tour, const char *domain, unsigned index)
{
    char *detail =
        tour_api(tour, "GetDomainDetail", tour_text(tour, "{\"DomainName\":\"%s\"}", domain));
    return tour_json(tour, detail, tour_text(tour, "DnssecKeys.%u.Id", index));
}

static char *disassociate(struct tour *tour, const char *domain, const char *id)
{
    return tour_api(
        tour, "DisassociateDelegationSignerFromDomain",
        tour_text(tour, "{\"DomainName\":\"%s\",\"Id\":\"%s\"}", domain, id == NULL ? "" : id));
}

static void s51_one_at_a_time(struct tour *tour)
{
    tour_control(tour, "registry-one", "pause");
    char *first = disassociate(tour, "thirteen.com", key_id(tour, "thirteen.com", 0));
    char *second = disassociate(tour, "thirteen.com", key_id(tour, "thirteen.com", 1));
    char *operation = tour_json(tour, first, "OperationId");
    tour_keep(tour, KEPT_OPERATION, operation == NULL ? "" : operation);
    tour_show(tour, first, "OperationId", NULL);
    tour_show(tour, second, "DuplicateRequest", "OperationId");
}

static void s52_mail_after_response(struct tour *tour)
{
    unsigned before = tour_mail_count(tour, tour->kept[KEPT_OPERATION]);
    tour_control(tour, "registry-one", "resume");
    tour_operation(tour, tour->kept[KEPT_OPERATION], OPERATION_TIMEOUT_MS);
    tour_show(tour, tour_text(tour, "%u mails before the registry answered", before), "0 mails",
              NULL);
    tour_show(tour, tour_mail(tour, tour->kept[KEPT_OPERATION], MAIL_TIMEOUT_MS), LAB_OWNER_MAIL,
              NULL);
}

static void s53_confirms_or_explains(struct tour *tour)
{
    tour_show(tour, tour_mail(tour, tour->kept[KEPT_OPERATION], MAIL_TIMEOUT_MS), "deleted", NULL);
    tour_say(tour, "A key that is not there is explained at once:");
    tour_show(tour, disassociate(tour, "thirteen.com", "no-such-key"), "InvalidInput",
              "OperationId");
}

static void s54_rotation(struct tour *tour)
{
    tour_say(tour, "The rotation of example.com above, start to end:");
    tour_show(tour, tour->kept[KEPT_POLLS] == NULL ? "" : tour->kept[KEPT_POLLS],
              " 0 insecure, 0 errors", NULL);
    char *ds = tour_rdata(tour, LAB_REGISTRY_ONE_SERVER, "example.com.", TYPE_DS);
    unsigned count = 0;
    for (const char *at = ds; at != NULL && *at != '\0'; at++) {
        count += *at == '\n';
    }
    tour_show(tour, tour_text(tour, "%u DS at the registry now", count), "1 DS", NULL);
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.com.", TYPE_A, ASK_DO), " ad", NULL);
}

static void s55_pending(struct tour *tour)
{
    tour_control(tour, "registry-two", "pause");
    char *answer = disassociate(tour, "four.org", key_id(tour, "four.org", 0));
    char *operation = tour_json(tour, answer, "OperationId");
    tour_say(tour, "A deletion under way at four.org, as the console shows it:");
    char *page = tour_page_text(tour, keys_page(tour, "four.org"), "Pending", 300);
    tour_show(tour, page, "Pending: Delete a key", NULL);
    tour_show(tour, disassociate(tour, "four.org", key_id(tour, "four.org", 1)), "DuplicateRequest",
              NULL);
    tour_control(tour, "registry-two", "resume");
    tour_show(tour, tour_operation(tour, operation == NULL ? "" : operation, OPERATION_TIMEOUT_MS),
              "SUCCESSFUL", NULL);
}

const struct tour_step TOUR_DELETING[15] = {
    {"Keys are deleted before DNSSEC is switched off at the provider.", s41_keys_first},
    {"Advice: wait up to three days before keys are deleted.", s42_wait},
    {"Rotating: add the new key, wait, delete the old one.", s43_rotate},
    {"Disabling: delete the keys, wait, then switch off at the provider.", s44_disable},
    {"Caution: switched off at the provider first means SERVFAIL.", s45_caution},
    {"(1) Sign in, open the console.", s46_sign_in},
    {"(2) Registered domains.", s47_registered_domains},
    {"(3) Choose the domain.", s48_choose},
    {"(4) DNSSEC status, Manage keys.", s49_manage_keys},
    {"(5) Every key is listed, each with its own Delete.", s50_each_with_delete},
    {"One key at a time; for more, wait for the mail.", s51_one_at_a_time},
    {"(6) The mail goes out when the registry has answered.", s52_mail_after_response},
    {"It confirms that the key was deleted, or explains why not.", s53_confirms_or_explains},
    {"Rotating keeps signatures valid throughout.", s54_rotation},
    {"A pending state exists, is visible, and blocks the next change.", s55_pending},
};
