"""Asks a server of `warm_python` for a program: address, then the arguments of Python.

Imports next to nothing, so that it starts at once.
"""

import json
import os
import signal
import socket
import sys


def ask(address, arguments, directory, environment, streams, limit=None):
    """Exit code of a program, negative for a signal; its output goes to the two descriptors.

    It is killed, and a TimeoutError raised, after `limit` seconds.
    """
    request = json.dumps([arguments, directory, environment]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(request).to_bytes(8, "big")], streams)
        connection.sendall(request)
        program = _number(connection)
        connection.settimeout(limit)
        try:
            return _number(connection)
        except TimeoutError:
            os.kill(program, signal.SIGKILL)
            raise


def _number(connection):
    answer = connection.recv(4)
    if len(answer) < 4:
        raise ConnectionError("the server ended before the program")
    return int.from_bytes(answer, "big", signed=True)


if __name__ == "__main__":
    _, address, *arguments = sys.argv
    directory = os.getcwd()  # noqa: PTH109 - pathlib is not loaded
    code = ask(address, arguments, directory, dict(os.environ), [1, 2])
    sys.exit(code if code >= 0 else 128 - code)
