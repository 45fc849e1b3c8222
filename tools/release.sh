#!/bin/sh
# Makes what is given away: a static binary for Linux with its licences, and a list of all that is in it.
#
#   tools/release.sh OUT
#
# The sources of every crate are fetched once (`cargo vendor`, checked against Cargo.lock); what follows has no network and no C
# compiler. OUT gets impasto-VERSION-TARGET.tar.gz, its SHA-256, and impasto-VERSION.cdx.json: the list of crates in CycloneDX
# 1.5, where `cargo cyclonedx` is at hand. TARGET is x86_64-unknown-linux-musl if its standard library is installed, else this
# machine's, linked statically.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo vendor --locked --quiet "$work/vendor" >"$work/config.toml"

host=$(rustc -vV | sed -n 's/^host: //p')
target=x86_64-unknown-linux-musl
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || target=$host
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

# No debug information, no paths of this machine.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=symbols
export CC=/bin/false CXX=/bin/false CARGO_NET_OFFLINE=true
export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=impasto --remap-path-prefix=$work/vendor=vendor"
cargo build --release --locked --offline --config "$work/config.toml" --target "$target" --bin impasto

program=target/$target/release/impasto
if command -v readelf >/dev/null && readelf -l "$program" | grep -q INTERP; then
    echo "$program is not static" >&2
    exit 1
fi
"$program" --version
name=impasto-$version-$target
mkdir "$work/$name"
cp "$program" README.md CHANGELOG.md LICENSE-* "$work/$name/"
cp weights/README.md "$work/$name/NETWORK.md"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")

if cargo cyclonedx --version >/dev/null 2>&1; then
    # It writes beside Cargo.toml, so it works on a copy.
    mkdir "$work/sources"
    git archive HEAD | tar -C "$work/sources" -xf -
    (cd "$work/sources" && RUSTFLAGS='' cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --override-filename bom)
    cp "$work/sources/bom.json" "$out/impasto-$version.cdx.json"
else
    echo "no list of crates: 'cargo cyclonedx' is not installed" >&2
fi
ls -l "$out" "$program"
