#!/usr/bin/env python3
"""compare_stat.py KMEM_ANALYZE CAPTURE - `kmem-analyze stat` and `domains` against a replay of the capture: slab objects in a
dictionary by address, and pages one by one, each with the block that it was allocated in. Prints "ok" and "not ok" lines."""

import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_by  # noqa: E402
import gfp  # noqa: E402
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402

TYPES = {0: "Unmovable", 1: "Movable", 2: "Reclaimable", 3: "HighAtomic"}
BACKING = {"alloc_slab_page": "slab", "allocate_slab": "slab", "new_slab": "slab", "___kmalloc_large_node": "slab",
           "__kmalloc_large_node": "slab", "kmalloc_large": "slab", "kmalloc_order": "slab",
           "pcpu_alloc_pages": "percpu", "pcpu_populate_chunk": "percpu", "pcpu_create_chunk": "percpu",
           "vm_area_alloc_pages": "vmalloc", "__vmalloc_area_node": "vmalloc", "__vmalloc_node_range": "vmalloc",
           "pte_alloc_one": "other", "__pte_alloc_kernel": "other", "__pte_alloc": "other", "pte_alloc_one_kernel": "other",
           "__pmd_alloc": "other", "__pud_alloc": "other"}


class Block:
    call_site = None

    def __init__(self, event):
        self.stack, self.order, self.gfp = event.stack, event.get("order"), event.get("gfp_flags")
        self.migratetype = event.get("migratetype")
        self.pages = 1 << self.order


class Pages:
    """Blocks, and of each page of memory the block that it is in."""

    def __init__(self, capture):
        self.blocks, self.failed, self.frees = [], [], []
        self.owner = {}
        self.unmatched, self.reused, self.freed = [], 0, 0
        for event in capture.events():
            name = event.type.full_name
            if name == "kmem:mm_page_alloc":
                self.alloc(event)
            elif name == "kmem:mm_page_free":
                self.free(event)

    def alloc(self, event):
        block = Block(event)
        if event.get("pfn") == (1 << 64) - 1:
            self.failed.append(block)
            return
        self.blocks.append(block)
        for page in range(event.get("pfn"), event.get("pfn") + block.pages):
            self.reused += page in self.owner
            self.owner[page] = block

    def free(self, event):
        pages = range(event.get("pfn"), event.get("pfn") + (1 << event.get("order")))
        found = sum(self.owner.pop(page, None) is not None for page in pages)
        self.freed += found
        self.frees.append(len(pages))
        if not found:
            self.unmatched.append(len(pages))


def backs(places, thing):
    frames = places.stacks[thing.stack] if thing.stack >= 0 else ()
    found = [BACKING[compare_by.stem(places.function(f))] for f in frames
             if compare_by.stem(places.function(f)) in BACKING]
    return "unknown" if thing.stack < 0 else found[0] if found else "other"


def report(program, *arguments):
    return json.loads(program.said(*arguments, "--include-self", "--format", "json"))


def compare_slab(score, got, objects, places):
    def sums(key):
        out = collections.defaultdict(lambda: [0, 0, 0, 0])
        for o in objects:
            row = out[key(o)]
            row[0] += o.bytes_alloc
            row[1] += o.bytes_req
            row[2] += 1
            row[3] += o.end == "freed" and o.free.cpu != o.cpu
        return {k: tuple(v) for k, v in out.items()}

    def rows(section, key):
        return {r[key]: (r["bytes_alloc"], r["bytes_req"], r["hit"], r["pingpong"]) for r in got[section]}

    score.equal("stat: callers", rows("slab_callers", "callsite"), sums(places.caller))
    score.equal("stat: addresses", rows("slab_addresses", "address"), sums(lambda o: "0x%x" % o.address))
    total = got["slab_summary"]
    score.equal("stat: sums of slab memory",
                [total[k] for k in ("bytes_req", "bytes_alloc", "bytes_freed", "bytes_net", "allocs", "live")],
                [sum(o.bytes_req for o in objects), sum(o.bytes_alloc for o in objects),
                 sum(o.bytes_alloc for o in objects if o.end == "freed"),
                 sum(o.bytes_alloc for o in objects if o.end == "live"), len(objects),
                 sum(o.end == "live" for o in objects)])


def compare_pages(score, got, live, pages, places, names, page):
    def key(b):
        return (places.caller(b), b.order, TYPES[b.migratetype], names(b.gfp))

    def rows(answer, section, *columns):
        out = collections.Counter()
        for r in answer[section]:
            for i, column in enumerate(columns):
                out[(r["callsite"], r["order"], r["migratetype"], r["gfp"]), i] += r[column]
        return dict(out)

    expected = collections.Counter()
    for b in pages.blocks:
        expected[key(b), 0] += b.pages * page
        expected[key(b), 1] += 1
    score.equal("stat: pages by caller", rows(got, "page_callers", "bytes", "hit"), dict(expected))
    expected = collections.Counter()
    for b in pages.owner.values():
        expected[key(b), 0] += page
    score.equal("stat: live pages by caller", rows(live, "page_callers", "bytes"), dict(expected))
    matrix = collections.Counter((b.order, TYPES[b.migratetype]) for b in pages.blocks)
    score.equal("stat: orders and migratetypes",
                {(r["order"], r["migratetype"]): r["requests"] for r in got["page_orders"]}, dict(matrix))
    total = got["page_summary"]
    score.equal("stat: pages by address add up", sum(r["bytes"] for r in got["page_addresses"]),
                sum(b.pages for b in pages.blocks) * page)
    score.equal("stat: sums of pages", {k: total[k] for k in total if k not in ("freed", "live", "untraced")}, {
        "allocs": len(pages.blocks) + len(pages.failed),
        "alloc_bytes": sum(b.pages for b in pages.blocks + pages.failed) * page,
        "frees": len(pages.frees), "free_bytes": sum(pages.frees) * page,
        "freed_bytes": pages.freed * page, "live_bytes": len(pages.owner) * page, "untraced_bytes": pages.reused * page,
        "free_only": len(pages.unmatched), "free_only_bytes": sum(pages.unmatched) * page,
        "failed": len(pages.failed), "failed_bytes": sum(b.pages for b in pages.failed) * page})


def compare_domains(score, got, objects, pages, places, page):
    live = collections.Counter()
    for b in pages.owner.values():
        live[backs(places, b)] += page
    score.equal("domains: what pages are for", {r["backs"]: r["live_bytes"] for r in got["domains"]
                                                if r["domain"] == "page" and r["backs"] and r["live_bytes"]}, dict(live))
    rows = {r["domain"]: r for r in got["domains"] if not r["backs"]}
    slab = sum(o.bytes_alloc for o in objects if o.end == "live")
    score.equal("domains: live bytes", [rows["slab"]["live_bytes"], rows["page"]["live_bytes"], rows["page"]["allocations"]],
                [slab, len(pages.owner) * page, len(pages.blocks)])
    if "sum" in got["sum"]:
        s = got["sum"]
        score.equal("domains: the sum", s["sum"], slab + s["percpu"] + s["vmalloc"] + live["other"] + s["unknown"])
        score.equal("domains: pages without a stack", s["unknown"] >= live["unknown"], True)


def main():
    if len(sys.argv) != 3:
        print("usage: compare_stat.py KMEM_ANALYZE CAPTURE", file=sys.stderr)
        return 2
    program, path = runs.Runs(sys.argv[1]), sys.argv[2]
    score = compare_by.Score(os.path.basename(path))
    capture = read_capture.Capture.open(path)
    made, names = replay.replay_capture(capture)
    places = compare_by.Places(capture, names)
    pages = Pages(capture)
    size = int(capture.info.get("page_size", 4096))
    got = report(program, "stat", "--slab", "--page", "--caller", "--alloc", path)
    compare_slab(score, got, made.objects, places)
    if pages.blocks:
        live = report(program, "stat", "--page", "--caller", "--live", path)
        compare_pages(score, got, live, pages, places, gfp.namer(capture), size)
        compare_domains(score, report(program, "domains", path), made.objects, pages, places, size)
    return 1 if score.failed else 0


if __name__ == "__main__":
    sys.exit(main())
