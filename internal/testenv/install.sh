#!/usr/bin/env bash
# Installs the programs of programs.txt that are missing, on Debian or Ubuntu,
# as root or through sudo, without starting or enabling any of them as a
# service. Does nothing, and asks for no right, when all are there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

have() {
	command -v "$1" >/dev/null 2>&1 || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

unpacked=/usr/local/lib/postroom-tests
missing=()
apart=()
while read -r program package how; do
	case $program in '' | \#*) continue ;; esac
	if [ "$how" = unpacked ]; then
		[ -x "$unpacked/$package/usr/sbin/$program" ] || apart+=("$package")
	elif ! have "$program" && [[ " ${missing[*]-} " != *" $package "* ]]; then
		missing+=("$package")
	fi
done <"$here/programs.txt"
[ ${#missing[@]} -eq 0 ] && [ ${#apart[@]} -eq 0 ] && exit 0

echo "tests: installing ${missing[*]-} ${apart[*]-}" >&2
command -v apt-get >/dev/null || {
	echo "tests: no apt-get here; install by hand what gives: ${missing[*]-} ${apart[*]-}" >&2
	exit 1
}
root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "tests: neither root nor sudo; install as root: apt-get install ${missing[*]-}, and unpack ${apart[*]-}" >&2
		exit 1
	}
	root=(sudo)
fi

# Debian's way to say "start no service": an invoke-rc.d policy of 101. One
# that is there already is the administrator's and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
	"${root[@]}" chmod 755 $policy
	trap '"${root[@]}" rm -f $policy' EXIT
fi
apt() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >&2
}
apt update
# Postfix asks how it shall be configured; the tests bring a configuration of their own.
if [[ " ${missing[*]} " == *" postfix "* ]] && command -v debconf-set-selections >/dev/null; then
	echo 'postfix postfix/main_mailer_type select No configuration' | "${root[@]}" debconf-set-selections
fi
if [ ${#missing[@]} -gt 0 ]; then
	apt install --no-install-recommends "${missing[@]}"
fi
for package in ${apart[@]+"${apart[@]}"}; do
	fetched=$(mktemp -d)
	(cd "$fetched" && apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User= download "$package" >&2)
	# The libraries it names, the first of each choice; none of them is a server.
	mapfile -t libraries < <(dpkg-deb -f "$fetched"/*.deb Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | grep '^lib')
	apt install --no-install-recommends --no-upgrade "${libraries[@]}"
	"${root[@]}" mkdir -p "$unpacked/$package"
	"${root[@]}" dpkg -x "$fetched"/*.deb "$unpacked/$package"
	rm -rf "$fetched"
done

# Nor shall they start with the next boot.
if command -v systemctl >/dev/null; then
	for package in ${missing[@]+"${missing[@]}"}; do
		"${root[@]}" systemctl disable --quiet "$package" >/dev/null 2>&1 || true
	done
fi
