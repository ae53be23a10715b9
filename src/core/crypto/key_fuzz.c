/* Whatever stands in a DNSKEY, a signature or a key file, the answer is a status. The first octet
 * chooses the way in. */
#include "core/crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct span rest = span_of(data + 2, size - 2);
    struct key *key = NULL;
    struct problem problem = {0};
    switch (data[0] % 3) {
    case 0:
        if (key_of_public(data[1], rest, &key, &problem) == OK) {
            enum status status = key_verify(key, &rest, 1, rest);
            (void)status;
        }
        break;
    case 1:
        if (key_read_private(rest, &key, &problem) != OK) {
            key = NULL;
        }
        break;
    case 2:
        if (key_read_pem(rest, 0, &key, &problem) != OK) {
            key = NULL;
        }
        break;
    }
    key_close(key);
    return 0;
}
