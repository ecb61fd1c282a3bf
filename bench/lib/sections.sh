# The sections of a report: what each measures and prints.

# What slow clients took stays with some programs: that section comes behind those whose tables weigh the same processes.
sections=(requests http2 bodies sockets events idle refused users revoked slow flood figures)

section_requests() {
  local -a names guarding
  mapfile -t names < <(present "${all_peers[@]}")
  mapfile -t guarding < <(present "${guards[@]}")
  guarded sidegate silent "${guarding[@]}"
  measure requests requests bare sidegate silent "${names[@]}"
  title 'Authenticated GET of 1 KiB' "${names[@]}"
  table requests request bare bare sidegate silent "${names[@]}"
  {
    wanted requests sidegate bare 1.00
    wanted requests sidegate silent 1.05 'what the access log costs: Sidegate ÷ access log off'
    wanted requests sidegate nginx 1.08
    wanted requests sidegate nginx-auth 0.70
    wanted requests sidegate haproxy-hs256 0.78
    wanted requests sidegate haproxy-es256 0.28
    wanted requests sidegate envoy-es256 0.45
    wanted requests sidegate caddy-auth 0.13
  } | goals
  absent "${all_peers[@]}"
}
guards=(nginx-auth haproxy-hs256 haproxy-es256 envoy-hs256 envoy-es256 caddy-auth)
all_peers=(nginx nginx-auth haproxy haproxy-hs256 haproxy-es256 envoy envoy-hs256 envoy-es256 caddy caddy-auth)

section_http2() {
  local -a names
  mapfile -t names < <(present nginx-http2)
  measure http2 requests_http2 bare-http2 sidegate "${names[@]}"
  title 'HTTP/2 in, HTTP/1.1 out' "${names[@]}"
  table http2 request bare-http2 bare-http2 sidegate "${names[@]}"
  wanted http2 sidegate nginx-http2 0.85 | goals
  absent nginx-http2
}

section_bodies() {
  local -a names
  local way
  mapfile -t names < <(present nginx haproxy)
  for way in down up; do measure "bodies_$way" "bodies_$way" bare sidegate "${names[@]}"; done
  title 'Bodies of 64 MiB' "${names[@]}"
  echo 'From the backend to the client:'
  echo
  table bodies_down body bare bare sidegate "${names[@]}"
  printf '\nFrom the client to the backend:\n\n'
  table bodies_up body bare bare sidegate "${names[@]}"
  {
    wanted bodies_down sidegate bare 1.05 'Sidegate ÷ bare hyper, down'
    wanted bodies_up sidegate bare 1.05 'Sidegate ÷ bare hyper, up'
  } | goals
  absent nginx haproxy
}

section_sockets() {
  local -a names
  mapfile -t names < <(present nginx haproxy)
  measure sockets messages bare-tunnels sidegate "${names[@]}"
  title 'WebSocket messages, there and back' "${names[@]}"
  table sockets message bare-tunnels bare-tunnels sidegate "${names[@]}"
  wanted sockets sidegate bare-tunnels 1.05 | goals
  absent nginx haproxy
}

section_events() {
  local -a names
  mapfile -t names < <(present nginx haproxy)
  measure events events bare sidegate "${names[@]}"
  title '200 event streams, an event every 10 ms on each' "${names[@]}"
  table events event bare bare sidegate "${names[@]}"
  absent nginx haproxy
}

section_refused() {
  local -a names
  mapfile -t names < <(present nginx-refuses)
  measure refused refusals sidegate "${names[@]}"
  title 'Refused: no cookie' "${names[@]}"
  table refused request "${names[0]:-sidegate}" sidegate "${names[@]}"
  wanted refused sidegate nginx-refuses 1.50 | goals
  absent nginx-refuses
}

section_users() {
  local length=1
  up online
  # Until each token has been seen: a later request finds it verified.
  until requests_of_many online $length | awk '{ exit $1 < 10000 }'; do ((length *= 2)); done
  measure users requests_of_many online-one online
  title '10,000 users online'
  table users request online-one online-one online
  wanted users online online-one 1.10 'cost of a request, 10,000 tokens in turn ÷ one' | goals
}

section_revoked() {
  measure revoked requests sidegate revoked
  title '100,000 sessions revoked'
  table revoked request sidegate sidegate revoked
  wanted revoked revoked sidegate 1.10 'cost of a request, 100,000 revoked ÷ none' | goals
}

# Sign-ins against what Argon2 allows, and p99 of the others meanwhile.
section_flood() {
  bench/isolation --profile "$profile" ${flags_of_program[@]+"${flags_of_program[@]}"} --rounds "$rounds" --seconds "$seconds" \
    >"$work/flood" || fault='the flood of sign-ins is beyond the bounds of bench/isolation'
  title 'A flood of sign-ins'
  tail -n +3 "$work/flood"
}

section_figures() {
  bench/figures "$program" >"$work/figures"
  title 'Size, memory, start'
  tail -n +3 "$work/figures"
}

# What is measured has to be authenticated forwarding: with the cookie the backend answers, without it nobody, nor with a
# token whose signature is another one, where that is looked at.
guarded() {
  local name
  for name; do
    up "$name"
    answers "$name" 200 "${cookie_of[$name]}"
    answers "$name" 401 theme=dark
    case $name in nginx* | caddy*) continue ;; esac
    # The last four characters hold more than the bits that base64 leaves open.
    answers "$name" 401 "${cookie_of[$name]%????}AAAA"
  done
}

answers() {
  local status
  status=$(curl -s -o "$work/answer" -w '%{http_code}' -H 'Accept: application/json' -H "Cookie: $3" "http://${address_of[$1]}$asked")
  [ "$status" = "$2" ] || fail "$1 answers $status where it should answer $2" "$work/answer"
}

# The head of a section: when, where and how it was measured. The rest: systems whose versions matter.
title() {
  local text=$1 peers load busy=
  shift
  peers=$(versions "$@")
  load=$(cut -d' ' -f1 /proc/loadavg)
  within "$load" 3 || busy=' **(beyond 3: something else was at work)**'
  echo "### $text"
  echo
  echo "$(date -u +%F), $commit, $machine, profile \`$profile\`$flavour, $rounds rounds of $seconds s," \
    "$connections connections, load average $load at the end$busy.${peers:+ $peers.}"
  echo
}

needs() { type -P "$1" >"$work/where" || fail "$1 is not here: $2"; }
