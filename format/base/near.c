#include "format/base/near.h"

#include <stdio.h>
#include <string.h>

#define FAR_AWAY 64u

unsigned int near_distance(const char *a, const char *b)
{
	unsigned int row[FAR_AWAY + 1], n = (unsigned int)strlen(b);

	if (n > FAR_AWAY)
		return FAR_AWAY;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 1; *a; a++, i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= n; j++) {
			unsigned int best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

void near_add(struct near_names *near, const char *name, unsigned int far)
{
	size_t i;

	if (far > NEAR_DISTANCE || strlen(name) >= sizeof(near->names[0]))
		return;
	for (i = 0; i < near->count; i++)
		if (!strcmp(near->names[i], name))
			return;
	for (i = near->count; i > 0 && near->far[i - 1] > far; i--)
		;
	if (i == NEAR_MAX)
		return;
	if (near->count < NEAR_MAX)
		near->count++;
	for (size_t k = near->count - 1; k > i; k--) {
		near->far[k] = near->far[k - 1];
		memcpy(near->names[k], near->names[k - 1], sizeof(near->names[k]));
	}
	near->far[i] = far;
	memcpy(near->names[i], name, strlen(name) + 1);
}

const char *near_text(const struct near_names *near, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < near->count && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "",
					 near->names[i]);
	return text;
}
