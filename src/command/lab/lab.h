#pragma once
/* The lab: a root, four registries' TLDs and one without DNSSEC, a registrar, two DNS providers,
 * resolvers and an attacker, as separate processes of this one binary on loopback addresses
 * 127.NET.x.y. */
#include "command/lab/process.h"
#include "core/base/address.h"
#include "core/base/arena.h"

struct lab {
    struct processes processes;
    unsigned net;         /* the second octet of every address */
    uint16_t port;        /* of the name servers and resolvers */
    uint16_t hidden_port; /* between registry, signer and auth */
    uint16_t epp_port;
    uint16_t http_port;
    const char *root_zone;  /* the real root zone's file, absolute */
    const char *tld_policy; /* the policy file, absolute */
    /* Arguments of the processes, which may be started again. */
    char config_paths[PROCESSES_MAX][64];
    char port_text[8], net_text[8];
};

/* Who listens where: the last two octets behind 127.NET. The port is the lab's. */
#define LAB_ROOT_SERVER "1.10"
#define LAB_REGISTRY_ONE_SERVER "2.10" /* com, net */
#define LAB_REGISTRY_TWO_SERVER "3.10" /* org, nz, aq */
#define LAB_PROVIDER_SERVER "4.1"      /* as the world sees it: behind the attacker */
#define LAB_PROVIDER_SERVER_2 "4.2"
#define LAB_PROVIDER_DIRECT "4.101" /* the server itself */
#define LAB_OTHER_SERVER "6.1"      /* a provider that is not ours */
#define LAB_RESOLVER "5.1"          /* validates, with a cache */
#define LAB_FORWARDER "5.2"         /* forwards to it, and validates too */
#define LAB_PLAIN_RESOLVER "5.3"    /* does not validate */
#define LAB_CONSOLE "0.1"
#define LAB_ATTACKER_OWN "66.66" /* what forged answers say */

#define LAB_OWNER_MAIL "owner@example.test"
#define LAB_STRANGER_MAIL "stranger@example.test" /* a second account, to be kept out */

struct address lab_address(const struct lab *lab, const char *octets, uint16_t port);

/* Folders, secrets, certificates, zone files and configurations below STATE (the current folder);
 * what exists stays. */
enum status lab_setup(struct lab *lab, struct problem *problem) MUST_USE;
/* A file below STATE from a template: {N} {P} {H} {E} {W} {ROOT} {POLICY} become what the lab has.
 */
enum status lab_write(const struct lab *lab, const char *path, const char *text, unsigned mode,
                      struct problem *problem) MUST_USE;
/* Starts every process in order and awaits them: registries, TLD servers, the root made from their
 * keys, the rest. */
enum status lab_start(struct lab *lab, struct problem *problem) MUST_USE;
/* The root zone's file from the real root and the TLDs' published keys; needs the TLD servers. */
enum status lab_make_root(const struct lab *lab, struct problem *problem) MUST_USE;
/* Awaits the DNSKEY set of a zone at a server and writes its SEP keys as a trust anchor file. */
enum status lab_make_anchor(const struct lab *lab, const char *server, const char *zone,
                            const char *path, struct problem *problem) MUST_USE;
/* The zone file `from` signed into `to` by one key with flags 256. */
enum status lab_presign(const struct lab *lab, const char *apex, const char *from, const char *to,
                        struct problem *problem) MUST_USE;
/* Accounts and domains, through the registrar's control socket; what exists stays. */
enum status lab_seed(const struct lab *lab, struct problem *problem) MUST_USE;
/* A small file below STATE, without its newline; NULL when it is not there. */
char *lab_read(const char *path, struct arena *arena);

/* The guided tour through S1 to S55 in a running lab; `broken` is the step whose evidence is
 * withheld, 0 for none. Returns an exit code. */
int tour_run(struct lab *lab, unsigned broken);
