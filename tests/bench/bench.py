#!/usr/bin/env python3
"""bench.py - what the two programs cost and how fast they are, beside what one would use instead, as one table.

    bench.py [--build DIR] [--runs N] [--rows ROW,ROW...] [--rounds N] [--big] [--json FILE]
    bench.py --readme README.md --json FILE     puts the table of the last run between its markers

Both sides of a ratio are measured in turn, run by run; the table shows the median of the runs' ratios and the least
and the greatest. Rows that need root, tracefs or perf are skipped where these are not there, and say so. Files are
made below TMPDIR: up to 3 GB, with --big 15 GB.

What is measured:
  recording   every CPU runs tests/kernel/churn pinned, alone, under kmem-record and under `perf record -a -z` with the
              same events and stacks; what counts is by how much the slowest churn takes longer. The tool's own CPU is that
              of all its processes without the load's, and without what a recording of nothing takes (symbols, starting).
              Bytes are those of the whole file, symbols included: 0.7 MB in ours.
  loading     a capture of makeload (tests/bench/mixed.shape); all times are wall clock, of whole processes, until the data
              is on the disk (fsync on both sides)
"""
import argparse
import datetime
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
ALLOCS = ("kmem:kmalloc", "kmem:kmem_cache_alloc")
FREES = ("kmem:kfree", "kmem:kmem_cache_free")
TASKS = ("task:task_newtask", "task:task_rename")
MARKERS = "<!-- bench: written by `make bench-readme` -->", "<!-- end of bench -->"
LOSS_SECONDS = 30
PERF_LOSS_SECONDS = 8  # it takes much longer to ask it what it lost
SHAPE = os.path.join(HERE, "mixed.shape")
MB = 1e6

# key: what, against what, unit, goal, at most or at least. The order is that of the table.
ROWS = {
    "record-stacks": ("recording, added time, stacks of allocations", "perf record -z -m 4096", "x", 0.76, "<="),
    "record-plain": ("recording, added time, no stacks", "perf record -z -m 4096", "x", 0.33, "<="),
    "record-sample": ("recording, added time, --stack-sample 16", "perf record -z -m 4096, all stacks", "x", 0.25, "<="),
    "record-cpu": ("recording, the tool's own CPU per event", "perf record -z -m 4096", "x", 0.45, "<="),
    "record-cpu-ns": ("the same", "-", "ns", 55, "<="),
    "bytes": ("capture, bytes per event (whole file), churn", "perf record -z -m 4096", "x", 0.30, "<="),
    "bytes-churn": ("the same, %d s of churn" % LOSS_SECONDS, "-", "bytes", 1.6, "<="),
    "bytes-mixed": ("the same, of find, tar, gcc, python, git", "-", "bytes", 2.5, "<="),
    "loss": ("records lost at full speed, default settings, %d s" % LOSS_SECONDS, "perf record -z", "lost", 0, "<="),
    "load-copy": ("load, allocation rows per second", "SQLite's own copy of that table", "x", 0.55, ">="),
    "load-rows": ("the same", "-", "M/s", 2.5, ">="),
    "load-script": ("load, events per second", "perf script to text, same load", "x", 20, ">="),
    "memory": ("load, memory, 1 M live objects, %s events", "-", "MB", 256, "<="),
    "database": ("database, bytes per allocation", "-", "bytes", 45, "<="),
    "report": ("stock report (the slowest of account, kmemprof, kmemleak)", "perf kmem stat, same load", "x", 20, ">="),
    "report-ms": ("the same at 10 M events, start of the process included", "-", "ms", 50, "<="),
    "growth": ("load, time per event, 1 M -> %s events", "itself", "x", 1.25, "<="),
    "replay": ("decode and replay without a database, per core", "heaptrack_print (8 M/s)", "M/s", 8, ">="),
}


class Skip(Exception):
    pass


def fail(text):
    sys.exit("bench.py: " + text)


def run(command, **more):
    """Wall seconds, CPU seconds, maximum resident MB, output. The command must succeed, or only have lost something."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **{"stdout": out, "stderr": subprocess.STDOUT, **more})
        _, status, used = os.wait4(process.pid, 0)
        took = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if process.returncode not in (0, 3):
        fail("%s failed with %d:\n%s" % (" ".join(command), process.returncode, text))
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, text


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, work
        build = os.path.abspath(options.build)
        self.record = os.path.join(build, "kmem-record")
        self.analyze = os.path.join(build, "kmem-analyze")
        self.churn = os.path.join(build, "tests/churn")
        self.makeload = os.path.join(build, "tests/makeload")
        self.replay_speed = os.path.join(build, "tests/replay_speed")
        self.large = "100M" if options.big else "10M"
        self.ring_floor = os.path.join(build, "tests/ring_floor")
        self.values, self.notes, self.made, self.floors = {}, {}, {}, []

    def path(self, name):
        return os.path.join(self.work, name)

    def wants(self, *rows):
        return any(row in self.options.rows for row in rows)

    def add(self, row, value):
        self.values.setdefault(row, []).append(value)

    def note(self, row, text):
        self.notes[row] = text

    # ---- recording ----

    def churns(self, rounds):
        return " ".join("%s %d %d &" % (self.churn, rounds, cpu) for cpu in range(os.cpu_count())) + " wait"

    @staticmethod
    def needs_tracing():
        if os.geteuid() != 0:
            raise Skip("needs root")
        if not os.path.isdir("/sys/kernel/tracing/instances"):
            raise Skip("this kernel has no tracefs")

    def needs_perf(self):
        self.needs_tracing()
        if not shutil.which("perf"):
            raise Skip("perf is not installed")
        probe = subprocess.run(["perf", "record", "-q", "-a", "-z", "-o", self.path("probe"), "-e", ALLOCS[0], "true"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if probe.returncode:
            raise Skip("perf cannot record %s here" % ALLOCS[0])

    @staticmethod
    def perf(output, stacks, pages="4096"):
        command = ["perf", "record", "-a", "-z", "-o", output] + (["-m", pages] if pages else [])
        for event in ALLOCS:
            command += ["-e", event + ("/call-graph=fp/" if stacks else "")]
        for event in FREES + TASKS:
            command += ["-e", event]
        return command + ["--"]

    def ours(self, output, *more):
        return [self.record, "-f", "-o", output, *more, "--"]

    def measure(self, command, shell):
        """Seconds of the slowest churn, the tool's own CPU seconds, its output."""
        _, cpu, _, text = run(command + ["sh", "-c", shell])
        done = re.findall(r"churn: .* in ([0-9.]+) s, ([0-9.]+) s of CPU", text)
        if len(done) != os.cpu_count():
            fail("the load did not run:\n%s" % text)
        return max(float(t) for t, _ in done), cpu - sum(float(c) for _, c in done), text

    @staticmethod
    def events_of(text):
        """Of what kmem-record says at its end: events, records lost."""
        def count(digits):
            return int(digits.replace(",", ""))
        return (count(re.search(r"kmem-record: ([0-9,]+) events", text).group(1)),
                sum(count(n) for n in re.findall(r": ([0-9,]+) records lost \(", text)))

    def floor(self, shell):
        """CPU seconds of a reader that throws away what it reads, of a ring like that of kmem-record with stacks."""
        instance = "/sys/kernel/tracing/instances/kmem-bench-%d" % os.getpid()

        def put(name, value):
            with open(os.path.join(instance, name), "w") as f:
                f.write(value)

        os.mkdir(instance)
        try:
            put("tracing_on", "0")
            put("trace_clock", "mono")
            subbuf = 4096
            if os.path.exists(os.path.join(instance, "buffer_subbuf_size_kb")):
                put("buffer_subbuf_size_kb", "64")
                subbuf = 65536
            put("buffer_size_kb", "16384")
            put("buffer_percent", "25")
            for event in ALLOCS:
                put("events/%s/trigger" % event.replace(":", "/"), "stacktrace")
            for event in ALLOCS + FREES:
                put("events/%s/enable" % event.replace(":", "/"), "1")
            reader = subprocess.Popen([self.ring_floor, instance, str(subbuf)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
            put("tracing_on", "1")
            self.measure([], shell)
            put("tracing_on", "0")
            return float(reader.communicate()[0].split()[0])
        finally:
            put("events/enable", "0")
            os.rmdir(instance)

    def recording_run(self, ways):
        """One round of the load alone, under perf, and under each way of ours: row -> options."""
        shell, out = self.churns(self.options.rounds), self.path("out")
        stacks = "record-plain" not in ways
        bare = self.measure([], shell)[0]
        perf_idle = run(self.perf(out, stacks) + ["true"])[1]
        perf_seconds, perf_cpu, _ = self.measure(self.perf(out, stacks), shell)
        perf_size = os.path.getsize(out)
        os.unlink(out)
        for row, how in ways.items():
            idle = run(self.ours(out, *how) + ["true"])[1]
            seconds, cpu, text = self.measure(self.ours(out, *how), shell)
            events, lost = self.events_of(text)
            size = os.path.getsize(out)
            os.unlink(out)
            self.add(row, (seconds - bare) / (perf_seconds - bare))
            self.note(row, "load alone %.2f s, + %.2f s; perf + %.2f s; %d events%s" % (
                bare, seconds - bare, perf_seconds - bare, events, ", %d LOST" % lost if lost else ""))
            if row == "record-stacks":
                cpu, perf_cpu = cpu - idle, perf_cpu - perf_idle
                self.add("record-cpu", cpu / perf_cpu)
                self.add("record-cpu-ns", cpu / events * 1e9)
                self.note("record-cpu", "perf %.0f ns an event; starting and ending %.2f s, perf %.2f s" % (
                    perf_cpu / events * 1e9, idle, perf_idle))
                self.floors.append(self.floor(shell) / events * 1e9)
                self.note("record-cpu-ns", "%.0f ns of it are the kernel's: who reads these rings and throws all away takes as"
                          " much" % median(self.floors))
                self.add("bytes", size / perf_size)
                self.note("bytes", "of %.1f M events: %.2f bytes, perf %.2f" % (events / 1e6, size / events, perf_size / events))

    def recording(self):
        self.needs_perf()
        with_stacks, plain = {}, {}
        if self.wants("record-stacks", "record-cpu", "record-cpu-ns", "bytes"):
            with_stacks["record-stacks"] = ("--stacks", "alloc")
        if self.wants("record-sample"):
            if "--stack-sample" in run([self.record, "--help"])[3]:
                with_stacks["record-sample"] = ("--stack-sample", "16")
            else:
                self.note("record-sample", "skip: this kmem-record has no --stack-sample")
        if self.wants("record-plain"):
            plain["record-plain"] = ("--stacks", "none")
        for _ in range(self.options.runs):
            for ways in (with_stacks, plain):
                if ways:
                    self.recording_run(ways)

    def mixed(self):
        self.needs_tracing()
        out = self.path("mixed.kmem")
        for _ in range(self.options.runs):
            text = run(self.ours(out) + ["sh", os.path.join(HERE, "mixed_load.sh"), "6"])[3]
            events, lost = self.events_of(text)
            self.add("bytes-mixed", os.path.getsize(out) / events)
            self.note("bytes-mixed", "%.1f M events%s" % (events / 1e6, ", %d LOST" % lost if lost else ""))
        os.unlink(out)

    def loss(self):
        self.needs_tracing()
        endless = "timeout -s KILL %d sh -c '%s' >/dev/null; true"
        shell = endless % (LOSS_SECONDS, self.churns(10 ** 9))
        out = self.path("out")
        events, lost = self.events_of(run(self.ours(out) + ["sh", "-c", shell])[3])
        self.add("loss", lost)
        self.add("bytes-churn", os.path.getsize(out) / events)
        self.note("bytes-churn", "%.1f M events, %.1f MB; one run" % (events / 1e6, os.path.getsize(out) / MB))
        told = "of %.1f M events" % (events / 1e6)
        os.unlink(out)
        if not self.wants("loss"):
            return
        try:
            self.needs_perf()
            shell = endless % (PERF_LOSS_SECONDS, self.churns(10 ** 9))
            for pages in ("", "4096"):
                run(self.perf(out, True, pages) + ["sh", "-c", shell])
                stats = run(["perf", "report", "--stats", "-i", out])[3]
                events, lost = (sum(int(n) for n in re.findall(r"^ *%s events: +([0-9]+)$" % kind, stats, re.MULTILINE))
                                for kind in ("SAMPLE", "LOST_SAMPLES"))
                told += "; perf%s in %d s: %d of %.1f M" % (" -m " + pages if pages else "", PERF_LOSS_SECONDS, lost,
                                                          (events + lost) / 1e6)
                os.unlink(out)
        except Skip as why:
            told += "; perf: %s" % why
        self.note("loss", told + "; one run each")

    # ---- analysing ----

    def capture(self, events, live=None):
        name = "load-%s-%s.kmem" % (events, live or "")
        if name not in self.made:
            run([self.makeload, SHAPE, "1", events, self.path(name)] + ([live] if live else []))
            self.made[name] = True
        return self.path(name)

    def load(self, capture):
        """Wall seconds, MB of memory, events, allocations. The database is capture.db."""
        if os.path.exists(capture + ".db"):
            os.unlink(capture + ".db")
        took, _, memory, _ = run([self.analyze, "load", "-q", capture])
        numbers = run([self.analyze, "sql", "--format", "csv", capture + ".db",
                       "SELECT value FROM capture WHERE key IN ('events', 'events.alloc') ORDER BY key"])[3].split()
        return took, memory, int(numbers[-2]), int(numbers[-1])

    def copy_table(self, db):
        """Wall seconds for SQLite to copy the allocations into a new database, with the pragmas of the load, on the disk."""
        out = self.path("copy.db")
        sql = run(["sqlite3", db, "SELECT sql FROM sqlite_master WHERE name = 'allocation'"])[3]
        script = ("PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
                  "PRAGMA cache_size = -32768; ATTACH '%s' AS f; BEGIN; %s; INSERT INTO allocation SELECT * FROM f.allocation;"
                  "COMMIT;" % (db, sql))
        start = time.monotonic()
        run(["sqlite3", out, script])
        fd = os.open(out, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        took = time.monotonic() - start
        os.unlink(out)
        return took

    def loading(self):
        capture = self.capture("10M")
        for _ in range(self.options.runs):
            took, _, events, allocations = self.load(capture)
            self.add("load-rows", allocations / took / 1e6)
            self.note("load-rows", "%.2f M events/s" % (events / took / 1e6))
            if self.wants("load-copy"):
                copied = self.copy_table(capture + ".db")
                self.add("load-copy", copied / took)
                self.note("load-copy", "the copy: %.2f M rows/s" % (allocations / copied / 1e6))
        self.add("database", os.path.getsize(capture + ".db") / allocations)

    def memory(self):
        capture = self.capture(self.large, "1M")
        for _ in range(1 if self.options.big else min(3, self.options.runs)):
            _, memory, events, _ = self.load(capture)
            self.add("memory", memory)
        self.note("memory", "%.1f bytes an event in the capture" % (os.path.getsize(capture) / events))
        if self.options.big:
            os.unlink(capture)
        os.unlink(capture + ".db")

    def growth(self):
        small, large = self.capture("1M"), self.capture(self.large)
        for _ in range(1 if self.options.big else self.options.runs):
            times = []
            for capture in (small, large):
                took, _, events, _ = min(self.load(capture) for _ in range(3 if capture == small else 1))
                times.append(took / events)
            self.add("growth", times[1] / times[0])
            self.note("growth", "%.0f and %.0f ns" % (times[0] * 1e9, times[1] * 1e9))
        if self.options.big:
            os.unlink(large + ".db")

    def report_seconds(self, db):
        """Of the slowest of the stock reports, each the median of several."""
        slowest = 0, None
        for report in ("account", "kmemprof", "kmemleak"):
            command = [self.analyze, report, "-n", "10", db]
            run(command)
            slowest = max(slowest, (median(run(command)[0] for _ in range(5)), report))
        return slowest

    def reports(self):
        capture = self.capture("10M")
        if not os.path.exists(capture + ".db"):
            self.load(capture)
        for _ in range(self.options.runs):
            seconds, report = self.report_seconds(capture + ".db")
            self.add("report-ms", seconds * 1e3)
            self.note("report-ms", report)

    def replay(self):
        capture = self.capture("10M")
        for _ in range(self.options.runs):
            events, _, seconds = run([self.replay_speed, capture])[3].split()
            self.add("replay", int(events) / float(seconds) / 1e6)

    def beside_perf(self):
        """The same load recorded by both, and what each makes of its own file."""
        self.needs_perf()
        shell, data, capture = self.churns(self.options.rounds // 5), self.path("perf.data"), self.path("same.kmem")
        self.measure(self.perf(data, True), shell)
        events, _ = self.events_of(self.measure(self.ours(capture), shell)[2])
        with open(os.devnull, "w") as nothing:
            for _ in range(self.options.runs):
                if self.wants("load-script"):
                    ours, theirs = self.load(capture)[0], run(["perf", "script", "-i", data], stdout=nothing, stderr=nothing)[0]
                    self.add("load-script", theirs / ours)
                    self.note("load-script", "%.1f M events: %.2f s, perf %.1f s" % (events / 1e6, ours, theirs))
                if self.wants("report"):
                    if not os.path.exists(capture + ".db"):
                        self.load(capture)
                    ours = self.report_seconds(capture + ".db")[0]
                    theirs = run(["perf", "kmem", "-i", data, "stat", "--caller", "-l", "10"], stdout=nothing, stderr=nothing)[0]
                    self.add("report", theirs / ours)
                    self.note("report", "%.1f M events: %.0f ms, perf %.1f s" % (events / 1e6, ours * 1e3, theirs))

    # ---- all ----

    def everything(self):
        groups = [
            (self.recording, ("record-stacks", "record-plain", "record-sample", "record-cpu", "record-cpu-ns", "bytes")),
            (self.mixed, ("bytes-mixed",)),
            (self.loss, ("loss", "bytes-churn")),
            (self.loading, ("load-copy", "load-rows", "database")),
            (self.beside_perf, ("load-script", "report")),
            (self.reports, ("report-ms",)),
            (self.growth, ("growth",)),
            (self.memory, ("memory",)),
            (self.replay, ("replay",)),
        ]
        for measure, rows in groups:
            rows = [row for row in rows if self.wants(row)]
            if not rows:
                continue
            print("... " + ", ".join(rows), file=sys.stderr, flush=True)
            try:
                measure()
            except Skip as why:
                for row in rows:
                    self.note(row, "skip: %s" % why)
        return [self.row(key) for key in ROWS if key in self.options.rows]

    def row(self, key):
        what, against, unit, goal, sense = ROWS[key]
        values, note = self.values.get(key), self.notes.get(key, "")
        result = {"row": key, "what": what % self.large if "%s" in what else what, "against": against, "note": note,
                  "goal": "%s %s" % ("at most" if sense == "<=" else "at least", number(goal, unit))}
        if not values:
            result.update(measured="-", met="skipped")
            return result
        middle = median(values)
        result["measured"] = number(middle, unit) + (
            " (%s..%s)" % (number(min(values), unit, False), number(max(values), unit, False)) if len(values) > 1 else "")
        result["met"] = "met" if (middle <= goal if sense == "<=" else middle >= goal) else "NOT MET"
        return result


def number(value, unit, with_unit=True):
    text = "%.0f" % value if unit in ("ns", "lost", "MB") or value >= 20 else "%.2f" % value
    return text + (" " + unit if with_unit else "")


def machine():
    model = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(re.search(r"MemTotal: *(\d+)", open("/proc/meminfo").read()).group(1))
    return "%s, %d CPUs, %.0f GB, Linux %s" % (model[0] if model else os.uname().machine, os.cpu_count(), memory / 1e6,
                                              os.uname().release.split("-")[0])


def print_table(results):
    columns = ("row", "what", "against", "measured", "goal", "met")
    width = {c: max(len(c), *(len(r[c]) for r in results)) for c in columns}
    for r in [{c: c for c in columns}] + results:
        print("  ".join(r[c].ljust(width[c]) for c in columns).rstrip())
        if r.get("note"):
            print("    " + r["note"])


def write_readme(path, saved):
    """The table between its markers, with what it was measured with."""
    lines = ["| what | against | measured | goal | |", "|---|---|---|---|---|"]
    for r in saved["results"]:
        lines.append("| %s | %s | %s%s | %s | %s |" % (r["what"], r["against"], r["measured"],
                                                       " <br>" + r["note"] if r["note"] else "", r["goal"], r["met"]))
    lines.append("")
    lines.append("`%s` on %s, %s, at %s. Medians of %d runs (least..greatest); x: ratio to what it is measured against, run by run." % (
        saved["command"], saved["machine"], saved["date"], saved["version"], saved["runs"]))
    text = open(path).read()
    start, end = (text.find(m) for m in MARKERS)
    if start < 0 or end < start:
        fail("%s has not both markers:\n%s\n%s" % (path, *MARKERS))
    with open(path, "w") as out:
        out.write(text[:start] + MARKERS[0] + "\n" + "\n".join(lines) + "\n" + text[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", default="", help="of these, all by default: " + ", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=50000, help="of churn")
    parser.add_argument("--big", action="store_true", help="100 M events where it is 10 M otherwise")
    parser.add_argument("--json", help="where the results are kept")
    parser.add_argument("--readme", help="write the kept results there")
    options = parser.parse_args()
    if options.readme:
        try:
            with open(options.json) as kept:
                write_readme(options.readme, json.load(kept))
        except FileNotFoundError:
            fail("there is no %s; `make bench` makes it" % options.json)
        return
    # a group's name stands for its rows: load is load-copy, load-rows, load-script
    wanted = [row for row in re.split("[ ,]+", options.rows) if row] or list(ROWS)
    options.rows = [key for key in ROWS if any(key == row or key.startswith(row + "-") for row in wanted)]
    for row in wanted:
        if not any(key == row or key.startswith(row + "-") for key in ROWS):
            fail("no such row: %s; there are %s" % (row, ", ".join(ROWS)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="kmem-bench.") as work:
        bench = Bench(options, work)
        started = time.monotonic()
        results = bench.everything()
    print_table(results)
    print("%d s" % (time.monotonic() - started))
    if options.json:
        version = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, universal_newlines=True)
        command = "make bench" + (" BIG=1" if options.big else "") + (" ROWS=%s" % ",".join(wanted) if len(wanted) < len(ROWS) else "") + (
            " RUNS=%d" % options.runs if options.runs != 5 else "")
        with open(options.json, "w") as out:
            json.dump({"command": command, "machine": machine(), "date": datetime.date.today().isoformat(),
                       "version": version.stdout.strip(), "runs": options.runs, "results": results}, out, indent=1)


if __name__ == "__main__":
    main()
