/* What the server says of itself to those who ask in class CH (RFC 4892): what it is, and which of
 * many it is. */
#include "service/auth/answer.h"

#include <string.h>

static const char *find_self_description(const struct auth *auth, struct name name)
{
    static const uint8_t version_bind[] = "\7version\4bind";
    static const uint8_t version_server[] = "\7version\6server";
    static const uint8_t id_server[] = "\2id\6server";
    static const uint8_t hostname_bind[] = "\10hostname\4bind";
    const struct {
        struct name name;
        const char *text;
    } rows[] = {
        {{version_bind, sizeof version_bind, 2}, auth->options.version},
        {{version_server, sizeof version_server, 2}, auth->options.version},
        {{id_server, sizeof id_server, 2}, auth->options.identity},
        {{hostname_bind, sizeof hostname_bind, 2}, auth->options.identity},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (name_equal(rows[i].name, name)) {
            return rows[i].text;
        }
    }
    return NULL;
}

void auth_answer_about(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    struct question question = request->message.question;
    const char *text = find_self_description(auth, question.name);
    if (text == NULL) {
        auth_reply_empty(auth, request, RCODE_REFUSED, 0, outbox);
        return;
    }
    uint8_t bytes[3 + UINT8_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u16(&rdata, (uint16_t)(1 + strlen(text)));
    writer_u8(&rdata, (uint8_t)strlen(text));
    writer_text(&rdata, text);
    struct rrset txt = {.owner = question.name,
                        .type = TYPE_TXT,
                        .class_ = CLASS_CH,
                        .count = 1,
                        .rdata_len = (uint32_t)rdata.len,
                        .rdata = bytes};
    struct answer_plan plan;
    answer_begin(&plan, question, false, &outbox->scratch);
    plan.is_authoritative = true;
    if (question.type == TYPE_TXT || question.type == TYPE_ANY) {
        answer_add(&plan, (struct answer_item){
                              .rrset = &txt, .owner = txt.owner, .section = SECTION_ANSWER});
    }
    auth_send_plan(auth, request, &plan, outbox);
}
