#include <inttypes.h>

#include "analyze/export.h"
#include "analyze/json_text.h"

static void write_frames(const struct stack_values *v, FILE *out)
{
	fputs("\"shared\":{\"frames\":[", out);
	for (size_t i = 0; i < v->frame_count; i++) {
		const struct value_frame *f = &v->frames[i];

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		json_text(out, text_pool_get(v->pool, f->name));
		if (f->file) {
			fputs(",\"file\":", out);
			json_text(out, text_pool_get(v->pool, f->file));
		}
		if (f->file && f->line > 0)
			fprintf(out, ",\"line\":%" PRId64, f->line);
		fputc('}', out);
	}
	fputs("]}", out);
}

static void write_profile(const struct stack_values *v, enum stack_measure m, FILE *out)
{
	bool first = true;

	fputs("{\"type\":\"sampled\",\"name\":", out);
	json_text(out, stack_measure_text(m));
	fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRIu64 ",\"samples\":[",
		stack_measure_is_bytes(m) ? "bytes" : "none", v->totals[m]);
	for (size_t i = 0; i < v->count; i++) {
		const struct stack_value *s = &v->stacks[i];

		if (!s->values[m])
			continue;
		fputs(first ? "\n[" : ",\n[", out);
		for (uint32_t d = s->depth; d-- > 0;)
			fprintf(out, "%" PRIu32 "%s", v->path[s->first + d], d ? "," : "");
		fputc(']', out);
		first = false;
	}
	fputs("],\"weights\":[", out);
	first = true;
	for (size_t i = 0; i < v->count; i++) {
		if (!v->stacks[i].values[m])
			continue;
		fprintf(out, first ? "%" PRIu64 : ",%" PRIu64, v->stacks[i].values[m]);
		first = false;
	}
	fputs("]}", out);
}

void export_speedscope(const struct export_input *in, FILE *out)
{
	const struct stack_values *v = in->v;
	int active = 0, count = 0;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"kmem-analyze\",\n\"name\":",
	      out);
	json_text(out, in->notes[0] ? in->notes[0] : "kmem-analyze");
	fputs(",\n", out);
	write_frames(v, out);
	fputs(",\n\"profiles\":[", out);
	for (int m = 0; m < MEASURES; m++) {
		if (!v->totals[m] && m != (int)in->measure)
			continue;
		if (m == (int)in->measure)
			active = count;
		fputs(count++ ? ",\n" : "\n", out);
		write_profile(v, (enum stack_measure)m, out);
	}
	fprintf(out, "],\n\"activeProfileIndex\":%d}\n", active);
}
