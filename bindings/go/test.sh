#!/usr/bin/env bash
# Every test of the Go binding. Any failure is an exit status other than 0.
#   bindings/go/test.sh LIBRARY_DIR TESTING_LIBRARY_DIR
# LIBRARY_DIR holds libattestlm.a and libattestlm.so.0, TESTING_LIBRARY_DIR the same with faults on purpose.
set -euo pipefail
library=$(cd "${1:?directory of the library}" && pwd)
testing=$(cd "${2:?directory of the library with faults}" && pwd)
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== gofmt, modules"
unformatted=$(gofmt -l . "$root/examples")
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }
[ "$(go list -m all)" = attestlm ] || { echo "the binding requires another module" >&2; exit 1; }

./libs.sh "$library"
# A path of its own: go does not see that a library at the same path is another one.
cp "$testing/libattestlm.a" "$work/libattestlm.a"
with_faults() {
    CGO_CFLAGS="-I$root/include" CGO_LDFLAGS="$work/libattestlm.a -lpthread -ldl -lm" "$@"
}

echo "== vet"
go vet -tags attestlm_static . ./bench
go vet -tags attestlm_static "$root/examples/quickstart.go"
with_faults go vet -tags attestlm_testing .
(cd tests/foreign && go vet -tags attestlm_static ./...)

echo "== tests, vectors"
go test -race -count 1 -tags attestlm_static .

echo "== faults on purpose"
with_faults go test -race -count 1 -tags attestlm_testing .

echo "== go-ethereum"
(cd tests/foreign && go test -count 1 -tags attestlm_static ./...)
echo "the Go binding: ok"
