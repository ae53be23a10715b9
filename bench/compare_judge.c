/* What it means that two answers differ: not how they are written or ordered, but their rcode,
 * flags and, section by section, their RRsets with TTLs and signatures. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

enum { WORDS_MAX = 24, WORDS_TOLD_MAX = 10, SIGNATURE_SIZE = 40 };

struct judging {
    const char *kind;
    struct difference *differences;
    size_t count;
};

static const char *kind_of(const struct message *answer)
{
    const struct message_section *answers = &answer->sections[SECTION_ANSWER];
    const struct message_section *authority = &answer->sections[SECTION_AUTHORITY];
    bool has_cname = false;
    bool has_dname = false;
    bool has_ns = false;
    bool has_soa = false;
    for (size_t i = 0; i < answers->count; i++) {
        has_cname |= answers->rrsets[i].type == TYPE_CNAME;
        has_dname |= answers->rrsets[i].type == TYPE_DNAME;
    }
    for (size_t i = 0; i < authority->count; i++) {
        has_ns |= authority->rrsets[i].type == TYPE_NS;
        has_soa |= authority->rrsets[i].type == TYPE_SOA;
    }
    if (answers->count == 0) {
        return answer->rcode != RCODE_NOERROR ? rcode_text(answer->rcode)
               : has_ns                       ? "referral"
                                              : "NODATA";
    }
    return has_dname   ? "DNAME"
           : has_cname ? has_ns    ? "CNAME-referral"
                         : has_soa ? "CNAME-negative"
                                   : "CNAME"
                       : "data";
}

static void add(struct judging *judging, const char *format, ...)
{
    va_list arguments;
    if (judging->count < COMPARE_DIFFERENCES_MAX) {
        struct difference *difference = &judging->differences[judging->count++];
        difference->kind = judging->kind;
        va_start(arguments, format);
        vsnprintf(difference->text, sizeof difference->text, format, arguments);
        va_end(arguments);
    }
}

static const struct rrset *find_like(const struct message_section *section,
                                     const struct rrset *rrset)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *other = &section->rrsets[i];
        if (other->type == rrset->type && other->covers == rrset->covers &&
            other->class_ == rrset->class_ && name_equal(other->owner, rrset->owner)) {
            return other;
        }
    }
    return NULL;
}

static void write_word(char sign, const struct rrset *rrset, char word[SIGNATURE_SIZE])
{
    char type[TYPE_TEXT_MAX];
    char covers[TYPE_TEXT_MAX];
    if (rrset->covers != 0) {
        snprintf(word, SIGNATURE_SIZE, "%cRRSIG(%s)", sign, type_print(rrset->covers, covers));
    } else {
        snprintf(word, SIGNATURE_SIZE, "%c%s", sign, type_print(rrset->type, type));
    }
}

/* The words, sorted and each once; behind the tenth none. */
static void join_words(char words[WORDS_MAX][SIGNATURE_SIZE], size_t count, struct writer *text)
{
    const char *last = "";
    for (size_t taken = 0; taken < WORDS_TOLD_MAX; taken++) {
        const char *least = NULL;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(words[i], last) > 0 && (least == NULL || strcmp(words[i], least) < 0)) {
                least = words[i];
            }
        }
        if (least == NULL) {
            return;
        }
        writer_u8(text, ' ');
        writer_text(text, least);
        last = least;
    }
}

static void judge_section(struct judging *judging, const char *name,
                          const struct message_section *ours, const struct message_section *theirs)
{
    char words[WORDS_MAX][SIGNATURE_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < ours->count && count < WORDS_MAX; i++) {
        const struct rrset *other = find_like(theirs, &ours->rrsets[i]);
        if (other == NULL) {
            write_word('+', &ours->rrsets[i], words[count++]);
        } else if (!rrset_equal(&ours->rrsets[i], other)) {
            write_word('~', &ours->rrsets[i], words[count++]);
        } else if (ours->rrsets[i].ttl_s != other->ttl_s) {
            write_word('@', &ours->rrsets[i], words[count++]);
        }
    }
    for (size_t i = 0; i < theirs->count && count < WORDS_MAX; i++) {
        if (find_like(ours, &theirs->rrsets[i]) == NULL) {
            write_word('-', &theirs->rrsets[i], words[count++]);
        }
    }
    char text[WORDS_TOLD_MAX * SIGNATURE_SIZE + 1] = "";
    struct writer writer = writer_over(text, sizeof text - 1);
    join_words(words, count, &writer);
    if (text[0] != 0) {
        add(judging, "%s%.400s", name, text);
    }
}

static void judge_flags(struct judging *judging, const struct message *ours,
                        const struct message *theirs)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } rows[] = {{FLAG_AA, "AA"}, {FLAG_TC, "TC"}, {FLAG_RD, "RD"},
                {FLAG_RA, "RA"}, {FLAG_AD, "AD"}, {FLAG_CD, "CD"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (((ours->flags ^ theirs->flags) & rows[i].flag) != 0) {
            add(judging, "flag %c%s", (ours->flags & rows[i].flag) != 0 ? '+' : '-', rows[i].name);
        }
    }
    if (ours->edns.is_present != theirs->edns.is_present) {
        add(judging, "EDNS %c", ours->edns.is_present ? '+' : '-');
    } else if (ours->edns.wants_dnssec != theirs->edns.wants_dnssec) {
        add(judging, "DO %c", ours->edns.wants_dnssec ? '+' : '-');
    }
}

size_t judge_answers(const struct message *ours, const struct message *theirs, bool is_tight,
                     struct difference differences[COMPARE_DIFFERENCES_MAX])
{
    const char *names[] = {"answer", "authority", is_tight ? "additional (tight)" : "additional"};
    struct judging judging = {.kind = kind_of(ours), .differences = differences};
    /* Of a truncated answer nothing is taken but that it is one (RFC 2181 §9): TCP tells the rest.
     */
    bool is_truncated = ((ours->flags | theirs->flags) & FLAG_TC) != 0;
    if (ours->rcode != theirs->rcode && !is_truncated) {
        add(&judging, "rcode %s not %s", rcode_text(ours->rcode), rcode_text(theirs->rcode));
    }
    judge_flags(&judging, ours, theirs);
    for (int i = 0; i < SECTION_COUNT && !is_truncated; i++) {
        judge_section(&judging, names[i], &ours->sections[i], &theirs->sections[i]);
    }
    return judging.count;
}
