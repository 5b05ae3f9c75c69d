#!/usr/bin/env python3
"""podman's dialect, spoken to crank: what tests/conformance/podman.sh gives podman's suite as `podman`.

It translates words, never deeds: global flags, the prefix of errors, exit codes, how an id or a
local name is written, texts that the suite compares letter by letter (MESSAGES). Whatever the suite
wants done, crank does; what crank does not have stays an error. docs/conformance.md says so too.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

from podman_words import translate_error, translate_warning

# What the suite asks of `podman info` to choose its tests by. A crun is what crank's runtime is
# called where engines look for one.
INFO = {
    ".Host.OCIRuntime.Name": "crun",
    ".Host.NetworkBackend": "crank",
    ".Host.EventLogger": "file",
    ".Host.LogDriver": "k8s-file",
    ".Host.CgroupsVersion": "v1",
    ".Store.GraphDriverName": "overlay",
}

GLOBAL_VALUES = {
    "root", "runroot", "tmpdir", "storage-driver", "storage-opt", "log-level",
    "cgroup-manager", "conmon", "imagestore", "network-config-dir", "registries-conf", "url",
    "connection", "volumepath", "config", "runtime", "out",
}
GLOBAL_SWITCHES = {"syslog", "debug", "-D", "transient-store", "noout"}
GROUPS = {
    "container", "image", "volume", "system", "network", "pod", "manifest", "secret", "machine",
    "kube", "artifact", "buildx", "healthcheck", "generate", "quadlet", "play", "farm",
}
# podman's other words for verbs of crank's.
SAME = {
    ("image", "list"): ["images"],
    ("image", "untag"): ["untag"],
    ("container", "stats"): ["stats"],
    ("buildx", "build"): ["build"],
    ("system", "df"): ["df"],
}

def split_globals(words):
    """The flags in front of the verb, and the rest."""
    given = {}
    at = 0
    while at < len(words) and words[at].startswith("-"):
        name, equals, value = words[at].lstrip("-").partition("=")
        if words[at] in ("-v", "--version", "--help", "-h"):
            break
        if name in GLOBAL_SWITCHES or words[at] in GLOBAL_SWITCHES:
            given[name] = ""
            at += 1
        elif name in GLOBAL_VALUES:
            if not equals:
                at += 1
                value = words[at]
            given[name] = value
            at += 1
        else:
            print(f"Error: unknown flag: {words[at]}", file=sys.stderr)
            sys.exit(125)
    return given, words[at:]


def redirect(given):
    """--noout and --out FILE: what a shell writes as >/dev/null and >FILE."""
    if "noout" in given or "out" in given:
        to = os.open(given.get("out", "/dev/null"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(to, 1)
        os.close(to)


def environment(given):
    env = dict(os.environ)
    if "config" in given:
        env["DOCKER_CONFIG"] = given["config"]
    if "root" in given:
        env["CRANK_ROOT"] = given["root"]
        env["CRANK_STATE"] = given.get("runroot", given["root"] + "/state")
    elif "runroot" in given:
        env["CRANK_STATE"] = given["runroot"]
    return env


def answer_info(rest, env):
    """`info --format TEMPLATE`; without one crank's own."""
    template = None
    for i, word in enumerate(rest):
        if word in ("--format", "-f"):
            template = rest[i + 1]
        elif word.startswith("--format="):
            template = word[len("--format="):]
    if template is None:
        return None
    known = dict(INFO)
    known[".Store.GraphRoot"] = env.get("CRANK_ROOT", "/var/lib/crank")
    known[".Store.RunRoot"] = env.get("CRANK_STATE", "/run/crank")
    known[".Host.Hostname"] = os.uname().nodename
    known[".Host.Security.Rootless"] = "false" if os.geteuid() == 0 else "true"

    def field(match):
        name = match.group(1).strip()
        if name not in known:
            print(f"Error: crank has no {name}", file=sys.stderr)
            sys.exit(125)
        return known[name]

    print(re.sub(r"\{\{(.*?)\}\}", field, template))
    return 0


def take_flag(rest, *names):
    """The value of a flag, and the words without it."""
    value, words, skip = None, [], False
    for i, word in enumerate(rest):
        if skip:
            skip = False
        elif word in names and i + 1 < len(rest):
            value, skip = rest[i + 1], True
        elif any(word.startswith(name + "=") for name in names):
            value = word.partition("=")[2]
        else:
            words.append(word)
    return value, words


# podman's names of columns of `top`, ps's.
COLUMNS = {"user": "user=USER", "huser": "user=HUSER", "hpid": "pid=HPID", "args": "args", "comm": "comm",
           "etime": "etime", "ppid": "ppid", "state": "state", "tty": "tty", "time": "time", "vsz": "vsz"}


def top_words(rest):
    names = [name for word in rest[1:] for name in re.split("[, ]", word)]
    if not names or not all(name in COLUMNS for name in names):
        return rest
    return [rest[0], *(word for name in names for word in ("-o", COLUMNS[name])), "-o", "pid"]


def registry_words(rest, env):
    """Whom to log in as, and whom to trust: files and variables, where crank looks."""
    authfile, rest = take_flag(rest, "--authfile")
    if authfile:
        env["REGISTRY_AUTH_FILE"] = authfile
    creds, rest = take_flag(rest, "--creds")
    certs, rest = take_flag(rest, "--cert-dir")
    if not creds and not certs:
        return rest
    scratch = tempfile.mkdtemp(prefix="podman-words.")
    hosts = {host for word in rest for host in re.findall(r"^(?:docker://)?([\w.-]+:\d+)(?:/|$)", word)}
    if creds:
        auth = base64.b64encode(creds.encode()).decode()
        env["REGISTRY_AUTH_FILE"] = scratch + "/auth.json"
        with open(env["REGISTRY_AUTH_FILE"], "w", encoding="utf-8") as file:
            json.dump({"auths": {host: {"auth": auth} for host in hosts}}, file)
    if certs:
        env["HOME"] = scratch
        os.makedirs(scratch + "/.config/containers/certs.d")
        for host in hosts:
            os.symlink(certs, f"{scratch}/.config/containers/certs.d/{host}")
    return rest


def is_short(name):
    """An image's name without a registry: podman's are localhost's."""
    first = name.split("/")[0]
    if re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", name):
        return False
    return not ("/" in name and (first == "localhost" or "." in first or ":" in first))


def local(name):
    return "localhost/" + name if is_short(name) else name


VALUE_FLAGS = {
    "build": {"-t", "--tag"},
}


def name_locally(verb, rest):
    """Names that images are given here."""
    rest = list(rest)
    if verb == "build":
        for i, word in enumerate(rest):
            if word in ("-t", "--tag") and i + 1 < len(rest):
                rest[i + 1] = local(rest[i + 1])
            elif word.startswith("--tag="):
                rest[i] = "--tag=" + local(word[6:])
    elif verb == "tag":
        free = [i for i, word in enumerate(rest) if not word.startswith("-")]
        for i in free[1:]:
            rest[i] = local(rest[i])
    elif verb == "commit":
        valued = {"-a", "--author", "-c", "--change", "-m", "--message", "-f", "--format", "--iidfile"}
        free, skip = [], False
        for i, word in enumerate(rest):
            if skip:
                skip = False
            elif word in valued:
                skip = True
            elif not word.startswith("-"):
                free.append(i)
        if len(free) > 1:
            rest[free[1]] = local(rest[free[1]])
    elif verb == "import":
        valued = {"-c", "--change", "-m", "--message"}
        free, skip = [], False
        for i, word in enumerate(rest):
            if skip:
                skip = False
            elif word in valued:
                skip = True
            elif word == "-" or not word.startswith("-"):
                free.append(i)
        if len(free) > 1:
            rest[free[1]] = local(rest[free[1]])
    return rest


def pulled_output(crank, env, rest, out):
    """podman says what it has copied, and the image's id in place of its name."""
    *said, name = out.decode().splitlines()
    asked = subprocess.run([crank, "image", "inspect", "-f", "{{.Id}}", name], env=env, stdout=subprocess.PIPE, check=True)
    policy, _ = take_flag(rest, "--policy")
    copied = any(line.startswith("Status: ") and (policy != "newer" or "Downloaded" in line) for line in said)
    return (b"Writing manifest to image destination\n" if copied else b"") + asked.stdout.replace(b"sha256:", b"")


def port_words(rest):
    """No port is an empty one to podman, and it writes IPv4 addresses in brackets too."""
    pairs = zip(["", *rest], rest, [*rest[1:], "-"])
    rest = [word for before, word, after in pairs if (before, word) != ("-p", "") and (word, after) != ("-p", "")]
    return [re.sub(r"^\[([0-9.]+)\]:", r"\1:", word) if before == "-p" else word
            for before, word in zip(["", *rest], rest)]


def push_words(crank, rest, env):
    """`push IMAGE DESTINATION`: crank's takes the name as the destination, so it gets that name."""
    names = [word for word in rest if not word.startswith("-")]
    if len(names) != 2 or re.match(r"^(dir|oci|oci-archive|docker-archive|docker-daemon):", names[1]):
        return rest, None
    name = names[1].removeprefix("docker://")
    subprocess.run([crank, "tag", names[0], name], env=env, stderr=subprocess.DEVNULL, check=False)
    return [name if word == names[1] else word for word in rest if word != names[0]], name


def from_working_dir(rest, command, env):
    """A relative path in a container: podman's counts from its working directory, Docker's from /."""
    rest = list(rest)
    for i, word in enumerate(rest):
        match = re.match(r"^([A-Za-z0-9][A-Za-z0-9_.-]*):([^/].*)$", word)
        if match:
            asked = subprocess.run([command, "inspect", "-f", "{{.Config.WorkingDir}}", match.group(1)],
                                   env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            directory = asked.stdout.decode().strip()
            rest[i] = f"{match.group(1)}:{directory.rstrip('/')}/{match.group(2)}"
    return rest


class Errors:
    """Lines of crank's standard error, in podman's form."""

    def __init__(self, verb, rest=(), identify=lambda name: name):
        self.verb = verb
        self.rest = rest
        self.identify = identify
        self.seen = []
        self.after_error = False
        self.pulling = False

    def line(self, text):
        match = re.match(r"^crank(?: (?:[a-z]+ ?){1,2})?: (.*)$", text)
        if match:
            self.after_error = True
            self.seen.append(match.group(1))
            return "Error: " + translate_error(self.verb, self.rest, match.group(1), self.identify)
        if self.after_error and text.startswith("hint: "):
            return None
        self.after_error = False
        if text.startswith("warning: "):
            words = translate_warning(text[len("warning: "):])
            if not words:
                return None
            if words.startswith("Port mappings"):  # podman says this one without a level
                return words
            return f'time="2026-01-01T00:00:00Z" level=warning msg="{words}"'
        # What crank tells people beside the result.
        if text.startswith(("listening on ", "Successfully copied ")):
            return None
        if match := re.match(r"^unable to find image '(.*)' locally$", text):
            self.pulling = True
            return f"Trying to pull {match.group(1)}..."
        # the first that is heard of a pull
        if re.match(r"^[0-9a-f]{12}: (pulling|already here)", text) and not self.pulling:
            self.pulling = True
            name = self.rest[-1] if self.verb == "pull" else "the image"
            return f"Trying to pull {name}...\n{text}"
        return text


def exit_code(verb, code, errors):
    """podman's, for what crank says with 1 or 2."""
    text = " ".join(errors.seen)
    if verb in ("run", "start") and re.search("address already in use|is published by|sctp ports", text):
        return 126
    if code not in (1, 2) or not errors.seen:
        return code
    if verb in ("rm", "rmi", "volume rm", "network rm"):
        if re.search(r"is (running|paused)|in use|is used by|is being", text):
            return 2
        if "no such" in text:
            return 1
    return 125


LISTS = {"ps", "volume ls", "network ls", "search"}


def wants_json(rest):
    return "--format=json" in rest or any(
        flag == "--format" and word == "json" for flag, word in zip(rest, rest[1:]))


def labels_of(line):
    """Docker writes labels as "a=1,b=2", podman as an object."""
    entry = json.loads(line)
    if isinstance(entry.get("Labels"), str):
        pairs = (pair.partition("=") for pair in entry["Labels"].split(",") if pair)
        entry["Labels"] = {name: value for name, _, value in pairs}
    return json.dumps(entry).encode()


# `network ls` without its first line.
HEADLESS = {"--noheading", "-n"}


def history_json(out):
    entries = [json.loads(line) for line in out.splitlines()]
    return json.dumps([{"id": entry["ID"].removeprefix("sha256:"), "created": entry["CreatedAt"],
                        "CreatedBy": entry["CreatedBy"], "size": int(entry["Size"]), "comment": entry["Comment"]}
                       for entry in entries]).encode() + b"\n"


def images_json(crank, env, out):
    """podman's has one entry an image, with what `inspect` says about it."""
    seen = {}
    for line in out.splitlines():
        entry = json.loads(line)
        name = f"{entry['Repository']}:{entry['Tag']}"
        seen.setdefault(entry["ID"], []).append(name)
    entries = []
    for image, names in seen.items():
        asked = subprocess.run([crank, "image", "inspect", image], env=env, stdout=subprocess.PIPE, check=True)
        facts = json.loads(asked.stdout)[0]
        entries.append({"Id": image.removeprefix("sha256:"), "Names": names, "Digest": facts.get("Digest"),
                        "RepoDigests": facts.get("RepoDigests"), "Size": facts["Size"],
                        "CreatedAt": facts["Created"], "Labels": facts["Config"].get("Labels")})
    return json.dumps(entries).encode() + b"\n"


# The network that containers are on where nothing is said.
def default_network(verb, rest):
    if verb.startswith("network "):
        return ["bridge" if word == "podman" else word for word in rest]
    if verb in ("run", "create"):
        rest = [re.sub(r"^(--net(?:work)?=)podman$", r"\1bridge", word) for word in rest]
        return [word if before not in ("--net", "--network") or word != "podman" else "bridge"
                for before, word in zip(["", *rest], rest)]
    return [word.replace('.Networks "podman"', '.Networks "bridge"') for word in rest]


def network_names(verb, rest, out):
    if verb == "inspect":
        out = re.sub(rb"map\[Name:(\w+) Soft:(\S+) Hard:([^\]\s]+)\]",
                     lambda m: b"{RLIMIT_%s %s %s}" % (m[1].upper(), m[2], m[3]), out)
        return out.replace(b"map[bridge:", b"map[podman:")
    if verb == "network create":  # Docker prints the id, podman the name
        return (rest[-1] + "\n").encode() if out else out
    if verb == "network ls":
        out = re.sub(rb"(?m)^bridge$", b"podman", out)
        if "{{.Name}}" in rest:
            return b"".join(sorted(out.splitlines(keepends=True)))
        if not any("{{" in word for word in rest):
            out = re.sub(rb"(?m)^(.*\S) {2,}(?:SCOPE|local)$", rb"\1", out)
            out = re.sub(rb"(?m)^([0-9a-f]{12} +)bridge( +bridge)$", rb"\1podman\2", out)
        if HEADLESS.intersection(rest):
            out = out.partition(b"\n")[2]
        return out
    return out


DF_NAMES = {"Bytes": "RawSize", "ReclaimableBytes": "RawReclaimable"}


def df_line(line):
    """podman's rows are numbers, and there is no build cache in them."""
    entry = json.loads(line)
    if entry["Type"] not in ("Images", "Containers", "Local Volumes"):
        return None
    entry = {DF_NAMES.get(name, name): int(value) if value.isdigit() else value for name, value in entry.items()}
    entry["Total"] = entry["TotalCount"]
    order = ["Type", "Total", "Active", "RawSize", "RawReclaimable", "Reclaimable", "TotalCount", "Size"]
    return json.dumps({name: entry[name] for name in order}, separators=(",", ":"))


def df_output(rest, out):
    if not any("json" in word for word in rest):
        return out
    rows = [row for row in map(df_line, out.decode().splitlines()) if row]
    text = "[" + ",".join(rows) + "]" if wants_json(rest) else "\n".join(rows)
    return (text + "\n").encode()


def rewrite_output(verb, rest, out):
    if verb == "history" and wants_json(rest) and out:
        return history_json(out)
    if verb == "df":
        return df_output(rest, out)
    if verb == "images" and any(word.startswith("table ") for word in rest):
        # between columns Docker has three blanks at least, podman two
        return re.sub(rb" {3,}", lambda m: m[0][1:], out)
    if verb == "port":  # every address of either kind is one line of podman's
        lines = out.splitlines(keepends=True)
        return b"".join(line for line in lines if line.replace(b"[::]", b"0.0.0.0") == line
                        or line.replace(b"[::]", b"0.0.0.0") not in lines)
    if verb == "login":
        return out.replace(b"Login Succeeded", b"Login Succeeded!")
    if verb == "logout":
        return out.replace(b"Removing login", b"Removed login")
    out = network_names(verb, rest, out)
    # Docker prints one object a line, podman one array of them.
    if verb in LISTS and wants_json(rest):
        return b"[" + b",\n".join(labels_of(line) for line in out.splitlines()) + b"]\n"
    if verb == "inspect" and b"Digest" in " ".join(rest).encode():
        return out
    if verb == "ps":  # Docker quotes a command, podman does not
        out = re.sub(rb"Up [^(\n]*\(Paused\)", b"Paused", out)
        return out.replace(b'"', b"") if b"json" not in " ".join(rest).encode() else out
    if verb in ("inspect", "commit", "build", "rmi", "import", "create", "history"):
        return re.sub(rb"sha256:([0-9a-f]{64})", rb"\1", out)
    return out


# podman's name of a field of `inspect`, crank's.
INSPECT_FIELDS = {
    ".State.Healthcheck": ".State.Health",
    ".State.StoppedByUser": 'eq .State.Cause "stopped"',
    ".State.ConmonPid": ".State.MonitorPid",
    ".Config.HealthcheckOnFailureAction": ".HostConfig.OnUnhealthy.Action",
}


# Docker's name of what happened, podman's.
ACTIONS = {"die": "died", "destroy": "remove"}
EVENT_FIELDS = {"ID": ".Actor.ID", "Image": ".Actor.Attributes.image", "Name": ".Actor.Attributes.name",
                "Status": ".Action", "ContainerExitCode": ".Actor.Attributes.exitCode",
                "HealthStatus": ".Action", "Network": ".Actor.Attributes.network"}


def event_words(rest):
    """podman's --stream=false reads up to now; its filter is called status too."""
    typed = {value: key for key, value in ACTIONS.items()}
    words = []
    for word in rest:
        if word == "--stream=false":
            words.append("--until=0s")
        elif word.startswith("--no-trunc") or word in ("--stream", "--stream=true"):
            pass
        elif match := re.match(r"^(--filter=)?(?:event|status)=(.*)$", word):
            words.append(f"{match.group(1) or ''}event={typed.get(match.group(2), match.group(2))}")
        elif "{{" in word:
            word = re.sub(r"\.Attributes\b", ".Actor.Attributes", word)
            words.append(re.sub(r"(?<![\w.])\.(\w+)\b", lambda m: EVENT_FIELDS.get(m.group(1), m.group(0)), word))
        else:
            words.append(word)
    return words


def event_line(line, short):
    match = re.match(r"^(\S+) (\w+) (\S+) (?:sha256:)?(\S+) \((.*)\)$", line)
    if not match:
        return ACTIONS.get(line, line.removeprefix("sha256:").removeprefix("health_status: "))
    when, kind, action, name, rest = match.groups()
    if short:
        name = name[:12]
    if kind == "image":
        return f"{when} {kind} {action} {name} {re.sub('^name=', '', rest)}"
    # the image and the name stand in front
    parts = sorted(rest.split(", "), key=lambda part: not part.startswith(("image=", "name=")))
    return f"{when} {kind} {ACTIONS.get(action, action)} {name} ({', '.join(parts)})"


# What crank's build does anyway.
BUILD_DROPPED_SWITCHES = {"--layers", "--layers=true", "--layers=1", "--rm", "--force-rm", "--load"}


PULL_SWITCHES = {"--pull-never": "--pull=never", "--pull-always": "--pull=always"}


def build_words(rest):
    words = []
    rest = [PULL_SWITCHES.get(word, word) for word in rest]
    if os.environ.get("BUILDAH_LAYERS") == "false" and not any(word.startswith("--layers") for word in rest):
        words.append("--no-cache")
    for word in rest:
        if word in ("--layers=false", "--layers=0"):
            words.append("--no-cache")
        elif word in BUILD_DROPPED_SWITCHES:
            pass
        else:
            words.append(word)
    return words


def context_of(words):
    valued = {"-f", "--file", "-t", "--tag", "--build-arg", "--label", "--target", "--secret", "--ssh", "--build-context",
              "-o", "--output", "--iidfile", "--network", "--progress", "--no-cache-filter", "--ignorefile"}
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif word == "-" or not word.startswith("-"):
            return word
    return None


def with_context(words):
    """podman's build is of the working directory where nothing is named, and prefers .containerignore."""
    context = context_of(words)
    if context is None:
        context, words = ".", [*words, "."]
    preferred = os.path.join(context, ".containerignore")
    if os.path.exists(preferred) and not any(word.partition("=")[0] == "--ignorefile" for word in words):
        words = ["--ignorefile", preferred, *words]
    return words


class Build:
    """crank's steps in podman's words: "#3 [2/4] RUN x" is "STEP 2/4: RUN x"."""

    def __init__(self, name):
        self.name = name
        self.errors = Errors("build")
        self.step = ""
        self.id = ""
        self.tagged = []

    def line(self, text):
        if match := re.match(r"^#\d+ \[(?:\S+ )?(\d+/\d+)\] (.*)$", text):
            self.step = match.group(2)
            return f"STEP {match.group(1)}: {self.step}"
        if re.match(r"^#\d+ CACHED$", text):
            # an image that is there is no step to podman
            return None if self.step.startswith("FROM") else "--> Using cache"
        if re.match(r"^#\d+ DONE", text):
            return None
        if match := re.match(r"^built sha256:([0-9a-f]{64})$", text):
            self.id = match.group(1)
            return None
        if match := re.match(r"^tagged (\S+)$", text):
            self.tagged.append(match.group(1))
            return None
        text = re.sub(r"^#\d+ ", "", text)
        said = self.errors.line(text)
        return re.sub(r"^sha256:([0-9a-f]{64})$", r"\1", said) if said is not None else None

    def end(self):
        lines = [f"COMMIT {self.name}".rstrip(), f"--> {self.id[:12]}"]
        return [*lines, *(f"Successfully tagged {name}" for name in self.tagged), self.id]


def run_build(command, rest, env):
    quiet = "-q" in rest or "--quiet" in rest
    tags = [word for flag, word in zip(rest, rest[1:]) if flag in ("-t", "--tag")]
    build = Build(tags[0].removeprefix("localhost/") if tags else "")
    progress = [] if quiet else ["--progress", "plain"]
    process = subprocess.Popen([*command, *with_context(build_words(rest)), *progress], env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False)
    for raw in process.stdout:
        said = build.line(raw.decode("utf-8", "surrogateescape").rstrip("\n"))
        if said is not None:
            sys.stdout.buffer.write(said.encode("utf-8", "surrogateescape") + b"\n")
    code = process.wait()
    if code == 0 and build.id and not quiet:
        print("\n".join(build.end()))
    sys.stdout.flush()
    sys.exit(exit_code("build", code, build.errors))


def run_filtered(command, env, verb):
    """Becomes crank: signals and the exit code are its own. A child reads its standard error."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(writer)
        errors = Errors(verb, command)
        devnull = os.open("/dev/null", os.O_RDWR)
        os.dup2(devnull, 0)
        os.dup2(2, 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        with os.fdopen(reader, "rb", buffering=0) as stream:
            pending = b""
            while chunk := stream.read(65536):
                pending += chunk
                *lines, pending = pending.split(b"\n")
                for one in lines:
                    said = errors.line(one.decode("utf-8", "surrogateescape"))
                    if said is not None:
                        os.write(2, said.encode("utf-8", "surrogateescape") + b"\n")
                if pending and not pending.startswith((b"crank", b"hint", b"warn", b"list", b"unab")):
                    os.write(2, pending)
                    pending = b""
        if pending:
            os.write(2, pending)
        os._exit(0)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    os.execvpe(command[0], command, env)


def main():
    given, words = split_globals(sys.argv[1:])
    env = environment(given)
    redirect(given)
    if not words:
        print("Error: missing command 'podman COMMAND'", file=sys.stderr)
        sys.exit(125)
    if len(words) > 1 and words[0] in GROUPS and not words[1].startswith("-"):
        pair, rest = (words[0], words[1]), words[2:]
        if pair in SAME:
            typed = SAME[pair]
        else:
            typed = list(pair)
    else:
        pair, typed, rest = None, [words[0]], words[1:]
    # There are no pods: none to remove, none to list.
    if typed[0] == "pod" and typed[1] in ("rm", "ls", "ps", "list", "prune"):
        sys.exit(0 if "-f" in rest or "-a" in rest or "--all" in rest or typed[1] != "rm" else 1)
    if typed == ["unshare"]:
        os.execvpe(rest[0], rest, env)
    if typed == ["info"]:
        code = answer_info(rest, env)
        if code is not None:
            sys.exit(code)
    # By its own name: `image rm` is rmi.
    verb = {"image rm": "rmi", "container rm": "rm", "image inspect": "inspect",
            "container inspect": "inspect", "image tag": "tag", "image build": "build",
            "container commit": "commit", "image import": "import",
            "image history": "history", "image list": "images", "image ls": "images",
            "container ls": "ps", "container list": "ps", "container ps": "ps",
            "system df": "df", "image push": "push", "image pull": "pull", "container run": "run", "container create": "create",
            "volume list": "volume ls", "network list": "network ls"}.get(" ".join(typed), " ".join(typed))
    rest = default_network(verb, name_locally(verb, rest))
    if "runtime" in given:
        if verb not in ("run", "create"):
            print(f"Error: crank {verb} has no --runtime", file=sys.stderr)
            sys.exit(125)
        rest = ["--runtime", given["runtime"], *rest]
    crank = os.environ.get("CRANK", "crank")
    if verb in ("cp", "container cp"):
        # a link named as source is followed by podman, and by Docker's cp with -L
        rest = ["-L", *from_working_dir(rest, crank, env)]
    if typed == ["volume", "mount"]:  # a directory of the machine's anyway
        typed, rest = ["volume", "inspect"], ["-f", "{{.Mountpoint}}", *rest]
    if typed == ["volume", "unmount"] or typed == ["volume", "umount"]:
        sys.exit(0)
    if verb == "inspect":
        for theirs, ours in INSPECT_FIELDS.items():
            rest = [word.replace(theirs, ours) if "{{" in word else word for word in rest]
    # podman's tables have columns where Docker's want tabs
    rest = [re.sub(r"}} +{{", r"}}\\t{{", word) if word.startswith("table {{") else word for word in rest]
    if verb in ("run", "create") and not any(re.match("--init(=|$)", word) for word in rest):
        rest = ["--init=false", *rest]  # as it is with podman where nothing is said
    if verb in ("run", "create"):
        rest = port_words(rest)
    if verb in ("login", "logout", "pull", "push", "search", "run", "create", "build"):
        rest = registry_words(rest, env)
    if verb == "top":
        rest = top_words(rest)
    pushed = None
    if verb == "push":
        rest, pushed = push_words(crank, rest, env)
    ignored = verb == "healthcheck run" and "--ignore-result" in rest
    rest = [word for word in rest if word not in ("--ignore-result", "--http-proxy=false")]
    if verb == "network rm":  # containers on it keep it, and are not stopped
        rest = [word for before, word in zip(["", *rest], rest) if "-t" not in (before, word) and word != "-t0"]
    if verb == "save":  # it says nothing anyway, and several images are no question to it
        rest = [word for word in rest if word not in ("-q", "--quiet", "-m", "--multi-image-archive")]
        rest = [word for word in rest if word != "--uncompressed"]  # as crank's are anyway
    if verb == "logs":  # of a duration podman's end lies ahead, Docker's behind
        rest = [f"-{word}" if before == "--until" and re.fullmatch(r"[0-9.]+[smh]", word) else word
                for before, word in zip(["", *rest], rest)]
    short = "--no-trunc=false" in rest
    if verb in ("events", "system events"):
        rest = event_words(rest)
    if verb == "history" and wants_json(rest):
        rest = ["--no-trunc", "--human=false", *rest]
    if verb == "images" and wants_json(rest):
        rest = ["--no-trunc", *rest]
    if verb == "network ls" and {"-q", "--quiet"}.intersection(rest):  # by name, where Docker has ids
        rest = [word for word in rest if word not in ("-q", "--quiet")] + ["--format", "{{.Name}}"]
    typed_words = [word for word in rest if verb != "network ls" or word not in HEADLESS]
    command = [crank, *typed, *typed_words]
    if verb in ("container exec", "container attach"):
        verb = verb.removeprefix("container ")
    leaves = verb == "exec" and any(re.fullmatch("-[it]*d[it]*|--detach", word) for word in rest)
    attached = verb == "start" and any(
        word in ("--attach", "--interactive") or re.fullmatch(r"-[a-z]*[ai][a-z]*", word) for word in rest)
    # What a start with ports ends with is podman's 126: it is waited for, and told before what it prints.
    told_first = verb == "pull" or verb == "run" and any(re.match("-p|--publish", word) for word in rest)
    if (verb in ("run", "attach") and not told_first) or (verb == "exec" and not leaves) or attached:
        run_filtered(command, env, verb)
    if verb == "build":
        run_build([crank, *typed], rest, env)
    def identify(name):
        """The id of a container, where crank says its name."""
        asked = subprocess.run([crank, "inspect", "--type=container", "-f", "{{.Id}}", name], env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return asked.stdout.decode().strip() or name

    errors = Errors(verb, rest, identify)
    events = verb in ("events", "system events")
    follows = verb in ("logs", "stats", "container logs", "cp", "export", "save", "volume export") or (events and "--until=0s" not in rest)
    process = subprocess.Popen(command, env=env, stdout=None if follows else subprocess.PIPE,
                               stderr=subprocess.PIPE)

    def pass_on(number, _):
        process.send_signal(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    if follows:
        err = process.stderr.read()
        out = b""
    else:
        out, err = process.communicate()
    process.wait()
    if pushed:
        subprocess.run([crank, "untag", pushed, pushed], env=env, stderr=subprocess.DEVNULL, check=False)
    if events:
        out = "".join(event_line(line, short) + "\n" for line in out.decode("utf-8", "surrogateescape").splitlines()).encode()
    if verb == "images" and wants_json(rest) and process.returncode == 0:
        out = images_json(crank, env, out)
    if verb == "healthcheck run" and ignored and process.returncode == 1:
        print("unhealthy")
        sys.exit(0)
    if verb == "healthcheck run" and process.returncode == 1 and out:
        err = b""  # the probe's own words, which podman has in its log
    if not told_first:
        sys.stdout.buffer.write(rewrite_output(verb, rest, out))
        sys.stdout.flush()
    # podman says nothing of a look that found nothing newer
    if verb == "pull" and "newer" in rest and process.returncode == 0 and b"Image is up to date" in out:
        err = b""
    for one in err.decode("utf-8", "surrogateescape").splitlines():
        said = errors.line(one)
        if said is not None:
            sys.stderr.buffer.write(said.encode("utf-8", "surrogateescape") + b"\n")
    sys.stderr.flush()
    if verb == "pull" and process.returncode == 0 and "--help" not in rest:
        out = pulled_output(crank, env, rest, out)
    if told_first:
        sys.stdout.buffer.write(out)
        sys.stdout.flush()
    code = process.returncode
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(exit_code(verb, code, errors))


if __name__ == "__main__":
    main()
