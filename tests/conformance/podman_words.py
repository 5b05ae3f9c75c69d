"""crank's texts in podman's words, where podman's suite compares them letter by letter.

Each line here says the same twice. Whether something failed, and over what, is crank's to say: a text
of crank's that none of these patterns matches is passed on as it stands, and the test fails.
"""

import re

# The verbs they are said by ("": any), crank's text, podman's.
MESSAGES = [
    ("pull", r'^--policy="(.*)": missing, always, never or newer$', r'unsupported pull policy "\1"'),
    ("pull", r"^no such image: (\S+)$", r"\1: image not known"),
    ("volume create", r"^--opt device=(\S+): no such directory$",
     r"invalid volume option device for driver 'local': faccessat \1: no such file or directory"),
    ("", r"^--pull.*no such image: (\S+)$", r"\1: image not known"),
    ("", r"^no such image: ([^,\s]+).*$", r"\1: image not known"),
    ("", r"^no such container or image: (\S+)$", r'no such object: "\1"'),
    ("", r"^no such container, image or volume: (\S+)$", r'no such object: "\1"'),
    ("", r"^no such volume: (\S+)$", r'no volume with name "\1" found: no such volume'),
    ("", r"^no such network: (\S+)$", r"unable to find network with name or ID \1: network not found"),
    ("", r"^duplicate mount point: (\S+)$", r"\1: duplicate mount destination"),
    ("", r'^unknown (?:stop )?signal "0?": signals are 1 to 64$', "invalid signal: 0"),
    ("", r'^unknown (?:stop )?signal ".*": signals are 1 to 64$', "valid signals are 1 through 64"),
    ("", r'^unknown (?:stop )?signal "([^"]*)"$', r"invalid signal: \1"),
    ("", r'^exec: "(.*)": no such file, or its interpreter does not exist$',
     r'exec: "\1": no such file or directory'),
    ("", r"^--cidfile: open (\S+): No such file or directory$",
     r"reading CIDFile: open \1: no such file or directory"),
    ("login", r"^https?://(\S+) does not accept this user and password$",
     r'logging into "\1": invalid username/password'),
    ("", "^an archive is not for a terminal$",
     "cannot write to terminal, use command-line redirection or the --output flag"),
    ("load", "^no archive on standard input$",
     "cannot read from terminal, use command-line redirection or the --input flag"),
    ("images", r"^--filter (\S+): a filter is KEY=VALUE$",
     r'invalid image filter "\1": must be in the format "filter=value or filter!=value"'),
    ("events", r'^--(since|until): invalid time (".*")$', r"failed to parse event filters: \1 \2"),
    ("exec", r"^not enough arguments, wanted: CONTAINER COMMAND .*$",
     "must provide a non-empty command to start an exec session"),
    ("untag", r"^image \S+ is not called (\S+)$", r"\1: tag not known"),
    ("start", r"^--all and containers by name are alternatives$",
     "either start all containers or the container(s) provided in the arguments"),
    ("start", r'^--filter restart-policy: --restart="(.*)": no such policy$', r"\1 invalid restart policy"),
    ("load", r"^loading an image: .* is not a valid tar archive: .*$",
     r"payload does not match any of the supported image formats:\n * oci-archive\n * docker-archive"),
    ("cp", r"^there is no (?:directory )?([\w.-]+):(\S+)$",
     r'"\2" could not be found on container \1: no such file or directory'),
    ("cp", r"^there is no (?:directory )?(/\S+)$", r'"\1" could not be found on the host'),
    ("cp", r"^cannot copy a directory over the file .*$",
     "destination must be a directory when copying a directory"),
    ("", r'^--log-driver ".*": crank keeps what a worker writes in files of its own$',
     "running container create option: invalid log driver: invalid argument"),
    ("cp", r'^destination ("\S+" must be a directory or a regular file)$', r"invalid destination: \1"),
    ("cp", r"^\S+ is no directory$", "destination must be a directory when copying from stdin"),
    ("", r"^port (\S+) is published by (.*)$", r"port \1 is published by \2: address already in use"),
    ("", r"^--publish: invalid port '\S+/sctp': sctp ports are not supported$", "can't forward protocol: sctp"),
    ("port", r"^no public port '(\S+)' published for .*$", r'failed to find published port "\1"'),
    ("cp", r"^standard input is not a valid tar archive: .*$",
     "source must be a (compressed) tar archive when copying from stdin"),
    ("network create", r'^.*network (\S+) (?:is there already|exists).*$', r"netavark: network already exists \1"),
]

WARNINGS = [
    # podman has no word about these
    (r"^(--password can be seen by others|the password is kept unencrypted).*$", ""),
    (r"^(the number of processes is not limited|names will not resolve in the container: it has IPv6 alone).*$", ""),
    (r"^published ports are of no use with --network (\w+): .*$",
     r'Port mappings have been discarded because "\1" network namespace mode does not support them'),
    (r"^container (\S+) did not end within (\d+) s of (\S+): it was killed$",
     r"StopSignal \3 failed to stop container \1 in \2 seconds, resorting to SIGKILL"),
]


def no_such_container(verb, name):
    if verb in ("inspect", "container inspect"):
        return f'no such container "{name}"'
    if verb in ("rm", "container rm"):
        return f'no container with ID or name "{name}" found: no such container'
    return f'no container with name or ID "{name}" found: no such container'


def translate_overwrite(rest, text):
    """podman names the place where the source would have come to lie."""
    if not re.match(r"^.*: cannot overwrite .*$", text):
        return text
    name = rest[-2].rpartition("/")[2]
    container, _, directory = rest[-1].rpartition(":")
    place = directory.rstrip("/") if container else ""
    return f'copying: error creating "{place}/{name}": {text}: file exists'


def translate_build_error(text):
    """crank says the line of the file, podman the step."""
    if match := re.match(r'^\S+:\d+: "FROM .*": no such image: ([^,\s]+)(?:,.*)?$', text):
        return f"creating build container: {match.group(1)}: image not known"
    text = re.sub(r"COPY cannot take the URL .*$", "source can't be a URL for COPY", text)
    return re.sub(r'^\S+:\d+: "(.*?)": ', r'building at STEP "\1": ', text)


def translate_error(verb, rest, text, identify):
    """The text of one error; identify(name) is the id of a container that crank names."""
    if match := re.match(r"^no such container: (\S+)$", text):
        return no_such_container(verb, match.group(1))
    if verb == "rm" and (match := re.match(r"^container (\S+) is (\w+)$", text)):
        return (f"cannot remove container {identify(match.group(1))} as it is {match.group(2)} - running or paused "
                "containers cannot be removed without force: container state improper")
    if verb == "volume rm" and (match := re.match(r"^volume (\S+) is in use by container (\S+)$", text)):
        return (f"volume {match.group(1)} is being used by the following container(s): "
                f"{identify(match.group(2))}: volume is being used")
    if verb == "push" and (match := re.match(r"^https?://\S+ wants a login for blob (\S+)$", text)):
        repository = re.sub(r":[^:/]*$", "", rest[-1])
        return f"checking whether a blob {match.group(1)} exists in {repository}: authentication required"
    if verb == "cp":
        text = translate_overwrite(rest, text)
    if verb == "build":
        return translate_build_error(text)
    if text.startswith("unknown flag: "):
        return f"{text}\nSee 'podman {verb} --help'"
    if text == "--hostname needs a value" and rest and rest[-1] == "-h":
        return f"flag needs an argument: 'h' in -h\nSee 'podman {verb} --help'"
    if match := re.match(r'^--ulimit "(\w+=(-?\d+):(\d+))": the soft limit is above the hard one$', text):
        soft = "-1 (unlimited)" if match.group(2) == "-1" else match.group(2)
        return (f'ulimit option "{match.group(1)}" requires name=SOFT:HARD, failed to be parsed: ulimit soft limit must '
                f"be less than or equal to hard limit: soft: {soft}, hard: {match.group(3)}")
    for by, pattern, replacement in MESSAGES:
        if by in ("", verb) and re.match(pattern, text):
            return re.sub(pattern, replacement, text)
    return text


def translate_warning(text):
    for pattern, replacement in WARNINGS:
        if re.match(pattern, text):
            return re.sub(pattern, replacement, text)
    return text
