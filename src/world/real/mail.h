#pragma once
/* What mail.c and the two ways of delivery know of each other. */
#include "world/real/inside.h"

struct maildir;
struct smtp;

/* OK: the message stands in new/ (or did before); IO_FAILED: try again later. */
enum status maildir_open(const char *folder, struct maildir **maildir,
                         struct problem *problem) MUST_USE;
enum status maildir_deliver(struct maildir *maildir, const struct effect_mail *mail,
                            char reply[MAIL_REPLY_MAX]) MUST_USE;
void maildir_close(struct maildir *maildir);

enum status smtp_open(struct world *world, const char *url, struct smtp **smtp,
                      struct problem *problem) MUST_USE;
/* Begins; the outcome is told by mail_finish. */
void smtp_deliver(struct smtp *smtp, const struct effect_mail *mail);
void smtp_close(struct smtp *smtp);

/* Tells the service; may be called while an effect is carried out, the event comes later. */
void mail_finish(struct world *world, uint64_t mail, enum status outcome, const char *reply);
