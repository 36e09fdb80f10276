#include "analyze/user_frames.h"

#include <stdio.h>
#include <string.h>

#include "analyze/perf_map.h"

uint32_t user_frames_add(struct user_frames *u, const struct process *process, int32_t tgid,
			 uint64_t address, bool exact)
{
	uint32_t program = process ? process->program : 0, dso;
	/* a return address may be the first byte behind its map */
	const struct map *map = process_map(process, exact ? address : address - 1);

	if (map) {
		dso = dsos_in_program(u->dsos, map->dso, tgid, program);
	} else {
		const struct dso_key unknown = { .path = { "[unknown]", 9 },
						 .build_id = { "", 0 },
						 .tgid = tgid,
						 .program = program };

		dso = dsos_add(u->dsos, &unknown);
	}
	if (!dso)
		return 0;
	if (map && u->dsos->list[dso - 1].is_file)
		address = address - map->start + map->offset;
	return stacks_user_frame(u->stacks, dso, address, exact);
}

/* ---- names ---- */

static int name_frame(struct user_frames *u, struct frame *f, struct text name, uint64_t from_start)
{
	uint32_t id;

	if (name.len > SYMBOL_NAME_MAX)
		name.len = SYMBOL_NAME_MAX;
	id = extra_symbols_add(&u->stacks->extra, f->dso, name, NULL);
	if (!id)
		return ERR_NOMEM;
	f->known = f->extra = true;
	f->hit = (struct symbol_hit){ .index = id - 1, .start = f->address - from_start };
	return 0;
}

/* Where in the function a frame is looked up: not behind a call that ends it. */
static uint64_t inside(const struct frame *f)
{
	return f->exact ? f->address : f->address - 1;
}

static int name_from_file(struct user_frames *u, struct symbol_files *files, const uint32_t *frames,
			  size_t count, struct dso *dso)
{
	struct symbol_source source;
	int rc = symbol_files_open(files, dso, &source);

	if (rc <= 0)
		return rc;
	rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct frame *f = &u->stacks->frames[frames[i] - 1];
		uint64_t from_start;
		const char *name;

		if (symbol_source_find(&source, inside(f), &from_start, &name))
			rc = name_frame(u, f, (struct text){ name, strlen(name) },
					from_start + !f->exact);
	}
	dso->symbols_from = source.path;
	source.path = NULL;
	symbol_source_close(&source);
	return rc;
}

/* Code made at run time; only the last program under that pid can have left the map. */
static int name_from_map(struct user_frames *u, const struct processes *processes,
			 const struct capture_model *model, const uint32_t *frames, size_t count,
			 struct dso *dso)
{
	const struct process *process = processes_find(processes, dso->tgid);
	const struct model_file *file;
	struct perf_map *map = NULL;
	char name[64];
	int rc = 0;

	snprintf(name, sizeof(name), "/tmp/perf-%d.map", dso->tgid);
	file = capture_model_file(model, name, "end");
	if (!file || (process && process->program != dso->program))
		return 0;
	if (perf_map_new(&map, (const char *)file->content.data, file->content.len, NULL) < 0)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct frame *f = &u->stacks->frames[frames[i] - 1];
		struct text symbol;
		uint64_t start;

		if (!perf_map_find(map, inside(f), &start, &symbol))
			continue;
		rc = name_frame(u, f, symbol, f->address - start);
		if (rc == 0 && !dso->symbols_from)
			dso->symbols_from = strdup(name);
	}
	perf_map_free(map);
	return rc;
}

/* The numbers of all user frames, those of one dso together; *ret_first: per dso where they begin. */
static uint32_t *frames_by_dso(const struct user_frames *u, size_t **ret_first)
{
	size_t n = u->dsos->count, *first = calloc(n + 2, sizeof(*first));
	uint32_t *frames = malloc((u->stacks->frame_count + 1) * sizeof(*frames));

	if (!first || !frames) {
		free(first);
		free(frames);
		return NULL;
	}
	for (size_t i = 0; i < u->stacks->frame_count; i++)
		if (u->stacks->frames[i].dso)
			first[u->stacks->frames[i].dso + 1]++;
	for (size_t i = 1; i < n + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < u->stacks->frame_count; i++)
		if (u->stacks->frames[i].dso)
			frames[first[u->stacks->frames[i].dso]++] = (uint32_t)i + 1;
	*ret_first = first; /* now each holds its end, which is where the next one begins */
	return frames;
}

int user_frames_name(struct user_frames *u, struct symbol_files *files,
		     const struct processes *processes, const struct capture_model *model,
		     struct error *err)
{
	size_t *ends;
	uint32_t *frames = frames_by_dso(u, &ends);
	int rc = 0;

	if (!frames)
		return error_nomem(err);
	for (size_t d = 1; d <= u->dsos->count && rc == 0; d++) {
		struct dso *dso = &u->dsos->list[d - 1];
		const uint32_t *first = frames + ends[d - 1];
		size_t count = ends[d] - ends[d - 1];

		if (count && dso->is_file)
			rc = name_from_file(u, files, first, count, dso);
		else if (count)
			rc = name_from_map(u, processes, model, first, count, dso);
	}
	free(frames);
	free(ends);
	return rc < 0 ? error_nomem(err) : 0;
}

size_t user_frames_count(const struct user_frames *u, bool named)
{
	size_t n = 0;

	for (size_t i = 0; i < u->stacks->frame_count; i++)
		n += u->stacks->frames[i].dso && (!named || u->stacks->frames[i].known);
	return n;
}
