/* Makes the zones that the benches run on: the same text for the same kind and count, in canonical
 * order as registries write their files. `tld`: delegations with two name servers each, half of
 * them with a DS, a tenth with glue. `hosting`: hosts with addresses and a mix of other types.
 * `questions` makes what the servers of a `tld` of that count are asked. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 24, COUNT_MAX = 20000000, PROVIDERS = 4000 };

static uint64_t state = 0x9e3779b97f4a7c15u;

/* SplitMix64: a fixed sequence. */
static uint64_t draw(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t limit)
{
    return draw() % limit;
}

static void draw_label(char label[LABEL_SIZE])
{
    static const char consonants[] = "bcdfghjklmnprstvwz";
    static const char vowels[] = "aeiou";
    size_t len = 6 + below(12);
    for (size_t i = 0; i < len; i++) {
        label[i] = i % 2 == 0 ? consonants[below(sizeof consonants - 1)]
                              : vowels[below(sizeof vowels - 1)];
    }
    if (below(5) == 0) {
        label[len / 2] = '-';
    }
    if (below(8) == 0) {
        label[len - 1] = (char)('0' + below(10));
    }
    label[len] = '\0';
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted and without repetition; `*count` may become a little smaller. */
static char (*draw_labels(size_t *count))[LABEL_SIZE]
{
    char(*labels)[LABEL_SIZE] = calloc(*count, LABEL_SIZE);
    if (labels == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        draw_label(labels[i]);
        /* Short labels repeat: their number makes them different. */
        size_t len = strlen(labels[i]);
        if (len < 13) {
            snprintf(labels[i] + len, LABEL_SIZE - len, "%zx", i);
        }
    }
    qsort(labels, *count, LABEL_SIZE, compare_labels);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || strcmp(labels[kept - 1], labels[i]) != 0) {
            memmove(labels[kept++], labels[i], LABEL_SIZE);
        }
    }
    *count = kept;
    return labels;
}

static void print_hex(size_t octets)
{
    for (size_t i = 0; i < octets; i += 8) {
        printf("%016" PRIX64, draw());
    }
}

static void print_apex(const char *origin)
{
    printf("%s\t900\tIN\tSOA\tns1.%s hostmaster.%s 2026112401 1800 900 604800 900\n", origin,
           origin, origin);
    printf("%s\t86400\tIN\tNS\tns1.%s\n%s\t86400\tIN\tNS\tns2.%s\n", origin, origin, origin,
           origin);
}

static void print_servers(const char *origin)
{
    for (int i = 1; i <= 2; i++) {
        printf("ns%d.%s\t86400\tIN\tA\t192.0.2.%d\n", i, origin, i);
        printf("ns%d.%s\t86400\tIN\tAAAA\t2001:db8::%d\n", i, origin, i);
    }
}

static void print_delegation(const char *label)
{
    bool has_glue = below(10) == 0;
    uint64_t provider = below(PROVIDERS);
    for (int i = 1; i <= 2; i++) {
        if (has_glue) {
            printf("%s.example.\t86400\tIN\tNS\tns%d.%s.example.\n", label, i, label);
        } else {
            printf("%s.example.\t86400\tIN\tNS\tns%d.provider-%" PRIu64 ".net.\n", label, i,
                   provider);
        }
    }
    if (below(2) == 0) {
        printf("%s.example.\t3600\tIN\tDS\t%" PRIu64 " 13 2 ", label, below(65536));
        print_hex(32);
        printf("\n");
    }
    for (int i = 1; has_glue && i <= 2; i++) {
        printf("ns%d.%s.example.\t86400\tIN\tA\t198.51.%" PRIu64 ".%" PRIu64 "\n", i, label,
               below(256), below(256));
        printf("ns%d.%s.example.\t86400\tIN\tAAAA\t2001:db8:%" PRIx64 ":%" PRIx64 "::%d\n", i,
               label, 1 + below(65535), 1 + below(65535), i);
    }
}

static void print_host(const char *label)
{
    uint64_t kind = below(20);
    if (kind == 0) {
        printf("%s.hosting.\t3600\tIN\tCNAME\tns1.hosting.\n", label);
        return;
    }
    printf("%s.hosting.\t3600\tIN\tA\t203.0.%" PRIu64 ".%" PRIu64 "\n", label, below(256),
           below(256));
    if (kind < 14) {
        printf("%s.hosting.\t3600\tIN\tAAAA\t2001:db8:%" PRIx64 "::%" PRIx64 "\n", label,
               1 + below(65535), 1 + below(65535));
    }
    if (kind < 6) {
        printf("%s.hosting.\t3600\tIN\tMX\t10 mail.%s.hosting.\n", label, label);
    }
    if (kind < 3) {
        printf("%s.hosting.\t3600\tIN\tTXT\t\"v=spf1 ip4:203.0.113.0/24 -all\"\n", label);
    }
    if (kind < 2) {
        printf("_443._tcp.%s.hosting.\t3600\tIN\tTLSA\t3 1 1 ", label);
        print_hex(32);
        printf("\n");
    }
}

/* The mix that a registry's server sees: names below delegations most, then names that are not
 * there, DS from validating resolvers, NS, and the apex. */
static void print_question(char (*labels)[LABEL_SIZE], size_t count)
{
    static const char *const apex_types[] = {"SOA", "NS", "DNSKEY", "A"};
    const char *label = labels[below(count)];
    uint64_t kind = below(100);
    char absent[LABEL_SIZE];
    if (kind < 45) {
        printf("www.%s.example. A\n", label);
    } else if (kind < 55) {
        printf("%s.example. NS\n", label);
    } else if (kind < 70) {
        printf("%s.example. DS\n", label);
    } else if (kind < 95) {
        draw_label(absent);
        printf("%s-0.example. A\n", absent);
    } else {
        printf("example. %s\n", apex_types[below(4)]);
    }
}

int main(int argc, char **argv)
{
    size_t count = argc >= 3 ? strtoul(argv[2], NULL, 10) : 0;
    size_t question_count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    bool is_tld = argc == 3 && strcmp(argv[1], "tld") == 0;
    bool is_hosting = argc == 3 && strcmp(argv[1], "hosting") == 0;
    bool is_questions = argc == 4 && strcmp(argv[1], "questions") == 0;
    if (count < 1 || count > COUNT_MAX || !(is_tld || is_hosting || is_questions)) {
        fprintf(stderr,
                "usage: generate tld|hosting COUNT\n"
                "       generate questions COUNT NUMBER, COUNT from 1 to %d\n",
                COUNT_MAX);
        return 2;
    }
    char(*labels)[LABEL_SIZE] = draw_labels(&count);
    if (labels == NULL) {
        fprintf(stderr, "generate: no memory for %zu names\n", count);
        return 1;
    }
    static char buffer[1 << 20];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (is_questions) {
        for (size_t i = 0; i < question_count; i++) {
            print_question(labels, count);
        }
        free(labels);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    const char *origin = is_tld ? "example." : "hosting.";
    print_apex(origin);
    print_servers(origin);
    for (size_t i = 0; i < count; i++) {
        if (is_tld) {
            print_delegation(labels[i]);
        } else {
            print_host(labels[i]);
        }
    }
    free(labels);
    return fflush(stdout) == 0 ? 0 : 1;
}
