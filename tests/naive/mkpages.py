#!/usr/bin/env python3
"""mkpages.py SEED - a script for mkcapture: allocations and frees of blocks of pages in a small memory, that overlap as no
kernel's do all the time: parts are freed, blocks allocated over live ones, and frees reach beyond what was allocated."""

import random
import sys

PAGES = 512
NAMES = ("do_anonymous_page", "allocate_slab", "vm_area_alloc_pages", "drv_open")


def main():
    r = random.Random(int(sys.argv[1]))
    print("info machine x86_64\ninfo kernel.release 6.18.0-test\ninfo page_size 4096\ninfo time.start_ns 0\n"
          "symbol 0xffffffff81000000 _stext\ntask 11 11 1 bash")
    for n, name in enumerate(NAMES):
        print("symbol 0x%x %s" % (0xffffffff81001000 + n * 0x1000, name))
    for n in range(4000):
        order = r.choice((0, 0, 0, 1, 1, 2, 3, 4, 6))
        pfn = r.randrange(PAGES >> order) << order
        where = "%d %d 11" % (1000 + n * 10, r.randrange(2))
        if r.random() < 0.55:
            if r.random() < 0.01:
                pfn = (1 << 64) - 1
            print("%s mm_page_alloc pfn=0x%x order=%d gfp_flags=%s migratetype=%d stack=%s+0x10,drv_open+0x20" % (
                where, pfn, order, r.choice(("0xcc0", "0x140cca")), r.randrange(3), r.choice(NAMES)))
        else:
            print("%s mm_page_free pfn=0x%x order=%d" % (where, pfn, order))
    print("%d 0 11 kmalloc ptr=0x1000 bytes_req=8 bytes_alloc=8 gfp_flags=0xcc0 call_site=drv_open+0x10" % (1000 + n * 10 + 10))


if __name__ == "__main__":
    main()
