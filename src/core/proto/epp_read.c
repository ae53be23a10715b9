/* Frames from clients as the schemas of RFC 5730 and 5731 demand them: a table of commands, each
 * read strictly in the order of its elements. What is well-formed EPP but not ours is told apart
 * from what is wrong. */
#include "core/base/text.h"
#include "core/proto/epp_part.h"

enum {
    CLIENT_LEN_MIN = 3,
    TRANSACTION_LEN_MIN = 3,
    TRANSACTION_LEN_MAX = 64,
    NAME_LEN_MIN = 1,
    NAME_LEN_MAX_TEXT = 255,
    AUTH_INFO_LEN_MAX = 255,
    STATUSES_MAX = 8,
    HOST_ADDRESSES_MAX = 4,
    PERIOD_MAX = 99
};

/* RFC 5731 parts that responses have too. */

static bool is_word(struct span text, const char *word)
{
    return span_equal(text, span_of_text(word));
}

static void host_attributes_read(struct epp_reading *reading, const struct xml_node *node,
                                 struct epp_host *host)
{
    struct epp_children children = epp_children_of(reading, node);
    host->name = epp_text(reading, epp_children_need(&children, EPP_SPACE_DOMAIN, "hostName"),
                          NAME_LEN_MIN, NAME_LEN_MAX_TEXT);
    const struct xml_node *address;
    while ((address = epp_children_take(&children, EPP_SPACE_DOMAIN, "hostAddr")) != NULL) {
        struct span family = xml_attribute(address, "ip");
        if (family.len > 0 && !is_word(family, "v4") && !is_word(family, "v6")) {
            epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX, "ip must be v4 or v6");
        }
        if (host->address_count == HOST_ADDRESSES_MAX) {
            epp_reading_fail(reading, LIMIT_REACHED, EPP_POLICY_ERROR,
                             "more than %d addresses of one host", HOST_ADDRESSES_MAX);
            return;
        }
        host->addresses[host->address_count++] = epp_text(reading, address, 3, 45);
    }
    epp_children_end(&children);
}

void epp_ns_read(struct epp_reading *reading, const struct xml_node *ns, struct epp_host_list list)
{
    struct epp_children children = epp_children_of(reading, ns);
    static const char *const forms[] = {"hostObj", "hostAttr"};
    for (size_t form = 0; form < LEN(forms); form++) {
        const struct xml_node *node;
        while ((node = epp_children_take(&children, EPP_SPACE_DOMAIN, forms[form])) != NULL) {
            if (*list.count == EPP_NAMES_MAX) {
                epp_reading_fail(reading, LIMIT_REACHED, EPP_POLICY_ERROR,
                                 "more than %d name servers", EPP_NAMES_MAX);
                return;
            }
            struct epp_host *host = &list.hosts[(*list.count)++];
            if (form == 0) {
                host->name = epp_text(reading, node, NAME_LEN_MIN, NAME_LEN_MAX_TEXT);
            } else {
                host_attributes_read(reading, node, host);
            }
        }
        if (*list.count > 0) {
            break; /* the schema allows one form in a list */
        }
    }
    epp_children_end(&children);
    if (*list.count == 0) {
        epp_reading_fail(reading, MALFORMED, EPP_MISSING_PARAMETER,
                         "neither hostObj nor hostAttr is in <ns>");
    }
}

void epp_statuses_read(struct epp_children *children, struct span statuses[8], size_t *count)
{
    struct epp_reading *reading = children->reading;
    const struct xml_node *node;
    while ((node = epp_children_take(children, EPP_SPACE_DOMAIN, "status")) != NULL) {
        struct span status = xml_attribute(node, "s");
        if (!epp_status_is_known(status)) {
            epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX,
                             "<status> must have one of the values of RFC 5731 as its s");
            return;
        }
        if (*count == STATUSES_MAX) {
            epp_reading_fail(reading, LIMIT_REACHED, EPP_POLICY_ERROR, "more than %d statuses",
                             STATUSES_MAX);
            return;
        }
        statuses[(*count)++] = status;
    }
}

struct span epp_auth_info_read(struct epp_reading *reading, const struct xml_node *node)
{
    if (node == NULL) {
        return SPAN_EMPTY;
    }
    struct epp_children children = epp_children_of(reading, node);
    if (epp_children_take(&children, EPP_SPACE_DOMAIN, "ext") != NULL ||
        epp_children_take(&children, EPP_SPACE_DOMAIN, "null") != NULL) {
        epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_OPTION,
                         "the only form of <authInfo> here is <pw>");
    }
    struct span auth_info = epp_text(reading, epp_children_need(&children, EPP_SPACE_DOMAIN, "pw"),
                                     0, AUTH_INFO_LEN_MAX);
    epp_children_end(&children);
    return auth_info;
}

/* The objects' commands. `node` is the element of the domain namespace. */

static void name_need(struct epp_children *children, struct epp_command *command)
{
    command->names[0] =
        epp_text(children->reading, epp_children_need(children, EPP_SPACE_DOMAIN, "name"),
                 NAME_LEN_MIN, NAME_LEN_MAX_TEXT);
    command->name_count = 1;
}

static void check_read(struct epp_reading *reading, const struct xml_node *node,
                       struct epp_command *command)
{
    struct epp_children children = epp_children_of(reading, node);
    name_need(&children, command);
    const struct xml_node *name;
    while ((name = epp_children_take(&children, EPP_SPACE_DOMAIN, "name")) != NULL) {
        if (command->name_count == EPP_NAMES_MAX) {
            epp_reading_fail(reading, LIMIT_REACHED, EPP_POLICY_ERROR,
                             "more than %d names in one check", EPP_NAMES_MAX);
            return;
        }
        command->names[command->name_count++] =
            epp_text(reading, name, NAME_LEN_MIN, NAME_LEN_MAX_TEXT);
    }
    epp_children_end(&children);
}

static void info_read(struct epp_reading *reading, const struct xml_node *node,
                      struct epp_command *command)
{
    static const struct {
        const char *word;
        bool omits_hosts;
    } wishes[] = {{"all", false}, {"del", false}, {"sub", true}, {"none", true}};
    struct epp_children children = epp_children_of(reading, node);
    const struct xml_node *name = children.next;
    name_need(&children, command);
    struct span hosts = reading->status == OK ? xml_attribute(name, "hosts") : SPAN_EMPTY;
    bool is_known = hosts.len == 0;
    for (size_t i = 0; i < LEN(wishes); i++) {
        if (is_word(hosts, wishes[i].word)) {
            command->omits_hosts = wishes[i].omits_hosts;
            is_known = true;
        }
    }
    if (!is_known) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX,
                         "hosts must be all, del, sub or none");
    }
    command->domain.auth_info =
        epp_auth_info_read(reading, epp_children_take(&children, EPP_SPACE_DOMAIN, "authInfo"));
    epp_children_end(&children);
}

static void delete_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_command *command)
{
    struct epp_children children = epp_children_of(reading, node);
    name_need(&children, command);
    epp_children_end(&children);
}

/* Contacts beside the registrant are not kept; to take them and forget them would be a lie. */
static void contacts_refuse(struct epp_children *children)
{
    if (epp_children_take(children, EPP_SPACE_DOMAIN, "contact") != NULL) {
        epp_reading_fail(children->reading, UNSUPPORTED, EPP_UNIMPLEMENTED_OPTION,
                         "no contact but the registrant is kept here");
    }
}

static void period_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_domain *domain)
{
    if (node == NULL) {
        return;
    }
    uint64_t period = epp_number(reading, node, PERIOD_MAX);
    struct span unit = xml_attribute(node, "unit");
    bool is_months = is_word(unit, "m");
    if (!is_months && !is_word(unit, "y")) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX,
                         "the unit of <period> must be y or m");
    } else if (period == 0 || (is_months && period % 12 != 0)) {
        epp_reading_fail(reading, MALFORMED, EPP_RANGE_ERROR,
                         "<period> must be whole years, at least one");
    }
    domain->period_years = (uint32_t)(is_months ? period / 12 : period);
}

static void create_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_command *command)
{
    struct epp_domain *domain = &command->domain;
    struct epp_children children = epp_children_of(reading, node);
    name_need(&children, command);
    domain->name = command->names[0];
    period_read(reading, epp_children_take(&children, EPP_SPACE_DOMAIN, "period"), domain);
    const struct xml_node *ns = epp_children_take(&children, EPP_SPACE_DOMAIN, "ns");
    if (ns != NULL) {
        epp_ns_read(reading, ns, (struct epp_host_list){domain->hosts, &domain->host_count});
    }
    const struct xml_node *registrant =
        epp_children_take(&children, EPP_SPACE_DOMAIN, "registrant");
    domain->registrant = epp_text(reading, registrant, CLIENT_LEN_MIN, EPP_CLIENT_LEN_MAX);
    contacts_refuse(&children);
    domain->auth_info =
        epp_auth_info_read(reading, epp_children_need(&children, EPP_SPACE_DOMAIN, "authInfo"));
    epp_children_end(&children);
}

static void update_part_read(struct epp_reading *reading, const struct xml_node *node,
                             struct epp_domain_update *update)
{
    bool is_add = is_word(node->name, "add");
    struct epp_children children = epp_children_of(reading, node);
    const struct xml_node *ns = epp_children_take(&children, EPP_SPACE_DOMAIN, "ns");
    if (ns != NULL) {
        epp_ns_read(
            reading, ns,
            is_add ? (struct epp_host_list){update->hosts_added, &update->hosts_added_count}
                   : (struct epp_host_list){update->hosts_removed, &update->hosts_removed_count});
    }
    contacts_refuse(&children);
    epp_statuses_read(&children, is_add ? update->statuses_added : update->statuses_removed,
                      is_add ? &update->statuses_added_count : &update->statuses_removed_count);
    epp_children_end(&children);
}

static void update_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_command *command)
{
    struct epp_domain_update *update = &command->update;
    struct epp_children children = epp_children_of(reading, node);
    name_need(&children, command);
    update->name = command->names[0];
    static const char *const parts[] = {"add", "rem"};
    for (size_t i = 0; i < LEN(parts); i++) {
        const struct xml_node *part = epp_children_take(&children, EPP_SPACE_DOMAIN, parts[i]);
        if (part != NULL) {
            update_part_read(reading, part, update);
        }
    }
    const struct xml_node *change = epp_children_take(&children, EPP_SPACE_DOMAIN, "chg");
    if (change != NULL) {
        struct epp_children changed = epp_children_of(reading, change);
        update->registrant =
            epp_text(reading, epp_children_take(&changed, EPP_SPACE_DOMAIN, "registrant"),
                     CLIENT_LEN_MIN, EPP_CLIENT_LEN_MAX);
        update->auth_info =
            epp_auth_info_read(reading, epp_children_take(&changed, EPP_SPACE_DOMAIN, "authInfo"));
        epp_children_end(&changed);
    }
    epp_children_end(&children);
}

/* The commands of RFC 5730. `node` is the element below <command>. */

static void services_read(struct epp_reading *reading, const struct xml_node *node,
                          struct epp_login *login)
{
    struct epp_children children = epp_children_of(reading, node);
    bool has_domain = false;
    const struct xml_node *object = epp_children_need(&children, EPP_SPACE, "objURI");
    while (object != NULL) {
        struct span uri = epp_text(reading, object, 1, 255);
        bool is_domain = is_word(uri, EPP_SPACE_DOMAIN);
        has_domain = has_domain || is_domain;
        if (!is_domain) {
            epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_SERVICE,
                             "the only objects here are those of " EPP_SPACE_DOMAIN);
        }
        object = epp_children_take(&children, EPP_SPACE, "objURI");
    }
    const struct xml_node *extensions = epp_children_take(&children, EPP_SPACE, "svcExtension");
    if (extensions != NULL) {
        struct epp_children uris = epp_children_of(reading, extensions);
        const struct xml_node *uri = epp_children_need(&uris, EPP_SPACE, "extURI");
        while (uri != NULL) {
            if (is_word(epp_text(reading, uri, 1, 255), EPP_SPACE_SECDNS)) {
                login->has_secdns = true;
            } else {
                epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_EXTENSION,
                                 "the only extension here is " EPP_SPACE_SECDNS);
            }
            uri = epp_children_take(&uris, EPP_SPACE, "extURI");
        }
        epp_children_end(&uris);
    }
    epp_children_end(&children);
}

static void login_read(struct epp_reading *reading, const struct xml_node *node,
                       struct epp_command *command)
{
    struct epp_login *login = &command->login;
    struct epp_children children = epp_children_of(reading, node);
    command->verb = EPP_LOGIN;
    login->client = epp_text(reading, epp_children_need(&children, EPP_SPACE, "clID"),
                             CLIENT_LEN_MIN, EPP_CLIENT_LEN_MAX);
    login->password = epp_text(reading, epp_children_need(&children, EPP_SPACE, "pw"),
                               EPP_PASSWORD_LEN_MIN, EPP_PASSWORD_LEN_MAX);
    login->new_password = epp_text(reading, epp_children_take(&children, EPP_SPACE, "newPW"),
                                   EPP_PASSWORD_LEN_MIN, EPP_PASSWORD_LEN_MAX);
    const struct xml_node *options = epp_children_need(&children, EPP_SPACE, "options");
    if (options != NULL) {
        struct epp_children chosen = epp_children_of(reading, options);
        struct span version =
            epp_text(reading, epp_children_need(&chosen, EPP_SPACE, "version"), 1, 16);
        struct span language =
            epp_text(reading, epp_children_need(&chosen, EPP_SPACE, "lang"), 1, 16);
        epp_children_end(&chosen);
        if (!is_word(version, "1.0")) {
            epp_reading_fail(reading, UNSUPPORTED, EPP_BAD_VERSION, "the version here is 1.0");
        } else if (!is_word(language, "en")) {
            epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_OPTION,
                             "the language here is en");
        }
    }
    const struct xml_node *services = epp_children_need(&children, EPP_SPACE, "svcs");
    if (services != NULL) {
        services_read(reading, services, login);
    }
    epp_children_end(&children);
}

static void logout_read(struct epp_reading *reading, const struct xml_node *node,
                        struct epp_command *command)
{
    command->verb = EPP_LOGOUT;
    (void)epp_text(reading, node, 0, 0);
}

static void poll_read(struct epp_reading *reading, const struct xml_node *node,
                      struct epp_command *command)
{
    struct span operation = xml_attribute(node, "op");
    command->poll_message = xml_attribute(node, "msgID");
    (void)epp_text(reading, node, 0, 0);
    if (is_word(operation, "req")) {
        command->verb = EPP_POLL_REQUEST;
    } else if (!is_word(operation, "ack")) {
        epp_reading_fail(reading, MALFORMED, EPP_VALUE_SYNTAX, "op must be req or ack");
    } else if (command->poll_message.len == 0) {
        epp_reading_fail(reading, MALFORMED, EPP_MISSING_PARAMETER, "msgID is missing in <poll>");
    } else {
        command->verb = EPP_POLL_ACK;
    }
}

static const struct {
    const char *element;
    enum epp_verb verb;
    void (*read)(struct epp_reading *reading, const struct xml_node *node,
                 struct epp_command *command);
} object_commands[] = {
    {"check", EPP_DOMAIN_CHECK, check_read},    {"info", EPP_DOMAIN_INFO, info_read},
    {"create", EPP_DOMAIN_CREATE, create_read}, {"update", EPP_DOMAIN_UPDATE, update_read},
    {"delete", EPP_DOMAIN_DELETE, delete_read},
};

/* <check>, <info>, <create>, <update>, <delete> hold one element of the same name, whose namespace
 * says the kind of object. */
static void object_command_read(struct epp_reading *reading, const struct xml_node *node,
                                struct epp_command *command, size_t at)
{
    const struct xml_node *object = node->first_child;
    if (object == NULL || object->next != NULL) {
        epp_reading_fail(reading, MALFORMED,
                         object == NULL ? EPP_MISSING_PARAMETER : EPP_SYNTAX_ERROR,
                         "<%s> must hold exactly one element", object_commands[at].element);
    } else if (!is_word(object->space, EPP_SPACE_DOMAIN)) {
        epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_SERVICE,
                         "the only objects here are those of " EPP_SPACE_DOMAIN);
    } else if (!is_word(object->name, object_commands[at].element)) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR, "<%s> must hold <domain:%s>",
                         object_commands[at].element, object_commands[at].element);
    } else {
        command->verb = object_commands[at].verb;
        object_commands[at].read(reading, object, command);
    }
}

static void verb_read(struct epp_reading *reading, const struct xml_node *node,
                      struct epp_command *command)
{
    for (size_t i = 0; i < LEN(object_commands); i++) {
        if (is_word(node->name, object_commands[i].element)) {
            object_command_read(reading, node, command, i);
            return;
        }
    }
    static const struct {
        const char *element;
        void (*read)(struct epp_reading *reading, const struct xml_node *node,
                     struct epp_command *command);
    } session_commands[] = {{"login", login_read}, {"logout", logout_read}, {"poll", poll_read}};
    for (size_t i = 0; i < LEN(session_commands); i++) {
        if (is_word(node->name, session_commands[i].element)) {
            session_commands[i].read(reading, node, command);
            return;
        }
    }
    bool is_epp = is_word(node->name, "renew") || is_word(node->name, "transfer");
    epp_reading_fail(reading, is_epp ? UNSUPPORTED : MALFORMED,
                     is_epp ? EPP_UNIMPLEMENTED_COMMAND : EPP_UNKNOWN_COMMAND,
                     is_epp ? "<%.*s> is not offered here" : "<%.*s> is not a command of EPP",
                     node->name.len > 64 ? 64 : (int)node->name.len, node->name.bytes);
}

static void extension_read(struct epp_reading *reading, const struct xml_node *node,
                           struct epp_command *command)
{
    const struct xml_node *extension = node->first_child;
    if (extension == NULL) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<extension> must hold an extension");
    } else if (extension->next != NULL || !is_word(extension->space, EPP_SPACE_SECDNS)) {
        epp_reading_fail(reading, UNSUPPORTED, EPP_UNIMPLEMENTED_EXTENSION,
                         "the only extension here is one of " EPP_SPACE_SECDNS);
    } else if (command->verb == EPP_DOMAIN_CREATE && is_word(extension->name, "create")) {
        epp_secdns_read(reading, extension, &command->domain);
    } else if (command->verb == EPP_DOMAIN_UPDATE && is_word(extension->name, "update")) {
        epp_secdns_read_update(reading, extension, &command->update);
    } else {
        epp_reading_fail(
            reading, MALFORMED, EPP_SYNTAX_ERROR, "<secDNS:%.*s> does not extend this command",
            extension->name.len > 64 ? 64 : (int)extension->name.len, extension->name.bytes);
    }
}

/* RFC 5731 §3.2.5: an update that changes nothing is allowed only where an extension does. */
static void update_check_purpose(struct epp_reading *reading, const struct xml_node *command_node,
                                 const struct epp_command *command)
{
    const struct xml_node *update = xml_child(command_node, EPP_SPACE, "update");
    bool has_part = update != NULL && update->first_child != NULL &&
                    update->first_child->first_child != NULL &&
                    update->first_child->first_child->next != NULL;
    if (command->verb == EPP_DOMAIN_UPDATE && !has_part && !command->update.has_secdns) {
        epp_reading_fail(reading, MALFORMED, EPP_MISSING_PARAMETER,
                         "none of add, rem, chg and an extension is in the update");
    }
}

static void command_node_read(struct epp_reading *reading, const struct xml_node *node,
                              struct epp_command *command)
{
    /* The clTRID first: the answer to a faulty command must repeat it. */
    const struct xml_node *transaction = xml_child(node, EPP_SPACE, "clTRID");
    size_t len = transaction == NULL ? 0 : epp_count_characters(transaction->text);
    if (len >= TRANSACTION_LEN_MIN && len <= TRANSACTION_LEN_MAX) {
        command->client_transaction = transaction->text;
    }
    const struct xml_node *verb = node->first_child;
    if (verb == NULL || !is_word(verb->space, EPP_SPACE)) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "<command> must begin with a command of " EPP_SPACE);
        return;
    }
    verb_read(reading, verb, command);
    struct epp_children children = epp_children_of(reading, node);
    children.next = verb->next;
    const struct xml_node *extension = epp_children_take(&children, EPP_SPACE, "extension");
    if (extension != NULL) {
        extension_read(reading, extension, command);
    }
    const struct xml_node *last = epp_children_take(&children, EPP_SPACE, "clTRID");
    (void)epp_text(reading, last, TRANSACTION_LEN_MIN, TRANSACTION_LEN_MAX);
    epp_children_end(&children);
    update_check_purpose(reading, node, command);
}

static void frame_read(struct epp_reading *reading, const struct xml_node *root,
                       struct epp_command *command)
{
    if (!is_word(root->name, "epp") || !is_word(root->space, EPP_SPACE)) {
        epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                         "the frame must be an <epp> of " EPP_SPACE);
        return;
    }
    struct epp_children children = epp_children_of(reading, root);
    const struct xml_node *hello = epp_children_take(&children, EPP_SPACE, "hello");
    if (hello != NULL) {
        command->verb = EPP_HELLO;
        (void)epp_text(reading, hello, 0, 0);
    } else {
        const struct xml_node *node = epp_children_take(&children, EPP_SPACE, "command");
        if (node == NULL) {
            epp_reading_fail(reading, MALFORMED, EPP_SYNTAX_ERROR,
                             "<epp> must hold <hello> or <command>");
            return;
        }
        command_node_read(reading, node, command);
    }
    epp_children_end(&children);
}

enum status epp_command_read(struct span frame, struct arena *arena, struct epp_command *command,
                             enum epp_code *code, struct problem *problem)
{
    *command = (struct epp_command){.verb = EPP_UNIMPLEMENTED};
    *code = EPP_SYNTAX_ERROR;
    if (frame.len > EPP_FRAME_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "the frame is longer than %d octets",
                           EPP_FRAME_LEN_MAX);
    }
    const struct xml_node *root;
    enum status status = xml_read(frame, arena, &root, problem);
    if (status != OK) {
        *code = status == NO_MEMORY ? EPP_FAILED : EPP_SYNTAX_ERROR;
        return status;
    }
    struct epp_reading reading = {.arena = arena, .problem = problem, .code = EPP_OK};
    frame_read(&reading, root, command);
    epp_form_check(&reading, root);
    if (reading.status == UNSUPPORTED) {
        command->verb = EPP_UNIMPLEMENTED;
    }
    *code = reading.code;
    return reading.status;
}
