"""A real Slurm on this machine: controller, two nodes with a fake GPU each, and nothing else.

    python tests/slurm/cluster.py start DIRECTORY    # installs Debian's packages where missing
    python tests/slurm/cluster.py stop DIRECTORY     # cancels all jobs, removes DIRECTORY

Needs root, because slurmd starts jobs as their owner, and Debian's packages. Everything lies in
the directory, except /etc/slurm/slurm.conf, a link that jobs need: the Slurm plugin of Snakemake
removes SLURM_CONF from their environment.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NODES = ("n1", "n2")
CPUS_PER_NODE = 2
MEMORY_PER_NODE = 16000
"""What a node says it has [MB]; it need not be there."""
CONTROLLER_PORT = 16817
CONFIG_LINK = Path("/etc/slurm/slurm.conf")
PACKAGES = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
}
_PATIENCE = 60.0

# Without accounting there is no database to run; squeue says all that the profile asks for.
# Memory limits are enforced by polling, which works without cgroups.
_SLURM_CONF = """\
ClusterName=nd2fd
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.%n.pid
SlurmctldLogFile={log}/slurmctld.log
SlurmdLogFile={log}/slurmd.%n.log
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
ReturnToService=2
PropagateResourceLimits=NONE
KillWait=3
CompleteWait=0
MinJobAge=86400
InactiveLimit=0
Waittime=0
SlurmctldTimeout=60
SlurmdTimeout=30
MessageTimeout=30
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-0 DefaultTime=10 State=UP
PartitionName=gpu Nodes=ALL MaxTime=1-0 DefaultTime=10 State=UP
"""


class ClusterError(RuntimeError):
    """The cluster does not do what it should."""


class UnavailableError(ClusterError):
    """No cluster can be had on this machine."""


class Cluster:
    """The cluster whose files are in a directory.

    Parameters
    ----------
    directory
        Made by `start`, removed by `stop`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.run, self.log = self.directory / "run", self.directory / "log"
        self.config = self.directory / "etc" / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.config)}

    def start(self) -> None:
        """Bring everything up, and run a first job on every node.

        Raises UnavailableError if this machine cannot have a cluster, ClusterError if it fails.
        """
        reason = _why_not_here()
        if reason:
            raise UnavailableError(reason)
        _install_packages()
        for name in ("etc", "run", "log", "state", "dev", *(f"spool/{n}" for n in NODES)):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        CONFIG_LINK.parent.mkdir(exist_ok=True)
        CONFIG_LINK.unlink(missing_ok=True)
        CONFIG_LINK.symlink_to(self.config)
        self._daemon(
            "munged",
            "--force",
            f"--key-file={self.directory}/etc/munge.key",
            f"--socket={self.run}/munge.socket",
            f"--pid-file={self.run}/munged.pid",
            f"--log-file={self.log}/munged.log",
            f"--seed-file={self.directory}/state/munged.seed",
        )
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self._wait(lambda: all(state == "idle" for state in self.node_states()), "idle nodes")
        for node in NODES:
            self.command("srun", "-Q", "-p", "gpu", "-w", node, "--gpus=1", "--mem=50", "true")

    def stop(self) -> None:
        """Cancel all jobs, end the processes of this cluster by their ids, remove its files."""
        if self._pid("slurmctld") is not None:
            with contextlib.suppress(ClusterError, subprocess.TimeoutExpired):
                self.command("scancel", "--user=root")
                self._wait(lambda: not self.jobs(), "the end of all jobs")
        for name in (*(f"slurmd.{node}" for node in NODES), "slurmctld", "munged"):
            self._end(name, signal.SIGTERM)
        for pid in self._own_processes():
            _kill(pid, signal.SIGKILL)
        if CONFIG_LINK.is_symlink() and CONFIG_LINK.readlink() == self.config:
            CONFIG_LINK.unlink()
            if not any(CONFIG_LINK.parent.iterdir()):
                CONFIG_LINK.parent.rmdir()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        self._daemon("slurmctld", "-i")
        self._wait(lambda: "UP" in self.command("scontrol", "ping", check=False), "slurmctld")

    def stop_controller(self) -> None:
        """Stop slurmctld; running jobs go on."""
        self._end("slurmctld", signal.SIGTERM)

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._daemon("slurmd", "-N", node)

    def lose_node(self, node: str) -> None:
        """Kill the slurmd of a node and everything that runs there, as a power failure does."""
        jobs = [job for job, fields in self.jobs().items() if fields["node"] == node]
        self._end(f"slurmd.{node}", signal.SIGKILL)
        for pid in _processes():
            title, environment = _read(pid, "cmdline"), _read(pid, "environ").split("\0")
            for job in jobs:
                if title.startswith(f"slurmstepd: [{job}.") or f"SLURM_JOB_ID={job}" in environment:
                    _kill(pid, signal.SIGKILL)

    def jobs(self) -> dict[str, dict[str, str]]:
        """Jobs that wait or run, by their id: state, node and comment (Snakemake's rule)."""
        lines = self.command("squeue", "-h", "-o", "%i|%T|%N|%k", check=False).splitlines()
        rows = (line.split("|") for line in lines if line.count("|") == 3)
        return {i: {"state": s, "node": n, "comment": c} for i, s, n, c in rows}

    def node_states(self) -> list[str]:
        """State of every node, as sinfo says it."""
        return self.command("sinfo", "-h", "-N", "-p", "cpu", "-o", "%T", check=False).split()

    def command(self, *arguments: str, check: bool = True) -> str:
        """Output of one of Slurm's commands."""
        done = subprocess.run(
            arguments, env=self.environment, capture_output=True, text=True, timeout=90, check=False
        )
        if check and done.returncode:
            raise ClusterError(f"{' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _write_configuration(self) -> None:
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 "
            f"Port={CONTROLLER_PORT + index} CPUs={CPUS_PER_NODE} "
            f"RealMemory={MEMORY_PER_NODE} Gres=gpu:fake:1"
            for index, node in enumerate(NODES, 1)
        )
        places = {"directory": self.directory, "run": self.run, "log": self.log}
        text = _SLURM_CONF.format(host=host, port=CONTROLLER_PORT, nodes=nodes, **places)
        self.config.write_text(text)
        gpus = []
        for node in NODES:
            device = self.directory / "dev" / f"{node}gpu0"
            device.touch()
            gpus.append(f"NodeName={node} Name=gpu Type=fake File={device}\n")
        (self.config.parent / "gres.conf").write_text("".join(gpus))
        (self.config.parent / "cgroup.conf").write_text("CgroupAutomount=no\n")
        key = self.config.parent / "munge.key"
        key.touch(mode=0o400)
        key.write_bytes(os.urandom(1024))

    def _daemon(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [name, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"{name} does not start: {done.stderr.decode()[-500:]}")

    def _pid(self, name: str) -> int | None:
        """Process of a daemon, by its file; not a zombie, nor another that has the number now."""
        try:
            pid = int((self.run / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None
        comm = _read(pid, "comm").strip()
        state = _read(pid, "stat").rpartition(")")[2].split()[:1]
        return pid if comm == name.split(".")[0] and state not in (["Z"], ["X"]) else None

    def _end(self, name: str, number: signal.Signals) -> None:
        pid = self._pid(name)
        if pid is None:
            return
        _kill(pid, number)
        try:
            self._wait(lambda: self._pid(name) is None, f"the end of {name}")
        except ClusterError:
            _kill(pid, signal.SIGKILL)

    def _own_processes(self) -> Iterator[int]:
        """Daemons and job steps that are still there."""
        for pid in _processes():
            environment = _read(pid, "environ").split("\0")
            if (
                _read(pid, "comm").startswith("slurm")
                and f"SLURM_CONF={self.config}" in environment
            ):
                yield pid

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                logs = "".join(
                    f"\n{path.name}: {path.read_text()[-500:]}" for path in self.log.glob("*.log")
                )
                raise ClusterError(f"waited {_PATIENCE:g} s in vain for {what}{logs}")
            time.sleep(0.2)


def _why_not_here() -> str:
    """Why no cluster can be started on this machine; empty if one can."""
    if os.geteuid() != 0:
        return "Slurm daemons need root"
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        return f"the name of this machine, {socket.gethostname()}, has no address"
    if any(shutil.which(p) is None for p in PACKAGES) and shutil.which("apt-get") is None:
        return "Slurm is not installed, and there is no apt-get to install it"
    if CONFIG_LINK.is_symlink():
        other = CONFIG_LINK.readlink().parent.parent
        if Cluster(other)._pid("slurmctld") is not None:
            return f"another cluster runs from {other}"
    elif CONFIG_LINK.exists():
        return f"{CONFIG_LINK} belongs to another cluster"
    return ""


def _install_packages() -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    # Debian's packages would start their services.
    policy = Path("/usr/sbin/policy-rc.d")
    forbid = not policy.exists()
    if forbid:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run(
                ["apt-get", "-qq", *command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise UnavailableError(f"apt-get {command[0]}: {done.stderr[-500:]}")
    finally:
        if forbid:
            policy.unlink()


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        sys.exit(__doc__)
    try:
        getattr(Cluster(Path(sys.argv[2])), sys.argv[1])()
    except ClusterError as error:
        sys.exit(str(error))
