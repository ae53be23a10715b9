#pragma once
/* One call of the API on its way, for the files of its actions. */
#include "core/proto/json.h"
#include "service/registrar/state.h"

struct call {
    struct turn *turn;
    int64_t account;
    const struct json_node *input;
    struct writer body;
    struct json_writer json;
};

/* The answers. Each call gets one. */
void api_respond(struct call *call); /* what was written */
void api_respond_operation(struct turn *turn, uint64_t request, const char *operation);
void api_refuse(struct turn *turn, uint64_t request, const struct refusal *refusal);
void api_fail(struct call *call, const char *name, const char *sentence);
void api_fail_internal(struct call *call);

/* How many items a page has, and where it begins. False: refused already. */
bool api_read_page(struct call *call, int64_t *items, int64_t *offset);
/* Ends a list: the marker of the next page when there is one more row than asked for. */
void api_end_page(struct call *call, size_t count, int64_t items, int64_t offset);

/* The actions. */
void api_list_domains(struct call *call);
void api_get_domain_detail(struct call *call);
void api_associate(struct call *call);
void api_disassociate(struct call *call);
void api_get_operation_detail(struct call *call);
void api_get_operation_evidence(struct call *call);
void api_list_operations(struct call *call);
void api_list_tlds(struct call *call);
