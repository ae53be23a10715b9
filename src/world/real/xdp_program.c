/* The program that picks our questions from all that an interface receives, as instructions of the
 * kernel's machine (RFC 9669), and the system calls that hand it over. It is so short that it is
 * written here, with our addresses as constants, and no compiler or loader is needed for it. */
#include "world/real/xdp_program.h"

#include "world/real/world_limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the interface */

static bool port_ask(int fd, const char *name, unsigned long call, struct ifreq *request)
{
    memcpy(request->ifr_name, name, strlen(name) + 1);
    return ioctl(fd, call, request) == 0;
}

/* Those that receive; a driver that does not tell has one. */
static unsigned queues_of(int fd, const char *name)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (char *)&channels};
    bool is_told = port_ask(fd, name, SIOCETHTOOL, &request);
    unsigned count = is_told ? channels.rx_count + channels.combined_count : 0;
    return count == 0 ? 1 : count;
}

enum status xdp_port_find(const char *name, struct xdp_port *port, struct problem *problem)
{
    *port = (struct xdp_port){.index = strlen(name) < IFNAMSIZ ? if_nametoindex(name) : 0};
    if (port->index == 0) {
        return problem_set(problem, NOT_FOUND,
                           "there is no interface %.50s (`ip link` shows which there are)", name);
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return problem_set(problem, IO_FAILED, "cannot ask about the interface %s: %s", name,
                           strerror(errno));
    }
    struct ifreq hardware = {0};
    struct ifreq size = {0};
    bool is_ethernet = port_ask(fd, name, SIOCGIFHWADDR, &hardware) &&
                       port_ask(fd, name, SIOCGIFMTU, &size) && size.ifr_mtu > 0 &&
                       hardware.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    if (is_ethernet) {
        memcpy(port->mac, hardware.ifr_hwaddr.sa_data, sizeof port->mac);
        port->mtu = (unsigned)size.ifr_mtu;
        port->queue_count = queues_of(fd, name);
    }
    close(fd);
    return is_ethernet ? OK
                       : problem_set(problem, UNSUPPORTED,
                                     "the interface %s is no Ethernet, which AF_XDP needs", name);
}

/* ------------------------------------------------------------------ the instructions */

/* What is kept where. Those below 6 are lost in a call; none is called before the end. */
enum {
    REGISTER_RESULT = BPF_REG_0,
    REGISTER_FRAME = BPF_REG_2, /* where it begins */
    REGISTER_END = BPF_REG_3,   /* and ends */
    REGISTER_LIMIT = BPF_REG_4,
    REGISTER_VALUE = BPF_REG_5,
    REGISTER_CONTEXT = BPF_REG_6,
    REGISTER_ASKED = BPF_REG_7, /* of IPv6, only the first of its four words */
    REGISTER_PORT = BPF_REG_0,
};

enum label { LABEL_NONE, LABEL_IPV6, LABEL_TAKE, LABEL_PASS, LABEL_COUNT };

enum {
    INSTRUCTIONS_A_ADDRESS = 5,
    INSTRUCTIONS_MAX = 64 + INSTRUCTIONS_A_ADDRESS * ENDPOINTS_MAX,
    /* Octets from the beginning of the frame. */
    AT_MAC = 0,
    AT_TYPE = 12,
    AT_IP = 14,
    AT_IPV4_FRAGMENT = AT_IP + 6,
    AT_IPV4_PROTOCOL = AT_IP + 9,
    AT_IPV4_ASKED = AT_IP + 16,
    AT_IPV4_PORT = AT_IP + 20 + 2,
    AT_IPV4_MESSAGE = AT_IP + 20 + 8,
    AT_IPV6_PROTOCOL = AT_IP + 6,
    AT_IPV6_ASKED = AT_IP + 24,
    AT_IPV6_PORT = AT_IP + 40 + 2,
    AT_IPV6_MESSAGE = AT_IP + 40 + 8,
    IPV4_VERSION_AND_LEN = 0x45,
    WORDS_OF_IPV6 = 4,
};

struct draft {
    struct bpf_insn all[INSTRUCTIONS_MAX];
    enum label targets[INSTRUCTIONS_MAX]; /* of jumps to what is not written yet */
    size_t places[LABEL_COUNT];
    size_t count;
};

static void add(struct draft *draft, struct bpf_insn instruction)
{
    require(draft->count < INSTRUCTIONS_MAX);
    draft->all[draft->count++] = instruction;
}

/* `to` = the `size` (BPF_B, BPF_H, BPF_W) at `from` + `at`, its octets as they stand there. */
static void add_load(struct draft *draft, uint8_t size, uint8_t to, uint8_t from, int at)
{
    add(draft, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | size,
                                 .dst_reg = to & 0xfU,
                                 .src_reg = from & 0xfU,
                                 .off = (int16_t)at});
}

static void add_move(struct draft *draft, uint8_t to, uint8_t from)
{
    add(draft, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
                                 .dst_reg = to & 0xfU,
                                 .src_reg = from & 0xfU});
}

/* BPF_MOV, BPF_ADD, BPF_AND with a constant. */
static void add_number(struct draft *draft, uint8_t operation, uint8_t to, int32_t number)
{
    add(draft, (struct bpf_insn){
                   .code = BPF_ALU64 | BPF_K | operation, .dst_reg = to & 0xfU, .imm = number});
}

/* If the lower half of the register has that relation (BPF_JEQ, BPF_JNE) to the number. */
static void add_jump(struct draft *draft, uint8_t relation, uint8_t of, uint32_t number,
                     enum label target)
{
    draft->targets[draft->count] = target;
    add(draft, (struct bpf_insn){.code = BPF_JMP32 | BPF_K | relation,
                                 .dst_reg = of & 0xfU,
                                 .imm = (int32_t)number});
}

/* The same, over the next `skipped` instructions. */
static void add_skip(struct draft *draft, uint8_t of, uint32_t unless, size_t skipped)
{
    add_jump(draft, BPF_JNE, of, unless, LABEL_NONE);
    draft->all[draft->count - 1].off = (int16_t)skipped;
}

/* To LABEL_PASS where that many octets go beyond the end of the frame (BPF_JGT), or do not
 * (BPF_JLE). */
static void add_length(struct draft *draft, uint8_t relation, size_t len)
{
    add_move(draft, REGISTER_LIMIT, REGISTER_FRAME);
    add_number(draft, BPF_ADD, REGISTER_LIMIT, (int32_t)len);
    draft->targets[draft->count] = LABEL_PASS;
    add(draft, (struct bpf_insn){.code = BPF_JMP | BPF_X | relation,
                                 .dst_reg = REGISTER_LIMIT,
                                 .src_reg = REGISTER_END});
}

static void place(struct draft *draft, enum label label)
{
    draft->places[label] = draft->count;
}

static uint32_t word_of(const uint8_t *octets)
{
    uint32_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

static uint16_t half_of(const uint8_t *octets)
{
    uint16_t half;
    memcpy(&half, octets, sizeof half);
    return half;
}

/* A whole frame that is meant for our interface; shorter than what a socket has room for. */
static void add_ethernet(struct draft *draft, const struct xdp_port *port)
{
    add_move(draft, REGISTER_CONTEXT, BPF_REG_1);
    add_load(draft, BPF_W, REGISTER_FRAME, REGISTER_CONTEXT, offsetof(struct xdp_md, data));
    add_load(draft, BPF_W, REGISTER_END, REGISTER_CONTEXT, offsetof(struct xdp_md, data_end));
    add_length(draft, BPF_JLE, XDP_FRAME_LEN_MAX + 1);
    add_length(draft, BPF_JGT, AT_IPV4_MESSAGE);
    add_load(draft, BPF_W, REGISTER_VALUE, REGISTER_FRAME, AT_MAC);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, word_of(port->mac), LABEL_PASS);
    add_load(draft, BPF_H, REGISTER_VALUE, REGISTER_FRAME, AT_MAC + 4);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, half_of(port->mac + 4), LABEL_PASS);
    add_load(draft, BPF_H, REGISTER_VALUE, REGISTER_FRAME, AT_TYPE);
    add_jump(draft, BPF_JEQ, REGISTER_VALUE, htons(ETHERTYPE_IPV6), LABEL_IPV6);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, htons(ETHERTYPE_IP), LABEL_PASS);
}

static void add_ipv4(struct draft *draft, const struct address *addresses, size_t count)
{
    add_load(draft, BPF_B, REGISTER_VALUE, REGISTER_FRAME, AT_IP);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, IPV4_VERSION_AND_LEN, LABEL_PASS);
    add_load(draft, BPF_H, REGISTER_VALUE, REGISTER_FRAME, AT_IPV4_FRAGMENT);
    add_number(draft, BPF_AND, REGISTER_VALUE, htons(IP_MF | IP_OFFMASK));
    add_jump(draft, BPF_JNE, REGISTER_VALUE, 0, LABEL_PASS);
    add_load(draft, BPF_B, REGISTER_VALUE, REGISTER_FRAME, AT_IPV4_PROTOCOL);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, IPPROTO_UDP, LABEL_PASS);
    add_load(draft, BPF_W, REGISTER_ASKED, REGISTER_FRAME, AT_IPV4_ASKED);
    add_load(draft, BPF_H, REGISTER_PORT, REGISTER_FRAME, AT_IPV4_PORT);
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].family == ADDRESS_IPV4) {
            add_skip(draft, REGISTER_ASKED, word_of(addresses[i].octets), 1);
            add_jump(draft, BPF_JEQ, REGISTER_PORT, htons(addresses[i].port), LABEL_TAKE);
        }
    }
    draft->targets[draft->count] = LABEL_PASS;
    add(draft, (struct bpf_insn){.code = BPF_JMP | BPF_JA});
}

static void add_ipv6(struct draft *draft, const struct address *addresses, size_t count)
{
    static const uint8_t parts[WORDS_OF_IPV6] = {REGISTER_ASKED, BPF_REG_8, BPF_REG_9,
                                                 REGISTER_VALUE};
    place(draft, LABEL_IPV6);
    add_length(draft, BPF_JGT, AT_IPV6_MESSAGE);
    add_load(draft, BPF_B, REGISTER_VALUE, REGISTER_FRAME, AT_IPV6_PROTOCOL);
    add_jump(draft, BPF_JNE, REGISTER_VALUE, IPPROTO_UDP, LABEL_PASS);
    for (int i = 0; i < WORDS_OF_IPV6; i++) {
        add_load(draft, BPF_W, parts[i], REGISTER_FRAME, AT_IPV6_ASKED + 4 * i);
    }
    add_load(draft, BPF_H, REGISTER_PORT, REGISTER_FRAME, AT_IPV6_PORT);
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].family == ADDRESS_IPV6) {
            for (size_t at = 0; at < WORDS_OF_IPV6; at++) {
                add_skip(draft, parts[at], word_of(addresses[i].octets + 4 * at),
                         WORDS_OF_IPV6 - at);
            }
            add_jump(draft, BPF_JEQ, REGISTER_PORT, htons(addresses[i].port), LABEL_TAKE);
        }
    }
}

/* The end of both: pass, or to the socket of the queue, and pass where that has none. */
static void add_ends(struct draft *draft, int sockets)
{
    const struct bpf_insn leave = {.code = BPF_JMP | BPF_EXIT};
    place(draft, LABEL_PASS);
    add_number(draft, BPF_MOV, REGISTER_RESULT, XDP_PASS);
    add(draft, leave);
    place(draft, LABEL_TAKE);
    add(draft, (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM,
                                 .dst_reg = BPF_REG_1,
                                 .src_reg = BPF_PSEUDO_MAP_FD,
                                 .imm = sockets});
    add(draft, (struct bpf_insn){0}); /* its upper half */
    add_load(draft, BPF_W, BPF_REG_2, REGISTER_CONTEXT, offsetof(struct xdp_md, rx_queue_index));
    add_number(draft, BPF_MOV, BPF_REG_3, XDP_PASS);
    add(draft, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map});
    add(draft, leave);
}

static void resolve(struct draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->targets[i] != LABEL_NONE) {
            draft->all[i].off = (int16_t)(draft->places[draft->targets[i]] - i - 1);
        }
    }
}

/* ------------------------------------------------------------------ the kernel */

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int map_open(unsigned queue_count)
{
    union bpf_attr attributes = {0};
    attributes.map_type = BPF_MAP_TYPE_XSKMAP;
    attributes.key_size = sizeof(uint32_t);
    attributes.value_size = sizeof(int);
    attributes.max_entries = queue_count;
    return bpf(BPF_MAP_CREATE, &attributes);
}

static int program_load(const struct draft *draft)
{
    union bpf_attr attributes = {0};
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.expected_attach_type = BPF_XDP;
    attributes.insns = (uintptr_t)draft->all;
    attributes.insn_cnt = (uint32_t)draft->count;
    attributes.license = (uintptr_t) "BSD-2-Clause";
    return bpf(BPF_PROG_LOAD, &attributes);
}

enum status xdp_program_open(const struct xdp_port *port, const struct address *addresses,
                             size_t count, struct xdp_program *program)
{
    struct draft draft = {0};
    *program = (struct xdp_program){.program = -1, .link = -1};
    program->sockets = map_open(port->queue_count);
    if (program->sockets < 0) {
        return IO_FAILED;
    }
    add_ethernet(&draft, port);
    add_ipv4(&draft, addresses, count);
    add_ipv6(&draft, addresses, count);
    add_ends(&draft, program->sockets);
    resolve(&draft);
    program->program = program_load(&draft);
    if (program->program < 0) {
        xdp_program_close(program);
        return IO_FAILED;
    }
    return OK;
}

enum status xdp_program_add(const struct xdp_program *program, unsigned queue, int socket)
{
    union bpf_attr attributes = {0};
    attributes.map_fd = (uint32_t)program->sockets;
    attributes.key = (uintptr_t)&queue;
    attributes.value = (uintptr_t)&socket;
    return bpf(BPF_MAP_UPDATE_ELEM, &attributes) == 0 ? OK : IO_FAILED;
}

/* In the driver, or, where it cannot, behind it; in neither where another program is (EBUSY). */
enum status xdp_program_link(struct xdp_program *program, const struct xdp_port *port)
{
    static const uint32_t PLACES[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
    errno = 0;
    for (size_t i = 0; i < LEN(PLACES) && program->link < 0 && errno != EBUSY; i++) {
        union bpf_attr attributes = {0};
        attributes.link_create.prog_fd = (uint32_t)program->program;
        attributes.link_create.target_ifindex = port->index;
        attributes.link_create.attach_type = BPF_XDP;
        attributes.link_create.flags = PLACES[i];
        program->link = bpf(BPF_LINK_CREATE, &attributes);
    }
    return program->link < 0 ? IO_FAILED : OK;
}

void xdp_program_close(struct xdp_program *program)
{
    int saved = errno;
    const int all[] = {program->link, program->program, program->sockets};
    for (size_t i = 0; i < LEN(all); i++) {
        if (all[i] >= 0) {
            close(all[i]);
        }
    }
    *program = (struct xdp_program){-1, -1, -1};
    errno = saved;
}
