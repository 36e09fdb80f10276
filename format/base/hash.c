#include "format/base/hash.h"

#include <sys/random.h>

uint64_t hash_secret[2] = { 0x9e3779b97f4a7c15ull, 0xd1b54a32d192ed03ull };

void hash_randomize(void)
{
	uint64_t random[2];

	/* without, the table is as it was: slower for whoever means harm */
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
		memcpy(hash_secret, random, sizeof(random));
}
