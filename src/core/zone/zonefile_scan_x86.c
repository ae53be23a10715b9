/* Marking the octets of a zone file with AVX2: 32 octets are compared at once with each octet that
 * means something, and the results are gathered as bits. */
#include "core/zone/zonefile_scan.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i equal(__m256i octets, char wanted)
{
    return _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(wanted));
}

/* One bit an octet. */
AVX2 static uint64_t bits(__m256i low, __m256i high)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32 |
           (uint32_t)_mm256_movemask_epi8(low);
}

AVX2 static __m256i find_blanks(__m256i octets)
{
    __m256i found = _mm256_or_si256(equal(octets, ' '), equal(octets, '\t'));
    return _mm256_or_si256(found, _mm256_or_si256(equal(octets, '\r'), equal(octets, '\n')));
}

AVX2 static __m256i find_specials(__m256i octets)
{
    /* The parentheses differ in their last bit alone. */
    __m256i parentheses = equal(_mm256_or_si256(octets, _mm256_set1_epi8(1)), ')');
    __m256i found = _mm256_or_si256(equal(octets, '"'), equal(octets, ';'));
    return _mm256_or_si256(found, _mm256_or_si256(equal(octets, '\\'), parentheses));
}

AVX2 static void scan_avx2(const uint8_t *text, size_t count, struct zonefile_marks *marks)
{
    for (size_t block = 0; block < count; block++) {
        const uint8_t *at = text + block * 64;
        __m256i low = _mm256_loadu_si256((const __m256i_u *)at);
        __m256i high = _mm256_loadu_si256((const __m256i_u *)(at + 32));
        marks[block] = (struct zonefile_marks){bits(find_blanks(low), find_blanks(high)),
                                               bits(equal(low, '\n'), equal(high, '\n')),
                                               bits(find_specials(low), find_specials(high))};
    }
}

zonefile_scan *zonefile_scan_best(void)
{
    return __builtin_cpu_supports("avx2") ? scan_avx2 : zonefile_scan_portable;
}
#else
zonefile_scan *zonefile_scan_best(void)
{
    return zonefile_scan_portable;
}
#endif
