#!/bin/sh
# The whole test command: style, types, import directions, then every test.
# As root, what the service tests need is installed from Debian's packages; otherwise the tests that
# need it are left out and named at the end, unless ENVBUILD_REQUIRE_SERVICES=1 forbids that.
set -eu
bin=${1:?usage: tests/run.sh VENV/bin}
packages="docker.io docker-registry skopeo iptables apache2-utils qemu-user-static gpg gpgv busybox-static uidmap mmdebstrap attr libcap2-bin"

missing=""
for package in $packages; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ]; then
    echo "installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=""
fi

"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/lint-imports" --no-logo
"$bin/python" -m pytest "-n${PYTEST_NUMPROCESSES:-2}" ${PYTEST_ARGUMENTS:-}

if [ "$(id -u)" != 0 ]; then
    echo "left out: the tests that start a Docker engine or unpack an image with its owners, as they take root"
    echo "to run them too: sudo make test"
fi
if [ -n "$missing" ]; then
    echo "left out: the tests marked \`services\`, for want of$missing"
    echo "to run them too: sudo apt-get install -y --no-install-recommends$missing"
fi
