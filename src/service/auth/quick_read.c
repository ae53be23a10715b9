/* Which messages are plain questions: a header, one question of class IN, and at most an OPT. The
 * name is taken apart into its sort key in the same pass that checks it. */
#include "service/auth/quick.h"

#include <string.h>

enum {
    OPT_LEN = 11,
    OPT_AT_DO = 7, /* the upper octet of the flags */
    QUESTION_END_LEN = 4,
    SIZE_MAX_USUAL = MESSAGE_UDP_LEN_DEFAULT,
    FLAGS_ALLOWED = FLAG_RD | FLAG_AD | FLAG_CD,
};

static uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* QUERY, one question, no answers, and one record at most in the additional section. */
static bool is_plain_header(const uint8_t *wire, bool *has_more)
{
    uint16_t flags = read_u16(wire + 2);
    uint16_t more = read_u16(wire + 10);
    *has_more = more == 1;
    return (flags & ~FLAGS_ALLOWED) == 0 && read_u16(wire + 4) == 1 && read_u16(wire + 6) == 0 &&
           read_u16(wire + 8) == 0 && more <= 1;
}

/* An uncompressed name and where its labels begin; 0: it is none. */
static size_t read_labels(const uint8_t *wire, size_t size, uint8_t starts[NAME_LABELS_MAX],
                          uint8_t *label_count)
{
    size_t at = 0;
    uint8_t count = 0;
    size = size < NAME_LEN_MAX ? size : NAME_LEN_MAX;
    while (at < size && wire[at] != 0) {
        if (wire[at] > 63) {
            return 0;
        }
        starts[count++] = (uint8_t)at;
        at += (size_t)wire[at] + 1;
    }
    *label_count = count;
    return at < size ? at + 1 : 0;
}

/* As name_key says it, with the end of each ancestor's key. */
static void make_key(struct quick_question *question, const uint8_t starts[NAME_LABELS_MAX])
{
    uint8_t *at = question->key;
    question->key_ends[0] = 0;
    for (uint8_t i = question->name.label_count; i > 0; i--) {
        const uint8_t *label = question->name.octets + starts[i - 1];
        for (uint8_t left = *label++; left > 0; left--) {
            uint8_t octet = *label++;
            octet = (uint8_t)(octet - 'A') < 26 ? octet | 0x20 : octet;
            if (octet <= 1) { /* 0 ends a label */
                *at++ = 1;
                octet++;
            }
            *at++ = octet;
        }
        *at++ = 0;
        question->key_ends[question->name.label_count - i + 1] = (uint16_t)(at - question->key);
    }
}

/* OPT at the root, version 0, and nothing behind it. */
static bool read_opt(const struct auth *auth, const uint8_t *opt, size_t len,
                     struct quick_question *question)
{
    bool is_plain = len >= OPT_LEN && opt[0] == 0 && read_u16(opt + 1) == TYPE_OPT && opt[6] == 0 &&
                    read_u16(opt + 9) == len - OPT_LEN;
    if (!is_plain) {
        return false;
    }
    if (len > OPT_LEN &&
        auth_read_options(auth, span_of(opt + OPT_LEN, len - OPT_LEN), &question->asked) != OK) {
        return false;
    }
    uint16_t asked = read_u16(opt + 3);
    uint16_t ours = auth_udp_size(auth, question->datagram->peer);
    asked = asked < MESSAGE_UDP_LEN_MIN ? MESSAGE_UDP_LEN_MIN : asked;
    question->size = asked < ours ? asked : ours;
    question->has_edns = true;
    question->wants_dnssec = (opt[OPT_AT_DO] & 0x80) != 0;
    return true;
}

static bool read_message(const struct auth *auth, struct quick_question *question)
{
    const uint8_t *wire = question->datagram->message.bytes;
    size_t len = question->datagram->message.len;
    uint8_t starts[NAME_LABELS_MAX];
    bool has_more;
    if (len < MESSAGE_HEADER_LEN + 1 + QUESTION_END_LEN || !is_plain_header(wire, &has_more)) {
        return false;
    }
    const uint8_t *name = wire + MESSAGE_HEADER_LEN;
    size_t left = len - MESSAGE_HEADER_LEN;
    uint8_t label_count;
    size_t name_len = read_labels(name, left, starts, &label_count);
    if (name_len == 0 || left - name_len < QUESTION_END_LEN) {
        return false;
    }
    question->name = (struct name){name, (uint8_t)name_len, label_count};
    question->type = read_u16(name + name_len);
    if (read_u16(name + name_len + 2) != CLASS_IN) {
        return false;
    }
    size_t rest = left - name_len - QUESTION_END_LEN;
    question->size = MESSAGE_UDP_LEN_MIN;
    question->has_edns = false;
    question->wants_dnssec = false;
    if (has_more ? !read_opt(auth, name + name_len + QUESTION_END_LEN, rest, question)
                 : rest != 0) {
        return false;
    }
    make_key(question, starts);
    return true;
}

/* Types that are no RRset of a zone, or that more is done for than finding them. */
static bool is_plain_type(uint16_t type)
{
    static const uint16_t others[] = {0, TYPE_OPT, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3};
    for (size_t i = 0; i < LEN(others); i++) {
        if (type == others[i]) {
            return false;
        }
    }
    return !type_is_meta(type) && type != TYPE_ANY;
}

static bool is_in_zone(const struct quick_question *question, const struct auth_view *view)
{
    uint8_t labels = view->apex.label_count;
    return question->name.label_count >= labels &&
           question->key_ends[labels] == view->apex_key.len &&
           memcmp(question->key, view->apex_key.bytes, view->apex_key.len) == 0;
}

static const struct auth_view *find_view(const struct auth *auth,
                                         const struct quick_question *question)
{
    struct span key = span_of(question->key, question->key_ends[question->name.label_count]);
    const struct auth_zone *zone = auth_find_zone_by_key(auth, key);
    const struct auth_view *view = zone == NULL ? NULL : atomic_load(&zone->view);
    return view != NULL && is_in_zone(question, view) ? view : NULL;
}

void quick_read(const struct auth *auth, int64_t now_s, struct datagram *datagram,
                struct quick_question *question)
{
    question->state = QUICK_LEFT;
    question->datagram = datagram;
    question->node = NULL;
    question->proof_count = 0;
    question->flags = 0;
    question->asked.peer = datagram->peer;
    question->asked.now_s = now_s;
    question->asked.has_cookie = false;
    question->asked.wants_nsid = false;
    if (!read_message(auth, question) || !is_plain_type(question->type)) {
        return;
    }
    if (auth_demands_cookie(auth, &question->asked)) {
        question->kind = QUICK_BAD_COOKIE;
        question->state = QUICK_READY;
        return;
    }
    const struct auth_view *view = find_view(auth, question);
    if (view == NULL || datagram->reply_size < question->size) {
        return;
    }
    question->view = view;
    question->labels = view->apex.label_count;
    if (question->name.label_count == question->labels) {
        if (question->type == TYPE_DS) {
            return; /* the parent's */
        }
        quick_begin_at(question, view->apex_node);
        return;
    }
    quick_seek_next(question);
}
