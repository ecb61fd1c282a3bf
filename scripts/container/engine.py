"""Docker's engine for the container test: commands that end in time, and images that are made rather than pulled."""

import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*command, code=0, timeout=60, **options):
    """Runs a command; gives what it printed. Another exit code than `code` ends the test."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": ROOT, **options}
    done = subprocess.run(command, timeout=timeout, **options)
    text = (done.stdout or b"").decode(errors="replace")
    if done.returncode != code:
        sys.exit(f"exit code {done.returncode} instead of {code}: {' '.join(command)}\n{text}")
    return text.strip()


def docker(*arguments, **options):
    """The Docker client."""
    return run("docker", *arguments, **options)


def inspect(name, path):
    """One value of what Docker knows about something, by a Go template's path."""
    return json.loads(docker("inspect", "--format", "{{json " + path + "}}", name))


def remove(*arguments):
    """Removes what was made, if it is still there."""
    subprocess.run(["docker", *arguments], check=False, timeout=60, capture_output=True)


def import_image(name, files, *changes):
    """Makes an image of files, {path: bytes}; text is a script for its shell."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            content = content if isinstance(content, bytes) else f"#!/bin/sh\n{content}\n".encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)
    changes = [word for change in changes for word in ("--change", change)]
    docker("import", *changes, "-", name, input=archive.getvalue())


def busybox():
    """A static BusyBox: a shell, and a web server, in one file."""
    return pathlib.Path(shutil.which("busybox") or sys.exit("busybox is missing: apt-get install busybox-static")).read_bytes()


def build_image(name, builder, cleanup):
    """Builds Sidegate's image by its Dockerfile, with an image as builder that has the program already."""
    # Without the cache each layer is this run's own and can be removed. Without a network nothing can be fetched.
    command = ["docker", "build", "--no-cache", "--force-rm", "--network", "none", "--build-arg", f"BUILDER={builder}",
               "--file", "docker/Dockerfile", "--tag", name, "."]
    # The old builder, which tells its layers, is also what engines without buildx have.
    done = subprocess.run(command, check=False, timeout=300, cwd=ROOT, env={**os.environ, "DOCKER_BUILDKIT": "0"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # But not what a FROM names: that was there before.
    for layer in re.findall(r"^Step \S+ : (?!FROM).*\n(?:(?!Step ).*\n)*? ---> ([0-9a-f]{12})$", done.stdout, re.MULTILINE):
        cleanup.callback(remove, "image", "rm", layer)
    cleanup.callback(remove, "image", "rm", name)
    if done.returncode:
        sys.exit(f"docker build: exit code {done.returncode}\n{done.stdout}")
