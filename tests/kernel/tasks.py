"""tasks.py DIR: tasks that open known numbers of pipes, for captures of some of them.

It writes "MAIN THREAD OTHER" (ids) to DIR/ready, waits for a line in the fifo DIR/go, opens pipes, writes DIR/done
and holds what is open until its standard input ends. The first CPU is used unless another is named:

    main 300, and on the last CPU 35; its thread, on the last CPU, 50; its child 40; its grandchild 30;
    another process 500; and 20 that main opens, sends to the other process and closes, and that one closes.
"""
import os
import socket
import sys
import threading

FIRST, LAST = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def open_pipes(count, cpu=FIRST):
    os.sched_setaffinity(0, {cpu})
    return [os.pipe() for _ in range(count)]


def other(link, hold):
    """The process that nobody selects."""
    fds = socket.recv_fds(link, 1, 40)[1]
    link.send(b"x")
    link.recv(1)                        # main has closed its own
    for fd in fds:
        os.close(fd)
    open_pipes(500)
    link.send(b"x")
    os.read(hold, 1)
    os._exit(0)


def child(report, hold):
    open_pipes(40)
    if os.fork() == 0:
        open_pipes(30)
    os.write(report, b"x")
    os.read(hold, 1)
    os._exit(0)


def main(directory):
    hold, keep = os.pipe()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        os.close(keep)
        other(theirs, hold)
    tids, go, thread_done = [], threading.Event(), threading.Event()

    def thread():
        tids.append(threading.get_native_id())
        thread_started.set()
        go.wait()
        open_pipes(50, LAST)
        thread_done.set()
        threading.Event().wait()

    thread_started = threading.Event()
    threading.Thread(target=thread, daemon=True).start()
    thread_started.wait()
    with open(directory + "/ready.new", "w") as ready:
        ready.write("%d %d %d\n" % (os.getpid(), tids[0], pid))
    report_end, report = os.pipe()
    os.rename(directory + "/ready.new", directory + "/ready")
    with open(directory + "/go") as fifo:
        fifo.readline()

    held = open_pipes(300)
    held += open_pipes(35, LAST)
    sent = [fd for pair in open_pipes(20) for fd in pair]
    socket.send_fds(ours, [b"x"], sent)
    ours.recv(1)
    for fd in sent:
        os.close(fd)
    ours.send(b"x")
    ours.recv(1)
    go.set()
    thread_done.wait()
    if os.fork() == 0:
        os.close(keep)
        child(report, hold)
    for _ in range(2):
        os.read(report_end, 1)
    with open(directory + "/done", "w") as fifo:
        fifo.write("done\n")
    sys.stdin.read()
    os.close(keep)                      # all others end
    os._exit(len(held) == 0)


main(sys.argv[1])
