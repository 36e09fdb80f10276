#include "record/proc_maps.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "format/process.h"
#include "record/build_id.h"

struct scan {
	struct capture_writer *writer;
	uint64_t time;
	struct process_encoder encoder;
	struct block_body body;
	struct build_ids build_ids;
};

static int put_block(struct scan *s, struct error *err)
{
	struct block_header h = process_block_header(&s->encoder, 0, CPU_NONE);
	int rc;

	if (s->encoder.bytes.oom)
		return error_nomem(err);
	block_body_clear(&s->body);
	block_body_add(&s->body, SECTION_RECORDS, 0, 0, s->encoder.bytes.data,
		       s->encoder.bytes.len);
	rc = capture_writer_put(s->writer, &h, &s->body, err);
	process_encoder_clear(&s->encoder);
	return rc;
}

/* The kernel writes a newline in a path as \012. In place. */
static void unescape(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (path[0] == '\\' && path[1] == '0' && path[2] == '1' && path[3] == '2') {
			*to++ = '\n';
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = '\0';
}

/* "7f00-7f10 r-xp 00001000 fe:00 1234   /usr/lib/x.so" */
static void add_line(struct scan *s, int32_t tgid, char *line)
{
	uint64_t start, end, offset, inode;
	struct process_record p = { .kind = PROCESS_MAP, .flags = PROCESS_SNAPSHOT };
	const struct build_id *id;
	unsigned int major, minor;
	char prot[5];
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &start,
		   &end, prot, &offset, &major, &minor, &inode, &at) < 7 ||
	    !at || prot[2] != 'x' || end <= start)
		return;
	unescape(line + at);
	p.time = s->time;
	p.pid = p.tgid = tgid;
	p.start = start;
	p.length = end - start;
	p.offset = offset;
	p.prot = (prot[0] == 'r' ? PROT_READ : 0u) | (prot[1] == 'w' ? PROT_WRITE : 0u) | PROT_EXEC;
	p.map_flags = prot[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
	/* what the kernel calls it in the side band */
	p.name.data = line[at] ? line + at : "//anon";
	p.name.len = strlen(p.name.data);
	id = build_ids_of_map(&s->build_ids, tgid, start, end, p.name.data, major, minor, inode);
	if (id)
		p.build_id = (struct text){ (const char *)id->bytes, id->len };
	process_encode(&s->encoder, &p);
}

static int add_process(struct scan *s, const char *pid, struct error *err)
{
	char path[300], *line = NULL;
	size_t room = 0;
	FILE *f;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	f = fopen(path, "re");
	while (f && rc == 0 && getline(&line, &room, f) > 0) {
		add_line(s, atoi(pid), line);
		if (process_encoder_full(&s->encoder))
			rc = put_block(s, err);
	}
	free(line);
	if (f)
		fclose(f);
	return rc;
}

int proc_maps_put(struct capture_writer *writer, uint64_t time, struct error *err)
{
	struct scan s = { .writer = writer, .time = time };
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int rc = 0;

	while (dir && rc == 0 && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			rc = add_process(&s, d->d_name, err);
	if (dir)
		closedir(dir);
	if (rc == 0 && s.encoder.count)
		rc = put_block(&s, err);
	process_encoder_release(&s.encoder);
	block_body_release(&s.body);
	build_ids_release(&s.build_ids);
	return rc;
}
