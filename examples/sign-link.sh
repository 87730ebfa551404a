#!/usr/bin/env bash
# Signs a Sluice link with openssl alone.
#
#   examples/sign-link.sh KEY_FILE PATH [SECONDS] [NAME=VALUE]…
#   examples/sign-link.sh keys/hmac-2026-11-a1b2c3.json /files/demo.mp4 600 max_parallel_downloads=2
#
# PATH and values are written as they shall stand in the URL, percent-encoded. Prints path and query:
# put the address of the gateway in front.
set -euo pipefail

key_file=$1
path=$2
seconds=${3:-3600}
shift $(($# < 3 ? $# : 3))

kid=$(sed -n 's/.*"kid": *"\([^"]*\)".*/\1/p' "$key_file")
key=$(sed -n 's/.*"k": *"\([^"]*\)".*/\1/p' "$key_file")

# base64url without padding, as hex digits
while ((${#key} % 4)); do key+='='; done
hex=$(tr -- '-_' '+/' <<<"$key" | openssl base64 -d -A | od -An -vtx1 | tr -d ' \n')

query=''
for pair in "$@"; do query+="$pair&"; done
signed="$path?${query}Expires=$(($(date +%s) + seconds))&KeyId=$kid"

signature=$(printf %s "$signed" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary |
  openssl base64 -A | tr -- '+/' '-_' | tr -d '=')
echo "$signed&Signature=$signature"
