#!/usr/bin/env python3
"""gateway_checks.py NAME: one check of crank-gateway; tests/spec/gateway_process.bats names them.
gateway_checks.py --list: their names."""

import importlib
import os
import sys

from gateway_world import CHECKS, Gateway

for part in ("control", "ends", "http", "keeper", "relay", "repeat", "switch", "undecided"):
    importlib.import_module("gateway_" + part)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CHECKS))
        return
    function = CHECKS[sys.argv[1]]
    gateway = Gateway(**getattr(function, "settings", {}))
    try:
        function(gateway)
    except BaseException:
        print(gateway.logged(), file=sys.stderr)
        gateway.process.kill()
        raise
    if not gateway.over:
        gateway.end()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Servers' threads may wait for ever.
    os._exit(0)
