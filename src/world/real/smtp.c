/* Mail to an SMTP server: libcurl speaks, driven by our loop. A reply of 5xx is final, everything
 * else is worth another try later. */
#include "world/real/mail.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum { SMTP_PERMANENT = 500, SMTP_CODES_END = 600 };

/* A descriptor of libcurl's. */
struct smtp_socket {
    struct smtp *smtp;
    struct watch watch;
    struct smtp_socket *next;
};

struct smtp_job {
    struct smtp *smtp;
    uint64_t mail; /* the service's */
    CURL *easy;
    struct curl_slist *recipients;
    struct buffer message;
    size_t sent;
    char error[CURL_ERROR_SIZE];
    char reply[MAIL_REPLY_MAX]; /* the last line of the server */
    struct smtp_job *next;
};

struct smtp {
    struct world *world;
    CURLM *multi;
    char *url;
    struct timer deadline;
    struct smtp_job *jobs;
    struct smtp_socket *sockets;
    size_t job_count;
};

/* ------------------------------------------------------------------ jobs */

static void job_free(struct smtp_job *job)
{
    struct smtp *smtp = job->smtp;
    struct smtp_job **at = &smtp->jobs;
    while (*at != NULL && *at != job) {
        at = &(*at)->next;
    }
    if (*at == job) {
        *at = job->next;
        smtp->job_count--;
    }
    if (job->easy != NULL) {
        curl_multi_remove_handle(smtp->multi, job->easy);
        curl_easy_cleanup(job->easy);
    }
    curl_slist_free_all(job->recipients);
    buffer_close(&job->message);
    memory_give_back(job);
}

static void job_finish(struct smtp_job *job, CURLcode code)
{
    long reply_code = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &reply_code);
    enum status outcome = code == CURLE_OK                                              ? OK
                          : reply_code >= SMTP_PERMANENT && reply_code < SMTP_CODES_END ? REFUSED
                          : code == CURLE_OPERATION_TIMEDOUT                            ? TIMED_OUT
                                                                                        : IO_FAILED;
    const char *reply = job->reply[0] != '\0'   ? job->reply
                        : job->error[0] != '\0' ? job->error
                                                : curl_easy_strerror(code);
    mail_finish(job->smtp->world, job->mail, outcome, reply);
    job_free(job);
}

static void smtp_collect(struct smtp *smtp)
{
    int left = 0;
    for (CURLMsg *told = curl_multi_info_read(smtp->multi, &left); told != NULL;
         told = curl_multi_info_read(smtp->multi, &left)) {
        if (told->msg == CURLMSG_DONE) {
            struct smtp_job *job = NULL;
            CURLcode code = told->data.result;
            curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, (char **)&job);
            job_finish(job, code);
        }
    }
}

/* ------------------------------------------------------------------ driving the library */

static void socket_ready(void *owner, uint32_t events)
{
    struct smtp_socket *socket = owner;
    struct smtp *smtp = socket->smtp;
    int running = 0;
    int flags = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(smtp->multi, socket->watch.fd, flags, &running);
    smtp_collect(smtp);
}

static void smtp_due(void *owner)
{
    struct smtp *smtp = owner;
    int running = 0;
    curl_multi_socket_action(smtp->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    smtp_collect(smtp);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct smtp *smtp = user;
    if (timeout_ms < 0) {
        loop_stop_timer(&smtp->world->loop, &smtp->deadline);
    } else {
        loop_set_timer(&smtp->world->loop, &smtp->deadline, world_in_ms(timeout_ms));
    }
    return 0;
}

static void socket_forget(struct smtp *smtp, struct smtp_socket *socket)
{
    for (struct smtp_socket **at = &smtp->sockets; *at != NULL; at = &(*at)->next) {
        if (*at == socket) {
            *at = socket->next;
            break;
        }
    }
    loop_unwatch(&smtp->world->loop, &socket->watch);
    memory_give_back(socket);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy;
    struct smtp *smtp = user;
    struct smtp_socket *socket = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            socket_forget(smtp, socket);
        }
        return 0;
    }
    if (socket == NULL) {
        socket = memory_take(sizeof *socket);
        if (socket == NULL) {
            return -1;
        }
        *socket = (struct smtp_socket){
            .smtp = smtp,
            .watch = {.fd = fd, .ready = socket_ready, .owner = socket},
            .next = smtp->sockets,
        };
        smtp->sockets = socket;
        curl_multi_assign(smtp->multi, fd, socket);
    }
    uint32_t interest =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0);
    return loop_watch(&smtp->world->loop, &socket->watch, interest) == OK ? 0 : -1;
}

/* ------------------------------------------------------------------ one message */

static size_t message_give(char *room, size_t size, size_t count, void *user)
{
    struct smtp_job *job = user;
    struct span message = buffer_bytes(&job->message);
    size_t len = size * count;
    len = len > message.len - job->sent ? message.len - job->sent : len;
    if (len != 0) {
        memcpy(room, message.bytes + job->sent, len);
    }
    job->sent += len;
    return len;
}

static size_t reply_take(char *line, size_t size, size_t count, void *user)
{
    struct smtp_job *job = user;
    size_t len = size * count;
    while (len != 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    snprintf(job->reply, sizeof job->reply, "%.*s", (int)len, line);
    return size * count;
}

static bool job_prepare(struct smtp_job *job, const struct effect_mail *mail)
{
    struct arena scratch;
    arena_open(&scratch, MAIL_REPLY_MAX * 4);
    char *recipient = arena_print(&scratch, "<%.*s>", (int)mail->recipient.len,
                                  (const char *)mail->recipient.bytes);
    char *sender =
        arena_print(&scratch, "<%.*s>", (int)mail->sender.len, (const char *)mail->sender.bytes);
    job->easy = curl_easy_init();
    job->recipients = recipient == NULL ? NULL : curl_slist_append(NULL, recipient);
    CURL *easy = job->easy;
    bool is_ready = easy != NULL && job->recipients != NULL && sender != NULL &&
                    buffer_append(&job->message, mail->message) == OK &&
                    curl_easy_setopt(easy, CURLOPT_URL, job->smtp->url) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, sender) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, job->recipients) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* no environment */
                    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)MAIL_TIMEOUT_MS) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_READFUNCTION, message_give) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_READDATA, job) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, reply_take) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, reply_take) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->error) == CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_PRIVATE, job) == CURLE_OK;
    arena_close(&scratch);
    return is_ready;
}

void smtp_deliver(struct smtp *smtp, const struct effect_mail *mail)
{
    if (smtp->job_count >= MAIL_WAITING_MAX) {
        mail_finish(smtp->world, mail->mail, BUSY, "too many messages wait");
        return;
    }
    struct smtp_job *job = memory_take(sizeof *job);
    if (job == NULL) {
        mail_finish(smtp->world, mail->mail, NO_MEMORY, "there is no memory for the message");
        return;
    }
    *job = (struct smtp_job){.smtp = smtp, .mail = mail->mail, .next = smtp->jobs};
    smtp->jobs = job;
    smtp->job_count++;
    if (!job_prepare(job, mail) || curl_multi_add_handle(smtp->multi, job->easy) != CURLM_OK) {
        mail_finish(smtp->world, mail->mail, NO_MEMORY, "the message cannot be prepared");
        job_free(job);
    }
}

/* ------------------------------------------------------------------ open and close */

enum status smtp_open(struct world *world, const char *url, struct smtp **opened,
                      struct problem *problem)
{
    if (strncmp(url, "smtp://", 7) != 0 && strncmp(url, "smtps://", 8) != 0) {
        return problem_set(problem, BAD_ARGUMENT,
                           "the mail server %s must be given as "
                           "smtp://HOST:PORT or smtps://HOST:PORT",
                           url);
    }
    struct smtp *smtp = memory_take(sizeof *smtp);
    if (smtp == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        memory_give_back(smtp);
        return problem_set(problem, NO_MEMORY, "mail by SMTP cannot be set up");
    }
    *smtp = (struct smtp){.world = world,
                          .multi = curl_multi_init(),
                          .url = memory_take(strlen(url) + 1),
                          .deadline = {.due = smtp_due, .owner = smtp}};
    if (smtp->multi == NULL || smtp->url == NULL) {
        smtp_close(smtp);
        return problem_set(problem, NO_MEMORY, "mail by SMTP cannot be set up");
    }
    memcpy(smtp->url, url, strlen(url));
    curl_multi_setopt(smtp->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(smtp->multi, CURLMOPT_SOCKETDATA, smtp);
    curl_multi_setopt(smtp->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(smtp->multi, CURLMOPT_TIMERDATA, smtp);
    curl_multi_setopt(smtp->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAIL_AT_ONCE_MAX);
    *opened = smtp;
    return OK;
}

void smtp_close(struct smtp *smtp)
{
    if (smtp == NULL) {
        return;
    }
    while (smtp->jobs != NULL) {
        job_free(smtp->jobs);
    }
    if (smtp->multi != NULL) {
        curl_multi_cleanup(smtp->multi);
    }
    while (smtp->sockets != NULL) {
        socket_forget(smtp, smtp->sockets);
    }
    loop_stop_timer(&smtp->world->loop, &smtp->deadline);
    memory_give_back(smtp->url);
    memory_give_back(smtp);
    curl_global_cleanup();
}
