#include "record/pairing.h"

#include <stdlib.h>

#define SITE_SAMPLES 256

int pairing_init(struct pairing *p, const struct ring_layout *layout, struct error *err)
{
	size_t room = KEY_ROOM(layout->subbuf_size);

	*p = (struct pairing){ .memory = malloc(PAIRING_CONTEXTS * room) };
	if (!p->memory)
		return error_nomem(err);
	for (int i = 0; i < PAIRING_CONTEXTS; i++)
		p->slots[i].key = p->memory + (size_t)i * room;
	return 0;
}

void pairing_release(struct pairing *p)
{
	free(p->memory);
	*p = (struct pairing){ 0 };
}

static bool contains(const struct ring_layout *layout, const uint8_t *frames, uint32_t depth,
		     uint64_t address)
{
	for (uint32_t i = 0; i < depth; i++)
		if (plan_number(layout, frames + (size_t)i * layout->long_size,
				layout->long_size) == address)
			return true;
	return false;
}

struct waiting_event *pairing_match(struct pairing *p, const struct ring_layout *layout,
				    uint8_t flags, int32_t pid, uint64_t ordinal,
				    const uint8_t *frames, uint32_t depth)
{
	unsigned int context = pairing_context(flags);
	struct waiting_event *w = &p->slots[context];
	bool at_once = w->ordinal + 1 == ordinal;

	if (!pairing_waits(p, context) || w->pid != pid || !depth)
		return NULL;
	if (w->type->call_site_offset == NO_OFFSET ||
	    (at_once ? p->sampled == SITE_SAMPLES : p->sites_absent))
		return w;
	if (contains(layout, frames, depth, w->call_site)) {
		p->sampled += at_once;
		return w;
	}
	p->sites_absent |= at_once;
	return at_once ? w : NULL;
}
