/* The kernel's Landlock by its three system calls: what each of its versions can hold back, and
 * which files of the system libraries need. */
#include "world/real/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the versions behind the headers of the build. */
enum { ACCESS_TRUNCATE_BIT = 14, ACCESS_DEVICE_BIT = 15 };

static const uint64_t TRUNCATE = (uint64_t)1 << ACCESS_TRUNCATE_BIT;
static const uint64_t READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                              LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                              LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                              LANDLOCK_ACCESS_FS_REFER | (uint64_t)1 << ACCESS_TRUNCATE_BIT;

/* All that the first version of Landlock holds back, to the last bit of its list. */
static const uint64_t FIRST_ALL = ((uint64_t)LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

/* What each version added. */
static const struct {
    int version;
    uint64_t access;
} ADDED[] = {
    {2, LANDLOCK_ACCESS_FS_REFER},
    {3, (uint64_t)1 << ACCESS_TRUNCATE_BIT},
    {5, (uint64_t)1 << ACCESS_DEVICE_BIT},
};

/* The resolver of the C library and its modules, CA certificates, time zones, randomness. */
static const char *const SYSTEM[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/gnutls",
    "/etc/ld.so.cache",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/dns",
    "/run/systemd/resolve",
    "/dev/urandom",
    "/dev/random",
    "/dev/null",
    "/sys/devices/system/cpu",
    "/proc/sys/kernel/random",
};

static uint64_t access_of_version(long version)
{
    uint64_t access = FIRST_ALL;
    for (size_t i = 0; i < LEN(ADDED); i++) {
        access |= version >= ADDED[i].version ? ADDED[i].access : 0;
    }
    return access;
}

static bool allow(int rules, const char *path, uint64_t access)
{
    struct stat found;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    }
    bool is_done = fstat(fd, &found) == 0;
    if (is_done && !S_ISDIR(found.st_mode)) {
        access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE;
    }
    struct landlock_path_beneath_attr place = {.allowed_access = access, .parent_fd = fd};
    is_done = is_done &&
              syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &place, 0) == 0;
    close(fd);
    return is_done;
}

static bool allow_all(int rules, const struct privilege_place *places, size_t count, uint64_t known)
{
    for (size_t i = 0; i < LEN(SYSTEM); i++) {
        if (!allow(rules, SYSTEM[i], READ & known)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t access = places[i].is_written ? READ | WRITE : READ;
        if (!allow(rules, places[i].path, access & known)) {
            return false;
        }
    }
    return true;
}

enum status privilege_drop_files(const struct privilege_place *places, size_t count,
                                 struct problem *problem)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        return problem_set(problem, UNSUPPORTED,
                           "this kernel has no Landlock: files outside the service's folders are "
                           "kept from it by their owners and modes alone");
    }
    uint64_t known = access_of_version(version);
    const struct landlock_ruleset_attr handled = {.handled_access_fs = known};
    int rules =
        (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0);
    bool is_done = rules >= 0 && allow_all(rules, places, count, known) &&
                   syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    int error = errno;
    if (rules >= 0) {
        close(rules);
    }
    return is_done ? OK
                   : problem_set(problem, REFUSED, "the sandbox (Landlock) cannot be entered: %s",
                                 strerror(error));
}
