/* The schema, as scripts that are applied in order and never changed afterwards. */
#include "service/registrar/schema.h"

static const char script_1[] =
    "CREATE TABLE account (id BIGINT PRIMARY KEY, email TEXT NOT NULL UNIQUE,\n"
    "  password TEXT NOT NULL, created_s BIGINT NOT NULL);\n"
    /* Of sessions and tokens only digests are kept: a copy of the records signs nobody in. */
    "CREATE TABLE session (digest TEXT PRIMARY KEY, account BIGINT NOT NULL,\n"
    "  created_s BIGINT NOT NULL, seen_s BIGINT NOT NULL);\n"
    "CREATE TABLE token (digest TEXT PRIMARY KEY, account BIGINT NOT NULL,\n"
    "  created_s BIGINT NOT NULL);\n"
    /* Signature V4 needs the secret itself on both sides. */
    "CREATE TABLE access_key (id TEXT PRIMARY KEY, secret TEXT NOT NULL,\n"
    "  account BIGINT NOT NULL, created_s BIGINT NOT NULL);\n"
    "CREATE TABLE domain (name TEXT PRIMARY KEY, account BIGINT NOT NULL,\n"
    "  created_s BIGINT NOT NULL, expires_s BIGINT NOT NULL, ds_ttl_s BIGINT NOT NULL,\n"
    "  chain BIGINT NOT NULL, chain_s BIGINT NOT NULL);\n"
    "CREATE INDEX domain_account ON domain (account, name);\n"
    "CREATE TABLE domain_hosts (domain TEXT PRIMARY KEY, hosts TEXT NOT NULL);\n"
    "CREATE TABLE domain_key (domain TEXT NOT NULL, id TEXT NOT NULL, flags BIGINT NOT NULL,\n"
    "  algorithm BIGINT NOT NULL, public_key TEXT NOT NULL, added_s BIGINT NOT NULL,\n"
    "  PRIMARY KEY (domain, id));\n"
    "CREATE TABLE operation (id TEXT PRIMARY KEY, domain TEXT NOT NULL, account BIGINT NOT NULL,\n"
    "  registry TEXT NOT NULL, type BIGINT NOT NULL, state BIGINT NOT NULL,\n"
    "  is_open BIGINT NOT NULL, channel TEXT NOT NULL, flags BIGINT NOT NULL,\n"
    "  algorithm BIGINT NOT NULL, public_key TEXT NOT NULL, hosts TEXT NOT NULL,\n"
    "  reason TEXT NOT NULL, evidence TEXT NOT NULL, attempts BIGINT NOT NULL,\n"
    "  submitted_s BIGINT NOT NULL, updated_s BIGINT NOT NULL, due_s BIGINT NOT NULL,\n"
    "  watch BIGINT NOT NULL, looks BIGINT NOT NULL, seen_s BIGINT NOT NULL,\n"
    "  validated_s BIGINT NOT NULL, is_due BIGINT NOT NULL);\n"
    /* One pending operation a domain, whatever the channel (S38, S51): the database itself says
     * no to the second. */
    "CREATE UNIQUE INDEX operation_open ON operation (domain) WHERE is_open = 1;\n"
    "CREATE INDEX operation_due ON operation (due_s) WHERE is_due = 1;\n"
    "CREATE INDEX operation_account ON operation (account, submitted_s);\n"
    "CREATE TABLE mail (id BIGINT PRIMARY KEY, operation TEXT NOT NULL UNIQUE,\n"
    "  recipient TEXT NOT NULL, message_id TEXT NOT NULL, message TEXT NOT NULL,\n"
    "  state BIGINT NOT NULL, attempts BIGINT NOT NULL, due_s BIGINT NOT NULL,\n"
    "  queued_s BIGINT NOT NULL, closed_s BIGINT NOT NULL, reply TEXT NOT NULL);\n"
    "CREATE INDEX mail_due ON mail (state, due_s);\n";

/* Requests that were refused at once are kept as operations too, with what was given as lines. */
static const char script_2[] =
    "ALTER TABLE operation ADD COLUMN is_refused BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE operation ADD COLUMN given TEXT NOT NULL DEFAULT '';\n";

/* The vigil over chains of trust: a domain that is not looked at has look_due_s 0. */
static const char script_3[] =
    "ALTER TABLE domain ADD COLUMN chain_reason TEXT NOT NULL DEFAULT '';\n"
    "ALTER TABLE domain ADD COLUMN vigil BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE domain ADD COLUMN vigil_s BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE domain ADD COLUMN look_due_s BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE domain ADD COLUMN changed_s BIGINT NOT NULL DEFAULT 0;\n"
    "UPDATE domain SET look_due_s = 1, vigil = CASE WHEN chain = 1 THEN 1 ELSE 0 END\n"
    "  WHERE EXISTS (SELECT 1 FROM domain_key k WHERE k.domain = domain.name);\n"
    "CREATE INDEX domain_look ON domain (look_due_s) WHERE look_due_s > 0;\n";

/* The two halves of a token know each other; those of before are matched by their time. */
static const char script_4[] =
    "ALTER TABLE access_key ADD COLUMN label TEXT NOT NULL DEFAULT '';\n"
    "ALTER TABLE access_key ADD COLUMN used_s BIGINT NOT NULL DEFAULT 0;\n"
    "ALTER TABLE token ADD COLUMN access_key TEXT NOT NULL DEFAULT '';\n"
    "UPDATE token SET access_key = COALESCE((SELECT MIN(k.id) FROM access_key k\n"
    "  WHERE k.account = token.account AND k.created_s = token.created_s), '');\n"
    "CREATE INDEX token_access_key ON token (access_key);\n"
    "CREATE INDEX access_key_account ON access_key (account, created_s);\n";

static const char script_5[] =
    "CREATE TABLE backoff (who TEXT PRIMARY KEY, failures BIGINT NOT NULL,\n"
    "  failed_s BIGINT NOT NULL, until_s BIGINT NOT NULL);\n"
    "CREATE INDEX backoff_failed ON backoff (failed_s);\n"
    "CREATE INDEX backoff_until ON backoff (until_s);\n";

static const char *const scripts[] = {script_1, script_2, script_3, script_4, script_5};

enum status schema_migrate(struct records *records)
{
    return records_migrate(records, scripts, LEN(scripts));
}
