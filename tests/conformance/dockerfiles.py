#!/usr/bin/env python3
"""What dockerfiles.sh runs inside its namespaces: dockerfiles.py WORK CHECKOUTS CGROUP [NAME...]."""
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import dockerfile_bases
import dockerfile_engines
import image_compare
import image_tree

HERE = pathlib.Path(__file__).parent
SOURCES = HERE / "dockerfiles.sources"
PAGE = HERE.parent.parent / "docs/conformance.md"


def check_out(case, checkouts, directory):
    """The context, as a checkout under umask 022 has it, and what its project makes before it builds an image."""
    repository = checkouts / case["repository"]
    git_directory = repository / ".git" if (repository / ".git").exists() else repository
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    environment = os.environ | {"GIT_INDEX_FILE": str(directory.parent / "index")}
    pathlib.Path(environment["GIT_INDEX_FILE"]).unlink(missing_ok=True)
    subprocess.run(["git", f"--git-dir={git_directory}", f"--work-tree={directory}", "-c", "safe.directory=*", "checkout",
                    "--quiet", "--force", case["commit"], "--", case.get("tree", case.get("context", "."))],
                   check=True, env=environment)
    context = directory / case.get("context", ".")
    if "prepare" in case:
        subprocess.run(["bash", "-euc", case["prepare"]], cwd=context, check=True, stdout=sys.stderr)
    return context


def run_case(case, engines, work, checkouts):
    """The lines of what is wrong with it."""
    print(f"== {case['name']}: {case['repository']} {case.get('context', '')}", flush=True)
    context = check_out(case, checkouts, work / "contexts" / case["name"])
    wrong, images, parsed = [], [], {}
    for engine in engines:
        try:
            engine.build(case, context)
            archive = work / "tmp" / f"{engine.name}.tar"
            engine.save(case["name"], archive)
            images.append(image_tree.Image(archive, parsed))
            archive.unlink()
            answer = engine.ask(case)
            if answer:
                wrong.append(f"{engine.name}: {answer}")
        except subprocess.CalledProcessError as error:
            tail = "\n".join((error.stderr or "").splitlines()[-25:])
            wrong.append(f"{engine.name}: {' '.join(map(str, error.cmd[:3]))} ended with {error.returncode}\n{tail}")
    if len(images) == len(engines):
        excused, unexplained = image_compare.compare(*images, case)
        print(f"   {len(images[0].paths)} files; excused: " +
              (", ".join(f"{name} {count}" for name, count in sorted(excused.items())) or "nothing"))
        missing = [name for name in excused if f"`{name}`" not in PAGE.read_text()]
        wrong += [f"the rule {name} is not explained in {PAGE.name}" for name in missing] + unexplained
    return wrong


def main():
    work, checkouts, group = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    sources = tomllib.loads(SOURCES.read_text())
    known = [case["name"] for case in sources["case"]] + list(sources["base"])
    for name in sys.argv[4:]:
        if name not in known:
            sys.exit(f"dockerfiles.py: no {name} in {SOURCES.name} (it has {', '.join(known)})")
    cases = [case for case in sources["case"] if not sys.argv[4:] or case["name"] in sys.argv[4:]]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "dockerfiles", "/run"], check=True)
    for name in sys.argv[4:]:
        if name in sources["base"]:
            dockerfile_bases.make(sources["base"], name, work)
    if not cases:
        return
    failed = 0
    with dockerfile_engines.Docker(work, group) as docker:
        for case in cases:
            try:
                for name in case["bases"]:
                    dockerfile_bases.make(sources["base"], name, work)
                    docker.load(name)
                wrong = run_case(case, [dockerfile_engines.Crank(), docker], work, checkouts)
            except subprocess.CalledProcessError as error:
                wrong = [f"{' '.join(map(str, error.cmd))} ended with {error.returncode}"]
            failed += bool(wrong)
            for line in wrong[:40]:
                print(f"   NOT AS IT SHOULD BE {line}")
            if len(wrong) > 40:
                print(f"   and {len(wrong) - 40} more")
    print(f"{len(cases) - failed} of {len(cases)} as they should be")
    sys.exit(1 if failed else 0)


main()
