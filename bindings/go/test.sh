#!/usr/bin/env bash
# Every test of the Go binding. Any failure is an exit status other than 0.
#   bindings/go/test.sh LIBRARY_DIR TESTING_LIBRARY_DIR
# LIBRARY_DIR holds libattestlm.a and libattestlm.so.0, TESTING_LIBRARY_DIR the same with faults on purpose.
set -euo pipefail
library=$(cd "${1:?directory of the library}" && pwd)
testing=$(cd "${2:?directory of the library with faults}" && pwd)
cd "$(dirname "$0")"
binding=$PWD root=$(cd ../.. && pwd)
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

echo "== quickstart"
export ATTESTLM_PASSWORD=quickstart
arguments=("$binding/testdata/request.json" "$binding/testdata/keystore.json")
cc -I"$root/include" -o "$work/c" "$root/examples/quickstart.c" "$library/libattestlm.a" -lpthread -ldl -lm
"$work/c" "${arguments[@]}" >"$work/c.json" 2>/dev/null
go build -tags attestlm_static -o "$work/static" "$root/examples/quickstart.go"
"$work/static" "${arguments[@]}" >"$work/static.json" 2>"$work/events"
cmp "$work/c.json" "$work/static.json"
grep -q '"name":"verified"' "$work/events"
# As `make install` leaves it. go remembers what pkg-config said before, unless another of its inputs is new.
(cd "$root" && scripts/install.sh "$library" "$work/installed" "$work/installed" >/dev/null)
CGO_CFLAGS="-O2 -DATTESTLM_TEST=$(basename "$work" | tr . _)" PKG_CONFIG_PATH=$work/installed/lib/pkgconfig \
    go build -o "$work/shared" "$root/examples/quickstart.go"
LD_LIBRARY_PATH=$work/installed/lib "$work/shared" "${arguments[@]}" >"$work/shared.json" 2>/dev/null
cmp "$work/c.json" "$work/shared.json"
echo "the same $(wc -c <"$work/c.json") bytes from C and from Go, static and installed"

echo "== go-ethereum"
(cd tests/foreign && go test -count 1 -tags attestlm_static ./...)
echo "the Go binding: ok"
