/* Frames of a client, written so that the schemas of RFC 5730, 5731 and 5910 accept them: the order
 * of elements is theirs. Also the pieces that responses share. */
#include "core/base/text.h"
#include "core/proto/epp_part.h"

#include <string.h>

void epp_write_start(struct writer *frame)
{
    writer_text(frame, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
                       "<epp xmlns=\"" EPP_SPACE "\">");
}

enum status epp_write_end(struct writer *frame)
{
    writer_text(frame, "</epp>\n");
    return frame->status;
}

void epp_write_element(struct writer *frame, const char *name, struct span text)
{
    if (text.len > 0) {
        writer_print(frame, "<%s>", name);
        xml_write_escaped(frame, text);
        writer_print(frame, "</%s>", name);
    }
}

void epp_write_time(struct writer *frame, const char *name, int64_t time_s)
{
    if (time_s != 0) {
        writer_print(frame, "<%s>", name);
        text_write_rfc3339(frame, time_s);
        writer_print(frame, "</%s>", name);
    }
}

void epp_write_check_len(struct writer *frame, struct span text, size_t len_min, size_t len_max)
{
    size_t len = epp_count_characters(text);
    if (len < len_min || len > len_max) {
        writer_fail(frame, BAD_ARGUMENT);
    }
}

void epp_write_status(struct writer *frame, struct span status)
{
    if (!epp_status_is_known(status)) {
        writer_fail(frame, BAD_ARGUMENT);
    }
    writer_text(frame, "<domain:status s=\"");
    xml_write_escaped(frame, status);
    writer_text(frame, "\"/>");
}

static bool is_ipv6(struct span address)
{
    return address.len > 0 && memchr(address.bytes, ':', address.len) != NULL;
}

void epp_write_hosts(struct writer *frame, const struct epp_host *hosts, size_t count)
{
    if (count == 0) {
        return;
    }
    writer_text(frame, "<domain:ns>");
    for (size_t i = 0; i < count; i++) {
        writer_text(frame, "<domain:hostAttr>");
        epp_write_element(frame, "domain:hostName", hosts[i].name);
        for (size_t j = 0; j < hosts[i].address_count; j++) {
            writer_print(frame, "<domain:hostAddr ip=\"%s\">",
                         is_ipv6(hosts[i].addresses[j]) ? "v6" : "v4");
            xml_write_escaped(frame, hosts[i].addresses[j]);
            writer_text(frame, "</domain:hostAddr>");
        }
        writer_text(frame, "</domain:hostAttr>");
    }
    writer_text(frame, "</domain:ns>");
}

static void auth_info_write(struct writer *frame, struct span auth_info)
{
    writer_text(frame, "<domain:authInfo><domain:pw>");
    xml_write_escaped(frame, auth_info);
    writer_text(frame, "</domain:pw></domain:authInfo>");
}

static void login_write(const struct epp_command *command, struct writer *frame)
{
    const struct epp_login *login = &command->login;
    epp_write_check_len(frame, login->client, 3, EPP_CLIENT_LEN_MAX);
    epp_write_check_len(frame, login->password, EPP_PASSWORD_LEN_MIN, EPP_PASSWORD_LEN_MAX);
    writer_text(frame, "<login>");
    epp_write_element(frame, "clID", login->client);
    epp_write_element(frame, "pw", login->password);
    if (login->new_password.len > 0) {
        epp_write_check_len(frame, login->new_password, EPP_PASSWORD_LEN_MIN, EPP_PASSWORD_LEN_MAX);
        epp_write_element(frame, "newPW", login->new_password);
    }
    writer_text(frame, "<options><version>1.0</version><lang>en</lang></options>"
                       "<svcs><objURI>" EPP_SPACE_DOMAIN "</objURI>");
    if (login->has_secdns) {
        writer_text(frame, "<svcExtension><extURI>" EPP_SPACE_SECDNS "</extURI></svcExtension>");
    }
    writer_text(frame, "</svcs></login>");
}

static void logout_write(const struct epp_command *command, struct writer *frame)
{
    (void)command;
    writer_text(frame, "<logout/>");
}

static void poll_request_write(const struct epp_command *command, struct writer *frame)
{
    (void)command;
    writer_text(frame, "<poll op=\"req\"/>");
}

static void poll_ack_write(const struct epp_command *command, struct writer *frame)
{
    writer_text(frame, "<poll op=\"ack\" msgID=\"");
    xml_write_escaped(frame, command->poll_message);
    writer_text(frame, "\"/>");
}

/* `<check><domain:check xmlns:domain="...">`: the same word at both levels. */
static void object_start(struct writer *frame, const char *word)
{
    writer_print(frame, "<%s><domain:%s xmlns:domain=\"" EPP_SPACE_DOMAIN "\">", word, word);
}

static void object_end(struct writer *frame, const char *word)
{
    writer_print(frame, "</domain:%s></%s>", word, word);
}

static void check_write(const struct epp_command *command, struct writer *frame)
{
    object_start(frame, "check");
    for (size_t i = 0; i < command->name_count; i++) {
        epp_write_element(frame, "domain:name", command->names[i]);
    }
    object_end(frame, "check");
}

static void info_write(const struct epp_command *command, struct writer *frame)
{
    object_start(frame, "info");
    writer_print(frame, "<domain:name hosts=\"%s\">", command->omits_hosts ? "none" : "all");
    xml_write_escaped(frame, command->names[0]);
    writer_text(frame, "</domain:name>");
    if (command->domain.auth_info.len > 0) {
        auth_info_write(frame, command->domain.auth_info);
    }
    object_end(frame, "info");
}

static void create_write(const struct epp_command *command, struct writer *frame)
{
    const struct epp_domain *domain = &command->domain;
    object_start(frame, "create");
    epp_write_element(frame, "domain:name", domain->name);
    if (domain->period_years > 0) {
        writer_print(frame, "<domain:period unit=\"y\">%u</domain:period>", domain->period_years);
    }
    epp_write_hosts(frame, domain->hosts, domain->host_count);
    epp_write_element(frame, "domain:registrant", domain->registrant);
    auth_info_write(frame, domain->auth_info);
    object_end(frame, "create");
    epp_secdns_write("create", domain, frame);
}

static void update_part_write(const struct epp_domain_update *update, bool is_add,
                              struct writer *frame)
{
    const struct epp_host *hosts = is_add ? update->hosts_added : update->hosts_removed;
    size_t host_count = is_add ? update->hosts_added_count : update->hosts_removed_count;
    const struct span *statuses = is_add ? update->statuses_added : update->statuses_removed;
    size_t status_count = is_add ? update->statuses_added_count : update->statuses_removed_count;
    if (host_count == 0 && status_count == 0) {
        return;
    }
    writer_text(frame, is_add ? "<domain:add>" : "<domain:rem>");
    epp_write_hosts(frame, hosts, host_count);
    for (size_t i = 0; i < status_count; i++) {
        epp_write_status(frame, statuses[i]);
    }
    writer_text(frame, is_add ? "</domain:add>" : "</domain:rem>");
}

static void update_write(const struct epp_command *command, struct writer *frame)
{
    const struct epp_domain_update *update = &command->update;
    object_start(frame, "update");
    epp_write_element(frame, "domain:name", update->name);
    update_part_write(update, true, frame);
    update_part_write(update, false, frame);
    if (update->registrant.len > 0 || update->auth_info.len > 0) {
        writer_text(frame, "<domain:chg>");
        epp_write_element(frame, "domain:registrant", update->registrant);
        if (update->auth_info.len > 0) {
            auth_info_write(frame, update->auth_info);
        }
        writer_text(frame, "</domain:chg>");
    }
    object_end(frame, "update");
    epp_secdns_write_update(update, frame);
}

static void delete_write(const struct epp_command *command, struct writer *frame)
{
    object_start(frame, "delete");
    epp_write_element(frame, "domain:name", command->names[0]);
    object_end(frame, "delete");
}

enum status epp_command_write(const struct epp_command *command, struct writer *frame)
{
    static void (*const writers[EPP_VERB_COUNT])(const struct epp_command *command,
                                                 struct writer *frame) = {
        [EPP_LOGIN] = login_write,          [EPP_LOGOUT] = logout_write,
        [EPP_DOMAIN_CHECK] = check_write,   [EPP_DOMAIN_INFO] = info_write,
        [EPP_DOMAIN_CREATE] = create_write, [EPP_DOMAIN_UPDATE] = update_write,
        [EPP_DOMAIN_DELETE] = delete_write, [EPP_POLL_REQUEST] = poll_request_write,
        [EPP_POLL_ACK] = poll_ack_write,
    };
    epp_write_start(frame);
    if (command->verb == EPP_HELLO) {
        writer_text(frame, "<hello/>");
        return epp_write_end(frame);
    }
    require(command->verb < EPP_VERB_COUNT && writers[command->verb] != NULL);
    writer_text(frame, "<command>");
    writers[command->verb](command, frame);
    if (command->client_transaction.len > 0) {
        epp_write_check_len(frame, command->client_transaction, 3, 64);
        epp_write_element(frame, "clTRID", command->client_transaction);
    }
    writer_text(frame, "</command>");
    return epp_write_end(frame);
}
