/* `vouch lab`: what a person types, what is printed, and the wait for Ctrl-C. */
#include "command/lab/lab.h"
#include "command/commands.h"
#include "core/base/text.h"
#include "service/attacker/attacker.h"
#include "world/real/world.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PORT_DEFAULT = 5300, TREE_DESCRIPTORS = 16, WATCH_MS = 200, TEXT_MAX = 1 << 16 };

struct lab_arguments {
    const char *state;
    const char *root_zone;
    const char *tld_policy;
    uint64_t net, port, http_port, broken;
    bool is_fresh, is_tour;
};

static const char usage[] =
    "usage: vouch lab [OPTION]...             starts the lab and stays until Ctrl-C\n"
    "       vouch lab --tour [OPTION]...      starts it, walks through S1 to S55, ends it\n"
    "       vouch lab attack on|off|status [--state FOLDER]\n"
    "\n"
    "A root, TLD registries, a registrar, DNS providers, resolvers and an attacker, as separate\n"
    "processes of this binary on loopback addresses 127.NET.x.y. It needs no root.\n"
    "\n"
    "  --state FOLDER    where everything is kept (default: lab); a second start goes on from it\n"
    "  --fresh           forget what is there and begin anew\n"
    "  --tour            the guided tour; exit code 0 only if the evidence of every step holds\n"
    "  --break N         with --tour: withhold the evidence of step N, which must then fail\n"
    "  --net N           the second octet of every address, 0 to 255 (default: 0)\n"
    "  --port PORT       of the name servers and resolvers (default: 5300)\n"
    "  --http-port PORT  of the console and the API (default: 8080)\n"
    "  --root-zone FILE  the real root zone the lab's root is made from\n"
    "  --tld-policy FILE limits of the TLDs\n";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

/* Only what looks like a lab is ever removed. */
static int state_forget(const char *state)
{
    char marker[PATH_MAX];
    snprintf(marker, sizeof marker, "%s/lab-state", state);
    struct stat found;
    if (stat(state, &found) != 0) {
        return EXIT_DONE;
    }
    if (stat(marker, &found) != 0) {
        fprintf(stderr,
                "vouch: lab: %s is no lab's folder (it has no file lab-state); nothing was "
                "removed. Name another with --state\n",
                state);
        return EXIT_FAILED;
    }
    return nftw(state, remove_entry, TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 ? EXIT_DONE
                                                                                  : EXIT_FAILED;
}

static int state_enter(const struct lab_arguments *arguments)
{
    if (arguments->is_fresh && state_forget(arguments->state) != EXIT_DONE) {
        return EXIT_FAILED;
    }
    if ((mkdir(arguments->state, 0700) != 0 && errno != EEXIST) || chdir(arguments->state) != 0) {
        fprintf(stderr, "vouch: lab: cannot use the folder %s: %s\n", arguments->state,
                strerror(errno));
        return EXIT_FAILED;
    }
    FILE *marker = fopen("lab-state", "a");
    if (marker == NULL) {
        fprintf(stderr, "vouch: lab: cannot write in %s: %s\n", arguments->state, strerror(errno));
        return EXIT_FAILED;
    }
    fclose(marker);
    return EXIT_DONE;
}

static volatile sig_atomic_t is_ended;

static void end(int signal_number)
{
    (void)signal_number;
    is_ended = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void print_places(const struct lab *lab)
{
    struct arena arena;
    arena_open(&arena, TEXT_MAX);
    const char *password = lab_read("secrets/owner-password", &arena);
    printf("\nThe lab runs. Everything is on loopback and kept in the folder of --state.\n\n"
           "  console       http://127.%u.%s:%u/   sign in as %s, password %s\n"
           "  API           the same address, Route 53 Domains protocol; key in secrets/owner-api\n"
           "  resolvers     validating 127.%u.%s@%u, forwarding to it 127.%u.%s@%u,\n"
           "                not validating 127.%u.%s@%u\n",
           lab->net, LAB_CONSOLE, lab->http_port, LAB_OWNER_MAIL, password == NULL ? "?" : password,
           lab->net, LAB_RESOLVER, lab->port, lab->net, LAB_FORWARDER, lab->port, lab->net,
           LAB_PLAIN_RESOLVER, lab->port);
    printf("  name servers  root 127.%u.%s, com and net 127.%u.%s, org nz aq 127.%u.%s,\n"
           "                provider 127.%u.%s, another provider 127.%u.%s, all @%u\n"
           "  mailbox       mail/new, a file a mail\n"
           "  logs          log/, sockets for `vouch control` in run/\n\n",
           lab->net, LAB_ROOT_SERVER, lab->net, LAB_REGISTRY_ONE_SERVER, lab->net,
           LAB_REGISTRY_TWO_SERVER, lab->net, LAB_PROVIDER_SERVER, lab->net, LAB_OTHER_SERVER,
           lab->port);
    printf("Three things to try, in another terminal:\n"
           "  1. vouch ask @127.%u.%s@%u www.example.com A +dnssec\n"
           "     It is answered, and is not secure: no key of example.com is at the registry.\n"
           "  2. Open the console, choose example.com, Manage keys, and add the key that\n"
           "     vouch control --socket run/provider-signer.control key-list example.com\n"
           "     shows. Watch the operation, read the mail, ask again: the flag ad is there.\n"
           "  3. vouch lab attack on --state FOLDER, and ask all three resolvers for\n"
           "     www.example.com: two refuse the forgery, the one that does not validate is "
           "fooled.\n\n"
           "Ctrl-C ends it all. --tour shows S1 to S55 one by one.\n",
           lab->net, LAB_RESOLVER, lab->port);
    fflush(stdout);
    arena_close(&arena);
}

static int lab_stay(struct lab *lab)
{
    print_places(lab);
    while (!is_ended) {
        struct timespec pause = {0, WATCH_MS * 1000000L};
        nanosleep(&pause, NULL);
        if (!is_ended) {
            processes_revive(&lab->processes);
        }
    }
    printf("\nEnding the lab.\n");
    return EXIT_DONE;
}

static int lab_run(const struct lab_arguments *arguments)
{
    struct lab lab = {.net = (unsigned)arguments->net,
                      .port = (uint16_t)arguments->port,
                      .hidden_port = 5301,
                      .epp_port = 7700,
                      .http_port = (uint16_t)arguments->http_port};
    char root_zone[PATH_MAX], tld_policy[PATH_MAX];
    if (realpath(arguments->root_zone, root_zone) == NULL ||
        realpath(arguments->tld_policy, tld_policy) == NULL) {
        fprintf(stderr,
                "vouch: lab: %s or %s cannot be read: %s; name them with --root-zone and "
                "--tld-policy\n",
                arguments->root_zone, arguments->tld_policy, strerror(errno));
        return EXIT_FAILED;
    }
    lab.root_zone = root_zone;
    lab.tld_policy = tld_policy;
    if (lab.port == lab.hidden_port) {
        return command_usage_error("lab", "port %u is the lab's own; choose another",
                                   lab.hidden_port);
    }
    if (state_enter(arguments) != EXIT_DONE) {
        return EXIT_FAILED;
    }
    if (getcwd(lab.processes.folder, sizeof lab.processes.folder) == NULL) {
        fprintf(stderr, "vouch: lab: the folder's name is too long; choose a shorter --state\n");
        return EXIT_FAILED;
    }
    catch_signals();
    struct problem problem = {0};
    enum status status = lab_setup(&lab, &problem);
    status = status == OK ? lab_start(&lab, &problem) : status;
    status = status == OK ? lab_seed(&lab, &problem) : status;
    int code = EXIT_FAILED;
    if (status == OK) {
        code = arguments->is_tour ? tour_run(&lab, (unsigned)arguments->broken) : lab_stay(&lab);
    } else {
        char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX];
        fprintf(stderr, "vouch: lab: %s\n", problem_print(&problem, text, sizeof text));
    }
    processes_stop(&lab.processes);
    return code;
}

static int attack(int argc, char **argv)
{
    const char *state = "lab";
    char line[32] = "";
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--state") == 0 && i + 1 < argc) {
            state = argv[++i];
        } else if (strcmp(argv[i], "status") == 0 || strcmp(argv[i], "on") == 0 ||
                   strcmp(argv[i], "off") == 0) {
            snprintf(line, sizeof line, strcmp(argv[i], "status") == 0 ? "%s" : "attack %s",
                     argv[i]);
        } else {
            return command_usage_error("lab", "attack takes on, off or status, not %s", argv[i]);
        }
    }
    if (line[0] == '\0') {
        return command_usage_error("lab", "attack takes one of on, off, status");
    }
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run/attacker.control", state);
    struct arena arena;
    struct span text;
    struct problem problem = {0};
    arena_open(&arena, TEXT_MAX);
    enum status status = control_ask(path, line, &arena, &text, &problem);
    if (status == OK) {
        fwrite(text.bytes, 1, text.len, stdout);
    } else {
        char words[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX];
        fprintf(stderr, "vouch: lab: %s\n", problem_print(&problem, words, sizeof words));
    }
    arena_close(&arena);
    return status == OK ? EXIT_DONE : EXIT_FAILED;
}

/* `vouch lab wire NET PORT`: the network with the attacker on it, as a process of the lab. */
static int wire(int argc, char **argv)
{
    uint64_t net, port;
    if (argc != 4 || text_read_u64(span_of_text(argv[2]), 255, &net) != OK ||
        text_read_u64(span_of_text(argv[3]), UINT16_MAX, &port) != OK) {
        return command_usage_error("lab", "wire takes the lab's net and port");
    }
    struct lab lab = {.net = (unsigned)net, .port = (uint16_t)port};
    struct world *world = NULL;
    struct problem problem = {0};
    struct world_options options = {.name = "attacker", .log_level = LOG_NOTICE};
    enum status status = world_open(&options, &world, &problem);
    struct attacker_options attacker_options = {.server_count = 2,
                                                .own_ipv4 = lab_address(&lab, LAB_ATTACKER_OWN, 0)};
    attacker_options.servers[0] = lab_address(&lab, LAB_PROVIDER_DIRECT, lab.port);
    attacker_options.servers[1] = attacker_options.servers[0];
    if (address_read(SPAN_LITERAL("2001:db8::666"), 0, &attacker_options.own_ipv6) != OK) {
        return EXIT_FAILED;
    }
    struct attacker *attacker = NULL;
    if (status == OK) {
        attacker_options.log = world_log(world);
        status = attacker_open(&attacker_options, &attacker);
    }
    const char *const fronts[] = {LAB_PROVIDER_SERVER, LAB_PROVIDER_SERVER_2};
    for (size_t i = 0; i < LEN(fronts) && status == OK; i++) {
        status = world_listen_dns(world, lab_address(&lab, fronts[i], lab.port), &problem);
    }
    status = status == OK ? world_listen_control(world, "run/attacker.control", &problem) : status;
    int code = EXIT_FAILED;
    if (status == OK) {
        code = world_run(world, (struct node){attacker_handle, attacker});
    } else {
        fprintf(stderr, "vouch: lab: %s\n", problem.sentence);
    }
    attacker_close(attacker);
    world_close(world);
    return code;
}

/* One option with its value taken from the words; false when it is unknown or has no valid value.
 */
static bool argument_read(struct lab_arguments *arguments, int argc, char **argv, int *at)
{
    const struct {
        const char *name;
        uint64_t *number;
        uint64_t max;
        const char **text;
    } rows[] = {
        {"--state", NULL, 0, &arguments->state},
        {"--root-zone", NULL, 0, &arguments->root_zone},
        {"--tld-policy", NULL, 0, &arguments->tld_policy},
        {"--net", &arguments->net, 255, NULL},
        {"--port", &arguments->port, UINT16_MAX, NULL},
        {"--http-port", &arguments->http_port, UINT16_MAX, NULL},
        {"--break", &arguments->broken, 55, NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strcmp(argv[*at], rows[i].name) != 0) {
            continue;
        }
        if (*at + 1 >= argc) {
            return false;
        }
        *at += 1;
        if (rows[i].text != NULL) {
            *rows[i].text = argv[*at];
            return true;
        }
        return text_read_u64(span_of_text(argv[*at]), rows[i].max, rows[i].number) == OK;
    }
    return false;
}

static int lab_command(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "attack") == 0) {
        return attack(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], "wire") == 0) {
        return wire(argc, argv);
    }
    struct lab_arguments arguments = {.state = "lab",
                                      .root_zone = VOUCH_DATA "/root-2026073102-signed.zone",
                                      .tld_policy = VOUCH_DATA "/tld-policy",
                                      .port = PORT_DEFAULT,
                                      .http_port = 8080};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--fresh") == 0) {
            arguments.is_fresh = true;
        } else if (strcmp(argv[i], "--tour") == 0) {
            arguments.is_tour = true;
        } else if (!argument_read(&arguments, argc, argv, &i)) {
            return command_usage_error("lab",
                                       "%s is not an option here, or its value is missing "
                                       "or out of range",
                                       argv[i < argc ? i : argc - 1]);
        }
    }
    if (arguments.broken != 0 && !arguments.is_tour) {
        return command_usage_error("lab", "--break needs --tour");
    }
    return lab_run(&arguments);
}

const struct command COMMAND_LAB = {"lab", "the whole chain of trust on this machine", usage,
                                    lab_command};
