#!/usr/bin/env python3
"""Runs `mpirun` on two hosts: network namespaces of this machine, joined by a link that takes some time.

    two_hosts.py MILLISECONDS MPIRUN's options and PROGRAM…

A packet that one end of the link gets comes out of the other that much later, as with `tc qdisc add … netem delay`, for which not
every kernel has the module. Needs root, iproute2 and /dev/net/tun; exits with 77 where the system does not permit it.
"""

import collections
import ctypes
import fcntl
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time

ADDRESSES = ["10.77.0.1", "10.77.0.2"]
SKIPPED = 77

# from linux/if_tun.h and linux/sched.h
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000


def namespace(job, address):
    return f"tuplenet-{job}-{address}"


def in_namespace(job, address, command):
    """The words of a command that runs `command` on a host, which has a name of its own."""
    script = f"hostname host-{address}; {command}"
    return ["ip", "netns", "exec", namespace(job, address), "unshare", "--uts", "sh", "-c", script]


def end_of_link(job, address):
    """A tun device in the namespace of a host; it is read and written from outside."""
    libc = ctypes.CDLL(None)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace(job, address)}", os.O_RDONLY)
    libc.setns(there, CLONE_NEWNET)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"slow", IFF_TUN | IFF_NO_PI))
    for words in (f"addr add {address}/24 dev slow", "link set dev slow mtu 9000 up", "link set dev lo up"):
        subprocess.run(["ip", *words.split()], check=True)
    libc.setns(here, CLONE_NEWNET)
    return device


def deliver(ends, seconds):
    selector = selectors.DefaultSelector()
    for at in (0, 1):
        selector.register(ends[at], selectors.EVENT_READ, at)
    under_way = collections.deque()
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for key, _ in selector.select(wait):
            try:
                while True:
                    packet = os.read(key.fd, 65536)
                    under_way.append((time.monotonic() + seconds, ends[1 - key.data], packet))
            except BlockingIOError:
                pass
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, packet = under_way.popleft()
            try:
                os.write(end, packet)
            except BlockingIOError:
                pass  # TCP sends it again


def main():
    if sys.argv[1] == "--agent":
        # in place of ssh: `mpirun` starts its daemon on the other host
        job, address, *command = sys.argv[2:]
        words = in_namespace(job, address, " ".join(command))
        os.execvp(words[0], words)
    milliseconds, *arguments = sys.argv[1:]
    job = os.getpid()
    # an end by `timeout` cleans up, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        try:
            os.close(os.open("/dev/net/tun", os.O_RDWR))
            for address in ADDRESSES:
                subprocess.run(["ip", "netns", "add", namespace(job, address)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"SKIPPED two hosts: {error}", file=sys.stderr)
            sys.exit(SKIPPED)
        ends = [end_of_link(job, address) for address in ADDRESSES]
        link = (ends, float(milliseconds) / 1e3)
        threading.Thread(target=deliver, args=link, daemon=True).start()
        options = ["--mca", "plm_rsh_agent", f"{os.path.abspath(__file__)} --agent {job}"]
        for component in ("btl_tcp", "oob_tcp"):
            options += ["--mca", f"{component}_if_include", "10.77.0.0/24"]
        options += ["--map-by", "node", "--host", ",".join(f"{it}:64" for it in ADDRESSES)]
        mpi = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/mpi")
        command = " ".join(f"'{word}'" for word in [mpi, *options, *arguments])
        folder = f"cd '{os.getcwd()}'; "
        sys.exit(subprocess.run(in_namespace(job, ADDRESSES[0], folder + command)).returncode)
    finally:
        for address in ADDRESSES:
            subprocess.run(["ip", "netns", "del", namespace(job, address)], capture_output=True)


main()
