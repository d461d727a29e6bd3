#!/bin/bash
# Makes the SoftHSM token of one node, without questions. For trying Holdfast out and for its tests: SoftHSM protects nothing.
#
#   softhsm/init-token.sh FOLDER LABEL SO_PIN_FILE PIN_FILE
#
# FOLDER gets softhsm2.conf and tokens/, readable by its owner only. PINs have 4 to 255 characters and are the first line of
# their file. They go to the token through the environment of one short-lived process: softhsm2-util takes them as
# arguments, which every user of the machine can read, or from a terminal, which a script has not; pkcs11-tool has "env:".
# Refuses: a FOLDER that holds a token already, a PIN file that others may read.
set -euo pipefail
umask 077

die() { echo "init-token: $*" >&2; exit 1; }

[ $# = 4 ] || die 'usage: softhsm/init-token.sh FOLDER LABEL SO_PIN_FILE PIN_FILE'
mkdir -p "$1"
folder=$(cd "$1" && pwd)
label=$2
module=/usr/lib/softhsm/libsofthsm2.so
[ -f $module ] || die "$module is missing: apt-get install softhsm2"
[ ${#label} -ge 1 ] && [ ${#label} -le 32 ] || die 'a label has 1 to 32 characters'

read_pin() {
  local pin
  [ -f "$1" ] || die "no file $1"
  [ -z "$(find -L "$1" -perm /077)" ] || die "others may read $1: chmod 600 $1"
  IFS= read -r pin <"$1" || [ -n "$pin" ] || die "$1 is empty"
  [ ${#pin} -ge 4 ] && [ ${#pin} -le 255 ] || die "the PIN in $1 does not have 4 to 255 characters"
  printf '%s' "$pin"
}
so_pin=$(read_pin "$3")
pin=$(read_pin "$4")

mkdir -p "$folder/tokens"
[ -z "$(ls -A "$folder/tokens")" ] || die "$folder/tokens holds a token already"
while IFS= read -r line; do echo "${line/@TOKENS@/"$folder/tokens"}"; done <"$(dirname "$0")/softhsm2.conf.template" >"$folder/softhsm2.conf"

token() { SOFTHSM2_CONF="$folder/softhsm2.conf" SO_PIN="$so_pin" PIN="$pin" pkcs11-tool --module $module "$@" >/dev/null; }
token --slot-index 0 --init-token --label "$label" --so-pin env:SO_PIN
token --token-label "$label" --login --login-type so --so-pin env:SO_PIN --init-pin --new-pin env:PIN
token --token-label "$label" --login --pin env:PIN --list-objects || die 'the new token does not take its PIN'
echo "SOFTHSM2_CONF=$folder/softhsm2.conf"
