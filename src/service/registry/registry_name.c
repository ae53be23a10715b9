/* Which texts are names here: letters, digits and hyphens (RFC 5890 §2.3.1), a domain exactly one
 * label below a TLD of ours, and never at or above a name server of the TLD itself. */
#include "service/registry/registry_state.h"

#include "core/base/text.h"

#include <string.h>

enum { LABEL_LEN_MAX = 63, HOST_LEN_MAX = 253 };

static bool is_letter_or_digit(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9');
}

/* One label, in lower case. */
static bool label_is_fine(struct span label)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX || !is_letter_or_digit(label.bytes[0]) ||
        !is_letter_or_digit(label.bytes[label.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_letter_or_digit(label.bytes[i]) && label.bytes[i] != '-') {
            return false;
        }
    }
    /* RFC 5891 §4.2.3.1: "--" in the third and fourth place belongs to A-labels. */
    bool is_reserved = label.len >= 4 && label.bytes[2] == '-' && label.bytes[3] == '-';
    return !is_reserved || (label.bytes[0] == 'x' && label.bytes[1] == 'n');
}

static enum status text_lower(struct span text, struct arena *arena, struct span *lower)
{
    uint8_t *bytes = arena_take(arena, text.len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        bytes[i] = octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet - 'A' + 'a') : octet;
    }
    *lower = span_of(bytes, text.len);
    return OK;
}

static enum status name_of_lower(struct span lower, struct arena *arena, struct name *name,
                                 struct problem *problem)
{
    if (lower.len == 0 || lower.len > HOST_LEN_MAX) {
        return problem_set(problem, MALFORMED, "a name has 1 to %d characters", HOST_LEN_MAX);
    }
    size_t start = 0;
    for (size_t i = 0; i <= lower.len; i++) {
        if (i == lower.len || lower.bytes[i] == '.') {
            if (!label_is_fine(span_part(lower, start, i - start))) {
                return problem_set(problem, MALFORMED,
                                   "%.*s is not a name: labels are 1 to 63 letters, digits and"
                                   " hyphens, without a final dot",
                                   (int)lower.len, lower.bytes);
            }
            start = i + 1;
        }
    }
    struct name_buffer buffer;
    struct name parsed;
    enum status status = name_parse(lower, NULL, &buffer, &parsed, problem);
    return status == OK ? name_copy(arena, parsed, name) : status;
}

struct registry_tld *registry_find_tld(struct registry *registry, struct name name)
{
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        if (name_is_at_or_below(name, registry->tlds[i].options->name)) {
            return &registry->tlds[i];
        }
    }
    return NULL;
}

/* The TLD's servers may be named below it; such names are the registry's own. */
static bool is_reserved(const struct registry_tld *tld, struct name name)
{
    for (size_t i = 0; i < tld->options->server_count; i++) {
        if (name_is_at_or_below(tld->options->servers[i].name, name)) {
            return true;
        }
    }
    return false;
}

enum status registry_name_of_domain(struct registry *registry, struct span text,
                                    struct arena *arena, struct registry_domain *domain,
                                    struct problem *problem)
{
    *domain = (struct registry_domain){0};
    enum status status = text_lower(text, arena, &domain->text);
    if (status == OK) {
        status = name_of_lower(domain->text, arena, &domain->name, problem);
    }
    if (status != OK) {
        return status;
    }
    domain->tld = registry_find_tld(registry, domain->name);
    if (domain->tld == NULL) {
        return problem_set(problem, NOT_FOUND, "%.*s is not below a domain of this registry",
                           (int)domain->text.len, domain->text.bytes);
    }
    if (domain->name.label_count != domain->tld->options->name.label_count + 1) {
        return problem_set(problem, REFUSED, "names here are one label below %.*s",
                           (int)domain->tld->text.len, domain->tld->text.bytes);
    }
    if (is_reserved(domain->tld, domain->name)) {
        return problem_set(problem, REFUSED, "%.*s is reserved for the registry",
                           (int)domain->text.len, domain->text.bytes);
    }
    return OK;
}

enum status registry_name_of_host(struct span text, struct arena *arena, struct registry_host *host,
                                  struct problem *problem)
{
    *host = (struct registry_host){0};
    enum status status = text_lower(text, arena, &host->text);
    if (status == OK) {
        status = name_of_lower(host->text, arena, &host->name, problem);
    }
    if (status == OK && host->name.label_count < 2) {
        status = problem_set(problem, MALFORMED, "%.*s is not the name of a host",
                             (int)host->text.len, host->text.bytes);
    }
    return status;
}

int64_t registry_name_years_later(int64_t time_s, uint32_t years)
{
    enum { TEXT_LEN = 20, MONTH_AT = 5, DAY_LAST_AT = 9, YEAR_MAX = 9999 }; /* 2026-02-28T... */
    uint8_t text[TEXT_LEN];
    struct writer writer = writer_over(text, sizeof text);
    text_write_rfc3339(&writer, time_s);
    uint64_t year = 0;
    require(writer.status == OK && text_read_u64(span_of(text, 4), YEAR_MAX, &year) == OK);
    year += years;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (!is_leap && memcmp(text + MONTH_AT, "02-29", 5) == 0) {
        text[DAY_LAST_AT] = '8';
    }
    writer = writer_over(text, 4);
    writer_print(&writer, "%04u", (unsigned)year);
    int64_t later_s = time_s;
    require(text_read_rfc3339(span_of(text, sizeof text), &later_s) == OK);
    return later_s;
}
