-- tables.sql - the database of one capture. Runs alone in the sqlite3 shell.
--
-- Times are nanoseconds since the start of the capture (capture key 'time.base_ns' holds the trace
-- clock at that moment), sizes are bytes, addresses are signed 64-bit integers (print them with
-- printf('%x')). What repeats from event to event (call site, stack, sizes, gfp flags) lives in
-- alloc_site and free_site, so that an allocation is eleven small numbers. The public names are the
-- views in views.sql.

PRAGMA application_id = 0x4b4d454d;	-- 'KMEM'
PRAGMA user_version = 6;

-- Facts about the capture: INFO keys as they are, and what the load found (keys in load.h).
CREATE TABLE capture (
	key TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;

CREATE TABLE event (
	id INTEGER PRIMARY KEY,		-- index of the event type in the capture
	system TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT,			-- 'alloc', 'free' or NULL for an event that is neither
	domain TEXT,			-- 'slab', 'page', 'percpu', 'vmalloc' or NULL
	api TEXT,			-- slab only: 'malloc' (kmalloc, kfree) or 'cache' (kmem_cache_*)
	has_stack INTEGER NOT NULL,
	events INTEGER NOT NULL		-- how many there are in the capture
);

CREATE TABLE symbol (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	module TEXT			-- NULL for the kernel itself
);

-- What user frames lie in: a file, or memory of one program ('[heap]', '//anon', or '[unknown]' where
-- the capture does not tell what was mapped).
CREATE TABLE dso (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL,		-- on the target
	build_id TEXT,			-- hex; NULL: none, or not known
	tgid INTEGER,			-- of memory: whose; NULL for a file
	symbols_from TEXT		-- the file on this machine that names came from; NULL: no name was found
);

-- Code of a module at one place, as the capture knows it.
CREATE TABLE code_section (
	id INTEGER PRIMARY KEY,
	module TEXT NOT NULL,
	name TEXT NOT NULL,		-- '.text', '.init.text'
	address INTEGER NOT NULL,	-- where it began
	build_id TEXT			-- of the module, hex; NULL: not known
);

-- A source file. path is relative to the root of the tree it was built from: 'fs/ext4/inode.c' for a kernel,
-- whoever built it and where; absolute where it lies outside.
CREATE TABLE source (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL UNIQUE,
	directory TEXT NOT NULL		-- 'fs/ext4'; '' for none
);

-- Every distinct address of a call site or a stack. symbol is NULL where nothing is known about it.
-- Frames of user space have a dso; in a file, address is the offset in that file, so that a frame is
-- the same in all processes that map it.
CREATE TABLE frame (
	id INTEGER PRIMARY KEY,
	address INTEGER NOT NULL,	-- 0: not known, a text log gave only the name
	symbol INTEGER REFERENCES symbol,
	offset INTEGER,			-- address minus start of the symbol; NULL: a text log gave only the function
	dso INTEGER REFERENCES dso,	-- NULL: of the kernel
	section INTEGER REFERENCES code_section,	-- of a module, at the time; NULL: of none
	exact INTEGER NOT NULL,		-- 1: an instruction that ran; 0: a return address, its code ends before it
	unit INTEGER REFERENCES source	-- the compile unit (its .c file) that the code belongs to; NULL: no debug
					-- information (load -k, symbolize)
);

-- Functions at a frame's address, innermost first: position 0 is where the address's source line is, the
-- last is the function of the symbol table, the others are inlined in the one behind them. Of
-- those the line is that of the call. Empty without debug information, as the next one.
CREATE TABLE inline_frame (
	frame INTEGER NOT NULL REFERENCES frame,
	position INTEGER NOT NULL,
	function TEXT NOT NULL,
	source INTEGER REFERENCES source,
	line INTEGER,
	PRIMARY KEY (frame, position)
) WITHOUT ROWID;

-- Memory that the kernel and its modules take without allocating it.
CREATE TABLE static_symbol (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,		-- 'text', 'data' or 'bss'
	bytes INTEGER NOT NULL,
	unit INTEGER REFERENCES source,	-- NULL: no debug information names it
	module TEXT			-- NULL for the kernel itself
);

CREATE TABLE stack (
	id INTEGER PRIMARY KEY,
	depth INTEGER NOT NULL
);

-- Innermost frame first: position 0 is the function that allocates. Frames of the tracing machinery
-- itself, which x86 puts on top, are left out. User frames, where they were recorded, follow those of
-- the kernel.
CREATE TABLE stack_frame (
	stack INTEGER NOT NULL REFERENCES stack,
	position INTEGER NOT NULL,
	frame INTEGER NOT NULL REFERENCES frame,
	PRIMARY KEY (stack, position)
) WITHOUT ROWID;

CREATE TABLE cache (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);

-- A thread under one name: a rename or a reused pid makes a new row.
CREATE TABLE task (
	id INTEGER PRIMARY KEY,
	pid INTEGER NOT NULL,
	tgid INTEGER,			-- NULL where unknown
	comm TEXT,			-- NULL where unknown
	start_time INTEGER,		-- when this name was taken; NULL: before the capture
	self INTEGER NOT NULL		-- 1: a thread of the recorder
);

CREATE TABLE alloc_site (
	id INTEGER PRIMARY KEY,
	event INTEGER NOT NULL REFERENCES event,
	call_site INTEGER REFERENCES frame,	-- NULL where the event has none, or it was lost
	stack INTEGER REFERENCES stack,		-- NULL: none recorded, or not chosen (capture key 'events.stack_sample')
	stack_lost INTEGER NOT NULL,		-- 1: a stack was asked for and is not there
	bytes_req INTEGER NOT NULL,
	bytes_alloc INTEGER NOT NULL,
	gfp INTEGER,
	node INTEGER,
	cache INTEGER REFERENCES cache,		-- from the event, or learned from the frees of its objects
	context INTEGER NOT NULL,		-- 0 task, 1 softirq, 2 hard interrupt, 3 NMI
	caller INTEGER REFERENCES frame,	-- the first frame outside the allocator and its thin wrappers
	migratetype INTEGER,			-- of pages; NULL: not known, and for all else
	part_of INTEGER REFERENCES alloc_site	-- of pages: part of a block of that site, of which another part was freed or
						-- allocated again; NULL: all of an allocation
);

CREATE TABLE free_site (
	id INTEGER PRIMARY KEY,
	event INTEGER NOT NULL REFERENCES event,
	call_site INTEGER REFERENCES frame,
	stack INTEGER REFERENCES stack,
	stack_lost INTEGER NOT NULL,
	cache INTEGER REFERENCES cache,
	context INTEGER NOT NULL,
	caller INTEGER REFERENCES frame,
	bytes INTEGER				-- of pages: how much it frees; NULL: not known, and for all else
);

-- The flags of every gfp in alloc_site by name, as the captured kernel prints them: 'GFP_KERNEL|__GFP_ZERO'; what has no
-- name in hexadecimal. capture key 'gfp.names': where the names are from.
CREATE TABLE gfp_name (
	gfp INTEGER PRIMARY KEY,
	names TEXT NOT NULL
);

-- One row per allocation, in the order in which they ended; those still live at the end of the
-- capture come last, by time (capture key 'first_live_id'). end: 0 live at the end; 1 freed; 2 its
-- address was allocated again, so its free was not traced, and lifetime is an upper bound. + 4:
-- events were lost or not recorded (table loss) while it was live, so a free may be among them.
CREATE TABLE allocation (
	id INTEGER PRIMARY KEY,
	time INTEGER NOT NULL,
	lifetime INTEGER,		-- ns; NULL while live
	address INTEGER NOT NULL,
	alloc_site INTEGER NOT NULL REFERENCES alloc_site,
	free_site INTEGER REFERENCES free_site,
	task INTEGER NOT NULL REFERENCES task,		-- running at the allocation; see alloc_site.context
	free_task INTEGER REFERENCES task,
	cpu INTEGER NOT NULL,
	free_cpu INTEGER,
	end INTEGER NOT NULL
);

-- Frees of addresses that the capture never saw allocated (allocated before it, or the allocation
-- was lost).
CREATE TABLE unmatched_free (
	id INTEGER PRIMARY KEY,
	time INTEGER NOT NULL,
	address INTEGER NOT NULL,
	free_site INTEGER NOT NULL REFERENCES free_site,
	task INTEGER NOT NULL REFERENCES task,
	cpu INTEGER NOT NULL
);

-- Summaries, made in the same pass as the rows, so that stock reports need no scan. What the recorder
-- counted instead of writing (kmem-record --survivors) is in pair_total, free_total and event, and in
-- no row of allocation: capture has folded.pairs, how many objects that are.
-- self = 1: allocated by a thread of the recorder in task context.
CREATE TABLE pair_total (
	alloc_site INTEGER NOT NULL REFERENCES alloc_site,
	free_site INTEGER NOT NULL,	-- 0 where no free is known
	end INTEGER NOT NULL,		-- as in allocation
	self INTEGER NOT NULL,
	objects INTEGER NOT NULL,
	lifetime_sum INTEGER NOT NULL,	-- ns; of live objects their age at the end of the capture; beyond 292 years a REAL
	lifetime_min INTEGER NOT NULL,
	lifetime_max INTEGER NOT NULL,
	PRIMARY KEY (alloc_site, free_site, end, self)
) WITHOUT ROWID;

-- How long the objects lived that were freed, in classes of two decimal digits: lifetime is the shortest
-- of the class (below 100 ns all of one class are equal; 1200 stands for 1200 to 1299 ns). Without what
-- was folded.
CREATE TABLE lifetime_total (
	alloc_site INTEGER NOT NULL REFERENCES alloc_site,
	self INTEGER NOT NULL,
	end INTEGER NOT NULL,		-- 1; 5: events were lost while they were live
	lifetime INTEGER NOT NULL,	-- ns
	objects INTEGER NOT NULL,
	PRIMARY KEY (alloc_site, self, end, lifetime)
) WITHOUT ROWID;

CREATE TABLE site_total (
	alloc_site INTEGER NOT NULL REFERENCES alloc_site,
	self INTEGER NOT NULL,
	failed INTEGER NOT NULL,	-- allocations that returned NULL
	peak_objects INTEGER NOT NULL,	-- live at the moment of domain_peak, without what was folded
	moved INTEGER NOT NULL,		-- freed on another CPU than allocated on, without what was folded
	PRIMARY KEY (alloc_site, self)
) WITHOUT ROWID;

-- The moment at which the live bytes of a domain were highest, after all events of that moment; the first
-- of several. Without what threads of the recorder allocated, and without what was folded. Not exact where
-- capture key events.out_of_order is not 0.
CREATE TABLE domain_peak (
	domain TEXT PRIMARY KEY,	-- as in event; no row: nothing was ever live
	time INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	objects INTEGER NOT NULL
) WITHOUT ROWID;

-- What was live over time, in steps of one length (capture key 'live_step.ns'), each after all events of its
-- last moment: a row per step in which anything changed, the others are as the one before them; before the
-- first nothing was live. Without what threads of the recorder allocated, and without what was folded. Not
-- exact where capture key events.out_of_order is not 0.
CREATE TABLE live_step (
	domain TEXT NOT NULL,		-- as in event
	time INTEGER NOT NULL,		-- the end of the step; the first step is the moment 0
	bytes INTEGER NOT NULL,
	objects INTEGER NOT NULL,
	bytes_min INTEGER NOT NULL,	-- from the end of the step before to this one
	bytes_max INTEGER NOT NULL,
	PRIMARY KEY (domain, time)
) WITHOUT ROWID;

-- The peaks of every stack by itself, or where none was recorded of every call site.
CREATE TABLE stack_peak (
	domain TEXT NOT NULL,
	stack INTEGER REFERENCES stack,		-- NULL: none recorded
	call_site INTEGER REFERENCES frame,	-- NULL where there is a stack, or nothing is known
	self INTEGER NOT NULL,
	time INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	objects INTEGER NOT NULL
);

CREATE TABLE free_total (
	free_site INTEGER NOT NULL REFERENCES free_site,
	self INTEGER NOT NULL,		-- freed by a thread of the recorder in task context
	matched INTEGER NOT NULL,
	unmatched INTEGER NOT NULL,
	null_frees INTEGER NOT NULL,	-- kfree(NULL): no memory concerned
	PRIMARY KEY (free_site, self)
) WITHOUT ROWID;

-- When events are missing. kind: 'lost' by a CPU's ring between two moments; or on purpose 'paused', all
-- CPUs; or 'overwritten', what happened on that CPU before a flight recorder's ring begins. cpu -1: any.
CREATE TABLE loss (
	cpu INTEGER NOT NULL,
	from_time INTEGER NOT NULL,
	to_time INTEGER NOT NULL,
	records INTEGER NOT NULL,	-- 0 where on purpose
	kind TEXT NOT NULL
);

-- Moments that were named while recording (kmem-record ctl mark TEXT). Names may repeat.
CREATE TABLE mark (
	id INTEGER PRIMARY KEY,		-- in the order of the capture
	time INTEGER NOT NULL,
	text TEXT NOT NULL
);

-- Bytes of the capture that could not be used.
CREATE TABLE damage (
	offset INTEGER NOT NULL,
	length INTEGER NOT NULL,
	text TEXT NOT NULL
);

-- The account of each ring of each CPU at the end, in records (stack records included); see FORMAT.md,
-- STATS.
CREATE TABLE ring (
	cpu INTEGER NOT NULL,
	ring INTEGER NOT NULL,		-- which of the CPU's rings, from 0
	entries INTEGER NOT NULL,
	overrun INTEGER NOT NULL,
	commit_overrun INTEGER NOT NULL,
	dropped INTEGER NOT NULL,
	read INTEGER NOT NULL,
	decoded INTEGER NOT NULL,
	events INTEGER NOT NULL,
	stacks INTEGER NOT NULL,
	orphan_stacks INTEGER NOT NULL,
	missing_stacks INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	PRIMARY KEY (cpu, ring)
) WITHOUT ROWID;

-- Files of the target that a later question may need (slabinfo, vmstat, meminfo, allocinfo,
-- modules).
CREATE TABLE file (
	name TEXT NOT NULL,
	moment TEXT NOT NULL,		-- 'start' or 'end'
	content BLOB NOT NULL,
	PRIMARY KEY (name, moment)
) WITHOUT ROWID;

-- Any other recorded tracepoint has a table event_SYSTEM_NAME with id (in order of time), time,
-- cpu, task, stack and its own fields. In names, anything but letters, digits and underscores is an
-- underscore; a field whose name is taken (cpu, for one) gets _2 behind it. Strings are TEXT, other
-- arrays BLOB; NULL where the capture is damaged.
