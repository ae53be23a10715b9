#pragma once
/* Every limit of the real world, with its reason. */

enum {
    /* A UDP query waits at most this long in the table of channels, counted in later ones that also
     * wait: the answer to the oldest is then worthless to its asker. */
    UDP_CHANNELS_MAX = 65536,
    UDP_BATCH = 64,              /* messages a system call; more gains nothing */
    UDP_BATCHES_A_ROUND = 8,     /* then timers and other sockets have their turn */
    UDP_SOCKET_BUFFER = 4 << 20, /* bursts of some milliseconds at full load */
    DNS_MESSAGE_MAX = 65535,     /* RFC 1035 §4.2.2 */
    UDP_SEND_WAIT_MS = 10,       /* a full socket buffer empties faster or not at all */
    ENDPOINTS_MAX = 64,

    XDP_FRAME_SIZE = 2048, /* AF_XDP: a frame's room in memory; half a page, as the kernel has it */
    XDP_FRAME_LEN_MAX = XDP_FRAME_SIZE - 256, /* the rest is the kernel's; what is longer does not
                                                 come by AF_XDP */
    XDP_FRAMES_IN = 2048,                     /* of a queue: bursts of some milliseconds */
    XDP_FRAMES_OUT = 512,                     /* of a queue: some batches under way */
    XDP_INTERFACES_MAX = 16,
    XDP_QUEUES_MAX = 256, /* of an interface */

    STREAMS_MAX = 16384,       /* `tcp-clients`: then the one that was idle longest goes */
    STREAMS_A_PEER_MAX = 1024, /* `tcp-clients-per-address`: one host cannot push out all */
    STREAMS_OTHERS_MAX = 256,  /* descriptors that are no client's */
    STREAM_IDLE_MS = 30000,    /* `tcp-idle-timeout`; RFC 7766 §6.2.3: a few seconds at least */
    STREAM_MESSAGE_MS = 10000, /* `tcp-message-timeout`: for one to end that has begun */
    STREAM_ANSWER_MS = 120000, /* the longest that we may owe an answer */
    STREAM_READ_SIZE = 16384,  /* a TLS record */
    STREAM_READ_ENOUGH = 4096, /* a hundred queries: then other sockets have their turn */
    STREAM_READS_A_ROUND = 16, /* of TLS, whose records are often one query each */
    STREAM_HANDSHAKES_A_ROUND = 4,  /* each costs as much as a hundred answers */
    STREAM_UNANSWERED_MAX = 512,    /* queries of one client under way; then it is not read */
    STREAM_UNSENT_PAUSE = 1 << 17,  /* who does not read our answers is not read either */
    STREAM_ROOM = 1 << 16,          /* less is unsent: the next of a transfer is made */
    STREAM_UNSENT_MAX = 48 << 20,   /* every answer under way at its longest */
    STREAM_KERNEL_UNSENT = 1 << 17, /* of a reader that stands, kept by the kernel */
    STREAM_PROGRESS = 16384,        /* octets that a slow reader must take in `tcp-idle-timeout` */
    HTTPS_REQUESTS_MAX = 100,     /* of one client under way; RFC 9113 §6.5.2: not less than 100 */
    HTTPS_PATH_MAX = 8192,        /* a query of 6 KiB in GET; who asks more uses POST */
    HTTPS_FIELDS_SIZE_MAX = 8192, /* all other fields, as RFC 9113 §6.5.2 counts them */
    HTTPS_BODIES_MAX = 1 << 18,   /* octets of one client's requests that are not whole */
    HTTPS_FRAMES_SPARE = 1024,    /* frames that a client may send before it asks something */
    HTTPS_FRAMES_A_REQUEST = 32,  /* and those that each request allows */
    HTTPS_RESETS_SPARE = 256,     /* requests taken back: a browser that closes all its pages */
    HTTPS_RESETS_A_SECOND = 32,
    HTTPS_CONTINUATIONS_MAX = 4,    /* frames of fields; the fields that are allowed need one */
    HTTPS_REPLIES_WAITING_MAX = 64, /* PING and SETTINGS that the client does not read */
    HTTPS_SETTINGS_MAX = 32,        /* in one frame */
    HTTPS_OUT_ENOUGH = 1 << 15,     /* frames that wait for the socket; the rest is not made yet */
    QUIC_CLIENTS_MAX = 4096,        /* or `tcp-clients` if fewer; one costs some 100 KiB */
    QUIC_UNPROVEN_MAX = 64,         /* handshakes under way; then new ones prove their address */
    QUIC_HELLOS_A_ROUND = 8,        /* that begin without that proof, which costs one exchange */
    QUIC_TOKEN_MS = 10000,          /* for that exchange */
    QUIC_BATCHES_A_ROUND = 2, /* of datagrams; then timers and other sockets have their turn */
    QUIC_STREAMS_MAX = 100,   /* of one client open or under way in the service */
    QUIC_STREAM_IN_MAX = 2 + DNS_MESSAGE_MAX, /* octets of one query that is not whole */
    QUIC_IN_MAX = 1 << 17,                    /* of all queries of one client that are not whole */
    QUIC_HELD_MAX = 1 << 20,                  /* unacknowledged octets, then no transfer goes on */
    QUIC_DATAGRAMS_A_ROUND = 64,              /* to one client; then others have their turn */
    LISTEN_BACKLOG = 4096, /* wait to be accepted; beyond, a client comes again after a second */
    ACCEPTS_A_ROUND = 32,
    ACCEPT_PAUSE_MS = 100, /* without descriptors, until some are free again */

    ASKS_MAX = 8192,
    ASK_PORT_MIN = 10240,     /* below are the ports of services */
    ASK_PORT_TRIES = 16,      /* then the kernel chooses, from its smaller range */
    TLS_PEERS_MAX = 256,      /* identities, however many zones come from each */
    ASK_UNSENT_MAX = 1 << 20, /* for a TCP server that does not read */

    EPP_SESSIONS_MAX = 512,
    EPP_HANDSHAKE_MS = 15000,
    EPP_IDLE_MS = 900000, /* registrars keep sessions; they must say hello each 15 minutes */
    EPP_UNSENT_MAX = 4 << 20,
    EPP_READS_A_ROUND = 16,
    EPP_READ_SIZE = 16384,
    EPP_SERVERS_MAX = 64,

    HTTP_CONNECTIONS_MAX = 512,
    HTTP_CONNECTIONS_A_PEER_MAX = 128,
    HTTP_IDLE_S = 30,
    HTTP_MEMORY_A_CONNECTION = 32768, /* request line and fields */
    HTTP_BODY_MAX = 1 << 20,
    HTTP_FIELDS_MAX = 100,
    HTTP_TARGET_MAX = 8192,

    METRICS_PAGE_MAX = 512 << 20, /* of hundreds of thousands of zones */

    CONTROL_CONNECTIONS_MAX = 32,
    CONTROL_LINE_MAX = 4096,
    CONTROL_LINE_MS = 10000, /* for the line to arrive and for the text to be taken */
    CONTROL_ASK_MS = 120000, /* a command waits this long for its answer */
    CONTROL_TEXT_MAX = 64 << 20,

    MAIL_AT_ONCE_MAX = 4, /* connections to the mail server */
    MAIL_WAITING_MAX = 4096,
    MAIL_TIMEOUT_MS = 60000,
    MAIL_REPLY_MAX = 1000,

    DISK_NAME_MAX = 240,
    DISK_DEPTH_MAX = 8, /* folders in a name */

    RECORDS_ROWS_MAX = 100000,
    RECORDS_STATEMENTS_MAX = 128, /* kept compiled */
    RECORDS_BUSY_MS = 5000,

    FINISH_MS = 4000, /* after SIGTERM, for answers and transfers by TCP that were begun */
    DRAIN_MS = 3000,  /* then, for what was answered to leave */
    OUTBOX_MAX = 1 << 30,
    LINE_LEN_MAX = 1200,
};
