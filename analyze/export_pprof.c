/* profile.proto by hand: a field is its number and kind as a varint, then a varint, or a length and bytes. */
#include <string.h>
#include <stdlib.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "analyze/array_room.h"
#include "analyze/export.h"
#include "format/base/buf.h"
#include "format/base/hash.h"

enum profile_field {
	SAMPLE_TYPE = 1,
	SAMPLE,
	MAPPING,
	LOCATION,
	FUNCTION,
	STRING,
	TIME = 9,
	DURATION,
	PERIOD_TYPE,
	PERIOD,
	COMMENT,
	DEFAULT_TYPE
};

struct function {
	uint32_t name, file; /* of the pool */
};

struct mapping {
	uint32_t dso, module; /* of the pool; both 0: the kernel */
	uint64_t start, limit;
	bool files, lines, inlined;
};

struct profile {
	const struct export_input *in;
	const struct stack_values *v;
	struct text_pool strings;   /* string n of the profile; 0 is "" */
	struct function *functions; /* id n is functions[n - 1] */
	size_t function_count, function_cap;
	struct id_index function_index;
	struct mapping *mappings;
	size_t mapping_count, mapping_cap;
	bool *located; /* by frame number: its location, of that id + 1, is written */
	struct buf locations, samples, out;
	bool nomem;
};

static void put_int(struct buf *b, unsigned int field, uint64_t value)
{
	if (!value)
		return;
	buf_varint(b, field << 3);
	buf_varint(b, value);
}

static void put_bytes(struct buf *b, unsigned int field, const void *data, size_t len)
{
	buf_varint(b, field << 3 | 2);
	buf_blob(b, data, len);
}

/* Of what was made aside; empties it. */
static void put_message(struct buf *b, unsigned int field, struct buf *message)
{
	put_bytes(b, field, message->data, message->len);
	if (message->oom)
		b->oom = true;
	buf_clear(message);
}

static uint32_t string(struct profile *p, const char *text)
{
	uint32_t n = *text ? text_pool_add(&p->strings, text) : 0;

	if (*text && !n)
		p->nomem = true;
	return n;
}

static uint32_t pool_string(struct profile *p, uint32_t text)
{
	return string(p, text_pool_get(p->v->pool, text));
}

/* ---- functions and mappings ---- */

struct function_key {
	const struct function *functions;
	struct function function;
};

static uint64_t function_hash(struct function f)
{
	return hash_u64((uint64_t)f.name << 32 | f.file);
}

static bool same_function(const void *arg, uint32_t id)
{
	const struct function_key *key = arg;

	return key->functions[id - 1].name == key->function.name &&
	       key->functions[id - 1].file == key->function.file;
}

static uint64_t rehash_function(const void *arg, uint32_t id)
{
	return function_hash(((const struct profile *)arg)->functions[id - 1]);
}

static uint32_t function_of(struct profile *p, const struct value_frame *f)
{
	const struct function_key key = { p->functions, { f->name, f->file } };
	uint64_t hash = function_hash(key.function);
	uint32_t id = id_index_find(&p->function_index, hash, same_function, &key);

	if (id)
		return id;
	if (!array_room((void **)&p->functions, &p->function_cap, p->function_count,
			sizeof(*p->functions))) {
		p->nomem = true;
		return 0;
	}
	p->functions[p->function_count++] = key.function;
	id = (uint32_t)p->function_count;
	if (!id_index_add(&p->function_index, hash, id, rehash_function, p))
		p->nomem = true;
	return id;
}

/* There are few: modules and files. From 1; 0 for what has no address. */
static uint32_t mapping_of(struct profile *p, const struct value_frame *f)
{
	struct mapping *m;
	size_t i = 0;

	if (!f->address || !f->frame)
		return 0;
	while (i < p->mapping_count &&
	       (p->mappings[i].dso != f->dso || p->mappings[i].module != (f->dso ? 0 : f->module)))
		i++;
	if (i == p->mapping_count) {
		if (!array_room((void **)&p->mappings, &p->mapping_cap, i, sizeof(*p->mappings))) {
			p->nomem = true;
			return 0;
		}
		p->mappings[p->mapping_count++] = (struct mapping){
			.dso = f->dso, .module = f->dso ? 0 : f->module, .start = f->address
		};
	}
	m = &p->mappings[i];
	if (f->address < m->start)
		m->start = f->address;
	if (f->address >= m->limit)
		m->limit = f->address == UINT64_MAX ? f->address : f->address + 1;
	m->files |= f->file != 0;
	m->lines |= f->line > 0;
	m->inlined |= f->inlined;
	return (uint32_t)i + 1;
}

/* ---- locations and samples ---- */

static void put_location(struct profile *p, uint32_t frame, uint32_t functions)
{
	const struct value_frame *f = &p->v->frames[frame];
	struct buf location = { 0 }, line = { 0 };

	put_int(&location, 1, frame + 1);
	for (uint32_t i = 0; i < functions; i++) {
		uint32_t mapping = mapping_of(p, &f[i]);

		if (!i) {
			put_int(&location, 2, mapping);
			put_int(&location, 3, f->address);
		}
		put_int(&line, 1, function_of(p, &f[i]));
		put_int(&line, 2, (uint64_t)f[i].line);
		put_message(&location, 4, &line);
	}
	put_message(&p->locations, LOCATION, &location);
	p->located[frame] = true;
	buf_release(&location);
	buf_release(&line);
}

static void put_label(struct profile *p, struct buf *sample, const char *key, uint32_t text,
		      int64_t number, const char *unit)
{
	struct buf label = { 0 };

	put_int(&label, 1, string(p, key));
	put_int(&label, 2, text);
	put_int(&label, 3, (uint64_t)number);
	put_int(&label, 4, string(p, unit));
	put_message(sample, 3, &label);
	buf_release(&label);
}

/* The values in the order of the sample types. */
static size_t sample_values(const struct profile *p, const uint64_t *values, uint64_t ret[5])
{
	enum stack_measure m = p->in->measure;

	ret[0] = values[MEASURE_ALLOCS];
	ret[1] = values[MEASURE_ALLOCATED];
	ret[2] = values[MEASURE_OBJECTS];
	ret[3] = values[MEASURE_LIVE];
	ret[4] = values[m];
	return m == MEASURE_WASTE || m == MEASURE_PEAK ? 5 : 4;
}

static void put_sample(struct profile *p, const struct stack_value *s, struct buf *sample,
		       struct buf *list)
{
	const struct stack_values *v = p->v;
	uint32_t code = s->depth - (s->keys < s->depth ? s->keys : s->depth);
	uint64_t values[5];
	size_t count = sample_values(p, s->values, values);

	for (uint32_t d = 0; d < code;) {
		uint32_t n = stack_value_group(v, s, d), frame = v->path[s->first + d];

		if (!p->located[frame])
			put_location(p, frame, n);
		buf_varint(list, frame + 1);
		d += n;
	}
	put_message(sample, 1, list);
	for (size_t i = 0; i < count; i++)
		buf_varint(list, values[i]);
	put_message(sample, 2, list);
	put_label(p, sample, "bytes", 0, s->bytes, "bytes");
	if (s->cache)
		put_label(p, sample, "cache", pool_string(p, s->cache), 0, "");
	for (uint32_t k = 0; k < s->keys && k < s->depth; k++)
		put_label(p, sample, v->keys[k],
			  pool_string(p, v->frames[v->path[s->first + s->depth - 1 - k]].name), 0,
			  "");
	put_message(&p->samples, SAMPLE, sample);
}

static void put_samples(struct profile *p)
{
	struct buf sample = { 0 }, list = { 0 };

	/* the kernel comes first: readers take the first for the program */
	if (array_room((void **)&p->mappings, &p->mapping_cap, 0, sizeof(*p->mappings)))
		p->mappings[p->mapping_count++] = (struct mapping){ .start = UINT64_MAX };
	else
		p->nomem = true;

	for (size_t i = 0; i < p->v->count && !p->nomem; i++)
		if (p->v->stacks[i].values[MEASURE_ALLOCS] || p->v->stacks[i].values[MEASURE_PEAK])
			put_sample(p, &p->v->stacks[i], &sample, &list);
	buf_release(&sample);
	buf_release(&list);
}

/* ---- the profile ---- */

static void put_type(struct profile *p, unsigned int field, const char *type, const char *unit)
{
	struct buf b = { 0 };

	put_int(&b, 1, string(p, type));
	put_int(&b, 2, string(p, unit));
	put_message(&p->out, field, &b);
	buf_release(&b);
}

static const char *const type_names[MEASURES] = { "inuse_space",   "alloc_space",   "waste_space",
						  "inuse_objects", "alloc_objects", "peak_space" };

static void put_types(struct profile *p)
{
	static const enum stack_measure order[] = { MEASURE_ALLOCS, MEASURE_ALLOCATED,
						    MEASURE_OBJECTS, MEASURE_LIVE };
	uint64_t values[5];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		put_type(p, SAMPLE_TYPE, type_names[order[i]],
			 stack_measure_is_bytes(order[i]) ? "bytes" : "count");
	if (sample_values(p, p->v->totals, values) > 4)
		put_type(p, SAMPLE_TYPE, type_names[p->in->measure], "bytes");
}

static void put_mappings(struct profile *p)
{
	char id[140] = "", name[300];
	struct buf b = { 0 };

	capture_text(p->in->r->db, "kernel.build_id", id, sizeof(id));
	for (size_t i = 0; i < p->mapping_count; i++) {
		const struct mapping *m = &p->mappings[i];

		snprintf(name, sizeof(name), m->module ? "[%s]" : "%s",
			 m->dso	   ? text_pool_get(p->v->pool, m->dso) :
			 m->module ? text_pool_get(p->v->pool, m->module) :
				     "[kernel.kallsyms]_text");
		put_int(&b, 1, i + 1);
		put_int(&b, 2, m->limit ? m->start : 0);
		put_int(&b, 3, m->limit);
		put_int(&b, 5, string(p, name));
		if (!m->dso && !m->module)
			put_int(&b, 6, string(p, id));
		put_int(&b, 7, 1);
		put_int(&b, 8, m->files);
		put_int(&b, 9, m->lines);
		put_int(&b, 10, m->inlined);
		put_message(&p->out, MAPPING, &b);
	}
	buf_release(&b);
}

static void put_functions(struct profile *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->function_count; i++) {
		uint32_t name = pool_string(p, p->functions[i].name);

		put_int(&b, 1, i + 1);
		put_int(&b, 2, name);
		put_int(&b, 3, name);
		put_int(&b, 4, pool_string(p, p->functions[i].file));
		put_message(&p->out, FUNCTION, &b);
	}
	buf_release(&b);
}

static void put_profile(struct profile *p)
{
	struct report *r = p->in->r;

	put_types(p);
	put_samples(p);
	buf_bytes(&p->out, p->samples.data, p->samples.len);
	put_mappings(p);
	buf_bytes(&p->out, p->locations.data, p->locations.len);
	put_functions(p);
	if (r->has_wall)
		put_int(&p->out, TIME, (uint64_t)r->base_wall_ns);
	put_int(&p->out, DURATION, (uint64_t)r->length_ns);
	put_type(p, PERIOD_TYPE, "space", "bytes");
	put_int(&p->out, PERIOD, 1);
	for (size_t i = 0; p->in->notes[i]; i++)
		put_int(&p->out, COMMENT, string(p, p->in->notes[i]));
	put_int(&p->out, DEFAULT_TYPE, string(p, type_names[p->in->measure]));
	/* the last, when all are known; number 0 is the empty one */
	put_bytes(&p->out, STRING, "", 0);
	for (size_t i = 0; i < p->strings.count; i++)
		put_bytes(&p->out, STRING, p->strings.texts[i], strlen(p->strings.texts[i]));
}

/* Readers take a profile that is not packed, too. */
static int write_packed(const struct buf *b, FILE *out, struct error *err)
{
#ifdef HAVE_ZLIB
	z_stream z = { 0 };
	unsigned char room[1 << 14];
	int rc;

	if (b->len > UINT32_MAX)
		return error_set(err, ERR_UNSUPPORTED, "the profile is larger than 4 GB");
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return error_nomem(err);
	z.next_in = b->data;
	z.avail_in = (unsigned int)b->len;
	do {
		z.next_out = room;
		z.avail_out = sizeof(room);
		rc = deflate(&z, Z_FINISH);
		fwrite(room, 1, sizeof(room) - z.avail_out, out);
	} while (rc == Z_OK);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : error_set(err, ERR_IO, "the profile cannot be packed");
#else
	(void)err;
	fwrite(b->data, 1, b->len, out);
	return 0;
#endif
}

int export_pprof(const struct export_input *in, FILE *out, struct error *err)
{
	struct profile p = { .in = in, .v = in->v };
	int rc;

	p.located = calloc(in->v->frame_count + 1, sizeof(*p.located));
	if (p.located)
		put_profile(&p);
	if (!p.located || p.nomem || p.out.oom || p.samples.oom || p.locations.oom)
		rc = error_nomem(err);
	else
		rc = write_packed(&p.out, out, err);
	text_pool_release(&p.strings);
	free(p.functions);
	free(p.mappings);
	free(p.located);
	id_index_release(&p.function_index);
	buf_release(&p.locations);
	buf_release(&p.samples);
	buf_release(&p.out);
	return rc;
}
