/* Lines of an ftrace text log: their parts, and the arguments of every event that is read. */
#include "analyze/gfp_names.h"
#include "analyze/text_event.h"
#include "analyze/text_input.h"
#include "analyze/text_line.h"
#include "tests/fuzz/fuzz.h"

static void parse(struct text line)
{
	struct text_split split;
	struct text_fields fields;
	struct text_line l;
	uint64_t gfp;

	text_line_parse(line.data, line.len, &l);
	gfp_from_names(line, &gfp);
	if (l.kind != LINE_EVENT || !l.name.len)
		return;
	/* any event's arguments may stand behind any name */
	for (int type = 0; type < TEXT_TYPES; type++)
		if (text_event_split((enum text_type)type, l.args, &split))
			text_event_fields((enum text_type)type, &split, &fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_input *in;
	struct text line;

	if (text_input_open(&in, fuzz_file(data, size), NULL) < 0)
		return 0;
	while (text_input_line(in, &line, NULL) > 0)
		parse(line);
	text_input_free(in);
	return 0;
}
