/* Whatever stands in a frame: nothing is read beyond it, and the answer to what was taken for a
 * question is one that we would take for a question ourselves. */
#include "core/base/span.h"
#include "world/real/xdp_frame.h"

#include <string.h>

enum { ANSWER_LEN_MAX = 1400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xdp_frame question;
    struct xdp_frame answer;
    uint8_t bytes[XDP_HEADERS_LEN_IPV6 + ANSWER_LEN_MAX];
    if (xdp_frame_read(span_of(data, size), &question) != OK) {
        return 0;
    }
    require(question.message.len <= size);
    size_t len = question.message.len < ANSWER_LEN_MAX ? question.message.len : ANSWER_LEN_MAX;
    size_t headers_len = xdp_frame_headers_len(&question);
    if (len > 0) {
        memcpy(bytes + headers_len, question.message.bytes, len);
    }
    xdp_frame_write(&question, len, bytes);
    enum status status = xdp_frame_read(span_of(bytes, headers_len + len), &answer);
    /* But for what only a program that lets everything pass would have let here. */
    require(status == OK || status == REFUSED);
    require(address_equal(answer.asked, question.peer));
    require(address_equal(answer.peer, question.asked));
    require(answer.message.len == len);
    return 0;
}
