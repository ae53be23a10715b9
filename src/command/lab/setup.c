/* What the lab keeps on disk before anything starts: folders, secrets, certificates, and its files
 * from the tables of files.c. */
#include "command/lab/files.h"
#include "command/lab/lab.h"
#include "core/base/text.h"
#include "world/real/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECRET_LEN_MAX = 32, SMALL_FILE_MAX = 4096, CERTIFICATE_DAYS = 3650 };

struct address lab_address(const struct lab *lab, const char *octets, uint16_t port)
{
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    snprintf(text, sizeof text, "127.%u.%s", lab->net, octets);
    enum status status = address_read(span_of_text(text), port, &address);
    require(status == OK);
    return address;
}

char *lab_read(const char *path, struct arena *arena)
{
    struct span content;
    struct problem problem;
    if (file_read(path, SMALL_FILE_MAX, arena, &content, &problem) != OK) {
        return NULL;
    }
    while (content.len > 0 && content.bytes[content.len - 1] == '\n') {
        content.len--;
    }
    return arena_text(arena, content);
}

static void print_token(const struct lab *lab, FILE *file, const char *token, size_t len)
{
    const struct {
        const char *name;
        unsigned number;
        const char *text;
    } rows[] = {
        {"N", lab->net, NULL},          {"P", lab->port, NULL},      {"H", lab->hidden_port, NULL},
        {"E", lab->epp_port, NULL},     {"W", lab->http_port, NULL}, {"ROOT", 0, lab->root_zone},
        {"POLICY", 0, lab->tld_policy},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, token, len) == 0) {
            if (rows[i].text != NULL) {
                fputs(rows[i].text, file);
            } else {
                fprintf(file, "%u", rows[i].number);
            }
            return;
        }
    }
    fprintf(file, "{%.*s}", (int)len, token);
}

enum status lab_write(const struct lab *lab, const char *path, const char *text, unsigned mode,
                      struct problem *problem)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (file == NULL) {
        return problem_set(problem, IO_FAILED, "cannot write %s: %s", path, strerror(errno));
    }
    while (*text != '\0') {
        const char *close = *text == '{' ? strchr(text, '}') : NULL;
        if (close != NULL && close - text <= 8) {
            print_token(lab, file, text + 1, (size_t)(close - text - 1));
            text = close + 1;
        } else {
            putc(*text++, file);
        }
    }
    return fclose(file) == 0
               ? OK
               : problem_set(problem, IO_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* A new random secret in base64, unless the file is there. */
static enum status make_secret(const struct lab *lab, const struct lab_secret *secret,
                               struct problem *problem)
{
    if (exists(secret->path)) {
        return OK;
    }
    uint8_t bytes[SECRET_LEN_MAX];
    char text[2 * SECRET_LEN_MAX] = "";
    require(secret->octets <= sizeof bytes);
    if (getrandom(bytes, secret->octets, 0) != (ssize_t)secret->octets) {
        return problem_set(problem, IO_FAILED, "the kernel gives no random octets");
    }
    struct writer writer = writer_over(text, sizeof text - 2);
    text_write_base64(&writer, span_of(bytes, secret->octets));
    writer_u8(&writer, '\n');
    return lab_write(lab, secret->path, text, 0600, problem);
}

static enum status run(const char *const *arguments, struct problem *problem)
{
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int how;
    if (child < 0 || waitpid(child, &how, 0) != child || how != 0) {
        return problem_set(problem, IO_FAILED, "%s failed; is its package installed?",
                           arguments[0]);
    }
    return OK;
}

/* A P-256 key and a certificate for `name`, signed by the lab's CA; the CA itself when `name` is
 * "ca". */
static enum status make_certificate(const struct lab *lab, const char *name,
                                    struct problem *problem)
{
    char key[80], certificate[80], template[80], text[400];
    bool is_ca = strcmp(name, "ca") == 0;
    snprintf(key, sizeof key, "tls/%s.key", name);
    snprintf(certificate, sizeof certificate, "tls/%s.pem", name);
    snprintf(template, sizeof template, "tls/%s.template", name);
    if (exists(certificate)) {
        return OK;
    }
    snprintf(text, sizeof text,
             is_ca ? "cn = \"vouch lab CA\"\nca\ncert_signing_key\nexpiration_days = %d\n"
                   : "cn = \"%2$s\"\ndns_name = \"%2$s\"\ntls_www_server\ntls_www_client\n"
                     "signing_key\nexpiration_days = %1$d\n",
             CERTIFICATE_DAYS, name);
    const char *const make_key[] = {"certtool",
                                    "--generate-privkey",
                                    "--key-type=ecdsa",
                                    "--curve=secp256r1",
                                    "--no-text",
                                    "--outfile",
                                    key,
                                    NULL};
    const char *const sign_self[] = {"certtool",
                                     "--generate-self-signed",
                                     "--load-privkey",
                                     key,
                                     "--template",
                                     template,
                                     "--outfile",
                                     certificate,
                                     NULL};
    const char *const sign[] = {"certtool",
                                "--generate-certificate",
                                "--load-privkey",
                                key,
                                "--load-ca-certificate",
                                "tls/ca.pem",
                                "--load-ca-privkey",
                                "tls/ca.key",
                                "--template",
                                template,
                                "--outfile",
                                certificate,
                                NULL};
    enum status status = lab_write(lab, template, text, 0600, problem);
    status = status == OK ? run(make_key, problem) : status;
    return status == OK ? run(is_ca ? sign_self : sign, problem) : status;
}

static enum status make_folders(struct problem *problem)
{
    static const char *const folders[] = {"conf", "secrets", "tls",   "zones",
                                          "log",  "run",     "state", "mail"};
    for (size_t i = 0; i < LEN(folders); i++) {
        if (mkdir(folders[i], 0700) != 0 && errno != EEXIST) {
            return problem_set(problem, IO_FAILED, "cannot make the folder %s: %s", folders[i],
                               strerror(errno));
        }
    }
    return OK;
}

enum status lab_setup(struct lab *lab, struct problem *problem)
{
    static const char *const certificates[] = {"ca", "epp.registry-one.test",
                                               "epp.registry-two.test", "registrar.test"};
    enum status status = make_folders(problem);
    for (size_t i = 0; i < LAB_SECRETS_COUNT && status == OK; i++) {
        status = make_secret(lab, &LAB_SECRETS[i], problem);
    }
    for (size_t i = 0; i < LEN(certificates) && status == OK; i++) {
        status = make_certificate(lab, certificates[i], problem);
    }
    for (size_t i = 0; i < LAB_FILES_COUNT && status == OK; i++) {
        const struct lab_file *file = &LAB_FILES[i];
        if (!file->is_kept || !exists(file->path)) {
            status = lab_write(lab, file->path, file->text, 0600, problem);
        }
    }
    return status == OK ? lab_presign(lab, "zskonly.org.", "zones/zskonly.org.zone",
                                      "zones/zskonly.org.signed", problem)
                        : status;
}
