"""Python programs in processes that have their libraries loaded: that takes longer than most do.

`run` does what `subprocess.run([sys.executable, *arguments])` does, but its process is a fork of a
server's, which has loaded what Snakemake and the workflow's scripts need, and nothing of the
package. Programs that such a process starts, as Snakemake does for each job, are forks, too: its
`sys.executable` is a command that asks the server for them.
"""

import atexit
import gc
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import warm_client

LIBRARIES = (
    *("snakemake.cli", "snakemake.script", "snakemake.report.html_reporter", "yte", "docutils"),
    *("h5py", "matplotlib.pyplot", "pandas", "pydantic", "rich.progress", "torch", "yaml"),
    *("scipy.interpolate", "scipy.linalg", "scipy.ndimage", "scipy.sparse.linalg", "scipy.stats"),
)


def run(arguments, directory, environment, limit=None):
    """Run a program there: exit code, and what it wrote to standard output and error.

    It is killed, and a TimeoutError raised, after `limit` seconds.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        files = (output, errors)
        streams = [file.fileno() for file in files]
        asked = arguments, str(directory), dict(environment)
        code = warm_client.ask(_server(), *asked, streams, limit)
        for file in files:
            file.seek(0)
        return code, *(file.read().decode() for file in files)


@cache
def _server():
    """Address of the server of this process, which ends with it."""
    folder = tempfile.TemporaryDirectory(prefix="nd2fd-")
    address = Path(folder.name, "socket")
    server = subprocess.Popen(
        [sys.executable, __file__, str(address)],
        env=dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=""),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def end():
        server.stdin.close()
        server.wait()
        server.stdout.close()
        folder.cleanup()

    atexit.register(end)
    if server.stdout.readline() != b"ready\n":
        raise ChildProcessError("the server did not start")
    return str(address)


def serve(address):
    """Fork for each program that is asked for, until standard input ends; returns in the forks.

    These return what was asked for, and the server None.
    """
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()  # what collections of garbage do not look at is not copied
    python = Path(address).with_name("python")
    client = f"{sys.executable} -IS {warm_client.__file__} {address}"
    python.write_text(f'#!/bin/sh\nexec {client} "$@"\n')
    python.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            asked, _, _ = select.select([listener, sys.stdin], [], [])
            while _waited():
                pass
            if sys.stdin in asked:
                return None
            if listener in asked:
                connection, _ = listener.accept()
                with connection:
                    if os.fork() == 0:
                        listener.close()
                        return _attend(connection, str(python))


def _waited():
    """Whether a child had ended."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def _attend(connection, python):
    """Start what is asked for, and tell its exit code; returns in its process."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 2)
    with connection.makefile("rb") as stream:
        arguments, directory, environment = json.loads(stream.read(int.from_bytes(size, "big")))
    program = os.fork()
    if program > 0:
        connection.sendall(program.to_bytes(4, "big"))
        code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
        with suppress(BrokenPipeError):  # nobody waits any longer
            connection.sendall(code.to_bytes(4, "big", signed=True))
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in zip((nothing, *streams), (0, 1, 2), strict=True):
        os.dup2(here, there)
        os.close(here)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = python
    return arguments


def start(arguments):
    """What Python does with such arguments: `-m module`, `-c program`, or a file."""
    sys.orig_argv = [sys.executable, *arguments]
    first, *rest = arguments
    added = os.environ.get("PYTHONPATH", "")
    paths = added.split(os.pathsep) if added else []
    if first == "-m":
        sys.path[:1] = [str(Path.cwd()), *paths]
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[:1] = ["", *paths]
        sys.argv = ["-c", *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    else:
        sys.path[:1] = [str(Path(first).resolve().parent), *paths]
        sys.argv = arguments
        runpy.run_path(first, run_name="__main__")


def end(error):
    """End as Python does after an exception, or None, but free nothing: that takes a second."""
    code = 0
    if isinstance(error, SystemExit):
        code = error.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code or 0)


if __name__ == "__main__" and (asked := serve(sys.argv[1])):
    try:
        start(asked)
    except BaseException as error:
        end(error)
    end(None)
