#!/bin/bash
# Makes this machine ready to run Holdfast, and does nothing when it is ready already. Called by every script beside it.
#
#   scripts/setup.sh              what a node, a client and the tests need
#   scripts/setup.sh --chromium   also the browser that passkey tests drive
#   scripts/setup.sh --go         also Go and its notes and transparency logs, with which tests compare ours
#
# A bare Debian 12 is enough: whatever npm is there (9 or newer) installs the packages of package-lock.json, among them the
# Node runtime that everything else runs on. Packages come in without their install scripts (package.json denies them in
# "allowScripts"); pkcs11js, which has to be compiled, is built below by name.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

packages=(ca-certificates softhsm2 opensc libengine-pkcs11-openssl age g++ make python3)
for flag in "$@"; do
  case $flag in
    --chromium) packages+=(chromium) ;;
    --go) packages+=(golang-go golang-golang-x-mod-dev) ;;
    *) echo "setup: unknown flag $flag (known: --chromium, --go)" >&2; exit 2 ;;
  esac
done

say() { echo "setup: $*" >&2; }
die() { say "FAILED: $1"; say "next step: $2"; exit 1; }

# Two scripts started at once must not install into the same folder.
exec 9<"${BASH_SOURCE[0]}"
flock 9

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# quietly WHAT NEXT_STEP COMMAND...: one line of progress, and the command's own words only if it fails.
quietly() {
  local what=$1 next=$2
  shift 2
  say "$what ..."
  "$@" </dev/null >"$log" 2>&1 && return
  tail -n 40 "$log" >&2
  die "$what" "$next"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_debian_packages() {
  command -v npm >/dev/null || packages+=(nodejs npm)
  local missing=() package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  local by_hand="as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || die "missing: ${missing[*]}, and neither root nor sudo is at hand" "$by_hand"
  quietly 'reading the package lists of Debian' 'check the network and /etc/apt/sources.list, then run this again' \
    as_root apt-get -q update
  quietly "installing ${missing[*]}" "$by_hand" \
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
}

# Whether node_modules holds what package-lock.json says, by npm's own account of what it installed. Only what is for
# another platform may be missing.
installed_as_locked() {
  [ -f node_modules/.package-lock.json ] && node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const installed = read("node_modules/.package-lock.json");
    const locked = read("package-lock.json");
    const ours = { os: process.platform, cpu: process.arch, libc: "glibc" };
    const forHere = (p) => p.cpu !== undefined && ["os", "cpu", "libc"].every((what) => p[what] === undefined || p[what].includes(ours[what]));
    const mayMiss = (p) => p.optional === true && !forHere(p);
    const fits = ([path, p]) => {
      const found = installed[path];
      return path === "" || (found === undefined ? mayMiss(p) : found.version === p.version && found.integrity === p.integrity);
    };
    process.exit(Object.entries(locked).every(fits) && Object.keys(installed).every((path) => locked[path]) ? 0 : 1);
  '
}

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) die "no Node runtime for $(uname -m)" 'use a machine with an x86-64 or arm64 processor' ;;
esac
runtime=node_modules/node-linux-$arch
addon=node_modules/pkcs11js/build/Release/pkcs11.node
stamp=node_modules/.holdfast-setup
registry='check the network and `npm config get registry`, then run this again'

install_npm_packages() {
  local wanted
  wanted="$arch $(sha256sum <package-lock.json)"
  [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && [ -x node_modules/.bin/node ] && [ -d $runtime/include ] && [ -f $addon ] && return
  if ! installed_as_locked; then
    # Not `npm ci`: npm 11 refuses a lock that lacks optional packages of other platforms, and a registry may not have those.
    # What was installed is compared with the lock, integrity by integrity, by installed_as_locked.
    quietly 'installing the npm packages of package-lock.json' "$registry" npm install --no-save --ignore-scripts --no-audit --no-fund
    # Under an old Node npm leaves out, without a word, what is optional and asks for a newer one. The runtime is there now.
    installed_as_locked || quietly 'installing the npm packages again, under their own Node' "$registry" \
      env PATH="$root/$runtime/bin:$PATH" npm install --no-save --ignore-scripts --no-audit --no-fund
    installed_as_locked || die 'npm did not install what package-lock.json says' 'remove node_modules and run this again'
  fi
  # npm 9 does not link the command of an optional package.
  ln -sf ../node-linux-$arch/bin/node node_modules/.bin/node
  # The runtime's own headers: nothing is fetched from nodejs.org, and equal headers give equal bytes. The project's own
  # node-gyp: the one of Debian links the addon to Debian's libnode, and two Nodes in one process crash.
  quietly 'building pkcs11js' 'see the compiler messages above; g++, make and python3 are needed' \
    env PATH="$root/node_modules/.bin:$PATH" node-gyp rebuild --directory=node_modules/pkcs11js --nodedir="$root/$runtime"
  echo "$wanted" >$stamp
}

verify() {
  local again='remove node_modules and run this again'
  [[ $(node_modules/.bin/node --version) == v24.* ]] || die 'node_modules/.bin/node is not Node 24' "$again"
  node_modules/.bin/node -e 'require("pkcs11js")' 2>"$log" || { cat "$log" >&2; die 'pkcs11js does not load' "$again"; }
  [ -f /usr/lib/softhsm/libsofthsm2.so ] || die 'libsofthsm2.so is missing' 'as root: apt-get install --reinstall libsofthsm2'
  compgen -G '/usr/lib/*/engines-3/pkcs11.so' >/dev/null ||
    die 'the OpenSSL engine pkcs11.so is missing' 'as root: apt-get install --reinstall libengine-pkcs11-openssl'
}

command -v dpkg-query >/dev/null || die 'this is not Debian' 'use Debian 12, or the Dockerfile'
install_debian_packages
install_npm_packages
verify
