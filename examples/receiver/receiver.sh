#!/bin/sh
# Receives one callback of Millrace on stdin and answers on stdout: checks who sent it, takes each event once, prints it
# on stderr. Needs openssl, and whoever gives it the connection, such as inetd, a systemd socket with Accept=yes, or
#   MILLRACE_CALLBACK_SECRET=whsec_… socat TCP-LISTEN:9000,bind=127.0.0.1,fork,reuseaddr EXEC:./receiver.sh
set -uf
seen=${SEEN:-/var/tmp/millrace-seen} # A folder for each event that was taken.
body=$(mktemp) && trap 'rm -f "$body"' EXIT

answer() { printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1"; exit 0; }

length=0 id='' at='' signatures=''
while IFS= read -r line; do
  line=${line%"$(printf '\r')"}
  [ -n "$line" ] || break
  value=${line#*:}; value=${value# }
  case $(printf %s "${line%%:*}" | tr A-Z a-z) in
    content-length) length=$value ;; webhook-id) id=$value ;; webhook-timestamp) at=$value ;;
    webhook-signature) signatures=$value ;;
  esac
done
case $length$at in *[!0-9]* | '') answer '400 Bad Request' ;; esac
case $id in *[!A-Za-z0-9_-]* | '') answer '401 Unauthorized' ;; esac
[ ${#length} -le 7 ] && [ ${#at} -le 12 ] && timeout 15 head -c "$length" > "$body" || answer '400 Bad Request'
age=$(($(date +%s) - at))
[ "$age" -le 300 ] && [ "$age" -ge -300 ] || answer '401 Unauthorized'

# HMAC-SHA256 in so many words: an argument of openssl could be read by everyone on this machine.
pad() { h=$hex; while [ -n "$h" ]; do r=${h#??}; printf "\\$(printf %03o $((0x${h%"$r"} ^ $1)))"; h=$r; done; }
sha256() { openssl dgst -sha256 -binary; }
hash() { printf %s "$1" | openssl dgst -sha256; } # What is compared is not what was sent: its time tells nothing.
for secret in $MILLRACE_CALLBACK_SECRET; do # Two while a secret is replaced.
  hex=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  while [ ${#hex} -lt 128 ]; do hex=${hex}00; done
  want=v1,$({ pad 92; { pad 54; printf '%s.%s.' "$id" "$at"; cat "$body"; } | sha256; } | sha256 | openssl base64 -A)
  for given in $signatures; do [ "$(hash "$given")" = "$(hash "$want")" ] && genuine=yes; done
done
[ "${genuine:-}" = yes ] || answer '401 Unauthorized'
mkdir -p "$seen" && mkdir "$seen/$id" 2>/dev/null && { printf '%s ' "$id"; cat "$body"; echo; } >&2
answer '204 No Content'
