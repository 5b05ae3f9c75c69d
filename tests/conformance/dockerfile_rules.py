"""Why an image may differ from docker's: each rule has a name, which docs/conformance.md explains.

Times are never compared: they are the build's epoch here, the hour of the build there (decision 4).
"""
import re

# name, paths, fields (None is all). The first that fits counts.
RULES = (
    # Compiled again with hashes in place of times, in a fixed order.
    ("byte-code", r".*/__pycache__/[^/]*\.pyc", {"size", "content"}),
    # Not kept: steps have PIP_NO_CACHE_DIR=1.
    ("pip-cache", r"/root/\.cache(/pip(/.*)?)?", {"kind"}),
    # Inode numbers of the machine that built.
    ("ldconfig", r"/var/cache/ldconfig/aux-cache", None),
    # What programs write of the hour, and of files' times, in logs and caches of their own.
    ("hour", r"/var/log/(apt/(history|term)\.log|dpkg\.log|alternatives\.log|fontconfig\.log)"
             r"|/var/cache/apt/(src)?pkgcache\.bin", {"size", "content"}),
    ("hour", r"/root/\.npm/_cacache/index-v5/.*", {"size", "content"}),
    ("hour", r"/root/\.npm/(_logs/.*-debug-0\.log|_update-notifier-last-checked)", {"kind", "size", "content"}),
    # Places for what a step mounts, which docker leaves where the image lacks them.
    ("mount-points", r"/(dev|proc|sys)", {"kind"}),
)

# Of the configuration: the field, what crank has there, and why docker has something else.
CONFIG_RULES = {
    # Docker's mark that a command needs no quotes, for Windows.
    "ArgsEscaped": (None, "windows"),
}


def config_rule_for(field, ours):
    """The name of the rule that excuses it, or None."""
    wanted, name = CONFIG_RULES.get(field, (None, None))
    return name if ours == wanted else None


def rule_for(path, field, own=()):
    """The name of the rule that excuses it, or None. `own` are the case's."""
    for name, paths, fields in (*RULES, *own):
        if (fields is None or field in fields) and re.fullmatch(paths, path):
            return name
    return None
