/* Frames of a server: greeting and response (RFC 5730 §2.4, §2.6), written and read. Our own are
 * strict; from other registries, unknown elements and extensions are stepped over. */
#include "core/base/text.h"
#include "core/proto/epp_part.h"

enum { TEXT_LEN_MAX = 4096, TRANSACTION_LEN_MAX = 64, ROID_LEN_MAX = 89, REASON_LEN_MAX = 32 };

/* What we keep and why, as RFC 5730 §2.4 wants it told: to provide the service, as long as that
 * needs. */
static const char data_policy[] =
    "<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>"
    "<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>";

static void greeting_write(const struct epp_response *response, struct writer *frame)
{
    epp_write_check_len(frame, response->server_name, 3, 64);
    writer_text(frame, "<greeting>");
    epp_write_element(frame, "svID", response->server_name);
    epp_write_time(frame, "svDate", response->now_s);
    writer_text(frame, "<svcMenu><version>1.0</version><lang>en</lang>"
                       "<objURI>" EPP_SPACE_DOMAIN "</objURI>"
                       "<svcExtension><extURI>" EPP_SPACE_SECDNS "</extURI></svcExtension>"
                       "</svcMenu>");
    writer_text(frame, data_policy);
    writer_text(frame, "</greeting>");
}

static void domain_start(struct writer *frame, const char *word)
{
    writer_print(frame, "<resData><domain:%s xmlns:domain=\"" EPP_SPACE_DOMAIN "\">", word);
}

static void domain_end(struct writer *frame, const char *word)
{
    writer_print(frame, "</domain:%s></resData>", word);
}

static void check_data_write(const struct epp_response *response, struct writer *frame)
{
    domain_start(frame, "chkData");
    for (size_t i = 0; i < response->check_count; i++) {
        const struct epp_check_result *check = &response->checks[i];
        writer_print(frame, "<domain:cd><domain:name avail=\"%d\">", check->is_available ? 1 : 0);
        xml_write_escaped(frame, check->name);
        writer_text(frame, "</domain:name>");
        epp_write_check_len(frame, check->reason, 0, REASON_LEN_MAX);
        epp_write_element(frame, "domain:reason", check->reason);
        writer_text(frame, "</domain:cd>");
    }
    domain_end(frame, "chkData");
}

static void info_data_write(const struct epp_response *response, struct writer *frame)
{
    const struct epp_domain *domain = &response->domain;
    domain_start(frame, "infData");
    epp_write_element(frame, "domain:name", domain->name);
    epp_write_element(frame, "domain:roid", domain->roid);
    for (size_t i = 0; i < domain->status_count; i++) {
        epp_write_status(frame, domain->statuses[i]);
    }
    epp_write_element(frame, "domain:registrant", domain->registrant);
    epp_write_hosts(frame, domain->hosts, domain->host_count);
    epp_write_element(frame, "domain:clID", domain->sponsor);
    epp_write_time(frame, "domain:crDate", domain->created_s);
    epp_write_time(frame, "domain:upDate", domain->updated_s);
    epp_write_time(frame, "domain:exDate", domain->expires_s);
    if (domain->auth_info.len > 0) {
        writer_text(frame, "<domain:authInfo><domain:pw>");
        xml_write_escaped(frame, domain->auth_info);
        writer_text(frame, "</domain:pw></domain:authInfo>");
    }
    domain_end(frame, "infData");
}

static void create_data_write(const struct epp_response *response, struct writer *frame)
{
    domain_start(frame, "creData");
    epp_write_element(frame, "domain:name", response->domain.name);
    epp_write_time(frame, "domain:crDate", response->domain.created_s);
    epp_write_time(frame, "domain:exDate", response->domain.expires_s);
    domain_end(frame, "creData");
}

static void queue_write(const struct epp_response *response, struct writer *frame)
{
    if (response->queue_id.len == 0) {
        return;
    }
    writer_print(frame, "<msgQ count=\"%zu\" id=\"", response->queue_count);
    xml_write_escaped(frame, response->queue_id);
    writer_text(frame, "\">");
    epp_write_time(frame, "qDate", response->queue_time_s);
    epp_write_element(frame, "msg", response->queue_text);
    writer_text(frame, "</msgQ>");
}

/* The schema wants an element in <value>; <undef/> says that the reason is about the whole. */
static void result_write(const struct epp_response *response, struct writer *frame)
{
    writer_print(frame, "<result code=\"%d\">", (int)response->code);
    epp_write_element(frame, "msg", span_of_text(epp_code_text(response->code)));
    if (response->reason.len > 0) {
        writer_text(frame, "<extValue><value><undef/></value>");
        epp_write_element(frame, "reason", response->reason);
        writer_text(frame, "</extValue>");
    }
    writer_text(frame, "</result>");
}

static void response_body_write(const struct epp_response *response, struct writer *frame)
{
    writer_text(frame, "<response>");
    result_write(response, frame);
    queue_write(response, frame);
    if (response->check_count > 0) {
        check_data_write(response, frame);
    } else if (response->has_domain && response->verb == EPP_DOMAIN_CREATE) {
        create_data_write(response, frame);
    } else if (response->has_domain) {
        info_data_write(response, frame);
        epp_secdns_write("infData", &response->domain, frame);
    }
    writer_text(frame, "<trID>");
    epp_write_element(frame, "clTRID", response->client_transaction);
    epp_write_check_len(frame, response->server_transaction, 3, TRANSACTION_LEN_MAX);
    epp_write_element(frame, "svTRID", response->server_transaction);
    writer_text(frame, "</trID></response>");
}

enum status epp_response_write(const struct epp_response *response, struct writer *frame)
{
    epp_write_start(frame);
    if (response->is_greeting) {
        greeting_write(response, frame);
    } else {
        response_body_write(response, frame);
    }
    return epp_write_end(frame);
}

/* Reading. */

static const struct xml_node *child_need(struct epp_reading *reading, const struct xml_node *node,
                                         const char *space, const char *name)
{
    const struct xml_node *child = reading->status == OK ? xml_child(node, space, name) : NULL;
    if (child == NULL) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<%s> is missing in <%.*s>", name,
                         node->name.len > 64 ? 64 : (int)node->name.len, node->name.bytes);
    }
    return child;
}

static struct span child_text(struct epp_reading *reading, const struct xml_node *node,
                              const char *name, size_t len_max)
{
    return epp_text(reading, xml_child(node, EPP_SPACE_DOMAIN, name), 0, len_max);
}

static int64_t child_time(struct epp_reading *reading, const struct xml_node *node,
                          const char *name)
{
    return epp_time(reading, xml_child(node, EPP_SPACE_DOMAIN, name));
}

static void greeting_read(struct epp_reading *reading, const struct xml_node *node,
                          struct epp_response *response)
{
    response->is_greeting = true;
    response->verb = EPP_HELLO;
    response->server_name = epp_text(reading, child_need(reading, node, EPP_SPACE, "svID"), 1, 255);
    response->now_s = epp_time(reading, child_need(reading, node, EPP_SPACE, "svDate"));
    const struct xml_node *menu = child_need(reading, node, EPP_SPACE, "svcMenu");
    const struct xml_node *object = menu == NULL ? NULL : xml_child(menu, EPP_SPACE, "objURI");
    while (object != NULL && !span_equal(object->text, span_of_text(EPP_SPACE_DOMAIN))) {
        object = xml_again(object);
    }
    if (object == NULL) {
        epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_SERVICE,
                         "the server does not offer " EPP_SPACE_DOMAIN);
    }
}

static void check_data_read(struct epp_reading *reading, const struct xml_node *node,
                            struct epp_response *response)
{
    response->verb = EPP_DOMAIN_CHECK;
    const struct xml_node *item = xml_child(node, EPP_SPACE_DOMAIN, "cd");
    for (; item != NULL && reading->status == OK; item = xml_again(item)) {
        if (response->check_count == EPP_NAMES_MAX) {
            epp_reading_fail(reading, LIMIT_REACHED, EPP_SYNTAX_ERROR,
                             "more than %d names in <chkData>", EPP_NAMES_MAX);
            return;
        }
        struct epp_check_result *check = &response->checks[response->check_count++];
        const struct xml_node *name = child_need(reading, item, EPP_SPACE_DOMAIN, "name");
        check->name = epp_text(reading, name, 1, 255);
        check->is_available = name != NULL && epp_bool(reading, xml_attribute(name, "avail"));
        check->reason = child_text(reading, item, "reason", TEXT_LEN_MAX);
    }
}

static void domain_dates_read(struct epp_reading *reading, const struct xml_node *node,
                              struct epp_domain *domain)
{
    domain->name = epp_text(reading, child_need(reading, node, EPP_SPACE_DOMAIN, "name"), 1, 255);
    domain->created_s = child_time(reading, node, "crDate");
    domain->updated_s = child_time(reading, node, "upDate");
    domain->expires_s = child_time(reading, node, "exDate");
}

static void create_data_read(struct epp_reading *reading, const struct xml_node *node,
                             struct epp_response *response)
{
    response->verb = EPP_DOMAIN_CREATE;
    response->has_domain = true;
    domain_dates_read(reading, node, &response->domain);
}

static void info_data_read(struct epp_reading *reading, const struct xml_node *node,
                           struct epp_response *response)
{
    struct epp_domain *domain = &response->domain;
    response->verb = EPP_DOMAIN_INFO;
    response->has_domain = true;
    domain_dates_read(reading, node, domain);
    domain->roid = child_text(reading, node, "roid", ROID_LEN_MAX);
    domain->registrant = child_text(reading, node, "registrant", EPP_CLIENT_LEN_MAX);
    domain->sponsor = epp_text(reading, child_need(reading, node, EPP_SPACE_DOMAIN, "clID"), 1,
                               EPP_CLIENT_LEN_MAX);
    const struct xml_node *status = xml_child(node, EPP_SPACE_DOMAIN, "status");
    if (status != NULL) {
        struct epp_children children = {reading, node, status};
        epp_statuses_read(&children, domain->statuses, &domain->status_count);
    }
    const struct xml_node *ns = xml_child(node, EPP_SPACE_DOMAIN, "ns");
    if (ns != NULL) {
        epp_ns_read(reading, ns, (struct epp_host_list){domain->hosts, &domain->host_count});
    }
    const struct xml_node *authorization = xml_child(node, EPP_SPACE_DOMAIN, "authInfo");
    if (authorization != NULL) {
        domain->auth_info = child_text(reading, authorization, "pw", TEXT_LEN_MAX);
    }
}

static const struct {
    const char *element;
    void (*read)(struct epp_reading *reading, const struct xml_node *node,
                 struct epp_response *response);
} response_bodies[] = {
    {"chkData", check_data_read}, {"creData", create_data_read}, {"infData", info_data_read}};

static void result_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_response *response)
{
    uint64_t code = 0;
    if (text_read_u64(xml_attribute(node, "code"), 2999, &code) != OK || code < 1000) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<result> has no result code");
        return;
    }
    response->code = (enum epp_code)code;
    const struct xml_node *extended = xml_child(node, EPP_SPACE, "extValue");
    if (extended != NULL) {
        response->reason =
            epp_text(reading, xml_child(extended, EPP_SPACE, "reason"), 0, TEXT_LEN_MAX);
    }
}

static void queue_read(struct epp_reading *reading, const struct xml_node *node,
                       struct epp_response *response)
{
    uint64_t count = 0;
    if (text_read_u64(xml_attribute(node, "count"), UINT32_MAX, &count) != OK) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<msgQ> has no count");
        return;
    }
    response->queue_count = (size_t)count;
    response->queue_id = xml_attribute(node, "id");
    response->queue_time_s = epp_time(reading, xml_child(node, EPP_SPACE, "qDate"));
    const struct xml_node *text = xml_child(node, EPP_SPACE, "msg");
    response->queue_text = text == NULL ? SPAN_EMPTY : text->text;
}

static void response_body_read(struct epp_reading *reading, const struct xml_node *node,
                               struct epp_response *response)
{
    const struct xml_node *result = child_need(reading, node, EPP_SPACE, "result");
    if (result != NULL) {
        result_read(reading, result, response);
    }
    const struct xml_node *queue = xml_child(node, EPP_SPACE, "msgQ");
    if (queue != NULL && reading->status == OK) {
        queue_read(reading, queue, response);
    }
    const struct xml_node *body = xml_child(node, EPP_SPACE, "resData");
    for (size_t i = 0; body != NULL && i < LEN(response_bodies); i++) {
        const struct xml_node *item = xml_child(body, EPP_SPACE_DOMAIN, response_bodies[i].element);
        if (item != NULL && reading->status == OK) {
            response_bodies[i].read(reading, item, response);
        }
    }
    const struct xml_node *extension = xml_child(node, EPP_SPACE, "extension");
    const struct xml_node *keys =
        extension == NULL ? NULL : xml_child(extension, EPP_SPACE_SECDNS, "infData");
    if (keys != NULL && reading->status == OK) {
        epp_secdns_read(reading, keys, &response->domain);
    }
    const struct xml_node *transactions = child_need(reading, node, EPP_SPACE, "trID");
    if (transactions != NULL) {
        response->client_transaction =
            epp_text(reading, xml_child(transactions, EPP_SPACE, "clTRID"), 0, TRANSACTION_LEN_MAX);
        response->server_transaction =
            epp_text(reading, child_need(reading, transactions, EPP_SPACE, "svTRID"), 1,
                     TRANSACTION_LEN_MAX);
    }
}

enum status epp_response_read(struct span frame, struct arena *arena, struct epp_response *response,
                              struct problem *problem)
{
    *response = (struct epp_response){.verb = EPP_UNIMPLEMENTED};
    if (frame.len > EPP_FRAME_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "the frame is longer than %d octets",
                           EPP_FRAME_LEN_MAX);
    }
    const struct xml_node *root;
    enum status status = xml_read(frame, arena, &root, problem);
    if (status != OK) {
        return status;
    }
    struct epp_reading reading = {.arena = arena, .problem = problem, .code = EPP_OK};
    if (!span_equal(root->name, SPAN_LITERAL("epp")) ||
        !span_equal(root->space, span_of_text(EPP_SPACE))) {
        epp_reading_fail(&reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "the frame must be an <epp> of " EPP_SPACE);
        return reading.status;
    }
    const struct xml_node *greeting = xml_child(root, EPP_SPACE, "greeting");
    const struct xml_node *body = xml_child(root, EPP_SPACE, "response");
    if (greeting != NULL) {
        greeting_read(&reading, greeting, response);
    } else if (body != NULL) {
        response_body_read(&reading, body, response);
    } else {
        epp_reading_fail(&reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<epp> must hold <greeting> or <response>");
    }
    return reading.status;
}
