"""The images that the Dockerfiles stand on, made of Debian's packages under the names that they ask for.

dockerfiles.sources says what each is.
"""
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent
# What this machine trusts beside Debian's authorities, and how programs with a list of their own are told.
AUTHORITIES = pathlib.Path("/usr/local/share/ca-certificates")
TRUST = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def exists(image):
    return subprocess.run(["crank", "image", "exists", image]).returncode == 0


def make(bases, name, work):
    """Makes it where it is missing, and what it stands on."""
    if exists(name):
        return
    base = bases[name]
    if "same" in base or "case" in base:
        other = base.get("same") or f"case/{base['case']}:crank"
        if "same" in base:
            make(bases, other, work)
        elif not exists(other):
            raise SystemExit(f"dockerfile_bases.py: {name} is what the case {base['case']} makes: name that case too")
        subprocess.run(["crank", "tag", other, name], check=True)
        return
    print(f"== base {name}", flush=True)
    if "suite" in base:
        make_debian(name, base["suite"], work)
        return
    make(bases, base["on"], work)
    words = ["--build-arg", f"BASE={base['on']}"]
    if base.get("goroot"):
        goroot = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
        words += ["--build-context", f"goroot={goroot}"]
    for key, value in base.get("args", {}).items():
        words += ["--build-arg", f"{key}={value}"]
    subprocess.run(["crank", "build", "-q", "--network", "host", "-t", name, "-f", HERE / "bases" / f"{base['file']}.Dockerfile",
                    *words, HERE / "bases"], check=True)


def mirrors(suite):
    """Lines of sources for the suite, from the mirrors that this machine's apt has."""
    text = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"],
                          check=True, capture_output=True, text=True).stdout
    found = {line.split()[1]: line.split()[0] for line in text.splitlines() if len(line.split()) > 1}
    if "Debian" not in found:
        raise SystemExit("dockerfile_bases.py: apt has no mirror of Debian: apt-get update")
    lines = [f"deb {found['Debian']} {suite} main", f"deb {found['Debian']} {suite}-updates main"]
    if "Debian-Security" in found:
        lines.append(f"deb {found['Debian-Security']} {suite}-security main")
    return lines


def make_debian(name, suite, work):
    """minbase, and what this machine trusts: the registries that a Dockerfile asks are to be believed in there too."""
    archive, context = work / "tmp" / "debian.tar", work / "tmp" / "debian"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", suite, archive, *mirrors(suite)],
                   check=True)
    plain = f"localhost/plain:{suite}"
    subprocess.run(["crank", "import", archive, plain, "--change", 'CMD ["bash"]', "--change",
                    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], check=True,
                   stdout=subprocess.DEVNULL)
    archive.unlink()
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    (context / "authorities").mkdir()
    for file in AUTHORITIES.glob("*.crt"):
        shutil.copy(file, context / "authorities")
    told = "".join(f"ENV {key}=/etc/ssl/certs/ca-certificates.crt\n" for key in TRUST if key in os.environ)
    (context / "Dockerfile").write_text(
        f"FROM {plain}\nCOPY authorities {AUTHORITIES}\nRUN update-ca-certificates && rm -rf /var/lib/apt/lists/*\n{told}")
    subprocess.run(["crank", "build", "-q", "-t", name, context], check=True)
