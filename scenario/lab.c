/* Who is in the lab: addresses, zones, what each service is opened with; and the hands that a test
 * has in it. */
#include "scenario/lab.h"

#include "core/dnssec/verdict.h"
#include "scenario/lab_signer.h"
#include "service/attacker/attacker.h"
#include "service/registrar/fake_records.h"
#include "service/registrar/registrar.h"
#include "service/registry/registry.h"
#include "service/resolver/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DNS_PORT = 53,
    ARENA_MAX = 8 << 20,
    CACHE_SIZE = 1 << 20,
    DELAY_MIN_US = 500,
    DELAY_MAX_US = 40000,
    ASK_TIMEOUT_MS = 10000,
    SIGNER_COUNT = 3,
    ROOT_TEXT_SIZE = 1024
};

static const char PASSWORD[] = "epp-password";
static const uint8_t LINK_SECRET[32] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t WEB_ADDRESS[4] = {192, 0, 2, 80};
/* Its certificate: the simulated world takes a client's name for the digest of it. */
static const char REGISTRAR_CERTIFICATE[SIM_NAME_SIZE] = "registrar";
static const char *const tlds[] = {"com"};

#define LAB_ADDRESS(net, host)                                                                     \
    {                                                                                              \
        .family = ADDRESS_IPV4, .octets = {10, 0, net, host}, .port = DNS_PORT                     \
    }

static const struct {
    const char *name;
    struct address address;
} roles[LAB_ROLE_COUNT] = {
    [LAB_ROOT_SIGNER] = {"root-signer", LAB_ADDRESS(0, 2)},
    [LAB_ROOT] = {"root", LAB_ADDRESS(0, 1)},
    [LAB_REGISTRY] = {"registry", LAB_ADDRESS(1, 3)},
    [LAB_TLD_SIGNER] = {"tld-signer", LAB_ADDRESS(1, 2)},
    [LAB_TLD] = {"tld", LAB_ADDRESS(1, 1)},
    [LAB_PROVIDER_SIGNER] = {"provider-signer", LAB_ADDRESS(2, 3)},
    [LAB_PROVIDER] = {"provider", LAB_ADDRESS(2, 2)},
    [LAB_ATTACKER] = {"attacker", LAB_ADDRESS(2, 1)},
    [LAB_RESOLVER] = {"resolver", LAB_ADDRESS(3, 1)},
    [LAB_REGISTRAR] = {"registrar", LAB_ADDRESS(4, 1)},
};

/* Its delegation of com, with the DS of the lab's key, is written behind it. */
static const char ROOT_TEXT[] = ". 60 IN SOA a.root. hostmaster.root. 1 1800 900 604800 5\n"
                                ". 60 IN NS a.root.\n"
                                "a.root. 60 IN A 10.0.0.1\n"
                                "com. 60 IN NS a.ns.com.\n"
                                "a.ns.com. 60 IN A 10.0.1.1\n"
                                "com. 60 IN DS ";
/* The world reaches the provider through the attacker's wire. */
static const char DOMAIN_TEXT[] =
    "$ORIGIN example.com.\n$TTL 3\n"
    "@ SOA ns1 hostmaster 1 30 10 604800 1\n@ NS ns1\nns1 A 10.0.2.1\n"
    "@ A 192.0.2.80\nwww A 192.0.2.80\n@ MX 10 www\n*.wild TXT \"anything\"\n";

static const struct {
    enum lab_role signer, server;
} signings[SIGNER_COUNT] = {
    [LAB_ZONE_ROOT] = {LAB_ROOT_SIGNER, LAB_ROOT},
    [LAB_ZONE_TLD] = {LAB_TLD_SIGNER, LAB_TLD},
    [LAB_ZONE_DOMAIN] = {LAB_PROVIDER_SIGNER, LAB_PROVIDER},
};

struct lab {
    struct lab_options options;
    const struct lab_keys *keys;
    struct sim *sim;
    struct arena life, reply;
    struct tsig_key link;
    struct name zones[LAB_ZONE_COUNT];
    char root_text[ROOT_TEXT_SIZE];
    struct lab_signer signers[SIGNER_COUNT];
    struct lab_server servers[SIGNER_COUNT];
    int64_t down_since_ns[LAB_ROLE_COUNT]; /* 0: it lives */
    struct fake_records *registry_under, *registrar_under;
    /* What the services are opened with, and the services while they live. */
    struct records registry_records;
    struct registry_server tld_server;
    struct registry_tld_options tld;
    struct registry_registrar_options login;
    struct registry *registry;
    struct registrar_registry accreditation;
    struct registrar *registrar;
    struct trust_anchor anchor;
    struct resolver *resolver;
    struct attacker *attacker;
};

static struct name make_name(struct lab *lab, const char *text)
{
    struct name_buffer buffer;
    struct name name, copy;
    enum status status = name_parse(span_of_text(text), NULL, &buffer, &name, NULL);
    status = status == OK ? name_copy(&lab->life, name, &copy) : status;
    require(status == OK);
    return copy;
}

/* ------------------------------------------------------------------ the roles' lives */

/* Who cannot start because the disk fails, ends, and is started again by the supervisor. */

static bool epp_password_matches(void *user, struct span hash, struct span given)
{
    (void)user;
    return span_equal(hash, given);
}

static struct node open_registry(void *user, struct moment now)
{
    struct lab *lab = user;
    struct problem problem = {0};
    size_t node = LAB_REGISTRY;
    struct registry_options options = {.server_name = roles[LAB_REGISTRY].name,
                                       .tlds = &lab->tld,
                                       .tld_count = 1,
                                       .registrars = &lab->login,
                                       .registrar_count = 1,
                                       .records = &lab->registry_records,
                                       .entropy = sim_entropy(lab->sim, node),
                                       .log = sim_log(lab->sim, node),
                                       .password_matches = epp_password_matches};
    enum status status = registry_open(&options, now, &lab->registry, &problem);
    return status == OK ? (struct node){registry_handle, lab->registry} : (struct node){0};
}

static void close_registry(void *user)
{
    struct lab *lab = user;
    registry_close(lab->registry);
}

static enum status password_hash(void *self, struct span password, struct span salt, char *encoded,
                                 size_t encoded_size)
{
    (void)self;
    (void)salt;
    snprintf(encoded, encoded_size, "plain:%.*s", (int)password.len, (const char *)password.bytes);
    return OK;
}

static bool password_matches(void *self, struct span password, const char *encoded)
{
    (void)self;
    return span_equal(password, span_of_text(encoded + strlen("plain:")));
}

static struct node open_registrar(void *user, struct moment now)
{
    (void)now;
    struct lab *lab = user;
    struct problem problem = {0};
    size_t node = LAB_REGISTRAR;
    struct registrar_options options = {
        .name = "Vouch Domains",
        .mail_from = "domains@vouch.test",
        .url = "",
        .records = sim_records(lab->sim, node, fake_records_of(lab->registrar_under)),
        .entropy = sim_entropy(lab->sim, node),
        .log = sim_log(lab->sim, node),
        .passwords = {password_hash, password_matches, NULL},
        .resolver = roles[LAB_RESOLVER].address,
        .root_zone = span_of_text(lab->root_text),
        .root_zone_file = "the lab's root zone",
        .registries = &lab->accreditation,
        .registry_count = 1,
        .watch_first_s = 1,
        .watch_most_s = 60,
        .watch_end_s = 86400,
        .retry_most_s = 60};
    enum status status = registrar_open(&options, &lab->registrar, &problem);
    return status == OK ? (struct node){registrar_handle, lab->registrar} : (struct node){0};
}

static void close_registrar(void *user)
{
    struct lab *lab = user;
    registrar_close(lab->registrar);
}

static struct node open_resolver(void *user, struct moment now)
{
    (void)now;
    struct lab *lab = user;
    size_t node = LAB_RESOLVER;
    struct resolver_options options = {.is_validating = !lab->options.is_credulous,
                                       .anchors = &lab->anchor,
                                       .anchor_count = 1,
                                       .root_hints = &roles[LAB_ROOT].address,
                                       .root_hint_count = 1,
                                       .cache_size = CACHE_SIZE,
                                       .ttl_max_s = 86400,
                                       .negative_ttl_max_s = 3600,
                                       .entropy = sim_entropy(lab->sim, node),
                                       .log = sim_log(lab->sim, node)};
    enum status status = resolver_open(&options, &lab->resolver);
    require(status == OK);
    return (struct node){resolver_handle, lab->resolver};
}

static void close_resolver(void *user)
{
    struct lab *lab = user;
    resolver_close(lab->resolver);
}

static struct node open_attacker(void *user, struct moment now)
{
    (void)now;
    struct lab *lab = user;
    struct attacker_options options = {
        .log = sim_log(lab->sim, LAB_ATTACKER),
        .servers = {roles[LAB_PROVIDER].address},
        .server_count = 1,
        .own_ipv4 = {.family = ADDRESS_IPV4, .octets = {203, 0, 113, 66}},
        .own_ipv6 = {.family = ADDRESS_IPV6, .octets = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x66}}};
    enum status status = attacker_open(&options, &lab->attacker);
    require(status == OK);
    return (struct node){attacker_handle, lab->attacker};
}

static void close_attacker(void *user)
{
    struct lab *lab = user;
    attacker_close(lab->attacker);
}

/* ------------------------------------------------------------------ the lab's life */

static void make_options(struct lab *lab)
{
    lab->tld_server = (struct registry_server){.name = make_name(lab, "a.ns.com."),
                                               .addresses = {roles[LAB_TLD].address},
                                               .address_count = 1};
    lab->tld = (struct registry_tld_options){.name = lab->zones[LAB_ZONE_TLD],
                                             .has_dnssec = true,
                                             .keys_max = REGISTRY_KEYS_MAX,
                                             .form = REGISTRY_FORM_EITHER,
                                             .servers = &lab->tld_server,
                                             .server_count = 1,
                                             .soa = {.mailbox = make_name(lab, "hostmaster.com."),
                                                     .refresh_s = 60,
                                                     .retry_s = 10,
                                                     .expire_s = 604800,
                                                     .minimum_s = 1},
                                             .apex_ttl_s = 60,
                                             .delegation_ttl_s = 3,
                                             .ds_ttl_s = 3,
                                             .notify = &roles[LAB_TLD_SIGNER].address,
                                             .notify_count = 1,
                                             .transfer_key = &lab->link};
    lab->login = (struct registry_registrar_options){
        .id = SPAN_LITERAL("vouch-registrar"),
        .password_hash = span_of_text(PASSWORD),
        .certificate_digest = span_of(REGISTRAR_CERTIFICATE, sizeof REGISTRAR_CERTIFICATE)};
    lab->accreditation = (struct registrar_registry){.name = roles[LAB_REGISTRY].name,
                                                     .client = "vouch-registrar",
                                                     .password = PASSWORD,
                                                     .tlds = tlds,
                                                     .tld_count = LEN(tlds)};
    lab->anchor = (struct trust_anchor){.zone = lab->zones[LAB_ZONE_ROOT],
                                        .type = TYPE_DNSKEY,
                                        .rdata = lab_keys_entry(lab->keys, LAB_ZONE_ROOT)};
}

static void add_role(struct lab *lab, enum lab_role role, struct sim_life life)
{
    size_t node = sim_add_node(lab->sim, roles[role].name, life);
    require(node == (size_t)role);
    sim_listen(lab->sim, node, roles[role].address);
}

static void add_roles(struct lab *lab)
{
    struct sim_life lives[LAB_ROLE_COUNT] = {
        [LAB_REGISTRY] = {open_registry, close_registry, lab},
        [LAB_ATTACKER] = {open_attacker, close_attacker, lab},
        [LAB_RESOLVER] = {open_resolver, close_resolver, lab},
        [LAB_REGISTRAR] = {open_registrar, close_registrar, lab},
    };
    for (size_t i = 0; i < SIGNER_COUNT; i++) {
        lives[signings[i].signer] =
            (struct sim_life){lab_signer_open, lab_signer_close, &lab->signers[i]};
        lives[signings[i].server] =
            (struct sim_life){lab_server_open, lab_server_close, &lab->servers[i]};
    }
    for (size_t i = 0; i < LAB_ROLE_COUNT; i++) {
        add_role(lab, (enum lab_role)i, lives[i]);
    }
}

static void fill_signings(struct lab *lab)
{
    for (size_t i = 0; i < SIGNER_COUNT; i++) {
        lab->signers[i] =
            (struct lab_signer){.sim = lab->sim,
                                .node = signings[i].signer,
                                .zone = lab->zones[i],
                                .server = {roles[signings[i].server].address, &lab->link}};
        lab->servers[i] =
            (struct lab_server){.sim = lab->sim,
                                .node = signings[i].server,
                                .zone = lab->zones[i],
                                .signer = {roles[signings[i].signer].address, &lab->link}};
        struct disk disk = sim_disk(lab->sim, signings[i].signer, "state");
        lab_keys_copy(lab->keys, (enum lab_zone)i, &disk);
    }
    lab->signers[LAB_ZONE_ROOT].text = span_of_text(lab->root_text);
    lab->signers[LAB_ZONE_DOMAIN].text = span_of_text(DOMAIN_TEXT);
    lab->signers[LAB_ZONE_TLD].primary =
        (struct auth_peer){roles[LAB_REGISTRY].address, &lab->link};
}

struct lab *lab_open(const struct lab_keys *keys, const struct lab_options *options)
{
    struct lab *lab = calloc(1, sizeof *lab);
    char ds[LAB_KEY_TEXT_SIZE];
    require(lab != NULL);
    lab->options = *options;
    lab->keys = keys;
    arena_open(&lab->life, ARENA_MAX);
    arena_open(&lab->reply, ARENA_MAX);
    struct sim_options sim_options = {.seed = options->seed,
                                      .wall_s = LAB_WALL_S,
                                      .delay_min_us = DELAY_MIN_US,
                                      .delay_max_us = DELAY_MAX_US,
                                      .loss_percent = options->loss_percent,
                                      .repeat_percent = options->repeat_percent,
                                      .is_loud = options->is_loud};
    lab->sim = sim_open(&sim_options);
    for (size_t i = 0; i < LAB_ZONE_COUNT; i++) {
        lab->zones[i] = make_name(lab, lab_zone_text((enum lab_zone)i));
    }
    lab->link = (struct tsig_key){make_name(lab, "link."), TSIG_HMAC_SHA256,
                                  span_of(LINK_SECRET, sizeof LINK_SECRET)};
    lab_keys_print_ds(keys, LAB_ZONE_TLD, ds);
    snprintf(lab->root_text, sizeof lab->root_text, "%s%s\n", ROOT_TEXT, ds);
    make_options(lab);
    add_roles(lab);
    fill_signings(lab);
    lab->registry_under = fake_records_open();
    lab->registrar_under = fake_records_open();
    lab->registry_records =
        sim_records(lab->sim, LAB_REGISTRY, fake_records_of(lab->registry_under));
    for (size_t i = 0; i < LAB_ROLE_COUNT; i++) {
        sim_start(lab->sim, i);
    }
    return lab;
}

void lab_close(struct lab *lab)
{
    sim_close(lab->sim);
    fake_records_close(lab->registry_under);
    fake_records_close(lab->registrar_under);
    arena_close(&lab->reply);
    arena_close(&lab->life);
    free(lab);
}

struct sim *lab_sim(struct lab *lab)
{
    return lab->sim;
}

size_t lab_node(const struct lab *lab, enum lab_role role)
{
    (void)lab;
    return role;
}

const char *lab_role_text(enum lab_role role)
{
    return roles[role].name;
}

int64_t lab_now_s(const struct lab *lab)
{
    return moment_wall_s(sim_now(lab->sim));
}

static void supervise(struct lab *lab)
{
    int64_t now_ns = sim_now(lab->sim).mono_ns;
    for (size_t i = 0; i < LAB_ROLE_COUNT; i++) {
        int64_t *since_ns = &lab->down_since_ns[i];
        if (sim_is_alive(lab->sim, i)) {
            *since_ns = 0;
        } else if (*since_ns == 0) {
            *since_ns = now_ns;
        } else if (now_ns - *since_ns >= (int64_t)LAB_DOWN_S * MOMENT_NS_PER_S) {
            sim_start(lab->sim, i);
        }
    }
}

void lab_run(struct lab *lab, int64_t duration_ns)
{
    for (int64_t left_ns = duration_ns; left_ns > 0; left_ns -= MOMENT_NS_PER_S) {
        sim_run(lab->sim, left_ns < MOMENT_NS_PER_S ? left_ns : MOMENT_NS_PER_S);
        supervise(lab);
    }
}

/* ------------------------------------------------------------------ hands */

enum status lab_control(struct lab *lab, enum lab_role role, const char *line, const char **text)
{
    struct span said = SPAN_EMPTY;
    arena_reset(&lab->reply);
    enum status status = sim_control(lab->sim, role, line, &lab->reply, &said);
    const char *copy = arena_text(&lab->reply, said);
    *text = copy == NULL ? "" : copy;
    return status;
}

enum status lab_api(struct lab *lab, const char *token, const char *action, const char *body,
                    uint16_t *http_status, const struct json_node **json)
{
    char target[128], bearer[160];
    struct effect_http response;
    struct problem problem = {0};
    snprintf(target, sizeof target, "Route53Domains_v20140515.%s", action);
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    const struct http_field fields[] = {{SPAN_LITERAL("X-Amz-Target"), span_of_text(target)},
                                        {SPAN_LITERAL("Authorization"), span_of_text(bearer)}};
    struct event_http request = {.method = SPAN_LITERAL("POST"),
                                 .path = SPAN_LITERAL("/"),
                                 .target = SPAN_LITERAL("/"),
                                 .fields = fields,
                                 .field_count = LEN(fields),
                                 .body = span_of_text(body)};
    arena_reset(&lab->reply);
    enum status status = sim_http(lab->sim, LAB_REGISTRAR, &request, &lab->reply, &response);
    *json = NULL;
    *http_status = response.status;
    if (status == OK && json_read(response.body, &lab->reply, json, &problem) != OK) {
        *json = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------ questions */

static const char *const view_texts[LAB_VIEW_COUNT] = {
    [LAB_VIEW_SECURE] = "secure",   [LAB_VIEW_INSECURE] = "insecure",
    [LAB_VIEW_FORGED] = "forged",   [LAB_VIEW_NOTHING] = "no address",
    [LAB_VIEW_BOGUS] = "bogus",     [LAB_VIEW_UNREACHED] = "unreached",
    [LAB_VIEW_SILENCE] = "silence",
};

const char *lab_view_text(enum lab_view view)
{
    return view_texts[view];
}

static bool ask(struct lab *lab, enum lab_role role, struct question question,
                struct message *message)
{
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct span answer;
    uint16_t flags = role == LAB_RESOLVER ? FLAG_RD : 0;
    struct sim_question asked = {
        roles[role].address, TRANSPORT_UDP,
        message_make_query(bytes, sizeof bytes, 7, flags, question, true, MESSAGE_UDP_LEN_DEFAULT),
        ASK_TIMEOUT_MS};
    arena_reset(&lab->reply);
    return sim_ask(lab->sim, &asked, &lab->reply, &answer) == OK &&
           message_read(answer, &lab->reply, message) == OK &&
           message_answers(message, 7, question, true);
}

static bool is_about_dnssec(int ede)
{
    return ede == EDE_UNSUPPORTED_ALGORITHM || ede == EDE_UNSUPPORTED_DIGEST ||
           (ede >= EDE_BOGUS && ede <= EDE_NSEC_MISSING);
}

static enum lab_view view_of(const struct message *message, int ede)
{
    if (message->rcode == RCODE_SERVFAIL) {
        return is_about_dnssec(ede) ? LAB_VIEW_BOGUS : LAB_VIEW_UNREACHED;
    }
    const struct message_section *answer = &message->sections[SECTION_ANSWER];
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->rrsets[i].type == TYPE_A) {
            bool is_true = span_equal(rrset_only(&answer->rrsets[i]),
                                      span_of(WEB_ADDRESS, sizeof WEB_ADDRESS));
            return !is_true                          ? LAB_VIEW_FORGED
                   : (message->flags & FLAG_AD) != 0 ? LAB_VIEW_SECURE
                                                     : LAB_VIEW_INSECURE;
        }
    }
    return LAB_VIEW_NOTHING;
}

void lab_resolve(struct lab *lab, struct lab_answer *answer)
{
    struct name_buffer buffer;
    struct message message;
    struct span option;
    struct name name;
    *answer = (struct lab_answer){.view = LAB_VIEW_SILENCE, .ede = EDE_NONE};
    enum status status =
        name_make_child(SPAN_LITERAL("www"), lab->zones[LAB_ZONE_DOMAIN], &buffer, &name);
    require(status == OK);
    if (!ask(lab, LAB_RESOLVER, (struct question){name, TYPE_A, CLASS_IN}, &message)) {
        return;
    }
    if (edns_find(&message.edns, EDNS_OPTION_EDE, &option) && option.len >= 2) {
        answer->ede = option.bytes[0] << 8 | option.bytes[1];
        snprintf(answer->reason, sizeof answer->reason, "%.*s", (int)(option.len - 2),
                 (const char *)option.bytes + 2);
    }
    answer->view = view_of(&message, answer->ede);
}

bool lab_has_ds(struct lab *lab, bool *is_answered)
{
    struct message message;
    struct question question = {lab->zones[LAB_ZONE_DOMAIN], TYPE_DS, CLASS_IN};
    *is_answered = ask(lab, LAB_TLD, question, &message) && message.rcode == RCODE_NOERROR;
    for (size_t i = 0; *is_answered && i < message.sections[SECTION_ANSWER].count; i++) {
        if (message.sections[SECTION_ANSWER].rrsets[i].type == TYPE_DS) {
            return true;
        }
    }
    return false;
}
