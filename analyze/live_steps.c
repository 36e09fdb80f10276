#include "analyze/live_steps.h"

#define FIRST_WIDTH 1000 /* ns */

/* Ten steps become one; step 0 stays. */
static void fold(struct live_steps *s)
{
	s->width *= 10;
	for (int i = 0; i < DOMAIN_COUNT; i++) {
		struct live_steps_domain *d = &s->domains[i];

		for (size_t k = 1; k <= d->last; k++) {
			const struct live_step from = d->list[k];
			struct live_step *to = &d->list[(k + 9) / 10];

			if (k % 10 != 1) {
				to->bytes = from.bytes;
				to->objects = from.objects;
				to->least = from.least < to->least ? from.least : to->least;
				to->most = from.most > to->most ? from.most : to->most;
			} else {
				*to = from;
			}
		}
		d->last = (d->last + 9) / 10;
		d->limit = live_steps_end(s, d->last);
	}
}

void live_steps_move(struct live_steps *s, enum domain domain, int64_t time)
{
	struct live_steps_domain *d = &s->domains[domain];
	size_t step;

	if (!s->width)
		s->width = FIRST_WIDTH;
	while ((time - 1) / s->width >= LIVE_STEPS)
		fold(s);
	step = (size_t)((time - 1) / s->width) + 1;
	while (d->last < step) {
		const struct live_step *before = &d->list[d->last++];

		d->list[d->last] = (struct live_step){ before->bytes, before->objects,
						       before->bytes, before->bytes };
	}
	d->limit = live_steps_end(s, step);
}
