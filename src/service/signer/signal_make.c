/* The data that a host of signals signs: made from what it signed last at the cost of what differs,
 * or from the owner's data and all children; and the owner's data without them. */
#include "service/signer/signal.h"

#include "core/dnssec/dnskey.h"

static const uint16_t SHOWN_TYPES[] = {TYPE_CDS, TYPE_CDNSKEY};

static enum status show(struct zone_builder *builder, const struct signer_zone *child,
                        struct name name)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < LEN(SHOWN_TYPES); i++) {
        const struct rrset *set =
            zone_find_rrset(child->published, child->options.name, SHOWN_TYPES[i]);
        if (set != NULL) {
            struct rrset copy = *set;
            copy.owner = name;
            status = zone_build_set(builder, &copy);
        }
    }
    return status;
}

static enum status show_child(struct signer *signer, struct signer_zone *host,
                              const struct signer_zone *child, const struct zone *data,
                              struct zone_builder *builder)
{
    if (!child->options.is_signalled || child->published == NULL || !child->is_published_signed) {
        return OK;
    }
    const struct rrset *servers = zone_find_rrset(child->published, child->options.name, TYPE_NS);
    enum status status = OK;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(servers);
         status == OK && rrset_next(&cursor, &rdata);) {
        struct reader reader = reader_over(rdata);
        struct signal signal;
        signal_find(signer, child, name_read(&reader), &signal);
        if (signal.host == host && !signal_is_hidden(data, signal.name)) {
            status = show(builder, child, signal.name);
        }
    }
    return status;
}

/* From the owner's data and all children. */
static enum status make_all(struct signer *signer, struct signer_zone *host,
                            const struct zone *data, struct zone_builder *builder)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < host->child_count; i++) {
        status = show_child(signer, host, signer->places[host->children[i]], data, builder);
    }
    return status;
}

/* ------------------------------------------------------------------ what differs */

static bool has_server(const struct signer_zone *child, struct name server)
{
    const struct rrset *servers = zone_find_rrset(child->published, child->options.name, TYPE_NS);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(servers); rrset_next(&cursor, &rdata);) {
        struct reader reader = reader_over(rdata);
        if (name_equal(name_read(&reader), server)) {
            return true;
        }
    }
    return false;
}

/* The child whose CDS and CDNSKEY stand at that name of the host; NULL: none's do. */
static const struct signer_zone *find_shown(struct signer *signer, const struct signer_zone *host,
                                            const struct zone *data, struct name name)
{
    const struct signer_zone *child = signal_find_child(signer, name);
    if (child == NULL || !child->options.is_signalled || child->published == NULL ||
        !child->is_published_signed || signal_find_host(signer, name) != host ||
        signal_is_hidden(data, name)) {
        return NULL;
    }
    uint8_t labels = (uint8_t)(name.label_count - child->options.name.label_count - 2);
    return has_server(child, name_ancestor(name, labels)) ? child : NULL;
}

/* At one name: the child's sets, and where it has none those of the owner. */
static enum status make_one(struct signer *signer, const struct signer_zone *host,
                            const struct zone *data, struct name name, struct zone_builder *builder)
{
    const struct signer_zone *child = find_shown(signer, host, data, name);
    enum status status = OK;
    for (size_t i = 0; status == OK && i < LEN(SHOWN_TYPES); i++) {
        const struct rrset *set =
            child == NULL ? NULL
                          : zone_find_rrset(child->published, child->options.name, SHOWN_TYPES[i]);
        set = set != NULL ? set : zone_find_rrset(data, name, SHOWN_TYPES[i]);
        struct rrset next = {.type = SHOWN_TYPES[i], .class_ = CLASS_IN};
        next = set != NULL ? *set : next;
        next.owner = name;
        status = zone_build_set(builder, &next);
    }
    return status;
}

static enum status make_stale(struct signer *signer, const struct signer_zone *host,
                              const struct zone *data, struct zone_builder *builder)
{
    struct reader reader = reader_over(span_of(host->stale, host->stale_len));
    enum status status = OK;
    while (status == OK && reader_left(&reader) > 0) {
        status = make_one(signer, host, data, name_read(&reader), builder);
    }
    return status;
}

/* May signals at or below a name be hidden by what it has? */
static bool can_hide(const struct zone_node *node)
{
    return node != NULL &&
           (zone_node_rrset(node, TYPE_NS) != NULL || zone_node_rrset(node, TYPE_DNAME) != NULL ||
            zone_node_rrset(node, TYPE_CNAME) != NULL);
}

static const struct rrset *find_set(const struct zone_node *node, const struct rrset *like)
{
    return node == NULL        ? NULL
           : like->covers != 0 ? zone_node_rrsigs(node, like->covers)
                               : zone_node_rrset(node, like->type);
}

static enum status take_node(struct zone_builder *builder, const struct zone_change *change)
{
    enum status status = OK;
    size_t count = change->before == NULL ? 0 : change->before->rrset_count;
    for (size_t i = 0; status == OK && i < count; i++) {
        struct rrset gone = change->before->rrsets[i];
        if (find_set(change->after, &gone) == NULL) {
            gone.count = 0;
            gone.rdata_len = 0;
            status = zone_build_set(builder, &gone);
        }
    }
    count = change->after == NULL ? 0 : change->after->rrset_count;
    for (size_t i = 0; status == OK && i < count; i++) {
        status = zone_build_set(builder, &change->after->rrsets[i]);
    }
    return status;
}

/* What the owner changed. MISMATCH: signals that were shown may be hidden now, or the other way. */
static enum status take_owners(const struct signer_zone *host, const struct zone *data,
                               struct zone_builder *builder)
{
    struct zone_comparison comparison;
    struct zone_change change;
    enum status status = OK;
    zone_compare(host->owner_data, data, &comparison);
    while (status == OK && zone_compare_next(&comparison, &change)) {
        const struct zone_node *node = change.after != NULL ? change.after : change.before;
        bool is_apex = name_equal(node->owner, host->options.name);
        bool may_hide = !is_apex && (can_hide(change.before) || can_hide(change.after));
        status = may_hide || ds_is_signal(node->owner) ? MISMATCH : take_node(builder, &change);
    }
    return status;
}

static enum status make_from(struct signer *signer, struct signer_zone *host,
                             const struct zone *data, bool is_change, struct zone **all)
{
    struct zone_builder *builder;
    enum status status =
        zone_build(zone_apex(data), is_change ? host->signed_data : data, &builder);
    if (status != OK) {
        return status;
    }
    if (is_change) {
        status = take_owners(host, data, builder);
        status = status == OK ? make_stale(signer, host, data, builder) : status;
    } else {
        status = make_all(signer, host, data, builder);
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *all = zone_build_finish(builder);
    return *all == NULL ? NO_MEMORY : OK;
}

enum status signal_make(struct signer *signer, struct signer_zone *host, const struct zone *data,
                        struct zone **all)
{
    if (host->child_count == 0) {
        *all = zone_hold(data);
        return OK;
    }
    bool can_change =
        host->are_signals_made && host->signed_data != NULL && host->owner_data != NULL;
    if (can_change && host->owner_data == data && host->stale_len == 0) {
        *all = zone_hold(host->signed_data);
        return OK;
    }
    enum status status = can_change ? make_from(signer, host, data, true, all) : MISMATCH;
    return status == MISMATCH ? make_from(signer, host, data, false, all) : status;
}

void signal_made(struct signer_zone *host)
{
    host->are_signals_made = true;
    host->stale_len = 0;
}

static enum status drop_node(struct zone_builder *builder, const struct zone_node *node)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < LEN(SHOWN_TYPES); i++) {
        struct rrset none = {.owner = node->owner, .type = SHOWN_TYPES[i], .class_ = CLASS_IN};
        if (zone_node_rrset(node, SHOWN_TYPES[i]) != NULL) {
            status = zone_build_set(builder, &none);
        }
    }
    return status;
}

enum status signal_drop(struct signer *signer, const struct zone *data, struct zone **rest)
{
    struct zone_builder *builder;
    enum status status = zone_build(zone_apex(data), data, &builder);
    if (status != OK) {
        return status;
    }
    struct zone_cursor cursor;
    zone_walk(data, &cursor);
    for (const struct zone_node *node; status == OK && (node = zone_walk_next(&cursor)) != NULL;) {
        if (signal_find_child(signer, node->owner) != NULL) {
            status = drop_node(builder, node);
        }
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *rest = zone_build_finish(builder);
    return *rest == NULL ? NO_MEMORY : OK;
}
