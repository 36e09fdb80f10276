#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "analyze/symbolize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/debug_lines.h"
#include "analyze/debug_search.h"
#include "analyze/query.h"
#include "analyze/source_table.h"
#include "analyze/static_capture.h"
#include "analyze/symbol_files.h"
#include "format/base/buf.h"
#include "format/base/units.h"

#define ID_TEXT	     (2 * BUILD_ID_MAX + 1)
#define RELEASE_TEXT 128
#define PATCHED_STEP 4
#define PATCHED_MAX  16

/* Frames of one kind after another: the kernel's, those of each module, those of each program file. */
static const char frames_sql[] =
	"SELECT f.id, f.address, f.exact, f.dso, d.path, coalesce(d.build_id, c.build_id), c.module, c.name,"
	" c.address, s.name IS NULL OR s.name GLOB '.*', f.offset - NOT f.exact"
	" FROM frame f LEFT JOIN dso d ON d.id = f.dso LEFT JOIN code_section c ON c.id = f.section"
	" LEFT JOIN symbol s ON s.id = f.symbol"
	" ORDER BY f.dso, c.module, c.build_id, c.name, c.address, f.address";

enum {
	COL_ID,
	COL_ADDRESS,
	COL_EXACT,
	COL_DSO,
	COL_PATH,
	COL_BUILD_ID,
	COL_MODULE,
	COL_SECTION,
	COL_SECTION_ADDRESS,
	COL_UNNAMED,
	COL_FROM_START
};

struct build_id {
	uint8_t bytes[BUILD_ID_MAX];
	size_t len; /* 0: not known */
	char text[ID_TEXT];
};

/* The file that the frames at hand belong to. */
struct at_hand {
	bool started;		 /* the rest means something */
	int64_t dso;		 /* 0: the kernel or a module */
	char *module;		 /* NULL: the kernel itself, or a program */
	char *id;		 /* of a module, as text; NULL: not known */
	struct debug_file *file; /* NULL: there is none */
	struct debug_lines *lines;
	struct elf_symbols *segments; /* of a program: of offsets to addresses */
	bool noted;		      /* in symbols.from */
	int64_t symbol; /* the last one that was made, of the function at symbol_start */
	uint64_t symbol_start;
};

struct run {
	struct db_writer *w;
	const struct symbolize_options *o;
	struct symbolize_result *ret;
	struct debug_search *search;
	struct source_table sources;
	struct symbol_files programs;
	struct source_tree tree; /* of the kernel */
	struct debug_file *kernel;
	uint64_t offset; /* from the addresses in vmlinux to those of the capture */
	bool mismatch;
	uint64_t unverified, files;
	struct buf from;
	sqlite3_stmt *set_unit, *add_function, *add_unnamed, *add_symbol, *set_symbol;
	struct at_hand at;
};

/* ---- build-ids ---- */

static void id_from_text(const char *text, struct build_id *ret)
{
	unsigned int byte;

	*ret = (struct build_id){ .len = 0 };
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	for (; ret->len < BUILD_ID_MAX && sscanf(text, "%2x", &byte) == 1 && text[1]; text += 2)
		ret->bytes[ret->len++] = (uint8_t)byte;
}

static void id_of_file(const struct debug_file *f, struct build_id *ret)
{
	size_t len;
	const uint8_t *bytes = debug_file_build_id(f, &len);

	*ret = (struct build_id){ .len = bytes ? len : 0 };
	for (size_t i = 0; bytes && i < len; i++) {
		ret->bytes[i] = bytes[i];
		snprintf(ret->text + 2 * i, 3, "%02x", bytes[i]);
	}
}

/* ---- the kernel ---- */

static int refuse(struct run *r, struct error *err, const char *what, const char *file_has,
		  const char *capture_has)
{
	r->mismatch = true;
	if (r->o->allow_mismatch)
		return 0;
	return error_set(err, ERR_FORMAT,
			 "'%s' is not the capture's kernel: its %s is %s, the capture's is %s; "
			 "--allow-mismatch uses it all the same",
			 debug_file_path(r->kernel), what, file_has, capture_has);
}

/* Without build-ids: whatever else tells two builds apart. */
static int compare_kernels(struct run *r, struct error *err)
{
	sqlite3 *db = db_writer_db(r->w);
	char mine[RELEASE_TEXT], other[RELEASE_TEXT];
	uint64_t start, end;
	int64_t text = capture_int(db, "kernel._etext", 0) - capture_int(db, "kernel._stext", 0);

	r->unverified++;
	if (capture_text(db, "kernel.release", mine, sizeof(mine)) && *mine &&
	    debug_file_release(r->kernel, other, sizeof(other)) && strcmp(mine, other))
		return refuse(r, err, "release", other, mine);
	if (text <= 0 || capture_int(db, "kernel._etext", 0) == 0 ||
	    !debug_file_symbol(r->kernel, "_stext", &start) ||
	    !debug_file_symbol(r->kernel, "_etext", &end) || end - start == (uint64_t)text)
		return 0;
	snprintf(mine, sizeof(mine), "0x%" PRIx64 " bytes", (uint64_t)text);
	snprintf(other, sizeof(other), "0x%" PRIx64 " bytes", end - start);
	return refuse(r, err, "text", other, mine);
}

static int check_kernel(struct run *r, const struct build_id *wanted, struct error *err)
{
	struct build_id id;

	id_of_file(r->kernel, &id);
	if (!id.len || !wanted->len)
		return compare_kernels(r, err);
	if (id.len == wanted->len && !memcmp(id.bytes, wanted->bytes, id.len))
		return 0;
	return refuse(r, err, "build-id", id.text, wanted->text);
}

static int place_kernel(struct run *r, struct error *err)
{
	int64_t stext = capture_int(db_writer_db(r->w), "kernel._stext", -1);
	uint64_t start;

	if (!debug_file_symbol(r->kernel, "_stext", &start))
		return error_set(err, ERR_FORMAT, "'%s' has no symbol _stext",
				 debug_file_path(r->kernel));
	if (stext == -1)
		return error_set(
			err, ERR_FORMAT,
			"the capture has no addresses of kernel symbols (kallsyms), so that "
			"it is not known where its kernel lay: -k is of no use");
	r->offset = (uint64_t)stext - start;
	return 0;
}

/* Of its own build, else of another that the user may want all the same. None at all is no failure yet. */
static int find_kernel(struct run *r, struct error *err)
{
	sqlite3 *db = db_writer_db(r->w);
	char release[RELEASE_TEXT], text[ID_TEXT];
	bool has_release = capture_text(db, "kernel.release", release, sizeof(release)) && *release;
	struct build_id id = { .len = 0 };
	int rc = 0;

	if (capture_text(db, "kernel.build_id", text, sizeof(text)))
		id_from_text(text, &id);
	if (id.len)
		rc = debug_search_kernel(r->search, id.bytes, id.len, has_release ? release : NULL,
					 &r->kernel, err);
	if (rc == 0)
		rc = debug_search_kernel(r->search, NULL, 0, has_release ? release : NULL,
					 &r->kernel, err);
	if (rc <= 0)
		return rc;
	rc = check_kernel(r, &id, err);
	return rc < 0 ? rc : place_kernel(r, err);
}

/* ---- the file at hand ---- */

static void leave(struct run *r)
{
	struct at_hand *a = &r->at;

	debug_lines_free(a->lines);
	if (a->file != r->kernel)
		debug_file_close(a->file);
	elf_symbols_free(a->segments);
	free(a->module);
	free(a->id);
	*a = (struct at_hand){ .started = false };
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static const char *text_or_null(const struct query *q, int column)
{
	return query_is_null(q, column) ? NULL : query_text(q, column);
}

static bool is_at_hand(const struct at_hand *a, const struct query *q)
{
	if (!a->started || a->dso != query_int(q, COL_DSO))
		return false;
	return a->dso || (same_text(a->module, text_or_null(q, COL_MODULE)) &&
			  same_text(a->id, text_or_null(q, COL_BUILD_ID)));
}

static void note_missing(struct symbolize_result *ret, const char *module)
{
	size_t len = strlen(ret->missing);

	ret->modules_missing++;
	if (len + strlen(module) + 3 < sizeof(ret->missing))
		snprintf(ret->missing + len, sizeof(ret->missing) - len, "%s%s", len ? ", " : "",
			 module);
}

static int find_module(struct run *r, struct error *err)
{
	struct build_id id = { .len = 0 };
	int rc;

	if (r->at.id)
		id_from_text(r->at.id, &id);
	rc = debug_search_module(r->search, r->at.module, id.bytes, id.len, &r->at.file, err);
	if (rc == 0 && id.len && r->o->allow_mismatch) {
		rc = debug_search_module(r->search, r->at.module, NULL, 0, &r->at.file, err);
		r->mismatch |= rc > 0;
	}
	if (rc == 0)
		note_missing(r->ret, r->at.module);
	else if (rc > 0 && !id.len)
		r->unverified++;
	return rc;
}

/* What translates offsets may be another file of the same build: a .debug file does not tell. */
static int find_segments(struct run *r, const char *path, const struct build_id *id,
			 struct error *err)
{
	struct dso dso = { .path = (char *)(uintptr_t)path, .build_id_len = (uint8_t)id->len };
	struct symbol_source source;
	int rc = elf_symbols_new(&r->at.segments, debug_file_path(r->at.file), err);

	if (rc < 0 || elf_symbols_has_segments(r->at.segments))
		return rc < 0 ? rc : 1;
	elf_symbols_free(r->at.segments);
	r->at.segments = NULL;
	memcpy(dso.build_id, id->bytes, id->len);
	rc = symbol_files_open(&r->programs, &dso, &source);
	if (rc < 0)
		return error_nomem(err);
	if (rc > 0) {
		r->at.segments = source.segments;
		if (source.functions == source.segments)
			source.functions = NULL;
		source.segments = NULL;
		symbol_source_close(&source);
	}
	return rc;
}

static int find_program(struct run *r, const struct query *q, struct error *err)
{
	const char *path = query_text(q, COL_PATH);
	struct build_id id;
	int rc;

	id_from_text(query_text(q, COL_BUILD_ID), &id);
	rc = debug_search_program(r->search, path, id.bytes, id.len, &r->at.file, err);
	return rc > 0 ? find_segments(r, path, &id, err) : rc;
}

static int keep_text(char **ret, const char *text, struct error *err)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? error_nomem(err) : 0;
}

/* The kernel's own units tell how its tree is named, also in its modules. */
static int take_tree(struct run *r, struct error *err)
{
	const struct source_tree *t = debug_lines_tree(r->at.lines);
	int rc = keep_text(&r->tree.root, t->root, err);

	return rc < 0 ? rc : keep_text(&r->tree.object, t->object, err);
}

static int enter(struct run *r, const struct query *q, struct error *err)
{
	struct at_hand *a = &r->at;
	int rc;

	leave(r);
	a->started = true;
	a->dso = query_int(q, COL_DSO);
	rc = keep_text(&a->module, text_or_null(q, COL_MODULE), err);
	if (rc == 0 && a->module)
		rc = keep_text(&a->id, text_or_null(q, COL_BUILD_ID), err);
	if (rc < 0)
		return rc;
	if (a->dso)
		rc = find_program(r, q, err);
	else if (a->module)
		rc = find_module(r, err);
	else if ((rc = r->kernel != NULL) > 0)
		a->file = r->kernel;
	if (rc > 0)
		rc = debug_lines_new(&a->lines, a->file, err) < 0 ? ERR_FORMAT : 1;
	if (rc > 0 && !a->dso && !a->module)
		rc = take_tree(r, err);
	return rc < 0 ? rc : 0;
}

/* ---- one frame ---- */

/* The address inside the instruction, as debug information of the file at hand counts; false: in no code of it. */
static bool place_of(struct run *r, const struct query *q, uint64_t *ret)
{
	uint64_t inside = (uint64_t)query_int(q, COL_ADDRESS) - !query_int(q, COL_EXACT);
	struct debug_section section;

	if (r->at.dso)
		return elf_symbols_address(r->at.segments, inside, ret);
	if (!r->at.module) {
		*ret = inside - r->offset;
		return debug_file_is_code(r->at.file, *ret);
	}
	inside -= (uint64_t)query_int(q, COL_SECTION_ADDRESS);
	if (!debug_file_section(r->at.file, query_text(q, COL_SECTION), &section) ||
	    inside >= section.size)
		return false;
	*ret = section.address + inside;
	return true;
}

/* A frame that kallsyms did not name (initialisation code of modules), or no symbol table (programs). */
static int name_frame(struct run *r, const struct query *q, const struct debug_chain *c,
		      uint64_t place, struct error *err)
{
	struct at_hand *a = &r->at;
	const char *function = c->at[c->count - 1].function;
	int rc = 0;

	if (!function || !c->start || r->mismatch)
		return 0;
	if (!a->symbol || a->symbol_start != c->start) {
		rc = db_put(r->w, r->add_symbol, err, "ss", function, a->module);
		a->symbol = sqlite3_last_insert_rowid(db_writer_db(r->w));
		a->symbol_start = c->start;
	}
	return rc < 0 ? rc :
			db_put(r->w, r->set_symbol, err, "iii", query_int(q, COL_ID), a->symbol,
			       (int64_t)(place - c->start) + !query_int(q, COL_EXACT));
}

static int write_chain(struct run *r, int64_t frame, const struct debug_chain *c, struct error *err)
{
	static const struct source_tree none;
	const struct source_tree *tree = r->at.dso ? &none : &r->tree;
	int64_t id = source_table_id(&r->sources, tree, c->comp_dir, c->unit, err);
	int rc = id < 0 ? (int)id : 0;

	if (rc == 0)
		rc = db_put(r->w, r->set_unit, err, "in", frame, (uint32_t)id);
	for (size_t i = 0; i < c->count && rc == 0; i++) {
		const struct debug_place *p = &c->at[i];

		id = source_table_id(&r->sources, tree, c->comp_dir, p->file, err);
		if (id < 0)
			return (int)id;
		rc = db_put(r->w, p->function ? r->add_function : r->add_unnamed, err, "iinNs",
			    frame, (int64_t)i, (uint32_t)id, p->line > 0, (int64_t)p->line,
			    p->function);
	}
	return rc;
}

static int note_file(struct run *r, struct error *err)
{
	const char *path = debug_file_path(r->at.file);

	if (r->at.noted)
		return 0;
	r->at.noted = true;
	r->files++;
	if (r->from.len)
		buf_u8(&r->from, '\n');
	buf_bytes(&r->from, path, strlen(path));
	return r->from.oom ? error_nomem(err) : 0;
}

/*
 * What tracers patch at the start of a function belongs to none where the compiler leaves it out of the function
 * (arm64: two instructions): of an address there the function is meant that begins behind it.
 */
static int find(struct run *r, const struct query *q, uint64_t place, struct debug_chain *ret,
		struct error *err)
{
	int rc = debug_lines_find(r->at.lines, place, ret, err);

	if (rc < 0 || (rc > 0 && ret->at[ret->count - 1].function) ||
	    query_is_null(q, COL_FROM_START) || query_int(q, COL_FROM_START) != 0)
		return rc;
	for (uint64_t n = PATCHED_STEP; n <= PATCHED_MAX; n += PATCHED_STEP) {
		rc = debug_lines_find(r->at.lines, place + n, ret, err);
		if (rc < 0 || (rc > 0 && ret->start == place + n))
			return rc;
	}
	return debug_lines_find(r->at.lines, place, ret, err);
}

static int do_frame(struct run *r, const struct query *q, struct error *err)
{
	struct symbolize_result *ret = r->ret;
	struct debug_chain c;
	uint64_t place;
	int rc = is_at_hand(&r->at, q) ? 0 : enter(r, q, err);

	*(r->at.dso ? &ret->users : &ret->frames) += 1;
	if (rc < 0 || !r->at.lines || !place_of(r, q, &place))
		return rc;
	rc = find(r, q, place, &c, err);
	if (rc <= 0)
		return rc;
	*(r->at.dso ? &ret->users_named : &ret->named) += 1;
	ret->inlined += !r->at.dso && c.count > 1;
	rc = write_chain(r, query_int(q, COL_ID), &c, err);
	if (rc == 0 && query_int(q, COL_UNNAMED))
		rc = name_frame(r, q, &c, place, err);
	return rc < 0 ? rc : note_file(r, err);
}

/* ---- all ---- */

static int prepare(struct run *r, struct error *err)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
		{ &r->set_unit, "UPDATE frame SET unit = ?2 WHERE id = ?1" },
		{ &r->add_function,
		  "INSERT INTO inline_frame (frame, position, source, line, function)"
		  " VALUES (?,?,?,?,?)" },
		/* assembly: the symbol table alone knows the function */
		{ &r->add_unnamed,
		  "INSERT INTO inline_frame (frame, position, source, line, function)"
		  " SELECT ?1, ?2, ?3, ?4, s.name FROM frame f"
		  " JOIN symbol s ON s.id = f.symbol WHERE f.id = ?1 AND ?5 IS NULL" },
		{ &r->add_symbol, "INSERT INTO symbol (name, module) VALUES (?,?)" },
		{ &r->set_symbol, "UPDATE frame SET symbol = ?2, offset = ?3 WHERE id = ?1" },
	};
	int rc = db_writer_run(
		r->w,
		"UPDATE frame SET unit = NULL WHERE unit IS NOT NULL;"
		"DELETE FROM inline_frame; DELETE FROM static_symbol; DELETE FROM source;"
		"DELETE FROM capture WHERE key IN ('symbols.from', 'symbols.build_id',"
		" 'symbols.mismatch', 'symbols.unverified', 'symbols.frames', 'static.modules', 'static.missing')",
		err);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && rc == 0; i++)
		rc = db_prepare(r->w, all[i].stmt, all[i].sql, err);
	return rc;
}

static int do_frames(struct run *r, struct error *err)
{
	struct query q;
	int rc = query_init(&q, db_writer_db(r->w), frames_sql, NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = do_frame(r, &q, err);
	query_release(&q);
	return rc;
}

static int nothing_found(struct run *r, struct error *err)
{
	char id[ID_TEXT] = "";
	bool has_id = capture_text(db_writer_db(r->w), "kernel.build_id", id, sizeof(id));

	return error_set(err, ERR_FORMAT,
			 "-k: nothing with debug information is there that belongs to the capture "
			 "(its kernel has %s%s)",
			 has_id ? "build-id " : "no build-id", id);
}

static int write_facts(struct run *r, struct error *err)
{
	struct build_id id = { .len = 0 };
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(r->w, &stmt, "INSERT INTO capture VALUES (?,?)", err);

	if (r->kernel)
		id_of_file(r->kernel, &id);
	if (rc == 0)
		rc = db_put(r->w, stmt, err, "st", "symbols.from", r->from.data, r->from.len);
	if (rc == 0 && id.len)
		rc = db_put(r->w, stmt, err, "ss", "symbols.build_id", id.text);
	if (rc == 0 && r->mismatch)
		rc = db_put(r->w, stmt, err, "si", "symbols.mismatch", (int64_t)1);
	if (rc == 0 && r->unverified)
		rc = db_put(r->w, stmt, err, "si", "symbols.unverified", (int64_t)r->unverified);
	if (rc == 0)
		rc = db_put(r->w, stmt, err, "si", "symbols.frames", (int64_t)r->ret->named);
	sqlite3_finalize(stmt);
	return rc;
}

static void release(struct run *r)
{
	leave(r);
	debug_file_close(r->kernel);
	debug_search_free(r->search);
	source_table_release(&r->sources);
	symbol_files_release(&r->programs);
	source_tree_release(&r->tree);
	buf_release(&r->from);
	sqlite3_finalize(r->set_unit);
	sqlite3_finalize(r->add_function);
	sqlite3_finalize(r->add_unnamed);
	sqlite3_finalize(r->add_symbol);
	sqlite3_finalize(r->set_symbol);
}

int symbolize(struct db_writer *w, const struct symbolize_options *o, struct symbolize_result *ret,
	      struct error *err)
{
	struct run r = { .w = w,
			 .o = o,
			 .ret = ret,
			 .sources = { .writer = w },
			 .programs = { .dirs = o->paths, .dir_count = o->count } };
	int rc = debug_search_new(&r.search, o->paths, o->count, err);

	*ret = (struct symbolize_result){ 0 };
	if (rc == 0)
		rc = prepare(&r, err);
	if (rc == 0)
		rc = find_kernel(&r, err);
	if (rc == 0)
		rc = do_frames(&r, err);
	if (rc == 0 && !r.files)
		rc = nothing_found(&r, err);
	if (rc == 0 && !o->lines_only)
		rc = static_capture(db_writer_db(w), r.kernel, r.search, &r.tree, err);
	if (rc == 0)
		rc = write_facts(&r, err);
	release(&r);
	return rc;
}

const char *symbolize_summary(char *room, size_t size, const struct symbolize_result *r)
{
	char n[4][UNITS_TEXT], modules[280] = "", users[120] = "";

	if (r->modules_missing)
		snprintf(modules, sizeof(modules), "; no debug information for %s%s", r->missing,
			 strlen(r->missing) + 80 > sizeof(r->missing) ? ", ..." : "");
	if (r->users)
		snprintf(users, sizeof(users), ", and %s of %s of user programs",
			 units_count(n[2], r->users_named), units_count(n[3], r->users));
	snprintf(room, size,
		 "source lines for %s of %s addresses of the kernel and its modules%s%s",
		 units_count(n[0], r->named), units_count(n[1], r->frames), users, modules);
	return room;
}
