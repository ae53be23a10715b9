#pragma once
/* The real world: one process, one thread, epoll. It turns sockets, TLS, HTTP, mail, signals and
 * the clock into events for one service, and the service's effects into I/O. A command opens it,
 * adds what the service needs, and runs it. */
#include "core/base/entropy.h"
#include "core/base/log.h"
#include "core/base/problem.h"
#include "core/node/node.h"
#include "core/store/disk.h"
#include "core/store/records.h"

struct world;

struct world_options {
    const char *name;         /* of the service, in log lines */
    enum log_level log_level; /* the most detailed level written */
    uint16_t
        upstream_port; /* labs: asks to port 53 go to this port instead; 0: to the port they name */
    bool is_sandboxed; /* once everything is open: no other files, system calls, privileges */
    bool uses_xdp;     /* a part of root's powers is kept until the world runs */
    const char *user;  /* to become before anything is opened; NULL: the one who started it */
};
/* Every failure of these fills `problem` with a sentence that names the address, file or option and
 * what to do. */
enum status world_open(const struct world_options *options, struct world **world,
                       struct problem *problem) MUST_USE;
const struct log *world_log(struct world *world);
const struct entropy *world_entropy(struct world *world);
struct moment world_now(struct world *world);

/* Files of certificates and keys (PEM); their names live as long as the world. SIGHUP reads them
 * again, for connections opened from then on. */
struct world_tls {
    const char *certificate_file;
    const char *key_file;
    const char *ca_file;
};
#define WORLD_CA_OF_SYSTEM "" /* a `ca_file`: all that this system trusts */

/* DNS over UDP and TCP on that address; endpoints are numbered from 0 in order of calls. */
enum status world_listen_dns(struct world *world, struct address address,
                             struct problem *problem) MUST_USE;
/* DNS over TLS (RFC 7858); numbered with the others. */
enum status world_listen_tls(struct world *world, struct address address, struct world_tls tls,
                             struct problem *problem) MUST_USE;
/* DNS over HTTPS (RFC 8484), HTTP/2 alone; numbered with the others. */
struct world_https {
    struct world_tls tls;
    const char *path; /* where it is served: "/dns-query"; lives as long as the world */
    /* Seconds that an answer may be kept by HTTP caches. */
    uint32_t (*lifetime_s)(struct span answer);
};
enum status world_listen_https(struct world *world, struct address address,
                               const struct world_https *https, struct problem *problem) MUST_USE;
/* DNS over QUIC (RFC 9250) on that address and UDP; numbered with the others. */
struct world_quic {
    struct world_tls tls;
    /* May this message stand alone on a stream, as RFC 9250 has it? If not, its client goes. */
    bool (*is_fit)(struct span query);
};
enum status world_listen_quic(struct world *world, struct address address,
                              const struct world_quic *quic, struct problem *problem) MUST_USE;
/* What connections of DNS clients may cost; 0: as world_limits.h has it. Before the first listens.
 * The connections of all are never more than descriptors allow. */
struct world_stream_limits {
    uint32_t clients;
    uint32_t clients_a_peer; /* of one address; of IPv6, of one /64 */
    uint32_t idle_ms;        /* a client that is owed nothing, or does not read, is closed then */
    uint32_t message_ms; /* a message, or a TLS handshake, that has begun must end within this */
};
void world_set_stream_limits(struct world *world, struct world_stream_limits limits);
/* A server of which EFFECT_ASK over TLS can demand to be that one (RFC 9103 §9.3.1): its
 * certificate says `host_name` and is signed by `tls.ca_file`. `*index` is for the effect. */
struct world_tls_peer {
    const char *host_name;
    struct world_tls tls;
};
enum status world_add_tls_peer(struct world *world, const struct world_tls_peer *peer,
                               uint32_t *index, struct problem *problem) MUST_USE;
/* Where a listening socket really is, for port 0: the `index`-th of that kind in order of calls. */
enum world_socket {
    WORLD_SOCKET_DNS,
    WORLD_SOCKET_TLS,
    WORLD_SOCKET_HTTPS,
    WORLD_SOCKET_QUIC,
    WORLD_SOCKET_HTTP,
    WORLD_SOCKET_EPP
};
struct address world_address(const struct world *world, enum world_socket kind, size_t index);

/* HTTP; with certificate and key files (PEM) HTTPS. Their names live as long as the world; SIGHUP
 * reads them again, for connections opened from then on. */
enum status world_listen_http(struct world *world, struct address address,
                              const char *certificate_file, const char *key_file,
                              struct problem *problem) MUST_USE;
/* GET /metrics there gives the service's numbers as Prometheus reads them; the other parameters as
 * for HTTP. */
enum status world_listen_metrics(struct world *world, struct address address,
                                 const char *certificate_file, const char *key_file,
                                 struct problem *problem) MUST_USE;
/* EPP over TLS (RFC 5734); `client_ca_file` non-NULL: a client certificate signed by it is
 * demanded. */
enum status world_listen_epp(struct world *world, struct address address, struct world_tls tls,
                             struct problem *problem) MUST_USE;
/* A name for EFFECT_EPP_OPEN: where it leads, our certificate, the CA that must have signed theirs,
 * the host name expected in it. */
enum status world_add_epp_server(struct world *world, const char *name, struct address address,
                                 const char *host_name, struct world_tls tls,
                                 struct problem *problem) MUST_USE;
/* EFFECT_MAIL into a Maildir (new/, one file a Message-ID, never twice), or to an SMTP server
 * "smtp://HOST:PORT". */
enum status world_mail_to_maildir(struct world *world, const char *folder,
                                  struct problem *problem) MUST_USE;
enum status world_mail_to_smtp(struct world *world, const char *url,
                               struct problem *problem) MUST_USE;
/* The operator's socket: mode 0600, peer credentials checked (same user or root). */
enum status world_listen_control(struct world *world, const char *path,
                                 struct problem *problem) MUST_USE;
/* Files below `folder` (made when missing, mode 0700), locked against a second process. Lives as
 * long as the world. */
enum status world_disk(struct world *world, const char *folder, struct disk *disk,
                       struct problem *problem) MUST_USE;
/* A database "sqlite:PATH". Lives as long as the world. */
enum status world_records(struct world *world, const char *url, struct records *records,
                          struct problem *problem) MUST_USE;
/* What is opened here is kept in the sandbox too. What the service's callbacks read later is told
 * before world_run: the folder of a file and the one that it really stands in, or a folder with all
 * below it. NULL is no file. */
void world_keep_file(struct world *world, const char *path, bool is_written);
void world_keep_tls(struct world *world, struct world_tls files);
void world_keep_folder(struct world *world, const char *path, bool is_written);
/* A library has files that nobody here knows. */
void world_keep_all_files(struct world *world);
/* Delivers EVENT_START, writes "vouch NAME: ready" to stderr and tells the service manager
 * (sd_notify), then delivers events until SIGTERM or SIGINT; SIGHUP is EVENT_RELOAD. At the end
 * nothing new is taken, EVENT_STOP is delivered, and what was answered still leaves, for some
 * seconds at most. Returns the exit code. */
int world_run(struct world *world, struct node node);
void world_close(struct world *world); /* NULL is fine */

/* For commands that ask once and wait: one line to a control socket, the answer's text in `arena`.
 * REFUSED when the answer was a failure. */
enum status control_ask(const char *path, const char *line, struct arena *arena, struct span *text,
                        struct problem *problem) MUST_USE;
/* A blocking DNS exchange for command line tools. */
enum dns_way {
    DNS_BY_UDP, /* then TCP, when the answer was cut */
    DNS_BY_TCP,
    DNS_BY_TLS,        /* RFC 7858 */
    DNS_BY_HTTPS_POST, /* RFC 8484 */
    DNS_BY_HTTPS_GET,
    DNS_BY_QUIC, /* RFC 9250 */
};
struct dns_server {
    struct address address;
    enum dns_way way;
    uint32_t timeout_ms;
    const char *ca_file; /* has signed its certificate: a file, or WORLD_CA_OF_SYSTEM; NULL: it need
                            not prove who it is */
    const char *host_name; /* that its certificate says; NULL: any */
    const char *path;      /* of HTTPS: "/dns-query" */
};
const char *dns_way_name(enum dns_way way); /* "UDP" */
enum status dns_ask(const struct dns_server *server, struct span query, struct arena *arena,
                    struct span *answer, struct problem *problem) MUST_USE;
/* A whole file, or standard input for "-"; for commands. */
enum status file_read(const char *path, size_t size_max, struct arena *arena, struct span *content,
                      struct problem *problem) MUST_USE;
/* The same with what the file was right before it was read, as file_state says it. */
struct file_content {
    struct span text;
    uint64_t state;
};
enum status file_read_seen(const char *path, size_t size_max, struct arena *arena,
                           struct file_content *content, struct problem *problem) MUST_USE;
/* What the file is: another number when another file has its place, or it was written to. 0 where
 * that cannot be told: it is not there, or changed so lately that another change might not show. */
uint64_t file_state(const char *path);
/* A folder with those above it that are missing, each readable by the owner alone. */
enum status file_make_folder(const char *path, struct problem *problem) MUST_USE;
