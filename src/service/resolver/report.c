/* The name that says which question failed and how (RFC 9567 §6.1.1), and when none is sent. Its
 * query carries a cookie as all do, and the agent may answer with TC, so that it need not believe
 * what comes from a forged address (§6.3). */
#include "service/resolver/report.h"

#include "core/base/text.h"
#include "service/resolver/query.h"

static const struct span MARK = {(const uint8_t *)"_er", 3};

void report_note_agent(struct fetch *fetch, const struct message *message)
{
    struct span value;
    fetch->agent = (struct name){0};
    if (fetch_is_forwarded(fetch) ||
        !edns_find(&message->edns, EDNS_OPTION_REPORT_CHANNEL, &value)) {
        return;
    }
    struct reader reader = reader_over(value);
    struct name agent = name_read(&reader);
    /* An empty one says that nobody wants to know (RFC 9567 §6.1.1). */
    if (reader_end(&reader) == OK && agent.label_count > 0) {
        name_copy_to(agent, &fetch->agent_octets, &fetch->agent);
    }
}

static void write_label(struct writer *wire, struct span label)
{
    writer_u8(wire, (uint8_t)label.len);
    writer_span(wire, label);
}

static void write_number(struct writer *wire, uint16_t number)
{
    uint8_t digits[5];
    struct writer text = writer_over(digits, sizeof digits);
    writer_decimal(&text, number);
    write_label(wire, writer_written(&text));
}

/* "_er.TYPE.NAME.CODE._er.AGENT"; false where it is too long: then it is not sent. */
static bool name_make(const struct query *query, struct name_buffer *octets, struct name *name)
{
    const struct question *question = &query->client.question;
    struct writer wire = writer_over(octets->octets, sizeof octets->octets);
    write_label(&wire, MARK);
    write_number(&wire, question->type);
    writer_span(&wire, span_of(question->name.octets, question->name.len - 1u));
    write_number(&wire, (uint16_t)query->judgement.ede);
    write_label(&wire, MARK);
    name_write(query->agent, &wire);
    if (wire.status != OK) {
        return false;
    }
    struct reader reader = reader_over(writer_written(&wire));
    *name = name_read(&reader);
    return reader_end(&reader) == OK;
}

/* Failures of our own, of which the agent would learn nothing: limits, memory. */
static bool is_of_interest(const struct query *query)
{
    struct name name = query->client.question.name;
    bool is_report = name.label_count > 0 && span_equal_nocase(name_label(name, 0), MARK);
    return query->purpose == QUERY_FOR_CLIENT && query->is_failed && query->agent.len > 0 &&
           query->judgement.ede > EDE_OTHER && !is_report;
}

void report_failure(struct resolver *resolver, const struct query *query)
{
    struct name_buffer octets;
    struct name name;
    if (!resolver->options.reports_errors || !is_of_interest(query) ||
        resolver->report_count >= RESOLVER_REPORTS_MAX || !name_make(query, &octets, &name)) {
        return;
    }
    if (query_ask(resolver, name, TYPE_TXT, QUERY_FOR_AGENT)) {
        resolver->report_count++;
        resolver->stats.reports++;
    }
}
