/* S21 to S40: prerequisites and limits, and adding public keys. */
#include "command/tour/steps.h"

#include <stdio.h>
#include <string.h>

/* Some key that no zone of the lab has: the base point of the curve. */
static const char FOREIGN_KEY[] =
    "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";

static void s21_prerequisites(struct tour *tour)
{
    tour_say(tour, "plain.com is hosted without DNSSEC. Its owner tries to add a key:");
    tour_show(tour, step_add(tour, "plain.com", 257, FOREIGN_KEY), "FAILED", NULL);
}

static void s22_tld_support(struct tour *tour)
{
    tour_say(tour, "aq has no DS in the real root zone: its registry does not do DNSSEC.");
    tour_show(tour,
              step_add(tour, "example.aq", 257,
                       step_key(tour, LAB_PROVIDER_SERVER, "example.aq.", 257, 0)),
              "UnsupportedTLD", "OperationId");
}

static char *signed_in(struct tour *tour)
{
    struct arena arena;
    arena_open(&arena, 4096);
    char *password = lab_read("secrets/owner-password", &arena);
    char *fields = tour_text(tour, "email=%s&password=%s", tour_encode(tour, LAB_OWNER_MAIL),
                             tour_encode(tour, password == NULL ? "" : password));
    arena_close(&arena);
    char *page = tour_page(tour, "/", NULL);
    if (strstr(page, "type=\"password\"") == NULL) {
        return page;
    }
    return tour_submit(tour, page, NULL, "Sign in", fields);
}

static void s23_list_of_tlds(struct tour *tour)
{
    tour_say(tour, "The console's list of TLDs, and the same by the API:");
    char *page = tour_follow(tour, signed_in(tour), "TLD");
    tour_show(tour, tour_page_text(tour, page, "aq", 60), "No", NULL);
    char *list = tour_api(tour, "Vouch_v1.ListTlds", "{}");
    const char *com = strstr(list, "\"com\"");
    tour_show(tour, com == NULL ? list : tour_text(tour, "%.100s", com), "com", NULL);
}

static void s24_provider_support(struct tour *tour)
{
    tour_say(tour, "The mail about plain.com says what its provider lacks:");
    char *mail = tour_mail(tour, "plain.com", MAIL_TIMEOUT_MS);
    tour_show(tour, mail, "DNSKEY", NULL);
}

static void s25_provider_first(struct tour *tour)
{
    tour_say(tour,
             "second.net is not signed yet. A key for it is refused before the registry is asked:");
    tour_show(tour, step_add(tour, "second.net", 257, FOREIGN_KEY), "FAILED", NULL);
    tour_show(tour, tour_ask(tour, LAB_REGISTRY_ONE_SERVER, "second.net.", TYPE_DS, ASK_PLAIN),
              "NOERROR", " DS ");
}

/* Keys are added at the provider until there are `count` KSKs, and each is brought to the registry;
 * then one more is tried. */
static void limit(struct tour *tour, const char *domain, unsigned count)
{
    char *zone = tour_text(tour, "%s.", domain);
    for (unsigned i = 1; i < count; i++) {
        tour_control(tour, "provider-signer", tour_text(tour, "key-add %s ksk", domain));
    }
    int64_t end_ms = tour_mono_ms() + SECURE_TIMEOUT_MS;
    while (step_key(tour, LAB_PROVIDER_SERVER, zone, 257, count - 1) == NULL &&
           tour_mono_ms() < end_ms) {
        tour_pause(50);
    }
    unsigned added = 0;
    for (unsigned i = 0; i < count; i++) {
        char *answer =
            step_add(tour, domain, 257, step_key(tour, LAB_PROVIDER_SERVER, zone, 257, i));
        added += strstr(answer, "SUCCESSFUL") != NULL;
    }
    tour_show(tour, tour_text(tour, "%s: %u keys added", domain, added),
              tour_text(tour, "%u keys added", count), NULL);
    tour_say(tour, "One more:");
    tour_show(tour, step_add(tour, domain, 257, FOREIGN_KEY), "DnssecLimitExceeded", "OperationId");
}

static void s26_thirteen(struct tour *tour)
{
    limit(tour, "thirteen.com", 13);
}

static void s27_four(struct tour *tour)
{
    limit(tour, "four.org", 4);
}

static void s28_when_to_add(struct tour *tour)
{
    char *old = step_key(tour, LAB_PROVIDER_SERVER, "example.com.", 257, 0);
    tour_keep(tour, KEPT_OLD_KEY, old == NULL ? "" : old);
    tour_say(tour,
             "example.com rotates: a second key at the provider first, then at the registrar.");
    tour_control(tour, "provider-signer", "key-add example.com ksk");
    int64_t end_ms = tour_mono_ms() + SECURE_TIMEOUT_MS;
    char *key = NULL;
    for (unsigned i = 0; key == NULL && tour_mono_ms() < end_ms; i = (i + 1) % 2) {
        char *seen = step_key(tour, LAB_PROVIDER_SERVER, "example.com.", 257, i);
        bool is_second = step_key(tour, LAB_PROVIDER_SERVER, "example.com.", 257, 1) != NULL;
        key =
            seen != NULL && is_second && strcmp(seen, tour->kept[KEPT_OLD_KEY]) != 0 ? seen : NULL;
        tour_pause(20);
    }
    tour_keep(tour, KEPT_NEW_KEY, key == NULL ? "" : key);
    tour_show(tour, step_add(tour, "example.com", 257, key), "SUCCESSFUL", NULL);
}

static void s29_step_one(struct tour *tour)
{
    tour_say(tour, "second.net again, in the right order: signed at the provider first.");
    tour_control(tour, "provider-signer", "sign second.net");
    tour_show(tour,
              tour_await(tour, LAB_PROVIDER_SERVER, "second.net.", TYPE_DNSKEY, ASK_DO,
                         "DNSKEY 257", NULL, SECURE_TIMEOUT_MS),
              "DNSKEY 257", NULL);
    tour_show(tour,
              step_add(tour, "second.net", 257,
                       step_key(tour, LAB_PROVIDER_SERVER, "second.net.", 257, 0)),
              "SUCCESSFUL", NULL);
}

static void s30_sign_in(struct tour *tour)
{
    tour->cookies[0] = '\0';
    char *before = tour_page(tour, "/", NULL);
    tour_show(tour, tour_page_text(tour, before, NULL, 200), "Sign in", "example.com");
    tour_show(tour, tour_page_text(tour, signed_in(tour), NULL, 400), "Registered domains", NULL);
}

static void s31_registered_domains(struct tour *tour)
{
    char *page = tour_follow(tour, signed_in(tour), "Registered domains");
    tour_show(tour, tour_page_text(tour, page, NULL, 600), "example.com", NULL);
}

static char *domain_page(struct tour *tour, const char *domain)
{
    return tour_follow(tour, tour_follow(tour, signed_in(tour), "Registered domains"), domain);
}

static void s32_choose(struct tour *tour)
{
    tour_show(tour, tour_page_text(tour, domain_page(tour, "example.nz"), NULL, 600), "example.nz",
              "HTTP 4");
}

static void s33_manage_keys(struct tour *tour)
{
    char *page = domain_page(tour, "example.nz");
    tour_show(tour, tour_page_text(tour, page, "DNSSEC status", 200), "DNSSEC status", NULL);
    tour_show(tour, tour_page_text(tour, tour_follow(tour, page, "Manage keys"), NULL, 600),
              "Key type", NULL);
}

static char *keys_page(struct tour *tour, const char *domain)
{
    return tour_follow(tour, domain_page(tour, domain), "Manage keys");
}

/* Fills in the form of a domain's Manage keys page and sends it. */
static char *console_add(struct tour *tour, const char *domain, const char *type,
                         unsigned algorithm, const char *key)
{
    return tour_submit(tour, keys_page(tour, domain), NULL, "Add",
                       tour_text(tour, "type=%s&algorithm=%u&public_key=%s", type, algorithm,
                                 tour_encode(tour, key == NULL ? "" : key)));
}

static void s34_key_type(struct tour *tour)
{
    char *page = keys_page(tour, "zskonly.org");
    tour_show(tour, tour_page_text(tour, page, "Key type", 100), "ZSK", NULL);
    tour_say(tour,
             "A KSK went in before; zskonly.org is signed by a ZSK alone, and that goes too:");
    console_add(tour, "zskonly.org", "zsk", 13,
                step_key(tour, LAB_OTHER_SERVER, "zskonly.org.", 256, 0));
    tour_show(tour,
              tour_await(tour, LAB_RESOLVER, "www.zskonly.org.", TYPE_A, ASK_DO, " ad", NULL,
                         SECURE_TIMEOUT_MS),
              " ad", NULL);
}

static void s35_algorithm(struct tour *tour)
{
    tour_say(tour, "The algorithm is chosen from a list. A wrong one for the key is noticed:");
    char *key = step_key(tour, LAB_PROVIDER_SERVER, "example.nz.", 257, 0);
    char *page = console_add(tour, "example.nz", "ksk", 15, key);
    tour_show(tour, tour_page_text(tour, page, "The change was refused", 200),
              "(ED25519) has 32 octets, this one has 64", NULL);
}

static void s36_public_key(struct tour *tour)
{
    tour_say(tour, "What is no public key is refused, with the reason:");
    char *page = console_add(tour, "example.nz", "ksk", 13, "this is no key");
    tour_show(tour, tour_page_text(tour, page, "The change was refused", 200), "not valid base64",
              NULL);
    tour_say(tour, "The same reason goes to the registrant by mail:");
    tour_show(tour, tour_mail(tour, "this is no key", MAIL_TIMEOUT_MS), "not valid base64", NULL);
}

static void s37_add(struct tour *tour)
{
    tour_control(tour, "registry-two", "pause");
    char *page = console_add(tour, "example.nz", "ksk", 13,
                             step_key(tour, LAB_PROVIDER_SERVER, "example.nz.", 257, 0));
    tour_say(tour, "Add; the registry is held back, so the request waits:");
    tour_show(tour, tour_page_text(tour, page, "Pending", 200), "Pending: Add a key", NULL);
}

static void s38_one_at_a_time(struct tour *tour)
{
    tour_say(tour, "While it waits, another one is refused, in the console and by the API:");
    char *page = tour_page_text(tour, keys_page(tour, "example.nz"), "Pending", 300);
    tour_show(tour, page, "Only one key can be added or deleted at a time", NULL);
    tour_show(tour, step_add(tour, "example.nz", 257, FOREIGN_KEY), "DuplicateRequest",
              "OperationId");
}

static const char MAIL_OF_EXAMPLE_NZ[] = "Subject: example.nz: the key was added";

static void s39_mail_after_response(struct tour *tour)
{
    unsigned before = tour_mail_count(tour, MAIL_OF_EXAMPLE_NZ);
    tour_control(tour, "registry-two", "resume");
    char *mail = tour_mail(tour, MAIL_OF_EXAMPLE_NZ, MAIL_TIMEOUT_MS);
    tour_say(tour, "No mail while the registry had not answered; then one, to the registrant:");
    tour_show(tour, tour_text(tour, "%u mails before the answer", before), "0 mails", NULL);
    tour_show(tour, mail, LAB_OWNER_MAIL, NULL);
}

static void s40_confirms_or_explains(struct tour *tour)
{
    tour_show(tour, tour_mail(tour, MAIL_OF_EXAMPLE_NZ, MAIL_TIMEOUT_MS), "added", NULL);
    tour_say(tour, "And the one about plain.com explains:");
    tour_show(tour, tour_mail(tour, "plain.com", MAIL_TIMEOUT_MS), "could not", NULL);
    tour_show(tour, tour_text(tour, "%u mail about it", tour_mail_count(tour, MAIL_OF_EXAMPLE_NZ)),
              "1 mail", NULL);
}

const struct tour_step TOUR_ADDING[20] = {
    {"Domain and provider must meet the prerequisites.", s21_prerequisites},
    {"The registry for the TLD must support DNSSEC.", s22_tld_support},
    {"A published list says which TLDs do.", s23_list_of_tlds},
    {"The provider must support DNSSEC.", s24_provider_support},
    {"DNSSEC is configured at the provider before keys are added.", s25_provider_first},
    {"com and net: up to thirteen keys per domain.", s26_thirteen},
    {"All other TLDs: up to four.", s27_four},
    {"Keys are added when rotating or enabling, after the provider's side.", s28_when_to_add},
    {"(1) The provider's side first.", s29_step_one},
    {"(2) Sign in and open the console.", s30_sign_in},
    {"(3) Registered domains.", s31_registered_domains},
    {"(4) Choose the domain.", s32_choose},
    {"(5) At DNSSEC status choose Manage keys.", s33_manage_keys},
    {"(6) Key type: KSK or ZSK.", s34_key_type},
    {"(6) Algorithm: the one the zone is signed with.", s35_algorithm},
    {"(6) Public key.", s36_public_key},
    {"(7) Add.", s37_add},
    {"One key at a time; for more, wait for the mail.", s38_one_at_a_time},
    {"(8) The mail goes out when the registry has answered.", s39_mail_after_response},
    {"It confirms that the key was added, or explains why not.", s40_confirms_or_explains},
};
