/*
 * hash.h - mixing for the hash tables of the recorder and the loader.
 *
 * Who knows the secret can make keys that all collide, and a table of them takes the square of its time. A program
 * that reads what others wrote calls hash_randomize() before its first table; others may leave the secret as it is.
 * Results differ between runs and machines: no output may depend on them. hash_bytes_with a secret of one's own gives
 * the same each time, on machines of one byte order.
 */
#ifndef KMEM_BASE_HASH_H
#define KMEM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint64_t hash_secret[2];

/* Before the first table of the program, and before its threads. */
void hash_randomize(void);

/* Two multiply-fold rounds (the wyhash construction): all input bits reach all output bits. */
static inline uint64_t hash_mix_with(uint64_t a, uint64_t b, const uint64_t secret[2])
{
#ifdef __SIZEOF_INT128__
	__uint128_t m = (__uint128_t)(a ^ secret[0]) * (b ^ secret[1]);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
#else /* 32-bit targets have no 128-bit product: two rounds of murmur3's finaliser instead */
	a = (a ^ secret[0] ^ b >> 29) * 0xff51afd7ed558ccdull;
	a = (a ^ a >> 33 ^ b ^ secret[1]) * 0xc4ceb9fe1a85ec53ull;
	return a ^ a >> 33;
#endif
}

static inline uint64_t hash_bytes_with(uint64_t seed, const void *data, size_t len,
				       const uint64_t secret[2])
{
	const uint8_t *p = data;
	uint64_t h = seed ^ len, a, b;

	for (; len >= 16; len -= 16, p += 16) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		h = hash_mix_with(h ^ a, b, secret);
	}
	if (len) {
		a = b = 0;
		memcpy(&a, p, len > 8 ? 8 : len);
		if (len > 8)
			memcpy(&b, p + 8, len - 8);
		h = hash_mix_with(h ^ a, b, secret);
	}
	return h;
}

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	return hash_mix_with(a, b, hash_secret);
}

static inline uint64_t hash_u64(uint64_t v)
{
	return hash_mix(v, 0x2545f4914f6cdd1dull);
}

static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	return hash_bytes_with(seed, data, len, hash_secret);
}

#endif
