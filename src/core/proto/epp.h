#pragma once
/* EPP as values (RFC 5730, 5731, 5734, secDNS-1.1 of RFC 5910): a frame read into a command or a
 * response, and written from one. Both the registry and the registrar use it; the rules are theirs.
 * Spans live in the arena of the reading. */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/base/writer.h"

enum { EPP_FRAME_LEN_MAX = 64 * 1024, EPP_NAMES_MAX = 13, EPP_KEYS_MAX = 32 };

enum epp_verb {
    EPP_HELLO,
    EPP_LOGIN,
    EPP_LOGOUT,
    EPP_DOMAIN_CHECK,
    EPP_DOMAIN_INFO,
    EPP_DOMAIN_CREATE,
    EPP_DOMAIN_UPDATE,
    EPP_DOMAIN_DELETE,
    EPP_POLL_REQUEST,
    EPP_POLL_ACK,
    EPP_UNIMPLEMENTED,
    EPP_VERB_COUNT
};

enum epp_code {
    EPP_OK = 1000,
    EPP_PENDING = 1001,
    EPP_NO_MESSAGES = 1300,
    EPP_ACK_TO_DEQUEUE = 1301,
    EPP_BYE = 1500,
    EPP_UNKNOWN_COMMAND = 2000,
    EPP_SYNTAX_ERROR = 2001,
    EPP_USE_ERROR = 2002,
    EPP_MISSING_PARAMETER = 2003,
    EPP_RANGE_ERROR = 2004,
    EPP_VALUE_SYNTAX = 2005,
    EPP_BAD_VERSION = 2100,
    EPP_UNIMPLEMENTED_COMMAND = 2101,
    EPP_UNIMPLEMENTED_OPTION = 2102,
    EPP_UNIMPLEMENTED_EXTENSION = 2103,
    EPP_AUTHENTICATION_ERROR = 2200,
    EPP_AUTHORIZATION_ERROR = 2201,
    EPP_INVALID_AUTHINFO = 2202,
    EPP_EXISTS = 2302,
    EPP_DOES_NOT_EXIST = 2303,
    EPP_STATUS_PROHIBITS = 2304,
    EPP_ASSOCIATION_PROHIBITS = 2305,
    EPP_POLICY_ERROR = 2306,
    EPP_UNIMPLEMENTED_SERVICE = 2307,
    EPP_DATA_POLICY = 2308,
    EPP_FAILED = 2400,
    EPP_FAILED_CLOSING = 2500,
    EPP_AUTHENTICATION_CLOSING = 2501,
    EPP_SESSION_LIMIT_CLOSING = 2502
};
const char *epp_code_text(enum epp_code code); /* the RFC's English text */

/* secDNS: either form. Of a DS-form entry the key may be given too (for checking); a key-form entry
 * has only the key. */
struct epp_key {
    bool has_ds;
    uint16_t ds_tag;
    uint8_t ds_algorithm, ds_digest_type;
    struct span ds_digest;
    bool has_key;
    uint16_t key_flags;
    uint8_t key_protocol, key_algorithm;
    struct span key_public;
};

enum { EPP_CLIENT_LEN_MAX = 16, EPP_PASSWORD_LEN_MIN = 6, EPP_PASSWORD_LEN_MAX = 16 };

struct epp_host {     /* RFC 5731 hostAttr, or hostObj with the name alone */
    struct span name; /* text as in the frame */
    struct span addresses[4];
    size_t address_count;
};

struct epp_domain { /* what create gives and info returns */
    struct span name;
    struct span roid;
    struct span registrant; /* contact id */
    struct span sponsor;    /* clID */
    struct span auth_info;
    struct span statuses[8];
    size_t status_count;
    struct epp_host hosts[EPP_NAMES_MAX];
    size_t host_count;
    struct epp_key keys[EPP_KEYS_MAX];
    size_t key_count;
    uint32_t period_years;                   /* 0: not given */
    uint32_t max_signature_life_s;           /* secDNS maxSigLife; 0: not given */
    int64_t created_s, updated_s, expires_s; /* 0: not given */
};

struct epp_domain_update {
    struct span name;
    struct epp_host hosts_added[EPP_NAMES_MAX], hosts_removed[EPP_NAMES_MAX];
    size_t hosts_added_count, hosts_removed_count;
    struct span statuses_added[8], statuses_removed[8];
    size_t statuses_added_count, statuses_removed_count;
    bool removes_all_keys; /* <secDNS:rem><secDNS:all>true */
    struct epp_key keys_added[EPP_KEYS_MAX], keys_removed[EPP_KEYS_MAX];
    size_t keys_added_count, keys_removed_count;
    struct span registrant, auth_info; /* chg; empty: not changed */
    uint32_t max_signature_life_s;     /* secDNS add or chg; 0: not given */
    bool has_secdns;
    bool is_urgent;
};

struct epp_login {
    struct span client, password, new_password;
    bool has_secdns; /* the extension URI is named */
};

struct epp_command {
    enum epp_verb verb;
    struct span client_transaction; /* clTRID, may be empty */
    struct epp_login login;
    struct span names[EPP_NAMES_MAX]; /* check; info and delete use the first */
    size_t name_count;
    bool omits_hosts;         /* info with hosts="none" or "sub": no <domain:ns> wanted */
    struct epp_domain domain; /* create; of info the auth_info alone */
    struct epp_domain_update update;
    struct span poll_message; /* ack */
};

/* Reads a frame from a client. On failure the code to answer with is in `code`, the sentence in
 * `problem`, and the clTRID in `command` where it could be read. A frame that is right but asks for
 * something we do not do is UNSUPPORTED, with the verb EPP_UNIMPLEMENTED. */
enum status epp_command_read(struct span frame, struct arena *arena, struct epp_command *command,
                             enum epp_code *code, struct problem *problem) MUST_USE;
/* BAD_ARGUMENT for values that the schemas refuse: a client id outside 3..16 octets, a password
 * outside 6..16, a clTRID outside 3..64. */
enum status epp_command_write(const struct epp_command *command, struct writer *frame) MUST_USE;

struct epp_check_result {
    struct span name;
    bool is_available;
    struct span reason;
};
struct epp_response {
    bool is_greeting;
    struct span server_name; /* greeting */
    int64_t now_s;           /* greeting */
    enum epp_code code;
    struct span reason; /* our sentence, beside the RFC's text (extValue reason); empty: none */
    struct span client_transaction, server_transaction;
    enum epp_verb verb; /* what resData answers: CHECK, INFO, CREATE; EPP_UNIMPLEMENTED: no resData
                           (or one we do not know) */
    bool has_domain;
    struct epp_domain domain; /* info; create: name and dates */
    struct epp_check_result checks[EPP_NAMES_MAX];
    size_t check_count;
    size_t queue_count; /* msgQ */
    struct span queue_id, queue_text;
    int64_t queue_time_s;
};
enum status epp_response_write(const struct epp_response *response, struct writer *frame) MUST_USE;
/* Reads a frame from a server: greeting or response. */
enum status epp_response_read(struct span frame, struct arena *arena, struct epp_response *response,
                              struct problem *problem) MUST_USE;
