/* The form of a mail: fields, encoded words (RFC 2047), quoted-printable (RFC 2045 §6.7), CRLF. */
#include "core/proto/mail.h"

#include <string.h>
#include <time.h>

#include "core/base/text.h"

enum { LINE_PLAIN_MAX = 998, LINE_QUOTED_MAX = 72, WORD_OCTETS_MAX = 42 };

enum status mail_check_address(struct span address)
{
    if (address.len == 0 || address.len > MAIL_ADDRESS_LEN_MAX) {
        return MALFORMED;
    }
    size_t at_count = 0;
    size_t at = 0;
    for (size_t i = 0; i < address.len; i++) {
        uint8_t octet = address.bytes[i];
        if (octet <= 0x20 || octet >= 0x7f || memchr("<>()[]\\,;:\"", octet, 11) != NULL) {
            return MALFORMED;
        }
        if (octet == '@') {
            at_count++;
            at = i;
        }
    }
    bool is_good = at_count == 1 && at > 0 && at <= 64 && at + 1 < address.len &&
                   address.bytes[0] != '.' && address.bytes[0] != '-';
    return is_good ? OK : MALFORMED;
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < 0x20 || text.bytes[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* A text in a field: as it is when printable ASCII, else as encoded words that break between
 * characters. */
static void words_write(struct writer *message, struct span text)
{
    if (is_plain(text)) {
        writer_span(message, text);
        return;
    }
    for (size_t at = 0; at < text.len;) {
        size_t len = text.len - at < WORD_OCTETS_MAX ? text.len - at : WORD_OCTETS_MAX;
        while (at + len < text.len && len > 1 && (text.bytes[at + len] & 0xc0) == 0x80) {
            len--;
        }
        writer_text(message, at == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        text_write_base64(message, span_part(text, at, len));
        writer_text(message, "?=");
        at += len;
    }
}

static void date_write(struct writer *message, int64_t date_s)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t date = (time_t)date_s;
    struct tm parts;
    if (gmtime_r(&date, &parts) == NULL) {
        writer_fail(message, BAD_ARGUMENT);
        return;
    }
    writer_print(message, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[parts.tm_wday],
                 parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                 parts.tm_min, parts.tm_sec);
}

/* The line at the start of `text`, without its end. */
static struct span line_first(struct span text)
{
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.bytes, '\n', text.len);
    return span_part(text, 0, end == NULL ? text.len : (size_t)(end - text.bytes));
}

static struct span line_skip(struct span text, struct span line)
{
    size_t len = line.len < text.len ? line.len + 1 : line.len;
    return span_part(text, len, text.len - len);
}

static bool body_is_plain(struct span text)
{
    while (text.len > 0) {
        struct span line = line_first(text);
        if (line.len > LINE_PLAIN_MAX || !is_plain(line)) {
            return false;
        }
        text = line_skip(text, line);
    }
    return true;
}

static void line_quote(struct writer *message, struct span line)
{
    size_t width = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t octet = line.bytes[i];
        bool is_last = i + 1 == line.len;
        bool is_safe = (octet > 0x20 && octet < 0x7f && octet != '=') || (octet == ' ' && !is_last);
        if (width + 3 > LINE_QUOTED_MAX) {
            writer_text(message, "=\r\n");
            width = 0;
        }
        if (is_safe) {
            writer_u8(message, octet);
        } else {
            writer_print(message, "=%02X", octet);
        }
        width += is_safe ? 1 : 3;
    }
}

enum status mail_write(const struct mail *mail, struct writer *message)
{
    if (mail_check_address(mail->from) != OK || mail_check_address(mail->to) != OK ||
        mail_check_address(mail->message_id) != OK) {
        return MALFORMED;
    }
    writer_text(message, "From: ");
    if (mail->from_name.len > 0) {
        bool needs_quotes = is_plain(mail->from_name);
        for (size_t i = 0; i < mail->from_name.len; i++) {
            if (memchr("\"\\", mail->from_name.bytes[i], 2) != NULL) {
                return MALFORMED;
            }
        }
        writer_text(message, needs_quotes ? "\"" : "");
        words_write(message, mail->from_name);
        writer_text(message, needs_quotes ? "\" " : " ");
    }
    writer_print(message, "<%.*s>\r\nTo: <%.*s>\r\nSubject: ", (int)mail->from.len,
                 (const char *)mail->from.bytes, (int)mail->to.len, (const char *)mail->to.bytes);
    words_write(message, mail->subject);
    writer_print(message, "\r\nMessage-ID: <%.*s>\r\n", (int)mail->message_id.len,
                 (const char *)mail->message_id.bytes);
    date_write(message, mail->date_s);
    bool is_seven_bit = body_is_plain(mail->text);
    writer_print(message,
                 "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                 "Content-Type: text/plain; charset=%s\r\n"
                 "Content-Transfer-Encoding: %s\r\n\r\n",
                 is_seven_bit ? "us-ascii" : "utf-8", is_seven_bit ? "7bit" : "quoted-printable");
    for (struct span text = mail->text; text.len > 0;) {
        struct span line = line_first(text);
        if (is_seven_bit) {
            writer_span(message, line);
        } else {
            line_quote(message, line);
        }
        writer_text(message, "\r\n");
        text = line_skip(text, line);
    }
    return message->status;
}
