/* How the registrar's neighbours behave in tests. */
#include "service/registrar/fake_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/dns/message.h"
#include "core/dns/rdata.h"
#include "core/dnssec/sign.h"
#include "core/proto/epp_grammar.h"

static const char ROOT_ZONE[] =
    ". 86400 IN SOA a.root. h.root. 1 1800 900 604800 86400\n"
    ". 86400 IN NS a.root.\n"
    "com. 172800 IN NS a.gtld.\n"
    "com. 86400 IN DS 1 13 2 "
    "00000000000000000000000000000000000000000000000000000000000000aa\n"
    "aq. 172800 IN NS ns.aq.\n"
    "org. 172800 IN NS ns.org.\n"
    "org. 86400 IN DS 2 13 2 "
    "00000000000000000000000000000000000000000000000000000000000000bb\n";
static const char POLICY[] = "tld:\n  name: org\n  form: key\n";
static const char *const tlds[] = {"com", "org", "aq"};
static const struct registrar_registry registries[] = {{"one", "rar", "secret-password", tlds, 3}};

char FAKE_TOKEN[128];

static void random_fill(void *self, void *bytes, size_t len)
{
    struct fake_world *world = self;
    for (size_t i = 0; i < len; i++) {
        world->random = world->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)bytes)[i] = (uint8_t)(world->random >> 56);
    }
}

static enum status plain_hash(void *self, struct span password, struct span salt, char *encoded,
                              size_t encoded_size)
{
    (void)self;
    (void)salt;
    snprintf(encoded, encoded_size, "plain:%.*s", (int)password.len, (const char *)password.bytes);
    return OK;
}

static bool plain_matches(void *self, struct span password, const char *encoded)
{
    (void)self;
    return span_equal(password, span_of_text(encoded + 6));
}

static enum status options_reread(void *self, struct arena *arena, struct registrar_options *fresh,
                                  struct problem *problem)
{
    const struct fake_world *world = self;
    if (world->policy == NULL) {
        return problem_set(problem, NOT_FOUND, "there is no policy");
    }
    const char *kept = arena_text(arena, span_of_text(world->policy));
    require(kept != NULL);
    fresh->tld_policy = span_of_text(kept);
    fresh->name = arena_text(arena, SPAN_LITERAL("Renamed Registrar"));
    return OK;
}

/* ------------------------------------------------------------------ events */

static struct event *event_add(struct fake_world *world, enum event_kind kind)
{
    require(world->event_count < FAKE_EVENTS_MAX);
    struct event *event = &world->events[world->event_count++];
    *event = (struct event){.kind = kind, .now = world->now};
    return event;
}

/* ------------------------------------------------------------------ DNS */

static void dnskey_rdata(const struct fake_key *key, struct writer *writer)
{
    dnskey_write(key->flags, ALGORITHM_ECDSAP256SHA256, key_public(key->key), writer);
}

static void rrset_send(struct message_writer *writer, const struct rrset *rrset)
{
    require(message_add_rrset(writer, SECTION_ANSWER, rrset) == OK);
}

static void answer_keys(struct fake_world *world, struct name zone, struct message_writer *writer)
{
    struct rrset_builder builder;
    struct rrset keys, signatures;
    uint8_t bytes[4096];
    rrset_begin(&builder, &world->life, zone, TYPE_DNSKEY, 300);
    for (size_t i = 0; i < world->key_count; i++) {
        struct writer rdata = writer_over(bytes, sizeof bytes);
        dnskey_rdata(&world->keys[i], &rdata);
        if (world->keys[i].is_published) {
            rrset_add(&builder, writer_written(&rdata));
        }
    }
    require(rrset_finish(&builder, &keys) == OK);
    if (keys.count == 0) {
        return;
    }
    rrset_send(writer, &keys);
    rrset_begin(&builder, &world->life, zone, TYPE_RRSIG, 300);
    for (size_t i = 0; i < world->key_count; i++) {
        struct writer dnskey = writer_over(bytes, sizeof bytes);
        uint8_t rrsig[1024];
        struct writer rdata = writer_over(rrsig, sizeof rrsig);
        struct signing_key key = {.key = world->keys[i].key};
        int64_t now_s = moment_wall_s(world->now);
        struct sign_times times = {
            now_s - 86400 * 30, world->signed_until_s != 0 ? world->signed_until_s : now_s + 86400};
        dnskey_rdata(&world->keys[i], &dnskey);
        require(dnskey_read(writer_written(&dnskey), &key.dnskey) == OK);
        if (world->keys[i].signs && world->keys[i].is_published) {
            require(sign_rrset(&keys, zone, &key, times, &world->life, &rdata) == OK);
            rrset_add(&builder, writer_written(&rdata));
        }
    }
    require(rrset_finish(&builder, &signatures) == OK);
    if (signatures.count > 0) {
        rrset_send(writer, &signatures);
    }
}

static void answer_ds(struct fake_world *world, struct name zone, struct message_writer *writer)
{
    struct rrset_builder builder;
    struct rrset rrset;
    uint8_t bytes[4096], digest[64];
    rrset_begin(&builder, &world->life, zone, TYPE_DS, 3600);
    for (size_t i = 0; i < world->key_count; i++) {
        struct writer dnskey = writer_over(bytes, sizeof bytes);
        struct writer ds = writer_over(digest, sizeof digest);
        dnskey_rdata(&world->keys[i], &dnskey);
        require(ds_make(zone, writer_written(&dnskey), DS_DIGEST_SHA256, &ds) == OK);
        if (world->keys[i].is_at_registry) {
            rrset_add(&builder, writer_written(&ds));
        }
    }
    require(rrset_finish(&builder, &rrset) == OK);
    if (rrset.count > 0) {
        rrset_send(writer, &rrset);
    }
}

static void answer_one(struct fake_world *world, struct name owner, uint16_t type, const char *text,
                       struct message_writer *writer)
{
    struct rrset_builder builder;
    struct rrset rrset;
    uint8_t bytes[512];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem;
    require(rdata_parse_text(type, span_of_text(text), NULL, &rdata, &problem) == OK);
    rrset_begin(&builder, &world->life, owner, type, 3600);
    rrset_add(&builder, writer_written(&rdata));
    require(rrset_finish(&builder, &rrset) == OK);
    rrset_send(writer, &rrset);
}

static bool any_at_registry(const struct fake_world *world)
{
    for (size_t i = 0; i < world->key_count; i++) {
        if (world->keys[i].is_at_registry) {
            return true;
        }
    }
    return false;
}

static void ask_take(struct fake_world *world, const struct effect_ask *ask)
{
    struct name_buffer buffer;
    struct message query;
    char name[NAME_TEXT_MAX];
    uint8_t *bytes = arena_take(&world->life, 8192);
    require(bytes != NULL && message_read_query(ask->message, &buffer, &query) == OK);
    bool is_resolver = address_equal(ask->server, world->options.resolver);
    bool is_silent = world->servers_are_silent && query.question.type == TYPE_DNSKEY;
    bool is_refused = world->tcp_is_refused && ask->transport == TRANSPORT_TCP &&
                      ask->server.octets[3] == 2 && !is_resolver;
    if (is_silent || is_refused) {
        struct event *event = event_add(world, EVENT_ANSWER);
        event->answer.ask = ask->ask;
        event->answer.outcome = is_refused ? REFUSED : TIMED_OUT;
        return;
    }
    struct message_writer writer;
    bool is_bad = is_resolver && query.question.type == TYPE_SOA && world->is_bogus;
    bool is_ad =
        is_resolver && query.question.type == TYPE_SOA && !is_bad && any_at_registry(world);
    uint16_t flags =
        (uint16_t)(FLAG_QR | (is_resolver ? FLAG_RA : FLAG_AA) | (is_ad ? FLAG_AD : 0));
    message_begin(&writer, bytes, 8192, query.id, flags, OPCODE_QUERY,
                  is_bad ? RCODE_SERVFAIL : RCODE_NOERROR);
    message_add_question(&writer, query.question);
    name_print(query.question.name, name);
    if (query.question.type == TYPE_DNSKEY) {
        answer_keys(world, query.question.name, &writer);
    } else if (query.question.type == TYPE_DS) {
        answer_ds(world, query.question.name, &writer);
    } else if (query.question.type == TYPE_NS) {
        answer_one(world, query.question.name, TYPE_NS, "a.gtld.", &writer);
    } else if (query.question.type == TYPE_A) {
        answer_one(world, query.question.name, TYPE_A,
                   strncmp(name, "ns2.", 4) == 0 ? "192.0.2.2" : "192.0.2.1", &writer);
    }
    struct event *event = event_add(world, EVENT_ANSWER);
    event->answer.ask = ask->ask;
    event->answer.message = message_end(&writer);
}

/* ------------------------------------------------------------------ EPP */

static void frame_send(struct fake_world *world, const struct epp_response *response)
{
    uint8_t *bytes = arena_take(&world->life, EPP_FRAME_LEN_MAX);
    require(bytes != NULL);
    struct writer frame = writer_over(bytes, EPP_FRAME_LEN_MAX);
    require(epp_response_write(response, &frame) == OK);
    struct event *event = event_add(world, EVENT_EPP_FRAME);
    event->epp.session = world->epp_session;
    event->epp.frame = writer_written(&frame);
}

static void greeting_send(struct fake_world *world)
{
    struct epp_response *response = arena_take(&world->life, sizeof *response);
    response->is_greeting = true;
    response->server_name = SPAN_LITERAL("registry one");
    response->now_s = moment_wall_s(world->now);
    frame_send(world, response);
}

static bool key_fits(struct fake_world *world, size_t index, const struct epp_key *given)
{
    if (given->has_key) {
        return span_equal(given->key_public, key_public(world->keys[index].key));
    }
    struct name_buffer buffer;
    struct name zone;
    struct problem problem;
    uint8_t bytes[4096], digest[64];
    struct writer dnskey = writer_over(bytes, sizeof bytes);
    struct writer ds = writer_over(digest, sizeof digest);
    require(name_parse(SPAN_LITERAL("example.com."), NULL, &buffer, &zone, &problem) == OK);
    dnskey_rdata(&world->keys[index], &dnskey);
    require(ds_make(zone, writer_written(&dnskey), DS_DIGEST_SHA256, &ds) == OK);
    return span_equal(given->ds_digest, span_of(digest + 4, 32));
}

static void command_carry_out(struct fake_world *world, const struct epp_command *command)
{
    world->command_count++;
    const struct epp_domain_update *update = &command->update;
    for (size_t i = 0; command->verb == EPP_DOMAIN_UPDATE && i < world->key_count; i++) {
        if (update->keys_added_count == 1 && key_fits(world, i, &update->keys_added[0])) {
            world->keys[i].is_at_registry = true;
        }
        if (update->keys_removed_count == 1 && key_fits(world, i, &update->keys_removed[0])) {
            world->keys[i].is_at_registry = false;
        }
    }
}

static void view_fill(struct fake_world *world, struct epp_domain *view)
{
    view->name = SPAN_LITERAL("example.com");
    view->sponsor = SPAN_LITERAL("rar");
    view->roid = SPAN_LITERAL("D1-ONE");
    for (size_t i = 0; i < world->key_count; i++) {
        if (world->keys[i].is_at_registry) {
            view->keys[view->key_count++] =
                (struct epp_key){.has_key = true,
                                 .key_flags = world->keys[i].flags,
                                 .key_protocol = 3,
                                 .key_algorithm = ALGORITHM_ECDSAP256SHA256,
                                 .key_public = key_public(world->keys[i].key)};
        }
    }
}

static enum epp_code code_for(struct fake_world *world, const struct epp_command *command)
{
    if (command->verb == EPP_LOGIN || command->verb == EPP_DOMAIN_INFO) {
        return EPP_OK;
    }
    bool is_repeated =
        span_equal(command->client_transaction, span_of_text(world->last_transaction));
    if (is_repeated && world->has_memory) {
        return world->last_code;
    }
    if (is_repeated) {
        return EPP_EXISTS;
    }
    snprintf(world->last_transaction, sizeof world->last_transaction, "%.*s",
             (int)command->client_transaction.len, (const char *)command->client_transaction.bytes);
    if (world->refuses == 0) {
        command_carry_out(world, command);
    }
    world->last_code = world->refuses != 0       ? world->refuses
                       : world->is_pending_first ? EPP_PENDING
                                                 : EPP_OK;
    return world->last_code;
}

static void frame_answer(struct fake_world *world, struct span frame)
{
    struct epp_command *command = arena_take(&world->life, sizeof *command);
    struct epp_response *response = arena_take(&world->life, sizeof *response);
    enum epp_code code;
    struct problem problem = {0};
    require(epp_command_read(frame, &world->life, command, &code, &problem) == OK);
    require(epp_grammar_agrees(frame));
    if (command->verb == EPP_HELLO) {
        greeting_send(world);
        return;
    }
    bool is_change = command->verb == EPP_DOMAIN_UPDATE || command->verb == EPP_DOMAIN_CREATE;
    response->verb = command->verb;
    response->code = code_for(world, command);
    response->client_transaction = command->client_transaction;
    response->server_transaction = SPAN_LITERAL("S-1");
    if (response->code >= 2000) {
        response->reason = SPAN_LITERAL("the registry has its reasons");
    }
    if (command->verb == EPP_DOMAIN_INFO) {
        response->has_domain = true;
        view_fill(world, &response->domain);
    } else if (command->verb == EPP_DOMAIN_CREATE && response->code == EPP_OK) {
        response->has_domain = true;
        response->domain.name = command->domain.name;
        response->domain.created_s = moment_wall_s(world->now);
        response->domain.expires_s = moment_wall_s(world->now) + 365 * 86400;
    }
    if (is_change && world->loses_next_reply) {
        world->loses_next_reply = false;
        struct event *event = event_add(world, EVENT_EPP_CLOSED);
        event->epp.session = world->epp_session;
        event->epp.outcome = CLOSED;
        world->epp_session = 0;
        return;
    }
    frame_send(world, response);
}

static void frame_take(struct fake_world *world, const struct effect_epp *epp)
{
    if (epp->session != world->epp_session) {
        return;
    }
    bool is_login =
        world->registry_is_paused && memmem(epp->frame.bytes, epp->frame.len, "<login", 6) != NULL;
    if (world->registry_is_paused && !is_login) {
        memcpy(world->held_frame, epp->frame.bytes, epp->frame.len);
        world->held_len = epp->frame.len;
        return;
    }
    frame_answer(world, epp->frame);
}

void fake_resume(struct fake_world *world)
{
    world->registry_is_paused = false;
    if (world->held_len > 0) {
        frame_answer(world, span_of(world->held_frame, world->held_len));
        world->held_len = 0;
    }
    fake_run(world);
}

static void session_open(struct fake_world *world, uint64_t session)
{
    struct event *event =
        event_add(world, world->registry_is_down ? EVENT_EPP_CLOSED : EVENT_EPP_OPENED);
    event->epp.session = session;
    event->epp.outcome = world->registry_is_down ? REFUSED : OK;
    if (!world->registry_is_down) {
        world->epp_session = session;
        greeting_send(world);
    }
}

/* ------------------------------------------------------------------ the rest */

static void mail_take(struct fake_world *world, const struct effect_mail *mail)
{
    world->mail_tries++;
    struct event *event = event_add(world, EVENT_MAIL);
    event->mail.mail = mail->mail;
    event->mail.outcome = world->mail_outcome;
    if (world->mail_outcome != OK) {
        return;
    }
    for (size_t i = 0; i < world->mail_count; i++) {
        if (span_equal(span_of_text(world->mail_ids[i]), mail->message_id)) {
            return; /* as a Maildir: one file a Message-ID */
        }
    }
    require(world->mail_count < FAKE_MAILS_MAX);
    snprintf(world->mail_ids[world->mail_count], 160, "%.*s", (int)mail->message_id.len,
             (const char *)mail->message_id.bytes);
    world->mails[world->mail_count] = strndup((const char *)mail->message.bytes, mail->message.len);
    world->mail_count++;
}

static void text_keep(char *text, size_t size, struct span span)
{
    require(span.len < size);
    memset(text, 0, span.len + 1);
    if (span.len > 0) {
        memcpy(text, span.bytes, span.len);
    }
}

static void http_take(struct fake_world *world, const struct effect_http *http)
{
    size_t cookies = 0;
    require(world->http_status == 0);
    world->http_status = http->status;
    text_keep(world->http_body, sizeof world->http_body, http->body);
    for (size_t i = 0; i < http->field_count; i++) {
        if (span_equal(http->fields[i].name, SPAN_LITERAL("Location"))) {
            text_keep(world->location, sizeof world->location, http->fields[i].value);
        } else if (span_equal(http->fields[i].name, SPAN_LITERAL("Set-Cookie"))) {
            text_keep(world->cookies[cookies++], sizeof world->cookies[0], http->fields[i].value);
        }
    }
}

static void timer_take(struct fake_world *world, const struct effect_timer *timer)
{
    size_t free_at = FAKE_TIMERS_MAX;
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
        if (world->timers[i].id == timer->timer) {
            world->timers[i].at_ns = timer->at_mono_ns;
            return;
        }
        free_at = world->timers[i].id == 0 && free_at == FAKE_TIMERS_MAX ? i : free_at;
    }
    require(free_at < FAKE_TIMERS_MAX);
    world->timers[free_at].id = timer->timer;
    world->timers[free_at].at_ns = timer->at_mono_ns;
}

static void effect_take(struct fake_world *world, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_ASK:
        ask_take(world, &effect->ask);
        break;
    case EFFECT_TIMER:
        timer_take(world, &effect->timer);
        break;
    case EFFECT_EPP_OPEN:
        session_open(world, effect->epp.session);
        break;
    case EFFECT_EPP_SEND:
        frame_take(world, &effect->epp);
        break;
    case EFFECT_EPP_CLOSE:
        world->epp_session = effect->epp.session == world->epp_session ? 0 : world->epp_session;
        break;
    case EFFECT_HTTP:
        http_take(world, &effect->http);
        break;
    case EFFECT_CONTROL:
        world->has_control_answer = true;
        world->control_failed = effect->control.is_failure;
        text_keep(world->control, sizeof world->control, effect->control.text);
        break;
    case EFFECT_MAIL:
        mail_take(world, &effect->mail);
        break;
    case EFFECT_ASK_DONE:
        break;
    case EFFECT_REPLY:
    case EFFECT_HANG_UP:
    case EFFECT_AWAIT_ROOM:
    case EFFECT_METRICS:
    case EFFECT_KIND_COUNT:
        require(!"an effect of another service");
    }
}

static void event_deliver(struct fake_world *world, const struct event *event)
{
    registrar_handle(world->registrar, event, &world->outbox);
    for (size_t i = 0; i < world->outbox.count; i++) {
        effect_take(world, &world->outbox.effects[i]);
    }
    outbox_reset(&world->outbox);
}

void fake_run(struct fake_world *world)
{
    for (size_t i = 0; i < world->event_count; i++) {
        struct event event = world->events[i];
        event.now = world->now;
        event_deliver(world, &event);
    }
    world->event_count = 0;
    arena_reset(&world->life);
}

void fake_send(struct fake_world *world, struct event event)
{
    event.now = world->now;
    event_deliver(world, &event);
    fake_run(world);
}

void fake_pass(struct fake_world *world, int64_t seconds)
{
    for (int64_t s = 0; s < seconds; s++) {
        world->now.mono_ns += MOMENT_NS_PER_S;
        world->now.wall_ns += MOMENT_NS_PER_S;
        for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
            if (world->timers[i].id != 0 && world->timers[i].at_ns <= world->now.mono_ns) {
                world->timers[i].at_ns = TIMER_NEVER_NS;
                struct event event = {.kind = EVENT_TIMER, .timer = world->timers[i].id};
                fake_send(world, event);
            }
        }
    }
}

static void service_open(struct fake_world *world)
{
    struct problem problem = {0};
    if (registrar_open(&world->options, &world->registrar, &problem) != OK) {
        fprintf(stderr, "%s:%u: %s\n", problem.place, problem.line, problem.sentence);
        abort();
    }
    fake_send(world, (struct event){.kind = EVENT_START});
}

void fake_open(struct fake_world *world)
{
    static struct entropy entropy;
    memset(world, 0, sizeof *world);
    arena_open(&world->life, (size_t)64 << 20);
    outbox_open(&world->outbox, (size_t)256 << 20);
    world->records = fake_records_open();
    world->now = (struct moment){1800000000LL * MOMENT_NS_PER_S, 1000LL * MOMENT_NS_PER_S};
    world->random = 42;
    world->has_memory = true;
    entropy = (struct entropy){random_fill, world};
    world->options = (struct registrar_options){
        .name = "Test Registrar",
        .mail_from = "domains@registrar.test",
        .url = "",
        .records = fake_records_of(world->records),
        .entropy = &entropy,
        .passwords = {plain_hash, plain_matches, NULL},
        .root_zone = span_of_text(ROOT_ZONE),
        .root_zone_file = "root.zone",
        .tld_policy = span_of_text(POLICY),
        .tld_policy_file = "policy",
        .registries = registries,
        .registry_count = 1,
        .reader = {options_reread, world},
        .watch_first_s = 1,
        .watch_most_s = 60,
        .watch_end_s = 3600,
        .look_fresh_s = 300,
        .look_calm_s = 7200,
        .retry_most_s = 30,
    };
    require(address_read(SPAN_LITERAL("127.0.0.53"), 53, &world->options.resolver) == OK);
    service_open(world);
    fake_control(world, "account-add owner@example.test correct-horse");
    fake_control(world, "account-add stranger@example.test battery-staple");
    const char *token = strstr(fake_control(world, "token-add owner@example.test"), "token: ");
    require(token != NULL);
    snprintf(FAKE_TOKEN, sizeof FAKE_TOKEN, "%.*s", (int)strcspn(token + 7, "\n"), token + 7);
    fake_control(world, "domain-register example.com owner@example.test ns1.example.com=192.0.2.1 "
                        "ns2.example.com");
}

void fake_close(struct fake_world *world)
{
    registrar_close(world->registrar);
    fake_records_close(world->records);
    outbox_close(&world->outbox);
    arena_close(&world->life);
    for (size_t i = 0; i < world->key_count; i++) {
        key_close(world->keys[i].key);
    }
    for (size_t i = 0; i < world->mail_count; i++) {
        free(world->mails[i]);
    }
}

void fake_restart(struct fake_world *world)
{
    registrar_close(world->registrar);
    outbox_reset(&world->outbox);
    world->event_count = 0;
    world->epp_session = 0;
    memset(world->timers, 0, sizeof world->timers);
    service_open(world);
}

size_t fake_add_key(struct fake_world *world, uint16_t flags)
{
    require(world->key_count < FAKE_KEYS_MAX);
    struct fake_key *key = &world->keys[world->key_count];
    *key = (struct fake_key){.flags = flags, .is_published = true, .signs = true};
    require(key_generate(ALGORITHM_ECDSAP256SHA256, 0, &key->key) == OK);
    struct writer writer = writer_over(key->base64, sizeof key->base64 - 1);
    text_write_base64(&writer, key_public(key->key));
    return world->key_count++;
}

const char *fake_control(struct fake_world *world, const char *line)
{
    world->has_control_answer = false;
    struct event event = {.kind = EVENT_CONTROL, .control = {1, span_of_text(line)}};
    fake_send(world, event);
    for (int i = 0; i < 20 && !world->has_control_answer; i++) {
        fake_pass(world, 1);
    }
    return world->control;
}

const char *fake_api(struct fake_world *world, const char *action, const char *json)
{
    char target[128], bearer[160];
    snprintf(target, sizeof target, "%s%s", strchr(action, '.') ? "" : "Route53Domains_v20140515.",
             action);
    snprintf(bearer, sizeof bearer, "Bearer %s", FAKE_TOKEN);
    struct http_field fields[] = {{SPAN_LITERAL("X-Amz-Target"), span_of_text(target)},
                                  {SPAN_LITERAL("Authorization"), span_of_text(bearer)}};
    struct event event = {.kind = EVENT_HTTP,
                          .http = {.request = 7,
                                   .method = SPAN_LITERAL("POST"),
                                   .path = SPAN_LITERAL("/"),
                                   .target = SPAN_LITERAL("/"),
                                   .fields = fields,
                                   .field_count = 2,
                                   .body = span_of_text(json)}};
    world->http_status = 0;
    fake_send(world, event);
    return world->http_body;
}

const char *fake_page(struct fake_world *world, const char *path, const char *form)
{
    static char jar[600];
    char session[256], bound[256];
    snprintf(session, sizeof session, "%.*s", (int)strcspn(world->cookies[0], ";"),
             world->cookies[0]);
    snprintf(bound, sizeof bound, "%.*s", (int)strcspn(world->cookies[1], ";"), world->cookies[1]);
    snprintf(jar, sizeof jar, "%s; %s", session, bound);
    struct http_field fields[] = {{SPAN_LITERAL("Host"), SPAN_LITERAL("console.test")},
                                  {SPAN_LITERAL("Origin"), SPAN_LITERAL("http://console.test")},
                                  {SPAN_LITERAL("Cookie"), span_of_text(jar)}};
    struct event event = {
        .kind = EVENT_HTTP,
        .http = {.request = 8,
                 .peer = {.family = ADDRESS_IPV4, .octets = {198, 51, 100, 7}},
                 .method = form == NULL ? SPAN_LITERAL("GET") : SPAN_LITERAL("POST"),
                 .path = span_of_text(path),
                 .target = span_of_text(path),
                 .fields = fields,
                 .field_count = 3,
                 .body = form == NULL ? SPAN_EMPTY : span_of_text(form)}};
    world->http_status = 0;
    world->location[0] = '\0';
    fake_send(world, event);
    return world->http_body;
}
