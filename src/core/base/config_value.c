/* The kinds of values in configuration files: how each is checked, what is said when it does not
 * fit, and how the reference describes it. */
#include "core/base/config_value.h"

#include "core/base/address.h"
#include "core/base/nearest.h"
#include "core/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHOICES_MAX = 32, CHOICE_LEN_MAX = 40, LABEL_LEN_MAX = 63, NAME_LEN_MAX = 255 };

struct check {
    const struct config_option *option;
    struct config_value *value;
    char *sentence;
};

static enum status check_text(struct check *check)
{
    (void)check;
    return OK;
}

static enum status check_range(struct check *check, const char *unit)
{
    const struct config_option *option = check->option;
    if (option->min == 0 && option->max == 0) {
        return OK;
    }
    if (check->value->number < option->min || check->value->number > option->max) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX,
                 "%s is %s, but must lie in %" PRIu64 " to %" PRIu64 "%s", option->name,
                 check->value->text, option->min, option->max, unit);
        return MALFORMED;
    }
    return OK;
}

static enum status check_number(struct check *check)
{
    if (text_read_u64(span_of_text(check->value->text), UINT64_MAX, &check->value->number) != OK) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX, "%s must be a whole number, not \"%.60s\"",
                 check->option->name, check->value->text);
        return MALFORMED;
    }
    return check_range(check, "");
}

static enum status check_bool(struct check *check)
{
    const char *text = check->value->text;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX, "%s must be yes or no, not \"%.60s\"",
                 check->option->name, text);
        return MALFORMED;
    }
    check->value->number = text[0] == 'y' ? 1 : 0;
    return OK;
}

static enum status check_seconds(struct check *check)
{
    uint32_t seconds = 0;
    if (text_read_ttl(span_of_text(check->value->text), &seconds) != OK) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX,
                 "%s must be a time such as 90, 15m or 1d12h, not \"%.60s\"", check->option->name,
                 check->value->text);
        return MALFORMED;
    }
    check->value->number = seconds;
    return check_range(check, " seconds");
}

static enum status check_address(struct check *check)
{
    struct address address;
    if (address_read(span_of_text(check->value->text), 0, &address) != OK) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX,
                 "%s must be an address such as 192.0.2.1, 2001:db8::1 or 192.0.2.1@5353, "
                 "not \"%.60s\"",
                 check->option->name, check->value->text);
        return MALFORMED;
    }
    return OK;
}

/* The octets of one label in presentation form up to its dot or the end; 0 when it is empty, too
 * long or has a broken escape. Moves `*at` to the dot or the end. */
static size_t label_measure(const char **at)
{
    size_t len = 0;
    while (**at != '\0' && **at != '.') {
        if (**at == '\\') {
            size_t digits = strspn(*at + 1, "0123456789");
            bool is_octet =
                digits >= 3 &&
                ((*at)[1] - '0') * 100 + ((*at)[2] - '0') * 10 + ((*at)[3] - '0') <= UINT8_MAX;
            if ((digits == 0 && (*at)[1] == '\0') || (digits != 0 && !is_octet)) {
                return 0;
            }
            *at += digits == 0 ? 2 : 4;
        } else {
            *at += 1;
        }
        len++;
    }
    return len > LABEL_LEN_MAX ? 0 : len;
}

/* The length of a domain name on the wire, or 0 when the text is none. The name itself is made
 * where names are known, above this layer. */
static size_t name_measure(const char *text)
{
    if (strcmp(text, ".") == 0) {
        return 1;
    }
    size_t total = 1;
    const char *at = text;
    do {
        size_t len = label_measure(&at);
        if (len == 0) {
            return 0;
        }
        total += 1 + len;
        at += *at == '.' ? 1 : 0;
    } while (*at != '\0');
    return total > NAME_LEN_MAX ? 0 : total;
}

static enum status check_name(struct check *check)
{
    if (name_measure(check->value->text) == 0) {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX,
                 "%s must be a domain name, not \"%.60s\": labels have 1 to 63 octets, a name at "
                 "most 255",
                 check->option->name, check->value->text);
        return MALFORMED;
    }
    return OK;
}

static enum status check_path(struct check *check)
{
    if (check->value->text[0] == '\0') {
        snprintf(check->sentence, PROBLEM_SENTENCE_MAX, "%s must be a path, not an empty text",
                 check->option->name);
        return MALFORMED;
    }
    return OK;
}

/* Cuts "a|b|c" into words. */
static size_t choices_split(const char *choices, char words[CHOICES_MAX][CHOICE_LEN_MAX],
                            const char *pointers[CHOICES_MAX])
{
    size_t count = 0;
    const char *at = choices;
    while (at != NULL) {
        const char *end = strchr(at, '|');
        size_t len = end == NULL ? strlen(at) : (size_t)(end - at);
        require(count < CHOICES_MAX);
        require(len < CHOICE_LEN_MAX);
        snprintf(words[count], CHOICE_LEN_MAX, "%.*s", (int)len, at);
        pointers[count] = words[count];
        count++;
        at = end == NULL ? NULL : end + 1;
    }
    return count;
}

static enum status check_choice(struct check *check)
{
    char words[CHOICES_MAX][CHOICE_LEN_MAX];
    const char *pointers[CHOICES_MAX];
    require(check->option->choices != NULL);
    size_t count = choices_split(check->option->choices, words, pointers);
    struct writer list = writer_over(check->sentence, PROBLEM_SENTENCE_MAX - 1);
    writer_print(&list, "%s must be ", check->option->name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], check->value->text) == 0) {
            return OK;
        }
        writer_print(&list, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    }
    writer_print(&list, ", not \"%.60s\"", check->value->text);
    const char *meant = nearest_word(span_of_text(check->value->text), pointers, count);
    if (meant != NULL) {
        writer_print(&list, "; did you mean %s?", meant);
    }
    check->sentence[list.len] = '\0';
    return MALFORMED;
}

struct kind_row {
    enum status (*check)(struct check *check);
    const char *description; /* without range or choices */
};

static const struct kind_row KINDS[] = {
    [CONFIG_TEXT] = {check_text, "text"},
    [CONFIG_NUMBER] = {check_number, "number"},
    [CONFIG_BOOL] = {check_bool, "yes or no"},
    [CONFIG_SECONDS] = {check_seconds, "time"},
    [CONFIG_ADDRESS] = {check_address, "address, or address@port"},
    [CONFIG_NAME] = {check_name, "domain name"},
    [CONFIG_PATH] = {check_path, "path"},
    [CONFIG_CHOICE] = {check_choice, "one of"},
};
static_assert(LEN(KINDS) == CONFIG_CHOICE + 1, "a row for each kind");

enum status config_value_check(const struct config_option *option, struct config_value *value,
                               char sentence[PROBLEM_SENTENCE_MAX])
{
    require(option->kind < LEN(KINDS));
    value->number = 0;
    sentence[0] = '\0';
    struct check check = {option, value, sentence};
    return KINDS[option->kind].check(&check);
}

void config_value_describe(const struct config_option *option, struct writer *text)
{
    require(option->kind < LEN(KINDS));
    writer_text(text, KINDS[option->kind].description);
    if (option->kind == CONFIG_CHOICE) {
        char words[CHOICES_MAX][CHOICE_LEN_MAX];
        const char *pointers[CHOICES_MAX];
        size_t count = choices_split(option->choices, words, pointers);
        for (size_t i = 0; i < count; i++) {
            writer_print(text, "%s `%s`", i == 0 ? "" : ",", words[i]);
        }
    } else if (option->min != 0 || option->max != 0) {
        writer_print(text, " %" PRIu64 " to %" PRIu64, option->min, option->max);
        writer_text(text, option->kind == CONFIG_SECONDS ? " seconds" : "");
    }
    writer_text(text, option->is_list ? "; may be repeated" : "");
}
