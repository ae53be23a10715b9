/* Any octets as the body of a call of the registrar's API, from its owner or from nobody: each call
 * has one answer, which is JSON, and a fault of the caller is never called ours. */
#include "core/proto/json.h"
#include "service/registrar/fake_world.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* So many calls are made in one world, which then has more operations than pages. */
enum { CALLS_A_WORLD = 200, BODY_MAX = 1 << 16, JSON_ARENA_SIZE = 16 << 20, LOOK_S = 90 };

static const char *const ACTIONS[] = {
    "Route53Domains_v20140515.ListDomains",
    "Route53Domains_v20140515.GetDomainDetail",
    "Route53Domains_v20140515.AssociateDelegationSignerToDomain",
    "Route53Domains_v20140515.DisassociateDelegationSignerFromDomain",
    "Route53Domains_v20140515.GetOperationDetail",
    "Route53Domains_v20140515.ListOperations",
    "Vouch_v1.GetOperationEvidence",
    "Vouch_v1.ListTlds",
    "Route53Domains_v20140515.Nothing",
};

static struct fake_world world;
static size_t calls;

static void world_renew(void)
{
    if (calls % CALLS_A_WORLD == 0) {
        if (calls > 0) {
            fake_close(&world);
        }
        fake_open(&world);
    }
    calls++;
}

static void answer_check(void)
{
    require(world.http_status >= 200 && world.http_status < 600 && world.http_status != 500);
    struct arena arena;
    arena_open(&arena, JSON_ARENA_SIZE);
    const struct json_node *root;
    struct problem problem = {.status = OK};
    require(json_read(span_of_text(world.http_body), &arena, &root, &problem) == OK);
    arena_close(&arena);
}

/* The first octet chooses the action, the second whether the caller is known. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > BODY_MAX) {
        return 0;
    }
    world_renew();
    char bearer[160];
    snprintf(bearer, sizeof bearer, "Bearer %s", FAKE_TOKEN);
    const struct http_field fields[] = {
        {SPAN_LITERAL("X-Amz-Target"), span_of_text(ACTIONS[data[0] % LEN(ACTIONS)])},
        {SPAN_LITERAL("Authorization"), data[1] == 'x' ? SPAN_EMPTY : span_of_text(bearer)}};
    struct event event = {.kind = EVENT_HTTP,
                          .http = {.request = 7,
                                   .method = SPAN_LITERAL("POST"),
                                   .path = SPAN_LITERAL("/"),
                                   .target = SPAN_LITERAL("/"),
                                   .fields = fields,
                                   .field_count = LEN(fields),
                                   .body = span_of(data + 2, size - 2)}};
    world.http_status = 0;
    fake_send(&world, event);
    if (world.http_status == 0) { /* a deletion waits for what a look shows */
        fake_pass(&world, LOOK_S);
    }
    answer_check();
    return 0;
}
