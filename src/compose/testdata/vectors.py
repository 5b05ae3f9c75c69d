#!/usr/bin/env python3
"""Writes expected.json of each case from what another implementation prints.

vectors.py PROGRAM: PROGRAM [-p PROFILE]... FILE... prints the project as
`docker compose config --format json` does, before dollar signs are doubled.
"""
import json
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
for case in sorted(path for path in here.iterdir() if path.is_dir()):
    command = [sys.argv[1]]
    if (case / "profiles").exists():
        for profile in (case / "profiles").read_text().split():
            command += ["-p", profile]
    command += [name for name in ("compose.yaml", "over.yaml") if (case / name).exists()]
    environment = {"FROM_PROCESS": "process", "HOME": "/home/worker"}
    answer = subprocess.run(command, cwd=case, env=environment, capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"{case.name}: {answer.stderr}")
    text = answer.stdout.replace(str(case), "/project").replace(str(here), "")
    text = json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False)
    (case / "expected.json").write_text(text.replace("$", "$$") + "\n")
