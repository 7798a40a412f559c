#!/usr/bin/env bash
# Runs every fuzz target of the project for an equal share of SECONDS (the one
# argument), at least two seconds each. Fails if one of them finds something,
# or if there is none to run.
set -uo pipefail
seconds=${1:?usage: fuzz.sh SECONDS}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mapfile -t targets < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . |
	sed -E 's|^(.*)/[^/]*:func |\1 |' | sort -u)
if [ ${#targets[@]} -eq 0 ]; then
	echo "fuzz: no targets found" >&2
	exit 1
fi
each=$((seconds / ${#targets[@]}))
[ $each -ge 2 ] || each=2

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for target in "${targets[@]}"; do
	read -r package name <<<"$target"
	echo "fuzz: $package $name, ${each}s"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${each}s" "$package" 2>&1 | tee "$log" && continue
	# Go's fuzzer sometimes fails because its own time is up in the middle of a
	# call, with these words and no input. A target that fails or hangs writes
	# its input down or says so.
	if grep -qx ' *context deadline exceeded' "$log" &&
		! grep -qE 'Failing input|failure while|panic|hung|build failed|_test\.go:' "$log"; then
		echo "fuzz: $name found nothing; the fuzzer overran its time"
		continue
	fi
	failed=1
done
exit $failed
