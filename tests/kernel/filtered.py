"""filtered.py READ_CAPTURE FILTERED WHOLE CONDITION: the kmalloc events of the filtered capture, of the tasks
called churn, are those of the whole one for which the condition holds. Prints how many, or a difference."""
import json
import subprocess
import sys


def events(program, path):
    out = subprocess.run([program, "--json", "--events", path], stdout=subprocess.PIPE, check=True).stdout
    for line in out.decode().splitlines():
        e = json.loads(line)
        if e["event"] == "kmem:kmalloc":
            yield e


def main():
    program, filtered, whole, condition = sys.argv[1:]
    info = subprocess.run([program, "--info", filtered], stdout=subprocess.PIPE, check=True).stdout.decode()
    facts = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    pid, start, end = (int(facts[key]) for key in ("command.pid", "time.start_ns", "time.end_ns"))
    check = eval("lambda e: " + condition)

    def keys(path, wanted):
        return sorted((e["fields"]["call_site"], e["fields"]["ptr"], e["fields"]["bytes_alloc"])
                      for e in events(program, path)
                      if e["pid"] == pid and start < e["time"] < end and wanted(e["fields"]))

    got, want = keys(filtered, lambda e: True), keys(whole, check)
    if got != want or len(got) < 100:
        print(f"{len(got)} in the filtered capture, {len(want)} in the whole one")
        sys.exit(1)
    print(f"{len(got)} events")


main()
