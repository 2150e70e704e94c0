# SPDX-License-Identifier: Apache-2.0
"""Names the machine and the versions of everything that was measured."""
import os
import platform
import re
import subprocess


def first_line(command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL,
                              text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def package(name):
    return first_line(["dpkg-query", "-W", "-f=${Version}", name])


def cpu():
    with open("/proc/cpuinfo") as f:
        found = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.M)
    return found.group(1) if found else platform.machine()


def describe(peer, ours):
    with open("/proc/meminfo") as f:
        kib = int(re.search(r"MemTotal:\s*(\d+)", f.read()).group(1))
    return {
        "cpu": f"{cpu()}, {os.cpu_count()} CPUs",
        "memory": f"{kib / 2**20:.0f} GiB",
        "kernel": f"Linux {platform.release()} {platform.machine()}",
        "libc": "glibc " + os.confstr("CS_GNU_LIBC_VERSION").split()[-1],
        "compiler": first_line(["gcc", "--version"]),
        "python": platform.python_version(),
        "peers": peer,
        "libdeflate": package("libdeflate-dev"),
        "simdjson": package("libsimdjson-dev"),
        "picklefork": ours,
        "load": "%.2f %.2f %.2f before" % os.getloadavg(),
    }


def lines(machine):
    peers = ", ".join(f"{n} {v}" for n, v in machine["peers"].items())
    return [
        f"{machine['cpu']}, {machine['memory']}, {machine['kernel']}, "
        f"{machine['libc']}, {machine['compiler']}",
        f"Python {machine['python']}, {peers}, "
        f"libdeflate {machine['libdeflate']}, simdjson {machine['simdjson']}; "
        f"{machine['picklefork']}",
        f"load average {machine['load']} the run; medians of alternated "
        "rounds, page cache warm"]
