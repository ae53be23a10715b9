/* Asks a server a list of questions over UDP, never more at a time than it can hold, and counts
 * what comes back. The window is bounded, so that the server sets the pace and nothing is dropped:
 * what is measured is the server's time. With a rate it asks at that pace and tells how long
 * answers took; with "once" it asks each question until it is answered, and no longer; with
 * "cookie" each has a cookie that the server gave. SIGTERM ends it early. One line at the end,
 * words and numbers. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    BATCH = 64,
    QUESTION_MAX = 320,
    ANSWER_MAX = 4096,
    SOCKETS_MAX = 64,
    SLOTS = 65536, /* an ID each */
    SOCKET_BUFFER = 4 << 20,
    LOST_MS = 200,
    LOST_ONCE_MS = 5000, /* somebody else may have to be asked first */
    PASSES = 3,
    POLL_MS = 100,
    REST_NS = 10000,
    RCODES = 16,
    SECONDS_MAX = 600,
    COOKIE_WAIT_MS = 1000,
    CLIENT_COOKIE_LEN = 8,
    COOKIE_LEN = 24, /* the server's part included */
    QUESTION_END_LEN = 4 + 11 + 4 + COOKIE_LEN,
};

static volatile sig_atomic_t is_stopped;

struct question {
    uint16_t len;
    uint8_t wire[QUESTION_MAX];
};

struct load {
    struct question *questions;
    size_t question_count;
    size_t next; /* counts on when all were asked */
    int fds[SOCKETS_MAX];
    size_t socket_count;
    size_t window; /* of each socket */
    size_t open[SOCKETS_MAX];
    uint16_t id;
    uint64_t asked;
    uint64_t answered;
    uint64_t lost;
    uint64_t octets;
    uint64_t truncated;
    uint64_t authentic; /* AD */
    uint64_t rcodes[RCODES];
    int64_t asked_ns[SLOTS];
    bool *is_answered; /* of each question; NULL: they are repeated */
    size_t asked_question[SLOTS];
    uint32_t *waits_ns; /* NULL: not wanted */
    size_t wait_count;
    size_t wait_size;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------------------------------ questions */

static uint16_t type_number(const char *word)
{
    static const struct {
        const char *word;
        uint16_t number;
    } types[] = {{"A", 1},    {"NS", 2},    {"SOA", 6}, {"MX", 15},
                 {"TXT", 16}, {"AAAA", 28}, {"DS", 43}, {"DNSKEY", 48}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].word, word) == 0) {
            return types[i].number;
        }
    }
    return (uint16_t)strtoul(word, NULL, 10);
}

/* Header with RD, the question, and OPT with 1232 octets and DO. */
static bool question_make(const char *name, const char *type, struct question *question)
{
    static const uint8_t header[12] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t opt[11] = {0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, 0x80, 0, 0, 0};
    uint8_t *wire = question->wire;
    size_t len = sizeof header;
    memcpy(wire, header, sizeof header);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || len + label + 2 + QUESTION_END_LEN > QUESTION_MAX) {
            return false;
        }
        wire[len] = (uint8_t)label;
        memcpy(wire + len + 1, name, label);
        len += label + 1;
        name += label + (name[label] == '.');
    }
    uint16_t number = type_number(type);
    const uint8_t end[5] = {0, (uint8_t)(number >> 8), (uint8_t)number, 0, 1};
    memcpy(wire + len, end, sizeof end);
    len += sizeof end;
    memcpy(wire + len, opt, sizeof opt);
    question->len = (uint16_t)(len + sizeof opt);
    return number != 0;
}

static bool questions_read(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    char name[256], type[16];
    size_t size = 0;
    while (file != NULL && fscanf(file, "%255s %15s", name, type) == 2) {
        if (load->question_count == size) {
            size = size == 0 ? 4096 : size * 2;
            struct question *grown = realloc(load->questions, size * sizeof *grown);
            if (grown == NULL) {
                return false;
            }
            load->questions = grown;
        }
        if (!question_make(name, type, &load->questions[load->question_count++])) {
            return false;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return load->question_count > 0;
}

/* ------------------------------------------------------------------ cookies */

/* One more option for the OPT that ends the question. */
static void add_cookie(struct question *question, const uint8_t *cookie, uint8_t len)
{
    uint8_t *end = question->wire + question->len;
    const uint8_t head[4] = {0, 10, 0, len};
    end[-1] = (uint8_t)(sizeof head + len);
    memcpy(end, head, sizeof head);
    memcpy(end + sizeof head, cookie, len);
    question->len = (uint16_t)(question->len + sizeof head + len);
}

/* Asks for a cookie, which is then shown with each question. */
static bool cookie_get(struct load *load)
{
    const uint8_t whole[4 + CLIENT_COOKIE_LEN] = {0, 10, 0, COOKIE_LEN, 'b', 'e', 'n', 'c', 'h'};
    struct question question = load->questions[0];
    uint8_t answer[ANSWER_MAX];
    struct pollfd waiting = {.fd = load->fds[0], .events = POLLIN};
    add_cookie(&question, whole + 4, CLIENT_COOKIE_LEN);
    if (send(load->fds[0], question.wire, question.len, 0) < 0 ||
        poll(&waiting, 1, COOKIE_WAIT_MS) != 1) {
        return false;
    }
    ssize_t len = recv(load->fds[0], answer, sizeof answer, 0);
    const uint8_t *found = len > 0 ? memmem(answer, (size_t)len, whole, sizeof whole) : NULL;
    if (found == NULL || answer + len - found < 4 + COOKIE_LEN) {
        return false;
    }
    for (size_t i = 0; i < load->question_count; i++) {
        add_cookie(&load->questions[i], found + 4, COOKIE_LEN);
    }
    return true;
}

/* ------------------------------------------------------------------ asking */

static bool sockets_open(struct load *load, const char *address, const char *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int size = SOCKET_BUFFER;
    if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
        return false;
    }
    for (size_t i = 0; i < load->socket_count; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
            return false;
        }
        load->fds[i] = fd;
    }
    return true;
}

static void ask(struct load *load, size_t at, size_t count)
{
    static uint8_t ids[BATCH][2];
    static struct iovec spans[BATCH][2];
    static struct mmsghdr headers[BATCH];
    count = count > BATCH ? BATCH : count;
    int64_t now = load->waits_ns != NULL ? now_ns() : 0;
    for (size_t i = 0; i < count; i++) {
        struct question *question = &load->questions[(load->next + i) % load->question_count];
        uint16_t id = (uint16_t)(load->id + i);
        load->asked_ns[id] = now;
        load->asked_question[id] = (load->next + i) % load->question_count;
        ids[i][0] = (uint8_t)(id >> 8);
        ids[i][1] = (uint8_t)id;
        spans[i][0] = (struct iovec){ids[i], 2};
        spans[i][1] = (struct iovec){question->wire + 2, question->len - 2u};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = spans[i], .msg_iovlen = 2};
    }
    int sent = count == 0 ? 0 : sendmmsg(load->fds[at], headers, (unsigned)count, 0);
    if (sent > 0) {
        load->asked += (uint64_t)sent;
        load->next += (size_t)sent;
        load->id = (uint16_t)(load->id + sent);
        load->open[at] += (size_t)sent;
    }
}

static void note(struct load *load, const uint8_t *wire, size_t len, int64_t now)
{
    if (len < 12) {
        return;
    }
    load->answered++;
    load->octets += len;
    load->rcodes[wire[3] & 0xf]++;
    load->truncated += (wire[2] & 2) != 0;
    load->authentic += (wire[3] & 0x20) != 0;
    if (load->is_answered != NULL) {
        load->is_answered[load->asked_question[wire[0] << 8 | wire[1]]] = true;
    }
    if (load->waits_ns != NULL && load->wait_count < load->wait_size) {
        int64_t wait = now - load->asked_ns[wire[0] << 8 | wire[1]];
        load->waits_ns[load->wait_count++] = wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait;
    }
}

static size_t take(struct load *load, size_t at)
{
    static uint8_t answers[BATCH][ANSWER_MAX];
    static struct iovec spans[BATCH];
    static struct mmsghdr headers[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        spans[i] = (struct iovec){answers[i], ANSWER_MAX};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &spans[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(load->fds[at], headers, BATCH, MSG_DONTWAIT, NULL);
    int64_t now = load->waits_ns != NULL ? now_ns() : 0;
    for (int i = 0; i < count; i++) {
        note(load, answers[i], headers[i].msg_len, now);
    }
    size_t taken = count > 0 ? (size_t)count : 0;
    load->open[at] -= taken < load->open[at] ? taken : load->open[at];
    return taken;
}

static bool wait_for_answers(const struct load *load, int timeout_ms)
{
    struct pollfd waiting[SOCKETS_MAX];
    for (size_t i = 0; i < load->socket_count; i++) {
        waiting[i] = (struct pollfd){.fd = load->fds[i], .events = POLLIN};
    }
    return poll(waiting, load->socket_count, timeout_ms) > 0;
}

static void give_up(struct load *load)
{
    for (size_t i = 0; i < load->socket_count; i++) {
        load->lost += load->open[i];
        load->open[i] = 0;
    }
}

/* As fast as the server answers, until `until`. Never sleeps: to be woken would cost the server. */
static void run_closed(struct load *load, int64_t until)
{
    int64_t heard = now_ns();
    for (int64_t now = heard; now < until && !is_stopped; now = now_ns()) {
        size_t taken = 0;
        for (size_t i = 0; i < load->socket_count; i++) {
            size_t room = load->window - load->open[i];
            /* Whole batches, for those who answer in batches. */
            if (room >= load->window / 2) {
                ask(load, i, room);
            }
            taken += take(load, i);
        }
        heard = taken > 0 ? now : heard;
        if (now - heard > LOST_MS * INT64_C(1000000)) {
            give_up(load);
            heard = now;
        }
    }
}

/* `rate` questions a second, sent as they come due. The kernel stops a real-time process for 50 ms
 * that took all of a second, so that one rests where nothing is to be done. */
static void run_open(struct load *load, int64_t until, uint64_t rate)
{
    bool is_real_time = sched_getscheduler(0) == SCHED_FIFO;
    int64_t began = now_ns();
    for (int64_t now = began; now < until && !is_stopped; now = now_ns()) {
        uint64_t due = (uint64_t)(now - began) * rate / 1000000000;
        while (load->asked < due) {
            uint64_t before = load->asked;
            ask(load, load->asked % load->socket_count, due - before);
            if (load->asked == before) {
                break;
            }
        }
        size_t taken = 0;
        for (size_t i = 0; i < load->socket_count; i++) {
            taken += take(load, i);
        }
        if (is_real_time && taken == 0) {
            nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
        }
    }
}

/* From the next question that has no answer, up to `most` in a row. */
static size_t unanswered_next(struct load *load, size_t most)
{
    const bool *is_answered = load->is_answered;
    while (load->next < load->question_count && is_answered[load->next]) {
        load->next++;
    }
    size_t end = load->next;
    while (end < load->question_count && end - load->next < most && !is_answered[end]) {
        end++;
    }
    return end - load->next;
}

/* All questions that have no answer yet; ends when nothing is heard for long. Sleeps while it
 * waits, because the servers that the asked one asks may need the processor. */
static void run_pass(struct load *load)
{
    int64_t heard = now_ns();
    load->next = 0;
    for (bool is_open = true; is_open; is_open = unanswered_next(load, 1) > 0 || is_open) {
        size_t taken = 0;
        is_open = false;
        for (size_t i = 0; i < load->socket_count; i++) {
            size_t room = load->window - load->open[i];
            size_t count = unanswered_next(load, room);
            if (count > 0) {
                ask(load, i, count);
            }
            taken += take(load, i);
            is_open = is_open || load->open[i] > 0;
        }
        int64_t now = now_ns();
        heard = taken > 0 ? now : heard;
        if (now - heard > LOST_ONCE_MS * INT64_C(1000000)) {
            give_up(load);
            return;
        }
        if (taken == 0) {
            wait_for_answers(load, POLL_MS);
        }
    }
}

static void run_once(struct load *load)
{
    load->is_answered = calloc(load->question_count, sizeof *load->is_answered);
    for (int pass = 0; pass < PASSES && load->is_answered != NULL; pass++) {
        run_pass(load);
    }
}

/* ------------------------------------------------------------------ the end */

static int compare_waits(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void print_waits(struct load *load)
{
    static const double parts[] = {50, 99, 99.9, 100};
    qsort(load->waits_ns, load->wait_count, sizeof *load->waits_ns, compare_waits);
    for (size_t i = 0; i < 4 && load->wait_count > 0; i++) {
        size_t at = (size_t)((double)(load->wait_count - 1) * parts[i] / 100);
        printf(" p%g_us %.1f", parts[i], load->waits_ns[at] / 1000.0);
    }
}

static void finish(struct load *load)
{
    for (int i = 0; i < 16 && wait_for_answers(load, LOST_MS); i++) {
        for (size_t at = 0; at < load->socket_count; at++) {
            while (take(load, at) > 0) {
            }
        }
        if (load->answered + load->lost >= load->asked) {
            break;
        }
    }
    load->lost = load->asked > load->answered ? load->asked - load->answered : 0;
}

static void stop(int signal_number)
{
    (void)signal_number;
    is_stopped = 1;
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc < 7) {
        fprintf(stderr, "usage: load ADDRESS PORT QUESTIONS SECONDS|once SOCKETS WINDOW"
                        " [RATE [cookie]]\n");
        return 2;
    }
    signal(SIGTERM, stop);
    bool is_once = strcmp(argv[4], "once") == 0;
    double seconds = is_once ? 1 : strtod(argv[4], NULL);
    load.socket_count = strtoul(argv[5], NULL, 10);
    load.window = strtoul(argv[6], NULL, 10);
    uint64_t rate = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
    if (load.socket_count < 1 || load.socket_count > SOCKETS_MAX || load.window < 1 ||
        load.window * load.socket_count > SLOTS || seconds <= 0 || seconds > SECONDS_MAX ||
        !questions_read(&load, argv[3]) || !sockets_open(&load, argv[1], argv[2])) {
        fprintf(stderr, "load: a word, the questions or the address are of no use\n");
        return 2;
    }
    if (argc > 8 && strcmp(argv[8], "cookie") == 0 && !cookie_get(&load)) {
        fprintf(stderr, "load: the server gives no cookie\n");
        return 2;
    }
    if (rate > 0) {
        load.wait_size = (size_t)((double)rate * seconds) + 1;
        load.waits_ns = calloc(load.wait_size, sizeof *load.waits_ns);
    }
    int64_t began = now_ns();
    int64_t until = began + (int64_t)(seconds * 1e9);
    if (is_once) {
        run_once(&load);
    } else if (rate > 0 && load.waits_ns != NULL) {
        run_open(&load, until, rate);
    } else {
        run_closed(&load, until);
    }
    double took = (double)(now_ns() - began) / 1e9;
    finish(&load);
    printf(
        "asked %llu answered %llu lost %llu seconds %.4f octets %llu truncated %llu authentic %llu",
        (unsigned long long)load.asked, (unsigned long long)load.answered,
        (unsigned long long)load.lost, took, (unsigned long long)load.octets,
        (unsigned long long)load.truncated, (unsigned long long)load.authentic);
    for (int i = 0; i < RCODES; i++) {
        if (load.rcodes[i] > 0) {
            printf(" rcode%d %llu", i, (unsigned long long)load.rcodes[i]);
        }
    }
    if (load.waits_ns != NULL) {
        print_waits(&load);
    }
    printf("\n");
    return 0;
}
