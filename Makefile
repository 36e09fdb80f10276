# kmem-record and kmem-analyze. `make help` lists what can be made.

V ?= 0
DEBUG ?= 0
STATIC ?= 0
SAN ?=
CROSS_COMPILE ?=
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
DESTDIR ?=

ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
STRIP ?= $(CROSS_COMPILE)strip
PYTHON ?= python3

# Every flavour has a directory of its own, so that a sanitizer build never mixes with the default one.
comma := ,
flavour := $(if $(CROSS_COMPILE),$(CROSS_COMPILE))$(if $(filter 1,$(STATIC)),static-)$(if $(SAN),san-$(subst $(comma),-,$(SAN))-)$(if $(filter 1,$(COVERAGE)),cov-)$(if $(filter 1,$(DEBUG)),debug,release)
B := build/$(flavour)

# of a copy without git KMEM_VERSION tells it
KMEM_VERSION ?= $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
version := $(KMEM_VERSION)

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
optimise := $(if $(filter 1,$(DEBUG)),-Og -g3,-O2 -g)
CFLAGS ?= $(optimise)
# it needs an optimising compiler
fortify := $(if $(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
hardening := -fstack-protector-strong $(fortify) -fPIE
ldhardening := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
ifeq ($(STATIC),1)
hardening := -fstack-protector-strong $(fortify)
ldhardening := -static -Wl,-z,relro -Wl,-z,noexecstack
endif
ifneq ($(SAN),)
hardening := -fPIE
ldhardening := -pie
endif
all_cflags := -std=gnu11 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -ffp-contract=off -I. -I$(B)/gen -pthread -ffile-prefix-map=$(CURDIR)=. -ffunction-sections \
	-fdata-sections $(warnings) $(if $(WERROR),-Werror) $(hardening) $(CFLAGS) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	$(if $(FUZZ),-fsanitize=fuzzer-no-link) \
	$(if $(filter 1,$(COVERAGE)),--coverage -fprofile-update=atomic) $(EXTRA_CFLAGS)
all_ldflags := -pthread $(ldhardening) -Wl,--gc-sections -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) \
	$(if $(filter 1,$(COVERAGE)),--coverage) $(LDFLAGS)

pkg_config ?= pkg-config
# libtraceevent is the witness of a test (tests/kernel/pages.c); the recorder itself does without
trace_cflags = $(shell $(pkg_config) --cflags libtraceevent 2>/dev/null)
trace_libs = $(shell $(pkg_config) --libs libtraceevent 2>/dev/null)
zstd_libs = $(shell $(pkg_config) --libs $(if $(filter 1,$(STATIC)),--static) libzstd 2>/dev/null)

# For another machine: the compiler by CROSS_COMPILE, libraries from a directory that scripts/sysroot.sh fills.
out := build
ifneq ($(CROSS_COMPILE),)
triplet := $(CROSS_COMPILE:%-=%)
out := build/$(triplet)
SYSROOT ?= build/sysroot/$(triplet)
sysroot_lib := $(SYSROOT)/usr/lib/$(triplet)/libzstd.a
zstd_libs = -L$(dir $(sysroot_lib)) -lzstd
all_cflags += -I$(SYSROOT)/usr/include
pkg_config = PKG_CONFIG_LIBDIR=$(dir $(sysroot_lib))pkgconfig PKG_CONFIG_SYSROOT_DIR=$(abspath $(SYSROOT)) pkg-config
endif
record_libs = $(zstd_libs)
# compressed text logs, as far as the libraries are there
packers := $(foreach p,zlib liblzma,$(shell $(pkg_config) --exists $(p) 2>/dev/null && echo $(p)))
all_cflags += $(if $(filter zlib,$(packers)),-DHAVE_ZLIB) $(if $(filter liblzma,$(packers)),-DHAVE_LZMA)
analyze_libs = $(shell $(pkg_config) --libs $(if $(filter 1,$(STATIC)),--static) $(packers) sqlite3 libzstd libdw libelf 2>/dev/null) \
	$(cairo_libs) -lm
# Pictures of rings. Without it the analyser says so when one is asked for; CAIRO=0 leaves it out.
ifneq ($(or $(filter 0,$(CAIRO)),$(filter 1,$(STATIC))),)
cairo_libs :=
else
cairo_libs := $(shell $(pkg_config) --libs cairo-svg cairo-pdf cairo-png 2>/dev/null)
endif
cairo_cflags = $(if $(cairo_libs),-DHAVE_CAIRO $(shell $(pkg_config) --cflags cairo))

format_src := $(wildcard format/base/*.c format/*.c)
record_src := $(wildcard record/*.c)
analyze_src := $(wildcard analyze/*.c)
unit_src := $(wildcard tests/unit/test_*.c)
tool_src := $(wildcard tests/tools/*.c)
kernel_src := $(wildcard tests/kernel/*.c)
boot_src := $(wildcard tests/boot/*.c)
fuzz_src := $(wildcard tests/fuzz/*.c)
faults_src := $(wildcard tests/faults/*.c)
serve_src := $(wildcard tests/serve/*.c)
bench_src := $(wildcard tests/bench/*.c)
sql_src := $(wildcard schema/*.sql schema/query/*.sql)
embedded := $(sql_src) analyze/skip_frames.txt analyze/rings.html analyze/report.html analyze/flame.js

obj = $(patsubst %.c,$(B)/%.o,$(1))
format_obj := $(call obj,$(format_src))
record_obj := $(call obj,$(record_src))
analyze_obj := $(call obj,$(analyze_src)) $(B)/gen/schema_sql.o
record_lib_obj := $(filter-out %/main.o $(B)/record/cmd_%,$(record_obj))
analyze_lib_obj := $(filter-out %/main.o,$(analyze_obj))
units := $(patsubst tests/unit/%.c,$(B)/tests/%,$(unit_src))
format_tests := $(B)/tests/test_base $(B)/tests/test_format
tools := $(patsubst tests/tools/%.c,$(B)/tests/%,$(tool_src))
kernel_tests := $(patsubst tests/kernel/%.c,$(B)/tests/%,$(kernel_src))
boot_tests := $(patsubst tests/boot/%.c,$(B)/tests/%,$(boot_src))
fuzz_targets := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
nomem := $(B)/tests/kmem-record-nomem $(B)/tests/kmem-analyze-nomem
nomem_obj := $(call obj,$(faults_src))
serve := $(B)/tests/kmem-analyze-serve
unit_nomem := $(patsubst $(B)/tests/test_%,$(B)/tests/nomem_%,$(units))
# libFuzzer has a main of its own; without it the inputs that are there are replayed
fuzz_obj := $(B)/tests/fuzz/common.o $(if $(FUZZ),,$(B)/tests/fuzz/replay.o)

quiet = $(if $(filter 1,$(V)),,@echo '  $(1)	$(2)';)

.DEFAULT_GOAL := all
.PRECIOUS: %.o
.DELETE_ON_ERROR:
.PHONY: all help programs unit-programs record analyze test-programs demo check check-kernel check-cross cross-programs port-programs check-ports check-boot check-symbols check-valgrind check-threads run-threads check-nomem check-build check-growth check-compilers fuzz coverage bench bench-readme bench-text bench-shape format lint install deb clean FORCE

all: record $(if $(CROSS_COMPILE),,analyze) build/kmem-capture.5	## Build build/kmem-record and build/kmem-analyze (the default)

# without a change of what is in build/
programs: $(B)/kmem-record $(B)/kmem-analyze
	@:

record: $(out)/kmem-record	## Build the recorder only (needs libzstd)

analyze: build/kmem-analyze	## Build the analyser only (needs libsqlite3, libzstd, libdw; zlib and liblzma for packed logs, cairo for pictures)

unit-programs: $(units)
	@:

test-programs: $(units) $(tools) $(kernel_tests) $(boot_tests) $(fuzz_targets) $(nomem) $(unit_nomem) $(serve) $(B)/tests/makeload $(B)/tests/replay_speed $(B)/tests/stream_speed $(B)/tests/ring_floor
	@:

help:	## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 20
	@echo
	@echo 'Variables: V=1 DEBUG=1 STATIC=1 SAN=address,undefined CROSS_COMPILE=triplet- PREFIX= DESTDIR='

# build/kmem-record is the program of the flavour that was built last; build/TRIPLET/kmem-record is for another machine.
$(out)/kmem-%: $(B)/kmem-% FORCE
	@mkdir -p $(@D)
	@cmp -s $< $@ || cp $< $@

build/kmem-capture.5: format/FORMAT.md scripts/format_manual.awk
	@mkdir -p $(@D)
	$(call quiet,MAN,$@)awk -f scripts/format_manual.awk $< >$@

$(B)/kmem-record: $(record_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(record_obj) $(format_obj) $(all_ldflags) $(record_libs)
$(B)/kmem-analyze: $(analyze_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(analyze_obj) $(format_obj) $(all_ldflags) $(analyze_libs)

# Tests of the format and of its base know nothing above them, so that they run on any machine.
$(format_tests): $(B)/tests/%: $(B)/tests/unit/%.o $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(format_obj) $(all_ldflags) $(zstd_libs)
# Unit tests named test_record_* may use the recorder's rooms, all others the analyser's.
$(B)/tests/test_record_%: $(B)/tests/unit/test_record_%.o $(record_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(record_lib_obj) $(format_obj) $(all_ldflags) $(record_libs)
$(B)/tests/test_%: $(B)/tests/unit/test_%.o $(analyze_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(analyze_lib_obj) $(format_obj) $(all_ldflags) $(analyze_libs)
# Likewise the fuzz targets named fuzz_record_*, and all others.
$(B)/tests/fuzz_record_%: $(B)/tests/fuzz/fuzz_record_%.o $(fuzz_obj) $(record_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(fuzz_obj) $(record_lib_obj) $(format_obj) $(all_ldflags) \
		$(if $(FUZZ),-fsanitize=fuzzer) $(record_libs)
$(B)/tests/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(fuzz_obj) $(analyze_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(fuzz_obj) $(analyze_lib_obj) $(format_obj) $(all_ldflags) \
		$(if $(FUZZ),-fsanitize=fuzzer) $(analyze_libs)
$(tools): $(B)/tests/%: $(B)/tests/tools/%.o $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(format_obj) $(all_ldflags) $(zstd_libs)
$(kernel_tests): $(B)/tests/%: $(B)/tests/kernel/%.o $(record_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(record_lib_obj) $(format_obj) $(all_ldflags) $(record_libs) $(trace_libs)
$(B)/tests/makeload: $(B)/tests/bench/makeload.o $(B)/tests/bench/shape.o $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(filter %.o,$^) $(all_ldflags) $(zstd_libs)
$(B)/tests/replay_speed: $(B)/tests/bench/replay_speed.o $(analyze_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(analyze_lib_obj) $(format_obj) $(all_ldflags) $(analyze_libs)
$(B)/tests/stream_speed: $(B)/tests/bench/stream_speed.o $(record_lib_obj) $(format_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(record_lib_obj) $(format_obj) $(all_ldflags) $(record_libs)
$(B)/tests/ring_floor: $(B)/tests/bench/ring_floor.o $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(all_ldflags)
# The programs, with memory that runs out.
$(B)/tests/kmem-record-nomem: $(record_obj) $(format_obj) $(nomem_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(record_obj) $(format_obj) $(nomem_obj) -Wl,--wrap=main $(all_ldflags) $(record_libs)
$(B)/tests/kmem-analyze-nomem: $(analyze_obj) $(format_obj) $(nomem_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(analyze_obj) $(format_obj) $(nomem_obj) -Wl,--wrap=main $(all_ldflags) $(analyze_libs)
# The program, run without being started anew.
$(serve): $(analyze_obj) $(format_obj) $(call obj,$(serve_src)) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $(filter %.o,$^) -Wl,--wrap=main $(all_ldflags) $(analyze_libs)
$(B)/tests/nomem_record_%: $(B)/tests/unit/test_record_%.o $(record_lib_obj) $(format_obj) $(nomem_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(record_lib_obj) $(format_obj) $(nomem_obj) -Wl,--wrap=main $(all_ldflags) $(record_libs)
$(B)/tests/nomem_%: $(B)/tests/unit/test_%.o $(analyze_lib_obj) $(format_obj) $(nomem_obj) $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(analyze_lib_obj) $(format_obj) $(nomem_obj) -Wl,--wrap=main $(all_ldflags) $(analyze_libs)
# A witness shares no code with the programs.
$(boot_tests): $(B)/tests/%: $(B)/tests/boot/%.o $(B)/flags
	$(call quiet,LD,$@)$(CC) -o $@ $< $(all_ldflags) $(trace_libs)

$(sysroot_lib):
	@sh scripts/sysroot.sh $(triplet) $(SYSROOT)

$(B)/%.o: %.c $(B)/flags | $(sysroot_lib)
	@mkdir -p $(@D)
	$(call quiet,CC,$@)$(CC) $(all_cflags) $(if $(filter tests/kernel/% tests/boot/%,$<),$(trace_cflags)) \
		$(if $(filter analyze/ring_cairo.c,$<),$(cairo_cflags)) \
		-MMD -MP -c -o $@ $<
$(call obj,$(analyze_src) $(unit_src) $(fuzz_src)): $(B)/gen/schema_sql.h
$(call obj,$(wildcard record/cmd_*.c) analyze/main.c): $(B)/gen/version.h

$(B)/gen/schema_sql.o: $(B)/gen/schema_sql.c
	$(call quiet,CC,$@)$(CC) $(all_cflags) -c -o $@ $<
$(B)/gen/schema_sql.c $(B)/gen/schema_sql.h &: $(embedded) scripts/embed_sql.sh
	@mkdir -p $(B)/gen
	$(call quiet,EMBED,$(B)/gen/schema_sql.c)sh scripts/embed_sql.sh $(B)/gen/schema_sql $(embedded)

# Written anew only when the text changes, so that a commit does not rebuild everything.
$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define KMEM_VERSION "$(version)"' | cmp -s - $@ || \
		echo '#define KMEM_VERSION "$(version)"' >$@
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(all_cflags) $(all_ldflags) $(cairo_cflags)' | cmp -s - $@ || \
		echo '$(CC) $(all_cflags) $(all_ldflags) $(cairo_cflags)' >$@

crosses := aarch64-linux-gnu arm-linux-gnueabihf s390x-linux-gnu
# the plain build tries every byte of a damaged capture, and every witness; sanitizers are ten times as slow
run_tests = B=$(B) $(if $(SAN),BAD_CASES=600 WITNESS_EVERY=3 NOMEM_TRIES=$(or $(NOMEM_TRIES),4) )sh tests/run.sh
# on all processors, unless -j says something else
build_now = $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

demo:	## Install what is missing, build, record this machine for a few seconds, print the three reports
	@sh scripts/setup.sh build
	@$(build_now) all test-programs
	@sh scripts/demo.sh $(B)

check:	## Install what is missing, build, run all tests that need no root (SAN=address,undefined for sanitizers)
	@sh scripts/setup.sh build test
	@$(build_now) all test-programs
	@$(run_tests) unit cli bad fuzz layers

check-kernel:	## Live tracing on this kernel: needs root and tracefs
	@sh scripts/setup.sh build test
	@$(build_now) all test-programs
	@$(run_tests) kernel

check-cross:	## The recorder and the format for arm64, armhf and s390x, static, run by qemu-user
	@sh scripts/setup.sh build test cross
	@$(build_now) all test-programs
	@for cross in $(crosses); do \
		sh scripts/sysroot.sh $$cross build/sysroot/$$cross || continue; \
		$(build_now) CROSS_COMPILE=$$cross- STATIC=1 record cross-programs || exit 1; \
	done
	@$(run_tests) cross

check-boot:	## Boots of amd64, arm64, armhf and s390x under QEMU with events from the start, and what is made of them
	@sh scripts/setup.sh build test cross boot
	@$(build_now) all test-programs
	@for cross in x86_64-linux-gnu $(crosses); do \
		$(build_now) CROSS_COMPILE=$$cross- STATIC=1 record || exit 1; \
	done
	@sh tests/boot/boots.sh
	@$(run_tests) boot

check-symbols:	## Every address of boots of amd64 and arm64, with their debug packages (560 MB), against addr2line
	@sh scripts/setup.sh build test cross boot symbols
	@$(build_now) all test-programs
	@for cross in x86_64-linux-gnu aarch64-linux-gnu; do \
		$(build_now) CROSS_COMPILE=$$cross- STATIC=1 record || exit 1; \
	done
	@sh tests/symbols/prepare.sh
	@$(run_tests) symbols

quick_cli := reports by losses selection sql

check-ports:	## The tests of make check on 32 bits and on big-endian, by qemu-user; a sample of damages and witnesses (PORT=armhf QUICK=1)
	@sh scripts/setup.sh build test cross
	@mkdir -p build
	@for port in $(or $(PORT),armhf s390x); do \
		case $$port in \
		armhf) cross=arm-linux-gnueabihf qemu=qemu-arm-static ;; \
		s390x) cross=s390x-linux-gnu qemu=qemu-s390x-static ;; \
		*) echo "check-ports: unknown PORT '$$port'; known: armhf s390x" >&2 && exit 2 ;; \
		esac; \
		echo "--- $$port"; \
		sh scripts/sysroot.sh $$cross build/sysroot/$$cross analyze || exit 1; \
		$(build_now) CROSS_COMPILE=$$cross- STATIC=1 port-programs 2>build/port.log || { cat build/port.log && exit 1; }; \
		sh tests/ports/wrap.sh $$qemu build/$$cross-static-release build/ports/$$port || exit 1; \
		B=build/ports/$$port EMULATED=$$qemu BAD_CASES=$(or $(BAD_CASES),300) BAD_SECONDS=900 WITNESS_EVERY=$(or $(WITNESS_EVERY),3) \
			$(if $(QUICK),CLI_TESTS='$(quick_cli)') sh tests/run.sh $(or $(SETS),unit cli $(if $(QUICK),,bad) fuzz) || exit 1; \
	done

cross-programs: $(format_tests) $(B)/tests/mkcapture
	@:

# all that the tests of make check run
port-programs: programs $(units) $(tools) $(fuzz_targets) $(serve) $(B)/tests/makeload
	@:

check-valgrind:	## The unit tests, and goldens of the loader and the stock reports, under valgrind
	@sh scripts/setup.sh build test
	@$(build_now) all test-programs
	@WRAP='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$(CURDIR)/tests/valgrind.supp' \
		$(run_tests) unit cli

check-threads:	## The threads of recorder and loader under the thread sanitizer: needs root and tracefs
	@sh scripts/setup.sh build test
	@$(build_now) SAN=thread all test-programs
	@$(MAKE) --no-print-directory -s SAN=thread run-threads

check-nomem: NOMEM_TRIES := $(or $(NOMEM_TRIES),0)
check-nomem:	## Allocations made to fail, from each place that makes one: of 40 commands, and 2000 of each unit test (NOMEM_TRIES=N: N of each)
	@sh scripts/setup.sh build test
	@$(build_now) all test-programs
	@NOMEM_TRIES=$(NOMEM_TRIES) $(run_tests) nomem

run-threads:
	@$(run_tests) threads

check-build:	## Installation, manual pages, completion, packages; the same bytes from two directories
	@sh scripts/setup.sh build test deb
	@$(build_now) all
	@$(run_tests) build

check-growth:	## Time and memory of the loader and of every report for N things and for 2N (CASES='caches tasks' SCALE=0.1)
	@sh scripts/setup.sh build test
	@$(build_now) all
	@SCALE=$(or $(SCALE),0.25) python3 tests/growth/growth.py $(B)/kmem-analyze $(CASES)

coverage:	## How many lines of format/ and analyze/ the tests reach (SETS='unit cli bad fuzz kernel'; kernel needs root)
	@sh scripts/setup.sh build test
	@$(build_now) COVERAGE=1 B=build/coverage CFLAGS='-O1 -g' programs test-programs
	@find build/coverage -name '*.gcda' -delete
	-@B=build/coverage BAD_CASES=500 BAD_SECONDS=60 sh tests/run.sh $(or $(SETS),unit cli bad fuzz kernel)
	@sh scripts/coverage.sh build/coverage

# COMPILER FLAGS of each build; -O2 by gcc is what `make check` tests
compilers := 'clang -O2 -g' 'clang -O0 -g' 'gcc -O0 -g' 'gcc -O3 -g'

check-compilers:	## The tests of make check with other compilers and levels of optimisation
	@sh scripts/setup.sh build test compilers
	@for build in $(compilers); do \
		echo "--- $$build"; \
		compiler=$${build%% *} flags=$${build#* } b=build/compilers/$$(echo $$build | tr -d ' '); \
		$(build_now) CC="$$compiler" CFLAGS="$$flags" B=$$b programs test-programs || exit 1; \
		CC="$$compiler" B=$$b BAD_CASES=1200 BAD_SECONDS=30 sh tests/run.sh $(or $(SETS),unit cli bad fuzz layers) || exit 1; \
	done

TARGET ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TIME ?= 60
fuzz_out := build/fuzz

fuzz:	## clang's libFuzzer with sanitizers on each TARGET for TIME seconds (TARGET='capture expr' TIME=60)
	@sh scripts/setup.sh build test compilers
	@$(build_now) CC=clang SAN=address,undefined FUZZ=1 B=$(fuzz_out) $(addprefix $(fuzz_out)/tests/fuzz_,$(TARGET)) \
		$(fuzz_out)/tests/mkcapture $(fuzz_out)/kmem-analyze
	@B=$(fuzz_out) sh tests/fuzz/fuzz.sh $(TIME) $(TARGET)

bench:	## The programs beside what they replace, as a table (RUNS=5 ROWS=load,report BIG=1; an idle machine, root for recording)
	@sh scripts/setup.sh build test bench
	@$(build_now) all test-programs
	@B=$(B) sh tests/bench/run.sh $(if $(RUNS),--runs $(RUNS)) $(if $(ROWS),--rows '$(ROWS)') $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(filter 1,$(BIG)),--big)

bench-readme:	## Put the table that make bench made last into the README
	@python3 tests/bench/bench.py --json build/bench.json --readme README.md

bench-text:	## How fast text logs load (TEXT_EVENTS=2000000)
	@$(build_now) all
	@python3 tests/bench/text_load.py $(B)/kmem-analyze $(or $(TEXT_EVENTS),2000000)

bench-shape:	## Learn tests/bench/mixed.shape anew from a recording of a mixed load (root)
	@$(build_now) all
	@rm -rf build/shape && mkdir -p build/shape
	@$(B)/kmem-record -o build/shape/mixed.kmem -- sh tests/bench/mixed_load.sh 6
	@$(B)/kmem-analyze load build/shape/mixed.kmem
	@python3 tests/bench/learn_shape.py build/shape/mixed.kmem.db >tests/bench/mixed.shape
	@rm -rf build/shape

c_files = $(filter-out %/crc32_table.h,$(wildcard */*.[ch] */*/*.[ch]))

format:	## Lay out all C code with clang-format
	clang-format -i $(filter-out build/%,$(c_files))

lint:	## Formatting, cppcheck, shellcheck; warnings of the compiler are errors here
	@sh scripts/setup.sh build lint
	@$(build_now) WERROR=1 B=build/lint build/lint/kmem-record build/lint/kmem-analyze test-programs
	clang-format --dry-run --Werror $(filter-out build/%,$(c_files))
	cppcheck --quiet --std=c11 --inline-suppr --enable=warning,portability --error-exitcode=1 -I. \
		--suppress=missingIncludeSystem --suppress=checkersReport format record analyze
	shellcheck -x -P SCRIPTDIR -e SC1091,SC2154,SC2016,SC2329 scripts/*.sh scripts/completion.bash tests/*.sh tests/*/*.sh .ci/run

install: all	## Install programs, manual pages and completion below DESTDIR and PREFIX (MANDIR, COMPLETIONDIR)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(COMPLETIONDIR)
	install -m 755 build/kmem-record build/kmem-analyze $(DESTDIR)$(PREFIX)/bin
	install -m 644 record/kmem-record.1 analyze/kmem-analyze.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 build/kmem-capture.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 scripts/completion.bash $(DESTDIR)$(COMPLETIONDIR)/kmem-record
	install -m 644 scripts/completion.bash $(DESTDIR)$(COMPLETIONDIR)/kmem-analyze

deb:	## Debian packages of what git knows here, in build/deb
	@sh scripts/setup.sh build deb
	@sh scripts/make_deb.sh build/deb '$(version)'

clean:	## Remove everything that was built
	rm -rf build

-include $(patsubst %.o,%.d,$(format_obj) $(record_obj) $(analyze_obj) \
	$(call obj,$(patsubst %,%,$(unit_src) $(tool_src) $(kernel_src) $(boot_src) $(bench_src) $(fuzz_src) $(faults_src) $(serve_src))))
