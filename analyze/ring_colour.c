#include "analyze/ring_colour.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

const struct ring_hue ring_hues[] = {
	{ "drivers", 210 }, { "fs", 32 },	 { "net", 140 },   { "kernel", 5 },
	{ "mm", 275 },	    { "arch", 52 },	 { "lib", 178 },   { "security", 325 },
	{ "block", 18 },    { "crypto", 95 },	 { "sound", 192 }, { "io_uring", 245 },
	{ "init", 68 },	    { "ipc", 298 },	 { "virt", 118 },  { "certs", 345 },
	{ "rust", 12 },	    { "[kernel]", 210 }, { NULL, 0 },
};

int ring_hue(const char *name)
{
	uint32_t hash = 2166136261u;

	if (*name == '(')
		return -1;
	for (const struct ring_hue *h = ring_hues; h->name; h++)
		if (!strcmp(h->name, name))
			return h->hue;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (int)(hash % 360);
}

/* One channel of hue, saturation, lightness. */
static double channel(double offset, int hue, double saturation, double lightness)
{
	double k = fmod(offset + hue / 30.0, 12);
	double a = saturation * fmin(lightness, 1 - lightness);

	return lightness - a * fmax(-1, fmin(fmin(k - 3, 9 - k), 1));
}

struct ring_colour ring_colour(const char *top, int level, unsigned int sibling)
{
	int hue = ring_hue(top);
	double lightness = fmin(0.64 + 0.065 * (level - 1), 0.88) + (sibling % 2 ? 0.03 : 0);
	double saturation = hue < 0 ? 0 : 0.62;

	if (hue < 0)
		hue = 0;
	return (struct ring_colour){
		channel(0, hue, saturation, lightness),
		channel(8, hue, saturation, lightness),
		channel(4, hue, saturation, lightness),
	};
}
