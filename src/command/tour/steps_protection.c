/* S1 to S20: what DNSSEC protects from, how a domain is set up, and how it protects. */
#include "command/tour/steps.h"

#include "core/dns/rdata.h"
#include "core/dnssec/dnskey.h"

#include <string.h>

static void s1_attack(struct tour *tour)
{
    tour_say(tour,
             "First example.org gets its key to the registry, by the API; then it is secure.");
    step_secure(tour, "example.org", LAB_PROVIDER_SERVER);
    char *own = tour_text(tour, "127.%u.%s", tour->lab->net, LAB_ATTACKER_OWN);
    tour_say(tour, "The attacker answers in the provider's place, with his own address %s.", own);
    tour_control(tour, "attacker", "attack on");
    tour_pause(2000); /* the negative TTL: what was asked before is forgotten */
    char *fooled = tour_ask(tour, LAB_PLAIN_RESOLVER, "mail.example.org.", TYPE_A, ASK_PLAIN);
    char *refused = tour_ask(tour, LAB_RESOLVER, "mail.example.org.", TYPE_A, ASK_DO);
    tour_control(tour, "attacker", "attack off");
    tour_say(tour, "mail.example.org. A at the resolver that does not validate: it is fooled.");
    tour_show(tour, fooled, own, NULL);
    tour_say(tour, "At the validating resolver: the forgery is refused, with the reason.");
    tour_show(tour, refused, "SERVFAIL", own);
    tour_show(tour, refused, "EDE", own);
}

static void s2_configured(struct tour *tour)
{
    tour_say(tour, "example.org has DNSSEC configured, example.net not yet: the flag ad tells.");
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.org.", TYPE_A, ASK_DO), " ad", NULL);
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.net.", TYPE_A, ASK_DO), "192.0.2.30",
              " ad");
}

static void s3_registration(struct tour *tour)
{
    unsigned net = tour->lab->net;
    tour_say(tour, "tour.com is registered through the registrar, by EPP at the registry of com.");
    tour_control(
        tour, "registrar",
        tour_text(tour, "domain-register tour.com %s ns1.tour.com=127.%u.%s ns2.tour.com=127.%u.%s",
                  LAB_OWNER_MAIL, net, LAB_PROVIDER_SERVER, net, LAB_PROVIDER_SERVER_2));
    tour_say(tour,
             "The owner's list of domains, by the API, and the delegation at the com server:");
    char *listed = tour_api(tour, "ListDomains", "{}");
    for (int i = 0; i < 50 && strstr(listed, "tour.com") == NULL; i++) {
        tour_pause(100);
        listed = tour_api(tour, "ListDomains", "{}");
    }
    tour_show(tour, listed, "tour.com", NULL);
    tour_show(tour,
              tour_await(tour, LAB_REGISTRY_ONE_SERVER, "www.tour.com.", TYPE_A, ASK_PLAIN,
                         "ns1.tour.com.", NULL, SECURE_TIMEOUT_MS),
              "tour.com. 3 NS ns1.tour.com.", NULL);
}

static void s4_any_provider(struct tour *tour)
{
    tour_say(tour,
             "elsewhere.net is hosted and signed by another provider; its key is added here.");
    char *key = step_key(tour, LAB_OTHER_SERVER, "elsewhere.net.", 257, 0);
    tour_show(tour, step_add(tour, "elsewhere.net", 257, key), "SUCCESSFUL", NULL);
    tour_show(tour,
              tour_await(tour, LAB_RESOLVER, "www.elsewhere.net.", TYPE_A, ASK_DO, " ad", NULL,
                         SECURE_TIMEOUT_MS),
              " ad", NULL);
}

static void s5_through_intermediates(struct tour *tour)
{
    tour_say(tour,
             "The forwarder gets its answers through another resolver and validates them itself.");
    tour_show(tour, tour_ask(tour, LAB_FORWARDER, "www.example.org.", TYPE_A, ASK_DO), " ad", NULL);
}

/* The DS text that the first DNSKEY of a zone at a server hashes to. */
static char *computed_ds(struct tour *tour, const char *server, const char *zone)
{
    char *key = step_key(tour, server, zone, 257, 0);
    uint8_t dnskey[256], ds[80];
    struct writer rdata = writer_over(dnskey, sizeof dnskey);
    struct writer digest = writer_over(ds, sizeof ds);
    struct name_buffer buffer;
    struct name owner;
    char text[256];
    struct writer written = writer_over(text, sizeof text);
    if (key == NULL || name_parse(span_of_text(zone), NULL, &buffer, &owner, NULL) != OK ||
        rdata_parse_text(TYPE_DNSKEY, span_of_text(tour_text(tour, "257 3 13 %s", key)), NULL,
                         &rdata, NULL) != OK ||
        ds_make(owner, writer_written(&rdata), DS_DIGEST_SHA256, &digest) != OK) {
        return tour_text(tour, "no key");
    }
    rdata_write_text(TYPE_DS, writer_written(&digest), &written);
    return tour_text(tour, "%.*s", (int)written.len, text);
}

static void s6_ends_of_the_chain(struct tour *tour)
{
    tour_say(tour, "The DS at the TLD registry's server, and the digest of the key that the "
                   "provider's server publishes, are the same:");
    char *ds = tour_rdata(tour, LAB_REGISTRY_TWO_SERVER, "example.org.", TYPE_DS);
    tour_show(tour, ds == NULL ? "no DS" : ds,
              computed_ds(tour, LAB_PROVIDER_SERVER, "example.org."), NULL);
}

static void s7_not_every_resolver(struct tour *tour)
{
    tour_say(
        tour,
        "A resolver that does not validate answers as well, and says nothing about authenticity.");
    tour_show(tour, tour_ask(tour, LAB_PLAIN_RESOLVER, "www.example.org.", TYPE_A, ASK_PLAIN),
              "192.0.2.20", " ad");
}

static void s8_sign(struct tour *tour)
{
    tour_say(tour, "Before: example.com at its provider has no signatures.");
    tour_show(tour, tour_ask(tour, LAB_PROVIDER_SERVER, "www.example.com.", TYPE_A, ASK_DO),
              "192.0.2.10", "RRSIG");
    tour_say(tour, "The provider's method: vouch control ... sign example.com");
    tour_control(tour, "provider-signer", "sign example.com");
    tour_show(tour,
              tour_await(tour, LAB_PROVIDER_SERVER, "www.example.com.", TYPE_A, ASK_DO,
                         "RRSIG A 13", NULL, SECURE_TIMEOUT_MS),
              "RRSIG A 13", NULL);
}

static void s9_key_to_registrar(struct tour *tour)
{
    char *key = step_key(tour, LAB_PROVIDER_SERVER, "example.com.", 257, 0);
    tour_say(tour,
             "The registry is held back for a moment, so that the request can be seen under way.");
    tour_control(tour, "registry-one", "pause");
    tour_say(tour, "Public key and algorithm 13 go to the registrar:");
    char *answer = step_associate(tour, "example.com", 257, key);
    tour_show(tour, answer, "OperationId", NULL);
    char *operation = tour_json(tour, answer, "OperationId");
    tour_keep(tour, KEPT_OPERATION, operation == NULL ? "" : operation);
    tour_show(tour,
              tour_api(tour, "GetOperationDetail",
                       tour_text(tour, "{\"OperationId\":\"%s\"}", tour->kept[KEPT_OPERATION])),
              "ADD_DNSSEC", "SUCCESSFUL");
}

static void s10_forwarded(struct tour *tour)
{
    tour_say(tour,
             "Before the registry goes on there is no DS; then it gets key and algorithm by EPP.");
    tour_show(tour, tour_ask(tour, LAB_REGISTRY_ONE_SERVER, "example.com.", TYPE_DS, ASK_PLAIN),
              "NOERROR", "example.com. 3 DS");
    tour_control(tour, "registry-one", "resume");
    tour_show(tour, tour_operation(tour, tour->kept[KEPT_OPERATION], OPERATION_TIMEOUT_MS),
              "SUCCESSFUL", NULL);
    tour_await(tour, LAB_REGISTRY_ONE_SERVER, "example.com.", TYPE_DS, ASK_PLAIN,
               "example.com. 3 DS", NULL, SECURE_TIMEOUT_MS);
    char *ds = tour_rdata(tour, LAB_REGISTRY_ONE_SERVER, "example.com.", TYPE_DS);
    tour_show(tour, ds == NULL ? "no DS" : ds,
              computed_ds(tour, LAB_PROVIDER_SERVER, "example.com."), NULL);
}

static void s11_client_asks(struct tour *tour)
{
    tour_say(tour, "A client wants www.example.com, and where mail for it goes.");
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.com.", TYPE_A, ASK_PLAIN), "NOERROR",
              NULL);
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "example.com.", TYPE_MX, ASK_PLAIN),
              "MX 10 mail.example.com.", NULL);
}

static void s12_right_value(struct tour *tour)
{
    tour_say(tour, "The zone's file at the provider says 192.0.2.10, and so does the resolver.");
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.com.", TYPE_A, ASK_PLAIN),
              "www.example.com.", NULL);
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.com.", TYPE_A, ASK_PLAIN),
              "192.0.2.10", NULL);
}

static void s13_from_cache(struct tour *tour)
{
    long first = tour_ttl(tour, LAB_RESOLVER, "www.example.com.", TYPE_AAAA);
    tour_pause(1200);
    long second = tour_ttl(tour, LAB_RESOLVER, "www.example.com.", TYPE_AAAA);
    bool is_cached = first > 0 && second >= 0 && second < first;
    tour_say(tour, "The same question twice, 1.2 s apart: the TTL of a cached answer counts down.");
    tour_show(tour,
              tour_text(tour, "TTL %ld, then %ld: %s", first, second,
                        is_cached ? "from the cache" : "fetched again"),
              "from the cache", NULL);
}

static void s14_parent_answers(struct tour *tour)
{
    tour_say(tour,
             "The com server, asked for www.example.com: the DS, and the provider's addresses.");
    char *referral = tour_ask(tour, LAB_REGISTRY_ONE_SERVER, "www.example.com.", TYPE_A, ASK_DO);
    tour_show(tour, referral, "example.com. 3 DS ", NULL);
    tour_show(tour, referral, tour_text(tour, "A 127.%u.%s", tour->lab->net, LAB_PROVIDER_SERVER),
              NULL);
}

static void s15_passed_on(struct tour *tour)
{
    tour_say(tour, "A name nobody asked for: the forwarder asks the resolver, that one the root, "
                   "com and the provider.");
    tour_show(tour, tour_ask(tour, LAB_FORWARDER, "never-asked.wild.example.com.", TYPE_A, ASK_DO),
              "192.0.2.10", NULL);
}

static void s16_signature_returned(struct tour *tour)
{
    tour_say(tour, "The provider's server returns the RRset and the signature for it.");
    char *answer = tour_ask(tour, LAB_PROVIDER_SERVER, "www.example.com.", TYPE_A, ASK_DO);
    tour_show(tour, answer, "A 192.0.2.10", NULL);
    tour_show(tour, answer, "RRSIG A 13", NULL);
}

static void s17_chain_and_check(struct tour *tour)
{
    tour_say(
        tour,
        "The chain: DS of com at the root, DS of example.com at com, the key at the provider.");
    tour_show(tour, tour_ask(tour, LAB_ROOT_SERVER, "com.", TYPE_DS, ASK_PLAIN), "com. 6 DS ",
              NULL);
    tour_show(tour, tour_ask(tour, LAB_REGISTRY_ONE_SERVER, "example.com.", TYPE_DS, ASK_PLAIN),
              "example.com. 3 DS ", NULL);
    tour_say(tour, "The resolver follows it and verifies the signature: ad.");
    tour_show(tour,
              tour_await(tour, LAB_RESOLVER, "www.example.com.", TYPE_A, ASK_DO, " ad", NULL,
                         SECURE_TIMEOUT_MS),
              " ad", NULL);
}

static void s18_authentic(struct tour *tour)
{
    tour_say(tour, "Authentic, so the client gets the value.");
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "alias.example.com.", TYPE_A, ASK_DO),
              "192.0.2.10", "SERVFAIL");
}

static void s19_error(struct tour *tour)
{
    tour_say(
        tour,
        "The attacker again, now at example.com: what cannot be verified is an error to the user.");
    tour_control(tour, "attacker", "attack on");
    char *refused = tour_ask(tour, LAB_RESOLVER, "new.wild.example.com.", TYPE_A, ASK_PLAIN);
    tour_control(tour, "attacker", "attack off");
    tour_show(tour, refused, "SERVFAIL", LAB_ATTACKER_OWN);
}

static void s20_no_key_at_registry(struct tour *tour)
{
    tour_say(tour,
             "example.net is signed, but its registry has no key: answered, not marked, no error.");
    tour_show(tour, tour_ask(tour, LAB_REGISTRY_ONE_SERVER, "example.net.", TYPE_DS, ASK_PLAIN),
              "NOERROR", "answer:");
    tour_show(tour, tour_ask(tour, LAB_RESOLVER, "www.example.net.", TYPE_A, ASK_DO), "192.0.2.30",
              " ad");
}

const struct tour_step TOUR_PROTECTION[20] = {
    {"Attackers answer DNS queries with their own addresses; exactly this is defeated.", s1_attack},
    {"The owner protects the domain by configuring DNSSEC for it.", s2_configured},
    {"The registrar supports DNSSEC for domain registration.", s3_registration},
    {"Signing may be the job of any other DNS provider.", s4_any_provider},
    {"A chain of trust is established through intermediate resolvers.", s5_through_intermediates},
    {"The chain begins at the TLD registry and ends at the provider's name servers.",
     s6_ends_of_the_chain},
    {"A resolver without DNSSEC validates nothing and gets a usable answer.",
     s7_not_every_resolver},
    {"Step 1: the provider signs the hosted zone's RRsets.", s8_sign},
    {"Step 2: public key and algorithm are given to the registrar.", s9_key_to_registrar},
    {"The registrar forwards both to the TLD registry.", s10_forwarded},
    {"A client submits a query.", s11_client_asks},
    {"A resolver returns the right value.", s12_right_value},
    {"A value that is cached is answered from the cache.", s13_from_cache},
    {"Otherwise the parent returns the DS and the name servers' addresses.", s14_parent_answers},
    {"Resolvers pass the request on until one asks the provider.", s15_passed_on},
    {"The provider's server returns the RRset and its signature.", s16_signature_returned},
    {"The resolver establishes the chain and verifies the answer.", s17_chain_and_check},
    {"An authentic value is returned to the client.", s18_authentic},
    {"What cannot be verified is an error.", s19_error},
    {"Without a key at the registry the provider's answer is passed on.", s20_no_key_at_registry},
};
