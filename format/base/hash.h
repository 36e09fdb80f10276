/*
 * hash.h - mixing for the hash tables of the recorder and the loader.
 *
 * Not for hostile keys that must not collide on purpose: tables that use it bound their probing or
 * their size. Results differ between machines of different endianness and are never stored.
 */
#ifndef KMEM_BASE_HASH_H
#define KMEM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Two multiply-fold rounds (the wyhash construction): all input bits reach all output bits. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__uint128_t m = (__uint128_t)(a ^ 0x9e3779b97f4a7c15ull) * (b ^ 0xd1b54a32d192ed03ull);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
#else /* 32-bit targets have no 128-bit product: two rounds of murmur3's finaliser instead */
	a = (a ^ b >> 29) * 0xff51afd7ed558ccdull;
	a = (a ^ a >> 33 ^ b) * 0xc4ceb9fe1a85ec53ull;
	return a ^ a >> 33;
#endif
}

static inline uint64_t hash_u64(uint64_t v)
{
	return hash_mix(v, 0x2545f4914f6cdd1dull);
}

static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ len, a, b;

	for (; len >= 16; len -= 16, p += 16) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		h = hash_mix(h ^ a, b);
	}
	if (len) {
		a = b = 0;
		memcpy(&a, p, len > 8 ? 8 : len);
		if (len > 8)
			memcpy(&b, p + 8, len - 8);
		h = hash_mix(h ^ a, b);
	}
	return h;
}

#endif
