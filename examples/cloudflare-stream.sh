#!/usr/bin/env bash
# Downloads a video as the pages of Cloudflare Stream show it: ask for the MP4, poll until it is ready,
# fetch it. A private video needs a token in the place of its id.
#
#   TOKEN=… ACCOUNT=http://127.0.0.1:8080/client/v4/accounts/me VIDEOID=… examples/cloudflare-stream.sh FILE
#
# TOKEN is the Bearer token of a client with the scope `stream`. With PRIVATE=1 the token of the video is
# asked for and used.
set -euo pipefail

file=$1
downloads="$ACCOUNT/stream/$VIDEOID/downloads"

call() { curl --fail-with-body -sS -H "Authorization: Bearer $TOKEN" "$@"; }

call -X POST "$downloads" | jq -c .result.default

until [[ $(call "$downloads" | jq -r .result.default.status) == ready ]]; do
  [[ $(call "$downloads" | jq -r .result.default.status) != error ]]
  sleep 0.2
done
url=$(call "$downloads" | jq -r .result.default.url)

if [[ ${PRIVATE-} ]]; then
  token=$(call -X POST "$ACCOUNT/stream/$VIDEOID/token" -d '{ "downloadable": true }' | jq -r .result.token)
  url=${url/$VIDEOID/$token}
fi

curl --fail-with-body -sSL "$url?filename=download" -o "$file"
