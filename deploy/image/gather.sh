#!/bin/sh
# Gathers what the image holds under the folder $1, from a build with its production dependencies (Dockerfile).
set -eu
out=$1

# The Node that npm brought for this platform, without what only a debugger reads. It alone of its package is needed:
# where none is beside it the launcher takes the Node that runs it.
mkdir -p "$out/usr/local/bin" "$out/usr/lib"
mv node_modules/node-linux-*/bin/node "$out/usr/local/bin/node"
strip --strip-unneeded "$out/usr/local/bin/node"
rm -rf node_modules/node-linux-* node_modules/.bin

# Node is linked against libatomic, which slim bases lack.
cp -L "$(ldconfig -p | awk '$1 == "libatomic.so.1" { print $NF; exit }')" "$out/usr/lib/libatomic.so.1"

# Of LevelDB only this platform's build; of all packages only what runs.
arch=$("$out/usr/local/bin/node" -p process.arch)
find node_modules/classic-level/prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$arch" -exec rm -rf {} +
rm -rf node_modules/classic-level/deps node_modules/classic-level/src
find node_modules -type d \( -name test -o -name benchmark -o -name examples \) -prune -exec sh -c '
  for folder; do [ ! -e "$folder/../package.json" ] || rm -rf "$folder"; done' _ {} +
find node_modules dist \( -name '*.ts' -o -name '*.test.js' -o -name '*.map' -o -name '*.md' -o -name '.tsbuildinfo' \) -type f -delete

mkdir -p "$out/waypost/dist"
cp -R bin config docs package.json LICENSE-* node_modules "$out/waypost/"
cp -R dist/src "$out/waypost/dist/src"
cp -R dist/page "$out/waypost/dist/page"
cp deploy/image/healthcheck.js "$out/waypost/healthcheck.js"
chmod -R a+rX,go-w "$out/waypost"

mkdir -p "$out/volume/data"
chmod 700 "$out/volume/data"
