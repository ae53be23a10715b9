/* Which way mail goes, and telling the service what became of it. */
#include "world/real/mail.h"

#include <stdio.h>
#include <string.h>

struct mail {
    struct world *world;
    struct maildir *maildir;
    struct smtp *smtp;
    struct mail_outcome *first; /* to be told, in order */
    struct mail_outcome *last;
    struct timer tell;
};

struct mail_outcome {
    uint64_t mail;
    enum status outcome;
    char reply[MAIL_REPLY_MAX];
    struct mail_outcome *next;
};

static void mail_tell(void *owner)
{
    struct mail *mail = owner;
    while (mail->first != NULL) {
        struct mail_outcome *told = mail->first;
        mail->first = told->next;
        mail->last = mail->first == NULL ? NULL : mail->last;
        struct event event = {.kind = EVENT_MAIL,
                              .mail = {.mail = told->mail,
                                       .outcome = told->outcome,
                                       .reply = span_of_text(told->reply)}};
        world_deliver(mail->world, &event);
        memory_give_back(told);
    }
}

void mail_finish(struct world *world, uint64_t number, enum status outcome, const char *reply)
{
    struct mail *mail = world->mail;
    struct mail_outcome *told = memory_take(sizeof *told);
    require(told != NULL); /* without it the service would wait for ever */
    *told = (struct mail_outcome){.mail = number, .outcome = outcome};
    snprintf(told->reply, sizeof told->reply, "%s", reply);
    *(mail->last == NULL ? &mail->first : &mail->last->next) = told;
    mail->last = told;
    loop_set_timer(&world->loop, &mail->tell, 0);
}

/* Bare addresses, as they go into a protocol of lines. */
static bool address_is_bare(struct span address)
{
    bool has_at = false;
    for (size_t i = 0; i < address.len; i++) {
        uint8_t octet = address.bytes[i];
        if (octet <= 0x20 || octet == 0x7f || octet == '<' || octet == '>') {
            return false;
        }
        has_at = has_at || octet == '@';
    }
    return has_at && address.len <= 254; /* RFC 5321 §4.5.3.1.3 */
}

void mail_deliver(struct world *world, const struct effect_mail *effect)
{
    struct mail *mail = world->mail;
    require(mail != NULL); /* the command says where mail goes before it runs such a service */
    if (!address_is_bare(effect->recipient) || !address_is_bare(effect->sender)) {
        mail_finish(world, effect->mail, REFUSED, "this is not an address");
    } else if (mail->maildir != NULL) {
        char reply[MAIL_REPLY_MAX] = "";
        enum status outcome = maildir_deliver(mail->maildir, effect, reply);
        mail_finish(world, effect->mail, outcome, reply);
    } else {
        smtp_deliver(mail->smtp, effect);
    }
}

static enum status mail_open(struct world *world, struct problem *problem)
{
    require(world->mail == NULL);
    struct mail *mail = memory_take(sizeof *mail);
    if (mail == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for mail");
    }
    *mail = (struct mail){.world = world, .tell = {.due = mail_tell, .owner = mail}};
    world->mail = mail;
    return OK;
}

enum status world_mail_to_maildir(struct world *world, const char *folder, struct problem *problem)
{
    enum status status = mail_open(world, problem);
    status = status != OK ? status : maildir_open(folder, &world->mail->maildir, problem);
    if (status == OK) {
        world_keep_folder(world, folder, true);
    }
    return status;
}

enum status world_mail_to_smtp(struct world *world, const char *url, struct problem *problem)
{
    enum status status = mail_open(world, problem);
    return status != OK ? status : smtp_open(world, url, &world->mail->smtp, problem);
}

void mail_close(struct world *world)
{
    struct mail *mail = world->mail;
    if (mail == NULL) {
        return;
    }
    smtp_close(mail->smtp);
    maildir_close(mail->maildir);
    while (mail->first != NULL) {
        struct mail_outcome *told = mail->first;
        mail->first = told->next;
        memory_give_back(told);
    }
    loop_stop_timer(&world->loop, &mail->tell);
    memory_give_back(mail);
    world->mail = NULL;
}
