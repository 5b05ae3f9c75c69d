"""The world of `crank run` for faults.py: a detached container on a bridge of its own with a published
port."""

import json
import os
import shutil
import socket
import subprocess


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def groups():
    """Of crank's containers, whoever started them: path to whether it is empty."""
    found = set()
    for above in ["/sys/fs/cgroup", *("/sys/fs/cgroup/" + name for name in os.listdir("/sys/fs/cgroup"))]:
        try:
            names = os.listdir(above + "/crank")
        except OSError:
            continue
        found |= {above + "/crank/" + name for name in names
                  if os.path.isdir(above + "/crank/" + name) and len(name) == 64}
    return found


def is_empty(group):
    try:
        with open(group + "/cgroup.procs", encoding="utf-8") as file:
            return not file.read()
    except OSError:
        return False


def make_world(world, failure):
    """The class, of faults.py's World."""

    class RunWorld(world):
        VERBS = ["run", "exec", "kill", "stop", "rm"]

        def __init__(self, binaries, directory):
            self.binaries = binaries
            self.directory = directory
            self.root, self.state = directory + "/root", directory + "/state"
            self.port = free_port()
            self.before = set()
            self.make_image()

        def crank(self, *words):
            return [self.binaries + "/crank", "--root", self.root, "--state", self.state, *words]

        def make_image(self):
            context = self.directory + "/context"
            os.makedirs(context + "/root/bin")
            shutil.copy("/bin/busybox", context + "/root/bin/busybox")
            with open(context + "/Dockerfile", "w", encoding="utf-8") as file:
                file.write("FROM scratch\nCOPY root /\n")
            subprocess.run(self.crank("build", "-q", "-t", "faults", context), check=True,
                           stdout=subprocess.DEVNULL)
            # The bridge stays, as it should on a host.
            subprocess.run(self.crank("run", "--rm", "faults", "/bin/busybox", "true"), check=True)

        def command(self, verb):
            rest = {"run": ["run", "-d", "--name", "faults", "-p", "127.0.0.1:%d:80" % self.port,
                            "faults", "/bin/busybox", "sleep", "1000"],
                    "exec": ["exec", "faults", "/bin/busybox", "true"],
                    "kill": ["kill", "faults"], "stop": ["stop", "-t", "0", "faults"],
                    "rm": ["rm", "-f", "faults"], "ps": ["ps", "-aq", "--no-trunc"],
                    "state": ["ps", "--format", "{{.Names}}"]}[verb]
            return self.crank(*rest)

        def prepare(self, verb):
            self.before = groups()
            if verb != "run":
                self.must("run")

        def check(self, verb, status):
            names = self.must("state").split()
            if verb == "exec" and names != ["faults"]:
                raise failure("the container does not run any more")
            if verb in ("kill", "stop", "rm") and status == 0 and names:
                raise failure("%s succeeded, and the container runs" % verb)
            if verb == "rm" and status == 0 and self.must("ps"):
                raise failure("rm succeeded, and the container is there")
            self.must("rm")
            if said := self.must("ps"):
                raise failure("still there: " + said.strip())
            if verb == "run":
                # name and port are free
                self.must("run")
                self.must("rm")
            self.nothing_left()

        def drop(self):
            self.run("rm")
            # Found once is enough.
            shutil.rmtree(self.state + "/network", ignore_errors=True)
            for device in self.devices():
                subprocess.run(["ip", "link", "delete", device], check=False)
                subprocess.run(["nft", "delete", "table", "ip", "crank_" + device], check=False)

        def links(self):
            done = subprocess.run(["ip", "-json", "link", "show"], check=True, stdout=subprocess.PIPE)
            return json.loads(done.stdout)

        def devices(self):
            """The bridge of this state directory."""
            return [link["ifname"] for link in self.links()
                    if link.get("ifalias") == "crank %s/network" % self.state]

        def left(self):
            found = list(self.processes_left())
            found += ["cgroup " + group for group in groups() - self.before if is_empty(group)]
            bridges = self.devices()
            found += ["device " + link["ifname"] for link in self.links()
                      if link.get("master") in bridges]
            for where in (self.root + "/containers", self.root + "/names", self.state + "/containers",
                          self.state + "/network/leases"):
                if os.path.isdir(where):
                    found += ["file %s/%s" % (where, name) for name in os.listdir(where)
                              if name != ".lock"]
            return found

    return RunWorld
