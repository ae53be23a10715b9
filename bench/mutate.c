/* Serves a chain of random signed zones, each with one fault: a root, "tld." and COUNT zones below
 * it, at NET.1 to NET.4, in one process. What a zone's servers say is what an honest server would
 * say, after the fault has come over it; the same fault whatever is asked and whoever asks.
 *
 * Writes `anchor` and `hints` for the validators into FOLDER, and `questions`, the names to ask in
 * each zone: number of the zone, fault, place, denial, algorithm, what is asked for, name, type.
 * Then prints "ready" and answers until it is ended.
 *
 * usage: mutate FOLDER NET PORT COUNT SEED */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"

enum {
    COUNT_MAX = 100000,
    SOCKETS_OWN = 2 * SERVER_COUNT,
    SOCKETS_MAX = 200,
    BUFFER_LEN = 4 << 20,
    TCP_WAIT_S = 2
};

static volatile sig_atomic_t is_ended;

_Noreturn void mutate_fail(const char *what)
{
    fprintf(stderr, "mutate: %s\n", what);
    exit(1);
}

static void end(int number)
{
    (void)number;
    is_ended = 1;
}

/* ---------------------------------------------------------------- what is asked */

static const struct {
    const char *what;
    const char *prefix; /* in front of the name of the role */
    enum role role;     /* ROLE_COUNT: the apex */
    uint16_t type;
} QUESTIONS[] = {
    {"data", "", ROLE_DATA, TYPE_A},
    {"type-absent", "", ROLE_DATA, TYPE_MX},
    {"name-absent", "m-gone.", ROLE_COUNT, TYPE_A},
    {"below-absent", "a.b-gone.", ROLE_COUNT, TYPE_A},
    {"wildcard", "any.", ROLE_WILD, TYPE_A},
    {"wildcard-deep", "some.any.", ROLE_WILD, TYPE_A},
    {"wildcard-type-absent", "any.", ROLE_WILD, TYPE_MX},
    {"beside-wildcard", "beside.", ROLE_WILD, TYPE_A},
    {"empty-non-terminal", "", ROLE_ENT, TYPE_A},
    {"alias", "", ROLE_ALIAS, TYPE_A},
    {"dname", "x.", ROLE_DNAME, TYPE_A},
    {"dname-absent", "gone.", ROLE_DNAME, TYPE_A},
    {"below-secure-cut", "www.", ROLE_SECURE, TYPE_A},
    {"below-plain-cut", "www.", ROLE_PLAIN, TYPE_A},
    {"ds", "", ROLE_COUNT, TYPE_DS},
    {"ds-of-secure-cut", "", ROLE_SECURE, TYPE_DS},
    {"ds-of-plain-cut", "", ROLE_PLAIN, TYPE_DS},
    {"keys", "", ROLE_COUNT, TYPE_DNSKEY},
    {"soa", "", ROLE_COUNT, TYPE_SOA},
};

static FILE *file_open(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        mutate_fail(path);
    }
    return file;
}

static void write_questions(const struct mutate *mutate, const char *folder)
{
    static const char *const denials[] = {
        [ZONE_NSEC] = "nsec", [ZONE_NSEC3] = "nsec3", [ZONE_NSEC3_OPT_OUT] = "opt-out"};
    FILE *file = file_open(folder, "questions");
    for (unsigned i = 0; i < mutate->count; i++) {
        const struct subject *subject = &mutate->subjects[i];
        for (size_t j = 0; j < LEN(QUESTIONS); j++) {
            bool is_apex = QUESTIONS[j].role == ROLE_COUNT;
            fprintf(file, "%u %s %s %s %u %s %s%s%sz%u.tld %u\n", i, subject->fault->name,
                    place_text(subject->place), denials[subject->zone.denial], subject->algorithm,
                    QUESTIONS[j].what, QUESTIONS[j].prefix,
                    is_apex ? "" : subject->labels[QUESTIONS[j].role], is_apex ? "" : ".", i,
                    QUESTIONS[j].type);
        }
    }
    fclose(file);
}

static void write_trust(const struct mutate *mutate, const char *folder)
{
    uint8_t octets[512];
    struct writer text = writer_over(octets, sizeof octets);
    FILE *file = file_open(folder, "anchor");
    zones_write_anchor(mutate, &text);
    fwrite(octets, 1, text.len, file);
    fclose(file);
    file = file_open(folder, "hints");
    fprintf(file, ". 3600000 NS ns.servers.\nns.servers. 3600000 A %s.%d\n", mutate->net,
            SERVER_ROOT + 1);
    fclose(file);
}

/* ---------------------------------------------------------------- the honest servers */

static void fill(void *self, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)draw(self, 256);
    }
}

static void open_server(struct mutate *mutate, unsigned server,
                        const struct auth_zone_options *zones, size_t count)
{
    static uint64_t random = 1;
    static const struct entropy entropy = {fill, &random};
    struct auth_options options = {
        .zones = zones, .zone_count = count, .ignores_cookies = true, .entropy = &entropy};
    struct problem problem = {0};
    if (auth_open(&options, &mutate->servers[server], &problem) != OK) {
        mutate_fail(problem.sentence);
    }
}

static struct auth_zone_options served(const struct made_zone *zone)
{
    return (struct auth_zone_options){.name = zone->name, .fixed = zone->zone};
}

static void open_servers(struct mutate *mutate)
{
    struct auth_zone_options *zones = calloc(2 * (size_t)mutate->count, sizeof *zones);
    if (zones == NULL) {
        mutate_fail("out of memory");
    }
    zones[0] = served(&mutate->root);
    open_server(mutate, SERVER_ROOT, zones, 1);
    zones[0] = served(&mutate->tld);
    open_server(mutate, SERVER_TLD, zones, 1);
    for (unsigned i = 0; i < mutate->count; i++) {
        zones[i] = served(&mutate->subjects[i].zone);
    }
    open_server(mutate, SERVER_SUBJECTS, zones, mutate->count);
    for (unsigned i = 0; i < mutate->count; i++) {
        zones[2 * i] = served(&mutate->subjects[i].secure);
        zones[2 * i + 1] = served(&mutate->subjects[i].plain);
    }
    open_server(mutate, SERVER_BELOW, zones, 2 * (size_t)mutate->count);
    free(zones);
}

/* ---------------------------------------------------------------- an answer */

static const struct subject *find_subject(const struct mutate *mutate, struct name name)
{
    if (name.label_count < 2 || !name_is_below(name, mutate->tld.name)) {
        return NULL;
    }
    char text[NAME_TEXT_MAX];
    name_print(name_ancestor(name, 2), text);
    unsigned long number =
        text[0] == 'z' || text[0] == 'Z' ? strtoul(text + 1, NULL, 10) : mutate->count;
    return number < mutate->count ? &mutate->subjects[number] : NULL;
}

static struct span write_reply(const struct reply *reply, const struct message *query,
                               uint8_t *octets, size_t size)
{
    struct message_writer writer;
    struct edns edns = {.is_present = true,
                        .wants_dnssec = query->edns.wants_dnssec,
                        .udp_size = MESSAGE_UDP_LEN_DEFAULT};
    uint16_t flags = FLAG_QR | (reply->flags & FLAG_AA) | (query->flags & FLAG_RD);
    message_begin(&writer, octets, size, query->id, flags, OPCODE_QUERY, reply->rcode);
    writer.keeps_case = true;
    message_add_question(&writer, query->question);
    message_keep(&writer, query->edns.is_present ? 11 : 0);
    bool fits = true;
    for (unsigned section = 0; section < SECTION_COUNT && fits; section++) {
        for (size_t i = 0; i < reply->count && fits; i++) {
            const struct part *part = &reply->parts[i];
            if (part->section == section && part->rrset.count > 0) {
                fits = message_add_rrset(&writer, section, &part->rrset) == OK &&
                       (part->rrsigs.count == 0 ||
                        message_add_rrset(&writer, section, &part->rrsigs) == OK);
            }
        }
    }
    if (!fits) {
        message_set_flags(&writer, FLAG_TC);
    }
    if (query->edns.is_present) {
        message_add_edns(&writer, &edns, reply->rcode);
    }
    return message_end(&writer);
}

static struct span answer(const struct mutate *mutate, unsigned server, struct span wire,
                          bool is_udp, uint8_t *octets)
{
    static struct edit edit;
    struct name_buffer buffer;
    struct message query;
    struct arena arena;
    if (message_read_query(wire, &buffer, &query) != OK || query.question_count != 1 ||
        (query.flags & FLAG_QR) != 0) {
        return SPAN_EMPTY;
    }
    arena_open(&arena, 16 << 20);
    edit = (struct edit){.mutate = mutate,
                         .subject = find_subject(mutate, query.question.name),
                         .server = server,
                         .arena = &arena};
    reply_ask(mutate, server, query.question, &arena, &edit.reply);
    if (edit.subject != NULL) {
        fault_apply(&edit);
    }
    size_t size = is_udp ? query.edns.is_present ? query.edns.udp_size : MESSAGE_UDP_LEN_MIN
                         : MESSAGE_LEN_MAX;
    struct span message = write_reply(&edit.reply, &query, octets, size);
    arena_close(&arena);
    return message;
}

/* ---------------------------------------------------------------- sockets */

static int open_socket(const struct mutate *mutate, unsigned server, int kind, uint16_t port)
{
    char text[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    int size = BUFFER_LEN;
    snprintf(text, sizeof text, "%s.%u", mutate->net, server + 1);
    int fd = socket(AF_INET, kind, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (kind == SOCK_STREAM && listen(fd, 128) != 0)) {
        mutate_fail(text);
    }
    return fd;
}

static void answer_datagram(const struct mutate *mutate, unsigned server, int fd)
{
    uint8_t octets[MESSAGE_LEN_MAX], made[MESSAGE_LEN_MAX];
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    ssize_t got = recvfrom(fd, octets, sizeof octets, 0, (struct sockaddr *)&peer, &len);
    if (got > 0) {
        struct span message = answer(mutate, server, span_of(octets, (size_t)got), true, made);
        if (message.len > 0) {
            sendto(fd, message.bytes, message.len, 0, (struct sockaddr *)&peer, len);
        }
    }
}

static bool receive_all(int fd, uint8_t *octets, size_t len)
{
    return recv(fd, octets, len, MSG_WAITALL) == (ssize_t)len;
}

/* One question of a connection; false: it is over. */
static bool answer_connection(const struct mutate *mutate, unsigned server, int fd)
{
    uint8_t octets[MESSAGE_LEN_MAX], made[MESSAGE_LEN_MAX + 2];
    if (!receive_all(fd, octets, 2)) {
        return false;
    }
    size_t len = (size_t)octets[0] << 8 | octets[1];
    if (!receive_all(fd, octets, len)) {
        return false;
    }
    struct span message = answer(mutate, server, span_of(octets, len), false, made + 2);
    made[0] = (uint8_t)(message.len >> 8);
    made[1] = (uint8_t)message.len;
    return message.len > 0 &&
           send(fd, made, message.len + 2, MSG_NOSIGNAL) == (ssize_t)message.len + 2;
}

/* What is polled: a socket for datagrams and a listener for each server, then connections. */
struct sockets {
    struct pollfd polled[SOCKETS_MAX];
    unsigned servers[SOCKETS_MAX];
    size_t count;
};

static void add_socket(struct sockets *sockets, int fd, unsigned server)
{
    sockets->polled[sockets->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    sockets->servers[sockets->count++] = server;
}

static void remove_socket(struct sockets *sockets, size_t at)
{
    close(sockets->polled[at].fd);
    sockets->count--;
    sockets->polled[at] = sockets->polled[sockets->count];
    sockets->servers[at] = sockets->servers[sockets->count];
}

/* A full table lets go of its oldest connection. */
static void accept_connection(struct sockets *sockets, size_t listener)
{
    struct timeval patience = {.tv_sec = TCP_WAIT_S};
    int fd = accept(sockets->polled[listener].fd, NULL, NULL);
    if (fd < 0) {
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (sockets->count == SOCKETS_MAX) {
        remove_socket(sockets, SOCKETS_OWN);
    }
    add_socket(sockets, fd, sockets->servers[listener]);
}

static void serve(const struct mutate *mutate, uint16_t port)
{
    static struct sockets sockets;
    for (unsigned i = 0; i < SOCKETS_OWN; i++) {
        int kind = i < SERVER_COUNT ? SOCK_DGRAM : SOCK_STREAM;
        add_socket(&sockets, open_socket(mutate, i % SERVER_COUNT, kind, port), i % SERVER_COUNT);
    }
    puts("ready");
    fflush(stdout);
    while (!is_ended) {
        if (poll(sockets.polled, sockets.count, -1) <= 0) {
            continue;
        }
        for (size_t i = sockets.count;
             i-- > 0;) { /* backwards, as the last takes the place of one that goes */
            if (i >= sockets.count || sockets.polled[i].revents == 0) {
                continue;
            }
            sockets.polled[i].revents = 0;
            if (i < SERVER_COUNT) {
                answer_datagram(mutate, sockets.servers[i], sockets.polled[i].fd);
            } else if (i < SOCKETS_OWN) {
                accept_connection(&sockets, i);
            } else if (!answer_connection(mutate, sockets.servers[i], sockets.polled[i].fd)) {
                remove_socket(&sockets, i);
            }
        }
    }
    while (sockets.count > 0) {
        remove_socket(&sockets, sockets.count - 1);
    }
}

/* ---------------------------------------------------------------- the whole */

static void close_all(struct mutate *mutate)
{
    for (unsigned i = 0; i < SERVER_COUNT; i++) {
        auth_close(mutate->servers[i]);
    }
    zone_release(mutate->root.zone);
    zone_release(mutate->tld.zone);
    for (unsigned i = 0; i < mutate->count; i++) {
        zone_release(mutate->subjects[i].zone.zone);
        zone_release(mutate->subjects[i].secure.zone);
        zone_release(mutate->subjects[i].plain.zone);
    }
    free(mutate->subjects);
    for (size_t i = 0; i < LEN(mutate->pool); i++) {
        for (size_t j = 0; j < MUTATE_POOL; j++) {
            key_close(mutate->pool[i][j]);
        }
    }
}

int main(int argc, char **argv)
{
    static struct mutate mutate;
    mutate.count = argc == 6 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    if (mutate.count == 0 || mutate.count > COUNT_MAX) {
        fprintf(stderr, "usage: mutate FOLDER NET PORT COUNT SEED\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    mutate.net = argv[2];
    mutate.seed = strtoull(argv[5], NULL, 10);
    mutate.now_s = time(NULL);
    mutate.subjects = calloc(mutate.count, sizeof *mutate.subjects);
    if (mutate.subjects == NULL) {
        mutate_fail("out of memory");
    }
    zones_make(&mutate);
    open_servers(&mutate);
    write_questions(&mutate, argv[1]);
    write_trust(&mutate, argv[1]);
    serve(&mutate, (uint16_t)strtoul(argv[3], NULL, 10));
    close_all(&mutate);
    return 0;
}
