#include "record/software_event.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

static const struct software_event events[] = {
	{ "page-faults", PERF_COUNT_SW_PAGE_FAULTS, 65533 },
	{ "minor-faults", PERF_COUNT_SW_PAGE_FAULTS_MIN, 65534 },
	{ "major-faults", PERF_COUNT_SW_PAGE_FAULTS_MAJ, 65535 },
};

const struct software_event *software_event_find(const char *name)
{
	const size_t prefix = strlen(SOFTWARE_SYSTEM ":");

	if (!strncmp(name, SOFTWARE_SYSTEM ":", prefix))
		name += prefix;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(name, events[i].name))
			return &events[i];
	return NULL;
}

void software_event_format(struct buf *ret, const struct software_event *e, unsigned int long_size)
{
	char text[1024];
	int n = snprintf(
		text, sizeof(text),
		"name: %s\nID: %u\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		"\tfield:unsigned long address;\toffset:8;\tsize:%u;\tsigned:0;\n"
		"\tfield:unsigned long ip;\toffset:%u;\tsize:%u;\tsigned:0;\n",
		e->name, e->id, long_size, 8 + long_size, long_size);

	buf_clear(ret);
	buf_bytes(ret, text, (size_t)n);
	buf_u8(ret, '\0');
	if (!ret->oom)
		ret->len--;
}

static uint8_t *put_long(uint8_t *to, uint64_t value, unsigned int long_size)
{
	uint32_t half = (uint32_t)value;

	if (long_size == 8)
		memcpy(to, &value, 8);
	else
		memcpy(to, &half, 4);
	return to + long_size;
}

uint32_t software_event_record(uint8_t *ret, const struct software_event *e, unsigned int long_size,
			       int32_t tid, uint64_t address, uint64_t ip)
{
	uint8_t *to = ret + 8;

	memcpy(ret, &e->id, 2);
	ret[2] = ret[3] = 0; /* perf does not tell the context */
	memcpy(ret + 4, &tid, 4);
	to = put_long(to, address, long_size);
	to = put_long(to, ip, long_size);
	return (uint32_t)(to - ret);
}
