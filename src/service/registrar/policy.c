/* How the list of TLDs comes about: delegations and DS records of the real root zone, limits and
 * forms from a policy file, registries from the configuration. */
#include "service/registrar/policy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/config.h"
#include "core/zone/zonefile.h"

enum { TLDS_MAX = 10000, KEYS_MAX_COM = 13, KEYS_MAX_OTHER = 4, KEYS_MAX_HIGHEST = 32 };

static const struct config_section sections[] = {
    {.name = "tld", .is_many = true, .help = "What is special about one TLD."},
};

static const struct config_option options_known[] = {
    {.section = "tld",
     .name = "name",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "The TLD, without dots."},
    {.section = "tld",
     .name = "keys-max",
     .kind = CONFIG_NUMBER,
     .min = 1,
     .max = KEYS_MAX_HIGHEST,
     .help = "How many keys a domain may have; 13 for com and net, 4 for others when not given."},
    {.section = "tld",
     .name = "form",
     .kind = CONFIG_CHOICE,
     .choices = "ds|key",
     .default_value = "ds",
     .help = "What the registry takes: the DS record or the public key."},
};

static const struct config_schema schema = {sections, LEN(sections), options_known,
                                            LEN(options_known)};

/* The delegations met so far, one entry a record. */
struct gathering {
    struct arena *arena;
    struct tld *tlds;
    size_t count;
    const char *file;
    struct problem *problem;
    bool has_problem;
};

static enum status record_take(void *user, const struct rrset *record, uint32_t line)
{
    (void)line;
    struct gathering *gathering = user;
    if (record->owner.label_count != 1 || (record->type != TYPE_NS && record->type != TYPE_DS)) {
        return OK;
    }
    struct span label = name_label(record->owner, 0);
    struct tld *last = gathering->count > 0 ? &gathering->tlds[gathering->count - 1] : NULL;
    if (last != NULL && span_equal_nocase(span_of_text(last->name), label)) {
        last->has_dnssec = last->has_dnssec || record->type == TYPE_DS;
        return OK;
    }
    if (gathering->count == TLDS_MAX) {
        return LIMIT_REACHED;
    }
    char *name = arena_text(gathering->arena, label);
    if (name == NULL) {
        return NO_MEMORY;
    }
    for (char *at = name; *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    }
    bool is_com = strcmp(name, "com") == 0 || strcmp(name, "net") == 0;
    gathering->tlds[gathering->count++] =
        (struct tld){.name = name,
                     .has_dnssec = record->type == TYPE_DS,
                     .keys_max = is_com ? KEYS_MAX_COM : KEYS_MAX_OTHER};
    return OK;
}

static void problem_take(void *user, const struct problem *problem)
{
    struct gathering *gathering = user;
    if (!gathering->has_problem && gathering->problem != NULL) {
        *gathering->problem = *problem;
        gathering->has_problem = true;
    }
}

static int tld_compare(const void *a, const void *b)
{
    return strcmp(((const struct tld *)a)->name, ((const struct tld *)b)->name);
}

/* Sorts, and makes one entry of those with the same name. */
static void gathering_settle(struct gathering *gathering)
{
    qsort(gathering->tlds, gathering->count, sizeof gathering->tlds[0], tld_compare);
    size_t kept = 0;
    for (size_t i = 0; i < gathering->count; i++) {
        if (kept > 0 && tld_compare(&gathering->tlds[kept - 1], &gathering->tlds[i]) == 0) {
            bool has_dnssec = gathering->tlds[i].has_dnssec;
            gathering->tlds[kept - 1].has_dnssec |= has_dnssec;
        } else {
            gathering->tlds[kept++] = gathering->tlds[i];
        }
    }
    gathering->count = kept;
}

static struct tld *tld_find(struct gathering *gathering, const char *name)
{
    for (size_t i = 0; i < gathering->count; i++) {
        if (strcasecmp(gathering->tlds[i].name, name) == 0) {
            return &gathering->tlds[i];
        }
    }
    return NULL;
}

static enum status exceptions_read(const struct registrar_options *options,
                                   struct gathering *gathering)
{
    struct config *config;
    enum status status = config_read(&schema, options->tld_policy_file, options->tld_policy,
                                     gathering->arena, &config, gathering->problem);
    if (status != OK) {
        return status;
    }
    for (size_t i = 0; i < config_count(config, "tld"); i++) {
        const char *name = config_text(config, "tld", i, "name");
        struct tld *tld = tld_find(gathering, name);
        if (tld == NULL) {
            problem_place(gathering->problem, options->tld_policy_file, 0, 0);
            return problem_set(gathering->problem, NOT_FOUND,
                               "the TLD %s is not delegated in the root zone %s", name,
                               options->root_zone_file);
        }
        if (config_text(config, "tld", i, "keys-max") != NULL) {
            tld->keys_max = (uint16_t)config_number(config, "tld", i, "keys-max");
        }
        bool is_key = strcmp(config_text(config, "tld", i, "form"), "key") == 0;
        tld->form = is_key ? TLD_FORM_KEY : TLD_FORM_DS;
    }
    return OK;
}

static enum status registries_join(const struct registrar_options *options,
                                   struct gathering *gathering)
{
    for (size_t i = 0; i < options->registry_count; i++) {
        const struct registrar_registry *registry = &options->registries[i];
        for (size_t k = 0; k < registry->tld_count; k++) {
            struct tld *tld = tld_find(gathering, registry->tlds[k]);
            if (tld == NULL) {
                return problem_set(gathering->problem, NOT_FOUND,
                                   "registry %s: the TLD %s is not delegated in the root zone %s",
                                   registry->name, registry->tlds[k], options->root_zone_file);
            }
            if (tld->registry != NULL) {
                return problem_set(gathering->problem, EXISTS,
                                   "the TLD %s belongs to registry %s and cannot belong to %s too",
                                   tld->name, tld->registry->name, registry->name);
            }
            tld->registry = registry;
        }
    }
    return OK;
}

enum status policy_read(const struct registrar_options *options, struct arena *arena,
                        struct policy *policy, struct problem *problem)
{
    struct gathering gathering = {.arena = arena, .file = options->root_zone_file};
    struct problem unused = {0};
    gathering.problem = problem != NULL ? problem : &unused;
    gathering.tlds = arena_take_array(arena, TLDS_MAX, sizeof gathering.tlds[0]);
    if (gathering.tlds == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the list of TLDs");
    }
    struct zonefile_source source = {
        .file = options->root_zone_file, .text = options->root_zone, .origin = NAME_ROOT};
    struct zonefile_sink sink = {record_take, problem_take, &gathering};
    enum status status = zonefile_read(&source, &sink);
    if (status != OK) {
        return gathering.has_problem ? status
                                     : problem_set(problem, status, "the root zone %s: %s",
                                                   options->root_zone_file, status_text(status));
    }
    gathering_settle(&gathering);
    if (options->tld_policy.len > 0) {
        status = exceptions_read(options, &gathering);
    }
    if (status == OK) {
        status = registries_join(options, &gathering);
    }
    *policy = (struct policy){gathering.tlds, gathering.count};
    return status;
}

const struct tld *policy_find(const struct policy *policy, struct span name)
{
    for (size_t i = 0; i < policy->count; i++) {
        if (span_equal_nocase(span_of_text(policy->tlds[i].name), name)) {
            return &policy->tlds[i];
        }
    }
    return NULL;
}

const char *policy_form_text(enum tld_form form)
{
    return form == TLD_FORM_KEY ? "public key" : "DS record";
}
