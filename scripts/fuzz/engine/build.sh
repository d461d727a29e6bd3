#!/bin/bash
# Makes Jazzer.js ready to run (coverage-guided fuzzing by libFuzzer, Apache-2.0), and prints its folder. Called by scripts/fuzz.
#
# Its addon is compiled here, from the sources in its package and Debian's libFuzzer: the addon that its newer versions bring
# along wants a newer C library than Debian 12 has, and the older ones fetch theirs from where it is not packaged.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cd "$root"
built=$root/node_modules/.cache/fuzz-engine

say() { echo "fuzz: $*" >&2; }
die() { say "FAILED: $1"; say "next step: $2"; exit 1; }

package=libclang-rt-14-dev
if [ "$(dpkg-query -W -f='${db:Status-Status}' $package 2>/dev/null)" != installed ]; then
  [ "$(id -u)" = 0 ] || die "$package is missing" "as root: apt-get install -y --no-install-recommends $package"
  say "installing $package ..."
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $package; } >&2
fi
library=$(compgen -G "/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a") ||
  die "$package has no libFuzzer for $(uname -m)" 'use a machine with an x86-64 or arm64 processor'

wanted=$(cat "$here"/{package-lock.json,libfuzzer.cc,fuzzer/FuzzerDefs.h,build.sh} | sha256sum)
if [ "$(cat "$built/stamp" 2>/dev/null)" != "$wanted" ]; then
  say 'building Jazzer.js ...'
  mkdir -p "$built"
  cp "$here/package.json" "$here/package-lock.json" "$built"
  (cd "$built" && npm ci --ignore-scripts --no-audit --no-fund) >&2
  sources=$built/node_modules/@jazzer.js/fuzzer
  mkdir -p "$sources/build/Release"
  g++ -shared -fPIC -std=c++17 -O1 -DNAPI_VERSION=4 \
    -I"$here" -I"$sources" -I"$(dirname "$(readlink -f node_modules/.bin/node)")/../include/node" -I"$built/node_modules/node-addon-api" \
    "$sources"/*.cpp "$sources"/shared/*.cpp "$here/libfuzzer.cc" \
    -Wl,--whole-archive "$library" -Wl,--no-whole-archive -lpthread -o "$sources/build/Release/jazzerjs.node"
  echo "$wanted" >"$built/stamp"
fi
echo "$built"
