#include "analyze/text_facts.h"

#include <inttypes.h>
#include <stdio.h>

static int set(struct capture_model *m, int rc, const char *key, uint64_t value)
{
	char text[24];

	if (rc < 0 || !value)
		return rc;
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return capture_model_set(m, key, text);
}

static int set_examples(struct capture_model *m, int rc, const char *key,
			const struct text_example *examples)
{
	for (int i = 0; i < TEXT_EXAMPLES && rc == 0 && examples[i].line; i++) {
		char name[40], text[TEXT_EXAMPLE_ROOM + 40];

		snprintf(name, sizeof(name), "%s.%d", key, i + 1);
		snprintf(text, sizeof(text), "line %" PRIu64 ": %s", examples[i].line,
			 examples[i].text);
		rc = capture_model_set(m, name, text);
	}
	return rc;
}

static int set_others(struct capture_model *m, int rc, const struct text_counts *c)
{
	for (int i = 0; i < TEXT_OTHER_NAMES && rc == 0 && c->other[i].events; i++) {
		char name[40], text[TEXT_OTHER_ROOM + 40];

		snprintf(name, sizeof(name), "text.other.%d", i + 1);
		snprintf(text, sizeof(text), "%s %" PRIu64,
			 c->other[i].name[0] ? c->other[i].name : "(unnamed)", c->other[i].events);
		rc = capture_model_set(m, name, text);
	}
	return rc;
}

static uint64_t not_in_log(const struct text_counts *c)
{
	return c->header_entries > c->entries ? c->header_entries - c->entries : 0;
}

bool text_is_missing(const struct text_counts *c)
{
	return c->damaged || c->hidden || not_in_log(c);
}

int text_facts(struct capture_model *m, const struct text_counts *c, struct error *err)
{
	int rc = capture_model_set(m, "recorder.backend", "text");

	rc = set(m, rc, "page_size", c->pages ? 4096 : 0);
	rc = set(m, rc, "text.lines", c->lines);
	rc = set(m, rc, "text.entries", c->entries);
	rc = set(m, rc, "text.stacks", c->stacks);
	rc = set(m, rc, "text.orphan_stacks", c->orphan_stacks);
	rc = set(m, rc, "text.user_stacks", c->user_stacks);
	rc = set(m, rc, "text.others", c->others);
	rc = set_others(m, rc, c);
	rc = set(m, rc, "text.hidden", c->hidden);
	rc = set(m, rc, "text.damaged", c->damaged);
	rc = set_examples(m, rc, "text.damaged", c->damaged_lines);
	rc = set(m, rc, "text.foreign", c->foreign);
	rc = set_examples(m, rc, "text.foreign", c->foreign_lines);
	rc = set(m, rc, "text.short", not_in_log(c));
	rc = set(m, rc, "text.overwritten", c->header_lost);
	rc = set(m, rc, "text.missing", text_is_missing(c));
	rc = set(m, rc, "text.back", c->back);
	rc = set(m, rc, "text.back_ns", c->back_most);
	rc = set(m, rc, "text.no_irq", c->no_flags);
	rc = set(m, rc, "text.ticks", c->ticks);
	rc = set(m, rc, "text.hashed", c->hashed);
	rc = set(m, rc, "text.nanoseconds", c->nanoseconds);
	rc = set(m, rc, "text.addresses", c->plain);
	rc = set(m, rc, "text.addresses.named", c->plain_named);
	if (rc == 0 && c->cut)
		rc = capture_model_set(m, "text.cut", c->cut);
	return rc < 0 ? error_nomem(err) : 0;
}
