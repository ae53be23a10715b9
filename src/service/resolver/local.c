/* The table of special names. Queries for private addresses would tell the world about the network
 * and never get a useful answer, those for localhost must not leave the machine. */
#include "service/resolver/local.h"

enum local_kind {
    LOCAL_EMPTY,       /* the zone exists and is empty: NXDOMAIN below its apex */
    LOCAL_NOTHING,     /* the name and all below do not exist */
    LOCAL_LOOPBACK,    /* the name and all below are this machine */
    LOCAL_LOOP_POINTER /* the name points to localhost */
};

struct local_row {
    const char *zone;
    enum local_kind kind;
};

/* `test.` is not here: that is where laboratories live. */
static const struct local_row ROWS[] = {
    {"localhost.", LOCAL_LOOPBACK},
    {"invalid.", LOCAL_NOTHING},
    {"onion.", LOCAL_NOTHING},
    {"1.0.0.127.in-addr.arpa.", LOCAL_LOOP_POINTER},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
     LOCAL_LOOP_POINTER},
    {"home.arpa.", LOCAL_EMPTY}, /* RFC 8375 §4 */
    {"10.in-addr.arpa.", LOCAL_EMPTY},
    {"16.172.in-addr.arpa.", LOCAL_EMPTY},
    {"17.172.in-addr.arpa.", LOCAL_EMPTY},
    {"18.172.in-addr.arpa.", LOCAL_EMPTY},
    {"19.172.in-addr.arpa.", LOCAL_EMPTY},
    {"20.172.in-addr.arpa.", LOCAL_EMPTY},
    {"21.172.in-addr.arpa.", LOCAL_EMPTY},
    {"22.172.in-addr.arpa.", LOCAL_EMPTY},
    {"23.172.in-addr.arpa.", LOCAL_EMPTY},
    {"24.172.in-addr.arpa.", LOCAL_EMPTY},
    {"25.172.in-addr.arpa.", LOCAL_EMPTY},
    {"26.172.in-addr.arpa.", LOCAL_EMPTY},
    {"27.172.in-addr.arpa.", LOCAL_EMPTY},
    {"28.172.in-addr.arpa.", LOCAL_EMPTY},
    {"29.172.in-addr.arpa.", LOCAL_EMPTY},
    {"30.172.in-addr.arpa.", LOCAL_EMPTY},
    {"31.172.in-addr.arpa.", LOCAL_EMPTY},
    {"168.192.in-addr.arpa.", LOCAL_EMPTY},
    {"0.in-addr.arpa.", LOCAL_EMPTY},
    {"127.in-addr.arpa.", LOCAL_EMPTY},
    {"254.169.in-addr.arpa.", LOCAL_EMPTY},
    {"2.0.192.in-addr.arpa.", LOCAL_EMPTY},
    {"100.51.198.in-addr.arpa.", LOCAL_EMPTY},
    {"113.0.203.in-addr.arpa.", LOCAL_EMPTY},
    {"255.255.255.255.in-addr.arpa.", LOCAL_EMPTY},
    {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", LOCAL_EMPTY},
    {"d.f.ip6.arpa.", LOCAL_EMPTY},
    {"8.e.f.ip6.arpa.", LOCAL_EMPTY},
    {"9.e.f.ip6.arpa.", LOCAL_EMPTY},
    {"a.e.f.ip6.arpa.", LOCAL_EMPTY},
    {"b.e.f.ip6.arpa.", LOCAL_EMPTY},
    {"8.b.d.0.1.0.0.2.ip6.arpa.", LOCAL_EMPTY},
};

enum { LOCAL_TTL_S = 10800 };

/* RFC 6303 §3: MNAME is the zone's own name, RNAME nobody.invalid. */
static const struct rrset *soa_make(struct name zone, struct arena *arena)
{
    static const uint8_t NOBODY[] = "\006nobody\007invalid";
    uint8_t bytes[NAME_LEN_MAX + sizeof NOBODY + 20];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(zone, &rdata);
    writer_span(&rdata, span_of(NOBODY, sizeof NOBODY)); /* its NUL is the root label */
    static const uint32_t NUMBERS[] = {1, 3600, 1200, 604800, LOCAL_TTL_S};
    for (size_t i = 0; i < LEN(NUMBERS); i++) {
        writer_u32(&rdata, NUMBERS[i]);
    }
    struct rrset_builder builder;
    rrset_begin(&builder, arena, zone, TYPE_SOA, LOCAL_TTL_S);
    rrset_add(&builder, writer_written(&rdata));
    struct rrset *soa = arena_take(arena, sizeof *soa);
    return soa != NULL && rrset_finish(&builder, soa) == OK ? soa : NULL;
}

static const struct rrset *record_make(struct name owner, uint16_t type, struct span rdata,
                                       struct arena *arena)
{
    struct rrset_builder builder;
    rrset_begin(&builder, arena, owner, type, LOCAL_TTL_S);
    rrset_add(&builder, rdata);
    struct rrset *record = arena_take(arena, sizeof *record);
    return record != NULL && rrset_finish(&builder, record) == OK ? record : NULL;
}

static const struct rrset *loopback_make(struct name name, uint16_t type, struct arena *arena)
{
    static const uint8_t IPV4[] = {127, 0, 0, 1};
    static const uint8_t IPV6[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (type == TYPE_A) {
        return record_make(name, type, span_of(IPV4, sizeof IPV4), arena);
    }
    return type == TYPE_AAAA ? record_make(name, type, span_of(IPV6, sizeof IPV6), arena) : NULL;
}

static void answer_of_row(const struct local_row *row, struct name zone, struct name name,
                          uint16_t type, struct arena *arena, struct local_answer *answer)
{
    static const uint8_t LOCALHOST[] = "\011localhost"; /* its NUL is the root label */
    bool is_apex = name_equal(name, zone);
    *answer = (struct local_answer){.rcode = RCODE_NOERROR};
    switch (row->kind) {
    case LOCAL_LOOPBACK:
        answer->answer = loopback_make(name, type, arena);
        break;
    case LOCAL_LOOP_POINTER:
        answer->rcode = is_apex ? RCODE_NOERROR : RCODE_NXDOMAIN;
        if (is_apex && type == TYPE_PTR) {
            answer->answer = record_make(name, type, span_of(LOCALHOST, sizeof LOCALHOST), arena);
        }
        break;
    case LOCAL_EMPTY:
        answer->rcode = is_apex ? RCODE_NOERROR : RCODE_NXDOMAIN;
        answer->answer = is_apex && type == TYPE_SOA ? soa_make(zone, arena) : NULL;
        break;
    case LOCAL_NOTHING:
        answer->rcode = RCODE_NXDOMAIN;
        break;
    }
    answer->authority = answer->answer == NULL ? soa_make(zone, arena) : NULL;
}

/* Nearly every question ends in another label: those cost one look. */
static bool may_be_local(struct name name)
{
    struct span last = name_label(name, (uint8_t)(name.label_count - 1));
    return span_equal_nocase(last, SPAN_LITERAL("arpa")) ||
           span_equal_nocase(last, SPAN_LITERAL("localhost")) ||
           span_equal_nocase(last, SPAN_LITERAL("invalid")) ||
           span_equal_nocase(last, SPAN_LITERAL("onion"));
}

bool local_find(struct name name, uint16_t type, struct arena *arena, struct local_answer *answer)
{
    if (name.label_count == 0 || type == TYPE_DS || !may_be_local(name)) {
        return false; /* DS belongs to the zones above, which are real */
    }
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct name_buffer buffer;
        struct name zone;
        enum status status = name_parse(span_of_text(ROWS[i].zone), NULL, &buffer, &zone, NULL);
        require(status == OK);
        if (name_is_at_or_below(name, zone)) {
            answer_of_row(&ROWS[i], zone, name, type, arena, answer);
            return true;
        }
    }
    return false;
}
