#!/usr/bin/env bash
# Downloads a file by the Xvid MediaHub API of a gateway. Needs curl, jq and openssl.
#
#   BASE_URL=https://files.example TOKEN=… examples/xvid.sh FILE_ID [NAME=VALUE]…
#   BASE_URL=https://files.example CLIENT_ID=… CLIENT_SECRET=… examples/xvid.sh FILE_ID [NAME=VALUE]…
#
# With a token it asks for the URL of the file, or for those of an archive. With the secret of a client
# (base64) it signs a call that is itself a link, and prints it. Either way it saves in the working
# directory. NAME=VALUE are more parameters: max_parallel_downloads=1 ip=3232236033 'autograph_tag=order 7'.
set -euo pipefail

: "${BASE_URL:?the address of the gateway}" "${1:?the id of a file}"

query="file_id=$1"
for pair in "${@:2}"; do
  query+="&${pair%%=*}=$(jq --null-input --raw-output --arg value "${pair#*=}" '$value | @uri')"
done

if [[ -n ${CLIENT_ID-} ]]; then
  call="/v1/files/downloads/?$query&redirect=true&client_id=$CLIENT_ID"
  key=$(openssl base64 -d -A <<<"${CLIENT_SECRET:?the secret of the client}" | od -An -vtx1 | tr -d ' \n')
  signature=$(printf %s "$call" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key")
  call+="&signature=${signature##* }"
  echo "$BASE_URL$call"
  headers=()
else
  call="/v1/files/downloads/?$query"
  headers=(--header "Authorization: Bearer ${TOKEN:?a token, or CLIENT_ID and CLIENT_SECRET}")
fi

answer=$(curl --silent --show-error "${headers[@]}" "$BASE_URL$call")
if jq --exit-status .error <<<"$answer" >/dev/null; then
  jq --raw-output '.error | "\(.error_code): \(.error_message)"' <<<"$answer" >&2
  exit 1
fi
jq --raw-output '[.url] | flatten[]' <<<"$answer" | while read -r url; do
  curl --silent --show-error --fail --remote-name --remote-header-name "$url"
done
