#include "analyze/gfp_names.h"

#include <string.h>

#define RECLAIM 0xc00u /* __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM */
#define KERNEL	0xcc0u /* and __GFP_IO | __GFP_FS */
#define USER	(KERNEL | 0x100000u)
#define HUGE	(USER | 0x2u | 0x8u | 0x40000u | 0x80000u | 0x2000u)

struct flag {
	const char *name; /* without "__" */
	uint32_t bits;
};

static const struct flag flags[] = {
	{ "GFP_KERNEL", KERNEL },
	{ "GFP_KERNEL_ACCOUNT", KERNEL | 0x400000 },
	{ "GFP_ATOMIC", 0x820 },
	{ "GFP_NOWAIT", 0x2800 }, /* with __GFP_NOWARN */
	{ "GFP_NOIO", RECLAIM },
	{ "GFP_NOFS", RECLAIM | 0x40 },
	{ "GFP_USER", USER },
	{ "GFP_HIGHUSER", USER | 0x2 },
	{ "GFP_HIGHUSER_MOVABLE", USER | 0x2 | 0x8 },
	{ "GFP_TRANSHUGE", (HUGE & ~RECLAIM) | 0x400 },
	{ "GFP_TRANSHUGE_LIGHT", HUGE & ~RECLAIM },
	{ "GFP_TEMPORARY", KERNEL | 0x10 },
	{ "GFP_DMA", 0x1 },
	{ "GFP_HIGHMEM", 0x2 },
	{ "GFP_DMA32", 0x4 },
	{ "GFP_MOVABLE", 0x8 },
	{ "GFP_RECLAIMABLE", 0x10 },
	{ "GFP_HIGH", 0x20 },
	{ "GFP_IO", 0x40 },
	{ "GFP_FS", 0x80 },
	{ "GFP_ZERO", 0x100 },
	{ "GFP_DIRECT_RECLAIM", 0x400 },
	{ "GFP_KSWAPD_RECLAIM", 0x800 },
	{ "GFP_RECLAIM", RECLAIM },
	{ "GFP_WAIT", RECLAIM },
	{ "GFP_WRITE", 0x1000 },
	{ "GFP_NOWARN", 0x2000 },
	{ "GFP_RETRY_MAYFAIL", 0x4000 },
	{ "GFP_REPEAT", 0x4000 },
	{ "GFP_NOFAIL", 0x8000 },
	{ "GFP_NORETRY", 0x10000 },
	{ "GFP_MEMALLOC", 0x20000 },
	{ "GFP_COMP", 0x40000 },
	{ "GFP_NOMEMALLOC", 0x80000 },
	{ "GFP_HARDWALL", 0x100000 },
	{ "GFP_THISNODE", 0x200000 },
	{ "GFP_ACCOUNT", 0x400000 },
	{ "GFP_ZEROTAGS", 0x800000 },
	{ "GFP_NO_OBJ_EXT", 0x1000000 },
	{ "GFP_COLD", 0 }, /* no longer there */
	{ "GFP_NOTRACK", 0 },
	{ "GFP_SKIP_KASAN", 0 }, /* where the sanitizer is built in only */
	{ "GFP_SKIP_KASAN_POISON", 0 },
	{ "GFP_SKIP_KASAN_UNPOISON", 0 },
	{ "GFP_SKIP_ZERO", 0 },
	{ "none", 0 },
};

static bool hex_number(const char *p, size_t len, uint64_t *ret)
{
	if (len < 3 || len > 18 || p[0] != '0' || p[1] != 'x')
		return false;
	*ret = 0;
	for (size_t i = 2; i < len; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*ret = *ret << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool flag_bits(const char *p, size_t len, uint64_t *ret)
{
	if (len > 2 && p[0] == '_' && p[1] == '_') {
		p += 2;
		len -= 2;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].name) != len || memcmp(flags[i].name, p, len))
			continue;
		*ret = flags[i].bits;
		return true;
	}
	return hex_number(p, len, ret);
}

bool gfp_from_names(struct text names, uint64_t *ret)
{
	const char *p = names.data, *end = p + names.len;

	*ret = 0;
	for (;;) {
		const char *bar = memchr(p, '|', (size_t)(end - p));
		uint64_t bits;

		if (!flag_bits(p, (size_t)((bar ? bar : end) - p), &bits))
			return false;
		*ret |= bits;
		if (!bar)
			return true;
		p = bar + 1;
	}
}
